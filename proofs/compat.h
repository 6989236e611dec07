/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Included ahead of every source of a proof. C 7.24.1 p2 forbids NULL in calls of <string.h> even for
 * no bytes at all, and compilers use that; CBMC's own models let it pass, and it has none of memchr.
 */

#include <stddef.h>
#include <stdio.h>
#include <string.h>

int nondet_int(void);

static inline void *proof_memcpy(void *to, const void *from, size_t n)
{
    __CPROVER_assert(to != NULL && from != NULL, "memcpy is given no NULL");
#ifdef COPIES_ARBITRARY
    /* What was copied may be anything, so also what it is. */
    __CPROVER_assert(__CPROVER_r_ok(from, n), "memcpy reads inside of an object");
    __CPROVER_assert(__CPROVER_w_ok(to, n), "memcpy writes inside of an object");
    if (n > 0)
        __CPROVER_havoc_slice(to, n);
    return to;
#else
    return memcpy(to, from, n);
#endif
}

static inline void *proof_memset(void *to, int c, size_t n)
{
    __CPROVER_assert(to != NULL, "memset is given no NULL");
    return memset(to, c, n);
}

static inline int proof_memcmp(const void *a, const void *b, size_t n)
{
    __CPROVER_assert(a != NULL && b != NULL, "memcmp is given no NULL");
#ifdef COMPARES_ARBITRARY
    /* Either answer, whatever the bytes are. */
    __CPROVER_assert(__CPROVER_r_ok(a, n), "memcmp reads inside of an object");
    __CPROVER_assert(__CPROVER_r_ok(b, n), "memcmp reads inside of an object");
    return nondet_int();
#else
    return memcmp(a, b, n);
#endif
}

static inline void *proof_memchr(const void *p, int c, size_t n)
{
    __CPROVER_assert(p != NULL, "memchr is given no NULL");
    const unsigned char *at = p;
#ifdef SEARCHES_ARBITRARY
    /* Some place that has it, or none, whether it is there or not. */
    size_t found = (size_t)(unsigned)nondet_int();
    __CPROVER_assert(__CPROVER_r_ok(p, n), "memchr reads inside of an object");
    return found < n && at[found] == (unsigned char)c ? (void *)(at + found) : NULL;
#else
    for (size_t i = 0; i < n; i++)
        if (at[i] == (unsigned char)c)
            return (void *)(at + i);
    return NULL;
#endif
}

/* Texts for messages, which nothing reads back: any text that fits. */
static inline int proof_snprintf(char *out, size_t n, const char *fmt, ...)
{
    int len = nondet_int();
    __CPROVER_assume(len >= 0);
    __CPROVER_assert(fmt != NULL && __CPROVER_w_ok(out, n), "snprintf writes inside of an object");
    if (n > 0) {
        out[0] = (char)len;
        out[n - 1] = '\0';
    }
    return len;
}

#define memcpy   proof_memcpy
#define memset   proof_memset
#define memcmp   proof_memcmp
#define memchr   proof_memchr
#define snprintf proof_snprintf

#ifdef READS_ARBITRARY
/*
 * Numbers of a reader by the contract that reader.c proves: any value of that width, or 0 where it is
 * bad. A parser that reads no byte twice cannot tell this from arbitrary bytes. What was read where is
 * kept for the harness.
 */
#    include "base/span.h"

uint64_t nondet_read(void);
static struct {
    size_t at;
    uint64_t v;
} proof_reads[READS_ARBITRARY];
static size_t n_proof_reads;

static inline uint64_t proof_read(struct ds_reader *r, size_t n)
{
    struct ds_span s = ds_read_span(r, n);
    uint64_t v = nondet_read();
    if (s.len == 0)
        return 0;
    __CPROVER_assert(__CPROVER_r_ok(s.p, s.len), "a number is read inside of an object");
    if (n < 8)
        __CPROVER_assume(v >> 8 * n == 0);
    if (n_proof_reads < READS_ARBITRARY) {
        proof_reads[n_proof_reads].at = __CPROVER_POINTER_OFFSET(s.p);
        proof_reads[n_proof_reads].v = v;
        n_proof_reads++;
    }
    return v;
}

#    define ds_read_le_      proof_read
#    define ds_read_be_      proof_read
#    define ds_read_u8(r)    ((uint8_t)proof_read((r), 1))
#    define ds_read_u16le(r) ((uint16_t)proof_read((r), 2))
#    define ds_read_u32le(r) ((uint32_t)proof_read((r), 4))
#    define ds_read_u64le(r) (proof_read((r), 8))
#    define ds_read_u16be(r) ((uint16_t)proof_read((r), 2))
#    define ds_read_u32be(r) ((uint32_t)proof_read((r), 4))
#    define ds_read_u64be(r) (proof_read((r), 8))
#endif

#ifdef ARENA_ELEMENTS
/*
 * Lists in an arena by the contract of ds_arena_get_n: no room, or zero bytes for exactly n elements.
 * More than ARENA_ELEMENTS are not looked at, which bounds the proof.
 */
#    include <stdlib.h>

#    include "base/arena.h"

_Bool nondet_bool(void);

static inline void *proof_arena_get_n(struct ds_arena *a, size_t n, size_t elem_len)
{
    __CPROVER_assert(__CPROVER_w_ok(a, sizeof *a), "an arena can be written");
    __CPROVER_assume(n <= ARENA_ELEMENTS);
    if (nondet_bool())
        return NULL;
    for (size_t i = 0; i < ARENA_ELEMENTS; i++)
        if (i == n)
            return calloc(1, i * elem_len);
    return calloc(1, ARENA_ELEMENTS * elem_len);
}

#    define ds_arena_get_n proof_arena_get_n
#endif
