/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: what is answered is on the disk, transactions are all or nothing,
 * order holds, and files that are not ours stay untouched.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/file.h"
#include "net/loop.h"
#include "net/pool.h"
#include "store/store.h"

static char dir[64], path[96];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/test_store_XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/kv.db", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

static struct store *open_store(struct net_pool *pool)
{
    struct store *s = NULL;
    struct ds_error e;
    if (store_open_sqlite(&s, path, pool, &e) < 0)
        fail_msg("%s", e.msg);
    return s;
}

/* "-" when absent. */
static void expect(struct store *s, const char *key, const char *value)
{
    DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
    uint64_t version = 99;
    assert_int_equal(store_get(s, key, &got, &version, NULL), DS_OK);
    if (strcmp(value, "-") == 0) {
        assert_int_equal(version, 0);
        assert_int_equal(got.len, 0);
    } else {
        assert_true(ds_span_eq_str(ds_buf_span(&got), value));
        assert_int_not_equal(version, 0);
    }
}

static uint64_t version_of(struct store *s, const char *key)
{
    uint64_t version = 0;
    DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
    assert_int_equal(store_get(s, key, &got, &version, NULL), DS_OK);
    return version;
}

static void put(struct store *s, const char *key, const char *value)
{
    assert_int_equal(store_put(s, key, ds_span_str(value), "test.put", NULL), DS_OK);
}

static void test_put_get_delete_reopen(void **state)
{
    (void)state;
    struct store *s = open_store(NULL);
    expect(s, "a", "-");
    put(s, "a", "1");
    uint64_t first = version_of(s, "a");
    put(s, "a", "2");
    assert_true(version_of(s, "a") > first);
    put(s, "empty", "");
    assert_int_equal(store_put(s, "bin", DS_SPAN_LIT("\0\xff\0"), "test.put", NULL), DS_OK);
    expect(s, "a", "2");
    expect(s, "empty", "");
    store_close(s);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    s = open_store(NULL);
    expect(s, "a", "2");
    DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
    uint64_t version;
    assert_int_equal(store_get(s, "bin", &got, &version, NULL), DS_OK);
    assert_memory_equal(got.p, "\0\xff\0", 3);
    assert_int_equal(store_delete(s, "a", "test.delete", NULL), DS_OK);
    assert_int_equal(store_delete(s, "never", "test.delete", NULL), DS_OK);
    expect(s, "a", "-");
    uint64_t before = version_of(s, "empty");
    put(s, "a", "3");
    assert_true(version_of(s, "a") > before); /* a version is never used again */
    store_close(s);
}

static void test_keys_and_values_have_bounds(void **state)
{
    (void)state;
    struct store *s = open_store(NULL);
    char key[STORE_KEY_MAX + 2];
    memset(key, 'k', sizeof key);
    key[STORE_KEY_MAX + 1] = '\0';
    uint64_t version;
    DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
    assert_int_equal(store_put(s, key, DS_SPAN_LIT("x"), "t", NULL), DS_ERR_ARG);
    assert_int_equal(store_get(s, key, &got, &version, NULL), DS_ERR_ARG);
    assert_int_equal(store_put(s, "", DS_SPAN_LIT("x"), "t", NULL), DS_ERR_ARG);
    key[STORE_KEY_MAX] = '\0';
    put(s, key, "longest");
    expect(s, key, "longest");
    DS_AUTO(ds_auto_free) uint8_t *big = calloc(1, STORE_VALUE_MAX + 1);
    assert_int_equal(store_put(s, "big", DS_SPAN(big, STORE_VALUE_MAX + 1), "t", NULL),
                     DS_ERR_RANGE);
    expect(s, "big", "-");
    store_close(s);
}

