/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of a TDX quote, top to bottom in the order of Intel's Quote
 * Verification Library; numbers are the section numbers in that library's
 * source. Chains, lists and signed collateral (5, 7, 8 and what stands before
 * them) are the platform's, in attest/dcap/platform.c; steps that SGX quotes have
 * too are in attest/dcap/steps.c. What is not QVL's says that it is ours. That the
 * TD may be debugged is in the claims, for policy to judge.
 *
 * Where a part of the collateral is missing, everything that can still be
 * checked is checked, so that a bad quote is called bad; then the absence
 * refuses the quote. Claims are filled in one place, at the very end.
 */

#include "attest/tdx/verify.h"

#include "attest/coded.h"
#include "attest/dcap/private.h"
#include "attest/tdx/tcb.h"

/* 4.1.2.5.10 to 12 */
static int check_tcb_info(const struct dcap_run *v, const struct ds_td_report *td,
                          struct ds_error *e)
{
    const struct ds_dcap_platform *p = v->platform;
    DS_TRY(dcap_check_tcb_info(v, e));
    return tdx_tcb_check_module(&p->coll->tcb, td, p->anchor.name, e);
}

/* 4.1.2.5.19, for a TD 1.5 also 20 */
static int check_tcb_level(struct tdx_tcb *ret, const struct dcap_run *v,
                           const struct ds_tdx_quote *quote, struct ds_error *e)
{
    const struct ds_dcap_platform *p = v->platform;
    if (p->is_tcb_info_signed && p->is_qe_identity_signed)
        return tdx_tcb_evaluate(ret, p, quote, e);
    /* What unsigned documents come to is told when they are refused, and speaks against no quote. */
    if (p->coll->tcb.version == 0 || p->coll->qe.version == 0 ||
        check_tcb_info(v, &quote->td, NULL) < 0 || tdx_tcb_evaluate(ret, p, quote, NULL) < 0)
        ret->status = DS_TCB_NONE;
    return DS_OK;
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
    c->tcb.status = tcb->status; /* over the launch's: 4.1.2.5.20 */
    return dcap_fill_claims(c, v, e);
}

static int verify(struct ds_claims *c, const struct dcap_run *v, const struct ds_tdx_quote *quote,
                  struct ds_dcap_qe *qe, struct ds_error *e)
{
    struct tdx_tcb tcb = { 0 };
    DS_TRY(dcap_check_header(v->quote, e)); /* key type, QE vendor */
    DS_TRY(dcap_check_platform(v, e));      /* ours */
    if (v->platform->is_tcb_info_signed)
        DS_TRY(check_tcb_info(v, &quote->td, e));  /* 4.1.2.5.10 to 12 */
    DS_TRY(dcap_check_qe(v, qe, e));               /* 13 to 16 */
    DS_TRY(dcap_check_signature(v, e));            /* 17 */
    DS_TRY(check_tcb_level(&tcb, v, quote, e));    /* 19, 20 */
    DS_TRY(dcap_check_padding(v, e));              /* ours */
    DS_TRY(dcap_check_complete(v, tcb.status, e)); /* ours */
    DS_TRY(fill_claims(c, v, quote, &tcb, e));
    dcap_keep_qe(qe, v);
    return DS_OK;
}

int ds_tdx_quote_verify_on(struct ds_claims *ret, const struct ds_tdx_quote *quote,
                           const struct ds_dcap_platform *platform, struct ds_dcap_qe *qe,
                           int64_t now_s, struct ds_error *e)
{
    const struct dcap_run v = {
        .quote = &quote->dcap, .platform = platform, .tee = "TDX", .qe_id = "TD_QE", .now_s = now_s
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
    /* Before any certificate is read; verify() asks for those who come straight to it. */
    DS_TRY(dcap_check_header(&quote->dcap, e));
    DS_TRY(ds_dcap_platform_verify(&platform, mem, &quote->dcap, coll, anchors, now_s, e));
    return ds_tdx_quote_verify_on(ret, quote, &platform, NULL, now_s, e);
}
