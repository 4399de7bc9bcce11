// SPDX-License-Identifier: GPL-2.0
/*
 * RAMster: swap pages that are at two lenders and not on the device. One is this
 * machine, the other one a process (rsfake.c): what has happened to one of them does
 * not happen to the other.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "ramster.h"
#include "rsfake.h"

#define SET	(6 * RS_POOL)

static struct region r;
static int fake_pid;

static long mirrored(void)
{
	return rs_now("mirrored_pages");
}

static void wait_home(double seconds)
{
	struct box box = box_start(seconds);

	while (mirrored() && box_open(&box))
		nap(20);
	check(!mirrored(), "%ld pages did not come home", mirrored());
}

static void set_durability(const char *how)
{
	write_file(rs_path("durability", ""), "%s", how);
}

/* Many pages of the region are at two lenders. */
static void mirror(void)
{
	struct box box;

	region_fill(&r);
	rs_pageout(&r);
	box = box_start(10);
	while (mirrored() < (long)RS_POOL / 2 && box_open(&box))
		nap(20);
	rs_report();
	check(mirrored() >= (long)RS_POOL / 2, "only %ld pages are mirrored", mirrored());
}

/* What leaves later may be at the same two lenders, and need not come home. */
static void leave_all(void)
{
	struct box box = box_start(10);
	long before;

	do {
		before = rs_now("pushed");
		nap(500);
	} while (rs_now("pushed") != before && box_open(&box));
}

static void two_lenders(void)
{
	rs_self();
	fake_pid = fake_start();
	set_durability("mirror");
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, SET, HEAP | TEXT);
	mirror();
}

/* Not one page was lost, whichever lender is left. */
static void all_is_well(void)
{
	region_verify(&r);
	rs_report();
	check(!rs_since("mirror_failed"), "%ld loads had no answer",
	      rs_since("mirror_failed"));
}

SCENARIO(rs_mirror, 60, RS,
	 "swap pages leave for two lenders and are not written; they come back, and go")
{
	long written = zc("writebacks");
	struct rng rng;
	struct box box;

	rng_init(&rng, 90);
	two_lenders();
	written = zc("writebacks") - written;
	check(written < (long)RS_POOL / 4, "%ld pages were written", written);
	all_is_well();
	zexpect(rs_since("hits") > (long)RS_POOL / 4, "only %ld hits",
		rs_since("hits"));
	region_churn(&r, &rng, 3000, 40);
	mirror();
	all_is_well();
	rs_never_forged();
	region_unmap(&r);
	zc_none_stored("after their end");
	check(!mirrored(), "%ld pages are mirrored, and nobody has them", mirrored());
	/* Both have been told. */
	box = box_start(10);
	while ((rs_now("lent_pages") || fake_keeps()) && box_open(&box))
		nap(50);
	check(!rs_now("lent_pages") && !fake_keeps(),
	      "%ld pages of memory and %lu pages are kept for nobody",
	      rs_now("lent_pages"), fake_keeps());
}

SCENARIO(rs_mirror_killed, 90, RS,
	 "one of two lenders is killed: what both had comes home from the other")
{
	two_lenders();
	kill(fake_pid, SIGKILL);
	join_status(fake_pid);
	region_verify_page(&r, 1);
	wait_home(20);
	set_durability("backed");
	rs_lend_no_more();
	all_is_well();
	rs_never_forged();
}

SCENARIO(rs_mirror_silent, 90, RS,
	 "one of two lenders says nothing more: the other one answers")
{
	two_lenders();
	fake->lie = SILENT;
	all_is_well();
	rs_never_forged();
}

SCENARIO(rs_mirror_restart, 90, RS,
	 "one of two lenders begins anew and has nothing")
{
	two_lenders();
	leave_all();
	rs_lend_no_more();
	write_file(rs_path("lender", "enabled"), "1");
	wait_home(20);
	fake->lie = FORGETS;
	all_is_well();
	rs_never_forged();
}

SCENARIO(rs_mirror_wrong, 90, RS,
	 "one of two lenders gives other bytes: it is trusted no more")
{
	unsigned long i;

	two_lenders();
	fake->lie = FLIPPED;
	/* Until it was asked: it is the second one for half of them. */
	for (i = 0; i < SET && !rs_since("forged"); i++)
		region_verify_page(&r, i);
	check(rs_since("forged"), "no page was noticed");
	wait_home(20);
	rs_lend_no_more();
	all_is_well();
}

