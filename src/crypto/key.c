/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P-256 keys over libcrypto. The DER forms are fixed layouts and written by
 * hand: dstack's derivation hashes the PKCS#8 bytes, so they may not depend on
 * a library's taste.
 */
#include "crypto/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

#include "base/hex.h"
#include "base/writer.h"
#include "crypto/ossl.h"
#include "crypto/rand.h"

/* Powers of two; a P-256 key takes a few units. */
#define SECURE_HEAP_LEN  (64 * 1024)
#define SECURE_HEAP_UNIT 32

struct ds_p256_key {
    EVP_PKEY *pkey;
    uint8_t xy64[64];
};

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 04 x y } } up to the point. */
static const uint8_t spki_head[27] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };

/* PrivateKeyInfo up to the scalar; then the ECPrivateKey's [1] up to the point. */
static const uint8_t pkcs8_head[36] = { 0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06,
                                        0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
                                        0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20 };
static const uint8_t pkcs8_point[6] = { 0xa1, 0x44, 0x03, 0x42, 0x00, 0x04 };

static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                   0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };

OSSL_AUTO(BIGNUM, BN_clear_free)
OSSL_AUTO(EC_GROUP, EC_GROUP_free)
OSSL_AUTO(EC_POINT, EC_POINT_free)
OSSL_AUTO(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
OSSL_AUTO(OSSL_PARAM, OSSL_PARAM_free)
OSSL_AUTO(OSSL_DECODER_CTX, OSSL_DECODER_CTX_free)
OSSL_AUTO(ECDSA_SIG, ECDSA_SIG_free)

void ds_p256_pem_wipe(struct ds_p256_pem *pem) { explicit_bzero(pem, sizeof *pem); }
void ds_p256_pkcs8_wipe(struct ds_p256_pkcs8 *der) { explicit_bzero(der, sizeof *der); }

int ds_key_memory_lock(struct ds_error *e)
{
    if (CRYPTO_secure_malloc_initialized() == 1)
        return DS_OK;
    /* 2: the heap is there, but could not be locked. */
    if (CRYPTO_secure_malloc_init(SECURE_HEAP_LEN, SECURE_HEAP_UNIT) != 1)
        return ds_fail(e, DS_ERR_SYS, "lock %d bytes for keys (ulimit -l)", SECURE_HEAP_LEN);
    return DS_OK;
}

/* 0 < scalar < order, in time that does not depend on the scalar. */
static bool is_scalar(const struct ds_key32 *scalar)
{
    uint32_t any = 0, borrow = 0;
    for (size_t i = sizeof scalar->b; i-- > 0;) {
        any |= scalar->b[i];
        uint32_t diff = (uint32_t)scalar->b[i] - order[i] - borrow;
        borrow = (diff >> 8) & 1;
    }
    uint32_t non_zero = (any + 0xff) >> 8;
    uint32_t good = non_zero & borrow;
    /* Whether a key exists is told to everyone by the error itself. */
    ds_ct_public(&good, sizeof good);
    return good == 1;
}

static int point_of(uint8_t ret_point65[65], const BIGNUM *scalar, struct ds_error *e)
{
    DS_AUTO(EC_GROUP_free_auto) EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    DS_AUTO(EC_POINT_free_auto) EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
    if (point == NULL || EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) != 1 ||
        EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_point65, 65, NULL) !=
            65)
        return ossl_fail(e, DS_ERR_CRYPTO, "P-256 public key failed");
    ds_ct_public(ret_point65, 65); /* the public key */
    return DS_OK;
}

static int pkey_of(EVP_PKEY **ret, const BIGNUM *scalar, const uint8_t point65[65],
                   struct ds_error *e)
{
    DS_AUTO(OSSL_PARAM_BLD_free_auto) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    if (bld == NULL ||
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
        OSSL_PARAM_BLD_push_BN_pad(bld, OSSL_PKEY_PARAM_PRIV_KEY, scalar, 32) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point65, 65) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "P-256 key parameters failed");
    DS_AUTO(OSSL_PARAM_free_auto) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    DS_AUTO(EVP_PKEY_CTX_free_auto)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_KEYPAIR, params) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "P-256 key object failed");
    return DS_OK;
}

int ds_p256_key_from_scalar(struct ds_p256_key **ret, const struct ds_key32 *scalar,
                            struct ds_error *e)
{
    if (!is_scalar(scalar))
        return ds_fail(e, DS_ERR_RANGE, "scalar is no P-256 key");
    DS_AUTO(BN_clear_free_auto) BIGNUM *bn = BN_secure_new();
    if (bn == NULL || BN_bin2bn(scalar->b, sizeof scalar->b, bn) == NULL)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for a P-256 key");
    BN_set_flags(bn, BN_FLG_CONSTTIME);

