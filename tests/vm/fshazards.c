// SPDX-License-Identifier: GPL-2.0
/*
 * One test for each way in which the old copy of a file page could answer for
 * new content. Each fails when the line that protects from it is taken out;
 * tests/vm/mutants has these lines.
 *
 * Where it is a race the kernel is asked to sleep in the middle of it, and the
 * disk to be slow.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include "files.h"

#define GROUP	"hazard"
#define SHORT	32UL		/* pages of a file */
#define SLOW	"slow"		/* a device */
#define WRITE_DELAY 400		/* ms */

/*
 * Push out without a store: what a group's limit reclaims is not kept. So a
 * copy that should be gone is not replaced by a new one.
 */
static void leave_unstored(struct file *f)
{
	struct box box = box_start(10);
	long stores;

	file_sync(f);
	stores = zc_file("stores");
	while (file_cached(f, 0, file_pages(f)) && box_open(&box))
		try_write(cgroup_path(GROUP, "memory.reclaim"), "1M");
	check(!file_cached(f, 0, file_pages(f)),
	      "%lu pages do not leave", file_cached(f, 0, file_pages(f)));
	zcheck(zc_file("stores") == stores, "%ld pages were stored by a limit",
	       zc_file("stores") - stores);
}

/*
 * The first block of each page is written while only the copy knows the rest.
 * No block is read for that, and the page is not uptodate.
 */
static void write_parts(void *arg)
{
	struct file *f = arg;
	unsigned long nr;

	cgroup_enter(GROUP);
	for (nr = 0; nr < SHORT; nr++)
		file_write(f, nr * PAGE, f->fs->block, READ);
	if (f->version & 1)
		file_verify(f, READ);
	leave_unstored(f);
	file_verify(f, READ);
	file_verify(f, DIRECT);
}

static void partial_write_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	struct file *f = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int round;

	cgroup_make(GROUP);
	file_create(f, fs, "file", SHORT, HEAP | TEXT);
	file_fill(f, SHORT);
	for (round = 0; round < 2; round++) {
		f->version = 100 + round * 101;
		file_evict_stored(f);
		join(spawn(write_parts, f));
		file_evict(f);
		file_verify(f, MMAP);
	}
	file_delete(f);
	fs_umount(fs);
	cgroup_remove(GROUP);
}

SCENARIO(fs_partial_write, 120, "memcg",
	 "the first block of stored pages is written, then the page is read")
{
	partial_write_on("vfat");
	partial_write_on("exfat");
	partial_write_on("ext4-1k");
	partial_write_on("ext4");
	partial_write_on("xfs");
}

/* ---- Direct writes, on a disk that takes its time ---- */

static void writes_take_long(const struct fs *fs)
{
	char options[96];

	snprintf(options, sizeof(options), "/dev/fs-%s 0 0 /dev/fs-%s 0 %d",
		 fs->name, fs->name, WRITE_DELAY);
	dm_switch(SLOW, fs, "delay", options);
}

