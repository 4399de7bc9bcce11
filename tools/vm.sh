#!/bin/bash
# Boot test guests, run the scenarios of tests/vm in them, and judge.
#
# Usage: tools/vm.sh test [-g GUEST]... [-p] [SCENARIO...]
#        tools/vm.sh stress
#        tools/vm.sh list
#        tools/vm.sh shell [-g GUEST]
#        tools/vm.sh mutants [NAME...]
#
#   test	run the scenarios (default: each guest's whole set)
#		-g  only in this guest;  -p  plain: with zcache off
#   stress	what is done to groups of guests with VM_DEEDS seeds (20); then the
#		open-ended scenarios with one seed after the other, until VM_PAGES
#		pages were verified (10000000)
#   list	what there is
#   shell	a prompt in a guest with zcache on; "exit" ends it
#   mutants	longer: take protecting lines out, one by one, and see that
#		the test for it fails (tools/vm-mutants.sh)
#
# Environment: VM_JOBS guests at once (2), VM_SEED (1), VM_BOX seconds of an
# open-ended loop, VM_IMAGE a kernel to use instead of building one, VM_SLOW a
# factor for all time limits (1), VM_KEEP=1 keeps the disk images.
#
# A scenario has passed when its guest says so on a serial port of its own and
# afterwards hands over the token of the boot; a guest that dies or hangs cannot.
# One in which zcache just did too little (zexpect() in tests/vm/lib.h) is tried
# once more; both results are shown and the second one counts.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/images.sh
. "$TOP/tools/images.sh"
# shellcheck source=tools/net.sh
. "$TOP/tools/net.sh"

VM=$TMEM_CACHE/vm
VM_JOBS=${VM_JOBS:-2}
VM_SEED=${VM_SEED:-1}
VM_SLOW=${VM_SLOW:-1}
MUST_VERIFY=1000000	# pages that a whole run has to read and compare
VM_PAGES=${VM_PAGES:-10000000}
VM_DEEDS=${VM_DEEDS:-20}

# What a guest is: kernel, CPUs, MGLRU (y/n), MiB, set of scenarios. Two emulated
# guests run everything, two more what differs with CPUs or LRU. uml computes 15
# times as fast: it adds KASAN and most of the volume. Those with "ramster" in the
# name of their set have it switched on. The last one is a group of guests on one
# network (tools/net.sh).
guest() {
	case $1 in
	2cpu-mglru) echo qemu-debug 2 y 144 all ;;
	1cpu-lru)   echo qemu-debug 1 n 144 all ;;
	2cpu-lru)   echo qemu-debug 2 n 144 core ;;
	1cpu-mglru) echo qemu-debug 1 y 144 core ;;
	uml)        echo uml-debug 1 y 256 all ;;
	uml-ramster) echo uml-ramster 1 y 256 ramster ;;
	uml-net)    echo uml-ramster 1 y 256 net-ramster ;;
	*) die "no such guest: $1" "there are: ${GUESTS[*]}" ;;
	esac
}
GUESTS=(2cpu-mglru 1cpu-lru uml 2cpu-lru 1cpu-mglru uml-ramster uml-net)
STRESS="anon compact fork fs_and_swap fs_mix_ext4 fs_mix_vfat fs_mix_xfs fs_swap_compact
	fs_swap_toggle stress
	swapoff_load tmpfs toggle"
CORE="anon pageout fork tmpfs swapoff_load toggle oom_kill reclaim_knob"
CORE+=" fs_and_swap fs_busy_pages fs_mix_vfat"

# What the scenarios may ask for. Nothing is skipped at run time: a guest that
# should have a feature and has not fails. But for tlshd, which is fetched.
features() {
	local kernel cpus set
	read -r kernel cpus _ _ set < <(guest "$1")
	echo memcg pagemap zswap debug lkdtm lockdep kmemleak
	case $kernel in
	uml*) echo kasan uml trace ;;
	*) echo thp brd preempt fault poison sysrq ;;
	esac
	[[ $set != *ramster ]] || echo ramster
	[ "$set" != ramster ] || echo tlshd
	[[ $set != net-* ]] || echo net
	[ "$cpus" -eq 1 ] || echo smp
	[ -n "$PLAIN" ] || echo zcache
}

