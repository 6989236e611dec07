/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How jobs run. A job that has to wait for the machine's end stays current until
 * vm_job_wake.
 */
#include "vmm/vm_job.h"

#include <assert.h>

#define JOBS_MAX 16

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
        if (!late->row->removes)
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

static void job_next(struct vm_job *j, enum vm_job_next next)
{
    j->waiting = next == VM_JOB_WAIT;
    if (next == VM_JOB_WORK) {
        int r = net_pool_submit(j->vm->vmm->pool, pool_work, pool_done, j, &j->e);
        if (r < 0) {
            /* As if the work itself had failed: what `begin` noted is taken back. */
            j->r = r;
            pool_done(j);
        }
        return;
    }
    if (next == VM_JOB_DONE)
        job_end(j);
}

static void pool_done(void *arg)
{
    struct vm_job *j = arg;
    job_next(j, j->row->after != NULL ? j->row->after(j) : VM_JOB_DONE);
}

static void job_run(struct vm_job *j)
{
    job_next(j, j->row->begin != NULL ? j->row->begin(j) : VM_JOB_WORK);
}

bool vm_job_wake(struct vmm_vm *vm)
{
    struct vm_job *j = vm->jobs;
    if (j == NULL || !j->waiting)
        return false;
    job_next(j, j->row->ended(j));
    return true;
}

struct vm_job *vm_job_new(struct vmm_vm *vm, const struct vm_job_row *row, struct rpc_call *call)
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

void vm_job_add_next(struct vm_job *j)
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

void vm_job_add(struct vm_job *j)
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

void vm_job_submit(struct vmm_vm *vm, const struct vm_job_row *row, struct rpc_call *call)
{
    struct vm_job *j = vm_job_new(vm, row, call);
    struct ds_error e = { 0 };
    if (j != NULL) {
        vm_job_add(j);
        return;
    }
    (void)ds_fail(&e, DS_ERR_NOMEM, "job");
    vm_log(vm, DS_LOG_ERROR, row->name, &e);
    if (call != NULL)
        rpc_call_fail(call, &e);
}
