/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of the HTTP server: a bufferevent (plain or TLS), messages by
 * http_parse.c, one request at a time.
 *
 * A request outlives its connection when the client leaves early: it then
 * points to none, and its reply goes nowhere.
 */
#include "net/http_conn.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"

#define INPUT_MAX       ((size_t)64 * 1024) /* read ahead of a request that is being answered */
#define OUTPUT_MAX      ((size_t)64 * 1024) /* not yet taken when the next request is */
#define EVICTED_AT_ONCE 16
#define DRAIN_MS        1000 /* after a refusal: let the client read why */
#define DRAIN_BYTES_MAX ((size_t)64 << 20)

static void peer_unref(struct http_peer *p)
{
    if (p == NULL || --p->refs > 0)
        return;
    net_chain_done(&p->chain);
    free(p);
}

static void peer_address(struct net_http_peer *p, int fd)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    struct sockaddr_storage a = { 0 };
    socklen_t a_len = sizeof a;
    char ip[INET6_ADDRSTRLEN] = "?";
    if (getpeername(fd, (struct sockaddr *)&a, &a_len) != 0)
        return;
    if (a.ss_family == AF_UNIX) {
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
            return;
        p->is_unix = true;
        p->uid = cred.uid;
        p->gid = cred.gid;
        p->pid = cred.pid;
        (void)snprintf(p->address, sizeof p->address, "unix pid %d uid %u", (int)cred.pid,
                       (unsigned)cred.uid);
        return;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&a;
    bool is_v4 = a.ss_family == AF_INET;
    (void)inet_ntop(a.ss_family, is_v4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr,
                    ip, sizeof ip);
    (void)snprintf(p->address, sizeof p->address, is_v4 ? "%s:%u" : "[%s]:%u", ip,
                   (unsigned)ntohs(is_v4 ? v4->sin_port : v6->sin6_port));
}

static struct http_peer *peer_new(int fd, bool tls)
{
    struct http_peer *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->refs = 1;
    p->pub.uid = (uid_t)-1;
    p->pub.gid = (gid_t)-1;
    p->pub.is_tls = tls;
    p->pub.chain = &p->chain;
    peer_address(&p->pub, fd);
    return p;
}

void http_request_free(struct net_http_request *r)
{
    if (r == NULL)
        return;
    http_bodies_drop(r);
    http_msg_done(&r->msg);
    free(r->path);
    peer_unref(r->peer);
    free(r);
}

static struct net_http_request *request_new(struct http_conn *c)
{
    struct net_http_request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    const struct net_http_limits *l = &c->server->limits;
    http_msg_init(&r->msg, HTTP_REQUEST, l->head_max, l->body_max);
    r->conn = c;
    r->peer = c->peer;
    r->peer->refs++;
    r->bodies = c->server->bodies;
    r->bodies->refs++;
    return r;
}

void http_conn_free(struct http_conn *c)
{
    struct net_http_server *s = c->server;
    struct net_http_request *r = c->busy ? c->req : NULL; /* the handler's */
    if (r != NULL)
        r->conn = NULL;
    else
        http_request_free(c->req);
    for (enum http_queue_name q = HTTP_ALL; q < HTTP_QUEUES; q++)
        http_queue_remove(c, q);
    http_bodies_unwatch(c);
    if (!s->limits.evicts && s->queues[HTTP_ALL].n + 1 == s->limits.connections_max)
        http_server_accept(s, true);
    SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
    if (ssl != NULL && SSL_is_init_finished(ssl)) {
        (void)SSL_shutdown(ssl); /* close_notify; nobody waits for the answer */
        ERR_clear_error();
    }
    bufferevent_free(c->bev);
    peer_unref(c->peer);
    free(c);
    if (r != NULL && r->streaming && r->stream != NULL && r->stream->gone != NULL)
        r->stream->gone(r->stream_arg);
}

static void set_timeout(struct http_conn *c, int64_t ms)
{
    struct timeval tv = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
    bufferevent_set_timeouts(c->bev, &tv, &tv);
}

/* The output is written: close, or half-close and read on so that no reset overtakes the reply. */
static void conn_finish(struct http_conn *c)
{
    if (!c->draining) {
        http_conn_free(c);
        return;
    }
    set_timeout(c, DRAIN_MS);
    if (bufferevent_openssl_get_ssl(c->bev) == NULL)
        (void)shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    (void)bufferevent_enable(c->bev, EV_READ);
}

static void count_refusal(struct net_http_stats *st, int status)
{
    if (status == 408)
        st->n_late++;
    else if (status == 413 || status == 431)
        st->n_too_large++;
    else if (status == 503)
        st->n_no_room++;
    else
        st->n_malformed++;
}

/* The server itself refuses: no request of ours is left on the connection. */
static void conn_refuse(struct http_conn *c, int status, const char *why)
{
    char body[160];
    (void)snprintf(body, sizeof body, "{\"error\":\"%s\",\"code\":\"net.bad_http\"}", why);
    count_refusal(&c->server->stats, status);
    c->closing = true;
    c->draining = true;
    c->began_ms = ds_clock_mono_ms();
    http_conn_reply(c, status, "application/json", ds_span_str(body), false, NULL);
    http_request_free(c->req);
    c->req = NULL;
}

