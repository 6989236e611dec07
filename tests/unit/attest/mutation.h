/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random changes of accepted evidence, some in the suite and many more in ./dev soak, which names a
 * slice of them on the command line: FORMAT SEED N. The seed says which parts, places and bytes; keys
 * and signatures are new in each run. `formats` lists the formats that a program knows; `all` runs
 * its tests with every other value of each byte, not the flipped bits alone, and takes an hour.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define N_MUTATIONS   2000 /* of each format in the suite */
#define MUTATION_SEED 0x9e3779b97f4a7c15u

struct mutation_slice {
    size_t format;
    uint64_t seed, n;
};

/* What came of them. Accepted: in bytes that nothing protects, and with the very same claims. */
struct mutation_count {
    uint64_t n_refused, n_accepted;
};

/* The name of format i; NULL behind the last. */
typedef const char *mutation_name_fn(size_t i);

/* False where the command line names no slice; one that cannot be ends the program. */
static inline bool mutation_slice_of(struct mutation_slice *ret, mutation_name_fn *name, int argc,
                                     char **argv)
{
    if (argc == 2 && strcmp(argv[1], "formats") == 0) {
        for (size_t i = 0; name(i) != NULL; i++)
            (void)puts(name(i));
        exit(EXIT_SUCCESS);
    }
    if (argc != 4)
        return false;
    ret->format = 0;
    while (name(ret->format) != NULL && strcmp(name(ret->format), argv[1]) != 0)
        ret->format++;
    if (name(ret->format) == NULL ||
        ds_str_u64(&ret->seed, ds_span_str(argv[2]), UINT64_MAX, NULL) < 0 || ret->seed == 0 ||
        ds_str_u64(&ret->n, ds_span_str(argv[3]), UINT64_MAX, NULL) < 0) {
        (void)fputs("FORMAT SEED N: one of `formats`, two whole numbers, the seed not 0\n", stderr);
        exit(EXIT_FAILURE);
    }
    return true;
}

/* The last line of a slice, for ./dev soak. */
static inline void mutation_count_print(struct mutation_count c)
{
    (void)printf("refused %" PRIu64 " accepted %" PRIu64 "\n", c.n_refused, c.n_accepted);
}

/* Xorshift (Marsaglia 2003): never 0, and never at its end with a state that is not. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A changed byte is tried: every flip of one bit or, where a program is told `all`, every other value. */
static inline bool is_tried(unsigned change, bool tries_all)
{
    return tries_all || (change & (change - 1)) == 0;
}

static inline bool is_told_all(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], "all") == 0;
}

/* Any byte but this one. */
static inline char other_byte(char good, uint64_t *state)
{
    return (char)(good ^ (char)(1 + next_random(state) % 255));
}
