/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model test of the index: what tmem does to a small universe of keys, beside
 * an array that holds for each key the handle it must stand for.
 *
 * The keys are few, so that they meet often, and lie where a radix tree has
 * its edges. A handle carries the number of its key, so each callback knows at
 * once which entry it is about.
 */
#ifndef _MM_TMEM_TESTS_TMEM_MODEL_H
#define _MM_TMEM_TESTS_TMEM_MODEL_H

#include <linux/xarray.h>

#include "../tmem.h"
#include "model.h"

#define TM_POOLS	2
#define TM_OBJECTS	ARRAY_SIZE(tm_objects)
#define TM_SLOTS	ARRAY_SIZE(tm_indices)
#define TM_ID_BITS	10
#define TM_FOOTPRINT_STEPS 16

static const u64 tm_objects[] = { 0, 0x123456789abcdef, U64_MAX };

/* Ascending. Edges of nodes of 8, 16 and 64 slots, of levels, and the limit. */
static const u64 tm_indices[] = {
	0, 1, 2, 7, 8, 9, 15, 16, 31, 62, 63, 64, 65, 127, 128, 255, 256, 511,
	512, 4095, 4096, 4097, (1UL << 18) - 1, 1UL << 18, 1UL << 24,
	(1UL << 32) - 1, 1UL << 32, (1UL << 42) - 1, (1UL << 48) - 65,
	(1UL << 48) - 64, (1UL << 48) - 2, (1UL << 48) - 1,
};

/**
 * struct tm_entry - what the model knows of one key
 * @stored: it stands for @handle
 * @drop: tmem must free @handle in this step
 * @handle: the handle
 * @checked: the last validation that met it; it may meet an entry twice
 */
struct tm_entry {
	bool stored;
	bool drop;
	unsigned long handle;
	unsigned long checked;
};

struct tm_world {
	struct model *m;
	struct tmem_pool *pool[TM_POOLS];
	struct tm_entry entry[TM_POOLS][ARRAY_SIZE(tm_objects)]
			     [ARRAY_SIZE(tm_indices)];
	unsigned int to_drop;	/* entries with @drop set */
	unsigned long validation;	/* number of the last one */
	unsigned int checked;	/* entries that it has met */
	unsigned int pinned;	/* calls of tm_pin() */
	unsigned long evicted;	/* the handle that is to be evicted next */
	int pin_answer;
};

/* One key of the universe. */
struct tm_key {
	unsigned int pool, object, slot;
	struct tmem_key key;
	struct tm_entry *entry;
};

static struct tm_key tm_key(struct tm_world *t, unsigned int pool,
			    unsigned int object, unsigned int slot)
{
	return (struct tm_key) {
		.pool = pool, .object = object, .slot = slot,
		.key = { tm_objects[object], tm_indices[slot] },
		.entry = &t->entry[pool][object][slot],
	};
}

static struct tm_key tm_random_key(struct tm_world *t)
{
	return tm_key(t, model_below(t->m, TM_POOLS),
		      model_below(t->m, TM_OBJECTS),
		      model_below(t->m, TM_SLOTS));
}

/* A fresh handle of @k: random, but for the number of the key. */
static unsigned long tm_random_handle(struct tm_world *t, const struct tm_key *k)
{
	unsigned long id = (k->pool * TM_OBJECTS + k->object) * TM_SLOTS +
			   k->slot;
	unsigned long handle;

	do {
		handle = model_random(t->m) >> (64 - TMEM_HANDLE_BITS);
		handle = (handle >> TM_ID_BITS << TM_ID_BITS) | id;
	} while (handle == k->entry->handle);
	return handle;
}

/* The key that @handle was made for, with .entry NULL if there is none. */
static struct tm_key tm_key_of(struct tm_world *t, unsigned long handle)
{
	unsigned long id = handle & ((1UL << TM_ID_BITS) - 1);
	unsigned long object = id / TM_SLOTS;

	if (!model_check(t->m, object < TM_POOLS * TM_OBJECTS,
			 "callback for the unknown handle %lx", handle))
		return (struct tm_key) {};
	return tm_key(t, object / TM_OBJECTS, object % TM_OBJECTS,
		      id % TM_SLOTS);
}

/* tmem's callbacks */

static void tm_free(struct tmem_pool *pool, unsigned long handle)
{
	struct tm_world *t = pool->private;
	struct tm_key k = tm_key_of(t, handle);

	if (!k.entry)
		return;
	model_check(t->m,
		    k.entry->drop && k.entry->handle == handle &&
		    t->pool[k.pool] == pool, "handle %lx of index %llx freed, must not be", handle,
		    k.key.index);
	if (k.entry->drop)
		t->to_drop--;
	k.entry->drop = false;
	k.entry->stored = false;
}