static bool split_target(struct net_http_request *r)
{
    r->path = strdup(http_msg_target(&r->msg));
    if (r->path == NULL)
        return false;
    char *q = strchr(r->path, '?');
    r->query = q != NULL ? q + 1 : r->path + strlen(r->path);
    if (q != NULL)
        *q = '\0';
    return true;
}

static void handle(struct http_conn *c)
{
    struct net_http_request *r = c->req;
    struct ds_error e;
    SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
    if (ssl != NULL && c->peer->chain.n == 0 && net_tls_peer_chain(&c->peer->chain, ssl, &e) < 0) {
        conn_refuse(c, 400, "the client certificate is not readable");
        return;
    }
    if (!split_target(r)) {
        conn_refuse(c, 503, "out of memory");
        return;
    }
    if (c->slow) {
        c->slow = false;
        set_timeout(c, c->server->limits.idle_ms);
    }
    http_conns_touch(c);
    r->keep_alive = llhttp_should_keep_alive(&r->msg.parser) == 1;
    http_conn_set_busy(c, true);
    c->server->handler(c->server->arg, r);
}

/* RFC 9110 section 10.1.1: a client that asks waits for leave to send the body. */
static void answer_expect(struct http_conn *c)
{
    struct http_msg *m = &c->req->msg;
    const char *expect = m->head_done && !m->done && !c->req->continued
                             ? http_msg_header(m, "Expect")
                             : NULL;
    if (expect == NULL || strcasecmp(expect, "100-continue") != 0)
        return;
    static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->req->continued = true;
    (void)bufferevent_write(c->bev, go, sizeof go - 1);
}

/* False: refused. */
static bool feed(struct http_conn *c, size_t *ret_used, struct ds_span bytes)
{
    struct http_msg *m = &c->req->msg;
    struct ds_error e;
    if (!m->started)
        c->began_ms = ds_clock_mono_ms();
    if (http_msg_feed(m, ret_used, bytes, &e) < 0) {
        conn_refuse(c, m->refused,
                    m->refused == 413   ? "the body is too large"
                    : m->refused == 431 ? "the head is too large"
                                        : "malformed HTTP");
        return false;
    }
    return true;
}

/* What was fed is no longer counted as read ahead. False: refused. */
static bool keep(struct http_conn *c)
{
    if (http_bodies_keep(c->req))
        return true;
    conn_refuse(c, 503, "too many large bodies at once");
    return false;
}

/*
 * What the socket has of the rest of a body whose length is known: libevent reads 4 KiB each time
 * its loop goes round. At most that rest, since the next request belongs to libevent again, and
 * once each time, since others wait; an end or an error is met by libevent when it reads on.
 */
static struct ds_span read_body(const struct http_conn *c)
{
    const struct http_msg *m = &c->req->msg;
    uint8_t *room = c->server->room;
    uint64_t left = m->parser.content_length;
    if (!m->head_done || (m->parser.flags & F_CONTENT_LENGTH) == 0 || c->peer->pub.is_tls)
        return DS_SPAN(room, 0);
    ssize_t n = recv(bufferevent_getfd(c->bev), room, left < HTTP_READ_MAX ? left : HTTP_READ_MAX,
                     MSG_DONTWAIT);
    return DS_SPAN(room, n > 0 ? (size_t)n : 0);
}

/* Feed what has come; true when a request is complete. */
static bool receive(struct http_conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    struct http_msg *m = &c->req->msg;
    bool has_read = false;
    while (!m->done) {
        size_t used = 0, n = evbuffer_get_contiguous_space(in);
        struct ds_span bytes = DS_SPAN(evbuffer_pullup(in, (ev_ssize_t)n), n);
        if (n == 0 && !has_read)
            bytes = read_body(c);
        has_read = has_read || n == 0;
        if (bytes.len == 0) {
            if (!c->slow)
                set_timeout(c, c->server->limits.request_ms);
            c->slow = true;
            return false;
        }
        if (!feed(c, &used, bytes))
            return false;
        (void)evbuffer_drain(in, n > 0 ? used : 0);
        if (!keep(c))
            return false;
        answer_expect(c);
    }
    return true;
}

/* The client does not take its replies: none is made for it until it has. */
static bool is_behind(const struct http_conn *c)
{
    return c->req == NULL && evbuffer_get_length(bufferevent_get_output(c->bev)) > OUTPUT_MAX;
}

