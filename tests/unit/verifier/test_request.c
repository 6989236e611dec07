/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies: what is read, and what is refused with which claim.
 */
#include "verifier/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM ((size_t)1 << 16)

typedef int read_fn(struct verifier_input *ret, struct verifier_request *r, struct ds_arena *mem,
                    struct ds_span body, struct ds_error *e);

static max_align_t room[ROOM / sizeof(max_align_t)];

static void refuses(read_fn *read, const char *body, const char *claim)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct verifier_request r = { 0 };
    struct verifier_input in;
    struct ds_error e = { 0 };
    int got = read(&in, &r, &mem, ds_span_str(body), &e);
    if (got != DS_ERR_ARG || e.code != DS_CODE_RPC_BAD_REQUEST ||
        strcmp(e.detail.claim, claim) != 0)
        fail_msg("%s: %d %s claims '%s', not '%s'", body, got, e.msg, e.detail.claim, claim);
    verifier_request_done(&r);
}

static void malformed_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *compatible, *v1; /* the claims */
    } rows[] = {
        { "", "quote", "attestation" },
        { "{}", "quote", "attestation" },
        { "null", "quote", "attestation" },
        { "{", "body", "body" },
        { "[]", "body", "body" },
        { "{}{}", "body", "body" },
        { "{\"quote\":5}", "quote", "quote" },
        { "{\"quote\":\"0\"}", "quote", "quote" },
        { "{\"quote\":\"zz\"}", "quote", "quote" },
        { "{\"quote\":\"0x00\"}", "quote", "quote" },
        { "{\"quote\":\"00\",\"quote\":\"00\"}", "quote", "quote" },
        { "{\"attestation\":\"0x\"}", "attestation", "attestation" },
        { "{\"attestation\":[]}", "attestation", "attestation" },
        { "{\"quote\":\"00\",\"event_log\":{}}", "event_log", "event_log" },
        { "{\"quote\":\"00\",\"vm_config\":1}", "vm_config", "vm_config" },
        { "{\"quote\":\"00\",\"certificates\":5}", NULL, "certificates" },
        { "{\"evidence\":\"0\"}", "quote", "evidence" },
        { "{\"evidence\":\"0x00\"}", "quote", "evidence" },
        { "{\"evidence\":\"7b7d\"}", "quote", "quote" }, /* {}, a reply without a quote */
        { "{\"evidence\":\"7b2271756f7465223a223030227d\"}", "quote", "evidence" },
        { "{\"event_log\":\"[]\",\"vm_config\":\"{}\"}", "quote", "attestation" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        if (rows[i].compatible != NULL) /* its table has no such field */
            refuses(verifier_request_compatible, rows[i].body, rows[i].compatible);
        refuses(verifier_request_v1, rows[i].body, rows[i].v1);
    }
}

/* Evidence of any kind in one field; what its bytes are not is refused. */
static void any_evidence(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int r;
        enum ds_code code;
        size_t attestation, quote, certificate; /* lengths */
    } rows[] = {
        { "{\"evidence\":\"0001\"}", DS_OK, DS_CODE_NONE, 2, 0, 0 },
        { "{\"evidence\":\"040002008100000000\"}", DS_OK, DS_CODE_NONE, 0, 9, 0 },
        { "{\"evidence\":\"3000\",\"quote\":\"00\"}", DS_OK, DS_CODE_NONE, 0, 0, 2 },
        { "{\"evidence\":\"d28443a10126\"}", DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN,
          0, 0, 0 },
        { "{\"evidence\":\"827800\"}", DS_ERR_FORMAT, DS_CODE_CMW_FORMAT, 0, 0, 0 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        struct verifier_request r = { 0 };
        struct verifier_input in = { 0 };
        struct ds_error e = { 0 };
        int got = verifier_request_v1(&in, &r, &mem, ds_span_str(rows[i].body), &e);
        if (got != rows[i].r || (got < 0 && e.code != rows[i].code))
            fail_msg("%s: %d %s", rows[i].body, got, e.msg);
        if (got == DS_OK) {
            assert_int_equal(in.attestation.len, rows[i].attestation);
            assert_int_equal(in.quote.len, rows[i].quote);
            assert_int_equal(in.certificate.len, rows[i].certificate);
        }
        verifier_request_done(&r);
    }
}

