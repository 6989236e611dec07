#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages that the programs' own tables give: errors, methods, configuration, manual, completion.

Every program answers `--describe` with its tables (src/rpc/program.h), and `dstack explain --json`
with the codes, `dstack policy schema` with what a policy can demand. From that come docs/errors.md,
docs/channels.md, docs/policy.md and its schema, docs/openapi/, docs/config/, docs/man/ and packaging/completion/. They are committed, so that they can be read without a build.

usage (inside the tool root): docs.py BUILD_DIR          write them anew
                              docs.py BUILD_DIR --check  compare; 1 when they are not what it would write
"""
import argparse
import difflib
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import docs_completion  # noqa: E402
import docs_openapi  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RENEW = './dev test --only gcc && ./dev run python3 tools/docs.py build'
MADE = 'Made by `tools/docs.py` from the tables of the programs; change those.'
HAND_WRITTEN = ['docs/threat-model.md', 'docs/compose.md']
DIRECTORIES = ['docs/openapi', 'docs/config', 'docs/man', 'packaging/completion']

# Each program with tables: its room and whether people call it by hand (then it has a manual page).
PROGRAMS = {'dstack': ('cli', True), 'dstack-vmm': ('vmm', True), 'dstack-kms': ('kms', True),
            'dstack-simtee': ('simtee', True), 'dstack-verifier': ('verifier', True), 'dstack-guest-agent': ('guest', False)}


def ask(build, program, *arguments):
    path = os.path.join(build, 'src', PROGRAMS[program][0], program)
    run = subprocess.run([path, *arguments], capture_output=True, check=False)
    if run.returncode != 0:
        sys.exit(f'{path} {" ".join(arguments)}: exit code {run.returncode}: {run.stderr.decode()}')
    return json.loads(run.stdout)


def cell(text):
    return str(text).replace('|', '\\|')


def errors_page(codes):
    out = ['# Error codes', '', MADE, '`dstack explain CODE` prints a row; with `--json` for machines.', '']
    groups = {}
    for code in codes:
        groups.setdefault(code['code'].split('.')[0], []).append(code)
    out.append('Groups: ' + ' '.join(f'[{name}](#{name})' for name in groups))
    for name, rows in groups.items():
        out += ['', f'## {name}']
        for row in rows:
            out += ['', f'### {row["code"]}', '', f'- what: {row["what"]}', f'- why: {row["why"]}',
                    f'- fix: {row["fix"]}']
    return '\n'.join(out) + '\n'


def bounds(key):
    if key['choices']:
        return ', '.join(key['choices'])
    unit = f' {key["unit"]}' if key['unit'] else ''
    if key['kind'] == 'u64':
        return f'{key["min"]} to {key["max"] or "2^64-1"}{unit}'
    return {'text': 'text', 'bool': 'true or false', 'list': 'list of texts'}[key['kind']]


def config_page(program, keys):
    out = [f'# Configuration of {program}', '', MADE, '',
           'YAML; dotted keys are groups. Unknown keys are errors. '
           f'`{program} show-config` prints a file with every default.', '',
           '| key | value | default | meaning |', '|---|---|---|---|']
    for key in keys:
        preset = 'required' if key['preset'] is None else f'`{key["preset"]}`'
        out.append(f'| `{key["key"]}` | {cell(bounds(key))} | {preset} | {cell(key["help"])} |')
    return '\n'.join(out) + '\n'


def field_rows(fields, indent=''):
    for f in fields:
        limit = f' ≤ {f["max"]}' if f.get('max') else ''
        needed = ', required' if f['required'] else ''
        yield f'{indent}- `{f["name"]}` ({f["kind"]}{limit}{needed}): {f.get("help", "")}'
        yield from field_rows(f.get('fields', []), indent + '  ')


def channels_page(services):
    out = ['# Methods on the guest\'s channels', '', MADE, '',
           'Requests are `{"method", "params"}`, replies `{"result"}` or the error body of HTTP, in the '
           'frames that `src/net/frame.h` names.']
    for service in services:
        out += ['', f'## {service["service"]}: {docs_openapi.SERVICES[service["service"]][0]}', '',
                docs_openapi.SERVICES[service['service']][1]]
        for method in service['methods']:
            out += ['', f'### {method["name"]}', '', method['doc']]
            for label in ('request', 'reply'):
                if method[label]:
                    out += ['', f'{label.capitalize()}:', *field_rows(method[label])]
    return '\n'.join(out) + '\n'


POLICY_INTRO = '''A policy is a JSON document that says what evidence must be like to be accepted. `dstack policy check FILE` says
whether a document is one and what it will demand; `dstack verify ... --policy FILE` judges by it, as do
`dstack-verifier` (`policy` in its configuration and in requests to `/v1/verify`) and the installed library (`ds_attest_check()`). Examples are in
`examples/policy/`, the schema for editors is `policy.schema.json` (`dstack policy schema`).

- Everything named must hold; a denial names all that does not.
- What is not named is judged as the column "absent" says. Nothing else is implied.
- A claim that the evidence does not have is a reason against. Only the rules in the sections of TEEs (`intel`, `tdx`,
  `sgx`, `snp`) are left out for evidence of other TEEs.
- Unknown keys, values twice and lists without a value are errors, as are rules that contradict each other: a section
  for a TEE that `tees` leaves out, a root of a kind that `kinds` leaves out. A list of what may be there beside
  (compared as "no other than") may be empty: then nothing may.
- A state of Revoked is never accepted.

`version` is 1 and required; `description` is for people.'''


def policy_value(schema):
    items = schema.get('items', {})
    if schema['type'] == 'boolean':
        return 'true or false'
    if schema['type'] == 'integer':
        return f'0 to {schema["maximum"]}'
    if not schema.get('uniqueItems'):
        return f'{schema["minItems"]} numbers, 0 to {items["maximum"]}'
    if 'enum' in items:
        words = [f'`{word}`' for word in items['enum']]
        return f'list of {words[0]} to {words[-1]}' if len(words) == 64 else 'list of ' + ', '.join(words)
    if items['type'] == 'integer':
        return f'list of numbers, 0 to {items["maximum"]}'
    digits = re.fullmatch(r'\^\[0-9a-f\]\{(\d+)\}\$', items['pattern'])
    return f'list of hex texts of {digits.group(1)} digits' if digits else 'list of texts'


def policy_rows(section, properties):
    yield from ['', '| key | value | compared | absent | meaning | refused with |', '|---|---|---|---|---|---|']
    for key, schema in properties.items():
        if 'x-code' in schema:
            yield (f'| `{section}{key}` | {policy_value(schema)} | {schema["x-compared"]} | {schema["x-absent"]} | '
                   f'{cell(schema["description"])} | `{schema["x-code"]}` |')


def policy_page(schema):
    out = ['# Policies', '', MADE, '', POLICY_INTRO, *policy_rows('', schema['properties'])]
    for key, section in schema['properties'].items():
        if section.get('type') == 'object':
            out += ['', f'## {key}', '', section['description'][0].upper() + section['description'][1:] + '.',
                    *policy_rows(f'{key}.', section['properties'])]
    return '\n'.join(out) + '\n'


def roff(text):
    text = str(text).replace('\\', '\\e').replace('-', '\\-')
    return '\\&' + text if text[:1] in ('.', "'") else text


def man_option(option):
    names = [f'\\fB\\-{option["letter"]}\\fR'] if option['letter'] else []
    names.append(f'\\fB\\-\\-{roff(option["name"])}\\fR')
    value = f' \\fI{roff(option["value"])}\\fR' if option['kind'] != 'flag' else ''
    again = ' May be repeated.' if option['kind'] == 'list' else ''
    return ['.TP', ', '.join(names) + value, roff(option['help']) + '.' + again]


HELP = {'name': 'help', 'letter': 'h', 'kind': 'flag', 'help': 'print a short text'}


def man_head(name, summary, version):
    title = name.replace(' ', '-').upper()
    return ['.\\" Made by tools/docs.py from the tables of the programs.',
            f'.TH {roff(title)} 1 "" "dstack {version}" "dstack"', '.SH NAME',
            f'{roff(name.replace(" ", "-"))} \\- {roff(summary.rstrip("."))}', '.SH SYNOPSIS']


def man_exits(exits):
    out = ['.SH EXIT STATUS', '.TP', '0', 'done', '.TP', '2', 'the command line is not understood (args.usage)']
    by_code = {}
    for row in exits:
        by_code.setdefault(row['exit'], []).append(row['class'])
    for code, classes in sorted(by_code.items()):
        out += ['.TP', str(code), roff('; '.join(classes))]
    return out


def man_page(command, about, see):
    operands = f' \\fI{roff(command["operands"])}\\fR' if command['operands'] else ''
    out = man_head(command['name'], command['summary'], about['version'])
    out += [f'\\fB{roff(command["name"])}\\fR [\\fIOPTIONS\\fR]{operands}', '.SH OPTIONS']
    for option in [*command['options'], HELP]:
        out += man_option(option)
    out += man_exits(about['exits'])
    if command['example']:
        out += ['.SH EXAMPLE', '.nf', roff(command['example']), '.fi']
    return '\n'.join(out + ['.SH SEE ALSO', ', '.join(f'\\fB{roff(name)}\\fR(1)' for name in see)]) + '\n'


def man_overview(about):
    out = man_head('dstack', 'run compose apps in confidential VMs, and verify them', about['version'])
    out += ['\\fBdstack\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]', '.SH COMMANDS']
    for command in about['commands']:
        out += ['.TP', f'\\fB{roff(command["name"].replace(" ", "-"))}\\fR(1)', roff(command['summary'])]
    out += man_exits(about['exits'])
    out += ['.SH ENVIRONMENT', '.TP', '\\fBDSTACK_STATE\\fR', 'the state directory', '.TP',
            '\\fBDSTACK_IMAGES\\fR', 'the directory of guest images']
    return '\n'.join(out) + '\n'


def man_pages(about):
    cli = about['dstack']
    pages = {'docs/man/dstack.1': man_overview(cli)}
    for command in cli['commands']:
        pages[f'docs/man/{command["name"].replace(" ", "-")}.1'] = man_page(command, cli, ['dstack'])
    for program, (_, by_hand) in PROGRAMS.items():
        if by_hand and program != 'dstack':
            pages[f'docs/man/{program}.1'] = man_page(about[program]['commands'][0], about[program], ['dstack'])
    return pages


def pages_of(build):
    """{path: text} of everything that is generated."""
    about = {program: ask(build, program, '--describe') for program in PROGRAMS}
    services = [service for each in about.values() for service in each['services']]
    channel = [s for s in services if all(m['who'] == 'channel' for m in s['methods'])]
    pages = {'docs/errors.md': errors_page(ask(build, 'dstack', 'explain', '--json')),
             'docs/channels.md': channels_page(channel)}
    policy = ask(build, 'dstack', 'policy', 'schema')
    pages['docs/policy.md'] = policy_page(policy)
    pages['docs/policy.schema.json'] = json.dumps(policy, indent=1) + '\n'
    for service in services:
        if service not in channel:
            text = json.dumps(docs_openapi.document(service, about['dstack']['version']), indent=1) + '\n'
            pages[f'docs/openapi/{service["service"]}.json'] = text
    for program, each in about.items():
        if each['config']:
            pages[f'docs/config/{program}.md'] = config_page(program, each['config'])
    pages.update(man_pages(about))
    pages.update(docs_completion.files(about['dstack']['commands']))
    return pages


def committed():
    for directory in DIRECTORIES:
        for name in os.listdir(directory) if os.path.isdir(directory) else []:
            yield f'{directory}/{name}'


def read(path):
    if not os.path.exists(path):
        return ''
    with open(path, encoding='utf-8') as file:
        return file.read()


def unknown_codes(pages):
    """Codes that pages written by hand name and the table has not; `attest.tdx.*` names some."""
    known = re.findall(r'^### (.*)$', pages['docs/errors.md'], re.M)
    groups = {code.split('.')[0] for code in known}
    for path in HAND_WRITTEN:
        for name in re.findall(r'`([a-z0-9]+(?:\.[a-z0-9_*]+)+)`', read(path)):
            pattern = re.escape(name).replace(r'\*', '.*')
            if name.split('.')[0] in groups and not any(re.fullmatch(pattern, code) for code in known):
                yield f'{path}: there is no code {name}'


def compose_keys():
    """Keys of x-dstack that the page has no row for, and rows without a key."""
    source = read('src/cli/compose.c')
    known = set(re.findall(r'"(\w+)"', re.search(r'passed_keys\[\] = \{(.*?)\};', source, re.S).group(1)))
    known |= {'images', 'registries'}
    rows = read('docs/compose.md').split('## Keys of')[1]
    shown = {key for cell in re.findall(r'^\| (`.*?) \|', rows, re.M) for key in re.findall(r'`(\w+)`', cell)}
    for key in sorted(known ^ shown):
        yield f'docs/compose.md: {key} {"has no row" if key in known else "is no key of x-dstack"}'


def check(pages):
    faults = [f'{path}: nothing makes it any more' for path in committed() if path not in pages]
    faults += [*unknown_codes(pages), *compose_keys()]
    for path, text in pages.items():
        old = read(path)
        if old != text:
            diff = difflib.unified_diff(old.splitlines(), text.splitlines(), path, 'made now', lineterm='', n=0)
            faults.append('\n'.join([f'{path} is not what the programs say:', *list(diff)[2:12]]))
        if path.startswith('docs/openapi/'):
            faults += [f'{path}: {fault}' for fault in docs_openapi.faults(json.loads(text))]
    print('\n'.join([*faults, f'to renew the pages: {RENEW}'] if faults else [f'{len(pages)} pages']))
    return 1 if faults else 0


def write(pages):
    for path in committed():
        if path not in pages:
            os.remove(path)
    for path, text in pages.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if read(path) != text:
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('build')
    parser.add_argument('--check', action='store_true')
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    os.chdir(TOP)
    pages = pages_of(build)
    if args.check:
        return check(pages)
    write(pages)
    return 0


if __name__ == '__main__':
    sys.exit(main())
