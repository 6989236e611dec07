/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of a TDX quote, top to bottom in the order of Intel's Quote
 * Verification Library. Numbers like 4.1.2.5.13 are the section numbers in that
 * library's source; the steps before them (chains, lists, signed collateral)
 * are its 4.1.2.2 to 4.1.2.4.
 *
 * Where a part of the collateral is missing, everything that can still be
 * checked is checked, so that a bad quote is called bad; then the absence
 * refuses the quote. Claims are filled in one place, at the very end.
 */

#include "attest/tdx/verify.h"

#include <stdio.h>

#include "attest/claims_private.h"
#include "attest/coded.h"
#include "attest/dcap/tcb.h"
#include "attest/x509.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/date.h"
#include "codec/json.h"
#include "codec/pem.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

#define KEY_TYPE_ECDSA_P256 2
#define CERT_TYPE_PCK_CHAIN 5 /* PEM: leaf, intermediate, root */

static const uint8_t intel_qe_vendor_id16[] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };

struct chain {
    struct ds_x509 certs[DS_X509_CHAIN_MAX]; /* leaf first */
    size_t n;
};

struct run {
    const struct ds_tdx_quote *quote;
    const struct ds_dcap_collateral *coll;
    const struct ds_anchors *anchors;
    int64_t now_s;
    struct ds_arena *mem;

    struct ds_anchor anchor;
    struct chain *pck;
    struct dcap_pck platform;
    struct ds_crl root_crl;
    const struct ds_tdx_module *module;
    struct dcap_tcb tcb;
    int64_t from_s, until_s; /* everything that was looked at is in date within */
    char missing[144];       /* names of absent parts */
};

static int refuse(const struct run *v, enum ds_code code, const char *claim, const char *expected,
                  const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, v->anchor.name);
}

/* True when a part is there; else its name is noted. */
static bool have(struct run *v, struct ds_span part, const char *name)
{
    size_t n = strlen(v->missing);
    if (part.len == 0)
        (void)snprintf(v->missing + n, sizeof v->missing - n, "%s%s", n > 0 ? ", " : "", name);
    return part.len > 0;
}

static void narrow(struct run *v, int64_t from_s, int64_t until_s)
{
    v->from_s = from_s > v->from_s ? from_s : v->from_s;
    v->until_s = until_s < v->until_s ? until_s : v->until_s;
}

static bool cn_has(const struct ds_x509 *cert, const char *phrase)
{
    struct ds_span cn = cert->subject_cn;
    return cn.len > 0 && memmem(cn.p, cn.len, phrase, strlen(phrase)) != NULL;
}

/* RFC 5280 4.2.1.3: a key that signs other things than certificates and lists says so. */
static bool may_sign(const struct ds_x509 *cert)
{
    return cert->has_key_usage && (cert->key_usage & DS_KEY_USAGE_DIGITAL_SIGNATURE) != 0;
}

static int check_header(const struct run *v, struct ds_error *e)
{
    const struct ds_tdx_quote *q = v->quote;
    char got[8];
    (void)snprintf(got, sizeof got, "%u", q->key_type);
    if (q->key_type != KEY_TYPE_ECDSA_P256)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_KEY_TYPE, "attestation_key_type", "2",
                         got, NULL);
    if (memcmp(q->qe_vendor_id16, intel_qe_vendor_id16, 16) != 0)
        return refuse(v, DS_CODE_DCAP_QE_VENDOR, "qe_vendor_id",
                      DS_HEX(DS_SPAN(intel_qe_vendor_id16, 16)),
                      DS_HEX(DS_SPAN(q->qe_vendor_id16, 16)), e);
    return DS_OK;
}

/* Parse a chain of exactly n certificates, leaf first. */
static int parse_chain(struct chain **ret, struct run *v, struct ds_span pem, size_t n,
                       struct ds_error *e)
{
    struct chain *c = ds_arena_get(v->mem, sizeof *c);
    struct ds_span der;
    char want[32], got[32];
    (void)snprintf(want, sizeof want, "%zu certificates", n);
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a certificate chain");
    for (;;) {
        DS_TRY(ds_coded(ds_pem_next(&der, &pem, "CERTIFICATE", v->mem, e), DS_CODE_X509_FORMAT, e));
        if (der.p == NULL)
            break;
        if (c->n == n)
            return refuse(v, DS_CODE_X509_CHAIN, "chain", want, "more", e);
        DS_TRY(ds_x509_parse(&c->certs[c->n], der, e));
        c->n++;
    }
    (void)snprintf(got, sizeof got, "%zu", c->n);
    if (c->n != n)
        return refuse(v, DS_CODE_X509_CHAIN, "chain", want, got, e);
    for (size_t i = 0; i < n; i++)
        narrow(v, c->certs[i].not_before_s, c->certs[i].not_after_s);
    *ret = c;
    return DS_OK;
}

