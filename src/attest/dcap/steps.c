/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of Intel's procedure that do not depend on the quote's body, and ours
 * beside them. How Intel's are cited: attest/tdx/verify.c.
 */

#include "attest/dcap/steps.h"

#include <stdio.h>

#include "attest/coded.h"
#include "base/hex.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

int dcap_refuse(const struct dcap_run *v, enum ds_code code, const char *claim,
                const char *expected, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, v->platform->anchor.name);
}

int dcap_refuse_bytes(enum ds_code code, const char *claim, const uint8_t *expected,
                      const uint8_t *got, size_t n, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, DS_HEX(DS_SPAN(expected, n)),
                     DS_HEX(DS_SPAN(got, n)), NULL);
}

/* Ours: QVL keeps nothing, and is given the chain with each quote. */
int dcap_check_platform(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_dcap_platform *p = v->platform;
    if (ds_dcap_platform_serves(p, v->quote))
        return DS_OK;
    return dcap_refuse(v, DS_CODE_DCAP_PLATFORM_OTHER, "certification_data",
                       p->coll != NULL ? "the chain that the platform was verified by"
                                       : "a platform that verified",
                       p->coll != NULL ? "another" : "none", e);
}

/* QVL 4.1.2.5.10 (QuoteVerifier::verify) */
int dcap_check_tcb_info_id(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_tcb_info *info = v->docs.tcb_info;
    const char *want = v->tee->tcb_info_id;
    if (info == NULL || strcmp(info->id, want) == 0)
        return DS_OK;
    return dcap_refuse(v, DS_CODE_DCAP_TCB_INFO_MISMATCH, "tcb_info_id", want, info->id, e);
}

/* QVL 4.1.2.5.11 (QuoteVerifier::verify) */
int dcap_check_fmspc_and_pceid(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_tcb_info *info = v->docs.tcb_info;
    const struct dcap_pck *pck = &v->platform->pck;
    if (info == NULL)
        return DS_OK;
    if (memcmp(info->fmspc6, pck->fmspc6, 6) != 0)
        return dcap_refuse_bytes(DS_CODE_DCAP_TCB_INFO_MISMATCH, "fmspc", pck->fmspc6, info->fmspc6,
                                 6, e);
    if (memcmp(info->pceid2, pck->pceid2, 2) != 0)
        return dcap_refuse_bytes(DS_CODE_DCAP_TCB_INFO_MISMATCH, "pceid", pck->pceid2, info->pceid2,
                                 2, e);
    return DS_OK;
}

static bool is_known(const struct dcap_run *v, const struct ds_dcap_qe *known)
{
    return known != NULL && memcmp(known->pck_xy64, v->platform->pck_xy64, 64) == 0 &&
           ds_span_eq(v->quote->qe_report_raw, DS_SPAN_OF(known->report)) &&
           memcmp(known->sig64, v->quote->qe_sig64, 64) == 0;
}

/* QVL 4.1.2.5.13 (QuoteVerifier::verify): by the PCK's key. Ours: what verified before is not
   verified again. */
int dcap_check_qe_signature(const struct dcap_run *v, const struct ds_dcap_qe *known,
                            struct ds_error *e)
{
    uint8_t digest32[32];
    if (is_known(v, known))
        return DS_OK;
    DS_TRY(ds_hash(DS_SHA256, digest32, v->quote->qe_report_raw, e));
    int r = ds_p256_verify(v->platform->pck_xy64, digest32, v->quote->qe_sig64, e);
    if (r == DS_ERR_UNTRUSTED)
        return dcap_refuse(v, DS_CODE_DCAP_QE_SIGNATURE, "qe_report", "signed by the PCK",
                           "a signature that does not verify", e);
    return r;
}

/* QVL 4.1.2.5.14 (QuoteVerifier::verify). Ours: zeros behind the hash, as QEs write. */
int dcap_check_qe_binding(const struct dcap_run *v, struct ds_error *e)
{
    uint8_t want64[64] = { 0 };
    const struct ds_span parts[] = { { v->quote->ak_pub64, 64 }, v->quote->qe_auth };
    DS_TRY(ds_hash_v(DS_SHA256, want64, parts, DS_LEN(parts), e));
    if (memcmp(want64, v->quote->qe_report.report_data64, 64) != 0)
        return dcap_refuse(v, DS_CODE_DCAP_QE_BINDING, "qe_report_data", DS_HEX(DS_SPAN_OF(want64)),
                           DS_HEX(DS_SPAN_OF(v->quote->qe_report.report_data64)), e);
    return DS_OK;
}

/* QVL 4.1.2.5.15 (QuoteVerifier::verify) */
int dcap_check_qe_identity_id(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_qe_identity *id = v->docs.qe_identity;
    const char *want = v->tee->qe_id;
    if (id == NULL || strcmp(id->id, want) == 0)
        return DS_OK;
    return dcap_refuse(v, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, "qe_identity_id", want, id->id, e);
}

static void apply_mask(uint8_t *out, const uint8_t *value, const uint8_t *mask, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = value[i] & mask[i];
}

