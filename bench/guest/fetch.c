// SPDX-License-Identifier: GPL-2.0
/*
 * fetch: how long swapped pages take to come back.
 *
 * Usage: fetch DATA MIB
 *
 * Memory is filled with the first MIB of DATA and swapped out. Reports "leave", waits
 * until the pages are where they belong, reports "stage out". Then single pages are
 * swapped in, here and there, without readahead ("stage singles"), and as many bursts of
 * BURST neighbours elsewhere with the readahead that there is ("stage bursts"). In the
 * end reports "stage after", compares every byte and reports "result". Wants memory
 * enough for all of it: nothing is swapped out meanwhile.
 *
 * Results: pages that were out, how long it took until they had left (out_ms), numbers
 * and times (ns) of singles and bursts, and wrong, blocks that are not as they were.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>
#include "common.h"

#define BURST		8UL		/* pages, what readahead reads by default */
#define STRIDE		(4 * BURST)	/* between two places: out of its reach */
#define CLUSTER_FILE	"/proc/sys/vm/page-cluster"

static char *memory;
static uint64_t pages;

static int page_cluster(void)
{
	FILE *file = fopen(CLUSTER_FILE, "r");
	int cluster = -1;

	need(file && fscanf(file, "%d", &cluster) == 1, CLUSTER_FILE);
	fclose(file);
	return cluster;
}

static void set_page_cluster(int cluster)
{
	FILE *file = fopen(CLUSTER_FILE, "w");

	need(file && fprintf(file, "%d", cluster) > 0 && fclose(file) == 0,
	     CLUSTER_FILE);
}

/* Past the page cache: the first of it, block by block. */
static uint64_t with_data(const char *path, bool (*use)(char *at, const char *data))
{
	static char buf[BLOCK] __attribute__((aligned(PAGE)));
	int fd = open(path, O_RDONLY | O_DIRECT);
	uint64_t nr = 0;

	need(fd >= 0, path);
	for (uint64_t at = 0; at < pages * PAGE; at += BLOCK) {
		need(pread(fd, buf, BLOCK, at) == BLOCK, path);
		nr += use(memory + at, buf);
	}
	close(fd);
	return nr;
}

static bool put(char *at, const char *data)
{
	memcpy(at, data, BLOCK);
	return true;
}

static bool differs(char *at, const char *data)
{
	return memcmp(at, data, BLOCK) != 0;
}

static void swap_out(void)
{
	need(madvise(memory, pages * PAGE, MADV_PAGEOUT) == 0, "MADV_PAGEOUT");
}

static void swap_in(uint64_t page, uint64_t nr)
{
	need(madvise(memory + page * PAGE, nr * PAGE, MADV_POPULATE_READ) == 0,
	     "MADV_POPULATE_READ");
}

static bool is_in(uint64_t page)
{
	unsigned char in;

	need(mincore(memory + page * PAGE, PAGE, &in) == 0, "mincore");
	return in & 1;
}

/*
 * What was written is in the swap cache still, where MADV_PAGEOUT does not see it.
 * Returns how many pages are out.
 */
static uint64_t leave_swap_cache(void)
{
	uint64_t page, out = 0;

	for (page = 0; page < pages; page++)
		if (is_in(page))
			swap_in(page, 1);
	swap_out();
	for (page = 0; page < pages; page++)
		out += !is_in(page);
	return out;
}

/*
 * Swaps in nr pages at each place and fills in how long that took. In one system
 * call: what counts is how long the pages take to come, not what a fault costs in a
 * guest of this kind. For the same reason the clock is that of the CPU.
 */
static void fetch(const uint32_t *places, uint64_t nr_places, uint64_t nr, double *ns)
{
	double start = now(), ns_per_tick;
	uint64_t begin = __rdtsc(), tick;

	for (uint64_t i = 0; i < nr_places; i++) {
		tick = __rdtsc();
		swap_in(places[i] * STRIDE, nr);
		ns[i] = __rdtsc() - tick;
	}
	ns_per_tick = (now() - start) * 1e9 / (__rdtsc() - begin);
	for (uint64_t i = 0; i < nr_places; i++)
		ns[i] *= ns_per_tick;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void report_times(const char *what, double *ns, uint64_t nr)
{
	qsort(ns, nr, sizeof(*ns), by_size);
	printf(" %ss=%lu %s_p50_ns=%.0f %s_p99_ns=%.0f", what, nr, what,
	       ns[nr / 2], what, ns[nr * 99 / 100]);
}

static void stage(const char *what)
{
	puts(what);
	wait_for_go();
}

int main(int argc, char **argv)
{
	uint64_t nr, out, nr_wrong;
	double *singles, *bursts;
	uint32_t *places;
	double start;
	int cluster;

	if (argc != 3) {
		fprintf(stderr, "usage: fetch DATA MIB\n");
		return 2;
	}
	pages = atol(argv[2]) * PAGES_PER_MIB;
	nr = pages / STRIDE / 2;
	places = malloc(2 * nr * sizeof(*places));
	singles = calloc(nr, sizeof(*singles));
	bursts = calloc(nr, sizeof(*bursts));
	need(places && singles && bursts, "memory");
	for (uint64_t i = 0; i < 2 * nr; i++)
		places[i] = i;
	shuffle(places, 2 * nr, 2 * nr);
	cluster = page_cluster();
	/* What is mapped after this is not locked. */
	need(mlockall(MCL_CURRENT) == 0, "mlockall");
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(memory != MAP_FAILED, "memory");
	with_data(argv[1], put);

	stage("warm");
	start = now();
	swap_out();
	stage("leave");
	start = now() - start;
	out = leave_swap_cache();
	stage("stage out");
	set_page_cluster(0);
	fetch(places, nr, 1, singles);
	stage("stage singles");
	set_page_cluster(cluster);
	fetch(places + nr, nr, BURST, bursts);
	stage("stage bursts");
	stage("stage after");
	nr_wrong = with_data(argv[1], differs);
	printf("result pages=%lu out_ms=%.0f", out, start * 1000);
	report_times("single", singles, nr);
	report_times("burst", bursts, nr);
	printf(" wrong=%lu\n", nr_wrong);
	return nr_wrong != 0;
}
