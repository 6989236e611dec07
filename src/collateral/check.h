/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a collateral set is and whether the vendor signed it, without evidence
 * at hand. Signatures and dates are two questions here: a set that has expired
 * can still be named part by part. Nobody trusts the answer: verification of
 * evidence checks everything again.
 *
 * Two forms of a set: Intel's, the JSON of attest/dcap/collateral.h with
 * pck_crl_issuer_chain; and AMD's, {"kind": "snp", "product": "Milan",
 * "vcek": hex of DER (or "vlek"), "cert_chain": PEM of ASK and ARK, "crl": hex
 * of DER}.
 */

#include "attest/anchors.h"
#include "base/arena.h"
#include "codec/json.h"

#define COLLATERAL_ITEMS_MAX 16
#define COLLATERAL_CHECK_MEM ((size_t)2 << 20) /* bytes of arena that suffice */

enum collateral_kind {
    COLLATERAL_TDX,
    COLLATERAL_SGX,
    COLLATERAL_SNP,
};

/* "tdx", "sgx", "snp" */
const char *collateral_kind_text(enum collateral_kind kind);

/* A document or certificate of a set. */
struct collateral_item {
    char name[80];
    char signer[64];
    int64_t from_s, until_s;
    struct ds_span content; /* borrowed: tells equal certificates */
};

struct collateral_facts {
    enum collateral_kind kind;
    uint8_t fmspc6[6];    /* Intel */
    bool is_processor_ca; /* Intel: of the PCK list; else the platform CA's */
    uint32_t eval_number; /* Intel: tcbEvaluationDataNumber of TCB info */
    char product[16];     /* AMD */
    struct ds_span leaf;  /* AMD: the VCEK or VLEK, DER; borrows the arena */
    bool is_vlek;
    char anchor[64]; /* the root that all chains end in */
    enum ds_kind anchor_kind;
    struct collateral_item items[COLLATERAL_ITEMS_MAX];
    size_t n_items;
    size_t ends_first, begins_last; /* items */
};

/* Everything in the set is in date from from_s to until_s. */
int64_t collateral_from_s(const struct collateral_facts *f);
int64_t collateral_until_s(const struct collateral_facts *f);

/*
 * Check that a set is whole and that a vendor's root, or a given one, stands behind every part.
 *
 * io:   mem  COLLATERAL_CHECK_MEM; holds what facts borrow
 * err:  FORMAT       collateral.set_format, attest.dcap.collateral_format, attest.x509.format
 *       UNAVAILABLE  attest.dcap.collateral_incomplete: a part is missing
 *       UNTRUSTED    attest.root_unknown, a signature that does not verify, a revoked issuer
 *       UNSUPPORTED  an algorithm or version that is not read
 */
DS_MUST_USE int collateral_check(struct collateral_facts *ret, struct ds_arena *mem,
                                 struct ds_span set, const struct ds_anchors *anchors,
                                 struct ds_error *e);

/* AMD's form, unverified; spans borrow the arena. */
struct collateral_snp {
    char product[16];
    bool is_vlek;
    struct ds_span leaf, crl; /* DER */
    struct ds_span chain;     /* PEM: ASK or ASVK, and ARK */
};

/* A set is AMD's form, by its kind; false also where it is none at all. */
bool collateral_is_snp(const struct ds_json_tok *root);
/* err: FORMAT, NOMEM  collateral.set_format */
DS_MUST_USE int collateral_snp_parse(struct collateral_snp *ret, struct ds_arena *mem,
                                     const struct ds_json_tok *root, struct ds_error *e);

/* err: STALE collateral.expired, collateral.not_yet_valid, with the first item in the way */
DS_MUST_USE int collateral_check_dates(const struct collateral_facts *f, int64_t now_s,
                                       struct ds_error *e);
