/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict DER reader of codec/der.c. It takes one element a call, and nothing in a body is looked at
 * but by the functions for single values, none of which takes more than 17 bytes; one call from any
 * state of the reader stands for any number of them. BOUND: bytes of input where only headers count.
 */
#include "proof.h"

#include "codec/der.h"

/* Any reader, good or bad, at the start of `in`: what was read before is gone for good. */
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

/* X.690 10.1, written from the value: what the header of a body of this length is, and nothing else. */
static size_t header_by_hand(uint8_t ret[static 6], uint8_t tag, size_t len)
{
    size_t n = 0;
    ret[n++] = tag;
    if (len < 0x80) {
        ret[n++] = (uint8_t)len;
        return n;
    }
    size_t width = len <= 0xff ? 1 : len <= 0xffff ? 2 : len <= 0xffffff ? 3 : 4;
    ret[n++] = (uint8_t)(0x80 + width);
    for (size_t i = 0; i < 4; i++)
        if (i < width)
            ret[n++] = (uint8_t)(len >> 8 * (width - 1 - i) & 0xff);
    return n;
}

/* What is accepted has the one header that X.690 allows, and lies in the input. */
void proof_any(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader was = any_reader(in), r = was;
    struct ds_der_tlv t = ds_der_any(&r);
    uint8_t header[6];
    size_t i = nondet_size();
    check_reader(&was, &r);
    PROVE(!r.bad || (t.tag == 0 && t.body.len == 0 && t.raw.len == 0), "a bad element is empty");
    REACHED_IF(r.bad && !was.bad && ds_read_at(&r) > ds_read_at(&was) + 2,
               "an element longer than its input");
    GIVEN(!r.bad);
    size_t n = header_by_hand(header, t.tag, t.body.len);
    PROVE(t.raw.p == was.p && r.p == was.p + t.raw.len, "an element is all that is taken");
    PROVE(is_inside(t.raw, in) && is_inside(t.body, in), "an element lies in the input");
    PROVE(t.raw.len == n + t.body.len && t.body.p == t.raw.p + n,
          "header and body make an element");
    PROVE((t.tag & 0x1f) != 0x1f, "a tag is one byte");
    GIVEN(i < n);
    PROVE(t.raw.p[i] == header[i], "a length stands in its shortest form");
    REACHED_IF(t.body.len == 0, "an empty element");
    REACHED_IF(t.body.len >= 0x1000000, "a length of four bytes");
}

/* And what X.690 allows is accepted: an element by hand, with more behind it. */
void proof_any_accepts(void)
{
    struct ds_span in = any_long_input(BOUND);
    uint8_t header[6], tag = nondet_u8();
    size_t len = nondet_size();
    GIVEN((tag & 0x1f) != 0x1f && len <= BOUND);
    size_t n = header_by_hand(header, tag, len);
    GIVEN(in.len >= n + len);
    for (size_t i = 0; i < 6; i++)
        GIVEN(i >= n || in.p[i] == header[i]);
    struct ds_reader r = ds_reader_of(in);
    struct ds_der_tlv t = ds_der_any(&r);
    PROVE(!r.bad && t.tag == tag && t.body.len == len, "a proper element is read");
    REACHED_IF(len >= 0x1000000 && in.len > n + len, "a long element and more");
}

static void check_got(const struct ds_reader *was, const struct ds_reader *r, struct ds_span s,
                      struct ds_span in, uint8_t tag, uint8_t peeked)
{
    check_reader(was, r);
    PROVE(is_inside(s, in), "an element lies in the input");
    PROVE(r->bad || peeked == tag, "only the tag that was asked for");
    PROVE(!r->bad || s.len == 0, "a bad element is empty");
    REACHED_IF(!r->bad && s.len > 2, "an element");
    REACHED_IF(r->bad && !was->bad && peeked != tag, "another tag");
}

void proof_get(void)
{
    struct ds_span in = any_input(8);
    struct ds_reader was = any_reader(in), r = was;
    uint8_t tag = nondet_u8(), peeked = ds_der_peek(&r);
    struct ds_span s = nondet_bool() ? ds_der_get(&r, tag) : ds_der_get_raw(&r, tag);
    check_got(&was, &r, s, in, tag, peeked);
}

void proof_enter(void)
{
    struct ds_span in = any_input(8);
    struct ds_reader was = any_reader(in), r = was;
    uint8_t tag = nondet_u8(), peeked = ds_der_peek(&r);
    struct ds_reader sub = ds_der_enter(&r, tag);
    PROVE(sub.bad == r.bad, "a sub-reader is good iff its element is");
    PROVE(ds_read_at(&sub) == 0 && sub.p <= sub.end, "a sub-reader starts at its start");
    check_got(&was, &r, ds_read_rest(&sub), in, tag, peeked);
}

