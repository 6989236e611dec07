/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed token as COSE_Sign1. What the message itself can have wrong is in
 * attest/test_cose.c; here are tags, types and the claims under a signature.
 */
#include "ear/cwt.h"

#include "kit.h"

static struct ear got;

static int open(struct ds_span token, const struct ds_cose_key *key, struct ds_error *e)
{
    struct ds_arena mem = kit_mem();
    return ear_cwt_open(&got, &mem, token, key, e);
}

static void token_of(struct ds_buf *ret, struct ds_span headers, struct ds_span unprotected,
                     struct ds_span payload)
{
    struct ds_error e = { 0 };
    struct ds_cose_tbs tbs;
    uint8_t sig64[64];
    DS_AUTO(ds_buf_done) struct ds_buf all = { 0 };
    ds_cose_tbs_init(&tbs, headers, (struct ds_span){ 0 }, payload);
    for (size_t i = 0; i < DS_LEN(tbs.parts); i++)
        ds_buf_add(&all, tbs.parts[i]);
    assert_ok(ds_p256_sign(sig64, kit_signer, ds_buf_span(&all), &e));
    ds_cbor_put_tag(ret, 18);
    ds_cbor_put_array(ret, 4);
    ds_cbor_put_bytes(ret, headers);
    ds_buf_add(ret, unprotected);
    ds_cbor_put_bytes(ret, payload);
    ds_cbor_put_bytes(ret, DS_SPAN_OF(sig64));
}

static void made_and_read(void **state)
{
    (void)state;
    static struct ear ear;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf token = { 0 }, with_kid = { 0 }, tagged = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf again = { 0 }, want = { 0 };
    kit_ear(&ear);
    assert_ok(ear_cwt_sign(&token, &ear, kit_signer, NULL, &e));
    assert_ok(open(ds_buf_span(&token), &kit_key, &e));
    assert_ok(ear_encode(&again, &got, FORM_CBOR, &e));
    assert_ok(ear_encode(&want, &ear, FORM_CBOR, &e));
    assert_true(ds_span_eq(ds_buf_span(&again), ds_buf_span(&want)));
    assert_ok(ear_cwt_sign(&with_kid, &ear, kit_signer, "key 1", &e));
    assert_true(with_kid.len == token.len + 7);
    assert_ok(open(ds_buf_span(&with_kid), &kit_key, &e));
    ds_cbor_put_tag(&tagged, 61);
    ds_buf_add(&tagged, ds_buf_span(&token));
    assert_ok(open(ds_buf_span(&tagged), &kit_key, &e));
    assert_ok(open(DS_SPAN(token.p + 1, token.len - 1), &kit_key, &e)); /* no tag at all */
    ear.iat_s = 0;
    assert_int_equal(ear_cwt_sign(&token, &ear, kit_signer, NULL, &e), DS_ERR_RANGE);
}

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *headers, *unprotected;
        enum ds_code code;
    } rows[] = {
        { "the least", "a10126", "a0", DS_CODE_NONE },
        { "its content format", "a2012610190107", "a0", DS_CODE_NONE },
        { "its media type",
          "a201261073"
          "6170706c69636174696f6e2f6561742b637774",
          "a0", DS_CODE_NONE },
        { "its type in capitals",
          "a20126106745"
          "41542b435754",
          "a0", DS_CODE_NONE },
        { "a kid and a content type", "a10126", "a20441310319010b", DS_CODE_NONE },
        { "another content format", "a2012610190106", "a0", DS_CODE_EAR_TYPE },
        { "another type, not signed", "a10126", "a110613f", DS_CODE_EAR_TYPE },
        { "JWT's type", "a2012610676561742b6a7774", "a0", DS_CODE_EAR_TYPE },
        { "a type of bytes",
          "a201261041"
          "00",
          "a0", DS_CODE_EAR_TYPE },
        { "crit", "a20126028104", "a0", DS_CODE_COSE_CRITICAL },
        { "no algorithm", "a0", "a10126", DS_CODE_COSE_ALGORITHM },
    };
    static struct ear ear;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf payload = { 0 };
    kit_ear(&ear);
    assert_ok(ear_encode(&payload, &ear, FORM_CBOR, &e));
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex prot = unhex(rows[i].headers), unprot = unhex(rows[i].unprotected);
        DS_AUTO(ds_buf_done) struct ds_buf token = { 0 };
        token_of(&token, unhex_span(&prot), unhex_span(&unprot), ds_buf_span(&payload));
        int r = open(ds_buf_span(&token), &kit_key, &e);
        if ((r == DS_OK) != (rows[i].code == DS_CODE_NONE) || (r < 0 && e.code != rows[i].code))
            fail_msg("%s: %d %s: %s", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
    }
}

