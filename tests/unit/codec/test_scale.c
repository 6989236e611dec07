/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCALE: the specification's compact integers both ways, forms that are longer
 * than necessary, and lengths that promise more than there is.
 */
#include "codec/scale.h"
#include "unhex.h"

static void compact(void **state)
{
    (void)state;
    static const struct {
        uint64_t v;
        const char *hex;
    } rows[] = {
        { 0, "00" },
        { 1, "04" },
        { 42, "a8" },
        { 63, "fc" },
        { 64, "0101" },
        { 69, "1501" },
        { 16383, "fdff" },
        { 16384, "02000100" },
        { 65535, "feff0300" },
        { 1073741823, "feffffff" },
        { 1073741824, "0300000040" },
        { 4294967295, "03ffffffff" },
        { 4294967296, "070000000001" },
        { 100000000000000, "0b00407a10f35a" },
        { UINT64_MAX, "13ffffffffffffffff" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_scale_put_compact(&b, rows[i].v);
        assert_hex(ds_buf_span(&b), rows[i].hex);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_true(ds_scale_compact(&r) == rows[i].v);
        assert_false(r.bad);
        for (size_t len = 0; len < b.len; len++) {
            r = ds_reader_of(DS_SPAN(b.p, len));
            assert_int_equal(ds_scale_compact(&r), 0);
            assert_true(r.bad);
        }
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
    } rows[] = {
        { "zero in two bytes", "0100" },
        { "63 in two bytes", "fd00" },
        { "16383 in four bytes", "feff0000" },
        { "small in big form", "03ffffff3f" },
        { "big with a zero on top", "07ffffffff00" },
        { "nine bytes", "17ffffffffffffffffff" },
        { "67 bytes", "ff" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex in = unhex(rows[i].hex);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        (void)ds_scale_compact(&r);
        if (!r.bad)
            fail_msg("%s was read", rows[i].name);
    }
}

static void bytes_and_text(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        bool text, good;
        size_t len;
    } rows[] = {
        { "empty", "00", false, true, 0 },
        { "three bytes", "0cff00fe", false, true, 3 },
        { "text", "0cc3a961", true, true, 3 },
        { "not UTF-8", "04ff", true, false, 0 },
        { "one short", "0cff00", false, false, 0 },
        { "promises four gigabytes", "03ffffffff00", false, false, 0 },
        { "nothing", "", false, false, 0 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex in = unhex(rows[i].hex);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        struct ds_span s = rows[i].text ? ds_scale_text(&r) : ds_scale_bytes(&r);
        if (r.bad == rows[i].good || s.len != rows[i].len)
            fail_msg("%s: bad %d, %zu bytes", rows[i].name, r.bad, s.len);
    }
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    ds_scale_put_bytes(&b, DS_SPAN_LIT("abc"));
    ds_scale_put_bool(&b, true);
    ds_scale_put_bool(&b, false);
    assert_hex(ds_buf_span(&b), "0c6162630100");
}

static void bools_and_counts(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool good, v;
    } bools[] = { { "00", true, false },
                  { "01", true, true },
                  { "02", false, false },
                  { "ff", false, false },
                  { "", false, false } };
    for (size_t i = 0; i < DS_LEN(bools); i++) {
        struct unhex in = unhex(bools[i].hex);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        assert_int_equal(ds_scale_bool(&r), bools[i].v);
        assert_int_equal(r.bad, !bools[i].good);
    }
    struct unhex two_of_four = unhex("080000000000000000");
    struct ds_reader r = ds_reader_of(unhex_span(&two_of_four));
    assert_int_equal(ds_scale_count(&r, 4), 2);
    r = ds_reader_of(unhex_span(&two_of_four));
    assert_int_equal(ds_scale_count(&r, 5), 0);
    assert_true(r.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact),
        cmocka_unit_test(refusals),
        cmocka_unit_test(bytes_and_text),
        cmocka_unit_test(bools_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
