# SPDX-License-Identifier: Apache-2.0
"""The ACPI blobs that `measure` builds are QEMU's, byte for byte, for the VMM's device list."""

import json
import os
import re
import subprocess
import sys

import pytest

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tools", "acpi"))
import blobs  # noqa: E402
import parts  # noqa: E402

MEASURE = os.path.join(TOP, "build", "src", "measure", "measure")


@pytest.mark.parametrize("shape", [(1, 1024, 1, 0), (2, 3072, 2, 1), (9, 2815, 1, 16)],
                         ids=lambda s: "-".join(map(str, s)))
def test_model_equals_qemu(shape):
    out = subprocess.run([MEASURE, "acpi", *map(str, shape)], check=True, capture_output=True,
                         text=True)
    assert json.loads(out.stdout) == blobs.digests(blobs.read_blobs(blobs.Shape(*shape)))


def test_parts_are_those_of_this_qemu(tmp_path):
    """A new QEMU that builds other tables is noticed here, and parts.py makes the new parts."""
    two, one, three = (blobs.read_blobs(blobs.Shape(n, 4096))["tables"] for n in (2, 1, 3))
    parts.write(tmp_path / "parts", *parts.cut(two, one, three))
    with open(os.path.join(TOP, "src", "measure", "acpi_parts.inc"), encoding="utf-8") as f:
        assert f.read() == (tmp_path / "parts").read_text()


def pci_places(args):
    """{(device, slot)} of the -device arguments that have an address."""
    return {(re.split(",", a)[0], int(re.search(r"addr=(0x[0-9a-f]+)", a).group(1), 16))
            for a in args if "addr=" in a}


def test_device_list_is_the_vmms():
    """The VMM's golden command line with every device has the places that are measured here."""
    golden = os.path.join(TOP, "tests", "unit", "vmm", "golden", "simulated-all.args")
    with open(golden, encoding="utf-8") as f:
        real = f.read().splitlines()
    volumes = sum("serial=vol" in a for a in real)
    shape = blobs.Shape(2, 3072, nics=2, volumes=volumes)
    mine = blobs.qemu_args("qemu-system-x86_64", "ovmf", shape, "/work")
    assert pci_places(real) == pci_places(mine)
    for option in ("-machine", "-cpu"):
        assert real[real.index(option) + 1] == mine[mine.index(option) + 1]
