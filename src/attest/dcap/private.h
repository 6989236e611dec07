/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The steps that SGX and TDX quotes share, for attest/dcap, attest/sgx and
 * attest/tdx alone: what is called dcap_ is theirs, what is called ds_dcap_ is for
 * everyone.
 */

#include "attest/claims_private.h"
#include "attest/dcap/pck.h"
#include "attest/dcap/platform.h"

struct dcap_dates {
    int64_t from_s, until_s;
};
#define DCAP_ALWAYS ((struct dcap_dates){ INT64_MIN, INT64_MAX })

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
    struct dcap_dates dates;      /* everything whose signature was looked at is in date within */
    struct dcap_dates root_dates; /* the roots' own: they end what is kept, and are in no claim */
    struct dcap_docs docs;        /* whose signatures verified: no others speak against a quote */
    char missing[144];            /* names of absent parts of the collateral */
};

/* What a quote came to; levels borrow the collateral. Without a document its levels are NULL. */
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
    struct dcap_docs docs; /* that it is judged by: the platform's */
    const char *tee;       /* "TDX": the id that TCB info must have */
    const char *qe_id;     /* "TD_QE": likewise the QE identity */
    int64_t now_s;
};

/* Refuse under the platform's anchor. */
int dcap_refuse(const struct dcap_run *v, enum ds_code code, const char *claim,
                const char *expected, const char *got, struct ds_error *e);

/* Refuse a value of n bytes. */
int dcap_refuse_bytes(enum ds_code code, const char *claim, const uint8_t *expected,
                      const uint8_t *got, size_t n, const char *anchor, struct ds_error *e);

/* A time within dates. late: the code behind them; of what is too early, early. err: STALE */
DS_MUST_USE int dcap_check_dates(const struct dcap_dates *d, int64_t now_s, enum ds_code early,
                                 enum ds_code late, const char *claim, const char *anchor,
                                 struct ds_error *e);

/* The platform, which may have been kept, holds now and is the quote's. */
DS_MUST_USE int dcap_check_platform(const struct dcap_run *v, struct ds_error *e);

/* QVL 4.1.2.5.10 and 11: TCB info is of this TEE, FMSPC and PCE. */
DS_MUST_USE int dcap_check_tcb_info(const struct dcap_run *v, struct ds_error *e);

/*
 * QVL 4.1.2.5.13 to 16: the PCK signed the QE's report, which names the attestation
 * key; the QE is the one that Intel's identity names.
 *
 * in:   known  a QE whose report verified before; NULL: none is kept
 */
DS_MUST_USE int dcap_check_qe(const struct dcap_run *v, const struct ds_dcap_qe *known,
                              struct ds_error *e);

/* Remember the QE of a quote that verified. known: NULL: nobody asks for it. */
void dcap_keep_qe(struct ds_dcap_qe *known, const struct dcap_run *v);

/* QVL 4.1.2.5.17: the attestation key signed the quote. */
DS_MUST_USE int dcap_check_signature(const struct dcap_run *v, struct ds_error *e);

/* Nothing but zero bytes behind the quote. */
DS_MUST_USE int dcap_check_padding(const struct dcap_run *v, struct ds_error *e);

/* Whether a part of the collateral is missing. */
bool dcap_is_complete(const struct dcap_run *v);
/* The same quote judged by all documents that are there, signed or not: for words alone. */
struct dcap_run dcap_if_signed(const struct dcap_run *v);
/* What a level is worth without one of the documents: whatever that would say, Revoked stays. */
enum ds_tcb_status dcap_level_without(const struct dcap_docs *docs, enum ds_tcb_status level);
/* level: what the set would come to; NONE: nobody knows */
int dcap_refuse_incomplete(const struct dcap_run *v, enum ds_tcb_status level, struct ds_error *e);

/* What claims of every Intel TEE say of platform and collateral. */
DS_MUST_USE int dcap_fill_claims(struct ds_claims *c, const struct dcap_run *v, struct ds_error *e);
/*
 * Status, date and advisories: the platform's, then the QE's, then the module's.
 * err: RANGE attest.dcap.collateral_format: more ids, or longer ones, than claims hold
 */
DS_MUST_USE int dcap_fill_tcb(struct claims_tcb *c, const struct dcap_tcb *tcb, struct ds_error *e);
