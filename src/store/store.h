/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One key-value interface for a daemon's durable state. Keys are texts, values
 * bytes; each value has a version that changes with every write, so that a
 * transaction can say "if nobody wrote since". A transaction is durable when it
 * is answered.
 *
 * The plain calls block (boot, tests, the pool's threads); the *_async ones run
 * on the pool and answer on the loop, in the order of submission.
 */

#include "base/buf.h"

struct net_pool;
struct store;

#define STORE_KEY_MAX   512u
#define STORE_VALUE_MAX ((size_t)16 << 20)

enum store_op_kind {
    STORE_PUT,
    STORE_DELETE,
    STORE_CHECK, /* holds when the key's version is `version`; 0: the key is absent */
};

struct store_op {
    enum store_op_kind kind;
    const char *key;
    struct ds_span value; /* STORE_PUT */
    uint64_t version;     /* STORE_CHECK */
};

struct store_entry {
    const char *key;
    struct ds_span value;
    uint64_t version;
};

/* A file-backed store (SQLite, WAL, synchronous FULL); made 0600 when absent. pool NULL: no async.
 * err: SYS store.failed, FORMAT store.foreign_file */
DS_MUST_USE int store_open_sqlite(struct store **ret, const char *path, struct net_pool *pool,
                                  struct ds_error *e);
/* No async operation may be pending: free the pool first, which finishes them. NULL is fine. */
void store_close(struct store *s);

/* Appends the value to *ret. *ret_version is 0 when the key is absent. */
DS_MUST_USE int store_get(struct store *s, const char *key, struct ds_buf *ret,
                          uint64_t *ret_version, struct ds_error *e);

/*
 * All or nothing: when every check holds, the writes are done in order and made durable. `point`
 * names the fault hooks: "<point>.before", "<point>.committed".
 *
 * out:  ret_done  false: a check did not hold; nothing was written
 */
DS_MUST_USE int store_apply(struct store *s, const struct store_op *ops, size_t n_ops,
                            const char *point, bool *ret_done, struct ds_error *e);
/* One unconditional write. */
DS_MUST_USE int store_put(struct store *s, const char *key, struct ds_span value, const char *point,
                          struct ds_error *e);
DS_MUST_USE int store_delete(struct store *s, const char *key, const char *point,
                             struct ds_error *e);

/* Keys that begin with prefix, in byte order, after `after` (NULL: from the first), at most limit.
 * fn's non-zero return ends it and is returned. */
typedef int store_range_fn(void *arg, const struct store_entry *entry, struct ds_error *e);
DS_MUST_USE int store_range(struct store *s, const char *prefix, const char *after, size_t limit,
                            store_range_fn *fn, void *arg, struct ds_error *e);

/* status DS_OK or the class in *e. Entries live for the call only. */
typedef void store_get_done_fn(void *arg, int status, const struct store_entry *entry,
                               const struct ds_error *e); /* entry NULL: absent */
typedef void store_apply_done_fn(void *arg, int status, bool done, const struct ds_error *e);
typedef void store_range_done_fn(void *arg, int status, const struct store_entry *entries,
                                 size_t n_entries, const struct ds_error *e);

/* Inputs are copied. err (nothing was submitted): UNAVAILABLE net.pool_full, NOMEM, ARG, RANGE */
DS_MUST_USE int store_get_async(struct store *s, const char *key, store_get_done_fn *fn, void *arg,
                                struct ds_error *e);
DS_MUST_USE int store_apply_async(struct store *s, const struct store_op *ops, size_t n_ops,
                                  const char *point, store_apply_done_fn *fn, void *arg,
                                  struct ds_error *e);
DS_MUST_USE int store_range_async(struct store *s, const char *prefix, const char *after,
                                  size_t limit, store_range_done_fn *fn, void *arg,
                                  struct ds_error *e);
