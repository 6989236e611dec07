/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/1.1 server on the loop: unix, TCP or TLS listeners, one handler, bounded
 * everything. A request is complete when the handler sees it; the answer may
 * come later. Replies carry Content-Length unless they stream. A connection is
 * closed when its client sends EOF (the published JS SDK waits for that).
 */

#include <sys/types.h>

#include "base/buf.h"
#include "net/tls.h"

struct net_loop;
struct net_target;
struct net_http_server;
struct net_http_request;

struct net_http_limits { /* zero: the default */
    size_t body_max;     /* bytes; 10 MiB; over it: 413 */
    /* Bytes of all heads and bodies, and of replies that were not yet taken; 4 bodies; over it: 503. */
    size_t bodies_max;
    size_t head_max;        /* bytes of request line and headers; 32 KiB; over it: 431 */
    size_t connections_max; /* 512; more wait in the kernel's queue */
    /* 60 s: without a byte while a request is awaited; for all of one that comes in; for what
     * follows one that was refused. */
    int64_t idle_ms;
    int64_t request_ms; /* for all of a request that comes in, from its first byte; idle_ms */
    /*
     * At connections_max the connection that has been without a whole request for longest is closed,
     * at bodies_max the one for which bytes have been held for longest, so that clients who send or
     * read slowly only ever crowd out each other. One that is being answered stays. Without it new
     * connections wait, and new bodies are refused.
     */
    bool evicts;
};

/* Since the start. */
struct net_http_stats {
    size_t n_open;          /* connections now */
    size_t held_len;        /* bytes now, of those that bodies_max bounds */
    uint64_t n_accepted;    /* connections */
    uint64_t n_evicted;     /* closed to make room */
    uint64_t n_turned_away; /* closed at once: every connection was being answered */
    uint64_t n_late;        /* 408 */
    uint64_t n_too_large;   /* 413, 431 */
    uint64_t n_no_room;     /* 503 */
    uint64_t n_malformed;   /* 400 */
};

/* Who calls. */
struct net_http_peer {
    bool is_unix; /* then uid, gid, pid are the kernel's word */
    uid_t uid;
    gid_t gid;
    pid_t pid;
    bool is_tls;
    const struct net_chain *chain; /* TLS client certificates; n == 0 when none was shown */
    char address[64];              /* text for logs */
};

/* Runs on the loop; must lead to exactly one reply (or stream) of req, now or later. */
typedef void net_http_handler_fn(void *arg, struct net_http_request *req);

DS_MUST_USE int net_http_server_new(struct net_http_server **ret, struct net_loop *loop,
                                    const struct net_http_limits *limits,
                                    net_http_handler_fn *handler, void *arg, struct ds_error *e);
/* Stops listening and drops connections. Requests still unanswered stay valid until replied to. */
void net_http_server_free(struct net_http_server *s);

/* Add a listener; `mode` as net_listen; tls for NET_TARGET_TLS (referenced). May be called often. */
DS_MUST_USE int net_http_server_listen(struct net_http_server *s, const struct net_target *t,
                                       unsigned mode, struct net_tls *tls, struct ds_error *e);
/* The same on a listening descriptor that was inherited (taken). */
DS_MUST_USE int net_http_server_listen_fd(struct net_http_server *s, int fd, struct net_tls *tls,
                                          struct ds_error *e);
/* TCP port of the first listener, for tests that ask for port 0. */
unsigned net_http_server_port(const struct net_http_server *s);

void net_http_server_stats(struct net_http_stats *ret, const struct net_http_server *s);

/* Everything is borrowed until the reply. */
const char *net_http_method(const struct net_http_request *r); /* "GET", "POST", ... */
const char *net_http_path(const struct net_http_request *r);   /* without query, not decoded */
const char *net_http_query(const struct net_http_request *r);  /* after '?', "" when none */
struct ds_span net_http_body(const struct net_http_request *r);
/* The value of a header by case-insensitive name; NULL when absent. */
const char *net_http_header(const struct net_http_request *r, const char *name);
const struct net_http_peer *net_http_peer(const struct net_http_request *r);
/* The client went away: nobody reads the reply, which is still owed. */
bool net_http_is_gone(const struct net_http_request *r);
/* An SSL object for net_tls_export; NULL without TLS or after the client went away. */
struct ssl_st *net_http_ssl(const struct net_http_request *r);

/* Answer; ends the request. extra: more header lines, each ending in CRLF, or NULL. */
void net_http_reply(struct net_http_request *r, int status, const char *content_type,
                    struct ds_span body, const char *extra);

/*
 * Answer in pieces (chunked). gone() says that the client went away: stop, and still call
 * net_http_stream_end. room() follows a net_http_stream_write that said "enough".
 */
struct net_http_stream_ops {
    void (*room)(void *arg);
    void (*gone)(void *arg);
};
void net_http_stream(struct net_http_request *r, int status, const char *content_type,
                     const struct net_http_stream_ops *ops, void *arg);
/* false: taken, but wait for room() before more. */
bool net_http_stream_write(struct net_http_request *r, struct ds_span bytes);
void net_http_stream_end(struct net_http_request *r);
