// SPDX-License-Identifier: GPL-2.0
/* tmpfs: pages that are swapped without being anybody's anonymous memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib.h"

#define MOUNTED TEST_TMPFS
#define SEED 4711

struct file {
	int fd;
	unsigned long nr;
	uint32_t *version;	/* 0: a hole */
};

static void file_write(struct file *f, unsigned long nr)
{
	unsigned char page[PAGE] __attribute__((aligned(PAGE)));

	page_make(page, SEED, nr, ++f->version[nr], MIXED);
	if (pwrite(f->fd, page, PAGE, nr * PAGE) != (ssize_t)PAGE)
		fail_errno("write to tmpfs");
}

static void file_verify(struct file *f, unsigned long nr)
{
	unsigned char page[PAGE] __attribute__((aligned(PAGE)));

	if (pread(f->fd, page, PAGE, nr * PAGE) != (ssize_t)PAGE)
		fail_errno("read from tmpfs");
	verify_bytes(page, SEED, nr, f->version[nr],
		     f->version[nr] ? MIXED : ZERO);
}

static void file_open(struct file *f, const char *options, unsigned long nr)
{
	mkdir(MOUNTED, 0755);
	if (mount("tmpfs", MOUNTED, "tmpfs", 0, options))
		fail_errno("mount tmpfs -o %s", options);
	f->fd = open(MOUNTED "/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	f->nr = nr;
	f->version = calloc(nr, sizeof(*f->version));
	if (f->fd < 0 || !f->version || ftruncate(f->fd, nr * PAGE))
		fail_errno("a file on tmpfs");
}

static void file_close(struct file *f)
{
	close(f->fd);
	free(f->version);
	if (umount(MOUNTED))
		fail_errno("umount tmpfs");
}

/* Everybody's view: write, read, map, punch holes, cut off and grow again. */
static void file_churn(struct file *f)
{
	struct box box = box_default();
	unsigned long i, nr, len;
	struct rng rng;
	char *map;

	rng_init(&rng, 5);
	map = mmap(NULL, f->nr * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   f->fd, 0);
	if (map == MAP_FAILED)
		fail_errno("map a file on tmpfs");
	do {
		for (i = 0; i < 200; i++) {
			nr = rng_below(&rng, f->nr);
			file_verify(f, nr);
			if (i % 3 == 0)
				file_write(f, nr);
		}
		for (i = 0; i < 100; i++) {
			nr = rng_below(&rng, f->nr);
			verify_bytes(map + nr * PAGE, SEED, nr, f->version[nr],
				     f->version[nr] ? MIXED : ZERO);
			if (i % 3 == 0)
				page_make(map + nr * PAGE, SEED, nr,
					  ++f->version[nr], MIXED);
		}
		len = 1 + rng_below(&rng, 40);
		nr = rng_below(&rng, f->nr - len);
		if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      nr * PAGE, len * PAGE))
			fail_errno("punch a hole");
		memset(f->version + nr, 0, len * sizeof(*f->version));
		nr = f->nr - rng_below(&rng, 60);
		if (ftruncate(f->fd, nr * PAGE) ||
		    ftruncate(f->fd, f->nr * PAGE))
			fail_errno("ftruncate");
		memset(f->version + nr, 0, (f->nr - nr) * sizeof(*f->version));
	} while (box_open(&box));
	munmap(map, f->nr * PAGE);
}

static void tmpfs(const char *options, unsigned int share)
{
	struct file f;
	unsigned long i;

	swap_start(disk0);
	file_open(&f, options, mem_available() * share / 100);
	for (i = 0; i < f.nr; i++)
		file_write(&f, i);
	for (i = 0; i < f.nr; i++)
		file_verify(&f, i);
	file_churn(&f);
	for (i = 0; i < f.nr; i++)
		file_verify(&f, i);
	file_close(&f);
	/* Memory was short: some pages of other processes are out, too. */
	zcheck(zc("stored_pages") < 1000, "%ld pages are stored without tmpfs",
	       zc("stored_pages"));
}

SCENARIO(tmpfs, 300, "",
	 "a file on tmpfs larger than memory: write, read, map, punch, truncate")
{
	long stores = zc("stores");

	tmpfs("size=300%,nr_inodes=100", 115);
	zexpect(zc("stores") > stores + 1000, "hardly anything was stored");
}

SCENARIO(tmpfs_large, 300, "thp",
	 "the same with folios of 64 KiB")
{
	write_file("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/shmem_enabled",
		   "always");
	tmpfs("size=300%,huge=always", 110);
}
