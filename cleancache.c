// SPDX-License-Identifier: GPL-2.0-only
/*
 * cleancache: the front end for clean file pages
 *
 * The hooks in mm/ and fs/ call here, and from here the back end is called
 * through struct cleancache_ops: it may come at any time after boot, when file
 * systems are mounted already, and it may go again.
 *
 * The invariant
 * -------------
 * A copy of (inode, index) is what ->read_folio() would produce now. A copy is
 * page cache in another place, so it is coherent if and only if
 *
 *  (a) whatever removes a page from the page cache also removes the copy,
 *      atomically with respect to a load;
 *  (b) nobody who asks "is there a page here?" and skips work gets "no" while
 *      a copy exists;
 *  (c) a load is excluded by whatever excludes a read;
 *  (d) a copy and a cached folio of one key never exist together, except under
 *      the lock of that folio.
 *
 * (d) Claim on entry: filemap_add_folio(), the only door for new keys of the
 * file systems that opted in, calls cleancache_claim() when the folio is in the
 * tree, locked, and nobody has seen it uptodate. The copies of its range are
 * dropped, or for the readers that want it the copy is loaded, which drops it.
 * On the way out shrink_folio_list() makes the copy just before it removes the
 * folio, under the folio's lock, and drops it again if the folio stays. So
 * nothing needs doing when a folio is dirtied, partly written, migrated, split
 * or leaves the page cache in another way.
 *
 * (c) A load happens in a reader that has inserted a locked folio, at the place
 * where it would submit the read otherwise, and under the same locks.
 *
 * (a) The invalidation window: truncate_inode_pages_range() and
 * invalidate_inode_pages2_range() scan the page cache, and while they do, pages
 * could move from the tree to a copy (reclaim) and back (a load) behind the
 * scan. So they open a window first and drop the copies of the range last:
 *
 *	window				load
 *	windows++			insert the folio
 *	full barrier			full barrier
 *	scan				windows open? miss and drop
 *	full barrier
 *	drop the copies
 *	windows--
 *
 * Either the scan sees the folio, or the load sees the window. Inside of it
 * pages only move from the tree to a copy: a store holds the folio lock that
 * the scan waits for, or is complete, and then the drop finds the copy.
 *
 * The windows are an array of counters, hashed by mapping: a collision costs a
 * miss. A mapping that never had a copy needs no window. If its sticky bit is
 * set meanwhile the scan is repeated, this time with a window: that is also why
 * switching on in the middle of a scan is harmless.
 *
 * (b) The places that skip an invalidation because there are no pages ask
 * mapping_has_cached_data() instead.
 *
 * What is eligible
 * ----------------
 * Regular files of file systems that opted in (FS_CLEANCACHE), and of them only
 * what is read by ->read_folio() from the inode's own mapping: see
 * cleancache_eligible(). Pages beyond i_size are neither stored nor loaded: not
 * all file systems keep a reader away while they truncate, and a read there
 * would give zeros. A mapping that had a writeback error is not stored from:
 * its clean pages may never have reached the disk.
 *
 * The object is the in-memory inode, from its first store to clear_inode().
 * Never an inode number: these are reused, and not unique.
 *
 * States
 * ------
 *	OFF ----enable----> ON ----disable----> DRAINING --all dropped--> OFF
 *
 * Leaving: stores stop first, those in flight are waited for (SRCU), then all
 * copies are dropped. From then on there are none, so the hooks have nothing to
 * keep coherent, and the static key goes last. Coming: the static key goes
 * first. A hook that has passed the key just before it flips saw a key of which
 * there is no copy, and holds the folio without which none can be made.
 *
 * Locks
 * -----
 * s_umount		orders the coming and going of a file system
 *   cleancache_mutex	back end and state changes
 *     cpu_hotplug_lock	by the static key
 * cleancache_srcu	read side: a call of the back end is in flight. Entered
 *			with folio and invalidate locks held, never under a
 *			spinlock of the mapping.
 */
