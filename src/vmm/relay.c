/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack-relay TARGET: carries bytes between its standard input and output and
 * one target, "unix:/path" or "tcp:a.b.c.d:port". QEMU starts one for every
 * connection that a guest makes to a forwarded address (guestfwd …-cmd:), so
 * it starts fast: no heap, no configuration, no libraries of ours. Standard
 * error is the guest's socket too: nothing is ever printed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PUMP_CAP (64u * 1024)

/* One direction. */
struct pump {
    int from, to;
    size_t at, len; /* bytes in buf[at..at+len) wait for `to` */
    bool eof;       /* `from` gives no more */
    bool done;      /* and all of it went out, or nobody takes it */
    uint8_t buf[PUMP_CAP];
};

static struct pump up, down;

/* A path of any length: a long one goes through a descriptor of its directory. */
static int connect_unix(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    char dir[4096];
    const char *slash = strrchr(path, '/');
    if (strlen(path) < sizeof addr.sun_path) {
        memcpy(addr.sun_path, path, strlen(path));
    } else {
        if (slash == NULL || (size_t)(slash - path) >= sizeof dir)
            return -1;
        memcpy(dir, path, (size_t)(slash - path));
        dir[slash - path] = '\0';
        int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int n = snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d%s", dirfd, slash);
        if (dirfd < 0 || n < 0 || (size_t)n >= sizeof addr.sun_path)
            return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0)
        return fd;
    return -1;
}

static int connect_tcp(const char *text)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        return -1;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    uint32_t port = 0;
    for (const char *p = colon + 1; *p >= '0' && *p <= '9' && port <= UINT16_MAX; p++)
        port = port * 10 + (uint32_t)(*p - '0');
    if (inet_pton(AF_INET, host, &addr.sin_addr) != 1 || port == 0 || port > UINT16_MAX)
        return -1;
    addr.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0)
        return fd;
    return -1;
}

static int connect_target(const char *target)
{
    if (strncmp(target, "unix:", 5) == 0)
        return connect_unix(target + 5);
    if (strncmp(target, "tcp:", 4) == 0)
        return connect_tcp(target + 4);
    return -1;
}

static bool is_again(int err) { return err == EAGAIN || err == EINTR; }

/* Tell the other side that no more comes; a pipe (as in tests) is closed instead. */
static void pump_finish(struct pump *p)
{
    p->done = true;
    if (shutdown(p->to, SHUT_WR) != 0 && errno == ENOTSOCK)
        (void)close(p->to);
}

static void pump_read(struct pump *p)
{
    ssize_t n = read(p->from, p->buf, sizeof p->buf);
    if (n < 0 && is_again(errno))
        return;
    if (n <= 0) {
        p->eof = true;
        pump_finish(p);
        return;
    }
    p->at = 0;
    p->len = (size_t)n;
}

static void pump_write(struct pump *p)
{
    ssize_t n = write(p->to, p->buf + p->at, p->len);
    if (n < 0 && is_again(errno))
        return;
    if (n < 0) {
        p->eof = true;
        p->done = true;
        return;
    }
    p->at += (size_t)n;
    p->len -= (size_t)n;
}

static bool pump_wants_read(const struct pump *p) { return !p->eof && p->len == 0; }
static bool pump_wants_write(const struct pump *p) { return !p->done && p->len > 0; }

static void pump_step(struct pump *p, const struct pollfd *from, const struct pollfd *to)
{
    if (pump_wants_write(p) && to->revents != 0)
        pump_write(p);
    else if (pump_wants_read(p) && from->revents != 0)
        pump_read(p);
}

/* Four entries, since standard input and output may be one socket or two pipes. */
static bool relay_step(void)
{
    struct pollfd fds[4] = {
        { .fd = pump_wants_read(&up) ? up.from : -1, .events = POLLIN },
        { .fd = pump_wants_write(&up) ? up.to : -1, .events = POLLOUT },
        { .fd = pump_wants_read(&down) ? down.from : -1, .events = POLLIN },
        { .fd = pump_wants_write(&down) ? down.to : -1, .events = POLLOUT },
    };
    if (poll(fds, 4, -1) < 0)
        return errno == EINTR;
    pump_step(&up, &fds[0], &fds[1]);
    pump_step(&down, &fds[2], &fds[3]);
    return !(up.done && down.done);
}

static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    (void)signal(SIGPIPE, SIG_IGN);
    int fd = connect_target(argv[1]);
    if (fd < 0)
        return 1;
    up.from = STDIN_FILENO;
    up.to = fd;
    down.from = fd;
    down.to = STDOUT_FILENO;
    set_nonblocking(STDIN_FILENO);
    set_nonblocking(STDOUT_FILENO);
    set_nonblocking(fd);
    while (relay_step())
        continue;
    return 0;
}
