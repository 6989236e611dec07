/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writer: the mirror of the reader, over memory of the caller's. The first
 * write that does not fit latches `bad`; later writes do nothing. Pure rooms
 * encode with it; where the length is not known ahead, use base/buf.h.
 */

#include "base/span.h"

struct ds_writer {
    uint8_t *start, *p, *end;
    bool bad;
};

static inline struct ds_writer ds_writer_of(void *out, size_t cap)
{
    uint8_t *p = out;
    return (struct ds_writer){ .start = p, .p = p, .end = p + cap };
}

static inline size_t ds_write_len(const struct ds_writer *w) { return (size_t)(w->p - w->start); }

/* What was written so far. */
static inline struct ds_span ds_write_span(const struct ds_writer *w)
{
    return (struct ds_span){ w->start, ds_write_len(w) };
}

static inline void ds_write(struct ds_writer *w, struct ds_span s)
{
    if (w->bad || s.len > (size_t)(w->end - w->p)) {
        w->bad = true;
        return;
    }
    if (s.len > 0)
        memcpy(w->p, s.p, s.len);
    w->p += s.len;
}

static inline void ds_write_str(struct ds_writer *w, const char *text)
{
    ds_write(w, ds_span_str(text));
}

static inline void ds_write_zeros(struct ds_writer *w, size_t n)
{
    if (w->bad || n > (size_t)(w->end - w->p)) {
        w->bad = true;
        return;
    }
    if (n > 0)
        memset(w->p, 0, n);
    w->p += n;
}

static inline void ds_write_le_(struct ds_writer *w, uint64_t v, size_t n)
{
    uint8_t b[8];
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)(v >> (8 * i));
    ds_write(w, DS_SPAN(b, n));
}

static inline void ds_write_be_(struct ds_writer *w, uint64_t v, size_t n)
{
    uint8_t b[8];
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    ds_write(w, DS_SPAN(b, n));
}

static inline void ds_write_u8(struct ds_writer *w, uint8_t v) { ds_write_be_(w, v, 1); }
static inline void ds_write_u16le(struct ds_writer *w, uint16_t v) { ds_write_le_(w, v, 2); }
static inline void ds_write_u32le(struct ds_writer *w, uint32_t v) { ds_write_le_(w, v, 4); }
static inline void ds_write_u64le(struct ds_writer *w, uint64_t v) { ds_write_le_(w, v, 8); }
static inline void ds_write_u16be(struct ds_writer *w, uint16_t v) { ds_write_be_(w, v, 2); }
static inline void ds_write_u32be(struct ds_writer *w, uint32_t v) { ds_write_be_(w, v, 4); }
static inline void ds_write_u64be(struct ds_writer *w, uint64_t v) { ds_write_be_(w, v, 8); }

/* DS_ERR_RANGE when something did not fit; `what` names the output. */
static inline int ds_writer_end(const struct ds_writer *w, struct ds_error *e, const char *what)
{
    if (w->bad)
        return ds_fail(e, DS_ERR_RANGE, "%s does not fit into %zu bytes", what,
                       (size_t)(w->end - w->start));
    return DS_OK;
}
