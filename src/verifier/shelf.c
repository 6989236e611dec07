/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of sets behind a lock; a set that is out of the table lives on until
 * its last reader lets go.
 */
#include "verifier/shelf.h"

#include <pthread.h>

#include "attest/coded.h"
#include "attest/dcap/collateral.h"
#include "base/file.h"
#include "collateral/bundle.h"
#include "crypto/hash.h"

#define FILE_MAX BUNDLE_MAX

struct shelf {
    pthread_mutex_t lock;
    struct shelf_set *sets[SHELF_SETS_MAX];
    size_t n, clock; /* counts questions */
    uint64_t generation;
};

static void set_free(struct shelf_set *x)
{
    if (x == NULL)
        return;
    ds_buf_done(&x->json);
    ds_buf_done(&x->leaf);
    free(x);
}
DS_DEFINE_AUTO(struct shelf_set, set_free);

static void drop(struct shelf_set *x)
{
    if (--x->refs == 0)
        set_free(x);
}

int shelf_new(struct shelf **ret, struct ds_error *e)
{
    struct shelf *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral at hand");
    (void)pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return DS_OK;
}

void shelf_free(struct shelf *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        drop(s->sets[i]);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static int describe_amd(struct shelf_set *x, struct ds_arena *mem, const struct ds_json_tok *root,
                        struct ds_error *e)
{
    struct collateral_snp snp;
    DS_TRY(collateral_snp_parse(&snp, mem, root, e));
    x->kind = COLLATERAL_SNP;
    memcpy(x->product, snp.product, sizeof x->product);
    ds_buf_add(&x->leaf, snp.leaf);
    return ds_buf_end(&x->leaf, e, "collateral");
}

static int describe_intel(struct shelf_set *x, struct ds_arena *mem, struct ds_span json,
                          struct ds_error *e)
{
    struct ds_dcap_collateral coll;
    DS_TRY(ds_dcap_collateral_parse(&coll, mem, json, e));
    if (coll.parts.tcb_info.len == 0)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_COLLATERAL_SET_FORMAT,
                            "collateral without TCB info");
    x->kind = strcmp(coll.tcb.id, "SGX") == 0 ? COLLATERAL_SGX : COLLATERAL_TDX;
    memcpy(x->fmspc6, coll.tcb.fmspc6, sizeof x->fmspc6);
    x->issue_s = coll.tcb.issue_s;
    return DS_OK;
}

/* What a set is for: read from it, unverified. */
static int describe(struct shelf_set *x, struct ds_span json, struct ds_error *e)
{
    const struct ds_json_tok *root;
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(COLLATERAL_CHECK_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read collateral");
    struct ds_arena mem = ds_arena_of(room, COLLATERAL_CHECK_MEM);
    DS_TRY(ds_coded(ds_json_parse_in(&root, &mem, json, e), DS_CODE_COLLATERAL_SET_FORMAT, e));
    bool is_amd = collateral_is_snp(root);
    mem.used = is_amd ? mem.used : 0;
    return is_amd ? describe_amd(x, &mem, root, e) : describe_intel(x, &mem, json, e);
}

static int set_make(struct shelf_set **ret, struct ds_span json, struct ds_error *e)
{
    DS_AUTO(set_free_auto) struct shelf_set *x = calloc(1, sizeof *x);
    if (x == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral");
    x->refs = 1;
    DS_TRY(describe(x, json, e));
    DS_TRY(ds_hash(DS_SHA256, x->id32, json, e));
    ds_buf_add(&x->json, json);
    DS_TRY(ds_buf_end(&x->json, e, "collateral"));
    *ret = DS_TAKE_PTR(x);
    return DS_OK;
}

static bool is_same_platform(const struct shelf_set *a, const struct shelf_set *b)
{
    return a->kind == b->kind && memcmp(a->fmspc6, b->fmspc6, sizeof a->fmspc6) == 0 &&
           strcmp(a->product, b->product) == 0 &&
           ds_span_eq(ds_buf_span(&a->leaf), ds_buf_span(&b->leaf));
}

static size_t find_place(const struct shelf *s, const struct shelf_set *x)
{
    size_t oldest = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (is_same_platform(s->sets[i], x))
            return i;
        if (s->sets[i]->used < s->sets[oldest]->used)
            oldest = i;
    }
    return s->n < SHELF_SETS_MAX ? s->n : oldest;
}

static void put(struct shelf *s, struct shelf_set *x)
{
    (void)pthread_mutex_lock(&s->lock);
    size_t at = find_place(s, x);
    struct shelf_set *old = at < s->n ? s->sets[at] : NULL;
    if (old != NULL && is_same_platform(old, x) && old->issue_s > x->issue_s)
        old = x; /* which nobody has seen yet */
    else
        s->sets[at] = x;
    if (old == NULL)
        s->n++;
    else
        drop(old);
    s->generation++;
    (void)pthread_mutex_unlock(&s->lock);
}

static int add_set(struct shelf *s, struct ds_span json, struct ds_error *e)
{
    struct shelf_set *x = NULL;
    DS_TRY(set_make(&x, json, e));
    put(s, x);
    return DS_OK;
}

/* Who packed a bundle is nobody's business here: each set is verified with the evidence. */
static int add_bundle(struct shelf *s, struct ds_span file, struct ds_error *e)
{
    struct bundle b;
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(BUNDLE_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read a bundle");
    struct ds_arena mem = ds_arena_of(room, BUNDLE_MEM);
    DS_TRY(bundle_parse(&b, &mem, file, NULL, e));
    for (size_t i = 0; i < b.n_sets; i++)
        DS_TRY(add_set(s, b.sets[i], e));
    return DS_OK;
}

int shelf_add(struct shelf *s, struct ds_span file, struct ds_error *e)
{
    return bundle_is(file) ? add_bundle(s, file, e) : add_set(s, file, e);
}

int shelf_add_file(struct shelf *s, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    DS_TRY(ds_file_load(&file, path, FILE_MAX, e));
    int r = shelf_add(s, ds_buf_span(&file), e);
    return r < 0 ? ds_wrap(e, r, "collateral '%s'", path) : DS_OK;
}

static bool fits(const struct shelf_set *x, const struct shelf_want *want)
{
    if (x->kind != want->kind)
        return false;
    if (x->kind != COLLATERAL_SNP)
        return memcmp(x->fmspc6, want->fmspc6, sizeof x->fmspc6) == 0;
    return strcmp(x->product, want->product) == 0 &&
           (want->chip == NULL || kds_leaf_fits(want->chip, ds_buf_span(&x->leaf)));
}

struct shelf_set *shelf_find(struct shelf *s, const struct shelf_want *want)
{
    struct shelf_set *found = NULL;
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; found == NULL && i < s->n; i++)
        if (fits(s->sets[i], want))
            found = s->sets[i];
    if (found != NULL) {
        found->refs++;
        found->used = ++s->clock;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

void shelf_unref(struct shelf *s, struct shelf_set *set)
{
    if (set == NULL)
        return;
    (void)pthread_mutex_lock(&s->lock);
    drop(set);
    (void)pthread_mutex_unlock(&s->lock);
}

uint64_t shelf_generation(struct shelf *s)
{
    (void)pthread_mutex_lock(&s->lock);
    uint64_t n = s->generation;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}
