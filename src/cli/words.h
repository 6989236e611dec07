/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What shell completion offers.
 */

#include "cli/cli.h"

/* Print the words of a kind: CODE, NAME (VMs) or IMAGE. err: ARG, UNAVAILABLE */
DS_MUST_USE int cli_words(struct cli *cli, const char *kind, struct ds_error *e);
