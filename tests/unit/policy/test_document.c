/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy documents: what is read, and what is refused with which code at which path.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "policy/attribute.h"
#include "rules.h"

static uint8_t *room;
static struct ds_arena mem;

static int parse(struct policy_document *ret, const char *text, struct ds_error *e)
{
    mem = ds_arena_of(room, POLICY_DOCUMENT_MEM);
    return policy_document_parse(ret, &mem, ds_span_str(text), e);
}

#define V      "{\"version\":1,"
#define NO(id) DS_CODE_POLICY_DOCUMENT_##id

/* clang-format off */
static const struct {
    const char *text;
    enum ds_code code;
    const char *path; /* "": the text is no document */
} refused[] = {
    { "", NO(JSON), "" },
    { "{", NO(JSON), "" },
    { "{\"version\":1} x", NO(JSON), "" },
    { "{\"version\":1,\"version\":1}", NO(JSON), "" },
    { V "\"tdx\":{\"mrtd\":[\"" B48 "\"],\"mrtd\":[\"" B48 "\"]}}", NO(JSON), "" },
    { V "\"debug\":tru}", NO(JSON), "" },
    { "[]", NO(WRONG_TYPE), "the document" },
    { "1", NO(WRONG_TYPE), "the document" },
    { "{}", NO(VERSION), "version" },
    { "{\"version\":2}", NO(VERSION), "version" },
    { "{\"version\":1.0}", NO(VERSION), "version" },
    { "{\"version\":10}", NO(VERSION), "version" },
    { "{\"version\":\"1\"}", NO(WRONG_TYPE), "version" },
    { "{\"version\":2,\"nonsense\":1}", NO(VERSION), "version" },
    { V "\"description\":1}", NO(WRONG_TYPE), "description" },
    { V "\"description\":\"\"}", NO(WRONG_VALUE), "description" },
    { V "\"description\":\"a\\nb\"}", NO(WRONG_VALUE), "description" },
    { V "\"description\":\"\xc3\xa9\"}", NO(WRONG_VALUE), "description" },

    { V "\"mrtd\":[\"" B48 "\"]}", NO(UNKNOWN_KEY), "mrtd" },
    { V "\"tdx\":{\"mrtds\":[\"" B48 "\"]}}", NO(UNKNOWN_KEY), "tdx.mrtds" },
    { V "\"tdx\":{\"debug\":true}}", NO(UNKNOWN_KEY), "tdx.debug" },
    { V "\"sgx\":{\"mrtd\":[\"" B48 "\"]}}", NO(UNKNOWN_KEY), "sgx.mrtd" },
    { V "\"TDX\":{}}", NO(UNKNOWN_KEY), "TDX" },
    { V "\"\":{}}", NO(UNKNOWN_KEY), "" },
    { V "\"tdx.mrtd\":[\"" B48 "\"]}", NO(UNKNOWN_KEY), "tdx.mrtd" },

    { V "\"tdx\":[]}", NO(WRONG_TYPE), "tdx" },
    { V "\"app\":null}", NO(WRONG_TYPE), "app" },
    { V "\"tees\":\"tdx\"}", NO(WRONG_TYPE), "tees" },
    { V "\"tees\":[1]}", NO(WRONG_TYPE), "tees[0]" },
    { V "\"kinds\":{}}", NO(WRONG_TYPE), "kinds" },
    { V "\"debug\":\"false\"}", NO(WRONG_TYPE), "debug" },
    { V "\"debug\":0}", NO(WRONG_TYPE), "debug" },
    { V "\"debug\":null}", NO(WRONG_TYPE), "debug" },
    { V "\"report_data\":\"" B64 "\"}", NO(WRONG_TYPE), "report_data" },
    { V "\"report_data\":[1]}", NO(WRONG_TYPE), "report_data[0]" },
    { V "\"roots\":[\"Intel SGX Root CA\",null]}", NO(WRONG_TYPE), "roots[1]" },
    { V "\"app\":{\"event_log\":1}}", NO(WRONG_TYPE), "app.event_log" },
    { V "\"intel\":{\"max_tcb_age_s\":\"5\"}}", NO(WRONG_TYPE), "intel.max_tcb_age_s" },
    { V "\"intel\":{\"max_tcb_age_s\":[5]}}", NO(WRONG_TYPE), "intel.max_tcb_age_s" },
    { V "\"sgx\":{\"isvprodids\":5}}", NO(WRONG_TYPE), "sgx.isvprodids" },
    { V "\"sgx\":{\"isvprodids\":[\"5\"]}}", NO(WRONG_TYPE), "sgx.isvprodids[0]" },
    { V "\"tdx\":{\"min_tee_tcb_svn\":5}}", NO(WRONG_TYPE), "tdx.min_tee_tcb_svn" },
    { V "\"tdx\":{\"min_tee_tcb_svn\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,null]}}", NO(WRONG_TYPE), "tdx.min_tee_tcb_svn[15]" },

    { V "\"tees\":[\"tdx\",\"cca\"]}", NO(WRONG_VALUE), "tees[1]" },
    { V "\"kinds\":[\"Hardware\"]}", NO(WRONG_VALUE), "kinds[0]" },
    { V "\"kinds\":[\"none\"]}", NO(WRONG_VALUE), "kinds[0]" },
    { V "\"tcb_statuses\":[\"Revoked\"]}", NO(WRONG_VALUE), "tcb_statuses[0]" },
    { V "\"tcb_statuses\":[\"\"]}", NO(WRONG_VALUE), "tcb_statuses[0]" },
    { V "\"sessions\":[\"none\"]}", NO(WRONG_VALUE), "sessions[0]" },
    { V "\"tdx\":{\"attributes\":[\"debug\"]}}", NO(WRONG_VALUE), "tdx.attributes[0]" },
    { V "\"tdx\":{\"mrtd\":[\"\"]}}", NO(WRONG_VALUE), "tdx.mrtd[0]" },
    { V "\"tdx\":{\"mrtd\":[\"" B48 "\",\"" B32 "\"]}}", NO(WRONG_VALUE), "tdx.mrtd[1]" },
    { V "\"tdx\":{\"mrtd\":[\"" B48 "01\"]}}", NO(WRONG_VALUE), "tdx.mrtd[0]" },
    { V "\"sgx\":{\"isvfamilyids\":[\"" B4 B4 B4 "0101010A\"]}}", NO(WRONG_VALUE), "sgx.isvfamilyids[0]" },
    { V "\"sgx\":{\"isvfamilyids\":[\"" B4 B4 B4 "0101010g\"]}}", NO(WRONG_VALUE), "sgx.isvfamilyids[0]" },
    { V "\"sgx\":{\"isvfamilyids\":[\"0x" B4 B4 B4 "010101\"]}}", NO(WRONG_VALUE), "sgx.isvfamilyids[0]" },
    { V "\"roots\":[\"\"]}", NO(WRONG_VALUE), "roots[0]" },
    { V "\"roots\":[\"" B32 "\"]}", NO(WRONG_VALUE), "roots[0]" },
    { V "\"tcb_advisories\":[\"INTEL-SA-000000000000001\"]}", NO(WRONG_VALUE), "tcb_advisories[0]" },
    { V "\"tcb_advisories\":[\"a\\u0000\"]}", NO(WRONG_VALUE), "tcb_advisories[0]" },
    { V "\"intel\":{\"max_tcb_age_s\":-1}}", NO(WRONG_VALUE), "intel.max_tcb_age_s" },
    { V "\"intel\":{\"max_tcb_age_s\":1.5}}", NO(WRONG_VALUE), "intel.max_tcb_age_s" },
    { V "\"intel\":{\"max_tcb_age_s\":1e3}}", NO(WRONG_VALUE), "intel.max_tcb_age_s" },
    { V "\"intel\":{\"max_tcb_age_s\":632448001}}", NO(WRONG_VALUE), "intel.max_tcb_age_s" },
    { V "\"intel\":{\"min_tcb_evaluation_number\":4294967296}}", NO(WRONG_VALUE), "intel.min_tcb_evaluation_number" },
    { V "\"intel\":{\"min_qe_isvsvn\":65536}}", NO(WRONG_VALUE), "intel.min_qe_isvsvn" },
    { V "\"sgx\":{\"isvprodids\":[1,65536]}}", NO(WRONG_VALUE), "sgx.isvprodids[1]" },
    { V "\"snp\":{\"vmpls\":[4]}}", NO(WRONG_VALUE), "snp.vmpls[0]" },
    { V "\"snp\":{\"min_microcode_svn\":256}}", NO(WRONG_VALUE), "snp.min_microcode_svn" },
    { V "\"snp\":{\"min_microcode_svn\":18446744073709551616}}", NO(WRONG_VALUE), "snp.min_microcode_svn" },
    { V "\"tdx\":{\"min_tee_tcb_svn\":[]}}", NO(WRONG_VALUE), "tdx.min_tee_tcb_svn" },
    { V "\"tdx\":{\"min_tee_tcb_svn\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}}", NO(WRONG_VALUE), "tdx.min_tee_tcb_svn" },
    { V "\"tdx\":{\"min_tee_tcb_svn\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}}", NO(WRONG_VALUE), "tdx.min_tee_tcb_svn" },
    { V "\"tdx\":{\"min_tee_tcb_svn\":[0,0,256,0,0,0,0,0,0,0,0,0,0,0,0,0]}}", NO(WRONG_VALUE), "tdx.min_tee_tcb_svn[2]" },

    { V "\"tees\":[\"tdx\",\"sgx\",\"tdx\"]}", NO(DUPLICATE), "tees[2]" },
    { V "\"tdx\":{\"attributes\":[\"pks\",\"pks\"]}}", NO(DUPLICATE), "tdx.attributes[1]" },
    { V "\"tdx\":{\"rtmr3\":[\"" B48 "\",\"" O48 "\",\"" B48 "\"]}}", NO(DUPLICATE), "tdx.rtmr3[2]" },
    { V "\"sgx\":{\"isvfamilyids\":[\"" B16 "\",\"" B4 B4 B4 "0101010\\u0031\"]}}", NO(DUPLICATE), "sgx.isvfamilyids[1]" },
    { V "\"tcb_advisories\":[\"A\",\"\\u0041\"]}", NO(DUPLICATE), "tcb_advisories[1]" },
    { V "\"sgx\":{\"isvprodids\":[1,2,1]}}", NO(DUPLICATE), "sgx.isvprodids[2]" },

    { V "\"tees\":[]}", NO(EMPTY_LIST), "tees" },
    { V "\"kinds\":[]}", NO(EMPTY_LIST), "kinds" },
    { V "\"roots\":[]}", NO(EMPTY_LIST), "roots" },
    { V "\"tcb_statuses\":[]}", NO(EMPTY_LIST), "tcb_statuses" },
    { V "\"tdx\":{\"mrtd\":[]}}", NO(EMPTY_LIST), "tdx.mrtd" },
    { V "\"sgx\":{\"isvprodids\":[]}}", NO(EMPTY_LIST), "sgx.isvprodids" },
    { V "\"snp\":{\"policy_required\":[]}}", NO(EMPTY_LIST), "snp.policy_required" },

    { V "\"tees\":[\"sgx\"],\"tdx\":{}}", NO(CONTRADICTION), "tdx" },
    { V "\"tdx\":{\"mrtd\":[\"" B48 "\"]},\"tees\":[\"snp\",\"sgx\"]}", NO(CONTRADICTION), "tdx" },
    { V "\"intel\":{\"min_qe_isvsvn\":1},\"tees\":[\"snp\"]}", NO(CONTRADICTION), "intel" },
    { V "\"intel\":{\"min_qe_isvsvn\":1},\"snp\":{}}", NO(CONTRADICTION), "intel" },
    { V "\"roots\":[\"Intel SGX Root\"]}", NO(CONTRADICTION), "roots[0]" },
    { V "\"roots\":[\"Intel SGX Root CA\",\"mine\"],\"kinds\":[\"hardware\"]}", NO(CONTRADICTION), "roots[1]" },
    { V "\"roots\":[\"mine\",\"AMD ARK-Turin\"],\"kinds\":[\"simulated\",\"custom\"]}", NO(CONTRADICTION), "roots[1]" },
};

