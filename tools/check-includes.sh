#!/bin/bash
# Gate: who may include whom.
#
#   fs/ mm/ block/  ->  include/linux/{frontswap,cleancache,zcache}.h
#   frontswap.c, cleancache.c: know folios and swap, nothing of compression
#   zcache.h (for all of zcache), zcache-main.c: where tmem meets zbud
#   tmem.[ch], zbud.[ch]: kernel basics only; never each other, never upwards
#   remote.c: where zcache meets ramster
#   ramster/: never the front ends
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"

# rule FILE: sets ALLOW and DENY, patterns of what may stand behind #include and
# of what may not even if it is allowed.
KERNEL='<(linux|kunit|trace|crypto)/'
rule() {
	local above='<linux/(fs|pagemap|swap|swapops|zswap|frontswap|cleancache|zcache|crypto|net|in6?)\.h>'
	ALLOW=$KERNEL DENY='^$'
	case $1 in
	include/linux/*) ALLOW='<linux/' ;;
	include/trace/events/*) ALLOW='<(linux|trace)/' ;;
	tmem.h | zbud.h) ALLOW='<linux/' DENY=$above ;;
	tmem.c) ALLOW='<(linux|kunit)/|"tmem\.h"' DENY=$above ;;
	zbud.c) ALLOW='<(linux|kunit)/|"zbud\.h"' DENY=$above ;;
	frontswap.c | cleancache.c)
		ALLOW='<(linux|kunit|trace)/|"\.\./(internal|swap)\.h"'
		DENY='<linux/(crypto|zcache)\.h>' ;;
	zcache.h | zcache-main.c) ALLOW="$KERNEL|\"(tmem|zbud|zcache)\.h\"" ;;
	remote.c) ALLOW="$KERNEL|\"zcache\.h\"|\"ramster/ramster\.h\"" ;;
	costs.c) ALLOW="$KERNEL|<asm/sections\.h>|\"zcache\.h\"" ;;
	ramster/*) ALLOW='<|"' DENY='<linux/(frontswap|cleancache)\.h>' ;;
	tests/*) ALLOW='<|"' ;;
	*) ALLOW="$KERNEL|\"zcache\.h\"" ;;
	esac
}

main() {
	local file includes bad rc=0 ours
	cd "$TOP"
	while read -r file; do
		includes=$(sed -n 's/^#[[:space:]]*include[[:space:]]*//p' "$file")
		rule "$file"
		bad=$(grep . <<<"$includes" | grep -vE "^($ALLOW)" || true
			grep . <<<"$includes" | grep -E "^($DENY)" || true)
		[ -z "$bad" ] || { say "$file must not include ${bad//$'\n'/, }"; rc=1; }
	done < <(overlay | awk '$1 ~ /\.[ch]$/ { print $1 }')

	! grep -n 'RAMSTER' tmem.[ch] zbud.[ch] >&2 || {
		say "tmem and zbud must not know ramster"; rc=1; }

	# Of ours, the rest of the kernel includes only what lies in include/linux.
	ours=$(grep -hE '^\+#[[:space:]]*include' "$PATCHES"/*.patch | grep -E 'tmem|zbud' || true)
	[ -z "$ours" ] || { say "the hooks must not include: $ours"; rc=1; }
	return "$rc"
}

main
