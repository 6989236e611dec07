/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trustworthiness vector: what each kind of root, TCB status and refusal
 * is worth, and that nothing but approved hardware is ever affirmed.
 */
#include "ear/ar4si.h"

#include "attest/claims_private.h"
#include "ear/ear.h"
#include "unhex.h"

#define APPROVED_ALL \
    (EAR_APPROVED_DEVICE | EAR_APPROVED_CONFIG | EAR_APPROVED_IMAGE | EAR_APPROVED_TCB)

static struct ds_claims claims_of(enum ds_kind kind, enum ds_tcb_status status)
{
    return (struct ds_claims){
        .kind = kind, .tee = DS_TEE_TDX, .tcb.status = status, .anchor = "a root"
    };
}

/* Draft §2.3.2: the bounds of each tier, on both sides of zero. */
static void tiers(void **state)
{
    (void)state;
    static const struct {
        int8_t value;
        enum ear_tier tier;
    } rows[] = {
        { 0, EAR_TIER_NONE },
        { 1, EAR_TIER_NONE },
        { -1, EAR_TIER_NONE },
        { 2, EAR_TIER_AFFIRMING },
        { 31, EAR_TIER_AFFIRMING },
        { -2, EAR_TIER_AFFIRMING },
        { -32, EAR_TIER_AFFIRMING },
        { 32, EAR_TIER_WARNING },
        { 95, EAR_TIER_WARNING },
        { -33, EAR_TIER_WARNING },
        { -96, EAR_TIER_WARNING },
        { 96, EAR_TIER_CONTRAINDICATED },
        { 127, EAR_TIER_CONTRAINDICATED },
        { -97, EAR_TIER_CONTRAINDICATED },
        { -128, EAR_TIER_CONTRAINDICATED },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (ear_tier_of(rows[i].value) != rows[i].tier)
            fail_msg("%d is %s", rows[i].value, ear_tier_text(ear_tier_of(rows[i].value)));
}

/* Values in the order of their labels: identity, configuration, executables, files, hardware,
 * runtime, storage, data. */
static const struct {
    const char *name;
    enum ds_kind kind;
    enum ds_tcb_status status;
    uint64_t td_attributes;
    unsigned approved;
    int8_t want[EAR_ASPECTS];
    enum ear_tier tier;
} kinds_rows[] = {
    { "hardware, up to date, all approved",
      DS_KIND_HARDWARE,
      DS_TCB_UP_TO_DATE,
      0,
      APPROVED_ALL,
      { 2, 2, 3, 0, 2, 2, 0, 0 },
      EAR_TIER_AFFIRMING },
    { "nothing compared: nothing but the hardware",
      DS_KIND_HARDWARE,
      DS_TCB_UP_TO_DATE,
      0,
      0,
      { 0, 0, 0, 0, 2, 2, 0, 0 },
      EAR_TIER_NONE },
    { "relaunch advised",
      DS_KIND_HARDWARE,
      DS_TCB_TD_RELAUNCH_ADVISED,
      0,
      EAR_APPROVED_IMAGE,
      { 0, 0, 3, 0, 32, 2, 0, 0 },
      EAR_TIER_WARNING },
    { "relaunch advised, configuration needed",
      DS_KIND_HARDWARE,
      DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
      0,
      0,
      { 0, 32, 0, 0, 32, 2, 0, 0 },
      EAR_TIER_WARNING },
    { "an image alone",
      DS_KIND_HARDWARE,
      DS_TCB_UP_TO_DATE,
      0,
      EAR_APPROVED_IMAGE,
      { 0, 0, 3, 0, 2, 2, 0, 0 },
      EAR_TIER_AFFIRMING },
    { "hardening needed",
      DS_KIND_HARDWARE,
      DS_TCB_SW_HARDENING_NEEDED,
      0,
      APPROVED_ALL,
      { 2, 2, 3, 0, 32, 2, 0, 0 },
      EAR_TIER_WARNING },
    { "configuration needed",
      DS_KIND_HARDWARE,
      DS_TCB_CONFIGURATION_NEEDED,
      0,
      APPROVED_ALL,
      { 2, 32, 3, 0, 32, 2, 0, 0 },
      EAR_TIER_WARNING },
    { "both needed",
      DS_KIND_HARDWARE,
      DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
      0,
      0,
      { 0, 32, 0, 0, 32, 2, 0, 0 },
      EAR_TIER_WARNING },
    { "out of date",
      DS_KIND_HARDWARE,
      DS_TCB_OUT_OF_DATE,
      0,
      0,
      { 0, 0, 0, 0, 32, 2, 0, 0 },
      EAR_TIER_WARNING },
    { "out of date, configuration needed",
      DS_KIND_HARDWARE,
      DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
      0,
      0,
      { 0, 32, 0, 0, 32, 2, 0, 0 },
      EAR_TIER_WARNING },
    { "revoked",
      DS_KIND_HARDWARE,
      DS_TCB_REVOKED,
      0,
      APPROVED_ALL,
      { 2, 2, 3, 0, 96, 2, 0, 0 },
      EAR_TIER_CONTRAINDICATED },
    { "no status: genuine, but nobody said how old",
      DS_KIND_HARDWARE,
      DS_TCB_NONE,
      0,
      APPROVED_ALL,
      { 2, 2, 3, 0, 0, 2, 0, 0 },
      EAR_TIER_NONE },
    { "debug",
      DS_KIND_HARDWARE,
      DS_TCB_UP_TO_DATE,
      1,
      APPROVED_ALL,
      { 2, 96, 3, 0, 2, 96, 0, 0 },
      EAR_TIER_CONTRAINDICATED },
    { "simulated",
      DS_KIND_SIMULATED,
      DS_TCB_UP_TO_DATE,
      0,
      APPROVED_ALL,
      { 96, 0, 0, 0, 96, 96, 0, 0 },
      EAR_TIER_CONTRAINDICATED },
    { "custom",
      DS_KIND_CUSTOM,
      DS_TCB_UP_TO_DATE,
      0,
      APPROVED_ALL,
      { 0, 0, 0, 0, 1, 0, 0, 0 },
      EAR_TIER_NONE },
    { "claims that nothing filled",
      DS_KIND_NONE,
      DS_TCB_UP_TO_DATE,
      0,
      APPROVED_ALL,
      { 0 },
      EAR_TIER_NONE },
};

static void kinds_and_statuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(kinds_rows); i++) {
        struct ds_claims c = claims_of(kinds_rows[i].kind, kinds_rows[i].status);
        c.tdx.td_attributes = kinds_rows[i].td_attributes;
        struct ds_verdict v = { 0 };
        struct ear_vector got;
        enum ear_tier tier = ear_vector_of(&got, &c, &v, kinds_rows[i].approved);
        if (tier != kinds_rows[i].tier)
            fail_msg("%s: %s", kinds_rows[i].name, ear_tier_text(tier));
        for (int k = 0; k < EAR_ASPECTS; k++)
            if (got.values[k] != kinds_rows[i].want[k])
                fail_msg("%s: %s is %d", kinds_rows[i].name, ear_aspect_text((enum ear_aspect)k),
                         got.values[k]);
    }
}

