# SPDX-License-Identifier: Apache-2.0
"""Bad input to every method, configuration key, command and option, made from the programs' own tables.

Each program tells its tables (`--describe`). For every field of every method of the VMM and the KMS,
every configuration key and every option the rows below make what breaks its kind; each must be refused
with a code of the table and leave the state directory as it was. Memory is bounded: the peak is read
from the kernel. The methods on the guest's channels get the same by tests/unit/rpc/bad_calls.c.
"""

import contextlib
import hashlib
import http.client
import json
import os
import resource
import signal
import ssl
import subprocess

import pytest

from codes import heard
from vmm import UnixConnection, Vmm, make_image, program, vm_request

NO_VM = "00000000-0000-4000-8000-000000000000"
DEEP = 20000
HOSTILE = ["", "..", "../../../etc/passwd", "/etc/passwd", "a/b", "\x1b[31mred\x1b[0m", "-rf", "--help", "%s%n%x",
           "$(reboot)", "`id`", "a\nb", "\u202egnp.exe", "A" * 5000, "\u00e9" * 100, "{}", "null", "NaN"]
MIB = 1 << 20
BODY_MAX_MIB = 160  # src/vmm/main.c
# A body, its parsed form, and a copy of its largest text; and what the program is without any.
VMM_PEAK_MIB = 3 * BODY_MAX_MIB + 64
CLI_PEAK_MIB = 96


def describe(room, name):
    return json.loads(subprocess.run([program(room, name), "--describe"], check=True, capture_output=True).stdout)


def table_of_codes():
    rows = subprocess.run([program("cli", "dstack"), "explain", "--json"], check=True, capture_output=True,
                          env=dict(os.environ, DSTACK_STATE="/nonexistent")).stdout
    return {row["code"] for row in json.loads(rows)}


@pytest.fixture(scope="module")
def codes():
    return table_of_codes()


def snapshot(directory):
    """{path: (mode, content)} of what lies there; logs grow, and databases are asked by their own tests."""
    found = {}
    for at, dirs, files in os.walk(directory):
        for name in dirs + files:
            path = os.path.join(at, name)
            status = os.lstat(path)
            content = b""
            if name in files and not name.endswith((".log", ".sock", "-wal", "-shm")) and os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[path] = (status.st_mode, hashlib.sha256(content).digest())
    return found


@contextlib.contextmanager
def nothing_changes(directory):
    before = snapshot(directory)
    yield
    after = snapshot(directory)
    assert after == before, sorted(set(after.items()) ^ set(before.items()))


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


class TlsConnection(UnixConnection):
    def connect(self):
        super().connect()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)


class Daemon:
    """Where methods are called."""

    def __init__(self, socket, connection, state):
        self.socket, self.connection, self.state = socket, connection, state

    def post(self, method, body):
        connection = self.connection(self.socket, 60)
        try:
            connection.request("POST", f"/prpc/{method}", body if isinstance(body, bytes) else json.dumps(body))
            reply = connection.getresponse()
            text = reply.read()
            assert text.isascii(), text
            return reply.status, json.loads(text) if text else None
        finally:
            connection.close()


@pytest.fixture(scope="module")
def vmm(tmp_path_factory):
    state = tmp_path_factory.mktemp("vmm")
    make_image(state)
    daemon = Vmm(state, 'machine: "null"\n')
    daemon.start()
    daemon.call("CreateVm", vm_request(name="stays", stopped=True))
    yield daemon
    assert daemon.end() == 0


@pytest.fixture(scope="module")
def kms_state(tmp_path_factory, vmm):
    del vmm  # built once both are there
    state = str(tmp_path_factory.mktemp("kms"))
    log = open(os.path.join(state, "kms.log"), "wb")
    process = subprocess.Popen(["unshare", "-n", program("kms", "dstack-kms"), "--local", "--birth-kind", "simulated"],
                               env=dict(os.environ, DSTACK_STATE=state), stdout=log, stderr=log)
    from stack import wait_for
    wait_for("dstack-kms answers", lambda: os.path.exists(os.path.join(state, "kms", "admin.sock")))
    yield state
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    log.close()


