# shellcheck shell=bash
# Cables between guests, which need no rights: each machine has a UDP port on an
# address of 127.0.0.0/8 that only this script uses, so runs that go on at the same
# time do not meet. What is in a datagram is an Ethernet frame with a header of
# L2TPv3, which User Mode Linux and QEMU both speak. Sourced.
#
# Machines have numbers from 1. A cable connects two of them, or one to the switch,
# number 0 (tools/switch.py), which connects all that are plugged into it. The
# interface is called vec0 in User Mode Linux, eth0 in the emulator.

CABLE_HOST=127.$((64 + ($$ >> 16 & 63))).$(($$ >> 8 & 255)).$(($$ & 255))
CABLE_PORT=5000

# shellcheck disable=SC2034	# vm.sh uses them
CABLE=() MACHINE='' ROLES=''	# what vm.sh starts a guest with, in a group

cable_port() { echo $((CABLE_PORT + $1)); }
cable_mac() { printf '02:00:00:00:00:%02x' "$1"; }

# uml_cable FROM TO: a word for the command line of User Mode Linux.
uml_cable() {
	echo "vec0:transport=l2tpv3,udp=1,rx_session=1,tx_session=1,mac=$(cable_mac "$1"),$(
		)src=$CABLE_HOST,srcport=$(cable_port "$1"),$(
		)dst=$CABLE_HOST,dstport=$(cable_port "$2")"
}

# qemu_cable FROM TO: words for the emulator.
qemu_cable() {
	echo "-netdev l2tpv3,id=cable,udp=on,rxsession=1,txsession=1,$(
		)src=$CABLE_HOST,srcport=$(cable_port "$1"),$(
		)dst=$CABLE_HOST,dstport=$(cable_port "$2")" \
		"-device virtio-net-pci,netdev=cable,romfile=,mac=$(cable_mac "$1")"
}

# ---- Groups ----

# group SCENARIO: the roles of its machines, what is done while they work, and to
# which of them.
group() {
	case $1 in
	net_two) echo borrower,lender ;;
	net_three) echo borrower,lender,lender ;;
	net_host) echo lender,borrower,borrower ;;
	net_mutual) echo both,both ;;
	net_kill) echo borrower,lender,lender kill 2 ;;
	net_lender_boots) echo borrower,lender reboot 2 ;;
	net_borrower_boots) echo borrower,lender reboot 1 ;;
	net_freeze) echo borrower,lender freeze 1 2 ;;
	net_cut) echo borrower,lender cut ;;
	*) die "the scenario $1 is not for a group of guests" "see group() in tools/net.sh" ;;
	esac
}

# machine GUEST NAME DIR: number $MACHINE of a group, until it has done its part;
# what was wrong goes to DIR/wrong. It boots again if it was killed for that.
machine() {
	local n=0 dir
	# shellcheck disable=SC2034	# see above
	read -ra CABLE < <("$(cable_of "$1")" "$MACHINE" 0)
	while :; do
		dir=$3/$MACHINE-$((n += 1))
		mkdir -p "$dir"
		ln -sfn "$dir" "$3/$MACHINE"
		# The shell has a word about each process that is killed.
		if boot "$1" "$dir" "$2" 2>"$dir/log" && grep -aq "^end $2 ok" "$dir/verdict"; then
			return
		elif [ -e "$dir/killed" ] && ! grep -aq ^fail "$dir/verdict"; then
			[ "$(cat "$dir/killed")" = again ] || return 0
		else
			REASON=$(reason_of "$dir" "$2")
			[ -n "$REASON" ] || no_token "$1" "$dir"
			echo "$(sed -n "s/^end $2 little.*/little/p" "$dir/verdict") $dir" \
				"machine $MACHINE of $ROLES: $REASON" >>"$3/wrong"
			for ((n = 1; n <= MACHINES; n++)); do kill_machine "$3/$n" ''; done
			return
		fi
	done
}

cable_of() {	# GUEST
	case $(guest "$1") in
	uml*) echo uml_cable ;;
	*) echo qemu_cable ;;
	esac
}

# kill_machine DIR [again]: whatever it is doing.
kill_machine() {
	[ -e "$1/pid" ] || return 0
	echo "$2" >"$1/killed"
	kill -KILL "$(cat "$1/pid")" 2>/dev/null || true
}

