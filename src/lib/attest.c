/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of <dstack/attest.h>: objects in the caller's memory, what they
 * trust, and verification, at once or on a machine that is known.
 */
#include <assert.h>
#include <stdio.h>

#include "attest/eventlog/bind.h"
#include "attest/sgx/verify.h"
#include "attest/tdx/verify.h"
#include "lib/private.h"

#define TEXT_(n) #n
#define TEXT(n)  TEXT_(n)
#define VERSION                   \
    TEXT(DS_ATTEST_VERSION_MAJOR) \
    "." TEXT(DS_ATTEST_VERSION_MINOR) "." TEXT(DS_ATTEST_VERSION_PATCH)

/* What the caller passed beside the evidence. */
struct documents {
    const struct ds_attest_bytes *list;
    size_t n;
};

const char *ds_attest_version(void) { return VERSION; }

static struct ds_span span_of(struct ds_attest_bytes b) { return DS_SPAN(b.p, b.len); }

/* The memory of an object; all of it is left as it is. */
static struct ds_arena room(void *mem, size_t mem_len, size_t needed)
{
    bool is_fit = mem_len >= needed && (uintptr_t)mem % _Alignof(max_align_t) == 0;
    return ds_arena_of(is_fit ? mem : NULL, mem_len);
}

/* Room for an object, its claims or platform, and the gaps of alignment. */
static size_t size_with(size_t object_len, size_t arena_len)
{
    return object_len + arena_len + ((size_t)16 << 10);
}

size_t ds_attest_size(void) { return size_with(sizeof(struct ds_attest), LIB_MEM); }

size_t ds_attest_machine_size(void)
{
    return size_with(sizeof(struct ds_attest_machine), LIB_MACHINE_MEM);
}

struct ds_attest *ds_attest_init(void *mem, size_t mem_len)
{
    struct ds_arena all = room(mem, mem_len, ds_attest_size());
    struct ds_attest *a = ds_arena_get(&all, sizeof *a);
    if (a == NULL)
        return NULL;
    a->trust.without = UINT32_MAX;
    a->claims.c = ds_claims_new_in(&all);
    a->mem = ds_arena_of(ds_arena_get(&all, 0), all.cap - all.used);
    return a;
}

/* Nothing is known: no evidence verifies on it. */
static void forget(struct ds_attest_machine *m)
{
    struct ds_arena mem = m->mem;
    mem.used = 0;
    *m = (struct ds_attest_machine){ .dcap = ds_dcap_platform_new_in(&mem) };
    m->mem = mem;
    assert(m->dcap != NULL); /* ds_attest_machine_size() counts it */
}

struct ds_attest_machine *ds_attest_machine_init(void *mem, size_t mem_len)
{
    struct ds_arena all = room(mem, mem_len, ds_attest_machine_size());
    struct ds_attest_machine *m = ds_arena_get(&all, sizeof *m);
    if (m == NULL)
        return NULL;
    m->mem = ds_arena_of(ds_arena_get(&all, 0), all.cap - all.used);
    forget(m);
    return m;
}

const char *ds_attest_hardware_root(size_t i) { return ds_anchors_name(i); }

static int trust_hardware(struct lib_trust *t, const char *name, struct ds_error *e)
{
    if (name == NULL) {
        t->without = 0;
        return DS_OK;
    }
    for (size_t i = 0; ds_anchors_name(i) != NULL; i++)
        if (strcmp(ds_anchors_name(i), name) == 0) {
            t->without &= ~((uint32_t)1 << i);
            return DS_OK;
        }
    return ds_refuse(e, DS_ERR_ARG, DS_CODE_LIB_ROOT_NAME, "root", "the name of a compiled-in root",
                     name, NULL);
}

static int trust_own(struct lib_trust *t, const char *name, const unsigned char *spki_sha256,
                     bool is_simulated, struct ds_error *e)
{
    if (t->n_roots == LIB_ROOTS_MAX)
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_LIB_ROOTS_FULL, "root", "16 at most", name, NULL);
    struct ds_extra_anchor *root = &t->roots[t->n_roots];
    if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof root->name)
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_LIB_ROOT_NAME, "name", "1 to 63 bytes",
                         name == NULL || name[0] == '\0' ? "none" : name, NULL);
    *root = (struct ds_extra_anchor){ .is_simulated = is_simulated };
    memcpy(root->spki_sha256, spki_sha256, sizeof root->spki_sha256);
    memcpy(root->name, name, strlen(name));
    t->n_roots++;
    return DS_OK;
}

int ds_attest_trust_hardware(struct ds_attest *a, const char *name)
{
    struct ds_error e = { 0 };
    return lib_finish(a, trust_hardware(&a->trust, name, &e), &e);
}

int ds_attest_trust_custom(struct ds_attest *a, const char *name,
                           const unsigned char spki_sha256[32])
{
    struct ds_error e = { 0 };
    return lib_finish(a, trust_own(&a->trust, name, spki_sha256, false, &e), &e);
}

int ds_attest_trust_simulated(struct ds_attest *a, const char *name,
                              const unsigned char spki_sha256[32])
{
    struct ds_error e = { 0 };
    return lib_finish(a, trust_own(&a->trust, name, spki_sha256, true, &e), &e);
}

