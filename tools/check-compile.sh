#!/bin/bash
# Gate: our C compiles with W=1 and passes sparse (C=2) without a word.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"

main() {
	local out log wanted seen
	need_tool sparse
	out=$TMEM_CACHE/build/static
	log=$out/build.log
	# Only what is compiled now can warn.
	rm -f "$out"/mm/tmem/*.o "$out"/mm/tmem/*/*.o
	"$TOP/tools/kernel.sh" build static W=1 C=2 mm/tmem/ >/dev/null
	! grep -E 'mm/tmem/|include/linux/(frontswap|zcache)' "$log" |
		grep -vE '^ +(CC|AR|CHECK|LD|GEN) ' >&2 ||
		die "warnings, see above" "the whole log: $log"
	wanted=$(overlay | awk '$2 ~ /\.c$/ { print $2 }' | sort)
	seen=$(sed -nE 's|^ +CHECK .*/(mm/tmem/.*)|\1|p' "$log" | sort -u)
	[ "$wanted" = "$seen" ] || die "not compiled at all: $(
		comm -23 <(echo "$wanted") <(echo "$seen") | tr '\n' ' ')" \
		"add its option to tools/configs/static.config"
	say "$(wc -l <<<"$seen") files: clean"
}

main
