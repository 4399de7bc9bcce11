// SPDX-License-Identifier: GPL-2.0
/* File pages beside others who want memory: hogs, writers, swap, CPUs that go. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "files.h"

#define ROOM PAGES(env.uml ? 64 : 32)

/* Write a file that memory has room for, and push it into the pool. */
static void fill_pool(struct file *f, const struct fs *fs, unsigned long pages)
{
	file_create_large(f, fs, "large", pages, BIG_KINDS);
	file_evict(f);
}

/*
 * The pool is full of what can be read again. Nobody may be killed while there
 * is something of that left to give.
 */
SCENARIO(fs_hog, 120, "",
	 "a process takes most of the memory, without swap, from a pool of file pages")
{
	const struct fs *fs = fs_start("ext4");
	unsigned long available, kills = vmstat("oom_kill");
	struct file f;
	unsigned int round;

	drop_caches();
	available = mem_available();
	zc_set("max_pool_percent", "60");
	fill_pool(&f, fs, available * 2 / 3);
	zexpect(zc_pool("pool_pages") > (long)available / 10,
		"the pool has only %ld pages of %lu", zc_pool("pool_pages"),
		available);
	for (round = 0; round < 2; round++) {
		take_memory(available * 3 / 4);
		check(vmstat("oom_kill") == (long)kills, "somebody was killed");
		file_verify_page(&f, round, MMAP);
	}
	file_verify(&f, READ);
	file_close(&f);
	unlink(f.path);
	fs_umount(fs);
}

static unsigned long dirty_pages(void)
{
	return meminfo("Dirty");
}

/* Leave little memory beside a pool of so many pages, but what must stay free. */
static void hold_the_rest(unsigned long pool)
{
	unsigned long reserve = read_number("/proc/sys/vm/min_free_kbytes") / 4;
	unsigned long leave = pool * 3 / 4 + reserve * 3 / 2;
	unsigned long unused = meminfo("MemFree");

	if (unused > leave)
		hold_memory(unused - leave);
}

/*
 * Memory of the pool can be had, so it counts for what may be dirty. If it did
 * not, this writer would be made to wait for the disk much earlier.
 */
SCENARIO(fs_dirty_limit, 120, "",
	 "a writer beside a large pool may dirty as much as without it")
{
	const struct fs *fs = fs_start("ext4");
	unsigned long available, i, most = 0, want;
	struct file f, dirty;

	drop_caches();
	available = mem_available();
	zc_set("max_pool_percent", "80");
	fill_pool(&f, fs, available * 2 / 3);
	want = zc_pool("pool_pages") / 2;
	if (env.plain)
		want = available / 10;
	else
		hold_the_rest(2 * want);
	write_file("/proc/sys/vm/dirty_ratio", "45");
	write_file("/proc/sys/vm/dirty_background_ratio", "40");
	file_create(&dirty, fs, "dirty", 16, HEAP | TEXT);
	for (i = 0; i < want; i++) {
		unsigned char *page = dio_buffer();

		page_make(page, dirty.seed, i, 0, HEAP);
		if (pwrite(dirty.fd, page, PAGE, i * PAGE) != (ssize_t)PAGE)
			fail_errno("write");
		if (i % 64 == 0 && dirty_pages() > most)
			most = dirty_pages();
	}
	write_file("/proc/sys/vm/dirty_ratio", "20");
	write_file("/proc/sys/vm/dirty_background_ratio", "10");
	say("%lu of %lu pages written were dirty, %lu available, pool %ld", most,
	    want, available, zc_pool("pool_pages"));
	check(most > want * 3 / 4,
	      "only %lu of %lu pages were dirty at most, %lu are available",
	      most, want, available);
	file_delete(&dirty);
	file_close(&f);
	unlink(f.path);
	fs_umount(fs);
}

/* A page of a swap device must be kept somewhere, one of a file need not. */
SCENARIO(fs_swap_wins, 120, "pagemap",
	 "a small pool full of file pages: swap takes its frames, to the last")
{
	const struct fs *fs = fs_start("ext4");
	struct region r;
	struct file f;
	long stored, refused;

	zc_set("max_pool_percent", env.uml ? "2" : "3");
	file_create_large(&f, fs, "large", PAGES(20), HEAP | TEXT);
	file_verify(&f, READ);
	file_evict(&f);
	stored = zc_file("stored_pages");
	zexpect(zc_pool("pool_pages") > zc_pool("pool_limit_pages") * 9 / 10,
		"the pool has only %ld of %ld pages", zc_pool("pool_pages"),
		zc_pool("pool_limit_pages"));
	swap_start(disk0);
	/* More than fits. */
	region_map(&r, PAGES(24), HEAP | TEXT);
	region_fill(&r);
	refused = zc("reject_limit");
	region_pageout(&r);
	say("%ld pages of files before, %ld after; %ld of swap, %ld refused",
	    stored, zc_file("stored_pages"), zc("stored_pages"),
	    zc("reject_limit") - refused);
	zexpect(zc("reject_limit") > refused, "there was room for all");
	zexpect(zc_file("stored_pages") < stored / 8,
		"%ld of %ld pages of files were left", zc_file("stored_pages"),
		stored);
	zexpect(zc("stored_pages") > stored * 3 / 4,
		"only %ld pages of memory took the place of %ld of files",
		zc("stored_pages"), stored);
	region_verify(&r);
	file_verify(&f, READ);
	file_close(&f);
	unlink(f.path);
	fs_umount(fs);
}

/* ---- Both together ---- */

struct load {
	const struct file *file;
	struct box box;
	unsigned long stream;
};

