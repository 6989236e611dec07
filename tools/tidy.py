#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over the tree, on all cores, skipping what passed before.

A file's key is the hash of everything its verdict depends on: clang-tidy's version, .clang-tidy,
the compile command, and the content of the file and of every header it includes (as ninja recorded
them). A key that passed is remembered in the cache directory, so a repeat run only looks at what
changed. Only passes are remembered: a fault is always shown again.

usage: tidy.py BUILD-DIR [FILE...]
"""
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time

# Everything includes the table of codes, and rows come and go all the time; the verdict on a file
# that compiles does not depend on them.
TABLE = 'src/base/codes.h'
SHOWN_LINES = 60  # of one file's faults; the analyzer's paths can be hundreds of lines


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def recorded_headers(build):
    """object file -> the files that went into it, relative to the build directory."""
    found, current = {}, None
    for line in output('ninja', '-C', build, '-t', 'deps').splitlines():
        if line.startswith('    '):
            found[current].append(line.strip())
        elif ': #deps' in line:
            current = line.split(': #deps')[0]
            found[current] = []
    return found


def configuration():
    text = b''
    for path in ('.clang-tidy', 'tests/.clang-tidy'):
        with open(path, 'rb') as file:
            text += file.read()
    return text


class Hasher:
    """Hashes of files, each read once."""

    def __init__(self, build):
        self.build = build
        self.known = {}

    def of(self, path):
        if path not in self.known:
            try:
                with open(os.path.join(self.build, path), 'rb') as file:
                    self.known[path] = hashlib.sha256(file.read()).digest()
            except FileNotFoundError:
                self.known[path] = b'gone'
        return self.known[path]

    def key(self, common, entry, headers):
        key = hashlib.sha256(common)
        # The same file in another checkout has the same verdict.
        key.update(entry['command'].replace(os.getcwd(), '.').encode())
        for path in sorted({entry['file'], *headers}):
            if path.endswith(TABLE):
                continue
            key.update(path.encode() + b'\0' + self.of(path))
        return key.hexdigest()


def write_commands(build):
    """One compile command per file, in a directory of its own: clang-tidy would look at a file that
    several programs share once for each of them."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        entries = json.load(file)
    first = {}
    for entry in entries:
        first.setdefault(os.path.abspath(os.path.join(entry['directory'], entry['file'])), entry)
    folder = os.path.join(build, 'tidy')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'compile_commands.json'), 'w', encoding='utf-8') as file:
        json.dump(list(first.values()), file)
    return folder, first


def check(commands, path):
    start = time.monotonic()
    run = subprocess.run(['clang-tidy', '--quiet', '-p', commands, path],
                         capture_output=True, text=True, check=False)
    noise = re.compile(r'^\d+ warnings? (generated|treated)|^Suppressed|^Use -header-filter')
    text = '\n'.join(l for l in (run.stdout + run.stderr).splitlines() if not noise.match(l))
    lines = text.strip().splitlines()
    if len(lines) > SHOWN_LINES:
        lines[SHOWN_LINES:] = [f'… {len(lines) - SHOWN_LINES} lines more: clang-tidy -p {commands} {path}']
    return path, run.returncode, '\n'.join(lines), time.monotonic() - start


def check_all(commands, marks):
    """Looks at the files of {path: mark}, leaves the marks of those that pass; how many did not."""
    n_bad, told = 0, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(check, commands, path) for path in marks]
        for n, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            path, status, text, seconds = job.result()
            if time.monotonic() - told > 10:
                told = time.monotonic()
                print(f'  … {n} of {len(jobs)} files ({path}: {seconds:.1f} s)', file=sys.stderr, flush=True)
            if status != 0:
                n_bad += 1
                print(text, flush=True)
            else:
                open(marks[path], 'w', encoding='utf-8').close()
    return n_bad


def main():
    build, only = sys.argv[1], {os.path.abspath(name) for name in sys.argv[2:]}
    cache = os.path.join(os.environ.get('DSTACK_CACHE', os.path.join(build, 'cache')), 'tidy')
    os.makedirs(cache, exist_ok=True)
    common = output('clang-tidy', '--version').encode() + configuration()
    commands, entries = write_commands(build)
    headers, hasher = recorded_headers(build), Hasher(build)
    marks, n_known = {}, 0
    for path, entry in entries.items():
        if only and path not in only:
            continue
        mark = os.path.join(cache, hasher.key(common, entry, headers.get(entry['output'], [])))
        if os.path.exists(mark):
            os.utime(mark)
            n_known += 1
        else:
            marks[os.path.relpath(path)] = mark
    n_bad = check_all(commands, marks)
    print(f'{len(marks)} files looked at, {n_known} unchanged since they passed, {n_bad} with faults')
    return 1 if n_bad else 0


if __name__ == '__main__':
    sys.exit(main())
