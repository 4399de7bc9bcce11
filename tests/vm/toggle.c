// SPDX-License-Identifier: GPL-2.0
/* Knobs turned under load, and the limits that they set. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>
#include "lib.h"

#define ZSWAP "/sys/module/zswap/parameters/"

struct load {
	struct box box;
	unsigned int stream;
	unsigned int kinds;
	unsigned long pages;
};

static void churn(void *arg)
{
	const struct load *l = arg;
	struct region r;
	struct rng rng;

	rng_init(&rng, l->stream);
	region_map(&r, l->pages, l->kinds);
	region_fill(&r);
	do {
		region_pageout(&r);
		region_churn(&r, &rng, 500, 40);
	} while (box_open(&l->box));
	region_verify(&r);
}

/* Run a load of two processes and fn() beside it until both are done. */
static void under_load(unsigned long pages, unsigned int kinds,
		       void (*fn)(unsigned int round))
{
	struct load load = { .box = box_default(), .kinds = kinds,
			     .pages = pages };
	unsigned int round = 0;
	int pids[2], i;

	for (i = 0; i < 2; i++) {
		load.stream = i;
		pids[i] = spawn(churn, &load);
	}
	while (box_open(&load.box))
		fn(round++);
	for (i = 0; i < 2; i++)
		join(pids[i]);
	say("%u rounds", round);
}

static void switch_zcache(unsigned int round)
{
	zc_set("enabled", round & 1 ? "1" : "0");
	nap(20 + 37 * (round % 5));
}

SCENARIO(toggle, 300, "",
	 "zcache switched off and on while two processes swap")
{
	swap_start(disk0);
	under_load(1500, MIXED, switch_zcache);
	zc_set("enabled", "0");
	zc_expect_state("off");	/* its last pages went with the processes */
	swap_off(disk0);
	zc_empty("after swapoff");
}

static const char *const compressors[] = { "lz4", "zstd", "lzo-rle", "lzo" };

static void switch_compressor(unsigned int round)
{
	/* Refused while pages may be stored, so it never gets there. */
	try_write("/sys/module/zcache/parameters/compressor", "%s",
		  compressors[round % ARRAY_SIZE(compressors)]);
	nap(50);
}

SCENARIO(compressors, 300, "zcache",
	 "each compressor in turn; none changes under the pages it has stored")
{
	struct region r;
	unsigned int i;
	long stores;

	swap_start(disk0);
	region_map(&r, 700, MIXED);
	region_fill(&r);
	for (i = 0; i < ARRAY_SIZE(compressors); i++) {
		region_verify(&r);
		zc_set("enabled", "0");
		zc_expect_state("off");
		zc_set("compressor", compressors[i]);
		zc_set("enabled", "1");
		stores = zc("stores");
		region_pageout(&r);
		zexpect(zc("stores") > stores + 300, "%s stored only %ld pages",
			compressors[i], zc("stores") - stores);
		region_verify(&r);
	}
	region_unmap(&r);
	under_load(700, MIXED, switch_compressor);
}

/* Each wrong value is refused and changes nothing, each right one is taken. */
SCENARIO(knobs, 60, "zcache",
	 "wrong values of knobs are refused, in debugfs and as parameters")
{
	static const char *const places[] = {
		"/sys/module/zcache/parameters/", "/sys/kernel/debug/zcache/",
	};
	static const char *const bad[][2] = {
		{ "enabled", "maybe" }, { "enabled", "" }, { "enabled", "-1" },
		{ "max_pool_percent", "0" }, { "max_pool_percent", "101" },
		{ "max_pool_percent", "-5" }, { "max_pool_percent", "4x" },
		{ "max_pool_percent", "99999999999999999999" },
		{ "compressor", "no-such-compressor" }, { "compressor", "" },
		{ "compressor", "sha256" },
	};
	char path[128], before[64], after[64];
	unsigned int i, p;

	zc_set("enabled", "0");
	for (p = 0; p < ARRAY_SIZE(places); p++) {
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			snprintf(path, sizeof(path), "%s%s", places[p], bad[i][0]);
			try_read(path, before, sizeof(before));
			check(try_write(path, "%s\n", bad[i][1]) < 0,
			      "%s took \"%s\"", path, bad[i][1]);
			try_read(path, after, sizeof(after));
			check(!strcmp(before, after), "%s became %s", path, after);
		}
		snprintf(path, sizeof(path), "%smax_pool_percent", places[p]);
		write_file(path, "17\n");
		check(read_number(path) == 17, "%s is not 17", path);
		snprintf(path, sizeof(path), "%senabled", places[p]);
		write_file(path, "1\n");
		zc_expect_state("on");
		write_file(path, "0\n");
		zc_expect_state("off");
	}
}

static void move_limit(unsigned int round)
{
	char percent[8];

	snprintf(percent, sizeof(percent), "%u", 1 + round * 7 % 5);
	zc_set("max_pool_percent", percent);
	nap(100);
}

