/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting to QEMU's sockets.
 */
#include "vmm/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/scope.h"

int vmm_sock_connect(int *ret_fd, const char *dir, const char *name, struct ds_error *e)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    DS_AUTO(ds_auto_close) int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return ds_fail_errno(e, errno, "open directory '%s'", dir);
    int n = snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/%s", dirfd, name);
    if (n < 0 || (size_t)n >= sizeof addr.sun_path)
        return ds_fail(e, DS_ERR_RANGE, "socket name '%s' is too long", name);
    DS_AUTO(ds_auto_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ds_fail_errno(e, errno, "socket");
    if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        (void)ds_fail_errno(e, errno, "nobody answers at '%s/%s'", dir, name);
        if (e != NULL)
            e->cls = DS_ERR_UNAVAILABLE;
        return DS_ERR_UNAVAILABLE;
    }
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}

pid_t vmm_sock_owner(int fd)
{
    struct ucred cred = { 0 };
    socklen_t len = sizeof cred;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 ? cred.pid : 0;
}
