/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree that codec/json.c makes of a text, and access to it: one step from any state in which
 * is_sound() holds keeps it, so that it holds after any number of steps. Strings, numbers and words
 * stand here by what json.c proves of one, so that BOUND limits nothing but the text's length. Nesting,
 * members and tokens are lowered so that their ends are reached.
 */
#include "proof.h"

#include "codec/json.h"

#undef DS_JSON_DEPTH_MAX
#define DS_JSON_DEPTH_MAX 2
#undef DS_JSON_MEMBERS_MAX
#define DS_JSON_MEMBERS_MAX 2
#include "codec/json.c"

#define CAP 5 /* tokens */

void space_by_contract(struct parser *ps)
{
    size_t n = nondet_size();
    GIVEN(n <= (size_t)(ps->end - ps->p));
    ps->p += n;
}

/* A token of at least `min` bytes, or a failure somewhere in the text. */
static int token(struct parser *ps, enum ds_json_type type, size_t min, struct ds_error *e)
{
    size_t n = nondet_size();
    GIVEN(n <= (size_t)(ps->end - ps->p));
    DS_TRY(new_token(ps, type, e));
    last(ps)->raw = (struct ds_span){ ps->p, n };
    last(ps)->is_escaped = nondet_bool();
    ps->p += n;
    return n < min || nondet_bool() ? bad(ps, "no such token", e) : DS_OK;
}

/* json/string */
int string_by_contract(struct parser *ps, struct ds_error *e)
{
    return token(ps, DS_JSON_STRING, 2, e);
}

/* json/number */
int number_by_contract(struct parser *ps, struct ds_error *e)
{
    return token(ps, DS_JSON_NUMBER, 1, e);
}

/* json/word */
int word_by_contract(struct parser *ps, enum ds_json_type type, const char *word,
                     struct ds_error *e)
{
    PROVE(word != NULL, "a word");
    return token(ps, type, 4, e);
}

/* json/same_text */
bool same_by_contract(const struct ds_json_tok *a, const struct ds_json_tok *b)
{
    PROVE(__CPROVER_r_ok(a, sizeof *a) && __CPROVER_r_ok(b, sizeof *b), "two tokens");
    return nondet_bool();
}

/* It reads a token and a text and says yes or no; of this one there is no proof. */
bool is_str_by_contract(const struct ds_json_tok *t, const char *text)
{
    PROVE(__CPROVER_r_ok(t, sizeof *t) && text != NULL, "a token and a text");
    return t->type == DS_JSON_STRING && nondet_bool();
}

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
    for (size_t i = 0; i < CAP; i++)
        ps.toks[i].raw.p = ps.start;
    return ps;
}

/* Every token's tree ends with the tokens at the latest. */
static bool are_inside(const struct parser *ps)
{
    bool ok = true;
    for (size_t i = 0; i < CAP; i++)
        ok = ok && (i >= ps->n || (ps->toks[i].skip >= 1 && ps->toks[i].skip <= ps->n - i));
    return ok;
}

/* Where the walk over the first n members of an object ends; CAP + 1 where it leaves the tokens. */
static size_t walk(const struct parser *ps, size_t at, uint32_t n)
{
    size_t k = at + 1;
    for (uint32_t i = 0; i < DS_JSON_MEMBERS_MAX + 1; i++) {
        if (i == n)
            return k;
        if (k + 1 >= ps->n || ps->toks[k + 1].skip < 1 || ps->toks[k + 1].skip > CAP)
            return CAP + 1;
        k += 1 + ps->toks[k + 1].skip;
        if (k > ps->n)
            return CAP + 1;
    }
    return CAP + 1;
}

/* One open container: its members lead to the next open one, or to the tokens' end. */
static bool is_level_sound(const struct parser *ps, size_t i)
{
    size_t at = ps->stack[i].tok;
    if (at >= ps->n || (i > 0 && at <= ps->stack[i - 1].tok))
        return false;
    const struct ds_json_tok *t = &ps->toks[at];
    if (t->type == DS_JSON_ARRAY)
        return !ps->stack[i].wants_key;
    if (t->type != DS_JSON_OBJECT || t->n > DS_JSON_MEMBERS_MAX)
        return false;
    bool is_top = i + 1 == ps->depth;
    if (ps->stack[i].wants_key)
        return is_top && walk(ps, at, t->n) == ps->n;
    size_t next = is_top ? ps->n : ps->stack[i + 1].tok;
    return t->n > 0 && walk(ps, at, t->n - 1) + 1 == next;
}

static bool is_sound(const struct parser *ps)
{
    bool ok = ps->n <= CAP && ps->depth <= DS_JSON_DEPTH_MAX && ps->p >= ps->start &&
              ps->p <= ps->end && ps->cap == CAP;
    for (size_t i = 0; i < DS_JSON_DEPTH_MAX; i++)
        ok = ok && (i >= ps->depth || is_level_sound(ps, i));
    return ok && are_inside(ps);
}

void proof_step(void)
{
    struct ds_span text = any_long_input(BOUND);
    struct parser ps = any_parser(text);
    GIVEN(is_sound(&ps));
    size_t was = ps.n;
    int cls = scan_step(&ps, any_error());
    PROVE(ps.p >= ps.start && ps.p <= ps.end && ps.n <= CAP, "text and tokens are not left");
    GIVEN(cls == DS_OK);
    PROVE(is_sound(&ps), "a step keeps what the next one stands on");
    PROVE(ps.n > was, "a step makes a token");
    REACHED_IF(ps.depth == DS_JSON_DEPTH_MAX, "the deepest container");
    REACHED_IF(ps.n == CAP && ps.depth == 0, "as many tokens as fit");
}

/* Members of any object whose tokens lead to its end, as is_sound() and close_container() leave it. */
void proof_find(void)
{
    struct ds_json_tok *toks = malloc(sizeof(struct ds_json_tok[CAP]));
    struct parser ps = { .toks = toks, .n = CAP };
    GIVEN(toks[0].n <= DS_JSON_MEMBERS_MAX && toks[0].type <= DS_JSON_OBJECT);
    GIVEN(are_inside(&ps));
    GIVEN(toks[0].type != DS_JSON_OBJECT || walk(&ps, 0, toks[0].n) == toks[0].skip);
    const struct ds_json_tok *v = ds_json_find(toks, "ab");
    PROVE(v == NULL || (v > toks + 1 && v < toks + toks[0].skip), "a value behind its key");
    PROVE(v == NULL || toks[0].type == DS_JSON_OBJECT, "only objects have members");
    REACHED_IF(v == toks + 4, "the second member, behind a value of one token");
}
