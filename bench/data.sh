# shellcheck shell=bash
# Real data for the guests: what memory and page cache of a real machine hold.
# Sourced after lib.sh, never run. All of these are called with
#
#	FILE MIB	make FILE, so many MiB of the data
#
# and make the same FILE every time, on the same machine and for the same name.

# in_any_order: lines, in an order that has nothing to do with folders.
in_any_order() {
	local list
	list=$(mktemp)
	sort >"$list"
	shuf --random-source="$list" "$list" || true	# read to the end or not
	rm "$list"
}

# need_all FILE MIB WHAT
need_all() {
	[ "$(stat -c %s "$1")" -eq $(($2 << 20)) ] ||
		die "there are less than $2 MiB of $3" "choose a smaller MEM"
}

# Sources of the kernel in $SRC, one after the other as in an archive. Without
# the tables of registers, which are a third of them and compress twice as well.
data_source() {
	(
		cd "$SRC" || exit
		find . -type f -name '*.[ch]' -size -512k | in_any_order | tr '\n' '\0' |
			xargs -0 cat 2>/dev/null | head -c "$2M" || true
	) >"$1"
	need_all "$1" "$2" "kernel sources in $SRC"
}

is_elf() { [ "$(head -c 4 "$1" | tr -d '\0')" = $'\x7fELF' ]; }

# Programs and libraries of this machine. Each begins a page, as in the page
# cache, and no more than 4 MiB are taken of one, or a single one could be all.
data_binaries() {
	local file
	: >"$1"
	while [ "$(stat -c %s "$1")" -lt $(($2 << 20)) ] && read -r file; do
		is_elf "$file" || continue
		head -c 4M "$file" >>"$1"
		truncate -s %4096 "$1"
	done < <(find /usr/bin /usr/lib -type f -readable \
		\( -perm /111 -o -name '*.so*' \) | in_any_order)
	truncate -s "<$2M" "$1"
	need_all "$1" "$2" "programs in /usr/bin and /usr/lib"
}

# The memory of a process of Python. Its allocator marks free memory with a
# random number, but for the tcache.
data_heap() {
	GLIBC_TUNABLES=glibc.malloc.tcache_count=0 PYTHONHASHSEED=0 \
		setarch -R python3 -B -S "$TOP/bench/heap.py" "$1" "$2" \
		</dev/null >/dev/null
	need_all "$1" "$2" "a heap of Python"
}
