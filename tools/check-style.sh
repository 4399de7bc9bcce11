#!/bin/bash
# Gate: our C as it will lie in the kernel. checkpatch --strict, who may include
# whom, no conditional compilation in .c files, no words we do not want.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"
# shellcheck source=tools/tree.sh
. "$TOP/tools/tree.sh"

COMPLAINTS=0
complain() { say "$*"; COMPLAINTS=$((COMPLAINTS + 1)); }

sources() { overlay | awk '$1 ~ /\.[ch]$/ { print $1 }'; }

# checkpatch PATTERN IGNORED: files whose place matches. In the patched tree, since
# checkpatch judges by the place. It looks for the documentation of a boot parameter
# only in the same patch, so that is done by boot_parameters. A help text of three
# lines can say all.
checkpatch() {
	local files
	mapfile -t files < <(overlay | awk '{ print $2 }' | grep -E "$1")
	(cd "$TREE" && perl scripts/checkpatch.pl --root=. --strict --quiet \
		--no-summary --ignore "UNDOCUMENTED_SETUP,$2" \
		--min-conf-desc-length=3 --file "${files[@]}") ||
		complain "checkpatch --strict complains, see above"
}

boot_parameters() {
	local files name
	mapfile -t files < <(sources)
	while read -r name; do
		grep -qE "^	${name%=}(=|	)" \
			"$TREE/Documentation/admin-guide/kernel-parameters.txt" ||
			complain "boot parameter ${name%=} is not in kernel-parameters.txt"
	done < <(sed -n 's/^__setup("\([^"]*\)".*/\1/p' "${files[@]}")
}

# never PATTERN WHY FILE...
never() {
	local pattern=$1 why=$2
	shift 2
	! grep -nE "$pattern" "$@" /dev/null >&2 || complain "$why"
}

words() {
	local files
	mapfile -t files < <(sources)
	# shellcheck disable=SC2046	# names without blanks
	never '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)\b' \
		'conditional compilation belongs into headers, as empty twins' \
		$(sources | grep '\.c$')
	never '\bBUG(_ON)?\(' 'no BUG_ON: WARN_ON_ONCE and a way out' "${files[@]}"
	never 'LINUX_VERSION_CODE|KERNEL_VERSION\(' \
		'differences of kernels belong into the patches' "${files[@]}"
	never '\b(printk|pr_[a-z]+)\([^"]*"[^"]*(TODO|FIXME|XXX)|\b(TODO|FIXME|XXX)\b' \
		'finish it' "${files[@]}"
	never '^[[:space:]]*[^*/[:space:]].*GFP_ATOMIC' 'nothing here may take all of the reserves' "${files[@]}"
}

main() {
	tree_sync
	cd "$TOP"
	checkpatch '^mm/.*\.[ch]$|include/linux/|(Kconfig|Makefile)$' NONE
	# The macros of tracepoints have a layout of their own.
	checkpatch include/trace/ OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
	boot_parameters
	words
	"$TOP/tools/check-includes.sh" || complain "includes that must not be, see above"
	[ "$COMPLAINTS" -eq 0 ] || die "$COMPLAINTS complaints" "see above"
	say "$(sources | wc -l) files: clean"
}

main
