// SPDX-License-Identifier: GPL-2.0
/* See files.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "files.h"

#define MOUNTS "/tmp/fs"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* ---- File systems ---- */

#define WRITABLE (DIRECT_IO | PREALLOC)

static const struct fs all[] = {
	{ "ext4", "ext4", "", 4096,
	  KEPT | WRITABLE | PUNCH | ZERO_RANGE | SHIFT, PAGE },
	{ "ext4-1k", "ext4", "", 1024,
	  KEPT | WRITABLE | PUNCH | ZERO_RANGE | SHIFT, PAGE },
	{ "xfs", "xfs", "", 4096,
	  KEPT | WRITABLE | PUNCH | ZERO_RANGE | SHIFT | CLONE, PAGE },
	{ "vfat", "vfat", "", 512, KEPT | DIRECT_IO, PAGE },
	{ "exfat", "exfat", "", 512, KEPT | DIRECT_IO, PAGE },
	{ "isofs", "iso9660", "", 2048, KEPT | READ_ONLY, PAGE },
	{ "squashfs", "squashfs", "", 4096, KEPT | READ_ONLY, 4 * PAGE },
	{ "erofs", "erofs", "", 4096, KEPT | READ_ONLY, 4 * PAGE },
	{ "btrfs", "btrfs", "", 4096,
	  WRITABLE | PUNCH | ZERO_RANGE | CLONE, PAGE },
	{ "f2fs", "f2fs", "", 4096,
	  WRITABLE | PUNCH | ZERO_RANGE | SHIFT, PAGE },
	{ "tlshd", "squashfs", "", 4096, READ_ONLY, PAGE },
	{ "tmpfs", "tmpfs", "size=64m", 4096, PREALLOC | PUNCH, PAGE },
};

const struct fs *fs_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i].name, name))
			return &all[i];
	fail("no file system %s", name);
}

char *fs_path(const struct fs *fs, const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), MOUNTS "/%s%s%s", fs->name,
		 *name ? "/" : "", name);
	return path;
}

void mkdir_fs(const struct fs *fs)
{
	mkdir(MOUNTS, 0755);
	mkdir(fs_path(fs, ""), 0755);
}

void fs_mount_device(const struct fs *fs, const char *device)
{
	unsigned long flags = fs->can & READ_ONLY ? MS_RDONLY : 0;

	mkdir_fs(fs);
	if (mount(device, fs_path(fs, ""), fs->type, flags, fs->options))
		fail_errno("mount %s", device);
}

void fs_mount(const struct fs *fs)
{
	char device[32];

	snprintf(device, sizeof(device), "/dev/fs-%s", fs->name);
	fs_mount_device(fs, device);
}

void fs_umount(const struct fs *fs)
{
	if (umount(fs_path(fs, "")))
		fail_errno("umount %s", fs->name);
}

void fs_remount(const struct fs *fs)
{
	fs_umount(fs);
	fs_mount(fs);
}

const struct fs *fs_start(const char *name)
{
	const struct fs *fs = fs_find(name);

	zc_set("file_admission", "always");
	fs_mount(fs);
	return fs;
}

unsigned long fs_pages_read(const struct fs *fs)
{
	char device[32], to[32] = "", path[64], text[256];
	unsigned long sectors = 0;

	snprintf(device, sizeof(device), "/dev/fs-%s", fs->name);
	if (readlink(device, to, sizeof(to) - 1) < 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/block/%s/stat", strrchr(to, '/') + 1);
	if (try_read(path, text, sizeof(text)) <= 0)
		fail("cannot read %s", path);
	check(sscanf(text, "%*u %*u %lu", &sectors) == 1, "%s: %s", path, text);
	return sectors / 8;
}

/* What is mounted last goes first. False: there was nothing. */
static bool umount_one(void)
{
	char line[512], last[128] = "", *dir;
	FILE *f = fopen("/proc/mounts", "re");

	if (!f)
		fail_errno("/proc/mounts");
	while (fgets(line, sizeof(line), f)) {
		strtok(line, " ");
		dir = strtok(NULL, " ");
		if (!strncmp(dir, MOUNTS "/", strlen(MOUNTS) + 1))
			snprintf(last, sizeof(last), "%s", dir);
	}
	fclose(f);
	if (!*last)
		return false;
	if (umount(last) && umount2(last, MNT_DETACH))
		fail_errno("umount %s", last);
	return true;
}

/* ---- Reporting ---- */

void file_note(struct file *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->log[f->line++ % LOG_LINES], sizeof(f->log[0]), fmt, ap);
	va_end(ap);
}

