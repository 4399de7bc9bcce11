#!/bin/bash
# Where the time of a store and of a load goes, in two ways:
#
# instructions	counted by callgrind in a user-space build of tmem and zbud, with
#		the kernel's own lzo and xxhash: the same figures on each run
# samples	of a User Mode Linux guest, taken from outside by perf, while it reads
#		files and while it touches a heap, both larger than its memory, by a
#		Zipf law; the disk is as fast as memory
#
# Usage: bench/profile.sh [instructions|samples]	(both)
# Writes profile.md, a part of the report, to bench/results.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$TOP/tools/guest.sh"
# shellcheck source=bench/data.sh
. "$TOP/bench/data.sh"
# shellcheck source=bench/native.sh
. "$TOP/bench/native.sh"

BENCH=$TOP/bench
RESULTS=${RESULTS:-$BENCH/results}
OUT=$TMEM_CACHE/bench/profile
OPERATIONS=(store_file load_file miss_file evict_file store_swap load_swap free_swap)

usage() { sed -n '/^# Usage/,/^set/{/^#/s/^# \?//p}' "$0"; }

# ---- Instructions ----

# A repeated string instruction would count once for each byte.
count_instructions() {
	local operation no_rep=glibc.cpu.x86_rep
	need_tool gcc valgrind callgrind_annotate shuf
	build_native profile "$OUT" "$TOP/tests/user/rcu.c"
	data_source "$OUT/set" "$SET_MIB"
	export GLIBC_TUNABLES=${no_rep}_stosb_threshold=9999999:${no_rep}_movsb_threshold=9999999
	for operation in "${OPERATIONS[@]}"; do
		say "counting the instructions of $operation"
		valgrind -q --tool=callgrind --instr-atstart=no --collect-atstart=no \
			--toggle-collect="op_$operation*" \
			--callgrind-out-file="$OUT/callgrind" \
			"$OUT/profile" "$OUT/set" >"$OUT/counts" ||
			die "valgrind failed" "see above"
		callgrind_annotate --threshold=100 --auto=no "$OUT/callgrind" \
			>"$OUT/$operation.callgrind"
	done
	unset GLIBC_TUNABLES
}

# ---- Samples ----

MEM=256 GUEST=uml DISK=ssd IMAGES=(root swap)
FILES_MIB=$((MEM * 2)) HEAP_MIB=$((MEM * 3 / 2))
THETA=0.99
WRITES=30		# per cent of the touches of the heap
SECS=15
FREQUENCY=4000

# Before samples are taken all is filled; in units of the pages there are.
declare -A WORK=(
	[files]="reread,zipf,/source,/source.sums,$FILES_MIB,$THETA,$((FILES_MIB * 256 * 20)),0,$SECS"
	[heap]="heap,touch,/source,$HEAP_MIB,$THETA,$WRITES,$((HEAP_MIB * 256 * 4)),$SECS"
)

# What guest.sh calls when the guest wants its disk slow or fast. It stays fast:
# what takes time of the CPU is looked for. But samples are taken in between.
disk_speed() {
	case $1 in
	model)	perf record -q -e cpu-clock -F "$FREQUENCY" -o "$OUT/perf.data" \
			-p "$(pgrep -d , -g "$GUEST_PID")" 2>"$OUT/perf.log" &
		SAMPLER=$! ;;
	fast)	kill -INT "$SAMPLER"
		wait "$SAMPLER" || true
		perf script -i "$OUT/perf.data" -F ip,sym,dso \
			>"$OUT/samples" 2>>"$OUT/perf.log" ||
			die "perf script failed" "see $OUT/perf.log" ;;
	esac
}

# One for both works.
prepare_disk() {
	local root=$RUN/tree program
	mkdir -p "$root"
	MODEL=$RUN/slowdisk.so
	disk_model "$MODEL"
	make_root "$root" cat mkfifo mkswap mount poweroff sh sleep swapon sync tr
	for program in reread heap; do
		static_program "$root/bin/$program" "$BENCH/guest/$program.c"
	done
	install -m 755 "$BENCH/guest/profile.sh" "$root/init"
	cp "$TOP/tools/guest-init.sh" "$root"
	data_source "$root/source" "$FILES_MIB"
	"$root/bin/reread" sums "$root/source" >"$root/source.sums"
	make_image "$root" "$RUN/root"
	rm -rf "$root"
}

make_disks() {
	truncate -s 0 "$RUN/swap"
	truncate -s $((HEAP_MIB * 2))M "$RUN/swap"
}

can_sample() {
	command -v perf >/dev/null &&
		perf record -q -e cpu-clock -o "$OUT/perf.data" true 2>/dev/null
}

take_samples() {
	local work
	rm -f "$OUT"/samples*
	share_cpus
	if ! can_sample; then
		say "perf cannot take samples on this machine"
		return
	fi
	need_tool mke2fs pgrep setarch shuf taskset
	static_busybox
	clean_up_at_end
	make_run_folder $((FILES_MIB * 3 + HEAP_MIB * 2 + MEM))
	choose_guest
	read_disk
	prepare_disk
	for work in files heap; do
		run_guest "$work" ro zcache=1 want=on,on rotational=0 \
			"work=${WORK[$work]}"
		mv "$OUT/samples" "$OUT/samples-$work"
	done
	cleanup
}

main() {
	case $# in
	0) set -- instructions samples ;;
	1) ;;
	*) usage >&2; die "bench/profile.sh takes one argument or none: $*" ;;
	esac
	case $1 in
	instructions | samples) ;;
	-h | --help) usage; return ;;
	*) usage >&2; die "bench/profile.sh can do instructions and samples, not $1" ;;
	esac
	need_cache
	lock bench-profile
	mkdir -p "$OUT" "$RESULTS"
	SRC=$("$TOP/tools/source.sh" | tail -n 1)
	[[ " $* " != *" instructions "* ]] || count_instructions
	[[ " $* " != *" samples "* ]] || take_samples
	"$BENCH/profile.py" "$OUT" >"$RESULTS/profile.md.tmp"
	mv "$RESULTS/profile.md.tmp" "$RESULTS/profile.md"
	say "written: $RESULTS/profile.md"
}

main "$@"
