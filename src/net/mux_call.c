/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of a channel: who waits for what on which stream.
 *
 * A callback may close any call. So nothing here touches a call after calling
 * back, and loops begin again at the list's head.
 */
#include <assert.h>
#include <stdlib.h>

#include "net/mux_private.h"

static void link_call(struct net_mux *m, struct net_call *c)
{
    c->mux = m;
    c->next = m->calls;
    if (c->next != NULL)
        c->next->prev = c;
    m->calls = c;
    m->n_calls++;
}

static void unlink_call(struct net_call *c)
{
    struct net_mux *m = c->mux;
    assert(m != NULL);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        m->calls = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    c->prev = c->next = NULL;
    c->mux = NULL;
    m->n_calls--;
    net_event_free(c->timer);
    c->timer = NULL;
}

static struct net_call *find_call(const struct net_mux *m, uint32_t stream)
{
    struct net_call *c = m->calls;
    while (c != NULL && c->stream != stream)
        c = c->next;
    return c;
}

static void drop_call(struct net_call *c, const struct ds_error *why)
{
    unlink_call(c);
    if (c->ops != NULL && c->ops->gone != NULL)
        c->ops->gone(c->arg, why);
}

void mux_call_drop_all(struct net_mux *m, const struct ds_error *why)
{
    for (struct net_call *c = m->calls; c != NULL; c = m->calls)
        drop_call(c, why);
}

static void send_reset(struct net_mux *m, uint32_t stream)
{
    (void)!mux_send(m, stream, NET_FRAME_RESET, (struct ds_span){ 0 }, NULL);
}

static bool is_ours(const struct net_mux *m, uint32_t stream)
{
    return (stream % 2 == 1) == (m->side == NET_MUX_HOST);
}

static void on_request(struct net_mux *m, const struct net_frame *f)
{
    bool fits = f->stream != 0 && !is_ours(m, f->stream) && find_call(m, f->stream) == NULL;
    struct net_call *c = NULL;
    if (fits && m->ops->request != NULL && m->n_calls < NET_MUX_CALLS_MAX)
        c = calloc(1, sizeof *c);
    if (c == NULL) {
        send_reset(m, f->stream);
        return;
    }
    c->stream = f->stream;
    link_call(m, c);
    m->ops->request(m->arg, c, f->payload);
}

static void on_reply(struct net_call *c, struct ds_span payload)
{
    if (!c->asker || c->replied)
        return;
    c->replied = true;
    net_event_free(c->timer);
    c->timer = NULL;
    if (c->ops->reply != NULL)
        c->ops->reply(c->arg, payload);
}

static void on_data(struct net_call *c, struct ds_span payload)
{
    if (!c->peer_ended && c->ops != NULL && c->ops->data != NULL)
        c->ops->data(c->arg, payload);
}

static void on_end(struct net_call *c)
{
    if (c->peer_ended)
        return;
    c->peer_ended = true;
    if (c->ops != NULL && c->ops->end != NULL)
        c->ops->end(c->arg);
}

void mux_call_frame(struct net_mux *m, const struct net_frame *f)
{
    if (f->kind == NET_FRAME_REQUEST) {
        on_request(m, f);
        return;
    }
    struct net_call *c = find_call(m, f->stream);
    if (c == NULL) /* closed here while it was under way */
        return;
    if (f->kind == NET_FRAME_REPLY) {
        on_reply(c, f->payload);
    } else if (f->kind == NET_FRAME_DATA) {
        on_data(c, f->payload);
    } else if (f->kind == NET_FRAME_END) {
        on_end(c);
    } else {
        struct ds_error why;
        (void)ds_fail_code(&why, DS_ERR_PEER, DS_CODE_NET_CALL_RESET,
                           "the other side reset the call");
        drop_call(c, &why);
    }
}

void mux_call_room(struct net_mux *m)
{
    struct net_call *c = m->calls;
    while (c != NULL && mux_out_len(m) < NET_MUX_QUEUE_MAX) {
        if (!c->want_room) {
            c = c->next;
            continue;
        }
        c->want_room = false;
        if (c->ops != NULL && c->ops->room != NULL)
            c->ops->room(c->arg);
        c = m->calls;
    }
}

static void on_timeout(void *arg, unsigned what)
{
    (void)what;
    struct net_call *c = arg;
    struct ds_error why;
    (void)ds_fail(&why, DS_ERR_TIMEOUT, "no reply over the channel in time");
    send_reset(c->mux, c->stream);
    drop_call(c, &why);
}

