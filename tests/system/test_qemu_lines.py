# SPDX-License-Identifier: Apache-2.0
"""The golden QEMU command lines, read by the QEMU that is installed.

No machine of ours has TDX or SEV-SNP, and QEMU looks at a line in an order: objects and their properties
first, then the accelerator, then the devices. So a line of such a machine is checked in two passes.
Whole, it must end where private memory is set up, and nowhere before: its options, its objects and
their properties are then right. Without the confidential object it must start, and every device
must be in its place. Each pass is also shown to find a fault that is put in.

The passt backend is replaced by another one, and its options are checked apart: QEMU 11.1.3 closes a
descriptor too many when it starts passt, and one start in four then hangs or has lost its memory file.
"""

import json
import os
import re
import socket
import subprocess

import pytest

import stack

GOLDEN = os.path.join(stack.TOP, "tests", "unit", "vmm", "golden")
FIRMWARE = "/usr/share/ovmf/OVMF.fd"
QEMU_S = 120
LINES = sorted(name.removesuffix(".args") for name in os.listdir(GOLDEN))
# The property by which QEMU turns a machine into a confidential one, and the object's type.
CONFIDENTIAL = {"tdx": ("tdx-guest", "confidential-guest-support=tdx"),
                "snp": ("sev-snp-guest", "confidential-guest-support=sev0")}
NO_KVM = "cannot set up private guest memory for {}: KVM required"


@pytest.fixture(scope="module")
def netns():
    fd = stack.new_netns()
    yield fd
    os.close(fd)


@pytest.fixture
def place(tmp_path, needs_image):
    """Every file that a golden line names, and the directory that stands for the VM's."""
    images, image = stack.newest_image()
    for name in ("bzImage", "initramfs.cpio.gz"):
        os.symlink(os.path.join(images, image, name), tmp_path / name)
    for name in ("rootfs.img", "shared.tar", "volume"):
        (tmp_path / name).write_bytes(bytes(1 << 20))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "hda.img", "1G"], check=True)
    return tmp_path


def golden(name, place):
    """The line as [option, value, ...] pairs flattened, with this machine's files and without KVM."""
    with open(os.path.join(GOLDEN, f"{name}.args"), encoding="utf-8") as file:
        args = file.read().splitlines()
    paths = {"/images/i/ovmf.fd": FIRMWARE, "/images/i/": f"{place}/", "/proc/self/fd/10": FIRMWARE,
             "/proc/self/fd/11": f"{place}/bzImage", "/proc/self/fd/12": f"{place}/initramfs.cpio.gz",
             "/volumes/hello.tar": f"{place}/volume", "/volumes/a,,readonly=off": f"{place}/volume"}
    for old, new in paths.items():
        args = [arg.replace(old, new) for arg in args]
    for option, value in (("-accel", "tcg"), ("-cpu", "max"), ("-m", "1024M")):
        args[args.index(option) + 1] = value
    args = [re.sub("^passt,id=net1,.*", "user,id=net1,restrict=on", arg) for arg in args]
    return [arg.replace("size=3072M", "size=1024M") for arg in args]


def run(args, place, netns):
    """What QEMU says of a line that it refuses."""
    done = subprocess.run(args, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=QEMU_S, check=False, preexec_fn=lambda: os.setns(netns, os.CLONE_NEWNET))
    assert done.returncode == 1, done
    return done.stderr


def without_object(args, kind, machine):
    """The same line for an ordinary machine."""
    at = next(i for i, arg in enumerate(args) if arg == "-object" and kind in args[i + 1])
    return [arg.replace(f"{machine},", "") for arg in args[:at] + args[at + 2:]]


class Qmp:
    """A machine that was started and does not run; each question gets its answer."""

    def __init__(self, args, place, netns):
        self.process = subprocess.Popen([*args, "-S"], cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: os.setns(netns, os.CLONE_NEWNET))
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(QEMU_S)
        stack.wait_for("QMP answers", lambda: self.connects(place / "qmp.sock"), QEMU_S)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        assert "QMP" in json.loads(self.lines.readline())
        self.ask("qmp_capabilities")

    def connects(self, path):
        if self.process.poll() is not None:
            raise AssertionError(self.process.communicate()[1])
        try:
            self.socket.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def ask(self, command):
        self.socket.sendall(json.dumps({"execute": command}).encode() + b"\n")
        for line in self.lines:
            reply = json.loads(line)
            assert "error" not in reply, reply
            if "return" in reply:
                return reply["return"]
        raise AssertionError(f"QEMU ended: {self.process.communicate()[1]}")

    def end(self):
        """(exit code, what it said) after `quit`."""
        self.ask("quit")
        said = self.process.communicate(timeout=QEMU_S)[1]
        return self.process.returncode, said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.lines.close()
        self.socket.close()


