/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CMW: the examples of its specification both ways, and every rule of a
 * record, a tag and a collection broken in both forms.
 */
#include "attest/wrapper/cmw.h"

#include "unhex.h"

static max_align_t room[65536 / sizeof(max_align_t)];

static int parse(struct ds_cmw *cmw, struct ds_span in, bool is_json, struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    return is_json ? ds_cmw_parse_json(cmw, &mem, in, e) : ds_cmw_parse_cbor(cmw, &mem, in, e);
}

/* "application/vnd.example.rats-conceptual-msg" */
#define EXAMPLE_TYPE \
    "782b6170706c69636174696f6e2f766e642e6578616d706c652e726174732d636f6e6365707475616c2d6d7367"
/* "__cmwc_t" */
#define TYPE_KEY "685f5f636d77635f74"

/* RFC 9999 §6 (Examples): each is read, and written back as it was. */
static void examples_go_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        bool is_json;
        enum ds_cmw_kind kind;
    } rows[] = {
        { "a JSON record", "[\"application/vnd.example.rats-conceptual-msg\",\"I0faVQ\"]", true,
          DS_CMW_RECORD },
        { "a CBOR record by content format", "8219fde7442347da55", false, DS_CMW_RECORD },
        { "a CBOR record by media type", "82" EXAMPLE_TYPE "442347da55", false, DS_CMW_RECORD },
        { "a CBOR tag", "da6374ffe6442347da55", false, DS_CMW_TAG },
        { "a record with an indicator",
          "8374"
          "6170706c69636174696f6e2f72696d2b636f7365"
          "4ad28440a044d901f5a04003",
          false, DS_CMW_RECORD },
        { "a CBOR collection",
          "a4" TYPE_KEY "7827"
          "7461673a6578616d706c652e636f6d2c323032343a636f6d706f736974652d6174746573746572"
          "008319fde7442347da550401da6374ffe6442347da5502837361"
          "70706c69636174696f6e2f6561742b6a7774432e2e2e08",
          false, DS_CMW_COLLECTION },
        { "a JSON collection",
          "{\"__cmwc_t\":\"tag:example.com,2024:another-composite-attester\",\"attester A\":"
          "[\"application/eat-ucs+json\",\"e30K\",4],\"attester B\":"
          "[\"application/eat-ucs+cbor\",\"oA\",4]}",
          true, DS_CMW_COLLECTION },
        { "a collection in a collection, by an OID",
          "a2" TYPE_KEY "65322e312e3020a10082194f"
          "224101",
          false, DS_CMW_COLLECTION },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_cmw cmw;
        DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
        struct unhex bytes = { .len = 0 };
        struct ds_span in = ds_span_str(rows[i].text);
        if (!rows[i].is_json) {
            bytes = unhex(rows[i].text);
            in = unhex_span(&bytes);
        }
        if (parse(&cmw, in, rows[i].is_json, &e) != DS_OK)
            fail_msg("%s: %s", rows[i].name, e.msg);
        assert_int_equal(cmw.kind, rows[i].kind);
        assert_ok(rows[i].is_json ? ds_cmw_encode_json(&again, &cmw, &e)
                                  : ds_cmw_encode_cbor(&again, &cmw, &e));
        if (!ds_span_eq(ds_buf_span(&again), in))
            fail_msg("%s is not written as it was read", rows[i].name);
    }
}

static void what_is_read(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_cmw cmw;
    struct unhex in = unhex("da6374ffe6442347da55");
    assert_ok(parse(&cmw, unhex_span(&in), false, &e));
    assert_int_equal(cmw.record.content_format, 64999);
    assert_hex(cmw.record.value, "2347da55");
    assert_ok(parse(&cmw,
                    DS_SPAN_LIT("{\"b\\u0061\":[\"application/eat+jwt; "
                                "eat_profile=\\\"tag:a,2026:b#c\\\"\",\"_-8\",12]}"),
                    true, &e));
    assert_int_equal(cmw.n_entries, 1);
    const struct ds_cmw_entry *entry = &cmw.entries[0];
    assert_true(ds_span_eq_str(entry->label, "ba"));
    assert_int_equal(entry->cmw.record.content_format, DS_CMW_NO_FORMAT);
    assert_int_equal(entry->cmw.record.ind, DS_CMW_EVIDENCE | DS_CMW_ATTESTATION_RESULTS);
    assert_hex(entry->cmw.record.value, "ffef");
    assert_int_equal(cmw.collection_type.len, 0);
}

