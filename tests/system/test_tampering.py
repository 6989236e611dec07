# SPDX-License-Identifier: Apache-2.0
"""Every row of the tampering table is refused: with its own code, and with claim, expected, got,
anchor and fix.

The evidence is that of a VM that runs. Unchanged, and unchanged but signed again by forge.py, it is
accepted: so what refuses a row is the row's change.
"""

import copy
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile

import pytest
from cryptography.hazmat.primitives import serialization

import codes
import fakes
import forge
import stack
import tampering
import tampering_boots

KMS_PEAK_KIB = 64 * 1024  # of a KMS that was sent 64 MiB: it reads a bounded part
SOAK = os.environ.get("DSTACK_SOAK") == "1"


class TlsUnixConnection(http.client.HTTPConnection):
    """HTTP over TLS on a unix socket, with a client certificate."""

    def __init__(self, path, context):
        super().__init__("localhost", timeout=60)
        self.path, self.context = path, context

    def connect(self):
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(self.timeout)
        plain.connect(self.path)
        self.sock = self.context.wrap_socket(plain)


class World:
    """A machine on which hello runs, and what an attacker took from it."""

    def __init__(self, machine):
        self.machine = machine
        self.dir = os.path.join(machine.dir, "tampering")
        os.makedirs(self.dir, exist_ok=True)
        simtee = os.path.join(machine.state, "simtee")
        self.keys = forge.machine_keys(os.path.join(simtee, "machine.key"))
        with open(os.path.join(simtee, "certificates.pem"), encoding="utf-8") as file:
            self.root = forge.pem(forge.certificates(file.read())[2])
        self.collateral = machine.rpc("vmm/vmm.sock", "GetSimulatedCollateral")["collateral"]
        reply = machine.rpc("vmm/vmm.sock", "Attest", {"id": machine.vm("hello")["id"], "nonce": "11" * 32})
        self.evidence = bytes.fromhex(reply["attestation"])
        self.kms = {tampering.KMS: os.path.join(machine.state, "kms", "kms.sock")}
        self.helpers = []
        self.servers = []

    def case(self, meets):
        case = tampering.Case(self.keys, forge.Attestation(self.evidence), forge.Collateral(self.collateral))
        if meets not in (tampering.VERIFY, tampering.VERIFY_NAME):
            # Towards the KMS: as the log was when the guest asked for its keys, bound to the caller's key.
            case.attestation.cut_before(b"os-image-hash")
            case.attestation.bind(forge.report_data_of(case.key))
            case.sign()
        return case

    def start_kms(self, birth_kind, *options):
        """(process, socket) of another KMS on this machine."""
        state = tempfile.mkdtemp(dir=self.dir)
        child = self.machine.popen(self.machine.program("kms", "dstack-kms"), "--local", "--birth-kind", birth_kind,
                                   "--state", state, *options)
        self.helpers.append(child)
        path = os.path.join(state, "kms.sock")
        stack.wait_for("dstack-kms listens", lambda: os.path.exists(path))
        return child, path

    def end(self, child):
        self.helpers.remove(child)
        child.kill()
        child.communicate()

    def close(self):
        for child in list(self.helpers):
            self.end(child)
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def fake_vmm(self, path, answer):
        server = fakes.FakeDaemon(path, answer)
        self.servers.append(server)
        return server

    def file(self, name, content):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def verify(self, case):
        """(exit code, document) of `dstack verify FILE`."""
        argv = ["verify", self.file("evidence", bytes(case.attestation)), "--allow-simulated",
                "--collateral", self.file("collateral", json.dumps(case.collateral))]
        if case.anchor is not None:
            argv += [case.anchor, self.file("root.pem", self.root)]
        if case.custom_root is not None:
            argv += ["--anchor", self.file("custom.pem", case.custom_root)]
        run = self.machine.dstack(*argv, "--json", code=None)
        return run.code, run.json()

    def call_kms(self, kms, method, params, certs=(), key=None):
        """(HTTP status, document) of a method, for a caller with these certificates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certs:
            secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()).decode()
            context.load_cert_chain(self.file("client.pem", secret + forge.pem(*certs)))
        connection = TlsUnixConnection(kms, context)
        connection.request("POST", f"/prpc/{method}", json.dumps(params), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        body = json.loads(reply.read())
        connection.close()
        return reply.status, body

    def boot_keys(self, case, kms):
        evidence = bytes(case.attestation) if case.shows_evidence else None
        certs = [forge.client_certificate(case.key, evidence)]
        return self.call_kms(kms, "GetAppKey", {"api_version": 1}, certs, case.key)

    def sign_cert(self, case):
        """SignCert for the case's key, shown the credential that the instance got at boot."""
        kms = self.kms[tampering.KMS]
        booted = self.case(tampering.KMS)
        status, keys = self.boot_keys(booted, kms)
        assert status == 200, keys
        true = forge.certificates("".join(keys["instance_credential"]))
        certs, key = case.credential(true), booted.key
        if certs and certs[0].public_key() != true[0].public_key():
            key = forge.new_key()
            certs = [forge.client_certificate(key)]
        request, signature = forge.signing_request(case.key, bytes(case.attestation))
        return self.call_kms(kms, "SignCert", {"api_version": 2, "csr": request.hex(), "signature": signature.hex()},
                             certs, key)

    def verify_name(self, case):
        """The same of `dstack verify hello`, whose VMM hands on the true one's answers but for the evidence."""
        state = tempfile.mkdtemp(dir=self.dir)

        def answer(method, body):
            params = json.loads(body or b"{}")
            if method != "Attest":
                return json.dumps(self.machine.rpc("vmm/vmm.sock", method, params)).encode()
            case.answers(bytes.fromhex(params["nonce"]))
            return json.dumps({"attestation": bytes(case.attestation).hex()}).encode()
        self.fake_vmm(os.path.join(state, "vmm", "vmm.sock"), answer)
        os.symlink(os.path.join(self.machine.state, "apps"), os.path.join(state, "apps"))
        between = copy.copy(self.machine)
        between.env = {**self.machine.env, "DSTACK_STATE": state}
        run = between.dstack("verify", "hello", "--allow-simulated", "--json", code=None)
        return run.code, run.json()

    def lied_to(self, case):
        """The same of GetAppKey at a KMS whose VMM lies; it has not grown by what it was told."""
        path = os.path.join(tempfile.mkdtemp(dir=self.dir), "vmm.sock")
        true = json.dumps(self.machine.rpc("vmm/vmm.sock", "GetSimulatedCollateral")).encode()
        self.fake_vmm(path, lambda method, body: case.vmm(true))
        child, kms = self.start_kms("simulated", "--vmm", "unix:" + path)
        result = self.boot_keys(case, kms)
        with open(f"/proc/{child.pid}/status", encoding="ascii") as file:
            peak_kib = int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])
        self.end(child)
        assert peak_kib < KMS_PEAK_KIB, peak_kib
        return result

    def meet(self, meets, case):
        if meets == tampering.VERIFY:
            return self.verify(case)
        if meets == tampering.VERIFY_NAME:
            return self.verify_name(case)
        if meets == tampering.SIGN_CERT:
            return self.sign_cert(case)
        if meets == tampering.LIED_TO_KMS:
            return self.lied_to(case)
        return self.boot_keys(case, self.kms[meets])


