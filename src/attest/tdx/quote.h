/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A quote about a TD, versions 4 and 5: Intel's quote with a TD report as its
 * body. Unverified.
 * spec: TDX DCAP Quoting Library API, appendices A.3 (version 4) and A.4 (version 5);
 *       TDX Module ABI, TDREPORT_STRUCT
 */

#include "attest/dcap/quote.h"

/* What stands where in 16 TEE SVNs. Where the major version is 0, no module identity judges any. */
enum {
    DS_TEE_SVN_MODULE = 0,      /* the module's own, within its major version */
    DS_TEE_SVN_MAJOR = 1,       /* the module's major version */
    DS_TEE_SVN_FIRST_OTHER = 2, /* the first that no module identity judges */
};

struct ds_td_report {
    uint8_t tee_tcb_svn16[16]; /* of the TDX module that launched the TD */
    uint8_t mrseam48[48], mrsignerseam48[48];
    uint8_t seamattributes8[8];
    uint64_t td_attributes, xfam;
    uint8_t mrtd48[48], mrconfigid48[48], mrowner48[48], mrownerconfig48[48];
    uint8_t rtmr48[4][48];
    uint8_t report_data64[64];
    /* TD 1.5 alone; zero in a TD 1.0 body */
    uint8_t tee_tcb_svn2_16[16]; /* of the TDX module that runs now */
    uint8_t mrservicetd48[48];
};

struct ds_tdx_quote {
    struct ds_dcap_quote dcap;
    struct ds_td_report td;
};

/*
 * err:  as ds_dcap_quote_parse, and UNSUPPORTED attest.dcap.tee_type: another TEE's quote
 */
DS_MUST_USE int ds_tdx_quote_parse(struct ds_tdx_quote *ret, struct ds_span in, struct ds_error *e);
