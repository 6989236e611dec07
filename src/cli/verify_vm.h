/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Verifying a VM of this machine: a fresh nonce, its evidence, and what the
 * user of this machine says should run.
 */

#include "cli/record.h"
#include "policy/policy.h"

struct cli_verify_vm {
    const char *name;
    const struct cli_record *want; /* NULL: what `up` recorded under the VM's name */
    bool allow_simulated;
    const struct policy_rules *policy; /* in the place of `verify`'s own; or NULL */
    bool any_app; /* without a record too: then nothing is compared, and the result says so */
};

/*
 * out:  ret  which instance was verified; may be NULL
 * err:  as cli_verify; NOTFOUND (cli.no_vm); UNAVAILABLE (the VM does not answer)
 *       DENIED  also cli.no_record: nothing says what should run, and any_app is not set
 */
DS_MUST_USE int cli_verify_vm(struct cli *cli, struct cli_instance *ret,
                              const struct cli_verify_vm *in, struct ds_error *e);
