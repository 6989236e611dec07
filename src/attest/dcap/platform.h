/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An Intel platform that verified: its PCK certificate up to a root, and the
 * collateral that judges it. It is what quotes of one machine have in common,
 * and costs most of their verification, so a caller that meets many of them
 * keeps it. Only attest/ can fill one (the definition is private there).
 */

#include "attest/anchors.h"
#include "attest/dcap/collateral.h"
#include "attest/dcap/quote.h"

struct ds_dcap_platform;

/* Empty, in the caller's memory; NULL when the arena is full. No quote verifies on it. */
struct ds_dcap_platform *ds_dcap_platform_new_in(struct ds_arena *mem);

/*
 * Verify what a quote's platform is.
 *
 * in:   quote        for its certification data; unverified
 *       coll         kept by *ret, with what it points to
 *       anchors      what is trusted beside the compiled-in roots
 *       now_s        seconds since 1970-01-01 UTC: the caller's clock
 * io:   mem          scratch for certificates; what was taken is given back
 * out:  ret          written only on DS_OK; borrows the quote's certification data and coll
 * err:  UNTRUSTED    a check failed: attest.dcap.*, attest.x509.*, attest.root_unknown ...
 *       STALE        a certificate, CRL, TCB info or identity is outside its dates
 *       UNSUPPORTED  attest.dcap.certification_data: no chain in the quote nor in the collateral
 *
 * That a part of the collateral is missing is no error here: what is there is
 * checked, and each quote is then refused with attest.dcap.collateral_incomplete
 * after its own checks.
 */
DS_MUST_USE int ds_dcap_platform_verify(struct ds_dcap_platform *ret, struct ds_arena *mem,
                                        const struct ds_dcap_quote *quote,
                                        const struct ds_dcap_collateral *coll,
                                        const struct ds_anchors *anchors, int64_t now_s,
                                        struct ds_error *e);

/*
 * Nothing that the platform was verified by is out of date. Ask before a kept platform judges a
 * quote, and verify it anew where this is false: documents that are over can refuse what newer ones
 * list.
 */
bool ds_dcap_platform_is_in_date(const struct ds_dcap_platform *p, int64_t now_s);

/* The quote carries the very chain that the platform was made from, or the collateral brought it. */
bool ds_dcap_platform_serves(const struct ds_dcap_platform *p, const struct ds_dcap_quote *quote);

/*
 * A quoting enclave whose report verified, kept beside its platform: quotes
 * that carry the same report again are spared its signature. Zero it to begin.
 */
struct ds_dcap_qe {
    uint8_t pck_xy64[64]; /* the platform's key, by which it verified */
    uint8_t report[DS_SGX_REPORT_LEN], sig64[64];
};
