/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check of the TDX verifier alone: a good platform with one thing wrong,
 * and the code that says so.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "crypto/cert.h"
#include "synthetic.h"

static int run(struct ds_claims *ret, const struct synth *s, bool is_simulated, struct ds_error *e)
{
    const struct ds_extra_anchor extra[] = { synth_anchor(s, ROOT, is_simulated),
                                             synth_anchor(s, OTHER_ROOT, is_simulated) };
    const struct ds_anchors anchors = { extra, DS_LEN(extra) };
    void *mem = calloc(2, DS_DCAP_COLLATERAL_MEM);
    struct ds_arena a = ds_arena_of(mem, 2 * DS_DCAP_COLLATERAL_MEM);
    struct ds_dcap_collateral coll;
    struct ds_tdx_quote quote;
    assert_non_null(mem);
    struct ds_dcap_parts parts = synth_parts(&a, s);
    int r = ds_dcap_collateral_of(&coll, &a, &parts, e);
    if (r == DS_OK)
        r = ds_tdx_quote_parse(&quote, synth_quote(&a, s), e);
    if (r == DS_OK)
        r = ds_tdx_quote_verify(ret, &a, &quote, &coll, &anchors, SYNTH_NOW, e);
    free(mem);
    return r;
}

static void good_platform_verifies(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    struct ds_claims c = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    synth_make(&s);
    if (run(&c, &s, true, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(c.kind, DS_KIND_SIMULATED);
    assert_string_equal(c.anchor, "test root");
    assert_int_equal(c.tcb_status, DS_TCB_UP_TO_DATE);
    assert_int_equal(c.tcb_date_s, 1738368000); /* the QE's, the earliest */
    assert_int_equal(c.tcb_eval_number, 16);    /* the lower one */
    assert_int_equal(c.n_advisories, 2);        /* folded: the platform's first */
    assert_string_equal(c.advisories[0], "INTEL-SA-00001");
    assert_string_equal(c.advisories[1], "INTEL-SA-00002");
    assert_int_equal(c.valid_from_s, SYNTH_NOW - SYNTH_DAY);
    assert_int_equal(c.valid_until_s, SYNTH_NOW + SYNTH_DAY);
}

/* What a row breaks. */
#define BREAK(name, ...) \
    static void name(struct synth *s) { __VA_ARGS__; }

/* clang-format off */
BREAK(no_root_marker, s->plans[ROOT].has_marker = false)
BREAK(no_ca_marker, s->plans[CA].has_marker = false)
BREAK(no_pck_marker, s->plans[PCK].has_marker = false)
BREAK(no_signer_marker, s->plans[SIGNER].has_marker = false)
BREAK(soft_marker, s->plans[PCK].is_marker_soft = true)
BREAK(unknown_critical, s->plans[PCK].has_unknown = true)
BREAK(unknown_critical_root, s->plans[ROOT].has_unknown = true)
BREAK(ca_no_ca, s->plans[CA].ca = false)
BREAK(ca_no_sign, s->plans[CA].usage = DS_CERT_CRL_SIGN)
BREAK(ca_no_usage, s->plans[CA].usage = 0)
BREAK(root_path_len, s->plans[ROOT].path_len = 0)
BREAK(pck_by_root, s->plans[PCK].issuer = ROOT)
BREAK(ca_by_other, s->plans[CA].issuer = OTHER_ROOT)
BREAK(pck_expired, s->plans[PCK].not_after_s = SYNTH_NOW - 1)
BREAK(pck_early, s->plans[PCK].not_before_s = SYNTH_NOW + 1)
BREAK(root_expired, s->plans[ROOT].not_after_s = SYNTH_NOW - 1)
BREAK(signer_expired, s->plans[SIGNER].not_after_s = SYNTH_NOW - 1)
BREAK(pck_name, s->plans[PCK].cn = "Test SGX Certificate")
BREAK(pck_usage, s->plans[PCK].usage = DS_CERT_NON_REPUDIATION)
BREAK(pck_no_usage, s->plans[PCK].usage = 0)
BREAK(signer_usage, s->plans[SIGNER].usage = DS_CERT_KEY_CERT_SIGN)
BREAK(tcb_type, s->tcb_type = 1)
BREAK(pck_no_sgx, s->plans[PCK].has_sgx = false)
BREAK(signer_name, s->plans[SIGNER].cn = "Test SGX PCK Certificate")
BREAK(other_collateral_root, s->collateral_root = OTHER_ROOT)
BREAK(ca_revoked, s->is_ca_revoked = true)
BREAK(signer_revoked, s->is_signer_revoked = true)
BREAK(pck_revoked, s->is_pck_revoked = true)
BREAK(crl_old, s->crl_next_s = SYNTH_NOW - 1)
BREAK(crl_early, s->crl_this_s = SYNTH_NOW + 1)
BREAK(crl_no_sign, s->plans[CA].usage = DS_CERT_KEY_CERT_SIGN)
BREAK(root_crl_of_ca, s->root_crl_by = CA)
BREAK(root_crl_of_other, s->root_crl_by = OTHER_ROOT)
BREAK(pck_crl_of_root, s->pck_crl_by = ROOT)
BREAK(ca_name, s->plans[CA].cn = "Test SGX Platform")
BREAK(tcb_sig, s->breaks_tcb_sig = true)
BREAK(qe_id_sig, s->breaks_qe_id_sig = true)
BREAK(tcb_early, s->tcb_issue = "2027-02-01T00:00:00Z")
BREAK(tcb_old, s->tcb_next = "2027-01-14T12:00:00Z")
BREAK(qe_early, s->qe_issue = "2027-02-01T00:00:00Z")
BREAK(qe_old, s->qe_next = "2027-01-14T12:00:00Z")
BREAK(tcb_id, s->tcb_id = "SGX")
BREAK(fmspc, s->info_fmspc[5] = 7)
BREAK(pceid, s->info_pceid[1] = 1)
BREAK(no_modules, s->has_modules = false)
BREAK(other_module, s->module_id = "TDX_01")
BREAK(mrsignerseam, s->quote.td.mrsignerseam48[47] = 1)
BREAK(module_mrsigner, s->module_mrsigner_byte = "01")
BREAK(seamattributes, s->quote.td.seamattributes8[0] = 1)
BREAK(module_attributes, s->module_attributes = "0100000000000000")
BREAK(both_attributes, s->module_attributes = "0100000000000000"; s->quote.td.seamattributes8[0] = 1)
BREAK(qe_sig, s->breaks_qe_sig = true)
BREAK(binding, s->breaks_binding = true)
BREAK(binding_tail, s->breaks_binding_tail = true)
BREAK(qe_id, s->qe_id = "QE")
BREAK(qe_misc, s->quote.qe_report.miscselect4[3] = 1)
BREAK(qe_debug, s->quote.qe_report.attributes16[0] |= 2)
BREAK(qe_mrsigner, s->quote.qe_report.mrsigner32[0] = 0)
BREAK(qe_prodid, s->quote.qe_report.isvprodid = 1)
BREAK(quote_sig, s->breaks_quote_sig = true)
BREAK(sgx_svn, s->level_svn = 6)
BREAK(pcesvn, s->level_pcesvn = 12)
BREAK(tdx_svn, s->quote.td.tee_tcb_svn16[15] = 1)
BREAK(module_svn, s->module_svn = 6)
BREAK(qe_svn, s->qe_svn = 4)
BREAK(version_3, s->quote.version = 3)
BREAK(version_5, s->quote.version = 5)
BREAK(sgx_quote, s->quote.tee_type = 0)
BREAK(p384_key, s->quote.key_type = 3)
BREAK(vendor, s->quote.qe_vendor_id16[15] = 8)
BREAK(encrypted_ppid, s->quote.cert_type = 2)
BREAK(module_config, s->module_status = "ConfigurationNeeded")
BREAK(level_word, s->level_status = "Fine")
BREAK(date_word, s->tcb_issue = "today")

static const struct {
    const char *name;
    void (*breaks)(struct synth *s);
    enum ds_code code;
    int cls;
} rows[] = {
    { "root without marker", no_root_marker, DS_CODE_MARKER_MISSING, DS_ERR_UNTRUSTED },
    { "CA without marker", no_ca_marker, DS_CODE_MARKER_MISSING, DS_ERR_UNTRUSTED },
    { "PCK without marker", no_pck_marker, DS_CODE_MARKER_MISSING, DS_ERR_UNTRUSTED },
    { "signer without marker", no_signer_marker, DS_CODE_MARKER_MISSING, DS_ERR_UNTRUSTED },
    { "marker not critical", soft_marker, DS_CODE_MARKER_MISSING, DS_ERR_UNTRUSTED },
    { "unknown critical extension", unknown_critical, DS_CODE_X509_CRITICAL, DS_ERR_UNTRUSTED },
    { "the same in the root", unknown_critical_root, DS_CODE_X509_CRITICAL, DS_ERR_UNTRUSTED },
    { "CA without cA", ca_no_ca, DS_CODE_X509_NOT_CA, DS_ERR_UNTRUSTED },
    { "CA that may not sign", ca_no_sign, DS_CODE_X509_NOT_CA, DS_ERR_UNTRUSTED },
    { "CA without keyUsage", ca_no_usage, DS_CODE_X509_NOT_CA, DS_ERR_UNTRUSTED },
    { "path too long for the root", root_path_len, DS_CODE_X509_NOT_CA, DS_ERR_UNTRUSTED },
    { "PCK issued by the root", pck_by_root, DS_CODE_X509_ISSUER, DS_ERR_UNTRUSTED },
    { "CA issued by another root of one name", ca_by_other, DS_CODE_X509_ISSUER, DS_ERR_UNTRUSTED },
    { "PCK expired", pck_expired, DS_CODE_X509_EXPIRED, DS_ERR_STALE },
    { "PCK not yet valid", pck_early, DS_CODE_X509_NOT_YET_VALID, DS_ERR_STALE },
    { "root expired", root_expired, DS_CODE_X509_EXPIRED, DS_ERR_STALE },
    { "signer expired", signer_expired, DS_CODE_X509_EXPIRED, DS_ERR_STALE },
    { "leaf that is no PCK", pck_name, DS_CODE_DCAP_PCK_CERTIFICATE, DS_ERR_UNTRUSTED },
    { "PCK without SGX extension", pck_no_sgx, DS_CODE_DCAP_PCK_CERTIFICATE, DS_ERR_UNTRUSTED },
    { "PCK that may not sign", pck_usage, DS_CODE_DCAP_PCK_CERTIFICATE, DS_ERR_UNTRUSTED },
    { "PCK without keyUsage", pck_no_usage, DS_CODE_DCAP_PCK_CERTIFICATE, DS_ERR_UNTRUSTED },
    { "signer that may sign certificates alone", signer_usage, DS_CODE_DCAP_TCB_SIGNER, DS_ERR_UNTRUSTED },
    { "TCB info that is compared in another way", tcb_type, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_UNSUPPORTED },
    { "signer of another name", signer_name, DS_CODE_DCAP_TCB_SIGNER, DS_ERR_UNTRUSTED },
    { "collateral of another root", other_collateral_root, DS_CODE_DCAP_MIXED_ROOTS, DS_ERR_UNTRUSTED },
    { "CA revoked", ca_revoked, DS_CODE_DCAP_CA_REVOKED, DS_ERR_UNTRUSTED },
    { "signer revoked", signer_revoked, DS_CODE_DCAP_CA_REVOKED, DS_ERR_UNTRUSTED },
    { "PCK revoked", pck_revoked, DS_CODE_DCAP_PCK_REVOKED, DS_ERR_UNTRUSTED },
    { "list out of date", crl_old, DS_CODE_CRL_DATES, DS_ERR_STALE },
    { "list of tomorrow", crl_early, DS_CODE_CRL_DATES, DS_ERR_STALE },
    { "CA that may not sign lists", crl_no_sign, DS_CODE_CRL_ISSUER, DS_ERR_UNTRUSTED },
    { "root list by the CA", root_crl_of_ca, DS_CODE_CRL_ISSUER, DS_ERR_UNTRUSTED },
    { "root list by another root of one name", root_crl_of_other, DS_CODE_CRL_ISSUER, DS_ERR_UNTRUSTED },
    { "PCK list by the root", pck_crl_of_root, DS_CODE_DCAP_PCK_CRL, DS_ERR_UNTRUSTED },
    { "PCK issuer whose name is no CA's", ca_name, DS_CODE_DCAP_PCK_CRL, DS_ERR_UNTRUSTED },
    { "TCB info's signature", tcb_sig, DS_CODE_DCAP_TCB_INFO_SIGNATURE, DS_ERR_UNTRUSTED },
    { "QE identity's signature", qe_id_sig, DS_CODE_DCAP_QE_IDENTITY_SIGNATURE, DS_ERR_UNTRUSTED },
    { "TCB info of the future", tcb_early, DS_CODE_DCAP_TCB_INFO_FUTURE, DS_ERR_STALE },
    { "TCB info of the past", tcb_old, DS_CODE_DCAP_TCB_INFO_EXPIRED, DS_ERR_STALE },
    { "QE identity of the future", qe_early, DS_CODE_DCAP_QE_IDENTITY_FUTURE, DS_ERR_STALE },
    { "QE identity of the past", qe_old, DS_CODE_DCAP_QE_IDENTITY_EXPIRED, DS_ERR_STALE },
    { "TCB info for SGX", tcb_id, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED },
    { "TCB info of another FMSPC", fmspc, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED },
    { "TCB info of another PCE", pceid, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED },
    { "TCB info without modules", no_modules, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED },
    { "no identity for the module", other_module, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED },
    { "module of another signer", mrsignerseam, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED },
    { "identity of another signer", module_mrsigner, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED },
    { "SEAM attributes", seamattributes, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED },
    { "identity with attributes", module_attributes, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED },
    { "attributes that are equal but not zero", both_attributes, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE report's signature", qe_sig, DS_CODE_DCAP_QE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "QE that names another key", binding, DS_CODE_DCAP_QE_BINDING, DS_ERR_UNTRUSTED },
    { "QE report data with a tail", binding_tail, DS_CODE_DCAP_QE_BINDING, DS_ERR_UNTRUSTED },
    { "identity of the SGX QE", qe_id, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE misc select", qe_misc, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE in debug mode", qe_debug, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE of another signer", qe_mrsigner, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE of another product", qe_prodid, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "quote's signature", quote_sig, DS_CODE_DCAP_QUOTE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "SGX component below every level", sgx_svn, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "PCE below every level", pcesvn, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "TDX component below every level", tdx_svn, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "module below every level", module_svn, DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "QE below every level", qe_svn, DS_CODE_DCAP_QE_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "version 3", version_3, DS_CODE_DCAP_VERSION, DS_ERR_UNSUPPORTED },
    { "version 5", version_5, DS_CODE_DCAP_VERSION, DS_ERR_UNSUPPORTED },
    { "SGX quote", sgx_quote, DS_CODE_DCAP_TEE_TYPE, DS_ERR_UNSUPPORTED },
    { "attestation key of another kind", p384_key, DS_CODE_DCAP_KEY_TYPE, DS_ERR_UNSUPPORTED },
    { "QE of another vendor", vendor, DS_CODE_DCAP_QE_VENDOR, DS_ERR_UNTRUSTED },
    { "no chain in the quote", encrypted_ppid, DS_CODE_DCAP_CERT_DATA, DS_ERR_UNSUPPORTED },
    { "module status it cannot have", module_config, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
    { "status that does not exist", level_word, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
    { "date that is none", date_word, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
};
/* clang-format on */

static void each_check_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(synth_done) struct synth s = synth_good();
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        rows[i].breaks(&s);
        synth_make(&s);
        int r = run(&c, &s, true, &e);
        if (r != rows[i].cls || e.code != rows[i].code)
            fail_msg("%s: %d, %s (%s)", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
        assert_int_equal(c.kind, DS_KIND_NONE);
    }
}

/* The marker is for simulated anchors only; without it the same platform is custom. */
static void kinds_do_not_mix(void **state)
{
    DS_AUTO(synth_done) struct synth marked = synth_good();
    DS_AUTO(synth_done) struct synth plain = synth_good();
    struct ds_claims c = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    synth_make(&marked);
    assert_int_equal(run(&c, &marked, false, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_MARKER_UNEXPECTED);
    for (size_t i = 0; i < N_CERTS; i++)
        plain.plans[i].has_marker = false;
    synth_make(&plain);
    assert_int_equal(run(&c, &plain, false, &e), DS_OK);
    assert_int_equal(c.kind, DS_KIND_CUSTOM);
    /* One marked certificate is enough to be refused. */
    DS_AUTO(synth_done) struct synth one = synth_good();
    for (size_t i = 0; i < N_CERTS; i++)
        one.plans[i].has_marker = i == PCK;
    synth_make(&one);
    assert_int_equal(run(&c, &one, false, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_MARKER_UNEXPECTED);
}

/* Rows of Intel's QuoteVerifierTcbStatusUT: how the three parts converge. */
static void statuses_converge(void **state)
{
    static const struct {
        const char *platform, *module, *qe;
        enum ds_tcb_status want;
    } cases[] = {
        { "UpToDate", "UpToDate", "UpToDate", DS_TCB_UP_TO_DATE },
        { "SWHardeningNeeded", "UpToDate", "UpToDate", DS_TCB_SW_HARDENING_NEEDED },
        { "ConfigurationNeeded", "UpToDate", "UpToDate", DS_TCB_CONFIGURATION_NEEDED },
        { "ConfigurationAndSWHardeningNeeded", "UpToDate", "UpToDate",
          DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED },
        { "OutOfDate", "UpToDate", "UpToDate", DS_TCB_OUT_OF_DATE },
        { "OutOfDateConfigurationNeeded", "UpToDate", "UpToDate",
          DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED },
        { "Revoked", "UpToDate", "UpToDate", DS_TCB_REVOKED },
        { "UpToDate", "OutOfDate", "UpToDate", DS_TCB_OUT_OF_DATE },
        { "UpToDate", "UpToDate", "OutOfDate", DS_TCB_OUT_OF_DATE },
        { "SWHardeningNeeded", "OutOfDate", "UpToDate", DS_TCB_OUT_OF_DATE },
        { "ConfigurationNeeded", "OutOfDate", "UpToDate", DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED },
        { "ConfigurationAndSWHardeningNeeded", "UpToDate", "OutOfDate",
          DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED },
        { "OutOfDate", "OutOfDate", "OutOfDate", DS_TCB_OUT_OF_DATE },
        { "OutOfDateConfigurationNeeded", "OutOfDate", "UpToDate",
          DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED },
        { "UpToDate", "Revoked", "UpToDate", DS_TCB_REVOKED },
        { "UpToDate", "UpToDate", "Revoked", DS_TCB_REVOKED },
        { "OutOfDate", "Revoked", "OutOfDate", DS_TCB_REVOKED },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        DS_AUTO(synth_done) struct synth s = synth_good();
        struct ds_claims c = { 0 };
        s.level_status = cases[i].platform;
        s.module_status = cases[i].module;
        s.qe_status = cases[i].qe;
        synth_make(&s);
        assert_int_equal(run(&c, &s, true, NULL), DS_OK);
        if (c.tcb_status != cases[i].want)
            fail_msg("row %zu: %s", i, ds_tcb_status_text(c.tcb_status));
    }
}

/* Major version 0: tdxModule is the identity, and all sixteen components count. */
static void modules_of_version_0_are_judged_by_the_platform(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    DS_AUTO(synth_done) struct synth low = synth_good();
    struct ds_claims c = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    s.has_modules = low.has_modules = false;
    s.level_tdx_svn = 0;
    low.level_tdx_svn = 1;
    s.quote.td.tee_tcb_svn16[1] = low.quote.td.tee_tcb_svn16[1] = 0;
    synth_make(&s);
    synth_make(&low);
    assert_int_equal(run(&c, &s, true, &e), DS_OK);
    assert_int_equal(run(&c, &low, true, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_DCAP_TCB_NOT_SUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_platform_verifies),
        cmocka_unit_test(each_check_has_its_code),
        cmocka_unit_test(kinds_do_not_mix),
        cmocka_unit_test(statuses_converge),
        cmocka_unit_test(modules_of_version_0_are_judged_by_the_platform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
