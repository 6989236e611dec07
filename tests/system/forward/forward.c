/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward PORT=TARGET...: carries the TCP connections of each port to its target,
 * a unix socket's path or an IPv4 address with port. It stands in a test app's
 * container and shows what that container reaches. A target that does not take
 * the connection ends the caller's at once.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/scope.h"
#include "base/str.h"

#define DIAL_S 5

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static bool parse_port(uint16_t *ret_be, struct ds_span text)
{
    uint64_t port;
    if (ds_str_u64(&port, text, UINT16_MAX, NULL) < 0)
        return false;
    *ret_be = htons((uint16_t)port);
    return true;
}

static int dial_unix(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    if (!ds_str_copy(addr.sun_path, sizeof addr.sun_path, path))
        return -1;
    DS_AUTO(ds_auto_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        return -1;
    return DS_TAKE_FD(fd);
}

static int dial_inet(const char *target)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    const struct timeval wait = { .tv_sec = DIAL_S };
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(target, ':');
    if (colon == NULL || !parse_port(&addr.sin_port, ds_span_str(colon + 1)) ||
        !ds_str_copy_span(host, sizeof host, DS_SPAN(target, (size_t)(colon - target))) ||
        inet_pton(AF_INET, host, &addr.sin_addr) != 1)
        return -1;
    DS_AUTO(ds_auto_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
        connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        return -1;
    return DS_TAKE_FD(fd);
}

/* One direction: false when nothing more will come. */
static bool carry_some(int from, int to)
{
    char bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n > 0 && send(to, bytes, (size_t)n, MSG_NOSIGNAL) == n)
        return true;
    (void)shutdown(to, SHUT_WR);
    return false;
}

static void carry(int a, int b)
{
    struct pollfd fds[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN } };
    while ((fds[0].fd >= 0 || fds[1].fd >= 0) && poll(fds, 2, -1) >= 0)
        for (int i = 0; i < 2; i++)
            if (fds[i].fd >= 0 && fds[i].revents != 0 && !carry_some(fds[i].fd, i == 0 ? b : a))
                fds[i].fd = -1;
}

static int serve(struct ds_span port, const char *target)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    const int on = 1;
    DS_AUTO(ds_auto_close) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!parse_port(&addr.sin_port, port) || listener < 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (struct sockaddr *)&addr, sizeof addr) != 0 || listen(listener, 16) != 0)
        return fail(target);
    for (;;) {
        DS_AUTO(ds_auto_close) int caller = accept(listener, NULL, NULL);
        if (caller < 0 || fork() != 0)
            continue;
        DS_AUTO(ds_auto_close)
        int callee = target[0] == '/' ? dial_unix(target) : dial_inet(target);
        if (callee >= 0)
            carry(caller, callee);
        return 0;
    }
}

int main(int argc, char **argv)
{
    if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
        return fail("signal");
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        if (equals == NULL)
            return 2;
        if (i == argc - 1 || fork() == 0)
            return serve(DS_SPAN(argv[i], (size_t)(equals - argv[i])), equals + 1);
    }
    return 2;
}
