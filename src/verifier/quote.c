/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel's quotes on a platform that is known or becomes so; AMD's reports behind
 * certificates from three places.
 */
#include "verifier/quote.h"

#include "attest/dcap/pck.h"
#include "attest/sgx/verify.h"
#include "attest/snp/evidence.h"
#include "attest/tdx/verify.h"
#include "codec/pem.h"
#include "crypto/hash.h"
#include "verifier/newer.h"
#include "verifier/shelf.h"
#include "verifier/warm.h"

#define SCAN_MEM ((size_t)64 << 10) /* a PCK chain, only to look at its platform */

/* A verification under way. */
struct run {
    struct ds_claims *claims;
    enum verifier_by *by;
    struct ds_arena *mem;
    const struct verifier_ground *ground;
    const struct quote_in *in;
};

/* The two differ in the body alone. */
struct intel {
    struct ds_tdx_quote tdx;
    struct ds_sgx_quote sgx;
    struct ds_dcap_quote *dcap;
    struct shelf_set *set;
    struct warm_platform *platform;
    struct warm_ground ground;
};

static int parse_intel(struct intel *q, const struct run *run, struct ds_error *e)
{
    if (run->in->tee == DS_TEE_SGX) {
        q->dcap = &q->sgx.dcap;
        return ds_sgx_quote_parse(&q->sgx, run->in->quote, e);
    }
    q->dcap = &q->tdx.dcap;
    return ds_tdx_quote_parse(&q->tdx, run->in->quote, e);
}

/* The platform that a quote names, unverified: which of the sets at hand is for it. */
static struct shelf_set *find_set(const struct intel *q, const struct run *run)
{
    struct ds_x509 leaf;
    struct dcap_pck pck;
    struct ds_span der, rest = q->dcap->cert_data;
    struct ds_arena scratch = { .p = ds_arena_get(run->mem, SCAN_MEM), .cap = SCAN_MEM };
    if (scratch.p == NULL || ds_pem_next(&der, &rest, "CERTIFICATE", &scratch, NULL) < 0 ||
        der.p == NULL || ds_x509_parse(&leaf, der, NULL) < 0 ||
        dcap_pck_parse(&pck, &leaf, NULL) < 0)
        return NULL;
    const struct shelf_want want = { .kind = run->in->tee == DS_TEE_SGX ? COLLATERAL_SGX
                                                                        : COLLATERAL_TDX,
                                     .fmspc6 = pck.fmspc6,
                                     .pck_issuer = leaf.issuer };
    return shelf_find(run->ground->shelf, &want);
}

/* The request's own documents are a choice of whoever asks, and nobody's are compared with them. */
static int take_ground(struct intel *q, const struct run *run, struct ds_error *e)
{
    const struct quote_in *in = run->in;
    q->ground = (struct warm_ground){ .tee = in->tee,
                                      .whose = VERIFIER_BY_OWN,
                                      .anchors = &run->ground->anchors,
                                      .now_s = run->ground->now_s };
    if (in->collateral.len > 0) {
        q->ground.whose = in->is_collateral_evidence ? VERIFIER_BY_EVIDENCE : VERIFIER_BY_REQUEST;
        DS_TRY(ds_hash(DS_SHA256, q->ground.set32, in->collateral, e));
    }
    if (q->ground.whose != VERIFIER_BY_REQUEST)
        q->ground.generation = shelf_generation(run->ground->shelf);
    return DS_OK;
}

/* What is at hand; all empty where that is nothing: verification names it once all else holds. */
static int read_own(struct ds_dcap_collateral *ret, struct intel *q, const struct run *run,
                    struct ds_error *e)
{
    *ret = (struct ds_dcap_collateral){ 0 };
    q->set = find_set(q, run);
    if (q->set == NULL)
        return DS_OK;
    return ds_dcap_collateral_parse(ret, run->mem, ds_buf_span(&q->set->json), e);
}

static int take_own(struct intel *q, const struct run *run, struct ds_error *e)
{
    struct ds_dcap_collateral own;
    DS_TRY(read_own(&own, q, run, e));
    q->ground.parts = own.parts;
    q->ground.by = q->set != NULL ? VERIFIER_BY_OWN : VERIFIER_BY_NONE;
    return DS_OK;
}

static int take_given(struct intel *q, const struct run *run, struct ds_error *e)
{
    struct ds_dcap_collateral given, own;
    DS_TRY(ds_dcap_collateral_parse(&given, run->mem, run->in->collateral, e));
    q->ground.parts = given.parts;
    q->ground.by = q->ground.whose;
    if (q->ground.whose == VERIFIER_BY_REQUEST)
        return DS_OK;
    /* The platform that is asked for (obtain.c) is then the one that verified. */
    if (q->dcap->cert_type == DS_DCAP_CERT_PCK_CHAIN)
        given.parts.pck_chain_pem = (struct ds_span){ 0 };
    DS_TRY(read_own(&own, q, run, e));
    q->ground.by = newer_dcap(&q->ground.parts, &own, &given, run->ground->now_s);
    return DS_OK;
}

