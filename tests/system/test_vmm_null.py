# SPDX-License-Identifier: Apache-2.0
"""dstack-vmm's state machine on null machines: life of a VM, bad input, crashes of the daemon."""

import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from vmm import Failure, UnixConnection, Vmm, app_compose, make_image, program, vm_request

CONFIG = """
machine: "null"
restart:
  backoff: 0
  retries: 3
"""


@pytest.fixture
def vmm(tmp_path):
    make_image(tmp_path)
    daemon = Vmm(tmp_path, CONFIG)
    yield daemon.start()
    daemon.end()


def create(vmm, **fields):
    return vmm.call("CreateVm", vm_request(**fields))["id"]


def status(vmm, vm):
    return vmm.info(vm)["status"]


def test_life_of_a_vm(vmm):
    vm = create(vmm)
    info = vmm.wait_for(vm, lambda i: i["status"] == "running")
    compose = app_compose()
    digest = hashlib.sha256(compose.encode()).hexdigest()
    assert info["compose_hash"] == digest and info["app_id"] == digest[:40]
    assert info["configuration"]["compose_file"] == compose
    assert info["machine"] == "null" and info["restarts"] == 0
    vmm.call("StopVm", {"id": vm})
    assert status(vmm, vm) == "stopped"
    vmm.call("StopVm", {"id": vm})
    vmm.call("StartVm", {"id": vm})
    assert status(vmm, vm) == "running"
    vmm.call("StartVm", {"id": vm})
    vmm.call("RemoveVm", {"id": vm})
    assert vmm.call("GetInfo", {"id": vm}) == {"found": False}
    assert not os.path.exists(vmm.vm_dir(vm))
    vmm.call("RemoveVm", {"id": vm})


def test_the_files_of_a_vm(vmm):
    vm = create(vmm, user_config='{"ready_after_ms": 1}', encrypted_env="00ff", stopped=True)
    assert status(vmm, vm) == "stopped"
    path = vmm.vm_dir(vm)
    assert sorted(os.listdir(path)) == [".encrypted-env", ".instance_info", ".user-config",
                                        "app-compose.json", "vm-manifest.json", "vm-state.json"]
    for name in os.listdir(path):
        assert os.stat(os.path.join(path, name)).st_mode & 0o777 == 0o600, name
    vmm.call("StartVm", {"id": vm})
    vmm.wait_for(vm, lambda i: i["app_ready"])
    import tarfile  # here, where it is used once
    with tarfile.open(os.path.join(path, "shared.tar")) as tar:
        assert tar.getnames() == ["app-compose.json", ".sys-config.json", ".instance_info",
                                  ".encrypted-env", ".user-config"]
        config = json.load(tar.extractfile(".sys-config.json"))
    assert config["kms_urls"] == [] and "mr_config" in json.loads(config["vm_config"])
    assert json.loads(config["vm_config"])["cpu_count"] == 1


def test_a_vm_that_ends_is_started_again(vmm):
    vm = create(vmm, user_config='{"exit_after_ms": 1, "exits": 2}')
    info = vmm.wait_for(vm, lambda i: i["restarts"] == 2 and i["status"] == "running")
    assert [e["event"] for e in info["events"]].count("vmm.exited") == 2
    vmm.call("StopVm", {"id": vm})
    vmm.call("StartVm", {"id": vm})
    vmm.wait_for(vm, lambda i: i["restarts"] == 2 and i["status"] == "running")


def test_restarts_are_exhausted(vmm):
    vm = create(vmm, user_config='{"exit_after_ms": 1}')
    info = vmm.wait_for(vm, lambda i: "vmm.auto_restart.exhausted" in
                        [e["event"] for e in i["events"]])
    assert info["status"] == "exited" and info["restarts"] == 3
    info = vmm.wait_for(vm, lambda i: not i["restarting"])
    assert info["boot_failure"]["code"] == "vmm.boot_ended"
    vmm.call("StopVm", {"id": vm})
    assert status(vmm, vm) == "stopped"


