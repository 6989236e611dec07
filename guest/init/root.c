/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verity root, by ioctl on /dev/mapper/control: three calls, so that the
 * initramfs needs neither libcryptsetup nor a tool. The tree has no superblock
 * and no salt (the layout of disk/verity.h): everything about it comes from the
 * measured command line, nothing from the disk.
 */
#include "root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/scope.h"
#include "base/str.h"
#include "damage.h"

#define SECTOR_LEN     512
#define HASHES_A_BLOCK (INIT_BLOCK_LEN / 32)
#define CHUNK_LEN      ((size_t)128 * 1024)

/* A small sysfs file without its newline; false when it cannot be read. */
static bool sysfs_get(char *out, size_t out_len, const char *disk, const char *name)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, name);
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, out_len - 1);
    if (n < 0)
        return false;
    while (n > 0 && out[n - 1] == '\n')
        n--;
    out[n] = '\0';
    return true;
}

static int disk_find(char *ret, size_t ret_len, struct ds_error *e)
{
    char seen[96] = "", serial[64];
    DIR *dir = opendir("/sys/block");
    if (dir == NULL)
        return ds_fail_errno(e, errno, "open /sys/block");

    bool found = false;
    for (const struct dirent *d; !found && (d = readdir(dir)) != NULL;) {
        if (!ds_str_starts(d->d_name, "vd") ||
            !sysfs_get(serial, sizeof(serial), d->d_name, "serial"))
            continue;
        size_t at = strlen(seen);
        (void)snprintf(seen + at, sizeof(seen) - at, "%s%.20s", at > 0 ? " " : "", serial);
        found = strcmp(serial, INIT_ROOT_SERIAL) == 0 && ds_str_copy(ret, ret_len, d->d_name);
    }
    (void)closedir(dir);
    if (!found)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_GUEST_ROOT_MISSING, "root disk",
                         "a virtio disk with serial " INIT_ROOT_SERIAL,
                         seen[0] != '\0' ? seen : "no virtio disk", NULL);
    return DS_OK;
}

/* Bytes of the hash tree over n data blocks: levels up to the one block that the root hashes. */
static uint64_t tree_len(uint64_t n)
{
    uint64_t blocks = 0;
    while (n > 1) {
        n = (n + HASHES_A_BLOCK - 1) / HASHES_A_BLOCK;
        blocks += n;
    }
    return blocks * INIT_BLOCK_LEN;
}

static int disk_check(const char *disk, const struct init_params *params, struct ds_error *e)
{
    char text[32], want[48], got[48];
    uint64_t n_sectors = 0;
    uint64_t need = params->root_len + tree_len(params->root_len / INIT_BLOCK_LEN);
    if (!sysfs_get(text, sizeof(text), disk, "size") ||
        ds_str_u64(&n_sectors, ds_span_str(text), UINT64_MAX / SECTOR_LEN, NULL) != DS_OK)
        return ds_fail_errno(e, errno, "read the size of /dev/%s", disk);
    if (n_sectors * SECTOR_LEN >= need)
        return DS_OK;
    (void)snprintf(want, sizeof(want), "%llu bytes or more", (unsigned long long)need);
    (void)snprintf(got, sizeof(got), "%llu bytes", (unsigned long long)n_sectors * SECTOR_LEN);
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_GUEST_ROOT_SHORT, "root disk", want, got, NULL);
}

/* One device mapper call with one verity target, where the call takes a table. */
struct dm_request {
    struct dm_ioctl head;
    struct dm_target_spec target;
    char table[512];
};

static int dm_call(int fd, unsigned long call, struct dm_request *req, const char *what,
                   struct ds_error *e)
{
    req->head.version[0] = DM_VERSION_MAJOR;
    req->head.data_size = sizeof(*req);
    req->head.data_start = offsetof(struct dm_request, target);
    (void)snprintf(req->head.name, sizeof(req->head.name), "root");
    if (ioctl(fd, call, req) == 0)
        return DS_OK;
    int num = errno;
    return ds_fail_at(e, DS_ERR_SYS, DS_CODE_GUEST_ROOT_OPEN, num, __FILE__, __LINE__,
                      "device mapper: %s", what);
}

static int verity_open(uint64_t *ret_dev, const char *disk, const struct init_params *params,
                       struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return ds_fail_at(e, DS_ERR_SYS, DS_CODE_GUEST_ROOT_OPEN, errno, __FILE__, __LINE__,
                          "open /dev/mapper/control");

    struct dm_request create = { .head = { .flags = DM_READONLY_FLAG } };
    DS_TRY(dm_call(fd, DM_DEV_CREATE, &create, "create", e));

    struct dm_request load = { .head = { .flags = DM_READONLY_FLAG, .target_count = 1 },
                               .target = { .length = params->root_len / SECTOR_LEN,
                                           .target_type = "verity" } };
    unsigned long long n_blocks = params->root_len / INIT_BLOCK_LEN;
    (void)snprintf(load.table, sizeof(load.table), "1 /dev/%s /dev/%s %d %d %llu %llu sha256 %s -",
                   disk, disk, INIT_BLOCK_LEN, INIT_BLOCK_LEN, n_blocks, n_blocks,
                   params->root_hash);
    DS_TRY(dm_call(fd, DM_TABLE_LOAD, &load, "load the verity table", e));

    struct dm_request resume = { .head = { .flags = DM_READONLY_FLAG } };
    DS_TRY(dm_call(fd, DM_DEV_SUSPEND, &resume, "resume", e));
    *ret_dev = create.head.dev;
    return DS_OK;
}

int init_root_open(char *ret_path, size_t ret_len, const struct init_params *params,
                   struct ds_error *e)
{
    char disk[32];
    uint64_t dev = 0;
    DS_TRY(disk_find(disk, sizeof(disk), e));
    DS_TRY(disk_check(disk, params, e));
    DS_TRY(verity_open(&dev, disk, params, e));
    (void)snprintf(ret_path, ret_len, "/dev/dm-%u", minor(dev));
    return DS_OK;
}

int init_root_explain(int r, const struct init_params *params, struct ds_error *e)
{
    char block[48];
    if (!init_damage_find(block, sizeof(block)))
        return r;
    return ds_refuse(e, DS_ERR_DENIED, DS_CODE_GUEST_ROOT_CORRUPT, "root disk", params->root_hash,
                     block, "dstack.rootfs_hash on the measured command line");
}

static int file_preread(const char *path, struct ds_error *e)
{
    static char chunk[CHUNK_LEN];
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0)
        n = read(fd, chunk, sizeof(chunk));
    return n < 0 ? ds_fail_errno(e, errno, "read %s", path) : DS_OK;
}

int init_root_preread(struct ds_span list, const struct init_params *params, struct ds_error *e)
{
    char path[256];
    struct ds_span line;
    while (ds_span_line(&list, &line)) {
        if (line.len == 0)
            continue;
        if (!ds_str_copy_span(path, sizeof(path), line))
            return ds_fail(e, DS_ERR_RANGE, "a path of PID 1's file list is too long");
        int r = file_preread(path, e);
        if (r < 0)
            return init_root_explain(r, params, e);
    }
    return DS_OK;
}
