/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scope cleanup: a local that owns something says so where it is declared, and
 * is handed out by DS_TAKE as the last act. Destructors accept NULL.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DS_AUTO(fn) __attribute__((cleanup(fn)))

static inline void ds_auto_free(void *p) { free(*(void **)p); }

static inline void ds_auto_close(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void ds_auto_fclose(FILE **f)
{
    if (*f != NULL)
        (void)fclose(*f);
}

/* Declares free_fn##_auto(type **) for DS_AUTO. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses. */
#define DS_DEFINE_AUTO(type, free_fn)           \
    static inline void free_fn##_auto(type **p) \
    {                                           \
        if (*p != NULL)                         \
            free_fn(*p);                        \
    }                                           \
    struct ds_swallow_semicolon_
/* NOLINTEND(bugprone-macro-parentheses) */

/* Hand the value out and leave `none` behind, so the cleanup does nothing. */
#define DS_TAKE(var, none)                 \
    __extension__({                        \
        __typeof__(var) ds_taken_ = (var); \
        (var) = (none);                    \
        ds_taken_;                         \
    })
#define DS_TAKE_PTR(var) DS_TAKE(var, NULL)
#define DS_TAKE_FD(var)  DS_TAKE(var, -1)

#define DS_LEN(array) (sizeof(array) / sizeof((array)[0]))
