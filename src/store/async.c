/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store operations on the pool: inputs are copied into a job, the plain call
 * runs on a thread, the answer is given on the loop.
 *
 * The pool has several threads, so order is kept here: jobs queue, and one at a
 * time is with the pool.
 */
#include <assert.h>
#include <stdlib.h>

#include "net/pool.h"
#include "store/store_private.h"

#define QUEUE_MAX 1024u

struct store_job {
    struct store_job *next;
    struct store *store;
    void (*run)(struct store_job *j);    /* on a thread */
    void (*answer)(struct store_job *j); /* on the loop */

    char *key, *after, *point; /* key or prefix */
    size_t limit;
    struct store_op *ops;
    size_t n_ops;

    int status;
    struct ds_error e;
    bool done;
    uint64_t version;
    struct ds_buf value;
    struct store_entry *entries;
    size_t n_entries, cap_entries;

    union {
        store_get_done_fn *get;
        store_apply_done_fn *apply;
        store_range_done_fn *range;
    } fn;
    void *arg;
};

/* Entries and ops own their keys and values, though their types only borrow. */
static void free_const(const void *p)
{
    union {
        const void *in;
        void *out;
    } u = { .in = p };
    free(u.out);
}

static void free_job(struct store_job *j)
{
    for (size_t i = 0; i < j->n_ops; i++) {
        free_const(j->ops[i].key);
        free_const(j->ops[i].value.p);
    }
    for (size_t i = 0; i < j->n_entries; i++) {
        free_const(j->entries[i].key);
        free_const(j->entries[i].value.p);
    }
    free(j->ops);
    free(j->entries);
    ds_buf_done(&j->value);
    free(j->key);
    free(j->after);
    free(j->point);
    free(j);
}

static void free_job_auto(struct store_job **j)
{
    if (*j != NULL)
        free_job(*j);
}

static const struct ds_error *error_of(const struct store_job *j)
{
    return j->status < 0 ? &j->e : NULL;
}

static void work(void *arg)
{
    struct store_job *j = arg;
    j->run(j);
}

static void finished(void *arg);

/* A job stays first while it is answered, so that what its answer submits queues behind the rest. */
static void answer_first(struct store *s)
{
    struct store_job *j = s->first;
    j->answer(j);
    s->first = j->next;
    s->n_jobs--;
    free_job(j);
}

/* Give the first job to the pool; where that is full or closing, do it here rather than lose it. */
static void start_first(struct store *s)
{
    while (s->first != NULL && net_pool_submit(s->pool, work, finished, s->first, NULL) < 0) {
        s->first->run(s->first);
        answer_first(s);
    }
}

static void finished(void *arg)
{
    struct store *s = ((struct store_job *)arg)->store;
    answer_first(s);
    start_first(s);
}

/* Takes the job on success. */
static int submit(struct store_job *j, struct ds_error *e)
{
    struct store *s = j->store;
    assert(s->pool != NULL);
    if (s->n_jobs >= QUEUE_MAX)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_POOL_FULL,
                            "%zu store operations wait already", s->n_jobs);
    bool idle = s->first == NULL;
    if (idle)
        DS_TRY(net_pool_submit(s->pool, work, finished, j, e));
    if (idle)
        s->first = j;
    else
        s->last->next = j;
    s->last = j;
    s->n_jobs++;
    return DS_OK;
}

static int no_memory(struct ds_error *e) { return ds_fail(e, DS_ERR_NOMEM, "store operation"); }

static int new_job(struct store_job **ret, struct store *s, void (*run)(struct store_job *),
                   void (*answer)(struct store_job *), void *arg, struct ds_error *e)
{
    struct store_job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return no_memory(e);
    *j = (struct store_job){ .store = s, .run = run, .answer = answer, .arg = arg };
    *ret = j;
    return DS_OK;
}

static int dup_bytes(struct ds_span *ret, struct ds_span s, struct ds_error *e)
{
    uint8_t *p = malloc(s.len + 1);
    if (p == NULL)
        return no_memory(e);
    if (s.len > 0)
        memcpy(p, s.p, s.len);
    *ret = DS_SPAN(p, s.len);
    return DS_OK;
}

static int dup_text(char **ret, const char *text, struct ds_error *e)
{
    *ret = strdup(text);
    return *ret != NULL ? DS_OK : no_memory(e);
}

