/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the synthetic platform: certificates, lists, documents, quote.
 */

#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/x509.h"
#include "base/hex.h"
#include "codec/der.h"
#include "codec/json_write.h"
#include "crypto/cert.h"
#include "crypto/hash.h"

#define MARKER_OID  "2.25.87004685595501205687623033636980005123.1"
#define UNKNOWN_OID "1.2.3.4"
#define SGX_OID     "1.2.840.113741.1.13.1"

struct synth synth_good(void)
{
    const uint32_t ca = DS_CERT_KEY_CERT_SIGN | DS_CERT_CRL_SIGN;
    const int64_t from_s = SYNTH_NOW - SYNTH_DAY, to_s = SYNTH_NOW + SYNTH_DAY;
    struct synth s = {
        .plans = {
            [ROOT] = { "Test SGX Root CA", ROOT, true, 1, ca, .has_marker = true },
            [OTHER_ROOT] = { "Test SGX Root CA", OTHER_ROOT, true, 1, ca, .has_marker = true },
            [CA] = { "Test SGX PCK Platform CA", ROOT, true, 0, ca, .has_marker = true },
            [PCK] = { "Test SGX PCK Certificate", CA, false, -1, DS_CERT_DIGITAL_SIGNATURE,
                      .has_marker = true, .has_sgx = true },
            [SIGNER] = { "Test SGX TCB Signing", ROOT, false, -1, DS_CERT_DIGITAL_SIGNATURE,
                         .has_marker = true },
        },
        .fmspc = { 1, 2, 3, 4, 5, 6 },
        .info_fmspc = { 1, 2, 3, 4, 5, 6 },
        .sgx_svn = 5,
        .pcesvn = 11,
        .n_more_sgx_fields = 1,
        .sgx_type_tag = DS_DER_ENUMERATED,
        .root_crl_by = ROOT,
        .pck_crl_by = CA,
        .crl_this_s = from_s,
        .crl_next_s = to_s,
        .tcb_id = "TDX",
        .tcb_eval = 17,
        .tcb_issue = "2027-01-14T00:00:00Z",
        .tcb_next = "2027-02-14T00:00:00Z",
        .level_status = "UpToDate",
        .module_id = "TDX_03",
        .module_status = "UpToDate",
        .more_module_levels = "",
        .more_qe_levels = "",
        .module_attributes = "0000000000000000",
        .module_mrsigner_byte = "00",
        .qe_status = "UpToDate",
        .has_modules = true,
        .level_svn = 5,
        .level_tdx_svn = 2,
        .level_pcesvn = 11,
        .module_svn = 4,
        .tcb_version = 3,
        .qe_svn = 3,
        .qe_id = "TD_QE",
        .qe_issue = "2027-01-14T00:00:00Z",
        .qe_next = "2027-02-14T00:00:00Z",
        .qe_misc = "00000000",
        .qe_attributes = "11000000000000000000000000000000",
        .qe_mrsigner_byte = "aa",
        .qe_prodid = 2,
        .collateral_root = ROOT,
    };
    for (size_t i = 0; i < N_CERTS; i++) {
        s.plans[i].not_before_s = from_s;
        s.plans[i].not_after_s = to_s;
    }
    s.quote.dcap = (struct ds_dcap_quote){ .version = 4,
                                           .key_type = 2,
                                           .tee_type = DS_DCAP_TEE_TDX,
                                           .body_type = DS_DCAP_BODY_TD10,
                                           .cert_type = DS_DCAP_CERT_PCK_CHAIN };
    static const uint8_t vendor[] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                      0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };
    static const uint8_t svn[16] = { 5, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 };
    memcpy(s.quote.dcap.qe_vendor_id16, vendor, 16);
    memcpy(s.quote.td.tee_tcb_svn16, svn, 16);
    memcpy(s.quote.td.tee_tcb_svn2_16, svn, 16);
    memset(s.enclave.mrenclave32, 0x3e, 32);
    s.enclave.attributes16[0] = 0x05;
    s.quote.td.td_attributes = 0x10000000;
    s.quote.dcap.qe_report.attributes16[0] = 0x15;
    memset(s.quote.dcap.qe_report.mrsigner32, 0xaa, 32);
    s.quote.dcap.qe_report.isvprodid = 2;
    s.quote.dcap.qe_report.isvsvn = 3;
    return s;
}

