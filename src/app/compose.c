/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading app-compose.json. Absent and null mean the default; a value of
 * another type is an error, since what the developer meant is then unknown.
 */
#include "app/compose.h"

#include "app/compose_parts.h"
#include "base/hex.h"
#include "base/str.h"

#define COMPOSE_TEXT_MAX APP_COMPOSE_MAX

static const char *const provider_names[] = {
    [APP_KEY_PROVIDER_NONE] = "none",
    [APP_KEY_PROVIDER_LOCAL] = "local",
    [APP_KEY_PROVIDER_KMS] = "kms",
    [APP_KEY_PROVIDER_TPM] = "tpm",
};

const char *app_key_provider_text(enum app_key_provider p) { return provider_names[p]; }

bool app_key_provider_find(enum app_key_provider *ret, struct ds_span text)
{
    for (size_t i = 0; i < DS_LEN(provider_names); i++) {
        if (ds_span_eq_str(text, provider_names[i])) {
            *ret = (enum app_key_provider)i;
            return true;
        }
    }
    return false;
}

/* A canonical positive number as text, or the numbers 1 and 2 of the first days. */
static int parse_version(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    const struct ds_json_tok *t = ds_json_find(in->obj, "manifest_version");
    if (t == NULL || (t->type != DS_JSON_STRING && t->type != DS_JSON_NUMBER))
        return compose_bad(e, "manifest_version", "is missing, or neither text nor number");
    struct ds_error inner = { 0 };
    if (ds_str_u64(&c->manifest_version, t->raw, UINT32_MAX, &inner) != DS_OK ||
        c->manifest_version == 0)
        return compose_bad(e, "manifest_version", "is no positive decimal number");
    if (t->type == DS_JSON_NUMBER && c->manifest_version > 2)
        return compose_bad(e, "manifest_version", "above 2 must be written as text");
    if (c->manifest_version > APP_MANIFEST_MAX)
        return compose_unsupported(e, "manifest_version", "is newer than this dstack");
    return DS_OK;
}

static int parse_runner(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    static const struct {
        const char *text;
        enum app_runner runner;
        uint64_t since;
    } rows[] = {
        { "docker-compose", APP_RUNNER_DOCKER_COMPOSE, 1 },
        { "nerdctl-compose", APP_RUNNER_NERDCTL_COMPOSE, 3 },
        { "bash", APP_RUNNER_BASH, 1 },
    };
    const struct ds_json_tok *t = ds_json_find(in->obj, "runner");
    if (t == NULL || t->type != DS_JSON_STRING)
        return compose_bad(e, "runner", "is missing or no text");
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        if (!ds_json_is_str(t, rows[i].text))
            continue;
        if (c->manifest_version < rows[i].since)
            return compose_unsupported(e, "runner", "needs manifest_version 3");
        c->runner = rows[i].runner;
        return DS_OK;
    }
    return compose_unsupported(e, "runner", "is not one that this dstack has");
}

/* One script as text, or a list of them. */
static int parse_init_scripts(struct app_compose *c, const struct compose_in *in,
                              struct ds_error *e)
{
    const struct ds_json_tok *t = compose_find(in, "init_script");
    if (t == NULL)
        return DS_OK;
    if (t->type == DS_JSON_STRING) {
        c->n_init_scripts = 1;
        return compose_text_of(&c->init_scripts[0], in, t, "init_script", COMPOSE_TEXT_MAX, e);
    }
    if (t->type != DS_JSON_ARRAY || t->n > APP_INIT_SCRIPTS_MAX)
        return compose_bad(e, "init_script", "is no text and no list of at most 5 texts");
    if (t->n > 1 && c->manifest_version < 3)
        return compose_unsupported(e, "init_script",
                                   "with several scripts needs manifest_version 3");
    for (const struct ds_json_tok *v = ds_json_first(t); v != NULL; v = ds_json_next(t, v))
        DS_TRY(compose_text_of(&c->init_scripts[c->n_init_scripts++], in, v, "init_script",
                               COMPOSE_TEXT_MAX, e));
    return DS_OK;
}

