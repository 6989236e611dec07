/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Secrets for valgrind: bytes marked undefined make it report every branch and
 * every address that depends on them. Outside valgrind nothing happens.
 */

#include <string.h>
#include <valgrind/memcheck.h>

#include "base/secret.h"

static inline struct ds_key32 ct_secret(uint8_t fill)
{
    struct ds_key32 k;
    memset(k.b, fill, sizeof k.b);
    return k;
}

static inline void ct_hide(const void *p, size_t n) { (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n); }
static inline void ct_show(const void *p, size_t n) { (void)VALGRIND_MAKE_MEM_DEFINED(p, n); }

/* Some of the bytes depend on a secret, as far as valgrind can tell. */
static inline bool ct_is_hidden(const void *p, size_t n)
{
    uint8_t bits[256] = { 0 };
    uint8_t any = 0;
    if (n > sizeof bits || VALGRIND_GET_VBITS(p, bits, n) != 1)
        return false;
    for (size_t i = 0; i < n; i++)
        any |= bits[i];
    return any != 0;
}
