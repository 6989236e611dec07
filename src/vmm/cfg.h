/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's configuration: one table of keys with defaults that need no file
 * at all, and the places that follow from them.
 */

#include "base/cfg.h"
#include "base/place.h"
#include "vmm/vmdir.h"

struct vmm_cfg {
    /* as configured */
    char *listen, *state_dir, *image_dir, *volume_dir, *kms_socket;
    char *machine, *accel, *qemu, *qemu_img;
    uint64_t vcpu_max, memory_max_mib, disk_max_gib, vms_max;
    uint64_t qgs_port;
    bool restart;
    uint64_t restart_retries, restart_backoff_s, restart_backoff_max_s, restart_healthy_s;
    uint64_t log_max_bytes;
    uint64_t stop_grace_s;
};

/* The configuration with every place filled in. */
struct vmm_places {
    char state[DS_PLACE_MAX]; /* the daemon's: <state>/vmm */
    char vms[DS_PLACE_MAX];   /* one directory a VM */
    char images[DS_PLACE_MAX];
    char volumes[DS_PLACE_MAX];
    char simtee[DS_PLACE_MAX]; /* the simulated platform's machine state */
    char listen[DS_PLACE_MAX]; /* "unix:..." */
    char kms_target[DS_PLACE_MAX];
    char relay[DS_PLACE_MAX], simtee_program[DS_PLACE_MAX]; /* empty: not installed */
};

extern const struct ds_cfg_schema vmm_cfg_schema;

/* err: RANGE  a place that is relative, or so long that paths in it would not fit */
DS_MUST_USE int vmm_places_find(struct vmm_places *ret, const struct vmm_cfg *cfg,
                                struct ds_error *e);
