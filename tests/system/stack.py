# SPDX-License-Identifier: Apache-2.0
"""A machine of its own for whole-system tests.

A Machine has a network namespace in which only loopback is up, so that no packet of a guest leaves;
a state directory; and the programs of one build. `dstack` runs in it as on a laptop, and starts the
daemons. At the end every process that lives in the namespace is killed by its pid.
"""

import contextlib
import http.client
import importlib.machinery
import importlib.util
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.request

import codes

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(TOP, "build")
FAULT_BUILD = os.path.join(TOP, "build-san")  # sanitizers and fault hooks (base/fault.h)
HELLO = os.path.join(TOP, "examples", "hello")
FORWARD = os.path.join(BUILD, "tests", "system", "forward", "forward")
UP_S = 600  # a boot takes about a minute without KVM; sanitizers and a busy machine make it more
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_DENIED, EXIT_INVALID, EXIT_NOT_FOUND, EXIT_UNAVAILABLE = range(7)


def newest_image():
    """(directory of images, name) of the image that ./dev made last; None when there is none."""
    images = os.environ.get("DSTACK_IMAGES", "")
    made = [(os.stat(os.path.join(entry.path, "metadata.json")).st_mtime, entry.name)
            for entry in (os.scandir(images) if os.path.isdir(images) else [])
            if os.path.exists(os.path.join(entry.path, "metadata.json"))]
    return (images, max(made)[1]) if made else None


