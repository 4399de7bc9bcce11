// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the index (tmem.c). Built for user space too, see tests/user.
 *
 * Options: tmem_kunit.seed=, tmem_kunit.rounds=, tmem_kunit.ops= set the first
 * seed, the number of seeds and the operations of each in the model test.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/spinlock.h>

#include "../tmem.h"
#include "model.h"
#include "testers.h"
#include "tmem_model.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "first seed of the model test");

static unsigned long rounds = 5;
module_param(rounds, ulong, 0444);
MODULE_PARM_DESC(rounds, "number of seeds of the model test");

static unsigned long ops = 20000;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "operations per seed of the model test");

#define OBJECT		7
#define MAX_INDEX	((1ULL << TMEM_INDEX_BITS) - 1)
#define MAX_HANDLE	((1UL << TMEM_HANDLE_BITS) - 1)
#define NR_FREED	8

/**
 * struct owner - a pool and what it asked of us
 * @pool: the pool, of which we are the owner
 * @pin_answer: what to answer to a pin
 * @pins: how often a pin was asked for
 * @freed: the last handles that were freed
 * @nr_freed: how many there were
 * @wrong: what to answer to a check: nothing is where it should be
 */
struct owner {
	struct tmem_pool *pool;
	int pin_answer;
	unsigned int pins;
	unsigned long freed[NR_FREED];
	unsigned long nr_freed;
	bool wrong;
};

static int owner_pin(struct tmem_pool *pool, unsigned long handle)
{
	struct owner *o = pool->private;

	o->pins++;
	return o->pin_answer;
}

static void owner_free(struct tmem_pool *pool, unsigned long handle)
{
	struct owner *o = pool->private;

	o->freed[o->nr_freed++ % NR_FREED] = handle;
}

static bool owner_check(struct tmem_pool *pool, const struct tmem_key *key,
			unsigned long handle)
{
	struct owner *o = pool->private;

	return !o->wrong;
}

static const struct tmem_ops owner_ops = {
	.pin = owner_pin,
	.free = owner_free,
	.check = owner_check,
};

static void destroy_pool(void *pool)
{
	tmem_pool_destroy(pool);
}

static int tmem_test_init(struct kunit *test)
{
	struct owner *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, o);
	o->pool = tmem_pool_create(3, TMEM_PERSISTENT, &owner_ops, o);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, o->pool);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, destroy_pool, o->pool));
	test->priv = o;
	return 0;
}

static struct tmem_key key_of(u64 index)
{
	return (struct tmem_key) { .object = OBJECT, .index = index };
}

static int store(struct owner *o, u64 index, unsigned long handle)
{
	struct tmem_key key = key_of(index);

	return tmem_store(o->pool, &key, handle, MODEL_GFP);
}

static int pin(struct owner *o, u64 index, unsigned long *handle)
{
	struct tmem_key key = key_of(index);

	return tmem_pin(o->pool, &key, handle);
}

static unsigned long count(struct owner *o, u64 index, unsigned long nr)
{
	struct tmem_key key = key_of(index);

	return tmem_count(o->pool, &key, nr);
}

static unsigned long invalidate(struct owner *o, u64 index, unsigned long nr)
{
	struct tmem_key key = key_of(index);

	return tmem_invalidate(o->pool, &key, nr);
}

/* Nothing at all may be left of a pool that was emptied, by whatever way. */
static void expect_empty(struct kunit *test)
{
	struct owner *o = test->priv;
	struct tmem_footprint fp;

	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&o->pool->nr_pages));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&o->pool->nr_objects));
	tmem_pool_footprint(o->pool, &fp);
	KUNIT_EXPECT_EQ(test, 0, fp.objects);
	KUNIT_EXPECT_EQ(test, 0, fp.nodes);
	KUNIT_EXPECT_EQ(test, 0, fp.bytes);
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(o->pool));
}

/* What the pool was made with stays with it. */
static void tmem_pool(struct kunit *test)
{
	struct owner *o = test->priv;

	KUNIT_EXPECT_EQ(test, 3, o->pool->id);
	KUNIT_EXPECT_EQ(test, TMEM_PERSISTENT, o->pool->type);
	KUNIT_EXPECT_PTR_EQ(test, &owner_ops, o->pool->ops);
	KUNIT_EXPECT_PTR_EQ(test, (void *)o, o->pool->private);
	expect_empty(test);
}

