/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client: one thread, one socket, poll with a deadline.
 */
#include "net/http_client.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_parse.h"

#define HEAD_MAX           ((size_t)64 << 10)
#define REPLY_MAX          ((size_t)16 << 20)
#define DEFAULT_TIMEOUT_MS 30000
#define PIECE_LEN          ((size_t)32 * 1024)

struct net_conn {
    int fd;
    SSL *ssl; /* NULL without TLS */
    struct net_tls *tls;
    char host[256 + 8];
    int64_t deadline_ms;
};

static int too_late(const struct net_conn *c, struct ds_error *e)
{
    return ds_fail(e, DS_ERR_TIMEOUT, "'%s' takes too long", c->host);
}

static int wait_for(const struct net_conn *c, short events, struct ds_error *e)
{
    int64_t left = c->deadline_ms - ds_clock_mono_ms();
    struct pollfd p = { .fd = c->fd, .events = events };
    int n = left > 0 ? poll(&p, 1, left < 60000 ? (int)left : 60000) : 0;
    if (n < 0 && errno != EINTR)
        return ds_fail_errno(e, errno, "poll");
    if (n == 0 && left <= 60000)
        return too_late(c, e);
    return DS_OK;
}

static int lost(const struct net_conn *c, int err, struct ds_error *e)
{
    return ds_fail_at(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_NO_ANSWER, err, __FILE__, __LINE__,
                      "the connection to '%s' broke", c->host);
}

/* What SSL wants next, or why it failed. `n` is its last result. */
static int ssl_wait(const struct net_conn *c, int n, const char *doing, struct ds_error *e)
{
    int why = SSL_get_error(c->ssl, n);
    if (why == SSL_ERROR_WANT_READ)
        return wait_for(c, POLLIN, e);
    if (why == SSL_ERROR_WANT_WRITE)
        return wait_for(c, POLLOUT, e);
    bool cut = why == SSL_ERROR_SSL &&
               ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (why == SSL_ERROR_SYSCALL || cut)
        return lost(c, cut ? 0 : errno, e);
    return net_tls_fail(c->ssl, DS_ERR_UNTRUSTED, doing, e);
}

/* One try; false: nothing yet, what it waits for has been waited for. */
static int try_read(struct net_conn *c, uint8_t *out, size_t cap, bool *ret_done, size_t *ret_len,
                    struct ds_error *e)
{
    *ret_done = true;
    if (c->ssl != NULL) {
        ERR_clear_error();
        int n = SSL_read(c->ssl, out, (int)cap);
        *ret_len = n > 0 ? (size_t)n : 0;
        *ret_done = n > 0 || SSL_get_error(c->ssl, n) == SSL_ERROR_ZERO_RETURN;
        return *ret_done ? DS_OK : ssl_wait(c, n, "read", e);
    }
    ssize_t n = read(c->fd, out, cap);
    *ret_len = n > 0 ? (size_t)n : 0;
    *ret_done = n >= 0;
    if (n >= 0 || errno == EINTR)
        return DS_OK;
    return errno == EAGAIN ? wait_for(c, POLLIN, e) : lost(c, errno, e);
}

/* At least one byte; *ret_len 0 at the end of the stream. */
static int read_some(struct net_conn *c, uint8_t *out, size_t cap, size_t *ret_len,
                     struct ds_error *e)
{
    bool done = false;
    while (!done) {
        /* Also where the other side never lets us wait. */
        if (ds_clock_mono_ms() >= c->deadline_ms)
            return too_late(c, e);
        DS_TRY(try_read(c, out, cap, &done, ret_len, e));
    }
    return DS_OK;
}

