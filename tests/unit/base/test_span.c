/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader never reads past its end and never forgets that it tried; the writer likewise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/scope.h"
#include "base/span.h"
#include "base/writer.h"

static const uint8_t eight[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static const struct {
    const char *name;
    size_t at, n, want_at, want_len;
} subs[] = {
    { "the whole", 0, 8, 0, 8 },      { "a middle", 2, 3, 2, 3 },
    { "cut at the end", 6, 5, 6, 2 }, { "the longest length", 1, SIZE_MAX, 1, 7 },
    { "nothing", 3, 0, 3, 0 },        { "at the end", 8, 1, 0, 0 },
    { "beyond the end", 9, 1, 0, 0 }, { "far beyond", SIZE_MAX, SIZE_MAX, 0, 0 },
};

static void sub_spans_stay_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(subs); i++) {
        struct ds_span s = ds_span_sub(DS_SPAN_OF(eight), subs[i].at, subs[i].n);
        if (s.len != subs[i].want_len)
            fail_msg("%s: %zu bytes", subs[i].name, s.len);
        if (s.len > 0)
            assert_ptr_equal(s.p, eight + subs[i].want_at);
    }
}

static void spans_compare_by_content(void **state)
{
    (void)state;
    assert_true(ds_span_eq((struct ds_span){ 0 }, DS_SPAN("", 0)));
    assert_true(ds_span_eq_str(DS_SPAN_LIT("abc"), "abc"));
    assert_false(ds_span_eq_str(DS_SPAN_LIT("abc"), "ab"));
    assert_false(ds_span_eq_str(DS_SPAN_LIT("abc"), "abd"));
    assert_false(ds_span_eq_str(DS_SPAN("abc", 4), "abc"));
    assert_false(ds_span_eq_str((struct ds_span){ 0 }, "a"));
}

static void integers_are_read_in_their_order(void **state)
{
    (void)state;
    struct ds_reader r = ds_reader_of(DS_SPAN_OF(eight));
    assert_int_equal(ds_read_u8(&r), 1);
    assert_int_equal(ds_read_u16le(&r), 0x0302);
    assert_int_equal(ds_read_u16be(&r), 0x0405);
    assert_int_equal(ds_read_at(&r), 5);
    assert_int_equal(ds_read_left(&r), 3);
    r = ds_reader_of(DS_SPAN_OF(eight));
    assert_int_equal(ds_read_u32le(&r), 0x04030201);
    assert_int_equal(ds_read_u32be(&r), 0x05060708);
    assert_int_equal(ds_reader_end(&r, NULL, "eight"), DS_OK);
    r = ds_reader_of(DS_SPAN_OF(eight));
    assert_true(ds_read_u64le(&r) == 0x0807060504030201);
    r = ds_reader_of(DS_SPAN_OF(eight));
    assert_true(ds_read_u64be(&r) == 0x0102030405060708);
}

static const struct {
    const char *name;
    size_t len, want; /* bytes there are, bytes asked for */
    int cls;
} ends[] = {
    { "exact", 8, 8, DS_OK },
    { "nothing of nothing", 0, 0, DS_OK },
    { "one short", 7, 8, DS_ERR_TRUNCATED },
    { "one of nothing", 0, 1, DS_ERR_TRUNCATED },
    { "a length that would wrap", 8, SIZE_MAX, DS_ERR_TRUNCATED },
    { "one left", 8, 7, DS_ERR_TRAILING },
    { "all left", 8, 0, DS_ERR_TRAILING },
};

static void the_end_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(ends); i++) {
        struct ds_error e = { 0 };
        struct ds_reader r = ds_reader_of(DS_SPAN(eight, ends[i].len));
        ds_read_skip(&r, ends[i].want);
        if (ds_reader_end(&r, &e, "layout") != ends[i].cls)
            fail_msg("%s: %s", ends[i].name, e.msg);
        if (ends[i].cls != DS_OK)
            assert_non_null(strstr(e.msg, "layout"));
    }
}

static void a_reader_gone_bad_stays_bad(void **state)
{
    (void)state;
    uint8_t out[4] = { 9, 9, 9, 9 };
    struct ds_reader r = ds_reader_of(DS_SPAN_OF(eight));
    assert_int_equal(ds_read_span(&r, 9).len, 0);
    assert_true(r.bad);
    assert_int_equal(ds_read_u8(&r), 0);
    assert_true(ds_read_u64be(&r) == 0);
    ds_read_into(&r, out, sizeof out);
    assert_memory_equal(out, "\0\0\0\0", 4);
    assert_int_equal(ds_read_rest(&r).len, 0);
    assert_true(ds_read_sub(&r, 0).bad);
    assert_int_equal(ds_read_at(&r), 0);
    assert_int_equal(ds_reader_end(&r, NULL, "x"), DS_ERR_TRUNCATED);
}

static void a_part_cannot_leave_its_bounds(void **state)
{
    (void)state;
    struct ds_reader r = ds_reader_of(DS_SPAN_OF(eight));
    struct ds_reader part = ds_read_sub(&r, 3);
    assert_int_equal(ds_read_u32le(&part), 0);
    assert_true(part.bad);
    assert_false(r.bad);
    assert_int_equal(ds_read_u8(&r), 4);
    part = ds_read_sub(&r, 5);
    assert_true(part.bad);
    assert_true(r.bad);
}

static void a_writer_keeps_to_its_room(void **state)
{
    (void)state;
    uint8_t out[9];
    memset(out, 0xee, sizeof out);
    struct ds_writer w = ds_writer_of(out, 8);
    ds_write_u16le(&w, 0x0201);
    ds_write_u16be(&w, 0x0304);
    ds_write_str(&w, "ab");
    ds_write_zeros(&w, 1);
    assert_int_equal(ds_write_len(&w), 7);
    assert_int_equal(ds_writer_end(&w, NULL, "x"), DS_OK);
    ds_write_u16le(&w, 0xffff);
    assert_true(w.bad);
    ds_write_u8(&w, 0xff);
    ds_write_zeros(&w, 0);
    assert_int_equal(ds_write_len(&w), 7);
    struct ds_error e;
    assert_int_equal(ds_writer_end(&w, &e, "packet"), DS_ERR_RANGE);
    assert_non_null(strstr(e.msg, "packet"));
    assert_memory_equal(out, "\1\2\3\4ab\0\xee\xee", 9);
}

static void a_writer_takes_the_last_byte(void **state)
{
    (void)state;
    uint8_t out[8];
    struct ds_writer w = ds_writer_of(out, 8);
    ds_write_u64be(&w, 0x0102030405060708);
    assert_int_equal(ds_writer_end(&w, NULL, "x"), DS_OK);
    assert_memory_equal(out, eight, 8);
    w = ds_writer_of(out, 0);
    ds_write(&w, (struct ds_span){ 0 });
    assert_int_equal(ds_writer_end(&w, NULL, "x"), DS_OK);
    ds_write_zeros(&w, SIZE_MAX);
    assert_true(w.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sub_spans_stay_inside),
        cmocka_unit_test(spans_compare_by_content),
        cmocka_unit_test(integers_are_read_in_their_order),
        cmocka_unit_test(the_end_is_exact),
        cmocka_unit_test(a_reader_gone_bad_stays_bad),
        cmocka_unit_test(a_part_cannot_leave_its_bounds),
        cmocka_unit_test(a_writer_keeps_to_its_room),
        cmocka_unit_test(a_writer_takes_the_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
