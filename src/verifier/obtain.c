/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question a platform; whoever asks meanwhile waits for the same answer. What
 * the threads of the pool look at is behind the lock; the rest is the loop's.
 */
#include "verifier/obtain.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "collateral/get.h"
#include "verifier/asked.h"
#include "verifier/clock.h"
#include "verifier/job.h"

#define QUESTIONS  32 /* under way in a lane */
#define OF_ONE_MAX 8  /* of them, first asked by one source: a report needs no machine */
#define TICK_MS    1000

enum { INTEL, AMD, N_LANES };

/* AMD's service is asked one question at a time anyway (collateral/get.c): more threads would wait. */
static const struct {
    const char *service;
    size_t n_threads;
} lanes[N_LANES] = {
    [INTEL] = { "questions to Intel's service", 2 },
    [AMD] = { "questions to AMD's service", 1 },
};

struct question {
    struct obtain *o;
    struct lane *lane;
    struct question *next;
    struct collateral_ask ask;
    char key[COLLATERAL_KEY_MAX];
    uint64_t source; /* who asked it first */
    struct job *waiting;
    int r;
    struct ds_error error;
};

struct lane {
    const char *service;
    struct net_pool *pool;
    struct question *questions;
    size_t n, n_waiting;
    struct asked asked; /* under lock */
};

struct obtain {
    struct verifier *v;
    char dir[DS_PLACE_MAX + 16];
    struct ds_anchors anchors;
    struct collateral_source source;
    struct net_event *tick;
    bool is_ticking;
    atomic_bool is_ending;
    pthread_mutex_t lock;
    struct lane lanes[N_LANES];
};

static const char *text_or_null(const char *text) { return text[0] != '\0' ? text : NULL; }

static int find_dir(struct obtain *o, struct ds_error *e)
{
    char state[DS_PLACE_MAX];
    const char *given = o->v->cfg.fetch_dir;
    if (given[0] == '\0')
        DS_TRY(ds_place_state(state, e));
    if (given[0] != '\0')
        (void)snprintf(o->dir, sizeof o->dir, "%s", given);
    else
        (void)snprintf(o->dir, sizeof o->dir, "%s/collateral", state);
    return DS_OK;
}

/* How long a job waits for its documents: the answer may then still come for the next. */
static int64_t wait_s(const struct obtain *o)
{
    return (int64_t)(o->v->cfg.fetch_timeout_s + o->v->cfg.wait_s);
}

static int refuse_busy(struct ds_error *e, const struct lane *l, const char *expected,
                       const char *got)
{
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_COLLATERAL_BUSY, l->service, expected, got,
                     NULL);
}

/* Once more, as of now: what came is judged, or what did not come is told. */
static void wake(struct job *j, int r, const struct ds_error *e)
{
    j->obtained = r;
    j->obtain_error = *e;
    j->ground.now_s = ds_clock_now_s();
    jobs_again(j);
}

/* Take out of a question who waits no more, or has for too long. */
static void take_late(struct job **io_late, struct question *q, int64_t now_us, int64_t wait_us)
{
    for (struct job **at = &q->waiting; *at != NULL;) {
        struct job *j = *at;
        if (!net_http_is_gone(j->req) && now_us - j->queued_us < wait_us) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        j->next = *io_late;
        *io_late = j;
        q->lane->n_waiting--;
    }
}

static void wake_late(struct obtain *o, struct lane *l)
{
    char want[48];
    struct ds_error e = { 0 };
    struct job *late = NULL;
    int64_t now_us = verifier_now_us();
    (void)snprintf(want, sizeof want, "an answer within %lld s", (long long)wait_s(o));
    for (struct question *q = l->questions; q != NULL; q = q->next)
        take_late(&late, q, now_us, wait_s(o) * 1000000);
    int r = refuse_busy(&e, l, want, "none yet");
    while (late != NULL) {
        struct job *j = late;
        late = j->next;
        wake(j, r, &e);
    }
}

/* Without a timer they wait for the answer. */
static void tick(struct obtain *o)
{
    if (!o->is_ticking)
        o->is_ticking = net_event_after(o->tick, TICK_MS, NULL) == DS_OK;
}

static void on_tick(void *arg, unsigned what)
{
    (void)what;
    struct obtain *o = arg;
    size_t n_waiting = 0;
    o->is_ticking = false;
    for (size_t i = 0; i < N_LANES; i++) {
        wake_late(o, &o->lanes[i]);
        n_waiting += o->lanes[i].n_waiting;
    }
    if (n_waiting > 0)
        tick(o);
}