@pytest.fixture(scope="module")
def world(hello):
    one = World(hello)
    try:
        one.kms[tampering.HARDWARE_KMS] = one.start_kms("hardware")[1]
        one.kms[tampering.OTHER_KMS] = one.start_kms("simulated")[1]
        yield one
    finally:
        one.close()


def check_refused(row, document):
    """The first reason is the row's, and no reason lacks a part."""
    reasons = document["reasons"]
    assert reasons and reasons[0]["code"] == row.code, document
    for reason in reasons:
        for part in ("code", "claim", "expected", "got", "anchor", "fix"):
            assert reason[part], (part, reason)
        assert reason["expected"] != reason["got"], reason
    assert row.claim in reasons[0]["claim"] and row.anchor in reasons[0]["anchor"], reasons[0]


def test_unchanged_evidence_is_accepted(world):
    case = world.case(tampering.VERIFY)
    assert bytes(case.attestation) == world.evidence
    for _ in range(2):
        code, document = world.verify(case)
        assert code == 0 and document["allowed"] is True, document
        case.sign()


def test_evidence_of_the_boot_gets_keys(world):
    status, document = world.boot_keys(world.case(tampering.KMS), world.kms[tampering.KMS])
    assert status == 200 and len(document["disk_crypt_key"]) == 64, document


def test_the_credential_of_the_boot_gets_certificates(world):
    status, document = world.sign_cert(world.case(tampering.SIGN_CERT))
    assert status == 200 and "BEGIN CERTIFICATE" in document["certificate_chain"][0], document


def test_evidence_through_another_vmm_is_accepted(world):
    case = world.case(tampering.VERIFY_NAME)
    case.answers = lambda nonce: tampering.nonce_bound(case, nonce)
    code, document = world.verify_name(case)
    assert code == 0 and document["fresh"] is True, document


