/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image check names the artefact that differs, and the proof says so too.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "attest/eventlog/bind.h"
#include "crypto/hash.h"
#include "policy/image.h"
#include "policy/proof.h"

/* A prediction with one event of each part, two in RTMR0's ACPI. */
static struct measure_tdx prediction(void)
{
    static const struct {
        uint32_t imr;
        enum measure_part part;
        const char *name;
    } events[] = {
        { 0, MEASURE_PART_SHAPE, "td-hob" },     { 0, MEASURE_PART_FIRMWARE, "cfv" },
        { 0, MEASURE_PART_VARS, "secure-boot" }, { 0, MEASURE_PART_ACPI, "acpi-loader" },
        { 0, MEASURE_PART_ACPI, "acpi-tables" }, { 1, MEASURE_PART_KERNEL, "kernel" },
        { 0, MEASURE_PART_BOOT, "boot-order" },  { 2, MEASURE_PART_CMDLINE, "cmdline" },
        { 2, MEASURE_PART_INITRD, "initrd" },    { 1, MEASURE_PART_FIRMWARE, "exit-boot" },
    };
    struct measure_tdx p = { .n_events = DS_LEN(events), .mrtd48 = { 7 } };
    for (size_t i = 0; i < DS_LEN(events); i++) {
        struct measure_event *e = &p.events[i];
        *e = (struct measure_event){
            .imr = events[i].imr, .type = 1, .part = events[i].part, .name = events[i].name
        };
        memset(e->digest48, (int)i + 1, 48);
        assert_int_equal(ds_hash_extend(DS_SHA384, p.rtmr48[e->imr], e->digest48, NULL), DS_OK);
    }
    return p;
}

struct machine {
    struct ds_tdx_event events[MEASURE_EVENTS_MAX];
    struct ds_tdx_log log;
    struct ds_claims claims;
};

static void requote(struct machine *m)
{
    assert_int_equal(ds_tdx_log_replay(m->claims.tdx.rtmr48, &m->log, NULL), DS_OK);
}

/* A machine that booted as predicted. */
static void boot(struct machine *m, const struct measure_tdx *p)
{
    *m = (struct machine){ .claims = { .kind = DS_KIND_SIMULATED,
                                       .tee = DS_TEE_TDX,
                                       .anchor = "test root",
                                       .tcb = { .status = DS_TCB_UP_TO_DATE } } };
    for (size_t i = 0; i < p->n_events; i++) {
        m->events[i] = (struct ds_tdx_event){
            .imr = p->events[i].imr, .type = 1, .version = 1, .has_digest = true
        };
        memcpy(m->events[i].digest48, p->events[i].digest48, 48);
    }
    m->log = (struct ds_tdx_log){ m->events, p->n_events };
    memcpy(m->claims.tdx.mrtd48, p->mrtd48, 48);
    requote(m);
}

static void predicted_machine_passes(void **state)
{
    struct measure_tdx p = prediction();
    struct machine m;
    struct ds_verdict v = { 0 };
    (void)state;
    boot(&m, &p);
    policy_image_check(&v, &m.claims, &m.log, &p);
    policy_image_check(&v, &m.claims, NULL, &p);
    assert_int_equal(v.n_reasons, 0);
}

static void each_part_is_named(void **state)
{
    static const enum ds_code codes[] = {
        DS_CODE_POLICY_SHAPE_MISMATCH,        DS_CODE_POLICY_FIRMWARE_MISMATCH,
        DS_CODE_POLICY_SECURE_BOOT_MISMATCH,  DS_CODE_POLICY_ACPI_MISMATCH,
        DS_CODE_POLICY_ACPI_MISMATCH,         DS_CODE_POLICY_KERNEL_MISMATCH,
        DS_CODE_POLICY_BOOT_OPTIONS_MISMATCH, DS_CODE_POLICY_CMDLINE_MISMATCH,
        DS_CODE_POLICY_INITRD_MISMATCH,       DS_CODE_POLICY_FIRMWARE_MISMATCH,
    };
    struct measure_tdx p = prediction();
    (void)state;
    for (size_t i = 0; i < p.n_events; i++) {
        struct machine m;
        struct ds_verdict v = { 0 };
        boot(&m, &p);
        m.events[i].digest48[0] ^= 0x80;
        requote(&m);
        policy_image_check(&v, &m.claims, &m.log, &p);
        assert_int_equal(v.n_reasons, 1);
        assert_int_equal(v.reasons[0].code, codes[i]);
        assert_string_equal(v.reasons[0].detail.claim, p.events[i].name);
        assert_string_equal(v.reasons[0].detail.anchor, "test root");
        assert_int_not_equal(strcmp(v.reasons[0].detail.expected, v.reasons[0].detail.got), 0);
    }
}

