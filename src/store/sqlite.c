/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite back end: one table, write-ahead log, every commit on the disk
 * before it is answered. One connection under one lock: a transaction's cost is
 * the fsync, which would be one after the other in any case.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/str.h"
#include "store/store_private.h"

/* "DSkv" in the header's application id; a file with another is somebody else's. */
#define APPLICATION_ID 0x44536b76
#define BUSY_MS        10000

enum stmt {
    STMT_GET,
    STMT_PUT,
    STMT_DELETE,
    STMT_RANGE,
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    N_STMTS,
};

/* Versions grow over the whole store and are never used twice, not even after a delete. */
static const char put_sql[] = "INSERT INTO kv (key, value, version) "
                              "VALUES (?1, ?2, (SELECT next FROM versions)) "
                              "ON CONFLICT (key) DO UPDATE SET value = excluded.value, "
                              "version = excluded.version";

static const char *const sql[N_STMTS] = {
    [STMT_GET] = "SELECT value, version FROM kv WHERE key = ?1",
    [STMT_PUT] = put_sql,
    [STMT_DELETE] = "DELETE FROM kv WHERE key = ?1",
    [STMT_RANGE] = "SELECT key, value, version FROM kv WHERE key >= ?1 ORDER BY key LIMIT ?2",
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
};

/* Keys are blobs, so that order and prefixes go by bytes. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL, "
    "version INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS versions (next INTEGER NOT NULL);"
    "INSERT INTO versions SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM versions);";

struct sqlite {
    pthread_mutex_t lock;
    sqlite3 *db;
    sqlite3_stmt *stmts[N_STMTS];
};

static int fail_db(const struct sqlite *q, struct ds_error *e, const char *doing)
{
    return ds_fail_code(e, DS_ERR_SYS, DS_CODE_STORE_FAILED, "store: %s: %s", doing,
                        q->db != NULL ? sqlite3_errmsg(q->db) : "out of memory");
}

static void lock(struct sqlite *q) { (void)pthread_mutex_lock(&q->lock); }
static void unlock(struct sqlite *q) { (void)pthread_mutex_unlock(&q->lock); }

static void reset(sqlite3_stmt **s)
{
    (void)sqlite3_reset(*s);
    (void)sqlite3_clear_bindings(*s);
}

static int bind(const struct sqlite *q, sqlite3_stmt *s, int at, struct ds_span v,
                struct ds_error *e)
{
    /* A NULL pointer would bind SQL's NULL, which equals nothing. */
    const void *p = v.len > 0 ? (const void *)v.p : "";
    if (sqlite3_bind_blob64(s, at, p, v.len, SQLITE_STATIC) != SQLITE_OK)
        return fail_db(q, e, "bind");
    return DS_OK;
}

static int run(struct sqlite *q, enum stmt which, const char *doing, struct ds_error *e)
{
    DS_AUTO(reset) sqlite3_stmt *s = q->stmts[which];
    if (sqlite3_step(s) != SQLITE_DONE)
        return fail_db(q, e, doing);
    return DS_OK;
}

static struct ds_span column(sqlite3_stmt *s, int at)
{
    const void *p = sqlite3_column_blob(s, at);
    return DS_SPAN(p, (size_t)sqlite3_column_bytes(s, at));
}

/* The file may be anybody's work: what we would not have written is not handed out. */
static int check_row(struct ds_span key, struct ds_span value, struct ds_error *e)
{
    if (key.len > STORE_KEY_MAX || (key.len > 0 && memchr(key.p, '\0', key.len) != NULL))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_STORE_FOREIGN_FILE,
                            "store: a key of %zu bytes, or with a NUL", key.len);
    if (value.len > STORE_VALUE_MAX)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_STORE_FOREIGN_FILE,
                            "store: a value of %zu bytes", value.len);
    return DS_OK;
}

/* Version 0: absent. ret may be NULL. */
static int get(struct sqlite *q, const char *key, struct ds_buf *ret, uint64_t *ret_version,
               struct ds_error *e)
{
    DS_AUTO(reset) sqlite3_stmt *s = q->stmts[STMT_GET];
    DS_TRY(bind(q, s, 1, ds_span_str(key), e));
    int r = sqlite3_step(s);
    if (r != SQLITE_ROW && r != SQLITE_DONE)
        return fail_db(q, e, "get");
    uint64_t version = 0;
    if (r == SQLITE_ROW) {
        struct ds_span value = column(s, 0);
        DS_TRY(check_row(ds_span_str(key), value, e));
        version = (uint64_t)sqlite3_column_int64(s, 1);
        if (ret != NULL)
            ds_buf_add(ret, value);
    }
    if (ret != NULL)
        DS_TRY(ds_buf_end(ret, e, "value"));
    *ret_version = version;
    return DS_OK;
}

