/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X25519 over libcrypto's raw keys.
 */
#include "crypto/x25519.h"

#include "crypto/ossl.h"

int ds_x25519_public(uint8_t ret_pub32[32], const struct ds_key32 *key, struct ds_error *e)
{
    DS_AUTO(EVP_PKEY_free_auto)
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key->b, sizeof key->b);
    size_t len = 32;
    if (own == NULL || EVP_PKEY_get_raw_public_key(own, ret_pub32, &len) != 1 || len != 32)
        return ossl_fail(e, DS_ERR_CRYPTO, "X25519 public key failed");
    return DS_OK;
}

int ds_x25519_shared(struct ds_key32 *ret, const struct ds_key32 *key, const uint8_t peer_pub32[32],
                     struct ds_error *e)
{
    DS_AUTO(EVP_PKEY_free_auto)
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key->b, sizeof key->b);
    DS_AUTO(EVP_PKEY_free_auto)
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer_pub32, 32);
    DS_AUTO(EVP_PKEY_CTX_free_auto)
    EVP_PKEY_CTX *ctx = own != NULL ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    if (peer == NULL || ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
        EVP_PKEY_derive_set_peer(ctx, peer) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "X25519 setup failed");
    DS_AUTO(ds_key32_wipe) struct ds_key32 shared = { 0 };
    size_t len = sizeof shared.b;
    /* RFC 7748 §6.1: libcrypto fails where the result is all zero. */
    if (EVP_PKEY_derive(ctx, shared.b, &len) != 1 || len != sizeof shared.b)
        return ossl_fail(e, DS_ERR_UNTRUSTED, "X25519 with this public key gives no secret");
    *ret = shared;
    return DS_OK;
}
