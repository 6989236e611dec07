/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the VMM does for a VM unasked: note the end of its machine, find it again
 * after a restart of the daemon, put a new helper in the place of one that died,
 * and keep what the guest says of its instance.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "vmm/vm_job.h"

#define SIMTEE_END_MS 10000
#define SERIAL_TAIL   ((size_t)256 << 10)

void vm_job_take_simtee(struct vm_job *j)
{
    j->simtee = j->vm->ended_simtee;
    j->vm->ended_simtee = (struct ds_proc){ .pidfd = -1 };
}

int vm_job_end_simtee(struct vm_job *j)
{
    struct ds_proc_exit ended = { 0 };
    if (j->simtee.pidfd < 0 ||
        (ds_proc_wait(&ended, &j->simtee, SIMTEE_END_MS, NULL) == DS_OK && ended.ended))
        return DS_OK;
    return ds_proc_stop(&ended, &j->simtee, 0, &j->e);
}

static void instance_work(struct vm_job *j)
{
    j->r = vmm_dir_save_instance(j->vm->dir, ds_buf_span(&j->text), &j->e);
}

static enum vm_job_next exited_begin(struct vm_job *j)
{
    j->powering_off = j->vm->progress.powering_off;
    vm_job_take_simtee(j);
    return VM_JOB_WORK;
}

/* The end of the console; nothing when it cannot be read. */
static void load_console(struct ds_buf *ret, const char *dir)
{
    char path[VMM_PATH_LEN];
    struct stat st;
    DS_AUTO(ds_auto_close)
    int fd = open(vmm_path(path, dir, VMM_FILE_SERIAL), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *room = fd >= 0 && fstat(fd, &st) == 0 ? ds_buf_room(ret, SERIAL_TAIL) : NULL;
    if (room == NULL)
        return;
    off_t at = st.st_size > (off_t)SERIAL_TAIL ? st.st_size - (off_t)SERIAL_TAIL : 0;
    ssize_t n = pread(fd, room, SERIAL_TAIL, at);
    ds_buf_took(ret, n > 0 ? (size_t)n : 0);
}

static void exited_work(struct vm_job *j)
{
    static const struct vmm_launch none;
    int r = vm_job_end_simtee(j);
    j->r = vmm_dir_save_launch(j->vm->dir, &none, NULL, &j->e);
    if (j->r == DS_OK && j->powering_off)
        j->r = vmm_dir_save_state(j->vm->dir, false, &j->e);
    if (j->r == DS_OK)
        j->r = r;
    load_console(&j->text, j->vm->dir);
}

/* It ended for good before its app ran, and nobody said why: the console's last line may. */
static void blame_console(struct vmm_vm *vm, struct ds_span console)
{
    struct ds_error e = { 0 };
    struct ds_span line;
    char last[128] = "";
    while (ds_span_line(&console, &line))
        if (line.len > 1)
            (void)snprintf(last, sizeof last, "%.*s", (int)(line.len < 120 ? line.len : 120),
                           (const char *)line.p);
    (void)ds_fail_code(&e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_BOOT_ENDED,
                       "the machine ended before the app ran (%s); last on its console: %s",
                       vm->exit_text, last);
    vmm_progress_fail(&vm->progress, &e);
}

static enum vm_job_next exited_after(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    bool unasked = vm->started && !vm->removing;
    if (!vm->progress.ready)
        vmm_progress_console(&vm->progress, ds_buf_span(&j->text));
    if (j->powering_off)
        vm->started = false;
    vm_run_restart(vm);
    if (unasked && vm->restart == NULL && !vm->progress.ready &&
        vm->progress.failure.text[0] == '\0')
        blame_console(vm, ds_buf_span(&j->text));
    return VM_JOB_DONE;
}

static void adopt_work(struct vm_job *j)
{
    j->r = vmm_launch_adopt(&j->launched, &j->vm->vmm->host, &j->rq.m, j->vm->dir, &j->e);
}

static enum vm_job_next adopt_begin(struct vm_job *j)
{
    j->rq.m = j->vm->m;
    j->vm->launching = true;
    return VM_JOB_WORK;
}

static enum vm_job_next adopt_after(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    vm->launching = false;
    if (j->r == DS_OK && j->launched.is_running) {
        vm_log(vm, DS_LOG_INFO, "vm.adopted", NULL);
        vm_run_begin(vm, &j->launched);
        /* Its stop was noted, and we died before it was done. */
        if (!vm->started)
            vm_run_end(vm);
    } else if (vm->started) {
        vmm_vm_start(vm, NULL);
    }
    return VM_JOB_DONE;
}

static enum vm_job_next resume_begin(struct vm_job *j)
{
    j->launch = j->vm->run.launch;
    return j->vm->running ? VM_JOB_WORK : VM_JOB_DONE;
}

static void resume_work(struct vm_job *j)
{
    j->r = vmm_launch_resume_simtee(&j->simtee, &j->vm->vmm->host, j->vm->dir, &j->launch, &j->e);
}

static enum vm_job_next resume_after(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    if (!vm->running || strcmp(vm->run.launch.id, j->launch.id) != 0) {
        /* The machine ended meanwhile: the job that notes it comes next and waits for the helper. */
        if (j->r == DS_OK) {
            ds_proc_done(&vm->ended_simtee);
            vm->ended_simtee = j->simtee;
            j->simtee = (struct ds_proc){ .pidfd = -1 };
        }
        return VM_JOB_DONE;
    }
    if (j->r < 0) {
        vmm_progress_event(&vm->progress, "vmm.simtee_lost", j->e.msg, ds_clock_now_s() * 1000);
        vm_run_end(vm);
        return VM_JOB_DONE;
    }
    vm_run_set_simtee(vm, &j->simtee);
    return VM_JOB_DONE;
}

/* clang-format off */
static const struct vm_job_row instance_row = { "vm.instance", NULL, instance_work, NULL, NULL, NULL, true };
static const struct vm_job_row exited_row   = { "vm.exited", exited_begin, exited_work, exited_after, NULL, NULL, false };
static const struct vm_job_row adopt_row    = { "vm.adopt", adopt_begin, adopt_work, adopt_after, NULL, NULL, false };
static const struct vm_job_row resume_row   = { "vm.resume_simtee", resume_begin, resume_work, resume_after, NULL, NULL, false };
/* clang-format on */

void vm_job_exited(struct vmm_vm *vm)
{
    struct vm_job *j = vm_job_new(vm, &exited_row, NULL);
    if (j != NULL)
        vm_job_add_next(j);
}

void vm_job_adopt(struct vmm_vm *vm) { vm_job_submit(vm, &adopt_row, NULL); }
void vm_job_resume_simtee(struct vmm_vm *vm) { vm_job_submit(vm, &resume_row, NULL); }

void vmm_vm_save_instance(struct vmm_vm *vm, struct ds_span json)
{
    struct vm_job *j = vm_job_new(vm, &instance_row, NULL);
    if (j == NULL)
        return;
    ds_buf_add(&j->text, json);
    vm_job_add(j);
}
