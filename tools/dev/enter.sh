# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Inside a fresh mount namespace: makes ROOT the root, and runs the command in it.
#
# usage: sh enter.sh ROOT CWD PATH CACHE DIR... -- CMD...
#
# Each DIR is seen at its own place; /proc, /sys, /dev, the resolver's configuration and the trusted
# certificates are the system's. The root itself is read-only, since all checkouts share it; apt keeps
# its lists (for the guest image's packages) in CACHE.
set -eu

root=$1 cwd=$2 path=$3 cache=$4
shift 4

# A directory with locked mounts below it can only be bound with them (in a user namespace).
bind() { mount --bind "$1" "$2" 2>/dev/null || mount --rbind "$1" "$2"; }

bind_file() {
    [ ! -f "$1" ] || [ ! -f ".$1" ] || mount --bind "$(readlink -f "$1")" ".$1"
}

mount --bind "$root" "$root"
cd "$root"
for dir in proc sys dev; do
    mount --rbind "/$dir" "$dir"
done
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/lock
while [ "$1" != -- ]; do
    mkdir -p ".$1"
    bind "$1" ".$1"
    shift
done
shift
mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
mount --bind "$cache/apt/lists" var/lib/apt/lists
mount --bind "$cache/apt" var/cache/apt
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
    bind_file "$file"
done
# In a user namespace the flags of the outer mount must stay as they are; which ones it has is found
# by trying. A root that stays writable is no harm, only less protected from mistakes.
for flags in ro ro,nosuid,nodev ro,nosuid,nodev,noatime; do
    mount -o "remount,bind,$flags" "$root" 2>/dev/null && break
done

pivot_root . .
umount -l .
cd "$cwd"
export PATH="$path"
exec "$@"
