/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session of a channel: hellos, reading, writing, and what happens when the
 * other side goes away.
 *
 * Hellos: each side names its own epoch and the one it has seen. A hello that
 * names ours makes the session; any other is answered with what we now see.
 * Three messages at most, in whatever order the sides open.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "net/mux_private.h"

/* How long a guest without a host sleeps: POLLHUP gives no wake-up when the host returns. */
#define PROBE_MS 50
/* Replies and control frames are never refused, but a peer that reads nothing is given up. */
#define QUEUE_HARD_MAX (4 * NET_MUX_QUEUE_MAX)

size_t mux_out_len(const struct net_mux *m) { return m->out.len - m->out_used; }

bool net_mux_is_up(const struct net_mux *m) { return m->up; }

static bool epoch_eq(const struct net_epoch *a, const struct net_epoch *b)
{
    return ds_span_eq(DS_SPAN_OF(a->b), DS_SPAN_OF(b->b));
}

/* Watching cannot fail for a descriptor that is watched already, memory aside: then we go deaf. */
static void want(struct net_mux *m)
{
    unsigned w = 0;
    if (!m->away)
        w = (m->paused ? 0 : NET_READ) | (mux_out_len(m) > 0 ? NET_WRITE : 0);
    if (m->io != NULL)
        (void)!net_event_want(m->io, w, NULL);
}

static void end_session(struct net_mux *m, const struct ds_error *why)
{
    bool was_up = m->up;
    m->up = false;
    m->generation++;
    memset(&m->peer, 0, sizeof m->peer);
    memset(&m->told, 0, sizeof m->told);
    ds_buf_clear(&m->out);
    m->out_used = 0;
    mux_call_drop_all(m, why);
    if (was_up && m->ops->down != NULL)
        m->ops->down(m->arg, why);
}

static void close_fd(struct net_mux *m)
{
    net_event_free(m->io);
    m->io = NULL;
    if (m->fd >= 0)
        (void)close(m->fd);
    m->fd = -1;
}

/* The stream ended or failed. */
static void lost(struct net_mux *m, const struct ds_error *why)
{
    net_frame_reset(&m->decoder);
    if (m->kind == NET_MUX_SOCKET) {
        close_fd(m);
    } else {
        m->away = true;
        want(m);
        (void)!net_event_after(m->timer, PROBE_MS, NULL);
    }
    end_session(m, why);
}

static void lost_errno(struct net_mux *m, int err, const char *doing)
{
    struct ds_error why;
    (void)ds_fail_at(&why, DS_ERR_UNAVAILABLE, DS_CODE_NET_CHANNEL_DOWN, err, __FILE__, __LINE__,
                     "channel: %s", doing);
    lost(m, &why);
}

static bool write_some(struct net_mux *m)
{
    while (mux_out_len(m) > 0) {
        ssize_t n = write(m->fd, m->out.p + m->out_used, mux_out_len(m));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        m->out_used += (size_t)n;
    }
    ds_buf_clear(&m->out);
    m->out_used = 0;
    return true;
}

/* A failed write is met again by on_io, where it is safe to call back. */
static void flush(struct net_mux *m)
{
    if (m->fd < 0 || m->away)
        return;
    (void)write_some(m);
    if (m->out_used > NET_MUX_QUEUE_MAX) {
        ds_buf_drop(&m->out, m->out_used);
        m->out_used = 0;
    }
    want(m);
}

int mux_send(struct net_mux *m, uint32_t stream, enum net_frame_kind kind, struct ds_span payload,
             struct ds_error *e)
{
    if (kind != NET_FRAME_DATA && payload.len > NET_FRAME_PAYLOAD_MAX)
        return ds_fail(e, DS_ERR_RANGE, "%zu bytes do not fit into a channel frame", payload.len);
    size_t before = m->out.len;
    net_frame_encode(&m->out, stream, kind, payload);
    if (m->out.bad) {
        m->out.bad = false;
        m->out.len = before;
        return ds_fail(e, DS_ERR_NOMEM, "channel output");
    }
    flush(m);
    return DS_OK;
}

static void send_hello(struct net_mux *m)
{
    m->told = m->peer;
    struct net_hello h = { .protocol = NET_FRAME_PROTOCOL, .own = m->own, .seen = m->peer };
    net_frame_encode_hello(&m->out, &h);
    flush(m);
}

/* getrandom of 16 bytes fails only before the kernel has entropy, and then it waits. */
static void start_session(struct net_mux *m)
{
    ssize_t n = getrandom(m->own.b, sizeof m->own.b, 0);
    assert(n == (ssize_t)sizeof m->own.b);
    (void)n;
    m->away = false;
    want(m);
    send_hello(m);
}

static void on_hello(struct net_mux *m, const struct net_hello *h)
{
    struct ds_error why;
    if (h->protocol != NET_FRAME_PROTOCOL) {
        (void)ds_fail_code(&why, DS_ERR_PEER, DS_CODE_NET_BAD_FRAME,
                           "the channel's peer speaks protocol %u, not %u", h->protocol,
                           NET_FRAME_PROTOCOL);
        end_session(m, &why);
        return;
    }
    if (!epoch_eq(&h->own, &m->peer)) {
        unsigned before = m->generation + 1;
        (void)ds_fail_code(&why, DS_ERR_UNAVAILABLE, DS_CODE_NET_CHANNEL_DOWN,
                           "channel: the peer began anew");
        end_session(m, &why);
        if (m->generation != before || m->fd < 0) /* a callback attached or detached */
            return;
        m->peer = h->own;
    }
    if (!epoch_eq(&h->seen, &m->own)) {
        send_hello(m);
        return;
    }
    if (!epoch_eq(&m->told, &m->peer))
        send_hello(m);
    if (!m->up) {
        m->up = true;
        if (m->ops->up != NULL)
            m->ops->up(m->arg);
    }
}

