/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LUKS2 through libcryptsetup; what it accepts is narrowed to what we make.
 */
#include "disk/luks.h"

#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"

#define MASTER_KEY_LEN 64 /* bytes: two AES-256 keys for XTS */
#define PBKDF2_ROUNDS  1000
#define SECTOR_LEN     4096
#define LABEL_UNMADE   "dstack-unmade" /* formatted, but the file system is not whole yet */
#define LABEL_MADE     "dstack-data"

static const struct crypt_pbkdf_type pbkdf2 = {
    .type = CRYPT_KDF_PBKDF2,
    .hash = "sha256",
    .iterations = PBKDF2_ROUNDS,
    .flags = CRYPT_PBKDF_NO_BENCHMARK,
};

static void device_free(struct crypt_device **cd)
{
    if (*cd != NULL)
        crypt_free(*cd);
}

int disk_content_probe(enum disk_content *ret, const char *device, struct ds_error *e)
{
    static const uint8_t magic[6] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };
    uint8_t head[64 * 1024];
    DS_AUTO(ds_auto_close) int fd = open(device, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open data disk '%s'", device);
    ssize_t n = pread(fd, head, sizeof head, 0);
    if (n != (ssize_t)sizeof head)
        return ds_fail_errno(e, n < 0 ? errno : EIO, "read the start of data disk '%s'", device);
    if (memcmp(head, magic, sizeof magic) == 0) {
        *ret = DISK_CONTENT_LUKS;
        return DS_OK;
    }
    uint8_t any = 0;
    for (size_t i = 0; i < sizeof head; i++)
        any |= head[i];
    *ret = any == 0 ? DISK_CONTENT_EMPTY : DISK_CONTENT_OTHER;
    return DS_OK;
}

int disk_luks_format(const char *device, struct ds_span passphrase, struct ds_error *e)
{
    DS_AUTO(device_free) struct crypt_device *cd = NULL;
    int r = crypt_init(&cd, device);
    if (r < 0)
        return ds_fail_errno(e, -r, "open '%s' for formatting", device);
    (void)crypt_metadata_locking(cd, 0); /* no one else is here to lock out */
    struct crypt_params_luks2 luks2 = {
        .pbkdf = &pbkdf2,
        .data_alignment = DISK_LUKS_PAYLOAD_AT / 512,
        .sector_size = SECTOR_LEN,
        .label = LABEL_UNMADE,
    };
    r = crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL, NULL, MASTER_KEY_LEN, &luks2);
    if (r < 0)
        return ds_fail_errno(e, -r, "format '%s' as LUKS2", device);
    r = crypt_keyslot_add_by_volume_key(cd, CRYPT_ANY_SLOT, NULL, 0, (const char *)passphrase.p,
                                        passphrase.len);
    if (r < 0)
        return ds_fail_errno(e, -r, "add the key slot on '%s'", device);
    return DS_OK;
}

