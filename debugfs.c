// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcache in debugfs: one number a file, and the knobs beside them
 *
 *	zcache/		the pool, knobs
 *	cleancache/	file pages
 *	frontswap/	swap pages
 *
 * Documented in Documentation/ABI/testing/debugfs-zcache.
 */
#include <linux/cleancache.h>
#include <linux/debugfs.h>
#include <linux/frontswap.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/zcache.h>

#include "zcache.h"

#define ZCACHE_OF(type)		BIT(TMEM_##type)
#define ZCACHE_OF_BOTH		(ZCACHE_OF(EPHEMERAL) | ZCACHE_OF(PERSISTENT))

/* What a file is about: its place in one of the tables, and the kind of pages. */
#define ZCACHE_FILE(nr, type)	((void *)(((long)(nr) << 1) | (type)))
#define ZCACHE_FILE_NR(data)	((long)(data) >> 1)
#define ZCACHE_FILE_TYPE(data)	((long)(data) & 1)

static_assert(TMEM_NR_TYPES == 2);

static const struct {
	const char *name;
	unsigned int types;
} zcache_counter_files[] = {
	[ZCACHE_STORES] = { "stores", ZCACHE_OF_BOTH },
	[ZCACHE_LOADS] = { "loads", ZCACHE_OF_BOTH },
	[ZCACHE_HITS] = { "hits", ZCACHE_OF_BOTH },
	[ZCACHE_MISSES] = { "misses", ZCACHE_OF_BOTH },
	[ZCACHE_INVALIDATES] = { "invalidates", ZCACHE_OF_BOTH },
	[ZCACHE_EVICTIONS] = { "evictions", ZCACHE_OF(EPHEMERAL) },
	[ZCACHE_WRITEBACKS] = { "writebacks", ZCACHE_OF(PERSISTENT) },
	[ZCACHE_WRITEBACK_SKIPS] = { "writeback_skips",
				     ZCACHE_OF(PERSISTENT) },
	[ZCACHE_WRITEBACK_ERRORS] = { "writeback_errors",
				      ZCACHE_OF(PERSISTENT) },
	[ZCACHE_PAGES_MIGRATED] = { "pages_migrated", ZCACHE_OF_BOTH },
	[ZCACHE_SAME_FILLED_PAGES] = { "same_filled_pages",
				       ZCACHE_OF(PERSISTENT) },
	[ZCACHE_REMOTE_PAGES] = { "remote_pages", ZCACHE_OF_BOTH },
	[ZCACHE_REJECT_ADMISSION] = { "reject_admission",
				      ZCACHE_OF(EPHEMERAL) },
	[ZCACHE_REJECT_FAST_DEVICE] = { "reject_fast_device", ZCACHE_OF_BOTH },
	[ZCACHE_REJECT_SAMPLE] = { "reject_sample", ZCACHE_OF(PERSISTENT) },
	[ZCACHE_REJECT_NO_POOL] = { "reject_no_pool", ZCACHE_OF(PERSISTENT) },
	[ZCACHE_REJECT_CGROUP] = { "reject_cgroup", ZCACHE_OF(PERSISTENT) },
	[ZCACHE_REJECT_COMPRESS_POOR] = { "reject_compress_poor",
					  ZCACHE_OF_BOTH },
	[ZCACHE_REJECT_COMPRESS_FAIL] = { "reject_compress_fail",
					  ZCACHE_OF_BOTH },
	[ZCACHE_REJECT_LIMIT] = { "reject_limit", ZCACHE_OF_BOTH },
	[ZCACHE_REJECT_FRAME] = { "reject_frame", ZCACHE_OF_BOTH },
	[ZCACHE_REJECT_NODE] = { "reject_node", ZCACHE_OF_BOTH },
	[ZCACHE_REJECT_INJECTED] = { "reject_injected", ZCACHE_OF_BOTH },
	[ZCACHE_LOAD_CORRUPT] = { "load_corrupt", ZCACHE_OF_BOTH },
};

static_assert(ARRAY_SIZE(zcache_counter_files) == ZCACHE_NR_COUNTERS);

