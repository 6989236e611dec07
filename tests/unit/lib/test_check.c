/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The installed interface's call for policies: what it allows and denies, with
 * every reason; what is no policy, no report data or no verified evidence.
 */

#include <dstack/attest.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kit.h"
#include "lib/private.h"

#define DAY 86400

struct bench {
    struct kit kit;
    struct ds_attest *a;
};

static int verify(struct bench *b)
{
    struct ds_attest_bytes documents[KIT_DOCUMENTS];
    for (size_t i = 0; i < b->kit.n_documents; i++)
        documents[i] = (struct ds_attest_bytes){ b->kit.documents[i].p, b->kit.documents[i].len };
    return ds_attest_verify(b->a,
                            (struct ds_attest_bytes){ b->kit.evidence[0].p,
                                                      b->kit.evidence[0].len },
                            documents, b->kit.n_documents, KIT_NOW);
}

static struct bench bench_new(enum kit_form form)
{
    struct bench b = { .kit = kit_new(form),
                       .a = ds_attest_init(malloc(ds_attest_size()), ds_attest_size()) };
    assert_non_null(b.a);
    assert_int_equal(ds_attest_trust_simulated(b.a, "the test's root", b.kit.root32), 0);
    assert_int_equal(verify(&b), DS_ATTEST_OK);
    return b;
}

static void bench_done(struct bench *b)
{
    free(b->a);
    kit_done(&b->kit);
}

static struct ds_attest_bytes text(const char *s)
{
    return (struct ds_attest_bytes){ (const unsigned char *)s, strlen(s) };
}

static const struct ds_attest_bytes none;

/* The report data of the kit's first evidence. */
static struct ds_attest_bytes right_data(const struct bench *b)
{
    struct ds_span data = ds_claims_report_data64(b->a->claims.c);
    return (struct ds_attest_bytes){ data.p, data.len };
}

#define SIM      "{\"version\":1,\"kinds\":[\"simulated\"]"
#define SIM_ROOT SIM ",\"roots\":[\"the test's root\"]"
#define ZEROS16  "00000000000000000000000000000000"
#define ONES16   "ffffffffffffffffffffffffffffffff"
#define ONES48   ONES16 ONES16 ONES16

/* clang-format off */
static const struct {
    const char *name;
    enum kit_form form;
    enum ds_attest_session session;
    const char *policy;
} allowed[] = {
    { "simulated, accepted by name", KIT_TDX, DS_ATTEST_SESSION_NONE, SIM_ROOT "}" },
    { "every form: TD 1.5", KIT_TDX_15, DS_ATTEST_SESSION_NONE, SIM ",\"tees\":[\"tdx\"]}" },
    { "every form: SGX", KIT_SGX, DS_ATTEST_SESSION_NONE, SIM ",\"sgx\":{}}" },
    { "every form: SEV-SNP", KIT_SNP_WRAPPED, DS_ATTEST_SESSION_NONE, SIM ",\"snp\":{\"keys\":[\"vcek\"]}}" },
    { "an app", KIT_TDX_LOG, DS_ATTEST_SESSION_NONE, SIM ",\"app\":{\"ids\":[\"a999" ZEROS16 "0000\"]}}" },
    { "a session by nonce", KIT_TDX, DS_ATTEST_SESSION_NONCE, SIM ",\"sessions\":[\"nonce\"]}" },
    { "a session by certificate", KIT_TDX, DS_ATTEST_SESSION_CERTIFICATE, SIM ",\"sessions\":[\"certificate\"]}" },
    { "an attested session", KIT_TDX, DS_ATTEST_SESSION_ATTESTED, SIM ",\"sessions\":[\"nonce\",\"attested\"]}" },
    { "collateral of that day", KIT_TDX, DS_ATTEST_SESSION_NONE, SIM ",\"intel\":{\"max_collateral_age_s\":172800}}" },
};

