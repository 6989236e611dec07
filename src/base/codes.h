/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The table of error codes: stable dotted ids, each with what failed, why that
 * happens, and what to do. `dstack explain`, the generated page and the tests
 * iterate it. A code that no code path raises does not belong here
 * (tools/check_codes.py).
 *
 * X(NAME, "dotted.id", "what failed", "why it happens", "what to do")
 */

/* clang-format off */
#define DS_CODES_BASE(X) \
    X(FILE_TOO_LARGE, "file.too_large", "a file is larger than its limit", \
      "every file that is read whole has a bound, so that no input exhausts memory", \
      "check that the right file was named; the limit stands in the message") \
    X(ARGS_USAGE, "args.usage", "the command line is not understood", \
      "an option is unknown, a value is missing or malformed, or there are too many arguments", \
      "add --help to the command to see its options and an example") \
    X(CFG_SYNTAX, "cfg.syntax", "a configuration file is not readable", \
      "it is not YAML, or does not consist of keys and values", \
      "correct the line that the message names; `--help-config` prints a whole example") \
    X(CFG_UNKNOWN_KEY, "cfg.unknown_key", "a configuration file has an unknown key", \
      "a misspelt key would otherwise be ignored in silence", \
      "use the key that the message suggests, or remove it") \
    X(CFG_DUPLICATE_KEY, "cfg.duplicate_key", "a configuration file has a key twice", \
      "which of the two values was meant cannot be known", \
      "remove one of them") \
    X(CFG_MISSING_KEY, "cfg.missing_key", "a required configuration key is missing", \
      "it has no default that would be right everywhere", \
      "add it to the configuration file") \
    X(CFG_WRONG_TYPE, "cfg.wrong_type", "a configuration value is of the wrong kind", \
      "each key takes a number, a text, a list, true or false, or one of a few words", \
      "give a value of the kind that the message names") \
    X(CFG_OUT_OF_BOUNDS, "cfg.out_of_bounds", "a configuration value is out of bounds", \
      "each number, text and list has bounds within which the program was tested", \
      "choose a value within the bounds that the message names") \
    X(PROC_NO_PROGRAM, "proc.no_program", "a program that is needed is not installed", \
      "it is neither on PATH nor at the path that was configured", \
      "install it, or set its path in the configuration; `dstack doctor` lists what is needed") \
    X(PROC_FAILED, "proc.failed", "a helper program failed", \
      "it ended with another exit status than 0", \
      "the message ends with its own last words; run it by hand to see more")

#define DS_CODES_CODEC(X)
#define DS_CODES_CRYPTO(X)
#define DS_CODES_MERKLE(X) \
    X(MERKLE_INCLUSION, "merkle.inclusion", "an entry is not proved to be in the log", \
      "the inclusion proof does not lead from the entry to the signed root: one of the three was changed, or belongs to another log", \
      "fetch head and proof again; if it stays, the log's keeper shows different logs to different people") \
    X(MERKLE_CONSISTENCY, "merkle.consistency", "the log does not continue its older head", \
      "entries were removed or changed after the older head was signed, or the heads are of different logs", \
      "keep both heads as evidence and do not use keys from this log's keeper until it is explained")
#define DS_CODES_ATTEST(X)
#define DS_CODES_MEASURE(X) \
    X(MEASURE_FIRMWARE_FORMAT, "measure.firmware_format", "a firmware file cannot be measured", \
      "the file carries no TDVF section list, or a broken one: it is not an OVMF build with TDX support", \
      "use OVMF.fd of the image; OVMF_CODE files for pflash and SeaBIOS do not serve") \
    X(MEASURE_KERNEL_FORMAT, "measure.kernel_format", "a kernel file cannot be measured", \
      "the firmware starts and measures the kernel as a 64-bit PE image; this file is none, or damaged", \
      "use a bzImage (vmlinuz) with an EFI stub; fetch or build the image again") \
    X(MEASURE_CMDLINE_FORMAT, "measure.cmdline_format", "a kernel command line cannot be measured", \
      "the firmware turns it into UTF-16 byte by byte: only printable ASCII has one meaning there", \
      "take control and non-ASCII characters out of the command line, and keep it below 4,000 characters") \
    X(MEASURE_DOCUMENT_FORMAT, "measure.document_format", "a measurement document is malformed", \
      "measurement.tdx.cbor has one exact form (version 3); other bytes are not read generously", \
      "make the document again with 'dstack image measure', or fetch the image again") \
    X(MEASURE_OVMF_UNKNOWN, "measure.ovmf_unknown", "the firmware's list of boot events is not known", \
      "which events a firmware measures depends on its version; only recorded versions can be predicted", \
      "use an image whose document says pre202505, or a newer dstack") \
    X(MEASURE_SHAPE_UNPROVEN, "measure.shape_unproven", "the ACPI tables of this machine shape are not known", \
      "ACPI tables are measured, and they are known only for shapes that were compared with a real QEMU", \
      "choose vCPUs, memory, network cards and volumes inside the bounds that the message names")
