/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a platform is when a part of its collateral is missing, and what may be kept
 * of one: each document that Intel signed speaks, no other does, and nothing that is
 * kept spares a check.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/dcap/private.h"
#include "dcap_kit.h"

/* clang-format off */
BREAK(nothing, (void)s)
BREAK(fmspc, s->info_fmspc[5] = 7)
BREAK(sgx_svn, s->level_svn = 6)
BREAK(pcesvn, s->level_pcesvn = 12)
BREAK(tdx_svn, s->quote.td.tee_tcb_svn16[15] = 1)
BREAK(mrsignerseam, s->quote.td.mrsignerseam48[47] = 1)
BREAK(module_svn, s->module_svn = 6)
BREAK(qe_svn, s->qe_svn = 4)
BREAK(qe_id, s->qe_id = strcmp(s->qe_id, "QE") == 0 ? "TD_QE" : "QE")
BREAK(qe_mrsigner, s->quote.dcap.qe_report.mrsigner32[0] = 0)
BREAK(tcb_early, s->tcb_issue = "2027-02-01T00:00:00Z")
BREAK(tcb_old, s->tcb_next = "2027-01-14T12:00:00Z")
BREAK(qe_early, s->qe_issue = "2027-02-01T00:00:00Z")
BREAK(qe_old, s->qe_next = "2027-01-14T12:00:00Z")
BREAK(platform_revoked, s->level_status = "Revoked")
BREAK(platform_old, s->level_status = "OutOfDate")
BREAK(module_revoked, s->module_status = "Revoked")
BREAK(qe_revoked, s->qe_status = "Revoked")
BREAK(qe_out_of_date, s->qe_status = "OutOfDate")
BREAK(platform_revoked_qe_svn, platform_revoked(s); qe_svn(s))
BREAK(qe_revoked_sgx_svn, qe_revoked(s); sgx_svn(s))
/* clang-format on */

/* A platform is kept no longer than its root, too, is in date. */
static void roots_end_what_is_kept(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    DS_AUTO(made_done) struct made m = { 0 };
    struct ds_claims c = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    s.plans[ROOT].not_after_s = SYNTH_NOW + 3600;
    synth_make(&s);
    assert_int_equal(make(&m, &s, true, false, &e), DS_OK);
    struct ds_dcap_platform *p = ds_dcap_platform_new_in(&m.mem);
    assert_int_equal(ds_dcap_platform_verify(p, &m.mem, quote_of(&m), &m.coll, &m.anchors,
                                             SYNTH_NOW, &e),
                     DS_OK);
    assert_int_equal(verify_on(&c, &m, p, NULL, SYNTH_NOW + 3600, &e), DS_OK);
    /* Nobody verified what the root says of itself. */
    assert_int_equal(ds_claims_valid_until_s(&c), SYNTH_NOW + SYNTH_DAY);
    assert_int_equal(verify_on(&c, &m, p, NULL, SYNTH_NOW + 3601, &e), DS_ERR_STALE);
    assert_int_equal(e.code, DS_CODE_DCAP_PLATFORM_STALE);
}

/* A document's dates end what is kept of a platform, where somebody signed them. */
static void unsigned_dates_end_nothing(void **state)
{
    static const struct {
        bool is_tcb_unsigned, is_qe_unsigned;
        int64_t until_s;
    } cases[] = {
        { false, false, SYNTH_NOW + 14400 },
        { true, false, SYNTH_NOW + 18000 },
        { false, true, SYNTH_NOW + 14400 },
        { true, true, SYNTH_NOW + SYNTH_DAY },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases) * 2; i++) {
        DS_AUTO(synth_done) struct synth s = synth_good();
        DS_AUTO(made_done) struct made m = { 0 };
        struct ds_error e = { 0 };
        s.tcb_next = "2027-01-15T12:00:00Z"; /* SYNTH_NOW is 08:00 */
        s.qe_next = "2027-01-15T13:00:00Z";
        synth_make(&s);
        assert_int_equal(make(&m, &s, true, false, &e), DS_OK);
        struct ds_dcap_parts *p = &m.coll.parts;
        if (cases[i / 2].is_tcb_unsigned)
            *(i % 2 == 0 ? &p->tcb_sig64 : &p->tcb_chain_pem) = (struct ds_span){ 0 };
        if (cases[i / 2].is_qe_unsigned)
            *(i % 2 == 0 ? &p->qe_sig64 : &p->qe_chain_pem) = (struct ds_span){ 0 };
        struct ds_dcap_platform *platform = ds_dcap_platform_new_in(&m.mem);
        assert_int_equal(ds_dcap_platform_verify(platform, &m.mem, quote_of(&m), &m.coll,
                                                 &m.anchors, SYNTH_NOW, &e),
                         DS_OK);
        assert_int_equal(platform->dates.until_s, cases[i / 2].until_s);
    }
}

