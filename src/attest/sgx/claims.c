/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading what only an enclave has.
 */

#include "attest/sgx/claims.h"

#include "attest/claims_private.h"

static struct ds_span sgx_field(const struct ds_claims *c, const uint8_t *p, size_t len)
{
    return c->tee == DS_TEE_SGX ? DS_SPAN(p, len) : (struct ds_span){ 0 };
}

struct ds_span ds_claims_mrenclave32(const struct ds_claims *c)
{
    return sgx_field(c, c->sgx.report.mrenclave32, 32);
}

struct ds_span ds_claims_mrsigner32(const struct ds_claims *c)
{
    return sgx_field(c, c->sgx.report.mrsigner32, 32);
}

struct ds_span ds_claims_sgx_attributes16(const struct ds_claims *c)
{
    return sgx_field(c, c->sgx.report.attributes16, 16);
}

struct ds_span ds_claims_sgx_miscselect4(const struct ds_claims *c)
{
    return sgx_field(c, c->sgx.report.miscselect4, 4);
}

struct ds_span ds_claims_isvextprodid16(const struct ds_claims *c)
{
    return sgx_field(c, c->sgx.report.isvextprodid16, 16);
}

struct ds_span ds_claims_isvfamilyid16(const struct ds_claims *c)
{
    return sgx_field(c, c->sgx.report.isvfamilyid16, 16);
}

struct ds_span ds_claims_configid64(const struct ds_claims *c)
{
    return sgx_field(c, c->sgx.report.configid64, 64);
}

uint16_t ds_claims_isvprodid(const struct ds_claims *c)
{
    return c->tee == DS_TEE_SGX ? c->sgx.report.isvprodid : 0;
}

uint16_t ds_claims_isvsvn(const struct ds_claims *c)
{
    return c->tee == DS_TEE_SGX ? c->sgx.report.isvsvn : 0;
}

uint16_t ds_claims_configsvn(const struct ds_claims *c)
{
    return c->tee == DS_TEE_SGX ? c->sgx.report.configsvn : 0;
}