#define DS_CODES_POLICY(X)
#define DS_CODES_APP(X)
#define DS_CODES_NET(X) \
    X(NET_POOL_FULL, "net.pool_full", "the daemon has too much work waiting", \
      "slow work (quotes, disks, the store) goes through a bounded queue, which is full", \
      "try again in a moment; if it stays so, look at the daemon's log for what is slow") \
    X(NET_BAD_FRAME, "net.bad_frame", "a channel frame is malformed", \
      "the other side speaks another protocol version, or the channel's device was used by others", \
      "use guest image and host programs of the same release") \
    X(NET_CHANNEL_DOWN, "net.channel_down", "the other side of a channel is not there", \
      "the guest or the host program has not started yet, restarts, or ended", \
      "`dstack ps` says whether the VM runs; `dstack logs` shows its boot") \
    X(NET_CHANNEL_FULL, "net.channel_full", "a channel has too much waiting", \
      "the other side reads more slowly than this side asks", \
      "try again in a moment") \
    X(NET_CALL_RESET, "net.call_reset", "the other side of a channel gave a call up", \
      "it does not take such calls at present, or ended while it worked on this one", \
      "try again; if it stays so, look at the other side's log")
#define DS_CODES_RPC(X)
#define DS_CODES_TEE(X)
#define DS_CODES_SIMTEE(X)
#define DS_CODES_STORE(X)
#define DS_CODES_DISK(X) \
    X(DISK_HEADER_REFUSED, "disk.header_refused", "the data disk's LUKS header is not one of ours", \
      "the disk comes from the host; only the exact parameters that this guest makes are opened", \
      "restore the disk from a backup, or remove it to start with an empty one") \
    X(DISK_KEY_REFUSED, "disk.key_refused", "the data disk does not open with this instance's key", \
      "the disk belongs to another app or instance, or its key slot was changed", \
      "start the VM with its own disk; the key depends on app id and instance id") \
    X(DISK_VERITY_REFUSED, "disk.verity_refused", "a verity volume is not the one that was measured", \
      "its hash tree does not lead to the root hash in app-compose", \
      "hand the original volume over again: 'dstack up' makes it from the OCI layout")
#define DS_CODES_KMS(X)
#define DS_CODES_VMM(X) \
    X(VMM_NAME_INVALID, "vmm.name_invalid", "a name or id has a form that is not allowed", \
      "names become file names and appear on terminals: up to 64 letters, digits and a few signs", \
      "use letters, digits, '-', '_' and '.'; an app id is 40 hex digits") \
    X(VMM_VALUE_RANGE, "vmm.value_range", "a value of the request is missing or out of its bounds", \
      "every number of a VM has bounds, some of them set by the daemon's configuration", \
      "give a value within the bounds named as 'expected'") \
    X(VMM_FIELD_UNSUPPORTED, "vmm.field_unsupported", "the request asks for something this VMM cannot give", \
      "an app that needs it must not run without it, so the request is refused", \
      "leave the named field out") \
    X(VMM_MACHINE_NEEDS_KVM, "vmm.machine_needs_kvm", "this kind of machine runs under KVM only", \
      "TDX and SEV-SNP are made by the processor; software emulation has neither", \
      "use a host with the hardware, or machine 'simulated'") \
    X(VMM_PORT_REFUSED, "vmm.port_refused", "a port mapping is not allowed", \
      "ports are tcp or udp, and are published on loopback addresses only", \
      "use 127.0.0.1; put a proxy in front to publish it further") \
    X(VMM_PORT_TAKEN, "vmm.port_taken", "a port of the host is taken", \
      "another VM or program listens on it, or the request names it twice", \
      "choose another host port, or 0 for any free one") \
    X(VMM_QEMU_MISSING, "vmm.qemu_missing", "QEMU is not installed", \
      "qemu-system-x86_64 or qemu-img is not on the PATH, nor where the configuration says", \
      "install QEMU 10.1 or newer (qemu-system-x86, qemu-utils), or set 'qemu' in the configuration") \
    X(VMM_IMAGE_NOT_FOUND, "vmm.image_not_found", "there is no guest image of this name", \
      "images are directories with a metadata.json in the image directory", \
      "list them with 'dstack image ls'; './dev image' builds one") \
    X(VMM_IMAGE_BROKEN, "vmm.image_broken", "a guest image cannot be used", \
      "its metadata.json is malformed, or names a file that is missing or outside its directory", \
      "build or copy the image anew: './dev image'") \
    X(VMM_STATE_BROKEN, "vmm.state_broken", "a VM's state file cannot be read", \
      "it was changed by hand, damaged, or written by a newer version", \
      "restore the file, or remove the VM's directory if its data is not needed")
