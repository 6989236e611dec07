/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader: what it takes, what it refuses, and that raw spans are the
 * served bytes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/json.h"

#define DEEP32 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
#define UP32   "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

static void texts_are_judged(void **state)
{
    static const struct {
        const char *name, *text;
        int want;
    } rows[] = {
        { "empty object", "{}", DS_OK },
        { "empty array", " [ ] ", DS_OK },
        { "lone number", "-0.5e+10", DS_OK },
        { "words", "[true,false,null]", DS_OK },
        { "nested", "{\"a\":{\"b\":[1,{\"c\":[]}]},\"d\":\"\"}", DS_OK },
        { "escapes", "\"\\u0041\\n\\\\\\\"\\ud83d\\ude00\"", DS_OK },
        { "depth at the limit", DEEP32 UP32, DS_OK },
        { "one level too deep", "[" DEEP32 UP32 "]", DS_ERR_FORMAT },
        { "nothing", "", DS_ERR_TRUNCATED },
        { "white space only", "  \n", DS_ERR_TRUNCATED },
        { "open object", "{", DS_ERR_TRUNCATED },
        { "open array", "[1", DS_ERR_TRUNCATED },
        { "open string", "\"abc", DS_ERR_TRUNCATED },
        { "key without value", "{\"a\":}", DS_ERR_FORMAT },
        { "key without colon", "{\"a\" 1}", DS_ERR_FORMAT },
        { "bare key", "{a:1}", DS_ERR_FORMAT },
        { "comma before the end of an array", "[1,]", DS_ERR_FORMAT },
        { "comma before the end of an object", "{\"a\":1,}", DS_ERR_FORMAT },
        { "wrong bracket", "[1}", DS_ERR_FORMAT },
        { "two values", "1 2", DS_ERR_TRAILING },
        { "bytes behind", "{}x", DS_ERR_TRAILING },
        { "leading zero", "01", DS_ERR_FORMAT },
        { "plus sign", "+1", DS_ERR_FORMAT },
        { "bare minus", "[-]", DS_ERR_FORMAT },
        { "fraction without digits", "[1.]", DS_ERR_FORMAT },
        { "exponent without digits", "[1e]", DS_ERR_FORMAT },
        { "wrong word", "[nul]", DS_ERR_FORMAT },
        { "control character", "\"a\nb\"", DS_ERR_FORMAT },
        { "unknown escape", "\"\\x\"", DS_ERR_FORMAT },
        { "short unicode escape", "[\"\\u12\"]", DS_ERR_FORMAT },
        { "lone high surrogate", "\"\\ud800\"", DS_ERR_FORMAT },
        { "lone low surrogate", "\"\\udc00\"", DS_ERR_FORMAT },
        { "high surrogate twice", "\"\\ud800\\ud800\"", DS_ERR_FORMAT },
        { "not UTF-8", "\"\xff\"", DS_ERR_FORMAT },
        { "duplicate key", "{\"a\":1,\"b\":2,\"a\":3}", DS_ERR_FORMAT },
        { "duplicate key behind an escape", "{\"a\":1,\"\\u0061\":2}", DS_ERR_FORMAT },
        { "one key in two objects", "{\"a\":{\"a\":1}}", DS_OK },
        { "more values than tokens",
          "[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,"
          "1,2,3,4,5,6,7,8,9,0]",
          DS_ERR_RANGE },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_json_tok toks[40];
        struct ds_error e = { 0 };
        int got = ds_json_parse(toks, DS_LEN(toks), ds_span_str(rows[i].text), &e);
        if (got != rows[i].want)
            fail_msg("%s: got %d (%s)", rows[i].name, got, e.msg);
    }
}

/* Every prefix of a text is refused, whatever it cuts. */
static void prefixes_are_refused(void **state)
{
    static const char text[] = "{\"a\":[1,2.5e3,{\"b\":\"\\u00e9x\"}],\"c\":true}";
    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct ds_json_tok toks[40];
        assert_int_not_equal(ds_json_parse(toks, DS_LEN(toks), DS_SPAN(text, n), NULL), DS_OK);
    }
}

