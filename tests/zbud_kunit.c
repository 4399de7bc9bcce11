// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the frames (zbud.c). Built for user space too, see tests/user.
 *
 * Options: zbud_kunit.seed=, zbud_kunit.rounds=, zbud_kunit.ops= set the first
 * seed, the number of seeds and the operations of each in the model test.
 */
#include <kunit/test.h>
#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/spinlock.h>
#include <linux/wait_bit.h>

#include "../zbud.h"
#include "model.h"
#include "testers.h"
#include "zbud_model.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "first seed of the model test");

static unsigned long rounds = 5;
module_param(rounds, ulong, 0444);
MODULE_PARM_DESC(rounds, "number of seeds of the model test");

static unsigned long ops = 20000;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "operations per seed of the model test");

#define MAX_INDEX	((1ULL << 48) - 1)
#define FRAME_BYTES	(ZBUD_FRAME_PAGES * PAGE_SIZE)
#define MAX_ZPAGES	256

/* A frame takes as many of these as it has pages, with room for small ones. */
#define LARGE		3400
#define LARGE_FIT	ZBUD_FRAME_PAGES

/**
 * struct stock - an instance and the zpages in it
 * @zbud: the instance
 * @added: frames handed in
 * @released: frames that came back, in whatever way
 * @handle: what was given to the n-th zpage
 * @before: what that was before something happened
 * @len: its length
 * @wrong_charges: zpages freed that were said to cost something else
 * @bytes: room for one page
 */
struct stock {
	struct zbud *zbud;
	atomic_long_t added;
	atomic_long_t released;
	unsigned long handle[MAX_ZPAGES];
	unsigned long before[MAX_ZPAGES];
	unsigned int len[MAX_ZPAGES];
	unsigned int wrong_charges;
	u8 bytes[PAGE_SIZE];
};

/* The release callback has no argument; there is one case at a time. */
static struct stock *stock_now;

static void take_back(struct page **pages)
{
	int i;

	for (i = 0; i < ZBUD_FRAME_PAGES; i++)
		__free_page(pages[i]);
	atomic_long_inc(&stock_now->released);
}

static bool add_frame(struct stock *s)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	int i;

	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		pages[i] = alloc_pages_node(0, GFP_KERNEL, 0);
		if (!pages[i]) {
			while (i--)
				__free_page(pages[i]);
			return false;
		}
	}
	zbud_add_frame(s->zbud, pages);
	atomic_long_inc(&s->added);
	return true;
}

static int zbud_test_init(struct kunit *test)
{
	struct stock *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->zbud = zbud_create(0, take_back);
	KUNIT_ASSERT_NOT_NULL(test, s->zbud);
	stock_now = s;
	test->priv = s;
	return 0;
}

static struct zbud_key key_of(unsigned int nr)
{
	return (struct zbud_key) {
		.object = 1000 + nr, .index = nr, .pool = nr % 3,
		.payer = ~nr,
	};
}

/* Free the @nr-th zpage; the test still knows it. */
static void free_zpage(struct stock *s, unsigned int nr)
{
	struct zbud_charge charge = zbud_free(s->zbud, s->handle[nr]);

	s->wrong_charges += charge.payer != key_of(nr).payer ||
			    charge.len != s->len[nr];
}

/* What a case left is freed; every frame must have come back then. */
static void zbud_test_exit(struct kunit *test)
{
	struct stock *s = test->priv;
	int i;

	if (!s)
		return;
	for (i = 0; i < MAX_ZPAGES; i++)
		if (s->len[i])
			free_zpage(s, i);
	KUNIT_EXPECT_EQ(test, 0, s->wrong_charges);
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	zbud_destroy(s->zbud);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&s->added),
			atomic_long_read(&s->released));
	stock_now = NULL;
}

/* The bytes of the @nr-th zpage. */
static void fill(struct stock *s, unsigned int nr, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		s->bytes[i] = nr * 37 + i + (i >> 8);
}

/* Store the @nr-th zpage; it stays pinned. */
static int put_pinned(struct stock *s, unsigned int nr, unsigned int len)
{
	struct zbud_key key = key_of(nr);
	int err;

	err = zbud_alloc(s->zbud, 0, &key, len, ~nr, &s->handle[nr]);
	if (err)
		return err;
	s->len[nr] = len;
	fill(s, nr, len);
	zbud_write(s->handle[nr], s->bytes);
	return 0;
}

static int put(struct stock *s, unsigned int nr, unsigned int len)
{
	int err = put_pinned(s, nr, len);

	if (!err)
		zbud_unpin(s->zbud, s->handle[nr]);
	return err;
}

static void drop(struct stock *s, unsigned int nr)
{
	free_zpage(s, nr);
	s->len[nr] = 0;
}

/* Is all of the @nr-th zpage as it was stored? It need not be pinned here. */
static bool intact(struct stock *s, unsigned int nr)
{
	struct zbud_key key = key_of(nr);
	struct zbud_zpage z;

	zbud_read(s->handle[nr], &z);
	fill(s, nr, z.len);
	return z.len == s->len[nr] && z.checksum == ~nr &&
	       z.key.object == key.object && z.key.index == key.index &&
	       z.key.pool == key.pool && z.key.payer == key.payer &&
	       z.part[0].len + z.part[1].len == z.len &&
	       !memcmp(z.part[0].addr, s->bytes, z.part[0].len) &&
	       (!z.part[1].len ||
		!memcmp(z.part[1].addr, s->bytes + z.part[0].len,
			z.part[1].len));
}

static bool all_intact(struct stock *s)
{
	unsigned int nr;

	for (nr = 0; nr < MAX_ZPAGES; nr++)
		if (s->len[nr] && !intact(s, nr))
			return false;
	return true;
}

/* Fill the frames there are with zpages of @len; their number. */
static unsigned int fill_up(struct stock *s, unsigned int first,
			    unsigned int len)
{
	unsigned int nr = first;

	while (nr < MAX_ZPAGES && !put(s, nr, len))
		nr++;
	return nr - first;
}

static unsigned long moves(struct stock *s)
{
	struct zbud_stats stats;

	zbud_stats(s->zbud, &stats);
	return stats.moved;
}

static void expect_stats(struct kunit *test, unsigned long frames,
			 unsigned long zpages, unsigned long bytes)
{
	struct stock *s = test->priv;
	struct zbud_stats stats;

	zbud_stats(s->zbud, &stats);
	KUNIT_EXPECT_EQ(test, frames, stats.frames);
	KUNIT_EXPECT_EQ(test, zpages, stats.zpages);
	KUNIT_EXPECT_EQ(test, bytes, stats.bytes);
}

