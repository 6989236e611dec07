/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel without a loop: poll, read, answer hellos, until the one frame
 * that is waited for has come.
 */
#include "net/mux_sync.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define AWAY_NAP_MS 20

int net_mux_sync_init(struct net_mux_sync *ret, int fd, enum net_mux_side side,
                      enum net_mux_fd_kind kind, struct ds_error *e)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return ds_fail_errno(e, errno, "channel: make it non-blocking");
    *ret = (struct net_mux_sync){ .fd = fd, .side = side, .kind = kind };
    ret->next_stream = side == NET_MUX_HOST ? 1 : 2;
    return DS_OK;
}

void net_mux_sync_done(struct net_mux_sync *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    net_frame_done(&s->decoder);
}

/* The session is over; the next use says hello with a new epoch. */
static void forget(struct net_mux_sync *s)
{
    s->up = s->greeted = false;
    memset(&s->peer, 0, sizeof s->peer);
    memset(&s->told, 0, sizeof s->told);
    net_frame_reset(&s->decoder);
}

static int left_ms(int64_t deadline_ms, struct ds_error *e)
{
    int64_t left = deadline_ms - ds_clock_mono_ms();
    if (left <= 0)
        return ds_fail(e, DS_ERR_TIMEOUT, "no answer over the channel in time");
    return left < 60 * 1000 ? (int)left : 60 * 1000;
}

/* Wait for the descriptor; a port whose host is away is napped upon. */
static int wait_for(struct net_mux_sync *s, short events, int64_t deadline_ms, struct ds_error *e)
{
    int left = left_ms(deadline_ms, e);
    DS_TRY(left);
    struct pollfd p = { .fd = s->fd, .events = events };
    if (poll(&p, 1, left) < 0 && errno != EINTR)
        return ds_fail_errno(e, errno, "channel: poll");
    if (s->kind == NET_MUX_PORT && (p.revents & POLLHUP) != 0) {
        struct timespec nap = { 0, AWAY_NAP_MS * 1000000L };
        (void)nanosleep(&nap, NULL);
    }
    return DS_OK;
}

static int gone(struct net_mux_sync *s, int err, struct ds_error *e)
{
    forget(s);
    return ds_fail_at(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_CHANNEL_DOWN, err, __FILE__, __LINE__,
                      "channel: the other side closed it");
}

static ssize_t put(const struct net_mux_sync *s, struct ds_span bytes)
{
    if (s->kind == NET_MUX_SOCKET)
        return send(s->fd, bytes.p, bytes.len, MSG_NOSIGNAL);
    return write(s->fd, bytes.p, bytes.len);
}

