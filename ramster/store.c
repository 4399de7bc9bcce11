// SPDX-License-Identifier: GPL-2.0-only
/*
 * RAMster: the memory that is lent
 *
 * Model
 * -----
 * A store is what one borrower may use: two tmem pools from the numbers of its pages
 * to zpages, and a quota. One pool is of pages that may be dropped (ephemeral), one of
 * pages that are kept (persistent). All stores share two instances of zbud, for the
 * same two sorts, which have nothing to do with those of zcache: a machine lends with
 * zcache off, and its own pages and foreign ones never lie in the same frame.
 *
 *	store --tmem pool--> handle --zbud--> frame
 *	  ^                                     |
 *	  '--- number of the store, in the header of the zpage
 *
 * Number n is page n mod 4096 of object n / 4096. The numbers of a borrower grow,
 * so its objects are dense and their trees have two levels. The content is sealed
 * by the borrower; it has a checksum here all the same, so that a memory error of
 * the lender is a miss and not a forgery.
 *
 * What a lender owes a borrower: little. Most pages may be dropped at any time, and
 * that is all that ever happens to make room. So nothing here waits for memory.
 *
 * Kept pages
 * ----------
 * They are not on the borrower's disk, only here and at one other lender. No quota and
 * no shrinker drops them. When memory is short, and what else is lent would not help,
 * they are asked back (STATUS), and the borrower takes them home. What it has not taken
 * after RAMSTER_GRACE goes as anything else that is lent does, as it does before
 * somebody is killed: so the memory is had in bounded time, whatever the borrower does.
 * Each page that goes in this way is counted, and STATUS says so: the borrower still has
 * the other copy, and takes it home.
 *
 * Limits
 * ------
 *	percent		of memory, for all stores: no new frame beyond
 *	headroom	so much of memory must be available *besides* what is lent, or
 *			there is no new frame, and old ones are given back
 *	quota		of a store, in bytes of zpages with their headers
 *
 * At the first two a page is refused, if no frame has a hole for it: a borrower can
 * take nothing away from the machine or from another borrower. At its quota the
 * store drops its own oldest pages instead. What came first is the coldest and has
 * been asked for least: to refuse new pages would leave a quota full of garbage that
 * nobody ever wants, as wanted pages leave by themselves.
 *
 * To the rest of mm lent frames are memory that can be had: they count as
 * NR_KERNEL_MISC_RECLAIMABLE, and a shrinker gives the oldest back. The frames of
 * zcache are spared by reclaim, as far as they are worth it (frames.c); these are
 * not, so foreign pages go before our own. All of them go before anyone is killed.
 * Frames of kept pages do not count so, unless they are overdue. All of them can be
 * moved as those of zcache, by the same code.
 *
 * The oldest number
 * -----------------
 * store->oldest is a number below which the store holds nothing, and takes nothing
 * any more, but for kept pages. It only grows. The borrower forgets what it knows of
 * pages below. It is raised before the pages below are dropped, and looked at again after
 * a page has been entered, with full barriers between: a page that is too old is seen
 * by one of the two.
 *
 * Locks: none of its own but RCU, which keeps a store while a zpage of it is
 * dropped by the shrinker. Those of tmem and zbud are taken. All but creating and
 * destroying may run in reclaim and does not sleep, except for a load that finds
 * its frame being tidied up: it waits while that frame, 16 KB, is copied.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/vmstat.h>
#include <linux/wait_bit.h>
#include <linux/xarray.h>
#include <linux/xxhash.h>

#include "../zcache.h"
#include "proto.h"
#include "ramster.h"

/* Not those of zcache: 2 and 3. */
#define RAMSTER_ZBUD_ID		2

/* A frame, or the nodes of an index: now or never, and not from the reserves. */
#define RAMSTER_GFP	(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

/* Pages of an object. */
#define RAMSTER_OBJECT		4096

/* A full store drops so many numbers at once, so many times for a page. */
#define RAMSTER_STRIDE		64
#define RAMSTER_MAX_STRIDES	128

/* Pages may arrive out of order: so far below the first one they are taken. */
#define RAMSTER_REORDER		(16 * RAMSTER_OBJECT)

/* A full store replaces its pages. How much of it, before it is asked again? */
#define RAMSTER_TURNOVER	16