static unsigned long writes_done(void)
{
	char path[64], text[256];
	unsigned long n;

	snprintf(path, sizeof(path), "/sys/block/%s/stat",
		 strrchr(dm_path(SLOW), '/') + 1);
	if (try_read(path, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%*u %*u %*u %*u %lu", &n) != 1)
		fail("cannot read %s", path);
	return n;
}

/*
 * While the write is on its way a reader brings in what the disk still has, and
 * that is stored. When the write is done the copy must go, even with no page in
 * the page cache to remind anybody (@peek: a reader tries to get it out just
 * while it is dropped).
 */
static void write_behind(struct file *f, unsigned long nr, bool peek)
{
	static unsigned char new[PAGE] __attribute__((aligned(PAGE)));
	unsigned char old[PAGE];
	struct aio aio = { 0 };
	unsigned long done;

	file_content(f, new, nr * PAGE, PAGE);
	file_evict(f);
	writes_take_long(f->fs);
	done = writes_done();
	aio_begin(&aio, f->direct, new, nr * PAGE, PAGE);
	if (pread(f->fd, old, PAGE, nr * PAGE) != (ssize_t)PAGE)
		fail_errno("read");
	/* Not file_evict(), which would wait for the write. */
	file_leave(f, 0, f->max);
	zexpect(zc_file("stored_pages") > 0, "nothing was stored");
	if (peek) {
		cc_set("delay_window", WRITE_DELAY);
		while (writes_done() == done)
			nap(5);
		nap(WRITE_DELAY / 4);
		if (pread(f->fd, old, PAGE, nr * PAGE) != (ssize_t)PAGE)
			fail_errno("read");
	}
	check(aio_end(&aio) == (long)PAGE, "the write failed");
	cc_set("delay_window", 0);
	dm_switch(SLOW, f->fs, NULL, NULL);
	file_model_write(f, new, nr * PAGE, PAGE);
	file_note(f, "asynchronous write of page %lu, change %u", nr,
		  f->version);
	file_verify_page(f, nr, READ);
	file_verify(f, DIRECT);
}

static void direct_on(const char *name, bool peek)
{
	const struct fs *fs = fs_find(name);
	struct file f;
	unsigned long nr;

	zc_set("file_admission", "always");
	dm_make(SLOW, fs);
	fs_mount_device(fs, dm_path(SLOW));
	file_create(&f, fs, "file", 8, HEAP | TEXT);
	file_fill(&f, 8);
	file_evict_stored(&f);
	for (nr = 0; nr < 3; nr++)
		write_behind(&f, nr, peek);
	file_evict(&f);
	file_verify(&f, READ);
	file_delete(&f);
	fs_umount(fs);
	dm_remove(SLOW);
}

SCENARIO(fs_direct_window, 120, "",
	 "a direct write, and a reader that looks just while old copies are dropped")
{
	direct_on("ext4", true);
	direct_on("xfs", true);
	direct_on("vfat", true);
}

SCENARIO(fs_direct_no_page, 120, "",
	 "an asynchronous direct write that ends when no page is cached, but stored")
{
	direct_on("vfat", false);
	direct_on("exfat", false);
	direct_on("ext4", false);
	direct_on("xfs", false);
}

/* ---- Switched off and on ---- */

SCENARIO(fs_toggle, 120, "",
	 "files pushed out, switched off, changed, pushed out, switched on, read")
{
	static const char *const names[] = { "ext4", "xfs", "vfat" };
	const struct fs *fs;
	unsigned int i, round;
	struct file f;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fs = fs_start(names[i]);
		file_create(&f, fs, "file", SHORT, HEAP | TEXT);
		file_fill(&f, SHORT);
		for (round = 0; round < 5; round++) {
			file_evict_stored(&f);
			zc_set("enabled", "0");
			file_write(&f, round * 4 * PAGE + 300, 3 * PAGE, READ);
			if (round & 1)
				file_write(&f, 0, PAGE, DIRECT);
			file_evict(&f);
			if (round & 2)
				cc_none_stored("switched off");
			zc_set("enabled", "1");
			file_verify(&f, READ);
			file_verify(&f, DIRECT);
		}
		file_delete(&f);
		fs_umount(fs);
	}
}

/* ---- Truncation ---- */

/* A block boundary in the middle of a page: the file system touches no page. */
static void tail_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	unsigned long size;
	struct file f;

	file_create(&f, fs, "file", SHORT, HEAP | TEXT);
	for (size = 1; size < PAGE / fs->block && size < 5; size++) {
		file_fill(&f, SHORT);
		file_evict_stored(&f);
		file_truncate(&f, 7 * PAGE + size * fs->block);
		file_truncate(&f, SHORT * PAGE);
		file_verify(&f, size & 1 ? READ : MMAP);
		file_verify(&f, DIRECT);
		/* The same in the middle, where it is about both ends. */
		if (!(fs->can & PUNCH))
			continue;
		file_evict_stored(&f);
		file_fallocate(&f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       2 * PAGE + size * fs->block, 3 * PAGE);
		file_verify(&f, READ);
		file_verify(&f, DIRECT);
	}
	file_delete(&f);
	fs_umount(fs);
}

