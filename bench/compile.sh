# shellcheck shell=bash
# The work "compile": a guest builds a part of the kernel that it runs, with the
# compiler of this machine. Sourced after tools/guest.sh, never run.
#
# compile_disk ROOT BUILD puts into ROOT, the folder that becomes the guest's
# root file system,
#
#	gcc, cc1, as, make	of this machine, and the libraries they load
#	/src			the C files, and the headers that they include
#	/obj			generated headers and a Makefile: one rule for each
#				object, with the command line that kbuild used
#	/obj/sums		what the objects must be: they are made here first,
#				by the same files, in a chroot
#	/bin/compile		the work program, bench/guest/compile.sh
#
# BUILD is the folder of a kernel that has been built. Objects are written to
# the root file system, temporary files of gcc to /tmp.

# In this order. cc1 takes about 80 MiB for each of them.
COMPILE_OBJECTS=(mm/percpu.o fs/pipe.o mm/rmap.o kernel/ptrace.o mm/swap.o
	fs/stat.o mm/mm_init.o kernel/resource.o mm/vma.o fs/xattr.o
	mm/memblock.o mm/util.o kernel/cpu.o mm/truncate.o)

# ---- The compiler ----

# The compiler itself, not a ccache that is called like it.
real_gcc() {
	local path
	while read -r path; do
		path=$(readlink -f "$path")
		[ "${path##*/}" = ccache ] || { echo "$path"; return; }
	done < <(type -ap gcc)
	die "there is no gcc but ccache in $PATH" "run: make deps"
}

# gcc looks for what it calls in its own folders and in PATH.
called_by_gcc() {
	local path
	path=$("$1" -print-prog-name="$2")
	[[ $path = /* ]] || path=$(command -v "$2") ||
		die "$1 calls $2, which is not on this machine" "run: make deps"
	readlink -f "$path"
}

libraries() { ldd "$1" | grep -o '/[^ ]*'; }

# put_program ROOT NAME PATH: where it is here, with what it loads; in the path.
put_program() {
	local root=$1 name=$2 path=$3 library
	for library in $(libraries "$path") "$path"; do
		mkdir -p "$root${library%/*}"
		cp -L "$library" "$root$library"
	done
	[ "/bin/$name" = "$path" ] || ln -sf "$path" "$root/bin/$name"
}

put_compiler() {
	local root=$1 gcc name path
	gcc=$(real_gcc)
	put_program "$root" gcc "$gcc"
	for name in cc1 as; do
		path=$(called_by_gcc "$gcc" "$name")
		put_program "$root" "$name" "$path"
	done
	put_program "$root" make "$(readlink -f "$(command -v make)")"
}

# ---- The sources ----

# recorded BUILD: the files in which kbuild keeps how each object was made.
recorded() {
	local object file
	for object in "${COMPILE_OBJECTS[@]}"; do
		file=$1/${object%/*}/.${object##*/}.cmd
		[ -f "$file" ] || die "$object was not built in $1" \
			"that is no kernel build, or an unfinished one: remove it"
		echo "$file"
	done
}

# needed_files FILE...: every C file and header, relative to the build folder
# or absolute. kbuild leaves out the one that all have.
needed_files() {
	echo include/generated/autoconf.h
	sed -n -e 's/^source_.* := //p' -e 's/^  \([^ $][^ ]*\).*/\1/p' "$@"
}

# copy_from DIR TO: the absolute paths of the input that are in DIR.
copy_from() {
	mkdir -p "$2"
	(cd "$1" && sed -n "s|^$1/||p" | xargs cp -L --parents -t "$2")
}

put_sources() {
	local root=$1 build=$2 tree=$3 files
	shift 3
	files=$(cd "$build" && needed_files "$@" | sort -u | xargs realpath -s)
	copy_from "$tree" "$root/src" <<<"$files"
	copy_from "$build" "$root/obj" <<<"$files"
}

# The commands are in the syntax of make already.
put_makefile() {
	local root=$1 tree=$2 object
	shift 2
	for object in "${COMPILE_OBJECTS[@]}"; do
		mkdir -p "$root/obj/${object%/*}"
	done
	{
		echo "export PATH := /bin"
		echo "objects := ${COMPILE_OBJECTS[*]}"
		sed -n '/^savedcmd_/p' "$@" | sed -e "s|$tree/|/src/|g" -e 's/:= ccache /:= /'
		cat <<'END'
pound := \#
all: $(objects)
$(objects):
	$(savedcmd_$@)
END
	} >"$root/obj/Makefile"
}

# ---- What is right ----

# in_root ROOT COMMAND...: users who are not root need a name space for it.
in_root() {
	local become=()
	[ "$(id -u)" -eq 0 ] || become=(unshare --map-root-user)
	"${become[@]}" chroot "$@"
}

put_sums() {
	local root=$1
	run_logged "$OUT/compile.log" "compiling in a chroot" \
		in_root "$root" /bin/make -s -C /obj -j"$J" || die \
		"the compiler does not work in $root" \
		"it takes root, or user name spaces (unshare --map-root-user)"
	(cd "$root/obj" && sha256sum "${COMPILE_OBJECTS[@]}" >sums &&
		rm "${COMPILE_OBJECTS[@]}")
	find "$root/obj" -name '.*.o.d' -delete
}

# compile_disk ROOT BUILD
compile_disk() {
	local root=$1 build=$2 tree files
	need_tool gcc make as ldd realpath
	tree=$(readlink "$build/source") || die "$build is no build of a kernel" \
		"build one: tools/kernel.sh build uml"
	files=$(recorded "$build")
	mapfile -t files <<<"$files"
	make_root "$root" setsid sh sha256sum sleep sync tail
	put_compiler "$root"
	put_sources "$root" "$build" "$tree" "${files[@]}"
	put_makefile "$root" "$tree" "${files[@]}"
	put_sums "$root"
	install -m 755 "$TOP/bench/guest/compile.sh" "$root/bin/compile"
}
