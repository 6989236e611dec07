/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors on the wire: {"error", "class", "code", "reasons": [...]}. The class
 * travels too, so that the other side's exit code can be right even for a code
 * that it does not know.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rpc/client.h"
#include "rpc/serve.h"

#define CLASS_PREFIX_LEN (sizeof "DS_ERR_" - 1)

static const struct {
    int cls;
    const char *name;
} classes[] = {
#define X(name, num, text) { name, #name },
    DS_ERR_LIST(X)
#undef X
};

/* "denied" of DS_ERR_DENIED; out holds 24 bytes. */
static const char *class_name(char out[static 24], int cls)
{
    const char *name = "DS_ERR_sys";
    for (size_t i = 0; i < DS_LEN(classes); i++)
        if (classes[i].cls == cls)
            name = classes[i].name;
    (void)snprintf(out, 24, "%s", name + CLASS_PREFIX_LEN);
    for (char *p = out; *p != '\0'; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    return out;
}

static int class_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < DS_LEN(classes); i++)
        if (strcasecmp(classes[i].name + CLASS_PREFIX_LEN, name) == 0)
            return classes[i].cls;
    return DS_ERR_PEER;
}

static void put_text(struct ds_buf *out, const char *key, const char *text)
{
    ds_buf_printf(out, "\"%s\":\"", key);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            ds_buf_printf(out, "\\%c", *p);
        else if (*p < 0x20 || *p >= 0x7f) /* our own texts are ASCII; others are only shown */
            ds_buf_printf(out, "\\u%04x", *p < 0x80 ? *p : 0xfffd);
        else
            ds_buf_char(out, (char)*p);
    }
    ds_buf_char(out, '"');
}

static void put_reason(struct ds_buf *out, enum ds_code code, const struct ds_detail *d)
{
    const struct {
        const char *key, *text;
    } rows[] = {
        { "code", ds_code_info_get(code)->id },
        { "claim", d->claim },
        { "expected", d->expected },
        { "got", d->got },
        { "anchor", d->anchor },
        { "fix", ds_code_info_get(code)->fix },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        ds_buf_char(out, i == 0 ? '{' : ',');
        put_text(out, rows[i].key, rows[i].text);
    }
    ds_buf_char(out, '}');
}

void rpc_error_encode(struct ds_buf *out, const struct ds_error *e, const struct ds_verdict *v)
{
    char name[24];
    ds_buf_char(out, '{');
    put_text(out, "error", e->msg);
    ds_buf_char(out, ',');
    put_text(out, "class", class_name(name, e->cls));
    ds_buf_char(out, ',');
    put_text(out, "code", ds_code_info_get(e->code)->id);
    ds_buf_str(out, ",\"reasons\":[");
    for (uint32_t i = 0; v != NULL && i < v->n_reasons; i++) {
        ds_buf_str(out, i > 0 ? "," : "");
        put_reason(out, v->reasons[i].code, &v->reasons[i].detail);
    }
    if ((v == NULL || v->n_reasons == 0) && e->code != DS_CODE_NONE)
        put_reason(out, e->code, &e->detail);
    ds_buf_str(out, "]}");
}

static const char *text_of(yyjson_val *object, const char *key)
{
    const char *text = yyjson_get_str(yyjson_obj_get(object, key));
    return text != NULL ? text : "";
}

static enum ds_code code_of(yyjson_val *object)
{
    const char *id = text_of(object, "code");
    enum ds_code code = id[0] != '\0' ? ds_code_find(id) : DS_CODE_NONE;
    return code != DS_CODE_NONE ? code : DS_CODE_RPC_REMOTE;
}

static void take_reasons(struct ds_verdict *ret, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *r;
    *ret = (struct ds_verdict){ 0 };
    yyjson_arr_foreach(list, i, n, r)
        ds_verdict_add(ret, code_of(r), text_of(r, "claim"), text_of(r, "expected"),
                       text_of(r, "got"), text_of(r, "anchor"));
}

static void free_doc(yyjson_doc **doc) { yyjson_doc_free(*doc); }

int rpc_error_decode(struct ds_verdict *ret_reasons, struct ds_span body, struct ds_error *e)
{
    DS_AUTO(free_doc) yyjson_doc *doc = yyjson_read((const char *)body.p, body.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *text = yyjson_get_str(yyjson_obj_get(root, "error"));
    if (text == NULL)
        return ds_fail_code(e, DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY,
                            "the server failed without saying why");
    enum ds_code code = code_of(root);
    const char *id = text_of(root, "code");
    bool known = code != DS_CODE_RPC_REMOTE || id[0] == '\0';
    int cls = class_find(yyjson_get_str(yyjson_obj_get(root, "class")));
    (void)ds_fail_code(e, cls, code, "%s%s%s", known ? "" : id, known ? "" : ": ", text);
    yyjson_val *reasons = yyjson_obj_get(root, "reasons");
    yyjson_val *first = yyjson_arr_get_first(reasons);
    if (e != NULL && first != NULL)
        ds_detail_set(&e->detail, text_of(first, "claim"), text_of(first, "expected"),
                      text_of(first, "got"), text_of(first, "anchor"));
    if (ret_reasons != NULL)
        take_reasons(ret_reasons, reasons);
    return cls;
}
