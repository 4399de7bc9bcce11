#!/bin/bash
# Prove that everything works. Fast steps first; all steps run even if one
# fails. The last line is "N passed, N failed, N skipped": a step whose own last
# line has that form counts with its numbers, any other step counts as one.
#
# Usage: tools/check.sh [STEP...]	default: all steps
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

# step | what it shows | command, relative to the repository
STEPS='
scripts|every script parses and shellcheck finds nothing|tools/check-scripts.sh
tools|the tools refuse bad input and change nothing then|tests/tools.sh
patches|the patches apply without fuzz, checkpatch --strict|tools/check-patches.sh
style|our C: checkpatch --strict, who includes whom, words|tools/check-style.sh
docs|kernel-doc, and the table of hooks is complete|tools/check-docs.sh
compile|our C: no warning with W=1, none from sparse|tools/check-compile.sh
user|the pure core in user space, with ASan, UBSan and TSan|tools/user-tests.sh
kunit|unit and model tests in a kernel with KASAN|tools/kunit.sh
idle|compiled in but off: one branch not taken per hook|tools/check-idle.sh
vm|guests that swap for real, with every debugging aid|tools/vm.sh test
'

LOGS=$TMEM_CACHE/log/check

# field NAME N: of the line of a step.
field() { awk -F'|' -v step="$1" -v n="$2" '$1 == step { print $n }' <<<"$STEPS"; }

names() { awk -F'|' 'NF { print $1 }' <<<"$STEPS"; }

check_names() {
	local name
	for name; do
		[ -n "$(field "$name" 1)" ] ||
			die "there is no step '$name'" "the steps are: $(names | tr '\n' ' ')"
	done
}

# run_step NAME: shows and keeps the output; sets COUNTS and VERDICT.
run_step() {
	local name=$1 log=$LOGS/$1.log rc=0 start=$SECONDS last p f s
	step "$name: $(field "$name" 2)"
	# shellcheck disable=SC2046	# a command and its arguments
	(cd "$TOP" && exec $(field "$name" 3)) </dev/null 2>&1 | tee "$log" >&2 || rc=$?
	last=$(tail -n 1 "$log")
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
	else
		p=1 f=0 s=0
		[ "$rc" -eq 0 ] || p=0
	fi
	# The exit status has the last word, whatever the numbers say.
	[ "$rc" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	[ "$rc" -ne 0 ] || [ "$f" -eq 0 ] || rc=1
	PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
	if [ "$rc" -eq 0 ]; then
		VERDICT=ok
	else
		VERDICT=FAILED
		say "$name FAILED. Log: $log   Only this again: make check STEP=$name"
	fi
	TABLE+=$(printf '%-9s %-7s %6s  %4d passed %3d failed %3d skipped' "$name" \
		"$VERDICT" "$(elapsed $((SECONDS - start)))" "$p" "$f" "$s")$'\n'
}

main() {
	local steps=("$@") name
	check_names "$@"
	[ $# -gt 0 ] || mapfile -t steps < <(names)
	try_lock check "make check"
	trap 'say "interrupted; a later run goes on safely"; exit 130' INT TERM
	mkdir -p "$LOGS"
	[ -d "$TMEM_CACHE/build" ] || need_space "$TMEM_CACHE" 8000 "make check"
	PASSED=0 FAILED=0 SKIPPED=0 TABLE=
	for name in "${steps[@]}"; do
		run_step "$name"
	done
	step "summary (elapsed $(elapsed $SECONDS), logs in $LOGS)"
	printf '%s' "$TABLE"
	[ "$FAILED" -eq 0 ] || say "A failed step alone again: make check STEP=name"
	echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

main "$@"
