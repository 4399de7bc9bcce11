// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of zcache: its frames, their limit, and how they are given back
 *
 * Frames are allocated and freed nowhere else. There are two instances of zbud,
 * one for file pages (ephemeral) and one for swap pages (persistent), under one
 * limit. Swap pages outrank file pages: when there is no memory for a frame,
 * the oldest frame of file pages is emptied and filled again (*ouroboros*).
 *
 *			swap page		file page
 *	1		a frame with room	a frame with room
 *	2		a new frame		new frames, see ZCACHE_GROWTH
 *	3		ouroboros		ouroboros
 *	4		a new frame, out of half
 *			of the min watermark
 *
 * A new frame is refused below the min watermark. So file pages make the pool grow
 * only while kswapd keeps up: once tasks have to reclaim by themselves, the pool
 * takes none of what they free. And in the long run it takes at most 7/8 of what
 * kswapd frees, for that is the largest zpage.
 *
 * To the rest of mm the frames of file pages are memory that can be had: they
 * count as NR_KERNEL_MISC_RECLAIMABLE (so in MemAvailable) and in what may
 * become dirty, a shrinker gives the oldest back, an idle pool decays (decay.c), and
 * before anyone is killed for memory all of them go, as they do before hibernation.
 *
 * The pages of frames can be moved one by one, for compaction, huge pages, CMA and
 * memory hot-unplug; so they lie among those that can.
 *
 * Locks: none of its own; spinlocks of tmem and zbud are taken. All of it may
 * run in reclaim. Who moves a page holds its page lock; nothing else here waits
 * for one.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/migrate.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/pagemap.h>
#include <linux/shrinker.h>
#include <linux/suspend.h>
#include <linux/swap.h>
#include <linux/vmstat.h>
#include <linux/zcache.h>

#include "zcache.h"

/*
 * How hard reclaim presses, compared with the page cache: so many times less.
 *
 * The pool lives from what it takes over from the page cache, so each pass of reclaim
 * shrinks what it has just made grow, in proportion to the size: with a quarter of the
 * pressure it comes to rest at a tenth of memory whatever the load. The pressure should
 * be as what is lost by giving way: a page of the page cache comes here and back, which
 * takes a store and a load; a page of the pool has ZCACHE_DENSITY pages in it, which the
 * device has to read. Both times are measured (costs.c). The smallest is for devices
 * that are not known, and for need: when there is no page cache left to speak of (a
 * ZCACHE_NEEDY-th of the pool) others want the memory. At the largest a pool of 80 % is
 * not kept from growing any more.
 */
#define ZCACHE_DENSITY		2
#define ZCACHE_EASE_MIN		64
#define ZCACHE_EASE_MAX		4096
#define ZCACHE_NEEDY		8

/*
 * The pool grows for file pages by so many frames at once. Where they cannot be
 * moved (no CONFIG_COMPACTION) each growth takes from blocks of pages that can, in
 * memory full of page cache, which boosts the watermarks for a while; then
 * readahead, which does not try hard to get memory, is cut short and costs a seek.
 * Better once in a while.
 */
#define ZCACHE_GROWTH		16

/* Frames in use by others are passed over, so many times. */
#define ZCACHE_EVICT_TRIES	4

#define ZCACHE_GFP	(__GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC | \
			 __GFP_KSWAPD_RECLAIM)

/* Made by the first zcache_start(), then constant. */
static struct zbud *zcache_instance[TMEM_NR_TYPES];

/* Pages in frames of both instances, those being handed in included. */
static atomic_long_t zcache_nr_pool_pages;

/*
 * Accounting
 */

static void zcache_account(enum tmem_pool_type type, struct page **pages,
			   int sign)
{
	int i;

	for (i = 0; type == TMEM_EPHEMERAL && i < ZBUD_FRAME_PAGES; i++)
		mod_node_page_state(page_pgdat(pages[i]),
				    NR_KERNEL_MISC_RECLAIMABLE, sign);
}

