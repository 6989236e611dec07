/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text conversions refuse what does not fit, and UTF-8 is judged as RFC 3629 has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/scope.h"
#include "base/str.h"

static const struct {
    const char *name;
    struct ds_span text;
    bool fits;
} copies[] = {
    { "empty", { (const uint8_t *)"", 0 }, true },
    { "no bytes at all", { NULL, 0 }, true },
    { "exactly the room", { (const uint8_t *)"abc", 3 }, true },
    { "one over", { (const uint8_t *)"abcd", 4 }, false },
    { "a NUL inside", { (const uint8_t *)"a\0b", 3 }, false },
    { "a NUL at the end", { (const uint8_t *)"ab", 3 }, false },
};

static void copies_are_whole_or_empty(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(copies); i++) {
        char out[5] = "~~~~";
        if (ds_str_copy_span(out, 4, copies[i].text) != copies[i].fits)
            fail_msg("%s", copies[i].name);
        assert_int_equal(strlen(out), copies[i].fits ? copies[i].text.len : 0);
        assert_int_equal(out[4], '\0');
    }
    char none[1] = "~";
    assert_false(ds_str_copy(none, 0, ""));
    assert_int_equal(none[0], '~');
    assert_true(ds_str_copy(none, 1, ""));
}

static void duplicates_hold_no_nul(void **state)
{
    (void)state;
    DS_AUTO(ds_auto_free) char *a = ds_str_dup_span(DS_SPAN_LIT("abc"));
    DS_AUTO(ds_auto_free) char *empty = ds_str_dup_span((struct ds_span){ 0 });
    assert_string_equal(a, "abc");
    assert_string_equal(empty, "");
    assert_null(ds_str_dup_span(DS_SPAN("a\0b", 3)));
    assert_null(ds_str_dup_span(DS_SPAN("a", SIZE_MAX)));
    DS_AUTO(ds_auto_free) char *text = ds_str_fmt("%s/%d", "a", 5);
    assert_string_equal(text, "a/5");
}

static const struct {
    const char *name, *text;
    uint64_t max;
    int cls;
    uint64_t value;
} numbers[] = {
    { "zero", "0", 10, DS_OK, 0 },
    { "the bound", "10", 10, DS_OK, 10 },
    { "the largest", "18446744073709551615", UINT64_MAX, DS_OK, UINT64_MAX },
    { "over the bound", "11", 10, DS_ERR_RANGE, 0 },
    { "over 64 bits by one", "18446744073709551616", UINT64_MAX, DS_ERR_RANGE, 0 },
    { "over 64 bits by far", "99999999999999999999", UINT64_MAX, DS_ERR_RANGE, 0 },
    { "21 digits", "100000000000000000000", UINT64_MAX, DS_ERR_FORMAT, 0 },
    { "empty", "", 10, DS_ERR_FORMAT, 0 },
    { "leading zero", "01", 10, DS_ERR_FORMAT, 0 },
    { "plus", "+1", 10, DS_ERR_FORMAT, 0 },
    { "minus", "-1", 10, DS_ERR_FORMAT, 0 },
    { "leading space", " 1", 10, DS_ERR_FORMAT, 0 },
    { "trailing space", "1 ", 10, DS_ERR_FORMAT, 0 },
    { "hex", "0x1", 10, DS_ERR_FORMAT, 0 },
    { "exponent", "1e1", 100, DS_ERR_FORMAT, 0 },
    { "fraction", "1.0", 10, DS_ERR_FORMAT, 0 },
};

static void numbers_are_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(numbers); i++) {
        uint64_t v = 4711;
        int r = ds_str_u64(&v, ds_span_str(numbers[i].text), numbers[i].max, NULL);
        if (r != numbers[i].cls || v != (r == DS_OK ? numbers[i].value : 4711))
            fail_msg("%s: %d", numbers[i].name, r);
    }
}

