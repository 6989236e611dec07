/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a certificate carries evidence: one table, in the order of preference.
 * Decode and encode of what is not dstack's own stand side by side.
 */
#include "attest/wrapper/cert_evidence.h"

#include "attest/coded.h"
#include "attest/wrapper/cert_ext.h"
#include "attest/wrapper/der_put.h"
#include "codec/cbor.h"
#include "codec/der.h"
#include "crypto/hash.h"

/* IANA, CBOR Tags: "Intel TEE quote", for SGX and TDX. */
#define TAG_TEE_QUOTE 60000u

/* A certificate has one or two; others are passed over, as their definition has it. */
#define CLAIMS_MAX 16

#define KEY_HASH "pubkey-hash"
#define NONCE    "nonce"

/* What the number of an algorithm stands for. */
static const struct {
    enum ds_dice_hash id;
    enum ds_hash_alg alg;
} hashes[] = {
    { DS_DICE_SHA256, DS_SHA256 },
    { DS_DICE_SHA384, DS_SHA384 },
    { DS_DICE_SHA512, DS_SHA512 },
};

static bool find_hash(enum ds_hash_alg *ret, uint64_t id)
{
    for (size_t i = 0; i < DS_LEN(hashes); i++)
        if (hashes[i].id == id) {
            *ret = hashes[i].alg;
            return true;
        }
    return false;
}

static int refuse(struct ds_error *e, const char *claim, const char *expected)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_WRAPPER_FORMAT, claim, expected, "something else",
                     DS_NO_ANCHOR);
}

void ds_pe_cmw_encode_cbor(struct ds_buf *ret, struct ds_span cmw)
{
    der_put(ret, DS_DER_OCTET_STRING, cmw);
}

void ds_pe_cmw_encode_json(struct ds_buf *ret, struct ds_span cmw)
{
    der_put(ret, DS_DER_UTF8, cmw);
}

void ds_dice_cmw_encode(struct ds_buf *ret, struct ds_span cmw)
{
    DS_AUTO(ds_buf_done) struct ds_buf inner = { 0 };
    der_put(&inner, DS_DER_OCTET_STRING, cmw);
    der_put(ret, DS_DER_SEQUENCE, ds_buf_span(&inner));
}

/*
 * SEQUENCE { cmw OCTET STRING }, as TCG builds its extensions. What the string holds:
 * draft-ietf-rats-evidence-trans, DiceConceptualMessageWrapper Transformation (a CBOR array or tag,
 * a JSON array); collections are taken as well.
 */
static int read_dice_cmw(struct ds_cert_evidence *ret, struct ds_span value, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(value);
    struct ds_reader seq = ds_der_enter(&r, DS_DER_SEQUENCE);
    ret->bytes = ds_der_get(&seq, DS_DER_OCTET_STRING);
    if (r.bad || seq.bad || ds_read_left(&r) != 0 || ds_read_left(&seq) != 0 || ret->bytes.len == 0)
        return refuse(e, "tcg-dice-conceptual-message-wrapper",
                      "a SEQUENCE of one OCTET STRING with a wrapper");
    bool is_json = ret->bytes.p[0] == '[' || ret->bytes.p[0] == '{';
    ret->kind = is_json ? DS_CERT_EVIDENCE_CMW_JSON : DS_CERT_EVIDENCE_CMW_CBOR;
    return DS_OK;
}

int ds_dice_claims_encode(struct ds_buf *ret, enum ds_dice_hash id, struct ds_span spki,
                          struct ds_span nonce, struct ds_error *e)
{
    uint8_t digest[DS_HASH_MAX];
    enum ds_hash_alg alg;
    DS_AUTO(ds_buf_done) struct ds_buf entry = { 0 };
    if (!find_hash(&alg, id))
        return ds_fail(e, DS_ERR_RANGE, "hash algorithm %u in the claims of a certificate",
                       (unsigned)id);
    DS_TRY(ds_hash(alg, digest, spki, e));
    ds_cbor_put_array(&entry, 2);
    ds_cbor_put_u64(&entry, id);
    ds_cbor_put_bytes(&entry, DS_SPAN(digest, ds_hash_len(alg)));
    DS_TRY(ds_buf_end(&entry, e, "hash entry"));
    /* Shorter keys stand first, RFC 8949 4.2.1. */
    ds_cbor_put_map(ret, nonce.p != NULL ? 2 : 1);
    if (nonce.p != NULL) {
        ds_cbor_put_text(ret, NONCE);
        ds_cbor_put_bytes(ret, nonce);
    }
    ds_cbor_put_text(ret, KEY_HASH);
    ds_cbor_put_bytes(ret, ds_buf_span(&entry));
    return ds_buf_end(ret, e, "claims");
}