static int make_lanes(struct obtain *o, struct ds_error *e)
{
    for (size_t i = 0; i < N_LANES; i++) {
        o->lanes[i].service = lanes[i].service;
        DS_TRY(net_pool_new(&o->lanes[i].pool, o->v->loop, lanes[i].n_threads, QUESTIONS, e));
    }
    return net_event_timer(&o->tick, o->v->loop, on_tick, o, e);
}

int obtain_new(struct obtain **ret, struct verifier *v, struct ds_error *e)
{
    struct obtain *o = calloc(1, sizeof *o);
    if (o == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral service");
    o->v = v;
    (void)pthread_mutex_init(&o->lock, NULL);
    o->anchors = (struct ds_anchors){ v->ground.anchors, v->ground.n_anchors };
    int r = find_dir(o, e);
    o->source = (struct collateral_source){
        .dir = o->dir,
        .pcs_base = text_or_null(v->cfg.fetch_pcs),
        .kds_base = text_or_null(v->cfg.fetch_kds),
        .ca_file = text_or_null(v->cfg.fetch_ca_file),
        .anchors = &o->anchors,
        .limits = { .total_ms = (int64_t)v->cfg.fetch_timeout_s * 1000 },
        .offline = !v->cfg.fetch_online,
        .ends = &o->is_ending,
    };
    if (r == DS_OK)
        r = make_lanes(o, e);
    if (r < 0) {
        obtain_end(o);
        obtain_free(o);
        return r;
    }
    *ret = o;
    return DS_OK;
}

void obtain_end(struct obtain *o)
{
    if (o == NULL)
        return;
    atomic_store(&o->is_ending, true);
    for (size_t i = 0; i < N_LANES; i++) {
        net_pool_free(o->lanes[i].pool); /* each question is answered to its jobs */
        o->lanes[i].pool = NULL;
    }
    net_event_free(o->tick);
    o->tick = NULL;
}

void obtain_free(struct obtain *o)
{
    if (o == NULL)
        return;
    (void)pthread_mutex_destroy(&o->lock);
    free(o);
}

static int ask_vendor(const struct question *q, struct ds_arena *mem, struct ds_error *e)
{
    struct collateral_got got = { .is_from_cache = false };
    int r = atomic_load(&q->o->is_ending)
                ? DS_ERR_UNAVAILABLE
                : collateral_get(&got, mem, &q->o->source, &q->ask, ds_clock_now_s(), e);
    if (r == DS_OK)
        r = shelf_add(q->o->v->ground.shelf, ds_buf_span(&got.entry.set), e);
    collateral_got_done(&got);
    if (r < 0 && atomic_load(&q->o->is_ending))
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "verifier", "running",
                         "ending", NULL);
    return r;
}

static void work(void *arg)
{
    struct question *q = arg;
    uint8_t *room = malloc(COLLATERAL_GET_MEM);
    struct ds_arena mem = ds_arena_of(room, COLLATERAL_GET_MEM);
    q->r = room != NULL ? ask_vendor(q, &mem, &q->error)
                        : ds_fail(&q->error, DS_ERR_NOMEM, "ask for collateral");
    free(room);
}

static void forget(const struct question *q)
{
    struct question **at = &q->lane->questions;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    q->lane->n--;
}

static void on_answer(void *arg)
{
    struct question *q = arg;
    struct obtain *o = q->o;
    forget(q);
    (void)pthread_mutex_lock(&o->lock);
    asked_keep(&q->lane->asked, q->key, q->r, &q->error, verifier_now_us());
    (void)pthread_mutex_unlock(&o->lock);
    while (q->waiting != NULL) {
        struct job *j = q->waiting;
        q->waiting = j->next;
        q->lane->n_waiting--;
        wake(j, q->r, &q->error);
    }
    free(q);
}

static struct lane *lane_of(struct obtain *o, const struct collateral_ask *ask)
{
    return &o->lanes[ask->kind == COLLATERAL_SNP ? AMD : INTEL];
}

static struct question *question_find(const struct lane *l, const char *key)
{
    struct question *q = l->questions;
    while (q != NULL && strcmp(q->key, key) != 0)
        q = q->next;
    return q;
}

static int check_room(const struct lane *l, uint64_t source, struct ds_error *e)
{
    char want[32];
    size_t n = 0;
    for (const struct question *q = l->questions; q != NULL; q = q->next)
        n += q->source == source;
    (void)snprintf(want, sizeof want, "%d under way, %d of one source", QUESTIONS, OF_ONE_MAX);
    return l->n < QUESTIONS && n < OF_ONE_MAX ? DS_OK : refuse_busy(e, l, want, "one more");
}

