/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM against the test cases of its specification (McGrew and Viega,
 * 13 to 16), and sealed bytes that were changed or cut.
 */
#include "crypto/aead.h"
#include "unhex.h"

static const struct row {
    const char *key, *iv, *aad, *plain, *sealed;
} rows[] = {
    { "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
    { "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "00000000000000000000000000000000",
      "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
    { "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b39",
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828"
      "838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b" },
};

static struct ds_key32 key_of(const char *text)
{
    struct unhex u = unhex(text);
    struct ds_key32 k;
    memcpy(k.b, u.b, sizeof k.b);
    return k;
}

static void specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct ds_key32 key = key_of(rows[i].key);
        struct unhex iv = unhex(rows[i].iv), aad = unhex(rows[i].aad), plain = unhex(rows[i].plain),
                     sealed = unhex(rows[i].sealed);
        uint8_t out[128];
        assert_ok(ds_aead_seal(out, &key, iv.b, unhex_span(&aad), unhex_span(&plain), &e));
        assert_hex(DS_SPAN(out, plain.len + DS_AEAD_TAG_LEN), rows[i].sealed);
        assert_ok(ds_aead_open(out, &key, iv.b, unhex_span(&aad), unhex_span(&sealed), &e));
        assert_hex(DS_SPAN(out, plain.len), rows[i].plain);
    }
}

static void refusals(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 key = key_of(rows[2].key);
    struct unhex iv = unhex(rows[2].iv), aad = unhex(rows[2].aad), sealed = unhex(rows[2].sealed);
    uint8_t out[128];
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.b[i] ^= 0x80;
        memset(out, 0xaa, sizeof out);
        assert_int_equal(ds_aead_open(out, &key, iv.b, unhex_span(&aad), unhex_span(&sealed), &e),
                         DS_ERR_UNTRUSTED);
        for (size_t j = 0; j < sealed.len - DS_AEAD_TAG_LEN; j++)
            assert_int_equal(out[j], 0); /* no plaintext is left behind */
        sealed.b[i] ^= 0x80;
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_equal(ds_aead_open(out, &key, iv.b, unhex_span(&aad), DS_SPAN(sealed.b, len),
                                      &e),
                         len < DS_AEAD_TAG_LEN ? DS_ERR_TRUNCATED : DS_ERR_UNTRUSTED);
    aad.len--;
    assert_int_equal(ds_aead_open(out, &key, iv.b, unhex_span(&aad), unhex_span(&sealed), &e),
                     DS_ERR_UNTRUSTED);
    aad.len++;
    key.b[31] ^= 1;
    assert_int_equal(ds_aead_open(out, &key, iv.b, unhex_span(&aad), unhex_span(&sealed), &e),
                     DS_ERR_UNTRUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specification),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
