/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callers ask of a VM: make it, change it, start, stop and remove it.
 */
#include "base/clock.h"
#include "base/hex.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "vmm/request.h"
#include "vmm/vm_job.h"

static struct vmm_files files_of(const struct vm_request *rq)
{
    struct vmm_files f = { 0 };
    if (rq->app_compose != NULL)
        f.app_compose = DS_SPAN(rq->app_compose, rq->app_compose_len);
    if (rq->user_config != NULL)
        f.user_config = DS_SPAN(rq->user_config, rq->user_config_len);
    if (rq->encrypted_env != NULL)
        f.encrypted_env = DS_SPAN(rq->encrypted_env, rq->encrypted_env_len);
    return f;
}

static bool reply_id(struct vm_job *j)
{
    yyjson_mut_doc *doc = rpc_call_doc(j->call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    (void)yyjson_mut_obj_add_strcpy(doc, root, "id", j->vm->m.id);
    rpc_call_reply(j->call, root);
    return true;
}

/* The seed of the instance is there before the first boot: the disk's key depends on it, and a
 * boot that is cut short must find the same disk with the same key. */
static int instance_info(char out[static 160], const char *app_id, struct ds_error *e)
{
    uint8_t seed20[20];
    DS_TRY(ds_rand(seed20, sizeof seed20, e));
    (void)snprintf(out, 160, "{\"instance_id_seed\":\"%.40s\",\"app_id\":\"%.40s\"}",
                   DS_HEX(DS_SPAN_OF(seed20)), app_id);
    return DS_OK;
}

static void create_work(struct vm_job *j)
{
    struct vmm_files files = files_of(&j->rq);
    char instance[160];
    j->r = instance_info(instance, j->rq.m.app_id, &j->e);
    if (j->r < 0)
        return;
    files.instance_info = ds_span_str(instance);
    j->r = vmm_dir_create(j->vm->dir, &j->rq.m, j->rq.started, &files, &j->e);
    /* What is left of a failed one has no manifest: the next start clears it if this fails. */
    if (j->r < 0)
        (void)(vmm_dir_remove(j->vm->dir, NULL) == DS_OK);
}

static enum vm_job_next create_after(struct vm_job *j)
{
    j->removed = j->r < 0;
    memcpy(j->vm->compose_hash, j->rq.compose_hash, sizeof j->vm->compose_hash);
    j->vm->started = j->rq.started;
    if (j->r == DS_OK && j->rq.started)
        vmm_vm_start(j->vm, NULL);
    return VM_JOB_DONE;
}

/* Read only now: an update changes what the one before it left. */
static enum vm_job_next update_begin(struct vm_job *j)
{
    j->r = vmm_request_update(&j->rq, j->vm, rpc_call_params(j->call), &j->e);
    if (j->r < 0)
        return VM_JOB_DONE;
    const struct vmm_manifest *a = &j->vm->m;
    const struct vmm_manifest *b = &j->rq.m;
    bool resources = a->vcpu != b->vcpu || a->memory_mib != b->memory_mib ||
                     a->disk_gib != b->disk_gib || strcmp(a->image, b->image) != 0;
    if (!resources || !j->vm->running) {
        j->vm->becoming = &j->rq.m;
        return VM_JOB_WORK;
    }
    j->r = ds_refuse(&j->e, DS_ERR_ARG, DS_CODE_VMM_VM_RUNNING, "status", "stopped or exited",
                     vmm_vm_status(j->vm), NULL);
    return VM_JOB_DONE;
}

static void update_work(struct vm_job *j)
{
    struct vmm_files files = files_of(&j->rq);
    j->r = vmm_dir_update(j->vm->dir, &j->rq.m, &files, &j->e);
}

static enum vm_job_next update_after(struct vm_job *j)
{
    j->vm->becoming = NULL;
    if (j->r == DS_OK)
        j->vm->m = j->rq.m;
    if (j->r == DS_OK)
        memcpy(j->vm->compose_hash, j->rq.compose_hash, sizeof j->vm->compose_hash);
    return VM_JOB_DONE;
}

static bool update_reply(struct vm_job *j)
{
    char id[41] = "";
    if (j->rq.app_compose != NULL)
        memcpy(id, j->rq.compose_hash, sizeof id - 1);
    yyjson_mut_doc *doc = rpc_call_doc(j->call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    (void)yyjson_mut_obj_add_strcpy(doc, root, "id", id);
    rpc_call_reply(j->call, root);
    return true;
}

static enum vm_job_next start_begin(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    /* A start of ours is no longer wanted when a stop came before it. */
    if (vm->running || vm->vmm->ending || (j->call == NULL && !vm->started))
        return VM_JOB_DONE;
    vm_run_cancel_restart(vm);
    vm->launching = true;
    vm->started = true;
    vm->exit_text[0] = '\0';
    if (j->call != NULL)
        vm->n_restarts = 0;
    j->rq.m = vm->m;
    vmm_progress_restart(&vm->progress, j->call != NULL);
    return VM_JOB_WORK;
}

static void start_work(struct vm_job *j)
{
    j->r = vmm_dir_save_state(j->vm->dir, true, &j->e);
    if (j->r == DS_OK)
        j->r = vmm_launch_start(&j->launched, &j->vm->vmm->host, &j->rq.m, j->vm->dir, &j->e);
}

static enum vm_job_next start_after(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    vm->launching = false;
    if (j->r == DS_OK) {
        vm_run_begin(vm, &j->launched);
        return VM_JOB_DONE;
    }
    vm->exited_at_ms = ds_clock_now_s() * 1000;
    (void)snprintf(vm->exit_text, sizeof vm->exit_text, "%.150s", j->e.msg);
    vmm_progress_fail(&vm->progress, &j->e);
    /* Who asked for the start is told; a restart of ours tries again later. */
    if (j->call == NULL)
        vm_run_restart(vm);
    return VM_JOB_DONE;
}

static enum vm_job_next stop_begin(struct vm_job *j)
{
    vm_run_cancel_restart(j->vm);
    j->vm->started = false;
    return VM_JOB_WORK;
}

static void stop_work(struct vm_job *j) { j->r = vmm_dir_save_state(j->vm->dir, false, &j->e); }

static enum vm_job_next stop_after(struct vm_job *j)
{
    if (j->r < 0 || !j->vm->running)
        return VM_JOB_DONE;
    vm_run_end(j->vm);
    return VM_JOB_WAIT;
}

/* The machine ended: note it as if it had by itself, behind this job. */
static enum vm_job_next stop_ended(struct vm_job *j)
{
    vm_job_exited(j->vm);
    return VM_JOB_DONE;
}

static enum vm_job_next remove_begin(struct vm_job *j)
{
    vm_run_cancel_restart(j->vm);
    j->vm->removing = true;
    return VM_JOB_WORK;
}

/* Twice: first the mark that makes it final, then, when the machine ended, the rest. */
static void remove_work(struct vm_job *j)
{
    if (!j->started) {
        j->r = vmm_dir_mark_removed(j->vm->dir, &j->e);
        return;
    }
    j->r = vm_job_end_simtee(j);
    if (j->r == DS_OK)
        j->r = vmm_dir_remove(j->vm->dir, &j->e);
}

static enum vm_job_next remove_ended(struct vm_job *j)
{
    j->started = true;
    vm_job_take_simtee(j);
    return VM_JOB_WORK;
}

static enum vm_job_next remove_after(struct vm_job *j)
{
    if (j->r < 0 && !j->started) {
        j->vm->removing = false;
        return VM_JOB_DONE;
    }
    /* What could not be removed stays in the list, as that: RemoveVm can be asked again. */
    if (j->started) {
        j->removed = j->r == DS_OK;
        return VM_JOB_DONE;
    }
    if (!j->vm->running)
        return remove_ended(j);
    vm_run_end(j->vm);
    return VM_JOB_WAIT;
}

/* clang-format off */
static const struct vm_job_row create_row   = { "vm.create", NULL, create_work, create_after, NULL, reply_id, false };
static const struct vm_job_row update_row   = { "vm.update", update_begin, update_work, update_after, NULL, update_reply, false };
static const struct vm_job_row start_row    = { "vm.start", start_begin, start_work, start_after, NULL, NULL, false };
static const struct vm_job_row stop_row     = { "vm.stop", stop_begin, stop_work, stop_after, stop_ended, NULL, false };
static const struct vm_job_row remove_row   = { "vm.remove", remove_begin, remove_work, remove_after, remove_ended, NULL, false, true };
/* clang-format on */

void vmm_vm_create(struct vmm *vmm, struct vm_request *rq, struct rpc_call *call)
{
    struct ds_error e = { 0 };
    struct vmm_vm *vm = vm_new(vmm, &rq->m);
    struct vm_job *j = vm != NULL ? vm_job_new(vm, &create_row, call) : NULL;
    if (j == NULL || vm_list_add(vmm, vm, &e) < 0) {
        (void)ds_fail(&e, DS_ERR_NOMEM, "VM");
        rpc_call_fail(call, &e);
        vm_request_done(rq);
        vm_free(vm);
        free(j);
        return;
    }
    j->rq = *rq;
    *rq = (struct vm_request){ 0 };
    vm_job_add(j);
}

void vmm_vm_update(struct vmm_vm *vm, struct rpc_call *call)
{
    vm_job_submit(vm, &update_row, call);
}
void vmm_vm_start(struct vmm_vm *vm, struct rpc_call *call) { vm_job_submit(vm, &start_row, call); }
void vmm_vm_stop(struct vmm_vm *vm, struct rpc_call *call) { vm_job_submit(vm, &stop_row, call); }
void vmm_vm_remove(struct vmm_vm *vm, struct rpc_call *call)
{
    vm_job_submit(vm, &remove_row, call);
}
