/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Blocking work off the loop: a bounded queue, a fixed number of threads, and
 * the completion back on the loop's thread. What work and loop share is `arg`
 * alone: the loop does not touch it between submit and done.
 */

#include "base/err.h"

struct net_loop;
struct net_pool;

typedef void net_pool_fn(void *arg);

DS_MUST_USE int net_pool_new(struct net_pool **ret, struct net_loop *loop, size_t n_threads,
                             size_t queue_max, struct ds_error *e);

/*
 * Run work(arg) on a thread, then done(arg) on the loop.
 *
 * err:  UNAVAILABLE  net.pool_full: queue_max jobs wait already; neither function is called
 */
DS_MUST_USE int net_pool_submit(struct net_pool *pool, net_pool_fn *work, net_pool_fn *done,
                                void *arg, struct ds_error *e);

/* Jobs submitted whose done() has not run. */
size_t net_pool_pending(const struct net_pool *pool);

/*
 * Shut down: no new jobs, every queued one still runs, every done() is called
 * (on the calling thread, which is the loop's), threads are joined.
 */
void net_pool_free(struct net_pool *pool);