static int check_pck_chain(struct run *v, struct ds_error *e)
{
    struct ds_span pem = v->coll->parts.pck_chain_pem;
    char got[8];
    (void)snprintf(got, sizeof got, "%u", v->quote->cert_type);
    if (pem.len == 0 && v->quote->cert_type != CERT_TYPE_PCK_CHAIN)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_CERT_DATA, "certification_data_type",
                         "5", got, NULL);
    if (pem.len == 0)
        pem = v->quote->cert_data;
    int r = parse_chain(&v->pck, v, pem, 3, e);
    if (r == DS_OK)
        r = ds_x509_check_chain(&v->anchor, v->pck->certs, 3, v->anchors, v->now_s, e);
    if (r < 0)
        return ds_wrap(e, r, "PCK chain");
    /* 4.1.2.5.5 */
    if (!cn_has(&v->pck->certs[0], "SGX PCK Certificate"))
        return refuse(v, DS_CODE_DCAP_PCK_CERTIFICATE, "pck_common_name", "SGX PCK Certificate",
                      ds_x509_name_of(v->pck->certs[0].subject_cn).s, e);
    if (!may_sign(&v->pck->certs[0]))
        return refuse(v, DS_CODE_DCAP_PCK_CERTIFICATE, "pck_key_usage", "digitalSignature",
                      "another usage", e);
    return dcap_pck_parse(&v->platform, &v->pck->certs[0], e);
}

static int check_not_revoked_by_root(const struct run *v, const struct ds_x509 *cert,
                                     struct ds_error *e)
{
    if (ds_crl_has(&v->root_crl, cert))
        return refuse(v, DS_CODE_DCAP_CA_REVOKED, ds_x509_name_of(cert->subject_cn).s,
                      "not revoked", "revoked", e);
    return DS_OK;
}

static int check_root_crl(struct run *v, struct ds_error *e)
{
    if (!have(v, v->coll->parts.root_crl_der, "root_ca_crl"))
        return DS_OK;
    DS_TRY(ds_crl_parse(&v->root_crl, v->coll->parts.root_crl_der, e));
    DS_TRY(ds_crl_check(&v->root_crl, &v->pck->certs[2], v->now_s, e));
    narrow(v, v->root_crl.this_update_s, v->root_crl.next_update_s);
    return check_not_revoked_by_root(v, &v->pck->certs[1], e);
}

static int check_pck_crl(struct run *v, struct ds_error *e)
{
    const struct ds_x509 *leaf = &v->pck->certs[0], *issuer = &v->pck->certs[1];
    struct ds_crl crl;
    if (!have(v, v->coll->parts.pck_crl_der, "pck_crl"))
        return DS_OK;
    DS_TRY(ds_crl_parse(&crl, v->coll->parts.pck_crl_der, e));
    /* 4.1.2.5.7: a CA's list, and the raw issuer names are the same. */
    if (!cn_has(issuer, "CA") || !ds_span_eq(crl.issuer, leaf->issuer))
        return refuse(v, DS_CODE_DCAP_PCK_CRL, "pck_crl_issuer",
                      ds_x509_name_of(issuer->subject_cn).s, "another issuer", e);
    DS_TRY(ds_crl_check(&crl, issuer, v->now_s, e));
    narrow(v, crl.this_update_s, crl.next_update_s);
    /* 4.1.2.5.8 */
    if (ds_crl_has(&crl, leaf))
        return refuse(v, DS_CODE_DCAP_PCK_REVOKED, "pck_serial", "not revoked",
                      DS_HEX(ds_span_sub(leaf->serial, 0, 32)), e);
    return DS_OK;
}

