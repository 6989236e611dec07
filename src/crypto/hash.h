/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SHA-1 (for TPM banks and old event logs only) and SHA-2. Keccak is in crypto/keccak.h.
 */

#include "base/span.h"

enum ds_hash_alg {
    DS_SHA1,
    DS_SHA256,
    DS_SHA384,
    DS_SHA512,
};

#define DS_HASH_MAX 64 /* bytes of the longest digest */

/* Bytes of a digest: 20, 32, 48, 64. */
size_t ds_hash_len(enum ds_hash_alg alg);

/* out gets ds_hash_len(alg) bytes. err: CRYPTO */
DS_MUST_USE int ds_hash(enum ds_hash_alg alg, uint8_t *out, struct ds_span in, struct ds_error *e);
/* Over the parts one after another. */
DS_MUST_USE int ds_hash_v(enum ds_hash_alg alg, uint8_t *out, const struct ds_span *parts, size_t n,
                          struct ds_error *e);

/* A register's step: mr = H(mr || digest), in place; both have ds_hash_len(alg) bytes. */
DS_MUST_USE int ds_hash_extend(enum ds_hash_alg alg, uint8_t *mr, const uint8_t *digest,
                               struct ds_error *e);

/* Streaming: new, update..., final once; free always (DS_AUTO(ds_hasher_free)). */
struct ds_hasher {
    void *ctx;
    enum ds_hash_alg alg;
};
DS_MUST_USE int ds_hasher_new(struct ds_hasher *ret, enum ds_hash_alg alg, struct ds_error *e);
DS_MUST_USE int ds_hasher_update(struct ds_hasher *h, struct ds_span in, struct ds_error *e);
DS_MUST_USE int ds_hasher_final(struct ds_hasher *h, uint8_t *out, struct ds_error *e);
void ds_hasher_free(struct ds_hasher *h);
