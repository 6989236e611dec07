/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9162 trees. Subtree roots are made by a compact range over the leaf
 * hashes, so there is one place that hashes nodes and no recursion.
 */
#include "merkle/tree.h"

#include "base/hex.h"
#include "crypto/hash.h"

static const uint8_t leaf_prefix[1] = { 0x00 };
static const uint8_t node_prefix[1] = { 0x01 };

static int node(struct ds_merkle_hash *ret, const struct ds_merkle_hash *left,
                const struct ds_merkle_hash *right, struct ds_error *e)
{
    const struct ds_span parts[] = { DS_SPAN_OF(node_prefix), DS_SPAN_OF(left->b),
                                     DS_SPAN_OF(right->b) };
    return ds_hash_v(DS_SHA256, ret->b, parts, 3, e);
}

static bool same(const struct ds_merkle_hash *a, const struct ds_merkle_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* The largest power of two below n; n is at least 2. */
static size_t split(size_t n) { return (size_t)1 << (63 - __builtin_clzll(n - 1)); }

int ds_merkle_leaf(struct ds_merkle_hash *ret, struct ds_span leaf, struct ds_error *e)
{
    const struct ds_span parts[] = { DS_SPAN_OF(leaf_prefix), leaf };
    return ds_hash_v(DS_SHA256, ret->b, parts, 2, e);
}

int ds_merkle_range_add(struct ds_merkle_range *io, const struct ds_merkle_hash *leaf,
                        struct ds_error *e)
{
    if (io->size == UINT64_MAX)
        return ds_fail(e, DS_ERR_RANGE, "the log is full");
    /* One peak for each bit of the size; the trailing ones merge with the new leaf. */
    int n_peaks = __builtin_popcountll(io->size);
    int n_merged = io->size == 0 ? 0 : __builtin_ctzll(~io->size);
    struct ds_merkle_hash h = *leaf;
    for (int i = 1; i <= n_merged; i++)
        DS_TRY(node(&h, &io->peaks[n_peaks - i], &h, e));
    io->peaks[n_peaks - n_merged] = h;
    io->size++;
    return DS_OK;
}

int ds_merkle_range_root(struct ds_merkle_hash *ret, const struct ds_merkle_range *range,
                         struct ds_error *e)
{
    int n_peaks = __builtin_popcountll(range->size);
    if (n_peaks == 0)
        return ds_hash(DS_SHA256, ret->b, (struct ds_span){ 0 }, e);
    struct ds_merkle_hash h = range->peaks[n_peaks - 1];
    for (int i = n_peaks - 2; i >= 0; i--)
        DS_TRY(node(&h, &range->peaks[i], &h, e));
    *ret = h;
    return DS_OK;
}

/* Whatever merges with the newest leaf on its way up stands to its left: the peaks, last one first. */
void ds_merkle_range_proof(struct ds_merkle_proof *ret, const struct ds_merkle_range *before)
{
    size_t n = (size_t)__builtin_popcountll(before->size);
    ret->n = n;
    for (size_t i = 0; i < n; i++)
        ret->path[i] = before->peaks[n - 1 - i];
}

int ds_merkle_root(struct ds_merkle_hash *ret, const struct ds_merkle_hash *leaves, size_t n,
                   struct ds_error *e)
{
    struct ds_merkle_range range = { 0 };
    for (size_t i = 0; i < n; i++)
        DS_TRY(ds_merkle_range_add(&range, &leaves[i], e));
    return ds_merkle_range_root(ret, &range, e);
}

/* Proofs are collected from the root down and handed out from the leaf up. */
static void reverse(struct ds_merkle_proof *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        struct ds_merkle_hash h = p->path[i];
        p->path[i] = p->path[p->n - 1 - i];
        p->path[p->n - 1 - i] = h;
    }
}

/* RFC 9162 §2.1.3.1 */
int ds_merkle_inclusion(struct ds_merkle_proof *ret, const struct ds_merkle_hash *leaves, size_t n,
                        size_t index, struct ds_error *e)
{
    if (index >= n)
        return ds_fail(e, DS_ERR_RANGE, "leaf %zu is not in a log of %zu", index, n);
    struct ds_merkle_proof p = { 0 };
    while (n > 1) {
        size_t k = split(n);
        if (index < k) {
            DS_TRY(ds_merkle_root(&p.path[p.n++], leaves + k, n - k, e));
            n = k;
            continue;
        }
        DS_TRY(ds_merkle_root(&p.path[p.n++], leaves, k, e));
        leaves += k;
        index -= k;
        n -= k;
    }
    reverse(&p);
    *ret = p;
    return DS_OK;
}

/* RFC 9162 §2.1.4.1; everything continues the empty log. */
int ds_merkle_consistency(struct ds_merkle_proof *ret, const struct ds_merkle_hash *leaves,
                          size_t n, size_t old_n, struct ds_error *e)
{
    if (old_n > n)
        return ds_fail(e, DS_ERR_RANGE, "a log of %zu was never as long as %zu", n, old_n);
    struct ds_merkle_proof p = { 0 };
    bool is_old_root = true; /* the verifier has the subtree's root already */
    while (old_n != 0 && old_n != n) {
        size_t k = split(n);
        if (old_n <= k) {
            DS_TRY(ds_merkle_root(&p.path[p.n++], leaves + k, n - k, e));
            n = k;
            continue;
        }
        DS_TRY(ds_merkle_root(&p.path[p.n++], leaves, k, e));
        leaves += k;
        old_n -= k;
        n -= k;
        is_old_root = false;
    }
    if (!is_old_root)
        DS_TRY(ds_merkle_root(&p.path[p.n++], leaves, n, e));
    reverse(&p);
    *ret = p;
    return DS_OK;
}

