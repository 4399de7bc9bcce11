// SPDX-License-Identifier: GPL-2.0
/* Memory control groups: limits, memory.reclaim, OOM kill. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib.h"

#define GROUP "vmtest"

/* Works in the group until it is killed for using too much. */
static void greedy(void *arg)
{
	struct region r;
	unsigned long i;

	(void)arg;
	cgroup_enter(GROUP);
	region_map(&r, PAGES(64), MIXED);
	for (i = 0; i < r.nr; i++) {
		region_write(&r, i);
		if (i % 7 == 0)
			region_verify_page(&r, i / 7);
	}
}

static void modest(void *arg)
{
	struct box box = box_default();
	struct region r;
	struct rng rng;

	(void)arg;
	rng_init(&rng, 8);
	region_map(&r, 1000, MIXED);
	region_fill(&r);
	do {
		region_pageout(&r);
		region_churn(&r, &rng, 300, 30);
	} while (box_open(&box));
	region_verify(&r);
}

SCENARIO(oom_kill, 180, "memcg",
	 "a process killed for its group's limits leaves nothing stored")
{
	unsigned int round;
	int status, other;

	swap_start(disk0);
	cgroup_make(GROUP);
	cgroup_set(GROUP, "memory.max", "12M");
	cgroup_set(GROUP, "memory.swap.max", "16M");
	for (round = 0; round < 2; round++) {
		status = join_status(spawn(greedy, NULL));
		check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		      "the process was not killed: status %x", status);
		zc_none_stored("after the OOM kill");
	}
	check(cgroup_event(GROUP, "memory.events", "oom_kill") >= 2,
	      "it was killed, but not for lack of memory");
	/* And beside one that behaves. */
	other = spawn(modest, NULL);
	status = join_status(spawn(greedy, NULL));
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "the process was not killed: status %x", status);
	join(other);
	cgroup_remove(GROUP);
}

static void in_group(void *arg)
{
	struct region *r = arg;
	struct rng rng;
	unsigned int i;

	rng_init(&rng, 10);
	cgroup_enter(GROUP);
	region_map(r, 2048, MIXED);
	region_fill(r);
	for (i = 0; i < 6; i++) {
		try_write(cgroup_path(GROUP, "memory.reclaim"), "6M");
		region_churn(r, &rng, 500, 30);
	}
	region_verify(r);
}

SCENARIO(reclaim_knob, 120, "memcg",
	 "memory.reclaim pushes out a group's pages")
{
	long stores = zc("stores");
	struct region r;

	swap_start(disk0);
	cgroup_make(GROUP);
	join(spawn(in_group, &r));
	zexpect(zc("stores") > stores + 1000, "hardly anything was stored");
	zc_none_stored("after its end");
	cgroup_remove(GROUP);
}

/* Held at its limit all the time: every access reclaims. */
static void limited(void *arg)
{
	struct box box = box_default();
	struct region r;
	struct rng rng;

	rng_init(&rng, (unsigned long)arg);
	cgroup_enter(GROUP);
	region_map(&r, 2048, MIXED);
	region_fill(&r);
	do {
		region_churn(&r, &rng, 300, 50);
	} while (box_open(&box));
	region_verify(&r);
}

SCENARIO(group_limit, 180, "memcg",
	 "two processes in a group that has room for a third of them")
{
	int a, b;

	swap_start(disk0);
	cgroup_make(GROUP);
	cgroup_set(GROUP, "memory.max", "5M");
	a = spawn(limited, (void *)1);
	b = spawn(limited, (void *)2);
	join(a);
	join(b);
	zc_none_stored("after their end");
	cgroup_remove(GROUP);
}
