/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of `up`: what was saved comes back, and a file that says less than
 * everything is refused rather than believed by halves.
 */
#include "cli/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static char dir[] = "/tmp/ds-record-XXXXXX";

static struct cli machine(void)
{
    struct cli cli = { 0 };
    (void)snprintf(cli.state, sizeof cli.state, "%s", dir);
    return cli;
}

static void put(const char *text)
{
    char path[256];
    struct ds_error e;
    (void)snprintf(path, sizeof path, "%s/apps/app/record.json", dir);
    assert_int_equal(ds_file_save(path, ds_span_str(text), 0600, "test", &e), DS_OK);
}

static void make(struct cli_record *ret, uint8_t seed)
{
    *ret = (struct cli_record){ 0 };
    memset(ret->app_id20, seed, sizeof ret->app_id20);
    memset(ret->compose32, seed + 1, sizeof ret->compose32);
    memset(ret->os_image32, seed + 2, sizeof ret->os_image32);
    ds_buf_add(&ret->kms_spki, DS_SPAN_LIT("a key"));
    ret->instance.has = seed > 1; /* the first `up` records it with the proof */
    memset(ret->instance.id20, ret->instance.has ? seed + 3 : 0, sizeof ret->instance.id20);
}

static void check_saved(const struct cli *cli, uint8_t seed)
{
    struct cli_record want, r = { 0 };
    struct ds_error e;
    bool has = false;
    make(&want, seed);
    assert_int_equal(cli_record_save(cli, "app", &want, DS_SPAN_LIT("{}"), &e), DS_OK);
    assert_int_equal(cli_record_load(&r, &has, cli, "app", &e), DS_OK);
    assert_true(has);
    assert_memory_equal(r.app_id20, want.app_id20, sizeof r.app_id20);
    assert_memory_equal(r.compose32, want.compose32, sizeof r.compose32);
    assert_memory_equal(r.os_image32, want.os_image32, sizeof r.os_image32);
    assert_true(ds_span_eq(ds_buf_span(&r.kms_spki), DS_SPAN_LIT("a key")));
    assert_int_equal(r.instance.has, want.instance.has);
    assert_memory_equal(r.instance.id20, want.instance.id20, sizeof r.instance.id20);
    cli_record_done(&want);
    cli_record_done(&r);
}

static void the_newest_is_what_comes_back(void **state)
{
    const struct cli cli = machine();
    (void)state;
    check_saved(&cli, 1);
    check_saved(&cli, 7);
}

static void what_was_removed_is_not_there(void **state)
{
    const struct cli cli = machine();
    struct cli_record r = { 0 };
    struct ds_error e;
    bool has = true;
    (void)state;
    check_saved(&cli, 1);
    assert_int_equal(cli_record_remove(&cli, "app", &e), DS_OK);
    assert_int_equal(cli_record_load(&r, &has, &cli, "app", &e), DS_OK);
    assert_false(has);
    assert_int_equal(cli_record_remove(&cli, "app", &e), DS_OK);
}

static void a_damaged_record_is_refused(void **state)
{
#define FOUR(key, instance)                                                                   \
    "{\"app_id\":\"1111111111111111111111111111111111111111\","                               \
    "\"compose_hash\":\"2222222222222222222222222222222222222222222222222222222222222222\","  \
    "\"os_image_hash\":\"3333333333333333333333333333333333333333333333333333333333333333\"," \
    "\"kms_spki\":\"" key "\"" instance "}"
    static const char *const broken[] = {
        "",
        "{}",
        "[]",
        "{\"app_id\":\"01\"}",
        /* an app id that is one byte short; then a key that is no hex */
        "{\"app_id\":\"11111111111111111111111111111111111111\","
        "\"compose_hash\":\"2222222222222222222222222222222222222222222222222222222222222222\","
        "\"os_image_hash\":\"3333333333333333333333333333333333333333333333333333333333333333\","
        "\"kms_spki\":\"44\"}",
        FOUR("4g", ""),
        FOUR("", ""), /* no key would compare with any key */
        FOUR("44", ",\"instance_id\":\"55\""),
        FOUR("44", ",\"instance_id\":null"),
    };
    const struct cli cli = machine();
    (void)state;
    check_saved(&cli, 1);
    for (size_t i = 0; i < DS_LEN(broken); i++) {
        struct cli_record r = { 0 };
        struct ds_error e = { 0 };
        bool has;
        put(broken[i]);
        assert_int_equal(cli_record_load(&r, &has, &cli, "app", &e), DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_CLI_RECORD_DAMAGED);
        assert_int_equal(r.kms_spki.len, 0);
    }
}

static void one_at_a_time_changes_an_app(void **state)
{
    const struct cli cli = machine();
    struct ds_error e = { 0 };
    int one = -1, two = -1;
    (void)state;
    assert_int_equal(cli_record_lock(&one, &cli, "app", &e), DS_OK);
    assert_int_equal(cli_record_lock(&two, &cli, "app", &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_CLI_APP_BUSY);
    assert_int_equal(two, -1);
    char me[32];
    (void)snprintf(me, sizeof me, "process %ld", (long)getpid());
    assert_string_equal(e.detail.got, me);
    assert_int_equal(cli_record_lock(&two, &cli, "other", &e), DS_OK);
    assert_int_equal(close(two), 0);
    /* Removing the app leaves the lock where it is. */
    assert_int_equal(cli_record_remove(&cli, "app", &e), DS_OK);
    assert_int_equal(cli_record_lock(&two, &cli, "app", &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(close(one), 0);
    assert_int_equal(cli_record_lock(&two, &cli, "app", &e), DS_OK);
    assert_int_equal(close(two), 0);
    assert_int_equal(cli_record_lock(&two, &cli, "../app", &e), DS_ERR_ARG);
}

static void a_name_is_no_path(void **state)
{
    const struct cli cli = machine();
    struct cli_record r = { 0 };
    struct ds_error e;
    bool has;
    (void)state;
    assert_int_equal(cli_record_load(&r, &has, &cli, "../app", &e), DS_ERR_ARG);
    assert_int_equal(cli_record_remove(&cli, "..", &e), DS_ERR_ARG);
    assert_int_equal(cli_record_remove(&cli, "", &e), DS_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_is_what_comes_back),
        cmocka_unit_test(what_was_removed_is_not_there),
        cmocka_unit_test(a_damaged_record_is_refused),
        cmocka_unit_test(one_at_a_time_changes_an_app),
        cmocka_unit_test(a_name_is_no_path),
    };
    if (mkdtemp(dir) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    struct ds_error e;
    return ds_dir_remove(dir, &e) < 0 || failed != 0;
}
