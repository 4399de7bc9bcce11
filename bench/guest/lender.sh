#!/bin/sh
# The first process of the guest that lends its memory. From the command line of
# the kernel:
# shellcheck disable=SC2154	# lend lent
# lend=ramster|nbd	how: to RAMster, or as a network block device
# lent=MIB		how much

# shellcheck source=tools/guest-init.sh
. /guest-init.sh
# shellcheck source=bench/guest/link.sh
. /link.sh

RAMSTER=/sys/kernel/config/ramster

mount_all
ifconfig lo 127.0.0.1
ifconfig vec0 $LENDER || finish fail "no network"
case $lend in
ramster)
	mount -t configfs configfs /sys/kernel/config || finish fail "no configfs"
	mkdir $RAMSTER/borrower || finish fail "no RAMster"
	echo $BORROWER >$RAMSTER/borrower/address
	echo insecure >$RAMSTER/borrower/security
	echo "$lent" >$RAMSTER/borrower/quota
	echo $LENDER >$RAMSTER/lender/listen
	echo 80 >$RAMSTER/lender/percent
	echo 1 >$RAMSTER/lender/enabled || finish fail "it cannot lend" ;;
nbd)
	mount -o remount,size=$((lent + 1))M /tmp
	head -c $((lent << 20)) /dev/zero >/tmp/device || finish fail "no room"
	nbd-server $LENDER@10809 /tmp/device -C /dev/null || finish fail "no server" ;;
esac
say ready
while :; do sleep 1000; done
