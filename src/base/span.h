/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Borrowed bytes and the one way to walk them. Every parser of the tree reads
 * through `struct ds_reader`: bounds logic stands here once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/* Borrowed bytes: `len` bytes at `p`. An empty span may have p == NULL. */
struct ds_span {
    const uint8_t *p;
    size_t len;
};

#define DS_SPAN(ptr, n)   ((struct ds_span){ (const uint8_t *)(ptr), (n) })
#define DS_SPAN_OF(array) ((struct ds_span){ (const uint8_t *)(array), sizeof(array) })
/* A string literal without its NUL. */
#define DS_SPAN_LIT(text) ((struct ds_span){ (const uint8_t *)(text), sizeof(text) - 1 })

static inline struct ds_span ds_span_str(const char *text)
{
    return (struct ds_span){ (const uint8_t *)text, strlen(text) };
}

/* Not for secrets: see ds_ct_equal. */
static inline bool ds_span_eq(struct ds_span a, struct ds_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool ds_span_eq_str(struct ds_span a, const char *text)
{
    return ds_span_eq(a, ds_span_str(text));
}

/* The part from `at`, at most n bytes; empty where `at` lies beyond the end. */
static inline struct ds_span ds_span_sub(struct ds_span s, size_t at, size_t n)
{
    if (at >= s.len)
        return (struct ds_span){ 0 };
    size_t left = s.len - at;
    return (struct ds_span){ s.p + at, n < left ? n : left };
}

/*
 * Reader: walks a span and never past its end.
 *
 * The first read that does not fit latches `bad` and yields zero or an empty
 * span; later reads then do nothing. A parser reads a whole layout as a plain
 * list and asks ds_reader_end() once. Test `bad` earlier only where a value
 * read is about to steer a loop, an allocation, or an index.
 */
struct ds_reader {
    const uint8_t *start, *p, *end;
    bool bad;
};

static inline struct ds_reader ds_reader_of(struct ds_span s)
{
    const uint8_t *p = s.p != NULL ? s.p : (const uint8_t *)"";
    return (struct ds_reader){ .start = p, .p = p, .end = p + s.len };
}

static inline size_t ds_read_left(const struct ds_reader *r) { return (size_t)(r->end - r->p); }
static inline size_t ds_read_at(const struct ds_reader *r) { return (size_t)(r->p - r->start); }

static inline struct ds_span ds_read_span(struct ds_reader *r, size_t n)
{
    if (r->bad || n > ds_read_left(r)) {
        r->bad = true;
        return (struct ds_span){ 0 };
    }
    struct ds_span s = { r->p, n };
    r->p += n;
    return s;
}

static inline uint64_t ds_read_le_(struct ds_reader *r, size_t n)
{
    struct ds_span s = ds_read_span(r, n);
    uint64_t v = 0;
    for (size_t i = s.len; i-- > 0;)
        v = (v << 8) | s.p[i];
    return v;
}

static inline uint64_t ds_read_be_(struct ds_reader *r, size_t n)
{
    struct ds_span s = ds_read_span(r, n);
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++)
        v = (v << 8) | s.p[i];
    return v;
}

static inline uint8_t ds_read_u8(struct ds_reader *r) { return (uint8_t)ds_read_be_(r, 1); }
static inline uint16_t ds_read_u16le(struct ds_reader *r) { return (uint16_t)ds_read_le_(r, 2); }
static inline uint32_t ds_read_u32le(struct ds_reader *r) { return (uint32_t)ds_read_le_(r, 4); }
static inline uint64_t ds_read_u64le(struct ds_reader *r) { return ds_read_le_(r, 8); }
static inline uint16_t ds_read_u16be(struct ds_reader *r) { return (uint16_t)ds_read_be_(r, 2); }
static inline uint32_t ds_read_u32be(struct ds_reader *r) { return (uint32_t)ds_read_be_(r, 4); }
static inline uint64_t ds_read_u64be(struct ds_reader *r) { return ds_read_be_(r, 8); }

/* Fills out[0..n); zeros where the input ended. */
static inline void ds_read_into(struct ds_reader *r, void *out, size_t n)
{
    struct ds_span s = ds_read_span(r, n);
    if (s.len == n && n > 0)
        memcpy(out, s.p, n);
    else if (n > 0)
        memset(out, 0, n);
}

static inline void ds_read_skip(struct ds_reader *r, size_t n) { (void)ds_read_span(r, n); }

/* What is left, without taking it. */
static inline struct ds_span ds_read_rest(const struct ds_reader *r)
{
    return r->bad ? (struct ds_span){ 0 } : (struct ds_span){ r->p, ds_read_left(r) };
}

/* A sub-reader over the next n bytes; bad if they are not there. */
static inline struct ds_reader ds_read_sub(struct ds_reader *r, size_t n)
{
    struct ds_reader sub = ds_reader_of(ds_read_span(r, n));
    sub.bad = r->bad;
    return sub;
}

/*
 * The layout was read to its end: DS_ERR_TRUNCATED when it did not fit,
 * DS_ERR_TRAILING when bytes are left. `what` names the layout in the message.
 */
static inline int ds_reader_end(const struct ds_reader *r, struct ds_error *e, const char *what)
{
    if (r->bad)
        return ds_fail(e, DS_ERR_TRUNCATED, "%s ends early: %zu bytes are not enough", what,
                       (size_t)(r->end - r->start));
    if (r->p != r->end)
        return ds_fail(e, DS_ERR_TRAILING, "%s has %zu bytes after its end", what, ds_read_left(r));
    return DS_OK;
}
