/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CMW: three shapes in two forms. The checks of a value stand once, and both
 * ways of both forms go through them.
 */
#include "attest/wrapper/cmw.h"

#include <assert.h>

#include "attest/coded.h"
#include "base/hex.h"
#include "base/str.h"

#define COLLECTION_TYPE "__cmwc_t"

/* RFC 9277 Appendix B: TN(ct) = 0x63740101 + ct / 255 * 256 + ct % 255; the low byte of a tag's
 * distance from the first one is never 255. */
#define TN_FIRST   0x63740101u
#define TN_STEP    256u
#define TN_EACH    255u
#define FORMAT_MAX 65024

static int refuse(struct ds_error *e, int cls, const char *claim, const char *expected,
                  const char *got)
{
    return ds_refuse(e, cls, DS_CODE_CMW_FORMAT, claim, expected, got, DS_NO_ANCHOR);
}

int ds_cmw_tag_of(uint64_t *ret, int32_t content_format, struct ds_error *e)
{
    if (content_format < 0 || content_format > FORMAT_MAX)
        return refuse(e, DS_ERR_RANGE, "content format", "0 to 65024",
                      "a number that no tag stands for");
    uint32_t ct = (uint32_t)content_format;
    *ret = TN_FIRST + ct / TN_EACH * TN_STEP + ct % TN_EACH;
    return DS_OK;
}

int ds_cmw_format_of_tag(int32_t *ret, uint64_t tag, struct ds_error *e)
{
    uint64_t at = tag - TN_FIRST;
    uint64_t ct = at / TN_STEP * TN_EACH + at % TN_STEP;
    if (tag < TN_FIRST || at % TN_STEP == TN_EACH || ct > FORMAT_MAX)
        return refuse(e, DS_ERR_FORMAT, "tag", "one that stands for a content format",
                      "another tag");
    *ret = (int32_t)ct;
    return DS_OK;
}

/* RFC 9110 §5.6.2 */
static bool is_token_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* The next byte without taking it; 0 at the end, and for a reader that is bad: it does not move any more. */
static uint8_t next_char(const struct ds_reader *r)
{
    return !r->bad && ds_read_left(r) > 0 ? *r->p : '\0';
}

static void take_token(struct ds_reader *r)
{
    if (!is_token_char(next_char(r)))
        r->bad = true;
    while (!r->bad && is_token_char(next_char(r)))
        ds_read_skip(r, 1);
}

static void take_char(struct ds_reader *r, uint8_t c)
{
    if (ds_read_u8(r) != c)
        r->bad = true;
}

static void take_spaces(struct ds_reader *r)
{
    while (next_char(r) == ' ')
        ds_read_skip(r, 1);
}

static void take_quoted(struct ds_reader *r)
{
    take_char(r, '"');
    uint8_t c = ds_read_u8(r);
    while (!r->bad && c != '"') {
        if (c == '\\')
            c = ds_read_u8(r);
        if (c < ' ' || c > '~')
            r->bad = true;
        c = ds_read_u8(r);
    }
}

/* RFC 9110 §8.3.1: type "/" subtype, and parameters with a semicolon each. */
static bool is_media_type(struct ds_span s)
{
    struct ds_reader r = ds_reader_of(s);
    take_token(&r);
    take_char(&r, '/');
    take_token(&r);
    while (!r.bad && ds_read_left(&r) > 0) {
        take_spaces(&r);
        take_char(&r, ';');
        take_spaces(&r);
        take_token(&r);
        take_char(&r, '=');
        if (next_char(&r) == '"')
            take_quoted(&r);
        else
            take_token(&r);
    }
    return !r.bad;
}

/* RFC 3986 §4.3: a scheme, a colon, something; no fragment. */
static bool is_absolute_uri(struct ds_span s)
{
    size_t colon = 0;
    while (colon < s.len && (is_token_char(s.p[colon]) && s.p[colon] < 0x7b))
        colon++;
    if (colon == 0 || colon + 1 >= s.len || s.p[colon] != ':' ||
        !((s.p[0] | 0x20) >= 'a' && (s.p[0] | 0x20) <= 'z'))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#')
            return false;
    return true;
}

