/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing, opening and reading the encrypted environment. The plaintext is a
 * secret throughout: it stays in memory of the caller's that is wiped.
 */
#include "app/env.h"

#include "codec/json.h"
#include "crypto/aead.h"
#include "crypto/x25519.h"

#define PLAIN_MAX ((size_t)1 << 20)

int app_env_seal(uint8_t *out, const uint8_t env_pub32[32], const struct ds_key32 *eph,
                 const uint8_t iv12[12], struct ds_span plain, struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 shared = { 0 };
    DS_TRY(ds_x25519_public(out, eph, e));
    DS_TRY(ds_x25519_shared(&shared, eph, env_pub32, e));
    memcpy(out + 32, iv12, DS_AEAD_IV_LEN);
    return ds_aead_seal(out + 32 + DS_AEAD_IV_LEN, &shared, iv12, (struct ds_span){ 0 }, plain, e);
}

int app_env_open(struct ds_secret *ret, const struct ds_key32 *env_key, struct ds_span blob,
                 struct ds_error *e)
{
    if (blob.len > APP_ENV_BLOB_MAX)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_APP_ENV_FORMAT,
                            "the encrypted environment has %zu bytes, over %zu", blob.len,
                            APP_ENV_BLOB_MAX);
    if (blob.len <= APP_ENV_OVERHEAD)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_APP_ENV_FORMAT,
                            "the encrypted environment has %zu bytes, too few for any content",
                            blob.len);
    struct ds_reader r = ds_reader_of(blob);
    struct ds_span eph_pub = ds_read_span(&r, 32), iv = ds_read_span(&r, DS_AEAD_IV_LEN);
    struct ds_span sealed = ds_read_rest(&r);
    DS_AUTO(ds_key32_wipe) struct ds_key32 shared = { 0 };
    DS_AUTO(ds_secret_wipe) struct ds_secret plain = { 0 };
    DS_TRY(ds_secret_new(&plain, sealed.len - DS_AEAD_TAG_LEN, e));
    struct ds_error inner = { 0 };
    if (ds_x25519_shared(&shared, env_key, eph_pub.p, &inner) != DS_OK ||
        ds_aead_open(plain.p, &shared, iv.p, (struct ds_span){ 0 }, sealed, &inner) != DS_OK)
        return ds_fail_code(e, DS_ERR_UNTRUSTED, DS_CODE_APP_ENV_UNDECRYPTABLE,
                            "the encrypted environment does not open: %s", inner.msg);
    *ret = DS_TAKE(plain, (struct ds_secret){ 0 });
    return DS_OK;
}

static int bad(struct ds_error *e, const char *what)
{
    /* No part of the content enters the text: it is secret. */
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_APP_ENV_FORMAT, "the decrypted environment %s",
                        what);
}

/* [a-zA-Z_][a-zA-Z0-9_]* */
static bool is_key(struct ds_span s)
{
    if (s.len == 0 || s.len > APP_ENV_KEY_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i], letter = c | 0x20;
        bool good = c == '_' || (letter >= 'a' && letter <= 'z') || (i > 0 && c >= '0' && c <= '9');
        if (!good)
            return false;
    }
    return true;
}

static int compare(struct ds_span a, struct ds_span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int r = memcmp(a.p, b.p, n);
    return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

/* Insert in order of keys; the same key again replaces its value. */
static void put(struct app_env *env, struct app_env_item item)
{
    size_t at = 0;
    while (at < env->n && compare(env->items[at].key, item.key) < 0)
        at++;
    if (at == env->n || compare(env->items[at].key, item.key) != 0) {
        memmove(&env->items[at + 1], &env->items[at], (env->n - at) * sizeof env->items[0]);
        env->n++;
    }
    env->items[at] = item;
}

static bool is_allowed(struct ds_span key, const struct ds_span *allowed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ds_span_eq(key, allowed[i]))
            return true;
    }
    return false;
}

static int read_item(struct app_env_item *ret, struct ds_arena *mem, const struct ds_json_tok *t,
                     struct ds_error *e)
{
    const struct ds_json_tok *key = ds_json_find(t, "key"), *value = ds_json_find(t, "value");
    if (key == NULL || value == NULL || key->type != DS_JSON_STRING ||
        value->type != DS_JSON_STRING)
        return bad(e, "has an item without a key or value in text");
    DS_TRY(ds_json_str(&ret->key, mem, key, e));
    DS_TRY(ds_json_str(&ret->value, mem, value, e));
    if (!is_key(ret->key))
        return bad(e, "has a key that is no name of a variable");
    if (ret->value.len > APP_ENV_VALUE_MAX)
        return bad(e, "has a value over 128 KiB");
    if (ret->value.len > 0 && memchr(ret->value.p, '\0', ret->value.len) != NULL)
        return bad(e, "has a value with a NUL character");
    return DS_OK;
}

