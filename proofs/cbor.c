/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CBOR reader of codec/cbor.c beside its numbers, counts and byte strings, which are in tlv.c: pairs
 * that are looked for, heads both ways, signed numbers, booleans, texts. BOUND: bytes of a text.
 */
#include "proof.h"

#include "codec/cbor.h"

enum { PAIRS = 2 };

static void check_reader(const struct ds_reader *was, const struct ds_reader *r)
{
    PROVE(r->start == was->start && r->end == was->end, "no bound moves");
    PROVE(r->p >= was->p && r->p <= r->end, "a reader goes forward, to its end at most");
    PROVE(!was->bad || r->bad, "a bad reader stays bad");
}

/* What is found is the value of a pair that has the key, and nothing is not found that is there. */
void proof_find(void)
{
    struct ds_cbor_pair pairs[PAIRS] = { { any_input(3), any_input(3) },
                                         { any_input(3), any_input(3) } };
    int64_t key = nondet_i64();
    struct ds_reader v;
    GIVEN(key >= -24 && key < 24);
    uint8_t want = (uint8_t)(key < 0 ? 0x20 + (-1 - key) : key);
    bool is_found = ds_cbor_find_i64(&v, pairs, PAIRS, key);
    bool is_first = pairs[0].key.len == 1 && pairs[0].key.p[0] == want;
    bool is_second = pairs[1].key.len == 1 && pairs[1].key.p[0] == want;
    PROVE(is_found == (is_first || is_second), "a key is found iff it is there");
    PROVE(!is_found || ds_read_left(&v) == pairs[is_first ? 0 : 1].value.len, "with its value");
    REACHED_IF(is_found && !is_first && ds_read_left(&v) == 3, "a value in the second pair");
}

void proof_find_text(void)
{
    struct ds_cbor_pair pairs[PAIRS] = { { any_input(3), any_input(3) },
                                         { any_input(3), any_input(3) } };
    struct ds_reader v;
    bool is_found = ds_cbor_find_text(&v, pairs, PAIRS, "a");
    bool is_first = pairs[0].key.len == 2 && pairs[0].key.p[0] == 0x61 && pairs[0].key.p[1] == 'a';
    bool is_second = pairs[1].key.len == 2 && pairs[1].key.p[0] == 0x61 && pairs[1].key.p[1] == 'a';
    PROVE(is_found == (is_first || is_second), "a key is found iff it is there");
    REACHED_IF(is_found && !is_first, "a value in the second pair");
}

/* Every head that is written is read as what it says. */
void proof_head(void)
{
    uint64_t v = nondet_u64();
    uint8_t type = nondet_u8();
    GIVEN(type <= 7);
    struct ds_cbor_head h = ds_cbor_head_of((enum ds_cbor_type)type, v);
    PROVE(h.len >= 1 && h.len <= sizeof h.b, "a head has its room");
    struct ds_reader r = ds_reader_of(DS_SPAN(h.b, h.len));
    PROVE(ds_cbor_peek(&r) == (enum ds_cbor_type)type, "the type is read back");
    GIVEN(type == DS_CBOR_UNSIGNED || type == DS_CBOR_TAG);
    uint64_t back = type == DS_CBOR_TAG ? ds_cbor_tag(&r) : ds_cbor_u64(&r);
    PROVE(!r.bad && r.p == r.end && back == v, "the number is read back");
    REACHED_IF(h.len == 9 && v == UINT64_MAX, "the greatest number");
    REACHED_IF(h.len == 2 && v == 24, "the least number of two bytes");
}

void proof_i64(void)
{
    struct ds_reader was = ds_reader_of(any_input(10)), r = was;
    int64_t v = ds_cbor_i64(&r);
    check_reader(&was, &r);
    PROVE(!r.bad || v == 0, "a bad number is 0");
    PROVE(r.bad || (was.p[0] >> 5 == 1) == (v < 0), "the type is the sign");
    REACHED_IF(v == INT64_MIN, "the least number");
    REACHED_IF(v == INT64_MAX, "the greatest number");
}

void proof_bool(void)
{
    struct ds_reader was = ds_reader_of(any_input(4)), r = was;
    bool v = ds_cbor_bool(&r);
    check_reader(&was, &r);
    PROVE(r.bad || was.p[0] == (v ? 0xf5 : 0xf4), "true or false");
    PROVE(!r.bad || !v, "a bad value is false");
    REACHED_IF(v, "true");
}

void proof_text(void)
{
    struct ds_span in = any_input(BOUND);
    struct ds_reader was = ds_reader_of(in), r = was;
    bool is_key = nondet_bool();
    struct ds_span s = { 0 };
    if (is_key)
        ds_cbor_key(&r, "ab");
    else
        s = ds_cbor_text(&r);
    check_reader(&was, &r);
    PROVE(is_inside(s, in) && (!r.bad || s.len == 0), "a text lies in the input, or is none");
    PROVE(r.bad || was.p[0] >> 5 == 3, "a text");
    PROVE(!is_key || r.bad || (was.p[1] == 'a' && was.p[2] == 'b'), "the key that was asked for");
    REACHED_IF(!r.bad && is_key, "the key");
    REACHED_IF(!r.bad && s.len > 2, "a text of some bytes");
}
