/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allow-list: what changes it, what it refuses, and that it comes back from
 * disk as it was.
 */
#include "kms/allow.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"

static const uint8_t app_a[20] = { 1 }, app_b[20] = { 2 };
static const uint8_t hash_1[32] = { 0x11 }, hash_2[32] = { 0x22 }, image_1[32] = { 0x31 },
                     image_2[32] = { 0x32 };

static struct ds_verdict check(const struct kms_allow *a, const uint8_t app[20],
                               const uint8_t compose[32], const uint8_t image[32])
{
    struct ds_verdict v = { 0 };
    kms_allow_check(&v, a, DS_SPAN(app, 20), DS_SPAN(compose, 32), DS_SPAN(image, 32));
    return v;
}

static void test_decide(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_allow_done) struct kms_allow a = { 0 };
    struct ds_verdict v = check(&a, app_a, hash_1, image_1);
    assert_int_equal(v.n_reasons, 2); /* an empty list allows nothing */
    assert_int_equal(kms_allow_add(&a, app_a, hash_1, image_1, false, &e), DS_OK);
    assert_int_equal(a.version, 1);
    assert_int_equal(check(&a, app_a, hash_1, image_1).n_reasons, 0);
    v = check(&a, app_a, hash_2, image_1);
    assert_int_equal(v.n_reasons, 1);
    assert_int_equal(v.reasons[0].code, DS_CODE_KMS_COMPOSE_NOT_ALLOWED);
    v = check(&a, app_b, hash_1, image_1);
    assert_int_equal(v.reasons[0].code, DS_CODE_KMS_APP_NOT_REGISTERED);
    v = check(&a, app_a, hash_1, image_2);
    assert_int_equal(v.reasons[0].code, DS_CODE_KMS_OS_IMAGE_NOT_ALLOWED);
    v = check(&a, app_b, hash_2, image_2);
    assert_int_equal(v.n_reasons, 2); /* all reasons at once */
}

static void test_absent_claims(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_allow_done) struct kms_allow a = { 0 };
    static const uint8_t zero20[20], zero32[32];
    assert_int_equal(kms_allow_add(&a, zero20, zero32, zero32, false, &e), DS_OK);
    struct ds_verdict v = { 0 };
    kms_allow_check(&v, &a, DS_SPAN(NULL, 0), DS_SPAN(NULL, 0), DS_SPAN(NULL, 0));
    assert_true(v.n_reasons >= 2); /* an empty claim equals no entry, not even zeros */
}

static void test_versions(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_allow_done) struct kms_allow a = { 0 };
    assert_int_equal(kms_allow_add(&a, app_a, hash_1, image_1, true, &e), DS_OK);
    assert_int_equal(kms_allow_add(&a, app_a, hash_1, image_1, true, &e), DS_OK);
    assert_int_equal(a.version, 1); /* the same again changes nothing */
    assert_int_equal(kms_allow_add(&a, app_a, hash_2, image_1, false, &e), DS_OK);
    assert_int_equal(check(&a, app_a, hash_1, image_1).n_reasons, 0);
    assert_int_equal(kms_allow_add(&a, app_a, hash_2, image_1, true, &e), DS_OK);
    assert_int_equal(a.version, 3);
    assert_int_equal(check(&a, app_a, hash_1, image_1).n_reasons, 1); /* the old one is off */
    assert_int_equal(check(&a, app_a, hash_2, image_1).n_reasons, 0);
}

static void test_full(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_allow_done) struct kms_allow a = { 0 };
    uint8_t hash[32] = { 0 };
    for (int i = 0; i < KMS_ALLOW_HASHES_MAX; i++) {
        hash[0] = (uint8_t)i;
        assert_int_equal(kms_allow_add(&a, app_a, hash, image_1, false, &e), DS_OK);
    }
    hash[0] = 0xff;
    assert_int_equal(kms_allow_add(&a, app_a, hash, image_1, false, &e), DS_ERR_RANGE);
    assert_int_equal(e.code, DS_CODE_KMS_ALLOW_FULL);
}

static struct ds_span text_of(struct ds_buf *ret, const struct kms_allow *a)
{
    struct ds_error e = { 0 };
    ds_buf_clear(ret);
    assert_int_equal(kms_allow_encode(ret, a, &e), DS_OK);
    return ds_buf_span(ret);
}

