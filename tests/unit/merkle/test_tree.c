/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9162 trees: the roots that certificate transparency logs use as vectors,
 * every proof of every tree up to 130 leaves against the recursive definition,
 * and proofs that were changed, cut, lengthened, or made for another place.
 */
#include "crypto/hash.h"
#include "merkle/tree.h"
#include "unhex.h"

#define N_MAX   130
#define N_WRONG 20 /* wrong proofs are tried up to this size */

static struct ds_merkle_hash leaves[N_MAX];

static int make_leaves(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    for (size_t i = 0; i < N_MAX; i++) {
        uint8_t byte = (uint8_t)i;
        if (ds_merkle_leaf(&leaves[i], DS_SPAN(&byte, 1), &e) != DS_OK)
            return -1;
    }
    return 0;
}

/* RFC 9162 §2.1.1 word by word. */
static struct ds_merkle_hash definition(const struct ds_merkle_hash *d, size_t n)
{
    struct ds_merkle_hash h, l, r;
    struct ds_error e = { 0 };
    if (n == 0) {
        assert_ok(ds_hash(DS_SHA256, h.b, (struct ds_span){ 0 }, &e));
        return h;
    }
    if (n == 1)
        return d[0];
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    l = definition(d, k);
    r = definition(d + k, n - k);
    const struct ds_span parts[] = { DS_SPAN_LIT("\x01"), DS_SPAN_OF(l.b), DS_SPAN_OF(r.b) };
    assert_ok(ds_hash_v(DS_SHA256, h.b, parts, 3, &e));
    return h;
}

