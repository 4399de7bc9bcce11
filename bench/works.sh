# shellcheck shell=bash
# What is measured: works, modes, and what they are made of. Sourced by run.sh.

# work | image | memory | swap | runs | modes | program of the guest and its
# arguments
#
# image	data (read-only, see data.sh) or compile (a toolchain, see compile.sh)
# memory	of the guest, in per cent of MEM
# swap	whether there is any
# runs	how often each mode: 7 where a goal asks for an interval
# modes	see mode_is; what else is asked for is measured as well
# In the arguments M is MEM as it was asked for, in MiB; WARM, SETTLE, SECS see run.sh.
#
# Why so: reads of files are measured without swap, where only the page cache
# counts. A heap of one and a half times the memory just fits into memory when it
# is compressed. Compilers take less memory than that, so memory has to be
# smaller for the sweep over the jobs to go from "fits" to "thrashes". Density
# and latency are those of the pools alone: memory is plenty, the program asks
# for its pages to be swapped out. What comes from a second guest (see lender.sh)
# is beside the same from a disk; its own disk costs nothing then.
FILE_MODES="none zcache"
SWAP_MODES="none zswap zswap-80 zram zcache zcache-nocleancache"
ALL_MODES="$SWAP_MODES zcache-nofrontswap"
POOL_MODES="zswap zram zcache"
REMOTE_MODES="none nbd ramster"
WORK_TABLE="
calibrate|data|100|0|3|none|calibrate SECS
zipf-1.5|data|100|0|3|$FILE_MODES|reread zipf /source /source.sums M*3/2 0.99 M*384*WARM SETTLE SECS
zipf-2|data|100|0|3|$FILE_MODES|reread zipf /source /source.sums M*2 0.99 M*512*WARM SETTLE SECS
zipf-3|data|100|0|3|$FILE_MODES|reread zipf /source /source.sums M*3 0.99 M*768*WARM SETTLE SECS
stream|data|100|0|3|$FILE_MODES|reread stream /source /source.sums M*3
noise-zipf|data|100|0|3|$FILE_MODES|reread zipf /noise /noise.sums M*3/2 0.99 M*384*WARM SETTLE SECS
noise-stream|data|100|0|3|$FILE_MODES|reread stream /noise /noise.sums M*3/2
heap-zipf|data|100|1|3|$SWAP_MODES zcache-slow|heap touch /heap M*3/2 0.99 30 M*384*2 SECS
heap-uniform|data|100|1|3|$SWAP_MODES|heap touch /heap M*3/2 0 30 M*384 SECS
mixed|data|100|1|3|$ALL_MODES|mixed /heap M*3/4 M*96 /source M SECS
compile-j1|compile|75|1|7|$SWAP_MODES|compile 1 300
compile-j2|compile|75|1|7|$SWAP_MODES|compile 2 300
compile-j3|compile|75|1|7|$ALL_MODES|compile 3 300
compile-j4|compile|75|1|7|$SWAP_MODES|compile 4 300
density-source|data|300|1|3|$POOL_MODES|heap pack /source M/2 8 20
density-binaries|data|300|1|3|$POOL_MODES|heap pack /binaries M/2 8 20
density-heap|data|300|1|3|$POOL_MODES|heap pack /heap M/2 8 20
latency|data|300|1|3|zswap zcache|heap pack /source M/4 6 50
remote-heap|data|100|1|3|$REMOTE_MODES|fetch /heap M*3/8
remote-source|data|100|1|3|$REMOTE_MODES|fetch /source M*3/8
remote-heap-slow|data|100|1|3|$REMOTE_MODES|fetch /heap M*3/8
"

# mode | boot line | file and swap pages in zcache | what it is
MODE_TABLE="
none|zcache=0|off,off|plain page cache and swap
zswap|zcache=0 zswap.enabled=1|off,off|zswap as it is by default (lzo, zsmalloc, 20 % of memory)
zswap-80|zcache=0 zswap.enabled=1 zswap.max_pool_percent=80|off,off|zswap with the share of memory that zcache has
zram|zcache=0|off,off|swap on zram as it is by default (lzo-rle), the disk's swap behind it
zcache|zcache=1|on,on|zcache as it is by default
zcache-nocleancache|zcache=1 nocleancache|off,on|zcache for swap pages only
zcache-nofrontswap|zcache=1 nofrontswap|on,off|zcache for file pages only
ramster|zcache=1 ramster|on,on|zcache, and a second guest that lends memory to it
nbd|zcache=0|off,off|swap on a network block device in the memory of a second guest
zcache-net|zcache=1|on,on|zcache in the kernel that ramster and nbd have, no second guest
zcache-slow|zcache=1|on,on|zcache with a delay of 50 us in each store, to see that it shows
"

# row TABLE NAME FIELD: empty if there is no such name.
row() { awk -F'|' -v name="$2" -v n="$3" '$1 == name { print $n }' <<<"$1"; }

rows() { awk -F'|' 'NF { print $1 }' <<<"$1" | xargs; }

# work_is WORK FIELD, mode_is MODE FIELD: dies if there is none of that name.
work_is() {
	[ -n "$(row "$WORK_TABLE" "$1" 1)" ] ||
		die "there is no work $1" "the works are: $(rows "$WORK_TABLE")"
	row "$WORK_TABLE" "$1" "$2"
}

mode_is() {
	[ -n "$(row "$MODE_TABLE" "$1" 1)" ] ||
		die "there is no mode $1" "the modes are: $(rows "$MODE_TABLE")"
	row "$MODE_TABLE" "$1" "$2"
}

# program_of WORK DISK: with its numbers worked out, words separated by commas.
program_of() {
	local word words=()
	for word in $(work_is "$1" 7); do
		case $word in
		SETTLE)	word=$SETTLE
			[ "$2" = hdd ] || word=$((SETTLE / 6)) ;;
		M* | SECS)
			word=${word//WARM/$WARM}
			word=$((${word//M/$SIZE})) ;;
		esac
		words+=("$word")
	done
	(IFS=,; echo "${words[*]}")
}

# Modes with a second guest, and those with its kernel.
has_lender() { [[ $1 = @(ramster|nbd) ]]; }
has_network() { has_lender "$1" || [ "$1" = zcache-net ]; }

# disks_of WORK MODE DISKS: of DISKS those that it is measured with, or memory. None if
# this kind of guest has no network.
disks_of() {
	! has_network "$2" || [ "$GUEST" = uml ] || return 0
	case $1 in
	density-* | latency) echo ram ;;
	remote-*) if has_lender "$2"; then echo ram; else echo "$3"; fi ;;
	*) echo "$3" ;;
	esac
}

# memory_of WORK: in MiB.
memory_of() { echo $((SIZE * $(work_is "$1" 3) / 100)); }
