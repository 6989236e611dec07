/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of codec/cbor.c that are skipped whole, in inputs of up to BOUND bytes. One head stands here by
 * what cbor_map.c proves of it; DS_CBOR_DEPTH_MAX is lowered so that it is reached.
 */
#include "proof.h"

#include "codec/cbor.h"

#undef DS_CBOR_DEPTH_MAX
#define DS_CBOR_DEPTH_MAX 2
#include "codec/cbor.c"

/* cbor_map/skip_head */
uint64_t head_by_contract(struct ds_reader *r)
{
    uint64_t items = nondet_u64();
    (void)any_part(r);
    GIVEN(items <= 1 || items <= ds_read_left(r));
    return items;
}

void proof_skip(void)
{
    struct ds_span in = any_input(BOUND);
    struct ds_reader was = ds_reader_of(in), r = was;
    struct ds_span item = ds_cbor_skip(&r);
    PROVE(r.start == was.start && r.end == was.end, "no bound moves");
    PROVE(r.p >= was.p && r.p <= r.end, "a reader goes forward, to its end at most");
    PROVE(r.bad ? item.len == 0 : item.len > 0 && item.p == was.p && r.p == was.p + item.len,
          "an item is all that is taken, and has a byte");
    REACHED_IF(!r.bad && item.len == BOUND, "an item of all bytes");
    REACHED_IF(r.bad, "an item that is none");
}
