#!/bin/bash
# The benchmark: zcache beside plain swap and page cache, zswap and zram, in
# guests that differ in nothing else: the same kernel, memory, disk and work,
# each run from a fresh boot. What is measured is in bench/works.sh; every page
# that is read is verified.
#
# Each run is a line of JSON in RESULTS/runs.json, about.json says where it was.
# Runs that are there, of the same version and settings, are not made again: after
# an interruption the same command goes on (bench/plan.sh). Remove runs.json to
# measure all of it anew.
# The report and its plots are written from them (bench/report.py): into
# Documentation, or beside the results where those are elsewhere.
#
# Usage: [VARIABLE=VALUE...] bench/run.sh [--quick]
#					(or: make bench VARIABLE=VALUE...)
#   WORKS	which works (all), see bench/works.sh
#   MODES	which modes (those that say something about the work)
#   DISKS	which disks ("hdd ssd"); or four numbers, as DISK of the demo.
#		Works that are not about disks have one as fast as memory
#   GUEST	auto, uml, kvm or qemu (auto: KVM where a guest boots with it, or else
#		User Mode Linux). In an emulator only what is counted says anything
#   MEM		memory of the guests in MiB (256); some works have more or less
#   RUNS	how often each (as the work says: 3 or 7): one of each mode of each
#		work, then the next of each...
#   WARM	reads of zipf before the clock starts, for each page of the set (30):
#		only then the cold ones have been seen. The disk is a fast one then
#   SETTLE	seconds of zipf afterwards, with the disk that is measured, before the
#		clock starts (120): a cache that is as large as is best with a fast disk
#		grows no faster than the disk reads. A sixth of it where that is no
#		hard disk
#   SECS	for each measurement that does not end by itself (10)
#   RESULTS	folder of the results (in the repository)
#   TUNE	settings to write after boot, FILE=VALUE,...; with zcache only
#   --quick	some works, once: a quarter of an hour. Results and report are
#		left in the cache folder
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$TOP/tools/guest.sh"
# shellcheck source=bench/works.sh
. "$TOP/bench/works.sh"
# shellcheck source=bench/data.sh
. "$TOP/bench/data.sh"
# shellcheck source=bench/compile.sh
. "$TOP/bench/compile.sh"
# shellcheck source=bench/plan.sh
. "$TOP/bench/plan.sh"
# shellcheck source=bench/lender.sh
. "$TOP/bench/lender.sh"

BENCH=$TOP/bench
OUT=$TMEM_CACHE/bench
IMAGES=(root swap)
QUICK_WORKS="calibrate zipf-1.5 stream heap-zipf compile-j3 density-source density-heap latency"
EMULATED_WORKS=mixed	# what a slow computer can do in its time
EMULATED_MODES="none zram zcache"

usage() { sed -n '/^# Usage/,/^set/{/^#/s/^# \?//p}' "$0"; }

# ---- What was asked for ----

read_settings() {
	local disk work mode
	GUEST=${GUEST:-auto}
	check_guest
	if [ "$GUEST" = qemu ]; then
		WORKS=${WORKS:-$EMULATED_WORKS} MODES=${MODES:-$EMULATED_MODES} SMP=2
		DISKS=${DISKS:-hdd}
	fi
	WORKS=${WORKS:-$(rows "$WORK_TABLE")} MODES=${MODES:-}
	DISKS=${DISKS:-hdd ssd} MEM=${MEM:-256} RUNS=${RUNS:-}
	WARM=${WARM:-30} SETTLE=${SETTLE:-120} SECS=${SECS:-10} TUNE=${TUNE:-} SILENCE=400
	RESULTS=${RESULTS:-$BENCH/results}
	number MEM 64 2048
	SIZE=$MEM
	[ -z "$RUNS" ] || number RUNS 1 99
	number SECS 1 3600
	number WARM 0 1000
	number SETTLE 0 3600
	for disk in $DISKS; do
		DISK=$disk
		read_disk
	done
	for work in $WORKS; do work_is "$work" 1 >/dev/null; done
	for mode in $MODES; do mode_is "$mode" 1 >/dev/null; done
}

