// SPDX-License-Identifier: GPL-2.0
/*
 * Large folios: stored by page, loaded as a whole or not at all. On a RAM disk
 * the kernel reads swap synchronously, without the swap cache, and brings whole
 * folios in; that path needs all pages of a folio to lie in one place.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define BLOCKS 64UL

static void enable_64k(void)
{
	write_file(THP "hugepages-64kB/enabled", "always");
}

static unsigned long huge_blocks(struct region *r)
{
	unsigned long i, nr = 0;

	for (i = 0; i < r->nr; i += BLOCK)
		nr += page_huge(r->mem + i * PAGE);
	return nr;
}

/* Do the pages of a block lie in a row of slots, as one folio would? */
static bool block_in_a_row(struct region *r, unsigned long block)
{
	unsigned long i, first, slot;
	unsigned char *mem = r->mem + block * BLOCK * PAGE;

	if (!page_swapped(mem, &first) || first % BLOCK)
		return false;
	for (i = 1; i < BLOCK; i++)
		if (!page_swapped(mem + i * PAGE, &slot) || slot != first + i)
			return false;
	return true;
}

static unsigned long blocks_in_a_row(struct region *r)
{
	unsigned long i, nr = 0;

	for (i = 0; i < r->nr / BLOCK; i++)
		nr += block_in_a_row(r, i);
	return nr;
}

/* Large folios with known content, all of them swapped out as a whole. */
static void large_out(struct region *r, const char *disk, unsigned int kinds)
{
	enable_64k();
	swap_start(disk);
	region_map_thp(r, BLOCKS, kinds);
	region_fill(r);
	check(huge_blocks(r) > BLOCKS * 3 / 4, "only %lu large folios of %lu",
	      huge_blocks(r), BLOCKS);
	region_pageout(r);
	check(blocks_in_a_row(r) > BLOCKS / 2,
	      "only %lu of %lu large folios were swapped out as a whole",
	      blocks_in_a_row(r), BLOCKS);
}

SCENARIO(thp_disk, 120, "thp pagemap",
	 "large folios to a disk and back, verified and rewritten")
{
	struct box box = box_default();
	struct region r;
	struct rng rng;

	rng_init(&rng, 1);
	large_out(&r, disk1, MIXED & ~NOISE & ~ZERO);
	zexpect(zc("stored_pages") > (long)r.nr / 2,
		"only %ld pages of large folios are stored", zc("stored_pages"));
	region_verify(&r);
	region_unmap(&r);
	region_map_thp(&r, BLOCKS, MIXED);
	do {
		region_fill(&r);
		region_pageout(&r);
		region_churn(&r, &rng, 300, 30);
		region_pageout(&r);
		region_verify(&r);
	} while (box_open(&box));
	region_unmap(&r);
	zc_none_stored("after unmapping");
}

SCENARIO(thp_swapin, 120, "thp brd pagemap",
	 "large folios come back from a RAM disk as large folios, with zcache on")
{
	struct box box = box_default();
	unsigned long large = 0, rounds = 0;
	struct region r;

	large_out(&r, ramdisk, HEAP | TEXT);
	do {
		region_verify(&r);
		large += huge_blocks(&r);
		rounds++;
		region_fill(&r);
		region_pageout(&r);
	} while (box_open(&box));
	region_verify(&r);
	check(large > rounds * BLOCKS / 4,
	      "only %lu of %lu folios came back large", large, rounds * BLOCKS);
	region_unmap(&r);
	zc_none_stored("after unmapping");
}

/* Keeps the swap slots of its parent shared until it is killed. */
static void wait_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

/*
 * Ranges of which a part is in zcache and the rest on the device, by turns:
 * store all, share them with a child (so that single pages come in through the
 * swap cache), switch zcache off, and let some come in and go to the device.
 */
static void half_present(struct region *r, unsigned int pattern)
{
	unsigned long i;
	int child;

	child = spawn(wait_for_ever, NULL);
	zc_set("enabled", "0");
	for (i = 0; i < r->nr; i++) {
		if (!(pattern >> i % BLOCK & 1))
			continue;
		region_verify_page(r, i);
		pageout(r->mem + i * PAGE, 1);
	}
	kill(child, SIGKILL);
	join_status(child);
	zc_set("enabled", "1");
}

SCENARIO(thp_half_present, 180, "zcache thp brd pagemap",
	 "large swap-in where zcache has some of the pages, the device the others")
{
	static const unsigned int patterns[] = {
		0x0001, 0x8000, 0x5555, 0xfffe, 0x00ff, 0x0180,
	};
	unsigned int i, mixed = 0;
	unsigned long b;
	struct region r;
	long stored;

	write_file("/proc/sys/vm/page-cluster", "0");
	large_out(&r, ramdisk, HEAP);
	for (i = 0; i < ARRAY_SIZE(patterns); i++) {
		half_present(&r, patterns[i]);
		stored = zc("stored_pages");
		check(stored > 0 && stored < (long)r.nr,
		      "%ld of %lu pages are stored, not a part of them",
		      stored, r.nr);
		for (b = 0; b < BLOCKS; b++)
			mixed += block_in_a_row(&r, b);
		region_verify(&r);
		region_fill(&r);
		region_unmap(&r);
		region_map_thp(&r, BLOCKS, HEAP);
		region_fill(&r);
		region_pageout(&r);
	}
	say("%u mixed ranges could have been read as a whole", mixed);
	check(mixed > BLOCKS, "hardly any range was in a row");
	region_verify(&r);
}

