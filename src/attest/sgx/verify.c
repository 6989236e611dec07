/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of an SGX quote: the procedure of Intel's Quote Verification Library (QVL).
 * Begin at ds_sgx_quote_verify(), last in this file, and verify_quote(). attest/tdx/verify.c says
 * how QVL is cited, and has a table of its parts; an enclave's are the same but for these.
 *
 * function of QVL              number        here, in attest/
 * ---------------------------  ------------  ------------------------------------------
 * sgxAttestationVerifyQuoteEx  4.1.2.5.3     dcap/quote.c, sgx/quote.c
 * QuoteVerifier::verify        4.1.2.5.12    n/a: no TDX module
 * checkTcbLevel                4.1.2.5.18    verify_quote() below
 * sgxEvaluateTCB               4.1.2.5.1.x   sgx_evaluate_tcb() below, dcap/tcb.c
 * checkTcbLevel                4.1.2.5.19    n/a: the level of a TD
 *                              4.1.2.5.1.20  n/a: likewise
 */

#include "attest/sgx/verify.h"

#include "attest/coded.h"
#include "attest/dcap/steps.h"
#include "attest/dcap/tcb.h"

/* QVL 4.1.2.5.1 (sgxEvaluateTCB): platform and quoting enclave. */
static int sgx_evaluate_tcb(struct dcap_tcb *ret, const struct dcap_run *v, struct ds_error *e)
{
    static const uint8_t zeros16[16];
    /* SGX has no components of its own beside the platform's. */
    const struct dcap_tee_svn none = { "", zeros16, sizeof zeros16 };
    struct dcap_tcb t;
    DS_TRY(dcap_tcb_platform(&t, v, &none, e));
    DS_TRY(dcap_tcb_qe(&t, v, e));
    *ret = t;
    return DS_OK;
}

/* What is told beside the status. Of levels and collateral QVL 4.1.2.5.19
   (sgxAttestationVerifyQuoteEx), in dcap/claims.c. Ours: of the enclave. */
static int fill_claims(struct ds_claims *c, const struct dcap_run *v, const struct dcap_tcb *tcb,
                       struct ds_error *e)
{
    c->tee = DS_TEE_SGX;
    c->sgx.report = *v->enclave;
    memcpy(c->report_data64, v->enclave->report_data64, 64);
    memcpy(c->sgx.fmspc6, v->platform->pck.fmspc6, 6);
    DS_TRY(dcap_fill_tcb(&c->tcb, tcb, e));
    return dcap_fill_claims(c, v, e);
}

/* Ours: the level that the refusal of an incomplete set tells, by the documents that
   dcap/incomplete.c chose. */
static int level_if_complete(enum ds_tcb_status *ret, const struct dcap_run *v)
{
    struct dcap_tcb tcb;
    DS_TRY(sgx_evaluate_tcb(&tcb, v, NULL));
    *ret = tcb.status;
    return DS_OK;
}

static const struct dcap_tee sgx = { .tcb_info_id = "SGX",
                                     .qe_id = "QE",
                                     .level_if_complete = level_if_complete };

/* A document that is absent, or that nobody signed, decides nothing on the way; then the quote is
   refused at the end (dcap_check_complete). */
static int verify_quote(struct dcap_tcb *ret, const struct dcap_run *v,
                        const struct ds_dcap_qe *known, struct ds_error *e)
{
    struct dcap_tcb tcb;
    /* Ours: a kept platform is the quote's. */
    DS_TRY(dcap_check_platform(v, e));
    /* QVL 4.1.2.5.10 (QuoteVerifier::verify): TCB info is about SGX. */
    DS_TRY(dcap_check_tcb_info_id(v, e));
    /* QVL 4.1.2.5.11 (QuoteVerifier::verify): TCB info is about this platform. */
    DS_TRY(dcap_check_fmspc_and_pceid(v, e));
    /* QVL 4.1.2.5.13 (QuoteVerifier::verify): the PCK signed the quoting enclave's report. */
    DS_TRY(dcap_check_qe_signature(v, known, e));
    /* QVL 4.1.2.5.14 (QuoteVerifier::verify): that report names the attestation key. */
    DS_TRY(dcap_check_qe_binding(v, e));
    /* QVL 4.1.2.5.15 (QuoteVerifier::verify): the identity is that of SGX's quoting enclave. */
    DS_TRY(dcap_check_qe_identity_id(v, e));
    /* QVL 4.1.2.5.16 (QuoteVerifier::verify): the quoting enclave is the one of the identity. */
    DS_TRY(dcap_check_qe_identity(v, e));
    /* QVL 4.1.2.5.17 (QuoteVerifier::verify): the attestation key signed the quote. */
    DS_TRY(dcap_check_quote_signature(v, e));
    /* QVL 4.1.2.5.18 (checkTcbLevel): the level of platform and quoting enclave. */
    DS_TRY(sgx_evaluate_tcb(&tcb, v, e));
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
    struct dcap_tcb tcb;
    struct ds_claims c = { 0 };
    int r = verify_quote(&tcb, v, known, e);
    if (r == DS_OK)
        r = fill_claims(&c, v, &tcb, e);
    DS_TRY(ds_anchored(r, v->platform->anchor.name, e));
    dcap_keep_qe(known, v);
    *ret = c;
    return DS_OK;
}

int ds_sgx_quote_verify_on(struct ds_claims *ret, const struct ds_sgx_quote *quote,
                           const struct ds_dcap_platform *platform, struct ds_dcap_qe *known,
                           int64_t now_s, struct ds_error *e)
{
    const struct dcap_run v = { .tee = &sgx,
                                .quote = &quote->dcap,
                                .enclave = &quote->report,
                                .now_s = now_s,
                                .platform = platform,
                                .docs = platform->docs };
    return verify(ret, &v, known, e);
}

int ds_sgx_quote_verify(struct ds_claims *ret, struct ds_arena *mem,
                        const struct ds_sgx_quote *quote, const struct ds_dcap_collateral *coll,
                        const struct ds_anchors *anchors, int64_t now_s, struct ds_error *e)
{
    struct dcap_platform_now now;
    /* QVL PckCertVerifier::verify, with 4.1.2.5.4, .5 and .6 (sgxAttestationVerifyQuoteEx) and
       4.1.2.5.5, .7 and .8 (QuoteVerifier::verify): the PCK's chain and revocation lists.
       QVL TCBInfoVerifier::verify, EnclaveIdentityVerifier::verify: what Intel signs. */
    DS_TRY(dcap_platform_judge(&now, mem, &quote->dcap, coll, anchors, now_s, e));
    const struct dcap_run v = { .tee = &sgx,
                                .quote = &quote->dcap,
                                .enclave = &quote->report,
                                .now_s = now_s,
                                .platform = &now.platform,
                                .docs = now.platform.docs,
                                .stale = &now.stale };
    return verify(ret, &v, NULL, e);
}