# run_group GUEST NAME DIR
run_group() {
	local MACHINE MACHINES ROLES SWITCH deed victims pids=() disturber=
	read -r ROLES deed victims < <(group "$2")
	MACHINES=$(tr ',' '\n' <<<"$ROLES" | wc -l)
	mkdir -p "$3"
	# shellcheck disable=SC2046	# numbers
	"$TOP/tools/switch.py" "$CABLE_HOST" $(for ((n = 0; n <= MACHINES; n++)); do
		cable_port "$n"; done) 2>"$3/switch.log" &
	SWITCH=$!
	for ((MACHINE = 1; MACHINE <= MACHINES; MACHINE++)); do
		machine "$@" &
		pids+=($!)
	done
	# shellcheck disable=SC2086	# numbers
	[ -z "$deed" ] || { disturb "$3" "$deed" $victims & disturber=$!; }
	wait "${pids[@]}" || true
	# shellcheck disable=SC2086	# there may be none
	kill -KILL $disturber "$SWITCH" 2>/dev/null || true
	wait 2>/dev/null || true
}

# run_groups GUEST NAMES: one after the other. One in which zcache did too little is
# tried once more, as a single guest is.
run_groups() {
	local name dir start
	for name in $2; do
		dir=$RUN/$1-$VM_SEED-$name start=$SECONDS
		run_group "$1" "$name" "$dir"
		if [ -e "$dir/wrong" ] && ! grep -qv ^little "$dir/wrong"; then
			printf '%-11s %-18s zcache did too little, it is tried again: %s\n' \
				"$1" "$name" "$(head -n 1 "$dir/wrong")"
			dir+=-again
			run_group "$1" "$name" "$dir"
		fi
		group_result "$1" "$name" "$dir" $((SECONDS - start))
	done
}

# Each disturbance with one seed after the other, and ten minutes of borrowing from
# each other. The first that fails is the last.
stress_groups() {
	local n guest=uml-net
	[[ " ${CHOSEN[*]} " == *" $guest "* ]] || return 0
	for ((n = 0; n < VM_DEEDS; n++)); do
		VM_BOX=8 VM_SEED=$((VM_SEED + n)) \
			run_groups $guest "net_kill net_lender_boots net_borrower_boots $(
				)net_freeze net_cut"
		! grep -q ' FAIL ' "$RUN/results" || return 0
	done
	VM_BOX=600 run_groups $guest net_mutual
}

group_result() {	# GUEST NAME DIR SECONDS
	local pages HITS dir reason
	# shellcheck disable=SC2034	# for result
	read -r pages HITS < <(cat "$3"/*-*/verdict |
		awk '$1 == "end" { pages += $5; hits += $6 } END { print pages + 0, hits + 0 }')
	if [ -e "$3/wrong" ]; then
		read -r dir reason < <(sed 's/^[^/]*//' "$3/wrong")
		result "$1" "$2" FAIL "$4" "$pages" "$dir" "$reason"
	else
		result "$1" "$2" ok "$4" "$pages" "$3"
	fi
}

# ---- Disturbances ----

# nap MIN MAX: some time between them, in ms.
nap() {
	local ms=$(($1 + (RANDOM << 15 | RANDOM) % ($2 - $1)))
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
}

borrowers() { tr ',' '\n' <<<"$ROLES" | grep -vc lender; }

# disturb DIR DEED VICTIM...: in a process of its own, while those that borrow are
# at work.
disturb() {
	local dir=$1 deed=$2 end
	shift 2
	RANDOM=$VM_SEED
	until [ "$(cat "$dir"/*-1/verdict 2>/dev/null | grep -ac ^ready)" -eq "$(borrowers)" ]; do
		sleep 0.3
	done
	end=$((SECONDS + $(box_of uml) - 2))
	while [ "$SECONDS" -lt "$end" ]; do
		nap 300 2500
		"deed_$deed" "$dir" "$@" || break
	done
}

deed_cut() {
	kill -STOP "$SWITCH"
	nap 200 3000
	kill -CONT "$SWITCH"
}

deed_freeze() {	# DIR VICTIM...
	local pid
	pid=$(cat "$1/${*:2 + RANDOM % ($# - 1):1}/pid")
	kill -STOP "$pid"
	nap 200 3000
	kill -CONT "$pid"
}

# Only once: it is gone, or has to find its way back.
deed_kill() {	# DIR VICTIM [again]
	nap 500 2500
	kill_machine "$1/$2" "${3:-}"
	return 1
}

deed_reboot() { deed_kill "$@" again; }
