// SPDX-License-Identifier: GPL-2.0
/*
 * ceiling: the most that a compressed second level of page cache can give to
 * the zipf work of reread.
 *
 * Usage:
 *	ceiling PAGES_OF_MEMORY SET_PAGES THETA DENSITY HIT_US STORE_US LOAD_US
 *		DISK_US [SHARE]
 *
 * The set is read by the law of reread, and the LRU stack distance of each read
 * is noted: how many other pages were read since that page was read last. A
 * cache in LRU order that holds n pages misses the reads of distance n and more.
 *
 * A SHARE of memory is given to the second level, DENSITY pages for each page of
 * it, what is cached once is not cached twice: the first level holds
 * (1 - SHARE) * PAGES_OF_MEMORY, both together SHARE * PAGES_OF_MEMORY * DENSITY
 * more. In microseconds: a read that hits the first level takes HIT_US; one that
 * does not also stores the page that has to go, and loads the page from the
 * second level or reads it from the disk.
 *
 * Prints, for SHARE or for the best share there is:
 *
 *	share=S gain=G reads_ratio=R reads_none=N reads_best=B
 *
 * how many times faster than without a second level, disk reads as a part of
 * those without it, and both disk reads for each read. No policy in LRU order is
 * better; one that knows more of the future than its order may be.
 */
#define _GNU_SOURCE
#include "guest/common.h"

/* Reads before distances count: nearly all pages have been read by then. */
#define WARM_PER_PAGE	8
#define MIN_WARM	1500000
#define COUNTED		1500000

struct costs {
	double hit, store, load, disk;	/* in microseconds */
};

/* Result for one share. */
struct point {
	double share, gain, reads;
};

/*
 * A Fenwick tree over the reads, numbered from 1: a read counts 1 while it is
 * the last one of its page.
 */
static void tree_add(int32_t *tree, uint64_t reads, uint64_t at, int32_t value)
{
	for (; at <= reads; at += at & -at)
		tree[at] += value;
}

static uint64_t tree_sum(const int32_t *tree, uint64_t to)
{
	uint64_t sum = 0;

	for (; to; to -= to & -to)
		sum += tree[to];
	return sum;
}

/* Of read @at of a page that was read last at *@last, 0: never. Notes it there. */
static uint64_t distance(int32_t *tree, uint64_t reads, uint64_t at,
			 uint64_t *last, uint64_t pages)
{
	uint64_t between = pages;

	if (*last) {
		between = tree_sum(tree, at - 1) - tree_sum(tree, *last);
		tree_add(tree, reads, *last, -1);
	}
	tree_add(tree, reads, at, 1);
	*last = at;
	return between;
}

/* Misses of an LRU cache of n pages for each read, for n from 0 to @pages. */
static double *miss_ratios(uint64_t pages, double theta)
{
	uint64_t warm = fmax(pages * WARM_PER_PAGE, MIN_WARM);
	uint64_t reads = warm + COUNTED;
	int32_t *tree = calloc(reads + 1, sizeof(*tree));
	uint64_t *last = calloc(pages, sizeof(*last));
	double *miss = calloc(pages + 1, sizeof(*miss));
	struct law law;

	need(tree && last && miss, "memory");
	make_law(&law, pages, theta);
	for (uint64_t at = 1; at <= reads; at++) {
		uint64_t page = choose(&law);
		uint64_t d = distance(tree, reads, at, &last[page], pages);

		if (at > warm)
			miss[d] += 1.0 / COUNTED;
	}
	for (uint64_t n = pages; n-- > 0;)
		miss[n] += miss[n + 1];
	free(law.page);
	free(law.cdf);
	free(last);
	free(tree);
	return miss;
}

static double miss_of(const double *miss, uint64_t pages, double cached)
{
	return cached < pages ? miss[(uint64_t)cached] : 0;
}

static struct point at_share(const double *miss, uint64_t pages, double memory,
			     double density, const struct costs *us,
			     double share)
{
	double plain = memory * (1 - share);
	double none = miss_of(miss, pages, memory);
	double first = miss_of(miss, pages, plain);
	double both = miss_of(miss, pages, plain + memory * share * density);
	double stores = share > 0 ? first : 0;
	double time = us->hit + stores * us->store +
		      (first - both) * us->load + both * us->disk;

	return (struct point) {
		.share = share,
		.gain = (us->hit + none * us->disk) / time,
		.reads = both,
	};
}

static double number(const char *text, double min, double max, const char *name)
{
	char *end;
	double value = strtod(text, &end);

	if (end != text && !*end && value >= min && value <= max)
		return value;
	fprintf(stderr, "ceiling: %s=%s: a value from %g to %g is allowed\n",
		name, text, min, max);
	exit(2);
}

int main(int argc, char **argv)
{
	struct point best = { 0 };
	struct costs us;
	double memory, density, theta, none, *miss;
	uint64_t pages;

	if (argc != 9 && argc != 10) {
		fprintf(stderr, "usage: ceiling PAGES SET_PAGES THETA DENSITY HIT STORE LOAD DISK [SHARE]\n");
		return 2;
	}
	memory = number(argv[1], 1, 1e8, "PAGES_OF_MEMORY");
	pages = number(argv[2], 1, 1e8, "SET_PAGES");
	theta = number(argv[3], 0, 10, "THETA");
	density = number(argv[4], 0.1, 1000, "DENSITY");
	us.hit = number(argv[5], 0.001, 1e9, "HIT_US");
	us.store = number(argv[6], 0, 1e9, "STORE_US");
	us.load = number(argv[7], 0, 1e9, "LOAD_US");
	us.disk = number(argv[8], 0, 1e9, "DISK_US");

	miss = miss_ratios(pages, theta);
	if (argc == 10) {
		best = at_share(miss, pages, memory, density, &us,
				number(argv[9], 0, 0.99, "SHARE"));
	} else {
		for (int percent = 0; percent < 100; percent++) {
			struct point p = at_share(miss, pages, memory, density,
						  &us, percent / 100.0);

			if (p.gain > best.gain)
				best = p;
		}
	}
	none = miss_of(miss, pages, memory);
	printf("share=%.2f gain=%.3f reads_ratio=%.3f reads_none=%.4f reads_best=%.4f\n",
	       best.share, best.gain, none > 0 ? best.reads / none : 0, none,
	       best.reads);
	return 0;
}
