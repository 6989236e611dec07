/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A VM's directory: everything that survives a restart of the daemon. Every
 * file is replaced atomically; vm-manifest.json comes last when a VM is made, so
 * a directory without it is an unfinished CreateVm and is removed. An update of
 * several files is made whole in update.new/ and becomes final when that is renamed
 * to update/; then its files move to their places, at the latest when the VM is loaded.
 *
 *   vm-manifest.json vm-state.json launch.json app-compose.json .sys-config.json
 *   .instance_info .encrypted-env .user-config shared.tar hda.img serial.log
 *   qemu.log qemu.pid update/ tee/ (the simulated platform's) and the sockets
 *
 * All calls block: they run in the pool.
 */

#include "base/proc.h"
#include "vmm/manifest.h"
#include "vmm/share.h"

#define VMM_LAUNCH_ID_LEN 32

/* "<dir>/<name>"; an assertion holds the length, which the daemon checked when it started. */
char *vmm_path(char out[static VMM_PATH_LEN], const char *dir, const char *name);

/* One run of QEMU: the content of launch.json. */
struct vmm_launch {
    char id[VMM_LAUNCH_ID_LEN + 1]; /* empty: none */
    bool kvm;
    int64_t started_at_ms;
    struct ds_proc_id qemu;   /* pid 0: not (yet) started */
    struct ds_proc_id simtee; /* likewise */
};

/* What a request brings beside the manifest; p == NULL: none. */
struct vmm_files {
    struct ds_span app_compose, encrypted_env, user_config, instance_info;
};

DS_MUST_USE int vmm_dir_create(const char *dir, const struct vmm_manifest *m, bool started,
                               const struct vmm_files *files, struct ds_error *e);
/* Replace the files that are given, and the manifest: all of them or, after a crash, none. */
DS_MUST_USE int vmm_dir_update(const char *dir, const struct vmm_manifest *m,
                               const struct vmm_files *files, struct ds_error *e);
/* What the directory says, when an update that was cut short after it became final is finished. */
DS_MUST_USE int vmm_dir_load(struct vmm_manifest *ret, bool *ret_started, const char *dir,
                             struct ds_error *e);
DS_MUST_USE int vmm_dir_save_state(const char *dir, bool started, struct ds_error *e);
DS_MUST_USE int vmm_dir_save_instance(const char *dir, struct ds_span json, struct ds_error *e);

/* Hex of app-compose.json's SHA-256, and the instance id that the guest told; empty when unknown. */
DS_MUST_USE int vmm_dir_identity(char ret_compose_hash[static 65], char ret_instance_id[static 41],
                                 const char *dir, struct ds_error *e);

/* args: the command line, for people; may be NULL. */
DS_MUST_USE int vmm_dir_save_launch(const char *dir, const struct vmm_launch *launch,
                                    const struct vmm_args *args, struct ds_error *e);
/* No launch.json, or an unreadable one, is an empty launch. */
void vmm_dir_load_launch(struct vmm_launch *ret, const char *dir);

/* Write .sys-config.json and make shared.tar of the files that are there. */
DS_MUST_USE int vmm_dir_share(const char *dir, struct ds_span sys_config, struct ds_error *e);

/* Make hda.img, or grow it to the size wanted. */
DS_MUST_USE int vmm_dir_disk(const char *dir, uint32_t disk_gib, const char *qemu_img,
                             struct ds_error *e);

/* From here on the VM is gone, whenever the rest of the removal happens. */
DS_MUST_USE int vmm_dir_mark_removed(const char *dir, struct ds_error *e);
/* Remove the directory; cut short, it is a leftover. */
DS_MUST_USE int vmm_dir_remove(const char *dir, struct ds_error *e);
/* Marked, or never finished. err: SYS  it cannot be told: leave it alone */
DS_MUST_USE int vmm_dir_is_leftover(bool *ret, const char *dir, struct ds_error *e);