static void evict_nothing(const struct zbud_key *key, unsigned long handle,
			  void *arg)
{
}

static void zbud_empty(struct kunit *test)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;

	expect_stats(test, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, -ENOSPC, put(s, 0, 100));
	KUNIT_EXPECT_FALSE(test, zbud_has_room(s->zbud, 0));
	KUNIT_EXPECT_FALSE(test, zbud_has_room(s->zbud, NUMA_NO_NODE));
	KUNIT_EXPECT_FALSE(test, zbud_trim(s->zbud, 0, pages));
	KUNIT_EXPECT_EQ(test, -ENOENT, zbud_evict(s->zbud, 0, evict_nothing,
						  NULL, pages));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
}

static const struct size {
	const char *name;
	unsigned int len;
	int err;
} sizes[] = {
	{ "0 bytes", 0, -EINVAL },
	{ "1 byte", 1, 0 },
	{ "a chunk", 16, 0 },
	{ "one more", 17, 0 },
	{ "half a page", 2048, 0 },
	{ "the largest", ZBUD_MAX_SIZE, 0 },
	{ "too large", ZBUD_MAX_SIZE + 1, -EINVAL },
	{ "a page", PAGE_SIZE, -EINVAL },
	{ "more than 16 bits", 65536 + 100, -EINVAL },
	{ "all ones", UINT_MAX, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(size, sizes, name);

/* Frames full of zpages of one size: what fits, what it costs, what comes back. */
static void zbud_sizes(struct kunit *test)
{
	const struct size *size = test->param_value;
	struct stock *s = test->priv;
	unsigned int nr, most;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	if (size->err) {
		KUNIT_EXPECT_EQ(test, size->err, put(s, 0, size->len));
		expect_stats(test, 1, 0, 0);
		return;
	}
	nr = fill_up(s, 0, size->len);
	KUNIT_EXPECT_EQ(test, -ENOSPC, put(s, nr, size->len));
	expect_stats(test, 1, nr, nr * size->len);
	KUNIT_EXPECT_TRUE(test, all_intact(s));

	/* A frame takes as many as fit, or close to a hundred. */
	most = (FRAME_BYTES - 512) / ALIGN(size->len + 16, 16);
	KUNIT_EXPECT_GE(test, nr, min_t(unsigned int, most, 96));
	KUNIT_EXPECT_LE(test, nr * (size->len + 16), FRAME_BYTES);
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));

	while (nr--)
		drop(s, nr);
	expect_stats(test, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&s->released));
}

static const struct key_limit {
	const char *name;
	struct zbud_key key;
	u32 checksum;
	int err;
} key_limits[] = {
	{ "all zero", { 0, 0, 0 }, 0, 0 },
	{ "object of 32 bits", { U32_MAX, 0, 0 }, 0, 0 },
	{ "object of 33 bits", { BIT_ULL(32), 0, 0 }, 0, 0 },
	{ "largest object", { U64_MAX, 0, 0 }, 0, 0 },
	{ "index of 32 bits", { 0, U32_MAX, 0 }, 0, 0 },
	{ "index of 33 bits", { 0, BIT_ULL(32), 0 }, 0, 0 },
	{ "largest index", { 0, MAX_INDEX, 0 }, 0, 0 },
	{ "largest pool", { 0, 0, U16_MAX }, 0, 0 },
	{ "largest payer", { 0, 0, 0, U16_MAX }, 0, 0 },
	{ "largest of all", { U64_MAX, MAX_INDEX, U16_MAX, U16_MAX }, U32_MAX, 0 },
	{ "index too large", { 0, MAX_INDEX + 1, 0 }, 0, -EINVAL },
	{ "index of all ones", { 0, U64_MAX, 0 }, 0, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(key_limit, key_limits, name);

static void zbud_keys(struct kunit *test)
{
	const struct key_limit *l = test->param_value;
	struct stock *s = test->priv;
	unsigned long handle;
	struct zbud_zpage z;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	KUNIT_ASSERT_EQ(test, l->err, zbud_alloc(s->zbud, 0, &l->key, 100,
						 l->checksum, &handle));
	if (l->err)
		return;
	/* It must fit into an XArray value and leave one bit. */
	KUNIT_EXPECT_EQ(test, 0, handle >> 62);
	zbud_read(handle, &z);
	KUNIT_EXPECT_EQ(test, l->key.object, z.key.object);
	KUNIT_EXPECT_EQ(test, l->key.index, z.key.index);
	KUNIT_EXPECT_EQ(test, l->key.pool, z.key.pool);
	KUNIT_EXPECT_EQ(test, l->key.payer, z.key.payer);
	KUNIT_EXPECT_EQ(test, l->checksum, z.checksum);
	KUNIT_EXPECT_EQ(test, 100, z.len);
	zbud_free(s->zbud, handle);
	zbud_unpin(s->zbud, handle);
}

/* A zpage may lie across the border of two pages, and often does. */
static void zbud_crosses_pages(struct kunit *test)
{
	struct stock *s = test->priv;
	unsigned int nr, n, crossing = 0;
	struct zbud_zpage z;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	n = fill_up(s, 0, 1600);
	for (nr = 0; nr < n; nr++) {
		zbud_read(s->handle[nr], &z);
		crossing += !!z.part[1].len;
	}
	KUNIT_EXPECT_EQ(test, ZBUD_FRAME_PAGES - 1, crossing);
	KUNIT_EXPECT_TRUE(test, all_intact(s));
}

/* Of the frames that have room the fullest is taken. */
static void zbud_best_fit(struct kunit *test)
{
	struct stock *s = test->priv;
	unsigned int n;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	n = fill_up(s, 0, 3000);
	KUNIT_ASSERT_TRUE(test, add_frame(s));
	/* Does not fit beside them, so it opens the second frame. */
	KUNIT_ASSERT_EQ(test, 0, put(s, n, 3000));
	/* Both have room: it must go to the first. */
	KUNIT_ASSERT_EQ(test, 0, put(s, n + 1, 500));
	drop(s, n);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&s->released));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
}

