# SPDX-License-Identifier: Apache-2.0
"""A hostile guest on its channels: what it sends to the VMM (org.dstack.host) and to the simulated
platform (org.dstack.tee) is bounded and refused, and the VM beside it goes on.

In QEMU's place stands a program that makes QEMU's sockets and hands both ends of each channel to the
test: so the test is the guest, and can send what no driver would.
"""

import json
import os
import re
import shutil
import socket
import struct
import sys
import time

import pytest

import stack
import vmm as daemons

MARKER = bytes([0xd5, 0xc7, 0x9a, 0xf1, 0xb6, 0xe8, 0x83, 0xac, 0xfd, 0x91, 0xce, 0xb4, 0xa2, 0xef, 0x98, 0xdb])
HELLO, REQUEST, REPLY, DATA, END, RESET = range(1, 7)
FRAME_MAX = 1 << 20
GROWTH_KIB = 48 * 1024  # a sanitizer's quarantine and four times the channel's queue
FLOOD_BYTES = 256 << 20

# Listens where QEMU would, and on a socket beside it for the test; passes bytes between the two.
FAKE_QEMU = """#!{python}
import os, select, socket, sys
if sys.argv[1] == "--version":
    print("QEMU emulator version 11.1.3")
    sys.exit()
def listen(path):
    if os.path.exists(path):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    return s
pairs = {{}}
waiting = {{}}
for name in ("host", "tee"):
    for end in (".sock", ".guest"):
        waiting[listen(name + end)] = (name, end)
qmp = listen("qmp.sock")
ends = {{}}
kept = []
while True:
    ready, _, _ = select.select([qmp, *waiting, *pairs], [], [])
    for s in ready:
        if s is qmp:
            kept.append(s.accept()[0])
        elif s in waiting:
            name, end = waiting[s]
            ends[name, end] = s.accept()[0]
            if (name, ".sock") in ends and (name, ".guest") in ends:
                a, b = ends.pop((name, ".sock")), ends.pop((name, ".guest"))
                pairs[a], pairs[b] = b, a
        elif s in pairs:
            try:
                data = s.recv(65536)
                pairs[s].sendall(data)
            except OSError:
                data = b""
            if not data:
                other = pairs.pop(s)
                pairs.pop(other, None)
                s.close()
                other.close()
"""

CONFIG = """
machine: simulated
accel: tcg
stop_grace: 2
qemu: {qemu}
"""


def frame(kind, payload=b"", stream=2):
    return struct.pack("<IIB", len(payload), stream, kind) + payload


def hello(own, seen=bytes(16), protocol=1):
    return frame(HELLO, MARKER + struct.pack("<I", protocol) + own + seen, 0)


def request(method, params=None, stream=2):
    return frame(REQUEST, json.dumps({"method": method, "params": params or {}}).encode(), stream)


class Guest:
    """The guest's end of a channel."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.epoch = os.urandom(16)
        self.input = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def frame(self):
        """(stream, kind, payload) of the next frame."""
        def take(n):
            while len(self.input) < n:
                more = self.socket.recv(1 << 16)
                if not more:
                    raise ConnectionError("the host closed the channel")
                self.input += more
            got, self.input = self.input[:n], self.input[n:]
            return got
        n, stream, kind = struct.unpack("<IIB", take(9))
        assert n <= FRAME_MAX, "the host sends a frame over the limit"
        return stream, kind, take(n)

    def greet(self):
        """A session: hellos until each side has named the other's epoch."""
        self.send(hello(self.epoch))
        while True:
            _, kind, payload = self.frame()
            if kind != HELLO:
                continue
            own, seen = payload[20:36], payload[36:52]
            self.send(hello(self.epoch, own))
            if seen == self.epoch:
                return self

    def ask(self, method, params=None, stream=2):
        self.send(request(method, params, stream))
        while True:
            at, kind, payload = self.frame()
            if at == stream and kind in (REPLY, RESET):
                return json.loads(payload) if kind == REPLY else None