REFUSED = [
    ("no name", {"name": ""}, "vmm.name_invalid"),
    ("name with a slash", {"name": "a/b"}, "vmm.name_invalid"),
    ("name with an escape", {"name": "\x1b[31m"}, "vmm.name_invalid"),
    ("image outside", {"image": "../../etc"}, "vmm.name_invalid"),
    ("image not there", {"image": "other"}, "vmm.image_not_found"),
    ("image broken", {"image": "broken"}, "vmm.image_broken"),
    ("image leads outside", {"image": "outside"}, "vmm.image_broken"),
    ("no processors", {"vcpu": 0}, "vmm.value_range"),
    ("too many processors", {"vcpu": 65}, "vmm.value_range"),
    ("processors as text", {"vcpu": "2"}, "vmm.value_range"),
    ("too little memory", {"memory": 255}, "vmm.value_range"),
    ("no disk", {"disk_size": 0}, "vmm.value_range"),
    ("a port on every address",
     {"ports": [{"protocol": "tcp", "host_port": 1, "vm_port": 1, "host_address": "0.0.0.0"}]},
     "vmm.port_refused"),
    ("a port twice", {"ports": [{"protocol": "tcp", "host_port": 7777, "vm_port": n}
                                for n in (1, 2)]}, "vmm.port_taken"),
    ("GPUs", {"gpus": {"gpus": [{"slot": "01:00.0"}]}}, "vmm.field_unsupported"),
    ("hugepages", {"hugepages": True}, "vmm.field_unsupported"),
    ("a bridge", {"networks": [{"mode": "bridge"}]}, "vmm.field_unsupported"),
    ("a bridge behind a user network", {"networks": [{"mode": "user"}, {"mode": "bridge"}]},
     "vmm.field_unsupported"),
    ("app-compose is no JSON", {"compose_file": "services:"}, "app.compose_format"),
    ("app-compose has a key twice",
     {"compose_file": '{"manifest_version":2,"name":"a","name":"b","runner":"bash"}'},
     "app.compose_format"),
    ("a TPM", {"compose_file": app_compose(key_provider="tpm")}, "vmm.field_unsupported"),
    ("a volume outside", {"compose_file": app_compose(verity_volumes=[
        {"source": "../x", "verity_root": "00" * 32, "target": "/x"}])}, "app.compose_format"),
    ("a volume with a blank in its name", {"compose_file": app_compose(verity_volumes=[
        {"source": "x y", "verity_root": "00" * 32, "target": "/x"}])}, "vmm.name_invalid"),
    ("a volume not there", {"compose_file": app_compose(verity_volumes=[
        {"source": "x", "verity_root": "00" * 32, "target": "/x"}])}, "vmm.volume_not_found"),
]


@pytest.mark.parametrize("fields,code", [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED])
def test_refusals_leave_nothing(vmm, fields, code):
    make_image(vmm.state, "outside", kernel="../test/bzImage")
    os.makedirs(os.path.join(vmm.state, "images", "broken"), exist_ok=True)
    with open(os.path.join(vmm.state, "images", "broken", "metadata.json"), "w",
              encoding="utf-8") as f:
        f.write("{")
    with pytest.raises(Failure) as failure:
        create(vmm, **fields)
    assert failure.value.status == 400 and failure.value.code == code, failure.value.body
    assert failure.value.body["reasons"][0]["fix"]
    assert vmm.call("Status")["total"] == 0
    assert os.listdir(os.path.join(vmm.state, "vmm", "vms")) == []


def test_unknown_vm(vmm):
    for method in ("StartVm", "StopVm", "ShutdownVm", "UpdateVm", "GuestInfo"):
        with pytest.raises(Failure) as failure:
            vmm.call(method, {"id": "00000000-0000-4000-8000-000000000000"})
        assert failure.value.code == "vmm.vm_not_found"
    with pytest.raises(Failure):
        vmm.call("StartVm", {})
    with pytest.raises(Failure):
        vmm.call("NoSuchMethod")


def test_a_silent_guest(vmm):
    vm = create(vmm)
    vmm.wait_for(vm, lambda i: i["status"] == "running")
    for method, params in (("Attest", {"nonce": "00" * 32}), ("GuestInfo", {}), ("GuestLogs", {}),
                           ("ShutdownVm", {})):
        with pytest.raises(Failure) as failure:
            vmm.call(method, {"id": vm, **params})
        assert failure.value.code == "vmm.guest_silent"
    with pytest.raises(Failure):
        vmm.call("Attest", {"id": vm, "nonce": "00" * 31})