static int tm_pin(struct tmem_pool *pool, unsigned long handle)
{
	struct tm_world *t = pool->private;
	struct tm_key k = tm_key_of(t, handle);

	if (k.entry)
		model_check(t->m, k.entry->stored && k.entry->handle == handle,
			    "handle %lx pinned, is not stored", handle);
	t->pinned++;
	return t->pin_answer;
}

static bool tm_check(struct tmem_pool *pool, const struct tmem_key *key,
		     unsigned long handle)
{
	struct tm_world *t = pool->private;
	struct tm_key k = tm_key_of(t, handle);

	if (!k.entry)
		return false;
	if (k.entry->checked != t->validation)
		t->checked++;
	k.entry->checked = t->validation;
	return k.entry->stored && k.entry->handle == handle &&
	       t->pool[k.pool] == pool && k.key.object == key->object &&
	       k.key.index == key->index;
}

static const struct tmem_ops tm_ops = {
	.pin = tm_pin,
	.free = tm_free,
	.check = tm_check,
};

/* The model's side */

/* The handle of @entry, if any, must be freed by the call that follows. */
static unsigned int tm_expect_drop(struct tm_world *t, struct tm_entry *entry)
{
	if (!entry->stored)
		return 0;
	entry->drop = true;
	t->to_drop++;
	return 1;
}

/* Slots of an object within [first, first + nr), without wrapping. */
static bool tm_in_range(unsigned int slot, u64 first, unsigned long nr)
{
	return tm_indices[slot] >= first && tm_indices[slot] - first < nr;
}

static unsigned int tm_stored(struct tm_world *t, unsigned int pool,
			      unsigned int object)
{
	unsigned int slot, nr = 0;

	for (slot = 0; slot < TM_SLOTS; slot++)
		nr += t->entry[pool][object][slot].stored;
	return nr;
}

/* Operations */

static void tm_store(struct tm_world *t)
{
	struct tm_key k = tm_random_key(t);
	unsigned long handle = tm_random_handle(t, &k);
	bool may_fail = false, failed;
	gfp_t gfp = MODEL_GFP;
	int err;

	tm_expect_drop(t, k.entry);
	if (model_one_in(t->m, 4)) {
		may_fail = true;
		model_fail_alloc(1 + model_below(t->m, 5));
	} else if (model_one_in(t->m, 8)) {
		may_fail = true;
		gfp = 0;
	}
	err = tmem_store(t->pool[k.pool], &k.key, handle, gfp);
	failed = model_alloc_failed();

	model_check(t->m, !err || err == -ENOMEM, "store: %d", err);
	model_check(t->m, !err || may_fail, "store: %d", err);
	model_check(t->m, !err || !gfp || failed, "store: %d", err);
	if (!err) {
		k.entry->stored = true;
		k.entry->handle = handle;
	}
}

static void tm_store_bad(struct tm_world *t)
{
	struct tm_key k = tm_random_key(t);
	unsigned long handle = tm_random_handle(t, &k);
	int err;

	if (model_one_in(t->m, 2)) {
		tm_expect_drop(t, k.entry);
		handle |= 1UL << (TMEM_HANDLE_BITS + model_below(t->m, 2));
	} else {
		k.key.index |= 1ULL << (TMEM_INDEX_BITS +
					model_below(t->m, 16));
	}
	err = tmem_store(t->pool[k.pool], &k.key, handle, MODEL_GFP);
	model_check(t->m, err == -EINVAL, "store: %d", err);
}

static void tm_load(struct tm_world *t)
{
	static const int answer[] = { 0, 0, 0, -EAGAIN };
	struct tm_key k = tm_random_key(t);
	unsigned long handle = ~0UL;
	int err;

	t->pin_answer = answer[model_below(t->m, ARRAY_SIZE(answer))];
	t->pinned = 0;
	err = tmem_pin(t->pool[k.pool], &k.key, &handle);

	model_check(t->m, t->pinned == k.entry->stored, "%u pins", t->pinned);
	model_check(t->m, err == (k.entry->stored ? t->pin_answer : -ENOENT),
		    "pin: %d", err);
	model_check(t->m, err || handle == k.entry->handle,
		    "pin: %lx instead of %lx", handle, k.entry->handle);
}

/* The right handle, the one of a neighbour, or one never given. */
static unsigned long tm_guess(struct tm_world *t, const struct tm_key *k)
{
	struct tm_key other = tm_random_key(t);

	switch (model_below(t->m, 4)) {
	case 0:
		return tm_random_handle(t, k);
	case 1:
		return other.entry->handle;
	default:
		return k->entry->handle;
	}
}

