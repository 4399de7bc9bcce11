#!/bin/bash
# The demo: a guest with little memory and a slow disk does the same work twice,
# without zcache and with it, and the two are shown side by side.
#
# The work is code search. A program reads a part of the kernel's sources and
# keeps the cross-reference of all their words on its heap, which is larger than
# the memory of the guest. Then the clock starts: it is asked where the words of
# mm/zswap.c are used, while grep looks for one word after the other in mm/,
# kernel/ and fs/, which are more than memory has room for beside the heap. So
# swap pages and file pages are both wanted again and again. Everything is read
# through the disk, swap and sources alike. Before the clock starts, and after it
# stops (when the whole heap is verified), the disk is a fast one.
#
# The same programs run on this machine first, where memory is plenty: what they
# find is what both guests must find.
#
# Usage: [VARIABLE=VALUE...] demo/run.sh	(or: make demo VARIABLE=VALUE...)
#   DISK	hdd (default), ssd, or four numbers of your own:
#		"seek,request,KiB,flush" in ns, see slowdisk.c
#   MEM		memory of the guest in MiB (256)
#   HEAP	size of the heap in MiB (300)
#   RUNS	how often (1); medians are shown
#   GUEST	auto (default): KVM where a guest boots with it, else uml
#		kvm, uml (User Mode Linux), qemu (emulation: slow)
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$TOP/tools/guest.sh"

DEMO=$TOP/demo
OUT=$TMEM_CACHE/demo
IMAGES=(source swap)
ASK=mm/zswap.c		# whose words are looked up
ASK_MAX=150		# not those with more uses: "if" is no question
SEARCH="mm kernel fs"	# what grep goes through,
WORDS="lock page folio error"	# once for each of these
ZCACHE=(zcache=0 zcache=1)
# The order in which the heap is filled: everyday code first.
FOLDERS=(mm kernel ipc init lib block crypto security fs include net sound
	arch/x86 virt drivers)

usage() { sed -n '/^# Usage/,/^set/{/^#/s/^# \?//p}' "$0"; }

# ---- What was asked for ----

read_settings() {
	DISK=${DISK:-hdd} MEM=${MEM:-256} HEAP=${HEAP:-300} RUNS=${RUNS:-1}
	GUEST=${GUEST:-auto}
	number MEM 64 16384
	number HEAP 32 3000
	number RUNS 1 99
	read_disk
	check_guest
	[ "$HEAP" -le $((MEM * 4)) ] ||
		die "HEAP=$HEAP is more than four times MEM=$MEM: it would swap for ever" \
		"choose a smaller HEAP or more MEM"
}

# ---- The guest's disk ----

# Sources that fill the heap: it takes nearly four bytes for one of them.
list_sources() (
	cd "$SRC"
	for dir in "${FOLDERS[@]}"; do
		find "$dir" -type f -name '*.[ch]' -printf '%s %p\n' | sort -k 2
	done | awk -v limit=$((HEAP * 1024 * 1024 / 3)) \
		'sum <= limit { print $2 } { sum += $1 }'
)

fill_root() {
	local root=$1 program
	make_root "$root" cat cut grep mkfifo mkswap mount poweroff sh sha256sum \
		sleep swapon sync tr xargs
	for program in xref uml_dirty; do
		static_program "$root/bin/$program" "$DEMO/guest/$program.c"
	done
	install -m 755 "$DEMO/guest/init.sh" "$root/init"
	install -m 755 "$DEMO/guest/search.sh" "$root/search"
	cp "$TOP/tools/guest-init.sh" "$root"
	mkdir "$root/src"
	list_sources >"$root/list"
	tar -C "$SRC" -cf - -T "$root/list" | tar -C "$root/src" -xf -
}

# What is right, found out here with the programs of the guest.
expect() {
	local root=$1 out=$2
	(cd "$root/src" && printf 'ask %s %s\nverify\n' "$ASK" "$ASK_MAX" |
		../bin/xref ../list "$HEAP") >"$out" || die \
		"the sources in $SRC do not fill a heap of $HEAP MiB" \
		"choose a smaller HEAP"
	grep -q ^verified "$out" || die "xref does not work on this machine" \
		"see $out"
	echo "search $(PATH=$root/bin SRC=$root/src LIST=$root/list \
		"$root/bin/sh" "$root/search" "$SEARCH" "$WORDS")" >>"$out"
}

