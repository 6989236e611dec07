# SPDX-License-Identifier: Apache-2.0
"""The guest image: what is in it, what describes it, and that it boots to PID 1.

The image is made here, with a probe (pid1.c) in the agent's place, twice and in
different surroundings: so the build's own comparison is part of the test.
"""

import hashlib
import json
import os
import re
import stat
import struct
import subprocess
import zlib

import pytest

import codes

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(TOP, "build")
CACHE = os.environ.get("DSTACK_CACHE", "")
BLOCK = 4096


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The directory of a fresh image."""
    probe = os.path.join(BUILD, "tests/system/pid1")
    if not CACHE or not os.path.exists(probe):
        pytest.skip("needs a build and DSTACK_CACHE: run it by ./dev test")
    out = tmp_path_factory.mktemp("images")
    subprocess.run([os.path.join(TOP, "tools/image/build"), "--bins", BUILD, "--agent", probe,
                    "--out", out, "--name", "probe", "--cache", os.path.join(CACHE, "image"),
                    "--check"], check=True)
    return out / "probe"


@pytest.fixture(scope="module")
def root(image, tmp_path_factory):
    """The root file system, unpacked."""
    into = tmp_path_factory.mktemp("root")
    subprocess.run(["fsck.erofs", f"--extract={into}", "--overwrite", "--preserve-perms",
                    image / "rootfs.img"], check=True, capture_output=True)
    return into


def metadata(image):
    return json.loads((image / "metadata.json").read_text())


def files(root):
    for at, dirs, names in os.walk(root):
        for name in dirs + names:
            yield os.path.relpath(os.path.join(at, name), root), os.path.join(at, name)


def cpio(data):
    """The entries of a "newc" archive: path, mode, content."""
    at = 0
    while True:
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_len = fields[1], fields[6], fields[11]
        name = data[at + 110:at + 109 + name_len].decode()
        body = (at + 110 + name_len + 3) & ~3
        if name == "TRAILER!!!":
            return
        yield name, mode, data[body:body + size]
        at = (body + size + 3) & ~3


def initramfs(image):
    return {name: (mode, data) for name, mode, data in
            cpio(zlib.decompress((image / "initramfs.cpio.gz").read_bytes(), 31))}


def test_sums_and_digest_describe_the_files(image):
    sums = (image / "sha256sum.txt").read_bytes()
    lines = [line.split("  ") for line in sums.decode().splitlines()]
    assert [name for _, name in lines] == ["ovmf.fd", "bzImage", "initramfs.cpio.gz",
                                           "metadata.json", "measurement.tdx.cbor"]
    for digest, name in lines:
        assert hashlib.sha256((image / name).read_bytes()).hexdigest() == digest
    assert (image / "digest.txt").read_text() == hashlib.sha256(sums).hexdigest() + "\n"


def test_metadata_names_what_is_there(image):
    meta = metadata(image)
    assert meta["arch"] == "x86_64" and meta["is_dev"] is False and meta["shared_ro"] is True
    for key in ("bios", "kernel", "initrd", "rootfs"):
        assert (image / meta[key]).is_file() and "/" not in meta[key]
    assert "git_revision" not in meta
    words = meta["cmdline"].split()
    assert words.count(f"dstack.rootfs_hash={meta['rootfs_hash']}") == 1
    assert words.count(f"dstack.rootfs_size={meta['rootfs_size']}") == 1
    assert "console=ttyS0" in words and "panic=-1" in words


def test_root_hash_is_that_of_the_tree(image):
    """Held against veritysetup, which knows nothing of ours."""
    meta = metadata(image)
    subprocess.run(["veritysetup", "verify", "--no-superblock", "--hash=sha256", "--salt=-",
                    f"--data-blocks={meta['rootfs_size'] // BLOCK}",
                    f"--hash-offset={meta['rootfs_size']}", image / "rootfs.img",
                    image / "rootfs.img", meta["rootfs_hash"]], check=True)


def test_initramfs_holds_init_and_modules_only(image):
    found = initramfs(image)
    listed = found["modules/modules.list"][1].decode().splitlines()
    assert [n for n in found if stat.S_ISREG(found[n][0])] == \
        ["init"] + [f"modules/{name}" for name in listed] + ["modules/modules.list"]
    assert listed.index("dm_mod.ko") < listed.index("dm_verity.ko")
    init = found["init"][1]
    program_headers = struct.unpack_from("<Q", init, 32)[0], struct.unpack_from("<H", init, 56)[0]
    kinds = [struct.unpack_from("<I", init, program_headers[0] + 56 * i)[0]
             for i in range(program_headers[1])]
    assert 3 not in kinds, "init asks for a loader"


def test_modules_stand_after_what_they_need(image, root):
    loaded = [name[:-3] for name in
              initramfs(image)["modules/modules.list"][1].decode().splitlines()]
    place = root / "usr/lib/dstack/modules"
    conditional = set()
    for line in (place / "modules.list").read_text().splitlines():
        name, *condition = line.split()
        data = (place / name).read_bytes()
        assert b"~Module signature appended~" not in data
        needs = re.search(rb"\0depends=([^\0]*)\0", data)[1].decode().replace("-", "_").split(",")
        have = set(loaded) | (conditional if condition else set())
        assert set(filter(None, needs)) <= have, name
        if condition:
            conditional.add(name[:-3])
        else:
            loaded.append(name[:-3])
    assert {"dm_crypt", "virtio_net", "overlay", "veth", "nft_compat"} <= set(loaded)
    assert {"tdx_guest", "sev_guest"} <= conditional


def test_nobody_can_log_in(root):
    programs = {os.path.basename(path) for path, full in files(root)
                if not path.startswith("etc/") and not os.path.isdir(full)}
    assert "dockerd" in programs
    assert programs.isdisjoint({"agetty", "getty", "login", "sulogin", "su", "sudo", "sshd",
                                "passwd", "systemd", "init", "modprobe", "insmod"})
    assert not os.path.exists(root / "etc/shadow") and not os.path.exists(root / "etc/inittab")
    for line in (root / "etc/passwd").read_text().splitlines():
        assert line.split(":")[1] == "x" and line.endswith("/nologin"), line


def test_modes_give_nothing_away(root):
    times = set()
    for path, full in files(root):
        info = os.lstat(full)
        if os.path.islink(full):
            continue
        times.add(int(info.st_mtime))
        assert not info.st_mode & (stat.S_ISUID | stat.S_ISGID), path
        if info.st_mode & stat.S_IWOTH:
            assert path == "tmp", path
    assert len(times) == 1


def test_nothing_of_the_building_machine_is_inside(root):
    for name in ("etc/apt", "etc/machine-id", "etc/ld.so.cache", "var/lib", "var/cache", "var/log",
                 "usr/share/doc", "lib/modules"):
        assert not os.path.lexists(root / name), name
    assert os.readlink(root / "etc/resolv.conf") == "/run/resolv.conf"
    assert os.readlink(root / "etc/hostname") == "/run/hostname"


def test_pid1_files_are_there(root):
    listed = (root / "usr/lib/dstack/pid1.files").read_text().splitlines()
    assert "/usr/lib/dstack/dstack-guest-agent" in listed
    assert any("ld-linux" in name for name in listed)
    for name in listed:
        assert os.path.isfile(str(root) + name), name


def boot(image, rootfs, work, serial="root", cmdline=None):
    """The console's text of one boot; QEMU sees a network with loopback only."""
    meta = metadata(image)
    log = work / "serial.log"
    command = [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
        "-m", "1024", "-machine", "q35,hpet=off", "-nodefaults", "-display", "none", "-no-reboot",
        "-serial", f"file:{log}", "-bios", image / meta["bios"], "-kernel", image / meta["kernel"],
        "-initrd", image / meta["initrd"], "-append", cmdline or meta["cmdline"],
        "-drive", f"file={rootfs},if=none,id=root,format=raw,readonly=on",
        "-device", f"virtio-blk-pci,drive=root,serial={serial}",
        "-netdev", "user,id=net0,restrict=on", "-device", "virtio-net-pci,netdev=net0,romfile=",
    ]
    subprocess.run(["unshare", "-n", *command], check=True, timeout=180)
    text = log.read_text(errors="replace")
    codes.heard(text)
    return text