static void show_log(struct file *f)
{
	unsigned int i;

	for (i = f->line > LOG_LINES ? f->line - LOG_LINES : 0; i < f->line; i++)
		say("%s: %s", f->path, f->log[i % LOG_LINES]);
}

static void want_page(struct file *f, unsigned long nr, unsigned char *page)
{
	unsigned long end = f->size - nr * PAGE;

	if (f->model) {
		memcpy(page, f->model + nr * PAGE, PAGE);
		return;
	}
	page_make(page, f->seed, nr, 0, f->kinds);
	if (end < PAGE)
		memset(page + end, 0, PAGE - end);
}

/* Say what the page holds instead of what it should. */
static void __attribute__((noreturn))
wrong(struct file *f, unsigned long nr, const unsigned char *got,
      const unsigned char *want, const char *how)
{
	unsigned int first = PAGE, last = 0, bad = 0, i;
	const uint64_t *w = (const uint64_t *)got;
	char what[64] = "";

	for (i = 0; i < PAGE; i++) {
		if (got[i] == want[i])
			continue;
		first = first < i ? first : i;
		last = i;
		bad++;
	}
	show_log(f);
	if (w[0] == f->seed)
		snprintf(what, sizeof(what), "; it was page %lu in change %lu of %u",
			 (unsigned long)w[1], (unsigned long)w[2], f->version);
	fail("%s: wrong bytes in page %lu by %s: %u differ, %u to %u: %02x, not %02x%s",
	     f->path, nr, how, bad, first, last, got[first], want[first], what);
}

void file_check_page(struct file *f, unsigned long nr, const void *got,
		     const char *how)
{
	static unsigned char want[PAGE] __attribute__((aligned(PAGE)));

	want_page(f, nr, want);
	if (memcmp(got, want, PAGE))
		wrong(f, nr, got, want, how);
	__atomic_fetch_add(&shared->verified, 1, __ATOMIC_RELAXED);
}

/* ---- Opening and closing ---- */

unsigned long file_pages(const struct file *f)
{
	return (f->size + PAGE - 1) / PAGE;
}

void file_open(struct file *f)
{
	bool writable = !(f->fs->can & READ_ONLY);
	int mode = writable ? O_RDWR : O_RDONLY;
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);

	f->fd = open(f->path, mode | O_CLOEXEC);
	if (f->fd < 0)
		fail_errno("%s", f->path);
	f->direct = -1;
	if (f->fs->can & DIRECT_IO) {
		f->direct = open(f->path, mode | O_DIRECT | O_CLOEXEC);
		if (f->direct < 0)
			fail_errno("%s past the page cache", f->path);
	}
	f->map = mmap(NULL, f->max * PAGE, prot, MAP_SHARED, f->fd, 0);
	if (f->map == MAP_FAILED)
		fail_errno("cannot map %s", f->path);
	/* What is read ahead in between would only blur what is looked at. */
	madvise(f->map, f->max * PAGE, MADV_RANDOM);
}

void file_close(struct file *f)
{
	munmap(f->map, f->max * PAGE);
	close(f->fd);
	if (f->direct >= 0)
		close(f->direct);
}

void file_adopt_large(struct file *f, const struct fs *fs, const char *name,
		      unsigned long pages, unsigned int kinds, uint64_t seed)
{
	memset(f, 0, sizeof(*f));
	f->fs = fs;
	f->max = pages;
	f->size = pages * PAGE;
	f->kinds = kinds;
	f->seed = seed;
	snprintf(f->path, sizeof(f->path), "%s", fs_path(fs, name));
	file_open(f);
}