def wait_for(what, condition, timeout_s=60):
    """The first true value of condition(); a failure names what did not come."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(0.02)


def new_netns():
    """A descriptor that keeps a network namespace with loopback alive."""
    with subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && read _"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "up\n", "no network namespace: root of a user namespace is needed"
        return os.open(f"/proc/{child.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Done:
    """How a command ended."""

    def __init__(self, run):
        self.code, self.out, self.err = run.returncode, run.stdout, run.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Machine:
    accel = None  # what the first machine's VMM learned about KVM: probing takes it 15 s

    def __init__(self, build=BUILD, images=None):
        self.build = build
        self.dir = tempfile.mkdtemp(prefix="ds-", dir="/tmp")  # sockets have short paths
        self.state = os.path.join(self.dir, "state")
        self.fault_file = os.path.join(self.dir, "fault")
        self.images, self.image = newest_image() or ("", "")
        if images is not None:
            self.images = images
        self.netns = new_netns()
        self.env = dict(os.environ, DSTACK_STATE=self.state, DSTACK_IMAGES=self.images,
                        DSTACK_FAULT_FILE=self.fault_file)

        os.makedirs(os.path.join(self.state, "vmm"), 0o700)
        if Machine.accel is not None:
            with open(self.accel_file(), "wb") as file:
                file.write(Machine.accel)

    def accel_file(self):
        return os.path.join(self.state, "vmm", "accel.json")

    def close(self):
        if os.path.exists(self.accel_file()):
            with open(self.accel_file(), "rb") as file:
                Machine.accel = file.read()
        while self.processes():
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        os.close(self.netns)
        codes.heard_in_logs(self.dir)
        shutil.rmtree(self.dir)

    def processes(self, name=""):
        """{pid: name} of what runs in this machine's namespace."""
        inode, found = os.fstat(self.netns).st_ino, {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                if os.stat(f"/proc/{pid}/ns/net").st_ino != inode or int(pid) == os.getpid():
                    continue
                with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                    comm = file.read().strip()
                if comm.startswith(name):
                    found[int(pid)] = comm
        return found

    def kill(self, name):
        """kill -9 of the one process of this name."""
        pids = wait_for(f"{name} runs", lambda: self.processes(name))
        assert len(pids) == 1, pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            wait_for(f"{name} ended", lambda pid=pid: pid not in self.processes())

    @contextlib.contextmanager
    def inside(self):
        """The calling thread's sockets belong to this machine."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        os.setns(self.netns, os.CLONE_NEWNET)
        try:
            yield
        finally:
            os.setns(home, os.CLONE_NEWNET)
            os.close(home)

    def enter(self):
        os.setns(self.netns, os.CLONE_NEWNET)

    def popen(self, *argv, **options):
        return subprocess.Popen(list(map(str, argv)), env=self.env, cwd=self.dir, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=self.enter, **options)

    def run(self, *argv, code=0, timeout=UP_S):
        with self.popen(*argv) as child:
            try:
                child.stdout_text, child.stderr_text = child.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.stdout_text, child.stderr_text = child.communicate()
        if child.returncode != 0:  # `explain` prints codes that nobody raised
            codes.heard(child.stdout_text + child.stderr_text)
        done = Done(subprocess.CompletedProcess(argv, child.returncode, child.stdout_text, child.stderr_text))
        if code is not None:
            assert done.code == code, f"{' '.join(map(str, argv))}: {done}\n{self.last_words()}"
        return done

    def program(self, room, name):
        return os.path.join(self.build, "src", room, name)

    def dstack(self, *args, code=0, timeout=UP_S):
        return self.run(self.program("cli", "dstack"), *args, code=code, timeout=timeout)

    def json(self, *args, code=0):
        return self.dstack(*args, "--json", code=code).json()

    def up_args(self, compose, name, *options):
        return ["up", "-f", compose, "--name", name, "--image", self.image, "--allow-simulated", *options]

    def up(self, compose, name, *options, code=0):
        return self.dstack(*self.up_args(compose, name, *options), code=code)

    def arm(self, point):
        """The fault build dies at this point, once."""
        with open(self.fault_file + ".new", "w", encoding="utf-8") as file:
            file.write(point + "\n")
        os.rename(self.fault_file + ".new", self.fault_file)

    def fired(self):
        return not os.path.exists(self.fault_file)

    def failing_up(self, compose, name, point):
        """`up` dies at the point, or meets it and says what is wrong; or the rest made up for it."""
        self.arm(point)
        run = self.dstack(*self.up_args(compose, name), "--json", code=None)
        assert self.fired(), f"{point} was not passed: {run}"
        if run.code > 0:
            error = run.json()
            assert run.code in (EXIT_FAILED, EXIT_UNAVAILABLE) and error["error"], run
        return run

    def remove(self, name):
        self.dstack("down", name, "--remove", "--force", code=None)

    def vm(self, name):
        """The row of `ps` for a VM, which must be the only one of its name."""
        rows = [row for row in self.json("ps") if row["name"] == name]
        assert len(rows) == 1, rows
        return rows[0]

    def vm_dirs(self):
        vms = os.path.join(self.state, "vmm", "vms")
        return [os.path.join(vms, name) for name in os.listdir(vms)] if os.path.isdir(vms) else []

    def rpc(self, socket_path, method, params=None):
        """A method of a daemon on its unix socket below the state directory."""
        connection = UnixConnection(os.path.join(self.state, socket_path))
        connection.request("POST", f"/prpc/{method}", json.dumps(params or {}),
                           {"Content-Type": "application/json"})
        reply = connection.getresponse()
        body = json.loads(reply.read())
        connection.close()
        codes.heard(json.dumps(body))
        assert reply.status == 200, body
        return body

    def refusal_of(self, name, compose):
        """The host gives the VM another app-compose behind everyone's back: the reasons why it does not boot."""
        vm = self.vm(name)["id"]
        self.rpc("vmm/vmm.sock", "StopVm", {"id": vm})
        self.rpc("vmm/vmm.sock", "UpdateVm", {"id": vm, "compose_file": compose})
        self.rpc("vmm/vmm.sock", "StartVm", {"id": vm})
        failure = wait_for(f"{name} is refused", lambda: self.rpc(
            "vmm/vmm.sock", "GetInfo", {"id": vm})["info"].get("boot_failure"), UP_S)
        return {reason["code"]: reason for reason in failure["reasons"]}

    def get(self, port, path="/"):
        with self.inside(), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
            return reply.read().decode()

    def last_words(self):
        """The ends of all logs, for the message of a failed test."""
        text = []
        for at, _, names in os.walk(self.state):
            for name in sorted(names):
                if name.endswith(".log") and name != "accel-probe.log":
                    with open(os.path.join(at, name), "rb") as file:
                        tail = file.read()[-800:].decode(errors="replace")
                    text.append(f"--- {os.path.join(at, name)}\n{tail}")
        return "\n".join(text)


def load_script(path):
    """A Python program without .py as a module."""
    loader = importlib.machinery.SourceFileLoader(os.path.basename(path).replace("-", "_"), path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def hello_app(directory):
    """The hello example in a directory of its own; its compose file's path."""
    os.makedirs(directory)
    subprocess.run([os.path.join(HELLO, "make-image"), os.path.join(directory, "image")], check=True)
    return shutil.copy(os.path.join(HELLO, "docker-compose.yaml"), directory)


def probe_app(directory, compose):
    """hello's image with the program in it that carries connections, as probe:latest; a compose file's path."""
    hello = load_script(os.path.join(HELLO, "make-image"))
    with open("/usr/bin/busybox", "rb") as file:
        layer = io.BytesIO(hello.layer(file.read(), ["sh", "httpd", "tee"]))
    with open(FORWARD, "rb") as file, tarfile.open(fileobj=layer, mode="a", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("bin/forward")
        info.mode, info.size = 0o755, os.path.getsize(FORWARD)
        tar.addfile(info, file)
    os.makedirs(directory)
    hello.write_layout(os.path.join(directory, "image"), layer.getvalue())
    path = os.path.join(directory, "docker-compose.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(compose)
    return path


# The first version to start leaves a random page on the app's volume; each serves it and says which it is.
VERSION = """
services:
  web:
    image: {image}
    command: ["sh", "-c", "[ -s /data/index.html ] || cat /proc/sys/kernel/random/uuid > /data/index.html; \
              echo {version} > /data/version.html; sync; exec httpd -f -p 80 -h /data"]
    ports: ["8080:80"]
    volumes: ["data:/data"]
volumes:
  data: {{}}
x-dstack:
  images:
    hello:latest: ./image
"""


def write_version(path, version, image="hello:latest"):
    """A compose file beside hello's image: an app that keeps a page and tells its version."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(VERSION.format(version=version, image=image))