static const char *const accepted[] = {
    "{\"version\":1}",
    " {\n\"version\" : 1 }\n",
    V "\"description\":\"what may run here\"}",
    V "\"tees\":[\"tdx\",\"sgx\",\"snp\"],\"kinds\":[\"custom\",\"hardware\",\"simulated\"]}",
    V "\"roots\":[\"Intel SGX Root CA\",\"AMD ARK-Genoa\"]}",
    V "\"roots\":[\"Intel SGX Root CA\",\"mine\"],\"kinds\":[\"hardware\",\"custom\"]}",
    V "\"roots\":[\"mine\"],\"kinds\":[\"simulated\"]}",
    V "\"debug\":true,\"tcb_advisories\":[],\"tdx\":{\"attributes\":[]}}",
    V "\"tcb_statuses\":[\"UpToDate\",\"TDRelaunchAdvisedConfigurationNeeded\"]}",
    V "\"tdx\":{\"\\u006drtd\":[\"" B48 "\"],\"min_tee_tcb_svn\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,255]}}",
    V "\"intel\":{},\"snp\":{},\"tees\":[\"snp\",\"tdx\"]}",
    V "\"intel\":{},\"snp\":{},\"sgx\":{}}",
    V "\"intel\":{\"max_tcb_age_s\":632448000,\"min_tcb_evaluation_number\":4294967295,\"min_qe_isvsvn\":0}}",
    V "\"sgx\":{\"mrsigner\":[\"" B32 "\"],\"isvprodids\":[0,65535]}}",
    V "\"snp\":{\"vmpls\":[3,0],\"policy_allowed\":[],\"policy_required\":[\"rapl_dis\"]}}",
    V "\"app\":{\"key_providers\":[\"{\\\"name\\\":\\\"kms\\\",\\\"id\\\":\\\"00\\\"}\"]}}",
};
/* clang-format on */

