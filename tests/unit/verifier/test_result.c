/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets which form, and what is said of evidence that could not be judged.
 */
#include "verifier/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void accept_headers(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        bool ok;
    } rows[] = {
        { NULL, true },
        { "", true },
        { " , ", true },
        { "*/*", true },
        { "application/*", true },
        { "APPLICATION/JSON", true },
        { "text/html,application/json;q=0.1", true },
        { "application/json ; q=1", true },
        { "application/json;q=0", false },
        { "application/json;q=0.0", false },
        { "application/json;q=0,*/*", true },
        { "application/jsonx", false },
        { "application/jso", false },
        { "application", false },
        { "text/*", false },
        { "*", false },
        { "application/cbor", false },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if ((verifier_form_find(rows[i].accept) != NULL) != rows[i].ok)
            fail_msg("%s", rows[i].accept);
}

static void an_error_in_the_compatible_form(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_error why, e;
    (void)ds_refuse(&why, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, "quote", "hex", "\"\x1b", NULL);
    assert_int_equal(verifier_result_compatible_error(&out, &why, &e), DS_OK);
    assert_non_null(strstr(out.p, "{\"is_valid\":false,\"details\":{\"quote_verified\":false,"));
    assert_non_null(strstr(out.p, "\"app_info\":null"));
    assert_non_null(strstr(out.p, "\"reason\":\"Internal error: "));
    assert_non_null(strstr(out.p, "(rpc.bad_request)\"}"));
    assert_null(strchr(out.p, '\x1b'));
}

static void nothing_is_accepted(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_error e;
    static struct verifier_finding f;
    assert_false(verifier_is_accepted(&f));
    assert_string_equal(verifier_verdict_text(&f), "denied");
    f.steps[VERIFIER_READ] = VERIFIER_FAILED;
    assert_string_equal(verifier_verdict_text(&f), "invalid");
    assert_int_equal(verifier_result_v1(&out, &f, 0, &e), DS_OK);
    assert_non_null(strstr(out.p, "\"verdict\":\"invalid\",\"kind\":\"none\""));
    f.steps[VERIFIER_POLICY] = VERIFIER_HELD;
    assert_string_equal(verifier_verdict_text(&f), "invalid");
    f.steps[VERIFIER_READ] = VERIFIER_HELD;
    assert_string_equal(verifier_verdict_text(&f), "accepted");
    f.verdict.n_dropped = 1;
    assert_false(verifier_is_accepted(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_headers),
        cmocka_unit_test(an_error_in_the_compatible_form),
        cmocka_unit_test(nothing_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
