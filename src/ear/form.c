/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by codec/json and codec/json_write, CBOR by codec/cbor.
 */
#include "ear/form.h"

#include "base/hex.h"
#include "base/str.h"

struct form_out form_out_of(struct ds_buf *buf, enum form form)
{
    return (struct form_out){ .form = form, .buf = buf, .json = ds_jw_of(buf) };
}

const char *form_put_key(struct form_out *o, const struct form_key *key)
{
    if (key == NULL)
        return NULL;
    if (o->form == FORM_JSON)
        return key->name;
    if (key->label == FORM_BY_NAME)
        ds_cbor_put_text(o->buf, key->name);
    else
        ds_cbor_put_i64(o->buf, key->label);
    return NULL;
}

void form_put_map(struct form_out *o, const struct form_key *key, size_t n)
{
    const char *name = form_put_key(o, key);
    if (o->form == FORM_JSON)
        ds_jw_object(&o->json, name);
    else
        ds_cbor_put_map(o->buf, n);
}

void form_put_map_end(struct form_out *o)
{
    if (o->form == FORM_JSON)
        ds_jw_object_end(&o->json);
}

void form_put_list(struct form_out *o, const struct form_key *key, size_t n)
{
    const char *name = form_put_key(o, key);
    if (o->form == FORM_JSON)
        ds_jw_array(&o->json, name);
    else
        ds_cbor_put_array(o->buf, n);
}

void form_put_list_end(struct form_out *o)
{
    if (o->form == FORM_JSON)
        ds_jw_array_end(&o->json);
}

void form_put_text(struct form_out *o, const struct form_key *key, struct ds_span text)
{
    const char *name = form_put_key(o, key);
    char printable[512];
    if (o->form == FORM_JSON)
        ds_jw_text(&o->json, name, text);
    else if (ds_utf8_is_valid(text))
        ds_cbor_put_text_span(o->buf, text);
    else /* a detail that was cut inside a character */
        ds_cbor_put_text(o->buf, ds_str_printable(printable, sizeof printable, text));
}

void form_put_int(struct form_out *o, const struct form_key *key, int64_t v)
{
    const char *name = form_put_key(o, key);
    if (o->form == FORM_JSON)
        ds_jw_i64(&o->json, name, v);
    else
        ds_cbor_put_i64(o->buf, v);
}

void form_put_bytes(struct form_out *o, const struct form_key *key, struct ds_span bytes)
{
    const char *name = form_put_key(o, key);
    if (o->form == FORM_JSON)
        ds_jw_base64url(&o->json, name, bytes);
    else
        ds_cbor_put_bytes(o->buf, bytes);
}

int form_open(struct form_value *ret, enum form form, struct ds_arena *mem, struct ds_span in,
              struct ds_error *e)
{
    struct form_value v = { .form = form, .item = in };
    struct ds_reader r = ds_reader_of(in);
    if (form == FORM_JSON) {
        DS_TRY(ds_json_parse_in(&v.tok, mem, in, e));
    } else {
        (void)ds_cbor_skip(&r);
        DS_TRY(ds_reader_end(&r, e, "the claims set"));
    }
    *ret = v;
    return DS_OK;
}

static int not_a(const char *what, const char *kind, struct ds_error *e)
{
    return ds_fail(e, DS_ERR_FORMAT, "%s is not %s", what, kind);
}

int form_map_open(struct form_map *ret, struct ds_arena *mem, const struct form_value *v,
                  const char *what, struct ds_error *e)
{
    struct form_map map = { .form = v->form };
    if (v->form == FORM_JSON) {
        if (v->tok->type != DS_JSON_OBJECT)
            return not_a(what, "an object", e);
        map.object = v->tok;
        map.n = v->tok->n;
    } else {
        struct ds_cbor_pair pairs[FORM_MEMBERS_MAX];
        struct ds_reader r = ds_reader_of(v->item);
        map.n = ds_cbor_pairs(&r, pairs, DS_LEN(pairs));
        if (r.bad)
            return not_a(what, "a map of at most 64 different integers and texts", e);
        struct ds_cbor_pair *kept = ds_arena_get_n(mem, map.n, sizeof *kept);
        if (kept == NULL)
            return ds_fail(e, DS_ERR_NOMEM, "no room for %zu claims", map.n);
        memcpy(kept, pairs, map.n * sizeof *kept);
        map.pairs = kept;
    }
    *ret = map;
    return DS_OK;
}

bool form_find(struct form_value *ret, const struct form_map *map, const struct form_key *key)
{
    if (map->form == FORM_JSON) {
        const struct ds_json_tok *tok = ds_json_find(map->object, key->name);
        if (tok == NULL)
            return false;
        *ret = (struct form_value){ .form = FORM_JSON, .tok = tok };
        return true;
    }
    struct ds_reader r;
    bool found = key->label == FORM_BY_NAME ? ds_cbor_find_text(&r, map->pairs, map->n, key->name)
                                            : ds_cbor_find_i64(&r, map->pairs, map->n, key->label);
    if (found)
        *ret = (struct form_value){ .form = FORM_CBOR, .item = ds_read_rest(&r) };
    return found;
}

