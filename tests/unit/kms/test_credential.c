/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instance credentials: the one that the KMS gave passes in its dates, and what
 * looks like one does not.
 */
#include "kms/credential.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "ratls/cert.h"

#define NOW  INT64_C(1790000000)
#define LIFE KMS_CREDENTIAL_LIFE_S

static char dir[] = "/tmp/ds-credential-XXXXXX", other_dir[] = "/tmp/ds-credential-XXXXXX";
static struct kms_root root, other_root;
static struct ds_p256_key *key;
static uint8_t spki[DS_P256_SPKI_LEN];
static const uint8_t app_a[20] = { 0xa }, app_b[20] = { 0xb }, instance_id20[20] = { 1 };

/* What a row makes, and when it is shown. */
struct trial {
    const struct kms_root *root;
    const uint8_t *ca_of; /* the app whose CA signs */
    struct kms_credential_for who;
    struct ds_buf der;
    int64_t at_s;
    bool has_none;
};

static void make(struct trial *t)
{
    struct ds_error e = { 0 };
    DS_AUTO(kms_app_ca_done) struct kms_app_ca ca = { 0 };
    assert_int_equal(kms_app_ca_make(&ca, t->root, t->ca_of, NOW, &e), DS_OK);
    assert_int_equal(kms_credential_make(&t->der, &ca, &t->who, &e), DS_OK);
}

/* A certificate by the app's CA with these parts. */
static void make_cert(struct trial *t, const struct ratls_spec *in, const uint8_t *subject_spki)
{
    struct ds_error e = { 0 };
    DS_AUTO(kms_app_ca_done) struct kms_app_ca ca = { 0 };
    struct ratls_spec spec = *in;
    spec.cn = "dstack instance";
    spec.not_before_s = NOW;
    spec.not_after_s = NOW + LIFE;
    assert_int_equal(kms_app_ca_make(&ca, t->root, t->ca_of, NOW, &e), DS_OK);
    assert_int_equal(ratls_cert_make(&t->der, &spec, DS_SPAN(subject_spki, DS_P256_SPKI_LEN),
                                     ds_buf_span(&ca.der), ca.key, &e),
                     DS_OK);
}

static void as_given(struct trial *t) { make(t); }
static void no_instance(struct trial *t)
{
    t->who.instance_id = DS_SPAN_LIT("");
    make(t);
}
static void none(struct trial *t) { t->has_none = true; }
static void garbage(struct trial *t) { ds_buf_str(&t->der, "no certificate"); }
static void cut(struct trial *t)
{
    make(t);
    t->der.len--;
}
static void changed(struct trial *t)
{
    make(t);
    t->der.p[t->der.len - 1] ^= 1; /* the signature's end */
}
static void app_cert(struct trial *t)
{
    make_cert(t, &(struct ratls_spec){ .app_id = t->who.app_id, .usage = "app:custom" }, spki);
}
static void bad_extension(struct trial *t)
{
    const struct ds_cert_ext ext = { APP_CREDENTIAL_OID, false, DS_SPAN_LIT("\x05\x00") };
    make_cert(t, &(struct ratls_spec){ .app_id = t->who.app_id, .exts = &ext, .n_exts = 1 }, spki);
}
static void self_made(struct trial *t)
{
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    assert_int_equal(app_credential_ext_encode(&value, t->who.instance_id, &e), DS_OK);
    const struct ds_cert_ext ext = { APP_CREDENTIAL_OID, false, ds_buf_span(&value) };
    const struct ratls_spec spec = { .cn = "dstack instance",
                                     .not_before_s = NOW,
                                     .not_after_s = NOW + LIFE,
                                     .app_id = t->who.app_id,
                                     .exts = &ext,
                                     .n_exts = 1 };
    assert_int_equal(ratls_cert_make(&t->der, &spec, DS_SPAN_OF(spki), (struct ds_span){ 0 }, key,
                                     &e),
                     DS_OK);
}
static void critical(struct trial *t)
{
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    assert_int_equal(app_credential_ext_encode(&value, t->who.instance_id, &e), DS_OK);
    const struct ds_cert_ext exts[] = { { APP_CREDENTIAL_OID, false, ds_buf_span(&value) },
                                        { "1.2.3.4", true, DS_SPAN_LIT("\x05\x00") } };
    make_cert(t, &(struct ratls_spec){ .app_id = t->who.app_id, .exts = exts, .n_exts = 2 }, spki);
}
static void other_apps_ca(struct trial *t)
{
    t->ca_of = app_b;
    make(t);
}
static void other_kms(struct trial *t)
{
    t->root = &other_root;
    make(t);
}
static void last_second(struct trial *t)
{
    make(t);
    t->at_s = NOW + LIFE;
}
static void a_second_late(struct trial *t)
{
    make(t);
    t->at_s = NOW + LIFE + 1;
}
static void a_second_early(struct trial *t)
{
    make(t);
    t->at_s = NOW - 1;
}

