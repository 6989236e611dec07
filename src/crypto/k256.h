/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * secp256k1: public keys, recoverable signatures (RFC 6979 nonces, low s) and
 * their recovery. A signature is r || s || recid, recid 0 or 1.
 */

#include "base/secret.h"

#define DS_K256_PUB_LEN 33 /* SEC 1 compressed */
#define DS_K256_SIG_LEN 65

/* A fresh random scalar that is a valid key. err: SYS, CRYPTO */
DS_MUST_USE int ds_k256_key_new(struct ds_key32 *ret, struct ds_error *e);

/* err: RANGE (the scalar is zero or not below the order), CRYPTO */
DS_MUST_USE int ds_k256_public(uint8_t ret_pub33[DS_K256_PUB_LEN], const struct ds_key32 *key,
                               struct ds_error *e);
DS_MUST_USE int ds_k256_sign(uint8_t ret_sig65[DS_K256_SIG_LEN], const struct ds_key32 *key,
                             const uint8_t digest32[32], struct ds_error *e);

/* The key that made a signature. err: FORMAT, UNTRUSTED (no such key, or high s) */
DS_MUST_USE int ds_k256_recover(uint8_t ret_pub33[DS_K256_PUB_LEN],
                                const uint8_t sig65[DS_K256_SIG_LEN], const uint8_t digest32[32],
                                struct ds_error *e);

/* r || s by a known key. err: FORMAT, UNTRUSTED (wrong, or high s) */
DS_MUST_USE int ds_k256_verify(const uint8_t pub33[DS_K256_PUB_LEN], const uint8_t sig64[64],
                               const uint8_t digest32[32], struct ds_error *e);