/* The signer of TCB info or QE identity; both come from one chain, mostly the same text. */
static int check_signer(struct chain **ret, struct run *v, struct ds_span pem, struct ds_error *e)
{
    const struct ds_x509 *root = &v->pck->certs[2];
    struct ds_anchor anchor = v->anchor;
    struct chain *c;
    DS_TRY(parse_chain(&c, v, pem, 2, e));
    /* The very root that the PCK chain ended in is not checked again. */
    if (ds_span_eq(c->certs[1].der, root->der))
        DS_TRY(ds_x509_check_link(&c->certs[0], root, 0, &anchor, v->now_s, e));
    else
        DS_TRY(ds_x509_check_chain(&anchor, c->certs, 2, v->anchors, v->now_s, e));
    if (!ds_span_eq(c->certs[1].spki, root->spki))
        return refuse(v, DS_CODE_DCAP_MIXED_ROOTS, "collateral_root", v->anchor.name, anchor.name,
                      e);
    if (!cn_has(&c->certs[0], "SGX TCB Signing"))
        return refuse(v, DS_CODE_DCAP_TCB_SIGNER, "signer_common_name", "SGX TCB Signing",
                      ds_x509_name_of(c->certs[0].subject_cn).s, e);
    if (!may_sign(&c->certs[0]))
        return refuse(v, DS_CODE_DCAP_TCB_SIGNER, "signer_key_usage", "digitalSignature",
                      "another usage", e);
    DS_TRY(check_not_revoked_by_root(v, &c->certs[0], e));
    *ret = c;
    return DS_OK;
}

static int check_signed_text(const struct run *v, const struct chain *signer, struct ds_span text,
                             struct ds_span sig64, enum ds_code code, const char *claim,
                             struct ds_error *e)
{
    uint8_t xy64[64], digest32[32];
    char want[96];
    DS_TRY(ds_p256_of_spki(xy64, signer->certs[0].spki, e));
    DS_TRY(ds_hash(DS_SHA256, digest32, text, e));
    int r = ds_p256_verify(xy64, digest32, sig64.p, e);
    (void)snprintf(want, sizeof want, "signed by %s",
                   ds_x509_name_of(signer->certs[0].subject_cn).s);
    return r == DS_ERR_UNTRUSTED
               ? refuse(v, code, claim, want, "a signature that does not verify", e)
               : r;
}

static int check_dates(struct run *v, int64_t issue_s, int64_t next_s, enum ds_code expired,
                       enum ds_code future, const char *claim, struct ds_error *e)
{
    char want[48], iso[21], now[21];
    narrow(v, issue_s, next_s);
    if (v->now_s >= issue_s && v->now_s <= next_s)
        return DS_OK;
    (void)snprintf(want, sizeof want, "%s to ", ds_date_format(iso, issue_s));
    (void)snprintf(want + strlen(want), sizeof want - strlen(want), "%s",
                   ds_date_format(iso, next_s));
    return ds_refuse(e, DS_ERR_STALE, v->now_s < issue_s ? future : expired, claim, want,
                     ds_date_format(now, v->now_s), v->anchor.name);
}

/* Chains, signatures and dates of TCB info and QE identity. */
static int check_signed_collateral(struct run *v, struct ds_error *e)
{
    const struct ds_dcap_parts *p = &v->coll->parts;
    struct chain *tcb = NULL, *qe = NULL;
    if (have(v, p->tcb_chain_pem, "tcb_info_issuer_chain"))
        DS_TRY(check_signer(&tcb, v, p->tcb_chain_pem, e));
    if (have(v, p->qe_chain_pem, "qe_identity_issuer_chain")) {
        if (ds_span_eq(p->qe_chain_pem, p->tcb_chain_pem))
            qe = tcb;
        else
            DS_TRY(check_signer(&qe, v, p->qe_chain_pem, e));
    }
    bool has_tcb_sig = have(v, p->tcb_sig64, "tcb_info_signature");
    bool has_qe_sig = have(v, p->qe_sig64, "qe_identity_signature");
    if (have(v, p->tcb_info, "tcb_info")) {
        if (tcb != NULL && has_tcb_sig)
            DS_TRY(check_signed_text(v, tcb, p->tcb_info, p->tcb_sig64,
                                     DS_CODE_DCAP_TCB_INFO_SIGNATURE, "tcb_info", e));
        DS_TRY(check_dates(v, v->coll->tcb.issue_s, v->coll->tcb.next_s,
                           DS_CODE_DCAP_TCB_INFO_EXPIRED, DS_CODE_DCAP_TCB_INFO_FUTURE, "tcb_info",
                           e));
    }
    if (have(v, p->qe_identity, "qe_identity")) {
        if (qe != NULL && has_qe_sig)
            DS_TRY(check_signed_text(v, qe, p->qe_identity, p->qe_sig64,
                                     DS_CODE_DCAP_QE_IDENTITY_SIGNATURE, "qe_identity", e));
        DS_TRY(check_dates(v, v->coll->qe.issue_s, v->coll->qe.next_s,
                           DS_CODE_DCAP_QE_IDENTITY_EXPIRED, DS_CODE_DCAP_QE_IDENTITY_FUTURE,
                           "qe_identity", e));
    }
    return DS_OK;
}

