/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writes compact ASCII-only JSON into a ds_buf. Each call names its key, NULL
 * inside an array and at the top. Nesting is the programmer's promise and is
 * asserted; memory is checked once, by ds_jw_end().
 *
 *     struct ds_jw w = ds_jw_of(&buf);
 *     ds_jw_object(&w, NULL);
 *     ds_jw_str(&w, "name", "hello");
 *     ds_jw_hex(&w, "app_id", app_id);
 *     ds_jw_object_end(&w);
 *     DS_TRY(ds_jw_end(&w, e, "GetMeta reply"));
 */

#include "base/buf.h"

#define DS_JW_DEPTH_MAX 32

struct ds_jw {
    struct ds_buf *out; /* borrowed; text is appended */
    uint8_t depth;
    bool array[DS_JW_DEPTH_MAX]; /* the container at each depth is an array */
    bool any[DS_JW_DEPTH_MAX];   /* it has a member already */
    bool done;                   /* the one top value is complete */
};

struct ds_jw ds_jw_of(struct ds_buf *out);

void ds_jw_object(struct ds_jw *w, const char *key);
void ds_jw_object_end(struct ds_jw *w);
void ds_jw_array(struct ds_jw *w, const char *key);
void ds_jw_array_end(struct ds_jw *w);

/* UTF-8 in, \uXXXX out; a byte that is not UTF-8 becomes \ufffd. NULL text is null. */
void ds_jw_str(struct ds_jw *w, const char *key, const char *text);
void ds_jw_text(struct ds_jw *w, const char *key, struct ds_span text);
/* Bytes as a string of lower-case hex. */
void ds_jw_hex(struct ds_jw *w, const char *key, struct ds_span bytes);
/* Bytes as a string of base64url without padding. */
void ds_jw_base64url(struct ds_jw *w, const char *key, struct ds_span bytes);
void ds_jw_u64(struct ds_jw *w, const char *key, uint64_t v);
void ds_jw_i64(struct ds_jw *w, const char *key, int64_t v);
void ds_jw_bool(struct ds_jw *w, const char *key, bool v);
void ds_jw_null(struct ds_jw *w, const char *key);
/* One value that is JSON already, copied as it stands. */
void ds_jw_raw(struct ds_jw *w, const char *key, struct ds_span json);

/* Everything was closed (asserted) and memory sufficed. err: NOMEM */
DS_MUST_USE int ds_jw_end(const struct ds_jw *w, struct ds_error *e, const char *what);
