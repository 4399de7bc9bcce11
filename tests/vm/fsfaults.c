// SPDX-License-Identifier: GPL-2.0
/* Devices that go, memory that cannot be had, copies that rot: file pages. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "files.h"

#define SHORT	32UL
#define PULLED	"pulled"	/* a device */

/* What was read is right, or an error: a page may be in memory, or not. */
static unsigned long readable(struct file *f)
{
	unsigned char page[PAGE];
	unsigned long nr, errors = 0;

	for (nr = 0; nr < file_pages(f); nr++) {
		if (pread(f->fd, page, PAGE, nr * PAGE) == (ssize_t)PAGE) {
			file_check_page(f, nr, page, "read without a disk");
			continue;
		}
		check(errno == EIO, "%s: %s", f->path, strerror(errno));
		errors++;
	}
	return errors;
}

static void pull_on(const char *name)
{
	const struct fs *fs = fs_find(name);
	unsigned long errors;
	struct file f;

	zc_set("file_admission", "always");
	dm_make(PULLED, fs);
	fs_mount_device(fs, dm_path(PULLED));
	file_create(&f, fs, "file", SHORT, HEAP | TEXT);
	file_fill(&f, SHORT);
	sync();
	file_evict_stored(&f);
	dm_switch(PULLED, fs, "error", "");
	errors = readable(&f);
	/* What cannot be written must not be taken for what is on the disk. */
	if (pwrite(f.fd, "lost", 4, 3 * PAGE) == 4 && fsync(f.fd) == 0)
		fail("%s: writing to no disk worked", name);
	file_pageout(&f, 0, SHORT);
	say("%s: %lu of %lu pages could not be read without the disk", name,
	    errors, SHORT);
	file_close(&f);
	fs_umount(fs);
	cc_none_stored("after umount");
	/* It is plugged in again. */
	dm_switch(PULLED, fs, NULL, NULL);
	fs_mount_device(fs, dm_path(PULLED));
	file_open(&f);
	file_verify_all(&f);
	file_delete(&f);
	fs_umount(fs);
	dm_remove(PULLED);
}

SCENARIO(fs_disk_pulled, 120, "",
	 "the disk goes while its pages are stored, and comes back after umount")
{
	pull_on("ext4");
	pull_on("vfat");
	pull_on("exfat");
	pull_on("xfs");
}

/* After an error ext4 makes itself read-only; what it has must stay right. */
SCENARIO(fs_error_remount, 60, "",
	 "a file system that became read-only after an error, its pages stored")
{
	const struct fs *fs = fs_find("ext4-1k");
	char options[96];
	struct file f;

	zc_set("file_admission", "always");
	dm_make(PULLED, fs);
	mkdir_fs(fs);
	if (mount(dm_path(PULLED), fs_path(fs, ""), fs->type, 0,
		  "errors=remount-ro"))
		fail_errno("mount");
	file_create(&f, fs, "file", SHORT, HEAP | TEXT);
	file_fill(&f, SHORT);
	sync();
	file_evict_stored(&f);
	snprintf(options, sizeof(options), "/dev/fs-%s 0 0 3600 1 error_writes",
		 fs->name);
	dm_switch(PULLED, fs, "flakey", options);
	/* The journal cannot be written. */
	close(open(fs_path(fs, "new"), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	sync();
	check(open(fs_path(fs, "other"), O_CREAT | O_RDWR | O_CLOEXEC, 0600) < 0,
	      "it is not read-only");
	/* It may refuse to read, too. */
	readable(&f);
	file_pageout(&f, 0, SHORT);
	readable(&f);
	file_close(&f);
	fs_umount(fs);
	dm_switch(PULLED, fs, NULL, NULL);
	fs_mount_device(fs, dm_path(PULLED));
	file_open(&f);
	file_verify_all(&f);
	file_delete(&f);
	fs_umount(fs);
	dm_remove(PULLED);
}

/* A file can be read again, so nobody has to know. */
SCENARIO(fs_corrupt, 60, "zcache debug",
	 "a stored file page that changed is read from the disk, never wrong bytes")
{
	const struct fs *fs = fs_start("ext4");
	long corrupt = zc_file("load_corrupt");
	struct file f;

	file_create(&f, fs, "file", 200, HEAP | TEXT);
	file_fill(&f, 200);
	file_verify(&f, READ);
	write_file("/sys/kernel/debug/zcache/corrupt", "20");
	file_evict(&f);
	write_file("/sys/kernel/debug/zcache/corrupt", "0");
	file_verify(&f, READ);
	check(zc_file("load_corrupt") == corrupt + 20,
	      "%ld corrupt pages were noticed, not 20",
	      zc_file("load_corrupt") - corrupt);
	file_delete(&f);
	fs_umount(fs);
}
