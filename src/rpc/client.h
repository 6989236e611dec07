/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Calling another daemon: JSON in, JSON out, the remote error's class, code and
 * reasons kept. Blocking; daemons call it from the pool.
 */

#include <yyjson.h>

#include "base/buf.h"
#include "base/reason.h"

struct net_tls;

struct rpc_target {
    const char *address; /* net/target.h text: "unix:/run/vmm.sock", "tls:10.0.2.101:8001" */
    const char *mount;   /* NULL: "/prpc/" */
    struct net_tls *tls; /* for TLS targets; borrowed */
    int64_t timeout_ms;  /* 0: 30 s */
};

/*
 * Call a method.
 *
 * in:   params      JSON object text; empty: {}
 * out:  ret         the reply; free it with yyjson_doc_free. Untouched on failure
 *       ret_reasons what the other side refused; may be NULL
 * err:  the remote class (with its code, when this build knows it; else rpc.remote), or the
 *       transport's: UNAVAILABLE, TIMEOUT, PEER, UNTRUSTED
 */
DS_MUST_USE int rpc_client_call(yyjson_doc **ret, struct ds_verdict *ret_reasons,
                                const struct rpc_target *target, const char *method,
                                struct ds_span params, struct ds_error *e);

/* Read a reply or error body of either transport as rpc_client_call does. */
DS_MUST_USE int rpc_error_decode(struct ds_verdict *ret_reasons, struct ds_span body,
                                 struct ds_error *e);

/* A channel request's payload, for net_mux_request and net_mux_sync_call. */
void rpc_channel_encode(struct ds_buf *out, const char *method, struct ds_span params);
/* A channel reply's payload: the whole document in *ret_doc, its result inside it. */
DS_MUST_USE int rpc_channel_decode(yyjson_doc **ret_doc, yyjson_val **ret_result,
                                   struct ds_verdict *ret_reasons, struct ds_span payload,
                                   struct ds_error *e);
