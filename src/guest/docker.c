/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and using containerd and dockerd.
 */
#include "guest/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "guest/await.h"
#include "guest/engine_log.h"
#include "guest/log_stream.h"
#include "net/http_client.h"

#define CONTAINERD_STATE  "/run/containerd"
#define CONTAINERD_SOCKET CONTAINERD_STATE "/containerd.sock"
#define DOCKERD_CONFIG    "/etc/docker/daemon.json"
#define STANDARD_INPUT    "/proc/self/fd/0"
#define DOCKER_SOCKET     "/run/docker.sock"
#define DOCKER_HOST       "unix:///run/docker.sock"
#define ENGINE_LOG        "/run/log/engine.log"
#define CONTAINERD_MS     60000
#define COMPOSE_LOG       "/run/log/compose.log"
#define COMPOSE           "/usr/libexec/docker/cli-plugins/docker-compose"
#define LOAD_IDLE_MS      120000
#define COMPOSE_MS        (30 * 60 * 1000) /* images may have to be pulled */
#define CONFIG_MAX        ((size_t)16 << 20)
#define CONFIG_MS         60000

/* Start a program whose standard input is a pipe; ret_in is our end of it. */
static int spawn_waiting(struct ds_proc *ret, int *ret_in, struct ds_proc_spec spec,
                         struct ds_error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ds_fail_errno(e, errno, "make a pipe");
    DS_AUTO(ds_auto_close) int theirs = ends[0], ours = ends[1];
    const struct ds_proc_fd fd = { .from = theirs, .to = 0 };
    spec.fds = &fd;
    spec.n_fds = 1;
    DS_TRY(ds_proc_spawn(ret, &spec, e));
    *ret_in = DS_TAKE_FD(ours);
    return DS_OK;
}

int guest_engine_start(struct guest_engine *ret, struct ds_error *e)
{
    /* Its configuration stands in the image: /etc/containerd. */
    static const char *const containerd[] = { "/usr/bin/containerd", NULL };
    static const char *const dockerd[] = { "/usr/sbin/dockerd", "--config-file",
                                           STANDARD_INPUT,      "--containerd",
                                           CONTAINERD_SOCKET,   "-H",
                                           DOCKER_HOST,         NULL };
    struct ds_proc_spec spec = { .argv = dockerd, .log_path = ENGINE_LOG, .session = true };
    DS_TRY(ds_dir_make("/run/home", 0700, e));
    DS_TRY(ds_dir_make("/run/log", 0755, e));
    DS_TRY(ds_dir_make(CONTAINERD_STATE, 0711, e));
    DS_TRY(spawn_waiting(&ret->dockerd, &ret->gate, spec, e));
    spec.argv = containerd;
    return ds_proc_spawn(&ret->containerd, &spec, e);
}

/* What we saw of the failure is ours to tell; what the engine's log says may not be. */
static int fail(struct ds_error *e, const struct guest_engine *g, const char *what,
                const struct ds_error *why)
{
    int r = guest_engine_fail(e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_ENGINE_FAILED, what, ENGINE_LOG,
                              g->logs_are_public);
    return ds_wrap(e, r, "%s", why->msg);
}

int guest_engine_open(struct guest_engine *g, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf config = { 0 };
    struct ds_error why;
    /* dockerd looks for containerd once, and then only after a second's pause. */
    if (guest_socket_await(CONTAINERD_SOCKET, &g->containerd, CONTAINERD_MS, &why) < 0)
        return fail(e, g, "containerd", &why);
    DS_TRY(ds_file_load(&config, DOCKERD_CONFIG, CONFIG_MAX, e));
    /* dockerd's own end keeps what is written, whenever it comes to read it. */
    DS_AUTO(ds_auto_close) int gate = DS_TAKE_FD(g->gate);
    return ds_fd_write_all(gate, ds_buf_span(&config), &why) == DS_OK ? DS_OK
                                                                      : fail(e, g, "dockerd", &why);
}

static struct net_target docker_target(void)
{
    return (struct net_target){ .kind = NET_TARGET_UNIX, .host = DOCKER_SOCKET };
}

/* dockerd binds its socket early and answers when it is ready: one patient request. */
int guest_engine_wait(const struct guest_engine *g, int64_t timeout_ms, struct ds_error *e)
{
    const struct net_target target = docker_target();
    int64_t deadline = ds_clock_mono_ms() + timeout_ms;
    DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
    struct ds_error why;
    int got = guest_socket_await(DOCKER_SOCKET, &g->dockerd, timeout_ms, &why);
    int64_t left_ms = deadline - ds_clock_mono_ms();
    const struct net_http_call ping = { .path = "/_ping", .timeout_ms = left_ms > 1 ? left_ms : 1 };
    if (got == DS_OK)
        got = net_http_call(&r, &target, NULL, &ping, &why);
    if (got == DS_OK && r.status != 200)
        got = ds_fail(&why, DS_ERR_PEER, "dockerd answers %d to /_ping", r.status);
    return got == DS_OK ? DS_OK : fail(e, g, "dockerd", &why);
}