/* A report's four TCBs that are one say nothing of how old they are. */
static void snp_is_affirmed_by_versions_alone(void **state)
{
    (void)state;
    static const struct {
        enum ds_tcb_status status;
        unsigned approved;
        int8_t hardware;
        enum ear_tier tier;
    } rows[] = {
        { DS_TCB_UP_TO_DATE, 0, 0, EAR_TIER_NONE },
        { DS_TCB_UP_TO_DATE, EAR_APPROVED_IMAGE, 0, EAR_TIER_NONE },
        { DS_TCB_UP_TO_DATE, EAR_APPROVED_TCB, 2, EAR_TIER_NONE },
        { DS_TCB_OUT_OF_DATE, EAR_APPROVED_IMAGE, 0, EAR_TIER_NONE },
        { DS_TCB_OUT_OF_DATE, EAR_APPROVED_IMAGE | EAR_APPROVED_TCB, 2, EAR_TIER_AFFIRMING },
        { DS_TCB_UP_TO_DATE, EAR_APPROVED_IMAGE | EAR_APPROVED_TCB, 2, EAR_TIER_AFFIRMING },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_claims c = claims_of(DS_KIND_HARDWARE, rows[i].status);
        struct ds_verdict v = { 0 };
        struct ear_vector got;
        c.tee = DS_TEE_SEV_SNP;
        assert_int_equal(ear_vector_of(&got, &c, &v, rows[i].approved), rows[i].tier);
        assert_int_equal(got.values[EAR_HARDWARE], rows[i].hardware);
    }
}

