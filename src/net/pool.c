/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker pool: one lock, two lists, an eventfd that wakes the loop.
 */
#include "net/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/loop.h"

struct job {
    struct job *next;
    net_pool_fn *work, *done;
    void *arg;
};

struct list {
    struct job *first, **last;
    size_t n;
};

struct net_pool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct list queued, finished; /* under lock */
    bool closing;                 /* under lock */
    size_t queue_max;
    size_t pending; /* the loop's thread only */
    int wake_fd;
    struct net_event *wake;
    pthread_t *threads;
    size_t n_threads;
};

static void list_init(struct list *l) { *l = (struct list){ .last = &l->first }; }

static void list_push(struct list *l, struct job *j)
{
    j->next = NULL;
    *l->last = j;
    l->last = &j->next;
    l->n++;
}

static struct job *list_pop(struct list *l)
{
    struct job *j = l->first;
    if (j == NULL)
        return NULL;
    l->first = j->next;
    if (l->first == NULL)
        l->last = &l->first;
    l->n--;
    return j;
}

/* Plain locking cannot fail on a default mutex that is not destroyed. */
static void lock(struct net_pool *p)
{
    int r = pthread_mutex_lock(&p->lock);
    assert(r == 0);
    (void)r;
}

static void unlock(struct net_pool *p)
{
    int r = pthread_mutex_unlock(&p->lock);
    assert(r == 0);
    (void)r;
}

static void wake(struct net_pool *p)
{
    /* The counter of an eventfd cannot overflow with one per queued job. */
    uint64_t one = 1;
    ssize_t n = write(p->wake_fd, &one, sizeof one);
    (void)n;
}

static void *worker(void *arg)
{
    struct net_pool *p = arg;
    lock(p);
    for (;;) {
        while (p->queued.first == NULL && !p->closing)
            (void)pthread_cond_wait(&p->more, &p->lock);
        struct job *j = list_pop(&p->queued);
        if (j == NULL)
            break;
        unlock(p);
        j->work(j->arg);
        lock(p);
        bool sleeps = p->finished.first == NULL; /* or has been woken for the one before */
        list_push(&p->finished, j);
        if (sleeps) {
            unlock(p);
            wake(p);
            lock(p);
        }
    }
    unlock(p);
    return NULL;
}

static struct job *take_finished(struct net_pool *p)
{
    lock(p);
    struct job *all = p->finished.first;
    list_init(&p->finished);
    unlock(p);
    return all;
}

/* Only what is finished now: a done() that submits again must not starve the loop. */
static void finish(struct net_pool *p)
{
    struct job *next;
    for (struct job *j = take_finished(p); j != NULL; j = next) {
        next = j->next;
        net_pool_fn *done = j->done;
        void *arg = j->arg;
        free(j);
        p->pending--;
        done(arg);
    }
}

static void on_wake(void *arg, unsigned what)
{
    (void)what;
    struct net_pool *p = arg;
    uint64_t count;
    if (read(p->wake_fd, &count, sizeof count) == (ssize_t)sizeof count)
        finish(p);
}

static int start_threads(struct net_pool *p, size_t n_threads, struct ds_error *e)
{
    /* Signals are the loop's: workers take none. */
    sigset_t all, old;
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &old) != 0)
        return ds_fail(e, DS_ERR_SYS, "block signals for workers");
    int r = 0;
    for (; p->n_threads < n_threads && r == 0; p->n_threads += r == 0)
        r = pthread_create(&p->threads[p->n_threads], NULL, worker, p);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r != 0 ? ds_fail_errno(e, r, "start a worker thread") : DS_OK;
}

int net_pool_new(struct net_pool **ret, struct net_loop *loop, size_t n_threads, size_t queue_max,
                 struct ds_error *e)
{
    assert(n_threads > 0 && queue_max > 0);
    struct net_pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "worker pool");
    p->queue_max = queue_max;
    list_init(&p->queued);
    list_init(&p->finished);
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->more, NULL);
    p->threads = calloc(n_threads, sizeof *p->threads);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = DS_OK;
    if (p->threads == NULL || p->wake_fd < 0)
        r = ds_fail(e, DS_ERR_NOMEM, "worker pool");
    if (r == DS_OK)
        r = net_event_fd(&p->wake, loop, p->wake_fd, NET_READ, on_wake, p, e);
    if (r == DS_OK)
        r = start_threads(p, n_threads, e);
    if (r < 0) {
        net_pool_free(p);
        return r;
    }
    *ret = p;
    return DS_OK;
}

int net_pool_submit(struct net_pool *pool, net_pool_fn *work, net_pool_fn *done, void *arg,
                    struct ds_error *e)
{
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "job for the worker pool");
    *j = (struct job){ .work = work, .done = done, .arg = arg };
    lock(pool);
    bool full = pool->queued.n >= pool->queue_max || pool->closing;
    if (!full) {
        list_push(&pool->queued, j);
        pool->pending++;
    }
    unlock(pool);
    if (full) {
        free(j);
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_POOL_FULL,
                            "%zu jobs wait for a worker already", pool->queue_max);
    }
    (void)pthread_cond_signal(&pool->more); /* unlocked: the worker need not wait for us */
    return DS_OK;
}

size_t net_pool_pending(const struct net_pool *pool) { return pool->pending; }

void net_pool_free(struct net_pool *pool)
{
    if (pool == NULL)
        return;
    lock(pool);
    pool->closing = true;
    (void)pthread_cond_broadcast(&pool->more);
    unlock(pool);
    for (size_t i = 0; i < pool->n_threads; i++)
        (void)pthread_join(pool->threads[i], NULL);
    finish(pool);
    net_event_free(pool->wake);
    if (pool->wake_fd >= 0)
        (void)close(pool->wake_fd);
    (void)pthread_cond_destroy(&pool->more);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