/* hash-entry: [hash-alg-id, hash-value], in a byte string of its own. */
static bool read_hash_entry(struct ds_tagged_quote *q, struct ds_span entry)
{
    enum ds_hash_alg alg;
    struct ds_reader r = ds_reader_of(entry);
    size_t n = ds_cbor_array(&r);
    uint64_t id = ds_cbor_u64(&r);
    q->key_hash = ds_cbor_bytes(&r);
    if (r.bad || n != 2 || ds_read_left(&r) != 0 || !find_hash(&alg, id))
        return false;
    q->key_hash_alg = (enum ds_dice_hash)id;
    return q->key_hash.len == ds_hash_len(alg);
}

static bool read_claims(struct ds_tagged_quote *q)
{
    struct ds_cbor_pair pairs[CLAIMS_MAX];
    struct ds_reader r = ds_reader_of(q->claims), value;
    size_t n = ds_cbor_pairs(&r, pairs, DS_LEN(pairs));
    if (r.bad || ds_read_left(&r) != 0 || !ds_cbor_find_text(&value, pairs, n, KEY_HASH))
        return false;
    struct ds_span entry = ds_cbor_bytes(&value);
    if (value.bad || !read_hash_entry(q, entry))
        return false;
    if (!ds_cbor_find_text(&value, pairs, n, NONCE))
        return true;
    q->nonce = ds_cbor_bytes(&value);
    return !value.bad;
}

void ds_tagged_quote_encode(struct ds_buf *ret, struct ds_span quote, struct ds_span claims)
{
    ds_cbor_put_tag(ret, TAG_TEE_QUOTE);
    ds_cbor_put_array(ret, 2);
    ds_cbor_put_bytes(ret, quote);
    ds_cbor_put_bytes(ret, claims);
}

/* SGX / TDX Evidence Data Formats: <tag1>([ TEE_ECDSA_quote(customs-buffer-hash), claims-buffer ]) */
int ds_tagged_quote_parse(struct ds_tagged_quote *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_tagged_quote q = { 0 };
    struct ds_reader r = ds_reader_of(in);
    uint64_t tag = ds_cbor_tag(&r);
    size_t n = ds_cbor_array(&r);
    q.quote = ds_cbor_bytes(&r);
    q.claims = ds_cbor_bytes(&r);
    if (r.bad || tag != TAG_TEE_QUOTE || n != 2 || ds_read_left(&r) != 0 || q.quote.len == 0)
        return refuse(e, "tcg-dice-conceptual-message-wrapper",
                      "CBOR tag 60000 around a quote and its claims");
    if (!read_claims(&q))
        return refuse(e, "claims-buffer",
                      "a map with pubkey-hash, [1, 7 or 8, a hash of that length]");
    *ret = q;
    return DS_OK;
}

int ds_dice_report_data(uint8_t ret64[static 64], struct ds_span claims, struct ds_error *e)
{
    uint8_t digest32[32];
    DS_TRY(ds_hash(DS_SHA256, digest32, claims, e));
    memset(ret64, 0, 64);
    memcpy(ret64, digest32, sizeof digest32);
    return DS_OK;
}

int ds_tagged_quote_is_of(bool *ret_is_of, const struct ds_tagged_quote *q, struct ds_span spki,
                          struct ds_error *e)
{
    uint8_t digest[DS_HASH_MAX];
    enum ds_hash_alg alg;
    *ret_is_of = false;
    if (!find_hash(&alg, q->key_hash_alg))
        return DS_OK;
    DS_TRY(ds_hash(alg, digest, spki, e));
    *ret_is_of = ds_span_eq(q->key_hash, DS_SPAN(digest, ds_hash_len(alg)));
    return DS_OK;
}