static bool is_oid(struct ds_span s)
{
    struct ds_reader r = ds_reader_of(s);
    uint8_t first = ds_read_u8(&r);
    if (r.bad || first < '0' || first > '2')
        return false;
    while (!r.bad && ds_read_left(&r) > 0) {
        take_char(&r, '.');
        uint8_t c = ds_read_u8(&r);
        if (c < '0' || c > '9')
            r.bad = true;
        while (c != '0' && next_char(&r) >= '0' && next_char(&r) <= '9')
            ds_read_skip(&r, 1);
    }
    return !r.bad;
}

static int check_type(struct ds_span type, struct ds_error *e)
{
    char got[64];
    if (is_media_type(type))
        return DS_OK;
    return refuse(e, DS_ERR_FORMAT, "type", "a media type",
                  ds_str_printable(got, sizeof got, type));
}

static int check_collection_type(struct ds_span type, struct ds_error *e)
{
    char got[64];
    if (is_absolute_uri(type) || is_oid(type))
        return DS_OK;
    return refuse(e, DS_ERR_FORMAT, COLLECTION_TYPE, "an absolute URI or an OID",
                  ds_str_printable(got, sizeof got, type));
}

/* RFC 9999 §3.1: not zero, and of the bits that are registered. */
static int check_ind(uint64_t ind, struct ds_error *e)
{
    if (ind > 0 && ind <= DS_CMW_IND_ALL)
        return DS_OK;
    return refuse(e, DS_ERR_RANGE, "ind", "1 to 31", ind == 0 ? "0" : "more than 31");
}

static int check_label(struct ds_span label, struct ds_error *e)
{
    if (label.len > DS_CMW_LABEL_MAX)
        return refuse(e, DS_ERR_RANGE, "label", "128 bytes at most", "a longer one");
    if (ds_span_eq_str(label, COLLECTION_TYPE))
        return refuse(e, DS_ERR_FORMAT, "label", "any but " COLLECTION_TYPE, COLLECTION_TYPE);
    if (label.len > 0 && memchr(label.p, '\0', label.len) != NULL)
        return refuse(e, DS_ERR_FORMAT, "label", "a text without NUL", "one with it");
    return DS_OK;
}

static int check_n_entries(size_t n, struct ds_error *e)
{
    if (n == 0)
        return refuse(e, DS_ERR_FORMAT, "collection", "one entry at least", "none");
    if (n > DS_CMW_ENTRIES_MAX)
        return refuse(e, DS_ERR_RANGE, "collection", "32 entries at most", "more");
    return DS_OK;
}

static int check_depth(unsigned depth, struct ds_error *e)
{
    if (depth < DS_CMW_DEPTH_MAX)
        return DS_OK;
    return refuse(e, DS_ERR_RANGE, "collection", "4 collections in one another at most", "more");
}

static int new_entries(struct ds_cmw_entry **ret, struct ds_arena *mem, size_t n,
                       struct ds_error *e)
{
    *ret = ds_arena_get_n(mem, n, sizeof **ret);
    return *ret != NULL ? DS_OK : ds_fail(e, DS_ERR_NOMEM, "no room for %zu entries of a CMW", n);
}

