/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching against a server that says exactly what a row tells it to: good
 * replies, bounds, faults, what is tried again and what is not.
 */
#include "net/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define OK_HEAD  "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define REPLY(n) OK_HEAD "Content-Length: " n "\r\n\r\n"
#define BUSY     "HTTP/1.1 429 Too Many\r\nConnection: close\r\nContent-Length: 0\r\n"
#define MOVED    "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "

#define ANSWERS_MAX 6
#define HANG        ((const char *)1) /* read the request and say nothing */

/* Answers the n-th connection with the n-th text; the last one serves for all that follow. */
struct server {
    const char *answers[ANSWERS_MAX];
    int fd;
    uint16_t port;
    atomic_uint n_asked;
    char asked[2048]; /* the last request */
    int held_fd;      /* of a connection that hangs */
    pthread_t thread;
};

static size_t read_request(struct server *s, int fd)
{
    size_t n = 0;
    while (n < sizeof s->asked - 1) {
        ssize_t got = read(fd, s->asked + n, sizeof s->asked - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        s->asked[n] = '\0';
        if (s->asked[0] == 0x16 || strstr(s->asked, "\r\n\r\n") != NULL)
            break; /* 0x16: the first byte of TLS */
    }
    return n;
}

static const char *answer_at(const struct server *s, unsigned n)
{
    size_t i = 0;
    while (i < n && i + 1 < ANSWERS_MAX && s->answers[i + 1] != NULL)
        i++;
    return s->answers[i];
}

static void *serve(void *arg)
{
    struct server *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        if (read_request(s, fd) == 0) {
            (void)close(fd);
            continue;
        }
        const char *text = answer_at(s, atomic_fetch_add(&s->n_asked, 1));
        if (text == HANG) {
            if (s->held_fd >= 0)
                (void)close(s->held_fd);
            s->held_fd = fd;
            continue;
        }
        ssize_t n = write(fd, text, strlen(text));
        (void)n;
        (void)shutdown(fd, SHUT_WR);
        (void)close(fd);
    }
}

static void server_start(struct server *s, const char *const answers[static ANSWERS_MAX])
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    *s = (struct server){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .held_fd = -1 };
    memcpy(s->answers, answers, sizeof s->answers);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    (void)shutdown(s->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    (void)close(s->fd);
    if (s->held_fd >= 0)
        (void)close(s->held_fd);
}

struct rig {
    struct net_loop *loop;
    struct net_fetcher *fetcher;
};

static void rig_start(struct rig *r)
{
    assert_int_equal(net_loop_new(&r->loop, NULL), DS_OK);
    assert_int_equal(net_fetcher_new(&r->fetcher, r->loop, NULL, NULL), DS_OK);
}

static void rig_stop(struct rig *r)
{
    net_fetcher_free(r->fetcher);
    net_loop_free(r->loop);
}

static char *url_of(const struct server *s, const char *scheme, const char *path)
{
    char *url = ds_str_fmt("%s://127.0.0.1:%u%s", scheme, s->port, path);
    assert_non_null(url);
    return url;
}

struct row {
    const char *name;
    const char *answers[ANSWERS_MAX];
    struct net_fetch_limits limits; /* tries 3, pause 1 ms where 0 */
    int r;
    enum ds_code code;
    const char *body; /* where r is DS_OK */
    unsigned n_asked;
    const char *says; /* stands in the message */
};

