/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors over the wire and back: what was refused arrives with class, code and
 * reasons; what other servers send is taken as far as it goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/client.h"
#include "rpc/serve.h"

static void test_round_trip(void **state)
{
    (void)state;
    struct ds_error e, back;
    struct ds_verdict reasons;
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    (void)ds_refuse(&e, DS_ERR_DENIED, DS_CODE_RPC_FORBIDDEN, "GetAppKey", "a \"quoted\"\n text",
                    "got \xc3\xa9 this", "root");
    rpc_error_encode(&body, &e, NULL);
    for (size_t i = 0; i < body.len; i++)
        assert_in_range(body.p[i], 0x20, 0x7e);
    assert_int_equal(rpc_error_decode(&reasons, ds_buf_span(&body), &back), DS_ERR_DENIED);
    assert_int_equal(back.code, DS_CODE_RPC_FORBIDDEN);
    assert_string_equal(back.detail.claim, "GetAppKey");
    assert_string_equal(back.detail.expected, "a \"quoted\"\n text");
    assert_string_equal(back.detail.anchor, "root");
    assert_int_equal(reasons.n_reasons, 1);
    assert_int_equal(reasons.reasons[0].code, DS_CODE_RPC_FORBIDDEN);
}

static void test_every_class_survives(void **state)
{
    (void)state;
    static const int classes[] = {
#define X(name, num, text) name,
        DS_ERR_LIST(X)
#undef X
    };
    for (size_t i = 0; i < DS_LEN(classes); i++) {
        struct ds_error e, back;
        DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
        (void)ds_fail(&e, classes[i], "text");
        rpc_error_encode(&body, &e, NULL);
        assert_int_equal(rpc_error_decode(NULL, ds_buf_span(&body), &back), classes[i]);
        assert_string_equal(back.msg, "text");
    }
}

static void test_several_reasons(void **state)
{
    (void)state;
    struct ds_verdict v = { 0 }, back;
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    ds_verdict_add(&v, DS_CODE_RPC_FORBIDDEN, "a", "1", "2", "x");
    ds_verdict_add(&v, DS_CODE_RPC_NO_METHOD, "b", NULL, NULL, NULL);
    (void)ds_verdict_fail(&v, DS_ERR_UNTRUSTED, &e);
    rpc_error_encode(&body, &e, &v);
    assert_int_equal(rpc_error_decode(&back, ds_buf_span(&body), &e), DS_ERR_UNTRUSTED);
    assert_int_equal(back.n_reasons, 2);
    assert_int_equal(back.reasons[1].code, DS_CODE_RPC_NO_METHOD);
    assert_string_equal(back.reasons[0].detail.got, "2");
}

struct row {
    const char *body;
    int cls;
    enum ds_code code;
    const char *msg;
};

static void test_what_others_send(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{\n  \"error\": \"Report data is too long\"\n}", DS_ERR_PEER, DS_CODE_RPC_REMOTE,
          "Report data is too long" },
        { "{\"error\":\"x\",\"class\":\"denied\",\"code\":\"policy.of_the_future\"}", DS_ERR_DENIED,
          DS_CODE_RPC_REMOTE, "policy.of_the_future: x" },
        { "{\"error\":\"x\",\"class\":\"nonsense\",\"code\":\"rpc.forbidden\",\"reasons\":7}",
          DS_ERR_PEER, DS_CODE_RPC_FORBIDDEN, "x" },
        { "{\"error\":\"x\",\"reasons\":[1,null,{\"code\":2,\"claim\":[]}]}", DS_ERR_PEER,
          DS_CODE_RPC_REMOTE, "x" },
        { "{\"error\":5}", DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, NULL },
        { "{}", DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, NULL },
        { "[]", DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, NULL },
        { "<html>502</html>", DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, NULL },
        { "", DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, NULL },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e;
        struct ds_verdict v;
        assert_int_equal(rpc_error_decode(&v, ds_span_str(rows[i].body), &e), rows[i].cls);
        assert_int_equal(e.code, rows[i].code);
        if (rows[i].msg != NULL)
            assert_string_equal(e.msg, rows[i].msg);
    }
}

static void test_too_many_reasons_are_counted(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    ds_buf_str(&body, "{\"error\":\"x\",\"reasons\":[{}");
    for (int i = 0; i < 99; i++)
        ds_buf_str(&body, ",{\"claim\":\"c\"}");
    ds_buf_str(&body, "]}");
    struct ds_verdict v;
    struct ds_error e;
    assert_int_equal(rpc_error_decode(&v, ds_buf_span(&body), &e), DS_ERR_PEER);
    assert_int_equal(v.n_reasons, DS_VERDICT_REASONS_MAX);
    assert_int_equal(v.n_dropped, 100 - DS_VERDICT_REASONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_class_survives),
        cmocka_unit_test(test_several_reasons),
        cmocka_unit_test(test_what_others_send),
        cmocka_unit_test(test_too_many_reasons_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
