/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transports of a method table.
 */
#include "rpc/serve.h"

#include <strings.h>

#include "base/str.h"
#include "net/http_server.h"
#include "net/mux.h"
#include "rpc/call.h"

static int bad_request(struct ds_error *e, const char *claim, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, claim, expected, got, NULL);
}

/* Once more, by the reader that tells why it failed: it wants a text that it might write to. */
static int not_json(struct ds_span text, struct ds_error *e)
{
    yyjson_read_err err = { .msg = "too much" };
    DS_AUTO(ds_auto_free) char *copy = ds_str_dup_span(text);
    if (copy == NULL)
        return bad_request(e, "body", "JSON", "a NUL, or too much");
    yyjson_doc_free(yyjson_read_opts(copy, text.len, 0, NULL, &err));
    return bad_request(e, "body", "JSON", err.msg);
}

/* *ret NULL for no parameters. The root is an object or the document is refused. */
static int read_object(yyjson_doc **ret, struct ds_span text, struct ds_error *e)
{
    *ret = NULL;
    if (text.len == 0)
        return DS_OK;
    yyjson_doc *doc = yyjson_read((const char *)text.p, text.len, 0);
    if (doc == NULL)
        return not_json(text, e);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (yyjson_is_null(root)) {
        yyjson_doc_free(doc);
        return DS_OK;
    }
    if (!yyjson_is_obj(root)) {
        int r = bad_request(e, "body", "an object", yyjson_get_type_desc(root));
        yyjson_doc_free(doc);
        return r;
    }
    *ret = doc;
    return DS_OK;
}

int rpc_params_parse(yyjson_doc **ret, const struct rpc_field *fields, size_t n_fields,
                     struct ds_span body, struct ds_error *e)
{
    yyjson_doc *doc = NULL;
    DS_TRY(read_object(&doc, body, e));
    int r = rpc_check(fields, n_fields, yyjson_doc_get_root(doc), e);
    if (r < 0) {
        yyjson_doc_free(doc);
        return r;
    }
    *ret = doc;
    return DS_OK;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: '+' and %XX. false: a bad escape, or a NUL. */
static bool url_decode(char *text)
{
    char *out = text;
    for (const char *p = text; *p != '\0'; p++) {
        char c = *p;
        if (c == '+')
            c = ' ';
        if (*p == '%') {
            int high = hex_value(p[1]);
            int low = high >= 0 ? hex_value(p[2]) : -1;
            if (low < 0 || high + low == 0)
                return false;
            c = (char)(high * 16 + low);
            p += 2;
        }
        *out++ = c;
    }
    *out = '\0';
    return true;
}

static const struct rpc_field *find_field(const struct rpc_method *m, const char *name)
{
    for (size_t i = 0; i < m->n_request; i++)
        if (strcmp(m->request[i].name, name) == 0)
            return &m->request[i];
    return NULL;
}

/* A query carries texts; the table says what they stand for. */
static yyjson_mut_val *query_value(yyjson_mut_doc *doc, const struct rpc_field *f,
                                   const char *value)
{
    uint64_t n = 0;
    if (f->kind == RPC_U64 && ds_str_u64(&n, ds_span_str(value), UINT64_MAX, NULL) == DS_OK)
        return yyjson_mut_uint(doc, n);
    if (f->kind == RPC_BOOL && strcmp(value, "true") == 0)
        return yyjson_mut_bool(doc, true);
    if (f->kind == RPC_BOOL && strcmp(value, "false") == 0)
        return yyjson_mut_bool(doc, false);
    return yyjson_mut_strcpy(doc, value);
}

/* "name=value", "name[]=value", "name[0]=value" */
static int query_pair(yyjson_mut_doc *doc, const struct rpc_method *m, char *pair,
                      struct ds_error *e)
{
    char *value = strchr(pair, '=');
    if (value != NULL)
        *value++ = '\0';
    if (!url_decode(pair) || (value != NULL && !url_decode(value)))
        return bad_request(e, "query", "name=value pairs", "a bad escape");
    /* As in a JSON body: a text that is not UTF-8 could not be given back in a reply. */
    if (value != NULL && !ds_utf8_is_valid(ds_span_str(value)))
        return bad_request(e, "query", "UTF-8", "other bytes");
    char *bracket = strchr(pair, '[');
    if (bracket != NULL)
        *bracket = '\0';
    const struct rpc_field *f = find_field(m, pair);
    if (f == NULL)
        return DS_OK;
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    yyjson_mut_val *v = query_value(doc, f, value != NULL ? value : "");
    yyjson_mut_val *list = bracket != NULL ? yyjson_mut_obj_get(root, f->name) : NULL;
    bool ok;
    if (list != NULL)
        ok = yyjson_mut_arr_append(list, v);
    else if (bracket == NULL)
        ok = yyjson_mut_obj_add(root, yyjson_mut_str(doc, f->name), v);
    else
        ok = (list = yyjson_mut_arr(doc)) != NULL && yyjson_mut_arr_append(list, v) &&
             yyjson_mut_obj_add(root, yyjson_mut_str(doc, f->name), list);
    return ok ? DS_OK : bad_request(e, f->name, "a proper query", "mixed forms");
}

static void free_mut(yyjson_mut_doc **doc) { yyjson_mut_doc_free(*doc); }

static int read_query(yyjson_doc **ret, const struct rpc_method *m, const char *query,
                      struct ds_error *e)
{
    *ret = NULL;
    DS_AUTO(ds_auto_free) char *text = strdup(query);
    DS_AUTO(free_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    if (text == NULL || doc == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "query");
    yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
    char *save = NULL;
    for (char *p = strtok_r(text, "&", &save); p != NULL; p = strtok_r(NULL, "&", &save))
        DS_TRY(query_pair(doc, m, p, e));
    *ret = yyjson_mut_doc_imut_copy(doc, NULL);
    return *ret != NULL ? DS_OK : ds_fail(e, DS_ERR_NOMEM, "query");
}

static bool is_protobuf(const char *type)
{
    return type != NULL &&
           (strcasestr(type, "protobuf") != NULL || strncasecmp(type, "application/grpc", 16) == 0);
}

static void answer_http(void *transport, int status, struct ds_span json)
{
    net_http_reply(transport, status, "application/json", json, NULL);
}

static struct rpc_caller http_caller(const struct net_http_request *req)
{
    const struct net_http_peer *p = net_http_peer(req);
    struct rpc_caller c = { .via = p->is_unix  ? RPC_VIA_UNIX
                                   : p->is_tls ? RPC_VIA_TLS
                                               : RPC_VIA_TCP,
                            .uid = p->uid,
                            .pid = p->pid,
                            .authorization = net_http_header(req, "Authorization") };
    if (p->is_tls)
        c.chain = p->chain;
    return c;
}

void rpc_error_reply(struct net_http_request *req, int status, const struct ds_error *e)
{
    rpc_answer_error(answer_http, req, status, e, NULL);
}

static int http_params(yyjson_doc **ret, const struct rpc_service *s, struct ds_span name,
                       const struct net_http_request *req, struct ds_error *e)
{
    const struct rpc_method *m = rpc_find(s, name);
    *ret = NULL;
    if (m == NULL) /* told by dispatch */
        return DS_OK;
    if (strcmp(net_http_method(req), "GET") == 0)
        return read_query(ret, m, net_http_query(req), e);
    if (is_protobuf(net_http_header(req, "Content-Type")))
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_RPC_PROTOBUF_UNSUPPORTED,
                            "protobuf bodies are not served; send JSON");
    return read_object(ret, net_http_body(req), e);
}

bool rpc_serve_http(struct rpc_service *s, struct net_http_request *req)
{
    const char *path = net_http_path(req);
    if (!ds_str_starts(path, s->mount))
        return false;
    struct ds_span name = ds_span_str(path + strlen(s->mount));
    if (name.len == 0 || memchr(name.p, '/', name.len) != NULL)
        return false;
    struct ds_error e;
    const char *method = net_http_method(req);
    if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0) {
        (void)bad_request(&e, "HTTP method", "GET or POST", method);
        rpc_error_reply(req, 405, &e);
        return true;
    }
    yyjson_doc *doc = NULL;
    if (http_params(&doc, s, name, req, &e) < 0) {
        rpc_error_reply(req, 400, &e);
        return true;
    }
    struct rpc_caller caller = http_caller(req);
    rpc_dispatch(s, name, &caller, doc, answer_http, req);
    return true;
}

