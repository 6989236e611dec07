/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Merkle trees of transparency logs: leaf hash SHA-256(0x00 || leaf), node hash
 * SHA-256(0x01 || left || right), proofs of inclusion and of growth. Pure: the
 * caller keeps the leaf hashes.
 * spec: RFC 9162 §2.1
 */

#include "base/span.h"

#define DS_MERKLE_DEPTH_MAX 64 /* of a tree with less than 2^64 leaves */

struct ds_merkle_hash {
    uint8_t b[32];
};

/* A log being appended to: the roots of its full subtrees, largest first. */
struct ds_merkle_range {
    uint64_t size;
    struct ds_merkle_hash peaks[DS_MERKLE_DEPTH_MAX];
};

struct ds_merkle_proof {
    size_t n;
    struct ds_merkle_hash path[DS_MERKLE_DEPTH_MAX]; /* nearest the leaf first */
};

DS_MUST_USE int ds_merkle_leaf(struct ds_merkle_hash *ret, struct ds_span leaf, struct ds_error *e);

/* Append a leaf hash; an empty log is { 0 }. err: RANGE (2^64 - 1 leaves), CRYPTO */
DS_MUST_USE int ds_merkle_range_add(struct ds_merkle_range *io, const struct ds_merkle_hash *leaf,
                                    struct ds_error *e);
/* The root of what was appended; of nothing it is SHA-256(""). */
DS_MUST_USE int ds_merkle_range_root(struct ds_merkle_hash *ret,
                                     const struct ds_merkle_range *range, struct ds_error *e);

/*
 * The proof that the leaf which is appended next is in the log that it makes. Without the leaves:
 * a log that grows without bound keeps its peaks alone.
 */
void ds_merkle_range_proof(struct ds_merkle_proof *ret, const struct ds_merkle_range *before);

/* The root of the first n leaves. */
DS_MUST_USE int ds_merkle_root(struct ds_merkle_hash *ret, const struct ds_merkle_hash *leaves,
                               size_t n, struct ds_error *e);

/* Leaf `index` is in the tree of the first n. Cost: n hashes. err: RANGE (index >= n) */
DS_MUST_USE int ds_merkle_inclusion(struct ds_merkle_proof *ret,
                                    const struct ds_merkle_hash *leaves, size_t n, size_t index,
                                    struct ds_error *e);
/* The tree of the first n begins with that of the first `old_n`. err: RANGE (old_n > n) */
DS_MUST_USE int ds_merkle_consistency(struct ds_merkle_proof *ret,
                                      const struct ds_merkle_hash *leaves, size_t n, size_t old_n,
                                      struct ds_error *e);

/* err: UNTRUSTED  merkle.inclusion: the proof does not lead from the leaf to this root */
DS_MUST_USE int ds_merkle_inclusion_verify(const struct ds_merkle_proof *proof,
                                           const struct ds_merkle_hash *leaf, uint64_t index,
                                           uint64_t size, const struct ds_merkle_hash *root,
                                           struct ds_error *e);
/* err: UNTRUSTED  merkle.consistency: the newer log does not continue the older */
DS_MUST_USE int ds_merkle_consistency_verify(const struct ds_merkle_proof *proof, uint64_t old_size,
                                             const struct ds_merkle_hash *old_root,
                                             uint64_t new_size,
                                             const struct ds_merkle_hash *new_root,
                                             struct ds_error *e);
