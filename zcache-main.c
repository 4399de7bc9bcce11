// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcache: a compressed second chance for pages
 *
 * What it does
 * ------------
 * cleancache offers clean file pages, frontswap offers swap pages. zcache
 * compresses them, puts the result into a frame (zbud) and enters its handle
 * into an index (tmem). A load goes the other way. This file ties the three
 * together; the memory is in frames.c.
 *
 *	cleancache --> file-pages.c --+--> zcache_store_page() --> compress.c,
 *	frontswap  --> swap-pages.c --'                    zbud.c, then tmem.c
 *	           <--              <---- zcache_load_page() <-- tmem.c, then
 *	                                                   zbud.c, compress.c
 *
 * Handles: that of zbud, or for a swap page that repeats one 32-bit pattern
 * (often zero) the pattern itself, marked by ZCACHE_SAME_FILLED. Such a page
 * needs no frame, no pin and no free. Who pays for a page (memcg.c) is in the
 * header of its zpage, or beside the pattern.
 *
 * The contract (see Documentation/mm/tmem.rst), as far as it is upheld here
 * ------------------------------------------------------------------------
 * - A page is put into its frame completely before its handle enters the index,
 *   and entering replaces the older handle at once: a load finds the older page
 *   or the new one, whole. On failure the front end invalidates the key.
 * - A load looks up and pins under the lock of the index, so what it reads
 *   cannot be recycled meanwhile. Header and checksum, which covers the key as
 *   well, are verified before one byte is decompressed. It allocates nothing,
 *   so it never fails for a passing reason.
 * - A swap page that does not verify is reported as lost (-EIO) and kept: the
 *   reader gets an I/O error, again and again, and never anything else. A file
 *   page that does not verify is dropped, and the load has missed.
 * - A load of a file page ends with an erase that checks identity: what was
 *   invalidated or replaced while it was read is a miss, and nothing is left.
 * - Eviction pins a frame, reads the key of each zpage, and erases the entry of
 *   that key if it still is this zpage. When a page of a frame is moved the entry
 *   is replaced in the same way.
 *
 * Memory
 * ------
 * Stores run in reclaim. Nothing here recurses into reclaim, uses the reserves
 * for it (__GFP_NOMEMALLOC: MADV_PAGEOUT and others set PF_MEMALLOC in user
 * context), or warns. Since swapping out is how memory is freed, a swap page may
 * use half of the min watermark (__GFP_HIGH). Frames are made before
 * compressing: zbud keeps one with room for any zpage on each node.
 *
 * Locks
 * -----
 * zcache_pools		the table of pools, by number; read with RCU, which is what
 *			keeps a pool while eviction looks at it. Stores and loads
 *			are ordered against the coming and going of their pool by
 *			the front ends.
 * zcache_pools_mutex	keeps all pools, for reports and checks
 * The others are in compress.c, knobs.c, tmem.c and zbud.c.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/cleancache.h>
#include <linux/err.h>
#include <linux/frontswap.h>
#include <linux/hash.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/wait_bit.h>
#include <linux/xarray.h>
#include <linux/xxhash.h>
#include <linux/zcache.h>

#include "zcache.h"

#define CREATE_TRACE_POINTS
#include <trace/events/tmem.h>

/*
 * Marks a handle that is a pattern, with the payer above it. Those of zbud are
 * below 2^60, as are cookies of pages on other machines (remote.c).
 */
#define ZCACHE_SAME_FILLED	BIT(TMEM_HANDLE_BITS - 1)
#define ZCACHE_PAYER_SHIFT	32

DEFINE_PER_CPU(struct zcache_counters, zcache_counters);

/* All pools by number, file systems and swap devices. */
static DEFINE_XARRAY_ALLOC(zcache_pools);
static DEFINE_MUTEX(zcache_pools_mutex);

static bool zcache_no_frontswap;
static bool zcache_no_cleancache;

/**
 * zcache_counted() - sum a counter up
 * @type: of what kind of pages
 * @counter: which
 *
 * Context: Any.
 * Return: the sum of all CPUs, out of date at once.
 */
u64 zcache_counted(enum tmem_pool_type type, enum zcache_counter counter)
{
	unsigned int cpu;
	long sum = 0;

	for_each_possible_cpu(cpu)
		sum += per_cpu(zcache_counters, cpu).n[type][counter];
	/* A net count may be seen below zero while pages come and go. */
	return max(sum, 0L);
}

