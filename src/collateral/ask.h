/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which collateral is meant, whoever's it is: from evidence, or from a set that
 * is at hand. Pure.
 */

#include "collateral/check.h"
#include "collateral/kds.h"
#include "collateral/pcs.h"

#define COLLATERAL_KEY_MAX 192

struct collateral_ask {
    enum collateral_kind kind;
    struct pcs_ask pcs; /* tdx, sgx */
    struct kds_ask kds; /* snp */
};

/*
 * From a TDX or SGX quote or an SEV-SNP report; unverified.
 *
 * in:   product  of a report; NULL: as it says
 * io:   mem      64 KiB
 * err:  as pcs_ask_of_quote and kds_ask_of_report
 */
DS_MUST_USE int collateral_ask_of(struct collateral_ask *ret, struct ds_arena *mem,
                                  struct ds_span evidence, const char *product, struct ds_error *e);

/* The name of what was asked, for files: "tdx-00806f050000-platform", "snp-milan-<16 hex>". */
void collateral_ask_key(char ret[static COLLATERAL_KEY_MAX], const struct collateral_ask *ask);

/* A set is what was asked for; no more is said about it than its facts say. */
bool collateral_ask_fits(const struct collateral_ask *ask, const struct collateral_facts *f);
