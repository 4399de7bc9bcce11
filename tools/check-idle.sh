#!/bin/bash
# Gate: what the hooks cost a kernel that does not use them. Compiled in but off,
# each is one branch not taken (a nop), shown from the machine code of the swap
# and fault paths; without our options there is no trace of them.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"

# The objects of the files that the hook patches touch.
objects() {
	local patches
	mapfile -t patches < <(series "$PATCHES")
	patched_files "${patches[@]}" | sed -n 's/\.c$/.o/p'
}

main() {
	local objects out traces
	need_tool python3 objdump nm
	mapfile -t objects < <(objects)
	[ ${#objects[@]} -gt 0 ] || die "no patch touches any C file" \
		"is patches/$KSERIES/series empty?"

	out=$("$TOP/tools/kernel.sh" build idle "${objects[@]}")
	(cd "$out" && python3 -B "$TOP/tools/check-idle.py" "${objects[@]}") ||
		die "a hook costs more than one branch not taken, see above" \
			"the objects are in $out"

	out=$("$TOP/tools/kernel.sh" build idle-off "${objects[@]}")
	traces=$(cd "$out"; nm -A "${objects[@]}" | grep -E 'frontswap|cleancache|zcache|tmem' || true)
	[ -z "$traces" ] || die "without our options there is still: $traces" \
		"the twins in include/linux/*.h must be empty"
	say "without our options: no trace in ${objects[*]}"
}

main
