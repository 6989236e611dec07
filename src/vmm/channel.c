/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's end of a guest's channel. Both directions are hostile ground: what
 * the guest asks is checked by the method table, what it answers is parsed,
 * bounded by the frame size, and written anew before anyone else reads it.
 */
#include "vmm/channel.h"

#include "base/clock.h"
#include "net/mux.h"
#include "rpc/client.h"
#include "rpc/serve.h"
#include "vmm/sock.h"
#include "vmm/vm.h"

#define RETRY_MS 200

struct vmm_channel {
    struct vmm_vm *vm;
    struct net_mux *mux;
    struct net_event *retry;
    bool wanted, attached;
};

/* One forwarded call; lives until the guest's reply or the channel's end. */
struct forward {
    struct rpc_call *call;
};

static void retry_later(struct vmm_channel *c)
{
    struct ds_error e = { 0 };
    if (c->wanted && net_event_after(c->retry, RETRY_MS, &e) < 0)
        ds_log(&c->vm->vmm->log, DS_LOG_ERROR, "channel.retry_failed", "id", c->vm->m.id, "err",
               e.msg);
}

static void try_connect(void *arg, unsigned what)
{
    struct vmm_channel *c = arg;
    int fd = -1;
    (void)what;
    if (!c->wanted || c->attached)
        return;
    if (vmm_sock_connect(&fd, c->vm->dir, VMM_FILE_HOST, NULL) < 0) {
        retry_later(c);
        return;
    }
    c->attached = true;
    if (net_mux_attach(c->mux, fd, NET_MUX_SOCKET, NULL) < 0) {
        c->attached = false;
        retry_later(c);
    }
}

static void on_up(void *arg)
{
    struct vmm_channel *c = arg;
    /* The guest began anew on the same connection: `down` came just before. */
    c->attached = true;
    net_event_stop(c->retry);
    vmm_progress_event(&c->vm->progress, "vmm.channel_up", "", ds_clock_now_s() * 1000);
}

static void on_down(void *arg, const struct ds_error *why)
{
    struct vmm_channel *c = arg;
    (void)why;
    c->attached = false;
    retry_later(c);
}

static void on_request(void *arg, struct net_call *call, struct ds_span payload)
{
    struct vmm_channel *c = arg;
    rpc_serve_channel(&c->vm->vmm->channel, call, payload, c->vm);
}

struct vmm_channel *vmm_channel_new(struct vmm_vm *vm)
{
    static const struct net_mux_ops ops = { on_up, on_down, on_request };
    struct vmm_channel *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->vm = vm;
    if (net_mux_new(&c->mux, vm->vmm->loop, NET_MUX_HOST, &ops, c, NULL) < 0 ||
        net_event_timer(&c->retry, vm->vmm->loop, try_connect, c, NULL) < 0) {
        vmm_channel_free(c);
        return NULL;
    }
    return c;
}

void vmm_channel_free(struct vmm_channel *c)
{
    if (c == NULL)
        return;
    vmm_channel_stop(c);
    net_mux_free(c->mux);
    if (c->retry != NULL)
        net_event_free(c->retry);
    free(c);
}

void vmm_channel_start(struct vmm_channel *c)
{
    c->wanted = true;
    try_connect(c, 0);
}

void vmm_channel_stop(struct vmm_channel *c)
{
    c->wanted = false;
    if (c->retry != NULL)
        net_event_stop(c->retry);
    if (c->mux != NULL)
        net_mux_detach(c->mux);
    c->attached = false;
}

bool vmm_channel_is_up(const struct vmm_channel *c) { return net_mux_is_up(c->mux); }