/* Pages that are given back at once when there is less memory than there should be. */
#define RAMSTER_MAX_SETTLE	16384L

/* What is asked back is kept for so long. Borrowers say STATUS every few seconds. */
#define RAMSTER_GRACE		(30 * HZ)

/* Frames in use are passed over, so many times. */
#define RAMSTER_EVICT_TRIES	4

/**
 * struct ramster_store - what one borrower may use
 * @pools: from number to handle: what may be dropped, and what is kept
 * @id: in the table of stores, and of @pools
 * @quota: the most that its zpages may cost, in bytes
 * @bytes: what they cost
 * @kept_bytes: what those cost that are kept
 * @lost: pages that were to be kept and were dropped
 * @oldest: nothing below is held or taken
 * @newest: the largest number that was ever taken, 0 before the first
 */
struct ramster_store {
	struct tmem_pool *pools[TMEM_NR_TYPES];
	u32 id;
	long quota;
	atomic_long_t bytes;
	atomic_long_t kept_bytes;
	atomic_long_t lost;
	atomic64_t oldest;
	atomic64_t newest;
};

/* By the number that is in the headers of zpages. Read under RCU. */
static DEFINE_XARRAY_ALLOC(ramster_stores);

/* Made by the first ramster_store_start(), then constant. */
static struct zbud *ramster_zbuds[TMEM_NR_TYPES];

static unsigned int ramster_percent;
static unsigned int ramster_headroom_percent;

/* Pages in frames, those being handed in included. */
static atomic_long_t ramster_nr_pages[TMEM_NR_TYPES];

/* Since when pages that are kept are asked back, in jiffies; 0: they are not. */
static unsigned long ramster_recalled;

static struct tmem_key ramster_key(u64 number)
{
	return (struct tmem_key) {
		.object = number / RAMSTER_OBJECT,
		.index = number % RAMSTER_OBJECT,
	};
}

/* What a zpage takes of a frame, with its header. */
static long ramster_cost(unsigned int len)
{
	return ALIGN(16 + len, 16);
}

/*
 * Frames
 */

static void ramster_free_pages(enum tmem_pool_type type, struct page **pages)
{
	int i;

	for (i = 0; i < ZBUD_FRAME_PAGES; i++)
		if (pages[i])
			__free_page(pages[i]);
	atomic_long_sub(ZBUD_FRAME_PAGES, &ramster_nr_pages[type]);
}

/* What is kept is not to be had by who looks for memory. */
static void ramster_account(enum tmem_pool_type type, struct page **pages, int sign)
{
	int i;

	for (i = 0; i < ZBUD_FRAME_PAGES && type == TMEM_EPHEMERAL; i++)
		mod_node_page_state(page_pgdat(pages[i]),
				    NR_KERNEL_MISC_RECLAIMABLE, sign);
}

static void ramster_free_frame(enum tmem_pool_type type, struct page **pages)
{
	ramster_account(type, pages, -1);
	ramster_free_pages(type, pages);
}

static void ramster_release_loose(struct page **pages)
{
	ramster_free_frame(TMEM_EPHEMERAL, pages);
}

static void ramster_release_kept(struct page **pages)
{
	ramster_free_frame(TMEM_PERSISTENT, pages);
}

static long ramster_held(enum tmem_pool_type type)
{
	return max(atomic_long_read(&ramster_nr_pages[type]), 0L);
}

/* What may be dropped counts as available, but is not what is to be left. */
static long ramster_left_pages(void)
{
	long headroom = totalram_pages() * READ_ONCE(ramster_headroom_percent) / 100;

	return si_mem_available() - ramster_held(TMEM_EPHEMERAL) - headroom;
}

static long ramster_spare_pages(void)
{
	long limit = totalram_pages() * READ_ONCE(ramster_percent) / 100;

	return min(limit - (long)ramster_lent_frame_pages(), ramster_left_pages());
}

static bool ramster_add_frame(enum tmem_pool_type type, int nid)
{
	struct page *pages[ZBUD_FRAME_PAGES] = {};
	int i;

	/* Taken first and looked at then, so that two do not pass the limit. */
	atomic_long_add(ZBUD_FRAME_PAGES, &ramster_nr_pages[type]);
	if (ramster_spare_pages() < 0)
		goto fail;
	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		pages[i] = alloc_pages_node(nid, RAMSTER_GFP | ZCACHE_GFP_MOVABLE,
					    0);
		if (!pages[i])
			goto fail;
		zcache_make_movable(pages[i]);
	}
	ramster_account(type, pages, 1);
	zbud_add_frame(ramster_zbuds[type], pages);
	return true;