usage() {
	sed -n '/^# Usage/,/^# factor/{/^#/s/^# \?//p}' "$0" >&2
	exit 2
}

# ---- Images ----

# For this run alone: another one may be made from other sources.
build_init() {
	INIT=$RUN/init
	gcc -std=gnu11 -O2 -Wall -Wextra -static -pthread \
		-o "$INIT" "$TOP"/tests/vm/*.c 2>"$RUN/init.log" ||
		die "the test programs do not build: $(head -n 3 "$RUN/init.log")" \
			"they need gcc and a static libc: make deps"
}

kernel_image() {
	local image
	if [ -n "${VM_IMAGE:-}" ]; then
		image=$VM_IMAGE
	else
		image=$("$TOP/tools/kernel.sh" build "$1" | tail -n 1) ||
			die "no kernel for the guests" "see the messages above"
	fi
	[ -s "$image" ] || die "no kernel image: $image" \
		"build it: tools/kernel.sh build $1"
	echo "$image"
}

# newc archive of init and, for people, busybox. Written here: cpio is not
# everywhere, and the format is a header of hex numbers in front of each file.
cpio_entry() {	# NAME MODE FILE
	local name=$1 mode=$2 file=${3:-/dev/null} size
	size=$(stat -L -c %s "$file")
	[ -f "$file" ] || size=0
	printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\0' \
		$((INO += 1)) "$mode" 0 0 1 0 "$size" 0 0 0 0 $((${#name} + 1)) 0 "$name"
	printf "%$(((4 - (110 + ${#name} + 1) % 4) % 4))s" '' | tr ' ' '\0'
	[ "$size" -eq 0 ] || cat "$file"
	printf "%$(((4 - size % 4) % 4))s" '' | tr ' ' '\0'
}

make_initramfs() {	# OUT [BUSYBOX]
	local dir INO=0
	{
		for dir in dev proc sys tmp bin; do cpio_entry "$dir" $((0040755)); done
		cpio_entry init $((0100755)) "$INIT"
		[ $# -lt 2 ] || cpio_entry bin/busybox $((0100755)) "$2"
		cpio_entry 'TRAILER!!!' 0
	} >"$1"
}

# ---- One boot ----

# KVM is what boots a guest, not what has a device node.
probe_accel() {
	ACCEL=tcg
	[ -w /dev/kvm ] || return 0
	local dir=$RUN/kvm
	mkdir -p "$dir"
	ACCEL=kvm
	VM_PROBE=1 boot 1cpu-lru "$dir" '' 2>/dev/null && grep -q ^token "$dir/verdict" ||
		ACCEL=tcg
}

# What cannot be written is shared by all guests, those of both kinds: no locks.
start_qemu() {	# DIR KERNEL CPUS MIB CMDLINE
	local name disks=()
	for name in "${DISKS[@]}"; do
		disks+=(-drive "file=$(image_of "$RUN/images" "$1" "$name"),if=virtio,format=raw,cache=unsafe$(
			! is_read_only "$name" || echo ,readonly=on,file.locking=off)")
	done
	exec qemu-system-x86_64 -accel "$ACCEL" -cpu max -M q35 -smp "$3,sockets=$3" -m "$4" \
		-nodefaults -no-reboot -display none \
		-kernel "$2" -initrd "$RUN/initramfs" -append "console=ttyS0 $5" \
		-serial "${SERIAL:-file:$1/console}" -serial "file:$1/verdict" "${disks[@]}" \
		"${CABLE[@]}"
}

# Pinned: its two host processes hand over to each other all the time; those of a
# group to one CPU each. Without address randomisation it has the same memory in
# each boot.
start_uml() {	# DIR KERNEL CPUS MIB CMDLINE
	local memory=/dev/shm name disks=() n=-1
	[ -w "$memory" ] || memory=$1
	for name in "${DISKS[@]}"; do
		n=$((n + 1))
		disks+=("ubd$(disk_letter $n)$(! is_read_only "$name" || echo rc)=$(
			image_of "$RUN/images" "$1" "$name")")
	done
	n=$(nproc)
	TMPDIR=$memory exec taskset -c "$(((n - 1 + ${MACHINE:-0}) % n))" setarch -R "$2" \
		"mem=$4M" "initrd=$RUN/initramfs" "${disks[@]}" "${CABLE[@]}" \
		con=null con0=null,fd:1 ssl=null ssl0=null,fd:3 "$5" 3>>"$1/verdict" >"$1/console" 2>&1
}

# How long an open-ended loop may go on: an emulated guest has many to run.
box_of() {	# KERNEL
	case $1 in
	uml*) echo "${VM_BOX:-8}" ;;
	*) echo "${VM_BOX:-3}" ;;
	esac
}

cmdline() {	# GUEST NAMES
	local kernel lru set disks port=ttyS1 uml=0 zcache=zcache=1
	read -r kernel _ lru _ set < <(guest "$1")
	disks=$(disk_words vd)
	[[ $kernel != uml* ]] || { disks=$(disk_words ubd) port=ttyS0 uml=1; }
	[ -z "$PLAIN" ] || zcache=zcache=0
	[ -z "${BOOT[${2:--}]:-}" ] || zcache=${BOOT[$2]}
	[[ $set != *ramster ]] || zcache="ramster $zcache"
	echo "panic=-1 oops=panic loglevel=6 rcupdate.rcu_cpu_stall_timeout=120" \
		"brd.rd_nr=1 brd.rd_size=131072 $zcache" \
		"vm.verdict=/dev/$port $disks vm.seed=$VM_SEED vm.box=$(box_of "$kernel")" \
		"vm.uml=$uml vm.plain=$([ -n "$PLAIN" ] && echo 1 || echo 0)" \
		"${MACHINE:+vm.net=$MACHINE:$ROLES}" \
		"$([ "$lru" = - ] || echo "vm.lru=$lru") vm.nonce=$NONCE vm.run=$2"
}

# The limit until the guest has to say something again.
allowance() {	# VERDICT_LINE
	case $1 in
	begin*) echo $((($(field "$1" 3) + 130) * VM_SLOW)) ;;
	*) echo $((180 * VM_SLOW)) ;;
	esac
}

# Follow the verdict; report each scenario as it ends. Kill what says nothing.
watch_boot() {	# PID GUEST DIR
	local pid=$1 line seen=0 deadline=$((SECONDS + 120 * VM_SLOW)) alive=1
	[ -z "${VM_PROBE:-}" ] || deadline=$((SECONDS + 5))
	while :; do
		kill -0 "$pid" 2>/dev/null || alive=0
		while read -r line; do
			seen=$((seen + 1))
			deadline=$((SECONDS + $(allowance "$line")))
			report "$2" "$3" "$line"
		done < <(tail -n "+$((seen + 1))" "$3/verdict" | grep -a '')
		[ $alive -eq 1 ] || return 0
		if [ $SECONDS -ge $deadline ]; then
			kill -KILL "$pid" 2>/dev/null || true
			HUNG=1
			alive=0
		fi
		sleep 0.3
	done
}

# boot GUEST DIR NAMES: returns 0 if the token came.
boot() {
	local kernel cpus mib image pid line
	read -r kernel cpus _ mib _ < <(guest "$1")
	image=$RUN/kernel-$kernel
	NONCE=$RANDOM$RANDOM HUNG=
	copy_images "$RUN/images" "$2"
	: >"$2/verdict"
	line=$(cmdline "$1" "$3")
	[ ${#line} -lt 2000 ] || die "the kernel's command line is too long: ${#line}" \
		"shorten the names of some scenarios"
	if [[ $kernel == uml* ]]; then
		# shellcheck disable=SC2086	# words for the kernel
		(start_uml "$2" "$image" "$cpus" "$mib" "$line") </dev/null &
	else
		(start_qemu "$2" "$image" "$cpus" "$mib" "$line") </dev/null >"$2/emulator" 2>&1 &
	fi
	pid=$!
	echo "$pid" >"$2/pid"
	watch_boot "$pid" "$1" "$2"
	wait "$pid" 2>/dev/null || true
	rm -f "$2/pid"
	[ -n "${VM_KEEP:-}" ] || drop_images "$2"
	grep -aq "^token $NONCE " "$2/verdict"
}

# ---- Judging ----

field() { cut -d ' ' -f "$2" <<<"$1"; }

reason_of() {	# DIR NAME
	sed -n "s/^fail $2 //p" "$1/verdict" | head -n 1
}

# result GUEST NAME ok|FAIL SECONDS PAGES DIR [REASON]: one line for people, and
# one in the list that the closing sum is made of (with $HITS, loads from zcache).
result() {
	printf '%-11s %-18s %6s s %8s pages  %-4s  %s\n' "$1" "$2" "$4" "$5" "$3" "$6"
	[ -z "${7:-}" ] || printf '   %s\n' "$7"
	echo "$1 $2 $3 $4 $5 ${HITS:-0}" >>"$RUN/results"
	[ "$3" = ok ] || explain "$1" "$2" "$6"
}

# What the guest said since that scenario began.
explain() {	# GUEST NAME DIR
	tr -d '\r' <"$3/console" |
		awk -v mark="vm: begin $2\$" '$0 ~ mark { n = 0 } { line[n++] = $0 }
			END { for (i = n > 25 ? n - 25 : 0; i < n; i++)
				print "   | " substr(line[i], 1, 160) }'
	[[ $2 == \(* ]] || printf '   again: VM_SEED=%s tools/vm.sh test -g %s %s%s\n' \
		"$VM_SEED" "$1" "${PLAIN:+-p }" "$2"
}

# A line of the verdict. Self tests are judged when their boot is over, groups when
# all of them are.
report() {	# GUEST DIR LINE
	local name HITS
	[[ $3 == end\ * ]] || return 0
	name=$(field "$3" 2)
	HITS=$(field "$3" 6)
	[ -z "${EXPECT[$name]:-}${MACHINE:-}" ] || return 0
	if [ "$(field "$3" 3)" = ok ]; then
		result "$1" "$name" ok "$(field "$3" 4)" "$(field "$3" 5)" "$2"
	elif [ "$(field "$3" 3)" = little ] && [ "$2" != "$RUN/$1-again-$name" ]; then
		printf '%-11s %-18s zcache did too little, it is tried again: %s\n' \
			"$1" "$name" "$(reason_of "$2" "$name")"
		echo "$name" >>"$RUN/again-$1"
	else
		result "$1" "$name" FAIL "$(field "$3" 4)" "$(field "$3" 5)" "$2" \
			"$(reason_of "$2" "$name")"
	fi
}

# Why there is no token, as far as the guest could still tell.
no_token() {	# GUEST DIR
	local last name
	last=$(grep -a '^begin' "$2/verdict" | tail -n 1 || true)
	name=$(field "${last:-begin (boot)}" 2)
	grep -aq "^end $name " "$2/verdict" && name='(end)'
	if [ -n "$HUNG" ]; then
		REASON="the guest hangs: it said nothing for too long"
	else
		REASON=$(grep -a '^fail (' "$2/verdict" | tail -n 1 || true)
		[ -n "$REASON" ] || REASON=$(reason_of "$2" "$name")
		[ -n "$REASON" ] || REASON="the guest died"
	fi
	CULPRIT=$name
}

# with_tlshd GUEST NAMES: sets LEFT to those that can be run, the others are skipped.
with_tlshd() {
	local name
	LEFT=
	for name in $2; do
		if [ -n "$TLSHD" ] || [[ " ${NEEDS[$name]} " != *" tlshd "* ]]; then
			LEFT+=" $name"
		else
			printf '%-11s %-18s skipped: %s\n' "$1" "$name" "$(no_tlshd)"
			echo "$1 $name skipped - - 0" >>"$RUN/results"
		fi
	done
	LEFT=${LEFT# }
}

# run_guest GUEST NAMES: all of them, some for a second time.
run_guest() {
	local guest=$1 name again dir
	: >"$RUN/again-$guest"
	with_tlshd "$guest" "$2"
	run_boots "$guest" "$LEFT"
	mapfile -t again <"$RUN/again-$guest"
	for name in "${again[@]}"; do
		dir=$RUN/$guest-again-$name
		mkdir -p "$dir"
		boot "$guest" "$dir" "$name" && continue
		no_token "$guest" "$dir"
		result "$guest" "$name" FAIL - - "$dir" "at the second try: $REASON"
	done
}

# run_boots GUEST NAMES: boots until each has had its turn. A boot that ended
# early gives those that it did not get to another one.
run_boots() {
	local guest=$1 names=$2 dir n=0 begun
	while [ -n "$names" ]; do
		dir=$RUN/$guest-${BOOT[$names]:+$names-}$((n += 1))
		mkdir -p "$dir"
		if boot "$guest" "$dir" "${names// /,}"; then
			[ -n "${BOOT[$names]:-}" ] ||
				result "$guest" '(end)' ok - - "$dir"
			return
		fi
		no_token "$guest" "$dir"
		# A scenario that ended has its line already.
		grep -aq "^end $CULPRIT " "$dir/verdict" ||
			result "$guest" "$CULPRIT" FAIL - - "$dir" "$REASON"
		begun=$(sed -n 's/^begin \([^ ]*\) .*/\1/p' "$dir/verdict")
		[ -n "$begun" ] || return 0
		names=$(grep -vxF "$begun" < <(tr ' ' '\n' <<<"$names") | xargs || true)
	done
}

