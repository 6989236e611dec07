# SPDX-License-Identifier: Apache-2.0
"""Calls in numbers, good and bad, and what a daemon holds before and after them.

One thread plays all clients over non-blocking sockets, so that what it measures is the daemon and not
a crowd of threads. `bench/rpc` and test_daemon_bounds.py share this file.
"""

import contextlib
import json
import os
import selectors
import socket
import ssl
import struct
import subprocess
import threading
import time

import stack
from vmm import Vmm, make_image, vm_request  # noqa: F401 (bench)

CLIENTS = 8  # connections that ask at once
REPLY_S = 60


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def connect(path, tls=None):
    """A connected socket, to a path or to (address, port); with an ssl context, after the handshake."""
    sock = socket.socket(socket.AF_INET if isinstance(path, tuple) else socket.AF_UNIX)
    sock.settimeout(REPLY_S)
    sock.connect(path)
    return tls.wrap_socket(sock) if tls else sock


def post(path, method, params):
    body = (params if isinstance(params, str) else json.dumps(params)).encode()
    return (f"POST {path}{method} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def whole(data):
    """(status, body) once a reply with Content-Length is complete."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    lines = head.decode("ascii").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    length = int(fields.get("content-length", 0))
    return (int(lines[0].split()[1]), body) if len(body) >= length else None


def call(path, request, tls=None):
    """One request on a connection of its own."""
    with connect(path, tls) as sock:
        sock.sendall(request)
        data = b""
        while whole(data) is None:
            more = sock.recv(65536)
            assert more, f"closed before a whole reply: {data[:200]}"
            data += more
    return whole(data)


class Client:
    """A connection of `times()`: asks, waits for the answer, asks again."""

    def __init__(self, path, tls):
        self.path, self.tls, self.sock = path, tls, None
        self.data = b""

    def open(self, select):
        self.close(select)
        self.sock = connect(self.path, self.tls)
        self.sock.setblocking(False)
        select.register(self.sock, selectors.EVENT_READ, self)

    def close(self, select):
        if self.sock:
            select.unregister(self.sock)
            self.sock.close()
        self.sock = None

    def ask(self, select, request):
        if self.sock is None:
            self.open(select)
        self.data, self.began = b"", time.monotonic()
        self.sock.setblocking(True)
        self.sock.sendall(request)
        self.sock.setblocking(False)

    def is_open(self):
        """False once the daemon has closed its side."""
        with contextlib.suppress(ssl.SSLWantReadError, BlockingIOError):
            return self.sock.recv(1) != b""
        return True

    def hear(self):
        """The status once the reply is whole; 0 when the daemon closed before."""
        with contextlib.suppress(ssl.SSLWantReadError, BlockingIOError):
            while True:
                more = self.sock.recv(1 << 16)
                if not more:
                    break
                self.data += more
            reply = whole(self.data)
            return reply[0] if reply else 0
        reply = whole(self.data)
        return reply[0] if reply else None


def times(path, request, n, tls=None, clients=CLIENTS):
    """(seconds of each of n requests, {status: how many}), `clients` of them under way at a time."""
    return times_of(path, [request] * n, tls, clients)[:2]


def times_of(path, requests, tls=None, clients=CLIENTS):
    """The same for requests that differ, and the replies' bodies, in the order in which they came."""
    took, statuses, bodies, asked, n = [], {}, [], 0, len(requests)
    with selectors.DefaultSelector() as select:
        crowd = [Client(path, tls) for _ in range(min(n, clients))]
        for client in crowd:
            client.ask(select, requests[asked])
            asked += 1
        while len(took) < n:
            ready = select.select(REPLY_S)
            assert ready, f"no reply within {REPLY_S} s"
            for key, _ in ready:
                client = key.data
                status = client.hear()
                if status is None:
                    continue
                assert status, "the daemon closed a connection before its reply"
                took.append(time.monotonic() - client.began)
                statuses[status] = statuses.get(status, 0) + 1
                bodies.append(whole(client.data)[1])
                if b"connection: close" in client.data.partition(b"\r\n\r\n")[0].lower() or not client.is_open():
                    client.close(select)
                if asked < n:
                    client.ask(select, requests[asked])
                    asked += 1
        for client in crowd:
            client.close(select)
    return took, statuses, bodies


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def reset(sock):
    """Close so that the other side gets a reset instead of an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(32)  # the rest of the record never comes


def bad_requests(mount):
    """{what: bytes}: each is answered with an error, or its connection closed."""
    deep = "[" * 5000
    return {
        "no JSON": post(mount, "Version", "{"),
        "no UTF-8": post(mount, "Version", "{}").replace(b"{}", b"\xff\xfe"),
        "nested deeply": post(mount, "Version", deep),
        "no such method": post(mount, "NoSuchMethod", {}),
        "no such page": b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
        "protobuf": post(mount, "Version", {}).replace(b"application/json", b"application/protobuf"),
        "wrong kind": post(mount, "GetInfo", {"id": 7}),
        "no HTTP": b"\x00\x01\x02\x03\r\n\r\n",
        "a body without end": b"POST " + mount.encode() + b"Version HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        "a head without end": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 12000,
        "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    }


def say_bad(path, request, tls=None):
    """Send it and read until the daemon is done with us; its own closing is an answer."""
    with contextlib.suppress(ConnectionError, ssl.SSLError), connect(path, tls) as sock:
        sock.sendall(request)
        data = b""
        while whole(data) is None:
            more = sock.recv(65536)
            if not more:
                break
            data += more
        assert not data or data.startswith(b"HTTP/1.1 4") or data.startswith(b"HTTP/1.1 5"), data[:200]


def abort(path, request, how, tls=None):
    """A client that leaves: how 0 to 4 says when."""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        if how == 0:
            connect(path).close()
            return
        if how == 1:  # half a hello, or half a line
            sock = connect(path)
            sock.sendall(CLIENT_HELLO if tls else request[:9])
            reset(sock)
            return
        sock = connect(path, tls)
        sock.sendall(request[:len(request) // 2] if how == 2 else request)
        if how == 4:
            sock.recv(1)
        reset(sock)


class Slow:
    """Connections that stay open and hardly speak: hellos and requests that never come to an end."""

    def __init__(self, path, n, tls=None):
        self.socks = []
        for i in range(n):
            sock = connect(path, tls if i % 2 else None)
            sock.sendall(CLIENT_HELLO if tls and not i % 2 else b"POST /prpc/Ver")
            self.socks.append(sock)

    def close(self):
        for sock in self.socks:
            sock.close()


def mixed(path, mount, good, n, tls=None):
    """n calls: of ten, six good, three bad, one aborted, in front of slow clients."""
    slow = Slow(path, 40, tls)
    bad = list(bad_requests(mount).values())
    for i in range(n // 10):
        _, statuses = times(path, good[i % len(good)], 6, tls, clients=3)
        assert sum(statuses.values()) == 6
        for k in range(3):
            say_bad(path, bad[(3 * i + k) % len(bad)], tls)
        abort(path, good[i % len(good)], i % 5, tls)
    slow.close()


def resting(pid):
    """How many descriptors there are once the number stays for half a second."""
    same, last = 0, descriptors(pid)
    while same < 10:
        time.sleep(0.05)
        now = descriptors(pid)
        same, last = (same + 1 if now == last else 0), now
    return last


def settled(pid, want):
    """The number of descriptors once the daemon has noticed who left."""
    stack.wait_for(f"{want} descriptors of {pid}", lambda: descriptors(pid) <= want, 30)
    return descriptors(pid)


class Daemon:
    """A program started for a test; its socket answers when start() returns."""

    def __init__(self, command, path, env=None, tls=None, log=None):
        self.path, self.tls = path, tls
        with open(log, "ab") if log else contextlib.nullcontext(subprocess.DEVNULL) as out:
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out)
        self.pid = self.process.pid
        stack.wait_for(f"{command[0]} listens", self.answers)

    def answers(self):
        assert self.process.poll() is None, f"it ended with {self.process.returncode}"
        with contextlib.suppress(OSError):
            connect(self.path, self.tls).close()
            return True
        return False

    def end(self):
        self.process.terminate()
        return self.process.wait(60)


def any_tls(certificate=None):
    """A TLS client that believes anybody: who serves is not what is tested here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def program(*path):
    return os.path.join(stack.BUILD, *path)


class Packets:
    """The control socket of a dstack-simtee: one JSON object a packet."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(REPLY_S)
        self.sock.connect(path)

    def call(self, method, params=None):
        return self.say(json.dumps({"method": method, "params": params or {}}).encode())

    def say(self, packet):
        self.sock.send(packet)
        reply, fds, _, _ = socket.recv_fds(self.sock, 1 << 16, 3)
        for fd in fds:
            os.close(fd)
        return json.loads(reply)

    def close(self):
        self.sock.close()


def image_launch():
    """Launch's params for the guest image that ./dev made."""
    images, name = stack.newest_image()
    path = os.path.join(images, name)
    with open(os.path.join(path, "metadata.json"), encoding="utf-8") as file:
        meta = json.load(file)
    return {"launch_id": "load", "firmware": os.path.join(path, meta["bios"]),
            "kernel": os.path.join(path, meta["kernel"]), "initrd": os.path.join(path, meta["initrd"]),
            "cmdline": meta["cmdline"], "mrconfigid": "00" * 48,
            "shape": {"qemu_major": 11, "vcpus": 2, "memory_bytes": 2 << 30, "n_nics": 1, "n_volumes": 0,
                      "tpm": False}}


class Port:
    """QEMU's part of a guest's port: the helper at one socket, the guest at the other."""

    def __init__(self, chardev, guest):
        self.listeners = [self.listen(chardev), self.listen(guest)]
        threading.Thread(target=self.carry, daemon=True).start()

    @staticmethod
    def listen(path):
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(path)
        sock.listen(1)
        return sock

    def carry(self):
        ends = [sock.accept()[0] for sock in self.listeners]
        with selectors.DefaultSelector() as select, contextlib.suppress(OSError):
            for i, end in enumerate(ends):
                select.register(end, selectors.EVENT_READ, ends[1 - i])
            while True:
                for key, _ in select.select():
                    data = key.fileobj.recv(1 << 16)
                    if not data:
                        for end in ends:
                            end.close()
                        return
                    key.data.sendall(data)


class Host:
    """The daemons of one host in a directory of their own, without a VM: the VMM on null machines, the
    KMS, and, where there is a guest image, a helper of one launch and the agent's services."""

    def __init__(self, directory):
        self.dir = str(directory)
        self.env = dict(os.environ, DSTACK_STATE=self.dir)
        self.daemons = []
        self.vmm = Vmm(self.dir, 'machine: "null"\n', build="build").start()
        make_image(self.dir)
        self.vmm_pid = next(pid for pid in children_of(self.vmm.process.pid) | {self.vmm.process.pid}
                            if comm(pid) == "dstack-vmm")
        self.kms_socket = os.path.join(self.dir, "kms", "kms.sock")
        self.kms = self.daemon([program("src/kms/dstack-kms"), "--local", "--birth-kind", "simulated"],
                               self.kms_socket, any_tls())

    def daemon(self, command, path, tls=None):
        log = os.path.join(self.dir, "daemons.log")
        self.daemons.append(Daemon(command, path, self.env, tls, log))
        return self.daemons[-1]

    def evidence(self):
        """TLS contexts of a guest that boots and of one that runs, its SignCert and RenewCredential requests;
        the KMS lets its app boot."""
        out = os.path.join(self.dir, "evidence")
        os.makedirs(out, exist_ok=True)
        self.vmm.call("GetSimulatedCollateral")
        spki = json.loads(call(self.kms_socket, post("/prpc/", "GetMeta", {}), any_tls())[1])["ca_spki"]
        subprocess.run([program("tests/system/kms_evidence"), os.path.join(self.dir, "simtee"), spki, out],
                       check=True)
        with open(os.path.join(out, "allow_app.json"), encoding="utf-8") as file:
            status, body = call(os.path.join(self.dir, "kms", "admin.sock"), post("/prpc/", "AllowApp", file.read()))
        assert status == 200, body
        requests = []
        for name, method in (("sign_cert", "SignCert"), ("renew", "RenewCredential")):
            with open(os.path.join(out, f"{name}.json"), encoding="utf-8") as file:
                requests.append(post("/prpc/", method, file.read()))
        key, credential = os.path.join(out, "client.key"), os.path.join(out, "credential.pem")
        boots = any_tls((os.path.join(out, "client.pem"), key))
        status, body = call(self.kms_socket, post("/prpc/", "GetAppKey", {}), boots)
        assert status == 200, body
        with open(credential, "w", encoding="ascii") as file:
            file.writelines(json.loads(body)["instance_credential"])
        return boots, any_tls((credential, key)), *requests

    def simtee(self):
        """(process, control path) of a helper that has launched the guest image."""
        path = os.path.join(self.dir, "tee")
        os.makedirs(path, 0o700)
        control = os.path.join(path, "control.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(control)
            listener.listen(4)
            with open(os.path.join(self.dir, "daemons.log"), "ab") as log:
                helper = subprocess.Popen(
                    [program("src/simtee/dstack-simtee"), "--dir", path, "--state",
                     os.path.join(self.dir, "simtee"), "--control-fd", str(listener.fileno())],
                    pass_fds=[listener.fileno()], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        packets = Packets(control)
        reply = packets.call("Launch", image_launch())
        assert "result" in reply, reply
        packets.close()
        self.daemons.append(helper)
        return helper, control

    def agent(self, control):
        """The agent's services with the platform of that helper."""
        chardev, guest = (os.path.join(self.dir, name) for name in ("chardev", "guest"))
        self.port = Port(chardev, guest)
        packets = Packets(control)
        assert "result" in packets.call("Serve", {"socket": chardev})
        packets.close()
        path = os.path.join(self.dir, "agent.sock")
        return self.daemon([program("tests/system/agent_host"), path, guest], path)

    def end(self):
        """Everything ends by itself when it is told to; what must be killed fails the test."""
        for daemon in reversed(self.daemons):
            process = getattr(daemon, "process", daemon)
            process.terminate()
            process.wait(60)
        self.vmm.end()


def comm(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().strip()
    return ""


def children_of(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return {int(child) for child in file.read().split()}
    return set()
