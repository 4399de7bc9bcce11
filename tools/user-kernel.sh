#!/bin/bash
# Build an x86_64 kernel with zcache to boot outside of the tests.
#
# Usage: make kernel [KDIR=/path/to/linux] [CONFIG=/path/to/config]
#
#   KDIR		a tree that 'make apply' was used on; default: our own
#   CONFIG	a configuration to start from (say /boot/config-$(uname -r));
#		default: one file without modules that boots common PCs and VMs
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

check_kdir() {
	[ -d "$KDIR" ] || die "there is no folder $KDIR" "give a kernel tree"
	need_kernel "$KDIR" KDIR
	is_patched "$KDIR" || die "$KDIR has no mm/tmem" "run: make apply KDIR=$KDIR"
	if [ -e "$KDIR/.config" ] || [ -e "$KDIR/include/config" ]; then
		die "$KDIR has been built in, kbuild would not build elsewhere" \
			"build there by hand, or run: make -C $KDIR mrproper (keep .config)"
	fi
	TMEM_TREE=$(readlink -f "$KDIR")
	export TMEM_TREE
}

main() {
	local name=pc image out release
	need_tool gcc make
	echo '#include <openssl/opensslv.h>' | gcc -E - >/dev/null 2>&1 ||
		die "the headers of OpenSSL are missing" "run: make deps"
	[ -z "${KDIR:-}" ] || check_kdir
	if [ -n "${CONFIG:-}" ]; then
		[ -r "$CONFIG" ] || die "$CONFIG cannot be read" "give a kernel's .config"
		TMEM_START=$(readlink -f "$CONFIG")
		export TMEM_START
		name=zcache
	fi
	need_cache
	need_space "$TMEM_CACHE" 5000 "building a kernel"
	say "building a kernel with zcache (10 to 30 minutes the first time)"
	image=$("$TOP/tools/kernel.sh" build "$name")
	out=${image%/arch/*}
	release=$(cat "$out/include/config/kernel.release")
	cat <<-END

	The kernel:          $image
	Its configuration:   $out/.config

	Try it:     qemu-system-x86_64 -m 1G -nographic -kernel $image \\
	              -append 'console=ttyS0 zcache=1 root=...' -drive file=DISK
	Install:    cp $image /boot/vmlinuz-$release   and add a boot entry
	END
	! grep -q '^CONFIG_MODULES=y' "$out/.config" ||
		echo "Modules:    make -C $out modules_install   (as root)"
	echo "Boot with:  zcache=1   and look into /sys/kernel/debug/zcache"
}

main
