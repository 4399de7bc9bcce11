#!/bin/sh
# The first process of the guest of bench/profile.sh: one work. The disk is said
# to be slow and fast again to mark the part that is of interest.
#
# From the command line of the kernel, besides what guest-init.sh wants:
# shellcheck disable=SC2154	# work swap
# work=PROGRAM,ARGUMENT...

# shellcheck source=tools/guest-init.sh
. /guest-init.sh

mount_all
check_zcache
rotate "$swap"
mkswap "$swap" >/dev/null || finish fail "mkswap failed on $swap"
swapon "$swap" || finish fail "no swap on $swap"
mkfifo /tmp/go /tmp/reports
say phase "warming up"
# shellcheck disable=SC2046	# its words
set -- $(echo "$work" | tr , ' ')
"$@" </tmp/go >/tmp/reports 2>/tmp/errors &
exec 3>/tmp/go 4</tmp/reports
case $work in
reread,zipf*) listen settle; echo >&3 ;;
esac
listen warm
say phase "sampling"
disk model
echo >&3
# Of heap a check of all its pages follows, which is not of interest.
case $work in
heap*)	listen stage ;;
*)	listen result ;;
esac
disk fast
if [ "$kind" = stage ]; then
	echo >&3
	listen result
fi
values work
finish "done"