static const struct limit {
	const char *name;
	u64 index;
	unsigned long handle;
	int err;
} limits[] = {
	{ "smallest", 0, 0, 0 },
	{ "largest index", MAX_INDEX, 1, 0 },
	{ "index too large", MAX_INDEX + 1, 1, -EINVAL },
	{ "index of all ones", U64_MAX, 1, -EINVAL },
	{ "largest handle", 5, MAX_HANDLE, 0 },
	{ "handle too large", 5, MAX_HANDLE + 1, -EINVAL },
	{ "handle too large for a value", 5, 1UL << 63, -EINVAL },
	{ "handle of all ones", 5, ULONG_MAX, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(limit, limits, name);

static void tmem_limits(struct kunit *test)
{
	const struct limit *l = test->param_value;
	struct owner *o = test->priv;
	unsigned long handle = 12345;

	KUNIT_EXPECT_EQ(test, l->err, store(o, l->index, l->handle));
	KUNIT_EXPECT_EQ(test, l->err ? -ENOENT : 0,
			pin(o, l->index, &handle));
	KUNIT_EXPECT_EQ(test, l->err ? 12345 : l->handle, handle);
	KUNIT_EXPECT_EQ(test, !l->err, count(o, l->index, 1));
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(o->pool));
	KUNIT_EXPECT_EQ(test, !l->err, invalidate(o, l->index, 1));
	KUNIT_EXPECT_EQ(test, !l->err, o->nr_freed);
	expect_empty(test);
}

static void tmem_store_replaces(struct kunit *test)
{
	struct owner *o = test->priv;
	unsigned long handle;

	KUNIT_EXPECT_EQ(test, 0, store(o, 9, 100));
	KUNIT_EXPECT_EQ(test, 0, store(o, 9, 101));
	KUNIT_EXPECT_EQ(test, 1, o->nr_freed);
	KUNIT_EXPECT_EQ(test, 100, o->freed[0]);
	KUNIT_EXPECT_EQ(test, 0, pin(o, 9, &handle));
	KUNIT_EXPECT_EQ(test, 101, handle);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&o->pool->nr_pages));
}

/* Rule 3 of the contract: a refused store leaves no older copy behind. */
static void tmem_refused_store_invalidates(struct kunit *test)
{
	struct owner *o = test->priv;
	unsigned long handle;

	KUNIT_EXPECT_EQ(test, 0, store(o, 9, 100));
	KUNIT_EXPECT_EQ(test, -EINVAL, store(o, 9, MAX_HANDLE + 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, pin(o, 9, &handle));
	KUNIT_EXPECT_EQ(test, 1, o->nr_freed);
	KUNIT_EXPECT_EQ(test, 100, o->freed[0]);
	expect_empty(test);
}

static void tmem_pins(struct kunit *test)
{
	struct owner *o = test->priv;
	unsigned long handle = 0;

	KUNIT_EXPECT_EQ(test, -ENOENT, pin(o, 9, &handle));
	KUNIT_EXPECT_EQ(test, 0, o->pins);
	KUNIT_EXPECT_EQ(test, 0, store(o, 9, 100));
	KUNIT_EXPECT_EQ(test, -ENOENT, pin(o, 8, &handle));
	KUNIT_EXPECT_EQ(test, 0, o->pins);
	o->pin_answer = -EAGAIN;
	KUNIT_EXPECT_EQ(test, -EAGAIN, pin(o, 9, &handle));
	o->pin_answer = 0;
	KUNIT_EXPECT_EQ(test, 0, pin(o, 9, &handle));
	KUNIT_EXPECT_EQ(test, 2, o->pins);
	KUNIT_EXPECT_EQ(test, 100, handle);
	KUNIT_EXPECT_EQ(test, 0, o->nr_freed);
}

static void tmem_erase_checks_identity(struct kunit *test)
{
	struct tmem_key key = key_of(9), other = { OBJECT + 1, 9 };
	struct owner *o = test->priv;

	KUNIT_EXPECT_FALSE(test, tmem_erase(o->pool, &key, 0));
	KUNIT_EXPECT_EQ(test, 0, store(o, 9, 100));
	KUNIT_EXPECT_FALSE(test, tmem_erase(o->pool, &key, 101));
	KUNIT_EXPECT_FALSE(test, tmem_erase(o->pool, &other, 100));
	KUNIT_EXPECT_EQ(test, 0, o->nr_freed);
	KUNIT_EXPECT_TRUE(test, tmem_erase(o->pool, &key, 100));
	KUNIT_EXPECT_EQ(test, 1, o->nr_freed);
	KUNIT_EXPECT_EQ(test, 100, o->freed[0]);
	KUNIT_EXPECT_FALSE(test, tmem_erase(o->pool, &key, 100));
	KUNIT_EXPECT_EQ(test, 1, o->nr_freed);
	expect_empty(test);
}

static void tmem_replace_checks_identity(struct kunit *test)
{
	struct tmem_key key = key_of(9);
	struct owner *o = test->priv;
	unsigned long handle;

	KUNIT_EXPECT_FALSE(test, tmem_replace(o->pool, &key, 0, 1));
	expect_empty(test);
	KUNIT_EXPECT_EQ(test, 0, store(o, 9, 100));
	KUNIT_EXPECT_FALSE(test, tmem_replace(o->pool, &key, 101, 102));
	KUNIT_EXPECT_EQ(test, 0, o->nr_freed);
	KUNIT_EXPECT_TRUE(test, tmem_replace(o->pool, &key, 100, 102));
	KUNIT_EXPECT_EQ(test, 0, o->nr_freed);
	KUNIT_EXPECT_EQ(test, 0, pin(o, 9, &handle));
	KUNIT_EXPECT_EQ(test, 102, handle);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&o->pool->nr_pages));
}