struct synth synth_good_of(uint16_t version, enum ds_dcap_body body)
{
    struct synth s = synth_good();
    s.quote.dcap.version = version;
    s.quote.dcap.body_type = body;
    if (body != DS_DCAP_BODY_SGX)
        return s;
    s.quote.dcap.tee_type = DS_DCAP_TEE_SGX;
    s.tcb_id = "SGX";
    s.qe_id = "QE";
    return s;
}

void synth_done(struct synth *s)
{
    for (size_t i = 0; i < N_CERTS; i++) {
        ds_p256_key_free(s->keys[i]);
        ds_buf_done(&s->certs[i]);
    }
    ds_p256_key_free(s->ak);
}

static void synth_tlv(struct ds_buf *b, uint8_t tag, struct ds_span body)
{
    ds_buf_be(b, tag, 1);
    if (body.len >= 0x100)
        ds_buf_be(b, 0x82, 1);
    else if (body.len >= 0x80)
        ds_buf_be(b, 0x81, 1);
    ds_buf_be(b, body.len, body.len >= 0x100 ? 2 : 1);
    ds_buf_add(b, body);
}

static void synth_field(struct ds_buf *b, uint8_t field, uint8_t sub, uint8_t tag,
                        struct ds_span value)
{
    const uint8_t oid[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, field, sub };
    DS_AUTO(ds_buf_done) struct ds_buf pair = { 0 };
    synth_tlv(&pair, DS_DER_OID, DS_SPAN(oid, sub == 0 ? 10 : 11));
    synth_tlv(&pair, tag, value);
    synth_tlv(b, DS_DER_SEQUENCE, ds_buf_span(&pair));
}

static void synth_sgx_extension(struct ds_buf *ret, const struct synth *s)
{
    static const uint8_t zeros[16] = { 0 };
    const uint8_t pcesvn[] = { (uint8_t)(s->pcesvn >> 8), (uint8_t)s->pcesvn };
    DS_AUTO(ds_buf_done) struct ds_buf tcb = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf all = { 0 };
    for (uint8_t i = 1; i <= 16; i++)
        synth_field(&tcb, 2, i, DS_DER_INTEGER, DS_SPAN(&s->sgx_svn, 1));
    synth_field(&tcb, 2, 17, DS_DER_INTEGER, DS_SPAN(pcesvn + 1, 1));
    synth_field(&tcb, 2, 18, DS_DER_OCTET_STRING, DS_SPAN_OF(zeros));
    synth_field(&all, 1, 0, DS_DER_OCTET_STRING, DS_SPAN_OF(zeros));
    synth_field(&all, 2, 0, DS_DER_SEQUENCE, ds_buf_span(&tcb));
    synth_field(&all, 3, 0, DS_DER_OCTET_STRING, DS_SPAN_OF(s->pceid));
    synth_field(&all, 4, 0, DS_DER_OCTET_STRING, DS_SPAN_OF(s->fmspc));
    for (uint8_t i = 0; i < s->n_more_sgx_fields; i++)
        synth_field(&all, (uint8_t)(5 + i), 0, i == 0 ? s->sgx_type_tag : DS_DER_OCTET_STRING,
                    DS_SPAN(zeros, 1));
    synth_tlv(ret, DS_DER_SEQUENCE, ds_buf_span(&all));
}

