/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 against RFC 8032 §7.1, guest-api 6.4, and signatures that are wrong.
 */
#include "crypto/ed25519.h"
#include "unhex.h"

static const struct row {
    const char *seed, *pub, *message, *sig;
} rows[] = {
    { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
      "b46bd25bf5f0595bbe24655141438e7a100b" },
    { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
      "1d8c387b2eaeb4302aeeb00d291612bb0c00" },
    { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
      "c6594a7c15e9716ed28dc027beceea1ec40a" },
};

static void rfc8032(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct unhex seed = unhex(rows[i].seed), message = unhex(rows[i].message);
        struct ds_key32 key;
        memcpy(key.b, seed.b, sizeof key.b);
        uint8_t pub[32], sig[64];
        assert_ok(ds_ed25519_public(pub, &key, &e));
        assert_hex(DS_SPAN_OF(pub), rows[i].pub);
        assert_ok(ds_ed25519_sign(sig, &key, unhex_span(&message), &e));
        assert_hex(DS_SPAN_OF(sig), rows[i].sig);
        assert_ok(ds_ed25519_verify(pub, sig, unhex_span(&message), &e));
    }
}

static void every_bit_counts(void **state)
{
    (void)state;
    struct unhex pub = unhex(rows[2].pub), sig = unhex(rows[2].sig), message = unhex("af82");
    struct ds_error e = { 0 };
    for (size_t i = 0; i < sig.len; i++) {
        sig.b[i] ^= 1;
        assert_int_equal(ds_ed25519_verify(pub.b, sig.b, unhex_span(&message), &e),
                         DS_ERR_UNTRUSTED);
        sig.b[i] ^= 1;
    }
    message.b[0] ^= 1;
    assert_int_equal(ds_ed25519_verify(pub.b, sig.b, unhex_span(&message), &e), DS_ERR_UNTRUSTED);
    message.b[0] ^= 1;
    message.len = 1;
    assert_int_equal(ds_ed25519_verify(pub.b, sig.b, unhex_span(&message), &e), DS_ERR_UNTRUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc8032),
        cmocka_unit_test(every_bit_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
