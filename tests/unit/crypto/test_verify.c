/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA P-256 and P-384 against the "sample" answers of RFC 6979 A.2.5 and A.2.6,
 * RSA-PSS against libcrypto's signer; every changed byte of key, digest and
 * signature is refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/hex.h"
#include "base/scope.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

#define UX        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define UY        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define R         "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define S         "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define SPKI_HEAD "3059301306072a8648ce3d020106082a8648ce3d03010703420004"

struct sample {
    uint8_t xy[64], digest[32], sig[64], spki[91];
};

static struct sample sample(void)
{
    struct sample s;
    assert_int_equal(ds_hex_decode(s.xy, 64, DS_SPAN_LIT(UX UY), NULL), DS_OK);
    assert_int_equal(ds_hex_decode(s.sig, 64, DS_SPAN_LIT(R S), NULL), DS_OK);
    assert_int_equal(ds_hex_decode(s.spki, 91, DS_SPAN_LIT(SPKI_HEAD UX UY), NULL), DS_OK);
    assert_int_equal(ds_hash(DS_SHA256, s.digest, DS_SPAN_LIT("sample"), NULL), DS_OK);
    return s;
}

static void sample_verifies(void **state)
{
    struct sample s = sample();
    uint8_t der[72], xy[64];
    (void)state;
    assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_OK);
    assert_int_equal(ds_hex_decode(der, 72, DS_SPAN_LIT("3046022100" R "022100" S), NULL), DS_OK);
    assert_int_equal(ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(s.spki),
                                    DS_SPAN_LIT("sample"), DS_SPAN_OF(der), NULL),
                     DS_OK);
    assert_int_equal(ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(s.spki),
                                    DS_SPAN_LIT("Sample"), DS_SPAN_OF(der), NULL),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(ds_p256_of_spki(xy, DS_SPAN_OF(s.spki), NULL), DS_OK);
    assert_memory_equal(xy, s.xy, 64);
}

static void changed_bytes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 64; i++) {
        struct sample s = sample();
        s.sig[i] ^= 1;
        assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_UNTRUSTED);
        s = sample();
        s.xy[i] ^= 1;
        assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_FORMAT);
        s = sample();
        s.digest[i / 2] ^= 1;
        assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_UNTRUSTED);
    }
}

static void degenerate_signatures_are_refused(void **state)
{
    struct sample s = sample();
    (void)state;
    memset(s.sig, 0, 64);
    assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_UNTRUSTED);
    memset(s.sig, 0xff, 64);
    assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_UNTRUSTED);
    s = sample();
    memset(s.sig + 32, 0, 32);
    assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_UNTRUSTED);
    assert_int_equal(ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(s.spki),
                                    DS_SPAN_LIT("sample"), (struct ds_span){ 0 }, NULL),
                     DS_ERR_UNTRUSTED);
    memset(s.xy, 0, 64);
    assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_FORMAT);
}

/* A leftover in libcrypto's queue would later be taken for a failure of a TLS connection. */
static void refusals_leave_no_error_behind(void **state)
{
    struct sample s = sample();
    (void)state;
    s.sig[0] ^= 1;
    assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_UNTRUSTED);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(s.spki),
                                    DS_SPAN_LIT("sample"), DS_SPAN_LIT("no DER"), NULL),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(ERR_peek_error(), 0);
    memset(s.xy, 0, 64);
    assert_int_equal(ds_p256_verify(s.xy, s.digest, s.sig, NULL), DS_ERR_FORMAT);
    assert_int_equal(ERR_peek_error(), 0);
}

static void other_keys_are_refused(void **state)
{
    static const struct {
        const char *name, *hex;
        int want;
    } rows[] = {
        { "another curve", "3059301306072a8648ce3d020106082a8648ce3d03010603420004" UX UY,
          DS_ERR_UNSUPPORTED },
        { "no parameters", "304f300906072a8648ce3d020103420004" UX UY, DS_ERR_UNSUPPORTED },
        { "compressed point",
          "3039301306072a8648ce3d020106082a8648ce3d030107032200"
          "02" UX,
          DS_ERR_FORMAT },
        { "one byte short",
          "3058301306072a8648ce3d020106082a8648ce3d03010703410004" UX
          "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d44622",
          DS_ERR_FORMAT },
        { "a byte behind", "3059301306072a8648ce3d020106082a8648ce3d03010703420004" UX UY "00",
          DS_ERR_TRAILING },
        { "nothing", "", DS_ERR_FORMAT },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t spki[128], xy[64];
        size_t len;
        assert_int_equal(ds_hex_decode_any(spki, &len, sizeof spki, ds_span_str(rows[i].hex), NULL),
                         DS_OK);
        int got = ds_p256_of_spki(xy, DS_SPAN(spki, len), NULL);
        if (got != rows[i].want)
            fail_msg("%s: %d", rows[i].name, got);
    }
}

