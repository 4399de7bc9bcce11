// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages leave, and when: always the coldest frames, as a whole, so that their
 * memory is had
 *
 * File pages
 * ----------
 * Frames of file pages are given up when their memory is wanted (ouroboros, shrinker,
 * see frames.c). Reclaim cannot wait for the network, so those are lost. But each of
 * them wakes a worker which sends the next ones, twice as many: the memory that they
 * leave is what reclaim finds before it takes another one. What is encrypted on its
 * device does not leave. A frame with that in it, or with what a lender did not take,
 * stays here, as cold as it is: it is the next to be given up, while the worker goes on
 * with those behind it (zbud_evict_begin()).
 *
 * Swap pages
 * ----------
 * They leave while they are written back (writeback.c), which calls here for each
 * batch: collect, send, and for each page that has been put into its folio, under the
 * lock of that folio, hand over. A page that is handed over is on its device as well.
 * What two lenders keep is handed over at once, and not written.
 *
 * Memory: the worker's lists are static. Sending allocates as the network does, above
 * the reserves, and gives up where there is none. A worker that is woken in vain ends.
 *
 * Locks: none. What is static here belongs to one worker each.
 */
#include <linux/atomic.h>
#include <linux/bsearch.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/sched/mm.h>
#include <linux/sort.h>
#include <linux/workqueue.h>

#include "../zcache.h"
#include "ramster.h"

/* A message has room for about so many frames; one of the fullest always fits in. */
#define RAMSTER_COLD_FRAMES	8
#define RAMSTER_COLD_ZPAGES	(2 * ZBUD_MAX_SLOTS)

/* Frames to send for each one that was lost, and for how many of them at most. */
#define RAMSTER_COLD_AHEAD	2
#define RAMSTER_COLD_MAX	256

/* Of swap pages: as large as a batch of writeback.c. */
#define RAMSTER_LEAVE_ZPAGES	(2 * ZBUD_MAX_SLOTS)

static struct workqueue_struct *ramster_cold_wq;
static atomic_t ramster_cold_wanted;

/* Frames that are being sent. */
static struct {
	struct zbud_eviction frames[RAMSTER_COLD_FRAMES];
	struct ramster_zpage zpages[RAMSTER_COLD_ZPAGES];
	unsigned int nr_frames;
	unsigned int nr_zpages;
} ramster_cold;

/* Swap pages that are being sent and written, by key. */
static struct {
	struct ramster_zpage zpages[RAMSTER_LEAVE_ZPAGES];
	unsigned int nr;
} ramster_leaving;

/*
 * File pages
 */

static bool ramster_cold_add_frame(int nid)
{
	struct zbud_eviction *frame = &ramster_cold.frames[ramster_cold.nr_frames];
	struct ramster_zpage *zpage;
	unsigned long handle;
	struct zbud_key key;

	if (!zbud_evict_begin(zcache_frames(TMEM_EPHEMERAL), nid, frame))
		return false;
	ramster_cold.nr_frames++;
	while (zbud_evict_next(frame, &key, &handle)) {
		if (key.payer == ZCACHE_NOBODY_CONFIDENTIAL)
			continue;
		zpage = &ramster_cold.zpages[ramster_cold.nr_zpages++];
		*zpage = (struct ramster_zpage) { .key = key, .handle = handle };
	}
	return true;
}

static bool ramster_cold_is_full(unsigned int wanted)
{
	return ramster_cold.nr_frames >= min(wanted, RAMSTER_COLD_FRAMES) ||
	       ramster_cold.nr_zpages + ZBUD_MAX_SLOTS > RAMSTER_COLD_ZPAGES;
}

/* The coldest frames, of all nodes in turn. */
static void ramster_cold_collect(unsigned int wanted)
{
	bool more = true;
	int nid;

	ramster_cold.nr_frames = 0;
	ramster_cold.nr_zpages = 0;
	while (more) {
		more = false;
		for_each_node(nid) {
			if (ramster_cold_is_full(wanted))
				return;
			more |= ramster_cold_add_frame(nid);
		}
	}
}

/* What was taken is found there from now on. */
static void ramster_cold_hand_over(void)
{
	struct ramster_zpage *zpage;
	unsigned int i;

	for (i = 0; i < ramster_cold.nr_zpages; i++) {
		zpage = &ramster_cold.zpages[i];
		if (zpage->cookie)
			zcache_hand_over(&zpage->key, zpage->handle, zpage->cookie);
	}
}

static void ramster_cold_end_frames(void)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	unsigned int i;

	for (i = 0; i < ramster_cold.nr_frames; i++)
		if (zbud_evict_end(&ramster_cold.frames[i], pages))
			zcache_free_frame(TMEM_EPHEMERAL, pages);
}

/* Send up to @wanted frames. Returns how many, 0 if there is no point in going on. */
static unsigned int ramster_cold_send(unsigned int wanted)
{
	unsigned int taken;

	ramster_cold_collect(wanted);
	taken = ramster_push(ramster_cold.zpages, ramster_cold.nr_zpages, RAMSTER_BACKED);
	ramster_cold_hand_over();
	ramster_cold_end_frames();
	return taken ? ramster_cold.nr_frames : 0;
}

