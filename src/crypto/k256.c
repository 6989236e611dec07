/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libsecp256k1 behind our types. Signing contexts are made per call and blinded
 * with fresh randomness: the cost is microseconds and there is no global state.
 */
#include "crypto/k256.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "base/scope.h"
#include "crypto/rand.h"

/* The order halved, big-endian: s above it is the second form of a signature. */
static const uint8_t half_order[32] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d,
                                        0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0 };

static void ctx_done(secp256k1_context **ctx)
{
    if (*ctx != NULL)
        secp256k1_context_destroy(*ctx);
}

static int ctx_new(secp256k1_context **ret, struct ds_error *e)
{
    DS_AUTO(ctx_done) secp256k1_context *ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    DS_AUTO(ds_key32_wipe) struct ds_key32 seed = { 0 };
    if (ctx == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no memory for a secp256k1 context");
    DS_TRY(ds_rand(seed.b, sizeof seed.b, e));
    if (secp256k1_context_randomize(ctx, seed.b) != 1)
        return ds_fail(e, DS_ERR_CRYPTO, "blinding a secp256k1 context failed");
    *ret = DS_TAKE_PTR(ctx);
    return DS_OK;
}

static bool is_high_s(const uint8_t sig64[64]) { return memcmp(sig64 + 32, half_order, 32) > 0; }

int ds_k256_key_new(struct ds_key32 *ret, struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 key = { 0 };
    DS_TRY(ds_rand(key.b, sizeof key.b, e));
    /* A miss has probability 2^-128: it means a broken generator, not bad luck. */
    if (secp256k1_ec_seckey_verify(secp256k1_context_static, key.b) != 1)
        return ds_fail(e, DS_ERR_CRYPTO, "random bytes are no secp256k1 key");
    *ret = key;
    return DS_OK;
}

int ds_k256_public(uint8_t ret_pub33[DS_K256_PUB_LEN], const struct ds_key32 *key,
                   struct ds_error *e)
{
    DS_AUTO(ctx_done) secp256k1_context *ctx = NULL;
    DS_TRY(ctx_new(&ctx, e));
    secp256k1_pubkey pub;
    if (secp256k1_ec_pubkey_create(ctx, &pub, key->b) != 1)
        return ds_fail(e, DS_ERR_RANGE, "scalar is no secp256k1 key");
    size_t len = DS_K256_PUB_LEN;
    (void)secp256k1_ec_pubkey_serialize(ctx, ret_pub33, &len, &pub, SECP256K1_EC_COMPRESSED);
    return DS_OK;
}

int ds_k256_sign(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *key,
                 const uint8_t digest32[32], struct ds_error *e)
{
    DS_AUTO(ctx_done) secp256k1_context *ctx = NULL;
    DS_TRY(ctx_new(&ctx, e));
    secp256k1_ecdsa_recoverable_signature sig;
    /* The default nonce function is RFC 6979 with HMAC-SHA256 and no extra data. */
    if (secp256k1_ecdsa_sign_recoverable(ctx, &sig, digest32, key->b, NULL, NULL) != 1)
        return ds_fail(e, DS_ERR_RANGE, "scalar is no secp256k1 key");
    int recid = 0;
    (void)secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx, ret_sig65, &recid, &sig);
    ret_sig65[64] = (uint8_t)recid;
    return DS_OK;
}

int ds_k256_recover(uint8_t ret_pub33[DS_K256_PUB_LEN], const uint8_t sig65[DS_K256_SIG_LEN],
                    const uint8_t digest32[32], struct ds_error *e)
{
    const secp256k1_context *ctx = secp256k1_context_static;
    secp256k1_ecdsa_recoverable_signature sig;
    if (sig65[64] > 1)
        return ds_fail(e, DS_ERR_FORMAT, "recovery id %u is neither 0 nor 1", sig65[64]);
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(ctx, &sig, sig65, sig65[64]) != 1)
        return ds_fail(e, DS_ERR_FORMAT, "secp256k1 signature has r or s above the order");
    if (is_high_s(sig65))
        return ds_fail(e, DS_ERR_UNTRUSTED, "secp256k1 signature has a high s");
    secp256k1_pubkey pub;
    if (secp256k1_ecdsa_recover(ctx, &pub, &sig, digest32) != 1)
        return ds_fail(e, DS_ERR_UNTRUSTED, "no key made this secp256k1 signature");
    size_t len = DS_K256_PUB_LEN;
    (void)secp256k1_ec_pubkey_serialize(ctx, ret_pub33, &len, &pub, SECP256K1_EC_COMPRESSED);
    return DS_OK;
}

int ds_k256_verify(const uint8_t pub33[DS_K256_PUB_LEN], const uint8_t sig64[64],
                   const uint8_t digest32[32], struct ds_error *e)
{
    const secp256k1_context *ctx = secp256k1_context_static;
    secp256k1_pubkey pub;
    secp256k1_ecdsa_signature sig;
    if (secp256k1_ec_pubkey_parse(ctx, &pub, pub33, DS_K256_PUB_LEN) != 1)
        return ds_fail(e, DS_ERR_FORMAT, "not a compressed secp256k1 point");
    if (secp256k1_ecdsa_signature_parse_compact(ctx, &sig, sig64) != 1)
        return ds_fail(e, DS_ERR_FORMAT, "secp256k1 signature has r or s above the order");
    /* libsecp256k1 itself refuses a high s. */
    if (secp256k1_ecdsa_verify(ctx, &sig, digest32, &pub) != 1)
        return ds_fail(e, DS_ERR_UNTRUSTED, "secp256k1 signature does not verify");
    return DS_OK;
}