static void zbud_rooms(struct kunit *test)
{
	struct stock *s = test->priv;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	KUNIT_EXPECT_TRUE(test, zbud_has_room(s->zbud, 0));
	KUNIT_EXPECT_TRUE(test, zbud_has_room(s->zbud, NUMA_NO_NODE));
	fill_up(s, 0, 3000);
	KUNIT_EXPECT_FALSE(test, zbud_has_room(s->zbud, 0));
	KUNIT_EXPECT_EQ(test, 0, put(s, 10, 500));
}

/* What is freed under a pin keeps its number and its bytes. */
static void zbud_pinned_slot_is_not_reused(struct kunit *test)
{
	struct stock *s = test->priv;
	unsigned long dead;
	unsigned int n;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	n = fill_up(s, 0, 1000);
	KUNIT_ASSERT_GT(test, n, 3);
	KUNIT_ASSERT_EQ(test, 0, zbud_pin(s->zbud, s->handle[1]));
	dead = s->handle[1];
	free_zpage(s, 1);
	KUNIT_EXPECT_TRUE(test, intact(s, 1));
	KUNIT_EXPECT_EQ(test, -ENOSPC, put(s, n, 1000));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));

	zbud_unpin(s->zbud, dead);
	s->len[1] = 0;
	KUNIT_EXPECT_EQ(test, 0, put(s, n, 1000));
	KUNIT_EXPECT_EQ(test, dead, s->handle[n]);
	KUNIT_EXPECT_TRUE(test, all_intact(s));
}

/* A pin on any zpage of the frame protects the dead ones of all. */
static void zbud_pin_covers_frame(struct kunit *test)
{
	struct stock *s = test->priv;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	KUNIT_ASSERT_EQ(test, 0, put(s, 0, 500));
	KUNIT_ASSERT_EQ(test, 0, put(s, 1, 500));
	KUNIT_ASSERT_EQ(test, 0, zbud_pin(s->zbud, s->handle[0]));
	free_zpage(s, 1);
	KUNIT_ASSERT_EQ(test, 0, put(s, 2, 500));
	KUNIT_EXPECT_NE(test, s->handle[1], s->handle[2]);
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	expect_stats(test, 1, 3, 1500);
	s->len[1] = 0;
	zbud_unpin(s->zbud, s->handle[0]);
	expect_stats(test, 1, 2, 1000);
}

/* The last zpage and the last pin, in any order, and no earlier. */
static void zbud_frame_leaves(struct kunit *test)
{
	struct stock *s = test->priv;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	KUNIT_ASSERT_EQ(test, 0, put_pinned(s, 0, 500));
	KUNIT_ASSERT_EQ(test, 0, zbud_pin(s->zbud, s->handle[0]));
	drop(s, 0);
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&s->released));
	zbud_unpin(s->zbud, s->handle[0]);
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&s->released));
	zbud_unpin(s->zbud, s->handle[0]);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&s->released));

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	KUNIT_ASSERT_EQ(test, 0, put(s, 0, 500));
	KUNIT_ASSERT_EQ(test, 0, put(s, 1, 500));
	drop(s, 0);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&s->released));
	drop(s, 1);
	KUNIT_EXPECT_EQ(test, 2, atomic_long_read(&s->released));
	expect_stats(test, 0, 0, 0);
}

/* Punch holes into a full frame: every other zpage of @n goes. */
static void punch(struct stock *s, unsigned int n)
{
	unsigned int nr;

	for (nr = 0; nr < n; nr += 2)
		drop(s, nr);
}

static const struct hole {
	const char *name;
	unsigned int len;	/* of what makes the holes */
	unsigned int want;	/* larger than each of them */
} holes[] = {
	{ "small", 60, 400 },
	{ "odd", 333, 900 },
	{ "across pages", 700, 2000 },
	{ "large", 1300, 3000 },
};

KUNIT_ARRAY_PARAM_DESC(hole, holes, name);

static void zbud_closes_holes(struct kunit *test)
{
	const struct hole *hole = test->param_value;
	struct stock *s = test->priv;
	unsigned int n;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	n = fill_up(s, 0, hole->len);
	KUNIT_ASSERT_LT(test, n, MAX_ZPAGES - 1);
	punch(s, n);
	KUNIT_EXPECT_EQ(test, 0, moves(s));
	KUNIT_EXPECT_EQ(test, 0, put(s, n, hole->want));
	KUNIT_EXPECT_EQ(test, 1, moves(s));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	expect_stats(test, 1, n / 2 + 1, n / 2 * hole->len + hole->want);
}

/* A hole that is large enough is filled: nothing moves, pinned or not. */
static void zbud_fills_holes(struct kunit *test)
{
	struct stock *s = test->priv;
	unsigned int n;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	n = fill_up(s, 0, 700);
	drop(s, 2);
	drop(s, 5);
	KUNIT_EXPECT_EQ(test, 0, put(s, n, 700));
	KUNIT_ASSERT_EQ(test, 0, zbud_pin(s->zbud, s->handle[1]));
	KUNIT_EXPECT_EQ(test, 0, put(s, n + 1, 650));
	zbud_unpin(s->zbud, s->handle[1]);
	KUNIT_EXPECT_EQ(test, 0, moves(s));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
}

/* While somebody reads, nothing moves: the store has to go elsewhere. */
static void zbud_pinned_holes_stay(struct kunit *test)
{
	struct stock *s = test->priv;
	struct zbud_zpage before, after;
	unsigned int n;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	n = fill_up(s, 0, 700);
	punch(s, n);
	KUNIT_ASSERT_EQ(test, 0, zbud_pin(s->zbud, s->handle[1]));
	zbud_read(s->handle[1], &before);
	KUNIT_EXPECT_EQ(test, -ENOSPC, put(s, n, 2000));
	KUNIT_ASSERT_TRUE(test, add_frame(s));
	KUNIT_EXPECT_EQ(test, 0, put(s, n, 2000));
	zbud_read(s->handle[1], &after);
	KUNIT_EXPECT_PTR_EQ(test, before.part[0].addr, after.part[0].addr);
	KUNIT_EXPECT_EQ(test, 0, moves(s));

	zbud_unpin(s->zbud, s->handle[1]);
	KUNIT_EXPECT_EQ(test, 0, put(s, n + 1, 2000));
	KUNIT_EXPECT_EQ(test, 1, moves(s));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	expect_stats(test, 2, n / 2 + 2, n / 2 * 700 + 4000);
}

/* Eviction */

/**
 * struct evictor - how an eviction goes
 * @stock: the instance
 * @keep: the zpage that is not in the index any more, or -1
 * @pin: the zpage that somebody begins to read, or -1
 * @seen: which were offered
 */
