/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and judging certificates that carry evidence.
 */
#include "ratls/cert.h"

#include "base/hex.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

int ratls_report_data(uint8_t ret64[64], struct ds_span spki, struct ds_error *e)
{
    return ds_report_data(ret64, "ratls-cert", spki, e);
}

/* Extensions collected for the builder; the values of our own stand here too. */
struct exts {
    struct ds_cert_ext list[RATLS_EXTS_MAX];
    struct ds_buf value[RATLS_EXTS_MAX];
    size_t n;
};

static void exts_done(struct exts *x)
{
    for (size_t i = 0; i < x->n; i++)
        ds_buf_done(&x->value[i]);
}

static void add_own(struct exts *x, enum ds_cert_ext_id id, struct ds_span content)
{
    if (content.len == 0)
        return;
    ds_cert_ext_encode(&x->value[x->n], content);
    x->list[x->n] = (struct ds_cert_ext){ .oid = ds_cert_ext_oid(id),
                                          .value = ds_buf_span(&x->value[x->n]) };
    x->n++;
}

static int collect(struct exts *x, const struct ratls_spec *spec, struct ds_span attestation,
                   struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf info = { 0 };
    if (spec->app_info != NULL)
        DS_TRY(ds_app_info_encode(&info, spec->app_info, e));
    add_own(x, DS_CERT_EXT_APP_ID, spec->app_id);
    if (spec->usage != NULL)
        add_own(x, DS_CERT_EXT_USAGE, ds_span_str(spec->usage));
    add_own(x, DS_CERT_EXT_ATTESTATION, attestation);
    add_own(x, DS_CERT_EXT_APP_INFO, ds_buf_span(&info));
    for (size_t i = 0; i < x->n; i++)
        DS_TRY(ds_buf_end(&x->value[i], e, "certificate extension"));
    if (spec->n_exts > RATLS_EXTS_MAX - x->n)
        return ds_fail(e, DS_ERR_RANGE, "a certificate with %zu extra extensions", spec->n_exts);
    for (size_t i = 0; i < spec->n_exts; i++)
        x->list[x->n++] = spec->exts[i];
    return DS_OK;
}

static int make(struct ds_buf *ret, const struct ratls_spec *spec, struct ds_span attestation,
                struct ds_span spki, struct ds_span issuer_der,
                const struct ds_p256_key *issuer_key, struct ds_error *e)
{
    DS_AUTO(exts_done) struct exts x = { 0 };
    DS_TRY(collect(&x, spec, attestation, e));
    const struct ds_cert_spec cert = {
        .subject = { .o = spec->org, .cn = spec->cn },
        .spki = spki,
        .not_before_s = spec->not_before_s,
        .not_after_s = spec->not_after_s,
        .ca = spec->ca,
        .path_len = spec->path_len,
        .usage = DS_CERT_DIGITAL_SIGNATURE |
                 (spec->ca ? DS_CERT_KEY_CERT_SIGN | DS_CERT_CRL_SIGN : 0),
        .eku = spec->eku,
        .sans = spec->sans,
        .n_sans = spec->n_sans,
        .exts = x.list,
        .n_exts = x.n,
    };
    return ds_cert_make(ret, &cert, issuer_der, issuer_key, e);
}

int ratls_cert_make(struct ds_buf *ret, const struct ratls_spec *spec, struct ds_span spki,
                    struct ds_span issuer_der, const struct ds_p256_key *issuer_key,
                    struct ds_error *e)
{
    return make(ret, spec, spec->attestation, spki, issuer_der, issuer_key, e);
}

int ratls_cert_attest(struct ds_buf *ret, const struct ratls_spec *spec,
                      const struct ds_p256_key *key, ratls_evidence_fn *evidence, void *arg,
                      struct ds_error *e)
{
    uint8_t spki[DS_P256_SPKI_LEN], report_data[64];
    ds_p256_key_spki(spki, key);
    DS_TRY(ratls_report_data(report_data, DS_SPAN_OF(spki), e));
    DS_AUTO(ds_buf_done) struct ds_buf attestation = { 0 };
    DS_TRY(evidence(arg, &attestation, report_data, e));
    DS_TRY(ds_buf_end(&attestation, e, "evidence"));
    return make(ret, spec, ds_buf_span(&attestation), DS_SPAN_OF(spki), (struct ds_span){ 0 }, key,
                e);
}

