// SPDX-License-Identifier: GPL-2.0
/* Writing: every change that a file can undergo, with its pages pushed out before. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "files.h"

#define PUNCH_HOLE	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define SHORT		24UL	/* pages of a file that is edited */

/* ---- One change after the other ---- */

static void overwrite(struct file *f)
{
	file_write(f, 3 * PAGE, 5 * PAGE, READ);
}

static void overwrite_parts(struct file *f)
{
	unsigned long nr;

	for (nr = 0; nr < 8; nr++)
		file_write(f, nr * PAGE + nr * 512, 512, READ);
	file_write(f, 10 * PAGE + 5, PAGE, READ);
}

static void append(struct file *f)
{
	file_write(f, f->size, 100, READ);
	file_write(f, f->size, 2 * PAGE, READ);
}

static void write_mapped(struct file *f)
{
	file_write(f, 2 * PAGE + 100, 3 * PAGE, MMAP);
}

static void write_direct(struct file *f)
{
	file_write(f, 4 * PAGE, 3 * PAGE, DIRECT);
	file_write(f, 9 * PAGE + 512, 1024, DIRECT);
}

static void write_async(struct file *f)
{
	file_write(f, 4 * PAGE, 3 * PAGE, ASYNC);
	file_write(f, 12 * PAGE + 1024, 512, ASYNC);
}

static void truncate_down(struct file *f)
{
	file_truncate(f, 7 * PAGE + 1111);
}

static void truncate_down_up(struct file *f)
{
	file_truncate(f, 5 * PAGE + 700);
	file_truncate(f, 15 * PAGE + 3);
}

static void truncate_all(struct file *f)
{
	file_truncate(f, 0);
	file_truncate(f, SHORT * PAGE);
}

static void punch(struct file *f)
{
	file_fallocate(f, PUNCH_HOLE, 2 * PAGE, 3 * PAGE);
	file_fallocate(f, PUNCH_HOLE, 8 * PAGE + 700, 2 * PAGE);
	file_fallocate(f, PUNCH_HOLE, 14 * PAGE + 8, 1000);
}

static void zero_range(struct file *f)
{
	file_fallocate(f, FALLOC_FL_ZERO_RANGE, 2 * PAGE, 3 * PAGE);
	file_fallocate(f, FALLOC_FL_ZERO_RANGE, 8 * PAGE + 700, 2 * PAGE);
}

static void collapse(struct file *f)
{
	file_fallocate(f, FALLOC_FL_COLLAPSE_RANGE, 2 * PAGE, 3 * PAGE);
}

static void insert(struct file *f)
{
	file_fallocate(f, FALLOC_FL_INSERT_RANGE, 4 * PAGE, 2 * PAGE);
}

static void preallocate(struct file *f)
{
	file_fallocate(f, 0, 2 * PAGE, (SHORT + 4) * PAGE);
}

static void clone_other(struct file *f)
{
	struct file other;

	file_create(&other, f->fs, "other", f->max, HEAP | TEXT);
	file_fill(&other, 12);
	file_clone(&other, f);
	/* They share blocks now, and must not share changes. */
	file_write(&other, 2 * PAGE, PAGE, READ);
	file_write(f, 5 * PAGE, 700, READ);
	file_evict(&other);
	file_verify(&other, READ);
	file_delete(&other);
}

static const struct edit {
	void (*fn)(struct file *f);
	unsigned int needs;
	const char *name;
} edits[] = {
	{ overwrite, 0, "overwrite" },
	{ overwrite_parts, 0, "overwrite parts" },
	{ append, 0, "append" },
	{ write_mapped, 0, "write by memory" },
	{ write_direct, DIRECT_IO, "direct write" },
	{ write_async, DIRECT_IO, "asynchronous direct write" },
	{ truncate_down, 0, "truncate" },
	{ truncate_down_up, 0, "truncate and extend" },
	{ truncate_all, 0, "truncate to nothing and extend" },
	{ punch, PUNCH, "punch" },
	{ zero_range, ZERO_RANGE, "zero range" },
	{ collapse, SHIFT, "collapse" },
	{ insert, SHIFT, "insert" },
	{ preallocate, PREALLOC, "preallocate" },
	{ clone_other, CLONE, "clone" },
};

/*
 * Each change meets a file of which no page is cached and every page stored,
 * and then one of which every second page is cached.
 */
