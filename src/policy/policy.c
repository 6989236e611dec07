/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules, one after another; none ends the search for reasons.
 */

#include "policy/policy.h"

#include <stdio.h>

#include "attest/tdx/claims.h"
#include "base/hex.h"
#include "base/str.h"

/*
 * TDATTRIBUTES with a known meaning: DEBUG, LASS, SEPT_VE_DISABLE, MIGRATABLE, PKS,
 * KL, TPA, PERFMON (TDX Module ABI). MIGRATABLE is left out: the state of such a TD
 * can be moved by a service TD that these claims say nothing about.
 */
#define TD_ATTRIBUTES_KNOWN \
    (0x1ull | 1ull << 27 | 1ull << 28 | 1ull << 30 | 1ull << 31 | 1ull << 62 | 1ull << 63)

/*
 * Without it the host takes a private page away and the guest meets a #VE at an instruction of the
 * host's choice, where its kernel is not ready for one (Linux: arch/x86/coco/tdx, disable_sept_ve).
 */
#define TD_ATTRIBUTE_SEPT_VE_DISABLE (1ull << 28)

static void deny(struct ds_verdict *v, const struct ds_claims *c, enum ds_code code,
                 const char *claim, const char *expected, const char *got)
{
    ds_verdict_add(v, code, claim, expected, got, ds_claims_anchor(c));
}

static void check_kind(struct ds_verdict *v, const struct ds_claims *c,
                       const struct policy_rules *rules)
{
    enum ds_kind kind = ds_claims_kind(c);
    if (kind == DS_KIND_SIMULATED && !rules->allow_simulated)
        deny(v, c, DS_CODE_POLICY_SIMULATED_EVIDENCE, "root_kind", "hardware", "simulated");
    if (kind == DS_KIND_CUSTOM && !rules->allow_custom)
        deny(v, c, DS_CODE_POLICY_CUSTOM_ROOT, "root_kind", "hardware", "custom");
}

/* TDX: nothing but the guest itself has a hand in the TD. */
static void check_td(struct ds_verdict *v, const struct ds_claims *c)
{
    char got[20];
    uint64_t attributes = ds_claims_td_attributes(c);
    struct ds_span service = ds_claims_mrservicetd48(c);
    (void)snprintf(got, sizeof got, "%016llx", (unsigned long long)attributes);
    if ((attributes & ~TD_ATTRIBUTES_KNOWN) != 0)
        deny(v, c, DS_CODE_POLICY_TD_ATTRIBUTES, "td_attributes", "only known attributes", got);
    if ((attributes & TD_ATTRIBUTE_SEPT_VE_DISABLE) == 0)
        deny(v, c, DS_CODE_POLICY_TD_ATTRIBUTES, "td_attributes", "SEPT_VE_DISABLE on", got);
    for (size_t i = 0; i < service.len; i++)
        if (service.p[i] != 0) {
            deny(v, c, DS_CODE_POLICY_SERVICE_TD, "mrservicetd", "no service TD", DS_HEX(service));
            break;
        }
}

static void check_attributes(struct ds_verdict *v, const struct ds_claims *c,
                             const struct policy_rules *rules)
{
    if (ds_claims_is_debug(c) && !rules->allow_debug)
        deny(v, c, DS_CODE_POLICY_DEBUG, "debug", "off", "on");
    if (ds_claims_tee(c) == DS_TEE_TDX)
        check_td(v, c);
}

static void check_tcb(struct ds_verdict *v, const struct ds_claims *c,
                      const struct policy_rules *rules)
{
    enum ds_tcb_status status = ds_claims_tcb_status(c);
    char accepted[144] = "", want[16], got[16];
    for (enum ds_tcb_status s = DS_TCB_UP_TO_DATE; s < DS_TCB_REVOKED; s++) {
        size_t n = strlen(accepted);
        if (rules->tcb_statuses & POLICY_TCB(s))
            (void)snprintf(accepted + n, sizeof accepted - n, "%s%s", n > 0 ? ", " : "",
                           ds_tcb_status_text(s));
    }
    if (status == DS_TCB_REVOKED)
        deny(v, c, DS_CODE_POLICY_TCB_REVOKED, "tcb_status", accepted, "Revoked");
    else if (status == DS_TCB_NONE || (rules->tcb_statuses & POLICY_TCB(status)) == 0)
        deny(v, c, DS_CODE_POLICY_TCB_STATUS, "tcb_status", accepted, ds_tcb_status_text(status));
    if (ds_claims_tcb_eval_number(c) >= rules->tcb_eval_min)
        return;
    (void)snprintf(want, sizeof want, "%u", rules->tcb_eval_min);
    (void)snprintf(got, sizeof got, "%u", ds_claims_tcb_eval_number(c));
    deny(v, c, DS_CODE_POLICY_TCB_EVAL_NUMBER, "tcb_evaluation_data_number", want, got);
}

