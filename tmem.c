// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmem: the index of transcendent memory
 *
 * Model
 * -----
 * A pool stands for one mounted file system (ephemeral: its pages may be
 * dropped at any time) or one swap device (persistent: a page comes back
 * bit-exact until it is invalidated). A pool holds objects, an object holds
 * pages, a page is known by (object, index) and stands for an opaque handle:
 *
 *	pool --rhashtable--> object --XArray--> handle
 *
 * tmem knows nothing of compression, inodes, swap or other machines. What a
 * handle means is the business of the owner of the pool, who gives the
 * callbacks of struct tmem_ops. Handles are kept as XArray values, so that a
 * stored page costs a slot of a tree node and nothing else.
 *
 * An object exists while it holds a page: the first store makes it, whoever
 * empties it takes it out of the table.
 *
 * What tmem upholds of the contract
 * ---------------------------------
 * - A look-up returns what the last tmem_store() of that key put there:
 *   replacing is one xas_store() under the lock of the tree.
 * - A tmem_store() that fails has invalidated the older copy of its key.
 * - A handle is looked up *and pinned* under the lock of the tree. So no
 *   handle is used after it was freed, although frames are recycled.
 * - tmem_erase() and tmem_replace() check identity: they act only on the very
 *   entry that was looked up. With the pin held a handle is not given out
 *   again, so an equal handle is the same entry.
 *
 * Locks
 * -----
 * rcu_read_lock()		keeps an object in memory (objects only: frames
 *				are recycled without a grace period)
 *   object->pages.xa_lock	the tree, object->nr_pages, object->dead
 *     bucket lock of the table	when an emptied object is taken out
 *     locks of tmem_ops	leaves; they never call back
 *
 * All may be taken with interrupts off and below spinlocks of swap and of page
 * tables; none is taken in interrupt context. Nothing is allocated under them,
 * with one exception: when a tree must grow by more than the one node that was
 * preloaded, XArray takes the others with GFP_NOWAIT. (And in RCU only, when a
 * chain of the table has become too long, rhashtable may take a larger table
 * with GFP_ATOMIC; it grows in time in a worker, so this is rare.)
 */
#define pr_fmt(fmt) "tmem: " fmt

#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "tmem.h"

/* Entries dropped under one hold of a tree's lock: bounds the latency. */
#define TMEM_BATCH	512

/* Levels of the deepest XArray: 64 bits of index, 4 to 6 bits a level. */
#define TMEM_MAX_LEVELS	16

/**
 * struct tmem_object - the pages of one inode or of one stretch of a swap device
 * @node: in the table of the pool
 * @id: its key there
 * @pages: index to handle; its xa_lock covers @nr_pages and @dead
 * @nr_pages: entries of @pages
 * @dead: emptied and taken out of the table; whoever still finds it looks again
 * @rcu: frees it
 */
struct tmem_object {
	struct rhash_head node;
	u64 id;
	struct xarray pages;
	unsigned long nr_pages;
	bool dead;
	struct rcu_head rcu;
};

static const struct rhashtable_params tmem_object_params = {
	.key_len = sizeof_field(struct tmem_object, id),
	.key_offset = offsetof(struct tmem_object, id),
	.head_offset = offsetof(struct tmem_object, node),
	.automatic_shrinking = true,
};

/* xas_nomem() reads the flags of its tree, which may be gone by then. */
static DEFINE_XARRAY(tmem_no_tree);

/*
 * Find an object and lock its tree. A dead object has left the table, so the
 * look-up is simply repeated: the answer "not there" is never out of date.
 *
 * Sparse is told nothing of the lock, since it is held on success only.
 */
static struct tmem_object *tmem_object_lock(struct tmem_pool *pool, u64 id)
	__must_hold(RCU)
{
	struct tmem_object *obj;

	for (;;) {
		obj = rhashtable_lookup(&pool->objects, &id,
					tmem_object_params);
		if (!obj)
			return NULL;
		xa_lock(&obj->pages);
		if (!obj->dead) {
			__release(&obj->pages.xa_lock);
			return obj;
		}
		xa_unlock(&obj->pages);
	}
}