static void malformed_expectations(void **state)
{
    (void)state;
    static const struct {
        const char *body, *claim;
    } rows[] = {
        { "{\"quote\":\"00\",\"nonce\":\"00000000000000\"}", "nonce" },
        { "{\"quote\":\"00\",\"nonce\":\"0x0000000000000000\"}", "nonce" },
        { "{\"quote\":\"00\",\"nonce\":\"0000000000000000\",\"report_data\":\"00\"}", "nonce" },
        { "{\"quote\":\"00\",\"report_data\":1}", "report_data" },
        { "{\"quote\":\"00\",\"collateral\":\"text\"}", "collateral" },
        { "{\"quote\":\"00\",\"collateral\":[]}", "collateral" },
        { "{\"quote\":\"00\",\"policy\":\"{}\"}", "policy" },
        { "{\"quote\":\"00\",\"policy\":[]}", "policy" },
        { "{\"quote\":\"00\",\"policy\":true}", "policy" },
        { "{\"certificate\":\"PEM\"}", "certificate" },
        { "{\"certificate\":5}", "certificate" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        refuses(verifier_request_v1, rows[i].body, rows[i].claim);
}

/* A policy that cannot be meant is the request's fault, named with its place. */
static void malformed_policies(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        enum ds_code code;
        const char *claim;
    } rows[] = {
        { "{}", DS_CODE_POLICY_DOCUMENT_VERSION, "version" },
        { "{\"version\":2}", DS_CODE_POLICY_DOCUMENT_VERSION, "version" },
        { "{\"version\":1.0}", DS_CODE_POLICY_DOCUMENT_VERSION, "version" },
        { "{\"version\":1,\"version\":1}", DS_CODE_POLICY_DOCUMENT_JSON, "" },
        { "{\"version\":1,\"mrtd\":[]}", DS_CODE_POLICY_DOCUMENT_UNKNOWN_KEY, "mrtd" },
        { "{\"version\":1,\"tdx\":{\"mrtd\":[\"00\"]}}", DS_CODE_POLICY_DOCUMENT_WRONG_VALUE,
          "tdx.mrtd[0]" },
        { "{\"version\":1,\"tdx\":null}", DS_CODE_POLICY_DOCUMENT_WRONG_TYPE, "tdx" },
        { "{\"version\":1,\"tees\":[]}", DS_CODE_POLICY_DOCUMENT_EMPTY_LIST, "tees" },
        { "{\"version\":1,\"tees\":[\"tdx\",\"tdx\"]}", DS_CODE_POLICY_DOCUMENT_DUPLICATE,
          "tees[1]" },
        { "{\"version\":1,\"tees\":[\"snp\"],\"sgx\":{}}", DS_CODE_POLICY_DOCUMENT_CONTRADICTION,
          "sgx" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        struct verifier_request r = { 0 };
        struct verifier_input in;
        struct ds_error e = { 0 };
        ds_buf_printf(&body, "{\"quote\":\"00\",\"policy\":%s}", rows[i].policy);
        int got = verifier_request_v1(&in, &r, &mem, ds_buf_span(&body), &e);
        if (got >= 0 || e.code != rows[i].code || strcmp(e.detail.claim, rows[i].claim) != 0)
            fail_msg("%s: %d %s, claim '%s'", rows[i].policy, got, e.msg, e.detail.claim);
        verifier_request_done(&r);
    }
}

/* Its name is of what it says, and not of how it is written. */
static void policies_have_names(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        /* SHA-256 of the canonical form, base64url: made with python's hashlib */
        const char *id;
    } rows[] = {
        { "{\"version\":1}", "ni:///sha-256;JDDxoq0pgtAGeIVIikyJ4hrR18g7EVuo8bIKzIjfrqg" },
        { " { \"version\" : 1 } ", "ni:///sha-256;JDDxoq0pgtAGeIVIikyJ4hrR18g7EVuo8bIKzIjfrqg" },
        { "{\"version\":1,\"debug\":true}",
          "ni:///sha-256;KB2iG8-g9iUTmvpms7UCwQbK2vE5C6Mij12obb3DXLk" },
        { "{\"debug\":true,\n\"\\u0076ersion\":1}",
          "ni:///sha-256;KB2iG8-g9iUTmvpms7UCwQbK2vE5C6Mij12obb3DXLk" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        struct verifier_request r = { 0 };
        struct verifier_input in;
        ds_buf_printf(&body, "{\"quote\":\"00\",\"policy\":%s}", rows[i].policy);
        assert_int_equal(verifier_request_v1(&in, &r, &mem, ds_buf_span(&body), NULL), DS_OK);
        assert_string_equal(in.policy->id, rows[i].id);
        verifier_request_done(&r);
        assert_int_equal(verifier_request_compatible(&in, &r, &mem, ds_buf_span(&body), NULL),
                         DS_OK);
        assert_null(in.policy); /* dstack's form has none */
        verifier_request_done(&r);
    }
}

static void whole_bodies(void **state)
{
    (void)state;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct verifier_request r = { 0 };
    struct verifier_input in;
    struct ds_error e = { 0 };
    static const char reply[] =
        "{\"quote\":\"0aFF\",\"event_log\":\"[]\",\"report_data\":\"0102\",\"vm_config\":\"{}\","
        "\"collateral\":{\"a\":\"\\u0041\"},\"unknown\":1,\"attestation\":null}";
    assert_int_equal(verifier_request_compatible(&in, &r, &mem, DS_SPAN_LIT(reply), &e), DS_OK);
    assert_int_equal(in.quote.len, 2);
    assert_memory_equal(in.quote.p, "\x0a\xff", 2);
    assert_true(ds_span_eq_str(in.event_log, "[]") && ds_span_eq_str(in.vm_config, "{}"));
    assert_int_equal(in.report_data64.len + in.collateral.len + in.attestation.len, 0);
    verifier_request_done(&r);
    assert_int_equal(verifier_request_v1(&in, &r, &mem, DS_SPAN_LIT(reply), &e), DS_OK);
    assert_int_equal(in.report_data64.len, 64); /* zeros filled in */
    assert_memory_equal(in.report_data64.p, "\x01\x02\x00\x00", 4);
    assert_true(ds_span_eq_str(in.collateral, "{\"a\":\"A\"}"));
    assert_null(in.policy);
    assert_false(in.is_collateral_evidence);
    verifier_request_done(&r);
    static const char both[] = "{\"attestation\":\"01\",\"quote\":\"02\",\"event_log\":\"x\"}";
    assert_int_equal(verifier_request_v1(&in, &r, &mem, DS_SPAN_LIT(both), &e), DS_OK);
    assert_int_equal(in.attestation.len, 1);
    assert_int_equal(in.quote.len + in.event_log.len, 0);
    verifier_request_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_bodies),       cmocka_unit_test(any_evidence),
        cmocka_unit_test(malformed_expectations), cmocka_unit_test(malformed_policies),
        cmocka_unit_test(policies_have_names),    cmocka_unit_test(whole_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
