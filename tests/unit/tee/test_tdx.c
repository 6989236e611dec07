/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TDX back end on a made-up root directory: pipes stand where configfs-tsm
 * has its blobs, and a thread plays the kernel behind them.
 */
#include "tee/tee.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

#define ENTRY "/sys/kernel/config/tsm/report/dstack"
#define RTMRS "/sys/devices/virtual/misc/tdx_guest/measurements"
#define ACPI  "/sys/firmware/acpi/tables/data"

static char root[] = "/tmp/ds-tdx-XXXXXX";

static char *at(const char *path) { return ds_str_fmt("%s%s", root, path); }

static void put(const char *path, const char *content)
{
    struct ds_error e = { 0 };
    DS_AUTO(ds_auto_free) char *full = at(path);
    assert_int_equal(ds_file_save(full, ds_span_str(content), 0600, "test", &e), DS_OK);
}

/* What the kernel does: takes a report request, counts it, gives a quote. */
struct kernel {
    unsigned generation;
    unsigned step; /* 1; 2 when another process asks in between */
    size_t n;      /* requests to answer */
    size_t quote_len;
    uint8_t seen64[64];
};

static void *kernel_run(void *arg)
{
    struct kernel *k = arg;
    DS_AUTO(ds_auto_free) char *inblob = at(ENTRY "/inblob");
    DS_AUTO(ds_auto_free) char *outblob = at(ENTRY "/outblob");
    DS_AUTO(ds_auto_free) char *quote = malloc(k->quote_len + 1);
    memset(quote, 'q', k->quote_len);
    for (size_t i = 0; i < k->n; i++) {
        int in = open(inblob, O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(in, k->seen64, 64), 64);
        assert_int_equal(close(in), 0);
        k->generation += k->step;
        DS_AUTO(ds_auto_free) char *text = ds_str_fmt("%u\n", k->generation);
        put(ENTRY "/generation", text);
        int out = open(outblob, O_WRONLY | O_CLOEXEC);
        assert_int_equal(ds_fd_write_all(out, DS_SPAN(quote, k->quote_len), NULL), DS_OK);
        assert_int_equal(close(out), 0);
    }
    return NULL;
}

static struct tee *opened(void)
{
    struct tee *tee = NULL;
    struct ds_error e = { 0 };
    if (tee_open(&tee, root, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(tee_kind(tee), TEE_TDX);
    return tee;
}

struct row {
    const char *name;
    struct kernel kernel;
    int r;
};

static const struct row rows[] = {
    { "one request", { .step = 1, .n = 1, .quote_len = 5000 }, DS_OK },
    { "shortest quote", { .step = 1, .n = 1, .quote_len = 1020 }, DS_OK },
    { "too short to be signed", { .step = 1, .n = 1, .quote_len = 1019 }, DS_ERR_UNAVAILABLE },
    { "empty", { .step = 1, .n = 1, .quote_len = 0 }, DS_ERR_UNAVAILABLE },
    { "always disturbed", { .step = 2, .n = 4, .quote_len = 5000 }, DS_ERR_UNAVAILABLE },
    { "never counted", { .step = 0, .n = 4, .quote_len = 5000 }, DS_ERR_UNAVAILABLE },
    { "too long", { .step = 1, .n = 1, .quote_len = TEE_QUOTE_MAX + 1 }, DS_ERR_RANGE },
};

static void test_quote(void **state)
{
    (void)state;
    DS_AUTO(tee_close_auto) struct tee *tee = opened();
    uint8_t report_data64[64];
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct kernel k = rows[i].kernel;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
        pthread_t thread;
        memset(report_data64, (int)(i + 1), sizeof report_data64);
        put(ENTRY "/generation", "0\n");
        assert_int_equal(pthread_create(&thread, NULL, kernel_run, &k), 0);
        int r = tee_quote(&quote, tee, report_data64, &e);
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (r != rows[i].r)
            fail_msg("%s: %s", rows[i].name, e.msg);
        assert_memory_equal(k.seen64, report_data64, 64);
        assert_int_equal(quote.len, r == DS_OK ? k.quote_len : 0);
    }
}

static void test_other_provider(void **state)
{
    (void)state;
    DS_AUTO(tee_close_auto) struct tee *tee = opened();
    struct ds_error e = { 0 };
    struct ds_buf quote = { 0 };
    const uint8_t report_data64[64] = { 0 };
    put(ENTRY "/provider", "sev_guest\n");
    assert_int_equal(tee_quote(&quote, tee, report_data64, &e), DS_ERR_UNSUPPORTED);
    put(ENTRY "/provider", "tdx_guest\n");
    put(ENTRY "/generation", "-1\n");
    assert_int_equal(tee_quote(&quote, tee, report_data64, &e), DS_ERR_FORMAT);
    assert_int_equal(quote.len, 0);
}

static void test_extend(void **state)
{
    (void)state;
    DS_AUTO(tee_close_auto) struct tee *tee = opened();
    DS_AUTO(ds_auto_free) char *path = at(RTMRS "/rtmr3:sha384");
    DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
    struct ds_error e = { 0 };
    uint8_t digest48[48];
    memset(digest48, 0x5c, sizeof digest48);
    put(RTMRS "/rtmr3:sha384", "");
    assert_int_equal(tee_extend(tee, digest48, &e), DS_OK);
    assert_int_equal(ds_file_load(&got, path, 100, &e), DS_OK);
    assert_true(ds_span_eq(ds_buf_span(&got), DS_SPAN_OF(digest48)));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tee_extend(tee, digest48, &e), DS_ERR_SYS);
}

