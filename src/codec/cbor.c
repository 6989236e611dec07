/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR: one function for all heads, each way.
 */
#include "codec/cbor.h"

#include "base/str.h"

/* The three top bits of a head. */
enum major { UNSIGNED = 0, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5 };

/* Up to DIRECT the value stands in the head; behind that 1, 2, 4 or 8 bytes follow. */
enum { DIRECT = 23, WIDTH_MAX = 3 };

static uint64_t head(struct ds_reader *r, enum major major)
{
    uint8_t first = ds_read_u8(r);
    uint64_t v = first & 0x1f;
    if (r->bad || first >> 5 != (int)major) {
        r->bad = true;
        return 0;
    }
    if (v <= DIRECT)
        return v;
    unsigned width = (unsigned)v - DIRECT - 1;
    if (width > WIDTH_MAX) {
        r->bad = true;
        return 0;
    }
    size_t n = (size_t)1 << width;
    v = ds_read_be_(r, n);
    uint64_t min = width == 0 ? DIRECT + 1 : (uint64_t)1 << (8 * (n / 2));
    if (r->bad || v < min) {
        r->bad = true;
        return 0;
    }
    return v;
}

static size_t count(struct ds_reader *r, enum major major, size_t items_each)
{
    uint64_t n = head(r, major);
    if (n > ds_read_left(r) / items_each) {
        r->bad = true;
        return 0;
    }
    return (size_t)n;
}

uint64_t ds_cbor_u64(struct ds_reader *r) { return head(r, UNSIGNED); }
size_t ds_cbor_map(struct ds_reader *r) { return count(r, MAP, 2); }
size_t ds_cbor_array(struct ds_reader *r) { return count(r, ARRAY, 1); }

struct ds_span ds_cbor_bytes(struct ds_reader *r) { return ds_read_span(r, count(r, BYTES, 1)); }

struct ds_span ds_cbor_text(struct ds_reader *r)
{
    struct ds_span s = ds_read_span(r, count(r, TEXT, 1));
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

static void put_head(struct ds_buf *b, enum major major, uint64_t v)
{
    unsigned top = (unsigned)major << 5;
    if (v <= DIRECT) {
        ds_buf_be(b, top | v, 1);
        return;
    }
    unsigned width = v <= UINT8_MAX ? 0 : v <= UINT16_MAX ? 1 : v <= UINT32_MAX ? 2 : 3;
    ds_buf_be(b, top | (DIRECT + 1 + width), 1);
    ds_buf_be(b, v, (size_t)1 << width);
}

void ds_cbor_put_u64(struct ds_buf *b, uint64_t v) { put_head(b, UNSIGNED, v); }
void ds_cbor_put_map(struct ds_buf *b, size_t n) { put_head(b, MAP, n); }
void ds_cbor_put_array(struct ds_buf *b, size_t n) { put_head(b, ARRAY, n); }

void ds_cbor_put_bytes(struct ds_buf *b, struct ds_span bytes)
{
    put_head(b, BYTES, bytes.len);
    ds_buf_add(b, bytes);
}

void ds_cbor_put_text(struct ds_buf *b, const char *text)
{
    put_head(b, TEXT, strlen(text));
    ds_buf_str(b, text);
}
