/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A part of the many random changes that ./dev soak makes of one format, named on the command line as
 * FORMAT SEED N. The seed says which parts, places and bytes; keys and signatures are new in each run.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

struct mutation_slice {
    const char *format;
    uint64_t seed, n;
};

/* False where the command line names no slice; a number that is none ends the program. */
static inline bool mutation_slice_of(struct mutation_slice *ret, int argc, char **argv)
{
    if (argc != 4)
        return false;
    ret->format = argv[1];
    if (ds_str_u64(&ret->seed, ds_span_str(argv[2]), UINT64_MAX, NULL) < 0 || ret->seed == 0 ||
        ds_str_u64(&ret->n, ds_span_str(argv[3]), UINT64_MAX, NULL) < 0) {
        (void)fputs("FORMAT SEED N: two whole numbers, the seed not 0\n", stderr);
        exit(EXIT_FAILURE);
    }
    return true;
}

/* Xorshift (Marsaglia 2003): never 0, and never at its end with a state that is not. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}
