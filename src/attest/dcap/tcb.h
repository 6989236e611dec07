/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which level of Intel's lists a platform and its quoting enclave stand on.
 * Collateral and reports are verified before any of this counts.
 */

#include "attest/dcap/private.h"

/* TEE_TCB_SVN; compare tdxtcbcomponents from index `from`; a module's identity judges the rest. */
struct dcap_tee_svn {
    const char *name; /* for reasons: "tee_tcb_svn" */
    const uint8_t *svn16;
    size_t from;
};

/*
 * Begin with the platform's level: the first, highest first, that it reaches in
 * every SGX component, the PCE and the TEE's own components. NONE without TCB info.
 *
 * err:  UNTRUSTED  attest.dcap.tcb_not_supported, with the part that the lowest level asks for
 */
DS_MUST_USE int dcap_tcb_platform(struct dcap_tcb *ret, const struct dcap_run *v,
                                  const struct dcap_tee_svn *tee, struct ds_error *e);

/* The first level that isvsvn reaches; NULL when it reaches none. */
const struct ds_svn_level *dcap_tcb_find_svn(const struct ds_svn_level *levels, size_t n,
                                             uint16_t isvsvn);

/* Let the level of a module or enclave take part in status and date. */
void dcap_tcb_converge(struct dcap_tcb *t, const struct ds_svn_level *part);

/* The quoting enclave's level, converged. err: UNTRUSTED attest.dcap.qe_tcb_not_supported */
DS_MUST_USE int dcap_tcb_qe(struct dcap_tcb *t, const struct dcap_run *v, struct ds_error *e);