#define DS_CODES_GUEST(X) \
    X(GUEST_INIT_CMDLINE, "guest.init_cmdline", "the kernel command line does not name the root file system", \
      "root hash and size are read from the measured command line, once each, and from nowhere else", \
      "start the VM with the command line of the image's metadata.json, unchanged") \
    X(GUEST_INIT_FAILED, "guest.init_failed", "the guest's first program met a system error", \
      "a call that cannot fail on a sound image and machine did; the line names it", \
      "start the VM again with more memory; if it stays, build the image anew: './dev image'") \
    X(GUEST_INIT_MODULE, "guest.init_module", "a kernel module of the image cannot be loaded", \
      "initramfs and kernel are not of one image, or the module was altered (its signature fails)", \
      "fetch or build the image anew: './dev image'") \
    X(GUEST_INIT_PID1, "guest.init_pid1", "the guest agent cannot be started as the first process", \
      "the verified root holds no agent that runs, which is a fault of the image build", \
      "build the image anew: './dev image'") \
    X(GUEST_ROOT_MISSING, "guest.root_missing", "the root disk is not there", \
      "the guest takes the virtio disk whose serial is 'root', whatever its place on the bus", \
      "let dstack-vmm start the VM; by hand, give the disk 'serial=root'") \
    X(GUEST_ROOT_SHORT, "guest.root_short", "the root disk is too short for the measured root file system", \
      "the file was cut, or another image's rootfs.img was attached", \
      "compare rootfs.img with the image's metadata.json; fetch or build the image anew") \
    X(GUEST_ROOT_OPEN, "guest.root_open", "the root disk cannot be opened under dm-verity", \
      "the kernel's device mapper refused the table that the measured command line gives", \
      "use kernel, initramfs and command line of one image") \
    X(GUEST_ROOT_CORRUPT, "guest.root_corrupt", "a block of the root disk does not hash to the measured root", \
      "rootfs.img was changed or damaged after the image was made; nothing of that block was used", \
      "fetch or build the image anew; 'dstack image ls' shows which images are whole")
#define DS_CODES_CLI(X)
/* clang-format on */

#define DS_CODE_LIST(X) \
    DS_CODES_BASE(X)    \
    DS_CODES_CODEC(X)   \
    DS_CODES_CRYPTO(X)  \
    DS_CODES_MERKLE(X)  \
    DS_CODES_ATTEST(X)  \
    DS_CODES_MEASURE(X) \
    DS_CODES_POLICY(X)  \
    DS_CODES_APP(X)     \
    DS_CODES_NET(X)     \
    DS_CODES_RPC(X)     \
    DS_CODES_TEE(X)     \
    DS_CODES_SIMTEE(X)  \
    DS_CODES_STORE(X)   \
    DS_CODES_DISK(X)    \
    DS_CODES_KMS(X)     \
    DS_CODES_VMM(X)     \
    DS_CODES_GUEST(X)   \
    DS_CODES_CLI(X)

enum ds_code {
    DS_CODE_NONE = 0,
#define X(name, id, what, why, fix) DS_CODE_##name,
    DS_CODE_LIST(X)
#undef X
        DS_CODE_COUNT,
};

struct ds_code_info {
    const char *id, *what, *why, *fix; /* never NULL */
};

/* The row of a code; DS_CODE_NONE and unknown values give a row of empty texts. */
const struct ds_code_info *ds_code_info_get(enum ds_code code);

/* The code with this dotted id; DS_CODE_NONE if there is none. */
enum ds_code ds_code_find(const char *id);
