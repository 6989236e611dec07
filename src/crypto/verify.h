/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The short list of primitives that verification needs, each verify-only and
 * over public bytes, so that a build without our crypto room (a browser) can
 * supply them from outside. With crypto/hash.h this is all that attest/ calls.
 */

#include "base/span.h"

/*
 * ECDSA P-256 over a SHA-256 digest.
 *
 * in:   pub_xy64  x || y, big-endian
 *       sig64     r || s, big-endian
 * err:  UNTRUSTED the signature is not this key's
 *       FORMAT    pub_xy64 is no point of the curve
 *       CRYPTO    the library failed
 */
DS_MUST_USE int ds_p256_verify(const uint8_t pub_xy64[static 64], const uint8_t digest32[static 32],
                               const uint8_t sig64[static 64], struct ds_error *e);

/* As above, the signature as DER SEQUENCE of two INTEGERs (certificates, CRLs). */
DS_MUST_USE int ds_p256_verify_der(const uint8_t pub_xy64[static 64],
                                   const uint8_t digest32[static 32], struct ds_span sig,
                                   struct ds_error *e);

/*
 * ecdsa-with-SHA256 over `message` by the key of a SubjectPublicKeyInfo, which
 * must be an uncompressed P-256 point (RFC 5480); the signature is DER.
 */
DS_MUST_USE int ds_ecdsa_verify_spki(struct ds_span spki, struct ds_span message,
                                     struct ds_span sig, struct ds_error *e);

/* x || y of an uncompressed P-256 SubjectPublicKeyInfo. err: UNSUPPORTED (another key), FORMAT */
DS_MUST_USE int ds_p256_of_spki(uint8_t ret_xy64[static 64], struct ds_span spki,
                                struct ds_error *e);
