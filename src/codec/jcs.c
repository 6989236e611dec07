/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 8785 over the token array of codec/json.h. The recursion is bounded by
 * the reader's DS_JSON_DEPTH_MAX.
 */
#include "codec/jcs.h"

#define SAFE_INTEGER_DIGITS "9007199254740991" /* 2^53 - 1 */

static int add(struct ds_buf *ret, struct ds_arena *mem, const struct ds_json_tok *value,
               struct ds_error *e);

struct member {
    struct ds_span key; /* unescaped */
    const struct ds_json_tok *tok;
};

/*
 * The place of a UTF-8 byte in UTF-16 order. Code points beyond U+FFFF (lead
 * bytes f0 to f4) are surrogates there and stand before U+E000 (ee, ef).
 */
static unsigned rank(uint8_t byte)
{
    if (byte >= 0xf0)
        return byte - 2u;
    return byte >= 0xee ? byte + 8u : byte;
}

static int by_utf16(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    size_t n = a->key.len < b->key.len ? a->key.len : b->key.len;
    for (size_t i = 0; i < n; i++) {
        if (a->key.p[i] != b->key.p[i])
            return rank(a->key.p[i]) < rank(b->key.p[i]) ? -1 : 1;
    }
    return a->key.len < b->key.len ? -1 : a->key.len > b->key.len;
}

void ds_jcs_str(struct ds_buf *ret, struct ds_span text)
{
    static const char named[] = "\"\"\\\\\bb\tt\nn\ff\rr"; /* character, its letter */
    ds_buf_char(ret, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        const char *letter = NULL;
        for (size_t j = 0; j + 1 < sizeof named; j += 2) {
            if (c == (uint8_t)named[j])
                letter = &named[j + 1];
        }
        if (letter != NULL) {
            ds_buf_char(ret, '\\');
            ds_buf_char(ret, *letter);
        } else if (c < 0x20) {
            ds_buf_printf(ret, "\\u%04x", (unsigned)c);
        } else {
            ds_buf_char(ret, (char)c);
        }
    }
    ds_buf_char(ret, '"');
}

static int add_number(struct ds_buf *ret, struct ds_span text, struct ds_error *e)
{
    struct ds_span digits = text;
    if (digits.len > 0 && digits.p[0] == '-')
        digits = ds_span_sub(digits, 1, digits.len);
    const struct ds_span max = DS_SPAN_LIT(SAFE_INTEGER_DIGITS);
    bool good = digits.len > 0 && digits.len <= max.len;
    for (size_t i = 0; good && i < digits.len; i++)
        good = digits.p[i] >= '0' && digits.p[i] <= '9';
    if (!good || (digits.len == max.len && memcmp(digits.p, max.p, max.len) > 0))
        return ds_fail(e, DS_ERR_UNSUPPORTED,
                       "number '%.*s' has no canonical form here: integers up to %s only",
                       (int)(text.len < 40 ? text.len : 40), (const char *)text.p,
                       SAFE_INTEGER_DIGITS);
    /* ECMAScript prints negative zero as 0. */
    ds_buf_add(ret, ds_span_eq_str(text, "-0") ? digits : text);
    return DS_OK;
}

static int add_string(struct ds_buf *ret, struct ds_arena *mem, const struct ds_json_tok *value,
                      struct ds_error *e)
{
    struct ds_span text;
    DS_TRY(ds_json_str(&text, mem, value, e));
    ds_jcs_str(ret, text);
    return DS_OK;
}

static int add_array(struct ds_buf *ret, struct ds_arena *mem, const struct ds_json_tok *value,
                     struct ds_error *e)
{
    const char *before = "[";
    for (const struct ds_json_tok *v = ds_json_first(value); v != NULL;
         v = ds_json_next(value, v)) {
        ds_buf_str(ret, before);
        DS_TRY(add(ret, mem, v, e));
        before = ",";
    }
    ds_buf_str(ret, value->n == 0 ? "[]" : "]");
    return DS_OK;
}

static int add_object(struct ds_buf *ret, struct ds_arena *mem, const struct ds_json_tok *value,
                      struct ds_error *e)
{
    struct member *members = ds_arena_get_n(mem, value->n, sizeof *members);
    if (members == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room to sort %u members", value->n);
    size_t n = 0;
    for (const struct ds_json_tok *k = ds_json_first(value); k != NULL && n < value->n;
         k = ds_json_next(value, k)) {
        members[n].tok = k + 1;
        DS_TRY(ds_json_str(&members[n].key, mem, k, e));
        n++;
    }
    if (n > 0)
        qsort(members, n, sizeof *members, by_utf16);
    ds_buf_char(ret, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            ds_buf_char(ret, ',');
        ds_jcs_str(ret, members[i].key);
        ds_buf_char(ret, ':');
        DS_TRY(add(ret, mem, members[i].tok, e));
    }
    ds_buf_char(ret, '}');
    return DS_OK;
}

static int add(struct ds_buf *ret, struct ds_arena *mem, const struct ds_json_tok *value,
               struct ds_error *e)
{
    switch (value->type) {
    case DS_JSON_NUMBER:
        return add_number(ret, value->raw, e);
    case DS_JSON_STRING:
        return add_string(ret, mem, value, e);
    case DS_JSON_ARRAY:
        return add_array(ret, mem, value, e);
    case DS_JSON_OBJECT:
        return add_object(ret, mem, value, e);
    case DS_JSON_NULL:
    case DS_JSON_TRUE:
    case DS_JSON_FALSE:
        break;
    }
    ds_buf_add(ret, value->raw);
    return DS_OK;
}

int ds_jcs_add(struct ds_buf *ret, struct ds_arena *mem, const struct ds_json_tok *value,
               struct ds_error *e)
{
    size_t used = mem->used;
    int r = add(ret, mem, value, e);
    mem->used = used;
    DS_TRY(r);
    return ds_buf_end(ret, e, "canonical JSON");
}