@pytest.fixture(scope="module")
def daemons(vmm, kms_state):
    return {"vmm": Daemon(vmm.socket, UnixConnection, vmm.state),
            "kms": Daemon(os.path.join(kms_state, "kms", "kms.sock"), TlsConnection, kms_state),
            "kms_admin": Daemon(os.path.join(kms_state, "kms", "admin.sock"), UnixConnection, kms_state)}


def nested(depth):
    return b"[" * depth + b"]" * depth


WRONG = {  # what is of no kind but those named
    "text": [5, -1, 1.5, True, [], {}, "a\0b"],
    "hex": [5, True, [], {}, "0", "zz", "0x0", "é", "00 00"],
    "u64": [-1, 1.5, "1", True, [], {}, 1e300],
    "bool": [0, 1, "true", [], {}],
    "list of text": ["x", 5, {}, [5], [None], [[]]],
    "list of hex": ["00", 5, {}, ["0"], ["zz"], [5]],
    "object": ["x", 5, []],
    "list of objects": ["x", 5, {}, [5], ["x"], [[]]],
    "any": [],  # its handler judges: see ANY
}


def too_much(field):
    """One more than the field may have, where that is cheap to make."""
    limit, kind = field.get("max", 0), field["kind"]
    if not limit or limit > MIB:
        return []
    return {"text": ["x" * (limit + 1)], "hex": ["00" * (limit + 1)], "u64": [limit + 1],
            "list of text": [["x"] * (limit + 1)], "list of hex": [["00"] * (limit + 1)],
            "list of objects": [[{}] * (limit + 1)]}.get(kind, [])


def bad_values(field):
    for value in WRONG[field["kind"]] + too_much(field):
        yield field["name"], value
    for inner in field.get("fields", []):
        for name, value in bad_values(inner):
            yield name, [{inner["name"]: value}] if field["kind"].startswith("list") else {inner["name"]: value}


def bad_bodies(method):
    """(what, body, claim that must be named) of everything that breaks the method's table."""
    for field in method["request"]:
        name = field["name"]
        for claim, value in bad_values(field):
            yield f"{name}={str(value)[:20]}", {name: value}, claim
        key = json.dumps(name).encode()
        yield f"{name} twice", b"{%s:null,%s:null}" % (key, key), name
        if field["kind"] != "any":
            yield f"{name} deep", b"{%s:%s}" % (key, nested(DEEP)), None
        yield f"{name} not UTF-8", b'{%s:"\xff\xfe\x80"}' % key, None
    required = [f["name"] for f in method["request"] if f["required"]]
    if required:
        yield "nothing", {}, required[0]
        yield "null", {name: None for name in required}, required[0]
        yield "only what is unknown", {"no_such_field": 1}, required[0]
    for what, body in (("no JSON", b"{"), ("a list", b"[]"), ("a text", b'"x"'), ("deep", nested(DEEP)),
                       ("not UTF-8", b"\xff" * 100), ("NUL", b"\0" * 100), ("two documents", b"{}{}")):
        yield what, body, None


def methods():
    for room, name in (("vmm", "dstack-vmm"), ("kms", "dstack-kms")):
        for service in describe(room, name)["services"]:
            for method in service["methods"]:
                if method["who"] != "channel":
                    yield service["service"], method


def method_params():
    try:
        found = list(methods())
    except FileNotFoundError:
        found = []  # no build: the part before this one said why
    return [pytest.param(service, method, id=f'{service}.{method["name"]}') for service, method in found]


@pytest.mark.parametrize("service,method", method_params())
def test_method(daemons, codes, service, method):
    daemon = daemons[service]
    with nothing_changes(daemon.state):
        for what, body, claim in bad_bodies(method):
            status, reply = daemon.post(method["name"], body)
            assert status == 400, (what, status, reply)
            assert reply["code"] == "rpc.bad_request", (what, reply)
            reason = reply["reasons"][0]
            assert reason["code"] in codes and reason["fix"] and reason["expected"] and reason["got"], (what, reply)
            if claim is not None:
                assert reason["claim"] == claim, (what, reply)


