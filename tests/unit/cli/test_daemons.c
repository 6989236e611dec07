/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row of the VMM's Status says of a VM: whether its guest can be asked,
 * and whether a failed boot still holds its ports.
 */
#include "cli/daemons.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *claim, *json;
    bool has_failed;
    const char *got; /* NULL: it can be asked */
} rows[] = {
    { "it runs", "{\"status\":\"running\",\"boot_error\":\"\",\"app_ready\":true}", false, NULL },
    { "it boots", "{\"status\":\"running\",\"boot_error\":\"\",\"app_ready\":false}", false, NULL },
    { "its boot failed", "{\"status\":\"running\",\"boot_error\":\"no\",\"app_ready\":false}", true,
      "no" },
    { "an error of before it ran",
      "{\"status\":\"running\",\"boot_error\":\"no\",\"app_ready\":true}", false, NULL },
    { "stopped", "{\"status\":\"stopped\",\"restarting\":false}", false, "stopped" },
    { "ended after a failed boot",
      "{\"status\":\"exited\",\"restarting\":false,\"boot_error\":\"no\"}", false, "exited" },
    { "ended, and will be started again", "{\"status\":\"exited\",\"restarting\":true}", false,
      NULL },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        yyjson_doc *doc = yyjson_read(rows[i].json, strlen(rows[i].json), 0);
        yyjson_val *vm = yyjson_doc_get_root(doc);
        int r = cli_vm_check_runs(vm, &e);
        bool asked = r == DS_OK;
        if (cli_vm_has_failed(vm) != rows[i].has_failed || asked != (rows[i].got == NULL))
            fail_msg("%s: %d %s", rows[i].claim, r, e.msg);
        if (!asked) {
            assert_int_equal(r, DS_ERR_UNAVAILABLE);
            assert_int_equal(e.code, DS_CODE_CLI_VM_NOT_RUNNING);
            assert_string_equal(e.detail.got, rows[i].got);
        }
        yyjson_doc_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
