# SPDX-License-Identifier: Apache-2.0
"""
A file tree in memory, made from Debian archives and from the recipe, and written
as one tar. Owners, times and order are ours, so the machine that builds leaves
no trace; set-user-id bits are dropped, since nobody logs in.
"""

import fnmatch
import io
import os
import subprocess
import tarfile
from typing import NamedTuple, Optional

import elf

TIME_S = 1735689600  # 2025-01-01: every file of the image bears it
LIB_DIRS = ["usr/lib/x86_64-linux-gnu", "usr/lib", "usr/lib64"]


class Node(NamedTuple):
    kind: str  # "dir", "file", "link"
    mode: int = 0o755
    data: bytes = b""
    target: str = ""


class Tree:
    """Nodes by path, without leading slash."""

    def __init__(self):
        self.nodes: dict[str, Node] = {}

    def add(self, path, node):
        """Add or replace a node; directories above it come by themselves."""
        parent = os.path.dirname(path)
        if parent and parent not in self.nodes:
            self.add(parent, Node("dir"))
        self.nodes[path] = node

    def file(self, path) -> Optional[bytes]:
        """The content of a file, through links; None when there is none."""
        for _ in range(8):
            node = self.nodes.get(path)
            if node is None:
                return None
            if node.kind == "file":
                return node.data
            if node.kind == "dir":
                return None
            path = os.path.normpath(os.path.join("/", os.path.dirname(path), node.target))[1:]
        return None

    def remove(self, patterns):
        for path in [p for p in self.nodes if any(fnmatch.fnmatchcase(p, q) for q in patterns)]:
            del self.nodes[path]

    def prune(self):
        """Drop directories that hold nothing."""
        for path in sorted((p for p, n in self.nodes.items() if n.kind == "dir"), reverse=True):
            if not any(p.startswith(path + "/") for p in self.nodes):
                del self.nodes[path]

    def library(self, name):
        """Where the loader finds a library; None when the tree lacks it."""
        paths = [name.lstrip("/")] if "/" in name else [f"{d}/{name}" for d in LIB_DIRS]
        return next((p for p in paths if self.file(usr_path(p)) is not None), None)

    def closure(self, path):
        """A program and all that the loader maps with it, sorted; raises on a missing library."""
        seen, todo = set(), [usr_path(path)]
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            names, interp = elf.needs(self.file(at))
            for name in names + ([interp] if interp else []):
                found = self.library(name)
                if found is None:
                    raise SystemExit(f"image: /{at} needs {name}, which no package of "
                                     "guest/packages.list brings")
                todo.append(usr_path(found))
        return sorted(seen)

    def write_tar(self, out):
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(self.nodes):
                node = self.nodes[path]
                info = tarfile.TarInfo(path)
                info.mtime, info.mode = TIME_S, node.mode
                info.uname = info.gname = "root"
                if node.kind == "dir":
                    info.type = tarfile.DIRTYPE
                elif node.kind == "link":
                    info.type, info.linkname, info.mode = tarfile.SYMTYPE, node.target, 0o777
                else:
                    info.size = len(node.data)
                tar.addfile(info, io.BytesIO(node.data))

    @staticmethod
    def read_tar(path):
        tree = Tree()
        with tarfile.open(path, mode="r:") as tar:
            for m in tar:
                tree.nodes[m.name] = _node(tar, m)
        return tree


def usr_path(path):
    """The path after Debian's merge of /bin, /sbin and /lib into /usr."""
    path = path.lstrip("/")
    top, slash, _ = path.partition("/")
    return "usr/" + path if slash and top in ("bin", "sbin", "lib", "lib64") else path


def _node(tar, m):
    if m.isdir():
        return Node("dir", m.mode & 0o1777)
    if m.issym():
        return Node("link", 0o777, target=m.linkname)
    return Node("file", m.mode & 0o777, data=tar.extractfile(m).read())


def add_deb(tree, path):
    """Unpack an archive's files; a hard link becomes a file of its own."""
    out = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE,
                         check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(out), mode="r:") as tar:
        for m in tar:
            name = usr_path(os.path.normpath(m.name))
            if name == ".":
                continue
            if not (m.isdir() or m.issym() or m.isfile() or m.islnk()):
                raise SystemExit(f"image: {path} holds a special file: {name}")
            if m.isdir() and tree.nodes.get(name, Node("dir")).kind != "dir":
                continue
            tree.add(name, _node(tar, m))


def add_dir(tree, path):
    """Files and links of a directory of the recipe; of their modes only "executable" counts."""
    for at, dirs, files in os.walk(path):
        for name in sorted(dirs + files):
            full = os.path.join(at, name)
            rel = os.path.relpath(full, path)
            if os.path.islink(full):
                tree.add(rel, Node("link", 0o777, target=os.readlink(full)))
            elif os.path.isfile(full):
                mode = 0o755 if os.stat(full).st_mode & 0o100 else 0o644
                with open(full, "rb") as f:
                    tree.add(rel, Node("file", mode, data=f.read()))


def add_list(tree, path):
    """tree.list: "dir PATH MODE" and "link PATH TARGET"."""
    for words in lines(path):
        if words[0] == "dir":
            tree.add(words[1], Node("dir", int(words[2], 8)))
        else:
            tree.add(words[1], Node("link", 0o777, target=words[2]))


def lines(path):
    """The words of each line of a recipe file, comments and blank lines left out."""
    with open(path, encoding="utf-8") as f:
        return [line.split() for line in f if line.split() and not line.startswith("#")]
