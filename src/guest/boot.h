/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The boot: a table of named steps, run one after another off the loop. Each
 * one is reported to the host when it starts and when it ends, with its time;
 * a step that fails names itself, and the machine goes off.
 */

#include "base/err.h"

struct agent;
struct boot_progress;
struct ds_buf;

/* Runs on a pool thread; until the boot is over nobody else touches the agent's state. */
typedef int boot_step_fn(struct agent *a, struct ds_error *e);

struct boot_step {
    const char *name;  /* stable: "keys" */
    const char *title; /* for people: "get keys from the KMS" */
    boot_step_fn *run;
    void (*after)(
        struct agent *a); /* the step's last part, on the loop; sets boot.status; or NULL */
};

extern const struct boot_step boot_steps[];
extern const size_t boot_n_steps;

/* Tell the host again what was reported so far: a daemon that restarted knows nothing of it. */
void boot_report_again(struct agent *a);

/* Why the boot failed, as a payload for the host (rpc/serve.h), *appended*. */
void boot_error_encode(struct ds_buf *ret, const struct boot_progress *b);

/* Begin; called on the loop. Ends in agent_ready() or agent_boot_failed(). */
void boot_start(struct agent *a);