static void edit_one(const struct fs *fs, const struct edit *edit, bool half)
{
	struct file f;
	unsigned long nr;

	file_create(&f, fs, "edited", SHORT + 10, HEAP | TEXT);
	file_note(&f, "%s: %s", edit->name, half ? "half cached" : "not cached");
	file_fill(&f, SHORT);
	file_evict_stored(&f);
	for (nr = 0; half && nr < SHORT; nr += 2)
		file_verify_page(&f, nr, READ);
	edit->fn(&f);
	file_verify(&f, READ);
	file_verify(&f, DIRECT);
	file_evict(&f);
	file_verify(&f, MMAP);
	file_delete(&f);
}

static void edit_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		if ((edits[i].needs & fs->can) != edits[i].needs)
			continue;
		edit_one(fs, &edits[i], false);
		edit_one(fs, &edits[i], true);
	}
	fs_umount(fs);
	cc_none_stored("after umount");
}

SCENARIO(fs_edit, 180, "",
	 "each change of a file whose pages were pushed out, on each file system")
{
	edit_on("ext4");
	edit_on("ext4-1k");
	edit_on("xfs");
	edit_on("vfat");
	edit_on("exfat");
}

/* ---- A random mix against a model ---- */

#define MIXERS	3UL
#define LENGTH	96UL	/* pages */

struct mix {
	struct file *f;		/* in memory that the parent sees, too */
	struct rng rng;
};

static unsigned long pick(struct mix *m, unsigned long limit)
{
	return limit ? rng_below(&m->rng, limit) : 0;
}

/* A range inside of [0, limit), of a size that somebody may find special. */
static void range(struct mix *m, unsigned long limit, unsigned long align,
		  unsigned long *at, unsigned long *len)
{
	static const unsigned long sizes[] = {
		1, 512, 1024, 3000, PAGE, PAGE, 2 * PAGE, 5000, 16 * PAGE,
	};
	unsigned long size = sizes[pick(m, ARRAY_SIZE(sizes))];

	if (pick(m, 2))
		size = 1 + pick(m, size);
	*at = pick(m, limit) / align * align;
	*len = (size + align - 1) / align * align;
	if (pick(m, 3) == 0)
		*at = *at / PAGE * PAGE;
	if (*at + *len > limit)
		*len = (limit - *at) / align * align;
}

static void op_write(struct mix *m)
{
	unsigned long at, len;

	range(m, m->f->max * PAGE, pick(m, 2) ? 512 : 1, &at, &len);
	if (len)
		file_write(m->f, at, len, READ);
}

static void op_write_inside(struct mix *m)
{
	unsigned long at, len;

	range(m, m->f->size, 1, &at, &len);
	if (len)
		file_write(m->f, at, len, pick(m, 2) ? READ : MMAP);
}

static void op_direct(struct mix *m)
{
	unsigned long at, len;

	range(m, m->f->max * PAGE, 512, &at, &len);
	if (len)
		file_write(m->f, at, len, pick(m, 2) ? DIRECT : ASYNC);
}

static void op_truncate(struct mix *m)
{
	unsigned long size = pick(m, m->f->max * PAGE);

	if (pick(m, 2))
		size = size / PAGE * PAGE;
	file_truncate(m->f, size);
}

static void op_punch(struct mix *m)
{
	unsigned long at, len;

	range(m, m->f->size, 1, &at, &len);
	if (len)
		file_fallocate(m->f, PUNCH_HOLE, at, len);
}

static void op_zero(struct mix *m)
{
	unsigned long at, len;

	range(m, m->f->max * PAGE, 1, &at, &len);
	if (len)
		file_fallocate(m->f, FALLOC_FL_ZERO_RANGE, at, len);
}

static void op_collapse(struct mix *m)
{
	unsigned long at, len;

	range(m, m->f->size, m->f->fs->block, &at, &len);
	if (len && at + len < m->f->size)
		file_fallocate(m->f, FALLOC_FL_COLLAPSE_RANGE, at, len);
}

static void op_insert(struct mix *m)
{
	unsigned long at, len;

	range(m, m->f->size, m->f->fs->block, &at, &len);
	if (len && m->f->size + len <= m->f->max * PAGE)
		file_fallocate(m->f, FALLOC_FL_INSERT_RANGE, at, len);
}

