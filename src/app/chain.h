/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Signature chains: the KMS's key vouches for an app's key, the app's key for a
 * key it derived, and the KMS for an app's env encryption key. All recoverable
 * secp256k1 signatures over Keccak-256.
 * spec: guest-api 6.2, 6.4
 */

#include "app/identity.h"
#include "crypto/k256.h"

enum app_key_alg {
    APP_KEY_SECP256K1,
    APP_KEY_ED25519,
};

/* "", "secp256k1", "k256", "ed25519"; false for others. */
bool app_key_alg_find(enum app_key_alg *ret, struct ds_span text);

/* The public key of a derived key: 33 or 32 bytes. */
struct app_public {
    uint8_t b[DS_K256_PUB_LEN];
    size_t len;
};
DS_MUST_USE int app_key_public(struct app_public *ret, enum app_key_alg alg,
                               const struct ds_key32 *key, struct ds_error *e);

/* KMS: "dstack-kms-issued:" || app_id || the app key's public key, signed by the KMS. */
DS_MUST_USE int app_issue_sign(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *kms_key,
                               const uint8_t app_id20[APP_ID_LEN],
                               const uint8_t app_pub33[DS_K256_PUB_LEN], struct ds_error *e);

/* GetKey: purpose || ":" || hex of the derived public key, signed by the app key. */
DS_MUST_USE int app_key_sign(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *app_key,
                             struct ds_span purpose, const struct app_public *pub,
                             struct ds_error *e);

/*
 * Follow a chain from a derived public key to the KMS.
 *
 * in:   key_sig65    app_key_sign's
 *       issue_sig65  app_issue_sign's
 * out:  ret_kms_pub33  the KMS key that vouches: compare it with the one you know
 * err:  FORMAT, UNTRUSTED
 */
DS_MUST_USE int app_chain_recover(uint8_t ret_kms_pub33[DS_K256_PUB_LEN],
                                  const uint8_t app_id20[APP_ID_LEN], struct ds_span purpose,
                                  const struct app_public *pub,
                                  const uint8_t key_sig65[DS_K256_SIG_LEN],
                                  const uint8_t issue_sig65[DS_K256_SIG_LEN], struct ds_error *e);
/* As above, and the KMS is this one. err: UNTRUSTED app.chain_kms */
DS_MUST_USE int app_chain_verify(const uint8_t kms_pub33[DS_K256_PUB_LEN],
                                 const uint8_t app_id20[APP_ID_LEN], struct ds_span purpose,
                                 const struct app_public *pub,
                                 const uint8_t key_sig65[DS_K256_SIG_LEN],
                                 const uint8_t issue_sig65[DS_K256_SIG_LEN], struct ds_error *e);

/* The KMS vouches for an app's env encryption key: without a time, and at timestamp_s. */
DS_MUST_USE int app_env_pub_sign(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *kms_key,
                                 const uint8_t app_id20[APP_ID_LEN], const uint8_t env_pub32[32],
                                 struct ds_error *e);
DS_MUST_USE int app_env_pub_sign_v1(uint8_t ret_sig65[DS_K256_SIG_LEN],
                                    const struct ds_key32 *kms_key,
                                    const uint8_t app_id20[APP_ID_LEN], uint64_t timestamp_s,
                                    const uint8_t env_pub32[32], struct ds_error *e);
/* The KMS key that made a signature of the second kind. Its age is the caller's to judge. */
DS_MUST_USE int app_env_pub_recover_v1(uint8_t ret_kms_pub33[DS_K256_PUB_LEN],
                                       const uint8_t app_id20[APP_ID_LEN], uint64_t timestamp_s,
                                       const uint8_t env_pub32[32],
                                       const uint8_t sig65[DS_K256_SIG_LEN], struct ds_error *e);