static void members_are_found(void **state)
{
    static const char text[] = "{ \"n\" : 18446744073709551615, \"s\":\"x\", \"k\\u0065y\" :"
                               " {\"in\":[ 1, [2] ,3]}, \"h\":\"00fF\", \"t\":true,\"neg\":-1,"
                               " \"big\":18446744073709551616, \"e\":\"\\/\"}";
    struct ds_json_tok t[40];
    struct ds_span s;
    uint64_t n;
    uint8_t h[2];
    bool b;
    (void)state;
    assert_int_equal(ds_json_parse(t, DS_LEN(t), ds_span_str(text), NULL), DS_OK);
    assert_int_equal(t->n, 8);
    assert_int_equal(ds_json_get_u64(&n, t, "n", UINT64_MAX, NULL), DS_OK);
    assert_true(n == UINT64_MAX);
    assert_int_equal(ds_json_get_u64(&n, t, "n", UINT64_MAX - 1, NULL), DS_ERR_FORMAT);
    assert_int_equal(ds_json_get_u64(&n, t, "big", UINT64_MAX, NULL), DS_ERR_FORMAT);
    assert_int_equal(ds_json_get_u64(&n, t, "neg", UINT64_MAX, NULL), DS_ERR_FORMAT);
    assert_int_equal(ds_json_get_u64(&n, t, "s", 9, NULL), DS_ERR_FORMAT);
    assert_int_equal(ds_json_get_str(&s, t, "s", NULL), DS_OK);
    assert_true(ds_span_eq_str(s, "x"));
    assert_int_equal(ds_json_get_str(&s, t, "e", NULL), DS_ERR_FORMAT);
    assert_int_equal(ds_json_get_str(&s, t, "absent", NULL), DS_ERR_FORMAT);
    assert_int_equal(ds_json_get_hex(h, 2, t, "h", NULL), DS_OK);
    assert_memory_equal(h, "\x00\xff", 2);
    assert_int_equal(ds_json_get_hex(h, 1, t, "h", NULL), DS_ERR_FORMAT);
    assert_int_equal(ds_json_get_bool(&b, t, "t", NULL), DS_OK);
    assert_true(b);
    assert_int_equal(ds_json_get_bool(&b, t, "n", NULL), DS_ERR_FORMAT);

    const struct ds_json_tok *key = ds_json_find(t, "key");
    assert_non_null(key);
    assert_true(ds_span_eq_str(key->raw, "{\"in\":[ 1, [2] ,3]}"));
    const struct ds_json_tok *in = ds_json_find(key, "in");
    assert_int_equal(in->n, 3);
    const char *want[] = { "1", "[2]", "3" };
    size_t i = 0;
    for (const struct ds_json_tok *v = ds_json_first(in); v != NULL && i < 3;
         v = ds_json_next(in, v), i++)
        assert_true(ds_span_eq_str(v->raw, want[i]));
    assert_int_equal(i, 3);
    assert_null(ds_json_find(in, "in"));
    assert_null(ds_json_find(NULL, "in"));
    assert_null(ds_json_first(ds_json_find(t, "s")));
}

static void strings_are_resolved(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "\"plain\"", "plain" },
        { "\"\"", "" },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
        { "\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
    };
    void *mem = malloc(4096);
    (void)state;
    assert_non_null(mem);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = ds_arena_of(mem, 4096);
        const struct ds_json_tok *t;
        struct ds_span s;
        assert_int_equal(ds_json_parse_in(&t, &a, ds_span_str(rows[i].text), NULL), DS_OK);
        assert_int_equal(a.used, sizeof *t);
        assert_int_equal(ds_json_str(&s, &a, t, NULL), DS_OK);
        assert_true(ds_span_eq_str(s, rows[i].want));
        assert_true(ds_json_is_str(t, rows[i].want));
        assert_false(ds_json_is_str(t, "other"));
    }
    struct ds_arena small = ds_arena_of(mem, sizeof(struct ds_json_tok));
    const struct ds_json_tok *t;
    struct ds_span s;
    assert_int_equal(ds_json_parse_in(&t, &small, DS_SPAN_LIT("\"\\n\""), NULL), DS_OK);
    assert_int_equal(ds_json_str(&s, &small, t, NULL), DS_ERR_NOMEM);
    free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_judged),
        cmocka_unit_test(prefixes_are_refused),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(strings_are_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
