# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Building: three build directories, and the check that a build depends on nothing but its sources.
#
# build        gcc, optimised: what ./dev run, the image and the system tests use
# build-clang  clang, warnings as errors; what clang-tidy reads
# build-san    clang with address and undefined-behaviour sanitizers and the fault hooks: unit tests
# build-fuzz   the same with libFuzzer's coverage: ./dev fuzz, which builds only what it runs

build_options() { # KIND
    case $1 in
    gcc) printf '%s\n' -Dbuildtype=debugoptimized ;;
    clang) printf '%s\n' -Dbuildtype=debugoptimized ;;
    san) printf '%s\n' -Dbuildtype=debug -Doptimization=1 -Db_sanitize=address,undefined -Dfaults=true ;;
    fuzz) printf '%s\n' -Dbuildtype=debug -Doptimization=1 -Db_sanitize=address,undefined -Dfuzz=true ;;
    esac
}

build_dir() { # KIND
    [ "$1" = gcc ] && echo build || echo "build-$1"
}

build_compiler() { # KIND
    [ "$1" = gcc ] && echo gcc || echo clang
}

# Configures a build directory when it is new, when its options changed, or when the tree got a new
# meson.build (the top one asks which rooms there are, and ninja cannot know that).
setup_tree() { # KIND
    local dir wanted
    local -a options
    dir=$(build_dir "$1")
    mapfile -t options < <(build_options "$1")
    wanted=$(printf '%s\n' "${options[@]}" && find src tests guest fuzz -name meson.build 2>/dev/null | LC_ALL=C sort)
    if [ -f "$dir/build.ninja" ]; then
        [ "$wanted" != "$(cat "$dir/dev-setup" 2>/dev/null)" ] || return 0
        meson setup --reconfigure "$dir" "${options[@]}"
    else
        rm -rf "$dir"
        CC=$(build_compiler "$1") meson setup "$dir" "${options[@]}"
    fi
    printf '%s\n' "$wanted" >"$dir/dev-setup"
}

# build_tree KIND: configures where needed and builds in the checkout.
build_tree() {
    timed "build ($1)" build_tree_quiet "$1"
}

build_tree_quiet() { # KIND
    setup_tree "$1" && ninja -k 0 -C "$(build_dir "$1")"
}

# Builds the tree as it stands (tracked files and new ones, not ignored ones) somewhere else.
build_copy() { # DIR [WRAPPER...]
    mkdir -p "$1"
    git -C "$TOP" ls-files -z --cached --others --exclude-standard |
        tar -C "$TOP" --ignore-failed-read --null -T - -cf - | tar -C "$1" -xf -
    cd "$1" && shift
    CC=gcc "$@" meson setup build && "$@" ninja -C build
}

# Two builds that differ in path, locale, time zone, clock, umask and file times must give the same
# programs and libraries.
build_check() {
    local work
    work=$(mktemp -d /var/tmp/dstack-check.XXXXXX)
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    (
        export LC_ALL=C TZ=UTC0
        timed 'first build' build_copy "$work/a"
    )
    (
        umask 077
        export LC_ALL=C.UTF-8 TZ=XYZ-9:30
        timed 'second build, elsewhere' build_copy "$work/another place" faketime -f +400d
    )
    python3 "$TOP/tools/dev/compare_builds.py" "$work/a/build" "$work/another place/build"
}
