/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The release log: receipts that prove their leaf, growth over reopenings, and
 * a log that was tampered with.
 */
#include "kms/release_log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "kms/root.h"
#include "store/store.h"

#define NOW 1790000000

static char dir[] = "/tmp/ds-log-XXXXXX";
static char path[64];
static struct kms_root root;

static struct app_log_leaf leaf_of(int64_t time_s, const char *decision)
{
    return (struct app_log_leaf){ .time_s = time_s,
                                  .node = "local",
                                  .act = "get_app_key",
                                  .kind = "simulated",
                                  .decision = decision,
                                  .policy_source = "allow-list",
                                  .policy_version = "1" };
}

static void append(struct kms_log *log, int64_t time_s)
{
    struct ds_error e = { 0 };
    DS_AUTO(kms_log_receipt_done) struct kms_log_receipt r = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
    const struct app_log_leaf leaf = leaf_of(time_s, "allow");
    struct ds_merkle_hash hash;
    struct app_log_head head;
    assert_int_equal(kms_log_append(&r, log, &leaf, &e), DS_OK);
    assert_int_equal(app_log_head_verify(&head, ds_buf_span(&r.head), r.head_sig64,
                                         DS_SPAN_OF(root.ca_spki), &e),
                     DS_OK);
    assert_int_equal(head.size, r.index + 1);
    assert_string_equal(head.kind, "simulated");
    assert_int_equal(app_log_leaf_encode(&doc, &leaf, &e), DS_OK);
    assert_int_equal(ds_merkle_leaf(&hash, ds_buf_span(&doc), &e), DS_OK);
    assert_int_equal(ds_merkle_inclusion_verify(&r.proof, &hash, r.index, head.size, &head.root,
                                                &e),
                     DS_OK);
    /* The same receipt proves no other leaf. */
    hash.b[0] ^= 1;
    assert_int_equal(ds_merkle_inclusion_verify(&r.proof, &hash, r.index, head.size, &head.root,
                                                &e),
                     DS_ERR_UNTRUSTED);
}

static void test_grows_over_openings(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    for (int round = 0; round < 3; round++) {
        struct kms_log *log = NULL;
        assert_int_equal(kms_log_open(&log, path, &root, &e), DS_OK);
        assert_int_equal(kms_log_size(log), round * 5);
        for (int i = 0; i < 5; i++)
            append(log, NOW + round * 5 + i);
        kms_log_close(log);
    }
}

#define N_HEADS 40

static struct ds_merkle_hash leaf_hashes[N_HEADS], other_hashes[N_HEADS];

/* A new log; its heads as its keeper signed them, one a leaf. */
static void make_log(const char *name, struct app_log_head heads[N_HEADS],
                     struct ds_merkle_hash hashes[N_HEADS], int odd)
{
    struct ds_error e = { 0 };
    char at[96];
    struct kms_log *log = NULL;
    (void)snprintf(at, sizeof at, "%s/%s", dir, name);
    for (int i = 0; i < N_HEADS; i++) {
        DS_AUTO(kms_log_receipt_done) struct kms_log_receipt r = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
        const struct app_log_leaf leaf = leaf_of(NOW + i, i == odd ? "deny" : "allow");
        if (i % 16 == 0) { /* the frontier is found again over openings */
            kms_log_close(log);
            assert_int_equal(kms_log_open(&log, at, &root, &e), DS_OK);
            assert_int_equal(kms_log_size(log), i);
        }
        assert_int_equal(kms_log_append(&r, log, &leaf, &e), DS_OK);
        assert_int_equal(kms_log_head_time_s(log), NOW + i);
        assert_int_equal(app_log_head_verify(&heads[i], ds_buf_span(&r.head), r.head_sig64,
                                             DS_SPAN_OF(root.ca_spki), &e),
                         DS_OK);
        assert_int_equal(app_log_leaf_encode(&doc, &leaf, &e), DS_OK);
        assert_int_equal(ds_merkle_leaf(&hashes[i], ds_buf_span(&doc), &e), DS_OK);
    }
    kms_log_close(log);
}