static void dispatch(struct net_mux *m)
{
    unsigned generation = m->generation;
    bool have = true;
    while (have && !m->paused && m->fd >= 0) {
        struct net_frame f;
        struct net_hello h;
        struct ds_error e;
        if (net_frame_next(&m->decoder, &have, &f, &h, &e) < 0) {
            /* Nothing can be trusted up to the next hello: begin anew, and so does the peer. */
            end_session(m, &e);
            if (m->fd >= 0 && m->generation == generation + 1)
                start_session(m);
            return;
        }
        if (have && f.kind == NET_FRAME_HELLO) {
            on_hello(m, &h);
            generation = m->generation;
        } else if (have && m->up) {
            mux_call_frame(m, &f);
        }
        if (m->generation != generation)
            return;
    }
}

static void on_readable(struct net_mux *m)
{
    uint8_t in[64 * 1024];
    ssize_t n = read(m->fd, in, sizeof in);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        lost_errno(m, n < 0 ? errno : 0, n < 0 ? "read" : "the other side closed it");
        return;
    }
    struct ds_error e;
    if (net_frame_feed(&m->decoder, DS_SPAN(in, (size_t)n), &e) < 0) {
        lost(m, &e);
        return;
    }
    dispatch(m);
}

static void on_io(void *arg, unsigned what)
{
    struct net_mux *m = arg;
    unsigned generation = m->generation;
    if ((what & NET_WRITE) != 0 && mux_out_len(m) > 0) {
        if (!write_some(m)) {
            lost_errno(m, errno, "write");
            return;
        }
        want(m);
        if (mux_out_len(m) < NET_MUX_QUEUE_MAX / 2)
            mux_call_room(m);
    }
    if (m->generation != generation || m->fd < 0)
        return;
    if (mux_out_len(m) > QUEUE_HARD_MAX) {
        lost_errno(m, 0, "the other side reads nothing");
        return;
    }
    if ((what & NET_READ) != 0 && !m->away && !m->paused)
        on_readable(m);
}

/* A port: has the host come back? Else after a pause: frames that wait in the decoder. */
static void on_timer(void *arg, unsigned what)
{
    (void)what;
    struct net_mux *m = arg;
    if (m->fd < 0)
        return;
    if (!m->away) {
        dispatch(m);
        return;
    }
    struct pollfd p = { .fd = m->fd, .events = POLLIN };
    if (poll(&p, 1, 0) >= 0 && (p.revents & POLLHUP) != 0) {
        (void)!net_event_after(m->timer, PROBE_MS, NULL);
        return;
    }
    start_session(m);
}

int net_mux_new(struct net_mux **ret, struct net_loop *loop, enum net_mux_side side,
                const struct net_mux_ops *ops, void *arg, struct ds_error *e)
{
    struct net_mux *m = calloc(1, sizeof *m);
    if (m == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "channel");
    *m = (struct net_mux){ .loop = loop, .side = side, .ops = ops, .arg = arg, .fd = -1 };
    m->next_stream = side == NET_MUX_HOST ? 1 : 2;
    int r = net_event_timer(&m->timer, loop, on_timer, m, e);
    if (r < 0) {
        free(m);
        return r;
    }
    *ret = m;
    return DS_OK;
}

int net_mux_attach(struct net_mux *m, int fd, enum net_mux_fd_kind kind, struct ds_error *e)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return ds_fail_errno(e, errno, "channel: make it non-blocking");
    struct net_event *io = NULL;
    DS_TRY(net_event_fd(&io, m->loop, fd, 0, on_io, m, e));
    net_mux_detach(m);
    if (m->fd >= 0) { /* a callback of the detached session attached another */
        net_event_free(io);
        return ds_fail(e, DS_ERR_EXISTS, "channel: attached meanwhile");
    }
    m->fd = fd;
    m->kind = kind;
    m->io = io;
    start_session(m);
    return DS_OK;
}

void net_mux_detach(struct net_mux *m)
{
    if (m->fd < 0)
        return;
    struct ds_error why;
    (void)ds_fail_code(&why, DS_ERR_UNAVAILABLE, DS_CODE_NET_CHANNEL_DOWN, "channel: detached");
    net_event_stop(m->timer);
    close_fd(m);
    net_frame_reset(&m->decoder);
    m->away = false;
    end_session(m, &why);
}

void net_mux_pause(struct net_mux *m, bool paused)
{
    if (m->paused == paused)
        return;
    m->paused = paused;
    want(m);
    if (!paused && m->fd >= 0 && !m->away)
        (void)!net_event_after(m->timer, 0, NULL);
}

void net_mux_free(struct net_mux *m)
{
    if (m == NULL)
        return;
    net_mux_detach(m);
    assert(m->calls == NULL);
    net_event_free(m->timer);
    net_frame_done(&m->decoder);
    ds_buf_done(&m->out);
    free(m);
}
