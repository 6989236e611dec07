/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest and its verifiers are told of the machine, in dstack's form.
 */
#include "vmm/sysconfig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/str.h"

struct row {
    const char *claim;
    const char *machine;
    bool internet, wants_kms;
    size_t n_volumes, n_kms;
    const char *want; /* stands in the text */
    const char * not; /* does not */
    size_t n_registries;
};

/* clang-format off */
static const struct row vm_configs[] = {
    { "memory is in bytes", "simulated", false, true, 0, 0, "\"memory_size\":3221225472,", NULL, 0 },
    { "one NIC is not named", "simulated", false, true, 0, 0, "\"cpu_count\":2,", "num_nics", 0 },
    { "two NICs are", "simulated", true, true, 0, 0, "\"num_nics\":2", NULL, 0 },
    { "no volume is not named", "simulated", false, true, 0, 0, "\"image\":\"i\"", "num_verity", 0 },
    { "volumes are", "simulated", false, true, 3, 0, "\"num_verity_volumes\":3", NULL, 0 },
    { "TDX's measurement", "tdx", false, true, 0, 0, "\"tdx_measurement\":{\"a\":1}", "sev_snp", 0 },
    { "SNP's measurement", "snp", false, true, 0, 0, "\"sev_snp_measurement\":{\"a\":1}", "tdx_meas", 0 },
    { "the document as text", "tdx", false, true, 0, 0, "\"mr_config\":\"{\\\"version\\\":3}\"", NULL, 0 },
};

static const struct row sys_configs[] = {
    { "the local KMS", "simulated", false, true, 0, 0, "\"kms_urls\":[\"https://10.0.2.101:8001\"]", NULL, 0 },
    { "two of the app's", "simulated", false, true, 0, 2,
      "\"kms_urls\":[\"https://10.0.2.101:8001\",\"https://10.0.2.102:8001\"]", "kms.example", 0 },
    { "none is wanted", "simulated", false, false, 0, 2, "\"kms_urls\":[]", "10.0.2.101", 0 },
    { "one address", "simulated", false, true, 0, 0,
      "\"nics\":[{\"mac\":\"m0\",\"address\":\"10.0.2.15/24\",\"gateway\":\"10.0.2.2\"}]", "10.0.3", 0 },
    { "a way out", "simulated", true, true, 0, 0,
      "{\"mac\":\"m1\",\"address\":\"10.0.3.15/24\",\"gateway\":\"10.0.3.2\",\"default\":true,\"dns\":\"10.0.3.3\"}", NULL, 0 },
    { "no registry", "simulated", false, true, 0, 0, "\"registries\":[]", NULL, 0 },
    { "a registry behind the KMS", "simulated", false, true, 0, 2,
      "\"registries\":[{\"host\":\"r:5000\",\"address\":\"10.0.2.103\"}]", "127.0.0.1", 1 },
    { "vm_config is a text", "simulated", false, true, 0, 0, "\"vm_config\":\"{\\\"spec_version\\\":1,", NULL, 0 },
};
/* clang-format on */

typedef int encode_fn(struct ds_buf *ret, const struct vmm_sys_config *c, struct ds_error *e);

static void check(const struct row *row, encode_fn *encode)
{
    struct ds_error e = { 0 };
    static struct vmm_manifest m;
    static const struct vmm_image image = { .digest = "00ff", .ovmf_variant = "pre202505" };
    m = (struct vmm_manifest){
        .machine = vmm_machine_find(row->machine),
        .image = "i",
        .vcpu = 2,
        .memory_mib = 3072,
        .internet = row->internet,
        .n_volumes = row->n_volumes,
        .registries = { { .host = "r:5000", .target = "127.0.0.1:5000", .port = 5000 } },
        .n_registries = row->n_registries,
        .kms_urls = { .url = { "https://kms.example", "https://b.example" }, .n = row->n_kms },
    };
    const struct vmm_sys_config c = {
        .m = &m,
        .image = &image,
        .mac = { "m0", "m1" },
        .qemu_version = "11.1.3",
        .mr_config = DS_SPAN_LIT("{\"version\":3}"),
        .measurement = DS_SPAN_LIT("{\"a\":1}"),
        .wants_kms = row->wants_kms,
    };
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    assert_int_equal(encode(&b, &c, &e), DS_OK);
    if (strstr(b.p, row->want) == NULL || (row->not!= NULL && strstr(b.p, row->not) != NULL))
        fail_msg("%s: %s", row->claim, b.p);
}

static void test_vm_config(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(vm_configs); i++)
        check(&vm_configs[i], vmm_vm_config_encode);
}

static void test_sys_config(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(sys_configs); i++)
        check(&sys_configs[i], vmm_sys_config_encode);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vm_config),
        cmocka_unit_test(test_sys_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