fail:
	ramster_free_pages(type, pages);
	return false;
}

/*
 * The index
 */

static int ramster_pin(struct tmem_pool *pool, unsigned long handle)
{
	return zbud_pin(ramster_zbuds[pool->type], handle);
}

static void ramster_uncharge(struct ramster_store *store, enum tmem_pool_type type,
			     long cost)
{
	atomic_long_sub(cost, &store->bytes);
	if (type == TMEM_PERSISTENT)
		atomic_long_sub(cost, &store->kept_bytes);
}

static void ramster_free(struct tmem_pool *pool, unsigned long handle)
{
	struct zbud_charge charge = zbud_free(ramster_zbuds[pool->type], handle);

	ramster_uncharge(pool->private, pool->type, ramster_cost(charge.len));
}

static bool ramster_check(struct tmem_pool *pool, const struct tmem_key *key,
			  unsigned long handle)
{
	struct zbud_zpage zpage;

	zbud_read(handle, &zpage);
	return zpage.key.pool == pool->id && zpage.key.object == key->object &&
	       zpage.key.index == key->index;
}

static const struct tmem_ops ramster_ops = {
	.pin = ramster_pin,
	.free = ramster_free,
	.check = ramster_check,
};

/*
 * Moving frames
 */

/*
 * A zpage is in the same place of another frame, and costs what it did. A handle is in
 * one of the pools at most.
 */
static bool ramster_replace_zpage(const struct zbud_key *owner, unsigned long old,
				  unsigned long new)
{
	const struct tmem_key key = { owner->object, owner->index };
	struct ramster_store *store;
	enum tmem_pool_type type;
	bool replaced = false;

	rcu_read_lock();
	store = xa_load(&ramster_stores, owner->pool);
	for (type = 0; store && !replaced && type < TMEM_NR_TYPES; type++) {
		replaced = tmem_replace(store->pools[type], &key, old, new);
		if (replaced)
			zbud_free(ramster_zbuds[type], old);
	}
	rcu_read_unlock();
	return replaced;
}

/**
 * ramster_move_page() - put another page in the place of one that is lent
 * @to: the new page, locked
 * @from: the old one, locked
 *
 * Context: As zcache_move_page().
 * Return: 0; -ENOENT if @from is not lent; -EAGAIN or -EBUSY if it is in use.
 */
int ramster_move_page(struct page *to, struct page *from)
{
	enum tmem_pool_type type;
	int err = -ENOENT;

	for (type = 0; err == -ENOENT && type < TMEM_NR_TYPES; type++)
		if (ramster_zbuds[type])
			err = zcache_move_page(ramster_zbuds[type], to, from,
					       ramster_replace_zpage,
					       type == TMEM_EPHEMERAL);
	if (!err)
		ramster_count(RAMSTER_LENT_MIGRATED);
	return err;
}

/*
 * Dropping the oldest
 */

/* Let nothing from @from, the oldest number, up to @to be held any more. */
static void ramster_raise_oldest(struct ramster_store *store, s64 from, s64 to)
{
	const struct tmem_key key = ramster_key(from);
	s64 nr = to - from;

	/* Fully ordered: the number first, then what is below. */
	if (atomic64_try_cmpxchg(&store->oldest, &from, to))
		ramster_count_many(RAMSTER_LENT_DROPPED,
				   tmem_invalidate(store->pools[TMEM_EPHEMERAL], &key, nr));
}

/* Is there nothing from @from to the end of its object? */
static bool ramster_nothing_from(struct ramster_store *store, s64 from)
{
	const struct tmem_key key = ramster_key(from);

	return !tmem_count(store->pools[TMEM_EPHEMERAL], &key,
			   RAMSTER_OBJECT - key.index);
}

/*
 * Drop a stride of the oldest numbers, of which some or all may be gone or never
 * were ours: the borrower has other lenders. What is left of an empty object is
 * passed at once. Returns false if there are no more.
 */
