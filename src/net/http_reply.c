/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out of the HTTP server: replies in one piece, and streams.
 */
#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_conn.h"

#define STREAM_HIGH ((size_t)1024 * 1024)
#define STREAM_LOW  ((size_t)128 * 1024)

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
void http_conn_reply(struct http_conn *c, int status, const char *type, struct ds_span body,
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

static bool is_head(const struct net_http_request *r) { return r->msg.parser.method == HTTP_HEAD; }

/* The request is answered: the connection takes the next one, or closes. */
static void request_end(struct net_http_request *r)
{
    struct http_conn *c = r->conn;
    http_request_free(r);
    if (c == NULL)
        return;
    c->req = NULL;
    http_conn_set_busy(c, false);
    http_conn_settle(c);
}

void net_http_reply(struct net_http_request *r, int status, const char *content_type,
                    struct ds_span body, const char *extra)
{
    assert(!r->streaming);
    if (r->conn != NULL) {
        r->conn->closing = !r->keep_alive;
        http_conn_reply(r->conn, status, content_type, body, is_head(r), extra);
        (void)http_bodies_make_room(r->conn); /* over it even so: the next request is refused */
    }
    request_end(r);
}

void net_http_stream(struct net_http_request *r, int status, const char *content_type,
                     const struct net_http_stream_ops *ops, void *arg)
{
    r->streaming = true;
    r->stream = ops;
    r->stream_arg = arg;
    struct http_conn *c = r->conn;
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
    struct http_conn *c = r->conn;
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
    struct http_conn *c = r->conn;
    if (c != NULL) {
        if (r->chunked && !is_head(r))
            (void)evbuffer_add(bufferevent_get_output(c->bev), "0\r\n\r\n", 5);
        bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
        c->closing = !r->keep_alive;
    }
    request_end(r);
}
