/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Several collateral sets in one signed file, for places without a network. The
 * file is canonical JSON (RFC 8785), so that equal sets give equal bytes and one
 * bundle has one reading; JSON and not an archive, since sets are texts and one
 * bounded reader serves both:
 *
 *   {"bundle":{"issued_s":N,"sets":["...",...],"until_s":N,"v":1},
 *    "signature":"<128 hex>","spki":"<182 hex>"}
 *
 * Sets are sorted and differ. The signature is ECDSA P-256/SHA-256 over
 * "dstack-collateral-bundle-v1" || 0x00 || the bundle member's text. It says who
 * packed the sets; what stands in them is verified up to the vendor's root as
 * ever. Pure.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/key.h"

#define BUNDLE_SETS_MAX 64
#define BUNDLE_MAX      ((size_t)8 << 20)
#define BUNDLE_MEM      (3 * BUNDLE_MAX) /* bytes of arena that suffice to read one */

struct bundle {
    struct ds_span sets[BUNDLE_SETS_MAX]; /* JSON, borrowed */
    size_t n_sets;
    int64_t issued_s, until_s; /* packed; the first of its documents expires */
    uint8_t signer32[32];      /* SHA-256 of the signer's SPKI */
};

/* A bundle, and not a set, by its first bytes. */
bool bundle_is(struct ds_span file);

/*
 * Pack and sign, *appended*. Sets may come in any order and twice.
 *
 * err:  RANGE (none, too many, too long, dates), CRYPTO
 */
DS_MUST_USE int bundle_encode(struct ds_buf *ret, const struct bundle *b,
                              const struct ds_p256_key *key, struct ds_error *e);

/*
 * Read a bundle whose signature verifies.
 *
 * in:   signer32  the only signer to accept, SHA-256 of its SPKI; NULL: any
 * io:   mem       BUNDLE_MEM; ret borrows it
 * err:  FORMAT     collateral.bundle_format: not byte for byte what bundle_encode writes
 *       UNTRUSTED  collateral.bundle_signature, collateral.bundle_signer
 */
DS_MUST_USE int bundle_parse(struct bundle *ret, struct ds_arena *mem, struct ds_span file,
                             const uint8_t *signer32, struct ds_error *e);