# A self test passes if its guest failed, and for just the reason it should.
run_self() {	# GUEST NAME
	local dir=$RUN/$1-$2 start=$SECONDS said
	mkdir -p "$dir"
	if boot "$1" "$dir" "$2"; then
		said=$(grep -a "^fail $2 " "$dir/verdict" || echo "nothing wrong")
	else
		no_token "$1" "$dir"
		said="$REASON $(grep -a '^fail' "$dir/verdict" || true)"
	fi
	if grep -qE -- "${EXPECT[$2]}" <<<"$said"; then
		result "$1" "$2" ok $((SECONDS - start)) - "$dir"
	else
		result "$1" "$2" FAIL $((SECONDS - start)) - "$dir" \
			"should be called: ${EXPECT[$2]}; was: $said"
	fi
}

# ---- The set ----

declare -A NEEDS EXPECT BOOT WHAT
load_list() {
	local name needs expect line what
	while IFS=$'\t' read -r name needs expect line what; do
		NEEDS[$name]=${needs#-} EXPECT[$name]=${expect#-}
		BOOT[$name]=${line#-} WHAT[$name]=$what
	done < <("$INIT" --list)
}

fits() {	# GUEST NAME
	local have need set
	read -r _ _ _ _ set < <(guest "$1")
	[ "$set" != ramster ] || [[ " ${NEEDS[$2]} " == *" ramster "* ]] || return 1
	[[ $set != net-* ]] || [[ " ${NEEDS[$2]} " == *" net "* ]] || return 1
	have=" $(features "$1" | tr '\n' ' ') "
	for need in ${NEEDS[$2]}; do
		[[ $have == *" $need "* ]] || return 1
	done
}

# The scenarios of a guest. First that which a kernel without working swap fails
# (User Mode Linux without our fix), or its bytes would be blamed on us. zswap
# last: once it was on, the kernel swaps no large folios in until the next boot.
set_of() {	# GUEST
	local name set all=()
	read -r _ _ _ _ set < <(guest "$1")
	case $set in
	core*) read -ra all <<<"$CORE" ;;
	*) mapfile -t all < <("$INIT" --list | cut -f 1 | sort) ;;
	esac
	[ ${#NAMES[@]} -eq 0 ] || all=("${NAMES[@]}")
	for name in "${all[@]}"; do
		[ -z "${EXPECT[$name]}${BOOT[$name]}" ] || continue
		fits "$1" "$name" || continue
		case "$name ${NEEDS[$name]}" in
		read_into\ *) echo "0 $name" ;;
		*zswap*) echo "2 $name" ;;
		*) echo "1 $name" ;;
		esac
	done | sort -s -n | cut -d ' ' -f 2 | xargs
}

