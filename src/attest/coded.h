/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A reader's failure has a class and a message; this gives it the dotted code
 * of the thing that was read and the four texts of a refusal, unless an inner
 * reader named them already. Where the anchor is not known yet, or is the same in
 * all that a function calls, refusals leave it NULL and ds_anchored() fills it in.
 */

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* What is malformed is refused before anything vouches for it. */
#define DS_NO_ANCHOR "none: refused before any signature"

static inline int ds_coded(int r, enum ds_code code, struct ds_error *e)
{
    if (r >= 0 || e == NULL)
        return r;
    if (e->code == DS_CODE_NONE)
        ds_error_code(e, code);
    ds_error_explain(e, "form", "bytes as their specification has them", NULL);
    return r;
}

/* Refuse a number. */
static inline int ds_refuse_number(struct ds_error *e, int cls, enum ds_code code,
                                   const char *claim, const char *expected, uint64_t got,
                                   const char *anchor)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)got);
    return ds_refuse(e, cls, code, claim, expected, text, anchor);
}

/* A refusal that names no anchor yet gets this one; NULL: none was found so far. */
static inline int ds_anchored(int r, const char *anchor, struct ds_error *e)
{
    if (r < 0)
        ds_error_explain(e, NULL, NULL, anchor != NULL ? anchor : DS_NO_ANCHOR);
    return r;
}
