# SPDX-License-Identifier: Apache-2.0
"""An image pulled inside the VM, by digest, over TLS, from a registry that the measured app-compose names.

The registry is Debian's, on the host's loopback in this machine's namespace; the guest reaches that one
port and nothing else of the host. What the guest asked for stands in the registry's own log.
"""

import datetime
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import stack

EXAMPLE = os.path.join(stack.TOP, "examples", "registry")
HOST, PORT = "registry.example", 5443
REGISTRY = f"{HOST}:{PORT}"
NOBODYS = "sha256:" + "ab" * 32


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certify(subject, key, issuer, issuer_key, is_ca):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca,
                                         content_commitment=False, key_encipherment=False, data_encipherment=False,
                                         key_agreement=False, encipher_only=False, decipher_only=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
            .sign(issuer_key, hashes.SHA256()))


def write_pki(directory):
    """ca.pem and other-ca.pem; server.pem and server.key under the first."""
    keys = {who: ec.generate_private_key(ec.SECP256R1()) for who in ("ca", "other-ca", "server")}
    for who in ("ca", "other-ca"):
        pem = certify(who, keys[who], who, keys[who], True).public_bytes(serialization.Encoding.PEM)
        (directory / f"{who}.pem").write_bytes(pem)
    server = certify(HOST, keys["server"], "ca", keys["ca"], False)
    (directory / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    (directory / "server.key").write_bytes(keys["server"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Registry:
    """docker-registry in a machine's namespace."""

    def __init__(self, machine, directory):
        self.machine, self.directory = machine, directory
        self.log_path = directory / "registry.log"
        config = {"version": 0.1, "log": {"accesslog": {"disabled": False}, "level": "info"},
                  "storage": {"filesystem": {"rootdirectory": str(directory / "store")}},
                  "http": {"addr": f"127.0.0.1:{PORT}", "secret": "of this test",
                           "tls": {"certificate": str(directory / "server.pem"), "key": str(directory / "server.key")}}}
        (directory / "config.yml").write_text(json.dumps(config), encoding="utf-8")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", directory / "config.yml"], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, preexec_fn=machine.enter)
        stack.wait_for("the registry answers", self.answers)

    def answers(self):
        assert self.process.poll() is None, self.log()
        try:
            return self.ask("GET", "/v2/").status == 200
        except ConnectionRefusedError:
            return False

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def ask(self, method, path, body=None, headers=None):
        tls = ssl.create_default_context(cafile=self.directory / "ca.pem")
        with self.machine.inside():
            plain = socket.create_connection(("127.0.0.1", PORT), timeout=60)
        connection = http.client.HTTPSConnection(HOST, PORT)
        connection.sock = tls.wrap_socket(plain, server_hostname=HOST)
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        reply.content = reply.read()
        connection.close()
        return reply

    def push_blob(self, repository, digest, data):
        where = self.ask("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
        path = where[where.index("/v2/"):]
        reply = self.ask("PUT", f"{path}&digest={digest}", data, {"Content-Type": "application/octet-stream"})
        assert reply.status == 201, reply.content

    def push(self, repository, layout):
        """An OCI layout's one image; its digest."""
        def blob(digest):
            with open(os.path.join(layout, "blobs", "sha256", digest.removeprefix("sha256:")), "rb") as file:
                return file.read()
        with open(os.path.join(layout, "index.json"), "rb") as file:
            descriptor = json.load(file)["manifests"][0]
        manifest = blob(descriptor["digest"])
        parts = json.loads(manifest)
        for part in [parts["config"], *parts["layers"]]:
            self.push_blob(repository, part["digest"], blob(part["digest"]))
        reply = self.ask("PUT", f"/v2/{repository}/manifests/latest", manifest, {"Content-Type": parts["mediaType"]})
        assert reply.status == 201, reply.content
        assert descriptor["digest"] == "sha256:" + hashlib.sha256(manifest).hexdigest()
        return descriptor["digest"]

    def end(self):
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture(scope="module")
def pulled(needs_image, tmp_path_factory):
    """A machine with a registry that has the hello image."""
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed: the tool root is of an older list")
    machine, directory = stack.Machine(), tmp_path_factory.mktemp("registry")
    try:
        write_pki(directory)
        machine.registry = Registry(machine, directory)
        stack.hello_app(directory / "hello")
        machine.digest = machine.registry.push("hello", directory / "hello" / "image")
        yield machine
        machine.registry.end()
    finally:
        machine.close()


def compose(machine, image, ca="ca.pem"):
    """The example's compose file for this image and CA."""
    with open(os.path.join(EXAMPLE, "docker-compose.yaml"), encoding="utf-8") as file:
        text = file.read()
    text = text.replace("registry.example:5443/hello@sha256:" + "0" * 64, image).replace("./ca.pem", f"./{ca}")
    assert image in text and ca in text
    path = machine.registry.directory / "docker-compose.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def up(machine, file, code=stack.EXIT_OK, where=f"127.0.0.1:{PORT}"):
    return machine.json(*machine.up_args(file, "app", "--registry", f"{REGISTRY}={where}"), code=code)


def requests(machine, since):
    """What was asked of the registry: (method, path, status) by the VM's engine."""
    rows = []
    for line in machine.registry.log()[since:].splitlines():
        # Apache's combined form beside lines of another: 127.0.0.1 - - [date] "GET /v2/ HTTP/1.1" 200 2 "" "docker/26"
        match = re.match(r'127\.0\.0\.1 - - \[.*?\] "(\w+) (\S+) \S+" (\d+) .*"docker/', line)
        if match:
            rows.append((match.group(1), match.group(2), int(match.group(3))))
    return rows


def test_an_image_comes_by_digest_over_tls(pulled):
    since = len(pulled.registry.log())
    assert up(pulled, compose(pulled, f"{REGISTRY}/hello@{pulled.digest}"))["allowed"] is True
    assert "Hello from a confidential VM" in pulled.get(8080)
    asked = requests(pulled, since)
    assert any(path == f"/v2/hello/manifests/{pulled.digest}" and status == 200 for _, path, status in asked), asked
    assert any("/v2/hello/blobs/sha256:" in path and status == 200 for _, path, status in asked), asked
    assert not any("manifests/latest" in path for _, path, _ in asked), "by digest alone"


REFUSED = [
    ("a digest that nobody has", f"{REGISTRY}/hello@{NOBODYS}", "ca.pem", stack.EXIT_NOT_FOUND, "guest.image_unknown"),
    ("another CA", None, "other-ca.pem", stack.EXIT_INVALID, "guest.registry_untrusted"),
    ("nobody there", None, "ca.pem", stack.EXIT_UNAVAILABLE, "guest.image_pull"),
]


@pytest.mark.parametrize("what, image, ca, exit_code, code", REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_not_exactly_that_image_is_refused(pulled, what, image, ca, exit_code, code):
    image = image or f"{REGISTRY}/hello@{pulled.digest}"
    pulled.remove("app")
    where = "127.0.0.1:9" if what == "nobody there" else f"127.0.0.1:{PORT}"
    error = up(pulled, compose(pulled, image, ca), code=exit_code, where=where)
    assert error["code"] == code, (what, error)
    reason = error["reasons"][0]
    assert reason["fix"] and reason["got"]
    assert REGISTRY in json.dumps(reason)


def test_a_tag_is_refused_before_a_launch_and_in_the_guest(pulled):
    """`up` tells what the compose file says; the guest decides, whoever hands the file over."""
    pulled.remove("app")
    told = up(pulled, compose(pulled, f"{REGISTRY}/hello:latest"), code=stack.EXIT_DENIED)
    assert told["code"] == "cli.compose_image" and not pulled.vm_dirs()
    failed = up(pulled, compose(pulled, f"{REGISTRY}/hello@{NOBODYS}"), code=stack.EXIT_NOT_FOUND)
    assert failed["code"] == "guest.image_unknown"

    kept = os.path.join(pulled.state, "apps", "app")
    with open(os.path.join(kept, "app-compose.json"), encoding="utf-8") as file:
        text = file.read().replace(f"{REGISTRY}/hello@{NOBODYS}", f"{REGISTRY}/hello:latest")
    with open(os.path.join(kept, "record.json"), encoding="utf-8") as file:
        app = json.load(file)
    pulled.rpc("kms/admin.sock", "AllowApp", {
        "app_id": app["app_id"], "os_image_hash": app["os_image_hash"], "only_compose": True,
        "compose_hash": hashlib.sha256(text.encode()).hexdigest()})
    reasons = pulled.refusal_of("app", text)
    assert list(reasons) == ["guest.image_tag"] and reasons["guest.image_tag"]["got"] == f"{REGISTRY}/hello:latest", reasons
