/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers decide; the log only explains. A register that differs from its
 * prediction always gives a reason, whatever the log says.
 */

#include "policy/image.h"

#include <stdio.h>

#include "attest/eventlog/bind.h"
#include "attest/tdx/claims.h"
#include "base/hex.h"

#define N_BOOT_REGISTERS 3

static const char *const register_names[] = { "rtmr0", "rtmr1", "rtmr2" };

static enum ds_code code_of(enum measure_part part)
{
    static const enum ds_code codes[] = {
        [MEASURE_PART_FIRMWARE] = DS_CODE_POLICY_FIRMWARE_MISMATCH,
        [MEASURE_PART_SHAPE] = DS_CODE_POLICY_SHAPE_MISMATCH,
        [MEASURE_PART_VARS] = DS_CODE_POLICY_SECURE_BOOT_MISMATCH,
        [MEASURE_PART_ACPI] = DS_CODE_POLICY_ACPI_MISMATCH,
        [MEASURE_PART_BOOT] = DS_CODE_POLICY_BOOT_OPTIONS_MISMATCH,
        [MEASURE_PART_KERNEL] = DS_CODE_POLICY_KERNEL_MISMATCH,
        [MEASURE_PART_CMDLINE] = DS_CODE_POLICY_CMDLINE_MISMATCH,
        [MEASURE_PART_INITRD] = DS_CODE_POLICY_INITRD_MISMATCH,
    };
    return codes[part];
}

static void deny(struct ds_verdict *v, const struct ds_claims *c, enum ds_code code,
                 const char *claim, const uint8_t *expected48, const uint8_t *got48)
{
    ds_verdict_add(v, code, claim, DS_HEX(DS_SPAN(expected48, 48)), DS_HEX(DS_SPAN(got48, 48)),
                   ds_claims_anchor(c));
}

static size_t count_predicted(const struct measure_tdx *predicted, uint32_t imr)
{
    size_t n = 0;
    for (size_t i = 0; i < predicted->n_events; i++)
        n += predicted->events[i].imr == imr ? 1 : 0;
    return n;
}

static size_t count_logged(const struct ds_tdx_log *log, uint32_t imr)
{
    size_t n = 0;
    for (size_t i = 0; i < log->n_events; i++)
        n += log->events[i].imr == imr ? 1 : 0;
    return n;
}

/* The nth event of a register in the log; there are at least n + 1. */
static const struct ds_tdx_event *nth_logged(const struct ds_tdx_log *log, uint32_t imr, size_t n)
{
    size_t i = 0;
    while (log->events[i].imr != imr || n-- > 0)
        i++;
    return &log->events[i];
}

/* Event by event; both lists are equally long. Returns how many differ. */
static size_t blame_events(struct ds_verdict *v, const struct ds_claims *c, uint32_t imr,
                           const struct ds_tdx_log *log, const struct measure_tdx *predicted)
{
    size_t nth = 0, n_blamed = 0;
    for (size_t i = 0; i < predicted->n_events; i++) {
        const struct measure_event *want = &predicted->events[i];
        uint8_t got48[48];
        if (want->imr != imr)
            continue;
        const struct ds_tdx_event *got = nth_logged(log, imr, nth++);
        if (ds_event_measured(got48, got, NULL) < 0 || memcmp(got48, want->digest48, 48) == 0)
            continue;
        deny(v, c, code_of(want->part), want->name, want->digest48, got48);
        n_blamed++;
    }
    return n_blamed;
}

static void check_register(struct ds_verdict *v, const struct ds_claims *c, uint32_t imr,
                           const struct ds_tdx_log *log, const struct measure_tdx *predicted)
{
    char want[32], got[32];
    const uint8_t *quoted48 = ds_claims_rtmr48(c, imr).p;
    uint8_t replayed48[4][48];
    if (memcmp(quoted48, predicted->rtmr48[imr], 48) == 0)
        return;
    bool is_believed = log != NULL && ds_tdx_log_replay(replayed48, log, NULL) == DS_OK &&
                       memcmp(replayed48[imr], quoted48, 48) == 0;
    if (!is_believed) {
        deny(v, c, DS_CODE_POLICY_REGISTER_MISMATCH, register_names[imr], predicted->rtmr48[imr],
             quoted48);
        return;
    }
    size_t n_want = count_predicted(predicted, imr), n_got = count_logged(log, imr);
    if (n_want != n_got) {
        (void)snprintf(want, sizeof want, "%zu events", n_want);
        (void)snprintf(got, sizeof got, "%zu events", n_got);
        ds_verdict_add(v, DS_CODE_POLICY_BOOT_EVENTS_MISMATCH, register_names[imr], want, got,
                       ds_claims_anchor(c));
        return;
    }
    if (blame_events(v, c, imr, log, predicted) == 0)
        deny(v, c, DS_CODE_POLICY_REGISTER_MISMATCH, register_names[imr], predicted->rtmr48[imr],
             quoted48);
}

void policy_image_check(struct ds_verdict *v, const struct ds_claims *c,
                        const struct ds_tdx_log *log, const struct measure_tdx *predicted)
{
    struct ds_span mrtd = ds_claims_mrtd48(c);
    if (mrtd.len != 48) {
        ds_verdict_add(v, DS_CODE_POLICY_NO_EVIDENCE, "mrtd", "verified TDX evidence", "none",
                       NULL);
        return;
    }
    if (memcmp(mrtd.p, predicted->mrtd48, 48) != 0)
        deny(v, c, DS_CODE_POLICY_FIRMWARE_MISMATCH, "mrtd", predicted->mrtd48, mrtd.p);
    for (uint32_t imr = 0; imr < N_BOOT_REGISTERS; imr++)
        check_register(v, c, imr, log, predicted);
}
