/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The chain of proof as rows for people and machines: each claim, its value,
 * what vouches for it, and whether it was compared with what was expected.
 * A row says no more than the verdict it is made from.
 */

#include "measure/measure.h"
#include "policy/policy.h"

#define POLICY_PROOF_ROWS_MAX 24

enum policy_proof_state {
    POLICY_PROVED,   /* vouched for, and as expected */
    POLICY_STATED,   /* vouched for, but nothing was expected of it */
    POLICY_REFUSED,  /* a reason of the verdict is about it */
    POLICY_UNPROVED, /* nothing vouches for it here */
};

/* "proved", "stated", "refused", "not proved" */
const char *policy_proof_state_text(enum policy_proof_state state);

struct policy_proof_row {
    const char *claim; /* static: "kernel" */
    char value[400];   /* a key provider with its whole key is the longest */
    enum policy_proof_state state;
    const char *by; /* static: what vouches: "quote", "boot log in RTMR0-2", "event log in RTMR3" */
};

struct policy_proof {
    char anchor[64];
    enum ds_kind kind; /* of the anchor: under every row */
    size_t n_rows;
    struct policy_proof_row rows[POLICY_PROOF_ROWS_MAX];
};

/*
 * in:   v          the verdict of policy_check() and policy_image_check() over these claims
 *       predicted  what the image must measure, or NULL: then no boot artefact is proved
 */
void policy_proof_make(struct policy_proof *ret, const struct ds_claims *c,
                       const struct policy_rules *rules, const struct measure_tdx *predicted,
                       const struct ds_verdict *v);
