#!/bin/bash
# Run the KUnit suites on User Mode Linux with KASAN, by the kernel's own
# kunit.py. Only what differs is rebuilt.
#
# Usage: tools/kunit.sh [SUITE_GLOB]	e.g. 'tmem*'; default: all of our suites
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"
# shellcheck source=tools/tree.sh
. "$TOP/tools/tree.sh"

GLOB=${1:-}
OUT=$TMEM_CACHE/build/kunit
LOG=$OUT/kunit.log

# The suites that must have run: those that the sources name.
suites() {
	sed -n 's/^\t\.name = "\(.*\)",$/\1/p' "$TOP"/tests/*_kunit.c
}

kunit_py() {
	nice -n 5 python3 tools/testing/kunit/kunit.py run ${GLOB:+"$GLOB"} \
		--arch=um --build_dir="$OUT" --jobs="$J" --timeout=900 \
		--kunitconfig=mm/tmem/tests/.kunitconfig \
		--make_options="CC=$(compiler '')"
}

# No answer is a failure: a suite that was not built or crashed has no line.
check_all_ran() {
	local suite lost=()
	[ -z "$GLOB" ] || return 0
	while read -r suite; do
		grep -q "=.* $suite (" "$LOG" || lost+=("$suite")
	done < <(suites)
	[ ${#lost[@]} -eq 0 ] || die "these suites did not run: ${lost[*]}" \
		"is their option in tests/.kunitconfig? See $LOG"
}

# "Ran 12 tests: passed: 11, failed: 1" in the form that all our checks end with.
totals() {
	local line word
	line=$(grep 'Ran [0-9]* tests' "$LOG" | tail -n 1)
	count() { sed -n "s/.*$1: \([0-9]*\).*/\1/p" <<<"$line" | grep . || echo 0; }
	for word in failed crashed errors; do
		FAILED=$((${FAILED:-0} + $(count $word)))
	done
	echo "$(count passed) passed, $FAILED failed, $(count skipped) skipped"
}

main() {
	local rc
	[ "$(uname -m)" = x86_64 ] || die "User Mode Linux needs x86_64" \
		"run the user-space tests: tools/user-tests.sh"
	[ -f "$TOP/tests/.kunitconfig" ] || die "there is no tests/.kunitconfig" \
		"restore it: git checkout tests/.kunitconfig"
	need_tool gcc make flex bison bc python3
	lock build-kunit
	build_begin "$OUT" kunit
	tree_sync "$OUT/.tree-mark"
	need_space "$TMEM_CACHE" 1000 "building the KUnit kernel"
	cd "$TREE"
	export PYTHONDONTWRITEBYTECODE=1
	build_env
	tree_build "$OUT" "$LOG" "KUnit" kunit_py
	rc=$BUILD_RC
	sed -n 's/^\[[0-9:]*\] \(=.*\|\[[A-Z]*\].*\)/\1/p' "$LOG"
	[ "$rc" -eq 0 ] || say "KUnit failed; see $LOG and $OUT/test.log"
	check_all_ran
	totals
	return "$rc"
}

main
