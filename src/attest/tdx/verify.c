/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of a TDX quote: the procedure of Intel's Quote Verification Library (QVL).
 * Begin at ds_tdx_quote_verify(), last in this file, and verify_quote(), which has one line for
 * each step.
 *
 * QVL's numbers are comments in its source and stand in no document of Intel's that we know of. It
 * uses some of them again in other functions, for other things: 4.1.2.5.1, .2, .5 and .19, and
 * 4.1.2.5.1.3 to .6. So each is cited with the function that it stands in, as "QVL 4.1.2.5.17
 * (QuoteVerifier::verify)", and what has no number by its function alone. What is not QVL's says
 * that it is ours, where it stands.
 *
 * A verification is four calls of QVL, which Intel's caller of it (QvE) makes one after another:
 *
 * function of QVL                      number            here, in attest/
 * -----------------------------------  ----------------  ------------------------------------------
 * The PCK's chain and revocation lists
 * sgxAttestationVerifyPCKCertificate   -                 dcap/incomplete.c: the parts of the call;
 *                                                        dcap/platform.c: how long the chain is
 * PckCertVerifier::verify              -                 dcap/platform.c, x509.c
 * PckCrlVerifier::verify               -                 dcap/platform.c, x509.c
 *
 * TCB info
 * sgxAttestationVerifyTCBInfo          4.1.2.7.1         dcap/incomplete.c: the parts of the call;
 *                                                        the clock is the caller's
 *                                      4.1.2.7.2, .3     dcap/collateral.c: the document
 *                                      -                 dcap/platform.c: how long the chain is
 * TcbInfo::parsePartV2                 4.1.2.7.4         dcap/collateral.c
 * TCBInfoVerifier::verify              -                 dcap/platform.c
 * TCBSigningChain::verify              -                 dcap/platform.c; of the identity, too
 *
 * The identity of the quoting enclave
 * sgxAttestationVerifyEnclaveIdentity  -                 dcap/incomplete.c: the parts of the call;
 *                                                        dcap/collateral.c: the document;
 *                                                        dcap/platform.c: how long the chain is
 * EnclaveIdentityVerifier::verify      -                 dcap/platform.c
 *
 * The quote
 * sgxAttestationVerifyQuoteEx          4.1.2.5.1         dcap/incomplete.c: the parts of the call
 *                                      4.1.2.5.2         n/a: room for what QVL tells
 *                                      4.1.2.5.3         dcap/quote.c, tdx/quote.c
 *                                      4.1.2.5.4, .5     dcap/platform.c, x509.c, dcap/pck.c
 *                                      4.1.2.5.6         dcap/platform.c, x509.c
 *                                      4.1.2.5.9         dcap/collateral.c
 * QuoteVerifier::verify                4.1.2.5.5, .7,    dcap/platform.c
 *                                      .8
 *                                      4.1.2.5.10, .11   verify_quote() below; dcap/steps.c
 * verifyCertificationData              -                 dcap/quote.c
 * rawToP256PubKey                      -                 dcap/platform.c: the key of the PCK
 * QuoteVerifier::verify                4.1.2.5.12        verify_quote(); tdx/tcb.c, with .12.1, .2
 *                                      4.1.2.5.13 - .16  verify_quote(); dcap/steps.c
 * EnclaveReportVerifier::verify        4.1.2.9.5 - .8    4.1.2.5.16 in dcap/steps.c
 *                                      4.1.2.9.9 - .11,  dcap/tcb.c: the quoting enclave's level
 *                                      4.1.2.5.19
 * rawToP256PubKey                      -                 dcap/steps.c: the attestation key
 * QuoteVerifier::verify                4.1.2.5.17        verify_quote(); dcap/steps.c
 * checkTcbLevel                        4.1.2.5.18        sgx/verify.c: the level of an enclave
 *                                      4.1.2.5.19        verify_quote(); tdx/tcb.c
 * tdxEvaluateTCB                       4.1.2.5.2.x       tdx/tcb.c, dcap/tcb.c
 *                                      4.1.2.5.1.3 - .7  dcap/tcb.c; advisories in dcap/claims.c
 * checkTcbLevel                        4.1.2.5.1.20      verify_quote(); tdx/tcb.c, with .20.1, .2
 * sgxAttestationVerifyQuoteEx          4.1.2.5.19        fill_claims() below; dcap/claims.c
 *
 * Before them QvE takes the chain out of the quote (sgxAttestationGetQECertificationData):
 * dcap/platform.c, find_pck_chain(). Not of a quote: sgxAttestationVerifyEnclaveReport (4.1.2.9.1
 * and .2), and sgxAttestationVerifyPCKRevocationList, which Intel calls deprecated.
 *
 * That the TD may be debugged is in the claims, for policy to judge.
 */

#include "attest/tdx/verify.h"

#include "attest/coded.h"
#include "attest/dcap/steps.h"
#include "attest/tdx/tcb.h"

/* What is told beside the status. Of levels and collateral QVL 4.1.2.5.19
   (sgxAttestationVerifyQuoteEx), in dcap/claims.c. Ours: of the TD. */
static int fill_claims(struct ds_claims *c, const struct dcap_run *v, const struct tdx_tcb *tcb,
                       struct ds_error *e)
{
    const struct ds_td_report *td = v->td;
    c->tee = DS_TEE_TDX;
    memcpy(c->report_data64, td->report_data64, 64);
    c->tdx.is_td15 = v->quote->body_type == DS_DCAP_BODY_TD15;
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
    /* Ours: QVL tells the launch's level here too where there is no other. */
    if (c->tdx.is_td15)
        DS_TRY(dcap_fill_tcb(&c->tdx.current, &tcb->current, e));
    c->tcb.status = tcb->status; /* over the launch's: QVL 4.1.2.5.1.20.2 (checkTcbLevel) */
    return dcap_fill_claims(c, v, e);
}

