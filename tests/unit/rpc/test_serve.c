/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A method table over HTTP and over the channel: names and prefixes, parameters
 * from bodies and queries, who may call, late answers, errors, metrics.
 */
#include "net/serve.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/mux.h"
#include "rpc/client.h"
#include "rpc/serve.h"

struct fixture {
    struct net_loop *loop;
    struct net_http_server *server;
    struct net_target target;
    char dir[64], address[160];
    struct net_event *timer;
    struct rpc_call *late;
    bool admit;
};

static struct fixture *fx;

static void on_echo(struct rpc_call *c, void *ctx)
{
    (void)ctx;
    yyjson_mut_doc *doc = rpc_call_doc(c);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    uint8_t data[64];
    size_t n = 0;
    struct ds_error e;
    if (rpc_call_hex(c, "data", data, &n, sizeof data, &e) < 0) {
        rpc_call_fail(c, &e);
        return;
    }
    (void)yyjson_mut_obj_add_strcpy(doc, root, "text", rpc_call_text(c, "text"));
    (void)yyjson_mut_obj_add_uint(doc, root, "n", rpc_call_u64(c, "n"));
    (void)yyjson_mut_obj_add_bool(doc, root, "on", rpc_call_bool(c, "on"));
    (void)yyjson_mut_obj_add_strcpy(doc, root, "data", DS_HEX(DS_SPAN(data, n)));
    size_t count = yyjson_arr_size(yyjson_obj_get(rpc_call_params(c), "names"));
    (void)yyjson_mut_obj_add_uint(doc, root, "n_names", count);
    rpc_call_reply(c, root);
}

static void on_timer(void *arg, unsigned what)
{
    (void)what;
    struct fixture *f = arg;
    struct rpc_call *c = f->late;
    f->late = NULL;
    rpc_call_reply_text(c, DS_SPAN_LIT("{\"late\":true}"));
}

static void on_late(struct rpc_call *c, void *ctx)
{
    struct fixture *f = ctx;
    f->late = c;
    assert_int_equal(net_event_after(f->timer, 30, NULL), DS_OK);
}

static void on_deny(struct rpc_call *c, void *ctx)
{
    (void)ctx;
    struct ds_verdict v = { 0 };
    ds_verdict_add(&v, DS_CODE_RPC_FORBIDDEN, "mrtd", "aa", "bb", "root");
    ds_verdict_add(&v, DS_CODE_RPC_NO_METHOD, "rtmr0", "cc", "dd", "root");
    rpc_call_deny(c, DS_ERR_DENIED, &v);
}

static void on_busy(struct rpc_call *c, void *ctx)
{
    (void)ctx;
    struct ds_error e;
    (void)ds_fail_code(&e, DS_ERR_UNAVAILABLE, DS_CODE_NET_POOL_FULL, "full");
    rpc_call_fail(c, &e);
}

static void on_empty(struct rpc_call *c, void *ctx)
{
    (void)ctx;
    rpc_call_reply(c, NULL);
}

static void on_channel(struct rpc_call *c, void *ctx)
{
    (void)ctx;
    assert_ptr_equal(rpc_call_caller(c)->channel_arg, fx);
    rpc_call_reply(c, NULL);
}

static const struct rpc_field echo_fields[] = {
    { .name = "text", .kind = RPC_TEXT, .max = 64, .help = "any \"text\"" },
    { .name = "n", .kind = RPC_U64, .max = 1000 },
    { .name = "on", .kind = RPC_BOOL },
    { .name = "data", .kind = RPC_HEX, .max = 64 },
    { .name = "names", .kind = RPC_TEXT_LIST },
};

