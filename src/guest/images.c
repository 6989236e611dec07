/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From measured volumes and the measured compose document to running containers.
 */
#include "guest/images.h"

#include <errno.h>

#include "app/env.h"
#include "app/images.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"
#include "disk/verity.h"
#include "guest/device.h"

#define COMPOSE_TOKENS_MEM ((size_t)8 << 20) /* 160,000 tokens */
#define ENV_STORE_LEN      ((size_t)6 << 20) /* decoded values, and the texts made of them */

int guest_env_open(struct agent *a, struct ds_error *e)
{
    struct ds_key32 key;
    if (a->shared.encrypted_env.len == 0)
        return DS_OK;
    memcpy(key.b, a->keys.env_key32.p, 32);
    int r = app_env_open(&a->env, &key, ds_buf_span(&a->shared.encrypted_env), e);
    ds_key32_wipe(&key);
    return r;
}

static int load_one(const struct guest_engine *g, const struct app_volume *v, size_t index,
                    struct ds_error *e)
{
    char serial[24], mapping[32], path[64];
    struct guest_path device;
    struct disk_verity verity = { .n_blocks = v->data_blocks };
    (void)snprintf(serial, sizeof serial, "vol%zu", index);
    (void)snprintf(mapping, sizeof mapping, "image%zu", index);
    (void)snprintf(path, sizeof path, "/dev/mapper/%s", mapping);
    memcpy(verity.root32, v->verity_root32, 32);
    DS_TRY(guest_disk_find(&device, serial, e));
    DS_TRY(disk_verity_open(device.s, mapping, &verity, e));
    int r = guest_engine_load(g, path, v->data_blocks * DISK_VERITY_BLOCK, e);
    /* dm-verity answers a read of what does not hash to the root with an I/O error, and so does a
     * disk that the host does not let us read: either way it is not the volume that was measured. */
    if (r == DS_ERR_SYS && e != NULL && e->sys == EIO)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_VERITY_REFUSED, "image volume",
                         DS_HEX(DS_SPAN_OF(verity.root32)), "a block that does not hash to it",
                         "app-compose in MRCONFIGID");
    return r;
}

int guest_images_load(struct agent *a, struct ds_error *e)
{
    for (size_t i = 0; i < a->compose.n_image_volumes; i++) {
        int r = load_one(&a->engine, &a->compose.image_volumes[i], i, e);
        if (r < 0)
            return ds_wrap(e, r, "image '%.*s'", (int)a->compose.image_volumes[i].image.len,
                           (const char *)a->compose.image_volumes[i].image.p);
    }
    return DS_OK;
}

int guest_images_check(const struct ds_json_tok *compose, const struct app_compose *app,
                       struct ds_error *e)
{
    const struct ds_json_tok *services = ds_json_find(compose, "services");
    struct app_image_fault fault;
    char got[144];
    if (services == NULL || services->type != DS_JSON_OBJECT)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_GUEST_COMPOSE_FAILED, "services", "an object",
                         "none", "app-compose");
    if (!app_images_find_fault(&fault, compose, app))
        return DS_OK;
    (void)ds_str_printable(got, sizeof got, fault.got);
    return ds_refuse(e, DS_ERR_DENIED, DS_CODE_GUEST_IMAGE_TAG, fault.key, fault.expected, got,
                     "app-compose");
}

/* *ret_is_json false: nothing was checked. */
static int check_json_images(bool *ret_is_json, struct ds_span text, const struct app_compose *app,
                             struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(COMPOSE_TOKENS_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the compose document");
    struct ds_arena mem = ds_arena_of(room, COMPOSE_TOKENS_MEM);
    const struct ds_json_tok *root;
    *ret_is_json = ds_json_parse_in(&root, &mem, text, NULL) == DS_OK;
    return *ret_is_json ? guest_images_check(root, app, e) : DS_OK;
}

/* A document that is no JSON is YAML of an older client: Compose reads it, and says its images. */
static int check_images(struct agent *a, struct ds_error *e)
{
    struct ds_span text = a->compose.docker_compose_file;
    bool is_json;
    DS_TRY(check_json_images(&is_json, text, &a->compose, e));
    if (is_json)
        return DS_OK;
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_TRY(guest_compose_config(&json, &a->engine, text, GUEST_APP_DIR, e));
    DS_TRY(check_json_images(&is_json, ds_buf_span(&json), &a->compose, e));
    if (!is_json)
        return ds_fail(e, DS_ERR_PEER, "Docker Compose printed something that is no JSON");
    return DS_OK;
}

/* NAME=value texts for the child; they point into `store`. */
static int env_list(const char **ret, size_t cap, uint8_t *store, size_t store_len,
                    const struct agent *a, struct ds_error *e)
{
    size_t n = 0, used = 0;
    ret[n++] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    ret[n++] = "HOME=/run/dstack";
    if (a->env.len > 0) {
        DS_AUTO(ds_auto_free) struct app_env *env = calloc(1, sizeof *env);
        if (env == NULL)
            return ds_fail(e, DS_ERR_NOMEM, "read the environment");
        struct ds_arena mem = ds_arena_of(store, store_len / 2);
        DS_TRY(app_env_parse(env, &mem, ds_secret_span(&a->env), a->compose.allowed_envs,
                             a->compose.n_allowed_envs, e));
        char *out = (char *)store + store_len / 2;
        for (size_t i = 0; i < env->n && n + 1 < cap; i++) {
            const struct app_env_item *item = &env->items[i];
            int len = snprintf(out + used, store_len / 2 - used, "%.*s=%.*s", (int)item->key.len,
                               (const char *)item->key.p, (int)item->value.len,
                               (const char *)item->value.p);
            if (len < 0 || (size_t)len >= store_len / 2 - used)
                return ds_fail(e, DS_ERR_RANGE, "the environment is too large");
            ret[n++] = out + used;
            used += (size_t)len + 1;
        }
    }
    ret[n] = NULL;
    return DS_OK;
}

int guest_app_prepare(struct agent *a, struct ds_error *e)
{
    const char **env = calloc(APP_ENV_ITEMS_MAX + 3, sizeof *env);
    uint8_t *store = malloc(ENV_STORE_LEN);
    int r = env != NULL && store != NULL
                ? env_list(env, APP_ENV_ITEMS_MAX + 3, store, ENV_STORE_LEN, a, e)
                : ds_fail(e, DS_ERR_NOMEM, "start the app");
    if (r == DS_OK)
        r = guest_compose_start(&a->up, "app", GUEST_APP_DIR, env, e);
    if (store != NULL)
        explicit_bzero(store, ENV_STORE_LEN); /* it held the app's secrets */
    free(store);
    free(env);
    ds_secret_wipe(&a->env); /* Compose has it */
    return r;
}

int guest_app_start(struct agent *a, struct ds_error *e)
{
    DS_TRY(check_images(a, e));
    int r = guest_compose_up(&a->up, a->compose.docker_compose_file, a->compose.public_logs, e);
    guest_compose_done(&a->up);
    return r;
}
