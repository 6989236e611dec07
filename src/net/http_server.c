/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: its listeners, and what a handler may ask of a request.
 */
#include "net/http_server.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_conn.h"
#include "net/loop.h"
#include "net/target.h"

#define ACCEPT_NAP_MS 100 /* when no descriptor is left: the next try */

void http_server_accept(struct net_http_server *s, bool on)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        (void)(on ? evconnlistener_enable(s->listeners[i].ev)
                  : evconnlistener_disable(s->listeners[i].ev));
}

void http_server_nap(struct net_http_server *s, int64_t ms)
{
    if (net_event_after(s->nap, ms, NULL) == DS_OK)
        http_server_accept(s, false);
}

/* Out of descriptors or memory: without a pause the loop would spin on the waiting connection. */
static void on_accept_error(struct evconnlistener *ev, void *arg)
{
    (void)ev;
    http_server_nap(((struct http_listener *)arg)->server, ACCEPT_NAP_MS);
}

static void on_nap_over(void *arg, unsigned what)
{
    (void)what;
    struct net_http_server *s = arg;
    s->n_evicted_at_once = 0;
    if (s->limits.evicts || s->queues[HTTP_ALL].n < s->limits.connections_max)
        http_server_accept(s, true);
}

static void on_turn(void *arg, unsigned what)
{
    (void)what;
    http_conns_take_turns(arg);
}

static void on_accept(struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa,
                      int sa_len, void *arg)
{
    struct http_listener *l = arg;
    (void)ev;
    (void)sa;
    (void)sa_len;
    http_conn_open(l->server, fd, l->tls);
}

int net_http_server_new(struct net_http_server **ret, struct net_loop *loop,
                        const struct net_http_limits *limits, net_http_handler_fn *handler,
                        void *arg, struct ds_error *e)
{
    struct net_http_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "HTTP server");
    *s = (struct net_http_server){ .loop = loop, .handler = handler, .arg = arg };
    if (limits != NULL)
        s->limits = *limits;
    if (s->limits.body_max == 0)
        s->limits.body_max = (size_t)10 << 20;
    if (s->limits.bodies_max == 0)
        s->limits.bodies_max = 4 * s->limits.body_max;
    if (s->limits.head_max == 0)
        s->limits.head_max = (size_t)32 << 10;
    if (s->limits.connections_max == 0)
        s->limits.connections_max = 512;
    if (s->limits.idle_ms == 0)
        s->limits.idle_ms = 60 * 1000;
    if (s->limits.request_ms == 0)
        s->limits.request_ms = s->limits.idle_ms;
    s->bodies = calloc(1, sizeof *s->bodies);
    int r = s->bodies != NULL ? net_event_timer(&s->nap, loop, on_nap_over, s, e)
                              : ds_fail(e, DS_ERR_NOMEM, "HTTP server");
    if (r == DS_OK)
        r = net_event_timer(&s->turn, loop, on_turn, s, e);
    if (r < 0) {
        net_event_free(s->nap);
        free(s->bodies);
        free(s);
        return r;
    }
    *s->bodies = (struct http_bodies){ .refs = 1, .max = s->limits.bodies_max };
    *ret = s;
    return DS_OK;
}

void net_http_server_free(struct net_http_server *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_listeners; i++) {
        evconnlistener_free(s->listeners[i].ev);
        net_tls_unref(s->listeners[i].tls);
    }
    s->n_listeners = 0;
    while (s->queues[HTTP_ALL].oldest != NULL)
        http_conn_free(s->queues[HTTP_ALL].oldest);
    net_event_free(s->nap);
    net_event_free(s->turn);
    http_bodies_unref(s->bodies);
    free(s);
}

int net_http_server_listen_fd(struct net_http_server *s, int fd, struct net_tls *tls,
                              struct ds_error *e)
{
    if (s->n_listeners == HTTP_LISTENERS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "at most %d listeners", HTTP_LISTENERS_MAX);
    struct http_listener *l = &s->listeners[s->n_listeners];
    *l = (struct http_listener){ .server = s };
    if (evutil_make_socket_nonblocking(fd) != 0)
        return ds_fail_errno(e, errno, "listen: make it non-blocking");
    l->ev = evconnlistener_new(net_loop_base(s->loop), on_accept, l,
                               LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (l->ev == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "listener");
    evconnlistener_set_error_cb(l->ev, on_accept_error);
    l->tls = tls != NULL ? net_tls_ref(tls) : NULL;
    s->n_listeners++;
    return DS_OK;
}

int net_http_server_listen(struct net_http_server *s, const struct net_target *t, unsigned mode,
                           struct net_tls *tls, struct ds_error *e)
{
    if ((t->kind == NET_TARGET_TLS) != (tls != NULL))
        return ds_fail(e, DS_ERR_ARG, "a TLS address needs a TLS context, no other has one");
    DS_AUTO(ds_auto_close) int fd = -1;
    DS_TRY(net_listen(&fd, t, mode, e));
    DS_TRY(net_http_server_listen_fd(s, fd, tls, e));
    fd = -1;
    return DS_OK;
}

unsigned net_http_server_port(const struct net_http_server *s)
{
    struct sockaddr_storage a = { 0 };
    socklen_t len = sizeof a;
    if (s->n_listeners == 0 ||
        getsockname(evconnlistener_get_fd(s->listeners[0].ev), (struct sockaddr *)&a, &len) != 0)
        return 0;
    if (a.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&a)->sin_port);
    return a.ss_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)(const void *)&a)->sin6_port)
               : 0;
}

void net_http_server_stats(struct net_http_stats *ret, const struct net_http_server *s)
{
    *ret = s->stats;
    ret->n_open = s->queues[HTTP_ALL].n;
    ret->held_len = s->bodies->len;
}

const char *net_http_method(const struct net_http_request *r)
{
    return llhttp_method_name((llhttp_method_t)r->msg.parser.method);
}

const char *net_http_path(const struct net_http_request *r) { return r->path; }
const char *net_http_query(const struct net_http_request *r) { return r->query; }
struct ds_span net_http_body(const struct net_http_request *r) { return ds_buf_span(&r->msg.body); }

const char *net_http_header(const struct net_http_request *r, const char *name)
{
    return http_msg_header(&r->msg, name);
}

const struct net_http_peer *net_http_peer(const struct net_http_request *r)
{
    return &r->peer->pub;
}

bool net_http_is_gone(const struct net_http_request *r) { return r->conn == NULL; }

struct ssl_st *net_http_ssl(const struct net_http_request *r)
{
    return r->conn != NULL ? bufferevent_openssl_get_ssl(r->conn->bev) : NULL;
}
