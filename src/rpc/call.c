/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dispatch, and a call's way to its end.
 */
#include "rpc/call.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/str.h"
#include "net/tls.h"
#include "rpc/serve.h"

int64_t rpc_now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int rpc_service_init(struct rpc_service *s, struct ds_error *e)
{
    s->stats = calloc(s->n_methods + 1, sizeof *s->stats);
    if (s->stats == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "service '%s'", s->name);
    return DS_OK;
}

void rpc_service_done(struct rpc_service *s)
{
    free(s->stats);
    s->stats = NULL;
}

const struct rpc_method *rpc_find(const struct rpc_service *s, struct ds_span name)
{
    for (const char *const *p = s->prefixes; p != NULL && *p != NULL; p++) {
        size_t n = strlen(*p);
        if (name.len > n && memcmp(name.p, *p, n) == 0) {
            name = DS_SPAN(name.p + n, name.len - n);
            break;
        }
    }
    for (size_t i = 0; i < s->n_methods; i++)
        if (ds_span_eq_str(name, s->methods[i].name))
            return &s->methods[i];
    return NULL;
}

void rpc_answer_error(void (*answer)(void *, int, struct ds_span), void *transport, int status,
                      const struct ds_error *e, const struct ds_verdict *v)
{
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    rpc_error_encode(&body, e, v);
    if (body.bad)
        answer(transport, status, DS_SPAN_LIT("{\"error\":\"out of memory\"}"));
    else
        answer(transport, status, ds_buf_span(&body));
}

static bool is_our_uid(const struct rpc_caller *c)
{
    return c->via == RPC_VIA_UNIX && (c->uid == geteuid() || c->uid == 0);
}

static int refuse_caller(const struct rpc_method *m, const char *expected, const char *got,
                         struct ds_error *e)
{
    (void)ds_refuse(e, DS_ERR_DENIED, DS_CODE_RPC_FORBIDDEN, m->name, expected, got, NULL);
    return DS_ERR_DENIED;
}

static int admit(const struct rpc_service *s, const struct rpc_method *m,
                 const struct rpc_caller *c, struct ds_error *e)
{
    bool has_chain = c->via == RPC_VIA_TLS && c->chain != NULL && c->chain->n > 0;
    switch (m->who) {
    case RPC_ANYONE:
        return DS_OK;
    case RPC_SAME_UID:
        return is_our_uid(c) ? DS_OK : refuse_caller(m, "the daemon's own user", "another", e);
    case RPC_ADMIN:
        if (s->admit != NULL)
            return s->admit(s->ctx, m, c, e);
        return is_our_uid(c) ? DS_OK : refuse_caller(m, "an administrator", "another", e);
    case RPC_ATTESTED:
        if (!has_chain || s->admit == NULL)
            return refuse_caller(m, "a client certificate with evidence", "none", e);
        return s->admit(s->ctx, m, c, e);
    case RPC_CHANNEL:
        return c->via == RPC_VIA_CHANNEL ? DS_OK : refuse_caller(m, "the guest's channel", "", e);
    }
    return refuse_caller(m, "nobody", "", e);
}

static void free_call(struct rpc_call *c)
{
    yyjson_doc_free(c->doc);
    yyjson_mut_doc_free(c->reply);
    free(c);
}

static void count(struct rpc_call *c, bool failed)
{
    static const int64_t edges_ms[] = RPC_EDGES_MS;
    struct rpc_stats *st = &c->service->stats[c->method - c->service->methods];
    int64_t us = rpc_now_us() - c->start_us;
    size_t i = 0;
    while (i < DS_LEN(edges_ms) && us > edges_ms[i] * 1000)
        i++;
    st->buckets[i]++;
    st->sum_us += (uint64_t)us;
    st->n_failed += failed;
    st->n_running--;
}

static void finish_error(struct rpc_call *c, int status, const struct ds_error *e,
                         const struct ds_verdict *v)
{
    count(c, true);
    rpc_answer_error(c->answer, c->transport, status, e, v);
    free_call(c);
}

static int start_call(struct rpc_call **ret, struct rpc_service *s, const struct rpc_method *m,
                      const struct rpc_caller *caller, struct ds_error *e)
{
    struct rpc_call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "call");
    *c = (struct rpc_call){ .service = s, .method = m, .caller = *caller };
    c->start_us = rpc_now_us();
    struct rpc_stats *st = &s->stats[m - s->methods];
    st->n_calls++;
    st->n_running++;
    *ret = c;
    return DS_OK;
}

