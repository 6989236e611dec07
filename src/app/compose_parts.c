/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed members, and the nested parts of app-compose.json: port policy,
 * requirements, volumes.
 */
#include "app/compose_parts.h"

#include "base/hex.h"
#include "base/str.h"

int compose_bad(struct ds_error *e, const char *key, const char *what)
{
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_APP_COMPOSE_FORMAT, "app-compose.json: '%s' %s",
                        key, what);
}

int compose_unsupported(struct ds_error *e, const char *key, const char *what)
{
    return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_APP_COMPOSE_UNSUPPORTED,
                        "app-compose.json: '%s' %s", key, what);
}

const struct ds_json_tok *compose_find(const struct compose_in *in, const char *key)
{
    const struct ds_json_tok *t = ds_json_find(in->obj, key);
    return t != NULL && t->type != DS_JSON_NULL ? t : NULL;
}

int compose_text_of(struct ds_span *ret, const struct compose_in *in, const struct ds_json_tok *t,
                    const char *key, size_t max, struct ds_error *e)
{
    if (t->type != DS_JSON_STRING)
        return compose_bad(e, key, "is no text");
    struct ds_span text;
    DS_TRY(ds_json_str(&text, in->mem, t, e));
    if (text.len > max)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_APP_COMPOSE_FORMAT,
                            "app-compose.json: '%s' has %zu bytes, over %zu", key, text.len, max);
    /* Texts become lines of files and arguments: a NUL would end them early. */
    if (text.len > 0 && memchr(text.p, '\0', text.len) != NULL)
        return compose_bad(e, key, "has a NUL character");
    *ret = (struct ds_span){ text.p != NULL ? text.p : (const uint8_t *)"", text.len };
    return DS_OK;
}

int compose_text(struct ds_span *ret, const struct compose_in *in, const char *key, size_t max,
                 struct ds_error *e)
{
    const struct ds_json_tok *t = compose_find(in, key);
    return t == NULL ? DS_OK : compose_text_of(ret, in, t, key, max, e);
}

int compose_bool(bool *ret, const struct compose_in *in, const char *key, struct ds_error *e)
{
    const struct ds_json_tok *t = compose_find(in, key);
    if (t == NULL)
        return DS_OK;
    if (t->type != DS_JSON_TRUE && t->type != DS_JSON_FALSE)
        return compose_bad(e, key, "is neither true nor false");
    *ret = t->type == DS_JSON_TRUE;
    return DS_OK;
}

int compose_hex32(uint8_t ret32[32], bool *ret_is_there, const struct compose_in *in,
                  const char *key, struct ds_error *e)
{
    struct ds_span text = { 0 };
    struct ds_error inner = { 0 };
    DS_TRY(compose_text(&text, in, key, APP_NAME_MAX, e));
    if (text.p == NULL)
        return DS_OK;
    if (ds_hex_decode(ret32, 32, text, &inner) != DS_OK)
        return compose_bad(e, key, "is not 64 hex digits");
    *ret_is_there = true;
    return DS_OK;
}

int compose_u64(uint64_t *ret, const struct compose_in *in, const char *key, uint64_t max,
                struct ds_error *e)
{
    const struct ds_json_tok *t = compose_find(in, key);
    struct ds_error inner = { 0 };
    if (t == NULL)
        return DS_OK;
    if (t->type != DS_JSON_NUMBER || ds_str_u64(ret, t->raw, max, &inner) != DS_OK)
        return compose_bad(e, key, "is no whole number within its bounds");
    return DS_OK;
}

