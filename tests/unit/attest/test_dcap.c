/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check of the TDX and SGX verifiers alone, in every shape of quote: a good
 * platform with one thing wrong, and the code that says so.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "attest/sgx/claims.h"
#include "attest/tdx/claims.h"
#include "crypto/cert.h"
#include "dcap_kit.h"

static void good_platforms_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(shapes); i++) {
        DS_AUTO(synth_done) struct synth s = synth_good_of(shapes[i].version, shapes[i].body);
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        bool is_sgx = shapes[i].body == DS_DCAP_BODY_SGX;
        memset(s.quote.td.report_data64, 0x77, 64);
        memset(s.enclave.report_data64, 0x77, 64);
        synth_make(&s);
        if (run(&c, &s, true, &e) < 0)
            fail_msg("%s: %s", shapes[i].name, e.msg);
        assert_int_equal(c.kind, DS_KIND_SIMULATED);
        assert_int_equal(c.tee, is_sgx ? DS_TEE_SGX : DS_TEE_TDX);
        assert_string_equal(c.anchor, "test root");
        assert_int_equal(c.tcb.status, DS_TCB_UP_TO_DATE);
        assert_int_equal(c.tcb.date_s, 1738368000);           /* the QE's, the earliest */
        assert_int_equal(c.tcb_eval_number, 16);              /* the lower one */
        assert_int_equal(c.tcb.n_advisories, is_sgx ? 1 : 2); /* folded: the platform's first */
        assert_string_equal(c.tcb.advisories[0], "INTEL-SA-00001");
        assert_int_equal(c.valid_from_s, SYNTH_NOW - SYNTH_DAY);
        assert_int_equal(c.valid_until_s, SYNTH_NOW + SYNTH_DAY);
        assert_int_equal(ds_claims_report_data64(&c).p[63], 0x77);
        assert_int_equal(ds_claims_fmspc6(&c).p[5], 6);
        assert_int_equal(ds_claims_current_tcb_status(&c),
                         shapes[i].body == DS_DCAP_BODY_TD15 ? DS_TCB_UP_TO_DATE : DS_TCB_NONE);
        assert_int_equal(ds_claims_mrenclave32(&c).len, is_sgx ? 32 : 0);
        assert_int_equal(ds_claims_mrtd48(&c).len, is_sgx ? 0 : 48);
    }
}