static const struct {
    const char *name;
    enum kit_form form;
    enum ds_attest_session session;
    const char *policy;
    const char *codes[4];
} denied[] = {
    { "simulated is no hardware", KIT_TDX, DS_ATTEST_SESSION_NONE, "{\"version\":1}", { "policy.simulated_evidence" } },
    { "another root", KIT_TDX, DS_ATTEST_SESSION_NONE, SIM ",\"roots\":[\"other\"]}", { "policy.root" } },
    { "another TEE", KIT_SGX, DS_ATTEST_SESSION_NONE, SIM ",\"tees\":[\"tdx\",\"snp\"]}", { "policy.tee" } },
    { "a section is for its TEE", KIT_SNP, DS_ATTEST_SESSION_NONE, SIM ",\"tdx\":{}}", { "policy.tee" } },
    { "no session", KIT_TDX, DS_ATTEST_SESSION_NONE, SIM ",\"sessions\":[\"nonce\"]}", { "policy.session" } },
    { "another session", KIT_TDX, DS_ATTEST_SESSION_CERTIFICATE, SIM ",\"sessions\":[\"nonce\"]}", { "policy.session" } },
    { "a session that there is not", KIT_TDX, (enum ds_attest_session)4, SIM ",\"sessions\":[\"nonce\"]}", { "policy.session" } },
    { "another firmware", KIT_TDX, DS_ATTEST_SESSION_NONE, SIM ",\"tdx\":{\"mrtd\":[\"" ONES48 "\"]}}", { "policy.measurement" } },
    { "another app", KIT_TDX_LOG, DS_ATTEST_SESSION_NONE, SIM ",\"app\":{\"ids\":[\"a998" ZEROS16 "0000\"]}}", { "policy.app_id" } },
    { "no app", KIT_TDX, DS_ATTEST_SESSION_NONE, SIM ",\"app\":{\"event_log\":true}}", { "policy.log_missing" } },
    { "every reason at once", KIT_SNP, DS_ATTEST_SESSION_NONE,
      "{\"version\":1,\"sessions\":[\"nonce\"],\"snp\":{\"measurement\":[\"" ONES48 "\"],\"keys\":[\"vlek\"]}}",
      { "policy.simulated_evidence", "policy.session", "policy.measurement", "policy.platform" } },
};

/* Refused before anything is judged: the only reason's code and claim. */
static const struct {
    const char *name;
    const char *policy;
    enum ds_attest_session session;
    size_t report_data_len;
    int result;
    const char *code, *claim;
} refused[] = {
    { "no policy", "", DS_ATTEST_SESSION_NONE, 0, DS_ATTEST_MALFORMED, "policy.document_json", "" },
    { "a policy cut short", SIM, DS_ATTEST_SESSION_NONE, 0, DS_ATTEST_MALFORMED, "policy.document_json", "" },
    { "a list", "[]", DS_ATTEST_SESSION_NONE, 0, DS_ATTEST_MALFORMED, "policy.document_wrong_type", "the document" },
    { "no version", "{}", DS_ATTEST_SESSION_NONE, 0, DS_ATTEST_MALFORMED, "policy.document_version", "version" },
    { "an unknown key", SIM ",\"tdx\":{\"mrdt\":[]}}", DS_ATTEST_SESSION_NONE, 0, DS_ATTEST_MALFORMED, "policy.document_unknown_key", "tdx.mrdt" },
    { "a value cut short", SIM ",\"tdx\":{\"mrtd\":[\"00\"]}}", DS_ATTEST_SESSION_NONE, 0, DS_ATTEST_MALFORMED, "policy.document_wrong_value", "tdx.mrtd[0]" },
    { "rules that contradict each other", SIM ",\"tees\":[\"snp\"],\"tdx\":{}}", DS_ATTEST_SESSION_NONE, 0, DS_ATTEST_MALFORMED, "policy.document_contradiction", "tdx" },
    { "report data one short", SIM "}", DS_ATTEST_SESSION_NONCE, 63, DS_ATTEST_FAILED, "lib.report_data", "report_data" },
    { "report data one short without a session", SIM "}", DS_ATTEST_SESSION_NONE, 63, DS_ATTEST_FAILED, "lib.report_data", "report_data" },
    { "report data one long", SIM "}", DS_ATTEST_SESSION_NONCE, 65, DS_ATTEST_FAILED, "lib.report_data", "report_data" },
    { "a nonce without report data", SIM "}", DS_ATTEST_SESSION_NONCE, 0, DS_ATTEST_FAILED, "lib.report_data", "report_data" },
    { "a certificate without report data", SIM "}", DS_ATTEST_SESSION_CERTIFICATE, 0, DS_ATTEST_FAILED, "lib.report_data", "report_data" },
};
/* clang-format on */

static void what_a_policy_accepts_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(allowed); i++) {
        DS_AUTO(bench_done) struct bench b = bench_new(allowed[i].form);
        bool is_bound = allowed[i].session != DS_ATTEST_SESSION_NONE;
        print_message("  %s\n", allowed[i].name);
        int r = ds_attest_check(b.a, text(allowed[i].policy), allowed[i].session,
                                is_bound ? right_data(&b) : none);
        if (r != DS_ATTEST_OK)
            fail_msg("%s: %s", ds_attest_reason(b.a, 0).code, ds_attest_reason(b.a, 0).got);
        assert_int_equal(ds_attest_n_reasons(b.a), 0);
        assert_non_null(ds_attest_claims(b.a));
    }
}

