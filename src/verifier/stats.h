/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the verifier counts, as Prometheus reads it. The loop's alone.
 */

#include "net/http_server.h"
#include "verifier/verify.h"

#define STATS_EDGES_US \
    { 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000 }
#define STATS_N_BUCKETS  13
#define STATS_ROUTES_MAX 16
#define STATS_STATUSES   { 200, 201, 204, 400, 404, 405, 406, 409, 415, 429, 503, 500 }
#define STATS_N_STATUSES 12

struct stats_route {
    uint64_t statuses[STATS_N_STATUSES]; /* others count as the last */
    uint64_t buckets[STATS_N_BUCKETS];   /* not cumulative */
    uint64_t sum_us, n_running;
};

struct stats {
    struct stats_route routes[STATS_ROUTES_MAX];
    uint64_t accepted, denied, invalid;
    uint64_t policy_allowed, policy_denied; /* of those that policy documents judged */
    uint64_t codes[DS_CODE_COUNT]; /* reasons of verdicts, and of requests that were refused */
};

void stats_count(struct stats_route *r, int status, int64_t took_us);
void stats_verdict(struct stats *s, const struct verifier_finding *f);

struct stats_more {
    const char *const *names; /* of the routes */
    size_t n_routes, n_waiting, n_away, n_sessions, session_bytes, connections_max;
    struct net_http_stats http;
};
void stats_encode(struct ds_buf *out, const struct stats *s, const struct stats_more *more);
