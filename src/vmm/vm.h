/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A VM and its life. What is asked of it becomes a job; jobs of one VM run one
 * after the other, with their blocking part in the pool. Between jobs the
 * machine may end by itself: that makes a job too.
 */

#include "vmm/launch.h"
#include "vmm/progress.h"
#include "vmm/vmm.h"

struct vm_job;
struct vmm_channel;
struct vmm_qmp;

struct vmm_vm {
    struct vmm *vmm;
    struct vmm_manifest m;
    char dir[VMM_PATH_LEN];
    char compose_hash[65];               /* hex of app-compose.json's SHA-256 */
    const struct vmm_manifest *becoming; /* what an UpdateVm is making of it; NULL: none is */
    bool started;                        /* wanted: vm-state.json */
    bool removing;                       /* RemoveVm was asked */
    bool launching;                      /* a start job is under way */
    bool running;
    struct vmm_launched run;     /* while running */
    struct ds_proc ended_simtee; /* of a machine that ended: to be waited for */
    struct net_event *exited, *simtee_exited, *restart, *kill, *script;
    struct vmm_channel *channel;
    struct vmm_qmp *qmp;
    struct vmm_progress progress;
    struct vm_job *jobs; /* the first is the current one */
    unsigned n_restarts; /* in a row */
    int64_t started_at_ms, exited_at_ms;
    char exit_text[160];
};

/* Everything a request brings; the texts are taken (free). */
struct vm_request {
    struct vmm_manifest m;
    char compose_hash[65];
    char *app_compose;
    size_t app_compose_len;
    char *user_config;
    size_t user_config_len;
    uint8_t *encrypted_env;
    size_t encrypted_env_len;
    bool started;
};

void vm_request_done(struct vm_request *rq);

struct vmm_vm *vmm_vm_find(struct vmm *vmm, const char *id);

/* Each answers the call when it is done; start, stop and remove also take NULL. The request is
 * taken. An update's parameters are read when its turn comes. */
void vmm_vm_create(struct vmm *vmm, struct vm_request *rq, struct rpc_call *call);
void vmm_vm_update(struct vmm_vm *vm, struct rpc_call *call);
void vmm_vm_start(struct vmm_vm *vm, struct rpc_call *call);
void vmm_vm_stop(struct vmm_vm *vm, struct rpc_call *call);
void vmm_vm_remove(struct vmm_vm *vm, struct rpc_call *call);
/* Keep what the guest says of its instance; json is copied. */
void vmm_vm_save_instance(struct vmm_vm *vm, struct ds_span json);

/* Read every VM directory, adopt what runs, start what should. Called once, before the loop runs. */
DS_MUST_USE int vmm_vm_load_all(struct vmm *vmm, struct ds_error *e);
/* Let go of everything; VMs run on. */
void vmm_vm_release_all(struct vmm *vmm);

/* "running", "stopped", "exited", "stopping", "removing": host-api 1.2. */
const char *vmm_vm_status(const struct vmm_vm *vm);

/* QEMU says why it will end. */
void vmm_vm_note_shutdown(struct vmm_vm *vm, const char *reason);
