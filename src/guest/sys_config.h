/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * .sys-config.json: where things are, in the host's words. Each field's class
 * (DESIGN 5, "Host-shared config"):
 *
 *   kms_urls    replaceable: the KMS is known by its key, a wrong address only denies service
 *   registries  replaceable: at which address a registry is that app-compose names; it proves
 *               itself by TLS under the CA of app-compose, and content by its digest
 *   network     replaceable: addresses of the interfaces, likewise
 *   vm_config   checked: the verifier holds it against the registers
 *   mr_config   checked: its hash must be the launch's MRCONFIGID / HOST_DATA
 *
 * Other fields of dstack's are passed over.
 */

#include "base/buf.h"

#define GUEST_KMS_URLS_MAX   4
#define GUEST_NICS_MAX       4
#define GUEST_URL_MAX        256
#define GUEST_REGISTRIES_MAX 2

struct guest_nic {
    uint8_t mac6[6];
    uint8_t address4[4];
    uint8_t prefix_len; /* bits */
    uint8_t gateway4[4];
    uint8_t dns4[4]; /* zero: none */
    bool is_default; /* the default route goes here */
};

struct guest_registry {
    char host[128]; /* "name:port" */
    uint8_t address4[4];
};

struct guest_sys_config {
    char kms_urls[GUEST_KMS_URLS_MAX][GUEST_URL_MAX];
    size_t n_kms_urls;
    struct guest_nic nics[GUEST_NICS_MAX];
    size_t n_nics;
    struct guest_registry registries[GUEST_REGISTRIES_MAX];
    size_t n_registries;
    char *vm_config; /* owned; JSON text, "" when absent */
    char *mr_config; /* owned; MrConfigV3 document, "" when absent */
};

void guest_sys_config_done(struct guest_sys_config *c);

/* err: FORMAT (guest.sys_config_invalid), NOMEM */
DS_MUST_USE int guest_sys_config_parse(struct guest_sys_config *ret, struct ds_span json,
                                       struct ds_error *e);