/*
 * Content
 */

/* The key is part of the sum: a page cannot be taken for another. */
static u64 zcache_checksum_seed(const struct zbud_key *key)
{
	return key->object * GOLDEN_RATIO_64 + key->index +
	       ((u64)key->pool << 48) + ((u64)key->payer << 32);
}

static u32 zcache_checksum(const struct zbud_key *key, const void *data,
			   unsigned int len)
{
	return xxh64(data, len, zcache_checksum_seed(key));
}

/* As zcache_checksum(), over a zpage that may lie across two pages. */
static u32 zcache_zpage_checksum(const struct zbud_zpage *zpage)
{
	struct xxh64_state state;

	if (!zpage->part[1].len)
		return zcache_checksum(&zpage->key, zpage->part[0].addr,
				       zpage->len);
	xxh64_reset(&state, zcache_checksum_seed(&zpage->key));
	xxh64_update(&state, zpage->part[0].addr, zpage->part[0].len);
	xxh64_update(&state, zpage->part[1].addr, zpage->part[1].len);
	return xxh64_digest(&state);
}

/* Is this zpage what was stored under this key? Trusts no field of it. */
static bool zcache_is_intact(const struct tmem_pool *pool,
			     const struct tmem_key *key,
			     const struct zbud_zpage *zpage)
{
	return zpage->key.pool == pool->id &&
	       zpage->key.object == key->object &&
	       zpage->key.index == key->index &&
	       zpage->len && zpage->len <= ZBUD_MAX_SIZE &&
	       zpage->checksum == zcache_zpage_checksum(zpage);
}

/* Does the page repeat one 32-bit pattern? */
static bool zcache_same_filled(struct page *page, u32 *pattern)
{
	const u64 *word = kmap_local_page(page);
	const unsigned int last = PAGE_SIZE / sizeof(*word) - 1;
	unsigned int i = 0;
	u64 first = word[0];

	/* The end differs most often: look there first. */
	if ((u32)first == first >> 32 && word[last] == first)
		for (i = 1; i < last && word[i] == first;)
			i++;
	kunmap_local(word);
	*pattern = first;
	return i == last;
}

static u16 zcache_same_payer(unsigned long handle)
{
	return handle >> ZCACHE_PAYER_SHIFT;
}

static void zcache_fill(struct page *page, u32 pattern)
{
	u32 *word = kmap_local_page(page);

	memset32(word, pattern, PAGE_SIZE / sizeof(*word));
	kunmap_local(word);
	flush_dcache_page(page);
}

/*
 * Storage callbacks of tmem. They run under the lock of a tree.
 */

static int zcache_pin_handle(struct tmem_pool *pool, unsigned long handle)
{
	if (handle & ZCACHE_SAME_FILLED || zcache_is_remote(handle))
		return 0;
	return zbud_pin(zcache_frames(pool->type), handle);
}

/**
 * zcache_unpin() - end what tmem_pin() began
 * @pool: the pool
 * @handle: the handle
 *
 * Context: Any but interrupt context.
 */
void zcache_unpin(struct tmem_pool *pool, unsigned long handle)
{
	if (!(handle & ZCACHE_SAME_FILLED) && !zcache_is_remote(handle))
		zbud_unpin(zcache_frames(pool->type), handle);
}

/**
 * zcache_free_handle() - free what an entry of the index stands for
 * @pool: its pool
 * @handle: the entry, which is gone
 *
 * Context: Any but interrupt context; under the lock of a tree, perhaps with
 * interrupts off.
 */
void zcache_free_handle(struct tmem_pool *pool, unsigned long handle)
{
	struct zbud_charge charge = { .payer = zcache_same_payer(handle) };

	if (zcache_is_remote(handle)) {
		zcache_free_remote(pool, handle);
		return;
	}
	if (handle & ZCACHE_SAME_FILLED)
		zcache_count_many(pool->type, ZCACHE_SAME_FILLED_PAGES, -1);
	else
		charge = zbud_free(zcache_frames(pool->type), handle);
	zcache_uncharge(charge.payer, charge.len);
}

