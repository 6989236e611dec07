/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON writer. ASCII-only, because published clients count UTF-16 units
 * where the wire counts bytes.
 */
#include "codec/json_write.h"

#include <assert.h>
#include <inttypes.h>

#include "base/scope.h"
#include "base/str.h"

#define REPLACEMENT 0xfffd

/* The next code point of UTF-8 text; one malformed byte yields the replacement character. */
static uint32_t next_rune(struct ds_span *text)
{
    static const struct {
        uint8_t mask, lead, n;
        uint32_t min;
    } forms[] = {
        { 0x80, 0x00, 1, 0 },
        { 0xe0, 0xc0, 2, 0x80 },
        { 0xf0, 0xe0, 3, 0x800 },
        { 0xf8, 0xf0, 4, 0x10000 },
    };
    uint8_t lead = text->p[0];
    uint32_t rune = REPLACEMENT;
    size_t took = 1;
    for (size_t f = 0; f < DS_LEN(forms); f++) {
        if ((lead & forms[f].mask) != forms[f].lead)
            continue;
        if (!ds_utf8_is_valid(ds_span_sub(*text, 0, forms[f].n)) || text->len < forms[f].n)
            break;
        took = forms[f].n;
        rune = lead & (uint8_t)~forms[f].mask;
        for (size_t i = 1; i < took; i++)
            rune = (rune << 6) | (text->p[i] & 0x3fu);
        break;
    }
    *text = ds_span_sub(*text, took, text->len);
    return rune;
}

static void escape(struct ds_buf *out, uint32_t rune)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* character, its letter */
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if (rune == (uint8_t)named[i]) {
            ds_buf_char(out, '\\');
            ds_buf_char(out, named[i + 1]);
            return;
        }
    }
    if (rune >= 0x20 && rune < 0x7f) {
        ds_buf_char(out, (char)rune);
        return;
    }
    if (rune >= 0x10000) {
        uint32_t high = 0xd800 + ((rune - 0x10000) >> 10);
        uint32_t low = 0xdc00 + ((rune - 0x10000) & 0x3ff);
        ds_buf_printf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, high, low);
        return;
    }
    ds_buf_printf(out, "\\u%04" PRIx32, rune);
}

/* How much stands as it is. */
static size_t plain(struct ds_span text)
{
    size_t n = 0;
    while (n < text.len && text.p[n] >= 0x20 && text.p[n] < 0x7f && text.p[n] != '"' &&
           text.p[n] != '\\')
        n++;
    return n;
}

static void quoted(struct ds_buf *out, struct ds_span text)
{
    ds_buf_char(out, '"');
    while (text.len > 0) {
        size_t n = plain(text);
        ds_buf_add(out, ds_span_sub(text, 0, n));
        text = ds_span_sub(text, n, text.len);
        if (text.len > 0)
            escape(out, next_rune(&text));
    }
    ds_buf_char(out, '"');
}

/* Comma and key of the next value. */
static void lead(struct ds_jw *w, const char *key)
{
    assert(!w->done);
    if (w->depth == 0) {
        assert(key == NULL);
        return;
    }
    size_t top = w->depth - 1u;
    assert(w->array[top] == (key == NULL));
    if (w->any[top])
        ds_buf_char(w->out, ',');
    w->any[top] = true;
    if (key != NULL) {
        quoted(w->out, ds_span_str(key));
        ds_buf_char(w->out, ':');
    }
}

static void value_done(struct ds_jw *w) { w->done = w->depth == 0; }

static void open_container(struct ds_jw *w, const char *key, bool array)
{
    lead(w, key);
    assert(w->depth < DS_JW_DEPTH_MAX);
    w->array[w->depth] = array;
    w->any[w->depth] = false;
    w->depth++;
    ds_buf_char(w->out, array ? '[' : '{');
}

static void close_container(struct ds_jw *w, bool array)
{
    assert(w->depth > 0 && w->array[w->depth - 1] == array);
    w->depth--;
    ds_buf_char(w->out, array ? ']' : '}');
    value_done(w);
}

struct ds_jw ds_jw_of(struct ds_buf *out) { return (struct ds_jw){ .out = out }; }

void ds_jw_object(struct ds_jw *w, const char *key) { open_container(w, key, false); }
void ds_jw_object_end(struct ds_jw *w) { close_container(w, false); }
void ds_jw_array(struct ds_jw *w, const char *key) { open_container(w, key, true); }
void ds_jw_array_end(struct ds_jw *w) { close_container(w, true); }

void ds_jw_text(struct ds_jw *w, const char *key, struct ds_span text)
{
    lead(w, key);
    quoted(w->out, text);
    value_done(w);
}

void ds_jw_str(struct ds_jw *w, const char *key, const char *text)
{
    if (text == NULL)
        ds_jw_null(w, key);
    else
        ds_jw_text(w, key, ds_span_str(text));
}

void ds_jw_hex(struct ds_jw *w, const char *key, struct ds_span bytes)
{
    lead(w, key);
    ds_buf_char(w->out, '"');
    ds_buf_hex(w->out, bytes);
    ds_buf_char(w->out, '"');
    value_done(w);
}

void ds_jw_base64url(struct ds_jw *w, const char *key, struct ds_span bytes)
{
    lead(w, key);
    ds_buf_char(w->out, '"');
    ds_buf_base64url(w->out, bytes);
    ds_buf_char(w->out, '"');
    value_done(w);
}

void ds_jw_u64(struct ds_jw *w, const char *key, uint64_t v)
{
    lead(w, key);
    ds_buf_printf(w->out, "%" PRIu64, v);
    value_done(w);
}

void ds_jw_i64(struct ds_jw *w, const char *key, int64_t v)
{
    lead(w, key);
    ds_buf_printf(w->out, "%" PRId64, v);
    value_done(w);
}

void ds_jw_raw(struct ds_jw *w, const char *key, struct ds_span json)
{
    lead(w, key);
    ds_buf_add(w->out, json);
    value_done(w);
}

void ds_jw_bool(struct ds_jw *w, const char *key, bool v)
{
    ds_jw_raw(w, key, v ? DS_SPAN_LIT("true") : DS_SPAN_LIT("false"));
}

void ds_jw_null(struct ds_jw *w, const char *key) { ds_jw_raw(w, key, DS_SPAN_LIT("null")); }

int ds_jw_end(const struct ds_jw *w, struct ds_error *e, const char *what)
{
    assert(w->done && w->depth == 0);
    return ds_buf_end(w->out, e, what);
}
