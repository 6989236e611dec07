/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of evidence by media type and by their bytes; wrappers of them; and what
 * is none of these.
 */
#include "verifier/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/snp/report.h"
#include "attest/wrapper/cmw.h"

#define ROOM ((size_t)1 << 18)

#define ATTESTATION "application/vnd.dstack.attestation"
#define TDX         "application/vnd.dstack.tdx-quote"
#define SGX         "application/vnd.dstack.sgx-quote"
#define SNP         "application/vnd.dstack.snp-report"
#define REPLY       "application/vnd.dstack.quote+json"
#define CERT        "application/pkix-cert"
#define CMW_CBOR    "application/cmw+cbor"
#define CMW_JSON    "application/cmw+json"
#define ANY         "application/octet-stream"

#define TDX_BYTES DS_SPAN_LIT("\4\0\2\0\x81\0\0\0body")
#define SGX_BYTES DS_SPAN_LIT("\3\0\2\0\0\0\0\0body")

static max_align_t room[ROOM / sizeof(max_align_t)];
static struct verifier_request request;

static int read_it(struct verifier_input *ret, const char *type, struct ds_span body,
                   struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    verifier_request_done(&request);
    return evidence_read(ret, &request, &mem, evidence_media_find(type), body, e);
}

static void refuses(const char *type, struct ds_span body, int r, enum ds_code code)
{
    struct verifier_input in;
    struct ds_error e = { 0 };
    int got = read_it(&in, type, body, &e);
    if (got != r || e.code != code)
        fail_msg("%s of %zu bytes: %d %s", type, body.len, got, e.msg);
}

static void media_types(void **state)
{
    (void)state;
    static const struct {
        const char *type, *found;
    } rows[] = {
        { NULL, NULL },
        { "", NULL },
        { ATTESTATION, ATTESTATION },
        { "Application/VND.dstack.attestation;a=b", ATTESTATION },
        { "application/vnd.dstack.attestation2", NULL },
        { "application/vnd.dstack.attestatio", NULL },
        { "application/json", NULL },
        { CERT, CERT },
        { "application/cmw+cbor ; x=y", CMW_CBOR },
        { "application/cmw", NULL },
        { ANY, ANY },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const char *got = evidence_media_find(rows[i].type);
        assert_int_equal(got != NULL, rows[i].found != NULL);
        if (got != NULL)
            assert_string_equal(got, rows[i].found);
    }
    DS_AUTO(ds_buf_done) struct ds_buf list = { 0 };
    evidence_media_list(&list);
    assert_int_equal(ds_buf_end(&list, NULL, "list"), DS_OK);
    assert_non_null(strstr(list.p, ATTESTATION ", " TDX ", "));
    refuses("text/plain", DS_SPAN_LIT("x"), DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_MEDIA_TYPE);
    refuses(NULL, DS_SPAN_LIT("x"), DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_MEDIA_TYPE);
}

