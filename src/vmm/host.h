/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What this host can do: QEMU's version, whether KVM runs a kernel, the
 * parameters of its memory encryption. Found when first needed, in the pool.
 */

#include <pthread.h>

#include "vmm/cfg.h"

struct vmm_host {
    const struct vmm_cfg *cfg;
    const struct vmm_places *places;
    const struct vmm_machine *platform; /* of VMs that ask for none */
    pthread_mutex_t asking;             /* held while QEMU is tried: for seconds */
    char qemu_version[32];              /* under asking; empty: not asked yet */
    pthread_mutex_t lock;               /* of what follows, for a moment: the loop looks at it */
    bool accel_known, kvm;
    char accel_reason[160]; /* why, for people */
};

DS_MUST_USE int vmm_host_init(struct vmm_host *ret, const struct vmm_cfg *cfg,
                              const struct vmm_places *places, struct ds_error *e);
void vmm_host_done(struct vmm_host *h);

/* "11.1.3". err: NOTFOUND vmm.qemu_missing */
DS_MUST_USE int vmm_host_qemu_version(char ret[static 32], struct vmm_host *h, struct ds_error *e);

/*
 * KVM or not. With `accel: auto` a kernel is booted under KVM once for each
 * pair of QEMU version and host kernel; the verdict stays in accel.json.
 *
 * in:   kernel  bzImage to try
 * err:  UNAVAILABLE vmm.kvm_unusable: the configuration insists on KVM
 */
DS_MUST_USE int vmm_host_accel(bool *ret_kvm, struct vmm_host *h, const char *kernel,
                               struct ds_error *e);

/* "kvm", "tcg", or "" while it is not known; out gets the reason. Never waits for QEMU. */
const char *vmm_host_accel_text(struct vmm_host *h, char out_reason[static 160]);

/* SEV-SNP: where the C-bit is and how many address bits it costs; QEMU knows. */
DS_MUST_USE int vmm_host_sev(uint32_t *ret_cbitpos, uint32_t *ret_reduced_bits, struct vmm_host *h,
                             struct ds_error *e);
