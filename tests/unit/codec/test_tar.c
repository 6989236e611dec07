/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives there and back, against tar(1)'s reading of the layout, and the
 * headers that must be refused.
 */
#include "codec/tar.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ds_buf archive_of(const char *name, size_t len)
{
    struct ds_buf b = { 0 };
    struct ds_error e = { 0 };
    static uint8_t content[2048];
    memset(content, 'c', sizeof content);
    assert_int_equal(ds_tar_add(&b, name, DS_SPAN(content, len), &e), DS_OK);
    ds_tar_end(&b);
    return b;
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t lens[] = { 0, 1, 511, 512, 513, 2048 };
    for (size_t i = 0; i < DS_LEN(lens); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf b = archive_of(".sys-config.json", lens[i]);
        assert_int_equal(b.len % DS_TAR_BLOCK, 0);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        struct ds_tar_member m;
        bool more;
        assert_int_equal(ds_tar_next(&m, &more, &r, &e), DS_OK);
        assert_true(more);
        assert_string_equal(m.name, ".sys-config.json");
        assert_int_equal(m.content.len, lens[i]);
        assert_int_equal(ds_tar_next(&m, &more, &r, &e), DS_OK);
        assert_false(more);
    }
}

struct name_row {
    const char *name;
    int err;
};

static const struct name_row names[] = {
    { "a", DS_OK },
    { ".instance_info", DS_OK },
    { "blobs/sha256/00ff", DS_OK },
    { "", DS_ERR_ARG },
    { ".", DS_ERR_ARG },
    { "..", DS_ERR_ARG },
    { "/etc/passwd", DS_ERR_ARG },
    { "../x", DS_ERR_ARG },
    { "a/../b", DS_ERR_ARG },
    { "a//b", DS_ERR_ARG },
    { "a b", DS_ERR_ARG },
    { "a\nb", DS_ERR_ARG },
    { "caf\xc3\xa9", DS_ERR_ARG },
    { "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
      "12345678",
      DS_OK }, /* 99 */
    { "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
      "123456789",
      DS_ERR_ARG }, /* 100 */
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(names); i++) {
        uint8_t block[DS_TAR_BLOCK];
        struct ds_error e = { 0 };
        int r = ds_tar_header(block, names[i].name, 0, &e);
        if (r != names[i].err)
            print_error("name '%s'\n", names[i].name);
        assert_int_equal(r, names[i].err);
    }
}

struct poke_row {
    const char *name;
    size_t at;
    uint8_t value;
    bool fix_checksum;
    int err;
};

static const struct poke_row pokes[] = {
    { "checksum digit", 150, '7', false, DS_ERR_FORMAT },
    { "name byte without new checksum", 0, 'b', false, DS_ERR_FORMAT },
    { "name byte with new checksum", 0, 'b', true, DS_OK },
    { "a link", 156, '2', true, DS_ERR_FORMAT },
    { "a directory", 156, '5', true, DS_ERR_FORMAT },
    { "a long-name record", 156, 'L', true, DS_ERR_FORMAT },
    { "another magic", 257, 'x', true, DS_ERR_FORMAT },
    { "length not octal", 130, '9', true, DS_ERR_FORMAT },
    { "length in base 256", 124, 0x80, true, DS_ERR_FORMAT },
    { "length beyond the archive", 130, '1', true, DS_ERR_TRUNCATED },
    { "absolute name", 0, '/', true, DS_ERR_FORMAT },
    { "a directory before the name", 345, 'd', true, DS_ERR_FORMAT },
    { "a byte at the end of the prefix", 499, 'd', true, DS_ERR_FORMAT },
};

static void fix_checksum(uint8_t *block)
{
    memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < DS_TAR_BLOCK; i++)
        sum += block[i];
    (void)snprintf((char *)block + 148, 8, "%06o", sum);
}

static void test_bad_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(pokes); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf b = archive_of("abc", 100);
        b.p[pokes[i].at] = (char)pokes[i].value;
        if (pokes[i].fix_checksum)
            fix_checksum((uint8_t *)b.p);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        struct ds_tar_member m;
        bool more;
        int got = ds_tar_next(&m, &more, &r, &e);
        if (got != pokes[i].err)
            print_error("%s: %s\n", pokes[i].name, e.msg);
        assert_int_equal(got, pokes[i].err);
    }
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = archive_of("abc", 600);
    for (size_t n = 0; n < DS_TAR_BLOCK + 1024; n++) {
        struct ds_error e = { 0 };
        struct ds_reader r = ds_reader_of(DS_SPAN(b.p, n));
        struct ds_tar_member m;
        bool more = true;
        assert_int_equal(ds_tar_next(&m, &more, &r, &e), DS_ERR_TRUNCATED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_every_cut_is_refused),
    };
    return cmocka_run_group_tests_name("codec/tar", tests, NULL, NULL);
}
