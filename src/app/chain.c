/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of dstack's signature chains. Each is joined text and bytes,
 * hashed with Keccak-256.
 */
#include "app/chain.h"

#include "base/hex.h"
#include "crypto/ed25519.h"
#include "crypto/keccak.h"

#define ISSUED_TAG  "dstack-kms-issued:"
#define ENV_PUB_TAG "dstack-env-encrypt-pubkey:"

bool app_key_alg_find(enum app_key_alg *ret, struct ds_span text)
{
    static const struct {
        const char *text;
        enum app_key_alg alg;
    } rows[] = {
        { "", APP_KEY_SECP256K1 },
        { "secp256k1", APP_KEY_SECP256K1 },
        { "k256", APP_KEY_SECP256K1 },
        { "ed25519", APP_KEY_ED25519 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        if (ds_span_eq_str(text, rows[i].text)) {
            *ret = rows[i].alg;
            return true;
        }
    }
    return false;
}

int app_key_public(struct app_public *ret, enum app_key_alg alg, const struct ds_key32 *key,
                   struct ds_error *e)
{
    if (alg == APP_KEY_ED25519) {
        DS_TRY(ds_ed25519_public(ret->b, key, e));
        ret->len = 32;
        return DS_OK;
    }
    DS_TRY(ds_k256_public(ret->b, key, e));
    ret->len = DS_K256_PUB_LEN;
    return DS_OK;
}

static int issue_digest(uint8_t ret32[32], const uint8_t *app_id20, const uint8_t *app_pub33,
                        struct ds_error *e)
{
    const struct ds_span parts[] = { DS_SPAN_LIT(ISSUED_TAG), DS_SPAN(app_id20, APP_ID_LEN),
                                     DS_SPAN(app_pub33, DS_K256_PUB_LEN) };
    return ds_keccak256(ret32, parts, DS_LEN(parts), e);
}

static int key_digest(uint8_t ret32[32], struct ds_span purpose, const struct app_public *pub,
                      struct ds_error *e)
{
    char hex[2 * DS_K256_PUB_LEN + 1];
    const struct ds_span parts[] = {
        purpose,
        DS_SPAN_LIT(":"),
        ds_span_str(ds_hex_encode(hex, DS_SPAN(pub->b, pub->len))),
    };
    return ds_keccak256(ret32, parts, DS_LEN(parts), e);
}

int app_issue_sign(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *kms_key,
                   const uint8_t app_id20[APP_ID_LEN], const uint8_t app_pub33[DS_K256_PUB_LEN],
                   struct ds_error *e)
{
    uint8_t digest[32];
    DS_TRY(issue_digest(digest, app_id20, app_pub33, e));
    return ds_k256_sign(ret_sig65, kms_key, digest, e);
}

int app_key_sign(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *app_key,
                 struct ds_span purpose, const struct app_public *pub, struct ds_error *e)
{
    uint8_t digest[32];
    DS_TRY(key_digest(digest, purpose, pub, e));
    return ds_k256_sign(ret_sig65, app_key, digest, e);
}

int app_chain_recover(uint8_t ret_kms_pub33[DS_K256_PUB_LEN], const uint8_t app_id20[APP_ID_LEN],
                      struct ds_span purpose, const struct app_public *pub,
                      const uint8_t key_sig65[DS_K256_SIG_LEN],
                      const uint8_t issue_sig65[DS_K256_SIG_LEN], struct ds_error *e)
{
    uint8_t digest[32], app_pub[DS_K256_PUB_LEN];
    DS_TRY(key_digest(digest, purpose, pub, e));
    DS_TRY(ds_k256_recover(app_pub, key_sig65, digest, e));
    DS_TRY(issue_digest(digest, app_id20, app_pub, e));
    return ds_k256_recover(ret_kms_pub33, issue_sig65, digest, e);
}

int app_chain_verify(const uint8_t kms_pub33[DS_K256_PUB_LEN], const uint8_t app_id20[APP_ID_LEN],
                     struct ds_span purpose, const struct app_public *pub,
                     const uint8_t key_sig65[DS_K256_SIG_LEN],
                     const uint8_t issue_sig65[DS_K256_SIG_LEN], struct ds_error *e)
{
    uint8_t got[DS_K256_PUB_LEN];
    DS_TRY(app_chain_recover(got, app_id20, purpose, pub, key_sig65, issue_sig65, e));
    /* Recovery always finds some key: only this comparison says whose signatures they are. */
    if (memcmp(got, kms_pub33, sizeof got) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_APP_CHAIN_KMS, "kms_k256_pubkey",
                         DS_HEX(DS_SPAN(kms_pub33, DS_K256_PUB_LEN)), DS_HEX(DS_SPAN_OF(got)),
                         NULL);
    return DS_OK;
}

/* A time of n_time bytes, none in the first form. */
static int env_digest(uint8_t ret32[32], const uint8_t *app_id20, const uint8_t *time,
                      size_t n_time, const uint8_t *env_pub32, struct ds_error *e)
{
    const struct ds_span parts[] = { DS_SPAN_LIT(ENV_PUB_TAG), DS_SPAN(app_id20, APP_ID_LEN),
                                     DS_SPAN(time, n_time), DS_SPAN(env_pub32, 32) };
    return ds_keccak256(ret32, parts, DS_LEN(parts), e);
}

static void be64(uint8_t ret8[8], uint64_t v)
{
    for (size_t i = 0; i < 8; i++)
        ret8[i] = (uint8_t)(v >> (56 - 8 * i));
}

int app_env_pub_sign(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *kms_key,
                     const uint8_t app_id20[APP_ID_LEN], const uint8_t env_pub32[32],
                     struct ds_error *e)
{
    uint8_t digest[32];
    DS_TRY(env_digest(digest, app_id20, NULL, 0, env_pub32, e));
    return ds_k256_sign(ret_sig65, kms_key, digest, e);
}

int app_env_pub_sign_v1(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *kms_key,
                        const uint8_t app_id20[APP_ID_LEN], uint64_t timestamp_s,
                        const uint8_t env_pub32[32], struct ds_error *e)
{
    uint8_t digest[32], time[8];
    be64(time, timestamp_s);
    DS_TRY(env_digest(digest, app_id20, time, sizeof time, env_pub32, e));
    return ds_k256_sign(ret_sig65, kms_key, digest, e);
}

int app_env_pub_recover_v1(uint8_t ret_kms_pub33[DS_K256_PUB_LEN],
                           const uint8_t app_id20[APP_ID_LEN], uint64_t timestamp_s,
                           const uint8_t env_pub32[32], const uint8_t sig65[DS_K256_SIG_LEN],
                           struct ds_error *e)
{
    uint8_t digest[32], time[8];
    be64(time, timestamp_s);
    DS_TRY(env_digest(digest, app_id20, time, sizeof time, env_pub32, e));
    return ds_k256_recover(ret_kms_pub33, sig65, digest, e);
}