/* RFC 9277 Appendix B */
static void tags_of_formats(void **state)
{
    (void)state;
    static const struct {
        int32_t format;
        uint64_t tag;
    } rows[] = {
        { 0, 1668546817 },     { 254, 1668547071 },   { 255, 1668547073 },
        { 64999, 1668612070 }, { 65024, 1668612095 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        uint64_t tag;
        int32_t format;
        assert_ok(ds_cmw_tag_of(&tag, rows[i].format, &e));
        assert_true(tag == rows[i].tag);
        assert_ok(ds_cmw_format_of_tag(&format, tag, &e));
        assert_int_equal(format, rows[i].format);
    }
    static const uint64_t tags[] = { 0, 18, 1668546816, 1668547072, 1668612096, UINT64_MAX };
    static const int32_t formats[] = { -1, 65025, INT32_MAX, INT32_MIN };
    struct ds_error e;
    uint64_t tag;
    int32_t format;
    for (size_t i = 0; i < DS_LEN(tags); i++)
        assert_int_equal(ds_cmw_format_of_tag(&format, tags[i], &e), DS_ERR_FORMAT);
    for (size_t i = 0; i < DS_LEN(formats); i++)
        assert_int_equal(ds_cmw_tag_of(&tag, formats[i], &e), DS_ERR_RANGE);
}

static void cbor_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        int cls;
    } rows[] = {
        { "nothing", "", DS_ERR_FORMAT },
        { "a number", "01", DS_ERR_FORMAT },
        { "bytes", "4101", DS_ERR_FORMAT },
        { "an array of one", "8101", DS_ERR_FORMAT },
        { "an array of four", "8401410004f6", DS_ERR_FORMAT },
        { "an indefinite record", "9f014100ff", DS_ERR_FORMAT },
        { "a format of 17 bits", "821a000100004100", DS_ERR_FORMAT },
        { "a format below zero", "82204100", DS_ERR_FORMAT },
        { "a type of bytes", "8241614100", DS_ERR_FORMAT },
        { "an empty type", "82604100", DS_ERR_FORMAT },
        { "a type without a slash",
          "8263616263"
          "4100",
          DS_ERR_FORMAT },
        { "a value of text", "82016161", DS_ERR_FORMAT },
        { "a value one short", "82014200", DS_ERR_FORMAT },
        { "an indicator of zero", "8301410000", DS_ERR_RANGE },
        { "an indicator that is not registered", "830141001820", DS_ERR_RANGE },
        { "an indicator of 33 bits", "830141001b0000000100000001", DS_ERR_RANGE },
        { "an indicator below zero", "8301410020", DS_ERR_FORMAT },
        { "an indicator of bytes", "830141004103", DS_ERR_FORMAT },
        { "a byte behind it", "8201410000", DS_ERR_TRAILING },
        { "another tag", "d24100", DS_ERR_FORMAT },
        { "a tag with text",
          "da6374010161"
          "61",
          DS_ERR_FORMAT },
        { "a tag alone", "da63740101", DS_ERR_FORMAT },
        { "a tag that no format has", "da637402004100", DS_ERR_FORMAT },
        { "a collection of nothing", "a0", DS_ERR_FORMAT },
        { "a collection of a type alone", "a1" TYPE_KEY "65322e312e30", DS_ERR_FORMAT },
        { "a type of a collection that is a number", "a2" TYPE_KEY "000082014100", DS_ERR_FORMAT },
        { "a relative URI", "a2" TYPE_KEY "632f61620082014100", DS_ERR_FORMAT },
        { "a URI with a fragment",
          "a2" TYPE_KEY "65613a62236300"
          "82014100",
          DS_ERR_FORMAT },
        { "a URI that is a scheme", "a2" TYPE_KEY "62613a0082014100", DS_ERR_FORMAT },
        { "an OID with a zero in front",
          "a2" TYPE_KEY "66322e3031"
          "2e310082014100",
          DS_ERR_FORMAT },
        { "an OID that ends in a dot", "a2" TYPE_KEY "62322e0082014100", DS_ERR_FORMAT },
        { "an OID of another root", "a2" TYPE_KEY "63332e310082014100", DS_ERR_FORMAT },
        { "a label twice",
          "a2008201410000"
          "82014100",
          DS_ERR_FORMAT },
        { "a label of bytes", "a1410082014100", DS_ERR_FORMAT },
        { "a label of 65 bits", "a13bffffffffffffffff82014100", DS_ERR_RANGE },
        { "a label with NUL", "a1610082014100", DS_ERR_FORMAT },
        { "an entry that is none", "a10001", DS_ERR_FORMAT },
        { "an entry and a byte", "a1008201410000", DS_ERR_TRAILING },
        { "collections five deep", "a100a100a100a100a10082014100", DS_ERR_RANGE },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_cmw cmw;
        struct unhex in = unhex(rows[i].hex);
        int r = parse(&cmw, unhex_span(&in), false, &e);
        if (r != rows[i].cls || e.code != DS_CODE_CMW_FORMAT)
            fail_msg("%s: %d %s: %s", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
    }
}

