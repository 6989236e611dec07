# SPDX-License-Identifier: Apache-2.0
"""What `dstack` says of VMs that do not run as their owner thinks; on null machines, without a guest."""

import json
import os
import subprocess
import time

import pytest

import stack
from vmm import Vmm, make_image, program, vm_request

CONFIG = 'machine: "null"\nrestart:\n  backoff: 0\n'


@pytest.fixture
def vmm(tmp_path):
    make_image(tmp_path)
    daemon = Vmm(tmp_path, CONFIG, build="build")
    yield daemon.start()
    daemon.end()


def dstack(vmm, *args, code=0):
    env = dict(vmm.env, DSTACK_IMAGES=os.path.join(vmm.state, "images"))
    run = subprocess.run([program("cli", "dstack", "build"), *args], env=env, capture_output=True, text=True,
                         timeout=120, check=False)
    assert run.returncode == code, run
    return run


def create(vmm, **fields):
    return vmm.call("CreateVm", vm_request(**fields))["id"]


@pytest.mark.parametrize("command", [("verify", "hello"), ("logs", "hello", "-c")], ids=["verify", "logs"])
def test_a_vm_that_stands_still_is_not_waited_for(vmm, command):
    create(vmm, stopped=True)
    began = time.monotonic()
    error = json.loads(dstack(vmm, *command, "--json", code=stack.EXIT_UNAVAILABLE).stdout)
    assert time.monotonic() - began < 10 and error["code"] == "cli.vm_not_running"
    reason = error["reasons"][0]
    assert (reason["got"], reason["anchor"]) == ("stopped", "hello") and "dstack up" in reason["fix"]


def test_a_console_without_a_word(vmm):
    vm = create(vmm)
    vmm.wait_for(vm, lambda i: i["status"] == "running")
    with open(os.path.join(vmm.vm_dir(vm), "serial.log"), "wb"):
        pass
    run = dstack(vmm, "logs", "hello")
    assert run.stdout == "" and run.stderr == "(nothing printed yet)\n"


def test_a_simulated_platform_is_refused_before_anything_is_made(vmm, tmp_path):
    (tmp_path / "images" / "test" / "digest.txt").write_text("00" * 32 + "\n")
    compose = tmp_path / "docker-compose.yaml"
    compose.write_text("services: {web: {image: 'hello@sha256:" + "0" * 64 + "'}}\n")
    error = json.loads(dstack(vmm, "up", "-f", str(compose), "--name", "app", "--json",
                              code=stack.EXIT_DENIED).stdout)
    assert error["code"] == "policy.simulated_evidence" and "--allow-simulated" in error["reasons"][0]["fix"]
    assert vmm.call("Status")["total"] == 0
    assert not os.path.exists(os.path.join(vmm.state, "kms"))