static int zcache_counter_get(void *data, u64 *val)
{
	*val = zcache_counted(ZCACHE_FILE_TYPE(data), ZCACHE_FILE_NR(data));
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(zcache_counter_fops, zcache_counter_get, NULL,
			 "%llu\n");

/*
 * Totals of one kind of pages. Each answers for itself, so that one file costs
 * one sum.
 */

static void zcache_frame_stats(enum tmem_pool_type type,
			       struct zbud_stats *stats)
{
	*stats = (struct zbud_stats) {};
	if (zcache_frames(type))
		zbud_stats(zcache_frames(type), stats);
}

static u64 zcache_type_stored_bytes(enum tmem_pool_type type)
{
	struct zbud_stats stats;

	zcache_frame_stats(type, &stats);
	return stats.bytes;
}

static u64 zcache_type_frames(enum tmem_pool_type type)
{
	struct zbud_stats stats;

	zcache_frame_stats(type, &stats);
	return stats.frames;
}

static u64 zcache_type_zpages(enum tmem_pool_type type)
{
	struct zbud_stats stats;

	zcache_frame_stats(type, &stats);
	return stats.zpages;
}

static u64 zcache_type_holes_closed(enum tmem_pool_type type)
{
	struct zbud_stats stats;

	zcache_frame_stats(type, &stats);
	return stats.moved;
}

static u64 zcache_type_stored_pages(enum tmem_pool_type type)
{
	return zcache_type_pages(type);
}

static const struct {
	const char *name;
	u64 (*get)(enum tmem_pool_type type);
} zcache_type_totals[] = {
	{ "stored_pages", zcache_type_stored_pages },
	{ "stored_bytes", zcache_type_stored_bytes },
	{ "frames", zcache_type_frames },
	{ "zpages", zcache_type_zpages },
	{ "holes_closed", zcache_type_holes_closed },
	{ "copy_ns", zcache_copy_ns },
	{ "read_ns", zcache_read_ns },
};

static int zcache_type_total_get(void *data, u64 *val)
{
	*val = zcache_type_totals[ZCACHE_FILE_NR(data)]
		.get(ZCACHE_FILE_TYPE(data));
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(zcache_type_total_fops, zcache_type_total_get, NULL,
			 "%llu\n");

/*
 * Totals of the pool
 */

static u64 zcache_total_index_bytes(void)
{
	struct tmem_footprint fp;

	zcache_footprint(&fp);
	return fp.bytes;
}

static u64 zcache_total_metadata_bytes(void)
{
	struct zbud_stats file, swap;

	zcache_frame_stats(TMEM_EPHEMERAL, &file);
	zcache_frame_stats(TMEM_PERSISTENT, &swap);
	return file.overhead + swap.overhead + zcache_total_index_bytes();
}

static u64 zcache_total_pool_pages(void)
{
	return zcache_pool_pages();
}

static u64 zcache_total_pool_limit(void)
{
	return zcache_pool_limit();
}

static const struct {
	const char *name;
	u64 (*get)(void);
} zcache_totals[] = {
	{ "pool_pages", zcache_total_pool_pages },
	{ "pool_limit_pages", zcache_total_pool_limit },
	{ "index_bytes", zcache_total_index_bytes },
	{ "metadata_bytes", zcache_total_metadata_bytes },
};

static int zcache_total_get(void *data, u64 *val)
{
	*val = zcache_totals[(long)data].get();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(zcache_total_fops, zcache_total_get, NULL, "%llu\n");

/*
 * States of the front ends
 */

static int frontswap_state_show(struct seq_file *m, void *v)
{
	static const char * const names[] = {
		[FRONTSWAP_OFF] = "off",
		[FRONTSWAP_DRAINING] = "draining",
		[FRONTSWAP_ON] = "on",
	};

	seq_printf(m, "%s\n", names[frontswap_state()]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(frontswap_state);

static int cleancache_state_show(struct seq_file *m, void *v)
{
	static const char * const names[] = {
		[CLEANCACHE_OFF] = "off",
		[CLEANCACHE_DRAINING] = "draining",
		[CLEANCACHE_ON] = "on",
	};

	seq_printf(m, "%s\n", names[cleancache_state()]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(cleancache_state);

/*
 * Knobs
 */

static ssize_t zcache_knob_read(struct file *file, char __user *buf,
				size_t count, loff_t *ppos)
{
	char *page = (char *)__get_free_page(GFP_KERNEL);
	ssize_t ret;

	if (!page)
		return -ENOMEM;
	ret = zcache_knob_get(file_inode(file)->i_private, page);
	ret = simple_read_from_buffer(buf, count, ppos, page, ret);
	free_page((unsigned long)page);
	return ret;
}

static ssize_t zcache_knob_write(struct file *file, const char __user *buf,
				 size_t count, loff_t *ppos)
{
	char *val;
	int err;

	/* One byte more than any value: zcache_knob_set() says what is wrong. */
	val = memdup_user_nul(buf, min_t(size_t, count, ZCACHE_KNOB_LEN));
	if (IS_ERR(val))
		return PTR_ERR(val);
	err = zcache_knob_set(file_inode(file)->i_private, val);
	kfree(val);
	return err ?: count;
}

static const struct file_operations zcache_knob_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = zcache_knob_read,
	.write = zcache_knob_write,
	.llseek = default_llseek,
};

static void __init zcache_debugfs_type(struct dentry *dir,
				       enum tmem_pool_type type)
{
	long i;

	for (i = 0; i < ZCACHE_NR_COUNTERS; i++)
		if (zcache_counter_files[i].types & BIT(type))
			debugfs_create_file_unsafe(zcache_counter_files[i].name,
						   0444, dir,
						   ZCACHE_FILE(i, type),
						   &zcache_counter_fops);
	for (i = 0; i < ARRAY_SIZE(zcache_type_totals); i++)
		debugfs_create_file_unsafe(zcache_type_totals[i].name, 0444,
					   dir, ZCACHE_FILE(i, type),
					   &zcache_type_total_fops);
}

/**
 * zcache_debugfs_init() - make the folders
 */
void __init zcache_debugfs_init(void)
{
	struct dentry *zcache = debugfs_create_dir("zcache", NULL);
	struct dentry *file = debugfs_create_dir("cleancache", NULL);
	struct dentry *swap = debugfs_create_dir("frontswap", NULL);
	long i;

	for (i = 0; i < ARRAY_SIZE(zcache_totals); i++)
		debugfs_create_file_unsafe(zcache_totals[i].name, 0444, zcache,
					   (void *)i, &zcache_total_fops);
	for (i = 0; i < zcache_nr_knobs; i++)
		debugfs_create_file(zcache_knobs[i].name, 0644, zcache,
				    (void *)&zcache_knobs[i],
				    &zcache_knob_fops);
	zcache_debugfs_type(file, TMEM_EPHEMERAL);
	debugfs_create_file("state", 0444, file, NULL, &cleancache_state_fops);
	zcache_debugfs_type(swap, TMEM_PERSISTENT);
	debugfs_create_file("state", 0444, swap, NULL, &frontswap_state_fops);
	zcache_debug_init(zcache, file, swap);
}
