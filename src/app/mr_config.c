/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MrConfig documents and the register values that commit to them.
 */
#include "app/mr_config.h"

#include "base/hex.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "crypto/hash.h"
#include "crypto/keccak.h"

enum { ID_V1 = 1, ID_V2 = 2, ID_V3 = 3 };

static int check_len(struct ds_span s, size_t len, const char *field, struct ds_error *e)
{
    if (s.len != 0 && s.len != len)
        return ds_fail(e, DS_ERR_RANGE, "%s has %zu bytes instead of %zu", field, s.len, len);
    return DS_OK;
}

static void put_hex(struct ds_jw *w, const char *key, struct ds_span bytes)
{
    if (bytes.len > 0)
        ds_jw_hex(w, key, bytes);
}

/* Members in the order of JCS, which for these keys is that of the alphabet. */
int app_mr_config_encode(struct ds_buf *ret, const struct app_mr_config *c, struct ds_error *e)
{
    DS_TRY(check_len(c->app_id, APP_ID_LEN, "app_id", e));
    DS_TRY(check_len(c->gpu_policy_hash, 32, "gpu_policy_hash", e));
    DS_TRY(check_len(c->instance_id, APP_ID_LEN, "instance_id", e));
    if (c->key_provider_id.len > APP_KEY_PROVIDER_ID_MAX ||
        c->n_init_script_hashes > APP_INIT_SCRIPTS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "key_provider_id or init_script_hashes are too long");

    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    put_hex(&w, "app_id", c->app_id);
    ds_jw_hex(&w, "compose_hash", DS_SPAN_OF(c->compose_hash32));
    put_hex(&w, "gpu_policy_hash", c->gpu_policy_hash);
    if (c->n_init_script_hashes > 0) {
        ds_jw_array(&w, "init_script_hashes");
        for (size_t i = 0; i < c->n_init_script_hashes; i++)
            ds_jw_hex(&w, NULL, c->init_script_hashes[i]);
        ds_jw_array_end(&w);
    }
    put_hex(&w, "instance_id", c->instance_id);
    ds_jw_str(&w, "key_provider", app_key_provider_text(c->key_provider));
    put_hex(&w, "key_provider_id", c->key_provider_id);
    ds_jw_u64(&w, "version", ID_V3);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "MrConfig document");
}

static int bad(struct ds_error *e, const char *key, const char *what)
{
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_APP_MR_CONFIG_FORMAT, "mr_config: '%s' %s", key,
                        what);
}