static bool ramster_drop_stride(struct ramster_store *store)
{
	s64 from = atomic64_read(&store->oldest);
	s64 end = atomic64_read(&store->newest) + 1;
	s64 to = round_down(from, RAMSTER_STRIDE) + RAMSTER_STRIDE;

	if (from >= end)
		return false;
	if (ramster_nothing_from(store, from))
		to = round_down(from, RAMSTER_OBJECT) + RAMSTER_OBJECT;
	/* What comes next is not too old. */
	ramster_raise_oldest(store, from, min(to, end));
	return true;
}

/* What may be dropped makes room, for itself and for what is kept. */
static bool ramster_charge(struct ramster_store *store, enum tmem_pool_type type,
			   long cost)
{
	int strides = RAMSTER_MAX_STRIDES;

	if (cost > store->quota)
		return false;
	atomic_long_add(cost, &store->bytes);
	if (type == TMEM_PERSISTENT)
		atomic_long_add(cost, &store->kept_bytes);
	while (atomic_long_read(&store->bytes) > store->quota) {
		if (!strides-- || !ramster_drop_stride(store)) {
			ramster_uncharge(store, type, cost);
			return false;
		}
	}
	return true;
}

/* The first page says where the numbers begin. */
static void ramster_note_number(struct ramster_store *store, s64 number)
{
	s64 begin = round_down(number, RAMSTER_OBJECT) - RAMSTER_REORDER;
	s64 newest = atomic64_read(&store->newest);

	while (newest < number &&
	       !atomic64_try_cmpxchg(&store->newest, &newest, number))
		;
	if (!newest && begin > 0)
		atomic64_cmpxchg(&store->oldest, 0, begin);
}

/*
 * Storing
 */

static int ramster_alloc(struct ramster_store *store, enum tmem_pool_type type,
			 const struct tmem_key *key, const void *data,
			 unsigned int len, unsigned long *handle)
{
	const struct zbud_key owner = {
		.object = key->object, .index = key->index, .pool = store->id,
	};
	struct zbud *zbud = ramster_zbuds[type];
	u32 checksum = xxh32(data, len, 0);
	int nid = numa_mem_id();
	int err;

	err = zbud_alloc(zbud, nid, &owner, len, checksum, handle);
	if (err == -ENOSPC && ramster_add_frame(type, nid))
		err = zbud_alloc(zbud, nid, &owner, len, checksum, handle);
	return err;
}

/* The page is charged for; whatever fails here, the charge is not undone. */
static int ramster_enter(struct ramster_store *store, enum tmem_pool_type type,
			 u64 number, const void *data, unsigned int len)
{
	const struct tmem_key key = ramster_key(number);
	unsigned long handle;
	int err;

	err = ramster_alloc(store, type, &key, data, len, &handle);
	if (err)
		return err;
	zbud_write(handle, data);
	if (type == TMEM_EPHEMERAL)
		ramster_note_number(store, number);
	err = tmem_store(store->pools[type], &key, handle, RAMSTER_GFP);
	if (err)
		zbud_free(ramster_zbuds[type], handle);
	zbud_unpin(ramster_zbuds[type], handle);
	return err;
}

/* Is this page one of those that the store takes no more? */
static bool ramster_too_old(struct ramster_store *store, enum tmem_pool_type type,
			    u64 number)
{
	return type == TMEM_EPHEMERAL && number < atomic64_read(&store->oldest);
}

static int ramster_try_put(struct ramster_store *store, enum tmem_pool_type type,
			   u64 number, const void *data, unsigned int len)
{
	long cost = ramster_cost(len);
	int err;

	if (!number || number > RAMSTER_MAX_NUMBER || !len ||
	    len > ZBUD_MAX_SIZE)
		return -EINVAL;
	if (ramster_too_old(store, type, number))
		return -ESTALE;
	/* What is sent again replaces what was sent first. */
	ramster_store_drop(store, number);
	if (!ramster_charge(store, type, cost))
		return -EDQUOT;
	err = ramster_enter(store, type, number, data, len);
	if (err) {
		ramster_uncharge(store, type, cost);
		return err;
	}
	/* Pairs with raising it: either we see that, or our page is seen. */
	smp_mb();
	if (ramster_too_old(store, type, number)) {
		ramster_store_drop(store, number);
		return -ESTALE;
	}
	return 0;
}

