/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify(7) on the socket's directory, beside the pidfd of its owner. The watch
 * stands before the first look, so no change can fall in between.
 */
#include "guest/await.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"
#include "base/str.h"

/* Between bind and listen a socket refuses, and listen makes no event: look again this soon. */
#define REFUSED_MS 20

static int try_connect(const struct sockaddr_un *at)
{
    DS_AUTO(ds_auto_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    return connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 ? 0 : errno;
}

static int watch_directory(int *ret, const char *path, struct ds_error *e)
{
    char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path ||
        !ds_str_copy_span(dir, sizeof dir, DS_SPAN(path, (size_t)(slash - path))))
        return ds_fail(e, DS_ERR_ARG, "'%s' is no absolute path in a directory", path);
    DS_AUTO(ds_auto_close) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 || inotify_add_watch(fd, dir, IN_CREATE | IN_MOVED_TO | IN_ATTRIB) < 0)
        return ds_fail_errno(e, errno, "watch '%s'", dir);
    *ret = DS_TAKE_FD(fd);
    return DS_OK;
}

/* Until the directory changes, the owner ends, or the time is up. */
static int sleep_until_news(int watch, const struct ds_proc *owner, int timeout_ms,
                            struct ds_error *e)
{
    char events[4096];
    struct pollfd fds[] = { { .fd = watch, .events = POLLIN },
                            { .fd = owner->pidfd, .events = POLLIN } };
    if (poll(fds, DS_LEN(fds), timeout_ms) < 0 && errno != EINTR)
        return ds_fail_errno(e, errno, "wait for a socket");
    while (read(watch, events, sizeof events) > 0)
        ; /* which file it was does not matter: the next connect tells */
    return DS_OK;
}

int guest_socket_await(const char *path, const struct ds_proc *owner, int64_t timeout_ms,
                       struct ds_error *e)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    DS_AUTO(ds_auto_close) int watch = -1;
    int64_t deadline = ds_clock_mono_ms() + timeout_ms;
    if (!ds_str_copy(at.sun_path, sizeof at.sun_path, path))
        return ds_fail(e, DS_ERR_ARG, "the path of socket '%s' is too long", path);
    DS_TRY(watch_directory(&watch, path, e));
    for (;;) {
        struct ds_proc_exit ended;
        struct ds_proc p = *owner;
        int got = try_connect(&at);
        /* EAGAIN: its queue is full, so it is there. */
        if (got == 0 || got == EAGAIN)
            return DS_OK;
        if (got != ENOENT && got != ECONNREFUSED)
            return ds_fail_errno(e, got, "connect to '%s'", path);
        DS_TRY(ds_proc_wait(&ended, &p, 0, e));
        if (ended.ended)
            return ds_fail(e, DS_ERR_UNAVAILABLE, "the owner of '%s' ended", path);
        int64_t left = deadline - ds_clock_mono_ms();
        if (left <= 0)
            return ds_fail(e, DS_ERR_TIMEOUT, "no socket '%s' in %lld ms", path,
                           (long long)timeout_ms);
        if (got == ECONNREFUSED && left > REFUSED_MS)
            left = REFUSED_MS;
        DS_TRY(sleep_until_news(watch, owner, (int)left, e));
    }
}
