# Made by tools/docs.py from the table of commands.
# shellcheck shell=bash
# Use it by: source dstack.bash

# What begins as the word that is typed, a line each. Names come from a VMM, and are text and no program:
# compgen -W would run a "$(...)" in one, so they are compared and quoted here.
_dstack_offer() {
    local word quoted
    while IFS= read -r word; do
        printf -v quoted %q "$word"
        [[ $word == "$cur"* || $quoted == "$cur"* ]] && COMPREPLY+=("$quoted")
    done
}

_dstack_words() {
    _dstack_offer < <(printf '%s
' "$@")
}

# What words of a kind there are; FILE is left to the shell.
_dstack_kind() {
    local kind
    for kind in "$@"; do
        case $kind in
        FILE) compopt -o default 2>/dev/null || : ;;
        CODE|NAME|IMAGE) _dstack_offer < <("${COMP_WORDS[0]}" --words "$kind" 2>/dev/null) ;;
        esac
    done
}

_dstack() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _dstack_words up down ps logs verify doctor explain image collateral policy --help --version
        return
    fi
    # --file=x comes as three words.
    [[ $cur == = ]] && cur=
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
    case $verb:$prev in
    up:--file|up:-f) _dstack_kind FILE ;;
    up:--name|up:-n) _dstack_kind ANY ;;
    up:--image) _dstack_kind IMAGE ;;
    up:--vcpu) _dstack_kind ANY ;;
    up:--memory|up:-m) _dstack_kind ANY ;;
    up:--disk) _dstack_kind ANY ;;
    up:--publish|up:-p) _dstack_kind ANY ;;
    up:--registry) _dstack_kind ANY ;;
    up:--timeout) _dstack_kind ANY ;;
    logs:--container) _dstack_kind ANY ;;
    logs:--lines|logs:-n) _dstack_kind ANY ;;
    verify:--policy) _dstack_kind FILE ;;
    verify:--collateral) _dstack_kind FILE ;;
    verify:--anchor) _dstack_kind FILE ;;
    verify:--simulated-anchor) _dstack_kind FILE ;;
    verify:--at) _dstack_kind ANY ;;
    image:--vcpu) _dstack_kind ANY ;;
    image:--memory|image:-m) _dstack_kind ANY ;;
    image:--nics) _dstack_kind ANY ;;
    image:--volumes) _dstack_kind ANY ;;
    collateral:--quote|collateral:-q) _dstack_kind FILE ;;
    collateral:--fmspc) _dstack_kind ANY ;;
    collateral:--tee) _dstack_kind ANY ;;
    collateral:--ca) _dstack_kind ANY ;;
    collateral:--tcb-evaluation) _dstack_kind ANY ;;
    collateral:--product) _dstack_kind NAME ;;
    collateral:--vlek) _dstack_kind FILE ;;
    collateral:--pccs) _dstack_kind ANY ;;
    collateral:--kds) _dstack_kind ANY ;;
    collateral:--cacert) _dstack_kind FILE ;;
    collateral:--timeout) _dstack_kind ANY ;;
    collateral:--out|collateral:-o) _dstack_kind FILE ;;
    collateral:--key) _dstack_kind FILE ;;
    collateral:--signer) _dstack_kind ANY ;;
    collateral:--warn-days) _dstack_kind ANY ;;
    collateral:--at) _dstack_kind ANY ;;
    collateral:--anchor) _dstack_kind FILE ;;
    collateral:--simulated-anchor) _dstack_kind FILE ;;
    *) _dstack_command ;;
    esac
}

_dstack_command() {
    case $verb in
    up)
        _dstack_words --file --name --image --vcpu --memory --disk --publish --registry --allow-simulated --timings --timeout --no-verify --json --help -f -n -m -p -h
        [[ $cur == -* ]] || _dstack_kind 
        ;;
    down)
        _dstack_words --remove --force --json --help -h
        [[ $cur == -* ]] || _dstack_kind NAME
        ;;
    ps)
        _dstack_words --json --help -h
        [[ $cur == -* ]] || _dstack_kind 
        ;;
    logs)
        _dstack_words --follow --containers --container --lines --json --help -f -c -n -h
        [[ $cur == -* ]] || _dstack_kind NAME
        ;;
    verify)
        _dstack_words --allow-simulated --any-app --policy --collateral --anchor --simulated-anchor --at --json --help -h
        [[ $cur == -* ]] || _dstack_kind NAME FILE
        ;;
    doctor)
        _dstack_words --json --help -h
        [[ $cur == -* ]] || _dstack_kind 
        ;;
    explain)
        _dstack_words --json --help -h
        [[ $cur == -* ]] || _dstack_kind CODE
        ;;
    image)
        _dstack_words --vcpu --memory --nics --volumes --json --help -m -h ls measure
        [[ $cur == -* ]] || _dstack_kind IMAGE
        ;;
    collateral)
        _dstack_words --quote --fmspc --tee --ca --early --tcb-evaluation --product --vlek --pccs --kds --cacert --timeout --refresh --offline --out --key --signer --warn-days --at --anchor --simulated-anchor --json --help -q -o -h fetch bundle verify
        [[ $cur == -* ]] || _dstack_kind FILE FILE
        ;;
    policy)
        _dstack_words --json --help -h check schema
        [[ $cur == -* ]] || _dstack_kind FILE
        ;;
    esac
}

complete -F _dstack dstack
