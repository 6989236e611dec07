/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel sessions over real descriptors: calls and data both ways, and every
 * way in which a peer goes away: EOF, restart in the middle of a frame, a host
 * that leaves a port and returns, silence, garbage.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/frame.h"
#include "net/loop.h"
#include "net/mux.h"

struct side {
    struct net_mux *mux;
    unsigned ups, downs, requests;
    struct net_call *held; /* an incoming call kept unanswered */
    bool hold, stream_back;
    struct ds_buf got; /* data and replies */
    unsigned ends, gones, rooms, replies;
    int last_status;
    enum ds_code last_code;
};

static struct net_loop *loop;

static void on_up(void *arg) { ((struct side *)arg)->ups++; }

static void on_down(void *arg, const struct ds_error *why)
{
    struct side *s = arg;
    s->downs++;
    assert_int_not_equal(why->cls, DS_OK);
}

static void on_data(void *arg, struct ds_span payload)
{
    ds_buf_add(&((struct side *)arg)->got, payload);
}

static void on_end(void *arg) { ((struct side *)arg)->ends++; }
static void on_room(void *arg) { ((struct side *)arg)->rooms++; }

static void on_call_reply(void *arg, struct ds_span payload)
{
    struct side *s = arg;
    s->replies++;
    ds_buf_add(&s->got, payload);
}

static void on_gone(void *arg, const struct ds_error *why)
{
    struct side *s = arg;
    s->gones++;
    s->last_status = why->cls;
    s->last_code = why->code;
}

static const struct net_call_ops call_ops = { .reply = on_call_reply,
                                              .data = on_data,
                                              .end = on_end,
                                              .room = on_room,
                                              .gone = on_gone };

static void on_request(void *arg, struct net_call *call, struct ds_span payload)
{
    struct side *s = arg;
    s->requests++;
    if (s->hold) {
        net_call_listen(call, &call_ops, s);
        s->held = call;
        return;
    }
    struct ds_error e;
    assert_int_equal(net_call_reply(call, payload, &e), DS_OK);
    if (s->stream_back) {
        assert_int_equal(net_call_data(call, DS_SPAN_LIT("one "), &e), DS_OK);
        assert_int_equal(net_call_data(call, DS_SPAN_LIT("two"), &e), DS_OK);
        net_call_end(call);
    }
    net_call_close(call);
}

static const struct net_mux_ops ops = { .up = on_up, .down = on_down, .request = on_request };

static void on_reply(void *arg, int status, struct ds_span payload, const struct ds_error *why)
{
    struct side *s = arg;
    s->replies++;
    s->last_status = status;
    s->last_code = why != NULL ? why->code : DS_CODE_NONE;
    ds_buf_add(&s->got, payload);
}

static void run_until(const unsigned *counter, unsigned n)
{
    struct ds_error e;
    int64_t give_up = ds_clock_mono_ms() + 5000;
    while (*counter < n) {
        if (ds_clock_mono_ms() > give_up)
            fail_msg("waited in vain");
        assert_int_equal(net_loop_step(loop, 50, &e), DS_OK);
    }
}

static void settle(void)
{
    struct ds_error e;
    for (int i = 0; i < 5; i++)
        assert_int_equal(net_loop_step(loop, 5, &e), DS_OK);
}

static void make(struct side *s, enum net_mux_side which)
{
    struct ds_error e;
    *s = (struct side){ 0 };
    assert_int_equal(net_mux_new(&s->mux, loop, which, &ops, s, &e), DS_OK);
}

static void done(struct side *s)
{
    net_call_close(s->held);
    net_mux_free(s->mux);
    ds_buf_done(&s->got);
}

static void connect_pair(struct side *host, struct side *guest)
{
    struct ds_error e;
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(net_mux_attach(host->mux, fd[0], NET_MUX_SOCKET, &e), DS_OK);
    assert_int_equal(net_mux_attach(guest->mux, fd[1], NET_MUX_SOCKET, &e), DS_OK);
    unsigned ups = guest->ups + 1;
    run_until(&host->ups, host->ups + 1);
    run_until(&guest->ups, ups);
}