static int try_write(struct net_conn *c, struct ds_span s, size_t *ret_len, struct ds_error *e)
{
    *ret_len = 0;
    if (c->ssl != NULL) {
        ERR_clear_error();
        int n = SSL_write(c->ssl, s.p, (int)(s.len < PIECE_LEN ? s.len : PIECE_LEN));
        *ret_len = n > 0 ? (size_t)n : 0;
        return n > 0 ? DS_OK : ssl_wait(c, n, "write", e);
    }
    ssize_t n = send(c->fd, s.p, s.len, MSG_NOSIGNAL);
    *ret_len = n > 0 ? (size_t)n : 0;
    if (n >= 0 || errno == EINTR)
        return DS_OK;
    return errno == EAGAIN ? wait_for(c, POLLOUT, e) : lost(c, errno, e);
}

static int write_all(struct net_conn *c, struct ds_span s, struct ds_error *e)
{
    while (s.len > 0) {
        size_t n = 0;
        DS_TRY(try_write(c, s, &n, e));
        s = DS_SPAN(s.p + n, s.len - n);
    }
    return DS_OK;
}

static bool is_ip(const char *host)
{
    return strchr(host, ':') != NULL || host[strspn(host, "0123456789.")] == '\0';
}

static int shake_hands(struct net_conn *c, const struct net_target *t, struct ds_error *e)
{
    DS_TRY(net_tls_ssl_new(&c->ssl, c->tls, is_ip(t->host) ? NULL : t->host, e));
    if (SSL_set_fd(c->ssl, c->fd) != 1)
        return net_tls_fail(c->ssl, DS_ERR_CRYPTO, "use a socket", e);
    for (;;) {
        ERR_clear_error();
        int n = SSL_connect(c->ssl);
        if (n == 1)
            return DS_OK;
        DS_TRY(ssl_wait(c, n, "handshake", e));
    }
}

int net_conn_open(struct net_conn **ret, const struct net_target *t, struct net_tls *tls,
                  int64_t timeout_ms, struct ds_error *e)
{
    if ((t->kind == NET_TARGET_TLS) != (tls != NULL))
        return ds_fail(e, DS_ERR_ARG, "a TLS address needs a TLS context, no other has one");
    DS_AUTO(net_conn_close_auto) struct net_conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "connection");
    c->fd = -1;
    c->deadline_ms = ds_clock_mono_ms() + (timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS);
    bool v6 = strchr(t->host, ':') != NULL;
    (void)snprintf(c->host, sizeof c->host, "%s%s%s%s%s", v6 ? "[" : "",
                   t->kind == NET_TARGET_UNIX ? "localhost" : t->host, v6 ? "]" : "",
                   t->port[0] != '\0' ? ":" : "", t->port);
    DS_TRY(net_connect(&c->fd, t, c->deadline_ms, e));
    if (tls != NULL) {
        c->tls = net_tls_ref(tls);
        int r = shake_hands(c, t, e);
        if (r < 0)
            return ds_wrap(e, r, "'%s'", c->host);
    }
    *ret = DS_TAKE_PTR(c);
    return DS_OK;
}

void net_conn_close(struct net_conn *c)
{
    if (c == NULL)
        return;
    if (c->ssl != NULL && SSL_is_init_finished(c->ssl))
        (void)SSL_shutdown(c->ssl);
    ERR_clear_error();
    SSL_free(c->ssl);
    net_tls_unref(c->tls);
    if (c->fd >= 0)
        (void)close(c->fd);
    free(c);
}

struct ssl_st *net_conn_ssl(struct net_conn *c) { return c->ssl; }

void net_http_response_done(struct net_http_response *r) { ds_buf_done(&r->body); }

/* A header that would begin a line of its own is no header. */
static bool is_one_line(const char *text) { return text[strcspn(text, "\r\n")] == '\0'; }

