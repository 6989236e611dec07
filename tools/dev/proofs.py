#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev proofs: run CBMC on the harnesses of proofs/, a row of proofs/proofs.toml each.

Every function `proof_<name>` of proofs/<row>.c is a proof: it holds when no check fails, when each of its
loops ends within the row's bound, and when every `reached:` assertion does fail, which shows that the
values it speaks of exist. A line for people goes to stderr, a JSON line a proof to stdout.

With --mutants each seeded fault of proofs/mutants.toml is put into a copy of its file, and the proof that
the row names must find it.

usage (inside the tool root): proofs.py [NAME...] [--list] [--quick] [--mutants] [--jobs N]; NAME is a row
("der"), or one proof of it ("der/any")
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import tomllib

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEMORY_MAX = 2 << 30  # bytes, each run
CPU_MAX_S = 600  # each run
HARNESS = re.compile(r'^void proof_(\w+)\(void\)', re.M)
REACHED = 'reached: '
WRAPS = ('arithmetic overflow on unsigned', 'arithmetic overflow on signed to unsigned type conversion')
COMPILE = ['goto-cc', '-std=gnu17', '-D_GNU_SOURCE', '-include', 'proofs/compat.h']
# Beside CBMC's defaults: bounds, pointers, division by zero, signed overflow, shifts.
CHECKS = ['--unwinding-assertions', '--pointer-overflow-check', '--no-malloc-may-fail', '--slice-formula',
          '--drop-unused-functions']
STOP = '--stop-on-fail'
FAILED = 10  # CBMC's exit code where a check failed, as those of REACHED_IF do
# Its plain text: in JSON it also builds a trace for each failure, which takes longer than many a proof.
PLACE = re.compile(r'(?P<file>\S+) function (?P<function>\S+)')
CHECK = re.compile(r'\[[^\]]+\] (?:line (?P<line>\d+) )?(?P<text>.*): (?P<status>SUCCESS|FAILURE|UNKNOWN|ERROR)')
SUMMARY = re.compile(r'^\*\* \d+ of (?P<all>\d+) failed', re.M)
VIOLATED = re.compile(r'Violated property:\n *file (?P<file>\S+) function (?P<function>\S+) line (?P<line>\d+).*\n *(?P<text>.*)')


@dataclasses.dataclass
class Proof:
    row: str
    name: str
    table: dict

    def __str__(self):
        return f'{self.row}/{self.name}'


@dataclasses.dataclass
class Result:
    checks: int = 0
    reached: int = 0
    faults: list = dataclasses.field(default_factory=list)
    wall_s: float = 0
    cpu_s: float = 0
    mem_mib: int = 0


def load(path):
    with open(path, 'rb') as file:
        return tomllib.load(file)


def all_proofs():
    for row, table in load('proofs/proofs.toml').items():
        with open(f'proofs/{row}.c', encoding='utf-8') as file:
            names = HARNESS.findall(file.read())
        if not names:
            sys.exit(f'dev: error: proofs/{row}.c has no proof: a function void proof_<name>(void)')
        yield from (Proof(row, name, table) for name in names)


def chosen(proofs, names):
    for name in names:
        if not any(name in (proof.row, str(proof)) for proof in proofs):
            sys.exit(f'dev: error: no proof is called "{name}"; ./dev proofs --list shows them')
    return [proof for proof in proofs if not names or {proof.row, str(proof)} & set(names)]


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_S, CPU_MAX_S))