/*
 * Unlock the tree, and if it is empty end the object. Its tree may still hold
 * nodes that a failed store had made: they are freed here as well.
 */
static void tmem_object_unlock(struct tmem_pool *pool, struct tmem_object *obj)
{
	bool last = !obj->nr_pages;

	__acquire(&obj->pages.xa_lock);
	if (last) {
		obj->dead = true;
		rhashtable_remove_fast(&pool->objects, &obj->node,
				       tmem_object_params);
	}
	xa_unlock(&obj->pages);
	if (!last)
		return;

	atomic_long_dec(&pool->nr_objects);
	xa_destroy(&obj->pages);
	kfree_rcu(obj, rcu);
}

/* Put a new, empty object into the table, unless there is one already. */
static int tmem_object_add(struct tmem_pool *pool, u64 id, gfp_t gfp)
{
	struct tmem_object *obj, *old;

	obj = kzalloc(sizeof(*obj), gfp);
	if (!obj)
		return -ENOMEM;
	obj->id = id;
	xa_init(&obj->pages);

	rcu_read_lock();
	old = rhashtable_lookup_get_insert_fast(&pool->objects, &obj->node,
						tmem_object_params);
	rcu_read_unlock();
	if (old) {
		kfree(obj);
		return IS_ERR(old) ? -ENOMEM : 0;
	}
	atomic_long_inc(&pool->nr_objects);
	return 0;
}

/* Drop the entry at @xas. Caller holds the lock of the tree. */
static void tmem_drop(struct tmem_pool *pool, struct tmem_object *obj,
		      struct xa_state *xas, void *entry)
{
	xas_store(xas, NULL);
	obj->nr_pages--;
	atomic_long_dec(&pool->nr_pages);
	pool->ops->free(pool, xa_to_value(entry));
}

/*
 * Drop up to TMEM_BATCH entries of [@first, @last]. Returns their number; the
 * range is clear when that is less than TMEM_BATCH.
 */
static unsigned long tmem_drop_batch(struct tmem_pool *pool,
				     struct tmem_object *obj,
				     unsigned long first, unsigned long last)
{
	XA_STATE(xas, &obj->pages, first);
	unsigned long dropped = 0;
	void *entry;

	xas_for_each(&xas, entry, last) {
		tmem_drop(pool, obj, &xas, entry);
		if (++dropped == TMEM_BATCH)
			break;
	}
	return dropped;
}

/*
 * Drop the entries of [@first, @last] that match. The lock is let go now and then;
 * what becomes of the tree meanwhile is seen.
 */
static unsigned long tmem_drop_matching(struct tmem_pool *pool,
					struct tmem_object *obj,
					unsigned long first, unsigned long last,
					tmem_match_t match, void *arg)
{
	XA_STATE(xas, &obj->pages, first);
	unsigned long seen = 0, dropped = 0;
	void *entry;

	xas_for_each(&xas, entry, last) {
		if (match(xa_to_value(entry), arg)) {
			tmem_drop(pool, obj, &xas, entry);
			dropped++;
		}
		if (++seen % TMEM_BATCH)
			continue;
		xas_pause(&xas);
		xa_unlock(&obj->pages);
		xa_lock(&obj->pages);
	}
	return dropped;
}

static unsigned long tmem_last_index(const struct tmem_key *key,
				     unsigned long nr)
{
	return key->index + nr - 1 < key->index ? ULONG_MAX :
						  key->index + nr - 1;
}

/**
 * tmem_pool_create() - make a pool
 * @id: number by which the owner finds the pool again
 * @type: ephemeral or persistent
 * @ops: storage callbacks
 * @private: for the owner
 *
 * Context: May sleep.
 * Return: the pool, or ERR_PTR(-ENOMEM).
 */
