/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading what only a TD has.
 */

#include "attest/tdx/claims.h"

#include <assert.h>

#include "attest/claims_private.h"

/* A field of a TDX platform; empty where the claims are of none. */
static struct ds_span tdx_field(const struct ds_claims *c, const uint8_t *p, size_t len)
{
    return c->tee == DS_TEE_TDX ? DS_SPAN(p, len) : (struct ds_span){ 0 };
}

struct ds_span ds_claims_mrtd48(const struct ds_claims *c)
{
    return tdx_field(c, c->tdx.mrtd48, 48);
}

struct ds_span ds_claims_rtmr48(const struct ds_claims *c, unsigned i)
{
    assert(i < 4);
    return tdx_field(c, c->tdx.rtmr48[i], 48);
}

struct ds_span ds_claims_rtmr0_48(const struct ds_claims *c) { return ds_claims_rtmr48(c, 0); }
struct ds_span ds_claims_rtmr1_48(const struct ds_claims *c) { return ds_claims_rtmr48(c, 1); }
struct ds_span ds_claims_rtmr2_48(const struct ds_claims *c) { return ds_claims_rtmr48(c, 2); }
struct ds_span ds_claims_rtmr3_48(const struct ds_claims *c) { return ds_claims_rtmr48(c, 3); }

struct ds_span ds_claims_mrconfigid48(const struct ds_claims *c)
{
    return tdx_field(c, c->tdx.mrconfigid48, 48);
}

struct ds_span ds_claims_mrowner48(const struct ds_claims *c)
{
    return tdx_field(c, c->tdx.mrowner48, 48);
}

struct ds_span ds_claims_mrownerconfig48(const struct ds_claims *c)
{
    return tdx_field(c, c->tdx.mrownerconfig48, 48);
}

struct ds_span ds_claims_mrseam48(const struct ds_claims *c)
{
    return tdx_field(c, c->tdx.mrseam48, 48);
}

struct ds_span ds_claims_mrsignerseam48(const struct ds_claims *c)
{
    return tdx_field(c, c->tdx.mrsignerseam48, 48);
}

uint64_t ds_claims_td_attributes(const struct ds_claims *c)
{
    return c->tee == DS_TEE_TDX ? c->tdx.td_attributes : 0;
}

uint64_t ds_claims_xfam(const struct ds_claims *c)
{
    return c->tee == DS_TEE_TDX ? c->tdx.xfam : 0;
}

struct ds_span ds_claims_mrservicetd48(const struct ds_claims *c)
{
    return tdx_field(c, c->tdx.mrservicetd48, 48);
}

struct ds_span ds_claims_tee_tcb_svn16(const struct ds_claims *c)
{
    return tdx_field(c, c->tdx.tee_tcb_svn16, 16);
}

static bool has_current(const struct ds_claims *c)
{
    return c->tee == DS_TEE_TDX && c->tdx.is_td15;
}

struct ds_span ds_claims_tee_tcb_svn2_16(const struct ds_claims *c)
{
    return has_current(c) ? DS_SPAN(c->tdx.tee_tcb_svn2_16, 16) : (struct ds_span){ 0 };
}

enum ds_tcb_status ds_claims_current_tcb_status(const struct ds_claims *c)
{
    return has_current(c) ? c->tdx.current.status : DS_TCB_NONE;
}

int64_t ds_claims_current_tcb_date_s(const struct ds_claims *c)
{
    return has_current(c) ? c->tdx.current.date_s : 0;
}