be_quick() {
	WORKS=${WORKS:-$QUICK_WORKS} RUNS=${RUNS:-1} RESULTS=${RESULTS:-$OUT/quick}
	WARM=${WARM:-4} SETTLE=${SETTLE:-6} SECS=${SECS:-6} DISKS=${DISKS:-hdd}
}

# ---- The guests' disks ----

# The programs and data of all works but the compile one.
data_disk() {
	local root=$1 program file
	for program in reread heap fetch; do
		static_program "$root/bin/$program" "$BENCH/guest/$program.c"
	done
	install -m 755 "$BENCH"/guest/{calibrate,mixed} "$root/bin"
	put_program "$root" fio "$(readlink -f "$(command -v fio)")"
	data_source "$root/source" $((SIZE * 3))
	"$root/bin/reread" noise $((SIZE * 3 / 2)) >"$root/noise"
	for file in source noise; do
		"$root/bin/reread" sums "$root/$file" >"$root/$file.sums"
	done
	data_binaries "$root/binaries" $((SIZE / 2))
	data_heap "$root/heap" $((SIZE * 3 / 4))
}

# make_disk KIND: an image of the data or of the toolchain with their programs,
# and everything it is made of in its name. Sets DISK_DIR.
make_disk() {
	local kind=$1 key root
	key=$({ echo "$SIZE $SRC"; cat "$BENCH"/*.sh "$BENCH"/guest/* \
		"$TOP"/tools/guest*.sh "$BUSYBOX"; gcc --version; } |
		sha256sum | cut -c 1-16)
	DISK_DIR=$OUT/$kind-$key
	[ ! -d "$DISK_DIR" ] || return 0
	need_space "$TMEM_CACHE" $((SIZE * 20 + 500)) "the guests' disks"
	say "making the guests' disk: $kind"
	rm -rf "$OUT/$kind"-*
	root=$DISK_DIR.tmp/root
	mkdir -p "$root"
	make_root "$root" cat cut echo grep ifconfig mkdir mkfifo mkswap mount \
		poweroff sed sh sleep swapon sync tr usleep
	install -m 755 "$BENCH/guest/init.sh" "$root/init"
	cp "$TOP/tools/guest-init.sh" "$BENCH/guest/link.sh" "$root"
	put_program "$root" nbd-client "$(readlink -f "$(command -v nbd-client)")"
	"${kind}_disk" "$root" "$BUILD"
	make_image "$root" "$DISK_DIR.tmp/image"
	rm -rf "$root"
	mv "$DISK_DIR.tmp" "$DISK_DIR"
}

# Nobody writes to the data, so all guests share one image of it.
make_disks() {
	if [ "$KIND" != data ] || [ "${HAVE:-}" != data ]; then
		cp --sparse=always "$DISK_DIR/image" "$RUN/root"
		HAVE=$KIND
	fi
	truncate -s 0 "$RUN/swap"
	truncate -s $((SIZE * 4))M "$RUN/swap"
}

# ---- Runs ----

# measure WORK DISK MODE: once more.
measure() {
	local work=$1 mode=$3 tune="" name="$1 $2 $3" began
	DISK=$2
	read_disk
	MEM=$(memory_of "$work")
	KIND=$(work_is "$work" 2)
	make_disk "$KIND"
	began=$SECONDS
	! uses_zcache "$mode" || tune=$TUNE
	RESULT=()
	network "$mode" "$(link_of "$work")"
	# shellcheck disable=SC2046	# words of the boot line
	run_guest "$name" "$([ "$KIND" = data ] && echo ro || echo rw)" \
		$(mode_is "$mode" 2) "want=$(mode_is "$mode" 3)" "mode=$mode" \
		slab_nomerge "rotational=$ROTATIONAL" "swapped=$(work_is "$work" 4)" \
		"beside=${#NETWORK[@]}" "${NETWORK[@]}" \
		"memory=$MEM" "work=$(program_of "$work" "$2")" "tune=$tune"
	check_results "$name"
	THERE[$name]=$((THERE[$name] + 1))
	write_json "$name" $((SECONDS - began))
	forget_older "$name"
}

check_results() {
	local counter
	[ "$(last "$1" work_wrong)" -eq 0 ] || failed "$1" "its results are wrong"
	for counter in cleancache frontswap; do
		[ "$(last "$1" "after_${counter}_load_corrupt")" -eq 0 ] ||
			failed "$1" "zcache found corrupted pages"
	done
}

# write_json CELL TOOK: a line; counters that are 0 are left out.
write_json() {
	local key
	{
		printf '"run":%d\n"date":"%s"\n"took":%d\n' "${THERE[$1]}" "$(date -u +%F)" "$2"
		for key in "${!RESULT[@]}"; do
			printf '"%s":"%s"\n' "${key##* }" "$(last "$1" "${key##* }")"
		done | grep -v '^"[^w].*:"0"$' | sed 's/"\([0-9]\+\)"$/\1/' | sort
	} | paste -sd , | sed "s|.*|${IDENTITY[$1]}&}|" >>"$RESULTS/runs.json"
}

# One run of each, then the next of each: what changes on this machine in the
# meantime is shared by all of them, and there are early figures of everything.
measure_all() {
	local cell run
	for ((run = 1; run <= 99; run++)); do
		for cell in "${CELLS[@]}"; do
			if [ "${WANTED[$cell]}" -ge "$run" ] && [ "${THERE[$cell]}" -lt "$run" ]; then
				show_missing
				# shellcheck disable=SC2086	# three words
				measure $cell
			fi
		done
	done
}

# ---- Where it was measured ----

# Values are of this machine: no quotes or backslashes are expected in them.
write_about() {
	local link pairs=("kernel" "$(kernel_version "$SRC")"
		"host_cpu" "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
		"host_cpus" "$(nproc --all)" "gcc" "$(gcc --version | head -n 1)"
		"mem_mib" "$SIZE")
	for DISK in hdd ssd ram; do
		read_disk
		pairs+=("disk_$DISK" "$DISK_IS")
	done
	for link in $(rows "$LINK_TABLE"); do
		pairs+=("link_$link" "$(row "$LINK_TABLE" "$link" 4)")
	done
	printf '"%s":"%s"\n' "${pairs[@]}" | sed 's/"\([0-9]\+\)"$/\1/' | paste -sd , | sed 's/.*/{&}/' \
		>"$RESULTS/about.json"
}

look_at_idle() { "$TOP/tools/check-idle.sh" >"$RESULTS/idle.txt"; }

# What else the report says: it takes no guests of ours, or a few minutes.
write_report() {
	local pages=$RESULTS
	! grep -q '"work":"zipf-' "$RESULTS/runs.json" ||
		"$BENCH/ceiling.sh" "$RESULTS" ||
		warn "the report says nothing about the ceiling of the zipf works"
	if [ "$RESULTS" = "$BENCH/results" ]; then
		pages=$TOP/Documentation
		part profile "$BENCH/profile.sh"
		[ "$(nproc)" -lt 2 ] || part scaling "$BENCH/scaling.sh"
		part idle look_at_idle
	fi
	"$BENCH/report.py" "$RESULTS" "$pages"
}

show_settings() {
	say
	say "Guest   $GUEST_IS, CPUs: $SMP, Linux $(kernel_version "$SRC"), $SIZE MiB of memory (some works: less or more)"
	say "Works   $WORKS"
	say "Disks   $DISKS"
	say "Results $RESULTS"
	[ -z "$TUNE" ] || say "Tuned   $TUNE"
	say
}

main() {
	case ${1:-} in
	'') ;;
	--quick) be_quick ;;
	-h | --help) usage; return ;;
	*) usage >&2; die "bench/run.sh takes --quick, not $1" "give variables in front of it" ;;
	esac
	read_settings
	need_tool mke2fs shuf gnuplot python3 fio nbd-client nbd-server
	get_ready $((MEM * 10 + 500))
	mkdir -p "$RESULTS"
	touch "$RESULTS/runs.json"
	MODEL=$RUN/slowdisk.so
	disk_model "$MODEL"
	lock bench
	read_versions "$BUILD"
	make_plan
	show_settings
	write_about
	measure_all
	write_report
}

main "$@"