int compose_hex_of(struct ds_span *ret, const struct compose_in *in, struct ds_span text,
                   const char *key, struct ds_error *e)
{
    struct ds_error inner = { 0 };
    uint8_t *bytes = ds_arena_get(in->mem, text.len / 2);
    size_t len = 0;
    if (bytes == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for '%s'", key);
    if (ds_hex_decode_any(bytes, &len, text.len / 2, text, &inner) != DS_OK)
        return compose_bad(e, key, "is not hex");
    *ret = DS_SPAN(bytes, len);
    return DS_OK;
}

int compose_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Keys of a closed object are these and no others. */
static int check_keys(const struct ds_json_tok *obj, const char *what, const char *const *known,
                      size_t n_known, struct ds_error *e)
{
    if (obj->type != DS_JSON_OBJECT)
        return compose_bad(e, what, "is no object");
    for (const struct ds_json_tok *k = ds_json_first(obj); k != NULL; k = ds_json_next(obj, k)) {
        bool found = false;
        for (size_t i = 0; i < n_known && !found; i++)
            found = ds_json_is_str(k, known[i]);
        if (!found)
            return compose_unsupported(e, what, "has a key that this dstack does not know");
    }
    return DS_OK;
}

int compose_ports(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    const struct ds_json_tok *policy = compose_find(in, "port_policy");
    if (policy == NULL)
        return DS_OK;
    if (policy->type != DS_JSON_OBJECT)
        return compose_bad(e, "port_policy", "is no object");
    struct compose_in sub = { .obj = policy, .mem = in->mem };
    DS_TRY(compose_bool(&c->ports_restricted, &sub, "restrict_mode", e));
    const struct ds_json_tok *list = compose_find(&sub, "ports");
    if (list == NULL)
        return DS_OK;
    if (list->type != DS_JSON_ARRAY || list->n > APP_PORTS_MAX)
        return compose_bad(e, "ports", "is no list of at most 256 ports");
    for (const struct ds_json_tok *v = ds_json_first(list); v != NULL; v = ds_json_next(list, v)) {
        if (v->type != DS_JSON_OBJECT)
            return compose_bad(e, "ports", "holds something that is no object");
        struct compose_in row = { .obj = v, .mem = in->mem };
        struct app_port *port = &c->ports[c->n_ports++];
        uint64_t number = 0;
        DS_TRY(compose_u64(&number, &row, "port", UINT16_MAX, e));
        if (number == 0)
            return compose_bad(e, "port", "is missing or 0");
        port->port = (uint16_t)number;
        DS_TRY(compose_bool(&port->proxy_protocol, &row, "pp", e));
    }
    return DS_OK;
}

static int platforms(struct app_requirements *r, const struct compose_in *in, struct ds_error *e)
{
    const struct ds_json_tok *list = compose_find(in, "platforms");
    if (list == NULL)
        return DS_OK;
    if (list->type != DS_JSON_ARRAY || list->n > APP_PLATFORMS_MAX)
        return compose_bad(e, "platforms", "is no list of at most 16 texts");
    r->has_platforms = true;
    for (const struct ds_json_tok *v = ds_json_first(list); v != NULL; v = ds_json_next(list, v))
        DS_TRY(
            compose_text_of(&r->platforms[r->n_platforms++], in, v, "platforms", APP_NAME_MAX, e));
    return DS_OK;
}

int compose_requirements(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    static const char *const known[] = { "os_version", "platforms", "tdx_measure_acpi_tables",
                                         "launch_token_hash", "gpu_policy" };
    static const char *const gpu_known[] = { "attest_gpu", "rego", "allow_devtools", "allow_debug",
                                             "allow_insecure_boot" };
    const struct ds_json_tok *t = ds_json_find(in->obj, "requirements");
    if (t == NULL)
        return DS_OK;
    if (c->manifest_version < 3)
        return compose_unsupported(e, "requirements", "need manifest_version 3");
    DS_TRY(check_keys(t, "requirements", known, DS_LEN(known), e));
    struct compose_in sub = { .obj = t, .mem = in->mem };
    struct app_requirements *r = &c->requirements;
    r->is_present = true;
    DS_TRY(compose_text(&r->os_version, &sub, "os_version", APP_NAME_MAX, e));
    DS_TRY(platforms(r, &sub, e));
    r->has_measure_acpi = compose_find(&sub, "tdx_measure_acpi_tables") != NULL;
    DS_TRY(compose_bool(&r->measure_acpi, &sub, "tdx_measure_acpi_tables", e));
    DS_TRY(compose_hex32(r->launch_token32, &r->has_launch_token, &sub, "launch_token_hash", e));
    const struct ds_json_tok *gpu = compose_find(&sub, "gpu_policy");
    if (gpu == NULL)
        return DS_OK;
    DS_TRY(check_keys(gpu, "gpu_policy", gpu_known, DS_LEN(gpu_known), e));
    r->gpu_policy = gpu->raw;
    return DS_OK;
}

/* host-api, Volumes: a bare file name, since the host looks it up in one directory. */
static bool is_file_name(struct ds_span s)
{
    return s.len > 0 && memchr(s.p, '/', s.len) == NULL && !ds_span_eq_str(s, ".") &&
           !ds_span_eq_str(s, "..");
}

/* The members that both kinds of volume have. */
static int volume(struct app_volume *v, const struct compose_in *row, struct ds_error *e)
{
    bool has_root = false;
    if (row->obj->type != DS_JSON_OBJECT)
        return compose_bad(e, "volume", "is no object");
    DS_TRY(compose_text(&v->source, row, "source", APP_NAME_MAX, e));
    DS_TRY(compose_hex32(v->verity_root32, &has_root, row, "verity_root", e));
    if (v->source.len == 0 || !has_root)
        return compose_bad(e, "volume", "lacks its source or verity_root");
    if (!is_file_name(v->source))
        return compose_bad(e, "source", "is no plain file name");
    return DS_OK;
}

static int verity_volumes(struct app_compose *c, const struct compose_in *in,
                          const struct ds_json_tok *list, struct ds_error *e)
{
    for (const struct ds_json_tok *t = ds_json_first(list); t != NULL; t = ds_json_next(list, t)) {
        struct compose_in row = { .obj = t, .mem = in->mem };
        struct app_volume *v = &c->verity_volumes[c->n_verity_volumes++];
        DS_TRY(volume(v, &row, e));
        DS_TRY(compose_text(&v->target, &row, "target", APP_NAME_MAX, e));
        if (v->target.len == 0 || v->target.p[0] != '/')
            return compose_bad(e, "target", "is no absolute path");
        for (const struct app_volume *o = c->verity_volumes; o < v; o++) {
            if (ds_span_eq(o->target, v->target))
                return compose_bad(e, "target", "is named by two volumes");
        }
    }
    return DS_OK;
}

static int image_volumes(struct app_compose *c, const struct compose_in *in,
                         const struct ds_json_tok *list, struct ds_error *e)
{
    for (const struct ds_json_tok *t = ds_json_first(list); t != NULL; t = ds_json_next(list, t)) {
        struct compose_in row = { .obj = t, .mem = in->mem };
        struct app_volume *v = &c->image_volumes[c->n_image_volumes++];
        DS_TRY(volume(v, &row, e));
        DS_TRY(compose_text(&v->image, &row, "image", APP_NAME_MAX, e));
        DS_TRY(compose_u64(&v->data_blocks, &row, "data_blocks", (uint64_t)1 << 40, e));
        if (v->image.len == 0 || v->data_blocks == 0)
            return compose_bad(e, "image_volumes", "lack an image or data_blocks");
    }
    return DS_OK;
}

int compose_volumes(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    static const struct {
        const char *key;
        int (*parse)(struct app_compose *c, const struct compose_in *in,
                     const struct ds_json_tok *list, struct ds_error *e);
    } rows[] = { { "verity_volumes", verity_volumes }, { "image_volumes", image_volumes } };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct ds_json_tok *list = compose_find(in, rows[i].key);
        if (list == NULL)
            continue;
        if (list->type != DS_JSON_ARRAY || list->n > APP_VOLUMES_MAX)
            return compose_bad(e, rows[i].key, "is no list of at most 16 volumes");
        DS_TRY(rows[i].parse(c, in, list, e));
    }
    return DS_OK;
}

