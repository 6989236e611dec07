# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The tool root: a Debian 13 tree in the user's cache directory, made by mmdebstrap from
# tools/toolroot.packages as packages.lock pins it, and entered by pivot_root in a mount namespace
# of its own (from a plain chroot nobody can make user namespaces, which passt and mmdebstrap need).
#
# A tool root is named by the hash of what it was made from, made in a directory beside and renamed
# when it is whole, so that a crash leaves nothing half-made under its name.

readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly HOST_PACKAGES='mmdebstrap debian-archive-keyring util-linux mount uidmap'
# A tool root takes 1.9 GB, and its making as much again for archives and lists.
readonly TOOLROOT_MIB=4500

lock_rows() { # SET
    grep "^$1 " "$TOP/packages.lock" 2>/dev/null || true
}

toolroot_dir() {
    local id
    id=$({ cat "$TOP/tools/toolroot.packages" "$TOP/tools/toolroot.pins" && lock_rows toolroot; } |
        sha256sum | cut -c1-12)
    printf '%s/toolroot-%s' "$DSTACK_CACHE" "$id"
}

# What this machine lacks to make and enter a tool root, as a list for people.
missing_here() {
    local name missing=
    local -a names=(mmdebstrap unshare mount pivot_root flock)
    as_root || names+=(newuidmap)
    for name in "${names[@]}"; do
        command -v "$name" >/dev/null || missing+=", $name"
    done
    keyring_is_new || missing+=", the archive keys of Debian 13"
    printf '%s' "${missing#, }"
}

# Whether the keyring knows Debian 13's keys: the per-release file came with them.
keyring_is_new() {
    [ -e "$KEYRING" ] && compgen -G '/usr/share/keyrings/debian-archive-trixie-automatic.*' >/dev/null
}

need_host_tools() {
    local missing
    missing=$(missing_here)
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null ||
        die "missing here: $missing. ./dev installs them by apt, which this system does not have: use Debian 12 or 13, or a container of one."
    as_root ||
        die "missing here: $missing. An administrator must run once: apt-get install -y $HOST_PACKAGES"
    say "missing here: $missing; installing $HOST_PACKAGES"
    # shellcheck disable=SC2086
    if ! timed 'apt-get update' apt-get -q update ||
        ! timed 'apt-get install' env DEBIAN_FRONTEND=noninteractive \
            apt-get -qy install --no-install-recommends $HOST_PACKAGES; then
        die "apt could not install $HOST_PACKAGES; the lines above say why."
    fi
    missing=$(missing_here)
    [ -z "$missing" ] ||
        die "apt installed $HOST_PACKAGES, yet this is still missing: $missing. This system is too old: use Debian 12 or 13, up to date."
}

# The flags by which this user makes a namespace in which it is root.
namespace_flags() {
    if as_root; then
        printf '%s\n' --mount --propagation private
    else
        printf '%s\n' --user --map-auto --map-root-user --mount --propagation private
    fi
}

need_namespaces() {
    local -a flags
    mapfile -t flags < <(namespace_flags)
    unshare "${flags[@]}" true 2>/dev/null && return 0
    if as_root; then
        die 'this root may not make mount namespaces, as in a container without CAP_SYS_ADMIN. Run ./dev outside of it, or start the container with --privileged.'
    elif ! grep -q "^$(id -un):" /etc/subuid 2>/dev/null; then
        die "this user has no subordinate ids. An administrator must run once: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
    fi
    die 'this user may not make user namespaces. An administrator must run once: sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0'
}

# The mirrors that the system's own apt configuration names, as sources for Debian 13. Nothing, when
# it names no Debian mirror: mmdebstrap then has its default.
toolroot_sources() {
    # The $(...) are apt's own.
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -v sign="[signed-by=$KEYRING]" '
            $1 ~ /^(bookworm|trixie|forky|sid|stable|oldstable|testing|unstable)$/ { main = $2 }
            $1 ~ /-security$/ || $1 ~ /-security\/updates$/ { security = $2 }
            END {
                if (main == "") exit
                print "deb", sign, main, "trixie main"
                print "deb", sign, main, "trixie-updates main"
                print "deb", sign, main, "trixie-backports main"
                if (security != "") print "deb", sign, security, "trixie-security main"
            }'
}

