/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ed25519 (RFC 8032). The key is the 32-byte seed.
 */

#include "base/secret.h"

DS_MUST_USE int ds_ed25519_public(uint8_t ret_pub32[32], const struct ds_key32 *seed,
                                  struct ds_error *e);
DS_MUST_USE int ds_ed25519_sign(uint8_t ret_sig64[64], const struct ds_key32 *seed,
                                struct ds_span message, struct ds_error *e);
/* err: FORMAT (not a public key), UNTRUSTED */
DS_MUST_USE int ds_ed25519_verify(const uint8_t pub32[32], const uint8_t sig64[64],
                                  struct ds_span message, struct ds_error *e);