/* What nobody signed says nothing about a quote: the set is incomplete, whatever stands in it. */
static void unsigned_documents_blame_no_quote(void **state)
{
    static const struct {
        void (*breaks)(struct synth *s);
        bool is_level_known; /* dates are not the level's */
        bool is_tdx;
    } cases[] = {
        { fmspc, false, false },   { sgx_svn, false, false },  { mrsignerseam, false, true },
        { qe_svn, false, false },  { qe_id, false, false },    { qe_mrsigner, false, false },
        { tcb_old, true, false },  { tcb_early, true, false }, { qe_old, true, false },
        { qe_early, true, false },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases) * DS_LEN(shapes) * 3; i++) {
        const struct shape *shape = &shapes[i / 3 % DS_LEN(shapes)];
        size_t row = i / 3 / DS_LEN(shapes);
        bool is_sgx = shape->body == DS_DCAP_BODY_SGX;
        if (cases[row].is_tdx && is_sgx)
            continue;
        DS_AUTO(made_done) struct made m = { 0 };
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        make_broken(&m, shape, cases[row].breaks);
        if (i % 3 != 1)
            m.coll.parts.tcb_sig64 = m.coll.parts.qe_sig64 = (struct ds_span){ 0 };
        if (i % 3 != 0)
            m.coll.parts.tcb_chain_pem = m.coll.parts.qe_chain_pem = (struct ds_span){ 0 };
        assert_int_equal(verify(&c, &m, &e), DS_ERR_UNAVAILABLE);
        assert_int_equal(e.code, DS_CODE_DCAP_COLLATERAL_INCOMPLETE);
        const char *want = cases[row].is_level_known ? "missing; the level would be UpToDate"
                                                     : "missing; the level would be unknown";
        if (strcmp(e.detail.got, want) != 0)
            fail_msg("%s, row %zu: %s", shape->name, row, e.detail.got);
    }
}

/* One of two documents unsigned: the level is told only where that one fits too. */
static void unsigned_identities_fit_the_enclave(void **state)
{
    static void (*const breaks[])(struct synth *s) = { qe_id, qe_mrsigner };
    (void)state;
    for (size_t i = 0; i < DS_LEN(breaks) * DS_LEN(shapes); i++) {
        const struct shape *shape = &shapes[i % DS_LEN(shapes)];
        DS_AUTO(made_done) struct made m = { 0 };
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        make_broken(&m, shape, breaks[i / DS_LEN(shapes)]);
        m.coll.parts.qe_sig64 = (struct ds_span){ 0 };
        assert_int_equal(verify(&c, &m, &e), DS_ERR_UNAVAILABLE);
        assert_string_equal(e.detail.got, "missing; the level would be unknown");
    }
}

BREAK(ca_name, s->plans[CA].cn = "Test SGX Platform")

/* What the chain is does not depend on whether its list came along. */
static void chains_are_judged_without_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(shapes); i++) {
        DS_AUTO(made_done) struct made m = { 0 };
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        make_broken(&m, &shapes[i], ca_name);
        m.coll.parts.pck_crl_der = (struct ds_span){ 0 };
        assert_int_equal(verify(&c, &m, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_X509_NOT_CA);
    }
}

#define REVOKED "missing; the level would be Revoked"
#define UNKNOWN "missing; the level would be unknown"

