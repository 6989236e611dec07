/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity check runs before anything of the app is used: with another
 * app-compose than the launch was made for, the boot ends here.
 */
#include "guest/identity.h"

#include "app/identity.h"
#include "app/mr_config.h"
#include "base/hex.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "crypto/rand.h"

#define SMALL_MEM ((size_t)64 * 1024)

static int parse_compose(struct agent *a, struct ds_error *e)
{
    struct ds_span text = ds_buf_span(&a->shared.app_compose);
    size_t cap = APP_COMPOSE_MEM + text.len;
    a->compose_mem = malloc(cap);
    if (a->compose_mem == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read app-compose.json");
    struct ds_arena mem = ds_arena_of(a->compose_mem, cap);
    DS_TRY(app_compose_parse(&a->compose, &mem, text, e));
    DS_TRY(app_compose_hash(a->id.compose32, text, e));
    return app_gpu_policy_hash(a->id.gpu_policy32, &a->compose, &mem, e);
}

/* An id that .instance_info may carry; *ret_has false when absent or empty. */
static int info_bytes(uint8_t ret20[20], bool *ret_has, const struct ds_json_tok *info,
                      const char *key, struct ds_error *e)
{
    const struct ds_json_tok *t = ds_json_find(info, key);
    *ret_has = t != NULL && t->type == DS_JSON_STRING && t->raw.len > 0;
    return *ret_has ? ds_json_get_hex(ret20, 20, info, key, e) : DS_OK;
}

/* .instance_info is replaceable: whatever it says, another seed only makes another instance. */
static int settle_ids(struct guest_identity *id, struct ds_span info_text, bool no_instance_id,
                      struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(SMALL_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read .instance_info");
    struct ds_arena mem = ds_arena_of(room, SMALL_MEM);
    const struct ds_json_tok *info = NULL;
    bool has_app_id, has_seed;
    if (info_text.len > 0)
        DS_TRY(ds_json_parse_in(&info, &mem, info_text, e));
    DS_TRY(info_bytes(id->app_id20, &has_app_id, info, "app_id", e));
    if (!has_app_id)
        app_id_of(id->app_id20, id->compose32);
    DS_TRY(info_bytes(id->instance_seed20, &has_seed, info, "instance_id_seed", e));
    if (!has_seed)
        DS_TRY(ds_rand(id->instance_seed20, sizeof id->instance_seed20, e));
    if (no_instance_id)
        return DS_OK;
    DS_TRY(app_instance_id(id->instance_id20, DS_SPAN_OF(id->instance_seed20), id->app_id20, e));
    id->instance_id_len = sizeof id->instance_id20;
    return DS_OK;
}

static int check_mr_config(struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(SMALL_MEM);
    uint8_t mrconfigid48[48];
    struct app_mr_config doc;
    struct ds_span text = ds_span_str(a->sys.mr_config);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "check the launch configuration");
    struct ds_arena mem = ds_arena_of(room, SMALL_MEM);
    DS_TRY(tee_mrconfigid(mrconfigid48, a->tee, e));
    DS_TRY(app_mr_config_check_id(mrconfigid48, text, e));
    DS_TRY(app_mr_config_parse(&doc, &mem, text, e));
    /* Named apart from the other fields: it is what a changed app-compose looks like. */
    if (memcmp(doc.compose_hash32, a->id.compose32, 32) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_GUEST_COMPOSE_MISMATCH, "compose_hash",
                         DS_HEX(DS_SPAN_OF(doc.compose_hash32)),
                         DS_HEX(DS_SPAN_OF(a->id.compose32)), "MRCONFIGID");
    struct app_mr_config actual = {
        .app_id = DS_SPAN_OF(a->id.app_id20),
        .gpu_policy_hash = DS_SPAN_OF(a->id.gpu_policy32),
        .instance_id = DS_SPAN(a->id.instance_id20, a->id.instance_id_len),
        .key_provider = a->compose.key_provider,
        .key_provider_id = a->compose.key_provider_id,
        .n_init_script_hashes = doc.n_init_script_hashes,
    };
    memcpy(actual.compose_hash32, a->id.compose32, 32);
    /* Scripts are part of app-compose, whose hash was just compared. */
    memcpy(actual.init_script_hashes, doc.init_script_hashes, sizeof doc.init_script_hashes);
    return app_mr_config_check(&doc, &actual, e);
}

int guest_identity_check(struct agent *a, struct ds_error *e)
{
    DS_TRY(parse_compose(a, e));
    DS_TRY(settle_ids(&a->id, ds_buf_span(&a->shared.instance_info), a->compose.no_instance_id, e));
    DS_TRY(check_mr_config(a, e));
    return guest_shared_check_user_config(&a->shared, &a->compose, e);
}

void guest_identity_json(struct ds_buf *ret, const struct guest_identity *id)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "instance_id_seed", DS_SPAN_OF(id->instance_seed20));
    ds_jw_hex(&w, "instance_id", DS_SPAN(id->instance_id20, id->instance_id_len));
    ds_jw_hex(&w, "app_id", DS_SPAN_OF(id->app_id20));
    ds_jw_object_end(&w);
}
