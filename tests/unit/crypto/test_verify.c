/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA P-256 against the SHA-256 "sample" answer of RFC 6979 A.2.5; every
 * changed byte of key, digest and signature is refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/err.h>

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
    assert_int_equal(ds_p256_verify_der(s.xy, s.digest, DS_SPAN_OF(der), NULL), DS_OK);
    assert_int_equal(ds_ecdsa_verify_spki(DS_SPAN_OF(s.spki), DS_SPAN_LIT("sample"),
                                          DS_SPAN_OF(der), NULL),
                     DS_OK);
    assert_int_equal(ds_ecdsa_verify_spki(DS_SPAN_OF(s.spki), DS_SPAN_LIT("Sample"),
                                          DS_SPAN_OF(der), NULL),
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
    assert_int_equal(ds_p256_verify_der(s.xy, s.digest, (struct ds_span){ 0 }, NULL),
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
    assert_int_equal(ds_p256_verify_der(s.xy, s.digest, DS_SPAN_LIT("no DER"), NULL),
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_verifies),
        cmocka_unit_test(changed_bytes_are_refused),
        cmocka_unit_test(degenerate_signatures_are_refused),
        cmocka_unit_test(refusals_leave_no_error_behind),
        cmocka_unit_test(other_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
