/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COSE_Sign1: each part of a message wrong in each way, every bit of a message
 * flipped, algorithms and keys crossed. Messages are made here from hex and a
 * signature over what RFC 9052 §4.4 says is signed; the one of ES384 was made
 * by another implementation (python3-cryptography).
 */
#include "attest/cose.h"

#include "crypto/key.h"
#include "unhex.h"

#define SCALAR "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define ES256  "a10126"
#define EMPTY  "a0"

#define ES384_XY                                                                                   \
    "7d63549a901d80f71e9a1c2a99c43948e8df9495f6db5e6aad01a97240eea2e72580b005a650177e62570eeb30be" \
    "34174f94b94a5cf5d195a9f3e7bd5631f8287195c52e4726d0568074a96ab01fb5ee21f1464a709f3a200ef49799" \
    "8fccdb99"
/* Its external data is "aad". */
#define ES384_MESSAGE                                                                              \
    "d28444a1013822a04568656c6c6f5860"                                                             \
    "88ebcdc5fc7c67f402e6e6ebf7930eec07fa96e47cfac6ec6acaa291582d1d3d8ad141014cf1b9fa1fe6a2e0e260" \
    "abb5ef14a525dbb3323c71782de29bae5a390ef9207f9dc3c2000c2f0b37305a40895e2a8e45a5031cb3d3c8b309" \
    "af569d67"

static struct ds_p256_key *signer;

static int make_signer(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct unhex scalar = unhex(SCALAR);
    struct ds_key32 key;
    memcpy(key.b, scalar.b, sizeof key.b);
    assert_ok(ds_p256_key_from_scalar(&signer, &key, &e));
    return 0;
}

static int drop_signer(void **state)
{
    (void)state;
    ds_p256_key_free(signer);
    return 0;
}

static struct ds_cose_key signer_key(void)
{
    struct ds_error e = { 0 };
    struct ds_cose_key key;
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, signer);
    assert_ok(ds_cose_key_of_spki(&key, DS_SPAN_OF(spki), &e));
    assert_int_equal(key.alg, DS_COSE_ES256);
    return key;
}

static void sign(uint8_t sig64[64], struct ds_span protected_, struct ds_span external,
                 struct ds_span payload)
{
    struct ds_error e = { 0 };
    struct ds_cose_tbs tbs;
    DS_AUTO(ds_buf_done) struct ds_buf all = { 0 };
    ds_cose_tbs_init(&tbs, protected_, external, payload);
    for (size_t i = 0; i < DS_LEN(tbs.parts); i++)
        ds_buf_add(&all, tbs.parts[i]);
    assert_ok(ds_p256_sign(sig64, signer, ds_buf_span(&all), &e));
}

/* A message of these headers, in hex, with a good signature. */
static struct unhex message(const char *protected_hex, const char *unprotected_hex)
{
    struct unhex out, prot = unhex(protected_hex), unprot = unhex(unprotected_hex);
    uint8_t sig[64];
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    sign(sig, unhex_span(&prot), (struct ds_span){ 0 }, DS_SPAN_LIT("hello"));
    ds_cbor_put_tag(&b, 18);
    ds_cbor_put_array(&b, 4);
    ds_cbor_put_bytes(&b, unhex_span(&prot));
    ds_buf_add(&b, unhex_span(&unprot));
    ds_cbor_put_bytes(&b, DS_SPAN_LIT("hello"));
    ds_cbor_put_bytes(&b, DS_SPAN_OF(sig));
    assert_true(b.len <= sizeof out.b);
    memcpy(out.b, b.p, b.len);
    out.len = b.len;
    return out;
}

static int open(struct ds_span in, const struct ds_cose_key *key, struct ds_error *e)
{
    struct ds_cose_sign1 m;
    DS_TRY(ds_cose_sign1_parse(&m, in, e));
    return ds_cose_sign1_verify(&m, key, (struct ds_span){ 0 }, e);
}

