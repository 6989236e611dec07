/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine while it runs: its process, its helper, its channel, and what
 * happens when it ends. A null machine has no process; it plays the script that
 * stands in its user config: {"exit_after_ms": n} ends it, {"exits": n} so
 * often and no more, {"ready_after_ms": n} makes it ready.
 */
#include <signal.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/file.h"
#include "vmm/channel.h"
#include "vmm/qmp.h"
#include "vmm/vm_private.h"

#define SCRIPT_MAX ((size_t)64 << 10)

static void drop_event(struct net_event **ev)
{
    if (*ev != NULL)
        net_event_free(*ev);
    *ev = NULL;
}

void vm_run_release(struct vmm_vm *vm)
{
    drop_event(&vm->exited);
    drop_event(&vm->simtee_exited);
    drop_event(&vm->restart);
    drop_event(&vm->kill);
    drop_event(&vm->script);
    vmm_qmp_close(vm->qmp);
    vm->qmp = NULL;
    vmm_channel_stop(vm->channel);
    vmm_launched_done(&vm->run);
}

static void machine_ended(struct vmm_vm *vm, const char *how)
{
    vm->running = false;
    /* Its last word may still wait in the socket, and tells a power-off from a crash. */
    vmm_qmp_drain(vm->qmp);
    vm->exited_at_ms = ds_clock_now_s() * 1000;
    /* Only a machine that ran counts here: a start that failed has no time of its own. */
    if (vm->exited_at_ms - vm->started_at_ms >= (int64_t)vm->vmm->cfg.restart_healthy_s * 1000)
        vm->n_restarts = 0;
    (void)snprintf(vm->exit_text, sizeof vm->exit_text, "%s", how);
    vmm_progress_event(&vm->progress, "vmm.exited", how, vm->exited_at_ms);
    vm_log(vm, DS_LOG_INFO, "vm.exited", NULL);
    ds_proc_done(&vm->ended_simtee);
    vm->ended_simtee = vm->run.simtee;
    vm->run.simtee = (struct ds_proc){ .pidfd = -1 };
    vm_run_release(vm);
    if (!vm_job_wake(vm))
        vm_job_exited(vm);
}

static void on_exited(void *arg, unsigned what)
{
    struct vmm_vm *vm = arg;
    struct ds_proc_exit ended = { 0 };
    char how[64] = "ended";
    (void)what;
    /* Not our child after an adoption: then only that it ended is known. */
    if (ds_proc_wait(&ended, &vm->run.qemu, 0, NULL) == DS_OK && !ended.ended)
        return;
    if (ended.known)
        (void)snprintf(how, sizeof how,
                       ended.status > 128 ? "killed by signal %d" : "exit status %d",
                       ended.status > 128 ? ended.status - 128 : ended.status);
    machine_ended(vm, how);
}

static void on_simtee_exited(void *arg, unsigned what)
{
    struct vmm_vm *vm = arg;
    struct ds_proc_exit ended;
    (void)what;
    if (ds_proc_wait(&ended, &vm->run.simtee, 0, NULL) == DS_OK && !ended.ended)
        return;
    drop_event(&vm->simtee_exited);
    ds_proc_done(&vm->run.simtee);
    vm->run.simtee.pidfd = -1;
    vm_log(vm, DS_LOG_WARN, "vm.simtee_exited", NULL);
    vm_job_resume_simtee(vm);
}

static int watch_simtee(struct vmm_vm *vm, struct ds_error *e)
{
    if (vm->run.simtee.pidfd < 0)
        return DS_OK;
    return net_event_fd(&vm->simtee_exited, vm->vmm->loop, vm->run.simtee.pidfd, NET_READ,
                        on_simtee_exited, vm, e);
}

void vm_run_set_simtee(struct vmm_vm *vm, struct ds_proc *simtee)
{
    struct ds_error e = { 0 };
    vm->run.simtee = *simtee;
    *simtee = (struct ds_proc){ .pidfd = -1 };
    vm->run.launch.simtee = vm->run.simtee.id;
    if (watch_simtee(vm, &e) < 0)
        vm_log(vm, DS_LOG_ERROR, "vm.watch_failed", &e);
}

static void on_kill(void *arg, unsigned what)
{
    struct vmm_vm *vm = arg;
    (void)what;
    if (vm->running && ds_proc_kill(&vm->run.qemu, SIGKILL, NULL) == DS_OK)
        vm_log(vm, DS_LOG_WARN, "vm.killed", NULL);
}

static void on_null_ended(void *arg, unsigned what)
{
    (void)what;
    machine_ended(arg, "ended by its script");
}

/* From a callback of its own, as a process's end would come. */
static void null_end_soon(struct vmm_vm *vm, int64_t delay_ms)
{
    drop_event(&vm->exited);
    if (net_event_timer(&vm->exited, vm->vmm->loop, on_null_ended, vm, NULL) < 0 ||
        net_event_after(vm->exited, delay_ms, NULL) < 0)
        vm_log(vm, DS_LOG_ERROR, "vm.watch_failed", NULL);
}

