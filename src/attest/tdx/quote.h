/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intel TDX quote, version 4 with a TD 1.0 body: the layout, unverified.
 * spec: Intel TDX DCAP Quoting Library API, appendix 3 (quote format version 4)
 */

#include "base/span.h"

#define DS_TDX_QUOTE_MAX 65536

/* Intel SGX REPORT body, 384 bytes. */
struct ds_sgx_report {
    uint8_t cpusvn16[16];
    uint8_t miscselect4[4];
    uint8_t attributes16[16];
    uint8_t mrenclave32[32];
    uint8_t mrsigner32[32];
    uint16_t isvprodid, isvsvn;
    uint8_t report_data64[64];
};

/* TD report body, TD 1.0, 584 bytes. */
struct ds_td_report {
    uint8_t tee_tcb_svn16[16];
    uint8_t mrseam48[48], mrsignerseam48[48];
    uint8_t seamattributes8[8];
    uint64_t td_attributes, xfam;
    uint8_t mrtd48[48], mrconfigid48[48], mrowner48[48], mrownerconfig48[48];
    uint8_t rtmr48[4][48];
    uint8_t report_data64[64];
};

/* Spans borrow the parsed bytes. */
struct ds_tdx_quote {
    uint16_t version, key_type;
    uint32_t tee_type;
    uint8_t qe_vendor_id16[16], user_data20[20];
    struct ds_td_report td;
    struct ds_span signed_part; /* header and body: what the attestation key signs */
    uint8_t sig64[64], ak_pub64[64];
    struct ds_span qe_report_raw; /* 384 bytes: what the PCK key signs */
    struct ds_sgx_report qe_report;
    uint8_t qe_sig64[64];
    struct ds_span qe_auth;
    uint16_t cert_type; /* 5: PCK chain in PEM */
    struct ds_span cert_data;
    struct ds_span
        padding; /* behind the signature data, in the buffer of the quote; covered by nothing */
};

/*
 * err:  UNSUPPORTED  attest.dcap.version: version 3 or 5, or another TEE's quote
 *       TRUNCATED, FORMAT, TRAILING
 */
DS_MUST_USE int ds_tdx_quote_parse(struct ds_tdx_quote *ret, struct ds_span in, struct ds_error *e);