/**
 * ramster_store_put() - take a page
 * @store: the store
 * @number: its number
 * @data: its bytes, sealed
 * @len: their number, at most %ZBUD_MAX_SIZE
 * @keep: it is to be kept until it is dropped by its borrower
 *
 * What was there under this number is gone, whatever the outcome. When the quota
 * is full the oldest pages of the store go that are not kept.
 *
 * Context: Process context. Does not sleep.
 * Return: 0; -EDQUOT if the quota is full and room could not be made at once;
 * -ENOSPC if all that may be lent is lent, or no memory is left for others; -ENOMEM;
 * -ESTALE if @number is below ramster_store_oldest(); -EINVAL if @number or @len
 * is out of range.
 */
int ramster_store_put(struct ramster_store *store, u64 number, const void *data,
		      unsigned int len, bool keep)
{
	int err = ramster_try_put(store, keep ? TMEM_PERSISTENT : TMEM_EPHEMERAL,
				  number, data, len);

	ramster_count(err ? RAMSTER_LENT_REFUSED : RAMSTER_LENT_STORES);
	return err;
}

/*
 * Loading
 */

/* Copy a pinned zpage out. Returns its length, or -EBADMSG if it is damaged. */
static int ramster_copy(unsigned long handle, void *buf, unsigned int size)
{
	struct zbud_zpage zpage;

	zbud_read(handle, &zpage);
	if (zpage.len > size)
		return -EBADMSG;
	memcpy(buf, zpage.part[0].addr, zpage.part[0].len);
	if (zpage.part[1].len)
		memcpy(buf + zpage.part[0].len, zpage.part[1].addr,
		       zpage.part[1].len);
	return xxh32(buf, zpage.len, 0) == zpage.checksum ? zpage.len :
							    -EBADMSG;
}

/* A page of a store that is gone against its will. */
static void ramster_dropped(struct ramster_store *store, enum tmem_pool_type type)
{
	ramster_count(RAMSTER_LENT_DROPPED);
	if (type == TMEM_PERSISTENT)
		atomic_long_inc(&store->lost);
}

static int ramster_get(struct ramster_store *store, enum tmem_pool_type type,
		       u64 number, void *buf, unsigned int size)
{
	const struct tmem_key key = ramster_key(number);
	struct tmem_pool *pool = store->pools[type];
	unsigned long handle;
	int err, len;

	wait_var_event(ramster_zbuds[type],
		       (err = tmem_pin(pool, &key, &handle)) != -EAGAIN);
	if (err)
		return -ENOENT;
	len = ramster_copy(handle, buf, size);
	if (len < 0) {
		pr_warn_ratelimited("a lent page was damaged in memory\n");
		if (tmem_erase(pool, &key, handle))
			ramster_dropped(store, type);
		len = -ENOENT;
	}
	zbud_unpin(ramster_zbuds[type], handle);
	return len;
}

/**
 * ramster_store_get() - read a page, which stays
 * @store: the store
 * @number: its number
 * @buf: where to put its bytes
 * @size: room there
 *
 * Context: Process context. May sleep while one frame is being tidied up.
 * Return: the number of bytes; -ENOENT if it is not there (any more).
 */
int ramster_store_get(struct ramster_store *store, u64 number, void *buf,
		      unsigned int size)
{
	int len;

	ramster_count(RAMSTER_LENT_LOADS);
	len = ramster_get(store, TMEM_EPHEMERAL, number, buf, size);
	if (len < 0)
		len = ramster_get(store, TMEM_PERSISTENT, number, buf, size);
	if (len > 0)
		ramster_count(RAMSTER_LENT_HITS);
	return len;
}

/**
 * ramster_store_drop() - forget a page
 * @store: the store
 * @number: its number
 *
 * Context: Process context. Does not sleep.
 */
void ramster_store_drop(struct ramster_store *store, u64 number)
{
	const struct tmem_key key = ramster_key(number);
	enum tmem_pool_type type;

	for (type = 0; type < TMEM_NR_TYPES; type++)
		tmem_invalidate(store->pools[type], &key, 1);
}

/**
 * ramster_store_pages() - how many pages a store holds
 * @store: the store
 *
 * Context: Any.
 * Return: their number, out of date at once.
 */
