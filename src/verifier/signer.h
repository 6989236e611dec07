/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The key that signs results: made on the first start and kept, or given in a
 * file. Who relies on results pins its public half, which is served.
 */

#include "base/buf.h"
#include "crypto/key.h"

#define SIGNER_KID_LEN 43 /* SHA-256 in base64url */

struct signer {
    struct ds_p256_key *key;
    char kid[SIGNER_KID_LEN + 1]; /* thumbprint, RFC 7638 */
};

/*
 * in:   path  "": verifier/signing-key.pem in the state directory, made when it is not there
 * err:  verifier.key_file: cannot be read, made or kept, is no P-256 key, or others may read it
 */
DS_MUST_USE int signer_load(struct signer *ret, const char *path, struct ds_error *e);
void signer_done(struct signer *s);

/* The public key, *appended*: a JWK (RFC 7517), and as the only one of a set of either form. */
DS_MUST_USE int signer_jwk(struct ds_buf *ret, const struct signer *s, struct ds_error *e);
DS_MUST_USE int signer_jwk_set(struct ds_buf *ret, const struct signer *s, struct ds_error *e);
/* COSE_KeySet, RFC 9052 7 */
DS_MUST_USE int signer_cose_key_set(struct ds_buf *ret, const struct signer *s, struct ds_error *e);
