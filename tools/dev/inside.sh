# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The commands of ./dev that run inside the tool root.
#
# usage: bash inside.sh up|test|build|image|fuzz|proofs|soak|bench|lock [ARGUMENTS]
set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$TOP/tools/dev/lib.sh"
. "$TOP/tools/dev/build.sh"
set_places

cmd_build() {
    case ${1:-} in
    '') build_tree gcc ;;
    --check) build_check ;;
    *) die "build knows --check, not '$1'" ;;
    esac
}

# build-one gcc|clang|san: for tools/dev/test.py
cmd_build-one() { build_tree "$1"; }

cmd_test() {
    exec python3 "$TOP/tools/dev/test.py" "$@"
}

cmd_fuzz() {
    exec python3 "$TOP/tools/dev/fuzz.py" "$@"
}

cmd_proofs() {
    exec python3 "$TOP/tools/dev/proofs.py" "$@"
}

cmd_soak() {
    build_tree gcc
    make_image
    build_tree san
    exec python3 "$TOP/tools/dev/soak.py" "$@"
}

# make_image [--check]
make_image() {
    mkdir -p "$DSTACK_IMAGES"
    "$TOP/tools/image/build" --bins "$TOP/build" --out "$DSTACK_IMAGES" --cache "$DSTACK_CACHE/image" "$@"
}

cmd_image() {
    build_tree gcc
    make_image "$@"
}

# bench [ROOM [OPTIONS]]
cmd_bench() {
    local room
    [ $# -eq 0 ] || [ -x "$TOP/bench/$1/bench" ] ||
        die "there is no bench '$1'; there are: $(cd "$TOP/bench" && dirname -- */bench | tr '\n' ' ')"
    build_tree gcc
    make_image >&2
    if [ $# -gt 0 ]; then
        "$TOP/bench/$1/bench" "${@:2}"
        return
    fi
    for room in "$TOP"/bench/*/bench; do
        "$room"
    done
}

cmd_up() {
    build_tree gcc
    make_image
    "$TOP/examples/hello/make-image" "$TOP/examples/hello/image"
    # It ends by verifying what runs, as `dstack verify hello --allow-simulated` does at any time.
    dstack up -f "$TOP/examples/hello/docker-compose.yaml" --name hello --allow-simulated "$@"
}

# lock PACKAGES: packages.lock from a tool root's list and the guest's resolution.
cmd_lock() {
    local new=$TOP/packages.lock.new
    timed 'apt-get update' apt-get -q update
    {
        grep '^#' "$TOP/packages.lock" 2>/dev/null || true
        {
            sed 's/^/toolroot /' "$1"
            "$TOP/tools/image/packages" --resolve
        } | LC_ALL=C sort
    } >"$new"
    mv "$new" "$TOP/packages.lock"
}

cd "$TOP"
command=$1
shift
"cmd_$command" "$@"