static uint64_t seed_of(const char *path)
{
	uint64_t seed = env.seed + 0xf11e;

	while (*path)
		seed = seed * 0x100000001b3ULL ^ (unsigned char)*path++;
	return seed;
}

static void make_empty(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		fail_errno("%s", path);
	close(fd);
}

void file_create_large(struct file *f, const struct fs *fs, const char *name,
		       unsigned long pages, unsigned int kinds)
{
	static unsigned char chunk[16 * PAGE];
	unsigned long nr = 0, i;

	make_empty(fs_path(fs, name));
	file_adopt_large(f, fs, name, pages, kinds, seed_of(fs_path(fs, name)));
	while (nr < pages) {
		for (i = 0; i < 16 && nr + i < pages; i++)
			page_make(chunk + i * PAGE, f->seed, nr + i, 0, kinds);
		if (write(f->fd, chunk, i * PAGE) != (ssize_t)(i * PAGE))
			fail_errno("cannot write to %s", f->path);
		nr += i;
	}
	file_sync(f);
}

void file_create(struct file *f, const struct fs *fs, const char *name,
		 unsigned long max, unsigned int kinds)
{
	make_empty(fs_path(fs, name));
	file_adopt_large(f, fs, name, max, kinds, seed_of(fs_path(fs, name)));
	f->size = 0;
	/* Shared: what a child does to the file it does to the model, too. */
	f->model = mmap(NULL, max * PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE,
			-1, 0);
	if (f->model == MAP_FAILED)
		fail_errno("no memory for a model of %lu pages", max);
}

void file_delete(struct file *f)
{
	file_close(f);
	if (f->model)
		munmap(f->model, f->max * PAGE);
	if (unlink(f->path))
		fail_errno("unlink %s", f->path);
}

/* ---- Changes ---- */

/* The next content for a range: what belongs there in a whole new page. */
void file_content(struct file *f, void *buf, unsigned long at,
		  unsigned long len)
{
	static unsigned char page[PAGE] __attribute__((aligned(PAGE)));
	unsigned long done = 0, start, part;

	f->version++;
	while (done < len) {
		start = (at + done) % PAGE;
		part = PAGE - start < len - done ? PAGE - start : len - done;
		page_make(page, f->seed, (at + done) / PAGE, f->version,
			  f->kinds);
		memcpy((char *)buf + done, page + start, part);
		done += part;
	}
}

void file_model_write(struct file *f, const void *data, unsigned long at,
		      unsigned long len)
{
	check(at + len <= f->max * PAGE, "%s has no room for %lu bytes at %lu",
	      f->path, len, at);
	memcpy(f->model + at, data, len);
	if (at + len > f->size)
		f->size = at + len;
}

static void write_async(struct file *f, const void *data, unsigned long at,
			unsigned long len)
{
	struct aio aio = { 0 };
	long done;

	aio_begin(&aio, f->direct, data, at, len);
	done = aio_end(&aio);
	if (done != (long)len)
		fail("asynchronous write of %lu bytes at %lu of %s: %ld", len,
		     at, f->path, done);
}

static const char *const ways[] = {
	"read", "mmap", "splice", "direct I/O", "asynchronous I/O",
};

void file_write(struct file *f, unsigned long at, unsigned long len,
		enum way way)
{
	void *data = dio_buffer();
	int fd = way == DIRECT ? f->direct : f->fd;

	file_content(f, data, at, len);
	file_note(f, "write %s %lu+%lu of %lu, change %u", ways[way], at, len,
		  f->size, f->version);
	if (way == MMAP)
		memcpy(f->map + at, data, len);
	else if (way == ASYNC)
		write_async(f, data, at, len);
	else if (pwrite(fd, data, len, at) != (ssize_t)len)
		fail_errno("cannot write %lu bytes at %lu to %s", len, at,
			   f->path);
	file_model_write(f, data, at, len);
}

