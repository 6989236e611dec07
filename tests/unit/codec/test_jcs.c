/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JCS: the sorting and escaping examples of RFC 8785, integers at their bounds,
 * numbers that we leave out, and scratch memory that is given back.
 */
#include "codec/jcs.h"
#include "unhex.h"

static struct ds_json_tok toks[256];
static max_align_t room[1024];

static int canonical(struct ds_buf *ret, const char *text, struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    assert_int_equal(ds_json_parse(toks, DS_LEN(toks), ds_span_str(text), e), DS_OK);
    int r = ds_jcs_add(ret, &mem, toks, e);
    assert_int_equal(mem.used, 0);
    return r;
}

static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in, *want;
    } rows[] = {
        { "empty object", " { } ", "{}" },
        { "empty array", " [ ] ", "[]" },
        { "literals", "[ true , false , null ]", "[true,false,null]" },
        { "white space", "{ \"b\" : [ 1 , 2 ] , \"a\" : { \"d\" : 1 , \"c\" : 2 } }",
          "{\"a\":{\"c\":2,\"d\":1},\"b\":[1,2]}" },
        { "prefix first", "{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}" },
        { "RFC 8785 sorting",
          "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet "
          "With Dagesh\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":"
          "\"Control\",\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
          "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"\xc3\xb6\":\"Latin "
          "Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":"
          "\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}" },
        { "RFC 8785 escaping", "\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"",
          "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"" },
        { "named escapes", "\"\\b\\f\\n\\r\\t\\u0001\\u007f\"", "\"\\b\\f\\n\\r\\t\\u0001\x7f\"" },
        { "integers", "[0,-0,-1,9007199254740991,-9007199254740991]",
          "[0,0,-1,9007199254740991,-9007199254740991]" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        int r = canonical(&b, rows[i].in, &e);
        if (r != DS_OK || strcmp(b.p, rows[i].want) != 0)
            fail_msg("%s: %d %s", rows[i].name, r, b.p);
    }
}

static void numbers_left_out(void **state)
{
    (void)state;
    static const char *const rows[] = { "1.5",
                                        "1e3",
                                        "1E3",
                                        "-1.0",
                                        "9007199254740992",
                                        "[1,-9007199254740992]",
                                        "{\"a\":10000000000000000}" };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        assert_int_equal(canonical(&b, rows[i], &e), DS_ERR_UNSUPPORTED);
    }
}

static void no_room(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    struct ds_arena mem = ds_arena_of(room, 16);
    assert_ok(ds_json_parse(toks, DS_LEN(toks), ds_span_str("{\"b\":1,\"a\":2}"), &e));
    assert_int_equal(ds_jcs_add(&b, &mem, toks, &e), DS_ERR_NOMEM);
    DS_AUTO(ds_buf_done) struct ds_buf small = { .max = 4 };
    assert_int_equal(canonical(&small, "[1,2,3]", &e), DS_ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(numbers_left_out),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