# How the system's apt reaches the network, handed on to mmdebstrap's.
apt_network_options() {
    apt-config dump 2>/dev/null |
        grep -E '^Acquire::((http|https|ftp)::[A-Za-z:.-]*|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date) "' || true
}

# make_root DIR PREFERENCES LOG: mmdebstrap itself, in a mount namespace of its own, so that nothing
# it mounts outlives it. Tells its stages as they come.
make_root() {
    local dir=$1 preferences=$2 log=$3 include sources line
    local -a flags args
    # The $1 and the names in the hooks are for mmdebstrap's shell.
    # shellcheck disable=SC2016
    include=$(grep -v '^#' "$TOP/tools/toolroot.packages" | xargs | tr ' ' ',')
    mapfile -t flags < <(namespace_flags)
    args=(--mode=root --variant=apt --format=directory --include="$include" --dpkgopt=force-unsafe-io
        --setup-hook='cp "$DSTACK_PREFERENCES" "$1/etc/apt/preferences.d/dstack"'
        --customize-hook='sh "$TOP/tools/dev/toolroot-finish.sh" "$1"')
    while IFS= read -r line; do
        args+=(--aptopt="$line")
    done < <(apt_network_options)
    sources=$(toolroot_sources)
    if [ -n "$sources" ]; then
        args+=(trixie "$dir" -)
    else
        say "this system's apt names no Debian mirror: using mmdebstrap's default"
        # The default lacks backports: take them from the same mirror.
        args+=(--setup-hook='sed -n "s/ trixie main/ trixie-backports main/p" "$1"/etc/apt/sources.list >"$1/etc/apt/sources.list.d/backports.list"'
            --keyring="$KEYRING" trixie "$dir")
    fi
    DSTACK_PREFERENCES=$preferences unshare "${flags[@]}" mmdebstrap "${args[@]}" <<<"$sources" 2>&1 |
        tee "$log" | sed -un 's/^I: \(running apt-get update\|downloading\|extracting\|installing\|cleaning\)/\1/p' | stamp_lines
}

# compare_lock PACKAGES: what the new root has against the lock. "reproducible", or what differs.
# Fails where a locked version came with other bytes: no honest mirror does that.
compare_lock() {
    awk '
        locked { version[$2] = $3; hash[$2] = $5; next }
        !($1 in version) { print $1 ": not locked, got " $2; next }
        version[$1] != $2 { print $1 ": locked " version[$1] ", got " $2 }
        version[$1] == $2 && hash[$1] != $4 {
            print $1 " " $2 ": locked SHA-256 " hash[$1] ", got " $4
            bad = 1
        }
        { delete version[$1] }
        END {
            for (name in version) print name ": locked " version[name] ", not installed"
            exit bad
        }' locked=1 <(lock_rows toolroot) locked=0 "$1"
}

write_state() { # NEW-DIR
    local differences
    differences=$(compare_lock "$1/packages") || {
        printf '%s\n' "$differences" >&2
        die 'the mirror serves other bytes under a locked version (above). Do not trust it: ask its operator, or use another mirror.'
    }
    if [ -z "$differences" ]; then
        echo reproducible >"$1/state"
    else
        { echo 'not reproducible' && printf '%s\n' "$differences" | LC_ALL=C sort; } >"$1/state"
    fi
}

# toolroot_make DIR [unlocked]: makes the tool root DIR. `unlocked` takes what the mirror has now.
toolroot_make() {
    local dir=$1 new=$1.new start older
    start=$(now_ms)
    need_namespaces
    need_space "$DSTACK_CACHE" "$TOOLROOT_MIB" 'a tool root'
    remove_tree "$new"
    mkdir -p "$new"
    cp "$TOP/tools/toolroot.pins" "$new/preferences"
    if [ "${2:-}" != unlocked ]; then
        lock_rows toolroot |
            awk '{ printf "\nPackage: %s\nPin: version %s\nPin-Priority: 1001\n", $2, $3 }' >>"$new/preferences"
    fi
    say 'making the tool root (Debian 13 with compilers and QEMU: once, about 3 minutes, 1.9 GB)'
    if ! make_root "$new/root" "$new/preferences" "$new/log"; then
        grep -E '^(E|W|Err):?' "$new/log" | tail -n 12 >&2 || tail -n 12 "$new/log" >&2
        explain_failure "$new/log"
        die "the tool root could not be made; the whole log is $new/log"
    fi
    cp "$new/root/etc/dstack-packages" "$new/packages"
    if [ "${2:-}" = unlocked ]; then
        echo reproducible >"$new/state"
    else
        write_state "$new"
    fi
    sync -f "$new" # dpkg did not: a power cut must not leave a hollow tree under the final name
    mv -T "$new" "$dir"
    say "tool root made: $(seconds_since "$start") s"
    older=$(find "$DSTACK_CACHE" -maxdepth 1 -name 'toolroot-*' ! -path "$dir" | wc -l)
    [ "$older" -eq 0 ] ||
        say "$older tool roots of other versions of the list lie in $DSTACK_CACHE; ./dev clean --all removes all of them"
}

