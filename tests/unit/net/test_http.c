/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server and client against each other and against raw bytes: the published JS
 * SDK's way to close, limits, half requests, late replies, streams, uploads.
 */
#include "serve.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "net/http_client.h"
#include "net/http_server.h"

struct fixture {
    struct net_loop *loop;
    struct net_http_server *server;
    struct net_target target;
    char dir[64];
    struct net_http_request *kept; /* of /keep */
    struct net_event *timer;
    unsigned gone, handled;
    size_t streamed;
    bool stream_full;
};

static struct fixture *fx;

static void stream_room(void *arg);

static void stream_gone(void *arg)
{
    struct fixture *f = arg;
    f->gone++;
    net_http_stream_end(f->kept);
    f->kept = NULL;
}

static const struct net_http_stream_ops stream_ops = { stream_room, stream_gone };

/* 8 MiB in all, waiting for room whenever told to. */
static void stream_room(void *arg)
{
    static const uint8_t block[64 * 1024];
    struct fixture *f = arg;
    while (f->streamed < (8u << 20)) {
        f->streamed += sizeof block;
        if (!net_http_stream_write(f->kept, DS_SPAN_OF(block))) {
            f->stream_full = true;
            return;
        }
    }
    net_http_stream_end(f->kept);
    f->kept = NULL;
}

static void on_timer(void *arg, unsigned what)
{
    (void)what;
    struct fixture *f = arg;
    struct net_http_request *r = f->kept;
    f->kept = NULL;
    net_http_reply(r, 200, "text/plain", DS_SPAN_LIT("late"), NULL);
}

static void echo(struct net_http_request *req)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    const char *x = net_http_header(req, "x-test");
    ds_buf_printf(&out, "%s %s?%s [%s] ", net_http_method(req), net_http_path(req),
                  net_http_query(req), x != NULL ? x : "");
    ds_buf_add(&out, net_http_body(req));
    net_http_reply(req, 200, "text/plain", ds_buf_span(&out), "X-App-Version: v1\r\n");
}

static void handler(void *arg, struct net_http_request *req)
{
    struct fixture *f = arg;
    const char *path = net_http_path(req);
    f->handled++;
    if (strcmp(path, "/late") == 0) {
        f->kept = req;
        assert_int_equal(net_event_after(f->timer, 50, NULL), DS_OK);
    } else if (strcmp(path, "/keep") == 0) {
        f->kept = req;
    } else if (strcmp(path, "/stream") == 0) {
        f->kept = req;
        net_http_stream(req, 200, "application/octet-stream", &stream_ops, f);
        stream_room(f);
    } else if (strcmp(path, "/endless") == 0) {
        f->kept = req;
        net_http_stream(req, 200, "text/plain", &stream_ops, f);
        (void)net_http_stream_write(req, DS_SPAN_LIT("first "));
    } else if (strcmp(path, "/peer") == 0) {
        const struct net_http_peer *p = net_http_peer(req);
        char text[64];
        (void)snprintf(text, sizeof text, "%d %u %d", p->is_unix, (unsigned)p->uid,
                       p->pid == getpid());
        net_http_reply(req, 200, "text/plain", ds_span_str(text), NULL);
    } else if (strcmp(path, "/big") == 0) {
        static const char big[1u << 20]; /* more than the kernel takes at once */
        net_http_reply(req, 200, NULL, DS_SPAN_OF(big), NULL);
    } else if (strcmp(path, "/fail") == 0) {
        net_http_reply(req, 400, "application/json", DS_SPAN_LIT("{\"error\":\"no\"}"), NULL);
    } else {
        echo(req);
    }
}