void ds_attest_allow_no_crl(struct ds_attest *a) { a->trust.snp_flags |= DS_SNP_ALLOW_NO_CRL; }

static struct ds_anchors anchors_of(const struct lib_trust *t)
{
    return (struct ds_anchors){ .extra = t->roots, .n_extra = t->n_roots, .without = t->without };
}

static bool is_same_root(const struct ds_extra_anchor *a, const struct ds_extra_anchor *b)
{
    return a->is_simulated == b->is_simulated && strcmp(a->name, b->name) == 0 &&
           memcmp(a->spki_sha256, b->spki_sha256, sizeof a->spki_sha256) == 0;
}

static int check_trust(const struct lib_trust *now, const struct lib_trust *then,
                       struct ds_error *e)
{
    bool is_same = now->without == then->without && now->snp_flags == then->snp_flags &&
                   now->n_roots == then->n_roots;
    for (size_t i = 0; is_same && i < now->n_roots; i++)
        is_same = is_same_root(&now->roots[i], &then->roots[i]);
    return is_same ? DS_OK
                   : ds_refuse(e, DS_ERR_ARG, DS_CODE_LIB_OTHER_TRUST, "machine",
                               "learned by a verifier that trusts the same", "by another", NULL);
}

/* The one JSON text of Intel's collateral; without any, every part of it is missing. */
static int find_set(struct ds_span *ret, const struct documents *docs, struct ds_error *e)
{
    char got[24];
    *ret = docs->n > 0 ? span_of(docs->list[0]) : (struct ds_span){ 0 };
    (void)snprintf(got, sizeof got, "%zu", docs->n);
    if (docs->n > 1)
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_LIB_COLLATERAL_COUNT, "collateral", "one JSON text",
                         got, NULL);
    (void)snprintf(got, sizeof got, "%zu bytes", ret->len);
    if (ret->len > LIB_COLLATERAL_MAX)
        return ds_refuse(e, DS_ERR_RANGE, DS_CODE_LIB_COLLATERAL_SIZE, "collateral",
                         "at most 524288 bytes", got, NULL);
    return DS_OK;
}

static int parse_set(struct ds_dcap_collateral *ret, struct ds_arena *mem, struct ds_span set,
                     struct ds_error *e)
{
    const struct ds_dcap_parts none = { 0 };
    return set.len > 0 ? ds_dcap_collateral_parse(ret, mem, set, e)
                       : ds_dcap_collateral_of(ret, mem, &none, e);
}