static bool zcache_check_handle(struct tmem_pool *pool,
				const struct tmem_key *key,
				unsigned long handle)
{
	struct zbud *zbud = zcache_frames(pool->type);
	struct zbud_zpage zpage;
	bool ok;
	int err;

	if (handle & ZCACHE_SAME_FILLED || zcache_is_remote(handle))
		return true;
	err = zbud_pin(zbud, handle);
	/* A frame whose holes are being closed is left for the next time. */
	if (err)
		return err == -EAGAIN;
	zbud_read(handle, &zpage);
	ok = zcache_is_intact(pool, key, &zpage);
	zbud_unpin(zbud, handle);
	return ok;
}

static const struct tmem_ops zcache_tmem_ops = {
	.pin = zcache_pin_handle,
	.free = zcache_free_handle,
	.check = zcache_check_handle,
};

/*
 * Storing
 */

/* Compress into a frame. On success the zpage is pinned and charged. */
static int zcache_compress_to_frame(enum tmem_pool_type type,
				    const struct zbud_key *owner,
				    struct page *page, unsigned long *handle)
{
	struct zcache_stream *stream;
	unsigned int len;
	const void *data;
	int err;

	stream = zcache_stream_get();
	err = zcache_compress(stream, page, type == TMEM_EPHEMERAL, &data,
			      &len);
	if (err) {
		zcache_count(type, err == -E2BIG ? ZCACHE_REJECT_COMPRESS_POOR :
						   ZCACHE_REJECT_COMPRESS_FAIL);
		err = -E2BIG;
		goto put;
	}
	err = zbud_alloc(zcache_frames(type), page_to_nid(page), owner, len,
			 zcache_checksum(owner, data, len), handle);
	if (!err)
		zbud_write(*handle, data);
put:
	zcache_stream_put(stream);
	if (!err)
		zcache_charge(owner->payer, len);
	return err;
}

/*
 * Put a page into a frame. @gfp is cleared if there is no memory, so that
 * nothing else is tried for this store.
 */
static int zcache_place(enum tmem_pool_type type, const struct zbud_key *owner,
			struct page *page, gfp_t *gfp, unsigned long *handle)
{
	int room, err, tries;

	/* A second time only if others took or pinned the room there was. */
	for (tries = 0; tries < 2; tries++) {
		room = zcache_make_room(type, page, tries);
		err = zcache_compress_to_frame(type, owner, page, handle);
		if (err != -ENOSPC || room)
			break;
	}
	if (room == -ENOMEM)
		*gfp = 0;
	if (err == -ENOSPC)
		zcache_count(type, room == -EDQUOT ? ZCACHE_REJECT_LIMIT :
						     ZCACHE_REJECT_FRAME);
	return err;
}

static int zcache_store_same_filled(struct tmem_pool *pool,
				    const struct tmem_key *key, u32 pattern,
				    u16 payer, gfp_t gfp)
{
	unsigned long handle = ZCACHE_SAME_FILLED | pattern |
			       (unsigned long)payer << ZCACHE_PAYER_SHIFT;
	int err;

	zcache_count(pool->type, ZCACHE_SAME_FILLED_PAGES);
	zcache_charge(payer, 0);
	err = tmem_store(pool, key, handle, gfp);
	if (err)
		zcache_free_handle(pool, handle);
	return err;
}

static int zcache_store_compressed(struct tmem_pool *pool,
				   const struct tmem_key *key,
				   struct page *page, u16 payer, gfp_t gfp)
{
	struct zbud_key owner = { .object = key->object, .index = key->index,
				  .pool = pool->id, .payer = payer };
	unsigned long handle;
	int err;

	err = zcache_place(pool->type, &owner, page, &gfp, &handle);
	if (err)
		return err;
	zcache_debug_corrupt(handle);
	/* Complete: from here on it can be found. */
	err = tmem_store(pool, key, handle, gfp);
	if (err)
		zcache_free_handle(pool, handle);
	zbud_unpin(zcache_frames(pool->type), handle);
	return err;
}

