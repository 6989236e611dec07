/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The decision over verified claims: every rule is applied, so that a denial
 * names all its reasons at once. Zeroed rules deny everything; each thing that
 * is to pass is named, or said to be indifferent.
 */

#include "attest/claims.h"
#include "base/reason.h"

/* Fixed-length values that are accepted: any at all, or one of the items. */
struct policy_set {
    bool any;
    const uint8_t *items; /* n items one after another; borrowed */
    size_t n;
};

#define POLICY_ANY ((struct policy_set){ .any = true })

#define POLICY_TCB(status) (1u << (status))

struct policy_rules {
    /* Hardware roots always count; these say what else does. */
    bool allow_simulated, allow_custom;
    bool allow_debug;
    /* POLICY_TCB() of each accepted status; Revoked never passes. */
    uint32_t tcb_statuses;
    uint32_t tcb_eval_min; /* lowest tcbEvaluationDataNumber of the collateral */
    /* Where app identity counts: the log must be bound, and these hold for what it says. */
    bool needs_log;
    struct policy_set report_data64; /* the nonce or key that this evidence must answer */
    struct policy_set mrconfigid48;
    struct policy_set device_ids32;
    struct policy_set app_ids20, instance_ids20;
    struct policy_set compose_hashes32, os_images32;
    bool any_key_provider;
    struct ds_span
        key_provider; /* the key-provider event's exact JSON: {"name":"kms","id":"<hex>"} */
};

/* Add to `v` a reason for each rule that the claims break; claims that nothing filled deny. */
void policy_check(struct ds_verdict *v, const struct ds_claims *c,
                  const struct policy_rules *rules);
