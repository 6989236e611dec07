/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What claims say of a TD. Spans have the stated length and are empty, numbers
 * 0, where the evidence is another TEE's.
 */

#include "attest/claims.h"

struct ds_span ds_claims_mrtd48(const struct ds_claims *c);
struct ds_span ds_claims_rtmr48(const struct ds_claims *c, unsigned i); /* 0 to 3 */
/* One of the four each, for tables of claims. */
struct ds_span ds_claims_rtmr0_48(const struct ds_claims *c);
struct ds_span ds_claims_rtmr1_48(const struct ds_claims *c);
struct ds_span ds_claims_rtmr2_48(const struct ds_claims *c);
struct ds_span ds_claims_rtmr3_48(const struct ds_claims *c);
struct ds_span ds_claims_mrconfigid48(const struct ds_claims *c);
struct ds_span ds_claims_mrowner48(const struct ds_claims *c);
struct ds_span ds_claims_mrownerconfig48(const struct ds_claims *c);
struct ds_span ds_claims_mrseam48(const struct ds_claims *c);
struct ds_span ds_claims_mrsignerseam48(const struct ds_claims *c);
struct ds_span ds_claims_mrservicetd48(const struct ds_claims *c); /* TD 1.5, else zeros */

uint64_t ds_claims_td_attributes(const struct ds_claims *c);
uint64_t ds_claims_xfam(const struct ds_claims *c);

/* Security versions of the module that launched the TD and of the one that runs now (empty before TD 1.5). */
struct ds_span ds_claims_tee_tcb_svn16(const struct ds_claims *c);
struct ds_span ds_claims_tee_tcb_svn2_16(const struct ds_claims *c);

/*
 * TD 1.5: the TCB by the module that runs now, where ds_claims_tcb_date_s() is by
 * the one that launched the TD; the status there is of both. NONE and 0 for others.
 */
enum ds_tcb_status ds_claims_current_tcb_status(const struct ds_claims *c);
int64_t ds_claims_current_tcb_date_s(const struct ds_claims *c);
