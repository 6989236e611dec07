/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature chains: dstack's public keys (guest-api 6.4), a chain made and
 * followed, and every part of it changed.
 */
#include "app/chain.h"
#include "app/derive.h"
#include "crypto/keccak.h"
#include "unhex.h"

static const uint8_t app_id[APP_ID_LEN] = { 0xaa, 0xbb };

static struct ds_key32 key_of(const char *text)
{
    struct unhex u = unhex(text);
    struct ds_key32 k;
    memcpy(k.b, u.b, sizeof k.b);
    return k;
}

static void algorithms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool known;
        enum app_key_alg alg;
    } rows[] = {
        { "", true, APP_KEY_SECP256K1 },
        { "secp256k1", true, APP_KEY_SECP256K1 },
        { "k256", true, APP_KEY_SECP256K1 },
        { "ed25519", true, APP_KEY_ED25519 },
        { "secp256k1_prehashed", false, 0 },
        { "Ed25519", false, 0 },
        { "secp256k", false, 0 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        enum app_key_alg alg = 0;
        assert_int_equal(app_key_alg_find(&alg, ds_span_str(rows[i].text)), rows[i].known);
        if (rows[i].known)
            assert_int_equal(alg, rows[i].alg);
    }
}

static void public_keys(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct app_public pub;
    char b64[64];
    struct ds_key32 k = key_of("9db79b3fefe69f2a7b7efbc908c854bf845a629023361f2c9cb3db09fb99010f");
    assert_ok(app_key_public(&pub, APP_KEY_SECP256K1, &k, &e));
    assert_hex(DS_SPAN(pub.b, pub.len),
               "03ab7f25d56455d300a1c1f77f57f6d16193e89cdd9edc5c5e2994b446b1f3373d");
    assert_ok(app_key_public(&pub, APP_KEY_ED25519, &k, &e));
    assert_string_equal(ds_base64url_encode(b64, DS_SPAN(pub.b, pub.len)),
                        "5Pbre1Amf1hrp2V2bbfKlIfxpQb2pJAmrgmhxgVoG9s");
}

struct chain {
    struct ds_key32 kms, app, derived;
    uint8_t kms_pub[DS_K256_PUB_LEN], key_sig[DS_K256_SIG_LEN], issue_sig[DS_K256_SIG_LEN];
    struct app_public pub;
};

static struct chain chain_new(enum app_key_alg alg)
{
    struct chain c;
    struct ds_error e = { 0 };
    uint8_t app_pub[DS_K256_PUB_LEN];
    assert_ok(ds_k256_key_new(&c.kms, &e));
    assert_ok(app_derive_k256_key(&c.app, &c.kms, app_id, &e));
    assert_ok(app_derive_path_key(&c.derived, &c.app, DS_SPAN_LIT("vms"), &e));
    assert_ok(ds_k256_public(c.kms_pub, &c.kms, &e));
    assert_ok(ds_k256_public(app_pub, &c.app, &e));
    assert_ok(app_key_public(&c.pub, alg, &c.derived, &e));
    assert_ok(app_issue_sign(c.issue_sig, &c.kms, app_id, app_pub, &e));
    assert_ok(app_key_sign(c.key_sig, &c.app, DS_SPAN_LIT("signing"), &c.pub, &e));
    return c;
}

static int verify(const struct chain *c, const char *purpose, const uint8_t *id)
{
    struct ds_error e = { 0 };
    return app_chain_verify(c->kms_pub, id, ds_span_str(purpose), &c->pub, c->key_sig, c->issue_sig,
                            &e);
}

