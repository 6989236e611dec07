/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MessagePack arrays, bin and nil.
 */
#include "codec/msgpack.h"

enum {
    FIX_ARRAY = 0x90, /* | n, n below 16 */
    NIL = 0xc0,
    BIN_8 = 0xc4,
    BIN_16 = 0xc5,
    BIN_32 = 0xc6,
    ARRAY_16 = 0xdc,
    ARRAY_32 = 0xdd,
};

size_t ds_msgpack_array(struct ds_reader *r)
{
    uint8_t type = ds_read_u8(r);
    size_t n = 0;
    if ((type & 0xf0) == FIX_ARRAY)
        n = type & 0x0f;
    else if (type == ARRAY_16)
        n = ds_read_u16be(r);
    else if (type == ARRAY_32)
        n = ds_read_u32be(r);
    else
        r->bad = true;
    if (r->bad || n > ds_read_left(r)) {
        r->bad = true;
        return 0;
    }
    return n;
}

struct ds_span ds_msgpack_bin(struct ds_reader *r)
{
    uint8_t type = ds_read_u8(r);
    switch (type) {
    case BIN_8:
        return ds_read_span(r, ds_read_u8(r));
    case BIN_16:
        return ds_read_span(r, ds_read_u16be(r));
    case BIN_32:
        return ds_read_span(r, ds_read_u32be(r));
    default:
        r->bad = true;
        return (struct ds_span){ 0 };
    }
}

bool ds_msgpack_nil(struct ds_reader *r)
{
    struct ds_span rest = ds_read_rest(r);
    if (rest.len == 0 || rest.p[0] != NIL)
        return false;
    ds_read_skip(r, 1);
    return true;
}

void ds_msgpack_put_array(struct ds_buf *b, size_t n)
{
    if (n < 16) {
        ds_buf_be(b, FIX_ARRAY | n, 1);
    } else if (n <= UINT16_MAX) {
        ds_buf_be(b, ARRAY_16, 1);
        ds_buf_be(b, n, 2);
    } else {
        ds_buf_be(b, ARRAY_32, 1);
        ds_buf_be(b, n, 4);
    }
}

void ds_msgpack_put_bin(struct ds_buf *b, struct ds_span bytes)
{
    size_t width = bytes.len <= UINT8_MAX ? 1 : bytes.len <= UINT16_MAX ? 2 : 4;
    ds_buf_be(b, width == 1 ? BIN_8 : width == 2 ? BIN_16 : BIN_32, 1);
    ds_buf_be(b, bytes.len, width);
    ds_buf_add(b, bytes);
}

void ds_msgpack_put_nil(struct ds_buf *b) { ds_buf_be(b, NIL, 1); }
