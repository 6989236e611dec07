/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules: each denies with its own code, all at once, and zeroed rules deny everything.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "policy/policy.h"

static const uint8_t ones[64] = { 1, 1, 1, 1 }, two_items[64] = { 2, [32] = 1, 1, 1, 1 };

#define ONE ((struct policy_set){ .items = ones, .n = 1 })

static struct ds_claims good_claims(void)
{
    struct ds_claims c = { .kind = DS_KIND_HARDWARE,
                           .tee = DS_TEE_TDX,
                           .anchor = "Intel SGX Root CA",
                           .tcb = { .status = DS_TCB_UP_TO_DATE },
                           .tcb_eval_number = 17,
                           .tdx = { .td_attributes = 0x10000000 },
                           .has_log = true };
    memcpy(c.report_data64, ones, 64);
    memcpy(c.tdx.mrconfigid48, ones, 48);
    memcpy(c.device_id32, ones, 32);
    c.app_id.len = c.instance_id.len = 20;
    c.compose_hash.len = c.os_image_hash.len = 32;
    memcpy(c.app_id.b, ones, 20);
    memcpy(c.instance_id.b, ones, 20);
    memcpy(c.compose_hash.b, ones, 32);
    memcpy(c.os_image_hash.b, ones, 32);
    c.key_provider_len = 2;
    memcpy(c.key_provider, "{}", 2);
    return c;
}

static struct policy_rules good_rules(void)
{
    return (struct policy_rules){ .tcb_statuses = POLICY_TCB(DS_TCB_UP_TO_DATE),
                                  .tcb_eval_min = 17,
                                  .needs_log = true,
                                  .report_data64 = ONE,
                                  .mrconfigid48 = ONE,
                                  .device_ids32 = ONE,
                                  .app_ids20 = ONE,
                                  .instance_ids20 = ONE,
                                  .compose_hashes32 = { .items = two_items, .n = 2 },
                                  .os_images32 = ONE,
                                  .key_provider = DS_SPAN_LIT("{}") };
}

static void good_claims_pass(void **state)
{
    struct ds_claims c = good_claims();
    struct policy_rules rules = good_rules();
    struct ds_verdict v = { 0 };
    (void)state;
    policy_check(&v, &c, &rules);
    assert_int_equal(v.n_reasons, 0);
}

/* What one row changes in claims or rules. */
enum change {
    SIMULATED,
    CUSTOM,
    DEBUG_BIT,
    UNTRUSTED_BYTE,
    MIGRATABLE,
    RESERVED_ATTRIBUTE,
    SEPT_VE,
    SERVICE_TD,
    OUT_OF_DATE,
    NO_STATUS,
    REVOKED,
    OLD_EVALUATION,
    NO_LOG,
    REPORT_DATA,
    MRCONFIGID,
    DEVICE,
    APP_ID,
    NO_APP_ID,
    INSTANCE_ID,
    COMPOSE_HASH,
    OS_IMAGE,
    KEY_PROVIDER,
    NO_KEY_PROVIDER,
    N_CHANGES,
};

static void change_platform(struct ds_claims *c, enum change what)
{
    if (what == SIMULATED)
        c->kind = DS_KIND_SIMULATED;
    if (what == CUSTOM)
        c->kind = DS_KIND_CUSTOM;
    if (what == DEBUG_BIT)
        c->tdx.td_attributes |= 1;
    if (what == UNTRUSTED_BYTE)
        c->tdx.td_attributes |= 2;
    if (what == MIGRATABLE)
        c->tdx.td_attributes |= 1ull << 29;
    if (what == RESERVED_ATTRIBUTE)
        c->tdx.td_attributes |= 1ull << 40;
    if (what == SEPT_VE)
        c->tdx.td_attributes = 0;
    if (what == SERVICE_TD)
        c->tdx.mrservicetd48[47] = 1;
    if (what == OUT_OF_DATE)
        c->tcb.status = DS_TCB_OUT_OF_DATE;
    if (what == NO_STATUS)
        c->tcb.status = DS_TCB_NONE;
    if (what == REVOKED)
        c->tcb.status = DS_TCB_REVOKED;
    if (what == OLD_EVALUATION)
        c->tcb_eval_number = 16;
}

