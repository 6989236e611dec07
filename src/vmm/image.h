/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Guest images: directories <images>/<name>/ with metadata.json (host-api 1.9).
 */

#include "base/buf.h"
#include "vmm/manifest.h"

#define VMM_CMDLINE_MAX 2047 /* x86 kernels take 2048 with the NUL */

struct vmm_image {
    char name[VMM_NAME_MAX + 1];
    char firmware[VMM_PATH_LEN], kernel[VMM_PATH_LEN], initrd[VMM_PATH_LEN], rootfs[VMM_PATH_LEN];
    char cmdline[VMM_CMDLINE_MAX + 1];
    char version[64];
    char ovmf_variant[32]; /* empty: not said */
    char digest[65];       /* os_image_hash in hex; empty when the image has no digest.txt */
    bool is_dev, shared_ro;
};

/*
 * Read an image for a machine and check that its files are there.
 *
 * err: NOTFOUND vmm.image_not_found; FORMAT, ARG vmm.image_broken
 */
DS_MUST_USE int vmm_image_load(struct vmm_image *ret, const char *images_dir, const char *name,
                               const struct vmm_machine *machine, struct ds_error *e);

/*
 * A JSON array of {name, description, version, is_dev, arch, os_image_hash} of
 * every image, by name; description is metadata.json's text. A directory that is no image is left out.
 */
DS_MUST_USE int vmm_image_list(struct ds_buf *ret, const char *images_dir, struct ds_error *e);

/* The image made last; ret is empty when there is none. */
void vmm_image_newest(char ret[static VMM_NAME_MAX + 1], const char *images_dir);

/* "{checksum_file, measurement}" in base64 of sha256sum.txt and measurement.<tee>.cbor: vm_config's
 * field of that name. *ret_have is false when the image has no such measurement. */
DS_MUST_USE int vmm_image_measurement(struct ds_buf *ret, bool *ret_have, const char *images_dir,
                                      const char *name, const char *tee, struct ds_error *e);
