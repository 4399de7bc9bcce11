// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writeback: when the pool is full of swap pages the coldest move on to their
 * swap devices
 *
 * Policy
 * ------
 * File pages give way to swap pages first (ouroboros, see frames.c), so all that
 * counts here is how much of the limit of the pool swap pages take:
 *
 *	accept_threshold_percent			limit
 *	     v						  v
 *	-----+--------------------+-----------------------+
 *	     stop		  start			  stores are refused
 *
 * A worker starts half-way between the threshold and the limit, before a store is
 * refused, and stops at the threshold. It takes the coldest frames as a whole: that
 * is what gives memory back. A store never waits for it. When the pool reaches its
 * limit all the same, new pages go to the device directly and the worker goes on, so
 * what is colder follows them.
 *
 * All the slots of a batch of frames are sorted, so that the device sees adjacent
 * ones together. One batch is in flight at a time. When nothing of a batch could be
 * written, or the device failed, the worker waits, each time twice as long.
 *
 * Pages that two other machines have (ramster/) need not be written. When one of the
 * two is lost they are brought home by this worker, before anything else: what is not
 * safe where it is must be written, whatever the policy says.
 *
 * When a swap device turns out to be nearly as fast as zcache (zcache_reads_fast()),
 * its pages leave as well, whether or not the pool is full.
 *
 * What stays here for ever:
 *  - pages of devices that are memory (SWP_SYNCHRONOUS_IO: zram, brd, pmem). Such a
 *    device compresses them once more or holds them as they are: memory is not
 *    gained, and reading them takes a copy more. At the limit stores are refused,
 *    so the device gets its pages then, without us;
 *  - pages of control groups that forbid it (memory.zswap.writeback);
 *  - patterns (same-filled pages): they take no frame.
 *
 * Why no page is lost or becomes stale: see Writeback in frontswap.c. What is read
 * from a frame here only tells which slots are cold.
 *
 * Memory
 * ------
 * Each page needs a folio of its own until it is written. They are allocated above
 * the min watermark; below it there is a reserve, enough to empty a frame or two and
 * made when swap pages have become many, and the frames and folios of one round are
 * the memory of the next. All the worker does counts as reclaim (PF_MEMALLOC): it
 * never reclaims for itself, and waits for nothing but the device. The workqueue has
 * a rescuer.
 *
 * Locks: none. What is static here belongs to the worker, but for the drain target.
 */
#include <linux/blkdev.h>
#include <linux/frontswap.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/mm.h>
#include <linux/sort.h>
#include <linux/swap.h>
#include <linux/workqueue.h>

#include <trace/events/tmem.h>

#include "zcache.h"

/* A batch: one frame always fits in, and with usual pages about 25 do. */
#define ZCACHE_BATCH_SLOTS	(2 * ZBUD_MAX_SLOTS)
#define ZCACHE_BATCH_FRAMES	64

#define ZCACHE_RESERVE		32

/* It is made when swap pages take this share of the limit: long before it is needed. */
#define ZCACHE_RESERVE_SHARE	8

#define ZCACHE_FOLIO_GFP	(__GFP_HIGHMEM | __GFP_MOVABLE | __GFP_NOWARN | \
				 __GFP_NORETRY | __GFP_NOMEMALLOC |	  \
				 __GFP_KSWAPD_RECLAIM)

/* This share of the limit is kept of a device that is fast. */
#define ZCACHE_REST_SHARE	32

/* How long to wait when there is no progress, in jiffies. */
#define ZCACHE_BACKOFF_MIN	(HZ / 10)
#define ZCACHE_BACKOFF_MAX	(10 * HZ)

/**
 * struct zcache_batch - frames that are being written
 * @frames: the frames
 * @slots: the slots of their pages
 * @folios: folios of the pages in flight
 * @nr_frames: number of @frames
 * @nr_slots: number of @slots
 * @nr_folios: number of @folios
 * @written: pages that have reached the device
 * @failed: pages that the device did not take
 * @owed: the pages come from other machines
 */
