/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps of codec/cbor.c as tables of pairs, and one head. Items stand here by what cbor_skip.c proves of
 * one: it has a byte and lies in the input, or the reader is bad. BOUND: bytes of the map.
 */
#include "proof.h"

#include "codec/cbor.c"

enum { PAIRS = 2 };

/* cbor_skip/skip */
struct ds_span skip_by_contract(struct ds_reader *r)
{
    size_t len = nondet_size();
    if (len == 0 || nondet_bool())
        r->bad = true;
    return ds_read_span(r, len);
}

static void check_reader(const struct ds_reader *was, const struct ds_reader *r)
{
    PROVE(r->start == was->start && r->end == was->end, "no bound moves");
    PROVE(r->p >= was->p && r->p <= r->end, "a reader goes forward, to its end at most");
    PROVE(!was->bad || r->bad, "a bad reader stays bad");
}

void proof_pairs(void)
{
    struct ds_span in = any_input(BOUND);
    struct ds_reader was = ds_reader_of(in), r = was;
    struct ds_cbor_pair pairs[PAIRS];
    size_t i = nondet_size(), n = ds_cbor_pairs(&r, pairs, PAIRS);
    check_reader(&was, &r);
    PROVE(n <= PAIRS && (!r.bad || n == 0), "no more pairs than there is room for");
    REACHED_IF(!r.bad && n == 0 && in.len > 0, "a map without pairs");
    REACHED_IF(n == PAIRS && pairs[1].key.len == 2, "two pairs");
    GIVEN(i < n);
    PROVE(is_inside(pairs[i].key, in) && is_inside(pairs[i].value, in), "pairs lie in the input");
    PROVE(pairs[i].key.len > 0 && pairs[i].value.len > 0, "keys and values have a byte");
    PROVE(pairs[i].key.p[0] >> 5 <= 1 || pairs[i].key.p[0] >> 5 == 3, "integers and texts label");
    PROVE(n < 2 || !ds_span_eq(pairs[0].key, pairs[1].key), "no key stands twice");
}

/* One head of any item, for cbor_skip.c. */
void proof_skip_head(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader was = ds_reader_of(in), r = was;
    uint64_t items = skip_head(&r);
    check_reader(&was, &r);
    PROVE(r.bad || r.p > was.p, "a head takes a byte");
    PROVE(items <= 1 || items <= ds_read_left(&r), "no more items than can follow");
    REACHED_IF(items > 1 && in.p[0] >> 5 == 5, "a map");
    REACHED_IF(!r.bad && in.p[0] == 0xf9, "a float");
}