static void change_identity(struct ds_claims *c, enum change what)
{
    if (what == NO_LOG)
        c->has_log = false;
    if (what == REPORT_DATA)
        c->report_data64[63] = 1;
    if (what == MRCONFIGID)
        c->tdx.mrconfigid48[47] = 1;
    if (what == DEVICE)
        c->device_id32[31] = 1;
    if (what == APP_ID)
        c->app_id.b[19] = 1;
    if (what == NO_APP_ID)
        c->app_id.len = 0;
    if (what == INSTANCE_ID)
        c->instance_id.len = 0;
    if (what == COMPOSE_HASH)
        c->compose_hash.b[31] = 1;
    if (what == OS_IMAGE)
        c->os_image_hash.len = 0;
    if (what == KEY_PROVIDER)
        c->key_provider[0] = '[';
    if (what == NO_KEY_PROVIDER)
        c->key_provider_len = 0;
}

static const enum ds_code code_of_change[N_CHANGES] = {
    [SIMULATED] = DS_CODE_POLICY_SIMULATED_EVIDENCE,
    [CUSTOM] = DS_CODE_POLICY_CUSTOM_ROOT,
    [DEBUG_BIT] = DS_CODE_POLICY_DEBUG,
    [UNTRUSTED_BYTE] = DS_CODE_POLICY_DEBUG,
    [MIGRATABLE] = DS_CODE_POLICY_TD_ATTRIBUTES,
    [RESERVED_ATTRIBUTE] = DS_CODE_POLICY_TD_ATTRIBUTES,
    [SEPT_VE] = DS_CODE_POLICY_TD_ATTRIBUTES,
    [SERVICE_TD] = DS_CODE_POLICY_SERVICE_TD,
    [OUT_OF_DATE] = DS_CODE_POLICY_TCB_STATUS,
    [NO_STATUS] = DS_CODE_POLICY_TCB_STATUS,
    [REVOKED] = DS_CODE_POLICY_TCB_REVOKED,
    [OLD_EVALUATION] = DS_CODE_POLICY_TCB_EVAL_NUMBER,
    [NO_LOG] = DS_CODE_POLICY_LOG_MISSING,
    [REPORT_DATA] = DS_CODE_POLICY_REPORT_DATA,
    [MRCONFIGID] = DS_CODE_POLICY_MRCONFIGID,
    [DEVICE] = DS_CODE_POLICY_DEVICE,
    [APP_ID] = DS_CODE_POLICY_APP_ID,
    [NO_APP_ID] = DS_CODE_POLICY_APP_ID,
    [INSTANCE_ID] = DS_CODE_POLICY_INSTANCE_ID,
    [COMPOSE_HASH] = DS_CODE_POLICY_COMPOSE_HASH,
    [OS_IMAGE] = DS_CODE_POLICY_OS_IMAGE,
    [KEY_PROVIDER] = DS_CODE_POLICY_KEY_PROVIDER,
    [NO_KEY_PROVIDER] = DS_CODE_POLICY_KEY_PROVIDER,
};

static void each_rule_denies(void **state)
{
    struct policy_rules rules = good_rules();
    (void)state;
    for (enum change what = 0; what < N_CHANGES; what++) {
        struct ds_claims c = good_claims();
        struct ds_verdict v = { 0 };
        change_platform(&c, what);
        change_identity(&c, what);
        policy_check(&v, &c, &rules);
        if (!ds_verdict_has(&v, code_of_change[what]))
            fail_msg("change %d: %u reasons", (int)what, v.n_reasons);
        assert_string_equal(v.reasons[0].detail.anchor, "Intel SGX Root CA");
        /* An attribute of the untrusted class may be unknown as well; all else is one reason. */
        assert_int_equal(v.n_reasons, what == UNTRUSTED_BYTE ? 2 : 1);
    }
}

