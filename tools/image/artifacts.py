# SPDX-License-Identifier: Apache-2.0
"""The pieces of an image that are formats of their own: initramfs and verity tree."""

import gzip
import hashlib
import io

from tree import TIME_S

BLOCK = 4096


def cpio(entries):
    """A "newc" archive of (path, mode with file type, content, device) tuples."""
    out = io.BytesIO()
    for ino, (path, mode, data, rdev) in enumerate(entries + [("TRAILER!!!", 0, b"", (0, 0))], 1):
        name = path.encode() + b"\0"
        fields = [ino, mode, 0, 0, 1, TIME_S if mode else 0, len(data), 0, 0, *rdev, len(name), 0]
        out.write(b"070701" + b"".join(b"%08X" % f for f in fields) + name)
        out.write(bytes(-out.tell() % 4) + data)
        out.write(bytes(-out.tell() % 4))
    return out.getvalue()


def initramfs(init, modules):
    """The init, the modules in load order, and the directories that init mounts on."""
    entries = [(d, 0o040755, b"", (0, 0)) for d in
               ["dev", "modules", "newroot", "proc", "sys"]]
    entries.append(("dev/console", 0o020600, b"", (5, 1)))
    entries.append(("init", 0o100755, init, (0, 0)))
    for name, data in modules:
        entries.append((f"modules/{name}.ko", 0o100644, data, (0, 0)))
    names = "".join(f"{name}.ko\n" for name, _ in modules)
    entries.append(("modules/modules.list", 0o100644, names.encode(), (0, 0)))
    return gzip.compress(cpio(entries), compresslevel=9, mtime=0)


def verity_append(path):
    """
    Pad a file to whole blocks and append its hash tree: SHA-256, no salt, no
    superblock, top level first. Returns the bytes of data and the root hash in hex.
    """
    with open(path, "r+b") as f:
        f.seek(0, 2)
        f.write(bytes(-f.tell() % BLOCK))
        data_len = f.tell()
        f.seek(0)
        level = b"".join(hashlib.sha256(block).digest()
                         for block in iter(lambda: f.read(BLOCK), b""))
        levels = []
        while True:
            level += bytes(-len(level) % BLOCK)
            levels.append(level)
            if len(level) == BLOCK:
                break
            level = b"".join(hashlib.sha256(level[i:i + BLOCK]).digest()
                             for i in range(0, len(level), BLOCK))
        f.seek(data_len)
        f.write(b"".join(reversed(levels)))
    return data_len, hashlib.sha256(levels[-1]).hexdigest()
