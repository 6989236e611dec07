/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three rows of sets behind a lock; a set that is out of its row lives on until
 * its last reader lets go.
 */
#include "verifier/shelf.h"

#include <pthread.h>

#include "attest/coded.h"
#include "attest/dcap/collateral.h"
#include "attest/x509.h"
#include "base/file.h"
#include "collateral/bundle.h"
#include "crypto/hash.h"

#define FILE_MAX BUNDLE_MAX

enum { FILES, FETCHED_INTEL, FETCHED_AMD, N_ROWS };

struct row {
    struct shelf_set *sets[SHELF_FILES_MAX];
    size_t n, max;
};

struct shelf {
    pthread_mutex_t lock;
    struct row rows[N_ROWS];
    size_t clock; /* counts questions */
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
    for (size_t i = 0; i < N_ROWS; i++)
        s->rows[i].max = i == FILES ? SHELF_FILES_MAX : SHELF_FETCHED_MAX;
    (void)pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return DS_OK;
}

void shelf_free(struct shelf *s)
{
    if (s == NULL)
        return;
    for (size_t r = 0; r < N_ROWS; r++)
        for (size_t i = 0; i < s->rows[r].n; i++)
            drop(s->rows[r].sets[i]);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static int describe_amd(struct shelf_set *x, struct ds_arena *mem, const struct ds_json_tok *root,
                        struct ds_error *e)
{
    struct collateral_snp snp;
    struct ds_crl crl;
    DS_TRY(collateral_snp_parse(&snp, mem, root, e));
    DS_TRY(ds_coded(ds_crl_parse(&crl, snp.crl, e), DS_CODE_COLLATERAL_SET_FORMAT, e));
    x->kind = COLLATERAL_SNP;
    x->crl_from_s = crl.this_update_s;
    x->crl_until_s = crl.next_update_s;
    memcpy(x->product, snp.product, sizeof x->product);
    ds_buf_add(&x->leaf, snp.leaf);
    return ds_buf_end(&x->leaf, e, "collateral");
}

/* A list that cannot be read is left to verification, which says why. */
static int describe_crl(struct shelf_set *x, struct ds_span der, struct ds_error *e)
{
    struct ds_crl crl;
    x->has_crl = der.len > 0 && ds_crl_parse(&crl, der, NULL) == DS_OK;
    if (!x->has_crl)
        return DS_OK;
    x->crl_from_s = crl.this_update_s;
    x->crl_until_s = crl.next_update_s;
    return ds_hash(DS_SHA256, x->ca32, crl.issuer, e);
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
    x->eval_number = coll.tcb.eval_number;
    x->issue_s = coll.tcb.issue_s;
    return describe_crl(x, coll.parts.pck_crl_der, e);
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
    ds_buf_add(&x->json, json);
    DS_TRY(ds_buf_end(&x->json, e, "collateral"));
    *ret = DS_TAKE_PTR(x);
    return DS_OK;
}

static bool is_same_platform(const struct shelf_set *a, const struct shelf_set *b)
{
    return a->kind == b->kind && memcmp(a->fmspc6, b->fmspc6, sizeof a->fmspc6) == 0 &&
           a->has_crl == b->has_crl && memcmp(a->ca32, b->ca32, sizeof a->ca32) == 0 &&
           strcmp(a->product, b->product) == 0 &&
           ds_span_eq(ds_buf_span(&a->leaf), ds_buf_span(&b->leaf));
}

static int order(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* Below zero: a is the older one. Without a revocation list nothing verifies, however new. */
static int compare(const struct shelf_set *a, const struct shelf_set *b)
{
    const int by[] = { order(a->has_crl, b->has_crl), order(a->eval_number, b->eval_number),
                       order(a->issue_s, b->issue_s), order(a->crl_from_s, b->crl_from_s) };
    size_t i = 0;
    while (i + 1 < DS_LEN(by) && by[i] == 0)
        i++;
    return by[i];
}

static size_t find_place(const struct row *row, const struct shelf_set *x)
{
    size_t oldest = 0;
    for (size_t i = 0; i < row->n; i++) {
        if (is_same_platform(row->sets[i], x))
            return i;
        if (row->sets[i]->used < row->sets[oldest]->used)
            oldest = i;
    }
    return row->n < row->max ? row->n : oldest;
}

/* x says nothing that this one does not. */
static bool covers(const struct shelf_set *old, const struct shelf_set *x)
{
    int r = compare(old, x);
    return is_same_platform(old, x) &&
           (r > 0 || ds_span_eq(ds_buf_span(&old->json), ds_buf_span(&x->json)));
}

static int put_in(struct shelf *s, struct row *row, struct shelf_set *x, struct ds_error *e)
{
    size_t at = find_place(row, x);
    struct shelf_set *old = at < row->n ? row->sets[at] : NULL;
    if (old != NULL && covers(old, x)) {
        drop(x); /* which nobody has seen yet */
        return DS_OK;
    }
    if (old != NULL && row == &s->rows[FILES] && !is_same_platform(old, x)) {
        drop(x);
        return ds_fail(e, DS_ERR_RANGE, "more than %d sets in files", SHELF_FILES_MAX);
    }
    if (old == NULL)
        row->n++;
    else
        drop(old);
    row->sets[at] = x;
    x->used = ++s->clock;
    s->generation += x->kind != COLLATERAL_SNP;
    return DS_OK;
}

static int add_set(struct shelf *s, bool is_file, struct ds_span json, struct ds_error *e)
{
    struct shelf_set *x = NULL;
    DS_TRY(set_make(&x, json, e));
    size_t fetched = x->kind == COLLATERAL_SNP ? FETCHED_AMD : FETCHED_INTEL;
    (void)pthread_mutex_lock(&s->lock);
    int r = put_in(s, &s->rows[is_file ? FILES : fetched], x, e);
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

/* Who packed a bundle is nobody's business here: each set is verified with the evidence. */
static int add_bundle(struct shelf *s, bool is_file, struct ds_span file, struct ds_error *e)
{
    struct bundle b;
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(BUNDLE_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read a bundle");
    struct ds_arena mem = ds_arena_of(room, BUNDLE_MEM);
    DS_TRY(bundle_parse(&b, &mem, file, NULL, e));
    for (size_t i = 0; i < b.n_sets; i++)
        DS_TRY(add_set(s, is_file, b.sets[i], e));
    return DS_OK;
}

static int add(struct shelf *s, bool is_file, struct ds_span file, struct ds_error *e)
{
    return bundle_is(file) ? add_bundle(s, is_file, file, e) : add_set(s, is_file, file, e);
}

int shelf_add(struct shelf *s, struct ds_span file, struct ds_error *e)
{
    return add(s, false, file, e);
}

int shelf_add_file(struct shelf *s, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    DS_TRY(ds_file_load(&file, path, FILE_MAX, e));
    int r = add(s, true, ds_buf_span(&file), e);
    return r < 0 ? ds_wrap(e, r, "collateral '%s'", path) : DS_OK;
}

/* ca32: of want->pck_issuer. */
static bool fits(const struct shelf_set *x, const struct shelf_want *want, const uint8_t ca32[32])
{
    if (x->kind != want->kind)
        return false;
    if (x->kind != COLLATERAL_SNP)
        return memcmp(x->fmspc6, want->fmspc6, sizeof x->fmspc6) == 0 &&
               (want->pck_issuer.len == 0 || !x->has_crl || memcmp(x->ca32, ca32, 32) == 0);
    return strcmp(x->product, want->product) == 0 &&
           (want->chip == NULL || kds_leaf_fits(want->chip, ds_buf_span(&x->leaf)));
}

static bool is_better(const struct shelf_set *x, const struct shelf_set *than,
                      const struct shelf_want *want)
{
    int r = 0;
    if (than == NULL)
        return true;
    if (want->kind == COLLATERAL_SNP)
        r = order(x->crl_until_s >= want->now_s, than->crl_until_s >= want->now_s);
    return (r != 0 ? r : compare(x, than)) > 0;
}

static struct shelf_set *find(struct shelf *s, const struct shelf_want *want,
                              const uint8_t ca32[32])
{
    struct shelf_set *found = NULL;
    for (size_t r = 0; r < N_ROWS; r++)
        for (size_t i = 0; i < s->rows[r].n; i++) {
            struct shelf_set *x = s->rows[r].sets[i];
            if (fits(x, want, ca32) && is_better(x, found, want))
                found = x;
        }
    return found;
}

struct shelf_set *shelf_find(struct shelf *s, const struct shelf_want *want)
{
    uint8_t ca32[32] = { 0 };
    if (ds_hash(DS_SHA256, ca32, want->pck_issuer, NULL) < 0)
        return NULL;
    (void)pthread_mutex_lock(&s->lock);
    struct shelf_set *found = find(s, want, ca32);
    if (found != NULL) {
        found->refs++;
        found->used = ++s->clock;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

bool shelf_has(struct shelf *s, const struct collateral_ask *ask)
{
    const struct shelf_want want = {
        .kind = ask->kind, .fmspc6 = ask->pcs.fmspc6, .product = ask->kds.product, .chip = &ask->kds
    };
    struct shelf_set *found = shelf_find(s, &want);
    shelf_unref(s, found);
    return found != NULL;
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