# "GUEST NAME" of those that have a boot of their own: one guest is enough.
loners() {
	local name guest
	for name in $(printf '%s\n' "${!WHAT[@]}" | sort); do
		[ -n "${EXPECT[$name]}${BOOT[$name]}" ] || continue
		[ ${#NAMES[@]} -eq 0 ] || [[ " ${NAMES[*]} " == *" $name "* ]] || continue
		for guest in "${CHOSEN[@]}"; do
			fits "$guest" "$name" || continue
			echo "$guest $name"
			break
		done
	done
}

# A group needs more than one guest, and a boot for each scenario.
runner() {	# GUEST
	case $(features "$1" | xargs) in
	*\ net\ *) echo run_groups ;;
	*) echo run_guest ;;
	esac
}

# At most VM_JOBS at once.
in_background() {
	while [ "$(jobs -rp | wc -l)" -ge "$VM_JOBS" ]; do wait -n || true; done
	"$@" &
}

run_all() {
	local guest names name
	for guest in "${CHOSEN[@]}"; do
		names=$(set_of "$guest")
		[ -z "$names" ] || in_background "$(runner "$guest")" "$guest" "$names"
	done
	while read -r guest name; do
		if [ -n "${BOOT[$name]}" ]; then
			in_background run_guest "$guest" "$name"
		else
			in_background run_self "$guest" "$name"
		fi
	done < <(loners)
	wait
	[ -n "${VM_KEEP:-}" ] || rm -r "$RUN/images"
}

