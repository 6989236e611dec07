/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is shown of Docker Compose's own words, and compose files that are none.
 */
#include "cli/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define RUN "'/usr/libexec/docker/cli-plugins/docker-compose' ended with status 1: "

static const struct row {
    const char *name, *message, *words;
} rows[] = {
    { "validation", RUN "validating /tmp/x/d.yaml: services.web x is not allowed",
      "services.web x is not allowed" },
    { "YAML", RUN "yaml: line 1: did not find", "yaml: line 1: did not find" },
    { "as long as fits", "123456789 123456789 123456789 123456789",
      "123456789 123456789 123456789 123456789" },
    { "one longer", "123456789 123456789 123456789 1234567890",
      "123456789 123456789 123456789..." },
    { "one long word", "1234567890123456789012345678901234567890x",
      "123456789012345678901234567890123456..." },
    { "validation without an end", "validating /tmp/x", "validating /tmp/x" },
    { "no words", "'x' ended with status 1", "'x' ended with status 1" },
    { "nothing", "", "" },
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        char words[40];
        compose_own_words(words, sizeof words, rows[i].message);
        if (strcmp(words, rows[i].words) != 0)
            print_error("%s: %s\n", rows[i].name, words);
        assert_string_equal(words, rows[i].words);
    }
}

static void test_files(void **state)
{
    (void)state;
    struct ds_error e;
    assert_int_equal(compose_file_check("/nonexistent/docker-compose.yaml", &e), DS_ERR_NOTFOUND);
    assert_int_equal(e.code, DS_CODE_CLI_COMPOSE_INVALID);
    assert_non_null(strstr(e.msg, "no such file: /nonexistent/docker-compose.yaml"));
    assert_int_equal(compose_file_check("/", &e), DS_ERR_ARG);
    assert_int_equal(e.code, DS_CODE_CLI_COMPOSE_INVALID);
    assert_int_equal(compose_file_check("/dev/null", &e), DS_ERR_ARG);
    assert_int_equal(compose_file_check("/proc/self/status", &e), DS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words),
                                        cmocka_unit_test(test_files) };
    return cmocka_run_group_tests_name("cli/compose", tests, NULL, NULL);
}
