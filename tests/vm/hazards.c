// SPDX-License-Identifier: GPL-2.0
/*
 * One test for each way in which an old copy could answer for new content.
 * Each fails when the line that protects from it is taken out; tests/vm/mutants
 * has these lines, and tools/vm.sh mutants shows it.
 *
 * Most start from pages that are in memory, in the swap cache and stored as
 * well, see resident_copies().
 */
#define _GNU_SOURCE
#include <unistd.h>
#include "lib.h"

#define CHUNK 4	/* few, so that the one being stored is touched */
#define ZSWAP "/sys/module/zswap/parameters/"

/* Write to all pages without a fault that would give up their slots. */
static void rewrite(struct region *r, const char *counter)
{
	region_fill(r);
	check(read_number(counter) > 0,
	      "all slots were given up, nothing is left to be tested");
}

static void all_out(struct region *r)
{
	struct box box = box_start(30);

	do {
		region_pageout(r);
	} while (region_swapped(r) < r->nr && box_open(&box));
	check(region_swapped(r) > r->nr * 9 / 10, "only %lu of %lu pages are out",
	      region_swapped(r), r->nr);
}

/*
 * The zero-page shortcut of swap-out stores nothing. The copy from before must
 * go all the same.
 */
SCENARIO(zeroed_after_store, 120, "zcache preempt pagemap",
	 "a stored page that is zeroed while it stays in the swap cache")
{
	struct region r;

	swap_start(disk0);
	region_map(&r, 512, HEAP);
	region_fill(&r);
	resident_copies(&r, CHUNK, ZC_STORED, 5);
	region_zero(&r);
	check(zc("stored_pages") > 0, "all slots were given up, nothing is left to be tested");
	all_out(&r);
	check(!zc("stored_pages"),
	      "%ld old copies of pages that are zero now are still stored",
	      zc("stored_pages"));
	region_verify(&r);
}

/*
 * A store that is refused because zcache is being switched off leaves the
 * content to the device. The copy from before must go.
 */
SCENARIO(drain_stale, 120, "zcache preempt pagemap",
	 "a stored page that is rewritten and swapped out while zcache is draining")
{
	struct region r;

	swap_start(disk0);
	region_map(&r, 512, HEAP);
	region_fill(&r);
	resident_copies(&r, CHUNK, ZC_STORED, 5);
	rewrite(&r, ZC_STORED);
	zc_set("enabled", "0");
	zc_expect_state("draining");
	all_out(&r);
	check(!zc("stored_pages"), "%ld old copies are still stored",
	      zc("stored_pages"));
	region_verify(&r);
	zc_expect_state("off");
}

/* The same for a store that is refused for what the page looks like now. */
SCENARIO(refused_stale, 120, "zcache preempt pagemap",
	 "a stored page whose next content is refused, as it does not compress")
{
	struct region r;

	swap_start(disk0);
	region_map(&r, 512, HEAP);
	region_fill(&r);
	resident_copies(&r, CHUNK, ZC_STORED, 5);
	r.kinds = NOISE;
	rewrite(&r, ZC_STORED);
	all_out(&r);
	check(!zc("stored_pages"), "%ld old copies are still stored",
	      zc("stored_pages"));
	region_verify(&r);
}

/* zcache takes what zswap had: zswap must forget it, or it answers one day. */
SCENARIO(zswap_flip, 180, "zcache zswap preempt pagemap",
	 "a page that zswap holds is rewritten and stored in zcache")
{
	struct region r;

	zc_set("enabled", "0");
	write_file(ZSWAP "enabled", "1");
	swap_start(disk0);
	region_map(&r, 512, HEAP);
	region_fill(&r);
	resident_copies(&r, CHUNK, ZSWAP_STORED, 5);
	zc_set("enabled", "1");
	rewrite(&r, ZSWAP_STORED);
	all_out(&r);
	check(zc("stored_pages") > (long)r.nr * 9 / 10,
	      "zcache took only %ld pages", zc("stored_pages"));
	check(!read_number(ZSWAP_STORED), "zswap still holds %ld old copies",
	      read_number(ZSWAP_STORED));
	region_verify(&r);
}

/* And the zero-page shortcut, for zswap. */
SCENARIO(zswap_zeroed, 180, "zcache zswap preempt pagemap",
	 "a page that zswap holds is zeroed while it stays in the swap cache")
{
	struct region r;

	zc_set("enabled", "0");
	write_file(ZSWAP "enabled", "1");
	swap_start(disk0);
	region_map(&r, 512, HEAP);
	region_fill(&r);
	resident_copies(&r, CHUNK, ZSWAP_STORED, 5);
	region_zero(&r);
	check(read_number(ZSWAP_STORED) > 0, "all slots were given up, nothing is left to be tested");
	all_out(&r);
	check(!read_number(ZSWAP_STORED), "zswap still holds %ld old copies",
	      read_number(ZSWAP_STORED));
	region_verify(&r);
}

/*
 * A page that is rewritten and swapped out again replaces its copy; read
 * through whatever is newest, many times.
 */
SCENARIO(rewrite_resident, 120, "zcache preempt pagemap",
	 "stored pages rewritten in the swap cache, stored again, read back")
{
	struct box box = box_default();
	struct region r;

	swap_start(disk0);
	region_map(&r, 256, MIXED & ~ZERO);
	region_fill(&r);
	do {
		resident_copies(&r, CHUNK, ZC_STORED, 3);
		region_fill(&r);
		all_out(&r);
		region_verify(&r);
		/* What was raced on may be stored still: give up all slots. */
		region_fill(&r);
		swap_off(disk0);
		zc_empty("after swapoff");
		swap_on(disk0, -1);
	} while (box_open(&box));
}