static int record_cbor(struct ds_cmw_record *ret, struct ds_reader *r, struct ds_error *e)
{
    struct ds_cmw_record rec = { .content_format = DS_CMW_NO_FORMAT };
    size_t n = ds_cbor_array(r);
    if (n != 2 && n != 3)
        return refuse(e, DS_ERR_FORMAT, "record", "an array of 2 or 3", "something else");
    if (ds_cbor_peek(r) == DS_CBOR_TEXT) {
        rec.type = ds_cbor_text(r);
        DS_TRY(check_type(rec.type, e));
    } else {
        uint64_t format = ds_cbor_u64(r);
        if (r->bad || format > UINT16_MAX)
            return refuse(e, DS_ERR_FORMAT, "type", "a media type or a content format",
                          "something else");
        rec.content_format = (int32_t)format;
    }
    rec.value = ds_cbor_bytes(r);
    if (n == 3 && !r->bad) {
        uint64_t ind = ds_cbor_u64(r);
        if (!r->bad)
            DS_TRY(check_ind(ind, e));
        rec.ind = (uint32_t)ind;
    }
    if (r->bad)
        return refuse(e, DS_ERR_FORMAT, "record", "type, bytes and an indicator or none",
                      "something else");
    *ret = rec;
    return DS_OK;
}

int ds_cmw_record_read_cbor(struct ds_cmw_record *ret, struct ds_reader *r, struct ds_error *e)
{
    return ds_coded(record_cbor(ret, r, e), DS_CODE_CMW_FORMAT, e);
}

static int tag_cbor(struct ds_cmw_record *ret, struct ds_reader *r, struct ds_error *e)
{
    struct ds_cmw_record rec = { 0 };
    uint64_t tag = ds_cbor_tag(r);
    DS_TRY(ds_cmw_format_of_tag(&rec.content_format, tag, e));
    rec.value = ds_cbor_bytes(r);
    if (r->bad)
        return refuse(e, DS_ERR_FORMAT, "tag", "a byte string under it", "something else");
    *ret = rec;
    return DS_OK;
}

static int label_cbor(struct ds_cmw_entry *entry, struct ds_span key, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(key);
    entry->is_number = ds_cbor_peek(&r) != DS_CBOR_TEXT;
    if (entry->is_number)
        entry->number = ds_cbor_i64(&r);
    else
        entry->label = ds_cbor_text(&r);
    if (r.bad)
        return refuse(e, DS_ERR_RANGE, "label", "64 bits at most", "a larger number");
    return entry->is_number ? DS_OK : check_label(entry->label, e);
}

static int collection_type_cbor(struct ds_span *ret, struct ds_reader r, struct ds_error *e)
{
    *ret = ds_cbor_text(&r);
    if (r.bad)
        return refuse(e, DS_ERR_FORMAT, COLLECTION_TYPE, "a text", "something else");
    return check_collection_type(*ret, e);
}

static bool is_type_key(struct ds_span key)
{
    struct ds_reader r = ds_reader_of(key);
    return ds_cbor_peek(&r) == DS_CBOR_TEXT && ds_span_eq_str(ds_cbor_text(&r), COLLECTION_TYPE);
}

/* One wrapper; collections call themselves, DS_CMW_DEPTH_MAX deep at most. */
static int cmw_cbor(struct ds_cmw *ret, struct ds_arena *mem, struct ds_reader *r, unsigned depth,
                    struct ds_error *e)
{
    struct ds_cmw cmw = { .kind = DS_CMW_RECORD };
    enum ds_cbor_type type = ds_cbor_peek(r);
    if (type == DS_CBOR_ARRAY) {
        DS_TRY(record_cbor(&cmw.record, r, e));
        *ret = cmw;
        return DS_OK;
    }
    if (type == DS_CBOR_TAG) {
        cmw.kind = DS_CMW_TAG;
        DS_TRY(tag_cbor(&cmw.record, r, e));
        *ret = cmw;
        return DS_OK;
    }
    DS_TRY(check_depth(depth, e));
    struct ds_cbor_pair pairs[DS_CMW_ENTRIES_MAX + 1];
    struct ds_reader v;
    cmw.kind = DS_CMW_COLLECTION;
    size_t n = ds_cbor_pairs(r, pairs, DS_LEN(pairs));
    if (r->bad)
        return refuse(e, DS_ERR_FORMAT, "cmw", "a record, a tag or a map with each label once",
                      "something else");
    bool is_typed = ds_cbor_find_text(&v, pairs, n, COLLECTION_TYPE);
    if (is_typed)
        DS_TRY(collection_type_cbor(&cmw.collection_type, v, e));
    DS_TRY(check_n_entries(n - is_typed, e));
    struct ds_cmw_entry *entries;
    DS_TRY(new_entries(&entries, mem, n - is_typed, e));
    for (size_t i = 0; i < n; i++) {
        if (is_type_key(pairs[i].key))
            continue;
        struct ds_cmw_entry *entry = &entries[cmw.n_entries++];
        v = ds_reader_of(pairs[i].value);
        DS_TRY(label_cbor(entry, pairs[i].key, e));
        DS_TRY(cmw_cbor(&entry->cmw, mem, &v, depth + 1, e));
    }
    cmw.entries = entries;
    *ret = cmw;
    return DS_OK;
}

