#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls, words and names that must not stand in the tree, and the licence line that must.

Comments and strings of C are blanked before calls are looked for, so a comment may speak of strcpy.
A line that has a good reason says so: a comment `banned-ok: <reason>` on it.
"""
import re
import subprocess
import sys

# call -> what to use
CALLS = {
    'strcpy': 'ds_str_copy', 'strcat': 'ds_buf_str', 'strncpy': 'ds_str_copy',
    'strncat': 'ds_buf_str', 'sprintf': 'snprintf', 'vsprintf': 'vsnprintf', 'gets': 'ds_fd_load',
    'strtok': 'ds_span_line', 'atoi': 'ds_str_u64',
    'atol': 'ds_str_u64', 'atoll': 'ds_str_u64', 'atof': 'ds_str_u64', 'strtol': 'ds_str_u64',
    'strtoul': 'ds_str_u64', 'strtoll': 'ds_str_u64', 'strtoull': 'ds_str_u64',
    'scanf': 'a reader', 'sscanf': 'a reader', 'fscanf': 'a reader',
    'system': 'base/proc.h', 'popen': 'base/proc.h', 'vfork': 'base/proc.h',
    'rand': 'ds_rand', 'srand': 'ds_rand', 'random': 'ds_rand', 'drand48': 'ds_rand',
    'RAND_bytes': 'ds_rand', 'tmpnam': 'mkostemp', 'mktemp': 'mkostemp', 'tempnam': 'mkostemp',
    'alloca': 'a bounded array', 'gethostbyname': 'getaddrinfo', 'setlocale': 'no locale at all',
    'localtime': 'ds_clock_iso', 'ctime': 'ds_clock_iso', 'asctime': 'ds_clock_iso',
    'gmtime': 'gmtime_r', 'strerror': 'ds_fail_errno', 'signal': 'sigaction (SIG_IGN and SIG_DFL are fine)',
}

# Files that may read the environment: where a program starts, and the test build's fault hook.
ENVIRONMENT = re.compile(r'^(src/[a-z]+/(main|cfg|place)\.c|src/base/(fault|place|seen)\.c|src/cli/|tests/)')

# Memory of parsers and verifiers is the caller's.
HEAP = {'malloc', 'calloc', 'realloc', 'strdup', 'strndup', 'asprintf', 'free'}
NO_HEAP = re.compile(r'^src/(attest|policy|lib)/')

CALL = re.compile(r'\b([A-Za-z_][A-Za-z0-9_]*)\s*\(')
ALLOC_PRODUCT = re.compile(r'\b(malloc|realloc)\s*\(([^;]*?)\)\s*;', re.S)
SECRET_COMPARE = re.compile(
    r'\b(memcmp|strcmp|ds_span_eq)\s*\([^;]*\b(\w*secret|passphrase|h?mac|\w*key32|priv\w*)(\d+|\.b|s)?\b')
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

# Written so that this file does not match itself.
WORDS = re.compile(r'\b(T[O]DO|F[I]XME|X[X]X|H[A]CK|not [i]mplemented|[u]nimplemented)\b')
HOSTS = re.compile(
    r'(deb|security|ftp|snapshot|http)\.debian\.[o]rg|[a-z.]*ubuntu\.com/ubuntu|registry\.npmjs\.[o]rg'
    r'|registry\.yarnpkg\.[c]om|pypi\.[o]rg|pythonhosted\.[o]rg|crates\.[i]o|proxy\.golang\.[o]rg'
    r'|registry-1\.docker\.[i]o|(ghcr|quay|gcr)\.[i]o\b')
# The style guide names the words it forbids.
QUOTES_WORDS = 'STYLE.md'
LICENCE = 'SPDX-License-Identifier: Apache-2.0'
LICENSED = re.compile(r'(\.(c|h|S|py|sh|mjs|js|ts)|(^|/)(dev|run))$')


def tracked():
    out = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                         capture_output=True, check=True).stdout
    return sorted(set(out.decode().split('\0')) - {''})


def blank(text):
    """Comments and string contents become spaces of the same shape."""
    def spaces(match):
        return re.sub(r'[^\n]', ' ', match.group(0))
    return TOKEN.sub(spaces, text)


def call_faults(path, code):
    for match in CALL.finditer(code):
        name = match.group(1)
        before = code[:match.start()].rstrip()[-2:]
        if before.endswith(('.', '->')):
            continue  # a member, not the C library's
        if name == 'signal' and re.match(r'[^;]*\bSIG_(IGN|DFL)\s*\)', code[match.end():]):
            continue
        if name in CALLS:
            yield match.start(), f'{name}: use {CALLS[name]}'
        elif name in ('getenv', 'secure_getenv') and not ENVIRONMENT.match(path):
            yield match.start(), f'{name}: only where a program starts (main.c, cfg.c, cli/)'
        elif name in HEAP and NO_HEAP.match(path):
            yield match.start(), f'{name}: no heap here; memory is the caller\'s'
    for match in ALLOC_PRODUCT.finditer(code):
        if re.search(r'\w\s*\*\s*[\w(]', re.sub(r'sizeof\s*\*', 'sizeof ', match.group(2))):
            yield match.start(), f'{match.group(1)} of a product: use calloc or reallocarray'
    if not path.startswith('tests/'):
        for match in SECRET_COMPARE.finditer(code):
            yield match.start(), f'{match.group(1)} on what may be a secret: use ds_ct_equal'


def file_faults(path):
    try:
        text = open(path, encoding='utf-8').read()
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return
    lines = text.splitlines()
    found = []
    if path.endswith(('.c', '.h')):
        found += call_faults(path, blank(text))
    for pattern, why in ((WORDS, 'finish it, or say what happens until then'),
                         (HOSTS, 'no registry host name stands in a file')):
        if path.endswith('.lock') or path.endswith('package-lock.json'):
            break
        if pattern is WORDS and path == QUOTES_WORDS:
            continue
        found += [(m.start(), f'{m.group(0)}: {why}') for m in pattern.finditer(text)]
    for at, why in found:
        number = text.count('\n', 0, at) + 1
        if 'banned-ok:' not in lines[number - 1]:
            yield f'{path}:{number}: {why}'
    if LICENSED.search(path) and not any(LICENCE in line for line in lines[:2]):
        yield f'{path}:1: the first lines lack `{LICENCE}`'


def main():
    paths = tracked()
    found = [fault for path in paths for fault in file_faults(path)]
    print('\n'.join(found), end='\n' if found else '')
    print(f'{len(paths)} files, {len(found)} faults')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
