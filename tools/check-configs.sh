#!/bin/bash
# Gate: every combination of our options builds, and so do kernels without what
# most kernels have. Only our objects and those that the patches touch are
# compiled. The last line is "N passed, N failed, N skipped".
#
# Usage: tools/check-configs.sh [PATTERN]	only those whose name matches
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"

PASSED=0 FAILED=0 SKIPPED=0

# A fragment of yes and no: "A=y B=n" -> lines of a configuration.
lines() {
	local word
	for word; do
		case $word in
		*=n) echo "# CONFIG_${word%=n} is not set" ;;
		*) echo "CONFIG_$word" ;;
		esac
	done
}

# try NAME ARCH OPTION...: build folders are shared by architecture, so that
# only what an option changes is compiled anew.
try() {
	local name=$1 arch=$2 config=combo-$2 objects
	shift 2
	[[ $name =~ $PATTERN ]] || return 0
	{
		echo "# ARCH=$arch"
		lines "$@"
	} >"$TMEM_CONFIGS/$config.config"
	mapfile -t objects < <(objects "$@")
	if "$TOP/tools/kernel.sh" build "$config" "${objects[@]}" mm/tmem/ \
			>"$TMEM_CONFIGS/out" 2>&1; then
		PASSED=$((PASSED + 1))
		say "ok    $name ($(elapsed $SECONDS))"
	else
		FAILED=$((FAILED + 1))
		say "FAIL  $name"
		sed 's/^/      /' "$TMEM_CONFIGS/out" >&2
	fi
}

skip() {
	SKIPPED=$((SKIPPED + 1))
	say "skip  $1"
}

