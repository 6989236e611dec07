/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event is one line, whatever its values hold: outside text can forge nothing.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/scope.h"
#include "base/span.h"

static const struct ds_log test_log = { .program = "test", .min = DS_LOG_INFO };

/* What one ds_log call wrote: standard error goes into a pipe for that long. */
struct captured {
    char text[4096];
    size_t len;
    int pipe[2], saved;
};

static void capture_begin(struct captured *c)
{
    assert_int_equal(pipe2(c->pipe, O_CLOEXEC | O_NONBLOCK), 0);
    c->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    if (c->saved < 0 || dup2(c->pipe[1], STDERR_FILENO) != STDERR_FILENO)
        fail_msg("standard error cannot be redirected");
}

static void capture_end(struct captured *c)
{
    if (c->saved < 0 || dup2(c->saved, STDERR_FILENO) != STDERR_FILENO)
        fail_msg("standard error cannot be restored");
    ssize_t n = read(c->pipe[0], c->text, sizeof c->text - 1);
    c->len = n > 0 ? (size_t)n : 0;
    c->text[c->len] = '\0';
    (void)close(c->saved);
    (void)close(c->pipe[0]);
    (void)close(c->pipe[1]);
}

/* The line without its time stamp, which is checked for its form. */
static const char *after_time(const struct captured *c)
{
    assert_true(c->len > 21);
    for (size_t i = 0; i < 20; i++)
        if (strchr("0123456789-T:Z", c->text[i]) == NULL)
            fail_msg("no time stamp: %s", c->text);
    assert_int_equal(c->text[19], 'Z');
    return c->text + 21;
}

static const struct {
    const char *name, *value, *want;
} values[] = {
    { "plain", "abc 1.2", "abc 1.2" },
    { "nothing", NULL, "" },
    { "a quote", "a\"b", "a\\\"b" },
    { "a backslash", "a\\b", "a\\\\b" },
    { "a new line", "a\nforged event", "a\\x0aforged event" },
    { "carriage return and tab", "\r\t", "\\x0d\\x09" },
    { "a terminal escape", "\x1b[2J", "\\x1b[2J" },
    { "delete", "\x7f", "\\x7f" },
    { "high bytes", "\xc3\xa4\xff", "\\xc3\\xa4\\xff" },
};

static void values_are_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(values); i++) {
        struct captured c;
        char want[256];
        capture_begin(&c);
        ds_log(&test_log, DS_LOG_WARN, "vm.start", "id", values[i].value, "n", "1");
        capture_end(&c);
        (void)snprintf(want, sizeof want, "warn test vm.start id=\"%s\" n=\"1\"\n", values[i].want);
        if (strcmp(after_time(&c), want) != 0)
            fail_msg("%s: %s", values[i].name, c.text);
    }
}

static void an_event_needs_no_fields(void **state)
{
    (void)state;
    struct captured c;
    capture_begin(&c);
    ds_log(&test_log, DS_LOG_ERROR, "stop");
    capture_end(&c);
    assert_string_equal(after_time(&c), "error test stop\n");
}

static void lower_levels_are_silent(void **state)
{
    (void)state;
    struct captured c;
    capture_begin(&c);
    ds_log(&test_log, DS_LOG_DEBUG, "tick", "n", "1");
    capture_end(&c);
    assert_int_equal(c.len, 0);
}

static void long_lines_are_cut_to_one_line(void **state)
{
    (void)state;
    char value[5000];
    memset(value, '\n', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    struct captured c;
    capture_begin(&c);
    ds_log(&test_log, DS_LOG_INFO, "long", "v", value, "w", value);
    capture_end(&c);
    assert_int_equal(c.len, 1024);
    assert_ptr_equal(strchr(c.text, '\n'), c.text + 1023);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_escaped),
        cmocka_unit_test(an_event_needs_no_fields),
        cmocka_unit_test(lower_levels_are_silent),
        cmocka_unit_test(long_lines_are_cut_to_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
