/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Included ahead of every source of a proof. C 7.24.1 p2 forbids NULL in calls of <string.h> even for
 * no bytes at all, and compilers use that; CBMC's own models let it pass, and it has none of memchr.
 */

#include <stddef.h>
#include <string.h>

static inline void *proof_memcpy(void *to, const void *from, size_t n)
{
    __CPROVER_assert(to != NULL && from != NULL, "memcpy is given no NULL");
    return memcpy(to, from, n);
}

static inline void *proof_memset(void *to, int c, size_t n)
{
    __CPROVER_assert(to != NULL, "memset is given no NULL");
    return memset(to, c, n);
}

static inline int proof_memcmp(const void *a, const void *b, size_t n)
{
    __CPROVER_assert(a != NULL && b != NULL, "memcmp is given no NULL");
    return memcmp(a, b, n);
}

static inline void *proof_memchr(const void *p, int c, size_t n)
{
    __CPROVER_assert(p != NULL, "memchr is given no NULL");
    const unsigned char *at = p;
    for (size_t i = 0; i < n; i++)
        if (at[i] == (unsigned char)c)
            return (void *)(at + i);
    return NULL;
}

#define memcpy proof_memcpy
#define memset proof_memset
#define memcmp proof_memcmp
#define memchr proof_memchr
