/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows from three tables: what the quote says itself, what the image predicts,
 * and what the event log says.
 */

#include "policy/proof.h"

#include <stdio.h>

#include "attest/tdx/claims.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/date.h"

static const char by_quote[] = "quote";
static const char by_collateral[] = "quote and collateral";
static const char by_boot_log[] = "registers RTMR0 to RTMR2";
static const char by_event_log[] = "event log in RTMR3";
static const char by_nothing[] = "";

const char *policy_proof_state_text(enum policy_proof_state state)
{
    static const char *const texts[] = {
        [POLICY_PROVED] = "proved",
        [POLICY_STATED] = "stated",
        [POLICY_REFUSED] = "refused",
        [POLICY_UNPROVED] = "not proved",
    };
    return texts[state];
}

static struct policy_proof_row *add(struct policy_proof *p, const char *claim,
                                    enum policy_proof_state state, const char *by)
{
    struct policy_proof_row *row = &p->rows[p->n_rows++];
    *row = (struct policy_proof_row){ .claim = claim, .state = state, .by = by };
    return row;
}

/*
 * Proved when it was compared, refused when a reason has one of the codes. Where the verdict had no
 * room for all reasons, the one about this claim may be among those left out.
 */
static enum policy_proof_state judge(const struct ds_verdict *v, bool is_compared,
                                     enum ds_code code, enum ds_code other)
{
    if (ds_verdict_has(v, code) || ds_verdict_has(v, other))
        return POLICY_REFUSED;
    if (v->n_dropped > 0)
        return POLICY_UNPROVED;
    return is_compared ? POLICY_PROVED : POLICY_STATED;
}

static void add_root(struct policy_proof *p, const struct ds_claims *c, const struct ds_verdict *v)
{
    struct policy_proof_row *row = add(p, "root",
                                       judge(v, true, DS_CODE_POLICY_SIMULATED_EVIDENCE,
                                             DS_CODE_POLICY_CUSTOM_ROOT),
                                       by_quote);
    (void)snprintf(row->value, sizeof row->value, "%s (%s)", ds_claims_anchor(c),
                   ds_kind_text(ds_claims_kind(c)));
    if (ds_verdict_has(v, DS_CODE_POLICY_HARDWARE_EVIDENCE) ||
        ds_verdict_has(v, DS_CODE_POLICY_ROOT))
        row->state = POLICY_REFUSED;
}

static void add_tcb(struct policy_proof *p, const struct ds_claims *c, const struct ds_verdict *v)
{
    static const enum ds_code also_tcb[] = { DS_CODE_POLICY_TCB_EVAL_NUMBER, DS_CODE_POLICY_TCB_AGE,
                                             DS_CODE_POLICY_ADVISORY };
    char date[21];
    struct policy_proof_row *row = add(p, "tcb",
                                       judge(v, true, DS_CODE_POLICY_TCB_STATUS,
                                             DS_CODE_POLICY_TCB_REVOKED),
                                       by_collateral);
    (void)snprintf(row->value, sizeof row->value, "%s, of %s",
                   ds_tcb_status_text(ds_claims_tcb_status(c)),
                   ds_date_format(date, ds_claims_tcb_date_s(c)));
    for (size_t i = 0; i < DS_LEN(also_tcb); i++)
        if (ds_verdict_has(v, also_tcb[i]))
            row->state = POLICY_REFUSED;
    row = add(p, "debug", judge(v, true, DS_CODE_POLICY_DEBUG, DS_CODE_POLICY_TD_ATTRIBUTES),
              by_quote);
    (void)snprintf(row->value, sizeof row->value, "%s", ds_claims_is_debug(c) ? "on" : "off");
}

static void add_value(struct policy_proof *p, const char *claim, struct ds_span value,
                      enum policy_proof_state state, const char *by)
{
    if (value.len == 0) {
        (void)add(p, claim, state == POLICY_REFUSED ? state : POLICY_UNPROVED, by_nothing);
        return;
    }
    struct policy_proof_row *row = add(p, claim, state, by);
    (void)ds_hex_encode(row->value, ds_span_sub(value, 0, 64));
}

/* MRTD: compared with the image's prediction, or with the list of a policy. */
static void add_firmware(struct policy_proof *p, const struct ds_claims *c,
                         const struct policy_rules *rules, const struct measure_tdx *predicted,
                         const struct ds_verdict *v)
{
    bool is_compared = predicted != NULL || policy_is_compared(rules, POLICY_ATTR_MRTD, c);
    enum policy_proof_state state = judge(v, is_compared, DS_CODE_POLICY_FIRMWARE_MISMATCH,
                                          DS_CODE_POLICY_FIRMWARE_MISMATCH);
    for (uint32_t i = 0; i < v->n_reasons; i++)
        if (v->reasons[i].code == DS_CODE_POLICY_MEASUREMENT &&
            strcmp(v->reasons[i].detail.claim, "mrtd") == 0)
            state = POLICY_REFUSED;
    add_value(p, "firmware", ds_claims_mrtd48(c), state, by_quote);
}