struct evictor {
	struct stock *stock;
	int keep;
	int pin;
	DECLARE_BITMAP(seen, MAX_ZPAGES);
};

static void evict_one(const struct zbud_key *key, unsigned long handle,
		      void *arg)
{
	struct evictor *e = arg;
	unsigned int nr = key->index;

	if (nr >= MAX_ZPAGES || e->stock->handle[nr] != handle)
		return;
	__set_bit(nr, e->seen);
	if (nr == e->pin && zbud_pin(e->stock->zbud, handle))
		return;
	if (nr != e->keep)
		drop(e->stock, nr);
}

static int evict(struct stock *s, struct evictor *e)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	int err;

	e->stock = s;
	bitmap_zero(e->seen, MAX_ZPAGES);
	err = zbud_evict(s->zbud, 0, evict_one, e, pages);
	if (!err)
		take_back(pages);
	return err;
}

/* Were all zpages of the n-th frame of large ones met? */
static bool saw_frame(const struct evictor *e, unsigned int frame)
{
	unsigned int nr;

	for (nr = frame * LARGE_FIT; nr < (frame + 1) * LARGE_FIT; nr++)
		if (!test_bit(nr, e->seen))
			return false;
	return true;
}

static void zbud_evicts_coldest(struct kunit *test)
{
	struct evictor e = { .keep = -1, .pin = -1 };
	struct stock *s = test->priv;
	unsigned int nr;

	/* Three full frames; the first, the fullest, gets one more. */
	for (nr = 0; nr < 3 * LARGE_FIT; nr++) {
		if (nr % LARGE_FIT == 0)
			KUNIT_ASSERT_TRUE(test, add_frame(s));
		KUNIT_ASSERT_EQ(test, 0, put(s, nr, nr < LARGE_FIT ? LARGE + 50 :
								     LARGE));
	}
	KUNIT_ASSERT_EQ(test, 0, put(s, nr, 500));

	KUNIT_EXPECT_EQ(test, 0, evict(s, &e));
	KUNIT_EXPECT_TRUE(test, saw_frame(&e, 1));
	KUNIT_EXPECT_EQ(test, LARGE_FIT, bitmap_weight(e.seen, MAX_ZPAGES));
	KUNIT_EXPECT_EQ(test, 0, evict(s, &e));
	KUNIT_EXPECT_TRUE(test, saw_frame(&e, 2));
	KUNIT_EXPECT_EQ(test, 0, evict(s, &e));
	KUNIT_EXPECT_TRUE(test, saw_frame(&e, 0) && test_bit(nr, e.seen));
	KUNIT_EXPECT_EQ(test, -ENOENT, evict(s, &e));
	KUNIT_EXPECT_EQ(test, 3, atomic_long_read(&s->released));
}

static void zbud_evict_passes_pinned_frame(struct kunit *test)
{
	struct evictor e = { .keep = -1, .pin = -1 };
	struct stock *s = test->priv;
	unsigned int nr;

	for (nr = 0; nr < 2 * LARGE_FIT; nr++) {
		if (nr % LARGE_FIT == 0)
			KUNIT_ASSERT_TRUE(test, add_frame(s));
		KUNIT_ASSERT_EQ(test, 0, put(s, nr, LARGE));
	}
	KUNIT_ASSERT_EQ(test, 0, zbud_pin(s->zbud, s->handle[0]));
	KUNIT_EXPECT_EQ(test, 0, evict(s, &e));
	KUNIT_EXPECT_TRUE(test, saw_frame(&e, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, evict(s, &e));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	zbud_unpin(s->zbud, s->handle[0]);
	KUNIT_EXPECT_EQ(test, 0, evict(s, &e));
}

/* A zpage that the index does not name any more is about to be freed. */
static void zbud_evict_keeps_unknown(struct kunit *test)
{
	struct evictor e = { .keep = 1, .pin = -1 };
	struct stock *s = test->priv;
	unsigned int nr;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	for (nr = 0; nr < 4; nr++)
		KUNIT_ASSERT_EQ(test, 0, put(s, nr, 1000));
	KUNIT_EXPECT_EQ(test, -EBUSY, evict(s, &e));
	KUNIT_EXPECT_EQ(test, 4, bitmap_weight(e.seen, MAX_ZPAGES));
	expect_stats(test, 1, 1, 1000);
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&s->released));
	drop(s, 1);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&s->released));
}

/* A reader that came during the eviction may finish; then the frame goes. */
static void zbud_evict_waits_for_reader(struct kunit *test)
{
	struct evictor e = { .keep = -1, .pin = 2 };
	struct stock *s = test->priv;
	unsigned int nr;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	for (nr = 0; nr < 4; nr++)
		KUNIT_ASSERT_EQ(test, 0, put(s, nr, 1000));
	KUNIT_EXPECT_EQ(test, -EBUSY, evict(s, &e));
	s->len[2] = 1000;
	KUNIT_EXPECT_TRUE(test, intact(s, 2));
	s->len[2] = 0;
	KUNIT_EXPECT_EQ(test, -ENOENT, evict(s, &e));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&s->released));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	zbud_unpin(s->zbud, s->handle[2]);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&s->released));
}

/* Moving a page */

/* Is zpage @nr, known by @old, known by @new from now on? */
static bool rename_zpage(const struct zbud_key *key, unsigned long old,
			 unsigned long new)
{
	struct stock *s = stock_now;
	unsigned int nr = key->index;

	if (nr >= MAX_ZPAGES || !s->len[nr] || s->handle[nr] != old)
		return false;
	s->handle[nr] = new;
	zbud_free(s->zbud, old);
	return true;
}

/* Move @from elsewhere, and let nothing right be left in it. */
static int move(struct stock *s, struct page *from, zbud_replace_t replace)
{
	struct page *to = alloc_pages_node(0, GFP_KERNEL, 0);
	int err;

	if (!to)
		return -ENOMEM;
	err = zbud_move(s->zbud, to, from, replace);
	/* What is not in a frame cannot be moved. */
	if (zbud_move(s->zbud, NULL, err ? to : from, replace) != -ENOENT)
		err = -EEXIST;
	memset(page_address(err ? to : from), 0x5a, PAGE_SIZE);
	__free_page(err ? to : from);
	return err;
}

