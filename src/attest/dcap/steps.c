/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of a quote that do not depend on its body. Numbers are those of
 * Intel's Quote Verification Library.
 */

#include <stdio.h>

#include "attest/coded.h"
#include "attest/dcap/private.h"
#include "attest/dcap/tcb.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/date.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

#define KEY_TYPE_ECDSA_P256 2

static const uint8_t intel_qe_vendor_id16[] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };

int dcap_refuse(const struct dcap_run *v, enum ds_code code, const char *claim,
                const char *expected, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, v->platform->anchor.name);
}

int dcap_check_header(const struct ds_dcap_quote *q, struct ds_error *e)
{
    char got[8];
    (void)snprintf(got, sizeof got, "%u", q->key_type);
    if (q->key_type != KEY_TYPE_ECDSA_P256)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_KEY_TYPE, "attestation_key_type", "2",
                         got, DS_NO_ANCHOR);
    if (memcmp(q->qe_vendor_id16, intel_qe_vendor_id16, 16) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_DCAP_QE_VENDOR, "qe_vendor_id",
                         DS_HEX(DS_SPAN(intel_qe_vendor_id16, 16)),
                         DS_HEX(DS_SPAN(q->qe_vendor_id16, 16)), DS_NO_ANCHOR);
    return DS_OK;
}

static int check_dates(const struct dcap_run *v, const struct dcap_dates *d, struct ds_error *e)
{
    char want[48], from[21], until[21], now[21];
    if (v->now_s >= d->from_s && v->now_s <= d->until_s)
        return DS_OK;
    (void)snprintf(want, sizeof want, "%s to %s", ds_date_format(from, d->from_s),
                   ds_date_format(until, d->until_s));
    return ds_refuse(e, DS_ERR_STALE, DS_CODE_DCAP_PLATFORM_STALE, "time", want,
                     ds_date_format(now, v->now_s), v->platform->anchor.name);
}

int dcap_check_platform(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_dcap_platform *p = v->platform;
    if (!ds_dcap_platform_serves(p, v->quote))
        return dcap_refuse(v, DS_CODE_DCAP_PLATFORM_OTHER, "certification_data",
                           p->coll != NULL ? "the chain that the platform was verified by"
                                           : "a platform that verified",
                           p->coll != NULL ? "another" : "none", e);
    DS_TRY(check_dates(v, &p->dates, e));
    return check_dates(v, &p->root_dates, e);
}

int dcap_check_tcb_info(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_tcb_info *info = &v->platform->coll->tcb;
    const struct dcap_pck *pck = &v->platform->pck;
    /* 4.1.2.5.10 */
    if (strcmp(info->id, v->tee) != 0)
        return dcap_refuse(v, DS_CODE_DCAP_TCB_INFO_MISMATCH, "tcb_info_id", v->tee, info->id, e);
    /* 4.1.2.5.11 */
    if (memcmp(info->fmspc6, pck->fmspc6, 6) != 0)
        return dcap_refuse(v, DS_CODE_DCAP_TCB_INFO_MISMATCH, "fmspc",
                           DS_HEX(DS_SPAN(pck->fmspc6, 6)), DS_HEX(DS_SPAN(info->fmspc6, 6)), e);
    if (memcmp(info->pceid2, pck->pceid2, 2) != 0)
        return dcap_refuse(v, DS_CODE_DCAP_TCB_INFO_MISMATCH, "pceid",
                           DS_HEX(DS_SPAN(pck->pceid2, 2)), DS_HEX(DS_SPAN(info->pceid2, 2)), e);
    return DS_OK;
}

static bool is_known(const struct dcap_run *v, const struct ds_dcap_qe *known)
{
    return known != NULL && memcmp(known->platform_id32, v->platform->id32, 32) == 0 &&
           ds_span_eq(v->quote->qe_report_raw, DS_SPAN_OF(known->report)) &&
           memcmp(known->sig64, v->quote->qe_sig64, 64) == 0;
}

static int check_qe_signature(const struct dcap_run *v, struct ds_error *e)
{
    uint8_t digest32[32];
    /* 4.1.2.5.13 */
    DS_TRY(ds_hash(DS_SHA256, digest32, v->quote->qe_report_raw, e));
    int r = ds_p256_verify(v->platform->pck_xy64, digest32, v->quote->qe_sig64, e);
    if (r == DS_ERR_UNTRUSTED)
        return dcap_refuse(v, DS_CODE_DCAP_QE_SIGNATURE, "qe_report", "signed by the PCK",
                           "a signature that does not verify", e);
    return r;
}

static int check_qe_binding(const struct dcap_run *v, struct ds_error *e)
{
    uint8_t want64[64] = { 0 };
    /* 4.1.2.5.14. That the second half is zero is ours: Intel's enclaves write it so. */
    const struct ds_span parts[] = { { v->quote->ak_pub64, 64 }, v->quote->qe_auth };
    DS_TRY(ds_hash_v(DS_SHA256, want64, parts, DS_LEN(parts), e));
    if (memcmp(want64, v->quote->qe_report.report_data64, 64) != 0)
        return dcap_refuse(v, DS_CODE_DCAP_QE_BINDING, "qe_report_data", DS_HEX(DS_SPAN_OF(want64)),
                           DS_HEX(DS_SPAN_OF(v->quote->qe_report.report_data64)), e);
    return DS_OK;
}

