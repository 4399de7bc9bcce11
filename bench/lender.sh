# shellcheck shell=bash disable=SC2034	# run.sh uses what is set here
# A second guest that lends its memory to the one that is measured, and the link
# between them (bench/link.c). Sourced by run.sh, never run.
#
# Both guests have the kernel of tools/configs/uml-net.config, and the lender has
# the second CPU, which it shares with the link.

# name | Mbit/s | delay in us, each way | what it is
LINK_TABLE="
gigabit|1000|50|1 Gbit/s, 50 us each way
fast-ethernet|100|100|100 Mbit/s, 100 us each way
"
LENT=256	# MiB

# The disk of the lender.
lender_disk() {
	local root=$1
	make_root "$root" head ifconfig mkdir
	install -m 755 "$BENCH/guest/lender.sh" "$root/init"
	put_program "$root" nbd-server "$(readlink -f "$(command -v nbd-server)")"
}

# The kernel of both, and the programs. Once.
lender_ready() {
	local DISK_DIR
	[ ! -x "$RUN/kernel-net" ] || return 0
	[ "$GUEST" = uml ] || die "two guests at once are those of User Mode Linux" \
		"use GUEST=uml, or choose modes without ramster and nbd"
	(build_kernel uml-net && cp "$KERNEL" "$RUN/kernel-net") || exit
	gcc -std=gnu11 -O2 -Wall -Wextra -o "$RUN/link" "$BENCH/link.c" ||
		die "bench/link.c does not build" "see above"
	make_disk lender
	LENDER_IMAGE=$DISK_DIR/image
}

# network_of END: what the command line of the kernel says about the network.
network_of() { echo "vec0:transport=bess,dst=$RUN/link.$1"; }

link_start() {
	local mbit delay
	mbit=$(row "$LINK_TABLE" "$1" 2) delay=$(row "$LINK_TABLE" "$1" 3)
	rm -f "$RUN"/link.{borrower,lender}
	[ ${#CPUS[@]} -lt 2 ] || taskset -cp "${CPUS[1]}" $BASHPID >/dev/null
	exec "$RUN/link" "$mbit" "$delay" "$RUN"/link.{borrower,lender}
}

lender_start() {
	[ ${#CPUS[@]} -lt 2 ] || taskset -cp "${CPUS[1]}" $BASHPID >/dev/null
	export TMPDIR=$RUN
	exec setarch -R "$RUN/kernel-net" mem=$((LENT * 5 / 4 + 64))M con0=fd:0,fd:1 \
		root=/dev/ubda ro ubdars="$LENDER_IMAGE" quiet init=/init panic=-1 \
		ramster "$(network_of lender)" "lend=$1" "lent=$LENT"
}

# link_of WORK
link_of() {
	case $1 in
	*-slow) echo fast-ethernet ;;
	*) echo gigabit ;;
	esac
}

# network MODE LINK: what the guest in that mode needs beside it. Sets BOOT, its kernel,
# and NETWORK, what its command line says.
network() {
	BOOT=kernel NETWORK=()
	has_network "$1" || return 0
	lender_ready
	BOOT=kernel-net
	has_lender "$1" || return 0
	lend "$@"
	NETWORK=("$(network_of borrower)")
}

# lend MODE LINK: both are there when this returns. end_guest ends them.
lend() {
	local tries
	set -m
	link_start "$2" </dev/null >"$RUN/link.console" 2>&1 &
	BESIDE+=($!)
	for ((tries = 0; tries < 100; tries++)); do
		[ ! -S "$RUN/link.lender" ] || break
		sleep 0.1
	done
	lender_start "$1" </dev/null >"$RUN/lender.console" 2>&1 &
	BESIDE+=($!)
	set +m
	for ((tries = 0; tries < 300; tries++)); do
		! grep -q '^@ready' "$RUN/lender.console" || return 0
		sleep 0.1
	done
	cp "$RUN"/{lender,link}.console "$OUT"
	die "the guest that lends does not start" "its console is $OUT/lender.console"
}