static void synth_make_cert(struct synth *s, enum synth_cert which)
{
    const struct synth_cert_plan *p = &s->plans[which];
    enum synth_cert issuer = which == SIGNER ? s->collateral_root : p->issuer;
    DS_AUTO(ds_buf_done) struct ds_buf sgx = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN];
    struct ds_cert_ext exts[3];
    size_t n = 0;
    synth_sgx_extension(&sgx, s);
    if (p->has_marker)
        exts[n++] = (struct ds_cert_ext){ MARKER_OID, !p->is_marker_soft, DS_SPAN_LIT("\x05\x00") };
    if (p->has_unknown)
        exts[n++] = (struct ds_cert_ext){ UNKNOWN_OID, true, DS_SPAN_LIT("\x05\x00") };
    if (p->has_sgx)
        exts[n++] = (struct ds_cert_ext){ SGX_OID, false, ds_buf_span(&sgx) };
    ds_p256_key_spki(spki, s->keys[which]);
    const uint8_t serial[] = { (uint8_t)(which + 1) };
    const struct ds_cert_spec spec = { .subject = { .cn = p->cn },
                                       .spki = DS_SPAN_OF(spki),
                                       .serial = DS_SPAN_OF(serial),
                                       .not_before_s = p->not_before_s,
                                       .not_after_s = p->not_after_s,
                                       .ca = p->ca,
                                       .path_len = p->path_len,
                                       .usage = p->usage,
                                       .exts = exts,
                                       .n_exts = n };
    struct ds_span by = issuer == which ? (struct ds_span){ 0 } : ds_buf_span(&s->certs[issuer]);
    struct ds_error e = { 0 };
    if (ds_cert_make(&s->certs[which], &spec, by, s->keys[issuer], &e) < 0)
        fail_msg("%s: %s", p->cn, e.msg);
}

static struct ds_span synth_keep(struct ds_arena *a, const struct ds_buf *b)
{
    assert_false(b->bad);
    uint8_t *p = ds_arena_get(a, b->len);
    assert_non_null(p);
    if (b->len > 0)
        memcpy(p, b->p, b->len);
    return DS_SPAN(p, b->len);
}

static struct ds_span synth_chain(struct ds_arena *a, const struct synth *s,
                                  const enum synth_cert *which, size_t n)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    for (size_t i = 0; i < n; i++)
        ds_pem_add(&pem, "CERTIFICATE", ds_buf_span(&s->certs[which[i]]));
    return synth_keep(a, &pem);
}

/* Call an extension of a list something else, and sign the list again. */
static void synth_hide_extension(struct ds_buf *der, uint8_t arc, const struct ds_p256_key *key)
{
    const uint8_t oid[] = { DS_DER_OID, 3, 0x55, 0x1d, arc };
    DS_AUTO(ds_buf_done) struct ds_buf tbs = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf all = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf bits = { 0 };
    struct ds_p256_sig_der sig;
    struct ds_crl crl;
    assert_int_equal(ds_crl_parse(&crl, ds_buf_span(der), NULL), DS_OK);
    ds_buf_add(&tbs, crl.tbs);
    char *at = memmem(tbs.p, tbs.len, oid, sizeof oid);
    assert_non_null(at);
    at[4] = 0x7f;
    assert_int_equal(ds_p256_sign_der(&sig, key, ds_buf_span(&tbs), NULL), DS_OK);
    ds_buf_char(&bits, '\0');
    ds_buf_add(&bits, DS_SPAN(sig.b, sig.len));
    ds_buf_add(&all, ds_buf_span(&tbs));
    ds_buf_add(&all, crl.sig_alg);
    synth_tlv(&all, DS_DER_BIT_STRING, ds_buf_span(&bits));
    der->len = 0;
    synth_tlv(der, DS_DER_SEQUENCE, ds_buf_span(&all));
}

static struct ds_span synth_crl(struct ds_arena *a, const struct synth *s, enum synth_cert by,
                                const enum synth_cert *revoked, size_t n)
{
    static const uint8_t serials[] = { 1, 2, 3, 4, 5 };
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    struct ds_span list[2];
    for (size_t i = 0; i < n; i++)
        list[i] = DS_SPAN(&serials[revoked[i]], 1);
    const struct ds_crl_spec spec = { .this_update_s = s->crl_this_s,
                                      .next_update_s = s->crl_next_s,
                                      .number = 1,
                                      .revoked = list,
                                      .n_revoked = n };
    assert_int_equal(ds_crl_make(&der, &spec, ds_buf_span(&s->certs[by]), s->keys[by], NULL),
                     DS_OK);
    if (s->crl_hides != 0)
        synth_hide_extension(&der, s->crl_hides, s->keys[by]);
    return synth_keep(a, &der);
}