def run(command):
    """Its output, the seconds of processor and the MiB of memory that it took, and its exit code."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=limits)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors='replace')
        return text, usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10, child.returncode


def change(path, old, new, overlay):
    """A copy of a file, in which `old` stands once, with `new` in its place."""
    changed = os.path.join(overlay, path)
    with open(changed if os.path.exists(changed) else path, encoding='utf-8') as file:
        text = file.read()
    if text.count(old) != 1:
        sys.exit(f'dev: error: {path} has {text.count(old)} times, and not once: {old}')
    os.makedirs(os.path.dirname(changed), exist_ok=True)
    with open(changed, 'w', encoding='utf-8') as file:
        file.write(text.replace(old, new))


def replace_calls(program, pair):
    """Calls of one function go to another: "<function>:<other>"."""
    done = subprocess.run(['goto-instrument', '--replace-calls', pair, program, program], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0 or 'not found' in done.stdout + done.stderr:
        sys.exit(f'dev: error: contract {pair}: {done.stdout}{done.stderr}')


def compile_row(row, table, work, changes=(), defines=()):
    """The goto program of a row, from its sources with these changes."""
    overlay = os.path.join(work, f'{row}.changed')

    def place(path):
        changed = os.path.join(overlay, path)
        return changed if os.path.exists(changed) else path
    for path, old, new in [*table.get('lowered', []), *changes]:
        change(path, old, new, overlay)
    program = os.path.join(work, f'{row}.goto')
    includes = [f'-I{overlay}/src']
    sources = [f'proofs/{row}.c', 'proofs/stub_err.c', *(place(path) for path in table.get('sources', []))]
    done = subprocess.run([*COMPILE, *includes, '-Isrc', '-Iproofs', f'-DBOUND={table["bound"]}', *defines,
                           *(f'-D{name}' for name in table.get('defines', [])),
                           '-o', program, *sources], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'dev: error: proofs/{row}.c does not compile:\n{done.stdout}{done.stderr}')
    for pair in table.get('contracts', []):
        replace_calls(program, pair)
    return program


def checks_of(output):
    """What CBMC says of each check: {file, function, line, text, status}."""
    place = {'file': '?', 'function': '?'}
    for line in output.partition('** Results:')[2].splitlines():
        if found := PLACE.fullmatch(line):
            place = found.groupdict()
        elif found := CHECK.fullmatch(line):
            yield {**place, **found.groupdict(default='?')}


def is_meant(check, meant):
    """Unsigned arithmetic that wraps and casts that cut are defined: a row may name places that mean it."""
    said = f'{check["function"]}: {check["text"]}'
    return check['text'].startswith(WRAPS) and any(said.startswith(each) for each in meant)


def judge(output, code, meant=()):
    """What CBMC says, as a result: a proof needs more than its exit code."""
    result, seen = Result(), 0
    for check in checks_of(output):
        seen += 1
        if check['text'].startswith(REACHED):
            result.reached += 1
            if check['status'] != 'FAILURE':
                result.faults.append(f'not {check["text"]}: the proof is empty there ({check["status"]})')
            continue
        if is_meant(check, meant):
            continue
        result.checks += 1
        if check['status'] != 'SUCCESS':
            result.faults.append('{file}:{line}: {function}: {text} ({status})'.format(**check))
    told = SUMMARY.search(output)
    if told is None or seen == 0 or seen != int(told['all']) or code not in (0, FAILED):
        result.faults.append(f'cbmc ended with {code} (limits: {MEMORY_MAX >> 30} GiB, {CPU_MAX_S} s of processor): '
                             + ' '.join(output.split())[-300:])
    return result


def first_failure(output):
    """The failed check that a run with --stop-on-fail ended with, or None."""
    found = VIOLATED.search(output)
    return '{file}:{line}: {function}: {text} (FAILURE)'.format(**found.groupdict()) if found else None


def prove(proof, program, more=()):
    table = proof.table
    loops = table.get('unwindset', [])
    began = time.monotonic()
    command = ['cbmc', '--function', f'proof_{proof.name}', '--unwind', str(table['unwind']),
               *(['--unwindset', ','.join(loops)] if loops else []), *CHECKS,
               *(f'--{check}-check' for check in table.get('checks', [])), *more, program]
    output, cpu_s, mem_mib, code = run(command)
    result = judge(output, code, table.get('meant', []))
    if STOP in more and (fault := first_failure(output)) is not None:
        result.faults = [fault]
    result.wall_s, result.cpu_s, result.mem_mib = time.monotonic() - began, cpu_s, mem_mib
    return result


def prove_row(proof, programs):
    result = prove(proof, programs[proof.row])
    if not result.reached and not result.faults:
        result.faults.append('it says nowhere what it reaches')
    return result


def report(proof, result):
    verdict = 'FAILED' if result.faults else 'ok'
    print(f'{str(proof):28} {verdict:6} {result.checks:5} checks, {result.reached:2} reached, {result.cpu_s:6.1f} s of '
          f'processor, {result.wall_s:6.1f} s, {result.mem_mib:4} MiB', file=sys.stderr, flush=True)
    for fault in result.faults[:12]:
        print(f'    {fault}', file=sys.stderr, flush=True)
    print(json.dumps({'proof': str(proof), 'ok': not result.faults, 'checks': result.checks,
                      'reached': result.reached, 'bound': proof.table['bound'], 'unwind': proof.table['unwind'],
                      'cpu_s': round(result.cpu_s, 2), 'wall_s': round(result.wall_s, 2),
                      'mem_mib': result.mem_mib}), flush=True)


def run_proofs(proofs, jobs):
    failed, checks, cpu_s = 0, 0, 0.0
    with tempfile.TemporaryDirectory() as work, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        programs = {proof.row: compile_row(proof.row, proof.table, work)
                    for proof in {proof.row: proof for proof in proofs}.values()}
        runs = {pool.submit(prove_row, proof, programs): proof for proof in proofs}
        for done in concurrent.futures.as_completed(runs):
            result = done.result()
            report(runs[done], result)
            failed += bool(result.faults)
            checks += result.checks
            cpu_s += result.cpu_s
    print(f'{len(proofs) - failed} of {len(proofs)} proofs hold: {checks} checks, {cpu_s:.0f} s of processor',
          file=sys.stderr)
    return 1 if failed else 0


def find_mutant(mutant, proofs):
    """What the named proof finds in the mutant, whose REACHED_IF are silent."""
    proof = next((each for each in proofs if str(each) == mutant['proof']), None)
    if proof is None:
        sys.exit(f'dev: error: a mutant names the proof "{mutant["proof"]}", which is not there')
    fault = (mutant['file'], mutant['from'], mutant['to'])
    with tempfile.TemporaryDirectory() as work:
        program = compile_row(proof.row, proof.table, work, [fault], ['-DPROOF_MUTANT'])
        # Where wrapping is meant in places, the first failure may be one of these.
        return prove(proof, program, [] if proof.table.get('meant') else [STOP])


def found_by(result):
    """The failed check. A run that ended early found nothing; what CBMC calls unknown is behind a failure."""
    return next((fault for fault in result.faults if fault.endswith('(FAILURE)')), None)


def run_mutants(proofs, names, jobs):
    mutants = [mutant for mutant in load('proofs/mutants.toml')['mutant']
               if not names or {mutant['proof'], mutant['proof'].split('/')[0]} & set(names)]
    missed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = {pool.submit(find_mutant, mutant, proofs): mutant for mutant in mutants}
        for done in concurrent.futures.as_completed(runs):
            mutant, result = runs[done], done.result()
            fault = found_by(result)
            missed += fault is None
            print(f'{mutant["proof"]:28} {"found" if fault else "MISSED":6} {mutant["says"]}\n    '
                  f'{fault or "; ".join(result.faults) or "every check holds"}', file=sys.stderr, flush=True)
            print(json.dumps({'mutant': mutant['says'], 'proof': mutant['proof'], 'found': fault is not None,
                              'cpu_s': round(result.cpu_s, 2)}), flush=True)
    print(f'{len(mutants) - missed} of {len(mutants)} mutants found', file=sys.stderr)
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser(prog='./dev proofs', description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', metavar='NAME', help='a row ("der") or a proof ("der/any")')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--quick', action='store_true', help='the rows that the suite runs')
    parser.add_argument('--mutants', action='store_true', help='seeded faults, which the proofs must find')
    parser.add_argument('--jobs', type=int, default=2)
    args = parser.parse_args()
    os.chdir(TOP)
    proofs = list(all_proofs())
    if args.list:
        for proof in proofs:
            print(f'{str(proof):28} bound {proof.table["bound"]:6}{"  quick" if proof.table.get("quick") else ""}')
        return 0
    if args.mutants:
        return run_mutants(proofs, args.names, args.jobs)
    picked = [proof for proof in chosen(proofs, args.names) if not args.quick or proof.table.get('quick')]
    code = run_proofs(picked, args.jobs)
    if args.quick:
        left = sorted({proof.row for proof in proofs if not proof.table.get('quick')})
        print(f'longer ones are left to ./dev proofs: {" ".join(left)}', file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(main())