static void known_roots(void **state)
{
    (void)state;
    static const struct {
        const char *leaf, *root; /* the root with this leaf as the last */
    } rows[] = {
        { "", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
        { "00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
        { "10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
        { "2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
        { "3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
        { "40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
        { "5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
        { "606162636465666768696a6b6c6d6e6f",
          "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
    };
    struct ds_error e = { 0 };
    struct ds_merkle_range range = { 0 };
    struct ds_merkle_hash h;
    assert_ok(ds_merkle_range_root(&h, &range, &e));
    assert_hex(DS_SPAN_OF(h.b), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct unhex leaf = unhex(rows[i].leaf);
        assert_ok(ds_merkle_leaf(&h, unhex_span(&leaf), &e));
        assert_ok(ds_merkle_range_add(&range, &h, &e));
        assert_ok(ds_merkle_range_root(&h, &range, &e));
        assert_hex(DS_SPAN_OF(h.b), rows[i].root);
    }
    range.size = UINT64_MAX;
    assert_int_equal(ds_merkle_range_add(&range, &h, &e), DS_ERR_RANGE);
}

static void every_root(void **state)
{
    (void)state;
    for (size_t n = 0; n <= N_MAX; n++) {
        struct ds_error e = { 0 };
        struct ds_merkle_hash want = definition(leaves, n), got;
        assert_ok(ds_merkle_root(&got, leaves, n, &e));
        assert_memory_equal(want.b, got.b, sizeof want.b);
    }
}

/* The newest leaf's proof needs the peaks alone. */
static void every_newest_leaf(void **state)
{
    (void)state;
    struct ds_merkle_range range = { 0 };
    for (size_t n = 0; n < N_MAX; n++) {
        struct ds_error e = { 0 };
        struct ds_merkle_proof want, got;
        ds_merkle_range_proof(&got, &range);
        assert_ok(ds_merkle_inclusion(&want, leaves, n + 1, n, &e));
        assert_int_equal(got.n, want.n);
        assert_memory_equal(got.path, want.path, want.n * sizeof want.path[0]);
        assert_ok(ds_merkle_range_add(&range, &leaves[n], &e));
    }
}

/* A proof that is not the right one for this place must not verify. */
static void wrong_inclusion(const struct ds_merkle_proof *good, size_t index, size_t n,
                            const struct ds_merkle_hash *root)
{
    struct ds_error e = { 0 };
    for (size_t i = 0; i < good->n; i++) {
        struct ds_merkle_proof p = *good;
        p.path[i].b[31] ^= 1;
        assert_int_equal(ds_merkle_inclusion_verify(&p, &leaves[index], index, n, root, &e),
                         DS_ERR_UNTRUSTED);
    }
    struct ds_merkle_proof p = *good;
    p.n++;
    assert_int_equal(ds_merkle_inclusion_verify(&p, &leaves[index], index, n, root, &e),
                     DS_ERR_UNTRUSTED);
    if (good->n > 0) {
        p.n = good->n - 1;
        assert_int_equal(ds_merkle_inclusion_verify(&p, &leaves[index], index, n, root, &e),
                         DS_ERR_UNTRUSTED);
    }
    for (size_t other = 0; other < n; other++) {
        if (other == index)
            continue;
        assert_int_equal(ds_merkle_inclusion_verify(good, &leaves[index], other, n, root, &e),
                         DS_ERR_UNTRUSTED);
        assert_int_equal(ds_merkle_inclusion_verify(good, &leaves[other], index, n, root, &e),
                         DS_ERR_UNTRUSTED);
    }
    assert_int_equal(ds_merkle_inclusion_verify(good, &leaves[index], n, n, root, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_MERKLE_INCLUSION);
}

static void every_inclusion(void **state)
{
    (void)state;
    for (size_t n = 1; n <= N_MAX; n++) {
        struct ds_merkle_hash root = definition(leaves, n);
        for (size_t i = 0; i < n; i++) {
            struct ds_error e = { 0 };
            struct ds_merkle_proof p;
            assert_ok(ds_merkle_inclusion(&p, leaves, n, i, &e));
            assert_ok(ds_merkle_inclusion_verify(&p, &leaves[i], i, n, &root, &e));
            if (n <= N_WRONG)
                wrong_inclusion(&p, i, n, &root);
        }
    }
    struct ds_error e = { 0 };
    struct ds_merkle_proof p;
    assert_int_equal(ds_merkle_inclusion(&p, leaves, 5, 5, &e), DS_ERR_RANGE);
    assert_int_equal(ds_merkle_inclusion(&p, leaves, 0, 0, &e), DS_ERR_RANGE);
}

static void wrong_consistency(const struct ds_merkle_proof *good, size_t old_n, size_t n)
{
    struct ds_error e = { 0 };
    struct ds_merkle_hash old_root = definition(leaves, old_n), root = definition(leaves, n);
    struct ds_merkle_proof p;
    for (size_t i = 0; i < good->n; i++) {
        p = *good;
        p.path[i].b[0] ^= 0x80;
        assert_int_equal(ds_merkle_consistency_verify(&p, old_n, &old_root, n, &root, &e),
                         DS_ERR_UNTRUSTED);
    }
    p = *good;
    p.n++;
    assert_int_equal(ds_merkle_consistency_verify(&p, old_n, &old_root, n, &root, &e),
                     DS_ERR_UNTRUSTED);
    if (good->n > 0) {
        p.n = good->n - 1;
        assert_int_equal(ds_merkle_consistency_verify(&p, old_n, &old_root, n, &root, &e),
                         DS_ERR_UNTRUSTED);
    }
    struct ds_merkle_hash other = old_root;
    other.b[5] ^= 1;
    assert_int_equal(ds_merkle_consistency_verify(good, old_n, &other, n, &root, &e),
                     DS_ERR_UNTRUSTED);
    if (old_n == 0)
        return; /* of the empty log every root is a continuation */
    other = root;
    other.b[5] ^= 1;
    assert_int_equal(ds_merkle_consistency_verify(good, old_n, &old_root, n, &other, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_MERKLE_CONSISTENCY);
}

static void every_consistency(void **state)
{
    (void)state;
    for (size_t n = 0; n <= N_MAX; n++) {
        struct ds_merkle_hash root = definition(leaves, n);
        for (size_t old_n = 0; old_n <= n; old_n++) {
            struct ds_error e = { 0 };
            struct ds_merkle_proof p;
            struct ds_merkle_hash old_root = definition(leaves, old_n);
            assert_ok(ds_merkle_consistency(&p, leaves, n, old_n, &e));
            assert_ok(ds_merkle_consistency_verify(&p, old_n, &old_root, n, &root, &e));
            if (n <= N_WRONG)
                wrong_consistency(&p, old_n, n);
        }
    }
    struct ds_error e = { 0 };
    struct ds_merkle_proof p = { 0 };
    assert_int_equal(ds_merkle_consistency(&p, leaves, 4, 5, &e), DS_ERR_RANGE);
    assert_int_equal(ds_merkle_consistency_verify(&p, 5, &leaves[0], 4, &leaves[1], &e),
                     DS_ERR_UNTRUSTED);
}

/* Sizes and proof lengths come from outside: nothing may run past an array. */
static void hostile_numbers(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_merkle_proof p = { .n = SIZE_MAX };
    assert_int_equal(ds_merkle_inclusion_verify(&p, &leaves[0], UINT64_MAX - 1, UINT64_MAX,
                                                &leaves[1], &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(ds_merkle_consistency_verify(&p, 3, &leaves[0], UINT64_MAX, &leaves[1], &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(ds_merkle_consistency_verify(&p, (uint64_t)1 << 63, &leaves[0], UINT64_MAX,
                                                  &leaves[1], &e),
                     DS_ERR_UNTRUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_roots),       cmocka_unit_test(every_root),
        cmocka_unit_test(every_newest_leaf), cmocka_unit_test(every_inclusion),
        cmocka_unit_test(every_consistency), cmocka_unit_test(hostile_numbers),
    };
    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
