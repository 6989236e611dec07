/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A signed result as CBOR: COSE_Sign1, ES256 made and read, ES384 read. Made
 * with COSE's tag alone, read with CWT's before it too.
 * spec: RFC 8392 §6, §7; RFC 9052 §4.2, §4.4
 */

#include "attest/cose.h"
#include "crypto/key.h"
#include "ear/ear.h"

/* The token, *appended*. `kid` names the key for who keeps several; NULL: no name. */
DS_MUST_USE int ear_cwt_sign(struct ds_buf *ret, const struct ear *ear,
                             const struct ds_p256_key *key, const char *kid, struct ds_error *e);

/*
 * Verify a token and read the result in it; ear_check() is the next step.
 *
 * out:  ret  borrows the token and the arena
 * err:  as ds_cose_sign1_parse, ds_cose_sign1_verify and ear_decode
 *       UNSUPPORTED  ear.type
 */
DS_MUST_USE int ear_cwt_open(struct ear *ret, struct ds_arena *mem, struct ds_span token,
                             const struct ds_cose_key *key, struct ds_error *e);
