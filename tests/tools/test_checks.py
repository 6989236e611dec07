# SPDX-License-Identifier: Apache-2.0
"""The checks of tools/ find what they are there for: each row plants one fault in a small tree."""
import os
import subprocess
import sys

import pytest

TOOLS = os.path.join(os.path.dirname(__file__), '..', '..', 'tools')
SPDX = '/* SPDX-License-Identifier: Apache-2.0 */\n'
WORD = 'TO' + 'DO'  # the check reads this file too
HOST = 'deb.' + 'debian.org'

GOOD = {
    'meson.build': "rooms = ['base', 'codec', 'attest', 'policy', 'app', 'ear', 'net', 'kms', 'vmm']\n",
    'src/base/err.h': SPDX + '#pragma once\nint ds_err(void);\n',
    'src/base/codes.h': SPDX + '#define DS_CODES_BASE(X) \\\n'
                        '    X(FILE_LARGE, "file.large", "a file is large", \\\n'
                        '      "every file " "has a bound", "name another file")\n'
                        '#define DS_CODES_VMM(X)\n#define DS_CODE_LIST(X) DS_CODES_BASE(X)\n',
    'src/base/file.c': SPDX + '#include "base/err.h"\nint f(void) { return DS_CODE_FILE_LARGE; }\n',
    'src/vmm/qemu.c': SPDX + '#include <event2/event.h>\n#include "base/err.h"\n'
                      '/* strcpy would be wrong here */\n',
}


