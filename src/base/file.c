/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and directories; see file.h for the promises.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/str.h"

static int fail_open(struct ds_error *e, int err, const char *path)
{
    int cls = ds_fail_errno(e, err, "open '%s'", path);
    if (err != ENOENT)
        return cls;
    if (e != NULL)
        e->cls = DS_ERR_NOTFOUND;
    return DS_ERR_NOTFOUND;
}

int ds_fd_load(struct ds_buf *ret, int fd, size_t max, const char *what, struct ds_error *e)
{
    size_t total = 0;
    for (;;) {
        size_t want = 64 * 1024;
        char *room = ds_buf_room(ret, want);
        if (room == NULL)
            return ds_buf_end(ret, e, what);
        ssize_t n = read(fd, room, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ds_fail_errno(e, errno, "read '%s'", what);
        if (n == 0)
            return DS_OK;
        total += (size_t)n;
        if (total > max)
            return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_FILE_TOO_LARGE,
                                "'%s' is larger than %zu bytes", what, max);
        ds_buf_took(ret, (size_t)n);
    }
}

int ds_file_load(struct ds_buf *ret, const char *path, size_t max, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail_open(e, errno, path);
    return ds_fd_load(ret, fd, max, path, e);
}

int ds_fd_write_all(int fd, struct ds_span bytes, struct ds_error *e)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.p, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ds_fail_errno(e, errno, "write %zu bytes", bytes.len);
        bytes = DS_SPAN(bytes.p + n, bytes.len - (size_t)n);
    }
    return DS_OK;
}

static int sync_parent(const char *path, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *dir = strdup(path);
    if (dir == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "save '%s'", path);
    char *slash = strrchr(dir, '/');
    if (slash != NULL)
        *(slash == dir ? slash + 1 : slash) = '\0';
    const char *name = slash != NULL ? dir : ".";
    DS_AUTO(ds_auto_close) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* EINVAL: a file system in memory, on which nothing can be made durable. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        return ds_fail_errno(e, errno, "sync directory '%s'", name);
    return DS_OK;
}

/* The file is complete: make it durable, give it its name, make that durable. */
static int commit(int fd, const char *tmp, const char *path, const char *point, struct ds_error *e)
{
    if (fsync(fd) != 0)
        return ds_fail_errno(e, errno, "sync '%s'", tmp);
    DS_FAULT_STEP(point, "written");
    if (rename(tmp, path) != 0)
        return ds_fail_errno(e, errno, "rename '%s' to '%s'", tmp, path);
    DS_FAULT_STEP(point, "renamed");
    return sync_parent(path, e);
}

int ds_file_save(const char *path, struct ds_span content, mode_t mode, const char *point,
                 struct ds_error *e)
{
    DS_FAULT_STEP(point, "before");
    DS_AUTO(ds_auto_free) char *tmp = ds_str_fmt("%s.new", path);
    if (tmp == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "save '%s'", path);
    /* A left-over of a crash may have another owner's mode: start afresh. */
    if (unlink(tmp) != 0 && errno != ENOENT)
        return ds_fail_errno(e, errno, "remove '%s'", tmp);
    DS_AUTO(ds_auto_close)
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return fail_open(e, errno, tmp);
    int r = ds_fd_write_all(fd, content, e);
    if (r < 0)
        return ds_wrap(e, r, "save '%s'", path);
    return commit(fd, tmp, path, point, e);
}

int ds_file_commit(const char *path, const char *tmp, const char *point, struct ds_error *e)
{
    DS_FAULT_STEP(point, "before");
    DS_AUTO(ds_auto_close) int fd = open(tmp, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail_open(e, errno, tmp);
    return commit(fd, tmp, path, point, e);
}

int ds_file_remove(const char *path, const char *point, struct ds_error *e)
{
    DS_FAULT_STEP(point, "before");
    if (unlink(path) != 0) {
        if (errno == ENOENT)
            return DS_OK;
        return ds_fail_errno(e, errno, "remove '%s'", path);
    }
    DS_FAULT_STEP(point, "removed");
    return sync_parent(path, e);
}

/* A directory that was there is as durable as it will be. */
static int make_one(const char *path, mode_t mode, struct ds_error *e)
{
    if (mkdir(path, mode) == 0)
        return sync_parent(path, e);
    return errno == EEXIST ? DS_OK : ds_fail_errno(e, errno, "make directory '%s'", path);
}

int ds_dir_make(const char *path, mode_t mode, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *part = strdup(path);
    if (part == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "make directory '%s'", path);
    char *from = part[0] == '/' ? part + 1 : part;
    for (char *slash = strchr(from, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        DS_TRY(make_one(part, 0755, e));
        *slash = '/';
    }
    return make_one(part, mode, e);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by the depth of a tree that we made. */
static int remove_at(int parent, const char *name, struct ds_error *e)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return DS_OK;
    if (errno != EISDIR && errno != EPERM)
        return ds_fail_errno(e, errno, "remove '%s'", name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        int err = errno;
        if (fd >= 0)
            (void)close(fd);
        return ds_fail_errno(e, err, "open directory '%s'", name);
    }
    int r = DS_OK;
    for (struct dirent *d = readdir(dir); r == DS_OK && d != NULL; d = readdir(dir))
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            r = remove_at(fd, d->d_name, e);
    (void)closedir(dir);
    DS_TRY(r);
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return ds_fail_errno(e, errno, "remove directory '%s'", name);
    return DS_OK;
}

int ds_dir_remove(const char *path, struct ds_error *e) { return remove_at(AT_FDCWD, path, e); }

bool ds_file_exists(const char *path) { return access(path, F_OK) == 0; }

int ds_file_find(bool *ret_found, const char *path, struct ds_error *e)
{
    struct stat st;
    int r = lstat(path, &st);
    if (r != 0 && errno != ENOENT)
        return ds_fail_errno(e, errno, "look for '%s'", path);
    *ret_found = r == 0;
    return DS_OK;
}

int ds_file_lock(int *ret_fd, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_open(e, errno, path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return ds_fail(e, DS_ERR_EXISTS, "'%s' is locked by another process", path);
        return ds_fail_errno(e, errno, "lock '%s'", path);
    }
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}
