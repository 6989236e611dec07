/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Verifying a VM of this machine: a fresh nonce, its evidence, and what this
 * machine says should run.
 */

#include "cli/cli.h"

/* err: as cli_verify; NOTFOUND (cli.no_vm); UNAVAILABLE (the VM does not answer) */
DS_MUST_USE int cli_verify_vm(struct cli *cli, const char *name, bool allow_simulated,
                              struct ds_error *e);