# Everything that the guest's disk is made of is in its name. Only the disk of
# the last settings is kept.
prepare_disk() {
	local key
	key=$({ echo "$HEAP $ASK $ASK_MAX $SEARCH $WORDS" "$SRC" "${FOLDERS[@]}"
		cat "$DEMO"/guest/* "$DEMO/slowdisk.c" "$DEMO/run.sh" \
			"$TOP"/tools/guest*.sh "$BUSYBOX"; } |
		sha256sum | cut -c 1-16)
	DISK_DIR=$OUT/disk-$key MODEL=$OUT/disk-$key/slowdisk.so
	lock demo
	[ ! -d "$DISK_DIR" ] || return 0
	say "making the guest's disk: a part of the kernel's sources, and the right results"
	need_space "$TMEM_CACHE" $((HEAP * 2 + 200)) "the guest's disk"
	rm -rf "$OUT"/disk-*
	mkdir -p "$DISK_DIR.tmp"
	disk_model "$DISK_DIR.tmp/slowdisk.so"
	fill_root "$DISK_DIR.tmp/root"
	expect "$DISK_DIR.tmp/root" "$DISK_DIR.tmp/expected"
	make_image "$DISK_DIR.tmp/root" "$DISK_DIR.tmp/image"
	rm -rf "$DISK_DIR.tmp/root"
	mv "$DISK_DIR.tmp" "$DISK_DIR"
}

make_disks() {
	cp --sparse=always "$DISK_DIR/image" "$RUN/source"
	truncate -s 0 "$RUN/swap"
	truncate -s $((HEAP * 2))M "$RUN/swap"
}

# ---- Two guests, one after the other ----

work() {
	local want=("off,off" "on,on")
	run_guest "$1" rw "$1" want="${want[${1#*=}]}" rotational="$ROTATIONAL" \
		heap="$HEAP" ask="$ASK" max="$ASK_MAX" search="${SEARCH// /,}" \
		words="${WORDS// /,}"
	check_results "$1"
}

# Both kinds of search found what they find where memory is plenty; the heap is
# verified by xref itself.
check_results() {
	local right
	right="$(sed -n 's/.* hash=//p' "$DISK_DIR/expected") $(
		sed -n 's/^search //p' "$DISK_DIR/expected")"
	[ "$(last "$1" ask_hash) $(last "$1" search_hash)" = "$right" ] ||
		failed "$1" "its results are wrong"
	[ "$(last "$1" end_cleancache_load_corrupt) $(
		last "$1" end_frontswap_load_corrupt)" = "0 0" ] ||
		failed "$1" "zcache found corrupted pages"
}

# ---- Report ----

# during MODE NAME: how much a counter grew while the work was done.
during() { echo $(($(median "$1" "after_$2") - $(median "$1" "before_$2"))); }

row() { printf '  %-38s %18s %18s\n' "$@"; }

# both LABEL FUNCTION [ARGUMENT...]: a row, the function is given the mode.
both() {
	local label=$1 function=$2
	shift 2
	row "$label" "$($function "${ZCACHE[0]}" "$@")" "$($function "${ZCACHE[1]}" "$@")"
}

seconds() { calc '%.1f s' "$(median "$1" "$2") / 1000"; }

# brief MILLISECONDS: for a sentence.
brief() {
	if [ "$1" -lt 10000 ]; then calc '%.1f s' "$1 / 1000"; else calc '%.0f s' "$1 / 1000"; fi
}

# io MODE REQUESTS KIB
io() {
	printf '%d /' "$(median "$1" "$2")"
	calc '%6.1f MiB' "$(median "$1" "$3") / 1024"
}

# split MODE FILE SWAP: two numbers of the end of the work.
split() { echo "$(median "$1" "after_cleancache_$2") / $(median "$1" "after_frontswap_$2")"; }

memory_of() { calc '%.1f' "$(median "$1" "after_$2_frames") * $(frame_pages "$1") * 4 / 1024"; }

# Frames are of one size.
frame_pages() {
	local frames
	frames=$(($(median "$1" after_cleancache_frames) + $(median "$1" after_frontswap_frames)))
	echo $(($(median "$1" after_zcache_pool_pages) / (frames ? frames : 1)))
}

split_memory() { echo "$(memory_of "$1" cleancache) / $(memory_of "$1" frontswap) MiB"; }

compression_of() {
	[ "$(median "$1" "after_$2_stored_bytes")" -gt 0 ] || { echo -; return; }
	calc '%.2f' "$(median "$1" "after_$2_zpages") * 4096 / $(median "$1" "after_$2_stored_bytes")"
}

split_compression() { echo "$(compression_of "$1" cleancache) / $(compression_of "$1" frontswap)"; }

pool_memory() {
	calc '%.1f' "($(median "$1" after_zcache_pool_pages) * 4096 + $(median "$1" after_zcache_index_bytes)) / 1048576"
	calc ' of %d MiB' "$(last "$1" memory_kib) / 1024"
}

all_of() { echo "${RESULT["$1 $2"]}"; }

reads() { echo $(($(median "$1" source_reads) + $(median "$1" swap_reads))); }

show_settings() {
	say
	say "Guest   $GUEST_IS, Linux $(kernel_version "$SRC"), $MEM MiB of memory, one CPU"
	say "Disk    modelled $DISK_IS; swap and files are both on it"
	say "Work    find the uses of all words of $ASK in an index of $HEAP MiB that is kept"
	say "        on the heap, and at the same time search for $(wc -w <<<"$WORDS") words, one after the other,"
	say "        in $(sed 's/[^ ]*/&\//g' <<<"$SEARCH") of the kernel's sources"
	say "Clock   runs while working; filling and verifying have a fast disk"
	say "Change  make demo DISK=hdd|ssd MEM=MiB HEAP=MiB RUNS=N GUEST=auto|kvm|uml|qemu"
	say
}

show_report() {
	echo
	row "" "${ZCACHE[@]}"
	both "time for the work" seconds work_ms
	[ "$RUNS" -eq 1 ] || both "  each run, ms" all_of work_ms
	both "disk busy" seconds busy_ms
	both "files: disk reads / amount" io source_reads source_read_kib
	both "  pages that came from zcache" during cleancache_hits
	both "swap: disk reads / amount" io swap_reads swap_read_kib
	both "  disk writes / amount" io swap_writes swap_write_kib
	both "  pages that came from zcache" during frontswap_hits
	row "at the end, in zcache" "files / swap" "files / swap"
	both "  pages" split stored_pages
	both "  memory they take" split_memory
	both "  compression ($(last "${ZCACHE[1]}" compressor))" split_compression
	both "  memory used by zcache, with its index" pool_memory
	both "pages of heap verified" median verify_pages
	row "results" "right" "right"
	echo
	sentence
}

sentence() {
	local off on ratio reads
	off=$(median "${ZCACHE[0]}" work_ms) on=$(median "${ZCACHE[1]}" work_ms)
	ratio=$(calc '%.1f' "$(reads "${ZCACHE[0]}") / ($(reads "${ZCACHE[1]}") + 1)")
	reads="and had to read from the disk $ratio times less often"
	[ "$(calc %d "$ratio * 10")" -ge 12 ] || reads="and read from the disk about as often"
	if [ $((on * 20)) -lt $((off * 19)) ]; then
		echo "With zcache the same work took $(brief "$on") instead of $(brief "$off") $reads."
	else
		echo "With zcache the same work did not get faster here: $(brief "$on"), and $(brief "$off") without it."
	fi
}

main() {
	local run mode
	case ${1:-} in
	'') ;;
	-h | --help) usage; return ;;
	*) usage >&2; die "demo/run.sh takes variables, not arguments: $1" ;;
	esac
	read_settings
	get_ready $((MEM + HEAP * 2 + 400))
	prepare_disk
	show_settings
	for ((run = 1; run <= RUNS; run++)); do
		for mode in "${ZCACHE[@]}"; do
			work "$mode"
		done
	done
	show_report
}

main "$@"
