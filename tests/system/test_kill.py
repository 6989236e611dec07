# SPDX-License-Identifier: Apache-2.0
"""kill -9 at named points during `up`: the next `up` finishes the job, and nothing is there twice.

The fault build ends a program as a power cut would where the fault file says (base/fault.h). The
points of a test follow each other in one life of a machine, so that few boots are needed: after each
death `up` is run again with the next point.
"""

import json
import os

import pytest

import stack


@pytest.fixture
def fragile(needs_image):
    if not os.path.exists(os.path.join(stack.FAULT_BUILD, "src/cli/dstack")):
        pytest.skip("needs the fault build: ./dev test makes it in its part san")
    one = stack.Machine(build=stack.FAULT_BUILD)
    try:
        yield one
    finally:
        one.close()


def arm(machine, point):
    with open(machine.fault_file + ".new", "w", encoding="utf-8") as file:
        file.write(point + "\n")
    os.rename(machine.fault_file + ".new", machine.fault_file)


def fired(machine):
    return not os.path.exists(machine.fault_file)


def check_whole(machine, compose):
    """`up` ends well, with one of everything."""
    machine.up(compose, "hello")
    assert machine.vm("hello")["status"] == "running"
    assert len(machine.vm_dirs()) == 1
    for name in ("dstack-vmm", "dstack-kms", "qemu-", "dstack-simtee"):
        assert len(machine.processes(name)) == 1, machine.processes()
    with open(os.path.join(machine.state, "kms", "allow.json"), encoding="utf-8") as file:
        assert len(json.load(file)["apps"]) == 1
    assert "Hello from a confidential VM" in machine.get(8080)


def failing_up(machine, compose, point):
    """`up` meets the point and says what is wrong; or the rest of the system made up for it."""
    arm(machine, point)
    run = machine.dstack(*machine.up_args(compose, "hello"), "--json", code=None)
    assert fired(machine), f"{point} was not passed: {run}"
    if run.code != 0:
        error = run.json()
        assert run.code in (stack.EXIT_FAILED, stack.EXIT_UNAVAILABLE) and error["error"], run
    return run


def test_kms_killed(fragile, hello_compose):
    """While it makes its root, notes an app, and writes the leaf of a release."""
    for point in ("kms.root.written", "kms.allow.written", "kms.log.committed"):
        assert failing_up(fragile, hello_compose, point).code != 0
    check_whole(fragile, hello_compose)


def test_vmm_killed(fragile, hello_compose):
    """Before a VM is complete, before its QEMU starts, and before QEMU's pid is noted."""
    for point in ("vmm.manifest.before", "vmm.launch.spawn", "vmm.launch.spawned"):
        assert failing_up(fragile, hello_compose, point).code != 0
    check_whole(fragile, hello_compose)


def test_simtee_killed(fragile, hello_compose):
    """At launch the VM cannot start; afterwards the VMM puts a new helper in its place, and the boot goes on."""
    assert failing_up(fragile, hello_compose, "simtee.journal.written").code != 0
    arm(fragile, "simtee.extend.before")
    with fragile.popen(fragile.program("cli", "dstack"), *fragile.up_args(hello_compose, "hello")) as child:
        for later in ("simtee.extend.written", "simtee.extend.written@3"):
            stack.wait_for("the point is passed", lambda: fired(fragile), stack.UP_S)
            arm(fragile, later)
        out, err = child.communicate(timeout=stack.UP_S)
    assert child.returncode == 0 and fired(fragile), f"{out}\n{err}\n{fragile.last_words()}"
    check_whole(fragile, hello_compose)