static int setup(void **state)
{
    (void)state;
    return net_loop_new(&loop, NULL);
}

static int teardown(void **state)
{
    (void)state;
    net_loop_free(loop);
    return 0;
}

static void test_calls_both_ways(void **state)
{
    (void)state;
    struct side host, guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    make(&guest, NET_MUX_GUEST);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN_LIT("{}"), 0, on_reply, &host, &e),
                     DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_NET_CHANNEL_DOWN);
    connect_pair(&host, &guest);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(net_mux_request(host.mux, DS_SPAN_LIT("a"), 1000, on_reply, &host, &e),
                         DS_OK);
        assert_int_equal(net_mux_request(guest.mux, DS_SPAN_LIT("b"), 1000, on_reply, &guest, &e),
                         DS_OK);
    }
    run_until(&host.replies, 100);
    run_until(&guest.replies, 100);
    assert_int_equal(host.got.len, 100);
    assert_int_equal(guest.got.p[99], 'b');
    assert_int_equal(host.last_status, DS_OK);
    done(&host);
    done(&guest);
}

static void test_largest_payload(void **state)
{
    (void)state;
    struct side host, guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    make(&guest, NET_MUX_GUEST);
    connect_pair(&host, &guest);
    DS_AUTO(ds_auto_free) char *big = malloc(NET_FRAME_PAYLOAD_MAX + 1);
    assert_non_null(big);
    memset(big, 'x', NET_FRAME_PAYLOAD_MAX + 1);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN(big, NET_FRAME_PAYLOAD_MAX + 1), 0, on_reply,
                                     &host, &e),
                     DS_ERR_RANGE);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN(big, NET_FRAME_PAYLOAD_MAX), 0, on_reply,
                                     &host, &e),
                     DS_OK);
    run_until(&host.replies, 1);
    assert_int_equal(host.got.len, NET_FRAME_PAYLOAD_MAX);
    done(&host);
    done(&guest);
}

static void test_data_follows_the_reply(void **state)
{
    (void)state;
    struct side host, guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    make(&guest, NET_MUX_GUEST);
    guest.stream_back = true;
    connect_pair(&host, &guest);
    struct net_call *call = NULL;
    assert_int_equal(net_mux_open(&call, host.mux, DS_SPAN_LIT("ok "), 1000, &call_ops, &host, &e),
                     DS_OK);
    run_until(&host.ends, 1);
    assert_string_equal(host.got.p, "ok one two");
    net_call_close(call);
    settle();
    assert_int_equal(host.gones + guest.gones, 0);
    done(&host);
    done(&guest);
}

static void test_upload_is_held_back_when_the_peer_is_slow(void **state)
{
    (void)state;
    struct side host, guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    make(&guest, NET_MUX_GUEST);
    guest.hold = true;
    connect_pair(&host, &guest);
    struct net_call *call = NULL;
    assert_int_equal(net_mux_open(&call, host.mux, DS_SPAN_LIT("{}"), 0, &call_ops, &host, &e),
                     DS_OK);
    run_until(&guest.requests, 1);
    net_mux_pause(guest.mux, true);
    static uint8_t block[256 * 1024];
    size_t sent = 0;
    int r = DS_OK;
    while (r == DS_OK && sent < 64u << 20) {
        r = net_call_data(call, DS_SPAN_OF(block), &e);
        sent += r == DS_OK ? sizeof block : 0;
    }
    assert_int_equal(r, DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_NET_CHANNEL_FULL);
    assert_in_range(sent, NET_MUX_QUEUE_MAX, NET_MUX_QUEUE_MAX + (4u << 20));
    settle();
    assert_int_equal(host.rooms, 0);
    net_mux_pause(guest.mux, false);
    run_until(&host.rooms, 1);
    net_call_end(call);
    run_until(&guest.ends, 1);
    assert_int_equal(guest.got.len, sent);
    net_call_close(call);
    run_until(&guest.gones, 1); /* it was never answered: reset */
    assert_int_equal(guest.last_code, DS_CODE_NET_CALL_RESET);
    done(&host);
    done(&guest);
}