def test_ports(vmm):
    port = {"protocol": "tcp", "host_port": 0, "vm_port": 80}
    first = create(vmm, ports=[port, port], stopped=True)
    ports = [p["host_port"] for p in vmm.info(first)["ports"]]
    assert all(ports) and len(set(ports)) == 2
    with pytest.raises(Failure) as failure:
        create(vmm, ports=[dict(port, host_port=ports[0])])
    assert failure.value.code == "vmm.port_taken"
    reason = failure.value.body["reasons"][0]
    assert reason["got"] == f"tcp 127.0.0.1:{ports[0]}, which VM 'hello' publishes"
    assert reason["expected"] == "a free one, as --publish OTHER:80 gives it" and "OTHER:PORT" in reason["fix"]
    create(vmm, ports=[dict(port, host_port=ports[0], protocol="udp")], stopped=True)
    vmm.call("RemoveVm", {"id": first})
    create(vmm, ports=[dict(port, host_port=ports[0])], stopped=True)


def test_update(vmm):
    vm = create(vmm, user_config="old")
    vmm.wait_for(vm, lambda i: i["status"] == "running")
    with pytest.raises(Failure) as failure:
        vmm.call("UpdateVm", {"id": vm, "memory": 1024})
    assert failure.value.code == "vmm.vm_running"
    compose = app_compose(name="next")
    reply = vmm.call("UpdateVm", {"id": vm, "compose_file": compose, "user_config": "new"})
    assert reply["id"] == hashlib.sha256(compose.encode()).hexdigest()[:40]
    info = vmm.info(vm)
    assert info["configuration"]["user_config"] == "new"
    assert info["compose_hash"] == hashlib.sha256(compose.encode()).hexdigest()
    assert info["app_id"] == hashlib.sha256(app_compose().encode()).hexdigest()[:40]
    vmm.call("StopVm", {"id": vm})
    vmm.call("UpdateVm", {"id": vm, "memory": 1024, "vcpu": 2, "disk_size": 2})
    with pytest.raises(Failure):
        vmm.call("UpdateVm", {"id": vm, "disk_size": 1})
    assert vmm.info(vm)["configuration"]["memory"] == 1024


def test_a_check_changes_nothing_and_judges_a_running_vm(vmm):
    port = {"protocol": "tcp", "host_port": 0, "vm_port": 80}
    assert vmm.call("CreateVm", vm_request(ports=[port], check_only=True)) == {"id": ""}
    with pytest.raises(Failure) as failure:
        create(vmm, vcpu=0, check_only=True)
    assert failure.value.code == "vmm.value_range" and vmm.call("Status")["total"] == 0
    vm, other = create(vmm, ports=[port]), create(vmm, name="other", ports=[port], stopped=True)
    before = vmm.wait_for(vm, lambda i: i["status"] == "running")
    own, theirs = before["ports"][0]["host_port"], vmm.info(other)["ports"][0]["host_port"]
    change = {"id": vm, "memory": 1024, "compose_file": app_compose(name="next"), "update_ports": True,
              "ports": [dict(port, host_port=own)], "check_only": True}
    assert vmm.call("UpdateVm", change) == {"id": ""}
    for fields, code in (({"memory": 1}, "vmm.value_range"), ({"image": "none"}, "vmm.image_not_found"),
                         ({"ports": [dict(port, host_port=theirs)]}, "vmm.port_taken"),
                         ({"compose_file": "{"}, "app.compose_format")):
        with pytest.raises(Failure) as failure:
            vmm.call("UpdateVm", {**change, **fields})
        assert failure.value.code == code
    after = vmm.info(vm)
    assert after["status"] == "running"
    assert [after[k] for k in ("configuration", "compose_hash", "ports")] == \
        [before[k] for k in ("configuration", "compose_hash", "ports")]


