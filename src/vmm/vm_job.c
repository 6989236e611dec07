/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of a VM, as rows: what is checked on the loop, what is done in the pool,
 * and what follows on the loop. A job that has to wait for the machine's end
 * stays current until vm_job_wake.
 */
#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "vmm/channel.h"
#include "vmm/vm_private.h"

#define JOBS_MAX      16
#define SIMTEE_END_MS 10000
#define SERIAL_TAIL   ((size_t)256 << 10)

enum next {
    NEXT_DONE, /* the job is complete: answer with its result */
    NEXT_WORK, /* its work goes to the pool */
    NEXT_WAIT, /* the machine must end first */
};

struct job_row {
    const char *name;
    enum next (*begin)(struct vm_job *j); /* on the loop; may set j->r. NULL: NEXT_WORK */
    void (*work)(struct vm_job *j);       /* in the pool, on the job alone; sets j->r */
    enum next (*after)(struct vm_job *j); /* on the loop; NULL: NEXT_DONE */
    /* On the loop, when the machine ended: like `after`. */
    enum next (*ended)(struct vm_job *j);
    bool (*reply)(struct vm_job *j); /* answer the call in its own words; NULL: {} */
    bool may_drop;                   /* a guest asks for it: not without a bound */
};

struct vm_job {
    struct vm_job *next;
    struct vmm_vm *vm;
    const struct job_row *row;
    struct rpc_call *call; /* NULL: nobody waits for it */
    struct vm_request rq;
    struct ds_buf text; /* instance info in; serial tail out */
    struct vmm_launch launch;
    struct vmm_launched launched;
    struct ds_proc simtee;
    bool waiting; /* for the machine's end */
    bool started, powering_off, removed;
    int r;
    struct ds_error e;
};

void vm_request_done(struct vm_request *rq)
{
    free(rq->app_compose);
    free(rq->user_config);
    free(rq->encrypted_env);
    *rq = (struct vm_request){ 0 };
}

static void job_free(struct vm_job *j)
{
    vm_request_done(&j->rq);
    ds_buf_done(&j->text);
    vmm_launched_done(&j->launched);
    ds_proc_done(&j->simtee);
    free(j);
}

static void answer(struct vm_job *j)
{
    if (j->r < 0)
        vm_log(j->vm, DS_LOG_WARN, j->row->name, &j->e);
    if (j->call == NULL)
        return;
    if (j->r < 0)
        rpc_call_fail(j->call, &j->e);
    else if (j->row->reply == NULL || !j->row->reply(j))
        rpc_call_reply(j->call, NULL);
}

static void job_run(struct vm_job *j);

/* The current job is over; its VM may be, too. */
static void job_end(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    bool removed = j->removed;
    answer(j);
    assert(vm->jobs == j);
    vm->jobs = j->next;
    job_free(j);
    while (removed && vm->jobs != NULL) {
        struct vm_job *late = vm->jobs;
        late->r = ds_fail_code(&late->e, DS_ERR_NOTFOUND, DS_CODE_VMM_VM_NOT_FOUND,
                               "VM '%s' was removed", vm->m.id);
        answer(late);
        vm->jobs = late->next;
        job_free(late);
    }
    if (removed) {
        vm_list_remove(vm->vmm, vm);
        vm_free(vm);
        return;
    }
    if (vm->jobs != NULL)
        job_run(vm->jobs);
}

static void pool_work(void *arg)
{
    struct vm_job *j = arg;
    j->row->work(j);
}

static void pool_done(void *arg);

static void job_next(struct vm_job *j, enum next next)
{
    j->waiting = next == NEXT_WAIT;
    if (next == NEXT_WORK) {
        int r = net_pool_submit(j->vm->vmm->pool, pool_work, pool_done, j, &j->e);
        if (r == DS_OK)
            return;
        j->r = r;
        next = NEXT_DONE;
    }
    if (next == NEXT_DONE)
        job_end(j);
}

static void pool_done(void *arg)
{
    struct vm_job *j = arg;
    job_next(j, j->row->after != NULL ? j->row->after(j) : NEXT_DONE);
}