struct tmem_pool *tmem_pool_create(u16 id, enum tmem_pool_type type,
				   const struct tmem_ops *ops, void *private)
{
	struct tmem_pool *pool;
	int err;

	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	err = rhashtable_init(&pool->objects, &tmem_object_params);
	if (err) {
		kfree(pool);
		return ERR_PTR(err);
	}
	pool->id = id;
	pool->type = type;
	pool->ops = ops;
	pool->private = private;
	return pool;
}

static void tmem_object_destroy(void *ptr, void *arg)
{
	struct tmem_object *obj = ptr;
	struct tmem_pool *pool = arg;
	unsigned long dropped;

	do {
		xa_lock(&obj->pages);
		dropped = tmem_drop_batch(pool, obj, 0, ULONG_MAX);
		xa_unlock(&obj->pages);
		cond_resched();
	} while (dropped == TMEM_BATCH);
	xa_destroy(&obj->pages);
	kfree_rcu(obj, rcu);
}

/**
 * tmem_pool_destroy() - free a pool and every page in it
 * @pool: the pool; nobody else uses it any more
 *
 * Context: May sleep.
 */
void tmem_pool_destroy(struct tmem_pool *pool)
{
	rhashtable_free_and_destroy(&pool->objects, tmem_object_destroy, pool);
	kfree(pool);
}

/* Would a store at @xas do without a new node? Caller holds the lock. */
static bool tmem_has_leaf(const struct xa_state *xas)
{
	return xas_valid(xas) && xas->xa_node && !xas->xa_node->shift;
}

/*
 * One attempt: 0, or -ENOMEM if there is no object or a node is missing, with
 * @xas holding at most the preloaded node.
 */
static int tmem_try_store(struct tmem_pool *pool, const struct tmem_key *key,
			  struct xa_state *xas, unsigned long handle,
			  bool *has_object)
{
	struct tmem_object *obj;
	int err = -ENOMEM;
	void *old;

	rcu_read_lock();
	obj = tmem_object_lock(pool, key->object);
	*has_object = obj;
	if (!obj)
		goto out;

	xas->xa = &obj->pages;
	xas_set(xas, key->index);
	old = xas_load(xas);
	if (old || xas->xa_alloc || tmem_has_leaf(xas)) {
		xas_store(xas, xa_mk_value(handle));
		err = xas_error(xas);
	}
	if (err) {
		/* Keep an empty object, and the nodes it got, for the next try. */
		__acquire(&obj->pages.xa_lock);
		xa_unlock(&obj->pages);
		goto out;
	}
	if (old) {
		pool->ops->free(pool, xa_to_value(old));
	} else {
		obj->nr_pages++;
		atomic_long_inc(&pool->nr_pages);
	}
	tmem_object_unlock(pool, obj);
out:
	rcu_read_unlock();
	return err;
}

/**
 * tmem_store() - let a key stand for a handle
 * @pool: the pool
 * @key: the key
 * @handle: the handle, below 2^%TMEM_HANDLE_BITS; belongs to tmem on success
 * @gfp: for the object and the nodes of its tree. 0: allocate nothing and fail
 *	if something would be needed.
 *
 * An older handle of @key is freed, whatever the outcome: a store that fails
 * must not leave an older copy behind.
 *
 * Context: May sleep if @gfp allows it.
 * Return: 0; -ENOMEM; -EINVAL if @key or @handle is out of range. On failure
 * @handle still belongs to the caller.
 */
