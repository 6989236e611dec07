# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# mmdebstrap's customize hook: lists what was installed, with the SHA-256 that the signed index
# gives each archive, in ROOT/etc/dstack-packages: NAME VERSION ARCH SHA256, sorted.
#
# usage: sh toolroot-finish.sh ROOT
set -eu

root=$1
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"

# The $(...) and ${...} are apt's and dpkg's own.
# shellcheck disable=SC2016
apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages' |
    xargs /usr/lib/apt/apt-helper cat-file |
    awk -F ': ' '
        $1 == "Package" { name = $2 }
        $1 == "Version" { version = $2 }
        $1 == "Architecture" { arch = $2 }
        $1 == "SHA256" { print name, version, arch, $2 }' |
    LC_ALL=C sort -u >"$root/etc/dstack-index"

# shellcheck disable=SC2016
dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package} ${Version} ${Architecture}\n' |
    awk 'NR == FNR { hash[$1 " " $2 " " $3] = $4; next }
         !($0 in hash) { print "no index lists " $0 > "/dev/stderr"; exit 1 }
         { print $0, hash[$0] }' "$root/etc/dstack-index" - |
    LC_ALL=C sort >"$root/etc/dstack-packages"
rm "$root/etc/dstack-index"

# Both are bound from the system at entry, which needs something to bind over.
for file in resolv.conf hosts; do
    rm -f "$root/etc/$file"
    : >"$root/etc/$file"
done