static void job_run(struct vm_job *j)
{
    job_next(j, j->row->begin != NULL ? j->row->begin(j) : NEXT_WORK);
}

bool vm_job_wake(struct vmm_vm *vm)
{
    struct vm_job *j = vm->jobs;
    if (j == NULL || !j->waiting)
        return false;
    job_next(j, j->row->ended(j));
    return true;
}

static struct vm_job *job_new(struct vmm_vm *vm, const struct job_row *row, struct rpc_call *call)
{
    struct vm_job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    j->vm = vm;
    j->row = row;
    j->call = call;
    j->launched = VMM_LAUNCHED_NONE;
    j->simtee.pidfd = -1;
    return j;
}

/* Behind the current job: what follows must find the machine's end noted. */
static void job_add_next(struct vm_job *j)
{
    struct vm_job **at = &j->vm->jobs;
    bool idle = *at == NULL;
    if (!idle)
        at = &(*at)->next;
    j->next = *at;
    *at = j;
    if (idle)
        job_run(j);
}

static void job_add(struct vm_job *j)
{
    struct vm_job **last = &j->vm->jobs;
    bool idle = *last == NULL;
    size_t n = 0;
    for (; *last != NULL; last = &(*last)->next)
        n++;
    if (n >= JOBS_MAX && (j->call != NULL || j->row->may_drop)) {
        j->r = ds_fail_code(&j->e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_BUSY,
                            "%zu requests for VM '%s' wait already", n, j->vm->m.id);
        answer(j);
        job_free(j);
        return;
    }
    *last = j;
    if (idle)
        job_run(j);
}

void vm_job_drop_all(struct vmm_vm *vm)
{
    while (vm->jobs != NULL) {
        struct vm_job *j = vm->jobs;
        j->r = ds_fail_code(&j->e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_BUSY, "the VMM is ending");
        answer(j);
        vm->jobs = j->next;
        job_free(j);
    }
}

static void submit(struct vmm_vm *vm, const struct job_row *row, struct rpc_call *call)
{
    struct vm_job *j = job_new(vm, row, call);
    struct ds_error e = { 0 };
    if (j != NULL) {
        job_add(j);
        return;
    }
    (void)ds_fail(&e, DS_ERR_NOMEM, "job");
    vm_log(vm, DS_LOG_ERROR, row->name, &e);
    if (call != NULL)
        rpc_call_fail(call, &e);
}

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

static enum next create_after(struct vm_job *j)
{
    j->removed = j->r < 0;
    memcpy(j->vm->compose_hash, j->rq.compose_hash, sizeof j->vm->compose_hash);
    if (j->r == DS_OK && j->rq.started)
        vmm_vm_start(j->vm, NULL);
    return NEXT_DONE;
}

static enum next update_begin(struct vm_job *j)
{
    const struct vmm_manifest *a = &j->vm->m;
    const struct vmm_manifest *b = &j->rq.m;
    bool resources = a->vcpu != b->vcpu || a->memory_mib != b->memory_mib ||
                     a->disk_gib != b->disk_gib || strcmp(a->image, b->image) != 0;
    if (!resources || !j->vm->running)
        return NEXT_WORK;
    j->r = ds_refuse(&j->e, DS_ERR_ARG, DS_CODE_VMM_VM_RUNNING, "status", "stopped or exited",
                     vmm_vm_status(j->vm), NULL);
    return NEXT_DONE;
}

static void update_work(struct vm_job *j)
{
    struct vmm_files files = files_of(&j->rq);
    j->r = vmm_dir_update(j->vm->dir, &j->rq.m, &files, &j->e);
}