/* Each field of the bodies comes to the claim of its name. */
static void claims_are_the_bodies_fields(void **state)
{
    DS_AUTO(synth_done) struct synth td = synth_good_of(5, DS_DCAP_BODY_TD15);
    DS_AUTO(synth_done) struct synth enclave = synth_good_of(3, DS_DCAP_BODY_SGX);
    struct ds_td_report *t = &td.quote.td;
    struct ds_sgx_report *r = &enclave.enclave;
    struct ds_claims c = { 0 };
    (void)state;
    memset(t->mrseam48, 1, 48);
    memset(t->mrtd48, 2, 48);
    memset(t->mrconfigid48, 3, 48);
    memset(t->mrowner48, 4, 48);
    memset(t->mrownerconfig48, 5, 48);
    for (int i = 0; i < 4; i++)
        memset(t->rtmr48[i], 6 + i, 48);
    memset(t->mrservicetd48, 10, 48);
    t->xfam = 0x602e7;
    t->tee_tcb_svn2_16[0] = 9;
    synth_make(&td);
    assert_int_equal(run(&c, &td, true, NULL), DS_OK);
    const struct ds_span fields[] = {
        { 0 },
        ds_claims_mrseam48(&c),
        ds_claims_mrtd48(&c),
        ds_claims_mrconfigid48(&c),
        ds_claims_mrowner48(&c),
        ds_claims_mrownerconfig48(&c),
        ds_claims_rtmr48(&c, 0),
        ds_claims_rtmr48(&c, 1),
        ds_claims_rtmr48(&c, 2),
        ds_claims_rtmr48(&c, 3),
        ds_claims_mrservicetd48(&c),
    };
    for (size_t i = 1; i < DS_LEN(fields); i++)
        assert_true(fields[i].len == 48 && fields[i].p[0] == i && fields[i].p[47] == i);
    assert_int_equal(ds_claims_xfam(&c), 0x602e7);
    assert_int_equal(ds_claims_td_attributes(&c), 0x10000000);
    assert_int_equal(ds_claims_tee_tcb_svn16(&c).p[0], 5);
    assert_int_equal(ds_claims_tee_tcb_svn2_16(&c).p[0], 9);

    memset(r->mrsigner32, 2, 32);
    memset(r->isvextprodid16, 3, 16);
    memset(r->isvfamilyid16, 4, 16);
    memset(r->configid64, 5, 64);
    r->miscselect4[3] = 6;
    r->isvprodid = 0x0708;
    r->isvsvn = 0x090a;
    r->configsvn = 0x0b0c;
    synth_make(&enclave);
    assert_int_equal(run(&c, &enclave, true, NULL), DS_OK);
    assert_int_equal(ds_claims_mrenclave32(&c).p[31], 0x3e);
    assert_int_equal(ds_claims_mrsigner32(&c).p[31], 2);
    assert_int_equal(ds_claims_isvextprodid16(&c).p[15], 3);
    assert_int_equal(ds_claims_isvfamilyid16(&c).p[15], 4);
    assert_int_equal(ds_claims_configid64(&c).p[63], 5);
    assert_int_equal(ds_claims_sgx_miscselect4(&c).p[3], 6);
    assert_int_equal(ds_claims_sgx_attributes16(&c).p[0], 5);
    assert_int_equal(ds_claims_isvprodid(&c), 0x0708);
    assert_int_equal(ds_claims_isvsvn(&c), 0x090a);
    assert_int_equal(ds_claims_configsvn(&c), 0x0b0c);
    assert_int_equal(ds_claims_tee_tcb_svn16(&c).len, 0);
    assert_false(ds_claims_is_debug(&c));
    enclave.enclave.attributes16[0] |= 2;
    assert_int_equal(run(&c, &enclave, true, NULL), DS_OK);
    assert_true(ds_claims_is_debug(&c));
}

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
BREAK(tcb_id, s->tcb_id = strcmp(s->tcb_id, "SGX") == 0 ? "TDX" : "SGX")
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
BREAK(qe_id, s->qe_id = strcmp(s->qe_id, "QE") == 0 ? "TD_QE" : "QE")
BREAK(qe_misc, s->quote.dcap.qe_report.miscselect4[3] = 1)
BREAK(qe_debug, s->quote.dcap.qe_report.attributes16[0] |= 2)
BREAK(qe_mrsigner, s->quote.dcap.qe_report.mrsigner32[0] = 0)
BREAK(qe_prodid, s->quote.dcap.qe_report.isvprodid = 1)
BREAK(quote_sig, s->breaks_quote_sig = true)
BREAK(ak_no_point, s->breaks_ak = true)
BREAK(sgx_svn, s->level_svn = 6)
BREAK(pcesvn, s->level_pcesvn = 12)
BREAK(tdx_svn, s->quote.td.tee_tcb_svn16[15] = 1)
BREAK(module_svn, s->module_svn = 6)
BREAK(qe_svn, s->qe_svn = 4)
BREAK(version_2, s->quote.dcap.version = 2)
BREAK(version_6, s->quote.dcap.version = 6)
BREAK(no_tee, s->quote.dcap.tee_type = 1)
BREAK(tcb_version_2, s->tcb_version = 2)
BREAK(tcb_version_4, s->tcb_version = 4)
BREAK(relaunch_word, s->level_status = "TDRelaunchAdvised")
BREAK(tdx_svn2, s->quote.td.tee_tcb_svn2_16[15] = 1)
BREAK(module_svn2, s->quote.td.tee_tcb_svn2_16[0] = 3)
BREAK(other_module2, s->quote.td.tee_tcb_svn2_16[1] = 1)
BREAK(leaf_alone, s->quote.dcap.cert_type = DS_DCAP_CERT_PCK_LEAF; s->has_no_pck_crl_chain = true)
BREAK(manifest, s->quote.dcap.cert_type = DS_DCAP_CERT_MANIFEST)
BREAK(p384_key, s->quote.dcap.key_type = 3)
BREAK(vendor, s->quote.dcap.qe_vendor_id16[15] = 8)
BREAK(encrypted_ppid, s->quote.dcap.cert_type = DS_DCAP_CERT_PPID_RSA2048)
BREAK(module_config, s->module_status = "ConfigurationNeeded")
BREAK(qe_hardening, s->qe_status = "SWHardeningNeeded")
BREAK(level_word, s->level_status = "Fine")
BREAK(qe_config, s->qe_status = "ConfigurationNeeded")
BREAK(qe_old_config, s->qe_status = "OutOfDateConfigurationNeeded")
BREAK(empty_modules, s->is_modules_empty = true)
BREAK(no_module_mask, s->has_no_module_mask = true)
BREAK(modules_of_tdx, s->has_modules_of_tdx = true)
BREAK(wide_pcesvn, s->level_pcesvn = 65536)
BREAK(odd_row, s->more_module_levels = ",{\"tcb\":{\"isvsvn\":1},\"tcbDate\":\"2024-03-01T00:00:00Z\",\"tcbStatus\":\"SWHardeningNeeded\"}")
BREAK(no_sgx_type, s->n_more_sgx_fields = 0)
BREAK(soft_sgx_type, s->sgx_type_tag = 0x04)
BREAK(six_sgx_fields, s->n_more_sgx_fields = 2)
BREAK(eight_sgx_fields, s->n_more_sgx_fields = 4)
BREAK(crl_no_number, s->crl_hides = 20)
BREAK(crl_no_aki, s->crl_hides = 35)
BREAK(cert_type_0, s->quote.dcap.cert_type = 0)
BREAK(cert_type_6, s->quote.dcap.cert_type = 6)
BREAK(cert_type_8, s->quote.dcap.cert_type = 8; s->is_chain_beside = true)
BREAK(cert_type_wide, s->quote.dcap.cert_type = 0x0105)
BREAK(old_list_pck_revoked, crl_old(s); pck_revoked(s))
BREAK(early_list_pck_revoked, crl_early(s); pck_revoked(s))
BREAK(old_list_ca_revoked, crl_old(s); ca_revoked(s))
BREAK(expired_pck_revoked, pck_expired(s); pck_revoked(s))
BREAK(expired_pck_list_of_other, pck_expired(s); root_crl_of_other(s))
BREAK(expired_signer_revoked, signer_expired(s); signer_revoked(s))
BREAK(expired_signer_tcb_sig, signer_expired(s); tcb_sig(s))
BREAK(expired_signer_qe_id_sig, signer_expired(s); qe_id_sig(s))
BREAK(expired_root_tcb_sig, root_expired(s); tcb_sig(s))
BREAK(old_tcb_sig, tcb_old(s); tcb_sig(s))
BREAK(old_tcb_qe_id_sig, tcb_old(s); qe_id_sig(s))
BREAK(old_list_signer_name, crl_old(s); signer_name(s))
BREAK(expired_pck_old_list, pck_expired(s); crl_old(s); tcb_old(s))
BREAK(old_list_old_tcb, crl_old(s); signer_expired(s); tcb_old(s))
BREAK(expired_signer_old_tcb, signer_expired(s); tcb_old(s); qe_old(s))
BREAK(old_tcb_old_qe, tcb_old(s); qe_old(s))
BREAK(old_tcb_quote_sig, tcb_old(s); quote_sig(s))
BREAK(early_tcb_quote_sig, tcb_early(s); quote_sig(s))
BREAK(old_list_qe_sig, crl_old(s); qe_sig(s))
BREAK(expired_pck_binding, pck_expired(s); binding(s))
BREAK(expired_signer_ak_no_point, signer_expired(s); ak_no_point(s))
BREAK(old_qe_qe_mrsigner, qe_old(s); qe_mrsigner(s))
BREAK(old_tcb_qe_id, tcb_old(s); qe_id(s))
BREAK(old_list_fmspc, crl_old(s); fmspc(s))
BREAK(old_tcb_mrsignerseam, tcb_old(s); mrsignerseam(s))
BREAK(old_tcb_sgx_svn, tcb_old(s); sgx_svn(s))
BREAK(expired_root_qe_svn, root_expired(s); qe_svn(s))
BREAK(old_tcb_module_svn2, tcb_old(s); module_svn2(s))
BREAK(platform_revoked, s->level_status = "Revoked")
BREAK(module_revoked, s->module_status = "Revoked")
BREAK(qe_revoked, s->qe_status = "Revoked")
BREAK(old_tcb_platform_revoked, tcb_old(s); platform_revoked(s))
BREAK(date_word, s->tcb_issue = "today")

