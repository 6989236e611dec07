/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The chain of proof as a person reads it: each claim with what vouches for it,
 * and what nothing proves.
 */

#include "app/appraisal.h"
#include "cli/record.h"
#include "policy/policy.h"

/* What is verified, and what it is compared with; an empty span is not compared. */
struct cli_verify {
    bool allow_simulated;
    const struct policy_rules *policy; /* in the place of the rules of this command; or NULL */
    bool needs_record; /* refuse evidence that there is nothing to compare with: cli.no_record */
    struct ds_span attestation; /* versioned attestation, or a bare TDX quote */
    struct ds_span collateral;  /* JSON */
    struct ds_anchors anchors;  /* beside the compiled-in roots */
    int64_t now_s;
    struct ds_span nonce32;
    struct ds_span app_id20;
    struct ds_span instance_id20;
    struct ds_span compose_hash32;
    struct ds_span os_image_hash32;
    struct ds_span kms_spki;
};

/*
 * Verify and print. What was found is printed also when policy refuses it.
 *
 * out:  ret        which instance the evidence is of; may be NULL
 * err:  DENIED     policy refuses (exit 3); reasons in cli->reasons
 *       UNTRUSTED, FORMAT ...  the evidence itself does not hold together (exit 4)
 */
DS_MUST_USE int cli_verify(struct cli *cli, struct cli_instance *ret, const struct cli_verify *in,
                           struct ds_error *e);

/* The same for a bare TDX quote: the platform and its registers, no app. */
DS_MUST_USE int cli_verify_quote(struct cli *cli, const struct cli_verify *in, struct ds_error *e);
