/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One HTTP/1.1 message being read, for server and client: llhttp finds the
 * parts, this keeps them within bounds. Internal to net/.
 */

#include <llhttp.h>

#include "base/buf.h"

#define HTTP_HEADERS_MAX 64

struct http_msg {
    llhttp_t parser;
    struct ds_buf head; /* target, then names and values, each ended by a NUL */
    size_t head_left;   /* bytes that the head may still take */
    struct {
        size_t name, value; /* offsets into head */
    } headers[HTTP_HEADERS_MAX];
    size_t n_headers;
    struct ds_buf body;
    size_t body_max;
    /* Takes the body instead of it, when set; non-zero stops. */
    int (*sink)(void *arg, struct ds_span piece);
    void *sink_arg;
    bool head_reply; /* a reply to HEAD: it has no body */
    bool started, head_done, done;
    int refused; /* HTTP status that says what bound was hit; 0: none */
};

void http_msg_init(struct http_msg *m, llhttp_type_t type, size_t head_max, size_t body_max);
void http_msg_done(struct http_msg *m);

/*
 * Read on; stops behind the end of the message.
 *
 * out:  ret_used  bytes that belong to this message
 * err:  PEER net.bad_http; m->refused says 400, 413 or 431
 */
DS_MUST_USE int http_msg_feed(struct http_msg *m, size_t *ret_used, struct ds_span bytes,
                              struct ds_error *e);
/* The stream ended: fine only for a reply without length. */
DS_MUST_USE int http_msg_eof(struct http_msg *m, struct ds_error *e);

const char *http_msg_target(const struct http_msg *m);
/* NULL when absent. */
const char *http_msg_header(const struct http_msg *m, const char *name);
/* "OK" and the like; "" for an unknown status. */
const char *http_status_text(int status);
