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
DS_MUST_USE int tdx_check_module(const struct dcap_run *v, struct ds_error *e);

struct tdx_tcb {
    struct dcap_tcb launch;    /* by the module that launched the TD */
    struct dcap_tcb current;   /* TD 1.5: by the module that runs now */
    enum ds_tcb_status status; /* of both: what counts */
};

/*
 * The level by the module that launched the TD, and what the one that runs now makes of it (TD 1.5;
 * another TD stays as it is).
 *
 * err:  UNTRUSTED  attest.dcap.tcb_not_supported, attest.dcap.qe_tcb_not_supported,
 *                  attest.tdx.module_tcb_not_supported; of the current one also
 *                  attest.tdx.module_mismatch, for a major version that TCB info does not list:
 *                  there QVL says TCB_NOT_SUPPORTED (at launch tdx_check_module() came before)
 */
DS_MUST_USE int tdx_evaluate_launch(struct tdx_tcb *ret, const struct dcap_run *v,
                                    struct ds_error *e);
DS_MUST_USE int tdx_evaluate_current(struct tdx_tcb *io, const struct dcap_run *v,
                                     struct ds_error *e);