void rpc_dispatch(struct rpc_service *s, struct ds_span name, const struct rpc_caller *caller,
                  yyjson_doc *doc, void (*answer)(void *, int, struct ds_span), void *transport)
{
    struct ds_error e;
    struct rpc_call *c = NULL;
    const struct rpc_method *m = rpc_find(s, name);
    if (m == NULL)
        (void)ds_fail_code(&e, DS_ERR_NOTFOUND, DS_CODE_RPC_NO_METHOD, "Service not found: %.*s",
                           (int)(name.len < 100 ? name.len : 100), (const char *)name.p);
    if (m == NULL || start_call(&c, s, m, caller, &e) < 0) {
        yyjson_doc_free(doc);
        rpc_answer_error(answer, transport, 400, &e, NULL);
        return;
    }
    c->doc = doc;
    c->params = yyjson_doc_get_root(doc);
    c->answer = answer;
    c->transport = transport;
    if (admit(s, m, caller, &e) < 0) {
        finish_error(c, 403, &e, NULL);
        return;
    }
    if (rpc_check(m->request, m->n_request, c->params, &e) < 0) {
        finish_error(c, 400, &e, NULL);
        return;
    }
    m->handler(c, s->ctx);
}

yyjson_val *rpc_call_params(const struct rpc_call *c) { return c->params; }
const struct rpc_caller *rpc_call_caller(const struct rpc_call *c) { return &c->caller; }
const struct rpc_method *rpc_call_method(const struct rpc_call *c) { return c->method; }

const char *rpc_call_text(const struct rpc_call *c, const char *name)
{
    const char *text = yyjson_get_str(yyjson_obj_get(c->params, name));
    return text != NULL ? text : "";
}

uint64_t rpc_call_u64(const struct rpc_call *c, const char *name)
{
    return yyjson_get_uint(yyjson_obj_get(c->params, name));
}

bool rpc_call_bool(const struct rpc_call *c, const char *name)
{
    return yyjson_get_bool(yyjson_obj_get(c->params, name));
}

bool rpc_call_has(const struct rpc_call *c, const char *name)
{
    yyjson_val *v = yyjson_obj_get(c->params, name);
    return v != NULL && !yyjson_is_null(v);
}

int rpc_call_hex(const struct rpc_call *c, const char *name, uint8_t *ret, size_t *ret_len,
                 size_t cap, struct ds_error *e)
{
    yyjson_val *v = yyjson_obj_get(c->params, name);
    *ret_len = 0;
    if (!yyjson_is_str(v))
        return DS_OK;
    return ds_hex_decode_any(ret, ret_len, cap, rpc_hex_digits(v), e);
}

yyjson_mut_doc *rpc_call_doc(struct rpc_call *c)
{
    if (c->reply == NULL)
        c->reply = yyjson_mut_doc_new(NULL);
    return c->reply;
}

void rpc_call_reply_text(struct rpc_call *c, struct ds_span json)
{
    count(c, false);
    c->answer(c->transport, 200, json);
    free_call(c);
}

void rpc_call_reply(struct rpc_call *c, yyjson_mut_val *root)
{
    if (root == NULL) {
        rpc_call_reply_text(c, DS_SPAN_LIT("{}"));
        return;
    }
    size_t len = 0;
    yyjson_write_err err;
    DS_AUTO(ds_auto_free)
    char *text = yyjson_mut_val_write_opts(root, YYJSON_WRITE_ESCAPE_UNICODE, NULL, &len, &err);
    if (text == NULL) {
        struct ds_error e;
        (void)ds_fail(&e, DS_ERR_NOMEM, "the reply cannot be written: %s", err.msg);
        finish_error(c, 400, &e, NULL);
        return;
    }
    rpc_call_reply_text(c, DS_SPAN(text, len));
}

/* Those that say: too many, come back later. */
static bool is_too_many(enum ds_code code)
{
    return code == DS_CODE_NET_POOL_FULL || code == DS_CODE_KMS_TOO_MANY;
}

void rpc_call_fail(struct rpc_call *c, const struct ds_error *e)
{
    finish_error(c, is_too_many(e->code) ? 429 : 400, e, NULL);
}

void rpc_call_deny(struct rpc_call *c, int cls, const struct ds_verdict *v)
{
    struct ds_error e;
    (void)ds_verdict_fail(v, cls, &e);
    finish_error(c, 400, &e, v);
}
