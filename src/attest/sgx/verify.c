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

static int evaluate(struct dcap_tcb *ret, const struct dcap_run *v, struct ds_error *e)
{
    static const uint8_t zeros16[16];
    /* SGX has no components of its own beside the platform's. */
    const struct dcap_tee_svn none = { "", zeros16, sizeof zeros16 };
    const struct ds_dcap_platform *p = v->platform;
    struct dcap_tcb t;
    DS_TRY(dcap_tcb_platform(&t, &p->coll->tcb, &p->pck, &none, e));
    DS_TRY(dcap_tcb_qe(&t, &p->coll->qe, v->quote->qe_report.isvsvn, e));
    *ret = t;
    return DS_OK;
}

/* 4.1.2.5.18: platform and quoting enclave. */
static int check_tcb_level(struct dcap_tcb *ret, const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_dcap_platform *p = v->platform;
    if (p->is_tcb_info_signed && p->is_qe_identity_signed)
        return evaluate(ret, v, e);
    /* What unsigned documents come to is told when they are refused, and speaks against no quote. */
    if (p->coll->tcb.version == 0 || p->coll->qe.version == 0 || dcap_check_tcb_info(v, NULL) < 0 ||
        evaluate(ret, v, NULL) < 0)
        ret->status = DS_TCB_NONE;
    return DS_OK;
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
    DS_TRY(dcap_check_header(v->quote, e)); /* key type, QE vendor */
    DS_TRY(dcap_check_platform(v, e));      /* ours */
    if (v->platform->is_tcb_info_signed)
        DS_TRY(dcap_check_tcb_info(v, e));         /* 4.1.2.5.10, 11 */
    DS_TRY(dcap_check_qe(v, qe, e));               /* 13 to 16 */
    DS_TRY(dcap_check_signature(v, e));            /* 17 */
    DS_TRY(check_tcb_level(&tcb, v, e));           /* 18 */
    DS_TRY(dcap_check_padding(v, e));              /* ours */
    DS_TRY(dcap_check_complete(v, tcb.status, e)); /* ours */
    DS_TRY(fill_claims(c, v, &quote->report, &tcb, e));
    dcap_keep_qe(qe, v);
    return DS_OK;
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