void file_fill(struct file *f, unsigned long pages)
{
	unsigned long nr, step;

	for (nr = 0; nr < pages; nr += step) {
		step = pages - nr < 16 ? pages - nr : 16;
		file_write(f, nr * PAGE, step * PAGE, READ);
	}
	file_sync(f);
}

void file_truncate(struct file *f, unsigned long size)
{
	file_note(f, "truncate %lu to %lu", f->size, size);
	if (ftruncate(f->fd, size))
		fail_errno("truncate %s to %lu", f->path, size);
	if (size < f->size)
		memset(f->model + size, 0, f->size - size);
	f->size = size;
}

static void zero_model(struct file *f, unsigned long at, unsigned long len)
{
	unsigned long end = at + len < f->size ? at + len : f->size;

	if (at < end)
		memset(f->model + at, 0, end - at);
}

static void shift_model(struct file *f, int mode, unsigned long at,
			unsigned long len)
{
	if (mode & FALLOC_FL_COLLAPSE_RANGE) {
		memmove(f->model + at, f->model + at + len, f->size - at - len);
		memset(f->model + f->size - len, 0, len);
		f->size -= len;
	} else {
		memmove(f->model + at + len, f->model + at, f->size - at);
		memset(f->model + at, 0, len);
		f->size += len;
	}
}

void file_fallocate(struct file *f, int mode, unsigned long at,
		    unsigned long len)
{
	const int shift = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;

	file_note(f, "fallocate %x %lu+%lu of %lu", mode, at, len, f->size);
	if (fallocate(f->fd, mode, at, len))
		fail_errno("fallocate mode %x, %lu bytes at %lu of %s (%lu)",
			   mode, len, at, f->path, f->size);
	if (mode & shift) {
		shift_model(f, mode, at, len);
		return;
	}
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		zero_model(f, at, len);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && at + len > f->size)
		f->size = at + len;
}

/* @from becomes the first part of @to, they share its blocks. */
void file_clone(struct file *from, struct file *to)
{
	file_note(to, "clone of %s", from->path);
	if (ioctl(to->fd, FICLONE, from->fd))
		fail_errno("clone %s", from->path);
	file_model_write(to, from->model, 0, from->size);
}

void file_sync(struct file *f)
{
	file_note(f, "sync");
	if (fsync(f->fd))
		fail_errno("fsync %s", f->path);
}

/* ---- Comparison ---- */

/* Bytes of a page that are inside of the file. */
static unsigned long inside(const struct file *f, unsigned long nr)
{
	unsigned long left = f->size - nr * PAGE;

	return left < PAGE ? left : PAGE;
}

static ssize_t by_splice(struct file *f, void *page, unsigned long nr,
			 unsigned long len)
{
	loff_t at = nr * PAGE;
	unsigned long got = 0;
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC))
		fail_errno("pipe");
	while (got < len) {
		n = splice(f->fd, &at, ends[1], NULL, len - got, 0);
		if (n <= 0)
			break;
		if (read(ends[0], (char *)page + got, n) != n)
			fail_errno("read from pipe");
		got += n;
	}
	close(ends[0]);
	close(ends[1]);
	return got;
}

/* Straight from memory, zeros beyond the end included. */
static void verify_mapped(struct file *f, unsigned long nr)
{
	file_check_page(f, nr, f->map + nr * PAGE, ways[MMAP]);
}

void file_verify_page(struct file *f, unsigned long nr, enum way way)
{
	unsigned char *page = dio_buffer();
	unsigned long len = inside(f, nr);
	ssize_t n;

	if (way == MMAP) {
		verify_mapped(f, nr);
		return;
	}
	memset(page + len, 0, PAGE - len);
	if (way == SPLICE)
		n = by_splice(f, page, nr, len);
	else
		n = pread(way == DIRECT ? f->direct : f->fd, page,
			  way == DIRECT ? PAGE : len, nr * PAGE);
	if (n < 0)
		fail_errno("cannot read page %lu of %s by %s", nr, f->path,
			   ways[way]);
	check(n == (ssize_t)len, "page %lu of %s by %s: %zd bytes, not %lu", nr,
	      f->path, ways[way], n, len);
	file_check_page(f, nr, page, ways[way]);
}

