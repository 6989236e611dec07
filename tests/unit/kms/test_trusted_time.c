/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusted time: the latest floor decides, at the second; and the floor on disk
 * comes back as it was written.
 */
#include "kms/trusted_time.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"

#define T INT64_C(1790000000)

static char dir[] = "/tmp/ds-time-XXXXXX";

/* clang-format off */
static const struct {
    const char *name;
    int64_t clock_s;
    struct kms_floors floors;
    const char *anchor; /* NULL: the clock holds */
} rows[] = {
    { "nothing known", T, { 0, 0, 0 }, NULL },
    { "a clock at zero, nothing known", 0, { 0, 0, 0 }, NULL },
    { "a clock before 1970", -1, { 0, 0, 0 }, "time.floor" },
    { "at the persisted floor", T, { T, 0, 0 }, NULL },
    { "a second below the persisted floor", T - 1, { T, 0, 0 }, "time.floor" },
    { "at the log's head", T, { 0, T, 0 }, NULL },
    { "a second below the log's head", T - 1, { 0, T, 0 }, "release log head" },
    { "at the collateral's date", T, { 0, 0, T }, NULL },
    { "a second below the collateral's date", T - 1, { 0, 0, T }, "collateral" },
    { "above two, below the log's head", T, { T - 5, T + 1, T - 9 }, "release log head" },
    { "above two, below the collateral", T, { T - 5, T - 1, T + 1 }, "collateral" },
    { "above two, below the persisted floor", T, { T + 1, T - 1, T - 1 }, "time.floor" },
    { "above all three", T, { T - 5, T - 1, T }, NULL },
    { "years ahead", T + INT64_C(315360000), { T, T, T }, NULL },
};
/* clang-format on */

static void test_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        int64_t now_s = 7;
        int r = kms_time_decide(&now_s, rows[i].clock_s, &rows[i].floors, &e);
        bool ok = rows[i].anchor == NULL
                      ? r == DS_OK && now_s == rows[i].clock_s
                      : r == DS_ERR_STALE && now_s == 7 && e.code == DS_CODE_TIME_BEHIND_FLOOR &&
                            strcmp(e.detail.anchor, rows[i].anchor) == 0;
        if (!ok)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

static void test_max(void **state)
{
    (void)state;
    assert_int_equal(kms_floors_max(&(struct kms_floors){ 0, 0, 0 }), 0);
    assert_int_equal(kms_floors_max(&(struct kms_floors){ 3, 2, 1 }), 3);
    assert_int_equal(kms_floors_max(&(struct kms_floors){ 1, 3, 2 }), 3);
    assert_int_equal(kms_floors_max(&(struct kms_floors){ 1, 2, 3 }), 3);
}

/* Opened anew, as after a restart. */
static int64_t on_disk(void)
{
    struct ds_error e = { 0 };
    struct kms_time t;
    assert_int_equal(kms_time_open(&t, dir, &e), DS_OK);
    return t.persisted_s;
}

static void test_raise(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct kms_time t;
    assert_int_equal(kms_time_open(&t, dir, &e), DS_OK);
    assert_int_equal(t.persisted_s, 0);
    assert_int_equal(kms_time_raise(&t, T, &e), DS_OK);
    assert_int_equal(on_disk(), T);
    assert_int_equal(kms_time_raise(&t, T - 100000, &e), DS_OK); /* never down */
    assert_int_equal(kms_time_raise(&t, T + 3599, &e), DS_OK);   /* not for so little */
    assert_int_equal(t.persisted_s, T);
    assert_int_equal(on_disk(), T);
    assert_int_equal(kms_time_raise(&t, T + 3600, &e), DS_OK);
    assert_int_equal(on_disk(), T + 3600);
}

static void test_damaged(void **state)
{
    (void)state;
    static const struct ds_span files[] = {
        { (const uint8_t *)"", 0 },
        { (const uint8_t *)"\0\0\0\0\0\0\1", 7 },
        { (const uint8_t *)"\0\0\0\0\0\0\0\1\1", 9 },
        { (const uint8_t *)"\x80\0\0\0\0\0\0\1", 8 }, /* beyond all dates */
    };
    struct ds_error e = { 0 };
    struct kms_time t = { 0 };
    char path[64];
    (void)snprintf(path, sizeof path, "%s/time.floor", dir);
    for (size_t i = 0; i < DS_LEN(files); i++) {
        assert_int_equal(ds_file_save(path, files[i], 0600, "test", &e), DS_OK);
        assert_int_equal(kms_time_open(&t, dir, &e), DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_TIME_FLOOR_DAMAGED);
    }
}

/* A floor that cannot be read is not the same as none. */
static void test_out_of_reach(void **state)
{
    (void)state;
    static const char *const links[] = { "time.floor", "not-mounted/time.floor" };
    struct ds_error e = { 0 };
    struct kms_time t = { 0 };
    char path[64];
    (void)snprintf(path, sizeof path, "%s/time.floor", dir);
    for (size_t i = 0; i < DS_LEN(links); i++) {
        (void)unlink(path);
        assert_int_equal(symlink(links[i], path), 0);
        assert_true(kms_time_open(&t, dir, &e) < 0);
        assert_int_equal(t.path[0], '\0');
    }
}

/* It cannot be written: nobody must believe that it was. */
static void test_no_room(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct kms_time t = { 0 };
    (void)snprintf(t.path, sizeof t.path, "%s/none/time.floor", dir);
    assert_true(kms_time_raise(&t, T, &e) < 0);
    assert_int_equal(t.persisted_s, 0);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide),       cmocka_unit_test(test_max),
        cmocka_unit_test(test_raise),        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_out_of_reach), cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests_name("kms/trusted_time", tests, setup, teardown);
}