static void op_preallocate(struct mix *m)
{
	unsigned long at, len;

	range(m, m->f->max * PAGE, 1, &at, &len);
	if (len)
		file_fallocate(m->f, pick(m, 2) ? FALLOC_FL_KEEP_SIZE : 0, at,
			       len);
}

static void op_clone(struct mix *m)
{
	char name[64];
	struct file other;

	snprintf(name, sizeof(name), "%s-clone", strrchr(m->f->path, '/') + 1);
	file_create(&other, m->f->fs, name, m->f->max, HEAP | TEXT);
	file_clone(m->f, &other);
	if (other.size > PAGE)
		file_write(&other, pick(m, other.size - PAGE), PAGE, READ);
	file_verify(&other, READ);
	file_delete(&other);
}

static void op_look(struct mix *m)
{
	unsigned int i;

	for (i = 0; i < 6 && m->f->size; i++)
		file_verify_page(m->f, pick(m, file_pages(m->f)),
				 READ + pick(m, DIRECT));
}

static void op_look_direct(struct mix *m)
{
	if (m->f->size && m->f->direct >= 0)
		file_verify_page(m->f, pick(m, file_pages(m->f)), DIRECT);
}

static void op_look_all(struct mix *m)
{
	file_verify(m->f, READ);
}

static void op_pageout(struct mix *m)
{
	if (m->f->size)
		file_pageout(m->f, pick(m, file_pages(m->f)),
			     1 + pick(m, m->f->max));
}

static void op_evict(struct mix *m)
{
	unsigned long first;

	file_note(m->f, "sync and pageout");
	file_sync(m->f);
	if (!m->f->size)
		return;
	first = pick(m, 2) ? 0 : pick(m, file_pages(m->f));
	file_pageout(m->f, first, m->f->max);
}

static const struct op {
	void (*fn)(struct mix *m);
	unsigned int weight;
	unsigned int needs;
} ops[] = {
	{ op_write, 20, 0 },
	{ op_write_inside, 12, 0 },
	{ op_direct, 10, DIRECT_IO },
	{ op_truncate, 5, 0 },
	{ op_punch, 5, PUNCH },
	{ op_zero, 4, ZERO_RANGE },
	{ op_collapse, 4, SHIFT },
	{ op_insert, 4, SHIFT },
	{ op_preallocate, 2, PREALLOC },
	{ op_clone, 2, CLONE },
	{ op_look, 40, 0 },
	{ op_look_direct, 6, DIRECT_IO },
	{ op_look_all, 3, 0 },
	{ op_pageout, 20, 0 },
	{ op_evict, 20, 0 },
};

static void one_op(struct mix *m)
{
	unsigned int sum = 0, i;
	unsigned long dice;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		sum += ops[i].weight;
	dice = pick(m, sum);
	for (i = 0; dice >= ops[i].weight; i++)
		dice -= ops[i].weight;
	if ((ops[i].needs & m->f->fs->can) == ops[i].needs)
		ops[i].fn(m);
}

static struct box mix_box;

static void mixer(void *arg)
{
	struct mix m = { .f = arg };
	unsigned long n = 0;

	rng_init(&m.rng, m.f->seed);
	file_open(m.f);
	do {
		one_op(&m);
		n++;
	} while (box_open(&mix_box));
	file_verify_all(m.f);
	file_sync(m.f);
	file_close(m.f);
	say("%s: %lu operations", m.f->path, n);
}

