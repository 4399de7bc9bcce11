#!/bin/bash
# The longer gate, for whoever changes a patch. On every pristine tree that can
# be had (kernel.org's release of BASE, Debian's source):
#
#   - after every single patch the touched objects build, with our options on
#     and off: the series can be bisected;
#   - with our options off the last patch leaves the machine code of the touched
#     objects as it was before the first;
#   - every combination of our options builds, and the odd kernels (tools/check-
#     configs.sh).
#
# Usage: tools/check-series.sh [patches]	patches: without the combinations
#
# The last line is "N passed, N failed, N skipped".
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"
# shellcheck source=tools/tree.sh
. "$TOP/tools/tree.sh"

PASSED=0 FAILED=0 SKIPPED=0

passed() { PASSED=$((PASSED + 1)); say "ok    $1 ($(elapsed $SECONDS))"; }
failed() { FAILED=$((FAILED + 1)); say "FAIL  $1"; }

# tree_with N: the tree of this script, with the first N patches.
tree_with() {
	(
		want=$(mktemp -d)
		trap 'rm -rf "$want"' EXIT
		stage "$SRC" "$want" "${ALL[@]:0:$1}"
		lock tree-series
		tree_create
		tree_update "$want"
	)
}

# try NAME CONFIG OBJECT...: build; sets BUILT to the build folder if that works.
try() {
	local name=$1 config=$2
	shift 2
	if BUILT=$(TMEM_TREE=$TREE "$TOP/tools/kernel.sh" build "$config" "$@"); then
		passed "$name"
	else
		failed "$name"
		BUILT=
	fi
}

# keep_code DIR: the machine code of each object.
keep_code() {
	local object
	for object in "${OBJECTS[@]}"; do
		mkdir -p "$1/$(dirname "$object")"
		code_of "$BUILT/$object" >"$1/$object"
	done
}

# same_code LABEL BEFORE AFTER
same_code() {
	local object name
	for object in "${OBJECTS[@]}"; do
		name="$1: $object has the same machine code with our options off"
		if [ -s "$2/$object" ] && cmp -s "$2/$object" "$3/$object"; then
			passed "$name"
		else
			failed "$name; first differences:"
			diff "$2/$object" "$3/$object" 2>&1 | head -n 12 >&2 || true
		fi
	done
}

each_patch() {
	local label=$1 n name scratch
	scratch=$(mktemp -d)
	for ((n = 0; n <= ${#ALL[@]}; n++)); do
		name="$label, pristine"
		[ "$n" -eq 0 ] || name="$label, $(basename "${ALL[n - 1]}" .patch)"
		tree_with "$n"
		if [ "$n" -eq 0 ] || [ "$n" -eq ${#ALL[@]} ]; then
			try "$name: builds unhooked" unhooked "${OBJECTS[@]}"
			[ -z "$BUILT" ] || keep_code "$scratch/$n"
		fi
		# Before the first patch our options do not exist.
		[ "$n" -gt 0 ] || continue
		try "$name: builds with our options off" idle-off "${OBJECTS[@]}"
		try "$name: builds with our options on" idle "${OBJECTS[@]}" mm/tmem/
	done
	same_code "$label" "$scratch/0" "$scratch/${#ALL[@]}"
	rm -rf "$scratch"
}

check_origin() {
	step "source of $1"
	if ! SRC=$("$TOP/tools/source.sh" "$1"); then
		say "skip  $1: its source cannot be had here"
		SKIPPED=$((SKIPPED + 1))
		return
	fi
	TREE=$TMEM_CACHE/tree/series-$(kernel_version "$SRC")
	each_patch "$(kernel_version "$SRC") ($1)"
}

# Its copy of the kernel is worth less than the room it takes.
remove_trees() { rm -rf "$TMEM_CACHE"/tree/series-*; }

main() {
	local origin
	case ${1:-} in
	"" | patches) ;;
	*) die "there is no part '$1'" "Usage: tools/check-series.sh [patches]" ;;
	esac
	try_lock check-series "make check-series"
	need_tool patch objdump
	trap remove_trees EXIT
	mapfile -t ALL < <(series "$PATCHES")
	mapfile -t OBJECTS < <(patched_files "${ALL[@]}" | sed -n 's/\.c$/.o/p')
	if [ -n "${KSRC:-}" ]; then
		SRC=$("$TOP/tools/source.sh")
		TREE=$TMEM_CACHE/tree/series-$(echo "$SRC" | sha256sum | cut -c 1-8)
		each_patch "$(kernel_version "$SRC") (KSRC)"
	else
		for origin in kernel.org debian; do
			check_origin "$origin"
		done
	fi

	[ "${1:-}" = patches ] || combinations
	echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

combinations() {
	local last
	step "combinations of options"
	last=$("$TOP/tools/check-configs.sh" | tail -n 1) || true
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		PASSED=$((PASSED + BASH_REMATCH[1]))
		FAILED=$((FAILED + BASH_REMATCH[2]))
		SKIPPED=$((SKIPPED + BASH_REMATCH[3]))
	else
		failed "tools/check-configs.sh did not end well"
	fi
}

main "$@"
