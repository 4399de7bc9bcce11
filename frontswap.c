// SPDX-License-Identifier: GPL-2.0-only
/*
 * frontswap: the front end for swap pages
 *
 * The hooks in mm/ call here, and from here the back end is called through
 * struct frontswap_ops: it may come at any time after boot, when swap devices
 * are there already, and it may go again. (A table and not direct calls, for
 * that reason and for the tests.)
 *
 * The contract
 * ------------
 * A swap slot may have a copy here, content on the device, and a folio in the
 * swap cache. Two rules keep them coherent:
 *
 *  - A folio in the swap cache is newer than the copy. Who decides what its
 *    slots hold from now on (swap_writepage(), under the folio lock) either
 *    replaces the copies of all its slots or invalidates them. A store that is
 *    refused, ignored, fails or is bypassed invalidates: in one place,
 *    __frontswap_store(), which the hook calls unconditionally. The zero-page
 *    shortcut of swap_writepage() invalidates by itself.
 *  - A copy is newer than the device. Who reads a slot asks here first, and if
 *    the copy cannot be delivered the read fails: the device is never read
 *    instead. The exception is a copy that was made of what the device has
 *    (FRONTSWAP_ON_DEVICE): it is as good as the device, and ends as any other.
 *
 * A copy ends when its slot is freed, in swap_range_free(), which every free
 * passes. From swapcache_prepare() or the folio lock on, one task owns a slot:
 * nobody else stores to it, loads from it or frees it.
 *
 * States
 * ------
 *	OFF ----enable----> ON ----disable----> DRAINING --nothing held--> OFF
 *	                     ^------enable---------'
 *
 * Switching must not leave a copy behind that the hooks do not see. When
 * leaving, stores stop first: the state is changed and the stores in flight are
 * waited for (SRCU). From then on a store invalidates, while loads and
 * invalidations go on, until nothing is held. Nothing can be stored any more,
 * so it stays like this, and the static key goes last. When coming, the static
 * key goes first.
 *
 * A hook that has passed the key just before it flips on sees no copy and there
 * is none: it owns the slot, so none is made before it is through.
 *
 * Writeback
 * ---------
 * frontswap_writeback() moves a copy on to its device. It is a swap-in without a
 * fault and a swap-out without a store:
 *
 *  1. A new folio becomes the slot's folio in the swap cache, locked. Nobody is
 *     waited for: a slot that has a folio already, or is just getting one,
 *     is in use and not cold. From here on we own the slot: nobody else loads,
 *     stores or frees it, and its device cannot go (swapoff waits for the slot).
 *  2. The copy is loaded into the folio and dropped, as for any other owner. What
 *     was read to choose the slot does not matter: the slot may have been freed
 *     and used again since, what is loaded is what it holds now. If it has no copy
 *     any more, the device has the content and is read. So the folio is never
 *     taken back: try_to_unuse() turns a folio that is not uptodate into a lost
 *     page, even one that has left the swap cache while it waited for the lock.
 *  3. The folio is written by the device's own path, below the store hook. Whoever
 *     needs the page finds the folio. When a write fails the folio is dirty again,
 *     and the next reclaim offers it to the store hook as any other.
 *
 * Locks
 * -----
 * frontswap_mutex	back end, state changes, swap devices that come and go
 *   cpu_hotplug_lock	by the static key
 * frontswap_srcu	read side: a call of the back end is in flight. Entered
 *			by the hooks below any lock of swap and page tables.
 */
#define pr_fmt(fmt) "frontswap: " fmt

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/frontswap.h>
#include <linux/init.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/srcu.h>
#include <linux/swap.h>
#include <linux/swap_cgroup.h>
#include <linux/swapops.h>
#include <linux/workqueue.h>
#include <linux/writeback.h>
#include <linux/zswap.h>

#include "../internal.h"
#include "../swap.h"

DEFINE_STATIC_KEY_FALSE(frontswap_key);

static DEFINE_MUTEX(frontswap_mutex);
DEFINE_STATIC_SRCU(frontswap_srcu);

/* Written under frontswap_mutex, read in frontswap_srcu. */
static const struct frontswap_ops *frontswap_backend;
static enum frontswap_state frontswap_now = FRONTSWAP_OFF;

