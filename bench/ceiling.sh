#!/bin/bash
# What the best possible cache would win for the zipf works: ceiling.json from
# the results of bench/run.sh. See ceiling.c for the model, ceiling.py for where
# its costs come from.
#
# Usage: bench/ceiling.sh [DIR]		DIR: the results (bench/results)
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

DIR=${1:-$TOP/bench/results}
PROGRAM=$TMEM_CACHE/bench/ceiling

need_tool gcc python3
[ -s "$DIR/runs.json" ] || die "there are no results in $DIR" "run: make bench"
mkdir -p "$(dirname "$PROGRAM")"
gcc -std=gnu11 -O2 -Wall -Wextra -o "$PROGRAM" "$TOP/bench/ceiling.c" -lm ||
	die "ceiling.c does not build" "it needs gcc and libm: make deps"
"$TOP/bench/ceiling.py" "$PROGRAM" "$DIR"