static void test_timeout_resets_the_call(void **state)
{
    (void)state;
    struct side host, guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    make(&guest, NET_MUX_GUEST);
    guest.hold = true;
    connect_pair(&host, &guest);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN_LIT("{}"), 30, on_reply, &host, &e), DS_OK);
    run_until(&host.replies, 1);
    assert_int_equal(host.last_status, DS_ERR_TIMEOUT);
    run_until(&guest.gones, 1);
    assert_int_equal(net_call_reply(guest.held, DS_SPAN_LIT("late"), &e), DS_OK);
    assert_int_equal(net_call_data(guest.held, DS_SPAN_LIT("late"), &e), DS_ERR_UNAVAILABLE);
    settle();
    assert_int_equal(host.replies, 1);
    done(&host);
    done(&guest);
}

static void test_eof_ends_everything_and_attach_begins_again(void **state)
{
    (void)state;
    struct side host, guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    make(&guest, NET_MUX_GUEST);
    guest.hold = true;
    connect_pair(&host, &guest);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN_LIT("{}"), 0, on_reply, &host, &e), DS_OK);
    run_until(&guest.requests, 1);
    net_mux_detach(guest.mux);
    assert_int_equal(guest.gones, 1);
    run_until(&host.downs, 1);
    assert_int_equal(host.replies, 1);
    assert_int_equal(host.last_status, DS_ERR_UNAVAILABLE);
    assert_false(net_mux_is_up(host.mux));
    net_call_close(guest.held);
    guest.held = NULL;
    guest.hold = false;
    connect_pair(&host, &guest);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN_LIT("{}"), 0, on_reply, &host, &e), DS_OK);
    run_until(&host.replies, 2);
    assert_int_equal(host.last_status, DS_OK);
    done(&host);
    done(&guest);
}

static void test_no_handler_resets(void **state)
{
    (void)state;
    static const struct net_mux_ops deaf = { .up = on_up };
    struct side host, guest = { 0 };
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    assert_int_equal(net_mux_new(&guest.mux, loop, NET_MUX_GUEST, &deaf, &guest, &e), DS_OK);
    connect_pair(&host, &guest);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN_LIT("{}"), 0, on_reply, &host, &e), DS_OK);
    run_until(&host.replies, 1);
    assert_int_equal(host.last_code, DS_CODE_NET_CALL_RESET);
    done(&host);
    done(&guest);
}

struct raw {
    int fd;
    struct net_frame_decoder d;
    struct net_epoch host; /* as its hello said */
};

static void raw_send(struct raw *r, const struct ds_buf *b)
{
    assert_int_equal(write(r->fd, b->p, b->len), (ssize_t)b->len);
}

static void raw_hello(struct raw *r, uint8_t own, bool seen)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    struct net_hello h = { .protocol = NET_FRAME_PROTOCOL, .own.b = { own } };
    if (seen)
        h.seen = r->host;
    net_frame_encode_hello(&b, &h);
    raw_send(r, &b);
}

/* The next frame's kind, or 0 when none comes in a moment. */
static unsigned raw_next(struct raw *r)
{
    struct net_frame f;
    struct net_hello h;
    struct ds_error e;
    bool have = false;
    for (int tries = 0; tries < 20; tries++) {
        assert_int_equal(net_frame_next(&r->d, &have, &f, &h, &e), DS_OK);
        if (have)
            break;
        assert_int_equal(net_loop_step(loop, 5, &e), DS_OK);
        uint8_t in[4096];
        ssize_t n = read(r->fd, in, sizeof in);
        if (n > 0)
            assert_int_equal(net_frame_feed(&r->d, DS_SPAN(in, (size_t)n), &e), DS_OK);
    }
    if (have && f.kind == NET_FRAME_HELLO)
        r->host = h.own;
    return have ? f.kind : 0;
}

