/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What SGX and TDX quotes share on their way through Intel's procedure, for
 * attest/dcap, attest/sgx and attest/tdx alone: what is called dcap_ is theirs,
 * what is called ds_dcap_ is for everyone.
 */

#include "attest/claims_private.h"
#include "attest/dates.h"
#include "attest/dcap/pck.h"
#include "attest/dcap/platform.h"

struct ds_td_report;

/* The two documents that Intel signs about a platform; NULL: it says nothing. */
struct dcap_docs {
    const struct ds_tcb_info *tcb_info;
    const struct ds_qe_identity *qe_identity;
};

struct ds_dcap_platform {
    struct ds_anchor anchor;
    const struct ds_dcap_collateral *coll;
    struct ds_span chain; /* that a quote must carry; empty where the collateral brought it */
    uint16_t chain_type;  /* as what: enum ds_dcap_cert */
    struct dcap_pck pck;
    uint8_t pck_xy64[64];
    struct ds_dates dates;      /* everything whose signature was looked at is in date within */
    struct ds_dates root_dates; /* the roots' own: they end what is kept, and are in no claim */
    struct dcap_docs docs;      /* whose signatures verified: no others speak against a quote */
    char missing[144];          /* names of absent parts of the collateral */
};

/* What a quote came to; levels borrow the collateral. Without a document its levels are NULL. */
struct dcap_tcb {
    enum ds_tcb_status status; /* converged */
    int64_t date_s;            /* the earliest of the parts */
    const struct ds_tcb_level *platform;
    const struct ds_svn_level *module; /* TDX with a module identity */
    const struct ds_svn_level *qe;
};

/* A platform that was verified just now. */
struct dcap_platform_now {
    struct ds_dcap_platform platform;
    struct ds_error stale; /* what of it is out of date first; cls DS_OK: nothing */
};

struct dcap_run;

/* What the procedure of one TEE is beside that of the other. */
struct dcap_tee {
    const char *tcb_info_id; /* that TCB info must have: "TDX" */
    const char *qe_id;       /* likewise the QE identity: "TD_QE" */
    /* The level by the run's documents, signed or not; fails where they do not fit. It words the
       refusal of an incomplete set and never leads to a yes. */
    int (*level_if_complete)(enum ds_tcb_status *ret, const struct dcap_run *v);
};

/* A quote on its way through the checks. */
struct dcap_run {
    const struct dcap_tee *tee;
    const struct ds_dcap_quote *quote;
    const struct ds_td_report *td; /* its body: one of these two */
    const struct ds_sgx_report *enclave;
    int64_t now_s;
    const struct ds_dcap_platform *platform;
    struct dcap_docs docs; /* documents in use; normally the platform's */
    /* Of a platform that was verified just now, what is out of date; cls DS_OK: nothing. NULL: a
       kept platform, whose own dates are asked. */
    const struct ds_error *stale;
};

/* UNTRUSTED; the run's anchor stands in for one that is not named (verify() of each TEE). */
int dcap_refuse(const struct dcap_run *v, enum ds_code code, const char *claim,
                const char *expected, const char *got, struct ds_error *e);

int dcap_refuse_bytes(enum ds_code code, const char *claim, const uint8_t *expected,
                      const uint8_t *got, size_t n, struct ds_error *e);

/*
 * All of ds_dcap_platform_verify() but that dates which do not hold are no failure yet: a quote is
 * judged first, so that what is stale does not hide what is forged.
 */
DS_MUST_USE int dcap_platform_judge(struct dcap_platform_now *ret, struct ds_arena *mem,
                                    const struct ds_dcap_quote *quote,
                                    const struct ds_dcap_collateral *coll,
                                    const struct ds_anchors *anchors, int64_t now_s,
                                    struct ds_error *e);

/* Yield what is out of date; DS_OK: nothing. */
DS_MUST_USE int dcap_refuse_stale(const struct ds_error *stale, struct ds_error *e);

/* What claims of every Intel TEE say of platform and collateral. */
DS_MUST_USE int dcap_fill_claims(struct ds_claims *c, const struct dcap_run *v, struct ds_error *e);
/*
 * Status, date and advisories: the platform's, then the QE's, then the module's.
 * err: RANGE attest.dcap.collateral_format: more ids, or longer ones, than claims hold
 */
DS_MUST_USE int dcap_fill_tcb(struct claims_tcb *c, const struct dcap_tcb *tcb, struct ds_error *e);
