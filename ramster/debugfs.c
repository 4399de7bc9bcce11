// SPDX-License-Identifier: GPL-2.0-only
/*
 * RAMster in debugfs: one number a file, and a table of peers and one of clients
 *
 * Documented in Documentation/ABI/testing/debugfs-ramster.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>

#include "ramster.h"

static const char * const ramster_counter_files[] = {
	[RAMSTER_PUSHED] = "pushed",
	[RAMSTER_PUSHED_BYTES] = "pushed_bytes",
	[RAMSTER_PUSH_REFUSED] = "push_refused",
	[RAMSTER_PUSH_FAILED] = "push_failed",
	[RAMSTER_LOADS] = "loads",
	[RAMSTER_HITS] = "hits",
	[RAMSTER_PREFETCHED] = "prefetched",
	[RAMSTER_PREFETCH_HITS] = "prefetch_hits",
	[RAMSTER_MISSES] = "misses",
	[RAMSTER_LOAD_FAILED] = "load_failed",
	[RAMSTER_FORGED] = "forged",
	[RAMSTER_FORGOTTEN] = "forgotten",
	[RAMSTER_FORGET_LOST] = "forget_lost",
	[RAMSTER_STRAYS] = "strays",
	[RAMSTER_MIRROR_FAILED] = "mirror_failed",
	[RAMSTER_LENT_STORES] = "lent_stores",
	[RAMSTER_LENT_REFUSED] = "lent_refused",
	[RAMSTER_LENT_LOADS] = "lent_loads",
	[RAMSTER_LENT_HITS] = "lent_hits",
	[RAMSTER_LENT_DROPPED] = "lent_dropped",
	[RAMSTER_LENT_MIGRATED] = "lent_migrated",
	[RAMSTER_LENT_REJECTED] = "lent_rejected",
};

static_assert(ARRAY_SIZE(ramster_counter_files) == RAMSTER_NR_COUNTERS);

static int ramster_counter_get(void *data, u64 *val)
{
	*val = ramster_counted((long)data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(ramster_counter_fops, ramster_counter_get, NULL, "%llu\n");

static int ramster_lent_get(void *data, u64 *val)
{
	*val = ramster_lent_frame_pages();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(ramster_lent_fops, ramster_lent_get, NULL, "%llu\n");

static int ramster_mirrored_get(void *data, u64 *val)
{
	*val = ramster_mirrored_pages();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(ramster_mirrored_fops, ramster_mirrored_get, NULL, "%llu\n");

static int ramster_table_peers_show(struct seq_file *seq, void *unused)
{
	ramster_peers_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ramster_table_peers);

static int ramster_table_clients_show(struct seq_file *seq, void *unused)
{
	ramster_clients_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ramster_table_clients);

/**
 * ramster_debugfs_start() - make the folder
 *
 * Nothing depends on it, so what fails is not reported.
 */
void __init ramster_debugfs_start(void)
{
	struct dentry *dir = debugfs_create_dir("ramster", NULL);
	long i;

	for (i = 0; i < RAMSTER_NR_COUNTERS; i++)
		debugfs_create_file_unsafe(ramster_counter_files[i], 0444, dir,
					   (void *)i, &ramster_counter_fops);
	debugfs_create_file_unsafe("lent_pages", 0444, dir, NULL, &ramster_lent_fops);
	debugfs_create_file_unsafe("mirrored_pages", 0444, dir, NULL,
				   &ramster_mirrored_fops);
	debugfs_create_file("peers", 0444, dir, NULL, &ramster_table_peers_fops);
	debugfs_create_file("clients", 0444, dir, NULL, &ramster_table_clients_fops);
}
