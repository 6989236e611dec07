/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The steps that quotes about enclaves and about TDs have in common, in the
 * order in which they are taken; attest/tdx/verify.c and attest/sgx/verify.c say
 * which of Intel's each is. What a document decides is skipped where it is absent
 * or nobody signed it: dcap_check_complete() then refuses the quote.
 */

#include "attest/dcap/private.h"

/* The platform, maybe a kept one, is the quote's. err: UNTRUSTED attest.dcap.platform_other */
DS_MUST_USE int dcap_check_platform(const struct dcap_run *v, struct ds_error *e);

/* err: UNTRUSTED attest.dcap.tcb_info_mismatch */
DS_MUST_USE int dcap_check_tcb_info_id(const struct dcap_run *v, struct ds_error *e);
DS_MUST_USE int dcap_check_fmspc_and_pceid(const struct dcap_run *v, struct ds_error *e);

/*
 * in:   known  a QE whose report verified before, by this signature; NULL: none is kept
 * err:  UNTRUSTED  attest.dcap.qe_report_signature
 */
DS_MUST_USE int dcap_check_qe_signature(const struct dcap_run *v, const struct ds_dcap_qe *known,
                                        struct ds_error *e);

/* The QE's report names the attestation key. err: UNTRUSTED attest.dcap.qe_binding */
DS_MUST_USE int dcap_check_qe_binding(const struct dcap_run *v, struct ds_error *e);

/* err: UNTRUSTED attest.dcap.qe_identity_mismatch */
DS_MUST_USE int dcap_check_qe_identity_id(const struct dcap_run *v, struct ds_error *e);
DS_MUST_USE int dcap_check_qe_identity(const struct dcap_run *v, struct ds_error *e);

/* The attestation key signed the quote. err: UNTRUSTED attest.dcap.quote_signature */
DS_MUST_USE int dcap_check_quote_signature(const struct dcap_run *v, struct ds_error *e);

/* Nothing but zero bytes behind the quote. err: UNTRUSTED attest.dcap.quote_padding */
DS_MUST_USE int dcap_check_padding(const struct dcap_run *v, struct ds_error *e);

/*
 * All that the platform was verified by holds now; where not, a level that is Revoked is told.
 *
 * err:  STALE  the first date that does not hold; of a kept platform attest.dcap.platform_stale
 */
DS_MUST_USE int dcap_check_in_date(const struct dcap_run *v, enum ds_tcb_status level,
                                   struct ds_error *e);

/*
 * No part of the collateral is missing; where one is, it is told what the level would be.
 *
 * in:   level  by the documents that are signed
 * err:  UNAVAILABLE  attest.dcap.collateral_incomplete
 */
DS_MUST_USE int dcap_check_complete(const struct dcap_run *v, enum ds_tcb_status level,
                                    struct ds_error *e);

/* Remember the QE of a quote that verified. known: NULL: nobody asks for it. */
void dcap_keep_qe(struct ds_dcap_qe *known, const struct dcap_run *v);