static void raw_connect(struct raw *r, struct side *host)
{
    struct ds_error e;
    int fd[2];
    *r = (struct raw){ 0 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
    assert_int_equal(net_mux_attach(host->mux, fd[0], NET_MUX_SOCKET, &e), DS_OK);
    r->fd = fd[1];
    assert_int_equal(raw_next(r), NET_FRAME_HELLO);
}

static void raw_done(struct raw *r)
{
    (void)close(r->fd);
    net_frame_done(&r->d);
}

static void raw_frame(struct raw *r, uint32_t stream, enum net_frame_kind kind, const char *text,
                      size_t cut)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    net_frame_encode(&b, stream, kind, ds_span_str(text));
    b.len -= cut;
    raw_send(r, &b);
}

static void test_frames_before_the_session_are_dropped(void **state)
{
    (void)state;
    struct side host;
    struct raw guest;
    make(&host, NET_MUX_HOST);
    raw_connect(&guest, &host);
    raw_frame(&guest, 2, NET_FRAME_REQUEST, "{}", 0); /* before any hello */
    raw_hello(&guest, 1, false);
    raw_frame(&guest, 4, NET_FRAME_REQUEST, "{}", 0); /* our hello did not name the host's epoch */
    assert_int_equal(raw_next(&guest), NET_FRAME_HELLO);
    assert_int_equal(host.requests, 0);
    assert_int_equal(host.ups, 0);
    raw_hello(&guest, 1, true);
    raw_frame(&guest, 6, NET_FRAME_REQUEST, "{}", 0);
    run_until(&host.requests, 1);
    assert_int_equal(host.ups, 1);
    assert_int_equal(raw_next(&guest), NET_FRAME_REPLY);
    raw_done(&guest);
    done(&host);
}

/* kill -9 of the agent in the middle of a frame; the port's stream goes on with a new agent. */
static void test_peer_restarts_inside_a_frame(void **state)
{
    (void)state;
    struct side host;
    struct raw guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    raw_connect(&guest, &host);
    raw_hello(&guest, 1, true);
    run_until(&host.ups, 1);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN_LIT("{}"), 0, on_reply, &host, &e), DS_OK);
    raw_frame(&guest, 2, NET_FRAME_REQUEST, "{\"method\":\"Half\"}", 7);
    settle();
    raw_hello(&guest, 2, false);
    run_until(&host.downs, 1);
    assert_int_equal(host.replies, 1);
    assert_int_equal(host.last_code, DS_CODE_NET_CHANNEL_DOWN);
    assert_int_equal(host.requests, 0);
    unsigned kind = raw_next(&guest);
    while (kind != 0) /* the second agent reads the old request, then hellos; the last one counts */
        kind = raw_next(&guest);
    raw_hello(&guest, 2, true);
    run_until(&host.ups, 2);
    raw_done(&guest);
    done(&host);
}

static void test_stale_reply_is_dropped(void **state)
{
    (void)state;
    struct side host;
    struct raw guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    raw_connect(&guest, &host);
    raw_hello(&guest, 1, true);
    run_until(&host.ups, 1);
    assert_int_equal(net_mux_request(host.mux, DS_SPAN_LIT("{}"), 0, on_reply, &host, &e), DS_OK);
    raw_hello(&guest, 2, true); /* a new agent; the call of the old one is over */
    run_until(&host.ups, 2);
    assert_int_equal(host.replies, 1);
    assert_int_equal(host.last_status, DS_ERR_UNAVAILABLE);
    raw_frame(&guest, 1, NET_FRAME_REPLY, "old", 0);
    raw_frame(&guest, 1, NET_FRAME_DATA, "old", 0);
    raw_frame(&guest, 77, NET_FRAME_END, "", 0);
    settle();
    assert_int_equal(host.replies, 1);
    assert_true(net_mux_is_up(host.mux));
    raw_done(&guest);
    done(&host);
}

static void test_garbage_begins_a_new_session(void **state)
{
    (void)state;
    struct side host;
    struct raw guest;
    make(&host, NET_MUX_HOST);
    raw_connect(&guest, &host);
    raw_hello(&guest, 1, true);
    run_until(&host.ups, 1);
    struct net_epoch before = guest.host;
    DS_AUTO(ds_buf_done) struct ds_buf junk = { 0 };
    ds_buf_str(&junk, "HTTP/1.1 400 Bad Request\r\n\r\n");
    raw_send(&guest, &junk);
    run_until(&host.downs, 1);
    while (raw_next(&guest) != 0)
        ;
    assert_memory_not_equal(&before, &guest.host, sizeof before);
    raw_hello(&guest, 1, true);
    run_until(&host.ups, 2);
    raw_done(&guest);
    done(&host);
}

