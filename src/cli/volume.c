/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making image volumes. The name is content-derived, so the same image is made
 * once and shared by every VM that uses it.
 */
#include "cli/volume.h"

#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "cli/oci.h"

static int volume_make(struct compose_image *img, const char *dir, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *tmp = ds_str_fmt("%s/.new-%ld", dir, (long)getpid());
    if (tmp == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "make an image volume");
    DS_TRY(oci_archive_make(img->layout, img->name, tmp, e));
    DS_TRY(disk_verity_make(&img->verity, tmp, e));
    (void)snprintf(img->source, sizeof img->source, "image-%.32s.vol",
                   DS_HEX(DS_SPAN_OF(img->verity.root32)));
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/%s", dir, img->source);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "make an image volume");
    if (rename(tmp, path) != 0)
        return ds_fail_errno(e, errno, "rename '%s' to '%s'", tmp, path);
    return DS_OK;
}

int cli_volumes_make(struct cli *cli, struct compose *c, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *dir = ds_str_fmt("%s/vmm/volumes", cli->state);
    if (dir == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "make image volumes");
    if (c->n_images > 0)
        DS_TRY(ds_dir_make(dir, 0700, e));
    for (size_t i = 0; i < c->n_images; i++) {
        int r = volume_make(&c->images[i], dir, e);
        if (r < 0)
            return ds_wrap(e, r, "image '%s'", c->images[i].name);
    }
    return DS_OK;
}