static int parse_cbor(struct ds_cmw *ret, struct ds_arena *mem, struct ds_span in,
                      struct ds_error *e)
{
    struct ds_cmw cmw;
    struct ds_reader r = ds_reader_of(in);
    DS_TRY(cmw_cbor(&cmw, mem, &r, 0, e));
    DS_TRY(ds_reader_end(&r, e, "the CMW"));
    *ret = cmw;
    return DS_OK;
}

int ds_cmw_parse_cbor(struct ds_cmw *ret, struct ds_arena *mem, struct ds_span in,
                      struct ds_error *e)
{
    return ds_anchored(ds_coded(parse_cbor(ret, mem, in, e), DS_CODE_CMW_FORMAT, e), NULL, e);
}

/* RFC 9999 §3.1: base64url without padding, of one byte at least (the CDDL's "+"). */
static int value_json(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *t,
                      struct ds_error *e)
{
    if (t->type != DS_JSON_STRING || t->is_escaped || t->raw.len == 0)
        return refuse(e, DS_ERR_FORMAT, "value", "base64url", "something else");
    uint8_t *out = ds_arena_get(mem, t->raw.len);
    size_t len;
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a CMW value of %zu bytes", t->raw.len);
    DS_TRY(ds_base64url_decode(out, &len, t->raw.len, t->raw, e));
    *ret = DS_SPAN(out, len);
    return DS_OK;
}

static int record_json(struct ds_cmw_record *ret, struct ds_arena *mem, const struct ds_json_tok *a,
                       struct ds_error *e)
{
    struct ds_cmw_record rec = { .content_format = DS_CMW_NO_FORMAT };
    if (a->type != DS_JSON_ARRAY || (a->n != 2 && a->n != 3))
        return refuse(e, DS_ERR_FORMAT, "record", "an array of 2 or 3", "something else");
    const struct ds_json_tok *type = ds_json_first(a), *value = ds_json_next(a, type);
    if (type->type != DS_JSON_STRING)
        return refuse(e, DS_ERR_FORMAT, "type", "a media type", "something else");
    DS_TRY(ds_json_str(&rec.type, mem, type, e));
    DS_TRY(check_type(rec.type, e));
    DS_TRY(value_json(&rec.value, mem, value, e));
    if (a->n == 3) {
        const struct ds_json_tok *ind = ds_json_next(a, value);
        uint64_t v = 0;
        if (ind->type != DS_JSON_NUMBER)
            return refuse(e, DS_ERR_FORMAT, "ind", "a number", "something else");
        DS_TRY(ds_str_u64(&v, ind->raw, UINT32_MAX, e));
        DS_TRY(check_ind(v, e));
        rec.ind = (uint32_t)v;
    }
    *ret = rec;
    return DS_OK;
}

int ds_cmw_record_read_json(struct ds_cmw_record *ret, struct ds_arena *mem,
                            const struct ds_json_tok *value, struct ds_error *e)
{
    return ds_coded(record_json(ret, mem, value, e), DS_CODE_CMW_FORMAT, e);
}

