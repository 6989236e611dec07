/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verity volumes through libcryptsetup.
 */
#include "disk/verity.h"

#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/scope.h"

static void device_free(struct crypt_device **cd)
{
    if (*cd != NULL)
        crypt_free(*cd);
}

static struct crypt_params_verity params_of(const char *device, uint64_t n_blocks, uint32_t flags)
{
    return (struct crypt_params_verity){
        .hash_name = "sha256",
        .data_device = device,
        .salt_size = 0,
        .hash_type = 1,
        .data_block_size = DISK_VERITY_BLOCK,
        .hash_block_size = DISK_VERITY_BLOCK,
        .data_size = n_blocks,
        .hash_area_offset = n_blocks * DISK_VERITY_BLOCK,
        .flags = CRYPT_VERITY_NO_HEADER | flags,
    };
}

static int pad(uint64_t *ret_blocks, const char *path, struct ds_error *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return ds_fail_errno(e, errno, "look at '%s'", path);
    uint64_t n = ((uint64_t)st.st_size + DISK_VERITY_BLOCK - 1) / DISK_VERITY_BLOCK;
    if (truncate(path, (off_t)(n * DISK_VERITY_BLOCK)) != 0)
        return ds_fail_errno(e, errno, "pad '%s' to whole blocks", path);
    *ret_blocks = n;
    return DS_OK;
}

int disk_verity_make(struct disk_verity *ret, const char *path, struct ds_error *e)
{
    uint64_t n_blocks = 0;
    DS_TRY(pad(&n_blocks, path, e));
    DS_AUTO(device_free) struct crypt_device *cd = NULL;
    int r = crypt_init(&cd, path);
    if (r < 0)
        return ds_fail_errno(e, -r, "open '%s'", path);
    struct crypt_params_verity p = params_of(path, n_blocks, CRYPT_VERITY_CREATE_HASH);
    r = crypt_format(cd, CRYPT_VERITY, NULL, NULL, NULL, NULL, 0, &p);
    if (r < 0)
        return ds_fail_errno(e, -r, "make the hash tree of '%s'", path);
    struct disk_verity v = { .n_blocks = n_blocks };
    size_t len = sizeof v.root32;
    r = crypt_volume_key_get(cd, CRYPT_ANY_SLOT, (char *)v.root32, &len, NULL, 0);
    if (r < 0 || len != sizeof v.root32)
        return ds_fail_errno(e, r < 0 ? -r : EIO, "read the root hash of '%s'", path);
    *ret = v;
    return DS_OK;
}

int disk_verity_open(const char *device, const char *name, const struct disk_verity *volume,
                     struct ds_error *e)
{
    DS_AUTO(device_free) struct crypt_device *cd = NULL;
    int r = crypt_init(&cd, device);
    if (r < 0)
        return ds_fail_errno(e, -r, "open volume '%s'", device);
    struct crypt_params_verity p = params_of(device, volume->n_blocks, 0);
    /* Without a superblock there is nothing to load: "format" takes the parameters and writes
     * nothing, since CREATE_HASH is not asked for. */
    r = crypt_format(cd, CRYPT_VERITY, NULL, NULL, NULL, NULL, 0, &p);
    if (r == 0)
        r = crypt_activate_by_volume_key(cd, name, (const char *)volume->root32,
                                         sizeof volume->root32, CRYPT_ACTIVATE_READONLY);
    if (r == -EPERM || r == -EINVAL)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_VERITY_REFUSED, name,
                         DS_HEX(DS_SPAN_OF(volume->root32)), "a tree with another root",
                         "app-compose");
    if (r < 0)
        return ds_fail_errno(e, -r, "open volume '%s'", device);
    return DS_OK;
}