@pytest.mark.parametrize("service,method", method_params())
def test_hostile_names(daemons, codes, service, method):
    """Texts that the table lets pass: refused with a code, or answered, and never a change."""
    daemon, texts = daemons[service], [f for f in method["request"] if f["kind"] == "text"]
    base = vm_request(image="none") if method["name"] == "CreateVm" else {"id": NO_VM}
    with nothing_changes(daemon.state):
        for field in texts:
            for text in HOSTILE:
                status, reply = daemon.post(method["name"], {**base, field["name"]: text})
                if status != 200:
                    assert status == 400 and reply["code"] in codes, (field["name"], text, reply)


@pytest.mark.parametrize("service,method", method_params())
def test_bytes_of_another_length(daemons, codes, service, method):
    """Bytes that the table lets pass and that are too few for what they stand for."""
    daemon, fields = daemons[service], [f for f in method["request"] if f["kind"] == "hex" and f["required"]]
    whole = {f["name"]: "00" * min(f["max"], 32) for f in fields}
    base = vm_request(image="none") if method["name"] == "CreateVm" else {"id": NO_VM}
    with nothing_changes(daemon.state):
        for field in fields:
            for value in ("", "00", "0x00"):
                status, reply = daemon.post(method["name"], {**base, **whole, field["name"]: value})
                assert status == 400 and reply["code"] in codes, (field["name"], value, reply)


@pytest.mark.parametrize("name", ["", "NoSuchMethod", "..", "%2e%2e%2f", "A" * 5000, "Status\x00", "%00", "status"])
def test_no_such_method(daemons, codes, name):
    for daemon in daemons.values():
        with nothing_changes(daemon.state):
            with contextlib.suppress(http.client.InvalidURL):  # it does not send those
                status, reply = daemon.post(name, {})
                assert status in (400, 404, 414), (status, reply)
                assert reply is None or reply["code"] in codes | {""}


ANY = {"vcpu": "vmm.value_range", "memory": "vmm.value_range", "disk_size": "vmm.value_range"}


@pytest.mark.parametrize("name,code", ANY.items())
def test_fields_of_any_kind(vmm, name, code):
    """Their handlers judge them; what is written there must not be ignored."""
    with nothing_changes(vmm.state):
        for value in ("2", -1, 1.5, 2 ** 64 - 1, True, [[]], {"a": [5]}, "x" * 1000, [{"mode": "bridge"}]):
            status, reply = Daemon(vmm.socket, UnixConnection, vmm.state).post("CreateVm", vm_request(**{name: value}))
            assert status == 400 and reply["code"] == code, (value, reply)


def test_a_body_over_every_limit(vmm, kms_state, daemons):
    """Bodies as large as the limits let in, and larger: refused, and memory stays bounded."""
    small = Vmm(os.path.join(vmm.state, "..", "plain"), 'machine: "null"\n', build="build")
    make_image(small.state)
    small.start()
    daemon = Daemon(small.socket, UnixConnection, small.state)
    with nothing_changes(small.state):
        text = b'{"compose_file":"' + b"x" * (51 * MIB) + b'"}'
        assert daemon.post("GetComposeHash", text)[1]["reasons"][0]["claim"] == "compose_file"
        body = b'{"no_such_field":"' + b"x" * (BODY_MAX_MIB * MIB - 100) + b'"}'
        assert daemon.post("StartVm", body)[1]["reasons"][0]["claim"] == "id"
        del text, body
        with contextlib.suppress(OSError):  # it may hang up before everything was sent
            status, _ = daemon.post("StartVm", b"[" * (BODY_MAX_MIB * MIB + 1))
            assert status == 413
    peak = peak_mib(main_pid(small.process.pid))
    assert peak < VMM_PEAK_MIB, f"{peak:.0f} MiB"
    small.end()
    for name in ("kms", "kms_admin"):
        with nothing_changes(kms_state), contextlib.suppress(OSError):
            status, _ = daemons[name].post("GetMeta", b"[" * (11 * MIB))
            assert status == 413


