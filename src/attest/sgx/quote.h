/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A quote about an SGX enclave, versions 3 to 5: Intel's quote with the
 * enclave's REPORT as its body. Unverified.
 * spec: SGX ECDSA QuoteGenReference, appendix A
 */

#include "attest/dcap/quote.h"

struct ds_sgx_quote {
    struct ds_dcap_quote dcap;
    struct ds_sgx_report report;
};

/*
 * err:  as ds_dcap_quote_parse, and UNSUPPORTED attest.dcap.tee_type: another TEE's quote
 */
DS_MUST_USE int ds_sgx_quote_parse(struct ds_sgx_quote *ret, struct ds_span in, struct ds_error *e);