static void read_file(void *arg)
{
	const struct load *l = arg;
	struct file f = *l->file;
	struct rng rng;

	rng_init(&rng, 700 + l->stream);
	file_open(&f);
	do {
		unsigned long first = rng_below(&rng, f.max - 64), nr;

		for (nr = first; nr < first + 64; nr++)
			file_verify_page(&f, nr, READ + rng_below(&rng, DIRECT));
		file_pageout(&f, first, 64);
	} while (box_open(&l->box));
	file_close(&f);
}

static void write_files(void *arg)
{
	const struct load *l = arg;
	struct rng rng;
	struct file f;

	rng_init(&rng, 710);
	file_create(&f, l->file->fs, "written", 128, MIXED);
	do {
		file_write(&f, rng_below(&rng, 120) * PAGE, 1 + rng_below(&rng, 8000),
			   READ);
		file_verify_page(&f, rng_below(&rng, file_pages(&f)), READ);
		if (rng_below(&rng, 10) == 0)
			file_sync(&f);
		file_pageout(&f, 0, f.max);
	} while (box_open(&l->box));
	file_verify_all(&f);
	file_delete(&f);
}

static void use_memory(void *arg)
{
	const struct load *l = arg;
	struct region r;
	struct rng rng;

	rng_init(&rng, 720 + l->stream);
	region_map(&r, 1000, MIXED);
	region_fill(&r);
	do {
		region_pageout(&r);
		region_churn(&r, &rng, 500, 40);
	} while (box_open(&l->box));
	region_verify(&r);
}

/* Readers, a writer, users of swap; fn() disturbs them until the time is up. */
static void both_loads(void (*fn)(unsigned int round))
{
	const struct fs *fs = fs_start("ext4");
	unsigned int round = 0, n = 0;
	struct load l;
	struct file f;
	int pids[5];

	file_create_large(&f, fs, "large", ROOM, BIG_KINDS);
	swap_start(disk0);
	balloon(ROOM);
	l.file = &f;
	l.box = box_start(env.uml ? env.box : 2 * env.box);
	for (l.stream = 0; l.stream < 2; l.stream++) {
		pids[n++] = spawn(read_file, &l);
		pids[n++] = spawn(use_memory, &l);
	}
	pids[n++] = spawn(write_files, &l);
	while (box_open(&l.box))
		fn(round++);
	while (n)
		join(pids[--n]);
	zc_set("enabled", "1");
	zc_validate();
	file_verify(&f, READ);
	file_close(&f);
	unlink(f.path);
	fs_umount(fs);
}

static void press(unsigned int round)
{
	char percent[8];

	snprintf(percent, sizeof(percent), "%u", 2 + round * 7 % 40);
	zc_set("max_pool_percent", percent);
	nap(50);
	squeeze(50);
}

SCENARIO(fs_and_swap, 180, "",
	 "files and swap under pressure at once, in a pool of changing size")
{
	long hits = zc_file("hits"), swapped = zc("hits");

	both_loads(press);
	hits = zc_file("hits") - hits;
	swapped = zc("hits") - swapped;
	say("%ld hits of files, %ld of swap", hits, swapped);
	zexpect(hits > 50 && swapped > 50, "only %ld hits of files, %ld of swap",
		hits, swapped);
}

static void switch_all(unsigned int round)
{
	static const char *const admissions[] = { "auto", "always", "never" };

	zc_set("enabled", round & 1 ? "1" : "0");
	zc_set("file_admission", admissions[round % ARRAY_SIZE(admissions)]);
	nap(20 + 37 * (round % 5));
	if (round % 5 == 0)
		drop_caches();
}

SCENARIO(fs_swap_toggle, 180, "",
	 "files and swap at once while zcache is switched off and on")
{
	both_loads(switch_all);
}

/* Large folios, where there are some, ask for room as well. */
static void compact(unsigned int round)
{
	struct region r;

	write_file("/proc/sys/vm/compact_memory", "1");
	nap(5 + round % 20);
	if (round % 4)
		return;
	region_map_thp(&r, 64, HEAP);
	region_fill(&r);
	region_verify(&r);
	region_unmap(&r);
}

SCENARIO(fs_swap_compact, 180, "",
	 "files and swap at once while memory is compacted again and again")
{
	long files = zc_file("pages_migrated"), swap = zc("pages_migrated");

	both_loads(compact);
	files = zc_file("pages_migrated") - files;
	swap = zc("pages_migrated") - swap;
	say("%ld pages with files were moved, %ld with swap", files, swap);
	zexpect(files + swap > 0,
		"only %ld pages with files were moved, %ld with swap", files,
		swap);
}

static void switch_cpu(unsigned int round)
{
	write_file("/sys/devices/system/cpu/cpu1/online", "%u", round & 1);
	nap(100);
}

SCENARIO(fs_cpu_hotplug, 180, "smp",
	 "files and swap at once while the second CPU goes and comes")
{
	both_loads(switch_cpu);
}

SCENARIO(fs_decay, 180, "zcache",
	 "the pool has been idle for a minute: hardly anything of it is left")
{
	const struct fs *fs = fs_start("ext4");
	struct file f;
	long peak;

	zc_set("file_admission", "always");
	fill_pool(&f, fs, PAGES(24));
	peak = zc_pool("pool_pages");
	zexpect(peak > 1000, "the pool has only %ld pages", peak);
	nap(60000);
	check(zc_pool("pool_pages") * 20 < peak, "%ld of %ld pages are left",
	      zc_pool("pool_pages"), peak);
	file_verify(&f, READ);
	file_close(&f);
	unlink(f.path);
	fs_umount(fs);
}
