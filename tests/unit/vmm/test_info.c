/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a VM: the reference's times and fields, statuses by what is
 * wanted and what is, and texts only where they were asked for.
 */
#include "vmm/info.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <yyjson.h>

static void test_uptime(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        { 0, "0s" },
        { -5, "0s" },
        { 999, "0s" },
        { 1000, "1s" },
        { 59999, "59s" },
        { 60000, "1m" },
        { 61000, "1m 1s" },
        { 3600000, "1h" },
        { 3723000, "1h 2m 3s" },
        { 86400000, "1d" },
        { 90061000, "1d 1h 1m 1s" },
        { INT64_MAX, "106751991167d 7h 12m 55s" },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        char out[40];
        assert_string_equal(vmm_info_uptime(out, rows[i].ms), rows[i].text);
    }
}

static struct vmm_vm vm_of(void)
{
    struct vmm_vm vm = {
        .m = { .id = "00112233-4455-4677-8899-aabbccddeeff",
               .name = "hello",
               .app_id = "00ff",
               .image = "dstack-1",
               .machine = vmm_machine_find("null"),
               .vcpu = 2,
               .memory_mib = 512,
               .disk_gib = 3,
               .ports = { { .host_port = 8080, .vm_port = 80, .address = "127.0.0.1" } },
               .n_ports = 1 },
        .compose_hash = "abcd",
    };
    return vm;
}

static void test_matches(void **state)
{
    static const struct {
        const char *keyword;
        bool matches;
    } rows[] = {
        { "", true },       { "ell", true },   { "4677", true },   { "00f", true },
        { "dstack", true }, { "abcd", false }, { "Hello", false }, { "hello ", false },
    };
    (void)state;
    struct vmm_vm vm = vm_of();
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (vmm_info_matches(&vm, rows[i].keyword) != rows[i].matches)
            fail_msg("'%s'", rows[i].keyword);
}

static yyjson_doc *put(const struct vmm_vm *vm, bool brief, const struct vmm_info_texts *texts)
{
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    struct ds_jw w = ds_jw_of(&json);
    vmm_info_put(&w, NULL, vm, brief, texts, 100000);
    assert_int_equal(ds_jw_end(&w, NULL, "info"), DS_OK);
    yyjson_doc *doc = yyjson_read(json.p, json.len, 0);
    assert_non_null(doc);
    return doc;
}

static const char *text(yyjson_val *obj, const char *key)
{
    const char *t = yyjson_get_str(yyjson_obj_get(obj, key));
    return t != NULL ? t : "(none)";
}

static void test_status(void **state)
{
    static const struct {
        bool started, running, launching, removing, restarting;
        const char *status;
    } rows[] = {
        { false, false, false, false, false, "stopped" },
        { true, false, false, false, false, "exited" },
        { true, true, false, false, false, "running" },
        { true, false, true, false, false, "running" },
        { false, true, false, false, false, "stopping" },
        { true, true, false, true, false, "removing" },
        { false, false, false, true, false, "removing" },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct vmm_vm vm = vm_of();
        vm.started = rows[i].started;
        vm.running = rows[i].running;
        vm.launching = rows[i].launching;
        vm.removing = rows[i].removing;
        vm.started_at_ms = 35000;
        yyjson_doc *doc = put(&vm, true, NULL);
        yyjson_val *root = yyjson_doc_get_root(doc);
        assert_string_equal(text(root, "status"), rows[i].status);
        assert_string_equal(text(root, "uptime"), rows[i].running ? "1m 5s" : "");
        assert_int_equal(yyjson_get_bool(yyjson_obj_get(root, "restarting")), rows[i].restarting);
        yyjson_doc_free(doc);
    }
}

static void test_fields(void **state)
{
    (void)state;
    struct vmm_vm vm = vm_of();
    const struct vmm_info_texts texts = { DS_SPAN_LIT("{\"a\":\"\xc3\xa9\"}"), DS_SPAN_LIT("") };
    vm.exited_at_ms = 7;
    (void)snprintf(vm.exit_text, sizeof vm.exit_text, "exit status 1");
    yyjson_doc *doc = put(&vm, false, &texts);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *cfg = yyjson_obj_get(root, "configuration");
    assert_string_equal(text(root, "exit"), "exit status 1");
    assert_string_equal(text(root, "compose_hash"), "abcd");
    assert_string_equal(text(cfg, "compose_file"), "{\"a\":\"\xc3\xa9\"}");
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(cfg, "memory")), 512);
    assert_true(yyjson_get_bool(yyjson_obj_get(cfg, "stopped")));
    yyjson_val *port = yyjson_arr_get_first(yyjson_obj_get(root, "ports"));
    assert_string_equal(text(port, "protocol"), "tcp");
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(port, "host_port")), 8080);
    assert_int_equal(yyjson_get_int(yyjson_obj_get(root, "pid")), 0);
    yyjson_doc_free(doc);
    doc = put(&vm, true, NULL);
    assert_null(yyjson_obj_get(yyjson_doc_get_root(doc), "configuration"));
    yyjson_doc_free(doc);
    doc = put(&vm, false, NULL);
    cfg = yyjson_obj_get(yyjson_doc_get_root(doc), "configuration");
    assert_null(yyjson_obj_get(cfg, "compose_file"));
    yyjson_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uptime),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