SCENARIO(fs_truncate_tail, 60, "",
	 "stored pages are cut at a block inside of a page, then the file grows")
{
	tail_on("vfat");
	tail_on("exfat");
	tail_on("ext4-1k");
}

struct race {
	const struct file *file;
	volatile bool *stop;
};

/* Reads what it gets and pushes it out again. */
static void read_and_push(void *arg)
{
	const struct race *race = arg;
	struct file f = *race->file;
	struct rng rng;
	char page[PAGE];

	rng_init(&rng, 600);
	file_open(&f);
	while (!*race->stop) {
		unsigned long nr = rng_below(&rng, SHORT);

		if (pread(f.fd, page, PAGE, nr * PAGE) < 0)
			fail_errno("read");
		try_write("/sys/fs/cgroup/memory.reclaim", "128K");
	}
	file_close(&f);
}

/*
 * vfat and exfat keep no reader away while they truncate. What was cut off
 * must not come back when the file grows again, however the reader ran.
 */
static void truncate_race_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	struct box box = box_start(env.uml ? 1 : 2);
	bool *stop = (bool *)(shared + 1);
	struct file f;
	struct race race = { &f, stop };
	unsigned int round = 0;
	int pid;

	*stop = false;
	file_create(&f, fs, "file", SHORT, HEAP | TEXT);
	pid = spawn(read_and_push, &race);
	do {
		file_fill(&f, SHORT);
		nap(5);
		cc_set("delay_window", round & 1 ? 10 : 0);
		cc_set("delay_load", round & 2 ? 5 : 0);
		file_truncate(&f, 3 * PAGE + 512 * (round & 7));
		file_truncate(&f, SHORT * PAGE);
		cc_set("delay_window", 0);
		cc_set("delay_load", 0);
		file_verify(&f, READ);
		file_verify(&f, DIRECT);
		round++;
	} while (box_open(&box));
	*stop = true;
	join(pid);
	say("%s: %u rounds", name, round);
	file_delete(&f);
	fs_umount(fs);
}

SCENARIO(fs_truncate_race, 120, "",
	 "truncate down and up beside a reader whose pages are pushed out")
{
	truncate_race_on("vfat");
	truncate_race_on("exfat");
	truncate_race_on("ext4");
	truncate_race_on("xfs");
}

/* ---- Read ahead ---- */

/*
 * Every second page is stored, the others are on disk only. What came out of a
 * copy must not be read by the file system on top of that: it would come out as
 * not uptodate, and be read once more.
 */
static void alternate_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	const unsigned long length = 256;
	unsigned long nr, reads;
	struct file f;
	long hits;

	if (fs->can & READ_ONLY)
		file_adopt_large(&f, fs, BIG_FILE, length, BIG_KINDS, BIG_SEED);
	else
		file_create_large(&f, fs, "file", length, HEAP | TEXT);
	file_evict_stored(&f);
	for (nr = 0; nr < length; nr += 2)
		posix_fadvise(f.fd, nr * PAGE, PAGE, POSIX_FADV_DONTNEED);
	hits = zc_file("hits");
	reads = fs_pages_read(fs);
	file_verify(&f, READ);
	hits = zc_file("hits") - hits;
	reads = fs_pages_read(fs) - reads;
	zexpect(hits >= (long)length / 2 - 16, "%s: only %ld hits of %lu", name, hits,
		length / 2);
	zexpect(reads < length * 3 / 4,
		"%s: %lu pages were read from disk, half of %lu had a copy", name, reads,
		length);
	check(file_cached(&f, 0, length) == length,
	      "%s: %lu of %lu pages are cached", name, file_cached(&f, 0, length),
	      length);
	reads = fs_pages_read(fs);
	file_verify(&f, MMAP);
	check(fs_pages_read(fs) == reads, "%s: pages were read twice", name);
	file_close(&f);
	if (!(fs->can & READ_ONLY))
		unlink(f.path);
	fs_umount(fs);
}