static uint32_t take_stream(struct net_mux *m)
{
    while (find_call(m, m->next_stream) != NULL || m->next_stream == 0)
        m->next_stream += 2;
    uint32_t stream = m->next_stream;
    m->next_stream += 2;
    return stream;
}

static int check_room(const struct net_mux *m, struct ds_error *e)
{
    if (!m->up)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_CHANNEL_DOWN,
                            "the other side of the channel is not there");
    if (mux_out_len(m) >= NET_MUX_QUEUE_MAX || m->n_calls >= NET_MUX_CALLS_MAX)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_CHANNEL_FULL,
                            "%zu bytes and %zu calls wait on the channel", mux_out_len(m),
                            m->n_calls);
    return DS_OK;
}

int net_mux_open(struct net_call **ret, struct net_mux *m, struct ds_span payload,
                 int64_t timeout_ms, const struct net_call_ops *ops, void *arg, struct ds_error *e)
{
    DS_TRY(check_room(m, e));
    struct net_call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "channel call");
    *c = (struct net_call){ .asker = true, .ops = ops, .arg = arg, .stream = take_stream(m) };
    link_call(m, c);
    int r = DS_OK;
    if (timeout_ms > 0)
        r = net_event_timer(&c->timer, m->loop, on_timeout, c, e);
    if (r == DS_OK && timeout_ms > 0)
        r = net_event_after(c->timer, timeout_ms, e);
    if (r == DS_OK)
        r = mux_send(m, c->stream, NET_FRAME_REQUEST, payload, e);
    if (r < 0) {
        unlink_call(c);
        free(c);
        return r;
    }
    *ret = c;
    return DS_OK;
}

struct simple {
    struct net_call *call;
    net_reply_fn *fn;
    void *arg;
};

static void simple_finish(struct simple *s, int status, struct ds_span payload,
                          const struct ds_error *why)
{
    struct simple copy = *s;
    free(s);
    copy.fn(copy.arg, status, payload, why);
    net_call_close(copy.call);
}

static void simple_reply(void *arg, struct ds_span payload)
{
    struct simple *s = arg;
    if (s->call->mux != NULL)
        unlink_call(s->call); /* nothing more is expected, nothing to reset */
    simple_finish(s, DS_OK, payload, NULL);
}

static void simple_gone(void *arg, const struct ds_error *why)
{
    simple_finish(arg, why->cls, (struct ds_span){ 0 }, why);
}

static const struct net_call_ops simple_ops = { .reply = simple_reply, .gone = simple_gone };

int net_mux_request(struct net_mux *m, struct ds_span payload, int64_t timeout_ms, net_reply_fn *fn,
                    void *arg, struct ds_error *e)
{
    struct simple *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "channel call");
    *s = (struct simple){ .fn = fn, .arg = arg };
    int r = net_mux_open(&s->call, m, payload, timeout_ms, &simple_ops, s, e);
    if (r < 0)
        free(s);
    return r;
}

void net_call_listen(struct net_call *c, const struct net_call_ops *ops, void *arg)
{
    c->ops = ops;
    c->arg = arg;
}

int net_call_reply(struct net_call *c, struct ds_span payload, struct ds_error *e)
{
    if (c->mux == NULL || c->asker || c->replied)
        return DS_OK;
    DS_TRY(mux_send(c->mux, c->stream, NET_FRAME_REPLY, payload, e));
    c->replied = true;
    return DS_OK;
}

int net_call_data(struct net_call *c, struct ds_span bytes, struct ds_error *e)
{
    if (c->mux == NULL || c->ended)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_CHANNEL_DOWN, "the call is over");
    if (mux_out_len(c->mux) >= NET_MUX_QUEUE_MAX) {
        c->want_room = true;
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_CHANNEL_FULL,
                            "%zu bytes wait on the channel", mux_out_len(c->mux));
    }
    c->sent_data = true;
    return mux_send(c->mux, c->stream, NET_FRAME_DATA, bytes, e);
}

void net_call_end(struct net_call *c)
{
    if (c->mux == NULL || c->ended)
        return;
    c->ended = true;
    (void)!mux_send(c->mux, c->stream, NET_FRAME_END, (struct ds_span){ 0 }, NULL);
}

void net_call_close(struct net_call *c)
{
    if (c == NULL)
        return;
    if (c->mux != NULL) {
        bool finished = c->asker ? c->replied && c->peer_ended : c->replied;
        if (!finished)
            send_reset(c->mux, c->stream);
        else if (c->sent_data && !c->ended)
            net_call_end(c);
        unlink_call(c);
    }
    free(c);
}
