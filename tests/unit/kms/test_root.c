/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The KMS root: the same keys at every opening, one kind for ever, and no
 * opening of a damaged file.
 */
#include "kms/root.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "attest/x509.h"
#include "base/file.h"
#include "crypto/cert.h"

#define NOW    INT64_C(1790000000)
#define YEAR_S (INT64_C(365) * 86400)

static char dir[] = "/tmp/ds-root-XXXXXX";
static char key_path[64], ca_path[64];

static void test_reopens_the_same(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_root_done) struct kms_root a = { 0 }, b = { 0 };
    assert_int_equal(kms_root_open(&a, dir, KMS_KIND_SIMULATED, NOW, &e), DS_OK);
    assert_int_equal(kms_root_open(&b, dir, KMS_KIND_SIMULATED, NOW + 86400, &e), DS_OK);
    assert_memory_equal(a.ca_spki, b.ca_spki, sizeof a.ca_spki);
    assert_memory_equal(a.k256_pub33, b.k256_pub33, sizeof a.k256_pub33);
    assert_int_equal(a.ca_der.len, b.ca_der.len);
    assert_memory_equal(a.ca_der.p, b.ca_der.p, a.ca_der.len);
    struct stat st;
    assert_int_equal(stat(key_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_kind_is_for_ever(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct kms_root r = { 0 };
    assert_int_equal(kms_root_open(&r, dir, KMS_KIND_HARDWARE, NOW, &e), DS_ERR_DENIED);
    assert_int_equal(e.code, DS_CODE_KMS_BIRTH_KIND);
    assert_null(r.ca_key);
}

static void test_lost_certificate_is_made_anew(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_root_done) struct kms_root a = { 0 }, b = { 0 };
    assert_int_equal(kms_root_open(&a, dir, KMS_KIND_SIMULATED, NOW, &e), DS_OK);
    assert_int_equal(unlink(ca_path), 0);
    assert_int_equal(kms_root_open(&b, dir, KMS_KIND_SIMULATED, NOW, &e), DS_OK);
    assert_memory_equal(a.ca_spki, b.ca_spki, sizeof a.ca_spki);
    assert_true(ds_file_exists(ca_path));
}

static void open_good(struct kms_root *ret, const char *at, int64_t now_s)
{
    struct ds_error e = { 0 };
    if (kms_root_open(ret, at, KMS_KIND_SIMULATED, now_s, &e) < 0)
        fail_msg("%s", e.msg);
}

/* What is served is this root's own certificate, whatever stood in the file. */
static void assert_own_certificate(const struct kms_root *r, int64_t now_s)
{
    struct ds_error e = { 0 };
    struct ds_x509 cert;
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    assert_int_equal(ds_x509_parse(&cert, ds_buf_span(&r->ca_der), &e), DS_OK);
    assert_true(ds_span_eq(cert.spki, DS_SPAN_OF(r->ca_spki)));
    assert_int_equal(ds_x509_check_time(&cert, now_s, &e), DS_OK);
    assert_true(cert.not_after_s >= now_s + 2 * YEAR_S);
    ds_pem_add(&pem, "CERTIFICATE", ds_buf_span(&r->ca_der));
    assert_true(ds_span_eq(ds_buf_span(&r->ca_pem), ds_buf_span(&pem)));
}

/* Of another root, changed, no certificate: a file that clients would be given as our CA. */
static void test_foreign_certificate_is_made_anew(void **state)
{
    (void)state;
    char other[] = "/tmp/ds-root-XXXXXX", other_ca[64];
    struct ds_error e = { 0 };
    DS_AUTO(kms_root_done) struct kms_root a = { 0 };
    struct ds_buf files[3] = { 0 };
    assert_non_null(mkdtemp(other));
    (void)snprintf(other_ca, sizeof other_ca, "%s/root-ca.pem", other);
    open_good(&a, other, NOW);
    assert_int_equal(ds_file_load(&files[0], other_ca, 4096, &e), DS_OK);
    a.ca_der.p[a.ca_der.len - 1] ^= 1; /* in its signature */
    ds_pem_add(&files[1], "CERTIFICATE", ds_buf_span(&a.ca_der));
    ds_pem_add(&files[2], "CERTIFICATE", DS_SPAN_LIT("0"));
    for (size_t i = 0; i < DS_LEN(files); i++) {
        DS_AUTO(kms_root_done) struct kms_root b = { 0 }, again = { 0 };
        assert_int_equal(ds_file_save(ca_path, ds_buf_span(&files[i]), 0644, "test", &e), DS_OK);
        open_good(&b, dir, NOW);
        assert_own_certificate(&b, NOW);
        open_good(&again, dir, NOW);
        assert_true(ds_span_eq(ds_buf_span(&again.ca_der), ds_buf_span(&b.ca_der)));
        ds_buf_done(&files[i]);
    }
    assert_int_equal(ds_dir_remove(other, NULL), DS_OK);
}

/* The key lives on; its certificate would end under what is issued today. */
static void test_old_certificate_is_made_anew(void **state)
{
    (void)state;
    static const int64_t starts[] = { NOW, NOW + 9 * YEAR_S, NOW + 30 * YEAR_S, NOW };
    for (size_t i = 0; i < DS_LEN(starts); i++) {
        DS_AUTO(kms_root_done) struct kms_root r = { 0 };
        open_good(&r, dir, starts[i]);
        assert_own_certificate(&r, starts[i]);
    }
}

/* A root whose key is gone is not born again: all keys of all apps would be others. */
static void test_lost_key_is_not_replaced(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf key = { 0 };
    struct kms_root r = { 0 };
    struct stat st;
    assert_int_equal(ds_file_load(&key, key_path, 4096, &e), DS_OK);
    assert_int_equal(unlink(key_path), 0);
    assert_int_equal(kms_root_open(&r, dir, KMS_KIND_SIMULATED, NOW, &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_KMS_ROOT_DAMAGED);
    assert_false(ds_file_exists(key_path));
    /* A link to a disk that is not there now. */
    assert_int_equal(unlink(ca_path), 0);
    assert_int_equal(symlink("not-mounted/root.key", key_path), 0);
    assert_int_equal(kms_root_open(&r, dir, KMS_KIND_SIMULATED, NOW, &e), DS_ERR_SYS);
    assert_int_equal(lstat(key_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_false(ds_file_exists(ca_path));
    assert_int_equal(unlink(key_path), 0);
    assert_int_equal(ds_file_save(key_path, ds_buf_span(&key), 0600, "test", &e), DS_OK);
}

static void test_damage_is_seen(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    assert_int_equal(ds_file_load(&file, key_path, 4096, &e), DS_OK);
    for (size_t at = 0; at < file.len; at += 7) {
        struct kms_root r = { 0 };
        file.p[at] ^= 1;
        assert_int_equal(ds_file_save(key_path, ds_buf_span(&file), 0600, "test", &e), DS_OK);
        assert_int_equal(kms_root_open(&r, dir, KMS_KIND_SIMULATED, NOW, &e), DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_KMS_ROOT_DAMAGED);
        file.p[at] ^= 1;
    }
    struct kms_root r = { 0 };
    assert_int_equal(ds_file_save(key_path, DS_SPAN(file.p, file.len - 1), 0600, "test", &e),
                     DS_OK);
    assert_true(kms_root_open(&r, dir, KMS_KIND_SIMULATED, NOW, &e) < 0);
    assert_int_equal(ds_file_save(key_path, ds_buf_span(&file), 0600, "test", &e), DS_OK);
}

static void test_serving_certificate(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_root_done) struct kms_root a = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf chain = { 0 };
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem key = { 0 };
    assert_int_equal(kms_root_open(&a, dir, KMS_KIND_SIMULATED, NOW, &e), DS_OK);
    assert_int_equal(kms_root_serving_cert(&chain, &key, &a, "kms.local", NOW, &e), DS_OK);
    assert_non_null(strstr(chain.p, "BEGIN CERTIFICATE"));
    assert_true(ds_span_eq(ds_span_sub(ds_buf_span(&chain), chain.len - a.ca_pem.len, chain.len),
                           ds_buf_span(&a.ca_pem)));
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(key_path, sizeof key_path, "%s/root.key", dir);
    (void)snprintf(ca_path, sizeof ca_path, "%s/root-ca.pem", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reopens_the_same),
        cmocka_unit_test(test_kind_is_for_ever),
        cmocka_unit_test(test_lost_certificate_is_made_anew),
        cmocka_unit_test(test_foreign_certificate_is_made_anew),
        cmocka_unit_test(test_old_certificate_is_made_anew),
        cmocka_unit_test(test_lost_key_is_not_replaced),
        cmocka_unit_test(test_damage_is_seen),
        cmocka_unit_test(test_serving_certificate),
    };
    return cmocka_run_group_tests_name("kms/root", tests, setup, teardown);
}
