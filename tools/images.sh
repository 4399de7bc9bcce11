# shellcheck shell=bash
# Disk images of the test guests: two swap devices, a file system for swap
# files, and a file system of each sort that the tests know. Made once for a run;
# each boot gets copies, but for those that cannot be written. Sourced by vm.sh.
# "tlshd" is a root folder with that daemon (tools/tlshd.sh); vm.sh adds it.

DISKS=(swap0 swap1 files ext4 ext4-1k xfs vfat exfat btrfs f2fs isofs squashfs erofs)

# Those that are named for the guest: its scenarios ask for them by name.
is_fs() { [[ $1 != swap* && $1 != files ]]; }

is_read_only() { [[ " isofs squashfs erofs tlshd " == *" $1 "* ]]; }

need_image_tools() {
	need_tool mke2fs mkfs.xfs mkfs.vfat mkfs.exfat mkfs.btrfs mkfs.f2fs xorriso mksquashfs \
		mkfs.erofs
}

# make_image NAME FILE CONTENT: CONTENT is a folder for what is read-only.
make_image() {
	local size=512M
	case $1 in
	swap*) size=1G ;;
	isofs | squashfs | erofs | tlshd) size=0 ;;
	esac
	truncate -s "$size" "$2"
	case $1 in
	swap*) ;;
	files) mke2fs -q -F -t ext4 -O ^has_journal "$2" ;;
	ext4) mke2fs -q -F -t ext4 -b 4096 -O encrypt,verity "$2" ;;
	ext4-1k) mke2fs -q -F -t ext4 -b 1024 "$2" ;;
	xfs) mkfs.xfs -q -f -m reflink=1 "$2" ;;
	vfat) mkfs.vfat -F 32 -S 512 "$2" ;;
	exfat) mkfs.exfat "$2" ;;
	btrfs) mkfs.btrfs -q -f "$2" ;;
	f2fs) mkfs.f2fs -q -f "$2" ;;
	isofs) xorriso -as mkisofs -quiet -J -r -o "$2" "$3" ;;
	squashfs) mksquashfs "$3" "$2" -noappend -quiet -no-progress -b 16K -comp lzo \
		-Xalgorithm lzo1x_1 ;;
	tlshd) "$TOP/tools/tlshd.sh" root "$3/tlshd" && mksquashfs "$3/tlshd" "$2" -noappend \
		-all-root -quiet -no-progress -comp lzo ;;
	erofs) mkfs.erofs -d 1 -zlz4 -C16384 "$2" "$3" ;;
	esac
}

# make_images DIR INIT: all templates; INIT fills what cannot be written later.
make_images() {
	local name dir=$1
	mkdir -p "$dir/content"
	"$2" --make-files "$dir/content" || die "the content of the disk images could not be made" \
		"see the message above"
	for name in "${DISKS[@]}"; do
		make_image "$name" "$dir/$name" "$dir/content" >"$dir/$name.log" 2>&1 </dev/null ||
			die "no image for $name: $(tail -n 1 "$dir/$name.log")" "see $dir/$name.log"
		# Sectors of 2 KiB make no whole number of pages.
		truncate -s %1M "$dir/$name"
	done
	rm -r "$dir/content"
}

# image_of TEMPLATES DIR NAME: what a boot in DIR uses.
image_of() {
	if is_read_only "$3"; then echo "$1/$3"; else echo "$2/$3"; fi
}

# copy_images TEMPLATES DIR: for one boot.
copy_images() {
	local name
	for name in "${DISKS[@]}"; do
		is_read_only "$name" || cp --sparse=always --reflink=auto "$1/$name" "$2/$name"
	done
}

drop_images() {	# DIR
	local name
	for name in "${DISKS[@]}"; do rm -f "$1/$name"; done
}

# disk_letter N: a, b, ... as the kernel counts.
disk_letter() { printf '%b' "\\x$(printf %x $((97 + $1)))"; }

# disk_words PREFIX: the words of the kernel's command line, for disks that the
# guest calls PREFIXa and so on.
disk_words() {
	local name swap='' fs='' n=0 device
	for name in "${DISKS[@]}"; do
		device=$1$(disk_letter "$n")
		n=$((n + 1))
		if is_fs "$name"; then fs+=,$name:$device; else swap+=,$device; fi
	done
	echo "vm.disks=${swap#,} vm.fs=${fs#,}"
}
