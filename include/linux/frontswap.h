/* SPDX-License-Identifier: GPL-2.0 */
/*
 * frontswap: the front end through which swap pages reach transcendent memory
 * (mm/tmem). See mm/tmem/frontswap.c for the states and the contract.
 */
#ifndef _LINUX_FRONTSWAP_H
#define _LINUX_FRONTSWAP_H

#include <linux/errno.h>
#include <linux/jump_label.h>
#include <linux/mm_types.h>
#include <linux/types.h>

struct block_device;
struct dentry;
struct folio;

/**
 * enum frontswap_load_type - what becomes of the copy when it was loaded
 * @FRONTSWAP_COPY: it stays
 * @FRONTSWAP_MOVE: it is dropped, the folio owns the content now
 * @FRONTSWAP_WRITEBACK: as before, and nobody asked for the page: it is on its way
 *	to the device
 */
enum frontswap_load_type {
	FRONTSWAP_COPY,
	FRONTSWAP_MOVE,
	FRONTSWAP_WRITEBACK,
};

/* A load of one page: it was delivered, and its slot on the device holds it too. */
#define FRONTSWAP_ON_DEVICE	1

/**
 * struct frontswap_ops - a back end for swap pages
 * @swapon: swap device @type has come, with slots 0 to @nr_slots - 1, on @bdev
 *	(NULL if that is not a block device). May sleep. An error means that
 *	stores to this device are refused.
 * @swapoff: swap device @type goes; no slot of it is in use. May sleep.
 * @store: keep a copy of the locked @folio under its swap entries: all of its
 *	pages (0) or none (-errno). A refused store need not undo anything:
 *	the front end invalidates the whole range. May sleep, runs in reclaim.
 * @load: fill the locked, not uptodate @folio. 0 if every byte was delivered,
 *	-ENOENT if nothing is stored under any of its entries, -EIO if what was
 *	stored cannot be returned; then nothing is dropped. %FRONTSWAP_ON_DEVICE if
 *	it was delivered, and the copy stays. @more: a hint, the slots behind are
 *	read next. Must not allocate. May sleep.
 * @invalidate: forget @nr slots from @offset on. Must not sleep; may be called
 *	with interrupts off and under spinlocks of swap and of page tables.
 * @count: how many of @nr slots from @offset on hold a copy. Must not sleep.
 * @empty: true if no swap page is held at all.
 */
struct frontswap_ops {
	int (*swapon)(unsigned int type, unsigned long nr_slots,
		      struct block_device *bdev);
	void (*swapoff)(unsigned int type);
	int (*store)(struct folio *folio);
	int (*load)(struct folio *folio, enum frontswap_load_type type, bool more);
	void (*invalidate)(unsigned int type, pgoff_t offset, unsigned long nr);
	unsigned long (*count)(unsigned int type, pgoff_t offset,
			       unsigned long nr);
	bool (*empty)(void);
};

/**
 * enum frontswap_state - what the hooks do
 * @FRONTSWAP_OFF: nothing is held; the hooks are compiled to no-ops by a static
 *	key
 * @FRONTSWAP_DRAINING: stores are refused and invalidate; loads and
 *	invalidations work; ends by itself when nothing is held any more
 * @FRONTSWAP_ON: everything works
 */
enum frontswap_state {
	FRONTSWAP_OFF,
	FRONTSWAP_DRAINING,
	FRONTSWAP_ON,
};

#ifdef CONFIG_FRONTSWAP

DECLARE_STATIC_KEY_FALSE(frontswap_key);

int frontswap_register(const struct frontswap_ops *ops);
int frontswap_unregister(const struct frontswap_ops *ops);
int frontswap_enable(void);
void frontswap_disable(void);
enum frontswap_state frontswap_state(void);
void frontswap_debug_init(struct dentry *dir);

bool frontswap_writes(swp_entry_t entry);
int frontswap_writeback(swp_entry_t entry, struct folio *folio, bool owed);
unsigned int frontswap_writeback_end(struct folio **folios, unsigned int nr);

