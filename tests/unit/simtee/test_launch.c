/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch specs: what comes back from its text form, and what is refused. That
 * files are measured as QEMU gets them is tested with the program itself.
 */
#include "simtee/launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static struct simtee_spec good_spec(void)
{
    struct simtee_spec s = {
        .launch_id = "vm-1_A",
        .firmware = "/images/a/ovmf.fd",
        .kernel = "/images/a/bzImage",
        .initrd = "/images/\xc3\xa4 \"b\"/initrd",
        .cmdline = "console=ttyS0 x=\"y\"",
        .shape = { .qemu_major = 11,
                   .vcpus = 2,
                   .memory_bytes = (uint64_t)2 << 30,
                   .n_nics = 1,
                   .n_volumes = 3 },
    };
    memset(s.mrconfigid48, 0x5a, sizeof s.mrconfigid48);
    return s;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct simtee_spec s = good_spec(), back;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    assert_int_equal(simtee_spec_encode(&text, &s, &e), DS_OK);
    assert_int_equal(simtee_spec_parse(&back, ds_buf_span(&text), &e), DS_OK);
    assert_string_equal(back.launch_id, s.launch_id);
    assert_string_equal(back.firmware, s.firmware);
    assert_string_equal(back.kernel, s.kernel);
    assert_string_equal(back.initrd, s.initrd);
    assert_string_equal(back.cmdline, s.cmdline);
    assert_memory_equal(back.mrconfigid48, s.mrconfigid48, 48);
    assert_int_equal(back.shape.vcpus, 2);
    assert_true(back.shape.memory_bytes == s.shape.memory_bytes);
    assert_int_equal(back.shape.n_volumes, 3);
    assert_false(back.shape.tpm);
}

struct row {
    const char *name;
    const char *from, *to; /* a text of the good spec, replaced */
};

static const struct row bad_rows[] = {
    { "no launch id", "\"launch_id\":\"vm-1_A\",", "" },
    { "empty launch id", "vm-1_A", "" },
    { "launch id with a slash", "vm-1_A", "../x" },
    { "launch id of 65 bytes", "vm-1_A",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
    { "launch id a number", "\"vm-1_A\"", "7" },
    { "relative firmware", "/images/a/ovmf.fd", "ovmf.fd" },
    { "empty kernel", "/images/a/bzImage", "" },
    { "a NUL in the command line", "console", "con\\u0000sole" },
    { "mrconfigid short", "5a5a\"", "5a\"" },
    { "mrconfigid no hex", "5a5a\"", "5azz\"" },
    { "no shape", "\"shape\"", "\"shap\"" },
    { "vcpus too many", "\"vcpus\":2", "\"vcpus\":1025" },
    { "vcpus negative", "\"vcpus\":2", "\"vcpus\":-1" },
    { "memory a text", "2147483648", "\"2G\"" },
    { "tpm a number", "false", "0" },
    { "a key twice", "\"launch_id\"", "\"cmdline\"" },
    { "not JSON", "{\"launch_id\"", "{launch_id" },
};

static void replace(struct ds_buf *out, const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    ds_buf_add(out, DS_SPAN(text, (size_t)(at - text)));
    ds_buf_str(out, to);
    ds_buf_str(out, at + strlen(from));
}

static void test_refused(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct simtee_spec s = good_spec(), back;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    assert_int_equal(simtee_spec_encode(&text, &s, &e), DS_OK);
    for (size_t i = 0; i < DS_LEN(bad_rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf bad = { 0 };
        replace(&bad, text.p, bad_rows[i].from, bad_rows[i].to);
        if (simtee_spec_parse(&back, ds_buf_span(&bad), &e) != DS_ERR_FORMAT)
            fail_msg("%s", bad_rows[i].name);
        assert_int_equal(e.code, DS_CODE_SIMTEE_SPEC_INVALID);
    }
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(simtee_spec_parse(&back, DS_SPAN(text.p, len), &e), DS_ERR_FORMAT);
}

static void test_missing_files(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct simtee_spec s = good_spec();
    struct simtee_launch l = SIMTEE_LAUNCH_NONE;
    assert_int_equal(simtee_launch_make(&l, &s, &e), DS_ERR_NOTFOUND);
    assert_true(ds_str_copy(s.firmware, sizeof s.firmware, "/dev/null"));
    assert_int_equal(simtee_launch_make(&l, &s, &e), DS_ERR_ARG);
    assert_true(ds_str_copy(s.firmware, sizeof s.firmware, "/tmp"));
    assert_int_equal(simtee_launch_make(&l, &s, &e), DS_ERR_ARG);
    assert_int_equal(l.fds[0], -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_missing_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
