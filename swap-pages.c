// SPDX-License-Identifier: GPL-2.0-only
/*
 * The swap side of zcache: the back end of frontswap
 *
 * Each swap device is a persistent pool, a stretch of ZCACHE_STRETCH slots of it
 * is an object.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/frontswap.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/xarray.h>

#include "zcache.h"

/* Two levels of a tree: 1.6 % of the nodes are above the leaves. */
#define ZCACHE_STRETCH_BITS	12
#define ZCACHE_STRETCH		BIT(ZCACHE_STRETCH_BITS)

/* Which slots are a sample: what readahead brings together, by default. */
#define ZCACHE_SWAP_SAMPLE_RUN	8

/* Of each device. */
static struct zcache_reads zcache_swap_reads[MAX_SWAPFILES];
static unsigned long zcache_swap_slots[MAX_SWAPFILES];

static void zcache_swap_key(pgoff_t offset, struct tmem_key *key)
{
	key->object = offset >> ZCACHE_STRETCH_BITS;
	key->index = offset & (ZCACHE_STRETCH - 1);
}

/* Slots from @offset on that belong to its object, at most @nr. */
static unsigned long zcache_swap_span(pgoff_t offset, unsigned long nr)
{
	return min(nr, ZCACHE_STRETCH - (offset & (ZCACHE_STRETCH - 1)));
}

static int zcache_swapon(unsigned int type, unsigned long nr_slots,
			 struct block_device *bdev)
{
	struct tmem_pool *pool;

	zcache_reads_init(&zcache_swap_reads[type], TMEM_PERSISTENT, bdev);
	zcache_reads_probe(&zcache_swap_reads[type]);
	WRITE_ONCE(zcache_swap_slots[type], nr_slots);
	pool = zcache_pool_create(XA_LIMIT(type, type), TMEM_PERSISTENT);
	if (IS_ERR(pool)) {
		pr_err("no memory for swap device %u: its pages are not cached\n",
		       type);
		return PTR_ERR(pool);
	}
	return 0;
}

static void zcache_swapoff(unsigned int type)
{
	struct tmem_pool *pool = zcache_pool(type);

	if (!pool)
		return;
	/* Each slot was freed, and with it its copy. */
	WARN_ONCE(atomic_long_read(&pool->nr_pages),
		  "zcache: %ld pages left of swap device %u\n",
		  atomic_long_read(&pool->nr_pages), type);
	zcache_pool_destroy(pool);
	zcache_trim();
}

/*
 * Is a page worth keeping? If the device is fast only a sample is. If it is not a
 * sample goes to the device, which is how it is found out; but not to a hard disk.
 */
static bool zcache_swap_worth(unsigned int type, const struct tmem_key *key)
{
	struct zcache_reads *reads = &zcache_swap_reads[type];
	bool sample;

	if (READ_ONCE(zcache_swap_admission) == ZCACHE_ADMIT_ALWAYS)
		return true;
	sample = reads->bdev && bdev_nonrot(reads->bdev) &&
		 zcache_sample(key, ZCACHE_SWAP_SAMPLE_RUN);
	if (zcache_reads_slow(reads) != sample)
		return true;
	zcache_count(TMEM_PERSISTENT, sample ? ZCACHE_REJECT_SAMPLE :
					       ZCACHE_REJECT_FAST_DEVICE);
	if (zcache_reads_fast(reads))
		zcache_writeback_leave();
	return false;
}

