/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * .sys-config.json: what the VMM tells the guest. The guest trusts none of it;
 * vm_config and mr_config are held against its registers by whoever verifies.
 */

#include "vmm/image.h"

struct vmm_sys_config {
    const struct vmm_manifest *m;
    const struct vmm_image *image;
    const char *mac[2];
    const char *qemu_version;   /* "11.1.3"; empty: not known */
    struct ds_span mr_config;   /* MrConfigV3 document */
    struct ds_span measurement; /* JSON of vmm_image_measurement; empty: none */
    bool wants_kms;             /* then kms_urls are the addresses of the relays */
};

/* The machine as a verifier must know it: host-api 1.3, guest-api 3.6. */
DS_MUST_USE int vmm_vm_config_encode(struct ds_buf *ret, const struct vmm_sys_config *c,
                                     struct ds_error *e);
DS_MUST_USE int vmm_sys_config_encode(struct ds_buf *ret, const struct vmm_sys_config *c,
                                      struct ds_error *e);
