/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of base/writer.h: one step from any state, as in reader.c.
 */
#include "proof.h"

#include "base/writer.h"

static struct ds_writer any_writer(void)
{
    size_t cap = nondet_size(), at = nondet_size();
    GIVEN(cap <= BOUND && at <= cap);
    uint8_t *p = malloc(BOUND);
    struct ds_writer w = ds_writer_of(nondet_bool() ? p : p + (BOUND - cap), cap);
    w.p += at;
    w.bad = nondet_bool();
    return w;
}

static void check_step(const struct ds_writer *was, const struct ds_writer *w, size_t n)
{
    bool fits = !was->bad && n <= (size_t)(was->end - was->p);
    PROVE(w->start == was->start && w->end == was->end, "a write moves no bound");
    PROVE(w->p >= w->start && w->p <= w->end, "a writer stays between its bounds");
    PROVE(!was->bad || w->bad, "a bad writer stays bad");
    PROVE(w->bad == !fits, "a write is good iff it fits");
    PROVE(w->p == was->p + (fits ? n : 0), "a write is whole or none");
    PROVE(ds_write_span(w).len == (size_t)(w->p - w->start), "what was written is counted");
}

void proof_bytes(void)
{
    struct ds_writer was = any_writer(), w = was;
    struct ds_span s = any_input(BOUND);
    size_t i = nondet_size();
    ds_write(&w, s);
    check_step(&was, &w, s.len);
    GIVEN(i < s.len);
    PROVE(w.bad || was.p[i] == s.p[i], "every byte is written");
    REACHED_IF(!w.bad, "bytes written");
    REACHED_IF(w.bad && !was.bad, "bytes that do not fit");
}

void proof_zeros(void)
{
    struct ds_writer was = any_writer(), w = was;
    size_t n = nondet_size(), i = nondet_size();
    ds_write_zeros(&w, n);
    check_step(&was, &w, n);
    GIVEN(i < n);
    PROVE(w.bad || was.p[i] == 0, "every byte is zero");
    REACHED_IF(!w.bad, "zeros written");
    REACHED_IF(w.bad && n == SIZE_MAX, "more zeros than there is memory");
}

/* What is written in a width is read back in it. */
void proof_numbers(void)
{
    static const size_t widths[] = { 2, 4, 8, 1, 2, 4, 8 };
    struct ds_writer was = any_writer(), w = was;
    uint64_t v = nondet_u64();
    size_t kind = nondet_size();
    GIVEN(kind < 7);
    bool is_big = kind >= 3;
    size_t n = widths[kind];
    if (is_big)
        ds_write_be_(&w, v, n);
    else
        ds_write_le_(&w, v, n);
    check_step(&was, &w, n);
    GIVEN(!w.bad);
    struct ds_reader r = ds_reader_of(DS_SPAN(was.p, n));
    uint64_t back = is_big ? ds_read_be_(&r, n) : ds_read_le_(&r, n);
    PROVE(back == (n == 8 ? v : v & (((uint64_t)1 << 8 * n) - 1)), "numbers are read back");
    REACHED_IF(n == 8, "a number of eight bytes");
}

void proof_end(void)
{
    struct ds_writer w = any_writer();
    int cls = ds_writer_end(&w, any_error(), "output");
    PROVE(cls == (w.bad ? DS_ERR_RANGE : DS_OK), "the end says whether all fitted");
    REACHED_IF(cls == DS_OK, "a good end");
}
