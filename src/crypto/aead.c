/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM over libcrypto. A wrong tag leaves no plaintext behind.
 */
#include "crypto/aead.h"

#include <limits.h>

#include "crypto/ossl.h"

/* Key, nonce and additional data of either direction. */
static int start(EVP_CIPHER_CTX *ctx, bool seal, const struct ds_key32 *key, const uint8_t *iv12,
                 struct ds_span aad, struct ds_error *e)
{
    int n = 0;
    if (ctx == NULL ||
        EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->b, iv12, seal ? 1 : 0) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "AES-256-GCM setup failed");
    if (aad.len > 0 && EVP_CipherUpdate(ctx, NULL, &n, aad.p, (int)aad.len) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "AES-256-GCM additional data failed");
    return DS_OK;
}

static int body(EVP_CIPHER_CTX *ctx, uint8_t *out, struct ds_span in, struct ds_error *e)
{
    int n = 0;
    if (in.len > 0 && EVP_CipherUpdate(ctx, out, &n, in.p, (int)in.len) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "AES-256-GCM failed");
    return DS_OK;
}

int ds_aead_seal(uint8_t *out, const struct ds_key32 *key, const uint8_t iv12[DS_AEAD_IV_LEN],
                 struct ds_span aad, struct ds_span plain, struct ds_error *e)
{
    if (plain.len > INT_MAX - DS_AEAD_TAG_LEN || aad.len > INT_MAX)
        return ds_fail(e, DS_ERR_RANGE, "%zu bytes are too many to seal at once", plain.len);
    DS_AUTO(EVP_CIPHER_CTX_free_auto) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    DS_TRY(start(ctx, true, key, iv12, aad, e));
    DS_TRY(body(ctx, out, plain, e));
    uint8_t *tag = out + plain.len;
    int n = 0;
    if (EVP_CipherFinal_ex(ctx, tag, &n) != 1 || n != 0 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, DS_AEAD_TAG_LEN, tag) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "AES-256-GCM tag failed");
    return DS_OK;
}

int ds_aead_open(uint8_t *out, const struct ds_key32 *key, const uint8_t iv12[DS_AEAD_IV_LEN],
                 struct ds_span aad, struct ds_span sealed, struct ds_error *e)
{
    if (sealed.len < DS_AEAD_TAG_LEN)
        return ds_fail(e, DS_ERR_TRUNCATED, "%zu sealed bytes hold no tag", sealed.len);
    if (sealed.len > INT_MAX || aad.len > INT_MAX)
        return ds_fail(e, DS_ERR_RANGE, "%zu bytes are too many to open at once", sealed.len);
    struct ds_span text = ds_span_sub(sealed, 0, sealed.len - DS_AEAD_TAG_LEN);
    uint8_t tag[DS_AEAD_TAG_LEN];
    memcpy(tag, sealed.p + text.len, sizeof tag);

    DS_AUTO(EVP_CIPHER_CTX_free_auto) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    DS_TRY(start(ctx, false, key, iv12, aad, e));
    DS_TRY(body(ctx, out, text, e));
    uint8_t none[DS_AEAD_TAG_LEN];
    int n = 0;
    if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) != 1 ||
        EVP_CipherFinal_ex(ctx, none, &n) != 1) {
        if (text.len > 0)
            explicit_bzero(out, text.len);
        return ossl_fail(e, DS_ERR_UNTRUSTED, "sealed bytes were changed, or the key is another");
    }
    return DS_OK;
}
