/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of machine kinds.
 */
#include "vmm/machine.h"

#include "base/scope.h"

/* clang-format off */
static const struct vmm_machine machines[] = {
    { .name = "simulated", .bit = VMM_MACHINE_SIMULATED, .firmware = "bios",
      .doc = "any x86-64 host; evidence under the marked root of this machine's simulated platform",
      .cpu_kvm = "host,host-phys-bits=off,phys-bits=40", .cpu_tcg = "max,phys-bits=40",
      .has_qemu = true, .has_simtee = true },
    { .name = "tdx", .bit = VMM_MACHINE_TDX, .firmware = "bios",
      .doc = "Intel TDX", .cpu_kvm = "host", .has_qemu = true },
    { .name = "snp", .bit = VMM_MACHINE_SNP, .firmware = "bios-sev",
      .doc = "AMD SEV-SNP", .cpu_kvm = "EPYC-v4", .has_qemu = true, .has_host_data = true },
    { .name = "null", .bit = VMM_MACHINE_NULL, .firmware = "bios",
      .doc = "no VM at all: plays its script, for tests of many VMs on one host" },
};
/* clang-format on */

const struct vmm_machine *vmm_machine_find(const char *name)
{
    for (size_t i = 0; i < DS_LEN(machines); i++)
        if (strcmp(machines[i].name, name) == 0)
            return &machines[i];
    return NULL;
}

const struct vmm_machine *vmm_machine_at(size_t i)
{
    return i < DS_LEN(machines) ? &machines[i] : NULL;
}

const struct vmm_machine *vmm_machine_detect(struct ds_span cpuinfo, struct ds_span kvm_tdx)
{
    static const char snp_flag[] = " sev_snp";
    if (cpuinfo.p != NULL && memmem(cpuinfo.p, cpuinfo.len, snp_flag, sizeof snp_flag - 1) != NULL)
        return vmm_machine_find("snp");
    if (kvm_tdx.len > 0 && (kvm_tdx.p[0] == 'Y' || kvm_tdx.p[0] == '1'))
        return vmm_machine_find("tdx");
    return vmm_machine_find("simulated");
}
