// SPDX-License-Identifier: GPL-2.0
/*
 * A small machine does more than fits: a process holds random memory, others unpack
 * sources and build them, on tmpfs, on a file system, on both. Memory and swap have
 * room for all of it, so nobody may be killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "files.h"

#define MOUNTED TEST_TMPFS
#define BUILDERS 3

/* Of the memory of the machine, in percent. */
#define HOG	45	/* does not compress, so it takes what it takes */
#define SOURCES	35
#define BUILDER	15

static struct box box;

static unsigned long percent(unsigned int share)
{
	return meminfo("MemTotal") * share / 100;
}

static void hold_random(void *arg)
{
	struct region r;
	struct rng rng;

	(void)arg;
	rng_init(&rng, 400);
	region_map(&r, percent(HOG), NOISE);
	region_fill(&r);
	do {
		region_churn(&r, &rng, 300, 20);
	} while (box_open(&box));
	region_verify(&r);
}

/* What a compiler does to memory: takes it, works in it, gives it back. */
static void build(void *arg)
{
	struct region r;
	struct rng rng;

	rng_init(&rng, 410 + (unsigned long)arg);
	do {
		region_map(&r, percent(BUILDER), HEAP | TEXT | ZERO);
		region_fill(&r);
		region_churn(&r, &rng, 1000, 50);
		region_verify(&r);
		region_unmap(&r);
	} while (box_open(&box));
}

/* Sources on tmpfs: written once, read again and again, some are written anew. */
static void unpack_tmpfs(void *arg)
{
	unsigned long nr = percent(SOURCES) / 2;
	struct region r;
	struct rng rng;
	void *map;
	int fd;

	(void)arg;
	rng_init(&rng, 420);
	fd = open(MOUNTED "/sources", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, nr * PAGE))
		fail_errno("a file on tmpfs");
	map = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail_errno("map a file on tmpfs");
	region_adopt(&r, map, nr, TEXT);
	region_fill(&r);
	do {
		region_churn(&r, &rng, 500, 10);
	} while (box_open(&box));
	region_verify(&r);
	close(fd);
}

static void unpack_disk(void *arg)
{
	const struct fs *fs = arg;
	struct file f;

	file_create_large(&f, fs, "sources", percent(SOURCES), BIG_KINDS);
	do {
		file_verify(&f, READ);
	} while (box_open(&box));
	file_close(&f);
	unlink(f.path);
}

static void small_machine(const struct fs *disk, bool tmpfs)
{
	unsigned long kills = vmstat("oom_kill");
	int pids[BUILDERS + 3];
	unsigned int n = 0, i;

	swap_start(disk0);
	swap_start(disk1);
	/* As users have it. */
	zc_set("swap_admission", "auto");
	mkdir(MOUNTED, 0755);
	if (tmpfs && mount("tmpfs", MOUNTED, "tmpfs", 0, "size=100%"))
		fail_errno("mount tmpfs");
	box = box_default();
	pids[n++] = spawn(hold_random, NULL);
	if (tmpfs)
		pids[n++] = spawn(unpack_tmpfs, NULL);
	if (disk)
		pids[n++] = spawn(unpack_disk, (void *)disk);
	for (i = 0; i < BUILDERS; i++)
		pids[n++] = spawn(build, (void *)(unsigned long)i);
	for (i = 0; i < n; i++)
		join(pids[i]);
	check(vmstat("oom_kill") == (long)kills,
	      "somebody was killed for memory, with %lu pages of swap unused",
	      meminfo("SwapFree"));
	check(meminfo("SwapFree") > 0, "the swap was too small for this test");
	if (tmpfs && umount(MOUNTED))
		fail_errno("umount tmpfs");
	if (disk)
		fs_umount(disk);
	swap_off_all();
	zc_none_stored("after all of it");
}

SCENARIO(small_tmpfs, 300, "", "random memory is held, sources are built on tmpfs")
{
	small_machine(NULL, true);
}

SCENARIO(small_disk, 300, "", "random memory is held, sources are built on ext4")
{
	small_machine(fs_start("ext4"), false);
}

SCENARIO(small_both, 300, "", "random memory is held, sources are built on both")
{
	small_machine(fs_start("xfs"), true);
}