/* One frame, full of zpages of @len. */
static unsigned int fill_pages(struct kunit *test, unsigned int len,
			       struct page **pages)
{
	struct stock *s = test->priv;
	int i;

	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		pages[i] = alloc_pages_node(0, GFP_KERNEL, 0);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
	}
	zbud_add_frame(s->zbud, pages);
	atomic_long_inc(&s->added);
	return fill_up(s, 0, len);
}

/* Handles change with the first page, and only with it. */
static void zbud_moves_pages(struct kunit *test)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;
	unsigned int n, i, nr;

	n = fill_pages(test, 700, pages);
	drop(s, 3);
	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		memcpy(s->before, s->handle, sizeof(s->before));
		KUNIT_EXPECT_EQ(test, 0, move(s, pages[i], rename_zpage));
		KUNIT_EXPECT_EQ(test, -ENOENT, move(s, pages[i], rename_zpage));
		for (nr = 0; nr < n; nr++)
			if (nr != 3)
				KUNIT_EXPECT_EQ(test, i == 0,
						s->before[nr] != s->handle[nr]);
		KUNIT_EXPECT_TRUE(test, all_intact(s));
		KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	}
	expect_stats(test, 1, n - 1, (n - 1) * 700);
	/* It takes stores as before. */
	KUNIT_EXPECT_EQ(test, 0, put(s, 3, 650));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&s->released));
}

static void zbud_moves_empty_frame(struct kunit *test)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;
	unsigned int i;

	fill_pages(test, ZBUD_MAX_SIZE + 1, pages);
	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		KUNIT_EXPECT_EQ(test, 0, move(s, pages[i], rename_zpage));
		expect_stats(test, 1, 0, 0);
		KUNIT_EXPECT_TRUE(test, zbud_has_room(s->zbud, 0));
		KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	}
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, 3000));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
}

static void zbud_pinned_page_stays(struct kunit *test)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;
	unsigned int i;

	fill_pages(test, 700, pages);
	KUNIT_ASSERT_EQ(test, 0, zbud_pin(s->zbud, s->handle[1]));
	for (i = 0; i < ZBUD_FRAME_PAGES; i++)
		KUNIT_EXPECT_EQ(test, -EAGAIN, move(s, pages[i], rename_zpage));
	zbud_unpin(s->zbud, s->handle[1]);
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	for (i = 0; i < ZBUD_FRAME_PAGES; i++)
		KUNIT_EXPECT_EQ(test, 0, move(s, pages[i], rename_zpage));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
}

/* The last one is what nobody knows: all the others go back. */
static bool rename_all_but_last(const struct zbud_key *key, unsigned long old,
				unsigned long new)
{
	return !(key->index == 9 && old == stock_now->handle[9]) &&
	       rename_zpage(key, old, new);
}

static void zbud_unknown_page_stays(struct kunit *test)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;

	KUNIT_ASSERT_GT(test, fill_pages(test, 1000, pages), 9);
	memcpy(s->before, s->handle, sizeof(s->before));
	KUNIT_EXPECT_EQ(test, -EBUSY, move(s, pages[0], rename_all_but_last));
	KUNIT_EXPECT_FALSE(test, memcmp(s->before, s->handle,
					sizeof(s->before)));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	KUNIT_EXPECT_EQ(test, 0, move(s, pages[0], rename_zpage));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
}

/* Zpages are freed while they move: before, or after, all or some of them. */
static bool free_old(const struct zbud_key *key, unsigned long old,
		     unsigned long new)
{
	drop(stock_now, key->index);
	return false;
}

static bool free_new(const struct zbud_key *key, unsigned long old,
		     unsigned long new)
{
	bool renamed = rename_zpage(key, old, new);

	drop(stock_now, key->index);
	return renamed;
}

static bool free_next(const struct zbud_key *key, unsigned long old,
		      unsigned long new)
{
	if (stock_now->len[key->index + 1])
		drop(stock_now, key->index + 1);
	return rename_zpage(key, old, new);
}

static bool free_last(const struct zbud_key *key, unsigned long old,
		      unsigned long new)
{
	bool renamed = rename_zpage(key, old, new);

	if (key->index && stock_now->len[key->index - 1])
		drop(stock_now, key->index - 1);
	return renamed;
}

static const struct freeing {
	const char *name;
	zbud_replace_t replace;
	unsigned int left;	/* of ten */
} freeings[] = {
	{ "all before", free_old, 0 },
	{ "all after", free_new, 0 },
	{ "the next", free_next, 5 },
	{ "the last", free_last, 1 },
};

KUNIT_ARRAY_PARAM_DESC(freeing, freeings, name);

static void zbud_move_meets_free(struct kunit *test)
{
	const struct freeing *f = test->param_value;
	struct page *pages[ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;
	unsigned int n = fill_pages(test, 1000, pages);

	while (n > 10)
		drop(s, --n);
	KUNIT_EXPECT_EQ(test, 0, move(s, pages[0], f->replace));
	expect_stats(test, !!f->left, f->left, f->left * 1000);
	KUNIT_EXPECT_EQ(test, !f->left, atomic_long_read(&s->released));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
}

/* A frame whose first page moves keeps its place among the others. */
static void zbud_move_keeps_age(struct kunit *test)
{
	struct evictor e = { .keep = -1, .pin = -1 };
	struct page *pages[3][ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;
	unsigned int nr, i;

	for (nr = 0; nr < 3 * LARGE_FIT; nr++) {
		if (nr % LARGE_FIT == 0)
			fill_pages(test, ZBUD_MAX_SIZE + 1,
				   pages[nr / LARGE_FIT]);
		KUNIT_ASSERT_EQ(test, 0, put(s, nr, LARGE));
	}
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 0, move(s, pages[(i + 1) % 3][0],
					      rename_zpage));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
		KUNIT_EXPECT_EQ(test, 0, evict(s, &e));
		KUNIT_EXPECT_TRUE(test, saw_frame(&e, i));
	}
}

/* The frame of large zpages whose turn it is, or -1; all of it stays. */
static int offered(struct stock *s)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	struct zbud_eviction eviction;
	unsigned long handle;
	struct zbud_key key;

	if (!zbud_evict_begin(s->zbud, 0, &eviction))
		return -1;
	zbud_evict_next(&eviction, &key, &handle);
	if (zbud_evict_end(&eviction, pages))
		return -2;
	return key.index / LARGE_FIT;
}