int app_env_parse(struct app_env *ret, struct ds_arena *mem, struct ds_span plain,
                  const struct ds_span *allowed, size_t n_allowed, struct ds_error *e)
{
    if (plain.len > PLAIN_MAX)
        return bad(e, "is over 1 MiB");
    const struct ds_json_tok *root;
    struct ds_error inner = { 0 };
    int r = ds_json_parse_in(&root, mem, plain, &inner);
    if (r == DS_ERR_NOMEM || r == DS_ERR_RANGE)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_APP_ENV_FORMAT,
                            "the decrypted environment holds more values than there is room for");
    if (r != DS_OK)
        return bad(e, "is not JSON");
    const struct ds_json_tok *list = ds_json_find(root, "env");
    if (list == NULL || list->type != DS_JSON_ARRAY || list->n > APP_ENV_ITEMS_MAX)
        return bad(e, "has no list 'env' of at most 1024 items");
    ret->n = ret->n_skipped = 0;
    for (const struct ds_json_tok *t = ds_json_first(list); t != NULL; t = ds_json_next(list, t)) {
        struct app_env_item item;
        DS_TRY(read_item(&item, mem, t, e));
        if (is_allowed(item.key, allowed, n_allowed))
            put(ret, item);
        else
            ret->n_skipped++;
    }
    return DS_OK;
}

/* Counts past the end instead of latching, so that one function measures and writes. */
struct lines {
    uint8_t *out;
    size_t cap, len;
};

static void emit(struct lines *l, struct ds_span s)
{
    if (l->out != NULL && s.len > 0 && l->len + s.len <= l->cap)
        memcpy(l->out + l->len, s.p, s.len);
    l->len += s.len;
}

static void emit_value(struct lines *l, struct ds_span value)
{
    static const char special[] = " \t|&;<>()$`\\\"'\n";
    bool quoted = false;
    for (size_t i = 0; i < value.len && !quoted; i++)
        quoted = memchr(special, value.p[i], sizeof special - 1) != NULL;
    if (!quoted) {
        emit(l, value);
        return;
    }
    emit(l, DS_SPAN_LIT("\""));
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.p[i];
        if (c == '\n') {
            emit(l, DS_SPAN_LIT("\\n"));
            continue;
        }
        /* The reference leaves a backslash as it is; readers of the file depend on that. */
        if (c == '"' || c == '$' || c == '`')
            emit(l, DS_SPAN_LIT("\\"));
        emit(l, DS_SPAN(&c, 1));
    }
    emit(l, DS_SPAN_LIT("\""));
}

size_t app_env_write_lines(uint8_t *out, size_t cap, const struct app_env *env)
{
    struct lines l = { .out = out, .cap = cap };
    for (size_t i = 0; i < env->n; i++) {
        emit(&l, env->items[i].key);
        emit(&l, DS_SPAN_LIT("="));
        emit_value(&l, env->items[i].value);
        emit(&l, DS_SPAN_LIT("\n"));
    }
    return l.len;
}

static void emit_json_text(struct lines *l, struct ds_span text)
{
    static const char digits[] = "0123456789abcdef";
    emit(l, DS_SPAN_LIT("\""));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        const uint8_t control[6] = {
            '\\', 'u', '0', '0', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]
        };
        if (c < 0x20 || c == 0x7f) {
            emit(l, DS_SPAN_OF(control));
            continue;
        }
        if (c == '"' || c == '\\')
            emit(l, DS_SPAN_LIT("\\"));
        emit(l, DS_SPAN(&c, 1));
    }
    emit(l, DS_SPAN_LIT("\""));
}

size_t app_env_write_json(uint8_t *out, size_t cap, const struct app_env *env)
{
    struct lines l = { .out = out, .cap = cap };
    emit(&l, DS_SPAN_LIT("{"));
    for (size_t i = 0; i < env->n; i++) {
        if (i > 0)
            emit(&l, DS_SPAN_LIT(","));
        emit_json_text(&l, env->items[i].key);
        emit(&l, DS_SPAN_LIT(":"));
        emit_json_text(&l, env->items[i].value);
    }
    emit(&l, DS_SPAN_LIT("}"));
    return l.len;
}
