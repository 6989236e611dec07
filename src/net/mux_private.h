/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What mux.c (the session) and mux_call.c (the calls) share.
 */

#include "net/frame.h"
#include "net/loop.h"
#include "net/mux.h"

struct net_call {
    struct net_mux *mux; /* NULL once it is gone */
    struct net_call *prev, *next;
    uint32_t stream;
    bool asker;
    bool replied;
    bool ended, peer_ended;
    bool sent_data;
    bool want_room;
    const struct net_call_ops *ops;
    void *arg;
    struct net_event *timer; /* the asker's, until the reply */
};

struct net_mux {
    struct net_loop *loop;
    enum net_mux_side side;
    const struct net_mux_ops *ops;
    void *arg;

    int fd; /* -1: detached */
    enum net_mux_fd_kind kind;
    struct net_event *io;
    struct net_event *timer; /* probes a port; resumes after a pause */
    bool away;               /* a port without a host */
    bool paused;
    unsigned generation; /* changes when a session ends, so that a dispatch loop notices */

    struct net_epoch own, peer, told; /* told: the peer epoch that our last hello named */
    bool up;
    struct net_frame_decoder decoder;
    struct ds_buf out;
    size_t out_used; /* bytes of `out` that were written */

    struct net_call *calls;
    size_t n_calls;
    uint32_t next_stream;
};

size_t mux_out_len(const struct net_mux *m);
/* Queue a frame and write what can be written. err: RANGE, NOMEM */
int mux_send(struct net_mux *m, uint32_t stream, enum net_frame_kind kind, struct ds_span payload,
             struct ds_error *e);
/* A frame of the current session. */
void mux_call_frame(struct net_mux *m, const struct net_frame *f);
/* The queue has room again: tell those who wait. */
void mux_call_room(struct net_mux *m);
/* Every call hears gone(). */
void mux_call_drop_all(struct net_mux *m, const struct ds_error *why);