static int collection_type_json(struct ds_span *ret, struct ds_arena *mem,
                                const struct ds_json_tok *t, struct ds_error *e)
{
    if (t->type != DS_JSON_STRING)
        return refuse(e, DS_ERR_FORMAT, COLLECTION_TYPE, "a text", "something else");
    DS_TRY(ds_json_str(ret, mem, t, e));
    return check_collection_type(*ret, e);
}

static int cmw_json(struct ds_cmw *ret, struct ds_arena *mem, const struct ds_json_tok *t,
                    unsigned depth, struct ds_error *e)
{
    struct ds_cmw cmw = { .kind = DS_CMW_RECORD };
    if (t->type == DS_JSON_ARRAY) {
        DS_TRY(record_json(&cmw.record, mem, t, e));
        *ret = cmw;
        return DS_OK;
    }
    if (t->type != DS_JSON_OBJECT)
        return refuse(e, DS_ERR_FORMAT, "cmw", "an array or an object", "something else");
    DS_TRY(check_depth(depth, e));
    cmw.kind = DS_CMW_COLLECTION;
    const struct ds_json_tok *type = ds_json_find(t, COLLECTION_TYPE);
    if (type != NULL)
        DS_TRY(collection_type_json(&cmw.collection_type, mem, type, e));
    size_t n = t->n - (type != NULL);
    DS_TRY(check_n_entries(n, e));
    struct ds_cmw_entry *entries;
    DS_TRY(new_entries(&entries, mem, n, e));
    for (const struct ds_json_tok *k = ds_json_first(t); k != NULL; k = ds_json_next(t, k)) {
        if (k + 1 == type)
            continue;
        struct ds_cmw_entry *entry = &entries[cmw.n_entries++];
        DS_TRY(ds_json_str(&entry->label, mem, k, e));
        DS_TRY(check_label(entry->label, e));
        DS_TRY(cmw_json(&entry->cmw, mem, k + 1, depth + 1, e));
    }
    cmw.entries = entries;
    *ret = cmw;
    return DS_OK;
}

static int parse_json(struct ds_cmw *ret, struct ds_arena *mem, struct ds_span in,
                      struct ds_error *e)
{
    const struct ds_json_tok *root;
    DS_TRY(ds_json_parse_in(&root, mem, in, e));
    return cmw_json(ret, mem, root, 0, e);
}

int ds_cmw_parse_json(struct ds_cmw *ret, struct ds_arena *mem, struct ds_span in,
                      struct ds_error *e)
{
    return ds_anchored(ds_coded(parse_json(ret, mem, in, e), DS_CODE_CMW_FORMAT, e), NULL, e);
}

int ds_cmw_record_put_cbor(struct ds_buf *ret, const struct ds_cmw_record *rec, struct ds_error *e)
{
    bool by_format = rec->content_format != DS_CMW_NO_FORMAT;
    if (by_format && (rec->content_format < 0 || rec->content_format > UINT16_MAX))
        return refuse(e, DS_ERR_RANGE, "content format", "16 bits", "another number");
    if (!by_format)
        DS_TRY(check_type(rec->type, e));
    if (rec->ind != 0)
        DS_TRY(check_ind(rec->ind, e));
    ds_cbor_put_array(ret, rec->ind != 0 ? 3 : 2);
    if (by_format)
        ds_cbor_put_i64(ret, rec->content_format);
    else
        ds_cbor_put_text_span(ret, rec->type);
    ds_cbor_put_bytes(ret, rec->value);
    if (rec->ind != 0)
        ds_cbor_put_u64(ret, rec->ind);
    return DS_OK;
}