def main_pid(pid):
    """The daemon is exec'd by what the harness started."""
    return pid


# ---- configuration

def config_faults(key):
    """(value as YAML, code)"""
    kind = key["kind"]
    everywhere = [("{a: b}", "cfg.wrong_type"), ("*nothing", None), ("&a [*a]", None), ('"\\xzz"', "cfg.syntax")]
    scalar = [("[1, 2]", "cfg.wrong_type"), ("[" * 2000 + "]" * 2000, None)]
    rows = {"bool": [*scalar, ("yes", "cfg.wrong_type"), ("1", "cfg.wrong_type"), ("", "cfg.wrong_type")],
            "u64": [*scalar, ("-1", "cfg.wrong_type"), ("1.5", "cfg.wrong_type"), ("0x10", "cfg.wrong_type"),
                    ("many", "cfg.wrong_type"), ("99999999999999999999999", None)],
            "text": scalar, "choice": [*scalar, ("nothing", "cfg.wrong_type")],
            "list": [("x", "cfg.wrong_type"), ("[[x]]", "cfg.wrong_type")]}[kind]
    if kind == "u64" and key["max"]:
        rows = [*rows, (str(key["max"] + 1), "cfg.out_of_bounds")]
    if kind == "u64" and key["min"]:
        rows = [*rows, (str(key["min"] - 1), "cfg.out_of_bounds")]
    if kind == "text" and key["min"]:
        rows = [*rows, ('""', "cfg.out_of_bounds")]
    return everywhere + rows


def yaml_of(key, value):
    """One key with its groups, as text."""
    *groups, leaf = key.split(".")
    lines = [f'{"  " * n}{group}:' for n, group in enumerate(groups)]
    return "\n".join([*lines, f'{"  " * len(groups)}{leaf}: {value}', ""])


WHOLE_FILES = [
    ("no YAML", b"a: [", "cfg.syntax"), ("a list", b"- a\n", "cfg.syntax"), ("a text", b"hello\n", "cfg.syntax"),
    ("not UTF-8", b"qemu: \xff\xfe\n", "cfg.syntax"), ("NUL", b"qemu: a\0b\n", "cfg.syntax"),
    ("two documents", b"---\nqemu: a\n---\nqemu: b\n", "cfg.syntax"), ("unknown", b"no_such_key: 1\n", "cfg.unknown_key"),
    ("unknown in a group", b"limits:\n  no_such_key: 1\n", "cfg.unknown_key"),
    ("a group as value", b"limits: 5\n", "cfg.wrong_type"), ("dotted", b"limits.vcpu: 1\n", "cfg.unknown_key"),
    ("a key twice", b"qemu: a\nqemu: b\n", "cfg.duplicate_key"), ("deep", b"a: " + b"{a: " * 5000 + b"}" * 5000, None),
    ("many aliases", b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (c + 1, c + 1, c, c) for c in range(97, 121)),
     None),
    ("too long", b"#" * (MIB + 1), "file.too_large"), ("hostile key", b'"\x1b[31m": 1\n', None),
]


class Checked:
    """How a short-lived program ended, with its peak memory."""

    def __init__(self, argv, env=None, cwd=None, timeout=120):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              env=env, cwd=cwd) as child:
            out, err = child.communicate(timeout=timeout)
            self.code, self.out, self.err = child.returncode, out, err.decode(errors="replace")
        if self.code != 0:
            heard(out + err)

    def __repr__(self):
        return f"exit code {self.code}: {self.out!r} {self.err}"


def check_config(state, text, room="vmm", name="dstack-vmm"):
    path = os.path.join(state, "bad.yaml")
    with open(path, "wb") as file:
        file.write(text)
    with nothing_changes(state):
        return Checked([program(room, name), "check-config", "--config", path],
                       env=dict(os.environ, DSTACK_STATE=str(state)))


