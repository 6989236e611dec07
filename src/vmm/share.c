/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of host-shared files, and the archive made of them.
 */
#include "vmm/share.h"

#include "codec/tar.h"

/* clang-format off */
const struct vmm_share_row vmm_share_rows[VMM_SHARE_N] = {
    [VMM_SHARE_APP_COMPOSE]   = { "app-compose.json", 50u << 20, true },
    [VMM_SHARE_SYS_CONFIG]    = { ".sys-config.json", 32u << 10, true },
    [VMM_SHARE_INSTANCE_INFO] = { ".instance_info",   10u << 10, false },
    [VMM_SHARE_ENCRYPTED_ENV] = { ".encrypted-env",  256u << 10, false },
    [VMM_SHARE_USER_CONFIG]   = { ".user-config",     50u << 20, false },
};
/* clang-format on */

static int check_file(const struct vmm_share_row *row, struct ds_span file, struct ds_error *e)
{
    if (file.p == NULL && row->required)
        return ds_fail(e, DS_ERR_NOTFOUND, "host-shared file '%s' is missing", row->name);
    if (file.len > row->max)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_FILE_TOO_LARGE,
                            "host-shared file '%s' has %zu bytes; at most %zu", row->name, file.len,
                            row->max);
    return DS_OK;
}

int vmm_share_encode(struct ds_buf *ret, const struct ds_span files[static VMM_SHARE_N],
                     struct ds_error *e)
{
    for (size_t i = 0; i < VMM_SHARE_N; i++)
        DS_TRY(check_file(&vmm_share_rows[i], files[i], e));
    for (size_t i = 0; i < VMM_SHARE_N; i++)
        if (files[i].p != NULL)
            DS_TRY(ds_tar_add(ret, vmm_share_rows[i].name, files[i], e));
    ds_tar_end(ret);
    return ds_buf_end(ret, e, "host-shared archive");
}
