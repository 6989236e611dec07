/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulling by dockerd's API, and its words turned into codes.
 */
#include "guest/pull.h"

#include <stdio.h>
#include <string.h>

#include "app/images.h"
#include "base/file.h"
#include "base/str.h"
#include "codec/json.h"
#include "net/http_client.h"

#define HOSTS_FILE "/run/hosts"
#define CERTS_DIR  "/run/docker-certs.d" /* /etc/docker/certs.d is a link to it */
#define TOKENS_MEM ((size_t)8 << 20)
#define PULL_MS    120000 /* between two pieces of what dockerd tells while it pulls */
#define ASK_MS     10000
#define TAIL_KEPT  4096 /* bytes: a failure is the last thing that dockerd says */
#define IMAGE_MAX  512

static const struct guest_registry *address_of(const struct guest_sys_config *sys,
                                               struct ds_span host)
{
    for (size_t i = 0; i < sys->n_registries; i++)
        if (ds_span_eq_str(host, sys->registries[i].host))
            return &sys->registries[i];
    return NULL;
}

static int write_hosts(struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    ds_buf_str(&text, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
    for (size_t i = 0; i < a->compose.n_registries; i++) {
        struct ds_span host = a->compose.registries[i].host;
        const struct guest_registry *r = address_of(&a->sys, host);
        const uint8_t *colon = memchr(host.p, ':', host.len);
        if (r == NULL || colon == NULL)
            continue; /* then it must be reached by name */
        ds_buf_printf(&text, "%u.%u.%u.%u %.*s\n", r->address4[0], r->address4[1], r->address4[2],
                      r->address4[3], (int)(colon - host.p), (const char *)host.p);
    }
    DS_TRY(ds_buf_end(&text, e, "hosts"));
    return ds_file_save(HOSTS_FILE, ds_buf_span(&text), 0644, "guest.hosts", e);
}

static int write_ca(const struct app_registry *r, struct ds_error *e)
{
    DS_AUTO(ds_auto_free)
    char *dir = ds_str_fmt(CERTS_DIR "/%.*s", (int)r->host.len, (const char *)r->host.p);
    DS_AUTO(ds_auto_free) char *path = dir != NULL ? ds_str_fmt("%s/ca.crt", dir) : NULL;
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "keep a registry's CA");
    DS_TRY(ds_dir_make(dir, 0755, e));
    return ds_file_save(path, r->ca_certificate, 0644, "guest.registry_ca", e);
}

int guest_registries_open(struct agent *a, struct ds_error *e)
{
    DS_TRY(write_hosts(a, e));
    for (size_t i = 0; i < a->compose.n_registries; i++)
        DS_TRY(write_ca(&a->compose.registries[i], e));
    return DS_OK;
}

enum ds_code guest_pull_code(struct ds_span message)
{
    static const struct {
        const char *words;
        enum ds_code code;
    } rows[] = {
        { "x509:", DS_CODE_GUEST_REGISTRY_UNTRUSTED },
        { "tls:", DS_CODE_GUEST_REGISTRY_UNTRUSTED },
        { "server gave HTTP response to HTTPS client", DS_CODE_GUEST_REGISTRY_UNTRUSTED },
        { "manifest unknown", DS_CODE_GUEST_IMAGE_UNKNOWN },
        { "not found", DS_CODE_GUEST_IMAGE_UNKNOWN },
        { "verification failed", DS_CODE_GUEST_IMAGE_UNKNOWN },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (message.len > 0 &&
            memmem(message.p, message.len, rows[i].words, strlen(rows[i].words)) != NULL)
            return rows[i].code;
    return DS_CODE_GUEST_IMAGE_PULL;
}

static int refuse(struct ds_error *e, const struct agent *a, const char *image,
                  struct ds_span message)
{
    enum ds_code code = guest_pull_code(message);
    int cls = code == DS_CODE_GUEST_REGISTRY_UNTRUSTED ? DS_ERR_UNTRUSTED
              : code == DS_CODE_GUEST_IMAGE_UNKNOWN    ? DS_ERR_NOTFOUND
                                                       : DS_ERR_UNAVAILABLE;
    char text[144];
    if (!a->engine.logs_are_public)
        message = DS_SPAN_LIT("a refusal; its words stay in the VM, for public_logs is false");
    (void)ds_str_printable(text, sizeof text, message);
    return ds_refuse(e, cls, code, "image", image, text, "app-compose");
}

/* Only the end is kept: dockerd tells of each layer many times. */
static int keep_tail(void *arg, struct ds_span piece, struct ds_error *e)
{
    struct ds_buf *tail = arg;
    if (tail->len + piece.len > (size_t)2 * TAIL_KEPT) {
        size_t keep = tail->len < TAIL_KEPT ? tail->len : TAIL_KEPT;
        memmove(tail->p, tail->p + tail->len - keep, keep);
        tail->len = keep;
    }
    if (piece.len > TAIL_KEPT)
        piece = ds_span_sub(piece, piece.len - TAIL_KEPT, piece.len);
    ds_buf_add(tail, piece);
    return ds_buf_end(tail, e, "what dockerd tells");
}

static void add_quoted(struct ds_buf *out, const char *text, size_t len)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (size_t i = 0; i < len; i++) {
        if (strchr(plain, text[i]) != NULL)
            ds_buf_char(out, text[i]);
        else
            ds_buf_printf(out, "%%%02X", (unsigned char)text[i]);
    }
}

