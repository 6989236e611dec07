/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a set: the simulated platform's under its root, with each part
 * missing or changed, and recorded ones of real platforms where they are.
 */
#include "collateral/check.h"

#include "base/file.h"
#include "base/str.h"
#include "collateral/ask.h"
#include "kit.h"

static struct kit kit;

static int check(struct collateral_facts *ret, struct ds_span set, struct ds_error *e)
{
    struct ds_arena mem = kit_mem(&kit);
    return collateral_check(ret, &mem, set, &kit.anchors, e);
}

static const struct collateral_item *item_of(const struct collateral_facts *f, const char *name)
{
    for (size_t i = 0; i < f->n_items; i++)
        if (strcmp(f->items[i].name, name) == 0)
            return &f->items[i];
    fail_msg("no item '%s'", name);
    return NULL;
}

static void test_good(void **unused)
{
    struct collateral_facts f;
    struct ds_error e = { 0 };
    (void)unused;
    if (check(&f, kit_set(&kit), &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(f.kind, COLLATERAL_TDX);
    assert_memory_equal(f.fmspc6, simtee_platform.fmspc6, 6);
    assert_false(f.is_processor_ca);
    assert_string_equal(f.anchor, "test machine");
    assert_int_equal(f.anchor_kind, DS_KIND_SIMULATED);
    assert_int_equal(f.n_items, 7); /* root, CA, signer; TCB info, identity, two lists */
    assert_non_null(strstr(item_of(&f, "tcb_info")->signer, "TCB Signing"));
    assert_non_null(strstr(item_of(&f, "pck_crl")->signer, "Platform CA"));
    assert_non_null(strstr(item_of(&f, "root_ca_crl")->signer, "Root CA"));
    int64_t until_s = collateral_until_s(&f), from_s = collateral_from_s(&f);
    assert_int_equal(collateral_check_dates(&f, from_s, &e), DS_OK);
    assert_int_equal(collateral_check_dates(&f, until_s, &e), DS_OK);
    assert_int_equal(collateral_check_dates(&f, from_s - 1, &e), DS_ERR_STALE);
    assert_int_equal(e.code, DS_CODE_COLLATERAL_NOT_YET_VALID);
    assert_int_equal(collateral_check_dates(&f, until_s + 1, &e), DS_ERR_STALE);
    assert_int_equal(e.code, DS_CODE_COLLATERAL_EXPIRED);
    assert_true(until_s <= NOW_S + SIMTEE_COLLATERAL_DAYS * DAY_S);
}

static void test_anchors(void **unused)
{
    const struct ds_anchors none = { 0 };
    struct collateral_facts f;
    struct ds_error e = { 0 };
    struct ds_arena mem = kit_mem(&kit);
    (void)unused;
    assert_int_equal(collateral_check(&f, &mem, kit_set(&kit), &none, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_ROOT_UNKNOWN);
    kit.extra.is_simulated = false;
    assert_int_equal(check(&f, kit_set(&kit), &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_MARKER_UNEXPECTED);
    kit.extra.is_simulated = true;
}

static void test_bad_sets(void **unused)
{
    static const struct {
        const char *name, *key, *text; /* text NULL: the member is left out */
        enum ds_code code;
    } rows[] = {
        { "no TCB info", "tcb_info", NULL, DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "no signature of TCB info", "tcb_info_signature", NULL,
          DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "no signer of TCB info", "tcb_info_issuer_chain", NULL,
          DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "no identity", "qe_identity", NULL, DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "no signature of the identity", "qe_identity_signature", NULL,
          DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "no signer of the identity", "qe_identity_issuer_chain", NULL,
          DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "no root list", "root_ca_crl", NULL, DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "no PCK list", "pck_crl", NULL, DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "no issuer of the PCK list", "pck_crl_issuer_chain", NULL,
          DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "a signature of another length", "tcb_info_signature", "00",
          DS_CODE_DCAP_COLLATERAL_FORMAT },
        { "TCB info that is no JSON", "tcb_info", "{", DS_CODE_DCAP_COLLATERAL_FORMAT },
        { "an identity that lacks everything", "qe_identity", "{}",
          DS_CODE_DCAP_COLLATERAL_FORMAT },
        { "a list that is no list", "pck_crl", "3000", DS_CODE_CRL_FORMAT },
        { "a list in odd hex", "root_ca_crl", "3", DS_CODE_DCAP_COLLATERAL_FORMAT },
        { "issuers that are no PEM", "pck_crl_issuer_chain", "hello", DS_CODE_X509_FORMAT },
        { "a signer that is no PEM", "tcb_info_issuer_chain", "hello", DS_CODE_X509_FORMAT },
    };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct collateral_facts f;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
        kit_set_with(&set, &kit, rows[i].key, rows[i].text);
        if (check(&f, ds_buf_span(&set), &e) >= 0 || e.code != rows[i].code)
            fail_msg("%s: %s", rows[i].name, e.msg);
    }
}

/* A part put in the place of another of the same form. */
static void test_swapped(void **unused)
{
    static const struct {
        const char *key, *from;
        enum ds_code code;
    } rows[] = {
        { "pck_crl", "root_ca_crl", DS_CODE_CRL_ISSUER },
        { "root_ca_crl", "pck_crl", DS_CODE_CRL_ISSUER },
        { "tcb_info_issuer_chain", "pck_crl_issuer_chain", DS_CODE_DCAP_TCB_SIGNER },
        { "pck_crl_issuer_chain", "tcb_info_issuer_chain", DS_CODE_CRL_ISSUER },
        { "tcb_info_signature", "qe_identity_signature", DS_CODE_DCAP_TCB_INFO_SIGNATURE },
        { "qe_identity_signature", "tcb_info_signature", DS_CODE_DCAP_QE_IDENTITY_SIGNATURE },
    };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct collateral_facts f;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
        struct ds_arena mem = kit_mem(&kit);
        DS_AUTO(ds_auto_free)
        char *text = kit_text(kit_part(&mem, &kit, rows[i].from, false));
        kit_set_with(&set, &kit, rows[i].key, text);
        if (check(&f, ds_buf_span(&set), &e) >= 0 || e.code != rows[i].code)
            fail_msg("%s from %s: %s", rows[i].key, rows[i].from, e.msg);
    }
}

static void test_no_sets(void **unused)
{
    static const struct {
        const char *text;
        enum ds_code code;
    } rows[] = {
        { "", DS_CODE_COLLATERAL_SET_FORMAT },
        { "[]", DS_CODE_COLLATERAL_SET_FORMAT },
        { "{", DS_CODE_COLLATERAL_SET_FORMAT },
        { "{\"kind\":\"tpm\"}", DS_CODE_COLLATERAL_SET_FORMAT },
        { "{\"kind\":1}", DS_CODE_COLLATERAL_SET_FORMAT },
        { "{}", DS_CODE_DCAP_COLLATERAL_INCOMPLETE },
        { "{\"kind\":\"snp\"}", DS_CODE_COLLATERAL_SET_FORMAT },
        { "{\"kind\":\"snp\",\"product\":\"AnEndlessProduct\",\"vcek\":\"00\",\"crl\":\"00\","
          "\"cert_chain\":\"\"}",
          DS_CODE_COLLATERAL_SET_FORMAT },
        { "{\"kind\":\"snp\",\"product\":\"Milan\",\"vcek\":\"0\",\"crl\":\"00\",\"cert_chain\":\"\"}",
          DS_CODE_COLLATERAL_SET_FORMAT },
        { "{\"kind\":\"snp\",\"product\":\"Milan\",\"vcek\":\"00\",\"crl\":\"00\","
          "\"cert_chain\":\"\"}",
          DS_CODE_X509_FORMAT },
        { "{\"kind\":\"snp\",\"product\":\"Milan\",\"vcek\":\"00\",\"crl\":\"00\",\"cert_chain\":[]}",
          DS_CODE_COLLATERAL_SET_FORMAT },
    };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct collateral_facts f;
        struct ds_error e = { 0 };
        if (check(&f, ds_span_str(rows[i].text), &e) >= 0 || e.code != rows[i].code)
            fail_msg("%s: %s", rows[i].text, e.msg);
    }
}

/* Sets of real platforms check out under the vendor's root without any anchor of ours. */
static void test_recorded(void **unused)
{
    static const struct {
        const char *file;
        enum collateral_kind kind;
        bool is_processor_ca;
    } rows[] = {
        { "tdx/dcapqvl_tdx_v4.collateral.json", COLLATERAL_TDX, false },
        { "sgx/dcapqvl_sgx_v3.collateral.json", COLLATERAL_SGX, true },
    };
    const char *dir = secure_getenv("DSTACK_VECTORS");
    (void)unused;
    if (dir == NULL || !ds_file_exists(dir))
        skip();
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct collateral_facts f;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
        DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/%s", dir, rows[i].file);
        assert_int_equal(ds_file_load(&set, path, 1 << 20, NULL), DS_OK);
        if (check(&f, ds_buf_span(&set), &e) < 0)
            fail_msg("%s: %s", rows[i].file, e.msg);
        assert_int_equal(f.kind, rows[i].kind);
        assert_int_equal(f.is_processor_ca, rows[i].is_processor_ca);
        assert_int_equal(f.anchor_kind, DS_KIND_HARDWARE);
        assert_int_equal(f.eval_number, 17);
        assert_true(collateral_until_s(&f) - collateral_from_s(&f) <= 31 * DAY_S);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),     cmocka_unit_test(test_anchors),
        cmocka_unit_test(test_bad_sets), cmocka_unit_test(test_swapped),
        cmocka_unit_test(test_no_sets),  cmocka_unit_test(test_recorded),
    };
    kit_open(&kit, COLLATERAL_CHECK_MEM);
    int n = cmocka_run_group_tests(tests, NULL, NULL);
    kit_close(&kit);
    return n;
}
