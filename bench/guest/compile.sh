#!/bin/sh
# compile JOBS LIMIT: make all objects of /obj with so many jobs at once, from a
# cold start. A build that takes more than LIMIT seconds is cut off. Waits for a
# line on standard input between "warm" and the start; reports
#
#	result ms=N objects=N cut=0|1 failed=0|1 wrong=N
#
# objects are those that were made, wrong those of them that differ from what
# the same compiler made where memory is plenty. failed is a build that ended by
# itself, but not well, as when memory ran out; its last words go to standard
# error.

jobs=$1 limit=$2
log=/tmp/make.log

now_ms() {
	read -r uptime _ </proc/uptime
	echo $((${uptime%.*} * 1000 + (1${uptime#*.} - 100) * 10))
}

# make has a process group of its own, so that gcc and cc1 can be ended too. They
# and make remove what is half made.
build() {
	setsid make -s -j"$jobs" >$log 2>&1 &
	make=$!
	{ sleep "$limit" && kill -TERM -$make; } >/dev/null 2>&1 &
	watch=$!
	wait $make
	status=$?
	kill $watch 2>/dev/null
}

# Sets objects and wrong.
compare() {
	objects=0 wrong=0
	while read -r sum object; do
		[ -e "$object" ] || continue
		objects=$((objects + 1))
		[ "$(sha256sum "$object")" = "$sum  $object" ] && continue
		wrong=$((wrong + 1))
		echo "compile: $object is wrong" >&2
	done <sums
}

cd /obj || exit
sync
echo 3 >/proc/sys/vm/drop_caches
echo warm
read -r _
start=$(now_ms)
build
ms=$(($(now_ms) - start))
cut=0 failed=0
case $status in
0) ;;
143) cut=1 ;;	# SIGTERM
*) failed=1; tail -n 20 $log >&2 ;;
esac
compare
echo "result ms=$ms objects=$objects cut=$cut failed=$failed wrong=$wrong"
[ "$wrong" -eq 0 ]