/*
 * A large store that fails at its k-th page must leave nothing behind: neither
 * what it just stored nor the older copies of the rest, the device gets all.
 */
SCENARIO(thp_store_fails, 180, "zcache thp debug preempt pagemap",
	 "storing a large folio fails in the middle, with older copies around")
{
	static const char dir[] = "/sys/kernel/debug/zcache/fail_store/";
	unsigned int fails = 0, stale = 0;
	unsigned long b, k;
	struct region r;
	struct rng rng;
	char path[96];

#define ATTR(name) (snprintf(path, sizeof(path), "%s%s", dir, name), path)
	rng_init(&rng, 6);
	enable_64k();
	swap_start(disk1);
	region_map_thp(&r, BLOCKS, HEAP);
	region_fill(&r);
	resident_copies(&r, BLOCK, ZC_STORED, 2 * BLOCK);
	region_fill(&r);
	check(zc("stored_pages") > 0, "all slots were given up, nothing is left to be tested");
	write_file(ATTR("interval"), "1");
	write_file(ATTR("verbose"), "0");
	for (b = 0; b < BLOCKS; b++) {
		long before = zc("stored_pages");

		/* Let k pages pass, then fail once. */
		k = rng_below(&rng, BLOCK);
		write_file(ATTR("times"), "1");
		write_file(ATTR("space"), "%lu", k + 1);
		write_file(ATTR("probability"), "100");
		pageout(r.mem + b * BLOCK * PAGE, BLOCK);
		write_file(ATTR("probability"), "0");
		fails += read_number(ATTR("times")) == 0;
		stale += zc("stored_pages") < before;
	}
	say("%u stores failed in the middle, %u of folios with older copies",
	    fails, stale);
	check(fails > BLOCKS / 2, "only %u stores failed", fails);
	check(stale, "no store failed that had older copies");
	region_verify(&r);
	region_pageout(&r);
	region_verify(&r);
}

SCENARIO(thp_free, 120, "thp brd pagemap",
	 "freeing large folios that are out, or in and stored, empties the pool")
{
	unsigned int round;
	struct region r;

	enable_64k();
	for (round = 0; round < 6; round++) {
		const char *disk = round & 1 ? ramdisk : disk1;

		swap_start(disk);
		region_map_thp(&r, BLOCKS, HEAP | TEXT | SAME);
		region_fill(&r);
		region_pageout(&r);
		zexpect(zc("stored_pages") > (long)r.nr / 2,
			"only %ld pages of large folios are stored",
			zc("stored_pages"));
		if (round / 2 == 1)
			region_verify(&r);
		region_unmap(&r);
		zc_none_stored("after unmapping");
		swap_off(disk);
		zc_empty("after swapoff");
	}
}

/*
 * Where the pages of a range lie is asked for before its folio is allocated and
 * charged, and once more when the slots are owned. In between a group at its
 * limit reclaims for long, and a child moves pages of the same slots.
 */
struct race {
	struct region *r;
	struct box box;
	unsigned int round;
};

static void move_pages_about(void *arg)
{
	struct race *race = arg;
	struct region *r = race->r;
	unsigned long i;
	struct rng rng;

	rng_init(&rng, 1000 + race->round);
	/* The first page of a block becomes the parent's alone. */
	for (i = 0; i < r->nr; i += BLOCK)
		if (madvise(r->mem + i * PAGE, PAGE, MADV_DONTNEED))
			fail_errno("MADV_DONTNEED");
	while (box_open(&race->box)) {
		zc_set("enabled", "0");
		for (i = 1; i < r->nr; i += 1 + rng_below(&rng, BLOCK)) {
			if (i % BLOCK == 0)
				continue;
			region_verify_page(r, i);
			pageout(r->mem + i * PAGE, 1);
		}
		zc_set("enabled", "1");
	}
}

SCENARIO(thp_swapin_race, 180, "zcache thp brd pagemap memcg",
	 "large swap-in while others move pages of the range between zcache and device")
{
	struct box box = box_default();
	struct region r;
	struct race race = { .r = &r };
	unsigned long b, in_a_row = 0, large = 0;
	int pid;

	write_file("/proc/sys/vm/page-cluster", "0");
	cgroup_make("vmtest");
	cgroup_enter("vmtest");
	large_out(&r, ramdisk, HEAP);
	/* Room for the parent, not for what the child has beside. */
	cgroup_set("vmtest", "memory.max", "5M");
	do {
		region_fill(&r);
		region_pageout(&r);
		in_a_row += blocks_in_a_row(&r);
		race.round++;
		race.box = box_start(0.4);
		pid = spawn(move_pages_about, &race);
		while (box_open(&race.box))
			for (b = 0; b < BLOCKS; b++)
				region_verify_page(&r, b * BLOCK);
		large += huge_blocks(&r);
		join(pid);
		region_verify(&r);
	} while (box_open(&box));
	say("%u rounds, %lu large folios out, %lu in", race.round, in_a_row,
	    large);
	check(large > 5, "only %lu large folios came in", large);
	cgroup_enter("scenario");
}