static int setup(void **state)
{
    (void)state;
    fx = calloc(1, sizeof *fx);
    struct net_http_limits limits = {
        .body_max = 100000,
        .bodies_max = 150000,
        .head_max = 4096,
        .connections_max = 4,
        .idle_ms = 300,
    };
    (void)snprintf(fx->dir, sizeof fx->dir, "/tmp/test_http_XXXXXX");
    if (mkdtemp(fx->dir) == NULL)
        return -1;
    fx->target.kind = NET_TARGET_UNIX;
    (void)snprintf(fx->target.host, sizeof fx->target.host, "%s/s", fx->dir);
    struct ds_error e;
    int r = net_loop_new(&fx->loop, &e);
    r = r < 0 ? r : net_event_timer(&fx->timer, fx->loop, on_timer, fx, &e);
    r = r < 0 ? r : net_http_server_new(&fx->server, fx->loop, &limits, handler, fx, &e);
    return r < 0 ? r : net_http_server_listen(fx->server, &fx->target, 0600, NULL, &e);
}

static int teardown(void **state)
{
    (void)state;
    net_http_server_free(fx->server);
    net_event_free(fx->timer);
    net_loop_free(fx->loop);
    int r = ds_dir_remove(fx->dir, NULL);
    free(fx);
    return r;
}

struct exchange {
    struct net_http_call call;
    struct net_http_response response;
    struct ds_error e;
    int result;
};

static void do_exchange(void *arg)
{
    struct exchange *x = arg;
    x->result = net_http_call(&x->response, &fx->target, NULL, &x->call, &x->e);
}

static void exchange(struct exchange *x) { serve_while(fx->loop, do_exchange, x); }

