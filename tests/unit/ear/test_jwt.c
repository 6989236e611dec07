/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed token as JWS: every way in which a header, a part or a key can be
 * wrong, under a signature that is right wherever there can be one.
 */
#include "ear/jwt.h"

#include "base/str.h"
#include "kit.h"

static struct ear got;

static int open(struct ds_span token, const struct ds_cose_key *key, struct ds_error *e)
{
    struct ds_arena mem = kit_mem();
    return ear_jwt_open(&got, &mem, token, key, e);
}

static void claims(struct ds_buf *ret)
{
    static struct ear ear;
    struct ds_error e = { 0 };
    kit_ear(&ear);
    assert_ok(ear_encode(ret, &ear, FORM_JSON, &e));
}

/* A token of this header and these claims, signed well. */
static void token_of(struct ds_buf *ret, struct ds_span header, struct ds_span payload)
{
    struct ds_error e = { 0 };
    uint8_t sig64[64];
    ds_buf_base64url(ret, header);
    ds_buf_char(ret, '.');
    ds_buf_base64url(ret, payload);
    assert_ok(ds_p256_sign(sig64, kit_signer, ds_buf_span(ret), &e));
    ds_buf_char(ret, '.');
    ds_buf_base64url(ret, DS_SPAN_OF(sig64));
}

