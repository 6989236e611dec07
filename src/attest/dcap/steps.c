/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of a quote that do not depend on its body. Numbers are the sections in
 * the source of Intel's Quote Verification Library (QVL).
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

int dcap_refuse(const struct dcap_run *v, enum ds_code code, const char *claim,
                const char *expected, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, v->platform->anchor.name);
}

int dcap_refuse_bytes(enum ds_code code, const char *claim, const uint8_t *expected,
                      const uint8_t *got, size_t n, const char *anchor, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, DS_HEX(DS_SPAN(expected, n)),
                     DS_HEX(DS_SPAN(got, n)), anchor);
}

int dcap_check_dates(const struct dcap_dates *d, int64_t now_s, enum ds_code early,
                     enum ds_code late, const char *claim, const char *anchor, struct ds_error *e)
{
    char want[48], from[21], until[21], now[21];
    if (now_s >= d->from_s && now_s <= d->until_s)
        return DS_OK;
    (void)snprintf(want, sizeof want, "%s to %s", ds_date_format(from, d->from_s),
                   ds_date_format(until, d->until_s));
    return ds_refuse(e, DS_ERR_STALE, now_s < d->from_s ? early : late, claim, want,
                     ds_date_format(now, now_s), anchor);
}

static int check_stale(const struct dcap_run *v, const struct dcap_dates *d, struct ds_error *e)
{
    return dcap_check_dates(d, v->now_s, DS_CODE_DCAP_PLATFORM_STALE, DS_CODE_DCAP_PLATFORM_STALE,
                            "time", v->platform->anchor.name, e);
}

int dcap_check_platform(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_dcap_platform *p = v->platform;
    if (!ds_dcap_platform_serves(p, v->quote))
        return dcap_refuse(v, DS_CODE_DCAP_PLATFORM_OTHER, "certification_data",
                           p->coll != NULL ? "the chain that the platform was verified by"
                                           : "a platform that verified",
                           p->coll != NULL ? "another" : "none", e);
    DS_TRY(check_stale(v, &p->dates, e));
    return check_stale(v, &p->root_dates, e);
}

int dcap_check_tcb_info(const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_tcb_info *info = v->docs.tcb_info;
    const struct dcap_pck *pck = &v->platform->pck;
    if (info == NULL)
        return DS_OK;
    /* 4.1.2.5.10 */
    if (strcmp(info->id, v->tee) != 0)
        return dcap_refuse(v, DS_CODE_DCAP_TCB_INFO_MISMATCH, "tcb_info_id", v->tee, info->id, e);
    /* 4.1.2.5.11 */
    if (memcmp(info->fmspc6, pck->fmspc6, 6) != 0)
        return dcap_refuse_bytes(DS_CODE_DCAP_TCB_INFO_MISMATCH, "fmspc", pck->fmspc6, info->fmspc6,
                                 6, v->platform->anchor.name, e);
    if (memcmp(info->pceid2, pck->pceid2, 2) != 0)
        return dcap_refuse_bytes(DS_CODE_DCAP_TCB_INFO_MISMATCH, "pceid", pck->pceid2, info->pceid2,
                                 2, v->platform->anchor.name, e);
    return DS_OK;
}

static bool is_known(const struct dcap_run *v, const struct ds_dcap_qe *known)
{
    return known != NULL && memcmp(known->pck_xy64, v->platform->pck_xy64, 64) == 0 &&
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
    const struct ds_qe_identity *id = v->docs.qe_identity;
    if (id == NULL)
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
    memcpy(known->pck_xy64, v->platform->pck_xy64, 64);
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

bool dcap_is_complete(const struct dcap_run *v) { return v->platform->missing[0] == '\0'; }

struct dcap_run dcap_if_signed(const struct dcap_run *v)
{
    const struct ds_dcap_collateral *coll = v->platform->coll;
    struct dcap_run all = *v;
    all.docs.tcb_info = coll->parts.tcb_info.len > 0 ? &coll->tcb : NULL;
    all.docs.qe_identity = coll->parts.qe_identity.len > 0 ? &coll->qe : NULL;
    return all;
}

enum ds_tcb_status dcap_level_without(const struct dcap_docs *docs, enum ds_tcb_status level)
{
    bool is_known = docs->tcb_info != NULL && docs->qe_identity != NULL;
    return is_known || level == DS_TCB_REVOKED ? level : DS_TCB_NONE;
}

int dcap_refuse_incomplete(const struct dcap_run *v, enum ds_tcb_status level, struct ds_error *e)
{
    char got[192];
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