static struct zcache_batch {
	struct zbud_eviction frames[ZCACHE_BATCH_FRAMES];
	swp_entry_t slots[ZCACHE_BATCH_SLOTS];
	struct folio *folios[ZCACHE_BATCH_SLOTS];
	unsigned int nr_frames;
	unsigned int nr_slots;
	unsigned int nr_folios;
	unsigned int written;
	unsigned int failed;
	bool owed;
} zcache_batch;

static LIST_HEAD(zcache_reserve);
static unsigned int zcache_nr_reserve;

static struct workqueue_struct *zcache_writeback_wq;
static unsigned long zcache_backoff;

/* There may be pages at other machines that must come home. */
static bool zcache_strays_due;

/* As many pages of the pool may be of swap pages after a drain. */
static unsigned long zcache_drain_target = ULONG_MAX;

static void zcache_writeback_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(zcache_writeback_work, zcache_writeback_fn);

/*
 * Folios
 */

static void zcache_fill_reserve(void)
{
	struct folio *folio;

	while (zcache_nr_reserve < ZCACHE_RESERVE) {
		folio = folio_alloc(ZCACHE_FOLIO_GFP, 0);
		if (!folio)
			return;
		list_add(&folio->lru, &zcache_reserve);
		zcache_nr_reserve++;
	}
}

static struct folio *zcache_new_folio(void)
{
	struct folio *folio = folio_alloc(ZCACHE_FOLIO_GFP, 0);

	if (folio || !zcache_nr_reserve)
		return folio;
	folio = list_first_entry(&zcache_reserve, struct folio, lru);
	list_del(&folio->lru);
	zcache_nr_reserve--;
	return folio;
}

/*
 * Batches
 */

/* Until the device has written all that is in flight. */
static void zcache_batch_wait(struct zcache_batch *batch)
{
	unsigned int failed;

	failed = frontswap_writeback_end(batch->folios, batch->nr_folios);
	batch->written += batch->nr_folios - failed;
	batch->failed += failed;
	batch->nr_folios = 0;
	zcache_fill_reserve();
}

static bool zcache_batch_is_full(const struct zcache_batch *batch)
{
	return batch->nr_frames == ZCACHE_BATCH_FRAMES ||
	       batch->nr_slots + ZBUD_MAX_SLOTS > ZCACHE_BATCH_SLOTS;
}

static bool zcache_batch_add_frame(struct zcache_batch *batch, int nid)
{
	struct zbud_eviction *frame = &batch->frames[batch->nr_frames];
	unsigned long handle;
	struct zbud_key key;
	swp_entry_t slot;

	if (!zbud_evict_begin(zcache_frames(TMEM_PERSISTENT), nid, frame))
		return false;
	batch->nr_frames++;
	while (zbud_evict_next(frame, &key, &handle)) {
		slot = zcache_swap_entry(&key);
		batch->slots[batch->nr_slots++] = slot;
		if (ramster_wants_pages() && frontswap_writes(slot))
			ramster_leave_add(&key, handle);
	}
	return true;
}

static int zcache_compare_slots(const void *a, const void *b)
{
	const swp_entry_t *left = a, *right = b;

	return left->val < right->val ? -1 : left->val > right->val;
}

/* The coldest frames, of all nodes in turn. */
static void zcache_batch_collect(struct zcache_batch *batch,
				 unsigned int nr_frames)
{
	bool more = true;
	int nid;

	while (more) {
		more = false;
		for_each_node(nid) {
			if (batch->nr_frames >= nr_frames ||
			    zcache_batch_is_full(batch))
				goto out;
			more |= zcache_batch_add_frame(batch, nid);
		}
	}
out:
	sort(batch->slots, batch->nr_slots, sizeof(*batch->slots),
	     zcache_compare_slots, NULL);
}

/* Returns -ENOMEM if there is no memory at all, not even what was written. */
static int zcache_batch_write_slot(struct zcache_batch *batch, swp_entry_t slot,
				   struct blk_plug *plug)
{
	struct folio *folio = zcache_new_folio();

	if (!folio && batch->nr_folios) {
		blk_finish_plug(plug);
		zcache_batch_wait(batch);
		blk_start_plug(plug);
		folio = zcache_new_folio();
	}
	if (!folio)
		return -ENOMEM;
	if (!frontswap_writeback(slot, folio, batch->owed)) {
		batch->folios[batch->nr_folios++] = folio;
		return 0;
	}
	folio_put(folio);
	zcache_count(TMEM_PERSISTENT, ZCACHE_WRITEBACK_SKIPS);
	return 0;
}

