/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calling side.
 */
#include "rpc/client.h"

#include "net/http_client.h"

/* A reply may hold keys: yyjson's copy of it is wiped before it is given back. */
union block {
    size_t len;
    max_align_t align;
};

static void *wiping_malloc(void *ctx, size_t len)
{
    size_t all;
    (void)ctx;
    union block *b = __builtin_add_overflow(len, sizeof *b, &all) ? NULL
                                                                  : (union block *)malloc(all);
    if (b == NULL)
        return NULL;
    b->len = len;
    return b + 1;
}

static void wiping_free(void *ctx, void *p)
{
    (void)ctx;
    if (p == NULL)
        return;
    union block *b = (union block *)p - 1;
    explicit_bzero(p, b->len);
    free(b);
}

static void *wiping_realloc(void *ctx, void *p, size_t old_len, size_t len)
{
    void *moved = wiping_malloc(ctx, len);
    if (moved == NULL)
        return NULL;
    memcpy(moved, p, old_len < len ? old_len : len);
    wiping_free(ctx, p);
    return moved;
}

static const yyjson_alc wiping = { wiping_malloc, wiping_realloc, wiping_free, NULL };

static void put_params(struct ds_buf *out, struct ds_span params)
{
    ds_buf_add(out, params.len > 0 ? params : DS_SPAN_LIT("{}"));
}

static int read_reply(yyjson_doc **ret, struct ds_span body, struct ds_error *e)
{
    struct ds_span text = body.len > 0 ? body : DS_SPAN_LIT("null");
    /* Without the flag to parse in place, yyjson only reads its input. */
    char *in = (char *)(uintptr_t)text.p;
    yyjson_doc *doc = yyjson_read_opts(in, text.len, 0, &wiping, NULL);
    if (doc == NULL)
        return ds_fail_code(e, DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, "the reply is not JSON");
    *ret = doc;
    return DS_OK;
}

int rpc_client_call(yyjson_doc **ret, struct ds_verdict *ret_reasons,
                    const struct rpc_target *target, const char *method, struct ds_span params,
                    struct ds_error *e)
{
    static const struct net_http_header headers[] = { { "Content-Type", "application/json" },
                                                      { "Connection", "close" } };
    if (ret_reasons != NULL)
        *ret_reasons = (struct ds_verdict){ 0 };
    struct net_target t;
    DS_TRY(net_target_parse(&t, target->address, e));
    DS_AUTO(ds_buf_done) struct ds_buf path = { 0 }, body = { 0 };
    ds_buf_printf(&path, "%s%s", target->mount != NULL ? target->mount : "/prpc/", method);
    put_params(&body, params);
    DS_TRY(ds_buf_end(&path, e, "call"));
    DS_TRY(ds_buf_end(&body, e, "call"));
    struct net_http_call call = { .method = "POST",
                                  .path = path.p,
                                  .headers = headers,
                                  .n_headers = DS_LEN(headers),
                                  .body = ds_buf_span(&body),
                                  .timeout_ms = target->timeout_ms };
    DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
    DS_TRY(net_http_call(&r, &t, target->tls, &call, e));
    if (r.status == 200)
        return read_reply(ret, ds_buf_span(&r.body), e);
    int cls = rpc_error_decode(ret_reasons, ds_buf_span(&r.body), e);
    if (e != NULL && e->code == DS_CODE_RPC_BAD_REPLY)
        (void)ds_wrap(e, cls, "'%s' answers %s with HTTP status %d", target->address, method,
                      r.status);
    return cls;
}

void rpc_channel_encode(struct ds_buf *out, const char *method, struct ds_span params)
{
    ds_buf_printf(out, "{\"method\":\"%s\",\"params\":", method);
    put_params(out, params);
    ds_buf_char(out, '}');
}

int rpc_channel_decode(yyjson_doc **ret_doc, yyjson_val **ret_result,
                       struct ds_verdict *ret_reasons, struct ds_span payload, struct ds_error *e)
{
    if (ret_reasons != NULL)
        *ret_reasons = (struct ds_verdict){ 0 };
    yyjson_doc *doc = NULL;
    DS_TRY(read_reply(&doc, payload, e));
    yyjson_val *result = yyjson_obj_get(yyjson_doc_get_root(doc), "result");
    if (result == NULL) {
        yyjson_doc_free(doc);
        return rpc_error_decode(ret_reasons, payload, e);
    }
    *ret_doc = doc;
    *ret_result = result;
    return DS_OK;
}
