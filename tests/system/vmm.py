# SPDX-License-Identifier: Apache-2.0
"""A dstack-vmm for tests: started in a network namespace of its own, called over its socket."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def program(room, name, build=None):
    """The program of a build directory; the one with fault hooks and sanitizers when it is there."""
    kinds = [build] if build else ["build-san", "build"]
    for kind in kinds:
        path = os.path.join(TOP, kind, "src", room, name)
        if os.path.exists(path):
            return os.path.normpath(path)
    raise FileNotFoundError(f"no {name} in {', '.join(kinds)}: build the tree first")


class Failure(Exception):
    """An error body of the RPC."""

    def __init__(self, status, body):
        super().__init__(body.get("error", ""))
        self.status, self.body, self.code = status, body, body.get("code", "")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        fd = os.open(os.path.dirname(self.path), os.O_PATH)  # a path of any length
        try:
            self.sock.connect(f"/proc/self/fd/{fd}/{os.path.basename(self.path)}")
        finally:
            os.close(fd)


class Vmm:
    """start() returns when the daemon answers; kill() is SIGKILL; VMs outlive both."""

    def __init__(self, state, config="", build=None, env=None):
        self.state = str(state)
        self.build = build
        self.env = dict(os.environ, DSTACK_STATE=self.state, **(env or {}))
        self.env.pop("DSTACK_IMAGES", None)
        self.socket = os.path.join(self.state, "vmm", "vmm.sock")
        self.log_path = os.path.join(self.state, "vmm.log")
        self.fault_path = os.path.join(self.state, "fault")
        self.config_path = os.path.join(self.state, "vmm.yaml")
        self.process = None
        os.makedirs(self.state, exist_ok=True)
        with open(self.config_path, "w", encoding="utf-8") as f:
            f.write(config)

    def start(self, fault=None, wait=True):
        if fault:
            with open(self.fault_path, "w", encoding="utf-8") as f:
                f.write(fault + "\n")
        env = dict(self.env, DSTACK_FAULT_FILE=self.fault_path)
        command = [program("vmm", "dstack-vmm", self.build), "--config", self.config_path]
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
        deadline = time.monotonic() + 30
        while wait:
            try:
                self.call("Version")
                return self
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"dstack-vmm ended: {self.log()}") from None
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.02)
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def end(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(60)
        self.process = None
        return status

    def kill(self):
        return self.end(signal.SIGKILL)

    def died_of_fault(self):
        """The daemon reached the named point and was killed there."""
        assert self.process.wait(60) == -signal.SIGKILL
        self.process = None

    def call(self, method, params=None, timeout=60):
        c = UnixConnection(self.socket, timeout)
        try:
            c.request("POST", "/prpc/" + method, json.dumps(params or {}))
            r = c.getresponse()
            body = r.read()
            if r.status != 200:
                raise Failure(r.status, json.loads(body))
            return json.loads(body) if body else None
        finally:
            c.close()

    def get(self, path, timeout=60):
        c = UnixConnection(self.socket, timeout)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def info(self, vm):
        return self.call("GetInfo", {"id": vm}).get("info")

    def wait_for(self, vm, want, timeout=20):
        """Poll GetInfo until want(info) is true."""
        deadline = time.monotonic() + timeout
        while True:
            info = self.info(vm)
            if info is not None and want(info):
                return info
            assert time.monotonic() < deadline, f"{info}\n{self.log()}"
            time.sleep(0.02)

    def vm_dir(self, vm):
        return os.path.join(self.state, "vmm", "vms", vm)


def app_compose(**fields):
    app = {"manifest_version": 2, "name": "hello", "runner": "docker-compose",
           "docker_compose_file": "services: {}", "key_provider": "none"}
    app.update(fields)
    return json.dumps(app)


def vm_request(**fields):
    request = {"name": "hello", "image": "test", "compose_file": app_compose(), "vcpu": 1,
               "memory": 512, "disk_size": 1}
    request.update(fields)
    return request


def make_image(state, name="test", **metadata):
    """An image that no machine boots: enough for a null VM."""
    path = os.path.join(str(state), "images", name)
    os.makedirs(path, exist_ok=True)
    meta = {"bios": "ovmf.fd", "kernel": "bzImage", "initrd": "initramfs.cpio.gz",
            "rootfs": "rootfs.img", "cmdline": "console=ttyS0", "version": "0.0.1",
            "is_dev": False, "shared_ro": True}
    meta.update(metadata)
    for key in ("bios", "kernel", "initrd", "rootfs"):
        with open(os.path.join(path, os.path.basename(meta[key])), "wb") as f:
            f.write(key.encode())
    with open(os.path.join(path, "metadata.json"), "w", encoding="utf-8") as f:
        json.dump(meta, f)
    return path
