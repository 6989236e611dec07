#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of error codes (src/base/codes.h) against itself and against the code.

Every id is unique, dotted, and starts with its room; every row has its three texts; every code is
raised somewhere outside the table, so that no documented error is fiction.
"""
import glob
import re
import sys

TABLE = 'src/base/codes.h'
ID = re.compile(r'^[a-z][a-z0-9]*(\.[a-z0-9][a-z0-9_]*)+$')
SECTION = re.compile(r'^#define DS_CODES_([A-Z0-9]+)\(X\)(.*?)(?=^#define|^/\*|\Z)', re.M | re.S)
STRING = re.compile(r'"((?:\\.|[^"\\])*)"')
ROW = re.compile(r'X\(\s*([A-Z][A-Z0-9_]*)\s*,((?:\s*"(?:\\.|[^"\\])*"\s*|\s*\\\n\s*|,)*)\)', re.S)
ROW_START = re.compile(r'\bX\(')


def texts_of(rest):
    """The comma-separated arguments, each one or more adjacent literals."""
    rest = rest.replace('\\\n', ' ')
    arguments, current = [], ''
    at = 0
    for match in re.finditer(r'"((?:\\.|[^"\\])*)"|,', rest):
        assert not rest[at:match.start()].strip(), rest[at:match.start()]
        at = match.end()
        if match.group(0) == ',':
            arguments.append(current)
            current = ''
        else:
            current += match.group(1)
    return arguments + [current]


def rows(text):
    """(section, name, [id, what, why, fix], line) of every row; raises on what it cannot read."""
    for section in SECTION.finditer(text):
        room, body = section.group(1).lower(), section.group(2)
        found = list(ROW.finditer(body))
        if len(found) != len(ROW_START.findall(body)):
            raise SystemExit(f'{TABLE}: a row of DS_CODES_{room.upper()} is not of the form '
                             'X(NAME, "id", "what", "why", "fix")')
        for row in found:
            line = text.count('\n', 0, section.start(2) + row.start()) + 1
            yield room, row.group(1), texts_of(row.group(2)), line


def prefix_fault(room, code_id, rooms):
    prefix = code_id.split('.')[0]
    if room == 'base':
        # base serves everyone: its ids name the thing (file, config), never another room.
        return prefix in rooms and prefix != 'base' and f'{code_id} belongs to {prefix}/'
    # A part of a room may have a section of its own: attest.wrapper.format in WRAPPER.
    parts = code_id.split('.')
    return room not in parts[:2] and f'{code_id} does not start with "{room}."'


def row_faults(table, used):
    rooms = {room for room, *_ in table}
    ids, names = {}, {}
    for room, name, texts, line in table:
        where = f'{TABLE}:{line}: {name}'
        if len(texts) != 4:
            yield f'{where}: has {len(texts)} texts, not id, what, why, fix'
            continue
        code_id = texts[0]
        if not ID.match(code_id):
            yield f'{where}: "{code_id}" is not of the form room.what_failed'
        fault = prefix_fault(room, code_id, rooms)
        if fault:
            yield f'{where}: {fault}'
        for label, text in zip(('what', 'why', 'fix'), texts[1:]):
            if len(text.strip()) < 8:
                yield f'{where}: the text `{label}` says nothing'
        for kind, seen, value in (('id', ids, code_id), ('name', names, name)):
            if value in seen:
                yield f'{where}: {kind} {value} is also in line {seen[value]}'
            seen[value] = line
        if name not in used:
            yield f'{where}: no code raises DS_CODE_{name}'


def main():
    table = list(rows(open(TABLE, encoding='utf-8').read()))
    used = set()
    for path in glob.glob('src/**/*.[ch]', recursive=True) + glob.glob('guest/**/*.[ch]', recursive=True):
        if path not in (TABLE, 'src/base/codes.c'):
            used |= set(re.findall(r'\bDS_CODE_([A-Z][A-Z0-9_]*)', open(path, encoding='utf-8').read()))
    found = list(row_faults(table, used))
    print('\n'.join(found), end='\n' if found else '')
    print(f'{len(table)} codes, {len(found)} faults')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
