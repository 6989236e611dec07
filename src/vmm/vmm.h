/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon: one struct, made in main and passed down. Everything in it
 * belongs to the loop's thread, except `host`, which has a lock of its own.
 */

#include "base/log.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/pool.h"
#include "rpc/method.h"
#include "vmm/host.h"

struct vmm_vm;

struct vmm {
    struct vmm_cfg cfg;
    struct vmm_places places;
    struct vmm_host host;
    struct vmm_limits limits;
    struct ds_log log;
    struct net_loop *loop;
    struct net_pool *pool;
    struct net_http_server *http;
    struct rpc_service rpc;     /* for people and programs of this host */
    struct rpc_service channel; /* for guests */
    struct vmm_vm **vms;        /* in order of creation */
    size_t n_vms, cap_vms;
    struct net_event *tick; /* logs are looked after */
    bool ending;            /* no VM is started any more */
};
