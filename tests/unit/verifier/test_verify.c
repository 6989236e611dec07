/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps over simulated evidence: each lie fails the step that it is about,
 * and no other; the ground decides what is wanted.
 */
#include "verifier/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../kms/kit.h"
#include "collateral/collateral.h"

#define NOW INT64_C(1790000000)

static struct kit kit;
static struct collateral *collateral;
static struct ds_extra_anchor anchor = { .name = "kit", .is_simulated = true };
static struct verifier_finding found;

static struct verifier_ground good_ground(void)
{
    return (struct verifier_ground){ .collateral = collateral,
                                     .anchors = { &anchor, 1 },
                                     .allow_simulated = true,
                                     .tcb_statuses = POLICY_TCB(DS_TCB_UP_TO_DATE),
                                     .now_s = NOW };
}

/* Claims and spans lie in the room: only verdict, steps and texts are looked at afterwards. */
static void verify(const struct verifier_ground *ground, const struct verifier_input *in)
{
    uint8_t *room = malloc(VERIFIER_MEM);
    assert_non_null(room);
    struct ds_arena mem = ds_arena_of(room, VERIFIER_MEM);
    verifier_verify(&found, &mem, ground, in);
    free(room);
}

static void verify_plan(const struct verifier_ground *ground, const struct kit_plan *plan)
{
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    kit_attest(&bytes, &kit, plan);
    const struct verifier_input in = { .attestation = ds_buf_span(&bytes) };
    verify(ground, &in);
}

static void expect(const char *what, const char *verdict, enum verifier_step step,
                   enum ds_code code)
{
    if (strcmp(verifier_verdict_text(&found), verdict) != 0)
        fail_msg("%s: %s", what, verifier_verdict_text(&found));
    if (code == DS_CODE_NONE) {
        assert_int_equal(found.verdict.n_reasons, 0);
        return;
    }
    if (found.steps[step] != VERIFIER_FAILED || found.why[step][0] == '\0' ||
        !ds_verdict_has(&found.verdict, code))
        fail_msg("%s: step %u is %u, '%s'", what, (unsigned)step, (unsigned)found.steps[step],
                 found.why[step]);
}

static void each_lie_fails_its_step(void **state)
{
    (void)state;
    struct kit_plan good = kit_plan_running(&kit), p;
    const struct verifier_ground ground = good_ground();
    verify_plan(&ground, &good);
    expect("good", "accepted", VERIFIER_POLICY, DS_CODE_NONE);
    p = good;
    p.is_quote_broken = true;
    verify_plan(&ground, &p);
    expect("broken", "invalid", VERIFIER_QUOTE, DS_CODE_DCAP_QUOTE_SIGNATURE);
    assert_int_equal(found.steps[VERIFIER_LOG], VERIFIER_SKIPPED);
    p = good;
    p.is_debug = true;
    verify_plan(&ground, &p);
    expect("debug", "denied", VERIFIER_POLICY, DS_CODE_POLICY_DEBUG);
    p = good;
    p.is_mrtd_changed = true;
    verify_plan(&ground, &p);
    expect("firmware", "invalid", VERIFIER_IMAGE, DS_CODE_POLICY_FIRMWARE_MISMATCH);
    p = good;
    p.is_swapped = true;
    verify_plan(&ground, &p);
    expect("swapped", "invalid", VERIFIER_LOG, DS_CODE_LOG_ORDER);
    assert_int_equal(found.steps[VERIFIER_IMAGE], VERIFIER_HELD);
    assert_int_equal(found.steps[VERIFIER_IDENTITY], VERIFIER_SKIPPED);
    p = good;
    p.is_mrconfigid_changed = true;
    verify_plan(&ground, &p);
    expect("mrconfigid", "invalid", VERIFIER_IDENTITY, DS_CODE_APP_MR_CONFIG_MISMATCH);
    p = good;
    p.has_no_mr_config = true;
    verify_plan(&ground, &p);
    expect("no mr_config", "invalid", VERIFIER_IDENTITY, DS_CODE_APP_MR_CONFIG_MISSING);
}

static void the_ground_decides(void **state)
{
    (void)state;
    const struct kit_plan good = kit_plan_running(&kit);
    struct kit_plan bare = good;
    struct verifier_ground g = good_ground();
    bare.has_no_mr_config = true;
    g.is_compatible = true;
    verify_plan(&g, &bare);
    expect("compatible", "accepted", VERIFIER_POLICY, DS_CODE_NONE);
    g = good_ground();
    g.allow_simulated = false;
    verify_plan(&g, &good);
    expect("no leave", "denied", VERIFIER_POLICY, DS_CODE_POLICY_SIMULATED_EVIDENCE);
    g = good_ground();
    g.anchors.n_extra = 0;
    verify_plan(&g, &good);
    expect("no anchor", "invalid", VERIFIER_QUOTE, DS_CODE_ROOT_UNKNOWN);
    g = good_ground();
    g.tcb_statuses = POLICY_TCB(DS_TCB_OUT_OF_DATE);
    verify_plan(&g, &good);
    expect("other state", "denied", VERIFIER_POLICY, DS_CODE_POLICY_TCB_STATUS);
    g = good_ground();
    g.now_s = NOW + 365 * 86400;
    verify_plan(&g, &good);
    assert_string_equal(verifier_verdict_text(&found), "invalid");
    assert_int_equal(found.steps[VERIFIER_QUOTE], VERIFIER_FAILED);
}

static void what_is_no_evidence(void **state)
{
    (void)state;
    const struct verifier_ground g = good_ground();
    const struct {
        const char *what;
        struct verifier_input in;
        enum verifier_step step;
    } rows[] = {
        { "nothing", { .nonce = DS_SPAN_LIT("") }, VERIFIER_READ },
        { "attestation", { .attestation = DS_SPAN_LIT("\0garbage") }, VERIFIER_READ },
        { "quote", { .quote = DS_SPAN_LIT("\4\0garbage") }, VERIFIER_QUOTE },
        { "certificate", { .certificate = DS_SPAN_LIT("\x30\1x") }, VERIFIER_READ },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        verify(&g, &rows[i].in);
        if (strcmp(verifier_verdict_text(&found), "invalid") != 0 ||
            found.steps[rows[i].step] != VERIFIER_FAILED || found.why[rows[i].step][0] == '\0')
            fail_msg("%s: %s", rows[i].what, verifier_verdict_text(&found));
        assert_null(found.a.claims);
        assert_true(found.verdict.n_reasons > 0);
    }
    verify(&g, &rows[0].in);
    assert_true(ds_verdict_has(&found.verdict, DS_CODE_VERIFIER_NO_EVIDENCE));
}

static int setup(void **state)
{
    (void)state;
    static const uint8_t kms_spki[DS_P256_SPKI_LEN] = { 7 };
    kit_init(&kit, kms_spki, NOW);
    simtee_pki_root_spki32(anchor.spki_sha256, kit.pki);
    if (collateral_new(&collateral, NULL) < 0)
        return -1;
    return collateral_add(collateral, simtee_pki_collateral(kit.pki), NULL);
}

static int teardown(void **state)
{
    (void)state;
    collateral_free(collateral);
    kit_done(&kit);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lie_fails_its_step),
        cmocka_unit_test(the_ground_decides),
        cmocka_unit_test(what_is_no_evidence),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
