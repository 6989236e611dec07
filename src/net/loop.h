/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One event loop per thread: timers, descriptors (sockets, pidfds, eventfds) and
 * signals as callbacks. A thin owner of a libevent base. Everything of one loop
 * belongs to the thread that runs it; other threads reach it only by net/pool.h.
 */

#include <stdint.h>

#include "base/err.h"

struct event_base;
struct net_loop;
struct net_event;

#define NET_READ  0x1u
#define NET_WRITE 0x2u

/* `what` is NET_READ | NET_WRITE for descriptors, 0 for timers, the number for signals. A callback
 * may free its own event. */
typedef void net_event_fn(void *arg, unsigned what);

DS_MUST_USE int net_loop_new(struct net_loop **ret, struct ds_error *e);
/* Events must have been freed before. NULL is fine. */
void net_loop_free(struct net_loop *loop);
struct event_base *net_loop_base(struct net_loop *loop);

/* Run callbacks until net_loop_stop. */
DS_MUST_USE int net_loop_run(struct net_loop *loop, struct ds_error *e);
/* Handle what is ready, waiting for it at most timeout_ms (-1: as long as it takes). */
DS_MUST_USE int net_loop_step(struct net_loop *loop, int timeout_ms, struct ds_error *e);
/* From a callback: net_loop_run returns after it. */
void net_loop_stop(struct net_loop *loop);

/* A timer, not yet set. */
DS_MUST_USE int net_event_timer(struct net_event **ret, struct net_loop *loop, net_event_fn *fn,
                                void *arg, struct ds_error *e);
/* Once, delay_ms from now; replaces an earlier setting. err: NOMEM */
DS_MUST_USE int net_event_after(struct net_event *timer, int64_t delay_ms, struct ds_error *e);

/* A borrowed descriptor, level-triggered; `want` may be 0 until net_event_want. */
DS_MUST_USE int net_event_fd(struct net_event **ret, struct net_loop *loop, int fd, unsigned want,
                             net_event_fn *fn, void *arg, struct ds_error *e);
DS_MUST_USE int net_event_want(struct net_event *ev, unsigned want, struct ds_error *e);

/* At most one loop of the process takes signals. */
DS_MUST_USE int net_event_signal(struct net_event **ret, struct net_loop *loop, int signo,
                                 net_event_fn *fn, void *arg, struct ds_error *e);

/* A timer or signal stays silent until set again; a descriptor until net_event_want. */
void net_event_stop(struct net_event *ev);
void net_event_free(struct net_event *ev);
