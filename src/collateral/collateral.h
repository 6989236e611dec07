/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keeps the vendor's collateral documents that verification needs, by
 * platform. Verification itself takes bytes (attest/dcap/collateral.h); callers
 * that got a document from a file, from the VMM or from a service put it in
 * here and ask for the one that fits a quote.
 */

#include "base/buf.h"

#define COLLATERAL_LEN_MAX  ((size_t)1 << 20)
#define COLLATERAL_SETS_MAX 64

struct collateral; /* a cache */

DS_MUST_USE int collateral_new(struct collateral **ret, struct ds_error *e);
void collateral_free(struct collateral *c);
DS_DEFINE_AUTO(struct collateral, collateral_free);

/*
 * Add a set. It replaces one of the same platform, unless that is newer.
 *
 * in:   json  one object as attest/dcap/collateral.h describes it; copied
 * err:  FORMAT, RANGE (too long, or COLLATERAL_SETS_MAX sets are held)
 */
DS_MUST_USE int collateral_add(struct collateral *c, struct ds_span json, struct ds_error *e);
DS_MUST_USE int collateral_add_file(struct collateral *c, const char *path, struct ds_error *e);

/* The set for this platform, borrowed until the next add; NULL p when there is none. */
struct ds_span collateral_find(const struct collateral *c, const uint8_t fmspc6[static 6]);