static void ends_are_compared(void **state)
{
    (void)state;
    assert_true(ds_str_starts("abc", "ab"));
    assert_true(ds_str_starts("abc", ""));
    assert_false(ds_str_starts("ab", "abc"));
    assert_false(ds_str_starts("xabc", "abc"));
    assert_true(ds_str_ends("a.json", ".json"));
    assert_true(ds_str_ends("", ""));
    assert_false(ds_str_ends("json", ".json"));
    assert_false(ds_str_ends("a.json2", ".json"));
}

static void lines_come_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *lines; /* each in angle brackets */
    } rows[] = {
        { "", "" },     { "a", "<a>" },           { "a\n", "<a>" },
        { "\n", "<>" }, { "a\n\nb", "<a><><b>" }, { "a\r\nb\n", "<a\r><b>" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_span rest = ds_span_str(rows[i].text), line;
        DS_AUTO(ds_buf_done) struct ds_buf all = { 0 };
        ds_buf_str(&all, "");
        while (ds_span_line(&rest, &line)) {
            ds_buf_char(&all, '<');
            ds_buf_add(&all, line);
            ds_buf_char(&all, '>');
        }
        assert_string_equal(all.p, rows[i].lines);
    }
}

static const struct {
    const char *name, *bytes;
    bool valid;
} utf8[] = {
    { "ASCII", "abc\x7f", true },
    { "the first of two bytes", "\xc2\x80", true },
    { "the last of two bytes", "\xdf\xbf", true },
    { "the first of three bytes", "\xe0\xa0\x80", true },
    { "before the surrogates", "\xed\x9f\xbf", true },
    { "after the surrogates", "\xee\x80\x80", true },
    { "the last of three bytes", "\xef\xbf\xbf", true },
    { "the first of four bytes", "\xf0\x90\x80\x80", true },
    { "the last code point", "\xf4\x8f\xbf\xbf", true },
    { "beyond the last", "\xf4\x90\x80\x80", false },
    { "a lone follower", "\x80", false },
    { "a lead without its follower", "\xc3", false },
    { "a lead and a letter", "\xc3z", false },
    { "two leads", "\xc3\xc3", false },
    { "three bytes cut to two", "\xe2\x82", false },
    { "four bytes cut to three", "\xf0\x9f\x98", false },
    { "overlong slash", "\xc0\xaf", false },
    { "overlong of two bytes", "\xc1\xbf", false },
    { "overlong of three bytes", "\xe0\x9f\xbf", false },
    { "overlong of four bytes", "\xf0\x8f\xbf\xbf", false },
    { "the first surrogate", "\xed\xa0\x80", false },
    { "the last surrogate", "\xed\xbf\xbf", false },
    { "five bytes", "\xf8\x88\x80\x80\x80", false },
    { "0xff", "\xff", false },
    { "broken after good", "ok\xe2\x28\xa1", false },
};

static void utf8_is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(utf8); i++)
        if (ds_utf8_is_valid(ds_span_str(utf8[i].bytes)) != utf8[i].valid)
            fail_msg("%s", utf8[i].name);
    assert_true(ds_utf8_is_valid((struct ds_span){ 0 }));
    assert_true(ds_utf8_is_valid(DS_SPAN("a\0b", 3)));
}

static void outside_text_becomes_printable(void **state)
{
    char out[6];
    (void)state;
    assert_string_equal(ds_str_printable(out, sizeof out, DS_SPAN_LIT("a~ b")), "a~ b");
    assert_string_equal(ds_str_printable(out, sizeof out, DS_SPAN_LIT("\x1b\xc3\xa9\x7f")), "????");
    assert_string_equal(ds_str_printable(out, sizeof out, DS_SPAN_LIT("123456")), "12345");
    assert_string_equal(ds_str_printable(out, 1, DS_SPAN_LIT("1")), "");
    assert_string_equal(ds_str_printable(out, sizeof out, (struct ds_span){ 0 }), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_whole_or_empty),
        cmocka_unit_test(duplicates_hold_no_nul),
        cmocka_unit_test(numbers_are_plain),
        cmocka_unit_test(ends_are_compared),
        cmocka_unit_test(lines_come_one_by_one),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(outside_text_becomes_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