int ratls_peer_parse(struct ratls_peer *ret, struct ds_arena *mem, struct ds_span der,
                     struct ds_error *e)
{
    struct ratls_peer p = { 0 };
    struct ds_span app_info;
    DS_TRY(ds_x509_parse(&p.cert, der, e));
    DS_TRY(ds_cert_ext_find(&p.app_id, &p.cert, DS_CERT_EXT_APP_ID, e));
    DS_TRY(ds_cert_ext_find(&p.usage, &p.cert, DS_CERT_EXT_USAGE, e));
    DS_TRY(ds_cert_evidence_find(&p.evidence, &p.cert, e));
    DS_TRY(ds_cert_ext_find(&app_info, &p.cert, DS_CERT_EXT_APP_INFO, e));
    if (p.evidence.kind == DS_CERT_EVIDENCE_ATTESTATION) {
        DS_TRY(ds_attestation_parse(&p.attestation, mem, p.evidence.bytes, e));
        p.has_attestation = true;
    }
    if (app_info.p != NULL) {
        DS_TRY(ds_app_info_parse(&p.app_info, app_info, e));
        p.has_app_info = true;
    }
    *ret = p;
    return DS_OK;
}

/* ecdsa-with-SHA256 and -SHA384 (RFC 5758 3.2), with and without the NULL that some write. */
static bool is_signed_with(const struct ds_x509 *cert, uint8_t last)
{
    const uint8_t oid[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last };
    struct ds_reader r = ds_reader_of(cert->sig_alg);
    struct ds_reader alg = ds_der_enter(&r, DS_DER_SEQUENCE);
    bool is_oid = ds_span_eq(ds_der_get(&alg, DS_DER_OID), DS_SPAN_OF(oid));
    if (ds_der_peek(&alg) == DS_DER_NULL && ds_der_get(&alg, DS_DER_NULL).len != 0)
        return false;
    return is_oid && !alg.bad && ds_read_left(&alg) == 0;
}

/* A positive INTEGER as 48 bytes; bad when it is zero or longer. */
static void read_48(uint8_t ret48[static 48], struct ds_reader *r)
{
    struct ds_span v = ds_der_integer(r);
    if (v.len > 0 && v.p[0] == 0)
        v = ds_span_sub(v, 1, v.len);
    if (v.len == 0 || v.len > 48)
        r->bad = true;
    if (!r->bad)
        memcpy(ret48 + 48 - v.len, v.p, v.len);
}

/*
 * A key on P-384 with SHA-256, as Gramine and Intel's SGX SDK sign: FIPS 186-5 6.4.1 takes a digest
 * that is shorter than the order as the number that it is, so zeros before it change nothing.
 */
static int verify_p384_sha256(const struct ds_x509 *cert, struct ds_error *e)
{
    uint8_t xy96[96], digest48[48] = { 0 }, sig96[96] = { 0 };
    struct ds_reader r = ds_reader_of(cert->sig);
    struct ds_reader pair = ds_der_enter(&r, DS_DER_SEQUENCE);
    read_48(sig96, &pair);
    read_48(sig96 + 48, &pair);
    if (pair.bad || ds_read_left(&pair) != 0 || ds_read_left(&r) != 0)
        return ds_fail(e, DS_ERR_UNTRUSTED, "the signature is not built as ECDSA's on P-384 are");
    DS_TRY(ds_p384_of_spki(xy96, cert->spki, e));
    DS_TRY(ds_hash(DS_SHA256, digest48 + 16, cert->tbs, e));
    return ds_p384_verify(xy96, digest48, sig96, e);
}

static int verify_own_signature(const struct ds_x509 *cert, struct ds_error *e)
{
    uint8_t xy96[96];
    if (ds_p384_of_spki(xy96, cert->spki, NULL) != DS_OK)
        return ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, cert->spki, cert->tbs, cert->sig, e);
    if (is_signed_with(cert, 0x02))
        return verify_p384_sha256(cert, e);
    return ds_spki_verify(DS_SIG_ECDSA_P384_SHA384, cert->spki, cert->tbs, cert->sig, e);
}