@pytest.mark.parametrize("row", tampering.TABLE, ids=lambda row: row.name)
def test_tampering_is_refused(world, row):
    for way in row.ways:
        meets, change = way if isinstance(way, tuple) else (row.meets, way)
        case = world.case(meets)
        change(case)
        code, document = world.meet(meets, case)
        assert code not in (stack.EXIT_OK, stack.EXIT_USAGE, 200), document
        check_refused(row, document)


def test_no_two_rows_share_a_code():
    all_codes = [row.code for row in [*tampering.TABLE, *tampering_boots.TABLE]]
    assert sorted(all_codes) == sorted(set(all_codes))


@pytest.fixture(scope="module")
def host(needs_image, tmp_path_factory):
    """A machine with an images directory of its own."""
    one = stack.Machine(images=str(tmp_path_factory.mktemp("images")))
    source, original = stack.newest_image()
    os.symlink(os.path.join(source, original), os.path.join(one.images, original))
    try:
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def used(hello):
    """The machine of hello with its VM off; at the end it boots once more, and finds its data."""
    hello.dstack("down", "hello")
    yield hello
    hello.up(hello.compose, "hello")


def finished(machine, child):
    out, err = child.communicate(timeout=stack.UP_S)
    codes.heard(out + err)
    run = stack.Done(subprocess.CompletedProcess([], child.returncode, out, err))
    assert run.code in (stack.EXIT_FAILED, stack.EXIT_DENIED, stack.EXIT_INVALID), f"{run}\n{machine.last_words()}"
    return run.json()


def boot(machine, compose, name, running):
    """The error document of an `up`; the context is entered when QEMU runs."""
    with machine.popen(machine.program("cli", "dstack"), *machine.up_args(compose, name), "--json") as child:
        if running is None:
            return finished(machine, child)
        old = [read_pid(machine) for _ in machine.vm_dirs()]
        stack.wait_for("QEMU runs", lambda: machine.vm_dirs() and read_pid(machine) not in [None, *old], stack.UP_S)
        with running(machine):
            return finished(machine, child)


def read_pid(machine):
    try:
        with open(os.path.join(machine.vm_dirs()[0], "qemu.pid"), encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return None


def booted(row, used):
    """Whether this run boots the row; the suite's time is bounded, ./dev soak boots the others."""
    marks = [pytest.mark.skipif(not SOAK, reason=f"{row.name}: booted by ./dev soak (DSTACK_SOAK=1)")] if row.soak else []
    return [pytest.param(row, id=row.name, marks=marks)] if (row.stopped is not None) == used else []


def boot_pinned(machine, row):
    """The same for an app that pins its .user-config, which `up` does not hand over."""
    app = {"manifest_version": 2, "name": "tampered", "runner": "docker-compose", "docker_compose_file": "{}",
           "key_provider": "kms", "key_provider_id": forge.spki(forge.new_key()).hex(),
           "user_config_hash": hashlib.sha256(row.user_config.encode()).hexdigest()}
    machine.dstack("ps")  # starts the VMM where it does not run
    vm = machine.rpc("vmm/vmm.sock", "CreateVm", {
        "name": "tampered", "image": machine.image, "compose_file": json.dumps(app), "vcpu": 2, "memory": 3072,
        "disk_size": 1, "user_config": row.user_config})["id"]
    stack.wait_for("QEMU runs", lambda: read_pid(machine), stack.UP_S)
    with row.running(machine):
        return stack.wait_for("the boot fails", lambda: machine.rpc("vmm/vmm.sock", "GetInfo", {"id": vm})["info"]
                              ["boot_failure"], stack.UP_S)


@pytest.mark.parametrize("row", [param for row in tampering_boots.TABLE for param in booted(row, used=False)])
def test_a_tampered_boot_is_refused(host, hello_compose, row):
    copy = None
    source, original = stack.newest_image()
    host.image = original
    if row.artefact is not None:
        copy = tampering_boots.changed_image(host.images, os.path.join(source, original), *row.artefact)
        host.image = os.path.basename(copy)
    if row.user_config is not None:
        document = boot_pinned(host, row)
    else:
        document = boot(host, hello_compose, "tampered", row.running)
    host.remove("tampered")
    if copy is not None:
        shutil.rmtree(copy)
    check_refused(row, document)


@pytest.mark.parametrize("row", [param for row in tampering_boots.TABLE for param in booted(row, used=True)])
def test_a_tampered_disk_is_refused(used, row):
    with row.stopped(used):
        document = boot(used, used.compose, "hello", None)
    check_refused(row, document)