struct source {
    int fd;
    uint64_t left;
};

static int read_source(void *arg, uint8_t *out, size_t cap, size_t *ret_len, struct ds_error *e)
{
    struct source *s = arg;
    ssize_t n = read(s->fd, out, s->left < cap ? (size_t)s->left : cap);
    if (n < 0 || (n == 0 && s->left > 0))
        return ds_fail_errno(e, n < 0 ? errno : EIO, "read the image volume");
    s->left -= (uint64_t)n;
    *ret_len = (size_t)n;
    return DS_OK;
}

int guest_engine_load(const struct guest_engine *g, const char *archive, uint64_t len,
                      struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open(archive, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open image volume '%s'", archive);
    const struct net_target target = docker_target();
    struct source source = { fd, len };
    const struct net_http_header type = { "Content-Type", "application/x-tar" };
    const struct net_http_call call = { .method = "POST",
                                        .path = "/images/load?quiet=1",
                                        .headers = &type,
                                        .n_headers = 1,
                                        .source = read_source,
                                        .source_arg = &source,
                                        .timeout_ms = LOAD_IDLE_MS };
    DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
    DS_TRY(net_http_call(&r, &target, NULL, &call, e));
    const char *body = r.body.p != NULL ? r.body.p : "";
    /* The engine answers 200 and tells of a failure in the stream (Docker API, ImageLoad). */
    if (r.status != 200 || strstr(body, "\"error\"") != NULL)
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_GUEST_IMAGE_REFUSED, archive, "a loaded image",
                         g->logs_are_public ? body : "a refusal", "dockerd");
    return DS_OK;
}

/* Writes the document where Compose reads it; JSON is YAML. */
static int write_compose(char **ret_path, struct ds_span compose, const char *dir,
                         struct ds_error *e)
{
    *ret_path = ds_str_fmt("%s/docker-compose.yaml", dir);
    if (*ret_path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "write the compose document");
    DS_TRY(ds_dir_make(dir, 0700, e));
    return ds_file_save(*ret_path, compose, 0600, "guest.compose", e);
}

int guest_compose_config(struct ds_buf *ret, const struct guest_engine *g, struct ds_span compose,
                         const char *dir, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *file = NULL;
    DS_TRY(write_compose(&file, compose, dir, e));
    const char *const argv[] = { COMPOSE,    "-f",   file, "config", "--no-interpolate",
                                 "--format", "json", NULL };
    const struct ds_proc_spec spec = { .argv = argv, .cwd = dir };
    struct ds_error why;
    int r = ds_proc_run(ret, &spec, DS_SPAN_LIT(""), CONFIG_MAX, CONFIG_MS, &why);
    if (r == DS_ERR_SYS && !g->logs_are_public)
        return guest_engine_fail(e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_COMPOSE_FAILED,
                                 "docker compose config", COMPOSE_LOG, false);
    if (r < 0)
        *e = why;
    return r;
}

int guest_compose_start(struct guest_compose *ret, const char *name, const char *dir,
                        const char *const *env, struct ds_error *e)
{
    const char *const argv[] = {
        COMPOSE, "--project-directory", dir, "-f", "-", "-p", name, "--progress", "plain", "up",
        "-d",    "--remove-orphans",    NULL
    };
    const struct ds_proc_spec spec = {
        .argv = argv, .env = env, .cwd = dir, .log_path = COMPOSE_LOG
    };
    DS_TRY(ds_dir_make(dir, 0700, e));
    return spawn_waiting(&ret->proc, &ret->document, spec, e);
}

/* A pipe takes 64 KiB; the rest goes as it is read. */
static int write_until(int fd, struct ds_span bytes, int64_t deadline_ms, struct ds_error *e)
{
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return ds_fail_errno(e, errno, "set up a pipe");
    while (bytes.len > 0) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        ssize_t n = write(fd, bytes.p, bytes.len);
        if (n >= 0)
            bytes = ds_span_sub(bytes, (size_t)n, bytes.len);
        else if (errno != EAGAIN && errno != EINTR)
            return ds_fail_errno(e, errno, "write to a pipe");
        int64_t left = deadline_ms - ds_clock_mono_ms();
        if (left <= 0 || (n < 0 && poll(&p, 1, (int)left) == 0))
            return ds_fail(e, DS_ERR_TIMEOUT, "a pipe is not read");
    }
    return DS_OK;
}