/* The ranges below act on the indices 0 to 199 and MAX_INDEX. */
#define DENSE	200

static const struct range_case {
	const char *name;
	u64 first;
	unsigned long nr;
	unsigned long stored;
} range_cases[] = {
	{ "nothing", 10, 0, 0 },
	{ "one", 10, 1, 1 },
	{ "first", 0, 1, 1 },
	{ "one node", 64, 64, 64 },
	{ "one node less an end", 65, 62, 62 },
	{ "border of nodes", 63, 2, 2 },
	{ "several nodes", 60, 80, 80 },
	{ "past the end", 190, 100, 10 },
	{ "a gap", 200, 1UL << 40, 0 },
	{ "last index", MAX_INDEX, 1, 1 },
	{ "last index and more", MAX_INDEX, ULONG_MAX, 1 },
	{ "up to the last index", 150, MAX_INDEX - 150, 50 },
	{ "the last index too", 150, MAX_INDEX - 149, 51 },
	{ "beyond all", MAX_INDEX + 1, ULONG_MAX, 0 },
	{ "all", 0, ULONG_MAX, DENSE + 1 },
	{ "sum that overflows", 100, ULONG_MAX, 101 },
	{ "sum that overflows to 0", 100, ULONG_MAX - 99, 101 },
};

KUNIT_ARRAY_PARAM_DESC(range_case, range_cases, name);

static void tmem_ranges(struct kunit *test)
{
	const struct range_case *r = test->param_value;
	struct owner *o = test->priv;
	unsigned long handle;
	u64 index;

	for (index = 0; index < DENSE; index++)
		KUNIT_ASSERT_EQ(test, 0, store(o, index, 1000 + index));
	KUNIT_ASSERT_EQ(test, 0, store(o, MAX_INDEX, 5000));

	KUNIT_EXPECT_EQ(test, r->stored, count(o, r->first, r->nr));
	KUNIT_EXPECT_EQ(test, r->stored, invalidate(o, r->first, r->nr));
	KUNIT_EXPECT_EQ(test, r->stored, o->nr_freed);
	KUNIT_EXPECT_EQ(test, 0, count(o, r->first, r->nr));
	KUNIT_EXPECT_EQ(test, DENSE + 1 - r->stored, count(o, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(o->pool));
	for (index = 0; index < DENSE; index++) {
		bool gone = index >= r->first && index - r->first < r->nr;

		KUNIT_EXPECT_EQ(test, gone ? -ENOENT : 0,
				pin(o, index, &handle));
	}
}

/* More than is dropped under one hold of the lock, and more than one leaf. */
static void tmem_large_ranges(struct kunit *test)
{
	static const unsigned int sizes[] = { 511, 512, 513, 1024, 3000 };
	struct owner *o = test->priv;
	unsigned int i;
	u64 index;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		o->nr_freed = 0;
		for (index = 0; index < sizes[i]; index++)
			KUNIT_ASSERT_EQ(test, 0, store(o, index * 3, index));
		KUNIT_EXPECT_EQ(test, sizes[i], count(o, 0, ULONG_MAX));
		KUNIT_EXPECT_EQ(test, sizes[i], invalidate(o, 0, 10000));
		KUNIT_EXPECT_EQ(test, sizes[i], o->nr_freed);
		expect_empty(test);
	}
}

