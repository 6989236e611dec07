/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A call whose work blocks: it is done in the pool, and the call ends on the
 * loop.
 */

#include "base/buf.h"
#include "base/reason.h"
#include "rpc/method.h"

struct net_pool;

/* What the work sees. It runs beside the loop: only the call's parameters and caller are its own. */
struct rpc_job {
    void *ctx; /* the service's */
    const struct rpc_call *call;
    struct ds_buf reply;       /* JSON text; may hold keys, and is wiped */
    struct ds_verdict verdict; /* filled where a decision says no */
};

typedef int rpc_job_fn(struct rpc_job *job, struct ds_error *e);

/*
 * Do the work in the pool, then end the call: with reply, with verdict where the work returned
 * DENIED and gave reasons, else with its error. A full pool ends the call at once (429).
 */
void rpc_call_submit(struct rpc_call *call, struct net_pool *pool, rpc_job_fn *work);