static int question_start(struct question **ret, struct obtain *o, const struct job *j,
                          const char *key, struct ds_error *e)
{
    struct lane *l = lane_of(o, &j->ask);
    DS_TRY(check_room(l, j->source, e));
    struct question *q = calloc(1, sizeof *q);
    if (q == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "ask for collateral");
    q->o = o;
    q->lane = l;
    q->ask = j->ask;
    q->source = j->source;
    (void)snprintf(q->key, sizeof q->key, "%s", key);
    int r = net_pool_submit(l->pool, work, on_answer, q, e);
    if (r < 0) {
        free(q);
        return r;
    }
    q->next = l->questions;
    l->questions = q;
    l->n++;
    *ret = q;
    return DS_OK;
}

/* A failure that came while this job was on its way here is its answer too. */
static int recall(struct obtain *o, const struct lane *l, const char *key, struct ds_error *e)
{
    (void)pthread_mutex_lock(&o->lock);
    const struct asked_row *row = asked_find(&l->asked, key, verifier_now_us());
    int r = row != NULL ? row->r : DS_OK;
    if (r < 0)
        *e = row->error;
    (void)pthread_mutex_unlock(&o->lock);
    return r;
}

static int wait_for(struct obtain *o, struct job *j, struct ds_error *e)
{
    char key[COLLATERAL_KEY_MAX];
    struct lane *l = lane_of(o, &j->ask);
    collateral_ask_key(key, &j->ask);
    DS_TRY(recall(o, l, key, e));
    /* job.c lets queue_max wait for documents; neither vendor's take all of it. */
    if (l->n_waiting >= (o->v->cfg.queue_max + 1) / 2)
        return refuse_busy(e, l, "room for one more request that waits", "none");
    struct question *q = question_find(l, key);
    if (q == NULL)
        DS_TRY(question_start(&q, o, j, key, e));
    j->queued_us = verifier_now_us();
    j->next = q->waiting;
    q->waiting = j;
    l->n_waiting++;
    tick(o);
    return DS_OK;
}

bool obtain_for(struct obtain *o, struct job *j)
{
    struct ds_error e = { 0 };
    if (o == NULL || atomic_load(&o->is_ending) || !j->lacks_documents || j->has_asked)
        return false;
    j->has_asked = true;
    int r = wait_for(o, j, &e);
    if (r < 0)
        wake(j, r, &e);
    return true;
}

/* What was asked for a short while ago: its failure; or it is at hand, and does not help. */
static void look_back(struct job *j)
{
    char key[COLLATERAL_KEY_MAX];
    struct obtain *o = j->v->obtain;
    const struct lane *l = lane_of(o, &j->ask);
    collateral_ask_key(key, &j->ask);
    (void)pthread_mutex_lock(&o->lock);
    const struct asked_row *row = asked_find(&l->asked, key, verifier_now_us());
    bool has_failed = row != NULL && row->r < 0, has_come = row != NULL && row->r == DS_OK;
    if (has_failed) {
        j->obtained = row->r;
        j->obtain_error = row->error;
    }
    (void)pthread_mutex_unlock(&o->lock);
    j->has_asked = has_failed || (has_come && shelf_has(o->v->ground.shelf, &j->ask));
}

/* Where it is the documents that are missing or over, and all else held so far. */
static bool lacks(const struct verifier_finding *f)
{
    static const enum ds_code lacking[] = {
        DS_CODE_DCAP_COLLATERAL_INCOMPLETE, DS_CODE_DCAP_TCB_INFO_EXPIRED,
        DS_CODE_DCAP_QE_IDENTITY_EXPIRED,   DS_CODE_CRL_DATES,
        DS_CODE_SNP_CERTS_MISSING,          DS_CODE_SNP_CRL_MISSING,
    };
    bool any = false;
    for (size_t i = 0; i < DS_LEN(lacking); i++)
        any |= ds_verdict_has(&f->verdict, lacking[i]);
    return any && f->steps[VERIFIER_QUOTE] == VERIFIER_FAILED;
}

/* Or only whoever attests says how new they are. */
static bool is_at_their_word(const struct verifier_finding *f)
{
    return f->by == VERIFIER_BY_EVIDENCE && f->steps[VERIFIER_QUOTE] == VERIFIER_HELD;
}

void obtain_look(struct job *j, const struct verifier_input *in)
{
    const struct verifier_finding *f = j->finding;
    bool is_request = in->collateral.len > 0 && !in->is_collateral_evidence;
    j->lacks_documents = !is_request && (lacks(f) || is_at_their_word(f)) &&
                         collateral_ask_of(&j->ask, &j->mem, f->evidence.quote, NULL, NULL) ==
                             DS_OK;
    if (j->lacks_documents && !j->has_asked)
        look_back(j);
}
