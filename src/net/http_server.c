/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: connections as bufferevents (plain or TLS), messages by
 * http_parse.c, one request at a time on each connection.
 *
 * A request outlives its connection when the client leaves early: it then
 * points to none, and its reply goes nowhere.
 */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_parse.h"
#include "net/loop.h"
#include "net/target.h"

#define LISTENERS_MAX   8
#define INPUT_MAX       ((size_t)64 * 1024) /* read ahead of a request that is being answered */
#define STREAM_HIGH     ((size_t)1024 * 1024)
#define STREAM_LOW      ((size_t)128 * 1024)
#define ACCEPT_NAP_MS   100  /* when no descriptor is left: the next try */
#define DRAIN_MS        1000 /* after a refusal: let the client read why */
#define DRAIN_BYTES_MAX ((size_t)64 << 20)

/* Who is at the other end; shared by a connection and its requests. */
struct peer {
    unsigned refs;
    struct net_http_peer pub;
    struct net_chain chain;
};

/* The bodies of all requests, also of those that outlive the server: what is kept, in bytes. */
struct bodies {
    unsigned refs;
    size_t len, max;
};

struct listener {
    struct net_http_server *server;
    struct evconnlistener *ev;
    struct net_tls *tls;
};

struct conn {
    struct net_http_server *server;
    struct conn *prev, *next;
    struct bufferevent *bev;
    struct peer *peer;
    struct net_http_request *req; /* being received or answered */
    bool busy;                    /* req is with the handler */
    bool processing;              /* process() is on the stack */
    bool eof;                     /* the client sends no more */
    bool closing;                 /* close when the output is written */
    bool draining;                /* refused: reading only to throw away */
    size_t drained;
    int64_t began_ms; /* first byte of the request that is coming in */
};

struct net_http_request {
    struct conn *conn; /* NULL: the client left */
    struct peer *peer;
    struct bodies *bodies;
    size_t body_len; /* bytes of ours in `bodies` */
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
    struct listener listeners[LISTENERS_MAX];
    size_t n_listeners;
    struct conn *conns;
    size_t n_conns;
    struct bodies *bodies;
    struct net_event *nap;
};

static void peer_unref(struct peer *p)
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

static struct peer *peer_new(int fd, bool tls)
{
    struct peer *p = calloc(1, sizeof *p);
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

static void bodies_unref(struct bodies *b)
{
    if (b != NULL && --b->refs == 0)
        free(b);
}

/* Count what the request has of its body by now; false when that is too much for all together. */
static bool bodies_keep(struct net_http_request *r)
{
    r->bodies->len += r->msg.body.len - r->body_len;
    r->body_len = r->msg.body.len;
    return r->bodies->len <= r->bodies->max;
}

static void request_free(struct net_http_request *r)
{
    if (r == NULL)
        return;
    r->bodies->len -= r->body_len;
    bodies_unref(r->bodies);
    http_msg_done(&r->msg);
    free(r->path);
    peer_unref(r->peer);
    free(r);
}

static struct net_http_request *request_new(struct conn *c)
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

static void listeners_enable(struct net_http_server *s, bool on)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        (void)(on ? evconnlistener_enable(s->listeners[i].ev)
                  : evconnlistener_disable(s->listeners[i].ev));
}