SCENARIO(fs_readahead, 60, "",
	 "a file is read from start to end, every second page of it from a copy")
{
	alternate_on("ext4");
	alternate_on("ext4-1k");
	alternate_on("xfs");
	alternate_on("vfat");
	alternate_on("exfat");
	alternate_on("isofs");
}

/* ---- The first copy of a file ---- */

#define READ_DELAY 400		/* ms */
#define MANY 33UL		/* pages; a scan holds 31 at once, readahead reads 32 */

static void all_takes_long(const struct fs *fs)
{
	char options[96];

	snprintf(options, sizeof(options), "/dev/fs-%s 0 %d /dev/fs-%s 0 %d",
		 fs->name, READ_DELAY, fs->name, 2 * READ_DELAY);
	dm_switch(SLOW, fs, "delay", options);
}

static void nap_until(double when)
{
	double left = when - now();

	if (left > 0)
		nap(left * 1000);
}

static void read_pages(struct file *f, unsigned long nr, unsigned long count)
{
	static char buf[DIO_MAX];

	posix_fadvise(f->fd, 0, 0, POSIX_FADV_RANDOM);
	if (pread(f->fd, buf, count * PAGE, nr * PAGE) != (ssize_t)(count * PAGE))
		fail_errno("read");
}

struct first_copy {
	struct file f;
	double start;
};

static void read_first(void *arg)
{
	struct first_copy *c = arg;

	/* The write takes 2 delays: it ends in the middle of this. */
	nap_until(c->start + 1.5 * READ_DELAY / 1000);
	read_pages(&c->f, 0, 1);
}

/*
 * A direct write of the whole file is on its way. The pages are read as they
 * were before. When the write is done its invalidation waits for the first page,
 * which is still being read; meanwhile the last page leaves for its copy, the
 * first one of this file, and the invalidation does not come across it. Returns
 * whether it went like that.
 */
static bool try_first_copy(const struct fs *fs)
{
	static unsigned char new[MANY * PAGE] __attribute__((aligned(PAGE)));
	struct aio aio = { 0 };
	struct first_copy c;
	bool stored;
	int pid;

	file_create(&c.f, fs, "file", MANY, HEAP | TEXT);
	file_fill(&c.f, MANY);
	drop_caches();
	file_content(&c.f, new, 0, sizeof(new));
	all_takes_long(fs);
	c.start = now();
	pid = spawn(read_first, &c);
	aio_begin(&aio, c.f.direct, new, 0, sizeof(new));
	read_pages(&c.f, 1, MANY - 1);
	nap_until(c.start + 2.25 * READ_DELAY / 1000);
	file_pageout(&c.f, MANY - 1, 1);
	stored = zc_file("stored_pages") > 0;
	check(aio_end(&aio) == sizeof(new), "the write failed");
	join(pid);
	dm_switch(SLOW, fs, NULL, NULL);
	file_model_write(&c.f, new, 0, sizeof(new));
	file_verify(&c.f, READ);
	file_verify(&c.f, DIRECT);
	file_delete(&c.f);
	return stored;
}

static void first_copy_on(const char *name)
{
	const struct fs *fs = fs_find(name);
	unsigned int try = 0;

	zc_set("file_admission", "always");
	dm_make(SLOW, fs);
	fs_mount_device(fs, dm_path(SLOW));
	/* It is a matter of time, and the host may have other work. */
	while (!try_first_copy(fs) && !env.plain)
		check(try++ < 8, "no page was stored at the right moment");
	fs_umount(fs);
	dm_remove(SLOW);
}

