/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes that name apps and instances.
 */
#include "app/identity.h"

#include "codec/jcs.h"
#include "codec/json_write.h"
#include "crypto/hash.h"

int app_compose_hash(uint8_t ret32[32], struct ds_span text, struct ds_error *e)
{
    return ds_hash(DS_SHA256, ret32, text, e);
}

void app_id_of(uint8_t ret20[APP_ID_LEN], const uint8_t compose_hash32[32])
{
    memcpy(ret20, compose_hash32, APP_ID_LEN);
}

int app_instance_id(uint8_t ret20[APP_ID_LEN], struct ds_span seed,
                    const uint8_t app_id20[APP_ID_LEN], struct ds_error *e)
{
    const struct ds_span parts[] = { seed, DS_SPAN(app_id20, APP_ID_LEN) };
    uint8_t digest[32];
    DS_TRY(ds_hash_v(DS_SHA256, digest, parts, DS_LEN(parts), e));
    memcpy(ret20, digest, APP_ID_LEN);
    return DS_OK;
}

int app_key_provider_info(struct ds_buf *ret, enum app_key_provider kind, struct ds_span id,
                          struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "name",
              kind == APP_KEY_PROVIDER_LOCAL ? "local-sgx" : app_key_provider_text(kind));
    ds_jw_hex(&w, "id", id);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "key provider info");
}

int app_gpu_policy_hash(uint8_t ret32[32], const struct app_compose *app, struct ds_arena *mem,
                        struct ds_error *e)
{
    struct ds_span text = app->requirements.gpu_policy;
    if (text.len == 0)
        return ds_hash(DS_SHA256, ret32, DS_SPAN_LIT("{}"), e);
    size_t used = mem->used;
    const struct ds_json_tok *root;
    DS_AUTO(ds_buf_done) struct ds_buf canonical = { 0 };
    int r = ds_json_parse_in(&root, mem, text, e);
    if (r == DS_OK)
        r = ds_jcs_add(&canonical, mem, root, e);
    mem->used = used;
    DS_TRY(r);
    return ds_hash(DS_SHA256, ret32, ds_buf_span(&canonical), e);
}

int app_verify_report_data(uint8_t ret64[64], const uint8_t nonce32[32], struct ds_span instance_id,
                           struct ds_error *e)
{
    const struct ds_span parts[] = { DS_SPAN_LIT("dstack-verify:"), DS_SPAN(nonce32, 32),
                                     instance_id };
    return ds_hash_v(DS_SHA512, ret64, parts, DS_LEN(parts), e);
}