def test_init_keeps_its_promises(image, tmp_path):
    text = boot(image, image / "rootfs.img", tmp_path)
    told = dict(re.findall(r"pid1: ([^:\r\n]+): (\w+)", text))
    assert told.get("end") == "ok", text[-2000:]
    assert {k: v for k, v in told.items() if v != "ok"} == {}
    assert "dstack-init:" not in text


def test_damage_where_pid1_lies_is_named(image, tmp_path):
    """A byte of the C library: without care PID 1 would die of a bus error."""
    out = subprocess.run(["dump.erofs", "-e", "--path=/usr/lib/x86_64-linux-gnu/libc.so.6",
                          image / "rootfs.img"], check=True, capture_output=True, text=True).stdout
    at = int(re.search(r"^\s*5:.*:\s*(\d+)\.\.", out, re.M)[1])
    rootfs = tmp_path / "rootfs.img"
    data = bytearray((image / "rootfs.img").read_bytes())
    data[at + 100] ^= 1
    rootfs.write_bytes(data)
    text = boot(image, rootfs, tmp_path)
    assert "dstack-init: guest.root_corrupt: " in text, text[-2000:]
    assert metadata(image)["rootfs_hash"] in text and f"data block {at // BLOCK}" in text
    assert "pid1:" not in text


