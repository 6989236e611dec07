/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The channel for a caller without a loop (the guest's boot stage): one call at
 * a time, blocking with a deadline. Speaks to a net_mux or to itself.
 */

#include "net/frame.h"
#include "net/mux.h"

struct net_mux_sync {
    int fd; /* taken; non-blocking */
    enum net_mux_side side;
    enum net_mux_fd_kind kind;
    struct net_epoch own, peer, told; /* told: the peer epoch our last hello named */
    bool greeted;                     /* our hello of this epoch went out */
    bool up;                          /* and was answered */
    uint32_t next_stream;
    struct net_frame_decoder decoder;
};

/* Takes the descriptor. err: SYS */
DS_MUST_USE int net_mux_sync_init(struct net_mux_sync *ret, int fd, enum net_mux_side side,
                                  enum net_mux_fd_kind kind, struct ds_error *e);
void net_mux_sync_done(struct net_mux_sync *s);

/*
 * Ask and wait for the reply, which is appended to *ret. Says hello first where that is due, and
 * again when the peer restarts before it has answered (the request is then sent anew: it must bear
 * that). Requests of the peer meanwhile are reset.
 *
 * err:  TIMEOUT, UNAVAILABLE (a socket ended), PEER (reset by the peer)
 */
DS_MUST_USE int net_mux_sync_call(struct net_mux_sync *s, struct ds_buf *ret,
                                  struct ds_span request, int timeout_ms, struct ds_error *e);

/* Fill *reply for a request; what it cannot answer it answers with an error body. */
typedef void net_mux_sync_fn(void *arg, struct ds_span request, struct ds_buf *reply);

/* Wait for one request and answer it. err: TIMEOUT, UNAVAILABLE */
DS_MUST_USE int net_mux_sync_serve(struct net_mux_sync *s, net_mux_sync_fn *fn, void *arg,
                                   int timeout_ms, struct ds_error *e);
