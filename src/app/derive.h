/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every key that comes from another key. Contexts are joined without lengths,
 * as dstack's KMS does it: two contexts with the same bytes give the same key.
 * That is kept for compatibility; nothing new is derived this way.
 * spec: guest-api 6.1 to 6.4, host-api 2.3
 */

#include "app/identity.h"
#include "crypto/key.h"

/* A P-256 key: the derived bytes are its scalar. err: RANGE (they are none: there is no retry) */
DS_MUST_USE int app_derive_p256(struct ds_p256_key **ret, const struct ds_key32 *parent,
                                const struct ds_span *ctx, size_t n_ctx, struct ds_error *e);
/* SHA-256 of the PKCS#8 DER of the derived P-256 key. */
DS_MUST_USE int app_derive_dh(struct ds_key32 *ret, const struct ds_key32 *parent,
                              const struct ds_span *ctx, size_t n_ctx, struct ds_error *e);

/* What a KMS derives for an app; `root` is the scalar of its CA key. */
DS_MUST_USE int app_derive_disk_key(struct ds_key32 *ret, const struct ds_key32 *root,
                                    const uint8_t app_id20[APP_ID_LEN], struct ds_span instance_id,
                                    struct ds_error *e);
DS_MUST_USE int app_derive_env_key(struct ds_key32 *ret, const struct ds_key32 *root,
                                   const uint8_t app_id20[APP_ID_LEN], struct ds_error *e);
DS_MUST_USE int app_derive_ca_key(struct ds_p256_key **ret, const struct ds_key32 *root,
                                  const uint8_t app_id20[APP_ID_LEN], struct ds_error *e);
/* `k256_root` is the KMS's secp256k1 key. */
DS_MUST_USE int app_derive_k256_key(struct ds_key32 *ret, const struct ds_key32 *k256_root,
                                    const uint8_t app_id20[APP_ID_LEN], struct ds_error *e);

/* What an app without a KMS derives from its own seed. */
struct app_seed_keys {
    struct ds_p256_key *ca; /* owned */
    struct ds_key32 disk, k256;
};
void app_seed_keys_wipe(struct app_seed_keys *k);
DS_MUST_USE int app_derive_seed_keys(struct app_seed_keys *ret, const struct ds_key32 *seed,
                                     struct ds_error *e);

/* GetKey: 32 bytes for a path, whatever the algorithm. `app_key` is the app's k256 key. */
DS_MUST_USE int app_derive_path_key(struct ds_key32 *ret, const struct ds_key32 *app_key,
                                    struct ds_span path, struct ds_error *e);
