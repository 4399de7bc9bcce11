// SPDX-License-Identifier: GPL-2.0
/*
 * Reproducers of bugs that only user space can drive: here allocations can be
 * made to fail by their flags.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/slab.h>

#include "../../tmem.h"
#include "../model.h"

static int no_pin(struct tmem_pool *pool, unsigned long handle)
{
	return 0;
}

static void no_free(struct tmem_pool *pool, unsigned long handle)
{
}

static const struct tmem_ops no_ops = { .pin = no_pin, .free = no_free };

static const struct path {
	const char *name;
	u64 index;
} paths[] = {
	{ "no node", 0 },
	{ "one node", 1 },
	{ "two nodes", 100 },
	{ "as many as there can be", (1ULL << TMEM_INDEX_BITS) - 1 },
};

KUNIT_ARRAY_PARAM_DESC(path, paths, name);

/*
 * Close to the min watermark, stores may use reserves that GFP_NOWAIT may not.
 * A store that preloaded one node, lost it with its empty object when the next
 * one failed, and began again, never ended.
 */
static void tmem_store_ends_without_nowait(struct kunit *test)
{
	const struct path *path = test->param_value;
	struct tmem_key key = { .object = 1, .index = path->index };
	struct tmem_pool *pool;
	int err;

	pool = tmem_pool_create(1, TMEM_PERSISTENT, &no_ops, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	user_fail_nowait(MODEL_GFP);
	err = tmem_store(pool, &key, 1, MODEL_GFP);
	KUNIT_EXPECT_LT(test, user_slab_allocations(), 100);
	user_fail_nowait(0);
	KUNIT_EXPECT_TRUE(test, !err || err == -ENOMEM);
	KUNIT_EXPECT_EQ(test, !err, tmem_count(pool, &key, 1));
	KUNIT_EXPECT_EQ(test, 0, tmem_validate(pool));
	tmem_pool_destroy(pool);
}

static struct kunit_case nowait_cases[] = {
	KUNIT_CASE_PARAM(tmem_store_ends_without_nowait, path_gen_params),
	{}
};

static struct kunit_suite nowait_suite = {
	.name = "tmem_nowait",
	.test_cases = nowait_cases,
};

kunit_test_suite(nowait_suite);
