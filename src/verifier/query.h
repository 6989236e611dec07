/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What callers say outside bodies: the query of a new session, and which media
 * types they accept. Pure.
 */

#include "base/span.h"
#include "ear/ear.h"

#define QUERY_NONCE_PRESET 32 /* bytes */

/* The caller's own nonce, or how long one is to be made here. */
struct query_nonce {
    bool is_given;
    size_t len;
    uint8_t b[EAR_NONCE_MAX];
};

/*
 * ?nonce=BASE64URL or ?nonceSize=N; neither: QUERY_NONCE_PRESET bytes. Other names are passed over.
 *
 * err:  ARG  rpc.bad_request
 */
DS_MUST_USE int query_nonce_parse(struct query_nonce *ret, const char *query, struct ds_error *e);

/* An Accept header covers this media type; NULL and an empty one cover all. RFC 9110 12.5.1 */
bool query_accepts(const char *accept, const char *type);
