# SPDX-License-Identifier: Apache-2.0
"""
The Debian packages of the guest image: which ones, which versions, and the
archives themselves.

packages.lock decides. A line "guest NAME VERSION ARCH SHA256" is fetched by the
system's apt and held against its hash. Where a mirror has no such version any
more, the version that it signs today is taken and the image is marked as not
reproducible; nothing is ever taken unsigned.
"""

import hashlib
import os
import re
import subprocess
import sys
from typing import NamedTuple


class Package(NamedTuple):
    name: str
    version: str
    arch: str
    sha256: str


def say(text):
    print(f"image: {text}", file=sys.stderr, flush=True)


def read_list(path):
    """The names to take and the names to leave out."""
    take, leave = [], []
    with open(path, encoding="utf-8") as f:
        for line in f:
            words = line.split("#")[0].split()
            if words:
                (take if words[0] == "+" else leave).append(words[1])
    return take, leave


class Apt:
    """
    The system's apt with package lists and caches of our own, since the tool root
    is read-only; sources and keys are the system's.
    """

    def __init__(self, cache):
        self.lists, self.archives = os.path.join(cache, "lists"), os.path.join(cache, "apt")
        self.options = []
        for option in (f"Dir::State::lists={self.lists}", f"Dir::Cache={self.archives}",
                       "Dir::State::status=/dev/null", "APT::Sandbox::User=root",
                       "Debug::NoLocking=1"):
            self.options += ["-o", option]

    def run(self, tool, *args, cwd=None):
        """The finished process of an apt tool."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
        return subprocess.run([tool, *self.options, *args], capture_output=True, text=True,
                              check=False, cwd=cwd, env=env)

    def output(self, tool, *args):
        """What an apt tool prints; its failure is ours."""
        r = self.run(tool, *args)
        if r.returncode != 0:
            raise SystemExit(f"image: {tool} {args[0]} failed, is the network up?\n"
                             + r.stderr.strip()[-600:])
        return r.stdout

    def update(self):
        """Fetch the signed package lists of the mirror's state today."""
        for path in (self.lists, self.archives + "/archives"):
            os.makedirs(path + "/partial", exist_ok=True)
        self.output("apt-get", "update", "-q")


def resolve(path, apt):
    """What the mirror offers today for the list: the closure without recommended packages."""
    take, leave = read_list(path)
    out = apt.output("apt-get", "install", "--print-uris", "-qq", "-y", "--no-install-recommends",
                     *take)
    names = []
    for line in out.splitlines():
        m = re.match(r"'[^']+' ([^_ ]+)_([^_ ]+)_([^_ ]+)\.deb ", line)
        if m and m[1] not in leave:
            names.append(f"{m[1]}={m[2].replace('%3a', ':')}")
    return sorted(_show(names, apt))


def _show(names, apt):
    for block in apt.output("apt-cache", "show", *names).split("\n\n"):
        field = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", block, re.M))
        if "Package" in field:
            yield Package(field["Package"], field["Version"], field["Architecture"],
                          field["SHA256"])


def read_lock(path):
    """The guest's part of packages.lock, sorted; empty when there is no lock."""
    found = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in f:
                words = line.split()
                if len(words) == 5 and words[0] == "guest":
                    found.append(Package(*words[1:]))
    return sorted(found)


def check_lock(packages, path):
    """Does the lock hold every package that the list takes?"""
    names = {p.name for p in packages}
    for name in read_list(path)[0]:
        if name not in names:
            raise SystemExit(f"image: packages.lock has no {name} for the guest: './dev lock' "
                             "renews the lock")


def _sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _download(packages, cache, apt):
    """Fetch packages by name and version into the cache; those with another hash are thrown away."""
    into = os.path.join(cache, "tmp")
    os.makedirs(into, exist_ok=True)
    apt.run("apt-get", "download", "-q", *[f"{p.name}={p.version}" for p in packages], cwd=into)
    wanted = {p.sha256: p for p in packages}
    for name in sorted(os.listdir(into)):
        path = os.path.join(into, name)
        package = wanted.get(_sha256(path))
        if package:
            os.replace(path, deb_path(package, cache))
        else:
            os.unlink(path)


def _missing(packages, cache):
    return [p for p in packages if not os.path.exists(deb_path(p, cache))]


def deb_path(package, cache):
    return os.path.join(cache, package.sha256 + ".deb")


def fetch(packages, list_path, cache):
    """
    Have every archive in the cache, each with the locked hash. Returns the packages
    and whether all of them are the locked ones. Without packages: those of today.
    """
    os.makedirs(cache, exist_ok=True)
    if packages and not _missing(packages, cache):
        return packages, True
    apt = Apt(os.path.dirname(cache))
    say("reading the mirror's package lists")
    apt.update()
    if packages:
        _fetch(packages, cache, apt)
        gone = _missing(packages, cache)
        if not gone:
            return packages, True
        for p in gone:
            say(f"THE LOCKED {p.name} {p.version} IS NOT ON THE MIRROR ANY MORE")
        say("taking the signed versions of today instead: this image is NOT REPRODUCIBLE; "
            "'./dev lock' renews the lock")
    today = resolve(list_path, apt)
    _fetch(today, cache, apt)
    for p in _missing(today, cache):
        raise SystemExit(f"image: cannot fetch {p.name} {p.version}: is the network up?")
    return today, False


def _fetch(packages, cache, apt):
    missing = _missing(packages, cache)
    if missing:
        say(f"fetching {len(missing)} packages")
        _download(missing, cache, apt)
    for p in _missing(packages, cache):  # apt fetches none where one is gone: one by one then
        _download([p], cache, apt)
