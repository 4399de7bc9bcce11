# shellcheck shell=bash
# What a kernel tree becomes: the existing files that our patches change, and
# the files that we add. Both are made in a scratch folder, where a patch that
# does not apply harms nobody. Sourced by apply.sh and tree.sh.

# series DIR: the patches of a folder in their order.
series() {
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' -e "s|^|$1/|" "$1/series"
}

# patched_files PATCH...: the files that patches change or add.
patched_files() {
	[ $# -eq 0 ] || sed -n -e 's|^--- a/\([^\t]*\).*|\1|p' \
		-e 's|^+++ b/\([^\t]*\).*|\1|p' "$@" | sort -u
}

# overlay: "<file of ours> <place in the kernel>", one a line.
overlay() (
	cd "$TOP" || exit
	shopt -s nullglob
	for f in Kconfig Makefile *.[ch] tests/*_kunit.c tests/*.h \
		tests/.kunitconfig ramster/{Kconfig,Makefile,*.[ch]}; do
		[ ! -f "$f" ] || echo "$f mm/tmem/$f"
	done
	for f in include/linux/*.h include/trace/events/*.h; do
		echo "$f $f"
	done
	# The report of the benchmark is not for the kernel's documentation.
	[ ! -d Documentation ] || find Documentation -type f \
		! -path 'Documentation/benchmarks*' -printf '%p %p\n'
)

# stage SRC OUT PATCH...: fill the new folder OUT from the pristine tree SRC.
stage() {
	local src=$1 out=$2 file from to patch
	shift 2
	patched_files "$@" | while read -r file; do
		[ -f "$src/$file" ] || continue
		mkdir -p "$out/$(dirname "$file")"
		cp "$src/$file" "$out/$file"
	done
	for patch; do
		patch --directory="$out" --strip=1 --fuzz=0 --force --silent \
			--no-backup-if-mismatch <"$patch" >"$out/.patch.log" 2>&1 && continue
		sed 's/^/   /' "$out/.patch.log" >&2
		die "${patch#"$TOP/"} does not apply to $src" \
			"use a pristine linux-$KSERIES.y; made for $(base_tag)"
	done
	rm -f "$out/.patch.log"
	overlay | while read -r from to; do
		mkdir -p "$out/$(dirname "$to")"
		cp "$TOP/$from" "$out/$to"
	done
}

base_tag() { awk '$1 == "tag" { print $2 }' "$PATCHES/BASE"; }

# staged_files OUT: all of them, relative.
staged_files() { (cd "$1" && find . -type f -printf '%P\n' | sort); }