int guest_compose_up(struct guest_compose *c, struct ds_span compose, bool logs_are_public,
                     struct ds_error *e)
{
    struct ds_proc_exit ended;
    struct ds_error why;
    DS_AUTO(ds_auto_close) int out = DS_TAKE_FD(c->document);
    /* One that ended early says why in its log. */
    int64_t deadline = ds_clock_mono_ms() + COMPOSE_MS;
    int written = write_until(out, compose, deadline, &why);
    (void)close(DS_TAKE_FD(out));
    int64_t left = deadline - ds_clock_mono_ms();
    DS_TRY(ds_proc_wait(&ended, &c->proc, left > 0 ? (int)left : 0, e));
    if (!ended.ended)
        return ds_fail(e, DS_ERR_TIMEOUT, "'docker compose up' runs longer than %d s",
                       COMPOSE_MS / 1000);
    if (written == DS_OK && ended.known && ended.status == 0)
        return DS_OK;
    return guest_engine_fail(e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_COMPOSE_FAILED,
                             "docker compose up", COMPOSE_LOG, logs_are_public);
}

void guest_compose_done(struct guest_compose *c)
{
    struct ds_proc_exit ended;
    if (c->document >= 0)
        (void)close(c->document);
    /* A process that cannot be killed has no remedy here. */
    if (c->proc.pidfd >= 0 && ds_proc_stop(&ended, &c->proc, 0, NULL) < 0)
        c->proc.id.pid = 0;
    ds_proc_done(&c->proc);
    *c = (struct guest_compose)GUEST_COMPOSE_NONE;
}

/* One request to the engine whose reply must be 200. */
static int get(struct net_http_response *ret, const char *path, struct ds_error *e)
{
    const struct net_target target = docker_target();
    const struct net_http_call call = { .path = path, .timeout_ms = 10000, .reply_max = 4 << 20 };
    DS_TRY(net_http_call(ret, &target, NULL, &call, e));
    if (ret->status != 200)
        return ds_fail(e, ret->status == 404 ? DS_ERR_NOTFOUND : DS_ERR_PEER,
                       "the container engine answers %d to %s", ret->status, path);
    return DS_OK;
}

static int logs_of(struct ds_buf *ret, const char *id, const char *name,
                   const struct guest_logs *want, struct ds_error *e)
{
    char until[48] = "";
    /* dockerd's bound is inclusive: the last nanosecond before. */
    if (want->until_s > 0)
        (void)snprintf(until, sizeof until, "&until=%lld.999999999", (long long)want->until_s - 1);
    DS_AUTO(ds_auto_free)
    char *path = ds_str_fmt("/containers/%s/logs?stdout=1&stderr=1&tail=%u&since=%lld%s", id,
                            want->lines, (long long)want->since_s, until);
    DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read container logs");
    DS_TRY(get(&r, path, e));
    guest_log_stream_add(ret, name, ds_buf_span(&r.body));
    return ds_buf_end(ret, e, "container logs");
}

int guest_engine_logs(struct ds_buf *ret, const struct guest_logs *want, struct ds_error *e)
{
    const char *container = want->container;
    DS_AUTO(net_http_response_done) struct net_http_response list = { 0 };
    DS_TRY(get(&list, "/containers/json?all=1", e));
    yyjson_doc *doc = yyjson_read(list.body.p, list.body.len, 0);
    yyjson_val *all = yyjson_doc_get_root(doc), *c;
    size_t i, n, n_shown = 0;
    int r = yyjson_is_arr(all) ? DS_OK : ds_fail(e, DS_ERR_PEER, "dockerd's list is no array");
    yyjson_arr_foreach(all, i, n, c)
    {
        const char *id = yyjson_get_str(yyjson_obj_get(c, "Id"));
        const char *name = yyjson_get_str(yyjson_arr_get_first(yyjson_obj_get(c, "Names")));
        if (r < 0 || id == NULL || name == NULL)
            continue;
        name += name[0] == '/';
        if (container[0] != '\0' && strcmp(container, name) != 0)
            continue;
        r = logs_of(ret, id, name, want, e);
        n_shown++;
    }
    yyjson_doc_free(doc);
    if (r == DS_OK && container[0] != '\0' && n_shown == 0)
        return ds_fail(e, DS_ERR_NOTFOUND, "no container '%s'", container);
    return r;
}