static void firmware_is_mrtd_too(void **state)
{
    struct measure_tdx p = prediction();
    struct machine m;
    struct ds_verdict v = { 0 };
    (void)state;
    boot(&m, &p);
    m.claims.tdx.mrtd48[0] ^= 1;
    policy_image_check(&v, &m.claims, &m.log, &p);
    assert_int_equal(v.n_reasons, 1);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_FIRMWARE_MISMATCH);
    assert_string_equal(v.reasons[0].detail.claim, "mrtd");
}

/* Several artefacts at once are all named. */
static void all_culprits_are_named(void **state)
{
    struct measure_tdx p = prediction();
    struct machine m;
    struct ds_verdict v = { 0 };
    (void)state;
    boot(&m, &p);
    for (size_t i = 0; i < p.n_events; i++)
        m.events[i].digest48[0] ^= 0x80;
    m.claims.tdx.mrtd48[0] ^= 1;
    requote(&m);
    policy_image_check(&v, &m.claims, &m.log, &p);
    assert_int_equal(v.n_reasons, 11);
}

/* A log that does not replay, or none, cannot shift the blame or clear the register. */
static void lying_logs_name_nothing(void **state)
{
    struct measure_tdx p = prediction();
    struct machine m;
    (void)state;
    for (int with_log = 0; with_log < 2; with_log++) {
        struct ds_verdict v = { 0 };
        boot(&m, &p);
        m.claims.tdx.rtmr48[1][0] ^= 1;
        policy_image_check(&v, &m.claims, with_log ? &m.log : NULL, &p);
        assert_int_equal(v.n_reasons, 1);
        assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_REGISTER_MISMATCH);
        assert_string_equal(v.reasons[0].detail.claim, "rtmr1");
    }
}

static void other_steps_are_counted(void **state)
{
    struct measure_tdx p = prediction();
    struct machine m;
    struct ds_verdict v = { 0 };
    (void)state;
    boot(&m, &p);
    m.events[m.log.n_events++] = (struct ds_tdx_event){
        .imr = 2, .type = 1, .version = 1, .has_digest = true
    };
    requote(&m);
    policy_image_check(&v, &m.claims, &m.log, &p);
    assert_int_equal(v.n_reasons, 1);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_BOOT_EVENTS_MISMATCH);
    assert_string_equal(v.reasons[0].detail.got, "3 events");
}

static void no_evidence_is_denied(void **state)
{
    struct measure_tdx p = prediction();
    struct ds_claims none = { 0 };
    struct ds_verdict v = { 0 };
    (void)state;
    policy_image_check(&v, &none, NULL, &p);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_NO_EVIDENCE);
}

static const struct policy_proof_row *row_of(const struct policy_proof *proof, const char *claim)
{
    for (size_t i = 0; i < proof->n_rows; i++)
        if (strcmp(proof->rows[i].claim, claim) == 0)
            return &proof->rows[i];
    fail_msg("no row %s", claim);
    return NULL;
}

