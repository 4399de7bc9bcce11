// SPDX-License-Identifier: GPL-2.0
/* RAMster: loads of swap and files while the network or the lender fails. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include "ramster.h"

/**
 * struct load - what all processes of a load share
 * @stop: they are to end
 * @slowest: the longest that anybody waited for a page, in seconds
 */
struct load {
	volatile bool stop;
	double slowest;
};

static struct load *load;
static struct file large;

static void timed(double start)
{
	double took = now() - start;

	if (took > load->slowest)
		load->slowest = took;
}

static void swap_load(void *arg)
{
	struct region r;
	struct rng rng;
	unsigned int i;

	rng_init(&rng, 400 + (unsigned long)arg);
	region_map(&r, 3 * RS_POOL, HEAP | TEXT);
	region_fill(&r);
	while (!load->stop) {
		rs_pageout(&r);
		for (i = 0; i < 300 && !load->stop; i++) {
			double start = now();

			region_churn(&r, &rng, 1, 30);
			timed(start);
		}
	}
	region_verify(&r);
}

static void read_load(void *arg)
{
	struct file f = large;
	struct rng rng;

	rng_init(&rng, 410 + (unsigned long)arg);
	file_open(&f);
	while (!load->stop) {
		unsigned long first = rng_below(&rng, f.max - 64), nr;

		for (nr = first; nr < first + 64; nr++) {
			double start = now();

			file_verify_page(&f, nr, READ + rng_below(&rng, DIRECT));
			timed(start);
		}
		file_pageout(&f, first, 64);
		nap(1);
	}
	file_close(&f);
}

static void write_load(void *arg)
{
	struct file f;
	struct rng rng;

	rng_init(&rng, 420 + (unsigned long)arg);
	file_create(&f, large.fs, "written", 512, HEAP | TEXT);
	file_fill(&f, 512);
	while (!load->stop) {
		file_write(&f, rng_below(&rng, 500) * PAGE,
			   1 + rng_below(&rng, 8000), READ);
		file_verify_page(&f, rng_below(&rng, file_pages(&f)), READ);
		if (rng_below(&rng, 10))
			continue;
		rs_evict(&f);
		if (!rng_below(&rng, 4))
			file_truncate(&f, rng_below(&rng, 512) * PAGE + 100);
	}
	file_verify_all(&f);
	file_delete(&f);
}

/*
 * Users of swap, readers and a writer of files, in a pool that is too small for
 * them; fn() disturbs them until the time is up.
 */
void rs_loads(double seconds, void (*fn)(unsigned int round))
{
	static const proc_fn fns[] = { swap_load, read_load, write_load };
	struct box box;
	unsigned int round = 0, i;
	int pids[ARRAY_SIZE(fns)];

	load = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (load == MAP_FAILED)
		fail_errno("mmap");
	swap_start(disk0);
	rs_pool(RS_POOL);
	file_create_large(&large, fs_start("ext4"), "large", 3 * RS_POOL,
			  HEAP | TEXT);
	for (i = 0; i < ARRAY_SIZE(fns); i++)
		pids[i] = spawn(fns[i], (void *)(unsigned long)i);
	box = box_start(seconds);
	while (box_open(&box))
		fn(round++);
	load->stop = true;
	for (i = 0; i < ARRAY_SIZE(fns); i++)
		join(pids[i]);
	file_verify(&large, READ);
	file_delete(&large);
	fs_umount(large.fs);
	rs_report();
	say("the slowest page took %.3f s", load->slowest);
	rs_never_forged();
	swap_off_all();
	zc_empty("after swapoff");
}

double rs_slowest(void)
{
	return load->slowest;
}

static void wait_round(unsigned int round)
{
	(void)round;
	nap(100);
}

SCENARIO(rs_both, 90, RS,
	 "files and swap at once, in a pool that is too small for them")
{
	rs_self();
	rs_loads(env.box, wait_round);
	zexpect(rs_since("hits") > 50, "only %ld hits", rs_since("hits"));
}

static void lender_ends(unsigned int round)
{
	nap(2000);
	if (!round)
		rs_lend_no_more();
}

SCENARIO(rs_lender_gone, 90, RS,
	 "the lender ends while its pages are wanted: they come from the disk")
{
	rs_self();
	rs_loads(env.box, lender_ends);
	zexpect(rs_since("pushed") > 50, "only %ld pages were pushed",
		rs_since("pushed"));
	check(load->slowest < 5, "a page took %.1f s", load->slowest);
}

static void lender_restarts(unsigned int round)
{
	rs_peer_up("self", 20);
	nap(500 + 130 * (round % 5));
	rs_lend_no_more();
	nap(100 + 70 * (round % 7));
	write_file(rs_path("lender", "enabled"), "1");
}

SCENARIO(rs_lender_restart, 90, RS,
	 "the lender ends and begins again, and again: it has no old pages")
{
	long pushed;

	rs_self();
	rs_loads(env.box, lender_restarts);
	check(rs_peer_up("self", 20), "the lender is not used any more");
	pushed = rs_since("pushed");
	rs_loads(2, wait_round);
	zexpect(rs_since("pushed") > pushed, "nothing is pushed any more");
}