static void tm_erase(struct tm_world *t)
{
	struct tm_key k = tm_random_key(t);
	unsigned long handle = tm_guess(t, &k);
	bool same = k.entry->stored && k.entry->handle == handle;

	if (same)
		tm_expect_drop(t, k.entry);
	model_check(t->m,
		    tmem_erase(t->pool[k.pool], &k.key, handle) == same,
		    "erase of index %llx, same %d",
		    k.key.index, same);
}

static void tm_replace(struct tm_world *t)
{
	struct tm_key k = tm_random_key(t);
	unsigned long new = tm_random_handle(t, &k), old = tm_guess(t, &k);
	bool same = k.entry->stored && k.entry->handle == old;

	model_check(t->m,
		    tmem_replace(t->pool[k.pool], &k.key, old, new) == same,
		    "replace of index %llx, same %d",
		    k.key.index, same);
	if (same)
		k.entry->handle = new;
}

/* Small ranges, ranges up to another key, all of the rest, and overflow. */
static unsigned long tm_random_range(struct tm_world *t, struct tm_key *k)
{
	unsigned int to = k->slot + model_below(t->m, TM_SLOTS - k->slot);

	if (model_one_in(t->m, 4) && k->key.index)
		k->key.index--;
	switch (model_below(t->m, 16)) {
	case 0:
		return 0;
	case 1:
		return ULONG_MAX;
	case 2:
		return ULONG_MAX - k->key.index + 1;
	case 3 ... 8:
		return tm_indices[to] - k->key.index + model_below(t->m, 2);
	default:
		return 1 + model_below(t->m, 70);
	}
}

static void tm_invalidate(struct tm_world *t)
{
	struct tm_key k = tm_random_key(t);
	unsigned long nr = tm_random_range(t, &k), dropped;
	unsigned int slot, expected = 0;

	for (slot = 0; slot < TM_SLOTS; slot++)
		if (tm_in_range(slot, k.key.index, nr))
			expected += tm_expect_drop(t,
				&t->entry[k.pool][k.object][slot]);
	dropped = tmem_invalidate(t->pool[k.pool], &k.key, nr);
	model_check(t->m, dropped == expected,
		    "%lu dropped instead of %u in [%llx, +%lx)", dropped,
		    expected, k.key.index, nr);
}

static void tm_invalidate_object(struct tm_world *t)
{
	struct tm_key k = tm_random_key(t);
	unsigned int slot, expected = 0;
	unsigned long dropped;

	for (slot = 0; slot < TM_SLOTS; slot++)
		expected += tm_expect_drop(t,
			&t->entry[k.pool][k.object][slot]);
	dropped = tmem_invalidate_object(t->pool[k.pool], k.key.object);
	model_check(t->m, dropped == expected, "%lu dropped instead of %u",
		    dropped, expected);
}

static void tm_invalidate_all(struct tm_world *t)
{
	unsigned int pool = model_below(t->m, TM_POOLS);
	unsigned int object, slot, expected = 0;
	unsigned long dropped;

	for (object = 0; object < TM_OBJECTS; object++)
		for (slot = 0; slot < TM_SLOTS; slot++)
			expected += tm_expect_drop(t,
				&t->entry[pool][object][slot]);
	dropped = tmem_invalidate_all(t->pool[pool]);
	model_check(t->m, dropped == expected, "%lu dropped instead of %u",
		    dropped, expected);
}

/*
 * As eviction does: from a handle, which knows its key, the entry is erased if
 * it still is this one. Often it is one that was replaced or dropped.
 */
static void tm_evict(struct tm_world *t)
{
	struct tm_key k = tm_random_key(t);
	unsigned long handle = t->evicted ?: k.entry->handle;
	bool same;

	t->evicted = k.entry->handle;
	k = tm_key_of(t, handle);
	if (!k.entry)
		return;
	same = k.entry->stored && k.entry->handle == handle;
	if (same)
		tm_expect_drop(t, k.entry);
	model_check(t->m,
		    tmem_erase(t->pool[k.pool], &k.key, handle) == same,
		    "eviction of index %llx, same %d", k.key.index, same);
}

static void tm_count(struct tm_world *t)
{
	struct tm_key k = tm_random_key(t);
	unsigned long nr = tm_random_range(t, &k), count;
	unsigned int slot, expected = 0;

	for (slot = 0; slot < TM_SLOTS; slot++)
		if (tm_in_range(slot, k.key.index, nr))
			expected += t->entry[k.pool][k.object][slot].stored;
	count = tmem_count(t->pool[k.pool], &k.key, nr);
	model_check(t->m, count == expected,
		    "%lu counted instead of %u in [%llx, +%lx)", count,
		    expected, k.key.index, nr);
}

