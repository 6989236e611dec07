/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * COSE_Sign1 as vendors and verifiers make it: parsed strictly, verified with a
 * key that the caller trusts already. What a message says of its own key (kid,
 * x5chain) is there to be read and decides nothing here. Pure, no heap.
 * spec: RFC 9052 §3, §4.2, §4.4; RFC 9053 §2.1
 */

#include "codec/cbor.h"

/* RFC 9053 §2.1. The curve goes with the hash: P-256 with SHA-256, P-384 with SHA-384. */
enum ds_cose_alg {
    DS_COSE_ES256 = -7,
    DS_COSE_ES384 = -35,
};

/* "ES256", "ES384" */
const char *ds_cose_alg_text(enum ds_cose_alg alg);

/* Header labels, RFC 9052 §3.1 and RFC 9360 §2. */
enum {
    DS_COSE_LABEL_ALG = 1,
    DS_COSE_LABEL_CRIT = 2,
    DS_COSE_LABEL_CONTENT_TYPE = 3,
    DS_COSE_LABEL_KID = 4,
    DS_COSE_LABEL_TYP = 16, /* RFC 9596 §2 */
    DS_COSE_LABEL_X5CHAIN = 33,
};

#define DS_COSE_HEADERS_MAX 12 /* of each of the two maps */

/* A message, unverified. Everything borrows the parsed bytes. */
struct ds_cose_sign1 {
    enum ds_cose_alg alg;
    struct ds_span protected_; /* the content of the byte string, as signed */
    struct ds_cbor_pair headers[DS_COSE_HEADERS_MAX], unprotected[DS_COSE_HEADERS_MAX];
    size_t n_headers, n_unprotected;
    struct ds_span payload;
    struct ds_span sig; /* r || s of the algorithm's length */
};

/* A public key and the one algorithm that it serves. */
struct ds_cose_key {
    enum ds_cose_alg alg;
    uint8_t xy[96]; /* x || y, big-endian; ES256 uses the first 64 */
};

/* The key of a SubjectPublicKeyInfo: P-256 for ES256, P-384 for ES384. err: UNSUPPORTED, FORMAT */
DS_MUST_USE int ds_cose_key_of_spki(struct ds_cose_key *ret, struct ds_span spki,
                                    struct ds_error *e);

/*
 * Parse one message, tagged 18 or not, to its last byte.
 *
 * err:  FORMAT, TRUNCATED, TRAILING  attest.cose.format
 *       UNSUPPORTED  attest.cose.algorithm (none that is protected and ours), attest.cose.critical
 */
DS_MUST_USE int ds_cose_sign1_parse(struct ds_cose_sign1 *ret, struct ds_span in,
                                    struct ds_error *e);

/*
 * The signature over protected header, external data and payload is this key's.
 *
 * err:  UNTRUSTED  attest.cose.signature; attest.cose.algorithm: the message is signed with
 *                  another algorithm than the key's
 *       FORMAT     the key is no point of its curve
 */
DS_MUST_USE int ds_cose_sign1_verify(const struct ds_cose_sign1 *msg, const struct ds_cose_key *key,
                                     struct ds_span external, struct ds_error *e);

/*
 * The bytes that are signed, for a hash over parts. `heads` holds
 * the parts that stand in no input.
 * spec: RFC 9052 §4.4
 */
#define DS_COSE_TBS_PARTS 7
struct ds_cose_tbs {
    struct ds_cbor_head heads[3];
    struct ds_span parts[DS_COSE_TBS_PARTS];
};
void ds_cose_tbs_init(struct ds_cose_tbs *ret, struct ds_span protected_, struct ds_span external,
                      struct ds_span payload);