unsigned long ramster_store_pages(struct ramster_store *store)
{
	return atomic_long_read(&store->pools[TMEM_EPHEMERAL]->nr_pages) +
	       ramster_store_kept(store);
}

/**
 * ramster_store_kept() - how many of its pages a store is to keep
 * @store: the store
 *
 * Context: Any.
 * Return: their number, out of date at once.
 */
unsigned long ramster_store_kept(struct ramster_store *store)
{
	return atomic_long_read(&store->pools[TMEM_PERSISTENT]->nr_pages);
}

/**
 * ramster_store_lost() - how many pages a store was to keep, and did not
 * @store: the store
 *
 * Context: Any.
 * Return: their number, which only grows.
 */
unsigned long ramster_store_lost(struct ramster_store *store)
{
	return atomic_long_read(&store->lost);
}

/**
 * ramster_store_room() - how much a store would still take
 * @store: the store
 *
 * A full store takes new pages for old ones, unless it has to keep them. It says that
 * it has a little room, so that the borrower goes on, but prefers lenders that have more.
 *
 * Context: Any but interrupt context.
 * Return: a number of pages, out of date at once; 0 if memory is short.
 */
unsigned long ramster_store_room(struct ramster_store *store)
{
	long bytes = atomic_long_read(&store->bytes), left = store->quota - bytes;
	long loose = bytes - atomic_long_read(&store->kept_bytes);
	long spare = ramster_spare_pages();

	/* What goes into holes takes no memory. */
	if (zbud_has_room(ramster_zbuds[TMEM_EPHEMERAL], NUMA_NO_NODE))
		spare = max_t(long, spare, ZBUD_FRAME_PAGES);
	if (spare < ZBUD_FRAME_PAGES)
		return 0;
	left = max(left, min(store->quota / RAMSTER_TURNOVER, loose));
	return min(DIV_ROUND_UP(left, PAGE_SIZE), spare);
}

/**
 * ramster_store_oldest() - a bound of the numbers that are held
 * @store: the store
 *
 * The shrinker drops pages in no order. So this looks whether whole objects have
 * become empty, a few each time.
 *
 * Context: Process context. Does not sleep.
 * Return: nothing below this number is held or will be taken; it only grows. There
 * may be nothing above it, either.
 */
u64 ramster_store_oldest(struct ramster_store *store)
{
	int objects;
	s64 from, to;

	for (objects = 0; objects < 16; objects++) {
		from = atomic64_read(&store->oldest);
		to = round_down(from, RAMSTER_OBJECT) + RAMSTER_OBJECT;
		if (to > atomic64_read(&store->newest) ||
		    !ramster_nothing_from(store, from))
			break;
		ramster_raise_oldest(store, from, to);
	}
	return atomic64_read(&store->oldest);
}

/*
 * Giving frames back
 */

static void ramster_evict_zpage(const struct zbud_key *owner,
				unsigned long handle, void *arg)
{
	const struct tmem_key key = { owner->object, owner->index };
	const enum tmem_pool_type *type = arg;
	struct ramster_store *store;

	rcu_read_lock();
	store = xa_load(&ramster_stores, owner->pool);
	/* A store that has left the table is empty. */
	if (store && tmem_erase(store->pools[*type], &key, handle))
		ramster_dropped(store, *type);
	rcu_read_unlock();
}

static bool ramster_give_frame(enum tmem_pool_type type, int nid)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	int tries, err = -EBUSY;

	if (zbud_trim(ramster_zbuds[type], nid, pages))
		err = 0;
	for (tries = 0; err == -EBUSY && tries < RAMSTER_EVICT_TRIES; tries++)
		err = zbud_evict(ramster_zbuds[type], nid, ramster_evict_zpage, &type,
				 pages);
	if (err)
		return false;
	ramster_free_frame(type, pages);
	return true;
}

/* What is kept goes last, if it must. */
static unsigned long ramster_shrink(int nid, unsigned long nr_pages, bool kept)
{
	enum tmem_pool_type type, last = kept ? TMEM_PERSISTENT : TMEM_EPHEMERAL;
	unsigned long freed = 0;

	for (type = TMEM_EPHEMERAL; type <= last; type++)
		while (freed < nr_pages && ramster_give_frame(type, nid))
			freed += ZBUD_FRAME_PAGES;
	return freed;
}

