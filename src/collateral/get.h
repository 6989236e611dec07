/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A collateral set for what is asked: from the cache while it holds, from the
 * vendor's service or a caching one otherwise. What a service sends is checked
 * before it is kept or given: nothing malformed, unsigned, expired or of the
 * future enters the cache, and an older set never replaces a newer one.
 */

#include <stdatomic.h>

#include "collateral/cache.h"
#include "net/fetch.h"

struct collateral_source {
    const char *dir;      /* of the cache */
    const char *pcs_base; /* NULL: Intel's service */
    const char *kds_base; /* NULL: AMD's */
    const char *ca_file;  /* PEM authorities of a caching service; NULL: the system's */
    struct ds_span vlek;  /* DER or PEM, where the report is signed with one */
    const struct ds_anchors *anchors;
    struct net_fetch_limits limits;
    int64_t kds_gap_ms; /* between two questions to AMD; 0: 1 s */
    bool refresh;       /* ask the service even where the cache is fresh */
    bool offline;       /* ask nobody */
    /* Set by another thread: what waits for a service or for its turn gives up, with a failure that
       has no code; NULL: never. */
    const atomic_bool *ends;
};

struct collateral_got {
    struct collateral_entry entry;
    bool is_from_cache;
    bool is_renewal_failed; /* the entry still holds; `why` says what failed */
    bool is_cache_damaged;  /* what was there did not check out; `damage` says how */
    bool is_save_failed;    /* the set is good and could not be kept; `why` says how */
    struct ds_error why, damage;
};
void collateral_got_done(struct collateral_got *got);

/*
 * in:   now_s  as of the call; what a service sends is judged when it has come
 * io:   mem  COLLATERAL_GET_MEM; *ret borrows it
 * out:  ret  zeroed by the caller; collateral_got_done
 * err:  as net_fetch_now, pcs_set_make, kds_set_make, collateral_check and collateral_check_dates;
 *       NOTFOUND collateral.no_set: offline, and nothing is held
 *       UNAVAILABLE collateral.throttled
 */
#define COLLATERAL_GET_MEM (2 * COLLATERAL_CHECK_MEM + PCS_SET_MEM)
DS_MUST_USE int collateral_get(struct collateral_got *ret, struct ds_arena *mem,
                               const struct collateral_source *src,
                               const struct collateral_ask *ask, int64_t now_s, struct ds_error *e);
