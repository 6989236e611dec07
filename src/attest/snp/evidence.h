/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From dstack's attestation of an SEV-SNP guest to what the verifier takes.
 * spec: guest-api 5.1, 5.4
 */

#include "attest/snp/cert.h"
#include "attest/wrapper/attestation.h"

/* Parsed, untrusted; borrows the attestation, or the arena where certificates came as PEM. */
struct ds_snp_evidence {
    struct ds_snp_report report;
    struct ds_snp_certs certs; /* may lack any: ds_snp_certs_add() what was fetched */
};

/*
 * io:   mem  DS_SNP_CERTS_MEM, as for ds_snp_certs_add()
 * err:  UNSUPPORTED  attest.snp.not_snp: an attestation of another platform
 *       as ds_snp_report_parse() and ds_snp_certs_add()
 */
DS_MUST_USE int ds_snp_evidence_of(struct ds_snp_evidence *ret, struct ds_arena *mem,
                                   const struct ds_attestation *attestation, struct ds_error *e);
