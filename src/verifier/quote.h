/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A quote or report of any platform up to its root, with the documents of the
 * request or with those at hand: what the platforms differ in, so that the steps
 * of verify.c do not.
 */

#include "attest/claims.h"
#include "attest/wrapper/attestation.h"
#include "collateral/ask.h"
#include "verifier/verify.h"

struct quote_in {
    enum ds_tee tee; /* of the quote */
    struct ds_span quote;
    const struct ds_attestation *attestation; /* SNP: for its certificates */
    struct ds_span certificates;              /* SNP: those beside a bare report */
    struct ds_span collateral;                /* JSON; empty: what is at hand */
    bool is_collateral_evidence;              /* as in struct verifier_input */
};

/*
 * io:   mem  VERIFIER_MEM
 * out:  ret     from ds_claims_new_in()
 *       ret_by  also after a failure, as far as it came
 * err:  as the platform's parser and verification
 */
DS_MUST_USE int quote_verify(struct ds_claims *ret, enum verifier_by *ret_by, struct ds_arena *mem,
                             const struct verifier_ground *ground, const struct quote_in *in,
                             struct ds_error *e);
