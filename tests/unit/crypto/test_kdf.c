/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HKDF against RFC 5869 appendix A, and dstack's derivation (guest-api 6.1, 6.4).
 */
#include "crypto/kdf.h"
#include "unhex.h"

static void rfc5869(void **state)
{
    (void)state;
    static const struct {
        const char *ikm, *salt, *info, *okm;
    } rows[] = {
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
          "f0f1f2f3f4f5f6f7f8f9",
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865" },
        { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
          "2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
          "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b"
          "8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
          "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadb"
          "dcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
          "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87" },
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct unhex ikm = unhex(rows[i].ikm), salt = unhex(rows[i].salt),
                     info = unhex(rows[i].info);
        uint8_t out[128];
        size_t len = strlen(rows[i].okm) / 2;
        struct ds_error e = { 0 };
        assert_ok(
            ds_hkdf_sha256(out, len, unhex_span(&salt), unhex_span(&ikm), unhex_span(&info), &e));
        assert_hex(DS_SPAN(out, len), rows[i].okm);
    }
}

static void bounds(void **state)
{
    (void)state;
    static uint8_t out[DS_HKDF_OUT_MAX + 1], info[DS_KDF_CONTEXT_MAX + 1];
    static const struct {
        const char *name;
        size_t len, info_len;
        int want;
    } rows[] = {
        { "one byte", 1, 0, DS_OK },
        { "longest output", DS_HKDF_OUT_MAX, 0, DS_OK },
        { "longest context", 32, DS_KDF_CONTEXT_MAX, DS_OK },
        { "nothing", 0, 0, DS_ERR_RANGE },
        { "output too long", DS_HKDF_OUT_MAX + 1, 0, DS_ERR_RANGE },
        { "context too long", 32, DS_KDF_CONTEXT_MAX + 1, DS_ERR_RANGE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct ds_span part = DS_SPAN(info, rows[i].info_len);
        int r = ds_kdf(out, rows[i].len, DS_SPAN_LIT("ikm"), &part, 1, &e);
        if (r != rows[i].want)
            fail_msg("%s: %d", rows[i].name, r);
    }
}

/* The parts of a context are joined without separators: compatibility, not taste. */
static void dstack_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *parent, *part_one, *part_two, *want;
    } rows[] = {
        { "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b", "vms", "",
          "9db79b3fefe69f2a7b7efbc908c854bf845a629023361f2c9cb3db09fb99010f" },
        { "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b", "v", "ms",
          "9db79b3fefe69f2a7b7efbc908c854bf845a629023361f2c9cb3db09fb99010f" },
        { "d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d", "", "",
          "aa221ae548b5a8f52fcb8687cfd873712f6a1232b2717e5ee3d58ab74f21905b" },
        { "d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d", "test", "",
          "133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8" },
        { "d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d", "", "vms",
          "1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct ds_key32 parent, child;
        assert_ok(ds_hex_decode(parent.b, 32, ds_span_str(rows[i].parent), &e));
        struct ds_span ctx[] = { ds_span_str(rows[i].part_one), ds_span_str(rows[i].part_two) };
        assert_ok(ds_kdf32(&child, &parent, ctx, 2, &e));
        assert_hex(DS_SPAN_OF(child.b), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5869),
        cmocka_unit_test(bounds),
        cmocka_unit_test(dstack_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
