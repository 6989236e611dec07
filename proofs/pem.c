/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines around a PEM block of codec/pem.c, in texts of up to BOUND bytes: one that begins and one
 * that ends a block of label "A". Whole blocks are in pem_next.c.
 */
#include "proof.h"

#include "codec/pem.c"

void proof_line(void)
{
    static const char end[] = "-----END A-----";
    struct ds_span in = any_input(BOUND), rest = in;
    size_t i = nondet_size();
    bool is_line = take_line(&rest, DS_SPAN_LIT("END "), "A");
    PROVE(is_line || (rest.p == in.p && rest.len == in.len), "what is no line is left alone");
    PROVE(is_line || in.len < sizeof end - 1 || memcmp(in.p, end, sizeof end - 1) != 0,
          "a line is taken");
    GIVEN(is_line && i < sizeof end - 1);
    PROVE(in.p[i] == (uint8_t)end[i] && rest.len + sizeof end - 1 == in.len, "and nothing else");
    PROVE(is_inside(rest, in), "the rest lies in the text");
    REACHED_IF(rest.len == 1, "a line and more");
}

/* The text ends with its first line. */
void proof_begin_alone(void)
{
    struct ds_span in = DS_SPAN_LIT("-----BEGIN A-----"), rest = in, got = { 0 };
    struct ds_arena mem = ds_arena_of(malloc(48), 48);
    int cls = ds_pem_next(&got, &rest, "A", &mem, any_error());
    PROVE(cls == DS_ERR_FORMAT && rest.len == in.len, "a block without an end is none");
    REACHED_IF(cls != DS_OK, "the end of the text");
}
