/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCALE: compact integers and what is built of them.
 */
#include "codec/scale.h"

#include "base/str.h"

/* The two low bits of the first byte say how long the integer is. */
enum { ONE_BYTE, TWO_BYTES, FOUR_BYTES, BIG };

uint64_t ds_scale_compact(struct ds_reader *r)
{
    uint8_t first = ds_read_u8(r);
    uint64_t v = first >> 2, min = 0;
    switch (first & 3) {
    case ONE_BYTE:
        break;
    case TWO_BYTES:
        v |= (uint64_t)ds_read_u8(r) << 6;
        min = 1u << 6;
        break;
    case FOUR_BYTES:
        v |= ds_read_le_(r, 3) << 6;
        min = 1u << 14;
        break;
    default: {
        size_t n = (size_t)v + 4;
        if (n > 8) {
            r->bad = true;
            return 0;
        }
        v = ds_read_le_(r, n);
        min = n == 4 ? (uint64_t)1 << 30 : (uint64_t)1 << (8 * (n - 1));
        break;
    }
    }
    if (r->bad || v < min) {
        r->bad = true;
        return 0;
    }
    return v;
}

size_t ds_scale_count(struct ds_reader *r, size_t elem_len)
{
    uint64_t n = ds_scale_compact(r);
    if (elem_len > 0 && n > ds_read_left(r) / elem_len) {
        r->bad = true;
        return 0;
    }
    return (size_t)n;
}

struct ds_span ds_scale_bytes(struct ds_reader *r) { return ds_read_span(r, ds_scale_count(r, 1)); }

struct ds_span ds_scale_text(struct ds_reader *r)
{
    struct ds_span s = ds_scale_bytes(r);
    if (!ds_utf8_is_valid(s)) {
        r->bad = true;
        return (struct ds_span){ 0 };
    }
    return s;
}

bool ds_scale_bool(struct ds_reader *r)
{
    uint8_t v = ds_read_u8(r);
    if (v > 1)
        r->bad = true;
    return v == 1;
}

void ds_scale_put_compact(struct ds_buf *b, uint64_t v)
{
    if (v < 1u << 6) {
        ds_buf_le(b, v << 2 | ONE_BYTE, 1);
    } else if (v < 1u << 14) {
        ds_buf_le(b, v << 2 | TWO_BYTES, 2);
    } else if (v < 1u << 30) {
        ds_buf_le(b, v << 2 | FOUR_BYTES, 4);
    } else {
        size_t n = (size_t)(64 - __builtin_clzll(v) + 7) / 8;
        ds_buf_le(b, (uint64_t)(n - 4) << 2 | BIG, 1);
        ds_buf_le(b, v, n);
    }
}

void ds_scale_put_bytes(struct ds_buf *b, struct ds_span bytes)
{
    ds_scale_put_compact(b, bytes.len);
    ds_buf_add(b, bytes);
}

void ds_scale_put_bool(struct ds_buf *b, bool v) { ds_buf_char(b, v ? 1 : 0); }