class Hostility:
    """A VMM with two VMs whose guests are the test: one hostile, one that only wants to work."""

    def __init__(self, directory):
        fake = os.path.join(directory, "qemu")
        with open(fake, "w", encoding="utf-8") as file:
            file.write(FAKE_QEMU.format(python=sys.executable))
        os.chmod(fake, 0o755)
        source = os.path.join(*stack.newest_image())
        image = daemons.make_image(directory)
        for name in ("ovmf.fd", "bzImage", "initramfs.cpio.gz"):  # they are measured
            shutil.copy(os.path.join(source, name), os.path.join(image, name))
        self.vmm = daemons.Vmm(directory, CONFIG.format(qemu=fake))

    def start(self):
        self.vmm.start()
        self.bad, self.good = (self.create(name) for name in ("bad", "good"))
        self.pids = {vm: self.vmm.info(vm)["pid"] for vm in (self.bad, self.good)}
        self.neighbour = {name: self.guest(self.good, name).greet() for name in ("host", "tee")}

    def create(self, name):
        vm = self.vmm.call("CreateVm", daemons.vm_request(name=name))["id"]
        self.vmm.wait_for(vm, lambda info: info["pid"] != 0, 120)
        return vm

    def guest(self, vm, channel):
        """A new open of a channel; the host's side connects again by itself."""
        return Guest(os.path.join(self.vmm.vm_dir(vm), channel + ".guest"))

    def victim(self, channel):
        """The pid of the process at the host's end of the hostile VM's channel."""
        if channel == "host":
            return self.vmm.process.pid
        with open(os.path.join(self.vmm.vm_dir(self.bad), "launch.json"), encoding="utf-8") as file:
            return json.load(file)["simtee"]["pid"]

    def close(self):
        if self.vmm.process is not None:
            for vm in self.vmm.call("Status")["vms"]:
                self.vmm.call("RemoveVm", {"id": vm["id"]})
            self.vmm.end()


def peak_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    if stack.newest_image() is None:
        pytest.skip("needs a guest image: './dev image' builds one")
    one = Hostility(str(tmp_path_factory.mktemp("h")))
    try:
        one.start()
        yield one
    finally:
        one.close()


def check_unharmed(scene):
    """The neighbour's sessions are the same, and answered; the daemon answers people."""
    assert scene.neighbour["tee"].ask("State")["result"]["n_extends"] == 0
    assert scene.neighbour["host"].ask("Info")["result"]["name"] == "dstack-vmm"
    assert {vm["id"]: vm["pid"] for vm in scene.vmm.call("Status")["vms"]} == scene.pids


def send_until_refused(guest, chunks, seconds=20):
    """Bytes until the host has had enough, or all are sent."""
    guest.socket.settimeout(1)
    deadline = time.monotonic() + seconds
    try:
        for chunk in chunks:
            guest.send(chunk)
            if time.monotonic() > deadline:
                return
    except (TimeoutError, ConnectionError, BrokenPipeError):
        pass


def noise():
    block = os.urandom(1 << 20)
    return (block for _ in range(FLOOD_BYTES >> 20))


BAD_BYTES = {
    "noise": noise,
    "text without frames": lambda: (b"A" * (1 << 20) for _ in range(64)),
    "a frame over the limit": lambda: [struct.pack("<IIB", 0xffffffff, 2, REQUEST), b"x" * (4 << 20)],
    "a frame of no kind": lambda: [frame(99, b"{}")],
    "a frame of a length that never comes": lambda: [struct.pack("<IIB", FRAME_MAX, 2, REQUEST) + b"{"],
    "a hello of another protocol": lambda: [hello(os.urandom(16), protocol=2)],
    "a hello cut short": lambda: [hello(os.urandom(16))[:20], hello(os.urandom(16))[:40]],
    "a flood of hellos": lambda: (hello(os.urandom(16)) * 1000 for _ in range(100)),
}


