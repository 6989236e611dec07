/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What claims hold of an SEV-SNP guest and nothing else has. Of other platforms'
 * claims every span is empty, every number zero and every text "".
 * spec: AMD 56860 7.3 table 23
 */

#include "attest/claims.h"
#include "attest/snp/report.h"

enum ds_snp_tcb_kind {
    DS_SNP_TCB_CURRENT,   /* what runs */
    DS_SNP_TCB_REPORTED,  /* what the signing key is derived from */
    DS_SNP_TCB_COMMITTED, /* below which the platform cannot go any more */
    DS_SNP_TCB_LAUNCH,    /* what ran when the guest was started */
    DS_SNP_N_TCBS,
};

struct ds_span ds_claims_snp_measurement48(const struct ds_claims *c);
struct ds_span ds_claims_snp_host_data32(const struct ds_claims *c);
struct ds_span ds_claims_snp_family_id16(const struct ds_claims *c);
struct ds_span ds_claims_snp_image_id16(const struct ds_claims *c);
/* SHA-384 of the key that signed the guest's ID block; zeros when it had none. */
struct ds_span ds_claims_snp_id_key_digest48(const struct ds_claims *c);
/* SHA-384 of the key that certified that key; empty when there was none. */
struct ds_span ds_claims_snp_author_key_digest48(const struct ds_claims *c);
struct ds_span ds_claims_snp_report_id32(const struct ds_claims *c);
/* Of the migration agent; all ones when the guest has none. */
struct ds_span ds_claims_snp_report_id_ma32(const struct ds_claims *c);
/* Empty behind a VLEK on a host that masks it. ds_claims_device_id32() is its SHA-256. */
struct ds_span ds_claims_snp_chip_id64(const struct ds_claims *c);

uint64_t ds_claims_snp_policy(const struct ds_claims *c);        /* DS_SNP_POLICY_... */
uint64_t ds_claims_snp_platform_info(const struct ds_claims *c); /* DS_SNP_PLATFORM_... */
uint32_t ds_claims_snp_key_info(const struct ds_claims *c);      /* DS_SNP_KEY_INFO_... */
uint32_t ds_claims_snp_report_version(const struct ds_claims *c);
uint32_t ds_claims_snp_vmpl(const struct ds_claims *c);
uint32_t ds_claims_snp_guest_svn(const struct ds_claims *c);
/* Verified mitigations, by bits that AMD gives a meaning per product; zero before version 4. */
uint64_t ds_claims_snp_launch_mit_vector(const struct ds_claims *c);
uint64_t ds_claims_snp_current_mit_vector(const struct ds_claims *c);
/* The firmware that runs, and the one below which the platform cannot go. */
struct ds_snp_firmware ds_claims_snp_current_firmware(const struct ds_claims *c);
struct ds_snp_firmware ds_claims_snp_committed_firmware(const struct ds_claims *c);

enum ds_snp_product ds_claims_snp_product(const struct ds_claims *c);
enum ds_snp_key ds_claims_snp_key(const struct ds_claims *c); /* NONE for other platforms */
/* The cloud that the VLEK was given to; "" behind a VCEK. */
const char *ds_claims_snp_csp_id(const struct ds_claims *c);
/* False where the caller took a chain whose revocation nobody could look up. */
bool ds_claims_snp_is_crl_checked(const struct ds_claims *c);

struct ds_snp_tcb ds_claims_snp_tcb(const struct ds_claims *c, enum ds_snp_tcb_kind which);
/* The same as it stands in the report. */
struct ds_span ds_claims_snp_tcb8(const struct ds_claims *c, enum ds_snp_tcb_kind which);