static void conn_free(struct conn *c)
{
    struct net_http_server *s = c->server;
    struct net_http_request *r = c->busy ? c->req : NULL; /* the handler's */
    if (r != NULL)
        r->conn = NULL;
    else
        request_free(c->req);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    if (s->n_conns-- == s->limits.connections_max)
        listeners_enable(s, true);
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

/* The output is written: close, or half-close and read on so that no reset overtakes the reply. */
static void conn_finish(struct conn *c)
{
    if (!c->draining) {
        conn_free(c);
        return;
    }
    struct timeval tv = { DRAIN_MS / 1000, DRAIN_MS % 1000 * 1000 };
    bufferevent_set_timeouts(c->bev, &tv, &tv);
    if (bufferevent_openssl_get_ssl(c->bev) == NULL)
        (void)shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    (void)bufferevent_enable(c->bev, EV_READ);
}

static void write_head(struct ds_buf *out, int status, const char *type, const char *framing,
                       bool keep_alive, const char *extra)
{
    ds_buf_printf(out, "HTTP/1.1 %d %s\r\n%s%s%s%s%s%s\r\n", status, http_status_text(status),
                  type != NULL ? "Content-Type: " : "", type != NULL ? type : "",
                  type != NULL ? "\r\n" : "", framing, keep_alive ? "" : "Connection: close\r\n",
                  extra != NULL ? extra : "");
}

static void wipe_reply(const void *bytes, size_t len, void *arg)
{
    (void)bytes; /* the same as arg */
    explicit_bzero(arg, len);
    free(arg);
}

/* One piece, one write: a TLS reply is then one record. A body may hold keys: the only copy that
 * is made here is wiped when it is sent. */
static void conn_reply(struct conn *c, int status, const char *type, struct ds_span body,
                       bool no_body, const char *extra)
{
    char framing[48];
    (void)snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", body.len);
    DS_AUTO(ds_buf_done) struct ds_buf out = { .wipes = true };
    write_head(&out, status, type, framing, !c->closing, extra);
    if (!no_body)
        ds_buf_add(&out, body);
    size_t len = out.len;
    char *bytes = ds_buf_take(&out);
    if (bytes != NULL &&
        evbuffer_add_reference(bufferevent_get_output(c->bev), bytes, len, wipe_reply, bytes) == 0)
        return;
    if (bytes != NULL)
        wipe_reply(bytes, len, bytes);
    c->closing = true;
}

/* The server itself refuses: no request of ours is left on the connection. */
static void conn_refuse(struct conn *c, int status, const char *why)
{
    char body[160];
    (void)snprintf(body, sizeof body, "{\"error\":\"%s\",\"code\":\"net.bad_http\"}", why);
    c->closing = true;
    c->draining = true;
    conn_reply(c, status, "application/json", ds_span_str(body), false, NULL);
    request_free(c->req);
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

static void handle(struct conn *c)
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
    r->keep_alive = llhttp_should_keep_alive(&r->msg.parser) == 1;
    c->busy = true;
    c->server->handler(c->server->arg, r);
}

/* RFC 9110 section 10.1.1: a client that asks waits for leave to send the body. */
static void answer_expect(struct conn *c)
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

/* Feed what has come; true when a request is complete. */
static bool receive(struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    struct http_msg *m = &c->req->msg;
    while (!m->done) {
        size_t n = evbuffer_get_contiguous_space(in);
        if (n == 0)
            return false;
        if (!m->started)
            c->began_ms = ds_clock_mono_ms();
        size_t used = 0;
        struct ds_error e;
        if (http_msg_feed(m, &used, DS_SPAN(evbuffer_pullup(in, (ev_ssize_t)n), n), &e) < 0) {
            conn_refuse(c, m->refused,
                        m->refused == 413   ? "the body is too large"
                        : m->refused == 431 ? "the head is too large"
                                            : "malformed HTTP");
            return false;
        }
        (void)evbuffer_drain(in, used);
        if (!bodies_keep(c->req)) {
            conn_refuse(c, 503, "too many large bodies at once");
            return false;
        }
        answer_expect(c);
    }
    return true;
}

/* Take requests off the input until one is being answered or nothing whole is left. */
static void process(struct conn *c)
{
    c->processing = true;
    while (!c->busy && !c->closing) {
        if (evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
            break;
        if (c->req == NULL)
            c->req = request_new(c);
        if (c->req == NULL) {
            c->closing = true;
            break;
        }
        if (!receive(c))
            break;
        handle(c);
    }
    c->processing = false;
    if (c->eof && !c->busy)
        c->closing = true;
    if (c->closing && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
        conn_finish(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    if (c->draining) {
        size_t n = evbuffer_get_length(in);
        (void)evbuffer_drain(in, n);
        c->drained += n;
        if (c->drained > DRAIN_BYTES_MAX)
            conn_free(c);
        return;
    }
    bool slow = c->req != NULL && !c->busy && c->req->msg.started &&
                ds_clock_mono_ms() - c->began_ms > c->server->limits.idle_ms;
    if (slow)
        conn_refuse(c, 408, "the request takes too long to arrive");
    else if (!c->busy)
        process(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    struct net_http_request *r = c->req;
    size_t left = evbuffer_get_length(bufferevent_get_output(bev));
    if (c->busy && r->streaming && r->want_room) {
        r->want_room = false;
        if (r->stream != NULL && r->stream->room != NULL)
            r->stream->room(r->stream_arg);
        return;
    }
    if (c->closing && left == 0)
        conn_finish(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct conn *c = arg;
    if ((what & BEV_EVENT_CONNECTED) != 0)
        return;
    bool reading = (what & BEV_EVENT_READING) != 0;
    if ((what & BEV_EVENT_TIMEOUT) != 0 && reading && c->busy) {
        (void)bufferevent_enable(bev, EV_READ); /* it is we who take long */
        return;
    }
    /* An end that is met while writing is no half: with TLS, libevent says so of a dead socket. */
    bool half_closed = reading && (what & BEV_EVENT_EOF) != 0 && !c->draining;
    if (half_closed && c->busy && !c->req->streaming) {
        c->eof = true; /* it may still want the reply */
        return;
    }
    if (half_closed && !c->busy && evbuffer_get_length(bufferevent_get_output(bev)) > 0) {
        c->closing = true; /* by on_written; with TLS, libevent stopped writing as well */
        (void)bufferevent_enable(bev, EV_WRITE);
        return;
    }
    conn_free(c);
}

/* Out of descriptors or memory: without a pause the loop would spin on the waiting connection. */
static void on_accept_error(struct evconnlistener *ev, void *arg)
{
    (void)ev;
    struct net_http_server *s = ((struct listener *)arg)->server;
    if (net_event_after(s->nap, ACCEPT_NAP_MS, NULL) == DS_OK)
        listeners_enable(s, false);
}

static void on_nap_over(void *arg, unsigned what)
{
    (void)what;
    struct net_http_server *s = arg;
    if (s->n_conns < s->limits.connections_max)
        listeners_enable(s, true);
}

static void on_accept(struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa,
                      int sa_len, void *arg)
{
    (void)ev;
    (void)sa;
    (void)sa_len;
    struct listener *l = arg;
    struct net_http_server *s = l->server;
    struct event_base *base = net_loop_base(s->loop);
    struct conn *c = calloc(1, sizeof *c);
    struct peer *p = c != NULL ? peer_new(fd, l->tls != NULL) : NULL;
    struct bufferevent *bev = NULL;
    SSL *ssl = NULL;
    if (p != NULL && l->tls == NULL)
        bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    else if (p != NULL && net_tls_ssl_new(&ssl, l->tls, NULL, NULL) == DS_OK)
        bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                             BEV_OPT_CLOSE_ON_FREE);
    if (bev != NULL && l->tls != NULL)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1); /* lengths tell what is whole */
    if (bev == NULL) {
        (void)close(fd);
        peer_unref(p);
        free(c);
        return;
    }
    *c = (struct conn){ .server = s, .bev = bev, .peer = p, .next = s->conns };
    if (c->next != NULL)
        c->next->prev = c;
    s->conns = c;
    if (++s->n_conns == s->limits.connections_max)
        listeners_enable(s, false);
    struct timeval tv = { (time_t)(s->limits.idle_ms / 1000),
                          (suseconds_t)(s->limits.idle_ms % 1000 * 1000) };
    bufferevent_setcb(bev, on_read, on_written, on_event, c);
    bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
    bufferevent_set_timeouts(bev, &tv, &tv);
    if (bufferevent_enable(bev, EV_READ | EV_WRITE) != 0)
        conn_free(c);
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
    s->bodies = calloc(1, sizeof *s->bodies);
    int r = s->bodies != NULL ? net_event_timer(&s->nap, loop, on_nap_over, s, e)
                              : ds_fail(e, DS_ERR_NOMEM, "HTTP server");
    if (r < 0) {
        free(s->bodies);
        free(s);
        return r;
    }
    *s->bodies = (struct bodies){ .refs = 1, .max = s->limits.bodies_max };
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
    while (s->conns != NULL)
        conn_free(s->conns);
    net_event_free(s->nap);
    bodies_unref(s->bodies);
    free(s);
}

int net_http_server_listen_fd(struct net_http_server *s, int fd, struct net_tls *tls,
                              struct ds_error *e)
{
    if (s->n_listeners == LISTENERS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "at most %d listeners", LISTENERS_MAX);
    struct listener *l = &s->listeners[s->n_listeners];
    *l = (struct listener){ .server = s };
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

struct ssl_st *net_http_ssl(const struct net_http_request *r)
{
    return r->conn != NULL ? bufferevent_openssl_get_ssl(r->conn->bev) : NULL;
}

static bool is_head(const struct net_http_request *r) { return r->msg.parser.method == HTTP_HEAD; }

/* The request is answered: the connection takes the next one, or closes. */
static void request_end(struct net_http_request *r)
{
    struct conn *c = r->conn;
    request_free(r);
    if (c == NULL)
        return;
    c->req = NULL;
    c->busy = false;
    if (!c->processing)
        process(c);
}

void net_http_reply(struct net_http_request *r, int status, const char *content_type,
                    struct ds_span body, const char *extra)
{
    assert(!r->streaming);
    if (r->conn != NULL) {
        r->conn->closing = !r->keep_alive;
        conn_reply(r->conn, status, content_type, body, is_head(r), extra);
    }
    request_end(r);
}

void net_http_stream(struct net_http_request *r, int status, const char *content_type,
                     const struct net_http_stream_ops *ops, void *arg)
{
    r->streaming = true;
    r->stream = ops;
    r->stream_arg = arg;
    struct conn *c = r->conn;
    if (c == NULL)
        return;
    r->chunked = r->msg.parser.http_minor == 1;
    r->keep_alive = r->keep_alive && r->chunked;
    bufferevent_setwatermark(c->bev, EV_WRITE, STREAM_LOW, 0);
    DS_AUTO(ds_buf_done) struct ds_buf head = { 0 };
    write_head(&head, status, content_type, r->chunked ? "Transfer-Encoding: chunked\r\n" : "",
               r->keep_alive, NULL);
    (void)evbuffer_add(bufferevent_get_output(c->bev), head.p, head.len);
}

bool net_http_stream_write(struct net_http_request *r, struct ds_span bytes)
{
    struct conn *c = r->conn;
    if (c == NULL || bytes.len == 0 || is_head(r))
        return true;
    struct evbuffer *out = bufferevent_get_output(c->bev);
    if (r->chunked)
        (void)evbuffer_add_printf(out, "%zx\r\n", bytes.len);
    (void)evbuffer_add(out, bytes.p, bytes.len);
    if (r->chunked)
        (void)evbuffer_add(out, "\r\n", 2);
    r->want_room = evbuffer_get_length(out) > STREAM_HIGH;
    return !r->want_room;
}

void net_http_stream_end(struct net_http_request *r)
{
    struct conn *c = r->conn;
    if (c != NULL) {
        if (r->chunked && !is_head(r))
            (void)evbuffer_add(bufferevent_get_output(c->bev), "0\r\n\r\n", 5);
        bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
        c->closing = !r->keep_alive;
    }
    request_end(r);
}