/* QVL 4.1.2.5.16 (QuoteVerifier::verify) */
int dcap_check_qe_identity(const struct dcap_run *v, struct ds_error *e)
{
    const enum ds_code code = DS_CODE_DCAP_QE_IDENTITY_MISMATCH;
    const struct ds_qe_identity *id = v->docs.qe_identity;
    const struct ds_sgx_report *qe = &v->quote->qe_report;
    uint8_t misc4[4], attr16[16];
    char want[8];
    if (id == NULL)
        return DS_OK;
    /* QVL 4.1.2.9.5 (EnclaveReportVerifier::verify) */
    apply_mask(misc4, qe->miscselect4, id->miscselect_mask4, 4);
    if (memcmp(misc4, id->miscselect4, 4) != 0)
        return dcap_refuse_bytes(code, "qe_miscselect", id->miscselect4, misc4, 4, e);
    /* QVL 4.1.2.9.6 (EnclaveReportVerifier::verify) */
    apply_mask(attr16, qe->attributes16, id->attributes_mask16, 16);
    if (memcmp(attr16, id->attributes16, 16) != 0)
        return dcap_refuse_bytes(code, "qe_attributes", id->attributes16, attr16, 16, e);
    /* QVL 4.1.2.9.7 (EnclaveReportVerifier::verify) */
    if (memcmp(qe->mrsigner32, id->mrsigner32, 32) != 0)
        return dcap_refuse_bytes(code, "qe_mrsigner", id->mrsigner32, qe->mrsigner32, 32, e);
    /* QVL 4.1.2.9.8 (EnclaveReportVerifier::verify). Its next are 4.1.2.9.9 to .11 and 4.1.2.5.19,
       the level of the quoting enclave; QVL 4.1.2.5.16 lets each of their results pass, and the
       level is judged after 4.1.2.5.17, here in dcap_tcb_qe(). */
    if (qe->isvprodid == id->isvprodid)
        return DS_OK;
    (void)snprintf(want, sizeof want, "%u", id->isvprodid);
    return ds_refuse_number(e, DS_ERR_UNTRUSTED, code, "qe_isvprodid", want, qe->isvprodid, NULL);
}

/* QVL 4.1.2.5.17 (QuoteVerifier::verify) */
int dcap_check_quote_signature(const struct dcap_run *v, struct ds_error *e)
{
    uint8_t digest32[32];
    DS_TRY(ds_hash(DS_SHA256, digest32, v->quote->signed_part, e));
    int r = ds_p256_verify(v->quote->ak_pub64, digest32, v->quote->sig64, e);
    /* QVL rawToP256PubKey makes a key of these bytes first: UNSUPPORTED_QUOTE_FORMAT where they are
       none. Ours: UNTRUSTED, since the quoting enclave vouched for them. */
    if (r == DS_ERR_FORMAT)
        return dcap_refuse(v, DS_CODE_DCAP_QUOTE_SIGNATURE, "attestation_key", "a point of P-256",
                           DS_HEX(DS_SPAN_OF(v->quote->ak_pub64)), e);
    if (r == DS_ERR_UNTRUSTED)
        return dcap_refuse(v, DS_CODE_DCAP_QUOTE_SIGNATURE, "quote",
                           "signed by the attestation key", "a signature that does not verify", e);
    return r;
}

/* Ours: quotes come in padded buffers. No signature covers the padding, so it may carry nothing. */
int dcap_check_padding(const struct dcap_run *v, struct ds_error *e)
{
    struct ds_span rest = v->quote->padding;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.p[i] != 0)
            return dcap_refuse(v, DS_CODE_DCAP_QUOTE_PADDING, "padding",
                               "zero bytes behind the quote", DS_HEX(ds_span_sub(rest, i, 32)), e);
    return DS_OK;
}

int dcap_refuse_stale(const struct ds_error *stale, struct ds_error *e)
{
    if (stale->cls != DS_OK && e != NULL)
        *e = *stale;
    return stale->cls;
}

static int check_kept_dates(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_dates *both[] = { &v->platform->dates, &v->platform->root_dates };
    for (size_t i = 0; i < DS_LEN(both); i++)
        if (!ds_dates_has(both[i], v->now_s))
            return ds_dates_refuse(both[i], v->now_s, DS_CODE_DCAP_PLATFORM_STALE, "time",
                                   v->platform->anchor.name, e);
    return DS_OK;
}

static void append(char *text, size_t text_len, const char *more)
{
    size_t n = strlen(text);
    (void)snprintf(text + n, text_len - n, "%s", more);
}

/*
 * Ours. Intel's caller (QvE, sgx_qve_verify_quote) still judges a quote by expired documents, and
 * reports the status and that they expired; Revoked alone fails there. Here levels are judged by
 * policy, from claims, and stale documents give none: so the error names that level.
 */
int dcap_check_in_date(const struct dcap_run *v, enum ds_tcb_status level, struct ds_error *e)
{
    static const char revoked[] = "; the level would be Revoked";
    int r = v->stale != NULL ? dcap_refuse_stale(v->stale, e) : check_kept_dates(v, e);
    if (r < 0 && level == DS_TCB_REVOKED && e != NULL) {
        append(e->detail.got, sizeof e->detail.got, revoked);
        append(e->msg, sizeof e->msg, revoked);
    }
    return r;
}

void dcap_keep_qe(struct ds_dcap_qe *known, const struct dcap_run *v)
{
    if (known == NULL)
        return;
    memcpy(known->pck_xy64, v->platform->pck_xy64, 64);
    memcpy(known->report, v->quote->qe_report_raw.p, sizeof known->report);
    memcpy(known->sig64, v->quote->qe_sig64, 64);
}