/* Every status that Intel or a report can have is worth something, and only one affirms. */
static void every_status_is_worth_something(void **state)
{
    (void)state;
    for (int s = DS_TCB_NONE + 1; s <= DS_TCB_REVOKED; s++) {
        struct ds_claims c = claims_of(DS_KIND_HARDWARE, (enum ds_tcb_status)s);
        struct ds_verdict v = { 0 };
        struct ear_vector got;
        (void)ear_vector_of(&got, &c, &v, APPROVED_ALL);
        enum ear_tier tier = ear_tier_of(got.values[EAR_HARDWARE]);
        assert_true(tier != EAR_TIER_NONE);
        assert_true((tier == EAR_TIER_AFFIRMING) == (s == DS_TCB_UP_TO_DATE));
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        enum ds_code code;
        bool has_claims;
        int8_t want[EAR_ASPECTS];
    } rows[] = {
        { DS_CODE_X509_SIGNATURE, false, { 99, 99, 99, 0, 99, 99, 0, 0 } },
        { DS_CODE_COSE_SIGNATURE, false, { 99, 99, 99, 0, 99, 99, 0, 0 } },
        { DS_CODE_ROOT_UNKNOWN, false, { 0, 0, 0, 0, 97, 0, 0, 0 } },
        { DS_CODE_MARKER_MISSING, false, { 0, 0, 0, 0, 97, 0, 0, 0 } },
        { DS_CODE_CRL_DATES, false, { 0, 0, 0, 0, 1, 0, 0, 0 } },
        { DS_CODE_WRAPPER_FORMAT, false, { 0, 0, 0, 0, 1, 0, 0, 0 } },
        { DS_CODE_SNP_CRL_MISSING, false, { 0, 0, 0, 0, 1, 0, 0, 0 } },
        { DS_CODE_SNP_HOST_REPORT, false, { 97, 0, 0, 0, 0, 0, 0, 0 } },
        { DS_CODE_LOG_MISMATCH, true, { 2, 2, 33, 0, 2, 2, 0, 0 } },
        { DS_CODE_POLICY_DEBUG, true, { 2, 96, 3, 0, 2, 96, 0, 0 } },
        { DS_CODE_POLICY_TCB_STATUS, true, { 2, 2, 3, 0, 96, 2, 0, 0 } },
        { DS_CODE_POLICY_DEVICE, true, { 97, 2, 3, 0, 2, 2, 0, 0 } },
        { DS_CODE_POLICY_COMPOSE_HASH, true, { 2, 2, 33, 0, 2, 2, 0, 0 } },
        { DS_CODE_POLICY_KERNEL_MISMATCH, true, { 2, 2, 33, 0, 2, 2, 0, 0 } },
        { DS_CODE_POLICY_CMDLINE_MISMATCH, true, { 2, 96, 3, 0, 2, 2, 0, 0 } },
        { DS_CODE_POLICY_LOG_MISSING, true, { 2, 36, 3, 0, 2, 2, 0, 0 } },
        { DS_CODE_APP_MR_CONFIG_MISMATCH, true, { 2, 96, 3, 0, 2, 2, 0, 0 } },
        { DS_CODE_MEASURE_OVMF_UNKNOWN, true, { 2, 2, 1, 0, 2, 2, 0, 0 } },
        /* Fresh or not is no aspect: the vector stays, the appraisal does not pass. */
        { DS_CODE_POLICY_REPORT_DATA, true, { 2, 2, 3, 0, 2, 2, 0, 0 } },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_claims c = claims_of(DS_KIND_HARDWARE, DS_TCB_UP_TO_DATE);
        struct ds_verdict v = { .n_reasons = 1, .reasons = { { .code = rows[i].code } } };
        struct ear_vector got;
        assert_int_equal(ear_vector_of(&got, rows[i].has_claims ? &c : NULL, &v, APPROVED_ALL),
                         EAR_TIER_CONTRAINDICATED);
        for (int k = 0; k < EAR_ASPECTS; k++)
            if (got.values[k] != rows[i].want[k])
                fail_msg("%s: %s is %d", ds_code_info_get(rows[i].code)->id,
                         ear_aspect_text((enum ear_aspect)k), got.values[k]);
    }
}

