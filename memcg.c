// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for swap pages: charges to memory control groups
 *
 * A swap page is charged to the control group of its folio by the functions
 * that zswap uses, so to the same numbers and under the same limits: its
 * compressed bytes are in memory.current and memory.zswap.current, and
 * memory.zswap.max of the group and of all above it bounds them. Nobody pays
 * for pages of the root group, nor on cgroup v1.
 *
 * Symmetry
 * --------
 * A page is charged before its handle enters the index, and uncharged when the
 * handle is freed: when it has left the index, in whatever way, or has never
 * entered it. What it has cost, and whom, is part of what is freed: in the
 * header of a zpage, in the handle of a same-filled page (which costs nothing,
 * and is counted). So what is given back is what was taken, to the byte.
 *
 * And it is given back to the same obj_cgroup, which is more than to the same
 * group: when a group is removed its obj_cgroup goes over to the parent, with
 * all that is charged to it.
 *
 * Payers
 * ------
 * A header has no room for a pointer. It has the number of a *payer*, which is
 * an obj_cgroup that pages are charged to, with the number of these pages as
 * its reference count. A store takes one more reference while it lasts. So the
 * number of a stored page can be looked up at any time.
 *
 * The first of the numbers to try follows from the address of the obj_cgroup.
 * It is no harm if one gets two numbers because a place between was given up.
 *
 * Locks
 * -----
 * zcache_payers	its xa_lock is taken when a payer comes or goes, the
 *			latter under the xa_lock of a tmem tree. Read with RCU.
 * Those of memcg are taken below a tree, too; they may be taken in interrupts
 * and call nobody.
 */
#define pr_fmt(fmt) "zcache: " fmt

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "zcache.h"

/* Of its memory.max a group may take this share for swap pages. */
#define ZCACHE_GROUP_SHARE	2

/* Other numbers to try if the first one is in use. */
#define ZCACHE_PAYER_TRIES	64

/**
 * struct zcache_payer - who pays for pages
 * @objcg: to whom they are charged
 * @refs: pages that are charged, and stores in flight
 * @bytes: that are charged
 * @rcu: frees it
 */
struct zcache_payer {
	struct obj_cgroup *objcg;
	atomic_long_t refs;
	atomic_long_t bytes;
	struct rcu_head rcu;
};

/* By number, from 1. */
static DEFINE_XARRAY(zcache_payers);

/* The caller holds a reference. */
static bool zcache_is_payer(u16 nr)
{
	return nr != ZCACHE_NOBODY && nr != ZCACHE_NOBODY_CONFIDENTIAL;
}

static struct zcache_payer *zcache_payer(u16 nr)
{
	return xa_load(&zcache_payers, nr);
}

static void zcache_payer_unref(struct zcache_payer *payer, u16 nr)
{
	if (!atomic_long_dec_and_test(&payer->refs))
		return;
	xa_erase(&zcache_payers, nr);
	obj_cgroup_put(payer->objcg);
	kfree_rcu(payer, rcu);
}

/* Return: 0; -EBUSY if the number is in use by now; -ENOMEM. */
static int zcache_payer_add(struct obj_cgroup *objcg, u16 nr, gfp_t gfp)
{
	struct zcache_payer *payer = kmalloc(sizeof(*payer), gfp);
	int err;

	if (!payer)
		return -ENOMEM;
	payer->objcg = objcg;
	atomic_long_set(&payer->refs, 1);
	atomic_long_set(&payer->bytes, 0);
	obj_cgroup_get(objcg);
	err = xa_insert(&zcache_payers, nr, payer, gfp);
	if (err) {
		obj_cgroup_put(objcg);
		kfree(payer);
	}
	return err;
}

/* Take the payer of this number, if it is @objcg. Return: as zcache_payer_add() */
static int zcache_payer_take(struct obj_cgroup *objcg, u16 nr, gfp_t gfp)
{
	struct zcache_payer *payer;
	bool taken;

	rcu_read_lock();
	payer = zcache_payer(nr);
	taken = payer && payer->objcg == objcg &&
		atomic_long_inc_not_zero(&payer->refs);
	rcu_read_unlock();
	if (taken)
		return 0;
	return payer ? -EBUSY : zcache_payer_add(objcg, nr, gfp);
}

static int zcache_payer_find(struct obj_cgroup *objcg, gfp_t gfp)
{
	unsigned int hash = hash_ptr(objcg, 16);
	int tries, nr, err;

	for (tries = 0; tries < ZCACHE_PAYER_TRIES; tries++) {
		nr = (hash + tries) % (ZCACHE_NOBODY_CONFIDENTIAL - 1) + 1;
		err = zcache_payer_take(objcg, nr, gfp);
		if (err != -EBUSY)
			return err ?: nr;
	}
	return -EBUSY;
}

/*
 * A charge is part of what memory.max limits. A group that is held at that limit would
 * compress until nothing but compressed pages is left, and be killed with swap space
 * unused. Exact for the group itself; the sum of a group with others below it may be
 * seconds old.
 */
