#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every state write has a fault hook beside it (src/base/fault.h).

A function that calls one of WRITES must pass a hook itself: DS_FAULT, or DS_FAULT_STEP where its caller
names the write. What writes no state stands in EXEMPT with the reason. Calls of HELPERS, which hold
the hooks, must name a point of their own; a name stands in one place only. --list prints the points,
as a test names them.
"""
import re
import subprocess
import sys

from check_banned import blank

WRITES = {
    'write', 'pwrite', 'writev', 'sendfile', 'copy_file_range', 'ds_fd_write_all', 'fwrite', 'rename',
    'renameat', 'renameat2', 'link', 'linkat', 'truncate', 'ftruncate', 'fallocate', 'fsync', 'fdatasync',
    'unlink', 'unlinkat', 'ds_dir_remove', 'sqlite3_exec', 'crypt_format', 'crypt_set_label',
    'crypt_keyslot_add_by_volume_key', 'crypt_keyslot_destroy', 'crypt_resize',
}

# helper -> the steps it makes of its point
HELPERS = {
    'ds_file_save': ('before', 'written', 'renamed'),
    'ds_file_commit': ('before', 'written', 'renamed'),
    'ds_file_remove': ('before', 'removed'),
    'store_apply': ('before', 'committed'),
    'store_put': ('before', 'committed'),
    'store_delete': ('before', 'committed'),
    'store_apply_async': ('before', 'committed'),
}

# Functions that hand their caller's point to a helper.
WRAPPERS = {'save', 'save_if', 'store_put', 'store_delete', 'store_apply_async', 'run_apply'}

# (file, function; * is all of the file) -> why it is no state write
EXEMPT = {
    ('src/base/seen.c', '*'): 'the record of codes that the test build keeps',
    ('src/base/file.c', 'ds_fd_write_all'): 'the loop over write; its callers are looked at',
    ('src/base/file.c', 'sync_parent'): 'the end of a write whose hooks are its callers\'',
    ('src/base/file.c', 'remove_at'): 'a tree goes in any order; what makes it final has a hook',
    ('src/base/log.c', '*'): 'lines on stderr',
    ('src/base/proc.c', '*'): 'a pipe between parent and child',
    ('src/base/proc_run.c', '*'): 'pipes to a child',
    ('src/base/fault.c', '*'): 'the hook itself',
    ('src/cli/cli.c', '*'): 'stdout',
    ('src/cli/oci.c', '*'): 'a temporary file, until cli/volume.c gives it its name',
    ('src/cli/volume.c', 'stale_remove'): 'temporary files of a process that is gone',
    ('src/cli/volume.c', 'volume_make'): 'the temporary file of this process',
    ('src/disk/luks.c', 'file_make'): 'a file in the guest\'s memory',
    ('src/disk/luks.c', 'disk_luks_format'): 'a header in the guest\'s memory; disk_luks_commit writes it',
    ('src/disk/luks.c', 'disk_luks_copy_header'): 'a file in the guest\'s memory',
    ('src/disk/luks.c', 'write_at'): 'one step of disk_luks_commit, which has the hooks',
    ('src/disk/luks.c', 'sync_to'): 'the same',
    ('src/disk/verity.c', '*'): 'a temporary file; and a table in the kernel',
    ('src/guest/data_disk.c', 'make_data'): 'a file system that is nobody\'s before disk_luks_commit',
    ('src/guest/data_disk.c', 'guest_data_disk_open'): 'a file in the guest\'s memory',
    ('src/guest/docker.c', 'guest_engine_open'): 'a pipe to dockerd',
    ('src/guest/docker.c', 'write_until'): 'a pipe to Compose',
    ('src/guest/pid1.c', '*'): 'a cgroup file and a pipe',
    ('src/kms/main.c', 'main'): 'stdout',
    ('src/net/mux.c', '*'): 'a socket',
    ('src/net/mux_sync.c', '*'): 'a socket',
    ('src/net/pool.c', '*'): 'an eventfd',
    ('src/net/target.c', '*'): 'the name of a socket that nobody serves',
    ('src/rpc/program.c', '*'): 'stdout',
    ('src/simtee/journal.c', 'write_record'): 'simtee_journal_extend has the hooks around it',
    ('src/simtee/launch.c', '*'): 'files in memory that QEMU is given',
    ('src/simtee/unix.c', '*'): 'the name of a socket that nobody serves',
    ('src/store/sqlite.c', 'write_all'): 'inside the transaction that apply commits',
    ('src/tee/runtime_log.c', '*'): 'a file in the guest\'s memory, which ends with the guest',
    ('src/tee/tdx.c', '*'): 'files of the kernel',
    ('src/vmm/launch.c', 'spawn_qemu'): 'the name of an old socket, and an old log',
    ('src/vmm/host.c', '*'): 'the log of a probe',
    ('src/vmm/logs.c', 'rotate'): 'lines of a log; the copy is kept by ds_file_save',
    ('src/vmm/relay.c', '*'): 'a socket',
    ('src/verifier/main.c', 'print'): 'stdout',
    ('src/verifier/oneshot.c', 'oneshot_verify_cert'): 'stdout',
    ('src/vmm/main.c', 'print'): 'stdout',
    ('src/vmm/qmp.c', '*'): 'a socket',
    ('guest/init/main.c', '*'): 'files of the kernel, and the initramfs that is left behind',
}

FUNCTION = re.compile(r'^(?!#)[A-Za-z_][^;{}=]*?\b([A-Za-z_]\w*)\s*\([^;{}]*\)\s*\{', re.M)
CALL = re.compile(r'\b([A-Za-z_]\w*)\s*\(')
HOOK = re.compile(r'\bDS_FAULT(_STEP)?\s*\(')
POINT = re.compile(r'"([a-z0-9_]+(?:\.[a-z0-9_]+)+)"')


def tracked():
    out = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard', 'src', 'guest'],
                         capture_output=True, check=True, text=True).stdout
    return sorted(name for name in set(out.split()) if name.endswith('.c'))


def closing(code, at):
    """The index behind the brace or parenthesis that closes the one at `at`."""
    depth = 0
    for i in range(at, len(code)):
        depth += code[i] in '({'
        depth -= code[i] in ')}'
        if depth == 0:
            return i + 1
    return len(code)


def functions(code):
    """(name, start, end) of each body, on code whose comments and strings are blank."""
    at = 0
    while match := FUNCTION.search(code, at):
        at = closing(code, match.end() - 1)
        yield match.group(1), match.end(), at


def put(points, point, steps, place):
    for step in steps:
        points.setdefault(f'{point}.{step}', []).append(place)


def look(path, text, points, used):
    """Yields faults; fills points {name: [places]} and used exemptions."""
    code = blank(text)
    for name, start, end in functions(code):
        body = code[start:end]
        calls = [m for m in CALL.finditer(body) if not re.search(r'(\.|->)\s*$', body[:m.start()])]
        line = text.count('\n', 0, start) + 1
        writes = sorted({m.group(1) for m in calls} & WRITES)
        key = next((k for k in ((path, name), (path, '*')) if k in EXEMPT), None)
        if writes and key:
            used.add(key)
        elif writes and not HOOK.search(body):
            yield f'{path}:{line}: {name} writes ({", ".join(writes)}) without a fault hook'
        for m in calls:
            open_at = start + m.end() - 1
            literals = POINT.findall(text[open_at:closing(code, open_at)])
            if m.group(1) == 'DS_FAULT':
                points.setdefault(literals[0] if literals else '', []).append(f'{path}:{line}')
            elif m.group(1) in WRAPPERS and literals:
                put(points, literals[-1], HELPERS['ds_file_save'], f'{path}:{line}')
            elif m.group(1) in HELPERS and literals:
                put(points, literals[-1], HELPERS[m.group(1)], f'{path}:{line}')
            elif m.group(1) in HELPERS and name not in WRAPPERS and path != 'src/base/file.c':
                yield f'{path}:{line}: {name} calls {m.group(1)} without a point of its own'


def main():
    points, used, found = {}, set(), []
    for path in tracked():
        with open(path, encoding='utf-8') as file:
            found += look(path, file.read(), points, used)
    here = set(tracked())
    found += [f'{path}: exempt, and writes nothing: {name}' for path, name in sorted(set(EXEMPT) - used)
              if path in here]
    found += [f'the point {name} stands in several places: {", ".join(at)}'
              for name, at in sorted(points.items()) if len(set(at)) > 1]
    if '--list' in sys.argv[1:]:
        print('\n'.join(sorted(points)))
        return 0
    print('\n'.join(found), end='\n' if found else '')
    print(f'{len(points)} points, {len(found)} faults')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