int tmem_store(struct tmem_pool *pool, const struct tmem_key *key,
	       unsigned long handle, gfp_t gfp)
{
	XA_STATE(xas, &tmem_no_tree, key->index);
	bool has_object;
	int err, tries;

	if (key->index >> TMEM_INDEX_BITS || handle >> TMEM_HANDLE_BITS) {
		err = -EINVAL;
		goto invalidate;
	}

	/*
	 * A round for the object and one for each node of its tree that
	 * GFP_NOWAIT did not give. Bounded, for others may find the object
	 * empty and end it, with the nodes it had got.
	 */
	for (tries = 0; tries < TMEM_MAX_LEVELS; tries++) {
		err = tmem_try_store(pool, key, &xas, handle, &has_object);
		xas.xa = &tmem_no_tree;
		if (err != -ENOMEM || !gfp)
			break;
		if (!has_object && tmem_object_add(pool, key->object, gfp))
			break;
		if (!xas.xa_alloc) {
			xas_set_err(&xas, -ENOMEM);
			if (!xas_nomem(&xas, gfp))
				break;
		}
	}
	xas_destroy(&xas);
	if (!err)
		return 0;
invalidate:
	tmem_invalidate(pool, key, 1);
	return err;
}

/**
 * tmem_pin() - look a key up and pin what it stands for
 * @pool: the pool
 * @key: the key
 * @handle: where the handle is put
 *
 * Context: Any but interrupt context.
 * Return: 0 with the handle pinned by &tmem_ops.pin; -ENOENT if nothing is
 * stored under @key; -EAGAIN (or what else &tmem_ops.pin answered) if the
 * look-up must be repeated later.
 */
int tmem_pin(struct tmem_pool *pool, const struct tmem_key *key,
	     unsigned long *handle)
{
	struct tmem_object *obj;
	int err = -ENOENT;
	void *entry;

	rcu_read_lock();
	obj = tmem_object_lock(pool, key->object);
	if (!obj)
		goto out;
	entry = xa_load(&obj->pages, key->index);
	if (entry) {
		*handle = xa_to_value(entry);
		err = pool->ops->pin(pool, *handle);
	}
	tmem_object_unlock(pool, obj);
out:
	rcu_read_unlock();
	return err;
}

/* Erase (@new NULL) or replace the entry of @key if it still is @old. */
static bool tmem_cmpxchg(struct tmem_pool *pool, const struct tmem_key *key,
			 unsigned long old, void *new)
{
	struct tmem_object *obj;
	bool same = false;

	rcu_read_lock();
	obj = tmem_object_lock(pool, key->object);
	if (obj) {
		XA_STATE(xas, &obj->pages, key->index);
		void *entry = xas_load(&xas);

		same = entry == xa_mk_value(old);
		if (same && new)
			xas_store(&xas, new);
		else if (same)
			tmem_drop(pool, obj, &xas, entry);
		tmem_object_unlock(pool, obj);
	}
	rcu_read_unlock();
	return same;
}

/**
 * tmem_erase() - forget a key if it still stands for the handle that was read
 * @pool: the pool
 * @key: the key
 * @handle: the handle, pinned by the caller; freed on success
 *
 * Context: Any but interrupt context.
 * Return: true if the entry was erased.
 */
bool tmem_erase(struct tmem_pool *pool, const struct tmem_key *key,
		unsigned long handle)
{
	return tmem_cmpxchg(pool, key, handle, NULL);
}

/**
 * tmem_replace() - let a key stand for another handle with the same content
 * @pool: the pool
 * @key: the key
 * @old: the handle that was read, kept from being recycled by the caller; on
 *	success it is the caller's to free, without &tmem_ops.free: the page is
 *	still stored
 * @new: the new handle; belongs to tmem on success
 *
 * Context: Any but interrupt context.
 * Return: true if @key still stood for @old and was replaced.
 */
bool tmem_replace(struct tmem_pool *pool, const struct tmem_key *key,
		  unsigned long old, unsigned long new)
{
	return tmem_cmpxchg(pool, key, old, xa_mk_value(new));
}

/**
 * tmem_invalidate() - forget a range of an object
 * @pool: the pool
 * @key: the first key
 * @nr: number of indices
 *
 * Context: Any but interrupt context.
 * Return: how many pages were dropped.
 */
