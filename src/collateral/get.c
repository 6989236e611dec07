/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cache, service, check, cache. Intel's four documents are fetched side by side;
 * AMD's one after another, through a gate that all processes of this user share:
 * a lock, and a file with the time before which nobody asks.
 */
#include "collateral/get.h"

#include <errno.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "codec/pem.h"

#define GAP_MS      1000
#define STEP_MS     200                   /* between two looks at whether to end */
#define LOCK_MAX_MS ((int64_t)120 * 1000) /* as long as others may hold the gate */

void collateral_got_done(struct collateral_got *got) { collateral_entry_done(&got->entry); }

/* One of several documents that are fetched side by side. */
struct slot {
    struct net_fetch *fetch;
    struct net_fetch_reply reply;
    struct ds_error e;
    int r;
    size_t *n_left;
};

static void on_slot(void *arg, int r, struct net_fetch_reply *reply, const struct ds_error *e)
{
    struct slot *s = arg;
    s->reply = *reply;
    *reply = (struct net_fetch_reply){ 0 };
    s->r = r;
    s->fetch = NULL;
    if (e != NULL)
        s->e = *e;
    --*s->n_left;
}

static void slots_done(struct slot *slots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        net_fetch_cancel(slots[i].fetch);
        net_fetch_reply_done(&slots[i].reply);
    }
}

struct line {
    struct net_loop *loop;
    struct net_fetcher *fetcher;
    const atomic_bool *ends;
};

static void line_done(struct line *l)
{
    net_fetcher_free(l->fetcher);
    net_loop_free(l->loop);
}

static int line_open(struct line *ret, const struct collateral_source *src, struct ds_error *e)
{
    ret->ends = src->ends;
    DS_TRY(net_loop_new(&ret->loop, e));
    return net_fetcher_new(&ret->fetcher, ret->loop, src->ca_file, e);
}

/* Let what is under way go on for a moment. */
static int line_step(const struct line *l, int64_t ms, struct ds_error *e)
{
    if (l->ends != NULL && atomic_load(l->ends))
        return ds_fail(e, DS_ERR_UNAVAILABLE, "told to end while a service was asked");
    return net_loop_step(l->loop, ms < STEP_MS ? (int)ms : STEP_MS, e);
}

/* The first failure ends the wait: the others would not make a set either. */
static int wait_slots(struct slot *slots, size_t n, const size_t *n_left, const struct line *l,
                      struct ds_error *e)
{
    while (*n_left > 0) {
        DS_TRY(line_step(l, STEP_MS, e));
        for (size_t i = 0; i < n; i++)
            if (slots[i].r < 0) {
                if (e != NULL)
                    *e = slots[i].e;
                return slots[i].r;
            }
    }
    return DS_OK;
}

static int fetch_intel(struct slot slots[static PCS_N_DOCS], size_t *n_left, const struct line *l,
                       const struct collateral_source *src, const struct pcs_ask *ask,
                       struct ds_error *e)
{
    char url[PCS_URL_MAX];
    struct net_fetch_limits limits = src->limits;
    limits.body_max = PCS_BODY_MAX;
    for (enum pcs_doc doc = PCS_TCB_INFO; doc < PCS_N_DOCS; doc++) {
        slots[doc].n_left = n_left;
        DS_TRY(pcs_url(url, ask, doc, src->pcs_base, e));
        DS_TRY(
            net_fetch_start(&slots[doc].fetch, l->fetcher, url, &limits, on_slot, &slots[doc], e));
    }
    return wait_slots(slots, PCS_N_DOCS, n_left, l, e);
}

static struct ds_span chain_of(const struct net_fetch_reply *reply, enum pcs_doc doc)
{
    struct ds_span chain = { 0 };
    for (int older = 0; older < 2 && chain.p == NULL; older++) {
        const char *name = pcs_chain_header(doc, older != 0);
        if (name != NULL)
            chain = net_fetch_header(reply, name);
    }
    return chain;
}

static int get_intel(struct ds_buf *ret, struct ds_arena *mem, const struct line *l,
                     const struct collateral_source *src, const struct pcs_ask *ask,
                     struct ds_error *e)
{
    struct slot slots[PCS_N_DOCS] = { 0 };
    size_t n_left = PCS_N_DOCS;
    struct pcs_reply replies[PCS_N_DOCS];
    int r = fetch_intel(slots, &n_left, l, src, ask, e);
    for (enum pcs_doc doc = PCS_TCB_INFO; doc < PCS_N_DOCS; doc++)
        replies[doc] = (struct pcs_reply){ .body = ds_buf_span(&slots[doc].reply.body),
                                           .chain = chain_of(&slots[doc].reply, doc) };
    if (r == DS_OK)
        r = pcs_set_make(ret, mem, replies, e);
    slots_done(slots, PCS_N_DOCS);
    return r;
}

/* The gate: locked while one asks; `path` holds the time for the next. */
struct gate {
    int fd;
    char *path;
};

static void gate_done(struct gate *g)
{
    ds_auto_close(&g->fd);
    free(g->path);
}

