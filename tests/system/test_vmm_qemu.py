# SPDX-License-Identifier: Apache-2.0
"""dstack-vmm with a real QEMU and the simulated platform: what survives when a process is killed.

The guest has nothing to run and stays in its panic: these tests are about the host's side.
"""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from vmm import Failure, Vmm, make_image, program, vm_request

CONFIG = """
machine: simulated
accel: tcg
stop_grace: 2
restart:
  backoff: 0
"""

CMDLINE = "console=ttyS0 panic=0 rdinit=/nothing"


def newest_image():
    images = os.environ.get("DSTACK_IMAGES", "")
    found = [os.path.join(images, n) for n in (os.listdir(images) if os.path.isdir(images) else [])
             if os.path.exists(os.path.join(images, n, "metadata.json"))]
    return max(found, key=os.path.getmtime, default=None)


@pytest.fixture
def vmm(tmp_path):
    source = newest_image()
    if source is None:
        pytest.skip("no guest image in $DSTACK_IMAGES: './dev image' builds one")
    image = make_image(tmp_path, cmdline=CMDLINE)
    for name in ("ovmf.fd", "bzImage", "initramfs.cpio.gz"):
        shutil.copy(os.path.join(source, name), os.path.join(image, name))
    with open(os.path.join(image, "rootfs.img"), "wb") as f:
        f.truncate(1 << 20)
    daemon = Vmm(tmp_path, CONFIG)
    yield daemon
    if daemon.process is None:
        daemon.start()
    for vm in daemon.call("Status")["vms"]:
        daemon.call("RemoveVm", {"id": vm["id"]})
    daemon.end()


def start_vm(vmm, **fields):
    vmm.start()
    vm = vmm.call("CreateVm", vm_request(**fields))["id"]
    vmm.wait_for(vm, lambda i: i["pid"] != 0, 120)
    return vm


def launch(vmm, vm):
    with open(os.path.join(vmm.vm_dir(vm), "launch.json"), encoding="utf-8") as f:
        return json.load(f)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(want, timeout=60):
    deadline = time.monotonic() + timeout
    while not want():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_start_stop_remove(vmm):
    vm = start_vm(vmm, ports=[{"protocol": "tcp", "host_port": 0, "vm_port": 80}])
    run = launch(vmm, vm)
    assert run["kvm"] is False and run["qemu"]["pid"] == vmm.info(vm)["pid"]
    assert "/proc/self/fd/" in run["args"][run["args"].index("-kernel") + 1]
    wait_until(lambda: b"Linux version" in vmm.get(f"/logs?id={vm}")[1], 120)
    vmm.call("StopVm", {"id": vm})
    assert not is_alive(run["qemu"]["pid"])
    wait_until(lambda: not is_alive(run["simtee"]["pid"]))
    assert vmm.info(vm)["status"] == "stopped"
    vmm.call("UpdateVm", {"id": vm, "disk_size": 3})
    vmm.call("StartVm", {"id": vm})
    again = launch(vmm, vm)
    assert again["launch_id"] != run["launch_id"]
    size = json.loads(subprocess.run(
        ["qemu-img", "info", "-U", "--output=json", os.path.join(vmm.vm_dir(vm), "hda.img")],
        check=True, capture_output=True).stdout)["virtual-size"]
    assert size == 3 << 30
    vmm.call("RemoveVm", {"id": vm})
    assert not is_alive(again["qemu"]["pid"]) and not os.path.exists(vmm.vm_dir(vm))
    for pid in (run["simtee"]["pid"], again["simtee"]["pid"]):  # reaped, too
        assert not os.path.exists(f"/proc/{pid}")


def test_a_vm_outlives_the_daemon(vmm):
    vm = start_vm(vmm)
    run = launch(vmm, vm)
    vmm.kill()
    assert is_alive(run["qemu"]["pid"]) and is_alive(run["simtee"]["pid"])
    vmm.start()
    info = vmm.wait_for(vm, lambda i: i["pid"] != 0, 60)
    assert info["pid"] == run["qemu"]["pid"]
    assert launch(vmm, vm)["simtee"] == run["simtee"]
    vmm.call("StopVm", {"id": vm})
    wait_until(lambda: not is_alive(run["qemu"]["pid"]))


def test_a_dead_helper_is_replaced(vmm):
    vm = start_vm(vmm)
    run = launch(vmm, vm)
    os.kill(run["simtee"]["pid"], signal.SIGKILL)
    wait_until(lambda: launch(vmm, vm).get("simtee", run["simtee"]) != run["simtee"])
    assert launch(vmm, vm)["launch_id"] == run["launch_id"]
    assert is_alive(run["qemu"]["pid"]) and is_alive(launch(vmm, vm)["simtee"]["pid"])


def test_daemon_and_helper_die_together(vmm):
    vm = start_vm(vmm)
    run = launch(vmm, vm)
    vmm.kill()
    os.kill(run["simtee"]["pid"], signal.SIGKILL)
    vmm.start()
    vmm.wait_for(vm, lambda i: i["pid"] == run["qemu"]["pid"], 60)
    assert launch(vmm, vm)["simtee"]["pid"] != run["simtee"]["pid"]