static const struct rpc_method methods[] = {
    { "Echo", RPC_ANYONE, on_echo, "Say it again.", echo_fields, DS_LEN(echo_fields), echo_fields,
      DS_LEN(echo_fields) },
    { "Late", RPC_SAME_UID, on_late, "Answer later.", NULL, 0, NULL, 0 },
    { "Deny", RPC_ANYONE, on_deny, "Refuse.", NULL, 0, NULL, 0 },
    { "Busy", RPC_ANYONE, on_busy, "Be busy.", NULL, 0, NULL, 0 },
    { "Admin", RPC_ADMIN, on_empty, "For some.", NULL, 0, NULL, 0 },
    { "Attested", RPC_ATTESTED, on_empty, "For proven ones.", NULL, 0, NULL, 0 },
    { "Channel", RPC_CHANNEL, on_channel, "For the guest.", NULL, 0, NULL, 0 },
};

static int admit(void *ctx, const struct rpc_method *m, const struct rpc_caller *caller,
                 struct ds_error *e)
{
    struct fixture *f = ctx;
    assert_int_equal(caller->uid, getuid());
    if (f->admit)
        return DS_OK;
    return ds_refuse(e, DS_ERR_DENIED, DS_CODE_RPC_FORBIDDEN, m->name, "a token", "none", NULL);
}

static const char *const prefixes[] = { "Test.", "Old.", NULL };

static struct rpc_service service = { .name = "test",
                                      .mount = "/prpc/",
                                      .prefixes = prefixes,
                                      .methods = methods,
                                      .n_methods = DS_LEN(methods),
                                      .admit = admit };

static void handler(void *arg, struct net_http_request *req)
{
    (void)arg;
    struct ds_error e;
    if (rpc_serve_http(&service, req))
        return;
    (void)ds_fail(&e, DS_ERR_NOTFOUND, "no such page");
    rpc_error_reply(req, 404, &e);
}

static int setup(void **state)
{
    (void)state;
    fx = calloc(1, sizeof *fx);
    (void)snprintf(fx->dir, sizeof fx->dir, "/tmp/test_rpc_XXXXXX");
    if (mkdtemp(fx->dir) == NULL)
        return -1;
    (void)snprintf(fx->address, sizeof fx->address, "unix:%s/s", fx->dir);
    service.ctx = fx;
    struct ds_error e;
    int r = net_target_parse(&fx->target, fx->address, &e);
    r = r < 0 ? r : rpc_service_init(&service, &e);
    r = r < 0 ? r : net_loop_new(&fx->loop, &e);
    r = r < 0 ? r : net_event_timer(&fx->timer, fx->loop, on_timer, fx, &e);
    r = r < 0 ? r : net_http_server_new(&fx->server, fx->loop, NULL, handler, fx, &e);
    return r < 0 ? r : net_http_server_listen(fx->server, &fx->target, 0600, NULL, &e);
}

static int teardown(void **state)
{
    (void)state;
    net_http_server_free(fx->server);
    net_event_free(fx->timer);
    net_loop_free(fx->loop);
    rpc_service_done(&service);
    int r = ds_dir_remove(fx->dir, NULL);
    free(fx);
    return r;
}

struct http_row {
    const char *name, *path, *type, *body, *method;
    int status;
    const char *part; /* of the reply */
};

struct http_try {
    const struct http_row *row;
    struct net_http_response response;
    int result;
};

static void do_http(void *arg)
{
    struct http_try *t = arg;
    struct net_http_header header = { "Content-Type", t->row->type };
    struct net_http_call call = { .method = t->row->method,
                                  .path = t->row->path,
                                  .headers = &header,
                                  .n_headers = t->row->type != NULL,
                                  .timeout_ms = 2000 };
    if (t->row->body != NULL)
        call.body = ds_span_str(t->row->body);
    t->result = net_http_call(&t->response, &fx->target, NULL, &call, NULL);
}

#define JSON "application/json"

