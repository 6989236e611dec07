/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and using containerd and dockerd.
 */
#include "guest/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "guest/engine_log.h"
#include "net/http_client.h"

#define CONTAINERD_SOCKET "/run/containerd/containerd.sock"
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

/* dockerd looks for containerd once and then only after a second's pause. */
static int wait_containerd(const struct guest_engine *g, struct ds_error *e)
{
    struct ds_proc p = g->containerd;
    for (int64_t until = ds_clock_mono_ms() + CONTAINERD_MS; ds_clock_mono_ms() < until;) {
        struct ds_proc_exit ended;
        if (ds_file_exists(CONTAINERD_SOCKET))
            return DS_OK;
        DS_TRY(ds_proc_wait(&ended, &p, 10, e));
        if (ended.ended)
            break;
    }
    return guest_engine_fail(e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_ENGINE_FAILED, "containerd",
                             ENGINE_LOG, g->logs_are_public);
}

int guest_engine_start(struct guest_engine *ret, struct ds_error *e)
{
    /* Their configuration stands in the image: /etc/containerd and /etc/docker. */
    static const char *const containerd[] = { "/usr/bin/containerd", NULL };
    static const char *const dockerd[] = { "/usr/sbin/dockerd", "--containerd",
                                           CONTAINERD_SOCKET,   "-H",
                                           DOCKER_HOST,         NULL };
    struct ds_proc_spec spec = { .argv = containerd, .log_path = ENGINE_LOG, .session = true };
    DS_TRY(ds_dir_make("/run/home", 0700, e));
    DS_TRY(ds_proc_spawn(&ret->containerd, &spec, e));
    DS_TRY(wait_containerd(ret, e));
    spec.argv = dockerd;
    return ds_proc_spawn(&ret->dockerd, &spec, e);
}

static struct net_target docker_target(void)
{
    return (struct net_target){ .kind = NET_TARGET_UNIX, .host = DOCKER_SOCKET };
}

/* dockerd binds its socket early and answers when it is ready: one connect, one patient request. */
int guest_engine_wait(const struct guest_engine *g, int64_t timeout_ms, struct ds_error *e)
{
    const struct net_target target = docker_target();
    int64_t deadline = ds_clock_mono_ms() + timeout_ms;
    for (;;) {
        DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
        int64_t left = deadline - ds_clock_mono_ms();
        const struct net_http_call ping = { .path = "/_ping", .timeout_ms = left };
        struct ds_error why;
        int got = left > 0 ? net_http_call(&r, &target, NULL, &ping, &why)
                           : ds_fail(&why, DS_ERR_TIMEOUT, "no answer");
        if (got == DS_OK && r.status == 200)
            return DS_OK;
        struct ds_proc_exit ended = { 0 };
        struct ds_proc dockerd = g->dockerd;
        /* Until it binds, the socket is not there: wait a little, or for its end. */
        DS_TRY(ds_proc_wait(&ended, &dockerd, 20, e));
        if (ended.ended || left <= 0)
            return guest_engine_fail(e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_ENGINE_FAILED, "dockerd",
                                     ENGINE_LOG, g->logs_are_public);
    }
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

int guest_compose_up(const struct guest_engine *g, const char *name, struct ds_span compose,
                     const char *dir, const char *const *env, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *file = NULL;
    DS_TRY(write_compose(&file, compose, dir, e));
    const char *const argv[] = { COMPOSE,      "-f",    file, "-p", name,
                                 "--progress", "plain", "up", "-d", "--remove-orphans",
                                 NULL };
    const struct ds_proc_spec spec = {
        .argv = argv, .env = env, .cwd = dir, .log_path = COMPOSE_LOG
    };
    struct ds_error why;
    int r = ds_proc_run(NULL, &spec, DS_SPAN_LIT(""), 0, COMPOSE_MS, &why);
    if (r == DS_OK)
        return DS_OK;
    if (r != DS_ERR_SYS) {
        *e = why;
        return r;
    }
    return guest_engine_fail(e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_COMPOSE_FAILED,
                             "docker compose up", COMPOSE_LOG, g->logs_are_public);
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

/* Docker's log stream: frames of {u8 stream, 3 zeros, BE32 length} (API, "attach"). */
static void add_frames(struct ds_buf *ret, const char *name, struct ds_span stream)
{
    struct ds_reader r = ds_reader_of(stream);
    while (ds_read_left(&r) >= 8) {
        ds_read_skip(&r, 4);
        struct ds_span text = ds_read_span(&r, ds_read_u32be(&r));
        struct ds_span line;
        while (ds_span_line(&text, &line)) {
            ds_buf_printf(ret, "%s | ", name);
            ds_buf_add(ret, line);
            ds_buf_char(ret, '\n');
        }
    }
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
    add_frames(ret, name, ds_buf_span(&r.body));
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