/* Slots of each swap device that is there, 0 if none is. frontswap_mutex. */
static unsigned long frontswap_slots[MAX_SWAPFILES];

/*
 * For the node of a swap cache's tree, below reclaim (PF_MEMALLOC): one for each
 * page in flight at most, so it may come from the reserves.
 */
#define FRONTSWAP_WRITEBACK_GFP	(GFP_NOWAIT | __GFP_NOWARN)

/* For tests: how long to sleep where a race would be, in ms. */
static u32 frontswap_delay_pick;
static u32 frontswap_delay_own;
static u32 frontswap_delay_write;

static void frontswap_delay(const u32 *ms)
{
	if (IS_ENABLED(CONFIG_TMEM_DEBUG) && unlikely(READ_ONCE(*ms)))
		msleep(READ_ONCE(*ms));
}

/**
 * frontswap_debug_init() - make files for tests
 * @dir: their folder in debugfs
 */
void __init frontswap_debug_init(struct dentry *dir)
{
	debugfs_create_u32("delay_pick", 0600, dir, &frontswap_delay_pick);
	debugfs_create_u32("delay_own", 0600, dir, &frontswap_delay_own);
	debugfs_create_u32("delay_write", 0600, dir, &frontswap_delay_write);
}

/*
 * Life cycle
 */

static void frontswap_try_off(struct work_struct *work)
{
	mutex_lock(&frontswap_mutex);
	if (frontswap_now == FRONTSWAP_DRAINING && frontswap_backend->empty()) {
		WRITE_ONCE(frontswap_now, FRONTSWAP_OFF);
		static_branch_disable(&frontswap_key);
	}
	mutex_unlock(&frontswap_mutex);
}

static DECLARE_WORK(frontswap_off_work, frontswap_try_off);

/* The last copy may have gone. Called wherever one can go. */
static void frontswap_check_drained(const struct frontswap_ops *ops)
{
	if (unlikely(READ_ONCE(frontswap_now) == FRONTSWAP_DRAINING) &&
	    ops->empty())
		schedule_work(&frontswap_off_work);
}

/* Its device; NULL if it is a file of a file system without one, or a test. */
static void frontswap_announce(const struct frontswap_ops *ops, unsigned int type)
{
	struct swap_info_struct *si = swp_swap_info(swp_entry(type, 0));

	ops->swapon(type, frontswap_slots[type], si ? si->bdev : NULL);
}

/**
 * frontswap_register() - attach a back end
 * @ops: the back end
 *
 * It is told of every swap device that is there. The state stays off.
 *
 * Context: May sleep.
 * Return: 0, or -EBUSY if there is a back end already.
 */
int frontswap_register(const struct frontswap_ops *ops)
{
	unsigned int type;
	int err = 0;

	mutex_lock(&frontswap_mutex);
	if (frontswap_backend) {
		err = -EBUSY;
		goto unlock;
	}
	WRITE_ONCE(frontswap_backend, ops);
	for (type = 0; type < MAX_SWAPFILES; type++)
		if (frontswap_slots[type])
			frontswap_announce(ops, type);
unlock:
	mutex_unlock(&frontswap_mutex);
	return err;
}

/**
 * frontswap_unregister() - detach a back end
 * @ops: the back end
 *
 * Context: May sleep.
 * Return: 0 with no call of @ops in flight or to come; -EBUSY if the state is
 * not off, that is if pages may still be held; -ENODEV if @ops is not attached.
 */
int frontswap_unregister(const struct frontswap_ops *ops)
{
	unsigned int type;
	int err = 0;

	mutex_lock(&frontswap_mutex);
	if (frontswap_backend != ops) {
		err = -ENODEV;
		goto unlock;
	}
	if (frontswap_now != FRONTSWAP_OFF) {
		err = -EBUSY;
		goto unlock;
	}
	WRITE_ONCE(frontswap_backend, NULL);
	synchronize_srcu(&frontswap_srcu);
	for (type = 0; type < MAX_SWAPFILES; type++)
		if (frontswap_slots[type])
			ops->swapoff(type);
unlock:
	mutex_unlock(&frontswap_mutex);
	return err;
}

