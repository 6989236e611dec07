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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_private_log_stays_inside),
        cmocka_unit_test(a_public_log_shows_its_end),
        cmocka_unit_test(a_log_that_is_not_there_hides_no_failure),
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
