/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The growing buffer: doubling, bounded, latching.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>

#include "base/hex.h"

static void give_back(struct ds_buf *b)
{
    if (b->wipes && b->p != NULL)
        explicit_bzero(b->p, b->cap);
    free(b->p);
}

/* realloc() would leave the old copy behind, readable. */
static char *move(struct ds_buf *b, size_t cap)
{
    if (!b->wipes)
        return realloc(b->p, cap);
    char *p = malloc(cap);
    if (p == NULL)
        return NULL;
    if (b->p != NULL)
        memcpy(p, b->p, b->len);
    give_back(b);
    return p;
}

static bool grow(struct ds_buf *b, size_t n)
{
    size_t max = b->max != 0 ? b->max : DS_BUF_MAX;
    size_t need;
    if (b->bad || __builtin_add_overflow(b->len, n, &need) || need > max) {
        b->bad = true;
        return false;
    }
    if (b->p != NULL && need < b->cap)
        return true;
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap <= need)
        cap *= 2;
    char *p = move(b, cap);
    if (p == NULL) {
        b->bad = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void ds_buf_done(struct ds_buf *b)
{
    give_back(b);
    *b = (struct ds_buf){ .max = b->max, .wipes = b->wipes };
}

void ds_buf_add(struct ds_buf *b, struct ds_span s)
{
    if (!grow(b, s.len))
        return;
    if (s.len > 0)
        memcpy(b->p + b->len, s.p, s.len);
    b->len += s.len;
    b->p[b->len] = '\0';
}

void ds_buf_str(struct ds_buf *b, const char *text) { ds_buf_add(b, ds_span_str(text)); }

void ds_buf_char(struct ds_buf *b, char c)
{
    if (!grow(b, 1))
        return;
    b->p[b->len++] = c;
    b->p[b->len] = '\0';
}

void ds_buf_printf(struct ds_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char small[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->bad = true;
    } else if ((size_t)n < sizeof small) {
        ds_buf_add(b, DS_SPAN(small, (size_t)n));
    } else if (grow(b, (size_t)n)) {
        (void)vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    if (b->wipes)
        explicit_bzero(small, sizeof small);
}

void ds_buf_hex(struct ds_buf *b, struct ds_span s)
{
    size_t n;
    if (__builtin_mul_overflow(s.len, (size_t)2, &n) || !grow(b, n)) {
        b->bad = true;
        return;
    }
    (void)ds_hex_encode(b->p + b->len, s);
    b->len += n;
}

void ds_buf_base64url(struct ds_buf *b, struct ds_span s)
{
    enum { CHUNK = 48 }; /* bytes: groups of three, so that only the last one ends short */
    char text[DS_BASE64_LEN(CHUNK) + 1];
    for (size_t at = 0; at < s.len; at += CHUNK)
        ds_buf_str(b, ds_base64url_encode(text, ds_span_sub(s, at, CHUNK)));
}

void ds_buf_le(struct ds_buf *b, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ds_buf_char(b, (char)(uint8_t)(v >> (8 * i)));
}

void ds_buf_be(struct ds_buf *b, uint64_t v, size_t n)
{
    for (size_t i = n; i-- > 0;)
        ds_buf_char(b, (char)(uint8_t)(v >> (8 * i)));
}

void *ds_buf_room(struct ds_buf *b, size_t n) { return grow(b, n) ? b->p + b->len : NULL; }

void ds_buf_took(struct ds_buf *b, size_t n)
{
    assert(b->p != NULL && b->len + n < b->cap);
    b->len += n;
    b->p[b->len] = '\0';
}

void ds_buf_drop(struct ds_buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->len - n);
    b->len -= n;
    b->p[b->len] = '\0';
}

void ds_buf_clear(struct ds_buf *b)
{
    b->len = 0;
    b->bad = false;
    if (b->p != NULL)
        b->p[0] = '\0';
}

int ds_buf_end(const struct ds_buf *b, struct ds_error *e, const char *what)
{
    if (b->bad)
        return ds_fail(e, DS_ERR_NOMEM, "%s: out of memory or over %zu bytes", what,
                       b->max != 0 ? b->max : DS_BUF_MAX);
    return DS_OK;
}

char *ds_buf_take(struct ds_buf *b)
{
    if (!grow(b, 0))
        return NULL;
    b->p[b->len] = '\0';
    char *p = b->p;
    *b = (struct ds_buf){ .max = b->max, .wipes = b->wipes };
    return p;
}
