/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question a platform; whoever asks meanwhile waits for the same answer.
 */
#include "verifier/obtain.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "collateral/get.h"
#include "verifier/clock.h"
#include "verifier/job.h"

#define THREADS      2
#define QUESTIONS    32  /* under way */
#define FAILURES_MAX 256 /* that are remembered */
#define RETRY_US     INT64_C(60000000)

struct question {
    struct obtain *o;
    struct question *next;
    struct collateral_ask ask;
    char key[COLLATERAL_KEY_MAX];
    struct job *waiting;
    int r;
    struct ds_error error;
};

struct failure {
    char key[COLLATERAL_KEY_MAX];
    int64_t at_us; /* 0: free */
    struct ds_error error;
};

struct obtain {
    struct verifier *v;
    struct net_pool *pool;
    char dir[DS_PLACE_MAX + 16];
    struct ds_anchors anchors;
    struct collateral_source source;
    struct question *questions;
    size_t n;
    atomic_bool is_ending;
    struct failure failures[FAILURES_MAX];
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

int obtain_new(struct obtain **ret, struct verifier *v, struct ds_error *e)
{
    struct obtain *o = calloc(1, sizeof *o);
    if (o == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral service");
    o->v = v;
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
    };
    if (r == DS_OK)
        r = net_pool_new(&o->pool, v->loop, THREADS, QUESTIONS, e);
    if (r < 0) {
        free(o);
        return r;
    }
    *ret = o;
    return DS_OK;
}

void obtain_free(struct obtain *o)
{
    if (o == NULL)
        return;
    atomic_store(&o->is_ending, true);
    net_pool_free(o->pool); /* each question is answered to its jobs */
    free(o);
}

static int ask_vendor(const struct question *q, struct ds_arena *mem, struct ds_error *e)
{
    if (atomic_load(&q->o->is_ending))
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "verifier", "running",
                         "ending", NULL);
    struct collateral_got got = { .is_from_cache = false };
    int r = collateral_get(&got, mem, &q->o->source, &q->ask, ds_clock_now_s(), e);
    if (r == DS_OK)
        r = shelf_add(q->o->v->ground.shelf, ds_buf_span(&got.entry.set), e);
    collateral_got_done(&got);
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

static struct failure *failure_find(struct obtain *o, const char *key, int64_t now_us)
{
    for (size_t i = 0; i < FAILURES_MAX; i++)
        if (o->failures[i].at_us != 0 && now_us - o->failures[i].at_us < RETRY_US &&
            strcmp(o->failures[i].key, key) == 0)
            return &o->failures[i];
    return NULL;
}

static void failure_keep(struct obtain *o, const struct question *q, int64_t now_us)
{
    struct failure *at = &o->failures[0];
    for (size_t i = 0; i < FAILURES_MAX; i++)
        if (o->failures[i].at_us < at->at_us)
            at = &o->failures[i];
    *at = (struct failure){ .at_us = now_us, .error = q->error };
    memcpy(at->key, q->key, sizeof at->key);
}

static void forget(struct obtain *o, const struct question *q)
{
    struct question **at = &o->questions;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    o->n--;
}

static void on_answer(void *arg)
{
    struct question *q = arg;
    struct obtain *o = q->o;
    forget(o, q);
    if (q->r < 0)
        failure_keep(o, q, verifier_now_us());
    while (q->waiting != NULL) {
        struct job *j = q->waiting;
        q->waiting = j->next;
        j->obtained = q->r;
        j->obtain_error = q->error;
        jobs_again(j);
    }
    free(q);
}

static bool question_start(struct obtain *o, struct job *j, const char *key)
{
    struct question *q = o->n < QUESTIONS ? calloc(1, sizeof *q) : NULL;
    if (q == NULL)
        return false;
    q->o = o;
    q->ask = j->ask;
    (void)snprintf(q->key, sizeof q->key, "%s", key);
    if (net_pool_submit(o->pool, work, on_answer, q, NULL) < 0) {
        free(q);
        return false;
    }
    q->waiting = j;
    j->next = NULL;
    q->next = o->questions;
    o->questions = q;
    o->n++;
    return true;
}

bool obtain_for(struct obtain *o, struct job *j)
{
    char key[COLLATERAL_KEY_MAX];
    if (o == NULL || !j->lacks_documents || j->has_asked)
        return false;
    collateral_ask_key(key, &j->ask);
    j->has_asked = true;
    if (failure_find(o, key, verifier_now_us()) != NULL)
        return false;
    for (struct question *q = o->questions; q != NULL; q = q->next)
        if (strcmp(q->key, key) == 0) {
            j->next = q->waiting;
            q->waiting = j;
            return true;
        }
    return question_start(o, j, key);
}

/* Where it is the documents that are missing or over, and all else held so far. */
void obtain_look(struct job *j, const struct verifier_input *in)
{
    static const enum ds_code lacking[] = {
        DS_CODE_DCAP_COLLATERAL_INCOMPLETE, DS_CODE_DCAP_TCB_INFO_EXPIRED,
        DS_CODE_DCAP_QE_IDENTITY_EXPIRED,   DS_CODE_CRL_DATES,
        DS_CODE_SNP_CERTS_MISSING,          DS_CODE_SNP_CRL_MISSING,
    };
    const struct ds_attestation *a = &j->finding->evidence;
    bool lacks = false;
    for (size_t i = 0; i < DS_LEN(lacking); i++)
        lacks |= ds_verdict_has(&j->finding->verdict, lacking[i]);
    j->lacks_documents = lacks && in->collateral.len == 0 &&
                         j->finding->steps[VERIFIER_QUOTE] == VERIFIER_FAILED &&
                         collateral_ask_of(&j->ask, &j->mem, a->quote, NULL, NULL) == DS_OK;
}