static void test_calls(void **state)
{
    (void)state;
    static const struct net_http_header headers[] = { { "X-Test", "a b" } };
    const struct {
        struct net_http_call call;
        int status;
        const char *body;
    } rows[] = {
        { { .path = "/a/b?c=d" }, 200, "GET /a/b?c=d [] " },
        { { .path = "/a", .body = DS_SPAN_LIT("xyz") }, 200, "POST /a? [] xyz" },
        { { .path = "/a", .method = "POST" }, 200, "POST /a? [] " },
        { { .path = "/a",
            .method = "PUT",
            .body = DS_SPAN_LIT("1"),
            .headers = headers,
            .n_headers = 1 },
          200,
          "PUT /a? [a b] 1" },
        { { .path = "/a", .method = "HEAD" }, 200, NULL },
        { { .path = "/fail" }, 400, "{\"error\":\"no\"}" },
        { { .path = "/late" }, 200, "late" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct exchange x = { .call = rows[i].call };
        exchange(&x);
        assert_int_equal(x.result, DS_OK);
        assert_int_equal(x.response.status, rows[i].status);
        if (rows[i].body != NULL)
            assert_string_equal(x.response.body.p, rows[i].body);
        net_http_response_done(&x.response);
    }
}

static void test_peer_is_known(void **state)
{
    (void)state;
    char want[64];
    (void)snprintf(want, sizeof want, "1 %u 1", (unsigned)getuid());
    struct exchange x = { .call = { .path = "/peer" } };
    exchange(&x);
    assert_string_equal(x.response.body.p, want);
    net_http_response_done(&x.response);
}

static int count(void *arg, struct ds_span piece, struct ds_error *e)
{
    (void)e;
    *(size_t *)arg += piece.len;
    return DS_OK;
}

static int stop(void *arg, struct ds_span piece, struct ds_error *e)
{
    (void)arg;
    (void)piece;
    return ds_fail(e, DS_ERR_EXISTS, "enough");
}

static void test_stream_with_backpressure(void **state)
{
    (void)state;
    size_t got = 0;
    struct exchange x = { .call = { .path = "/stream", .sink = count, .sink_arg = &got } };
    exchange(&x);
    assert_int_equal(x.result, DS_OK);
    assert_int_equal(got, 8u << 20);
    assert_true(fx->stream_full);
    net_http_response_done(&x.response);
}

static void test_sink_gets_no_error_body(void **state)
{
    (void)state;
    size_t got = 0;
    struct exchange x = { .call = { .path = "/fail", .sink = count, .sink_arg = &got } };
    exchange(&x);
    assert_int_equal(x.response.status, 400);
    assert_int_equal(got, 0);
    assert_string_equal(x.response.body.p, "{\"error\":\"no\"}");
    net_http_response_done(&x.response);
}

static void test_reader_leaves_a_stream(void **state)
{
    (void)state;
    struct exchange x = { .call = { .path = "/endless", .sink = stop } };
    exchange(&x);
    assert_int_equal(x.result, DS_ERR_EXISTS);
    int64_t end = ds_clock_mono_ms() + 2000;
    while (fx->gone == 0 && ds_clock_mono_ms() < end)
        assert_int_equal(net_loop_step(fx->loop, 50, NULL), DS_OK);
    assert_int_equal(fx->gone, 1);
    net_http_response_done(&x.response);
}

struct upload {
    size_t left;
};

static int upload_more(void *arg, uint8_t *out, size_t cap, size_t *ret_len, struct ds_error *e)
{
    (void)e;
    struct upload *u = arg;
    *ret_len = u->left < cap ? u->left : cap;
    memset(out, 'u', *ret_len);
    u->left -= *ret_len;
    return DS_OK;
}

static void test_upload(void **state)
{
    (void)state;
    struct upload u = { 90000 };
    struct exchange x = { .call = { .path = "/up", .source = upload_more, .source_arg = &u } };
    exchange(&x);
    assert_int_equal(x.result, DS_OK);
    assert_int_equal(x.response.status, 200);
    assert_int_equal(x.response.body.len, strlen("POST /up? [] ") + 90000);
    net_http_response_done(&x.response);
}

static void test_upload_too_large_is_told(void **state)
{
    (void)state;
    struct upload u = { 50u << 20 };
    struct exchange x = { .call = { .path = "/up", .source = upload_more, .source_arg = &u } };
    exchange(&x);
    assert_int_equal(x.result, DS_OK);
    assert_int_equal(x.response.status, 413);
    net_http_response_done(&x.response);
    assert_int_equal(fx->handled, 0);
}

static void test_client_limits(void **state)
{
    (void)state;
    struct exchange x = { .call = { .path = "/stream", .reply_max = 1000 } };
    exchange(&x);
    assert_int_equal(x.result, DS_ERR_RANGE);
    assert_int_equal(x.e.code, DS_CODE_NET_REPLY_TOO_LARGE);
    net_http_response_done(&x.response);
    if (fx->kept != NULL) /* the stream learns of it with its next write */
        net_http_stream_end(fx->kept);
    struct exchange slow = { .call = { .path = "/keep", .timeout_ms = 50 } };
    exchange(&slow);
    assert_int_equal(slow.result, DS_ERR_TIMEOUT);
    net_http_reply(fx->kept, 200, NULL, DS_SPAN_LIT(""), NULL); /* nobody is there any more */
    struct exchange injected = { .call = { .path = "/a HTTP/1.1\r\nX: y" } };
    exchange(&injected);
    assert_int_equal(injected.result, DS_ERR_ARG);
    static const struct net_http_header bad[] = { { "X", "a\r\nY: b" } };
    struct exchange header = { .call = { .path = "/a", .headers = bad, .n_headers = 1 } };
    exchange(&header);
    assert_int_equal(header.result, DS_ERR_ARG);
}

struct reuse {
    int n, result;
};

static void do_reuse(void *arg)
{
    struct reuse *r = arg;
    struct net_conn *c = NULL;
    r->result = net_conn_open(&c, &fx->target, NULL, 1000, NULL);
    for (bool closed = false; r->result == DS_OK && !closed && r->n < 20; r->n++) {
        struct net_http_response response = { 0 };
        struct net_http_call call = { .path = "/x", .body = DS_SPAN_LIT("y") };
        r->result = net_http_exchange(&response, &closed, c, NULL, &call, NULL);
        net_http_response_done(&response);
    }
    net_conn_close(c);
}

static void test_connection_is_reused(void **state)
{
    (void)state;
    struct reuse r = { 0 };
    serve_while(fx->loop, do_reuse, &r);
    assert_int_equal(r.result, DS_OK);
    assert_int_equal(r.n, 20);
}

struct raw {
    const char *send;
    struct ds_span send_span; /* instead of send */
    bool half_close;          /* FIN after sending */
    bool sdk;                 /* read Content-Length bytes, FIN, wait for the server's FIN */
    struct ds_buf got;
    bool closed;       /* the server closed */
    int64_t closed_ms; /* how long after our FIN */
};

static bool has_whole_body(const struct raw *r)
{
    const char *length = r->got.p != NULL ? strstr(r->got.p, "Content-Length: ") : NULL;
    const char *end = length != NULL ? strstr(r->got.p, "\r\n\r\n") : NULL;
    uint64_t n = 0;
    if (end == NULL ||
        ds_str_u64(&n, DS_SPAN(length + 16, strcspn(length + 16, "\r")), 1u << 20, NULL) < 0)
        return false;
    return r->got.len >= (size_t)(end + 4 - r->got.p) + n;
}

static void do_raw(void *arg)
{
    struct raw *r = arg;
    int fd = -1;
    if (net_connect(&fd, &fx->target, ds_clock_mono_ms() + 1000, NULL) < 0)
        return;
    (void)fcntl(fd, F_SETFL, 0);
    struct ds_span out = r->send != NULL ? ds_span_str(r->send) : r->send_span;
    (void)!send(fd, out.p, out.len, MSG_NOSIGNAL);
    if (r->half_close)
        (void)shutdown(fd, SHUT_WR);
    int64_t fin_ms = ds_clock_mono_ms();
    bool fin = false;
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, 2000) <= 0)
            break;
        char in[4096];
        ssize_t n = read(fd, in, sizeof in);
        if (n <= 0) {
            r->closed = true;
            r->closed_ms = ds_clock_mono_ms() - fin_ms;
            break;
        }
        ds_buf_add(&r->got, DS_SPAN(in, (size_t)n));
        if (r->sdk && !fin && has_whole_body(r)) {
            (void)shutdown(fd, SHUT_WR);
            fin_ms = ds_clock_mono_ms();
            fin = true;
        }
    }
    (void)close(fd);
}

