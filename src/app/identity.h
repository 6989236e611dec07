/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who an app and an instance of it are: hashes over bytes that were measured.
 * spec: guest-api 3.2, 3.4
 */

#include "app/compose.h"
#include "base/buf.h"

#define APP_ID_LEN          20
#define APP_INSTANCE_ID_LEN 20

/* SHA-256 of app-compose.json as delivered, byte for byte. */
DS_MUST_USE int app_compose_hash(uint8_t ret32[32], struct ds_span text, struct ds_error *e);

/* The app id of a first deployment: the head of the compose hash. */
void app_id_of(uint8_t ret20[APP_ID_LEN], const uint8_t compose_hash32[32]);

/* SHA-256(seed || app_id)[0..20]. */
DS_MUST_USE int app_instance_id(uint8_t ret20[APP_ID_LEN], struct ds_span seed,
                                const uint8_t app_id20[APP_ID_LEN], struct ds_error *e);

/*
 * The exact bytes of the key-provider event: {"name":"kms","id":"<hex>"}, *appended*.
 * The name of APP_KEY_PROVIDER_LOCAL is "local-sgx" there.
 */
DS_MUST_USE int app_key_provider_info(struct ds_buf *ret, enum app_key_provider kind,
                                      struct ds_span id, struct ds_error *e);

/* SHA-256 of the JCS form of requirements.gpu_policy, of {} when there is none. */
DS_MUST_USE int app_gpu_policy_hash(uint8_t ret32[32], const struct app_compose *app,
                                    struct ds_arena *mem, struct ds_error *e);

/* report_data for `verify` with a nonce: SHA-512("dstack-verify:" || nonce || instance_id). */
DS_MUST_USE int app_verify_report_data(uint8_t ret64[64], const uint8_t nonce32[32],
                                       struct ds_span instance_id, struct ds_error *e);
