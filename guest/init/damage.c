/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dm-verity tells of a damaged block in the kernel log only, under the number of
 * the disk below; an app's verity volumes tell there too, under theirs.
 */
#include "damage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "params.h"

/* The root is the first device that the device mapper makes. */
#define ROOT_SLAVES "/sys/block/dm-0/slaves"
#define KMSG_MAX    ((size_t)1024 * 1024)

/* "major:minor" of the disk below the root. */
static bool root_disk_get(char *ret, size_t ret_len)
{
    char path[300];
    bool found = false;
    DIR *dir = opendir(ROOT_SLAVES);
    for (const struct dirent *d; dir != NULL && !found && (d = readdir(dir)) != NULL;) {
        if (d->d_name[0] == '.')
            continue;
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
        (void)snprintf(path, sizeof(path), ROOT_SLAVES "/%s/dev", d->d_name);
        struct ds_span line, rest;
        found = ds_file_load(&text, path, 64, NULL) == DS_OK &&
                (rest = ds_buf_span(&text), ds_span_line(&rest, &line)) &&
                ds_str_copy_span(ret, ret_len, line);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

/* All that the kernel has logged; each record of /dev/kmsg is one read. */
static void kmsg_load(struct ds_buf *ret)
{
    char record[8192]; /* the kernel makes none longer */
    DS_AUTO(ds_auto_close) int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    for (ssize_t n; fd >= 0 && ret->len < KMSG_MAX;) {
        n = read(fd, record, sizeof(record));
        if (n < 0 && errno == EPIPE) /* the ring went round: go on with the oldest left */
            continue;
        if (n <= 0)
            return;
        ds_buf_add(ret, DS_SPAN(record, (size_t)n));
    }
}

bool init_damage_find(char *ret, size_t ret_len)
{
    char dev[32];
    DS_AUTO(ds_buf_done) struct ds_buf kmsg = { 0 };
    if (!root_disk_get(dev, sizeof(dev)))
        return false;
    kmsg_load(&kmsg);
    return init_corrupt_find(ret, ret_len, ds_buf_span(&kmsg), dev);
}
