/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bump allocation over memory of the caller's. Pure parsers take their room
 * from it, so that they never touch the heap and their worst case is the size
 * the caller chose. Nothing is freed one by one: keep `used` and set it back.
 * The memory comes from malloc or is an array of max_align_t.
 */

#include "base/scope.h"
#include "base/span.h"

struct ds_arena {
    uint8_t *p;
    size_t cap, used; /* bytes */
};

static inline struct ds_arena ds_arena_of(void *mem, size_t cap)
{
    return (struct ds_arena){ .p = mem, .cap = cap };
}

/* n zero bytes at the alignment of any type; NULL when they are not there. */
static inline void *ds_arena_get(struct ds_arena *a, size_t n)
{
    size_t align = _Alignof(max_align_t);
    size_t at = (a->used + align - 1) & ~(align - 1);
    if (a->p == NULL || at > a->cap || n > a->cap - at)
        return NULL;
    a->used = at + n;
    if (n > 0)
        memset(a->p + at, 0, n);
    return a->p + at;
}

/* n elements of elem_len bytes; NULL also when the product overflows. */
static inline void *ds_arena_get_n(struct ds_arena *a, size_t n, size_t elem_len)
{
    size_t len;
    return __builtin_mul_overflow(n, elem_len, &len) ? NULL : ds_arena_get(a, len);
}
