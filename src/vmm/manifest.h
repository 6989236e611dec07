/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a VM is: the content of vm-manifest.json, and the request that makes
 * one (VmConfiguration of host-api 1.2). A plain value without pointers to
 * free, so that a change is made on a copy and swapped in when it was saved.
 */

#include <yyjson.h>

#include "vmm/qemu.h"

#define VMM_ID_LEN   36 /* a UUID in text */
#define VMM_NAME_MAX 64
#define VMM_URL_MAX  255
#define VMM_PATH_LEN 512 /* with its NUL */

#define VMM_REGISTRIES_MAX 2

struct vmm_urls {
    char url[VMM_URLS_MAX][VMM_URL_MAX + 1];
    size_t n;
};

/*
 * A registry that the guest may reach, and where it is. The host decides the latter alone: an app
 * names a registry, and no address of this host.
 */
struct vmm_registry {
    char host[128];  /* "name:port", as the app calls it */
    char target[32]; /* "ip:port" */
    uint16_t port;   /* of host */
};

struct vmm_manifest {
    char id[VMM_ID_LEN + 1];
    char name[VMM_NAME_MAX + 1];
    char app_id[40 + 1];
    char image[VMM_NAME_MAX + 1];
    const struct vmm_machine *machine;
    uint32_t vcpu, memory_mib, disk_gib;
    struct vmm_port ports[VMM_PORTS_MAX];
    size_t n_ports;
    struct vmm_urls kms_urls, gateway_urls;
    struct vmm_registry registries[VMM_REGISTRIES_MAX];
    size_t n_registries;
    char volumes[VMM_VOLUMES_MAX][VMM_PATH_LEN];
    size_t n_volumes;
    bool internet;
    int64_t created_at_ms;
};

/* Bounds a daemon sets; all others are constants of the format. */
struct vmm_limits {
    uint32_t vcpu_max, memory_mib_max, disk_gib_max;
};

/*
 * Read a manifest that we wrote. Unknown keys are refused: what a newer version
 * wrote must not be run by half.
 *
 * err: FORMAT, RANGE  (code vmm.state_broken)
 */
DS_MUST_USE int vmm_manifest_parse(struct vmm_manifest *ret, struct ds_span json,
                                   struct ds_error *e);
/* ASCII JSON. */
DS_MUST_USE int vmm_manifest_encode(struct ds_buf *ret, const struct vmm_manifest *m,
                                    struct ds_error *e);

/*
 * The parts of a CreateVm request that go into a manifest. id, app_id (when the
 * request has none), volumes, internet and created_at_ms are the caller's to set.
 *
 * in:   params    the request's object
 *       platform  machine of this host, used unless the request asks for another
 * err:  ARG, RANGE, UNSUPPORTED, each with a vmm.* code
 */
DS_MUST_USE int vmm_manifest_of_request(struct vmm_manifest *ret, yyjson_val *params,
                                        const struct vmm_machine *platform,
                                        const struct vmm_limits *limits, struct ds_error *e);

/*
 * Apply the fields of an UpdateVm request that are there; *ret_resources is set
 * when the change needs a stopped VM.
 */
DS_MUST_USE int vmm_manifest_update(struct vmm_manifest *m, bool *ret_resources, yyjson_val *params,
                                    const struct vmm_limits *limits, struct ds_error *e);

/* Letters, digits and "-_. @~!$^()": what may stand in a VM's name. */
bool vmm_name_is_valid(struct ds_span name);
/* Letters, digits and "-_.", no "..": a directory's name. */
bool vmm_image_name_is_valid(struct ds_span name);
/* A UUID in lower-case text, and so also a safe directory name. */
bool vmm_id_is_valid(struct ds_span id);

/* Both claim the same port of the host: same protocol and number, same or any address. */
bool vmm_port_conflicts(const struct vmm_port *a, const struct vmm_port *b);