/* One of `set`, which holds values of `len` bytes; an absent value is none of them. */
static void check_set(struct ds_verdict *v, const struct ds_claims *c, enum ds_code code,
                      const char *claim, const struct policy_set *set, struct ds_span got,
                      size_t len)
{
    char expected[144];
    if (set->any)
        return;
    for (size_t i = 0; got.len == len && i < set->n; i++)
        if (memcmp(set->items + i * len, got.p, len) == 0)
            return;
    if (set->n == 1)
        (void)ds_hex_encode(expected, DS_SPAN(set->items, len)); /* at most 64 bytes */
    else
        (void)snprintf(expected, sizeof expected, "one of %zu accepted", set->n);
    deny(v, c, code, claim, expected, got.len > 0 ? DS_HEX(ds_span_sub(got, 0, 64)) : "nothing");
}

static void check_key_provider(struct ds_verdict *v, const struct ds_claims *c,
                               const struct policy_rules *rules)
{
    char want[144], got[144];
    struct ds_span json = ds_claims_key_provider(c);
    if (rules->any_key_provider || (json.len > 0 && ds_span_eq(json, rules->key_provider)))
        return;
    (void)ds_str_printable(want, sizeof want, rules->key_provider);
    (void)ds_str_printable(got, sizeof got, json);
    deny(v, c, DS_CODE_POLICY_KEY_PROVIDER, "key_provider", want, json.len > 0 ? got : "nothing");
}

void policy_check(struct ds_verdict *v, const struct ds_claims *c, const struct policy_rules *rules)
{
    if (ds_claims_kind(c) == DS_KIND_NONE || ds_claims_tee(c) == DS_TEE_NONE) {
        ds_verdict_add(v, DS_CODE_POLICY_NO_EVIDENCE, "evidence", "verified evidence", "none",
                       NULL);
        return;
    }
    const struct {
        enum ds_code code;
        const char *claim;
        const struct policy_set *set;
        struct ds_span got;
        size_t len;
    } rows[] = {
        { DS_CODE_POLICY_REPORT_DATA, "report_data", &rules->report_data64,
          ds_claims_report_data64(c), 64 },
        { DS_CODE_POLICY_MRCONFIGID, "mrconfigid", &rules->mrconfigid48, ds_claims_mrconfigid48(c),
          48 },
        { DS_CODE_POLICY_DEVICE, "device_id", &rules->device_ids32, ds_claims_device_id32(c), 32 },
        { DS_CODE_POLICY_APP_ID, "app_id", &rules->app_ids20, ds_claims_app_id(c), 20 },
        { DS_CODE_POLICY_INSTANCE_ID, "instance_id", &rules->instance_ids20,
          ds_claims_instance_id(c), 20 },
        { DS_CODE_POLICY_COMPOSE_HASH, "compose_hash", &rules->compose_hashes32,
          ds_claims_compose_hash(c), 32 },
        { DS_CODE_POLICY_OS_IMAGE, "os_image_hash", &rules->os_images32, ds_claims_os_image_hash(c),
          32 },
    };
    check_kind(v, c, rules);
    check_attributes(v, c, rules);
    check_tcb(v, c, rules);
    if (rules->needs_log && !ds_claims_has_log(c))
        deny(v, c, DS_CODE_POLICY_LOG_MISSING, "event_log", "bound to the registers", "none");
    for (size_t i = 0; i < DS_LEN(rows); i++)
        check_set(v, c, rows[i].code, rows[i].claim, rows[i].set, rows[i].got, rows[i].len);
    check_key_provider(v, c, rules);
}
