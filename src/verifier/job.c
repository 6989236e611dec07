/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns and rooms. A room is used again, so that its pages stay; there are twice
 * as many as threads, so that none of these waits for the loop.
 */
#include "verifier/job.h"

#include <stdlib.h>

#include "verifier/clock.h"
#include "verifier/obtain.h"

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
    free(j);
}

void jobs_done(struct verifier *v)
{
    struct jobs *q = &v->jobs;
    struct ds_error e;
    q->running_max = 0; /* whatever else comes in only waits */
    while (q->first != NULL) {
        struct job *j = q->first;
        q->first = j->next;
        q->n_waiting--;
        end(j,
            ds_refuse(&e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "verifier", "running",
                      "ending", NULL),
            &e);
    }
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

static void on_done(void *arg)
{
    struct job *j = arg;
    struct verifier *v = j->v;
    struct room *room = j->room;
    if (!obtain_for(v->obtain, j))
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

/* Nobody wants it any more, or nobody would still wait for it. */
static bool is_over(const struct job *j)
{
    return net_http_is_gone(j->req) ||
           verifier_now_us() - j->queued_us > (int64_t)j->v->cfg.wait_s * 1000000;
}

/* NOLINTNEXTLINE(misc-no-recursion): end() may answer the next request of a connection, which waits. */
static void start_waiting(struct verifier *v)
{
    struct jobs *q = &v->jobs;
    struct ds_error e;
    while (q->first != NULL && q->n_running < q->running_max) {
        struct job *j = q->first;
        q->first = j->next;
        q->n_waiting--;
        int r = is_over(j) ? ds_refuse(&e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "wait",
                                       "a thread in time", "none", NULL)
                           : start(j, &e);
        if (r < 0)
            end(j, r, &e);
    }
}

static void put(struct jobs *q, struct job *j)
{
    j->next = NULL;
    j->queued_us = verifier_now_us();
    if (q->first == NULL)
        q->first = j;
    else
        q->last->next = j;
    q->last = j;
    q->n_waiting++;
}

int jobs_submit(const struct job *in, struct ds_error *e)
{
    struct verifier *v = in->v;
    if (v->jobs.n_waiting >= v->cfg.queue_max)
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "queue",
                         "room for one more request", "none", NULL);
    struct job *j = malloc(sizeof *j);
    if (j == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "answer a request");
    *j = *in;
    put(&v->jobs, j);
    v->stats.routes[j->route].n_running++;
    start_waiting(v);
    return DS_OK;
}

void jobs_again(struct job *j)
{
    ds_buf_done(&j->reply);
    j->reply = (struct ds_buf){ 0 };
    j->finding = NULL;
    put(&j->v->jobs, j);
    start_waiting(j->v);
}
