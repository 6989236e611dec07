/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR: one function for all heads, each way.
 */
#include "codec/cbor.h"

#include "base/str.h"
#include "base/writer.h"

/* Up to DIRECT the value stands in the head; behind that 1, 2, 4 or 8 bytes follow. */
enum { DIRECT = 23, WIDTH_MAX = 3 };

/* RFC 8949 §3.3 */
enum simple { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_UNDEFINED = 23 };

enum ds_cbor_type ds_cbor_peek(const struct ds_reader *r)
{
    struct ds_span rest = ds_read_rest(r);
    return rest.len > 0 ? (enum ds_cbor_type)(rest.p[0] >> 5) : DS_CBOR_NONE;
}

static uint64_t bad(struct ds_reader *r)
{
    r->bad = true;
    return 0;
}

static uint64_t head(struct ds_reader *r, enum ds_cbor_type type)
{
    if (ds_cbor_peek(r) != type)
        return bad(r);
    uint64_t v = ds_read_u8(r) & 0x1f;
    if (v <= DIRECT)
        return v;
    unsigned width = (unsigned)v - DIRECT - 1;
    if (width > WIDTH_MAX)
        return bad(r);
    size_t n = (size_t)1 << width;
    v = ds_read_be_(r, n);
    uint64_t min = width == 0 ? DIRECT + 1 : (uint64_t)1 << (8 * (n / 2));
    return r->bad || v < min ? bad(r) : v;
}

static size_t count(struct ds_reader *r, enum ds_cbor_type type, size_t items_each)
{
    uint64_t n = head(r, type);
    return n > ds_read_left(r) / items_each ? (size_t)bad(r) : (size_t)n;
}

uint64_t ds_cbor_u64(struct ds_reader *r) { return head(r, DS_CBOR_UNSIGNED); }
uint64_t ds_cbor_tag(struct ds_reader *r) { return head(r, DS_CBOR_TAG); }
size_t ds_cbor_map(struct ds_reader *r) { return count(r, DS_CBOR_MAP, 2); }
size_t ds_cbor_array(struct ds_reader *r) { return count(r, DS_CBOR_ARRAY, 1); }

int64_t ds_cbor_i64(struct ds_reader *r)
{
    bool is_negative = ds_cbor_peek(r) == DS_CBOR_NEGATIVE;
    uint64_t v = head(r, is_negative ? DS_CBOR_NEGATIVE : DS_CBOR_UNSIGNED);
    if (v > INT64_MAX)
        return (int64_t)bad(r);
    return is_negative && !r->bad ? -1 - (int64_t)v : (int64_t)v;
}

bool ds_cbor_bool(struct ds_reader *r)
{
    uint64_t v = head(r, DS_CBOR_SIMPLE);
    if (v != SIMPLE_FALSE && v != SIMPLE_TRUE)
        (void)bad(r);
    return !r->bad && v == SIMPLE_TRUE;
}

struct ds_span ds_cbor_bytes(struct ds_reader *r)
{
    return ds_read_span(r, count(r, DS_CBOR_BYTES, 1));
}

struct ds_span ds_cbor_text(struct ds_reader *r)
{
    struct ds_span s = ds_read_span(r, count(r, DS_CBOR_TEXT, 1));
    if (!ds_utf8_is_valid(s)) {
        r->bad = true;
        return (struct ds_span){ 0 };
    }
    return s;
}

void ds_cbor_key(struct ds_reader *r, const char *key)
{
    if (!ds_span_eq_str(ds_cbor_text(r), key))
        r->bad = true;
}

/* RFC 8949 §3.3: false, true, null and undefined, and floats of 2, 4 or 8 bytes. */
static void skip_simple(struct ds_reader *r)
{
    unsigned v = ds_read_u8(r) & 0x1f;
    if (v >= SIMPLE_FALSE && v <= SIMPLE_UNDEFINED)
        return;
    if (v > DIRECT + 1 && v <= DIRECT + 1 + WIDTH_MAX)
        ds_read_skip(r, (size_t)1 << (v - DIRECT - 1));
    else
        (void)bad(r);
}

/* Takes one head with the bytes of a string; gives how many items it holds. */
static uint64_t skip_head(struct ds_reader *r)
{
    switch (ds_cbor_peek(r)) {
    case DS_CBOR_UNSIGNED:
        (void)ds_cbor_u64(r);
        return 0;
    case DS_CBOR_NEGATIVE:
        (void)head(r, DS_CBOR_NEGATIVE);
        return 0;
    case DS_CBOR_BYTES:
        (void)ds_cbor_bytes(r);
        return 0;
    case DS_CBOR_TEXT:
        (void)ds_cbor_text(r);
        return 0;
    case DS_CBOR_ARRAY:
        return ds_cbor_array(r);
    case DS_CBOR_MAP:
        return 2 * (uint64_t)ds_cbor_map(r);
    case DS_CBOR_TAG:
        (void)ds_cbor_tag(r);
        return 1;
    case DS_CBOR_SIMPLE:
        skip_simple(r);
        return 0;
    case DS_CBOR_NONE:
        break;
    }
    return bad(r);
}

