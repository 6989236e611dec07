/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HKDF-SHA256 (RFC 5869), and the derivation that all of dstack's keys come
 * from: salt "RATLS", info = the parts of a context, joined without separators.
 * Joined parts are ambiguous by construction; new uses put lengths into them.
 */

#include "base/secret.h"

#define DS_HKDF_OUT_MAX ((size_t)255 * 32)

/* err: RANGE (len over DS_HKDF_OUT_MAX or zero), CRYPTO */
DS_MUST_USE int ds_hkdf_sha256(uint8_t *out, size_t len, struct ds_span salt, struct ds_span ikm,
                               struct ds_span info, struct ds_error *e);

/*
 * Derive `len` bytes from a parent secret under a context.
 *
 * in:   ikm  the parent's bytes
 *       ctx  n_ctx parts, joined
 * err:  RANGE (joined context over DS_KDF_CONTEXT_MAX), CRYPTO
 */
#define DS_KDF_CONTEXT_MAX 4096
DS_MUST_USE int ds_kdf(uint8_t *out, size_t len, struct ds_span ikm, const struct ds_span *ctx,
                       size_t n_ctx, struct ds_error *e);

/* As ds_kdf, for the usual 32 bytes. */
DS_MUST_USE int ds_kdf32(struct ds_key32 *ret, const struct ds_key32 *parent,
                         const struct ds_span *ctx, size_t n_ctx, struct ds_error *e);
