#!/bin/bash
# Gate: kernel-doc comments are complete, and the table of hooks in the
# documentation names every call that the patches add, and the function it is in.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"
# shellcheck source=tools/tree.sh
. "$TOP/tools/tree.sh"

TABLE=Documentation/mm/tmem.rst

kernel_doc() {
	local files out
	mapfile -t files < <(overlay | awk '$2 ~ /\.[ch]$/ && $2 !~ /tests\// { print $2 }')
	out=$(cd "$TREE"; perl scripts/kernel-doc -none -Wall "${files[@]}" 2>&1 || echo failed)
	[ -z "$out" ] || { say "$out"; return 1; }
}

# hooks: "<our function> <the kernel's function that calls it>" of every call in
# the patched files. A C function of the kernel starts in column 0 and its body
# with "{" there; what its head names before "(" is its name.
hooks() {
	local file
	mapfile -t patches < <(series "$PATCHES")
	patched_files "${patches[@]}" | grep '\.c$' | while read -r file; do
		awk '
		/^[A-Za-z_].*\(/ && !/;[[:space:]]*$/ {
			head = $0
			if (match(head, /SYSCALL_DEFINE[0-9]\([a-z0-9_]+/)) {
				fn = substr(head, RSTART, RLENGTH); sub(/.*\(/, "", fn)
			} else {
				sub(/\(.*/, "", head); n = split(head, w, /[ \t*]+/); fn = w[n]
			}
		}
		{ line = $0
		  while (match(line, /(frontswap|cleancache)_[a-z_]+\(/)) {
			print substr(line, RSTART, RLENGTH - 1), fn
			line = substr(line, RSTART + RLENGTH)
		  }
		}' "$TREE/$file"
	done | sort -u
}

main() {
	local hook fn rc=0 n=0
	tree_sync
	kernel_doc || { say "kernel-doc complains, see above"; rc=1; }
	while read -r hook fn; do
		n=$((n + 1))
		grep -E "\b$hook\b" "$TOP/$TABLE" 2>/dev/null | grep -qE "\b$fn\b" || {
			say "$TABLE has no line with both $hook() and $fn()"
			rc=1
		}
	done < <(hooks)
	[ "$n" -gt 0 ] || die "no hook was found in the patched files" \
		"is patches/$KSERIES/series empty?"
	[ "$rc" -eq 0 ] || die "the documentation is not complete" "see above"
	say "kernel-doc: clean; all $n hooks are in the table of $TABLE"
}

main
