/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a method table that sends what the table forbids.
 */
#include "rpc/bad_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#include "net/loop.h"
#include "net/mux.h"
#include "rpc/serve.h"

#define METHODS_MAX 32
#define DEEP        20000
#define PASSED_MAX  ((uint64_t)64 << 10) /* a limit this low is passed by one */

/* What no field of a kind takes, as JSON text. */
static const char *const wrong[][14] = {
    [RPC_TEXT] = { "5", "-1", "1.5", "true", "[]", "{}", "\"a\\u0000b\"" },
    [RPC_HEX] = { "5", "true", "[]", "{}", "\"0\"", "\"zz\"", "\"0x0\"", "\"00 00\"",
                  "\"\\u00e9\"" },
    [RPC_U64] = { "-1", "1.5", "\"1\"", "true", "[]", "{}", "1e300", "18446744073709551616" },
    [RPC_BOOL] = { "0", "1", "\"true\"", "[]", "{}" },
    [RPC_TEXT_LIST] = { "\"x\"", "5", "{}", "[5]", "[null]", "[[]]" },
    [RPC_HEX_LIST] = { "\"00\"", "5", "{}", "[\"0\"]", "[\"zz\"]", "[5]" },
    [RPC_OBJECT] = { "\"x\"", "5", "[]" },
    [RPC_OBJECT_LIST] = { "\"x\"", "5", "{}", "[5]", "[\"x\"]", "[[]]" },
    [RPC_ANY] = { NULL },
};

struct walk {
    struct net_loop *loop;
    struct rpc_service service; /* the table, with handlers that must not run */
    struct rpc_method methods[METHODS_MAX];
    struct net_mux *asker, *answerer;
    struct ds_buf got;
    bool answered;
    size_t n_calls;
};

static void on_reached(struct rpc_call *call, void *ctx)
{
    (void)ctx;
    fail_msg("%s: a bad call reached its handler", rpc_call_method(call)->name);
}

static void on_request(void *arg, struct net_call *call, struct ds_span payload)
{
    struct walk *w = arg;
    rpc_serve_channel(&w->service, call, payload, NULL);
}

static void on_reply(void *arg, int status, struct ds_span payload, const struct ds_error *why)
{
    struct walk *w = arg;
    (void)why;
    assert_int_equal(status, DS_OK);
    ds_buf_clear(&w->got);
    ds_buf_add(&w->got, payload);
    w->answered = true;
}

static void step(const struct walk *w)
{
    assert_int_equal(net_loop_step(w->loop, 100, NULL), DS_OK);
}

/* The reply must be rpc.bad_request; claim: the field that it must name, or NULL. */
static void judge(const struct walk *w, struct ds_span payload, const char *claim)
{
    yyjson_doc *doc = yyjson_read((const char *)w->got.p, w->got.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *reason = yyjson_arr_get_first(yyjson_obj_get(root, "reasons"));
    if (!yyjson_equals_str(yyjson_obj_get(root, "code"), "rpc.bad_request") ||
        (claim != NULL && !yyjson_equals_str(yyjson_obj_get(reason, "claim"), claim)))
        fail_msg("%s: %.*s: got %.*s", claim != NULL ? claim : "body",
                 (int)(payload.len < 200 ? payload.len : 200), (const char *)payload.p,
                 (int)w->got.len, (const char *)w->got.p);
    yyjson_doc_free(doc);
}

static void send_payload(struct walk *w, struct ds_span payload, const char *claim)
{
    w->answered = false;
    assert_int_equal(net_mux_request(w->asker, payload, 0, on_reply, w, NULL), DS_OK);
    while (!w->answered)
        step(w);
    judge(w, payload, claim);
    w->n_calls++;
}

static void send_params(struct walk *w, const char *method, struct ds_span params,
                        const char *claim)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    ds_buf_printf(&text, "{\"method\":\"%s\",\"params\":", method);
    ds_buf_add(&text, params);
    ds_buf_char(&text, '}');
    assert_false(text.bad);
    send_payload(w, ds_buf_span(&text), claim);
}

static void send_value(struct walk *w, const char *method, const char *field, struct ds_span value)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    ds_buf_printf(&text, "{\"%s\":", field);
    ds_buf_add(&text, value);
    ds_buf_char(&text, '}');
    send_params(w, method, ds_buf_span(&text), field);
}

static void repeat(struct ds_buf *out, const char *text, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        ds_buf_str(out, text);
}