static int zcache_swap_store(struct folio *folio)
{
	long i, nr = folio_nr_pages(folio);
	unsigned int type = swp_type(folio->swap);
	struct tmem_pool *pool = zcache_pool(type);
	struct tmem_key key;
	int payer, err = 0;
	u64 begin;

	if (!pool) {
		zcache_count(TMEM_PERSISTENT, ZCACHE_REJECT_NO_POOL);
		return -ENODEV;
	}
	zcache_swap_key(swp_offset(folio->swap), &key);
	if (!zcache_swap_worth(type, &key))
		return -EAGAIN;
	payer = zcache_payer_get(folio);
	if (payer < 0) {
		zcache_count(TMEM_PERSISTENT, payer == -ENOMEM ?
			     ZCACHE_REJECT_NODE : ZCACHE_REJECT_CGROUP);
		return payer;
	}
	for (i = 0; i < nr && !err; i++) {
		zcache_swap_key(swp_offset(folio->swap) + i, &key);
		begin = zcache_cost_begin(&key);
		err = zcache_store_page(pool, &key, folio_page(folio, i), payer);
		if (!err)
			zcache_cost_end(TMEM_PERSISTENT, ZCACHE_COST_STORE, begin);
	}
	if (!err)
		zcache_payer_stored(payer, nr);
	zcache_payer_put(payer);
	return err;
}

/* Returns how many copies were dropped. */
static unsigned long zcache_swap_drop(unsigned int type, pgoff_t offset,
				      unsigned long nr)
{
	struct tmem_pool *pool = zcache_pool(type);
	unsigned long span, dropped = 0;
	struct tmem_key key;

	if (!pool)
		return 0;
	for (; nr; nr -= span, offset += span) {
		span = zcache_swap_span(offset, nr);
		zcache_swap_key(offset, &key);
		dropped += tmem_invalidate(pool, &key, span);
	}
	return dropped;
}

static void zcache_swap_invalidate(unsigned int type, pgoff_t offset,
				   unsigned long nr)
{
	unsigned long dropped = zcache_swap_drop(type, offset, nr);

	if (dropped)
		zcache_count_many(TMEM_PERSISTENT, ZCACHE_INVALIDATES, dropped);
}

static unsigned long zcache_swap_count(unsigned int type, pgoff_t offset,
				       unsigned long nr)
{
	struct tmem_pool *pool = zcache_pool(type);
	unsigned long span, count = 0;
	struct tmem_key key;

	if (!pool)
		return 0;
	for (; nr; nr -= span, offset += span) {
		span = zcache_swap_span(offset, nr);
		zcache_swap_key(offset, &key);
		/* What the device has as well: a range is read from there, or from here. */
		zcache_forget_remote_range(pool, &key, span);
		count += tmem_count(pool, &key, span);
	}
	return count;
}

static int zcache_swap_load_page(struct tmem_pool *pool,
				 const struct tmem_key *key, struct page *page,
				 unsigned int ahead)
{
	u64 begin = zcache_cost_begin(key);
	int err = zcache_load_page(pool, key, page, ahead);

	if (!err)
		zcache_cost_end(TMEM_PERSISTENT, ZCACHE_COST_LOAD, begin);
	zcache_reads_note(&zcache_swap_reads[pool->id], key);
	return err == ZCACHE_LOADED_MIRRORED ? 0 : err;
}

static int zcache_swap_write_page(struct tmem_pool *pool,
				  const struct tmem_key *key, struct page *page)
{
	u16 payer;
	int err = zcache_read_page(pool, key, page, 0, &payer);

	if (!err)
		zcache_payer_written(payer);
	return err == ZCACHE_LOADED_MIRRORED ? 0 : err;
}

/* It is in the folio now. Another machine may have it as well. */
static void zcache_swap_written(struct tmem_pool *pool, const struct tmem_key *key)
{
	if (!ramster_leave(pool, key))
		tmem_invalidate(pool, key, 1);
	zcache_count(TMEM_PERSISTENT, ZCACHE_WRITEBACKS);
}

/* What readahead of swap reads at most, in pages. */
static unsigned int zcache_swap_ahead(void)
{
	return min((1UL << READ_ONCE(page_cluster)) - 1, ZCACHE_MAX_AHEAD);
}

