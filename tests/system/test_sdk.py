# SPDX-License-Identifier: Apache-2.0
"""An app of ours with the published SDK, unmodified; what its containers reach; what stays on its disk.

The app's container carries TCP connections: to the agent's socket, so that the SDK can speak to it
from outside, and to addresses that a container must or must not reach.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import npm
import stack

SDK = os.path.join(stack.TOP, "tests", "system", "sdk")
AGENT, KMS, HOST, HELLO, DNS, SELF, FILES = range(18090, 18097)  # published ports
HOST_PORT = 17777  # what listens on the host's loopback
REPORT_DATA = b"asked by the SDK"
TARGETS = {
    AGENT: "/var/run/dstack.sock",
    KMS: "10.0.2.101:8001",
    HOST: f"10.0.2.2:{HOST_PORT}",
    HELLO: f"10.0.2.2:{FILES}",
    DNS: "10.0.2.3:53",
    SELF: f"127.0.0.1:{HOST_PORT}",
}


def compose_text():
    """Each start of `data` adds a line to a file of the data disk, and serves it."""
    return json.dumps({
        "services": {
            "forward": {
                "image": "probe:latest",
                "command": ["/bin/forward", *(f"{port}={target}" for port, target in TARGETS.items())],
                "ports": [f"{port}:{port}" for port in TARGETS],
                "volumes": ["/var/run/dstack.sock:/var/run/dstack.sock"],
            },
            "data": {
                "image": "probe:latest",
                "command": ["sh", "-c", "echo started | tee -a /data/starts; exec httpd -f -p 80 -h /data"],
                "ports": [f"{FILES}:80"],
                "volumes": ["data:/data"],
            },
        },
        "volumes": {"data": {}},
        "x-dstack": {"images": {"probe:latest": "./image"}, "public_logs": True},
    })


@pytest.fixture(scope="module")
def app(needs_image, tmp_path_factory):
    """A machine on which the app runs, with a listener on the host's loopback."""
    machine = stack.Machine()
    try:
        with machine.inside():
            machine.listener = socket.create_server(("127.0.0.1", HOST_PORT))
        machine.compose = stack.probe_app(tmp_path_factory.mktemp("apps") / "probe", compose_text())
        machine.up(machine.compose, "probe")
        yield machine
        machine.listener.close()
    finally:
        machine.close()


def ask(machine, port, data=b"hello?\n"):
    """What comes back through one of the app's ports; b"" when the container was not let through."""
    with machine.inside(), socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            connection.sendall(data)
            return connection.recv(4096)
        except ConnectionError:
            return b""


def heard(machine):
    """Whether anybody reached the listener on the host's loopback."""
    machine.listener.settimeout(0.5)
    try:
        machine.listener.accept()[0].close()
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("port", [HOST, HELLO, DNS, SELF], ids=["listener", "published port", "dns", "own loopback"])
def test_a_container_does_not_reach_the_host(app, port):
    assert ask(app, port) == b""
    assert not heard(app)


def test_the_listener_hears_whoever_may_speak(app):
    """So that the silence above means something."""
    with app.inside():
        socket.create_connection(("127.0.0.1", HOST_PORT)).close()
    assert heard(app)


def kms_chain(machine):
    meta = machine.rpc("kms/admin.sock", "GetMeta")
    return x509.load_pem_x509_certificate(meta["ca_cert"].encode())


