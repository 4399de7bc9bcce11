#!/bin/bash
# Install what building and testing needs (Debian, Ubuntu), or name it.
#
# Usage: tools/deps.sh [--list]
#   --list	only print the Debian names of what is missing
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

# What must be there, and the Debian package that brings it. "x.h" is a header
# of the C compiler, "static:x" a program that must not need shared libraries
# (it runs in guests that have none).
NEEDS='
gcc			gcc
libc.a			libc6-dev
make			make
ld			binutils
flex			flex
bison			bison
bc			bc
perl			perl
python3			python3
patch			patch
xz			xz-utils
gelf.h			libelf-dev
openssl/opensslv.h	libssl-dev
openssl			openssl
git			git
curl			curl
ccache			ccache
sparse			sparse
shellcheck		shellcheck
qemu-system-x86_64	qemu-system-x86
static:busybox		busybox-static
mke2fs			e2fsprogs
mkfs.xfs		xfsprogs
mkfs.vfat		dosfstools
mkfs.exfat		exfatprogs
mkfs.btrfs		btrfs-progs
mkfs.f2fs		f2fs-tools
xorriso			xorriso
mksquashfs		squashfs-tools
mkfs.erofs		erofs-utils
gnuplot			gnuplot-nox
fio			fio
nbd-server		nbd-server
nbd-client		nbd-client
valgrind		valgrind
'

have() {
	case $1 in
	*.h) echo "#include <$1>" | gcc -E - >/dev/null 2>&1 ;;
	*.a) [ "$(gcc -print-file-name="$1" 2>/dev/null)" != "$1" ] ;;
	static:*) command -v "${1#static:}" >/dev/null &&
		! readelf -l "$(command -v "${1#static:}")" 2>/dev/null |
			grep -q INTERP ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# missing: sets WHAT and PACKAGES.
missing() {
	local what package
	WHAT=() PACKAGES=()
	while read -r what package; do
		[ -n "$what" ] || continue
		have "$what" || { WHAT+=("$what"); PACKAGES+=("$package"); }
	done <<<"$NEEDS"
}

# A lone libc.a or missing root certificate store fails late; so both come along.
apt_install() {
	export DEBIAN_FRONTEND=noninteractive
	need_cache
	run_logged "$TMEM_CACHE/deps.log" "apt-get update" apt-get -q update ||
		warn "apt-get update failed (no network?); trying with the old lists"
	run_logged "$TMEM_CACHE/deps.log" "apt-get install" \
		apt-get -q -y --no-install-recommends install ca-certificates "$@" ||
		die "apt could not install: $*" "see above; is there a network?"
}

main() {
	missing
	if [ "${1:-}" = --list ]; then
		echo "${PACKAGES[*]}"
		return
	fi
	if [ ${#WHAT[@]} -eq 0 ]; then
		say "everything that is needed is here"
		return
	fi
	say "missing: ${WHAT[*]}"
	command -v apt-get >/dev/null || die "this is not Debian or Ubuntu" \
		"install these (names as Debian has them): ${PACKAGES[*]}"
	if [ "$(id -u)" -ne 0 ]; then
		die "installing needs root" \
			"run: sudo apt-get install --no-install-recommends ${PACKAGES[*]}"
	fi
	say "installing: ${PACKAGES[*]}"
	apt_install "${PACKAGES[@]}"
	missing
	[ ${#WHAT[@]} -eq 0 ] || die "still missing: ${WHAT[*]}" "install them by hand"
	say "everything that is needed is here now"
}

main "$@"
