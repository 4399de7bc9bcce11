// SPDX-License-Identifier: GPL-2.0-only
/*
 * RAMster: cold compressed pages in other machines' memory
 *
 *	zcache-main.c --> borrower.c --> peer.c -----> lender.c --> store.c
 *	cold.c -----------^   |           (SunRPC, proto.c)
 *	                      '--> seal.c
 *
 * Nothing starts unless it is asked for on the boot line.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/minmax.h>
#include <linux/printk.h>

#define CREATE_TRACE_POINTS
#include <trace/events/ramster.h>

#include "ramster.h"

DEFINE_PER_CPU(struct ramster_counters, ramster_counters);

static bool ramster_wanted;

/**
 * ramster_counted() - sum a counter up
 * @counter: which
 *
 * Context: Any.
 * Return: the sum of all CPUs, out of date at once.
 */
u64 ramster_counted(enum ramster_counter counter)
{
	unsigned int cpu;
	long sum = 0;

	for_each_possible_cpu(cpu)
		sum += per_cpu(ramster_counters, cpu).n[counter];
	return max(sum, 0L);
}

static int __init ramster_set(char *arg)
{
	bool wanted = true;

	if (*arg && (*arg != '=' || kstrtobool(arg + 1, &wanted))) {
		pr_err("ramster%s: allowed are ramster, ramster=1 and ramster=0\n", arg);
		return 1;
	}
	ramster_wanted = wanted;
	return 1;
}
__setup("ramster", ramster_set);

static int __init ramster_init(void)
{
	int err;

	if (!ramster_wanted)
		return 0;
	err = ramster_seal_start();
	if (!err)
		err = ramster_borrower_start();
	if (!err)
		err = ramster_cold_start();
	if (!err)
		err = ramster_config_start();
	if (err) {
		pr_err("cannot start: error %d\n", err);
		return err;
	}
	ramster_debugfs_start();
	return 0;
}
late_initcall(ramster_init);