/* The guest's own result, as JSON of ours. */
static int rewrite(struct ds_buf *ret, struct ds_span payload, struct ds_verdict *reasons,
                   struct ds_error *e)
{
    yyjson_doc *doc = NULL;
    yyjson_val *result = NULL;
    size_t len = 0;
    DS_TRY(rpc_channel_decode(&doc, &result, reasons, payload, e));
    char *text = yyjson_val_write(result, YYJSON_WRITE_ESCAPE_UNICODE, &len);
    yyjson_doc_free(doc);
    if (text == NULL)
        return ds_fail(e, DS_ERR_PEER, "the guest's reply has no result");
    ds_buf_add(ret, DS_SPAN(text, len));
    free(text);
    return ds_buf_end(ret, e, "guest's reply");
}

static void on_reply(void *arg, int status, struct ds_span payload, const struct ds_error *why)
{
    struct forward *f = arg;
    struct ds_error e = { 0 };
    struct ds_verdict reasons = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    if (status < 0)
        rpc_call_fail(f->call, why);
    else if ((status = rewrite(&json, payload, &reasons, &e)) == DS_OK)
        rpc_call_reply_text(f->call, ds_buf_span(&json));
    else if (reasons.n_reasons > 0)
        rpc_call_deny(f->call, status, &reasons);
    else
        rpc_call_fail(f->call, &e);
    free(f);
}

void vmm_channel_forward(struct vmm_channel *c, struct rpc_call *call, const char *method,
                         struct ds_span params, int64_t timeout_ms)
{
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf payload = { 0 };
    struct forward *f = calloc(1, sizeof *f);
    int r = f != NULL ? DS_OK : ds_fail(&e, DS_ERR_NOMEM, "request to the guest");
    if (r == DS_OK && !vmm_channel_is_up(c))
        r = ds_fail_code(&e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_GUEST_SILENT,
                         "the agent of VM '%s' is not connected", c->vm->m.id);
    if (r == DS_OK) {
        f->call = call;
        rpc_channel_encode(&payload, method, params);
        r = net_mux_request(c->mux, ds_buf_span(&payload), timeout_ms, on_reply, f, &e);
    }
    if (r < 0) {
        free(f);
        rpc_call_fail(call, &e);
    }
}

static void on_notify(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = rpc_call_caller(call)->channel_arg;
    struct ds_error e = { 0 };
    bool is_instance = false;
    const char *payload = rpc_call_text(call, "payload");
    (void)ctx;
    int r = vmm_progress_notify(&vm->progress, &is_instance, rpc_call_text(call, "event"),
                                ds_span_str(payload), ds_clock_now_s() * 1000, &e);
    if (r < 0) {
        rpc_call_fail(call, &e);
        return;
    }
    if (is_instance)
        vmm_vm_save_instance(vm, ds_span_str(payload));
    rpc_call_reply(call, NULL);
}

static void on_info(struct rpc_call *call, void *ctx)
{
    yyjson_mut_doc *doc = rpc_call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    (void)ctx;
    (void)yyjson_mut_obj_add_str(doc, root, "name", "dstack-vmm");
    (void)yyjson_mut_obj_add_str(doc, root, "version", DS_VERSION);
    rpc_call_reply(call, root);
}

/* clang-format off */
static const struct rpc_field notify_fields[] = {
    { .name = "event", .kind = RPC_TEXT, .required = true, .max = 64, .help = "boot.step, boot.progress, ..." },
    { .name = "payload", .kind = RPC_TEXT, .max = VMM_PAYLOAD_MAX, .help = "text or JSON, by event" },
};

static const struct rpc_field info_reply[] = {
    { .name = "name", .kind = RPC_TEXT, .help = "the VMM" },
    { .name = "version", .kind = RPC_TEXT, .help = "its version" },
};

const struct rpc_method vmm_channel_methods[] = {
    { .name = "Notify", .who = RPC_CHANNEL, .handler = on_notify,
      .doc = "The guest reports a boot step, an error, its instance, or its end.",
      .request = notify_fields, .n_request = DS_LEN(notify_fields) },
    { .name = "Info", .who = RPC_CHANNEL, .handler = on_info, .doc = "Who the host is.",
      .reply = info_reply, .n_reply = DS_LEN(info_reply) },
};
/* clang-format on */

const size_t vmm_channel_n_methods = DS_LEN(vmm_channel_methods);
