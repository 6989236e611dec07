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
#include "verifier/shelf.h"
#include "verifier/warm.h"

#define SCAN_MEM ((size_t)64 << 10) /* a PCK chain, only to look at its platform */

/* A verification under way. */
struct run {
    struct ds_claims *claims;
    struct ds_arena *mem;
    const struct verifier_ground *ground;
    const struct quote_in *in;
};

/* The two differ in the body alone. */
struct intel {
    struct ds_tdx_quote tdx;
    struct ds_sgx_quote sgx;
    const struct ds_dcap_quote *dcap;
    struct shelf_set *set;
    struct warm_platform *platform;
    uint8_t set32[32];
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

static int take_ground(struct intel *q, const struct run *run, struct ds_error *e)
{
    q->ground = (struct warm_ground){ .tee = run->in->tee,
                                      .set = run->in->collateral,
                                      .generation = shelf_generation(run->ground->shelf),
                                      .anchors = &run->ground->anchors,
                                      .now_s = run->ground->now_s };
    if (run->in->collateral.len == 0)
        return DS_OK;
    q->ground.set32 = q->set32;
    return ds_hash(DS_SHA256, q->set32, run->in->collateral, e);
}

/* Where nothing is at hand, verification names what is missing once all else holds. */
static int make_platform(struct intel *q, const struct run *run, struct ds_error *e)
{
    if (run->in->collateral.len == 0) {
        q->set = find_set(q, run);
        q->ground.set = q->set != NULL ? ds_buf_span(&q->set->json) : DS_SPAN_LIT("{}");
    }
    return warm_make(&q->platform, run->ground->warm, run->mem, q->dcap, &q->ground, e);
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
    q->platform = warm_find(run->ground->warm, q->dcap, &q->ground);
    if (q->platform != NULL) {
        int r = verify_on(q, run, e);
        if (r == DS_OK || e->code != DS_CODE_DCAP_PLATFORM_STALE)
            return r;
        warm_unref(run->ground->warm, q->platform);
        q->platform = NULL;
    }
    DS_TRY(make_platform(q, run, e));
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

static struct shelf_set *find_amd_set(const struct ds_snp_evidence *ev, const struct run *run)
{
    struct kds_ask chip;
    enum ds_snp_key key = ds_snp_report_key(&ev->report);
    const char *product = ds_snp_product_text(product_of(ev));
    struct shelf_want want = { .kind = COLLATERAL_SNP, .product = product };
    bool has_leaf = key != DS_SNP_KEY_NONE && ev->certs.der[key].len > 0;
    /* With its own certificate at hand only its issuers and their list are looked for. */
    if (!has_leaf) {
        if (kds_ask_of_report(&chip, run->in->quote, product, NULL) < 0)
            return NULL;
        want.chip = &chip;
    }
    return shelf_find(run->ground->shelf, &want);
}

static void fill(struct ds_span *place, struct ds_span der)
{
    if (place->len == 0)
        *place = der;
}

/* What the evidence brings goes before what a set has. */
static int add_set(struct ds_snp_certs *certs, struct ds_arena *mem, struct ds_span json,
                   struct ds_error *e)
{
    const struct ds_json_tok *root;
    struct collateral_snp set;
    struct ds_snp_certs more = { 0 };
    DS_TRY(ds_json_parse_in(&root, mem, json, e));
    if (!collateral_is_snp(root))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_COLLATERAL_SET_FORMAT,
                            "collateral of another platform beside an SEV-SNP report");
    DS_TRY(collateral_snp_parse(&set, mem, root, e));
    DS_TRY(ds_snp_certs_add(&more, mem, set.chain, e));
    fill(&more.der[set.is_vlek ? DS_SNP_VLEK : DS_SNP_VCEK], set.leaf);
    fill(&more.der[DS_SNP_CRL], set.crl);
    for (size_t i = 0; i < DS_SNP_N_SLOTS; i++)
        fill(&certs->der[i], more.der[i]);
    return DS_OK;
}

static int add_collateral(struct ds_snp_evidence *ev, const struct run *run, struct ds_error *e)
{
    if (run->in->collateral.len > 0)
        return add_set(&ev->certs, run->mem, run->in->collateral, e);
    struct shelf_set *set = find_amd_set(ev, run);
    /* What is read from the set is copied into the arena. */
    int r = set != NULL ? add_set(&ev->certs, run->mem, ds_buf_span(&set->json), e) : DS_OK;
    shelf_unref(run->ground->shelf, set);
    return r;
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

int quote_verify(struct ds_claims *ret, struct ds_arena *mem, const struct verifier_ground *ground,
                 const struct quote_in *in, struct ds_error *e)
{
    const struct run run = { .claims = ret, .mem = mem, .ground = ground, .in = in };
    return in->tee == DS_TEE_SEV_SNP ? verify_amd(&run, e) : verify_intel(&run, e);
}
