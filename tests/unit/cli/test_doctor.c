/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor over machines that are told to it: each row changes one fact of a
 * machine on which all is well, and names the one check that must notice.
 */
#include "cli/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/scope.h"

#define NOW_S 1795000000

/* A TDX host on which nothing is missing. */
static struct doctor_facts tdx_host(void)
{
    return (struct doctor_facts){
        .qemu_major = 11,
        .qemu_minor = 1,
        .has_qemu_img = true,
        .has_compose = true,
        .has_passt = true,
        .has_relay = true,
        .has_simtee = true,
        .cpu_vendor = "GenuineIntel",
        .cpu_has_virt = true,
        .cpu_has_tdx = true,
        .kernel_major = 7,
        .kernel_minor = 3,
        .kernel_cmdline = "root=/dev/vda kvm_intel.tdx=1 nohibernate\n",
        .kvm = DOCTOR_OPENS,
        .sgx_enclave = DOCTOR_OPENS,
        .sgx_provision = DOCTOR_OPENS,
        .kvm_vm_types = 1u << 0 | 1u << 5,
        .kvm_tdx = 'Y',
        .qgs_answers = true,
        .n_images = 1,
        .has_state = true,
        .disk_free_mib = 100000,
        .memory_free_mib = 64000,
        .now_s = NOW_S,
        .is_clock_synced = true,
        .machine = "tdx",
        .kms_kind = "hardware",
        .ports = { { .number = 8080, .is_free = true } },
        .n_ports = 1,
    };
}

static struct doctor_facts snp_host(void)
{
    struct doctor_facts f = tdx_host();
    (void)snprintf(f.cpu_vendor, sizeof f.cpu_vendor, "AuthenticAMD");
    (void)snprintf(f.machine, sizeof f.machine, "snp");
    (void)snprintf(f.kernel_cmdline, sizeof f.kernel_cmdline, "root=/dev/vda\n");
    f.cpu_has_tdx = false;
    f.cpu_has_snp = true;
    f.kvm_tdx = 0;
    f.kvm_snp = 'Y';
    f.kvm_vm_types = 1u << 0 | 1u << 4;
    f.sgx_enclave = DOCTOR_ABSENT;
    f.sgx_provision = DOCTOR_ABSENT;
    f.qgs_answers = false;
    f.sev = DOCTOR_OPENS;
    f.sev_major = 1;
    f.sev_minor = 55;
    f.has_sev_firmware = true;
    return f;
}

static struct doctor_facts laptop(void)
{
    struct doctor_facts f = tdx_host();
    f.cpu_has_tdx = false;
    f.kvm_tdx = 0;
    (void)snprintf(f.machine, sizeof f.machine, "simulated");
    (void)snprintf(f.kms_kind, sizeof f.kms_kind, "simulated");
    return f;
}

static size_t index_of(const char *name)
{
    for (size_t i = 0; doctor_check_name(i) != NULL; i++)
        if (strcmp(doctor_check_name(i), name) == 0)
            return i;
    fail_msg("there is no check '%s'", name);
    return 0;
}

static size_t count(const struct doctor_facts *f, enum doctor_level level)
{
    struct doctor_finding found;
    size_t n = 0;
    for (size_t i = 0; doctor_check_name(i) != NULL; i++) {
        doctor_check(&found, i, f);
        n += found.level == level;
    }
    return n;
}

static void nothing_is_wrong_where_all_is_there(void **state)
{
    const struct doctor_facts tdx = tdx_host(), snp = snp_host(), dev = laptop();
    (void)state;
    assert_int_equal(count(&tdx, DOCTOR_WARN) + count(&tdx, DOCTOR_BAD), 0);
    assert_int_equal(count(&snp, DOCTOR_WARN) + count(&snp, DOCTOR_BAD), 0);
    assert_int_equal(count(&tdx, DOCTOR_SKIP), 6); /* the rows of SNP */
    assert_int_equal(count(&snp, DOCTOR_SKIP), 5); /* the rows of TDX */
    /* A laptop: it protects nothing, and has no TDX; the rest of that table is left out. */
    assert_int_equal(count(&dev, DOCTOR_WARN), 2);
    assert_int_equal(count(&dev, DOCTOR_BAD), 0);
}

