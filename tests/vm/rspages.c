// SPDX-License-Identifier: GPL-2.0
/* RAMster: pages leave for a lender, come back, and are forgotten. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "ramster.h"

#define SET	(6 * RS_POOL)
/* Pages that are no neighbours to readahead. */
#define APART	32UL

SCENARIO(rs_swap, 60, RS,
	 "more swap pages than the pool may hold come back from the lender")
{
	struct region r;
	struct rng rng;

	rng_init(&rng, 40);
	rs_self();
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, SET, HEAP | TEXT);
	region_fill(&r);
	rs_pageout(&r);
	zexpect(rs_wait("pushed", RS_POOL, 10) >= (long)RS_POOL,
		"only %ld pages were pushed", rs_since("pushed"));
	region_verify(&r);
	rs_report();
	zexpect(rs_since("hits") > (long)RS_POOL / 2, "only %ld of %ld loads were hits",
		rs_since("hits"), rs_since("loads"));
	region_churn(&r, &rng, 3000, 40);
	rs_pageout(&r);
	region_verify(&r);
	rs_never_forged();
	region_unmap(&r);
	zc_none_stored("after their end");
}

SCENARIO(rs_file, 60, RS,
	 "more file pages than the pool may hold come back from the lender")
{
	const struct fs *fs;
	struct file f;

	rs_self();
	fs = fs_start("ext4");
	rs_pool(RS_POOL);
	file_create_large(&f, fs, "large", SET, HEAP | TEXT);
	file_verify(&f, READ);
	rs_evict(&f);
	zexpect(rs_wait("pushed", RS_POOL, 10) >= (long)RS_POOL,
		"only %ld pages were pushed", rs_since("pushed"));
	file_verify(&f, READ);
	rs_report();
	zexpect(rs_since("hits") > (long)RS_POOL / 2, "only %ld of %ld loads were hits",
		rs_since("hits"), rs_since("loads"));
	rs_evict(&f);
	file_verify(&f, MMAP);
	rs_never_forged();
	file_delete(&f);
	fs_umount(fs);
	zc_empty("after umount");
}

SCENARIO(rs_ipv6, 60, RS,
	 "the same over IPv6")
{
	static const struct rs_peer six = {
		.name = "six", .address = "::1", .quota = 64, .borrow = true,
	};
	struct region r;

	rs_ready();
	rs_lend("[::1]");
	rs_peer_add(&six);
	check(rs_peer_up("six", 5), "the lender does not come up");
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, SET, TEXT);
	region_fill(&r);
	rs_pageout(&r);
	region_verify(&r);
	rs_report();
	zexpect(rs_since("hits") > 100, "only %ld hits", rs_since("hits"));
	rs_never_forged();
}

/* Both are this machine; what it has of one it has of the other as well. */
SCENARIO(rs_two_lenders, 60, RS,
	 "pages are spread over two lenders; one of them is removed")
{
	static const struct rs_peer other = {
		.name = "other", .address = "127.0.0.2", .borrow = true,
	};
	struct region r;
	char stats[512];
	long hits;

	rs_ready();
	rs_lend(RS_HERE " 127.0.0.2");
	rs_peer_add(&rs_self_peer);
	rs_peer_add(&other);
	check(rs_peer_up("self", 5) && rs_peer_up("other", 5),
	      "the lenders do not come up");
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, SET, TEXT);
	region_fill(&r);
	rs_pageout(&r);
	zexpect(rs_wait("pushed", RS_POOL, 10) >= (long)RS_POOL,
		"only %ld pages were pushed", rs_since("pushed"));
	try_read(rs_path("self", "stats"), stats, sizeof(stats));
	say("%s", stats);
	try_read(rs_path("other", "stats"), stats, sizeof(stats));
	say("%s", stats);
	rs_peer_remove("other");
	hits = rs_since("hits");
	region_verify(&r);
	rs_report();
	hits = rs_since("hits") - hits;
	zexpect(hits > 100 && hits < rs_since("pushed") - 100,
		"%ld of %ld pages came back from the other one", hits,
		rs_since("pushed"));
	rs_never_forged();
}