def test_a_journal_that_does_not_fit_ends_the_vm(vmm):
    vm = start_vm(vmm)
    run = launch(vmm, vm)
    vmm.kill()
    os.kill(run["simtee"]["pid"], signal.SIGKILL)
    os.unlink(os.path.join(vmm.vm_dir(vm), "tee", "journal"))
    vmm.start()
    wait_until(lambda: not is_alive(run["qemu"]["pid"]))
    wait_until(lambda: "simtee.journal_mismatch" in vmm.log())  # said by another thread than the one that ends it
    vmm.wait_for(vm, lambda i: i["pid"] not in (0, run["qemu"]["pid"]), 120)


@pytest.mark.parametrize("record", ["{", None], ids=["broken", "gone"])
def test_a_lost_record_loses_no_machine(vmm, record):
    """A QEMU that nothing names any more is ended, and the VM started again: never two, never none."""
    vm = start_vm(vmm)
    run = launch(vmm, vm)
    vmm.kill()
    path = os.path.join(vmm.vm_dir(vm), "launch.json")
    os.unlink(path)
    if record is not None:
        with open(path, "w", encoding="utf-8") as f:
            f.write(record)
    vmm.start()
    vmm.wait_for(vm, lambda i: i["pid"] not in (0, run["qemu"]["pid"]), 120)
    assert not is_alive(run["qemu"]["pid"])


def test_a_killed_vm_is_started_again(vmm):
    vm = start_vm(vmm)
    run = launch(vmm, vm)
    os.kill(run["qemu"]["pid"], signal.SIGKILL)
    info = vmm.wait_for(vm, lambda i: i["pid"] not in (0, run["qemu"]["pid"]), 120)
    assert info["restarts"] == 1
    assert "killed by signal 9" in [e["body"] for e in info["events"]]


@pytest.mark.parametrize("point", ["vmm.disk.written", "vmm.launch.spawn", "vmm.launch.spawned",
                                   "vmm.pid.before"])
def test_killed_while_qemu_starts(vmm, point):
    if "build-san" not in program("vmm", "dstack-vmm"):
        pytest.skip("the build has no fault hooks (build-san)")
    vmm.start(fault=point)
    try:
        vmm.call("CreateVm", vm_request())
    except (OSError, ValueError):
        pass
    vmm.died_of_fault()
    vmm.start()
    [vm] = vmm.call("Status")["vms"]
    vmm.wait_for(vm["id"], lambda i: i["pid"] != 0, 120)
    pids = [p for p in os.listdir("/proc") if p.isdigit() and runs_in(p, vmm.vm_dir(vm["id"]))]
    assert pids == [str(vmm.info(vm["id"])["pid"])]


@pytest.mark.parametrize("method,point,left", [("StopVm", "vmm.state.renamed", ["stopped"]),
                                               ("RemoveVm", "vmm.removing.renamed", [])])
def test_killed_between_the_word_and_the_end(vmm, method, point, left):
    """What was to end ends, though nobody asks again."""
    if "build-san" not in program("vmm", "dstack-vmm"):
        pytest.skip("the build has no fault hooks (build-san)")
    vm = start_vm(vmm)
    run = launch(vmm, vm)
    with open(vmm.fault_path, "w", encoding="utf-8") as f:
        f.write(point + "\n")
    with pytest.raises((OSError, ValueError)):
        vmm.call(method, {"id": vm})
    vmm.died_of_fault()
    assert is_alive(run["qemu"]["pid"])
    vmm.start()
    wait_until(lambda: not is_alive(run["qemu"]["pid"]) and not is_alive(run["simtee"]["pid"]))
    wait_until(lambda: [v["status"] for v in vmm.call("Status")["vms"]] == left)
    assert os.path.exists(vmm.vm_dir(vm)) == bool(left)


def runs_in(pid, path):
    """A QEMU whose current directory is the VM's."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == os.path.realpath(path)
    except OSError:
        return False


def test_no_qemu(vmm):
    with open(vmm.config_path, "a", encoding="utf-8") as f:
        f.write("qemu: /nowhere/qemu\n")
    vmm.start()
    vm = vmm.call("CreateVm", vm_request(stopped=True))["id"]
    with pytest.raises(Failure) as failure:
        vmm.call("StartVm", {"id": vm})
    assert failure.value.code == "vmm.qemu_missing"
    assert vmm.info(vm)["boot_failure"]["code"] == "vmm.qemu_missing"


def test_qemu_refuses(vmm):
    """QEMU's own words come out."""
    fake = os.path.join(vmm.state, "qemu")
    with open(fake, "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\n[ "$1" != --version ] || { echo "QEMU emulator version 11.1.3"; exit; }\n'
                'echo "-bogusopt: invalid option" >&2\nexit 1\n')
    os.chmod(fake, 0o755)
    with open(vmm.config_path, "a", encoding="utf-8") as f:
        f.write(f"qemu: {fake}\n")
    vmm.start()
    vm = vmm.call("CreateVm", vm_request(stopped=True))["id"]
    with pytest.raises(Failure) as failure:
        vmm.call("StartVm", {"id": vm})
    assert failure.value.code == "vmm.launch_failed"
    assert "-bogusopt: invalid option" in failure.value.body["error"]
