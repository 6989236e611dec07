/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 over libcrypto's raw keys.
 */
#include "crypto/ed25519.h"

#include "crypto/ossl.h"

static EVP_PKEY *private_key(const struct ds_key32 *seed)
{
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed->b, sizeof seed->b);
}

int ds_ed25519_public(uint8_t ret_pub32[32], const struct ds_key32 *seed, struct ds_error *e)
{
    DS_AUTO(EVP_PKEY_free_auto) EVP_PKEY *key = private_key(seed);
    size_t len = 32;
    if (key == NULL || EVP_PKEY_get_raw_public_key(key, ret_pub32, &len) != 1 || len != 32)
        return ossl_fail(e, DS_ERR_CRYPTO, "Ed25519 public key failed");
    return DS_OK;
}

int ds_ed25519_sign(uint8_t ret_sig64[64], const struct ds_key32 *seed, struct ds_span message,
                    struct ds_error *e)
{
    DS_AUTO(EVP_PKEY_free_auto) EVP_PKEY *key = private_key(seed);
    DS_AUTO(EVP_MD_CTX_free_auto) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 64;
    if (key == NULL || ctx == NULL || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(ctx, ret_sig64, &len, message.p, message.len) != 1 || len != 64)
        return ossl_fail(e, DS_ERR_CRYPTO, "Ed25519 signing failed");
    return DS_OK;
}

int ds_ed25519_verify(const uint8_t pub32[32], const uint8_t sig64[64], struct ds_span message,
                      struct ds_error *e)
{
    DS_AUTO(EVP_PKEY_free_auto)
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub32, 32);
    DS_AUTO(EVP_MD_CTX_free_auto) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (key == NULL)
        return ossl_fail(e, DS_ERR_FORMAT, "not an Ed25519 public key");
    if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "Ed25519 setup failed");
    if (EVP_DigestVerify(ctx, sig64, 64, message.p, message.len) != 1)
        return ossl_fail(e, DS_ERR_UNTRUSTED, "Ed25519 signature does not verify");
    return DS_OK;
}
