/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A root certificate in a file, as the anchor that --anchor and
 * --simulated-anchor name.
 */

#include "attest/anchors.h"

/* err: NOTFOUND and the like, all with cli.anchor_file */
DS_MUST_USE int cli_anchor_load(struct ds_extra_anchor *ret, const char *path, bool simulated,
                                struct ds_error *e);