static int read_attestation(struct ds_cert_evidence *ret, const struct ds_x509 *cert,
                            struct ds_span value, struct ds_error *e)
{
    (void)value;
    ret->kind = DS_CERT_EVIDENCE_ATTESTATION;
    return ds_cert_ext_find(&ret->bytes, cert, DS_CERT_EXT_ATTESTATION, e);
}

/* RFC 9999, Transporting CMW in PKIX Formats: CMW ::= CHOICE { json UTF8String, cbor OCTET STRING } */
static int read_ietf(struct ds_cert_evidence *ret, const struct ds_x509 *cert, struct ds_span value,
                     struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(value);
    bool is_json = ds_der_peek(&r) == DS_DER_UTF8;
    (void)cert;
    ret->bytes = ds_der_get(&r, is_json ? DS_DER_UTF8 : DS_DER_OCTET_STRING);
    ret->kind = is_json ? DS_CERT_EVIDENCE_CMW_JSON : DS_CERT_EVIDENCE_CMW_CBOR;
    if (r.bad || ds_read_left(&r) != 0 || ret->bytes.len == 0)
        return refuse(e, "id-pe-cmw", "a UTF8String or an OCTET STRING with a wrapper");
    return DS_OK;
}

/* No SEQUENCE begins as a CBOR tag does. */
static int read_tcg(struct ds_cert_evidence *ret, const struct ds_x509 *cert, struct ds_span value,
                    struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(value);
    (void)cert;
    if (ds_cbor_peek(&r) != DS_CBOR_TAG)
        return read_dice_cmw(ret, value, e);
    DS_TRY(ds_tagged_quote_parse(&ret->tagged, value, e));
    ret->kind = DS_CERT_EVIDENCE_TAGGED_QUOTE;
    ret->bytes = ret->tagged.quote;
    return DS_OK;
}

/* guest-api 5.3: where there is no 8, the quote in 1 and the log in 2 */
static int read_legacy(struct ds_cert_evidence *ret, const struct ds_x509 *cert,
                       struct ds_span value, struct ds_error *e)
{
    (void)value;
    ret->kind = DS_CERT_EVIDENCE_LEGACY;
    DS_TRY(ds_cert_ext_find(&ret->bytes, cert, DS_CERT_EXT_TDX_QUOTE, e));
    if (ret->bytes.len == 0)
        return refuse(e, ds_cert_ext_oid(DS_CERT_EXT_TDX_QUOTE), "a quote");
    return ds_cert_ext_find(&ret->event_log, cert, DS_CERT_EXT_EVENT_LOG, e);
}

/* OIDs as DER content; dstack's arc is cert_ext.c's, 1.3.6.1.4.1.62397.1. */
#define DSTACK "\x2b\x06\x01\x04\x01\x83\xe7\x3d\x01"

static const struct {
    const char *oid;
    int (*read)(struct ds_cert_evidence *ret, const struct ds_x509 *cert, struct ds_span value,
                struct ds_error *e);
} places[] = {
    { DSTACK "\x08", read_attestation },
    { "\x2b\x06\x01\x05\x05\x07\x01\x23", read_ietf }, /* DS_OID_PE_CMW */
    { "\x67\x81\x05\x05\x04\x09", read_tcg },          /* DS_OID_DICE_CMW */
    { DSTACK "\x01", read_legacy },
};

int ds_cert_evidence_find(struct ds_cert_evidence *ret, const struct ds_x509 *cert,
                          struct ds_error *e)
{
    struct ds_cert_evidence found = { 0 };
    const struct ds_x509_extension *ext = NULL;
    for (size_t i = 0; i < DS_LEN(places) && ext == NULL; i++) {
        ext = ds_x509_find(cert, ds_span_str(places[i].oid));
        if (ext == NULL)
            continue;
        found.oid = ext->oid;
        DS_TRY(places[i].read(&found, cert, ext->value, e));
    }
    *ret = found;
    return DS_OK;
}