static void proof_follows_the_verdict(void **state)
{
    struct measure_tdx p = prediction();
    static const struct policy_facts facts = { 0 };
    static const uint8_t other_app20[20] = { 9 };
    struct policy_rules rules;
    struct policy_proof proof;
    struct machine m;
    struct ds_verdict v = { 0 };
    (void)state;
    boot(&m, &p);
    m.events[7].digest48[0] ^= 0x80; /* the command line */
    requote(&m);
    policy_rules_preset(&rules);
    policy_ask(&rules, POLICY_ATTR_APP_IDS, DS_SPAN_OF(other_app20));
    policy_check(&v, &m.claims, &rules, &facts);
    policy_image_check(&v, &m.claims, &m.log, &p);
    policy_proof_make(&proof, &m.claims, &rules, &p, &v);
    assert_string_equal(proof.anchor, "test root");
    assert_int_equal(proof.kind, DS_KIND_SIMULATED);
    assert_int_equal(row_of(&proof, "root")->state, POLICY_REFUSED);
    assert_int_equal(row_of(&proof, "tcb")->state, POLICY_PROVED);
    assert_int_equal(row_of(&proof, "firmware")->state, POLICY_PROVED);
    assert_int_equal(row_of(&proof, "kernel")->state, POLICY_PROVED);
    assert_int_equal(row_of(&proof, "cmdline")->state, POLICY_REFUSED);
    assert_int_equal(row_of(&proof, "report_data")->state, POLICY_STATED);
    assert_int_equal(row_of(&proof, "app_id")->state, POLICY_REFUSED);

    /* Without a prediction nothing about the image is proved. */
    rules.of[POLICY_ATTR_KINDS].number |= POLICY_BIT(DS_KIND_SIMULATED);
    v = (struct ds_verdict){ 0 };
    policy_check(&v, &m.claims, &rules, &facts);
    policy_proof_make(&proof, &m.claims, &rules, NULL, &v);
    assert_int_equal(row_of(&proof, "root")->state, POLICY_PROVED);
    assert_int_equal(row_of(&proof, "firmware")->state, POLICY_STATED);
    assert_int_equal(row_of(&proof, "kernel")->state, POLICY_UNPROVED);
    assert_int_equal(row_of(&proof, "acpi")->state, POLICY_UNPROVED);

    /* A register that no event explains leaves every boot artefact unproved. */
    m.claims.tdx.rtmr48[0][0] ^= 1;
    v = (struct ds_verdict){ 0 };
    policy_image_check(&v, &m.claims, NULL, &p);
    policy_proof_make(&proof, &m.claims, &rules, &p, &v);
    assert_int_equal(row_of(&proof, "kernel")->state, POLICY_UNPROVED);
}

/* Collateral that is too old, and reasons that found no room, leave nothing called proved. */
static void proof_says_no_more_than_the_verdict(void **state)
{
    struct measure_tdx p = prediction();
    static const struct policy_facts facts = { 0 };
    struct policy_rules rules;
    struct policy_proof proof;
    struct machine m;
    struct ds_verdict v = { 0 }, full = { 0 };
    (void)state;
    boot(&m, &p);
    policy_rules_preset(&rules);
    rules.of[POLICY_ATTR_TCB_EVALUATION] = (struct policy_rule){ .number = 1 };
    policy_check(&v, &m.claims, &rules, &facts);
    policy_proof_make(&proof, &m.claims, &rules, &p, &v);
    assert_int_equal(row_of(&proof, "tcb")->state, POLICY_REFUSED);
    assert_int_equal(row_of(&proof, "kernel")->state, POLICY_PROVED);

    /* A list of firmware is a comparison like a prediction. */
    rules.of[POLICY_ATTR_MRTD] = (struct policy_rule){ .items = { .bytes = p.mrtd48, .n = 1 } };
    policy_proof_make(&proof, &m.claims, &rules, NULL, &full);
    assert_int_equal(row_of(&proof, "firmware")->state, POLICY_PROVED);
    m.claims.tdx.mrtd48[0] ^= 1;
    v = (struct ds_verdict){ 0 };
    policy_check(&v, &m.claims, &rules, &facts);
    policy_proof_make(&proof, &m.claims, &rules, NULL, &v);
    assert_int_equal(row_of(&proof, "firmware")->state, POLICY_REFUSED);

    for (int i = 0; i <= DS_VERDICT_REASONS_MAX; i++)
        ds_verdict_add(&full, DS_CODE_POLICY_DEBUG, "debug", "off", "on", NULL);
    policy_proof_make(&proof, &m.claims, &rules, &p, &full);
    for (size_t i = 0; i < proof.n_rows; i++)
        assert_int_not_equal(proof.rows[i].state, POLICY_PROVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicted_machine_passes),
        cmocka_unit_test(each_part_is_named),
        cmocka_unit_test(firmware_is_mrtd_too),
        cmocka_unit_test(all_culprits_are_named),
        cmocka_unit_test(lying_logs_name_nothing),
        cmocka_unit_test(other_steps_are_counted),
        cmocka_unit_test(no_evidence_is_denied),
        cmocka_unit_test(proof_follows_the_verdict),
        cmocka_unit_test(proof_says_no_more_than_the_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