void vm_run_end(struct vmm_vm *vm)
{
    struct ds_error e = { 0 };
    if (!vm->m.machine->has_qemu) {
        null_end_soon(vm, 0);
        return;
    }
    if (ds_proc_kill(&vm->run.qemu, SIGTERM, &e) < 0)
        vm_log(vm, DS_LOG_ERROR, "vm.kill_failed", &e);
    if (vm->kill == NULL && net_event_timer(&vm->kill, vm->vmm->loop, on_kill, vm, &e) < 0)
        vm_log(vm, DS_LOG_ERROR, "vm.kill_failed", &e);
    if (vm->kill != NULL &&
        net_event_after(vm->kill, (int64_t)vm->vmm->cfg.stop_grace_s * 1000, &e) < 0)
        vm_log(vm, DS_LOG_ERROR, "vm.kill_failed", &e);
}

static void on_null_ready(void *arg, unsigned what)
{
    struct vmm_vm *vm = arg;
    bool instance;
    (void)what;
    if (vmm_progress_notify(&vm->progress, &instance, "app.ready", (struct ds_span){ 0 },
                            ds_clock_now_s() * 1000, NULL) < 0)
        vm_log(vm, DS_LOG_WARN, "vm.notify_refused", NULL);
}

/* One small file, read on the loop: this kind exists for tests alone. */
static void play_script(struct vmm_vm *vm)
{
    char path[VMM_PATH_LEN];
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    const char *name = vmm_share_rows[VMM_SHARE_USER_CONFIG].name;
    if (ds_file_load(&json, vmm_path(path, vm->dir, name), SCRIPT_MAX, NULL) < 0)
        return;
    yyjson_doc *doc = yyjson_read(json.p, json.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *exit_after = yyjson_obj_get(root, "exit_after_ms");
    yyjson_val *exits = yyjson_obj_get(root, "exits");
    yyjson_val *ready = yyjson_obj_get(root, "ready_after_ms");
    if (yyjson_is_uint(exit_after) &&
        (!yyjson_is_uint(exits) || vm->n_restarts < yyjson_get_uint(exits)))
        null_end_soon(vm, (int64_t)(yyjson_get_uint(exit_after) % 86400000));
    if (yyjson_is_uint(ready) &&
        (net_event_timer(&vm->script, vm->vmm->loop, on_null_ready, vm, NULL) < 0 ||
         net_event_after(vm->script, (int64_t)(yyjson_get_uint(ready) % 86400000), NULL) < 0))
        vm_log(vm, DS_LOG_WARN, "vm.script_failed", NULL);
    yyjson_doc_free(doc);
}

static int watch_machine(struct vmm_vm *vm, struct ds_error *e)
{
    DS_TRY(
        net_event_fd(&vm->exited, vm->vmm->loop, vm->run.qemu.pidfd, NET_READ, on_exited, vm, e));
    DS_TRY(watch_simtee(vm, e));
    vmm_channel_start(vm->channel);
    vm->qmp = vmm_qmp_open(vm);
    return DS_OK;
}

void vm_run_begin(struct vmm_vm *vm, struct vmm_launched *l)
{
    struct ds_error e = { 0 };
    vm->run = *l;
    *l = VMM_LAUNCHED_NONE;
    vm->running = true;
    vm->started_at_ms = vm->run.launch.started_at_ms;
    vm_log(vm, DS_LOG_INFO, "vm.running", NULL);
    if (!vm->m.machine->has_qemu)
        play_script(vm);
    else if (watch_machine(vm, &e) < 0)
        vm_log(vm, DS_LOG_ERROR, "vm.watch_failed", &e);
}

static void on_restart(void *arg, unsigned what)
{
    struct vmm_vm *vm = arg;
    (void)what;
    drop_event(&vm->restart);
    vmm_vm_start(vm, NULL);
}

void vm_run_cancel_restart(struct vmm_vm *vm) { drop_event(&vm->restart); }

static int64_t backoff_ms(const struct vmm_cfg *cfg, unsigned n)
{
    uint64_t wait_s = cfg->restart_backoff_s;
    for (unsigned i = 0; i < n && wait_s < cfg->restart_backoff_max_s; i++)
        wait_s *= 2;
    if (wait_s > cfg->restart_backoff_max_s)
        wait_s = cfg->restart_backoff_max_s;
    return (int64_t)wait_s * 1000;
}

void vm_run_restart(struct vmm_vm *vm)
{
    const struct vmm_cfg *cfg = &vm->vmm->cfg;
    struct ds_error e = { 0 };
    if (!vm->started || vm->removing || vm->running || vm->vmm->ending || !cfg->restart)
        return;
    if (vm->n_restarts >= cfg->restart_retries) {
        vmm_progress_event(&vm->progress, "vmm.auto_restart.exhausted", vm->exit_text,
                           vm->exited_at_ms);
        vm_log(vm, DS_LOG_ERROR, "vm.restarts_exhausted", NULL);
        return;
    }
    if (net_event_timer(&vm->restart, vm->vmm->loop, on_restart, vm, &e) < 0 ||
        net_event_after(vm->restart, backoff_ms(cfg, vm->n_restarts), &e) < 0)
        vm_log(vm, DS_LOG_ERROR, "vm.restart_failed", &e);
    vm->n_restarts++;
}