@pytest.mark.parametrize("name", sorted(CONFIDENTIAL))
def test_a_confidential_line_ends_at_its_private_memory(name, place, netns):
    kind, _ = CONFIDENTIAL[name]
    assert NO_KVM.format(kind) in run(golden(name, place), place, netns)


FAULTS = [
    ("tdx", '"mrconfigid"', '"mrconfigit"', "mrconfigit"),
    ("tdx", '"type":"vsock"', '"type":"rsock"', "rsock"),
    ("tdx", '"port":"4050"', '"bort":"4050"', "port"),
    ("snp", "host-data=xcX", "host-data=A", "host-data|base64|length"),
    ("snp", "kernel-hashes=on", "kernel-hashes=perhaps", "perhaps|kernel-hashes"),
    ("snp", "sev-device=", "sev-divice=", "sev-divice"),
    ("snp", "reduced-phys-bits=1", "reduced-phys-bits=x", "reduced-phys-bits|x"),
    ("tdx", "-nodefaults", "-nodefault", "invalid option"),
    ("snp", "reboot=shutdown", "reboot=perhaps", "perhaps"),
]


@pytest.mark.parametrize("name, good, bad, said", FAULTS, ids=[f"{row[0]} {row[2]}" for row in FAULTS])
def test_the_first_pass_sees_a_wrong_object(name, good, bad, said, place, netns):
    args = golden(name, place)
    assert any(good in arg for arg in args), good
    text = run([arg.replace(good, bad) for arg in args], place, netns)
    assert re.search(said, text) and "KVM required" not in text, text


@pytest.mark.parametrize("name", LINES)
def test_every_device_is_in_its_place(name, place, netns):
    args = golden(name, place)
    if name in CONFIDENTIAL:
        args = without_object(args, *CONFIDENTIAL[name])
    wanted = {int(match.group(1), 16) for arg in args if (match := re.search(r"bus=pcie\.0,addr=(0x[0-9a-f]+)", arg))}
    assert len(wanted) >= 5
    with Qmp(args, place, netns) as qmp:
        slots = {device["slot"] for device in qmp.ask("query-pci")[0]["devices"]}
        drives = {row["device"] for row in qmp.ask("query-block")}
        chardevs = {row["label"] for row in qmp.ask("query-chardev")}
        cpus = qmp.ask("query-cpus-fast")
        state = qmp.ask("query-status")["status"]
        assert qmp.end() == (0, "")
    # q35 has its own bridge at 0 and its functions at 31; everything else is ours.
    assert slots - {0, 31} == wanted
    assert {"hd0", "hd1", "hd2"} <= drives and {"com0", "host"} <= chardevs
    assert len(cpus) == 2 and state == "prelaunch"


@pytest.mark.parametrize("bad, said", [(",bogus=1", "Invalid parameter 'bogus'"),
                                       (",quiet=perhaps", "'quiet' expects 'on' or 'off'")])
@pytest.mark.parametrize("name", LINES)
def test_the_options_of_passt_are_known(name, bad, said, place, netns):
    """One option too many is the only one that is refused."""
    with open(os.path.join(GOLDEN, f"{name}.args"), encoding="utf-8") as file:
        lines = [line for line in file.read().splitlines() if line.startswith("passt,")]
    for line in lines:
        assert said in run(["qemu-system-x86_64", "-machine", "none", "-netdev", line + bad], place, netns)
    assert len(lines) == (name in ("simulated-all", "snp"))


DEVICE_FAULTS = [
    ("virtio-blk-pci,", "virtio-blk-pci,bogus=1,", "bogus"),
    ("virtserialport", "virtserialpord", "not a valid device model name"),
    ("hpet=off", "hpett=off", "hpett"),
    ("addr=0x2,", "addr=0x1,", "already used|in use"),
    ("restrict=on", "restrikt=on", "restrikt"),
]


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("good, bad, said", DEVICE_FAULTS, ids=[row[1] for row in DEVICE_FAULTS])
def test_the_second_pass_sees_a_wrong_device(name, good, bad, said, place, netns):
    args = golden(name, place)
    if name in CONFIDENTIAL:
        args = without_object(args, *CONFIDENTIAL[name])
    assert any(good in arg for arg in args), good
    assert re.search(said, run([arg.replace(good, bad, 1) for arg in args] + ["-S"], place, netns))
