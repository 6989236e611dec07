/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call's way through the worker pool.
 */
#include "rpc/job.h"

#include <stdlib.h>

#include "net/pool.h"
#include "rpc/call.h"

struct carried {
    struct rpc_job job;
    struct rpc_call *call;
    rpc_job_fn *work;
    int status;
    struct ds_error error;
};

static void run(void *arg)
{
    struct carried *c = arg;
    c->status = c->work(&c->job, &c->error);
}

static void end(struct carried *c)
{
    const struct rpc_service *s = c->call->service;
    if (c->status == DS_OK) {
        rpc_call_reply_text(c->call, ds_buf_span(&c->job.reply));
        return;
    }
    if (c->status == DS_ERR_DENIED && c->job.verdict.n_reasons > 0) {
        rpc_call_deny(c->call, c->status, &c->job.verdict);
        return;
    }
    if (s->job_failed != NULL)
        s->job_failed(s->ctx, c->call, &c->error);
    rpc_call_fail(c->call, &c->error);
}

static void done(void *arg)
{
    struct carried *c = arg;
    end(c);
    ds_buf_done(&c->job.reply);
    free(c);
}

void rpc_call_submit(struct rpc_call *call, struct net_pool *pool, rpc_job_fn *work)
{
    struct ds_error e;
    struct carried *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)ds_fail(&e, DS_ERR_NOMEM, "answer the call");
        rpc_call_fail(call, &e);
        return;
    }
    *c = (struct carried){
        .job = { .ctx = call->service->ctx, .call = call, .reply = { .wipes = true } },
        .call = call,
        .work = work,
    };
    if (net_pool_submit(pool, run, done, c, &e) < 0) {
        rpc_call_fail(call, &e);
        free(c);
    }
}