static const struct {
    const char *name;
    void (*breaks)(struct synth *s);
    enum ds_code code;
    int cls;
    enum { ALL, TDX, TD15, SGX } where;
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
    { "PCK issuer whose name is no CA's", ca_name, DS_CODE_X509_NOT_CA, DS_ERR_UNTRUSTED },
    { "TCB info's signature", tcb_sig, DS_CODE_DCAP_TCB_INFO_SIGNATURE, DS_ERR_UNTRUSTED },
    { "QE identity's signature", qe_id_sig, DS_CODE_DCAP_QE_IDENTITY_SIGNATURE, DS_ERR_UNTRUSTED },
    { "TCB info of the future", tcb_early, DS_CODE_DCAP_TCB_INFO_FUTURE, DS_ERR_STALE },
    { "TCB info of the past", tcb_old, DS_CODE_DCAP_TCB_INFO_EXPIRED, DS_ERR_STALE },
    { "QE identity of the future", qe_early, DS_CODE_DCAP_QE_IDENTITY_FUTURE, DS_ERR_STALE },
    { "QE identity of the past", qe_old, DS_CODE_DCAP_QE_IDENTITY_EXPIRED, DS_ERR_STALE },
    /* What is stale does not hide what is revoked or forged; then QVL's order of dates. */
    { "PCK revoked by a list out of date", old_list_pck_revoked, DS_CODE_DCAP_PCK_REVOKED, DS_ERR_UNTRUSTED },
    { "PCK revoked by a list of tomorrow", early_list_pck_revoked, DS_CODE_DCAP_PCK_REVOKED, DS_ERR_UNTRUSTED },
    { "CA revoked by a list out of date", old_list_ca_revoked, DS_CODE_DCAP_CA_REVOKED, DS_ERR_UNTRUSTED },
    { "expired PCK that is revoked", expired_pck_revoked, DS_CODE_DCAP_PCK_REVOKED, DS_ERR_UNTRUSTED },
    { "expired PCK, another root's list", expired_pck_list_of_other, DS_CODE_CRL_ISSUER, DS_ERR_UNTRUSTED },
    { "expired signer that is revoked", expired_signer_revoked, DS_CODE_DCAP_CA_REVOKED, DS_ERR_UNTRUSTED },
    { "expired signer, forged TCB info", expired_signer_tcb_sig, DS_CODE_DCAP_TCB_INFO_SIGNATURE, DS_ERR_UNTRUSTED },
    { "expired signer, forged QE identity", expired_signer_qe_id_sig, DS_CODE_DCAP_QE_IDENTITY_SIGNATURE, DS_ERR_UNTRUSTED },
    { "expired root, forged TCB info", expired_root_tcb_sig, DS_CODE_DCAP_TCB_INFO_SIGNATURE, DS_ERR_UNTRUSTED },
    { "TCB info of the past, forged", old_tcb_sig, DS_CODE_DCAP_TCB_INFO_SIGNATURE, DS_ERR_UNTRUSTED },
    { "TCB info of the past, forged QE identity", old_tcb_qe_id_sig, DS_CODE_DCAP_QE_IDENTITY_SIGNATURE, DS_ERR_UNTRUSTED },
    { "list out of date, signer of another name", old_list_signer_name, DS_CODE_DCAP_TCB_SIGNER, DS_ERR_UNTRUSTED },
    { "PCK, lists and TCB info out of date", expired_pck_old_list, DS_CODE_X509_EXPIRED, DS_ERR_STALE },
    { "lists, signer and TCB info out of date", old_list_old_tcb, DS_CODE_CRL_DATES, DS_ERR_STALE },
    { "signer and documents out of date", expired_signer_old_tcb, DS_CODE_X509_EXPIRED, DS_ERR_STALE },
    { "both documents out of date", old_tcb_old_qe, DS_CODE_DCAP_TCB_INFO_EXPIRED, DS_ERR_STALE },
    /* Nor a bad quote: its own checks come before what the dates come to. */
    { "TCB info of the past, forged quote", old_tcb_quote_sig, DS_CODE_DCAP_QUOTE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "TCB info of the future, forged quote", early_tcb_quote_sig, DS_CODE_DCAP_QUOTE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "list out of date, forged QE report", old_list_qe_sig, DS_CODE_DCAP_QE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "expired PCK, QE that names another key", expired_pck_binding, DS_CODE_DCAP_QE_BINDING, DS_ERR_UNTRUSTED },
    { "expired signer, key that is no point", expired_signer_ak_no_point, DS_CODE_DCAP_QUOTE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "QE identity of the past, QE of another signer", old_qe_qe_mrsigner, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "TCB info of the past, identity of another QE", old_tcb_qe_id, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "list out of date, TCB info of another FMSPC", old_list_fmspc, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED },
    { "TCB info of the past, module of another signer", old_tcb_mrsignerseam, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "TCB info of the past, below every level", old_tcb_sgx_svn, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "expired root, QE below every level", expired_root_qe_svn, DS_CODE_DCAP_QE_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "TCB info of the past, current module below every level", old_tcb_module_svn2, DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED, TD15 },
    { "TCB info of the past, Revoked platform", old_tcb_platform_revoked, DS_CODE_DCAP_TCB_INFO_EXPIRED, DS_ERR_STALE },
    { "TCB info for SGX", tcb_id, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED },
    { "TCB info of another FMSPC", fmspc, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED },
    { "TCB info of another PCE", pceid, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED },
    { "TCB info without modules", no_modules, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "no identity for the module", other_module, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "module of another signer", mrsignerseam, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "identity of another signer", module_mrsigner, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "SEAM attributes", seamattributes, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "identity with attributes", module_attributes, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "attributes that are equal but not zero", both_attributes, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "QE report's signature", qe_sig, DS_CODE_DCAP_QE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "QE that names another key", binding, DS_CODE_DCAP_QE_BINDING, DS_ERR_UNTRUSTED },
    { "QE report data with a tail", binding_tail, DS_CODE_DCAP_QE_BINDING, DS_ERR_UNTRUSTED },
    { "identity of the SGX QE", qe_id, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE misc select", qe_misc, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE in debug mode", qe_debug, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE of another signer", qe_mrsigner, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "QE of another product", qe_prodid, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED },
    { "quote's signature", quote_sig, DS_CODE_DCAP_QUOTE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "attestation key that is no point", ak_no_point, DS_CODE_DCAP_QUOTE_SIGNATURE, DS_ERR_UNTRUSTED },
    { "SGX component below every level", sgx_svn, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "PCE below every level", pcesvn, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "TDX component below every level", tdx_svn, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED, TDX },
    { "module below every level", module_svn, DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED, TDX },
    { "QE below every level", qe_svn, DS_CODE_DCAP_QE_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED },
    { "version 2", version_2, DS_CODE_DCAP_VERSION, DS_ERR_UNSUPPORTED },
    { "version 6", version_6, DS_CODE_DCAP_VERSION, DS_ERR_UNSUPPORTED },
    { "quote of a TEE that nobody knows", no_tee, DS_CODE_DCAP_TEE_TYPE, DS_ERR_UNSUPPORTED },
    { "TCB info of version 2 for a TD", tcb_version_2, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED, TDX },
    { "TCB info of version 4", tcb_version_4, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_UNSUPPORTED },
    { "level with a word that only a verdict can have", relaunch_word, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
    { "current TDX component below every level", tdx_svn2, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED, TD15 },
    { "current module below every level", module_svn2, DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED, TD15 },
    { "no identity for the current module", other_module2, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, TD15 },
    { "PCK certificate alone, its issuer nowhere", leaf_alone, DS_CODE_DCAP_CERT_DATA, DS_ERR_UNSUPPORTED },
    { "platform manifest in place of the chain", manifest, DS_CODE_DCAP_CERT_DATA, DS_ERR_UNSUPPORTED },
    { "attestation key of another kind", p384_key, DS_CODE_DCAP_KEY_TYPE, DS_ERR_UNSUPPORTED },
    { "QE of another vendor", vendor, DS_CODE_DCAP_QE_VENDOR, DS_ERR_UNTRUSTED },
    { "no chain in the quote", encrypted_ppid, DS_CODE_DCAP_CERT_DATA, DS_ERR_UNSUPPORTED },
    { "module status it cannot have", module_config, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT, TDX },
    { "QE level with a word that enclaves do not have", qe_hardening, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
    { "QE that needs configuration", qe_config, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
    { "old QE that needs configuration", qe_old_config, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
    { "empty list of modules", empty_modules, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_RANGE, TDX },
    { "module without a mask", no_module_mask, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT, TDX },
    { "TCB info of SGX with modules", modules_of_tdx, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT, SGX },
    { "PCESVN of three bytes", wide_pcesvn, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
    { "odd word in a row that nobody reaches", odd_row, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT, TDX },
    { "PCK without SGX type", no_sgx_type, DS_CODE_DCAP_PCK_CERTIFICATE, DS_ERR_UNTRUSTED },
    { "SGX type that is no ENUMERATED", soft_sgx_type, DS_CODE_DCAP_PCK_CERTIFICATE, DS_ERR_UNTRUSTED },
    { "PCK of six fields", six_sgx_fields, DS_CODE_DCAP_PCK_CERTIFICATE, DS_ERR_UNTRUSTED },
    { "PCK of eight fields", eight_sgx_fields, DS_CODE_DCAP_PCK_CERTIFICATE, DS_ERR_UNTRUSTED },
    { "lists without number", crl_no_number, DS_CODE_CRL_FORMAT, DS_ERR_UNTRUSTED },
    { "lists that do not name their key", crl_no_aki, DS_CODE_CRL_FORMAT, DS_ERR_UNTRUSTED },
    { "certification data of type 0", cert_type_0, DS_CODE_DCAP_QUOTE_FORMAT, DS_ERR_FORMAT },
    { "QE report that certifies a QE report", cert_type_6, DS_CODE_DCAP_QUOTE_FORMAT, DS_ERR_FORMAT },
    { "certification data of type 8, the chain beside", cert_type_8, DS_CODE_DCAP_QUOTE_FORMAT, DS_ERR_FORMAT },
    { "certification data of type 261", cert_type_wide, DS_CODE_DCAP_QUOTE_FORMAT, DS_ERR_FORMAT },
    { "status that does not exist", level_word, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
    { "date that is none", date_word, DS_CODE_DCAP_COLLATERAL_FORMAT, DS_ERR_FORMAT },
};
/* clang-format on */

static bool row_is_of(size_t row, const struct shape *shape)
{
    return rows[row].where == ALL || (rows[row].where == TDX && shape->body != DS_DCAP_BODY_SGX) ||
           (rows[row].where == TD15 && shape->body == DS_DCAP_BODY_TD15) ||
           (rows[row].where == SGX && shape->body == DS_DCAP_BODY_SGX);
}

static void each_check_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows) * DS_LEN(shapes); i++) {
        const struct shape *shape = &shapes[i % DS_LEN(shapes)];
        size_t row = i / DS_LEN(shapes);
        if (!row_is_of(row, shape))
            continue;
        DS_AUTO(synth_done) struct synth s = synth_good_of(shape->version, shape->body);
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        rows[row].breaks(&s);
        synth_make(&s);
        int r = run_of(&c, &s, true, shape->body == DS_DCAP_BODY_SGX, &e);
        if (r != rows[row].cls || e.code != rows[row].code)
            fail_msg("%s, %s: %d, %s (%s)", shape->name, rows[row].name, r,
                     ds_code_info_get(e.code)->id, e.msg);
        assert_int_equal(c.kind, DS_KIND_NONE);
        /* What the lists say is said under the root that was found before. */
        if (e.code == DS_CODE_CRL_DATES || e.code == DS_CODE_CRL_ISSUER)
            assert_string_equal(e.detail.anchor, "test root");
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
        if (c.tcb.status != cases[i].want)
            fail_msg("row %zu: %s", i, ds_tcb_status_text(c.tcb.status));
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

/* Rows of Intel's QuoteV5VerifierUT: what a running module newer than the launching one comes to. */
static void relaunch_is_advised(void **state)
{
    /* The module's first level is the current one's, the second the launching one's. */
    static const struct {
        const char *platform, *current, *launch;
        enum ds_tcb_status want;
    } cases[] = {
        { "UpToDate", "UpToDate", "OutOfDate", DS_TCB_TD_RELAUNCH_ADVISED },
        { "SWHardeningNeeded", "UpToDate", "OutOfDate", DS_TCB_TD_RELAUNCH_ADVISED },
        { "ConfigurationNeeded", "UpToDate", "OutOfDate",
          DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED },
        { "ConfigurationAndSWHardeningNeeded", "UpToDate", "OutOfDate",
          DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED },
        { "OutOfDate", "UpToDate", "OutOfDate", DS_TCB_OUT_OF_DATE },
        { "OutOfDateConfigurationNeeded", "UpToDate", "OutOfDate",
          DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED },
        { "UpToDate", "OutOfDate", "OutOfDate", DS_TCB_OUT_OF_DATE },
        { "UpToDate", "Revoked", "OutOfDate", DS_TCB_OUT_OF_DATE },
        { "UpToDate", "UpToDate", "Revoked", DS_TCB_REVOKED },
        { "UpToDate", "OutOfDate", "UpToDate", DS_TCB_UP_TO_DATE },
        { "UpToDate", "Revoked", "UpToDate", DS_TCB_UP_TO_DATE },
        { "UpToDate", "UpToDate", "UpToDate", DS_TCB_UP_TO_DATE },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        DS_AUTO(synth_done) struct synth s = synth_good_of(5, DS_DCAP_BODY_TD15);
        struct ds_claims c = { 0 };
        char more[160];
        (void)snprintf(more, sizeof more,
                       ",{\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2024-03-01T00:00:00Z\","
                       "\"tcbStatus\":\"%s\",\"advisoryIDs\":[\"INTEL-SA-00003\"]}",
                       cases[i].launch);
        s.level_status = cases[i].platform;
        s.module_status = cases[i].current;
        s.more_module_levels = more;
        s.module_svn = 6;
        s.quote.td.tee_tcb_svn2_16[0] = 6;
        synth_make(&s);
        assert_int_equal(run(&c, &s, true, NULL), DS_OK);
        if (c.tcb.status != cases[i].want)
            fail_msg("row %zu: %s", i, ds_tcb_status_text(c.tcb.status));
        /* Both dates and both lists are told. */
        assert_int_equal(ds_claims_tcb_date_s(&c), 1709251200);         /* 2024-03-01 */
        assert_int_equal(ds_claims_current_tcb_date_s(&c), 1738368000); /* the QE's */
        assert_string_equal(ds_claims_advisory(&c, 1), "INTEL-SA-00003");
        assert_string_equal(ds_claims_advisory(&c, 2), "INTEL-SA-00002");
        assert_null(ds_claims_advisory(&c, 3)); /* the platform's is of both */
    }
}

/* A quote is read by its own TEE's reader alone; version 5 says twice what it is. */
static void each_tee_has_its_reader(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(shapes); i++) {
        DS_AUTO(synth_done) struct synth s = synth_good_of(shapes[i].version, shapes[i].body);
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        synth_make(&s);
        assert_int_equal(run_of(&c, &s, true, shapes[i].body != DS_DCAP_BODY_SGX, &e),
                         DS_ERR_UNSUPPORTED);
        assert_int_equal(e.code, DS_CODE_DCAP_TEE_TYPE);
        if (shapes[i].version == 4)
            continue;
        s.quote.dcap.tee_type ^= DS_DCAP_TEE_TDX;
        assert_int_equal(run(&c, &s, true, &e), DS_ERR_UNSUPPORTED);
        assert_int_equal(e.code, DS_CODE_DCAP_TEE_TYPE);
    }
}

/* Certification data of each type leads to the same platform, where its chain can be had. */
static void chains_come_from_quote_or_collateral(void **state)
{
    static const struct {
        enum ds_dcap_cert type;
        bool is_chain_beside;
    } cases[] = {
        { DS_DCAP_CERT_PPID, true },         { DS_DCAP_CERT_PPID_RSA2048, true },
        { DS_DCAP_CERT_PPID_RSA3072, true }, { DS_DCAP_CERT_PCK_LEAF, false },
        { DS_DCAP_CERT_PCK_LEAF, true },     { DS_DCAP_CERT_PCK_CHAIN, true },
        { DS_DCAP_CERT_MANIFEST, true },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases) * DS_LEN(shapes); i++) {
        const struct shape *shape = &shapes[i % DS_LEN(shapes)];
        DS_AUTO(synth_done) struct synth s = synth_good_of(shape->version, shape->body);
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        s.quote.dcap.cert_type = (uint16_t)cases[i / DS_LEN(shapes)].type;
        s.is_chain_beside = cases[i / DS_LEN(shapes)].is_chain_beside;
        synth_make(&s);
        if (run(&c, &s, true, &e) < 0)
            fail_msg("%s, type %u: %s", shape->name, s.quote.dcap.cert_type, e.msg);
    }
}

static void tcb_info_of_version_2_serves_sgx(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good_of(3, DS_DCAP_BODY_SGX);
    DS_AUTO(synth_done) struct synth above = synth_good_of(3, DS_DCAP_BODY_SGX);
    struct ds_claims c = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    s.tcb_version = above.tcb_version = 2;
    above.level_svn = 6;
    synth_make(&s);
    synth_make(&above);
    assert_int_equal(run(&c, &s, true, &e), DS_OK);
    assert_int_equal(run(&c, &above, true, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_DCAP_TCB_NOT_SUPPORTED);
}

/* Each bound of a level: one below, at, one above. */
static void levels_have_their_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(shapes) * 3; i++) {
        const struct shape *shape = &shapes[i / 3];
        unsigned step = (unsigned)(i % 3); /* 0 below, 1 at, 2 above */
        for (int field = 0; field < 5; field++) {
            DS_AUTO(synth_done) struct synth s = synth_good_of(shape->version, shape->body);
            struct ds_claims c = { 0 };
            bool is_tdx = shape->body != DS_DCAP_BODY_SGX;
            switch (field) {
            case 0:
                s.level_svn = (uint8_t)(s.sgx_svn + 1 - step);
                break;
            case 1:
                s.level_pcesvn = s.pcesvn + 1u - step;
                break;
            case 2:
                s.qe_svn = s.quote.dcap.qe_report.isvsvn + 1u - step;
                break;
            case 3:
                s.module_svn = s.quote.td.tee_tcb_svn16[0] + 1u - step;
                break;
            default:
                s.level_tdx_svn = (uint8_t)(s.quote.td.tee_tcb_svn16[2] + 1 - step);
                break;
            }
            synth_make(&s);
            bool is_enough = step > 0 || (field >= 3 && !is_tdx);
            if ((run(&c, &s, true, NULL) == DS_OK) != is_enough)
                fail_msg("%s, field %d, step %u", shape->name, field, step);
        }
    }
}

/* The reason names what the lowest level asks for and was not reached. */
static void reasons_name_the_part(void **state)
{
    static const struct {
        void (*breaks)(struct synth *s);
        const char *claim, *expected, *got;
    } cases[] = {
        { sgx_svn, "sgxtcbcomponents", "at least 06060606060606060606060606060606",
          "05050505050505050505050505050505" },
        { pcesvn, "pcesvn", "at least 12", "11" },
        { tdx_svn, "tee_tcb_svn", "at least 0202020202020202020202020202 from byte 2 on",
          "0202020202020202020202020201" },
        { tdx_svn2, "tee_tcb_svn2", "at least 0202020202020202020202020202 from byte 2 on",
          "0202020202020202020202020201" },
        { module_svn, "tee_tcb_svn", "module at least 6", "5" },
        { module_svn2, "tee_tcb_svn2", "module at least 4", "3" },
        { qe_svn, "qe_isvsvn", "at least 4", "3" },
        { other_module, "tee_tcb_svn", "TDX_01", "TDX_03" },
        { other_module2, "tee_tcb_svn2", "TDX_03", "TDX_01" },
        { no_modules, "tee_tcb_svn", "no module", "TDX_03" },
        { seamattributes, "seamattributes", "0000000000000000", "0100000000000000" },
        { module_attributes, "seamattributes", "0100000000000000", "0000000000000000" },
        { both_attributes, "seamattributes", "0000000000000000", "0100000000000000" },
        { ca_name, "pck_issuer_common_name", "a name with CA in it", "Test SGX Platform" },
        { pck_crl_of_root, "pck_crl_issuer", "Test SGX PCK Platform CA", "another issuer" },
        { quote_sig, "quote", "signed by the attestation key", "a signature that does not verify" },
        { ak_no_point, "attestation_key", "a point of P-256", NULL },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        DS_AUTO(synth_done) struct synth s = synth_good_of(5, DS_DCAP_BODY_TD15);
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        cases[i].breaks(&s);
        synth_make(&s);
        assert_int_equal(run(&c, &s, true, &e), DS_ERR_UNTRUSTED);
        assert_string_equal(e.detail.claim, cases[i].claim);
        if (cases[i].expected != NULL)
            assert_string_equal(e.detail.expected, cases[i].expected);
        if (cases[i].got != NULL)
            assert_string_equal(e.detail.got, cases[i].got);
    }
}

/* What new collateral can hardly change is told beside what is out of date. */
static void stale_sets_tell_revoked_levels(void **state)
{
    static const struct {
        void (*stale)(struct synth *s);
        enum ds_code code;
    } dates[] = {
        { tcb_old, DS_CODE_DCAP_TCB_INFO_EXPIRED },
        { qe_early, DS_CODE_DCAP_QE_IDENTITY_FUTURE },
        { crl_old, DS_CODE_CRL_DATES },
        { pck_expired, DS_CODE_X509_EXPIRED },
    };
    static const struct {
        void (*breaks)(struct synth *s); /* NULL: nothing */
        bool is_tdx;
    } levels[] = {
        { NULL, false },
        { platform_revoked, false },
        { qe_revoked, false },
        { module_revoked, true },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(dates) * DS_LEN(levels) * DS_LEN(shapes); i++) {
        const struct shape *shape = &shapes[i % DS_LEN(shapes)];
        size_t level = i / DS_LEN(shapes) % DS_LEN(levels);
        size_t date = i / DS_LEN(shapes) / DS_LEN(levels);
        if (levels[level].is_tdx && shape->body == DS_DCAP_BODY_SGX)
            continue;
        DS_AUTO(synth_done) struct synth s = synth_good_of(shape->version, shape->body);
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        dates[date].stale(&s);
        if (levels[level].breaks != NULL)
            levels[level].breaks(&s);
        synth_make(&s);
        assert_int_equal(run(&c, &s, true, &e), DS_ERR_STALE);
        assert_int_equal(e.code, dates[date].code);
        const char *told = strstr(e.detail.got, "; the level would be Revoked");
        if ((told != NULL) != (levels[level].breaks != NULL))
            fail_msg("%s, date %zu, level %zu: %s", shape->name, date, level, e.detail.got);
        assert_true((strstr(e.msg, "Revoked") != NULL) == (told != NULL));
        assert_string_equal(e.detail.anchor, "test root");
        assert_int_equal(run(&c, &s, true, NULL), DS_ERR_STALE);
    }
}

/* Lists of levels descend, and no row stands twice. */
static void levels_descend(void **state)
{
#define ROW(svn)                 \
    ",{\"tcb\":{\"isvsvn\":" svn \
    "},\"tcbDate\":\"2024-03-01T00:00:00Z\",\"tcbStatus\":\"UpToDate\"}"
    static const struct {
        const char *name;
        uint8_t svn;
        unsigned pcesvn;
        uint8_t tdx_svn; /* the first level has 5, 11, 2 */
        bool is_good_tdx, is_good_sgx;
        const char *modules, *qe; /* the first rows have 4 and 3 */
    } cases[] = {
        { "lower components", 4, 12, 3, true, true, "", "" },
        { "equal, lower PCE", 5, 10, 3, true, true, "", "" },
        { "equal, lower TDX components", 5, 11, 1, true, false, "", "" },
        { "twice", 5, 11, 2, false, false, "", "" },
        { "equal, higher TDX components", 5, 11, 3, false, false, "", "" },
        { "equal, higher PCE", 5, 12, 1, false, false, "", "" },
        { "higher components", 6, 10, 1, false, false, "", "" },
        { "module below", 4, 11, 2, true, true, ROW("3") ROW("1"), "" },
        { "module twice", 4, 11, 2, false, true, ROW("4"), "" },
        { "module above", 4, 11, 2, false, true, ROW("5"), "" },
        { "module above the second", 4, 11, 2, false, true, ROW("2") ROW("3"), "" },
        { "enclave below", 4, 11, 2, true, true, "", ROW("2") ROW("0") },
        { "enclave twice", 4, 11, 2, false, false, "", ROW("3") },
        { "enclave above", 4, 11, 2, false, false, "", ROW("4") },
        { "enclave twice below", 4, 11, 2, false, false, "", ROW("2") ROW("2") },
    };
#undef ROW
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases) * 2; i++) {
        bool is_sgx = i % 2 != 0;
        size_t row = i / 2;
        DS_AUTO(synth_done)
        struct synth s = synth_good_of(4, is_sgx ? DS_DCAP_BODY_SGX : DS_DCAP_BODY_TD10);
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        s.has_more_levels = true;
        s.more_svn = cases[row].svn;
        s.more_pcesvn = cases[row].pcesvn;
        s.more_tdx_svn = cases[row].tdx_svn;
        s.more_module_levels = cases[row].modules;
        s.more_qe_levels = cases[row].qe;
        synth_make(&s);
        int r = run(&c, &s, true, &e);
        if ((r == DS_OK) != (is_sgx ? cases[row].is_good_sgx : cases[row].is_good_tdx))
            fail_msg("%s, %s: %s", is_sgx ? "SGX" : "TDX", cases[row].name, e.msg);
        if (r == DS_OK)
            continue;
        assert_int_equal(r, DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_DCAP_COLLATERAL_FORMAT);
    }
}

static void lower_levels_are_found(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    struct ds_claims c = { 0 };
    (void)state;
    s.level_svn = 6;
    s.has_more_levels = true;
    s.more_svn = 5;
    s.more_pcesvn = 11;
    s.more_tdx_svn = 2;
    synth_make(&s);
    assert_int_equal(run(&c, &s, true, NULL), DS_OK);
    assert_int_equal(c.tcb.status, DS_TCB_OUT_OF_DATE);
}

static void claims_hold_64_advisories(void **state)
{
    (void)state;
    for (unsigned n = 62; n <= 63; n++) { /* beside two of platform and module */
        DS_AUTO(synth_done) struct synth s = synth_good();
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        ds_buf_str(&b, "UpToDate\",\"advisoryIDs\":[");
        for (unsigned i = 0; i < n; i++)
            ds_buf_printf(&b, "%s\"A%u\"", i > 0 ? "," : "", i);
        ds_buf_str(&b, "],\"end\":\"");
        ds_buf_char(&b, '\0');
        s.qe_status = (const char *)b.p;
        synth_make(&s);
        if (n == 62) {
            assert_int_equal(run(&c, &s, true, &e), DS_OK);
            assert_non_null(ds_claims_advisory(&c, 63));
            assert_null(ds_claims_advisory(&c, 64));
            continue;
        }
        assert_int_equal(run(&c, &s, true, &e), DS_ERR_RANGE);
        assert_int_equal(e.code, DS_CODE_DCAP_COLLATERAL_FORMAT);
    }
}

/* Version 5 says what its body is; TD 1.5 with extensions (4) is not read. */
static void unknown_bodies_are_refused(void **state)
{
    static const uint16_t types[] = { 0, 4, 0x0103, 0xffff };
    (void)state;
    for (size_t i = 0; i < DS_LEN(types); i++) {
        DS_AUTO(synth_done) struct synth s = synth_good_of(5, DS_DCAP_BODY_TD15);
        struct ds_arena mem = ds_arena_of(calloc(1, DS_DCAP_COLLATERAL_MEM),
                                          DS_DCAP_COLLATERAL_MEM);
        struct ds_tdx_quote q;
        struct ds_error e = { 0 };
        synth_make(&s);
        struct ds_span quote = synth_quote(&mem, &s);
        uint8_t *type = mem.p + (quote.p - mem.p) + 48;
        type[0] = (uint8_t)types[i];
        type[1] = (uint8_t)(types[i] >> 8);
        assert_int_equal(ds_tdx_quote_parse(&q, quote, &e), DS_ERR_UNSUPPORTED);
        assert_int_equal(e.code, DS_CODE_DCAP_BODY_TYPE);
        assert_string_equal(e.detail.claim, "body_type");
        free(mem.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_platforms_verify),
        cmocka_unit_test(claims_are_the_bodies_fields),
        cmocka_unit_test(each_check_has_its_code),
        cmocka_unit_test(kinds_do_not_mix),
        cmocka_unit_test(statuses_converge),
        cmocka_unit_test(modules_of_version_0_are_judged_by_the_platform),
        cmocka_unit_test(relaunch_is_advised),
        cmocka_unit_test(each_tee_has_its_reader),
        cmocka_unit_test(chains_come_from_quote_or_collateral),
        cmocka_unit_test(tcb_info_of_version_2_serves_sgx),
        cmocka_unit_test(levels_have_their_bounds),
        cmocka_unit_test(reasons_name_the_part),
        cmocka_unit_test(stale_sets_tell_revoked_levels),
        cmocka_unit_test(levels_descend),
        cmocka_unit_test(lower_levels_are_found),
        cmocka_unit_test(claims_hold_64_advisories),
        cmocka_unit_test(unknown_bodies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
