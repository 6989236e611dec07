/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters against a table: each kind with what it takes and what it refuses,
 * and that the refusal names the field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/call.h"

static const struct rpc_field inner[] = {
    { .name = "port", .kind = RPC_U64, .required = true, .max = 65535 },
    { .name = "proto", .kind = RPC_TEXT, .max = 3 },
};

static const struct rpc_field fields[] = {
    { .name = "name", .kind = RPC_TEXT, .required = true, .max = 5 },
    { .name = "data", .kind = RPC_HEX, .max = 4 },
    { .name = "count", .kind = RPC_U64, .max = 10 },
    { .name = "any_count", .kind = RPC_U64 },
    { .name = "on", .kind = RPC_BOOL },
    { .name = "names", .kind = RPC_TEXT_LIST, .max = 2 },
    { .name = "hexes", .kind = RPC_HEX_LIST },
    { .name = "one", .kind = RPC_OBJECT, .fields = inner, .n_fields = DS_LEN(inner) },
    { .name = "many",
      .kind = RPC_OBJECT_LIST,
      .max = 2,
      .fields = inner,
      .n_fields = DS_LEN(inner) },
    { .name = "free", .kind = RPC_OBJECT },
    { .name = "whatever", .kind = RPC_ANY },
};

struct row {
    const char *params; /* with ' for " */
    const char *claim;  /* NULL: accepted */
    const char *expected, *got;
};

static const struct row rows[] = {
    { "{'name':'a'}", NULL, NULL, NULL },
    { "{'name':''}", NULL, NULL, NULL },
    { "{'name':'abcde'}", NULL, NULL, NULL },
    { "{'name':'a','unknown':[{}]}", NULL, NULL, NULL },
    { "{'name':'a','unknown':1,'unknown':2}", NULL, NULL, NULL },
    { "{'name':'a','data':null,'count':null,'one':null}", NULL, NULL, NULL },
    { "{'name':'a','data':'','hexes':[],'names':[]}", NULL, NULL, NULL },
    { "{'name':'a','data':'0x0xAbCd1234'}", NULL, NULL, NULL },
    { "{'name':'a','count':10,'any_count':18446744073709551615}", NULL, NULL, NULL },
    { "{'name':'a','on':false,'names':['x','y'],'hexes':['00','0x']}", NULL, NULL, NULL },
    { "{'name':'a','one':{'port':1,'more':2},'many':[{'port':0},{'port':65535}]}", NULL, NULL,
      NULL },
    { "{'name':'a','free':{'x':[]},'whatever':[1,{}]}", NULL, NULL, NULL },
    { "{}", "name", "a value", "none" },
    { "{'name':null}", "name", "a value", "none" },
    { "{'name':1}", "name", "a text", "uint" },
    { "{'name':['a']}", "name", "a text", "array" },
    { "{'name':'abcdef'}", "name", "at most 5 bytes", "6" },
    { "{'name':'a\\u0000b'}", "name", "a text without NUL", "one with" },
    { "{'name':'a','name':'b'}", "name", "one value", "two" },
    { "{'name':'a','data':12}", "data", "hex text", "uint" },
    { "{'name':'a','data':'abc'}", "data", "an even number of hex digits", "an odd one" },
    { "{'name':'a','data':'zz'}", "data", "hex text", "another character" },
    { "{'name':'a','data':'0X00'}", "data", "hex text", "another character" },
    { "{'name':'a','data':'00 0'}", "data", "hex text", "another character" },
    { "{'name':'a','data':'0011223344'}", "data", "at most 4 bytes", "5" },
    { "{'name':'a','count':11}", "count", "at most 10", "11" },
    { "{'name':'a','count':-1}", "count", "a whole number, not negative", "sint" },
    { "{'name':'a','count':1.0}", "count", "a whole number, not negative", "real" },
    { "{'name':'a','count':'1'}", "count", "a whole number, not negative", "string" },
    { "{'name':'a','any_count':18446744073709551616}", "any_count", "a whole number, not negative",
      "real" },
    { "{'name':'a','on':1}", "on", "true or false", "uint" },
    { "{'name':'a','on':'true'}", "on", "true or false", "string" },
    { "{'name':'a','names':'x'}", "names", "a list", "string" },
    { "{'name':'a','names':['x',1]}", "names", "a text", "uint" },
    { "{'name':'a','names':['x','y','z']}", "names", "at most 2 elements", "3" },
    { "{'name':'a','hexes':['0']}", "hexes", "an even number of hex digits", "an odd one" },
    { "{'name':'a','one':[]}", "one", "an object", "array" },
    { "{'name':'a','one':{}}", "port", "a value", "none" },
    { "{'name':'a','one':{'port':65536}}", "port", "at most 65535", "65536" },
    { "{'name':'a','one':{'port':1,'proto':'sctp'}}", "proto", "at most 3 bytes", "4" },
    { "{'name':'a','many':[{'port':1},{}]}", "port", "a value", "none" },
    { "{'name':'a','many':[1]}", "many", "an object", "uint" },
    { "{'name':'a','free':'x'}", "free", "an object", "string" },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "%s", rows[i].params);
        for (char *p = text; *p != '\0'; p++)
            *p = (char)(*p == '\'' ? '"' : *p);
        yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
        assert_non_null(doc);
        struct ds_error e = { 0 };
        int r = rpc_check(fields, DS_LEN(fields), yyjson_doc_get_root(doc), &e);
        bool good = rows[i].claim == NULL ? r == DS_OK
                                          : r == DS_ERR_ARG && e.code == DS_CODE_RPC_BAD_REQUEST &&
                                                strcmp(e.detail.claim, rows[i].claim) == 0 &&
                                                strcmp(e.detail.expected, rows[i].expected) == 0 &&
                                                strcmp(e.detail.got, rows[i].got) == 0;
        if (!good)
            fail_msg("%s: %d %s", rows[i].params, r, e.msg);
        yyjson_doc_free(doc);
    }
}

static void test_no_parameters(void **state)
{
    (void)state;
    struct ds_error e;
    assert_int_equal(rpc_check(fields + 1, DS_LEN(fields) - 1, NULL, &e), DS_OK);
    assert_int_equal(rpc_check(fields, DS_LEN(fields), NULL, &e), DS_ERR_ARG);
    assert_int_equal(rpc_check(NULL, 0, NULL, &e), DS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