static void tm_one(struct tm_world *t)
{
	switch (model_below(t->m, 100)) {
	case 0 ... 49:
		return tm_store(t);
	case 50 ... 51:
		return tm_store_bad(t);
	case 52 ... 64:
		return tm_load(t);
	case 65 ... 79:
		return tm_erase(t);
	case 80 ... 84:
		return tm_replace(t);
	case 85 ... 93:
		return tm_invalidate(t);
	case 94:
		return tm_invalidate_object(t);
	case 95:
		return model_one_in(t->m, 4) ? tm_invalidate_all(t) :
					       tm_evict(t);
	case 96 ... 97:
		return tm_evict(t);
	default:
		return tm_count(t);
	}
}

/* Nodes between the least an object of these indices can have and the most. */
static void tm_node_bounds(struct tm_world *t, unsigned int pool,
			   unsigned int object, unsigned long *least,
			   unsigned long *most)
{
	unsigned int slot, shift;
	u64 last;

	for (shift = XA_CHUNK_SHIFT; shift < TMEM_INDEX_BITS + XA_CHUNK_SHIFT;
	     shift += XA_CHUNK_SHIFT) {
		last = U64_MAX;
		for (slot = 0; slot < TM_SLOTS; slot++) {
			if (!t->entry[pool][object][slot].stored ||
			    tm_indices[slot] >> shift == last)
				continue;
			last = tm_indices[slot] >> shift;
			*most += 1;
			/* A lone index 0 may lie in the head of the tree. */
			*least += shift == XA_CHUNK_SHIFT && last;
		}
	}
}

static void tm_compare_footprint(struct tm_world *t, unsigned int pool)
{
	unsigned long objects = 0, least = 0, most = 0;
	struct tmem_footprint fp;
	unsigned int object;

	for (object = 0; object < TM_OBJECTS; object++) {
		objects += !!tm_stored(t, pool, object);
		tm_node_bounds(t, pool, object, &least, &most);
	}
	tmem_pool_footprint(t->pool[pool], &fp);
	model_check(t->m, fp.objects == objects, "%lu objects, not %lu",
		    fp.objects, objects);
	model_check(t->m, fp.nodes >= least && fp.nodes <= most,
		    "%lu nodes, not %lu to %lu", fp.nodes, least, most);
}

static void tm_compare(struct tm_world *t, unsigned int pool)
{
	unsigned long pages = 0, objects = 0, nr;
	unsigned int object;

	for (object = 0; object < TM_OBJECTS; object++) {
		nr = tm_stored(t, pool, object);
		pages += nr;
		objects += !!nr;
	}
	t->checked = 0;
	t->validation++;
	model_check(t->m, !tmem_validate(t->pool[pool]), "not valid");
	model_check(t->m, t->checked == pages, "%u of %lu pages validated",
		    t->checked, pages);
	model_check(t->m, atomic_long_read(&t->pool[pool]->nr_pages) == pages,
		    "nr_pages is not %lu", pages);
	model_check(t->m,
		    atomic_long_read(&t->pool[pool]->nr_objects) == objects,
		    "nr_objects is not %lu", objects);
}

static void tm_destroy_pool(struct tm_world *t, unsigned int pool)
{
	unsigned int object, slot;

	for (object = 0; object < TM_OBJECTS; object++)
		for (slot = 0; slot < TM_SLOTS; slot++)
			tm_expect_drop(t, &t->entry[pool][object][slot]);
	tmem_pool_destroy(t->pool[pool]);
	model_check(t->m, !t->to_drop, "%u not freed with the pool",
		    t->to_drop);
}

/* Run @m->ops operations from @m->seed. The outcome is in @m->why. */
static void tmem_model_run(struct model *m)
{
	unsigned int pools, pool;
	struct tm_world *t;

	BUILD_BUG_ON(TM_POOLS * TM_OBJECTS * TM_SLOTS > 1 << TM_ID_BITS);

	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!model_check(m, t, "no memory"))
		return;
	t->m = m;
	for (pools = 0; pools < TM_POOLS; pools++) {
		t->pool[pools] = tmem_pool_create(pools, pools ?
						  TMEM_PERSISTENT :
						  TMEM_EPHEMERAL, &tm_ops, t);
		if (!model_check(m, !IS_ERR(t->pool[pools]), "no memory"))
			break;
	}
	for (m->step = 0; m->step < m->ops && !model_failed(m); m->step++) {
		tm_one(t);
		model_check(m, !t->to_drop, "%u handles not freed", t->to_drop);
		tm_compare(t, m->step % TM_POOLS);
		if (m->step % TM_FOOTPRINT_STEPS == 0)
			tm_compare_footprint(t, model_below(m, TM_POOLS));
		cond_resched();
	}
	for (pool = 0; pool < pools; pool++)
		tm_destroy_pool(t, pool);
	kfree(t);
}

#endif /* _MM_TMEM_TESTS_TMEM_MODEL_H */
