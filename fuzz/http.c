/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP messages: how the bytes are cut into reads changes nothing. The first
 * byte of the input says how long each piece is (0: all at once is compared with
 * single bytes), and whether a request or a reply is read.
 */
#include "net/http_parse.h"

#include "fuzz.h"

#define HEAD_MAX 2048
#define BODY_MAX 4096

/* err is the class of a failure; else the message was read, or more is awaited. */
struct outcome {
    int cls;
    size_t used;
    struct http_msg msg;
};

static void outcome_done(struct outcome *o) { http_msg_done(&o->msg); }

static void read_pieces(struct outcome *ret, llhttp_type_t type, struct ds_span in, size_t piece)
{
    struct ds_error e;
    http_msg_init(&ret->msg, type, HEAD_MAX, BODY_MAX);
    ret->cls = DS_OK;
    ret->used = 0;
    while (ret->cls == DS_OK && !ret->msg.done && ret->used < in.len) {
        size_t n = 0;
        struct ds_span part = ds_span_sub(in, ret->used, piece);
        ret->cls = http_msg_feed(&ret->msg, &n, part, &e);
        if (!fuzz_is_ok(ret->cls, &e))
            break;
        FUZZ_CHECK(n <= part.len && (ret->msg.done || n == part.len));
        ret->used += n;
    }
}

static void check_bounds(const struct http_msg *m)
{
    FUZZ_CHECK(m->n_headers <= HTTP_HEADERS_MAX);
    FUZZ_CHECK(m->body.len <= BODY_MAX);
    FUZZ_CHECK(m->head.len <= HEAD_MAX + 2 + 2 * HTTP_HEADERS_MAX + 2);
    for (size_t i = 0; i < m->n_headers; i++) {
        FUZZ_CHECK(m->headers[i].name < m->head.len && m->headers[i].value < m->head.len);
        const char *name = m->head.p + m->headers[i].name;
        FUZZ_CHECK(http_msg_header(m, name) != NULL);
    }
    FUZZ_CHECK(strlen(http_msg_target(m)) < m->head.len);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    FUZZ_CHECK(a->cls == b->cls);
    FUZZ_CHECK(a->msg.done == b->msg.done);
    /* With two faults in one message, which is met first depends on the reads. */
    if (a->cls < 0) {
        FUZZ_CHECK(a->msg.refused >= 400 && b->msg.refused >= 400);
        return;
    }
    FUZZ_CHECK(a->used == b->used);
    FUZZ_CHECK(a->msg.n_headers == b->msg.n_headers);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&a->msg.head), ds_buf_span(&b->msg.head)));
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&a->msg.body), ds_buf_span(&b->msg.body)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    llhttp_type_t type = (data[0] & 0x80) != 0 ? HTTP_RESPONSE : HTTP_REQUEST;
    size_t piece = (data[0] & 0x7f) + 1;
    struct ds_span in = DS_SPAN(data + 1, len - 1);
    DS_AUTO(outcome_done) struct outcome whole, pieces;
    read_pieces(&whole, type, in, SIZE_MAX);
    read_pieces(&pieces, type, in, piece);
    check_bounds(&whole.msg);
    check_bounds(&pieces.msg);
    check_same(&whole, &pieces);
    return 0;
}
