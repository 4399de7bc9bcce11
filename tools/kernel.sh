#!/bin/bash
# Configure and build a kernel with our code from the synced tree.
#
# Usage: tools/kernel.sh sync|config NAME|build NAME [TARGET...]
#
#   sync		bring the tree up to date, print its folder
#   config NAME		configure $TMEM_CACHE/build/NAME
#   build NAME		configure and build it; the last line is the image. With
#			TARGETs (mm/swapfile.o, ...) only these, prints the folder
#
# NAME is a fragment tools/configs/NAME.config. Its head says how to read it:
#   # ARCH=um|x86_64|i386|arm64
#   # BASE=NAME...	optional: these fragments come first
#   # START=defconfig	optional: start from the defconfig, not from nothing
# An option that does not survive configuration is an error, and is named.
#
# For user-kernel.sh: TMEM_TREE is another tree to build from (one that carries
# our code already), TMEM_START a configuration to start from.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/stage.sh
. "$TOP/tools/stage.sh"
# shellcheck source=tools/tree.sh
. "$TOP/tools/tree.sh"

CONFIGS=${TMEM_CONFIGS:-$TOP/tools/configs}

usage() {
	sed -n '/^# Usage/,/^set/{/^#/s/^# \?//p}' "$0" >&2
	exit 2
}

# head_of NAME KEY: a value from the head of a fragment.
head_of() { sed -n "s/^# $2=//p" "$CONFIGS/$1.config" | head -n 1; }

# fragments NAME: all files, the most basic first.
fragments() {
	local base
	[ -f "$CONFIGS/$1.config" ] || die "no such configuration: $1" \
		"there are: $(cd "$CONFIGS" && echo *.config | sed 's/\.config//g')"
	for base in $(head_of "$1" BASE); do fragments "$base"; done
	echo "$CONFIGS/$1.config"
}

# inherited NAME KEY: from the fragment or from the first that it is based on.
inherited() {
	local value base
	value=$(head_of "$1" "$2")
	for base in $(head_of "$1" BASE); do
		[ -n "$value" ] || value=$(inherited "$base" "$2")
	done
	echo "$value"
}

# wanted FILE...: the final say on each option, "CONFIG_X=y" or "CONFIG_X=n".
wanted() {
	sed -n -e 's/^# \(CONFIG_[A-Za-z0-9_]*\) is not set.*/\1=n/p' \
		-e 's/^\(CONFIG_[A-Za-z0-9_]*=.*\)/\1/p' "$@" |
		awk -F= '{ last[$1] = $0 } END { for (o in last) print last[o] }' | sort
}

# check_survival CONFIG FRAGMENT...: every requested option must be there.
check_survival() {
	local config=$1 line lost=()
	shift
	while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%=n}=" "$config" || lost+=("$line") ;;
		*) grep -qxF -- "$line" "$config" || lost+=("$line") ;;
		esac
	done < <(wanted "$@")
	[ ${#lost[@]} -eq 0 ] || {
		rm -f "$config"
		die "these requested options did not survive: ${lost[*]}" \
			"a dependency is missing in $(basename "${!#}"), or a name is wrong"
	}
}

kmake() {
	nice -n 5 make -C "$TREE" O="$OUT" ARCH="$ARCH" CC="$(compiler "$CROSS")" \
		CROSS_COMPILE="$CROSS" -j"$J" "$@"
}

# From nothing, as tinyconfig does, or from the defconfig.
start_config() {
	local arch=${ARCH/x86_64/x86}
	if [ -n "${TMEM_START:-}" ] || [ "$(inherited "$NAME" START)" = defconfig ]; then
		if [ -n "${TMEM_START:-}" ]; then
			cp "$TMEM_START" "$OUT/.config.new"
		else
			kmake defconfig
		fi
		cat "$@" >>"$OUT/.config.new"
		kmake olddefconfig
	else
		cat "$TREE"/kernel/configs/tiny{,-base}.config \
			"$TREE/arch/${arch/i386/x86}/configs"/tiny.config* \
			"$@" >"$OUT/all.config" 2>/dev/null || true
		KCONFIG_ALLCONFIG=$OUT/all.config kmake allnoconfig
	fi
}

# The new configuration replaces the old one only where it differs: kbuild
# rebuilds by its time.
configure() {
	local files state
	mapfile -t files < <(fragments "$NAME")
	mkdir -p "$OUT"
	state=$(cat "${files[@]}" ${TMEM_START:+"$TMEM_START"} "$TREE/mm/Kconfig" \
		"$TREE"/mm/tmem/{,*/}Kconfig 2>/dev/null |
		sha256sum; "${CROSS}gcc" --version | head -n 1)
	[ -f "$OUT/.config" ] && [ "$state" = "$(cat "$OUT/config.stamp" 2>/dev/null)" ] &&
		return
	rm -f "$OUT/config.stamp" "$OUT/.config.new"
	say "configuring $NAME ($ARCH)"
	KCONFIG_CONFIG=$OUT/.config.new \
		run_logged "$OUT/config.log" "configuring $NAME" start_config "${files[@]}" ||
		die "configuring $NAME failed" "see $OUT/config.log"
	check_survival "$OUT/.config.new" "${files[@]}"
	cmp -s "$OUT/.config.new" "$OUT/.config" || cp "$OUT/.config.new" "$OUT/.config"
	echo "$state" >"$OUT/config.stamp"
}

build() {
	tree_build "$OUT" "$OUT/build.log" "building $NAME" kmake "$@"
	[ "$BUILD_RC" -eq 0 ] ||
		die "building $NAME failed" "see $OUT/build.log"
}

prepare() {
	ARCH=$(inherited "$NAME" ARCH)
	case $ARCH in
	um|x86_64|i386) [ "$(uname -m)" = x86_64 ] || die \
		"$NAME is a kernel for x86 ($ARCH), this machine is $(uname -m)" \
		"use an x86_64 machine" ;;
	arm64) ;;
	*) die "tools/configs/$NAME.config has no head '# ARCH=um' or '# ARCH=x86_64'" \
		"add it as its first line" ;;
	esac
	CROSS=
	[ "$ARCH" != arm64 ] || [ "$(uname -m)" = aarch64 ] || CROSS=aarch64-linux-gnu-
	need_tool "${CROSS}gcc" make flex bison bc
	OUT=$TMEM_CACHE/build/$NAME
	if [ -n "${TMEM_TREE:-}" ]; then
		TREE=$TMEM_TREE
		OUT+=-$(echo "$TREE" | sha256sum | cut -c 1-8)
	fi
	lock "build-$(basename "$OUT")"
	build_begin "$OUT" "$NAME"
	[ -n "${TMEM_TREE:-}" ] || tree_sync "$OUT/.tree-mark"
	need_space "$TMEM_CACHE" 1500 "building a kernel"
	build_env
	configure
}

image() {
	case $ARCH in
	um) echo "$OUT/linux" ;;
	arm64) echo "$OUT/arch/arm64/boot/Image" ;;
	*) echo "$OUT/arch/x86/boot/bzImage" ;;
	esac
}

main() {
	[ $# -ge 1 ] || usage
	local verb=$1
	NAME=${2:-}
	case $verb in
	sync) tree_sync; echo "$TREE"; return ;;
	config|build) [ -n "$NAME" ] || usage ;;
	*) usage ;;
	esac
	fragments "$NAME" >/dev/null
	prepare
	shift 2
	[ "$verb" = config ] || build "$@"
	if [ "$verb" = config ]; then
		echo "$OUT/.config"
	elif [ $# -gt 0 ]; then
		echo "$OUT"
	else
		image
	fi
}

main "$@"