#define pr_fmt(fmt) "cleancache: " fmt

#include <linux/atomic.h>
#include <linux/cleancache.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/srcu.h>

DEFINE_STATIC_KEY_FALSE(cleancache_key);

static DEFINE_MUTEX(cleancache_mutex);
DEFINE_STATIC_SRCU(cleancache_srcu);

/* Written under cleancache_mutex, read in cleancache_srcu. */
static const struct cleancache_ops *cleancache_backend;
static enum cleancache_state cleancache_now = CLEANCACHE_OFF;

/* Open invalidation windows. Truncation is rare enough for few counters. */
#define CLEANCACHE_WINDOW_BITS	10
static atomic_t cleancache_windows[BIT(CLEANCACHE_WINDOW_BITS)];

/* For tests: how long to sleep where a race would be, in ms. */
static u32 cleancache_delay_window;
static u32 cleancache_delay_load;

static void cleancache_delay(const u32 *ms)
{
	if (IS_ENABLED(CONFIG_TMEM_DEBUG) && unlikely(READ_ONCE(*ms)))
		msleep(READ_ONCE(*ms));
}

/**
 * cleancache_debug_init() - make files for tests
 * @dir: their folder in debugfs
 */
void __init cleancache_debug_init(struct dentry *dir)
{
	debugfs_create_u32("delay_window", 0600, dir, &cleancache_delay_window);
	debugfs_create_u32("delay_load", 0600, dir, &cleancache_delay_load);
}

/*
 * File systems and life cycle
 */

/* Under s_umount, which keeps the file system and others from doing the same. */
static void cleancache_attach(struct super_block *sb)
{
	if (!(sb->s_type->fs_flags & FS_CLEANCACHE) ||
	    sb->s_blocksize > PAGE_SIZE)
		return;
	mutex_lock(&cleancache_mutex);
	if (cleancache_backend && !sb->s_cleancache) {
		/* The pool is whole before a hook finds it. */
		smp_store_release(&sb->s_cleancache,
				  cleancache_backend->mount(sb));
	}
	mutex_unlock(&cleancache_mutex);
}

static void cleancache_detach(struct super_block *sb)
{
	void *pool = sb->s_cleancache;

	if (!pool)
		return;
	mutex_lock(&cleancache_mutex);
	WRITE_ONCE(sb->s_cleancache, NULL);
	synchronize_srcu(&cleancache_srcu);
	cleancache_backend->umount(pool);
	mutex_unlock(&cleancache_mutex);
}

static void cleancache_attach_super(struct super_block *sb, void *unused)
{
	cleancache_attach(sb);
}

static void cleancache_detach_super(struct super_block *sb, void *unused)
{
	cleancache_detach(sb);
}

/**
 * cleancache_register() - attach a back end
 * @ops: the back end
 *
 * It is told of every file system that is mounted. The state stays off.
 *
 * Context: May sleep; takes s_umount of all file systems.
 * Return: 0, or -EBUSY if there is a back end already.
 */
int cleancache_register(const struct cleancache_ops *ops)
{
	int err = 0;

	mutex_lock(&cleancache_mutex);
	if (cleancache_backend)
		err = -EBUSY;
	else
		WRITE_ONCE(cleancache_backend, ops);
	mutex_unlock(&cleancache_mutex);
	/* What is mounted from now on is attached by its mount. */
	if (!err)
		iterate_supers(cleancache_attach_super, NULL);
	return err;
}

/**
 * cleancache_unregister() - detach a back end
 * @ops: the back end
 *
 * Context: May sleep; takes s_umount of all file systems. No mount and no other
 * call of this kind runs at the same time.
 * Return: 0 with no call of @ops in flight or to come; -EBUSY if the state is
 * not off; -ENODEV if @ops is not attached.
 */