/**
 * frontswap_enable() - let the hooks store
 *
 * Context: May sleep.
 * Return: 0, or -ENODEV if there is no back end.
 */
int frontswap_enable(void)
{
	int err = 0;

	mutex_lock(&frontswap_mutex);
	if (!frontswap_backend) {
		err = -ENODEV;
	} else {
		if (frontswap_now == FRONTSWAP_OFF)
			static_branch_enable(&frontswap_key);
		WRITE_ONCE(frontswap_now, FRONTSWAP_ON);
	}
	mutex_unlock(&frontswap_mutex);
	return err;
}

/**
 * frontswap_disable() - refuse stores from now on
 *
 * What is held stays until it is loaded or invalidated; then the state becomes
 * off by itself. swapoff of all devices gets it there at once.
 *
 * Context: May sleep.
 */
void frontswap_disable(void)
{
	mutex_lock(&frontswap_mutex);
	if (frontswap_now == FRONTSWAP_ON) {
		WRITE_ONCE(frontswap_now, FRONTSWAP_DRAINING);
		/* No store is in flight after this, so empty stays empty. */
		synchronize_srcu(&frontswap_srcu);
		frontswap_check_drained(frontswap_backend);
	}
	mutex_unlock(&frontswap_mutex);
	flush_work(&frontswap_off_work);
}

/**
 * frontswap_state() - what the hooks do now
 *
 * Context: Any.
 * Return: the state.
 */
enum frontswap_state frontswap_state(void)
{
	return READ_ONCE(frontswap_now);
}

/**
 * frontswap_swapon() - a swap device comes
 * @type: its number
 * @nr_slots: its size in pages
 *
 * A back end that cannot take it refuses its stores: the device works without.
 *
 * Context: May sleep. The device is not in use yet.
 */
void frontswap_swapon(unsigned int type, unsigned long nr_slots)
{
	mutex_lock(&frontswap_mutex);
	frontswap_slots[type] = nr_slots;
	if (frontswap_backend)
		frontswap_announce(frontswap_backend, type);
	mutex_unlock(&frontswap_mutex);
}

/**
 * frontswap_swapoff() - a swap device goes
 * @type: its number
 *
 * Context: May sleep. No slot of the device is in use any more.
 */
void frontswap_swapoff(unsigned int type)
{
	mutex_lock(&frontswap_mutex);
	frontswap_slots[type] = 0;
	if (frontswap_backend) {
		synchronize_srcu(&frontswap_srcu);
		frontswap_backend->swapoff(type);
		frontswap_check_drained(frontswap_backend);
	}
	mutex_unlock(&frontswap_mutex);
}

/*
 * Hooks
 */

bool __frontswap_enabled(void)
{
	return READ_ONCE(frontswap_now) == FRONTSWAP_ON;
}

/* zswap may hold an older copy of what we have just taken. */
static void frontswap_supersede_zswap(struct folio *folio)
{
	swp_entry_t entry = folio->swap;
	long i;

	for (i = 0; i < folio_nr_pages(folio); i++, entry.val++)
		zswap_invalidate(entry);
}

bool __frontswap_store(struct folio *folio)
{
	const struct frontswap_ops *ops;
	bool stored = false;
	int idx;

	idx = srcu_read_lock(&frontswap_srcu);
	ops = READ_ONCE(frontswap_backend);
	if (!ops)
		goto unlock;

	/*
	 * The state is read inside of the SRCU section that
	 * frontswap_disable() waits for.
	 */
	stored = READ_ONCE(frontswap_now) == FRONTSWAP_ON &&
		 !ops->store(folio);
	if (stored) {
		frontswap_supersede_zswap(folio);
	} else {
		/*
		 * Now the content goes elsewhere: no copy of any age may stay,
		 * nor those pages of a large folio that were just stored
		 * before one failed. Nobody has read them: the folio is locked
		 * and in the swap cache.
		 */
		ops->invalidate(swp_type(folio->swap), swp_offset(folio->swap),
				folio_nr_pages(folio));
		frontswap_check_drained(ops);
	}
unlock:
	srcu_read_unlock(&frontswap_srcu, idx);
	return stored;
}