static void test_compare_and_set(void **state)
{
    (void)state;
    struct store *s = open_store(NULL);
    put(s, "a", "1");
    uint64_t v = version_of(s, "a");
    struct {
        const char *name;
        struct store_op ops[3];
        size_t n;
        bool done;
        const char *a, *b;
    } rows[] = {
        { "stale version",
          { { STORE_CHECK, "a", { 0 }, v + 1 }, { STORE_PUT, "a", DS_SPAN_LIT("x"), 0 } },
          2,
          false,
          "1",
          "-" },
        { "expected absent",
          { { STORE_CHECK, "a", { 0 }, 0 }, { STORE_PUT, "a", DS_SPAN_LIT("x"), 0 } },
          2,
          false,
          "1",
          "-" },
        { "a check behind the writes counts as well",
          { { STORE_PUT, "b", DS_SPAN_LIT("x"), 0 }, { STORE_CHECK, "b", { 0 }, 5 } },
          2,
          false,
          "1",
          "-" },
        { "one of two checks fails",
          { { STORE_CHECK, "a", { 0 }, v },
            { STORE_CHECK, "b", { 0 }, 1 },
            { STORE_DELETE, "a", { 0 }, 0 } },
          3,
          false,
          "1",
          "-" },
        { "checks alone", { { STORE_CHECK, "a", { 0 }, v } }, 1, true, "1", "-" },
        { "all hold",
          { { STORE_CHECK, "a", { 0 }, v },
            { STORE_PUT, "b", DS_SPAN_LIT("new"), 0 },
            { STORE_PUT, "a", DS_SPAN_LIT("2"), 0 } },
          3,
          true,
          "2",
          "new" },
        { "the same again is stale",
          { { STORE_CHECK, "a", { 0 }, v }, { STORE_DELETE, "b", { 0 }, 0 } },
          2,
          false,
          "2",
          "new" },
        { "writes in order",
          { { STORE_PUT, "b", DS_SPAN_LIT("x"), 0 },
            { STORE_DELETE, "b", { 0 }, 0 },
            { STORE_PUT, "b", DS_SPAN_LIT("last"), 0 } },
          3,
          true,
          "2",
          "last" },
        { "nothing", { { 0 } }, 0, true, "2", "last" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        bool done = !rows[i].done;
        struct ds_error e;
        if (store_apply(s, rows[i].ops, rows[i].n, "test.apply", &done, &e) < 0 ||
            done != rows[i].done)
            fail_msg("%s", rows[i].name);
        expect(s, "a", rows[i].a);
        expect(s, "b", rows[i].b);
    }
    store_close(s);
}

static int add_key(void *arg, const struct store_entry *entry, struct ds_error *e)
{
    (void)e;
    ds_buf_printf(arg, "%s=%.*s ", entry->key, (int)entry->value.len,
                  entry->value.len > 0 ? (const char *)entry->value.p : "");
    return DS_OK;
}

static int stop_at_once(void *arg, const struct store_entry *entry, struct ds_error *e)
{
    (void)arg;
    (void)entry;
    return ds_fail(e, DS_ERR_EXISTS, "enough");
}

static void test_range(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "vm/1", "vm/10", "vm/2", "vm", "vn", "vm/", "a%", "vm/\xff"
    };
    static const struct {
        const char *prefix, *after;
        size_t limit;
        const char *result;
    } rows[] = {
        { "vm/", NULL, 100, "vm/=5 vm/1=0 vm/10=1 vm/2=2 vm/\xff=7 " },
        { "vm/1", NULL, 100, "vm/1=0 vm/10=1 " },
        { "vm/", NULL, 2, "vm/=5 vm/1=0 " },
        { "vm/", "vm/1", 2, "vm/10=1 vm/2=2 " },
        { "vm/", "vm/15", 100, "vm/2=2 vm/\xff=7 " },
        { "vm/", "a", 1, "vm/=5 " },
        { "vm/", "zzz", 100, "" },
        { "", NULL, 3, "a%=6 vm=3 vm/=5 " },
        { "nothing", NULL, 100, "" },
        { "%", NULL, 100, "" },
        { "vm/", NULL, 0, "" },
    };
    struct store *s = open_store(NULL);
    for (size_t i = 0; i < DS_LEN(keys); i++) {
        char value[2] = { (char)('0' + i), '\0' };
        put(s, keys[i], value);
    }
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
        ds_buf_str(&got, "");
        assert_int_equal(store_range(s, rows[i].prefix, rows[i].after, rows[i].limit, add_key, &got,
                                     NULL),
                         DS_OK);
        assert_string_equal(got.p, rows[i].result);
    }
    assert_int_equal(store_range(s, "", NULL, 9, stop_at_once, NULL, NULL), DS_ERR_EXISTS);
    put(s, "after", "a stopped range");
    store_close(s);
}

