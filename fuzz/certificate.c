/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates, revocation lists, the extensions of ours, and signing requests:
 * DER or PEM, whatever the bytes are taken for.
 */
#include "app/csr.h"
#include "attest/wrapper/cert_evidence.h"
#include "attest/wrapper/cert_ext.h"
#include "attest/x509.h"
#include "codec/der.h"
#include "codec/pem.h"
#include "fuzz.h"

#define NOW_S 1800000000

static max_align_t room[((size_t)1 << 20) / sizeof(max_align_t)];

/* What the writer makes of it means the same. */
static void try_app_info(struct ds_span in)
{
    struct ds_error e;
    struct ds_app_info info, again;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf twice = { 0 };
    if (!fuzz_is_ok(ds_app_info_parse(&info, in, &e), &e))
        return;
    FUZZ_CHECK(info.n_init_script_hashes <= DS_APP_INFO_SCRIPTS_MAX);
    FUZZ_CHECK(ds_app_info_encode(&out, &info, &e) == DS_OK);
    FUZZ_CHECK(ds_app_info_parse(&again, ds_buf_span(&out), &e) == DS_OK);
    FUZZ_CHECK(ds_app_info_encode(&twice, &again, &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&out), ds_buf_span(&twice)));
}

static void try_csr(struct ds_span in)
{
    struct ds_error e;
    struct app_csr csr;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    if (!fuzz_is_ok(app_csr_parse(&csr, in, &e), &e))
        return;
    FUZZ_CHECK(csr.n_sans <= APP_CSR_SANS_MAX);
    FUZZ_CHECK(app_csr_encode(&out, &csr, &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&out), in));
}

static void try_crl(struct ds_span in, const struct ds_x509 *cert)
{
    struct ds_error e;
    struct ds_crl crl;
    if (!fuzz_is_ok(ds_crl_parse(&crl, in, &e), &e))
        return;
    fuzz_check_borrowed(crl.tbs, in, NULL);
    fuzz_check_borrowed(crl.issuer, in, NULL);
    fuzz_check_borrowed(crl.revoked, in, NULL);
    FUZZ_CHECK(crl.n_revoked * 2 <= crl.revoked.len);
    if (cert != NULL)
        (void)ds_crl_has(&crl, cert);
}

static void try_extensions(const struct ds_x509 *cert, struct ds_span in)
{
    static const enum ds_cert_ext_id ids[] = {
        DS_CERT_EXT_TDX_QUOTE, DS_CERT_EXT_EVENT_LOG,   DS_CERT_EXT_APP_ID,
        DS_CERT_EXT_USAGE,     DS_CERT_EXT_ATTESTATION, DS_CERT_EXT_APP_INFO,
    };
    for (size_t i = 0; i < DS_LEN(ids); i++) {
        struct ds_error e;
        struct ds_span content;
        if (!fuzz_is_ok(ds_cert_ext_find(&content, cert, ids[i], &e), &e))
            continue;
        fuzz_check_borrowed(content, in, NULL);
        if (content.p != NULL && ids[i] == DS_CERT_EXT_APP_INFO)
            try_app_info(content);
    }
}

static void check_same(const struct ds_buf *out, struct ds_span in)
{
    FUZZ_CHECK(!out->bad && ds_span_eq(ds_buf_span(out), in));
}

/* A tagged quote has one form: what the writer makes of its parts are the bytes that were read. */
static void try_tagged_quote(struct ds_span in)
{
    struct ds_error e;
    struct ds_tagged_quote q;
    bool is_of = false;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    if (!fuzz_is_ok(ds_tagged_quote_parse(&q, in, &e), &e))
        return;
    fuzz_check_borrowed(q.quote, in, NULL);
    fuzz_check_borrowed(q.claims, in, NULL);
    fuzz_check_borrowed(q.key_hash, in, NULL);
    fuzz_check_borrowed(q.nonce, in, NULL);
    ds_tagged_quote_encode(&out, q.quote, q.claims);
    check_same(&out, in);
    FUZZ_CHECK(ds_tagged_quote_is_of(&is_of, &q, in, &e) == DS_OK && !is_of);
}

static void try_evidence(const struct ds_x509 *cert, struct ds_span in)
{
    struct ds_error e;
    struct ds_cert_evidence got;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    if (!fuzz_is_ok(ds_cert_evidence_find(&got, cert, &e), &e))
        return;
    fuzz_check_borrowed(got.bytes, in, NULL);
    fuzz_check_borrowed(got.event_log, in, NULL);
    const struct ds_x509_extension *ext = ds_x509_find(cert, got.oid);
    FUZZ_CHECK((got.kind == DS_CERT_EVIDENCE_NONE) == (ext == NULL || got.oid.len == 0));
    if (got.kind == DS_CERT_EVIDENCE_TAGGED_QUOTE) {
        try_tagged_quote(ext->value);
        return;
    }
    if (got.kind != DS_CERT_EVIDENCE_CMW_CBOR && got.kind != DS_CERT_EVIDENCE_CMW_JSON)
        return;
    if (ext->value.p[0] == DS_DER_SEQUENCE)
        ds_dice_cmw_encode(&out, got.bytes);
    else if (got.kind == DS_CERT_EVIDENCE_CMW_JSON)
        ds_pe_cmw_encode_json(&out, got.bytes);
    else
        ds_pe_cmw_encode_cbor(&out, got.bytes);
    check_same(&out, ext->value);
}

static void try_cert(struct ds_span in)
{
    struct ds_error e;
    struct ds_x509 cert;
    if (!fuzz_is_ok(ds_x509_parse(&cert, in, &e), &e)) {
        try_crl(in, NULL);
        return;
    }
    FUZZ_CHECK(cert.n_extensions <= DS_X509_EXTENSIONS_MAX);
    FUZZ_CHECK(cert.der.p == in.p && cert.der.len == in.len);
    const struct ds_span parts[] = { cert.tbs,    cert.sig_alg, cert.sig,          cert.serial,
                                     cert.issuer, cert.subject, ds_x509_cn(&cert), cert.spki,
                                     cert.aki,    cert.ski };
    for (size_t i = 0; i < DS_LEN(parts); i++)
        fuzz_check_borrowed(parts[i], in, NULL);
    for (size_t i = 0; i < cert.n_extensions; i++)
        FUZZ_CHECK(ds_x509_find(&cert, cert.extensions[i].oid) == &cert.extensions[i]);
    struct ds_x509_name name = ds_x509_name_of(&cert);
    FUZZ_CHECK(memchr(name.s, '\0', sizeof name.s) != NULL);
    (void)fuzz_is_ok(ds_x509_check_issued(&cert, &cert, 0, &e), &e);
    (void)fuzz_is_ok(ds_x509_check_time(&cert, NOW_S, &e), &e);
    (void)fuzz_is_ok(ds_x509_check_critical(&cert, &e), &e);
    try_extensions(&cert, in);
    try_evidence(&cert, in);
}

static void try_pem(struct ds_span in)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    for (struct ds_span rest = in;;) {
        struct ds_error e;
        struct ds_span der;
        if (!fuzz_is_ok(ds_pem_next(&der, &rest, "CERTIFICATE", &mem, &e), &e) || der.p == NULL)
            return;
        fuzz_check_borrowed(rest, in, NULL);
        fuzz_check_borrowed(der, in, &mem);
        try_cert(der);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_span in = DS_SPAN(data, len);
    try_cert(in);
    try_pem(in);
    try_app_info(in);
    try_tagged_quote(in);
    try_csr(in);
    return 0;
}
