# SPDX-License-Identifier: Apache-2.0
"""The rows of the tampering table that boot a VM: artefacts, what the host hands over, the channel to
the KMS, and the disks.

Each byte of an artefact is chosen so that the machine still boots: what refuses it is a measurement,
not a crash. The image directory keeps its documents (sha256sum.txt, digest.txt,
measurement.tdx.cbor), so that everything which only reads those sees the right image.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import typing

from cryptography.hazmat.primitives import serialization

import forge


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def change_kernel(path):
    """The version's text in the setup header (Linux boot protocol: offset 0x20e); it is only shown."""
    with open(path, "rb") as file:
        head = file.read(0x8000)
    at = struct.unpack_from("<H", head, 0x20e)[0] + 0x200
    flip(path, head.index(b"\0", at) - 1)


def change_initrd(path):
    """The time in the header of gzip (RFC 1952); nobody reads it."""
    flip(path, 4)


def change_firmware(path):
    """A byte of the padding in the second firmware volume; the first one holds variables."""
    with open(path, "rb") as file:
        data = file.read()
    starts = [at.start() - 40 for at in re.finditer(b"_FVH", data)]
    start = starts[1]
    end = start + struct.unpack_from("<Q", data, start + 32)[0]
    runs = re.finditer(b"\xff{256,}", data[start:end])
    longest = max(runs, key=lambda run: run.end() - run.start())
    flip(path, start + (longest.start() + longest.end()) // 2)


def change_cmdline(path):
    """The seconds until a panic restarts the machine."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text.count("panic=-1") == 1
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("panic=-1", "panic=-2"))


def change_root_disk(path):
    """The first block of containerd, which is read only when the app is about to start."""
    out = subprocess.run(["dump.erofs", "-e", "--path=/usr/bin/containerd", path], check=True,
                         capture_output=True, text=True).stdout
    flip(path, int(re.search(r"^\s*0:.*:\s*(\d+)\.\.", out, re.M)[1]) + 1000)


def link_or_copy(source, target):
    """Two mounts of one device have one number and still share no links: only trying tells."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def changed_image(directory, original, file, change):
    """A copy of the image directory with one file changed."""
    copy = os.path.join(directory, "changed")
    shutil.copytree(original, copy, copy_function=link_or_copy)
    path = os.path.join(copy, file)
    shutil.copy2(os.path.join(original, file), path + ".changed")
    os.replace(path + ".changed", path)
    change(path)
    return copy


def in_share(old, new):
    """In the archive that the guest is about to read, text of the same length."""
    @contextlib.contextmanager
    def change(machine):
        assert len(old) == len(new)
        path = os.path.join(machine.vm_dirs()[0], "shared.tar")
        with open(path, "r+b") as file:
            at = file.read().index(old)
            file.seek(at)
            file.write(new)
        yield
    return change


def mr_config_in_share(machine):
    """The key provider in the document that the launch committed to."""
    return in_share(b'\\"key_provider\\":\\"kms\\"', b'\\"key_provider\\":\\"tpm\\"')(machine)


@contextlib.contextmanager
def kms_impostor(machine):
    """Another KMS at the end of the relay, with a root of its own."""
    path = os.path.join(machine.state, "kms", "kms.sock")
    key = forge.new_key()
    pem = os.path.join(machine.dir, "impostor.pem")
    with open(pem, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
        file.write(forge.pem(forge.client_certificate(key)).encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    os.rename(path, path + ".real")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve():
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as tls:
                tls.recv(1)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.rename(path + ".real", path)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


class DataDisk:
    """The qcow2 data disk of a stopped VM, as its guest sees it."""

    def __init__(self, machine):
        self.path = os.path.join(machine.vm_dirs()[0], "hda.img")
        self.scratch = os.path.join(machine.dir, "sectors")

    def io(self, command):
        return subprocess.run(["qemu-io", "-f", "qcow2", "-c", command, self.path], check=True, capture_output=True,
                              text=True).stdout

    def read(self, at, n):
        rows = re.findall(r"^[0-9a-f]{8}:  ((?:[0-9a-f]{2} ){16})", self.io(f"read -v {at} {n}"), re.M)
        return bytes.fromhex("".join(rows))

    def write(self, at, data):
        with open(self.scratch, "wb") as file:
            file.write(data)
        self.io(f"write -s {self.scratch} {at} {len(data)}")


@contextlib.contextmanager
def kept(path):
    """The file comes back afterwards."""
    shutil.copy2(path, path + ".kept")
    try:
        yield
    finally:
        os.replace(path + ".kept", path)


@contextlib.contextmanager
def luks_header(machine):
    """A key slot that asks for four thousand million rounds, in both copies of the header, which are whole."""
    disk = DataDisk(machine)
    with kept(disk.path):
        area = 16384
        for at in (0, area):
            header = bytearray(disk.read(at, area))
            text = header[4096:].rstrip(b"\0")
            changed = text.replace(b'"iterations":1000', b'"iterations":4000000000', 1)
            assert len(changed) > len(text)
            header[4096:4096 + len(changed)] = changed
            header[448:512] = bytes(64)  # the checksum covers itself as zeros
            header[448:480] = hashlib.sha256(header).digest()
            disk.write(at, bytes(header))
        yield


@contextlib.contextmanager
def ciphertext(machine):
    """What decrypts to the file system's superblock, and to its first group descriptors."""
    disk = DataDisk(machine)
    with kept(disk.path):
        at = 16 * 1024 * 1024
        disk.write(at, bytes(byte ^ 1 for byte in disk.read(at, 8192)))
        yield


@contextlib.contextmanager
def another_instance(machine):
    """.instance_info of nobody: a new instance, which cannot read the old one's disk."""
    path = os.path.join(machine.vm_dirs()[0], ".instance_info")
    with kept(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"instance_id_seed":"' + "5a" * 20 + '"}')
        yield


@contextlib.contextmanager
def volume(machine):
    """A byte in the middle of the app's image volume."""
    with open(os.path.join(machine.vm_dirs()[0], "app-compose.json"), encoding="utf-8") as file:
        [row] = json.load(file)["image_volumes"]
    path = os.path.join(machine.state, "vmm", "volumes", row["source"])
    with kept(path):
        flip(path, row["data_blocks"] // 2 * 4096)
        yield


@dataclasses.dataclass
class Boot:
    name: str
    code: str
    claim: str
    anchor: str
    artefact: typing.Optional[tuple] = None  # file of the image directory, how it is changed
    running: typing.Optional[typing.Callable] = None  # a context, entered when QEMU runs
    user_config: typing.Optional[str] = None  # what the app pinned and the host was given
    stopped: typing.Optional[typing.Callable] = None  # a context, entered before a used VM starts again
    soak: bool = False


MACHINE = "simulated root of this machine"

TABLE = [
    Boot("kernel", "policy.kernel_mismatch", "kernel", MACHINE, artefact=("bzImage", change_kernel)),
    Boot("initrd", "policy.initrd_mismatch", "initrd", MACHINE, artefact=("initramfs.cpio.gz", change_initrd)),
    Boot("command line", "policy.cmdline_mismatch", "cmdline", MACHINE, artefact=("metadata.json", change_cmdline)),
    Boot("firmware", "policy.firmware_mismatch", "mrtd", MACHINE, artefact=("ovmf.fd", change_firmware)),
    Boot("root disk", "guest.root_corrupt", "root", "", artefact=("rootfs.img", change_root_disk)),
    Boot("app-compose.json", "guest.compose_mismatch", "compose_hash", "MRCONFIGID",
         running=in_share(b"/www", b"/xww")),
    Boot("mr_config", "app.mr_config_mismatch", "mrconfigid", "MRCONFIGID", running=mr_config_in_share),
    Boot("kms_urls: denial of service", "guest.sys_config_invalid", "kms_urls", "host-shared disk",
         running=in_share(b"https://10.0.2.101", b"httpz://10.0.2.101"), soak=True),
    Boot("host-shared archive", "guest.shared_refused", "archive", "host-shared disk",
         running=in_share(b".sys-config.json", b".sys-config.jsom"), soak=True),
    Boot(".user-config that the app pinned", "guest.user_config_mismatch", ".user-config", "MRCONFIGID",
         user_config="colour: blue", running=in_share(b"colour: blue", b"colour: pink")),
    Boot("KMS impostor", "ratls.root_not_pinned", "", "", running=kms_impostor),
    Boot("LUKS header", "disk.header_refused", "key slot rounds", "", stopped=luks_header),
    Boot("LUKS ciphertext", "disk.content_refused", "data disk", "", stopped=ciphertext),
    Boot(".instance_info: no old data", "disk.key_refused", "disk key", "KMS", stopped=another_instance),
    Boot("verity volume", "disk.verity_refused", "image volume", "MRCONFIGID", running=volume),
]
