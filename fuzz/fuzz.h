/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What fuzz targets share. A target is one file with LLVMFuzzerTestOneInput: it
 * gives its input to a parser and holds the result against an invariant of that
 * parser, so that it finds wrong answers and not only crashes.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"

/* Called by libFuzzer, and by replay.c. The input is a heap block of exactly `len` bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* An invariant; unlike assert it stays in every build. */
#define FUZZ_CHECK(cond) fuzz_check((cond), __FILE__, __LINE__, #cond)

static inline void fuzz_check(bool holds, const char *file, int line, const char *text)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, text);
    abort();
}

/* Zero or a failure that says why: no caller can tell an unexplained failure to anyone. */
static inline bool fuzz_is_ok(int r, const struct ds_error *e)
{
    FUZZ_CHECK(r <= 0);
    FUZZ_CHECK(r == DS_OK || (e->cls == r && e->msg[0] != '\0'));
    return r == DS_OK;
}

static inline bool fuzz_is_within(struct ds_span part, const void *p, size_t len)
{
    uintptr_t from = (uintptr_t)p, at = (uintptr_t)part.p;
    return at >= from && part.len <= len && at - from <= len - part.len;
}

/* What a parser hands out borrows its input or its arena (NULL: it has none). */
static inline void fuzz_check_borrowed(struct ds_span part, struct ds_span in,
                                       const struct ds_arena *mem)
{
    FUZZ_CHECK(part.len == 0 || fuzz_is_within(part, in.p, in.len) ||
               (mem != NULL && fuzz_is_within(part, mem->p, mem->used)));
}
