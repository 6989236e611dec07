/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader and spans of base/span.h. One step from any state that a reader can be in, so that what
 * holds after the step holds after any number of them.
 */
#include "proof.h"

/* Any reader over `in`: at any place, good or bad. */
static struct ds_reader any_reader(struct ds_span in)
{
    struct ds_reader r = ds_reader_of(in);
    size_t at = nondet_size();
    GIVEN(at <= in.len);
    r.p += at;
    r.bad = nondet_bool();
    return r;
}

/* After a read of n bytes: whole or not at all, and never good again. */
static void check_step(const struct ds_reader *was, const struct ds_reader *r, size_t n)
{
    bool fits = !was->bad && n <= (size_t)(was->end - was->p);
    PROVE(r->start == was->start && r->end == was->end, "a read moves no bound");
    PROVE(r->p >= r->start && r->p <= r->end, "a reader stays between its bounds");
    PROVE(!was->bad || r->bad, "a bad reader stays bad");
    PROVE(r->bad == !fits, "a read is good iff its bytes are there");
    PROVE(r->p == was->p + (fits ? n : 0), "a read takes all its bytes or none");
    PROVE(ds_read_left(r) + ds_read_at(r) == (size_t)(r->end - r->start), "left and at add up");
}

void proof_numbers(void)
{
    struct ds_reader was = any_reader(any_input(BOUND));
    static const size_t widths[] = { 1, 2, 4, 8, 2, 4, 8 };
    struct ds_reader r = was;
    uint8_t kind = nondet_u8();
    uint64_t v = 0;
    GIVEN(kind < 7);
    switch (kind) {
    case 0:
        v = ds_read_u8(&r);
        break;
    case 1:
        v = ds_read_u16le(&r);
        break;
    case 2:
        v = ds_read_u32le(&r);
        break;
    case 3:
        v = ds_read_u64le(&r);
        break;
    case 4:
        v = ds_read_u16be(&r);
        break;
    case 5:
        v = ds_read_u32be(&r);
        break;
    default:
        v = ds_read_u64be(&r);
        break;
    }
    check_step(&was, &r, widths[kind]);
    size_t n = widths[kind], i = nondet_size();
    GIVEN(i < n);
    PROVE(!r.bad || v == 0, "a number that does not fit is 0");
    PROVE(n == 8 || v >> 8 * n == 0, "a number is no wider than its bytes");
    PROVE(r.bad || (v >> 8 * i & 0xff) == was.p[kind > 3 ? n - 1 - i : i], "a number is its bytes");
    REACHED_IF(!r.bad && v > UINT32_MAX, "a number of eight bytes");
    REACHED_IF(r.bad && !was.bad, "a number that does not fit");
}

void proof_spans(void)
{
    struct ds_span in = any_input(BOUND);
    struct ds_reader was = any_reader(in);
    struct ds_reader r = was;
    size_t n = nondet_size();
    struct ds_span s = ds_read_span(&r, n);
    check_step(&was, &r, n);
    PROVE(r.bad ? s.p == NULL && s.len == 0 : s.p == was.p && s.len == n,
          "a span, or an empty one");
    PROVE(is_inside(s, in), "a span lies in the input");
    PROVE(is_inside(ds_read_rest(&r), in), "the rest lies in the input");
    REACHED_IF(!r.bad && n > 1, "a span");
    REACHED_IF(r.bad && !was.bad && n == SIZE_MAX, "the longest span");
}

void proof_sub(void)
{
    struct ds_reader was = any_reader(any_input(BOUND));
    struct ds_reader r = was;
    size_t n = nondet_size();
    struct ds_reader sub = ds_read_sub(&r, n);
    check_step(&was, &r, n);
    PROVE(sub.bad == r.bad, "a sub-reader is good iff its bytes were there");
    PROVE(ds_read_at(&sub) == 0 && ds_read_left(&sub) == (r.bad ? 0 : n),
          "a sub-reader has n bytes");
    PROVE(r.bad || (sub.p == was.p && sub.end == r.p), "a sub-reader reads what was taken");
    REACHED_IF(!sub.bad && n > 0, "a sub-reader");
}

void proof_into(void)
{
    struct ds_reader was = any_reader(any_input(BOUND));
    struct ds_reader r = was;
    size_t n = nondet_size(), i = nondet_size();
    GIVEN(n <= BOUND && i < n);
    uint8_t *out = malloc(n);
    ds_read_into(&r, out, n);
    check_step(&was, &r, n);
    PROVE(out[i] == (r.bad ? 0 : was.p[i]), "every byte is copied, or zero");
    REACHED_IF(!r.bad, "bytes copied");
    REACHED_IF(r.bad, "bytes zeroed");
}

void proof_end(void)
{
    struct ds_reader r = any_reader(any_input(BOUND));
    int cls = ds_reader_end(&r, any_error(), "layout");
    int want = r.bad ? DS_ERR_TRUNCATED : r.p != r.end ? DS_ERR_TRAILING : DS_OK;
    PROVE(cls == want, "the end is found iff a good reader stands there");
    REACHED_IF(cls == DS_OK, "the end");
    REACHED_IF(cls == DS_ERR_TRAILING, "bytes are left");
}

void proof_span_sub(void)
{
    struct ds_span in = any_input(BOUND);
    size_t at = nondet_size(), n = nondet_size();
    struct ds_span s = ds_span_sub(in, at, n);
    size_t left = at < in.len ? in.len - at : 0;
    PROVE(is_inside(s, in), "a part lies in its whole");
    PROVE(s.len == (n < left ? n : left), "a part is as long as asked, or to the end");
    PROVE(left == 0 || s.p == in.p + at, "a part begins where asked");
    REACHED_IF(s.len > 0 && s.len < n, "a part that is cut");
}

void proof_span_eq(void)
{
    struct ds_span a = any_input(6), b = any_input(6);
    size_t i = nondet_size();
    bool same = ds_span_eq(a, b);
    GIVEN(i < a.len || a.len == 0);
    PROVE(!same || (a.len == b.len && (a.len == 0 || a.p[i] == b.p[i])), "equal means every byte");
    PROVE(same || a.len != b.len || a.len > 0, "two empty spans are equal");
    REACHED_IF(same && a.len > 1, "equal spans");
    REACHED_IF(!same && a.len == b.len, "spans that differ in a byte");
}
