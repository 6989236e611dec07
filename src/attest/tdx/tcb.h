/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What Intel says of a TDX module, and the level of a TD: its platform, its
 * module and the quoting enclave together.
 */

#include "attest/dcap/private.h"
#include "attest/tdx/quote.h"

/*
 * The module is one that TCB info lists: by its major version, or as tdxModule
 * where that is 0; signer and attributes are compared with the TD report.
 *
 * err:  UNTRUSTED  attest.tdx.module_mismatch
 */
DS_MUST_USE int tdx_tcb_check_module(const struct ds_tcb_info *info, const struct ds_td_report *td,
                                     const char *anchor, struct ds_error *e);

struct tdx_tcb {
    struct dcap_tcb launch;  /* by the module that launched the TD */
    struct dcap_tcb current; /* TD 1.5: by the module that runs now */
    bool has_current;
    enum ds_tcb_status status; /* of both: what counts */
};

/*
 * Evaluate the TD's security versions, both sets of a TD 1.5, by the documents of the run.
 *
 * err:  UNTRUSTED  attest.dcap.tcb_not_supported, attest.dcap.qe_tcb_not_supported,
 *                  attest.tdx.module_tcb_not_supported; for a major version that TCB info does not
 *                  list attest.tdx.module_mismatch, where QVL says TCB_NOT_SUPPORTED too
 */
DS_MUST_USE int tdx_tcb_evaluate(struct tdx_tcb *ret, const struct dcap_run *v,
                                 const struct ds_tdx_quote *quote, struct ds_error *e);