def assert_refused(run, codes, code, what):
    assert run.code in (1, 2, 3, 4, 5, 6), (what, run)
    named = [word.rstrip(":") for word in run.err.split() if word.rstrip(":") in codes]
    assert named, (what, "no code of the table", run)
    if code is not None:
        assert named[0] == code, (what, run)
    assert "\x1b" not in run.err, (what, run)


CONFIGURED = [("vmm", "dstack-vmm"), ("verifier", "dstack-verifier")]


def config_keys():
    try:
        return [pytest.param(room, name, key, id=f'{room}.{key["key"]}') for room, name in CONFIGURED
                for key in describe(room, name)["config"]]
    except FileNotFoundError:
        return []


@pytest.mark.parametrize("room,name,key", config_keys())
def test_config_key(tmp_path, codes, room, name, key):
    for value, code in config_faults(key):
        run = check_config(tmp_path, yaml_of(key["key"], value).encode(), room, name)
        assert_refused(run, codes, code, value[:40])


@pytest.mark.parametrize("what,text,code", WHOLE_FILES, ids=[row[0] for row in WHOLE_FILES])
def test_config_file(tmp_path, codes, what, text, code):
    assert_refused(check_config(tmp_path, text), codes, code, what)


# ---- command lines

def commands():
    try:
        return describe("cli", "dstack")["commands"]
    except FileNotFoundError:
        return []


def usage_faults(command):
    """Arguments that the table refuses."""
    needed = ["x"] * command["min_operands"]
    for o in command["options"]:
        name = f'--{o["name"]}'
        if o["kind"] == "flag":
            yield [*needed, f"{name}=yes"]
        else:
            yield [*needed, name]  # its value is missing
        if o["kind"] == "u64":
            over = [str(o["max"] + 1)] if o["max"] else []
            for value in ["", "-1", "1.5", "0x10", "x", "99999999999999999999999", "1 ", *over]:
                yield [*needed, f"{name}={value}"]
        if o["kind"] == "list":
            yield [*needed, *[f"{name}=x"] * 65]
    yield [*needed, "--no-such-option"]
    yield [*needed, "-Z"]
    yield [*needed, b"--\xff\xfe"]
    yield ["x"] * (command["max_operands"] + 1)
    if command["min_operands"]:
        yield []


def dstack(state, *args, cwd=None):
    return Checked([program("cli", "dstack", "build"), *args], cwd=cwd,
                   env=dict(os.environ, DSTACK_STATE=str(state), DSTACK_IMAGES=os.path.join(str(state), "images")))


@pytest.mark.parametrize("command", commands(), ids=lambda command: command["name"].split()[-1])
def test_command_line(tmp_path, codes, command):
    verb = command["name"].split()[-1]
    with nothing_changes(tmp_path):
        for args in usage_faults(command):
            run = dstack(tmp_path, verb, *args)
            assert run.code == 2, (args, run)
            assert_refused(run, codes, "args.usage", args)
            run = dstack(tmp_path, verb, "--json", *args)
            assert run.code == 2 and json.loads(run.out)["code"] == "args.usage", (args, run)


@pytest.mark.parametrize("room,name", [("vmm", "dstack-vmm"), ("kms", "dstack-kms"), ("simtee", "dstack-simtee"),
                                       ("verifier", "dstack-verifier")])
def test_command_line_of_a_daemon(tmp_path, room, name):
    command = describe(room, name)["commands"][0]
    with nothing_changes(tmp_path):
        for args in usage_faults(command):
            run = Checked([program(room, name, "build"), *args], env=dict(os.environ, DSTACK_STATE=str(tmp_path)))
            assert run.code == 2 and run.err, (args, run)


