#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the programs and libraries of two build directories, and names the first difference.

usage: compare_builds.py BUILD-A BUILD-B
"""
import os
import re
import subprocess
import sys


def products(build):
    """Executables, archives and shared objects, by path below the build directory."""
    found = {}
    for folder, folders, names in os.walk(build):
        folders[:] = [name for name in folders if not name.startswith('meson-')]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or name.endswith('.o'):
                continue
            with open(path, 'rb') as file:
                content = file.read()
            if content.startswith((b'\x7fELF', b'!<arch>\n', b'!<thin>\n')):
                found[os.path.relpath(path, build)] = content
    return found


def section_at(path, offset):
    """The ELF section that holds a file offset, as far as readelf knows."""
    run = subprocess.run(['readelf', '-SW', path], capture_output=True, text=True, check=False)
    row = re.compile(r'\]\s+(\S+)\s+\S+\s+[0-9a-f]+\s+([0-9a-f]+)\s+([0-9a-f]+)\s')
    for name, start, size in row.findall(run.stdout):
        if int(start, 16) <= offset < int(start, 16) + int(size, 16):
            return f'section {name}'
    return 'headers'


def first_difference(path, a, b):
    for offset, (x, y) in enumerate(zip(a, b)):
        if x != y:
            where = section_at(path, offset)
            return (f'at byte {offset} ({where}): {a[offset:offset + 24]!r} and '
                    f'{b[offset:offset + 24]!r}')
    return f'one is longer: {len(a)} and {len(b)} bytes'


def main():
    build_a, build_b = sys.argv[1:]
    a, b = products(build_a), products(build_b)
    if not a:
        print(f'{build_a} holds no programs')
        return 1
    differing = sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
    for name in differing[:1]:
        if name not in a or name not in b:
            print(f'{name}: only one of the two builds made it')
        else:
            print(f'{name}: {first_difference(os.path.join(build_a, name), a[name], b[name])}')
    print(f'{len(a)} programs and libraries compared, {len(differing)} differ')
    return 1 if differing else 0


if __name__ == '__main__':
    sys.exit(main())
