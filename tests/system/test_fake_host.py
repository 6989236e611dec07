# SPDX-License-Identifier: Apache-2.0
"""`dstack` before a VMM and a KMS that answer what a test likes: what it asks of them, and what it believes."""

import concurrent.futures
import json
import os
import subprocess

import pytest

import fakes
from stack import EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_USAGE, wait_for
from vmm import program


@pytest.fixture()
def host(tmp_path):
    one = fakes.Host(tmp_path)
    yield one
    one.close()


def record(host):
    with open(os.path.join(host.state, "apps", "hello", "record.json"), encoding="utf-8") as file:
        return json.load(file)


def test_one_up_of_a_name_at_a_time(host):
    host.is_ready = False
    with host.popen("up", "-f", host.compose, "--name", "hello", "--no-verify") as first:
        wait_for("the first one waits for the app", lambda: host.count("GetInfo"))
        for second in (["up", "-f", host.compose, "--name", "hello", "--no-verify"], ["down", "hello", "--remove"]):
            error = host.json(*second, code=EXIT_UNAVAILABLE)
            assert error["code"] == "cli.app_busy", error
            assert error["reasons"][0]["got"] == f"process {first.pid}" and "again" in error["reasons"][0]["fix"]
        assert host.count("CreateVm") == 1 and host.count("RemoveVm") == 0
        host.json("down", "hello")  # stopping changes no record
        first.kill()
        first.communicate()
    host.is_ready = True
    host.up()  # whoever was killed holds nothing
    host.json("down", "hello", "--remove")
    assert not os.path.exists(os.path.join(host.state, "apps", "hello"))


def test_other_names_go_on_meanwhile(host):
    host.is_ready = False
    with host.popen("up", "-f", host.compose, "--name", "hello", "--no-verify") as first:
        wait_for("the first one waits for the app", lambda: host.count("GetInfo"))
        host.is_ready = True
        host.up(name="other")
        assert first.wait(60) == 0
        first.communicate()


def test_commands_that_start_the_vmm_at_once_share_it(tmp_path):
    env = {**os.environ, "DSTACK_STATE": str(tmp_path), "DSTACK_IMAGES": str(tmp_path / "images")}
    os.makedirs(tmp_path / "images")

    def ps(_):
        return subprocess.run([program("cli", "dstack"), "ps", "--json"], env=env, capture_output=True, check=False)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        runs = list(pool.map(ps, range(6)))
    assert [run.returncode for run in runs] == [0] * 6, runs
    assert sum(run.stderr.count(b"start dstack-vmm") for run in runs) == 1, runs
    subprocess.run([program("cli", "dstack"), "ps"], env=env, check=True, capture_output=True)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if is_vmm_of(pid, tmp_path):
            os.kill(int(pid), 15)


def is_vmm_of(pid, state):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm, open(f"/proc/{pid}/environ", "rb") as environ:
            return comm.read().strip() == "dstack-vmm" and f"DSTACK_STATE={state}\0".encode() in environ.read()
    except OSError:
        return False


def test_an_up_that_changes_nothing_leaves_the_vm_alone(host):
    host.up()
    host.up()
    assert (host.count("CreateVm"), host.count("UpdateVm"), host.count("StopVm")) == (1, 0, 0)


def test_up_publishes_where_it_is_asked_to(host):
    """Also when nothing but the port is another one."""
    second = fakes.App()
    try:
        host.up()
        host.up("-p", f"{second.port}:{host.app.port}")
        assert host.vms[0]["configuration"]["ports"] == [
            {"protocol": "tcp", "host_address": "127.0.0.1", "host_port": second.port, "vm_port": host.app.port}]
    finally:
        second.shutdown()
        second.server_close()


def test_a_port_that_the_app_does_not_publish_is_refused(host):
    error = host.json("up", "-f", host.compose, "-p", "9000:1", "--no-verify", code=EXIT_USAGE)
    assert error["code"] == "args.usage" and str(host.app.port) in error["error"]
    assert host.vms == []


def test_another_kms_is_refused(host):
    """Somebody put another KMS in the place of the one that has the app's keys."""
    host.up()
    before = record(host)
    host.ca_spki = fakes.KEY[:-2] + "00"
    error = host.up(code=EXIT_FAILED)
    assert error["code"] == "cli.other_kms" and error["reasons"][0]["expected"] != error["reasons"][0]["got"]
    assert record(host) == before and host.count("UpdateVm") == 0
    for key in ("", "zz"):
        host.ca_spki = key
        assert host.up(code=EXIT_FAILED)["error"]
    assert record(host) == before