@pytest.mark.parametrize("verb", ["", "nothing", "..", "\x1b[31m", "A" * 5000, b"\xff\xfe", "--nothing"])
def test_no_such_command(tmp_path, codes, verb):
    with nothing_changes(tmp_path):
        assert_refused(dstack(tmp_path, verb), codes, "cli.no_command", verb)


NAMED = ["down", "logs", "verify", "explain"]


@pytest.mark.parametrize("verb", NAMED)
def test_names_of_no_vm(vmm, codes, verb):
    """Hostile names of VMs; the VMM runs and knows none of them."""
    with nothing_changes(vmm.state):
        for name in [*HOSTILE, b"\xff\xfe", NO_VM]:
            run = dstack(vmm.state, verb, "--", name)
            assert run.code in (1, 4, 5), (name, run)
            assert_refused(run, codes, None, name)
            run = dstack(vmm.state, verb, "--json", "--", name)
            assert json.loads(run.out)["code"] in codes, (name, run)


def test_images_to_measure(tmp_path, codes):
    """Hostile names of images: none leads out of the directory of images."""
    with nothing_changes(tmp_path):
        for name in [*HOSTILE, b"\xff\xfe"]:
            run = dstack(tmp_path, "image", "measure", "--", name)
            assert run.code in (1, 5), (name, run)
            assert_refused(run, codes, "cli.no_image", name)