/* Returns -ENOENT if nothing is stored; the folio is uptodate if not negative. */
static int frontswap_fill(struct folio *folio, enum frontswap_load_type type, bool more)
{
	const struct frontswap_ops *ops;
	int err = -ENOENT;
	int idx;

	idx = srcu_read_lock(&frontswap_srcu);
	ops = READ_ONCE(frontswap_backend);
	if (!ops)
		goto unlock;

	err = ops->load(folio, type, more);
	if (err >= 0)
		folio_mark_uptodate(folio);
	if (!err && type != FRONTSWAP_COPY) {
		folio_mark_dirty(folio);
		frontswap_check_drained(ops);
	}
unlock:
	srcu_read_unlock(&frontswap_srcu, idx);
	return err;
}

bool __frontswap_load(struct folio *folio, bool more)
{
	/*
	 * A folio in the swap cache becomes the owner of the content: the copy
	 * goes, so the folio must be written again if it is reclaimed. Without
	 * the swap cache (SWP_SYNCHRONOUS_IO) the fault may still back out and
	 * the copy has to stay; it goes when the slot is freed.
	 */
	return frontswap_fill(folio, folio_test_swapcache(folio) ?
			      FRONTSWAP_MOVE : FRONTSWAP_COPY, more) != -ENOENT;
}

void __frontswap_invalidate(swp_entry_t entry, unsigned long nr)
{
	const struct frontswap_ops *ops;
	int idx;

	idx = srcu_read_lock(&frontswap_srcu);
	ops = READ_ONCE(frontswap_backend);
	if (ops) {
		ops->invalidate(swp_type(entry), swp_offset(entry), nr);
		frontswap_check_drained(ops);
	}
	srcu_read_unlock(&frontswap_srcu, idx);
}

unsigned long __frontswap_count(swp_entry_t entry, unsigned long nr)
{
	const struct frontswap_ops *ops;
	unsigned long count = 0;
	int idx;

	idx = srcu_read_lock(&frontswap_srcu);
	ops = READ_ONCE(frontswap_backend);
	if (ops)
		count = ops->count(swp_type(entry), swp_offset(entry), nr);
	srcu_read_unlock(&frontswap_srcu, idx);
	return count;
}

/*
 * Writeback
 */

/* May pages of the owner of this slot be written to the device? */
static bool frontswap_owner_writes(swp_entry_t entry)
{
	struct mem_cgroup *memcg;
	bool allowed;

	if (mem_cgroup_disabled())
		return true;
	rcu_read_lock();
	memcg = mem_cgroup_from_id(lookup_swap_cgroup_id(entry));
	allowed = mem_cgroup_zswap_writeback_enabled(memcg);
	rcu_read_unlock();
	return allowed;
}

/* A device that is memory, or compresses by itself: nothing is gained. */
static bool frontswap_device_writes(struct swap_info_struct *si)
{
	/* The flag does not change while the device is there. */
	return !(data_race(si->flags) & SWP_SYNCHRONOUS_IO);
}

/**
 * frontswap_writes() - may the page of a slot move on to its device?
 * @entry: the slot
 *
 * Context: Any but interrupt context.
 * Return: false if the slot is free, or if this device or the owner of the page wants
 * no writeback.
 */
bool frontswap_writes(swp_entry_t entry)
{
	struct swap_info_struct *si = get_swap_device(entry);
	bool writes;

	if (!si)
		return false;
	writes = frontswap_device_writes(si) && frontswap_owner_writes(entry);
	put_swap_device(si);
	return writes;
}

/* Make a new folio the owner of a slot. Nobody has seen it if this fails. */
static int frontswap_own(swp_entry_t entry, struct folio *folio)
{
	int err;

	err = swapcache_prepare(entry, 1);
	if (err)
		return err;
	__folio_set_locked(folio);
	__folio_set_swapbacked(folio);
	/* Below reclaim: no limit is looked at, so it cannot wait. */
	err = mem_cgroup_swapin_charge_folio(folio, NULL,
					     FRONTSWAP_WRITEBACK_GFP, entry);
	if (!err)
		err = add_to_swap_cache(folio, entry, FRONTSWAP_WRITEBACK_GFP,
					NULL);
	if (err) {
		put_swap_folio(folio, entry);
		folio_unlock(folio);
		return -ENOMEM;
	}
	mem_cgroup_swapin_uncharge_swap(entry, 1);
	folio_add_lru(folio);
	return 0;
}

