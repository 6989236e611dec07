/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence in certificates: found where each form puts it, written as it is read,
 * the first of several taken, and refused where it is not built as it must be.
 */
#include "attest/wrapper/cert_evidence.h"

#include "attest/wrapper/cert_ext.h"
#include "attest/wrapper/cmw.h"
#include "codec/cbor.h"
#include "crypto/cert.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "unhex.h"

#define DSTACK_8 DS_SPAN_LIT("\x2b\x06\x01\x04\x01\x83\xe7\x3d\x01\x08")
#define DSTACK_1 DS_SPAN_LIT("\x2b\x06\x01\x04\x01\x83\xe7\x3d\x01\x01")
#define IETF     DS_SPAN_LIT("\x2b\x06\x01\x05\x05\x07\x01\x23")
#define TCG      DS_SPAN_LIT("\x67\x81\x05\x05\x04\x09")

static const char json_cmw[] = "[\"application/vnd.dstack.tdx-quote\",\"cXVvdGU\",4]";

static int find_in(struct ds_cert_evidence *ret, struct ds_span oid, struct ds_span value,
                   struct ds_error *e)
{
    const struct ds_x509 cert = { .extensions = { { oid, value, false } }, .n_extensions = 1 };
    return ds_cert_evidence_find(ret, &cert, e);
}

/* Every form in a certificate that was made and parsed, critical or not. */
static void each_form_is_found(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    uint8_t spki[DS_P256_SPKI_LEN];
    assert_ok(ds_p256_key_new(&key, &e));
    ds_p256_key_spki(spki, key);
    DS_AUTO(ds_buf_done) struct ds_buf cbor = { 0 }, claims = { 0 };
    struct ds_buf values[6] = { 0 };
    const struct ds_cmw cmw = { .record = { .content_format = DS_CMW_NO_FORMAT,
                                            .type = DS_SPAN_LIT("application/vnd.dstack.tdx-quote"),
                                            .value = DS_SPAN_LIT("quote"),
                                            .ind = DS_CMW_EVIDENCE } };
    assert_ok(ds_cmw_encode_cbor(&cbor, &cmw, &e));
    assert_ok(
        ds_dice_claims_encode(&claims, DS_DICE_SHA256, DS_SPAN_OF(spki), DS_SPAN_LIT("nonce"), &e));
    struct ds_span json = DS_SPAN(json_cmw, sizeof json_cmw - 1);
    ds_cert_ext_encode(&values[0], DS_SPAN_LIT("quote"));
    ds_pe_cmw_encode_cbor(&values[1], ds_buf_span(&cbor));
    ds_pe_cmw_encode_json(&values[2], json);
    ds_dice_cmw_encode(&values[3], ds_buf_span(&cbor));
    ds_dice_cmw_encode(&values[4], json);
    ds_tagged_quote_encode(&values[5], DS_SPAN_LIT("quote"), ds_buf_span(&claims));
    const struct {
        const char *oid;
        enum ds_cert_evidence_kind kind;
        struct ds_span bytes;
    } rows[] = {
        { ds_cert_ext_oid(DS_CERT_EXT_ATTESTATION), DS_CERT_EVIDENCE_ATTESTATION,
          DS_SPAN_LIT("quote") },
        { DS_OID_PE_CMW, DS_CERT_EVIDENCE_CMW_CBOR, ds_buf_span(&cbor) },
        { DS_OID_PE_CMW, DS_CERT_EVIDENCE_CMW_JSON, json },
        { DS_OID_DICE_CMW, DS_CERT_EVIDENCE_CMW_CBOR, ds_buf_span(&cbor) },
        { DS_OID_DICE_CMW, DS_CERT_EVIDENCE_CMW_JSON, json },
        { DS_OID_DICE_CMW, DS_CERT_EVIDENCE_TAGGED_QUOTE, DS_SPAN_LIT("quote") },
    };
    for (size_t i = 0; i < 2 * DS_LEN(rows); i++) {
        const size_t at = i / 2;
        DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
        const struct ds_cert_ext ext = { rows[at].oid, i % 2 == 1, ds_buf_span(&values[at]) };
        const struct ds_cert_spec spec = { .subject = { .cn = "x" },
                                           .spki = DS_SPAN_OF(spki),
                                           .not_after_s = 1,
                                           .exts = &ext,
                                           .n_exts = 1 };
        struct ds_x509 cert;
        struct ds_cert_evidence got;
        bool is_of = false;
        assert_ok(ds_cert_make(&der, &spec, (struct ds_span){ 0 }, key, &e));
        assert_ok(ds_x509_parse(&cert, ds_buf_span(&der), &e));
        assert_ok(ds_cert_evidence_find(&got, &cert, &e));
        assert_int_equal(got.kind, rows[at].kind);
        assert_true(ds_span_eq(got.bytes, rows[at].bytes));
        assert_true(ds_span_eq(ds_x509_find(&cert, got.oid)->value, ds_buf_span(&values[at])));
        assert_int_equal(ds_x509_check_critical(&cert, &e), i % 2 == 1 ? DS_ERR_UNTRUSTED : DS_OK);
        assert_ok(ds_x509_check_critical_but(&cert, got.oid, &e));
        if (got.kind != DS_CERT_EVIDENCE_TAGGED_QUOTE)
            continue;
        assert_true(ds_span_eq(got.tagged.claims, ds_buf_span(&claims)));
        assert_true(ds_span_eq_str(got.tagged.nonce, "nonce"));
        assert_ok(ds_tagged_quote_is_of(&is_of, &got.tagged, cert.spki, &e));
        assert_true(is_of);
        assert_ok(ds_tagged_quote_is_of(&is_of, &got.tagged, DS_SPAN_LIT("other"), &e));
        assert_false(is_of);
    }
    for (size_t i = 0; i < DS_LEN(values); i++)
        ds_buf_done(&values[i]);
}