#define UX384                                                                                      \
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480" \
    "bc13"
#define UY384                                                                                      \
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd253326" \
    "4720"
#define R384                                                                                       \
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fa" \
    "be46"
#define S384                                                                                       \
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a3862" \
    "8ac8"

static void p384_verifies_and_changed_bytes_do_not(void **state)
{
    uint8_t xy[96], sig[96], digest[48], spki[120], got[96];
    (void)state;
    assert_int_equal(ds_hex_decode(xy, 96, DS_SPAN_LIT(UX384 UY384), NULL), DS_OK);
    assert_int_equal(ds_hex_decode(sig, 96, DS_SPAN_LIT(R384 S384), NULL), DS_OK);
    assert_int_equal(
        ds_hex_decode(spki, 120,
                      DS_SPAN_LIT("3076301006072a8648ce3d020106052b8104002203620004" UX384 UY384),
                      NULL),
        DS_OK);
    assert_int_equal(ds_hash(DS_SHA384, digest, DS_SPAN_LIT("sample"), NULL), DS_OK);
    assert_int_equal(ds_p384_verify(xy, digest, sig, NULL), DS_OK);
    assert_int_equal(ds_p384_of_spki(got, DS_SPAN_OF(spki), NULL), DS_OK);
    assert_memory_equal(got, xy, 96);
    assert_int_equal(ds_p256_of_spki(got, DS_SPAN_OF(spki), NULL), DS_ERR_UNSUPPORTED);
    for (size_t i = 0; i < 96; i += 5) {
        sig[i] ^= 1;
        assert_int_equal(ds_p384_verify(xy, digest, sig, NULL), DS_ERR_UNTRUSTED);
        sig[i] ^= 1;
        xy[i] ^= 1;
        assert_int_equal(ds_p384_verify(xy, digest, sig, NULL), DS_ERR_FORMAT);
        xy[i] ^= 1;
        digest[i / 2] ^= 1;
        assert_int_equal(ds_p384_verify(xy, digest, sig, NULL), DS_ERR_UNTRUSTED);
        digest[i / 2] ^= 1;
    }
}

struct pss {
    uint8_t *spki;
    int spki_len;
    uint8_t sig[512];
    size_t sig_len;
};

/* A key of this many bits and its signature over "sample". */
static struct pss pss_sample(unsigned bits, int salt_len)
{
    struct pss p = { .sig_len = sizeof p.sig };
    uint8_t digest[48];
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(ds_hash(DS_SHA384, digest, DS_SPAN_LIT("sample"), NULL), DS_OK);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha384()), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_len), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, p.sig, &p.sig_len, digest, sizeof digest), 1);
    p.spki_len = i2d_PUBKEY(key, &p.spki);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return p;
}

static int pss_verify(const struct pss *p, const char *message)
{
    return ds_spki_verify(DS_SIG_RSA_PSS_SHA384, DS_SPAN(p->spki, (size_t)p->spki_len),
                          ds_span_str(message), DS_SPAN(p->sig, p->sig_len), NULL);
}

static void rsa_pss(void **state)
{
    (void)state;
    struct pss p = pss_sample(2048, 48);
    assert_int_equal(pss_verify(&p, "sample"), DS_OK);
    assert_int_equal(pss_verify(&p, "Sample"), DS_ERR_UNTRUSTED);
    for (size_t i = 0; i < p.sig_len; i += 17) {
        p.sig[i] ^= 1;
        assert_int_equal(pss_verify(&p, "sample"), DS_ERR_UNTRUSTED);
        p.sig[i] ^= 1;
    }
    p.sig_len--;
    assert_int_equal(pss_verify(&p, "sample"), DS_ERR_UNTRUSTED);
    assert_int_equal(ERR_peek_error(), 0);
    p.spki_len--;
    assert_int_equal(pss_verify(&p, "sample"), DS_ERR_FORMAT);
    OPENSSL_free(p.spki);

    p = pss_sample(2048, 32);
    assert_int_equal(pss_verify(&p, "sample"), DS_ERR_UNTRUSTED); /* a salt of another length */
    OPENSSL_free(p.spki);
    p = pss_sample(1024, 48);
    assert_int_equal(pss_verify(&p, "sample"), DS_ERR_UNSUPPORTED); /* a short key */
    OPENSSL_free(p.spki);
    struct sample s = sample();
    assert_int_equal(ds_spki_verify(DS_SIG_RSA_PSS_SHA384, DS_SPAN_OF(s.spki),
                                    DS_SPAN_LIT("sample"), DS_SPAN_OF(s.sig), NULL),
                     DS_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_verifies),
        cmocka_unit_test(changed_bytes_are_refused),
        cmocka_unit_test(degenerate_signatures_are_refused),
        cmocka_unit_test(refusals_leave_no_error_behind),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(p384_verifies_and_changed_bytes_do_not),
        cmocka_unit_test(rsa_pss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