/*
 * A slot has a folio in the swap cache, which need not be written: it is clean while it
 * has the same content as the copy. It takes the place of the copy, if it has been read.
 */
static void frontswap_prefer_folio(swp_entry_t entry)
{
	struct folio *folio;

	folio = filemap_get_folio(swap_address_space(entry), swap_cache_index(entry));
	if (IS_ERR(folio))
		return;
	/* Locked it owns its slots, but it may have others by now. */
	if (folio_trylock(folio)) {
		if (folio_test_swapcache(folio) && folio_test_uptodate(folio) &&
		    entry.val - folio->swap.val < folio_nr_pages(folio)) {
			folio_mark_dirty(folio);
			__frontswap_invalidate(entry, 1);
		}
		folio_unlock(folio);
	}
	folio_put(folio);
}

/**
 * frontswap_writeback() - begin to move a copy on to its swap device
 * @entry: the slot
 * @folio: a new folio of one page; the caller keeps its reference, and after
 *	success hands it to frontswap_writeback_end()
 * @owed: the page has left for somewhere else when it might have been written, and is
 *	not safe there: its owner is not asked once more, and if the page is in the swap
 *	cache it is dirty from now on, and the copy goes
 *
 * Context: Process context with PF_MEMALLOC set. May sleep, for the device takes
 * only so many requests.
 * Return: 0, the folio is being written; -EEXIST if the slot's page is in the
 * swap cache, so in use; -ENOENT if the slot is free or has no copy any more;
 * -EOPNOTSUPP if this device or the owner of the page wants no writeback;
 * -ENOMEM; -EIO if the copy is lost, it stays then.
 */
int frontswap_writeback(swp_entry_t entry, struct folio *folio, bool owed)
{
	struct writeback_control wbc = { .sync_mode = WB_SYNC_NONE };
	struct swap_info_struct *si;
	int err = -EOPNOTSUPP;

	frontswap_delay(&frontswap_delay_pick);
	si = get_swap_device(entry);
	if (!si)
		return -ENOENT;
	if (frontswap_device_writes(si) && (owed || frontswap_owner_writes(entry)))
		err = frontswap_own(entry, folio);
	if (err == -EEXIST && owed)
		frontswap_prefer_folio(entry);
	put_swap_device(si);
	if (err)
		return err;

	frontswap_delay(&frontswap_delay_own);
	err = frontswap_fill(folio, FRONTSWAP_WRITEBACK, false);
	if (err == -ENOENT) {
		swap_read_folio(folio, NULL);
		return err;
	}
	if (err) {
		folio_unlock(folio);
		return err < 0 ? err : -ENOENT;
	}
	folio_clear_dirty_for_io(folio);
	frontswap_delay(&frontswap_delay_write);
	__swap_writepage(folio, &wbc);
	return 0;
}

/**
 * frontswap_writeback_end() - wait for the device and free what was written
 * @folios: folios that frontswap_writeback() began to write; the references to
 *	them are dropped
 * @nr: their number
 *
 * Those that somebody needs by now stay in memory. Those that could not be written
 * are offered to the store hook again.
 *
 * Context: Process context with PF_MEMALLOC set. Sleeps.
 * Return: how many could not be written.
 */
unsigned int frontswap_writeback_end(struct folio **folios, unsigned int nr)
{
	unsigned int i, failed = 0;
	LIST_HEAD(unused);

	lru_add_drain();
	for (i = 0; i < nr; i++) {
		folio_wait_writeback(folios[i]);
		if (folio_test_swapcache(folios[i]) &&
		    folio_test_dirty(folios[i]))
			failed++;
		if (!folio_mapped(folios[i]) && folio_isolate_lru(folios[i]))
			list_add(&folios[i]->lru, &unused);
		folio_put(folios[i]);
	}
	reclaim_pages(&unused);
	return failed;
}
