/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling damage of the root disk from other I/O errors; the kernel's log is
 * read by the same code that the initramfs uses.
 */
#include "guest/root_check.h"

#include "base/file.h"
#include "init/damage.h"
#include "init/params.h"

#define CMDLINE_MAX ((size_t)64 * 1024)

void guest_root_check(struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf cmdline = { 0 };
    struct init_params params;
    char found[64];
    if (!init_damage_find(found, sizeof found))
        return;
    if (ds_file_load(&cmdline, "/proc/cmdline", CMDLINE_MAX, NULL) < 0 ||
        init_params_parse(&params, ds_buf_span(&cmdline), NULL) < 0)
        params.root_hash[0] = '\0';
    (void)ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_GUEST_ROOT_CORRUPT, "root disk", params.root_hash,
                    found, "dstack.rootfs_hash on the measured command line");
}
