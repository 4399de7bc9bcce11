// SPDX-License-Identifier: GPL-2.0
/* Who pays: what is charged to control groups, and that their limits hold. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib.h"

#define TOP	"vmtest"
#define ONE	TOP "/one"
#define TWO	TOP "/two"

static void groups_make(void)
{
	cgroup_make(TOP);
	cgroup_set(TOP, "cgroup.subtree_control", "+memory");
	cgroup_make(ONE);
	cgroup_make(TWO);
}

static void groups_remove(void)
{
	cgroup_remove(ONE);
	cgroup_remove(TWO);
	cgroup_remove(TOP);
}

/* The group pays for every compressed byte there is, and nobody else does. */
static void pays_for_all(const char *group, const char *when)
{
	long bytes = zc("stored_bytes"), charged = cgroup_charged(group);

	check(charged == bytes, "%s: %ld bytes are charged to %s, %ld are stored",
	      when, charged, group, bytes);
	zcheck(cgroup_event(group, "memory.stat", "zswapped") ==
	       zc("stored_pages") * (long)PAGE,
	       "%s: %ld bytes of %s are out, %ld pages are stored", when,
	       cgroup_event(group, "memory.stat", "zswapped"), group,
	       zc("stored_pages"));
}

/* Are there enough pages for the test to show anything? */
static void much_is_stored(unsigned long pages)
{
	zexpect(zc("stored_pages") > (long)pages, "only %ld pages are stored",
		zc("stored_pages"));
}

/* Stop here until the parent has looked. */
static void let_look(void)
{
	raise(SIGSTOP);
}

static void await_stop(int pid)
{
	int status;

	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		fail("process %d did not get as far as it should", pid);
}

static void go_on(int pid)
{
	kill(pid, SIGCONT);
}

/* ---- Coming and going ---- */

#define LIVES 1500

/* Everything out, half of it back, some of it new, out again. */
static void lives_in_one(void *arg)
{
	struct region r;
	unsigned long i;

	cgroup_enter(ONE);
	region_map(&r, LIVES, MIXED);
	region_fill(&r);
	region_pageout(&r);
	let_look();
	for (i = 0; i < r.nr; i += 2)
		region_verify_page(&r, i);
	let_look();
	for (i = 0; i < r.nr; i += 3)
		region_write(&r, i);
	region_pageout(&r);
	let_look();
	if (arg)
		pause();
	region_verify(&r);
}

static void look_at_life(int pid)
{
	static const char *const when[] = {
		"when all was paged out", "when half was read",
		"when a third was new",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(when); i++) {
		await_stop(pid);
		much_is_stored(LIVES / 4);
		pays_for_all(ONE, when[i]);
		pays_for_all(TOP, when[i]);
		check(!cgroup_charged(TWO), "%s: the wrong group is charged",
		      when[i]);
		go_on(pid);
	}
}

SCENARIO(charge, 180, "memcg zswap",
	 "a group pays for its pages to the byte, until they are read, freed or it is killed")
{
	long out, in, stores, hits;
	int pid;

	swap_start(disk0);
	write_file("/proc/sys/vm/page-cluster", "0");
	groups_make();
	out = cgroup_event(ONE, "memory.stat", "zswpout");
	in = cgroup_event(ONE, "memory.stat", "zswpin");
	stores = zc("stores");
	hits = zc("hits");
	pid = spawn(lives_in_one, NULL);
	look_at_life(pid);
	join(pid);
	pays_for_all(ONE, "after its process has read all and ended");
	check(!cgroup_charged(TOP), "something stays charged after its end");
	zcheck(cgroup_event(ONE, "memory.stat", "zswpout") - out ==
	       zc("stores") - stores, "not all stores are in memory.stat");
	zcheck(cgroup_event(ONE, "memory.stat", "zswpin") - in ==
	       zc("hits") - hits, "not all loads are in memory.stat");

	pid = spawn(lives_in_one, "wait");
	look_at_life(pid);
	much_is_stored(LIVES / 4);
	kill(pid, SIGKILL);
	join_status(pid);
	zc_none_stored("after its process was killed");
	pays_for_all(ONE, "after its process was killed");
	check(!cgroup_charged(TOP), "something stays charged after the kill");
	groups_remove();
}

/* ---- Groups that are removed ---- */

#define FILE_PAGES 1024
#define NODE 64	/* entries in a node of the page cache's tree */
#define SEED 815

static void file_page(int fd, unsigned long nr, bool verify)
{
	unsigned char page[PAGE] __attribute__((aligned(PAGE)));

	page_make(page, SEED, nr, 1, HEAP | TEXT | SAME);
	if (!verify) {
		if (pwrite(fd, page, PAGE, nr * PAGE) != (ssize_t)PAGE)
			fail_errno("write to tmpfs");
		return;
	}
	if (pread(fd, page, PAGE, nr * PAGE) != (ssize_t)PAGE)
		fail_errno("read from tmpfs");
	verify_bytes(page, SEED, nr, 1, HEAP | TEXT | SAME);
}