static void zcache_free_pages(struct page **pages)
{
	int i;

	for (i = 0; i < ZBUD_FRAME_PAGES; i++)
		if (pages[i])
			__free_page(pages[i]);
	atomic_long_sub(ZBUD_FRAME_PAGES, &zcache_nr_pool_pages);
}

static void zcache_add_frame(enum tmem_pool_type type, struct page **pages)
{
	zcache_account(type, pages, 1);
	zbud_add_frame(zcache_instance[type], pages);
	if (type == TMEM_EPHEMERAL)
		zcache_decay_wake();
}

/**
 * zcache_free_frame() - free the pages of an emptied frame
 * @type: what was in it
 * @pages: its pages
 *
 * Context: Any.
 */
void zcache_free_frame(enum tmem_pool_type type, struct page **pages)
{
	zcache_account(type, pages, -1);
	zcache_free_pages(pages);
}

static void zcache_free_file_frame(struct page **pages)
{
	zcache_free_frame(TMEM_EPHEMERAL, pages);
}

static void zcache_free_swap_frame(struct page **pages)
{
	zcache_free_frame(TMEM_PERSISTENT, pages);
}

static bool zcache_at_limit(void)
{
	return atomic_long_read(&zcache_nr_pool_pages) + ZBUD_FRAME_PAGES >
	       zcache_pool_limit();
}

/*
 * Moving pages
 *
 * page->mapping says that a page is ours and can be moved. It says so until the
 * page allocator has the page back: frames are freed where nobody may wait for a
 * page lock. So we may be called for a page that was freed. That is noticed when
 * zbud knows it no more, and it cannot be another's yet, for who calls has a
 * reference. page->lru belongs to who isolated a page; zbud does not use it.
 */

static bool zcache_isolate_page(struct page *page, isolate_mode_t mode)
{
	return true;
}

static void zcache_putback_page(struct page *page)
{
}

/**
 * zcache_move_page() - put another page in the place of one of a frame
 * @zbud: the instance that may have the frame
 * @to: the new page, locked
 * @from: the old one, locked
 * @replace: tells the index
 * @reclaimable: its frames count as reclaimable
 *
 * Context: Process context. Does not wait: a frame in use is tried again, or not.
 * Return: 0; -EAGAIN or -EBUSY if the frame is in use; -ENOENT if @zbud does not have
 * @from: it was freed, or is on its way between two instances.
 */
int zcache_move_page(struct zbud *zbud, struct page *to, struct page *from,
		     zbud_replace_t replace, bool reclaimable)
{
	int err;

	/* Ours from now on: the frame may be freed at once, and @to with it. */
	get_page(to);
	err = zbud_move(zbud, to, from, replace);
	if (err) {
		put_page(to);
		return err;
	}
	if (reclaimable) {
		mod_node_page_state(page_pgdat(from),
				    NR_KERNEL_MISC_RECLAIMABLE, -1);
		mod_node_page_state(page_pgdat(to),
				    NR_KERNEL_MISC_RECLAIMABLE, 1);
	}
	__SetPageMovable(to, page_movable_ops(from));
	__ClearPageMovable(from);
	put_page(from);
	return 0;
}

static int zcache_migrate_page(struct page *to, struct page *from,
			       enum migrate_mode mode)
{
	enum tmem_pool_type type;
	int err = -ENOENT;

	for (type = 0; err == -ENOENT && type < TMEM_NR_TYPES; type++) {
		/* That of lent frames may be there without these. */
		if (!zcache_instance[type])
			continue;
		err = zcache_move_page(zcache_instance[type], to, from,
				       zcache_replace_zpage,
				       type == TMEM_EPHEMERAL);
		if (!err)
			zcache_count(type, ZCACHE_PAGES_MIGRATED);
	}
	if (err == -ENOENT)
		err = ramster_move_page(to, from);
	return err == -ENOENT ? -EAGAIN : err;
}

static const struct movable_operations zcache_movable_ops = {
	.isolate_page = zcache_isolate_page,
	.migrate_page = zcache_migrate_page,
	.putback_page = zcache_putback_page,
};

