/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of VMs, and what is known of each.
 */
#include "vmm/vm.h"

#include <dirent.h>
#include <errno.h>

#include "base/clock.h"
#include "base/file.h"
#include "vmm/channel.h"
#include "vmm/vm_private.h"

void vm_log(const struct vmm_vm *vm, enum ds_log_level level, const char *event,
            const struct ds_error *why)
{
    if (why == NULL)
        ds_log(&vm->vmm->log, level, event, "id", vm->m.id, "name", vm->m.name);
    else
        ds_log(&vm->vmm->log, level, event, "id", vm->m.id, "name", vm->m.name, "code",
               ds_code_info_get(why->code)->id, "err", why->msg);
}

struct vmm_vm *vm_new(struct vmm *vmm, const struct vmm_manifest *m)
{
    struct vmm_vm *vm = calloc(1, sizeof *vm);
    if (vm == NULL)
        return NULL;
    vm->vmm = vmm;
    vm->m = *m;
    vm->run = VMM_LAUNCHED_NONE;
    vm->ended_simtee.pidfd = -1;
    (void)vmm_path(vm->dir, vmm->places.vms, m->id);
    vm->channel = vmm_channel_new(vm);
    if (vm->channel == NULL) {
        free(vm);
        return NULL;
    }
    return vm;
}

void vm_free(struct vmm_vm *vm)
{
    if (vm == NULL)
        return;
    vm_job_drop_all(vm);
    vm_run_release(vm);
    ds_proc_done(&vm->ended_simtee);
    vmm_channel_free(vm->channel);
    vmm_progress_done(&vm->progress);
    free(vm);
}

int vm_list_add(struct vmm *vmm, struct vmm_vm *vm, struct ds_error *e)
{
    if (vmm->n_vms == vmm->cap_vms) {
        size_t cap = vmm->cap_vms == 0 ? 16 : 2 * vmm->cap_vms;
        struct vmm_vm **grown = reallocarray(vmm->vms, cap, sizeof(struct vmm_vm *));
        if (grown == NULL)
            return ds_fail(e, DS_ERR_NOMEM, "list of VMs");
        vmm->vms = grown;
        vmm->cap_vms = cap;
    }
    /* By creation: a list that is read page by page stays in order. */
    size_t at = vmm->n_vms++;
    while (at > 0 && vmm->vms[at - 1]->m.created_at_ms > vm->m.created_at_ms) {
        vmm->vms[at] = vmm->vms[at - 1];
        at--;
    }
    vmm->vms[at] = vm;
    return DS_OK;
}

void vm_list_remove(struct vmm *vmm, struct vmm_vm *vm)
{
    size_t at = 0;
    while (at < vmm->n_vms && vmm->vms[at] != vm)
        at++;
    if (at == vmm->n_vms)
        return;
    vmm->n_vms--;
    for (; at < vmm->n_vms; at++)
        vmm->vms[at] = vmm->vms[at + 1];
}

struct vmm_vm *vmm_vm_find(struct vmm *vmm, const char *id)
{
    for (size_t i = 0; i < vmm->n_vms; i++)
        if (strcmp(vmm->vms[i]->m.id, id) == 0)
            return vmm->vms[i];
    return NULL;
}

const char *vmm_vm_status(const struct vmm_vm *vm)
{
    if (vm->removing)
        return "removing";
    if (vm->running || vm->launching)
        return vm->started ? "running" : "stopping";
    return vm->started ? "exited" : "stopped";
}

void vmm_vm_note_shutdown(struct vmm_vm *vm, const char *reason)
{
    if (strcmp(reason, "guest-shutdown") == 0)
        vm->progress.powering_off = true;
    vmm_progress_event(&vm->progress, "vmm.shutdown", reason, ds_clock_now_s() * 1000);
}

/* Nobody is answered yet: it may block. */
static void remove_leftover(struct vmm *vmm, const char *id, const char *dir)
{
    struct ds_error e = { 0 };
    if (vmm_launch_end(dir, &e) < 0 || vmm_dir_remove(dir, &e) < 0)
        ds_log(&vmm->log, DS_LOG_ERROR, "vm.remove_failed", "id", id, "err", e.msg);
    else
        ds_log(&vmm->log, DS_LOG_INFO, "vm.leftover_removed", "id", id);
}

static int load_vm(struct vmm *vmm, const char *id, const char *dir, struct ds_error *e)
{
    bool started = false;
    DS_AUTO(ds_auto_free) struct vmm_manifest *m = calloc(1, sizeof *m);
    if (m == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "VM");
    DS_TRY(vmm_dir_load(m, &started, dir, e));
    if (strcmp(m->id, id) != 0)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN,
                            "its manifest is of VM '%s'", m->id);
    struct vmm_vm *vm = vm_new(vmm, m);
    if (vm == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "VM");
    int r = vm_list_add(vmm, vm, e);
    if (r < 0) {
        vm_free(vm);
        return r;
    }
    vm->started = started;
    /* Before the first request is answered: callers compare the hash with theirs. */
    if (vmm_dir_identity(vm->compose_hash, vm->progress.instance_id, dir, e) < 0)
        vm_log(vm, DS_LOG_ERROR, "vm.load_failed", e);
    vm_job_adopt(vm);
    return DS_OK;
}

static void load_one(struct vmm *vmm, const char *id)
{
    char dir[VMM_PATH_LEN];
    struct ds_error e = { 0 };
    bool is_leftover = false;
    int r = vmm_dir_is_leftover(&is_leftover, vmm_path(dir, vmm->places.vms, id), &e);
    if (is_leftover) {
        remove_leftover(vmm, id, dir);
        return;
    }
    if (r == DS_OK)
        r = load_vm(vmm, id, dir, &e);
    if (r < 0)
        ds_log(&vmm->log, DS_LOG_ERROR, "vm.load_failed", "id", id, "err", e.msg);
}

static int is_vm_entry(const struct dirent *d)
{
    return vmm_id_is_valid(ds_span_str(d->d_name)) ? 1 : 0;
}

int vmm_vm_load_all(struct vmm *vmm, struct ds_error *e)
{
    struct dirent **entries = NULL;
    int n = scandir(vmm->places.vms, &entries, is_vm_entry, alphasort);
    if (n < 0)
        return ds_fail_errno(e, errno, "read directory '%s'", vmm->places.vms);
    for (int i = 0; i < n; i++) {
        load_one(vmm, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return DS_OK;
}

void vmm_vm_release_all(struct vmm *vmm)
{
    for (size_t i = 0; i < vmm->n_vms; i++)
        vm_free(vmm->vms[i]);
    free(vmm->vms);
    vmm->vms = NULL;
    vmm->n_vms = vmm->cap_vms = 0;
}
