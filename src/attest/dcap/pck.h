/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What Intel writes about a platform into its PCK certificate.
 * spec: Intel SGX PCK Certificate and CRL Profile, 1.3.5 (SGX extension)
 */

#include "attest/x509.h"

struct dcap_pck {
    uint8_t ppid16[16], fmspc6[6], pceid2[2];
    uint8_t sgx16[16]; /* the SVNs of the sixteen TCB components */
    uint16_t pcesvn;
};

/* err: UNTRUSTED attest.dcap.pck_certificate: no such extension, or not as the profile says */
DS_MUST_USE int dcap_pck_parse(struct dcap_pck *ret, const struct ds_x509 *cert,
                               struct ds_error *e);
