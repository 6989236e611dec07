/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocking form of the channel against itself in a second thread: calls,
 * silence, a peer that restarts before it answers, a peer that is gone.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/mux_sync.h"

struct server {
    int fd;
    int n_serve;      /* requests to answer */
    bool drop_first;  /* begin anew after the first request, without an answer */
    int served, last; /* results */
};

static void echo(void *arg, struct ds_span request, struct ds_buf *reply)
{
    struct server *s = arg;
    s->served++;
    ds_buf_str(reply, "re:");
    ds_buf_add(reply, request);
}

static void swallow(void *arg, struct ds_span request, struct ds_buf *reply)
{
    (void)arg;
    (void)request;
    reply->bad = true; /* serve fails: the request stays unanswered */
}

static void *serve(void *arg)
{
    struct server *s = arg;
    struct net_mux_sync m;
    struct ds_error e;
    if (net_mux_sync_init(&m, s->fd, NET_MUX_HOST, NET_MUX_SOCKET, &e) < 0)
        return NULL;
    if (s->drop_first) {
        (void)!net_mux_sync_serve(&m, swallow, s, 2000, &e);
        int fd = dup(s->fd);
        net_mux_sync_done(&m);
        if (net_mux_sync_init(&m, fd, NET_MUX_HOST, NET_MUX_SOCKET, &e) < 0)
            return NULL;
    }
    for (int i = 0; i < s->n_serve; i++)
        s->last = net_mux_sync_serve(&m, echo, s, 2000, &e);
    net_mux_sync_done(&m);
    return NULL;
}

static void start(struct server *s, pthread_t *thread, struct net_mux_sync *client)
{
    int fd[2];
    struct ds_error e;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    s->fd = fd[0];
    assert_int_equal(net_mux_sync_init(client, fd[1], NET_MUX_GUEST, NET_MUX_SOCKET, &e), DS_OK);
    assert_int_equal(pthread_create(thread, NULL, serve, s), 0);
}

static void test_calls(void **state)
{
    (void)state;
    struct server s = { .n_serve = 3 };
    struct net_mux_sync c;
    pthread_t thread;
    struct ds_error e;
    start(&s, &thread, &c);
    for (int i = 0; i < 3; i++) {
        DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
        assert_int_equal(net_mux_sync_call(&c, &reply, DS_SPAN_LIT("{}"), 2000, &e), DS_OK);
        assert_string_equal(reply.p, "re:{}");
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(s.served, 3);
    DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
    assert_int_equal(net_mux_sync_call(&c, &reply, DS_SPAN_LIT("{}"), 2000, &e),
                     DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_NET_CHANNEL_DOWN);
    assert_int_equal(reply.len, 0);
    net_mux_sync_done(&c);
}

static void test_request_is_sent_anew_to_a_restarted_peer(void **state)
{
    (void)state;
    struct server s = { .n_serve = 1, .drop_first = true };
    struct net_mux_sync c;
    pthread_t thread;
    struct ds_error e;
    start(&s, &thread, &c);
    DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
    assert_int_equal(net_mux_sync_call(&c, &reply, DS_SPAN_LIT("once more"), 3000, &e), DS_OK);
    assert_string_equal(reply.p, "re:once more");
    assert_int_equal(pthread_join(thread, NULL), 0);
    net_mux_sync_done(&c);
}

static void test_silence_times_out(void **state)
{
    (void)state;
    int fd[2];
    struct ds_error e;
    struct net_mux_sync c;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(net_mux_sync_init(&c, fd[1], NET_MUX_GUEST, NET_MUX_SOCKET, &e), DS_OK);
    DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
    assert_int_equal(net_mux_sync_call(&c, &reply, DS_SPAN_LIT("{}"), 50, &e), DS_ERR_TIMEOUT);
    assert_int_equal(net_mux_sync_serve(&c, echo, NULL, 50, &e), DS_ERR_TIMEOUT);
    (void)close(fd[0]);
    net_mux_sync_done(&c);
}

static void test_too_long_a_request(void **state)
{
    (void)state;
    struct server s = { .n_serve = 1 };
    struct net_mux_sync c;
    pthread_t thread;
    struct ds_error e;
    start(&s, &thread, &c);
    static uint8_t big[NET_FRAME_PAYLOAD_MAX + 1];
    DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
    assert_int_equal(net_mux_sync_call(&c, &reply, DS_SPAN_OF(big), 2000, &e), DS_ERR_RANGE);
    assert_int_equal(net_mux_sync_call(&c, &reply, DS_SPAN_LIT("fits"), 2000, &e), DS_OK);
    assert_string_equal(reply.p, "re:fits");
    assert_int_equal(pthread_join(thread, NULL), 0);
    net_mux_sync_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_request_is_sent_anew_to_a_restarted_peer),
        cmocka_unit_test(test_silence_times_out),
        cmocka_unit_test(test_too_long_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