/* The register itself is read: no quote is asked for, since the host would make it. */
static void test_mrconfigid(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        int r;
    } values[] = {
        { "a register", 48, DS_OK },
        { "one byte short", 47, DS_ERR_SYS },
        { "one byte long", 49, DS_ERR_SYS },
        { "empty", 0, DS_ERR_SYS },
    };
    DS_AUTO(tee_close_auto) struct tee *tee = opened();
    struct ds_error e = { 0 };
    uint8_t got48[48] = { 0 };
    char value[50];
    assert_true(tee_mrconfigid(got48, tee, &e) < 0); /* a kernel that does not show it */
    for (size_t i = 0; i < DS_LEN(values); i++) {
        memset(value, 0, sizeof value);
        memset(value, 'm', values[i].len);
        put(RTMRS "/mrconfigid", value);
        int r = tee_mrconfigid(got48, tee, &e);
        if (r != values[i].r)
            fail_msg("%s: %d %s", values[i].name, r, e.msg);
    }
    memset(value, 'm', sizeof value);
    assert_memory_equal(got48, value, 48);
}

static void test_boot_log(void **state)
{
    (void)state;
    DS_AUTO(tee_close_auto) struct tee *tee = opened();
    DS_AUTO(ds_buf_done) struct ds_buf log = { 0 };
    struct ds_error e = { 0 };
    assert_int_equal(tee_boot_log(&log, tee, &e), DS_ERR_NOTFOUND);
    put(ACPI "/CCEL", "the log");
    assert_int_equal(tee_boot_log(&log, tee, &e), DS_OK);
    assert_true(ds_span_eq_str(ds_buf_span(&log), "the log"));
}

static void test_no_platform(void **state)
{
    (void)state;
    struct tee *tee = NULL;
    struct ds_error e = { 0 };
    assert_int_equal(tee_open(&tee, "/nowhere", &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_TEE_NONE);
    assert_null(tee);
}

static int make_root(void **state)
{
    (void)state;
    static const char *const dirs[] = { ENTRY, RTMRS, ACPI };
    if (mkdtemp(root) == NULL)
        return -1;
    for (size_t i = 0; i < DS_LEN(dirs); i++) {
        DS_AUTO(ds_auto_free) char *dir = at(dirs[i]);
        if (ds_dir_make(dir, 0700, NULL) < 0)
            return -1;
    }
    DS_AUTO(ds_auto_free) char *inblob = at(ENTRY "/inblob");
    DS_AUTO(ds_auto_free) char *outblob = at(ENTRY "/outblob");
    put(ENTRY "/provider", "tdx_guest\n");
    return mkfifo(inblob, 0600) | mkfifo(outblob, 0600);
}

static int remove_root(void **state)
{
    (void)state;
    return ds_dir_remove(root, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quote),      cmocka_unit_test(test_other_provider),
        cmocka_unit_test(test_extend),     cmocka_unit_test(test_boot_log),
        cmocka_unit_test(test_mrconfigid), cmocka_unit_test(test_no_platform),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
