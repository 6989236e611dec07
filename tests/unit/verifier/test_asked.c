/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked of late: until when, of whom, and what gives way.
 */
#include "verifier/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(5000000)

static struct asked *new_table(void)
{
    struct asked *a = calloc(1, sizeof *a);
    assert_non_null(a);
    return a;
}

static struct ds_error failed(const char *why)
{
    struct ds_error e = { 0 };
    (void)ds_fail_code(&e, DS_ERR_TIMEOUT, DS_CODE_NET_FETCH_TIMEOUT, "%s", why);
    return e;
}

static void each_answer_for_its_time(void **state)
{
    (void)state;
    struct asked *a = new_table();
    const struct ds_error none = { 0 }, late = failed("late");
    assert_null(asked_find(a, "tdx-1", NOW));
    assert_null(asked_find(a, "", NOW)); /* a free row has this name */
    asked_keep(a, "tdx-1", DS_ERR_TIMEOUT, &late, NOW);
    asked_keep(a, "tdx-2", DS_OK, &none, NOW);
    const struct asked_row *row = asked_find(a, "tdx-1", NOW + ASKED_FAILED_US - 1);
    assert_non_null(row);
    assert_int_equal(row->r, DS_ERR_TIMEOUT);
    assert_int_equal(row->error.code, DS_CODE_NET_FETCH_TIMEOUT);
    assert_string_equal(row->error.msg, "late");
    assert_null(asked_find(a, "tdx-1", NOW + ASKED_FAILED_US));
    row = asked_find(a, "tdx-2", NOW + ASKED_HELD_US - 1);
    assert_non_null(row);
    assert_int_equal(row->r, DS_OK);
    assert_null(asked_find(a, "tdx-2", NOW + ASKED_HELD_US));
    assert_null(asked_find(a, "tdx-3", NOW));
    free(a);
}

static void the_last_answer_counts(void **state)
{
    (void)state;
    struct asked *a = new_table();
    const struct ds_error none = { 0 }, late = failed("late");
    asked_keep(a, "snp", DS_OK, &none, NOW);
    asked_keep(a, "snp", DS_ERR_TIMEOUT, &late, NOW + 1);
    assert_int_equal(asked_find(a, "snp", NOW + 2)->r, DS_ERR_TIMEOUT);
    assert_null(asked_find(a, "snp", NOW + 1 + ASKED_FAILED_US)); /* nothing of the first is left */
    free(a);
}

static void what_ends_first_gives_way(void **state)
{
    (void)state;
    struct asked *a = new_table();
    const struct ds_error none = { 0 }, late = failed("late");
    char key[32];
    for (int i = 0; i < ASKED_MAX; i++) {
        (void)snprintf(key, sizeof key, "tdx-%d", i);
        asked_keep(a, key, i == 7 ? DS_ERR_TIMEOUT : DS_OK, i == 7 ? &late : &none, NOW + i);
    }
    asked_keep(a, "one more", DS_OK, &none, NOW + ASKED_MAX);
    assert_null(asked_find(a, "tdx-7", NOW + ASKED_MAX));
    assert_non_null(asked_find(a, "tdx-0", NOW + ASKED_MAX));
    asked_keep(a, "and one", DS_OK, &none, NOW + ASKED_MAX);
    assert_null(asked_find(a, "tdx-0", NOW + ASKED_MAX));
    assert_non_null(asked_find(a, "one more", NOW + ASKED_MAX));
    assert_non_null(asked_find(a, "tdx-1", NOW + ASKED_MAX));
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_for_its_time),
        cmocka_unit_test(the_last_answer_counts),
        cmocka_unit_test(what_ends_first_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
