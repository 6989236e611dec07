/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What evidence is judged by, as configured: roots beside the compiled-in ones,
 * accepted states, the vendors' documents at hand. Loaded once; from then on
 * only documents and known platforms change, behind locks of their own.
 */

#include "verifier/cfg.h"
#include "verifier/policy.h"
#include "verifier/shapes.h"
#include "verifier/shelf.h"
#include "verifier/verify.h"
#include "verifier/warm.h"

struct ground {
    struct shelf *shelf;
    struct warm *warm;
    struct shapes *shapes;
    struct ds_extra_anchor anchors[2];
    size_t n_anchors;
    bool allow_simulated, allow_no_crl;
    uint32_t tcb_statuses;
    struct verifier_policy_file policy;
};

/* err: cfg.wrong_type (a word that is no TCB status); whatever the files give, coded
 * verifier.anchor_file or collateral's own; as verifier_policy_load() */
DS_MUST_USE int ground_load(struct ground *ret, const struct verifier_cfg *cfg, struct ds_error *e);
void ground_done(struct ground *g);

/* Of /v1/verify and of sessions; and of dstack's /verify, where the TCB status is told, not judged. */
struct verifier_ground ground_v1(const struct ground *g, int64_t now_s);
struct verifier_ground ground_compatible(const struct ground *g, int64_t now_s);