/* What stays is not offered again before all others were, and is as cold as before. */
static void zbud_evicts_in_rounds(struct kunit *test)
{
	struct evictor e = { .keep = -1, .pin = -1 };
	struct page *pages[4][ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;
	unsigned int nr;

	for (nr = 0; nr < 4 * LARGE_FIT; nr++) {
		if (nr % LARGE_FIT == 0)
			fill_pages(test, ZBUD_MAX_SIZE + 1, pages[nr / LARGE_FIT]);
		KUNIT_ASSERT_EQ(test, 0, put(s, nr, LARGE));
	}
	KUNIT_EXPECT_EQ(test, 0, offered(s));
	KUNIT_EXPECT_EQ(test, 1, offered(s));
	/* The round goes on where the last one was, wherever that is by now. */
	KUNIT_EXPECT_EQ(test, 0, move(s, pages[1][0], rename_zpage));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	KUNIT_EXPECT_EQ(test, 2, offered(s));
	for (nr = 2 * LARGE_FIT; nr < 3 * LARGE_FIT; nr++)
		drop(s, nr);
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	KUNIT_EXPECT_EQ(test, 3, offered(s));
	KUNIT_EXPECT_EQ(test, -1, offered(s));
	KUNIT_EXPECT_EQ(test, 0, offered(s));
	KUNIT_EXPECT_EQ(test, 0, evict(s, &e));
	KUNIT_EXPECT_TRUE(test, saw_frame(&e, 0));
	KUNIT_EXPECT_EQ(test, 1, offered(s));
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	KUNIT_EXPECT_TRUE(test, all_intact(s));
}

static void zbud_trims_empty(struct kunit *test)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	KUNIT_ASSERT_EQ(test, 0, put(s, 0, 100));
	KUNIT_EXPECT_FALSE(test, zbud_trim(s->zbud, 0, pages));
	KUNIT_ASSERT_TRUE(test, add_frame(s));
	expect_stats(test, 2, 1, 100);
	KUNIT_ASSERT_TRUE(test, zbud_trim(s->zbud, 0, pages));
	take_back(pages);
	KUNIT_EXPECT_FALSE(test, zbud_trim(s->zbud, 0, pages));
	expect_stats(test, 1, 1, 100);
	/* One that nobody takes back goes with the instance. */
	KUNIT_ASSERT_TRUE(test, add_frame(s));
}

/* A check that never complains is worth nothing. */
static void zbud_validate_complains(struct kunit *test)
{
	struct stock *s = test->priv;
	u32 *slot;

	KUNIT_ASSERT_TRUE(test, add_frame(s));
	KUNIT_ASSERT_EQ(test, 0, put(s, 0, 100));
	KUNIT_ASSERT_EQ(test, 0, put(s, 1, 200));
	KUNIT_ASSERT_EQ(test, 0, zbud_validate(s->zbud));

	/* The frame begins with 12 bytes, then says where the zpages are. */
	kunit_info(test, "complaints of validate are expected here\n");
	slot = page_address(pfn_to_page(s->handle[0] >> 8)) + 12;
	slot[0]--;
	KUNIT_EXPECT_GT(test, zbud_validate(s->zbud), 0);
	slot[0]++;
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
}

static void zbud_model(struct kunit *test)
{
	unsigned long i;
	struct model m;

	for (i = 0; i < rounds; i++) {
		model_start(&m, seed + i, ops);
		zbud_model_run(&m);
		if (model_failed(&m)) {
			KUNIT_FAIL(test, "%s", m.why);
			return;
		}
	}
	kunit_info(test, "%lu operations each from the seeds %lu to %lu\n", ops,
		   seed, seed + rounds - 1);
}

/*
 * Threads: stores, loads, invalidations, evictions and moves at once, with an
 * index of one lock for each key, which is what tmem is to zbud.
 */

#define THREAD_STEPS	15000
#define KEYS		200
#define FRAMES		(24 / ZBUD_FRAME_PAGES)

struct crowd {
	struct stock *stock;
	struct slot {
		spinlock_t lock;	/* all of it */
		bool live;
		unsigned long handle;
		unsigned int len;
	} slot[KEYS];
	atomic_long_t waits;
	atomic_long_t evictions;
	atomic_long_t moves;	/* of pages */
	struct member {
		struct tester t;
		struct crowd *crowd;
		unsigned long loads;
		u8 bytes[PAGE_SIZE];
	} member[TESTERS];
};

/* As stock_now: zbud_move() knows no more than a key. */
static struct crowd *crowd_now;

/* The bytes of a zpage follow from its checksum. */
static void crowd_fill(struct member *me, u32 checksum, unsigned int len)
{
	struct model from = { .random = checksum };
	unsigned int at;
	u64 word;

	for (at = 0; at < len; at += sizeof(word)) {
		word = model_random(&from);
		memcpy(me->bytes + at, &word, sizeof(word));
	}
}

/* Under the lock of the slot. It may be moved just now. */
static void crowd_free(struct member *me, struct slot *slot)
{
	struct zbud_charge charge;

	if (!slot->live)
		return;
	slot->live = false;
	charge = zbud_free(me->crowd->stock->zbud, slot->handle);
	model_check(&me->t.m, charge.len == slot->len &&
		    charge.payer == slot - me->crowd->slot,
		    "freed: %u bytes of payer %u, stored: %u of %ld", charge.len,
		    charge.payer, slot->len, slot - me->crowd->slot);
}

static void crowd_drop(struct member *me, struct slot *slot)
{
	spin_lock(&slot->lock);
	crowd_free(me, slot);
	spin_unlock(&slot->lock);
}

static void crowd_evict_one(const struct zbud_key *key, unsigned long handle,
			    void *arg)
{
	struct member *me = arg;
	struct crowd *c = me->crowd;
	struct slot *slot = &c->slot[key->index % KEYS];

	model_check(&me->t.m, key->index < KEYS && key->object == ~key->index,
		    "an unknown key was evicted");
	spin_lock(&slot->lock);
	if (slot->handle == handle)
		crowd_free(me, slot);
	spin_unlock(&slot->lock);
}

/* A frame for a store: a new one, or the coldest emptied and used again. */
static void crowd_more_room(struct member *me)
{
	struct crowd *c = me->crowd;
	struct stock *s = c->stock;
	struct page *pages[ZBUD_FRAME_PAGES];

	if (atomic_long_read(&s->added) - atomic_long_read(&s->released) <
	    FRAMES) {
		model_check(&me->t.m, add_frame(s), "no memory");
		return;
	}
	if (zbud_evict(s->zbud, 0, crowd_evict_one, me, pages))
		return;
	atomic_long_inc(&c->evictions);
	if (atomic_long_read(&c->evictions) % 2)
		zbud_add_frame(s->zbud, pages);
	else
		take_back(pages);
}

