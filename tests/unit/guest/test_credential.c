/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's side of the instance credential: when it renews, and which chains
 * it takes.
 */
#include "guest/credential.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "crypto/cert.h"

#define DAY  INT64_C(86400)
#define FROM INT64_C(1790000000)
#define TO   (FROM + 10 * DAY)
#define HALF (FROM + 5 * DAY)
#define HOUR INT64_C(3600000)

/* clang-format off */
static const struct {
    const char *name;
    int64_t now_s;
    unsigned n_failures;
    bool is_due;
    int64_t want_ms;
} rows[] = {
    { "fresh", FROM, 0, false, HOUR },
    { "an hour before half of the life", HALF - 3600, 0, false, HOUR },
    { "a second less", HALF - 3599, 0, false, HOUR - 1000 },
    { "a second before", HALF - 1, 0, false, 1000 },
    { "half of the life", HALF, 0, true, 5000 },
    { "after one failure", HALF, 1, true, 10000 },
    { "after nine", HALF, 9, true, 2560000 },
    { "after many", HALF, 1000, true, 2560000 },
    { "over", TO + 1, 0, true, 5000 },
    { "a clock before the begin", FROM - DAY, 3, false, HOUR },
};
/* clang-format on */

static void test_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        bool is_due = !rows[i].is_due;
        int64_t ms = guest_credential_wait_ms(&is_due, rows[i].now_s, FROM, TO, rows[i].n_failures);
        if (ms != rows[i].want_ms || is_due != rows[i].is_due)
            fail_msg("%s: %lld ms", rows[i].name, (long long)ms);
    }
}

/* A self-signed certificate for a key, as PEM. */
static void make_pem(struct ds_buf *ret, const struct ds_p256_key *key, int64_t to_s)
{
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, key);
    const struct ds_cert_spec spec = { .subject = { .cn = "test" },
                                       .spki = DS_SPAN_OF(spki),
                                       .not_before_s = FROM,
                                       .not_after_s = to_s };
    assert_int_equal(ds_cert_make(&der, &spec, (struct ds_span){ 0 }, key, &e), DS_OK);
    ds_pem_add(ret, "CERTIFICATE", ds_buf_span(&der));
    assert_false(ret->bad);
}

static void test_take(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct guest_credential c;
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *other = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf ours = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf newer = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf foreign = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf chain = { 0 };
    guest_credential_init(&c);
    assert_int_equal(ds_p256_key_new(&c.key, &e), DS_OK);
    assert_int_equal(ds_p256_key_new(&other, &e), DS_OK);
    make_pem(&ours, c.key, TO);
    make_pem(&newer, c.key, TO + DAY);
    make_pem(&foreign, other, TO);
    const char *const good[] = { ours.p, foreign.p }, *const renewed[] = { newer.p },
                      *const bad[][1] = { { foreign.p }, { "" }, { "no PEM" } };
    assert_int_equal(guest_credential_take(&c, good, 2, &e), DS_OK);
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        assert_int_equal(guest_credential_take(&c, bad[i], 1, &e), DS_ERR_PEER);
        assert_int_equal(e.code, DS_CODE_GUEST_KMS_REPLY);
    }
    assert_int_equal(guest_credential_take(&c, good, 0, &e), DS_ERR_PEER);
    /* What was refused changed nothing. */
    assert_int_equal(c.not_after_s, TO);
    assert_int_equal(guest_credential_chain(&chain, &c, &e), DS_OK);
    assert_int_equal(chain.len, ours.len + foreign.len);
    ds_buf_clear(&chain);
    assert_int_equal(guest_credential_take(&c, renewed, 1, &e), DS_OK);
    assert_int_equal(guest_credential_chain(&chain, &c, &e), DS_OK);
    assert_string_equal(chain.p, newer.p);
    assert_int_equal(c.not_after_s, TO + DAY);
    guest_credential_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_wait), cmocka_unit_test(test_take) };
    return cmocka_run_group_tests_name("guest/credential", tests, NULL, NULL);
}