int cleancache_unregister(const struct cleancache_ops *ops)
{
	int err = 0;

	mutex_lock(&cleancache_mutex);
	if (cleancache_backend != ops)
		err = -ENODEV;
	else if (cleancache_now != CLEANCACHE_OFF)
		err = -EBUSY;
	mutex_unlock(&cleancache_mutex);
	if (err)
		return err;

	iterate_supers(cleancache_detach_super, NULL);
	mutex_lock(&cleancache_mutex);
	WRITE_ONCE(cleancache_backend, NULL);
	synchronize_srcu(&cleancache_srcu);
	mutex_unlock(&cleancache_mutex);
	return 0;
}

/**
 * cleancache_enable() - let the hooks store
 *
 * Context: May sleep.
 * Return: 0, or -ENODEV if there is no back end.
 */
int cleancache_enable(void)
{
	int err = 0;

	mutex_lock(&cleancache_mutex);
	if (!cleancache_backend) {
		err = -ENODEV;
	} else if (cleancache_now == CLEANCACHE_OFF) {
		static_branch_enable(&cleancache_key);
		WRITE_ONCE(cleancache_now, CLEANCACHE_ON);
	}
	mutex_unlock(&cleancache_mutex);
	return err;
}

/**
 * cleancache_disable() - drop everything and store nothing from now on
 *
 * Context: May sleep.
 */
void cleancache_disable(void)
{
	mutex_lock(&cleancache_mutex);
	if (cleancache_now == CLEANCACHE_ON) {
		WRITE_ONCE(cleancache_now, CLEANCACHE_DRAINING);
		/* No store is in flight after this, so empty stays empty. */
		synchronize_srcu(&cleancache_srcu);
		cleancache_backend->drop_all();
		WRITE_ONCE(cleancache_now, CLEANCACHE_OFF);
		static_branch_disable(&cleancache_key);
	}
	mutex_unlock(&cleancache_mutex);
}

/**
 * cleancache_state() - what the hooks do now
 *
 * Context: Any.
 * Return: the state.
 */
enum cleancache_state cleancache_state(void)
{
	return READ_ONCE(cleancache_now);
}

/**
 * cleancache_mount() - a file system is mounted, perhaps once more
 * @sb: its super block
 *
 * Context: May sleep, under s_umount.
 */
void cleancache_mount(struct super_block *sb)
{
	cleancache_attach(sb);
}

/**
 * cleancache_umount() - a file system goes
 * @sb: its super block; all of its inodes are gone
 *
 * Context: May sleep, under s_umount.
 */
void cleancache_umount(struct super_block *sb)
{
	cleancache_detach(sb);
}

/*
 * Helpers of the hooks
 */

/**
 * struct cleancache_call - a call of the back end
 * @ops: the back end
 * @pool: of the file system
 * @object: the inode
 * @idx: of SRCU
 */
struct cleancache_call {
	const struct cleancache_ops *ops;
	void *pool;
	u64 object;
	int idx;
};

/*
 * Where the inode lies, in units of its alignment: a number of 32 bits on a machine
 * of 32 GiB. Back ends keep it with each page.
 */
static u64 cleancache_object(const struct address_space *mapping)
{
	return __pa(mapping->host) / __alignof__(struct inode);
}

/* Is there a back end for this mapping? cleancache_end() must follow anyway. */
static bool cleancache_begin(const struct address_space *mapping,
			     struct cleancache_call *call)
	__acquires(&cleancache_srcu)
{
	call->idx = srcu_read_lock(&cleancache_srcu);
	call->ops = READ_ONCE(cleancache_backend);
	call->pool = READ_ONCE(mapping->host->i_sb->s_cleancache);
	call->object = cleancache_object(mapping);
	return call->ops && call->pool;
}

static void cleancache_end(const struct cleancache_call *call)
	__releases(&cleancache_srcu)
{
	srcu_read_unlock(&cleancache_srcu, call->idx);
}

static bool cleancache_eligible(const struct address_space *mapping)
{
	const struct inode *inode = mapping->host;

	return S_ISREG(inode->i_mode) && mapping == &inode->i_data &&
	       mapping->a_ops->read_folio && !IS_DAX(inode) &&
	       !IS_VERITY(inode) && !IS_SWAPFILE(inode) &&
	       !mapping_min_folio_order(mapping);
}

