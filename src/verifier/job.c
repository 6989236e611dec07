/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns and rooms. A room is used again, so that its pages stay; there are twice
 * as many as threads, so that none of these waits for the loop.
 */
#include "verifier/job.h"

#include <stdlib.h>

#include "verifier/clock.h"
#include "verifier/obtain.h"

#define LOOK_US INT64_C(10000)

struct room {
    struct room *next;
    uint8_t *p;
    size_t len;
};

static size_t room_len(const struct verifier *v)
{
    return VERIFIER_MEM + 2 * (size_t)v->cfg.body_max + sizeof(struct verifier_finding);
}

static void room_free(struct room *r)
{
    free(r->p);
    free(r);
}

static int room_add(struct verifier *v, struct ds_error *e)
{
    struct room *r = calloc(1, sizeof *r);
    if (r == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "room for a verification");
    r->len = room_len(v);
    r->p = malloc(r->len);
    if (r->p == NULL) {
        free(r);
        return ds_fail(e, DS_ERR_NOMEM, "room for a verification");
    }
    r->next = v->jobs.free_rooms;
    v->jobs.free_rooms = r;
    v->jobs.running_max++;
    return DS_OK;
}

int jobs_init(struct verifier *v, struct ds_error *e)
{
    for (size_t i = 0; i < 2 * v->cfg.threads; i++)
        DS_TRY(room_add(v, e));
    return DS_OK;
}

static void end(struct job *j, int r, const struct ds_error *e)
{
    j->v->stats.routes[j->route].n_running--;
    j->done(j, r, e);
    ds_buf_done(&j->reply);
    ds_buf_done(&j->quoted);
    free(j);
}

static void list_put(struct job_list *l, struct job *j)
{
    j->next = NULL;
    if (l->first == NULL)
        l->first = j;
    else
        l->last->next = j;
    l->last = j;
    l->n++;
}

static struct job *list_take(struct job_list *l)
{
    struct job *j = l->first;
    if (j == NULL)
        return NULL;
    l->first = j->next;
    l->n--;
    return j;
}

static int refuse_full(struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "queue",
                     "room for one more request", "none", NULL);
}

static int refuse_over(struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "wait", "a thread in time",
                     "none", NULL);
}

/* Nobody wants it any more, or nobody would still wait for it. */
static bool is_over(const struct job *j)
{
    return net_http_is_gone(j->req) ||
           verifier_now_us() - j->queued_us > (int64_t)j->v->cfg.wait_s * 1000000;
}

/* Those that come anew and those that come again in turns, so that neither keeps the other waiting. */
static struct job *next_job(struct jobs *q)
{
    q->was_again = !q->was_again;
    struct job_list *first = q->was_again ? &q->again : &q->fresh;
    return first->first != NULL ? list_take(first)
                                : list_take(q->was_again ? &q->fresh : &q->again);
}

void jobs_done(struct verifier *v)
{
    struct jobs *q = &v->jobs;
    struct ds_error e;
    q->running_max = 0; /* whatever else comes in only waits */
    for (struct job *j = next_job(q); j != NULL; j = next_job(q))
        end(j,
            ds_refuse(&e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "verifier", "running",
                      "ending", NULL),
            &e);
    while (q->free_rooms != NULL) {
        struct room *r = q->free_rooms;
        q->free_rooms = r->next;
        room_free(r);
    }
}

static void run(void *arg)
{
    struct job *j = arg;
    j->result = j->work(j, &j->error);
}

static void start_waiting(struct verifier *v);

/* To wait for documents, as many as wait for a thread at most; false: it is to be answered now. */
static bool go_away(struct verifier *v, struct job *j)
{
    struct jobs *q = &v->jobs;
    if (net_http_is_gone(j->req))
        return false;
    if (j->lacks_documents && !j->has_asked && q->n_away >= v->cfg.queue_max) {
        j->result = refuse_full(&j->error);
        j->finding = NULL; /* it is not told */
        return false;
    }
    q->n_away++;
    if (obtain_for(v->obtain, j))
        return true;
    q->n_away--;
    return false;
}

static void on_done(void *arg)
{
    struct job *j = arg;
    struct verifier *v = j->v;
    struct room *room = j->room;
    if (!go_away(v, j))
        end(j, j->result, &j->error);
    room->next = v->jobs.free_rooms;
    v->jobs.free_rooms = room;
    v->jobs.n_running--;
    start_waiting(v);
}

static int start(struct job *j, struct ds_error *e)
{
    struct jobs *q = &j->v->jobs;
    struct room *room = q->free_rooms;
    j->room = room;
    j->mem = ds_arena_of(room->p, room->len);
    DS_TRY(net_pool_submit(j->v->pool, run, on_done, j, e));
    q->free_rooms = room->next;
    q->n_running++;
    return DS_OK;
}

static void start_waiting(struct verifier *v)
{
    struct jobs *q = &v->jobs;
    struct ds_error e;
    while (q->n_running < q->running_max) {
        struct job *j = next_job(q);
        if (j == NULL)
            return;
        int r = is_over(j) ? refuse_over(&e) : start(j, &e);
        if (r < 0)
            end(j, r, &e);
    }
}

/* Whoever left, or has waited for too long, keeps nobody else out. */
static void end_over(struct job_list *l)
{
    struct job_list kept = { .first = NULL };
    struct ds_error e;
    for (struct job *j = list_take(l); j != NULL; j = list_take(l)) {
        if (is_over(j))
            end(j, refuse_over(&e), &e);
        else
            list_put(&kept, j);
    }
    *l = kept;
}

/* Looking through a full queue is worth it once in a while, not for each that finds it full. */
static bool has_room(struct verifier *v)
{
    struct jobs *q = &v->jobs;
    int64_t now_us = verifier_now_us();
    if (q->fresh.n >= v->cfg.queue_max && now_us - q->looked_us >= LOOK_US) {
        end_over(&q->fresh);
        q->looked_us = now_us;
    }
    return q->fresh.n < v->cfg.queue_max;
}

int jobs_submit(const struct job *in, struct ds_error *e)
{
    struct verifier *v = in->v;
    if (!has_room(v))
        return refuse_full(e);
    struct job *j = malloc(sizeof *j);
    if (j == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "answer a request");
    *j = *in;
    j->queued_us = verifier_now_us();
    list_put(&v->jobs.fresh, j);
    v->stats.routes[j->route].n_running++;
    start_waiting(v);
    return DS_OK;
}

void jobs_again(struct job *j)
{
    struct jobs *q = &j->v->jobs;
    ds_buf_done(&j->reply);
    ds_buf_done(&j->quoted);
    j->reply = (struct ds_buf){ 0 };
    j->quoted = (struct ds_buf){ 0 };
    j->finding = NULL;
    j->queued_us = verifier_now_us();
    q->n_away--;
    list_put(&q->again, j);
    start_waiting(j->v);
}