static void crowd_store(struct member *me, unsigned int nr)
{
	unsigned int len = 1 + model_below(&me->t.m, model_one_in(&me->t.m, 2) ?
					   ZBUD_MAX_SIZE : 1200);
	struct zbud_key key = { .object = ~(u64)nr, .index = nr, .pool = 9,
				.payer = nr };
	u32 checksum = model_random(&me->t.m);
	struct crowd *c = me->crowd;
	struct slot *slot = &c->slot[nr];
	unsigned long handle;
	int tries, err = -ENOSPC;

	for (tries = 0; err && tries < 3; tries++) {
		err = zbud_alloc(c->stock->zbud, 0, &key, len, checksum,
				 &handle);
		model_check(&me->t.m, !err || err == -ENOSPC,
			    "a store failed: %d", err);
		if (err)
			crowd_more_room(me);
	}
	if (err) {
		crowd_drop(me, slot);
		return;
	}
	crowd_fill(me, checksum, len);
	zbud_write(handle, me->bytes);

	spin_lock(&slot->lock);
	crowd_free(me, slot);
	slot->live = true;
	slot->handle = handle;
	slot->len = len;
	spin_unlock(&slot->lock);
	zbud_unpin(c->stock->zbud, handle);
}

static int crowd_pin(struct crowd *c, struct slot *slot, unsigned long *handle)
{
	int err = -ENOENT;

	spin_lock(&slot->lock);
	if (slot->live) {
		*handle = slot->handle;
		err = zbud_pin(c->stock->zbud, *handle);
	}
	spin_unlock(&slot->lock);
	if (err == -EAGAIN)
		atomic_long_inc(&c->waits);
	return err;
}

static void crowd_load(struct member *me, unsigned int nr)
{
	struct crowd *c = me->crowd;
	struct slot *slot = &c->slot[nr];
	struct zbud_zpage z;
	unsigned long handle;
	int err;

	wait_var_event(c->stock->zbud,
		       (err = crowd_pin(c, slot, &handle)) != -EAGAIN);
	if (err) {
		model_check(&me->t.m, err == -ENOENT, "a pin failed: %d", err);
		return;
	}
	me->loads++;
	if (model_one_in(&me->t.m, 32))
		usleep_range(1, 10);
	zbud_read(handle, &z);
	model_check(&me->t.m, z.key.index == nr && z.key.object == ~(u64)nr &&
		    z.key.pool == 9 && z.len <= ZBUD_MAX_SIZE,
		    "another zpage was read");
	if (z.len <= ZBUD_MAX_SIZE) {
		crowd_fill(me, z.checksum, z.len);
		model_check(&me->t.m, !memcmp(me->bytes, z.part[0].addr,
					      z.part[0].len) &&
			    (!z.part[1].len ||
			     !memcmp(me->bytes + z.part[0].len, z.part[1].addr,
				     z.part[1].len)),
			    "wrong bytes were read");
	}
	zbud_unpin(c->stock->zbud, handle);
}

static bool crowd_replace(const struct zbud_key *key, unsigned long old,
			  unsigned long new)
{
	struct crowd *c = crowd_now;
	struct slot *slot = &c->slot[key->index % KEYS];
	bool same;

	spin_lock(&slot->lock);
	same = slot->live && slot->handle == old;
	if (same) {
		slot->handle = new;
		zbud_free(c->stock->zbud, old);
	}
	spin_unlock(&slot->lock);
	return same;
}

/*
 * Move the page in which a zpage begins, or sometimes its frame's first one. As
 * those do who move pages, it holds a reference only: the frame may go first.
 */
static void crowd_move(struct member *me, unsigned int nr)
{
	struct crowd *c = me->crowd;
	struct page *from, *to;
	unsigned long handle;
	struct zbud_zpage z;
	int err;

	if (crowd_pin(c, &c->slot[nr], &handle))
		return;
	zbud_read(handle, &z);
	from = virt_to_page(z.part[0].addr);
	if (model_one_in(&me->t.m, 2))
		from = pfn_to_page(handle >> 8);
	get_page(from);
	zbud_unpin(c->stock->zbud, handle);

	to = alloc_pages_node(0, GFP_KERNEL, 0);
	if (!model_check(&me->t.m, to, "no memory"))
		return;
	if (model_one_in(&me->t.m, 4))
		usleep_range(1, 10);
	err = zbud_move(c->stock->zbud, to, from, crowd_replace);
	model_check(&me->t.m, !err || err == -EAGAIN || err == -ENOENT,
		    "a move failed: %d", err);
	if (err) {
		__free_page(to);
	} else {
		memset(page_address(from), 0x5a, PAGE_SIZE);
		__free_page(from);
		atomic_long_inc(&c->moves);
	}
	put_page(from);
}

static void crowd_step(struct tester *t)
{
	struct member *me = container_of(t, struct member, t);
	unsigned int nr = model_below(&t->m, KEYS);

	switch (model_below(&t->m, 9)) {
	case 0 ... 2:
		return crowd_store(me, nr);
	case 3 ... 5:
		return crowd_load(me, nr);
	case 6:
		return crowd_move(me, nr);
	default:
		return crowd_drop(me, &me->crowd->slot[nr]);
	}
}

static void zbud_threads(struct kunit *test)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct stock *s = test->priv;
	unsigned long loads = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->stock = s;
	crowd_now = c;
	for (i = 0; i < KEYS; i++)
		spin_lock_init(&c->slot[i].lock);
	for (i = 0; i < TESTERS; i++) {
		c->member[i].crowd = c;
		c->member[i].t.step = crowd_step;
		tester_start(test, &c->member[i].t, i, seed, THREAD_STEPS);
	}
	for (i = 0; i < TESTERS; i++) {
		tester_wait(test, &c->member[i].t);
		loads += c->member[i].loads;
	}
	KUNIT_EXPECT_EQ(test, 0, zbud_validate(s->zbud));
	KUNIT_EXPECT_GT(test, loads, THREAD_STEPS / 10);
	KUNIT_EXPECT_GT(test, moves(s), 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&c->evictions), 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&c->moves), THREAD_STEPS / 50);
	kunit_info(test, "%lu loads, %ld waits, %lu moves, %ld of pages, %ld evictions by %d threads\n",
		   loads, atomic_long_read(&c->waits), moves(s),
		   atomic_long_read(&c->moves),
		   atomic_long_read(&c->evictions), TESTERS);
	for (i = 0; i < KEYS; i++)
		crowd_drop(&c->member[0], &c->slot[i]);
}

