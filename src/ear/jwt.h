/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A signed result as JSON: JWS in compact form, ES256 made and read, ES384 read.
 * The key is the caller's and says which algorithm counts; what the header
 * says of keys (jwk, jku, x5c, kid) is not looked at.
 * spec: RFC 7515, RFC 7518 §3.4, RFC 7519, RFC 8725
 */

#include "attest/cose.h"
#include "crypto/key.h"
#include "ear/ear.h"

/* The token, *appended*. `kid` names the key for who keeps several; NULL: no name. */
DS_MUST_USE int ear_jwt_sign(struct ds_buf *ret, const struct ear *ear,
                             const struct ds_p256_key *key, const char *kid, struct ds_error *e);

/*
 * Verify a token and read the result in it; ear_check() is the next step.
 *
 * out:  ret  borrows the arena
 * err:  FORMAT, RANGE, TRUNCATED, TRAILING, NOMEM  ear.jwt_format, and as ear_decode
 *       UNSUPPORTED  ear.jwt_critical, ear.type; ear.jwt_algorithm: none of ours
 *       UNTRUSTED    ear.jwt_signature; ear.jwt_algorithm: not the key's
 */
DS_MUST_USE int ear_jwt_open(struct ear *ret, struct ds_arena *mem, struct ds_span token,
                             const struct ds_cose_key *key, struct ds_error *e);