typedef void spoil_fn(struct doctor_facts *f);

#define SPOIL(name, change) \
    static void name(struct doctor_facts *f) { change; }

SPOIL(no_qemu, f->qemu_major = f->qemu_minor = 0)
SPOIL(old_qemu, f->qemu_major = 10; f->qemu_minor = 0)
SPOIL(no_qemu_img, f->has_qemu_img = false)
SPOIL(no_compose, f->has_compose = false)
SPOIL(no_relay, f->has_relay = false)
SPOIL(no_simtee, f->has_simtee = false)
SPOIL(no_passt, f->has_passt = false)
SPOIL(no_image, f->n_images = 0)
SPOIL(no_state, f->has_state = false)
SPOIL(full_disk, f->disk_free_mib = 5119)
SPOIL(little_memory, f->memory_free_mib = 4095)
SPOIL(old_clock, f->now_s = 1767225600)
SPOIL(free_clock, f->is_clock_synced = false)
SPOIL(vain_kvm, f->kvm_tried = DOCTOR_DID_NOT_RUN)
SPOIL(no_kvm, f->kvm = DOCTOR_ABSENT)
SPOIL(shut_kvm, f->kvm = DOCTOR_DENIED)
SPOIL(no_virt, f->kvm = DOCTOR_ABSENT; f->cpu_has_virt = false)
SPOIL(no_vmm, f->machine[0] = '\0')
SPOIL(no_kms, f->kms_kind[0] = '\0')
SPOIL(other_kms, (void)snprintf(f->kms_kind, sizeof f->kms_kind, "simulated"))
SPOIL(hello_port, f->ports[0].is_free = false)
SPOIL(vm_port, f->ports[0].is_free = false; (void)snprintf(f->ports[0].vm, 64, "web"))
SPOIL(no_tdx, f->cpu_has_tdx = false)
SPOIL(old_kernel, f->kernel_major = 6; f->kernel_minor = 15)
SPOIL(older_kernel, f->kernel_major = 6; f->kernel_minor = 10)
SPOIL(tdx_not_asked, f->kvm_tdx = 'N'; f->kernel_cmdline[0] = '\0')
SPOIL(tdx_refused, f->kvm_tdx = 'N')
SPOIL(tdx_half_asked, f->kvm_tdx = 'N';
      (void)snprintf(f->kernel_cmdline, 64, "kvm_intel.tdx=10 xkvm_intel.tdx=1"))
SPOIL(no_tdx_type, f->kvm_vm_types = 1u << 0 | 1u << 4)
SPOIL(no_sgx, f->sgx_enclave = DOCTOR_ABSENT)
SPOIL(no_provision, f->sgx_provision = DOCTOR_ABSENT)
SPOIL(no_qgs, f->qgs_answers = false)
SPOIL(unix_qgs, f->qgs_answers = false; f->has_qgs_socket = true)
SPOIL(no_snp, f->cpu_has_snp = false)
SPOIL(snp_off, f->kvm_snp = 'N')
SPOIL(iommu_off, f->kvm_snp = 'N'; (void)snprintf(f->kernel_cmdline, 64, "quiet iommu=pt"))
SPOIL(no_snp_type, f->kvm_vm_types = 1u << 0 | 1u << 5)
SPOIL(no_sev, f->sev = DOCTOR_ABSENT)
SPOIL(shut_sev, f->sev = DOCTOR_DENIED)
SPOIL(old_sev, f->sev_minor = 50)
SPOIL(mute_sev, f->sev_major = f->sev_minor = 0)
SPOIL(qemu_says_no, (void)snprintf(f->sev_refusal, sizeof f->sev_refusal, "KVM not enabled"))
SPOIL(no_bios_sev, f->has_sev_firmware = false)