def test_a_container_reaches_the_kms_through_its_relay(app):
    """And gets no keys there: it has no evidence of before the app's start."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with app.inside(), socket.create_connection(("127.0.0.1", KMS), timeout=30) as plain, \
            context.wrap_socket(plain) as tls:
        leaf = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
        body = b"{}"
        tls.sendall(b"POST /prpc/GetAppKey HTTP/1.1\r\nHost: kms\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        reply = b"".join(iter(lambda: tls.recv(65536), b""))
    leaf.verify_directly_issued_by(kms_chain(app))
    assert b"kms.no_evidence" in reply and b"k256_key" not in reply


def test_containers_tell_their_logs(app):
    lines = app.dstack("logs", "probe", "-c").out.splitlines()
    assert [line for line in lines if line.endswith("| started")], lines


@pytest.fixture(scope="module")
def sdk_dir():
    """The SDK as npm installs it by our lock file, kept in the cache."""
    return npm.installed(SDK)


@pytest.fixture(scope="module")
def answers(app, sdk_dir):
    """What the SDK got from the agent (sdk/ask.mjs)."""
    shutil.copy(os.path.join(SDK, "ask.mjs"), sdk_dir)
    return json.loads(app.run("node", os.path.join(sdk_dir, "ask.mjs"), f"http://127.0.0.1:{AGENT}",
                              REPORT_DATA.hex(), timeout=120).out)


def test_sdk_sees_the_agent(answers):
    assert answers["reachable"] is True
    assert answers["version"]["version"]


def test_sdk_gets_keys_that_lead_to_the_kms(app, answers):
    """Recovered from the two signatures: the app's key, and the KMS's over it."""
    kms_key = app.rpc("kms/admin.sock", "GetMeta")["k256_pubkey"]
    keys = answers["keys"]
    assert {key["kms"] for key in keys.values()} == {kms_key}
    assert len({key["app"] for key in keys.values()}) == 1
    assert keys["one"]["key"] == keys["again"]["key"] != keys["two"]["key"]
    assert keys["one"]["key"] == keys["ed25519"]["key"], "the algorithm does not enter the derivation"
    for key in keys.values():
        assert re.fullmatch("[0-9a-f]{64}", key["key"]) and len(key["chain"]) == 2


def test_sdk_gets_a_tls_key_under_the_kms_root(app, answers):
    leaf, app_ca, root = (x509.load_pem_x509_certificate(pem.encode())
                          for pem in answers["tls"]["certificate_chain"])
    assert root == kms_chain(app)
    leaf.verify_directly_issued_by(app_ca)
    app_ca.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["probe.test"]
    key = serialization.load_pem_private_key(answers["tls"]["key"].encode(), None)
    assert key.public_key() == leaf.public_key()
    nameless = x509.load_pem_x509_certificate(answers["nameless"].encode())
    assert nameless.subject.rfc4514_string() == f"CN={app.vm('probe')['app_id']}"


def test_sdk_gets_info(app, answers):
    info, row = answers["info"], app.vm("probe")
    assert (info["app_id"], info["instance_id"]) == (row["app_id"], row["instance_id"])
    assert info["app_name"] == "probe"
    compose = info["tcb_info"]["app_compose"].encode()
    assert hashlib.sha256(compose).hexdigest() == info["compose_hash"] == row["compose_hash"]
    assert len({answers["quote"]["rtmr3"], info["tcb_info"]["rtmr3"]}) == 1


def test_sdk_gets_a_quote_that_verifies(app, answers, tmp_path):
    """Under the machine's root as a simulated one; as any other kind it is refused."""
    quote = bytes.fromhex(answers["quote"]["quote"])
    assert quote[48 + 520:48 + 584] == REPORT_DATA.ljust(64, b"\0")
    platform = app.rpc("vmm/vmm.sock", "GetSimulatedCollateral")
    (tmp_path / "quote").write_bytes(quote)
    (tmp_path / "collateral").write_text(json.dumps(platform["collateral"]))
    (tmp_path / "root.pem").write_text(platform["root_pem"])
    verify = ["verify", tmp_path / "quote", "--collateral", tmp_path / "collateral"]
    assert app.json(*verify, code=stack.EXIT_INVALID)["code"] == "attest.root_unknown"
    custom = app.json(*verify, "--anchor", tmp_path / "root.pem", "--allow-simulated", code=stack.EXIT_INVALID)
    assert custom["code"] == "attest.marker_unexpected"
    simulated = [*verify, "--simulated-anchor", tmp_path / "root.pem"]
    denied = app.json(*simulated, code=stack.EXIT_DENIED)
    assert [reason["code"] for reason in denied["reasons"]] == ["policy.simulated_evidence"]
    rows = {row["claim"]: row["value"] for row in app.json(*simulated, "--allow-simulated")["claims"]}
    assert rows["report_data"] == REPORT_DATA.ljust(64, b"\0").hex()
    assert rows["rtmr3"] == answers["info"]["tcb_info"]["rtmr3"]


def test_sdk_gets_evidence_that_verifies(app, answers, tmp_path):
    platform = app.rpc("vmm/vmm.sock", "GetSimulatedCollateral")
    (tmp_path / "evidence.json").write_text(json.dumps({"attestation": answers["attestation"]}))
    (tmp_path / "collateral").write_text(json.dumps(platform["collateral"]))
    (tmp_path / "root.pem").write_text(platform["root_pem"])
    verdict = app.json("verify", tmp_path / "evidence.json", "--collateral", tmp_path / "collateral",
                       "--simulated-anchor", tmp_path / "root.pem", "--allow-simulated")
    rows = {row["claim"]: row for row in verdict["claims"]}
    assert rows["compose_hash"]["value"] == answers["info"]["compose_hash"]
    assert verdict["fresh"] is False and "nonce" not in rows


def test_sdk_is_refused_by_name(answers):
    assert "Unsupported algorithm" in answers["refused"]


def test_down_and_up_keep_the_data_disk(app, answers):
    """Last: it starts the VM anew. Keys and data are the same, the instance too."""
    before = app.vm("probe")
    assert app.get(FILES, "/starts") == "started\n"
    app.dstack("down", "probe")
    assert app.vm("probe")["status"] in ("stopped", "exited") and not app.processes("qemu")
    app.up(app.compose, "probe")
    after = app.vm("probe")
    assert [after[key] for key in ("id", "app_id", "instance_id")] == \
        [before[key] for key in ("id", "app_id", "instance_id")]
    assert app.get(FILES, "/starts") == "started\nstarted\n"
    app.dstack("down", "probe", "--remove")
    assert app.json("ps") == [] and app.vm_dirs() == [] and not app.processes("dstack-simtee")
