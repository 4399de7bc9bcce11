#!/bin/sh
# The first process of a guest of the benchmark: one work in one mode, measured.
#
# From the command line of the kernel, besides what guest-init.sh wants:
# shellcheck disable=SC2154	# mode swapped work files swap memory beside
# mode=NAME		what is measured, see bench/works.sh
# swapped=0|1		whether there is swap
# work=WORD,WORD...	the program, and its arguments
# beside=0|1		whether there is a second guest, that lends memory
# tune=FILE=VALUE,...	optional: written after boot, to try things out
#
# The program says on its standard output, a line each, what it is about to do,
# and waits for a line on its standard input before it goes on:
#
#	progress DONE TOTAL	how far it is (does not wait)
#	settle			its disk is from now on as slow as it is said to be
#	warm			ready; what comes next is measured
#	leave			what it has swapped out is to go as far as it can
#	stage NAME		all counters are wanted, with NAME in front
#	stage after		the same, and what is measured is over
#	result NAME=NUMBER...	the end (does not wait)

# shellcheck source=tools/guest-init.sh
. /guest-init.sh
. /link.sh

ZSWAP=/sys/module/zswap/parameters/enabled
ZRAM=/sys/block/zram0
ZCACHE=/sys/module/zcache/parameters
NBD=/dev/nbd0
CONFIG=/sys/kernel/config
PEER=$CONFIG/ramster/lender-guest
LATENCY=$DEBUG/swap_latency
SLOW_US=50

# What was asked of the boot line has to be so.
check_mode() {
	check_zcache
	read_word $ZSWAP
	case $mode$word in
	zswap*Y | none*N | nbd*N | zram*N | zcache*N | ramster*N) ;;
	*) finish fail "the kernel's zswap is \"$word\" in mode $mode" ;;
	esac
	[ "$mode" != zcache-slow ] || echo $SLOW_US >$LATENCY/delay_us ||
		finish fail "zcache cannot be slowed down"
}

# Of two swap devices the first one is filled first.
set_up_swap() {
	rotate "$swap"
	[ "$swapped" = 1 ] || return
	case $mode in
	zram)	echo "$((memory * 3))M" >$ZRAM/disksize || finish fail "no zram"
		swap_on /dev/zram0 ;;
	nbd)	nbd-client "$LENDER" $NBD -b 4096 >/tmp/errors 2>&1 ||
			finish fail "no network block device: $(cat /tmp/errors)"
		swap_on $NBD
		return ;;
	esac
	swap_on "$swap"
}

# The other guest answers already, or this one would not have been started.
borrow() {
	ifconfig vec0 "$BORROWER" || finish fail "no network"
	[ "$mode" = ramster ] || return
	mount -t configfs configfs $CONFIG || finish fail "no configfs"
	mkdir $PEER || finish fail "no RAMster"
	echo "$LENDER" >$PEER/address
	echo insecure >$PEER/security
	echo 1 >$PEER/borrow || finish fail "cannot borrow"
	tries=0
	read_word $PEER/state
	while [ "$word" != up ]; do
		[ $tries -lt 100 ] || finish fail "the lender is $word"
		tries=$((tries + 1))
		usleep 100000
		read_word $PEER/state
	done
}

# Swap pages leave zcache; of the others what is under way arrives.
leave() {
	[ "$mode" != ramster ] || echo 0 >$ZCACHE/drain
	while :; do
		until grep -qx 'nr_writeback 0' /proc/vmstat; do usleep 10000; done
		read_word $ZCACHE/drain
		[ "${word:-0}" != 0 ] || return
		usleep 10000
	done
}

# The pool alone is looked at where pages are swapped in one by one. All of them
# have to be in it, though no device is as slow as that of these works.
tune_up() {
	case $work in
	heap,pack,*)
		echo 0 >/proc/sys/vm/page-cluster
		echo always >$ZCACHE/swap_admission ;;
	fetch,*) echo always >$ZCACHE/swap_admission ;;
	esac
	for setting in $(echo "${tune:-}" | tr , ' '); do
		echo "${setting#*=}" >"${setting%%=*}" ||
			finish fail "cannot set $setting"
	done
}

zram_counters() {
	[ -f $ZRAM/mm_stat ] || return
	read -r orig compressed used _ <$ZRAM/mm_stat
	say value "$1_zram_orig_data_size" "$orig"
	say value "$1_zram_compr_data_size" "$compressed"
	say value "$1_zram_mem_used_total" "$used"
}

# Slabs that a compressed pool keeps its books in.
slab_counters() {
	while read -r name active _ size _; do
		case $name in
		zspage* | zs_handle* | zswap_entry | tmem* | zcache* | radix_tree_node)
			say value "$1_slab_${name}_kib" $((active * size / 1024)) ;;
		esac
	done </proc/slabinfo
}

# Histograms of the time that swap takes: "UPPER_NS COUNT".
latency_counters() {
	for file in "$LATENCY"/*; do
		case ${file##*/} in
		delay_us) continue ;;
		esac
		while read -r upper count; do
			say value "lat_${file##*/}_$upper" "$count"
		done <"$file"
	done
}

clear_latency() {
	for file in "$LATENCY"/*; do
		case ${file##*/} in
		delay_us | '*') ;;
		*) echo 0 >"$file" ;;
		esac
	done
}

# What went over the network, with all headers but those of the wire itself.
net_counters() {
	sed -n 's/^ *vec0: *//p' /proc/net/dev | {
		read -r in in_frames _ _ _ _ _ _ out out_frames _ || return 0
		say value "$1_net_in_bytes" "$in"
		say value "$1_net_in_frames" "$in_frames"
		say value "$1_net_out_bytes" "$out"
		say value "$1_net_out_frames" "$out_frames"
	}
}

all_counters() {
	counters "$1"
	[ ! -f /proc/net/dev ] || net_counters "$1"
	zram_counters "$1"
	slab_counters "$1"
}

go() { echo >&3; }

begin() {
	say phase measuring
	clear_latency
	disk model
	all_counters before
}

end() {
	[ -z "$ended" ] || return
	ended=1
	latency_counters
	all_counters after
	disk fast
	say phase verifying
}

# follow: the program, up to its result.
follow() {
	ended=
	while read -r kind report <&4; do
		case $kind in
		progress) say at "$report" ;;
		settle)	say phase "settling"; disk model; go ;;
		warm)	begin; go ;;
		leave)	leave; go ;;
		stage)	if [ "$report" = after ]; then end; else all_counters "$report"; fi
			go ;;
		result)	end; values work; return ;;
		*)	finish fail "$kind $report $(cat /tmp/errors)" ;;
		esac
	done
	finish fail "the program ended too early: $(cat /tmp/errors)"
}

mount_all
rotate "$files"
check_mode
[ "$beside" = 0 ] || borrow
set_up_swap
tune_up
mkfifo /tmp/go /tmp/reports
say phase "warming up"
# shellcheck disable=SC2046,SC2091	# its words, run
$(echo "$work" | tr , ' ') </tmp/go >/tmp/reports 2>/tmp/errors &
exec 3>/tmp/go 4</tmp/reports
follow
finish "done"
