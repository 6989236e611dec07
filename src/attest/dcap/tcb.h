/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which level of Intel's lists a platform and its quoting enclave stand on.
 * Collateral and reports are verified before any of this counts.
 */

#include "attest/dcap/private.h"

/* err: UNTRUSTED attest.dcap.qe_identity_mismatch */
DS_MUST_USE int dcap_tcb_check_qe(const struct ds_qe_identity *id, const struct ds_sgx_report *qe,
                                  const char *anchor, struct ds_error *e);

/* SVNs of a TEE beside SGX's; those from index `from` on belong to the platform's level. */
struct dcap_tee_svn {
    const char *name; /* for reasons: "tee_tcb_svn" */
    const uint8_t *svn16;
    size_t from;
};

/*
 * Begin with the platform's level: the first, highest first, that it reaches in
 * every SGX component, the PCE and the TEE's own components. NONE without TCB info.
 *
 * in:   info  NULL: Intel says nothing of the platform
 * err:  UNTRUSTED  attest.dcap.tcb_not_supported, with the part that the lowest level asks for
 */
DS_MUST_USE int dcap_tcb_platform(struct dcap_tcb *ret, const struct ds_tcb_info *info,
                                  const struct dcap_pck *pck, const struct dcap_tee_svn *tee,
                                  struct ds_error *e);

/* The first level that isvsvn reaches; NULL when it reaches none. */
const struct ds_svn_level *dcap_tcb_find_svn(const struct ds_svn_level *levels, size_t n,
                                             uint16_t isvsvn);

/* Let the level of a module or enclave take part in status and date. */
void dcap_tcb_converge(struct dcap_tcb *t, const struct ds_svn_level *part);

/*
 * The quoting enclave's level, converged.
 *
 * in:   id  NULL: Intel says nothing of it
 * err:  UNTRUSTED  attest.dcap.qe_tcb_not_supported
 */
DS_MUST_USE int dcap_tcb_qe(struct dcap_tcb *t, const struct ds_qe_identity *id, uint16_t isvsvn,
                            struct ds_error *e);