/* fix: words of it, since a check may have several. */
static const struct row {
    struct doctor_facts (*host)(void);
    spoil_fn *spoil;
    const char *check;
    enum doctor_level level;
    const char *text, *fix;
} rows[] = {
    { tdx_host, no_qemu, "qemu", DOCTOR_BAD, "not installed", "trixie-backports" },
    { tdx_host, old_qemu, "qemu", DOCTOR_BAD, "10.0", "10.1 or newer" },
    { tdx_host, no_qemu_img, "tools", DOCTOR_BAD, "qemu-img", "qemu-utils" },
    { tdx_host, no_compose, "tools", DOCTOR_BAD, "docker-compose", "docker-compose" },
    { tdx_host, no_relay, "tools", DOCTOR_BAD, "dstack-relay", "./dev build" },
    { tdx_host, no_simtee, "tools", DOCTOR_BAD, "dstack-simtee", "./dev build" },
    { tdx_host, no_passt, "tools", DOCTOR_WARN, "passt", "install passt" },
    { tdx_host, no_image, "images", DOCTOR_BAD, "no guest image", "./dev image" },
    { tdx_host, no_state, "disk", DOCTOR_WARN, "not there yet", "dstack up" },
    { tdx_host, full_disk, "disk", DOCTOR_BAD, "5119 MiB", "free some space" },
    { tdx_host, little_memory, "memory", DOCTOR_WARN, "4095 MiB", "--memory" },
    { tdx_host, old_clock, "clock", DOCTOR_BAD, "2026-01-01", "set the clock" },
    { tdx_host, free_clock, "clock", DOCTOR_WARN, "nothing keeps it", "chrony" },
    { tdx_host, vain_kvm, "kvm", DOCTOR_WARN, "no kernel ran", "accel.json" },
    { tdx_host, no_kvm, "kvm", DOCTOR_WARN, "no /dev/kvm", "modprobe" },
    { tdx_host, shut_kvm, "kvm", DOCTOR_WARN, "may not open", "usermod" },
    { tdx_host, no_virt, "kvm", DOCTOR_WARN, "TCG", "BIOS" },
    { laptop, no_vmm, "machine", DOCTOR_WARN, "does not run", "dstack up" },
    { tdx_host, no_kms, "kms", DOCTOR_WARN, "does not run", "dstack up" },
    { tdx_host, other_kms, "kms", DOCTOR_BAD, "'simulated'", "cli.kms_kind" },
    { tdx_host, hello_port, "ports", DOCTOR_WARN, "8080", "publish elsewhere" },
    { tdx_host, vm_port, "ports", DOCTOR_WARN, "VM web", "ss -ltnp" },
    { tdx_host, no_tdx, "tdx", DOCTOR_BAD, "offer no TDX", "BIOS" },
    { tdx_host, old_kernel, "tdx-kernel", DOCTOR_BAD, "6.16", "backports" },
    { tdx_host, tdx_not_asked, "tdx-kernel", DOCTOR_BAD, "TDX off", "kvm_intel.tdx=1" },
    { tdx_host, tdx_half_asked, "tdx-kernel", DOCTOR_BAD, "TDX off", "add 'kvm_intel.tdx=1" },
    { tdx_host, tdx_refused, "tdx-kernel", DOCTOR_BAD, "is set, yet", "dmesg" },
    { tdx_host, no_tdx_type, "tdx-kvm", DOCTOR_BAD, "type TDX", "dmesg" },
    { tdx_host, no_sgx, "tdx-sgx", DOCTOR_BAD, "sgx_enclave", "SGX in the BIOS" },
    { tdx_host, no_provision, "tdx-sgx", DOCTOR_BAD, "sgx_provision", "SGX in the BIOS" },
    { tdx_host, no_qgs, "tdx-qgs", DOCTOR_BAD, "no quote generation", "tdx-qgs" },
    { tdx_host, unix_qgs, "tdx-qgs", DOCTOR_BAD, "unix socket only", "port = 4050" },
    { snp_host, no_snp, "snp", DOCTOR_BAD, "offer no SEV-SNP", "BIOS" },
    { snp_host, older_kernel, "snp-kernel", DOCTOR_BAD, "6.11", "backports" },
    { snp_host, snp_off, "snp-kernel", DOCTOR_BAD, "SEV-SNP off", "sev_snp=1" },
    { snp_host, iommu_off, "snp-kernel", DOCTOR_BAD, "IOMMU", "iommu=pt" },
    { snp_host, no_snp_type, "snp-kvm", DOCTOR_BAD, "type SNP", "dmesg" },
    { snp_host, no_sev, "snp-firmware", DOCTOR_BAD, "no /dev/sev", "ccp" },
    { snp_host, shut_sev, "snp-firmware", DOCTOR_BAD, "may not open", "chgrp" },
    { snp_host, old_sev, "snp-firmware", DOCTOR_BAD, "1.50", "1.51" },
    { snp_host, mute_sev, "snp-firmware", DOCTOR_BAD, "0.0", "BIOS" },
    { snp_host, qemu_says_no, "snp-qemu", DOCTOR_BAD, "KVM not enabled", "kvm_amd" },
    { snp_host, no_bios_sev, "snp-image", DOCTOR_BAD, "bios-sev", "ovmf-amdsev" },
};

