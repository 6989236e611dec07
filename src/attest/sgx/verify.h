/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Verification of SGX quotes, as Intel's verifier does it.
 */

#include "attest/claims.h"
#include "attest/dcap/platform.h"
#include "attest/sgx/quote.h"

/*
 * Verify an SGX quote and say what it proves.
 *
 * in:   quote, coll  parsed, untrusted; borrowed
 *       anchors      what is trusted beside the compiled-in roots
 *       now_s        seconds since 1970-01-01 UTC: the caller's clock
 * io:   mem          scratch for certificates; what was taken is given back
 * out:  ret          from ds_claims_new_in(); written only on DS_OK
 * err:  UNTRUSTED    a check failed: attest.dcap.*, attest.x509.* ...
 *       STALE        a certificate, CRL, TCB info or identity is outside its dates; all else
 *                    that is there holds, parts may be missing as well
 *       UNAVAILABLE  attest.dcap.collateral_incomplete: a part is missing
 *       UNSUPPORTED  a certification data type or algorithm that we do not read
 *       RANGE        attest.dcap.collateral_format: more advisories than claims hold
 *       FORMAT, TRAILING, RANGE  attest.x509.format, attest.crl.format: a certificate or list
 * spec: Intel SGX-TDX DCAP Quote Verification Library, as attest/tdx/verify.h has it
 */
DS_MUST_USE int ds_sgx_quote_verify(struct ds_claims *ret, struct ds_arena *mem,
                                    const struct ds_sgx_quote *quote,
                                    const struct ds_dcap_collateral *coll,
                                    const struct ds_anchors *anchors, int64_t now_s,
                                    struct ds_error *e);

/*
 * The same on a platform that verified before, which costs two signatures, or
 * one where the quoting enclave's report is known too.
 *
 * io:   known  what is remembered of the quoting enclave; NULL: nothing
 * err:  as above, and
 *       STALE      attest.dcap.platform_stale: all else holds; verify the platform anew
 *       UNTRUSTED  attest.dcap.platform_other: the quote carries another chain
 */
DS_MUST_USE int ds_sgx_quote_verify_on(struct ds_claims *ret, const struct ds_sgx_quote *quote,
                                       const struct ds_dcap_platform *platform,
                                       struct ds_dcap_qe *known, int64_t now_s, struct ds_error *e);