static void json_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        int cls;
    } rows[] = {
        { "nothing", "", DS_ERR_TRUNCATED },
        { "a text", "\"a\"", DS_ERR_FORMAT },
        { "an array of one", "[\"a/b\"]", DS_ERR_FORMAT },
        { "an array of four", "[\"a/b\",\"AA\",1,1]", DS_ERR_FORMAT },
        { "a content format", "[263,\"AA\"]", DS_ERR_FORMAT },
        { "a type without subtype", "[\"a/\",\"AA\"]", DS_ERR_FORMAT },
        { "a type with a blank", "[\"a /b\",\"AA\"]", DS_ERR_FORMAT },
        { "two types", "[\"a/b/c\",\"AA\"]", DS_ERR_FORMAT },
        { "a semicolon alone", "[\"a/b;\",\"AA\"]", DS_ERR_FORMAT },
        { "a parameter without a value", "[\"a/b;c\",\"AA\"]", DS_ERR_FORMAT },
        { "a quote that does not end", "[\"a/b;c=\\\"d\",\"AA\"]", DS_ERR_FORMAT },
        { "a newline in quotes", "[\"a/b;c=\\\"\\n\\\"\",\"AA\"]", DS_ERR_FORMAT },
        { "a NUL in a type", "[\"a\\u0000/b\",\"AA\"]", DS_ERR_FORMAT },
        { "a value with padding", "[\"a/b\",\"AA==\"]", DS_ERR_FORMAT },
        { "a value in the standard alphabet", "[\"a/b\",\"+/++\"]", DS_ERR_FORMAT },
        { "a value with bits to spare", "[\"a/b\",\"AB\"]", DS_ERR_FORMAT },
        { "a value with an escape", "[\"a/b\",\"\\u0041A\"]", DS_ERR_FORMAT },
        { "an empty value", "[\"a/b\",\"\"]", DS_ERR_FORMAT },
        { "a value that is null", "[\"a/b\",null]", DS_ERR_FORMAT },
        { "an indicator of zero", "[\"a/b\",\"AA\",0]", DS_ERR_RANGE },
        { "an indicator of 32", "[\"a/b\",\"AA\",32]", DS_ERR_RANGE },
        { "an indicator with a fraction", "[\"a/b\",\"AA\",1.0]", DS_ERR_FORMAT },
        { "an indicator below zero", "[\"a/b\",\"AA\",-1]", DS_ERR_FORMAT },
        { "an indicator as text", "[\"a/b\",\"AA\",\"1\"]", DS_ERR_FORMAT },
        { "something behind it", "[\"a/b\",\"AA\"]x", DS_ERR_TRAILING },
        { "a collection of nothing", "{}", DS_ERR_FORMAT },
        { "a collection of a type alone", "{\"__cmwc_t\":\"a:b\"}", DS_ERR_FORMAT },
        { "a collection's type is no URI", "{\"__cmwc_t\":\"ab\",\"l\":[\"a/b\",\"AA\"]}",
          DS_ERR_FORMAT },
        { "a collection's type is an OID that goes wrong",
          "{\"__cmwc_t\":\"2*1.0\",\"l\":[\"a/b\",\"AA\"]}", DS_ERR_FORMAT },
        { "a collection's type is an array", "{\"__cmwc_t\":[],\"l\":[\"a/b\",\"AA\"]}",
          DS_ERR_FORMAT },
        { "a label twice", "{\"l\":[\"a/b\",\"AA\"],\"l\":[\"a/b\",\"AA\"]}", DS_ERR_FORMAT },
        { "a label with NUL", "{\"\\u0000\":[\"a/b\",\"AA\"]}", DS_ERR_FORMAT },
        { "an entry that is none", "{\"l\":1}", DS_ERR_FORMAT },
        { "collections five deep", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[\"a/b\",\"AA\"]}}}}}",
          DS_ERR_RANGE },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_cmw cmw;
        int r = parse(&cmw, ds_span_str(rows[i].text), true, &e);
        if (r != rows[i].cls || e.code != DS_CODE_CMW_FORMAT)
            fail_msg("%s: %d %s: %s", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
    }
}

/* As many entries as there may be, one more, and a label at its bound. */
static void bounds(void **state)
{
    (void)state;
    for (size_t n = DS_CMW_ENTRIES_MAX; n <= DS_CMW_ENTRIES_MAX + 1; n++) {
        struct ds_error e = { 0 };
        struct ds_cmw cmw;
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 }, j = { 0 };
        ds_cbor_put_map(&b, n);
        for (size_t i = 0; i < n; i++) {
            ds_cbor_put_u64(&b, i);
            ds_buf_add(&b, DS_SPAN_LIT("\x82\x01\x41\x07"));
            ds_buf_printf(&j, "%s\"%zu\":[\"a/b\",\"AA\"]", i == 0 ? "{" : ",", i);
        }
        ds_buf_char(&j, '}');
        bool fits = n == DS_CMW_ENTRIES_MAX;
        assert_int_equal(parse(&cmw, ds_buf_span(&b), false, &e), fits ? DS_OK : DS_ERR_RANGE);
        assert_int_equal(parse(&cmw, ds_buf_span(&j), true, &e), fits ? DS_OK : DS_ERR_RANGE);
    }
    for (size_t len = DS_CMW_LABEL_MAX; len <= DS_CMW_LABEL_MAX + 1; len++) {
        struct ds_error e = { 0 };
        struct ds_cmw cmw;
        DS_AUTO(ds_buf_done) struct ds_buf j = { 0 };
        ds_buf_printf(&j, "{\"%0*d\":[\"a/b\",\"AA\"]}", (int)len, 0);
        assert_int_equal(parse(&cmw, ds_buf_span(&j), true, &e),
                         len == DS_CMW_LABEL_MAX ? DS_OK : DS_ERR_RANGE);
    }
    struct ds_error e = { 0 };
    struct ds_cmw cmw;
    struct ds_arena none = ds_arena_of(room, 64);
    assert_int_equal(ds_cmw_parse_cbor(&cmw, &none, DS_SPAN_LIT("\xa1\x00\x82\x01\x41\x07"), &e),
                     DS_ERR_NOMEM);
}

