# SPDX-License-Identifier: Apache-2.0
"""What a daemon holds does not grow with what it is asked: descriptors are equal before and after, and
memory stays where the first calls left it. Half of the calls are bad in some way; slow clients and
handshakes that never end stand in front of them all the while."""

import os

import pytest

import load
import stack

CALLS = 2000
WARM = 300  # caches of the allocator, of SQLite and of TLS fill up within these
GROWTH_KIB = 6144


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    if not os.path.exists(load.program("tests/system/agent_host")):
        pytest.skip("needs a build: run it by ./dev test")
    one = load.Host(tmp_path_factory.mktemp("host"))
    yield one
    one.end()


def check(pid, ask):
    """ask(n) makes n mixed calls."""
    ask(WARM)
    before, memory = load.resting(pid), load.rss_kib(pid)
    ask(CALLS)
    assert load.settled(pid, before) == before
    assert load.rss_kib(pid) <= memory + GROWTH_KIB


def test_vmm(host):
    pid, path = host.vmm_pid, host.vmm.socket
    good = [load.post("/prpc/", method, params) for method, params in
            [("Version", {}), ("Status", {}), ("ListImages", {}), ("GetMeta", {}),
             ("GetInfo", {"id": "none"}), ("GetComposeHash", {"compose_file": "{}"})]]
    check(pid, lambda n: load.mixed(path, "/prpc/", good, n))


def test_kms(host):
    boots, runs, sign_cert, renew = host.evidence()
    good = [load.post("/prpc/", method, params) for method, params in
            [("GetMeta", {}), ("GetAppKey", {}), ("GetAppEnvEncryptPubKey", {"app_id": "11" * 20})]]

    def ask(n):
        load.mixed(host.kms_socket, "/prpc/", good, n // 2, boots)
        load.mixed(host.kms_socket, "/prpc/", [sign_cert, renew, *good], n // 2, runs)

    check(host.kms.pid, ask)


def test_simtee_and_agent(host):
    if stack.newest_image() is None:
        pytest.skip("needs a guest image: run it by ./dev test")
    helper, control = host.simtee()
    agent = host.agent(control)

    def packets(n):
        bad = [b"", b"{", b"[]", b"\xff\xfe", b'{"method": 1, "params": {}}',
               b'{"method": "None", "params": {}}', b'{"method": "Launch", "params": {"x": "' + b"y" * 60000 + b'"}}']
        for i in range(n // 10):
            client = load.Packets(control)
            for _ in range(6):
                assert client.call("Status")["result"]["phase"] == "serving"
            for k in range(3):
                if bad[(i + k) % len(bad)]:
                    assert "error" in client.say(bad[(i + k) % len(bad)])
            client.sock.send(b'{"method": "Status", "params": {}}')
            client.close()

    check(helper.pid, packets)
    good = [load.post("/", method, params) for method, params in
            [("Version", {}), ("GetKey", {"path": "a", "purpose": "b"}), ("GetKey", {"algorithm": "none"})]]
    check(agent.pid, lambda n: load.mixed(agent.path, "/", good, n))
    # What goes on to the platform is slower there: it has a rate.
    quote = [load.post("/", "GetQuote", {"report_data": "00"}), load.post("/", "Attest", {})]
    before = load.resting(agent.pid), load.resting(helper.pid)
    load.mixed(agent.path, "/", quote, 100)
    assert (load.settled(agent.pid, before[0]), load.settled(helper.pid, before[1])) == before
