# SPDX-License-Identifier: Apache-2.0
"""The parts of the benches that need no machine: the form of a line, and what the reference boot changes."""
import gzip
import importlib.machinery
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
sys.path[:0] = [os.path.join(TOP, 'bench'), os.path.join(TOP, 'bench', 'boot')]
# pylint: disable=wrong-import-position
import line
import reference


def bench_program(name):
    loader = importlib.machinery.SourceFileLoader('bench_' + name, os.path.join(TOP, 'bench', name, 'bench'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_a_line_has_the_keys_of_the_design_in_order():
    text = line.line('boot.http', 18.20049, 's', 'less', ratio=1.1204, of='reference', goal=1.15)
    assert text == ('{"bench": "boot.http", "value": 18.2, "unit": "s", "ratio": 1.12, "of": "reference", '
                    '"goal": 1.15, "better": "less"}')
    assert json.loads(line.line('a.b', 1, '1/s', 'more')) == {'bench': 'a.b', 'value': 1, 'unit': '1/s', 'better': 'more'}


@pytest.mark.parametrize('wrong', [{'ratio': 1.0}, {'of': 'that'}, {'goal': 1.0}], ids=lambda row: next(iter(row)))
def test_a_line_without_its_comparison_is_refused(wrong):
    with pytest.raises(ValueError, match='ratio'):
        line.line('a.b', 1, 's', 'less', **wrong)


def test_better_is_less_or_more():
    with pytest.raises(ValueError, match='better'):
        line.line('a.b', 1, 's', 'lower')


OURS = ['qemu', '-bios', '/proc/self/fd/10', '-kernel', '/proc/self/fd/11', '-initrd', '/proc/self/fd/12',
        '-drive', 'file=hda.img,if=none', '-netdev',
        "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:8080-:8080,guestfwd=tcp:10.0.2.101:8001-cmd:'r' 'x'",
        '-smp', '2', '-append', 'console=ttyS0 quiet dstack.rootfs_hash=00 dstack.rootfs_size=4096']


def test_the_reference_differs_in_named_arguments_only():
    assert reference.changed_args(OURS, '/image', '/work/initramfs') == [
        'qemu', '-bios', '/image/ovmf.fd', '-kernel', '/image/bzImage', '-initrd', '/work/initramfs',
        '-drive', 'file=hda.img,if=none', '-netdev',
        'user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:8080-:8080', '-smp', '2', '-append', 'console=ttyS0 quiet']


def test_the_reference_initramfs_is_ours_with_another_init(tmp_path):
    ours = reference.artifacts.initramfs(b'our init', [('virtio_blk', b'module')])
    (tmp_path / 'initramfs.cpio.gz').write_bytes(ours)
    made = reference.initramfs(str(tmp_path), b'#!/bin/sh\n', b'{"services":{}}', 8192)
    assert made.startswith(ours)
    (tmp_path / 'out').mkdir()
    subprocess.run(['cpio', '-id', '--quiet', '--no-absolute-filenames'], input=gzip.decompress(made[len(ours):]),
                   cwd=tmp_path / 'out', check=True)
    assert (tmp_path / 'out' / 'init').read_bytes() == b'#!/bin/sh\n'
    assert (tmp_path / 'out' / 'archive-len').read_text() == '8192\n'
    assert (tmp_path / 'out' / 'docker-compose.yaml').read_bytes() == b'{"services":{}}'
    assert os.readlink(tmp_path / 'out' / 'bin' / 'sh') == 'busybox'


ANSWERS = [(b'HTTP/1.1 200 OK\r\n\r\n', True), (b'HTTP/1.0 200 OK\r\n\r\n', True),
           (b'HTTP/1.1 404 Not Found\r\n\r\n', False), (b'', False)]


@pytest.mark.parametrize('reply,is_answer', ANSWERS, ids=['1.1', '1.0', 'another status', 'closed'])
def test_only_status_200_ends_the_clock(reply, is_answer):
    with socket.create_server(('127.0.0.1', 0)) as server:
        def serve():
            client, _ = server.accept()
            with client:
                client.recv(100)
                client.sendall(reply)
        thread = threading.Thread(target=serve)
        thread.start()
        assert bench_program('boot').answers(server.getsockname()[1]) is is_answer
        thread.join()


def test_the_clock_starts_with_the_process():
    boot = bench_program('boot')
    with subprocess.Popen(['sleep', '60']) as child:
        now = boot.time.clock_gettime(boot.time.CLOCK_BOOTTIME)
        assert now - 5 < boot.started_at(child.pid) <= now + 0.02
        child.kill()


def test_the_reference_init_is_short_and_whole():
    path = os.path.join(TOP, 'bench', 'boot', 'init')
    with open(path, encoding='utf-8') as file:
        assert len(file.readlines()) <= 30
    for shell in (['busybox', 'sh'], ['bash', '--posix']):
        subprocess.run([*shell, '-n', path], check=True)