static void is_denied(const struct ds_attest *a, int r, const char *const codes[static 4])
{
    size_t n = 0;
    assert_int_equal(r, DS_ATTEST_DENIED);
    for (; n < 4 && codes[n] != NULL; n++) {
        assert_true(n < ds_attest_n_reasons(a));
        struct ds_attest_reason reason = ds_attest_reason(a, n);
        assert_string_equal(reason.code, codes[n]);
        assert_true(reason.what[0] != '\0' && reason.claim[0] != '\0' && reason.fix[0] != '\0');
        assert_true(reason.expected[0] != '\0' && reason.got[0] != '\0');
        assert_string_equal(reason.anchor, "the test's root");
    }
    assert_int_equal(ds_attest_n_reasons(a), n);
    assert_int_equal(ds_attest_n_reasons_dropped(a), 0);
    assert_null(ds_attest_claims(a));
}

static void each_broken_rule_is_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(denied); i++) {
        DS_AUTO(bench_done) struct bench b = bench_new(denied[i].form);
        bool is_bound = denied[i].session != DS_ATTEST_SESSION_NONE;
        print_message("  %s\n", denied[i].name);
        is_denied(b.a,
                  ds_attest_check(b.a, text(denied[i].policy), denied[i].session,
                                  is_bound ? right_data(&b) : none),
                  denied[i].codes);
    }
}

static void is_refused(const struct ds_attest *a, int r, int result, const char *code,
                       const char *claim)
{
    assert_int_equal(r, result);
    assert_int_equal(ds_attest_n_reasons(a), 1);
    assert_string_equal(ds_attest_reason(a, 0).code, code);
    assert_string_equal(ds_attest_reason(a, 0).claim, claim);
    assert_null(ds_attest_claims(a));
}

/* And the evidence has verified still: a policy that can be read judges it. */
static void what_is_no_question_has_no_answer(void **state)
{
    static const unsigned char data[65] = { 0 };
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX);
    (void)state;
    for (size_t i = 0; i < DS_LEN(refused); i++) {
        print_message("  %s\n", refused[i].name);
        int r = ds_attest_check(b.a, text(refused[i].policy), refused[i].session,
                                (struct ds_attest_bytes){ data, refused[i].report_data_len });
        is_refused(b.a, r, refused[i].result, refused[i].code, refused[i].claim);
        assert_int_equal(ds_attest_check(b.a, text(SIM "}"), DS_ATTEST_SESSION_NONE, none),
                         DS_ATTEST_OK);
    }
}

static void a_policy_has_a_bound(void **state)
{
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX);
    static char policy[(64 << 10) + 2];
    (void)state;
    memset(policy, ' ', sizeof policy - 1);
    memcpy(policy, SIM "}", strlen(SIM "}"));
    is_refused(b.a, ds_attest_check(b.a, text(policy), DS_ATTEST_SESSION_NONE, none),
               DS_ATTEST_MALFORMED, "policy.document_too_large", "the document");
    policy[sizeof policy - 2] = '\0';
    assert_int_equal(ds_attest_check(b.a, text(policy), DS_ATTEST_SESSION_NONE, none),
                     DS_ATTEST_OK);
}

/* Whatever bit differs, and whatever the policy lets pass. */
static void report_data_is_the_expected(void **state)
{
    static const char *const codes[4] = { "policy.report_data" };
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX);
    unsigned char data[64];
    struct ds_attest_bytes expected = { data, sizeof data };
    (void)state;
    memcpy(data, right_data(&b).p, sizeof data);
    for (size_t i = 0; i < 64; i += 9) {
        data[i] ^= 1;
        is_denied(b.a, ds_attest_check(b.a, text(SIM "}"), DS_ATTEST_SESSION_NONCE, expected),
                  codes);
        is_denied(b.a, ds_attest_check(b.a, text(SIM "}"), DS_ATTEST_SESSION_NONE, expected),
                  codes);
        data[i] ^= 1;
    }
    assert_int_equal(ds_attest_check(b.a, text(SIM "}"), DS_ATTEST_SESSION_NONE, expected),
                     DS_ATTEST_OK);
}