static void zcache_batch_write(struct zcache_batch *batch)
{
	struct blk_plug plug;
	unsigned int i;

	blk_start_plug(&plug);
	for (i = 0; i < batch->nr_slots; i++)
		if (zcache_batch_write_slot(batch, batch->slots[i], &plug))
			break;
	blk_finish_plug(&plug);
}

/* What was written is in its folios: the frames are not needed any more. */
static void zcache_batch_end_frames(struct zcache_batch *batch)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	unsigned int i;

	for (i = 0; i < batch->nr_frames; i++)
		if (zbud_evict_end(&batch->frames[i], pages))
			zcache_free_frame(TMEM_PERSISTENT, pages);
}

static void zcache_batch_begin(struct zcache_batch *batch, bool owed)
{
	batch->nr_frames = 0;
	batch->nr_slots = 0;
	batch->written = 0;
	batch->failed = 0;
	batch->owed = owed;
}

static void zcache_batch_finish(struct zcache_batch *batch)
{
	zcache_batch_wait(batch);
	if (batch->failed)
		zcache_count_many(TMEM_PERSISTENT, ZCACHE_WRITEBACK_ERRORS,
				  batch->failed);
}

/*
 * What one other machine takes is written all the same: it may be lost there. What two
 * have taken is not.
 */
static void zcache_batch_push(struct zcache_batch *batch)
{
	unsigned int nr = ramster_leave_push(batch->slots, batch->nr_slots);

	batch->written += batch->nr_slots - nr;
	batch->nr_slots = nr;
}

/*
 * Bring home what is not safe any more where it is. Returns false if some of it could
 * not be: it stays where it is, and has to be tried again.
 */
static bool zcache_write_strays(void)
{
	struct zcache_batch *batch = &zcache_batch;
	swp_entry_t next = {};
	unsigned int found;
	bool well = true;

	/* All are looked at: only if there is a reason. */
	if (!xchg(&zcache_strays_due, false))
		return true;
	zcache_batch_begin(batch, true);
	while ((found = zcache_find_strays(&next, batch->slots, &batch->nr_slots))) {
		zcache_batch_write(batch);
		zcache_batch_finish(batch);
		well &= batch->written == found && !batch->failed;
		zcache_batch_begin(batch, true);
	}
	if (!well)
		WRITE_ONCE(zcache_strays_due, true);
	return well;
}

/* Write up to so many frames. Returns true if that goes well. */
static bool zcache_write_frames(unsigned int nr_frames)
{
	struct zcache_batch *batch = &zcache_batch;

	zcache_batch_begin(batch, false);
	zcache_batch_collect(batch, nr_frames);
	zcache_batch_push(batch);
	zcache_batch_write(batch);
	ramster_leave_end();
	zcache_batch_end_frames(batch);
	zcache_batch_finish(batch);
	trace_zcache_writeback(batch->nr_frames, batch->nr_slots, batch->written,
			       batch->failed);
	return batch->written && !batch->failed;
}

/*
 * Policy
 */

static unsigned long zcache_writeback_stop(void)
{
	return zcache_pool_limit() * READ_ONCE(zcache_accept_threshold) / 100;
}

static bool zcache_writeback_due(void)
{
	return zcache_frame_pages(TMEM_PERSISTENT) >
	       (zcache_writeback_stop() + zcache_pool_limit()) / 2;
}

static bool zcache_reserve_due(void)
{
	return READ_ONCE(zcache_nr_reserve) < ZCACHE_RESERVE &&
	       zcache_frame_pages(TMEM_PERSISTENT) >
	       zcache_pool_limit() / ZCACHE_RESERVE_SHARE;
}

static unsigned long zcache_writeback_target(void)
{
	unsigned long drain = READ_ONCE(zcache_drain_target);

	return READ_ONCE(zcache_writeback) ?
	       min(drain, zcache_writeback_stop()) : drain;
}

