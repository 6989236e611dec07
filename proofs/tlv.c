/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCALE, MessagePack and CBOR of codec/: heads, counts and strings over any input, one call each from
 * a reader that is good or bad.
 */
#include "proof.h"

#include "codec/cbor.h"
#include "codec/msgpack.h"
#include "codec/scale.h"

static struct ds_reader any_reader(struct ds_span in)
{
    struct ds_reader r = ds_reader_of(in);
    r.bad = nondet_bool();
    return r;
}

static void check_reader(const struct ds_reader *was, const struct ds_reader *r)
{
    PROVE(r->start == was->start && r->end == was->end, "no bound moves");
    PROVE(r->p >= was->p && r->p <= r->end, "a reader goes forward, to its end at most");
    PROVE(!was->bad || r->bad, "a bad reader stays bad");
}

/* Bytes that a value takes in its shortest SCALE form. */
static size_t compact_len(uint64_t v)
{
    if (v < 1u << 6)
        return 1;
    if (v < 1u << 14)
        return 2;
    if (v < 1u << 30)
        return 4;
    size_t n = 5;
    while (n < 9 && v >> 8 * (n - 1) != 0)
        n++;
    return n;
}

void proof_scale_compact(void)
{
    struct ds_reader was = any_reader(any_long_input(BOUND)), r = was;
    uint64_t v = ds_scale_compact(&r);
    check_reader(&was, &r);
    PROVE(!r.bad || v == 0, "a bad number is 0");
    PROVE(r.bad || (size_t)(r.p - was.p) == compact_len(v), "a number stands in its shortest form");
    REACHED_IF(v == UINT64_MAX, "the greatest number");
    REACHED_IF(v == 1 << 29, "a number of four bytes");
}

void proof_scale_count(void)
{
    struct ds_reader was = any_reader(any_long_input(BOUND)), r = was;
    size_t elem_len = nondet_bool() ? 1 : nondet_bool() ? 2 : 11; /* those of attest/wrapper */
    size_t n = ds_scale_count(&r, elem_len);
    check_reader(&was, &r);
    PROVE(n <= ds_read_left(&r) / elem_len, "no more elements than can follow");
    REACHED_IF(n > 1 << 14, "many elements");
}

void proof_scale_bytes(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader was = any_reader(in), r = was;
    struct ds_span s = ds_scale_bytes(&r);
    check_reader(&was, &r);
    PROVE(is_inside(s, in) && (!r.bad || s.len == 0), "bytes lie in the input, or are none");
    REACHED_IF(s.len > 1 << 14, "many bytes");
}

void proof_scale_bool(void)
{
    struct ds_reader was = any_reader(any_long_input(BOUND)), r = was;
    bool v = ds_scale_bool(&r);
    check_reader(&was, &r);
    PROVE(r.bad || was.p[0] == (v ? 1 : 0), "0 or 1");
    REACHED_IF(v && !r.bad, "true");
}

void proof_msgpack_array(void)
{
    struct ds_reader was = any_reader(any_long_input(BOUND)), r = was;
    size_t n = ds_msgpack_array(&r);
    check_reader(&was, &r);
    PROVE(n <= ds_read_left(&r) && (!r.bad || n == 0), "no more elements than can follow");
    REACHED_IF(n > UINT16_MAX, "many elements");
}

void proof_msgpack_bin(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader was = any_reader(in), r = was;
    bool is_nil = ds_msgpack_nil(&r);
    check_reader(&was, &r);
    PROVE(!is_nil || r.p == was.p + 1, "a nil is taken");
    PROVE(is_nil || r.p == was.p, "what is none is left alone");
    was = r;
    struct ds_span s = ds_msgpack_bin(&r);
    check_reader(&was, &r);
    PROVE(is_inside(s, in) && (!r.bad || s.len == 0), "bytes lie in the input, or are none");
    REACHED_IF(is_nil && s.len > UINT16_MAX, "a nil and many bytes");
}

/* Bytes of a value's shortest head (RFC 8949 4.2.1). */
static size_t head_len(uint64_t v)
{
    return v < 24 ? 1 : v <= UINT8_MAX ? 2 : v <= UINT16_MAX ? 3 : v <= UINT32_MAX ? 5 : 9;
}

void proof_cbor_u64(void)
{
    struct ds_reader was = any_reader(any_long_input(BOUND)), r = was;
    uint64_t v = ds_cbor_u64(&r);
    check_reader(&was, &r);
    PROVE(!r.bad || v == 0, "a bad number is 0");
    PROVE(r.bad || was.p[0] >> 5 == 0, "an unsigned number");
    PROVE(r.bad || (size_t)(r.p - was.p) == head_len(v), "a number stands in its shortest form");
    REACHED_IF(v == UINT64_MAX, "the greatest number");
    REACHED_IF(v == 24, "the least number of two bytes");
}

void proof_cbor_count(void)
{
    struct ds_reader was = any_reader(any_long_input(BOUND)), r = was;
    bool is_map = nondet_bool();
    size_t n = is_map ? ds_cbor_map(&r) : ds_cbor_array(&r);
    check_reader(&was, &r);
    PROVE(n <= ds_read_left(&r) / (is_map ? 2 : 1), "no more than can follow");
    PROVE(!r.bad || n == 0, "a bad count is 0");
    REACHED_IF(is_map && n > UINT16_MAX, "many pairs");
}

void proof_cbor_bytes(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader was = any_reader(in), r = was;
    struct ds_span s = ds_cbor_bytes(&r);
    check_reader(&was, &r);
    PROVE(is_inside(s, in) && (!r.bad || s.len == 0), "bytes lie in the input, or are none");
    REACHED_IF(s.len > UINT16_MAX, "many bytes");
}
