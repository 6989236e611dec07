/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses as text, and the sockets behind them.
 */
#include "net/target.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"
#include "base/str.h"

#define BACKLOG 256

static int bad(struct ds_error *e, const char *text, const char *why)
{
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_NET_BAD_TARGET, "address '%.120s': %s", text,
                        why);
}

static bool copy_port(char out[static 6], struct ds_span port)
{
    uint64_t n = 0;
    return ds_str_u64(&n, port, 65535, NULL) == DS_OK && ds_str_copy_span(out, 6, port);
}

/* "host:port", "[v6]:port"; the port may be left out where a default exists. */
static int parse_inet(struct net_target *t, const char *rest, const char *default_port,
                      const char *text, struct ds_error *e)
{
    const char *host = rest;
    size_t host_len = strcspn(rest, ":");
    const char *after = rest + host_len;
    if (rest[0] == '[') {
        host = rest + 1;
        host_len = strcspn(host, "]");
        if (host[host_len] != ']')
            return bad(e, text, "']' is missing");
        after = host + host_len + 1;
    }
    if (host_len == 0 || !ds_str_copy_span(t->host, sizeof t->host, DS_SPAN(host, host_len)))
        return bad(e, text, "no host, or too long a one");
    if (after[0] == '\0' && default_port != NULL)
        return ds_str_copy(t->port, sizeof t->port, default_port) ? DS_OK : DS_ERR_RANGE;
    if (after[0] != ':' || !copy_port(t->port, ds_span_str(after + 1)))
        return bad(e, text, "the port must be a number up to 65535");
    return DS_OK;
}

static int parse_url(struct net_target *t, const char *rest, const char *default_port,
                     const char *text, struct ds_error *e)
{
    char authority[280];
    size_t n = strcspn(rest, "/?#");
    if (rest[n] != '\0' && strcmp(rest + n, "/") != 0)
        return bad(e, text, "only scheme, host and port are taken");
    if (!ds_str_copy_span(authority, sizeof authority, DS_SPAN(rest, n)))
        return bad(e, text, "too long");
    return parse_inet(t, authority, default_port, text, e);
}

int net_target_parse(struct net_target *ret, const char *text, struct ds_error *e)
{
    static const struct {
        const char *prefix;
        enum net_target_kind kind;
        bool url;
        const char *port;
    } rows[] = {
        { "tcp:", NET_TARGET_TCP, false, NULL },
        { "tls:", NET_TARGET_TLS, false, NULL },
        { "http://", NET_TARGET_TCP, true, "80" },
        { "https://", NET_TARGET_TLS, true, "443" },
    };
    struct net_target t = { .kind = NET_TARGET_UNIX };
    if (ds_str_starts(text, "unix:")) {
        if (text[5] == '\0' || !ds_str_copy(t.host, sizeof t.host, text + 5))
            return bad(e, text, "no path, or too long a one");
        *ret = t;
        return DS_OK;
    }
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        if (!ds_str_starts(text, rows[i].prefix))
            continue;
        t.kind = rows[i].kind;
        const char *rest = text + strlen(rows[i].prefix);
        DS_TRY(rows[i].url ? parse_url(&t, rest, rows[i].port, text, e)
                           : parse_inet(&t, rest, rows[i].port, text, e));
        *ret = t;
        return DS_OK;
    }
    return bad(e, text, "must begin with unix:, tcp:, tls:, http:// or https://");
}

char *net_target_text(char out[static 300], const struct net_target *t)
{
    static const char *const kinds[] = { "unix", "tcp", "tls" };
    bool v6 = t->kind != NET_TARGET_UNIX && strchr(t->host, ':') != NULL;
    (void)snprintf(out, 300, "%s:%s%s%s%s%s", kinds[t->kind], v6 ? "[" : "", t->host, v6 ? "]" : "",
                   t->kind != NET_TARGET_UNIX ? ":" : "", t->port);
    return out;
}