    uint8_t point65[65];
    DS_TRY(point_of(point65, bn, e));
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = calloc(1, sizeof *key);
    if (key == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no memory for a P-256 key");
    DS_TRY(pkey_of(&key->pkey, bn, point65, e));
    memcpy(key->xy64, point65 + 1, sizeof key->xy64);
    *ret = DS_TAKE_PTR(key);
    return DS_OK;
}

int ds_p256_key_new(struct ds_p256_key **ret, struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 scalar = { 0 };
    do
        DS_TRY(ds_rand(scalar.b, sizeof scalar.b, e));
    while (!is_scalar(&scalar)); /* one in 2^32 is above the order */
    return ds_p256_key_from_scalar(ret, &scalar, e);
}

int ds_p256_key_parse(struct ds_p256_key **ret, struct ds_span der_or_pem, struct ds_error *e)
{
    DS_AUTO(EVP_PKEY_free_auto) EVP_PKEY *pkey = NULL;
    DS_AUTO(OSSL_DECODER_CTX_free_auto)
    OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, "EC", EVP_PKEY_KEYPAIR,
                                                          NULL, NULL);
    const unsigned char *p = der_or_pem.p;
    size_t left = der_or_pem.len;
    /* An empty passphrase, so that an encrypted key fails here and asks no terminal. */
    if (ctx == NULL || OSSL_DECODER_CTX_set_passphrase(ctx, (const unsigned char *)"", 0) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "key decoder failed");
    if (p == NULL || OSSL_DECODER_from_data(ctx, &p, &left) != 1)
        return ossl_fail(e, DS_ERR_FORMAT, "not an EC private key in DER or PEM");
    char group[32] = "";
    if (EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1 ||
        strcmp(group, "prime256v1") != 0)
        return ds_fail(e, DS_ERR_UNSUPPORTED, "private key is on curve '%s', not P-256", group);
    struct ds_p256_key found = { .pkey = pkey };
    DS_AUTO(ds_key32_wipe) struct ds_key32 scalar = { 0 };
    DS_TRY(ds_p256_key_scalar(&scalar, &found, e));
    /* Made anew, so that a public key in the file that is not the scalar's has no effect. */
    return ds_p256_key_from_scalar(ret, &scalar, e);
}

void ds_p256_key_free(struct ds_p256_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

int ds_p256_key_scalar(struct ds_key32 *ret, const struct ds_p256_key *key, struct ds_error *e)
{
    DS_AUTO(BN_clear_free_auto) BIGNUM *bn = BN_secure_new();
    if (bn == NULL || EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &bn) != 1 ||
        BN_bn2binpad(bn, ret->b, sizeof ret->b) != (int)sizeof ret->b)
        return ossl_fail(e, DS_ERR_CRYPTO, "P-256 scalar is not to be had");
    return DS_OK;
}

void ds_p256_key_public(uint8_t ret_xy64[64], const struct ds_p256_key *key)
{
    memcpy(ret_xy64, key->xy64, 64);
}

void ds_p256_key_spki(uint8_t ret_spki[DS_P256_SPKI_LEN], const struct ds_p256_key *key)
{
    ds_p256_spki_of(ret_spki, key->xy64);
}

int ds_p256_key_pkcs8(struct ds_p256_pkcs8 *ret, const struct ds_p256_key *key, struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 scalar = { 0 };
    DS_TRY(ds_p256_key_scalar(&scalar, key, e));
    struct ds_writer w = ds_writer_of(ret->b, sizeof ret->b);
    ds_write(&w, DS_SPAN_OF(pkcs8_head));
    ds_write(&w, DS_SPAN_OF(scalar.b));
    ds_write(&w, DS_SPAN_OF(pkcs8_point));
    ds_write(&w, DS_SPAN_OF(key->xy64));
    return ds_writer_end(&w, e, "PKCS#8 key");
}

int ds_p256_key_pem(struct ds_p256_pem *ret, const struct ds_p256_key *key, struct ds_error *e)
{
    enum { DIGITS = DS_BASE64_LEN(DS_P256_PKCS8_LEN) };
    DS_AUTO(ds_p256_pkcs8_wipe) struct ds_p256_pkcs8 der = { 0 };
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem text = { 0 }; /* has room for the digits */
    DS_TRY(ds_p256_key_pkcs8(&der, key, e));
    (void)ds_base64_encode(text.s, DS_SPAN_OF(der.b));
    struct ds_writer w = ds_writer_of(ret->s, sizeof ret->s);
    ds_write_str(&w, "-----BEGIN PRIVATE KEY-----\n");
    for (size_t at = 0; at < DIGITS; at += 64) {
        ds_write(&w, ds_span_sub(DS_SPAN(text.s, DIGITS), at, 64));
        ds_write_str(&w, "\n");
    }
    ds_write_str(&w, "-----END PRIVATE KEY-----\n");
    ds_write_u8(&w, '\0');
    return ds_writer_end(&w, e, "PKCS#8 PEM");
}

void ds_p256_spki_of(uint8_t ret_spki[DS_P256_SPKI_LEN], const uint8_t xy64[64])
{
    memcpy(ret_spki, spki_head, sizeof spki_head);
    memcpy(ret_spki + sizeof spki_head, xy64, 64);
}

int ds_p256_sign_der(struct ds_p256_sig_der *ret, const struct ds_p256_key *key,
                     struct ds_span message, struct ds_error *e)
{
    DS_AUTO(EVP_MD_CTX_free_auto) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct ds_p256_sig_der sig = { .len = sizeof sig.b };
    if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) != 1 ||
        EVP_DigestSign(ctx, sig.b, &sig.len, message.p, message.len) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "P-256 signing failed");
    *ret = sig;
    return DS_OK;
}

int ds_p256_sign(uint8_t ret_sig64[64], const struct ds_p256_key *key, struct ds_span message,
                 struct ds_error *e)
{
    struct ds_p256_sig_der der;
    DS_TRY(ds_p256_sign_der(&der, key, message, e));
    const unsigned char *p = der.b;
    DS_AUTO(ECDSA_SIG_free_auto) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
    if (sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_sig64, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_sig64 + 32, 32) != 32)
        return ossl_fail(e, DS_ERR_CRYPTO, "P-256 signature has a strange form");
    return DS_OK;
}

struct evp_pkey_st *ds_p256_key_evp(const struct ds_p256_key *key) { return key->pkey; }
