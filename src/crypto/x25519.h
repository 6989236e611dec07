/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * X25519 (RFC 7748). Secrets are kept unclamped, as dstack's KMS hands them
 * out; clamping happens on use.
 */

#include "base/secret.h"

DS_MUST_USE int ds_x25519_public(uint8_t ret_pub32[32], const struct ds_key32 *key,
                                 struct ds_error *e);
/* The shared secret. err: UNTRUSTED (the peer's point has small order), CRYPTO */
DS_MUST_USE int ds_x25519_shared(struct ds_key32 *ret, const struct ds_key32 *key,
                                 const uint8_t peer_pub32[32], struct ds_error *e);