SCENARIO(rs_prefetch, 60, RS,
	 "neighbours come with a page that is read ahead, and with no other")
{
	unsigned long i;
	struct region r;
	long alone;

	rs_self();
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, SET, TEXT);
	region_fill(&r);
	rs_pageout(&r);
	rs_wait("pushed", SET / 2, 10);
	/* Readahead gives up after the first few. */
	for (i = 0; i < SET; i += APART)
		region_verify_page(&r, i);
	alone = rs_since("prefetched");
	zexpect(rs_since("hits") > (long)(SET / APART / 2) && alone < (long)(SET / APART),
		"%ld pages came with %ld that nobody reads ahead", alone, rs_since("hits"));
	region_verify(&r);
	rs_report();
	zexpect(rs_since("prefetch_hits") > 100,
		"only %ld pages came with others and were wanted",
		rs_since("prefetch_hits"));
	rs_never_forged();
}

/* ---- Pages that change while the lender has a copy ---- */

/* Random pages get new content, are freed, or are only read. */
static void change_region(struct region *r, struct rng *rng)
{
	unsigned long i, nr;

	for (i = 0; i < r->nr / 2; i++) {
		nr = rng_below(rng, r->nr);
		if (rng_below(rng, 4) == 0)
			region_verify_page(r, nr);
		else
			region_write(r, nr);
	}
}

SCENARIO(rs_rewrite_swap, 90, RS,
	 "slots are freed and used again while the lender has what they held")
{
	struct box box = box_default();
	struct region r;
	struct rng rng;

	rng_init(&rng, 41);
	rs_self();
	swap_start(disk0);
	rs_pool(RS_POOL / 2);
	region_map(&r, 3 * RS_POOL, HEAP | TEXT);
	region_fill(&r);
	do {
		rs_pageout(&r);
		change_region(&r, &rng);
	} while (box_open(&box));
	region_verify(&r);
	rs_report();
	rs_never_forged();
	zexpect(rs_since("pushed") > 500, "only %ld pages were pushed",
		rs_since("pushed"));
	zexpect(rs_since("forgotten") > 100, "only %ld pages were forgotten",
		rs_since("forgotten"));
	region_unmap(&r);
	zc_none_stored("after their end");
}

static void change_file(struct file *f, struct rng *rng)
{
	unsigned long at = rng_below(rng, f->max - 64) * PAGE;
	const int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	switch (rng_below(rng, 6)) {
	case 0:
		file_truncate(f, at + rng_below(rng, PAGE));
		break;
	case 1:
		file_fallocate(f, hole, at, rng_below(rng, 40 * PAGE) + 1);
		break;
	case 2:
		file_write(f, at, (1 + rng_below(rng, 16)) * PAGE, DIRECT);
		break;
	default:
		file_write(f, at + rng_below(rng, PAGE),
			   1 + rng_below(rng, 16 * PAGE), READ);
	}
}

SCENARIO(rs_rewrite_file, 90, RS,
	 "a file is written, cut and punched while the lender has its pages")
{
	struct box box = box_default();
	const struct fs *fs;
	struct file f;
	struct rng rng;
	unsigned int i;

	rng_init(&rng, 42);
	rs_self();
	fs = fs_start("ext4");
	rs_pool(RS_POOL / 4);
	file_create(&f, fs, "changes", 3 * RS_POOL, HEAP | TEXT);
	do {
		if (file_pages(&f) < f.max / 2)
			file_fill(&f, f.max - 64);
		rs_evict(&f);
		for (i = 0; i < 20; i++)
			change_file(&f, &rng);
		file_verify(&f, rng_below(&rng, 2) ? READ : MMAP);
	} while (box_open(&box));
	rs_evict(&f);
	file_verify_all(&f);
	rs_report();
	rs_never_forged();
	zexpect(rs_since("pushed") > 500, "only %ld pages were pushed",
		rs_since("pushed"));
	file_delete(&f);
	fs_umount(fs);
}