/**
 * ramster_store_shrink() - give the oldest frames back
 * @nr_pages: as many pages, or a few more
 * @kept: those with pages that are kept as well, if there are no others
 *
 * Context: Any but interrupt context.
 * Return: pages given back.
 */
unsigned long ramster_store_shrink(unsigned long nr_pages, bool kept)
{
	unsigned long freed = 0;
	int nid;

	for_each_node(nid)
		if (freed < nr_pages)
			freed += ramster_shrink(nid, nr_pages - freed, kept);
	return freed;
}

/*
 * Since when pages that are kept are asked back: less is left than there should be, and
 * what may be dropped is not enough. 0: they are not.
 */
static unsigned long ramster_recall(void)
{
	unsigned long since = READ_ONCE(ramster_recalled);
	long missing = -ramster_left_pages();

	if (missing <= ramster_held(TMEM_EPHEMERAL))
		since = 0;
	else if (!since)
		since = jiffies ?: 1;
	WRITE_ONCE(ramster_recalled, since);
	return since;
}

/* Time is up: what was not taken home goes. */
static bool ramster_recall_is_due(void)
{
	unsigned long since = ramster_recall();

	return since && time_after(jiffies, since + RAMSTER_GRACE);
}

/**
 * ramster_store_recalls() - are pages that are kept asked back?
 *
 * Context: Any.
 * Return: true if less memory is left than there should be, and what may be dropped is
 * not enough.
 */
bool ramster_store_recalls(void)
{
	return ramster_recall();
}

/**
 * ramster_store_settle() - give back what is lent beyond the limits
 *
 * They are looked at when a frame is taken, but others take memory as well. This
 * does not wait until reclaim comes by; in steps, so it is to be called now and then.
 *
 * Context: Process context. Does not sleep.
 */
void ramster_store_settle(void)
{
	long spare = ramster_spare_pages();

	if (spare < 0)
		ramster_store_shrink(min(-spare, RAMSTER_MAX_SETTLE),
				     ramster_recall_is_due());
}

static unsigned long ramster_shrinker_count(struct shrinker *shrinker,
					    struct shrink_control *sc)
{
	unsigned long frames = zbud_node_frames(ramster_zbuds[TMEM_EPHEMERAL], sc->nid);

	if (ramster_recall_is_due())
		frames += zbud_node_frames(ramster_zbuds[TMEM_PERSISTENT], sc->nid);
	return frames * ZBUD_FRAME_PAGES ?: SHRINK_EMPTY;
}

static unsigned long ramster_shrinker_scan(struct shrinker *shrinker,
					   struct shrink_control *sc)
{
	unsigned long freed = ramster_shrink(sc->nid, sc->nr_to_scan,
					     ramster_recall_is_due());

	mm_account_reclaimed_pages(freed);
	return freed ?: SHRINK_STOP;
}

static int ramster_oom(struct notifier_block *nb, unsigned long action,
		       void *freed)
{
	*(unsigned long *)freed += ramster_store_shrink(ULONG_MAX, true);
	return NOTIFY_OK;
}

static struct notifier_block ramster_oom_nb = {
	.notifier_call = ramster_oom,
};

/**
 * ramster_lent_frame_pages() - how much memory is lent
 *
 * Context: Any.
 * Return: pages in frames.
 */
unsigned long ramster_lent_frame_pages(void)
{
	return ramster_held(TMEM_EPHEMERAL) + ramster_held(TMEM_PERSISTENT);
}

/*
 * Life
 */

static int ramster_zbud_start(void)
{
	struct zbud *loose, *kept;
	struct shrinker *shrinker;

	shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "mm-ramster");
	loose = zbud_create(RAMSTER_ZBUD_ID, ramster_release_loose);
	kept = zbud_create(RAMSTER_ZBUD_ID + 1, ramster_release_kept);
	if (!shrinker || !loose || !kept)
		goto fail;
	ramster_zbuds[TMEM_EPHEMERAL] = loose;
	ramster_zbuds[TMEM_PERSISTENT] = kept;
	shrinker->count_objects = ramster_shrinker_count;
	shrinker->scan_objects = ramster_shrinker_scan;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker->batch = ZBUD_FRAME_PAGES * 8;
	shrinker_register(shrinker);
	register_oom_notifier(&ramster_oom_nb);
	return 0;
