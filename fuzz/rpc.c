/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RPC requests through dispatch, over HTTP and the channel, up to a handler that
 * holds the parameters against its table by itself: whatever reaches a handler
 * keeps the table's word, and every request gets one answer that is ASCII JSON.
 *
 * Input: "GET|POST|other|CALL", a path or nothing, a content type or nothing,
 * each ended by a newline; then the body. This file stands in for the
 * transports: it defines the few functions of net/ that rpc/serve.c calls.
 */
#include "rpc/serve.h"

#include "codec/json.h"
#include "fuzz.h"
#include "net/http_server.h"
#include "net/mux.h"

#define LINE_MAX_LEN 512
#define TEXT_MAX     16
#define DATA_MAX     8
#define LIST_MAX     3

struct net_http_request {
    char method[LINE_MAX_LEN], path[LINE_MAX_LEN], type[LINE_MAX_LEN];
    const char *query;
    struct ds_span body;
    size_t n_answers;
};

struct net_call {
    size_t n_answers, n_closed;
};

static max_align_t room[((size_t)4 << 20) / sizeof(max_align_t)];
static size_t n_handled;

static void check_answer(struct ds_span json)
{
    struct ds_error e;
    const struct ds_json_tok *root;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    for (size_t i = 0; i < json.len; i++)
        FUZZ_CHECK(json.p[i] < 0x80);
    FUZZ_CHECK(ds_json_parse_in(&root, &mem, json, &e) == DS_OK);
    FUZZ_CHECK(root->type == DS_JSON_OBJECT);
}

const char *net_http_method(const struct net_http_request *r) { return r->method; }
const char *net_http_path(const struct net_http_request *r) { return r->path; }
const char *net_http_query(const struct net_http_request *r) { return r->query; }
struct ds_span net_http_body(const struct net_http_request *r) { return r->body; }

const char *net_http_header(const struct net_http_request *r, const char *name)
{
    return strcmp(name, "Content-Type") == 0 && r->type[0] != '\0' ? r->type : NULL;
}

const struct net_http_peer *net_http_peer(const struct net_http_request *r)
{
    static const struct net_http_peer peer = { .is_unix = true, .uid = 12345 };
    (void)r;
    return &peer;
}

void net_http_reply(struct net_http_request *r, int status, const char *content_type,
                    struct ds_span body, const char *extra)
{
    FUZZ_CHECK(status == 200 || (status >= 400 && status < 500));
    FUZZ_CHECK((status == 200) == (n_handled == 1) && extra == NULL);
    FUZZ_CHECK(strcmp(content_type, "application/json") == 0);
    r->n_answers++;
    check_answer(body);
}

int net_call_reply(struct net_call *c, struct ds_span payload, struct ds_error *e)
{
    (void)e;
    c->n_answers++;
    check_answer(payload);
    return DS_OK;
}

void net_call_close(struct net_call *c) { c->n_closed++; }

static void check_text(yyjson_val *v, size_t max)
{
    if (v == NULL || yyjson_is_null(v))
        return;
    FUZZ_CHECK(yyjson_is_str(v) && yyjson_get_len(v) <= max);
    FUZZ_CHECK(strlen(yyjson_get_str(v)) == yyjson_get_len(v));
}

static void check_list(yyjson_val *list)
{
    size_t i, n;
    yyjson_val *one;
    if (list == NULL || yyjson_is_null(list))
        return;
    FUZZ_CHECK(yyjson_is_arr(list) && yyjson_arr_size(list) <= LIST_MAX);
    yyjson_arr_foreach(list, i, n, one) FUZZ_CHECK(yyjson_is_str(one));
}

static void check_inner(yyjson_val *v)
{
    if (v == NULL || yyjson_is_null(v))
        return;
    FUZZ_CHECK(yyjson_is_obj(v));
    yyjson_val *n = yyjson_obj_get(v, "n");
    FUZZ_CHECK(n != NULL && yyjson_is_uint(n) && yyjson_get_uint(n) <= 10);
    check_text(yyjson_obj_get(v, "text"), TEXT_MAX);
}

static void on_all(struct rpc_call *c, void *ctx)
{
    (void)ctx;
    struct ds_error e;
    size_t i, n_objects;
    yyjson_val *one, *p = rpc_call_params(c);
    n_handled++;
    check_text(yyjson_obj_get(p, "text"), TEXT_MAX);
    FUZZ_CHECK(rpc_call_u64(c, "n") <= 1000);
    check_list(yyjson_obj_get(p, "names"));
    check_list(yyjson_obj_get(p, "hashes"));
    check_inner(yyjson_obj_get(p, "inner"));
    yyjson_arr_foreach(yyjson_obj_get(p, "list"), i, n_objects, one) check_inner(one);
    uint8_t data[DATA_MAX];
    size_t n = 0;
    FUZZ_CHECK(rpc_call_hex(c, "data", data, &n, sizeof data, &e) == DS_OK && n <= DATA_MAX);
    if (rpc_call_bool(c, "on")) {
        yyjson_mut_doc *doc = rpc_call_doc(c);
        yyjson_mut_val *root = yyjson_mut_obj(doc);
        (void)yyjson_mut_obj_add_strcpy(doc, root, "text", rpc_call_text(c, "text"));
        rpc_call_reply(c, root);
        return;
    }
    rpc_call_reply(c, NULL);
}