static void what_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(refused); i++) {
        struct policy_document doc = { 0 };
        struct ds_error e = { 0 };
        int r = parse(&doc, refused[i].text, &e);
        if (r == DS_OK || e.code != refused[i].code)
            fail_msg("%s: %d, '%s'", refused[i].text, r, e.msg);
        if (refused[i].code == NO(JSON))
            continue;
        assert_int_equal(r, DS_ERR_FORMAT);
        assert_string_equal(e.detail.claim, refused[i].path);
        assert_string_not_equal(e.detail.expected, "");
        if (refused[i].path[0] != '\0')
            assert_string_not_equal(e.detail.got, "");
        assert_false(doc.is_given[POLICY_ATTR_TEES]);
        assert_int_equal(doc.rules.of[POLICY_ATTR_TEES].number, 0);
    }
}

static void what_can_be_meant_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(accepted); i++) {
        struct policy_document doc;
        struct ds_error e = { 0 };
        if (parse(&doc, accepted[i], &e) < 0)
            fail_msg("%s: %s", accepted[i], e.msg);
    }
}

/* A document that says nothing demands what the table says it does. */
static void silence_is_the_preset(void **state)
{
    struct policy_document doc;
    struct policy_rules preset;
    struct ds_error e = { 0 };
    (void)state;
    memset(&preset, 0, sizeof preset);
    assert_int_equal(parse(&doc, accepted[0], &e), DS_OK);
    policy_rules_preset(&preset);
    for (size_t i = 0; i < POLICY_N_ATTRS; i++) {
        assert_false(doc.is_given[i]);
        assert_int_equal(doc.rules.of[i].is_any, preset.of[i].is_any);
        assert_int_equal(doc.rules.of[i].number, preset.of[i].number);
        assert_int_equal(doc.rules.of[i].items.n, preset.of[i].items.n);
    }
}