static void synth_repeat(struct ds_buf *b, const char *text, size_t n)
{
    while (n-- > 0)
        ds_buf_str(b, text);
}

static void synth_components(struct ds_buf *b, const char *key, unsigned svn)
{
    ds_buf_printf(b, "\"%s\":[", key);
    for (int i = 0; i < 16; i++)
        ds_buf_printf(b, "%s{\"svn\":%u}", i == 0 ? "" : ",", svn);
    ds_buf_str(b, "],");
}

/* Version 2 of TCB info. */
static void synth_flat_components(struct ds_buf *b, unsigned svn)
{
    for (int i = 1; i <= 16; i++)
        ds_buf_printf(b, "\"sgxtcbcomp%02dsvn\":%u,", i, svn);
}

static void synth_module(struct ds_buf *b, const struct synth *s)
{
    ds_buf_str(b, "\"mrsigner\":\"");
    synth_repeat(b, s->module_mrsigner_byte, 48);
    ds_buf_printf(b, "\",\"attributes\":\"%s\"%s", s->module_attributes,
                  s->has_no_module_mask ? "" : ",\"attributesMask\":\"FFFFFFFFFFFFFFFF\"");
}

static void synth_modules(struct ds_buf *b, const struct synth *s)
{
    ds_buf_str(b, "\"tdxModule\":{");
    synth_module(b, s);
    ds_buf_str(b, "},");
    if (s->is_modules_empty)
        ds_buf_str(b, "\"tdxModuleIdentities\":[],");
    if (!s->has_modules || s->is_modules_empty)
        return;
    ds_buf_printf(b, "\"tdxModuleIdentities\":[{\"id\":\"%s\",", s->module_id);
    synth_module(b, s);
    ds_buf_printf(b,
                  ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%u},\"tcbDate\":"
                  "\"2025-03-01T00:00:00Z\",\"tcbStatus\":\"%s\","
                  "\"advisoryIDs\":[\"INTEL-SA-00002\",\"INTEL-SA-00001\"]}%s]}],",
                  s->module_svn, s->module_status, s->more_module_levels);
}

static void synth_level(struct ds_buf *b, const struct synth *s, unsigned svn, unsigned pcesvn,
                        unsigned tdx_svn, const char *status)
{
    ds_buf_str(b, "{\"tcb\":{");
    if (s->tcb_version == 2)
        synth_flat_components(b, svn);
    else
        synth_components(b, "sgxtcbcomponents", svn);
    if (strcmp(s->tcb_id, "TDX") == 0)
        synth_components(b, "tdxtcbcomponents", tdx_svn);
    ds_buf_printf(b,
                  "\"pcesvn\":%u},\"tcbDate\":\"2025-04-01T00:00:00Z\",\"tcbStatus\":\"%s\","
                  "\"advisoryIDs\":[\"INTEL-SA-00001\"]}",
                  pcesvn, status);
}

static struct ds_span synth_tcb_info(struct ds_arena *a, const struct synth *s)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    bool is_tdx = strcmp(s->tcb_id, "TDX") == 0;
    ds_buf_str(&b, "{");
    if (s->tcb_version != 2)
        ds_buf_printf(&b, "\"id\":\"%s\",", s->tcb_id);
    ds_buf_printf(&b, "\"version\":%u,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",\"fmspc\":\"",
                  s->tcb_version, s->tcb_issue, s->tcb_next);
    ds_buf_hex(&b, DS_SPAN_OF(s->info_fmspc));
    ds_buf_str(&b, "\",\"pceId\":\"");
    ds_buf_hex(&b, DS_SPAN_OF(s->info_pceid));
    ds_buf_printf(&b, "\",\"tcbType\":%u,\"tcbEvaluationDataNumber\":%u,", s->tcb_type,
                  s->tcb_eval);
    if (is_tdx || s->has_modules_of_tdx)
        synth_modules(&b, s);
    ds_buf_str(&b, "\"tcbLevels\":[");
    synth_level(&b, s, s->level_svn, s->level_pcesvn, s->level_tdx_svn, s->level_status);
    if (s->has_more_levels) {
        ds_buf_char(&b, ',');
        synth_level(&b, s, s->more_svn, s->more_pcesvn, s->more_tdx_svn, "OutOfDate");
    }
    ds_buf_str(&b, "]}");
    return synth_keep(a, &b);
}