static int put_all(struct net_mux_sync *s, struct ds_buf *out, int64_t deadline_ms,
                   struct ds_error *e)
{
    DS_TRY(ds_buf_end(out, e, "channel frame"));
    struct ds_span rest = ds_buf_span(out);
    while (rest.len > 0) {
        ssize_t n = put(s, rest);
        if (n > 0) {
            rest = DS_SPAN(rest.p + n, rest.len - (size_t)n);
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return gone(s, errno, e);
        int r = wait_for(s, POLLOUT, deadline_ms, e);
        if (r < 0) {
            forget(s); /* the frame is cut */
            return r;
        }
    }
    return DS_OK;
}

static int put_frame(struct net_mux_sync *s, uint32_t stream, enum net_frame_kind kind,
                     struct ds_span payload, int64_t deadline_ms, struct ds_error *e)
{
    if (payload.len > NET_FRAME_PAYLOAD_MAX)
        return ds_fail(e, DS_ERR_RANGE, "%zu bytes do not fit into a channel frame", payload.len);
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    net_frame_encode(&out, stream, kind, payload);
    return put_all(s, &out, deadline_ms, e);
}

static int put_hello(struct net_mux_sync *s, int64_t deadline_ms, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct net_hello h = { .protocol = NET_FRAME_PROTOCOL, .own = s->own, .seen = s->peer };
    s->told = s->peer;
    net_frame_encode_hello(&out, &h);
    return put_all(s, &out, deadline_ms, e);
}

static bool epoch_eq(const struct net_epoch *a, const struct net_epoch *b)
{
    return ds_span_eq(DS_SPAN_OF(a->b), DS_SPAN_OF(b->b));
}

/* As on_hello of mux.c, where the rule is told. */
static int on_hello(struct net_mux_sync *s, const struct net_hello *h, int64_t deadline_ms,
                    struct ds_error *e)
{
    if (h->protocol != NET_FRAME_PROTOCOL)
        return ds_fail_code(e, DS_ERR_PEER, DS_CODE_NET_BAD_FRAME,
                            "the channel's peer speaks protocol %u, not %u", h->protocol,
                            NET_FRAME_PROTOCOL);
    if (!epoch_eq(&h->own, &s->peer))
        s->up = false;
    s->peer = h->own;
    bool seen = epoch_eq(&h->seen, &s->own);
    if (!seen || !epoch_eq(&s->told, &s->peer))
        DS_TRY(put_hello(s, deadline_ms, e));
    s->up = s->up || seen;
    return DS_OK;
}

static int fill(struct net_mux_sync *s, int64_t deadline_ms, struct ds_error *e)
{
    uint8_t in[32 * 1024];
    ssize_t n = read(s->fd, in, sizeof in);
    if (n > 0)
        return net_frame_feed(&s->decoder, DS_SPAN(in, (size_t)n), e);
    bool again = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (!again && s->kind == NET_MUX_SOCKET)
        return gone(s, n < 0 ? errno : 0, e);
    if (!again) /* the host of a port is away */
        forget(s);
    return wait_for(s, POLLIN, deadline_ms, e);
}

/*
 * One step: say hello when that is due, take one frame, answer hellos. *ret_have says whether *ret
 * is a frame of the session.
 */
static int step(struct net_mux_sync *s, bool *ret_have, struct net_frame *ret, int64_t deadline_ms,
                struct ds_error *e)
{
    *ret_have = false;
    if (!s->greeted) {
        ssize_t n = getrandom(s->own.b, sizeof s->own.b, 0);
        assert(n == (ssize_t)sizeof s->own.b);
        (void)n;
        DS_TRY(put_hello(s, deadline_ms, e));
        s->greeted = true;
    }
    bool have = false;
    struct net_hello h;
    int r = net_frame_next(&s->decoder, &have, ret, &h, e);
    if (r < 0) {
        forget(s);
        return r;
    }
    if (!have)
        return fill(s, deadline_ms, e);
    if (ret->kind == NET_FRAME_HELLO)
        return on_hello(s, &h, deadline_ms, e);
    *ret_have = s->up;
    return DS_OK;
}

int net_mux_sync_call(struct net_mux_sync *s, struct ds_buf *ret, struct ds_span request,
                      int timeout_ms, struct ds_error *e)
{
    int64_t deadline = ds_clock_mono_ms() + timeout_ms;
    struct net_epoch asked = { 0 }; /* the peer's open that has our request */
    uint32_t stream = 0;
    for (;;) {
        if (s->up && !epoch_eq(&asked, &s->peer)) {
            stream = s->next_stream;
            s->next_stream += 2;
            DS_TRY(put_frame(s, stream, NET_FRAME_REQUEST, request, deadline, e));
            asked = s->peer;
        }
        bool have = false;
        struct net_frame f;
        DS_TRY(step(s, &have, &f, deadline, e));
        if (have && f.kind == NET_FRAME_REQUEST)
            DS_TRY(put_frame(s, f.stream, NET_FRAME_RESET, (struct ds_span){ 0 }, deadline, e));
        if (!have || f.stream != stream)
            continue;
        if (f.kind == NET_FRAME_RESET)
            return ds_fail_code(e, DS_ERR_PEER, DS_CODE_NET_CALL_RESET,
                                "the other side reset the call");
        if (f.kind == NET_FRAME_REPLY) {
            ds_buf_add(ret, f.payload);
            return ds_buf_end(ret, e, "channel reply");
        }
    }
}

int net_mux_sync_serve(struct net_mux_sync *s, net_mux_sync_fn *fn, void *arg, int timeout_ms,
                       struct ds_error *e)
{
    int64_t deadline = ds_clock_mono_ms() + timeout_ms;
    for (;;) {
        bool have = false;
        struct net_frame f;
        DS_TRY(step(s, &have, &f, deadline, e));
        if (!have || f.kind != NET_FRAME_REQUEST)
            continue;
        DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
        fn(arg, f.payload, &reply);
        DS_TRY(ds_buf_end(&reply, e, "channel reply"));
        return put_frame(s, f.stream, NET_FRAME_REPLY, ds_buf_span(&reply), deadline, e);
    }
}