static int copy(struct ds_span *io, struct ds_arena *mem, struct ds_error *e)
{
    uint8_t *p = ds_arena_get(mem, io->len);
    if (p == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a machine");
    if (io->len > 0)
        memcpy(p, io->p, io->len);
    io->p = p;
    return DS_OK;
}

/* Everything that the platform borrows is copied first. */
static int learn_dcap(struct ds_attest_machine *m, struct ds_attest *a,
                      const struct ds_dcap_quote *quote, const struct documents *docs,
                      int64_t now_s, struct ds_error *e)
{
    struct ds_span set;
    struct ds_dcap_quote kept = *quote;
    struct ds_anchors anchors = anchors_of(&a->trust);
    DS_TRY(find_set(&set, docs, e));
    DS_TRY(copy(&set, &m->mem, e));
    DS_TRY(copy(&kept.cert_data, &m->mem, e));
    DS_TRY(parse_set(&m->coll, &m->mem, set, e));
    return ds_dcap_platform_verify(m->dcap, &a->mem, &kept, &m->coll, &anchors, now_s, e);
}

static int learn_snp(struct ds_snp_platform *ret, struct ds_attest *a,
                     const struct lib_evidence *ev, const struct documents *docs, int64_t now_s,
                     struct ds_error *e)
{
    struct ds_snp_certs certs = ev->certs;
    struct ds_anchors anchors = anchors_of(&a->trust);
    for (size_t i = 0; i < docs->n; i++)
        DS_TRY(ds_snp_certs_add(&certs, &a->mem, span_of(docs->list[i]), e));
    return ds_snp_platform_verify(ret, &certs, ds_snp_report_key(&ev->snp), &anchors, now_s,
                                  a->trust.snp_flags, e);
}

static int learn(struct ds_attest_machine *m, struct ds_attest *a, struct ds_span evidence,
                 const struct documents *docs, int64_t now_s, struct ds_error *e)
{
    struct lib_evidence ev;
    DS_TRY(lib_evidence_parse(&ev, &a->mem, evidence, e));
    switch (ev.tee) {
    case DS_TEE_TDX:
        return learn_dcap(m, a, &ev.tdx.dcap, docs, now_s, e);
    case DS_TEE_SGX:
        return learn_dcap(m, a, &ev.sgx.dcap, docs, now_s, e);
    case DS_TEE_SEV_SNP:
        return learn_snp(&m->snp, a, &ev, docs, now_s, e);
    case DS_TEE_NONE:
        break;
    }
    return ds_fail(e, DS_ERR_UNSUPPORTED, "evidence of no platform");
}

int ds_attest_machine_verify(struct ds_attest *a, struct ds_attest_machine *m,
                             struct ds_attest_bytes evidence,
                             const struct ds_attest_bytes *collateral, size_t n_collateral,
                             int64_t now_s)
{
    struct ds_error e = { 0 };
    const struct documents docs = { collateral, n_collateral };
    forget(m);
    int r = learn(m, a, span_of(evidence), &docs, now_s, &e);
    if (r < 0)
        forget(m);
    m->is_known = r == DS_OK;
    m->trust = a->trust;
    return lib_finish(a, r, &e);
}

/* A log that came along must be the quote's, or nothing of the evidence counts. */
static int bind_log(struct ds_claims *c, const struct lib_evidence *ev, struct ds_error *e)
{
    if (!ev->has_log)
        return DS_OK;
    return ds_tdx_log_is_stripped(&ev->log) ? ds_claims_bind_runtime_log(c, &ev->log, e)
                                            : ds_claims_bind_log(c, &ev->log, e);
}

static int verify_on(struct ds_attest *a, struct ds_attest_machine *m,
                     const struct lib_evidence *ev, int64_t now_s, struct ds_error *e)
{
    struct ds_claims *c = a->claims.c;
    switch (ev->tee) {
    case DS_TEE_TDX:
        return ds_tdx_quote_verify_on(c, &ev->tdx, m->dcap, &m->qe, now_s, e);
    case DS_TEE_SGX:
        return ds_sgx_quote_verify_on(c, &ev->sgx, m->dcap, &m->qe, now_s, e);
    case DS_TEE_SEV_SNP:
        return ds_snp_report_verify(c, &ev->snp, &m->snp, now_s, e);
    case DS_TEE_NONE:
        break;
    }
    return ds_fail(e, DS_ERR_UNSUPPORTED, "evidence of no platform");
}

static int verify_dcap(struct ds_attest *a, const struct lib_evidence *ev,
                       const struct documents *docs, int64_t now_s, struct ds_error *e)
{
    struct ds_span set;
    struct ds_dcap_collateral coll;
    struct ds_anchors anchors = anchors_of(&a->trust);
    DS_TRY(find_set(&set, docs, e));
    DS_TRY(parse_set(&coll, &a->mem, set, e));
    return ev->tee == DS_TEE_TDX
               ? ds_tdx_quote_verify(a->claims.c, &a->mem, &ev->tdx, &coll, &anchors, now_s, e)
               : ds_sgx_quote_verify(a->claims.c, &a->mem, &ev->sgx, &coll, &anchors, now_s, e);
}

static int verify(struct ds_attest *a, struct ds_span evidence, const struct documents *docs,
                  int64_t now_s, struct ds_error *e)
{
    struct lib_evidence ev;
    struct ds_snp_platform snp;
    DS_TRY(lib_evidence_parse(&ev, &a->mem, evidence, e));
    if (ev.tee != DS_TEE_SEV_SNP) {
        DS_TRY(verify_dcap(a, &ev, docs, now_s, e));
        return bind_log(a->claims.c, &ev, e);
    }
    DS_TRY(learn_snp(&snp, a, &ev, docs, now_s, e));
    return ds_snp_report_verify(a->claims.c, &ev.snp, &snp, now_s, e);
}

static int verify_known(struct ds_attest *a, struct ds_attest_machine *m, struct ds_span evidence,
                        int64_t now_s, struct ds_error *e)
{
    struct lib_evidence ev;
    if (m->is_known)
        DS_TRY(check_trust(&a->trust, &m->trust, e));
    DS_TRY(lib_evidence_parse(&ev, &a->mem, evidence, e));
    DS_TRY(verify_on(a, m, &ev, now_s, e));
    return bind_log(a->claims.c, &ev, e);
}

/* The outcome of a verification: where it holds, there are claims, and else none, also for who kept a pointer. */
static int finish_claims(struct ds_attest *a, int r, int64_t now_s, const struct ds_error *e)
{
    int result = lib_finish(a, r, e);
    if (result != DS_ATTEST_OK)
        ds_claims_clear(a->claims.c);
    a->is_verified = result == DS_ATTEST_OK;
    a->verified_at_s = now_s;
    return result;
}

int ds_attest_verify(struct ds_attest *a, struct ds_attest_bytes evidence,
                     const struct ds_attest_bytes *collateral, size_t n_collateral, int64_t now_s)
{
    struct ds_error e = { 0 };
    const struct documents docs = { collateral, n_collateral };
    return finish_claims(a, verify(a, span_of(evidence), &docs, now_s, &e), now_s, &e);
}

int ds_attest_verify_on(struct ds_attest *a, struct ds_attest_machine *m,
                        struct ds_attest_bytes evidence, int64_t now_s)
{
    struct ds_error e = { 0 };
    return finish_claims(a, verify_known(a, m, span_of(evidence), now_s, &e), now_s, &e);
}

const struct ds_attest_claims *ds_attest_claims(const struct ds_attest *a)
{
    return a->is_verified && a->verdict.n_reasons == 0 ? &a->claims : NULL;
}
