/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Collateral files on the command line: a set, or a bundle of them.
 */

#include "cli/cli.h"
#include "collateral/ask.h"
#include "collateral/bundle.h"

#define CLI_COLLATERAL_MAX BUNDLE_MAX

/* Which quote or report stands in an evidence file; borrows it. err: as attest/wrapper says */
DS_MUST_USE int cli_collateral_quote(struct ds_span *ret, struct ds_arena *mem,
                                     struct ds_span evidence, struct ds_error *e);

/*
 * The set that fits the evidence: the file itself, or one of a bundle.
 *
 * io:   file  replaced by the set where it is a bundle
 * err:  as bundle_parse; NOTFOUND collateral.no_set; why a set of the bundle does not check out
 */
DS_MUST_USE int cli_collateral_pick(struct ds_buf *file, struct ds_span evidence,
                                    const struct ds_anchors *anchors, struct ds_error *e);

struct cli_collateral_verify {
    const char *path;
    const struct ds_anchors *anchors;
    const uint8_t *signer32; /* NULL: any */
    int64_t now_s, warn_s;   /* a document that ends within warn_s is warned of */
};

/*
 * Check a set or bundle and print what is in it.
 *
 * err:  UNTRUSTED, STALE, FORMAT ...: reasons in cli->reasons
 */
DS_MUST_USE int cli_collateral_verify(struct cli *cli, const struct cli_collateral_verify *in,
                                      struct ds_error *e);