static bool cleancache_in_file(const struct address_space *mapping,
			       pgoff_t index)
{
	return index < DIV_ROUND_UP(i_size_read(mapping->host), PAGE_SIZE);
}

static atomic_t *cleancache_window(const struct address_space *mapping)
{
	return &cleancache_windows[hash_ptr(mapping, CLEANCACHE_WINDOW_BITS)];
}

static void cleancache_drop(struct address_space *mapping, pgoff_t first,
			    pgoff_t last)
{
	unsigned long nr = last - first + 1;
	struct cleancache_call call;

	if (last < first)
		return;
	if (cleancache_begin(mapping, &call))
		call.ops->invalidate(call.pool, call.object, first,
				     nr ?: ULONG_MAX);
	cleancache_end(&call);
}

/*
 * Invalidation
 */

/**
 * cleancache_invalidate_range() - forget the copies of a range
 * @mapping: the mapping
 * @first: first page
 * @last: last page, inclusive
 *
 * Context: May be called with folio and inode locks held.
 */
void cleancache_invalidate_range(struct address_space *mapping, pgoff_t first,
				 pgoff_t last)
{
	/* Pairs with cleancache_set_may_have_copies(). */
	smp_rmb();
	if (cleancache_may_have_copies(mapping))
		cleancache_drop(mapping, first, last);
}

/**
 * cleancache_window_begin() - a scan of the page cache for invalidation begins
 * @mapping: the mapping
 *
 * Context: May sleep. cleancache_window_end() must follow.
 * Return: whether a window was opened.
 */
bool cleancache_window_begin(struct address_space *mapping)
{
	if (!cleancache_may_have_copies(mapping))
		return false;
	atomic_inc(cleancache_window(mapping));
	/* Pairs with the one in cleancache_load(). */
	smp_mb__after_atomic();
	return true;
}

/**
 * cleancache_window_end() - the scan is through
 * @mapping: the mapping
 * @first: first page of its range, partial pages included
 * @last: last page, inclusive
 * @opened: what cleancache_window_begin() returned
 *
 * Context: May sleep.
 * Return: false if the scan must be repeated: the first copy of this mapping
 * was made meanwhile, when no window was open.
 */
bool cleancache_window_end(struct address_space *mapping, pgoff_t first,
			   pgoff_t last, bool opened)
{
	if (!opened) {
		/* Pairs with the barrier after set_bit(). */
		smp_rmb();
		return !cleancache_may_have_copies(mapping);
	}
	cleancache_delay(&cleancache_delay_window);
	/* What the scan did not find is in its copy by now. */
	smp_mb();
	cleancache_drop(mapping, first, last);
	/* Release: whoever reads zero does not find what was dropped. */
	smp_mb__before_atomic();
	atomic_dec(cleancache_window(mapping));
	return true;
}

/**
 * cleancache_drop_all() - forget all copies
 *
 * Context: May sleep.
 */
void cleancache_drop_all(void)
{
	const struct cleancache_ops *ops;
	int idx;

	if (!cleancache_active())
		return;
	idx = srcu_read_lock(&cleancache_srcu);
	ops = READ_ONCE(cleancache_backend);
	if (ops)
		ops->drop_all();
	srcu_read_unlock(&cleancache_srcu, idx);
}

/*
 * Entry and exit of the page cache
 */

static bool cleancache_load(const struct cleancache_call *call,
			    struct address_space *mapping, struct folio *folio)
{
	cleancache_delay(&cleancache_delay_load);
	/* The folio is in the tree. Pairs with cleancache_window_begin(). */
	smp_mb();
	if (atomic_read_acquire(cleancache_window(mapping)))
		return false;
	if (folio_test_large(folio) || !cleancache_eligible(mapping) ||
	    !cleancache_in_file(mapping, folio->index))
		return false;
	if (call->ops->load(call->pool, call->object, folio->index,
			    folio_page(folio, 0)))
		return false;
	flush_dcache_folio(folio);
	folio_mark_uptodate(folio);
	return true;
}

