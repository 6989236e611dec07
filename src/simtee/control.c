/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMM's side of the control socket: connect, ask, decode.
 */
#include "simtee/control.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "rpc/client.h"
#include "simtee/packet.h"
#include "simtee/unix.h"

static char *socket_path(const char *dir)
{
    return ds_str_fmt("%s/%s", dir, SIMTEE_CONTROL_SOCKET);
}

int simtee_control_listen(int *ret_fd, const char *dir, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = socket_path(dir);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "listen in '%s'", dir);
    DS_TRY(ds_dir_make(dir, 0700, e));
    return simtee_unix_listen(ret_fd, path, SOCK_SEQPACKET, e);
}

int simtee_control_connect(int *ret_fd, const char *dir, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = socket_path(dir);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "connect to the helper in '%s'", dir);
    return simtee_unix_connect(ret_fd, path, SOCK_SEQPACKET, e);
}

static int await(int fd, int timeout_ms, struct ds_error *e)
{
    const int64_t deadline_ms = ds_clock_mono_ms() + timeout_ms;
    for (;;) {
        int64_t left_ms = deadline_ms - ds_clock_mono_ms();
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
        if (n > 0)
            return DS_OK;
        if (n < 0 && errno != EINTR)
            return ds_fail_errno(e, errno, "wait for dstack-simtee");
        if (left_ms <= 0)
            return ds_fail(e, DS_ERR_TIMEOUT, "dstack-simtee gave no answer in %d ms", timeout_ms);
    }
}

struct answer {
    yyjson_doc *doc;
    yyjson_val *result; /* inside doc */
    int fds[SIMTEE_PACKET_FDS];
};

#define ANSWER_NONE ((struct answer){ .fds = { -1, -1, -1, -1 } })

static void answer_done(struct answer *a)
{
    yyjson_doc_free(a->doc);
    for (size_t i = 0; i < SIMTEE_PACKET_FDS; i++)
        ds_auto_close(&a->fds[i]);
}

static int call(struct answer *ret, int fd, const char *method, struct ds_span params,
                int timeout_ms, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf request = { 0 }, reply = { 0 };
    struct ds_verdict reasons;
    rpc_channel_encode(&request, method, params);
    DS_TRY(ds_buf_end(&request, e, method));
    DS_TRY(simtee_packet_send(fd, ds_buf_span(&request), NULL, 0, e));
    DS_TRY(await(fd, timeout_ms, e));
    DS_TRY(simtee_packet_recv(&reply, ret->fds, fd, e));
    int r = rpc_channel_decode(&ret->doc, &ret->result, &reasons, ds_buf_span(&reply), e);
    return r < 0 ? ds_wrap(e, r, "dstack-simtee %s", method) : DS_OK;
}

/* A request with one text as its parameter. */
static int call_text(struct answer *ret, int fd, const char *method, const char *key,
                     const char *text, int timeout_ms, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, key, text);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, method));
    return call(ret, fd, method, ds_buf_span(&params), timeout_ms, e);
}

static int get_register(uint8_t ret48[static 48], yyjson_val *obj, const char *key,
                        struct ds_error *e)
{
    const char *text = yyjson_get_str(yyjson_obj_get(obj, key));
    if (text == NULL || ds_hex_decode(ret48, 48, ds_span_str(text), NULL) < 0)
        return ds_fail(e, DS_ERR_PEER, "dstack-simtee's answer lacks '%s'", key);
    return DS_OK;
}

static int get_registers(struct simtee_registers *ret, yyjson_val *obj, struct ds_error *e)
{
    DS_TRY(get_register(ret->mrtd48, obj, "mrtd", e));
    DS_TRY(get_register(ret->mrconfigid48, obj, "mrconfigid", e));
    DS_TRY(get_register(ret->rtmr48[0], obj, "rtmr0", e));
    DS_TRY(get_register(ret->rtmr48[1], obj, "rtmr1", e));
    DS_TRY(get_register(ret->rtmr48[2], obj, "rtmr2", e));
    return get_register(ret->rtmr48[3], obj, "rtmr3", e);
}

int simtee_control_launch(int ret_fds[static SIMTEE_FILE_COUNT], struct simtee_registers *ret_regs,
                          int fd, const struct simtee_spec *spec, int timeout_ms,
                          struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(answer_done) struct answer a = ANSWER_NONE;
    struct simtee_registers regs;
    DS_TRY(simtee_spec_encode(&params, spec, e));
    DS_TRY(call(&a, fd, "Launch", ds_buf_span(&params), timeout_ms, e));
    DS_TRY(get_registers(&regs, a.result, e));
    if (a.fds[SIMTEE_FILE_COUNT - 1] < 0 || a.fds[SIMTEE_FILE_COUNT] >= 0)
        return ds_fail(e, DS_ERR_PEER, "dstack-simtee gave not %d files", SIMTEE_FILE_COUNT);
    for (size_t i = 0; i < SIMTEE_FILE_COUNT; i++)
        ret_fds[i] = DS_TAKE_FD(a.fds[i]);
    *ret_regs = regs;
    return DS_OK;
}

int simtee_control_resume(struct simtee_registers *ret_regs, int fd, const char *launch_id,
                          int timeout_ms, struct ds_error *e)
{
    DS_AUTO(answer_done) struct answer a = ANSWER_NONE;
    DS_TRY(call_text(&a, fd, "Resume", "launch_id", launch_id, timeout_ms, e));
    return get_registers(ret_regs, a.result, e);
}

int simtee_control_serve(int fd, const char *tee_socket, int timeout_ms, struct ds_error *e)
{
    DS_AUTO(answer_done) struct answer a = ANSWER_NONE;
    return call_text(&a, fd, "Serve", "socket", tee_socket, timeout_ms, e);
}

int simtee_control_end(int fd, int timeout_ms, struct ds_error *e)
{
    DS_AUTO(answer_done) struct answer a = ANSWER_NONE;
    return call(&a, fd, "End", DS_SPAN_LIT("{}"), timeout_ms, e);
}