static struct ds_span synth_qe_identity(struct ds_arena *a, const struct synth *s)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    ds_buf_printf(&b,
                  "{\"id\":\"%s\",\"version\":2,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\","
                  "\"tcbEvaluationDataNumber\":16,\"miscselect\":\"%s\",\"miscselectMask\":"
                  "\"FFFFFFFF\",\"attributes\":\"%s\",\"attributesMask\":"
                  "\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"",
                  s->qe_id, s->qe_issue, s->qe_next, s->qe_misc, s->qe_attributes);
    synth_repeat(&b, s->qe_mrsigner_byte, 32);
    ds_buf_printf(&b,
                  "\",\"isvprodid\":%u,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%u},\"tcbDate\":"
                  "\"2025-02-01T00:00:00Z\",\"tcbStatus\":\"%s\"}%s]}",
                  s->qe_prodid, s->qe_svn, s->qe_status, s->more_qe_levels);
    return synth_keep(a, &b);
}

static struct ds_span synth_sig(struct ds_arena *a, const struct ds_p256_key *key,
                                struct ds_span text, bool breaks)
{
    uint8_t *sig = ds_arena_get(a, 64);
    assert_non_null(sig);
    assert_int_equal(ds_p256_sign(sig, key, text, NULL), DS_OK);
    sig[63] ^= breaks ? 1 : 0;
    return DS_SPAN(sig, 64);
}

struct ds_dcap_parts synth_parts(struct ds_arena *a, const struct synth *s)
{
    const enum synth_cert signer[] = { SIGNER, s->collateral_root };
    static const enum synth_cert pck[] = { PCK, CA, ROOT };
    enum synth_cert by_root[2], by_ca[] = { PCK };
    size_t n = 0;
    if (s->is_ca_revoked)
        by_root[n++] = CA;
    if (s->is_signer_revoked)
        by_root[n++] = SIGNER;
    struct ds_dcap_parts p = {
        .tcb_chain_pem = synth_chain(a, s, signer, 2),
        .root_crl_der = synth_crl(a, s, s->root_crl_by, by_root, n),
        .pck_crl_der = synth_crl(a, s, s->pck_crl_by, by_ca, s->is_pck_revoked ? 1 : 0),
        .tcb_info = synth_tcb_info(a, s),
        .qe_identity = synth_qe_identity(a, s),
    };
    if (!s->has_no_pck_crl_chain)
        p.pck_crl_chain_pem = synth_chain(a, s, pck + 1, 2);
    if (s->is_chain_beside)
        p.pck_chain_pem = synth_chain(a, s, pck, 3);
    p.qe_chain_pem = p.tcb_chain_pem;
    p.tcb_sig64 = synth_sig(a, s->keys[SIGNER], p.tcb_info, s->breaks_tcb_sig);
    p.qe_sig64 = synth_sig(a, s->keys[SIGNER], p.qe_identity, s->breaks_qe_id_sig);
    return p;
}

static void synth_zeros(struct ds_buf *b, size_t n)
{
    while (n-- > 0)
        ds_buf_char(b, '\0');
}

