/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What every harness of proofs/ stands on: arbitrary values, arbitrary inputs
 * of exactly their length, and the two kinds of statement. A harness is a
 * program that CBMC runs on all values of its nondet_ calls at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/span.h"

bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
int nondet_int(void);
int64_t nondet_i64(void);
size_t nondet_size(void);

/* Holds for every value. */
#define PROVE(condition, text) __CPROVER_assert((condition), (text))
/* Only values that satisfy this are looked at. */
#define GIVEN(condition) __CPROVER_assume(condition)
/*
 * Some value comes here. It is an assertion that must fail: ./dev proofs refuses a harness in which one
 * holds, since what is never reached proves nothing. A mutant is looked at without them.
 */
#ifdef PROOF_MUTANT
#    define REACHED_IF(condition, text) ((void)(condition))
#else
#    define REACHED_IF(condition, text) __CPROVER_assert(!(condition), "reached: " text)
#endif

/*
 * 0 to `max` arbitrary bytes (a constant: the object has that length). They stand at the start of
 * their object or at its end, so that a byte read before them or behind them is a fault in one of the
 * two. An empty input has a pointer or none.
 */
static struct ds_span any_input(size_t max)
{
    size_t len = nondet_size();
    GIVEN(len <= max);
    if (len == 0 && nondet_bool())
        return (struct ds_span){ 0 };
    const uint8_t *p = malloc(max);
    return DS_SPAN(nondet_bool() ? p : p + (max - len), len);
}

/*
 * The same for inputs that are long and looked at in few places: an object of exactly their length.
 */
static struct ds_span any_long_input(size_t max)
{
    size_t len = nondet_size();
    GIVEN(len <= max);
    return DS_SPAN(malloc(len), len);
}

/* A caller's error struct, or none. */
static struct ds_error *any_error(void)
{
    return nondet_bool() ? malloc(sizeof(struct ds_error)) : NULL;
}

/* `part` borrows from `whole`, or is empty. */
static bool is_inside(struct ds_span part, struct ds_span whole)
{
    return part.len == 0 ||
           (__CPROVER_same_object(part.p, whole.p) && part.p >= whole.p && part.len <= whole.len &&
            (size_t)(part.p - whole.p) <= whole.len - part.len);
}

/*
 * Any part of what a reader has left, a byte or more behind where it stands: the contract of whatever
 * takes a head and then bytes. Positions and not lengths are arbitrary, so that they need no sums.
 */
static struct ds_span any_part(struct ds_reader *r)
{
    size_t from = nondet_size(), to = nondet_size();
    if (r->bad || r->p == r->end || nondet_bool()) {
        r->bad = true;
        return (struct ds_span){ 0 };
    }
    GIVEN(from > ds_read_at(r) && from <= to && to <= (size_t)(r->end - r->start));
    r->p = r->start + to;
    return DS_SPAN(r->start + from, to - from);
}
