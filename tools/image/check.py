# SPDX-License-Identifier: Apache-2.0
"""
Is an image a function of its inputs? It is made twice, in surroundings that
differ in all that a build should not see, and the first difference is named.
"""

import os
import subprocess
import sys
import tempfile

import tree
from packages import say

# (umask, processors, environment): the second run could hardly be less like the first.
SURROUNDINGS = [
    (0o022, None, {"LC_ALL": "C.UTF-8", "TZ": "UTC"}),
    (0o077, 1, {"LC_ALL": "C", "TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8", "HOME": "/tmp"}),
]


def _set(mask, n_cpus):
    os.umask(mask)
    if n_cpus:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_cpus])


def _first_byte(a, b):
    """Where two files differ: the offset, or None."""
    with open(a, "rb") as fa, open(b, "rb") as fb:
        at = 0
        while True:
            pa, pb = fa.read(1 << 20), fb.read(1 << 20)
            if pa != pb:
                n = min(len(pa), len(pb))
                return at + next((i for i in range(n) if pa[i] != pb[i]), n)
            if not pa:
                return None
            at += len(pa)


def _trees(a, b):
    """The first path in which two root trees differ, with what differs."""
    a, b = tree.Tree.read_tar(a).nodes, tree.Tree.read_tar(b).nodes
    for path in sorted(a.keys() | b.keys()):
        if a.get(path) != b.get(path):
            na, nb = a.get(path), b.get(path)
            if na is None or nb is None:
                return f"/{path} is in one tree only"
            parts = [f for f in na._fields if getattr(na, f) != getattr(nb, f)]
            return f"/{path} differs in {', '.join(parts)}"
    return "the trees of files are equal: the file system maker is not deterministic"


def difference(one, two):
    """One sentence about the first difference of two image directories; None when equal."""
    names = sorted(set(os.listdir(one)) | set(os.listdir(two)))
    for name in sorted(names, key=lambda n: (n != "root.tar", n)):
        a, b = os.path.join(one, name), os.path.join(two, name)
        if not (os.path.exists(a) and os.path.exists(b)):
            return f"{name} is made by one build only"
        at = _first_byte(a, b)
        if at is not None:
            more = f" ({_trees(a, b)})" if name == "root.tar" else ""
            return f"{name} differs from byte {at} on{more}"
    return None


def check(argv, debs, out, keep):
    """
    Run the build twice with the archives already fetched; raises on a difference.
    Hands the image's directory to keep().
    """
    with tempfile.TemporaryDirectory(dir=out, prefix=".check-") as work:
        dirs = []
        for i, (mask, n_cpus, env) in enumerate(SURROUNDINGS):
            place = os.path.join(work, "first" if i == 0 else "a second place with a longer name")
            os.makedirs(place + "/cache")
            os.symlink(os.path.abspath(debs), place + "/cache/debs")
            say(f"--check: build {i + 1} of {len(SURROUNDINGS)}")
            subprocess.run([sys.executable, *argv, "--out", place, "--cache", place + "/cache",
                            "--name", "image", "--keep-tar"],
                           env={"PATH": os.environ["PATH"], "TMPDIR": place, **env}, check=True,
                           preexec_fn=lambda mask=mask, n_cpus=n_cpus: _set(mask, n_cpus))
            dirs.append(place + "/image")
        found = difference(*dirs)
        if found:
            raise SystemExit(f"image: NOT REPRODUCIBLE: {found}")
        with open(dirs[0] + "/digest.txt", encoding="ascii") as f:
            say(f"--check: both builds are byte-identical, digest {f.read().strip()}")
        os.unlink(dirs[0] + "/root.tar")
        keep(dirs[0])