@pytest.mark.parametrize("when", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-22", "0", "-1", "9" * 100, b"\xff"])
def test_times_that_are_none(tmp_path, codes, when):
    evidence = tmp_path / "evidence"
    evidence.write_bytes(b"x")
    run = dstack(tmp_path, "verify", "--at", when, evidence)
    assert run.code == 2, run
    assert_refused(run, codes, "args.usage", when)


PORTS = ["", ":", "80", "0:80", "80:", ":80", "65536:80", "80:65536", "-1:80", "a:b", "80:80:80", "\x1b[31m:80"]


@pytest.mark.parametrize("ports", PORTS)
def test_ports_that_are_none(tmp_path, codes, ports):
    """Judged first of all, whatever the app publishes."""
    (tmp_path / "docker-compose.yaml").write_text("services: {web: {image: x}}\n")
    with nothing_changes(tmp_path):
        run = dstack(tmp_path, "up", "--name", "ports", f"--publish={ports}", cwd=tmp_path)
        assert run.code == 2, run
        assert_refused(run, codes, "args.usage", ports)


@pytest.mark.parametrize("ports", ["9000:80", "8080:9000"])
def test_a_port_that_the_app_does_not_publish(tmp_path, codes, ports):
    """The second number is the left one of the compose file."""
    image = f"x@sha256:{64 * '0'}"
    (tmp_path / "docker-compose.yaml").write_text(
        f"services: {{web: {{image: '{image}', ports: ['8080:80', '8443:443/udp']}}}}\n")
    run = dstack(tmp_path, "up", "--name", "ports", "--publish=9443:8443", f"--publish={ports}", cwd=tmp_path)
    assert run.code == 2 and "those are: 8080 8443" in run.err, run
    assert_refused(run, codes, "args.usage", ports)
    assert not (tmp_path / "vmm").exists()


def test_names_for_a_new_app(tmp_path, codes):
    """Refused before a daemon is started or anything is allowed."""
    state = tmp_path / "state"
    state.mkdir()
    compose = tmp_path / "docker-compose.yaml"
    compose.write_text("services: {web: {image: x}}\n")
    with nothing_changes(state):
        for name in [*HOSTILE, ".", b"\xff\xfe", "x" * 65]:
            if name in ("-rf", "--help", "$(reboot)", "null", "NaN"):
                continue  # strange, but names
            run = dstack(state, "up", "-f", compose, b"--name=" + (name if isinstance(name, bytes) else name.encode()))
            assert_refused(run, codes, "cli.name_invalid", name)


def compose_files(directory):
    """{what: path} of what Docker Compose or dstack must refuse."""
    rows = {
        "empty": b"", "no YAML": b"services: [", "a text": b"hello", "a list": b"- a\n", "not UTF-8": b"services: \xff\xfe\n",
        "NUL": b"services:\0\n", "no services": b"volumes: {}\n", "deep": b"services: " + b"{a: " * 3000 + b"}" * 3000,
        "unknown key": b"services: {web: {image: x, no_such_key: 1}}\n", "services twice": b"services: {}\nservices: {}\n",
        "x-dstack as text": b"services: {web: {image: x}}\nx-dstack: hello\n",
        "x-dstack unknown": b"services: {web: {image: x}}\nx-dstack: {no_such_key: 1}\n",
        "many aliases": b"x-a: &a [x,x]\n" + b"".join(
            b"x-%c: &%c [*%c,*%c,*%c,*%c]\n" % (c + 1, c + 1, c, c, c, c) for c in range(97, 121)) + b"services: {}\n",
    }
    made = {}
    for n, (what, text) in enumerate(rows.items()):
        made[what] = os.path.join(directory, f"compose{n}.yaml")
        with open(made[what], "wb") as file:
            file.write(text)
    made["1 GiB"] = os.path.join(directory, "huge.yaml")
    with open(made["1 GiB"], "wb") as file:
        file.truncate(1 << 30)
    made["a pipe"] = os.path.join(directory, "pipe")
    os.mkfifo(made["a pipe"])
    return {**made, "a directory": directory, "nothing": os.path.join(directory, "none.yaml"), "a device": "/dev/zero"}


def test_compose_files(tmp_path, codes):
    state, files = tmp_path / "state", tmp_path / "files"
    state.mkdir()
    files.mkdir()
    with nothing_changes(state):
        for what, path in compose_files(str(files)).items():
            run = dstack(state, "up", "--name", "x", "-f", path)
            assert run.code in (1, 5), (what, run)
            assert_refused(run, codes, None, what)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert peak > 0


EVIDENCE_OPTIONS = ["", "--collateral", "--anchor", "--simulated-anchor"]


def evidence_files(directory):
    rows = {"empty": b"", "a byte": b"x", "text": b"hello\n", "not UTF-8": b"\xff" * 1000, "zeros": b"\0" * 5000,
            "deep JSON": b"[" * DEEP, "JSON without evidence": b"{}", "wrong type": b'{"quote": 5}',
            "no hex": b'{"quote": "zz"}', "short quote": b'{"quote": "0400"}', "not a certificate":
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}
    made = {}
    for n, (what, text) in enumerate(rows.items()):
        made[what] = os.path.join(directory, f"evidence{n}")
        with open(made[what], "wb") as file:
            file.write(text)
    made["1 GiB"] = os.path.join(directory, "huge")
    with open(made["1 GiB"], "wb") as file:
        file.truncate(1 << 30)
    return {**made, "a directory": directory}


@pytest.mark.parametrize("option", EVIDENCE_OPTIONS)
def test_evidence_files(tmp_path, codes, option):
    """Files for `verify` that hold no evidence, collateral or root."""
    state, files = tmp_path / "state", tmp_path / "files"
    state.mkdir()
    files.mkdir()
    found = evidence_files(str(files))
    with nothing_changes(state):
        for what, path in found.items():
            args = [option, path, found["short quote"]] if option else [path]
            run = dstack(state, "verify", *args)
            assert run.code in (1, 2, 4, 5), (what, run)
            assert_refused(run, codes, None, what)


@pytest.mark.parametrize("args", [["up", "-f", "huge"], ["verify", "huge"]], ids=["up", "verify"])
def test_memory_of_the_command(tmp_path, args):
    """A file of 1 GiB costs no memory: the command runs under a limit far below it, and says what is wrong."""
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(1 << 30)
    limit = CLI_PEAK_MIB * MIB
    run = subprocess.run([program("cli", "dstack", "build"), *args], cwd=tmp_path, capture_output=True, check=False,
                         env=dict(os.environ, DSTACK_STATE=str(tmp_path / "state")),
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert run.returncode == 1 and b"file.too_large" in run.stderr, run
