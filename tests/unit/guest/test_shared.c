/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host hands over, as a hostile host would.
 */
#include "guest/shared.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hex.h"
#include "codec/tar.h"

static char dir[] = "/tmp/ds-shared-XXXXXX";
static char disk[64];

static void write_disk(struct ds_buf *b)
{
    struct ds_error e;
    assert_int_equal(ds_file_save(disk, ds_buf_span(b), 0600, "test", &e), DS_OK);
    ds_buf_done(b);
}

static void add(struct ds_buf *b, const char *name, const char *content)
{
    struct ds_error e;
    assert_int_equal(ds_tar_add(b, name, ds_span_str(content), &e), DS_OK);
}

static int load(struct ds_error *e)
{
    DS_AUTO(guest_shared_done) struct guest_shared s = { 0 };
    return guest_shared_load(&s, disk, e);
}

static void test_complete(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_buf b = { 0 };
    add(&b, "app-compose.json", "{}");
    add(&b, ".sys-config.json", "{\"a\":1}");
    add(&b, ".user-config", "");
    ds_tar_end(&b);
    write_disk(&b);
    DS_AUTO(guest_shared_done) struct guest_shared s = { 0 };
    assert_int_equal(guest_shared_load(&s, disk, &e), DS_OK);
    assert_string_equal(s.app_compose.p, "{}");
    assert_string_equal(s.sys_config.p, "{\"a\":1}");
    assert_non_null(s.user_config.p); /* there, and empty */
    assert_null(s.encrypted_env.p);
}

struct row {
    const char *name;
    const char *members[4]; /* NULL ends */
    const char *claim;      /* of the refusal */
};

static const struct row rows[] = {
    { "nothing at all", { NULL }, "app-compose.json" },
    { "no sys-config", { "app-compose.json", NULL }, ".sys-config.json" },
    { "no app-compose", { ".sys-config.json", NULL }, "app-compose.json" },
    { "an unknown name", { "app-compose.json", ".sys-config.json", "passwd", NULL }, "passwd" },
    { "a file twice",
      { "app-compose.json", ".sys-config.json", "app-compose.json", NULL },
      "app-compose.json" },
    { "a path in a name",
      { "app-compose.json", "x/.sys-config.json", NULL },
      "x/.sys-config.json" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_buf b = { 0 };
        for (size_t k = 0; rows[i].members[k] != NULL; k++)
            add(&b, rows[i].members[k], "{}");
        ds_tar_end(&b);
        write_disk(&b);
        int r = load(&e);
        if (r != DS_ERR_FORMAT || strcmp(e.detail.claim, rows[i].claim) != 0)
            print_error("%s: %s\n", rows[i].name, e.msg);
        assert_int_equal(r, DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_GUEST_SHARED_REFUSED);
        assert_string_equal(e.detail.claim, rows[i].claim);
    }
}

static void test_over_its_limit(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_buf b = { 0 };
    uint8_t header[DS_TAR_BLOCK];
    /* The header says 11 KiB: refused before a byte of it is read. */
    assert_int_equal(ds_tar_header(header, ".instance_info", 11 << 10, &e), DS_OK);
    ds_buf_add(&b, DS_SPAN_OF(header));
    write_disk(&b);
    assert_int_equal(load(&e), DS_ERR_FORMAT);
    assert_string_equal(e.detail.claim, ".instance_info");
    assert_string_equal(e.detail.expected, "at most 10240 bytes");
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2048; n += 127) {
        struct ds_error e = { 0 };
        struct ds_buf b = { 0 };
        add(&b, "app-compose.json", "{}");
        add(&b, ".sys-config.json", "{}");
        b.len = n;
        write_disk(&b);
        assert_true(load(&e) < 0);
    }
}

static void test_endless_archive(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_buf b = { 0 };
    for (int i = 0; i < 64; i++)
        add(&b, i == 0 ? "app-compose.json" : ".sys-config.json", "{}");
    write_disk(&b);
    assert_int_equal(load(&e), DS_ERR_FORMAT);
    assert_int_equal(guest_shared_load(&(struct guest_shared){ 0 }, "/nowhere", &e), DS_ERR_SYS);
}

static void test_pinned_user_config(void **state)
{
    static const struct {
        const char *name, *content; /* NULL: no file */
        bool is_pinned;
        int want;
    } pins[] = {
        { "the pinned file", "abc", true, DS_OK },
        { "another file", "abd", true, DS_ERR_UNTRUSTED },
        { "an empty file", "", true, DS_ERR_UNTRUSTED },
        { "no file", NULL, true, DS_ERR_UNTRUSTED },
        { "any file where none is pinned", "abd", false, DS_OK },
        { "no file where none is pinned", NULL, false, DS_OK },
    };
    struct app_compose compose = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    /* FIPS 180-2, appendix B.1 */
    assert_int_equal(ds_hex_decode(compose.user_config_hash32, 32,
                                   DS_SPAN_LIT("ba7816bf8f01cfea414140de5dae2223"
                                               "b00361a396177a9cb410ff61f20015ad"),
                                   NULL),
                     DS_OK);
    for (size_t i = 0; i < DS_LEN(pins); i++) {
        struct guest_shared s = { 0 };
        compose.has_user_config_hash = pins[i].is_pinned;
        if (pins[i].content != NULL)
            s.user_config = (struct ds_buf){ .p = (char *)(uintptr_t)pins[i].content,
                                             .len = strlen(pins[i].content) };
        int r = guest_shared_check_user_config(&s, &compose, &e);
        if (r != pins[i].want)
            fail_msg("%s: %d", pins[i].name, r);
        if (r < 0)
            assert_int_equal(e.code, DS_CODE_GUEST_USER_CONFIG_MISMATCH);
    }
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(disk, sizeof disk, "%s/disk", dir);
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
        cmocka_unit_test(test_complete),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_over_its_limit),  cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_endless_archive), cmocka_unit_test(test_pinned_user_config),
    };
    return cmocka_run_group_tests_name("guest/shared", tests, setup, teardown);
}