void proof_u64(void)
{
    struct ds_span in = any_input(13);
    struct ds_reader was = any_reader(in), r = was;
    uint64_t max = nondet_u64();
    uint64_t v = ds_der_u64(&r, DS_DER_INTEGER, max);
    check_reader(&was, &r);
    PROVE(v <= max, "a number is at most max");
    PROVE(!r.bad || v == 0, "a bad number is 0");
    REACHED_IF(!r.bad && v == UINT64_MAX, "the greatest number");
    GIVEN(!r.bad);
    size_t len = was.p[1], i = nondet_size();
    PROVE(len >= 1 && len <= 9 && r.p == was.p + 2 + len, "a number takes one to nine bytes");
    PROVE(was.p[2] < 0x80, "a number is not negative");
    PROVE(len < 9 || was.p[2] == 0, "of nine bytes the first is a zero");
    PROVE(len == 1 || was.p[2] != 0 || was.p[3] >= 0x80, "a number is in its shortest form");
    GIVEN(i < len && i < 8);
    PROVE((v >> 8 * i & 0xff) == was.p[1 + len - i], "a number is its bytes");
    PROVE(len >= 8 || v >> 8 * len == 0, "a number is no more than its bytes");
}

void proof_integer(void)
{
    struct ds_span in = any_input(13);
    struct ds_reader was = any_reader(in), r = was;
    struct ds_span s = ds_der_integer(&r);
    check_reader(&was, &r);
    PROVE(is_inside(s, in), "an integer lies in the input");
    PROVE(r.bad ? s.len == 0 : s.len > 0, "an integer has a byte");
    PROVE(s.len < 2 || !(s.p[0] == 0 && s.p[1] < 0x80), "no zeros ahead of a positive one");
    PROVE(s.len < 2 || !(s.p[0] == 0xff && s.p[1] >= 0x80), "no ones ahead of a negative one");
    REACHED_IF(s.len > 4 && s.p[0] == 0xff, "a negative integer");
}

void proof_bool(void)
{
    struct ds_reader was = any_reader(any_input(6)), r = was;
    bool flag = ds_der_bool(&r);
    check_reader(&was, &r);
    PROVE(!r.bad || !flag, "a bad value is false");
    PROVE(!flag || was.p[2] == 0xff, "X.690 11.1: true is 0xff");
    REACHED_IF(flag, "true");
    REACHED_IF(!flag && !r.bad, "false");
}

void proof_bit_bytes(void)
{
    struct ds_span in = any_input(8);
    struct ds_reader was = any_reader(in), r = was;
    struct ds_span s = ds_der_bit_bytes(&r);
    check_reader(&was, &r);
    PROVE(is_inside(s, in), "bits lie in the input");
    PROVE(!r.bad || s.len == 0, "bad bits are none");
    REACHED_IF(s.len > 1, "bytes");
}

void proof_named_bits(void)
{
    struct ds_reader was = any_reader(any_input(7)), r = was;
    uint16_t named = ds_der_named_bits(&r);
    check_reader(&was, &r);
    PROVE(!r.bad || named == 0, "bad bits are none");
    PROVE(r.bad || (was.p[1] >= 1 && was.p[1] <= 3), "sixteen bits at most");
    PROVE(r.bad || was.p[1] < 2 || named >> 8 == was.p[3],
          "the first eight bits are as they stand");
    PROVE(r.bad || was.p[1] == 1 || was.p[1 + was.p[1]] != 0,
          "X.690 11.2: no zero byte at the end of named bits");
    REACHED_IF((named & 0x8000) != 0 && (named & 0xff) != 0, "named bits in two bytes");
}

void proof_time(void)
{
    struct ds_span in = any_input(20);
    struct ds_reader was = any_reader(in), r = was;
    int64_t at_s = ds_der_time(&r);
    check_reader(&was, &r);
    PROVE(!r.bad || at_s == 0, "a bad time is 0");
    PROVE(at_s >= -62135596800 && at_s <= 253402300799, "a time is in the years 1 to 9999");
    REACHED_IF(!r.bad && was.p[0] == DS_DER_UTC_TIME && at_s < 0, "a time before 1970");
    REACHED_IF(!r.bad && was.p[0] == DS_DER_GENERALIZED_TIME && at_s > 4102444800, "after 2099");
}
