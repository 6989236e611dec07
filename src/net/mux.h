/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A channel between host and guest: many calls over one byte stream, both ways.
 * A call is one request, its reply, and any data that either side sends after
 * the request until it says end. Frames are net/frame.h's.
 *
 * A session lasts from the exchange of hellos until EOF or the hello of another
 * epoch; then every call is gone, and what still arrives of it is dropped. The
 * owner keeps the net_mux over many sessions: on a virtio port the next one
 * begins by itself, on a socket after the next net_mux_attach.
 */

#include "base/buf.h"

struct net_loop;
struct net_mux;
struct net_call;

/* The two ends number their calls apart. */
enum net_mux_side {
    NET_MUX_HOST,
    NET_MUX_GUEST,
};

enum net_mux_fd_kind {
    NET_MUX_SOCKET, /* EOF is final */
    NET_MUX_PORT,   /* /dev/vport: EOF lasts while the host is away, then bytes flow again */
};

struct net_mux_ops {
    /* A new session; may be NULL. */
    void (*up)(void *arg);
    /* It ended: EOF, error, or the peer began anew (`up` follows). May be NULL. A socket was closed. */
    void (*down)(void *arg, const struct ds_error *why);
    /* The peer asks; answer by net_call_reply, now or later, then net_call_close. NULL: reset. */
    void (*request)(void *arg, struct net_call *call, struct ds_span payload);
};

/* What a side hears of a call; any may be NULL. No callback comes after net_call_close. */
struct net_call_ops {
    void (*reply)(void *arg, struct ds_span payload); /* to the asker, once */
    void (*data)(void *arg, struct ds_span payload);
    void (*end)(void *arg);  /* the peer sends no more data */
    void (*room)(void *arg); /* after net_call_data said UNAVAILABLE: try again */
    /* Reset, timed out, session over. Nothing follows; net_call_close is still due. */
    void (*gone)(void *arg, const struct ds_error *why);
};

DS_MUST_USE int net_mux_new(struct net_mux **ret, struct net_loop *loop, enum net_mux_side side,
                            const struct net_mux_ops *ops, void *arg, struct ds_error *e);
/* Calls get gone(); closes the descriptor. NULL is fine. Not from inside a callback of this mux. */
void net_mux_free(struct net_mux *m);

/* Take an open descriptor (made non-blocking) and say hello. Replaces an earlier one. */
DS_MUST_USE int net_mux_attach(struct net_mux *m, int fd, enum net_mux_fd_kind kind,
                               struct ds_error *e);
/* End the session and close the descriptor; `down` is called if it was up. */
void net_mux_detach(struct net_mux *m);
bool net_mux_is_up(const struct net_mux *m);

/* Bytes that may wait for a slow peer before net_call_data refuses. */
#define NET_MUX_QUEUE_MAX ((size_t)4 << 20)
#define NET_MUX_CALLS_MAX 256u

/*
 * Ask. The payload is ASCII JSON.
 *
 * in:   timeout_ms  until the reply; 0: none
 * out:  ret         yours until net_call_close
 * err:  UNAVAILABLE net.channel_down: no session, or net.channel_full: too many calls or bytes
 *       RANGE       payload over NET_FRAME_PAYLOAD_MAX
 */
DS_MUST_USE int net_mux_open(struct net_call **ret, struct net_mux *m, struct ds_span payload,
                             int64_t timeout_ms, const struct net_call_ops *ops, void *arg,
                             struct ds_error *e);

/* The common case: one reply, no data, closed by itself. `status` is DS_OK or the class in *why. */
typedef void net_reply_fn(void *arg, int status, struct ds_span payload,
                          const struct ds_error *why);
DS_MUST_USE int net_mux_request(struct net_mux *m, struct ds_span payload, int64_t timeout_ms,
                                net_reply_fn *fn, void *arg, struct ds_error *e);

/* For the answering side, when it wants data, end or gone. */
void net_call_listen(struct net_call *c, const struct net_call_ops *ops, void *arg);
/* Answer once. Dropped silently when the call is gone. err: RANGE, NOMEM */
DS_MUST_USE int net_call_reply(struct net_call *c, struct ds_span payload, struct ds_error *e);
/* err: UNAVAILABLE net.channel_full (wait for room) or net.channel_down */
DS_MUST_USE int net_call_data(struct net_call *c, struct ds_span bytes, struct ds_error *e);
/* I send no more data. */
void net_call_end(struct net_call *c);
/* Done with it; unfinished business is reset at the peer. NULL is fine. */
void net_call_close(struct net_call *c);

/* Stop and resume reading, for an owner who cannot keep up: the peer then waits. */
void net_mux_pause(struct net_mux *m, bool paused);
