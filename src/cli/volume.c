/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making image volumes. The name is content-derived: the same image gives the
 * same file, which takes the place of the older one, and VMs share it.
 */
#include "cli/volume.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "cli/oci.h"

#define NEW_PREFIX ".new-"

/* What an `up` that was killed left half-made may be as large as its image. */
static void stale_remove(const char *dir)
{
    DIR *d = opendir(dir);
    int fd = d != NULL ? dirfd(d) : -1;
    for (struct dirent *at = fd >= 0 ? readdir(d) : NULL; at != NULL; at = readdir(d)) {
        uint64_t pid = 0;
        if (ds_str_starts(at->d_name, NEW_PREFIX) &&
            ds_str_u64(&pid, ds_span_str(at->d_name + strlen(NEW_PREFIX)), INT32_MAX, NULL) ==
                DS_OK &&
            kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            (void)unlinkat(fd, at->d_name, 0);
    }
    if (d != NULL)
        (void)closedir(d);
}

static int volume_write(struct compose_image *img, const char *dir, const char *tmp,
                        struct ds_error *e)
{
    DS_TRY(oci_archive_make(img->layout, img->name, tmp, e));
    DS_TRY(disk_verity_make(&img->verity, tmp, e));
    (void)snprintf(img->source, sizeof img->source, "image-%.32s.vol",
                   DS_HEX(DS_SPAN_OF(img->verity.root32)));
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/%s", dir, img->source);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "make an image volume");
    return ds_file_commit(path, tmp, "cli.volume", e);
}

static int volume_make(struct compose_image *img, const char *dir, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *tmp = ds_str_fmt("%s/" NEW_PREFIX "%ld", dir, (long)getpid());
    if (tmp == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "make an image volume");
    int r = volume_write(img, dir, tmp, e);
    if (r < 0)
        (void)unlink(tmp);
    return r;
}

int cli_volumes_make(struct cli *cli, struct compose *c, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *dir = ds_str_fmt("%s/vmm/volumes", cli->state);
    if (dir == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "make image volumes");
    if (c->n_images > 0)
        DS_TRY(ds_dir_make(dir, 0700, e));
    stale_remove(dir);
    for (size_t i = 0; i < c->n_images; i++) {
        int r = volume_make(&c->images[i], dir, e);
        if (r < 0)
            return ds_wrap(e, r, "image '%s'", c->images[i].name);
    }
    return DS_OK;
}