/* A self-signed certificate must hold up to its own claim; whose key it is, the evidence says. */
static int check_self_signed(const struct ds_x509 *cert, struct ds_error *e)
{
    struct ds_error inner = { 0 };
    if (!ds_span_eq(cert->issuer, cert->subject))
        return DS_OK;
    int r = verify_own_signature(cert, &inner);
    if (r != DS_OK)
        return ds_fail_code(e, r == DS_ERR_CRYPTO ? r : DS_ERR_UNTRUSTED, DS_CODE_X509_SIGNATURE,
                            "the peer's certificate is not signed by its own key: %s", inner.msg);
    return DS_OK;
}

static int check_cert(const struct ds_x509 *cert, struct ds_span processed, int64_t now_s,
                      struct ds_error *e)
{
    DS_TRY(ds_x509_check_time(cert, now_s, e));
    DS_TRY(ds_x509_check_critical_but(cert, processed, e));
    return check_self_signed(cert, e);
}

int ratls_cert_check(const struct ds_x509 *cert, int64_t now_s, struct ds_error *e)
{
    return check_cert(cert, (struct ds_span){ 0 }, now_s, e);
}

/* Interoperable RA-TLS: the claims hold the hash of the key, report_data that of the claims. */
static int tagged_report_data(uint8_t ret64[64], const struct ratls_peer *peer,
                              const struct ds_claims *claims, struct ds_error *e)
{
    const struct ds_tagged_quote *q = &peer->evidence.tagged;
    bool is_of = false;
    DS_TRY(ds_tagged_quote_is_of(&is_of, q, peer->cert.spki, e));
    if (!is_of)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_RATLS_KEY_NOT_BOUND, "pubkey-hash",
                         "that of the certificate's key", DS_HEX(q->key_hash),
                         ds_claims_anchor(claims));
    return ds_dice_report_data(ret64, q->claims, e);
}

int ratls_peer_check(const struct ratls_peer *peer, const struct ds_claims *claims, int64_t now_s,
                     struct ds_error *e)
{
    uint8_t want[64];
    struct ds_span got = ds_claims_report_data64(claims);
    DS_TRY(check_cert(&peer->cert, peer->evidence.oid, now_s, e));
    if (peer->evidence.kind == DS_CERT_EVIDENCE_TAGGED_QUOTE)
        DS_TRY(tagged_report_data(want, peer, claims, e));
    else
        DS_TRY(ratls_report_data(want, peer->cert.spki, e));
    if (!ds_span_eq(got, DS_SPAN_OF(want)))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_RATLS_KEY_NOT_BOUND, "report_data",
                         DS_HEX(DS_SPAN_OF(want)), DS_HEX(got), ds_claims_anchor(claims));
    return DS_OK;
}

int ratls_chain_check(const struct ds_span *chain_der, size_t n_chain, struct ds_span pinned_spki,
                      int64_t now_s, struct ds_error *e)
{
    struct ds_x509 chain[DS_X509_CHAIN_MAX];
    if (n_chain == 0 || n_chain > DS_X509_CHAIN_MAX)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_RATLS_ROOT_NOT_PINNED, "chain",
                         "1 to 4 certificates", n_chain == 0 ? "none" : "more", "the pinned key");
    for (size_t i = 0; i < n_chain; i++) {
        DS_TRY(ds_x509_parse(&chain[i], chain_der[i], e));
        DS_TRY(ds_x509_check_time(&chain[i], now_s, e));
        DS_TRY(ds_x509_check_critical(&chain[i], e));
    }
    for (size_t i = 0; i + 1 < n_chain; i++)
        DS_TRY(ds_x509_check_issued(&chain[i], &chain[i + 1], i, e));
    struct ds_span spki = chain[n_chain - 1].spki;
    if (!ds_span_eq(spki, pinned_spki))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_RATLS_ROOT_NOT_PINNED, "root_spki",
                         DS_HEX(ds_span_sub(pinned_spki, RATLS_SPKI_HEAD, 64)),
                         DS_HEX(ds_span_sub(spki, RATLS_SPKI_HEAD, 64)), "the pinned key");
    return check_self_signed(&chain[n_chain - 1], e);
}