def test_status_filters(vmm):
    ids = [create(vmm, name=f"vm {n}", stopped=True) for n in range(5)]
    reply = vmm.call("Status", {"page": 2, "page_size": 2, "brief": True})
    assert reply["total"] == 5 and len(reply["vms"]) == 2
    assert "configuration" not in reply["vms"][0]
    assert [v["id"] for v in vmm.call("Status", {"ids": ids[3:4]})["vms"]] == ids[3:4]
    assert vmm.call("Status", {"keyword": "vm 4"})["total"] == 1
    assert vmm.call("Status", {"keyword": "nothing"})["total"] == 0


def test_small_methods(vmm):
    assert vmm.call("Version")["version"]
    images = vmm.call("ListImages")["images"]
    assert [i["name"] for i in images] == ["test"]
    meta = vmm.call("GetMeta")
    assert meta["machine"] == "null" and meta["default_image"] == "test"
    text = app_compose()
    assert vmm.call("GetComposeHash", {"compose_file": text}) == \
        {"hash": hashlib.sha256(text.encode()).hexdigest()}
    assert vmm.call("Teepod.Version") == vmm.call("Version")
    assert vmm.get("/metrics")[0] == 200
    assert vmm.get("/nothing")[0] == 404


def test_logs(vmm):
    vm = create(vmm)
    log = os.path.join(vmm.vm_dir(vm), "serial.log")
    with open(log, "wb") as f:
        f.write(b"".join(b"line %d\n" % n for n in range(100)) + b"\x1b[31mred\x1b[0m \x07\n")
    assert vmm.get(f"/logs?id={vm}&lines=2") == (200, b"line 99\nred \n")
    assert vmm.get(f"/logs?id={vm}&lines=1&ansi=true")[1] == b"\x1b[31mred\x1b[0m \x07\n"
    assert len(vmm.get(f"/logs?id={vm}")[1].splitlines()) == 101
    assert vmm.get("/logs?id=none")[0] == 404
    assert vmm.get(f"/logs?id={vm}&ch=passwords")[0] == 400
    assert vmm.get(f"/logs?id={vm}&lines=-1")[0] == 400


