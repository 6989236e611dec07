/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A helper process under test: this process plays the VMM and the guest, a
 * child plays QEMU with its chardev socket.
 */

#include "base/proc.h"
#include "simtee/control.h"

#define RIG_TIMEOUT_MS 20000

struct rig {
    const char *program; /* dstack-simtee */
    char dir[128];       /* everything below it */
    char tee_dir[160], state[160], socket[160];
    struct simtee_spec spec;
    struct ds_proc helper, qemu;
    int control; /* connected; -1 when not */
    int guest;   /* our end of the guest's port */
};

/* A firmware, a kernel that is a PE image, an initrd; 77 from main when there is no firmware. */
bool rig_has_firmware(void);
void rig_init(struct rig *rig, const char *program);
void rig_done(struct rig *rig);

/* Bind the control socket, spawn the helper, connect. */
void rig_start_helper(struct rig *rig);
/* kill -9 and reap. */
void rig_kill_helper(struct rig *rig);
/* Its exit status, after waiting. */
int rig_helper_status(struct rig *rig);

/* The child that listens on `socket` and passes bytes between its one client and `guest`. */
void rig_start_qemu(struct rig *rig);
void rig_kill_qemu(struct rig *rig);
