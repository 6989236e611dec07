# SPDX-License-Identifier: Apache-2.0
"""./dev: what it says, how it holds a tool root against the lock, and how it finds the mirror."""
import os
import shutil
import subprocess
import sys

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))


def bash(script, *arguments, **environment):
    """A script that has the functions of ./dev; (status, stdout, stderr)."""
    prelude = 'set -euo pipefail; . tools/dev/lib.sh; . tools/dev/toolroot.sh; '
    done = subprocess.run(['bash', '-c', prelude + script, 'test', *arguments], cwd=TOP, text=True,
                          env={**os.environ, 'TOP': TOP, **environment}, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def dev(*arguments):
    return subprocess.run([os.path.join(TOP, 'dev'), *arguments], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize('arguments', [['--help'], ['-h'], ['help'], ['test', '--help'], ['up', '--help']])
def test_help_has_an_example(arguments):
    done = dev(*arguments)
    assert done.returncode == 0 and 'example:  ./dev up' in done.stdout


@pytest.mark.parametrize('arguments', [[], ['tset'], ['--hlep'], ['bnech']])
def test_unknown_commands_are_usage_errors(arguments):
    done = dev(*arguments)
    assert done.returncode == 2 and 'usage: ./dev' in done.stderr and not done.stdout


@pytest.mark.parametrize('arguments,says', [
    (['run'], 'run needs a command'),
    (['build', '--chekc'], "not '--chekc'"),
    (['test', '--only', 'lnit'], 'no part is called "lnit"'),
    (['test', '--vectors', '/nonexistent'], 'needs a directory'),
    (['test', '--vectors'], 'needs a directory'),
    (['bench', 'boto'], "there is no bench 'boto'; there are: attest"),
])
def test_wrong_arguments_are_named(arguments, says):
    done = dev(*arguments)
    assert done.returncode != 0 and says in done.stderr


LOCK = 'toolroot a 1.0 amd64 aaaa\ntoolroot b 2.0 all bbbb\nguest c 1 all cccc\n'

LOCKED = [
    ('as locked', 'a 1.0 amd64 aaaa\nb 2.0 all bbbb\n', 0, ''),
    ('another version', 'a 1.1 amd64 a1a1\nb 2.0 all bbbb\n', 0, 'a: locked 1.0, got 1.1'),
    ('one more', 'a 1.0 amd64 aaaa\nb 2.0 all bbbb\nd 4 all dddd\n', 0, 'd: not locked, got 4'),
    ('one less', 'a 1.0 amd64 aaaa\n', 0, 'b: locked 2.0, not installed'),
    ('none at all', '', 0, 'a: locked 1.0, not installed\nb: locked 2.0, not installed'),
    ('other bytes under a locked version', 'a 1.0 amd64 ffff\nb 2.0 all bbbb\n', 1,
     'a 1.0: locked SHA-256 aaaa, got ffff'),
]


@pytest.mark.parametrize('name,packages,status,says', LOCKED, ids=[row[0] for row in LOCKED])
def test_lock(tmp_path, name, packages, status, says):
    (tmp_path / 'packages.lock').write_text(LOCK)
    (tmp_path / 'packages').write_text(packages)
    done = bash('TOP=$1 compare_lock "$1/packages" | sort', str(tmp_path))
    assert (done[0], done[1].strip()) == (status, says)


def test_without_a_lock_nothing_is_locked(tmp_path):
    (tmp_path / 'packages').write_text('a 1.0 amd64 aaaa\n')
    assert bash('TOP=$1 compare_lock "$1/packages"', str(tmp_path))[1] == 'a: not locked, got 1.0\n'


MIRRORS = [
    ('Debian 12 with security', 'bookworm http://m/debian/\nbookworm-updates http://m/debian/\n'
     'bookworm-security http://m/sec/\n',
     ['http://m/debian/ trixie main', 'http://m/debian/ trixie-updates main',
      'http://m/debian/ trixie-backports main', 'http://m/sec/ trixie-security main']),
    ('no security mirror', 'stable http://m/debian/\n',
     ['http://m/debian/ trixie main', 'http://m/debian/ trixie-updates main',
      'http://m/debian/ trixie-backports main']),
    ('another distribution', 'noble http://u/ubuntu/\n', []),
    ('nothing configured', '', []),
]


@pytest.mark.parametrize('name,targets,sources', MIRRORS, ids=[row[0] for row in MIRRORS])
def test_mirrors_come_from_apt(tmp_path, name, targets, sources):
    apt = tmp_path / 'apt-get'
    apt.write_text(f'#!/bin/sh\ncat <<EOF\n{targets}EOF\n')
    apt.chmod(0o755)
    _, out, _ = bash('toolroot_sources', PATH=f'{tmp_path}:{os.environ["PATH"]}')
    assert [line.split('] ')[1] for line in out.splitlines()] == sources


FAILURES = [
    ('write: No space left on device', 'the disk is full'),
    ("Temporary failure resolving 'mirror'", 'mirror cannot be reached'),
    ('Could not connect to mirror:80 (10.0.0.1). - connect (111: Connection refused)', 'cannot be reached'),
    ('The following signatures were invalid: NO_PUBKEY 0123', 'keyring'),
]


@pytest.mark.parametrize('line,says', FAILURES)
def test_usual_causes_are_explained(line, says):
    status, out, err = bash('timed label sh -c \'echo "$1"; exit 3\' sh "$1" || echo "status $?"', line)
    assert out == 'status 3\n' and line in err and says in err and 'label: failed after' in err
    assert status == 0


def test_too_small_a_disk_is_said_first(tmp_path):
    status, _, err = bash('need_space "$1" 999999999 "a tool root"', str(tmp_path))
    assert status == 1 and 'only' in err and 'Free some space' in err


def test_builds_are_compared_to_the_byte(tmp_path):
    (tmp_path / 'p.c').write_text('const char text[] = "same"; int main(void) { return text[0]; }\n')
    for name in 'ab':
        (tmp_path / name / 'src').mkdir(parents=True)
        subprocess.run(['gcc', '-o', tmp_path / name / 'src' / 'p', tmp_path / 'p.c'], check=True)
    compare = [sys.executable, os.path.join(TOP, 'tools/dev/compare_builds.py'), 'a', 'b']

    def run():
        done = subprocess.run(compare, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout
    assert run() == (0, '1 programs and libraries compared, 0 differ\n')

    program = tmp_path / 'b' / 'src' / 'p'
    good = program.read_bytes()
    program.write_bytes(good.replace(b'same', b'sane'))
    status, out = run()
    assert status == 1 and out.startswith(f'src/p: at byte {good.index(b"same") + 2} (section .rodata): ')

    program.write_bytes(good + b'x')
    assert run()[1].startswith('src/p: one is longer')
    shutil.rmtree(tmp_path / 'b' / 'src')
    assert run()[1].startswith('src/p: only one of the two builds')