/**
 * zcache_store_page() - keep a page
 * @pool: its pool
 * @key: its key
 * @page: its content; may change meanwhile, then what is kept is undefined
 * @payer: who pays for it, from zcache_payer_get(); 0 if nobody does
 *
 * On failure an older page of @key may be left; the front end invalidates.
 *
 * Context: Process context, in reclaim. May sleep.
 * Return: 0; -E2BIG if it does not compress well enough; -ENOSPC if there is no
 * room; -ENOMEM if the index cannot grow; -EINVAL if @key is out of range.
 */
int zcache_store_page(struct tmem_pool *pool, const struct tmem_key *key,
		      struct page *page, u16 payer)
{
	gfp_t gfp = zcache_gfp(page);
	u32 pattern;
	int err;

	if (zcache_debug_fail_store()) {
		zcache_count(pool->type, ZCACHE_REJECT_INJECTED);
		return -ENOMEM;
	}
	/* A pattern is in no frame, so eviction would not find it. */
	if (pool->type == TMEM_EPHEMERAL)
		err = zcache_store_compressed(pool, key, page, payer, gfp);
	else if (zcache_same_filled(page, &pattern))
		err = zcache_store_same_filled(pool, key, pattern, payer,
					       gfp | __GFP_HIGH);
	else
		err = zcache_store_compressed(pool, key, page, payer,
					      gfp | __GFP_HIGH);
	if (!err)
		zcache_count(pool->type, ZCACHE_STORES);
	else if (err == -ENOMEM)
		zcache_count(pool->type, ZCACHE_REJECT_NODE);
	trace_zcache_store(pool->id, key->object, key->index, err);
	return err;
}

/*
 * Loading
 */

/* Look a page up and pin it; waits only while holes of its frame are closed. */
static int zcache_pin(struct tmem_pool *pool, const struct tmem_key *key,
		      unsigned long *handle)
{
	int err;

	wait_var_event(zcache_frames(pool->type),
		       (err = tmem_pin(pool, key, handle)) != -EAGAIN);
	return err;
}

/**
 * zcache_open_zpage() - verify a zpage, and decompress it
 * @pool: the pool
 * @key: the key under which it was found
 * @zpage: the zpage; no field of it is trusted
 * @page: where its content goes
 *
 * Context: Process context. May sleep; allocates nothing.
 * Return: 0; -EIO if it is not what was stored under @key.
 */
int zcache_open_zpage(const struct tmem_pool *pool, const struct tmem_key *key,
		      const struct zbud_zpage *zpage, struct page *page)
{
	struct zcache_stream *stream;
	int err;

	if (!zcache_is_intact(pool, key, zpage))
		return -EIO;
	stream = zcache_stream_get();
	err = zcache_decompress(stream, zpage, page);
	zcache_stream_put(stream);
	return err;
}

static int zcache_load_zpage(struct tmem_pool *pool, const struct tmem_key *key,
			     unsigned long handle, struct page *page, u16 *payer)
{
	struct zbud_zpage zpage;

	zbud_read(handle, &zpage);
	*payer = zpage.key.payer;
	return zcache_open_zpage(pool, key, &zpage, page);
}

/* What was stored is not what is there. */
static int zcache_corrupt(struct tmem_pool *pool, const struct tmem_key *key,
			  unsigned long handle)
{
	bool lost = pool->type == TMEM_PERSISTENT;

	zcache_count(pool->type, ZCACHE_LOAD_CORRUPT);
	pr_err_ratelimited("pool %u, object %llu, index %llu: stored page is corrupt, %s\n",
			   pool->id, key->object, key->index,
			   lost ? "reading it fails" : "it is read again");
	if (lost)
		return -EIO;
	tmem_erase(pool, key, handle);
	return -ENOENT;
}

/**
 * zcache_erase_loaded() - the content of a file page is about to be in the page cache
 * @pool: its pool
 * @key: its key; the reader has locked its folio, so nobody stores to it
 * @handle: what was read
 *
 * If it is something else by now it was invalidated, or the page has moved to
 * another machine: then whatever is there goes, or there would be a copy beside the
 * folio.
 *
 * Context: Any but interrupt context.
 * Return: 0, or -ENOENT: what was read does not count.
 */
int zcache_erase_loaded(struct tmem_pool *pool, const struct tmem_key *key,
			unsigned long handle)
{
	if (tmem_erase(pool, key, handle))
		return 0;
	tmem_invalidate(pool, key, 1);
	return -ENOENT;
}

