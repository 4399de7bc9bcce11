# shellcheck shell=bash
# Shared by all scripts in tools/: messages, the cache folder, locks, and the
# rules that keep half-made things from being trusted. Sourced, never run.
#
# A result is built under a temporary name and renamed when it is whole. Where
# that is not possible (a build tree that grows in place) a mark says "being
# made", and a later run that finds the mark starts over.

# shellcheck disable=SC2034	# the scripts that source this file use them
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KSERIES=6.12
PATCHES=$TOP/patches/$KSERIES
PATCHES_UM=$TOP/patches/$KSERIES-um
PATCHES_BENCH=$TOP/patches/$KSERIES-bench
HOME=${HOME:-~}
TMEM_CACHE=${TMEM_CACHE:-$HOME/.cache/tmem}
[[ $TMEM_CACHE = /* ]] || TMEM_CACHE=$PWD/$TMEM_CACHE
export HOME TMEM_CACHE
J=${J:-$(nproc)}
# mke2fs and others, which plain users do not have in their path on Debian.
PATH=$PATH:/usr/sbin:/sbin
# Sorting, messages of tools and number formats must not depend on the user.
export LC_ALL=C

say()  { printf '%s\n' "$*" >&2; }
step() { printf '\n== %s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# die WHAT HOW: what was wrong, and how to go on.
die() {
	printf 'error: %s\n' "$1" >&2
	[ $# -lt 2 ] || printf '  ->   %s\n' "$2" >&2
	exit 1
}

[[ $J =~ ^[1-9][0-9]*$ ]] || die "J=$J is not a number of jobs" "make J=$(nproc) ..."

# need_tool TOOL...: all of them, or one line that names all that are missing.
need_tool() {
	local tool missing=()
	for tool; do
		command -v "$tool" >/dev/null || missing+=("$tool")
	done
	[ ${#missing[@]} -eq 0 ] ||
		die "missing on this machine: ${missing[*]}" "run: make deps"
}

# need_space DIR MIB WHAT_FOR
need_space() {
	local free
	free=$(df --output=avail -m "$1" | tail -n 1)
	[ "$free" -ge "$2" ] || die \
		"$3 needs $2 MiB, but only $((free)) MiB are free in $1" \
		"make room there, or choose another place: TMEM_CACHE=/path make ..."
}

need_cache() {
	mkdir -p "$TMEM_CACHE" 2>/dev/null || true
	[ -w "$TMEM_CACHE" ] || die "the cache folder $TMEM_CACHE cannot be written" \
		"choose another place: TMEM_CACHE=/path make ..."
}

# lock NAME: hold a lock until this script (or subshell) ends; waits, and says so.
lock() {
	local fd
	need_cache
	mkdir -p "$TMEM_CACHE/lock"
	exec {fd}>>"$TMEM_CACHE/lock/$1"
	flock --nonblock "$fd" && return
	say "another run is using $TMEM_CACHE ($1); waiting for it to finish"
	flock "$fd"
}

# try_lock NAME WHAT: for long commands, of which a second one would only wait.
try_lock() {
	local fd
	need_cache
	mkdir -p "$TMEM_CACHE/lock"
	exec {fd}>>"$TMEM_CACHE/lock/$1"
	flock --nonblock "$fd" || die "$2 is already running" \
		"wait until it is done, or use another cache: TMEM_CACHE=/path make ..."
}

elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# Every 15 seconds one line about what grows in a log; ends with its parent. It
# waits in read, not in sleep: a sleep would outlive it, with our locks open.
progress() {
	local log=$1 what=$2 start=$SECONDS never
	exec {never}<> <(:)
	while ! read -rt 15 -u "$never" && kill -0 $$ 2>/dev/null; do
		say "   $what: $(elapsed $((SECONDS - start))), $(wc -l <"$log") lines," \
			"now: $(tail -n 1 "$log" | cut -c 1-60)"
	done
}

# run_logged LOG WHAT COMMAND...: quiet but for progress; a failure shows the
# lines that matter and where the rest is. The command stays in the foreground,
# so that Ctrl-C reaches it.
run_logged() {
	local log=$1 what=$2 ticker rc=0
	shift 2
	mkdir -p "$(dirname "$log")"
	: >"$log"
	progress "$log" "$what" &
	ticker=$!
	"$@" >>"$log" 2>&1 </dev/null || rc=$?
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
	[ "$rc" -eq 0 ] && return
	say "$what failed (exit $rc). From $log:"
	{ grep -nE 'error:|Error [0-9]|undefined ref|warning: |No such|Killed|No space' "$log" ||
		true; } | tail -n 12 >&2
	say "..."
	tail -n 12 "$log" >&2
	return "$rc"
}

# build_begin DIR NAME: before anything that grows in a build folder. The mark
# goes when this script ends in any way but being killed for good (then make has
# cleaned up after itself). A mark that is there means that nothing in the folder
# can be trusted.
build_begin() {
	if [ -e "$1/.being-built" ]; then
		say "the last build of $2 was killed; starting it over"
		rm -rf "$1"
	fi
	mkdir -p "$1"
	: >"$1/.being-built"
	# shellcheck disable=SC2064	# the name as it is now
	trap "rm -f '$1/.being-built'" EXIT
}

# Compile through ccache when it is there. Objects must not depend on user,
# host, time and place, or the cache never hits.
compiler() {
	if command -v ccache >/dev/null; then
		echo "ccache ${1:-}gcc"
	else
		echo "${1:-}gcc"
	fi
}

build_env() {
	export CCACHE_DIR=$TMEM_CACHE/ccache CCACHE_BASEDIR=$TMEM_CACHE
	export CCACHE_NOHASHDIR=1 KBUILD_BUILD_USER=tmem KBUILD_BUILD_HOST=tmem
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
}

# kernel_version DIR: "6.12.34" from the top Makefile; nothing if it is no kernel.
kernel_version() {
	[ -f "$1/Makefile" ] && [ -f "$1/Kconfig" ] && [ -d "$1/mm" ] || return 0
	awk '$2 != "=" { next }
		$1 == "VERSION" { v = $3 } $1 == "PATCHLEVEL" { p = $3 }
		$1 == "SUBLEVEL" { s = $3 }
		s != "" { print v "." p "." s; exit }' "$1/Makefile"
}

# need_kernel DIR NAME: DIR is a source tree of the series we have patches for.
need_kernel() {
	local version
	version=$(kernel_version "$1")
	[ -n "$version" ] || die "$2 is not a Linux source tree: $1" \
		"give the folder that holds the kernel's top Makefile"
	case $version in
	"$KSERIES".*) ;;
	*) die "$2 is Linux $version, but the patches are for $KSERIES.y: $1" \
		"get linux-$KSERIES.y from kernel.org or Debian's linux-source-$KSERIES" ;;
	esac
}

# is_patched DIR: does the tree carry our code already?
is_patched() {
	[ -e "$1/mm/tmem" ] || [ -e "$1/include/linux/frontswap.h" ] ||
		grep -q 'mm/tmem' "$1/mm/Kconfig" "$1/mm/Makefile"
}

# code_of OBJECT: its machine code with what that refers to, but without tables:
# inserting a line moves line numbers in them, and no code.
code_of() { objdump -drw --no-show-raw-insn "$1" | sed '1,3d'; }