static const struct row rows[] = {
    { "a body of the announced length", { REPLY("5") "hello" }, .body = "hello", .n_asked = 1 },
    { "an empty body", { REPLY("0") }, .body = "", .n_asked = 1 },
    { "chunks",
      { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" },
      .body = "hello",
      .n_asked = 1 },
    { "exactly as long as is allowed",
      { REPLY("5") "hello" },
      .limits = { .body_max = 5 },
      .body = "hello",
      .n_asked = 1 },
    { "one byte longer than is allowed",
      { REPLY("6") "hello!" },
      .limits = { .body_max = 5 },
      .r = DS_ERR_RANGE,
      .code = DS_CODE_NET_REPLY_TOO_LARGE,
      .n_asked = 1 },
    { "busy once, then a body", { BUSY "\r\n", REPLY("2") "ok" }, .body = "ok", .n_asked = 2 },
    { "busy all the time",
      { BUSY "\r\n" },
      .r = DS_ERR_UNAVAILABLE,
      .code = DS_CODE_NET_FETCH_BUSY,
      .n_asked = 3,
      .says = "status 429" },
    { "a Retry-After that is too long is not waited for",
      { BUSY "Retry-After: 3600\r\n\r\n" },
      .r = DS_ERR_UNAVAILABLE,
      .code = DS_CODE_NET_FETCH_BUSY,
      .n_asked = 1,
      .says = "come again in 3600 s" },
    { "a short Retry-After is waited for",
      { BUSY "Retry-After: 1\r\n\r\n", REPLY("2") "ok" },
      .body = "ok",
      .n_asked = 2 },
    { "an overloaded service is asked again",
      { "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", REPLY("2") "ok" },
      .body = "ok",
      .n_asked = 2 },
    { "a failed service is asked again, then given up",
      { "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" },
      .r = DS_ERR_PEER,
      .code = DS_CODE_NET_FETCH_STATUS,
      .n_asked = 3,
      .says = "status 500" },
    { "an unknown document is asked for once",
      { "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" },
      .r = DS_ERR_NOTFOUND,
      .code = DS_CODE_NET_FETCH_NOT_FOUND,
      .n_asked = 1 },
    { "a bad request is made once",
      { "HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" },
      .r = DS_ERR_PEER,
      .code = DS_CODE_NET_FETCH_STATUS,
      .n_asked = 1 },
    { "a body that breaks off, then a whole one",
      { REPLY("9") "hello", REPLY("2") "ok" },
      .body = "ok",
      .n_asked = 2 },
    { "a body that breaks off each time",
      { REPLY("9") "hello" },
      .r = DS_ERR_UNAVAILABLE,
      .code = DS_CODE_NET_FETCH_TRUNCATED,
      .n_asked = 3 },
    { "chunks without an end",
      { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n" },
      .r = DS_ERR_UNAVAILABLE,
      .code = DS_CODE_NET_FETCH_TRUNCATED,
      .n_asked = 3 },
    { "silence, once",
      { HANG, REPLY("2") "ok" },
      .limits = { .stall_ms = 100 },
      .body = "ok",
      .n_asked = 2 },
    { "silence each time",
      { HANG },
      .limits = { .stall_ms = 50 },
      .r = DS_ERR_TIMEOUT,
      .code = DS_CODE_NET_FETCH_TIMEOUT,
      .n_asked = 3,
      .says = "nothing came for too long" },
    { "the whole takes too long",
      { HANG },
      .limits = { .total_ms = 100 },
      .r = DS_ERR_TIMEOUT,
      .code = DS_CODE_NET_FETCH_TIMEOUT,
      .n_asked = 1,
      .says = "not complete in time" },
    { "time also runs while a busy service is waited for",
      { BUSY "Retry-After: 20\r\n\r\n" },
      .limits = { .total_ms = 100 },
      .r = DS_ERR_TIMEOUT,
      .code = DS_CODE_NET_FETCH_TIMEOUT,
      .n_asked = 1 },
    { "a redirect on the same server",
      { MOVED "/b\r\n\r\n", REPLY("2") "ok" },
      .body = "ok",
      .n_asked = 2 },
    { "a redirect to another server",
      { MOVED "http://127.0.0.2/b?secret\r\n\r\n" },
      .r = DS_ERR_PEER,
      .code = DS_CODE_NET_FETCH_REDIRECT,
      .n_asked = 1,
      .says = "http://127.0.0.2/b" },
    { "a redirect to another scheme",
      { MOVED "file:///etc/passwd\r\n\r\n" },
      .r = DS_ERR_PEER,
      .code = DS_CODE_NET_FETCH_REDIRECT,
      .n_asked = 1 },
    { "redirects without end",
      { MOVED "/a\r\n\r\n" },
      .r = DS_ERR_PEER,
      .code = DS_CODE_NET_FETCH_REDIRECT,
      .n_asked = 5,
      .says = "no end" },
    { "a redirect to nowhere",
      { "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" },
      .r = DS_ERR_PEER,
      .code = DS_CODE_NET_FETCH_REDIRECT,
      .n_asked = 1 },
    { "no HTTP",
      { "SSH-2.0-server\r\n" },
      .r = DS_ERR_PEER,
      .code = DS_CODE_NET_BAD_HTTP,
      .n_asked = 1 },
    { "nothing, and the end",
      { "" },
      .r = DS_ERR_UNAVAILABLE,
      .code = DS_CODE_NET_NO_ANSWER,
      .n_asked = 3 },
};

static void run_row(struct rig *rig, const struct row *row)
{
    struct server s;
    struct ds_error e = { 0 };
    struct net_fetch_reply reply = { 0 };
    struct net_fetch_limits limits = row->limits;
    limits.pause_ms = 1;
    server_start(&s, row->answers);
    char *url = url_of(&s, "http", "/a?x=1");
    int r = net_fetch_now(&reply, rig->fetcher, url, &limits, &e);
    if (r != row->r || e.code != row->code)
        fail_msg("%s: %d %s: %s", row->name, r, ds_code_info_get(e.code)->id, e.msg);
    if (row->says != NULL && strstr(e.msg, row->says) == NULL)
        fail_msg("%s: says '%s'", row->name, e.msg);
    assert_null(strstr(e.msg, "x=1"));
    assert_null(strstr(e.msg, "secret"));
    if (r == DS_OK && !ds_span_eq_str(ds_buf_span(&reply.body), row->body))
        fail_msg("%s: body '%s'", row->name, reply.body.p);
    if (atomic_load(&s.n_asked) != row->n_asked)
        fail_msg("%s: asked %u times", row->name, atomic_load(&s.n_asked));
    net_fetch_reply_done(&reply);
    server_stop(&s);
    free(url);
}

static void test_rows(void **unused)
{
    struct rig rig;
    (void)unused;
    rig_start(&rig);
    for (size_t i = 0; i < DS_LEN(rows); i++)
        run_row(&rig, &rows[i]);
    rig_stop(&rig);
}

static void test_headers(void **unused)
{
    static const char *const answers[ANSWERS_MAX] = {
        "HTTP/1.1 100 Continue\r\nX-First: no\r\n\r\n" OK_HEAD
        "Chain: \t%41%0A \r\nEmpty:\r\nContent-Length: 0\r\nchain: second\r\n\r\n"
    };
    struct rig rig;
    struct server s;
    struct net_fetch_reply reply = { 0 };
    (void)unused;
    rig_start(&rig);
    server_start(&s, answers);
    char *url = url_of(&s, "http", "/");
    assert_int_equal(net_fetch_now(&reply, rig.fetcher, url, NULL, NULL), DS_OK);
    assert_int_equal(reply.status, 200);
    assert_true(ds_span_eq_str(net_fetch_header(&reply, "CHAIN"), "%41%0A"));
    struct ds_span empty = net_fetch_header(&reply, "empty");
    assert_true(empty.p != NULL && empty.len == 0);
    assert_null(net_fetch_header(&reply, "X-First").p);
    assert_null(net_fetch_header(&reply, "Chai").p);
    assert_null(net_fetch_header(&reply, "HTTP/1.1 200 OK").p);
    assert_non_null(strstr(s.asked, "User-Agent: dstack/"));
    net_fetch_reply_done(&reply);
    server_stop(&s);
    free(url);
    rig_stop(&rig);
}

/* More header than is taken ends it, whether in one line or in many. */
static void test_long_headers(void **unused)
{
    struct rig rig;
    struct server s;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    (void)unused;
    rig_start(&rig);
    ds_buf_str(&text, OK_HEAD);
    for (int i = 0; i < 1500; i++)
        ds_buf_printf(&text, "X-%d: 0123456789012345678901234567890123456789\r\n", i);
    ds_buf_str(&text, "Content-Length: 0\r\n\r\n");
    const char *const answers[ANSWERS_MAX] = { text.p };
    server_start(&s, answers);
    char *url = url_of(&s, "http", "/");
    struct net_fetch_reply reply = { 0 };
    struct ds_error e = { 0 };
    assert_int_equal(net_fetch_now(&reply, rig.fetcher, url, NULL, &e), DS_ERR_PEER);
    assert_int_equal(e.code, DS_CODE_NET_BAD_HTTP);
    net_fetch_reply_done(&reply);
    server_stop(&s);
    free(url);
    rig_stop(&rig);
}

/* A server that speaks no TLS; nobody at all. */
static void test_no_server(void **unused)
{
    static const char *const answers[ANSWERS_MAX] = { REPLY("0") };
    const struct net_fetch_limits limits = { .pause_ms = 1 };
    struct rig rig;
    struct server s;
    struct ds_error e = { 0 };
    struct net_fetch_reply reply = { 0 };
    (void)unused;
    rig_start(&rig);
    server_start(&s, answers);
    char *url = url_of(&s, "https", "/");
    assert_int_equal(net_fetch_now(&reply, rig.fetcher, url, &limits, &e), DS_ERR_PEER);
    assert_int_equal(e.code, DS_CODE_NET_FETCH_TLS);
    net_fetch_reply_done(&reply);
    free(url);
    server_stop(&s);
    url = url_of(&s, "http", "/");
    assert_int_equal(net_fetch_now(&reply, rig.fetcher, url, &limits, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_NET_NO_ANSWER);
    net_fetch_reply_done(&reply);
    free(url);
    rig_stop(&rig);
}

static void test_bad_urls(void **unused)
{
    static const char *const urls[] = {
        "",        "localhost",   "ftp://localhost/a",      "file:///etc/passwd",
        "http://", "http://a b/", "http://user@localhost/", "https://user:password@localhost/",
    };
    struct rig rig;
    (void)unused;
    rig_start(&rig);
    for (size_t i = 0; i < DS_LEN(urls); i++) {
        struct net_fetch_reply reply = { 0 };
        struct ds_error e = { 0 };
        if (net_fetch_now(&reply, rig.fetcher, urls[i], NULL, &e) != DS_ERR_ARG)
            fail_msg("'%s' is taken", urls[i]);
        assert_int_equal(e.code, DS_CODE_NET_BAD_TARGET);
    }
    rig_stop(&rig);
}

struct counted {
    unsigned n_ok, n_failed;
    struct net_fetch *other; /* cancelled by the first that ends */
};

static void on_counted(void *arg, int r, struct net_fetch_reply *reply, const struct ds_error *e)
{
    struct counted *c = arg;
    assert_true((r == DS_OK) == (e == NULL));
    c->n_ok += r == DS_OK && reply->body.len == 2;
    c->n_failed += r != DS_OK;
    net_fetch_cancel(c->other);
    c->other = NULL;
}

/* Several at once; one is cancelled from another's callback and is never heard of. */
static void test_cancel(void **unused)
{
    static const char *const good[ANSWERS_MAX] = { REPLY("2") "ok" };
    static const char *const silent[ANSWERS_MAX] = { HANG };
    struct rig rig;
    struct server s, quiet;
    struct counted c = { 0 };
    struct net_fetch *waiting = NULL;
    (void)unused;
    rig_start(&rig);
    server_start(&s, good);
    server_start(&quiet, silent);
    char *url = url_of(&s, "http", "/"), *slow = url_of(&quiet, "http", "/");
    assert_int_equal(net_fetch_start(&c.other, rig.fetcher, slow, NULL, on_counted, &c, NULL),
                     DS_OK);
    assert_int_equal(net_fetch_start(&waiting, rig.fetcher, slow, NULL, on_counted, &c, NULL),
                     DS_OK);
    while (atomic_load(&quiet.n_asked) < 2)
        assert_int_equal(net_loop_step(rig.loop, 10, NULL), DS_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(net_fetch_start(NULL, rig.fetcher, url, NULL, on_counted, &c, NULL),
                         DS_OK);
    assert_int_equal(c.n_ok, 0); /* never from net_fetch_start itself */
    while (c.n_ok < 3)
        assert_int_equal(net_loop_step(rig.loop, 1000, NULL), DS_OK);
    net_fetch_cancel(waiting);
    assert_int_equal(net_loop_step(rig.loop, 0, NULL), DS_OK);
    assert_int_equal(c.n_failed, 0);
    server_stop(&s);
    server_stop(&quiet);
    free(url);
    free(slow);
    rig_stop(&rig);
}

static void test_retry_after(void **unused)
{
    static const struct {
        const char *text;
        int64_t s;
    } dates[] = {
        { "0", 0 },
        { "120", 120 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 37 }, /* now is 784111740 */
        { "Sun, 06 Nov 1994 08:48:59 GMT", 0 },
        { "", -1 },
        { "-1", -1 },
        { "1.5", -1 },
        { "99999999999", -1 },
        { "Sun, 06 Nov 1994 08:49:37 CET", -1 },
        { "Sun, 06 Now 1994 08:49:37 GMT", -1 },
        { "Sun, 36 Nov 1994 08:49:37 GMT", -1 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", -1 },
        { "Sun, 06 Nov 1994 08:49:37 GM", -1 },
    };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(dates); i++)
        if (net_fetch_retry_after_s(ds_span_str(dates[i].text), 784111740) != dates[i].s)
            fail_msg("'%s'", dates[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_headers),
        cmocka_unit_test(test_long_headers), cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_bad_urls),     cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_retry_after),
    };
    /* Whatever proxies this machine has, loopback is not theirs. */
    (void)setenv("no_proxy", "127.0.0.1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
