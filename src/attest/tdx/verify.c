/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of a TDX quote, top to bottom in the order of Intel's Quote
 * Verification Library (QVL); numbers are the section numbers in that library's
 * source. Form, key type and vendor (4.1.2.5.3) are the parser's, attest/dcap/quote.c;
 * chains, lists and signed documents (4.1.2.5.4 to 9) are the platform's,
 * attest/dcap/platform.c; steps that SGX quotes have too are in attest/dcap/steps.c.
 * What is not QVL's says that it is ours. That the TD may be debugged is in the
 * claims, for policy to judge.
 *
 * Where a part of the collateral is missing, everything that can still be
 * checked is checked, so that a bad quote is called bad; then the absence
 * refuses the quote. Claims are filled in one place, at the very end.
 */

#include "attest/tdx/verify.h"

#include "attest/coded.h"
#include "attest/dcap/private.h"
#include "attest/tdx/tcb.h"

/* 4.1.2.5.10 to 12, where Intel's TCB info is there */
static int check_tcb_info(const struct dcap_run *v, const struct ds_td_report *td,
                          struct ds_error *e)
{
    if (v->docs.tcb_info == NULL)
        return DS_OK;
    DS_TRY(dcap_check_tcb_info(v, e));
    return tdx_tcb_check_module(v->docs.tcb_info, td, v->platform->anchor.name, e);
}

/*
 * Refuse for what is missing, and say what the level would be if the documents that are there
 * were signed; where they do not fit, what those come to that are.
 */
static int refuse_incomplete(const struct dcap_run *v, const struct ds_tdx_quote *quote,
                             enum ds_tcb_status level, struct ds_error *e)
{
    const struct dcap_run all = dcap_if_signed(v);
    struct tdx_tcb tcb;
    if (check_tcb_info(&all, &quote->td, NULL) == DS_OK &&
        tdx_tcb_evaluate(&tcb, &all, quote, NULL) == DS_OK)
        return dcap_refuse_incomplete(v, dcap_level_without(&all.docs, tcb.status), e);
    return dcap_refuse_incomplete(v, dcap_level_without(&v->docs, level), e);
}

static int fill_claims(struct ds_claims *c, const struct dcap_run *v,
                       const struct ds_tdx_quote *quote, const struct tdx_tcb *tcb,
                       struct ds_error *e)
{
    const struct ds_td_report *td = &quote->td;
    c->tee = DS_TEE_TDX;
    memcpy(c->report_data64, td->report_data64, 64);
    c->tdx.is_td15 = quote->is_td15;
    c->tdx.td_attributes = td->td_attributes;
    c->tdx.xfam = td->xfam;
    memcpy(c->tdx.mrtd48, td->mrtd48, 48);
    memcpy(c->tdx.rtmr48, td->rtmr48, sizeof c->tdx.rtmr48);
    memcpy(c->tdx.mrseam48, td->mrseam48, 48);
    memcpy(c->tdx.mrsignerseam48, td->mrsignerseam48, 48);
    memcpy(c->tdx.mrconfigid48, td->mrconfigid48, 48);
    memcpy(c->tdx.mrowner48, td->mrowner48, 48);
    memcpy(c->tdx.mrownerconfig48, td->mrownerconfig48, 48);
    memcpy(c->tdx.mrservicetd48, td->mrservicetd48, 48);
    memcpy(c->tdx.tee_tcb_svn16, td->tee_tcb_svn16, 16);
    memcpy(c->tdx.tee_tcb_svn2_16, td->tee_tcb_svn2_16, 16);
    memcpy(c->tdx.fmspc6, v->platform->pck.fmspc6, 6);
    DS_TRY(dcap_fill_tcb(&c->tcb, &tcb->launch, e));
    if (tcb->has_current)
        DS_TRY(dcap_fill_tcb(&c->tdx.current, &tcb->current, e));
    c->tcb.status = tcb->status; /* over the launch's: 4.1.2.5.1.20.2 */
    return dcap_fill_claims(c, v, e);
}

static int verify(struct ds_claims *c, const struct dcap_run *v, const struct ds_tdx_quote *quote,
                  struct ds_dcap_qe *qe, struct ds_error *e)
{
    struct tdx_tcb tcb;
    DS_TRY(dcap_check_platform(v, e));           /* ours */
    DS_TRY(check_tcb_info(v, &quote->td, e));    /* 4.1.2.5.10 to 12 */
    DS_TRY(dcap_check_qe(v, qe, e));             /* 4.1.2.5.13 to 16 */
    DS_TRY(dcap_check_signature(v, e));          /* 4.1.2.5.17 */
    DS_TRY(tdx_tcb_evaluate(&tcb, v, quote, e)); /* 4.1.2.5.19, 4.1.2.5.1.20 */
    DS_TRY(dcap_check_padding(v, e));            /* ours */
    if (!dcap_is_complete(v))
        return refuse_incomplete(v, quote, tcb.status, e); /* ours */
    DS_TRY(fill_claims(c, v, quote, &tcb, e));
    dcap_keep_qe(qe, v);
    return DS_OK;
}

int ds_tdx_quote_verify_on(struct ds_claims *ret, const struct ds_tdx_quote *quote,
                           const struct ds_dcap_platform *platform, struct ds_dcap_qe *qe,
                           int64_t now_s, struct ds_error *e)
{
    const struct dcap_run v = {
        .quote = &quote->dcap,
        .platform = platform,
        .docs = platform->docs,
        .tee = "TDX",
        .qe_id = "TD_QE",
        .now_s = now_s,
    };
    struct ds_claims c = { 0 };
    DS_TRY(ds_anchored(verify(&c, &v, quote, qe, e), platform->anchor.name, e));
    *ret = c;
    return DS_OK;
}

int ds_tdx_quote_verify(struct ds_claims *ret, struct ds_arena *mem,
                        const struct ds_tdx_quote *quote, const struct ds_dcap_collateral *coll,
                        const struct ds_anchors *anchors, int64_t now_s, struct ds_error *e)
{
    struct ds_dcap_platform platform;
    DS_TRY(ds_dcap_platform_verify(&platform, mem, &quote->dcap, coll, anchors, now_s, e));
    return ds_tdx_quote_verify_on(ret, quote, &platform, NULL, now_s, e);
}
