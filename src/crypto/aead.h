/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AES-256-GCM with a 12-byte nonce and a 16-byte tag that follows the
 * ciphertext. The caller never uses a nonce twice under one key.
 */

#include "base/secret.h"

#define DS_AEAD_IV_LEN  12
#define DS_AEAD_TAG_LEN 16

/* out holds plain.len + DS_AEAD_TAG_LEN bytes and may not overlap plain. */
DS_MUST_USE int ds_aead_seal(uint8_t *out, const struct ds_key32 *key,
                             const uint8_t iv12[DS_AEAD_IV_LEN], struct ds_span aad,
                             struct ds_span plain, struct ds_error *e);

/*
 * out holds sealed.len - DS_AEAD_TAG_LEN bytes; zeroed when the tag is wrong.
 * err: TRUNCATED (shorter than a tag), UNTRUSTED (tag)
 */
DS_MUST_USE int ds_aead_open(uint8_t *out, const struct ds_key32 *key,
                             const uint8_t iv12[DS_AEAD_IV_LEN], struct ds_span aad,
                             struct ds_span sealed, struct ds_error *e);
