/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LUKS through disk/, the file system through e2fsprogs.
 */
#include "guest/data_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "disk/luks.h"
#include "guest/device.h"

#define DATA_DISK    "data"
#define MKFS_OPTIONS "nodiscard,lazy_itable_init=1,lazy_journal_init=1"
#define DATA_MAPPING "data"
#define DATA_DEVICE  "/dev/mapper/data"
#define HEADER       "/run/dstack/luks-header"
#define MKFS_MS      120000
#define PASS_LEN     64 /* hex digits of the 32-byte key */
#define ENGINE_DIR   "/var/lib/docker"

static int run(const char *const *argv, struct ds_error *e)
{
    const struct ds_proc_spec spec = { .argv = argv };
    return ds_proc_run(NULL, &spec, DS_SPAN_LIT(""), 64 * 1024, MKFS_MS, e);
}

/* e2fsck(8): status 1 means that errors were found and corrected, as after a lost host. */
static int check_fs(const char *const *argv, struct ds_error *e)
{
    const struct ds_proc_spec spec = { .argv = argv };
    struct ds_proc p;
    struct ds_proc_exit ended = { 0 };
    DS_TRY(ds_proc_spawn(&p, &spec, e));
    int r = ds_proc_wait(&ended, &p, MKFS_MS, e);
    if (r == DS_OK && !ended.ended)
        r = ds_proc_stop(&ended, &p, 0, e);
    ds_proc_done(&p);
    DS_TRY(r);
    char got[48];
    (void)snprintf(got, sizeof got, "%s ended with status %d", argv[0], ended.status);
    if (ended.status > 1)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_CONTENT_REFUSED, "data disk",
                         "a file system that is whole", got, "disk key");
    return DS_OK;
}

/* 64 hex digits of the key and a NUL, in locked memory. */
static int passphrase_of(struct ds_secret *ret, const struct ds_secret *key32, struct ds_error *e)
{
    DS_TRY(ds_secret_new(ret, PASS_LEN + 1, e));
    (void)ds_hex_encode((char *)ret->p, DS_SPAN(key32->p, 32));
    return DS_OK;
}

/* The header comes last: a boot that is cut before finds an empty disk, and makes it again. */
static int make_data(const char *device, struct ds_span pass, struct ds_error *e)
{
    /* What is not written now is written later by the kernel, beside the app. */
    const char *const mkfs[] = { "mke2fs", "-q",         "-F",        "-t", "ext4",
                                 "-E",     MKFS_OPTIONS, DATA_DEVICE, NULL };
    DS_TRY(disk_luks_format(HEADER, device, pass, e));
    DS_TRY(disk_luks_open(device, DATA_MAPPING, pass, HEADER, e));
    DS_TRY(run(mkfs, e));
    DS_AUTO(ds_auto_close) int fd = open(DATA_DEVICE, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return ds_fail_errno(e, errno, "sync the new file system");
    return disk_luks_commit(device, HEADER, e);
}

static int open_data(struct agent *a, const char *device, struct ds_error *e)
{
    const char *const fsck[] = { "e2fsck", "-p", DATA_DEVICE, NULL };
    DS_AUTO(ds_secret_wipe) struct ds_secret pass = { 0 };
    enum disk_content content;
    DS_TRY(passphrase_of(&pass, &a->keys.disk_key32, e));
    struct ds_span digits = DS_SPAN(pass.p, PASS_LEN);
    DS_TRY(disk_content_probe(&content, device, e));
    if (content == DISK_CONTENT_OTHER)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_HEADER_REFUSED, "data disk",
                         "an empty disk or a LUKS2 volume", "something else", "host");
    if (content == DISK_CONTENT_EMPTY)
        return make_data(device, digits, e);
    DS_TRY(disk_luks_copy_header(HEADER, device, e));
    DS_TRY(disk_luks_open(device, DATA_MAPPING, digits, HEADER, e));
    return check_fs(fsck, e);
}

/* A directory of the data disk, seen where the engine expects it. */
static int bind_data(const char *name, const char *target, struct ds_error *e)
{
    char from[64];
    (void)snprintf(from, sizeof from, GUEST_DATA_DIR "/%s", name);
    DS_TRY(ds_dir_make(from, 0711, e));
    DS_TRY(ds_dir_make(target, 0711, e));
    if (mount(from, target, NULL, MS_BIND, NULL) != 0)
        return ds_fail_errno(e, errno, "bind '%s' to '%s'", from, target);
    return DS_OK;
}

int guest_data_disk_open(struct agent *a, struct ds_error *e)
{
    const char *const grow[] = { "resize2fs", DATA_DEVICE, NULL };
    struct guest_path disk;
    DS_TRY(guest_disk_find(&disk, DATA_DISK, e));
    DS_TRY(open_data(a, disk.s, e));
    (void)unlink(HEADER); /* in memory, which the app can use */
    if (mount(DATA_DEVICE, GUEST_DATA_DIR, "ext4", MS_NOSUID | MS_NODEV, NULL) != 0)
        return ds_fail_errno(e, errno, "mount the data disk");
    /* Mounted: a file system that is not, resize2fs wants to see checked in full each time. */
    DS_TRY(run(grow, e));
    return bind_data("docker", ENGINE_DIR, e);
}

/* EINVAL: it is no mount point; ENOENT: there was never a place for it. */
static int unmount(const char *path, struct ds_error *e)
{
    if (umount2(path, 0) == 0 || errno == EINVAL || errno == ENOENT)
        return DS_OK;
    if (errno == EBUSY && umount2(path, MNT_DETACH) == 0)
        return DS_OK;
    return ds_fail_errno(e, errno, "unmount '%s'", path);
}

/* The bind first: while it stands the file system stays mounted, and unclean on the disk. */
int guest_data_disk_close(struct ds_error *e)
{
    struct ds_error second;
    int r = unmount(ENGINE_DIR, e), r2 = unmount(GUEST_DATA_DIR, r < 0 ? &second : e);
    return r < 0 ? r : r2;
}
