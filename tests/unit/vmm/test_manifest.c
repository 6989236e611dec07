/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and manifests: what is accepted, and each way to be refused.
 */
#include "vmm/manifest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/str.h"

static const struct vmm_limits limits = { 16, 65536, 1024 };

#define BASE \
    "\"name\":\"hello\",\"image\":\"dstack-0.1\",\"vcpu\":2,\"memory\":2048,\"disk_size\":10"
#define REGISTRY(text) "{" BASE ",\"registries\":[" text "]}"
#define PORT(text)     "{" BASE ",\"ports\":[" text "]}"

struct row {
    const char *claim, *json;
    int err;
    enum ds_code code;
};

/* clang-format off */
static const struct row requests[] = {
    { "the least", "{" BASE "}", DS_OK, 0 },
    { "nulls are absent", "{" BASE ",\"ports\":null,\"app_id\":null,\"no_tee\":null}", DS_OK, 0 },
    { "a port", PORT("{\"protocol\":\"tcp\",\"host_port\":8080,\"vm_port\":80}"), DS_OK, 0 },
    { "a registry", REGISTRY("{\"host\":\"r-1.example:5000\",\"target\":\"192.0.2.1:443\"}"), DS_OK, 0 },
    { "registries no list", "{" BASE ",\"registries\":{}}", DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "a registry without port", REGISTRY("{\"host\":\"r\",\"target\":\"192.0.2.1:443\"}"),
      DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "a registry that is an option", REGISTRY("{\"host\":\"r,x:1\",\"target\":\"192.0.2.1:443\"}"),
      DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "a registry at a name", REGISTRY("{\"host\":\"r:1\",\"target\":\"localhost:443\"}"),
      DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "a registry at a command", REGISTRY("{\"host\":\"r:1\",\"target\":\"1.2.3.4:1' x '\"}"),
      DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "a registry nowhere", REGISTRY("{\"host\":\"r:1\"}"), DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "any port", PORT("{\"protocol\":\"udp\",\"host_port\":0,\"vm_port\":53}"), DS_OK, 0 },
    { "two times any port", PORT("{\"protocol\":\"tcp\",\"host_port\":0,\"vm_port\":1},"
                                 "{\"protocol\":\"tcp\",\"host_port\":0,\"vm_port\":2}"), DS_OK, 0 },
    { "the same number on both protocols",
      PORT("{\"protocol\":\"tcp\",\"host_port\":53,\"vm_port\":53},"
           "{\"protocol\":\"udp\",\"host_port\":53,\"vm_port\":53}"), DS_OK, 0 },
    { "app id with 0x and capitals",
      "{" BASE ",\"app_id\":\"0xABCDEF0123456789abcdef0123456789abcdef01\"}", DS_OK, 0 },
    { "user networking by name", "{" BASE ",\"networks\":[{\"mode\":\"user\"}]}", DS_OK, 0 },
    { "no GPUs, in words", "{" BASE ",\"gpus\":{\"gpus\":[],\"attach_mode\":\"listed\"}}", DS_OK, 0 },
    { "machine auto", "{" BASE ",\"machine\":\"auto\"}", DS_OK, 0 },

    { "no name", "{\"image\":\"i\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "empty name", "{\"name\":\"\",\"image\":\"i\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "name with a slash", "{\"name\":\"a/b\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "name with an escape", "{\"name\":\"a\\u001bb\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "name with a NUL", "{\"name\":\"a\\u0000\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "name is a number", "{\"name\":5}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "name of 65", "{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
      DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "image outside", "{\"name\":\"a\",\"image\":\"../x\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "image with dots", "{\"name\":\"a\",\"image\":\"a..b\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "no vcpu", "{\"name\":\"a\",\"image\":\"i\",\"memory\":512,\"disk_size\":1}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "vcpu 0", "{\"name\":\"a\",\"image\":\"i\",\"vcpu\":0,\"memory\":512,\"disk_size\":1}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "vcpu 17", "{\"name\":\"a\",\"image\":\"i\",\"vcpu\":17,\"memory\":512,\"disk_size\":1}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "vcpu 2^32+1", "{\"name\":\"a\",\"image\":\"i\",\"vcpu\":4294967297,\"memory\":512}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "vcpu as text", "{\"name\":\"a\",\"image\":\"i\",\"vcpu\":\"2\",\"memory\":512}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "memory 255", "{\"name\":\"a\",\"image\":\"i\",\"vcpu\":1,\"memory\":255}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "memory -1", "{\"name\":\"a\",\"image\":\"i\",\"vcpu\":1,\"memory\":-1}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "disk 0", "{\"name\":\"a\",\"image\":\"i\",\"vcpu\":1,\"memory\":512,\"disk_size\":0}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "ports no list", "{" BASE ",\"ports\":{}}", DS_ERR_RANGE, DS_CODE_VMM_PORT_REFUSED },
    { "protocol sctp", PORT("{\"protocol\":\"sctp\",\"host_port\":1,\"vm_port\":1}"),
      DS_ERR_ARG, DS_CODE_VMM_PORT_REFUSED },
    { "port 65536", PORT("{\"protocol\":\"tcp\",\"host_port\":65536,\"vm_port\":1}"),
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "vm port 0", PORT("{\"protocol\":\"tcp\",\"host_port\":1,\"vm_port\":0}"),
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "every address", PORT("{\"protocol\":\"tcp\",\"host_port\":1,\"vm_port\":1,\"host_address\":\"0.0.0.0\"}"),
      DS_ERR_ARG, DS_CODE_VMM_PORT_REFUSED },
    { "an option instead of an address",
      PORT("{\"protocol\":\"tcp\",\"host_port\":1,\"vm_port\":1,\"host_address\":\"127.0.0.1,restrict=off\"}"),
      DS_ERR_ARG, DS_CODE_VMM_PORT_REFUSED },
    { "address is a number", PORT("{\"protocol\":\"tcp\",\"host_port\":1,\"vm_port\":1,\"host_address\":5}"),
      DS_ERR_ARG, DS_CODE_VMM_PORT_REFUSED },
    { "one port twice", PORT("{\"protocol\":\"tcp\",\"host_port\":1,\"vm_port\":1},"
                             "{\"protocol\":\"tcp\",\"host_port\":1,\"vm_port\":2}"),
      DS_ERR_ARG, DS_CODE_VMM_PORT_TAKEN },
    { "plain http", "{" BASE ",\"kms_urls\":[\"http://10.0.2.101:8001\"]}",
      DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "five KMS", "{" BASE ",\"kms_urls\":[\"https://a\",\"https://a\",\"https://a\",\"https://a\",\"https://a\"]}",
      DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "URL with a quote", "{" BASE ",\"gateway_urls\":[\"https://a'b\"]}",
      DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "short app id", "{" BASE ",\"app_id\":\"abcd\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "app id of other letters", "{" BASE ",\"app_id\":\"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\"}",
      DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "unknown machine", "{" BASE ",\"machine\":\"sgx\"}", DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "machine is a number", "{" BASE ",\"machine\":1}", DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "no_tee is text", "{" BASE ",\"no_tee\":\"yes\"}", DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE },
    { "hugepages", "{" BASE ",\"hugepages\":true}", DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED },
    { "NUMA pinning", "{" BASE ",\"pin_numa\":true}", DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED },
    { "a GPU", "{" BASE ",\"gpus\":{\"gpus\":[{\"slot\":\"01:00.0\"}]}}",
      DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED },
    { "all GPUs", "{" BASE ",\"gpus\":{\"attach_mode\":\"all\"}}",
      DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED },
    { "a bridge", "{" BASE ",\"networking\":{\"mode\":\"bridge\"}}",
      DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED },
    { "custom network in the list", "{" BASE ",\"networks\":[{\"mode\":\"custom\"}]}",
      DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED },
};

static const struct row updates[] = {
    { "nothing", "{}", DS_OK, 0 },
    { "more memory", "{\"memory\":4096}", DS_OK, 0 },
    { "a larger disk", "{\"disk_size\":11}", DS_OK, 0 },
    { "a smaller disk", "{\"disk_size\":9}", DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "no vcpus", "{\"vcpu\":0}", DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE },
    { "an image outside", "{\"image\":\"/etc\"}", DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID },
    { "ports without their flag stay", "{\"ports\":[{}]}", DS_OK, 0 },
    { "ports with it are checked", "{\"update_ports\":true,\"ports\":[{}]}",
      DS_ERR_ARG, DS_CODE_VMM_PORT_REFUSED },
};

#define ID "\"id\":\"00112233-4455-6677-8899-aabbccddeeff\""
#define APP ",\"app_id\":\"00112233445566778899aabbccddeeff00112233\""
#define MANIFEST ID APP ",\"machine\":\"simulated\"," BASE

static const struct row manifests[] = {
    { "the least", "{" MANIFEST "}", DS_OK, 0 },
    { "not JSON", "{", DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN },
    { "empty", "", DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN },
    { "a list", "[]", DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN },
    { "an unknown key", "{" MANIFEST ",\"gpus\":[]}", DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN },
    { "no id", "{" BASE APP "}", DS_ERR_ARG, DS_CODE_VMM_STATE_BROKEN },
    { "an id that is a path", "{\"id\":\"../../../../../../../../../../../../etc\"}",
      DS_ERR_ARG, DS_CODE_VMM_STATE_BROKEN },
    { "no app id", "{" ID ",\"machine\":\"simulated\"," BASE "}", DS_ERR_ARG, DS_CODE_VMM_STATE_BROKEN },
    { "an unknown machine", "{" ID APP ",\"machine\":\"sgx\"," BASE "}",
      DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN },
    { "a volume without a place", "{" MANIFEST ",\"volumes\":[{\"source\":\"hello\"}]}",
      DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN },
    { "port 0", "{" MANIFEST ",\"port_map\":[{\"protocol\":\"tcp\",\"address\":\"127.0.0.1\",\"from\":0,\"to\":1}]}",
      DS_ERR_RANGE, DS_CODE_VMM_STATE_BROKEN },
};
/* clang-format on */

static void expect(const struct row *row, int r, const struct ds_error *e)
{
    if (r != row->err || (r < 0 && e->code != row->code))
        fail_msg("%s: %d %s (%s)", row->claim, r, ds_code_info_get(e->code)->id, e->msg);
}

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(requests); i++) {
        struct ds_error e = { 0 };
        struct vmm_manifest m = { 0 };
        yyjson_doc *doc = yyjson_read(requests[i].json, strlen(requests[i].json), 0);
        assert_non_null(doc);
        int r = vmm_manifest_of_request(&m, yyjson_doc_get_root(doc), vmm_machine_find("simulated"),
                                        &limits, &e);
        yyjson_doc_free(doc);
        expect(&requests[i], r, &e);
        assert_int_equal(m.vcpu, r < 0 ? 0 : 2);
    }
}

static void test_updates(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(updates); i++) {
        struct ds_error e = { 0 };
        struct vmm_manifest m = { .vcpu = 2, .memory_mib = 2048, .disk_gib = 10 };
        bool resources = false;
        yyjson_doc *doc = yyjson_read(updates[i].json, strlen(updates[i].json), 0);
        int r = vmm_manifest_update(&m, &resources, yyjson_doc_get_root(doc), &limits, &e);
        yyjson_doc_free(doc);
        expect(&updates[i], r, &e);
        if (r < 0)
            assert_int_equal(m.vcpu, 2);
    }
}

static void test_manifests(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(manifests); i++) {
        struct ds_error e = { 0 };
        struct vmm_manifest m;
        int r = vmm_manifest_parse(&m, ds_span_str(manifests[i].json), &e);
        expect(&manifests[i], r, &e);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct vmm_manifest m = { .vcpu = 2,
                              .memory_mib = 2048,
                              .disk_gib = 10,
                              .machine = vmm_machine_find("tdx"),
                              .n_ports = 2,
                              .ports = { { false, "127.0.0.1", 8080, 80 },
                                         { true, "127.0.0.2", 53, 53 } },
                              .kms_urls = { .url = { "https://10.0.2.101:8001" }, .n = 1 },
                              .volumes = { "/v/a", "/v/b" },
                              .n_volumes = 2,
                              .internet = true,
                              .created_at_ms = 1790000000123 };
    assert_true(ds_str_copy(m.id, sizeof m.id, "00112233-4455-6677-8899-aabbccddeeff"));
    assert_true(ds_str_copy(m.name, sizeof m.name, "hello (1)"));
    assert_true(ds_str_copy(m.app_id, sizeof m.app_id, "00112233445566778899aabbccddeeff00112233"));
    assert_true(ds_str_copy(m.image, sizeof m.image, "dstack-0.1"));
    struct ds_error e = { 0 };
    struct vmm_manifest back;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    assert_int_equal(vmm_manifest_encode(&b, &m, &e), DS_OK);
    if (vmm_manifest_parse(&back, ds_buf_span(&b), &e) < 0)
        fail_msg("%s", e.msg);
    DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
    assert_int_equal(vmm_manifest_encode(&again, &back, &e), DS_OK);
    assert_string_equal(b.p, again.p);
}

static void test_ids(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeefff",
        "00112233-4455-6677-8899-AABBCCDDEEFF",
        "0011223344-55-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899_aabbccddeeff",
    };
    assert_true(vmm_id_is_valid(ds_span_str("00112233-4455-6677-8899-aabbccddeeff")));
    for (size_t i = 0; i < DS_LEN(bad); i++)
        assert_false(vmm_id_is_valid(ds_span_str(bad[i])));
}

static void test_port_conflicts(void **state)
{
    (void)state;
    static const struct vmm_port a = { false, "127.0.0.1", 80, 1 };
    static const struct {
        struct vmm_port b;
        bool conflict;
    } table[] = {
        { { false, "127.0.0.1", 80, 2 }, true },  { { false, "0.0.0.0", 80, 2 }, true },
        { { false, "127.0.0.2", 80, 1 }, false }, { { true, "127.0.0.1", 80, 1 }, false },
        { { false, "127.0.0.1", 81, 1 }, false },
    };
    for (size_t i = 0; i < DS_LEN(table); i++) {
        assert_int_equal(vmm_port_conflicts(&a, &table[i].b), table[i].conflict);
        assert_int_equal(vmm_port_conflicts(&table[i].b, &a), table[i].conflict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),  cmocka_unit_test(test_updates),
        cmocka_unit_test(test_manifests), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_ids),       cmocka_unit_test(test_port_conflicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
