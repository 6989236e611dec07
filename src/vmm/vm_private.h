/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the files of a VM: vm.c (the list), vm_job.c (how its jobs run; vm_job.h
 * is for their rows), vm_ask.c and vm_own.c (the rows) and vm_run.c (the machine while
 * it runs).
 */

#include "vmm/vm.h"

/* vm.c */
struct vmm_vm *vm_new(struct vmm *vmm, const struct vmm_manifest *m);
/* Not in the list, no jobs. NULL is fine. */
void vm_free(struct vmm_vm *vm);
DS_MUST_USE int vm_list_add(struct vmm *vmm, struct vmm_vm *vm, struct ds_error *e);
void vm_list_remove(struct vmm *vmm, struct vmm_vm *vm);

/* vm_own.c: jobs that the VMM gives itself */
void vm_job_exited(struct vmm_vm *vm);
void vm_job_adopt(struct vmm_vm *vm);
void vm_job_resume_simtee(struct vmm_vm *vm);

/* vm_job.c */
/* The machine ended: a job that waited for it goes on. False: none waited. */
bool vm_job_wake(struct vmm_vm *vm);
/* The daemon ends: whoever waits is told. */
void vm_job_drop_all(struct vmm_vm *vm);

/* vm_run.c */
/* Watch a machine that runs (taken). */
void vm_run_begin(struct vmm_vm *vm, struct vmm_launched *l);
/* Another helper serves it now (taken). */
void vm_run_set_simtee(struct vmm_vm *vm, struct ds_proc *simtee);
/* Ask it to end; vm_job_wake comes when it did. */
void vm_run_end(struct vmm_vm *vm);
/* Stop watching: the machine runs on (the daemon ends). */
void vm_run_release(struct vmm_vm *vm);
/* It ended unasked, and everything was noted: start it again after a while, or not. */
void vm_run_restart(struct vmm_vm *vm);
void vm_run_cancel_restart(struct vmm_vm *vm);

void vm_log(const struct vmm_vm *vm, enum ds_log_level level, const char *event,
            const struct ds_error *why);