def test_the_key_of_the_kms_stands_in_every_app_that_has_it(host):
    host.write_compose("x-dstack:\n  key_provider: kms\n")
    host.up()
    with open(os.path.join(host.state, "apps", "hello", "app-compose.json"), encoding="utf-8") as file:
        assert json.load(file)["key_provider_id"] == fakes.KEY


def test_the_newest_image_has_the_highest_version(host):
    host.replies["ListImages"] = {"images": [dict(fakes.IMAGE, name=f"dstack-{version}")
                                             for version in ("0.9.0", "0.10.0", "0.2.0")]}
    host.up()
    assert host.vms[0]["image"] == "dstack-0.10.0"


ESCAPE = "\x1b]0;owned\x07\u009b31m\n"  # sets a terminal's title, and its colour


def test_no_text_of_a_host_reaches_the_terminal_as_it_is(host):
    host.up()
    steps = [{"step": ESCAPE, "title": ESCAPE, "state": ESCAPE, "t_ms": -(1 << 62), "ms": (1 << 63) - 1},
             {"step": "x", "title": "x", "state": "done", "t_ms": (1 << 63) - 1, "ms": (1 << 63) - 1}]
    host.vms[0].update(boot_progress=ESCAPE, boot_error="", uptime=ESCAPE, boot_steps=steps)
    host.replies["ListImages"] = {"images": [fakes.IMAGE, {"name": ESCAPE, "version": ESCAPE, "os_image_hash": ""}]}
    host.replies["logs"] = f"before {ESCAPE} after".encode()
    said = [host.dstack("ps"), host.dstack("image", "ls"), host.dstack("--words", "IMAGE"),
            host.dstack("logs", "hello"),
            host.dstack("up", "-f", host.compose, "--name", "hello", "--no-verify", "--timings", "--image", "dstack-0.1.0")]
    for out, err in said:
        for sign in ("\x1b", "\x07", "\u009b"):
            assert sign not in out + err, (sign, out, err)
        assert max(map(len, (out + err).splitlines())) < 500
    assert "before ?]0;owned??31m" in said[3][0]
    assert "boot, 0 to" in said[4][0]


@pytest.mark.parametrize("method,command", [("Status", "ps"), ("ListImages", "image")])
def test_an_answer_without_its_list_is_no_empty_list(host, method, command):
    host.replies[method] = {}
    error = host.json(command, *(["ls"] if command == "image" else []), code=EXIT_FAILED)
    assert error["code"] == "rpc.bad_reply"


@pytest.mark.parametrize("vm_id", ['x","removed":true,"y":"', "../x", ""])
def test_an_id_is_a_word(host, vm_id):
    host.vms.append({"id": vm_id, "name": "hello", "status": "running"})
    assert host.json("down", "hello", code=EXIT_FAILED)["code"] == "rpc.bad_reply"


def test_verify_takes_an_app_before_a_file_of_its_name(host, tmp_path):
    """The VMM has no Attest: what was asked shows which of the two `verify` took."""
    host.up()
    host.replies["Attest"] = {"attestation": "00"}
    for make in (os.mkdir, lambda path: path.write_bytes(b"")):
        work = tmp_path / f"work{host.count('Attest')}"
        os.mkdir(work)
        make(work / "hello")
        asked = host.count("Attest")
        host.json("verify", "hello", code=None, cwd=work)
        assert host.count("Attest") == asked + 1
    host.json("verify", "./hello", code=None, cwd=work)
    assert host.count("Attest") == 2


@pytest.mark.parametrize("option", [["--at", "2020-01-01T00:00:00Z"], ["--anchor", "x"], ["--collateral", "x"],
                                    ["--simulated-anchor", "x"]], ids=lambda option: option[0])
def test_options_for_files_are_refused_for_apps(host, option):
    error = host.json("verify", "hello", *option, code=EXIT_USAGE)
    assert error["code"] == "args.usage" and option[0] in error["error"]


def test_the_option_for_apps_is_refused_for_files(host):
    error = host.json("verify", host.compose, "--any-app", code=EXIT_USAGE)
    assert error["code"] == "args.usage" and "--any-app" in error["error"]