/* The way from a node to the root: its index among its level's nodes, and the last index there. */
struct climb {
    uint64_t at, last;
};

static void up(struct climb *c)
{
    c->at >>= 1;
    c->last >>= 1;
}

/* The sibling stands on the left. A node without a right sibling rises until it has a left one. */
static bool sibling_is_left(struct climb *c)
{
    if ((c->at & 1) == 0 && c->at != c->last)
        return false;
    while ((c->at & 1) == 0 && c->at != 0)
        up(c);
    return true;
}

static int refuse(struct ds_error *e, enum ds_code code, const struct ds_merkle_hash *want,
                  const struct ds_merkle_hash *got)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, "root", DS_HEX(DS_SPAN_OF(want->b)),
                     DS_HEX(DS_SPAN_OF(got->b)), NULL);
}

/* RFC 9162 §2.1.3.2 */
int ds_merkle_inclusion_verify(const struct ds_merkle_proof *proof,
                               const struct ds_merkle_hash *leaf, uint64_t index, uint64_t size,
                               const struct ds_merkle_hash *root, struct ds_error *e)
{
    if (index >= size || proof->n > DS_MERKLE_DEPTH_MAX)
        return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_MERKLE_INCLUSION,
                            "leaf %llu cannot be in a log of %llu by %zu hashes",
                            (unsigned long long)index, (unsigned long long)size, proof->n);
    struct climb c = { .at = index, .last = size - 1 };
    struct ds_merkle_hash h = *leaf;
    for (size_t i = 0; i < proof->n; i++) {
        if (c.last == 0)
            return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_MERKLE_INCLUSION,
                                "inclusion proof of %zu hashes is too long", proof->n);
        bool left = sibling_is_left(&c);
        DS_TRY(node(&h, left ? &proof->path[i] : &h, left ? &h : &proof->path[i], e));
        up(&c);
    }
    if (c.last != 0)
        return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_MERKLE_INCLUSION,
                            "inclusion proof of %zu hashes is too short", proof->n);
    return same(&h, root) ? DS_OK : refuse(e, DS_CODE_MERKLE_INCLUSION, root, &h);
}

/* Old logs whose root needs no proof: the empty one, and the new one itself. */
static int verify_trivial(const struct ds_merkle_proof *proof, uint64_t old_size,
                          const struct ds_merkle_hash *old_root,
                          const struct ds_merkle_hash *new_root, struct ds_error *e)
{
    if (proof->n != 0)
        return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_MERKLE_CONSISTENCY,
                            "consistency proof of %zu hashes where none is needed", proof->n);
    struct ds_merkle_hash want = *new_root;
    if (old_size == 0)
        DS_TRY(ds_merkle_root(&want, NULL, 0, e));
    return same(&want, old_root) ? DS_OK : refuse(e, DS_CODE_MERKLE_CONSISTENCY, &want, old_root);
}

/* RFC 9162 §2.1.4.2 */
int ds_merkle_consistency_verify(const struct ds_merkle_proof *proof, uint64_t old_size,
                                 const struct ds_merkle_hash *old_root, uint64_t new_size,
                                 const struct ds_merkle_hash *new_root, struct ds_error *e)
{
    if (old_size > new_size)
        return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_MERKLE_CONSISTENCY,
                            "the log shrank from %llu to %llu", (unsigned long long)old_size,
                            (unsigned long long)new_size);
    if (old_size == 0 || old_size == new_size)
        return verify_trivial(proof, old_size, old_root, new_root, e);

    struct climb c = { .at = old_size - 1, .last = new_size - 1 };
    while ((c.at & 1) == 1)
        up(&c);
    /* A full old tree is a node of the new one: its root is where both begin. */
    bool is_full = (old_size & (old_size - 1)) == 0;
    if (proof->n > DS_MERKLE_DEPTH_MAX || (!is_full && proof->n == 0))
        return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_MERKLE_CONSISTENCY,
                            "consistency proof of %zu hashes", proof->n);
    struct ds_merkle_hash old_h = is_full ? *old_root : proof->path[0];
    struct ds_merkle_hash new_h = old_h;
    for (size_t i = is_full ? 0 : 1; i < proof->n; i++) {
        if (c.last == 0)
            return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_MERKLE_CONSISTENCY,
                                "consistency proof of %zu hashes is too long", proof->n);
        const struct ds_merkle_hash *p = &proof->path[i];
        bool left = sibling_is_left(&c);
        if (left)
            DS_TRY(node(&old_h, p, &old_h, e));
        DS_TRY(node(&new_h, left ? p : &new_h, left ? &new_h : p, e));
        up(&c);
    }
    if (c.last != 0)
        return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_MERKLE_CONSISTENCY,
                            "consistency proof of %zu hashes is too short", proof->n);
    if (!same(&old_h, old_root))
        return refuse(e, DS_CODE_MERKLE_CONSISTENCY, old_root, &old_h);
    return same(&new_h, new_root) ? DS_OK : refuse(e, DS_CODE_MERKLE_CONSISTENCY, new_root, &new_h);
}