static void test_other_protocol_is_no_session(void **state)
{
    (void)state;
    struct side host;
    struct raw guest;
    make(&host, NET_MUX_HOST);
    raw_connect(&guest, &host);
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    struct net_hello h = { .protocol = 2, .own.b = { 1 }, .seen = guest.host };
    net_frame_encode_hello(&b, &h);
    raw_send(&guest, &b);
    raw_frame(&guest, 2, NET_FRAME_REQUEST, "{}", 0);
    settle();
    assert_int_equal(host.ups + host.requests, 0);
    raw_done(&guest);
    done(&host);
}

static void test_streams_of_the_wrong_side_are_reset(void **state)
{
    (void)state;
    static const uint32_t wrong[] = { 0, 1, 7 };
    struct side host;
    struct raw guest;
    make(&host, NET_MUX_HOST);
    host.hold = true;
    raw_connect(&guest, &host);
    raw_hello(&guest, 1, true);
    for (size_t i = 0; i < DS_LEN(wrong); i++)
        raw_frame(&guest, wrong[i], NET_FRAME_REQUEST, "{}", 0);
    raw_frame(&guest, 2, NET_FRAME_REQUEST, "{}", 0);
    raw_frame(&guest, 2, NET_FRAME_REQUEST, "{}", 0); /* twice */
    run_until(&host.requests, 1);
    for (size_t i = 0; i < DS_LEN(wrong) + 1; i++) {
        unsigned kind = raw_next(&guest);
        while (kind == NET_FRAME_HELLO)
            kind = raw_next(&guest);
        assert_int_equal(kind, NET_FRAME_RESET);
    }
    settle();
    assert_int_equal(host.requests, 1);
    raw_done(&guest);
    done(&host);
}

/* A pty master behaves as a virtio port: hung up while nobody holds the other end, then alive. */
static void test_port_survives_its_host(void **state)
{
    (void)state;
    struct side host, guest;
    struct ds_error e;
    make(&host, NET_MUX_HOST);
    make(&guest, NET_MUX_GUEST);
    int port = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(port >= 0 && grantpt(port) == 0 && unlockpt(port) == 0);
    char path[64];
    assert_int_equal(ptsname_r(port, path, sizeof path), 0);
    struct termios raw;
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_int_equal(tcgetattr(fd, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(fd, TCSANOW, &raw), 0);
    (void)close(fd);

    assert_int_equal(net_mux_attach(guest.mux, port, NET_MUX_PORT, &e), DS_OK);
    settle();
    assert_false(net_mux_is_up(guest.mux));
    for (unsigned round = 1; round <= 3; round++) {
        fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_int_equal(net_mux_attach(host.mux, fd, NET_MUX_SOCKET, &e), DS_OK);
        run_until(&host.ups, round);
        run_until(&guest.ups, round);
        assert_int_equal(net_mux_request(guest.mux, DS_SPAN_LIT("x"), 1000, on_reply, &guest, &e),
                         DS_OK);
        run_until(&guest.replies, round);
        assert_int_equal(guest.last_status, DS_OK);
        net_mux_detach(host.mux);
        run_until(&guest.downs, round);
    }
    done(&host);
    done(&guest);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_calls_both_ways),
        TEST(test_largest_payload),
        TEST(test_data_follows_the_reply),
        TEST(test_upload_is_held_back_when_the_peer_is_slow),
        TEST(test_timeout_resets_the_call),
        TEST(test_eof_ends_everything_and_attach_begins_again),
        TEST(test_no_handler_resets),
        TEST(test_frames_before_the_session_are_dropped),
        TEST(test_peer_restarts_inside_a_frame),
        TEST(test_stale_reply_is_dropped),
        TEST(test_garbage_begins_a_new_session),
        TEST(test_other_protocol_is_no_session),
        TEST(test_streams_of_the_wrong_side_are_reset),
        TEST(test_port_survives_its_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