static void each_lack_is_found_with_its_fix(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct doctor_facts f = row->host();
        struct doctor_finding found;
        row->spoil(&f);
        doctor_check(&found, index_of(row->check), &f);
        if (found.level != row->level || strstr(found.text, row->text) == NULL ||
            found.fix == NULL || strstr(found.fix, row->fix) == NULL)
            fail_msg("row %zu, %s: level %d, '%s', fix '%s'", i, row->check, found.level,
                     found.text, found.fix != NULL ? found.fix : "none");
    }
}

/* On a machine whose VMs are of another kind, what a TEE lacks is no fault. */
static void a_way_not_taken_is_a_warning(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct doctor_facts f = row->host();
        struct doctor_finding found;
        if (strncmp(row->check, "tdx", 3) != 0 && strncmp(row->check, "snp", 3) != 0)
            continue;
        row->spoil(&f);
        (void)snprintf(f.machine, sizeof f.machine, "simulated");
        doctor_check(&found, index_of(row->check), &f);
        if (found.level != DOCTOR_WARN)
            fail_msg("%s: level %d", row->check, found.level);
    }
}

static void what_processor_lacks_is_said_once(void **state)
{
    struct doctor_facts f = tdx_host();
    struct doctor_finding found;
    (void)state;
    f.cpu_has_tdx = false;
    f.kvm_tdx = 0;
    f.qgs_answers = false;
    f.sgx_enclave = DOCTOR_ABSENT;
    assert_int_equal(count(&f, DOCTOR_BAD), 1);
    f = snp_host();
    f.cpu_has_snp = false;
    f.sev = DOCTOR_ABSENT;
    assert_int_equal(count(&f, DOCTOR_BAD), 1);
    (void)snprintf(f.cpu_vendor, sizeof f.cpu_vendor, "CentaurHauls");
    doctor_check(&found, index_of("snp"), &f);
    assert_int_equal(found.level, DOCTOR_SKIP);
}

static void the_firmware_of_an_image_is_seen(void **state)
{
    char dir[] = "/tmp/ds-doctor-XXXXXX", path[64];
    struct ds_error e;
    struct doctor_facts f;
    struct cli cli = { 0 };
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(cli.images, sizeof cli.images, "%s", dir);
    (void)snprintf(path, sizeof path, "%s/one", dir);
    assert_int_equal(ds_dir_make(path, 0700, &e), DS_OK);
    (void)snprintf(path, sizeof path, "%s/one/metadata.json", dir);
    assert_int_equal(ds_file_save(path, DS_SPAN_LIT("{\"bios\":\"x\"}"), 0600, "test", &e), DS_OK);
    doctor_gather(&f, &cli);
    assert_int_equal(f.n_images, 1);
    assert_false(f.has_sev_firmware);
    assert_int_equal(ds_file_save(path, DS_SPAN_LIT("{\"bios-sev\":\"OVMF.amdsev.fd\"}"), 0600,
                                  "test", &e),
                     DS_OK);
    doctor_gather(&f, &cli);
    assert_true(f.has_sev_firmware);
    assert_int_equal(ds_dir_remove(dir, &e), DS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_wrong_where_all_is_there),
        cmocka_unit_test(each_lack_is_found_with_its_fix),
        cmocka_unit_test(a_way_not_taken_is_a_warning),
        cmocka_unit_test(what_processor_lacks_is_said_once),
        cmocka_unit_test(the_firmware_of_an_image_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