/* Each document that is signed speaks, whatever became of the other. */
static void signed_documents_speak_alone(void **state)
{
    enum { NOTHING, TCB_INFO, QE_IDENTITY };
    static const struct {
        void (*breaks)(struct synth *s);
        int unsigned_one; /* the other is signed */
        bool is_absent;
        enum ds_code code;
        const char *got;
        bool is_tdx; /* alone */
    } cases[] = {
        { sgx_svn, QE_IDENTITY, true, DS_CODE_DCAP_TCB_NOT_SUPPORTED, NULL, false },
        { sgx_svn, QE_IDENTITY, false, DS_CODE_DCAP_TCB_NOT_SUPPORTED, NULL, false },
        { pcesvn, QE_IDENTITY, true, DS_CODE_DCAP_TCB_NOT_SUPPORTED, NULL, false },
        { fmspc, QE_IDENTITY, true, DS_CODE_DCAP_TCB_INFO_MISMATCH, NULL, false },
        { tdx_svn, QE_IDENTITY, true, DS_CODE_DCAP_TCB_NOT_SUPPORTED, NULL, true },
        { module_svn, QE_IDENTITY, true, DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, NULL, true },
        { mrsignerseam, QE_IDENTITY, true, DS_CODE_TDX_MODULE_MISMATCH, NULL, true },
        { platform_revoked, QE_IDENTITY, true, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, REVOKED, false },
        { platform_revoked, QE_IDENTITY, false, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, REVOKED,
          false },
        { module_revoked, QE_IDENTITY, true, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, REVOKED, true },
        /* The identity that nobody signed does not even fit. */
        { platform_revoked_qe_svn, QE_IDENTITY, false, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, REVOKED,
          false },
        { qe_svn, QE_IDENTITY, false, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, UNKNOWN, false },
        { platform_old, QE_IDENTITY, true, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, UNKNOWN, false },
        { qe_svn, TCB_INFO, true, DS_CODE_DCAP_QE_TCB_NOT_SUPPORTED, NULL, false },
        { qe_svn, TCB_INFO, false, DS_CODE_DCAP_QE_TCB_NOT_SUPPORTED, NULL, false },
        { qe_mrsigner, TCB_INFO, true, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, NULL, false },
        { qe_revoked, TCB_INFO, true, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, REVOKED, false },
        { qe_revoked, TCB_INFO, false, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, REVOKED, false },
        { qe_revoked_sgx_svn, TCB_INFO, false, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, REVOKED, false },
        { qe_out_of_date, TCB_INFO, true, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, UNKNOWN, false },
        { sgx_svn, TCB_INFO, false, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, UNKNOWN, false },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases) * DS_LEN(shapes); i++) {
        const struct shape *shape = &shapes[i % DS_LEN(shapes)];
        size_t row = i / DS_LEN(shapes);
        bool is_sgx = shape->body == DS_DCAP_BODY_SGX;
        if (cases[row].is_tdx && is_sgx)
            continue;
        DS_AUTO(made_done) struct made m = { 0 };
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        make_broken(&m, shape, cases[row].breaks);
        struct ds_dcap_parts *p = &m.coll.parts;
        bool is_tcb = cases[row].unsigned_one == TCB_INFO;
        *(is_tcb ? &p->tcb_sig64 : &p->qe_sig64) = (struct ds_span){ 0 };
        if (cases[row].is_absent)
            *(is_tcb ? &p->tcb_info : &p->qe_identity) = (struct ds_span){ 0 };
        assert_true(verify(&c, &m, &e) < 0);
        if (e.code != cases[row].code)
            fail_msg("%s, row %zu: %s", shape->name, row, ds_code_info_get(e.code)->id);
        if (cases[row].got != NULL)
            assert_string_equal(e.detail.got, cases[row].got);
    }
}

