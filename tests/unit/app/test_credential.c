/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instance credential's extension: what is written is read, and nothing
 * else is.
 */
#include "app/credential.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "attest/wrapper/cert_ext.h"
#include "crypto/cert.h"

#define NOW 1790000000

static const uint8_t app_id20[20] = { 0xa1 }, instance_id20[20] = { 0x11 };

/* A certificate with these values in extension DS.3 and in dstack's app id. */
static int parse_with(struct app_credential *ret, bool *ret_is_one, struct ds_buf *der,
                      struct ds_span value, struct ds_span app_id, struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf id = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN];
    struct ds_cert_ext exts[2];
    size_t n = 0;
    struct ds_x509 cert;
    assert_int_equal(ds_p256_key_new(&key, e), DS_OK);
    ds_p256_key_spki(spki, key);
    if (value.p != NULL)
        exts[n++] = (struct ds_cert_ext){ APP_CREDENTIAL_OID, false, value };
    if (app_id.p != NULL) {
        ds_cert_ext_encode(&id, app_id);
        exts[n++] = (struct ds_cert_ext){ ds_cert_ext_oid(DS_CERT_EXT_APP_ID), false,
                                          ds_buf_span(&id) };
    }
    const struct ds_cert_spec spec = { .subject = { .cn = "test" },
                                       .spki = DS_SPAN_OF(spki),
                                       .not_before_s = NOW,
                                       .not_after_s = NOW + 60,
                                       .exts = exts,
                                       .n_exts = n };
    assert_int_equal(ds_cert_make(der, &spec, (struct ds_span){ 0 }, key, e), DS_OK);
    assert_int_equal(ds_x509_parse(&cert, ds_buf_span(der), e), DS_OK);
    return app_credential_parse(ret, ret_is_one, &cert, e);
}

static void test_round_trip(void **state)
{
    (void)state;
    const struct ds_span ids[] = { DS_SPAN_OF(instance_id20), DS_SPAN_LIT("") };
    for (size_t i = 0; i < DS_LEN(ids); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
        struct app_credential c;
        bool is_one = false;
        assert_int_equal(app_credential_ext_encode(&value, ids[i], &e), DS_OK);
        assert_int_equal(parse_with(&c, &is_one, &der, ds_buf_span(&value), DS_SPAN_OF(app_id20),
                                    &e),
                         DS_OK);
        assert_true(is_one);
        assert_true(ds_span_eq(c.app_id, DS_SPAN_OF(app_id20)));
        assert_true(ds_span_eq(c.instance_id, ids[i]));
    }
}

static void test_lengths(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    assert_int_equal(app_credential_ext_encode(&value, DS_SPAN(instance_id20, 19), &e),
                     DS_ERR_RANGE);
    assert_int_equal(app_credential_ext_encode(&value, DS_SPAN(instance_id20, 1), &e),
                     DS_ERR_RANGE);
}

#define USAGE "\x0c\x08instance"
#define NO_ID "\x04\x00"

/* clang-format off */
static const struct {
    const char *name;
    struct ds_span value;
    size_t app_id_len;
    int want;
} rows[] = {
    { "as it must be", { (const uint8_t *)"\x30\x0c" USAGE NO_ID, 14 }, 20, DS_OK },
    { "no app id", { (const uint8_t *)"\x30\x0c" USAGE NO_ID, 14 }, 0, DS_ERR_FORMAT },
    { "app id of 19 bytes", { (const uint8_t *)"\x30\x0c" USAGE NO_ID, 14 }, 19, DS_ERR_FORMAT },
    { "another usage", { (const uint8_t *)"\x30\x0c\x0c\x08Instance" NO_ID, 14 }, 20, DS_ERR_FORMAT },
    { "instance id of one byte", { (const uint8_t *)"\x30\x0d" USAGE "\x04\x01\x00", 15 }, 20, DS_ERR_FORMAT },
    { "no instance id", { (const uint8_t *)"\x30\x0a" USAGE, 12 }, 20, DS_ERR_FORMAT },
    { "one byte more inside", { (const uint8_t *)"\x30\x0d" USAGE NO_ID "\x00", 15 }, 20, DS_ERR_TRAILING },
    { "one byte more behind", { (const uint8_t *)"\x30\x0c" USAGE NO_ID "\x00", 15 }, 20, DS_ERR_TRAILING },
    { "usage in another string type", { (const uint8_t *)"\x30\x0c\x13\x08instance" NO_ID, 14 }, 20, DS_ERR_FORMAT },
    { "no sequence", { (const uint8_t *)"\x05\x00", 2 }, 20, DS_ERR_FORMAT },
};
/* clang-format on */

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
        struct app_credential c;
        bool is_one = false;
        struct ds_span id = { rows[i].app_id_len > 0 ? app_id20 : NULL, rows[i].app_id_len };
        int r = parse_with(&c, &is_one, &der, rows[i].value, id, &e);
        if (r != rows[i].want)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

static void test_not_one(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    struct app_credential c;
    bool is_one = true;
    assert_int_equal(parse_with(&c, &is_one, &der, (struct ds_span){ 0 }, DS_SPAN_OF(app_id20), &e),
                     DS_OK);
    assert_false(is_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_not_one),
    };
    return cmocka_run_group_tests_name("app/credential", tests, NULL, NULL);
}
