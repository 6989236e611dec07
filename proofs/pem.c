/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around a PEM block of codec/pem.c, in texts of up to BOUND bytes: the space before it,
 * the line that begins and the line that ends a block of label "A". Whole blocks are in pem_next.c.
 */
#include "proof.h"

#include "codec/pem.c"

/* No byte of evidence is passed over but white space, and a NUL that nothing follows. */
void proof_between(void)
{
    struct ds_span in = any_input(BOUND), rest = in;
    size_t i = nondet_size();
    skip_between(&rest);
    PROVE(rest.len == 0 || (is_inside(rest, in) && rest.p == in.p + (in.len - rest.len)),
          "the rest is the end");
    GIVEN(i < in.len - rest.len);
    PROVE(in.p[i] == '\n' || in.p[i] == '\r' || in.p[i] == ' ' || in.p[i] == '\t' ||
              (in.p[i] == '\0' && i + 1 == in.len),
          "white space, or a NUL at the end");
    REACHED_IF(rest.len > 0, "space before more");
    REACHED_IF(in.p[i] == '\0', "a NUL at the end");
}

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
