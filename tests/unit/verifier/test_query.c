/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query of a new session, and Accept headers.
 */
#include "verifier/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/scope.h"

static void nonces(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        bool is_given;
        const char *bytes; /* given: what it is */
        size_t len;
    } rows[] = {
        { "", false, NULL, 32 },
        { "x=y&nonces=1", false, NULL, 32 },
        { "nonceSize=8", false, NULL, 8 },
        { "a&nonceSize=64&b=c", false, NULL, 64 },
        { "nonce=MTIzNDU2Nzg", true, "12345678", 8 },
        { "nonce=MTIzNDU2Nzg=", true, "12345678", 8 },
        { "nonce=MTIzNDU2Nzg%3D", true, "12345678", 8 },
        { "x=1&nonce=-_-_-_-_-_-_", true, "\xfb\xff\xbf\xfb\xff\xbf\xfb\xff\xbf", 9 },
        { "nonce=%2B%2f%2b%2F%2B%2F%2B%2F%2B%2F%2B%2F", true,
          "\xfb\xff\xbf\xfb\xff\xbf\xfb\xff\xbf", 9 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct query_nonce n;
        struct ds_error e;
        if (query_nonce_parse(&n, rows[i].query, &e) < 0)
            fail_msg("%s: %s", rows[i].query, e.msg);
        assert_int_equal(n.is_given, rows[i].is_given);
        assert_int_equal(n.len, rows[i].len);
        if (n.is_given)
            assert_memory_equal(n.b, rows[i].bytes, n.len);
    }
}

static void bad_nonces(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "nonce=",
        "nonce=MTIzNDU2Nw",
        "nonce=MTIzNDU2Nzg==%",
        "nonce=MTIz NDU2Nzg",
        "nonce=%4",
        "nonce=%",
        "nonce=%zz",
        "nonce=MTIzNDU2Nz%00",
        "nonce=M",
        "nonce=MTIzNDU2Nzg9&nonceSize=8",
        "nonce=MTIzNDU2Nzg&nonce=MTIzNDU2Nzg",
        "nonceSize=7",
        "nonceSize=65",
        "nonceSize=",
        "nonceSize=8x",
        "nonceSize=-8",
        "nonceSize= 8",
        "nonceSize=99999999999999999999",
        "nonceSize=8&nonceSize=8",
        /* 65 bytes; and far more than there is room for */
        "nonce=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "nonce=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct query_nonce n = { .len = 3 };
        struct ds_error e = { 0 };
        if (query_nonce_parse(&n, rows[i], &e) != DS_ERR_ARG || e.code != DS_CODE_RPC_BAD_REQUEST)
            fail_msg("%s: %s", rows[i], e.msg);
        assert_int_equal(n.len, 3); /* untouched */
    }
}

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
        if (query_accepts(rows[i].accept, "application/json") != rows[i].ok)
            fail_msg("%s", rows[i].accept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonces),
        cmocka_unit_test(bad_nonces),
        cmocka_unit_test(accept_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
