# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every part of ./dev shares: how it talks, how it times, where things are.

# People read stderr; stdout stays for results that programs read.
say() { printf 'dev: %s\n' "$*" >&2; }

# die SENTENCE...: one clear sentence, with the fix in it.
die() {
    printf 'dev: error: %s\n' "$*" >&2
    exit 1
}

now_ms() { date +%s%3N; }

# seconds_since MS: "12.3"
seconds_since() {
    local ms=$(($(now_ms) - $1))
    printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# Passes its input on line by line, each with the seconds since the start.
stamp_lines() {
    local start=$SECONDS line
    while IFS= read -r line; do
        printf 'dev:   %4d s  %s\n' $((SECONDS - start)) "$line" >&2
    done
}

# show_failure LOG: the first faults of a build, the last lines of anything else.
show_failure() {
    if grep -q '^FAILED: ' "$1"; then
        sed -n '/^FAILED: /,$p' "$1" | grep -vE '^\[[0-9]+/[0-9]+\] |^(gcc|clang|cc) ' | head -n 80
    else
        tail -n 40 "$1"
    fi
}

# tick LABEL START-MS: every 20 s until it is killed, with its sleep, which would hold stderr open.
tick() {
    local sleeper
    trap 'kill "$sleeper" 2>/dev/null; exit' TERM
    while :; do
        sleep 20 &
        sleeper=$!
        wait "$sleeper"
        say "  … $1 ($(seconds_since "$2") s)"
    done
}

# timed LABEL CMD...: runs CMD with its output in a log that is shown when it fails. Says how long
# it took, and every 20 s that it is still at it.
timed() {
    local label=$1 start log ticker status=0
    shift
    start=$(now_ms)
    log=$(mktemp "${TMPDIR:-/tmp}/dev.XXXXXX")
    tick "$label" "$start" &
    ticker=$!
    "$@" >"$log" 2>&1 || status=$?
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        show_failure "$log" >&2
        explain_failure "$log"
        say "$label: failed after $(seconds_since "$start") s"
    else
        say "$label: $(seconds_since "$start") s"
    fi
    rm -f "$log"
    return "$status"
}

# explain_failure LOG: where a log shows one of the usual causes, the sentence that helps.
explain_failure() {
    if grep -q 'No space left on device' "$1"; then
        say 'the disk is full. Free some space (./dev clean --all gives back tool roots and caches), then run the same command again.'
    elif grep -qE 'Temporary failure resolving|Could not resolve|Network is unreachable|Could not connect|Connection timed out|Connection failed' "$1"; then
        say "the Debian mirror cannot be reached. Connect this machine to the network, or name your proxy in apt's configuration (Acquire::http::Proxy), then run the same command again."
    elif grep -qE 'NO_PUBKEY|Missing key|is not signed|Signing key .* not bound' "$1"; then
        say "the mirror's signature cannot be checked with this machine's keyring. An administrator must run: apt-get install --only-upgrade debian-archive-keyring"
    fi
}

# need_space DIR MIB WHAT: fails before work starts that cannot end well.
need_space() {
    local free
    free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
    [ "${free:-0}" -ge "$2" ] ||
        die "$3 needs $2 MB in $1, and only ${free:-0} MB are free. Free some space, or point XDG_CACHE_HOME at a larger disk, then run the same command again."
}

as_root() { [ "$(id -u)" -eq 0 ]; }

# The three places outside the checkout; exported, so that all parts and programs agree.
set_places() {
    export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
    # A clone may belong to someone else than the one who tests it (CI): git need not be cautious.
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
    export DSTACK_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/dstack
    if [ -z "${DSTACK_STATE:-}" ]; then
        if as_root; then
            DSTACK_STATE=/var/lib/dstack
        else
            DSTACK_STATE=${XDG_STATE_HOME:-$HOME/.local/state}/dstack
        fi
    fi
    export DSTACK_STATE
    export DSTACK_IMAGES=${DSTACK_IMAGES:-$DSTACK_STATE/images}
}