/**
 * zcache_read_page() - read a page that is stored
 * @pool: its pool
 * @key: its key
 * @page: where it goes
 * @ahead: so many indices behind @key are read next, perhaps
 * @payer: who pays for it, if it is there
 *
 * As zcache_load_page(), but nobody has asked for the page: nothing is counted.
 *
 * Context: Process context. May sleep; allocates nothing.
 * Return: as zcache_load_page().
 */
int zcache_read_page(struct tmem_pool *pool, const struct tmem_key *key,
		     struct page *page, unsigned int ahead, u16 *payer)
{
	unsigned long handle;
	int err;

	err = zcache_pin(pool, key, &handle);
	if (!err && handle & ZCACHE_SAME_FILLED) {
		zcache_fill(page, handle);
		*payer = zcache_same_payer(handle);
	} else if (!err && zcache_is_remote(handle)) {
		err = zcache_load_remote(pool, key, handle, page, ahead);
		/* It was uncharged when it left. */
		*payer = ZCACHE_NOBODY;
	} else if (!err) {
		err = zcache_load_zpage(pool, key, handle, page, payer);
		if (err)
			err = zcache_corrupt(pool, key, handle);
		else if (pool->type == TMEM_EPHEMERAL)
			err = zcache_erase_loaded(pool, key, handle);
		zbud_unpin(zcache_frames(pool->type), handle);
	}
	return err;
}

/**
 * zcache_load_page() - bring a page back
 * @pool: its pool
 * @key: its key
 * @page: where it goes
 * @ahead: so many indices behind @key are read next, perhaps
 *
 * A swap page stays stored, a file page does not.
 *
 * Context: Process context. May sleep; allocates nothing.
 * Return: 0; -ENOENT if nothing is stored under @key, or what is stored is a
 * file page that is not intact; -EIO if it is a swap page that is not intact.
 * %ZCACHE_LOADED_REMOTE if it came from another machine: then a swap page is on its
 * device as well; %ZCACHE_LOADED_MIRRORED if it came from there and is not.
 */
int zcache_load_page(struct tmem_pool *pool, const struct tmem_key *key,
		     struct page *page, unsigned int ahead)
{
	u16 payer;
	int err = zcache_read_page(pool, key, page, ahead, &payer);

	zcache_count(pool->type, ZCACHE_LOADS);
	if (err >= 0) {
		zcache_count(pool->type, ZCACHE_HITS);
		zcache_payer_loaded(payer);
	} else if (err == -ENOENT) {
		zcache_count(pool->type, ZCACHE_MISSES);
	}
	trace_zcache_load(pool->id, key->object, key->index, err);
	return err;
}

/**
 * zcache_evict_zpage() - forget a page for the sake of its frame
 * @owner: its key
 * @handle: its zpage, pinned
 * @unused: for zbud_evict()
 *
 * Context: Any but interrupt context.
 */
void zcache_evict_zpage(const struct zbud_key *owner, unsigned long handle,
			void *unused)
{
	struct tmem_key key = { .object = owner->object,
				.index = owner->index };
	struct tmem_pool *pool;

	rcu_read_lock();
	pool = xa_load(&zcache_pools, owner->pool);
	if (pool && tmem_erase(pool, &key, handle))
		zcache_count(pool->type, ZCACHE_EVICTIONS);
	rcu_read_unlock();
}

/**
 * zcache_replace_zpage() - a page is in the same place of another frame
 * @owner: its key
 * @old: its zpage so far; nobody else uses its frame
 * @new: its zpage from now on, freed by the caller if it does not become it
 *
 * Context: Any but interrupt context.
 * Return: true if the page is found by @new now; false if it was not stored as
 * @old any more.
 */
bool zcache_replace_zpage(const struct zbud_key *owner, unsigned long old,
			  unsigned long new)
{
	struct tmem_key key = { .object = owner->object,
				.index = owner->index };
	struct tmem_pool *pool;
	bool replaced;

	rcu_read_lock();
	pool = xa_load(&zcache_pools, owner->pool);
	replaced = pool && tmem_replace(pool, &key, old, new);
	/* Not zcache_free_handle(): it is still paid for. */
	if (replaced)
		zbud_free(zcache_frames(pool->type), old);
	rcu_read_unlock();
	return replaced;
}

