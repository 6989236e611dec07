/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * app-compose.json: what an app is. The file's bytes are its identity (the
 * compose hash is over them), so nothing here ever writes one back. Keys that we
 * do not know are allowed and count in the hash.
 * spec: dstack-types AppCompose (guest-api 3.1); the fields from `internet` on
 * are ours.
 */

#include "base/arena.h"

#define APP_COMPOSE_MAX         ((size_t)50 << 20) /* bytes of the file */
#define APP_COMPOSE_MEM         ((size_t)2 << 20)  /* bytes of arena that suffice beside escapes */
#define APP_NAME_MAX            256
#define APP_INIT_SCRIPTS_MAX    5
#define APP_ENVS_MAX            1024
#define APP_PORTS_MAX           256
#define APP_PLATFORMS_MAX       16
#define APP_VOLUMES_MAX         16
#define APP_KEY_PROVIDER_ID_MAX 512 /* bytes; an SPKI or an MRENCLAVE */
#define APP_REGISTRIES_MAX      2
#define APP_REGISTRY_CA_MAX     16384 /* bytes of PEM */
#define APP_MANIFEST_MAX        3     /* newest manifest_version that we run */

enum app_runner {
    APP_RUNNER_DOCKER_COMPOSE,
    APP_RUNNER_NERDCTL_COMPOSE,
    APP_RUNNER_BASH,
};

/* The numbers are those of MrConfigV2. */
enum app_key_provider {
    APP_KEY_PROVIDER_NONE = 0,
    APP_KEY_PROVIDER_LOCAL = 1,
    APP_KEY_PROVIDER_KMS = 2,
    APP_KEY_PROVIDER_TPM = 3,
};

enum app_storage_fs {
    APP_STORAGE_DEFAULT, /* not named: ext4 */
    APP_STORAGE_EXT4,
    APP_STORAGE_ZFS,
};

struct app_port {
    uint16_t port;
    bool proxy_protocol;
};

/* A read-only disk whose dm-verity root is measured. */
struct app_volume {
    struct ds_span source; /* file name on the host */
    struct ds_span target; /* verity_volumes: absolute path in the guest */
    struct ds_span image;  /* image_volumes: the container image in it */
    uint8_t verity_root32[32];
    uint64_t data_blocks; /* image_volumes: blocks of 4096 before the hash tree */
};

/* Where images are pulled from beside what the internet offers; it is known by its own CA. */
struct app_registry {
    struct ds_span host;           /* "name:port", as image references begin */
    struct ds_span ca_certificate; /* PEM */
};

/* An absent list of platforms allows any; an empty one allows none. */
struct app_requirements {
    bool is_present;
    struct ds_span os_version;
    bool has_platforms;
    struct ds_span platforms[APP_PLATFORMS_MAX];
    size_t n_platforms;
    bool has_measure_acpi, measure_acpi;
    bool has_launch_token;
    uint8_t launch_token32[32];
    struct ds_span gpu_policy; /* raw JSON; empty when absent */
};

/* Spans borrow the text or the arena. */
struct app_compose {
    uint64_t manifest_version;
    struct ds_span name;
    enum app_runner runner;
    struct ds_span docker_compose_file, bash_script, pre_launch_script; /* empty when absent */
    struct ds_span init_scripts[APP_INIT_SCRIPTS_MAX];
    size_t n_init_scripts;
    bool public_logs, public_sysinfo, public_tcbinfo;
    bool gateway_enabled, no_instance_id, secure_time;
    enum app_key_provider key_provider;
    struct ds_span key_provider_id; /* bytes; empty: not pinned */
    const struct ds_span *allowed_envs;
    size_t n_allowed_envs;
    enum app_storage_fs storage_fs;
    uint64_t swap_bytes;
    unsigned event_log_version; /* 1 or 2 */
    struct app_port ports[APP_PORTS_MAX];
    size_t n_ports;
    bool ports_restricted;
    struct app_requirements requirements;
    struct app_volume verity_volumes[APP_VOLUMES_MAX];
    size_t n_verity_volumes;

    bool internet;   /* the app asks for a way to the internet */
    bool allow_tags; /* images by tag without a digest */
    struct app_volume image_volumes[APP_VOLUMES_MAX];
    size_t n_image_volumes;
    struct app_registry registries[APP_REGISTRIES_MAX];
    size_t n_registries;
    bool has_user_config_hash;
    uint8_t user_config_hash32[32];
};

/*
 * Parse app-compose.json.
 *
 * io:   mem  holds tokens and unescaped texts: APP_COMPOSE_MEM plus the file's size suffices
 * err:  FORMAT       app.compose_format: not JSON, a key twice, a field of the wrong type
 *       RANGE        a list or text over its bound
 *       UNSUPPORTED  app.compose_unsupported: a manifest newer than APP_MANIFEST_MAX, a runner or
 *                    file system that we do not know, a feature that this manifest may not use
 */
DS_MUST_USE int app_compose_parse(struct app_compose *ret, struct ds_arena *mem,
                                  struct ds_span text, struct ds_error *e);

/* "none", "local", "kms", "tpm" */
const char *app_key_provider_text(enum app_key_provider p);
/* false when it is none of them */
bool app_key_provider_find(enum app_key_provider *ret, struct ds_span text);