/* Frames to write until the target is reached. */
static unsigned int zcache_frames_above_target(void)
{
	unsigned long pages = zcache_frame_pages(TMEM_PERSISTENT);
	unsigned long target = zcache_writeback_target();

	return pages > target ? DIV_ROUND_UP(pages - target, ZBUD_FRAME_PAGES) : 0;
}

/* Later, if it is worth trying again. */
static void zcache_back_off(bool strays)
{
	zcache_backoff = clamp(zcache_backoff * 2, ZCACHE_BACKOFF_MIN,
			       ZCACHE_BACKOFF_MAX);
	if (zcache_backoff == ZCACHE_BACKOFF_MAX)
		WRITE_ONCE(zcache_drain_target, ULONG_MAX);
	if (strays || READ_ONCE(zcache_drain_target) != ULONG_MAX ||
	    (READ_ONCE(zcache_writeback) && zcache_writeback_due()))
		queue_delayed_work(zcache_writeback_wq, &zcache_writeback_work,
				   zcache_backoff);
}

static void zcache_writeback_fn(struct work_struct *work)
{
	unsigned int flags = memalloc_noreclaim_save();
	bool home, well = true;
	unsigned int nr_frames;

	zcache_fill_reserve();
	home = zcache_write_strays();
	while (well && (nr_frames = zcache_frames_above_target()))
		well = zcache_write_frames(nr_frames);
	memalloc_noreclaim_restore(flags);
	if (!well || !home) {
		zcache_back_off(!home);
		return;
	}
	zcache_backoff = 0;
	WRITE_ONCE(zcache_drain_target, ULONG_MAX);
}

/**
 * zcache_writeback_wake() - a frame was taken for swap pages, or refused
 * @full: it was refused, the pool is at its limit
 *
 * Context: Any. Does not wait.
 */
void zcache_writeback_wake(bool full)
{
	bool due = full || zcache_writeback_due();

	if (!zcache_writeback_wq)
		return;
	if ((due && READ_ONCE(zcache_writeback)) || zcache_reserve_due())
		queue_delayed_work(zcache_writeback_wq, &zcache_writeback_work, 0);
}

/**
 * zcache_writeback_drain() - make the pool smaller
 * @pages: write the coldest swap pages back until their frames take no more than
 *	so many pages
 *
 * Context: Any but interrupt context. Does not wait. It ends early where nothing
 * can be written.
 */
void zcache_writeback_drain(unsigned long pages)
{
	if (!zcache_writeback_wq)
		return;
	zcache_trim();
	WRITE_ONCE(zcache_drain_target, pages);
	queue_delayed_work(zcache_writeback_wq, &zcache_writeback_work, 0);
}

/**
 * zcache_writeback_strays() - bring home what is not safe any more where it is
 * @wait: until that was tried
 *
 * Context: Process context, if @wait may sleep; else any but interrupt context.
 */
void zcache_writeback_strays(bool wait)
{
	if (!zcache_writeback_wq)
		return;
	WRITE_ONCE(zcache_strays_due, true);
	mod_delayed_work(zcache_writeback_wq, &zcache_writeback_work, 0);
	if (wait)
		flush_delayed_work(&zcache_writeback_work);
}

/**
 * zcache_writeback_leave() - a swap device turned out to be nearly as fast as zcache
 *
 * What is stored had better be there: its memory is wanted. The frames in which it lies
 * are not filled again, so they would become emptier and emptier and stay. But for the
 * samples all of it goes.
 *
 * Context: Any but interrupt context. Does not wait.
 */
void zcache_writeback_leave(void)
{
	unsigned long rest = zcache_pool_limit() / ZCACHE_REST_SHARE;

	if (READ_ONCE(zcache_writeback) &&
	    READ_ONCE(zcache_drain_target) == ULONG_MAX &&
	    zcache_frame_pages(TMEM_PERSISTENT) > 2 * rest)
		zcache_writeback_drain(rest);
}

/**
 * zcache_writeback_start() - make the worker, the first time
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM.
 */
int zcache_writeback_start(void)
{
	if (zcache_writeback_wq)
		return 0;
	zcache_writeback_wq = alloc_workqueue("zcache", WQ_MEM_RECLAIM |
					      WQ_UNBOUND | WQ_FREEZABLE, 1);
	return zcache_writeback_wq ? 0 : -ENOMEM;
}