/*
 * Pools, totals and checks
 */

/**
 * zcache_pool_create() - a pool whose pages are kept here
 * @limit: range from which its number is taken
 * @type: ephemeral or persistent
 *
 * Context: May sleep.
 * Return: as tmem_pool_create(); ERR_PTR(-EBUSY) if all numbers are in use.
 */
struct tmem_pool *zcache_pool_create(struct xa_limit limit,
				     enum tmem_pool_type type)
{
	struct tmem_pool *pool;
	u32 id;
	int err;

	err = xa_alloc(&zcache_pools, &id, NULL, limit, GFP_KERNEL);
	if (err)
		return ERR_PTR(err);
	pool = tmem_pool_create(id, type, &zcache_tmem_ops, NULL);
	if (IS_ERR(pool)) {
		xa_erase(&zcache_pools, id);
		return pool;
	}
	/* Reserved: nothing is allocated. */
	xa_store(&zcache_pools, id, pool, GFP_KERNEL);
	return pool;
}

/**
 * zcache_pool_destroy() - forget a pool and all of its pages
 * @pool: the pool; no store or load of it is in flight or to come
 *
 * Context: May sleep.
 */
void zcache_pool_destroy(struct tmem_pool *pool)
{
	/*
	 * All pages go first: while there is one its pool can be found, so that
	 * the handles of a frame can be replaced, all or none.
	 */
	tmem_invalidate_all(pool);
	mutex_lock(&zcache_pools_mutex);
	xa_erase(&zcache_pools, pool->id);
	mutex_unlock(&zcache_pools_mutex);
	/* Eviction and sums may still look at it. */
	synchronize_rcu();
	tmem_pool_destroy(pool);
}

/**
 * zcache_pool() - find a pool
 * @id: its number
 *
 * Context: Any; the caller knows that the pool stays.
 * Return: the pool or NULL.
 */
struct tmem_pool *zcache_pool(u16 id)
{
	return xa_load(&zcache_pools, id);
}

/**
 * zcache_drop_pages() - forget all pages of one kind
 * @type: the kind
 *
 * Context: May sleep.
 */
void zcache_drop_pages(enum tmem_pool_type type)
{
	struct tmem_pool *pool;
	unsigned long id;

	mutex_lock(&zcache_pools_mutex);
	xa_for_each(&zcache_pools, id, pool)
		if (pool->type == type)
			zcache_count_many(type, ZCACHE_INVALIDATES,
					  tmem_invalidate_all(pool));
	mutex_unlock(&zcache_pools_mutex);
}

/**
 * zcache_drop_matching() - forget some pages, of all pools
 * @match: says which, by their handles
 * @arg: for @match
 *
 * Context: May sleep.
 * Return: how many were dropped.
 */
unsigned long zcache_drop_matching(tmem_match_t match, void *arg)
{
	struct tmem_pool *pool;
	unsigned long id, sum = 0;

	mutex_lock(&zcache_pools_mutex);
	xa_for_each(&zcache_pools, id, pool)
		sum += tmem_invalidate_all_matching(pool, match, arg);
	mutex_unlock(&zcache_pools_mutex);
	return sum;
}

/**
 * zcache_type_pages() - how many pages of one kind are stored
 * @type: the kind
 *
 * Context: Any but interrupt context.
 * Return: their number, same-filled ones included.
 */
unsigned long zcache_type_pages(enum tmem_pool_type type)
{
	struct tmem_pool *pool;
	unsigned long id, sum = 0;

	rcu_read_lock();
	xa_for_each(&zcache_pools, id, pool)
		if (pool->type == type)
			sum += atomic_long_read(&pool->nr_pages);
	rcu_read_unlock();
	return sum;
}

/**
 * zcache_stored_pages() - how many pages are stored
 *
 * Context: Any but interrupt context.
 * Return: their number, same-filled ones included.
 */
unsigned long zcache_stored_pages(void)
{
	return zcache_type_pages(TMEM_EPHEMERAL) +
	       zcache_type_pages(TMEM_PERSISTENT);
}

/**
 * zcache_footprint() - memory behind all indices
 * @sum: filled in
 *
 * Context: May sleep.
 */
