#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ACPI blobs of a machine shape, from a real QEMU.

QEMU writes the final tables when the firmware, having placed the PCI devices,
first reads them over fw_cfg. So: boot the firmware under TCG, wait until it
speaks on the serial port (it has read the tables by then), stop the machine,
and read the same files over qtest port I/O.

  blobs.py --vcpus 2 --memory 2048M [--nics 1] [--volumes 0] [--tpm] [--dump DIR]

prints one JSON object with the SHA-384 of etc/table-loader, etc/acpi/rsdp and
etc/acpi/tables. Needs no root, no network, no KVM; about 5 s.
"""

import argparse
import hashlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

FIRMWARE = "/usr/share/ovmf/OVMF.fd"
FILES = {"loader": "etc/table-loader", "rsdp": "etc/acpi/rsdp", "tables": "etc/acpi/tables"}
TIMEOUT_S = 120
SCRATCH = 0x1000000  # guest memory that only we use: the machine is stopped and never goes on

FW_CFG_DMA_HI, FW_CFG_DMA_LO = 0x514, 0x518
FW_CFG_DIR = 0x19
DMA_READ, DMA_SKIP, DMA_SELECT = 0x02, 0x04, 0x08


class Shape:
    """What the table of src/measure is keyed by."""

    def __init__(self, vcpus, memory_mib, nics=1, volumes=0, tpm=False, phys_bits=40):
        self.vcpus, self.memory_mib = vcpus, memory_mib
        self.nics, self.volumes, self.tpm, self.phys_bits = nics, volumes, tpm, phys_bits


def device_args(shape, work):
    """The PCI devices of src/vmm/qemu.c at their addresses, with back ends that need nothing."""
    args = []

    def disk(name, slot):
        args.extend(["-blockdev", f"driver=null-co,node-name={name},size=1048576,read-zeroes=on",
                     "-device", f"virtio-blk-pci,drive={name},bus=pcie.0,addr={slot:#x}"])

    disk("root", 1)
    disk("data", 2)
    disk("shared", 3)
    for i in range(shape.nics):
        args += ["-netdev", f"hubport,id=net{i},hubid={i}",
                 "-device", f"virtio-net-pci,netdev=net{i},bus=pcie.0,addr={4 + i:#x},romfile="]
    args += ["-device", "virtio-serial-pci,bus=pcie.0,addr=0x6"]
    for i in range(shape.volumes):
        disk(f"vol{i}", 8 + i)
    if shape.tpm:
        args += ["-chardev", f"socket,id=chrtpm,path={work}/tpm.sock",
                 "-tpmdev", "emulator,id=tpm0,chardev=chrtpm", "-device", "tpm-crb,tpmdev=tpm0"]
    return args


def qemu_args(qemu, firmware, shape, work):
    return [qemu, "-accel", "tcg", "-cpu", f"max,phys-bits={shape.phys_bits}",
            "-machine", "q35,smm=off,kernel-irqchip=split,hpet=off",
            "-smp", str(shape.vcpus), "-m", f"{shape.memory_mib}M",
            "-nodefaults", "-display", "none", "-no-user-config",
            "-serial", f"file:{work}/serial", "-bios", firmware,
            "-qtest", f"unix:{work}/qtest,server=on,wait=off", "-qtest-log", "none",
            "-qmp", f"unix:{work}/qmp,server=on,wait=off",
            *device_args(shape, work)]


def connect(path, deadline):
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            s.settimeout(max(1, deadline - time.monotonic()))
            return s.makefile("rwb", buffering=0), s
        except OSError:
            s.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Qtest:
    """The text protocol of -qtest: a line out, "OK ..." back."""

    def __init__(self, path, deadline):
        _, self.sock = connect(path, deadline)
        self.lines = self.sock.makefile("rw")

    def ask(self, line):
        self.lines.write(line + "\n")
        self.lines.flush()
        while True:
            reply = self.lines.readline().strip()
            if not reply:
                raise RuntimeError(f"qtest closed on {line!r}")
            if reply.startswith("IRQ"):
                continue
            if not reply.startswith("OK"):
                raise RuntimeError(f"qtest: {line!r} gave {reply!r}")
            return reply[2:].strip()

    def write(self, addr, data):
        self.ask(f"write {addr:#x} {len(data):#x} 0x{data.hex()}")

    def read(self, addr, n):
        return bytes.fromhex(self.ask(f"read {addr:#x} {n:#x}")[2:])

    def fw_cfg(self, select, n):
        """The first n bytes of a fw_cfg item, by DMA into the scratch page."""
        control = select << 16 | DMA_SELECT | DMA_READ
        self.write(SCRATCH, struct.pack(">IIQ", control, n, SCRATCH + 4096))
        swap = struct.unpack("<I", struct.pack(">I", SCRATCH))[0]
        self.ask(f"outl {FW_CFG_DMA_HI:#x} 0x0")
        self.ask(f"outl {FW_CFG_DMA_LO:#x} {swap:#x}")
        left = struct.unpack(">I", self.read(SCRATCH, 4))[0]
        if left != 0:
            raise RuntimeError(f"fw_cfg item {select:#x}: DMA ended with {left:#x}")
        return self.read(SCRATCH + 4096, n)

    def fw_cfg_files(self):
        count = struct.unpack(">I", self.fw_cfg(FW_CFG_DIR, 4))[0]
        raw = self.fw_cfg(FW_CFG_DIR, 4 + 64 * count)[4:]
        entries = (struct.unpack(">IHH56s", raw[64 * i:64 * i + 64]) for i in range(count))
        return {name.split(b"\0")[0].decode(): (select, size) for size, select, _, name in entries}


def qmp_stop(path, deadline):
    _, sock = connect(path, deadline)
    lines = sock.makefile("rw")
    lines.readline()
    for command in ("qmp_capabilities", "stop"):
        lines.write(json.dumps({"execute": command}) + "\n")
        lines.flush()
        while "return" not in json.loads(lines.readline()):
            pass


def wait_for_firmware(work, process, deadline):
    """OVMF prints its first line after it has connected the devices and installed the tables."""
    while True:
        with open(f"{work}/serial", "rb") as f:
            if b"BdsDxe" in f.read():
                return
        if process.poll() is not None:
            raise RuntimeError("QEMU ended: " + process.stderr.read().decode(errors="replace"))
        if time.monotonic() > deadline:
            raise RuntimeError(f"no word from the firmware in {TIMEOUT_S} s")
        time.sleep(0.1)


def start_tpm(work):
    os.mkdir(f"{work}/tpm")
    swtpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={work}/tpm",
                              "--ctrl", f"type=unixio,path={work}/tpm.sock",
                              "--flags", "not-need-init,startup-clear", "--terminate"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not os.path.exists(f"{work}/tpm.sock"):
        if swtpm.poll() is not None:
            raise RuntimeError("swtpm ended")
        time.sleep(0.05)
    return swtpm


def read_blobs(shape, qemu="qemu-system-x86_64", firmware=FIRMWARE, files=FILES, more=()):
    """{short name: bytes} of the fw_cfg files; `more` goes to the end of QEMU's command line."""
    deadline = time.monotonic() + TIMEOUT_S
    work = tempfile.mkdtemp(prefix="acpi-")
    children = []
    try:
        open(f"{work}/serial", "wb").close()
        if shape.tpm:
            children.append(start_tpm(work))
        process = subprocess.Popen([*qemu_args(qemu, firmware, shape, work), *more],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        children.append(process)
        wait_for_firmware(work, process, deadline)
        qmp_stop(f"{work}/qmp", deadline)
        qtest = Qtest(f"{work}/qtest", deadline)
        there = qtest.fw_cfg_files()
        return {short: qtest.fw_cfg(*there[name]) for short, name in files.items()}
    finally:
        for child in reversed(children):
            child.kill()
            child.wait()
        shutil.rmtree(work, ignore_errors=True)


def digests(blobs):
    return {name: hashlib.sha384(blob).hexdigest() for name, blob in blobs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--firmware", default=FIRMWARE)
    parser.add_argument("--vcpus", type=int, default=2)
    parser.add_argument("--memory", type=int, default=2048, metavar="MIB")
    parser.add_argument("--nics", type=int, default=1)
    parser.add_argument("--volumes", type=int, default=0)
    parser.add_argument("--phys-bits", type=int, default=40)
    parser.add_argument("--tpm", action="store_true")
    parser.add_argument("--dump", metavar="DIR", help="also write the blobs there")
    a = parser.parse_args()
    shape = Shape(a.vcpus, a.memory, a.nics, a.volumes, a.tpm, a.phys_bits)
    blobs = read_blobs(shape, a.qemu, a.firmware)
    if a.dump:
        os.makedirs(a.dump, exist_ok=True)
        for name, blob in blobs.items():
            with open(os.path.join(a.dump, name), "wb") as f:
                f.write(blob)
    print(json.dumps({name: {"bytes": len(blobs[name]), "sha384": digest}
                      for name, digest in digests(blobs).items()}))


if __name__ == "__main__":
    sys.exit(main())