static int write_one(struct sqlite *q, const struct store_op *op, struct ds_error *e)
{
    enum stmt which = op->kind == STORE_PUT ? STMT_PUT : STMT_DELETE;
    DS_AUTO(reset) sqlite3_stmt *s = q->stmts[which];
    DS_TRY(bind(q, s, 1, ds_span_str(op->key), e));
    if (op->kind == STORE_PUT)
        DS_TRY(bind(q, s, 2, op->value, e));
    if (sqlite3_step(s) != SQLITE_DONE)
        return fail_db(q, e, op->kind == STORE_PUT ? "put" : "delete");
    return DS_OK;
}

static int checks_hold(struct sqlite *q, const struct store_op *ops, size_t n_ops, bool *ret_hold,
                       struct ds_error *e)
{
    bool hold = true;
    for (size_t i = 0; i < n_ops && hold; i++) {
        if (ops[i].kind != STORE_CHECK)
            continue;
        uint64_t version = 0;
        DS_TRY(get(q, ops[i].key, NULL, &version, e));
        hold = version == ops[i].version;
    }
    *ret_hold = hold;
    return DS_OK;
}

static int write_all(struct sqlite *q, const struct store_op *ops, size_t n_ops, struct ds_error *e)
{
    for (size_t i = 0; i < n_ops; i++) {
        if (ops[i].kind == STORE_CHECK)
            continue;
        if (ops[i].kind == STORE_PUT && sqlite3_exec(q->db, "UPDATE versions SET next = next + 1",
                                                     NULL, NULL, NULL) != SQLITE_OK)
            return fail_db(q, e, "count versions");
        DS_TRY(write_one(q, &ops[i], e));
    }
    return DS_OK;
}

static int apply(struct sqlite *q, const struct store_op *ops, size_t n_ops, const char *point,
                 bool *ret_done, struct ds_error *e)
{
    bool hold = false;
    DS_TRY(run(q, STMT_BEGIN, "begin", e));
    int r = checks_hold(q, ops, n_ops, &hold, e);
    if (r == DS_OK && hold)
        r = write_all(q, ops, n_ops, e);
    DS_FAULT_STEP(point, "before");
    if (r == DS_OK && hold)
        r = run(q, STMT_COMMIT, "commit", e);
    if (r < 0 || !hold)
        (void)!run(q, STMT_ROLLBACK, "roll back", NULL);
    DS_TRY(r);
    DS_FAULT_STEP(point, "committed");
    *ret_done = hold;
    return DS_OK;
}

/* The row as an entry; its key is copied for the NUL. */
static int row_entry(sqlite3_stmt *s, char key[static STORE_KEY_MAX + 1], struct store_entry *ret,
                     struct ds_error *e)
{
    struct ds_span k = column(s, 0), value = column(s, 1);
    DS_TRY(check_row(k, value, e));
    if (k.len > 0)
        memcpy(key, k.p, k.len);
    key[k.len] = '\0';
    *ret = (struct store_entry){ .key = key,
                                 .value = value,
                                 .version = (uint64_t)sqlite3_column_int64(s, 2) };
    return DS_OK;
}

static int range(struct sqlite *q, const char *prefix, const char *after, size_t limit,
                 store_range_fn *fn, void *arg, struct ds_error *e)
{
    DS_AUTO(reset) sqlite3_stmt *s = q->stmts[STMT_RANGE];
    /* The least key behind `after` is `after` and a NUL. */
    bool from_prefix = after == NULL || strcmp(after, prefix) < 0;
    struct ds_span start = from_prefix ? ds_span_str(prefix) : DS_SPAN(after, strlen(after) + 1);
    DS_TRY(bind(q, s, 1, start, e));
    if (sqlite3_bind_int64(s, 2, limit < INT64_MAX ? (int64_t)limit : INT64_MAX) != SQLITE_OK)
        return fail_db(q, e, "bind");
    for (;;) {
        char key[STORE_KEY_MAX + 1];
        struct store_entry entry;
        int step = sqlite3_step(s);
        if (step == SQLITE_DONE)
            return DS_OK;
        if (step != SQLITE_ROW)
            return fail_db(q, e, "range");
        DS_TRY(row_entry(s, key, &entry, e));
        if (!ds_str_starts(key, prefix)) /* keys with the prefix stand together */
            return DS_OK;
        int r = fn(arg, &entry, e);
        if (r != 0)
            return r;
    }
}

int store_check_key(const char *key, struct ds_error *e)
{
    size_t n = strlen(key);
    if (n == 0 || n > STORE_KEY_MAX)
        return ds_fail(e, DS_ERR_ARG, "store: a key of %zu bytes", n);
    return DS_OK;
}

int store_check_ops(const struct store_op *ops, size_t n_ops, struct ds_error *e)
{
    for (size_t i = 0; i < n_ops; i++) {
        DS_TRY(store_check_key(ops[i].key, e));
        if (ops[i].value.len > STORE_VALUE_MAX)
            return ds_fail(e, DS_ERR_RANGE, "store: a value of %zu bytes", ops[i].value.len);
    }
    return DS_OK;
}

int store_get(struct store *s, const char *key, struct ds_buf *ret, uint64_t *ret_version,
              struct ds_error *e)
{
    struct sqlite *q = s->backend;
    DS_TRY(store_check_key(key, e));
    lock(q);
    int r = get(q, key, ret, ret_version, e);
    unlock(q);
    return r;
}