/* What is refused leaves the list as it was, in each of its parts. */
static void test_refused_changes_nothing(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_allow_done) struct kms_allow a = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf before = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf after = { 0 };
    uint8_t image[32] = { 0 };
    assert_int_equal(kms_allow_add(&a, app_a, hash_1, image, false, &e), DS_OK);
    for (int i = 1; i < KMS_ALLOW_HASHES_MAX; i++) {
        image[0] = (uint8_t)i;
        assert_int_equal(kms_allow_add(&a, app_a, hash_1, image, false, &e), DS_OK);
    }
    image[0] = 0xff;
    struct ds_span want = text_of(&before, &a);
    assert_int_equal(kms_allow_add(&a, app_b, hash_1, image, false, &e), DS_ERR_RANGE);
    assert_true(ds_span_eq(text_of(&after, &a), want)); /* no other app */
    assert_int_equal(kms_allow_add(&a, app_a, hash_2, image, true, &e), DS_ERR_RANGE);
    assert_true(ds_span_eq(text_of(&after, &a), want)); /* nor another compose hash */
    assert_int_equal(e.code, DS_CODE_KMS_ALLOW_FULL);
}

/* A copy has apps of its own. */
static void test_dup(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_allow_done) struct kms_allow a = { 0 }, b = { 0 }, none = { 0 };
    assert_int_equal(kms_allow_dup(&none, &a, &e), DS_OK);
    assert_int_equal(kms_allow_add(&a, app_a, hash_1, image_1, false, &e), DS_OK);
    assert_int_equal(kms_allow_dup(&b, &a, &e), DS_OK);
    assert_int_equal(kms_allow_add(&b, app_a, hash_2, image_1, true, &e), DS_OK);
    assert_int_equal(check(&a, app_a, hash_1, image_1).n_reasons, 0);
    assert_int_equal(check(&b, app_a, hash_1, image_1).n_reasons, 1);
}

static void test_disk(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    char dir[] = "/tmp/ds-allow-XXXXXX", path[64];
    DS_AUTO(kms_allow_done) struct kms_allow a = { 0 }, b = { 0 };
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/allow.json", dir);
    assert_int_equal(kms_allow_load(&b, path, &e), DS_OK); /* no file: nothing is allowed */
    assert_int_equal(b.version, 0);
    assert_int_equal(kms_allow_add(&a, app_a, hash_1, image_1, false, &e), DS_OK);
    assert_int_equal(kms_allow_add(&a, app_b, hash_2, image_2, false, &e), DS_OK);
    assert_int_equal(kms_allow_save(&a, path, &e), DS_OK);
    assert_int_equal(kms_allow_load(&b, path, &e), DS_OK);
    assert_int_equal(b.version, 2);
    assert_int_equal(check(&b, app_b, hash_2, image_1).n_reasons, 0);
    assert_int_equal(ds_dir_remove(dir, &e), DS_OK);
}

static const char *const malformed[] = {
    "",
    "{}",
    "[]",
    "{\"version\":1}",
    "{\"version\":1,\"osImages\":[],\"apps\":[]}",
    "{\"version\":\"1\",\"osImages\":[],\"apps\":{}}",
    "{\"version\":-1,\"osImages\":[],\"apps\":{}}",
    "{\"version\":1,\"osImages\":[\"00\"],\"apps\":{}}",
    "{\"version\":1,\"osImages\":[1],\"apps\":{}}",
    "{\"version\":1,\"osImages\":[],\"apps\":{\"xx\":{\"composeHashes\":[]}}}",
    "{\"version\":1,\"osImages\":[],\"apps\":{\"0000000000000000000000000000000000000000\":{}}}",
};

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(malformed); i++) {
        struct ds_error e = { 0 };
        struct kms_allow a = { 0 };
        int r = kms_allow_parse(&a, ds_span_str(malformed[i]), &e);
        if (r == DS_OK)
            print_error("accepted: %s\n", malformed[i]);
        assert_true(r < 0);
        assert_null(a.apps);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide),   cmocka_unit_test(test_absent_claims),
        cmocka_unit_test(test_versions), cmocka_unit_test(test_full),
        cmocka_unit_test(test_disk),     cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_dup),      cmocka_unit_test(test_refused_changes_nothing),
    };
    return cmocka_run_group_tests_name("kms/allow", tests, NULL, NULL);
}
