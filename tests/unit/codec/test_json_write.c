/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON writer: commas and nesting, every escape, text that is not UTF-8,
 * numbers at their bounds, and memory that runs out.
 */
#include "codec/json_write.h"
#include "unhex.h"

static void nesting(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    struct ds_jw w = ds_jw_of(&b);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "s", "x");
    ds_jw_str(&w, "n", NULL);
    ds_jw_array(&w, "a");
    ds_jw_u64(&w, NULL, UINT64_MAX);
    ds_jw_i64(&w, NULL, INT64_MIN);
    ds_jw_object(&w, NULL);
    ds_jw_object_end(&w);
    ds_jw_array(&w, NULL);
    ds_jw_array_end(&w);
    ds_jw_array_end(&w);
    ds_jw_bool(&w, "t", true);
    ds_jw_bool(&w, "f", false);
    ds_jw_hex(&w, "h", DS_SPAN_LIT("\x00\xab"));
    ds_jw_raw(&w, "r", DS_SPAN_LIT("[1]"));
    ds_jw_object_end(&w);
    assert_ok(ds_jw_end(&w, &e, "test"));
    assert_string_equal(b.p, "{\"s\":\"x\",\"n\":null,\"a\":[18446744073709551615,"
                             "-9223372036854775808,{},[]],\"t\":true,\"f\":false,\"h\":\"00ab\","
                             "\"r\":[1]}");
}

static void strings(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct ds_span in;
        const char *want;
    } rows[] = {
        { "empty", DS_SPAN_LIT(""), "\"\"" },
        { "plain", DS_SPAN_LIT("a/b ~"), "\"a/b ~\"" },
        { "named escapes", DS_SPAN_LIT("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"" },
        { "controls", DS_SPAN_LIT("\x00\x1f\x7f"), "\"\\u0000\\u001f\\u007f\"" },
        { "two bytes", DS_SPAN_LIT("\xc3\xa9"), "\"\\u00e9\"" },
        { "three bytes", DS_SPAN_LIT("\xe2\x82\xac"), "\"\\u20ac\"" },
        { "four bytes: a surrogate pair", DS_SPAN_LIT("\xf0\x9f\x98\x80"), "\"\\ud83d\\ude00\"" },
        { "last code point", DS_SPAN_LIT("\xf4\x8f\xbf\xbf"), "\"\\udbff\\udfff\"" },
        { "cut short", DS_SPAN_LIT("a\xe2\x82"), "\"a\\ufffd\\ufffd\"" },
        { "lone continuation", DS_SPAN_LIT("\x80z"), "\"\\ufffdz\"" },
        { "overlong", DS_SPAN_LIT("\xc0\xaf"), "\"\\ufffd\\ufffd\"" },
        { "surrogate", DS_SPAN_LIT("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"" },
        { "beyond the last", DS_SPAN_LIT("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
        { "never UTF-8", DS_SPAN_LIT("\xff"), "\"\\ufffd\"" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        struct ds_jw w = ds_jw_of(&b);
        ds_jw_text(&w, NULL, rows[i].in);
        assert_ok(ds_jw_end(&w, &e, rows[i].name));
        assert_string_equal(b.p, rows[i].want);
    }
}

static void bytes_in_base64url(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    uint8_t bytes[100];
    memset(bytes, 0xfb, sizeof bytes);
    static const size_t lens[] = { 0, 1, 2, 3, 47, 48, 49, 50, 96, 100 };
    for (size_t i = 0; i < DS_LEN(lens); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        char text[DS_BASE64_LEN(100) + 1];
        struct ds_jw w = ds_jw_of(&b);
        ds_jw_base64url(&w, NULL, DS_SPAN(bytes, lens[i]));
        assert_ok(ds_jw_end(&w, &e, "bytes"));
        (void)ds_base64url_encode(text, DS_SPAN(bytes, lens[i]));
        assert_int_equal(b.len, strlen(text) + 2);
        assert_memory_equal(b.p + 1, text, strlen(text));
        assert_true(b.p[0] == '"' && b.p[b.len - 1] == '"');
    }
}

static void no_room(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf b = { .max = 8 };
    struct ds_jw w = ds_jw_of(&b);
    ds_jw_array(&w, NULL);
    ds_jw_str(&w, NULL, "longer than that");
    ds_jw_array_end(&w);
    assert_int_equal(ds_jw_end(&w, &e, "test"), DS_ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesting),
        cmocka_unit_test(strings),
        cmocka_unit_test(bytes_in_base64url),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
