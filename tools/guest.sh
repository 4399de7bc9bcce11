# shellcheck shell=bash
# Guests that are watched and measured: what the demo and the benchmarks share.
# Sourced after lib.sh, never run.
#
# A guest has a modelled disk (demo/slowdisk.c) and talks over its console. Lines
# that begin with "@" are for this side:
#
#	@phase TEXT		what is being done now
#	@at DONE TOTAL		how far it is
#	@disk fast|model	change the speed of the disk; waits for "ok"
#	@value NAME VALUE	a result
#	@done, @fail TEXT	the end
#
# Who sources this sets
#	MEM		memory of the guest in MiB
#	SMP		its CPUs, if it is a PC (1)
#	DISK, GUEST	see read_disk and check_guest
#	IMAGES		names of its disks, files in the folder $RUN; see make_disks
#	BOOT		its kernel, a file in the folder $RUN
#	BESIDE		leaders of process groups that end when the guest does
#	MODEL		slowdisk.so
#	OUT		folder in which the console of a guest that failed is left
# and defines
#	make_disks	put the images of the next guest into $RUN

# shellcheck disable=SC2034	# the scripts that source this file use them
RUN_LIMIT=900		# seconds for one boot
SILENCE=120		# seconds without a word after which it is given up
IMAGES=() MODEL='' SMP=1 BOOT=kernel BESIDE=()

# ---- What was asked for ----

# number NAME MIN MAX: the variable of that name.
number() {
	local value=${!1}
	[[ $value =~ ^[0-9]{1,9}$ ]] && value=$((10#$value)) || value=-1
	if [ "$value" -lt "$2" ] || [ "$value" -gt "$3" ]; then
		die "$1=${!1} is not a number from $2 to $3" "see: $0 --help"
	fi
	printf -v "$1" %d "$value"
}

# The models. The figures are those of a usual 3.5" disk and of a small SSD.
read_disk() {
	ROTATIONAL=0
	case $DISK in
	hdd)	FIGURES=8000000,0,8330,8000000 ROTATIONAL=1
		DISK_IS="hard disk: 8 ms seek, 120 MB/s, flush 8 ms" ;;
	ssd)	FIGURES=0,17000,2000,200000
		DISK_IS="SSD: 25 us for 4 KiB, 500 MB/s, flush 0.2 ms" ;;
	ram)	FIGURES=0,0,0,0
		DISK_IS="memory of the host: no delay" ;;
	*)	[[ $DISK =~ ^[0-9]{1,10}(,[0-9]{1,10}){3}$ ]] ||
			die "DISK=$DISK is no disk: hdd, ssd, ram or \"seek,request,KiB,flush\" in ns" \
			"for instance DISK=4000000,0,4000,1000000"
		FIGURES=$DISK
		[ "${DISK%%,*}" -eq 0 ] || ROTATIONAL=1
		DISK_IS="own figures (seek,request,KiB,flush in ns): $DISK" ;;
	esac
}

check_guest() {
	case $GUEST in
	auto | kvm | uml | qemu) ;;
	*) die "GUEST=$GUEST is no kind of guest" "choose auto, kvm, uml or qemu" ;;
	esac
}

# ---- What is needed ----

static_busybox() {
	BUSYBOX=$(command -v busybox) || die "missing on this machine: busybox" \
		"run: make deps"
	[[ $(readelf -l "$BUSYBOX") != *INTERP* ]] || die \
		"$BUSYBOX needs shared libraries, which the guest has not" \
		"install busybox-static (make deps)"
}