void zcache_footprint(struct tmem_footprint *sum)
{
	struct tmem_footprint fp;
	struct tmem_pool *pool;
	unsigned long id;

	*sum = (struct tmem_footprint) {};
	mutex_lock(&zcache_pools_mutex);
	xa_for_each(&zcache_pools, id, pool) {
		tmem_pool_footprint(pool, &fp);
		sum->objects += fp.objects;
		sum->nodes += fp.nodes;
		sum->bytes += fp.bytes;
	}
	mutex_unlock(&zcache_pools_mutex);
}

/**
 * zcache_validate() - check every invariant and every stored byte
 *
 * Context: May sleep. Nothing is stored, loaded or invalidated meanwhile, or
 * totals may be reported as wrong.
 * Return: the number of violations, each of which is logged.
 */
int zcache_validate(void)
{
	enum tmem_pool_type type;
	struct tmem_pool *pool;
	unsigned long id;
	int errors = 0;

	for (type = 0; type < TMEM_NR_TYPES; type++)
		if (zcache_frames(type))
			errors += zbud_validate(zcache_frames(type));
	mutex_lock(&zcache_pools_mutex);
	xa_for_each(&zcache_pools, id, pool)
		errors += tmem_validate(pool);
	mutex_unlock(&zcache_pools_mutex);
	return errors + zcache_payers_validate();
}

/*
 * Start and stop
 */

/* Busy with ourselves: this is not the first start. */
static int zcache_start_front_ends(void)
{
	int err = -ENODEV;

	if (!zcache_no_frontswap) {
		err = frontswap_register(&zcache_frontswap_ops);
		if (!err || err == -EBUSY)
			err = frontswap_enable();
	}
	if (IS_ENABLED(CONFIG_CLEANCACHE) && !zcache_no_cleancache) {
		err = cleancache_register(&zcache_cleancache_ops);
		if (!err || err == -EBUSY)
			err = cleancache_enable();
	}
	return err;
}

/**
 * zcache_start() - begin to keep pages
 *
 * Context: May sleep, under the lock of the knobs.
 * Return: 0, or -errno with a line in the log.
 */
int zcache_start(void)
{
	int err;

	if (zcache_no_frontswap && zcache_no_cleancache) {
		pr_err("nothing to do: nofrontswap and nocleancache were given\n");
		return -ENODEV;
	}
	err = zcache_frames_start();
	if (!err)
		err = zcache_admission_start();
	if (!err)
		err = zcache_writeback_start();
	if (err) {
		pr_err("no memory to start\n");
		return err;
	}
	err = zcache_streams_start(zcache_compressor);
	if (err) {
		pr_err("cannot set %s up: error %d\n", zcache_compressor, err);
		return err;
	}
	zcache_copies_probe();
	err = zcache_start_front_ends();
	if (err) {
		pr_err("no front end is available: error %d\n", err);
		return err;
	}
	pr_info("keeps %s pages, compressed with %s, in up to %u%% of memory\n",
		cleancache_state() == CLEANCACHE_OFF ? "swap" :
		frontswap_state() == FRONTSWAP_OFF ? "file" : "file and swap",
		zcache_compressor, zcache_max_pool_percent);
	return 0;
}

/**
 * zcache_stop() - store nothing from now on
 *
 * File pages are dropped. Swap pages that are stored stay until they are read
 * back or freed.
 *
 * Context: May sleep, under the lock of the knobs.
 */
void zcache_stop(void)
{
	cleancache_disable();
	frontswap_disable();
	zcache_forget_remote(NULL, NULL);
	ramster_come_home();
	zcache_trim();
	pr_info("stores nothing any more, %lu pages are still kept\n",
		zcache_stored_pages());
}

static int __init zcache_set_no_frontswap(char *arg)
{
	if (*arg)
		return 0;
	zcache_no_frontswap = true;
	return 1;
}
__setup("nofrontswap", zcache_set_no_frontswap);

static int __init zcache_set_no_cleancache(char *arg)
{
	if (*arg)
		return 0;
	zcache_no_cleancache = true;
	return 1;
}
__setup("nocleancache", zcache_set_no_cleancache);

static int __init zcache_init(void)
{
	zcache_streams_setup();
	zcache_debugfs_init();
	zcache_knobs_ready();
	return 0;
}
late_initcall(zcache_init);