# The touched objects that exist with these options.
objects() {
	local object
	for object in "${OBJECTS[@]}"; do
		case " $* $object" in
		*" SWAP=n "*mm/swap*.o | *" SWAP=n "*mm/page_io.o) ;;
		*" PROC_FS=n "*fs/proc/*.o) ;;
		*) echo "$object" ;;
		esac
	done
}

OURS=(FRONTSWAP CLEANCACHE TMEM_DEBUG TMEM_KUNIT_TEST ZBUD_KUNIT_TEST
	FRONTSWAP_KUNIT_TEST CLEANCACHE_KUNIT_TEST ZCACHE_KUNIT_TEST)
PLAIN=(64BIT=y SMP=y BLOCK=y PROC_FS=y SYSFS=y SHMEM=y TMPFS=y SWAP=y CGROUPS=y
	MEMCG=y ZSWAP=y TRANSPARENT_HUGEPAGE=y LRU_GEN=y ZSMALLOC=y JUMP_LABEL=y KUNIT=y
	UNWINDER_FRAME_POINTER=y DEBUG_FS=y)

# possible OPTION=y|n...: what Kconfig can give. What is let through here and
# then does not survive is an error, so this cannot hide a mistake.
possible() {
	case $(printf ' %s ' "$@") in
	*" ZCACHE=n "*" FRONTSWAP=y "* | *" ZCACHE=n "*" CLEANCACHE=y "* | \
	*" ZCACHE=n "*" TMEM_DEBUG=y "* | *" ZCACHE=n "*" ZCACHE_KUNIT_TEST=y "* | \
	*" FRONTSWAP=n "*" FRONTSWAP_KUNIT_TEST=y "* | \
	*" CLEANCACHE=n "*" CLEANCACHE_KUNIT_TEST=y "*) return 1 ;;
	esac
}

combinations() {
	local n bit options option name yn=(n y)
	for ((n = 0; n < 1 << (${#OURS[@]} + 1); n++)); do
		name=
		options=()
		bit=0
		for option in ZCACHE "${OURS[@]}"; do
			options+=("$option=${yn[n >> bit & 1]}")
			bit=$((bit + 1))
		done
		possible "${options[@]}" || continue
		for option in "${options[@]}"; do
			[ "${option%=y}" = "$option" ] || name+=" ${option%=y}"
		done
		try "combination:${name:- none}" x86_64 "${PLAIN[@]}" "${options[@]}"
	done
}

# without OPTION...: everything else on.
without() {
	local option rest=()
	for option in "${PLAIN[@]}" ZCACHE=y "${OURS[@]/%/=y}"; do
		[[ " $* " == *" ${option%=*} "* ]] || rest+=("$option")
	done
	printf '%s\n' "${rest[@]}" "${@/%/=n}"
}

# ramster, which no other option of ours depends on: with all of them, and with few.
NETWORK=(ZCACHE_WRITEBACK=y MULTIUSER=y NET=y INET=y NETWORK_FILESYSTEMS=y CONFIGFS_FS=y)
ramster() {
	local few=(ZCACHE=y FRONTSWAP=y CLEANCACHE=y) opts
	try "ramster" x86_64 "${PLAIN[@]}" "${NETWORK[@]}" ZCACHE=y "${OURS[@]/%/=y}" \
		RAMSTER=y RAMSTER_KUNIT_TEST=y
	try "ramster, IPv6, TLS" x86_64 "${PLAIN[@]}" "${NETWORK[@]}" "${few[@]}" \
		IPV6=y TLS=y RAMSTER=y RAMSTER_KUNIT_TEST=n
	mapfile -t opts < <(without DEBUG_FS TMEM_DEBUG)
	try "ramster without DEBUG_FS" x86_64 "${opts[@]}" "${NETWORK[@]}" \
		RAMSTER=y RAMSTER_KUNIT_TEST=y
	mapfile -t opts < <(without SMP)
	try "ramster without SMP" x86_64 "${opts[@]}" "${NETWORK[@]}" \
		RAMSTER=y RAMSTER_KUNIT_TEST=y
	try "network without ramster" x86_64 "${PLAIN[@]}" "${NETWORK[@]}" "${few[@]}" \
		RAMSTER=n
}

# Kernels that lack something. Those in which zcache cannot be must say no to it
# (an option that is set to n and comes out as y is an error, too).
odd_kernels() {
	local o all=(ZCACHE "${OURS[@]}")
	for o in MEMCG SMP TRANSPARENT_HUGEPAGE LRU_GEN JUMP_LABEL TMPFS PROC_FS; do
		mapfile -t opts < <(without "$o")
		try "without $o" x86_64 "${opts[@]}"
	done
	mapfile -t opts < <(without DEBUG_FS TMEM_DEBUG)
	try "without DEBUG_FS" x86_64 "${opts[@]}"
	mapfile -t opts < <(without SWAP ZSWAP ZSMALLOC ZCACHE FRONTSWAP CLEANCACHE \
		TMEM_DEBUG FRONTSWAP_KUNIT_TEST CLEANCACHE_KUNIT_TEST ZCACHE_KUNIT_TEST)
	try "without SWAP" x86_64 "${opts[@]}"
	mapfile -t opts < <(without 64BIT "${all[@]}")
	try "32-bit (i386)" i386 "${opts[@]}"
	try "PREEMPT, debugging, NUMA" x86_64 "${PLAIN[@]}" ZCACHE=y "${OURS[@]/%/=y}" \
		PREEMPT=y NUMA=y DEBUG_KERNEL=y DEBUG_VM=y PROVE_LOCKING=y
	arm64
}

arm64() {
	local o opts=()
	if [ "$(uname -m)" != aarch64 ] && ! command -v aarch64-linux-gnu-gcc >/dev/null; then
		skip "arm64 with pages of 4 KiB (no aarch64-linux-gnu-gcc)"
		skip "arm64 with pages of 64 KiB (no aarch64-linux-gnu-gcc)"
		return
	fi
	for o in "${PLAIN[@]}"; do
		case $o in
		64BIT=y | SMP=y | UNWINDER*) ;;
		*) opts+=("$o") ;;
		esac
	done
	try "arm64 with pages of 4 KiB" arm64 "${opts[@]}" ARM64_4K_PAGES=y ZCACHE=y \
		"${OURS[@]/%/=y}"
	try "arm64 with pages of 64 KiB" arm64 "${opts[@]}" ARM64_64K_PAGES=y ZCACHE=n \
		TMEM_KUNIT_TEST=y
}

main() {
	local patches
	PATTERN=${1:-.}
	mapfile -t patches < <(series "$PATCHES")
	mapfile -t OBJECTS < <(patched_files "${patches[@]}" | sed -n 's/\.c$/.o/p')
	TMEM_CONFIGS=$(mktemp -d)
	export TMEM_CONFIGS
	trap 'rm -rf "$TMEM_CONFIGS"' EXIT
	combinations
	ramster
	odd_kernels
	echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

main "$@"
