#!/bin/bash
# Gate: every shell script parses, shellcheck has nothing to say, and those with
# a "#!" line can be run.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

# Scripts are known by their name or by their first line.
scripts() {
	{ git ls-files 2>/dev/null || find . -path ./.git -prune -o -type f -print; } |
		sort | while read -r file; do
		[ -f "$file" ] || continue
		case $file in
		*.sh) echo "$file" ;;
		*) ! head -n 1 "$file" | tr -d '\0' | grep -qE '^#!.*(bash|/sh)\b' ||
			echo "$file" ;;
		esac
	done
}

main() {
	local files file rc=0
	cd "$TOP"
	mapfile -t files < <(scripts)
	for file in "${files[@]}"; do
		bash -n "$file" || rc=1
		if [ "$(head -c 2 "$file")" = '#!' ] && [ ! -x "$file" ]; then
			say "$file is not executable"
			rc=1
		fi
	done
	if command -v shellcheck >/dev/null; then
		shellcheck --external-sources --source-path=. "${files[@]}" || rc=1
	else
		warn "shellcheck is not here, only the syntax was checked (make deps)"
	fi
	say "${#files[@]} scripts"
	return "$rc"
}

main
