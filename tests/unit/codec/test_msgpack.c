/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MessagePack arrays, bin and nil: every width both ways, other types, and
 * lengths that promise more than there is.
 */
#include "codec/msgpack.h"
#include "unhex.h"

static void bins(void **state)
{
    (void)state;
    static uint8_t content[70000];
    static const struct {
        size_t len;
        const char *head;
    } rows[] = {
        { 0, "c400" },     { 1, "c401" },       { 255, "c4ff" },
        { 256, "c50100" }, { 65535, "c5ffff" }, { 65536, "c600010000" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_msgpack_put_bin(&b, DS_SPAN(content, rows[i].len));
        size_t head_len = strlen(rows[i].head) / 2;
        assert_hex(DS_SPAN(b.p, head_len), rows[i].head);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_int_equal(ds_msgpack_bin(&r).len, rows[i].len);
        assert_false(r.bad);
        assert_int_equal(ds_read_left(&r), 0);
        r = ds_reader_of(DS_SPAN(b.p, b.len - 1));
        assert_int_equal(ds_msgpack_bin(&r).len, 0);
        assert_true(r.bad);
    }
}

static void arrays(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *head;
    } rows[] = {
        { 0, "90" },      { 9, "99" },         { 15, "9f" },
        { 16, "dc0010" }, { 65535, "dcffff" }, { 65536, "dd00010000" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_msgpack_put_array(&b, rows[i].n);
        assert_hex(ds_buf_span(&b), rows[i].head);
        for (size_t k = 0; k < rows[i].n; k++)
            ds_msgpack_put_nil(&b);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_int_equal(ds_msgpack_array(&r), rows[i].n);
        assert_false(r.bad);
        if (rows[i].n == 0)
            continue;
        /* An array that says more elements than bytes follow. */
        r = ds_reader_of(DS_SPAN(b.p, b.len - 1));
        assert_int_equal(ds_msgpack_array(&r), 0);
        assert_true(r.bad);
    }
}

static void other_types(void **state)
{
    (void)state;
    static const char *const rows[] = { "", "00", "a0", "80", "c2", "c0", "d9", "e0", "c7" };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex in = unhex(rows[i]);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        (void)ds_msgpack_array(&r);
        assert_true(r.bad);
        r = ds_reader_of(unhex_span(&in));
        (void)ds_msgpack_bin(&r);
        assert_true(r.bad);
    }
}

static void nil(void **state)
{
    (void)state;
    struct ds_reader r = ds_reader_of(DS_SPAN_LIT("\xc0\xc4"));
    assert_true(ds_msgpack_nil(&r));
    assert_false(ds_msgpack_nil(&r));
    assert_int_equal(ds_read_left(&r), 1);
    ds_read_skip(&r, 1);
    assert_false(ds_msgpack_nil(&r));
    assert_false(r.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins),
        cmocka_unit_test(arrays),
        cmocka_unit_test(other_types),
        cmocka_unit_test(nil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
