#!/bin/bash
# The pure core (tmem.c, zbud.c, ramster/proto.c) in user space, under the
# sanitizers; then tmem and zbud at full speed with two threads, as they are
# measured (bench/scaling.c), which check what they load. The XArray is that of the
# kernel's source, which is fetched if it is not there.
#
# Usage: tools/user-tests.sh [VARIABLE=VALUE...]	see tests/user/Makefile
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=bench/data.sh
. "$TOP/bench/data.sh"
# shellcheck source=bench/native.sh
. "$TOP/bench/native.sh"

need_tool gcc make shuf
SRC=$("$TOP/tools/source.sh")
make --no-print-directory -C "$TOP/tests/user" check KTREE="$SRC" "$@"
build_scaling "$TMEM_CACHE/build/user-scaling"
"$TMEM_CACHE/build/user-scaling/scaling" "$TMEM_CACHE/build/user-scaling/set" 50 1
