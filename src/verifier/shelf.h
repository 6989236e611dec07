/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The vendors' documents that the verifier has at hand, by platform: from files
 * at start, and from the services as evidence asks for them. Threads share it;
 * whoever found a set keeps it until it lets go, whatever replaces it. Nothing is
 * verified here: verification of evidence checks each set again. What was fetched
 * has places of its own, each vendor's apart, and never takes a file's.
 */

#include "collateral/ask.h"

#define SHELF_FILES_MAX   1024
#define SHELF_FETCHED_MAX 64 /* of each vendor */

struct shelf;

struct shelf_set {
    struct ds_buf json;
    enum collateral_kind kind;
    uint8_t fmspc6[6];    /* Intel */
    uint32_t eval_number; /* Intel: of its TCB info */
    int64_t issue_s;      /* Intel: likewise */
    bool has_crl;         /* Intel: a PCK revocation list, of this CA */
    uint8_t ca32[32];     /* SHA-256 of the list's issuer, a raw Name */
    char product[16];     /* AMD */
    struct ds_buf leaf;
    int64_t crl_from_s, crl_until_s; /* of the list; AMD's is the root's */
    size_t refs, used;               /* the shelf's; nothing else changes */
};

DS_MUST_USE int shelf_new(struct shelf **ret, struct ds_error *e);
void shelf_free(struct shelf *s);

/*
 * Add a set that was fetched, or all sets of a bundle. It replaces one of the same platform unless
 * that one is as new; the set that was not asked for for longest gives way where there is no room.
 *
 * err:  FORMAT ...  as the parsers of sets and bundles; NOMEM
 */
DS_MUST_USE int shelf_add(struct shelf *s, struct ds_span file, struct ds_error *e);
/* The operator's: it stays. err: RANGE (more than SHELF_FILES_MAX) */
DS_MUST_USE int shelf_add_file(struct shelf *s, const char *path, struct ds_error *e);

struct shelf_want {
    enum collateral_kind kind;
    const uint8_t *fmspc6;      /* Intel */
    struct ds_span pck_issuer;  /* Intel: raw Name of the CA; empty: any */
    const char *product;        /* AMD */
    const struct kds_ask *chip; /* AMD: whose certificate; NULL: any of the product */
    int64_t now_s;              /* AMD: lists that are not over then go first */
};
/* The newest of those that fit. It is given: shelf_unref. NULL when there is none. */
struct shelf_set *shelf_find(struct shelf *s, const struct shelf_want *want);
void shelf_unref(struct shelf *s, struct shelf_set *set);
/* There is one for what was asked. */
bool shelf_has(struct shelf *s, const struct collateral_ask *ask);
/* Another one after each change of Intel's documents. */
uint64_t shelf_generation(struct shelf *s);
