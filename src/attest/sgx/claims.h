/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What claims say of an SGX enclave. Spans have the stated length and are empty,
 * numbers 0, where the evidence is another TEE's.
 */

#include "attest/claims.h"

struct ds_span ds_claims_mrenclave32(const struct ds_claims *c);
struct ds_span ds_claims_mrsigner32(const struct ds_claims *c);
struct ds_span ds_claims_sgx_attributes16(const struct ds_claims *c); /* flags, then XFRM */
struct ds_span ds_claims_sgx_miscselect4(const struct ds_claims *c);
struct ds_span ds_claims_isvextprodid16(
    const struct ds_claims *c); /* enclaves with KSS, else zeros */
struct ds_span ds_claims_isvfamilyid16(const struct ds_claims *c);
struct ds_span ds_claims_configid64(const struct ds_claims *c);
uint16_t ds_claims_isvprodid(const struct ds_claims *c);
uint16_t ds_claims_isvsvn(const struct ds_claims *c);
uint16_t ds_claims_configsvn(const struct ds_claims *c);
