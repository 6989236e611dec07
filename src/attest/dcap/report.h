/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The REPORT body of an SGX enclave: what an SGX quote is about, and what the
 * quoting enclave says of itself in every quote.
 * spec: Intel SDM volume 3D, 38.15 (REPORT); SGX ECDSA QuoteGenReference, A.4
 */

#include "base/span.h"

#define DS_SGX_REPORT_LEN 384

struct ds_sgx_report {
    uint8_t cpusvn16[16];
    uint8_t miscselect4[4];
    uint8_t isvextprodid16[16];
    uint8_t attributes16[16]; /* flags, then XFRM */
    uint8_t mrenclave32[32];
    uint8_t mrsigner32[32];
    uint8_t configid64[64];
    uint16_t isvprodid, isvsvn, configsvn;
    uint8_t isvfamilyid16[16];
    uint8_t report_data64[64];
};

/* DS_SGX_REPORT_LEN bytes; a shorter reader is left bad. */
void ds_sgx_report_read(struct ds_sgx_report *ret, struct ds_reader *r);