/* With nothing kept, by documents of which one is out of date: so that they hide no bad quote. */
static int verify_stale(const struct intel *q, const struct run *run, struct ds_error *e)
{
    const struct verifier_ground *g = run->ground;
    struct ds_dcap_collateral coll;
    DS_TRY(ds_dcap_collateral_of(&coll, run->mem, &q->ground.parts, e));
    int r = run->in->tee == DS_TEE_SGX ? ds_sgx_quote_verify(run->claims, run->mem, &q->sgx, &coll,
                                                             &g->anchors, g->now_s, e)
                                       : ds_tdx_quote_verify(run->claims, run->mem, &q->tdx, &coll,
                                                             &g->anchors, g->now_s, e);
    return r < 0 ? r : DS_ERR_STALE; /* the latter never: the time is the same */
}

static int make_platform(struct intel *q, const struct run *run, struct ds_error *e)
{
    size_t used = run->mem->used;
    int r = q->ground.whose == VERIFIER_BY_OWN ? take_own(q, run, e) : take_given(q, run, e);
    if (r == DS_OK)
        r = warm_make(&q->platform, run->ground->warm, run->mem, q->dcap, &q->ground, e);
    if (r == DS_ERR_STALE)
        r = verify_stale(q, run, e);
    *run->by = q->ground.by;
    q->ground.parts = (struct ds_dcap_parts){ 0 };
    run->mem->used = used; /* what is kept was copied */
    return r;
}

static int verify_on(struct intel *q, const struct run *run, struct ds_error *e)
{
    const struct ds_dcap_platform *on = warm_platform_get(q->platform);
    struct ds_dcap_qe before = warm_qe_get(run->ground->warm, q->platform), qe = before;
    int r = run->in->tee == DS_TEE_SGX
                ? ds_sgx_quote_verify_on(run->claims, &q->sgx, on, &qe, run->ground->now_s, e)
                : ds_tdx_quote_verify_on(run->claims, &q->tdx, on, &qe, run->ground->now_s, e);
    if (memcmp(&before, &qe, sizeof qe) != 0)
        warm_qe_put(run->ground->warm, q->platform, &qe);
    return r;
}

static int verify_known(struct intel *q, const struct run *run, struct ds_error *e)
{
    struct ds_span written = q->dcap->cert_data;
    q->platform = warm_find(run->ground->warm, run->mem, q->dcap, &q->ground);
    if (q->platform != NULL &&
        !ds_dcap_platform_is_in_date(warm_platform_get(q->platform), run->ground->now_s)) {
        q->dcap->cert_data = written;
        warm_unref(run->ground->warm, q->platform);
        q->platform = NULL;
    }
    if (q->platform == NULL)
        DS_TRY(make_platform(q, run, e));
    *run->by = warm_platform_by(q->platform);
    return verify_on(q, run, e);
}

static int verify_intel(const struct run *run, struct ds_error *e)
{
    struct intel q = { .set = NULL };
    DS_TRY(parse_intel(&q, run, e));
    DS_TRY(take_ground(&q, run, e));
    int r = verify_known(&q, run, e);
    warm_unref(run->ground->warm, q.platform);
    shelf_unref(run->ground->shelf, q.set);
    return r;
}

static int read_report(struct ds_snp_evidence *ret, const struct run *run, struct ds_error *e)
{
    if (run->in->attestation != NULL)
        return ds_snp_evidence_of(ret, run->mem, run->in->attestation, e);
    *ret = (struct ds_snp_evidence){ 0 };
    DS_TRY(ds_snp_report_parse(&ret->report, run->in->quote, e));
    if (run->in->certificates.len == 0)
        return DS_OK;
    return ds_snp_certs_add(&ret->certs, run->mem, run->in->certificates, e);
}

/* Version 2 of the report does not say of which product its chip is; its certificate does. */
static enum ds_snp_product product_of(const struct ds_snp_evidence *ev)
{
    struct ds_x509 cert;
    struct snp_key_cert said;
    enum ds_snp_key key = ds_snp_report_key(&ev->report);
    enum ds_snp_product product = ds_snp_report_product(&ev->report);
    if (product != DS_SNP_PRODUCT_NONE || key == DS_SNP_KEY_NONE)
        return product;
    if (ds_x509_parse(&cert, ev->certs.der[key], NULL) < 0 ||
        snp_key_cert_parse(&said, key, &cert, NULL) < 0)
        return DS_SNP_PRODUCT_NONE;
    return said.product;
}

static void fill(struct ds_span *place, struct ds_span der)
{
    if (place->len == 0)
        *place = der;
}

