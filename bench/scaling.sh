#!/bin/bash
# How stores and loads of two CPUs scale: our code natively in user space, see
# bench/scaling.c. Takes two CPUs that do nothing else, for less than a minute.
#
# Usage: bench/scaling.sh [MILLISECONDS [RUNS]]	(300 7)
# Writes scaling.json, a part of the report, to RESULTS (bench/results).
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=bench/data.sh
. "$TOP/bench/data.sh"
# shellcheck source=bench/native.sh
. "$TOP/bench/native.sh"

RESULTS=${RESULTS:-$TOP/bench/results}
OUT=$TMEM_CACHE/bench/scaling

usage() { sed -n '/^# Usage/,/^set/{/^#/s/^# \?//p}' "$0"; }

main() {
	local ms=${1:-300} runs=${2:-7}
	case ${1:-} in
	-h | --help) usage; return ;;
	esac
	if [ $# -gt 2 ] || ! [[ $ms$runs =~ ^[0-9]+$ ]]; then
		usage >&2
		die "bench/scaling.sh takes two numbers at most, not: $*"
	fi
	need_tool gcc nproc shuf
	[ "$(nproc)" -ge 2 ] || die "there is but one CPU here" \
		"run it on a machine, or with an affinity, of two"
	need_cache
	lock bench-scaling
	mkdir -p "$RESULTS"
	SRC=$("$TOP/tools/source.sh" | tail -n 1)
	build_scaling "$OUT"
	"$OUT/scaling" "$OUT/set" "$ms" "$runs" >"$RESULTS/scaling.json.tmp" ||
		die "scaling failed" "see above"
	mv "$RESULTS/scaling.json.tmp" "$RESULTS/scaling.json"
	say "written: $RESULTS/scaling.json"
}

main "$@"