static const struct net_target docker = { .kind = NET_TARGET_UNIX, .host = "/run/docker.sock" };

static int is_there(bool *ret, const char *image, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf path = { 0 };
    DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
    ds_buf_str(&path, "/images/");
    add_quoted(&path, image, strlen(image));
    ds_buf_str(&path, "/json");
    DS_TRY(ds_buf_end(&path, e, "request"));
    const struct net_http_call call = { .path = path.p, .timeout_ms = ASK_MS };
    DS_TRY(net_http_call(&r, &docker, NULL, &call, e));
    *ret = r.status == 200;
    return DS_OK;
}

/* Docker API, ImageCreate: name and digest apart; a failure comes as status or as the last line. */
static int pull(struct agent *a, const char *image, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf path = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf tail = { 0 };
    DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
    const char *at = strchr(image, '@');
    bool has;
    DS_TRY(is_there(&has, image, e));
    if (has || at == NULL)
        return DS_OK;
    ds_buf_str(&path, "/images/create?fromImage=");
    add_quoted(&path, image, (size_t)(at - image));
    ds_buf_str(&path, "&tag=");
    add_quoted(&path, at + 1, strlen(at + 1));
    DS_TRY(ds_buf_end(&path, e, "request"));
    const struct net_http_call call = { .method = "POST",
                                        .path = path.p,
                                        .sink = keep_tail,
                                        .sink_arg = &tail,
                                        .timeout_ms = PULL_MS };
    DS_TRY(net_http_call(&r, &docker, NULL, &call, e));
    if (r.status != 200)
        return refuse(e, a, image, ds_buf_span(&r.body));
    static const char mark[] = "\"error\"";
    const char *error = tail.p != NULL ? memmem(tail.p, tail.len, mark, sizeof mark - 1) : NULL;
    if (error != NULL)
        return refuse(e, a, image, DS_SPAN(error, tail.len - (size_t)(error - tail.p)));
    return DS_OK;
}

static int pull_services(struct agent *a, const struct ds_json_tok *services, struct ds_error *e)
{
    for (const struct ds_json_tok *k = ds_json_first(services); k != NULL;
         k = ds_json_next(services, k)) {
        const struct ds_json_tok *image = ds_json_find(k + 1, "image");
        char text[IMAGE_MAX];
        if (image == NULL || image->type != DS_JSON_STRING || image->is_escaped ||
            app_image_is_on_volume(image->raw, &a->compose) ||
            !app_image_is_by_digest(image->raw) || !ds_str_copy_span(text, sizeof text, image->raw))
            continue; /* the step "app" judges it */
        DS_TRY(pull(a, text, e));
    }
    return DS_OK;
}

int guest_images_pull(struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(TOKENS_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the compose document");
    struct ds_arena mem = ds_arena_of(room, TOKENS_MEM);
    const struct ds_json_tok *root;
    /* YAML of an older client: Compose itself pulls what it names. */
    if (ds_json_parse_in(&root, &mem, a->compose.docker_compose_file, NULL) < 0)
        return DS_OK;
    const struct ds_json_tok *services = ds_json_find(root, "services");
    return services != NULL && services->type == DS_JSON_OBJECT ? pull_services(a, services, e)
                                                                : DS_OK;
}
