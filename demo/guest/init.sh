#!/bin/sh
# The first process of the demo's guest: prepares, works, counts, verifies.
#
# From the command line of the kernel, besides what guest-init.sh wants:
# shellcheck disable=SC2154	# heap ask max search words files swap
# heap=MIB ask=FILE max=USES search=FOLDER,... words=WORD,...

# shellcheck source=tools/guest-init.sh
. /guest-init.sh

# Data that the guest itself loses would be blamed on zcache: see uml_dirty.c.
check_kernel() {
	[ -e /bin/uml_dirty ] || return
	uml_dirty /scratch >/tmp/uml_dirty 2>&1 || finish fail \
		"this guest loses swapped data by itself, patches/6.12-um is missing: $(cat /tmp/uml_dirty)"
}

start_xref() {
	mkfifo /tmp/ask /tmp/reports
	(cd /src && exec xref /list "$heap") \
		</tmp/ask >/tmp/reports 2>/tmp/errors &
	exec 3>/tmp/ask 4</tmp/reports
	listen indexed
	values index
}

now_ms() {
	read -r uptime _ </proc/uptime
	echo "${uptime%.*}${uptime#*.}0"
}

# What is measured: two searches at once, in the sources and in their index.
work() {
	start=$(now_ms)
	/search "$(echo "$search" | tr , ' ')" "$(echo "$words" | tr , ' ')" >/tmp/found &
	searcher=$!
	echo "ask $ask $max" >&3
	listen answered
	wait $searcher || finish fail "the search in $search failed"
	say value work_ms $(($(now_ms) - start))
	values ask
	say value search_hash "$(cat /tmp/found)"
}

verify() {
	echo verify >&3
	listen verified
	values verify
}

mount_all
disk fast
check_zcache
rotate "$files"
rotate "$swap"
swap_on "$swap"
check_kernel
say phase "filling the heap"
start_xref
say phase "working"
disk model
counters before
work
counters after
disk fast
say phase "verifying"
verify
counters end
finish "done"
