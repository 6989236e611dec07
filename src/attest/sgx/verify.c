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

/* 4.1.2.5.18: platform and quoting enclave. */
static int check_tcb_level(struct dcap_tcb *ret, const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_dcap_collateral *coll = v->platform->coll;
    if (coll->tcb.version == 0 || coll->qe.version == 0)
        return DS_OK;
    DS_TRY(dcap_tcb_platform(ret, &coll->tcb, &v->platform->pck, NULL, 0, e));
    return dcap_tcb_qe(ret, &coll->qe, v->quote->qe_report.isvsvn, e);
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
    struct dcap_tcb tcb = { 0 };
    DS_TRY(dcap_check_header(v->quote, e));
    DS_TRY(dcap_check_platform(v, e));
    DS_TRY(dcap_check_qe(v, qe, e));
    DS_TRY(dcap_check_signature(v, e));
    DS_TRY(check_tcb_level(&tcb, v, e));
    DS_TRY(dcap_check_padding(v, e));
    DS_TRY(dcap_check_complete(v, tcb.status, e));
    return fill_claims(c, v, &quote->report, &tcb, e);
}

int ds_sgx_quote_verify_on(struct ds_claims *ret, const struct ds_sgx_quote *quote,
                           const struct ds_dcap_platform *platform, struct ds_dcap_qe *qe,
                           int64_t now_s, struct ds_error *e)
{
    const struct dcap_run v = {
        .quote = &quote->dcap, .platform = platform, .tee = "SGX", .qe_id = "QE", .now_s = now_s
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
    DS_TRY(dcap_check_header(&quote->dcap, e));
    DS_TRY(ds_dcap_platform_verify(&platform, mem, &quote->dcap, coll, anchors, now_s, e));
    return ds_sgx_quote_verify_on(ret, quote, &platform, NULL, now_s, e);
}