/* Ours: the level that the refusal of an incomplete set tells, by the documents that
   dcap/incomplete.c chose. */
static int level_if_complete(enum ds_tcb_status *ret, const struct dcap_run *v)
{
    struct tdx_tcb tcb;
    DS_TRY(tdx_check_module(v, NULL));
    DS_TRY(tdx_evaluate_launch(&tcb, v, NULL));
    DS_TRY(tdx_evaluate_current(&tcb, v, NULL));
    *ret = tcb.status;
    return DS_OK;
}

static const struct dcap_tee tdx = { .tcb_info_id = "TDX",
                                     .qe_id = "TD_QE",
                                     .level_if_complete = level_if_complete };

/* A document that is absent, or that nobody signed, decides nothing on the way; then the quote is
   refused at the end (dcap_check_complete). */
static int verify_quote(struct tdx_tcb *ret, const struct dcap_run *v,
                        const struct ds_dcap_qe *known, struct ds_error *e)
{
    struct tdx_tcb tcb;
    /* Ours: a kept platform is the quote's. */
    DS_TRY(dcap_check_platform(v, e));
    /* QVL 4.1.2.5.10 (QuoteVerifier::verify): TCB info is about TDX. */
    DS_TRY(dcap_check_tcb_info_id(v, e));
    /* QVL 4.1.2.5.11 (QuoteVerifier::verify): TCB info is about this platform. */
    DS_TRY(dcap_check_fmspc_and_pceid(v, e));
    /* QVL 4.1.2.5.12 (QuoteVerifier::verify): TCB info lists the TDX module. */
    DS_TRY(tdx_check_module(v, e));
    /* QVL 4.1.2.5.13 (QuoteVerifier::verify): the PCK signed the quoting enclave's report. */
    DS_TRY(dcap_check_qe_signature(v, known, e));
    /* QVL 4.1.2.5.14 (QuoteVerifier::verify): that report names the attestation key. */
    DS_TRY(dcap_check_qe_binding(v, e));
    /* QVL 4.1.2.5.15 (QuoteVerifier::verify): the identity is that of TDX's quoting enclave. */
    DS_TRY(dcap_check_qe_identity_id(v, e));
    /* QVL 4.1.2.5.16 (QuoteVerifier::verify): the quoting enclave is the one of the identity. */
    DS_TRY(dcap_check_qe_identity(v, e));
    /* QVL 4.1.2.5.17 (QuoteVerifier::verify): the attestation key signed the quote. */
    DS_TRY(dcap_check_quote_signature(v, e));
    /* QVL 4.1.2.5.19 (checkTcbLevel): the level of platform, module and quoting enclave. */
    DS_TRY(tdx_evaluate_launch(&tcb, v, e));
    /* QVL 4.1.2.5.1.20 (checkTcbLevel): the level by the module that runs a TD 1.5 now. */
    DS_TRY(tdx_evaluate_current(&tcb, v, e));
    /* Ours: nothing but zeros stands behind the quote. */
    DS_TRY(dcap_check_padding(v, e));
    /* Ours: the order. QVL's verifiers of chains and documents end with their dates. */
    DS_TRY(dcap_check_in_date(v, tcb.status, e));
    /* Ours: no part of the collateral is missing. */
    DS_TRY(dcap_check_complete(v, tcb.status, e));
    *ret = tcb;
    return DS_OK;
}

/* Claims are written where everything held. */
static int verify(struct ds_claims *ret, const struct dcap_run *v, struct ds_dcap_qe *known,
                  struct ds_error *e)
{
    struct tdx_tcb tcb;
    struct ds_claims c = { 0 };
    int r = verify_quote(&tcb, v, known, e);
    if (r == DS_OK)
        r = fill_claims(&c, v, &tcb, e);
    DS_TRY(ds_anchored(r, v->platform->anchor.name, e));
    dcap_keep_qe(known, v);
    *ret = c;
    return DS_OK;
}

int ds_tdx_quote_verify_on(struct ds_claims *ret, const struct ds_tdx_quote *quote,
                           const struct ds_dcap_platform *platform, struct ds_dcap_qe *known,
                           int64_t now_s, struct ds_error *e)
{
    const struct dcap_run v = { .tee = &tdx,
                                .quote = &quote->dcap,
                                .td = &quote->td,
                                .now_s = now_s,
                                .platform = platform,
                                .docs = platform->docs };
    return verify(ret, &v, known, e);
}

int ds_tdx_quote_verify(struct ds_claims *ret, struct ds_arena *mem,
                        const struct ds_tdx_quote *quote, const struct ds_dcap_collateral *coll,
                        const struct ds_anchors *anchors, int64_t now_s, struct ds_error *e)
{
    struct dcap_platform_now now;
    /* QVL PckCertVerifier::verify, with 4.1.2.5.4, .5 and .6 (sgxAttestationVerifyQuoteEx) and
       4.1.2.5.5, .7 and .8 (QuoteVerifier::verify): the PCK's chain and revocation lists.
       QVL TCBInfoVerifier::verify, EnclaveIdentityVerifier::verify: what Intel signs. */
    DS_TRY(dcap_platform_judge(&now, mem, &quote->dcap, coll, anchors, now_s, e));
    const struct dcap_run v = { .tee = &tdx,
                                .quote = &quote->dcap,
                                .td = &quote->td,
                                .now_s = now_s,
                                .platform = &now.platform,
                                .docs = now.platform.docs,
                                .stale = &now.stale };
    return verify(ret, &v, NULL, e);
}
