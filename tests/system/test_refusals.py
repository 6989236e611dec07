# SPDX-License-Identifier: Apache-2.0
"""Refusals of the command and the VMM that need no booted VM: a machine or a host that lacks something,
apps that do not start or do not answer."""

import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import subprocess

import pytest

from codes import heard
from vmm import Failure, Vmm, make_image, program, vm_request

COMPOSE = """services:
  web:
    image: x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    ports: ["127.0.0.1:{port}:80"]
"""


def dstack(state, *args, wrap=()):
    """dstack with --json on this state; (exit code, document)."""
    env = dict(os.environ, DSTACK_STATE=str(state), DSTACK_IMAGES=os.path.join(str(state), "images"))
    run = subprocess.run([*wrap, program("cli", "dstack"), *map(str, args), "--json"], env=env, capture_output=True,
                         stdin=subprocess.DEVNULL, check=False, timeout=300)
    if run.returncode != 0:
        heard(run.stdout + run.stderr)
    return run.returncode, json.loads(run.stdout)


def compose_file(directory, port=1):
    path = os.path.join(str(directory), "docker-compose.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(COMPOSE.format(port=port))
    return path


@contextlib.contextmanager
def running(state, config='machine: "null"\n', **options):
    daemon = Vmm(state, config, **options)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.end()


def kill_kms(state):
    """`up` starts dstack-kms and leaves it running; its lock names it."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/environ", "rb") as file:
                environ = file.read()
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                comm = file.read().strip()
            if comm == "dstack-kms" and f"DSTACK_STATE={state}\0".encode() in environ:
                os.kill(int(pid), 15)


def test_no_image(tmp_path):
    with running(tmp_path):
        code, error = dstack(tmp_path, "up", "-f", compose_file(tmp_path), "--name", "x")
    assert (code, error["code"]) == (5, "cli.no_image")


def test_a_daemon_that_cannot_start(tmp_path):
    os.makedirs(tmp_path / "vmm" / "vmm.sock")  # a directory where its socket belongs
    make_image(tmp_path)
    code, error = dstack(tmp_path, "ps")
    assert (code, error["code"]) == (6, "cli.daemon_failed")


def test_no_docker_compose(tmp_path):
    hide = "for d in /usr/libexec/docker /usr/local/lib/docker; do [ ! -d $d ] || mount -t tmpfs none $d; done; " \
           "[ ! -e /usr/bin/docker-compose ] || mount --bind /dev/null /usr/bin/docker-compose; exec \"$@\""
    code, error = dstack(tmp_path, "up", "-f", compose_file(tmp_path), "--name", "x",
                         wrap=["unshare", "-m", "sh", "-c", hide, "sh"])
    assert (code, error["code"]) == (5, "cli.no_compose")


def test_doctor_says_what_is_missing(tmp_path):
    code, found = dstack(tmp_path, "doctor")
    assert code == 6 and {row["check"]: row for row in found}["images"]["fix"]


def test_an_app_that_does_not_come(tmp_path):
    """One VM of a null machine: it never boots, it ends, and it is ready without an answer on its port."""
    with open(os.path.join(make_image(tmp_path), "digest.txt"), "w", encoding="utf-8") as file:
        file.write("ab" * 32 + "\n")
    up = ["up", "-f", compose_file(tmp_path), "--name", "x", "--no-verify"]
    with running(tmp_path, 'machine: "null"\nrestart:\n  enabled: false\n') as vmm:
        try:
            assert_code(dstack(tmp_path, *up, "--timeout", "1"), 6, "cli.boot_timeout")
            vm = vmm.call("Status")["vms"][0]["id"]
            replay(vmm, vm, '{"exit_after_ms": 1}')
            assert_code(dstack(tmp_path, *up, "--timeout", "60"), 1, "vmm.boot_ended")
            replay(vmm, vm, "{}")  # nothing happens; an empty text would leave the script as it is
            assert_code(stop_during(vmm, vm, tmp_path, *up), 6, "cli.boot_ended")
            replay(vmm, vm, '{"ready_after_ms": 1}')
            assert_code(dstack(tmp_path, *up, "--timeout", "60"), 6, "cli.no_answer")
        finally:
            kill_kms(tmp_path)


def assert_code(got, code, dotted):
    assert (got[0], got[1]["code"]) == (code, dotted), got


def stop_during(vmm, vm, state, *args):
    """Somebody stops the VM while `up` waits for it."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        result = pool.submit(dstack, state, *args, "--timeout", "60")
        vmm.wait_for(vm, lambda i: i["status"] == "running", timeout=60)
        vmm.call("StopVm", {"id": vm})
        return result.result()


def replay(vmm, vm, script):
    vmm.call("StopVm", {"id": vm})
    vmm.call("UpdateVm", {"id": vm, "user_config": script})


def failure_of(vmm, **fields):
    """The code with which a VM is refused, or with which its start fails."""
    try:
        vm = vmm.call("CreateVm", vm_request(**fields))["id"]
    except Failure as failure:
        return failure.code
    info = vmm.wait_for(vm, lambda i: i.get("boot_failure"), timeout=120)
    return info["boot_failure"]["code"]


def test_more_vms_than_allowed(tmp_path):
    make_image(tmp_path)
    with running(tmp_path, 'machine: "null"\nlimits:\n  vms: 1\n') as vmm:
        vmm.call("CreateVm", vm_request(stopped=True))
        assert failure_of(vmm) == "vmm.busy"


NEEDS = [
    ("no KVM", "machine: simulated\naccel: kvm\nqemu: {fake}\n", {}, "vmm.kvm_unusable"),
    ("no QEMU", "machine: simulated\naccel: tcg\nqemu: /nonexistent/qemu\n", {}, "vmm.qemu_missing"),
    ("no qemu-img", "machine: simulated\naccel: tcg\nqemu_img: /nonexistent/qemu-img\n", {}, "vmm.qemu_missing"),
]


@pytest.mark.parametrize("config,fields,code", [row[1:] for row in NEEDS], ids=[row[0] for row in NEEDS])
def test_what_a_host_lacks(tmp_path, config, fields, code):
    fake = tmp_path / "qemu"  # knows its version and boots nothing
    fake.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "QEMU emulator version 10.1.0" && exit 0\nexit 1\n')
    fake.chmod(0o755)
    make_image(tmp_path)
    with running(tmp_path, config.format(fake=fake)) as vmm:
        assert failure_of(vmm, **fields) == code


def test_no_helper_of_the_simulated_platform(tmp_path):
    make_image(tmp_path)
    alone = tmp_path / "bin" / "dstack-vmm"
    alone.parent.mkdir()
    shutil.copy(program("vmm", "dstack-vmm"), alone)

    class Alone(Vmm):
        def start(self, fault=None, wait=True):
            import vmm as harness
            original = harness.program
            harness.program = lambda room, name, build=None: str(alone)
            try:
                return super().start(fault, wait)
            finally:
                harness.program = original
    vmm = Alone(tmp_path, "machine: simulated\naccel: tcg\n")
    vmm.start()
    try:
        assert failure_of(vmm) == "vmm.simtee_missing"
    finally:
        vmm.end()


def test_tables_match_the_help():
    """What --describe tells of a command is what its help shows."""
    about = json.loads(subprocess.run([program("cli", "dstack"), "--describe"], check=True, capture_output=True).stdout)
    for command in about["commands"]:
        verb = command["name"].split()[1]
        text = subprocess.run([program("cli", "dstack"), verb, "--help"], check=True, capture_output=True, text=True,
                              env=dict(os.environ, DSTACK_STATE="/nonexistent")).stdout
        shown = set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.M)) - {"help"}
        assert shown == {option["name"] for option in command["options"]}, verb
        assert command["summary"] in text and (command["operands"] or "") in text