/* One more than the field may have. */
static void send_too_much(struct walk *w, const char *method, const struct rpc_field *f)
{
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    if (f->max == 0 || f->max > PASSED_MAX)
        return;
    if (f->kind == RPC_U64) {
        ds_buf_printf(&value, "%llu", (unsigned long long)f->max + 1);
    } else if (f->kind == RPC_TEXT || f->kind == RPC_HEX) {
        ds_buf_char(&value, '"');
        repeat(&value, f->kind == RPC_TEXT ? "x" : "00", f->max + 1);
        ds_buf_char(&value, '"');
    } else if (f->kind == RPC_TEXT_LIST) {
        ds_buf_str(&value, "[\"x\"");
        repeat(&value, ",\"x\"", f->max);
        ds_buf_char(&value, ']');
    } else {
        return;
    }
    send_value(w, method, f->name, ds_buf_span(&value));
}

static void send_deep(struct walk *w, const char *method, const struct rpc_field *f)
{
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    ds_buf_printf(&value, "{\"%s\":", f->name);
    repeat(&value, "[", DEEP);
    repeat(&value, "]", DEEP);
    ds_buf_char(&value, '}');
    send_params(w, method, ds_buf_span(&value), NULL);
}

static void walk_field(struct walk *w, const char *method, const struct rpc_field *f)
{
    DS_AUTO(ds_buf_done) struct ds_buf twice = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    for (size_t i = 0; wrong[f->kind][i] != NULL; i++)
        send_value(w, method, f->name, ds_span_str(wrong[f->kind][i]));
    send_too_much(w, method, f);
    send_deep(w, method, f);
    ds_buf_printf(&twice, "{\"%s\":null,\"%s\":null}", f->name, f->name);
    send_params(w, method, ds_buf_span(&twice), f->name);
    ds_buf_printf(&bytes, "{\"%s\":\"\xff\xfe\"}", f->name);
    send_params(w, method, ds_buf_span(&bytes), NULL);
}

static void walk_method(struct walk *w, const struct rpc_method *m)
{
    const char *required = NULL;
    for (size_t i = 0; i < m->n_request; i++) {
        walk_field(w, m->name, &m->request[i]);
        if (m->request[i].required && required == NULL)
            required = m->request[i].name;
    }
    static const char *const bodies[] = { "[]", "5", "\"x\"", "true" };
    for (size_t i = 0; i < DS_LEN(bodies); i++)
        send_params(w, m->name, ds_span_str(bodies[i]), "params");
    if (required == NULL)
        return;
    send_params(w, m->name, DS_SPAN_LIT("{}"), required);
    send_params(w, m->name, DS_SPAN_LIT("null"), required);
    send_params(w, m->name, DS_SPAN_LIT("{\"no_such_field\":1}"), required);
}

static void walk_payloads(struct walk *w)
{
    const struct ds_span payloads[] = {
        DS_SPAN_LIT("{"),
        DS_SPAN_LIT("[]"),
        DS_SPAN_LIT("null"),
        DS_SPAN_LIT("{}"),
        DS_SPAN_LIT("{\"method\":5}"),
        DS_SPAN_LIT("{\"method\":null}"),
        DS_SPAN_LIT("{}{}"),
        DS_SPAN_LIT("\xff\xfe\xff"),
        DS_SPAN_LIT("\0\0\0\0"),
        DS_SPAN_LIT("{\"method\":\"\xff\"}"),
    };
    for (size_t i = 0; i < DS_LEN(payloads); i++)
        send_payload(w, payloads[i], NULL);
}

size_t bad_calls_run(struct net_loop *loop, const struct rpc_service *service)
{
    static const struct net_mux_ops ops = { .request = on_request };
    struct walk w = { .loop = loop, .service = *service };
    int fd[2];
    assert_in_range(service->n_methods, 1, METHODS_MAX);
    for (size_t i = 0; i < service->n_methods; i++) {
        w.methods[i] = service->methods[i];
        w.methods[i].handler = on_reached;
    }
    w.service.methods = w.methods;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(net_mux_new(&w.answerer, loop, NET_MUX_HOST, &ops, &w, NULL), DS_OK);
    assert_int_equal(net_mux_new(&w.asker, loop, NET_MUX_GUEST, &ops, &w, NULL), DS_OK);
    assert_int_equal(net_mux_attach(w.answerer, fd[0], NET_MUX_SOCKET, NULL), DS_OK);
    assert_int_equal(net_mux_attach(w.asker, fd[1], NET_MUX_SOCKET, NULL), DS_OK);
    while (!net_mux_is_up(w.asker) || !net_mux_is_up(w.answerer))
        step(&w);
    for (size_t i = 0; i < service->n_methods; i++)
        walk_method(&w, &service->methods[i]);
    walk_payloads(&w);
    net_mux_free(w.asker);
    net_mux_free(w.answerer);
    ds_buf_done(&w.got);
    return w.n_calls;
}
