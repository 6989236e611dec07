/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One claims set, two forms: JSON with names, CBOR with labels. Whoever writes
 * or reads claims does it once, through this; a claim that has no label is
 * named by its text in both forms. Reading is bounded and without heap.
 * spec: RFC 9711 §7.2.2 (JC<>), §7.2.1
 */

#include "base/arena.h"
#include "codec/cbor.h"
#include "codec/json.h"
#include "codec/json_write.h"

enum form { FORM_JSON, FORM_CBOR };

/* A claim's two names. */
struct form_key {
    const char *name;
    int64_t label; /* or FORM_BY_NAME */
};
#define FORM_BY_NAME           INT64_MIN
#define FORM_KEY(text, number) (&(const struct form_key){ (text), (number) })
#define FORM_NAME(text)        FORM_KEY(text, FORM_BY_NAME)

/* Writing: the key is NULL at the top and in lists. CBOR needs each length ahead. */
struct form_out {
    enum form form;
    struct ds_buf *buf;
    struct ds_jw json;
};
struct form_out form_out_of(struct ds_buf *buf, enum form form);
void form_put_map(struct form_out *o, const struct form_key *key, size_t n);
void form_put_map_end(struct form_out *o);
void form_put_list(struct form_out *o, const struct form_key *key, size_t n);
void form_put_list_end(struct form_out *o);
void form_put_text(struct form_out *o, const struct form_key *key, struct ds_span text);
void form_put_int(struct form_out *o, const struct form_key *key, int64_t v);
/* A byte string, base64url in JSON. */
void form_put_bytes(struct form_out *o, const struct form_key *key, struct ds_span bytes);
/* The key alone, for a value that the caller writes; gives the key for a JSON writer. */
const char *form_put_key(struct form_out *o, const struct form_key *key);

/* A value as it was received: one of the two. */
struct form_value {
    enum form form;
    const struct ds_json_tok *tok;
    struct ds_span item;
};

#define FORM_MEMBERS_MAX 64

/* A map of any order with unique keys. */
struct form_map {
    enum form form;
    const struct ds_json_tok *object;
    const struct ds_cbor_pair *pairs;
    size_t n;
};

/* A whole document. err: FORMAT, RANGE, TRUNCATED, TRAILING, NOMEM */
DS_MUST_USE int form_open(struct form_value *ret, enum form form, struct ds_arena *mem,
                          struct ds_span in, struct ds_error *e);

/* `what` names the claim in messages. err: FORMAT, NOMEM */
DS_MUST_USE int form_map_open(struct form_map *ret, struct ds_arena *mem,
                              const struct form_value *v, const char *what, struct ds_error *e);
DS_MUST_USE bool form_find(struct form_value *ret, const struct form_map *map,
                           const struct form_key *key);
/* As form_find, but absence is FORMAT. */
DS_MUST_USE int form_need(struct form_value *ret, const struct form_map *map,
                          const struct form_key *key, struct ds_error *e);

/*
 * Walk a map whose keys are texts, or a list: n values, each with its key. For
 * a list `is_map` is false and keys are empty.
 */
struct form_walk {
    enum form form;
    const struct ds_json_tok *container, *at;
    struct ds_reader r;
    bool is_map;
    size_t n;
};
DS_MUST_USE int form_walk_open(struct form_walk *ret, struct ds_arena *mem,
                               const struct form_value *v, bool is_map, const char *what,
                               struct ds_error *e);
/* The next one; call it n times. */
DS_MUST_USE int form_walk_next(struct form_walk *w, struct ds_arena *mem, struct ds_span *ret_key,
                               struct form_value *ret, struct ds_error *e);

DS_MUST_USE int form_text(struct ds_span *ret, struct ds_arena *mem, const struct form_value *v,
                          const char *what, struct ds_error *e);
DS_MUST_USE int form_int(int64_t *ret, const struct form_value *v, int64_t min, int64_t max,
                         const char *what, struct ds_error *e);
DS_MUST_USE int form_bytes(struct ds_span *ret, struct ds_arena *mem, const struct form_value *v,
                           const char *what, struct ds_error *e);
