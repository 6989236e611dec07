/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P-256 keys: the RFC 6979 A.2.5 pair, dstack's exact PKCS#8 bytes (guest-api
 * 6.1), reading back every form, signatures in both forms, and what is no key.
 */
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/verify.h"
#include "unhex.h"

#define RFC_SCALAR "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define RFC_X      "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define RFC_Y      "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define PKCS8_HEAD "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420"
#define SPKI_HEAD  "3059301306072a8648ce3d020106082a8648ce3d03010703420004"

static struct ds_key32 scalar_of(const char *text)
{
    struct unhex u = unhex(text);
    struct ds_key32 k;
    memcpy(k.b, u.b, sizeof k.b);
    return k;
}

static void known_pair(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 scalar = scalar_of(RFC_SCALAR), again;
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    assert_ok(ds_p256_key_from_scalar(&key, &scalar, &e));
    uint8_t xy[64], spki[DS_P256_SPKI_LEN], point[64];
    ds_p256_key_public(xy, key);
    assert_hex(DS_SPAN_OF(xy), RFC_X RFC_Y);
    ds_p256_key_spki(spki, key);
    assert_hex(DS_SPAN_OF(spki), SPKI_HEAD RFC_X RFC_Y);
    assert_ok(ds_p256_of_spki(point, DS_SPAN_OF(spki), &e));
    assert_memory_equal(point, xy, sizeof xy);
    struct ds_p256_pkcs8 der;
    assert_ok(ds_p256_key_pkcs8(&der, key, &e));
    assert_hex(DS_SPAN_OF(der.b), PKCS8_HEAD RFC_SCALAR "a14403420004" RFC_X RFC_Y);
    assert_ok(ds_p256_key_scalar(&again, key, &e));
    assert_hex(DS_SPAN_OF(again.b), RFC_SCALAR);
    assert_non_null(ds_p256_key_evp(key));
}

static void scalars(void **state)
{
    (void)state;
    static const struct {
        const char *name, *scalar;
        int want;
    } rows[] = {
        { "one", "0000000000000000000000000000000000000000000000000000000000000001", DS_OK },
        { "order less one", "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
          DS_OK },
        { "zero", "0000000000000000000000000000000000000000000000000000000000000000",
          DS_ERR_RANGE },
        { "order", "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
          DS_ERR_RANGE },
        { "order and one", "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
          DS_ERR_RANGE },
        { "all ones", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
          DS_ERR_RANGE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct ds_key32 scalar = scalar_of(rows[i].scalar);
        DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
        int r = ds_p256_key_from_scalar(&key, &scalar, &e);
        if (r != rows[i].want)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
        assert_int_equal(key != NULL, r == DS_OK);
    }
}

static void written_and_read(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_p256_key_free_auto)
    struct ds_p256_key *key = NULL, *from_der = NULL, *from_pem = NULL, *from_sec1 = NULL;
    assert_ok(ds_p256_key_new(&key, &e));
    struct ds_p256_pkcs8 der;
    struct ds_p256_pem pem;
    assert_ok(ds_p256_key_pkcs8(&der, key, &e));
    assert_ok(ds_p256_key_pem(&pem, key, &e));
    assert_int_equal(strlen(pem.s), DS_P256_PEM_LEN);
    assert_ok(ds_p256_key_parse(&from_der, DS_SPAN_OF(der.b), &e));
    assert_ok(ds_p256_key_parse(&from_pem, ds_span_str(pem.s), &e));
    uint8_t want[64], got[64];
    ds_p256_key_public(want, key);
    ds_p256_key_public(got, from_der);
    assert_memory_equal(want, got, sizeof want);
    ds_p256_key_public(got, from_pem);
    assert_memory_equal(want, got, sizeof want);
    /* SEC 1: version, scalar, the curve's name. */
    struct unhex sec1 = unhex("30310201010420" RFC_SCALAR "a00a06082a8648ce3d030107");
    assert_ok(ds_p256_key_parse(&from_sec1, unhex_span(&sec1), &e));
    ds_p256_key_public(got, from_sec1);
    assert_hex(DS_SPAN_OF(got), RFC_X RFC_Y);
}

static void not_keys(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        int want;
    } rows[] = {
        { "nothing", "", DS_ERR_FORMAT },
        { "a lone byte", "30", DS_ERR_FORMAT },
        { "head only", PKCS8_HEAD, DS_ERR_FORMAT },
        { "a public key", SPKI_HEAD RFC_X RFC_Y, DS_ERR_FORMAT },
        { "an Ed25519 key",
          "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031"
          "cae7f60",
          DS_ERR_FORMAT },
        { "a P-384 key",
          "303e02010104309d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
          "9d61b19deffd5a60ba844af492ec2cc4a00706052b81040022",
          DS_ERR_UNSUPPORTED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct unhex der = unhex(rows[i].hex);
        DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
        int r = ds_p256_key_parse(&key, unhex_span(&der), &e);
        if (r != rows[i].want)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
        assert_null(key);
    }
}

static void signatures(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    assert_ok(ds_p256_key_new(&key, &e));
    static uint8_t message[300];
    static const size_t lengths[] = { 0, 1, 32, 300 };
    for (size_t i = 0; i < DS_LEN(lengths); i++) {
        struct ds_span m = DS_SPAN(message, lengths[i]);
        uint8_t xy[64], digest[32], sig[64], spki[DS_P256_SPKI_LEN];
        struct ds_p256_sig_der der;
        ds_p256_key_public(xy, key);
        ds_p256_key_spki(spki, key);
        assert_ok(ds_hash(DS_SHA256, digest, m, &e));
        assert_ok(ds_p256_sign(sig, key, m, &e));
        assert_ok(ds_p256_verify(xy, digest, sig, &e));
        assert_ok(ds_p256_sign_der(&der, key, m, &e));
        assert_ok(ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(spki), m,
                                 DS_SPAN(der.b, der.len), &e));
        sig[63] ^= 1;
        assert_int_equal(ds_p256_verify(xy, digest, sig, &e), DS_ERR_UNTRUSTED);
    }
}

static void locked_memory(void **state)
{
    (void)state;
    struct ds_error e;
    uint8_t sig64[64];
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    assert_ok(ds_key_memory_lock(&e));
    assert_ok(ds_key_memory_lock(&e));
    assert_ok(ds_p256_key_new(&key, &e));
    assert_ok(ds_p256_sign(sig64, key, DS_SPAN_LIT("message"), &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_pair),       cmocka_unit_test(scalars),
        cmocka_unit_test(written_and_read), cmocka_unit_test(signatures),
        cmocka_unit_test(not_keys),         cmocka_unit_test(locked_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
