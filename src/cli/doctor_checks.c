/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of checks over facts. Rows of a TEE speak only on its processors:
 * first whether processor and BIOS offer it, and only then what the system lacks.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/scope.h"
#include "cli/doctor.h"

#define DISK_MIN_MIB   5120
#define MEMORY_MIN_MIB 4096       /* a VM of 3 GiB, and the rest of the system */
#define RELEASE_S      1767225600 /* 2026-01-01: a clock before it is wrong */
#define SNP_API_MAJOR  1
#define SNP_API_MINOR  51 /* what Linux asks of the firmware before it turns SNP on */
/* KVM_CAP_VM_TYPES of linux/kvm.h; Debian 13's header knows neither. */
#define VM_TYPE_SNP (1u << 4)
#define VM_TYPE_TDX (1u << 5)

typedef void check_fn(struct doctor_finding *ret, const struct doctor_facts *f);

struct check {
    const char *name;
    check_fn *run;
};

static void find(struct doctor_finding *ret, enum doctor_level level, const char *text,
                 const char *fix)
{
    ret->level = level;
    ret->fix = level == DOCTOR_GOOD || level == DOCTOR_SKIP ? NULL : fix;
    (void)snprintf(ret->text, sizeof ret->text, "%s", text);
}

/* One text where it is so, another with its fix where it is not. */
static void find_if(struct doctor_finding *ret, bool is_so, const char *good,
                    enum doctor_level otherwise, const char *bad, const char *fix)
{
    find(ret, is_so ? DOCTOR_GOOD : otherwise, is_so ? good : bad, fix);
}

static bool is_at_least(unsigned major, unsigned minor, unsigned want_major, unsigned want_minor)
{
    return major > want_major || (major == want_major && minor >= want_minor);
}

static void check_qemu(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[64];
    (void)snprintf(text, sizeof text, "QEMU is version %u.%u", f->qemu_major, f->qemu_minor);
    find_if(ret, is_at_least(f->qemu_major, f->qemu_minor, 10, 1), text, DOCTOR_BAD,
            f->qemu_major > 0 ? text : "qemu-system-x86_64 is not installed",
            "install qemu-system-x86 of trixie-backports (10.1 or newer)");
}

