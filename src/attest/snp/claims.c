/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading what claims hold of an SEV-SNP guest.
 */

#include "attest/snp/claims.h"

#include <assert.h>

#include "attest/claims_private.h"

/* Zeros where the claims are of another platform. */
static const struct claims_snp *snp(const struct ds_claims *c)
{
    static const struct claims_snp none = { .key_info = (uint32_t)DS_SNP_KEY_NONE << 2 };
    return c->tee == DS_TEE_SEV_SNP ? &c->snp : &none;
}

static struct ds_span field(const struct ds_claims *c, const uint8_t *p, size_t len)
{
    return c->tee == DS_TEE_SEV_SNP ? DS_SPAN(p, len) : (struct ds_span){ 0 };
}

struct ds_span ds_claims_snp_measurement48(const struct ds_claims *c)
{
    return field(c, c->snp.measurement48, 48);
}

struct ds_span ds_claims_snp_host_data32(const struct ds_claims *c)
{
    return field(c, c->snp.host_data32, 32);
}

struct ds_span ds_claims_snp_family_id16(const struct ds_claims *c)
{
    return field(c, c->snp.family_id16, 16);
}

struct ds_span ds_claims_snp_image_id16(const struct ds_claims *c)
{
    return field(c, c->snp.image_id16, 16);
}

struct ds_span ds_claims_snp_id_key_digest48(const struct ds_claims *c)
{
    return field(c, c->snp.id_key_digest48, 48);
}

struct ds_span ds_claims_snp_author_key_digest48(const struct ds_claims *c)
{
    bool has_author = (snp(c)->key_info & DS_SNP_KEY_INFO_AUTHOR) != 0;
    return field(c, c->snp.author_key_digest48, has_author ? 48 : 0);
}

struct ds_span ds_claims_snp_report_id32(const struct ds_claims *c)
{
    return field(c, c->snp.report_id32, 32);
}

struct ds_span ds_claims_snp_report_id_ma32(const struct ds_claims *c)
{
    return field(c, c->snp.report_id_ma32, 32);
}

struct ds_span ds_claims_snp_chip_id64(const struct ds_claims *c)
{
    return field(c, c->snp.chip_id64, snp(c)->has_chip_id ? 64 : 0);
}

uint64_t ds_claims_snp_policy(const struct ds_claims *c) { return snp(c)->policy; }
uint64_t ds_claims_snp_platform_info(const struct ds_claims *c) { return snp(c)->platform_info; }

uint32_t ds_claims_snp_key_info(const struct ds_claims *c)
{
    return c->tee == DS_TEE_SEV_SNP ? c->snp.key_info : 0;
}

uint32_t ds_claims_snp_report_version(const struct ds_claims *c) { return snp(c)->report_version; }
uint32_t ds_claims_snp_vmpl(const struct ds_claims *c) { return snp(c)->vmpl; }
uint32_t ds_claims_snp_guest_svn(const struct ds_claims *c) { return snp(c)->guest_svn; }

uint64_t ds_claims_snp_launch_mit_vector(const struct ds_claims *c)
{
    return snp(c)->launch_mit_vector;
}

uint64_t ds_claims_snp_current_mit_vector(const struct ds_claims *c)
{
    return snp(c)->current_mit_vector;
}

struct ds_snp_firmware ds_claims_snp_current_firmware(const struct ds_claims *c)
{
    return snp(c)->current;
}

struct ds_snp_firmware ds_claims_snp_committed_firmware(const struct ds_claims *c)
{
    return snp(c)->committed;
}

enum ds_snp_product ds_claims_snp_product(const struct ds_claims *c) { return snp(c)->product; }

enum ds_snp_key ds_claims_snp_key(const struct ds_claims *c)
{
    return (enum ds_snp_key)(snp(c)->key_info >> 2 & 7);
}

const char *ds_claims_snp_csp_id(const struct ds_claims *c) { return snp(c)->csp_id; }
bool ds_claims_snp_is_crl_checked(const struct ds_claims *c) { return snp(c)->is_crl_checked; }

struct ds_snp_tcb ds_claims_snp_tcb(const struct ds_claims *c, enum ds_snp_tcb_kind which)
{
    assert(which < DS_SNP_N_TCBS);
    return ds_snp_tcb_of(snp(c)->tcb8[which], snp(c)->product);
}

struct ds_span ds_claims_snp_tcb8(const struct ds_claims *c, enum ds_snp_tcb_kind which)
{
    assert(which < DS_SNP_N_TCBS);
    return field(c, c->snp.tcb8[which], 8);
}
