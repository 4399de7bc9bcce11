#!/bin/bash
# Do the guest tests test anything? Each patch in tests/vm/mutants takes one
# protecting line out, of a hook or of our C. For each of them: build a kernel
# without it, and see that the test which the patch names ("Test: NAME") fails.
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
KERNEL=qemu-debug
GUEST=2cpu-mglru
PASSED=0 FAILED=0

names() { (cd "$MUTANTS" && echo *.patch | sed 's/\.patch//g'); }

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

# run_tests LOG TEST...: in a kernel made from the tree as it is now.
run_tests() {
	local log=$1 image
	shift
	image=$(TMEM_TREE=$TREE "$TOP/tools/kernel.sh" build "$KERNEL" | tail -n 1)
	VM_IMAGE=$image "$TOP/tools/vm.sh" test -g "$GUEST" "$@" >"$log" 2>&1
}

verdict() {	# ok|FAIL NAME TEST LOG
	printf '%-4s  %-26s %-20s %s\n' "$1" "$2" "$3" "$4"
	if [ "$1" = ok ]; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); fi
}

control() {
	local tests log=$LOGS/control.log
	mapfile -t tests < <(for name; do test_of "$name"; done | sort -u)
	tree_with
	if run_tests "$log" "${tests[@]}"; then
		verdict ok "(nothing taken out)" "all pass" "$log"
	else
		verdict FAIL "(nothing taken out)" "some fail" "$log"
	fi
}

mutant() {
	local name=$1 test log=$LOGS/$1.log
	test=$(test_of "$name")
	[ -n "$test" ] || die "$name.patch names no test" "add a line \"Test: NAME\""
	say "$name: $(head -n 1 "$MUTANTS/$name.patch")"
	tree_with "$name"
	# It must be that test that fails, and not the boot or the build.
	if ! run_tests "$log" "$test" && grep -q "^$GUEST  *$test .*FAIL" "$log"; then
		verdict ok "$name" "$test fails" "$log"
		sed -n "/^$GUEST  *$test .*FAIL/{n;p}" "$log"
	else
		verdict FAIL "$name" "$test does not fail" "$log"
	fi
}

main() {
	local name chosen=("$@")
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
	[ $# -gt 0 ] || control "${chosen[@]}"
	for name in "${chosen[@]}"; do
		mutant "$name"
	done
	echo "$PASSED passed, $FAILED failed, 0 skipped"
	[ "$FAILED" -eq 0 ]
}

main "$@"
