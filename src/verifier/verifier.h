/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The verifier daemon's state. The loop's thread carries bytes and owns
 * everything here; the pool's threads read `ground`, which does not change once
 * the daemon serves, and the job that they were given.
 */

#include "base/log.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/pool.h"
#include "rpc/method.h"
#include "verifier/cfg.h"
#include "verifier/ground.h"
#include "verifier/limit.h"
#include "verifier/sessions.h"
#include "verifier/signer.h"
#include "verifier/stats.h"

struct job;
struct obtain;
struct room;

struct job_list {
    struct job *first, *last;
    size_t n;
};

/* Work that waits, and the memory that it is done in: one room a job under way. */
struct jobs {
    struct room *free_rooms;
    size_t n_running, running_max;
    struct job_list fresh, again; /* again: they have their documents now */
    bool was_again;               /* whose turn it was */
    size_t n_away;                /* that wait for documents */
    int64_t looked_us;            /* at a full queue, for those whose time is over */
};

struct verifier {
    struct ds_log log;
    struct verifier_cfg cfg;
    struct ground ground;
    struct signer signer;
    struct net_loop *loop;
    struct net_pool *pool;
    struct net_http_server *http;
    size_t connections_max;
    struct rpc_service service; /* for the documents: api.c serves it */
    struct jobs jobs;
    struct obtain *obtain;
    struct limit *limit;
    struct sessions sessions;
    struct stats stats;
};