SCENARIO(pool_full, 300, "zcache",
	 "the pool is far too small: what does not fit goes to the device")
{
	long before = zc("reject_limit") + zc("writebacks"), limit;
	struct region r;

	zc_set("max_pool_percent", "1");
	swap_start(disk0);
	region_map(&r, 4000, HEAP | TEXT);
	region_fill(&r);
	region_pageout(&r);
	limit = zc_pool("pool_limit_pages");
	check(zc("reject_limit") + zc("writebacks") > before + 300,
	      "the limit kept nothing out");
	check(zc_pool("pool_pages") <= limit, "the pool has %ld pages, its limit is %ld",
	      zc_pool("pool_pages"), limit);
	check(zc("stored_pages") > limit, "a pool of %ld pages holds only %ld",
	      limit, zc("stored_pages"));
	region_verify(&r);
	region_unmap(&r);
	under_load(2500, HEAP | TEXT | NOISE, move_limit);
}

static void switch_cpu(unsigned int round)
{
	write_file("/sys/devices/system/cpu/cpu1/online", "%u", round & 1);
	nap(100);
}

SCENARIO(cpu_hotplug, 300, "smp",
	 "the second CPU goes and comes while two processes swap")
{
	swap_start(disk0);
	under_load(1500, MIXED, switch_cpu);
}

/* Leave holes all over memory, so that there is something to compact. */
static void leave_holes(void)
{
	static char *mem;
	unsigned long i, nr = PAGES(8);

	if (mem)
		munmap(mem, nr * PAGE);
	mem = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		fail_errno("mmap");
	for (i = 0; i < nr; i++)
		mem[i * PAGE] = 1;
	for (i = 0; i < nr; i += 2)
		madvise(mem + i * PAGE, PAGE, MADV_DONTNEED);
}

static void compact(unsigned int round)
{
	if (round % 8 == 0)
		leave_holes();
	write_file("/proc/sys/vm/compact_memory", "1");
	nap(5 + round % 20);
}

SCENARIO(compact, 300, "",
	 "memory is compacted again and again while two processes swap")
{
	long before = zc("pages_migrated"), moved = 0;
	unsigned int tries;

	swap_start(disk0);
	for (tries = 0; tries < 4 && !moved; tries++) {
		under_load(1500, MIXED, compact);
		moved = zc("pages_migrated") - before;
	}
	say("%ld pages of the pool were moved", moved);
	zexpect(moved > 0, "no page of the pool was moved");
	zc_validate();
}

static void switch_both(unsigned int round)
{
	if (round % 3 == 0)
		write_file(ZSWAP "enabled", "%u", round / 3 & 1);
	else
		switch_zcache(round);
	nap(30);
}

SCENARIO(zswap_both, 300, "zswap",
	 "zswap and zcache on at once, each switched off and on under load")
{
	write_file(ZSWAP "enabled", "1");
	swap_start(disk0);
	under_load(1500, MIXED, switch_both);
	/* zswap writes back to the device what zcache may have newer. */
	write_file(ZSWAP "enabled", "1");
	write_file(ZSWAP "max_pool_percent", "1");
	zc_set("enabled", "1");
	under_load(2500, HEAP | TEXT | NOISE, switch_zcache);
}

#define TRACING "/sys/kernel/tracing/"

/* How many lines of the trace hold this. */
static unsigned long traced(const char *event)
{
	unsigned long n = 0;
	char line[512];
	FILE *f = fopen(TRACING "trace", "re");

	if (!f)
		fail_errno(TRACING "trace");
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, event);
	fclose(f);
	return n;
}

SCENARIO(events, 60, "zcache trace",
	 "tracepoints of stores, loads and writeback")
{
	long stores = zc("stores"), hits = zc("hits"), written = zc("writebacks");
	struct box box = box_start(10);
	struct region r;

	if (mount("tracefs", TRACING, "tracefs", 0, NULL) && errno != EBUSY)
		fail_errno("mount tracefs");
	swap_start(disk0);
	region_map(&r, 400, TEXT);
	region_fill(&r);
	write_file(TRACING "trace", "%d", 0);
	write_file(TRACING "events/tmem/enable", "1");
	region_pageout(&r);
	region_verify(&r);
	region_fill(&r);
	region_pageout(&r);
	zc_set("drain", "0");
	while (zc("zpages") && box_open(&box))
		nap(20);
	write_file(TRACING "events/tmem/enable", "0");
	check(traced("zcache_store: ") == (unsigned long)(zc("stores") - stores),
	      "%lu of %ld stores were traced", traced("zcache_store: "),
	      zc("stores") - stores);
	check(traced("zcache_load: ") >= (unsigned long)(zc("hits") - hits),
	      "%lu of %ld hits were traced", traced("zcache_load: "),
	      zc("hits") - hits);
	check(!traced("zcache_writeback: ") == (zc("writebacks") == written),
	      "%ld pages were written back, in %lu traced batches",
	      zc("writebacks") - written, traced("zcache_writeback: "));
	write_file(TRACING "trace", "%d", 0);
	umount(TRACING);
}