static int put_head(struct ds_buf *out, const char *method, const char *host,
                    const struct net_http_call *call, struct ds_error *e)
{
    if (!is_one_line(call->path) || call->path[0] != '/' || strchr(call->path, ' ') != NULL)
        return ds_fail(e, DS_ERR_ARG, "'%.80s' is no HTTP path", call->path);
    ds_buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, call->path, host);
    for (size_t i = 0; i < call->n_headers; i++) {
        const struct net_http_header *h = &call->headers[i];
        if (!is_one_line(h->name) || !is_one_line(h->value))
            return ds_fail(e, DS_ERR_ARG, "a header with a line break");
        ds_buf_printf(out, "%s: %s\r\n", h->name, h->value);
    }
    if (call->source != NULL)
        ds_buf_str(out, "Transfer-Encoding: chunked\r\n");
    else if (call->body.len > 0 || strcmp(method, "POST") == 0)
        ds_buf_printf(out, "Content-Length: %zu\r\n", call->body.len);
    ds_buf_str(out, "\r\n");
    return DS_OK;
}

static int put_source(struct net_conn *c, const struct net_http_call *call, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *piece = malloc(PIECE_LEN);
    if (piece == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "upload");
    for (;;) {
        size_t n = 0;
        DS_TRY(call->source(call->source_arg, piece, PIECE_LEN, &n, e));
        assert(n <= PIECE_LEN);
        DS_AUTO(ds_buf_done) struct ds_buf chunk = { 0 };
        ds_buf_printf(&chunk, "%zx\r\n", n);
        ds_buf_add(&chunk, DS_SPAN(piece, n));
        ds_buf_str(&chunk, "\r\n");
        DS_TRY(ds_buf_end(&chunk, e, "upload"));
        DS_TRY(write_all(c, ds_buf_span(&chunk), e));
        if (n == 0)
            return DS_OK;
    }
}

/* Head and body in one write where they are small: one packet, one TLS record. */
static int send_request(struct net_conn *c, const char *method, const char *host,
                        const struct net_http_call *call, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_TRY(put_head(&out, method, host, call, e));
    bool together = call->source == NULL && call->body.len <= PIECE_LEN;
    if (together)
        ds_buf_add(&out, call->body);
    DS_TRY(ds_buf_end(&out, e, "request"));
    DS_TRY(write_all(c, ds_buf_span(&out), e));
    if (call->source != NULL)
        return put_source(c, call, e);
    return together ? DS_OK : write_all(c, call->body, e);
}

struct receive {
    struct net_conn *c;
    const struct net_http_call *call;
    struct http_msg msg;
    struct ds_buf error_body; /* of a reply that the sink does not get */
    int status;               /* what the sink said */
    int64_t timeout_ms;
    struct ds_error *e;
};

static int on_piece(void *arg, struct ds_span piece)
{
    struct receive *r = arg;
    int code = r->msg.parser.status_code;
    if (code < 200 || code > 299) {
        if (piece.len <= HEAD_MAX - r->error_body.len)
            ds_buf_add(&r->error_body, piece);
        return 0;
    }
    r->c->deadline_ms = ds_clock_mono_ms() + r->timeout_ms;
    r->status = r->call->sink(r->call->sink_arg, piece, r->e);
    return r->status;
}

static void msg_begin(struct receive *r, bool head_reply)
{
    size_t max = r->call->reply_max != 0 ? r->call->reply_max : REPLY_MAX;
    http_msg_init(&r->msg, HTTP_RESPONSE, HEAD_MAX, max);
    r->msg.head_reply = head_reply;
    r->msg.body.wipes = r->c->ssl != NULL; /* keys come this way */
    if (r->call->sink != NULL) {
        r->msg.sink = on_piece;
        r->msg.sink_arg = r;
    }
}

static int feed(struct receive *r, const uint8_t *in, size_t len, size_t *ret_used)
{
    int status = http_msg_feed(&r->msg, ret_used, DS_SPAN(in, len), r->e);
    if (r->status < 0)
        return r->status;
    if (status < 0 && r->msg.refused == 413)
        return ds_fail_code(r->e, DS_ERR_RANGE, DS_CODE_NET_REPLY_TOO_LARGE,
                            "the reply of '%s' is larger than %zu bytes", r->c->host,
                            r->msg.body_max);
    return status < 0 ? ds_wrap(r->e, status, "'%s'", r->c->host) : DS_OK;
}

