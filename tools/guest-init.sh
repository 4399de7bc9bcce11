# shellcheck shell=sh
# What the first process of a guest needs in the demo and in the benchmarks;
# sourced by it. It talks with tools/guest.sh, see there. From the command line
# of the kernel:
# shellcheck disable=SC2154	# rotational want
# rotational=0|1 files=DEVICE swap=DEVICE
# want=on|off,on|off	what zcache has to be, for file pages and for swap pages

DEBUG=/sys/kernel/debug
export PATH=/bin

say() { echo "@$*"; }

finish() {
	say "$@"
	sync
	poweroff -f
	sleep 60	# a machine that cannot switch itself off is ended
}

disk() {
	sync
	say disk "$1"
	read -r reply
	[ "$reply" = ok ] || finish fail "no answer"
}

mount_all() {
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t debugfs debugfs $DEBUG
	mount -t tmpfs tmpfs /tmp
}

# rotate DEVICE: whether the disk turns, as the model does.
rotate() { echo "$rotational" >"/sys/block/${1#/dev/}/queue/rotational"; }

# read_word FILE: what is in it, if it is there, as $word.
read_word() {
	word=
	[ ! -f "$1" ] || read -r word <"$1"
}

# swap_on DEVICE
swap_on() {
	mkswap "$1" >/dev/null || finish fail "mkswap failed on $1"
	swapon "$1" || finish fail "no swap on $1"
}

# A comparison of zcache with itself would look like a comparison.
check_zcache() {
	read_word $DEBUG/cleancache/state; state=${word:-off}
	read_word $DEBUG/frontswap/state; state=$state,${word:-off}
	read_word $DEBUG/zcache/compressor; say value compressor "${word:-none}"
	[ "$state" = "$want" ] || finish fail \
		"in this guest zcache is $state for file pages and swap pages, not $want"
	read -r _ total _ </proc/meminfo
	say value memory_kib "$total"
}

vm_counters() {
	while read -r name value; do
		case $name in
		pswp* | pgmajfault | workingset_* | pgscan_* | pgsteal_* | nr_free_pages | nr_file_pages | slabs_scanned | \
		allocstall* | zswp* | oom_kill)
			say value "$1_$name" "$value" ;;
		esac
	done </proc/vmstat
	read -r _ _ _ _ idle iowait _ </proc/stat
	say value "$1_stat_idle" "$idle"
	say value "$1_stat_iowait" "$iowait"
}

# Files that hold one number each.
debug_counters() {
	for folder in zcache cleancache frontswap zswap ramster; do
		for file in "$DEBUG/$folder"/*; do
			read_word "$file"
			case $word in
			'' | *[!0-9]*) ;;
			*) say value "$1_${folder}_${file##*/}" "$word" ;;
			esac
		done
	done
}

# All numbers of the moment, with $1 in front of their names.
counters() {
	vm_counters "$1"
	debug_counters "$1"
}

# Reports on descriptor 4 up to that of the kind $1, which is left in $report.
# Lines that begin with "progress" come before it.
listen() {
	while read -r kind report <&4; do
		case $kind in
		progress) say at "$report" ;;
		"$1") return ;;
		*) finish fail "$kind $report" ;;
		esac
	done
	finish fail "a program ended too early: $(cat /tmp/errors)"
}

# The "name=value ..." of a report as results.
values() {
	for pair in $report; do
		say value "$1_${pair%%=*}" "${pair#*=}"
	done
}
