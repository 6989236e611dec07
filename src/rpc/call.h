/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A call under way: what dispatch and the transports share. Internal to rpc/.
 */

#include "rpc/method.h"

/* Upper edges of the latency histogram, milliseconds; one more bucket is beyond the last. */
#define RPC_EDGES_MS  { 1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000 }
#define RPC_N_BUCKETS 11

struct rpc_stats {
    uint64_t n_calls, n_failed, n_running;
    uint64_t sum_us;
    uint64_t buckets[RPC_N_BUCKETS]; /* not cumulative */
};

struct rpc_call {
    struct rpc_service *service;
    const struct rpc_method *method;
    struct rpc_caller caller;
    yyjson_doc *doc; /* the parameters; params lies in it */
    yyjson_val *params;
    yyjson_mut_doc *reply;
    int64_t start_us;
    /* The transport: sends JSON text and is done with the call. status: 200, or 400 and others. */
    void (*answer)(void *transport, int status, struct ds_span json);
    void *transport;
};

/* Microseconds of a steady clock. */
int64_t rpc_now_us(void);

/*
 * Find the method, check the caller and the parameters, call the handler. Failures are answered at
 * once. Takes doc.
 */
void rpc_dispatch(struct rpc_service *s, struct ds_span name, const struct rpc_caller *caller,
                  yyjson_doc *doc, void (*answer)(void *, int, struct ds_span), void *transport);
const struct rpc_method *rpc_find(const struct rpc_service *s, struct ds_span name);

/* Check an object against fields; NULL counts as an object without members. */
DS_MUST_USE int rpc_check(const struct rpc_field *fields, size_t n_fields, yyjson_val *object,
                          struct ds_error *e);
/* The digits of a hex text: without its 0x. */
struct ds_span rpc_hex_digits(yyjson_val *text);

/* Answer with an error body. */
void rpc_answer_error(void (*answer)(void *, int, struct ds_span), void *transport, int status,
                      const struct ds_error *e, const struct ds_verdict *v);
