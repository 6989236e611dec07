#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev test: every check of the tree in order, cheap ones first, and one line that sums it up.

A part is a row of PARTS: its name, its group, and a function that runs it and counts. Checks and
builds count as one test each; unit and system count what meson and pytest report. Skipped tests are
printed with their reason. The last line reads `N passed, N failed, N skipped`.

usage (inside the tool root): test.py [--only PART[:NAME],...] [--list]; a part may come several times,
each time with another NAME; DSTACK_VECTORS names the directory of recorded evidence
"""
import argparse
import concurrent.futures
import dataclasses
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import check_codes  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


# Codes that no test can provoke here, each with its reason: "<code>  <why>".
UNPROVOKED = 'tests/unprovoked.list'

# The parts that ran whole, for the part that judges a whole run.
RAN_WHOLE = set()


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'


def show(text):
    if text.strip():
        print(text.rstrip('\n'), flush=True)


def one(command, stderr=subprocess.STDOUT):
    """A command that counts as one test; its output is shown when it fails, its last line always."""
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, errors='replace',
                         check=False)
    if run.returncode == 0:
        show('  ' + (run.stdout.strip().splitlines() or [''])[-1])
        return Count(passed=1)
    show(run.stdout)
    return Count(failed=1)


def tracked(*patterns):
    out = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--',
                          *patterns], capture_output=True, check=True).stdout.decode()
    return sorted({name for name in out.split('\0') if name and os.path.exists(name)})


def run_format(_):
    files = tracked('*.c', '*.h')
    chunks = [files[i:i + 20] for i in range(0, len(files), 20)]

    def check(chunk):
        return subprocess.run(['clang-format', '--dry-run', '-Werror', '--ferror-limit=3', *chunk],
                              capture_output=True, text=True, check=False)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = list(pool.map(check, chunks))
    faults = ''.join(run.stderr for run in runs if run.returncode != 0)
    if not faults:
        show(f'  {len(files)} files')
        return Count(passed=1)
    show(faults)
    bad = sorted(set(re.findall(r'^([^:\s]+):\d+:\d+: error', faults, re.M)))
    show('  to mend it: ./dev run clang-format -i ' + ' '.join(bad))
    return Count(failed=1)


def first_line(name):
    with open(name, 'rb') as file:
        return file.readline(200)


def run_scripts(_):
    names = tracked()
    shell = [name for name in names
             if name.endswith('.sh') or re.match(rb'#!.*\b(ba)?sh\b', first_line(name))]
    python = [name for name in names
              if name.endswith('.py') or re.match(rb'#!.*\bpython3?\b', first_line(name))]
    count = one(['shellcheck', '--external-sources', '--severity=warning', *shell])
    program = ('import pathlib, sys\n'
               'for name in sys.argv[1:]: compile(pathlib.Path(name).read_text(), name, "exec")\n'
               'print(len(sys.argv) - 1, "Python files")')
    count.add(one([sys.executable, '-W', 'error', '-c', program, *python]))
    return count


def run_layers(_):
    return one([sys.executable, 'tools/check_layers.py'])


def run_banned(_):
    return one([sys.executable, 'tools/check_banned.py'])


def run_faults(_):
    return one([sys.executable, 'tools/check_faults.py'])


def run_codes(_):
    return one([sys.executable, 'tools/check_codes.py'])


def build(kind):
    run = subprocess.run(['bash', 'tools/dev/inside.sh', 'build-one', kind], check=False)
    return Count(passed=1) if run.returncode == 0 else Count(failed=1)


def run_gcc(_):
    return build('gcc')


def run_docs(_):
    if not os.path.exists('build/src/cli/dstack'):
        print('  skipped: there is no build/; the part gcc makes it')
        return Count(skipped=1)
    return one([sys.executable, 'tools/docs.py', 'build', '--check'])


def run_clang(_):
    return build('clang')


def run_san(_):
    return build('san')


def run_tidy(names):
    only = [path for path in tracked('*.c') if any(name in path for name in names)]
    return one([sys.executable, 'tools/tidy.py', 'build-clang', *only], stderr=None)


def last_line(text):
    lines = [line.strip() for line in (text or '').splitlines() if line.strip()]
    return lines[-1] if lines else 'no reason was printed'


def run_unit(names):
    return run_meson('build-san', 'unit', names)


def run_ct(names):
    """Under valgrind, which the sanitizers do not go together with: the plain build."""
    if not os.path.exists('build/tests/ct/ct_derive'):
        print('  skipped: there is no build/, or no valgrind; the part gcc makes it')
        return Count(skipped=1)
    return run_meson('build', 'ct', names)


def run_meson(directory, suite, asked):
    listed = subprocess.run(['meson', 'test', '-C', directory, '--suite', suite, '--list'], capture_output=True,
                            text=True, check=True).stdout.splitlines()
    # "dstack:unit / base/hex", or "base/hex" where all are of one project and suite
    names = [line.split(' / ')[-1].strip() for line in listed]
    for name in asked:
        if not any(name in each for each in names):
            print(f'  no unit test has "{name}" in its name; there are: {" ".join(sorted(names))}')
            return Count(failed=1)
    wanted = [each for each in names if any(name in each for name in asked)]
    log = f'{directory}/meson-logs/testlog.json'
    if os.path.exists(log):
        os.remove(log)
    run = subprocess.run(['meson', 'test', '-C', directory, '--suite', suite, '--no-rebuild', '--timeout-multiplier',
                          '4', '--print-errorlogs', '--quiet', *wanted], check=False)
    count = Count()
    if not os.path.exists(log):
        return Count(passed=1) if run.returncode == 0 and not names else Count(failed=1)
    for line in open(log, encoding='utf-8'):
        test = json.loads(line)
        if test['result'] in ('OK', 'EXPECTEDFAIL'):
            count.passed += 1
        elif test['result'] == 'SKIP':
            count.skipped += 1
            print(f'  skipped {test["name"]}: {last_line(test.get("stdout") or test.get("stderr"))}')
        else:
            count.failed += 1
            print(f'  FAILED {test["name"]}: {test["result"]}')
    if run.returncode != 0 and not count.failed:
        count.failed += 1
    return count


def run_pytest(folder, names):
    if not glob.glob(f'{folder}/test_*.py'):
        print(f'  skipped: there are no tests in {folder}')
        return Count(skipped=1)
    with tempfile.TemporaryDirectory() as work:
        return count_pytest(folder, names, os.path.join(work, 'report.xml'))


def count_pytest(folder, names, report):
    command = [sys.executable, '-B', '-m', 'pytest', '-rs', '-q', '--durations=5', '--durations-min=2',
               '-p', 'no:cacheprovider', f'--junitxml={report}', folder,
               *(['-k', ' or '.join(f'({name})' for name in names)] if names else [])]
    run = subprocess.run(command, check=False)
    if not os.path.exists(report):
        return Count(failed=1)
    count = Count()
    for suite in xml.parse(report).getroot().iter('testsuite'):
        total, skipped = int(suite.get('tests')), int(suite.get('skipped'))
        failed = int(suite.get('failures')) + int(suite.get('errors'))
        count.add(Count(total - skipped - failed, failed, skipped))
    if run.returncode != 0 and not count.failed:
        count.failed += 1
    return count


def run_tools(names):
    return run_pytest('tests/tools', names)


def run_system(names):
    return run_pytest('tests/system', names)


def run_proofs(_):
    """The proofs of a few seconds; ./dev proofs runs all."""
    return one([sys.executable, 'tools/dev/proofs.py', '--quick'])


def run_image(_):
    if not os.path.exists('tools/image/build'):
        print('  skipped: there is no tools/image/build')
        return Count(skipped=1)
    return Count(passed=1) if subprocess.run(['bash', 'tools/dev/inside.sh', 'image'],
                                             check=False).returncode == 0 else Count(failed=1)


def unprovoked_rows():
    """{code: reason}"""
    with open(UNPROVOKED, encoding='utf-8') as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith('#')]
    return dict(line.split(None, 1) for line in lines)


def provoked_faults(seen):
    """What disagrees between the table, the codes that were seen, and the list of exceptions."""
    excused = unprovoked_rows()
    with open(check_codes.TABLE, encoding='utf-8') as file:
        table = {texts[0] for _, _, texts, _ in check_codes.rows(file.read())}
    for code in sorted(table - seen - set(excused)):
        yield f'{code}: no test provokes it'
    for code in sorted(set(excused) - table):
        yield f'{code}: stands in {UNPROVOKED} and is no code'


def run_provoked(names):
    """Every code of the table was raised by a test of this run; with provoked:list also in a partial run."""
    with open(os.environ['DSTACK_CODES_FILE'], encoding='utf-8') as file:
        seen = set(file.read().split())
    faults = list(provoked_faults(seen))
    lacking = [part for part in ('unit', 'system') if part not in RAN_WHOLE]
    if 'DSTACK_VECTORS' not in os.environ:
        lacking.append('vectors')
    if lacking and 'list' not in names:
        print(f'  skipped: {len(seen)} codes were raised, but only a whole run can tell what none provokes; '
              f'this one lacks: {" ".join(lacking)}')
        return Count(skipped=1)
    show('\n'.join(faults))
    # Another host may have what this one lacks, so that it can raise more.
    for code in sorted(set(unprovoked_rows()) & seen):
        show(f'  {code}: stands in {UNPROVOKED}, and a test of this run raised it')
    show(f'  {len(seen)} codes were raised, {len(faults)} faults')
    return Count(failed=1) if faults else Count(passed=1)


# name, groups it belongs to, function; in the order in which they run
PARTS = [
    ('format', 'lint', run_format),
    ('scripts', 'lint', run_scripts),
    ('layers', 'lint', run_layers),
    ('banned', 'lint', run_banned),
    ('faults', 'lint', run_faults),
    ('codes', 'lint', run_codes),
    ('tools', 'lint', run_tools),
    ('gcc', 'build system', run_gcc),
    ('ct', 'unit', run_ct),
    ('docs', 'lint', run_docs),
    ('clang', 'build lint tidy', run_clang),
    ('tidy', 'lint', run_tidy),
    ('san', 'build unit', run_san),
    ('unit', '', run_unit),
    ('proofs', '', run_proofs),
    ('image', 'system', run_image),
    ('system', '', run_system),
    ('provoked', '', run_provoked),
]


def chosen(only):
    """[(name, function, filters)] of the parts asked for; a part that is asked for whole has no filters."""
    if not only:
        return [(name, function, []) for name, _, function in PARTS]
    known = {word for name, groups, _ in PARTS for word in [name, *groups.split()]}
    asked = {}
    for part, _, pattern in (each.partition(':') for each in only.split(',')):
        if part not in known:
            sys.exit(f'dev: error: no part is called "{part}"; there are: {" ".join(sorted(known))}')
        asked.setdefault(part, []).append(pattern)
    parts = []
    for name, groups, function in PARTS:
        by_group = any(group in asked for group in groups.split())
        patterns = asked.get(name, [])
        if name in asked or by_group:
            parts.append((name, function, [] if '' in patterns else patterns))
    return parts


def main():
    parser = argparse.ArgumentParser(prog='./dev test', description=__doc__.splitlines()[0])
    parser.add_argument('--only', metavar='PART[:NAME],…')
    parser.add_argument('--list', action='store_true', help='the parts and their groups')
    args = parser.parse_args()
    if args.list:
        for name, groups, _ in PARTS:
            print(f'{name:10} {groups}')
        return 0
    parts = chosen(args.only)
    os.chdir(TOP)
    print('vectors: ' + os.environ.get('DSTACK_VECTORS', 'none (no ../shared/vectors, no --vectors): '
                                       'tests of recorded evidence are skipped'))
    with tempfile.TemporaryDirectory() as work:
        os.environ['DSTACK_CODES_FILE'] = os.path.join(work, 'codes')
        with open(os.environ['DSTACK_CODES_FILE'], 'w', encoding='utf-8'):
            pass
        return run_parts(parts)


def run_parts(parts):
    total, start, broken = Count(), time.monotonic(), []
    for name, function, patterns in parts:
        print(f'== {name}', flush=True)
        began = time.monotonic()
        count = function(patterns)
        total.add(count)
        if not patterns:
            RAN_WHOLE.add(name)
        verdict = 'FAILED' if count.failed else 'ok'
        print(f'== {name}: {verdict}, {count}, {time.monotonic() - began:.1f} s', flush=True)
        if count.failed:
            broken.append(name)
    print(f'whole run: {time.monotonic() - start:.0f} s' +
          (f'; failed: {", ".join(broken)}' if broken else ''))
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == '__main__':
    sys.exit(main())