/* The ways in which an object can lose its only page; the number dropped. */
static unsigned long drop_last(struct owner *o, u64 index, unsigned int way)
{
	struct tmem_key key = key_of(index);

	switch (way) {
	case 0:
		return tmem_erase(o->pool, &key, 100);
	case 1:
		return tmem_invalidate(o->pool, &key, 1);
	case 2:
		return tmem_invalidate_object(o->pool, OBJECT);
	default:
		return store(o, index, ULONG_MAX) == -EINVAL;
	}
}

/* An object exists while it holds a page, whoever takes the last one. */
static void tmem_object_life(struct kunit *test)
{
	static const u64 indices[] = { 0, 63, 64, MAX_INDEX };
	struct owner *o = test->priv;
	unsigned int i, way;

	for (way = 0; way < 4; way++) {
		for (i = 0; i < ARRAY_SIZE(indices); i++) {
			atomic_long_t *nr_objects = &o->pool->nr_objects;

			KUNIT_ASSERT_EQ(test, 0, store(o, indices[i], 100));
			KUNIT_EXPECT_EQ(test, 1, atomic_long_read(nr_objects));
			KUNIT_EXPECT_EQ(test, 1, drop_last(o, indices[i], way));
			expect_empty(test);
		}
	}
}

static void tmem_objects_are_apart(struct kunit *test)
{
	static const u64 objects[] = { 0, 1, 1ULL << 32, U64_MAX - 1, U64_MAX };
	struct owner *o = test->priv;
	unsigned long handle;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		struct tmem_key key = { objects[i], 9 };

		KUNIT_EXPECT_EQ(test, 0,
				tmem_store(o->pool, &key, 100 + i, MODEL_GFP));
	}
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(objects),
			atomic_long_read(&o->pool->nr_objects));
	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		struct tmem_key key = { objects[i], 9 };

		KUNIT_EXPECT_EQ(test, 0, tmem_pin(o->pool, &key, &handle));
		KUNIT_EXPECT_EQ(test, 100 + i, handle);
		KUNIT_EXPECT_EQ(test, 1,
				tmem_invalidate_object(o->pool, objects[i]));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				tmem_pin(o->pool, &key, &handle));
	}
	expect_empty(test);
}

/* Stores that need: nothing, an object, a leaf, a whole path, a new root. */
static const struct need {
	const char *name;
	u64 before;	/* stored first, unless it is MAX_INDEX + 1 */
	u64 index;
} needs[] = {
	{ "replace", 100, 100 },
	{ "replace at the head", 0, 0 },
	{ "object", MAX_INDEX + 1, 0 },
	{ "object and path", MAX_INDEX + 1, MAX_INDEX },
	{ "same leaf", 100, 101 },
	{ "leaf for the head", 0, 1 },
	{ "leaf", 100, 200 },
	{ "new roots and a path", 0, MAX_INDEX },
	{ "a path", MAX_INDEX, 0 },
};

KUNIT_ARRAY_PARAM_DESC(need, needs, name);

/* One attempt with the nth allocation failing. True if it was not reached. */
static bool store_with_failure(struct kunit *test, const struct need *need,
			       unsigned int nth)
{
	struct owner *o = test->priv;
	unsigned long handle;
	bool failed;
	int err;

	if (need->before <= MAX_INDEX)
		KUNIT_ASSERT_EQ(test, 0, store(o, need->before, 100));
	o->nr_freed = 0;
	model_fail_alloc(nth);
	err = store(o, need->index, 200);
	failed = model_alloc_failed();

	KUNIT_EXPECT_TRUE(test, !err || (err == -ENOMEM && failed));
	KUNIT_EXPECT_EQ(test, need->before == need->index, o->nr_freed);
	KUNIT_EXPECT_EQ(test, err ? -ENOENT : 0,
			pin(o, need->index, &handle));
	if (!err)
		KUNIT_EXPECT_EQ(test, 200, handle);
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(o->pool));
	KUNIT_EXPECT_EQ(test, need->before <= MAX_INDEX &&
			need->before != need->index,
			count(o, 0, ULONG_MAX) - !err);
	tmem_invalidate_object(o->pool, OBJECT);
	expect_empty(test);
	return !failed;
}