/* Not every file system knows how. */
static void freeze(const struct fs *fs)
{
	int fd = open(fs_path(fs, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (ioctl(fd, FIFREEZE, 0)) {
		check(errno == EOPNOTSUPP, "cannot freeze %s: %s", fs->name,
		      strerror(errno));
	} else {
		nap(20);
		if (ioctl(fd, FITHAW, 0))
			fail_errno("cannot thaw %s", fs->name);
	}
	close(fd);
}

/* What goes on beside the files. */
static void disturb(const struct fs *fs, struct rng *rng)
{
	char percent[8];

	switch (rng_below(rng, 10)) {
	case 0:
		drop_caches();
		break;
	case 1:
		zc_set("enabled", rng_below(rng, 2) ? "1" : "0");
		break;
	case 2:
		snprintf(percent, sizeof(percent), "%lu",
			 1 + rng_below(rng, 40));
		zc_set("max_pool_percent", percent);
		break;
	case 3:
		sync();
		break;
	case 4:
		freeze(fs);
		break;
	case 5:
		try_write("/sys/fs/cgroup/memory.reclaim", "8M");
		break;
	default:
		zc_set("enabled", "1");
		squeeze(40 + rng_below(rng, 40));
	}
}

/* Each process has a file of its own; all are looked at after a remount. */
static void mix_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	long hits = zc_file("hits");
	struct file *files;
	struct rng rng;
	char path[16];
	unsigned long i;
	int pids[MIXERS];

	files = mmap(NULL, MIXERS * sizeof(*files), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	for (i = 0; i < MIXERS; i++) {
		snprintf(path, sizeof(path), "mix%lu", i);
		file_create(&files[i], fs, path, LENGTH, HEAP | TEXT | NOISE);
		file_close(&files[i]);
	}
	balloon(PAGES(env.uml ? 32 : 16));
	mix_box = box_start(env.uml ? env.box / 2 : env.box + 1);
	for (i = 0; i < MIXERS; i++)
		pids[i] = spawn(mixer, &files[i]);
	rng_init(&rng, 500);
	while (box_open(&mix_box)) {
		disturb(fs, &rng);
		nap(40);
	}
	for (i = 0; i < MIXERS; i++)
		join(pids[i]);
	fs_remount(fs);
	for (i = 0; i < MIXERS; i++) {
		file_open(&files[i]);
		file_verify_all(&files[i]);
		file_delete(&files[i]);
	}
	fs_umount(fs);
	hits = zc_file("hits") - hits;
	say("%s: %ld hits", name, hits);
	if (fs->can & KEPT)
		zexpect(hits > 20, "only %ld hits", hits);
	else
		zcheck(!hits, "%ld hits on %s", hits, name);
}

#define MIX(id, name)							\
	SCENARIO(id, 180, "", "random changes of all kinds on " name	\
		 " under pressure, against a model, then a remount")	\
	{ mix_on(name); }

MIX(fs_mix_ext4, "ext4")
MIX(fs_mix_ext4_1k, "ext4-1k")
MIX(fs_mix_xfs, "xfs")
MIX(fs_mix_vfat, "vfat")
MIX(fs_mix_exfat, "exfat")
MIX(fs_mix_btrfs, "btrfs")
MIX(fs_mix_f2fs, "f2fs")

/* ---- Names and numbers ---- */

SCENARIO(fs_rename, 60, "",
	 "a file that replaces another one by its name brings its own pages")
{
	const struct fs *fs = fs_start("ext4");
	struct file old, new;
	unsigned int round;

	file_create(&old, fs, "name", SHORT, HEAP | TEXT);
	file_fill(&old, SHORT);
	for (round = 0; round < 6; round++) {
		file_evict_stored(&old);
		file_create(&new, fs, "new", SHORT, HEAP | TEXT);
		new.version = 1000 * round;
		file_fill(&new, SHORT);
		if (round & 1)
			file_evict_stored(&new);
		if (rename(new.path, old.path))
			fail_errno("rename");
		/* Gone by name, but still open. */
		file_verify(&old, READ);
		file_close(&old);
		strcpy(new.path, old.path);
		file_verify_all(&new);
		munmap(old.model, old.max * PAGE);
		old = new;
	}
	file_delete(&old);
	fs_umount(fs);
	cc_none_stored("after umount");
}

/* vfat invents inode numbers, ext4 reuses them: neither may find old copies. */
static void reuse_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	unsigned int round, same = 0;
	ino_t last = 0;
	struct stat st;
	struct file f;

	for (round = 0; round < 40; round++) {
		file_create(&f, fs, "reused", 8, HEAP | TEXT);
		f.version = round * 10;
		if (fstat(f.fd, &st))
			fail_errno("%s", f.path);
		same += st.st_ino == last;
		last = st.st_ino;
		if (round & 1) {
			file_fill(&f, 8);
		} else {
			/* All holes: whatever shows is old. */
			file_truncate(&f, 8 * PAGE);
			file_verify(&f, MMAP);
		}
		file_verify(&f, READ);
		file_evict(&f);
		file_verify(&f, READ);
		file_evict(&f);
		if (round % 3 == 0) {
			/* From disk once more, as another inode in memory. */
			file_close(&f);
			fs_remount(fs);
			file_open(&f);
			file_verify(&f, READ);
		}
		file_delete(&f);
	}
	say("%s: %u of %u had the number of the one before", name, same, round);
	fs_umount(fs);
	cc_none_stored("after umount");
}

SCENARIO(fs_ino_reuse, 120, "",
	 "files made and deleted in a loop, so that they get the same numbers")
{
	reuse_on("ext4");
	reuse_on("vfat");
}

/* ---- Things that happen to a whole file system ---- */

SCENARIO(fs_remounts, 120, "",
	 "umount and mount, read-only and back, freeze, drop_caches, sync")
{
	static const char *const names[] = { "ext4", "xfs", "vfat", "exfat" };
	const struct fs *fs;
	struct file f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fs = fs_start(names[i]);
		file_create(&f, fs, "file", 64, HEAP | TEXT);
		file_fill(&f, 64);
		file_evict_stored(&f);
		freeze(fs);
		file_verify(&f, READ);
		file_evict_stored(&f);
		drop_caches();
		cc_none_stored("after drop_caches");
		file_verify(&f, READ);
		file_evict_stored(&f);
		file_close(&f);
		if (mount(NULL, fs_path(fs, ""), NULL, MS_REMOUNT | MS_RDONLY, NULL))
			fail_errno("remount read-only");
		if (mount(NULL, fs_path(fs, ""), NULL, MS_REMOUNT, NULL))
			fail_errno("remount read-write");
		file_open(&f);
		file_write(&f, 3 * PAGE + 512, 512, READ);
		file_verify(&f, READ);
		file_evict(&f);
		file_close(&f);
		fs_umount(fs);
		cc_none_stored("after umount");
		fs_mount(fs);
		file_open(&f);
		file_verify(&f, READ);
		file_delete(&f);
		fs_umount(fs);
	}
}