static void made_and_read(void **state)
{
    (void)state;
    static struct ear ear;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf token = { 0 }, with_kid = { 0 }, again = { 0 }, want = { 0 };
    kit_ear(&ear);
    assert_ok(ear_jwt_sign(&token, &ear, kit_signer, NULL, &e));
    assert_ok(open(ds_buf_span(&token), &kit_key, &e));
    assert_ok(ear_encode(&again, &got, FORM_JSON, &e));
    claims(&want);
    assert_true(ds_span_eq(ds_buf_span(&again), ds_buf_span(&want)));
    assert_ok(ear_jwt_sign(&with_kid, &ear, kit_signer, "key \"1\"", &e));
    assert_true(with_kid.len > token.len);
    assert_ok(open(ds_buf_span(&with_kid), &kit_key, &e));
    ear.n_appraisals = 0;
    assert_int_equal(ear_jwt_sign(&token, &ear, kit_signer, NULL, &e), DS_ERR_RANGE);
}

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *header;
        enum ds_code code; /* NONE: it is accepted */
    } rows[] = {
        { "the least", "{\"alg\":\"ES256\"}", DS_CODE_NONE },
        { "veraison's", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", DS_CODE_NONE },
        { "a type in full",
          "{\"typ\":\"application/eat+jwt; eat_profile=\\\"a\\\"\",\"alg\":\"ES256\"}",
          DS_CODE_NONE },
        { "a type in capitals", "{\"typ\":\"EAT+JWT\",\"alg\":\"ES256\"}", DS_CODE_NONE },
        { "an escaped algorithm", "{\"alg\":\"\\u0045S256\"}", DS_CODE_NONE },
        { "keys that are not looked at", "{\"alg\":\"ES256\",\"jwk\":{},\"kid\":1,\"jku\":\"x\"}",
          DS_CODE_NONE },
        { "none", "{\"alg\":\"none\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "None", "{\"alg\":\"None\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "no algorithm", "{\"typ\":\"JWT\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "an empty algorithm", "{\"alg\":\"\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "an algorithm that is null", "{\"alg\":null}", DS_CODE_EAR_JWT_ALGORITHM },
        { "a list of algorithms", "{\"alg\":[\"ES256\"]}", DS_CODE_EAR_JWT_ALGORITHM },
        { "HMAC with the public key", "{\"alg\":\"HS256\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "RSA", "{\"alg\":\"RS256\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "ES256K", "{\"alg\":\"ES256K\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "in small letters", "{\"alg\":\"es256\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "with a NUL", "{\"alg\":\"ES256\\u0000\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "ES384 with a key for ES256", "{\"alg\":\"ES384\"}", DS_CODE_EAR_JWT_ALGORITHM },
        { "alg twice", "{\"alg\":\"none\",\"alg\":\"ES256\"}", DS_CODE_EAR_JWT_FORMAT },
        { "alg twice, once escaped", "{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}",
          DS_CODE_EAR_JWT_FORMAT },
        { "another member twice", "{\"alg\":\"ES256\",\"kid\":\"a\",\"kid\":\"b\"}",
          DS_CODE_EAR_JWT_FORMAT },
        { "crit", "{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", DS_CODE_EAR_JWT_CRITICAL },
        { "an empty crit", "{\"alg\":\"ES256\",\"crit\":[]}", DS_CODE_EAR_JWT_CRITICAL },
        { "a payload that is not encoded", "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}",
          DS_CODE_EAR_JWT_CRITICAL },
        { "b64 without crit", "{\"alg\":\"ES256\",\"b64\":true}", DS_CODE_EAR_JWT_CRITICAL },
        { "an access token", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", DS_CODE_EAR_TYPE },
        { "a type that goes on", "{\"alg\":\"ES256\",\"typ\":\"JWTx\"}", DS_CODE_EAR_TYPE },
        { "an empty type", "{\"alg\":\"ES256\",\"typ\":\"\"}", DS_CODE_EAR_TYPE },
        { "a type that is a number", "{\"alg\":\"ES256\",\"typ\":1}", DS_CODE_EAR_JWT_FORMAT },
        { "a list", "[\"ES256\"]", DS_CODE_EAR_JWT_FORMAT },
        { "nothing", "", DS_CODE_EAR_JWT_FORMAT },
        { "half of it", "{\"alg\":\"ES256\"", DS_CODE_EAR_JWT_FORMAT },
        { "two of it", "{\"alg\":\"ES256\"}{}", DS_CODE_EAR_JWT_FORMAT },
        { "not UTF-8", "{\"alg\":\"ES256\",\"a\":\"\xff\"}", DS_CODE_EAR_JWT_FORMAT },
        { "deep",
          "{\"alg\":\"ES256\",\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]"
          "]]]]]]]]]]]]]]}",
          DS_CODE_EAR_JWT_FORMAT },
    };
    DS_AUTO(ds_buf_done) struct ds_buf payload = { 0 };
    claims(&payload);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf token = { 0 };
        token_of(&token, ds_span_str(rows[i].header), ds_buf_span(&payload));
        int r = open(ds_buf_span(&token), &kit_key, &e);
        if ((r == DS_OK) != (rows[i].code == DS_CODE_NONE) || (r < 0 && e.code != rows[i].code))
            fail_msg("%s: %d %s: %s", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
    }
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf header = { 0 }, token = { 0 };
    ds_buf_printf(&header, "{\"alg\":\"ES256\",\"a\":\"%04096d\"}", 0);
    token_of(&token, ds_buf_span(&header), ds_buf_span(&payload));
    assert_int_equal(open(ds_buf_span(&token), &kit_key, &e), DS_ERR_RANGE);
}

static void parts(void **state)
{
    (void)state;
    static struct ear ear;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf token = { 0 };
    kit_ear(&ear);
    assert_ok(ear_jwt_sign(&token, &ear, kit_signer, NULL, &e));
    const char *text = token.p;
    const char *dot1 = strchr(text, '.'), *dot2 = strchr(dot1 + 1, '.');
    const struct {
        const char *name;
        const char *format;
    } rows[] = {
        { "nothing", "%.0s%.0s%.0s" },
        { "one part", "%s%.0s%.0s" },
        { "two parts: no signature", "%s.%s%.0s" },
        { "an empty signature", "%s.%s.%.0s" },
        { "four parts", "%s.%s.%s." },
        { "five parts: encrypted", "%s.%s.%s.AA.AA" },
        { "no header", "%.0s.%s.%s" },
        { "no payload", "%s.%.0s.%s" },
        { "a blank first", " %s.%s.%s" },
        { "a newline last", "%s.%s.%s\n" },
        { "a padded header", "%s=.%s.%s" },
        { "a padded payload", "%s.%s=.%s" },
        { "a padded signature", "%s.%s.%s==" },
        { "a signature and a byte", "%s.%s.%sAA" },
        { "quotes", "\"%s.%s.%s\"" },
        { "a scheme", "Bearer %s.%s.%s" },
        { "the standard alphabet", "%s.%s.%s+/" },
    };
    char *a = ds_str_dup_span(DS_SPAN(text, (size_t)(dot1 - text)));
    char *b = ds_str_dup_span(DS_SPAN(dot1 + 1, (size_t)(dot2 - dot1 - 1)));
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf bad = { 0 };
        ds_buf_printf(&bad, rows[i].format, a, b, dot2 + 1);
        int r = open(ds_buf_span(&bad), &kit_key, &e);
        if (r >= 0 || e.code == DS_CODE_NONE)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
    free(a);
    free(b);
    DS_AUTO(ds_buf_done) struct ds_buf large = { 0 };
    for (size_t i = 0; i <= EAR_TOKEN_MAX; i++)
        ds_buf_char(&large, 'A');
    assert_int_equal(open(ds_buf_span(&large), &kit_key, &e), DS_ERR_RANGE);
}

/* A character more, fewer or another anywhere is noticed. */
static void every_change_is_noticed(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf token = { 0 };
    token_of(&token, DS_SPAN_LIT("{\"alg\":\"ES256\"}"), DS_SPAN_LIT("{}"));
    assert_int_equal(open(ds_buf_span(&token), &kit_key, &e), DS_ERR_UNSUPPORTED);
    assert_int_equal(e.code, DS_CODE_EAR_PROFILE); /* so the signature was accepted */
    for (size_t i = 0; i < token.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            token.p[i] = (char)(token.p[i] ^ 1 << bit);
            assert_true(open(ds_buf_span(&token), &kit_key, &e) < 0);
            if (e.code == DS_CODE_EAR_PROFILE)
                fail_msg("character %zu, bit %d", i, bit);
            token.p[i] = (char)(token.p[i] ^ 1 << bit);
        }
        assert_true(open(DS_SPAN(token.p, i), &kit_key, &e) < 0);
        assert_true(e.code != DS_CODE_EAR_PROFILE);
    }
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
    assert_ok(ear_jwt_sign(&token, &ear, other, NULL, &e));
    ds_p256_key_free(other);
    assert_int_equal(open(ds_buf_span(&token), &kit_key, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_EAR_JWT_SIGNATURE);
    struct ds_cose_key wrong = kit_key;
    wrong.alg = DS_COSE_ES384;
    assert_int_equal(open(ds_buf_span(&token), &wrong, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_EAR_JWT_ALGORITHM);
    wrong = kit_key;
    wrong.xy[0] ^= 1;
    assert_true(open(ds_buf_span(&token), &wrong, &e) < 0);
}

/*
 * RFC 7515 Appendix A.3: a token of another maker. Its claims are no result,
 * which is said only after the signature was found good.
 */
static void rfc_7515_a3(void **state)
{
    (void)state;
    static const char token[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"
        "LmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISl"
        "SApmWQxfKTUJqPP3-Kg6NU1Q";
    struct ds_error e = { 0 };
    struct ds_cose_key key = { .alg = DS_COSE_ES256 };
    size_t len;
    assert_ok(ds_base64url_decode(key.xy, &len, 32,
                                  DS_SPAN_LIT("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), &e));
    assert_ok(ds_base64url_decode(key.xy + 32, &len, 32,
                                  DS_SPAN_LIT("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"), &e));
    assert_int_equal(open(DS_SPAN_LIT(token), &key, &e), DS_ERR_UNSUPPORTED);
    assert_int_equal(e.code, DS_CODE_EAR_PROFILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_read), cmocka_unit_test(headers),
        cmocka_unit_test(parts),         cmocka_unit_test(every_change_is_noticed),
        cmocka_unit_test(other_keys),    cmocka_unit_test(rfc_7515_a3),
    };
    return cmocka_run_group_tests(tests, kit_make, kit_drop);
}
