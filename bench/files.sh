#!/bin/bash
# How much zcache does for file pages: a guest with little memory reads files on
# a modelled disk, without zcache and with it, with default settings.
#
# Works:
#   zipf-1.5 zipf-2 zipf-3
#		single pages of kernel sources, 1.5, 2 and 3 times the memory of
#		the guest, are read again and again, by a Zipf law (0.99).
#		Memory is filled at RAM speed, then the disk is as slow as the
#		model for SECS seconds. Counts reads.
#   stream	the same sources, 3 times the memory, once. Counts time.
#   noise-zipf noise-stream
#		the same with what does not compress: 1.5 times the memory
#
# Every page that is read is compared with a checksum that was made here.
#
# Usage: [VARIABLE=VALUE...] bench/files.sh	(or: make bench-files VARIABLE=VALUE...)
#   WORKS	which of them ("zipf-1.5 zipf-2 zipf-3 stream noise-zipf noise-stream")
#   DISKS	which disks ("hdd ssd"); or four numbers, as DISK of the demo
#   MEM		memory of the guest in MiB (256)
#   RUNS	how often each (3): off, on, off, on...; medians are shown
#   WARM	reads of zipf before the clock starts, for each page of the set (20):
#		the pool fills by and by
#   SECS	for each measurement of zipf (15)
#   TUNE	settings to write after boot, FILE=VALUE,...; with zcache only
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$TOP/tools/guest.sh"

BENCH=$TOP/bench
OUT=$TMEM_CACHE/bench
IMAGES=(root)
THETA=0.99
MODES=(zcache=0 zcache=1)
JSON=$OUT/files.json

usage() { sed -n '/^# Works/,/^set/{/^#/s/^# \?//p}' "$0"; }

read_settings() {
	local disk work
	WORKS=${WORKS:-zipf-1.5 zipf-2 zipf-3 stream noise-zipf noise-stream}
	DISKS=${DISKS:-hdd ssd} MEM=${MEM:-256} RUNS=${RUNS:-3}
	SECS=${SECS:-15}
	WARM=${WARM:-20}
	TUNE=${TUNE:-} GUEST=uml
	number MEM 64 4096
	number RUNS 1 99
	number SECS 1 3600
	number WARM 0 1000
	for disk in $DISKS; do
		DISK=$disk
		read_disk
	done
	for work in $WORKS; do
		arguments "$work" >/dev/null
	done
}

# arguments WORK: those of reread.
arguments() {
	local source=/source,/source.sums noise=/noise,/noise.sums
	case $1 in
	zipf-1.5)	zipf "$source" $((MEM * 3 / 2)) ;;
	zipf-2)		zipf "$source" $((MEM * 2)) ;;
	zipf-3)		zipf "$source" $((MEM * 3)) ;;
	stream)		echo "stream,$source,$((MEM * 3))" ;;
	noise-zipf)	zipf "$noise" $((MEM * 3 / 2)) ;;
	noise-stream)	echo "stream,$noise,$((MEM * 3 / 2))" ;;
	*)	die "there is no work $1" "see: bench/files.sh --help" ;;
	esac
}

zipf() { echo "zipf,$1,$2,$THETA,$(($2 * 256 * WARM)),$SECS"; }

# ---- The guest's disk ----

# So many MiB of the sources, in an order that has nothing to do with folders
# and is always the same.
sources() (
	cd "$SRC"
	find . -type f -name '*.[ch]' | sort >"$1"
	shuf --random-source="$1" "$1" | tr '\n' '\0' | xargs -0 cat 2>/dev/null |
		head -c "$2M" || true
)

