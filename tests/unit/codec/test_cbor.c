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

static void signed_integers(void **state)
{
    (void)state;
    static const struct {
        int64_t v;
        const char *hex;
    } rows[] = {
        { 0, "00" },
        { -1, "20" },
        { -10, "29" },
        { -24, "37" },
        { -25, "3818" },
        { -35, "3822" },
        { -100, "3863" },
        { -1000, "3903e7" },
        { INT64_MAX, "1b7fffffffffffffff" },
        { INT64_MIN, "3b7fffffffffffffff" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_cbor_put_i64(&b, rows[i].v);
        assert_hex(ds_buf_span(&b), rows[i].hex);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_true(ds_cbor_i64(&r) == rows[i].v && !r.bad);
    }
    static const char *const bad[] = {
        "1b8000000000000000", "3b8000000000000000", "3817", "", "f5", "40"
    };
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        struct unhex in = unhex(bad[i]);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        assert_int_equal(ds_cbor_i64(&r), 0);
        assert_true(r.bad);
    }
}

static void booleans_and_tags(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    ds_cbor_put_tag(&b, 61);
    ds_cbor_put_tag(&b, 18);
    ds_cbor_put_bool(&b, true);
    ds_cbor_put_bool(&b, false);
    assert_hex(ds_buf_span(&b), "d83dd2f5f4");
    struct ds_reader r = ds_reader_of(ds_buf_span(&b));
    assert_int_equal(ds_cbor_peek(&r), DS_CBOR_TAG);
    assert_int_equal(ds_cbor_tag(&r), 61);
    assert_int_equal(ds_cbor_tag(&r), 18);
    assert_int_equal(ds_cbor_peek(&r), DS_CBOR_SIMPLE);
    assert_true(ds_cbor_bool(&r));
    assert_false(ds_cbor_bool(&r));
    assert_false(r.bad);
    assert_int_equal(ds_cbor_peek(&r), DS_CBOR_NONE);
    static const char *const bad[] = { "f6", "f7", "01", "f800", "" };
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        struct unhex in = unhex(bad[i]);
        r = ds_reader_of(unhex_span(&in));
        assert_false(ds_cbor_bool(&r));
        assert_true(r.bad);
    }
}

/* One item is skipped to its end: what stands behind it is left. */
static void skipping(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        bool good;
    } rows[] = {
        { "an integer", "01", true },
        { "the lowest integer there is", "3bffffffffffffffff", true },
        { "bytes", "43010203", true },
        { "text", "6449455446", true },
        { "an empty array", "80", true },
        { "nested arrays", "8301820203820405", true },
        { "a map of maps", "a1a10102a10304", true },
        { "a tag", "c074323031332d30332d32315432303a30343a30305a", true },
        { "null", "f6", true },
        { "a half float", "f93c00", true },
        { "a double", "fb3ff199999999999a", true },
        { "sixteen arrays deep", "81818181818181818181818181818181f6", true },
        { "seventeen arrays deep", "8181818181818181818181818181818181f6", false },
        { "seventeen tags deep", "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c001", false },
        { "a map without its last value", "a2010203", false },
        { "an array that ends in an empty one", "820180", true },
        { "an array of nothing", "8201", false },
        { "text that is not UTF-8", "61ff", false },
        { "bytes one short", "420a", false },
        { "a float one short", "fa3f8ccc", false },
        { "a long head", "1801", false },
        { "an indefinite array", "9f01ff", false },
        { "indefinite bytes", "5f4101ff", false },
        { "a stop code", "ff", false },
        { "a simple value in two bytes", "f8ff", false },
        { "an unassigned simple value", "e0", false },
        { "nothing", "", false },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex in = unhex(rows[i].hex);
        if (rows[i].good)
            in.b[in.len++] = 0x07;
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        struct ds_span item = ds_cbor_skip(&r);
        if (r.bad == rows[i].good || item.len != (rows[i].good ? in.len - 1 : 0))
            fail_msg("%s: bad %d, %zu bytes", rows[i].name, r.bad, item.len);
        if (rows[i].good)
            assert_int_equal(ds_cbor_u64(&r), 7);
    }
}

static void pairs_in_any_order(void **state)
{
    (void)state;
    /* {"b": 2, -1: h'05', 24: true} */
    struct unhex in = unhex("a36162022041051818f5");
    struct ds_reader r = ds_reader_of(unhex_span(&in)), v;
    struct ds_cbor_pair pairs[3];
    assert_int_equal(ds_cbor_pairs(&r, pairs, 3), 3);
    assert_false(r.bad);
    assert_true(ds_cbor_find_text(&v, pairs, 3, "b"));
    assert_int_equal(ds_cbor_u64(&v), 2);
    assert_true(ds_cbor_find_i64(&v, pairs, 3, -1));
    assert_int_equal(ds_cbor_bytes(&v).p[0], 5);
    assert_true(ds_cbor_find_i64(&v, pairs, 3, 24));
    assert_true(ds_cbor_bool(&v));
    assert_false(ds_cbor_find_text(&v, pairs, 3, "bb"));
    assert_false(ds_cbor_find_text(&v, pairs, 3, ""));
    assert_false(ds_cbor_find_i64(&v, pairs, 3, 2));
    assert_false(ds_cbor_find_i64(&v, pairs, 3, -25));
    static const struct {
        const char *name, *hex;
    } bad[] = {
        { "four pairs in a room for three", "a40100020003000400" },
        { "an integer twice", "a201000101" },
        { "a text twice", "a2616101616102" },
        { "bytes as a key", "a1410100" },
        { "an array as a key", "a18000" },
        { "a boolean as a key", "a1f500" },
        { "a tag as a key", "a1c00100" },
        { "no map", "8101" },
        { "cut in a value", "a10142ff" },
    };
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        in = unhex(bad[i].hex);
        r = ds_reader_of(unhex_span(&in));
        if (ds_cbor_pairs(&r, pairs, 3) != 0 || !r.bad)
            fail_msg("%s was read", bad[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),        cmocka_unit_test(heads_refused),
        cmocka_unit_test(strings),         cmocka_unit_test(containers),
        cmocka_unit_test(signed_integers), cmocka_unit_test(booleans_and_tags),
        cmocka_unit_test(skipping),        cmocka_unit_test(pairs_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