@pytest.mark.parametrize("channel", ["host", "tee"])
@pytest.mark.parametrize("name", BAD_BYTES)
def test_bad_bytes_do_no_harm(scene, channel, name):
    victim = scene.victim(channel)
    before, fds = peak_kib(victim), descriptors(victim)
    guest = scene.guest(scene.bad, channel).greet()
    send_until_refused(guest, BAD_BYTES[name]())
    guest.close()
    again = scene.guest(scene.bad, channel).greet()  # the channel works again
    again.close()
    check_unharmed(scene)
    assert scene.victim(channel) == victim, "the process was replaced"
    assert peak_kib(victim) < before + GROWTH_KIB and descriptors(victim) <= fds + 2


def json_of(**members):
    return json.dumps(members).encode()


BAD_REQUESTS = {
    "no JSON": b"{",
    "another type": b"[]",
    "deep nesting": b"[" * 500000,
    "no method": json_of(params={}),
    "an unknown method": json_of(method="GiveMeEverything", params={}),
    "a method for people": json_of(method="RemoveVm", params={"id": "0"}),
    "a method of the other channel": json_of(method="Launch", params={}),
    "params of another type": json_of(method="State", params="x"),
    "a name of a megabyte": json_of(method="A" * (FRAME_MAX - 64), params={}),
}


@pytest.mark.parametrize("channel", ["host", "tee"])
@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_requests_are_refused(scene, channel, name):
    guest = scene.guest(scene.bad, channel).greet()
    guest.send(frame(REQUEST, BAD_REQUESTS[name]))
    while True:
        stream, kind, payload = guest.frame()
        if stream == 2 and kind in (REPLY, RESET):
            break
    guest.close()
    if kind == REPLY:
        reply = json.loads(payload)
        assert reply.get("error") and "result" not in reply, reply
    check_unharmed(scene)


def test_calls_of_an_older_open_are_dropped(scene):
    """A request before any hello of this open, and one under an epoch that the host never heard of."""
    early = scene.guest(scene.bad, "tee")
    early.send(request("Extend", {"index": 0, "digest": "00" * 48}))
    early.greet()
    assert early.ask("State", stream=4)["result"]["n_extends"] == 0
    early.close()


@pytest.mark.parametrize("channel", ["host", "tee"])
def test_a_flood_of_calls_is_bounded(scene, channel):
    """Calls whose replies nobody reads: the host gives the channel up, not its memory."""
    victim = scene.victim(channel)
    before, fds = peak_kib(victim), descriptors(victim)
    guest = scene.guest(scene.bad, channel).greet()
    method, params = ("Quote", {"report_data": "00" * 64}) if channel == "tee" else ("Notify", {"event": "boot.progress", "payload": "x" * 200})
    calls = (b"".join(request(method, params, 2 * (1000 * n + i) + 2) for i in range(1000)) for n in range(200))
    send_until_refused(guest, calls)
    guest.close()
    scene.guest(scene.bad, channel).greet().close()
    check_unharmed(scene)
    assert scene.victim(channel) == victim
    assert peak_kib(victim) < before + GROWTH_KIB and descriptors(victim) <= fds + 2


def test_a_guest_moves_no_register_but_its_own(scene):
    """Extends out of order, of another length, and of the neighbour."""
    guest = scene.guest(scene.bad, "tee").greet()
    for params in ({"index": 7, "digest": "11" * 48}, {"index": 0, "digest": "11" * 47},
                   {"index": -1, "digest": "11" * 48}, {"digest": "11" * 48}):
        reply = guest.ask("Extend", params)
        assert reply["error"], (params, reply)
    assert guest.ask("State")["result"]["n_extends"] == 0
    guest.close()
    check_unharmed(scene)


def test_quotes_are_rationed(scene):
    """More than the platform gives in a second: refused by code, and soon given again."""
    guest = scene.guest(scene.bad, "tee").greet()
    refused = next(reply for n in range(100000)
                   if "error" in (reply := guest.ask("Quote", {"report_data": "00" * 64}, 2 * n + 2)))
    assert refused["code"] == "simtee.rate_limited", refused
    stack.wait_for("a quote is given again",
                   lambda: "result" in guest.ask("Quote", {"report_data": "00" * 64}))
    guest.close()
    check_unharmed(scene)
