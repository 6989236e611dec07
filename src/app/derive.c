/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts and parents of every derived key, one function each.
 */
#include "app/derive.h"

#include "crypto/hash.h"
#include "crypto/kdf.h"

int app_derive_p256(struct ds_p256_key **ret, const struct ds_key32 *parent,
                    const struct ds_span *ctx, size_t n_ctx, struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 scalar = { 0 };
    DS_TRY(ds_kdf32(&scalar, parent, ctx, n_ctx, e));
    return ds_p256_key_from_scalar(ret, &scalar, e);
}

int app_derive_dh(struct ds_key32 *ret, const struct ds_key32 *parent, const struct ds_span *ctx,
                  size_t n_ctx, struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_AUTO(ds_p256_pkcs8_wipe) struct ds_p256_pkcs8 der = { 0 };
    DS_TRY(app_derive_p256(&key, parent, ctx, n_ctx, e));
    DS_TRY(ds_p256_key_pkcs8(&der, key, e));
    return ds_hash(DS_SHA256, ret->b, DS_SPAN_OF(der.b), e);
}

int app_derive_disk_key(struct ds_key32 *ret, const struct ds_key32 *root,
                        const uint8_t app_id20[APP_ID_LEN], struct ds_span instance_id,
                        struct ds_error *e)
{
    const struct ds_span ctx[] = { DS_SPAN(app_id20, APP_ID_LEN), instance_id,
                                   DS_SPAN_LIT("app-disk-crypt-key") };
    return app_derive_dh(ret, root, ctx, DS_LEN(ctx), e);
}

int app_derive_env_key(struct ds_key32 *ret, const struct ds_key32 *root,
                       const uint8_t app_id20[APP_ID_LEN], struct ds_error *e)
{
    const struct ds_span ctx[] = { DS_SPAN(app_id20, APP_ID_LEN), DS_SPAN_LIT("env-encrypt-key") };
    return app_derive_dh(ret, root, ctx, DS_LEN(ctx), e);
}

int app_derive_ca_key(struct ds_p256_key **ret, const struct ds_key32 *root,
                      const uint8_t app_id20[APP_ID_LEN], struct ds_error *e)
{
    const struct ds_span ctx[] = { DS_SPAN(app_id20, APP_ID_LEN), DS_SPAN_LIT("app-ca") };
    return app_derive_p256(ret, root, ctx, DS_LEN(ctx), e);
}

int app_derive_k256_key(struct ds_key32 *ret, const struct ds_key32 *k256_root,
                        const uint8_t app_id20[APP_ID_LEN], struct ds_error *e)
{
    const struct ds_span ctx[] = { DS_SPAN(app_id20, APP_ID_LEN), DS_SPAN_LIT("app-key") };
    return ds_kdf32(ret, k256_root, ctx, DS_LEN(ctx), e);
}

void app_seed_keys_wipe(struct app_seed_keys *k)
{
    ds_p256_key_free(k->ca);
    explicit_bzero(k, sizeof *k);
}

int app_derive_seed_keys(struct app_seed_keys *ret, const struct ds_key32 *seed, struct ds_error *e)
{
    const struct ds_span ca = DS_SPAN_LIT("app-key"), disk = DS_SPAN_LIT("app-disk-key"),
                         k256 = DS_SPAN_LIT("app-k256-key");
    DS_AUTO(app_seed_keys_wipe) struct app_seed_keys keys = { 0 };
    DS_TRY(app_derive_p256(&keys.ca, seed, &ca, 1, e));
    DS_TRY(app_derive_dh(&keys.disk, seed, &disk, 1, e));
    DS_TRY(ds_kdf32(&keys.k256, seed, &k256, 1, e));
    *ret = DS_TAKE(keys, (struct app_seed_keys){ 0 });
    return DS_OK;
}

int app_derive_path_key(struct ds_key32 *ret, const struct ds_key32 *app_key, struct ds_span path,
                        struct ds_error *e)
{
    return ds_kdf32(ret, app_key, &path, 1, e);
}