static void values_arrive_in_the_rules(void **state)
{
    struct policy_document doc;
    struct ds_error e = { 0 };
    (void)state;
    assert_int_equal(
        parse(&doc,
              V "\"description\":\"d\",\"tcb_advisories\":[\"A\\u0042\",\"C\"],\"debug\":true,"
                "\"sgx\":{\"isvprodids\":[3,65535]},\"tdx\":{\"rtmr1\":[\"" O48 "\",\"" B48 "\"]},"
                "\"intel\":{\"max_tcb_age_s\":17}}",
              &e),
        DS_OK);
    const struct policy_rule *of = doc.rules.of;
    assert_true(ds_span_eq_str(doc.description, "d"));
    assert_true(doc.is_given[POLICY_ATTR_DEBUG] && of[POLICY_ATTR_DEBUG].number == 1);
    assert_int_equal(of[POLICY_ATTR_TCB_ADVISORIES].items.n, 2);
    assert_true(ds_span_eq_str(of[POLICY_ATTR_TCB_ADVISORIES].items.texts[0], "AB"));
    assert_false(of[POLICY_ATTR_TCB_ADVISORIES].spares_up_to_date);
    assert_int_equal(of[POLICY_ATTR_ISVPRODIDS].items.numbers[1], 65535);
    assert_int_equal(of[POLICY_ATTR_RTMR1].items.n, 2);
    assert_int_equal(of[POLICY_ATTR_RTMR1].items.bytes[47], 2);
    assert_int_equal(of[POLICY_ATTR_RTMR1].items.bytes[48], 1);
    assert_int_equal(of[POLICY_ATTR_TCB_AGE].number, 17);
    assert_int_equal(of[POLICY_ATTR_TEES].number, POLICY_TEE(DS_TEE_TDX) | POLICY_TEE(DS_TEE_SGX));
}

