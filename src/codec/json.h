/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON for pure rooms: one pass over the text into an array of tokens that the
 * caller owns. No heap, bounded depth and counts, duplicate keys refused, and
 * the raw text of every value at hand exactly as it was served (vendors sign
 * that text).
 *
 * A value is a pointer to its token. The tokens of a container's content follow
 * it; members of an object are pairs of a key token and a value.
 */

#include "base/arena.h"
#include "base/span.h"

#define DS_JSON_DEPTH_MAX   32
#define DS_JSON_MEMBERS_MAX 1024 /* of one object; arrays are bounded by the tokens alone */

enum ds_json_type {
    DS_JSON_NULL,
    DS_JSON_TRUE,
    DS_JSON_FALSE,
    DS_JSON_NUMBER,
    DS_JSON_STRING,
    DS_JSON_ARRAY,
    DS_JSON_OBJECT,
};

struct ds_json_tok {
    struct ds_span raw; /* the value's text; of a string without its quotes */
    uint32_t n;         /* elements of an array, members of an object */
    uint32_t skip;      /* tokens of this value: the next sibling is at + skip */
    enum ds_json_type type;
    bool is_escaped; /* a string with a backslash inside */
};

/*
 * Tokenise one JSON text (RFC 8259): UTF-8, one value, white space around it.
 *
 * out:  toks  toks[0] is the root; borrows the text
 * err:  FORMAT     not JSON, a key twice, or deeper than DS_JSON_DEPTH_MAX
 *       RANGE      more than `cap` tokens or DS_JSON_MEMBERS_MAX members
 *       TRUNCATED, TRAILING
 */
DS_MUST_USE int ds_json_parse(struct ds_json_tok *toks, size_t cap, struct ds_span text,
                              struct ds_error *e);

/* As above, over the arena's free room; only the tokens used stay taken. */
DS_MUST_USE int ds_json_parse_in(const struct ds_json_tok **ret, struct ds_arena *mem,
                                 struct ds_span text, struct ds_error *e);

/* The value of a member; NULL when `obj` is NULL, no object, or has no such key. */
const struct ds_json_tok *ds_json_find(const struct ds_json_tok *obj, const char *key);

/*
 * Walk a container: elements of an array, keys of an object (the value is key + 1).
 * for (const struct ds_json_tok *v = ds_json_first(c); v != NULL; v = ds_json_next(c, v))
 */
const struct ds_json_tok *ds_json_first(const struct ds_json_tok *c);
const struct ds_json_tok *ds_json_next(const struct ds_json_tok *c, const struct ds_json_tok *v);

/* A string equal to this text, escapes resolved. */
bool ds_json_is_str(const struct ds_json_tok *t, const char *text);

/*
 * A string's content, escapes resolved: the raw span where there are none, else
 * a copy in the arena. Lone surrogates are FORMAT.
 */
DS_MUST_USE int ds_json_str(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *t,
                            struct ds_error *e);

/*
 * Typed members. A missing key, another type, or a value out of bounds is FORMAT
 * with the key in the message. get_str is for texts that are never escaped (ids,
 * dates, hex): an escape is FORMAT. Numbers must be integers without exponent.
 */
DS_MUST_USE int ds_json_get(const struct ds_json_tok **ret, const struct ds_json_tok *obj,
                            const char *key, enum ds_json_type type, struct ds_error *e);
DS_MUST_USE int ds_json_get_str(struct ds_span *ret, const struct ds_json_tok *obj, const char *key,
                                struct ds_error *e);
DS_MUST_USE int ds_json_get_u64(uint64_t *ret, const struct ds_json_tok *obj, const char *key,
                                uint64_t max, struct ds_error *e);
DS_MUST_USE int ds_json_get_hex(uint8_t *ret, size_t len, const struct ds_json_tok *obj,
                                const char *key, struct ds_error *e);
DS_MUST_USE int ds_json_get_bool(bool *ret, const struct ds_json_tok *obj, const char *key,
                                 struct ds_error *e);
