# SPDX-License-Identifier: Apache-2.0
"""kill -9 at named points during `up`: the next `up` finishes the job, and nothing is there twice.

The fault build ends a program as a power cut would where the fault file says (base/fault.h). The
points of a test follow each other in one life of a machine, so that few boots are needed: after each
death `up` is run again with the next point. A guest has no fault hooks: its machine is killed when
what it did shows from outside.
"""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess

import stack


def releases(machine):
    """The leaves of the KMS's log that gave an app its boot keys: one for every boot that got them."""
    path = os.path.join(machine.state, "kms", "log.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT value FROM kv WHERE key >= CAST('leaf/' AS BLOB) AND key < CAST('leaf0' AS BLOB)")
        leaves = [json.loads(value) for (value,) in rows]
    return [leaf for leaf in leaves if leaf["act"] == "get_app_key" and leaf["decision"] == "allow"]


def left_overs(machine):
    """Files that a write which was cut short would leave beside the file that it is for."""
    return [os.path.join(at, name) for at, _, names in os.walk(machine.state) for name in names
            if name.endswith(".new") or name.startswith(".new-")]


def check_whole(machine, compose):
    """`up` ends well, with one of everything, and the proof holds that what runs is what was asked for."""
    machine.up(compose, "hello")
    assert machine.vm("hello")["status"] == "running"
    assert len(machine.vm_dirs()) == 1
    for name in ("dstack-vmm", "dstack-kms", "qemu-", "dstack-simtee"):
        assert len(machine.processes(name)) == 1, machine.processes()
    with open(os.path.join(machine.state, "kms", "allow.json"), encoding="utf-8") as file:
        assert len(json.load(file)["apps"]) == 1
    assert releases(machine)
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


def cut_up(machine, compose, point):
    """`up` itself dies at the point."""
    machine.arm(point)
    run = machine.dstack(*machine.up_args(compose, "hello"), "--json", code=None)
    assert run.code == -signal.SIGKILL and machine.fired(), f"{point}: {run}"


def test_cli_killed(fragile, hello_compose):
    """While it makes a volume, within the record of what is asked for, and between that and the VM."""
    for point in ("cli.volume.written", "cli.record_compose.written", "cli.record.renamed"):
        cut_up(fragile, hello_compose, point)
    check_whole(fragile, hello_compose)
    assert not left_overs(fragile)


def header_begun(machine):
    """Something of the data disk's first cluster is written: of a new disk that is the LUKS header alone."""
    [directory] = machine.vm_dirs()
    run = subprocess.run(["qemu-img", "map", "-U", "--output=json", os.path.join(directory, "hda.img")],
                         check=False, capture_output=True, text=True)
    return run.returncode == 0 and json.loads(run.stdout)[0]["data"]


def step_began(machine, step):
    """The guest says that it is at this step of its boot, or past it."""
    steps = machine.rpc("vmm/vmm.sock", "GetInfo", {"id": machine.vm("hello")["id"]})["info"]["boot_steps"]
    return step in [row["step"] for row in steps]


def kill_machine_when(machine, what, condition):
    stack.wait_for(what, condition, stack.UP_S)
    pids = machine.processes("qemu-")
    assert len(pids) == 1, pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        stack.wait_for("the machine ended", lambda pid=pid: pid not in machine.processes())


def test_guest_killed(needs_image, hello_compose):
    """While it writes the data disk's header, after its keys are released, and before the boot is closed.

    The VMM starts the machine again each time; the one `up` goes on to the end."""
    machine = stack.Machine()
    try:
        with machine.popen(machine.program("cli", "dstack"), *machine.up_args(hello_compose, "hello")) as child:
            stack.wait_for("the VM is there", machine.vm_dirs, stack.UP_S)
            kill_machine_when(machine, "the header", lambda: header_begun(machine))
            assert len(releases(machine)) == 1
            kill_machine_when(machine, "the second leaf", lambda: len(releases(machine)) == 2)
            kill_machine_when(machine, "the third boot's step env", lambda: step_began(machine, "env"))
            out, err = child.communicate(timeout=stack.UP_S)
        assert child.returncode == 0, f"{out}\n{err}\n{machine.last_words()}"
        check_whole(machine, hello_compose)
        assert len(releases(machine)) == 4
    finally:
        machine.close()
