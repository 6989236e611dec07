/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A growing byte buffer with a bound. Appends latch `bad` when memory or the
 * bound runs out, so a builder checks once, with ds_buf_end(). The content is
 * always followed by a NUL that is not counted, so p can be printed as text.
 */

#include "base/scope.h"
#include "base/span.h"

struct ds_buf {
    char *p; /* NULL until the first append */
    size_t len, cap;
    size_t max; /* bytes; 0 means DS_BUF_MAX */
    bool wipes; /* for text with keys in it: memory is wiped before it is given back */
    bool bad;
};

#define DS_BUF_MAX ((size_t)1 << 30)

/* Leaves an empty buffer with the same bound. */
void ds_buf_done(struct ds_buf *b);

void ds_buf_add(struct ds_buf *b, struct ds_span s);
void ds_buf_str(struct ds_buf *b, const char *text);
void ds_buf_char(struct ds_buf *b, char c);
void ds_buf_printf(struct ds_buf *b, const char *fmt, ...) DS_PRINTF(2, 3);
/* Lower-case hex of s. */
void ds_buf_hex(struct ds_buf *b, struct ds_span s);
/* Base64 of s, URL alphabet, no padding. */
void ds_buf_base64url(struct ds_buf *b, struct ds_span s);
void ds_buf_le(struct ds_buf *b, uint64_t v, size_t n);
void ds_buf_be(struct ds_buf *b, uint64_t v, size_t n);

/* Room for n bytes at the end, for a reader to fill; NULL if there is none. Then ds_buf_took(n). */
void *ds_buf_room(struct ds_buf *b, size_t n);
void ds_buf_took(struct ds_buf *b, size_t n);
/* Drop the first n bytes. */
void ds_buf_drop(struct ds_buf *b, size_t n);
void ds_buf_clear(struct ds_buf *b);

static inline struct ds_span ds_buf_span(const struct ds_buf *b) { return DS_SPAN(b->p, b->len); }

/* DS_ERR_NOMEM when an append failed; `what` names the content. */
DS_MUST_USE int ds_buf_end(const struct ds_buf *b, struct ds_error *e, const char *what);

/* Gives the text (free it with free, wiping it is yours) and leaves the buffer empty; NULL when it
 * is bad. */
char *ds_buf_take(struct ds_buf *b);
