# SPDX-License-Identifier: Apache-2.0
"""`dstack` before a VMM and a KMS that answer what a test likes: what it asks of them, and what it believes."""

import concurrent.futures
import json
import os
import subprocess

import pytest

import fakes
from stack import EXIT_UNAVAILABLE, wait_for
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