static void test_files_that_are_not_ours(void **state)
{
    (void)state;
    struct store *s = NULL;
    struct ds_error e;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (x)", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    assert_int_equal(store_open_sqlite(&s, path, NULL, &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_STORE_FOREIGN_FILE);
    assert_int_equal(ds_file_save(path, DS_SPAN_LIT("not a database, but long enough to look"),
                                  0600, "t", &e),
                     DS_OK);
    assert_int_equal(store_open_sqlite(&s, path, NULL, &e), DS_ERR_SYS);
    assert_int_equal(e.code, DS_CODE_STORE_FAILED);
    assert_int_equal(unlink(path), 0);
    char target[128];
    (void)snprintf(target, sizeof target, "%s/elsewhere", dir);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(store_open_sqlite(&s, path, NULL, &e), DS_ERR_SYS);
    assert_false(ds_file_exists(target));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(store_open_sqlite(&s, path, NULL, &e), DS_ERR_SYS);
    assert_null(s);
}

/* Rows that we would not write: a key that two readers would read differently, a huge value. */
static void test_rows_that_are_not_ours(void **state)
{
    static const char *const writes[] = {
        "INSERT INTO kv VALUES (x'610062', x'00', 1)",
        "INSERT INTO kv VALUES (x'61', zeroblob(16777217), 1)",
        "INSERT INTO kv VALUES (zeroblob(513), x'00', 1)",
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(writes); i++) {
        struct store *s = NULL;
        struct ds_error e;
        sqlite3 *db = NULL;
        DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
        uint64_t version = 0;
        assert_int_equal(store_open_sqlite(&s, path, NULL, &e), DS_OK);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "DELETE FROM kv", NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, writes[i], NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(db);
        assert_int_equal(store_range(s, "", NULL, 9, add_key, &got, &e), DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_STORE_FOREIGN_FILE);
        int r = store_get(s, "a", &got, &version, &e);
        assert_int_equal(r, i == 1 ? DS_ERR_FORMAT : DS_OK);
        assert_int_equal(version, 0);
        store_close(s);
    }
}

struct order {
    struct store *store;
    char log[64];
    unsigned n;
    bool chain;
};

static void note(struct order *o, char c)
{
    o->log[o->n++] = c;
    o->log[o->n] = '\0';
}

static void on_apply(void *arg, int status, bool done, const struct ds_error *e)
{
    struct order *o = arg;
    assert_int_equal(status, DS_OK);
    assert_null(e);
    note(o, done ? 'A' : 'a');
    if (o->chain) {
        o->chain = false;
        struct store_op op = { STORE_PUT, "chained", DS_SPAN_LIT("yes"), 0 };
        assert_int_equal(store_apply_async(o->store, &op, 1, "t", on_apply, o, NULL), DS_OK);
    }
}

static void on_get(void *arg, int status, const struct store_entry *entry, const struct ds_error *e)
{
    (void)e;
    assert_int_equal(status, DS_OK);
    char first = '-';
    if (entry != NULL)
        first = (char)entry->value.p[0];
    note(arg, first);
}

static void on_range(void *arg, int status, const struct store_entry *entries, size_t n,
                     const struct ds_error *e)
{
    (void)e;
    assert_int_equal(status, DS_OK);
    note(arg, (char)('0' + n));
    for (size_t i = 1; i < n; i++)
        assert_true(strcmp(entries[i - 1].key, entries[i].key) < 0);
}

static void submit_some(struct order *o)
{
    char key[] = "k", value[] = "1";
    struct store_op put_k = { STORE_PUT, key, ds_span_str(value), 0 };
    struct store_op stale[] = { { STORE_CHECK, key, { 0 }, 12345 }, put_k };
    assert_int_equal(store_get_async(o->store, "k", on_get, o, NULL), DS_OK);
    assert_int_equal(store_apply_async(o->store, &put_k, 1, "t", on_apply, o, NULL), DS_OK);
    value[0] = 'X'; /* inputs were copied */
    key[0] = 'Y';
    assert_int_equal(store_get_async(o->store, "k", on_get, o, NULL), DS_OK);
    key[0] = 'k';
    assert_int_equal(store_apply_async(o->store, stale, 2, "t", on_apply, o, NULL), DS_OK);
    assert_int_equal(store_range_async(o->store, "", NULL, 9, on_range, o, NULL), DS_OK);
}

