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


def _apt(*args):
    r = subprocess.run(args, capture_output=True, text=True, env=_env())
    if r.returncode != 0:
        raise SystemExit(f"image: {args[0]} failed: {r.stderr.strip()[-400:]}\n"
                         "image: is the network up, and was 'apt-get update' run in the tool root?")
    return r.stdout


def _env():
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


def resolve(path):
    """What the mirror offers today for the list: the closure without recommended packages."""
    take, leave = read_list(path)
    out = _apt("apt-get", "install", "--print-uris", "-qq", "-y", "--no-install-recommends",
               "-o", "Dir::State::status=/dev/null", "-o", "Debug::NoLocking=1", *take)
    names = []
    for line in out.splitlines():
        m = re.match(r"'[^']+' ([^_ ]+)_([^_ ]+)_([^_ ]+)\.deb ", line)
        if m and m[1] not in leave:
            names.append(f"{m[1]}={m[2].replace('%3a', ':')}")
    return sorted(_show(names))


def _show(names):
    for block in _apt("apt-cache", "show", *names).split("\n\n"):
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


def _sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _download(packages, cache):
    """Fetch packages by name and version into the cache; those with another hash are thrown away."""
    into = os.path.join(cache, "tmp")
    os.makedirs(into, exist_ok=True)
    subprocess.run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root",
                    *[f"{p.name}={p.version}" for p in packages]],
                   cwd=into, capture_output=True, check=False, env=_env())
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
    and whether all of them are the locked ones.
    """
    os.makedirs(cache, exist_ok=True)
    missing = _missing(packages, cache)
    if missing:
        say(f"fetching {len(missing)} packages")
        _download(missing, cache)
    for p in _missing(packages, cache):  # apt fetches none where one is gone: one by one then
        _download([p], cache)
    gone = _missing(packages, cache)
    if not gone:
        return packages, True
    for p in gone:
        say(f"THE LOCKED {p.name} {p.version} IS NOT ON THE MIRROR ANY MORE")
    say("taking the signed versions of today instead: this image is NOT REPRODUCIBLE; "
        "'./dev lock' renews the lock")
    today = resolve(list_path)
    _download(_missing(today, cache), cache)
    left = _missing(today, cache)
    if left:
        raise SystemExit(f"image: cannot fetch {left[0].name} {left[0].version}: is the network up?")
    return today, False