/* Frames, empty or not, are all there at any time while their pages move. */

struct shifter {
	struct tester t;
	struct stock *stock;
	struct page *pages[2 * ZBUD_FRAME_PAGES];
};

static void shifter_step(struct tester *t)
{
	struct shifter *me = container_of(t, struct shifter, t);
	struct page **from, *to = alloc_pages_node(0, GFP_KERNEL, 0);
	int err;

	if (!model_check(&t->m, to, "no memory"))
		return;
	from = &me->pages[model_below(&t->m, ARRAY_SIZE(me->pages))];
	err = zbud_move(me->stock->zbud, to, *from, rename_zpage);
	model_check(&t->m, !err, "a move failed: %d", err);
	swap(*from, to);
	__free_page(to);
}

static void zbud_validate_meets_moves(struct kunit *test)
{
	struct shifter *me = kunit_kzalloc(test, sizeof(*me), GFP_KERNEL);
	struct stock *s = test->priv;
	unsigned int errors = 0, i;

	KUNIT_ASSERT_NOT_NULL(test, me);
	me->stock = s;
	me->t.step = shifter_step;
	fill_pages(test, 700, me->pages);
	fill_pages(test, ZBUD_MAX_SIZE + 1, me->pages + ZBUD_FRAME_PAGES);
	tester_start(test, &me->t, 0, seed, THREAD_STEPS);
	for (i = 0; i < THREAD_STEPS / 10; i++) {
		errors += zbud_validate(s->zbud);
		if (i % 64 == 0)
			usleep_range(1, 10);
	}
	tester_wait(test, &me->t);
	KUNIT_EXPECT_EQ(test, 0, errors);
	KUNIT_EXPECT_TRUE(test, all_intact(s));
}

/* One page more than a frame has: each may be in it, or in nobody's. */
struct visitor {
	struct tester t;
	struct stock *stock;
	struct page *pages[ZBUD_FRAME_PAGES + 1];
	struct page *spare;
	unsigned long moves;
};

static void visitor_step(struct tester *t)
{
	struct visitor *me = container_of(t, struct visitor, t);
	struct page *from = me->pages[model_below(&t->m, ZBUD_FRAME_PAGES + 1)];
	int err;

	if (from == me->spare)
		return;
	err = zbud_move(me->stock->zbud, me->spare, from, rename_zpage);
	model_check(&t->m, !err || err == -ENOENT, "a move failed: %d", err);
	if (err)
		return;
	me->spare = from;
	me->moves++;
}

/* A frame comes and goes while its pages are moved: all of it, or nothing. */
static void zbud_move_meets_add(struct kunit *test)
{
	struct visitor *me = kunit_kzalloc(test, sizeof(*me), GFP_KERNEL);
	struct page *pages[ZBUD_FRAME_PAGES];
	struct stock *s = test->priv;
	bool there = true;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, me);
	me->stock = s;
	me->t.step = visitor_step;
	for (i = 0; i <= ZBUD_FRAME_PAGES; i++) {
		me->pages[i] = alloc_pages_node(0, GFP_KERNEL, 0);
		KUNIT_ASSERT_NOT_NULL(test, me->pages[i]);
	}
	me->spare = me->pages[ZBUD_FRAME_PAGES];
	memcpy(pages, me->pages, sizeof(pages));
	tester_start(test, &me->t, 0, seed, 4 * THREAD_STEPS);
	for (i = 0; i < THREAD_STEPS && there; i++) {
		zbud_add_frame(s->zbud, pages);
		if (i % 64 == 0)
			usleep_range(1, 10);
		there = zbud_trim(s->zbud, 0, pages);
	}
	tester_wait(test, &me->t);
	KUNIT_ASSERT_TRUE(test, there);
	KUNIT_EXPECT_GT(test, me->moves, 0);
	for (i = 0; i <= ZBUD_FRAME_PAGES; i++)
		__free_page(me->pages[i]);
}

static struct kunit_case zbud_cases[] = {
	KUNIT_CASE(zbud_empty),
	KUNIT_CASE_PARAM(zbud_sizes, size_gen_params),
	KUNIT_CASE_PARAM(zbud_keys, key_limit_gen_params),
	KUNIT_CASE(zbud_crosses_pages),
	KUNIT_CASE(zbud_best_fit),
	KUNIT_CASE(zbud_rooms),
	KUNIT_CASE(zbud_pinned_slot_is_not_reused),
	KUNIT_CASE(zbud_pin_covers_frame),
	KUNIT_CASE(zbud_frame_leaves),
	KUNIT_CASE_PARAM(zbud_closes_holes, hole_gen_params),
	KUNIT_CASE(zbud_fills_holes),
	KUNIT_CASE(zbud_pinned_holes_stay),
	KUNIT_CASE(zbud_evicts_coldest),
	KUNIT_CASE(zbud_evict_passes_pinned_frame),
	KUNIT_CASE(zbud_evict_keeps_unknown),
	KUNIT_CASE(zbud_evict_waits_for_reader),
	KUNIT_CASE(zbud_moves_pages),
	KUNIT_CASE(zbud_moves_empty_frame),
	KUNIT_CASE(zbud_pinned_page_stays),
	KUNIT_CASE(zbud_unknown_page_stays),
	KUNIT_CASE_PARAM(zbud_move_meets_free, freeing_gen_params),
	KUNIT_CASE(zbud_move_keeps_age),
	KUNIT_CASE(zbud_evicts_in_rounds),
	KUNIT_CASE(zbud_trims_empty),
	KUNIT_CASE(zbud_validate_complains),
	KUNIT_CASE_SLOW(zbud_model),
	KUNIT_CASE(zbud_threads),
	KUNIT_CASE(zbud_validate_meets_moves),
	KUNIT_CASE(zbud_move_meets_add),
	{}
};

static struct kunit_suite zbud_suite = {
	.name = "tmem_zbud",
	.init = zbud_test_init,
	.exit = zbud_test_exit,
	.test_cases = zbud_cases,
};

kunit_test_suite(zbud_suite);

MODULE_DESCRIPTION("KUnit tests of the zbud frames");
MODULE_LICENSE("GPL");