int form_need(struct form_value *ret, const struct form_map *map, const struct form_key *key,
              struct ds_error *e)
{
    if (form_find(ret, map, key))
        return DS_OK;
    return ds_fail(e, DS_ERR_FORMAT, "%s is missing", key->name);
}

int form_walk_open(struct form_walk *ret, struct ds_arena *mem, const struct form_value *v,
                   bool is_map, const char *what, struct ds_error *e)
{
    struct form_walk w = { .form = v->form, .is_map = is_map };
    if (v->form == FORM_JSON) {
        if (v->tok->type != (is_map ? DS_JSON_OBJECT : DS_JSON_ARRAY))
            return not_a(what, is_map ? "an object" : "an array", e);
        w.container = v->tok;
        w.at = ds_json_first(v->tok);
        w.n = v->tok->n;
    } else {
        struct form_map unique;
        if (is_map)
            DS_TRY(form_map_open(&unique, mem, v, what, e));
        w.r = ds_reader_of(v->item);
        w.n = is_map ? ds_cbor_map(&w.r) : ds_cbor_array(&w.r);
        if (w.r.bad)
            return not_a(what, "an array", e);
    }
    *ret = w;
    return DS_OK;
}

int form_walk_next(struct form_walk *w, struct ds_arena *mem, struct ds_span *ret_key,
                   struct form_value *ret, struct ds_error *e)
{
    struct form_value v = { .form = w->form };
    struct ds_span key = { 0 };
    if (w->form == FORM_JSON) {
        v.tok = w->is_map ? w->at + 1 : w->at;
        if (w->is_map)
            DS_TRY(ds_json_str(&key, mem, w->at, e));
        w->at = ds_json_next(w->container, w->at);
    } else {
        if (w->is_map)
            key = ds_cbor_text(&w->r);
        v.item = ds_cbor_skip(&w->r);
        if (w->r.bad)
            return ds_fail(e, DS_ERR_FORMAT, "a key that is a text was expected");
    }
    *ret_key = key;
    *ret = v;
    return DS_OK;
}

int form_text(struct ds_span *ret, struct ds_arena *mem, const struct form_value *v,
              const char *what, struct ds_error *e)
{
    if (v->form == FORM_JSON) {
        if (v->tok->type != DS_JSON_STRING)
            return not_a(what, "a text", e);
        return ds_json_str(ret, mem, v->tok, e);
    }
    struct ds_reader r = ds_reader_of(v->item);
    struct ds_span text = ds_cbor_text(&r);
    if (r.bad)
        return not_a(what, "a text", e);
    *ret = text;
    return DS_OK;
}

/* An integer as RFC 8259 §6 writes it, without fraction and exponent. */
static int int_of_json(int64_t *ret, struct ds_span raw, struct ds_error *e)
{
    bool is_negative = raw.len > 0 && raw.p[0] == '-';
    uint64_t v;
    DS_TRY(ds_str_u64(&v, ds_span_sub(raw, is_negative, SIZE_MAX), INT64_MAX, e));
    *ret = is_negative ? -(int64_t)v : (int64_t)v;
    return DS_OK;
}

int form_int(int64_t *ret, const struct form_value *v, int64_t min, int64_t max, const char *what,
             struct ds_error *e)
{
    int64_t n = 0;
    struct ds_reader r = ds_reader_of(v->item);
    bool is_int = v->form == FORM_JSON ? v->tok->type == DS_JSON_NUMBER &&
                                             int_of_json(&n, v->tok->raw, NULL) == DS_OK
                                       : (n = ds_cbor_i64(&r), !r.bad);
    if (!is_int)
        return not_a(what, "an integer", e);
    if (n < min || n > max)
        return ds_fail(e, DS_ERR_RANGE, "%s is out of bounds", what);
    *ret = n;
    return DS_OK;
}

int form_bytes(struct ds_span *ret, struct ds_arena *mem, const struct form_value *v,
               const char *what, struct ds_error *e)
{
    if (v->form == FORM_CBOR) {
        struct ds_reader r = ds_reader_of(v->item);
        struct ds_span bytes = ds_cbor_bytes(&r);
        if (r.bad)
            return not_a(what, "a byte string", e);
        *ret = bytes;
        return DS_OK;
    }
    struct ds_span text;
    DS_TRY(form_text(&text, mem, v, what, e));
    uint8_t *out = ds_arena_get(mem, text.len);
    size_t len;
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for %s", what);
    DS_TRY(ds_base64url_decode(out, &len, text.len, text, e));
    *ret = DS_SPAN(out, len);
    return DS_OK;
}