static void tmem_failed_allocations(struct kunit *test)
{
	const struct need *need = test->param_value;
	unsigned int nth;

	if (!model_can_fail_alloc())
		kunit_skip(test, "needs CONFIG_FAILSLAB");
	for (nth = 1; nth < 30; nth++)
		if (store_with_failure(test, need, nth))
			break;
	KUNIT_EXPECT_LT(test, nth, 30);
	/* Not one of them failing would mean that nothing was tested. */
	if (need->before != need->index && need->index != 101)
		KUNIT_EXPECT_GT(test, nth, 1);
}

/* gfp 0: a store either needs no memory or fails, and then invalidates. */
static void tmem_store_without_memory(struct kunit *test)
{
	struct tmem_key key = key_of(100), far = key_of(MAX_INDEX);
	struct owner *o = test->priv;

	KUNIT_EXPECT_EQ(test, -ENOMEM, tmem_store(o->pool, &key, 1, 0));
	expect_empty(test);
	KUNIT_ASSERT_EQ(test, 0, store(o, 100, 1));
	KUNIT_EXPECT_EQ(test, 0, tmem_store(o->pool, &key, 2, 0));
	KUNIT_EXPECT_EQ(test, 1, o->nr_freed);
	KUNIT_EXPECT_EQ(test, -ENOMEM, tmem_store(o->pool, &far, 3, 0));
	KUNIT_EXPECT_EQ(test, 1, count(o, 0, ULONG_MAX));
	key.index = 101;
	KUNIT_EXPECT_EQ(test, 0, tmem_store(o->pool, &key, 4, 0));
	KUNIT_EXPECT_EQ(test, 2, count(o, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(o->pool));
}

/* A check that never complains is worth nothing. */
static void tmem_validate_complains(struct kunit *test)
{
	struct owner *o = test->priv;

	KUNIT_ASSERT_EQ(test, 0, store(o, 1, 1));
	KUNIT_ASSERT_EQ(test, 0, store(o, 2, 2));
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(o->pool));

	kunit_info(test, "complaints of validate are expected here\n");
	o->wrong = true;
	KUNIT_EXPECT_EQ(test, 2, tmem_validate(o->pool));
	o->wrong = false;

	atomic_long_inc(&o->pool->nr_pages);
	KUNIT_EXPECT_EQ(test, 1, tmem_validate(o->pool));
	atomic_long_dec(&o->pool->nr_pages);

	atomic_long_dec(&o->pool->nr_objects);
	KUNIT_EXPECT_EQ(test, 1, tmem_validate(o->pool));
	atomic_long_inc(&o->pool->nr_objects);
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(o->pool));
}

static void tmem_footprint_counts(struct kunit *test)
{
	struct owner *o = test->priv;
	struct tmem_footprint fp;
	u64 index;

	KUNIT_ASSERT_EQ(test, 0, store(o, 0, 1));
	tmem_pool_footprint(o->pool, &fp);
	KUNIT_EXPECT_EQ(test, 1, fp.objects);
	KUNIT_EXPECT_EQ(test, 0, fp.nodes);
	KUNIT_EXPECT_GT(test, fp.bytes, 0);

	/* XA_CHUNK_SIZE full leaves and the node above them. */
	for (index = 0; index < XA_CHUNK_SIZE * XA_CHUNK_SIZE; index++)
		KUNIT_ASSERT_EQ(test, 0, store(o, index, 1));
	tmem_pool_footprint(o->pool, &fp);
	KUNIT_EXPECT_EQ(test, 1, fp.objects);
	KUNIT_EXPECT_EQ(test, XA_CHUNK_SIZE + 1, fp.nodes);
	KUNIT_EXPECT_GE(test, fp.bytes, fp.nodes * sizeof(struct xa_node));
}

/* So many that most share a bucket of the table with others. */
#define MANY_OBJECTS	2000

/* Objects of one page, and of more than is dropped under one hold of the lock. */
static u64 many_pages(u64 object)
{
	return object % 500 ? 1 : 700;
}

/* Of a pool no object is missed, though each that is emptied leaves the table. */
static void tmem_invalidates_all(struct kunit *test)
{
	struct owner *o = test->priv;
	unsigned long stored;
	u64 object, index;
	int round;

	for (round = 0; round < 2; round++) {
		stored = 0;
		for (object = 0; object < MANY_OBJECTS; object++) {
			for (index = 0; index < many_pages(object); index++) {
				struct tmem_key key = { object << 6, index };

				KUNIT_ASSERT_EQ(test, 0,
						tmem_store(o->pool, &key, 1,
							   MODEL_GFP));
				stored++;
			}
		}
		o->nr_freed = 0;
		KUNIT_EXPECT_EQ(test, stored, tmem_invalidate_all(o->pool));
		KUNIT_EXPECT_EQ(test, stored, o->nr_freed);
		expect_empty(test);
	}
	KUNIT_EXPECT_EQ(test, 0, tmem_invalidate_all(o->pool));
}