static const struct http_row http_rows[] = {
    { "everything", "/prpc/Echo", JSON,
      "{\"text\":\"\\u00e9\\\"\",\"n\":7,\"on\":true,\"data\":\"0xAB\",\"names\":[\"a\"],\"x\":1}",
      "POST", 200, "{\"text\":\"\\u00E9\\\"\",\"n\":7,\"on\":true,\"data\":\"ab\",\"n_names\":1}" },
    { "empty body", "/prpc/Echo", JSON, NULL, "POST", 200, "{\"text\":\"\",\"n\":0,\"on\":false" },
    { "null body", "/prpc/Echo", JSON, "null", "POST", 200, "{\"text\":\"\"" },
    { "no content type", "/prpc/Echo", NULL, "{\"n\":1}", "POST", 200, "\"n\":1," },
    { "other content type", "/prpc/Echo?json", "text/plain", "{\"n\":1}", "POST", 200, "\"n\":1," },
    { "prefix", "/prpc/Test.Echo", JSON, "{}", "POST", 200, "{\"text\"" },
    { "other prefix", "/prpc/Old.Echo", JSON, "{}", "POST", 200, "{\"text\"" },
    { "query", "/prpc/Echo?text=a+b%21&n=12&on=true&data=0xff&other=1", NULL, NULL, "GET", 200,
      "{\"text\":\"a b!\",\"n\":12,\"on\":true,\"data\":\"ff\"" },
    { "query with a list", "/prpc/Echo?names[0]=x&names[1]=y", NULL, NULL, "GET", 200,
      "\"n_names\":2" },
    { "query with an encoded list", "/prpc/Echo?names%5B%5D=x", NULL, NULL, "GET", 200,
      "\"n_names\":1" },
    { "late", "/prpc/Late", JSON, "{}", "POST", 200, "{\"late\":true}" },
    { "query with a bad number", "/prpc/Echo?n=-1", NULL, NULL, "GET", 400, "rpc.bad_request" },
    { "query with a bad escape", "/prpc/Echo?text=%zz", NULL, NULL, "GET", 400, "bad escape" },
    { "query with a cut escape", "/prpc/Echo?text=%2", NULL, NULL, "GET", 400, "bad escape" },
    { "query with a NUL", "/prpc/Echo?text=%00", NULL, NULL, "GET", 400, "bad escape" },
    { "query that is not UTF-8", "/prpc/Echo?text=%96", NULL, NULL, "GET", 400, "UTF-8" },
    { "query with mixed forms", "/prpc/Echo?names=x&names[]=y", NULL, NULL, "GET", 400,
      "rpc.bad_request" },
    { "query that says it twice", "/prpc/Echo?n=1&n=2", NULL, NULL, "GET", 400, "rpc.bad_request" },
    { "not JSON", "/prpc/Echo", JSON, "{\"n\":", "POST", 400, "rpc.bad_request" },
    { "trailing bytes", "/prpc/Echo", JSON, "{} x", "POST", 400, "rpc.bad_request" },
    { "a list", "/prpc/Echo", JSON, "[]", "POST", 400, "rpc.bad_request" },
    { "field of the wrong kind", "/prpc/Echo", JSON, "{\"n\":\"7\"}", "POST", 400,
      "\"claim\":\"n\",\"expected\":\"a whole number, not negative\",\"got\":\"string\"" },
    { "protobuf", "/prpc/Echo", "application/x-protobuf", "x", "POST", 400,
      "\"code\":\"rpc.protobuf_unsupported\"" },
    { "unknown method", "/prpc/Nope", JSON, "{}", "POST", 400,
      "{\"error\":\"Service not found: Nope\",\"class\":\"notfound\",\"code\":\"rpc.no_method\"" },
    { "foreign prefix", "/prpc/Vmm.Echo", JSON, "{}", "POST", 400, "rpc.no_method" },
    { "case matters", "/prpc/echo", JSON, "{}", "POST", 400, "rpc.no_method" },
    { "other page", "/index.html", NULL, NULL, "GET", 404, "no such page" },
    { "mount alone", "/prpc/", NULL, NULL, "GET", 404, "no such page" },
    { "deeper path", "/prpc/Echo/x", NULL, NULL, "GET", 404, "no such page" },
    { "other HTTP method", "/prpc/Echo", NULL, NULL, "DELETE", 405, "GET or POST" },
    { "refused with reasons", "/prpc/Deny", JSON, "{}", "POST", 400, "\"claim\":\"rtmr0\"" },
    { "busy", "/prpc/Busy", JSON, "{}", "POST", 429, "net.pool_full" },
    { "not admitted", "/prpc/Admin", JSON, "{}", "POST", 403, "\"expected\":\"a token\"" },
    { "no certificate", "/prpc/Attested", JSON, "{}", "POST", 403, "rpc.forbidden" },
    { "no channel", "/prpc/Channel", JSON, "{}", "POST", 403, "rpc.forbidden" },
};