/* Whoever kept two heads and can read the leaves proves that the later log continues the earlier. */
static int consistent(const struct app_log_head *old, const struct app_log_head *new,
                      const struct ds_merkle_hash *hashes)
{
    struct ds_error e = { 0 };
    struct ds_merkle_proof proof;
    assert_int_equal(ds_merkle_consistency(&proof, hashes, (size_t)new->size, (size_t)old->size,
                                           &e),
                     DS_OK);
    return ds_merkle_consistency_verify(&proof, old->size, &old->root, new->size, &new->root, &e);
}

static void test_two_heads(void **state)
{
    (void)state;
    static struct app_log_head heads[N_HEADS], others[N_HEADS];
    make_log("one.db", heads, leaf_hashes, -1);
    make_log("other.db", others, other_hashes, 20);
    for (size_t i = 0; i < N_HEADS; i++)
        for (size_t j = i; j < N_HEADS; j++)
            assert_int_equal(consistent(&heads[i], &heads[j], leaf_hashes), DS_OK);
    /* A log that tells others something else from leaf 20 on: heads from before it still fit, no
     * pair of later ones does. */
    assert_int_equal(consistent(&heads[19], &others[N_HEADS - 1], other_hashes), DS_OK);
    for (size_t i = 20; i < N_HEADS - 1; i++) {
        assert_int_equal(consistent(&heads[i], &others[N_HEADS - 1], other_hashes),
                         DS_ERR_UNTRUSTED);
        assert_int_equal(consistent(&heads[i], &others[N_HEADS - 1], leaf_hashes),
                         DS_ERR_UNTRUSTED);
    }
}

/* Change one stored key behind the log's back, and open it. */
static int open_after(const char *key, struct ds_span value, bool delete)
{
    struct ds_error e = { 0 };
    struct store *s = NULL;
    struct kms_log *log = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf old = { 0 };
    uint64_t version;
    assert_int_equal(store_open_sqlite(&s, path, NULL, &e), DS_OK);
    assert_int_equal(store_get(s, key, &old, &version, &e), DS_OK);
    assert_int_equal(delete ? store_delete(s, key, "test", &e)
                            : store_put(s, key, value, "test", &e),
                     DS_OK);
    store_close(s);
    int r = kms_log_open(&log, path, &root, &e);
    kms_log_close(log);
    assert_int_equal(store_open_sqlite(&s, path, NULL, &e), DS_OK);
    assert_int_equal(store_put(s, key, ds_buf_span(&old), "test", &e), DS_OK);
    store_close(s);
    return r;
}

static void test_tampered(void **state)
{
    (void)state;
    assert_int_equal(open_after("leaf/0000000000000003", DS_SPAN_LIT("{}"), false),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(open_after("leaf/0000000000000003", DS_SPAN_LIT(""), true), DS_ERR_UNTRUSTED);
    assert_int_equal(open_after("leaf/000000000000000e", DS_SPAN_LIT(""), true), DS_ERR_UNTRUSTED);
    assert_int_equal(open_after("head", DS_SPAN_LIT(""), true), DS_ERR_UNTRUSTED);
    assert_true(open_after("head",
                           DS_SPAN_LIT("no head at all, but long enough to be one with a "
                                       "signature of 64 bytes behind the document......."),
                           false) < 0);
    struct ds_error e = { 0 };
    struct kms_log *log = NULL;
    assert_int_equal(kms_log_open(&log, path, &root, &e), DS_OK); /* all was put back */
    kms_log_close(log);
}

static int setup(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    if (mkdtemp(dir) == NULL || kms_root_open(&root, dir, KMS_KIND_SIMULATED, NOW, &e) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/log.db", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kms_root_done(&root);
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_over_openings),
        cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_two_heads),
    };
    return cmocka_run_group_tests_name("kms/release_log", tests, setup, teardown);
}