/* The whole file with large reads. */
static void verify_stream(struct file *f, enum way way)
{
	unsigned char *buf = dio_buffer();
	unsigned long at, i, want;
	ssize_t n;

	for (at = 0; at < f->size; at += DIO_MAX) {
		want = f->size - at < DIO_MAX ? f->size - at : DIO_MAX;
		n = pread(way == DIRECT ? f->direct : f->fd, buf, DIO_MAX, at);
		if (n < 0)
			fail_errno("cannot read %s at %lu by %s", f->path, at,
				   ways[way]);
		check(n == (ssize_t)want, "%s at %lu by %s: %zd bytes, not %lu",
		      f->path, at, ways[way], n, want);
		memset(buf + n, 0, -n & (PAGE - 1));
		for (i = 0; i * PAGE < want; i++)
			file_check_page(f, at / PAGE + i, buf + i * PAGE,
					ways[way]);
	}
}

void file_verify(struct file *f, enum way way)
{
	struct stat st;
	unsigned long nr;

	if (fstat(f->fd, &st))
		fail_errno("%s", f->path);
	/* Of some only the first part is used. */
	check(S_ISBLK(st.st_mode) || f->fs->can & READ_ONLY ||
	      (unsigned long)st.st_size == f->size, "%s has %lu bytes, not %lu", f->path, (unsigned long)st.st_size,
	      f->size);
	if (way == READ || way == DIRECT) {
		verify_stream(f, way);
		return;
	}
	for (nr = 0; nr < file_pages(f); nr++)
		file_verify_page(f, nr, way);
}

void file_verify_all(struct file *f)
{
	file_verify(f, READ);
	file_verify(f, MMAP);
	if (f->direct >= 0)
		file_verify(f, DIRECT);
}

/* ---- Pushing out ---- */

static void residence(struct file *f, unsigned long first, unsigned long nr,
		      unsigned char *vec)
{
	if (mincore(f->map + first * PAGE, nr * PAGE, vec))
		fail_errno("mincore");
}

unsigned long file_cached(struct file *f, unsigned long first,
			  unsigned long nr)
{
	unsigned long i, cached = 0;
	unsigned char *vec = malloc(nr + 1);

	residence(f, first, nr, vec);
	for (i = 0; i < nr; i++)
		cached += vec[i] & 1;
	free(vec);
	return cached;
}

/*
 * Reclaim what is cached of a range, as far as it is clean: only pages that are
 * in a page table can be named. Nothing is read for that, unless a page goes
 * just now.
 */
void file_pageout(struct file *f, unsigned long first, unsigned long nr)
{
	unsigned char *vec;
	unsigned long i;

	if (first >= file_pages(f))
		return;
	if (first + nr > file_pages(f))
		nr = file_pages(f) - first;
	vec = malloc(nr + 1);
	residence(f, first, nr, vec);
	for (i = 0; i < nr; i++)
		if (vec[i] & 1)
			*(volatile unsigned char *)(f->map + (first + i) * PAGE);
	free(vec);
	if (madvise(f->map + first * PAGE, nr * PAGE, MADV_PAGEOUT))
		fail_errno("MADV_PAGEOUT of %s", f->path);
}

void file_leave(struct file *f, unsigned long first, unsigned long nr)
{
	struct box box = box_start(10);
	unsigned int try = 0;

	if (first + nr > file_pages(f))
		nr = file_pages(f) - first;
	for (;;) {
		file_pageout(f, first, nr);
		if (!file_cached(f, first, nr))
			return;
		check(box_open(&box), "%lu of %lu pages of %s cannot be pushed out",
		      file_cached(f, first, nr), nr, f->path);
		/* They may still wait for their list, on another CPU. */
		if (try++ > 1)
			try_write("/proc/sys/vm/compact_memory", "1");
	}
}

void file_evict_range(struct file *f, unsigned long first, unsigned long nr)
{
	if (!(f->fs->can & READ_ONLY) && fsync(f->fd))
		fail_errno("fsync %s", f->path);
	file_leave(f, first, nr);
}