/* ---- Blocks that change hands ---- */

struct move_extent {
	uint32_t reserved;
	uint32_t donor_fd;
	uint64_t orig_start;
	uint64_t donor_start;
	uint64_t len;
	uint64_t moved_len;
};

#define EXT4_IOC_MOVE_EXT _IOWR('f', 15, struct move_extent)

/*
 * Defragmentation: the content moves into the blocks of the donor, which then
 * is empty. Nobody tells the page cache.
 */
static void move_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	const unsigned long per_page = PAGE / fs->block;
	struct move_extent move = { .len = SHORT * per_page };
	struct file f, donor;

	file_create(&f, fs, "orig", SHORT, HEAP | TEXT);
	file_create(&donor, fs, "donor", SHORT, HEAP | TEXT);
	file_fill(&f, SHORT);
	file_fill(&donor, SHORT);
	file_evict_stored(&f);
	file_evict_stored(&donor);
	move.donor_fd = donor.fd;
	if (ioctl(f.fd, EXT4_IOC_MOVE_EXT, &move))
		fail_errno("EXT4_IOC_MOVE_EXT");
	check(move.moved_len == move.len, "only %lu of %lu blocks were moved",
	      (unsigned long)move.moved_len, (unsigned long)move.len);
	file_verify(&f, READ);
	file_verify(&f, DIRECT);
	/* What it got for its blocks counts as never written. */
	memset(donor.model, 0, SHORT * PAGE);
	file_verify(&donor, DIRECT);
	file_verify(&donor, READ);
	file_evict(&f);
	file_evict(&donor);
	file_verify(&f, MMAP);
	file_verify(&donor, MMAP);
	file_delete(&f);
	file_delete(&donor);
	fs_umount(fs);
}

SCENARIO(fs_move_extent, 60, "",
	 "ext4 moves the blocks of a file to another one, both pushed out")
{
	move_on("ext4");
	move_on("ext4-1k");
}

/* ---- A file as a device ---- */

void loop_attach(const char *file, int flags)
{
	struct loop_config config = { .info.lo_flags = flags };
	int loop, fd = open(file, O_RDWR | O_CLOEXEC);

	config.fd = fd;
	loop = open("/dev/loop0", O_RDWR | O_CLOEXEC);
	if (fd < 0 || loop < 0 || ioctl(loop, LOOP_CONFIGURE, &config))
		fail_errno("cannot attach %s", file);
	close(loop);
	close(fd);
}

