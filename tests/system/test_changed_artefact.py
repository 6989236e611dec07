# SPDX-License-Identifier: Apache-2.0
"""A hostile host changes one byte of what boots, and boots it: no keys, and the reason by name.

The image directory keeps its documents (sha256sum.txt, digest.txt, measurement.tdx.cbor), so that
everything which only reads those sees the right image. Each byte is chosen so that the machine still
boots: what refuses it is a measurement, not a crash.
"""

import os
import re
import shutil
import struct
import subprocess

import pytest

import stack


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def change_kernel(path):
    """The version's text in the setup header (Linux boot protocol: offset 0x20e); it is only shown."""
    with open(path, "rb") as file:
        head = file.read(0x8000)
    at = struct.unpack_from("<H", head, 0x20e)[0] + 0x200
    flip(path, head.index(b"\0", at) - 1)


def change_initrd(path):
    """The time in the header of gzip (RFC 1952); nobody reads it."""
    flip(path, 4)


def change_firmware(path):
    """A byte of the padding in the second firmware volume; the first one holds variables."""
    with open(path, "rb") as file:
        data = file.read()
    starts = [at.start() - 40 for at in re.finditer(b"_FVH", data)]
    start = starts[1]
    end = start + struct.unpack_from("<Q", data, start + 32)[0]
    runs = re.finditer(b"\xff{256,}", data[start:end])
    longest = max(runs, key=lambda run: run.end() - run.start())
    flip(path, start + (longest.start() + longest.end()) // 2)


def change_cmdline(path):
    """The seconds until a panic restarts the machine."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text.count("panic=-1") == 1
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("panic=-1", "panic=-2"))


def change_root_disk(path):
    """The first block of containerd, which is read only when the app is about to start."""
    out = subprocess.run(["dump.erofs", "-e", "--path=/usr/bin/containerd", path], check=True,
                         capture_output=True, text=True).stdout
    flip(path, int(re.search(r"^\s*0:.*:\s*(\d+)\.\.", out, re.M)[1]) + 1000)


CHANGES = {
    "kernel": ("bzImage", change_kernel, "policy.kernel_mismatch"),
    "initrd": ("initramfs.cpio.gz", change_initrd, "policy.initrd_mismatch"),
    "command-line": ("metadata.json", change_cmdline, "policy.cmdline_mismatch"),
    "firmware": ("ovmf.fd", change_firmware, "policy.firmware_mismatch"),
    "root-disk": ("rootfs.img", change_root_disk, "guest.root_corrupt"),
}


@pytest.fixture(scope="module")
def host(needs_image, tmp_path_factory):
    """A machine with an images directory of its own."""
    one = stack.Machine(images=str(tmp_path_factory.mktemp("images")))
    try:
        yield one
    finally:
        one.close()


def changed_image(host, name, file, change):
    source, original = stack.newest_image()
    copy = os.path.join(host.images, name)
    shutil.copytree(os.path.join(source, original), copy,
                    copy_function=link_or_copy)
    path = os.path.join(copy, file)
    shutil.copy2(os.path.join(source, original, file), path + ".changed")
    os.replace(path + ".changed", path)
    change(path)
    return copy


def link_or_copy(source, target):
    """Two mounts of one device have one number and still share no links: only trying tells."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def refusal(host, name, run):
    """The error document of a failed `up`, with the machine left as it was."""
    words = host.last_words()
    host.remove(name)
    assert run.code in (stack.EXIT_DENIED, stack.EXIT_INVALID), f"{run}\n{words}"
    return run.json()


def check_reasons(error, code):
    assert error["code"] == code, error
    assert [reason["code"] for reason in error["reasons"]] == [code], error
    for reason in error["reasons"]:
        assert reason["expected"] and reason["got"] and reason["expected"] != reason["got"], error
        assert reason["claim"] and reason["fix"], error


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_artefact_gets_no_keys(host, hello_compose, name):
    file, change, code = CHANGES[name]
    copy = changed_image(host, name, file, change)
    host.image = name
    run = host.dstack(*host.up_args(hello_compose, name), "--json", code=None)
    shutil.rmtree(copy)
    check_reasons(refusal(host, name, run), code)


def change_share(host):
    """The directory that the page is served from, in the archive that the guest is about to read."""
    path = os.path.join(host.vm_dirs()[0], "shared.tar")
    with open(path, "r+b") as file:
        data = file.read()
        file.seek(data.index(b"/www") + 3)
        file.write(b"x")


def test_a_changed_app_compose_gets_no_keys(host, hello_compose):
    source, original = stack.newest_image()
    host.image = original
    os.symlink(os.path.join(source, original), os.path.join(host.images, original))
    with host.popen(host.program("cli", "dstack"), *host.up_args(hello_compose, "compose"), "--json") as child:
        stack.wait_for("QEMU runs", lambda: host.vm_dirs() and
                       os.path.exists(os.path.join(host.vm_dirs()[0], "qemu.pid")), stack.UP_S)
        change_share(host)
        child.stdout_text, child.stderr_text = child.communicate(timeout=stack.UP_S)
    run = stack.Done(subprocess.CompletedProcess([], child.returncode, child.stdout_text, child.stderr_text))
    error = refusal(host, "compose", run)
    check_reasons(error, "guest.compose_mismatch")
    assert error["reasons"][0]["anchor"] == "MRCONFIGID"