static int zcache_swap_load(struct folio *folio, enum frontswap_load_type how, bool more)
{
	unsigned int ahead = more ? zcache_swap_ahead() : 0;
	unsigned int type = swp_type(folio->swap);
	pgoff_t offset = swp_offset(folio->swap);
	long i, nr = folio_nr_pages(folio);
	struct tmem_pool *pool = zcache_pool(type);
	unsigned long count;
	struct tmem_key key;
	int err = 0;

	if (!pool)
		return -ENOENT;
	if (nr > 1) {
		count = zcache_swap_count(type, offset, nr);
		if (!count)
			return -ENOENT;
		/* frontswap_uniform() was asked before: this cannot be. */
		if (WARN_ON_ONCE(count != nr))
			return -EIO;
	}
	for (i = 0; i < nr && !err; i++) {
		zcache_swap_key(offset + i, &key);
		err = how == FRONTSWAP_WRITEBACK ?
		      zcache_swap_write_page(pool, &key, folio_page(folio, i)) :
		      zcache_swap_load_page(pool, &key, folio_page(folio, i), ahead);
	}
	/* Of a range that is stored no part may be read from the device. */
	if (err == -ENOENT && nr > 1)
		err = -EIO;
	/*
	 * The device has it too: the folio is as clean as if it had been read from
	 * there, and what is elsewhere stays for the next time.
	 */
	if (err == ZCACHE_LOADED_REMOTE)
		return FRONTSWAP_ON_DEVICE;
	/*
	 * The locked folio in the swap cache owns its slots: what is under
	 * these keys is still what was just read, or the same page in another
	 * place. All of it was verified before any of it goes.
	 */
	if (!err && how == FRONTSWAP_MOVE)
		zcache_swap_invalidate(type, offset, nr);
	else if (!err && how == FRONTSWAP_WRITEBACK)
		zcache_swap_written(pool, &key);
	return err;
}

static bool zcache_swap_find_in(unsigned int type, pgoff_t *offset, tmem_match_t match,
				void *arg)
{
	unsigned long nr_slots = READ_ONCE(zcache_swap_slots[type]);
	struct tmem_pool *pool;
	struct tmem_key key;
	bool found = false;

	while (!found && *offset < nr_slots) {
		zcache_swap_key(*offset, &key);
		rcu_read_lock();
		pool = zcache_pool(type);
		found = pool && tmem_find(pool, &key, match, arg);
		rcu_read_unlock();
		*offset = found ? key.object << ZCACHE_STRETCH_BITS | key.index :
				  *offset + zcache_swap_span(*offset, ULONG_MAX);
		cond_resched();
	}
	return found;
}

/**
 * zcache_swap_find() - the next swap page that is meant, of all devices
 * @slot: where to begin, 0 is the beginning of all; on success the page
 * @match: says which
 * @arg: for @match
 *
 * Context: May sleep.
 * Return: true if there is one.
 */
bool zcache_swap_find(swp_entry_t *slot, tmem_match_t match, void *arg)
{
	pgoff_t offset = swp_offset(*slot);
	unsigned int type;

	for (type = swp_type(*slot); type < MAX_SWAPFILES; type++, offset = 0) {
		if (!zcache_swap_find_in(type, &offset, match, arg))
			continue;
		*slot = swp_entry(type, offset);
		return true;
	}
	return false;
}

/**
 * zcache_swap_entry() - the slot that a page belongs to
 * @key: the owner of its zpage
 *
 * Context: Any.
 * Return: the swap entry.
 */
swp_entry_t zcache_swap_entry(const struct zbud_key *key)
{
	return swp_entry(key->pool, key->object << ZCACHE_STRETCH_BITS | key->index);
}

static bool zcache_swap_empty(void)
{
	return !zcache_type_pages(TMEM_PERSISTENT);
}

const struct frontswap_ops zcache_frontswap_ops = {
	.swapon = zcache_swapon,
	.swapoff = zcache_swapoff,
	.store = zcache_swap_store,
	.load = zcache_swap_load,
	.invalidate = zcache_swap_invalidate,
	.count = zcache_swap_count,
	.empty = zcache_swap_empty,
};
