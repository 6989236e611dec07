/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Recorded evidence, read from the folder that DSTACK_VECTORS names. Where the
 * folder is not there a test skips with 77 and says why.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hex.h"
#include "codec/json.h"
#include "crypto/hash.h"

static inline const char *vectors_dir(void)
{
    const char *dir = secure_getenv("DSTACK_VECTORS");
    return dir != NULL && ds_file_exists(dir) ? dir : NULL;
}

/* Heap memory as an arena; free(a.p). */
static inline struct ds_arena vectors_arena(size_t n)
{
    void *p = malloc(n);
    assert_non_null(p);
    return ds_arena_of(p, n);
}

/* A file's bytes, in the arena. */
static inline struct ds_span vectors_load(struct ds_arena *a, const char *path)
{
    char full[512];
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    (void)snprintf(full, sizeof full, "%s/%s", vectors_dir(), path);
    if (ds_file_load(&b, full, (size_t)1 << 20, &e) < 0)
        fail_msg("%s", e.msg);
    uint8_t *p = ds_arena_get(a, b.len);
    assert_non_null(p);
    memcpy(p, b.p, b.len);
    return DS_SPAN(p, b.len);
}

/* A string member of a JSON file, decoded from hex where asked. */
static inline struct ds_span vectors_load_member(struct ds_arena *a, const char *path,
                                                 const char *key, bool is_hex)
{
    const struct ds_json_tok *root;
    struct ds_span text = { 0 };
    size_t len;
    assert_int_equal(ds_json_parse_in(&root, a, vectors_load(a, path), NULL), DS_OK);
    assert_int_equal(ds_json_str(&text, a, ds_json_find(root, key), NULL), DS_OK);
    if (!is_hex)
        return text;
    uint8_t *p = ds_arena_get(a, text.len / 2);
    assert_non_null(p);
    assert_int_equal(ds_hex_decode_any(p, &len, text.len / 2, text, NULL), DS_OK);
    return DS_SPAN(p, len);
}