static void run_get(struct store_job *j)
{
    j->status = store_get(j->store, j->key, &j->value, &j->version, &j->e);
}

static void answer_get(struct store_job *j)
{
    struct store_entry entry = { j->key, ds_buf_span(&j->value), j->version };
    bool there = j->status == DS_OK && j->version != 0;
    j->fn.get(j->arg, j->status, there ? &entry : NULL, error_of(j));
}

int store_get_async(struct store *s, const char *key, store_get_done_fn *fn, void *arg,
                    struct ds_error *e)
{
    DS_TRY(store_check_key(key, e));
    DS_AUTO(free_job_auto) struct store_job *j = NULL;
    DS_TRY(new_job(&j, s, run_get, answer_get, arg, e));
    j->fn.get = fn;
    DS_TRY(dup_text(&j->key, key, e));
    DS_TRY(submit(j, e));
    j = NULL;
    return DS_OK;
}

static void run_apply(struct store_job *j)
{
    j->status = store_apply(j->store, j->ops, j->n_ops, j->point, &j->done, &j->e);
}

static void answer_apply(struct store_job *j)
{
    j->fn.apply(j->arg, j->status, j->done, error_of(j));
}

static int copy_ops(struct store_job *j, const struct store_op *ops, size_t n, struct ds_error *e)
{
    j->ops = calloc(n + 1, sizeof *j->ops);
    if (j->ops == NULL)
        return no_memory(e);
    for (; j->n_ops < n; j->n_ops++) {
        struct store_op copy = ops[j->n_ops];
        char *key = NULL;
        DS_TRY(dup_text(&key, copy.key, e));
        int r = dup_bytes(&copy.value, copy.value, e);
        if (r < 0) {
            free(key);
            return r;
        }
        copy.key = key;
        j->ops[j->n_ops] = copy;
    }
    return DS_OK;
}

int store_apply_async(struct store *s, const struct store_op *ops, size_t n_ops, const char *point,
                      store_apply_done_fn *fn, void *arg, struct ds_error *e)
{
    DS_TRY(store_check_ops(ops, n_ops, e));
    DS_AUTO(free_job_auto) struct store_job *j = NULL;
    DS_TRY(new_job(&j, s, run_apply, answer_apply, arg, e));
    j->fn.apply = fn;
    DS_TRY(dup_text(&j->point, point, e));
    DS_TRY(copy_ops(j, ops, n_ops, e));
    DS_TRY(submit(j, e));
    j = NULL;
    return DS_OK;
}

static int keep_entry(void *arg, const struct store_entry *entry, struct ds_error *e)
{
    struct store_job *j = arg;
    if (j->n_entries == j->cap_entries) {
        size_t cap = j->cap_entries != 0 ? 2 * j->cap_entries : 16;
        struct store_entry *more = reallocarray(j->entries, cap, sizeof *more);
        if (more == NULL)
            return no_memory(e);
        j->entries = more;
        j->cap_entries = cap;
    }
    struct store_entry copy = *entry;
    char *key = NULL;
    DS_TRY(dup_text(&key, entry->key, e));
    int r = dup_bytes(&copy.value, entry->value, e);
    if (r < 0) {
        free(key);
        return r;
    }
    copy.key = key;
    j->entries[j->n_entries++] = copy;
    return DS_OK;
}

static void run_range(struct store_job *j)
{
    j->status = store_range(j->store, j->key, j->after, j->limit, keep_entry, j, &j->e);
}

static void answer_range(struct store_job *j)
{
    j->fn.range(j->arg, j->status, j->entries, j->status == DS_OK ? j->n_entries : 0, error_of(j));
}

int store_range_async(struct store *s, const char *prefix, const char *after, size_t limit,
                      store_range_done_fn *fn, void *arg, struct ds_error *e)
{
    DS_AUTO(free_job_auto) struct store_job *j = NULL;
    DS_TRY(new_job(&j, s, run_range, answer_range, arg, e));
    j->fn.range = fn;
    j->limit = limit;
    DS_TRY(dup_text(&j->key, prefix, e));
    if (after != NULL)
        DS_TRY(dup_text(&j->after, after, e));
    DS_TRY(submit(j, e));
    j = NULL;
    return DS_OK;
}
