#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write src/measure/acpi_parts.inc: the constant parts of QEMU's ACPI blobs.

  parts.py OUT        (needs qemu-system-x86_64 and OVMF; about 15 s)

src/measure/acpi.c puts the parts together with what depends on the machine:
one Processor object a vCPU, one Device object a PCI function, the end of low
memory, and all lengths and offsets. This script boots three small machines,
cuts their tables where those variable pieces stand, and refuses to write when
a piece is not where the model has it.
"""

import struct
import sys

import blobs

AML_SCOPE, AML_METHOD, AML_NAME, AML_EXT = 0x10, 0x14, 0x08, 0x5b
EXT_DEVICE, EXT_PROCESSOR = 0x82, 0x83


def pkg_length(d, at):
    """(length, bytes of its encoding) of the package length at `at`."""
    more = d[at] >> 6
    if more == 0:
        return d[at] & 0x3f, 1
    value = d[at] & 0xf
    for i in range(more):
        value |= d[at + 1 + i] << (4 + 8 * i)
    return value, 1 + more


def name_len(d, at):
    start = at
    while d[at] in b"\\^":
        at += 1
    if d[at] == 0x2e:
        return at + 9 - start
    if d[at] == 0x2f:
        return at + 2 + 4 * d[at + 1] - start
    return at + (1 if d[at] == 0 else 4) - start


class Term:
    """A Scope, Device, Method or Processor object: [at, end), its name, and where its body is."""

    def __init__(self, d, at):
        ext = d[at] == AML_EXT
        self.at, self.op = at, d[at + 1] if ext else d[at]
        head = at + (2 if ext else 1)
        length, n = pkg_length(d, head)
        self.end = head + length
        name_at = head + n
        self.body = name_at + name_len(d, name_at)
        self.name = d[name_at:self.body].lstrip(b"\\")

    @staticmethod
    def find(d, start, end, name):
        """The first object of this name that starts in [start, end)."""
        for at in range(start, end):
            if d[at] in (AML_SCOPE, AML_METHOD) or (d[at] == AML_EXT and
                                                   d[at + 1] in (EXT_DEVICE, EXT_PROCESSOR)):
                try:
                    term = Term(d, at)
                except IndexError:
                    continue
                if term.name == name and term.end <= len(d):
                    return term
        raise SystemExit(f"no AML object {name!r}: this QEMU builds other tables")


def tables_of(blob):
    """{signature: bytes} in order."""
    out, at = {}, 0
    while blob[at:at + 4] != b"\0\0\0\0":
        length = struct.unpack_from("<I", blob, at + 4)[0]
        out[blob[at:at + 4].decode()] = blob[at:at + length]
        at += length
    return out


def scan_method(dsdt):
    """The CPU scan method, which knows how many vCPUs there are."""
    term = Term.find(dsdt, 0, len(dsdt), b"CSCN")
    return dsdt[term.at:term.end]


def one_diff(a, b, what):
    diff = [i for i in range(len(a)) if a[i] != b[i]]
    if len(a) != len(b) or len(diff) != 1:
        raise SystemExit(f"{what}: expected one byte to differ")
    return diff[0]


def cut(two, one, three):
    """The parts, from machines of two vCPUs, of one, and of three."""
    tables, dsdt = tables_of(two), tables_of(two)["DSDT"]
    if list(tables) != ["FACS", "DSDT", "FACP", "APIC", "MCFG", "WAET", "RSDT"]:
        raise SystemExit(f"tables are {list(tables)}")

    def find(name, start=0):
        return Term.find(dsdt, start, len(dsdt), name)

    pres = find(b"/\x03_SB_PCI0PRES")
    cpus = find(b"._SB_CPUS", pres.at)
    notify, scan, ost = (find(n, cpus.body) for n in (b"CTFY", b"CSCN", b"COST"))
    cpu_scope_at = pres.at - 3 - 4  # Scope (_SB): op, two length bytes, name
    cpu_scope = Term(dsdt, cpu_scope_at)
    root_port = find(b"S00_")
    pci_scope_at = root_port.at - 3 - 4
    slots_scope_at = pci_scope_at - 3 - 5
    isa = find(b"SF8_", root_port.end)
    pci_scope, slots_scope = Term(dsdt, pci_scope_at), Term(dsdt, slots_scope_at)
    assert cpu_scope.name == b"_SB_" and pci_scope.name == b"PCI0" and slots_scope.name == b"_SB_"

    middle = dsdt[cpu_scope.end:slots_scope.at]
    # The window between low memory and the configuration space: start, end, offset, length.
    window = struct.pack("<IIII", 0x80000000, 0xdfffffff, 0, 0x60000000)
    assert middle.count(window) == 1
    madt = tables["APIC"]
    scan_two, scan_three = scan_method(dsdt), scan_method(tables_of(three)["DSDT"])
    return {
        "facs": tables["FACS"],
        "dsdt_head": dsdt[:cpu_scope.at],
        "cpu_hotplug": dsdt[pres.at:pres.end],
        "cpus_head": dsdt[cpus.body:notify.at],
        "cpus_methods": dsdt[notify.end:scan.at],
        "cpus_scan_one": scan_method(tables_of(one)["DSDT"]),
        "cpus_scan": scan_two,
        "cpus_ost": dsdt[ost.at:ost.end],
        "dsdt_middle": middle,
        "root_port": dsdt[root_port.at:root_port.end],
        "isa": dsdt[isa.at:pci_scope.end],
        "dsdt_tail": dsdt[slots_scope.end:],
        "facp": tables["FACP"],
        "madt_head": madt[:44],
        "madt_tail": madt[44 + 2 * 8:],
        "mcfg": tables["MCFG"],
        "waet": tables["WAET"],
        "rsdt_head": tables["RSDT"][:36],
    }, {
        "CPUS_SCAN_COUNT_AT": one_diff(scan_two, scan_three, "CPU scan method"),
        "LOW_WINDOW_AT": middle.index(window),
    }


def write(path, parts, offsets):
    with open(path, "w") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0 */\n"
                "/* Made by tools/acpi/parts.py from QEMU's own tables; do not edit. */\n"
                "/* clang-format off */\n")
        for name, value in offsets.items():
            f.write(f"#define {name} {value:#x}\n")
        for name, data in parts.items():
            f.write(f"\nstatic const uint8_t {name}[] = {{\n")
            for i in range(0, len(data), 19):
                f.write("    " + " ".join(f"{b:#04x}," for b in data[i:i + 19]).rstrip() + "\n")
            f.write("};\n")
        f.write("/* clang-format on */\n")


def main():
    two, one, three = (blobs.read_blobs(blobs.Shape(n, 4096))["tables"] for n in (2, 1, 3))
    write(sys.argv[1], *cut(two, one, three))


if __name__ == "__main__":
    main()
