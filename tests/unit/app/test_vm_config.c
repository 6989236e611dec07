/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_config and the checksum file: the forms that are read, and those that are not.
 */
#include "app/vm_config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "{\"os_image_hash\":\"" HASH "\",\"cpu_count\":2,\"memory_size\":3221225472,"
#define MEAS "\"tdx_measurement\":{\"checksum_file\":\"YWJj\",\"measurement\":\"AQI=\"}"

static uint8_t room[262144];

static int parse(struct app_vm_config *ret, const char *json, struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    return app_vm_config_parse(ret, &mem, ds_span_str(json), e);
}

static void test_good(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct app_vm_config c;
    assert_int_equal(parse(&c,
                           HEAD "\"qemu_version\":\"11.1.3\",\"num_verity_volumes\":1,"
                                "\"mr_config\":\"{\\\"version\\\":3}\"," MEAS "}",
                           &e),
                     DS_OK);
    assert_int_equal(c.shape.qemu_major, 11);
    assert_int_equal(c.shape.vcpus, 2);
    assert_int_equal(c.shape.memory_bytes, 3221225472);
    assert_int_equal(c.shape.n_nics, 1); /* omitted when 1, as dstack does */
    assert_int_equal(c.shape.n_volumes, 1);
    assert_false(c.shape.tpm);
    assert_true(ds_span_eq_str(c.checksum_file, "abc"));
    assert_int_equal(c.measurement.len, 2);
    assert_true(ds_span_eq_str(c.mr_config, "{\"version\":3}"));
}

static void test_inside_a_sys_config(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct app_vm_config c;
    assert_int_equal(
        parse(
            &c,
            "{\"kms_urls\":[],\"vm_config\":\"{\\\"os_image_hash\\\":\\\"" HASH
            "\\\",\\\"cpu_count\\\":1,\\\"memory_size\\\":1,\\\"qemu_version\\\":\\\"8.2.2\\\","
            "\\\"tdx_measurement\\\":{\\\"checksum_file\\\":\\\"\\\",\\\"measurement\\\":\\\"\\\"}}\"}",
            &e),
        DS_OK);
    assert_int_equal(c.shape.qemu_major, 8);
    assert_int_equal(c.mr_config.len, 0);
}

static const char *const bad[] = {
    "",
    "[]",
    "{}",
    HEAD MEAS "}",
    HEAD "\"qemu_version\":11," MEAS "}",
    HEAD "\"qemu_version\":\"eleven\"," MEAS "}",
    HEAD "\"qemu_version\":\"11.1.3\"}",
    HEAD "\"qemu_version\":\"11.1.3\",\"num_nics\":65," MEAS "}",
    HEAD "\"qemu_version\":\"11.1.3\",\"num_nics\":-1," MEAS "}",
    HEAD "\"qemu_version\":\"11.1.3\",\"swtpm\":1," MEAS "}",
    HEAD "\"qemu_version\":\"11.1.3\",\"mr_config\":{}," MEAS "}",
    HEAD
    "\"qemu_version\":\"11.1.3\",\"tdx_measurement\":{\"checksum_file\":\"###\",\"measurement\":\"\"}}",
    HEAD "\"qemu_version\":\"11.1.3\",\"cpu_count\":3," MEAS "}",
    "{\"os_image_hash\":\"00\",\"cpu_count\":2,\"memory_size\":1,\"qemu_version\":\"1\"," MEAS "}",
    "{\"os_image_hash\":\"" HASH
    "\",\"cpu_count\":513,\"memory_size\":1,\"qemu_version\":\"1\"," MEAS "}",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        struct ds_error e = { 0 };
        struct app_vm_config c = { 0 };
        int r = parse(&c, bad[i], &e);
        if (r == DS_OK)
            print_error("accepted: %s\n", bad[i]);
        assert_true(r < 0);
    }
}

struct line_row {
    const char *name, *file;
    int err;
};

static const struct line_row lines[] = {
    { "one line", HASH "  m.cbor\n", DS_OK },
    { "without a newline", HASH "  m.cbor", DS_OK },
    { "among others", HASH "  a\n" HASH "  m.cbor\n", DS_OK },
    { "absent", HASH "  a\n", DS_ERR_NOTFOUND },
    { "empty", "", DS_ERR_NOTFOUND },
    { "twice", HASH "  m.cbor\n" HASH "  m.cbor\n", DS_ERR_FORMAT },
    { "one blank", HASH " m.cbor\n", DS_ERR_FORMAT },
    { "binary mark", HASH " *m.cbor\n", DS_ERR_FORMAT },
    { "short hash", "00  m.cbor\n", DS_ERR_FORMAT },
    { "a blank line", "\n" HASH "  m.cbor\n", DS_ERR_FORMAT },
    { "a longer name", HASH "  m.cbor2\n", DS_ERR_NOTFOUND },
};

static void test_checksum_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(lines); i++) {
        struct ds_error e = { 0 };
        uint8_t hash32[32];
        int r = app_checksum_find(hash32, ds_span_str(lines[i].file), "m.cbor", &e);
        if (r != lines[i].err)
            print_error("%s: %d %s\n", lines[i].name, r, e.msg);
        assert_int_equal(r, lines[i].err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_inside_a_sys_config),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_checksum_lines),
    };
    return cmocka_run_group_tests_name("app/vm_config", tests, NULL, NULL);
}
