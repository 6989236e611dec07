/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The QEMU command line of a VM, made from one device table. Pure: what it says
 * depends on the spec alone, and tests/unit/vmm/golden holds the lines.
 *
 * QEMU runs with the VM directory as its current directory, so the files of the
 * VM are named relative to it: a socket path then never outgrows sun_path, and
 * the line is the same wherever the state lives.
 */

#include "base/buf.h"
#include "vmm/machine.h"

#define VMM_PORTS_MAX   64 /* forwarded ports of one VM */
#define VMM_VOLUMES_MAX 16 /* verity volumes: PCI slots 0x8 to 0x17 */
#define VMM_URLS_MAX    4  /* key services, gateways */
#define VMM_RELAYS_MAX  6  /* addresses of the host the guest may reach */

/* Files of the VM directory that QEMU opens or makes. */
#define VMM_FILE_DATA   "hda.img"
#define VMM_FILE_SHARED "shared.tar"
#define VMM_FILE_SERIAL "serial.log"
#define VMM_FILE_QMP    "qmp.sock"
#define VMM_FILE_HOST   "host.sock"
#define VMM_FILE_TEE    "tee.sock"

/* What QEMU and the helper of a simulated machine say. */
#define VMM_FILE_QEMU_LOG   "qemu.log"
#define VMM_FILE_SIMTEE_LOG "simtee.log"

/* Ids of the two virtserialports, as QMP reports them. */
#define VMM_PORT_HOST_ID "port-host"
#define VMM_PORT_TEE_ID  "port-tee"

struct vmm_port {
    bool udp;
    char address[16]; /* IPv4 of the host */
    uint16_t host_port, vm_port;
};

struct vmm_qemu_spec {
    const struct vmm_machine *machine;
    bool kvm;
    const char *qemu; /* the program */
    const char *firmware, *kernel, *initrd, *cmdline, *rootfs;
    uint32_t vcpus, memory_mib;
    const char *mac[2];                    /* of NIC 0, and of NIC 1 where internet is set */
    bool internet;                         /* a second NIC with a way out, by passt */
    const char *relay;                     /* the relay program behind guestfwd */
    const char *targets[VMM_RELAYS_MAX];   /* "unix:/path" or "tcp:ip:port", at 10.0.2.(101+i) */
    uint16_t target_ports[VMM_RELAYS_MAX]; /* the port there; 0: 8001 */
    size_t n_targets;
    const struct vmm_port *ports;
    size_t n_ports;
    const char *volumes[VMM_VOLUMES_MAX];
    size_t n_volumes;
    uint8_t mrconfigid48[48];            /* TDX */
    uint8_t host_data32[32];             /* SNP */
    uint16_t qgs_port;                   /* TDX: the quote generation service, over vsock */
    uint32_t cbitpos, reduced_phys_bits; /* SNP */
};

struct vmm_args {
    char **v; /* NULL-terminated; v[0] is the program */
    size_t n;
};

void vmm_args_done(struct vmm_args *a);

/*
 * The whole command line.
 *
 * out:  ret  free it with vmm_args_done
 * err:  UNSUPPORTED  the machine has no QEMU, or runs under KVM only
 *       RANGE        more ports, volumes or targets than there is room for
 *       ARG          a path that cannot be written into a command line
 */
DS_MUST_USE int vmm_qemu_args(struct vmm_args *ret, const struct vmm_qemu_spec *spec,
                              struct ds_error *e);

/* A NIC's MAC address from the SHA-256 of its VM's name for it (host-api 1.6): unicast, local. */
void vmm_qemu_mac(char out[static 18], const uint8_t *hash32);
