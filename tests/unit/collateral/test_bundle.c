/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles: one form for equal content, and no byte of one can be changed.
 */
#include "collateral/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/str.h"
#include "crypto/hash.h"

#define ISSUED_S 1795000000
#define UNTIL_S  1797000000

static struct ds_p256_key *key;
static uint8_t *room;

static struct bundle bundle_of(const char *const *sets, size_t n)
{
    struct bundle b = { .n_sets = n, .issued_s = ISSUED_S, .until_s = UNTIL_S };
    for (size_t i = 0; i < n; i++)
        b.sets[i] = ds_span_str(sets[i]);
    return b;
}

static int parse(struct bundle *ret, struct ds_span file, const uint8_t *signer32,
                 struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, BUNDLE_MEM);
    return bundle_parse(ret, &mem, file, signer32, e);
}

static void make(struct ds_buf *ret)
{
    static const char *const sets[] = { "{\"b\":\"\\n\"}", "{\"a\":1}", "{\"b\":\"\\n\"}" };
    const struct bundle b = bundle_of(sets, DS_LEN(sets));
    assert_int_equal(bundle_encode(ret, &b, key, NULL), DS_OK);
}

static void test_round_trip(void **unused)
{
    struct bundle b;
    uint8_t spki[DS_P256_SPKI_LEN], hash32[32];
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    struct ds_error e = { 0 };
    (void)unused;
    make(&file);
    assert_true(bundle_is(ds_buf_span(&file)));
    assert_false(bundle_is(DS_SPAN_LIT("{\"tcb_info\":\"\"}")));
    assert_false(bundle_is(DS_SPAN_LIT("{\"bundle\"")));
    if (parse(&b, ds_buf_span(&file), NULL, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(b.n_sets, 2); /* sorted, each once */
    assert_true(ds_span_eq_str(b.sets[0], "{\"a\":1}"));
    assert_true(ds_span_eq_str(b.sets[1], "{\"b\":\"\\n\"}"));
    assert_int_equal(b.issued_s, ISSUED_S);
    assert_int_equal(b.until_s, UNTIL_S);
    ds_p256_key_spki(spki, key);
    assert_int_equal(ds_hash(DS_SHA256, hash32, DS_SPAN_OF(spki), NULL), DS_OK);
    assert_memory_equal(b.signer32, hash32, 32);
    assert_int_equal(parse(&b, ds_buf_span(&file), hash32, &e), DS_OK);
    hash32[31] ^= 1;
    assert_int_equal(parse(&b, ds_buf_span(&file), hash32, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_COLLATERAL_BUNDLE_SIGNER);
}

/* Every bit of every byte, every length, and a byte more. */
static void test_no_change(void **unused)
{
    struct bundle b;
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    (void)unused;
    make(&file);
    for (size_t i = 0; i < file.len * 8; i++) {
        struct ds_error e = { 0 };
        file.p[i / 8] = (char)(file.p[i / 8] ^ 1 << i % 8);
        int r = parse(&b, ds_buf_span(&file), NULL, &e);
        if (r >= 0 || (e.code != DS_CODE_COLLATERAL_BUNDLE_FORMAT &&
                       e.code != DS_CODE_COLLATERAL_BUNDLE_SIGNATURE))
            fail_msg("bit %zu: %s", i, e.msg);
        file.p[i / 8] = (char)(file.p[i / 8] ^ 1 << i % 8);
    }
    for (size_t n = 0; n < file.len; n++)
        assert_int_equal(parse(&b, DS_SPAN(file.p, n), NULL, NULL), DS_ERR_FORMAT);
    ds_buf_char(&file, '\n');
    assert_int_equal(parse(&b, ds_buf_span(&file), NULL, NULL), DS_ERR_FORMAT);
}

#define ZERO16       "00000000000000000000000000000000"
#define SIG          ZERO16 ZERO16 ZERO16 ZERO16
#define SPKI         ZERO16 ZERO16 ZERO16 ZERO16 ZERO16 "0000000000000000000000"
#define FILE_OF(doc) "{\"bundle\":" doc ",\"signature\":\"" SIG "\",\"spki\":\"" SPKI "\"}"

static void test_forms(void **unused)
{
    static const struct {
        const char *name, *file;
        enum ds_code code;
    } rows[] = {
        { "a key that is none, in good form",
          FILE_OF("{\"issued_s\":1,\"sets\":[\"a\"],\"until_s\":2,\"v\":1}"),
          DS_CODE_COLLATERAL_BUNDLE_SIGNATURE },
        { "no set", FILE_OF("{\"issued_s\":1,\"sets\":[],\"until_s\":2,\"v\":1}"), 0 },
        { "a set that is no text", FILE_OF("{\"issued_s\":1,\"sets\":[{}],\"until_s\":2,\"v\":1}"),
          0 },
        { "unsorted", FILE_OF("{\"issued_s\":1,\"sets\":[\"b\",\"a\"],\"until_s\":2,\"v\":1}"), 0 },
        { "a set twice", FILE_OF("{\"issued_s\":1,\"sets\":[\"a\",\"a\"],\"until_s\":2,\"v\":1}"),
          0 },
        { "version 2", FILE_OF("{\"issued_s\":1,\"sets\":[\"a\"],\"until_s\":2,\"v\":2}"), 0 },
        { "version 0", FILE_OF("{\"issued_s\":1,\"sets\":[\"a\"],\"until_s\":2,\"v\":0}"), 0 },
        { "another order", FILE_OF("{\"sets\":[\"a\"],\"issued_s\":1,\"until_s\":2,\"v\":1}"), 0 },
        { "a blank", FILE_OF("{\"issued_s\": 1,\"sets\":[\"a\"],\"until_s\":2,\"v\":1}"), 0 },
        { "an escape where none is needed",
          FILE_OF("{\"issued_s\":1,\"sets\":[\"\\u0061\"],\"until_s\":2,\"v\":1}"), 0 },
        { "one member more",
          FILE_OF("{\"a\":1,\"issued_s\":1,\"sets\":[\"a\"],\"until_s\":2,\"v\":1}"), 0 },
        { "a date before 1970", FILE_OF("{\"issued_s\":-1,\"sets\":[\"a\"],\"until_s\":2,\"v\":1}"),
          0 },
        { "a date beyond JSON",
          FILE_OF("{\"issued_s\":9007199254740992,\"sets\":[\"a\"],\"until_s\":2,\"v\":1}"), 0 },
        { "no date of issue", FILE_OF("{\"sets\":[\"a\"],\"until_s\":2,\"v\":1}"), 0 },
        { "a list", "[]", 0 },
        { "no bundle", "{\"signature\":\"" SIG "\",\"spki\":\"" SPKI "\"}", 0 },
        { "a short signature",
          "{\"bundle\":{\"issued_s\":1,\"sets\":[\"a\"],\"until_s\":2,\"v\":1},\"signature\":\"00\","
          "\"spki\":\"" SPKI "\"}",
          0 },
        { "no key",
          "{\"bundle\":{\"issued_s\":1,\"sets\":[\"a\"],\"until_s\":2,\"v\":1},\"signature\":\"" SIG
          "\"}",
          0 },
    };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct bundle b;
        struct ds_error e = { 0 };
        enum ds_code want = rows[i].code != 0 ? rows[i].code : DS_CODE_COLLATERAL_BUNDLE_FORMAT;
        assert_true(parse(&b, ds_span_str(rows[i].file), NULL, &e) < 0);
        if (e.code != want)
            fail_msg("%s: %s", rows[i].name, e.msg);
    }
}

/* The signature is over tag and document: a signature over the document alone is none. */
static void test_domain(void **unused)
{
    static const char document[] = "{\"issued_s\":1,\"sets\":[\"a\"],\"until_s\":2,\"v\":1}";
    uint8_t sig64[64], spki[DS_P256_SPKI_LEN];
    struct bundle b;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    (void)unused;
    assert_int_equal(ds_p256_sign(sig64, key, DS_SPAN_LIT(document), NULL), DS_OK);
    ds_p256_key_spki(spki, key);
    ds_buf_printf(&file, "{\"bundle\":%s,\"signature\":\"", document);
    ds_buf_hex(&file, DS_SPAN_OF(sig64));
    ds_buf_str(&file, "\",\"spki\":\"");
    ds_buf_hex(&file, DS_SPAN_OF(spki));
    ds_buf_str(&file, "\"}");
    assert_int_equal(parse(&b, ds_buf_span(&file), NULL, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_COLLATERAL_BUNDLE_SIGNATURE);
}

static void test_bounds(void **unused)
{
    static const char one[] = "{}";
    struct bundle b = { .issued_s = ISSUED_S, .until_s = UNTIL_S };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf big = { 0 };
    (void)unused;
    assert_int_equal(bundle_encode(&out, &b, key, NULL), DS_ERR_RANGE);
    b.sets[0] = ds_span_str(one);
    b.n_sets = BUNDLE_SETS_MAX + 1;
    assert_int_equal(bundle_encode(&out, &b, key, NULL), DS_ERR_RANGE);
    b.n_sets = 1;
    b.until_s = -1;
    assert_int_equal(bundle_encode(&out, &b, key, NULL), DS_ERR_RANGE);
    b.until_s = UNTIL_S;
    while (big.len <= BUNDLE_MAX / 2)
        ds_buf_str(&big, "0123456789012345678901234567890123456789012345678901234567890123");
    b.sets[0] = ds_buf_span(&big);
    assert_int_equal(bundle_encode(&out, &b, key, NULL), DS_ERR_RANGE);
    b.sets[0].len = BUNDLE_MAX / 2;
    assert_int_equal(bundle_encode(&out, &b, key, NULL), DS_OK);
    assert_int_equal(parse(&b, ds_buf_span(&out), NULL, NULL), DS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_no_change),
        cmocka_unit_test(test_forms),      cmocka_unit_test(test_domain),
        cmocka_unit_test(test_bounds),
    };
    room = malloc(BUNDLE_MEM);
    if (room == NULL || ds_p256_key_new(&key, NULL) < 0)
        return 1;
    int n = cmocka_run_group_tests(tests, NULL, NULL);
    ds_p256_key_free(key);
    free(room);
    return n;
}