/*
 * The address of a unix socket. A path that is too long for it goes by its directory's
 * descriptor, which *ret_dir keeps open.
 */
static int unix_address(struct sockaddr_un *ret, int *ret_dir, const char *path, struct ds_error *e)
{
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    *ret_dir = -1;
    if (ds_str_copy(ret->sun_path, sizeof ret->sun_path, path))
        return DS_OK;
    char dir[256];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || !ds_str_copy_span(dir, sizeof dir, DS_SPAN(path, (size_t)(slash - path))))
        return ds_fail(e, DS_ERR_RANGE, "socket path '%s' is too long", path);
    DS_AUTO(ds_auto_close) int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open directory '%s'", dir);
    char near[300];
    (void)snprintf(near, sizeof near, "/proc/self/fd/%d/%s", fd, slash + 1);
    if (!ds_str_copy(ret->sun_path, sizeof ret->sun_path, near))
        return ds_fail(e, DS_ERR_RANGE, "socket path '%s' is too long", path);
    *ret_dir = DS_TAKE_FD(fd);
    return DS_OK;
}

static int new_socket(int *ret, int family, struct ds_error *e)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ds_fail_errno(e, errno, "make a socket");
    *ret = fd;
    return DS_OK;
}

/* Nobody accepts on what stands there. */
static bool is_left_over(const struct sockaddr_un *a)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    DS_AUTO(ds_auto_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 &&
           errno == ECONNREFUSED;
}

static int listen_unix(int *ret_fd, const char *path, unsigned mode, struct ds_error *e)
{
    struct sockaddr_un a;
    DS_AUTO(ds_auto_close) int dir = -1;
    DS_TRY(unix_address(&a, &dir, path, e));
    DS_AUTO(ds_auto_close) int fd = -1;
    DS_TRY(new_socket(&fd, AF_UNIX, e));
    /* The socket file takes its mode from the descriptor: never wider than wanted. */
    if (fchmod(fd, mode) != 0)
        return ds_fail_errno(e, errno, "socket '%s': mode", path);
    int r = bind(fd, (const struct sockaddr *)&a, sizeof a);
    if (r != 0 && errno == EADDRINUSE) {
        if (!is_left_over(&a))
            return ds_fail_code(e, DS_ERR_EXISTS, DS_CODE_NET_ADDRESS_TAKEN,
                                "somebody listens on 'unix:%s' already", path);
        if (unlink(a.sun_path) != 0)
            return ds_fail_errno(e, errno, "remove left-over socket '%s'", path);
        r = bind(fd, (const struct sockaddr *)&a, sizeof a);
    }
    if (r != 0 || chmod(a.sun_path, mode) != 0 || listen(fd, BACKLOG) != 0)
        return ds_fail_errno(e, errno, "listen on 'unix:%s'", path);
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}

static int resolve(struct addrinfo **ret, const struct net_target *t, int flags, struct ds_error *e)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
    int r = getaddrinfo(t->host, t->port, &hints, ret);
    if (r != 0)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_NO_ANSWER, "host '%s': %s", t->host,
                            gai_strerror(r));
    return DS_OK;
}

static void free_info(struct addrinfo **info)
{
    if (*info != NULL)
        freeaddrinfo(*info);
}

