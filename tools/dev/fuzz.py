#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev fuzz: run fuzz targets for a while, each from its committed seeds and what earlier runs kept.

What a run learns stays in build-fuzz/corpus/<target>; an input that breaks a target is written to
build-fuzz/found/ and named at the end, with the command that runs it again. Where recorded evidence
is at hand (DSTACK_VECTORS) it serves as seeds too.

usage (inside the tool root): fuzz.py [TARGET...] [--seconds N] [--list]
"""
import argparse
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = 'build-fuzz'

# Recorded evidence that a target can read, below the directory of vectors.
VECTORS = {
    'quote': ['tdx/*.quote', 'sgx/*.quote'],
    'event_log': ['eventlog/*ccel*', 'eventlog/*CCEL*'],
    'attestation': ['nitro/*.scale', 'snp/dstack_snp_attestation.bin'],
    'certificate': ['snp/*.der', 'snp/*.pem', 'roots/*.pem', 'sgx/*.cert'],
    'collateral': ['tdx/*collateral.json', 'collateral/*/*.json'],
    'json': ['tdx/*.json', 'collateral/*/*.json'],
    'snp_certs': ['snp/*.der', 'snp/*.pem'],
    'snp_report': ['snp/*report.bin'],
}
# Texts are found much faster with their words at hand.
DICTIONARIES = {target: 'json.dict' for target in
                ('cmw', 'collateral', 'compose', 'documents', 'event_log', 'json', 'jwt', 'luks', 'rpc', 'shared')}
MAX_LEN = {'attestation': 65536, 'certificate': 32768, 'collateral': 65536, 'event_log': 65536,
           'quote': 65600, 'shared': 16384, 'snp_certs': 16384}
MAX_LEN_DEFAULT = 8192
INPUT_TIMEOUT_S = 10
MEMORY_MAX_MIB = 2048
REPORT_LINES_MAX = 60
# A halt at the first report, whatever kind; leaks are looked for at the end of a run.
ENVIRONMENT = {'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
               'ASAN_OPTIONS': 'detect_stack_use_after_return=0'}


def targets():
    return sorted(os.path.basename(path) for path in glob.glob(f'{TOP}/fuzz/corpus/*'))


def build(names):
    script = f'. {TOP}/tools/dev/lib.sh && . {TOP}/tools/dev/build.sh && setup_tree fuzz >&2'
    subprocess.run(['bash', '-euc', script], cwd=TOP, check=True)
    subprocess.run(['ninja', '-C', BUILD, '--quiet', *[f'fuzz/fuzz_{name}' for name in names]], cwd=TOP,
                   check=True, stdout=sys.stderr)


def seeds(name):
    found = [f'fuzz/corpus/{name}']
    vectors = os.environ.get('DSTACK_VECTORS')
    files = [path for pattern in VECTORS.get(name, []) for path in glob.glob(f'{vectors}/{pattern}')
             if vectors and os.path.isfile(path)]
    if not files:
        return found
    # libFuzzer takes directories only.
    extra = f'{BUILD}/vectors/{name}'
    os.makedirs(extra, exist_ok=True)
    for path in files:
        link = f'{extra}/{os.path.basename(path)}'
        if not os.path.lexists(link):
            os.symlink(path, link)
    return found + [extra]


def command(name, seconds):
    kept, broken = f'{BUILD}/corpus/{name}', f'{BUILD}/found'
    os.makedirs(kept, exist_ok=True)
    os.makedirs(broken, exist_ok=True)
    words = [f'-dict=fuzz/{DICTIONARIES[name]}'] if name in DICTIONARIES else []
    return [f'{BUILD}/fuzz/fuzz_{name}', f'-max_total_time={seconds}', f'-timeout={INPUT_TIMEOUT_S}',
            f'-max_len={MAX_LEN.get(name, MAX_LEN_DEFAULT)}', f'-rss_limit_mb={MEMORY_MAX_MIB}',
            f'-artifact_prefix={broken}/{name}-', '-print_final_stats=1', *words, kept, *seeds(name)]


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def fuzz(name, seconds):
    """True when nothing was found."""
    run = subprocess.run(command(name, seconds), capture_output=True, text=True, errors='replace',
                         check=False, env={**os.environ, **ENVIRONMENT})
    inputs = number(r'stat::number_of_executed_units:\s*(\d+)', run.stderr)
    coverage = number(r'cov: (\d+)', run.stderr)
    verdict = 'nothing found' if run.returncode == 0 else 'FOUND'
    print(f'fuzz {name}: {inputs} inputs, {inputs // max(seconds, 1)} a second, {coverage} edges, '
          f'{verdict}', flush=True)
    if run.returncode == 0:
        return True
    # The corpus lines of libFuzzer say nothing about what was found.
    report = [line for line in run.stderr.splitlines() if not re.match(r'#\d+\s|stat::|\tNEW_FUNC', line)]
    print('\n'.join(report[-REPORT_LINES_MAX:]))
    for path in re.findall(r'Test unit written to (\S+)', run.stderr):
        print(f'  again: ./dev run {BUILD}/fuzz/fuzz_{name} {path}')
        print(f'  when it is mended: keep it as fuzz/corpus/{name}/found-<what it was>')
    return False


def main():
    parser = argparse.ArgumentParser(prog='./dev fuzz', description=__doc__.splitlines()[0])
    parser.add_argument('target', nargs='*')
    parser.add_argument('--seconds', type=int, default=60, help='for each target (default: 60)')
    parser.add_argument('--list', action='store_true', help='the targets')
    args = parser.parse_args()
    known = targets()
    if args.list:
        print('\n'.join(known))
        return 0
    for name in args.target:
        if name not in known:
            sys.exit(f'dev: error: no fuzz target is called "{name}"; there are: {" ".join(known)}')
    chosen = args.target or known
    os.chdir(TOP)
    build(chosen)
    broken = [name for name in chosen if not fuzz(name, args.seconds)]
    print(f'{len(chosen) - len(broken)} targets found nothing, {len(broken)} found something' +
          (f': {" ".join(broken)}' if broken else ''))
    return 1 if broken else 0


if __name__ == '__main__':
    sys.exit(main())
