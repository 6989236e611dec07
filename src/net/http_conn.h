/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the files of the HTTP server: http_server.c (listeners), http_conn.c
 * (what comes in) and http_reply.c (what goes out).
 */

#include "net/http_parse.h"
#include "net/http_server.h"

struct bufferevent;
struct evconnlistener;
struct net_event;

#define HTTP_LISTENERS_MAX 8
#define HTTP_READ_MAX      ((size_t)64 * 1024)

/* Who is at the other end; shared by a connection and its requests. */
struct http_peer {
    unsigned refs;
    struct net_http_peer pub;
    struct net_chain chain;
};

/*
 * What is held for clients, in bytes: heads and bodies of all requests, also of those that outlive
 * the server, what was read ahead, and replies that were not yet taken.
 */
struct http_bodies {
    unsigned refs;
    size_t len, max;
};

/* The lists that a connection may stand in. */
enum http_queue_name {
    HTTP_ALL,     /* from the one that last had a whole request, or came last */
    HTTP_HOLDING, /* bytes are held for it, and it is not being answered: it can give way */
    HTTP_READY,   /* its next request was read ahead */
    HTTP_QUEUES,
};

struct http_link {
    struct http_conn *newer, *older;
    bool is_in;
};

struct http_queue {
    struct http_conn *newest, *oldest;
    size_t n;
};

struct http_listener {
    struct net_http_server *server;
    struct evconnlistener *ev;
    struct net_tls *tls;
};

struct http_conn {
    struct net_http_server *server;
    struct http_link links[HTTP_QUEUES];
    struct bufferevent *bev;
    size_t buffered_len; /* read ahead, or not yet written */
    struct http_peer *peer;
    struct net_http_request *req; /* being received or answered */
    bool busy;                    /* req is with the handler */
    bool processing;              /* process() is on the stack */
    bool eof;                     /* the client sends no more */
    bool closing;                 /* close when the output is written */
    bool draining;                /* refused: reading only to throw away */
    size_t drained;
    bool slow;        /* the timeout is that of a request that comes in */
    int64_t began_ms; /* first byte of the request that is coming in; or the draining */
};

struct net_http_request {
    struct http_conn *conn; /* NULL: the client left */
    struct http_peer *peer;
    struct http_bodies *bodies;
    size_t kept_len; /* bytes of ours in `bodies` */
    struct http_msg msg;
    char *path, *query; /* parts of the target */
    bool continued, keep_alive, streaming, chunked;
    const struct net_http_stream_ops *stream;
    void *stream_arg;
    bool want_room;
};

struct net_http_server {
    struct net_loop *loop;
    struct net_http_limits limits;
    net_http_handler_fn *handler;
    void *arg;
    struct http_listener listeners[HTTP_LISTENERS_MAX];
    size_t n_listeners;
    struct http_queue queues[HTTP_QUEUES];
    struct net_http_stats stats;
    struct http_bodies *bodies;
    struct net_event *nap, *turn;
    size_t n_evicted_at_once;    /* since the loop last went round */
    uint8_t room[HTTP_READ_MAX]; /* of a body on its way from the socket */
};

/* Take an accepted descriptor into the server's care. */
void http_conn_open(struct net_http_server *s, int fd, struct net_tls *tls);
/* A request that is with the handler outlives it. */
void http_conn_free(struct http_conn *c);
/* Take the next request off the input, as far as it is there. */
void http_conn_process(struct http_conn *c);
/* Each connection whose next request was read ahead: one request of it. */
void http_conns_take_turns(struct net_http_server *s);
/* Unless a request is being read or answered: wait for the next, for its turn, or close. May free. */
void http_conn_settle(struct http_conn *c);
void http_request_free(struct net_http_request *r);

/* http_room.c: who is there, and how much they hold. */
/* As the newest; nothing where it is in already. */
void http_queue_add(struct http_conn *c, enum http_queue_name name);
/* Nothing where it is not in. */
void http_queue_remove(struct http_conn *c, enum http_queue_name name);
/* It had a whole request: the last to give way. */
void http_conns_touch(struct http_conn *c);
/* Close the connection that has had no whole request for longest; false: all are being answered. */
bool http_conns_evict(struct net_http_server *s);
void http_bodies_unref(struct http_bodies *b);
/* Count what goes into and out of the connection's buffers, or no longer. */
DS_MUST_USE bool http_bodies_watch(struct http_conn *c);
void http_bodies_unwatch(struct http_conn *c);
/* It is with the handler, or no longer. */
void http_conn_set_busy(struct http_conn *c, bool busy);
/* Others that hold bytes give way to this one; false when too much is held even so. */
bool http_bodies_make_room(const struct http_conn *c);
/* Count what the request has by now; false when that is too much for all together. */
bool http_bodies_keep(struct net_http_request *r);
void http_bodies_drop(struct net_http_request *r);

/* A whole reply into the output; a failure closes the connection. */
void http_conn_reply(struct http_conn *c, int status, const char *type, struct ds_span body,
                     bool no_body, const char *extra);

/* Listen on, or let new connections wait in the kernel. */
void http_server_accept(struct net_http_server *s, bool on);
/* Listen on after this time; 0: when the loop has gone round. */
void http_server_nap(struct net_http_server *s, int64_t ms);
