// SPDX-License-Identifier: GPL-2.0
/* Everything at once. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"

static struct box box;

static void churner(void *arg)
{
	unsigned long stream = (unsigned long)arg;
	struct region r;
	struct rng rng;

	rng_init(&rng, 200 + stream);
	do {
		if (stream & 1)
			region_map_thp(&r, 50, MIXED);
		else
			region_map(&r, 900, MIXED);
		region_fill(&r);
		region_pageout(&r);
		region_churn(&r, &rng, 700, 40);
		region_pageout(&r);
		region_verify(&r);
		region_unmap(&r);
	} while (box_open(&box));
}

static void forked(void *arg)
{
	struct region *r = arg;
	struct rng rng;

	rng_init(&rng, getpid());
	region_churn(r, &rng, 500, 50);
	region_verify(r);
}

static void forker(void *arg)
{
	struct region r;
	int a, b;

	(void)arg;
	region_map(&r, 400, MIXED);
	do {
		region_fill(&r);
		region_pageout(&r);
		a = spawn(forked, &r);
		b = spawn(forked, &r);
		region_pageout(&r);
		region_verify(&r);
		join(a);
		join(b);
	} while (box_open(&box));
}

/* More than there is: keeps global reclaim going. */
static void hog(void *arg)
{
	struct region r;
	struct rng rng;

	(void)arg;
	rng_init(&rng, 300);
	region_map(&r, mem_available() * 9 / 10, HEAP | TEXT | NOISE);
	region_fill(&r);
	do {
		region_churn(&r, &rng, 200, 20);
	} while (box_open(&box));
	region_verify(&r);
}

/* The knobs, and everything that comes and goes. */
static void disturb(struct rng *rng)
{
	static bool second;
	char percent[8];

	switch (rng_below(rng, 6)) {
	case 0:
		zc_set("enabled", "0");
		break;
	case 1:
		zc_set("enabled", "1");
		break;
	case 2:
		snprintf(percent, sizeof(percent), "%lu",
			 1 + rng_below(rng, 50));
		zc_set("max_pool_percent", percent);
		break;
	case 3:
		if (second)
			swap_off(disk1);
		else
			swap_on(disk1, 7);
		second = !second;
		break;
	case 4:
		try_write("/sys/devices/system/cpu/cpu1/online", "%lu",
			  rng_below(rng, 2));
		break;
	case 5:
		try_write("/proc/sys/vm/compact_memory", "1");
		break;
	}
}

SCENARIO(stress, 600, "",
	 "everything at once: pressure, fork, large folios, devices, CPUs, knobs")
{
	const unsigned long churners = 3;
	struct rng rng;
	unsigned long i;
	int pids[8], n = 0;

	if (exists(THP "hugepages-64kB/enabled"))
		write_file(THP "hugepages-64kB/enabled", "always");
	rng_init(&rng, 0);
	swap_start(disk0);
	swap_make(disk1);
	box = box_start(3 * env.box);
	pids[n++] = spawn(hog, NULL);
	pids[n++] = spawn(forker, NULL);
	for (i = 0; i < churners; i++)
		pids[n++] = spawn(churner, (void *)i);
	while (box_open(&box)) {
		disturb(&rng);
		nap(100);
	}
	zc_set("enabled", "1");
	while (n)
		join(pids[--n]);
	zc_validate();
}