static void on_none(struct rpc_call *c, void *ctx)
{
    (void)ctx;
    n_handled++;
    rpc_call_reply(c, NULL);
}

/* Nobody here may call these, but the guest its own. */
static void on_guarded(struct rpc_call *c, void *ctx)
{
    FUZZ_CHECK(rpc_call_method(c)->who == RPC_CHANNEL);
    FUZZ_CHECK(rpc_call_caller(c)->via == RPC_VIA_CHANNEL);
    on_none(c, ctx);
}

static const struct rpc_field inner_fields[] = {
    { .name = "n", .kind = RPC_U64, .required = true, .max = 10 },
    { .name = "text", .kind = RPC_TEXT, .max = TEXT_MAX },
};

static const struct rpc_field fields[] = {
    { .name = "text", .kind = RPC_TEXT, .max = TEXT_MAX },
    { .name = "n", .kind = RPC_U64, .max = 1000 },
    { .name = "on", .kind = RPC_BOOL },
    { .name = "data", .kind = RPC_HEX, .max = DATA_MAX },
    { .name = "names", .kind = RPC_TEXT_LIST, .max = LIST_MAX },
    { .name = "hashes", .kind = RPC_HEX_LIST, .max = LIST_MAX },
    { .name = "inner", .kind = RPC_OBJECT, .fields = inner_fields, .n_fields = 2 },
    { .name = "list", .kind = RPC_OBJECT_LIST, .fields = inner_fields, .n_fields = 2 },
    { .name = "any", .kind = RPC_ANY },
};

static const struct rpc_method methods[] = {
    { "All", RPC_ANYONE, on_all, "Every kind.", fields, DS_LEN(fields), NULL, 0 },
    { "None", RPC_ANYONE, on_none, "None.", NULL, 0, NULL, 0 },
    { "Own", RPC_SAME_UID, on_guarded, "The daemon's user.", NULL, 0, NULL, 0 },
    { "Admin", RPC_ADMIN, on_guarded, "Administrators.", NULL, 0, NULL, 0 },
    { "Attested", RPC_ATTESTED, on_guarded, "With evidence.", NULL, 0, NULL, 0 },
    { "Guest", RPC_CHANNEL, on_guarded, "The guest.", NULL, 0, NULL, 0 },
};

static const char *const prefixes[] = { "Old.", NULL };

static struct rpc_service service = { .name = "fuzz",
                                      .mount = "/prpc/",
                                      .prefixes = prefixes,
                                      .methods = methods,
                                      .n_methods = DS_LEN(methods) };

/* The next line as a text; what llhttp would never let through becomes 'x'. */
static void take_line(char out[static LINE_MAX_LEN], struct ds_span *in)
{
    size_t n = 0;
    while (n < in->len && in->p[n] != '\n' && n < LINE_MAX_LEN - 1) {
        char c = (char)in->p[n];
        if (c <= ' ' || c >= 0x7f)
            c = 'x';
        out[n++] = c;
    }
    out[n] = '\0';
    if (n < in->len && in->p[n] == '\n')
        n++;
    *in = DS_SPAN(in->p + n, in->len - n);
}

static void call_http(struct net_http_request *req)
{
    char *mark = strchr(req->path, '?');
    if (mark != NULL)
        *mark = '\0';
    req->query = mark != NULL ? mark + 1 : "";
    bool is_ours = rpc_serve_http(&service, req);
    FUZZ_CHECK(req->n_answers == (is_ours ? 1 : 0) && n_handled <= req->n_answers);
}

static void call_channel(struct ds_span payload)
{
    struct net_call call = { 0 };
    rpc_serve_channel(&service, &call, payload, &call);
    FUZZ_CHECK(call.n_answers == 1 && call.n_closed == 1 && n_handled <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct net_http_request req = { 0 };
    struct ds_span in = DS_SPAN(data, len);
    n_handled = 0;
    FUZZ_CHECK(rpc_service_init(&service, NULL) == DS_OK);
    take_line(req.method, &in);
    take_line(req.path, &in);
    take_line(req.type, &in);
    req.body = in;
    if (strcmp(req.method, "CALL") == 0)
        call_channel(in);
    else
        call_http(&req);
    rpc_service_done(&service);
    return 0;
}