/* Whatever is refused, in whatever order, a worse value never gives way to a better one. */
static void the_worst_stands(void **state)
{
    (void)state;
    struct ds_claims c = claims_of(DS_KIND_HARDWARE, DS_TCB_UP_TO_DATE);
    struct ds_verdict v = { .n_reasons = 2,
                            .reasons = { { .code = DS_CODE_X509_SIGNATURE },
                                         { .code = DS_CODE_ROOT_UNKNOWN } } };
    struct ear_vector got;
    (void)ear_vector_of(&got, &c, &v, APPROVED_ALL);
    assert_int_equal(got.values[EAR_HARDWARE], 99);
    v.reasons[0].code = DS_CODE_ROOT_UNKNOWN;
    v.reasons[1].code = DS_CODE_X509_SIGNATURE;
    (void)ear_vector_of(&got, &c, &v, APPROVED_ALL);
    assert_int_equal(got.values[EAR_HARDWARE], 99);
}

/* Each code of the table with each kind of root. */
static void nothing_but_hardware_is_affirmed(void **state)
{
    (void)state;
    static const enum ds_kind kinds[] = { DS_KIND_NONE, DS_KIND_SIMULATED, DS_KIND_CUSTOM };
    for (size_t k = 0; k < DS_LEN(kinds); k++) {
        for (int code = DS_CODE_NONE; code < DS_CODE_COUNT; code++) {
            for (int status = DS_TCB_NONE; status <= DS_TCB_REVOKED; status++) {
                struct ds_claims c = claims_of(kinds[k], (enum ds_tcb_status)status);
                struct ds_verdict v = { .n_reasons = code != DS_CODE_NONE,
                                        .reasons = { { .code = (enum ds_code)code } } };
                struct ear_vector got;
                enum ear_tier tier = ear_vector_of(&got, &c, &v, APPROVED_ALL);
                assert_true(tier != EAR_TIER_AFFIRMING);
                for (int i = 0; i < EAR_ASPECTS; i++)
                    assert_true(ear_tier_of(got.values[i]) != EAR_TIER_AFFIRMING);
                assert_true(kinds[k] != DS_KIND_SIMULATED || tier == EAR_TIER_CONTRAINDICATED);
            }
        }
    }
}

/* A row whose code is renamed would be silent. */
static void every_row_names_a_code(void **state)
{
    (void)state;
    size_t n = 0;
    for (const char *prefix; (prefix = ear_refusal_prefix(n)) != NULL; n++) {
        bool found = false;
        for (int code = 1; code < DS_CODE_COUNT; code++)
            found |= strncmp(ds_code_info_get((enum ds_code)code)->id, prefix, strlen(prefix)) == 0;
        if (!found)
            fail_msg("no code begins with %s", prefix);
    }
    assert_true(n > 30);
}

