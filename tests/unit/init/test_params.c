/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the initramfs init reads: command line, module list, kernel log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/scope.h"
#include "params.h"

#define H64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_cmdline(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        int want;
    } rows[] = {
        { "both words", "quiet dstack.rootfs_hash=" H64 " dstack.rootfs_size=8192 initrd=initrd\n",
          DS_OK },
        { "one block", "dstack.rootfs_size=4096 dstack.rootfs_hash=" H64, DS_OK },
        { "empty", "", DS_ERR_FORMAT },
        { "no hash", "dstack.rootfs_size=8192", DS_ERR_FORMAT },
        { "no size", "dstack.rootfs_hash=" H64, DS_ERR_FORMAT },
        { "hash twice",
          "dstack.rootfs_hash=" H64 " dstack.rootfs_hash=" H64 " dstack.rootfs_size=8192",
          DS_ERR_FORMAT },
        { "size twice",
          "dstack.rootfs_hash=" H64 " dstack.rootfs_size=8192 dstack.rootfs_size=8192",
          DS_ERR_FORMAT },
        { "hash one short", "dstack.rootfs_hash=0" H64 " dstack.rootfs_size=8192", DS_ERR_FORMAT },
        { "hash empty", "dstack.rootfs_hash= dstack.rootfs_size=8192", DS_ERR_FORMAT },
        { "hash in capitals",
          "dstack.rootfs_hash="
          "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
          " dstack.rootfs_size=8192",
          DS_ERR_FORMAT },
        { "size zero", "dstack.rootfs_hash=" H64 " dstack.rootfs_size=0", DS_ERR_FORMAT },
        { "size within a block", "dstack.rootfs_hash=" H64 " dstack.rootfs_size=8193",
          DS_ERR_FORMAT },
        { "size with a sign", "dstack.rootfs_hash=" H64 " dstack.rootfs_size=-4096",
          DS_ERR_FORMAT },
        { "size over a terabyte", "dstack.rootfs_hash=" H64 " dstack.rootfs_size=1099511631872",
          DS_ERR_FORMAT },
        { "key as part of a word", "xdstack.rootfs_hash=" H64 " dstack.rootfs_size=8192",
          DS_ERR_FORMAT },
        { "key without a value", "dstack.rootfs_hash dstack.rootfs_size=8192", DS_ERR_FORMAT },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct init_params params = { .root_len = 1 };
        struct ds_error e = { 0 };
        int r = init_params_parse(&params, ds_span_str(rows[i].text), &e);
        if (r != rows[i].want)
            fail_msg("%s: %d (%s)", rows[i].name, r, e.msg);
        if (r == DS_OK)
            assert_string_equal(params.root_hash, H64);
        else {
            assert_int_equal(e.code, DS_CODE_GUEST_INIT_CMDLINE);
            assert_int_equal(params.root_len, 1);
        }
    }
}

static void test_modules(void **state)
{
    (void)state;
    struct init_module m;
    struct ds_error e = { 0 };
    struct ds_span list = ds_span_str("# first\n\na.ko\nb.ko /proc/x\nc.ko  /proc/x  word\n");
    assert_int_equal(init_module_next(&m, &list, &e), DS_OK);
    assert_string_equal(m.file, "a.ko");
    assert_string_equal(m.path, "");
    assert_int_equal(init_module_next(&m, &list, &e), DS_OK);
    assert_string_equal(m.file, "b.ko");
    assert_string_equal(m.path, "/proc/x");
    assert_string_equal(m.word, "");
    assert_int_equal(init_module_next(&m, &list, &e), DS_OK);
    assert_string_equal(m.file, "c.ko");
    assert_string_equal(m.word, "word");
    assert_int_equal(init_module_next(&m, &list, &e), DS_OK);
    assert_string_equal(m.file, "");

    static const char *const bad[] = {
        "/a.ko\n", "../a.ko\n", "a/b.ko\n", "a.ko /p word more\n",
        "a-name-of-a-module-that-is-longer-than-any-module-of-linux-has-had.ko\n"
    };
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        list = ds_span_str(bad[i]);
        assert_int_equal(init_module_next(&m, &list, &e), DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_GUEST_INIT_MODULE);
    }
}

static void test_words(void **state)
{
    (void)state;
    struct ds_span text = ds_span_str("flags\t: fpu tdx_guest\nmodel: xtdx_guests");
    assert_true(init_word_is_in(text, "tdx_guest"));
    assert_true(init_word_is_in(text, "flags"));
    assert_true(init_word_is_in(text, "xtdx_guests"));
    assert_false(init_word_is_in(text, "tdx"));
    assert_false(init_word_is_in(text, "fpu tdx_guest"));
    assert_false(init_word_is_in(ds_span_str(""), "fpu"));
}

static void test_corrupt(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* NULL: nothing to report */
    } rows[] = {
        { "3,611,5102,-;device-mapper: verity: 254:0: data block 12 is corrupted\n",
          "data block 12" },
        { "6,1,0,-;Linux\n3,2,1,-;device-mapper: verity: 254:0: metadata block 7 is corrupted\n",
          "metadata block 7" },
        { "", NULL },
        { "3,1,1,-;device-mapper: verity: 254:48: data block 12 is corrupted\n", NULL },
        { "3,1,1,-;device-mapper: verity: 254:0: data block 12 is fine\n", NULL },
        { "3,1,1,-;device-mapper: verity: 254:0: x data block 12 is corrupted\n", NULL },
        { "3,1,1,-;a data block 12 is corrupted\n", NULL },
        { "3,1,1,-;device-mapper: verity: sha256 using \"sha256-lib\"\n", NULL },
        { "3,1,1,-;verity: 254:0: data block 1234567890123456789012345678901234567890 is corrupted\n",
          NULL },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        char got[32] = "";
        bool found = init_corrupt_find(got, sizeof(got), ds_span_str(rows[i].text), "254:0");
        assert_int_equal(found, rows[i].want != NULL);
        assert_string_equal(got, found ? rows[i].want : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cmdline),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
