/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: every way to write an option, and every way to get it wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/args.h"

struct out {
    bool json, follow;
    const char *file;
    uint64_t lines;
    struct ds_arg_list env;
};

static const struct ds_arg_option options[] = {
    { .name = "json", .help = "machine-readable", .offset = offsetof(struct out, json) },
    { .name = "follow", .letter = 'f', .help = "go on", .offset = offsetof(struct out, follow) },
    { .name = "file",
      .letter = 'F',
      .kind = DS_ARG_TEXT,
      .value = "FILE",
      .help = "the file",
      .offset = offsetof(struct out, file) },
    { .name = "lines",
      .letter = 'n',
      .kind = DS_ARG_U64,
      .value = "N",
      .help = "how many",
      .max = 1000,
      .offset = offsetof(struct out, lines) },
    { .name = "env",
      .kind = DS_ARG_LIST,
      .value = "K=V",
      .help = "a variable",
      .offset = offsetof(struct out, env) },
};

static const struct ds_arg_command cmd = {
    .name = "dstack logs",
    .summary = "Print what an app says.",
    .operands = "NAME [MORE]",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack logs -f hello",
};

struct row {
    const char *name;
    const char *args; /* separated by '|' */
    bool stop_early;
    int status;
    const char *result; /* json follow file lines env… / operands…, or the message */
};

static const struct row rows[] = {
    { "operand alone", "hello", false, DS_OK, "0 0 - 0 / hello" },
    { "long flag", "--json|hello", false, DS_OK, "1 0 - 0 / hello" },
    { "options after operands", "hello|-f|--json|x", false, DS_OK, "1 1 - 0 / hello x" },
    { "value with equals", "--file=a=b|hello", false, DS_OK, "0 0 a=b 0 / hello" },
    { "value apart", "--file|a|hello", false, DS_OK, "0 0 a 0 / hello" },
    { "empty value", "--file=|hello", false, DS_OK, "0 0  0 / hello" },
    { "value that looks like an option", "--file|--json|hello", false, DS_OK,
      "0 0 --json 0 / hello" },
    { "letters together", "-fn7|hello", false, DS_OK, "0 1 - 7 / hello" },
    { "letter and value apart", "-n|1000|hello", false, DS_OK, "0 0 - 1000 / hello" },
    { "list", "--env|A=1|--env=B=2|hello", false, DS_OK, "0 0 - 0 A=1 B=2 / hello" },
    { "end of options", "--|--json|-f", false, DS_OK, "0 0 - 0 / --json -f" },
    { "single dash is an operand", "-", false, DS_OK, "0 0 - 0 / -" },
    { "stops at the first operand", "--json|sub|--what", true, DS_OK, "1 0 - 0 / sub --what" },
    { "unknown long", "--jsn|hello", false, DS_ERR_ARG,
      "unknown option --jsn; see dstack logs --help" },
    { "prefix is not enough", "--js|hello", false, DS_ERR_ARG,
      "unknown option --js; see dstack logs --help" },
    { "unknown letter", "-x|hello", false, DS_ERR_ARG,
      "unknown option -x; see dstack logs --help" },
    { "unknown letter behind a known one", "-fx|hello", false, DS_ERR_ARG,
      "unknown option -x; see dstack logs --help" },
    { "flag with a value", "--json=yes|hello", false, DS_ERR_ARG, "--json takes no value" },
    { "value missing", "hello|--file", false, DS_ERR_ARG, "--file needs a value: FILE" },
    { "letter's value missing", "hello|-n", false, DS_ERR_ARG, "--lines needs a value: N" },
    { "no number", "-nx|hello", false, DS_ERR_ARG, "--lines takes a number up to 1000, not 'x'" },
    { "number too large", "-n1001|hello", false, DS_ERR_ARG,
      "--lines takes a number up to 1000, not '1001'" },
    { "negative number", "-n|-1|hello", false, DS_ERR_ARG,
      "--lines takes a number up to 1000, not '-1'" },
    { "no operand", "--json", false, DS_ERR_ARG,
      "dstack logs needs NAME [MORE]; see dstack logs --help" },
    { "too many operands", "a|b|c", false, DS_ERR_ARG,
      "unexpected argument 'c'; see dstack logs --help" },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        char text[128];
        char *argv[16] = { (char[]){ "dstack" } };
        int argc = 1;
        (void)snprintf(text, sizeof text, "%s", rows[i].args);
        char *save = NULL;
        for (char *t = strtok_r(text, "|", &save); t != NULL; t = strtok_r(NULL, "|", &save))
            argv[argc++] = t;
        struct out out = { 0 };
        struct ds_arg_rest rest;
        struct ds_error e = { 0 };
        int r = ds_args_parse(&cmd, &out, &rest, argc, argv, rows[i].stop_early, &e);
        DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
        if (r == DS_OK) {
            ds_buf_printf(&got, "%d %d %s %d", out.json, out.follow, out.file ? out.file : "-",
                          (int)out.lines);
            for (size_t k = 0; k < out.env.n; k++)
                ds_buf_printf(&got, " %s", out.env.v[k]);
            ds_buf_str(&got, " /");
            for (size_t k = 0; k < rest.n; k++)
                ds_buf_printf(&got, " %s", rest.v[k]);
        } else {
            ds_buf_str(&got, e.msg);
            assert_int_equal(e.code, DS_CODE_ARGS_USAGE);
        }
        if (r != rows[i].status || strcmp(got.p, rows[i].result) != 0)
            fail_msg("%s: %d '%s'", rows[i].name, r, got.p);
    }
}

