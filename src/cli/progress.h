/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Watching a VM boot: steps as they come, the failure with its reasons, and the
 * waterfall of `up --timings`.
 */

#include "cli/cli.h"

/*
 * Wait until the app runs.
 *
 * err:  what the guest or the KMS refused, with code and reasons (in cli->reasons)
 *       TIMEOUT  cli.boot_timeout
 *       UNAVAILABLE  cli.boot_ended: the VM ended without a word
 */
DS_MUST_USE int cli_boot_wait(struct cli *cli, const char *id, int64_t timeout_ms,
                              struct ds_error *e);

/* Draw the boot's steps as bars over time. */
DS_MUST_USE int cli_boot_waterfall(struct cli *cli, const char *id, struct ds_error *e);
