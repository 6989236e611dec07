/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets, each one number: the time at which it is full again.
 */
#include "verifier/limit.h"

#include <arpa/inet.h>
#include <string.h>

#define BURST_S 2 /* what one may ask at once is what comes in this time */
#define ASIDE   UINT64_C(0x5555555555555554) /* makes a source's other key; never 0 */

/* splitmix64's finish: every bit of the key moves every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The network part of an IPv6 address, or all of an IPv4 one; other texts as they are. */
static size_t network(uint8_t out[64], const char *address)
{
    char text[64];
    struct in6_addr v6;
    struct in_addr v4;
    bool is_v6 = address[0] == '[';
    size_t n = is_v6 ? strcspn(address + 1, "]") : strcspn(address, ":");
    if (n >= sizeof text)
        n = sizeof text - 1;
    memcpy(text, address + is_v6, n);
    text[n] = '\0';
    if (is_v6 && inet_pton(AF_INET6, text, &v6) == 1) {
        memcpy(out, v6.s6_addr, 8);
        return 8;
    }
    if (!is_v6 && inet_pton(AF_INET, text, &v4) == 1) {
        memcpy(out, &v4, 4);
        return 4;
    }
    memcpy(out, text, n); /* a unix socket: "unix pid 5 uid 6" */
    return n;
}

uint64_t limit_key(const struct limit *l, const char *address)
{
    uint8_t bytes[64];
    size_t n = network(bytes, address);
    uint64_t h = mix(l->seed ^ n);
    for (size_t i = 0; i < n; i++)
        h = mix(h ^ bytes[i]);
    return h | 1;
}

static bool has_room(int64_t full_at_us, uint64_t per_s, int64_t now_us)
{
    if (per_s == 0)
        return true;
    int64_t step_us = 1000000 / (int64_t)per_s;
    return full_at_us - now_us <= BURST_S * 1000000 - step_us;
}

static void take(int64_t *full_at_us, uint64_t per_s, int64_t now_us)
{
    if (per_s == 0)
        return;
    int64_t from_us = *full_at_us > now_us ? *full_at_us : now_us;
    *full_at_us = from_us + 1000000 / (int64_t)per_s;
}

/* The source's entry, or the one of its set that has not been heard of for longest. */
static struct limit_source *find(struct limit *l, uint64_t key)
{
    struct limit_source *set = l->sources[(key >> 1) % LIMIT_SETS], *oldest = set;
    for (size_t i = 0; i < LIMIT_WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].seen_us < oldest->seen_us)
            oldest = &set[i];
    }
    *oldest = (struct limit_source){ .key = key };
    return oldest;
}

bool limit_take(struct limit *l, enum limit_kind kind, uint64_t key, int64_t now_us)
{
    if (kind == LIMIT_NONE)
        return true;
    uint64_t all_per_s = kind == LIMIT_WORK ? l->all_per_s : 0;
    struct limit_source *s = find(l, kind == LIMIT_WORK ? key : key ^ ASIDE);
    s->seen_us = now_us;
    if (!has_room(s->full_at_us, l->source_per_s, now_us) ||
        !has_room(l->all_full_at_us, all_per_s, now_us))
        return false;
    take(&s->full_at_us, l->source_per_s, now_us);
    take(&l->all_full_at_us, all_per_s, now_us);
    return true;
}