struct ds_span ds_cbor_skip(struct ds_reader *r)
{
    const uint8_t *from = r->p;
    uint64_t left[DS_CBOR_DEPTH_MAX]; /* items still to come, for each open container */
    size_t depth = 0;
    do {
        uint64_t items = skip_head(r);
        if (r->bad || (items > 0 && depth == DS_CBOR_DEPTH_MAX)) {
            (void)bad(r);
            return (struct ds_span){ 0 };
        }
        if (items > 0)
            left[depth++] = items;
        else
            while (depth > 0 && --left[depth - 1] == 0)
                depth--;
    } while (depth > 0);
    return DS_SPAN(from, (size_t)(r->p - from));
}

/* One value has one form here: equal keys are equal bytes. */
static bool is_there(const struct ds_cbor_pair *pairs, size_t n, struct ds_span key)
{
    for (size_t i = 0; i < n; i++)
        if (ds_span_eq(pairs[i].key, key))
            return true;
    return false;
}

static bool is_label(struct ds_span key)
{
    struct ds_reader r = ds_reader_of(key);
    enum ds_cbor_type type = ds_cbor_peek(&r);
    return type == DS_CBOR_UNSIGNED || type == DS_CBOR_NEGATIVE || type == DS_CBOR_TEXT;
}

size_t ds_cbor_pairs(struct ds_reader *r, struct ds_cbor_pair *ret, size_t cap)
{
    size_t n = ds_cbor_map(r);
    if (n > cap)
        return (size_t)bad(r);
    for (size_t i = 0; i < n; i++) {
        ret[i].key = ds_cbor_skip(r);
        ret[i].value = ds_cbor_skip(r);
        if (r->bad || !is_label(ret[i].key) || is_there(ret, i, ret[i].key))
            return (size_t)bad(r);
    }
    return n;
}

static bool find(struct ds_reader *ret, const struct ds_cbor_pair *pairs, size_t n,
                 struct ds_cbor_head key_head, const char *text)
{
    struct ds_span want = DS_SPAN(key_head.b, key_head.len);
    for (size_t i = 0; i < n; i++) {
        struct ds_span key = pairs[i].key;
        if (ds_span_eq(ds_span_sub(key, 0, want.len), want) &&
            ds_span_eq_str(ds_span_sub(key, want.len, SIZE_MAX), text)) {
            *ret = ds_reader_of(pairs[i].value);
            return true;
        }
    }
    return false;
}

bool ds_cbor_find_i64(struct ds_reader *ret, const struct ds_cbor_pair *pairs, size_t n,
                      int64_t key)
{
    struct ds_cbor_head h = key < 0 ? ds_cbor_head_of(DS_CBOR_NEGATIVE, (uint64_t)(-1 - key))
                                    : ds_cbor_head_of(DS_CBOR_UNSIGNED, (uint64_t)key);
    return find(ret, pairs, n, h, "");
}

bool ds_cbor_find_text(struct ds_reader *ret, const struct ds_cbor_pair *pairs, size_t n,
                       const char *key)
{
    return find(ret, pairs, n, ds_cbor_head_of(DS_CBOR_TEXT, strlen(key)), key);
}

struct ds_cbor_head ds_cbor_head_of(enum ds_cbor_type type, uint64_t v)
{
    struct ds_cbor_head h = { .len = 0 };
    struct ds_writer w = ds_writer_of(h.b, sizeof h.b);
    unsigned top = (unsigned)type << 5;
    unsigned width = v <= UINT8_MAX ? 0 : v <= UINT16_MAX ? 1 : v <= UINT32_MAX ? 2 : 3;
    if (v <= DIRECT) {
        ds_write_be_(&w, top | v, 1);
    } else {
        ds_write_be_(&w, top | (DIRECT + 1 + width), 1);
        ds_write_be_(&w, v, (size_t)1 << width);
    }
    h.len = ds_write_len(&w);
    return h;
}

static void put_head(struct ds_buf *b, enum ds_cbor_type type, uint64_t v)
{
    struct ds_cbor_head h = ds_cbor_head_of(type, v);
    ds_buf_add(b, DS_SPAN(h.b, h.len));
}

void ds_cbor_put_u64(struct ds_buf *b, uint64_t v) { put_head(b, DS_CBOR_UNSIGNED, v); }
void ds_cbor_put_map(struct ds_buf *b, size_t n) { put_head(b, DS_CBOR_MAP, n); }
void ds_cbor_put_array(struct ds_buf *b, size_t n) { put_head(b, DS_CBOR_ARRAY, n); }
void ds_cbor_put_tag(struct ds_buf *b, uint64_t tag) { put_head(b, DS_CBOR_TAG, tag); }

void ds_cbor_put_i64(struct ds_buf *b, int64_t v)
{
    if (v < 0)
        put_head(b, DS_CBOR_NEGATIVE, (uint64_t)(-1 - v));
    else
        put_head(b, DS_CBOR_UNSIGNED, (uint64_t)v);
}

void ds_cbor_put_bool(struct ds_buf *b, bool v)
{
    put_head(b, DS_CBOR_SIMPLE, v ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void ds_cbor_put_bytes(struct ds_buf *b, struct ds_span bytes)
{
    put_head(b, DS_CBOR_BYTES, bytes.len);
    ds_buf_add(b, bytes);
}

void ds_cbor_put_text_span(struct ds_buf *b, struct ds_span text)
{
    put_head(b, DS_CBOR_TEXT, text.len);
    ds_buf_add(b, text);
}

void ds_cbor_put_text(struct ds_buf *b, const char *text)
{
    ds_cbor_put_text_span(b, ds_span_str(text));
}