/* TCB info is of this TEE and platform, and knows its TDX module. */
static int check_tcb_info(struct run *v, struct ds_error *e)
{
    const struct ds_tcb_info *info = &v->coll->tcb;
    if (info->version == 0)
        return DS_OK;
    /* 4.1.2.5.10 */
    if (strcmp(info->id, "TDX") != 0)
        return refuse(v, DS_CODE_DCAP_TCB_INFO_MISMATCH, "tcb_info_id", "TDX", info->id, e);
    /* 4.1.2.5.11 */
    if (memcmp(info->fmspc6, v->platform.fmspc6, 6) != 0)
        return refuse(v, DS_CODE_DCAP_TCB_INFO_MISMATCH, "fmspc",
                      DS_HEX(DS_SPAN(v->platform.fmspc6, 6)), DS_HEX(DS_SPAN(info->fmspc6, 6)), e);
    if (memcmp(info->pceid2, v->platform.pceid2, 2) != 0)
        return refuse(v, DS_CODE_DCAP_TCB_INFO_MISMATCH, "pceid",
                      DS_HEX(DS_SPAN(v->platform.pceid2, 2)), DS_HEX(DS_SPAN(info->pceid2, 2)), e);
    /* 4.1.2.5.12 */
    return dcap_tcb_check_module(&v->module, info, &v->quote->td, v->anchor.name, e);
}

/* The PCK key signed the QE's report, and the report names the attestation key. */
static int check_qe_report(const struct run *v, struct ds_error *e)
{
    const struct ds_tdx_quote *q = v->quote;
    uint8_t xy64[64], digest32[32], want64[64] = { 0 };
    /* 4.1.2.5.13 */
    DS_TRY(ds_p256_of_spki(xy64, v->pck->certs[0].spki, e));
    DS_TRY(ds_hash(DS_SHA256, digest32, q->qe_report_raw, e));
    int r = ds_p256_verify(xy64, digest32, q->qe_sig64, e);
    if (r == DS_ERR_UNTRUSTED)
        return refuse(v, DS_CODE_DCAP_QE_SIGNATURE, "qe_report", "signed by the PCK",
                      "a signature that does not verify", e);
    DS_TRY(r);
    /* 4.1.2.5.14; the second half is zero. */
    const struct ds_span parts[] = { { q->ak_pub64, 64 }, q->qe_auth };
    DS_TRY(ds_hash_v(DS_SHA256, want64, parts, DS_LEN(parts), e));
    if (memcmp(want64, q->qe_report.report_data64, 64) != 0)
        return refuse(v, DS_CODE_DCAP_QE_BINDING, "qe_report_data", DS_HEX(DS_SPAN_OF(want64)),
                      DS_HEX(DS_SPAN_OF(q->qe_report.report_data64)), e);
    return DS_OK;
}

static int check_qe_identity(const struct run *v, struct ds_error *e)
{
    const struct ds_qe_identity *id = &v->coll->qe;
    if (id->version == 0)
        return DS_OK;
    /* 4.1.2.5.15 */
    if (strcmp(id->id, "TD_QE") != 0)
        return refuse(v, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, "qe_identity_id", "TD_QE", id->id, e);
    /* 4.1.2.5.16 */
    return dcap_tcb_check_qe(id, &v->quote->qe_report, v->anchor.name, e);
}

static int check_quote_signature(const struct run *v, struct ds_error *e)
{
    uint8_t digest32[32];
    /* 4.1.2.5.17 */
    DS_TRY(ds_hash(DS_SHA256, digest32, v->quote->signed_part, e));
    int r = ds_p256_verify(v->quote->ak_pub64, digest32, v->quote->sig64, e);
    return r == DS_ERR_UNTRUSTED || r == DS_ERR_FORMAT
               ? refuse(v, DS_CODE_DCAP_QUOTE_SIGNATURE, "quote", "signed by the attestation key",
                        "a signature that does not verify", e)
               : r;
}

static int check_tcb_level(struct run *v, struct ds_error *e)
{
    if (v->coll->tcb.version == 0 || v->coll->qe.version == 0)
        return DS_OK;
    /* 4.1.2.5.18 and 19 */
    return dcap_tcb_evaluate(&v->tcb, v->coll, v->module, &v->platform, v->quote->td.tee_tcb_svn16,
                             v->quote->qe_report.isvsvn, e);
}

