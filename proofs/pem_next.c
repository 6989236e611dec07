/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM blocks of codec/pem.c, over any text of up to BOUND bytes. The lines around a block stand here by
 * what pem.c proves of them, base64 by base64.c, the space between blocks by any part of the text.
 */
#include "proof.h"

#include "codec/pem.c"

void between_by_contract(struct ds_span *rest)
{
    size_t n = nondet_size();
    GIVEN(n <= rest->len);
    *rest = ds_span_sub(*rest, n, rest->len);
}

/* pem/line */
bool line_by_contract(struct ds_span *rest, struct ds_span verb, const char *label)
{
    size_t n = 5 + verb.len + strlen(label) + 5;
    if (rest->len < n || nondet_bool())
        return false;
    *rest = ds_span_sub(*rest, n, rest->len);
    return true;
}

/* base64/decode_ws */
int ds_base64_decode_ws(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                        struct ds_error *e)
{
    size_t n = nondet_size();
    PROVE(__CPROVER_w_ok(ret, cap) && __CPROVER_w_ok(ret_len, sizeof *ret_len), "room");
    PROVE(text.len == 0 || __CPROVER_r_ok(text.p, text.len), "a text that can be read");
    if (nondet_bool())
        return ds_fail(e, DS_ERR_FORMAT, "no base64");
    GIVEN(n <= cap && n <= text.len);
    *ret_len = n;
    return DS_OK;
}

void proof_next(void)
{
    struct ds_span in = any_long_input(BOUND), rest = in, got = { 0 };
    size_t room = nondet_size();
    GIVEN(room <= BOUND);
    struct ds_arena mem = ds_arena_of(malloc(room), room);
    int cls = ds_pem_next(&got, &rest, "A", &mem, any_error());
    PROVE(is_inside(rest, in), "the rest lies in the text");
    PROVE(cls == DS_OK || (rest.p == in.p && rest.len == in.len), "a failure takes nothing");
    PROVE(cls != DS_OK || got.p == NULL || rest.len + 32 <= in.len, "a block takes its two lines");
    PROVE(cls != DS_OK || got.p != NULL || rest.len == 0, "no block only at the end");
    PROVE(got.p == NULL || (got.len > 0 && got.len <= mem.used && __CPROVER_r_ok(got.p, got.len)),
          "a block lies in the arena");
    REACHED_IF(cls == DS_OK && got.len > 1000 && rest.len > 0, "a block and more");
    REACHED_IF(cls == DS_OK && got.p == NULL && in.len > 0, "white space alone");
    REACHED_IF(cls == DS_ERR_NOMEM, "an arena that is too small");
}
