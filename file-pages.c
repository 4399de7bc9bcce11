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
#include <linux/mm.h>
#include <linux/xarray.h>

#include "zcache.h"

/* Numbers of pools: above those of swap devices. */
#define ZCACHE_FILE_POOLS	XA_LIMIT(256, U16_MAX)

static void *zcache_mount(struct super_block *sb)
{
	struct tmem_pool *pool;

	pool = zcache_pool_create(ZCACHE_FILE_POOLS, TMEM_EPHEMERAL);
	if (!IS_ERR(pool))
		return pool;
	pr_err("file system %s on %s: its pages are not cached, error %ld\n",
	       sb->s_type->name, sb->s_id, PTR_ERR(pool));
	return NULL;
}

static void zcache_umount(void *pool)
{
	zcache_pool_destroy(pool);
	zcache_trim();
}

static int zcache_file_store(void *pool, u64 object, pgoff_t index,
			     struct page *page, bool workingset)
{
	struct tmem_key key = { .object = object, .index = index };

	if (!zcache_admission_allow(&key, workingset)) {
		zcache_count(TMEM_EPHEMERAL, ZCACHE_REJECT_ADMISSION);
		return -EAGAIN;
	}
	return zcache_store_page(pool, &key, page);
}

static int zcache_file_load(void *pool, u64 object, pgoff_t index,
			    struct page *page)
{
	struct tmem_key key = { .object = object, .index = index };

	int err = zcache_load_page(pool, &key, page);

	if (!err)
		zcache_admission_hit();
	return err;
}

static void zcache_file_refault(void *pool, u64 object, pgoff_t index)
{
	struct tmem_key key = { .object = object, .index = index };

	zcache_admission_note(&key);
}

static void zcache_file_invalidate(void *pool, u64 object, pgoff_t index,
				   unsigned long nr)
{
	struct tmem_key key = { .object = object, .index = index };
	unsigned long dropped = tmem_invalidate(pool, &key, nr);

	if (dropped)
		zcache_count_many(TMEM_EPHEMERAL, ZCACHE_INVALIDATES, dropped);
}

static unsigned long zcache_file_count(void *pool, u64 object, pgoff_t index,
				       unsigned long nr)
{
	struct tmem_key key = { .object = object, .index = index };

	return tmem_count(pool, &key, nr);
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