def with_tree(path, image):
    """Appends the hash tree of a file; the kernel's command line for it."""
    length = path.stat().st_size
    out = subprocess.run(["veritysetup", "format", "--no-superblock", "--hash=sha256", "--salt=-",
                          f"--data-blocks={length // BLOCK}", f"--hash-offset={length}", path, path],
                         check=True, capture_output=True, text=True).stdout
    made = {"hash": re.search(r"Root hash:\s*([0-9a-f]{64})", out)[1], "size": str(length)}
    return re.sub(r"dstack\.rootfs_(hash|size)=\w+", lambda m: f"dstack.rootfs_{m[1]}={made[m[1]]}",
                  metadata(image)["cmdline"])


def zeros(image, root, work):
    """A disk that is what the command line says, and no file system."""
    path = work / "rootfs.img"
    path.write_bytes(bytes(256 * BLOCK))
    return {"rootfs": path, "cmdline": with_tree(path, image)}


def without_agent(image, root, work):
    """A root with all directories and modules, and no PID 1."""
    tree, path = work / "tree", work / "rootfs.img"
    for name, full in files(root):
        if os.path.isdir(full) and not os.path.islink(full):
            (tree / name).mkdir(parents=True, exist_ok=True)
        elif name.startswith("usr/lib/dstack/modules/"):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(full, tree / name)
    (tree / "usr/lib/dstack/pid1.files").write_text("")
    subprocess.run(["mkfs.erofs", "--quiet", path, tree], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + bytes(-path.stat().st_size % BLOCK))
    return {"rootfs": path, "cmdline": with_tree(path, image)}


def short(image, root, work):
    path = work / "rootfs.img"
    with open(image / "rootfs.img", "rb") as file:
        path.write_bytes(file.read(1 << 20))
    return {"rootfs": path}


def of_another_name(image, root, work):
    return {"rootfs": image / "rootfs.img", "serial": "other"}


ENDS = [("guest.root_missing", of_another_name), ("guest.root_short", short), ("guest.init_failed", zeros),
        ("guest.init_pid1", without_agent)]


@pytest.mark.parametrize("code,make", ENDS, ids=[row[0] for row in ENDS])
def test_what_init_cannot_boot_is_named(image, root, tmp_path, code, make):
    text = boot(image, work=tmp_path, **make(image, root, tmp_path))
    assert f"dstack-init: {code}: " in text, text[-2000:]
    assert not re.search(r"^pid1: ", text, re.M)
