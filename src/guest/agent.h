/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The agent proper (stage two): everything it knows, in one struct that main
 * makes. The boot fills it step by step; afterwards it is read-only, but for
 * what the comments name.
 */

#include "app/compose.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/secret.h"
#include "guest/credential.h"
#include "guest/docker.h"
#include "guest/shared.h"
#include "guest/sys_config.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/mux.h"
#include "net/pool.h"
#include "rpc/method.h"
#include "tee/runtime_log.h"
#include "tee/tee.h"

#define GUEST_DATA_DIR "/mnt" /* the encrypted disk */
#define GUEST_APP_DIR  "/run/dstack/app"
#define GUEST_SOCKET   "/run/dstack.sock"

#define GUEST_PAYLOAD_MAX 4096 /* bytes of a Notify payload: what the VMM takes */

/* Who this VM is; fixed by the step "identity". */
struct guest_identity {
    uint8_t app_id20[20];
    uint8_t compose32[32];
    uint8_t gpu_policy32[32];
    uint8_t instance_seed20[20];
    uint8_t instance_id20[20];
    size_t instance_id_len; /* 20, or 0 where the app wants none */
};

/* What the KMS gave. */
struct guest_keys {
    struct ds_secret disk_key32, env_key32; /* gone after the steps that use them */
    struct ds_secret k256_key32;
    uint8_t k256_signature65[65];
    struct ds_buf ca_pem; /* the KMS root */
    uint8_t os_image32[32];
};

#define GUEST_STEPS_MAX 24

enum boot_state {
    BOOT_STARTED,
    BOOT_DONE,
    BOOT_FAILED,
};

/* What was reported of a step; kept for a host that asks again. */
struct boot_report {
    enum boot_state state;
    int64_t t_ms; /* since the kernel started: when it began */
    int64_t ms;   /* how long it took, or has taken so far */
};

struct boot_progress {
    size_t step;                                 /* index into boot_steps */
    struct boot_report reports[GUEST_STEPS_MAX]; /* of steps 0 to `step` */
    int status;                                  /* of the step that just ran */
    struct ds_error error;
    struct ds_verdict reasons; /* what the KMS refused */
};

struct agent {
    struct ds_log log;
    struct net_loop *loop;
    struct net_pool *pool;
    struct net_mux *host; /* org.dstack.host */
    struct tee *tee;
    struct net_http_server *http;
    struct rpc_service app_service, host_service;

    struct guest_shared shared;
    struct guest_sys_config sys;
    uint8_t *compose_mem; /* what `compose` points into, beside the shared file */
    struct app_compose compose;
    struct guest_identity id;
    struct guest_keys keys;
    struct guest_credential credential; /* the chain in it changes: its own lock */
    struct guest_engine engine;
    struct guest_compose up; /* `docker compose up`, waiting for its document */
    struct ds_buf boot_log;  /* CCEL */
    struct ds_secret env;    /* decrypted environment, JSON, until Compose has it; or empty */
    struct boot_progress boot;

    struct net_event *channel_timer, *shutdown_timer, *renew_timer;
    bool boot_started, is_ready;
    int exit_code;
};

/* Tell the host; lost when no channel is up. payload is cut at GUEST_PAYLOAD_MAX. */
void agent_notify(struct agent *a, const char *event, struct ds_span payload);

/* The last step is done. */
void agent_ready(struct agent *a);
/* a->boot.error says why; the machine goes off once the host has heard of it. */
void agent_boot_failed(struct agent *a);