static enum next update_after(struct vm_job *j)
{
    if (j->r == DS_OK)
        j->vm->m = j->rq.m;
    if (j->r == DS_OK)
        memcpy(j->vm->compose_hash, j->rq.compose_hash, sizeof j->vm->compose_hash);
    return NEXT_DONE;
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

static enum next start_begin(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    if (vm->running || vm->vmm->ending)
        return NEXT_DONE;
    vm_run_cancel_restart(vm);
    vm->launching = true;
    vm->started = true;
    vm->exit_text[0] = '\0';
    if (j->call != NULL)
        vm->n_restarts = 0;
    j->rq.m = vm->m;
    vmm_progress_restart(&vm->progress, j->call != NULL);
    return NEXT_WORK;
}

static void start_work(struct vm_job *j)
{
    j->r = vmm_dir_save_state(j->vm->dir, true, &j->e);
    if (j->r == DS_OK)
        j->r = vmm_launch_start(&j->launched, &j->vm->vmm->host, &j->rq.m, j->vm->dir, &j->e);
}

static enum next start_after(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    vm->launching = false;
    if (j->r == DS_OK) {
        vm_run_begin(vm, &j->launched);
        return NEXT_DONE;
    }
    vm->exited_at_ms = ds_clock_now_s() * 1000;
    (void)snprintf(vm->exit_text, sizeof vm->exit_text, "%.150s", j->e.msg);
    vmm_progress_fail(&vm->progress, &j->e);
    /* Who asked for the start is told; a restart of ours tries again later. */
    if (j->call == NULL)
        vm_run_restart(vm);
    return NEXT_DONE;
}

static enum next stop_begin(struct vm_job *j)
{
    vm_run_cancel_restart(j->vm);
    j->vm->started = false;
    return NEXT_WORK;
}

static void stop_work(struct vm_job *j) { j->r = vmm_dir_save_state(j->vm->dir, false, &j->e); }

static enum next stop_after(struct vm_job *j)
{
    if (j->r < 0 || !j->vm->running)
        return NEXT_DONE;
    vm_run_end(j->vm);
    return NEXT_WAIT;
}

/* The machine ended: note it as if it had by itself, behind this job. */
static enum next stop_ended(struct vm_job *j)
{
    vm_job_exited(j->vm);
    return NEXT_DONE;
}

static enum next remove_begin(struct vm_job *j)
{
    vm_run_cancel_restart(j->vm);
    j->vm->removing = true;
    return NEXT_WORK;
}

/* The helper ends by itself when QEMU did; it is reaped here, and helped along if it hangs. */
static void take_simtee(struct vm_job *j)
{
    j->simtee = j->vm->ended_simtee;
    j->vm->ended_simtee = (struct ds_proc){ .pidfd = -1 };
}

static int end_simtee(struct vm_job *j)
{
    struct ds_proc_exit ended = { 0 };
    if (j->simtee.pidfd < 0 ||
        (ds_proc_wait(&ended, &j->simtee, SIMTEE_END_MS, NULL) == DS_OK && ended.ended))
        return DS_OK;
    return ds_proc_stop(&ended, &j->simtee, 0, &j->e);
}

/* Twice: first the mark that makes it final, then, when the machine ended, the rest. */
static void remove_work(struct vm_job *j)
{
    if (!j->started) {
        j->r = vmm_dir_mark_removed(j->vm->dir, &j->e);
        return;
    }
    j->r = end_simtee(j);
    if (j->r == DS_OK)
        j->r = vmm_dir_remove(j->vm->dir, &j->e);
}

static enum next remove_ended(struct vm_job *j)
{
    j->started = true;
    take_simtee(j);
    return NEXT_WORK;
}

static enum next remove_after(struct vm_job *j)
{
    if (j->r < 0 && !j->started) {
        j->vm->removing = false;
        return NEXT_DONE;
    }
    if (j->started) {
        j->removed = true;
        return NEXT_DONE;
    }
    if (!j->vm->running)
        return remove_ended(j);
    vm_run_end(j->vm);
    return NEXT_WAIT;
}

static void instance_work(struct vm_job *j)
{
    j->r = vmm_dir_save_instance(j->vm->dir, ds_buf_span(&j->text), &j->e);
}

static enum next exited_begin(struct vm_job *j)
{
    j->powering_off = j->vm->progress.powering_off;
    take_simtee(j);
    return NEXT_WORK;
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
    int r = end_simtee(j);
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

static enum next exited_after(struct vm_job *j)
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
    return NEXT_DONE;
}

static void adopt_work(struct vm_job *j)
{
    j->r = vmm_launch_adopt(&j->launched, &j->vm->vmm->host, &j->rq.m, j->vm->dir, &j->e);
}

static enum next adopt_begin(struct vm_job *j)
{
    j->rq.m = j->vm->m;
    j->vm->launching = true;
    return NEXT_WORK;
}

static enum next adopt_after(struct vm_job *j)
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
    return NEXT_DONE;
}

