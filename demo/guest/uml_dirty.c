// SPDX-License-Identifier: GPL-2.0
/*
 * Does this kernel lose what read(2) wrote into a page that came from swap?
 *
 * Stock User Mode Linux does: see patches/6.12-um. Every guest of ours that
 * swaps under it runs this first, because any wrong byte found later would
 * otherwise be taken for an error of the code under test.
 *
 * Usage: uml_dirty SCRATCHFILE	(SCRATCHFILE is made and removed; 16 MiB)
 * Needs a swap device on a disk, with no compressed cache in front of it to
 * be a proof. Exit status: 0 sound, 1 data lost, 2 could not be tested.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	4096UL
#define PAGES	4096UL
#define WORDS	(PAGE / sizeof(unsigned long))

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "uml_dirty: not tested: ");
	perror(what);
	exit(2);
}

/* All words of both patterns differ. */
static unsigned long word(unsigned long pattern, unsigned long i)
{
	return (i * 2 + pattern) * 0x9e3779b97f4a7c15UL;
}

static void fill(unsigned long *page, unsigned long pattern, unsigned long nr)
{
	for (unsigned long i = 0; i < WORDS; i++)
		page[i] = word(pattern, nr * WORDS + i);
}

static void page_out(void *mem)
{
	need(madvise(mem, PAGES * PAGE, MADV_PAGEOUT) == 0, "MADV_PAGEOUT");
}

/* Pages of this process whose content is in swap. */
static unsigned long swapped(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	need(f != NULL, "/proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmSwap: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024 / PAGE;
}

static int make_file(const char *path)
{
	static unsigned long page[WORDS];
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	need(fd >= 0, path);
	need(unlink(path) == 0, path);
	for (unsigned long nr = 0; nr < PAGES; nr++) {
		fill(page, 1, nr);
		need(write(fd, page, PAGE) == PAGE, "write");
	}
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long *mem, wrong = 0, stale = 0, nr_swapped;
	static unsigned long want[WORDS];
	volatile unsigned long sink = 0;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: uml_dirty SCRATCHFILE\n");
		return 2;
	}
	fd = make_file(argv[1]);
	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(mem != MAP_FAILED, "mmap");

	for (unsigned long nr = 0; nr < PAGES; nr++)
		fill(mem + nr * WORDS, 0, nr);
	page_out(mem);
	/* Come back through read faults: clean, with the slot still valid. */
	for (unsigned long nr = 0; nr < PAGES; nr++)
		sink += mem[nr * WORDS];
	for (unsigned long nr = 0; nr < PAGES; nr++)
		need(pread(fd, mem + nr * WORDS, PAGE, nr * PAGE) == PAGE,
		     "pread");
	page_out(mem);
	nr_swapped = swapped();
	if (nr_swapped < PAGES / 2) {
		fprintf(stderr, "uml_dirty: not tested: only %lu of %lu pages went to swap\n",
			nr_swapped, PAGES);
		return 2;
	}

	for (unsigned long nr = 0; nr < PAGES; nr++) {
		fill(want, 1, nr);
		if (memcmp(mem + nr * WORDS, want, PAGE) == 0)
			continue;
		wrong++;
		stale += mem[nr * WORDS] == word(0, nr * WORDS);
	}
	printf("uml_dirty: %lu of %lu pages wrong, %lu of them stale\n",
	       wrong, PAGES, stale);
	return wrong != 0;
}
