/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated platform as the guest sees it: calls over the virtio-serial
 * port org.dstack.tee to dstack-simtee on the host. Extends are numbered: when
 * the helper or the channel dies before an answer, the request goes out again
 * and the helper knows whether it was carried out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "net/mux_sync.h"
#include "rpc/client.h"
#include "tee/backend.h"

#define PORTS_DIR "/sys/class/virtio-ports"
#define PORT_NAME "org.dstack.tee"
#define NAME_MAX_ 128
/* A helper that was killed comes back when the VMM notices: give that its time. */
#define CALL_TIMEOUT_MS 60000

struct channel {
    struct tee_backend backend;
    struct net_mux_sync mux;
    uint64_t n_extends; /* the number of the next extend */
};

static void doc_done(yyjson_doc **doc) { yyjson_doc_free(*doc); }

static int call(yyjson_doc **ret_doc, yyjson_val **ret_result, struct channel *c,
                const char *method, struct ds_span params, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf request = { 0 }, reply = { 0 };
    rpc_channel_encode(&request, method, params);
    DS_TRY(ds_buf_end(&request, e, method));
    DS_TRY(net_mux_sync_call(&c->mux, &reply, ds_buf_span(&request), CALL_TIMEOUT_MS, e));
    struct ds_verdict reasons;
    return rpc_channel_decode(ret_doc, ret_result, &reasons, ds_buf_span(&reply), e);
}

/* The one hex field of an answer, decoded and *appended*. */
static int add_hex(struct ds_buf *ret, yyjson_val *result, const char *key, size_t max,
                   struct ds_error *e)
{
    const char *text = yyjson_get_str(yyjson_obj_get(result, key));
    size_t len = text != NULL ? strlen(text) / 2 : 0;
    if (len == 0 || len > max)
        return ds_fail(e, DS_ERR_PEER, "the simulated platform's answer has no '%s'", key);
    void *room = ds_buf_room(ret, len);
    if (room == NULL)
        return ds_buf_end(ret, e, key);
    if (ds_hex_decode(room, len, ds_span_str(text), NULL) < 0)
        return ds_fail(e, DS_ERR_PEER, "the simulated platform's '%s' is no hex", key);
    ds_buf_took(ret, len);
    return DS_OK;
}

static int channel_quote(struct ds_buf *ret, struct tee_backend *b,
                         const uint8_t report_data64[static 64], struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(doc_done) yyjson_doc *doc = NULL;
    yyjson_val *result = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "report_data", DS_SPAN(report_data64, 64));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "Quote"));
    DS_TRY(call(&doc, &result, (struct channel *)b, "Quote", ds_buf_span(&params), e));
    return add_hex(ret, result, "quote", TEE_QUOTE_MAX, e);
}

static int channel_extend(struct tee_backend *b, const uint8_t digest48[static 48],
                          struct ds_error *e)
{
    struct channel *c = (struct channel *)b;
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(doc_done) yyjson_doc *doc = NULL;
    yyjson_val *result = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_u64(&w, "index", c->n_extends);
    ds_jw_hex(&w, "digest", DS_SPAN(digest48, 48));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "Extend"));
    DS_TRY(call(&doc, &result, c, "Extend", ds_buf_span(&params), e));
    c->n_extends++;
    return DS_OK;
}

static int channel_boot_log(struct ds_buf *ret, struct tee_backend *b, struct ds_error *e)
{
    DS_AUTO(doc_done) yyjson_doc *doc = NULL;
    yyjson_val *result = NULL;
    DS_TRY(call(&doc, &result, (struct channel *)b, "BootLog", DS_SPAN_LIT("{}"), e));
    return add_hex(ret, result, "boot_log", TEE_BOOT_LOG_MAX, e);
}

static void channel_close(struct tee_backend *b)
{
    struct channel *c = (struct channel *)b;
    net_mux_sync_done(&c->mux);
    free(c);
}

static const struct tee_ops channel_ops = {
    .kind = TEE_SIMULATED,
    .quote = channel_quote,
    .extend = channel_extend,
    .boot_log = channel_boot_log,
    .close = channel_close,
};

/* Where an earlier opener of the channel stopped counting. */
static int load_state(struct channel *c, struct ds_error *e)
{
    DS_AUTO(doc_done) yyjson_doc *doc = NULL;
    yyjson_val *result = NULL;
    DS_TRY(call(&doc, &result, c, "State", DS_SPAN_LIT("{}"), e));
    yyjson_val *n = yyjson_obj_get(result, "n_extends");
    if (!yyjson_is_uint(n))
        return ds_fail(e, DS_ERR_PEER, "the simulated platform's answer has no 'n_extends'");
    c->n_extends = yyjson_get_uint(n);
    return DS_OK;
}

int tee_channel_open_fd(struct tee_backend **ret, int fd, bool is_port, struct ds_error *e)
{
    struct channel *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)close(fd);
        return ds_fail(e, DS_ERR_NOMEM, "open the channel");
    }
    c->backend.ops = &channel_ops;
    int r = net_mux_sync_init(&c->mux, fd, NET_MUX_GUEST, is_port ? NET_MUX_PORT : NET_MUX_SOCKET,
                              e);
    if (r < 0) {
        free(c);
        return r;
    }
    r = load_state(c, e);
    if (r < 0) {
        channel_close(&c->backend);
        return ds_wrap(e, r, "channel " PORT_NAME);
    }
    *ret = &c->backend;
    return DS_OK;
}

static bool is_port_named(const char *dir, const char *port, const char *name)
{
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/%s/name", dir, port);
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    if (path == NULL || ds_file_load(&text, path, NAME_MAX_, NULL) < 0)
        return false;
    struct ds_span got = ds_buf_span(&text);
    if (got.len > 0 && got.p[got.len - 1] == '\n')
        got.len--;
    return ds_span_eq_str(got, name);
}

/* The device of the port with our name, without udev. err: NOTFOUND */
static int find_port(char **ret, const char *root, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *dir = ds_str_fmt("%s" PORTS_DIR, root);
    DIR *d = dir != NULL ? opendir(dir) : NULL;
    if (d == NULL)
        return ds_fail(e, DS_ERR_NOTFOUND, "no virtio-serial ports");
    char *found = NULL;
    for (struct dirent *ent = readdir(d); ent != NULL && found == NULL; ent = readdir(d))
        if (ent->d_name[0] != '.' && is_port_named(dir, ent->d_name, PORT_NAME))
            found = ds_str_fmt("%s/dev/%s", root, ent->d_name);
    (void)closedir(d);
    if (found == NULL)
        return ds_fail(e, DS_ERR_NOTFOUND, "no virtio-serial port " PORT_NAME);
    *ret = found;
    return DS_OK;
}

int tee_channel_open(struct tee_backend **ret, const char *root, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = NULL;
    DS_TRY(find_port(&path, root, e));
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    return tee_channel_open_fd(ret, fd, true, e);
}
