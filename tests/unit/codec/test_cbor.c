/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR: the examples of RFC 8949 appendix A for our types, both ways; heads
 * that are longer than necessary, indefinite, of another type, or that promise
 * more than there is.
 */
#include "codec/cbor.h"
#include "unhex.h"

static void integers(void **state)
{
    (void)state;
    static const struct {
        uint64_t v;
        const char *hex;
    } rows[] = {
        { 0, "00" },
        { 1, "01" },
        { 10, "0a" },
        { 23, "17" },
        { 24, "1818" },
        { 25, "1819" },
        { 100, "1864" },
        { 255, "18ff" },
        { 256, "190100" },
        { 1000, "1903e8" },
        { 65535, "19ffff" },
        { 65536, "1a00010000" },
        { 1000000, "1a000f4240" },
        { 4294967295, "1affffffff" },
        { 4294967296, "1b0000000100000000" },
        { 1000000000000, "1b000000e8d4a51000" },
        { UINT64_MAX, "1bffffffffffffffff" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_cbor_put_u64(&b, rows[i].v);
        assert_hex(ds_buf_span(&b), rows[i].hex);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_true(ds_cbor_u64(&r) == rows[i].v);
        assert_false(r.bad);
        for (size_t len = 0; len < b.len; len++) {
            r = ds_reader_of(DS_SPAN(b.p, len));
            assert_int_equal(ds_cbor_u64(&r), 0);
            assert_true(r.bad);
        }
    }
}

static void heads_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "1800", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", /* longer than necessary */
        "1c",   "1d",   "1e",     "1f",                               /* reserved, indefinite */
        "20",   "f6",   "c0",     "",                                 /* other types, nothing */
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex in = unhex(rows[i]);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        (void)ds_cbor_u64(&r);
        if (!r.bad)
            fail_msg("%s was read", rows[i]);
    }
}

static void strings(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        bool text, good;
        size_t len;
    } rows[] = {
        { "no bytes", "40", false, true, 0 },
        { "four bytes", "4401020304", false, true, 4 },
        { "no text", "60", true, true, 0 },
        { "IETF", "6449455446", true, true, 4 },
        { "u umlaut", "62c3bc", true, true, 2 },
        { "not UTF-8", "61ff", true, false, 0 },
        { "one short", "44010203", false, false, 0 },
        { "text for bytes", "6161", false, false, 0 },
        { "bytes for text", "4161", true, false, 0 },
        { "indefinite", "5f4101ff", false, false, 0 },
        { "four gigabytes", "5affffffff00", false, false, 0 },
        { "all there could be", "5bffffffffffffffff00", false, false, 0 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex in = unhex(rows[i].hex);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        struct ds_span s = rows[i].text ? ds_cbor_text(&r) : ds_cbor_bytes(&r);
        if (r.bad == rows[i].good || s.len != rows[i].len)
            fail_msg("%s: bad %d, %zu bytes", rows[i].name, r.bad, s.len);
    }
}

static void containers(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    ds_cbor_put_map(&b, 1);
    ds_cbor_put_text(&b, "a");
    ds_cbor_put_array(&b, 2);
    ds_cbor_put_bytes(&b, DS_SPAN_LIT("\x01"));
    ds_cbor_put_u64(&b, 2);
    assert_hex(ds_buf_span(&b), "a1616182410102");
    struct ds_reader r = ds_reader_of(ds_buf_span(&b));
    assert_int_equal(ds_cbor_map(&r), 1);
    ds_cbor_key(&r, "a");
    assert_int_equal(ds_cbor_array(&r), 2);
    assert_int_equal(ds_cbor_bytes(&r).len, 1);
    assert_int_equal(ds_cbor_u64(&r), 2);
    assert_false(r.bad);
    assert_int_equal(ds_read_left(&r), 0);

    r = ds_reader_of(ds_buf_span(&b));
    (void)ds_cbor_map(&r);
    ds_cbor_key(&r, "b");
    assert_true(r.bad);
    static const char *const promises[] = {
        "a1", "a101", "81", "bb7fffffffffffffff00", "bf", "9f"
    };
    for (size_t i = 0; i < DS_LEN(promises); i++) {
        struct unhex in = unhex(promises[i]);
        r = ds_reader_of(unhex_span(&in));
        size_t n = promises[i][0] == '8' || promises[i][0] == '9' ? ds_cbor_array(&r)
                                                                  : ds_cbor_map(&r);
        assert_int_equal(n, 0);
        assert_true(r.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(heads_refused),
        cmocka_unit_test(strings),
        cmocka_unit_test(containers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