int store_apply(struct store *s, const struct store_op *ops, size_t n_ops, const char *point,
                bool *ret_done, struct ds_error *e)
{
    struct sqlite *q = s->backend;
    DS_TRY(store_check_ops(ops, n_ops, e));
    lock(q);
    int r = apply(q, ops, n_ops, point, ret_done, e);
    unlock(q);
    return r;
}

int store_put(struct store *s, const char *key, struct ds_span value, const char *point,
              struct ds_error *e)
{
    struct store_op op = { .kind = STORE_PUT, .key = key, .value = value };
    bool done = false;
    return store_apply(s, &op, 1, point, &done, e);
}

int store_delete(struct store *s, const char *key, const char *point, struct ds_error *e)
{
    struct store_op op = { .kind = STORE_DELETE, .key = key };
    bool done = false;
    return store_apply(s, &op, 1, point, &done, e);
}

int store_range(struct store *s, const char *prefix, const char *after, size_t limit,
                store_range_fn *fn, void *arg, struct ds_error *e)
{
    struct sqlite *q = s->backend;
    if (strlen(prefix) > STORE_KEY_MAX || (after != NULL && strlen(after) > STORE_KEY_MAX))
        return ds_fail(e, DS_ERR_ARG, "store: a prefix longer than any key");
    lock(q);
    int r = range(q, prefix, after, limit, fn, arg, e);
    unlock(q);
    return r;
}

static void close_sqlite(struct sqlite *q)
{
    for (size_t i = 0; i < N_STMTS; i++)
        (void)sqlite3_finalize(q->stmts[i]);
    (void)sqlite3_close(q->db);
    (void)pthread_mutex_destroy(&q->lock);
    free(q);
}

static int pragma_int(const struct sqlite *q, const char *text, int64_t *ret, struct ds_error *e)
{
    sqlite3_stmt *s = NULL;
    int r = sqlite3_prepare_v2(q->db, text, -1, &s, NULL);
    if (r == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        *ret = sqlite3_column_int64(s, 0);
    else
        r = SQLITE_ERROR;
    (void)sqlite3_finalize(s);
    return r == SQLITE_OK ? DS_OK : fail_db(q, e, text);
}

/* Ours, or new and empty. */
static int check_owner(const struct sqlite *q, const char *path, struct ds_error *e)
{
    int64_t id = 0, n_tables = 0;
    DS_TRY(pragma_int(q, "PRAGMA application_id", &id, e));
    DS_TRY(pragma_int(q, "SELECT count(*) FROM sqlite_schema", &n_tables, e));
    if (id == APPLICATION_ID || (id == 0 && n_tables == 0))
        return DS_OK;
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_STORE_FOREIGN_FILE,
                        "'%s' is a database, but not one of dstack's", path);
}

static int set_up(struct sqlite *q, const char *path, struct ds_error *e)
{
    char own[64];
    (void)snprintf(own, sizeof own, "PRAGMA application_id = %d", APPLICATION_ID);
    (void)sqlite3_busy_timeout(q->db, BUSY_MS);
    DS_TRY(check_owner(q, path, e));
    const char *const steps[] = { "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                                  "PRAGMA trusted_schema = OFF", own, schema };
    for (size_t i = 0; i < DS_LEN(steps); i++) {
        if (sqlite3_exec(q->db, steps[i], NULL, NULL, NULL) != SQLITE_OK)
            return fail_db(q, e, "set up");
        DS_FAULT("store.set_up");
    }
    for (size_t i = 0; i < N_STMTS; i++)
        if (sqlite3_prepare_v3(q->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &q->stmts[i], NULL) !=
            SQLITE_OK)
            return fail_db(q, e, "prepare");
    return DS_OK;
}

static int open_sqlite(struct sqlite **ret, const char *path, struct ds_error *e)
{
    struct sqlite *q = calloc(1, sizeof *q);
    if (q == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "store");
    (void)pthread_mutex_init(&q->lock, NULL);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    int r = DS_OK;
    if (sqlite3_open_v2(path, &q->db, flags, NULL) != SQLITE_OK)
        r = fail_db(q, e, path);
    if (r == DS_OK)
        r = set_up(q, path, e);
    if (r < 0) {
        close_sqlite(q);
        return r;
    }
    *ret = q;
    return DS_OK;
}

/* SQLite gives its -wal and -shm files the mode of the database, so that is made first. */
static int make_private(const char *path, struct ds_error *e)
{
    DS_AUTO(ds_auto_close)
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    return DS_OK;
}

int store_open_sqlite(struct store **ret, const char *path, struct net_pool *pool,
                      struct ds_error *e)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "store");
    s->pool = pool;
    struct sqlite *q = NULL;
    int r = make_private(path, e);
    if (r == DS_OK)
        r = open_sqlite(&q, path, e);
    if (r < 0) {
        free(s);
        return r;
    }
    s->backend = q;
    *ret = s;
    return DS_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    assert(s->n_jobs == 0);
    close_sqlite(s->backend);
    free(s);
}
