/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The host-shared disk: a flat ustar archive (codec/tar.h) of a fixed list of
 * files in a fixed order. The guest reads it in user space with the same caps.
 */

#include "base/buf.h"

enum vmm_share_file {
    VMM_SHARE_APP_COMPOSE,
    VMM_SHARE_SYS_CONFIG,
    VMM_SHARE_INSTANCE_INFO,
    VMM_SHARE_ENCRYPTED_ENV,
    VMM_SHARE_USER_CONFIG,
    VMM_SHARE_N,
};

struct vmm_share_row {
    const char *name;
    size_t max; /* bytes: guest-api 8.2a */
    bool required;
};

/* By enum vmm_share_file. */
extern const struct vmm_share_row vmm_share_rows[VMM_SHARE_N];

/*
 * The archive of these files, in the order of the table.
 *
 * in:   files  p == NULL: not there (an empty file has a p); borrowed
 * out:  ret    appended to; its length is a multiple of 512
 * err:  RANGE     a file is larger than its cap
 *       NOTFOUND  a required file is not there
 *       NOMEM
 */
DS_MUST_USE int vmm_share_encode(struct ds_buf *ret, const struct ds_span files[static VMM_SHARE_N],
                                 struct ds_error *e);