static int parse_key_provider(struct app_compose *c, const struct compose_in *in,
                              struct ds_error *e)
{
    bool kms = false, local = false;
    DS_TRY(compose_bool(&kms, in, "kms_enabled", e));
    DS_TRY(compose_bool(&local, in, "local_key_provider_enabled", e));
    c->key_provider = kms     ? APP_KEY_PROVIDER_KMS
                      : local ? APP_KEY_PROVIDER_LOCAL
                              : APP_KEY_PROVIDER_NONE;
    struct ds_span name = { 0 };
    DS_TRY(compose_text(&name, in, "key_provider", APP_NAME_MAX, e));
    if (name.p != NULL && !app_key_provider_find(&c->key_provider, name))
        return compose_bad(e, "key_provider", "is none of none, kms, local, tpm");

    struct ds_span id = { 0 };
    DS_TRY(compose_text(&id, in, "key_provider_id", (size_t)2 * APP_KEY_PROVIDER_ID_MAX, e));
    if (id.len == 0)
        return DS_OK;
    if (c->key_provider != APP_KEY_PROVIDER_KMS && c->key_provider != APP_KEY_PROVIDER_LOCAL)
        return compose_bad(e, "key_provider_id", "is set, but this key provider has none");
    return compose_hex_of(&c->key_provider_id, in, id, "key_provider_id", e);
}

