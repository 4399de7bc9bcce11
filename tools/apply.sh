#!/bin/bash
# Put mm/tmem and its hooks into a kernel tree of the user's own.
#
# Usage: make apply KDIR=/path/to/linux-6.12.y
#
# Everything is made in a scratch folder first. Only when all patches apply
# there without fuzz is the tree written to, so a refusal changes nothing; an
# interruption puts back what was written.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"

check_tree() {
	need_kernel "$KDIR" KDIR
	! is_patched "$KDIR" || die "$KDIR carries mm/tmem already" \
		"nothing to do; to renew it start from a pristine tree ($(undo_hint))"
	case $KDIR/ in
	"$(readlink -m "$TMEM_CACHE")"/*) die "$KDIR belongs to the cache of this project" \
		"apply to a tree of your own; 'make kernel' builds from the cache" ;;
	esac
	check_git
}

undo_hint() {
	if [ -e "$KDIR/.git" ]; then
		echo "git checkout . && git clean -d -f mm/tmem include Documentation"
	else
		echo "unpack the tarball again"
	fi
}

# Changes of the user's own would be mixed with ours and could not be told apart.
check_git() {
	local dirty
	[ -e "$KDIR/.git" ] || return 0
	need_tool git
	dirty=$(git -c safe.directory='*' -C "$KDIR" status --porcelain \
		--untracked-files=no) || die "git does not work in $KDIR" \
		"repair it, or use an unpacked tarball"
	[ -z "$dirty" ] || die \
		"$KDIR has uncommitted changes: $(head -n 3 <<<"$dirty" | tr '\n' ' ')" \
		"commit or stash them first (git -C $KDIR status)"
}

# check_target FILE: may be written, and is not a stranger's.
check_target() {
	local dir
	if [ -e "$KDIR/$1" ]; then
		[ -n "${PATCHED[$1]:-}" ] || die "$KDIR/$1 exists already" \
			"start from a pristine tree ($(undo_hint))"
		[ -w "$KDIR/$1" ] || die "$KDIR/$1 cannot be written" \
			"get write permission on the tree, or copy the tree"
	fi
	dir=$KDIR/$(dirname "$1")
	while [ ! -e "$dir" ]; do
		dir=$(dirname "$dir")
	done
	[ -d "$dir" ] || die "$dir is in the way of $1" \
		"start from a pristine tree ($(undo_hint))"
	[ -w "$dir" ] || die "$dir cannot be written" \
		"get write permission on the tree, or copy the tree"
}

# put_back: after an interruption or a failed write; WRITTEN lists what we did.
put_back() {
	local file
	say "interrupted: putting the tree back"
	for file in "${WRITTEN[@]}"; do
		if [ -e "$SCRATCH/saved/$file" ]; then
			cp -p "$SCRATCH/saved/$file" "$KDIR/$file"
		else
			rm -f "${KDIR:?}/$file"
			rmdir -p --ignore-fail-on-non-empty "$(dirname "$KDIR/$file")" \
				2>/dev/null || true
		fi
	done
}

finish() {
	[ -n "${DONE:-}" ] || put_back
	rm -rf "$SCRATCH"
}

# Mode and, as far as may be, owner stay those of the tree.
write_file() {
	mkdir -p "$KDIR/$(dirname "$1")"
	WRITTEN+=("$1")
	if [ -e "$KDIR/$1" ]; then
		cat "$SCRATCH/new/$1" >"$KDIR/$1"
	else
		cp "$SCRATCH/new/$1" "$KDIR/$1"
		chown --reference="$KDIR/Makefile" "$KDIR/$1" 2>/dev/null || true
	fi
}

main() {
	local patches file
	KDIR=${1:-${KDIR:-}}
	[ -n "$KDIR" ] || die "KDIR is not given" "make apply KDIR=/path/to/linux-$KSERIES.y"
	[ -d "$KDIR" ] || die "there is no folder $KDIR" \
		"make apply KDIR=/path/to/linux-$KSERIES.y"
	KDIR=$(readlink -f "$KDIR")
	need_tool patch
	check_tree

	SCRATCH=$(mktemp -d)
	trap 'rm -rf "$SCRATCH"' EXIT
	mkdir "$SCRATCH/new" "$SCRATCH/saved"
	mapfile -t patches < <(series "$PATCHES")
	stage "$KDIR" "$SCRATCH/new" "${patches[@]}"

	declare -gA PATCHED=()
	while read -r file; do
		PATCHED[$file]=1
	done < <(patched_files "${patches[@]}")
	while read -r file; do
		check_target "$file"
	done < <(staged_files "$SCRATCH/new")
	need_space "$KDIR" $(($(du -sm "$SCRATCH/new" | cut -f 1) + 8)) "the new files"
	(cd "$KDIR" && for file in "${!PATCHED[@]}"; do
		[ ! -e "$file" ] || cp -p --parents "$file" "$SCRATCH/saved"
	done)

	WRITTEN=() DONE=
	trap finish EXIT
	while read -r file; do
		write_file "$file"
	done < <(staged_files "$SCRATCH/new")
	DONE=1

	say "applied to $KDIR: ${#patches[@]} patches, ${#WRITTEN[@]} files."
	say "Next:  make -C $KDIR menuconfig   (Memory Management options: ZCACHE)"
	say "       build and boot it with zcache=1 on the kernel's command line"
}

main "$@"
