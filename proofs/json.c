/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces of the JSON reader of codec/json.c: one string, number or word of up to BOUND bytes from any
 * state of the parser, and keys that are compared. Nesting is lowered: no state is deeper than two. The tree that they make is in json_tree.c.
 */
#include "proof.h"

#include "codec/json.h"

#undef DS_JSON_DEPTH_MAX
#define DS_JSON_DEPTH_MAX 2
#include "codec/json.c"

#define CAP 5 /* tokens */

/* A parser somewhere in its text, with any tokens. */
static struct parser any_parser(struct ds_span text)
{
    struct parser ps = parser_of(malloc(sizeof(struct ds_json_tok[CAP])), CAP, text);
    ps.n = nondet_size();
    ps.depth = nondet_size();
    GIVEN(ps.n <= CAP && ps.depth <= DS_JSON_DEPTH_MAX);
    for (size_t i = 0; i < DS_JSON_DEPTH_MAX; i++) {
        ps.stack[i].tok = nondet_u32();
        ps.stack[i].wants_key = nondet_bool();
    }
    /* What was read before: here tokens only have to lie in the text. */
    for (size_t i = 0; i < CAP; i++) {
        size_t at = nondet_size(), len = nondet_size();
        GIVEN(at <= text.len && len <= text.len - at);
        ps.toks[i].raw = (struct ds_span){ ps.start + at, len };
    }
    return ps;
}

void proof_string(void)
{
    struct ds_span text = any_input(BOUND);
    struct parser ps = any_parser(text);
    GIVEN(ps.n < CAP);
    size_t n = ps.n;
    int cls = scan_string(&ps, any_error());
    PROVE(ps.p >= ps.start && ps.p <= ps.end, "a parser stays in its text");
    GIVEN(cls == DS_OK);
    PROVE(ps.n == n + 1 && is_inside(ps.toks[n].raw, text), "a string lies in the text");
    PROVE(ps.p == ps.start + ps.toks[n].raw.len + 2, "a string and its quotes are taken");
    REACHED_IF(ps.toks[n].is_escaped && ps.toks[n].raw.len == 6, "a string with an escape");
}

void proof_number(void)
{
    struct ds_span text = any_input(BOUND);
    struct parser ps = any_parser(text);
    size_t n = ps.n;
    int cls = scan_number(&ps, any_error());
    PROVE(ps.p >= ps.start && ps.p <= ps.end, "a parser stays in its text");
    GIVEN(cls == DS_OK);
    PROVE(ps.n == n + 1 && ps.toks[n].raw.p == ps.start && ps.p == ps.start + ps.toks[n].raw.len,
          "a number is what was taken");
    PROVE(ps.toks[n].raw.len > 0, "a number has a digit");
    REACHED_IF(ps.toks[n].raw.len == BOUND && text.p[1] == '.', "a long number with a fraction");
}

void proof_word(void)
{
    struct ds_span text = any_input(BOUND);
    struct parser ps = any_parser(text);
    size_t n = ps.n;
    int cls = scan_word(&ps, DS_JSON_FALSE, "false", any_error());
    PROVE(ps.p >= ps.start && ps.p <= ps.end, "a parser stays in its text");
    GIVEN(cls == DS_OK);
    PROVE(ps.n == n + 1 && ps.toks[n].raw.p == ps.start && ps.toks[n].raw.len == 5 &&
              ps.p == ps.start + 5,
          "a word is what was taken");
    REACHED_IF(text.len == 5, "a word at the end");
}

/* Keys are compared as what they stand for: equal texts are equal, and no byte beyond them is read. */
void proof_same_text(void)
{
    struct ds_span a = any_input(BOUND - 2), b = any_input(4);
    struct ds_json_tok x = { .raw = a, .is_escaped = nondet_bool() };
    struct ds_json_tok y = { .raw = b, .is_escaped = nondet_bool() };
    GIVEN(a.p != NULL && b.p != NULL); /* a token lies in its text */
    bool same = same_text(&x, &y);
    PROVE(!same || x.is_escaped || y.is_escaped || a.len == b.len, "plain texts of one length");
    REACHED_IF(same && a.len == 6 && b.len == 1, "an escape that stands for a plain byte");
}