static void one_is_read_and_verified(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_cose_key key = signer_key();
    struct ds_cose_sign1 m;
    struct ds_reader v;
    struct unhex in = message("a2012603183d", "a1044131");
    assert_ok(ds_cose_sign1_parse(&m, unhex_span(&in), &e));
    assert_int_equal(m.alg, DS_COSE_ES256);
    assert_string_equal(ds_cose_alg_text(m.alg), "ES256");
    assert_true(ds_span_eq_str(m.payload, "hello"));
    assert_true(ds_cbor_find_i64(&v, m.headers, m.n_headers, DS_COSE_LABEL_CONTENT_TYPE));
    assert_int_equal(ds_cbor_u64(&v), 61);
    assert_true(ds_cbor_find_i64(&v, m.unprotected, m.n_unprotected, DS_COSE_LABEL_KID));
    assert_true(ds_span_eq_str(ds_cbor_bytes(&v), "1"));
    assert_ok(ds_cose_sign1_verify(&m, &key, (struct ds_span){ 0 }, &e));
    assert_ok(
        ds_cose_sign1_parse(&m, ds_span_sub(unhex_span(&in), 1, SIZE_MAX), &e)); /* untagged */
    assert_ok(ds_cose_sign1_verify(&m, &key, (struct ds_span){ 0 }, &e));
    assert_int_equal(ds_cose_sign1_verify(&m, &key, DS_SPAN_LIT("x"), &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_COSE_SIGNATURE);
}

static void es384_of_another_implementation(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct unhex in = unhex(ES384_MESSAGE), xy = unhex(ES384_XY);
    struct ds_cose_key key = { .alg = DS_COSE_ES384 };
    struct ds_cose_sign1 m;
    memcpy(key.xy, xy.b, sizeof key.xy);
    assert_ok(ds_cose_sign1_parse(&m, unhex_span(&in), &e));
    assert_int_equal(m.alg, DS_COSE_ES384);
    assert_ok(ds_cose_sign1_verify(&m, &key, DS_SPAN_LIT("aad"), &e));
    assert_int_equal(ds_cose_sign1_verify(&m, &key, DS_SPAN_LIT("aae"), &e), DS_ERR_UNTRUSTED);
    in.b[in.len - 1] ^= 1;
    assert_int_equal(ds_cose_sign1_verify(&m, &key, DS_SPAN_LIT("aad"), &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_COSE_SIGNATURE);
    struct ds_cose_key other = signer_key();
    assert_int_equal(ds_cose_sign1_verify(&m, &other, DS_SPAN_LIT("aad"), &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_COSE_ALGORITHM);
    assert_string_equal(e.detail.expected, "ES256");
    assert_string_equal(e.detail.got, "ES384");
    key.xy[0] ^= 1;
    assert_int_equal(ds_cose_sign1_verify(&m, &key, DS_SPAN_LIT("aad"), &e), DS_ERR_FORMAT);
}

static void headers_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *prot, *unprot;
        enum ds_code code;
    } rows[] = {
        { "no protected header", "", "a10126", DS_CODE_COSE_FORMAT },
        { "an empty protected map", "a0", EMPTY, DS_CODE_COSE_ALGORITHM },
        { "alg outside the signature", "a1044131", "a10126", DS_CODE_COSE_ALGORITHM },
        { "alg in both maps", ES256, "a10126", DS_CODE_COSE_FORMAT },
        { "a kid in both maps", "a20126044131", "a1044132", DS_CODE_COSE_FORMAT },
        { "alg twice", "a201260126", EMPTY, DS_CODE_COSE_FORMAT },
        { "a label twice", ES256, "a2044131044132", DS_CODE_COSE_FORMAT },
        { "ES512", "a1013823", EMPTY, DS_CODE_COSE_ALGORITHM },
        { "ES384 with a signature of 64 bytes", "a1013822", EMPTY, DS_CODE_COSE_FORMAT },
        { "EdDSA", "a10127", EMPTY, DS_CODE_COSE_ALGORITHM },
        { "HMAC 256/256", "a10105", EMPTY, DS_CODE_COSE_ALGORITHM },
        { "alg zero", "a10100", EMPTY, DS_CODE_COSE_ALGORITHM },
        { "alg as text", "a101654553323536", EMPTY, DS_CODE_COSE_ALGORITHM },
        { "alg of another integer", "a1011a00000126", EMPTY, DS_CODE_COSE_FORMAT },
        { "an alg that wraps to ES256", "a1013b00000000fffffff9", EMPTY, DS_CODE_COSE_FORMAT },
        { "an alg below all integers", "a1013bfffffffffffffff9", EMPTY, DS_CODE_COSE_ALGORITHM },
        { "crit that lists alg", "a20126028101", EMPTY, DS_CODE_COSE_CRITICAL },
        { "crit that lists an unknown label", "a2012602811864", EMPTY, DS_CODE_COSE_CRITICAL },
        { "an empty crit", "a201260280", EMPTY, DS_CODE_COSE_CRITICAL },
        { "crit outside the signature", ES256, "a1028101", DS_CODE_COSE_CRITICAL },
        { "protected headers and a byte", "a1012600", EMPTY, DS_CODE_COSE_FORMAT },
        { "protected headers are an array", "820126", EMPTY, DS_CODE_COSE_FORMAT },
        { "unprotected headers are an array", ES256, "80", DS_CODE_COSE_FORMAT },
        { "unprotected headers are nil", ES256, "f6", DS_CODE_COSE_FORMAT },
        { "a label of bytes", ES256, "a1410100", DS_CODE_COSE_FORMAT },
        { "a long head", "b8010126", EMPTY, DS_CODE_COSE_FORMAT },
        { "an indefinite map", "bf0126ff", EMPTY, DS_CODE_COSE_FORMAT },
        { "thirteen headers", ES256,
          "ad1864001865001866001867001868001869001870001871001872001873"
          "00187400187500187600",
          DS_CODE_COSE_FORMAT },
    };
    struct ds_cose_key key = signer_key();
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct unhex in = message(rows[i].prot, rows[i].unprot);
        int r = open(unhex_span(&in), &key, &e);
        if (r >= 0 || e.code != rows[i].code)
            fail_msg("%s: %d %s: %s", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
    }
}

static void shapes_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        int cls;
    } rows[] = {
        { "nothing", "", DS_ERR_FORMAT },
        { "COSE_Mac0's tag", "d18443a10126a04000", DS_ERR_FORMAT },
        { "a CWT's tag", "d83dd28443a10126a04000", DS_ERR_FORMAT },
        { "tag 18 twice", "d2d28443a10126a04000", DS_ERR_FORMAT },
        { "three parts", "8343a10126a040", DS_ERR_FORMAT },
        { "five parts", "8543a10126a0404000", DS_ERR_FORMAT },
        { "a map", "a443a10126a04040f6f6f6f6", DS_ERR_FORMAT },
        { "protected headers without their string", "84a10126a04040", DS_ERR_FORMAT },
        { "a detached payload", "8443a10126a0f640", DS_ERR_TRUNCATED },
        { "a payload of text", "8443a10126a0616140", DS_ERR_TRUNCATED },
        { "no signature", "8443a10126a04161f6", DS_ERR_TRUNCATED },
        { "an empty signature", "8443a10126a0416140", DS_ERR_FORMAT },
        { "an indefinite array", "9f43a10126a0416140ff", DS_ERR_FORMAT },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_cose_sign1 m;
        struct unhex in = unhex(rows[i].hex);
        int r = ds_cose_sign1_parse(&m, unhex_span(&in), &e);
        if (r != rows[i].cls || e.code != DS_CODE_COSE_FORMAT || e.detail.anchor[0] == '\0')
            fail_msg("%s: %d %s: %s", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
    }
}

