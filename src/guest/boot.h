/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The boot: a table of named steps, run one after another off the loop. Each
 * one is reported to the host when it starts and when it ends, with its time;
 * a step that fails names itself, and the machine goes off.
 */

#include "base/err.h"

struct agent;

/* Runs on a pool thread; until the boot is over nobody else touches the agent's state. */
typedef int boot_step_fn(struct agent *a, struct ds_error *e);

struct boot_step {
    const char *name;  /* stable: "keys" */
    const char *title; /* for people: "get keys from the KMS" */
    boot_step_fn *run;
    void (*after)(
        struct agent *a); /* on the loop, once it is done; sets boot.status; may be NULL */
};

extern const struct boot_step boot_steps[];
extern const size_t boot_n_steps;

/* Tell the host again what was reported so far: a daemon that restarted knows nothing of it. */
void boot_report_again(struct agent *a);

/* Begin; called on the loop. Ends in agent_ready() or agent_boot_failed(). */
void boot_start(struct agent *a);
