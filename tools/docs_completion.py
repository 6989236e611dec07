# SPDX-License-Identifier: Apache-2.0
"""Completion for bash, zsh and fish from the table of commands.

What an option or operand takes is told by the word that help calls it: FILE is a file; CODE, NAME and
IMAGE are what `dstack --words` prints; words in small letters stand for themselves.
"""
import re

HEAD = '# Made by tools/docs.py from the table of commands.'
ASKED = ('CODE', 'NAME', 'IMAGE')


def parts(operands):
    """(words that stand for themselves, kinds) of an operand text: "ls | measure IMAGE"."""
    found = re.findall(r'[A-Za-z][A-Za-z-]*', operands or '')
    return [word for word in found if word.islower()], [word for word in found if word.isupper()]


def verb(command):
    return command['name'].split()[-1]


def flags_of(command):
    options = [*command['options'], {'name': 'help', 'letter': 'h', 'kind': 'flag', 'help': 'print a short text'}]
    return [f'--{o["name"]}' for o in options] + [f'-{o["letter"]}' for o in options if o['letter']]


def bash_values(command):
    """Case arms: what follows an option that takes a value."""
    for o in command['options']:
        if o['kind'] != 'flag':
            names = [f'--{o["name"]}', *([f'-{o["letter"]}'] if o['letter'] else [])]
            patterns = '|'.join(f'{verb(command)}:{name}' for name in names)
            # The name of a new VM is the person's to choose.
            kind = o['value'] if o['value'] in ('FILE', *ASKED) and o['name'] != 'name' else 'ANY'
            yield f'    {patterns}) _dstack_kind {kind} ;;'


def bash_file(commands):
    verbs = ' '.join(verb(c) for c in commands)
    arms = '\n'.join(line for c in commands for line in bash_values(c))
    rows = []
    for c in commands:
        words, kinds = parts(c['operands'])
        rows.append(f'    {verb(c)})\n        _dstack_words {" ".join(flags_of(c) + words)}\n'
                    f'        [[ $cur == -* ]] || _dstack_kind {" ".join(kinds)}\n        ;;')
    return f'''{HEAD}
# shellcheck shell=bash
# Use it by: source dstack.bash

# What begins as the word that is typed, a line each. Names come from a VMM, and are text and no program:
# compgen -W would run a "$(...)" in one, so they are compared and quoted here.
_dstack_offer() {{
    local word quoted
    while IFS= read -r word; do
        printf -v quoted %q "$word"
        [[ $word == "$cur"* || $quoted == "$cur"* ]] && COMPREPLY+=("$quoted")
    done
}}

_dstack_words() {{
    _dstack_offer < <(printf '%s\n' "$@")
}}

# What words of a kind there are; FILE is left to the shell.
_dstack_kind() {{
    local kind
    for kind in "$@"; do
        case $kind in
        FILE) compopt -o default 2>/dev/null || : ;;
        {'|'.join(ASKED)}) _dstack_offer < <("${{COMP_WORDS[0]}}" --words "$kind" 2>/dev/null) ;;
        esac
    done
}}

_dstack() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} verb=${{COMP_WORDS[1]}}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _dstack_words {verbs} --help --version
        return
    fi
    # --file=x comes as three words.
    [[ $cur == = ]] && cur=
    [[ $prev == = ]] && prev=${{COMP_WORDS[COMP_CWORD - 2]}}
    case $verb:$prev in
{arms}
    *) _dstack_command ;;
    esac
}}

_dstack_command() {{
    case $verb in
{chr(10).join(rows)}
    esac
}}

complete -F _dstack dstack
'''


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_action(kind):
    return {'FILE': '_files', **{asked: f'_dstack_asked {asked}' for asked in ASKED}}.get(kind, '')


def zsh_escape(text):
    return re.sub(r'([\[\]:\\])', r'\\\1', text)


def zsh_options(command):
    for o in command['options']:
        value = ''
        if o['kind'] != 'flag':
            action = '' if o['name'] == 'name' else zsh_action(o['value'])
            value = f':{zsh_escape(o["value"])}:{action}'
        again = '*' if o['kind'] == 'list' else ''
        names = [f'--{o["name"]}', *([f'-{o["letter"]}'] if o['letter'] else [])]
        for name in names:
            yield quoted(f'{again}{name}[{zsh_escape(o["help"])}]{value}')
    yield quoted('(- *)--help[print a short text]')


def zsh_operand(command):
    words, kinds = parts(command['operands'])
    actions = [zsh_action(kind) for kind in kinds]
    if words:
        actions.insert(0, f'compadd {" ".join(words)}')
    if not actions:
        return []
    body = '; '.join(action for action in actions if action)
    return [quoted(f'*:{zsh_escape(command["operands"])}:{{{body}}}')]


def zsh_file(commands):
    verbs = '\n'.join(f'        {quoted(verb(c) + ":" + c["summary"])}' for c in commands)
    arms = '\n'.join(f'    {verb(c)})\n        _arguments \\\n            ' +
                     ' \\\n            '.join([*zsh_options(c), *zsh_operand(c)]) + '\n        ;;' for c in commands)
    return f'''#compdef dstack
{HEAD}

_dstack_asked() {{
    local -a found
    found=(${{(f)"$($dstack_program --words $1 2>/dev/null)"}})
    compadd -a found
}}

_dstack() {{
    local -a verbs
    local dstack_program=$words[1]
    verbs=(
{verbs}
    )
    if (( CURRENT == 2 )); then
        _describe command verbs
        return
    fi
    shift words
    (( CURRENT-- ))
    case $words[1] in
{arms}
    esac
}}

_dstack "$@"
'''


def fish_kind(kind):
    return {'FILE': ' -F', **{asked: f" -a '(dstack --words {asked} 2>/dev/null)'" for asked in ASKED}}.get(kind, '')


def fish_command(command):
    here = f"-n '__fish_seen_subcommand_from {verb(command)}'"
    for o in command['options']:
        letter = f' -s {o["letter"]}' if o['letter'] else ''
        value = ''
        if o['kind'] != 'flag':
            value = ' -r' + ('' if o['name'] == 'name' else fish_kind(o['value']))
        yield f'complete -c dstack {here} -l {o["name"]}{letter}{value} -d {quoted(o["help"])}'
    words, kinds = parts(command['operands'])
    if words:
        yield f"complete -c dstack {here} -a '{' '.join(words)}'"
    for kind in kinds:
        if fish_kind(kind):
            yield f'complete -c dstack {here}{fish_kind(kind)}'


def fish_file(commands):
    out = [HEAD, 'complete -c dstack -f']
    for c in commands:
        out.append(f'complete -c dstack -n __fish_use_subcommand -a {verb(c)} -d {quoted(c["summary"])}')
    for c in commands:
        out += fish_command(c)
    return '\n'.join(out) + '\n'


def files(commands):
    return {'packaging/completion/dstack.bash': bash_file(commands),
            'packaging/completion/_dstack': zsh_file(commands),
            'packaging/completion/dstack.fish': fish_file(commands)}
