/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of an SGX quote, top to bottom in the order of Intel's Quote
 * Verification Library. The steps that TDX quotes have too are in attest/dcap;
 * attest/tdx/verify.c says how the two go together.
 */

#include "attest/sgx/verify.h"

#include "attest/coded.h"
#include "attest/dcap/private.h"
#include "attest/dcap/tcb.h"

/* 4.1.2.5.18, which is 4.1.2.5.1 (sgxEvaluateTCB): platform and quoting enclave. */
static int evaluate(struct dcap_tcb *ret, const struct dcap_run *v, struct ds_error *e)
{
    static const uint8_t zeros16[16];
    /* SGX has no components of its own beside the platform's. */
    const struct dcap_tee_svn none = { "", zeros16, sizeof zeros16 };
    struct dcap_tcb t;
    DS_TRY(dcap_tcb_platform(&t, v->docs.tcb_info, &v->platform->pck, &none, e));
    DS_TRY(dcap_tcb_qe(&t, v->docs.qe_identity, v->quote->qe_report.isvsvn, e));
    *ret = t;
    return DS_OK;
}

/* As in attest/tdx/verify.c. */
static int refuse_incomplete(const struct dcap_run *v, enum ds_tcb_status level, struct ds_error *e)
{
    const struct dcap_run all = dcap_if_signed(v);
    struct dcap_tcb tcb;
    if (dcap_check_tcb_info(&all, NULL) == DS_OK && evaluate(&tcb, &all, NULL) == DS_OK)
        return dcap_refuse_incomplete(v, dcap_level_without(&all.docs, tcb.status), e);
    return dcap_refuse_incomplete(v, dcap_level_without(&v->docs, level), e);
}

static int fill_claims(struct ds_claims *c, const struct dcap_run *v,
                       const struct ds_sgx_report *report, const struct dcap_tcb *tcb,
                       struct ds_error *e)
{
    c->tee = DS_TEE_SGX;
    c->sgx.report = *report;
    memcpy(c->report_data64, report->report_data64, 64);
    memcpy(c->sgx.fmspc6, v->platform->pck.fmspc6, 6);
    DS_TRY(dcap_fill_tcb(&c->tcb, tcb, e));
    return dcap_fill_claims(c, v, e);
}

static int verify(struct ds_claims *c, const struct dcap_run *v, const struct ds_sgx_quote *quote,
                  struct ds_dcap_qe *qe, struct ds_error *e)
{
    struct dcap_tcb tcb;
    DS_TRY(dcap_check_platform(v, e));  /* ours */
    DS_TRY(dcap_check_tcb_info(v, e));  /* 4.1.2.5.10, 11 */
    DS_TRY(dcap_check_qe(v, qe, e));    /* 4.1.2.5.13 to 16 */
    DS_TRY(dcap_check_signature(v, e)); /* 4.1.2.5.17 */
    DS_TRY(evaluate(&tcb, v, e));       /* 4.1.2.5.18 */
    DS_TRY(dcap_check_padding(v, e));   /* ours */
    if (!dcap_is_complete(v))
        return refuse_incomplete(v, tcb.status, e); /* ours */
    DS_TRY(fill_claims(c, v, &quote->report, &tcb, e));
    dcap_keep_qe(qe, v);
    return DS_OK;
}

int ds_sgx_quote_verify_on(struct ds_claims *ret, const struct ds_sgx_quote *quote,
                           const struct ds_dcap_platform *platform, struct ds_dcap_qe *qe,
                           int64_t now_s, struct ds_error *e)
{
    const struct dcap_run v = {
        .quote = &quote->dcap,
        .platform = platform,
        .docs = platform->docs,
        .tee = "SGX",
        .qe_id = "QE",
        .now_s = now_s,
    };
    struct ds_claims c = { 0 };
    DS_TRY(ds_anchored(verify(&c, &v, quote, qe, e), platform->anchor.name, e));
    *ret = c;
    return DS_OK;
}

int ds_sgx_quote_verify(struct ds_claims *ret, struct ds_arena *mem,
                        const struct ds_sgx_quote *quote, const struct ds_dcap_collateral *coll,
                        const struct ds_anchors *anchors, int64_t now_s, struct ds_error *e)
{
    struct ds_dcap_platform platform;
    DS_TRY(ds_dcap_platform_verify(&platform, mem, &quote->dcap, coll, anchors, now_s, e));
    return ds_sgx_quote_verify_on(ret, quote, &platform, NULL, now_s, e);
}
