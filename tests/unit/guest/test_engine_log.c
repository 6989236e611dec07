/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failed engine tells the host: nothing of its log unless the app says so.
 */
#include "guest/engine_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

static char dir[] = "/tmp/ds-engine-log-XXXXXX";
static char path[64];

static void a_private_log_stays_inside(void **state)
{
    struct ds_error e = { 0 };
    uint8_t all[sizeof e];
    (void)state;
    assert_int_equal(guest_engine_fail(&e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_COMPOSE_FAILED,
                                       "docker compose up", path, false),
                     DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_GUEST_COMPOSE_FAILED);
    assert_string_equal(e.detail.claim, "docker compose up");
    memcpy(all, &e, sizeof e);
    assert_null(memmem(all, sizeof all, "s3cret", 6));
    assert_null(memmem(all, sizeof all, "last line", 9));
}

static void a_public_log_shows_its_end(void **state)
{
    struct ds_error e = { 0 };
    (void)state;
    assert_int_equal(guest_engine_fail(&e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_COMPOSE_FAILED,
                                       "docker compose up", path, true),
                     DS_ERR_UNAVAILABLE);
    assert_non_null(strstr(e.detail.got, "s3cret"));
}

static void a_log_that_is_not_there_hides_no_failure(void **state)
{
    struct ds_error e = { 0 };
    (void)state;
    assert_int_equal(guest_engine_fail(&e, DS_ERR_UNAVAILABLE, DS_CODE_GUEST_ENGINE_FAILED,
                                       "dockerd", "/nonexistent", true),
                     DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_GUEST_ENGINE_FAILED);
    assert_string_equal(e.detail.got, "no log");
}

/* A log of containerd, as it ends when a plugin cannot start. */
#define TIME "time=\"2026-11-22T17:40:02.123456789Z\" "
#define LOADING \
    TIME "level=info msg=\"loading plugin \\\"io.containerd.internal.v1.restart\\\"\" type=x\n"
#define FIFTY "fifty characters of text that says nothing at all"

static const struct end_row {
    const char *name, *log, *want;
} end_rows[] = {
    { "nothing", "", "no log" },
    { "blank lines", "\n \r\n\n", "no log" },
    { "one line without an end", "no space left", "no space left" },
    { "whole last lines, oldest first", "a\nb\nc\n", "a | b | c" },
    { "a line that would not fit whole is left out", FIFTY FIFTY "\n" FIFTY "\nend\n",
      FIFTY " | end" },
    { "the last line, and the error before it",
      "failed to start daemon: no space left\n" LOADING LOADING "stopping\n",
      "failed to start daemon: no space left | stopping" },
    { "errors only, the newest ones",
      "Error: one\n" LOADING "Error: two\n" LOADING "Error: three\n",
      "Error: one | Error: two | Error: three" },
    { "a level decides, not a word",
      TIME "level=error msg=\"dial\"\n" TIME "level=warning msg=\"skip\" error=\"no aufs\"\n"
           "done\n",
      "level=error msg=\"dial\" | done" },
    { "a long error keeps head and end, and the last line stays",
      "failed to start daemon: " FIFTY FIFTY FIFTY ": no space left on device\nstopping\n",
      "failed to start daemon: fifty characters of ...hing at all" FIFTY
      ": no space left on device | stopping" },
    { "a long last line leaves the error its room",
      "Error: denied\n" FIFTY " " FIFTY " " FIFTY " end\n",
      "Error: denied | fifty characters of text that says nothing...ext that says nothing at all " FIFTY
      " end" },
    { "what is not printable", "a\tb\033[1m\xff\n", "a?b?[1m?" },
    { "a time without an end", "time=\"2026\n", "time=\"2026" },
    { "a time alone",
      "before\n"
      "time=\"2026\"\n",
      "before" },
};

static void the_end_of_a_log_is_whole_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(end_rows); i++) {
        struct ds_detail d;
        guest_engine_log_end(d.got, sizeof d.got, ds_span_str(end_rows[i].log));
        if (strcmp(d.got, end_rows[i].want) != 0)
            fail_msg("%s: %s", end_rows[i].name, d.got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_private_log_stays_inside),
        cmocka_unit_test(a_public_log_shows_its_end),
        cmocka_unit_test(a_log_that_is_not_there_hides_no_failure),
        cmocka_unit_test(the_end_of_a_log_is_whole_lines),
    };
    struct ds_error e;
    if (mkdtemp(dir) == NULL)
        return 1;
    (void)snprintf(path, sizeof path, "%s/log", dir);
    if (ds_file_save(path, DS_SPAN_LIT("password is s3cret\nlast line\n"), 0600, "test", &e) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return ds_dir_remove(dir, &e) < 0 || failed != 0;
}
