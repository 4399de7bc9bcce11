# shellcheck shell=bash
# Programs of tmem and zbud as they are, natively in user space: with the kernel's
# own XArray, lzo and xxhash, and the headers of tests/user. Sourced after lib.sh,
# never run. SRC is the kernel's source.

SET_MIB=32		# of data that they take

# native_headers DIR: nodes of the XArray as large as in the kernel. glibc defines
# both byte orders, which lzo takes for a mistake.
native_headers() {
	mkdir -p "$1"/{generated,linux}
	echo '#define XA_CHUNK_SHIFT 6' >"$1/generated/map-shift.h"
	echo '#define CONFIG_64BIT 1' >"$1/generated/bit-length.h"
	cp "$SRC/tools/testing/shared/autoconf.h" "$1/generated/"
	cp "$SRC"/include/linux/{lzo,xxhash}.h "$1/linux/"
	cat >"$1/linux/module.h" <<-END
		#include <linux/align.h>
		#include <linux/export.h>
		#include <linux/kernel.h>
		#undef __BIG_ENDIAN
		#undef MODULE_LICENSE
		#define MODULE_LICENSE(text)
		#define MODULE_DESCRIPTION(text)
	END
}

# build_native PROGRAM FOLDER OPTION-OR-FILE...: bench/PROGRAM.c as FOLDER/PROGRAM.
build_native() {
	local program=$1 out=$2 user=$TOP/tests/user lib=$SRC/lib tools=$SRC/tools
	shift 2
	native_headers "$out/include"
	gcc -std=gnu11 -O2 -g -w -fno-strict-aliasing -D_GNU_SOURCE -DCONFIG_X86_64 \
		-include linux/module.h "$@" -I"$user/include" -I"$out/include" \
		-I"$tools/testing/shared" -I"$tools/include" -I"$lib" -I"$lib/lzo" \
		-o "$out/$program" "$TOP"/{tmem,zbud}.c "$TOP/bench/$program.c" \
		"$user/shim.c" "$lib"/{xarray,xxhash}.c \
		"$lib"/lzo/lzo1x_{compress,decompress}_safe.c \
		"$tools"/lib/{bitmap,find_bit,hweight,vsprintf}.c -lpthread ||
		die "bench/$program.c does not build" "see above"
}

# build_scaling FOLDER: and the data for it.
build_scaling() {
	build_native scaling "$1" -I"$TOP/bench/native" "$TOP/bench/native/rcu.c"
	data_source "$1/set" "$SET_MIB"
}
