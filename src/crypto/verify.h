/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The short list of primitives that verification needs, each verify-only and
 * over public bytes, so that a build without our crypto room (a browser) can
 * supply them from outside. With crypto/hash.h this is all that attest/ calls.
 * Every function is safe to call from several threads.
 */

#include "base/span.h"

/* The signature algorithms of vendors' certificates, lists and evidence. */
enum ds_sig_alg {
    DS_SIG_ECDSA_P256_SHA256,
    DS_SIG_ECDSA_P384_SHA384,
    DS_SIG_RSA_PSS_SHA384, /* MGF1 with SHA-384, salt of 48 bytes; keys of 2048 to 4096 bits */
};

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

/* The same on P-384 over a SHA-384 digest. */
DS_MUST_USE int ds_p384_verify(const uint8_t pub_xy96[static 96], const uint8_t digest48[static 48],
                               const uint8_t sig96[static 96], struct ds_error *e);

/*
 * A signature over `message` by the key of a SubjectPublicKeyInfo, as in
 * certificates: ECDSA signatures are DER, keys uncompressed points (RFC 5480).
 *
 * err:  UNTRUSTED    the signature is not this key's
 *       UNSUPPORTED  the key is not of this algorithm
 *       FORMAT       the key is malformed
 *       CRYPTO       the library failed
 */
DS_MUST_USE int ds_spki_verify(enum ds_sig_alg alg, struct ds_span spki, struct ds_span message,
                               struct ds_span sig, struct ds_error *e);

/* x || y of an uncompressed SubjectPublicKeyInfo. err: UNSUPPORTED (another key), FORMAT */
DS_MUST_USE int ds_p256_of_spki(uint8_t ret_xy64[static 64], struct ds_span spki,
                                struct ds_error *e);
DS_MUST_USE int ds_p384_of_spki(uint8_t ret_xy96[static 96], struct ds_span spki,
                                struct ds_error *e);
