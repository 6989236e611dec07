/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * MrConfig: what the host commits to before the guest starts, in TDX's
 * MRCONFIGID (48 bytes) or SEV-SNP's HOST_DATA (32 bytes). We write version 3
 * always and read all three.
 * spec: guest-api 3.4
 */

#include "app/identity.h"

#define APP_MR_CONFIG_DOC_MAX 4096

/* The document of version 3. Empty spans are absent; hex in the text, bytes here. */
struct app_mr_config {
    struct ds_span app_id; /* 20 bytes */
    uint8_t compose_hash32[32];
    struct ds_span gpu_policy_hash;                          /* 32 bytes */
    struct ds_span init_script_hashes[APP_INIT_SCRIPTS_MAX]; /* 32 bytes each */
    size_t n_init_script_hashes;
    struct ds_span instance_id; /* 20 bytes */
    enum app_key_provider key_provider;
    struct ds_span key_provider_id;
};

/* The document in JCS, *appended*. err: RANGE (a span of another length) */
DS_MUST_USE int app_mr_config_encode(struct ds_buf *ret, const struct app_mr_config *c,
                                     struct ds_error *e);
/*
 * io:   mem  holds the bytes that ret points to
 * err:  FORMAT  app.mr_config_format: not such a document, an unknown field, version not 3
 */
DS_MUST_USE int app_mr_config_parse(struct app_mr_config *ret, struct ds_arena *mem,
                                    struct ds_span document, struct ds_error *e);

/* SHA-256("dstack-mr-config-v3:" || 0x00 || document): HOST_DATA. */
DS_MUST_USE int app_mr_config_digest(uint8_t ret32[32], struct ds_span document,
                                     struct ds_error *e);
/* 0x03 || digest || zeros: MRCONFIGID. */
DS_MUST_USE int app_mr_config_id(uint8_t ret48[48], struct ds_span document, struct ds_error *e);

/* The older forms: 0x01 || compose_hash, and 0x02 || Keccak-256 of the identity; zeros behind. */
void app_mr_config_id_v1(uint8_t ret48[48], const uint8_t compose_hash32[32]);
DS_MUST_USE int app_mr_config_id_v2(uint8_t ret48[48], const struct app_mr_config *c,
                                    struct ds_error *e);

/*
 * The register was set to this document.
 *
 * in:   mrconfigid48  from verified claims or from the guest's own report
 * err:  UNTRUSTED  app.mr_config_mismatch
 */
DS_MUST_USE int app_mr_config_check_id(const uint8_t mrconfigid48[48], struct ds_span document,
                                       struct ds_error *e);

/*
 * Every field that the document has equals what is so: `actual` has all fields that are known
 * here. The key provider is always compared; a pinned id must be present on both sides.
 *
 * err:  UNTRUSTED  app.mr_config_mismatch, with the field as claim
 */
DS_MUST_USE int app_mr_config_check(const struct app_mr_config *document,
                                    const struct app_mr_config *actual, struct ds_error *e);
