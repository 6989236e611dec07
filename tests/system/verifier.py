# SPDX-License-Identifier: Apache-2.0
"""A dstack-verifier on loopback, evidence for it, and clients: for its tests and its bench."""

import http.client
import json
import os
import re
import select
import signal
import subprocess
import tempfile

import load
from codes import heard
from vmm import program


def make_evidence(directory, n=0):
    """Evidence of a simulated machine (verifier_evidence.c) in a directory."""
    os.makedirs(directory, exist_ok=True)
    subprocess.run([load.program("tests/system/verifier_evidence"), directory, str(n)], check=True)
    return Evidence(directory)


class Evidence:
    def __init__(self, directory):
        self.dir = directory

    def path(self, name):
        return os.path.join(self.dir, name)

    def text(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def json(self, name):
        return json.loads(self.text(name))

    def options(self):
        return ["--collateral", self.path("collateral.json"), "--simulated-anchor", self.path("root.pem"),
                "--allow-simulated"]


class Verifier:
    """The daemon; its port is the one that the kernel gave it."""

    def __init__(self, *options, build=None, config=None, directory=None, descriptors=None, state=None):
        argv = [program("verifier", "dstack-verifier", build), "--listen", "tcp:127.0.0.1:0", *options]
        if config is not None:
            path = os.path.join(directory, "verifier.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(config)
            argv += ["--config", path]
        self.state = tempfile.TemporaryDirectory(prefix="ds-", dir="/tmp")
        if descriptors is not None:
            argv = ["prlimit", f"--nofile={descriptors}:{descriptors}", *argv]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, env=dict(os.environ, DSTACK_STATE=state or self.state.name))
        self.said = b""
        found = None
        while found is None:
            ready = select.select([self.process.stderr], [], [], 60)[0]
            more = os.read(self.process.stderr.fileno(), 4096) if ready else b""
            assert more, f"no port: {self.said!r}"
            self.said += more
            found = re.search(rb'port="?(\d+)"?.*connections="?(\d+)"?.*\n', self.said)
        self.port, self.connections_max = int(found.group(1)), int(found.group(2))
        self.pid = self.process.pid
        self.address = ("127.0.0.1", self.port)

    def ask(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, body) over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            data = reply.read()
            if reply.status != 200:
                heard(data)
            return reply.status, reply.headers, data
        finally:
            connection.close()

    def json(self, method, path, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        status, _, data = self.ask(method, path, body, headers)
        assert data.isascii()
        return status, json.loads(data)

    def metrics(self):
        """{line without its value: value}"""
        text = self.ask("GET", "/metrics")[2].decode()
        rows = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in rows}

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out = self.process.communicate(timeout=60)[1]
        heard(self.said + out)
        self.state.cleanup()
        return self.process.returncode