static int pause_for(const struct line *l, int64_t ms, struct ds_error *e)
{
    int64_t until_ms = ds_clock_mono_ms() + ms;
    for (int64_t left = ms; left > 0; left = until_ms - ds_clock_mono_ms())
        DS_TRY(line_step(l, left, e));
    return DS_OK;
}

static int64_t wall_ms(void) { return ds_clock_now_s() * 1000; }

static int gate_lock(struct gate *ret, const char *dir, const struct line *l, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *lock = ds_str_fmt("%s/kds.lock", dir);
    int64_t until_ms = ds_clock_mono_ms() + LOCK_MAX_MS;
    ret->path = ds_str_fmt("%s/kds.next", dir);
    if (lock == NULL || ret->path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral cache");
    DS_TRY(ds_dir_make(dir, 0700, e));
    for (;;) {
        int r = ds_file_lock(&ret->fd, lock, e);
        if (r != DS_ERR_EXISTS)
            return r;
        if (ds_clock_mono_ms() > until_ms)
            return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_COLLATERAL_THROTTLED,
                                "other processes have been asking AMD's service for %lld s",
                                (long long)(LOCK_MAX_MS / 1000));
        DS_TRY(pause_for(l, 100, e));
    }
}

/* Unreadable means that nobody has asked yet. */
static int64_t gate_next_ms(const struct gate *g)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    uint64_t ms;
    if (ds_file_load(&text, g->path, 32, NULL) < 0 ||
        ds_str_u64(&ms, ds_buf_span(&text), INT64_MAX, NULL) < 0)
        return 0;
    return (int64_t)ms;
}

static int gate_set(const struct gate *g, int64_t next_ms, struct ds_error *e)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)next_ms);
    return ds_file_save(g->path, DS_SPAN(text, n), 0600, "collateral.kds_next", e);
}

static int gate_wait(const struct gate *g, const struct line *l, int64_t wait_max_ms,
                     struct ds_error *e)
{
    int64_t ms = kds_gate_wait_ms(gate_next_ms(g), wall_ms());
    if (ms > wait_max_ms)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_COLLATERAL_THROTTLED,
                            "AMD's service is not to be asked for another %lld s",
                            (long long)(ms / 1000 + 1));
    return pause_for(l, ms, e);
}

/* *ret is the caller's also after a failure: a busy service says there for how long. */
static int fetch_one(struct net_fetch_reply *ret, const struct line *l, const char *url,
                     const struct net_fetch_limits *limits, struct ds_error *e)
{
    size_t n_left = 1;
    struct slot slot = { .n_left = &n_left };
    int r = net_fetch_start(&slot.fetch, l->fetcher, url, limits, on_slot, &slot, e);
    if (r == DS_OK)
        r = wait_slots(&slot, 1, &n_left, l, e);
    *ret = DS_TAKE(slot.reply, (struct net_fetch_reply){ 0 });
    slots_done(&slot, 1);
    return r;
}

static int fetch_gated(struct net_fetch_reply *ret, const struct gate *g, const struct line *l,
                       const struct collateral_source *src, const char *url, struct ds_error *e)
{
    int64_t gap_ms = src->kds_gap_ms != 0 ? src->kds_gap_ms : GAP_MS;
    int64_t wait_max_ms = src->limits.wait_max_ms != 0 ? src->limits.wait_max_ms : 30000;
    DS_TRY(gate_wait(g, l, wait_max_ms, e));
    int r = fetch_one(ret, l, url, &src->limits, e);
    int64_t asked_ms = ret->retry_after_s * 1000;
    int saved = gate_set(g, wall_ms() + (asked_ms > gap_ms ? asked_ms : gap_ms), r < 0 ? NULL : e);
    return r < 0 ? r : saved;
}

static int take_vlek(struct ds_span *ret, struct ds_arena *mem, struct ds_span given,
                     struct ds_error *e)
{
    *ret = given;
    if (given.len == 0)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_COLLATERAL_QUOTE,
                            "the report is signed with a VLEK, which its cloud hands out");
    if (given.p[0] == '-')
        return ds_pem_next(ret, &given, "CERTIFICATE", mem, e);
    return DS_OK;
}

static int fetch_amd(struct net_fetch_reply replies[static KDS_N_DOCS], const struct gate *g,
                     const struct line *l, const struct collateral_source *src,
                     const struct kds_ask *ask, struct ds_error *e)
{
    char url[KDS_URL_MAX];
    for (enum kds_doc doc = ask->is_vlek ? KDS_CHAIN : KDS_LEAF; doc < KDS_N_DOCS; doc++) {
        DS_TRY(kds_url(url, ask, doc, src->kds_base, e));
        DS_TRY(fetch_gated(&replies[doc], g, l, src, url, e));
    }
    return DS_OK;
}

