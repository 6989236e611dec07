/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The steps that SGX and TDX quotes share, for attest/sgx and attest/tdx alone.
 * Each names the steps of Intel's Quote Verification Library that it takes.
 */

#include "attest/claims_private.h"
#include "attest/dcap/pck.h"
#include "attest/dcap/platform.h"

struct dcap_dates {
    int64_t from_s, until_s;
};
#define DCAP_ALWAYS ((struct dcap_dates){ INT64_MIN, INT64_MAX })

struct ds_dcap_platform {
    struct ds_anchor anchor;
    const struct ds_dcap_collateral *coll;
    struct ds_span chain; /* that a quote must carry; empty where the collateral brought it */
    struct dcap_pck pck;
    uint8_t pck_xy64[64];
    uint8_t id32[32];             /* of everything that a quoting enclave is judged by */
    struct dcap_dates dates;      /* everything whose signature was looked at is in date within */
    struct dcap_dates root_dates; /* the roots' own: they end what is kept, and are in no claim */
    /* Only what its signer said can speak against a quote; without, the set is incomplete. */
    bool is_tcb_info_signed, is_qe_identity_signed;
    char missing[144]; /* names of absent parts of the collateral */
};

/* What a quote came to; levels borrow the collateral. */
struct dcap_tcb {
    enum ds_tcb_status status; /* converged */
    int64_t date_s;            /* the earliest of the parts */
    const struct ds_tcb_level *platform;
    const struct ds_svn_level *module; /* TDX with a module identity */
    const struct ds_svn_level *qe;
};

/* A quote on its way through the checks. */
struct dcap_run {
    const struct ds_dcap_quote *quote;
    const struct ds_dcap_platform *platform;
    const char *tee;   /* "TDX": the id that TCB info must have */
    const char *qe_id; /* "TD_QE": likewise the QE identity */
    int64_t now_s;
};

/* Refuse under the platform's anchor. */
int dcap_refuse(const struct dcap_run *v, enum ds_code code, const char *claim,
                const char *expected, const char *got, struct ds_error *e);

/* Key type and QE vendor: what this library can judge at all. */
DS_MUST_USE int dcap_check_header(const struct ds_dcap_quote *quote, struct ds_error *e);

/* The platform, which may have been kept, holds now and is the quote's. */
DS_MUST_USE int dcap_check_platform(const struct dcap_run *v, struct ds_error *e);

/* TCB info is of this TEE (10), FMSPC and PCE (11). */
DS_MUST_USE int dcap_check_tcb_info(const struct dcap_run *v, struct ds_error *e);

/*
 * The PCK signed the QE's report (13), which names the attestation key (14); the
 * QE is the one that Intel's identity names (15, 16).
 *
 * in:   known  a QE whose report verified before; NULL: none is kept
 */
DS_MUST_USE int dcap_check_qe(const struct dcap_run *v, const struct ds_dcap_qe *known,
                              struct ds_error *e);

/* Remember the QE of a quote that verified. known: NULL: nobody asks for it. */
void dcap_keep_qe(struct ds_dcap_qe *known, const struct dcap_run *v);

/* The attestation key signed the quote (17). */
DS_MUST_USE int dcap_check_signature(const struct dcap_run *v, struct ds_error *e);

/* Nothing but zero bytes behind the quote, and no part of the collateral missing. */
DS_MUST_USE int dcap_check_padding(const struct dcap_run *v, struct ds_error *e);
DS_MUST_USE int dcap_check_complete(const struct dcap_run *v, enum ds_tcb_status level,
                                    struct ds_error *e);

/* What claims of every Intel TEE say of platform and collateral. */
DS_MUST_USE int dcap_fill_claims(struct ds_claims *c, const struct dcap_run *v, struct ds_error *e);
/*
 * Status, date and advisories: the platform's, then the QE's, then the module's.
 * err: RANGE attest.dcap.collateral_format: more ids, or longer ones, than claims hold
 */
DS_MUST_USE int dcap_fill_tcb(struct claims_tcb *c, const struct dcap_tcb *tcb, struct ds_error *e);