prepare_disk() {
	local key root
	key=$({ echo "$MEM $SRC"; cat "$BENCH"/guest/* "$TOP/tools/guest-init.sh" \
		"$TOP/demo/slowdisk.c" "$BENCH/files.sh" "$BUSYBOX"; } | sha256sum | cut -c 1-16)
	DISK_DIR=$OUT/disk-$key MODEL=$OUT/disk-$key/slowdisk.so
	lock bench
	[ ! -d "$DISK_DIR" ] || return 0
	say "making the guest's disk: sources of the kernel, noise, and their checksums"
	need_space "$TMEM_CACHE" $((MEM * 12 + 200)) "the guest's disk"
	rm -rf "$OUT"/disk-*
	root=$DISK_DIR.tmp/root
	mkdir -p "$root"
	disk_model "$DISK_DIR.tmp/slowdisk.so"
	make_root "$root" cat echo mkfifo mount poweroff sh sleep sync tr
	static_program "$root/bin/reread" "$BENCH/guest/reread.c"
	install -m 755 "$BENCH/guest/init.sh" "$root/init"
	cp "$TOP/tools/guest-init.sh" "$root"
	sources "$DISK_DIR.tmp/list" $((MEM * 3)) >"$root/source"
	[ "$(stat -c %s "$root/source")" -eq $((MEM * 3 << 20)) ] ||
		die "there are less than $((MEM * 3)) MiB of sources in $SRC" \
		"choose a smaller MEM"
	"$root/bin/reread" noise $((MEM * 3 / 2)) >"$root/noise"
	"$root/bin/reread" sums "$root/source" >"$root/source.sums"
	"$root/bin/reread" sums "$root/noise" >"$root/noise.sums"
	make_image "$root" "$DISK_DIR.tmp/image"
	rm -rf "$root"
	mv "$DISK_DIR.tmp" "$DISK_DIR"
}

# Nothing is written to it, so all guests share one.
make_disks() { [ -e "$RUN/root" ] || cp "$DISK_DIR/image" "$RUN/root"; }

# ---- Runs ----

measure() {
	local work=$1 disk=$2 mode=$3 tune=
	DISK=$disk
	read_disk
	[ "$mode" = "${MODES[0]}" ] || tune=$TUNE
	run_guest "$work $disk $mode" ro "$mode" "want_zcache=${mode#*=}" \
		"rotational=$ROTATIONAL" "work=$(arguments "$work")" "tune=$tune"
	check_results "$work $disk $mode"
	write_json "$work" "$disk" "$mode"
}

check_results() {
	[ "$(last "$1" work_wrong)" -eq 0 ] || failed "$1" "pages were wrong"
	[ "$(last "$1" after_cleancache_load_corrupt)" -eq 0 ] ||
		failed "$1" "zcache found corrupted pages"
}

# One line for each run, with all that is known of it.
write_json() {
	local key name
	{
		printf '"work":"%s"\n"disk":"%s"\n"mode":"%s"\n' "$@"
		for key in "${!RESULT[@]}"; do
			[[ $key = "$1 $2 $3 "* ]] || continue
			name=${key##* }
			printf '"%s":"%s"\n' "$name" "$(last "$1 $2 $3" "$name")"
		done | sed 's/"\([0-9]\+\)"$/\1/' | sort
	} | paste -sd , | sed 's/.*/{&}/' >>"$JSON"
}

# ---- Report ----

# spread VALUE...: the median, and the whole range in brackets.
spread() {
	[ $# -gt 1 ] || { echo "$1"; return; }
	echo "$(middle "$@") ($(printf '%s\n' "$@" | sort -n | sed -n '1p;$p' | paste -sd-))"
}

# per_run MODE FORMAT EXPRESSION: for each run, with $name in it its values.
per_run() {
	local mode=$1 format=$2 expression i name names values term
	expression=$3
	names=$(grep -o '[a-z][a-z0-9_]*' <<<"$expression" | sort -u)
	for ((i = 0; i < RUNS; i++)); do
		term=$expression
		for name in $names; do
			read -ra values <<<"${RESULT["$mode $name"]:-}"
			term=${term//"$name"/${values[i]:-0}}
		done
		calc "$format\n" "$term"
	done
}

# What counts, and how it is called: reads a second, or seconds.
measure_of() {
	case $1 in
	*stream) echo '%.2f work_ms/1000' ;;
	*) echo '%.0f work_reads*1000/work_ms' ;;
	esac
}

unit_of() {
	case $1 in
	*stream) echo "s" ;;
	*) echo "reads/s" ;;
	esac
}

