#!/bin/bash
# Gate: what the hooks cost a kernel that does not use them. Compiled in but off,
# each is one branch not taken (a nop), shown from the machine code of the swap
# and fault paths; without our options there is no trace of them. And what RAMster
# costs without its option: our objects are as if it were not there.
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

# again NAME: compile an object of mm/tmem as it was, but from the sources in $COPY,
# which look to the compiler as if they were in their place, and into that folder.
again() (
	cd "$OUT"
	sed -n '1s/^[^:]* := //p' "mm/tmem/.$1.cmd" |
		sed "s|$TREE/mm/tmem|$COPY/mm/tmem|g; s|\([ ,]\)mm/tmem/|\1$COPY/|g
			s|-fmacro-prefix-map=[^ ]*|& -fmacro-prefix-map=$COPY/=|" | bash
)

# Our folder without ramster/ is the same machine code, and knows nothing of it.
without_ramster() {
	local object objects traces
	OUT=$("$TOP/tools/kernel.sh" build idle mm/tmem/)
	TREE=$("$TOP/tools/kernel.sh" sync)
	COPY=$(mktemp -d)
	trap 'rm -rf "$COPY"' EXIT
	mkdir "$COPY/mm"
	ln -s "$TREE"/mm/*.h "$COPY/mm"
	cp -r "$TREE/mm/tmem" "$COPY/mm"
	rm -r "$COPY"/mm/tmem/{ramster,remote.c}
	mapfile -t objects < <(cd "$OUT/mm/tmem" && ls ./*.o)
	for object in "${objects[@]#./}"; do
		again "$object" || die "mm/tmem/$object does not compile without ramster/" \
			"only remote.c and ramster/ itself may include what is there"
		[ "$(code_of "$OUT/mm/tmem/$object")" = "$(code_of "$COPY/$object")" ] ||
			die "mm/tmem/$object is different code without ramster/" \
				"the twins in zcache.h must be all that is left of it"
	done
	traces=$(cd "$OUT/mm/tmem"; nm -A "${objects[@]}" | grep -iE 'ramster|remote' || true)
	[ -z "$traces" ] || die "without CONFIG_RAMSTER there is still: $traces" \
		"the twins in zcache.h must be empty"
	say "without RAMster: the same machine code in ${objects[*]#./}"
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
	without_ramster
}

main
