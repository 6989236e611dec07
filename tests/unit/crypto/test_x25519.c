/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X25519 against RFC 7748 §5.2 and §6.1, and peers that give no secret.
 */
#include "crypto/x25519.h"
#include "unhex.h"

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
        const char *secret, *want;
    } rows[] = {
        { "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
          "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct ds_key32 k = key_of(rows[i].secret);
        uint8_t pub[32];
        assert_ok(ds_x25519_public(pub, &k, &e));
        assert_hex(DS_SPAN_OF(pub), rows[i].want);
    }
}

static void scalar_multiplication(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *peer, *want; /* want NULL: refused */
    } rows[] = {
        { "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
          "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
          "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552" },
        { "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
          "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
          "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957" },
        { "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
          "0000000000000000000000000000000000000000000000000000000000000000", NULL },
        { "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
          "0100000000000000000000000000000000000000000000000000000000000000", NULL },
        { "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct ds_key32 k = key_of(rows[i].secret), shared = { 0 };
        struct unhex peer = unhex(rows[i].peer);
        int r = ds_x25519_shared(&shared, &k, peer.b, &e);
        if (rows[i].want == NULL) {
            assert_int_equal(r, DS_ERR_UNTRUSTED);
            continue;
        }
        assert_ok(r);
        assert_hex(DS_SPAN_OF(shared.b), rows[i].want);
    }
}

static void both_sides_agree(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 a = key_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
                    b = key_of("77076d0a7318a57d3c16c17251b26645df4c2f92ebc099707b4a6e1ea2ba6d3c"),
                    ab, ba;
    uint8_t a_pub[32], b_pub[32];
    assert_ok(ds_x25519_public(a_pub, &a, &e));
    assert_ok(ds_x25519_public(b_pub, &b, &e));
    assert_ok(ds_x25519_shared(&ab, &a, b_pub, &e));
    assert_ok(ds_x25519_shared(&ba, &b, a_pub, &e));
    assert_memory_equal(ab.b, ba.b, sizeof ab.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_keys),
        cmocka_unit_test(scalar_multiplication),
        cmocka_unit_test(both_sides_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
