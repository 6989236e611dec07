/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `dstack doctor` knows of a machine and what it says about it, apart: the
 * facts are gathered in one place, and judging them is pure, so that machines
 * which nobody here has (TDX, SEV-SNP) are judged in tests.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

#define DOCTOR_PORTS_MAX 16
/* What the command line of TDX VMs names: where the quote generation service listens, over vsock. */
#define DOCTOR_QGS_PORT 4050

enum doctor_device {
    DOCTOR_ABSENT,
    DOCTOR_DENIED, /* there, and this user may not open it */
    DOCTOR_OPENS,
};

/* Whether a kernel boots under KVM, as dstack-vmm once found out. */
enum doctor_tried {
    DOCTOR_UNTRIED,
    DOCTOR_RAN,
    DOCTOR_DID_NOT_RUN,
};

struct doctor_port {
    uint16_t number;
    bool is_free;
    char vm[64]; /* the stopped VM that needs it; "": the hello example would */
};

struct doctor_facts {
    unsigned qemu_major, qemu_minor; /* 0.0: no QEMU */
    bool has_qemu_img, has_compose, has_passt, has_relay, has_simtee;

    char cpu_vendor[16]; /* "GenuineIntel", "AuthenticAMD" */
    bool cpu_has_virt, cpu_has_tdx, cpu_has_snp;
    unsigned kernel_major, kernel_minor;
    char kernel_cmdline[1024];
    enum doctor_device kvm, sgx_enclave, sgx_provision, sev;
    enum doctor_tried kvm_tried;
    uint32_t kvm_vm_types;        /* bit by number: KVM_CAP_VM_TYPES */
    char kvm_tdx, kvm_snp;        /* module parameters: 'Y', 'N'; 0: not there */
    bool qgs_answers;             /* over vsock */
    bool has_qgs_socket;          /* it runs, and listens on its unix socket */
    uint8_t sev_major, sev_minor; /* API of the SEV firmware; 0.0: it does not say */
    char sev_refusal[160];        /* QEMU's words where it finds no SEV capabilities */

    size_t n_images;
    bool has_sev_firmware; /* an image has one */
    bool has_state;
    uint64_t disk_free_mib, memory_free_mib;
    int64_t now_s;
    bool is_clock_synced;

    char machine[16];  /* of the VMM's VMs; "": it does not run */
    char kms_kind[16]; /* birth kind of the KMS's root; "": it does not run */
    struct doctor_port ports[DOCTOR_PORTS_MAX];
    size_t n_ports;
};

enum doctor_level {
    DOCTOR_SKIP, /* does not concern this machine: nothing is printed */
    DOCTOR_GOOD,
    DOCTOR_WARN, /* something works less well */
    DOCTOR_BAD,  /* something does not work */
};

struct doctor_finding {
    enum doctor_level level;
    char text[240];
    const char *fix; /* NULL when GOOD */
};

/* Looks at this machine; what cannot be looked at counts as not there. */
void doctor_gather(struct doctor_facts *ret, struct cli *cli);

/* The checks, in the order in which they are shown; NULL past the end. */
const char *doctor_check_name(size_t i);
void doctor_check(struct doctor_finding *ret, size_t i, const struct doctor_facts *f);
