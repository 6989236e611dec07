/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature verification over libcrypto's EVP. Everything here is public data.
 */
#include "crypto/verify.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "base/writer.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/ossl.h"

/* 1.2.840.10045.2.1 id-ecPublicKey; 1.2.840.10045.3.1.7 prime256v1 */
static const uint8_t oid_ec_public_key[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
static const uint8_t oid_prime256v1[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

static int load_p256(EVP_PKEY **ret, const uint8_t xy64[static 64], struct ds_error *e)
{
    uint8_t point[65] = { 0x04 }; /* uncompressed */
    char group[] = "P-256";
    memcpy(point + 1, xy64, 64);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    DS_AUTO(EVP_PKEY_CTX_free_auto)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "no P-256 in the cryptographic library");
    if (EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return ossl_fail(e, DS_ERR_FORMAT, "the public key is no point of P-256");
    return DS_OK;
}

int ds_p256_verify_der(const uint8_t pub_xy64[static 64], const uint8_t digest32[static 32],
                       struct ds_span sig, struct ds_error *e)
{
    DS_AUTO(EVP_PKEY_free_auto) EVP_PKEY *key = NULL;
    DS_TRY(load_p256(&key, pub_xy64, e));
    DS_AUTO(EVP_PKEY_CTX_free_auto)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "ECDSA verification does not start");
    /* Zero and negative answers alike mean that this is no signature of this key. */
    if (sig.len == 0 || EVP_PKEY_verify(ctx, sig.p, sig.len, digest32, 32) != 1)
        return ossl_fail(e, DS_ERR_UNTRUSTED, "the ECDSA P-256 signature does not verify");
    return DS_OK;
}

/* r or s, 32 bytes big-endian, as DER INTEGER. */
static void write_integer(struct ds_writer *w, struct ds_span v)
{
    while (v.len > 1 && v.p[0] == 0)
        v = ds_span_sub(v, 1, v.len);
    bool pad = v.p[0] >= 0x80;
    ds_write_u8(w, DS_DER_INTEGER);
    ds_write_u8(w, (uint8_t)(v.len + (pad ? 1 : 0)));
    if (pad)
        ds_write_u8(w, 0);
    ds_write(w, v);
}

int ds_p256_verify(const uint8_t pub_xy64[static 64], const uint8_t digest32[static 32],
                   const uint8_t sig64[static 64], struct ds_error *e)
{
    uint8_t der[72];
    struct ds_writer w = ds_writer_of(der, sizeof der);
    ds_write_u8(&w, DS_DER_SEQUENCE);
    ds_write_u8(&w, 0); /* the length, set below */
    write_integer(&w, DS_SPAN(sig64, 32));
    write_integer(&w, DS_SPAN(sig64 + 32, 32));
    DS_TRY(ds_writer_end(&w, e, "ECDSA signature"));
    der[1] = (uint8_t)(ds_write_len(&w) - 2);
    return ds_p256_verify_der(pub_xy64, digest32, ds_write_span(&w), e);
}

int ds_p256_of_spki(uint8_t ret_xy64[static 64], struct ds_span spki, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(spki);
    struct ds_reader s = ds_der_enter(&r, DS_DER_SEQUENCE);
    struct ds_reader alg = ds_der_enter(&s, DS_DER_SEQUENCE);
    struct ds_span point = ds_der_bit_bytes(&s);
    struct ds_span key_oid = ds_der_get(&alg, DS_DER_OID);
    struct ds_span curve_oid = ds_der_peek(&alg) == DS_DER_OID ? ds_der_get(&alg, DS_DER_OID)
                                                               : (struct ds_span){ 0 };
    DS_TRY(ds_der_end(&r, e, "public key"));
    DS_TRY(ds_der_end(&s, e, "public key"));
    if (alg.bad)
        return ds_fail(e, DS_ERR_FORMAT, "public key has no algorithm");
    if (!ds_span_eq(key_oid, DS_SPAN_OF(oid_ec_public_key)) ||
        !ds_span_eq(curve_oid, DS_SPAN_OF(oid_prime256v1)))
        return ds_fail(e, DS_ERR_UNSUPPORTED, "the public key is not of P-256");
    DS_TRY(ds_der_end(&alg, e, "public key algorithm"));
    if (point.len != 65 || point.p[0] != 0x04)
        return ds_fail(e, DS_ERR_FORMAT, "the public key is not an uncompressed point");
    memcpy(ret_xy64, point.p + 1, 64);
    return DS_OK;
}

int ds_ecdsa_verify_spki(struct ds_span spki, struct ds_span message, struct ds_span sig,
                         struct ds_error *e)
{
    uint8_t xy64[64], digest32[32];
    DS_TRY(ds_p256_of_spki(xy64, spki, e));
    DS_TRY(ds_hash(DS_SHA256, digest32, message, e));
    return ds_p256_verify_der(xy64, digest32, sig, e);
}
