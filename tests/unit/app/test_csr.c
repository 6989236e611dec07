/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing requests: two encodings that dstack's own tests pin, there and back
 * with every field, signatures, and bytes that were changed or cut.
 */
#include "app/csr.h"
#include "unhex.h"

#define CONFIRM "44706c65617365207369676e20636572743a"
#define SUBJECT "40746573742e6578616d706c652e636f6d" /* test.example.com */
#define ZEROS64                                                        \
    "0000000000000000000000000000000000000000000000000000000000000000" \
    "0000000000000000000000000000000000000000000000000000000000000000"

static void pinned_encodings(void **state)
{
    (void)state;
    static const struct {
        bool ext_quote;
        const char *attestation, *want;
    } rows[] = {
        { false, "0000000000" ZEROS64 "00",
          CONFIRM "0c010203"
                  "00" SUBJECT "00"
                  "01000000"
                  "0000"
                  "0000000000" ZEROS64 "00" },
        { true,
          "0000040900"
          "00" ZEROS64 "00",
          CONFIRM "0c010203"
                  "00" SUBJECT "00"
                  "01000100"
                  "0000"
                  "000004090000" ZEROS64 "00" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct unhex attestation = unhex(rows[i].attestation);
        struct app_csr csr = {
            .spki = DS_SPAN_LIT("\x01\x02\x03"),
            .subject = DS_SPAN_LIT("test.example.com"),
            .server_auth = true,
            .ext_quote = rows[i].ext_quote,
            .attestation = unhex_span(&attestation),
        };
        DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
        assert_ok(app_csr_encode(&out, &csr, &e));
        assert_hex(ds_buf_span(&out), rows[i].want);
        /* Three bytes are no P-256 key. */
        assert_int_not_equal(app_csr_parse(&csr, ds_buf_span(&out), &e), DS_OK);
    }
}

static struct app_csr full(const uint8_t *spki)
{
    return (struct app_csr){
        .spki = DS_SPAN(spki, DS_P256_SPKI_LEN),
        .org_name = DS_SPAN_LIT("Example"),
        .subject = DS_SPAN_LIT("app"),
        .sans = { DS_SPAN_LIT("a.example.org"), DS_SPAN_LIT("10.0.0.1") },
        .n_sans = 2,
        .client_auth = true,
        .ext_app_info = true,
        .has_not_before = true,
        .not_before_s = 1700000000,
        .has_not_after = true,
        .not_after_s = 1800000000,
        .attestation = DS_SPAN_LIT("\x00\x00"),
    };
}

static void signed_request(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL, *other = NULL;
    assert_ok(ds_p256_key_new(&key, &e));
    assert_ok(ds_p256_key_new(&other, &e));
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, key);
    struct app_csr csr = full(spki), got;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    assert_ok(app_csr_encode(&out, &csr, &e));
    struct ds_p256_sig_der sig, wrong;
    assert_ok(ds_p256_sign_der(&sig, key, ds_buf_span(&out), &e));
    assert_ok(ds_p256_sign_der(&wrong, other, ds_buf_span(&out), &e));
    assert_ok(app_csr_verify(&got, ds_buf_span(&out), DS_SPAN(sig.b, sig.len), &e));
    assert_true(ds_span_eq_str(got.org_name, "Example"));
    assert_int_equal(got.n_sans, 2);
    assert_true(ds_span_eq_str(got.sans[1], "10.0.0.1"));
    assert_true(got.client_auth && got.ext_app_info && !got.server_auth && !got.ext_quote);
    assert_int_equal(got.not_after_s, 1800000000);
    assert_int_equal(got.attestation.len, 2);

    assert_int_equal(app_csr_verify(&got, ds_buf_span(&out), DS_SPAN(wrong.b, wrong.len), &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_APP_CSR_SIGNATURE);
    assert_int_equal(app_csr_verify(&got, ds_buf_span(&out), (struct ds_span){ 0 }, &e),
                     DS_ERR_UNTRUSTED);
    for (size_t i = 0; i < out.len; i++) {
        out.p[i] ^= 1;
        assert_int_not_equal(app_csr_verify(&got, ds_buf_span(&out), DS_SPAN(sig.b, sig.len), &e),
                             DS_OK);
        out.p[i] ^= 1;
    }
    size_t fixed = out.len - 2; /* the attestation takes whatever is left */
    for (size_t len = 0; len < fixed; len++)
        assert_int_not_equal(app_csr_parse(&got, DS_SPAN(out.p, len), &e), DS_OK);
    assert_ok(app_csr_parse(&got, DS_SPAN(out.p, fixed), &e));
    assert_int_equal(got.attestation.len, 0);
}

static void bounds(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    assert_ok(ds_p256_key_new(&key, &e));
    uint8_t spki[DS_P256_SPKI_LEN];
    static uint8_t text[APP_CSR_TEXT_MAX + 1];
    memset(text, 'a', sizeof text);
    ds_p256_key_spki(spki, key);
    const struct {
        const char *name;
        size_t subject, org, n_sans, san;
        bool good;
    } rows[] = {
        { "longest texts", 255, 255, 1, 255, true },
        { "most names", 1, 1, APP_CSR_SANS_MAX, 1, true },
        { "subject too long", 256, 1, 0, 0, false },
        { "organisation too long", 1, 256, 0, 0, false },
        { "name too long", 1, 1, 1, 256, false },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct app_csr csr = full(spki), got;
        csr.subject = DS_SPAN(text, rows[i].subject);
        csr.org_name = DS_SPAN(text, rows[i].org);
        csr.n_sans = rows[i].n_sans;
        for (size_t k = 0; k < csr.n_sans; k++)
            csr.sans[k] = DS_SPAN(text, rows[i].san);
        DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
        assert_ok(app_csr_encode(&out, &csr, &e));
        int r = app_csr_parse(&got, ds_buf_span(&out), &e);
        if ((r == DS_OK) != rows[i].good)
            fail_msg("%s: %d", rows[i].name, r);
    }
    struct app_csr csr = full(spki);
    csr.n_sans = APP_CSR_SANS_MAX + 1;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    assert_int_equal(app_csr_encode(&out, &csr, &e), DS_ERR_RANGE);
    static uint8_t huge[APP_CSR_MAX + 1];
    assert_int_equal(app_csr_parse(&csr, DS_SPAN_OF(huge), &e), DS_ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pinned_encodings),
        cmocka_unit_test(signed_request),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
