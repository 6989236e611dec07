# SPDX-License-Identifier: Apache-2.0
"""A real measured boot: OVMF, a software TPM and a Linux kernel under TCG.

The initramfs prints the TPM event log as hex on the serial port and powers off.
The machine has the VMM's device list, so what OVMF measures here is what it
measures for a CVM, but for the events that only a TD or only a TPM has.
"""

import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools", "acpi"))
import blobs  # noqa: E402

TIMEOUT_S = 180
ALG_LEN = {0x4: 20, 0xb: 32, 0xc: 48, 0xd: 64}
SHA384 = 0xc

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir /sys /proc
$b mount -t sysfs none /sys
$b mount -t securityfs none /sys/kernel/security
echo LOG-BEGIN
$b xxd -p /sys/kernel/security/tpm0/binary_bios_measurements
echo LOG-END
$b poweroff -f
"""


def cpio(entries):
    """A newc archive of (name, mode, bytes)."""
    out = bytearray()

    def add(ino, name, mode, data):
        raw = name.encode() + b"\0"
        fields = (ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        out.extend(b"070701" + b"".join(b"%08x" % f for f in fields) + raw)
        out.extend(bytes(-len(out) % 4))
        out.extend(data)
        out.extend(bytes(-len(out) % 4))

    for i, (name, mode, data) in enumerate(entries, 1):
        add(i, name, mode, data)
    add(0, "TRAILER!!!", 0, b"")
    return bytes(out)


def initramfs(busybox="/bin/busybox"):
    with open(busybox, "rb") as f:
        body = f.read()
    return cpio([("bin", 0o40755, b""), ("bin/busybox", 0o100755, body),
                 ("init", 0o100755, INIT.encode())])


def boot(shape, kernel, initrd, cmdline, firmware=blobs.FIRMWARE, work="."):
    """The bytes of the TPM event log of one boot."""
    serial = os.path.join(work, "serial")
    open(serial, "wb").close()
    swtpm = blobs.start_tpm(work)
    args = blobs.qemu_args("qemu-system-x86_64", firmware, shape, work)
    qemu = subprocess.Popen(["unshare", "-n", *args, "-kernel", kernel, "-initrd", initrd, "-append", cmdline,
                             "-no-reboot"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)
    try:
        qemu.wait(TIMEOUT_S)
    finally:
        for child in (qemu, swtpm):
            child.kill()
            child.wait()
    with open(serial, "rb") as f:
        text = f.read().decode(errors="replace")
    if "LOG-BEGIN" not in text or "LOG-END" not in text:
        raise RuntimeError("the guest printed no event log: " + text[-800:])
    body = text.split("LOG-BEGIN", 1)[1].split("LOG-END", 1)[0]
    return bytes.fromhex("".join(body.split()))


def parse(log):
    """[(pcr, type, sha384 hex, payload)] of a TCG log; its header is left out."""
    at = 32 + struct.unpack_from("<I", log, 28)[0]
    events = []
    while at + 12 <= len(log):
        pcr, kind, n = struct.unpack_from("<III", log, at)
        at += 12
        digest = None
        for _ in range(n):
            alg = struct.unpack_from("<H", log, at)[0]
            length = ALG_LEN[alg]
            if alg == SHA384:
                digest = log[at + 2:at + 2 + length].hex()
            at += 2 + length
        size = struct.unpack_from("<I", log, at)[0]
        events.append((pcr, kind, digest, log[at + 4:at + 4 + size]))
        at += 4 + size
    return events
