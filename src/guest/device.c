/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking devices up in sysfs: a class directory, an attribute file in each
 * entry, and the /dev node of the entry's own name.
 */
#include "guest/device.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static bool attribute_is(const char *class_dir, const char *entry, const char *attribute,
                         const char *value)
{
    char path[512];
    int n = snprintf(path, sizeof path, "%s/%s/%s", class_dir, entry, attribute);
    if (n < 0 || (size_t)n >= sizeof path)
        return false;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    if (ds_file_load(&text, path, 4096, NULL) < 0 || text.p == NULL)
        return false; /* most entries lack the attribute */
    text.p[strcspn(text.p, "\n")] = '\0';
    return strcmp(text.p, value) == 0;
}

static int find(struct guest_path *ret, const char *class_dir, const char *prefix,
                const char *attribute, const char *value, struct ds_error *e)
{
    DIR *dir = opendir(class_dir);
    if (dir == NULL)
        return ds_fail_errno(e, errno, "open '%s'", class_dir);
    bool found = false;
    for (const struct dirent *d = readdir(dir); !found && d != NULL; d = readdir(dir)) {
        int n = snprintf(ret->s, sizeof ret->s, "/dev/%.40s", d->d_name);
        found = n > 0 && (size_t)n < sizeof ret->s &&
                strncmp(d->d_name, prefix, strlen(prefix)) == 0 &&
                attribute_is(class_dir, d->d_name, attribute, value);
    }
    (void)closedir(dir);
    if (!found)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_GUEST_DEVICE_MISSING, value, "a device",
                         "none", "host");
    return DS_OK;
}

int guest_disk_find(struct guest_path *ret, const char *serial, struct ds_error *e)
{
    return find(ret, "/sys/class/block", "vd", "serial", serial, e);
}

int guest_port_find(struct guest_path *ret, const char *name, struct ds_error *e)
{
    return find(ret, "/sys/class/virtio-ports", "vport", "name", name, e);
}