/* What is kept of a platform and its quoting enclave spares work and no check. */
static void kept_platforms_serve_their_own_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(shapes); i++) {
        DS_AUTO(synth_done) struct synth s = synth_good_of(shapes[i].version, shapes[i].body);
        DS_AUTO(synth_done) struct synth other = synth_good_of(shapes[i].version, shapes[i].body);
        DS_AUTO(made_done) struct made m = { 0 };
        DS_AUTO(made_done) struct made n = { 0 };
        bool is_sgx = shapes[i].body == DS_DCAP_BODY_SGX;
        struct ds_claims cold = { 0 }, c = { 0 };
        struct ds_dcap_qe qe = { 0 };
        struct ds_error e = { 0 };
        synth_make(&s);
        synth_make(&other);
        assert_int_equal(make(&m, &s, true, is_sgx, &e), DS_OK);
        assert_int_equal(make(&n, &other, true, is_sgx, &e), DS_OK);
        struct ds_dcap_platform *p = ds_dcap_platform_new_in(&m.mem);
        assert_int_equal(verify_on(&c, &m, p, NULL, SYNTH_NOW, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_DCAP_PLATFORM_OTHER);
        assert_int_equal(ds_dcap_platform_verify(p, &m.mem, quote_of(&m), &m.coll, &m.anchors,
                                                 SYNTH_NOW, &e),
                         DS_OK);
        assert_int_equal(verify(&cold, &m, &e), DS_OK);
        for (int k = 0; k < 3; k++) {
            memset(&c, 0, sizeof c);
            assert_int_equal(verify_on(&c, &m, p, k > 0 ? &qe : NULL, SYNTH_NOW, &e), DS_OK);
            assert_memory_equal(&c, &cold, sizeof c);
        }
        assert_int_equal(verify_on(&c, &n, p, &qe, SYNTH_NOW, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_DCAP_PLATFORM_OTHER);
        /* The same bytes as another type are refused, kept or not. */
        uint16_t *type = is_sgx ? &m.sgx.dcap.cert_type : &m.tdx.dcap.cert_type;
        *type = DS_DCAP_CERT_PCK_LEAF;
        assert_int_equal(verify(&c, &m, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_DCAP_PLATFORM_OTHER);
        *type = DS_DCAP_CERT_PCK_CHAIN;
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW + SYNTH_DAY, &e), DS_OK);
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW + SYNTH_DAY + 1, &e), DS_ERR_STALE);
        assert_int_equal(e.code, DS_CODE_DCAP_PLATFORM_STALE);
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW - SYNTH_DAY - 1, &e), DS_ERR_STALE);
    }
}

BREAK(quote_sig, s->breaks_quote_sig = true)
BREAK(qe_sig, s->breaks_qe_sig = true)
BREAK(binding, s->breaks_binding = true)

/* A platform that is over serves no quote, and hides no bad one: known quoting enclave or not. */
static void stale_platforms_hide_no_bad_quote(void **state)
{
    static const struct {
        void (*breaks)(struct synth *s);
        enum ds_code code;
        int cls;
        bool is_tdx;
        bool breaks_report; /* which is then in no kept enclave */
    } cases[] = {
        { nothing, DS_CODE_DCAP_PLATFORM_STALE, DS_ERR_STALE, false, false },
        { platform_revoked, DS_CODE_DCAP_PLATFORM_STALE, DS_ERR_STALE, false, false },
        { quote_sig, DS_CODE_DCAP_QUOTE_SIGNATURE, DS_ERR_UNTRUSTED, false, false },
        { qe_sig, DS_CODE_DCAP_QE_SIGNATURE, DS_ERR_UNTRUSTED, false, true },
        { binding, DS_CODE_DCAP_QE_BINDING, DS_ERR_UNTRUSTED, false, false },
        { qe_id, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED, false, false },
        { qe_mrsigner, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, DS_ERR_UNTRUSTED, false, false },
        { fmspc, DS_CODE_DCAP_TCB_INFO_MISMATCH, DS_ERR_UNTRUSTED, false, false },
        { mrsignerseam, DS_CODE_TDX_MODULE_MISMATCH, DS_ERR_UNTRUSTED, true, false },
        { sgx_svn, DS_CODE_DCAP_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED, false, false },
        { qe_svn, DS_CODE_DCAP_QE_TCB_NOT_SUPPORTED, DS_ERR_UNTRUSTED, false, false },
    };
    static const int64_t times_s[] = { SYNTH_NOW + SYNTH_DAY + 1, SYNTH_NOW - SYNTH_DAY - 1 };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases) * DS_LEN(shapes); i++) {
        const struct shape *shape = &shapes[i % DS_LEN(shapes)];
        size_t row = i / DS_LEN(shapes);
        bool is_sgx = shape->body == DS_DCAP_BODY_SGX;
        if (cases[row].is_tdx && is_sgx)
            continue;
        DS_AUTO(made_done) struct made m = { 0 };
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        make_broken(&m, shape, cases[row].breaks);
        struct ds_dcap_platform *p = ds_dcap_platform_new_in(&m.mem);
        const struct ds_dcap_quote *q = quote_of(&m);
        assert_int_equal(ds_dcap_platform_verify(p, &m.mem, q, &m.coll, &m.anchors, SYNTH_NOW, &e),
                         DS_OK);
        struct ds_dcap_qe known = { 0 };
        memcpy(known.pck_xy64, p->pck_xy64, 64);
        memcpy(known.report, q->qe_report_raw.p, sizeof known.report);
        memcpy(known.sig64, q->qe_sig64, 64);
        for (size_t k = 0; k < DS_LEN(times_s) * 2; k++) {
            struct ds_dcap_qe qe = known;
            bool is_known = k % 2 != 0 && !cases[row].breaks_report;
            int r = verify_on(&c, &m, p, is_known ? &qe : NULL, times_s[k / 2], &e);
            if (r != cases[row].cls || e.code != cases[row].code)
                fail_msg("%s, row %zu: %d, %s", shape->name, row, r, e.msg);
            assert_int_equal(c.kind, DS_KIND_NONE);
            bool is_revoked = cases[row].breaks == platform_revoked;
            assert_true((strstr(e.detail.got, "; the level would be Revoked") != NULL) ==
                        is_revoked);
        }
    }
}

