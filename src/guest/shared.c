/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the host-shared disk: header by header, each file bounded by its row.
 */
#include "guest/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "base/hex.h"
#include "codec/tar.h"
#include "crypto/hash.h"

#define MEMBERS_MAX 16

struct row {
    const char *name;
    size_t at;  /* offset in struct guest_shared */
    size_t max; /* bytes, guest-api 8.2 a */
    bool required;
};

static const struct row rows[] = {
    { "app-compose.json", offsetof(struct guest_shared, app_compose), 50 << 20, true },
    { ".sys-config.json", offsetof(struct guest_shared, sys_config), 256 << 10, true },
    { ".instance_info", offsetof(struct guest_shared, instance_info), 10 << 10, false },
    { ".encrypted-env", offsetof(struct guest_shared, encrypted_env), 256 << 10, false },
    { ".user-config", offsetof(struct guest_shared, user_config), 50 << 20, false },
};

static struct ds_buf *buf_of(struct guest_shared *s, const struct row *row)
{
    return (struct ds_buf *)((char *)s + row->at);
}

void guest_shared_done(struct guest_shared *s)
{
    for (size_t i = 0; i < DS_LEN(rows); i++)
        ds_buf_done(buf_of(s, &rows[i]));
}

static int refuse(struct ds_error *e, const char *name, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_GUEST_SHARED_REFUSED, name, expected, got,
                     "host-shared disk");
}

static const struct row *find(const char *name)
{
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static int read_at(int fd, uint64_t at, void *out, size_t n, struct ds_error *e)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, (char *)out + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ds_fail_errno(e, errno, "read the host-shared disk");
        if (got == 0)
            return refuse(e, "archive", "an end marker", "the end of the disk");
        done += (size_t)got;
    }
    return DS_OK;
}

static int take(struct guest_shared *ret, int fd, uint64_t at, const struct ds_tar_member *m,
                uint64_t len, struct ds_error *e)
{
    const struct row *row = find(m->name);
    if (row == NULL)
        return refuse(e, m->name, "one of the five known names", "another name");
    struct ds_buf *buf = buf_of(ret, row);
    if (buf->p != NULL)
        return refuse(e, m->name, "once", "twice");
    if (len > row->max) {
        char expected[48], got[48];
        (void)snprintf(expected, sizeof expected, "at most %zu bytes", row->max);
        (void)snprintf(got, sizeof got, "%llu bytes", (unsigned long long)len);
        return refuse(e, m->name, expected, got);
    }
    char *room = ds_buf_room(buf, (size_t)len);
    if (room == NULL)
        return ds_buf_end(buf, e, m->name);
    DS_TRY(read_at(fd, at, room, (size_t)len, e));
    ds_buf_took(buf, (size_t)len);
    return DS_OK;
}

int guest_shared_load(struct guest_shared *ret, const char *device, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open(device, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open the host-shared disk '%s'", device);
    uint64_t at = 0;
    for (int n = 0; n <= MEMBERS_MAX; n++) {
        uint8_t block[DS_TAR_BLOCK];
        struct ds_tar_member m;
        uint64_t len = 0;
        bool more;
        DS_TRY(read_at(fd, at, block, sizeof block, e));
        struct ds_error why;
        if (ds_tar_header_parse(&m, &len, &more, DS_SPAN_OF(block), &why) < 0)
            return refuse(e, "archive", "a flat archive", why.msg);
        if (!more)
            break;
        DS_TRY(take(ret, fd, at + sizeof block, &m, len, e));
        at += sizeof block + len + ds_tar_padding(len);
    }
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (rows[i].required && buf_of(ret, &rows[i])->p == NULL)
            return refuse(e, rows[i].name, "the file", "nothing");
    return DS_OK;
}

int guest_shared_check_user_config(const struct guest_shared *s, const struct app_compose *compose,
                                   struct ds_error *e)
{
    uint8_t got32[32];
    struct ds_span file = ds_buf_span(&s->user_config);
    if (!compose->has_user_config_hash)
        return DS_OK;
    DS_TRY(ds_hash(DS_SHA256, got32, file, e));
    if (file.p != NULL && memcmp(got32, compose->user_config_hash32, 32) == 0)
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_GUEST_USER_CONFIG_MISMATCH, ".user-config",
                     DS_HEX(DS_SPAN_OF(compose->user_config_hash32)),
                     file.p != NULL ? DS_HEX(DS_SPAN_OF(got32)) : "no file",
                     "app-compose in MRCONFIGID");
}