/* As the specification lays the bytes out, and as Gramine and Intel's SGX SDK write them. */
static void tagged_quote_on_the_wire(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    static const struct {
        enum ds_dice_hash id;
        enum ds_hash_alg alg;
        const char *head;
    } rows[] = {
        { DS_DICE_SHA256, DS_SHA256, "a16b7075626b65792d68617368582482015820" },
        { DS_DICE_SHA384, DS_SHA384, "a16b7075626b65792d68617368583482075830" },
        { DS_DICE_SHA512, DS_SHA512, "a16b7075626b65792d68617368584482085840" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf claims = { 0 }, want = { 0 }, value = { 0 };
        struct unhex head = unhex(rows[i].head);
        uint8_t digest[DS_HASH_MAX], report_data64[64], want64[64] = { 0 };
        struct ds_tagged_quote q;
        assert_ok(ds_hash(rows[i].alg, digest, DS_SPAN_LIT("key"), &e));
        ds_buf_add(&want, unhex_span(&head));
        ds_buf_add(&want, DS_SPAN(digest, ds_hash_len(rows[i].alg)));
        assert_ok(ds_dice_claims_encode(&claims, rows[i].id, DS_SPAN_LIT("key"),
                                        (struct ds_span){ 0 }, &e));
        assert_true(ds_span_eq(ds_buf_span(&claims), ds_buf_span(&want)));
        ds_tagged_quote_encode(&value, DS_SPAN_LIT("quote"), ds_buf_span(&claims));
        assert_ok(ds_tagged_quote_parse(&q, ds_buf_span(&value), &e));
        assert_int_equal(q.key_hash_alg, rows[i].id);
        assert_true(ds_span_eq(q.key_hash, DS_SPAN(digest, ds_hash_len(rows[i].alg))));
        assert_null(q.nonce.p);
        assert_ok(ds_hash(DS_SHA256, want64, q.claims, &e));
        assert_ok(ds_dice_report_data(report_data64, q.claims, &e));
        assert_memory_equal(report_data64, want64, 64);
        for (size_t len = 0; len < value.len; len++)
            assert_int_equal(ds_tagged_quote_parse(&q, DS_SPAN(value.p, len), &e), DS_ERR_FORMAT);
        ds_buf_char(&value, '\0');
        assert_int_equal(ds_tagged_quote_parse(&q, ds_buf_span(&value), &e), DS_ERR_FORMAT);
    }
    DS_AUTO(ds_buf_done) struct ds_buf none = { 0 };
    assert_int_equal(ds_dice_claims_encode(&none, (enum ds_dice_hash)2, DS_SPAN_LIT("key"),
                                           (struct ds_span){ 0 }, &e),
                     DS_ERR_RANGE);
    assert_int_equal(none.len, 0);
}

#define KEY   "6b7075626b65792d68617368" /* text "pubkey-hash" */
#define HASH4 "00112233"
#define HASH  HASH4 HASH4 HASH4 HASH4 HASH4 HASH4 HASH4 HASH4
#define ENTRY "582482015820" HASH
#define GOOD  "a1" KEY ENTRY

static void claims_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *claims;
        bool is_good;
    } rows[] = {
        { "one claim", GOOD, true },
        { "with a nonce", "a2656e6f6e636540" KEY ENTRY, true },
        { "others are passed over", "a2" KEY ENTRY "656b65795f304178", true },
        { "an order of their own", "a2" KEY ENTRY "656e6f6e63654101", true },
        { "nothing", "", false },
        { "no map", "8301", false },
        { "an empty map", "a0", false },
        { "no hash of the key", "a1656e6f6e63654101", false },
        { "twice", "a2" KEY ENTRY KEY ENTRY, false },
        { "a byte behind", GOOD "00", false },
        { "an indefinite map", "bf" KEY ENTRY "ff", false },
        { "a hash entry that is no bytes", "a1" KEY "82015820" HASH, false },
        { "a hash entry of one", "a1" KEY "428101", false },
        { "a hash entry of three", "a1" KEY "582583015820" HASH "00", false },
        { "a byte behind a hash entry", "a1" KEY "582582015820" HASH "00", false },
        { "a hash that is a text", "a1" KEY "582482017820" HASH, false },
        { "an algorithm that nobody knows", "a1" KEY "582482025820" HASH, false },
        { "an algorithm below zero", "a1" KEY "582482205820" HASH, false },
        { "a hash shorter than its algorithm",
          "a1" KEY "45820142"
          "aabb",
          false },
        { "SHA-384 of 32 bytes", "a1" KEY "582482075820" HASH, false },
        { "a length that is not the shortest",
          "a1" KEY "5900"
          "2482015820" HASH,
          false },
        { "a nonce that is a text", "a2656e6f6e63656178" KEY ENTRY, false },
        { "a key that is bytes",
          "a1"
          "4b7075626b65792d68617368" ENTRY,
          false },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct unhex claims = unhex(rows[i].claims);
        struct ds_tagged_quote q = { .quote = DS_SPAN_LIT("untouched") };
        DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
        ds_tagged_quote_encode(&value, DS_SPAN_LIT("quote"), unhex_span(&claims));
        int r = ds_tagged_quote_parse(&q, ds_buf_span(&value), &e);
        if ((r == DS_OK) != rows[i].is_good)
            fail_msg("%s: %s", rows[i].what, e.msg);
        if (rows[i].is_good)
            continue;
        assert_int_equal(e.code, DS_CODE_WRAPPER_FORMAT);
        assert_true(ds_span_eq_str(q.quote, "untouched"));
    }
}