/* Handles that are divided by the number at @arg. */
static bool is_multiple(unsigned long handle, void *arg)
{
	return handle % *(unsigned long *)arg == 0;
}

static void tmem_invalidates_matching(struct kunit *test)
{
	struct owner *o = test->priv;
	unsigned long three = 3, one = 1, large = 1000;
	struct tmem_key key;
	u64 object, index;

	for (object = 0; object < 50; object++) {
		for (index = 0; index < 1500; index++) {
			key = (struct tmem_key) { object, index };
			KUNIT_ASSERT_EQ(test, 0, tmem_store(o->pool, &key, index + 1,
							    MODEL_GFP));
		}
	}
	/* The next one: handles begin with 1. */
	key = (struct tmem_key) { 7, 2 };
	KUNIT_EXPECT_TRUE(test, tmem_find(o->pool, &key, is_multiple, &three));
	KUNIT_EXPECT_EQ(test, 2, key.index);
	key.index++;
	KUNIT_EXPECT_TRUE(test, tmem_find(o->pool, &key, is_multiple, &three));
	KUNIT_EXPECT_EQ(test, 5, key.index);
	key.index = 0;
	KUNIT_EXPECT_TRUE(test, tmem_find(o->pool, &key, is_multiple, &large));
	KUNIT_EXPECT_EQ(test, large - 1, key.index);
	key.index++;
	KUNIT_EXPECT_FALSE(test, tmem_find(o->pool, &key, is_multiple, &large));
	key = (struct tmem_key) { 50, 0 };
	KUNIT_EXPECT_FALSE(test, tmem_find(o->pool, &key, is_multiple, &one));
	/* Of a range: handles 3 to 99. */
	key = (struct tmem_key) { 7, 0 };
	KUNIT_EXPECT_EQ(test, 33, tmem_invalidate_matching(o->pool, &key, 100,
							   is_multiple, &three));
	KUNIT_EXPECT_EQ(test, 0, tmem_invalidate_matching(o->pool, &key, 0,
							  is_multiple, &one));
	KUNIT_EXPECT_EQ(test, 67, tmem_count(o->pool, &key, 100));
	/* Of all. */
	KUNIT_EXPECT_EQ(test, 50 * 500 - 33,
			tmem_invalidate_all_matching(o->pool, is_multiple, &three));
	KUNIT_EXPECT_EQ(test, 50 * 1000, atomic_long_read(&o->pool->nr_pages));
	KUNIT_EXPECT_EQ(test, 50 * 500, o->nr_freed);
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(o->pool));
	/* Objects that are emptied leave the table, and none is passed over. */
	KUNIT_EXPECT_EQ(test, 50 * 1000,
			tmem_invalidate_all_matching(o->pool, is_multiple, &one));
	expect_empty(test);
}

static void tmem_pool_destroy_frees(struct kunit *test)
{
	struct owner *mine = test->priv;
	struct owner *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);
	u64 index, object;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, o);
	o->pool = tmem_pool_create(4, TMEM_EPHEMERAL, &owner_ops, o);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, o->pool);
	for (object = 0; object < 5; object++) {
		for (index = 0; index < 700; index++) {
			struct tmem_key key = { object, index };

			err = tmem_store(o->pool, &key, index, MODEL_GFP);
			KUNIT_EXPECT_EQ(test, 0, err);
		}
	}
	tmem_pool_destroy(o->pool);
	KUNIT_EXPECT_EQ(test, 5 * 700, o->nr_freed);
	KUNIT_EXPECT_EQ(test, 0, mine->nr_freed);
}

static void tmem_model(struct kunit *test)
{
	unsigned long i;
	struct model m;

	for (i = 0; i < rounds; i++) {
		model_start(&m, seed + i, ops);
		tmem_model_run(&m);
		if (model_failed(&m)) {
			KUNIT_FAIL(test, "%s", m.why);
			return;
		}
	}
	kunit_info(test, "%lu operations each from the seeds %lu to %lu\n", ops,
		   seed, seed + rounds - 1);
}

/*
 * Threads. The storage behind the handles is a table of places, recycled at
 * once like frames, so that a look-up without a pin would be noticed.
 */