static void check_tools(struct doctor_finding *ret, const struct doctor_facts *f)
{
    const struct {
        bool has;
        const char *bad, *fix;
    } rows[] = {
        { f->has_qemu_img, "qemu-img is not installed", "install qemu-utils of trixie-backports" },
        { f->has_compose, "docker-compose is not installed",
          "install docker-compose; no container engine is needed here" },
        { f->has_relay, "dstack-relay is not beside dstack: no VM reaches its KMS",
          "build it: './dev build'; or install all programs into one directory" },
        { f->has_simtee, "dstack-simtee is not beside dstack: no simulated VM starts",
          "build it: './dev build'; or install all programs into one directory" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (!rows[i].has) {
            find(ret, DOCTOR_BAD, rows[i].bad, rows[i].fix);
            return;
        }
    find_if(ret, f->has_passt, "qemu-img, docker-compose, passt and our own programs are there",
            DOCTOR_WARN, "passt is not installed: apps with 'internet: true' do not start",
            "install passt");
}

static void check_images(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%zu guest images", f->n_images);
    find_if(ret, f->n_images > 0, text, DOCTOR_BAD, "there is no guest image",
            "make one: './dev image'");
}

static void check_disk(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[96];
    if (!f->has_state) {
        find(ret, DOCTOR_WARN, "the state directory is not there yet",
             "the first 'dstack up' makes it");
        return;
    }
    (void)snprintf(text, sizeof text, "%llu MiB are free for VMs",
                   (unsigned long long)f->disk_free_mib);
    find_if(ret, f->disk_free_mib >= DISK_MIN_MIB, text, DOCTOR_BAD, text,
            "free some space; a VM and its image take about 3 GiB");
}

static void check_memory(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[96];
    (void)snprintf(text, sizeof text, "%llu MiB of memory are available",
                   (unsigned long long)f->memory_free_mib);
    find_if(ret, f->memory_free_mib >= MEMORY_MIN_MIB, text, DOCTOR_WARN, text,
            "end something else, or give VMs less: 'dstack up --memory 2048'");
}

static void check_clock(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char when[21], text[96];
    (void)snprintf(text, sizeof text, "the clock says %s", ds_clock_iso(when, f->now_s));
    if (f->now_s <= RELEASE_S) {
        find(ret, DOCTOR_BAD, text, "set the clock: certificates are judged by it");
        return;
    }
    find_if(ret, f->is_clock_synced, text, DOCTOR_WARN,
            "the clock is right to the year, but nothing keeps it so",
            "run a time service (chrony or systemd-timesyncd): certificates are judged by it");
}

static void check_kvm(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (f->kvm == DOCTOR_OPENS && f->kvm_tried != DOCTOR_UNTRIED) {
        find_if(
            ret, f->kvm_tried == DOCTOR_RAN, "a kernel ran under KVM when dstack-vmm tried it",
            DOCTOR_WARN,
            "/dev/kvm opens, but no kernel ran under it when dstack-vmm tried: VMs are emulated, several times slower",
            "use a machine that is no VM itself, or whose host gives working nested virtualisation; "
            "remove vmm/accel.json in the state directory to try again");
        return;
    }
    if (f->kvm == DOCTOR_OPENS) {
        find(ret, DOCTOR_GOOD, "/dev/kvm opens; dstack-vmm tries it by booting before it is used",
             NULL);
        return;
    }
    if (f->kvm == DOCTOR_DENIED)
        find(ret, DOCTOR_WARN, "/dev/kvm is there, and this user may not open it",
             "join its group: 'usermod -aG kvm $USER', then log in again");
    else if (f->cpu_has_virt)
        find(
            ret, DOCTOR_WARN, "there is no /dev/kvm, though the processor has virtualisation",
            "load it: 'modprobe kvm_intel' or 'modprobe kvm_amd'; see the kernel log if it refuses");
    else
        find(ret, DOCTOR_WARN, "there is no /dev/kvm: VMs boot slowly under TCG",
             "enable virtualisation in the BIOS, or nested virtualisation for this VM");
}

static bool is_real(const char *machine)
{
    return strcmp(machine, "tdx") == 0 || strcmp(machine, "snp") == 0;
}

static void check_machine(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[128];
    if (f->machine[0] == '\0') {
        find(
            ret, DOCTOR_WARN, "dstack-vmm does not run, so the machine kind is not known",
            "start it with 'dstack up'; if it ends, see vmm/dstack-vmm.log in the state directory");
        return;
    }
    (void)snprintf(text, sizeof text, "dstack-vmm runs; its VMs are '%s'%s", f->machine,
                   is_real(f->machine) ? "" : ": for development, without protection");
    find_if(ret, is_real(f->machine), text, DOCTOR_WARN, text,
            "use a machine with Intel TDX or AMD SEV-SNP for real secrets");
}

static void check_kms(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[128];
    if (f->kms_kind[0] == '\0') {
        find(ret, DOCTOR_WARN, "dstack-kms does not run", "'dstack up' starts it");
        return;
    }
    const char *wanted = is_real(f->machine) ? "hardware" : "simulated";
    (void)snprintf(text, sizeof text, "dstack-kms runs; its root is '%s'", f->kms_kind);
    find_if(ret, f->machine[0] == '\0' || strcmp(f->kms_kind, wanted) == 0, text, DOCTOR_BAD, text,
            "it is of another kind than this machine's VMs: 'dstack explain cli.kms_kind'");
}

static void check_ports(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[160];
    for (size_t i = 0; i < f->n_ports; i++) {
        const struct doctor_port *p = &f->ports[i];
        if (p->is_free)
            continue;
        (void)snprintf(text, sizeof text, "port %u of 127.0.0.1 is taken, and %s%s needs it",
                       p->number, p->vm[0] != '\0' ? "VM " : "",
                       p->vm[0] != '\0' ? p->vm : "examples/hello");
        find(
            ret, DOCTOR_WARN, text,
            "end what holds it ('ss -ltnp' says who), or publish elsewhere: 'dstack up -p 9000:8080'");
        return;
    }
    find(ret, DOCTOR_GOOD,
         "the ports that stopped VMs and examples/hello need are free, or their own VM has them",
         NULL);
}

static bool is_intel(const struct doctor_facts *f)
{
    return strcmp(f->cpu_vendor, "GenuineIntel") == 0;
}

static bool is_amd(const struct doctor_facts *f)
{
    return strcmp(f->cpu_vendor, "AuthenticAMD") == 0;
}

/* What a TEE lacks is a fault where VMs are of that kind, and else a way not taken. */
static enum doctor_level lack(const struct doctor_facts *f, const char *machine)
{
    return strcmp(f->machine, machine) == 0 ? DOCTOR_BAD : DOCTOR_WARN;
}

static bool has_parameter(const struct doctor_facts *f, const char *parameter)
{
    size_t len = strlen(parameter);
    for (const char *at = strstr(f->kernel_cmdline, parameter); at != NULL;
         at = strstr(at + 1, parameter)) {
        bool begins = at == f->kernel_cmdline || at[-1] == ' ';
        if (begins && (at[len] == ' ' || at[len] == '\n' || at[len] == '\0'))
            return true;
    }
    return false;
}

static void check_tdx(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (is_intel(f))
        find_if(ret, f->cpu_has_tdx, "the processor offers TDX", lack(f, "tdx"),
                "processor or BIOS offer no TDX",
                "take a 4th generation Xeon or newer; in the BIOS enable TME-MT, TDX, SEAM loader "
                "and SGX, and give TDX keys (TME-MT/TDX key split)");
}

static void check_tdx_kernel(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (!is_intel(f) || !f->cpu_has_tdx)
        return;
    if (!is_at_least(f->kernel_major, f->kernel_minor, 6, 16))
        find(ret, lack(f, "tdx"), "this kernel is older than 6.16 and hosts no TDX VMs",
             "install the kernel of trixie-backports");
    else if (f->kvm_tdx == 'Y')
        find(ret, DOCTOR_GOOD, "kvm_intel has TDX on", NULL);
    else if (has_parameter(f, "kvm_intel.tdx=1"))
        find(ret, lack(f, "tdx"), "kvm_intel.tdx=1 is set, yet kvm_intel has TDX off",
             "see 'dmesg | grep -i -e tdx -e seam': the TDX module may be missing or too old, or "
             "hibernation is on (add nohibernate to the kernel's command line)");
    else
        find(ret, lack(f, "tdx"), "kvm_intel has TDX off",
             "add 'kvm_intel.tdx=1 nohibernate' to the kernel's command line, and boot again");
}

static void check_tdx_kvm(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (is_intel(f) && f->cpu_has_tdx && f->kvm_tdx == 'Y')
        find_if(ret, (f->kvm_vm_types & VM_TYPE_TDX) != 0, "KVM makes VMs of type TDX",
                lack(f, "tdx"), "KVM makes no VMs of type TDX",
                "check that /dev/kvm opens for this user; see 'dmesg | grep -i tdx'");
}

/* Quotes are signed by an SGX enclave, which its device and a provisioning key need. */
static void check_tdx_sgx(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (!is_intel(f) || !f->cpu_has_tdx)
        return;
    if (f->sgx_enclave == DOCTOR_ABSENT || f->sgx_provision == DOCTOR_ABSENT)
        find(
            ret, lack(f, "tdx"), "/dev/sgx_enclave or /dev/sgx_provision is not there",
            "enable SGX in the BIOS, with flexible launch control; quotes are signed by an enclave");
    else
        find(ret, DOCTOR_GOOD, "/dev/sgx_enclave and /dev/sgx_provision are there", NULL);
}

static void check_tdx_qgs(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (!is_intel(f) || !f->cpu_has_tdx)
        return;
    if (f->qgs_answers)
        find(ret, DOCTOR_GOOD, "the quote generation service answers on vsock port 4050", NULL);
    else if (f->has_qgs_socket)
        find(ret, lack(f, "tdx"),
             "the quote generation service listens on its unix socket only, not on vsock 4050",
             "write 'port = 4050' into /etc/qgs.conf and restart qgsd; load vhost_vsock");
    else
        find(ret, lack(f, "tdx"), "no quote generation service runs on this host",
             "install tdx-qgs and its PCCS, register the platform (mpa_manage), 'port = 4050' in "
             "/etc/qgs.conf, and start qgsd");
}

static void check_snp(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (is_amd(f))
        find_if(ret, f->cpu_has_snp, "the processor offers SEV-SNP", lack(f, "snp"),
                "processor or BIOS offer no SEV-SNP",
                "take a 3rd generation EPYC or newer; in the BIOS enable SMEE, SEV-ES ASIDs, SNP "
                "memory (RMP table) coverage and the IOMMU");
}

static void check_snp_kernel(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (!is_amd(f) || !f->cpu_has_snp)
        return;
    if (!is_at_least(f->kernel_major, f->kernel_minor, 6, 11))
        find(ret, lack(f, "snp"), "this kernel is older than 6.11 and hosts no SNP VMs",
             "install the kernel of trixie-backports");
    else if (f->kvm_snp == 'Y')
        find(ret, DOCTOR_GOOD, "kvm_amd has SEV-SNP on", NULL);
    else if (has_parameter(f, "iommu=pt") || has_parameter(f, "amd_iommu=off"))
        find(ret, lack(f, "snp"), "the IOMMU passes through or is off, so kvm_amd has SEV-SNP off",
             "take 'iommu=pt' and 'amd_iommu=off' off the kernel's command line, and boot again");
    else
        find(ret, lack(f, "snp"), "kvm_amd has SEV-SNP off",
             "load kvm_amd with sev=1 sev_es=1 sev_snp=1; see 'dmesg | grep -i -e sev -e rmp'");
}

static void check_snp_kvm(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (is_amd(f) && f->cpu_has_snp && f->kvm_snp == 'Y')
        find_if(ret, (f->kvm_vm_types & VM_TYPE_SNP) != 0, "KVM makes VMs of type SNP",
                lack(f, "snp"), "KVM makes no VMs of type SNP",
                "check that /dev/kvm opens for this user; see 'dmesg | grep -i sev'");
}

static void check_snp_firmware(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[96];
    if (!is_amd(f) || !f->cpu_has_snp)
        return;
    if (f->sev != DOCTOR_OPENS) {
        find(ret, lack(f, "snp"),
             f->sev == DOCTOR_DENIED ? "/dev/sev is there, and this user may not open it"
                                     : "there is no /dev/sev",
             f->sev == DOCTOR_DENIED ? "give dstack-vmm's user the device: 'chgrp kvm /dev/sev'"
                                     : "load the ccp module; see 'dmesg | grep -i ccp'");
        return;
    }
    (void)snprintf(text, sizeof text, "the SEV firmware has API %u.%u", f->sev_major, f->sev_minor);
    find_if(ret, is_at_least(f->sev_major, f->sev_minor, SNP_API_MAJOR, SNP_API_MINOR), text,
            lack(f, "snp"), text,
            "SNP needs 1.51: update the BIOS, or put a newer amd_sev firmware into "
            "/lib/firmware/amd and load ccp again");
}

static void check_snp_qemu(struct doctor_finding *ret, const struct doctor_facts *f)
{
    char text[240];
    if (!is_amd(f) || !f->cpu_has_snp || f->qemu_major == 0)
        return;
    (void)snprintf(text, sizeof text, "QEMU finds no SEV capabilities: %s", f->sev_refusal);
    find_if(ret, f->sev_refusal[0] == '\0', "QEMU finds SEV's capabilities", lack(f, "snp"), text,
            "do what the rows above say; QEMU asks /dev/sev and kvm_amd");
}

static void check_snp_image(struct doctor_finding *ret, const struct doctor_facts *f)
{
    if (is_amd(f) && f->cpu_has_snp)
        find_if(ret, f->has_sev_firmware, "an image has a firmware for SEV-SNP", lack(f, "snp"),
                "no image has a firmware for SEV-SNP (bios-sev)",
                "install ovmf-amdsev (OVMF.amdsev.fd) and make the image anew: './dev image'");
}

static const struct check checks[] = {
    { "qemu", check_qemu },
    { "tools", check_tools },
    { "images", check_images },
    { "disk", check_disk },
    { "memory", check_memory },
    { "clock", check_clock },
    { "kvm", check_kvm },
    { "machine", check_machine },
    { "kms", check_kms },
    { "ports", check_ports },
    { "tdx", check_tdx },
    { "tdx-kernel", check_tdx_kernel },
    { "tdx-kvm", check_tdx_kvm },
    { "tdx-sgx", check_tdx_sgx },
    { "tdx-qgs", check_tdx_qgs },
    { "snp", check_snp },
    { "snp-kernel", check_snp_kernel },
    { "snp-kvm", check_snp_kvm },
    { "snp-firmware", check_snp_firmware },
    { "snp-qemu", check_snp_qemu },
    { "snp-image", check_snp_image },
};

const char *doctor_check_name(size_t i) { return i < DS_LEN(checks) ? checks[i].name : NULL; }

void doctor_check(struct doctor_finding *ret, size_t i, const struct doctor_facts *f)
{
    *ret = (struct doctor_finding){ .level = DOCTOR_SKIP };
    checks[i].run(ret, f);
}