static void ask(struct bench *b)
{
    is_refused(b->a, ds_attest_check(b->a, text(SIM "}"), DS_ATTEST_SESSION_NONE, none),
               DS_ATTEST_FAILED, "lib.not_verified", "evidence");
}

/* Claims of before are nobody's. */
static void only_what_verified_last_is_judged(void **state)
{
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX);
    struct ds_attest_machine *m = ds_attest_machine_init(malloc(ds_attest_machine_size()),
                                                         ds_attest_machine_size());
    struct ds_attest_bytes junk = text("junk");
    (void)state;
    assert_int_equal(ds_attest_verify(b.a, junk, NULL, 0, KIT_NOW), DS_ATTEST_MALFORMED);
    ask(&b);
    assert_int_equal(verify(&b), DS_ATTEST_OK);
    assert_int_equal(ds_attest_machine_verify(b.a, m, junk, NULL, 0, KIT_NOW), DS_ATTEST_MALFORMED);
    ask(&b);
    assert_int_equal(verify(&b), DS_ATTEST_OK);
    assert_int_equal(ds_attest_trust_hardware(b.a, NULL), DS_ATTEST_OK);
    ask(&b);
    b.a = ds_attest_init(b.a, ds_attest_size());
    ask(&b);
    free(m);
}

/* What is on one machine is judged as the rest is, at the time when it verified. */
static void ages_are_of_the_verification(void **state)
{
    static const char *const codes[4] = { "policy.collateral_age" };
    static const char policy[] = SIM ",\"intel\":{\"max_collateral_age_s\":172800}}";
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX);
    (void)state;
    assert_int_equal(ds_attest_check(b.a, text(policy), DS_ATTEST_SESSION_NONE, none),
                     DS_ATTEST_OK);
    b.a->verified_at_s += 2 * DAY + 1;
    is_denied(b.a, ds_attest_check(b.a, text(policy), DS_ATTEST_SESSION_NONE, none), codes);
}

/* More rules broken than a verdict holds: the rest is counted, until the next call. */
static void reasons_beyond_the_last_are_counted(void **state)
{
    static const char *const keys[] = { "mrtd",    "rtmr0",         "rtmr1",        "rtmr2",
                                        "rtmr3",   "mrseam",        "mrsignerseam", "mrconfigid",
                                        "mrowner", "mrownerconfig", "mrservicetd" };
    static const char rest[] =
        "\"min_tee_tcb_svn\":[255,255,255,255,255,255,255,255,255,255,255,255,255,255,255,255]},"
        "\"intel\":{\"fmspcs\":[\"ffffffffffff\"],\"min_qe_isvsvn\":65535,"
        "\"min_tcb_evaluation_number\":4294967295},\"sessions\":[\"nonce\"],"
        "\"report_data\":[\"" ONES48 ONES16 "\"],\"app\":{\"event_log\":true}}";
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX);
    char policy[4096] = "{\"version\":1,\"tdx\":{";
    (void)state;
    for (size_t i = 0; i < DS_LEN(keys); i++) {
        size_t n = strlen(policy);
        (void)snprintf(policy + n, sizeof policy - n, "\"%s\":[\"%s\"],", keys[i], ONES48);
    }
    size_t n = strlen(policy);
    (void)snprintf(policy + n, sizeof policy - n, "%s", rest);
    int r = ds_attest_check(b.a, text(policy), DS_ATTEST_SESSION_NONE, none);
    assert_int_equal(r, DS_ATTEST_DENIED);
    assert_int_equal(ds_attest_n_reasons(b.a), DS_VERDICT_REASONS_MAX);
    /* the rules above, and a root that is no hardware's */
    assert_int_equal(ds_attest_n_reasons_dropped(b.a),
                     DS_LEN(keys) + 7 + 1 - DS_VERDICT_REASONS_MAX);
    assert_int_equal(ds_attest_check(b.a, text(SIM "}"), DS_ATTEST_SESSION_NONE, none),
                     DS_ATTEST_OK);
    assert_int_equal(ds_attest_n_reasons_dropped(b.a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_policy_accepts_is_allowed),
        cmocka_unit_test(each_broken_rule_is_a_reason),
        cmocka_unit_test(what_is_no_question_has_no_answer),
        cmocka_unit_test(a_policy_has_a_bound),
        cmocka_unit_test(report_data_is_the_expected),
        cmocka_unit_test(only_what_verified_last_is_judged),
        cmocka_unit_test(ages_are_of_the_verification),
        cmocka_unit_test(reasons_beyond_the_last_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