SCENARIO(rs_read_back, 60, RS,
	 "pages of a file come back and are changed: the lender has none of them any more")
{
	unsigned long at, cached;
	const struct fs *fs;
	struct file f;

	rs_self();
	fs = fs_start("ext4");
	rs_pool(RS_POOL / 4);
	file_create(&f, fs, "back", 3 * RS_POOL, HEAP | TEXT);
	file_fill(&f, f.max);
	rs_evict(&f);
	file_verify(&f, READ);
	rs_report();
	zexpect(rs_since("hits") > 100, "only %ld hits", rs_since("hits"));
	for (at = 0; at < f.max * PAGE; at += 10 * PAGE)
		file_write(&f, at, 10 * PAGE, READ);
	file_sync(&f);
	/* For the limit of a group: nothing is stored in place of what there is. */
	try_write(cgroup_path("scenario", "memory.reclaim"), "64M");
	cached = file_cached(&f, 0, f.max);
	zexpect(cached < f.max / 2, "%lu pages are still cached", cached);
	file_verify(&f, READ);
	rs_never_forged();
	file_delete(&f);
	fs_umount(fs);
}

SCENARIO(rs_crypt, 60, RS,
	 "pages of an encrypted file never leave, those of another one do")
{
	long stores = zc_file("stores");
	const struct fs *fs;
	struct file f;

	rs_self();
	fs = fs_start("ext4");
	rs_pool(RS_POOL / 4);
	fs_encrypt(fs);
	file_create_large(&f, fs, LOCKED_DIR "/file", 3 * RS_POOL, HEAP | TEXT);
	rs_evict(&f);
	nap(500);
	stores = zc_file("stores") - stores;
	zexpect(stores > (long)RS_POOL, "only %ld pages were stored", stores);
	check(!rs_since("pushed"), "%ld pages were pushed", rs_since("pushed"));
	file_verify(&f, READ);
	file_delete(&f);
	file_create_large(&f, fs, "file", 3 * RS_POOL, HEAP | TEXT);
	rs_evict(&f);
	zexpect(rs_wait("pushed", 100, 10) >= 100, "only %ld pages were pushed",
		rs_since("pushed"));
	file_verify(&f, READ);
	file_delete(&f);
	rmdir(fs_path(fs, LOCKED_DIR));
	fs_umount(fs);
}

/* ---- The ends of things ---- */

SCENARIO(rs_quota, 60, RS,
	 "the lender has lent all that it may: the rest stays or goes to the disk")
{
	static const struct rs_peer stingy = {
		.name = "self", .address = RS_HERE, .quota = 1, .borrow = true,
	};
	struct region r;

	rs_ready();
	rs_lend(RS_HERE);
	rs_peer_add(&stingy);
	check(rs_peer_up("self", 5), "the lender does not come up");
	swap_start(disk0);
	rs_pool(RS_POOL);
	region_map(&r, SET, TEXT);
	region_fill(&r);
	rs_pageout(&r);
	rs_wait("pushed", 200, 10);
	nap(500);
	rs_report();
	zexpect(rs_since("pushed") > 200, "only %ld pages were pushed",
		rs_since("pushed"));
	check(rs_now("lent_pages") < (long)PAGES(1) * 3 / 2,
	      "%ld pages are lent for 1 MiB", rs_now("lent_pages"));
	region_verify(&r);
	rs_never_forged();
}

/* Takes more and more until the lender gives some; at worst it is killed for that. */
static void press(void *arg)
{
	unsigned int i;

	(void)arg;
	try_write("/proc/self/oom_score_adj", "1000");
	for (i = 0; i < 200 && rs_since("lent_dropped") < 100; i++)
		hold_memory(mem_available() / 8 + 64);
	say("%lu pages were available in the end", mem_available());
}

