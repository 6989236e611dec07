#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev soak: hours of what a machine meets in its life, and after each step a look whether all is there.

Steps are drawn at random: a program killed at a named point of a state write (base/fault.h; the points
are found in the sources), a process killed and met again, the app stopped and started or upgraded, with and
without a kill on the way, a fuzz target, random changes of evidence that must be refused, and the system tests with DSTACK_SOAK=1. A machine serves some steps and is thrown away with its directory;
what stays is the fuzz corpus, which is kept within bounds: so it runs as long as it is told.

It prints one JSON line a step and one at the end. Exit code 1 when a step broke something.

usage (inside the tool root): soak.py [--hours H] [--kills N] [--mutations N] [--seed N] [--only STEP[,...]]
`--only mutation --mutations N` ends as soon as every format of evidence had its N changes.
"""
import argparse
import concurrent.futures
import contextlib
import dataclasses
import glob
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'system'))
import stack  # noqa: E402

FREE_MIN_BYTES = 4 << 30
CORPUS_MAX_BYTES = 64 << 20  # of one fuzz target
FUZZ_S = 60
MUTATION_S = 60
MUTATION_PROGRAMS = ('dcap', 'snp', 'log')  # test_attest_NAME_mutation; each lists the formats it knows
MUTATIONS_GOAL = 1_000_000  # of each format in one soak, if it is long enough; then the step becomes rare
MUTATIONS_SLICE = 5000  # of one seed
MUTATIONS_SANITIZED = 8  # one slice of so many runs with sanitizers, the others in the optimised build
BUILD = f'{TOP}/build'  # optimised
STEPS_PER_MACHINE = 6
# Passed once in the life of a machine: a new one is made for them.
FIRST_BOOT = ('kms.root', 'simtee.key', 'simtee.certificates', 'simtee.collateral')
# On the way of `up` on a changed compose file.
UPGRADE = ('cli.upgrade', 'cli.record', 'vmm.manifest', 'vmm.state', 'kms.allow')
# What KVM can do is put into each machine beforehand (tests/system/stack.py).
NEVER = ('vmm.accel',)
SYSTEM_TESTS_S = 3 * 3600
NAME = 'app'
PORT = 8080
HOST_PROGRAMS = r'(?:kms|vmm|simtee|cli)'
REPORTS = re.compile(r'(ERROR: \w+Sanitizer|runtime error:).*')


def fault_points():
    """Every named point that a program of the host can pass, from the sources."""
    points = set()
    for path in glob.glob(f'{TOP}/src/*/*.c'):
        with open(path, encoding='utf-8') as file:
            text = file.read()
        points.update(re.findall(rf'DS_FAULT\("({HOST_PROGRAMS}\.[a-z_.]+)"\)', text))
        for name in re.findall(rf'store_(?:apply|put|delete)\w*\([^;]*?"({HOST_PROGRAMS}\.[a-z_]+)"', text):
            points.update((f'{name}.before', f'{name}.committed'))
        if path.endswith('store/sqlite.c'):
            continue
        for name in re.findall(rf'"({HOST_PROGRAMS}\.[a-z_]+)", e\)', text):
            points.update(f'{name}.{step}' for step in ('before', 'written', 'renamed'))
    return sorted(point for point in points if not point.startswith(NEVER))


class Broken(Exception):
    """Something is lost, doubled, torn or reported."""


def need(condition, what):
    if not condition:
        raise Broken(what)


class Life:
    """One machine with the app on it, in the build that has fault hooks and sanitizers."""

    def __init__(self, directory):
        self.compose = os.path.join(directory, 'docker-compose.yaml')
        self.machine = stack.Machine(build=stack.FAULT_BUILD)
        self.n_steps = 0
        self.n_leaves = 0
        self.qemu = set()  # its process: a new one is a boot
        self.retried = []
        self.page = None  # what the app keeps on its volume; None before its first boot
        self.version = 0
        self.next_version()

    def close(self):
        self.machine.close()

    def next_version(self):
        self.version += 1
        stack.write_version(self.compose, self.version)

    def up(self, code=0):
        """What is not available at present is asked for once more, as a user would; the step tells of it."""
        run = self.machine.up(self.compose, NAME, code=None)
        if run.code == stack.EXIT_UNAVAILABLE and code == 0:
            self.retried.append(run.err[-1500:])
            run = self.machine.up(self.compose, NAME, code=None)
        need(code is None or run.code == code, f'up: {run}\n{self.machine.last_words()}')
        return run

    def up_through(self, point):
        """`up` that is killed at a point, and once more; False when the point was not on the way."""
        first = self.up(code=None)
        fired = self.disarm()
        need(fired or first.code == 0, f'up failed although {point} was not passed: {first}')
        if fired:
            self.up()
        return fired

    def remove(self):
        self.page = None
        self.machine.remove(NAME)

    def allowed(self):
        """{app id: compose hashes} that the KMS gives keys to."""
        with open(os.path.join(self.machine.state, 'kms', 'allow.json'), encoding='utf-8') as file:
            return {app: row['composeHashes'] for app, row in json.load(file)['apps'].items()}

    def leaves(self):
        """Leaves of the release log, read beside the KMS."""
        found = glob.glob(os.path.join(self.machine.state, 'kms', '*.db'))
        need(len(found) == 1, f'{len(found)} release logs: {found}')
        with contextlib.closing(sqlite3.connect(f'file:{found[0]}?mode=ro', uri=True)) as db:
            need(db.execute('PRAGMA integrity_check').fetchone() == ('ok',), 'the release log is torn')
            return db.execute("SELECT count(*) FROM kv WHERE substr(key, 1, 5) = CAST('leaf/' AS BLOB)"
                              ).fetchone()[0]

    def check(self):
        """One of everything, nothing torn, evidence that verifies, a leaf for each release."""
        machine = self.machine
        need(machine.vm(NAME)['status'] == 'running', 'the VM does not run')
        need(len(machine.vm_dirs()) == 1, f'directories of VMs: {machine.vm_dirs()}')
        for name in ('dstack-vmm', 'dstack-kms', 'qemu-', 'dstack-simtee'):
            need(len(machine.processes(name)) == 1, f'{name}: {machine.processes()}')
        for at, _, names in os.walk(machine.state):
            for name in names:
                if name.endswith('.json'):
                    with open(os.path.join(at, name), 'rb') as file:
                        need_json(os.path.join(at, name), file.read())
        machine.dstack('verify', NAME, '--allow-simulated')
        page, version = machine.get(PORT), machine.get(PORT, '/version.html').strip()
        need(len(page) == 37 and self.page in (None, page), f'the app kept {page!r}, not {self.page!r}')
        need(version == str(self.version), f'version {version} runs, not {self.version}')
        row, allowed = machine.vm(NAME), self.allowed().get(machine.vm(NAME)['app_id'])
        need(allowed == [row['compose_hash']], f'allowed is {allowed}, and {row["compose_hash"]} runs')
        self.page = page
        leaves, qemu = self.leaves(), set(machine.processes('qemu-'))
        need(leaves >= self.n_leaves + len(qemu - self.qemu),
             f'{leaves} leaves after {self.n_leaves} and a boot: a key was released without one')
        self.n_leaves, self.qemu = leaves, qemu
        self.check_reports()

    def check_reports(self):
        for at, _, names in os.walk(self.machine.state):
            for name in names:
                if name.endswith('.log'):
                    with open(os.path.join(at, name), 'rb') as file:
                        report = REPORTS.search(file.read().decode(errors='replace'))
                    need(report is None, f'{name}: {report and report.group(0)}')

    def disarm(self):
        """True when the point was passed."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.machine.fault_file)
            return False
        return True


