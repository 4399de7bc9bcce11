# shellcheck shell=bash
# The kernel tree that everything here is built from: a copy of the pristine
# source with the hook patches, those for guests only (a fix of User Mode Linux,
# and a clock around the hooks that is off unless configured), and our files.
# tree_sync brings it up to date and touches only what differs, so that a
# rebuild after a small change is a small rebuild. Sourced.
#
# No marks need to be trusted: every file that was ever changed is in a list
# beside the tree, and each of them is compared every time.
#
# Builds do not lock the tree, or one worker's long build would keep all others
# waiting. Instead a build looks whether the tree changed meanwhile, and if so
# makes the changed files newer than its objects and builds again.

# shellcheck disable=SC2153	# PATCHES and the others come from lib.sh
tree_patches() {
	local dir
	for dir in "$PATCHES" "$PATCHES_UM" "$PATCHES_BENCH"; do
		[ ! -f "$dir/series" ] || series "$dir"
	done
}

tree_create() {
	[ -d "$TREE" ] && return
	need_space "$TMEM_CACHE" 2000 "a copy of the kernel source"
	say "copying the kernel source to $TREE (about half a minute)"
	rm -rf "$TREE.tmp" "$TREE.files"
	mkdir -p "$(dirname "$TREE")"
	cp -a --reflink=auto "$SRC" "$TREE.tmp"
	rm -rf "$TREE.tmp/.git"
	mv "$TREE.tmp" "$TREE"
}

# tree_put FILE FROM: make a file of the tree equal to FROM, whole or not at all.
# It gets the present time: what was built from the old content is out of date.
tree_put() {
	cmp -s "$2" "$TREE/$1" && return
	mkdir -p "$(dirname "$TREE/$1")"
	cp "$2" "$TREE/$1.tmem-new"
	mv "$TREE/$1.tmem-new" "$TREE/$1"
}

# tree_update WANT: our files as they are to be, the pristine ones otherwise.
tree_update() {
	local want=$1 known=$TREE.files file
	[ -f "$known" ] || : >"$known"
	staged_files "$want" | sort -u - "$known" >"$known.tmp"
	cmp -s "$known.tmp" "$known" || mv "$known.tmp" "$known"
	while read -r file; do
		if [ -f "$want/$file" ]; then
			tree_put "$file" "$want/$file"
		elif [ -f "$SRC/$file" ]; then
			tree_put "$file" "$SRC/$file"
		else
			rm -f "${TREE:?}/$file"
		fi
	done <"$known"
}

# tree_sync [MARK]: sets $TREE and $SRC. MARK is a file made when the tree is
# whole; tree_changed compares with it. Not for use in a condition.
tree_sync() {
	need_tool patch cmp flock
	SRC=$("$TOP/tools/source.sh")
	TREE=$TMEM_CACHE/tree/linux-$(kernel_version "$SRC")
	[ -z "${KSRC:-}" ] || TREE=$TREE-$(echo "$SRC" | sha256sum | cut -c 1-8)
	(
		want=$(mktemp -d)
		trap 'rm -rf "$want"' EXIT
		mapfile -t patches < <(tree_patches)
		stage "$SRC" "$want" "${patches[@]}"
		lock tree
		tree_create
		tree_update "$want"
		[ $# -gt 0 ] || exit 0
		mkdir -p "$(dirname "$1")"
		: >"$1"
		sleep 0.02		# coarser than any file system's clock
	)
}

# tree_changed MARK: touches and names what changed after MARK; false if nothing.
tree_changed() {
	local files file
	[ -z "${TMEM_TREE:-}" ] || return 1	# nobody syncs that one
	files=$(while read -r file; do
		[ ! "$TREE/$file" -nt "$1" ] || echo "$file"
	done <"$TREE.files")
	[ -n "$files" ] || return 1
	(cd "$TREE" && xargs touch <<<"$files")
	say "changed during the build: ${files//$'\n'/ }"
}

# tree_build DIR LOG WHAT COMMAND...: like run_logged, but from a tree at rest.
# Sets BUILD_RC instead of failing.
# shellcheck disable=SC2034	# for the scripts that source this
tree_build() {
	local mark=$1/.tree-mark try
	shift
	for try in 1 2 3 4 5; do
		BUILD_RC=0
		run_logged "$@" || BUILD_RC=$?
		tree_changed "$mark" || return 0
		say "building it again ($try)"
		tree_sync "$mark"
	done
	die "the sources change faster than they can be built" "run this again"
}
