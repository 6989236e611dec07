/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HKDF from its two halves (RFC 5869 §2.2, §2.3) over libcrypto's one-shot HMAC.
 */
#include "crypto/kdf.h"

#include <openssl/hmac.h>

#include "base/writer.h"
#include "crypto/ossl.h"

static int hmac_sha256(uint8_t out32[32], struct ds_span key, struct ds_span in, struct ds_error *e)
{
    unsigned int n = 32;
    const uint8_t *p = in.p != NULL ? in.p : (const uint8_t *)"";
    if (HMAC(EVP_sha256(), key.p, (int)key.len, p, in.len, out32, &n) == NULL || n != 32)
        return ossl_fail(e, DS_ERR_CRYPTO, "HMAC-SHA256 failed");
    return DS_OK;
}

/* Block i of the output: HMAC(prk, previous block || info || i). */
struct expand {
    struct ds_key32 prk, block;
    uint8_t message[32 + DS_KDF_CONTEXT_MAX + 1];
};

static void expand_wipe(struct expand *x) { explicit_bzero(x, sizeof *x); }

int ds_hkdf_sha256(uint8_t *out, size_t len, struct ds_span salt, struct ds_span ikm,
                   struct ds_span info, struct ds_error *e)
{
    static const uint8_t no_salt[32];
    if (len == 0 || len > DS_HKDF_OUT_MAX)
        return ds_fail(e, DS_ERR_RANGE, "HKDF cannot make %zu bytes", len);
    if (info.len > DS_KDF_CONTEXT_MAX)
        return ds_fail(e, DS_ERR_RANGE, "HKDF context of %zu bytes is over %d", info.len,
                       DS_KDF_CONTEXT_MAX);
    /* RFC 5869 §2.2: an absent salt is a string of HashLen zeros. */
    if (salt.len == 0)
        salt = DS_SPAN_OF(no_salt);

    DS_AUTO(expand_wipe) struct expand x = { 0 };
    DS_TRY(hmac_sha256(x.prk.b, salt, ikm, e));
    size_t n_blocks = (len + 31) / 32;
    for (size_t i = 1; i <= n_blocks; i++) {
        struct ds_writer w = ds_writer_of(x.message, sizeof x.message);
        if (i > 1)
            ds_write(&w, DS_SPAN_OF(x.block.b));
        ds_write(&w, info);
        ds_write_u8(&w, (uint8_t)i);
        DS_TRY(ds_writer_end(&w, e, "HKDF block"));
        DS_TRY(hmac_sha256(x.block.b, DS_SPAN_OF(x.prk.b), ds_write_span(&w), e));
        size_t at = (i - 1) * 32;
        memcpy(out + at, x.block.b, len - at < 32 ? len - at : 32);
    }
    return DS_OK;
}

int ds_kdf(uint8_t *out, size_t len, struct ds_span ikm, const struct ds_span *ctx, size_t n_ctx,
           struct ds_error *e)
{
    uint8_t info[DS_KDF_CONTEXT_MAX];
    struct ds_writer w = ds_writer_of(info, sizeof info);
    for (size_t i = 0; i < n_ctx; i++)
        ds_write(&w, ctx[i]);
    DS_TRY(ds_writer_end(&w, e, "derivation context"));
    return ds_hkdf_sha256(out, len, DS_SPAN_LIT("RATLS"), ikm, ds_write_span(&w), e);
}

int ds_kdf32(struct ds_key32 *ret, const struct ds_key32 *parent, const struct ds_span *ctx,
             size_t n_ctx, struct ds_error *e)
{
    return ds_kdf(ret->b, sizeof ret->b, DS_SPAN_OF(parent->b), ctx, n_ctx, e);
}
