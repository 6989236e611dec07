/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The attested HTTP/1.1 client: blocking with a deadline (daemons call it from
 * the pool), over unix, TCP or TLS sockets. The caller's verify function decides
 * about the server's certificate; the session's exporter is at hand for evidence
 * that binds it. Never half-closes before the reply (dockerd would cancel).
 */

#include "base/buf.h"
#include "net/target.h"
#include "net/tls.h"

struct net_conn;

/* Connect (and shake hands when the target is TLS, which then needs `tls`).
 * err: UNAVAILABLE net.no_answer, TIMEOUT, UNTRUSTED net.tls_failed or what verify said */
DS_MUST_USE int net_conn_open(struct net_conn **ret, const struct net_target *t,
                              struct net_tls *tls, int64_t timeout_ms, struct ds_error *e);
void net_conn_close(struct net_conn *c);
DS_DEFINE_AUTO(struct net_conn, net_conn_close);
/* NULL without TLS. */
struct ssl_st *net_conn_ssl(struct net_conn *c);

struct net_http_header {
    const char *name, *value;
};

/* Gives the next piece of an upload: up to cap bytes; *ret_len 0 ends it. */
typedef int net_http_source_fn(void *arg, uint8_t *out, size_t cap, size_t *ret_len,
                               struct ds_error *e);
/* Takes a piece of the reply's body. */
typedef int net_http_sink_fn(void *arg, struct ds_span piece, struct ds_error *e);

struct net_http_call {
    const char *method; /* NULL: "GET", or "POST" with a body */
    const char *path;   /* with query */
    const struct net_http_header *headers;
    size_t n_headers;
    struct ds_span body;
    net_http_source_fn *source; /* instead of body; sent chunked */
    void *source_arg;
    net_http_sink_fn *sink; /* takes the body of a 2xx reply instead of ret->body */
    void *sink_arg;
    size_t reply_max;   /* bytes of ret->body; 0: 16 MiB */
    int64_t timeout_ms; /* for the whole call; with a sink: between two pieces; 0: 30 s */
};

struct net_http_response {
    int status;
    char content_type[96];
    struct ds_buf body;
};
void net_http_response_done(struct net_http_response *r);

/*
 * One exchange on an open connection, which may be reused unless *ret_closed.
 *
 * out:  ret  zeroed by the caller; free it with net_http_response_done, also after a failure
 * err:  TIMEOUT, UNAVAILABLE (the connection ended), PEER net.bad_http, RANGE net.reply_too_large
 */
DS_MUST_USE int net_http_exchange(struct net_http_response *ret, bool *ret_closed,
                                  struct net_conn *c, const char *host,
                                  const struct net_http_call *call, struct ds_error *e);

/* Connect, exchange once, close. */
DS_MUST_USE int net_http_call(struct net_http_response *ret, const struct net_target *t,
                              struct net_tls *tls, const struct net_http_call *call,
                              struct ds_error *e);