/* Errors are bodies of their own; results are wrapped. */
static void answer_channel(void *transport, int status, struct ds_span json)
{
    struct net_call *call = transport;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    if (status == 200)
        ds_buf_str(&out, "{\"result\":");
    ds_buf_add(&out, json);
    if (status == 200)
        ds_buf_char(&out, '}');
    if (ds_buf_end(&out, NULL, "reply") == DS_OK)
        (void)!net_call_reply(call, ds_buf_span(&out), NULL); /* else close resets it */
    net_call_close(call);
}

void rpc_serve_channel(struct rpc_service *s, struct net_call *call, struct ds_span payload,
                       void *channel_arg)
{
    struct ds_error e;
    yyjson_doc *doc = NULL;
    int r = read_object(&doc, payload, &e);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *name = yyjson_obj_get(root, "method");
    yyjson_val *params = yyjson_obj_get(root, "params");
    bool has_params = params != NULL && !yyjson_is_null(params);
    if (r == DS_OK && !yyjson_is_str(name))
        r = bad_request(&e, "method", "a name", "none");
    if (r == DS_OK && has_params && !yyjson_is_obj(params))
        r = bad_request(&e, "params", "an object", yyjson_get_type_desc(params));
    yyjson_doc *own = NULL;
    if (r == DS_OK && has_params) {
        DS_AUTO(free_mut) yyjson_mut_doc *copy = yyjson_mut_doc_new(NULL);
        yyjson_mut_doc_set_root(copy, yyjson_val_mut_copy(copy, params));
        own = yyjson_mut_doc_imut_copy(copy, NULL);
        if (own == NULL)
            r = ds_fail(&e, DS_ERR_NOMEM, "parameters");
    }
    if (r < 0) {
        yyjson_doc_free(doc);
        rpc_answer_error(answer_channel, call, 400, &e, NULL);
        return;
    }
    struct rpc_caller caller = { .via = RPC_VIA_CHANNEL,
                                 .uid = (uid_t)-1,
                                 .channel_arg = channel_arg };
    rpc_dispatch(s, DS_SPAN(yyjson_get_str(name), yyjson_get_len(name)), &caller, own,
                 answer_channel, call);
    yyjson_doc_free(doc);
}