# figures MODE WORK: of all runs.
figures() {
	local format expression
	read -r format expression <<<"$(measure_of "$2")"
	per_run "$1" "$format" "$expression"
}

ratio() { calc '%.2f' "$1 / ($2 ? $2 : 1)"; }

# Disk reads for each page that was read: the modes do not read as many.
report_work() {
	local work=$1 disk=$2 off on off_reads on_reads hits pool
	mapfile -t off < <(figures "$work $disk ${MODES[0]}" "$work")
	mapfile -t on < <(figures "$work $disk ${MODES[1]}" "$work")
	mapfile -t off_reads < <(per_run "$work $disk ${MODES[0]}" %.4f root_reads/work_reads)
	mapfile -t on_reads < <(per_run "$work $disk ${MODES[1]}" %.4f root_reads/work_reads)
	mapfile -t hits < <(per_run "$work $disk ${MODES[1]}" %.4f \
		"(after_cleancache_hits-before_cleancache_hits)/work_reads")
	mapfile -t pool < <(per_run "$work $disk ${MODES[1]}" %.0f \
		"100*after_zcache_pool_pages*4/memory_kib")
	printf '%-12s %-4s %-8s %20s %20s %6s %8s %8s %6s %7s %6s\n' "$work" "$disk" \
		"$(unit_of "$work")" "$(spread "${off[@]}")" "$(spread "${on[@]}")" \
		"$(ratio "$(middle "${on[@]}")" "$(middle "${off[@]}")")" \
		"$(middle "${off_reads[@]}")" "$(middle "${on_reads[@]}")" \
		"$(ratio "$(middle "${on_reads[@]}")" "$(middle "${off_reads[@]}")")" \
		"$(middle "${hits[@]}")" \
		"$(middle "${pool[@]}")%"
}

show_settings() {
	say
	say "Guest   $GUEST_IS, Linux $(kernel_version "$SRC"), $MEM MiB of memory, one CPU, no swap"
	for DISK in $DISKS; do
		read_disk
		say "Disk    $DISK: modelled $DISK_IS"
	done
	say "Warm    zipf: $WARM reads for each page of the set, at RAM speed; then $SECS s"
	say "Runs    $RUNS of each, off and on in turn; medians (lowest-highest)"
	[ -z "$TUNE" ] || say "Tuned   $TUNE"
	say
}

show_report() {
	local work disk
	echo
	printf '%-12s %-4s %-8s %20s %20s %6s %8s %8s %6s %7s %6s\n' work disk unit \
		"${MODES[@]}" ratio "reads:0" "reads:1" ratio hits pool
	for disk in $DISKS; do
		for work in $WORKS; do
			report_work "$work" "$disk"
		done
	done
	cat <<-END

		reads: requests to the disk for each page that was read, without zcache
		and with it. hits: pages that came from zcache, for each that was read.
		pool: memory of zcache at the end. Every page read was right.
	END
	echo "All counters of all runs: $JSON"
}

main() {
	local run work disk mode
	case ${1:-} in
	'') ;;
	-h | --help) usage; return ;;
	*) usage >&2; die "bench/files.sh takes variables, not arguments: $1" ;;
	esac
	read_settings
	need_tool gcc mke2fs taskset setarch od readelf shuf
	static_busybox
	need_cache
	mkdir -p "$OUT"
	clean_up_at_end
	share_cpus
	make_run_folder $((MEM * 8 + 200))
	SRC=$("$TOP/tools/source.sh" | tail -n 1)
	choose_guest
	prepare_disk
	: >"$JSON"
	show_settings
	for disk in $DISKS; do
		for work in $WORKS; do
			for ((run = 1; run <= RUNS; run++)); do
				for mode in "${MODES[@]}"; do
					measure "$work" "$disk" "$mode"
				done
			done
		done
	done
	show_report
}

main "$@"
