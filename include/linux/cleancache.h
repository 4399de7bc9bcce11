/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cleancache: the front end through which clean file pages reach transcendent
 * memory (mm/tmem). See mm/tmem/cleancache.c for the model, the states and the
 * argument why no stale page can come back.
 */
#ifndef _LINUX_CLEANCACHE_H
#define _LINUX_CLEANCACHE_H

#include <linux/errno.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/types.h>
#include <linux/vmstat.h>

struct dentry;
struct super_block;

/* What a back end is told of a page. */
#define CLEANCACHE_WORKINGSET	BIT(0)	/* mm knows that it is used again and again */
#define CLEANCACHE_ENCRYPTED	BIT(1)	/* of a file that is encrypted on its device */

/**
 * struct cleancache_ops - a back end for clean file pages
 * @mount: a file system has come. Returns a pool, or NULL if its pages cannot
 *	be kept. May sleep.
 * @umount: the file system of @pool goes; no hook uses @pool any more. May
 *	sleep.
 * @store: keep a copy of the clean @page. @hints: CLEANCACHE_WORKINGSET and
 *	CLEANCACHE_ENCRYPTED. Returns 0 or -errno. Runs in reclaim: may sleep, but
 *	must not wait for I/O.
 * @load: fill @page and forget the copy. Returns 0, or -ENOENT if there is no
 *	copy that is whole. Must not allocate. May sleep.
 * @refault: a page that was evicted some time ago comes back. Must not sleep.
 * @invalidate: forget @nr pages from @index on. Must not sleep.
 * @count: how many of @nr pages from @index on have a copy. Must not sleep.
 * @drop_all: forget everything. May sleep.
 */
struct cleancache_ops {
	void *(*mount)(struct super_block *sb);
	void (*umount)(void *pool);
	int (*store)(void *pool, u64 object, pgoff_t index, struct page *page,
		     unsigned int hints);
	int (*load)(void *pool, u64 object, pgoff_t index, struct page *page);
	void (*refault)(void *pool, u64 object, pgoff_t index);
	void (*invalidate)(void *pool, u64 object, pgoff_t index,
			   unsigned long nr);
	unsigned long (*count)(void *pool, u64 object, pgoff_t index,
			       unsigned long nr);
	void (*drop_all)(void);
};

/**
 * enum cleancache_state - what the hooks do
 * @CLEANCACHE_OFF: nothing is held; a static key makes the hooks no-ops
 * @CLEANCACHE_DRAINING: stores are refused, everything is being dropped
 * @CLEANCACHE_ON: everything works
 */
enum cleancache_state {
	CLEANCACHE_OFF,
	CLEANCACHE_DRAINING,
	CLEANCACHE_ON,
};

#ifdef CONFIG_CLEANCACHE

DECLARE_STATIC_KEY_FALSE(cleancache_key);

int cleancache_register(const struct cleancache_ops *ops);
int cleancache_unregister(const struct cleancache_ops *ops);
int cleancache_enable(void);
void cleancache_disable(void);
enum cleancache_state cleancache_state(void);
void cleancache_debug_init(struct dentry *dir);

void cleancache_mount(struct super_block *sb);
void cleancache_umount(struct super_block *sb);
bool cleancache_window_begin(struct address_space *mapping);
bool cleancache_window_end(struct address_space *mapping, pgoff_t first,
			   pgoff_t last, bool opened);
void cleancache_invalidate_range(struct address_space *mapping, pgoff_t first,
				 pgoff_t last);
void cleancache_drop_all(void);
bool __cleancache_claim(struct address_space *mapping, struct folio *folio,
			bool load, bool refault);
bool __cleancache_store(struct address_space *mapping, struct folio *folio);
bool __cleancache_has_copies(struct address_space *mapping, pgoff_t index,
			     unsigned long nr);

static __always_inline bool cleancache_active(void)
{
	return static_branch_unlikely(&cleancache_key);
}

/*
 * The sticky bit. It is set before the first store of a mapping and stays as
 * long as the inode lives: clearing it would race with setting it.
 */
static inline bool cleancache_may_have_copies(const struct address_space *mapping)
{
	return test_bit(AS_CLEANCACHE, &mapping->flags);
}

#else

static inline int cleancache_register(const struct cleancache_ops *ops)
{
	return -ENODEV;
}

static inline int cleancache_enable(void)
{
	return -ENODEV;
}

static inline void cleancache_disable(void)
{
}

static inline enum cleancache_state cleancache_state(void)
{
	return CLEANCACHE_OFF;
}

static inline void cleancache_debug_init(struct dentry *dir)
{
}

static inline void cleancache_mount(struct super_block *sb)
{
}

static inline void cleancache_umount(struct super_block *sb)
{
}

static inline bool cleancache_window_begin(struct address_space *mapping)
{
	return false;
}