#define THREAD_STEPS	20000
#define PLACES		256
#define SHARED_OBJECTS	3
#define OWN_INDEX	1000	/* + number of the thread */

struct place {
	spinlock_t lock;	/* all of it */
	struct tmem_key key;
	unsigned int pins;
	bool live;
};

struct crowd {
	struct tmem_pool *pool;
	/* How many indices of each object they share. */
	unsigned int indices;
	/* Each keeps an entry of its own in each object, else they come and go. */
	bool keep;
	struct place place[PLACES];
	/* What the callbacks found wrong. */
	struct model m;
	struct member {
		struct tester t;
		struct crowd *crowd;
		unsigned long own[SHARED_OBJECTS];
		unsigned long loads;
	} member[TESTERS];
};

static int crowd_pin(struct tmem_pool *pool, unsigned long handle)
{
	struct crowd *c = pool->private;
	struct place *p = &c->place[handle];

	spin_lock(&p->lock);
	model_check(&c->m, p->live, "a freed handle was found");
	p->pins++;
	spin_unlock(&p->lock);
	return 0;
}

static void crowd_free(struct tmem_pool *pool, unsigned long handle)
{
	struct crowd *c = pool->private;
	struct place *p = &c->place[handle];

	spin_lock(&p->lock);
	model_check(&c->m, p->live, "a handle was freed twice");
	p->live = false;
	spin_unlock(&p->lock);
}

static bool crowd_check(struct tmem_pool *pool, const struct tmem_key *key,
			unsigned long handle)
{
	struct crowd *c = pool->private;
	struct place *p = &c->place[handle];

	return p->live && p->key.object == key->object &&
	       p->key.index == key->index;
}

static const struct tmem_ops crowd_ops = {
	.pin = crowd_pin,
	.free = crowd_free,
	.check = crowd_check,
};

static void crowd_unpin(struct crowd *c, unsigned long handle)
{
	struct place *p = &c->place[handle];

	spin_lock(&p->lock);
	p->pins--;
	spin_unlock(&p->lock);
}

/* A place that is neither live nor pinned, pinned for its writer. */
static unsigned long crowd_place(struct member *me, const struct tmem_key *key)
{
	unsigned int at = model_below(&me->t.m, PLACES);
	struct place *p;
	bool got;

	for (;; at = (at + 1) % PLACES) {
		p = &me->crowd->place[at];
		spin_lock(&p->lock);
		got = !p->live && !p->pins;
		if (got) {
			p->live = true;
			p->pins = 1;
			p->key = *key;
		}
		spin_unlock(&p->lock);
		if (got)
			return at;
		if (model_one_in(&me->t.m, PLACES))
			usleep_range(1, 10);
	}
}

static void crowd_store(struct member *me, const struct tmem_key *key,
			unsigned long *own)
{
	struct crowd *c = me->crowd;
	unsigned long handle = crowd_place(me, key);
	int err;

	err = tmem_store(c->pool, key, handle, MODEL_GFP);
	model_check(&me->t.m, !err, "a store failed: %d", err);
	if (err)
		crowd_free(c->pool, handle);
	else if (own)
		*own = handle;
	crowd_unpin(c, handle);
}

static void crowd_load(struct member *me, const struct tmem_key *key,
		       const unsigned long *own)
{
	struct crowd *c = me->crowd;
	unsigned long handle;
	struct place *p;
	int err;

	err = tmem_pin(c->pool, key, &handle);
	if (own)
		model_check(&me->t.m, !err && handle == *own,
			    "an entry was lost");
	if (err) {
		model_check(&me->t.m, err == -ENOENT, "a pin failed: %d", err);
		return;
	}
	me->loads++;
	if (model_one_in(&me->t.m, 32))
		usleep_range(1, 10);
	p = &c->place[handle];
	model_check(&me->t.m, p->key.object == key->object &&
		    p->key.index == key->index, "a handle was recycled");
	if (!own && model_one_in(&me->t.m, 2))
		tmem_erase(c->pool, key, handle);
	crowd_unpin(c, handle);
}

