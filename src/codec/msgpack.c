/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MessagePack arrays, maps, bin, str, integers and nil.
 */
#include "codec/msgpack.h"

#include "base/str.h"

enum {
    FIX_MAP = 0x80,   /* | n, n below 16 */
    FIX_ARRAY = 0x90, /* the same */
    FIX_STR = 0xa0,   /* | n, n below 32 */
    NIL = 0xc0,
    BIN_8 = 0xc4,
    BIN_16 = 0xc5,
    BIN_32 = 0xc6,
    UINT_8 = 0xcc,
    UINT_16 = 0xcd,
    UINT_32 = 0xce,
    UINT_64 = 0xcf,
    STR_8 = 0xd9,
    STR_16 = 0xda,
    STR_32 = 0xdb,
    ARRAY_16 = 0xdc,
    ARRAY_32 = 0xdd,
    MAP_16 = 0xde,
    MAP_32 = 0xdf,
};

/* A number that a shorter form could hold, when it is below least, is not in its own form. */
static uint64_t in_own_form(struct ds_reader *r, uint64_t v, uint64_t least)
{
    if (v < least)
        r->bad = true;
    return v;
}

/* A container whose short, 16-bit and 32-bit heads are these; each element takes elem_min bytes. */
static size_t count(struct ds_reader *r, uint8_t fix, uint8_t head_16, size_t elem_min)
{
    uint8_t type = ds_read_u8(r);
    size_t n = 0;
    if ((type & 0xf0) == fix)
        n = type & 0x0f;
    else if (type == head_16)
        n = in_own_form(r, ds_read_u16be(r), 0x10);
    else if (type == head_16 + 1)
        n = in_own_form(r, ds_read_u32be(r), 0x10000);
    else
        r->bad = true;
    if (r->bad || n > ds_read_left(r) / elem_min) {
        r->bad = true;
        return 0;
    }
    return n;
}

size_t ds_msgpack_array(struct ds_reader *r) { return count(r, FIX_ARRAY, ARRAY_16, 1); }
size_t ds_msgpack_map(struct ds_reader *r) { return count(r, FIX_MAP, MAP_16, 2); }

static size_t bin_len(struct ds_reader *r)
{
    switch (ds_read_u8(r)) {
    case BIN_8:
        return ds_read_u8(r);
    case BIN_16:
        return in_own_form(r, ds_read_u16be(r), 0x100);
    case BIN_32:
        return in_own_form(r, ds_read_u32be(r), 0x10000);
    default:
        r->bad = true;
        return 0;
    }
}

struct ds_span ds_msgpack_bin(struct ds_reader *r) { return ds_read_span(r, bin_len(r)); }

bool ds_msgpack_nil(struct ds_reader *r)
{
    struct ds_span rest = ds_read_rest(r);
    if (rest.len == 0 || rest.p[0] != NIL)
        return false;
    ds_read_skip(r, 1);
    return true;
}

static size_t str_len(struct ds_reader *r)
{
    uint8_t type = ds_read_u8(r);
    if ((type & 0xe0) == FIX_STR)
        return type & 0x1f;
    if (type == STR_8)
        return in_own_form(r, ds_read_u8(r), 0x20);
    if (type == STR_16)
        return in_own_form(r, ds_read_u16be(r), 0x100);
    if (type == STR_32)
        return in_own_form(r, ds_read_u32be(r), 0x10000);
    r->bad = true;
    return 0;
}

struct ds_span ds_msgpack_str(struct ds_reader *r)
{
    struct ds_span text = ds_read_span(r, str_len(r));
    if (r->bad || !ds_utf8_is_valid(text)) {
        r->bad = true;
        return (struct ds_span){ 0 };
    }
    return text;
}

void ds_msgpack_key(struct ds_reader *r, const char *key)
{
    if (!ds_span_eq_str(ds_msgpack_str(r), key))
        r->bad = true;
}