/* Interim replies (1xx) are read over. *ret_extra: bytes followed the reply. */
static int receive_pieces(struct receive *r, uint8_t in[static PIECE_LEN], bool head_reply,
                          bool *ret_extra)
{
    size_t len = 0, at = 0;
    for (;;) {
        if (at == len) {
            at = 0;
            DS_TRY(read_some(r->c, in, PIECE_LEN, &len, r->e));
        }
        size_t used = 0;
        if (len == 0)
            DS_TRY(http_msg_eof(&r->msg, r->e));
        else
            DS_TRY(feed(r, in + at, len - at, &used));
        at += used;
        if (!r->msg.done)
            continue;
        *ret_extra = at < len;
        int code = r->msg.parser.status_code;
        if (code >= 200 || code == 101)
            return DS_OK;
        http_msg_done(&r->msg);
        msg_begin(r, head_reply);
    }
}

static int receive_reply(struct receive *r, bool head_reply, bool *ret_extra)
{
    DS_AUTO(ds_auto_free) uint8_t *in = malloc(PIECE_LEN);
    if (in == NULL)
        return ds_fail(r->e, DS_ERR_NOMEM, "reply");
    int got = receive_pieces(r, in, head_reply, ret_extra);
    if (r->c->ssl != NULL)
        explicit_bzero(in, PIECE_LEN);
    return got;
}

static void receive_done(struct receive *r)
{
    http_msg_done(&r->msg);
    ds_buf_done(&r->error_body);
}

int net_http_exchange(struct net_http_response *ret, bool *ret_closed, struct net_conn *c,
                      const char *host, const struct net_http_call *call, struct ds_error *e)
{
    bool has_body = call->body.len > 0 || call->source != NULL;
    const char *method = call->method != NULL ? call->method : has_body ? "POST" : "GET";
    int64_t timeout = call->timeout_ms > 0 ? call->timeout_ms : DEFAULT_TIMEOUT_MS;
    c->deadline_ms = ds_clock_mono_ms() + timeout;
    *ret_closed = true;
    DS_AUTO(receive_done)
    struct receive r = { .c = c, .call = call, .timeout_ms = timeout, .e = e };
    msg_begin(&r, strcmp(method, "HEAD") == 0);
    /* A server may refuse an upload and close before it has read it: its reply says why. */
    int sent = send_request(c, method, host != NULL ? host : c->host, call, e);
    if (sent < 0 && sent != DS_ERR_UNAVAILABLE)
        return sent;
    bool extra = false;
    struct ds_error late;
    r.e = sent < 0 ? &late : e;
    int got = receive_reply(&r, r.msg.head_reply, &extra);
    if (got < 0)
        return sent < 0 ? sent : got;
    ret->status = r.msg.parser.status_code;
    const char *type = http_msg_header(&r.msg, "Content-Type");
    (void)snprintf(ret->content_type, sizeof ret->content_type, "%s", type != NULL ? type : "");
    struct ds_buf *body = call->sink != NULL ? &r.error_body : &r.msg.body;
    ds_buf_done(&ret->body);
    ret->body = *body;
    *body = (struct ds_buf){ 0 };
    *ret_closed = extra || llhttp_should_keep_alive(&r.msg.parser) != 1;
    return DS_OK;
}

int net_http_call(struct net_http_response *ret, const struct net_target *t, struct net_tls *tls,
                  const struct net_http_call *call, struct ds_error *e)
{
    DS_AUTO(net_conn_close_auto) struct net_conn *c = NULL;
    DS_TRY(net_conn_open(&c, t, tls, call->timeout_ms, e));
    bool closed = false;
    return net_http_exchange(ret, &closed, c, NULL, call, e);
}
