# SPDX-License-Identifier: Apache-2.0
"""What `measure` predicts is what a real OVMF measures, event by event.

A TPM has other registers than a TD, and a few events of its own. By the mapping
of the UEFI specification (38.4.1: PCR 1 and 7 to RTMR0, 2 to 6 to RTMR1, 8 to
15 to RTMR2) the two lists must be equal, but for:
- the TD HOB and the variable store, which a TPM boot has in PCR 0 in other form;
- separators: the firmware ends each of eight PCRs, but each RTMR once;
- the ACPI blobs, which describe the TPM too (compared with QEMU's own bytes).
"""

import glob
import json
import os
import subprocess

import pytest

import bootlog
from bootlog import blobs

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
MEASURE = os.path.join(TOP, "build", "src", "measure", "measure")
IMAGES = os.environ.get("DSTACK_IMAGES", "")

RTMR_OF_PCR = {1: 0, 7: 0, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 8: 2, 9: 2}
SEPARATOR, ACPI, KERNEL = 0x4, 0xa, 0x80000003
SEPARATORS_OF_A_TD = (7, 4)  # the PCRs whose separators a TD has, in RTMR0 and RTMR1
CMDLINE = "console=ttyS0 quiet panic=-1 dstack.test=\"a b\""
SHAPE = dict(vcpus=2, memory_mib=1024, nics=1, volumes=2)


@pytest.fixture(scope="module")
def booted(tmp_path_factory):
    """(directory with kernel, initrd, cmdline; the log's events) of one boot."""
    kernels = sorted(glob.glob(os.path.join(IMAGES, "*", "bzImage")), key=os.path.getmtime)
    if not IMAGES or not kernels:
        pytest.skip("no guest image, hence no kernel: run ./dev image")
    work = tmp_path_factory.mktemp("tpm")
    os.symlink(kernels[-1], work / "kernel")
    (work / "initrd").write_bytes(bootlog.initramfs())
    (work / "cmdline").write_text(CMDLINE + "\n")
    log = bootlog.boot(blobs.Shape(tpm=True, **SHAPE), str(work / "kernel"), str(work / "initrd"),
                       CMDLINE, work=str(work))
    return work, bootlog.parse(log)


def predicted(work):
    out = subprocess.run([MEASURE, "boot", blobs.FIRMWARE, work / "kernel", work / "initrd",
                          work / "cmdline", *(str(v) for v in SHAPE.values())],
                         check=True, capture_output=True, text=True)
    return json.loads(out.stdout)["events"]


def test_events_of_a_real_boot_are_predicted(booted):
    work, log = booted
    for rtmr in range(3):
        want = [(e["type"], e["digest"]) for e in predicted(work)
                if e["imr"] == rtmr and e["type"] != ACPI and e["name"] not in ("td-hob", "cfv")]
        got = [(kind, digest) for pcr, kind, digest, _ in log
               if RTMR_OF_PCR.get(pcr) == rtmr and kind != ACPI
               and (kind != SEPARATOR or pcr in SEPARATORS_OF_A_TD)]
        assert got == want
    assert {pcr for pcr, _, _, _ in log} <= set(RTMR_OF_PCR) | {0}


def test_payloads_of_a_real_boot_are_served(booted):
    """The log that a guest reads says what OVMF says; the kernel's address in memory is left out."""
    work, log = booted
    payloads = {digest: data for _, kind, digest, data in log if kind != KERNEL}
    for event in predicted(work):
        if event["digest"] in payloads:
            assert bytes.fromhex(event["payload"]) == payloads[event["digest"]], event["name"]


def test_acpi_events_are_the_fw_cfg_blobs(booted):
    """Loader first, then each blob in the order in which the loader allocates it."""
    _, log = booted
    files = {"loader": "etc/table-loader", "rsdp": "etc/acpi/rsdp", "log": "etc/tpm/log",
             "tables": "etc/acpi/tables"}
    real = blobs.digests(blobs.read_blobs(blobs.Shape(tpm=True, **SHAPE), files=files))
    assert [digest for _, kind, digest, _ in log if kind == ACPI] == list(real.values())