static inline bool cleancache_window_end(struct address_space *mapping,
					 pgoff_t first, pgoff_t last,
					 bool opened)
{
	return true;
}

static inline void cleancache_invalidate_range(struct address_space *mapping,
					       pgoff_t first, pgoff_t last)
{
}

static inline void cleancache_drop_all(void)
{
}

static inline bool __cleancache_claim(struct address_space *mapping,
				      struct folio *folio, bool load,
				      bool refault)
{
	return false;
}

static inline bool __cleancache_store(struct address_space *mapping,
				      struct folio *folio)
{
	return false;
}

static inline bool __cleancache_has_copies(struct address_space *mapping,
					   pgoff_t index, unsigned long nr)
{
	return false;
}

static __always_inline bool cleancache_active(void)
{
	return false;
}

static inline bool cleancache_may_have_copies(const struct address_space *mapping)
{
	return false;
}

#endif /* CONFIG_CLEANCACHE */

/**
 * cleancache_claim - the page cache has taken a new folio in
 * @mapping: the mapping
 * @folio: locked, just inserted, never seen uptodate by anyone
 * @load: the caller would read the content now
 * @refault: the page was in the page cache some time ago
 *
 * From here on the page cache has the only copy.
 *
 * Context: Process context, may sleep. Allocates nothing.
 * Return: true if @folio was filled and is uptodate. It must not be handed to
 * the file system then, only be unlocked.
 */
static inline bool cleancache_claim(struct address_space *mapping,
				    struct folio *folio, bool load,
				    bool refault)
{
	return cleancache_active() &&
	       __cleancache_claim(mapping, folio, load, refault);
}

/**
 * cleancache_store - offer a folio that is about to leave the page cache
 * @mapping: folio_mapping() of @folio, may be NULL
 * @folio: locked, unmapped, isolated from its LRU
 *
 * Context: Process context in reclaim, no lock of the mapping held. May sleep,
 * waits for no I/O.
 * Return: true if copies were made: the caller removes @folio from the page
 * cache, or calls cleancache_invalidate_folio() before it unlocks it.
 */
static inline bool cleancache_store(struct address_space *mapping,
				    struct folio *folio)
{
	return cleancache_active() && __cleancache_store(mapping, folio);
}

/**
 * cleancache_invalidate_folio - forget the copies of a folio that stays
 * @mapping: its mapping
 * @folio: locked
 *
 * Context: Any but interrupt context.
 */
static inline void cleancache_invalidate_folio(struct address_space *mapping,
					       struct folio *folio)
{
	cleancache_invalidate_range(mapping, folio->index,
				    folio_next_index(folio) - 1);
}

/**
 * cleancache_invalidate_inode - forget all copies of an inode
 * @inode: the inode
 *
 * Context: Any but interrupt context.
 */
static inline void cleancache_invalidate_inode(struct inode *inode)
{
	cleancache_invalidate_range(&inode->i_data, 0, ULONG_MAX);
}

/**
 * cleancache_has_copies - is any page of a range kept?
 * @mapping: the mapping
 * @index: the first page
 * @nr: number of pages
 *
 * A hint: copies may come and go any time.
 *
 * Context: Any but interrupt context.
 * Return: true if there is a copy.
 */
static inline bool cleancache_has_copies(struct address_space *mapping,
					 pgoff_t index, unsigned long nr)
{
	return cleancache_active() && cleancache_may_have_copies(mapping) &&
	       __cleancache_has_copies(mapping, index, nr);
}

/**
 * mapping_has_cached_data - may anything of this file be in memory?
 * @mapping: the mapping
 *
 * "No pages" does not mean "nothing cached": who wants to skip an invalidation
 * must ask this. Reclaim sets the sticky bit before it stores a page, and takes
 * the page away after that: read the other way round here.
 *
 * Context: Any.
 * Return: false if neither the page cache nor cleancache has a page of it.
 */
static inline bool mapping_has_cached_data(const struct address_space *mapping)
{
	if (READ_ONCE(mapping->nrpages))
		return true;
	/* Pairs with cleancache_set_may_have_copies(). */
	smp_rmb();
	return cleancache_may_have_copies(mapping);
}

/**
 * cleancache_global_pages - memory that holds copies
 *
 * It is given back like the page cache is, so it may become dirty page cache.
 *
 * Context: Any.
 * Return: the number of pages.
 */
static inline unsigned long cleancache_global_pages(void)
{
	if (!cleancache_active())
		return 0;
	return global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE);
}

/**
 * cleancache_node_pages - as cleancache_global_pages(), of one node
 * @pgdat: the node
 *
 * Context: Any.
 * Return: the number of pages.
 */
static inline unsigned long cleancache_node_pages(struct pglist_data *pgdat)
{
	if (!cleancache_active())
		return 0;
	return node_page_state(pgdat, NR_KERNEL_MISC_RECLAIMABLE);
}

#endif /* _LINUX_CLEANCACHE_H */