/**
 * zcache_make_movable() - a page that is to be part of a frame can be moved
 * @page: the page, new
 *
 * Nobody has locked a new page, but by chance: then it just cannot be moved.
 *
 * Context: Any but interrupt context.
 */
void zcache_make_movable(struct page *page)
{
	if (!trylock_page(page))
		return;
	__SetPageMovable(page, &zcache_movable_ops);
	unlock_page(page);
}

/*
 * Getting frames
 */

static bool zcache_alloc_frame(enum tmem_pool_type type, int nid, gfp_t gfp)
{
	struct page *pages[ZBUD_FRAME_PAGES] = {};
	int i;

	if (atomic_long_add_return(ZBUD_FRAME_PAGES, &zcache_nr_pool_pages) >
	    zcache_pool_limit())
		goto fail;
	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		pages[i] = alloc_pages_node(nid, gfp | ZCACHE_GFP_MOVABLE, 0);
		if (!pages[i])
			goto fail;
		zcache_make_movable(pages[i]);
	}
	zcache_add_frame(type, pages);
	return true;
fail:
	zcache_free_pages(pages);
	return false;
}

/* Empty the oldest frame of file pages of a node. */
static bool zcache_evict_frame(int nid, struct page **pages)
{
	struct zbud *zbud = zcache_instance[TMEM_EPHEMERAL];
	int err, tries;

	if (zbud_trim(zbud, nid, pages))
		return true;
	ramster_cold_wake();
	for (tries = 0; tries < ZCACHE_EVICT_TRIES; tries++) {
		err = zbud_evict(zbud, nid, zcache_evict_zpage, NULL, pages);
		if (err != -EBUSY)
			return !err;
	}
	return false;
}

/* Ouroboros: best on the node where the memory is wanted. */
static bool zcache_take_file_frame(enum tmem_pool_type type, int nid)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	int other;

	if (zcache_evict_frame(nid, pages))
		goto taken;
	for_each_node(other)
		if (other != nid && zcache_evict_frame(other, pages))
			goto taken;
	return false;
taken:
	zcache_account(TMEM_EPHEMERAL, pages, -1);
	zcache_add_frame(type, pages);
	return true;
}

/**
 * zcache_gfp() - how to allocate while a page is stored
 * @page: the page
 *
 * The nodes of the index are unmovable, and so are frames without
 * CONFIG_COMPACTION: taking them fragments memory, and the kernel answers by
 * boosting the watermarks for a while. Our own growth would keep us from growing.
 * __GFP_HIGH overlooks the boost. Above the plain min watermark that is all it
 * does.
 *
 * Context: Any.
 * Return: flags.
 */
gfp_t zcache_gfp(struct page *page)
{
	struct zone *zone = page_zone(page);

	if (zone_watermark_ok(zone, 0, zone->_watermark[WMARK_MIN],
			      zone_idx(zone), 0))
		return ZCACHE_GFP | __GFP_HIGH;
	return ZCACHE_GFP;
}

/* Never below the min watermark, which is looked at for each frame. */
static bool zcache_grow_for_file(struct page *page)
{
	int nid = page_to_nid(page);
	int i;

	for (i = 0; i < ZCACHE_GROWTH; i++)
		if (!zcache_alloc_frame(TMEM_EPHEMERAL, nid,
					zcache_gfp(page) | __GFP_THISNODE))
			break;
	return i;
}

static int zcache_room_for_file(struct page *page)
{
	bool limit = zcache_at_limit();

	if (!limit && zcache_grow_for_file(page))
		return 0;
	if (zcache_take_file_frame(TMEM_EPHEMERAL, page_to_nid(page)))
		return 0;
	return limit ? -EDQUOT : -ENOMEM;
}