/* A set being read into what evidence brought. */
struct adding {
    struct ds_snp_certs *certs;
    enum verifier_by whose;
    bool takes_leaf;
};

/* Certificates of the evidence stay; of two lists the newer decides. */
static int add_set(const struct adding *a, const struct run *run, struct ds_span json,
                   struct ds_error *e)
{
    const struct ds_json_tok *root;
    struct collateral_snp set;
    struct ds_snp_certs more = { 0 };
    bool is_evidence;
    DS_TRY(ds_json_parse_in(&root, run->mem, json, e));
    if (!collateral_is_snp(root))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_COLLATERAL_SET_FORMAT,
                            "collateral of another platform beside an SEV-SNP report");
    DS_TRY(collateral_snp_parse(&set, run->mem, root, e));
    DS_TRY(ds_snp_certs_add(&more, run->mem, set.chain, e));
    if (a->takes_leaf)
        fill(&more.der[set.is_vlek ? DS_SNP_VLEK : DS_SNP_VCEK], set.leaf);
    struct ds_span *crl = &a->certs->der[DS_SNP_CRL];
    *crl = newer_crl(&is_evidence, set.crl, *crl, run->ground->now_s);
    if (!is_evidence)
        *run->by = a->whose;
    for (size_t i = 0; i < DS_SNP_N_SLOTS; i++)
        fill(&a->certs->der[i], more.der[i]);
    return DS_OK;
}

static int add_found(const struct adding *a, const struct run *run, const struct shelf_want *want,
                     struct ds_error *e)
{
    struct shelf_set *set = shelf_find(run->ground->shelf, want);
    /* What is read from the set is copied into the arena. */
    int r = set != NULL ? add_set(a, run, ds_buf_span(&set->json), e) : DS_OK;
    shelf_unref(run->ground->shelf, set);
    return r;
}

/* The chip's certificate, unless the evidence brings it, and the newest list of its product. */
static int add_own(struct ds_snp_evidence *ev, const struct run *run, struct ds_error *e)
{
    struct kds_ask chip;
    enum ds_snp_key key = ds_snp_report_key(&ev->report);
    const char *product = ds_snp_product_text(product_of(ev));
    struct shelf_want want = {
        .kind = COLLATERAL_SNP, .product = product, .chip = &chip, .now_s = run->ground->now_s
    };
    struct adding a = { .certs = &ev->certs, .whose = VERIFIER_BY_OWN, .takes_leaf = true };
    bool has_leaf = key != DS_SNP_KEY_NONE && ev->certs.der[key].len > 0;
    if (!has_leaf && kds_ask_of_report(&chip, run->in->quote, product, NULL) == DS_OK)
        DS_TRY(add_found(&a, run, &want, e));
    want.chip = NULL;
    a.takes_leaf = false;
    return add_found(&a, run, &want, e);
}

static int add_collateral(struct ds_snp_evidence *ev, const struct run *run, struct ds_error *e)
{
    const struct quote_in *in = run->in;
    bool is_request = in->collateral.len > 0 && !in->is_collateral_evidence;
    const struct adding given = { .certs = &ev->certs,
                                  .whose = is_request ? VERIFIER_BY_REQUEST : VERIFIER_BY_EVIDENCE,
                                  .takes_leaf = true };
    if (ev->certs.der[DS_SNP_CRL].len > 0)
        *run->by = VERIFIER_BY_EVIDENCE;
    if (in->collateral.len > 0)
        DS_TRY(add_set(&given, run, in->collateral, e));
    return is_request ? DS_OK : add_own(ev, run, e);
}

static int verify_amd(const struct run *run, struct ds_error *e)
{
    struct ds_snp_evidence ev;
    struct ds_snp_platform platform;
    const struct verifier_ground *g = run->ground;
    DS_TRY(read_report(&ev, run, e));
    DS_TRY(add_collateral(&ev, run, e));
    const struct warm_snp_ground ground = { .certs = &ev.certs,
                                            .key = ds_snp_report_key(&ev.report),
                                            .flags = g->allow_no_crl ? DS_SNP_ALLOW_NO_CRL : 0,
                                            .anchors = &g->anchors,
                                            .now_s = g->now_s };
    DS_TRY(warm_snp(&platform, g->warm, &ground, e));
    return ds_snp_report_verify(run->claims, &ev.report, &platform, g->now_s, e);
}

int quote_verify(struct ds_claims *ret, enum verifier_by *ret_by, struct ds_arena *mem,
                 const struct verifier_ground *ground, const struct quote_in *in,
                 struct ds_error *e)
{
    const struct run run = { .claims = ret, .by = ret_by, .mem = mem, .ground = ground, .in = in };
    *ret_by = VERIFIER_BY_NONE;
    return in->tee == DS_TEE_SEV_SNP ? verify_amd(&run, e) : verify_intel(&run, e);
}
