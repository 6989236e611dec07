/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LUKS2 through libcryptsetup; what it accepts is narrowed to what we make.
 */
#include "disk/luks.h"

#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/secret.h"
#include "disk/luks_metadata.h"

#define LABEL        "dstack-data"
#define METADATA_LEN 0x4000 /* bytes of each of the two copies of the metadata */
#define BLOCK_LEN    4096   /* of the binary header that each copy begins with */
#define SECONDARY_AT METADATA_LEN
/* Metadata and key slots: what a new disk gets written. The room up to the payload stays empty. */
#define AREAS_LEN ((size_t)1024 * 1024)

static const struct crypt_pbkdf_type pbkdf2 = {
    .type = CRYPT_KDF_PBKDF2,
    .hash = "sha256",
    .iterations = DISK_LUKS_PBKDF2_ROUNDS,
    .flags = CRYPT_PBKDF_NO_BENCHMARK,
};

static void device_free(struct crypt_device **cd)
{
    if (*cd != NULL)
        crypt_free(*cd);
}

/* What fails is told by return values; what it would print would come between the boot's lines. */
static void no_log(int level, const char *text, void *arg)
{
    (void)level;
    (void)text;
    (void)arg;
}

static void device_set_up(struct crypt_device *cd)
{
    crypt_set_log_callback(cd, no_log, NULL);
    (void)crypt_metadata_locking(cd, 0); /* no one else is here to lock out */
}

static int read_at(int fd, uint8_t *ret, size_t len, uint64_t at, const char *what,
                   struct ds_error *e)
{
    ssize_t n = pread(fd, ret, len, (off_t)at);
    if (n != (ssize_t)len)
        return ds_fail_errno(e, n < 0 ? errno : EIO, "read the header of '%s'", what);
    return DS_OK;
}

static bool is_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= p[i];
    return any == 0;
}

int disk_content_probe(enum disk_content *ret, const char *device, struct ds_error *e)
{
    static const uint8_t magic[6] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };
    uint8_t primary[BLOCK_LEN], secondary[BLOCK_LEN];
    DS_AUTO(ds_auto_close) int fd = open(device, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open data disk '%s'", device);
    DS_TRY(read_at(fd, primary, sizeof primary, 0, device, e));
    DS_TRY(read_at(fd, secondary, sizeof secondary, SECONDARY_AT, device, e));
    if (memcmp(primary, magic, sizeof magic) == 0)
        *ret = DISK_CONTENT_LUKS;
    else if (is_zero(primary, sizeof primary) && is_zero(secondary, sizeof secondary))
        *ret = DISK_CONTENT_EMPTY;
    else
        *ret = DISK_CONTENT_OTHER;
    return DS_OK;
}

static int file_make(int *ret_fd, const char *path, struct ds_error *e)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return ds_fail_errno(e, errno, "remove '%s'", path);
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *ret_fd >= 0 ? DS_OK : ds_fail_errno(e, errno, "make '%s'", path);
}

int disk_luks_format(const char *header, const char *device, struct ds_span passphrase,
                     struct ds_error *e)
{
    DS_AUTO(device_free) struct crypt_device *cd = NULL;
    DS_AUTO(ds_auto_close) int fd = -1;
    DS_TRY(file_make(&fd, header, e));
    if (ftruncate(fd, AREAS_LEN) != 0)
        return ds_fail_errno(e, errno, "make '%s'", header);
    int r = crypt_init(&cd, header);
    if (r < 0)
        return ds_fail_errno(e, -r, "open '%s' for formatting", header);
    device_set_up(cd);
    struct crypt_params_luks2 luks2 = {
        .pbkdf = &pbkdf2,
        .data_alignment = DISK_LUKS_PAYLOAD_AT / 512,
        .data_device = device,
        .sector_size = DISK_LUKS_SECTOR_LEN,
        .label = LABEL,
    };
    r = crypt_set_data_offset(cd, DISK_LUKS_PAYLOAD_AT / 512);
    if (r == 0)
        r = crypt_set_metadata_size(cd, METADATA_LEN, AREAS_LEN - 2 * (size_t)METADATA_LEN);
    if (r == 0)
        r = crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL, NULL, DISK_LUKS_KEY_LEN,
                         &luks2);
    if (r < 0)
        return ds_fail_errno(e, -r, "format LUKS2 for '%s'", device);
    r = crypt_keyslot_add_by_volume_key(cd, CRYPT_ANY_SLOT, NULL, 0, (const char *)passphrase.p,
                                        passphrase.len);
    if (r < 0)
        return ds_fail_errno(e, -r, "add the key slot for '%s'", device);
    return DS_OK;
}