@pytest.fixture
def run(tmp_path):
    """Writes a tree of GOOD and changes, runs a check in it, gives status and output."""
    def run_check(name, changes, *arguments):
        for path, text in {**GOOD, **changes}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        subprocess.run(['git', 'init', '-q', tmp_path], check=True)
        done = subprocess.run([sys.executable, os.path.join(os.path.abspath(TOOLS), name), *arguments],
                              cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    return run_check


@pytest.mark.parametrize('check', ['check_layers.py', 'check_banned.py', 'check_codes.py'])
def test_good_tree_passes(run, check):
    status, text = run(check, {})
    assert status == 0, text


LAYERS = [
    ('a later room', 'src/base/a.h', '#include "vmm/qemu.h"', 'vmm/ comes after base/'),
    ('no such header', 'src/vmm/a.h', '#include "base/gone.h"', 'is not there'),
    ('a bare name', 'src/vmm/a.h', '#include "qemu.h"', 'names no room'),
    ('a sibling daemon', 'src/vmm/a.h', '#include "kms/qemu.h"', 'daemons never include each other'),
    ('another room\'s private header', 'src/policy/a.h', '#include "attest/claims_private.h"',
     'private to attest/'),
    ('OpenSSL outside its wall', 'src/vmm/a.h', '#include <openssl/evp.h>', 'belongs behind'),
    ('yyjson in a pure room', 'src/policy/a.h', '#include <yyjson.h>', 'use codec/json.h'),
    ('a clock in a pure room', 'src/attest/a.h', '#include <time.h>', 'attest/ is pure'),
    ('an unknown room', 'src/attic/a.h', '', 'not in the list'),
]


@pytest.mark.parametrize('name,path,line,fault', LAYERS, ids=[row[0] for row in LAYERS])
def test_layers(run, name, path, line, fault):
    headers = {'src/vmm/qemu.h': SPDX, 'src/kms/qemu.h': SPDX, 'src/attest/claims_private.h': SPDX}
    status, text = run('check_layers.py', {**headers, path: SPDX + line + '\n'}, '--no-compile')
    assert status == 1 and f'{path}:' in text and fault in text, text


def test_header_must_stand_alone(run):
    status, text = run('check_layers.py', {'src/base/a.h': SPDX + 'size_t needs_stddef(void);\n'})
    assert status == 1 and 'src/base/a.h: does not compile alone' in text, text


BANNED = [
    ('strcpy', 'src/vmm/a.c', 'void f(char *a, char *b) { strcpy(a, b); }', 'strcpy: use'),
    ('across lines', 'src/vmm/a.c', 'int f(char *a) { return atoi\n(a); }', 'atoi: use'),
    ('getenv in a library', 'src/vmm/a.c', 'char *f(void) { return getenv("A"); }', 'getenv: only'),
    ('a product', 'src/vmm/a.c', 'void *f(long n) { return malloc(n * 8); }', 'malloc of a product'),
    ('a product with sizeof', 'src/vmm/a.c', 'void *f(long n, int *p) { return malloc(n * sizeof *p); }',
     'malloc of a product'),
    ('heap in attest', 'src/attest/a.c', 'void *f(void) { return calloc(1, 2); }', 'no heap here'),
    ('a secret compared', 'src/vmm/a.c', 'int f(void) { return memcmp(secret, b, 32); }', 'ds_ct_equal'),
    ('a handler by signal', 'src/vmm/a.c', 'void f(void) { signal(SIGINT, g); }', 'sigaction'),
    ('unfinished', 'src/vmm/a.c', f'/* {WORD}: later */', 'finish it'),
    ('a registry', 'tools/a.txt', f'http://{HOST}/debian', 'no registry host name'),
]


@pytest.mark.parametrize('name,path,text,fault', BANNED, ids=[row[0] for row in BANNED])
def test_banned(run, name, path, text, fault):
    status, out = run('check_banned.py', {path: SPDX + text + '\n'})
    assert status == 1 and f'{path}:2: ' in out and fault in out, out


ALLOWED = [
    ('in a comment', '/* never strcpy(a, b) */'),
    ('in a string', 'const char *a = "system(1) rand()";'),
    ('a member of that name', 'void f(struct t *t) { t->system(1); t->rand(2); }'),
    ('a longer name', 'void f(void) { my_system(1); randomize(2); }'),
    ('an ignored signal', 'void f(void) { signal(SIGPIPE, SIG_IGN); }'),
    ('with a reason', 'void f(void) { system("x"); } /* banned-ok: a constant */'),
]


@pytest.mark.parametrize('name,text', ALLOWED, ids=[row[0] for row in ALLOWED])
def test_not_banned(run, name, text):
    status, out = run('check_banned.py', {'src/vmm/a.c': SPDX + text + '\n'})
    assert status == 0, out


def test_licence_line_is_missed(run):
    status, text = run('check_banned.py', {'src/vmm/a.c': 'int a;\n'})
    assert status == 1 and 'src/vmm/a.c:1: the first lines lack' in text, text


CODES = [
    ('not raised', 'X(VMM_A, "vmm.a", "what it is", "why it is", "how to fix")', 'no code raises'),
    ('another room', 'X(FILE_LARGE2, "kms.a", "what it is", "why it is", "how to fix")',
     'does not start with "vmm."'),
    ('no dot', 'X(VMM_A, "vmm", "what it is", "why it is", "how to fix")', 'is not of the form'),
    ('capitals', 'X(VMM_A, "vmm.Bad", "what it is", "why it is", "how to fix")', 'is not of the form'),
    ('an empty text', 'X(VMM_A, "vmm.a", "what it is", "", "how to fix")', 'the text `why` says nothing'),
    ('a text too few', 'X(VMM_A, "vmm.a", "what it is", "why it is")', 'has 3 texts'),
    ('the same name', 'X(FILE_LARGE, "vmm.a", "what it is", "why it is", "how to fix")',
     'name FILE_LARGE is also'),
    ('no literal', 'X(VMM_A, "vmm.a", WHAT, "why it is", "how to fix")', 'is not of the form'),
]


@pytest.mark.parametrize('name,row,fault', CODES, ids=[row[0] for row in CODES])
def test_codes(run, name, row, fault):
    table = GOOD['src/base/codes.h'].replace('#define DS_CODES_VMM(X)',
                                             f'#define DS_CODES_VMM(X) \\\n    {row}')
    status, text = run('check_codes.py', {'src/base/codes.h': table})
    assert status == 1 and fault in text, text


def test_same_id_twice(run):
    row = 'X(VMM_A, "vmm.a", "what it is", "why it is", "how to fix")'
    table = GOOD['src/base/codes.h'].replace(
        '#define DS_CODES_VMM(X)', f'#define DS_CODES_VMM(X) {row} \\\n {row.replace("VMM_A", "VMM_B")}')
    status, text = run('check_codes.py', {'src/base/codes.h': table})
    assert status == 1 and 'id vmm.a is also in line' in text, text


# As far as check_faults.py makes exceptions for it.
FILE_C = (SPDX + 'int ds_fd_write_all(int fd)\n{\n    return write(fd, "", 1);\n}\n'
          'static int sync_parent(int fd)\n{\n    return fsync(fd);\n}\n'
          'static int remove_at(int fd)\n{\n    return unlinkat(fd, "a", 0);\n}\n')
SAVE = 'int f(void)\n{\n    return ds_file_save("p", 0600, "kms.x", 0);\n}\n'

FAULTS = [
    ('a write without a hook', 'int f(void)\n{\n    return rename("a", "b");\n}\n',
     'f writes (rename) without a fault hook'),
    ('a hook in another function', 'int g(void)\n{\n    DS_FAULT("kms.g");\n    return 0;\n}\n'
     'int f(void)\n{\n    return fsync(1);\n}\n', 'f writes (fsync)'),
    ('a hook that is a comment', 'int f(void)\n{\n    /* DS_FAULT("kms.f") */\n    return fsync(1);\n}\n',
     'f writes (fsync)'),
    ('a helper without a point', 'int f(const char *p)\n{\n    return ds_file_save("p", 0600, p, 0);\n}\n',
     'f calls ds_file_save without a point of its own'),
    ('one point in two places', SAVE + SAVE.replace('int f', 'int g'),
     'the point kms.x.before stands in several places'),
    ('an exception that is not needed', None, 'exempt, and writes nothing: sync_parent'),
]


@pytest.mark.parametrize('name,text,fault', FAULTS, ids=[row[0] for row in FAULTS])
def test_faults(run, name, text, fault):
    file_c = FILE_C if text else FILE_C.replace('fsync', 'close')
    status, out = run('check_faults.py', {'src/base/file.c': file_c, 'src/kms/a.c': SPDX + (text or SAVE)})
    assert status == 1 and fault in out, out


def test_hooks_pass_and_are_listed(run):
    hooked = 'int f(void)\n{\n    DS_FAULT("kms.f");\n    return rename("a", "b");\n}\n'
    tree = {'src/base/file.c': FILE_C, 'src/kms/a.c': SPDX + hooked, 'src/kms/b.c': SPDX + SAVE}
    status, out = run('check_faults.py', tree)
    assert status == 0, out
    assert run('check_faults.py', tree, '--list')[1].split() == [
        'kms.f', 'kms.x.before', 'kms.x.renamed', 'kms.x.written']