static int listen_inet(int *ret_fd, const struct net_target *t, struct ds_error *e)
{
    DS_AUTO(free_info) struct addrinfo *info = NULL;
    DS_TRY(resolve(&info, t, AI_PASSIVE, e));
    DS_AUTO(ds_auto_close) int fd = -1;
    DS_TRY(new_socket(&fd, info->ai_family, e));
    int on = 1;
    char text[300];
    /* Accepted sockets inherit NODELAY; without it a TLS reply waits for a delayed ACK. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        if (errno == EADDRINUSE)
            return ds_fail_code(e, DS_ERR_EXISTS, DS_CODE_NET_ADDRESS_TAKEN,
                                "somebody listens on '%s' already", net_target_text(text, t));
        return ds_fail_errno(e, errno, "listen on '%s'", net_target_text(text, t));
    }
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}

int net_listen(int *ret_fd, const struct net_target *t, unsigned mode, struct ds_error *e)
{
    if (t->kind == NET_TARGET_UNIX)
        return listen_unix(ret_fd, t->host, mode, e);
    return listen_inet(ret_fd, t, e);
}

static int no_answer(const struct net_target *t, int err, struct ds_error *e)
{
    char text[300];
    return ds_fail_at(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_NO_ANSWER, err, __FILE__, __LINE__,
                      "connect to '%s'", net_target_text(text, t));
}

static int too_late(const struct net_target *t, struct ds_error *e)
{
    char text[300];
    return ds_fail(e, DS_ERR_TIMEOUT, "connect to '%s' takes too long", net_target_text(text, t));
}

static int finish_connect(int fd, const struct net_target *t, int64_t deadline_ms,
                          struct ds_error *e)
{
    for (;;) {
        int64_t left = deadline_ms - ds_clock_mono_ms();
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        int n = left > 0 ? poll(&p, 1, left < 60000 ? (int)left : 60000) : 0;
        if (n == 0 && left <= 60000)
            return too_late(t, e);
        if (n > 0)
            break;
    }
    int err = 0;
    socklen_t len = sizeof err;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 || err != 0)
        return no_answer(t, err != 0 ? err : errno, e);
    return DS_OK;
}

/* A unix socket whose queue is full says EAGAIN and gives nothing to wait for. */
static int connect_one(int fd, const struct sockaddr *a, socklen_t len, const struct net_target *t,
                       int64_t deadline_ms, struct ds_error *e)
{
    while (connect(fd, a, len) != 0) {
        if (errno == EINPROGRESS)
            return finish_connect(fd, t, deadline_ms, e);
        if (errno != EAGAIN && errno != EINTR)
            return no_answer(t, errno, e);
        if (ds_clock_mono_ms() >= deadline_ms)
            return too_late(t, e);
        struct timespec nap = { 0, 5 * 1000000L };
        (void)nanosleep(&nap, NULL);
    }
    return DS_OK;
}

static int connect_unix(int *ret_fd, const struct net_target *t, int64_t deadline_ms,
                        struct ds_error *e)
{
    struct sockaddr_un a;
    DS_AUTO(ds_auto_close) int dir = -1;
    DS_TRY(unix_address(&a, &dir, t->host, e));
    DS_AUTO(ds_auto_close) int fd = -1;
    DS_TRY(new_socket(&fd, AF_UNIX, e));
    DS_TRY(connect_one(fd, (const struct sockaddr *)&a, sizeof a, t, deadline_ms, e));
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}

int net_connect(int *ret_fd, const struct net_target *t, int64_t deadline_ms, struct ds_error *e)
{
    if (t->kind == NET_TARGET_UNIX)
        return connect_unix(ret_fd, t, deadline_ms, e);
    DS_AUTO(free_info) struct addrinfo *info = NULL;
    DS_TRY(resolve(&info, t, 0, e));
    int r = DS_OK;
    for (const struct addrinfo *i = info; i != NULL; i = i->ai_next) {
        DS_AUTO(ds_auto_close) int fd = -1;
        int on = 1;
        /* A family that this kernel lacks is one more address that does not answer. */
        r = new_socket(&fd, i->ai_family, e);
        if (r == DS_OK)
            r = connect_one(fd, i->ai_addr, i->ai_addrlen, t, deadline_ms, e);
        if (r == DS_OK && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
            r = ds_fail_errno(e, errno, "set TCP_NODELAY");
        if (r == DS_OK) {
            *ret_fd = DS_TAKE_FD(fd);
            return DS_OK;
        }
    }
    return r;
}
