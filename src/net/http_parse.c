/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llhttp's callbacks: gather, and refuse what is too much.
 */
#include "net/http_parse.h"

#include <string.h>
#include <strings.h>

static struct http_msg *of(llhttp_t *p) { return p->data; }

static int refuse(struct http_msg *m, int status)
{
    m->refused = status;
    return -1;
}

static int add_head(struct http_msg *m, const char *at, size_t len)
{
    if (len > m->head_left)
        return refuse(m, 431);
    m->head_left -= len;
    if (m->head_done) /* a trailer: read over, so that none can pass for a header */
        return 0;
    ds_buf_add(&m->head, DS_SPAN(at, len));
    return m->head.bad ? refuse(m, 431) : 0;
}

/* Ends a part; a NUL cannot stand inside one (llhttp is strict). */
static int end_part(struct http_msg *m)
{
    if (m->head_done)
        return 0;
    ds_buf_char(&m->head, '\0');
    return m->head.bad ? refuse(m, 431) : 0;
}

static int on_begin(llhttp_t *p)
{
    of(p)->started = true;
    return 0;
}

static int on_part(llhttp_t *p, const char *at, size_t len) { return add_head(of(p), at, len); }
static int on_url_end(llhttp_t *p) { return end_part(of(p)); }

static int on_field(llhttp_t *p, const char *at, size_t len)
{
    struct http_msg *m = of(p);
    if (m->head_done)
        return add_head(m, at, len);
    if (m->n_headers == HTTP_HEADERS_MAX)
        return refuse(m, 431);
    if (m->headers[m->n_headers].name == 0)
        m->headers[m->n_headers].name = m->head.len;
    return add_head(m, at, len);
}

static int on_field_end(llhttp_t *p)
{
    struct http_msg *m = of(p);
    int r = end_part(m);
    if (m->head_done || r != 0)
        return r;
    m->headers[m->n_headers].value = m->head.len;
    return 0;
}

static int on_value_end(llhttp_t *p)
{
    struct http_msg *m = of(p);
    m->n_headers += !m->head_done;
    return end_part(m);
}

static int on_head_end(llhttp_t *p)
{
    struct http_msg *m = of(p);
    m->head_done = true;
    if ((p->flags & F_CONTENT_LENGTH) != 0 && p->content_length > m->body_max && m->sink == NULL)
        return refuse(m, 413);
    return m->head_reply ? 1 : 0;
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
    struct http_msg *m = of(p);
    if (m->sink != NULL)
        return m->sink(m->sink_arg, DS_SPAN(at, len)) < 0 ? -1 : 0;
    if (len > m->body_max - m->body.len)
        return refuse(m, 413);
    ds_buf_add(&m->body, DS_SPAN(at, len));
    return m->body.bad ? refuse(m, 413) : 0;
}

static int on_end(llhttp_t *p)
{
    of(p)->done = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_part,
    .on_url_complete = on_url_end,
    .on_header_field = on_field,
    .on_header_field_complete = on_field_end,
    .on_header_value = on_part,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_head_end,
    .on_body = on_body,
    .on_message_complete = on_end,
};

void http_msg_init(struct http_msg *m, llhttp_type_t type, size_t head_max, size_t body_max)
{
    *m = (struct http_msg){ .head_left = head_max, .body_max = body_max };
    llhttp_init(&m->parser, type, &settings);
    m->parser.data = m;
    /* Offset 0 is never a header's: it means "not begun". */
    ds_buf_char(&m->head, type == HTTP_REQUEST ? ' ' : '\0');
}

void http_msg_done(struct http_msg *m)
{
    ds_buf_done(&m->head);
    ds_buf_done(&m->body);
}

static int bad_http(struct http_msg *m, llhttp_errno_t err, struct ds_error *e)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = { { 413, "the body is too large" }, { 431, "the head is too large" } };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (m->refused == rows[i].status)
            return ds_fail_code(e, DS_ERR_PEER, DS_CODE_NET_BAD_HTTP, "HTTP: %s", rows[i].text);
    m->refused = 400;
    const char *why = llhttp_get_error_reason(&m->parser);
    return ds_fail_code(e, DS_ERR_PEER, DS_CODE_NET_BAD_HTTP, "HTTP: %s",
                        why != NULL && why[0] != '\0' ? why : llhttp_errno_name(err));
}

int http_msg_feed(struct http_msg *m, size_t *ret_used, struct ds_span bytes, struct ds_error *e)
{
    llhttp_errno_t err = llhttp_execute(&m->parser, (const char *)bytes.p, bytes.len);
    if (m->done) {
        const char *end = llhttp_get_error_pos(&m->parser);
        *ret_used = end != NULL ? (size_t)(end - (const char *)bytes.p) : bytes.len;
        return DS_OK;
    }
    if (err != HPE_OK)
        return bad_http(m, err, e);
    *ret_used = bytes.len;
    return DS_OK;
}

int http_msg_eof(struct http_msg *m, struct ds_error *e)
{
    llhttp_errno_t err = llhttp_finish(&m->parser);
    if (m->done)
        return DS_OK;
    (void)bad_http(m, err, NULL);
    return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_NO_ANSWER,
                        "the connection ended before the HTTP message did");
}

const char *http_msg_target(const struct http_msg *m) { return m->head.p + 1; }

const char *http_msg_header(const struct http_msg *m, const char *name)
{
    for (size_t i = 0; i < m->n_headers; i++)
        if (strcasecmp(m->head.p + m->headers[i].name, name) == 0)
            return m->head.p + m->headers[i].value;
    return NULL;
}

const char *http_status_text(int status)
{
    switch (status) {
#define ROW(num, name, string) \
    case num:                  \
        return #string;
        HTTP_STATUS_MAP(ROW)
#undef ROW
    default:
        return "";
    }
}