def need_json(path, content):
    try:
        json.loads(content)
    except ValueError as error:
        raise Broken(f'{path} is torn: {error}') from error


@dataclasses.dataclass
class Mutations:
    """What came of the random changes of one format; accepted ones lie where nothing protects and prove the same."""
    program: str
    n: int = 0
    sanitized: int = 0
    refused: int = 0
    accepted: int = 0

    def add(self, other):
        self.n += other.n
        self.sanitized += other.sanitized
        self.refused += other.refused
        self.accepted += other.accepted

    def figures(self):
        return {'mutations': self.n, 'sanitized': self.sanitized, 'refused': self.refused, 'accepted': self.accepted}


def mutation_program(build, program):
    return f'{build}/tests/unit/attest/test_attest_{program}_mutation'


def mutation_formats():
    """{format: what came of its changes}, from the programs."""
    return {name: Mutations(program) for program in MUTATION_PROGRAMS
            for name in subprocess.run([mutation_program(BUILD, program), 'formats'], check=True, text=True,
                                       capture_output=True).stdout.split()}


def mutate(program, name, first_seed, i, end):
    """Slice i of a step; none of it when the step's time is over."""
    if i > 0 and time.monotonic() >= end:
        return Mutations(program)
    is_sanitized = i % MUTATIONS_SANITIZED == 0
    command = [mutation_program(stack.FAULT_BUILD if is_sanitized else BUILD, program), name,
               str(first_seed + i), str(MUTATIONS_SLICE)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    said = re.search(r'^refused (\d+) accepted (\d+)$', run.stdout, re.MULTILINE)
    need(run.returncode == 0 and said is not None and REPORTS.search(run.stderr) is None,
         f'{" ".join(command)}: {run.stdout[-2000:]}{run.stderr[-2000:]}')
    refused, accepted = map(int, said.groups())
    need(refused + accepted == MUTATIONS_SLICE, f'{" ".join(command)}: {said.group(0)}')
    return Mutations(program, MUTATIONS_SLICE, MUTATIONS_SLICE if is_sanitized else 0, refused, accepted)


class Soak:
    def __init__(self, args):
        self.random = random.Random(args.seed)
        self.points = fault_points()
        self.kills_left = args.kills
        self.work = tempfile.mkdtemp(prefix='ds-soak-', dir='/tmp')
        self.app = os.path.dirname(stack.hello_app(os.path.join(self.work, NAME)))
        self.life = None
        self.tests_ran = False
        self.mutations_goal = args.mutations
        self.mutations = mutation_formats()

    def close(self):
        if self.life is not None:
            self.life.close()
        shutil.rmtree(self.work)

    def get_life(self):
        if self.life is not None and self.life.n_steps >= STEPS_PER_MACHINE:
            self.drop_life()
        if self.life is None:
            self.life = Life(self.app)
            self.life.up()
            self.life.check()
        self.life.n_steps += 1
        return self.life

    def drop_life(self):
        if self.life is not None:
            self.life.close()
        self.life = None

    def kill_point(self):
        """The app is removed and made anew, so that as many points as possible are on the way."""
        point = self.random.choice(self.points)
        if point.startswith(FIRST_BOOT):
            self.drop_life()
            self.life = Life(self.app)
        life = self.life if point.startswith(FIRST_BOOT) else self.get_life()
        life.machine.arm(point)
        if life.n_steps > 0:
            life.remove()
        fired = life.up_through(point)
        self.kills_left -= 1 if fired else 0
        life.check()
        life.n_steps += 1
        return {'point': point, 'fired': fired}

    def upgrade(self):
        """Every second one is killed on its way."""
        life = self.get_life()
        point = self.random.choice([point for point in self.points if point.startswith(UPGRADE)])
        life.next_version()
        fired = False
        if self.random.random() < 0.5:
            life.machine.arm(point)
            fired = life.up_through(point)
            self.kills_left -= 1 if fired else 0
        else:
            life.up()
        life.check()
        return {'version': life.version, **({'point': point} if fired else {})}

    def kill_process(self):
        name = self.random.choice(('dstack-vmm', 'dstack-kms', 'dstack-simtee', 'qemu-'))
        life = self.get_life()
        life.machine.kill(name)
        life.up()
        stack.wait_for(f'{name} is back', lambda: life.machine.processes(name), stack.UP_S)
        life.check()
        return {'program': name}

    def restart_vm(self):
        life = self.get_life()
        life.machine.dstack('down', NAME)
        life.up()
        life.check()
        return {}

    def fuzz(self):
        target = self.random.choice(sorted(os.listdir(f'{TOP}/fuzz/corpus')))
        run = subprocess.run([sys.executable, f'{TOP}/tools/dev/fuzz.py', target, '--seconds', str(FUZZ_S)],
                             capture_output=True, text=True, check=False)
        keep_corpus_small(target)
        need(run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:])
        return {'target': target}

    def mutation(self):
        """A minute of slices of the format that has fewest, one a processor at a time, with one seed after another."""
        name = min(self.mutations, key=lambda name: self.mutations[name].n)
        row, first = self.mutations[name], self.random.randrange(1, 1 << 62)
        n_slices = max(1, -(-(self.mutations_goal - row.n) // MUTATIONS_SLICE))
        end = time.monotonic() + MUTATION_S
        step = Mutations(row.program)
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for counted in pool.map(lambda i: mutate(row.program, name, first, i, end), range(n_slices)):
                step.add(counted)
        row.add(step)
        return {'format': name, 'seed': first, **step.figures()}

    def system_tests(self):
        """Once: the rows that are too slow for the suite."""
        self.tests_ran = True
        self.drop_life()  # the tests have machines of their own
        run = subprocess.run([sys.executable, '-B', '-m', 'pytest', '-q', '-p', 'no:cacheprovider',
                              f'{TOP}/tests/system', '-k', 'tamper'], capture_output=True, text=True,
                             check=False, env={**os.environ, 'DSTACK_SOAK': '1'}, timeout=SYSTEM_TESTS_S)
        need(run.returncode in (0, 5), run.stdout[-3000:])  # 5: there are none
        return {'said': run.stdout.strip().splitlines()[-1:]}

    def has_mutations_left(self):
        return min(row.n for row in self.mutations.values()) < self.mutations_goal

    def steps(self):
        """Names with their weights; what has been done often enough is left out."""
        weights = {'kill_process': 2, 'restart_vm': 1, 'upgrade': 3, 'fuzz': 3}
        weights['kill_point'] = 8 if self.kills_left > 0 else 1
        weights['mutation'] = 3 if self.has_mutations_left() else 1
        if not self.tests_ran:
            weights['system_tests'] = 1
        return weights


def keep_corpus_small(target):
    kept = f'{TOP}/build-fuzz/corpus/{target}'
    files = sorted((os.stat(entry.path).st_mtime, entry.stat().st_size, entry.path)
                   for entry in os.scandir(kept)) if os.path.isdir(kept) else []
    total = sum(row[1] for row in files)
    for _, length, path in files:
        if total <= CORPUS_MAX_BYTES:
            break
        os.unlink(path)
        total -= length


def say(**fields):
    print(json.dumps(fields), flush=True)


def run_step(soak, name):
    """One step as a line; False when it broke something. The machine is then left for a new one."""
    began, fields = time.monotonic(), {}
    try:
        fields = getattr(soak, name)()
        broken = None
        if soak.life is not None and soak.life.retried:
            fields = {**fields, 'retried': soak.life.retried}
            soak.life.retried = []
    except (Broken, AssertionError, OSError, subprocess.SubprocessError) as error:
        broken = f'{type(error).__name__}: {error}'[-6000:]
        soak.drop_life()
    say(step=name, ok=broken is None, s=round(time.monotonic() - began, 1), **fields,
        **({'broken': broken} if broken else {}))
    return broken is None


def main():
    parser = argparse.ArgumentParser(prog='./dev soak', description=__doc__.splitlines()[0])
    parser.add_argument('--hours', type=float, default=2)
    parser.add_argument('--kills', type=int, default=50, help='kill points to pass before kills become rare')
    parser.add_argument('--mutations', type=int, default=MUTATIONS_GOAL, metavar='N',
                        help='random changes of each format of evidence, before they become rare (1,000,000)')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--only', default='', metavar='STEP,…')
    args = parser.parse_args()
    only = [name for name in args.only.split(',') if name]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what it started ends with it
    soak, counts, n_broken, n_fired = Soak(args), {}, 0, 0
    end = time.monotonic() + args.hours * 3600
    say(soak='begins', hours=args.hours, seed=args.seed, points=len(soak.points))
    try:
        while time.monotonic() < end:
            if shutil.disk_usage(soak.work).free < FREE_MIN_BYTES:
                say(soak='stops', why=f'less than {FREE_MIN_BYTES} bytes are free in {soak.work}')
                n_broken += 1
                break
            if only == ['mutation'] and not soak.has_mutations_left():
                break
            weights = {name: weight for name, weight in soak.steps().items() if not only or name in only}
            name = soak.random.choices(list(weights), list(weights.values()))[0]
            left = soak.kills_left
            n_broken += 0 if run_step(soak, name) else 1
            n_fired += left - soak.kills_left
            counts[name] = counts.get(name, 0) + 1
    finally:
        soak.close()
    say(soak='ends', steps=counts, kills=n_fired, broken=n_broken,
        mutations={name: row.figures() for name, row in soak.mutations.items()})
    return 1 if n_broken else 0


if __name__ == '__main__':
    sys.exit(main())