unsigned long tmem_invalidate(struct tmem_pool *pool,
			      const struct tmem_key *key, unsigned long nr)
{
	unsigned long last = tmem_last_index(key, nr), dropped, sum = 0;
	struct tmem_object *obj;

	if (!nr)
		return 0;
	do {
		dropped = 0;
		rcu_read_lock();
		obj = tmem_object_lock(pool, key->object);
		if (obj) {
			dropped = tmem_drop_batch(pool, obj, key->index, last);
			tmem_object_unlock(pool, obj);
		}
		rcu_read_unlock();
		sum += dropped;
	} while (dropped == TMEM_BATCH);
	return sum;
}

/**
 * tmem_invalidate_object() - forget all pages of an object
 * @pool: the pool
 * @object: the object
 *
 * Context: Any but interrupt context.
 * Return: how many pages were dropped.
 */
unsigned long tmem_invalidate_object(struct tmem_pool *pool, u64 object)
{
	const struct tmem_key key = { .object = object };

	return tmem_invalidate(pool, &key, ULONG_MAX);
}

/*
 * Empty one object after the other. The walk must not be stopped in between: it
 * would miss what stands in the table behind an object that is gone. So if the
 * CPU is wanted it ends early, and false says that it has to begin again.
 */
static bool tmem_invalidate_walk(struct tmem_pool *pool, unsigned long *sum)
{
	struct rhashtable_iter iter;
	struct tmem_object *obj;
	bool through = true;

	rhashtable_walk_enter(&pool->objects, &iter);
	rhashtable_walk_start(&iter);
	while (through && (obj = rhashtable_walk_next(&iter))) {
		/* The table is being resized: the walk goes on in the new one. */
		if (IS_ERR(obj))
			continue;
		*sum += tmem_invalidate_object(pool, obj->id);
		through = !need_resched();
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return through;
}

/**
 * tmem_invalidate_all() - forget all pages of a pool
 * @pool: the pool
 *
 * What is stored meanwhile may stay.
 *
 * Context: May sleep.
 * Return: how many pages were dropped.
 */
unsigned long tmem_invalidate_all(struct tmem_pool *pool)
{
	unsigned long sum = 0;

	while (!tmem_invalidate_walk(pool, &sum))
		cond_resched();
	return sum;
}

/**
 * tmem_invalidate_matching() - forget some pages of a range of an object
 * @pool: the pool
 * @key: the first key
 * @nr: number of indices
 * @match: says which
 * @arg: for @match
 *
 * Context: Any but interrupt context.
 * Return: how many pages were dropped.
 */
unsigned long tmem_invalidate_matching(struct tmem_pool *pool,
				       const struct tmem_key *key,
				       unsigned long nr, tmem_match_t match,
				       void *arg)
{
	struct tmem_object *obj;
	unsigned long sum = 0;

	if (!nr)
		return 0;
	rcu_read_lock();
	obj = tmem_object_lock(pool, key->object);
	if (obj) {
		sum = tmem_drop_matching(pool, obj, key->index,
					 tmem_last_index(key, nr), match, arg);
		tmem_object_unlock(pool, obj);
	}
	rcu_read_unlock();
	return sum;
}

/* One round. What stands behind an object that is emptied may be passed over. */
static unsigned long tmem_walk_matching(struct tmem_pool *pool,
					tmem_match_t match, void *arg)
{
	struct rhashtable_iter iter;
	struct tmem_object *obj;
	unsigned long sum = 0;
	struct tmem_key key = {};

	rhashtable_walk_enter(&pool->objects, &iter);
	rhashtable_walk_start(&iter);
	while ((obj = rhashtable_walk_next(&iter))) {
		if (IS_ERR(obj))
			continue;
		key.object = obj->id;
		sum += tmem_invalidate_matching(pool, &key, ULONG_MAX, match, arg);
		rhashtable_walk_stop(&iter);
		cond_resched();
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return sum;
}

/**
 * tmem_invalidate_all_matching() - forget some pages of a pool
 * @pool: the pool
 * @match: says which
 * @arg: for @match
 *
 * What is stored meanwhile may stay.
 *
 * Context: May sleep.
 * Return: how many pages were dropped.
 */
unsigned long tmem_invalidate_all_matching(struct tmem_pool *pool,
					   tmem_match_t match, void *arg)
{
	unsigned long dropped, sum = 0;

	do {
		dropped = tmem_walk_matching(pool, match, arg);
		sum += dropped;
		cond_resched();
	} while (dropped);
	return sum;
}

/**
 * tmem_count() - how many pages of a range are stored
 * @pool: the pool
 * @key: the first key
 * @nr: number of indices
 *
 * Context: Any but interrupt context.
 * Return: their number.
 */
unsigned long tmem_count(struct tmem_pool *pool, const struct tmem_key *key,
			 unsigned long nr)
{
	unsigned long last = tmem_last_index(key, nr), count = 0;
	struct tmem_object *obj;
	void *entry;

	if (!nr)
		return 0;
	rcu_read_lock();
	obj = tmem_object_lock(pool, key->object);
	if (obj) {
		XA_STATE(xas, &obj->pages, key->index);

		xas_for_each(&xas, entry, last)
			count++;
		tmem_object_unlock(pool, obj);
	}
	rcu_read_unlock();
	return count;
}

/**
 * tmem_find() - the next page of an object that is meant
 * @pool: the pool
 * @key: where to begin; on success the page
 * @match: says which
 * @arg: for @match
 *
 * Context: Any but interrupt context.
 * Return: true if there is one.
 */
bool tmem_find(struct tmem_pool *pool, struct tmem_key *key, tmem_match_t match,
	       void *arg)
{
	unsigned long seen = 0;
	struct tmem_object *obj;
	bool found = false;
	void *entry;

	rcu_read_lock();
	obj = tmem_object_lock(pool, key->object);
	if (obj) {
		XA_STATE(xas, &obj->pages, key->index);

		xas_for_each(&xas, entry, ULONG_MAX) {
			found = match(xa_to_value(entry), arg);
			if (found)
				break;
			if (++seen % TMEM_BATCH)
				continue;
			xas_pause(&xas);
			xa_unlock(&obj->pages);
			xa_lock(&obj->pages);
		}
		if (found)
			key->index = xas.xa_index;
		tmem_object_unlock(pool, obj);
	}
	rcu_read_unlock();
	return found;
}

typedef void (*tmem_object_fn)(struct tmem_pool *pool, struct tmem_object *obj,
			       void *arg);

/*
 * Call @fn for each object of the pool with its tree locked. Returns -EAGAIN if
 * the table was resized meanwhile: some objects may have been met twice then,
 * and the caller begins again.
 */
static int tmem_walk_objects(struct tmem_pool *pool, tmem_object_fn fn,
			     void *arg)
{
	struct rhashtable_iter iter;
	struct tmem_object *obj;
	int err = 0;

	rhashtable_walk_enter(&pool->objects, &iter);
	rhashtable_walk_start(&iter);
	while (!err && (obj = rhashtable_walk_next(&iter))) {
		if (IS_ERR(obj)) {
			err = PTR_ERR(obj);
			break;
		}
		xa_lock(&obj->pages);
		if (!obj->dead)
			fn(pool, obj, arg);
		xa_unlock(&obj->pages);
		rhashtable_walk_stop(&iter);
		cond_resched();
		err = rhashtable_walk_start_check(&iter);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	/* The resize, a work item, may need this CPU to end. */
	cond_resched();
	return err;
}

/*
 * Count the nodes on the way from the leaf at @xas to the root that were not
 * on the way to the entry before.
 */
static unsigned long tmem_new_nodes(struct tmem_object *obj,
				    const struct xa_state *xas,
				    struct xa_node *path[TMEM_MAX_LEVELS])
{
	struct xa_node *node = xas->xa_node;
	unsigned long nr = 0;
	int level;

	for (level = 0; node && level < TMEM_MAX_LEVELS; level++) {
		if (path[level] == node)
			break;
		path[level] = node;
		nr++;
		node = xa_parent_locked(&obj->pages, node);
	}
	return nr;
}

static void tmem_object_footprint(struct tmem_pool *pool,
				  struct tmem_object *obj, void *arg)
{
	struct xa_node *path[TMEM_MAX_LEVELS] = {};
	struct tmem_footprint *fp = arg;
	XA_STATE(xas, &obj->pages, 0);
	void *entry;

	fp->objects++;
	xas_for_each(&xas, entry, ULONG_MAX)
		fp->nodes += tmem_new_nodes(obj, &xas, path);
}

/**
 * tmem_pool_footprint() - memory behind the index of a pool
 * @pool: the pool
 * @fp: filled in
 *
 * Visits every entry: meant for reports and tests. Nodes without an entry, which
 * a failed store may leave until its object ends, are not counted.
 *
 * Context: May sleep.
 */
void tmem_pool_footprint(struct tmem_pool *pool, struct tmem_footprint *fp)
{
	do {
		*fp = (struct tmem_footprint) {};
	} while (tmem_walk_objects(pool, tmem_object_footprint, fp));
	fp->bytes = fp->objects * sizeof(struct tmem_object) +
		    fp->nodes * sizeof(struct xa_node);
}

struct tmem_validation {
	unsigned long objects;
	unsigned long pages;
	int errors;
};

#define tmem_expect(v, cond, fmt, ...) do {				\
	if (!(cond)) {							\
		(v)->errors++;						\
		pr_err("validate: " fmt "\n", ##__VA_ARGS__);		\
	}								\
} while (0)

static void tmem_object_validate(struct tmem_pool *pool,
				 struct tmem_object *obj, void *arg)
{
	struct tmem_validation *v = arg;
	XA_STATE(xas, &obj->pages, 0);
	unsigned long pages = 0;
	void *entry;

	xas_for_each(&xas, entry, ULONG_MAX) {
		struct tmem_key key = { obj->id, xas.xa_index };

		pages++;
		tmem_expect(v, !(key.index >> TMEM_INDEX_BITS),
			    "object %llx: index %llx out of range",
			    key.object, key.index);
		tmem_expect(v, xa_is_value(entry),
			    "object %llx: index %llx holds no handle",
			    key.object, key.index);
		if (xa_is_value(entry) && pool->ops->check)
			tmem_expect(v, pool->ops->check(pool, &key,
							xa_to_value(entry)),
				    "object %llx: index %llx: handle %lx is another page's",
				    key.object, key.index,
				    xa_to_value(entry));
	}
	tmem_expect(v, pages == obj->nr_pages && pages,
		    "object %llx: %lu pages, counted as %lu", obj->id, pages,
		    obj->nr_pages);
	v->objects++;
	v->pages += pages;
}

/**
 * tmem_validate() - check every invariant of a pool
 * @pool: the pool; it must not change meanwhile
 *
 * Context: May sleep.
 * Return: the number of violations, each of which is logged.
 */
int tmem_validate(struct tmem_pool *pool)
{
	struct tmem_validation v;

	do {
		v = (struct tmem_validation) {};
	} while (tmem_walk_objects(pool, tmem_object_validate, &v));
	tmem_expect(&v, v.objects == atomic_long_read(&pool->nr_objects),
		    "pool %u: %lu objects, counted as %ld", pool->id, v.objects,
		    atomic_long_read(&pool->nr_objects));
	tmem_expect(&v, v.pages == atomic_long_read(&pool->nr_pages),
		    "pool %u: %lu pages, counted as %ld", pool->id, v.pages,
		    atomic_long_read(&pool->nr_pages));
	return v.errors;
}