def test_logs_follow(vmm):
    vm = create(vmm)
    path = os.path.join(vmm.vm_dir(vm), "serial.log")
    fd = os.open(vmm.state + "/vmm", os.O_PATH)
    s = socket.socket(socket.AF_UNIX)
    s.connect(f"/proc/self/fd/{fd}/vmm.sock")
    os.close(fd)
    s.settimeout(20)
    s.sendall(f"GET /logs?id={vm}&follow HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    got = b""
    for text in (b"one\n", b"two\n"):
        with open(path, "ab") as f:
            f.write(text)
        while text not in got:
            piece = s.recv(4096)
            assert piece, got
            got += piece
    with open(path, "wb") as f:  # cut, as by rotation
        f.write(b"3\n")
    while b"3\n" not in got.split(b"two")[1]:
        got += s.recv(4096)
    s.close()


def test_restart_of_the_daemon(vmm):
    running = create(vmm, name="running")
    stopped = create(vmm, name="stopped", stopped=True)
    vmm.wait_for(running, lambda i: i["status"] == "running")
    assert vmm.end() == 0
    vmm.start()
    vmm.wait_for(running, lambda i: i["status"] == "running")
    assert "vm.adopted" in vmm.log()
    assert status(vmm, stopped) == "stopped"
    assert vmm.info(running)["compose_hash"] == vmm.info(stopped)["compose_hash"] != ""


def hold(vmm, vm, started=False):
    """The launch of a VM was cut short, and its lock is held: its adoption waits until that is closed."""
    with open(os.path.join(vmm.vm_dir(vm), "launch.json"), "w", encoding="utf-8") as f:
        json.dump({"launch_id": "0" * 32}, f)
    with open(os.path.join(vmm.vm_dir(vm), "vm-state.json"), "w", encoding="utf-8") as f:
        json.dump({"started": started}, f)
    lock = os.open(os.path.join(vmm.vm_dir(vm), "qemu.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


class Blocked:
    """A daemon, started anew, on a VM whose adoption is held up: what is asked of it queues up meanwhile."""

    def __init__(self, vmm, vm, started):
        self.vmm, self.vm, self.asked = vmm, vm, []
        vmm.end()
        self.lock = hold(vmm, vm, started)
        vmm.start()

    def ask(self, method, **params):
        c = UnixConnection(self.vmm.socket, 60)
        c.request("POST", "/prpc/" + method, json.dumps({"id": self.vm, **params}))
        self.vmm.call("Version")  # which came later, and is answered
        self.asked.append(c)

    def release(self):
        """Statuses of what was asked, in order."""
        os.close(self.lock)
        statuses = [c.getresponse().status for c in self.asked]
        for c in self.asked:
            c.close()
        return statuses


def create_machine(vmm):
    return create(vmm, machine="simulated", stopped=True)


def test_updates_at_once_all_hold(vmm):
    """Each changes what the one before left, not what the VM was when they were sent."""
    vm = create_machine(vmm)
    blocked = Blocked(vmm, vm, started=False)
    compose = app_compose(name="next")
    blocked.ask("UpdateVm", compose_file=compose)
    blocked.ask("UpdateVm", vcpu=2, disk_size=3)
    blocked.ask("UpdateVm", disk_size=2)
    blocked.ask("UpdateVm", memory=1024)
    assert blocked.release() == [200, 200, 400, 200]
    info = vmm.info(vm)
    assert info["compose_hash"] == hashlib.sha256(compose.encode()).hexdigest()
    configuration = info["configuration"]
    assert (configuration["vcpu"], configuration["memory"], configuration["disk_size"]) == (2, 1024, 3)
    vmm.end()
    vmm.start()
    assert vmm.info(vm)["compose_hash"] == info["compose_hash"]


def test_a_stop_before_our_own_start(vmm):
    """The daemon would start the VM that ran before; a caller's stop comes first, and holds."""
    vm = create_machine(vmm)
    blocked = Blocked(vmm, vm, started=True)
    blocked.ask("StopVm")
    assert blocked.release() == [200]
    vmm.call("UpdateVm", {"id": vm})  # its turn comes behind whatever else waits
    assert status(vmm, vm) == "stopped"
    with open(os.path.join(vmm.vm_dir(vm), "vm-state.json"), encoding="utf-8") as f:
        assert json.load(f) == {"started": False}


def test_two_removals_at_once(vmm):
    vm = create_machine(vmm)
    blocked = Blocked(vmm, vm, started=False)
    blocked.ask("RemoveVm")
    blocked.ask("RemoveVm")
    blocked.ask("StartVm")
    assert blocked.release()[:2] == [200, 200]
    assert vmm.call("Status")["total"] == 0


def test_more_vms_than_the_pool_queues(vmm):
    """With every worker held up, each VM is found again all the same."""
    workers, many = 8, 1100
    held = [create_machine(vmm) for _ in range(workers)]
    one = create(vmm)
    vmm.wait_for(one, lambda i: i["status"] == "running")
    vmm.end()
    with open(os.path.join(vmm.vm_dir(one), "vm-manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    for n in range(many):
        manifest["id"] = f"ffffffff-0000-4000-8000-{n:012x}"  # read behind those that are held up
        shutil.copytree(vmm.vm_dir(one), vmm.vm_dir(manifest["id"]))
        with open(os.path.join(vmm.vm_dir(manifest["id"]), "vm-manifest.json"), "w", encoding="utf-8") as f:
            json.dump(manifest, f)
    locks = [hold(vmm, vm) for vm in held]
    vmm.start()
    for lock in locks:
        os.close(lock)
    vmm.wait_for(one, lambda i: vmm.log().count(" vm.adopted ") == many + 1 or " vm.adopt " in vmm.log())
    assert "net.pool_full" not in vmm.log()


def test_starts_that_fail_are_exhausted(vmm):
    """A VM that never ran, or ran long ago, is not tried for ever."""
    vm = create(vmm, stopped=True)
    vmm.end()
    with open(os.path.join(vmm.vm_dir(vm), "vm-state.json"), "w", encoding="utf-8") as f:
        json.dump({"started": True}, f)
    os.rename(os.path.join(vmm.state, "images", "test"), os.path.join(vmm.state, "images", "away"))
    vmm.start()
    info = vmm.wait_for(vm, lambda i: "vmm.auto_restart.exhausted" in [e["event"] for e in i["events"]])
    assert info["restarts"] == 3 and info["boot_failure"]["code"] == "vmm.image_not_found"


def test_a_removal_that_fails_can_be_asked_again(vmm):
    vm = create(vmm)
    busy = os.path.join(vmm.vm_dir(vm), "busy")
    os.mkdir(busy)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", busy], check=True)
    try:
        with pytest.raises(Failure):
            vmm.call("RemoveVm", {"id": vm})
        assert status(vmm, vm) == "removing"
    finally:
        subprocess.run(["umount", busy], check=True)
    vmm.call("RemoveVm", {"id": vm})
    assert vmm.call("Status")["total"] == 0 and not os.path.exists(vmm.vm_dir(vm))


def test_one_daemon_a_state(vmm):
    second = Vmm(vmm.state, CONFIG)
    with pytest.raises(AssertionError):
        second.start(wait=False)
        assert second.process.wait(30) == 0
    assert vmm.call("Version")


def test_bad_state_is_left_alone(vmm):
    good, bad = create(vmm, stopped=True), create(vmm, stopped=True)
    vmm.end()
    with open(os.path.join(vmm.vm_dir(bad), "vm-manifest.json"), "w", encoding="utf-8") as f:
        f.write('{"id": 5}')
    vmm.start()
    assert [v["id"] for v in vmm.call("Status")["vms"]] == [good]
    assert "vm.load_failed" in vmm.log()
    assert os.path.exists(os.path.join(vmm.vm_dir(bad), "app-compose.json"))


def has_faults():
    return "build-san" in program("vmm", "dstack-vmm")


POINTS = ["vmm.app_compose", "vmm.state", "vmm.manifest", "vmm.launch", "vmm.shared",
          "vmm.sys_config"]


@pytest.mark.parametrize("step", ["before", "written", "renamed"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_while_a_vm_is_made(tmp_path, point, step):
    if not has_faults():
        pytest.skip("the build has no fault hooks (build-san)")
    make_image(tmp_path)
    vmm = Vmm(tmp_path, CONFIG)
    vmm.start(fault=f"{point}.{step}")
    try:
        vmm.call("CreateVm", vm_request())
    except (OSError, ValueError):
        pass  # killed before it could answer
    vmm.died_of_fault()
    vmm.start()
    vms = vmm.call("Status")["vms"]
    on_disk = os.listdir(os.path.join(vmm.state, "vmm", "vms"))
    assert sorted(v["id"] for v in vms) == sorted(on_disk)
    made = point in ("vmm.launch", "vmm.shared", "vmm.sys_config") or \
        (point, step) == ("vmm.manifest", "renamed")
    assert len(vms) == (1 if made else 0)
    for vm in vms:
        vmm.wait_for(vm["id"], lambda i: i["status"] == "running")
        vmm.call("RemoveVm", {"id": vm["id"]})
    vmm.end()


# Where an update is cut short, and whether the VM is the new one afterwards.
UPDATE_POINTS = [(f"{point}.{step}", False) for point in ("vmm.app_compose", "vmm.user_config", "vmm.manifest")
                 for step in ("before", "written", "renamed")] + \
    [("vmm.update.before", False), ("vmm.update.written", False), ("vmm.update.renamed", True)] + \
    [(f"vmm.update_file.{step}{nth}", True) for step in ("before", "renamed") for nth in ("", "@2", "@3")] + \
    [("vmm.update.whole@2", True)]


@pytest.mark.parametrize("point,updated", UPDATE_POINTS, ids=[p for p, _ in UPDATE_POINTS])
def test_killed_while_a_vm_is_updated(tmp_path, point, updated):
    """The old configuration as a whole, or the new one."""
    if not has_faults():
        pytest.skip("the build has no fault hooks (build-san)")
    make_image(tmp_path)
    vmm = Vmm(tmp_path, CONFIG)
    vmm.start()
    vm = create(vmm, user_config="old", stopped=True)
    compose = app_compose(name="next")
    with open(vmm.fault_path, "w", encoding="utf-8") as f:
        f.write(point + "\n")
    with pytest.raises((OSError, ValueError)):
        vmm.call("UpdateVm", {"id": vm, "compose_file": compose, "user_config": "new", "vcpu": 2})
    vmm.died_of_fault()
    vmm.start()
    info = vmm.info(vm)
    configuration = info["configuration"]
    expected = (compose, "new", 2) if updated else (app_compose(), "old", 1)
    assert (configuration["compose_file"], configuration["user_config"], configuration["vcpu"]) == expected
    assert info["compose_hash"] == hashlib.sha256(expected[0].encode()).hexdigest()
    assert not [name for name in os.listdir(vmm.vm_dir(vm)) if name.startswith("update")]
    vmm.call("UpdateVm", {"id": vm, "user_config": "third"})
    assert vmm.info(vm)["configuration"]["user_config"] == "third"
    vmm.end()


@pytest.mark.parametrize("point", ["vmm.removing.renamed", "vmm.remove.before", "vmm.remove.removed",
                                   "vmm.remove.whole"])
def test_killed_while_a_vm_is_removed(tmp_path, point):
    if not has_faults():
        pytest.skip("the build has no fault hooks (build-san)")
    make_image(tmp_path)
    vmm = Vmm(tmp_path, CONFIG)
    vmm.start()
    vm = create(vmm)
    with open(vmm.fault_path, "w", encoding="utf-8") as f:
        f.write(point + "\n")
    with pytest.raises((OSError, ValueError)):
        vmm.call("RemoveVm", {"id": vm})
    vmm.died_of_fault()
    vmm.start()
    assert vmm.call("Status")["total"] == 0
    assert not os.path.exists(vmm.vm_dir(vm))
    vmm.end()


def test_many_at_once(vmm):
    """A hundred VMs are made, stopped and removed by eight callers."""
    failures = []

    def one(n):
        try:
            for k in range(13):
                vm = create(vmm, name=f"vm {n} {k}")
                vmm.call("StopVm", {"id": vm})
                vmm.call("StartVm", {"id": vm})
                vmm.call("RemoveVm", {"id": vm})
        except (Failure, OSError) as e:
            failures.append(e)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures
    assert vmm.call("Status")["total"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{\"id\":5}", b"\xff" * 64,
                                  b"[" * 100000])
def test_hostile_bodies(vmm, body):
    c = UnixConnection(vmm.socket, 20)
    c.request("POST", "/prpc/StartVm", body)
    assert c.getresponse().status == 400
    c.close()
    assert vmm.call("Version")


def relay_pair(target):
    a, b = socket.socketpair()
    p = subprocess.Popen([program("vmm", "dstack-relay"), target], stdin=b, stdout=b, stderr=b)
    b.close()
    a.settimeout(20)
    return a, p


def test_relay(tmp_path):
    """Bytes both ways, end of file both ways, and a target that is not there."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)  # longer than sun_path
    deep.mkdir(parents=True)
    fd = os.open(deep, os.O_PATH)
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"/proc/self/fd/{fd}/s")
    server.listen()
    server.settimeout(20)
    a, p = relay_pair(f"unix:{deep}/s")
    peer, _ = server.accept()
    peer.settimeout(20)
    blob = os.urandom(3 << 20)
    sender = threading.Thread(target=lambda: (a.sendall(blob), a.shutdown(socket.SHUT_WR)))
    sender.start()
    got = b""
    while piece := peer.recv(1 << 16):
        got += piece
    sender.join()
    assert got == blob
    peer.sendall(b"bye")
    peer.close()
    assert a.recv(16) == b"bye" and a.recv(16) == b""
    assert p.wait(20) == 0
    a, p = relay_pair(f"unix:{tmp_path}/nothing")
    assert a.recv(16) == b"" and p.wait(20) == 1
    for bad in ("tcp:127.0.0.1", "tcp:host:80", "tcp:127.0.0.1:99999", "x", "unix:" + "/x" * 3000):
        a, p = relay_pair(bad)
        assert p.wait(20) == 1 and a.recv(16) == b""


def test_start_time(tmp_path):
    """Nothing slow stands between the start and the first answer."""
    make_image(tmp_path)
    vmm = Vmm(tmp_path, CONFIG)
    began = time.monotonic()
    vmm.start()
    assert time.monotonic() - began < 10
    vmm.end()