/* A known report is known with its signature, on its platform, for its attestation key. */
static void kept_enclaves_vouch_for_what_they_did(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(shapes); i++) {
        DS_AUTO(made_done) struct made m = { 0 };
        bool is_sgx = shapes[i].body == DS_DCAP_BODY_SGX;
        struct ds_claims c = { 0 };
        struct ds_dcap_qe qe = { 0 };
        struct ds_error e = { 0 };
        make_broken(&m, &shapes[i], nothing);
        struct ds_dcap_platform *p = ds_dcap_platform_new_in(&m.mem);
        assert_int_equal(ds_dcap_platform_verify(p, &m.mem, quote_of(&m), &m.coll, &m.anchors,
                                                 SYNTH_NOW, &e),
                         DS_OK);
        struct ds_dcap_quote *q = is_sgx ? &m.sgx.dcap : &m.tdx.dcap;
        const struct ds_dcap_quote good = *q;
        const struct ds_dcap_qe none = { 0 };
        q->sig64[0] ^= 1; /* nothing is remembered of a quote that is refused */
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW, &e), DS_ERR_UNTRUSTED);
        assert_memory_equal(&qe, &none, sizeof qe);
        *q = good;
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW, &e), DS_OK);
        q->qe_sig64[0] ^= 1;
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_DCAP_QE_SIGNATURE);
        *q = good;
        q->ak_pub64[0] ^= 1;
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_DCAP_QE_BINDING);
        *q = good;
        q->sig64[0] ^= 1;
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_DCAP_QUOTE_SIGNATURE);
        *q = good;
        qe.pck_xy64[0] ^= 1; /* of another platform: its signature is looked at again */
        assert_int_equal(verify_on(&c, &m, p, &qe, SYNTH_NOW, &e), DS_OK);
        assert_memory_equal(qe.pck_xy64, p->pck_xy64, 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_end_what_is_kept),
        cmocka_unit_test(unsigned_dates_end_nothing),
        cmocka_unit_test(unsigned_documents_blame_no_quote),
        cmocka_unit_test(unsigned_identities_fit_the_enclave),
        cmocka_unit_test(chains_are_judged_without_lists),
        cmocka_unit_test(signed_documents_speak_alone),
        cmocka_unit_test(kept_platforms_serve_their_own_quotes),
        cmocka_unit_test(stale_platforms_hide_no_bad_quote),
        cmocka_unit_test(kept_enclaves_vouch_for_what_they_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