static int get_amd(struct ds_buf *ret, struct ds_arena *mem, const struct line *l,
                   const struct collateral_source *src, const struct kds_ask *ask,
                   struct ds_error *e)
{
    DS_AUTO(gate_done) struct gate g = { .fd = -1 };
    struct net_fetch_reply replies[KDS_N_DOCS] = { 0 };
    struct ds_span bodies[KDS_N_DOCS] = { 0 };
    if (ask->is_vlek)
        DS_TRY(take_vlek(&bodies[KDS_LEAF], mem, src->vlek, e));
    DS_TRY(gate_lock(&g, src->dir, l, e));
    int r = fetch_amd(replies, &g, l, src, ask, e);
    for (enum kds_doc doc = KDS_LEAF; doc < KDS_N_DOCS; doc++)
        if (doc != KDS_LEAF || !ask->is_vlek)
            bodies[doc] = ds_buf_span(&replies[doc].body);
    if (r == DS_OK)
        r = kds_set_make(ret, mem, ask, bodies, e);
    for (enum kds_doc doc = KDS_LEAF; doc < KDS_N_DOCS; doc++)
        net_fetch_reply_done(&replies[doc]);
    return r;
}

/* The time goes on while a service is asked. Of either time a part of a second is cut off. */
static int64_t time_at(const struct collateral_facts *f, int64_t now_s, int64_t began_ms)
{
    int64_t at_s = now_s + (ds_clock_mono_ms() - began_ms) / 1000, from_s = collateral_from_s(f);
    return at_s < from_s && from_s - at_s <= 2 ? from_s : at_s;
}

/* A set from the service, checked. */
static int get_fresh(struct collateral_entry *ret, struct ds_arena *mem,
                     const struct collateral_source *src, const struct collateral_ask *ask,
                     int64_t now_s, struct ds_error *e)
{
    DS_AUTO(line_done) struct line l = { 0 };
    DS_AUTO(collateral_entry_done) struct collateral_entry entry = { .written_s = now_s };
    int64_t began_ms = ds_clock_mono_ms();
    DS_TRY(line_open(&l, src, e));
    if (ask->kind == COLLATERAL_SNP)
        DS_TRY(get_amd(&entry.set, mem, &l, src, &ask->kds, e));
    else
        DS_TRY(get_intel(&entry.set, mem, &l, src, &ask->pcs, e));
    DS_TRY(collateral_check(&entry.facts, mem, ds_buf_span(&entry.set), src->anchors, e));
    if (!collateral_ask_fits(ask, &entry.facts))
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_COLLATERAL_REPLY, "platform",
                         "the platform that was asked for", "another", NULL);
    DS_TRY(collateral_check_dates(&entry.facts, time_at(&entry.facts, now_s, began_ms), e));
    *ret = DS_TAKE(entry, (struct collateral_entry){ 0 });
    return DS_OK;
}

/* What is held, if it can be used; else ret stays empty and says why. */
static bool look(struct collateral_got *ret, struct ds_arena *mem,
                 const struct collateral_source *src, const struct collateral_ask *ask)
{
    int r = collateral_cache_load(&ret->entry, mem, src->dir, ask, src->anchors, &ret->damage);
    ret->is_cache_damaged = r < 0 && r != DS_ERR_NOTFOUND;
    ret->is_from_cache = r == DS_OK;
    return r == DS_OK;
}

static int keep(struct collateral_got *ret, struct collateral_entry *fresh,
                const struct collateral_source *src, const struct collateral_ask *ask)
{
    /* A caching service behind the times: what is held, and still holds, lasts longer. */
    bool is_older = ret->is_from_cache &&
                    collateral_until_s(&fresh->facts) < collateral_until_s(&ret->entry.facts);
    if (is_older) {
        collateral_entry_done(fresh);
        return DS_OK;
    }
    collateral_entry_done(&ret->entry);
    ret->entry = *fresh;
    ret->is_from_cache = false;
    int r = collateral_cache_save(src->dir, ask, ds_buf_span(&ret->entry.set), &ret->why);
    ret->is_save_failed = r < 0;
    return DS_OK;
}

static int ask_nobody(const struct collateral_got *held, enum collateral_age age, int64_t now_s,
                      struct ds_error *e)
{
    if (!held->is_from_cache)
        return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_COLLATERAL_NO_SET,
                            "nothing is held for this platform, and nobody may be asked");
    if (age == COLLATERAL_ENDED || age == COLLATERAL_EARLY)
        return collateral_check_dates(&held->entry.facts, now_s, e);
    return DS_OK;
}

int collateral_get(struct collateral_got *ret, struct ds_arena *mem,
                   const struct collateral_source *src, const struct collateral_ask *ask,
                   int64_t now_s, struct ds_error *e)
{
    struct collateral_entry fresh = { 0 };
    enum collateral_age age = COLLATERAL_ENDED;
    if (look(ret, mem, src, ask))
        age = collateral_age_of(&ret->entry.facts, ret->entry.written_s, now_s);
    if (src->offline)
        return ask_nobody(ret, age, now_s, e);
    if (age == COLLATERAL_FRESH && !src->refresh)
        return DS_OK;
    bool holds = age == COLLATERAL_FRESH || age == COLLATERAL_DUE;
    int r = get_fresh(&fresh, mem, src, ask, now_s, holds ? &ret->why : e);
    if (r < 0) {
        ret->is_renewal_failed = holds;
        return holds ? DS_OK : r;
    }
    ret->is_from_cache = ret->is_from_cache && holds;
    return keep(ret, &fresh, src, ask);
}