static bool zcache_payer_has_room(const struct zcache_payer *payer)
{
	unsigned long pages = atomic_long_read(&payer->bytes) / PAGE_SIZE;
	struct mem_cgroup *memcg;
	unsigned long most;
	bool room = true;

	rcu_read_lock();
	memcg = obj_cgroup_memcg(payer->objcg);
	for (; room && memcg; memcg = parent_mem_cgroup(memcg)) {
		most = READ_ONCE(memcg->memory.max) / ZCACHE_GROUP_SHARE;
		room = pages <= most &&
		       memcg_page_state(memcg, MEMCG_ZSWAP_B) / PAGE_SIZE <= most;
	}
	rcu_read_unlock();
	return room;
}

/* Return: as zcache_payer_get() */
static int zcache_payer_find_with_room(struct obj_cgroup *objcg, gfp_t gfp)
{
	int nr = zcache_payer_find(objcg, gfp);

	if (nr > 0 && !zcache_payer_has_room(zcache_payer(nr))) {
		zcache_payer_put(nr);
		return -EDQUOT;
	}
	return nr;
}

/**
 * zcache_payer_get() - who pays for the pages of a folio that is to be stored?
 * @folio: the locked folio
 *
 * As with zswap, and since the size is not known yet, a group may store while it
 * is below its limit.
 *
 * Context: Process context, in reclaim. May sleep.
 * Return: a number, until zcache_payer_put(); 0 if nobody pays; -EDQUOT if the
 * group or one above it must not store, or not so much; -ENOMEM or -EBUSY if
 * there is no number for it.
 */
int zcache_payer_get(struct folio *folio)
{
	struct obj_cgroup *objcg = get_obj_cgroup_from_folio(folio);
	int nr;

	if (!objcg)
		return 0;
	if (obj_cgroup_may_zswap(objcg))
		nr = zcache_payer_find_with_room(objcg, zcache_gfp(&folio->page) |
							__GFP_HIGH);
	else
		nr = -EDQUOT;
	obj_cgroup_put(objcg);
	return nr;
}

/**
 * zcache_payer_put() - a store has ended
 * @nr: from zcache_payer_get()
 *
 * Context: Any but interrupt context.
 */
void zcache_payer_put(u16 nr)
{
	if (zcache_is_payer(nr))
		zcache_payer_unref(zcache_payer(nr), nr);
}

/**
 * zcache_charge() - charge a page that is about to be stored
 * @nr: who pays, taken by zcache_payer_get()
 * @len: its compressed bytes
 *
 * Context: Process context. Does not reclaim: above a limit of memory it is
 * charged all the same, for a whole page is about to become free.
 */
void zcache_charge(u16 nr, unsigned int len)
{
	struct zcache_payer *payer;
	unsigned int flags;

	if (!zcache_is_payer(nr))
		return;
	payer = zcache_payer(nr);
	atomic_long_inc(&payer->refs);
	atomic_long_add(len, &payer->bytes);
	flags = memalloc_noreclaim_save();
	obj_cgroup_charge_zswap(payer->objcg, len);
	memalloc_noreclaim_restore(flags);
}

/**
 * zcache_uncharge() - a page that was charged is gone
 * @nr: who paid
 * @len: as it was charged
 *
 * Context: Any but interrupt context; under the lock of a tree, perhaps with
 * interrupts off.
 */
void zcache_uncharge(u16 nr, unsigned int len)
{
	struct zcache_payer *payer;

	if (!zcache_is_payer(nr))
		return;
	payer = zcache_payer(nr);
	/* Only a damaged header has a number that nobody has. */
	if (WARN_ON_ONCE(!payer))
		return;
	obj_cgroup_uncharge_zswap(payer->objcg, len);
	atomic_long_sub(len, &payer->bytes);
	zcache_payer_unref(payer, nr);
}

/**
 * zcache_payer_stored() - count pages in memory.stat: zswpout
 * @nr: who pays for them
 * @pages: their number
 *
 * Context: Any; the caller holds a reference.
 */
void zcache_payer_stored(u16 nr, unsigned long pages)
{
	if (zcache_is_payer(nr))
		count_objcg_events(zcache_payer(nr)->objcg, ZSWPOUT, pages);
}

/**
 * zcache_payer_loaded() - count a page in memory.stat: zswpin
 * @nr: who pays for it
 *
 * Context: Any; the page is stored, and its reader owns its slot.
 */
void zcache_payer_loaded(u16 nr)
{
	if (zcache_is_payer(nr))
		count_objcg_events(zcache_payer(nr)->objcg, ZSWPIN, 1);
}

/**
 * zcache_payer_written() - count a page in memory.stat: zswpwb
 * @nr: who pays for it
 *
 * Context: Any; the page is stored, and who writes it owns its slot.
 */
void zcache_payer_written(u16 nr)
{
	if (zcache_is_payer(nr))
		count_objcg_events(zcache_payer(nr)->objcg, ZSWPWB, 1);
}

/**
 * zcache_payers_validate() - are only stored pages charged?
 *
 * Context: Any but interrupt context. Nothing is stored meanwhile.
 * Return: the number of violations, each of which is logged.
 */
int zcache_payers_validate(void)
{
	unsigned long nr, stored = zcache_type_pages(TMEM_PERSISTENT);
	struct zcache_payer *payer;
	unsigned long charged = 0;

	rcu_read_lock();
	xa_for_each(&zcache_payers, nr, payer)
		charged += atomic_long_read(&payer->refs);
	rcu_read_unlock();
	if (charged <= stored)
		return 0;
	pr_err("validate: %lu pages are charged, %lu are stored\n", charged,
	       stored);
	return 1;
}
