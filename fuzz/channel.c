/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole channel session (net/mux) whose peer sends the input after a proper
 * exchange of hellos: every request that reaches the owner is answered at most
 * once and closed, and no call outlives the session.
 */
#include "net/mux.h"

#include <sys/socket.h>

#include "fuzz.h"
#include "net/frame.h"
#include "net/loop.h"

#define STEPS_MAX 64
#define OPEN_MAX  8

struct session {
    struct net_loop *loop;
    struct net_mux *mux;
    int peer;
    struct net_call *open[OPEN_MAX]; /* calls that are kept open a while */
    size_t n_open, n_up, n_down;
};

static void on_data(void *arg, struct ds_span payload)
{
    struct net_call *const *call = arg;
    if (*call != NULL && payload.len % 3 == 0)
        (void)!net_call_data(*call, payload, NULL);
}

static void on_end(void *arg)
{
    struct net_call *const *call = arg;
    if (*call != NULL)
        net_call_end(*call);
}

static void on_gone(void *arg, const struct ds_error *why)
{
    struct net_call **call = arg;
    FUZZ_CHECK(why != NULL && why->msg[0] != '\0');
    net_call_close(*call);
    *call = NULL;
}

static const struct net_call_ops call_ops = { .data = on_data, .end = on_end, .gone = on_gone };

/* Some calls are answered at once; some stay open for data, in a slot each. */
static void on_request(void *arg, struct net_call *call, struct ds_span payload)
{
    struct session *s = arg;
    if (payload.len % 2 == 0 && s->n_open < OPEN_MAX) {
        struct net_call **slot = &s->open[s->n_open++];
        *slot = call;
        net_call_listen(call, &call_ops, slot);
        (void)!net_call_reply(call, DS_SPAN_LIT("{}"), NULL);
        return;
    }
    if (payload.len % 5 != 0)
        (void)!net_call_reply(call, DS_SPAN_LIT("{\"result\":1}"), NULL);
    net_call_close(call);
}

static void on_up(void *arg) { ((struct session *)arg)->n_up++; }

static void on_down(void *arg, const struct ds_error *why)
{
    struct session *s = arg;
    FUZZ_CHECK(why != NULL && ++s->n_down <= s->n_up);
}

static const struct net_mux_ops ops = { .up = on_up, .down = on_down, .request = on_request };

static void steps(struct session *s)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        uint8_t sink[65536];
        FUZZ_CHECK(net_loop_step(s->loop, 0, NULL) == DS_OK);
        if (recv(s->peer, sink, sizeof sink, MSG_DONTWAIT) <= 0 && i > 2)
            return;
    }
}

/* Answer the hello of the mux, so that the session is up. */
static void greet(struct session *s)
{
    uint8_t in[256];
    struct net_frame f;
    struct net_hello h;
    bool have = false;
    DS_AUTO(net_frame_done) struct net_frame_decoder d = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    FUZZ_CHECK(net_loop_step(s->loop, 0, NULL) == DS_OK);
    ssize_t n = recv(s->peer, in, sizeof in, MSG_DONTWAIT);
    FUZZ_CHECK(n > 0 && net_frame_feed(&d, DS_SPAN(in, (size_t)n), NULL) == DS_OK);
    FUZZ_CHECK(net_frame_next(&d, &have, &f, &h, NULL) == DS_OK && have);
    struct net_hello own = { .protocol = NET_FRAME_PROTOCOL, .own = { { 1 } }, .seen = h.own };
    net_frame_encode_hello(&out, &own);
    FUZZ_CHECK(send(s->peer, out.p, out.len, 0) == (ssize_t)out.len);
    FUZZ_CHECK(net_loop_step(s->loop, 0, NULL) == DS_OK);
    FUZZ_CHECK(net_mux_is_up(s->mux));
}

static void session_start(struct session *s, enum net_mux_side side)
{
    int fds[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    s->peer = fds[0];
    FUZZ_CHECK(net_mux_new(&s->mux, s->loop, side, &ops, s, NULL) == DS_OK);
    FUZZ_CHECK(net_mux_attach(s->mux, fds[1], NET_MUX_SOCKET, NULL) == DS_OK);
    greet(s);
}

static void feed(struct session *s, struct ds_span in, size_t piece)
{
    while (in.len > 0) {
        struct ds_span part = ds_span_sub(in, 0, piece);
        ssize_t n = send(s->peer, part.p, part.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        steps(s);
        if (n <= 0)
            return;
        in = DS_SPAN(in.p + n, in.len - (size_t)n);
    }
}

/* Input: one byte for the side and the length of the pieces, then what the peer sends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct net_loop *loop; /* one for all inputs: making it is the slow part */
    if (len == 0)
        return 0;
    if (loop == NULL)
        FUZZ_CHECK(net_loop_new(&loop, NULL) == DS_OK);
    struct session s = { .loop = loop };
    session_start(&s, (data[0] & 1) != 0 ? NET_MUX_HOST : NET_MUX_GUEST);
    struct net_call *ours = NULL;
    if ((data[0] & 2) != 0 &&
        net_mux_open(&ours, s.mux, DS_SPAN_LIT("{}"), 0, &call_ops, &ours, NULL) < 0)
        ours = NULL;
    feed(&s, DS_SPAN(data + 1, len - 1), (data[0] >> 2) * (size_t)64 + 1);
    (void)close(s.peer);
    while (net_mux_is_up(s.mux))
        FUZZ_CHECK(net_loop_step(s.loop, 0, NULL) == DS_OK);
    FUZZ_CHECK(ours == NULL);
    for (size_t i = 0; i < s.n_open; i++)
        FUZZ_CHECK(s.open[i] == NULL);
    net_mux_free(s.mux);
    return 0;
}