/* No length but the right one, and no byte, can change without notice. */
static void every_change_is_noticed(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_cose_key key = signer_key();
    struct unhex in = message(ES256, EMPTY);
    assert_ok(open(unhex_span(&in), &key, &e));
    for (size_t len = 0; len < in.len; len++)
        assert_true(open(DS_SPAN(in.b, len), &key, &e) < 0);
    in.b[in.len] = 0;
    assert_int_equal(open(DS_SPAN(in.b, in.len + 1), &key, &e), DS_ERR_TRAILING);
    for (size_t bit = 0; bit < 8 * in.len; bit++) {
        in.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (open(unhex_span(&in), &key, &e) >= 0)
            fail_msg("bit %zu of %zu bytes", bit, in.len);
        in.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void keys_of_other_kinds(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_cose_key key = signer_key(), got;
    struct unhex in = message(ES256, EMPTY);
    key.xy[63] ^= 1;
    assert_int_equal(open(unhex_span(&in), &key, &e), DS_ERR_FORMAT);
    memset(key.xy, 0, sizeof key.xy);
    assert_int_equal(open(unhex_span(&in), &key, &e), DS_ERR_FORMAT);
    struct unhex xy = unhex(ES384_XY);
    key = (struct ds_cose_key){ .alg = DS_COSE_ES384 };
    memcpy(key.xy, xy.b, sizeof key.xy);
    assert_int_equal(open(unhex_span(&in), &key, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_COSE_ALGORITHM);
    /* P-384 as SubjectPublicKeyInfo, and things that are none. */
    DS_AUTO(ds_buf_done) struct ds_buf spki = { 0 };
    struct unhex front = unhex("3076301006072a8648ce3d020106052b8104002203620004");
    ds_buf_add(&spki, unhex_span(&front));
    ds_buf_add(&spki, unhex_span(&xy));
    assert_ok(ds_cose_key_of_spki(&got, ds_buf_span(&spki), &e));
    assert_int_equal(got.alg, DS_COSE_ES384);
    assert_memory_equal(got.xy, xy.b, sizeof got.xy);
    assert_true(ds_cose_key_of_spki(&got, DS_SPAN(spki.p, spki.len - 1), &e) < 0);
    assert_true(ds_cose_key_of_spki(&got, (struct ds_span){ 0 }, &e) < 0);
    front = unhex("302a300506032b6570032100"); /* Ed25519 */
    memset(front.b + front.len, 7, 32);
    front.len += 32;
    assert_int_equal(ds_cose_key_of_spki(&got, unhex_span(&front), &e), DS_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_read_and_verified),
        cmocka_unit_test(es384_of_another_implementation),
        cmocka_unit_test(headers_refused),
        cmocka_unit_test(shapes_refused),
        cmocka_unit_test(every_change_is_noticed),
        cmocka_unit_test(keys_of_other_kinds),
    };
    return cmocka_run_group_tests(tests, make_signer, drop_signer);
}