static int zcache_get_swap_frame(struct page *page)
{
	gfp_t gfp = zcache_gfp(page);
	int nid = page_to_nid(page);
	bool limit = zcache_at_limit();

	if (!limit && zcache_alloc_frame(TMEM_PERSISTENT, nid,
					 gfp | __GFP_THISNODE))
		return 0;
	if (zcache_take_file_frame(TMEM_PERSISTENT, nid))
		return 0;
	if (limit)
		return -EDQUOT;
	if (zbud_has_room(zcache_instance[TMEM_PERSISTENT], NUMA_NO_NODE) ||
	    zcache_alloc_frame(TMEM_PERSISTENT, nid, gfp | __GFP_HIGH))
		return 0;
	return -ENOMEM;
}

/* Is the pool getting full of swap pages? Then the coldest move on. */
static int zcache_room_for_swap(struct page *page)
{
	int err = zcache_get_swap_frame(page);

	zcache_writeback_wake(err == -EDQUOT);
	return err;
}

/**
 * zcache_make_room() - see to it that a zpage of any size finds a frame
 * @type: what is to be stored
 * @page: the page; the frame is best on its node
 * @again: there seemed to be room the last time, but it could not be used
 *
 * If it fails a smaller zpage may still fit somewhere.
 *
 * Context: Process context, in reclaim. Does not sleep.
 * Return: 0; -EDQUOT at the limit; -ENOMEM.
 */
int zcache_make_room(enum tmem_pool_type type, struct page *page, bool again)
{
	if (!again && zbud_has_room(zcache_instance[type], page_to_nid(page)))
		return 0;
	return type == TMEM_EPHEMERAL ? zcache_room_for_file(page) :
					zcache_room_for_swap(page);
}

/*
 * Giving frames back
 */

/* Return: pages given back. */
static unsigned long zcache_shrink(int nid, unsigned long nr_pages)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	unsigned long freed = 0;

	while (freed < nr_pages && zcache_evict_frame(nid, pages)) {
		zcache_free_file_frame(pages);
		freed += ZBUD_FRAME_PAGES;
	}
	return freed;
}

/**
 * zcache_shrink_files() - give the coldest frames of file pages back
 * @nr_pages: as many pages, or a few more
 *
 * Context: Any but interrupt context.
 * Return: pages given back.
 */
unsigned long zcache_shrink_files(unsigned long nr_pages)
{
	unsigned long freed = 0;
	int nid;

	for_each_node(nid)
		if (freed < nr_pages)
			freed += zcache_shrink(nid, nr_pages - freed);
	return freed;
}

static bool zcache_is_needed(int nid, unsigned long pool_pages)
{
	unsigned long cached = node_page_state(NODE_DATA(nid), NR_INACTIVE_FILE) +
			       node_page_state(NODE_DATA(nid), NR_ACTIVE_FILE);

	return cached < pool_pages / ZCACHE_NEEDY;
}

static unsigned int zcache_ease(int nid, unsigned long pool_pages)
{
	u64 copy_ns = zcache_copy_ns(TMEM_EPHEMERAL);
	u64 read_ns = zcache_read_ns(TMEM_EPHEMERAL);

	if (!copy_ns || zcache_is_needed(nid, pool_pages))
		return ZCACHE_EASE_MIN;
	return clamp(div64_u64(ZCACHE_DENSITY * read_ns, copy_ns), ZCACHE_EASE_MIN,
		     ZCACHE_EASE_MAX);
}

/* Reclaim looks at @seeks after it has counted. Nodes that race get each other's. */
static unsigned long zcache_shrinker_count(struct shrinker *shrinker,
					   struct shrink_control *sc)
{
	unsigned long pages = zbud_node_frames(zcache_instance[TMEM_EPHEMERAL], sc->nid) *
			      ZBUD_FRAME_PAGES;

	WRITE_ONCE(shrinker->seeks, zcache_ease(sc->nid, pages) * DEFAULT_SEEKS);
	return pages ?: SHRINK_EMPTY;
}

static unsigned long zcache_shrinker_scan(struct shrinker *shrinker,
					  struct shrink_control *sc)
{
	unsigned long freed = zcache_shrink(sc->nid, sc->nr_to_scan);

	mm_account_reclaimed_pages(freed);
	return freed ?: SHRINK_STOP;
}

