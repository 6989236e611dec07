/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory is opened first and the socket named below /proc/self/fd, which
 * is always short.
 */
#include "simtee/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/scope.h"

#define BACKLOG 8

struct place {
    int dir_fd;
    struct sockaddr_un addr;
};

static void place_done(struct place *p) { ds_auto_close(&p->dir_fd); }

static int place_of(struct place *ret, const char *path, struct ds_error *e)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    DS_AUTO(ds_auto_free)
    char *dir = slash != NULL ? strndup(path, (size_t)(name - path)) : strdup(".");
    if (dir == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "socket '%s'", path);
    struct place p = { .dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC),
                       .addr = { .sun_family = AF_UNIX } };
    if (p.dir_fd < 0 && errno == ENOENT)
        return ds_fail(e, DS_ERR_UNAVAILABLE, "no directory '%s'", dir);
    if (p.dir_fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", dir);
    int n = snprintf(p.addr.sun_path, sizeof p.addr.sun_path, "/proc/self/fd/%d/%s", p.dir_fd,
                     name);
    if (n < 0 || (size_t)n >= sizeof p.addr.sun_path) {
        place_done(&p);
        return ds_fail(e, DS_ERR_RANGE, "the name of socket '%s' is too long", path);
    }
    *ret = p;
    return DS_OK;
}

int simtee_unix_listen(int *ret_fd, const char *path, int type, struct ds_error *e)
{
    DS_AUTO(place_done) struct place p = { .dir_fd = -1 };
    DS_TRY(place_of(&p, path, e));
    DS_AUTO(ds_auto_close) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ds_fail_errno(e, errno, "socket '%s'", path);
    if (unlink(p.addr.sun_path) != 0 && errno != ENOENT)
        return ds_fail_errno(e, errno, "remove '%s'", path);
    /* The mode is the new file's from the start. */
    if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&p.addr, sizeof p.addr) != 0 ||
        listen(fd, BACKLOG) != 0)
        return ds_fail_errno(e, errno, "listen on '%s'", path);
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}

int simtee_unix_connect(int *ret_fd, const char *path, int type, struct ds_error *e)
{
    DS_AUTO(place_done) struct place p = { .dir_fd = -1 };
    DS_TRY(place_of(&p, path, e));
    DS_AUTO(ds_auto_close) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ds_fail_errno(e, errno, "socket '%s'", path);
    if (connect(fd, (struct sockaddr *)&p.addr, sizeof p.addr) == 0) {
        *ret_fd = DS_TAKE_FD(fd);
        return DS_OK;
    }
    if (errno == ENOENT || errno == ECONNREFUSED)
        return ds_fail(e, DS_ERR_UNAVAILABLE, "nobody listens on '%s'", path);
    return ds_fail_errno(e, errno, "connect to '%s'", path);
}
