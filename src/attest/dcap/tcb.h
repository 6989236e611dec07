/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which level of Intel's lists a platform stands on. Collateral and reports are
 * verified before any of this counts.
 */

#include "attest/dcap/collateral.h"
#include "attest/dcap/pck.h"
#include "attest/tdx/quote.h"

struct dcap_tcb {
    enum ds_tcb_status status; /* converged */
    int64_t date_s;            /* the earliest of the parts */
    const struct ds_tcb_level *platform;
    const struct ds_svn_level *module; /* NULL where the platform level judges the module */
    const struct ds_svn_level *qe;
};

/*
 * The identity that the TDX module must have: by its major version, or tdxModule
 * where that is 0. Signer and attributes are compared with the TD report.
 *
 * out:  ret  NULL levels in tdxModule: the platform level judges it
 * err:  UNTRUSTED  attest.dcap.tcb_info_mismatch, attest.tdx.module_mismatch
 */
DS_MUST_USE int dcap_tcb_check_module(const struct ds_tdx_module **ret,
                                      const struct ds_tcb_info *info, const struct ds_td_report *td,
                                      const char *anchor, struct ds_error *e);

/* err: UNTRUSTED attest.dcap.qe_identity_mismatch */
DS_MUST_USE int dcap_tcb_check_qe(const struct ds_qe_identity *id, const struct ds_sgx_report *qe,
                                  const char *anchor, struct ds_error *e);

/*
 * Evaluate one set of TEE SVNs (a TD 1.5 body has two).
 *
 * err:  UNTRUSTED  attest.dcap.tcb_not_supported, module_tcb_not_supported, qe_tcb_not_supported
 */
DS_MUST_USE int dcap_tcb_evaluate(struct dcap_tcb *ret, const struct ds_dcap_collateral *coll,
                                  const struct ds_tdx_module *module, const struct dcap_pck *pck,
                                  const uint8_t svn16[static 16], uint16_t qe_isvsvn,
                                  struct ds_error *e);
