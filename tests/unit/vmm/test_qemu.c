/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU command lines against golden files: one argument a line. With --write
 * after the directory the files are made anew; a commit that does so says why.
 */
#include "vmm/qemu.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"

static const char *golden_dir;
static bool write_golden;

static const struct vmm_port two_ports[] = {
    { .udp = false, .address = "127.0.0.1", .host_port = 18080, .vm_port = 80 },
    { .udp = true, .address = "127.0.0.1", .host_port = 18053, .vm_port = 53 },
};

static struct vmm_qemu_spec spec_of(const char *machine)
{
    struct vmm_qemu_spec s = {
        .machine = vmm_machine_find(machine),
        .kvm = true,
        .qemu = "qemu-system-x86_64",
        .firmware = "/images/i/ovmf.fd",
        .kernel = "/images/i/bzImage",
        .initrd = "/images/i/initramfs.cpio.gz",
        .cmdline = "console=ttyS0 panic=1 dstack.rootfs_hash=00ff",
        .rootfs = "/images/i/rootfs.img",
        .vcpus = 2,
        .memory_mib = 3072,
        .mac = { "96:b1:d8:b9:08:e6", "c6:74:2c:65:14:b9" },
        .relay = "/usr/libexec/dstack/dstack-relay",
        .targets = { "unix:/var/lib/dstack/kms/kms.sock" },
        .n_targets = 1,
        .ports = two_ports,
        .n_ports = 1,
        .qgs_port = 4050,
        .cbitpos = 51,
        .reduced_phys_bits = 1,
    };
    s.mrconfigid48[0] = 3;
    memset(s.mrconfigid48 + 1, 0xc5, 32);
    memset(s.host_data32, 0xc5, 32);
    return s;
}

static void check(const struct vmm_qemu_spec *spec, const char *name)
{
    struct ds_error e = { 0 };
    struct vmm_args a = { 0 };
    if (vmm_qemu_args(&a, spec, &e) < 0)
        fail_msg("%s: %s", name, e.msg);
    DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf want = { 0 };
    for (size_t i = 0; i < a.n; i++)
        ds_buf_printf(&got, "%s\n", a.v[i]);
    assert_null(a.v[a.n]);
    vmm_args_done(&a);
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/%s.args", golden_dir, name);
    if (write_golden) {
        assert_int_equal(ds_file_save(path, ds_buf_span(&got), 0644, "golden", &e), DS_OK);
        return;
    }
    if (ds_file_load(&want, path, 1 << 20, &e) < 0)
        fail_msg("%s", e.msg);
    assert_string_equal(got.p, want.p);
}

static void test_golden_lines(void **state)
{
    (void)state;
    struct vmm_qemu_spec s = spec_of("simulated");
    check(&s, "simulated-kvm");
    s.kvm = false;
    check(&s, "simulated-tcg");
    s.firmware = "/proc/self/fd/10";
    s.kernel = "/proc/self/fd/11";
    s.initrd = "/proc/self/fd/12";
    s.internet = true;
    s.n_ports = 2;
    s.targets[s.n_targets++] = "tcp:192.0.2.7:8001";
    s.target_ports[s.n_targets] = 5000;
    s.targets[s.n_targets++] = "tcp:192.0.2.8:443";
    s.volumes[s.n_volumes++] = "/volumes/hello.tar";
    s.volumes[s.n_volumes++] = "/volumes/a,readonly=off";
    check(&s, "simulated-all");
    s = spec_of("tdx");
    check(&s, "tdx");
    s = spec_of("snp");
    s.internet = true;
    s.volumes[s.n_volumes++] = "/volumes/hello.tar";
    check(&s, "snp");
}

struct refusal {
    const char *claim, *machine;
    bool kvm;
    size_t n_ports, n_targets, n_volumes;
    const char *rootfs, *relay, *target, *volume;
    int err;
};

static const struct refusal refusals[] = {
    { "null has no QEMU", "null", true, 0, 0, 0, "/r", "/x", "t", "v", DS_ERR_UNSUPPORTED },
    { "TDX needs KVM", "tdx", false, 0, 0, 0, "/r", "/x", "t", "v", DS_ERR_UNSUPPORTED },
    { "SNP needs KVM", "snp", false, 0, 0, 0, "/r", "/x", "t", "v", DS_ERR_UNSUPPORTED },
    { "too many ports", "tdx", true, 65, 0, 0, "/r", "/x", "t", "v", DS_ERR_RANGE },
    { "too many relays", "tdx", true, 0, 7, 0, "/r", "/x", "t", "v", DS_ERR_RANGE },
    { "too many volumes", "tdx", true, 0, 0, 17, "/r", "/x", "t", "v", DS_ERR_RANGE },
    { "quote in the root's path", "tdx", true, 0, 0, 0, "/r'", "/x", "t", "v", DS_ERR_ARG },
    { "newline in a volume", "tdx", true, 0, 0, 1, "/r", "/x", "t", "a\nb", DS_ERR_ARG },
    { "quote in a target", "tdx", true, 0, 1, 0, "/r", "/x", "unix:/a'b", "v", DS_ERR_ARG },
    { "quote in the relay", "tdx", true, 0, 1, 0, "/r", "/x'y", "t", "v", DS_ERR_ARG },
    { "no relay", "tdx", true, 0, 1, 0, "/r", NULL, "t", "v", DS_ERR_ARG },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(refusals); i++) {
        const struct refusal *row = &refusals[i];
        struct vmm_qemu_spec s = spec_of(row->machine);
        struct vmm_args a = { 0 };
        struct ds_error e = { 0 };
        s.kvm = row->kvm;
        s.n_ports = row->n_ports;
        s.n_targets = row->n_targets;
        s.n_volumes = row->n_volumes;
        s.rootfs = row->rootfs;
        s.relay = row->relay;
        s.targets[0] = row->target;
        s.volumes[0] = row->volume;
        if (vmm_qemu_args(&a, &s, &e) != row->err)
            fail_msg("%s", row->claim);
        assert_null(a.v);
    }
}

static void test_mac(void **state)
{
    (void)state;
    char mac[18];
    static const uint8_t hash32[32] = { 0x95, 0xb1, 0xd8, 0xb9, 0x08, 0xe6, 0xff };
    vmm_qemu_mac(mac, hash32);
    assert_string_equal(mac, "96:b1:d8:b9:08:e6");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_lines),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_mac),
    };
    golden_dir = argc > 1 ? argv[1] : ".";
    write_golden = argc > 2 && strcmp(argv[2], "--write") == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