static void values_that_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *what;
        struct ds_span oid;
        const char *value;
        enum ds_cert_evidence_kind kind; /* NONE: refused */
    } rows[] = {
        { "wrapper as CBOR", IETF, "0401a0", DS_CERT_EVIDENCE_CMW_CBOR },
        { "wrapper as JSON", IETF, "0c017b", DS_CERT_EVIDENCE_CMW_JSON },
        { "nothing", IETF, "", DS_CERT_EVIDENCE_NONE },
        { "no wrapper in it", IETF, "0400", DS_CERT_EVIDENCE_NONE },
        { "no JSON in it", IETF, "0c00", DS_CERT_EVIDENCE_NONE },
        { "another string", IETF, "130161", DS_CERT_EVIDENCE_NONE },
        { "bare CBOR", IETF, "a0", DS_CERT_EVIDENCE_NONE },
        { "a byte behind", IETF, "0401a000", DS_CERT_EVIDENCE_NONE },
        { "cut short", IETF, "0402a0", DS_CERT_EVIDENCE_NONE },
        { "a long length", IETF, "048101a0", DS_CERT_EVIDENCE_NONE },
        { "TCG's form under IETF's number", IETF, "30030401a0", DS_CERT_EVIDENCE_NONE },
        { "a tagged quote under IETF's number", IETF,
          "d9ea60824171"
          "5833" GOOD,
          DS_CERT_EVIDENCE_NONE },
        { "wrapper in a SEQUENCE", TCG, "30030401a0", DS_CERT_EVIDENCE_CMW_CBOR },
        { "record as JSON", TCG, "300304015b", DS_CERT_EVIDENCE_CMW_JSON },
        { "nothing for TCG", TCG, "", DS_CERT_EVIDENCE_NONE },
        { "an empty SEQUENCE", TCG, "3000", DS_CERT_EVIDENCE_NONE },
        { "a SEQUENCE of nothing", TCG, "30020400", DS_CERT_EVIDENCE_NONE },
        { "a SEQUENCE of two", TCG, "30060401a00401a0", DS_CERT_EVIDENCE_NONE },
        { "a SEQUENCE of a text", TCG, "30030c017b", DS_CERT_EVIDENCE_NONE },
        { "a SEQUENCE and more", TCG, "30030401a000", DS_CERT_EVIDENCE_NONE },
        { "no SEQUENCE", TCG, "0401a0", DS_CERT_EVIDENCE_NONE },
        { "another tag", TCG, "d9ea6182417141a0", DS_CERT_EVIDENCE_NONE },
        { "a tag alone", TCG, "d9ea60", DS_CERT_EVIDENCE_NONE },
        { "one element", TCG, "d9ea60814171", DS_CERT_EVIDENCE_NONE },
        { "three elements", TCG,
          "d9ea60834171"
          "5833" GOOD "4100",
          DS_CERT_EVIDENCE_NONE },
        { "no quote", TCG,
          "d9ea608240"
          "5833" GOOD,
          DS_CERT_EVIDENCE_NONE },
        { "a quote that is a text", TCG,
          "d9ea60826171"
          "5833" GOOD,
          DS_CERT_EVIDENCE_NONE },
        { "a quote", TCG,
          "d9ea60824171"
          "5833" GOOD,
          DS_CERT_EVIDENCE_TAGGED_QUOTE },
        { "attestation", DSTACK_8, "040100", DS_CERT_EVIDENCE_ATTESTATION },
        { "attestation, wrapped once", DSTACK_8, "00", DS_CERT_EVIDENCE_NONE },
        { "quote of old", DSTACK_1, "040104", DS_CERT_EVIDENCE_LEGACY },
        { "empty quote of old", DSTACK_1, "0400", DS_CERT_EVIDENCE_NONE },
        { "quote of old, wrapped once", DSTACK_1, "04", DS_CERT_EVIDENCE_NONE },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct unhex value = unhex(rows[i].value);
        struct ds_cert_evidence got = { .kind = DS_CERT_EVIDENCE_NONE };
        int r = find_in(&got, rows[i].oid, unhex_span(&value), &e);
        if (got.kind != rows[i].kind || (r == DS_OK) != (rows[i].kind != DS_CERT_EVIDENCE_NONE))
            fail_msg("%s: kind %d, %s", rows[i].what, (int)got.kind, e.msg);
        if (r < 0)
            assert_int_equal(e.code, DS_CODE_WRAPPER_FORMAT);
    }
}

