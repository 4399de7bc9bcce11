# shellcheck shell=bash
# Which runs there are to be, which of them there are, and how long the others
# take. Sourced by run.sh: all of it takes hours, and goes on where it was ended.
#
# A line of runs.json begins with what it is a run of (IDENTITY): lines that begin
# alike are one sample. Those of the same work, disk, mode and guest that begin
# otherwise are of another version or of other settings. They stay until there
# are as many of this one as were asked for, and the report marks them: plan.json
# holds the beginnings of this version.
# shellcheck disable=SC2153	# WORKS and the others come from run.sh

declare -A IDENTITY	# of a cell, "WORK DISK MODE": how its lines begin
declare -A WANTED THERE	# how many lines there are to be, and are
CELLS=()		# those that were asked for

# ---- Versions ----

# compiled BUILD LIST: which of the files that we add to a kernel, or change, are
# in it.
compiled() {
	local file
	while read -r file; do
		case $file in
		mm/tmem/tests/*) ;;
		mm/tmem/ramster/*.h)
			! grep -qx CONFIG_RAMSTER=y "$1/.config" || echo "$file" ;;
		*.h)	echo "$file" ;;
		*.c)	[ ! -f "$1/${file%c}o" ] || echo "$file" ;;
		esac
	done <"$2"
}

# version_of FILE...: and of the options on standard input. Comments change no
# figure.
version_of() {
	{ cat; gcc -fpreprocessed -dD -E -P -w -x c "$@"; } | sha256sum | cut -c 1-12
}

# read_versions BUILD: sets VERSION, of all, and PLAIN_VERSION, of what runs while
# zcache is off, and is but a branch that is not taken: the kernel's own files. So
# figures of others are no older when zcache has changed. NET_VERSION is of what the kernel
# with a network has besides, and of the link.
read_versions() {
	local tree options file own=() all=()
	tree=$(readlink "$1/source")
	options=$(grep '^CONFIG_' "$1/.config")
	while read -r file; do
		all+=("$tree/$file")
		[ ! -f "$SRC/$file" ] || own+=("$tree/$file")
	done < <(compiled "$1" "$tree.files")
	VERSION=$(version_of "${all[@]}" <<<"$options")
	PLAIN_VERSION=$(grep -Ev '_(ZCACHE|TMEM|CLEANCACHE|FRONTSWAP|RAMSTER)' \
		<<<"$options" | version_of "${own[@]}")
	NET_VERSION=$(cat "$TOP"/{remote.c,ramster/*.[ch]} "$BENCH/link.c" \
		"$TOP/tools/configs/uml-net.config" | sha256sum | cut -c 1-12)
}

# kernel_version_of MODE
kernel_version_of() {
	if uses_zcache "$1"; then echo "$VERSION"; else echo "$PLAIN_VERSION"; fi
	! has_network "$1" || echo "$NET_VERSION"
}

# work_files PROGRAM: of the program in the guest, its data and its disk. What
# boots the guest and reads its counters is not among them.
work_files() {
	local guest=$BENCH/guest
	echo "$TOP/demo/slowdisk.c"
	case $1 in
	compile) echo "$BENCH/compile.sh" "$guest/compile.sh" ;;
	mixed)	echo "$BENCH/data.sh" "$guest"/{mixed,heap.c,common.h} ;;
	*)	ls "$BENCH/data.sh" "$guest/common.h" "$guest/$1" "$guest/$1.c" 2>/dev/null || true ;;
	esac
}

# ---- Cells ----

uses_zcache() { [ "$(mode_is "$1" 3)" != off,off ]; }

# modes_of WORK, runs_of WORK
modes_of() { echo "${MODES:-$(work_is "$1" 6)}"; }
runs_of() { echo "${RUNS:-$(work_is "$1" 5)}"; }

# plan_work WORK DISKS MODES RUNS: its cells.
plan_work() {
	local work=$1 program memory files disk mode code tune cell
	program=$(work_is "$work" 7)
	memory=$(memory_of "$work")
	files=$(work_files "${program%% *}" | xargs cat | sha256sum)
	for mode in $3; do
		tune=
		! uses_zcache "$mode" || tune=$TUNE
		code=$(kernel_version_of "$mode" | xargs)
		code=$(sha256sum <<<"$code $files" | cut -c 1-12)
		for disk in $(disks_of "$work" "$mode" "$2"); do
			program=$(program_of "$work" "$disk")
			cell="$work $disk $mode"
			WANTED[$cell]=$4
			printf -v "IDENTITY[$cell]" '{"work":"%s","disk":"%s","mode":"%s","guest":"%s","cpus":%d,"mem":%d,"program":"%s","tune":"%s","code":"%s",' \
				"$work" "$disk" "$mode" "$GUEST" "$SMP" "$memory" \
				"$program" "$tune" "$code"
		done
	done
}

# make_plan: of everything there is in the tables, for the report; and what was
# asked for: for each work and disk the modes in turn.
make_plan() {
	local work disk mode cell
	for work in $(rows "$WORK_TABLE"); do
		plan_work "$work" "hdd ssd" "$(work_is "$work" 6)" "$(work_is "$work" 5)"
	done
	for work in $WORKS; do
		plan_work "$work" "$DISKS" "$(modes_of "$work")" "$(runs_of "$work")"
		# shellcheck disable=SC2086	# a list
		for disk in $(printf '%s\n' $DISKS ram | sort -u); do
			for mode in $(modes_of "$work"); do
				[[ " $(disks_of "$work" "$mode" "$DISKS") " != *" $disk "* ]] ||
					CELLS+=("$work $disk $mode")
			done
		done
	done
	for cell in "${CELLS[@]}"; do
		THERE[$cell]=$(grep -cF -- "${IDENTITY[$cell]}" "$RESULTS/runs.json" || true)
	done
	write_plan
}

# Guests that are not this one keep theirs.
write_plan() {
	local plan=$RESULTS/plan.json cell
	{
		grep -vF "\"guest\":\"$GUEST\"" "$plan" 2>/dev/null || true
		for cell in "${!IDENTITY[@]}"; do
			echo "${IDENTITY[$cell]}\"runs\":${WANTED[$cell]}}"
		done | sort
	} >"$plan.tmp"
	mv "$plan.tmp" "$plan"
}

# forget_older CELL: when there are enough of this version.
forget_older() {
	local runs=$RESULTS/runs.json same=${IDENTITY[$1]%%\"cpus\"*}
	[ "${THERE[$1]}" -ge "${WANTED[$1]}" ] || return 0
	awk -v same="$same" -v this="${IDENTITY[$1]}" \
		'index($0, same) != 1 || index($0, this) == 1' "$runs" >"$runs.tmp"
	mv "$runs.tmp" "$runs"
}

# ---- Parts of the report that take no guests ----

# What they are of: PART and version, a line each, and "now" this version.
set_version() {
	local versions=$RESULTS/versions
	{ grep -v "^$1 " "$versions" 2>/dev/null || true; echo "$1 $2"; } >"$versions.tmp"
	mv "$versions.tmp" "$versions"
}

# part NAME COMMAND...: which makes it, unless it is of this version.
part() {
	local name=$1 now
	shift
	now=$(version_of "$TOP"/*.[ch] "$BENCH"/*.[ch] </dev/null)
	set_version now "$now"
	! grep -qx "$name $now" "$RESULTS/versions" || return 0
	"$@"
	set_version "$name" "$now"
}

# ---- What is left ----

# missing: the beginning of each run that is.
missing() {
	local cell i
	for cell in "${CELLS[@]}"; do
		for ((i = THERE[$cell]; i < WANTED[$cell]; i++)); do
			echo "${IDENTITY[$cell]}"
		done
	done
}

# seconds_of_missing: by the latest run of the same work, disk and mode, or else
# by all of the work; and how many are of works that never ran in such a guest.
seconds_of_missing() {
	missing | awk -F'"' '
		{ cell = $4 FS $8 FS $12 FS $16; work = $4 FS $16 }
		FILENAME != "-" {
			if (match($0, /"took":[0-9]+/)) {
				last[cell] = substr($0, RSTART + 7, RLENGTH - 7)
				sum[work] += last[cell]
				n[work]++
			}
			next
		}
		cell in last { seconds += last[cell]; next }
		work in n { seconds += sum[work] / n[work]; next }
		{ unknown++ }
		END { print int(seconds), unknown + 0 }' "$RESULTS/runs.json" -
}

# show_missing: how many, and how long they will take.
show_missing() {
	local n seconds unknown
	n=$(missing | wc -l)
	read -r seconds unknown < <(seconds_of_missing)
	say "Missing $n runs: $((n - unknown)) of about $((seconds / 60 + 1)) min, $unknown never timed before"
}