static void encoders_refuse_what_parsers_would(void **state)
{
    (void)state;
    const struct ds_cmw_record good = { DS_CMW_NO_FORMAT, DS_SPAN_LIT("a/b"), DS_SPAN_LIT("x"), 4 };
    const struct ds_cmw_entry numbered = { .is_number = true, .cmw = { .record = good } };
    const struct ds_cmw_entry reserved = { .label = DS_SPAN_LIT("__cmwc_t"),
                                           .cmw = { .record = good } };
    const struct {
        const char *name;
        struct ds_cmw cmw;
        bool in_json, in_cbor; /* refused there */
    } rows[] = {
        { "a content format", { .record = { 263, .value = DS_SPAN_LIT("x") } }, true, false },
        { "a format of 17 bits", { .record = { 65536, .value = DS_SPAN_LIT("x") } }, true, true },
        { "a tag",
          { .kind = DS_CMW_TAG, .record = { 263, .value = DS_SPAN_LIT("x") } },
          true,
          false },
        { "a tag of no format", { .kind = DS_CMW_TAG, .record = { 65025 } }, true, true },
        { "a tag by media type", { .kind = DS_CMW_TAG, .record = good }, true, true },
        { "an empty value", { .record = { DS_CMW_NO_FORMAT, good.type, { 0 }, 0 } }, true, false },
        { "no type", { .record = { DS_CMW_NO_FORMAT, { 0 }, good.value, 0 } }, true, true },
        { "an unregistered indicator",
          { .record = { DS_CMW_NO_FORMAT, good.type, good.value, 32 } },
          true,
          true },
        { "an empty collection", { .kind = DS_CMW_COLLECTION }, true, true },
        { "a number as label",
          { .kind = DS_CMW_COLLECTION, .entries = &numbered, .n_entries = 1 },
          true,
          false },
        { "a reserved label",
          { .kind = DS_CMW_COLLECTION, .entries = &reserved, .n_entries = 1 },
          true,
          true },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf json = { 0 }, cbor = { 0 };
        bool no_json = ds_cmw_encode_json(&json, &rows[i].cmw, &e) < 0;
        bool no_cbor = ds_cmw_encode_cbor(&cbor, &rows[i].cmw, &e) < 0;
        if (no_json != rows[i].in_json || no_cbor != rows[i].in_cbor)
            fail_msg("%s: refused in JSON %d, in CBOR %d", rows[i].name, no_json, no_cbor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_go_both_ways),
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(tags_of_formats),
        cmocka_unit_test(cbor_refused),
        cmocka_unit_test(json_refused),
        cmocka_unit_test(bounds),
        cmocka_unit_test(encoders_refuse_what_parsers_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
