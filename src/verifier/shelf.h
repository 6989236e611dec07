/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The vendors' documents that the verifier has at hand, by platform: from files
 * at start, and from the services as evidence asks for them. Threads share it;
 * whoever found a set keeps it until it lets go, whatever replaces it. Nothing is
 * verified here: verification of evidence checks each set again.
 */

#include "collateral/ask.h"

#define SHELF_SETS_MAX 256

struct shelf;

struct shelf_set {
    struct ds_buf json;
    uint8_t id32[32]; /* SHA-256 of the JSON */
    enum collateral_kind kind;
    uint8_t fmspc6[6]; /* Intel */
    char product[16];  /* AMD */
    struct ds_buf leaf;
    int64_t issue_s;   /* Intel: of its TCB info */
    size_t refs, used; /* the shelf's; nothing else changes */
};

DS_MUST_USE int shelf_new(struct shelf **ret, struct ds_error *e);
void shelf_free(struct shelf *s);

/*
 * Add a set, or all sets of a bundle. It replaces one of the same platform, unless that one's
 * documents are newer; the set that was not asked for for longest gives way where there is no room.
 *
 * err:  FORMAT ...  as the parsers of sets and bundles; RANGE; NOMEM
 */
DS_MUST_USE int shelf_add(struct shelf *s, struct ds_span file, struct ds_error *e);
DS_MUST_USE int shelf_add_file(struct shelf *s, const char *path, struct ds_error *e);

struct shelf_want {
    enum collateral_kind kind;
    const uint8_t *fmspc6;      /* Intel */
    const char *product;        /* AMD */
    const struct kds_ask *chip; /* AMD: whose certificate; NULL: any of the product */
};
/* What was found is given: shelf_unref. NULL when there is none. */
struct shelf_set *shelf_find(struct shelf *s, const struct shelf_want *want);
void shelf_unref(struct shelf *s, struct shelf_set *set);
/* Another one after each change. */
uint64_t shelf_generation(struct shelf *s);