void file_evict(struct file *f)
{
	file_note(f, "evict");
	if (f->size)
		file_evict_range(f, 0, file_pages(f));
}

void file_evict_stored(struct file *f)
{
	long before = zc_file("stored_pages"), is;

	/* Of what the cache holds only. */
	file_verify(f, READ);
	before = zc_file("stored_pages");
	file_evict(f);
	is = zc_file("stored_pages");
	zexpect(is - before > (long)file_pages(f) / 3,
		"only %ld of %lu pages of %s were stored", is - before,
		file_pages(f), f->path);
}

void drop_caches(void)
{
	write_file("/proc/sys/vm/drop_caches", "1");
}

/* Until the process ends. */
void hold_memory(unsigned long pages)
{
	void *mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		fail_errno("cannot map %lu pages", pages);
	if (madvise(mem, pages * PAGE, MADV_DONTFORK))
		fail_errno("MADV_DONTFORK");
	if (mlock(mem, pages * PAGE))
		fail_errno("cannot lock %lu pages", pages);
}

/* Until this process ends there is memory for @leave pages only. */
void balloon(unsigned long leave)
{
	unsigned long available;
	unsigned int i;

	/* What is cached from before would count as available, and be stored. */
	drop_caches();
	/* Some is given back only when more is wanted. */
	for (i = 0; i < 4; i++) {
		available = mem_available();
		if (available <= leave)
			break;
		hold_memory(available - leave);
	}
}

static void squeezer(void *arg)
{
	unsigned long pages = (unsigned long)arg;

	try_write("/proc/self/oom_score_adj", "500");
	hold_memory(pages);
}

/* A process takes so much memory, and ends. */
void take_memory(unsigned long pages)
{
	join(spawn(squeezer, (void *)pages));
}

void squeeze(unsigned int percent)
{
	take_memory(mem_available() * percent / 100);
}

/* ---- Counters and knobs ---- */

void cc_set(const char *knob, long value)
{
	char path[96];

	if (env.plain)
		return;
	snprintf(path, sizeof(path), CC_DEBUG "%s", knob);
	write_file(path, "%ld", value);
}

void cc_none_stored(const char *when)
{
	zcheck(!zc_file("stored_pages"), "%s: %ld pages of files are still stored",
	       when, zc_file("stored_pages"));
}

/* ---- Cleaning up ---- */

void fs_reset(void)
{
	char path[96];
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		snprintf(path, sizeof(path), MOUNTS "/%s", all[i].name);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ioctl(fd, FITHAW, 0);
		close(fd);
	}
	while (umount_one())
		;
	dm_remove(NULL);
	drop_caches();
	cc_none_stored("after drop_caches");
}

/* ---- On the host ---- */

unsigned long odd_size(unsigned long nr)
{
	static const unsigned long sizes[] = {
		0, 1, 511, 512, 2047, 2048, 4095, 4096, 4097, 8191, 65536,
		100001,
	};

	return sizes[nr % ARRAY_SIZE(sizes)] + nr / ARRAY_SIZE(sizes) * 3;
}

static int make_one(const char *dir, const char *name, unsigned long size,
		    uint64_t seed, unsigned int kinds)
{
	unsigned char page[PAGE];
	unsigned long at, part;
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	for (at = 0; f && at < size; at += PAGE) {
		part = size - at < PAGE ? size - at : PAGE;
		page_make(page, seed, at / PAGE, 0, kinds);
		if (fwrite(page, part, 1, f) != 1)
			break;
	}
	if (!f || at < size || fclose(f)) {
		perror(path);
		return 1;
	}
	return 0;
}

int files_make(const char *dir)
{
	char name[32];
	unsigned long i;
	int err = make_one(dir, BIG_FILE, BIG_PAGES * PAGE, BIG_SEED,
			   BIG_KINDS);

	for (i = 0; i < ODD_FILES && !err; i++) {
		snprintf(name, sizeof(name), "odd%lu", i);
		err = make_one(dir, name, odd_size(i), BIG_SEED + 1 + i,
			       MIXED);
	}
	return err;
}