SCENARIO(rs_mirror_dropped, 90, RS,
	 "one of two lenders says that it has dropped pages: it has none of them")
{
	two_lenders();
	leave_all();
	fake->lie = FORGETS;
	fake->lost = 1;
	wait_home(20);
	rs_lend_no_more();
	all_is_well();
	rs_never_forged();
}

SCENARIO(rs_mirror_missing, 90, RS,
	 "one of two lenders does not have a page, and has not said so")
{
	unsigned long i;

	two_lenders();
	leave_all();
	fake->lie = FORGETS;
	for (i = 0; i < SET && !rs_since("misses"); i++)
		region_verify_page(&r, i);
	check(rs_since("misses"), "nothing was missed");
	wait_home(20);
	rs_lend_no_more();
	all_is_well();
	rs_never_forged();
}

SCENARIO(rs_mirror_recalled, 90, RS,
	 "one of two lenders wants its memory back: it gets it")
{
	two_lenders();
	fake->recalls = true;
	wait_home(20);
	/* It gets no more, and the other one alone does not do. */
	region_fill(&r);
	rs_pageout(&r);
	nap(500);
	check(!mirrored(), "%ld pages are mirrored", mirrored());
	fake->lie = FORGETS;
	rs_lend_no_more();
	all_is_well();
	rs_never_forged();
}

/* Takes more and more until the lender gives some; at worst it is killed for that. */
static void press(void *arg)
{
	unsigned int i;

	(void)arg;
	try_write("/proc/self/oom_score_adj", "1000");
	for (i = 0; i < 200 && !rs_since("lent_dropped"); i++)
		hold_memory(mem_available() / 8 + 64);
}

SCENARIO(rs_mirror_pressed, 90, RS,
	 "memory of one of two lenders is wanted at once: it drops what it was to keep")
{
	two_lenders();
	join_status(spawn(press, NULL));
	rs_report();
	fake->lie = HONEST;
	all_is_well();
	rs_never_forged();
}

SCENARIO(rs_mirror_remove, 90, RS,
	 "two lenders are removed, one after the other, with pages that only they have")
{
	two_lenders();
	rs_peer_remove("fake");
	fake->lie = FORGETS;
	check(!mirrored(), "%ld pages are mirrored at one lender", mirrored());
	rs_peer_remove("self");
	all_is_well();
	check(!rs_since("misses"), "%ld pages were asked for in vain", rs_since("misses"));
}

SCENARIO(rs_mirror_swapoff, 60, RS,
	 "swapoff while most of the pages are at two lenders only")
{
	two_lenders();
	swap_off(disk0);
	zc_empty("after swapoff");
	check(!mirrored(), "%ld pages are mirrored", mirrored());
	all_is_well();
	rs_never_forged();
}

SCENARIO(rs_mirror_off, 60, RS,
	 "pages are not to be mirrored any more, or not to be stored: they come home")
{
	two_lenders();
	set_durability("backed");
	wait_home(20);
	fake->lie = FORGETS;
	all_is_well();
	fake->lie = HONEST;
	set_durability("mirror");
	mirror();
	zc_set("enabled", "0");
	wait_home(20);
	fake->lie = FORGETS;
	rs_lend_no_more();
	all_is_well();
	zc_set("enabled", "1");
	rs_never_forged();
}

SCENARIO(rs_mirror_same, 60, RS,
	 "two addresses of one machine are not two lenders")
{
	static const struct rs_peer other = {
		.name = "other", .address = "127.0.0.2", .borrow = true,
	};

	rs_ready();
	rs_lend(RS_HERE " 127.0.0.2");
	rs_peer_add(&rs_self_peer);
	rs_peer_add(&other);
	check(rs_peer_up("self", 5) && rs_peer_up("other", 5),
	      "the lenders do not come up");
	check(try_write(rs_path("durability", ""), "both") < 0, "anything is taken");
	set_durability("mirror");
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, SET, HEAP | TEXT);
	region_fill(&r);
	rs_pageout(&r);
	zexpect(rs_wait("pushed", RS_POOL / 2, 10) >= (long)RS_POOL / 2,
		"only %ld pages were pushed", rs_since("pushed"));
	check(!mirrored(), "%ld pages are twice on one machine", mirrored());
	all_is_well();
	rs_never_forged();
}