static void tags_and_payloads_refused(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    static struct ear ear;
    DS_AUTO(ds_buf_done) struct ds_buf token = { 0 };
    kit_ear(&ear);
    assert_ok(ear_cwt_sign(&token, &ear, kit_signer, NULL, &e));
    static const struct {
        const char *name, *front; /* in the place of tag 18 */
    } rows[] = {
        { "CWT's tag before no tag", "d83d" },        { "CWT's tag twice", "d83dd83dd2" },
        { "CWT's tag before COSE_Mac0's", "d83dd1" }, { "COSE_Sign's tag", "d862" },
        { "COSE's tag before CWT's", "d2d83d" },      { "an array around it", "81d2" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex front = unhex(rows[i].front);
        DS_AUTO(ds_buf_done) struct ds_buf bad = { 0 };
        ds_buf_add(&bad, unhex_span(&front));
        ds_buf_add(&bad, DS_SPAN(token.p + 1, token.len - 1));
        int r = open(ds_buf_span(&bad), &kit_key, &e);
        if (r >= 0 || e.code != DS_CODE_COSE_FORMAT)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
    static const struct {
        const char *name, *payload;
        enum ds_code code;
    } payloads[] = {
        { "an empty map", "a0", DS_CODE_EAR_PROFILE },
        { "nothing", "", DS_CODE_EAR_FORMAT },
        { "an array", "80", DS_CODE_EAR_FORMAT },
        { "claims and a byte", "a000", DS_CODE_EAR_FORMAT },
        { "a claim twice", "a206010601", DS_CODE_EAR_FORMAT },
        { "JSON", "7b7d", DS_CODE_EAR_FORMAT },
    };
    for (size_t i = 0; i < DS_LEN(payloads); i++) {
        struct unhex payload = unhex(payloads[i].payload);
        DS_AUTO(ds_buf_done) struct ds_buf bad = { 0 };
        token_of(&bad, DS_SPAN_LIT("\xa1\x01\x26"), DS_SPAN_LIT("\xa0"), unhex_span(&payload));
        int r = open(ds_buf_span(&bad), &kit_key, &e);
        if (r >= 0 || e.code != payloads[i].code)
            fail_msg("%s: %d %s", payloads[i].name, r, e.msg);
    }
    DS_AUTO(ds_buf_done) struct ds_buf large = { 0 };
    for (size_t i = 0; i <= EAR_TOKEN_MAX; i++)
        ds_buf_char(&large, '\0');
    assert_int_equal(open(ds_buf_span(&large), &kit_key, &e), DS_ERR_RANGE);
}

static void every_change_is_noticed(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf token = { 0 };
    token_of(&token, DS_SPAN_LIT("\xa1\x01\x26"), DS_SPAN_LIT("\xa0"), DS_SPAN_LIT("\xa0"));
    assert_int_equal(open(ds_buf_span(&token), &kit_key, &e), DS_ERR_UNSUPPORTED);
    assert_int_equal(e.code, DS_CODE_EAR_PROFILE); /* so the signature was accepted */
    for (size_t bit = 0; bit < 8 * token.len; bit++) {
        token.p[bit / 8] = (char)(token.p[bit / 8] ^ 1 << bit % 8);
        if (open(ds_buf_span(&token), &kit_key, &e) >= 0 || e.code == DS_CODE_EAR_PROFILE)
            fail_msg("bit %zu", bit);
        token.p[bit / 8] = (char)(token.p[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t len = 0; len < token.len; len++)
        assert_true(open(DS_SPAN(token.p, len), &kit_key, &e) < 0 && e.code != DS_CODE_EAR_PROFILE);
}

static void other_keys(void **state)
{
    (void)state;
    static struct ear ear;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf token = { 0 };
    kit_ear(&ear);
    struct ds_p256_key *other;
    struct ds_key32 scalar = { .b = { 7, 2 } };
    assert_ok(ds_p256_key_from_scalar(&other, &scalar, &e));
    assert_ok(ear_cwt_sign(&token, &ear, other, NULL, &e));
    ds_p256_key_free(other);
    assert_int_equal(open(ds_buf_span(&token), &kit_key, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_COSE_SIGNATURE);
    struct ds_cose_key wrong = kit_key;
    wrong.alg = DS_COSE_ES384;
    assert_int_equal(open(ds_buf_span(&token), &wrong, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_COSE_ALGORITHM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_read),
        cmocka_unit_test(headers),
        cmocka_unit_test(tags_and_payloads_refused),
        cmocka_unit_test(every_change_is_noticed),
        cmocka_unit_test(other_keys),
    };
    return cmocka_run_group_tests(tests, kit_make, kit_drop);
}