static void raw(struct raw *r) { serve_while(fx->loop, do_raw, r); }

static void test_sdk_closes_at_once(void **state)
{
    (void)state;
    struct raw r = { .send = "POST /GetKey HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                     .sdk = true };
    raw(&r);
    assert_true(r.closed);
    assert_in_range(r.closed_ms, 0, 200);
    assert_true(ds_str_starts(r.got.p, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(r.got.p, "\r\nContent-Length: 19\r\n"));
    assert_non_null(strstr(r.got.p, "\r\nX-App-Version: v1\r\n"));
    assert_null(strstr(r.got.p, "chunked"));
    ds_buf_done(&r.got);
}

/* The SDK counts UTF-16 units: a longer payload leaves bytes behind its Content-Length. */
static void test_sdk_with_left_over_bytes(void **state)
{
    (void)state;
    struct raw r = {
        .send = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}\"}", .sdk = true
    };
    raw(&r);
    assert_true(r.closed);
    assert_true(ds_str_starts(r.got.p, "HTTP/1.1 200 OK\r\n"));
    ds_buf_done(&r.got);
}

struct refusal {
    const char *name, *send, *reply; /* reply: how it begins; "" for none */
    bool half_close;
};

static void test_refusals(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        { "no HTTP", "hello\r\n\r\n", "HTTP/1.1 400 ", false },
        { "TLS to a plain port", "\x16\x03\x01\x02\x05\x01", "HTTP/1.1 400 ", false },
        { "two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
          "HTTP/1.1 400 ", false },
        { "length and chunked",
          "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 400 ", false },
        { "negative length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 ",
          false },
        { "bad chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
          "HTTP/1.1 400 ", false },
        { "length over the bound", "POST / HTTP/1.1\r\nContent-Length: 100001\r\n\r\n",
          "HTTP/1.1 413 ", false },
        { "huge length", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
          "HTTP/1.1 413 ", false },
        { "huge chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
          "", true },
        { "request cut in the head", "GET / HTTP/1.1\r\nHost: x\r\n", "", true },
        { "request cut in the body", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc", "", true },
        { "nothing", "", "", true },
        { "half a request, then silence", "POST / HTTP/1.1\r\n", "", false },
        { "silence", "", "", false },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct raw r = { .send = rows[i].send, .half_close = rows[i].half_close };
        raw(&r);
        const char *got = r.got.p != NULL ? r.got.p : "";
        bool same = rows[i].reply[0] != '\0' ? ds_str_starts(got, rows[i].reply) : got[0] == '\0';
        if (!r.closed || !same)
            fail_msg("%s: closed %d, '%s'", rows[i].name, r.closed, got);
        ds_buf_done(&r.got);
    }
    assert_int_equal(fx->handled, 0);
}

static void test_head_bounds(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    ds_buf_str(&out, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 65; i++)
        ds_buf_printf(&out, "X-%d: y\r\n", i);
    ds_buf_str(&out, "\r\n");
    struct raw many = { .send = out.p };
    raw(&many);
    assert_true(ds_str_starts(many.got.p, "HTTP/1.1 431 "));
    ds_buf_done(&many.got);
    ds_buf_clear(&out);
    ds_buf_printf(&out, "GET /%05000d HTTP/1.1\r\n\r\n", 1);
    struct raw longer = { .send = out.p };
    raw(&longer);
    assert_true(ds_str_starts(longer.got.p, "HTTP/1.1 431 "));
    assert_true(longer.closed);
    ds_buf_done(&longer.got);
}

static void test_half_closed_before_the_reply(void **state)
{
    (void)state;
    struct raw r = { .send = "GET /late HTTP/1.1\r\n\r\n", .half_close = true };
    raw(&r);
    assert_true(r.closed);
    assert_true(ds_str_ends(r.got.p, "\r\n\r\nlate"));
    ds_buf_done(&r.got);
    struct raw quick = { .send = "GET /x HTTP/1.1\r\n\r\n", .half_close = true };
    raw(&quick);
    assert_true(ds_str_ends(quick.got.p, "GET /x? [] "));
    ds_buf_done(&quick.got);
}

static void test_pipelining_and_trailers(void **state)
{
    (void)state;
    struct raw r = { .send = "POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3\r\nabc\r\n0\r\nX-Test: trailer\r\n\r\n"
                             "GET /late HTTP/1.1\r\n\r\n"
                             "GET /2 HTTP/1.0\r\n\r\n"
                             "GET /after-close HTTP/1.1\r\n\r\n" };
    raw(&r);
    assert_true(r.closed);
    const char *first = strstr(r.got.p, "POST /1? [] abc");
    const char *late = strstr(r.got.p, "late");
    const char *second = strstr(r.got.p, "GET /2? [] ");
    assert_true(first != NULL && late > first && second > late);
    assert_null(strstr(r.got.p, "after-close"));
    ds_buf_done(&r.got);
}

/* A body is read past libevent, of which it takes nothing that belongs to the next request. */
static void test_long_bodies_and_what_follows(void **state)
{
    (void)state;
    static const size_t lengths[] = { 1, 4000, 4095, 4096, 4097, 40000, 65536, 65537, 90000 };
    for (size_t i = 0; i < DS_LEN(lengths); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
        ds_buf_printf(&out, "POST /1 HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", lengths[i]);
        for (size_t k = 0; k < lengths[i]; k++)
            ds_buf_char(&out, (char)('a' + k % 23));
        size_t body = out.len - lengths[i];
        ds_buf_str(&out, "GET /2 HTTP/1.0\r\n\r\n");
        struct raw r = { .send_span = ds_buf_span(&out) };
        raw(&r);
        assert_true(r.closed);
        const char *first = strstr(r.got.p, "POST /1? [] ");
        const char *second = strstr(r.got.p, "GET /2? [] ");
        assert_true(first != NULL && second > first + lengths[i]);
        assert_memory_equal(first + strlen("POST /1? [] "), out.p + body, lengths[i]);
        ds_buf_done(&r.got);
    }
}

static void test_a_long_body_that_ends_early(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    ds_buf_str(&out, "POST /1 HTTP/1.1\r\nContent-Length: 90000\r\n\r\n");
    while (out.len < 60000)
        ds_buf_char(&out, 'x');
    struct raw r = { .send_span = ds_buf_span(&out), .half_close = true };
    raw(&r);
    assert_true(r.closed);
    assert_int_equal(r.got.len, 0);
    assert_int_equal(fx->handled, 0);
}

#define N_BIG 20

/* 20 requests for a MiB each, the last one closing. */
static void ask_much(struct ds_buf *out)
{
    for (size_t i = 0; i < N_BIG; i++)
        ds_buf_printf(out, "GET /big HTTP/1.%d\r\n\r\n", i + 1 < N_BIG);
}

static void test_who_reads_gets_all(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    for (int half_close = 0; half_close < 2; half_close++) {
        ds_buf_clear(&out);
        ask_much(&out);
        fx->handled = 0;
        struct raw r = { .send_span = ds_buf_span(&out), .half_close = half_close != 0 };
        raw(&r);
        assert_true(r.closed);
        assert_int_equal(fx->handled, N_BIG);
        assert_in_range(r.got.len, N_BIG << 20, (N_BIG << 20) + N_BIG * 200);
        ds_buf_done(&r.got);
    }
}

/* Who does not take a reply is not made the next, keeps others out for a time, and is then left. */
static void test_who_does_not_read_is_left(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct net_http_stats st;
    int fd = -1;
    ask_much(&out);
    assert_int_equal(net_connect(&fd, &fx->target, ds_clock_mono_ms() + 1000, NULL), DS_OK);
    assert_int_equal(send(fd, out.p, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
    int64_t end = ds_clock_mono_ms() + 10000;
    while (fx->handled == 0 && ds_clock_mono_ms() < end)
        assert_int_equal(net_loop_step(fx->loop, 20, NULL), DS_OK);
    net_http_server_stats(&st, fx->server);
    assert_in_range(st.held_len, 150001, 2u << 20);
    struct raw other = { .send = "GET /x HTTP/1.0\r\n\r\n" };
    raw(&other);
    bool is_refused = ds_str_starts(other.got.p, "HTTP/1.1 503 ");
    ds_buf_done(&other.got);
    net_http_server_stats(&st, fx->server);
    assert_true(is_refused || st.held_len <= 150000); /* as long as it is there */
    while (st.n_open > 0 && ds_clock_mono_ms() < end) {
        assert_int_equal(net_loop_step(fx->loop, 20, NULL), DS_OK);
        net_http_server_stats(&st, fx->server);
    }
    assert_int_equal(st.n_open, 0);
    assert_int_equal(st.held_len, 0);
    assert_in_range(fx->handled, 1, 2); /* the other may have come late */
    (void)close(fd);
}

static void test_expect_continue(void **state)
{
    (void)state;
    struct raw r = {
        .send = "POST /1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    };
    raw(&r);
    assert_string_equal(r.got.p, "HTTP/1.1 100 Continue\r\n\r\n"); /* then idle: closed */
    ds_buf_done(&r.got);
}

static void test_too_many_connections_wait(void **state)
{
    (void)state;
    int fd[6];
    for (size_t i = 0; i < DS_LEN(fd); i++)
        assert_int_equal(net_connect(&fd[i], &fx->target, ds_clock_mono_ms() + 1000, NULL), DS_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(net_loop_step(fx->loop, 2, NULL), DS_OK);
    struct exchange x = { .call = { .path = "/x" } };
    exchange(&x); /* answered when the idle ones were closed */
    assert_int_equal(x.result, DS_OK);
    net_http_response_done(&x.response);
    for (size_t i = 0; i < DS_LEN(fd); i++)
        (void)close(fd[i]);
}

/* Half requests on many connections: together they keep no more than the bound. */
static void test_bodies_have_one_bound(void **state)
{
    (void)state;
    static const char head[] = "POST /x HTTP/1.1\r\nContent-Length: 90000\r\n\r\n";
    static char body[70000];
    char got[16] = "";
    int fd[3];
    for (size_t i = 0; i < DS_LEN(fd); i++) {
        assert_int_equal(net_connect(&fd[i], &fx->target, ds_clock_mono_ms() + 1000, NULL), DS_OK);
        assert_int_equal(send(fd[i], head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
        assert_int_equal(send(fd[i], body, sizeof body, MSG_NOSIGNAL), sizeof body);
    }
    size_t n_refused = 0;
    for (int64_t end = ds_clock_mono_ms() + 5000; n_refused == 0 && ds_clock_mono_ms() < end;) {
        assert_int_equal(net_loop_step(fx->loop, 10, NULL), DS_OK);
        for (size_t i = 0; i < DS_LEN(fd); i++)
            if (recv(fd[i], got, 13, MSG_DONTWAIT) == 13)
                n_refused++;
    }
    assert_int_equal(n_refused, 1);
    assert_string_equal(got, "HTTP/1.1 503 ");
    for (size_t i = 0; i < DS_LEN(fd); i++)
        (void)close(fd[i]);
    /* What the others kept is free again. */
    struct exchange x = { .call = { .method = "POST", .path = "/x", .body = DS_SPAN_OF(body) } };
    exchange(&x);
    assert_int_equal(x.result, DS_OK);
    net_http_response_done(&x.response);
}

/* No descriptor is left for a connection: the loop must not spin, and must serve afterwards. */
static void test_out_of_descriptors(void **state)
{
    (void)state;
    int client = -1;
    assert_int_equal(net_connect(&client, &fx->target, ds_clock_mono_ms() + 1000, NULL), DS_OK);
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = (struct rlimit){ (rlim_t)client + 1, old.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    unsigned steps = 0;
    int64_t end = ds_clock_mono_ms() + 250;
    for (; ds_clock_mono_ms() < end; steps++)
        assert_int_equal(net_loop_step(fx->loop, 50, NULL), DS_OK);
    assert_in_range(steps, 1, 50);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    struct exchange x = { .call = { .path = "/x" } };
    exchange(&x);
    assert_int_equal(x.result, DS_OK);
    net_http_response_done(&x.response);
    (void)close(client);
}

/* Sends first, then a byte at a time for as long as the server takes it; how long that was. */
struct trickle {
    const char *first;
    int64_t lasted_ms;
    struct ds_buf got;
};

static void do_trickle(void *arg)
{
    struct trickle *t = arg;
    int fd = -1;
    int64_t begin_ms = ds_clock_mono_ms();
    if (net_connect(&fd, &fx->target, begin_ms + 1000, NULL) < 0)
        return;
    (void)!send(fd, t->first, strlen(t->first), MSG_NOSIGNAL);
    for (ssize_t n = 1; n > 0 && t->lasted_ms < 20000;
         t->lasted_ms = ds_clock_mono_ms() - begin_ms) {
        char in[1000];
        struct pollfd p = { .fd = fd, .events = 0 };
        (void)poll(&p, 1, 20);
        n = recv(fd, in, sizeof in, MSG_DONTWAIT);
        if (n > 0)
            ds_buf_add(&t->got, DS_SPAN(in, (size_t)n));
        n = send(fd, "x", 1, MSG_NOSIGNAL);
    }
    (void)close(fd);
}

/* A byte now and then keeps no connection: neither before a request is whole nor after a refusal. */
static void test_trickling_ends(void **state)
{
    static const struct {
        const char *first, *reply;
    } rows[] = {
        { "GET /x HTTP/1.1\r\nX: ", "HTTP/1.1 408 " },
        { "no HTTP at all\r\n\r\n", "HTTP/1.1 400 " },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct trickle t = { .first = rows[i].first };
        serve_while(fx->loop, do_trickle, &t);
        if (t.lasted_ms >= 20000 || t.got.p == NULL || !ds_str_starts(t.got.p, rows[i].reply))
            fail_msg("%s: %lld ms, %s", rows[i].reply, (long long)t.lasted_ms,
                     t.got.p != NULL ? t.got.p : "");
        ds_buf_done(&t.got);
    }
}

struct flood {
    struct net_target target;
    int listener;
};

/* Interim replies without end, faster than they are read. */
static void *do_flood(void *arg)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct flood *f = arg;
    struct pollfd p = { .fd = f->listener, .events = POLLIN };
    (void)poll(&p, 1, 5000);
    int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd >= 0 && send(fd, interim, sizeof interim - 1, MSG_NOSIGNAL) > 0)
        ;
    if (fd >= 0)
        (void)close(fd);
    return NULL;
}

static void test_a_server_that_never_pauses(void **state)
{
    (void)state;
    char text[100];
    struct flood f = { .listener = -1 };
    struct net_http_response response = { 0 };
    const struct net_http_call call = { .path = "/x", .timeout_ms = 200 };
    pthread_t thread;
    (void)snprintf(text, sizeof text, "unix:%s/flood", fx->dir);
    assert_int_equal(net_target_parse(&f.target, text, NULL), DS_OK);
    assert_int_equal(net_listen(&f.listener, &f.target, 0600, NULL), DS_OK);
    assert_int_equal(pthread_create(&thread, NULL, do_flood, &f), 0);
    assert_int_equal(net_http_call(&response, &f.target, NULL, &call, NULL), DS_ERR_TIMEOUT);
    net_http_response_done(&response);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)close(f.listener);
}

static void test_server_ends_before_the_reply(void **state)
{
    (void)state;
    struct exchange x = { .call = { .path = "/keep", .timeout_ms = 50 } };
    exchange(&x);
    struct net_http_request *kept = fx->kept;
    assert_non_null(kept);
    net_http_server_free(fx->server);
    fx->server = NULL;
    assert_string_equal(net_http_path(kept), "/keep");
    net_http_reply(kept, 200, NULL, DS_SPAN_LIT("x"), NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_calls),
        TEST(test_peer_is_known),
        TEST(test_stream_with_backpressure),
        TEST(test_sink_gets_no_error_body),
        TEST(test_reader_leaves_a_stream),
        TEST(test_upload),
        TEST(test_upload_too_large_is_told),
        TEST(test_client_limits),
        TEST(test_connection_is_reused),
        TEST(test_sdk_closes_at_once),
        TEST(test_sdk_with_left_over_bytes),
        TEST(test_refusals),
        TEST(test_head_bounds),
        TEST(test_bodies_have_one_bound),
        TEST(test_half_closed_before_the_reply),
        TEST(test_pipelining_and_trailers),
        TEST(test_long_bodies_and_what_follows),
        TEST(test_a_long_body_that_ends_early),
        TEST(test_who_reads_gets_all),
        TEST(test_who_does_not_read_is_left),
        TEST(test_expect_continue),
        TEST(test_too_many_connections_wait),
        TEST(test_out_of_descriptors),
        TEST(test_trickling_ends),
        TEST(test_a_server_that_never_pauses),
        TEST(test_server_ends_before_the_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