/* clang-format off */
static const struct {
    const char *name;
    void (*make)(struct trial *t);
    enum ds_code code; /* NONE: it passes */
} rows[] = {
    { "as given", as_given, DS_CODE_NONE },
    { "of an app without instance ids", no_instance, DS_CODE_NONE },
    { "in its last second", last_second, DS_CODE_NONE },
    { "none", none, DS_CODE_KMS_NO_CREDENTIAL },
    { "a certificate of the app", app_cert, DS_CODE_KMS_NO_CREDENTIAL },
    { "no certificate at all", garbage, DS_CODE_KMS_CREDENTIAL_INVALID },
    { "one byte short", cut, DS_CODE_KMS_CREDENTIAL_INVALID },
    { "with another signature", changed, DS_CODE_KMS_CREDENTIAL_INVALID },
    { "with a malformed extension", bad_extension, DS_CODE_KMS_CREDENTIAL_INVALID },
    { "signed by itself", self_made, DS_CODE_KMS_CREDENTIAL_INVALID },
    { "with a critical extension", critical, DS_CODE_KMS_CREDENTIAL_INVALID },
    { "by another app's CA", other_apps_ca, DS_CODE_KMS_CREDENTIAL_INVALID },
    { "by another KMS", other_kms, DS_CODE_KMS_CREDENTIAL_INVALID },
    { "a second after its end", a_second_late, DS_CODE_KMS_CREDENTIAL_EXPIRED },
    { "a second before its begin", a_second_early, DS_CODE_KMS_CREDENTIAL_EXPIRED },
};
/* clang-format on */

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_verdict v = { 0 };
        struct kms_holder holder = { 0 };
        struct trial t = { .root = &root,
                           .ca_of = app_a,
                           .who = { .spki = DS_SPAN_OF(spki),
                                    .app_id = DS_SPAN_OF(app_a),
                                    .instance_id = DS_SPAN_OF(instance_id20),
                                    .now_s = NOW,
                                    .life_s = LIFE },
                           .at_s = NOW };
        rows[i].make(&t);
        const struct ds_span chain[] = { ds_buf_span(&t.der) };
        int r = kms_credential_check(&holder, &v, &root, chain, t.has_none ? 0 : 1, t.at_s, &e);
        if (r < 0 || v.n_reasons != (rows[i].code != DS_CODE_NONE) ||
            (v.n_reasons > 0 && v.reasons[0].code != rows[i].code))
            fail_msg("%s: %d %u %s", rows[i].name, r, v.n_reasons,
                     v.n_reasons > 0 ? ds_code_info_get(v.reasons[0].code)->id : e.msg);
        if (rows[i].code == DS_CODE_NONE) {
            assert_true(ds_span_eq(holder.spki, DS_SPAN_OF(spki)));
            assert_true(ds_span_eq(holder.app_id, DS_SPAN_OF(app_a)));
            assert_true(ds_span_eq(holder.instance_id, t.who.instance_id));
        }
        ds_buf_done(&t.der);
    }
}

/* Neither the app's CA nor the credential outlives what issued it. */
static void test_ends_with_the_root(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(kms_app_ca_done) struct kms_app_ca ca = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    struct ds_x509 root_cert, ca_cert, cert;
    assert_int_equal(ds_x509_parse(&root_cert, ds_buf_span(&root.ca_der), &e), DS_OK);
    int64_t late_s = root_cert.not_after_s - 3600;
    assert_int_equal(kms_app_ca_make(&ca, &root, app_a, late_s, &e), DS_OK);
    assert_int_equal(ds_x509_parse(&ca_cert, ds_buf_span(&ca.der), &e), DS_OK);
    assert_int_equal(ca_cert.not_after_s, root_cert.not_after_s);
    const struct kms_credential_for who = {
        .spki = DS_SPAN_OF(spki), .app_id = DS_SPAN_OF(app_a), .now_s = late_s, .life_s = LIFE
    };
    assert_int_equal(kms_credential_make(&der, &ca, &who, &e), DS_OK);
    assert_int_equal(ds_x509_parse(&cert, ds_buf_span(&der), &e), DS_OK);
    assert_int_equal(cert.not_after_s, root_cert.not_after_s);
    kms_app_ca_done(&ca);
    assert_int_equal(kms_app_ca_make(&ca, &root, app_a, root_cert.not_after_s + 1, &e),
                     DS_ERR_STALE);
}

static int setup(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    if (mkdtemp(dir) == NULL || mkdtemp(other_dir) == NULL ||
        kms_root_open(&root, dir, KMS_KIND_SIMULATED, NOW, &e) < 0 ||
        kms_root_open(&other_root, other_dir, KMS_KIND_SIMULATED, NOW, &e) < 0 ||
        ds_p256_key_new(&key, &e) < 0)
        return -1;
    ds_p256_key_spki(spki, key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ds_p256_key_free(key);
    kms_root_done(&root);
    kms_root_done(&other_root);
    return ds_dir_remove(dir, NULL) | ds_dir_remove(other_dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
                                        cmocka_unit_test(test_ends_with_the_root) };
    return cmocka_run_group_tests_name("kms/credential", tests, setup, teardown);
}
