/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host-shared disk: the archive reader over memory and the guest's reader
 * over a device see the same files, and the writer makes a member that reads
 * the same.
 */
#include "guest/shared.h"

#include <sys/mman.h>

#include "base/file.h"
#include "codec/tar.h"
#include "fuzz.h"

/* A member is what the writer would make of its name and content. */
static void check_member(const struct ds_tar_member *m, struct ds_span in)
{
    struct ds_error e;
    struct ds_tar_member again;
    bool more;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    fuzz_check_borrowed(m->content, in, NULL);
    FUZZ_CHECK(ds_tar_add(&out, m->name, m->content, &e) == DS_OK);
    struct ds_reader r = ds_reader_of(ds_buf_span(&out));
    FUZZ_CHECK(ds_tar_next(&again, &more, &r, &e) == DS_OK && more && ds_read_left(&r) == 0);
    FUZZ_CHECK(strcmp(again.name, m->name) == 0 && ds_span_eq(again.content, m->content));
}

static const struct ds_buf *file_of(const struct guest_shared *s, const char *name)
{
    if (strcmp(name, "app-compose.json") == 0)
        return &s->app_compose;
    if (strcmp(name, ".sys-config.json") == 0)
        return &s->sys_config;
    if (strcmp(name, ".instance_info") == 0)
        return &s->instance_info;
    if (strcmp(name, ".encrypted-env") == 0)
        return &s->encrypted_env;
    return strcmp(name, ".user-config") == 0 ? &s->user_config : NULL;
}

/* Walk the archive in memory. With `s`, its files are what the guest must have read. */
static bool walk(struct ds_span in, const struct guest_shared *s)
{
    struct ds_reader r = ds_reader_of(in);
    for (;;) {
        struct ds_error e;
        struct ds_tar_member m;
        bool more = false;
        if (!fuzz_is_ok(ds_tar_next(&m, &more, &r, &e), &e))
            return false;
        if (!more)
            return true;
        check_member(&m, in);
        const struct ds_buf *file = s != NULL ? file_of(s, m.name) : NULL;
        FUZZ_CHECK(s == NULL || (file != NULL && ds_span_eq(ds_buf_span(file), m.content)));
    }
}

static bool load(struct guest_shared *ret, struct ds_span in)
{
    struct ds_error e;
    char path[32];
    DS_AUTO(ds_auto_close) int fd = memfd_create("shared", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && ds_fd_write_all(fd, in, &e) == DS_OK);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fuzz_is_ok(guest_shared_load(ret, path, &e), &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_span in = DS_SPAN(data, len);
    DS_AUTO(guest_shared_done) struct guest_shared s = { 0 };
    bool is_loaded = load(&s, in);
    bool is_walked = walk(in, is_loaded ? &s : NULL);
    FUZZ_CHECK(!is_loaded || is_walked);
    return 0;
}