# The CPUs that this script may use: the guest gets the first one to itself,
# and the disk the second.
share_cpus() {
	local cpus range cpu
	cpus=$(awk '/^Cpus_allowed_list/ { gsub(",", " ", $2); print $2 }' /proc/self/status)
	CPUS=()
	for range in $cpus; do
		for ((cpu = ${range%-*}; cpu <= ${range#*-}; cpu++)); do
			CPUS+=("$cpu")
		done
	done
}

# usable DIR MIB: has it room for a run, and may programs in it be executed?
usable() {
	local free
	[ -w "$1" ] || return 1
	free=$(df --output=avail -m "$1" | tail -n 1)
	[ "$free" -ge "$2" ] || return 1
	RUN=$(mktemp -d "$1/tmem-guest.XXXXXX")
	printf '#!/bin/sh\n' >"$RUN/kernel"
	chmod +x "$RUN/kernel"
	"$RUN/kernel" 2>/dev/null && return
	rm -rf "$RUN"
	return 1
}

# make_run_folder MIB: images and the memory of the guest lie in memory where
# that is possible: the disk of this machine must not be part of the model.
make_run_folder() {
	usable /dev/shm "$1" || usable "$OUT" "$1" || die \
		"neither /dev/shm nor $OUT has $1 MiB for a guest" \
		"make room, or choose smaller sizes, or another TMEM_CACHE"
}

# ---- The guest's disk ----

# static_program OUT SOURCE
static_program() {
	gcc -std=gnu11 -O2 -Wall -Wextra -static -o "$1" "$2" -lm ||
		die "$(basename "$1") does not build" \
		"it needs gcc and a static libc: make deps"
}

disk_model() {
	gcc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o "$1" \
		"$TOP/demo/slowdisk.c" || die "slowdisk does not build" "see above"
}

# make_root DIR APPLET...: folders, and busybox in them. Again for more applets.
make_root() {
	local root=$1 applet applets
	shift
	applets=$("$BUSYBOX" --list)
	mkdir -p "$root"/{bin,dev,proc,sys,tmp}
	cp "$BUSYBOX" "$root/bin/busybox"
	for applet; do
		grep -qx "$applet" <<<"$applets" ||
			die "$BUSYBOX has no $applet" "install busybox-static (make deps)"
		ln -sf busybox "$root/bin/$applet"
	done
}

make_image() {
	local root=$1 image=$2
	truncate -s "$(($(du -sm "$root" | cut -f 1) * 5 / 4 + 64))M" "$image"
	mke2fs -q -F -t ext4 -O ^has_journal -E lazy_itable_init=0 -d "$root" \
		"$image" 2>&1 | { grep -v '^$' >&2 || true; }
}

# ---- Kernel and machine ----

# build_kernel NAME: sets KERNEL, and the folder BUILD that it was built in.
build_kernel() {
	KERNEL=$("$TOP/tools/kernel.sh" build "$1" | tail -n 1) || exit 1
	BUILD=$TMEM_CACHE/build/$1
}

# A kernel to try KVM with, without building one for it.
kernel_at_hand() {
	local image
	for image in "$TMEM_CACHE"/build/*/arch/x86/boot/bzImage \
		"/boot/vmlinuz-$(uname -r)" /boot/vmlinuz*; do
		[ ! -r "$image" ] || { echo "$image"; return; }
	done
}

# KVM is what boots a guest, not what has a device node. A guest that works is
# up in a second.
kvm_boots() {
	local image=$1 said
	said=$(timeout 5 qemu-system-x86_64 -accel kvm -cpu max -m 256 -nodefaults \
		-no-reboot -display none -serial stdio -kernel "$image" \
		-append "console=ttyS0 panic=-1" </dev/null 2>/dev/null) || true
	[[ $said == *"Linux version"* ]]
}

# Some machines forbid what it lives on (ptrace).
uml_boots() {
	local said
	said=$(TMPDIR=$RUN timeout 20 "$1" mem=64M root=none panic=-1 \
		</dev/null 2>&1) || true
	[[ $said == *"Kernel panic"* ]]
}

# Can KVM be seen to work, before a kernel is built for it?
kvm_seen() {
	local image
	[ -w /dev/kvm ] && command -v qemu-system-x86_64 >/dev/null || return 1
	image=$(kernel_at_hand)
	if [ -z "$image" ]; then
		say "there is a /dev/kvm, but no kernel to try it with (GUEST=kvm to insist)"
		return 1
	fi
	kvm_boots "$image" || {
		say "there is a /dev/kvm, but no guest boots with it"
		return 1
	}
}

take_uml() {
	build_kernel uml
	GUEST=uml GUEST_IS="User Mode Linux"
	uml_boots "$KERNEL"
}

take_pc() {
	need_tool qemu-system-x86_64
	build_kernel demo-kvm
	GUEST=$1 GUEST_IS="virtual PC (KVM)"
	[ "$GUEST" = qemu ] || return 0
	RUN_LIMIT=7200 SILENCE=600
	GUEST_IS="emulated PC (its times are not those of a real one)"
}

# auto: KVM where it works, else User Mode Linux, which computes at the same
# speed and asks little of the machine, else emulation.
choose_guest() {
	case $GUEST in
	auto)	if kvm_seen; then
			take_pc kvm
		elif ! take_uml; then
			say "User Mode Linux does not run on this machine; taking the slow way, emulation"
			take_pc qemu
		fi ;;
	uml)	take_uml || die "User Mode Linux does not run on this machine" \
			"use GUEST=qemu (slow)" ;;
	*)	take_pc "$GUEST" ;;
	esac
	[ "$GUEST" != kvm ] || kvm_boots "$KERNEL" ||
		die "no guest boots with KVM on this machine" "use GUEST=uml"
	cp "$KERNEL" "$RUN/kernel"
}

# get_ready MIB: everything up to the first boot but the disks, with room for so
# much in $RUN. Sets SRC, the kernel's sources.
get_ready() {
	need_tool gcc mke2fs taskset setarch od tar readelf
	static_busybox
	need_cache
	mkdir -p "$OUT"
	clean_up_at_end
	share_cpus
	make_run_folder "$1"
	SRC=$("$TOP/tools/source.sh" | tail -n 1)
	choose_guest
}

# The disks as device names: the first one also for the guest's init, which does
# not get to know what the kernel takes as root=.
disk_arguments() {
	local bus=$1
	printf '%s\n' "root=/dev/${bus}a" "files=/dev/${bus}a"
	[ ${#IMAGES[@]} -lt 2 ] || printf '%s\n' "swap=/dev/${bus}b"
}

# Without address randomization: it changes how much memory UML has.
start_uml() {
	local fixed=() disks i
	! setarch -R true 2>/dev/null || fixed=(setarch -R)
	mapfile -t disks < <(disk_arguments ubd)
	for i in "${!IMAGES[@]}"; do
		disks+=("ubd$(cut -c $((i + 1)) <<<ab)=$RUN/${IMAGES[i]}")
	done
	exec "${fixed[@]}" "$RUN/$BOOT" "mem=${MEM}M" con0=fd:0,fd:1 \
		"${disks[@]}" "$@"
}

start_pc() {
	local accel=$1 disks image drives=()
	shift
	mapfile -t disks < <(disk_arguments vd)
	for image in "${IMAGES[@]}"; do
		drives+=(-drive "file=$RUN/$image,if=virtio,format=raw,aio=threads")
	done
	exec qemu-system-x86_64 -accel "$accel" -cpu max -m "$MEM" -nodefaults \
		-smp "$SMP" -no-reboot -display none -serial stdio -kernel "$RUN/kernel" \
		"${drives[@]}" -append "console=ttyS0 ${disks[*]} $*"
}

# In a process group of its own, so that all of it can be ended. The model is
# preloaded into the machine alone.
start_guest() {
	local model start=(start_uml) images
	images=$(printf ":$RUN/%s" "${IMAGES[@]}")
	model=(SLOWDISK="$FIGURES" SLOWDISK_CONTROL="$RUN/control"
		SLOWDISK_IMAGES="${images#:}")
	[ "$GUEST" = uml ] || start=(start_pc "${GUEST/qemu/tcg}")
	# The second CPU is that of the disk, unless there are others beside the guest.
	[ ${#CPUS[@]} -lt 2 ] || [ ${#BESIDE[@]} -gt 0 ] ||
		model+=(SLOWDISK_CPU="${CPUS[1]}")
	[ "$GUEST" != uml ] || taskset -cp "${CPUS[0]}" $BASHPID >/dev/null
	export "${model[@]}" TMPDIR="$RUN" LD_PRELOAD="$MODEL"
	"${start[@]}" "$@"
}

end_guest() {
	local pid
	for pid in ${GUEST_PID:-} "${BESIDE[@]}"; do
		kill -KILL -- "-$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	GUEST_PID='' BESIDE=()
}

cleanup() {
	trap - EXIT INT TERM
	end_guest
	[ -z "${RUN:-}" ] || rm -rf "$RUN"
}

clean_up_at_end() {
	trap cleanup EXIT
	trap 'say; say "interrupted; nothing is left behind"; exit 130' INT TERM
}

# ---- A run ----

# Results: "mode name" to the values of all runs.
declare -A RESULT
keep() { RESULT["$1 $2"]+="${3//[^a-zA-Z0-9.:_-]/} "; }

# So much of struct control of slowdisk.c: two images.
CONTROL_BYTES=96

# Counting begins with the model.
disk_speed() {
	case $1 in
	fast) printf '\1' 1<>"$RUN/control" ;;
	model) head -c $CONTROL_BYTES /dev/zero 1<>"$RUN/control" ;;
	esac
}

# What is of interest of struct control, by the names of the images. Nothing is
# counted while the disk is fast.
keep_disk_counters() {
	local mode=$1 n i at
	read -ra n < <(od -An -v -t u8 -w$CONTROL_BYTES "$RUN/control")
	[ "${n[0]}" -eq 0 ] || return 0
	keep "$mode" busy_ms $((n[1] / 1000000))
	for i in "${!IMAGES[@]}"; do
		at=$((4 + 4 * i))
		keep "$mode" "${IMAGES[i]}_reads" "${n[at]}"
		keep "$mode" "${IMAGES[i]}_writes" "${n[at + 1]}"
		keep "$mode" "${IMAGES[i]}_read_kib" $((n[at + 2] / 1024))
		keep "$mode" "${IMAGES[i]}_write_kib" $((n[at + 3] / 1024))
	done
}

# One line that changes on a terminal, a line now and then elsewhere.
progress_line() {
	local text
	printf -v text '   %s  %-18s %4d s  %s' "$1" "$PHASE" \
		$((SECONDS - PHASE_START)) "${2:-}"
	if [ -t 2 ]; then
		printf '\r\033[K%s' "$text" >&2
	elif [ $SECONDS -ge $((SHOWN + 15)) ] || [ -n "${3:-}" ]; then
		say "$text"
		SHOWN=$SECONDS
	fi
}

end_phase() {
	[ -z "$PHASE" ] || progress_line "$1" "" shown
	[ -z "$PHASE" ] || [ ! -t 2 ] || say
	PHASE=$2 PHASE_START=$SECONDS SHOWN=$SECONDS
}

# What the guest says, up to its end.
converse() {
	local mode=$1 line word deadline=$((SECONDS + RUN_LIMIT))
	PHASE='' ; end_phase "$mode" booting
	while [ $SECONDS -lt $deadline ] && read -r -t "$SILENCE" -u "$FROM" line; do
		line=${line%$'\r'}
		printf '%s\n' "$line" >>"$RUN/console"
		read -ra word <<<"$line"
		case ${word[0]:-} in
		@phase)	end_phase "$mode" "${line#@phase }" ;;
		@at)	progress_line "$mode" "$((100 * word[1] / word[2])) %" ;;
		@disk)	[ "${word[1]}" = model ] || keep_disk_counters "$mode"
			disk_speed "${word[1]}"
			echo ok >&"$TO" ;;
		@value)	keep "$mode" "${word[1]}" "${word[2]:-}" ;;
		@done)	end_phase "$mode" ''; return ;;
		@fail)	failed "$mode" "${line#@fail }" ;;
		esac
	done
	failed "$mode" "it ended, hung or took too long; its last words: $(
		grep . "$RUN/console" | tail -n 1)"
}

failed() {
	cp "$RUN/console" "$OUT/console" 2>/dev/null || true
	say
	die "the guest with $1 failed: $2" "its console is in $OUT/console"
}

# run_guest MODE ARGUMENT...: boot it, see it through. The ARGUMENTs go on the
# command line of the kernel, results are kept under MODE.
run_guest() {
	local mode=$1
	shift
	make_disks
	printf '\1' >"$RUN/control"
	: >"$RUN/console"
	rm -f "$RUN"/{to,from}
	mkfifo "$RUN"/{to,from}
	exec {TO}<>"$RUN/to"
	set -m
	start_guest quiet init=/init panic=-1 "$@" <"$RUN/to" >"$RUN/from" 2>&1 &
	GUEST_PID=$!
	set +m
	exec {FROM}<"$RUN/from"
	converse "$mode"
	end_guest
	exec {FROM}<&- {TO}>&-
}

# ---- Figures ----

# last MODE NAME: the value of the latest run, 0 if there is none.
last() {
	local values
	read -ra values <<<"${RESULT["$1 $2"]:-0}"
	echo "${values[-1]}"
}

# middle NUMBER...: their median.
middle() {
	printf '%s\n' "$@" | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# median MODE NAME
median() {
	# shellcheck disable=SC2086	# a list
	middle ${RESULT["$1 $2"]:-0}
}

# calc FORMAT EXPRESSION: with numbers in it.
calc() { awk "BEGIN { printf(\"$1\", ($2)) }"; }
