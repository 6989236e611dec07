/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secp256k1: public keys (guest-api 6.4), RFC 6979 signatures, recovery, and
 * what must be refused.
 */
#include "crypto/k256.h"
#include "unhex.h"

#define ONE   "0000000000000000000000000000000000000000000000000000000000000001"
#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

static struct ds_key32 key_of(const char *text)
{
    struct unhex u = unhex(text);
    struct ds_key32 k;
    memcpy(k.b, u.b, sizeof k.b);
    return k;
}

static void public_keys(void **state)
{
    (void)state;
    static const struct {
        const char *key, *want; /* want NULL: no key */
    } rows[] = {
        { ONE, "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" },
        { "9db79b3fefe69f2a7b7efbc908c854bf845a629023361f2c9cb3db09fb99010f",
          "03ab7f25d56455d300a1c1f77f57f6d16193e89cdd9edc5c5e2994b446b1f3373d" },
        { "133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8",
          "02c53a10a891f3c5d599539056edcfa080555ac975cae78e59b5d519dcdaf03389" },
        { "0000000000000000000000000000000000000000000000000000000000000000", NULL },
        { ORDER, NULL },
        { "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct ds_key32 key = key_of(rows[i].key);
        uint8_t pub[DS_K256_PUB_LEN];
        int r = ds_k256_public(pub, &key, &e);
        if (rows[i].want == NULL) {
            assert_int_equal(r, DS_ERR_RANGE);
            continue;
        }
        assert_ok(r);
        assert_hex(DS_SPAN_OF(pub), rows[i].want);
    }
}

/* Deterministic, so a known value; the digest is SHA-256 of "Satoshi Nakamoto". */
static void rfc6979(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 key = key_of(ONE);
    struct unhex digest = unhex("a0dc65ffca799873cbea0ac274015b9526505daaaed385155425f7337704883e");
    uint8_t sig[DS_K256_SIG_LEN], pub[DS_K256_PUB_LEN];
    assert_ok(ds_k256_sign(sig, &key, digest.b, &e));
    assert_hex(DS_SPAN(sig, 64),
               "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
               "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5");
    assert_true(sig[64] <= 1);
    assert_ok(ds_k256_recover(pub, sig, digest.b, &e));
    assert_hex(DS_SPAN_OF(pub),
               "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    assert_ok(ds_k256_verify(pub, sig, digest.b, &e));
}

/* order - s: the other signature of the same message, which must not pass for a second one. */
static void flip_s(uint8_t *sig65)
{
    struct unhex order = unhex(ORDER);
    unsigned borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        unsigned diff = 0x100u + order.b[i] - sig65[32 + i] - borrow;
        sig65[32 + i] = (uint8_t)diff;
        borrow = diff >> 8 == 0;
    }
    sig65[64] ^= 1;
}

static void refusals(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 key;
    assert_ok(ds_k256_key_new(&key, &e));
    uint8_t digest[32] = { 7 }, sig[DS_K256_SIG_LEN], pub[DS_K256_PUB_LEN], other[DS_K256_PUB_LEN];
    assert_ok(ds_k256_public(pub, &key, &e));
    assert_ok(ds_k256_sign(sig, &key, digest, &e));
    assert_ok(ds_k256_verify(pub, sig, digest, &e));
    for (size_t i = 0; i < 64; i++) {
        sig[i] ^= 1;
        assert_int_not_equal(ds_k256_verify(pub, sig, digest, &e), DS_OK);
        if (ds_k256_recover(other, sig, digest, &e) == DS_OK)
            assert_memory_not_equal(other, pub, sizeof pub);
        sig[i] ^= 1;
    }
    flip_s(sig);
    assert_int_equal(ds_k256_verify(pub, sig, digest, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(ds_k256_recover(other, sig, digest, &e), DS_ERR_UNTRUSTED);
    flip_s(sig);
    for (unsigned recid = 2; recid < 256; recid++) {
        sig[64] = (uint8_t)recid;
        assert_int_equal(ds_k256_recover(other, sig, digest, &e), DS_ERR_FORMAT);
    }
    memset(sig, 0xff, 64);
    sig[64] = 0;
    assert_int_equal(ds_k256_recover(other, sig, digest, &e), DS_ERR_FORMAT);
    assert_int_equal(ds_k256_verify(pub, sig, digest, &e), DS_ERR_FORMAT);
    memset(sig, 0, 64);
    assert_int_equal(ds_k256_recover(other, sig, digest, &e), DS_ERR_UNTRUSTED);
    pub[0] = 4;
    assert_int_equal(ds_k256_verify(pub, sig, digest, &e), DS_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_keys),
        cmocka_unit_test(rfc6979),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