/* Boot artefacts: each is proved by the registers as soon as all of them are as predicted. */
static void add_boot(struct policy_proof *p, const struct measure_tdx *predicted,
                     const struct ds_verdict *v)
{
    static const struct {
        const char *claim, *event;
        enum ds_code code;
    } rows[] = {
        { "acpi", "acpi-tables", DS_CODE_POLICY_ACPI_MISMATCH },
        { "kernel", "kernel", DS_CODE_POLICY_KERNEL_MISMATCH },
        { "initrd", "initrd", DS_CODE_POLICY_INITRD_MISMATCH },
        { "cmdline", "cmdline", DS_CODE_POLICY_CMDLINE_MISMATCH },
    };
    bool is_unattributed = ds_verdict_has(v, DS_CODE_POLICY_REGISTER_MISMATCH) ||
                           ds_verdict_has(v, DS_CODE_POLICY_BOOT_EVENTS_MISMATCH);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct measure_event *event = predicted != NULL
                                                ? measure_event_find(predicted, rows[i].event)
                                                : NULL;
        struct ds_span digest = { 0 };
        enum policy_proof_state state = judge(v, true, rows[i].code, rows[i].code);
        if (event != NULL)
            digest = DS_SPAN_OF(event->digest48);
        if (is_unattributed && state == POLICY_PROVED)
            state = POLICY_UNPROVED;
        add_value(p, rows[i].claim, digest, state,
                  state == POLICY_PROVED ? by_boot_log : by_nothing);
    }
}

static void add_key_provider(struct policy_proof *p, const struct ds_claims *c,
                             const struct policy_rules *rules, const struct ds_verdict *v)
{
    struct ds_span json = ds_claims_key_provider(c);
    if (json.len == 0) {
        add_value(p, "key_provider", json,
                  judge(v, false, DS_CODE_POLICY_KEY_PROVIDER, DS_CODE_POLICY_KEY_PROVIDER),
                  by_event_log);
        return;
    }
    struct policy_proof_row *row =
        add(p, "key_provider",
            judge(v, policy_is_compared(rules, POLICY_ATTR_KEY_PROVIDERS, c),
                  DS_CODE_POLICY_KEY_PROVIDER, DS_CODE_POLICY_KEY_PROVIDER),
            by_event_log);
    (void)ds_str_printable(row->value, sizeof row->value, json);
}

void policy_proof_make(struct policy_proof *ret, const struct ds_claims *c,
                       const struct policy_rules *rules, const struct measure_tdx *predicted,
                       const struct ds_verdict *v)
{
    const struct {
        const char *claim;
        struct ds_span value;
        enum policy_attr attr;
        enum ds_code code;
        const char *by;
    } rows[] = {
        { "report_data", ds_claims_report_data64(c), POLICY_ATTR_REPORT_DATA,
          DS_CODE_POLICY_REPORT_DATA, by_quote },
        { "device_id", ds_claims_device_id32(c), POLICY_ATTR_DEVICE_IDS, DS_CODE_POLICY_DEVICE,
          by_collateral },
        { "mrconfigid", ds_claims_mrconfigid48(c), POLICY_ATTR_MRCONFIGID,
          DS_CODE_POLICY_MRCONFIGID, by_quote },
        { "app_id", ds_claims_app_id(c), POLICY_ATTR_APP_IDS, DS_CODE_POLICY_APP_ID, by_event_log },
        { "instance_id", ds_claims_instance_id(c), POLICY_ATTR_INSTANCE_IDS,
          DS_CODE_POLICY_INSTANCE_ID, by_event_log },
        { "compose_hash", ds_claims_compose_hash(c), POLICY_ATTR_COMPOSE_HASHES,
          DS_CODE_POLICY_COMPOSE_HASH, by_event_log },
        { "os_image_hash", ds_claims_os_image_hash(c), POLICY_ATTR_OS_IMAGES,
          DS_CODE_POLICY_OS_IMAGE, by_event_log },
    };
    *ret = (struct policy_proof){ .kind = ds_claims_kind(c) };
    (void)snprintf(ret->anchor, sizeof ret->anchor, "%s", ds_claims_anchor(c));
    if (ret->kind == DS_KIND_NONE)
        return;
    add_root(ret, c, v);
    add_tcb(ret, c, v);
    add_firmware(ret, c, rules, predicted, v);
    add_boot(ret, predicted, v);
    for (size_t i = 0; i < DS_LEN(rows); i++)
        add_value(ret, rows[i].claim, rows[i].value,
                  judge(v, policy_is_compared(rules, rows[i].attr, c), rows[i].code, rows[i].code),
                  rows[i].by);
    add_key_provider(ret, c, rules, v);
}
