# SPDX-License-Identifier: Apache-2.0
"""Daemons that answer as a test likes: a socket, and a host on which `dstack` finds nothing but such."""

import contextlib
import hashlib
import http.server
import json
import os
import socketserver
import subprocess
import threading

from codes import heard
from vmm import program

KEY = "ab" * 91  # a KMS's key, as hex
IMAGE = {"name": "dstack-0.1.0", "version": "0.1.0", "os_image_hash": "cd" * 32}


class FakeDaemon(socketserver.ThreadingUnixStreamServer):
    """A daemon's socket; `answer` maps (method, body) to the bytes of a reply."""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):  # noqa: N802
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = self.server.answer(self.path.rsplit("/", 1)[1], body)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(reply)

        do_GET = do_POST

        def address_string(self):
            return "a unix socket"

        def log_message(self, format, *args):  # noqa: A002
            pass

    def __init__(self, path, answer):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        super().__init__(path, self.Handler)
        self.answer = answer
        threading.Thread(target=self.serve_forever, daemon=True).start()


class App(http.server.ThreadingHTTPServer):
    """What answers on an app's published port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):  # noqa: A002
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Host:
    """A state directory with the sockets of a VMM and a KMS that keep what they are told in memory.

    `vms` are the rows of Status; `said` the calls, newest last; `replies` overrules methods by name.
    """

    def __init__(self, directory):
        self.state = str(directory)
        self.vms, self.said, self.replies = [], [], {}
        self.ca_spki, self.is_ready = KEY, True
        self.daemons = [FakeDaemon(os.path.join(self.state, "vmm", "vmm.sock"), self.answer),
                        FakeDaemon(os.path.join(self.state, "kms", "admin.sock"), self.answer_kms)]
        self.app = App()
        self.compose = os.path.join(self.state, "docker-compose.yaml")
        self.write_compose()

    def write_compose(self, more=""):
        with open(self.compose, "w", encoding="utf-8") as file:
            file.write(f"services:\n  web:\n    image: x@sha256:{'01' * 32}\n"
                       f"    ports: [\"{self.app.port}:80\"]\n{more}")

    def close(self):
        for server in [*self.daemons, self.app]:
            server.shutdown()
            server.server_close()

    def answer_kms(self, method, body):
        self.said.append((method, json.loads(body or b"{}")))
        reply = {"GetMeta": {"birth_kind": "simulated", "ca_spki": self.ca_spki}}.get(method, {})
        return json.dumps(self.replies.get("kms." + method, reply)).encode()

    def answer(self, method, body):
        params = json.loads(body or b"{}")
        if params.get("check_only"):
            return b"{}"
        method = method.partition("?")[0]
        self.said.append((method, params))
        reply = self.replies.get(method, getattr(self, "on_" + method, lambda _: {})(params))
        return reply if isinstance(reply, bytes) else json.dumps(reply).encode()

    def on_GetMeta(self, _):  # noqa: N802
        return {"machine": "simulated"}

    def on_ListImages(self, _):  # noqa: N802
        return {"images": [IMAGE]}

    def on_Status(self, _):  # noqa: N802
        return {"vms": self.vms}

    def on_GetInfo(self, params):  # noqa: N802
        row = next(row for row in self.vms if row["id"] == params["id"])
        return {"info": {**row, "app_ready": self.is_ready}}

    def on_CreateVm(self, params):  # noqa: N802
        self.vms.append({"id": f"vm-{len(self.vms)}", "name": params["name"], "status": "running",
                         "app_id": params["app_id"], "configuration": {}})
        self.configure(self.vms[-1], params)
        return {"id": self.vms[-1]["id"]}

    def on_UpdateVm(self, params):  # noqa: N802
        self.configure(next(row for row in self.vms if row["id"] == params["id"]), params)
        return {}

    def on_ShutdownVm(self, params):  # noqa: N802
        next(row for row in self.vms if row["id"] == params["id"])["status"] = "stopped"
        return {}

    on_StopVm = on_ShutdownVm

    def on_StartVm(self, params):  # noqa: N802
        next(row for row in self.vms if row["id"] == params["id"])["status"] = "running"
        return {}

    def on_RemoveVm(self, params):  # noqa: N802
        self.vms = [row for row in self.vms if row["id"] != params["id"]]
        return {}

    @staticmethod
    def configure(row, params):
        row["image"] = params["image"]
        row["compose_hash"] = hashlib.sha256(params["compose_file"].encode()).hexdigest()
        row["configuration"].update({key: params[key] for key in ("vcpu", "memory", "disk_size", "ports")
                                     if key in params})

    def count(self, method):
        return sum(1 for name, _ in self.said if name == method)

    def popen(self, *args, **more):
        return subprocess.Popen([program("cli", "dstack"), *map(str, args)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, "DSTACK_STATE": self.state, "DSTACK_IMAGES": self.state}, **more)

    def dstack(self, *args, code=0, **more):
        """(stdout, stderr) as text."""
        with self.popen(*args, **more) as child:
            out, err = child.communicate(timeout=120)
        if child.returncode != 0:
            heard(out + err)
        assert code is None or child.returncode == code, (args, child.returncode, out, err)
        return out.decode(errors="surrogateescape"), err.decode(errors="surrogateescape")

    def json(self, *args, code=0, **more):
        return json.loads(self.dstack(*args, "--json", code=code, **more)[0])

    def up(self, *args, name="hello", **more):
        """`up` without the proof, which no fake can give."""
        return self.json("up", "-f", self.compose, "--name", name, "--no-verify", *args, **more)