bool ds_msgpack_has_key(struct ds_reader *r, const char *key)
{
    struct ds_reader ahead = *r;
    if (!ds_span_eq_str(ds_msgpack_str(&ahead), key) || ahead.bad)
        return false;
    *r = ahead;
    return true;
}

uint64_t ds_msgpack_u64(struct ds_reader *r)
{
    uint8_t type = ds_read_u8(r);
    if (type < FIX_MAP)
        return type;
    if (type == UINT_8)
        return in_own_form(r, ds_read_u8(r), FIX_MAP);
    if (type == UINT_16)
        return in_own_form(r, ds_read_u16be(r), 0x100);
    if (type == UINT_32)
        return in_own_form(r, ds_read_u32be(r), 0x10000);
    if (type == UINT_64)
        return in_own_form(r, ds_read_u64be(r), 0x100000000);
    r->bad = true;
    return 0;
}

struct ds_span ds_msgpack_octets(struct ds_reader *r, struct ds_arena *mem)
{
    size_t n = ds_msgpack_array(r);
    uint8_t *out = r->bad ? NULL : ds_arena_get(mem, n);
    if (out == NULL) {
        r->bad = true;
        return (struct ds_span){ 0 };
    }
    for (size_t i = 0; i < n && !r->bad; i++) {
        uint64_t v = ds_msgpack_u64(r);
        out[i] = (uint8_t)v;
        if (v > UINT8_MAX)
            r->bad = true;
    }
    return r->bad ? (struct ds_span){ 0 } : DS_SPAN(out, n);
}

static void put_count(struct ds_buf *b, size_t n, uint8_t fix, uint8_t head_16)
{
    if (n < 16) {
        ds_buf_be(b, fix | n, 1);
        return;
    }
    bool is_short = n <= UINT16_MAX;
    ds_buf_be(b, is_short ? head_16 : head_16 + 1u, 1);
    ds_buf_be(b, n, is_short ? 2 : 4);
}

void ds_msgpack_put_array(struct ds_buf *b, size_t n) { put_count(b, n, FIX_ARRAY, ARRAY_16); }
void ds_msgpack_put_map(struct ds_buf *b, size_t n) { put_count(b, n, FIX_MAP, MAP_16); }

void ds_msgpack_put_bin(struct ds_buf *b, struct ds_span bytes)
{
    size_t width = bytes.len <= UINT8_MAX ? 1 : bytes.len <= UINT16_MAX ? 2 : 4;
    ds_buf_be(b, width == 1 ? BIN_8 : width == 2 ? BIN_16 : BIN_32, 1);
    ds_buf_be(b, bytes.len, width);
    ds_buf_add(b, bytes);
}

void ds_msgpack_put_nil(struct ds_buf *b) { ds_buf_be(b, NIL, 1); }

void ds_msgpack_put_str(struct ds_buf *b, struct ds_span text)
{
    size_t width = text.len <= UINT8_MAX ? 1 : text.len <= UINT16_MAX ? 2 : 4;
    if (text.len < 32) {
        ds_buf_be(b, FIX_STR | text.len, 1);
    } else {
        ds_buf_be(b, width == 1 ? STR_8 : width == 2 ? STR_16 : STR_32, 1);
        ds_buf_be(b, text.len, width);
    }
    ds_buf_add(b, text);
}

void ds_msgpack_put_u64(struct ds_buf *b, uint64_t v)
{
    size_t width = v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
    if (v >= FIX_MAP)
        ds_buf_be(b,
                  width == 1   ? UINT_8
                  : width == 2 ? UINT_16
                  : width == 4 ? UINT_32
                               : UINT_64,
                  1);
    ds_buf_be(b, v, width);
}

void ds_msgpack_put_octets(struct ds_buf *b, struct ds_span bytes)
{
    ds_msgpack_put_array(b, bytes.len);
    for (size_t i = 0; i < bytes.len; i++)
        ds_msgpack_put_u64(b, bytes.p[i]);
}
