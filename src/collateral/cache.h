/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Collateral sets in a directory, one file each, named after what was asked.
 * Whatever is read or written has passed collateral_check, so that a damaged
 * file, or one that somebody else wrote, counts as none.
 */

#include "collateral/ask.h"

#define COLLATERAL_SET_MAX   ((size_t)1 << 20)
#define COLLATERAL_CHIPS_MAX 256 /* sets of AMD's chips; the one that was written first gives way */

/* How a set stands at a time. */
enum collateral_age {
    COLLATERAL_FRESH,
    COLLATERAL_DUE,   /* still valid, and time to renew it */
    COLLATERAL_ENDED, /* expired */
    COLLATERAL_EARLY, /* issued after this time: the clock is wrong */
};

/*
 * Pure. A set is renewed when two thirds of the life of the document that ends first are over: ten
 * days ahead with Intel's 30. One that was written less than an hour ago is not renewed again, since
 * a caching service hands out the same document until its own copy ends.
 */
enum collateral_age collateral_age_of(const struct collateral_facts *f, int64_t written_s,
                                      int64_t now_s);

struct collateral_entry {
    struct ds_buf set;
    struct collateral_facts facts; /* borrows mem */
    int64_t written_s;
};
void collateral_entry_done(struct collateral_entry *entry);

/*
 * The entry of this name.
 *
 * io:   mem  COLLATERAL_CHECK_MEM
 * err:  NOTFOUND; else what collateral_check says of a damaged one
 */
DS_MUST_USE int collateral_cache_load(struct collateral_entry *ret, struct ds_arena *mem,
                                      const char *dir, const struct collateral_ask *ask,
                                      const struct ds_anchors *anchors, struct ds_error *e);

/*
 * Keep a set, in the place of an older one; the directory is made. Only for sets that
 * collateral_check and collateral_check_dates accept and that fit the ask.
 */
DS_MUST_USE int collateral_cache_save(const char *dir, const struct collateral_ask *ask,
                                      struct ds_span set, struct ds_error *e);