static int write_at(int fd, const uint8_t *bytes, size_t len, uint64_t at, const char *device,
                    struct ds_error *e)
{
    ssize_t n = pwrite(fd, bytes, len, (off_t)at);
    if (n != (ssize_t)len)
        return ds_fail_errno(e, n < 0 ? errno : EIO, "write the header of '%s'", device);
    return DS_OK;
}

static int sync_to(int fd, const char *device, struct ds_error *e)
{
    return fsync(fd) == 0 ? DS_OK : ds_fail_errno(e, errno, "sync '%s'", device);
}

/* One block, of which only the first 512 bytes say anything (LUKS2 on-disk format 2.1): it is
 * written whole or not at all. */
static int write_block(int fd, const uint8_t *areas, uint64_t at, const char *device,
                       struct ds_error *e)
{
    DS_TRY(write_at(fd, areas + at, BLOCK_LEN, at, device, e));
    return sync_to(fd, device, e);
}

int disk_luks_commit(const char *device, const char *header, struct ds_error *e)
{
    const size_t rest_at = SECONDARY_AT + BLOCK_LEN;
    DS_AUTO(ds_buf_done) struct ds_buf areas = { 0 };
    DS_TRY(ds_file_load(&areas, header, AREAS_LEN, e));
    if (areas.len != AREAS_LEN)
        return ds_fail(e, DS_ERR_SYS, "'%s' has %zu bytes, expected %zu", header, areas.len,
                       AREAS_LEN);
    const uint8_t *p = ds_buf_span(&areas).p;
    DS_AUTO(ds_auto_close) int fd = open(device, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open data disk '%s'", device);
    DS_FAULT("disk.header.before");
    DS_TRY(write_at(fd, p + BLOCK_LEN, SECONDARY_AT - BLOCK_LEN, BLOCK_LEN, device, e));
    DS_TRY(write_at(fd, p + rest_at, AREAS_LEN - rest_at, rest_at, device, e));
    DS_TRY(sync_to(fd, device, e));
    DS_FAULT("disk.header.body");
    DS_TRY(write_block(fd, p, 0, device, e));
    DS_FAULT("disk.header.primary");
    DS_TRY(write_block(fd, p, SECONDARY_AT, device, e));
    DS_FAULT("disk.header.whole");
    return DS_OK;
}

int disk_luks_copy_header(const char *header, const char *device, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int out = -1;
    DS_AUTO(ds_auto_close) int in = open(device, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return ds_fail_errno(e, errno, "open data disk '%s'", device);
    DS_TRY(file_make(&out, header, e));
    uint8_t chunk[64 * 1024];
    for (uint64_t at = 0; at < DISK_LUKS_PAYLOAD_AT; at += sizeof chunk) {
        DS_TRY(read_at(in, chunk, sizeof chunk, at, device, e));
        DS_TRY(ds_fd_write_all(out, DS_SPAN_OF(chunk), e));
    }
    return DS_OK;
}

static int refuse_header(struct ds_error *e, const char *claim, const char *expected,
                         const char *got)
{
    return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_HEADER_REFUSED, claim, expected, got,
                     "LUKS2 header copy");
}

/* What libcryptsetup holds in memory from the copy, and will act on. */
static int check_header(struct crypt_device *cd, struct ds_error *e)
{
    const char *json = NULL;
    if (crypt_dump_json(cd, &json, 0) < 0 || json == NULL)
        return refuse_header(e, "metadata", "readable", "unreadable");
    return disk_luks_metadata_check(ds_span_str(json), e);
}

int disk_luks_open(const char *device, const char *name, struct ds_span passphrase,
                   const char *header, struct ds_error *e)
{
    DS_AUTO(device_free) struct crypt_device *cd = NULL;
    int r = crypt_init_data_device(&cd, header, device);
    if (r < 0)
        return ds_fail_errno(e, -r, "open the header of '%s'", device);
    device_set_up(cd);
    r = crypt_load(cd, CRYPT_LUKS2, NULL);
    if (r < 0)
        return refuse_header(e, "header", "an intact LUKS2 header", "one that does not load");
    DS_TRY(check_header(cd, e));
    DS_AUTO(ds_secret_wipe) struct ds_secret key = { 0 };
    DS_TRY(ds_secret_new(&key, DISK_LUKS_KEY_LEN, e));
    size_t key_len = key.len;
    r = crypt_volume_key_get(cd, CRYPT_ANY_SLOT, (char *)key.p, &key_len,
                             (const char *)passphrase.p, passphrase.len);
    if (r < 0)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_KEY_REFUSED, "disk key",
                         "the key that made this disk", "a key that opens no slot", "KMS");
    r = crypt_activate_by_volume_key(cd, name, (const char *)key.p, key_len, 0);
    if (r < 0)
        return ds_fail_errno(e, -r, "activate '%s' as '%s'", device, name);
    return DS_OK;
}
