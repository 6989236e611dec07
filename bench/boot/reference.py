# SPDX-License-Identifier: Apache-2.0
"""The reference boot: what the VMM starts, made into a plain container host.

The QEMU arguments are those of a real VM of ours, so that machine, devices and their order are the
same; only what stands in `changed_args` differs.
"""

import contextlib
import gzip
import os
import shutil
import stat
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.append(os.path.join(HERE, "..", "..", "tools", "image"))
# pylint: disable=wrong-import-position
import artifacts

BLOCK = 4096
DATA_DISK, SHARED_DISK = "hda.img", "shared.tar"
BUSYBOX = "/usr/bin/busybox"


def initramfs(image, init, compose, archive_len):
    """Ours with another init (the kernel unpacks archives one over the other) and what it needs."""
    with open(os.path.join(image, "initramfs.cpio.gz"), "rb") as file:
        first = file.read()
    with open(BUSYBOX, "rb") as file:
        busybox = file.read()
    device = (0, 0)
    return first + gzip.compress(artifacts.cpio([
        ("bin", stat.S_IFDIR | 0o755, b"", device),
        ("bin/busybox", stat.S_IFREG | 0o755, busybox, device),
        ("bin/sh", stat.S_IFLNK | 0o777, b"busybox", device),
        ("init", stat.S_IFREG | 0o755, init, device),
        ("docker-compose.yaml", stat.S_IFREG | 0o644, compose, device),
        ("archive-len", stat.S_IFREG | 0o644, b"%d\n" % archive_len, device),
    ]), mtime=0)


def changed_args(args, image, initrd):
    """The arguments of our QEMU, with what confidential computing needs taken out."""
    out = list(args)
    files = {"-bios": os.path.join(image, "ovmf.fd"), "-kernel": os.path.join(image, "bzImage"),
             "-initrd": initrd}
    for i, option in enumerate(args[:-1]):
        value = args[i + 1]
        if option in files:
            out[i + 1] = files[option]
        elif option == "-append":
            out[i + 1] = " ".join(word for word in value.split() if not word.startswith("dstack."))
        elif option == "-netdev":
            out[i + 1] = value.partition(",guestfwd=")[0]
    return out


class Plan:
    """What all reference boots of one run of the bench share; a context that removes it again."""

    def __init__(self, machine, args, app):
        self.dir = tempfile.mkdtemp(prefix="plan-", dir=machine.dir)
        image = os.path.join(machine.images, machine.image)
        with open(os.path.join(HERE, "init"), "rb") as file:
            init = file.read()
        initrd = os.path.join(self.dir, "initramfs")
        with open(initrd, "wb") as file:
            file.write(initramfs(image, init, app["docker_compose_file"].encode(),
                                 app["image_volumes"][0]["data_blocks"] * BLOCK))
        self.args = changed_args(args, image, initrd)
        self.disk_gib = 20

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    @contextlib.contextmanager
    def directory(self):
        """A fresh VM directory: an empty data disk, and a shared disk that nobody reads."""
        where = tempfile.mkdtemp(dir=self.dir)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", os.path.join(where, DATA_DISK),
                        f"{self.disk_gib}G"], check=True)
        with open(os.path.join(where, SHARED_DISK), "wb") as file:
            file.write(bytes(1 << 20))
        yield where
        shutil.rmtree(where)
