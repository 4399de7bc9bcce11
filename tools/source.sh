#!/bin/bash
# Find or fetch a pristine kernel source tree of the series we have patches for,
# and print its folder as the last line. In this order:
#
#   KSRC=/path    the user's own tree, used as it is and never written to
#   the cache     what an earlier run has unpacked
#   kernel.org    the release named in patches/<series>/BASE, sha256 checked
#   Debian        the package linux-source-<series>, installed or fetched by apt
#
# Usage: tools/source.sh [kernel.org|debian]
#   only from there; fails if it cannot be had
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

SRC_MIB=2200			# an unpacked tree and its tarball
DEB=linux-source-$KSERIES

base() { awk -v key="$1" '$1 == key { print $2 }' "$PATCHES/BASE"; }

users_tree() {
	need_kernel "$KSRC" "KSRC"
	! is_patched "$KSRC" || die "KSRC carries mm/tmem already: $KSRC" \
		"give a pristine linux-$KSERIES.y"
	if [ -e "$KSRC/.config" ] || [ -e "$KSRC/include/config" ]; then
		die "KSRC has been built in, kbuild would refuse it: $KSRC" \
			"run: make -C $KSRC mrproper (it deletes .config, keep a copy)"
	fi
	(cd "$KSRC" && pwd)
}

# cached [ORIGIN]: the release of BASE if it is there, else the newest. Trees in
# the cache are whole by construction: renamed into place when done.
cached() {
	local origin
	find "$TMEM_CACHE/src" -maxdepth 1 -name "linux-$KSERIES.*.origin" | sort -V |
		while read -r origin; do
			[ $# -eq 0 ] || [ "$(cat "$origin")" = "$1" ] || continue
			[ ! -d "${origin%.origin}" ] || echo "${origin%.origin}"
		done | awk -v base="linux-$(base tag | tr -d v)" '
			$0 ~ base "$" { best = $0 } { newest = $0 }
			END { print best ? best : newest }'
}

# unpack TARBALL ORIGIN: into the cache under its version, all or nothing.
unpack() {
	local tmp=$TMEM_CACHE/src/unpack.tmp dir
	need_space "$TMEM_CACHE" "$SRC_MIB" "unpacking the kernel source"
	say "unpacking $(basename "$1" .tmp) (about half a minute)"
	rm -rf "$tmp"
	mkdir -p "$tmp"
	tar -xf "$1" -C "$tmp" --strip-components=1 ||
		die "$1 could not be unpacked" "remove it and run this again"
	need_kernel "$tmp" "$1"
	dir=$TMEM_CACHE/src/linux-$(kernel_version "$tmp")
	rm -rf "$dir" "$dir.origin"
	mv "$tmp" "$dir" || die "$dir could not be made" "look at $TMEM_CACHE/src"
	echo "$2" >"$dir.origin"
	echo "$dir"
}

fetch() {
	local url=$1 to=$2
	if command -v curl >/dev/null; then
		curl -fL --connect-timeout 10 --retry 1 --speed-limit 1000 \
			--speed-time 60 --no-progress-meter -o "$to" "$url"
	else
		wget --timeout=10 --tries=2 --no-verbose -O "$to" "$url"
	fi </dev/null >&2
}

from_kernel_org() {
	local tarball sum part
	tarball=$(base tarball)
	sum=$(base sha256)
	if [ -z "$tarball" ] || [ -z "$sum" ]; then
		say "no release of kernel.org is pinned in $PATCHES/BASE"
		return 1
	fi
	part=$TMEM_CACHE/src/$tarball.tmp
	need_space "$TMEM_CACHE" "$SRC_MIB" "the kernel source"
	say "fetching $tarball from kernel.org (about 145 MB)"
	if ! fetch "https://cdn.kernel.org/pub/linux/kernel/v6.x/$tarball" "$part"; then
		say "kernel.org cannot be reached from here"
		rm -f "$part"
		return 1
	fi
	if ! echo "$sum  $part" | sha256sum --check --status; then
		warn "$tarball is not what BASE pins (sha256 differs); not used"
		rm -f "$part"
		return 1
	fi
	unpack "$part" kernel.org
	rm -f "$part"
}

# The package needs not be installed, and fetching it needs no root.
fetch_deb() {
	local dir=$TMEM_CACHE/src/deb.tmp
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
	rm -rf "$dir"
	mkdir -p "$dir/root"
	say "fetching Debian's package $DEB by apt (about 150 MB)"
	(cd "$dir" && apt-get -q download "$DEB" </dev/null >&2) || {
		[ "$(id -u)" -eq 0 ] && apt-get -q update </dev/null >&2 &&
			(cd "$dir" && apt-get -q download "$DEB" </dev/null >&2)
	} || return 1
	dpkg-deb -x "$dir/$DEB"_*.deb "$dir/root" || return 1
	unpack "$dir/root/usr/src/$DEB.tar.xz" debian
	rm -rf "$dir"
}

from_debian() {
	if [ -r "/usr/src/$DEB.tar.xz" ]; then
		unpack "/usr/src/$DEB.tar.xz" debian
	else
		fetch_deb || { say "Debian's package $DEB cannot be fetched"; return 1; }
	fi
}

main() {
	local dir
	if [ $# -eq 0 ] && [ -n "${KSRC:-}" ]; then
		users_tree
		return
	fi
	lock source
	mkdir -p "$TMEM_CACHE/src"
	dir=$(cached "$@")
	if [ -n "$dir" ]; then
		echo "$dir"
		return
	fi
	need_tool tar xz sha256sum
	case ${1:-} in
	kernel.org) from_kernel_org ;;
	debian) from_debian ;;
	*) from_kernel_org || from_debian ||
		die "no kernel source could be had" \
			"unpack a linux-$KSERIES.y anywhere and give KSRC=/path/to/it" ;;
	esac
}

main "$@"
