/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How often may one source ask, and all together: token buckets over a table of
 * fixed size. Pure: time is an argument. An IPv6 source is its /64, since that is
 * what one caller holds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_SETS 1024 /* of LIMIT_WAYS sources; 96 KiB */
#define LIMIT_WAYS 4

struct limit_source {
    uint64_t key;       /* 0: free */
    int64_t full_at_us; /* when all of its burst is there again */
    int64_t seen_us;
};

struct limit {
    uint64_t source_per_s, all_per_s; /* 0: no limit; twice as many at once */
    uint64_t seed;                    /* secret: which sources share a set is nobody's choice */
    int64_t all_full_at_us;
    struct limit_source sources[LIMIT_SETS][LIMIT_WAYS];
};

/* The source of a peer's address as net/http_server.h tells it: "1.2.3.4:5", "[::1]:5"; never 0. */
uint64_t limit_key(const struct limit *l, const char *address);
/* What is asked for. */
enum limit_kind {
    LIMIT_NONE,  /* costs next to nothing */
    LIMIT_ASIDE, /* costs little: as often as work, beside it, whatever all others ask */
    LIMIT_WORK,
};

/* May this source ask once more? A refusal costs nobody a token. */
bool limit_take(struct limit *l, enum limit_kind kind, uint64_t key, int64_t now_us);