static void link_breaks(unsigned int round)
{
	static const struct link dead = { .loss_percent = 100 };

	nap(2000);
	if (round % 2) {
		net_switch(LOOPBACK, false);
		nap(1500);
		net_switch(LOOPBACK, true);
	} else {
		net_emulate(LOOPBACK, &dead);
		nap(4000);
		net_plain(LOOPBACK);
	}
	rs_peer_up("self", 20);
}

SCENARIO(rs_link_down, 120, RS,
	 "the network is silent for some seconds, then it is gone: nobody waits long")
{
	rs_self();
	rs_loads(env.box + 4, link_breaks);
	check(load->slowest < 5, "a page took %.1f s", load->slowest);
	check(rs_peer_up("self", 20), "the lender is not used any more");
}

static void link_changes(unsigned int round)
{
	static const struct link links[] = {
		{ .delay_ms = 5 },
		{ .loss_percent = 5 },
		{ .delay_ms = 20, .jitter_ms = 10, .reorder_percent = 25 },
		{ .duplicate_percent = 20, .delay_ms = 1 },
		{ .bytes_per_second = 2000000 },
		{ .delay_ms = 300 },
	};

	net_emulate(LOOPBACK, &links[round % ARRAY_SIZE(links)]);
	nap(2000);
}

SCENARIO(rs_netem, 120, RS,
	 "a network that delays, loses, repeats and reorders, or is slow")
{
	rs_self();
	rs_loads(env.box + 4, link_changes);
	net_plain(LOOPBACK);
	check(load->slowest < 5, "a page took %.1f s", load->slowest);
	check(rs_peer_up("self", 20), "the lender is not used any more");
	zexpect(rs_since("hits") > 20, "only %ld hits", rs_since("hits"));
}

static void peers_change(unsigned int round)
{
	nap(300 + 110 * (round % 4));
	rs_peer_remove("self");
	nap(50 * (round % 3));
	rs_peer_add(&rs_self_peer);
}

SCENARIO(rs_peer_remove, 90, RS,
	 "the folder of the lender is removed, and made again, in mid traffic")
{
	rs_self();
	rs_loads(env.box, peers_change);
	check(rs_peer_up("self", 20), "the lender does not come up again");
	zexpect(rs_since("pushed") > 50, "only %ld pages were pushed",
		rs_since("pushed"));
}

static void memory_is_compacted(unsigned int round)
{
	nap(100);
	/* Something leaves holes. */
	if (round % 4 == 0)
		squeeze(60);
	write_file("/proc/sys/vm/compact_memory", "1");
}

SCENARIO(rs_compact, 90, RS,
	 "memory is compacted again and again, that which is lent as well")
{
	rs_self();
	rs_loads(env.box, memory_is_compacted);
	zexpect(rs_since("lent_migrated") > 50, "only %ld lent pages were moved",
		rs_since("lent_migrated"));
	zexpect(rs_since("hits") > 50, "only %ld hits", rs_since("hits"));
}

/* As far as to the frozen tasks, and back. */
static void machine_sleeps(unsigned int round)
{
	nap(500 + 170 * (round % 4));
	write_file("/sys/power/state", "mem");
}

SCENARIO(rs_suspend, 90, RS,
	 "the machine goes to sleep and wakes up in mid traffic, again and again")
{
	long pushed;

	write_file("/sys/power/pm_test", "freezer");
	write_file("/sys/module/suspend/parameters/pm_test_delay", "1");
	rs_self();
	rs_loads(env.box, machine_sleeps);
	check(rs_peer_up("self", 20), "the lender is not used any more");
	pushed = rs_since("pushed");
	rs_loads(2, wait_round);
	zexpect(rs_since("pushed") > pushed, "nothing is pushed any more");
}

static void memory_is_short(unsigned int round)
{
	nap(300);
	if (round % 2)
		squeeze(85);
}

SCENARIO(rs_pressure, 90, RS,
	 "memory is short on both sides at once: of who borrows and of who lends")
{
	rs_self();
	rs_loads(env.box, memory_is_short);
	check(rs_peer_up("self", 20), "the lender is not used any more");
	zexpect(rs_since("hits") > 50, "only %ld hits", rs_since("hits"));
}

/* ---- Two namespaces ---- */

static void lend_far(void)
{
	rs_lend(RS_FAR);
}

static const struct rs_peer far = {
	.name = "far", .address = RS_FAR, .borrow = true,
};

static const struct rs_peer near = {
	.name = "near", .address = RS_NEAR, .quota = 64,
};

static void cable_breaks(unsigned int round)
{
	(void)round;
	nap(2500);
	net_switch("near", false);
	nap(1500);
	net_switch("near", true);
	rs_peer_up("far", 20);
}

SCENARIO(rs_namespaces, 90, RS,
	 "lender and borrower in two network namespaces; the cable is pulled out")
{
	rs_ready();
	rs_far_begin(lend_far);
	rs_peer_add(&near);
	rs_peer_add(&far);
	check(rs_peer_up("far", 5), "the lender does not come up");
	rs_loads(env.box, cable_breaks);
	net_switch("near", true);
	check(rs_peer_up("far", 20), "the lender is not used any more");
	check(load->slowest < 5, "a page took %.1f s", load->slowest);
	rs_far_end();
	zexpect(rs_since("hits") > 20, "only %ld hits", rs_since("hits"));
}
