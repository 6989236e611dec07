/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Test vectors are hex in the tables; tests want bytes.
 */

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/hex.h"

#define UNHEX_MAX 4096

struct unhex {
    uint8_t b[UNHEX_MAX];
    size_t len;
};

/* The bytes of a hex text; the test fails where it is not one. */
static inline struct unhex unhex(const char *text)
{
    struct unhex out;
    struct ds_error e = { 0 };
    if (ds_hex_decode_any(out.b, &out.len, sizeof out.b, ds_span_str(text), &e) != DS_OK)
        fail_msg("not hex: %s", e.msg);
    return out;
}

static inline struct ds_span unhex_span(const struct unhex *u) { return DS_SPAN(u->b, u->len); }

/* `got` is these bytes. */
static inline void assert_hex(struct ds_span got, const char *want)
{
    char text[2 * UNHEX_MAX + 1];
    assert_true(got.len <= UNHEX_MAX);
    assert_string_equal(ds_hex_encode(text, got), want);
}

static inline void assert_ok_at(int r, const char *call, const char *msg, const char *file,
                                int line)
{
    if (r == DS_OK)
        return;
    print_error("%s: %d: %s\n", call, r, msg);
    _fail(file, line);
}

/* The call succeeds; its error goes into a local e. */
#define assert_ok(call) assert_ok_at((call), #call, e.msg, __FILE__, __LINE__)