static int parse_envs(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    const struct ds_json_tok *t = compose_find(in, "allowed_envs");
    if (t == NULL)
        return DS_OK;
    if (t->type != DS_JSON_ARRAY || t->n > APP_ENVS_MAX)
        return compose_bad(e, "allowed_envs", "is no list of at most 1024 texts");
    struct ds_span *envs = ds_arena_get_n(in->mem, t->n, sizeof *envs);
    if (envs == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for %u names", t->n);
    size_t n = 0;
    for (const struct ds_json_tok *v = ds_json_first(t); v != NULL; v = ds_json_next(t, v))
        DS_TRY(compose_text_of(&envs[n++], in, v, "allowed_envs", APP_NAME_MAX, e));
    c->allowed_envs = envs;
    c->n_allowed_envs = n;
    return DS_OK;
}

static int parse_storage(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    struct ds_span name = { 0 };
    DS_TRY(compose_text(&name, in, "storage_fs", 16, e));
    if (name.p == NULL)
        return DS_OK;
    if (name.len == 4 && strncasecmp((const char *)name.p, "ext4", 4) == 0)
        c->storage_fs = APP_STORAGE_EXT4;
    else if (name.len == 3 && strncasecmp((const char *)name.p, "zfs", 3) == 0)
        c->storage_fs = APP_STORAGE_ZFS;
    else
        return compose_unsupported(e, "storage_fs", "is neither ext4 nor zfs");
    return DS_OK;
}

/* Bytes as a number, or as text: "0x1000", "512M", with K, M, G, T of 1024. */
static int parse_swap(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    const struct ds_json_tok *t = compose_find(in, "swap_size");
    if (t == NULL)
        return DS_OK;
    if (t->type != DS_JSON_STRING && t->type != DS_JSON_NUMBER)
        return compose_bad(e, "swap_size", "is neither a number nor text");
    struct ds_span s = t->raw;
    if (t->type == DS_JSON_STRING && s.len > 2 && s.p[0] == '0' && s.p[1] == 'x') {
        for (size_t i = 2; i < s.len; i++) {
            int digit = compose_hex_digit(s.p[i]);
            if (digit < 0 || i > 13)
                return compose_bad(e, "swap_size", "is no hexadecimal number below 2^48");
            c->swap_bytes = c->swap_bytes << 4 | (unsigned)digit;
        }
        return DS_OK;
    }
    static const char units[] = "KMGT";
    const char *unit = NULL;
    if (t->type == DS_JSON_STRING && s.len > 1)
        unit = memchr(units, s.p[s.len - 1] & 0xdf, sizeof units - 1);
    unsigned shift = unit != NULL ? 10u * (unsigned)(unit - units + 1) : 0;
    uint64_t n = 0;
    struct ds_error inner = { 0 };
    if (ds_str_u64(&n, ds_span_sub(s, 0, s.len - (unit != NULL)), UINT64_MAX >> (shift + 8),
                   &inner) != DS_OK)
        return compose_bad(e, "swap_size", "is no number of bytes");
    c->swap_bytes = n << shift;
    return DS_OK;
}

static int parse_event_version(struct app_compose *c, const struct compose_in *in,
                               struct ds_error *e)
{
    const struct ds_json_tok *t = compose_find(in, "event_log_version");
    c->event_log_version = 1;
    if (t == NULL)
        return DS_OK;
    if (t->type != DS_JSON_NUMBER || t->raw.len != 1 || t->raw.p[0] < '1' || t->raw.p[0] > '2')
        return compose_bad(e, "event_log_version", "is neither 1 nor 2");
    c->event_log_version = (unsigned)(t->raw.p[0] - '0');
    return DS_OK;
}

/* The old ways to ask for the gateway count as much as the new one. */
static int parse_gateway(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    bool old_name = false;
    DS_TRY(compose_bool(&c->gateway_enabled, in, "gateway_enabled", e));
    DS_TRY(compose_bool(&old_name, in, "tproxy_enabled", e));
    c->gateway_enabled = c->gateway_enabled || old_name;
    const struct ds_json_tok *t = compose_find(in, "features");
    if (t == NULL)
        return DS_OK;
    if (t->type != DS_JSON_ARRAY)
        return compose_bad(e, "features", "is no list");
    for (const struct ds_json_tok *v = ds_json_first(t); v != NULL; v = ds_json_next(t, v)) {
        if (v->type != DS_JSON_STRING)
            return compose_bad(e, "features", "holds something that is no text");
        c->gateway_enabled = c->gateway_enabled || ds_json_is_str(v, "tproxy-net");
    }
    return DS_OK;
}

static int parse_flags(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    c->public_tcbinfo = true;
    c->secure_time = true;
    const struct {
        const char *key;
        bool *ret;
    } rows[] = {
        { "public_logs", &c->public_logs },       { "public_sysinfo", &c->public_sysinfo },
        { "public_tcbinfo", &c->public_tcbinfo }, { "no_instance_id", &c->no_instance_id },
        { "secure_time", &c->secure_time },       { "internet", &c->internet },
        { "allow_tags", &c->allow_tags },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        DS_TRY(compose_bool(rows[i].ret, in, rows[i].key, e));
    return DS_OK;
}

static int parse_scripts(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    DS_TRY(compose_text(&c->docker_compose_file, in, "docker_compose_file", COMPOSE_TEXT_MAX, e));
    DS_TRY(compose_text(&c->bash_script, in, "bash_script", COMPOSE_TEXT_MAX, e));
    DS_TRY(compose_text(&c->pre_launch_script, in, "pre_launch_script", COMPOSE_TEXT_MAX, e));
    return parse_init_scripts(c, in, e);
}

static int parse_all(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    DS_TRY(parse_version(c, in, e));
    DS_TRY(compose_text(&c->name, in, "name", APP_NAME_MAX, e));
    if (c->name.p == NULL)
        return compose_bad(e, "name", "is missing");
    DS_TRY(parse_runner(c, in, e));
    DS_TRY(parse_scripts(c, in, e));
    DS_TRY(parse_flags(c, in, e));
    DS_TRY(parse_gateway(c, in, e));
    DS_TRY(parse_key_provider(c, in, e));
    DS_TRY(parse_envs(c, in, e));
    DS_TRY(parse_storage(c, in, e));
    DS_TRY(parse_swap(c, in, e));
    DS_TRY(parse_event_version(c, in, e));
    DS_TRY(compose_ports(c, in, e));
    DS_TRY(compose_requirements(c, in, e));
    DS_TRY(compose_volumes(c, in, e));
    DS_TRY(compose_registries(c, in, e));
    return compose_hex32(c->user_config_hash32, &c->has_user_config_hash, in, "user_config_hash",
                         e);
}

int app_compose_parse(struct app_compose *ret, struct ds_arena *mem, struct ds_span text,
                      struct ds_error *e)
{
    if (text.len > APP_COMPOSE_MAX)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_APP_COMPOSE_FORMAT,
                            "app-compose.json has %zu bytes, over %zu", text.len, APP_COMPOSE_MAX);
    const struct ds_json_tok *root;
    struct ds_error inner = { 0 };
    int r = ds_json_parse_in(&root, mem, text, &inner);
    if (r != DS_OK)
        return ds_fail_code(e, r, DS_CODE_APP_COMPOSE_FORMAT, "app-compose.json: %s", inner.msg);
    if (root->type != DS_JSON_OBJECT)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_APP_COMPOSE_FORMAT,
                            "app-compose.json is no JSON object");
    struct compose_in in = { .obj = root, .mem = mem };
    struct app_compose c = { 0 };
    DS_TRY(parse_all(&c, &in, e));
    *ret = c;
    return DS_OK;
}