bool __cleancache_claim(struct address_space *mapping, struct folio *folio,
			bool load, bool refault)
{
	struct cleancache_call call;
	bool hit = false;

	/* Bdevs, shmem and others that can have neither copies nor refaults. */
	if (!mapping->host || !READ_ONCE(mapping->host->i_sb->s_cleancache))
		return false;
	if (!cleancache_begin(mapping, &call))
		goto out;
	/*
	 * Ordered by the lock of i_pages: if the folio took the place of one
	 * that was stored, the bit was set before that one left.
	 */
	if (cleancache_may_have_copies(mapping)) {
		hit = load && cleancache_load(&call, mapping, folio);
		if (!hit)
			call.ops->invalidate(call.pool, call.object,
					     folio->index,
					     folio_nr_pages(folio));
	}
	if ((refault || hit) && cleancache_eligible(mapping))
		call.ops->refault(call.pool, call.object, folio->index);
out:
	cleancache_end(&call);
	return hit;
}

/* Would __remove_mapping() take it? It looks again, so this may be racy. */
static bool cleancache_removable(struct folio *folio)
{
	return folio_test_uptodate(folio) && !folio_test_dirty(folio) &&
	       !folio_test_writeback(folio) && !folio_test_private(folio) &&
	       folio_ref_count(folio) == 1 + folio_nr_pages(folio);
}

/* The page cache may be left after the bit is seen by all who will ask. */
static void cleancache_set_may_have_copies(struct address_space *mapping)
{
	if (cleancache_may_have_copies(mapping))
		return;
	set_bit(AS_CLEANCACHE, &mapping->flags);
	/* Pairs with the smp_rmb() of those who saw no page and ask. */
	smp_mb__after_atomic();
}

static unsigned int cleancache_hints(const struct inode *inode,
				     const struct folio *folio)
{
	unsigned int hints = 0;

	if (folio_test_workingset(folio))
		hints |= CLEANCACHE_WORKINGSET;
	if (IS_ENCRYPTED(inode))
		hints |= CLEANCACHE_ENCRYPTED;
	return hints;
}

static bool cleancache_store_pages(const struct cleancache_call *call,
				   struct address_space *mapping,
				   struct folio *folio)
{
	unsigned int hints = cleancache_hints(mapping->host, folio);
	unsigned long i, nr = folio_nr_pages(folio), stored = 0;

	for (i = 0; i < nr && cleancache_in_file(mapping, folio->index + i); i++)
		stored += !call->ops->store(call->pool, call->object,
					    folio->index + i,
					    folio_page(folio, i), hints);
	return stored;
}

bool __cleancache_store(struct address_space *mapping, struct folio *folio)
{
	struct cleancache_call call;
	bool stored = false;

	if (!mapping || folio_test_anon(folio) ||
	    folio_test_swapbacked(folio) || folio_test_swapcache(folio))
		return false;
	if (!cleancache_begin(mapping, &call))
		goto out;
	/*
	 * The state is read inside of the SRCU section that
	 * cleancache_disable() waits for.
	 */
	if (READ_ONCE(cleancache_now) != CLEANCACHE_ON ||
	    !cleancache_eligible(mapping) || mapping->wb_err ||
	    !cleancache_removable(folio))
		goto out;
	cleancache_set_may_have_copies(mapping);
	stored = cleancache_store_pages(&call, mapping, folio);
out:
	cleancache_end(&call);
	return stored;
}

bool __cleancache_has_copies(struct address_space *mapping, pgoff_t index,
			     unsigned long nr)
{
	struct cleancache_call call;
	bool has = false;

	if (cleancache_begin(mapping, &call))
		has = call.ops->count(call.pool, call.object, index, nr);
	cleancache_end(&call);
	return has;
}
