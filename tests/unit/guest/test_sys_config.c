/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .sys-config.json: what is taken, and what is refused with the field named.
 */
#include "guest/sys_config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char good[] =
    "{\"kms_urls\":[\"https://10.0.2.101:8001\"],\"host_api_url\":\"x\",\"vm_config\":\"{\\\"a\\\":1}\","
    "\"mr_config\":\"doc\",\"network\":{\"nics\":[{\"mac\":\"52:54:00:12:34:56\","
    "\"address\":\"10.0.2.15/24\",\"gateway\":\"10.0.2.2\"},{\"mac\":\"52:54:00:12:34:57\","
    "\"address\":\"10.0.3.15/24\",\"gateway\":\"10.0.3.2\",\"default\":true,\"dns\":\"10.0.3.3\"}]}}";

static void test_good(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(guest_sys_config_done) struct guest_sys_config c = { 0 };
    assert_int_equal(guest_sys_config_parse(&c, ds_span_str(good), &e), DS_OK);
    assert_int_equal(c.n_kms_urls, 1);
    assert_string_equal(c.kms_urls[0], "https://10.0.2.101:8001");
    assert_string_equal(c.vm_config, "{\"a\":1}");
    assert_string_equal(c.mr_config, "doc");
    assert_int_equal(c.n_nics, 2);
    const uint8_t mac6[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
    const uint8_t address4[4] = { 10, 0, 2, 15 }, dns4[4] = { 10, 0, 3, 3 };
    assert_memory_equal(c.nics[0].mac6, mac6, 6);
    assert_memory_equal(c.nics[0].address4, address4, 4);
    assert_int_equal(c.nics[0].prefix_len, 24);
    assert_false(c.nics[0].is_default);
    assert_true(c.nics[1].is_default);
    assert_memory_equal(c.nics[1].dns4, dns4, 4);
}

#define NIC(mac, address, gateway)                                        \
    "{\"network\":{\"nics\":[{\"mac\":\"" mac "\",\"address\":\"" address \
    "\",\"gateway\":\"" gateway "\"}]}}"
#define MAC "52:54:00:12:34:56"

struct row {
    const char *name, *json;
    int err;
};

static const struct row rows[] = {
    { "an empty object", "{}", DS_OK },
    { "null texts", "{\"vm_config\":null,\"mr_config\":null}", DS_OK },
    { "a registry", "{\"registries\":[{\"host\":\"a:1\",\"address\":\"10.0.2.102\"}]}", DS_OK },
    { "a registry elsewhere", "{\"registries\":[{\"host\":\"a:1\",\"address\":\"x\"}]}",
      DS_ERR_FORMAT },
    { "a registry without host", "{\"registries\":[{\"address\":\"10.0.2.102\"}]}", DS_ERR_FORMAT },
    { "registries no array", "{\"registries\":{}}", DS_ERR_FORMAT },
    { "three registries", "{\"registries\":[{},{},{}]}", DS_ERR_FORMAT },
    { "nothing", "", DS_ERR_TRUNCATED },
    { "an array", "[]", DS_ERR_FORMAT },
    { "a key twice", "{\"vm_config\":\"a\",\"vm_config\":\"b\"}", DS_ERR_FORMAT },
    { "bytes behind", "{} x", DS_ERR_TRAILING },
    { "urls no array", "{\"kms_urls\":\"https://x\"}", DS_ERR_FORMAT },
    { "five urls", "{\"kms_urls\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", DS_ERR_FORMAT },
    { "a number as url", "{\"kms_urls\":[1]}", DS_ERR_FORMAT },
    { "an escaped url", "{\"kms_urls\":[\"https:\\/\\/x\"]}", DS_ERR_FORMAT },
    { "vm_config an object", "{\"vm_config\":{}}", DS_ERR_FORMAT },
    { "a NUL inside", "{\"vm_config\":\"a\\u0000b\"}", DS_ERR_FORMAT },
    { "nics no array", "{\"network\":{\"nics\":{}}}", DS_ERR_FORMAT },
    { "five nics", "{\"network\":{\"nics\":[{},{},{},{},{}]}}", DS_ERR_FORMAT },
    { "a nic without mac", "{\"network\":{\"nics\":[{}]}}", DS_ERR_FORMAT },
    { "a good nic", NIC(MAC, "10.0.2.15/24", "10.0.2.2"), DS_OK },
    { "a short mac", NIC("52:54:00:12:34", "10.0.2.15/24", "10.0.2.2"), DS_ERR_FORMAT },
    { "a mac with dashes", NIC("52-54-00-12-34-56", "10.0.2.15/24", "10.0.2.2"), DS_ERR_FORMAT },
    { "no prefix length", NIC(MAC, "10.0.2.15", "10.0.2.2"), DS_ERR_FORMAT },
    { "a prefix of 33", NIC(MAC, "10.0.2.15/33", "10.0.2.2"), DS_ERR_FORMAT },
    { "an address of three", NIC(MAC, "10.0.2/24", "10.0.2.2"), DS_ERR_FORMAT },
    { "a name as gateway", NIC(MAC, "10.0.2.15/24", "gateway"), DS_ERR_FORMAT },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(guest_sys_config_done) struct guest_sys_config c = { 0 };
        int r = guest_sys_config_parse(&c, ds_span_str(rows[i].json), &e);
        if (r != rows[i].err)
            print_error("%s: %d %s\n", rows[i].name, r, e.msg);
        assert_int_equal(r, rows[i].err);
        if (r < 0)
            assert_null(c.vm_config); /* outputs are untouched on failure */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests_name("guest/sys_config", tests, NULL, NULL);
}
