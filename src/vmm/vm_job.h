/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jobs of a VM, as rows: what is checked on the loop, what is done in the pool,
 * and what follows on the loop. Jobs of one VM run one after the other. The rows
 * stand in vm_ask.c (what callers ask for) and vm_own.c (what the VMM gives itself).
 */

#include "base/buf.h"
#include "vmm/vm_private.h"

enum vm_job_next {
    VM_JOB_DONE, /* the job is complete: answer with its result */
    VM_JOB_WORK, /* its work goes to the pool */
    VM_JOB_WAIT, /* the machine must end first */
};

struct vm_job_row {
    const char *name;
    enum vm_job_next (*begin)(struct vm_job *j); /* on the loop; may set j->r. NULL: VM_JOB_WORK */
    void (*work)(struct vm_job *j);              /* in the pool, on the job alone; sets j->r */
    enum vm_job_next (*after)(struct vm_job *j); /* on the loop; NULL: VM_JOB_DONE */
    /* On the loop, when the machine ended: like `after`. */
    enum vm_job_next (*ended)(struct vm_job *j);
    bool (*reply)(struct vm_job *j); /* answer the call in its own words; NULL: {} */
    bool may_drop;                   /* a guest asks for it: not without a bound */
    bool removes;                    /* what it asks for is done when the VM is gone */
};

struct vm_job {
    struct vm_job *next;
    struct vmm_vm *vm;
    const struct vm_job_row *row;
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

/* NULL when there is no memory. The job is taken by one of the two that follow. */
struct vm_job *vm_job_new(struct vmm_vm *vm, const struct vm_job_row *row, struct rpc_call *call);
/* Behind all others. One that is too many is answered so and freed. */
void vm_job_add(struct vm_job *j);
/* Behind the current job: what follows must find the machine's end noted. */
void vm_job_add_next(struct vm_job *j);
/* A new job without anything of its own, behind all others; the call is answered in any case. */
void vm_job_submit(struct vmm_vm *vm, const struct vm_job_row *row, struct rpc_call *call);

/* vm_own.c: the helper of the machine that ended becomes this job's to wait for. */
void vm_job_take_simtee(struct vm_job *j);
/* It ends by itself when QEMU did; it is reaped here, and helped along if it hangs. In the pool. */
DS_MUST_USE int vm_job_end_simtee(struct vm_job *j);
