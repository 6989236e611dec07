#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The layer law: a room includes only rooms before it, and every header stands alone.

The order is the list `rooms` in the top meson.build. On top of it:
  - daemons never include each other;
  - a header that ends in _private.h stays in its room;
  - libraries are used only by the rooms that wall them off (WALLS);
  - pure rooms touch no clock, file or log;
  - the installed headers (include/) are C99, C11 and C++ and include nothing of ours.

usage: check_layers.py [--no-compile]
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)

DAEMONS = {'kms', 'vmm', 'guest', 'gateway', 'verifier', 'control'}

# Rooms that only compute: bytes in, an answer or reasons out.
PURE = {'codec', 'merkle', 'attest', 'measure', 'policy', 'lib', 'app', 'ear'}
IMPURE_HEADERS = {
    '"base/clock.h"', '"base/file.h"', '"base/log.h"', '"base/proc.h"',
    '<time.h>', '<sys/time.h>', '<fcntl.h>', '<unistd.h>', '<sys/socket.h>', '<pthread.h>',
}

# Which rooms may include a library's headers.
WALLS = [
    (re.compile(r'^openssl/'), {'crypto', 'net', 'ratls'}),
    (re.compile(r'^secp256k1'), {'crypto'}),
    (re.compile(r'^(event2/|event\.h)'), {'net', 'rpc', 'vmm', 'kms', 'guest'}),
    (re.compile(r'^curl/'), {'net', 'collateral'}),
    (re.compile(r'^sqlite3\.h'), {'store'}),
    (re.compile(r'^libcryptsetup\.h'), {'disk'}),
]
# yyjson allocates and guesses: rooms up to ear/ read JSON with codec/json.h.
YYJSON_AFTER = 'ear'


def room_order():
    text = open('meson.build', encoding='utf-8').read()
    listed = re.search(r'^rooms = \[(.*?)\]', text, re.M | re.S)
    if not listed:
        sys.exit('check_layers: the top meson.build has no list `rooms`')
    return re.findall(r"'([a-z0-9]+)'", listed.group(1))


def sources():
    for folder, _, names in os.walk('src'):
        for name in sorted(names):
            if name.endswith(('.c', '.h')):
                yield os.path.join(folder, name)


def own_include_fault(room, order, target):
    other = target.split('/')[0]
    if other == 'init' and room == 'guest':
        return None  # guest/init: what the initramfs and the agent share
    if other not in order:
        return f'"{target}" names no room: write "room/file.h"'
    if not os.path.exists(os.path.join('src', target)):
        return f'"{target}" is not there'
    if other == room:
        return None
    if target.endswith('_private.h'):
        return f'"{target}" is private to {other}/'
    if order.index(other) > order.index(room):
        return f'"{target}": {other}/ comes after {room}/'
    if room in DAEMONS and other in DAEMONS:
        return f'"{target}": daemons never include each other'
    return None


def library_include_fault(room, order, target):
    for pattern, allowed in WALLS:
        if pattern.match(target) and room not in allowed:
            return f'<{target}> belongs behind {", ".join(sorted(allowed))}'
    if target == 'yyjson.h' and order.index(room) <= order.index(YYJSON_AFTER):
        return f'<yyjson.h> is for rooms after {YYJSON_AFTER}/; use codec/json.h'
    return None


def faults_of(path, order):
    room = path.split('/')[1]
    if room not in order:
        yield f'{path}: {room}/ is not in the list `rooms` of meson.build'
        return
    text = open(path, encoding='utf-8').read()
    for match in INCLUDE.finditer(text):
        kind, target = match.groups()
        if kind == '"':
            fault = own_include_fault(room, order, target)
        else:
            fault = library_include_fault(room, order, target)
        quoted = f'"{target}"' if kind == '"' else f'<{target}>'
        if not fault and room in PURE and quoted in IMPURE_HEADERS:
            fault = f'{quoted} is for rooms that act; {room}/ is pure'
        if fault:
            line = text.count('\n', 0, match.start(1)) + 1
            yield f'{path}:{line}: {fault}'


def compile_alone(header):
    unit = f'#include "{header[len("src/"):]}"\n'
    run = subprocess.run(
        ['gcc', '-std=gnu17', '-D_GNU_SOURCE', '-Isrc', '-Iinclude', '-I/usr/include/fuse3', '-Wall', '-Wextra',
         '-Werror', '-fsyntax-only', '-x', 'c', '-'],
        input=unit * 2, text=True, capture_output=True, check=False)
    if run.returncode == 0:
        return []
    first = next((l for l in run.stderr.splitlines() if 'error' in l), run.stderr.strip())
    return [f'{header}: does not compile alone: {first}']


def compile_installed(header):
    """What others compile has to be plain: twice in a row, without our folder and our extensions."""
    unit = f'#include <{header[len("include/"):]}>\n'
    for standard, language in (('c99', 'c'), ('c11', 'c'), ('c++11', 'c++')):
        run = subprocess.run(
            ['gcc', '-std=' + standard, '-Iinclude', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only',
             '-x', language, '-'], input=unit * 2, text=True, capture_output=True, check=False)
        if run.returncode != 0:
            first = next((l for l in run.stderr.splitlines() if 'error' in l), run.stderr.strip())
            return [f'{header}: is not {standard}: {first}']
    return []


def main():
    order = room_order()
    found = [fault for path in sources() for fault in faults_of(path, order)]
    headers = [path for path in sources() if path.endswith('.h')]
    if '--no-compile' not in sys.argv[1:]:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for faults in pool.map(compile_alone, headers):
                found += faults
        for header in sorted(glob.glob('include/dstack/*.h')):
            found += compile_installed(header)
    print('\n'.join(found), end='\n' if found else '')
    print(f'{len(headers)} headers, {len(found)} faults')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