/* Copies the header area into a file of our own. */
static int header_copy_make(const char *device, const char *copy, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int in = open(device, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return ds_fail_errno(e, errno, "open data disk '%s'", device);
    if (unlink(copy) != 0 && errno != ENOENT)
        return ds_fail_errno(e, errno, "remove '%s'", copy);
    DS_AUTO(ds_auto_close) int out = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0)
        return ds_fail_errno(e, errno, "make '%s'", copy);
    uint8_t chunk[64 * 1024];
    for (uint64_t at = 0; at < DISK_LUKS_PAYLOAD_AT; at += sizeof chunk) {
        ssize_t n = pread(in, chunk, sizeof chunk, (off_t)at);
        if (n != (ssize_t)sizeof chunk)
            return ds_fail_errno(e, n < 0 ? errno : EIO, "read the header of '%s'", device);
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

static int check_number(struct ds_error *e, const char *claim, uint64_t expected, uint64_t got)
{
    if (expected == got)
        return DS_OK;
    char want[24], came[24];
    (void)snprintf(want, sizeof want, "%llu", (unsigned long long)expected);
    (void)snprintf(came, sizeof came, "%llu", (unsigned long long)got);
    return refuse_header(e, claim, want, came);
}

static int check_text(struct ds_error *e, const char *claim, const char *expected, const char *got)
{
    return got != NULL && strcmp(expected, got) == 0
               ? DS_OK
               : refuse_header(e, claim, expected, got != NULL ? got : "none");
}

static int count_slots(struct crypt_device *cd)
{
    int n = 0;
    for (int i = 0; i < crypt_keyslot_max(CRYPT_LUKS2); i++)
        if (crypt_keyslot_status(cd, i) > CRYPT_SLOT_INACTIVE)
            n++;
    return n;
}

static bool is_made(struct crypt_device *cd)
{
    const char *label = crypt_get_label(cd);
    return label == NULL || strcmp(label, LABEL_UNMADE) != 0;
}

/* guest-api 8.2 h: the null cipher, a second key slot or an integrity layer would hand the data
 * to whoever wrote the header. */
static int check_header(struct crypt_device *cd, struct ds_error *e)
{
    struct crypt_pbkdf_type kdf = { 0 };
    struct crypt_params_integrity integrity = { 0 };
    DS_TRY(check_text(e, "cipher", "aes", crypt_get_cipher(cd)));
    DS_TRY(check_text(e, "cipher mode", "xts-plain64", crypt_get_cipher_mode(cd)));
    DS_TRY(check_number(e, "key bytes", MASTER_KEY_LEN, (uint64_t)crypt_get_volume_key_size(cd)));
    DS_TRY(
        check_number(e, "payload sector", DISK_LUKS_PAYLOAD_AT / 512, crypt_get_data_offset(cd)));
    DS_TRY(check_number(e, "iv offset", 0, crypt_get_iv_offset(cd)));
    DS_TRY(check_number(e, "sector bytes", SECTOR_LEN, (uint64_t)crypt_get_sector_size(cd)));
    DS_TRY(check_number(e, "key slots", 1, (uint64_t)count_slots(cd)));
    if (crypt_keyslot_get_pbkdf(cd, 0, &kdf) < 0)
        return refuse_header(e, "key slot 0", "pbkdf2", "unreadable");
    DS_TRY(check_text(e, "key slot function", CRYPT_KDF_PBKDF2, kdf.type));
    /* A huge round count would stall the boot; ours is always the same. */
    DS_TRY(check_number(e, "key slot rounds", PBKDF2_ROUNDS, kdf.iterations));
    if (crypt_get_integrity_info(cd, &integrity) == 0 && integrity.integrity != NULL)
        return refuse_header(e, "integrity", "none", integrity.integrity);
    return DS_OK;
}

int disk_luks_set_made(const char *device, struct ds_error *e)
{
    DS_AUTO(device_free) struct crypt_device *cd = NULL;
    int r = crypt_init(&cd, device);
    if (r == 0) {
        (void)crypt_metadata_locking(cd, 0);
        r = crypt_load(cd, CRYPT_LUKS2, NULL);
    }
    if (r == 0)
        r = crypt_set_label(cd, LABEL_MADE, NULL);
    return r < 0 ? ds_fail_errno(e, -r, "mark '%s' as made", device) : DS_OK;
}

int disk_luks_open(bool *ret_is_made, const char *device, const char *name,
                   struct ds_span passphrase, const char *header_copy, struct ds_error *e)
{
    DS_TRY(header_copy_make(device, header_copy, e));
    DS_AUTO(device_free) struct crypt_device *cd = NULL;
    int r = crypt_init_data_device(&cd, header_copy, device);
    if (r < 0)
        return ds_fail_errno(e, -r, "open the header of '%s'", device);
    (void)crypt_metadata_locking(cd, 0);
    r = crypt_load(cd, CRYPT_LUKS2, NULL);
    if (r < 0)
        return refuse_header(e, "header", "an intact LUKS2 header", "one that does not load");
    DS_TRY(check_header(cd, e));
    DS_AUTO(ds_secret_wipe) struct ds_secret key = { 0 };
    DS_TRY(ds_secret_new(&key, MASTER_KEY_LEN, e));
    size_t key_len = key.len;
    r = crypt_volume_key_get(cd, CRYPT_ANY_SLOT, (char *)key.p, &key_len,
                             (const char *)passphrase.p, passphrase.len);
    if (r < 0)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_KEY_REFUSED, "disk key",
                         "the key that made this disk", "a key that opens no slot", "KMS");
    r = crypt_activate_by_volume_key(cd, name, (const char *)key.p, key_len, 0);
    if (r < 0)
        return ds_fail_errno(e, -r, "activate '%s' as '%s'", device, name);
    *ret_is_made = is_made(cd);
    return DS_OK;
}