static void appraisal_of_claims(void **state)
{
    (void)state;
    struct ds_claims c = claims_of(DS_KIND_HARDWARE, DS_TCB_OUT_OF_DATE);
    struct ds_verdict v = { 0 };
    static struct ear_appraisal a;
    c.tcb.n_advisories = 1;
    memcpy(c.tcb.advisories[0], "INTEL-SA-1", 11);
    c.tdx.mrtd48[0] = 9;
    ds_verdict_add(&v, DS_CODE_POLICY_TCB_STATUS, "tcb_status", "UpToDate", "OutOfDate", "a root");
    v.n_dropped = 2;
    ear_appraisal_of(&a, &c, &v, 0);
    assert_int_equal(a.status, EAR_TIER_CONTRAINDICATED);
    assert_int_equal(a.dstack.n_left_out, 2);
    assert_true(ds_span_eq_str(a.label, "dstack"));
    assert_true(ds_span_eq_str(a.dstack.kind, "hardware"));
    assert_true(ds_span_eq_str(a.dstack.anchor, "a root"));
    assert_true(ds_span_eq_str(a.dstack.tee, "dstack-tdx"));
    assert_true(ds_span_eq_str(a.dstack.tcb_status, "OutOfDate"));
    assert_int_equal(a.dstack.n_advisories, 1);
    assert_int_equal(a.dstack.n_reasons, 1);
    assert_true(ds_span_eq_str(a.dstack.reasons[0].code, "policy.tcb_status"));
    assert_true(ds_span_eq_str(a.dstack.reasons[0].got, "OutOfDate"));
    assert_true(ds_span_eq_str(a.dstack.measurements[1].name, "mrtd"));
    assert_int_equal(a.dstack.measurements[1].value.p[0], 9);
    struct ds_claims snp = { .kind = DS_KIND_HARDWARE,
                             .tee = DS_TEE_SEV_SNP,
                             .tcb.status = DS_TCB_UP_TO_DATE };
    struct ds_verdict none = { 0 };
    snp.snp.measurement48[0] = 8;
    ear_appraisal_of(&a, &snp, &none, EAR_APPROVED_IMAGE | EAR_APPROVED_TCB);
    assert_int_equal(a.status, EAR_TIER_AFFIRMING);
    assert_true(ds_span_eq_str(a.dstack.tee, "dstack-amd-sev-snp"));
    assert_true(ds_span_eq_str(a.dstack.measurements[1].name, "measurement"));
    assert_int_equal(a.dstack.measurements[1].value.p[0], 8);
    struct ds_claims sgx = { .kind = DS_KIND_HARDWARE, .tee = DS_TEE_SGX };
    sgx.tcb.status = DS_TCB_UP_TO_DATE;
    ear_appraisal_of(&a, &sgx, &none, 0);
    assert_true(ds_span_eq_str(a.dstack.measurements[1].name, "mrenclave"));
    assert_true(ds_span_eq_str(a.dstack.measurements[2].name, "mrsigner"));
    snp.snp.policy = DS_SNP_POLICY_DEBUG;
    ear_appraisal_of(&a, &snp, &none, APPROVED_ALL);
    assert_int_equal(a.status, EAR_TIER_CONTRAINDICATED);
    ear_appraisal_of(&a, NULL, &v, APPROVED_ALL);
    assert_true(ds_span_eq_str(a.dstack.kind, "none"));
    assert_int_equal(a.dstack.n_measurements, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiers),
        cmocka_unit_test(kinds_and_statuses),
        cmocka_unit_test(snp_is_affirmed_by_versions_alone),
        cmocka_unit_test(every_status_is_worth_something),
        cmocka_unit_test(refusals),
        cmocka_unit_test(the_worst_stands),
        cmocka_unit_test(nothing_but_hardware_is_affirmed),
        cmocka_unit_test(every_row_names_a_code),
        cmocka_unit_test(appraisal_of_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