static int check_qe_identity(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_qe_identity *id = &v->platform->coll->qe;
    if (!v->platform->is_qe_identity_signed)
        return DS_OK;
    /* 4.1.2.5.15 */
    if (strcmp(id->id, v->qe_id) != 0)
        return dcap_refuse(v, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, "qe_identity_id", v->qe_id, id->id,
                           e);
    /* 4.1.2.5.16 */
    return dcap_tcb_check_qe(id, &v->quote->qe_report, v->platform->anchor.name, e);
}

int dcap_check_qe(const struct dcap_run *v, const struct ds_dcap_qe *known, struct ds_error *e)
{
    if (!is_known(v, known))
        DS_TRY(check_qe_signature(v, e));
    DS_TRY(check_qe_binding(v, e));
    return check_qe_identity(v, e);
}

void dcap_keep_qe(struct ds_dcap_qe *known, const struct dcap_run *v)
{
    if (known == NULL)
        return;
    memcpy(known->platform_id32, v->platform->id32, 32);
    memcpy(known->report, v->quote->qe_report_raw.p, sizeof known->report);
    memcpy(known->sig64, v->quote->qe_sig64, 64);
}

int dcap_check_signature(const struct dcap_run *v, struct ds_error *e)
{
    uint8_t digest32[32];
    /* 4.1.2.5.17 */
    DS_TRY(ds_hash(DS_SHA256, digest32, v->quote->signed_part, e));
    int r = ds_p256_verify(v->quote->ak_pub64, digest32, v->quote->sig64, e);
    return r == DS_ERR_UNTRUSTED || r == DS_ERR_FORMAT
               ? dcap_refuse(v, DS_CODE_DCAP_QUOTE_SIGNATURE, "quote",
                             "signed by the attestation key", "a signature that does not verify", e)
               : r;
}

/* Ours, not QVL's: quotes come in padded buffers. No signature covers the padding, so it may carry nothing. */
int dcap_check_padding(const struct dcap_run *v, struct ds_error *e)
{
    struct ds_span rest = v->quote->padding;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.p[i] != 0)
            return dcap_refuse(v, DS_CODE_DCAP_QUOTE_PADDING, "padding",
                               "zero bytes behind the quote", DS_HEX(ds_span_sub(rest, i, 32)), e);
    return DS_OK;
}

int dcap_check_complete(const struct dcap_run *v, enum ds_tcb_status level, struct ds_error *e)
{
    char got[192];
    if (v->platform->missing[0] == '\0')
        return DS_OK;
    (void)snprintf(got, sizeof got, "missing; the level would be %s",
                   level != DS_TCB_NONE ? ds_tcb_status_text(level) : "unknown");
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, "collateral",
                     v->platform->missing, got, v->platform->anchor.name);
}

int dcap_fill_claims(struct ds_claims *c, const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_dcap_platform *p = v->platform;
    uint32_t tcb_eval = p->coll->tcb.eval_number, qe_eval = p->coll->qe.eval_number;
    c->kind = p->anchor.kind;
    (void)snprintf(c->anchor, sizeof c->anchor, "%s", p->anchor.name);
    c->tcb_eval_number = tcb_eval < qe_eval ? tcb_eval : qe_eval;
    c->qe_isvsvn = v->quote->qe_report.isvsvn;
    c->collateral_issued_s = p->coll->tcb.issue_s < p->coll->qe.issue_s ? p->coll->tcb.issue_s
                                                                        : p->coll->qe.issue_s;
    c->valid_from_s = p->dates.from_s;
    c->valid_until_s = p->dates.until_s;
    return ds_hash(DS_SHA256, c->device_id32, DS_SPAN_OF(p->pck.ppid16), e);
}

/* Add the ids of one level that are not there yet. */
static int add_advisories(struct claims_tcb *c, struct ds_span raw, struct ds_error *e)
{
    struct ds_json_tok toks[CLAIMS_ADVISORIES_MAX + 1];
    if (raw.len == 0)
        return DS_OK;
    DS_TRY(ds_json_parse(toks, DS_LEN(toks), raw, e));
    for (const struct ds_json_tok *t = ds_json_first(toks); t != NULL; t = ds_json_next(toks, t)) {
        size_t i = 0;
        while (i < c->n_advisories && !ds_span_eq_str(t->raw, c->advisories[i]))
            i++;
        if (i < c->n_advisories)
            continue;
        if (i == CLAIMS_ADVISORIES_MAX ||
            !ds_str_copy_span(c->advisories[i], sizeof c->advisories[i], t->raw))
            return ds_fail(e, DS_ERR_RANGE, "more or longer advisory ids than claims hold");
        c->n_advisories++;
    }
    return DS_OK;
}

static int add_all_advisories(struct claims_tcb *c, const struct dcap_tcb *tcb, struct ds_error *e)
{
    DS_TRY(add_advisories(c, tcb->platform->advisories, e));
    DS_TRY(add_advisories(c, tcb->qe->advisories, e));
    return tcb->module != NULL ? add_advisories(c, tcb->module->advisories, e) : DS_OK;
}

int dcap_fill_tcb(struct claims_tcb *c, const struct dcap_tcb *tcb, struct ds_error *e)
{
    c->status = tcb->status;
    c->date_s = tcb->date_s;
    return ds_coded(add_all_advisories(c, tcb, e), DS_CODE_DCAP_COLLATERAL_FORMAT, e);
}
