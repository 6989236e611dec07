/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Of two sources of the same documents the newer, one by one. Whoever attests
 * may bring documents along, and must not thereby choose older ones than the
 * verifier has. Nothing is verified here: what is taken is verified afterwards, so a
 * made-up newer document refuses the evidence that brought it. Pure.
 */

#include "attest/dcap/collateral.h"
#include "verifier/verify.h"

/* Lists that cannot be read, or are of different issuers: the own one, unless it is absent. */
struct ds_span newer_crl(bool *ret_is_other, struct ds_span own, struct ds_span other,
                         int64_t now_s);

/*
 * Intel's documents: what is not over goes before what is; then the higher evaluation number; then the
 * later issue. A document without issuers or signature, or of another platform or TEE than the own
 * one, is never the newer.
 *
 * out:  ret  borrows both
 * gives who brought what was taken: VERIFIER_BY_OWN, VERIFIER_BY_EVIDENCE, VERIFIER_BY_BOTH
 */
enum verifier_by newer_dcap(struct ds_dcap_parts *ret, const struct ds_dcap_collateral *own,
                            const struct ds_dcap_collateral *other, int64_t now_s);
