# SPDX-License-Identifier: Apache-2.0
"""kill -9 at named points during `up`: the next `up` finishes the job, and nothing is there twice.

The fault build ends a program as a power cut would where the fault file says (base/fault.h). The
points of a test follow each other in one life of a machine, so that few boots are needed: after each
death `up` is run again with the next point.
"""

import json
import os

import stack


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


def test_kms_killed(fragile, hello_compose):
    """While it makes its root, notes an app, and writes the leaf of a release."""
    for point in ("kms.root.written", "kms.allow.written", "kms.log.committed"):
        assert fragile.failing_up(hello_compose, "hello", point).code != 0
    check_whole(fragile, hello_compose)


def test_vmm_killed(fragile, hello_compose):
    """Before a VM is complete, before its QEMU starts, and before QEMU's pid is noted."""
    for point in ("vmm.manifest.before", "vmm.launch.spawn", "vmm.launch.spawned"):
        assert fragile.failing_up(hello_compose, "hello", point).code != 0
    check_whole(fragile, hello_compose)


def test_simtee_killed(fragile, hello_compose):
    """At launch the VM cannot start; afterwards the VMM puts a new helper in its place, and the boot goes on."""
    assert fragile.failing_up(hello_compose, "hello", "simtee.journal.written").code != 0
    fragile.arm("simtee.extend.before")
    with fragile.popen(fragile.program("cli", "dstack"), *fragile.up_args(hello_compose, "hello")) as child:
        for later in ("simtee.extend.written", "simtee.extend.written@3"):
            stack.wait_for("the point is passed", fragile.fired, stack.UP_S)
            fragile.arm(later)
        out, err = child.communicate(timeout=stack.UP_S)
    assert child.returncode == 0 and fragile.fired(), f"{out}\n{err}\n{fragile.last_words()}"
    check_whole(fragile, hello_compose)
