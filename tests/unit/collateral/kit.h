/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For tests of this room: a whole signed set, made by the simulated platform,
 * its parts, and the anchor it stands under.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attest/anchors.h"
#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"
#include "simtee/pki.h"

#define NOW_S ((int64_t)1795000000)
#define DAY_S ((int64_t)86400)

struct kit {
    char dir[32];
    struct simtee_pki *pki;
    struct ds_extra_anchor extra;
    struct ds_anchors anchors;
    uint8_t *room;
    size_t cap;
};

void kit_open(struct kit *k, size_t mem_len);
void kit_close(struct kit *k);

/* All of the room, unused. */
struct ds_arena kit_mem(const struct kit *k);
struct ds_span kit_set(const struct kit *k);
/* A member of the set: its text, or its bytes where it is hex. */
struct ds_span kit_part(struct ds_arena *mem, const struct kit *k, const char *key, bool is_hex);
/* The set with one member's text replaced; NULL leaves it out. */
void kit_set_with(struct ds_buf *ret, const struct kit *k, const char *key, const char *text);

/* A copy as text, *gives*: free it. */
char *kit_text(struct ds_span s);