/* Hex of `len` bytes, or of 1 to APP_KEY_PROVIDER_ID_MAX when len is 0. */
static int hex_member(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *t,
                      size_t len, const char *key, struct ds_error *e)
{
    struct ds_error inner = { 0 };
    size_t cap = len != 0 ? len : APP_KEY_PROVIDER_ID_MAX, got = 0;
    if (t->type != DS_JSON_STRING)
        return bad(e, key, "is no text");
    uint8_t *bytes = ds_arena_get(mem, cap);
    if (bytes == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for '%s'", key);
    if (ds_hex_decode_any(bytes, &got, cap, t->raw, &inner) != DS_OK || (len != 0 && got != len))
        return bad(e, key, "is not hex of the right length");
    *ret = DS_SPAN(bytes, got);
    return DS_OK;
}

static int scripts_member(struct app_mr_config *c, struct ds_arena *mem,
                          const struct ds_json_tok *t, struct ds_error *e)
{
    if (t->type != DS_JSON_ARRAY || t->n > APP_INIT_SCRIPTS_MAX)
        return bad(e, "init_script_hashes", "is no list of at most 5 hashes");
    for (const struct ds_json_tok *v = ds_json_first(t); v != NULL; v = ds_json_next(t, v))
        DS_TRY(hex_member(&c->init_script_hashes[c->n_init_script_hashes++], mem, v, 32,
                          "init_script_hashes", e));
    return DS_OK;
}

static int member(struct app_mr_config *c, struct ds_arena *mem, const struct ds_json_tok *key,
                  bool *has_hash, struct ds_error *e)
{
    const struct ds_json_tok *v = key + 1;
    const struct {
        const char *key;
        struct ds_span *ret;
        size_t len;
    } rows[] = {
        { "app_id", &c->app_id, APP_ID_LEN },
        { "gpu_policy_hash", &c->gpu_policy_hash, 32 },
        { "instance_id", &c->instance_id, APP_ID_LEN },
        { "key_provider_id", &c->key_provider_id, 0 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        if (ds_json_is_str(key, rows[i].key))
            return hex_member(rows[i].ret, mem, v, rows[i].len, rows[i].key, e);
    }
    if (ds_json_is_str(key, "init_script_hashes"))
        return scripts_member(c, mem, v, e);
    if (ds_json_is_str(key, "compose_hash")) {
        struct ds_span hash;
        DS_TRY(hex_member(&hash, mem, v, 32, "compose_hash", e));
        memcpy(c->compose_hash32, hash.p, 32);
        *has_hash = true;
        return DS_OK;
    }
    if (ds_json_is_str(key, "key_provider"))
        return v->type == DS_JSON_STRING && app_key_provider_find(&c->key_provider, v->raw)
                   ? DS_OK
                   : bad(e, "key_provider", "is none of none, kms, local, tpm");
    if (ds_json_is_str(key, "version"))
        return v->type == DS_JSON_NUMBER && ds_span_eq_str(v->raw, "3")
                   ? DS_OK
                   : bad(e, "version", "is not 3");
    return bad(e, "document", "has a key that version 3 does not have");
}

int app_mr_config_parse(struct app_mr_config *ret, struct ds_arena *mem, struct ds_span document,
                        struct ds_error *e)
{
    struct ds_json_tok toks[64];
    struct ds_error inner = { 0 };
    struct app_mr_config c = { 0 };
    bool has_hash = false;
    if (document.len > APP_MR_CONFIG_DOC_MAX)
        return bad(e, "document", "is longer than 4096 bytes");
    if (ds_json_parse(toks, DS_LEN(toks), document, &inner) != DS_OK ||
        toks[0].type != DS_JSON_OBJECT)
        return bad(e, "document", "is no JSON object");
    for (const struct ds_json_tok *k = ds_json_first(toks); k != NULL; k = ds_json_next(toks, k))
        DS_TRY(member(&c, mem, k, &has_hash, e));
    if (!has_hash || ds_json_find(toks, "key_provider") == NULL ||
        ds_json_find(toks, "version") == NULL)
        return bad(e, "document", "lacks compose_hash, key_provider or version");
    /* dstack may leave it out; the keys of an app that no register names would be anybody's. */
    if (c.app_id.len == 0)
        return bad(e, "app_id", "is missing");
    *ret = c;
    return DS_OK;
}

int app_mr_config_digest(uint8_t ret32[32], struct ds_span document, struct ds_error *e)
{
    /* The literal's own NUL is the separator of the scheme. */
    static const char tag[] = "dstack-mr-config-v3:";
    const struct ds_span parts[] = { DS_SPAN(tag, sizeof tag), document };
    return ds_hash_v(DS_SHA256, ret32, parts, DS_LEN(parts), e);
}

static void id_of(uint8_t ret48[48], uint8_t version, const uint8_t digest32[32])
{
    memset(ret48, 0, 48);
    ret48[0] = version;
    memcpy(ret48 + 1, digest32, 32);
}

int app_mr_config_id(uint8_t ret48[48], struct ds_span document, struct ds_error *e)
{
    uint8_t digest[32];
    DS_TRY(app_mr_config_digest(digest, document, e));
    id_of(ret48, ID_V3, digest);
    return DS_OK;
}

void app_mr_config_id_v1(uint8_t ret48[48], const uint8_t compose_hash32[32])
{
    id_of(ret48, ID_V1, compose_hash32);
}

int app_mr_config_id_v2(uint8_t ret48[48], const struct app_mr_config *c, struct ds_error *e)
{
    if (c->app_id.len != APP_ID_LEN)
        return ds_fail(e, DS_ERR_RANGE, "app_id has %zu bytes instead of 20", c->app_id.len);
    const uint8_t kind = (uint8_t)c->key_provider;
    const struct ds_span parts[] = { DS_SPAN_OF(c->compose_hash32), c->app_id, DS_SPAN(&kind, 1),
                                     c->key_provider_id };
    uint8_t digest[32];
    DS_TRY(ds_keccak256(digest, parts, DS_LEN(parts), e));
    id_of(ret48, ID_V2, digest);
    return DS_OK;
}

static int refuse(struct ds_error *e, const char *claim, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_APP_MR_CONFIG_MISMATCH, claim, expected, got,
                     "MRCONFIGID");
}

int app_mr_config_check_id(const uint8_t mrconfigid48[48], struct ds_span document,
                           struct ds_error *e)
{
    uint8_t want[48];
    DS_TRY(app_mr_config_id(want, document, e));
    if (memcmp(want, mrconfigid48, sizeof want) != 0)
        return refuse(e, "mrconfigid", DS_HEX(DS_SPAN_OF(want)), DS_HEX(DS_SPAN(mrconfigid48, 48)));
    return DS_OK;
}

/* A field that the document leaves out is not compared. */
static int check_field(const char *claim, struct ds_span document, struct ds_span actual,
                       struct ds_error *e)
{
    if (document.len == 0 || ds_span_eq(document, actual))
        return DS_OK;
    return refuse(e, claim, DS_HEX(ds_span_sub(document, 0, 72)),
                  DS_HEX(ds_span_sub(actual, 0, 72)));
}

static int check_scripts(const struct app_mr_config *document, const struct app_mr_config *actual,
                         struct ds_error *e)
{
    if (document->n_init_script_hashes == 0)
        return DS_OK;
    if (document->n_init_script_hashes != actual->n_init_script_hashes)
        return refuse(e, "init_script_hashes", "as many scripts as the document names",
                      "another number of scripts");
    for (size_t i = 0; i < document->n_init_script_hashes; i++)
        DS_TRY(check_field("init_script_hashes", document->init_script_hashes[i],
                           actual->init_script_hashes[i], e));
    return DS_OK;
}

int app_mr_config_check(const struct app_mr_config *document, const struct app_mr_config *actual,
                        struct ds_error *e)
{
    if (document->key_provider != actual->key_provider)
        return refuse(e, "key_provider", app_key_provider_text(document->key_provider),
                      app_key_provider_text(actual->key_provider));
    /* Without the pin any KMS could hand out keys under this commitment. */
    if (document->key_provider == APP_KEY_PROVIDER_KMS && document->key_provider_id.len == 0)
        return refuse(e, "key_provider_id", "the public key of a KMS", "none");
    DS_TRY(check_field("compose_hash", DS_SPAN_OF(document->compose_hash32),
                       DS_SPAN_OF(actual->compose_hash32), e));
    DS_TRY(check_field("app_id", document->app_id, actual->app_id, e));
    DS_TRY(check_field("instance_id", document->instance_id, actual->instance_id, e));
    DS_TRY(check_field("gpu_policy_hash", document->gpu_policy_hash, actual->gpu_policy_hash, e));
    DS_TRY(check_scripts(document, actual, e));
    return check_field("key_provider_id", document->key_provider_id, actual->key_provider_id, e);
}
