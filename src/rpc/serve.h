/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A method table on its transports: HTTP (host-api 0) and the guest's channel.
 *
 * Channel payloads: request {"method": "...", "params": {...}}, reply
 * {"result": ...} or the error body of HTTP.
 */

#include "base/buf.h"
#include "rpc/method.h"

struct net_call;
struct net_http_request;

/* Answer an HTTP request if its path is under the service's mount; false: not ours, untouched. */
bool rpc_serve_http(struct rpc_service *s, struct net_http_request *req);

/* Answer a channel request (takes the call). channel_arg appears in the caller. */
void rpc_serve_channel(struct rpc_service *s, struct net_call *call, struct ds_span payload,
                       void *channel_arg);

/*
 * A JSON body against a table of fields, for pages that are no method: an object, or nothing.
 * *ret is freed with yyjson_doc_free; NULL for nothing.
 *
 * err:  ARG  rpc.bad_request
 */
DS_MUST_USE int rpc_params_parse(yyjson_doc **ret, const struct rpc_field *fields, size_t n_fields,
                                 struct ds_span body, struct ds_error *e);

/* The error body {"error","class","code","reasons"}; v may be NULL. */
void rpc_error_encode(struct ds_buf *out, const struct ds_error *e, const struct ds_verdict *v);
/* What went wrong outside a method (no such page, ...), in the same form. */
void rpc_error_reply(struct net_http_request *req, int status, const struct ds_error *e);
