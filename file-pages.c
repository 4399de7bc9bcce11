// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file side of zcache: the back end of cleancache
 *
 * Each mounted file system is an ephemeral pool, each inode an object of it. A
 * load is exclusive: the copy goes when its content is in the page cache, and if
 * the entry is not the one that was read any more, the load has missed.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/cleancache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "zcache.h"

/* Numbers of pools: above those of swap devices. */
#define ZCACHE_FILE_POOLS	XA_LIMIT(256, U16_MAX)

static void *zcache_mount(struct super_block *sb)
{
	struct zcache_fs *fs = kzalloc(sizeof(*fs), GFP_KERNEL);
	int err = -ENOMEM;

	if (!fs)
		goto fail;
	fs->pool = zcache_pool_create(ZCACHE_FILE_POOLS, TMEM_EPHEMERAL);
	err = PTR_ERR_OR_ZERO(fs->pool);
	if (err)
		goto fail;
	zcache_reads_init(&fs->reads, TMEM_EPHEMERAL, sb->s_bdev);
	zcache_reads_probe(&fs->reads);
	return fs;

fail:
	kfree(fs);
	pr_err("file system %s on %s: its pages are not cached, error %d\n",
	       sb->s_type->name, sb->s_id, err);
	return NULL;
}

static void zcache_umount(void *mounted)
{
	struct zcache_fs *fs = mounted;

	zcache_pool_destroy(fs->pool);
	kfree(fs);
	zcache_trim();
}

static int zcache_file_store(void *mounted, u64 object, pgoff_t index,
			     struct page *page, unsigned int hints)
{
	struct tmem_key key = { .object = object, .index = index };
	struct zcache_fs *fs = mounted;
	u64 begin;
	int err;

	if (!zcache_admission_worth(&fs->reads, &key)) {
		zcache_count(TMEM_EPHEMERAL, ZCACHE_REJECT_FAST_DEVICE);
		return -EAGAIN;
	}
	if (!zcache_admission_allow(&key, hints & CLEANCACHE_WORKINGSET)) {
		zcache_count(TMEM_EPHEMERAL, ZCACHE_REJECT_ADMISSION);
		return -EAGAIN;
	}
	if (!zcache_admission_compresses(&key)) {
		zcache_count(TMEM_EPHEMERAL, ZCACHE_REJECT_COMPRESS_POOR);
		return -E2BIG;
	}
	begin = zcache_cost_begin(&key);
	/* Nobody pays: it can be dropped at any time. */
	err = zcache_store_page(fs->pool, &key, page,
				hints & CLEANCACHE_ENCRYPTED ?
				ZCACHE_NOBODY_CONFIDENTIAL : ZCACHE_NOBODY);
	if (!err)
		zcache_cost_end(TMEM_EPHEMERAL, ZCACHE_COST_STORE, begin);
	if (!err || err == -E2BIG)
		zcache_admission_compressed(&key, err);
	return err;
}

static int zcache_file_load(void *mounted, u64 object, pgoff_t index,
			    struct page *page)
{
	struct tmem_key key = { .object = object, .index = index };
	u64 begin = zcache_cost_begin(&key);
	struct zcache_fs *fs = mounted;
	int err = zcache_load_page(fs->pool, &key, page, ZCACHE_MAX_AHEAD);

	if (!err)
		zcache_cost_end(TMEM_EPHEMERAL, ZCACHE_COST_LOAD, begin);
	if (err >= 0)
		zcache_admission_hit();
	return min(err, 0);
}

static void zcache_file_refault(void *mounted, u64 object, pgoff_t index)
{
	struct tmem_key key = { .object = object, .index = index };
	struct zcache_fs *fs = mounted;

	zcache_admission_note(&fs->reads, &key);
}

static void zcache_file_invalidate(void *mounted, u64 object, pgoff_t index,
				   unsigned long nr)
{
	struct tmem_key key = { .object = object, .index = index };
	struct zcache_fs *fs = mounted;
	unsigned long dropped = tmem_invalidate(fs->pool, &key, nr);

	if (dropped)
		zcache_count_many(TMEM_EPHEMERAL, ZCACHE_INVALIDATES, dropped);
}

static unsigned long zcache_file_count(void *mounted, u64 object, pgoff_t index,
				       unsigned long nr)
{
	struct tmem_key key = { .object = object, .index = index };
	struct zcache_fs *fs = mounted;

	return tmem_count(fs->pool, &key, nr);
}

static void zcache_file_drop_all(void)
{
	/* While draining nothing comes, and nothing may be left behind. */
	do {
		zcache_drop_pages(TMEM_EPHEMERAL);
	} while (cleancache_state() == CLEANCACHE_DRAINING &&
		 zcache_type_pages(TMEM_EPHEMERAL));
	zcache_trim();
}

const struct cleancache_ops zcache_cleancache_ops = {
	.mount = zcache_mount,
	.umount = zcache_umount,
	.store = zcache_file_store,
	.load = zcache_file_load,
	.refault = zcache_file_refault,
	.invalidate = zcache_file_invalidate,
	.count = zcache_file_count,
	.drop_all = zcache_file_drop_all,
};