/* Quotes come in padded buffers. No signature covers the padding, so it may carry nothing. */
static int check_padding(const struct run *v, struct ds_error *e)
{
    struct ds_span rest = v->quote->padding;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.p[i] != 0)
            return refuse(v, DS_CODE_DCAP_QUOTE_PADDING, "padding", "zero bytes behind the quote",
                          DS_HEX(ds_span_sub(rest, i, 32)), e);
    return DS_OK;
}

static int check_complete(const struct run *v, struct ds_error *e)
{
    char got[192];
    if (v->missing[0] == '\0')
        return DS_OK;
    (void)snprintf(got, sizeof got, "missing; the level would be %s",
                   v->tcb.status != DS_TCB_NONE ? ds_tcb_status_text(v->tcb.status) : "unknown");
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, "collateral",
                     v->missing, got, v->anchor.name);
}

/* Add the ids of one level that are not there yet. */
static int add_advisories(struct ds_claims *c, struct ds_span raw, struct ds_error *e)
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

static int fill_claims(struct ds_claims *c, const struct run *v, struct ds_error *e)
{
    const struct ds_td_report *td = &v->quote->td;
    uint32_t tcb_eval = v->coll->tcb.eval_number, qe_eval = v->coll->qe.eval_number;
    *c = (struct ds_claims){
        .kind = v->anchor.kind,
        .tee = DS_TEE_TDX,
        .tdx = { .td_attributes = td->td_attributes, .xfam = td->xfam },
        .tcb_status = v->tcb.status,
        .tcb_date_s = v->tcb.date_s,
        .tcb_eval_number = tcb_eval < qe_eval ? tcb_eval : qe_eval,
        .valid_from_s = v->from_s,
        .valid_until_s = v->until_s,
    };
    (void)snprintf(c->anchor, sizeof c->anchor, "%s", v->anchor.name);
    memcpy(c->report_data64, td->report_data64, 64);
    memcpy(c->tdx.mrtd48, td->mrtd48, 48);
    memcpy(c->tdx.rtmr48, td->rtmr48, sizeof c->tdx.rtmr48);
    memcpy(c->tdx.mrseam48, td->mrseam48, 48);
    memcpy(c->tdx.mrconfigid48, td->mrconfigid48, 48);
    memcpy(c->tdx.mrowner48, td->mrowner48, 48);
    memcpy(c->tdx.mrownerconfig48, td->mrownerconfig48, 48);
    memcpy(c->tdx.fmspc6, v->platform.fmspc6, 6);
    DS_TRY(ds_hash(DS_SHA256, c->device_id32, DS_SPAN_OF(v->platform.ppid16), e));
    DS_TRY(add_advisories(c, v->tcb.platform->advisories, e));
    DS_TRY(add_advisories(c, v->tcb.qe->advisories, e));
    return v->tcb.module != NULL ? add_advisories(c, v->tcb.module->advisories, e) : DS_OK;
}

static int verify(struct ds_claims *c, struct run *v, struct ds_error *e)
{
    DS_TRY(check_header(v, e));
    DS_TRY(check_pck_chain(v, e));
    DS_TRY(check_root_crl(v, e));
    DS_TRY(check_pck_crl(v, e));
    DS_TRY(check_signed_collateral(v, e));
    DS_TRY(check_tcb_info(v, e));
    DS_TRY(check_qe_report(v, e));
    DS_TRY(check_qe_identity(v, e));
    DS_TRY(check_quote_signature(v, e));
    DS_TRY(check_tcb_level(v, e));
    DS_TRY(check_padding(v, e));
    DS_TRY(check_complete(v, e));
    return fill_claims(c, v, e);
}

int ds_tdx_quote_verify(struct ds_claims *ret, struct ds_arena *mem,
                        const struct ds_tdx_quote *quote, const struct ds_dcap_collateral *coll,
                        const struct ds_anchors *anchors, int64_t now_s, struct ds_error *e)
{
    struct run v = {
        .quote = quote,
        .coll = coll,
        .anchors = anchors,
        .now_s = now_s,
        .mem = mem,
        .from_s = INT64_MIN,
        .until_s = INT64_MAX,
    };
    struct ds_claims c = { 0 };
    size_t used = mem->used;
    int r = verify(&c, &v, e);
    r = ds_anchored(r, v.anchor.name, e);
    mem->used = used;
    if (r == DS_OK)
        *ret = c;
    return r;
}