SCENARIO(fs_first_copy, 120, "",
	 "the first copy of a file is made behind an invalidation that is under way")
{
	first_copy_on("ext4");
	first_copy_on("xfs");
	first_copy_on("vfat");
}

/* ---- Pages that somebody holds ---- */

/* By read(2): what is in a page table would be known to be in use. */
static void *read_all(void *arg)
{
	const struct race *race = arg;
	static char buf[8 * PAGE];
	unsigned long nr;

	while (!*race->stop)
		for (nr = 0; nr < SHORT; nr += 8)
			if (pread(race->file->fd, buf, sizeof(buf), nr * PAGE) < 0)
				fail_errno("read");
	return NULL;
}

/*
 * A page is stored, and then cannot leave because somebody has it in use. What
 * is cached has no copy, or the copy would be old after the next change.
 */
SCENARIO(fs_busy_pages, 120, "preempt",
	 "pages that are read while they are stored: cached or stored, never both")
{
	const struct fs *fs = fs_start("ext4");
	struct box box = box_start(env.box);
	bool *stop = (bool *)(shared + 1);
	unsigned long cached;
	struct file f;
	struct race race = { &f, stop };
	pthread_t thread;
	long stored;

	file_create(&f, fs, "file", SHORT, HEAP | TEXT);
	file_fill(&f, SHORT);
	do {
		*stop = false;
		if (pthread_create(&thread, NULL, read_all, &race))
			fail("cannot create a thread");
		for (cached = 0; cached < 20; cached++)
			file_pageout(&f, 0, SHORT);
		*stop = true;
		pthread_join(thread, NULL);
		cached = file_cached(&f, 0, SHORT);
		stored = zc_file("stored_pages");
		zcheck(cached + stored <= SHORT,
		       "%lu pages are cached and %ld stored, of %lu", cached,
		       stored, SHORT);
	} while (box_open(&box));
	file_verify_all(&f);
	file_delete(&f);
	fs_umount(fs);
}

/* ---- The life of an inode ---- */

/*
 * Inodes leave memory, the files stay. Those of files of one page: others wait
 * until nothing in their mapping tells of pages that were evicted. It needs more
 * than one look.
 */
static void inodes_dropped(const struct fs *fs)
{
	static struct file f[16];
	char name[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(f); i++) {
		snprintf(name, sizeof(name), "one%u", i);
		file_create(&f[i], fs, name, 1, HEAP | TEXT);
		file_fill(&f[i], 1);
		file_evict_stored(&f[i]);
		file_close(&f[i]);
	}
	sync();
	for (i = 0; i < 5; i++)
		write_file("/proc/sys/vm/drop_caches", "2");
	zcheck(zc_file("stored_pages") < (long)ARRAY_SIZE(f) / 2,
	       "%ld pages of dropped inodes are still stored",
	       zc_file("stored_pages"));
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		file_open(&f[i]);
		file_verify(&f[i], READ);
		file_delete(&f[i]);
	}
}

/*
 * Copies end with the inode in memory. Another file may get its number and its
 * place in memory at once.
 */
static void life_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	unsigned int round;
	struct file f;

	for (round = 0; round < 10; round++) {
		file_create(&f, fs, "file", SHORT, HEAP | TEXT);
		f.version = 100 * round;
		/* Holes: what shows there has been left by another file. */
		file_truncate(&f, SHORT * PAGE);
		file_verify_page(&f, 0, READ);
		file_evict(&f);
		file_verify(&f, READ);
		file_fill(&f, SHORT);
		file_evict_stored(&f);
		file_delete(&f);
		cc_none_stored("after the file was deleted");
	}
	inodes_dropped(fs);
	fs_umount(fs);
}

SCENARIO(fs_inode_life, 60, "",
	 "deleted files and dropped inodes take their copies with them")
{
	life_on("ext4");
	life_on("vfat");
	life_on("exfat");
}

