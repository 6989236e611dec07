/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bringing a VM to life and finding it alive again. Everything here blocks and
 * runs in the pool on copies; the VM's object on the loop is not touched.
 */

#include "vmm/host.h"

struct vmm_launched {
    struct vmm_launch launch;
    struct ds_proc qemu;   /* pidfd -1: no process (a null machine) */
    struct ds_proc simtee; /* likewise */
    bool is_running;
};

#define VMM_LAUNCHED_NONE ((struct vmm_launched){ .qemu.pidfd = -1, .simtee.pidfd = -1 })

/* The MAC address of a VM's i-th NIC. err: CRYPTO */
DS_MUST_USE int vmm_launch_mac(char ret[static 18], const char *vm_id, size_t i,
                               struct ds_error *e);

/* Closes descriptors; ends nothing. */
void vmm_launched_done(struct vmm_launched *l);

/*
 * Start the VM from its directory: disk, shared files, simulated platform, QEMU.
 * On failure nothing of it runs.
 *
 * in:   dir  the VM's directory, with app-compose.json in it
 * err:  vmm.image_not_found, vmm.launch_failed, vmm.qemu_missing, vmm.volume_not_found,
 *       vmm.kvm_unusable, vmm.simtee_missing, and what the simulated platform refuses
 */
DS_MUST_USE int vmm_launch_start(struct vmm_launched *ret, struct vmm_host *h,
                                 const struct vmm_manifest *m, const char *dir, struct ds_error *e);

/*
 * After a restart of the daemon: is it running? A QEMU whose start was never
 * recorded is ended; a simulated platform that died is started again and
 * replays its journal, and where that fails the VM is ended.
 */
DS_MUST_USE int vmm_launch_adopt(struct vmm_launched *ret, struct vmm_host *h,
                                 const struct vmm_manifest *m, const char *dir, struct ds_error *e);

/* End what runs of a VM whose directory is a leftover. err: vmm.launch_failed */
DS_MUST_USE int vmm_launch_end(const char *dir, struct ds_error *e);

/* The helper of a running VM died: start another for the same launch. */
DS_MUST_USE int vmm_launch_resume_simtee(struct ds_proc *ret, struct vmm_host *h, const char *dir,
                                         const struct vmm_launch *launch, struct ds_error *e);