# Removes a tree that may belong to subordinate ids; never goes into a mounted file system.
remove_tree() {
    [ -e "$1" ] || return 0
    local -a flags
    mapfile -t flags < <(namespace_flags)
    unshare "${flags[@]}" rm -rf --one-file-system "$1"
}

# Makes the tool root if it is not there, one ./dev at a time, and says when it is not as locked.
need_toolroot() {
    local dir
    mkdir -p "$DSTACK_CACHE" "$DSTACK_STATE" 2>/dev/null ||
        die "cannot make the directories $DSTACK_CACHE and $DSTACK_STATE. Make them writable, or set XDG_CACHE_HOME and DSTACK_STATE to places that are."
    dir=$(toolroot_dir)
    if [ ! -d "$dir" ]; then
        need_host_tools
        exec {lock_fd}>"$DSTACK_CACHE/lock"
        flock -n "$lock_fd" || {
            say 'another ./dev is making a tool root; waiting for it'
            flock "$lock_fd"
        }
        [ -d "$dir" ] || toolroot_make "$dir"
        exec {lock_fd}>&-
    fi
    TOOLROOT=$dir
    [ "$(head -n 1 "$dir/state")" = reproducible ] || warn_unlocked "$dir/state"
}

warn_unlocked() { # STATE-FILE
    local n
    n=$(($(wc -l <"$1") - 1))
    say "WARNING: NOT REPRODUCIBLE: the tool root differs from packages.lock in $n packages (the mirror no longer has the locked ones, or the list grew):"
    sed -n '2,6p' "$1" | sed 's/^/dev:     /' >&2
    [ "$n" -le 5 ] || say "    … all of them: $1"
    say '    the signed current ones were used. ./dev lock renews the lock, for a commit.'
}

# The environment that goes in: an allow-list, so that what a person's shell sets for other projects
# (compiler flags, library paths) builds nothing here.
kept_environment() {
    local name
    for name in $(compgen -e); do
        case $name in
        HOME | TERM | CI | COLUMNS | DSTACK_* | GIT_CONFIG_* | XDG_*_HOME | npm_config_* | MESON_* | NINJA_STATUS | SOURCE_DATE_EPOCH | \
            http_proxy | https_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY)
            printf '%s=%s\0' "$name" "${!name}"
            ;;
        esac
    done
}

inner_path() {
    local dir path=
    for dir in "$TOP"/src/*/; do
        path+=$TOP/build/src/$(basename "$dir"):
    done
    printf '%s/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$path"
}

# Every directory that is the same inside and outside.
bound_dirs() {
    local common
    printf '%s\n' /tmp /var/tmp "$HOME" "$TOP" "$DSTACK_CACHE" "$DSTACK_STATE" "$PWD"
    common=$(git -C "$TOP" rev-parse --path-format=absolute --git-common-dir 2>/dev/null) &&
        printf '%s\n' "$common"
    [ ! -d "$TOP/../shared" ] || realpath "$TOP/../shared"
    [ -z "${DSTACK_VECTORS:-}" ] || printf '%s\n' "$DSTACK_VECTORS"
}

# toolroot_enter CMD...: CMD inside, at the same working directory. Does not return.
toolroot_enter() {
    local -a flags env dirs
    mapfile -t flags < <(namespace_flags)
    mapfile -d '' -t env < <(kept_environment)
    mapfile -t dirs < <(bound_dirs | awk '$0 != "/" && !seen[$0]++')
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "${env[@]}" \
        unshare "${flags[@]}" sh "$TOP/tools/dev/enter.sh" "$TOOLROOT/root" "$PWD" "$(inner_path)" \
        "$DSTACK_CACHE" "${dirs[@]}" -- "$@"
}