/* There is something to read a request from, and a place for it. */
static bool can_take(struct http_conn *c)
{
    if (c->busy || c->closing || is_behind(c) ||
        evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
        return false;
    if (c->req == NULL)
        c->req = request_new(c);
    c->closing = c->req == NULL;
    return !c->closing;
}

void http_conn_process(struct http_conn *c)
{
    c->processing = true;
    if (can_take(c) && receive(c))
        handle(c);
    c->processing = false;
    http_conn_settle(c);
}

void http_conn_settle(struct http_conn *c)
{
    bool has_input = evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;
    if (c->busy || c->processing)
        return;
    if (!c->closing && has_input) {
        if (is_behind(c)) /* on_written() goes on */
            return;
        http_queue_add(c, HTTP_READY);
        if (net_event_after(c->server->turn, 0, NULL) == DS_OK)
            return;
    }
    if (c->eof || has_input)
        c->closing = true;
    if (c->closing && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
        conn_finish(c);
}

void http_conns_take_turns(struct net_http_server *s)
{
    for (size_t n = s->queues[HTTP_READY].n; n > 0 && s->queues[HTTP_READY].oldest != NULL; n--) {
        struct http_conn *c = s->queues[HTTP_READY].oldest;
        http_queue_remove(c, HTTP_READY);
        http_conn_process(c);
    }
}

/* Since the first byte of the request, or since it was refused. */
static bool is_late(const struct http_conn *c)
{
    const struct net_http_limits *l = &c->server->limits;
    return ds_clock_mono_ms() - c->began_ms > (c->draining ? l->idle_ms : l->request_ms);
}

/* It waits for its turn, and libevent reads no further than INPUT_MAX. */
static void read_ahead(struct http_conn *c)
{
    if (http_bodies_make_room(c))
        return;
    c->server->stats.n_no_room++;
    http_conn_free(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct http_conn *c = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    if (c->draining) {
        size_t n = evbuffer_get_length(in);
        (void)evbuffer_drain(in, n);
        c->drained += n;
        if (c->drained > DRAIN_BYTES_MAX || is_late(c))
            http_conn_free(c);
        return;
    }
    if (c->busy || c->links[HTTP_READY].is_in || is_behind(c))
        read_ahead(c);
    else if (c->req != NULL && c->req->msg.started && is_late(c))
        conn_refuse(c, 408, "the request takes too long to arrive");
    else
        http_conn_process(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct http_conn *c = arg;
    struct net_http_request *r = c->req;
    size_t left = evbuffer_get_length(bufferevent_get_output(bev));
    if (c->busy && r->streaming && r->want_room) {
        r->want_room = false;
        if (r->stream != NULL && r->stream->room != NULL)
            r->stream->room(r->stream_arg);
        return;
    }
    if (left == 0)
        http_conn_settle(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct http_conn *c = arg;
    if ((what & BEV_EVENT_CONNECTED) != 0)
        return;
    bool reading = (what & BEV_EVENT_READING) != 0;
    if ((what & BEV_EVENT_TIMEOUT) != 0 && reading && c->busy) {
        (void)bufferevent_enable(bev, EV_READ); /* it is we who take long */
        return;
    }
    /* An end that is met while writing is no half: with TLS, libevent says so of a dead socket. */
    bool half_closed = reading && (what & BEV_EVENT_EOF) != 0 && !c->draining;
    bool wants_reply = c->busy ? !c->req->streaming : c->buffered_len > 0;
    if (half_closed && wants_reply) {
        c->eof = true;
        (void)bufferevent_enable(bev, EV_WRITE); /* with TLS, libevent stopped writing as well */
        http_conn_settle(c);
        return;
    }
    http_conn_free(c);
}

/*
 * Room for one more, where connections are closed for it; otherwise there is some. libevent closes
 * the descriptor of an evicted one when the loop goes round, which it has to before there are many.
 */
static bool make_room(struct net_http_server *s)
{
    if (s->queues[HTTP_ALL].n < s->limits.connections_max)
        return true;
    if (++s->n_evicted_at_once >= EVICTED_AT_ONCE)
        http_server_nap(s, 0);
    return http_conns_evict(s);
}

void http_conn_open(struct net_http_server *s, int fd, struct net_tls *tls)
{
    if (!make_room(s)) {
        s->stats.n_turned_away++;
        (void)close(fd);
        return;
    }
    struct event_base *base = net_loop_base(s->loop);
    struct http_conn *c = calloc(1, sizeof *c);
    struct http_peer *p = c != NULL ? peer_new(fd, tls != NULL) : NULL;
    struct bufferevent *bev = NULL;
    SSL *ssl = NULL;
    if (p != NULL && tls == NULL)
        bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    else if (p != NULL && net_tls_ssl_new(&ssl, tls, NULL, NULL) == DS_OK)
        bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                             BEV_OPT_CLOSE_ON_FREE);
    if (bev != NULL && tls != NULL)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1); /* lengths tell what is whole */
    if (bev == NULL) {
        (void)close(fd);
        peer_unref(p);
        free(c);
        return;
    }
    *c = (struct http_conn){ .server = s, .bev = bev, .peer = p };
    http_queue_add(c, HTTP_ALL);
    s->stats.n_accepted++;
    if (!s->limits.evicts && s->queues[HTTP_ALL].n == s->limits.connections_max)
        http_server_accept(s, false);
    bufferevent_setcb(bev, on_read, on_written, on_event, c);
    bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
    set_timeout(c, s->limits.idle_ms);
    if (!http_bodies_watch(c) || bufferevent_enable(bev, EV_READ | EV_WRITE) != 0)
        http_conn_free(c);
}