static void ramster_cold_fn(struct work_struct *work)
{
	unsigned int sent = 0, wanted;

	do {
		wanted = atomic_read(&ramster_cold_wanted);
		if (wanted && ramster_wants_pages())
			sent = ramster_cold_send(wanted);
		else
			sent = 0;
	} while (sent && atomic_sub_return(min(sent, wanted), &ramster_cold_wanted) > 0);
	/* What could not be sent is lost when its time comes. */
	atomic_set(&ramster_cold_wanted, 0);
}

static DECLARE_WORK(ramster_cold_work, ramster_cold_fn);

/**
 * ramster_cold_wake() - a frame of file pages is being lost
 *
 * Context: Any. Does not wait.
 */
void ramster_cold_wake(void)
{
	if (!ramster_cold_wq || !ramster_wants_pages())
		return;
	if (atomic_read(&ramster_cold_wanted) < RAMSTER_COLD_MAX)
		atomic_add(RAMSTER_COLD_AHEAD, &ramster_cold_wanted);
	queue_work(ramster_cold_wq, &ramster_cold_work);
}

/*
 * Swap pages
 */

/**
 * ramster_leave_add() - a swap page is about to be written back
 * @key: its key
 * @handle: its zpage, pinned until ramster_leave_end()
 *
 * Context: The worker of writeback.c.
 */
void ramster_leave_add(const struct zbud_key *key, unsigned long handle)
{
	if (ramster_leaving.nr < RAMSTER_LEAVE_ZPAGES)
		ramster_leaving.zpages[ramster_leaving.nr++] =
			(struct ramster_zpage) { .key = *key, .handle = handle };
}

static int ramster_compare_keys(const void *a, const void *b)
{
	const struct zbud_key *left = &((const struct ramster_zpage *)a)->key;
	const struct zbud_key *right = &((const struct ramster_zpage *)b)->key;

	if (left->pool != right->pool)
		return left->pool < right->pool ? -1 : 1;
	if (left->object != right->object)
		return left->object < right->object ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

/* Two lenders have it, so the frame need not. Returns false if it is to be written. */
static bool ramster_leave_mirrored(struct ramster_zpage *zpage)
{
	u64 cookie = zpage->cookie;

	if (!cookie || !ramster_is_mirrored(cookie))
		return false;
	zpage->cookie = 0;
	return zcache_hand_over(&zpage->key, zpage->handle, cookie);
}

/**
 * ramster_leave_push() - send what is about to be written back
 * @slots: where it is to be written, in order
 * @nr: number of @slots
 *
 * Neighbours together: they are asked for together. What need not be written is taken
 * out of @slots.
 *
 * Context: The worker of writeback.c. Sleeps, for a bounded time.
 * Return: number of @slots that are left.
 */
unsigned int ramster_leave_push(swp_entry_t *slots, unsigned int nr)
{
	struct ramster_zpage *zpage = ramster_leaving.zpages;
	struct ramster_zpage *end = zpage + ramster_leaving.nr;
	enum ramster_durability durability = RAMSTER_BACKED;
	unsigned int i, left = 0;

	/* What is stored no more is about to come home. */
	if (READ_ONCE(zcache_enabled))
		durability = ramster_durability();
	sort(zpage, ramster_leaving.nr, sizeof(*zpage), ramster_compare_keys, NULL);
	ramster_push(zpage, ramster_leaving.nr, durability);
	/* Both are in the order of slots. */
	for (i = 0; i < nr; i++) {
		while (zpage < end && zcache_swap_entry(&zpage->key).val < slots[i].val)
			zpage++;
		if (zpage == end || zcache_swap_entry(&zpage->key).val != slots[i].val ||
		    !ramster_leave_mirrored(zpage))
			slots[left++] = slots[i];
	}
	return left;
}

/**
 * ramster_leave() - a swap page is in the folio that is being written
 * @pool: its pool
 * @key: its key; the folio is locked and owns the slot
 *
 * Only the very zpage that was sent is handed over. The slot may have been freed and
 * used again since.
 *
 * Context: The worker of writeback.c.
 * Return: true if its entry stands for the page on the other machine now; false if it
 * must be dropped.
 */
bool ramster_leave(struct tmem_pool *pool, const struct tmem_key *key)
{
	struct ramster_zpage *zpage, wanted = {
		.key = { .object = key->object, .index = key->index, .pool = pool->id },
	};
	u64 cookie;

	zpage = bsearch(&wanted, ramster_leaving.zpages, ramster_leaving.nr,
			sizeof(wanted), ramster_compare_keys);
	if (!zpage || !zpage->cookie)
		return false;
	cookie = zpage->cookie;
	zpage->cookie = 0;
	return zcache_hand_over(&zpage->key, zpage->handle, cookie);
}

/**
 * ramster_leave_end() - all that could be written is being written
 *
 * Context: The worker of writeback.c.
 */
void ramster_leave_end(void)
{
	unsigned int i;

	/* Sent, and not written: it stays here. */
	for (i = 0; i < ramster_leaving.nr; i++)
		if (ramster_leaving.zpages[i].cookie)
			ramster_forget(ramster_leaving.zpages[i].cookie);
	ramster_leaving.nr = 0;
}

/**
 * ramster_cold_start() - make the worker
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM.
 */
int ramster_cold_start(void)
{
	ramster_cold_wq = alloc_workqueue("ramster_cold",
					  WQ_MEM_RECLAIM | WQ_UNBOUND | WQ_FREEZABLE, 1);
	return ramster_cold_wq ? 0 : -ENOMEM;
}