static void test_async_in_order(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    struct net_pool *pool = NULL;
    assert_int_equal(net_loop_new(&loop, NULL), DS_OK);
    assert_int_equal(net_pool_new(&pool, loop, 4, 8, NULL), DS_OK);
    struct order o = { .store = open_store(pool), .chain = true };
    submit_some(&o);
    while (o.n < 6)
        assert_int_equal(net_loop_step(loop, 100, NULL), DS_OK);
    assert_string_equal(o.log, "-A1a1A");
    net_pool_free(pool);
    store_close(o.store);
    net_loop_free(loop);
}

static void test_shutdown_loses_nothing(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    struct net_pool *pool = NULL;
    assert_int_equal(net_loop_new(&loop, NULL), DS_OK);
    assert_int_equal(net_pool_new(&pool, loop, 2, 8, NULL), DS_OK);
    struct order o = { .store = open_store(pool) };
    submit_some(&o);
    net_pool_free(pool);
    assert_string_equal(o.log, "-A1a1");
    store_close(o.store);
    struct store *s = open_store(NULL);
    expect(s, "k", "1");
    store_close(s);
    net_loop_free(loop);
}

static void on_ignored(void *arg, int status, const struct store_entry *entries, size_t n,
                       const struct ds_error *e)
{
    (void)arg;
    (void)entries;
    (void)n;
    (void)e;
    assert_int_equal(status, DS_OK);
}

static void test_full_queue_refuses(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    struct net_pool *pool = NULL;
    assert_int_equal(net_loop_new(&loop, NULL), DS_OK);
    assert_int_equal(net_pool_new(&pool, loop, 1, 8, NULL), DS_OK);
    struct order o = { .store = open_store(pool) };
    struct ds_error e;
    int r = DS_OK;
    unsigned accepted = 0;
    for (; r == DS_OK && accepted < 5000; accepted += r == DS_OK)
        r = store_range_async(o.store, "x", NULL, 1, on_ignored, &accepted, &e);
    assert_int_equal(r, DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_NET_POOL_FULL);
    net_pool_free(pool);
    store_close(o.store);
    net_loop_free(loop);
}

#ifdef DS_FAULTS
/* A process dies at a named point of its second write; what was answered before is there. */
static void die_at(const char *point)
{
    char fault[128];
    (void)snprintf(fault, sizeof fault, "%s/fault", dir);
    (void)unlink(path);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *s = open_store(NULL);
        put(s, "k", "first");
        (void)ds_file_save(fault, ds_span_str(point), 0600, "none", NULL);
        (void)setenv("DSTACK_FAULT_FILE", fault, 1);
        struct store_op ops[] = { { STORE_PUT, "k", DS_SPAN_LIT("second"), 0 },
                                  { STORE_PUT, "l", DS_SPAN_LIT("second"), 0 } };
        bool done;
        (void)!store_apply(s, ops, 2, "test.fault", &done, NULL);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_killed_before_and_after_commit(void **state)
{
    (void)state;
    die_at("test.fault.before");
    struct store *s = open_store(NULL);
    expect(s, "k", "first");
    expect(s, "l", "-");
    store_close(s);
    die_at("test.fault.committed");
    s = open_store(NULL);
    expect(s, "k", "second");
    expect(s, "l", "second");
    store_close(s);
}
#endif

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_put_get_delete_reopen),
        TEST(test_keys_and_values_have_bounds),
        TEST(test_compare_and_set),
        TEST(test_range),
        TEST(test_files_that_are_not_ours),
        TEST(test_rows_that_are_not_ours),
        TEST(test_async_in_order),
        TEST(test_shutdown_loses_nothing),
        TEST(test_full_queue_refuses),
#ifdef DS_FAULTS
        TEST(test_killed_before_and_after_commit),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