static enum next resume_begin(struct vm_job *j)
{
    j->launch = j->vm->run.launch;
    return j->vm->running ? NEXT_WORK : NEXT_DONE;
}

static void resume_work(struct vm_job *j)
{
    j->r = vmm_launch_resume_simtee(&j->simtee, &j->vm->vmm->host, j->vm->dir, &j->launch, &j->e);
}

static enum next resume_after(struct vm_job *j)
{
    struct vmm_vm *vm = j->vm;
    if (!vm->running || strcmp(vm->run.launch.id, j->launch.id) != 0)
        return NEXT_DONE;
    if (j->r < 0) {
        vmm_progress_event(&vm->progress, "vmm.simtee_lost", j->e.msg, ds_clock_now_s() * 1000);
        vm_run_end(vm);
        return NEXT_DONE;
    }
    vm_run_set_simtee(vm, &j->simtee);
    return NEXT_DONE;
}

/* clang-format off */
static const struct job_row create_row   = { "vm.create", NULL, create_work, create_after, NULL, reply_id, false };
static const struct job_row update_row   = { "vm.update", update_begin, update_work, update_after, NULL, update_reply, false };
static const struct job_row start_row    = { "vm.start", start_begin, start_work, start_after, NULL, NULL, false };
static const struct job_row stop_row     = { "vm.stop", stop_begin, stop_work, stop_after, stop_ended, NULL, false };
static const struct job_row remove_row   = { "vm.remove", remove_begin, remove_work, remove_after, remove_ended, NULL, false };
static const struct job_row instance_row = { "vm.instance", NULL, instance_work, NULL, NULL, NULL, true };
static const struct job_row exited_row   = { "vm.exited", exited_begin, exited_work, exited_after, NULL, NULL, false };
static const struct job_row adopt_row    = { "vm.adopt", adopt_begin, adopt_work, adopt_after, NULL, NULL, false };
static const struct job_row resume_row   = { "vm.resume_simtee", resume_begin, resume_work, resume_after, NULL, NULL, false };
/* clang-format on */

void vmm_vm_create(struct vmm *vmm, struct vm_request *rq, struct rpc_call *call)
{
    struct ds_error e = { 0 };
    struct vmm_vm *vm = vm_new(vmm, &rq->m);
    struct vm_job *j = vm != NULL ? job_new(vm, &create_row, call) : NULL;
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
    job_add(j);
}

void vmm_vm_update(struct vmm_vm *vm, struct vm_request *rq, struct rpc_call *call)
{
    struct vm_job *j = job_new(vm, &update_row, call);
    if (j == NULL) {
        struct ds_error e = { 0 };
        (void)ds_fail(&e, DS_ERR_NOMEM, "job");
        rpc_call_fail(call, &e);
        vm_request_done(rq);
        return;
    }
    j->rq = *rq;
    *rq = (struct vm_request){ 0 };
    job_add(j);
}

void vmm_vm_start(struct vmm_vm *vm, struct rpc_call *call) { submit(vm, &start_row, call); }
void vmm_vm_stop(struct vmm_vm *vm, struct rpc_call *call) { submit(vm, &stop_row, call); }
void vmm_vm_remove(struct vmm_vm *vm, struct rpc_call *call) { submit(vm, &remove_row, call); }

void vm_job_exited(struct vmm_vm *vm)
{
    struct vm_job *j = job_new(vm, &exited_row, NULL);
    if (j != NULL)
        job_add_next(j);
}

void vm_job_adopt(struct vmm_vm *vm) { submit(vm, &adopt_row, NULL); }
void vm_job_resume_simtee(struct vmm_vm *vm) { submit(vm, &resume_row, NULL); }

void vmm_vm_save_instance(struct vmm_vm *vm, struct ds_span json)
{
    struct vm_job *j = job_new(vm, &instance_row, NULL);
    if (j == NULL)
        return;
    ds_buf_add(&j->text, json);
    job_add(j);
}
