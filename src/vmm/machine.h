/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kinds of machine a VM can run on: rows of one table. What differs between
 * them stands in the row (and in the device table of qemu.c, by the row's bit);
 * the rest of the daemon asks the row and never the name.
 */

#include <stdbool.h>

#include "base/span.h"

enum vmm_machine_bit {
    VMM_MACHINE_SIMULATED = 1, /* no TEE: the simulated platform stands in */
    VMM_MACHINE_TDX = 2,
    VMM_MACHINE_SNP = 4,
    VMM_MACHINE_NULL = 8, /* no QEMU: the state machine only, for tests of a fleet */
};

struct vmm_machine {
    const char *name;
    enum vmm_machine_bit bit;
    const char *doc;
    const char *firmware; /* key of the image's metadata.json that names the firmware */
    const char *cpu_kvm;  /* -cpu under KVM */
    const char *cpu_tcg;  /* -cpu under TCG; NULL: runs under KVM only */
    bool has_qemu;
    bool has_simtee;    /* a dstack-simtee helper serves the evidence */
    bool has_host_data; /* identity travels in HOST_DATA instead of MRCONFIGID */
};

/* NULL when there is none of this name. */
const struct vmm_machine *vmm_machine_find(const char *name);

/* The i-th row; NULL after the last. */
const struct vmm_machine *vmm_machine_at(size_t i);

/*
 * The hardware of this host, from the text of /proc/cpuinfo and of KVM's `tdx`
 * module parameter (empty when there is none): TDX, SNP, or simulated.
 */
const struct vmm_machine *vmm_machine_detect(struct ds_span cpuinfo, struct ds_span kvm_tdx);