/* An enclave is not asked for a TD's attributes, but whether it is open to its host. */
static void enclaves_have_rules_of_their_own(void **state)
{
    struct policy_rules rules = good_rules();
    struct ds_claims c = good_claims();
    struct ds_verdict v = { 0 };
    (void)state;
    rules.mrconfigid48 = POLICY_ANY;
    c.tee = DS_TEE_SGX;
    memset(&c.sgx, 0, sizeof c.sgx);
    policy_check(&v, &c, &rules);
    assert_int_equal(v.n_reasons, 0);
    c.sgx.report.attributes16[0] = 2;
    policy_check(&v, &c, &rules);
    assert_int_equal(v.n_reasons, 1);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_DEBUG);
}

static void all_reasons_come_at_once(void **state)
{
    struct policy_rules none = { 0 };
    struct ds_claims c = good_claims();
    struct ds_verdict v = { 0 };
    (void)state;
    c.kind = DS_KIND_SIMULATED;
    c.tdx.td_attributes |= 1;
    policy_check(&v, &c, &none);
    /* simulated, debug, status, seven sets, key provider; the log is there */
    assert_int_equal(v.n_reasons, 11);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_SIMULATED_EVIDENCE);
    assert_non_null(strstr(ds_code_info_get(v.reasons[0].code)->fix, "--allow-simulated"));
}

static void allowances_allow(void **state)
{
    struct policy_rules rules = good_rules();
    struct ds_claims c = good_claims();
    struct ds_verdict v = { 0 };
    (void)state;
    rules.allow_simulated = rules.allow_custom = rules.allow_debug = true;
    rules.tcb_statuses = UINT32_MAX;
    rules.report_data64 = rules.app_ids20 = rules.instance_ids20 = POLICY_ANY;
    rules.any_key_provider = true;
    c.kind = DS_KIND_SIMULATED;
    c.tdx.td_attributes |= 1;
    c.tcb.status = DS_TCB_OUT_OF_DATE;
    c.report_data64[0] = c.app_id.b[0] = c.key_provider[0] = 9;
    c.instance_id.len = 0;
    policy_check(&v, &c, &rules);
    assert_int_equal(v.n_reasons, 0);
    c.kind = DS_KIND_CUSTOM;
    policy_check(&v, &c, &rules);
    assert_int_equal(v.n_reasons, 0);
    /* No rule accepts Revoked. */
    c.tcb.status = DS_TCB_REVOKED;
    policy_check(&v, &c, &rules);
    assert_int_equal(v.n_reasons, 1);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_TCB_REVOKED);
    /* Nor a status that nobody filled. */
    struct ds_verdict unfilled = { 0 };
    c.tcb.status = DS_TCB_NONE;
    policy_check(&unfilled, &c, &rules);
    assert_int_equal(unfilled.n_reasons, 1);
    assert_int_equal(unfilled.reasons[0].code, DS_CODE_POLICY_TCB_STATUS);
}

static void empty_claims_are_denied(void **state)
{
    struct policy_rules rules = { .allow_simulated = true,
                                  .allow_custom = true,
                                  .tcb_statuses = UINT32_MAX,
                                  .report_data64 = POLICY_ANY };
    struct ds_claims c = { 0 };
    struct ds_verdict v = { 0 };
    (void)state;
    policy_check(&v, &c, &rules);
    assert_int_equal(v.n_reasons, 1);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_NO_EVIDENCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_claims_pass),
        cmocka_unit_test(each_rule_denies),
        cmocka_unit_test(enclaves_have_rules_of_their_own),
        cmocka_unit_test(all_reasons_come_at_once),
        cmocka_unit_test(allowances_allow),
        cmocka_unit_test(empty_claims_are_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