/* "name:port": it becomes a directory's name and a line of /etc/hosts in the guest. */
static bool is_host(struct ds_span s)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    const uint8_t *colon = s.len > 0 ? memchr(s.p, ':', s.len) : NULL;
    uint64_t port = 0;
    if (colon == NULL || colon == s.p || s.p[0] == '.' || s.p[0] == '-')
        return false;
    for (const uint8_t *p = s.p; p < colon; p++)
        if (*p == '\0' || strchr(allowed, *p) == NULL)
            return false;
    size_t len = s.len - (size_t)(colon + 1 - s.p);
    return ds_str_u64(&port, DS_SPAN(colon + 1, len), UINT16_MAX, NULL) == DS_OK && port > 0;
}

int compose_registries(struct app_compose *c, const struct compose_in *in, struct ds_error *e)
{
    static const char *const known[] = { "host", "ca_certificate" };
    const struct ds_json_tok *list = compose_find(in, "registries");
    if (list == NULL)
        return DS_OK;
    if (list->type != DS_JSON_ARRAY || list->n > APP_REGISTRIES_MAX)
        return compose_bad(e, "registries", "is no list of at most 2 registries");
    for (const struct ds_json_tok *t = ds_json_first(list); t != NULL; t = ds_json_next(list, t)) {
        struct compose_in row = { .obj = t, .mem = in->mem };
        struct app_registry *r = &c->registries[c->n_registries++];
        DS_TRY(check_keys(t, "registries", known, DS_LEN(known), e));
        DS_TRY(compose_text(&r->host, &row, "host", APP_NAME_MAX, e));
        DS_TRY(compose_text(&r->ca_certificate, &row, "ca_certificate", APP_REGISTRY_CA_MAX, e));
        if (!is_host(r->host))
            return compose_bad(e, "registries", "names no host as name:port, in small letters");
        if (r->ca_certificate.len == 0)
            return compose_bad(e, "registries", "lacks the ca_certificate of a registry");
        for (const struct app_registry *o = c->registries; o < r; o++)
            if (ds_span_eq(o->host, r->host))
                return compose_bad(e, "registries", "names a host twice");
    }
    return DS_OK;
}
