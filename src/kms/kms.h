/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The KMS daemon's state. The loop's thread carries bytes; one worker thread
 * decides, derives and writes the log, so there is one writer and no lock.
 */

#include "base/log.h"
#include "base/place.h"
#include "kms/allow.h"
#include "kms/limit.h"
#include "kms/release_log.h"
#include "kms/root.h"
#include "kms/trusted_time.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/pool.h"
#include "rpc/method.h"

/* Collateral of the simulated platform, from the VMM of this machine. */
struct kms_simulated {
    char vmm_address[DS_PLACE_MAX + 32];
    struct ds_buf collateral; /* JSON; empty until fetched */
    uint8_t root_spki32[32];
    int64_t issue_s; /* of its newest document */
    int64_t fetched_s;
};

struct kms {
    struct ds_log log;
    char dir[DS_PLACE_MAX]; /* state directory */
    struct net_loop *loop;
    struct net_pool *pool; /* one thread */
    struct net_http_server *http, *admin_http;
    struct rpc_service service, admin_service;
    /* Touched by the worker alone once the daemon serves. */
    struct kms_root root;
    struct kms_allow allow;
    struct kms_log *release_log;
    struct kms_simulated simulated;
    struct kms_time time;
    struct kms_limit limit;
    uint64_t n_malformed; /* requests that were none: counted, not logged as leaves */
    int64_t credential_life_s;
    /* The loop's alone. */
    struct kms_bucket log_lines;
    uint64_t n_lines_dropped;
};
