/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tmem: the index of transcendent memory. Maps (pool, object, index) to an
 * opaque handle. See tmem.c for the model and the locks.
 */
#ifndef _MM_TMEM_TMEM_H
#define _MM_TMEM_TMEM_H

#include <linux/atomic.h>
#include <linux/gfp_types.h>
#include <linux/limits.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

/* A handle must fit into an XArray value and leave one bit for its owner. */
#define TMEM_HANDLE_BITS	62

/* Indices are limited so that a key fits into the header of a zpage. */
#define TMEM_INDEX_BITS		48

/**
 * enum tmem_pool_type - what a pool promises about its pages
 * @TMEM_EPHEMERAL: may be dropped at any time (clean file pages)
 * @TMEM_PERSISTENT: must come back bit-exact until invalidated (swap pages)
 * @TMEM_NR_TYPES: their number
 */
enum tmem_pool_type {
	TMEM_EPHEMERAL,
	TMEM_PERSISTENT,
	TMEM_NR_TYPES,
};

struct tmem_pool;

/**
 * struct tmem_key - the name of a page within its pool
 * @object: the object (an inode, or a stretch of a swap device)
 * @index: page offset in the object, below 2^%TMEM_INDEX_BITS
 */
struct tmem_key {
	u64 object;
	u64 index;
};

/**
 * struct tmem_ops - what tmem asks of the owner of the handles
 * @pin: keep what @handle names from being recycled. Returns 0, or -EAGAIN
 *	when that is not possible right now and the look-up has to be repeated.
 * @free: the entry is gone from the index; @handle will not be looked up again.
 * @check: optional, for tmem_validate(): true if @handle really holds the
 *	page named by @key.
 *
 * All three run under the lock of the object's tree, perhaps with interrupts
 * off: they must not sleep and must not call back into tmem.
 */
struct tmem_ops {
	int (*pin)(struct tmem_pool *pool, unsigned long handle);
	void (*free)(struct tmem_pool *pool, unsigned long handle);
	bool (*check)(struct tmem_pool *pool, const struct tmem_key *key,
		      unsigned long handle);
};

/**
 * struct tmem_pool - one mounted file system or one swap device
 * @objects: table of the objects that hold at least one page
 * @ops: storage callbacks, constant
 * @private: for the owner of the pool, constant
 * @type: ephemeral or persistent, constant
 * @id: number by which the owner finds the pool again, constant
 * @nr_pages: pages in all objects
 * @nr_objects: objects in the table
 */
struct tmem_pool {
	struct rhashtable objects;
	const struct tmem_ops *ops;
	void *private;
	enum tmem_pool_type type;
	u16 id;
	atomic_long_t nr_pages;
	atomic_long_t nr_objects;
};

/**
 * struct tmem_footprint - memory behind the index of a pool
 * @objects: number of objects
 * @nodes: number of tree nodes of all objects
 * @bytes: memory of both, slab rounding not counted
 */
struct tmem_footprint {
	unsigned long objects;
	unsigned long nodes;
	unsigned long bytes;
};

/**
 * typedef tmem_match_t - is an entry meant?
 * @handle: its handle
 * @arg: as given by the caller
 *
 * Context: Under the lock of a tree, perhaps with interrupts off.
 * Return: true if it is.
 */
typedef bool (*tmem_match_t)(unsigned long handle, void *arg);

struct tmem_pool *tmem_pool_create(u16 id, enum tmem_pool_type type,
				   const struct tmem_ops *ops, void *private);
void tmem_pool_destroy(struct tmem_pool *pool);

int tmem_store(struct tmem_pool *pool, const struct tmem_key *key,
	       unsigned long handle, gfp_t gfp);
int tmem_pin(struct tmem_pool *pool, const struct tmem_key *key,
	     unsigned long *handle);
bool tmem_erase(struct tmem_pool *pool, const struct tmem_key *key,
		unsigned long handle);
bool tmem_replace(struct tmem_pool *pool, const struct tmem_key *key,
		  unsigned long old, unsigned long new);
unsigned long tmem_invalidate(struct tmem_pool *pool,
			      const struct tmem_key *key, unsigned long nr);
unsigned long tmem_invalidate_object(struct tmem_pool *pool, u64 object);
unsigned long tmem_invalidate_all(struct tmem_pool *pool);
unsigned long tmem_invalidate_matching(struct tmem_pool *pool,
				       const struct tmem_key *key,
				       unsigned long nr, tmem_match_t match,
				       void *arg);
unsigned long tmem_invalidate_all_matching(struct tmem_pool *pool,
					   tmem_match_t match, void *arg);
unsigned long tmem_count(struct tmem_pool *pool, const struct tmem_key *key,
			 unsigned long nr);
bool tmem_find(struct tmem_pool *pool, struct tmem_key *key, tmem_match_t match,
	       void *arg);

void tmem_pool_footprint(struct tmem_pool *pool, struct tmem_footprint *fp);
int tmem_validate(struct tmem_pool *pool);

#endif /* _MM_TMEM_TMEM_H */
