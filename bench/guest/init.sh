#!/bin/sh
# The first process of a guest of bench/files.sh: one work, measured.
#
# From the command line of the kernel, besides what guest-init.sh wants:
# shellcheck disable=SC2154	# work files
# work=WORD,WORD... (arguments of reread)
# tune=FILE=VALUE,... (written after boot, to try things out)

# shellcheck source=tools/guest-init.sh
. /guest-init.sh

mount_all
rotate "$files"
check_zcache
for setting in $(echo "${tune:-}" | tr , ' '); do
	echo "${setting#*=}" >"${setting%%=*}" || finish fail "cannot set $setting"
done
mkfifo /tmp/go /tmp/reports
say phase "warming up"
# shellcheck disable=SC2046	# its words
reread $(echo "$work" | tr , ' ') </tmp/go >/tmp/reports 2>/tmp/errors &
exec 3>/tmp/go 4</tmp/reports
listen warm
say phase "measuring"
disk model
counters before
echo >&3
listen result
counters after
disk fast
values work
finish "done"