static void the_first_place_counts(void **state)
{
    (void)state;
    static const struct ds_x509 all = {
        .extensions = { { { (const uint8_t *)"\x2b\x06\x01\x04\x01\x83\xe7\x3d\x01\x02", 10 },
                          { (const uint8_t *)"\x04\x02[]", 4 },
                          false },
                        { { (const uint8_t *)"\x2b\x06\x01\x04\x01\x83\xe7\x3d\x01\x01", 10 },
                          { (const uint8_t *)"\x04\x01\x04", 3 },
                          false },
                        { { (const uint8_t *)"\x67\x81\x05\x05\x04\x09", 6 },
                          { (const uint8_t *)"\x30\x03\x04\x01\xa0", 5 },
                          false },
                        { { (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x01\x23", 8 },
                          { (const uint8_t *)"\x0c\x01{", 3 },
                          false },
                        { { (const uint8_t *)"\x2b\x06\x01\x04\x01\x83\xe7\x3d\x01\x08", 10 },
                          { (const uint8_t *)"\x04\x01\x00", 3 },
                          false } },
    };
    static const enum ds_cert_evidence_kind want[] = {
        DS_CERT_EVIDENCE_NONE, /* a log without a quote is no evidence */
        DS_CERT_EVIDENCE_LEGACY,   DS_CERT_EVIDENCE_CMW_CBOR,
        DS_CERT_EVIDENCE_CMW_JSON, DS_CERT_EVIDENCE_ATTESTATION,
    };
    for (size_t n = 1; n <= DS_LEN(want); n++) {
        struct ds_error e = { 0 };
        struct ds_cert_evidence got;
        struct ds_x509 cert = all;
        cert.n_extensions = n;
        assert_ok(ds_cert_evidence_find(&got, &cert, &e));
        assert_int_equal(got.kind, want[n - 1]);
        assert_int_equal(got.event_log.len, got.kind == DS_CERT_EVIDENCE_LEGACY ? 2 : 0);
    }
    /* What is there and malformed is not passed over for what comes behind. */
    struct ds_x509 cert = all;
    struct ds_cert_evidence got;
    struct ds_error e = { 0 };
    cert.n_extensions = DS_LEN(want);
    cert.extensions[4].value.len = 2;
    assert_int_equal(ds_cert_evidence_find(&got, &cert, &e), DS_ERR_FORMAT);
    cert = all;
    cert.n_extensions = 2;
    cert.extensions[0].value.len = 3;
    assert_int_equal(ds_cert_evidence_find(&got, &cert, &e), DS_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_found),      cmocka_unit_test(tagged_quote_on_the_wire),
        cmocka_unit_test(claims_that_are_refused), cmocka_unit_test(values_that_are_refused),
        cmocka_unit_test(the_first_place_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