static void read_until_gone(void *arg)
{
	struct file f = *(const struct file *)arg;
	unsigned int i;

	file_open(&f);
	for (i = 0; i < 4; i++) {
		file_verify(&f, READ);
		file_pageout(&f, 0, SHORT);
	}
	file_close(&f);
}

/* Pages are stored and loaded until the last moment before the umount. */
SCENARIO(fs_umount_race, 120, "",
	 "file systems come and go while files of others, and theirs, are pushed out")
{
	static const char *const names[] = { "ext4", "xfs", "vfat", "exfat" };
	struct box box = box_start(env.uml ? 2 : 4);
	const struct fs *fs[ARRAY_SIZE(names)];
	struct file f[ARRAY_SIZE(names)];
	unsigned int round = 0, i;
	int pids[ARRAY_SIZE(names)];

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fs[i] = fs_start(names[i]);
		file_create(&f[i], fs[i], "file", SHORT, HEAP | TEXT);
		file_fill(&f[i], SHORT);
		file_close(&f[i]);
	}
	do {
		for (i = 0; i < ARRAY_SIZE(names); i++)
			pids[i] = spawn(read_until_gone, &f[i]);
		i = round % ARRAY_SIZE(names);
		join(pids[i]);
		fs_umount(fs[i]);
		zc_set("enabled", round & 4 ? "0" : "1");
		fs_mount(fs[i]);
		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (i != round % ARRAY_SIZE(names))
				join(pids[i]);
		round++;
	} while (box_open(&box));
	say("%u rounds", round);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		file_open(&f[i]);
		file_verify_all(&f[i]);
		file_delete(&f[i]);
		fs_umount(fs[i]);
	}
	cc_none_stored("after the last umount");
}

/* ---- Writes that fail ---- */

#define BROKEN "broken"

/* Write out the data alone: a journal that cannot be written ends everything. */
static int write_out(struct file *f)
{
	return sync_file_range(f->fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE |
			       SYNC_FILE_RANGE_WRITE |
			       SYNC_FILE_RANGE_WAIT_AFTER) ? -errno : 0;
}

/*
 * A page whose write failed is clean, but not what the disk has. When it has
 * left memory the disk is right, and nothing else.
 */
static void failed_write_on(const char *name)
{
	const struct fs *fs = fs_find(name);
	static unsigned char lost[4 * PAGE];
	char options[96];
	struct file f;

	zc_set("file_admission", "always");
	dm_make(BROKEN, fs);
	fs_mount_device(fs, dm_path(BROKEN));
	file_create(&f, fs, "file", SHORT, HEAP | TEXT);
	file_fill(&f, SHORT);
	file_evict_stored(&f);
	snprintf(options, sizeof(options), "/dev/fs-%s 0 0 3600 1 error_writes",
		 fs->name);
	dm_switch(BROKEN, fs, "flakey", options);
	file_content(&f, lost, 4 * PAGE, sizeof(lost));
	if (pwrite(f.fd, lost, sizeof(lost), 4 * PAGE) != sizeof(lost))
		fail_errno("write");
	check(write_out(&f) == -EIO, "%s: the write did not fail", name);
	dm_switch(BROKEN, fs, NULL, NULL);
	/* Not file_evict(), that would write out. */
	while (file_cached(&f, 0, SHORT))
		file_pageout(&f, 0, SHORT);
	file_note(&f, "a write of pages 4 to 7 failed");
	file_verify(&f, READ);
	file_verify(&f, DIRECT);
	/* It goes on working, and what is written now is there. */
	file_write(&f, 2 * PAGE, 4 * PAGE, READ);
	file_evict(&f);
	file_verify(&f, MMAP);
	file_delete(&f);
	fs_umount(fs);
	dm_remove(BROKEN);
}

SCENARIO(fs_write_fails, 60, "",
	 "a page whose write failed: after it left memory, what the disk has is read")
{
	failed_write_on("ext4");
	failed_write_on("xfs");
	failed_write_on("vfat");
	failed_write_on("exfat");
}
