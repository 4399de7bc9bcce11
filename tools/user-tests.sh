#!/bin/bash
# The pure core (tmem.c, zbud.c, ramster/proto.c) in user space, under the
# sanitizers. The XArray is that of the kernel's source, which is fetched if it is
# not there.
#
# Usage: tools/user-tests.sh [VARIABLE=VALUE...]	see tests/user/Makefile
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

need_tool gcc make
tree=$("$TOP/tools/source.sh")
make --no-print-directory -C "$TOP/tests/user" check KTREE="$tree" "$@"