static void crowd_random_step(struct member *me)
{
	struct crowd *c = me->crowd;
	struct tmem_key key = {
		.object = model_below(&me->t.m, SHARED_OBJECTS),
		.index = model_below(&me->t.m, c->indices),
	};
	unsigned long *own = NULL;

	if (c->keep && me->t.m.step >= SHARED_OBJECTS && model_one_in(&me->t.m, 4)) {
		key.index = OWN_INDEX + me->t.nr;
		own = &me->own[key.object];
	}
	switch (model_below(&me->t.m, 10)) {
	case 0 ... 3:
		return crowd_store(me, &key, own);
	case 4 ... 7:
		return crowd_load(me, &key, own);
	case 8:
		tmem_count(c->pool, &key, 100);
		return;
	default:
		if (!c->keep && model_one_in(&me->t.m, 16))
			tmem_invalidate_all(c->pool);
		else if (!own)
			tmem_invalidate(c->pool, &key, 1 +
					model_below(&me->t.m, c->indices));
	}
}

static void crowd_step(struct tester *t)
{
	struct member *me = container_of(t, struct member, t);

	if (me->crowd->keep && t->m.step < SHARED_OBJECTS) {
		struct tmem_key key = { t->m.step, OWN_INDEX + t->nr };

		crowd_store(me, &key, &me->own[key.object]);
	}
	crowd_random_step(me);
}

static const struct crowd_mode {
	const char *name;
	unsigned int indices;
	bool keep;
} crowd_modes[] = {
	{ "objects that stay", 80, true },
	{ "objects that come and go", 2, false },
};

KUNIT_ARRAY_PARAM_DESC(crowd_mode, crowd_modes, name);

static void tmem_threads(struct kunit *test)
{
	const struct crowd_mode *mode = test->param_value;
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	unsigned long loads = 0, live = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->indices = mode->indices;
	c->keep = mode->keep;
	for (i = 0; i < PLACES; i++)
		spin_lock_init(&c->place[i].lock);
	c->pool = tmem_pool_create(5, TMEM_PERSISTENT, &crowd_ops, c);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->pool);

	for (i = 0; i < TESTERS; i++) {
		c->member[i].crowd = c;
		c->member[i].t.step = crowd_step;
		tester_start(test, &c->member[i].t, i, seed, THREAD_STEPS);
	}
	for (i = 0; i < TESTERS; i++) {
		tester_wait(test, &c->member[i].t);
		loads += c->member[i].loads;
	}
	KUNIT_EXPECT_STREQ(test, "", c->m.why);
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(c->pool));
	KUNIT_EXPECT_GT(test, loads, THREAD_STEPS / 10);
	for (i = 0; i < PLACES; i++)
		live += c->place[i].live;
	KUNIT_EXPECT_EQ(test, live, atomic_long_read(&c->pool->nr_pages));

	tmem_pool_destroy(c->pool);
	for (i = 0; i < PLACES; i++) {
		KUNIT_EXPECT_FALSE(test, c->place[i].live);
		KUNIT_EXPECT_EQ(test, 0, c->place[i].pins);
	}
	kunit_info(test, "%lu loads by %d threads\n", loads, TESTERS);
}

static struct kunit_case tmem_cases[] = {
	KUNIT_CASE(tmem_pool),
	KUNIT_CASE_PARAM(tmem_limits, limit_gen_params),
	KUNIT_CASE(tmem_store_replaces),
	KUNIT_CASE(tmem_refused_store_invalidates),
	KUNIT_CASE(tmem_pins),
	KUNIT_CASE(tmem_erase_checks_identity),
	KUNIT_CASE(tmem_replace_checks_identity),
	KUNIT_CASE_PARAM(tmem_ranges, range_case_gen_params),
	KUNIT_CASE(tmem_large_ranges),
	KUNIT_CASE(tmem_object_life),
	KUNIT_CASE(tmem_objects_are_apart),
	KUNIT_CASE_PARAM(tmem_failed_allocations, need_gen_params),
	KUNIT_CASE(tmem_store_without_memory),
	KUNIT_CASE(tmem_validate_complains),
	KUNIT_CASE(tmem_footprint_counts),
	KUNIT_CASE(tmem_invalidates_all),
	KUNIT_CASE(tmem_invalidates_matching),
	KUNIT_CASE(tmem_pool_destroy_frees),
	KUNIT_CASE_SLOW(tmem_model),
	KUNIT_CASE_PARAM(tmem_threads, crowd_mode_gen_params),
	{}
};

static struct kunit_suite tmem_suite = {
	.name = "tmem",
	.init = tmem_test_init,
	.test_cases = tmem_cases,
};

kunit_test_suite(tmem_suite);

MODULE_DESCRIPTION("KUnit tests of the tmem index");
MODULE_LICENSE("GPL");