static void bytes_and_types(void **state)
{
    (void)state;
    static uint8_t report[DS_SNP_REPORT_LEN + 3] = { 3 };
    const struct {
        const char *type;
        struct ds_span body;
        size_t attestation, quote, certificates, certificate;
    } rows[] = {
        { ATTESTATION, DS_SPAN_LIT("\0\1"), 2, 0, 0, 0 },
        { ATTESTATION, DS_SPAN_LIT("\x83\xa7version"), 9, 0, 0, 0 },
        { TDX, TDX_BYTES, 0, 12, 0, 0 },
        { SGX, SGX_BYTES, 0, 12, 0, 0 },
        { SNP, DS_SPAN(report, DS_SNP_REPORT_LEN), 0, DS_SNP_REPORT_LEN, 0, 0 },
        { SNP, DS_SPAN_OF(report), 0, DS_SNP_REPORT_LEN, 3, 0 },
        { CERT, DS_SPAN_LIT("\x30\0"), 0, 0, 0, 2 },
        { REPLY, DS_SPAN_LIT("{\"quote\":\"0102\"}"), 0, 2, 0, 0 },
        { REPLY, DS_SPAN_LIT("{\"attestation\":\"0102\"}"), 2, 0, 0, 0 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct verifier_input in;
        struct ds_error e = { 0 };
        const char *const types[] = { rows[i].type, ANY };
        for (size_t t = 0; t < DS_LEN(types); t++) {
            if (read_it(&in, types[t], rows[i].body, &e) < 0)
                fail_msg("row %zu as %s: %s", i, types[t], e.msg);
            assert_int_equal(in.attestation.len, rows[i].attestation);
            assert_int_equal(in.quote.len, rows[i].quote);
            assert_int_equal(in.certificates.len, rows[i].certificates);
            assert_int_equal(in.certificate.len, rows[i].certificate);
        }
        for (size_t t = 0; t < DS_LEN(rows); t++) { /* every other type lies */
            if (strcmp(rows[t].type, rows[i].type) != 0)
                refuses(rows[t].type, rows[i].body, DS_ERR_UNSUPPORTED,
                        DS_CODE_VERIFIER_EVIDENCE_UNKNOWN);
        }
    }
}

static void what_is_none(void **state)
{
    (void)state;
    static uint8_t short_report[DS_SNP_REPORT_LEN - 1] = { 3 };
    const struct ds_span rows[] = {
        DS_SPAN_LIT("x"),
        DS_SPAN_LIT("\0"),
        DS_SPAN_LIT("\4\0\2\0\x81\0\0"),       /* a quote cut short */
        DS_SPAN_LIT("\2\0\2\0\x81\0\0\0"),     /* version 2 */
        DS_SPAN_LIT("\6\0\2\0\x81\0\0\0"),     /* version 6 */
        DS_SPAN_LIT("\4\0\0\0\x81\0\0\0"),     /* no key type */
        DS_SPAN_LIT("\x84\x44\xa1\1\x38\x22"), /* COSE_Sign1: AWS Nitro */
        DS_SPAN_LIT("\xd2\x84\x43\xa1\1\x26"), /* the same behind its tag: PSA */
        DS_SPAN_LIT("\xd9\1\x8f\xa2"),         /* tag 399: Arm CCA */
        DS_SPAN_LIT("\xffTCG\x80\x18"),        /* TPMS_ATTEST */
        DS_SPAN_LIT("\x85\1\2\3\4\5"),
        DS_SPAN_LIT("-----BEGIN PUBLIC KEY-----"),
        DS_SPAN_LIT(" {}"),
        DS_SPAN_OF(short_report),
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        refuses(ANY, rows[i], DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN);
    for (size_t i = 0; evidence_media_types[i] != NULL; i++)
        refuses(evidence_media_types[i], (struct ds_span){ 0 }, DS_ERR_ARG,
                DS_CODE_RPC_BAD_REQUEST);
    refuses(CERT, DS_SPAN_LIT("-----BEGIN CERTIFICATE-----\nx"), DS_ERR_ARG,
            DS_CODE_RPC_BAD_REQUEST);
    refuses(REPLY, DS_SPAN_LIT("{}"), DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST);
    refuses(CMW_CBOR, DS_SPAN_LIT("\x82\x60"), DS_ERR_FORMAT, DS_CODE_CMW_FORMAT);
    refuses(CMW_JSON, DS_SPAN_LIT("[]"), DS_ERR_FORMAT, DS_CODE_CMW_FORMAT);
}

static struct ds_cmw_record record(const char *type, struct ds_span value, uint32_t ind)
{
    return (struct ds_cmw_record){ DS_CMW_NO_FORMAT, ds_span_str(type), value, ind };
}

/* In both forms, by type and by bytes; a collection of JSON is an object, which only its type tells. */
static void wrapped(const struct ds_cmw *cmw, int r, enum ds_code code, size_t quote,
                    size_t collateral)
{
    DS_AUTO(ds_buf_done) struct ds_buf cbor = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    assert_int_equal(ds_cmw_encode_cbor(&cbor, cmw, NULL), DS_OK);
    assert_int_equal(ds_cmw_encode_json(&json, cmw, NULL), DS_OK);
    const struct {
        const char *type;
        struct ds_span body;
    } rows[] = {
        { CMW_CBOR, ds_buf_span(&cbor) },
        { ANY, ds_buf_span(&cbor) },
        { CMW_JSON, ds_buf_span(&json) },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct verifier_input in;
        struct ds_error e = { 0 };
        int got = read_it(&in, rows[i].type, rows[i].body, &e);
        if (got != r || e.code != code)
            fail_msg("row %zu: %d %s", i, got, e.msg);
        if (got == DS_OK) {
            assert_int_equal(in.quote.len, quote);
            assert_int_equal(in.collateral.len, collateral);
            assert_int_equal(in.is_collateral_evidence, collateral > 0);
        }
    }
}

static void records(void **state)
{
    (void)state;
    struct verifier_input in;
    struct ds_error e = { 0 };
    const struct ds_cmw rows[] = {
        { .record = record(TDX, TDX_BYTES, 0) },
        { .record = record(SGX, SGX_BYTES, DS_CMW_EVIDENCE) },
        { .record = record(TDX, TDX_BYTES, DS_CMW_ENDORSEMENTS) },
        { .record = record(SGX, TDX_BYTES, 0) },
        { .record = record("application/eat+cwt", TDX_BYTES, 0) },
        { .record = record(CMW_CBOR, DS_SPAN_LIT("\x82\x60\x40"), 0) },
        { .record = record(ANY, TDX_BYTES, 0) },
    };
    wrapped(&rows[0], DS_OK, DS_CODE_NONE, 12, 0);
    wrapped(&rows[1], DS_OK, DS_CODE_NONE, 12, 0);
    wrapped(&rows[2], DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN, 0, 0);
    wrapped(&rows[3], DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN, 0, 0);
    for (size_t i = 4; i < DS_LEN(rows); i++)
        wrapped(&rows[i], DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_MEDIA_TYPE, 0, 0);
    /* A record by content format: none is registered for these. */
    assert_int_equal(read_it(&in, CMW_CBOR, DS_SPAN_LIT("\x82\x18\x3c\x41\x00"), &e),
                     DS_ERR_UNSUPPORTED);
    assert_int_equal(e.code, DS_CODE_VERIFIER_MEDIA_TYPE);
}

static void collections(void **state)
{
    (void)state;
    static const char set[] = "application/vnd.dstack.collateral+json";
    struct ds_cmw_entry entries[3] = {
        { .label = DS_SPAN_LIT("a"), .cmw = { .record = record(TDX, TDX_BYTES, DS_CMW_EVIDENCE) } },
        { .label = DS_SPAN_LIT("b"),
          .cmw = { .record = record(set, DS_SPAN_LIT("{}"), DS_CMW_ENDORSEMENTS) } },
        { .label = DS_SPAN_LIT("c"),
          .cmw = { .record = record("x/y", DS_SPAN_LIT("z"), DS_CMW_REFERENCE_VALUES) } },
    };
    struct ds_cmw cmw = { .kind = DS_CMW_COLLECTION, .entries = entries, .n_entries = 3 };
    wrapped(&cmw, DS_OK, DS_CODE_NONE, 12, 2);
    const struct ds_cmw_entry outer = { .label = DS_SPAN_LIT("d"), .cmw = cmw };
    const struct ds_cmw nested = { .kind = DS_CMW_COLLECTION, .entries = &outer, .n_entries = 1 };
    wrapped(&nested, DS_OK, DS_CODE_NONE, 12, 2);
    entries[2].cmw.record = record(SGX, SGX_BYTES, DS_CMW_EVIDENCE);
    wrapped(&cmw, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN, 0, 0);
    cmw.entries = &entries[1];
    cmw.n_entries = 1;
    wrapped(&cmw, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN, 0, 0);
}

static int teardown(void **state)
{
    (void)state;
    verifier_request_done(&request);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(media_types),  cmocka_unit_test(bytes_and_types),
        cmocka_unit_test(what_is_none), cmocka_unit_test(records),
        cmocka_unit_test(collections),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