static void test_http(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(http_rows); i++) {
        struct http_try t = { .row = &http_rows[i] };
        serve_while(fx->loop, do_http, &t);
        const char *body = t.response.body.p != NULL ? t.response.body.p : "";
        if (t.result != DS_OK || t.response.status != t.row->status ||
            strstr(body, t.row->part) == NULL)
            fail_msg("%s: %d %d %s", t.row->name, t.result, t.response.status, body);
        for (const char *p = body; *p != '\0'; p++)
            assert_in_range(*p, 0x20, 0x7e);
        assert_string_equal(t.response.content_type, JSON);
        net_http_response_done(&t.response);
    }
}

struct client_try {
    const char *method, *params;
    yyjson_doc *doc;
    struct ds_verdict reasons;
    struct ds_error e;
    int result;
};

static void do_client(void *arg)
{
    struct client_try *t = arg;
    struct rpc_target target = { .address = fx->address, .timeout_ms = 2000 };
    t->result = rpc_client_call(&t->doc, &t->reasons, &target, t->method, ds_span_str(t->params),
                                &t->e);
}

static void test_client(void **state)
{
    (void)state;
    struct client_try echo = { .method = "Echo", .params = "{\"n\":5}" };
    serve_while(fx->loop, do_client, &echo);
    assert_int_equal(echo.result, DS_OK);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(yyjson_doc_get_root(echo.doc), "n")), 5);
    yyjson_doc_free(echo.doc);
    struct client_try deny = { .method = "Deny", .params = "" };
    serve_while(fx->loop, do_client, &deny);
    assert_int_equal(deny.result, DS_ERR_DENIED);
    assert_int_equal(deny.e.code, DS_CODE_RPC_FORBIDDEN);
    assert_int_equal(deny.reasons.n_reasons, 2);
    assert_string_equal(deny.reasons.reasons[1].detail.claim, "rtmr0");
    fx->admit = true;
    struct client_try admin = { .method = "Admin", .params = "{}" };
    serve_while(fx->loop, do_client, &admin);
    assert_int_equal(admin.result, DS_OK);
    yyjson_doc_free(admin.doc);
    net_http_server_free(fx->server);
    fx->server = NULL;
    do_client(&echo);
    assert_int_equal(echo.result, DS_ERR_UNAVAILABLE);
    assert_int_equal(echo.e.code, DS_CODE_NET_NO_ANSWER);
}

static void test_metrics_and_description(void **state)
{
    (void)state;
    struct client_try t = { .method = "Echo", .params = "{}" };
    serve_while(fx->loop, do_client, &t);
    yyjson_doc_free(t.doc);
    t.params = "{\"n\":true}";
    serve_while(fx->loop, do_client, &t);
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 }, json = { 0 };
    rpc_service_metrics(&text, &service);
    static const char *const lines[] = {
        "dstack_rpc_calls_total{service=\"test\",method=\"Echo\"} 2\n",
        "dstack_rpc_failures_total{service=\"test\",method=\"Echo\"} 1\n",
        "dstack_rpc_running{service=\"test\",method=\"Echo\"} 0\n",
        "dstack_rpc_seconds_bucket{service=\"test\",method=\"Echo\",le=\"+Inf\"} 2\n",
        "dstack_rpc_calls_total{service=\"test\",method=\"Late\"} 0\n",
    };
    for (size_t i = 0; i < DS_LEN(lines); i++)
        assert_non_null(strstr(text.p, lines[i]));
    rpc_service_describe(&json, &service);
    yyjson_doc *doc = yyjson_read(json.p, json.len, 0);
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "methods");
    assert_int_equal(yyjson_arr_size(list), DS_LEN(methods));
    yyjson_doc_free(doc);
}