static int put_cbor(struct ds_buf *ret, const struct ds_cmw *cmw, unsigned depth,
                    struct ds_error *e)
{
    if (cmw->kind == DS_CMW_RECORD)
        return ds_cmw_record_put_cbor(ret, &cmw->record, e);
    if (cmw->kind == DS_CMW_TAG) {
        uint64_t tag;
        DS_TRY(ds_cmw_tag_of(&tag, cmw->record.content_format, e));
        ds_cbor_put_tag(ret, tag);
        ds_cbor_put_bytes(ret, cmw->record.value);
        return DS_OK;
    }
    DS_TRY(check_depth(depth, e));
    DS_TRY(check_n_entries(cmw->n_entries, e));
    bool is_typed = cmw->collection_type.len > 0;
    ds_cbor_put_map(ret, cmw->n_entries + is_typed);
    if (is_typed) {
        DS_TRY(check_collection_type(cmw->collection_type, e));
        ds_cbor_put_text(ret, COLLECTION_TYPE);
        ds_cbor_put_text_span(ret, cmw->collection_type);
    }
    for (size_t i = 0; i < cmw->n_entries; i++) {
        const struct ds_cmw_entry *entry = &cmw->entries[i];
        if (entry->is_number) {
            ds_cbor_put_i64(ret, entry->number);
        } else {
            DS_TRY(check_label(entry->label, e));
            ds_cbor_put_text_span(ret, entry->label);
        }
        DS_TRY(put_cbor(ret, &entry->cmw, depth + 1, e));
    }
    return DS_OK;
}

int ds_cmw_encode_cbor(struct ds_buf *ret, const struct ds_cmw *cmw, struct ds_error *e)
{
    DS_TRY(put_cbor(ret, cmw, 0, e));
    return ds_buf_end(ret, e, "the CMW");
}

int ds_cmw_record_put_json(struct ds_jw *w, const char *key, const struct ds_cmw_record *rec,
                           struct ds_error *e)
{
    if (rec->content_format != DS_CMW_NO_FORMAT)
        return refuse(e, DS_ERR_UNSUPPORTED, "type", "a media type", "a content format in JSON");
    DS_TRY(check_type(rec->type, e));
    if (rec->value.len == 0)
        return refuse(e, DS_ERR_FORMAT, "value", "one byte at least", "none");
    if (rec->ind != 0)
        DS_TRY(check_ind(rec->ind, e));
    ds_jw_array(w, key);
    ds_jw_text(w, NULL, rec->type);
    ds_jw_base64url(w, NULL, rec->value);
    if (rec->ind != 0)
        ds_jw_u64(w, NULL, rec->ind);
    ds_jw_array_end(w);
    return DS_OK;
}

static int put_json(struct ds_jw *w, const char *key, const struct ds_cmw *cmw, unsigned depth,
                    struct ds_error *e)
{
    if (cmw->kind == DS_CMW_RECORD)
        return ds_cmw_record_put_json(w, key, &cmw->record, e);
    if (cmw->kind == DS_CMW_TAG)
        return refuse(e, DS_ERR_UNSUPPORTED, "cmw", "a record or a collection", "a tag in JSON");
    DS_TRY(check_depth(depth, e));
    DS_TRY(check_n_entries(cmw->n_entries, e));
    ds_jw_object(w, key);
    if (cmw->collection_type.len > 0) {
        DS_TRY(check_collection_type(cmw->collection_type, e));
        ds_jw_text(w, COLLECTION_TYPE, cmw->collection_type);
    }
    for (size_t i = 0; i < cmw->n_entries; i++) {
        const struct ds_cmw_entry *entry = &cmw->entries[i];
        char label[DS_CMW_LABEL_MAX + 1];
        if (entry->is_number)
            return refuse(e, DS_ERR_UNSUPPORTED, "label", "a text", "a number in JSON");
        DS_TRY(check_label(entry->label, e));
        bool fits = ds_str_copy_span(label, sizeof label, entry->label);
        assert(fits);
        (void)fits;
        DS_TRY(put_json(w, label, &entry->cmw, depth + 1, e));
    }
    ds_jw_object_end(w);
    return DS_OK;
}

int ds_cmw_encode_json(struct ds_buf *ret, const struct ds_cmw *cmw, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    DS_TRY(put_json(&w, NULL, cmw, 0, e));
    return ds_jw_end(&w, e, "the CMW");
}
