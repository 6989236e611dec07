/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hex and base64 (RFC 4648 section 10 gives the good ones): one value has one text, and every other
 * text is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/scope.h"

static const struct {
    const char *name, *text;
    size_t cap;
    int cls;
    const char *bytes;
} hexes[] = {
    { "empty", "", 4, DS_OK, "" },
    { "lower case", "0aff", 4, DS_OK, "\x0a\xff" },
    { "upper case", "0AFF", 4, DS_OK, "\x0a\xff" },
    { "exactly the room", "01020304", 4, DS_OK, "\1\2\3\4" },
    { "one byte over", "0102030405", 4, DS_ERR_RANGE, NULL },
    { "odd", "012", 4, DS_ERR_FORMAT, NULL },
    { "one digit", "0", 4, DS_ERR_FORMAT, NULL },
    { "before 0", "0/", 4, DS_ERR_FORMAT, NULL },
    { "after 9", "0:", 4, DS_ERR_FORMAT, NULL },
    { "before A", "@0", 4, DS_ERR_FORMAT, NULL },
    { "after F", "G0", 4, DS_ERR_FORMAT, NULL },
    { "before a", "`0", 4, DS_ERR_FORMAT, NULL },
    { "after f", "g0", 4, DS_ERR_FORMAT, NULL },
    { "prefix", "0x01", 4, DS_ERR_FORMAT, NULL },
    { "space", "01 2", 4, DS_ERR_FORMAT, NULL },
    { "high bit", "0\xb1", 4, DS_ERR_FORMAT, NULL },
};

static void hex_is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(hexes); i++) {
        uint8_t out[4] = { 0xee, 0xee, 0xee, 0xee };
        size_t len = 77;
        int r = ds_hex_decode_any(out, &len, hexes[i].cap, ds_span_str(hexes[i].text), NULL);
        if (r != hexes[i].cls)
            fail_msg("%s: %d", hexes[i].name, r);
        if (r != DS_OK) {
            assert_int_equal(len, 77);
            assert_memory_equal(out, "\xee\xee\xee\xee", 4);
            continue;
        }
        assert_int_equal(len, strlen(hexes[i].text) / 2);
        assert_memory_equal(out, hexes[i].bytes, len);
    }
}

static void fixed_lengths_are_exact(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_int_equal(ds_hex_decode(out, 2, DS_SPAN_LIT("beef"), NULL), DS_OK);
    assert_int_equal(ds_hex_decode(out, 2, DS_SPAN_LIT("be"), NULL), DS_ERR_RANGE);
    assert_int_equal(ds_hex_decode(out, 2, DS_SPAN_LIT("bee"), NULL), DS_ERR_RANGE);
    assert_int_equal(ds_hex_decode(out, 2, DS_SPAN_LIT("beef0"), NULL), DS_ERR_RANGE);
    assert_int_equal(ds_hex_decode(out, 2, DS_SPAN_LIT("beefee"), NULL), DS_ERR_RANGE);
    assert_int_equal(ds_hex_decode(out, 2, DS_SPAN_LIT("bxef"), NULL), DS_ERR_FORMAT);
}

/* Each byte one way, each character the other. */
static void every_byte_has_its_digits(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const uint8_t byte = (uint8_t)c, text[2] = { (uint8_t)c, '7' };
        char want[3], got[3];
        uint8_t out = 0;
        (void)snprintf(want, sizeof want, "%02x", (unsigned)byte);
        assert_string_equal(ds_hex_encode(got, DS_SPAN(&byte, 1)), want);
        bool is_digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        if ((ds_hex_decode(&out, 1, DS_SPAN_OF(text), NULL) == DS_OK) != is_digit)
            fail_msg("character %d", c);
        if (is_digit) {
            (void)ds_hex_encode(got, DS_SPAN(&out, 1));
            assert_int_equal(got[0], c >= 'A' && c <= 'F' ? c + 32 : c);
            assert_int_equal(got[1], '7');
        }
    }
}

static void message_hex_is_cut(void **state)
{
    (void)state;
    uint8_t bytes[73] = { 0xab };
    assert_int_equal(strlen(DS_HEX(DS_SPAN_OF(bytes))), 144);
    assert_string_equal(DS_HEX(DS_SPAN(bytes, 2)), "ab00");
    assert_string_equal(DS_HEX(DS_SPAN(bytes, 0)), "");
}