static void followed(void **state)
{
    (void)state;
    static const enum app_key_alg algs[] = { APP_KEY_SECP256K1, APP_KEY_ED25519 };
    static const uint8_t other_id[APP_ID_LEN] = { 0xaa, 0xbc };
    for (size_t a = 0; a < DS_LEN(algs); a++) {
        struct chain c = chain_new(algs[a]);
        assert_int_equal(verify(&c, "signing", app_id), DS_OK);
        assert_int_not_equal(verify(&c, "signin", app_id), DS_OK);
        assert_int_not_equal(verify(&c, "", app_id), DS_OK);
        assert_int_not_equal(verify(&c, "signing", other_id), DS_OK);
        for (size_t i = 0; i < DS_K256_SIG_LEN; i++) {
            c.key_sig[i] ^= 1;
            assert_int_not_equal(verify(&c, "signing", app_id), DS_OK);
            c.key_sig[i] ^= 1;
            c.issue_sig[i] ^= 1;
            assert_int_not_equal(verify(&c, "signing", app_id), DS_OK);
            c.issue_sig[i] ^= 1;
        }
        c.pub.b[5] ^= 1;
        assert_int_not_equal(verify(&c, "signing", app_id), DS_OK);
        c.pub.b[5] ^= 1;
        c.kms_pub[0] ^= 1;
        struct ds_error e = { 0 };
        assert_int_equal(app_chain_verify(c.kms_pub, app_id, DS_SPAN_LIT("signing"), &c.pub,
                                          c.key_sig, c.issue_sig, &e),
                         DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_APP_CHAIN_KMS);
    }
}

/* The messages byte by byte, so that another implementation's chain is followed too. */
static void messages(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct chain c = chain_new(APP_KEY_ED25519);
    uint8_t digest[32], got[DS_K256_PUB_LEN], app_pub[DS_K256_PUB_LEN];
    char hex[65], text[128];
    assert_ok(ds_k256_public(app_pub, &c.app, &e));
    (void)snprintf(text, sizeof text, "signing:%s", ds_hex_encode(hex, DS_SPAN(c.pub.b, 32)));
    struct ds_span message = ds_span_str(text);
    assert_ok(ds_keccak256(digest, &message, 1, &e));
    assert_ok(ds_k256_recover(got, c.key_sig, digest, &e));
    assert_memory_equal(got, app_pub, sizeof got);

    uint8_t bytes[128], env_pub[32] = { 4 }, sig[DS_K256_SIG_LEN];
    memcpy(bytes, "dstack-kms-issued:", 18);
    memcpy(bytes + 18, app_id, 20);
    memcpy(bytes + 38, app_pub, 33);
    message = DS_SPAN(bytes, 71);
    assert_ok(ds_keccak256(digest, &message, 1, &e));
    assert_ok(ds_k256_recover(got, c.issue_sig, digest, &e));
    assert_memory_equal(got, c.kms_pub, sizeof got);

    memcpy(bytes, "dstack-env-encrypt-pubkey:", 26);
    memcpy(bytes + 26, app_id, 20);
    memcpy(bytes + 46, env_pub, 32);
    message = DS_SPAN(bytes, 78);
    assert_ok(app_env_pub_sign(sig, &c.kms, app_id, env_pub, &e));
    assert_ok(ds_keccak256(digest, &message, 1, &e));
    assert_ok(ds_k256_recover(got, sig, digest, &e));
    assert_memory_equal(got, c.kms_pub, sizeof got);

    memcpy(bytes + 46, "\x00\x00\x00\x00\x65\x53\xf1\x00", 8); /* 1700000000, big-endian */
    memcpy(bytes + 54, env_pub, 32);
    message = DS_SPAN(bytes, 86);
    assert_ok(app_env_pub_sign_v1(sig, &c.kms, app_id, 1700000000, env_pub, &e));
    assert_ok(ds_keccak256(digest, &message, 1, &e));
    assert_ok(ds_k256_recover(got, sig, digest, &e));
    assert_memory_equal(got, c.kms_pub, sizeof got);
    assert_ok(app_env_pub_recover_v1(got, app_id, 1700000000, env_pub, sig, &e));
    assert_memory_equal(got, c.kms_pub, sizeof got);
    assert_ok(app_env_pub_recover_v1(got, app_id, 1700000001, env_pub, sig, &e));
    assert_memory_not_equal(got, c.kms_pub, sizeof got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(algorithms),
        cmocka_unit_test(public_keys),
        cmocka_unit_test(followed),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