static void synth_td_report(struct ds_buf *b, const struct ds_td_report *td, bool is_td15)
{
    size_t start = b->len;
    ds_buf_add(b, DS_SPAN_OF(td->tee_tcb_svn16));
    ds_buf_add(b, DS_SPAN_OF(td->mrseam48));
    ds_buf_add(b, DS_SPAN_OF(td->mrsignerseam48));
    ds_buf_add(b, DS_SPAN_OF(td->seamattributes8));
    ds_buf_le(b, td->td_attributes, 8);
    ds_buf_le(b, td->xfam, 8);
    ds_buf_add(b, DS_SPAN_OF(td->mrtd48));
    ds_buf_add(b, DS_SPAN_OF(td->mrconfigid48));
    ds_buf_add(b, DS_SPAN_OF(td->mrowner48));
    ds_buf_add(b, DS_SPAN_OF(td->mrownerconfig48));
    ds_buf_add(b, DS_SPAN_OF(td->rtmr48));
    ds_buf_add(b, DS_SPAN_OF(td->report_data64));
    assert_int_equal(b->len - start, 584);
    if (!is_td15)
        return;
    ds_buf_add(b, DS_SPAN_OF(td->tee_tcb_svn2_16));
    ds_buf_add(b, DS_SPAN_OF(td->mrservicetd48));
}

static void synth_sgx_report(struct ds_buf *b, const struct ds_sgx_report *r)
{
    size_t start = b->len;
    ds_buf_add(b, DS_SPAN_OF(r->cpusvn16));
    ds_buf_add(b, DS_SPAN_OF(r->miscselect4));
    synth_zeros(b, 12);
    ds_buf_add(b, DS_SPAN_OF(r->isvextprodid16));
    ds_buf_add(b, DS_SPAN_OF(r->attributes16));
    ds_buf_add(b, DS_SPAN_OF(r->mrenclave32));
    synth_zeros(b, 32);
    ds_buf_add(b, DS_SPAN_OF(r->mrsigner32));
    synth_zeros(b, 32);
    ds_buf_add(b, DS_SPAN_OF(r->configid64));
    ds_buf_le(b, r->isvprodid, 2);
    ds_buf_le(b, r->isvsvn, 2);
    ds_buf_le(b, r->configsvn, 2);
    synth_zeros(b, 42);
    ds_buf_add(b, DS_SPAN_OF(r->isvfamilyid16));
    ds_buf_add(b, DS_SPAN_OF(r->report_data64));
    assert_int_equal(b->len - start, 384);
}

/* Header and body: what the attestation key signs. */
static void synth_signed_part(struct ds_buf *b, const struct synth *s)
{
    static const unsigned body_lens[] = { 0, 384, 584, 648 };
    const struct ds_dcap_quote *q = &s->quote.dcap;
    ds_buf_le(b, q->version, 2);
    ds_buf_le(b, q->key_type, 2);
    ds_buf_le(b, q->tee_type, 4);
    synth_zeros(b, 4);
    ds_buf_add(b, DS_SPAN_OF(q->qe_vendor_id16));
    synth_zeros(b, 20);
    if (q->version == 5) {
        ds_buf_le(b, q->body_type, 2);
        ds_buf_le(b, body_lens[q->body_type], 4);
    }
    if (q->body_type == DS_DCAP_BODY_SGX)
        synth_sgx_report(b, &s->enclave);
    else
        synth_td_report(b, &s->quote.td, q->body_type == DS_DCAP_BODY_TD15);
}