fail:
	if (kept)
		zbud_destroy(kept);
	if (loose)
		zbud_destroy(loose);
	if (shrinker)
		shrinker_free(shrinker);
	return -ENOMEM;
}

/**
 * ramster_store_start() - say how much may be lent
 * @percent: of memory, for all stores, at most
 * @headroom_percent: of memory, that must remain available besides
 *
 * Context: May sleep. One caller at a time.
 * Return: 0, or -ENOMEM with nothing changed.
 */
int ramster_store_start(unsigned int percent, unsigned int headroom_percent)
{
	int err = 0;

	if (!ramster_zbuds[TMEM_EPHEMERAL])
		err = ramster_zbud_start();
	if (err)
		return err;
	WRITE_ONCE(ramster_percent, percent);
	WRITE_ONCE(ramster_headroom_percent, headroom_percent);
	return 0;
}

static int ramster_store_add_pools(struct ramster_store *store)
{
	enum tmem_pool_type type;
	struct tmem_pool *pool;

	for (type = 0; type < TMEM_NR_TYPES; type++) {
		pool = tmem_pool_create(store->id, type, &ramster_ops, store);
		if (IS_ERR(pool))
			return PTR_ERR(pool);
		store->pools[type] = pool;
	}
	return 0;
}

static void ramster_store_free(struct ramster_store *store)
{
	enum tmem_pool_type type;

	for (type = 0; type < TMEM_NR_TYPES; type++)
		if (store->pools[type])
			tmem_pool_destroy(store->pools[type]);
	WARN_ON_ONCE(atomic_long_read(&store->bytes));
	kfree(store);
}

/**
 * ramster_store_create() - make a store
 * @quota_pages: the most that its zpages may cost, in pages
 *
 * Context: May sleep. After ramster_store_start().
 * Return: the store, or ERR_PTR(-ENOMEM); ERR_PTR(-EBUSY) if there are too many.
 */
struct ramster_store *ramster_store_create(unsigned long quota_pages)
{
	struct ramster_store *store = kzalloc(sizeof(*store), GFP_KERNEL);
	int err;

	if (!store)
		return ERR_PTR(-ENOMEM);
	store->quota = min(quota_pages, totalram_pages()) * PAGE_SIZE;
	/* A number is taken, but not yet found: the one that had it may just go. */
	err = xa_alloc(&ramster_stores, &store->id, NULL,
		       XA_LIMIT(0, U16_MAX), GFP_KERNEL);
	if (err)
		goto free;
	err = ramster_store_add_pools(store);
	if (err)
		goto release;
	/* What was reserved is there, so this cannot fail. */
	xa_store(&ramster_stores, store->id, store, GFP_KERNEL);
	return store;
release:
	xa_release(&ramster_stores, store->id);
free:
	ramster_store_free(store);
	return ERR_PTR(err);
}

/**
 * ramster_store_destroy() - free a store and all in it
 * @store: the store; nobody else uses it any more
 *
 * Context: May sleep.
 */
void ramster_store_destroy(struct ramster_store *store)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	enum tmem_pool_type type;
	int nid;

	/* While there is a page the store is found: see zcache_pool_destroy(). */
	for (type = 0; type < TMEM_NR_TYPES; type++)
		tmem_invalidate_all(store->pools[type]);
	xa_erase(&ramster_stores, store->id);
	/* The shrinker may have found it just before. */
	synchronize_rcu();
	ramster_store_free(store);
	/* Frames that were handed in and not used. */
	for (type = 0; type < TMEM_NR_TYPES; type++)
		for_each_node(nid)
			while (zbud_trim(ramster_zbuds[type], nid, pages))
				ramster_free_frame(type, pages);
}

/**
 * ramster_store_validate() - check every invariant of a store, and all frames
 * @store: the store; no store changes meanwhile
 *
 * Context: May sleep.
 * Return: the number of violations, each of which is logged.
 */
int ramster_store_validate(struct ramster_store *store)
{
	enum tmem_pool_type type;
	int errors = 0;

	for (type = 0; type < TMEM_NR_TYPES; type++)
		errors += tmem_validate(store->pools[type]) +
			  zbud_validate(ramster_zbuds[type]);
	return errors;
}
