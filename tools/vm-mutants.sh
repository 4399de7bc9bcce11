#!/bin/bash
# Do the guest tests test anything? Each patch in tests/vm/mutants takes one
# protecting line out, of a hook or of our C. For each of them: build a kernel
# without it, and see that the test which the patch names ("Test: NAME") fails, in
# the guest that it names ("Guest: NAME") or the one that runs everything.
#
# Usage: tools/vm.sh mutants [NAME...]	default: all, and first the same tests
#					with the line in
#
# Works in a tree and a build folder of its own; the first build takes long, the
# others compile one file each. The last line is "N passed, N failed, N skipped".
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"
# shellcheck source=tools/tree.sh
. "$TOP/tools/tree.sh"

MUTANTS=$TOP/tests/vm/mutants
PASSED=0 FAILED=0

names() { (cd "$MUTANTS" && echo *.patch | sed 's/\.patch//g'); }

guest_of() {
	local guest
	guest=$(sed -n 's/^Guest: //p' "$MUTANTS/$1.patch")
	echo "${guest:-2cpu-mglru}"
}

test_of() { sed -n 's/^Test: //p' "$MUTANTS/$1.patch"; }

# tree_with [MUTANT]: all our patches, and that one.
tree_with() {
	(
		want=$(mktemp -d)
		trap 'rm -rf "$want"' EXIT
		mapfile -t patches < <(tree_patches)
		stage "$SRC" "$want" "${patches[@]}"
		[ $# -eq 0 ] || patch --directory="$want" --strip=1 --fuzz=1 --silent \
			--no-backup-if-mismatch <"$MUTANTS/$1.patch" >&2 || die \
			"the mutant $1 does not apply any more" \
			"the code around its line has changed: adapt tests/vm/mutants/$1.patch"
		tree_create
		tree_update "$want"
	)
}

# run_tests LOG GUEST TEST...: in a kernel made from the tree as it is now.
run_tests() {
	local log=$1 guest=$2
	shift 2
	TMEM_TREE=$TREE "$TOP/tools/vm.sh" test -g "$guest" "$@" >"$log" 2>&1
}

verdict() {	# ok|FAIL NAME TEST LOG
	printf '%-4s  %-26s %-20s %s\n' "$1" "$2" "$3" "$4"
	if [ "$1" = ok ]; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); fi
}

# control GUEST NAME...: the tests of all mutants that are for that guest.
control() {
	local guest=$1 tests log=$LOGS/control-$1.log
	shift
	mapfile -t tests < <(for name; do
		[ "$(guest_of "$name")" != "$guest" ] || test_of "$name"
	done | sort -u)
	tree_with
	if run_tests "$log" "$guest" "${tests[@]}"; then
		verdict ok "(nothing taken out)" "all pass" "$log"
	else
		verdict FAIL "(nothing taken out)" "some fail" "$log"
	fi
}

mutant() {
	local name=$1 guest test log=$LOGS/$1.log
	guest=$(guest_of "$name")
	test=$(test_of "$name")
	[ -n "$test" ] || die "$name.patch names no test" "add a line \"Test: NAME\""
	say "$name: $(head -n 1 "$MUTANTS/$name.patch")"
	tree_with "$name"
	# It must be that test that fails, and not the boot or the build.
	if ! run_tests "$log" "$guest" "$test" && grep -q "^$guest  *$test .*FAIL" "$log"; then
		verdict ok "$name" "$test fails" "$log"
		sed -n "/^$guest  *$test .*FAIL/{n;p}" "$log"
	else
		verdict FAIL "$name" "$test does not fail" "$log"
	fi
}

main() {
	local name guest chosen=("$@")
	[ $# -gt 0 ] || read -ra chosen < <(names)
	for name in "${chosen[@]}"; do
		[ -f "$MUTANTS/$name.patch" ] || die "no such mutant: $name" \
			"there are: $(names)"
	done
	try_lock mutants "tools/vm.sh mutants"
	SRC=$("$TOP/tools/source.sh")
	TREE=$TMEM_CACHE/tree/mutants
	LOGS=$TMEM_CACHE/log/mutants
	mkdir -p "$LOGS"
	[ $# -gt 0 ] || for guest in $(for name in "${chosen[@]}"; do guest_of "$name"; done |
			sort -u); do
		control "$guest" "${chosen[@]}"
	done
	for name in "${chosen[@]}"; do
		mutant "$name"
	done
	echo "$PASSED passed, $FAILED failed, 0 skipped"
	[ "$FAILED" -eq 0 ]
}

main "$@"
