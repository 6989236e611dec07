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
    struct ds_span collateral;                /* JSON, of the request; empty: what is at hand */
};

/*
 * io:   mem  VERIFIER_MEM
 * out:  ret  from ds_claims_new_in()
 * err:  as the platform's parser and verification
 */
DS_MUST_USE int quote_verify(struct ds_claims *ret, struct ds_arena *mem,
                             const struct verifier_ground *ground, const struct quote_in *in,
                             struct ds_error *e);