/* QE report, signature, authentication data, certification data. */
static void synth_qe_part(struct ds_buf *b, struct ds_arena *a, const struct synth *s,
                          const uint8_t ak_xy[static 64])
{
    static const enum synth_cert chain[] = { PCK, CA, ROOT };
    DS_AUTO(ds_buf_done) struct ds_buf report = { 0 };
    struct ds_sgx_report qe = s->quote.dcap.qe_report;
    uint16_t cert_type = s->quote.dcap.cert_type;
    struct ds_span data = DS_SPAN_LIT("where to ask for the certificate");
    if (cert_type == DS_DCAP_CERT_PCK_CHAIN || cert_type == DS_DCAP_CERT_PCK_LEAF)
        data = synth_chain(a, s, chain, cert_type == DS_DCAP_CERT_PCK_CHAIN ? 3 : 1);
    const struct ds_span bound[] = { { ak_xy, 64 }, DS_SPAN_LIT("auth") };
    assert_int_equal(ds_hash_v(DS_SHA256, qe.report_data64, bound, 2, NULL), DS_OK);
    qe.report_data64[0] ^= s->breaks_binding ? 1 : 0;
    qe.report_data64[63] = s->breaks_binding_tail ? 1 : 0;
    synth_sgx_report(&report, &qe);
    ds_buf_add(b, ds_buf_span(&report));
    ds_buf_add(b, synth_sig(a, s->keys[PCK], ds_buf_span(&report), s->breaks_qe_sig));
    ds_buf_le(b, 4, 2);
    ds_buf_str(b, "auth");
    ds_buf_le(b, cert_type, 2);
    ds_buf_le(b, data.len, 4);
    ds_buf_add(b, data);
}

struct ds_span synth_quote(struct ds_arena *a, const struct synth *s)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf qe = { 0 };
    uint8_t ak_xy[64];
    bool is_wrapped = s->quote.dcap.version != 3;
    ds_p256_key_public(ak_xy, s->ak);
    ak_xy[63] ^= s->breaks_ak ? 1 : 0;
    if (s->qe_part.len > 0)
        ds_buf_add(&qe, s->qe_part);
    else
        synth_qe_part(&qe, a, s, ak_xy);
    synth_signed_part(&b, s);
    struct ds_span sig = synth_sig(a, s->ak, ds_buf_span(&b), s->breaks_quote_sig);
    ds_buf_le(&b, 128 + (is_wrapped ? 6 : 0) + qe.len, 4);
    ds_buf_add(&b, sig);
    ds_buf_add(&b, DS_SPAN_OF(ak_xy));
    if (is_wrapped) {
        ds_buf_le(&b, DS_DCAP_CERT_QE_REPORT, 2);
        ds_buf_le(&b, qe.len, 4);
    }
    ds_buf_add(&b, ds_buf_span(&qe));
    return synth_keep(a, &b);
}

void synth_make(struct synth *s)
{
    for (size_t i = 0; i < N_CERTS; i++)
        assert_int_equal(ds_p256_key_new(&s->keys[i], NULL), DS_OK);
    assert_int_equal(ds_p256_key_new(&s->ak, NULL), DS_OK);
    static const enum synth_cert order[] = { ROOT, OTHER_ROOT, CA, PCK, SIGNER };
    for (size_t i = 0; i < DS_LEN(order); i++)
        synth_make_cert(s, order[i]);
}

struct ds_extra_anchor synth_anchor(const struct synth *s, enum synth_cert root, bool is_simulated)
{
    struct ds_extra_anchor x = { .is_simulated = is_simulated };
    (void)snprintf(x.name, sizeof x.name, "%s", root == ROOT ? "test root" : "other root");
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, s->keys[root]);
    assert_int_equal(ds_hash(DS_SHA256, x.spki_sha256, DS_SPAN_OF(spki), NULL), DS_OK);
    return x;
}

void synth_set(struct ds_buf *ret, const struct ds_dcap_parts *parts)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_text(&w, "pck_crl_issuer_chain", parts->pck_crl_chain_pem);
    ds_jw_hex(&w, "root_ca_crl", parts->root_crl_der);
    ds_jw_hex(&w, "pck_crl", parts->pck_crl_der);
    ds_jw_text(&w, "tcb_info_issuer_chain", parts->tcb_chain_pem);
    ds_jw_text(&w, "tcb_info", parts->tcb_info);
    ds_jw_hex(&w, "tcb_info_signature", parts->tcb_sig64);
    ds_jw_text(&w, "qe_identity_issuer_chain", parts->qe_chain_pem);
    ds_jw_text(&w, "qe_identity", parts->qe_identity);
    ds_jw_hex(&w, "qe_identity_signature", parts->qe_sig64);
    ds_jw_object_end(&w);
    assert_int_equal(ds_jw_end(&w, NULL, "collateral"), DS_OK);
}
