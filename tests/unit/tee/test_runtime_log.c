/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime event log, over a TDX platform made of plain files.
 */
#include "tee/runtime_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/eventlog/event.h"
#include "base/file.h"
#include "base/str.h"

#define RTMRS "/sys/devices/virtual/misc/tdx_guest/measurements"

static char root[] = "/tmp/ds-runtime-XXXXXX";
static char rtmr3[128], dir[64], log_path[96];
static struct tee *tee;

static void put(const char *path, const char *content)
{
    struct ds_error e = { 0 };
    assert_int_equal(ds_file_save(path, ds_span_str(content), 0600, "test", &e), DS_OK);
}

static void fresh(void)
{
    struct ds_error e = { 0 };
    assert_int_equal(ds_dir_remove(dir, &e), DS_OK);
    put(rtmr3, "");
}

static void emitted(const char *name, struct ds_span payload)
{
    struct ds_error e = { 0 };
    if (tee_runtime_emit(tee, dir, name, payload, &e) < 0)
        fail_msg("%s", e.msg);
}

/* The register got the digest of the event, and the file the line of guest-api 4.2. */
static void test_emit(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct stat st;
    uint8_t digest48[48];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 }, reg = { 0 };
    fresh();
    emitted("system-preparing", (struct ds_span){ 0 });
    emitted("app-id", DS_SPAN_LIT("\x01\x02\xff"));
    assert_int_equal(ds_file_load(&text, log_path, 4096, &e), DS_OK);
    assert_true(ds_span_eq_str(ds_buf_span(&text),
                               "{\"event\":\"system-preparing\",\"payload\":\"\"}\n"
                               "{\"event\":\"app-id\",\"payload\":\"AQL/\"}\n"));
    assert_int_equal(stat(log_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ds_event_digest(digest48, DS_SPAN_LIT("app-id"), DS_SPAN_LIT("\x01\x02\xff"),
                                     &e),
                     DS_OK);
    assert_int_equal(ds_file_load(&reg, rtmr3, 100, &e), DS_OK);
    assert_true(ds_span_eq(ds_buf_span(&reg), DS_SPAN_OF(digest48)));
}

static void test_load(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct tee_runtime_events events = { 0 };
    fresh();
    assert_int_equal(tee_runtime_load(&events, dir, &e), DS_OK);
    assert_int_equal(events.n, 0);
    DS_AUTO(ds_auto_free) char *big = calloc(1, TEE_RUNTIME_PAYLOAD_MAX);
    emitted("quote \" \\ \xc3\xa4", DS_SPAN_LIT("a"));
    emitted("big", DS_SPAN(big, TEE_RUNTIME_PAYLOAD_MAX));
    emitted("none", (struct ds_span){ 0 });
    if (tee_runtime_load(&events, dir, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(events.n, 3);
    assert_string_equal(events.v[0].name, "quote \" \\ \xc3\xa4");
    assert_int_equal(events.v[0].payload_len, 1);
    assert_int_equal(events.v[0].payload[0], 'a');
    assert_int_equal(events.v[1].payload_len, TEE_RUNTIME_PAYLOAD_MAX);
    assert_int_equal(events.v[2].payload_len, 0);
    tee_runtime_events_done(&events);
}

static void expect_nothing(void)
{
    struct stat st;
    assert_int_equal(stat(rtmr3, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_true(stat(log_path, &st) != 0 || st.st_size == 0);
}

static void test_refused_events(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    char long_name[TEE_RUNTIME_NAME_MAX + 2];
    DS_AUTO(ds_auto_free) char *big = calloc(1, TEE_RUNTIME_PAYLOAD_MAX + 1);
    memset(long_name, 'n', sizeof long_name);
    long_name[TEE_RUNTIME_NAME_MAX + 1] = '\0';
    const struct ds_span none = { 0 };
    fresh();
    assert_int_equal(tee_runtime_emit(tee, dir, "", none, &e), DS_ERR_ARG);
    assert_int_equal(tee_runtime_emit(tee, dir, long_name, none, &e), DS_ERR_ARG);
    assert_int_equal(tee_runtime_emit(tee, dir, "\xff", none, &e), DS_ERR_ARG);
    assert_int_equal(tee_runtime_emit(tee, dir, "x", DS_SPAN(big, TEE_RUNTIME_PAYLOAD_MAX + 1), &e),
                     DS_ERR_RANGE);
    expect_nothing();
    /* A log that cannot be opened: nothing is extended. */
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(symlink("/dev/null", log_path), 0);
    assert_int_equal(tee_runtime_emit(tee, dir, "x", none, &e), DS_ERR_SYS);
    assert_int_equal(unlink(log_path), 0);
    expect_nothing();
    /* A register that cannot be extended: nothing is logged. */
    assert_int_equal(unlink(rtmr3), 0);
    assert_int_equal(tee_runtime_emit(tee, dir, "x", none, &e), DS_ERR_SYS);
    put(rtmr3, "");
    expect_nothing();
}

static void test_damaged_logs(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"event\":\"a\",\"payload\":\"\"}\n{\"event\":\"b\"",
        "{\"event\":\"a\"}\n",
        "{\"payload\":\"\"}\n",
        "{\"event\":1,\"payload\":\"\"}\n",
        "{\"event\":\"a\",\"payload\":\"A\"}\n",
        "{\"event\":\"a\",\"payload\":\"\",\"version\":2}\n",
        "{\"event\":\"a\",\"event\":\"b\",\"payload\":\"\"}\n",
        "\n",
        "[]\n",
    };
    struct ds_error e = { 0 };
    struct tee_runtime_events events = { 0 };
    fresh();
    assert_int_equal(mkdir(dir, 0700), 0);
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        put(log_path, bad[i]);
        if (tee_runtime_load(&events, dir, &e) != DS_ERR_FORMAT)
            fail_msg("'%s' was read", bad[i]);
        assert_int_equal(e.code, DS_CODE_TEE_LOG_DAMAGED);
        assert_int_equal(events.n, 0);
    }
}

static int make_root(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    if (mkdtemp(root) == NULL)
        return -1;
    DS_AUTO(ds_auto_free) char *rtmrs = ds_str_fmt("%s" RTMRS, root);
    (void)snprintf(rtmr3, sizeof rtmr3, "%s" RTMRS "/rtmr3:sha384", root);
    (void)snprintf(dir, sizeof dir, "%s/log", root);
    (void)snprintf(log_path, sizeof log_path, "%s/runtime_events.log", dir);
    return ds_dir_make(rtmrs, 0700, &e) < 0 ? -1 : tee_open(&tee, root, &e);
}

static int remove_root(void **state)
{
    (void)state;
    tee_close(tee);
    return ds_dir_remove(root, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_emit),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_refused_events),
        cmocka_unit_test(test_damaged_logs),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
