/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors tell their story, in whole or cut, and a verdict keeps every reason it has room for.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/reason.h"
#include "base/scope.h"
#include "base/span.h"

static void every_class_has_its_text(void **state)
{
    (void)state;
    static const struct {
        int cls;
        const char *text;
    } rows[] = {
#define X(name, num, text) { -(num), text },
        DS_ERR_LIST(X)
#undef X
            { 0, "no error" },
        { 1, "unknown error class" },
        { -999, "unknown error class" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        assert_string_equal(ds_err_text(rows[i].cls), rows[i].text);
}

static void a_failure_fills_everything(void **state)
{
    (void)state;
    struct ds_error e;
    memset(&e, 0xff, sizeof e);
    assert_int_equal(ds_fail(&e, DS_ERR_FORMAT, "chain has %d certs", 3), DS_ERR_FORMAT);
    assert_int_equal(e.cls, DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_NONE);
    assert_int_equal(e.sys, 0);
    assert_string_equal(e.msg, "chain has 3 certs");
    assert_string_equal(e.detail.claim, "");
    assert_string_equal(e.detail.anchor, "");
    assert_non_null(strstr(e.file, "test_err.c"));
    assert_true(e.line > 0);
}

static void errno_is_kept_and_told(void **state)
{
    (void)state;
    struct ds_error e;
    assert_int_equal(ds_fail_errno(&e, ENOENT, "open '%s'", "x"), DS_ERR_SYS);
    assert_int_equal(e.sys, ENOENT);
    assert_string_equal(e.msg, "open 'x': No such file or directory");
}

static void no_error_object_is_fine(void **state)
{
    (void)state;
    assert_int_equal(ds_fail(NULL, DS_ERR_ARG, "unseen"), DS_ERR_ARG);
    assert_int_equal(ds_fail_errno(NULL, EIO, "unseen"), DS_ERR_SYS);
    assert_int_equal(ds_wrap(NULL, DS_ERR_PEER, "unseen"), DS_ERR_PEER);
    assert_int_equal(ds_refuse(NULL, DS_ERR_DENIED, DS_CODE_NONE, NULL, NULL, NULL, NULL),
                     DS_ERR_DENIED);
}

static void long_stories_are_cut_not_spilled(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct {
        struct ds_error e;
        char guard[16];
    } box = { .guard = "untouched" };
    (void)ds_fail_errno(&box.e, EIO, "%s", text);
    assert_int_equal(strlen(box.e.msg), sizeof box.e.msg - 1);
    (void)ds_wrap(&box.e, DS_ERR_SYS, "%s", text);
    assert_int_equal(strlen(box.e.msg), sizeof box.e.msg - 1);
    (void)ds_refuse(&box.e, DS_ERR_DENIED, DS_CODE_FILE_TOO_LARGE, text, text, text, text);
    assert_int_equal(strlen(box.e.detail.claim), sizeof box.e.detail.claim - 1);
    assert_int_equal(strlen(box.e.detail.expected), sizeof box.e.detail.expected - 1);
    assert_int_equal(strlen(box.e.detail.got), sizeof box.e.detail.got - 1);
    assert_int_equal(strlen(box.e.detail.anchor), sizeof box.e.detail.anchor - 1);
    assert_string_equal(box.guard, "untouched");
}

static void context_goes_in_front(void **state)
{
    (void)state;
    struct ds_error e;
    (void)ds_fail_code(&e, DS_ERR_RANGE, DS_CODE_FILE_TOO_LARGE, "too large");
    assert_int_equal(ds_wrap(&e, DS_ERR_RANGE, "load '%s'", "a.json"), DS_ERR_RANGE);
    assert_int_equal(ds_wrap(&e, DS_ERR_RANGE, "start vm"), DS_ERR_RANGE);
    assert_string_equal(e.msg, "start vm: load 'a.json': too large");
    assert_int_equal(e.code, DS_CODE_FILE_TOO_LARGE);
}

static void a_context_that_leaves_no_room_stands_alone(void **state)
{
    (void)state;
    struct ds_error e;
    char text[sizeof e.msg];
    memset(text, 'b', sizeof text - 1);
    for (size_t left = 1; left <= 5; left++) {
        text[sizeof text - left] = '\0';
        (void)ds_fail(&e, DS_ERR_ARG, "inner");
        (void)ds_wrap(&e, DS_ERR_ARG, "%s", text);
        assert_memory_equal(e.msg, text, strlen(text));
        assert_true(strlen(e.msg) < sizeof e.msg);
    }
}

static const struct {
    const char *claim, *expected, *got, *msg;
} refusals[] = {
    { "rtmr2", "aa", "bb", "a file is larger than its limit (rtmr2: expected aa, got bb)" },
    { NULL, "aa", "bb", "a file is larger than its limit (value: expected aa, got bb)" },
    { "rtmr2", NULL, "bb", "a file is larger than its limit (rtmr2: expected ?, got bb)" },
    { "rtmr2", "aa", NULL, "a file is larger than its limit (rtmr2: expected aa, got ?)" },
    { "rtmr2", NULL, NULL, "a file is larger than its limit" },
    { NULL, NULL, NULL, "a file is larger than its limit" },
};

static void a_refusal_says_expected_and_got(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(refusals); i++) {
        struct ds_error e;
        (void)ds_refuse(&e, DS_ERR_DENIED, DS_CODE_FILE_TOO_LARGE, refusals[i].claim,
                        refusals[i].expected, refusals[i].got, "Root CA");
        assert_string_equal(e.msg, refusals[i].msg);
        assert_string_equal(e.detail.anchor, "Root CA");
        assert_int_equal(e.code, DS_CODE_FILE_TOO_LARGE);
    }
}

static void explaining_fills_only_what_is_empty(void **state)
{
    struct ds_error e = { 0 };
    (void)state;
    assert_int_equal(ds_fail_code(&e, DS_ERR_FORMAT, DS_CODE_FILE_TOO_LARGE, "%200s", "told"),
                     DS_ERR_FORMAT);
    ds_error_explain(&e, "file", NULL, "this test");
    assert_string_equal(e.detail.claim, "file");
    assert_string_equal(e.detail.expected, "");
    assert_memory_equal(e.detail.got, e.msg, sizeof e.detail.got - 1);
    ds_error_explain(&e, "another", "a small one", "another");
    assert_string_equal(e.detail.claim, "file");
    assert_string_equal(e.detail.expected, "a small one");
    assert_string_equal(e.detail.anchor, "this test");
    /* Without a code nothing is refused, so there is nothing to explain. */
    assert_int_equal(ds_fail(&e, DS_ERR_FORMAT, "told"), DS_ERR_FORMAT);
    ds_error_explain(&e, "file", "a small one", "this test");
    assert_string_equal(e.detail.claim, "");
    ds_error_explain(NULL, "file", "a small one", "this test");
}

static void a_verdict_counts_what_it_cannot_hold(void **state)
{
    (void)state;
    struct ds_verdict v = { 0 };
    assert_false(ds_verdict_has(&v, DS_CODE_FILE_TOO_LARGE));
    for (size_t i = 0; i < DS_VERDICT_REASONS_MAX + 3; i++)
        ds_verdict_add(&v, DS_CODE_FILE_TOO_LARGE, "claim", "a", "b", NULL);
    assert_int_equal(v.n_reasons, DS_VERDICT_REASONS_MAX);
    assert_int_equal(v.n_dropped, 3);
    assert_true(ds_verdict_has(&v, DS_CODE_FILE_TOO_LARGE));
    assert_false(ds_verdict_has(&v, DS_CODE_NONE));

    struct ds_error e;
    assert_int_equal(ds_verdict_fail(&v, DS_ERR_DENIED, &e), DS_ERR_DENIED);
    assert_non_null(strstr(e.msg, "(claim: expected a, got b); and 18 more"));
    assert_int_equal(ds_verdict_fail(&v, DS_ERR_DENIED, NULL), DS_ERR_DENIED);
}

static void errors_become_reasons(void **state)
{
    (void)state;
    struct ds_verdict v = { 0 };
    struct ds_error e;
    (void)ds_fail(&e, DS_ERR_FORMAT, "quote header ends early");
    ds_verdict_add_error(&v, &e, DS_CODE_FILE_TOO_LARGE);
    assert_int_equal(v.reasons[0].code, DS_CODE_FILE_TOO_LARGE);
    assert_string_equal(v.reasons[0].detail.got, "quote header ends early");

    (void)ds_refuse(&e, DS_ERR_DENIED, DS_CODE_FILE_TOO_LARGE, "claim", "a", NULL, "anchor");
    ds_verdict_add_error(&v, &e, DS_CODE_NONE);
    assert_int_equal(v.reasons[1].code, DS_CODE_FILE_TOO_LARGE);
    assert_string_equal(v.reasons[1].detail.expected, "a");
    assert_string_equal(v.reasons[1].detail.got, e.msg);
    assert_string_equal(v.reasons[1].detail.anchor, "anchor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_its_text),
        cmocka_unit_test(a_failure_fills_everything),
        cmocka_unit_test(errno_is_kept_and_told),
        cmocka_unit_test(no_error_object_is_fine),
        cmocka_unit_test(long_stories_are_cut_not_spilled),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(a_context_that_leaves_no_room_stands_alone),
        cmocka_unit_test(a_refusal_says_expected_and_got),
        cmocka_unit_test(explaining_fills_only_what_is_empty),
        cmocka_unit_test(a_verdict_counts_what_it_cannot_hold),
        cmocka_unit_test(errors_become_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