struct channel_row {
    const char *payload, *part;
};

static char channel_got[2000];
static unsigned channel_n;

static void on_reply(void *arg, int status, struct ds_span payload, const struct ds_error *why)
{
    (void)arg;
    (void)why;
    assert_int_equal(status, DS_OK);
    (void)snprintf(channel_got, sizeof channel_got, "%.*s", (int)payload.len,
                   (const char *)payload.p);
    channel_n++;
}

static void on_request(void *arg, struct net_call *call, struct ds_span payload)
{
    rpc_serve_channel(&service, call, payload, arg);
}

static void step(void) { assert_int_equal(net_loop_step(fx->loop, 100, NULL), DS_OK); }

static void test_channel(void **state)
{
    (void)state;
    static const struct channel_row rows[] = {
        { "{\"method\":\"Echo\",\"params\":{\"n\":3}}", "{\"result\":{\"text\":\"\",\"n\":3," },
        { "{\"method\":\"Channel\"}", "{\"result\":{}}" },
        { "{\"method\":\"Channel\",\"params\":null}", "{\"result\":{}}" },
        { "{\"method\":\"Echo\",\"params\":{\"n\":-3}}", "{\"error\":" },
        { "{\"method\":\"Echo\",\"params\":[]}", "\"claim\":\"params\"" },
        { "{\"method\":\"Nope\"}", "rpc.no_method" },
        { "{\"method\":5}", "\"claim\":\"method\"" },
        { "{}", "\"claim\":\"method\"" },
        { "", "\"claim\":\"method\"" },
        { "null", "\"claim\":\"method\"" },
        { "[]", "rpc.bad_request" },
        { "{", "rpc.bad_request" },
        { "{\"method\":\"Late\"}", "rpc.forbidden" },
        { "{\"method\":\"Deny\"}", "\"claim\":\"rtmr0\"" },
    };
    static const struct net_mux_ops ops = { .request = on_request };
    struct net_mux *host = NULL, *guest = NULL;
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(net_mux_new(&host, fx->loop, NET_MUX_HOST, &ops, fx, NULL), DS_OK);
    assert_int_equal(net_mux_new(&guest, fx->loop, NET_MUX_GUEST, &ops, fx, NULL), DS_OK);
    assert_int_equal(net_mux_attach(host, fd[0], NET_MUX_SOCKET, NULL), DS_OK);
    assert_int_equal(net_mux_attach(guest, fd[1], NET_MUX_SOCKET, NULL), DS_OK);
    while (!net_mux_is_up(host) || !net_mux_is_up(guest))
        step();
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        channel_n = 0;
        assert_int_equal(net_mux_request(guest, ds_span_str(rows[i].payload), 1000, on_reply, NULL,
                                         NULL),
                         DS_OK);
        while (channel_n == 0)
            step();
        if (strstr(channel_got, rows[i].part) == NULL)
            fail_msg("%s: %s", rows[i].payload, channel_got);
        yyjson_doc *doc = NULL;
        yyjson_val *result = NULL;
        struct ds_error e;
        int r = rpc_channel_decode(&doc, &result, NULL, ds_span_str(channel_got), &e);
        assert_int_equal(r == DS_OK, rows[i].part[2] == 'r' && rows[i].part[0] == '{');
        yyjson_doc_free(doc);
    }
    net_mux_free(host);
    net_mux_free(guest);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_http),
        TEST(test_client),
        TEST(test_metrics_and_description),
        TEST(test_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