SCENARIO(rs_drop, 60, RS,
	 "the lender drops pages because its memory is wanted")
{
	struct region r;

	rs_self();
	swap_start(disk0);
	rs_pool(RS_POOL / 2);
	region_map(&r, 8 * RS_POOL, HEAP | TEXT);
	region_fill(&r);
	rs_pageout(&r);
	zexpect(rs_wait("pushed", 2 * RS_POOL, 10) >= 2 * (long)RS_POOL,
		"only %ld pages were pushed", rs_since("pushed"));
	join_status(spawn(press, NULL));
	rs_report();
	zexpect(rs_since("lent_dropped") > 0, "nothing was dropped");
	region_verify(&r);
	rs_report();
	rs_never_forged();
	check(rs_peer_up("self", 5), "the lender is not used any more");
}

SCENARIO(rs_swapoff, 60, RS,
	 "swapoff while most of the pages are at the lender")
{
	struct region r;

	rs_self();
	swap_start(disk0);
	rs_pool(RS_POOL / 2);
	region_map(&r, 4 * RS_POOL, HEAP | TEXT);
	region_fill(&r);
	rs_pageout(&r);
	zexpect(rs_wait("pushed", RS_POOL, 10) >= (long)RS_POOL,
		"only %ld pages were pushed", rs_since("pushed"));
	swap_off(disk0);
	zc_empty("after swapoff");
	region_verify(&r);
	rs_report();
	rs_never_forged();
}

SCENARIO(rs_umount, 60, RS,
	 "umount while most of the pages are at the lender, which forgets them")
{
	const struct fs *fs;
	struct file f;
	double start;
	long pushed;

	rs_self();
	fs = fs_start("ext4");
	rs_pool(RS_POOL / 2);
	file_create_large(&f, fs, "large", 4 * RS_POOL, HEAP | TEXT);
	rs_evict(&f);
	pushed = rs_wait("pushed", RS_POOL, 10);
	zexpect(pushed >= (long)RS_POOL, "only %ld pages were pushed", pushed);
	file_close(&f);
	start = now();
	fs_remount(fs);
	say("umount took %.1f s", now() - start);
	rs_wait("forgotten", pushed / 2, 5);
	rs_report();
	check(rs_since("forgotten") + rs_since("forget_lost") >= pushed / 2,
	      "only %ld of %ld pages were forgotten", rs_since("forgotten"),
	      pushed);
	file_open(&f);
	file_verify(&f, READ);
	rs_never_forged();
	file_delete(&f);
	fs_umount(fs);
}

static void wait_to_be_killed(void *arg)
{
	struct region *r = arg;

	region_verify(r);
	nap(60000);
}

SCENARIO(rs_killed, 60, RS,
	 "a process is killed while it waits for the network: it ends at once")
{
	static const struct link dead = { .loss_percent = 100 };
	static const struct rs_peer patient = {
		.name = "self", .address = RS_HERE,
	};
	struct region r;
	double start;
	unsigned int i;
	int pid;

	rs_ready();
	rs_lend(RS_HERE);
	rs_peer_add(&patient);
	write_file(rs_path("self", "hard_ms"), "20000");
	write_file(rs_path("self", "soft_ms"), "10000");
	write_file(rs_path("self", "quota"), "64");
	write_file(rs_path("self", "borrow"), "1");
	check(rs_peer_up("self", 5), "the lender does not come up");
	swap_start(disk0);
	rs_pool(RS_POOL / 2);
	region_map(&r, 4 * RS_POOL, HEAP | TEXT);
	region_fill(&r);
	rs_pageout(&r);
	zexpect(rs_wait("pushed", RS_POOL, 10) >= (long)RS_POOL,
		"only %ld pages were pushed", rs_since("pushed"));
	net_emulate(LOOPBACK, &dead);
	for (i = 0; i < 10; i++) {
		pid = spawn(wait_to_be_killed, &r);
		nap(20 + 10 * i);
		start = now();
		kill(pid, SIGKILL);
		join_status(pid);
		check(now() - start < 0.5, "it took %.1f s to end", now() - start);
	}
	net_plain(LOOPBACK);
	region_verify(&r);
	rs_report();
	rs_never_forged();
}
