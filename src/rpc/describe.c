/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A method table told to others: as JSON for pages and tools, and its counters
 * for a metrics collector.
 */
#include "rpc/call.h"

static const char *kind_name(enum rpc_kind kind)
{
    static const char *const names[] = {
        [RPC_TEXT] = "text",
        [RPC_HEX] = "hex",
        [RPC_U64] = "u64",
        [RPC_BOOL] = "bool",
        [RPC_TEXT_LIST] = "list of text",
        [RPC_HEX_LIST] = "list of hex",
        [RPC_OBJECT] = "object",
        [RPC_OBJECT_LIST] = "list of objects",
        [RPC_ANY] = "any",
    };
    return names[kind];
}

static const char *who_name(enum rpc_who who)
{
    static const char *const names[] = {
        [RPC_ANYONE] = "anyone",     [RPC_SAME_UID] = "same user", [RPC_ADMIN] = "admin",
        [RPC_ATTESTED] = "attested", [RPC_CHANNEL] = "channel",
    };
    return names[who];
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the static tables nest. */
static yyjson_mut_val *describe_fields(yyjson_mut_doc *doc, const struct rpc_field *fields,
                                       size_t n)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < n; i++) {
        const struct rpc_field *f = &fields[i];
        yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
        (void)yyjson_mut_obj_add_str(doc, o, "name", f->name);
        (void)yyjson_mut_obj_add_str(doc, o, "kind", kind_name(f->kind));
        (void)yyjson_mut_obj_add_bool(doc, o, "required", f->required);
        if (f->max != 0)
            (void)yyjson_mut_obj_add_uint(doc, o, "max", f->max);
        if (f->help != NULL)
            (void)yyjson_mut_obj_add_str(doc, o, "help", f->help);
        if (f->fields != NULL)
            (void)yyjson_mut_obj_add_val(doc, o, "fields",
                                         describe_fields(doc, f->fields, f->n_fields));
    }
    return list;
}

void rpc_service_describe(struct ds_buf *out, const struct rpc_service *s)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    (void)yyjson_mut_obj_add_str(doc, root, "service", s->name);
    (void)yyjson_mut_obj_add_str(doc, root, "mount", s->mount);
    yyjson_mut_val *methods = yyjson_mut_obj_add_arr(doc, root, "methods");
    for (size_t i = 0; i < s->n_methods; i++) {
        const struct rpc_method *m = &s->methods[i];
        yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, methods);
        (void)yyjson_mut_obj_add_str(doc, o, "name", m->name);
        (void)yyjson_mut_obj_add_str(doc, o, "who", who_name(m->who));
        (void)yyjson_mut_obj_add_str(doc, o, "doc", m->doc);
        if (m->verb != NULL) {
            (void)yyjson_mut_obj_add_str(doc, o, "verb", m->verb);
            (void)yyjson_mut_obj_add_str(doc, o, "path", m->path);
        }
        if (m->media != NULL)
            (void)yyjson_mut_obj_add_str(doc, o, "media", m->media);
        (void)yyjson_mut_obj_add_val(doc, o, "request",
                                     describe_fields(doc, m->request, m->n_request));
        (void)yyjson_mut_obj_add_val(doc, o, "reply", describe_fields(doc, m->reply, m->n_reply));
    }
    size_t len = 0;
    DS_AUTO(ds_auto_free)
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_ESCAPE_UNICODE, &len);
    if (text == NULL)
        out->bad = true;
    else
        ds_buf_add(out, DS_SPAN(text, len));
    yyjson_mut_doc_free(doc);
}

static void put_counter(struct ds_buf *out, const char *name, const struct rpc_service *s,
                        const char *method, uint64_t value)
{
    ds_buf_printf(out, "%s{service=\"%s\",method=\"%s\"} %llu\n", name, s->name, method,
                  (unsigned long long)value);
}

static void put_histogram(struct ds_buf *out, const struct rpc_service *s, const char *method,
                          const struct rpc_stats *st)
{
    static const int edges_ms[] = RPC_EDGES_MS;
    uint64_t sum = 0;
    for (size_t i = 0; i < RPC_N_BUCKETS; i++) {
        sum += st->buckets[i];
        ds_buf_printf(out, "dstack_rpc_seconds_bucket{service=\"%s\",method=\"%s\",le=\"", s->name,
                      method);
        if (i < DS_LEN(edges_ms))
            ds_buf_printf(out, "%d.%03d", edges_ms[i] / 1000, edges_ms[i] % 1000);
        else
            ds_buf_str(out, "+Inf");
        ds_buf_printf(out, "\"} %llu\n", (unsigned long long)sum);
    }
    ds_buf_printf(out, "dstack_rpc_seconds_sum{service=\"%s\",method=\"%s\"} %llu.%06llu\n",
                  s->name, method, (unsigned long long)(st->sum_us / 1000000),
                  (unsigned long long)(st->sum_us % 1000000));
    put_counter(out, "dstack_rpc_seconds_count", s, method, sum);
}

void rpc_service_metrics(struct ds_buf *out, const struct rpc_service *s)
{
    static const char head[] = "# TYPE dstack_rpc_calls_total counter\n"
                               "# TYPE dstack_rpc_failures_total counter\n"
                               "# TYPE dstack_rpc_running gauge\n"
                               "# TYPE dstack_rpc_seconds histogram\n";
    ds_buf_str(out, head);
    for (size_t i = 0; i < s->n_methods; i++) {
        const char *method = s->methods[i].name;
        put_counter(out, "dstack_rpc_calls_total", s, method, s->stats[i].n_calls);
        put_counter(out, "dstack_rpc_failures_total", s, method, s->stats[i].n_failed);
        put_counter(out, "dstack_rpc_running", s, method, s->stats[i].n_running);
        put_histogram(out, s, method, &s->stats[i]);
    }
}