void frontswap_swapon(unsigned int type, unsigned long nr_slots);
void frontswap_swapoff(unsigned int type);
bool __frontswap_enabled(void);
bool __frontswap_store(struct folio *folio);
bool __frontswap_load(struct folio *folio, bool more);
void __frontswap_invalidate(swp_entry_t entry, unsigned long nr);
unsigned long __frontswap_count(swp_entry_t entry, unsigned long nr);

static __always_inline bool frontswap_active(void)
{
	return static_branch_unlikely(&frontswap_key);
}

#else

static inline int frontswap_register(const struct frontswap_ops *ops)
{
	return -ENODEV;
}

static inline int frontswap_enable(void)
{
	return -ENODEV;
}

static inline void frontswap_disable(void)
{
}

static inline enum frontswap_state frontswap_state(void)
{
	return FRONTSWAP_OFF;
}

static inline void frontswap_debug_init(struct dentry *dir)
{
}

static inline void frontswap_swapon(unsigned int type, unsigned long nr_slots)
{
}

static inline void frontswap_swapoff(unsigned int type)
{
}

static inline bool __frontswap_enabled(void)
{
	return false;
}

static inline bool __frontswap_store(struct folio *folio)
{
	return false;
}

static inline bool __frontswap_load(struct folio *folio, bool more)
{
	return false;
}

static inline void __frontswap_invalidate(swp_entry_t entry, unsigned long nr)
{
}

static inline unsigned long __frontswap_count(swp_entry_t entry,
					      unsigned long nr)
{
	return 0;
}

static __always_inline bool frontswap_active(void)
{
	return false;
}

#endif /* CONFIG_FRONTSWAP */

/**
 * frontswap_enabled - may a swap page be kept in memory now?
 *
 * Context: Any.
 * Return: true if the state is on. While draining nothing is taken any more.
 */
static inline bool frontswap_enabled(void)
{
	return frontswap_active() && __frontswap_enabled();
}

/**
 * frontswap_store - try to keep a swap page in memory instead of writing it
 * @folio: the folio to be written, locked and in the swap cache
 *
 * Whatever the answer, no older copy of any page of @folio survives.
 *
 * Context: Process context in reclaim, may sleep.
 * Return: true if all pages of @folio were stored and need no write.
 */
static inline bool frontswap_store(struct folio *folio)
{
	return frontswap_active() && __frontswap_store(folio);
}

/**
 * frontswap_load - fill a folio from memory instead of reading the device
 * @folio: locked, not uptodate; its first swap entry is folio->swap
 * @more: the reader goes on with the slots behind it (readahead)
 *
 * Context: Process context, may sleep.
 * Return: false if nothing is stored and the device must be read. Otherwise
 * the device must not be read: @folio is uptodate, or its content is lost and
 * it stays not uptodate, which the caller turns into an I/O error.
 */
static inline bool frontswap_load(struct folio *folio, bool more)
{
	return frontswap_active() && __frontswap_load(folio, more);
}

/**
 * frontswap_invalidate - forget the copies of swap slots
 * @entry: the first slot
 * @nr: number of slots, all of the same device
 *
 * Context: Any but interrupt context; spinlocks of swap and of page tables may
 * be held and interrupts may be off.
 */
static inline void frontswap_invalidate(swp_entry_t entry, unsigned long nr)
{
	if (frontswap_active())
		__frontswap_invalidate(entry, nr);
}

/**
 * frontswap_uniform - can a range of slots be read by a single read?
 * @entry: the first slot
 * @nr: number of slots
 *
 * A large folio is filled by frontswap as a whole or by the device as a whole.
 * The answer is stable only while the caller owns all the slots
 * (swapcache_prepare() succeeded), before that it is a hint.
 *
 * Context: As frontswap_invalidate().
 * Return: true if either all or none of the slots hold a copy.
 */
static inline bool frontswap_uniform(swp_entry_t entry, unsigned long nr)
{
	unsigned long held;

	if (nr == 1 || !frontswap_active())
		return true;
	held = __frontswap_count(entry, nr);
	return !held || held == nr;
}

#endif /* _LINUX_FRONTSWAP_H */