static void test_help(void **state)
{
    (void)state;
    char *argv[] = { (char[]){ "dstack" }, (char[]){ "-f" }, (char[]){ "--help" },
                     (char[]){ "--nonsense" } };
    struct out out = { 0 };
    struct ds_arg_rest rest;
    struct ds_error e;
    assert_int_equal(ds_args_parse(&cmd, &out, &rest, 4, argv, false, &e), DS_OK);
    assert_true(rest.help);
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    ds_args_help(&text, &cmd);
    assert_non_null(strstr(text.p, "Usage: dstack logs [OPTIONS] NAME [MORE]\n"));
    assert_non_null(strstr(text.p, "  -n, --lines N "));
    assert_non_null(strstr(text.p, "  -h, --help "));
    assert_non_null(strstr(text.p, "Example:\n  dstack logs -f hello\n"));
}

static void test_too_long_a_list(void **state)
{
    (void)state;
    char *argv[2 * DS_ARG_LIST_MAX + 4] = { (char[]){ "dstack" } };
    char name[] = "--env", value[] = "x";
    for (size_t i = 0; i <= DS_ARG_LIST_MAX; i++) {
        argv[1 + 2 * i] = name;
        argv[2 + 2 * i] = value;
    }
    struct out out = { 0 };
    struct ds_arg_rest rest;
    struct ds_error e;
    assert_int_equal(ds_args_parse(&cmd, &out, &rest, 2 * (DS_ARG_LIST_MAX + 1) + 1, argv, false,
                                   &e),
                     DS_ERR_ARG);
}

static void test_exit_codes(void **state)
{
    (void)state;
    static const struct {
        int cls, exit;
        enum ds_code code;
    } exits[] = {
        { DS_OK, 0, DS_CODE_NONE },
        { DS_ERR_SYS, 1, DS_CODE_NONE },
        { DS_ERR_ARG, 1, DS_CODE_NONE },
        { DS_ERR_ARG, 2, DS_CODE_ARGS_USAGE },
        { DS_ERR_DENIED, 3, DS_CODE_NONE },
        { DS_ERR_UNTRUSTED, 4, DS_CODE_NONE },
        { DS_ERR_STALE, 4, DS_CODE_NONE },
        { DS_ERR_NOTFOUND, 5, DS_CODE_NONE },
        { DS_ERR_UNAVAILABLE, 6, DS_CODE_NONE },
        { DS_ERR_TIMEOUT, 6, DS_CODE_NONE },
    };
    for (size_t i = 0; i < DS_LEN(exits); i++)
        assert_int_equal(ds_exit_code(exits[i].cls, exits[i].code), exits[i].exit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_too_long_a_list),
        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