pages_so_far() { awk '$5 > 0 { n += $5 } END { print n + 0 }' "$RUN/results"; }

# The closing sum; its result is the result of the run.
sum_up() {
	local passed failed skipped pages hits
	skipped=$(awk '$3 == "skipped"' "$RUN/results" | wc -l)
	passed=$(awk '$3 == "ok"' "$RUN/results" | wc -l)
	failed=$(($(wc -l <"$RUN/results") - passed - skipped))
	pages=$(pages_so_far)
	hits=$(awk '{ n += $6 } END { print n + 0 }' "$RUN/results")
	if [ -n "$WHOLE" ] && [ "$pages" -lt "$MUST_VERIFY" ]; then
		echo "only $pages pages were verified, $MUST_VERIFY are required"
		failed=$((failed + 1))
	fi
	echo "$pages pages were read and compared byte by byte, $hits pages came out of zcache;" \
		"$ACCEL, seed $VM_SEED, $(elapsed $((SECONDS - STARTED))), logs in $RUN"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

new_run() {
	local old
	mkdir -p "$VM"
	need_tool qemu-system-x86_64 gcc taskset setarch
	need_image_tools
	need_space "$VM" 2000 "running test guests"
	RUN=$VM/run-$(date +%Y%m%d-%H%M%S)-$$
	mkdir -p "$RUN"
	: >"$RUN/results"
	# The logs of the last runs are enough, but for those that go on.
	for old in $(find "$VM" -maxdepth 1 -name 'run-*' | sort | head -n -8); do
		[ -d "/proc/${old##*-}" ] || rm -rf "$old"
	done
}

# The real tlshd, if a scenario wants it and it can be had.
get_tlshd() {
	local guest name
	for guest in "${CHOSEN[@]}"; do
		for name in $(set_of "$guest"); do
			[[ " ${NEEDS[$name]} " == *" tlshd "* ]] || continue
			"$TOP/tools/tlshd.sh" fetch >/dev/null 2>"$RUN/tlshd.log" || return 0
			TLSHD=1
			DISKS+=(tlshd)
			return
		done
	done
}

no_tlshd() { sed -n 's/^error: //p' "$RUN/tlshd.log"; }

# Kernels are copied: a build meanwhile must not change what is being tested.
prepare_guests() {
	local guest kernel image
	for guest in "${CHOSEN[@]}"; do
		read -r kernel _ < <(guest "$guest")
		[ ! -e "$RUN/kernel-$kernel" ] || continue
		image=$(kernel_image "$kernel")
		cp "$image" "$RUN/kernel-$kernel"
	done
	make_initramfs "$RUN/initramfs"
}

make_templates() { [ -d "$RUN/images" ] || make_images "$RUN/images" "$INIT"; }

do_test() {
	local name
	STARTED=$SECONDS
	for name in "${NAMES[@]}"; do
		[ -n "${WHAT[$name]:-}" ] || die "no such scenario: $name" "see: tools/vm.sh list"
	done
	get_tlshd
	prepare_guests
	make_templates
	probe_accel
	run_all
	sum_up
}

# Rounds, each with another seed; a round that fails is the last one.
do_stress() {
	STARTED=$SECONDS MUST_VERIFY=$VM_PAGES WHOLE=1
	read -ra NAMES <<<"${STRESS//$'\n'/ }"
	export VM_BOX=${VM_BOX:-40}
	prepare_guests
	probe_accel
	make_templates
	stress_groups
	while [ "$(pages_so_far)" -lt "$VM_PAGES" ] && ! grep -q ' FAIL ' "$RUN/results"; do
		say "seed $VM_SEED, $(pages_so_far) of $VM_PAGES pages verified"
		make_templates
		run_all
		VM_SEED=$((VM_SEED + 1))
	done
	sum_up
}

do_list() {
	local name guest
	echo "guests:"
	for guest in "${GUESTS[@]}"; do
		printf '  %-18s %s\n' "$guest" \
			"$(guest "$guest" | awk '{ print $1 ", " $2 " CPU, MGLRU " $3 ", " $4 " MiB, scenarios: " $5 }')"
	done
	echo "scenarios:"
	for name in $(printf '%s\n' "${!WHAT[@]}" | sort); do
		printf '  %-18s %s%s\n' "$name" "${WHAT[$name]}" \
			"${NEEDS[$name]:+ [needs ${NEEDS[$name]}]}"
	done
	rm -r "$RUN"
}

do_shell() {
	local busybox kernel cpus mib
	busybox=$(command -v busybox) || die "no busybox" "run: make deps"
	CHOSEN=("${CHOSEN[0]}")
	read -r kernel cpus _ mib _ < <(guest "${CHOSEN[0]}")
	[[ $kernel != uml* ]] || die "the shell runs in the emulator" "choose another guest"
	prepare_guests
	make_templates
	make_initramfs "$RUN/initramfs" "$busybox"
	probe_accel
	mkdir -p "$RUN/shell"
	copy_images "$RUN/images" "$RUN/shell"
	NONCE=0
	say "a guest with $cpus CPUs and $mib MiB; zcache is on, swap on /dev/vda." \
		"Leave with \"exit\" (or Ctrl-a x)."
	SERIAL=mon:stdio
	(start_qemu "$RUN/shell" "$RUN/kernel-$kernel" "$cpus" "$mib" \
		"$(cmdline "${CHOSEN[0]}" '(shell)')") || true
	rm -r "$RUN"
}

main() {
	[ $# -gt 0 ] || usage
	local verb=$1
	shift
	[ "$verb" != mutants ] || exec "$TOP/tools/vm-mutants.sh" "$@"
	CHOSEN=() NAMES=() PLAIN='' WHOLE='' TLSHD=''
	while [ $# -gt 0 ]; do
		case $1 in
		-g) [ $# -gt 1 ] || usage; guest "$2" >/dev/null; CHOSEN+=("$2"); shift ;;
		-p) PLAIN=1 ;;
		-*) usage ;;
		*) NAMES+=("$1") ;;
		esac
		shift
	done
	[ ${#CHOSEN[@]} -gt 0 ] || [ ${#NAMES[@]} -gt 0 ] || [ -n "$PLAIN" ] || WHOLE=1
	[ ${#CHOSEN[@]} -gt 0 ] || CHOSEN=("${GUESTS[@]}")
	case $verb in
	list | stress | test | shell) ;;
	*) usage ;;
	esac
	need_cache
	new_run
	build_init
	load_list
	"do_$verb"
}

main "$@"