static int zcache_oom(struct notifier_block *nb, unsigned long action,
		      void *freed)
{
	*(unsigned long *)freed += zcache_shrink_files(ULONG_MAX);
	return NOTIFY_OK;
}

static struct notifier_block zcache_oom_nb = {
	.notifier_call = zcache_oom,
};

/* The image is made of free memory, and copies are not worth writing. */
static int zcache_pm(struct notifier_block *nb, unsigned long action,
		     void *unused)
{
	if (action == PM_HIBERNATION_PREPARE)
		zcache_shrink_files(ULONG_MAX);
	return NOTIFY_OK;
}

static struct notifier_block zcache_pm_nb = {
	.notifier_call = zcache_pm,
};

/**
 * zcache_trim() - give frames back that were handed in and not used
 *
 * Context: Any but interrupt context.
 */
void zcache_trim(void)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	int nid;

	if (!zcache_instance[TMEM_EPHEMERAL])
		return;
	for_each_node(nid) {
		while (zbud_trim(zcache_instance[TMEM_EPHEMERAL], nid, pages))
			zcache_free_file_frame(pages);
		while (zbud_trim(zcache_instance[TMEM_PERSISTENT], nid, pages))
			zcache_free_swap_frame(pages);
	}
}

/*
 * Set-up and totals
 */

static int zcache_shrinker_register(void)
{
	struct shrinker *shrinker;

	shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "mm-zcache");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = zcache_shrinker_count;
	shrinker->scan_objects = zcache_shrinker_scan;
	shrinker->batch = ZBUD_FRAME_PAGES * 8;
	shrinker_register(shrinker);
	return 0;
}

/**
 * zcache_frames_start() - make the instances, the first time
 *
 * Context: May sleep, under the lock of the knobs.
 * Return: 0, or -ENOMEM with nothing changed.
 */
int zcache_frames_start(void)
{
	struct zbud *file, *swap;

	if (zcache_instance[TMEM_EPHEMERAL])
		return 0;
	file = zbud_create(TMEM_EPHEMERAL, zcache_free_file_frame);
	swap = zbud_create(TMEM_PERSISTENT, zcache_free_swap_frame);
	if (!file || !swap)
		goto fail;
	zcache_instance[TMEM_EPHEMERAL] = file;
	zcache_instance[TMEM_PERSISTENT] = swap;
	if (zcache_shrinker_register()) {
		zcache_instance[TMEM_EPHEMERAL] = NULL;
		zcache_instance[TMEM_PERSISTENT] = NULL;
		goto fail;
	}
	register_oom_notifier(&zcache_oom_nb);
	register_pm_notifier(&zcache_pm_nb);
	return 0;
fail:
	if (file)
		zbud_destroy(file);
	if (swap)
		zbud_destroy(swap);
	return -ENOMEM;
}

/**
 * zcache_frames() - the frames of one kind of pages
 * @type: the kind
 *
 * Return: the instance, or NULL before the first zcache_start().
 */
struct zbud *zcache_frames(enum tmem_pool_type type)
{
	return zcache_instance[type];
}

/**
 * zcache_pool_limit() - how large the pool may become
 *
 * Return: the limit, in pages.
 */
unsigned long zcache_pool_limit(void)
{
	return totalram_pages() * READ_ONCE(zcache_max_pool_percent) / 100;
}

/**
 * zcache_pool_pages() - how large the pool is
 *
 * Return: its size, in pages.
 */
unsigned long zcache_pool_pages(void)
{
	return atomic_long_read(&zcache_nr_pool_pages);
}

/**
 * zcache_frame_pages() - how much of the pool is of one kind
 * @type: the kind
 *
 * Context: Any.
 * Return: pages in frames of that kind.
 */
unsigned long zcache_frame_pages(enum tmem_pool_type type)
{
	unsigned long frames = 0;
	int nid;

	if (!zcache_instance[type])
		return 0;
	for_each_node(nid)
		frames += zbud_node_frames(zcache_instance[type], nid);
	return frames * ZBUD_FRAME_PAGES;
}