static char *many(size_t n)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    ds_buf_str(&text, V "\"sgx\":{\"isvprodids\":[0");
    for (size_t i = 1; i < n; i++)
        ds_buf_printf(&text, ",%zu", i);
    ds_buf_str(&text, "]}}");
    return ds_buf_take(&text);
}

static void lists_and_texts_have_bounds(void **state)
{
    struct policy_document doc;
    struct ds_error e = { 0 };
    DS_AUTO(ds_auto_free) char *most = many(POLICY_ITEMS_MAX);
    DS_AUTO(ds_auto_free) char *more = many(POLICY_ITEMS_MAX + 1);
    DS_AUTO(ds_auto_free) char *text = malloc(POLICY_DOCUMENT_MAX + 2);
    (void)state;
    assert_int_equal(parse(&doc, most, &e), DS_OK);
    assert_int_equal(parse(&doc, more, &e), DS_ERR_RANGE);
    assert_int_equal(e.code, NO(TOO_LARGE));
    assert_string_equal(e.detail.claim, "sgx.isvprodids");
    memset(text, ' ', POLICY_DOCUMENT_MAX + 1);
    text[POLICY_DOCUMENT_MAX + 1] = '\0';
    memcpy(text, accepted[0], strlen(accepted[0]));
    assert_int_equal(parse(&doc, text, &e), DS_ERR_RANGE);
    assert_int_equal(e.code, NO(TOO_LARGE));
    text[POLICY_DOCUMENT_MAX] = '\0';
    assert_int_equal(parse(&doc, text, &e), DS_OK);
}

/* Whatever is read within less memory than promised is the same, or nothing. */
static void memory_may_run_out(void **state)
{
    static const char text[] = V "\"tdx\":{\"mrtd\":[\"" B48 "\",\"" O48 "\"]},\"roots\":"
                                 "[\"Intel SGX Root C\\u0041\"],\"tcb_advisories\":[\"A\"],"
                                 "\"app\":{\"event_log\":true}}";
    struct ds_error e = { 0 };
    int r = DS_ERR_NOMEM;
    (void)state;
    for (size_t cap = 0; r != DS_OK; cap += 16) {
        struct policy_document doc;
        assert_true(cap < POLICY_DOCUMENT_MEM);
        mem = ds_arena_of(room, cap);
        r = policy_document_parse(&doc, &mem, ds_span_str(text), &e);
        if (r != DS_OK)
            assert_true(r == DS_ERR_NOMEM || r == DS_ERR_RANGE);
    }
}

static int set_up(void **state)
{
    (void)state;
    room = malloc(POLICY_DOCUMENT_MEM);
    return room != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(room);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_meant_is_refused),
        cmocka_unit_test(what_can_be_meant_is_read),
        cmocka_unit_test(silence_is_the_preset),
        cmocka_unit_test(values_arrive_in_the_rules),
        cmocka_unit_test(lists_and_texts_have_bounds),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