static const struct {
    const char *bytes, *std, *url;
} sixtyfours[] = {
    { "", "", "" },
    { "f", "Zg==", "Zg" },
    { "fo", "Zm8=", "Zm8" },
    { "foo", "Zm9v", "Zm9v" },
    { "foob", "Zm9vYg==", "Zm9vYg" },
    { "fooba", "Zm9vYmE=", "Zm9vYmE" },
    { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
    { "\xfb\xff\xbe", "+/++", "-_--" },
};

static void base64_goes_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(sixtyfours); i++) {
        struct ds_span bytes = ds_span_str(sixtyfours[i].bytes);
        char text[DS_BASE64_LEN(8) + 1];
        uint8_t out[8];
        size_t len;
        assert_string_equal(ds_base64_encode(text, bytes), sixtyfours[i].std);
        assert_string_equal(ds_base64url_encode(text, bytes), sixtyfours[i].url);
        assert_int_equal(ds_base64_decode(out, &len, bytes.len, ds_span_str(sixtyfours[i].std),
                                          NULL),
                         DS_OK);
        assert_true(ds_span_eq(DS_SPAN(out, len), bytes));
        if (bytes.len > 0)
            assert_int_equal(ds_base64_decode(out, &len, bytes.len - 1,
                                              ds_span_str(sixtyfours[i].std), NULL),
                             DS_ERR_RANGE);
        assert_int_equal(ds_base64url_decode(out, &len, bytes.len, ds_span_str(sixtyfours[i].url),
                                             NULL),
                         DS_OK);
        assert_true(ds_span_eq(DS_SPAN(out, len), bytes));
        if (bytes.len > 0)
            assert_int_equal(ds_base64url_decode(out, &len, bytes.len - 1,
                                                 ds_span_str(sixtyfours[i].url), NULL),
                             DS_ERR_RANGE);
    }
}

static const struct {
    const char *name, *text;
    int cls, cls_ws;
} bad64[] = {
    { "no padding", "Zg", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "half the padding", "Zg=", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "too much padding", "Zg===", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "padding after a whole group", "Zm9v=", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "a group of padding", "Zm9v====", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "padding alone", "====", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "text after padding", "Zg==Zg==", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "padding inside", "Z=g=", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "one digit", "Z", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "one digit, padded", "Z===", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "bits under the padding, one byte", "Zh==", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "bits under the padding, two bytes", "Zm9=", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "URL alphabet", "-_--", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "high bit", "Zm9\xf6", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "newline inside", "Zm\n9v", DS_ERR_FORMAT, DS_OK },
    { "white space around", " \tZm9v\r\n", DS_ERR_FORMAT, DS_OK },
    { "vertical tab", "Zm\v9v", DS_ERR_FORMAT, DS_ERR_FORMAT },
    { "over the room", "Zm9vZm9v", DS_ERR_RANGE, DS_ERR_RANGE },
    { "over the room by its tail", "Zm9vZg==", DS_ERR_RANGE, DS_ERR_RANGE },
};

static void base64_is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(bad64); i++) {
        uint8_t out[3];
        size_t len = 77;
        struct ds_span text = ds_span_str(bad64[i].text);
        int r = ds_base64_decode(out, &len, sizeof out, text, NULL);
        if (r != bad64[i].cls || len != 77)
            fail_msg("%s: %d", bad64[i].name, r);
        r = ds_base64_decode_ws(out, &len, sizeof out, text, NULL);
        if (r != bad64[i].cls_ws)
            fail_msg("%s, white space allowed: %d", bad64[i].name, r);
    }
}

static void base64url_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        int cls;
    } rows[] = {
        { "padding", "Zg==", DS_ERR_FORMAT },
        { "padding alone", "=", DS_ERR_FORMAT },
        { "padding after a whole group", "Zm9v=", DS_ERR_FORMAT },
        { "one digit", "Z", DS_ERR_FORMAT },
        { "one digit over", "Zm9vZ", DS_ERR_FORMAT },
        { "bits under the end, one byte", "Zh", DS_ERR_FORMAT },
        { "bits under the end, two bytes", "Zm9", DS_ERR_FORMAT },
        { "standard alphabet", "+/++", DS_ERR_FORMAT },
        { "newline", "Zm9v\n", DS_ERR_FORMAT },
        { "white space first", " Zm9v", DS_ERR_FORMAT },
        { "a dot", "Zm.v", DS_ERR_FORMAT },
        { "over the room", "Zm9vZg", DS_ERR_RANGE },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t out[3];
        size_t len = 77;
        int r = ds_base64url_decode(out, &len, sizeof out, ds_span_str(rows[i].text), NULL);
        if (r != rows[i].cls || len != 77)
            fail_msg("%s: %d", rows[i].name, r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_is_strict),
        cmocka_unit_test(fixed_lengths_are_exact),
        cmocka_unit_test(every_byte_has_its_digits),
        cmocka_unit_test(message_hex_is_cut),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(base64url_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