void loop_detach(void)
{
	int loop = open("/dev/loop0", O_RDWR | O_CLOEXEC);

	if (loop < 0 || ioctl(loop, LOOP_CLR_FD, 0))
		fail_errno("cannot detach /dev/loop0");
	close(loop);
}

/* The device and the file are the same bytes, whoever writes them. */
static void loop_on(const char *name, int flags)
{
	const struct fs *fs = fs_start(name);
	struct fs device = { .name = "loop", .can = DIRECT_IO };
	struct file f, loop;
	unsigned int round;

	file_create(&f, fs, "image", 128, HEAP | TEXT);
	file_fill(&f, 128);
	file_evict_stored(&f);
	loop_attach(f.path, flags);
	loop = f;
	loop.fs = &device;
	strcpy(loop.path, "/dev/loop0");
	file_open(&loop);
	for (round = 0; round < 8; round++) {
		file_write(&loop, round * 7 * PAGE + 512, 2 * PAGE,
			   round & 1 ? READ : DIRECT);
		file_sync(&loop);
		file_verify(&f, round & 2 ? READ : MMAP);
		file_evict(&f);
		/* Not through the cache of the device, that has a life of its own. */
		file_verify_page(&loop, round, DIRECT);
		file_verify(&loop, DIRECT);
		file_evict(&f);
	}
	file_close(&loop);
	loop_detach();
	file_verify_all(&f);
	file_delete(&f);
	fs_umount(fs);
}

SCENARIO(fs_loop, 120, "",
	 "a loop device on a file that is pushed out, with and without direct I/O")
{
	loop_on("ext4", 0);
	loop_on("ext4", LO_FLAGS_DIRECT_IO);
	loop_on("xfs", LO_FLAGS_DIRECT_IO);
	loop_on("vfat", 0);
}

/* ---- Direct writes that fail in the middle ---- */

/* Each sector may be old, new, or zeros: the disk says which, and all must agree. */
static void adopt_from_disk(struct file *f, const unsigned char *new,
			    unsigned long at, unsigned long len)
{
	static unsigned char sector[512] __attribute__((aligned(512)));
	static const unsigned char zeros[512];
	unsigned long i;

	for (i = at; i < at + len; i += 512) {
		if (pread(f->direct, sector, 512, i) != 512)
			fail_errno("cannot read back %s", f->path);
		check(!memcmp(sector, f->model + i, 512) ||
		      !memcmp(sector, new + i - at, 512) ||
		      !memcmp(sector, zeros, 512),
		      "%s at %lu: neither old nor new", f->path, i);
		memcpy(f->model + i, sector, 512);
	}
}

/* The second half of the buffer is no memory. */
static void failing_write(struct file *f, unsigned long at, bool async)
{
	const unsigned long len = 16 * PAGE;
	struct aio aio = { 0 };
	static unsigned char new[16 * PAGE];
	unsigned char *buf;
	long n;

	buf = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	file_content(f, new, at, len);
	memcpy(buf, new, len);
	mprotect(buf + len / 2, len / 2, PROT_NONE);
	file_note(f, "direct write %lu+%lu that fails", at, len);
	if (async) {
		aio_begin(&aio, f->direct, buf, at, len);
		n = aio_end(&aio);
	} else {
		n = pwrite(f->direct, buf, len, at);
	}
	/* The direct I/O of vfat and exfat says that it wrote all. */
	check(n < (long)len || f->fs->block == 512,
	      "%s: a write from no memory worked (%ld)", f->path, n);
	munmap(buf, len);
	adopt_from_disk(f, new, at, len);
}

static void fail_on(const char *name)
{
	const struct fs *fs = fs_start(name);
	unsigned int round;
	struct file f;

	file_create(&f, fs, "file", 64, HEAP | TEXT);
	file_fill(&f, 64);
	for (round = 0; round < 6; round++) {
		file_evict_stored(&f);
		if (round % 3 == 1)
			file_verify_page(&f, 6 * round + 2, READ);
		failing_write(&f, 6 * round * PAGE, round & 1);
		file_verify(&f, READ);
		file_verify(&f, DIRECT);
	}
	file_delete(&f);
	fs_umount(fs);
}

SCENARIO(fs_direct_fails, 60, "",
	 "direct writes that fail in the middle: the cache says what the disk says")
{
	fail_on("ext4");
	fail_on("ext4-1k");
	fail_on("xfs");
	fail_on("vfat");
	fail_on("exfat");
}