/*
 * Pages that outlive their process: those of a file on tmpfs. But for the first
 * of each node of the tree, or the nodes were charged to the group as well: then
 * they alone would keep its obj_cgroup.
 */
static void file_of_one(void *arg)
{
	int fd = *(int *)arg;
	unsigned long i;
	void *map;

	cgroup_enter(ONE);
	for (i = 0; i < FILE_PAGES; i++)
		if (i % NODE)
			file_page(fd, i, false);
	map = mmap(NULL, FILE_PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail_errno("map a file on tmpfs");
	for (i = 0; i < FILE_PAGES; i++)
		*(volatile unsigned char *)(map + i * PAGE);
	for (i = 0; i < FILE_PAGES; i += NODE)
		pageout(map + (i + 1) * PAGE, NODE - 1);
}

static void some_in_two(void *arg)
{
	struct region r;

	(void)arg;
	cgroup_enter(TWO);
	region_map(&r, 200, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	let_look();
	region_verify(&r);
}

SCENARIO(charge_removed, 180, "memcg zswap",
	 "the pages of a group that is removed are the parent's, and go from there")
{
	unsigned long i;
	int fd, pid;
	long file;

	swap_start(disk0);
	write_file("/proc/sys/vm/page-cluster", "0");
	groups_make();
	mkdir(TEST_TMPFS, 0755);
	if (mount("tmpfs", TEST_TMPFS, "tmpfs", 0, "size=16M"))
		fail_errno("mount tmpfs");
	fd = open(TEST_TMPFS "/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, FILE_PAGES * PAGE))
		fail_errno("a file on tmpfs");
	for (i = 0; i < FILE_PAGES; i += NODE)
		file_page(fd, i, false);
	join(spawn(file_of_one, &fd));
	much_is_stored(FILE_PAGES / 2);
	pays_for_all(ONE, "before it is removed");

	cgroup_remove(ONE);
	pays_for_all(TOP, "after its child was removed");
	/* Whoever takes over a number of the old one must not pay for it. */
	cgroup_make(ONE);
	check(!cgroup_charged(ONE), "a new group pays for the old one");
	file = zc("stored_bytes");
	pid = spawn(some_in_two, NULL);
	await_stop(pid);
	pays_for_all(TOP, "with another child");
	check(cgroup_charged(TWO) == zc("stored_bytes") - file,
	      "a child pays for what its parent has inherited");
	go_on(pid);
	join(pid);
	/* Now nothing else holds the old group's obj_cgroup: let it go. */
	nap(500);

	for (i = 0; i < FILE_PAGES; i += 2)
		file_page(fd, i, true);
	much_is_stored(FILE_PAGES / 4);
	pays_for_all(TOP, "after half was read by others");
	groups_remove();
	much_is_stored(FILE_PAGES / 4);
	zc_validate();
	for (i = 1; i < FILE_PAGES / 2; i += 2)
		file_page(fd, i, true);
	close(fd);
	if (umount(TEST_TMPFS))
		fail_errno("umount tmpfs");
	zc_none_stored("after umount");
}

/* ---- Limits ---- */

struct share {
	const char *group;
	unsigned long nr;
	unsigned int kinds;
};

/* Out, looked at, and back. */
static void out_and_back(void *arg)
{
	struct share *s = arg;
	struct region r;

	cgroup_enter(s->group);
	region_map(&r, s->nr, s->kinds);
	region_fill(&r);
	region_pageout(&r);
	let_look();
	region_verify(&r);
}

static void forbidden(const char *forbids)
{
	long stores = zc("stores"), rejects = zc("reject_cgroup");
	struct share s = { ONE, 400, HEAP | TEXT | SAME };
	long written = vmstat("pswpout");
	int pid;

	cgroup_set(forbids, "memory.zswap.max", "0");
	pid = spawn(out_and_back, &s);
	await_stop(pid);
	check(!zc("stored_pages"), "%s forbids it, %ld pages are stored",
	      forbids, zc("stored_pages"));
	check(zc("stores") == stores, "%s forbids it, pages were stored",
	      forbids);
	check(!cgroup_charged(ONE), "%ld bytes are charged for nothing",
	      cgroup_charged(ONE));
	zcheck(zc("reject_cgroup") > rejects + 300,
	       "only %ld refusals are counted",
	       zc("reject_cgroup") - rejects);
	check(vmstat("pswpout") > written + 300, "the device got too little");
	go_on(pid);
	join(pid);
	cgroup_set(forbids, "memory.zswap.max", "max");
}

SCENARIO(charge_forbidden, 120, "memcg zswap",
	 "a group with memory.zswap.max=0, or below one, stores nothing")
{
	struct share s = { TWO, 400, HEAP | TEXT | SAME };
	int pid;

	swap_start(disk0);
	groups_make();
	forbidden(ONE);
	forbidden(TOP);
	cgroup_set(ONE, "memory.zswap.max", "0");
	pid = spawn(out_and_back, &s);
	await_stop(pid);
	much_is_stored(300);
	pays_for_all(TWO, "which has no limit");
	go_on(pid);
	join(pid);
	groups_remove();
}

#define LIMIT (256 * 1024L)

/* Whatever is stored, it is not more than this, but for the last page. */
static void limited(const char *group)
{
	struct share s = { ONE, 1500, HEAP | TEXT };
	long rejects = zc("reject_cgroup");
	int pid;

	cgroup_set(group, "memory.zswap.max", "256K");
	pid = spawn(out_and_back, &s);
	await_stop(pid);
	check(cgroup_charged(group) < LIMIT + (long)PAGE,
	      "%ld bytes are charged to %s", cgroup_charged(group), group);
	zcheck(cgroup_charged(group) > LIMIT / 2,
	       "only %ld bytes are charged to %s", cgroup_charged(group),
	       group);
	pays_for_all(ONE, "at its limit");
	zcheck(zc("reject_cgroup") > rejects, "nothing was refused");
	go_on(pid);
	join(pid);
	cgroup_set(group, "memory.zswap.max", "max");
}

SCENARIO(charge_limit, 120, "memcg zswap",
	 "memory.zswap.max of a group and of its parent is kept")
{
	swap_start(disk0);
	groups_make();
	limited(ONE);
	limited(TOP);
	groups_remove();
}

/* Nothing may be written; then, when it may, the rest is. */
static void kept_from_device(void *arg)
{
	long written = vmstat("pswpout");
	struct region r;

	(void)arg;
	cgroup_enter(ONE);
	region_map(&r, 600, HEAP | TEXT);
	region_fill(&r);
	cgroup_set(ONE, "memory.zswap.writeback", "0");
	region_pageout(&r);
	zcheck(vmstat("pswpout") == written,
	       "%ld pages were written, which is forbidden",
	       vmstat("pswpout") - written);
	much_is_stored(100);
	/* Not while nothing can be stored: as if there were no zswap. */
	zc_set("enabled", "0");
	region_verify(&r);
	region_pageout(&r);
	zcheck(vmstat("pswpout") > written + 100,
	       "nothing was written although zcache is off");
	zc_set("enabled", "1");
	region_verify(&r);

	cgroup_set(ONE, "memory.zswap.writeback", "1");
	written = vmstat("pswpout");
	region_fill(&r);
	region_pageout(&r);
	check(vmstat("pswpout") > written + 100, "nothing was written");
	region_verify(&r);
}

SCENARIO(charge_no_writeback, 120, "memcg zswap",
	 "with memory.zswap.writeback=0 what zcache refuses does not go to the device")
{
	swap_start(disk0);
	groups_make();
	cgroup_set(ONE, "memory.zswap.max", "256K");
	join(spawn(kept_from_device, NULL));
	groups_remove();
}

/* ---- All of it at once ---- */

static void mixes(void *arg)
{
	const char *group = arg;
	unsigned int round;
	struct region r;
	struct rng rng;

	rng_init(&rng, group[sizeof(TOP)]);
	cgroup_enter(group);
	if (env.thp)
		region_map_thp(&r, 64, MIXED);
	else
		region_map(&r, 1024, MIXED);
	region_fill(&r);
	for (round = 0; round < 4; round++) {
		struct box box = box_start(env.box / 2.0);

		do {
			region_churn(&r, &rng, 300, 40);
			region_pageout(&r);
		} while (box_open(&box));
		let_look();
	}
	region_verify(&r);
}

static void fail_some_stores(const char *probability)
{
	static const char *const knobs[][2] = {
		{ "verbose", "0" }, { "interval", "1" }, { "times", "-1" },
	};
	char path[96];
	unsigned int i;

#define ATTR "/sys/kernel/debug/zcache/fail_store/"
	if (!exists(ATTR "probability"))
		return;
	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), ATTR "%s", knobs[i][0]);
		write_file(path, "%s", knobs[i][1]);
	}
	write_file(ATTR "probability", "%s", probability);
}

SCENARIO(charge_mix, 240, "memcg zswap",
	 "two groups store, load and are refused at once; the sum is right")
{
	static const char *const groups[] = { ONE, TWO };
	unsigned int round, i;
	int pid[2];

	swap_start(disk0);
	groups_make();
	cgroup_set(ONE, "memory.max", "6M");
	cgroup_set(TWO, "memory.zswap.max", "600K");
	fail_some_stores("10");
	for (i = 0; i < 2; i++)
		pid[i] = spawn(mixes, (void *)groups[i]);
	for (round = 0; round < 4; round++) {
		await_stop(pid[0]);
		await_stop(pid[1]);
		zexpect(cgroup_charged(ONE) && cgroup_charged(TWO),
			"nothing is charged");
		pays_for_all(TOP, "while both wait");
		check(cgroup_charged(ONE) + cgroup_charged(TWO) ==
		      cgroup_charged(TOP), "the sum is wrong");
		zc_validate();
		go_on(pid[0]);
		go_on(pid[1]);
	}
	fail_some_stores("0");
	join(pid[0]);
	join(pid[1]);
	check(!cgroup_charged(TOP), "%ld bytes stay charged",
	      cgroup_charged(TOP));
	groups_remove();
}
