/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allow-list: parse, change, decide. The decision is pure.
 */
#include "kms/allow.h"

#include "base/file.h"
#include "base/hex.h"
#include "codec/json.h"
#include "codec/json_write.h"

#define FILE_MAX ((size_t)16 << 20)

void kms_allow_done(struct kms_allow *a)
{
    free(a->apps);
    *a = (struct kms_allow){ 0 };
}

static int invalid(struct ds_error *e, const char *what, const char *expected)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_KMS_ALLOW_INVALID, what, expected, "something else",
                     "allow-list");
}

static int parse_hashes(struct kms_hash32 *ret, size_t *ret_n, const struct ds_json_tok *list,
                        struct ds_error *e)
{
    if (list == NULL || list->type != DS_JSON_ARRAY || list->n > KMS_ALLOW_HASHES_MAX)
        return invalid(e, "hashes", "an array of at most 64");
    size_t n = 0;
    for (const struct ds_json_tok *v = ds_json_first(list); v != NULL; v = ds_json_next(list, v))
        if (v->type != DS_JSON_STRING || ds_hex_decode(ret[n++].b, 32, v->raw, NULL) < 0)
            return invalid(e, "hashes", "64 hex digits each");
    *ret_n = n;
    return DS_OK;
}

static int parse_apps(struct kms_allow *a, const struct ds_json_tok *apps, struct ds_error *e)
{
    if (apps == NULL || apps->type != DS_JSON_OBJECT || apps->n > KMS_ALLOW_APPS_MAX)
        return invalid(e, "apps", "an object of at most 1024");
    a->apps = calloc(apps->n + 1, sizeof *a->apps);
    if (a->apps == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the allow-list");
    for (const struct ds_json_tok *k = ds_json_first(apps); k != NULL; k = ds_json_next(apps, k)) {
        struct kms_allow_app *app = &a->apps[a->n_apps++];
        if (ds_hex_decode(app->app_id20, 20, k->raw, NULL) < 0)
            return invalid(e, "apps", "app ids of 40 hex digits");
        DS_TRY(
            parse_hashes(app->compose, &app->n_compose, ds_json_find(k + 1, "composeHashes"), e));
    }
    return DS_OK;
}

int kms_allow_parse(struct kms_allow *ret, struct ds_span json, struct ds_error *e)
{
    size_t room = json.len * 8 + 4096; /* a token for every few bytes is plenty */
    DS_AUTO(ds_auto_free) uint8_t *mem = malloc(room);
    if (mem == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the allow-list");
    struct ds_arena arena = ds_arena_of(mem, room);
    const struct ds_json_tok *root;
    DS_AUTO(kms_allow_done) struct kms_allow a = { 0 };
    DS_TRY(ds_json_parse_in(&root, &arena, json, e));
    DS_TRY(ds_json_get_u64(&a.version, root, "version", UINT64_MAX >> 11, e));
    DS_TRY(parse_hashes(a.os_images, &a.n_os_images, ds_json_find(root, "osImages"), e));
    DS_TRY(parse_apps(&a, ds_json_find(root, "apps"), e));
    *ret = a;
    a = (struct kms_allow){ 0 };
    return DS_OK;
}

static void write_hashes(struct ds_jw *w, const char *key, const struct kms_hash32 *h, size_t n)
{
    ds_jw_array(w, key);
    for (size_t i = 0; i < n; i++)
        ds_jw_hex(w, NULL, DS_SPAN_OF(h[i].b));
    ds_jw_array_end(w);
}

int kms_allow_encode(struct ds_buf *ret, const struct kms_allow *a, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_u64(&w, "version", a->version);
    write_hashes(&w, "osImages", a->os_images, a->n_os_images);
    ds_jw_object(&w, "apps");
    for (size_t i = 0; i < a->n_apps; i++) {
        ds_jw_object(&w, DS_HEX(DS_SPAN_OF(a->apps[i].app_id20)));
        write_hashes(&w, "composeHashes", a->apps[i].compose, a->apps[i].n_compose);
        ds_jw_object_end(&w);
    }
    ds_jw_object_end(&w);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "allow-list");
}

int kms_allow_load(struct kms_allow *ret, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_error why;
    int r = ds_file_load(&text, path, FILE_MAX, &why);
    if (r == DS_ERR_NOTFOUND) {
        *ret = (struct kms_allow){ 0 };
        return DS_OK;
    }
    if (r == DS_OK)
        r = kms_allow_parse(ret, ds_buf_span(&text), &why);
    if (r < 0) {
        if (e != NULL)
            *e = why;
        return ds_wrap(e, r, "allow-list '%s'", path);
    }
    return DS_OK;
}

int kms_allow_save(const struct kms_allow *a, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_TRY(kms_allow_encode(&text, a, e));
    return ds_file_save(path, ds_buf_span(&text), 0600, "kms.allow", e);
}

static bool has(const struct kms_hash32 *list, size_t n, struct ds_span hash)
{
    for (size_t i = 0; i < n; i++)
        if (ds_span_eq(DS_SPAN_OF(list[i].b), hash))
            return true;
    return false;
}

static struct kms_allow_app *find_app(const struct kms_allow *a, struct ds_span app_id)
{
    for (size_t i = 0; i < a->n_apps; i++)
        if (ds_span_eq(DS_SPAN_OF(a->apps[i].app_id20), app_id))
            return &a->apps[i];
    return NULL;
}

static int full(struct ds_error *e, const char *what, const char *expected)
{
    return ds_refuse(e, DS_ERR_RANGE, DS_CODE_KMS_ALLOW_FULL, what, expected, "one more",
                     "allow-list");
}

static int add_app(struct kms_allow_app **ret, struct kms_allow *a, const uint8_t app_id20[20],
                   struct ds_error *e)
{
    if (a->n_apps == KMS_ALLOW_APPS_MAX)
        return full(e, "apps", "at most 1024");
    struct kms_allow_app *apps = reallocarray(a->apps, a->n_apps + 1, sizeof *apps);
    if (apps == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "change the allow-list");
    a->apps = apps;
    *ret = &apps[a->n_apps++];
    **ret = (struct kms_allow_app){ 0 };
    memcpy((*ret)->app_id20, app_id20, 20);
    return DS_OK;
}

int kms_allow_dup(struct kms_allow *ret, const struct kms_allow *a, struct ds_error *e)
{
    struct kms_allow copy = *a;
    copy.apps = calloc(a->n_apps + 1, sizeof *a->apps);
    if (copy.apps == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "copy the allow-list");
    if (a->n_apps > 0)
        memcpy(copy.apps, a->apps, a->n_apps * sizeof *a->apps);
    *ret = copy;
    return DS_OK;
}

int kms_allow_add(struct kms_allow *a, const uint8_t app_id20[static 20],
                  const uint8_t compose32[static 32], const uint8_t os_image32[static 32],
                  bool only_compose, struct ds_error *e)
{
    struct kms_allow_app *app = find_app(a, DS_SPAN(app_id20, 20));
    const size_t n_compose = app != NULL ? app->n_compose : 0;
    bool is_new_os = !has(a->os_images, a->n_os_images, DS_SPAN(os_image32, 32));
    bool is_new = n_compose == 0 || !has(app->compose, n_compose, DS_SPAN(compose32, 32));
    bool is_pruned = only_compose && n_compose > (is_new ? 0 : 1);
    if (is_new_os && a->n_os_images == KMS_ALLOW_HASHES_MAX)
        return full(e, "os images", "at most 64");
    if (is_new && !is_pruned && n_compose == KMS_ALLOW_HASHES_MAX)
        return full(e, "compose hashes", "at most 64");
    if (app == NULL)
        DS_TRY(add_app(&app, a, app_id20, e));
    if (is_pruned)
        app->n_compose = 0;
    if (is_new || is_pruned)
        memcpy(app->compose[app->n_compose++].b, compose32, 32);
    if (is_new_os)
        memcpy(a->os_images[a->n_os_images++].b, os_image32, 32);
    a->version += is_new || is_pruned || is_new_os;
    return DS_OK;
}

void kms_allow_check(struct ds_verdict *v, const struct kms_allow *a, struct ds_span app_id,
                     struct ds_span compose_hash, struct ds_span os_image_hash)
{
    if (!has(a->os_images, a->n_os_images, os_image_hash))
        ds_verdict_add(v, DS_CODE_KMS_OS_IMAGE_NOT_ALLOWED, "os_image_hash",
                       "an image on the allow-list", DS_HEX(os_image_hash), "allow-list");
    const struct kms_allow_app *app = find_app(a, app_id);
    if (app == NULL) {
        ds_verdict_add(v, DS_CODE_KMS_APP_NOT_REGISTERED, "app_id", "an app on the allow-list",
                       DS_HEX(app_id), "allow-list");
        return;
    }
    if (!has(app->compose, app->n_compose, compose_hash))
        ds_verdict_add(v, DS_CODE_KMS_COMPOSE_NOT_ALLOWED, "compose_hash",
                       app->n_compose > 0 ? DS_HEX(DS_SPAN_OF(app->compose[app->n_compose - 1].b))
                                          : "a compose hash on the allow-list",
                       DS_HEX(compose_hash), "allow-list");
}
