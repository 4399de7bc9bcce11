#!/bin/bash
# Gate: the hook patches apply to a pristine tree without fuzz, and
# checkpatch --strict has nothing to say about any of them. The mutants of the
# guest tests apply as well: they are run seldom, and would rot unseen.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"

# A patch that is in the folder but not in the series would rot unseen.
check_series() {
	local left
	left=$(comm -3 <(series "$1" | sort) <(find "$1" -name '*.patch' | sort) |
		tr -d '\t')
	[ -z "$left" ] || die "$1/series and the folder differ: $left" \
		"list every patch there, in order"
}

# check_mutants TREE: each for itself, as tools/vm-mutants.sh has them applied.
check_mutants() {
	local mutant rotten=()
	for mutant in "$TOP"/tests/vm/mutants/*.patch; do
		patch --directory="$1" --strip=1 --fuzz=1 --dry-run --force --silent \
			<"$mutant" >/dev/null 2>&1 || rotten+=("$(basename "$mutant")")
	done
	[ ${#rotten[@]} -eq 0 ] || die "mutants do not apply any more: ${rotten[*]}" \
		"the code around their lines has changed: adapt them in tests/vm/mutants"
}

main() {
	local src dir patches=() scratch patch rc=0
	need_tool patch perl
	src=$("$TOP/tools/source.sh")
	for dir in "$PATCHES" "$PATCHES_UM" "$PATCHES_BENCH"; do
		check_series "$dir"
		mapfile -t -O ${#patches[@]} patches < <(series "$dir")
	done
	scratch=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$scratch'" EXIT
	stage "$src" "$scratch" "${patches[@]}"
	say "${#patches[@]} patches apply without fuzz to linux-$(kernel_version "$src")"
	check_mutants "$scratch"
	# Where checkpatch finds no .git: it would want more of python.
	cd "$scratch"
	for patch in "${patches[@]}"; do
		perl "$src/scripts/checkpatch.pl" --root="$src" --strict --quiet \
			--no-summary "$patch" || rc=1
	done
	[ "$rc" -eq 0 ] || die "checkpatch complains" "see above"
	say "checkpatch --strict: clean"
}

main
