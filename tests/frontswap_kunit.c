// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of frontswap, with a back end of their own and two swap devices
 * that do not exist. Skipped when there is a back end already (zcache=1).
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/frontswap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/zswap.h>

#include "folios.h"
#include "model.h"
#include "testers.h"

#define TYPES	2
#define SLOTS	64

/* The last numbers: real devices take the first. */
#define TYPE(n)	(MAX_SWAPFILES - 1 - (n))

/**
 * struct fake - the back end
 * @held: the first word of each page that is held, 0 if none is
 * @nr_held: how many there are
 * @slots: size of each device that it was told of
 * @calls: stores, loads and invalidations
 * @fail_at: store fails with -ENOMEM at this page of a folio, -1: never
 * @load_err: answer to a load that finds something
 * @swapon_err: answer to swapon
 * @exclusive: of the last load
 */
static struct fake {
	atomic_long_t held[TYPES][SLOTS];
	atomic_long_t nr_held;
	unsigned long slots[TYPES];
	atomic_long_t calls;
	int fail_at;
	int load_err;
	int swapon_err;
	bool exclusive;
} fake;

static atomic_long_t *fake_slot(unsigned int type, pgoff_t offset)
{
	return &fake.held[MAX_SWAPFILES - 1 - type][offset];
}

static void fake_set(atomic_long_t *slot, long word)
{
	long old = atomic_long_xchg(slot, word);

	atomic_long_add(!!word - !!old, &fake.nr_held);
}

static int fake_swapon(unsigned int type, unsigned long nr_slots,
		       struct block_device *bdev)
{
	fake.slots[MAX_SWAPFILES - 1 - type] = nr_slots;
	return fake.swapon_err;
}

static void fake_swapoff(unsigned int type)
{
	fake.slots[MAX_SWAPFILES - 1 - type] = 0;
}

static int fake_store(struct folio *folio)
{
	swp_entry_t entry = folio->swap;
	long i;

	atomic_long_inc(&fake.calls);
	for (i = 0; i < folio_nr_pages(folio); i++) {
		if (i == fake.fail_at)
			return -ENOMEM;
		fake_set(fake_slot(swp_type(entry), swp_offset(entry) + i),
			 *(long *)page_address(folio_page(folio, i)));
	}
	return 0;
}

static int fake_load(struct folio *folio, enum frontswap_load_type type, bool more)
{
	swp_entry_t entry = folio->swap;
	atomic_long_t *slot;
	long i;

	atomic_long_inc(&fake.calls);
	fake.exclusive = type != FRONTSWAP_COPY;
	for (i = 0; i < folio_nr_pages(folio); i++) {
		slot = fake_slot(swp_type(entry), swp_offset(entry) + i);
		if (!atomic_long_read(slot))
			return -ENOENT;
		if (fake.load_err)
			return fake.load_err;
		*(long *)page_address(folio_page(folio, i)) =
			atomic_long_read(slot);
		if (fake.exclusive)
			fake_set(slot, 0);
	}
	return 0;
}

static void fake_invalidate(unsigned int type, pgoff_t offset,
			    unsigned long nr)
{
	atomic_long_inc(&fake.calls);
	while (nr--)
		fake_set(fake_slot(type, offset++), 0);
}

static unsigned long fake_count(unsigned int type, pgoff_t offset,
				unsigned long nr)
{
	unsigned long count = 0;

	while (nr--)
		count += !!atomic_long_read(fake_slot(type, offset++));
	return count;
}

static bool fake_empty(void)
{
	return !atomic_long_read(&fake.nr_held);
}

static const struct frontswap_ops fake_ops = {
	.swapon = fake_swapon,
	.swapoff = fake_swapoff,
	.store = fake_store,
	.load = fake_load,
	.invalidate = fake_invalidate,
	.count = fake_count,
	.empty = fake_empty,
};

/* Folios */

/* A locked folio for slots from @offset on, each page beginning with @word. */
static struct folio *make_folio(struct kunit *test, unsigned int type,
				pgoff_t offset, unsigned int order, long word)
{
	struct folio *folio = make_swap_folio(test, order);
	long i;

	folio->swap = swp_entry(type, offset);
	for (i = 0; i < folio_nr_pages(folio); i++)
		*(long *)page_address(folio_page(folio, i)) = word;
	return folio;
}

static long word_of(struct folio *folio, long page)
{
	return *(long *)page_address(folio_page(folio, page));
}

static bool store(struct kunit *test, pgoff_t offset, long word)
{
	return frontswap_store(make_folio(test, TYPE(0), offset, 0, word));
}

static void invalidate(pgoff_t offset, unsigned long nr)
{
	frontswap_invalidate(swp_entry(TYPE(0), offset), nr);
}

static long held(pgoff_t offset)
{
	return atomic_long_read(fake_slot(TYPE(0), offset));
}

/* The way from draining to off is taken by a worker: wait for it. */
static enum frontswap_state settled_state(void)
{
	frontswap_disable();
	return frontswap_state();
}

/* Life of a case */

static void swapon_fakes(void)
{
	int i;

	for (i = 0; i < TYPES; i++) {
		/* A store makes zswap forget its copy: it needs the device. */
		zswap_swapon(TYPE(i), SLOTS);
		frontswap_swapon(TYPE(i), SLOTS - i);
	}
}

static void swapoff_fakes(void)
{
	int i;

	for (i = 0; i < TYPES; i++) {
		frontswap_swapoff(TYPE(i));
		zswap_swapoff(TYPE(i));
	}
}

static int frontswap_test_init(struct kunit *test)
{
	memset(&fake, 0, sizeof(fake));
	fake.fail_at = -1;
	if (frontswap_register(&fake_ops))
		kunit_skip(test, "frontswap has a back end already");
	test->priv = &fake;
	swapon_fakes();
	return 0;
}

/* Everything is dropped and the back end goes, however far the case came. */
static void frontswap_test_exit(struct kunit *test)
{
	int i;

	if (!test->priv)
		return;
	for (i = 0; i < TYPES; i++)
		frontswap_invalidate(swp_entry(TYPE(i), 0), SLOTS);
	KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, settled_state());
	swapoff_fakes();
	KUNIT_EXPECT_EQ(test, 0, frontswap_unregister(&fake_ops));
}

/* Cases */

static void frontswap_attaches(struct kunit *test)
{
	const struct frontswap_ops other_ops = fake_ops;

	KUNIT_EXPECT_EQ(test, -EBUSY, frontswap_register(&other_ops));
	KUNIT_EXPECT_EQ(test, -EBUSY, frontswap_register(&fake_ops));
	KUNIT_EXPECT_EQ(test, -ENODEV, frontswap_unregister(&other_ops));
	KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, frontswap_state());
	KUNIT_EXPECT_FALSE(test, frontswap_active());

	KUNIT_EXPECT_EQ(test, 0, frontswap_enable());
	KUNIT_EXPECT_EQ(test, -EBUSY, frontswap_unregister(&fake_ops));
	KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, settled_state());
}

/* Swap devices may be there before the back end, and stay when it goes. */
static void frontswap_attaches_late(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, SLOTS, fake.slots[0]);
	KUNIT_EXPECT_EQ(test, SLOTS - 1, fake.slots[1]);

	KUNIT_EXPECT_EQ(test, 0, frontswap_unregister(&fake_ops));
	KUNIT_EXPECT_EQ(test, 0, fake.slots[0]);
	KUNIT_EXPECT_EQ(test, 0, fake.slots[1]);
	KUNIT_EXPECT_EQ(test, -ENODEV, frontswap_enable());
	KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, frontswap_state());
	frontswap_swapoff(TYPE(1));

	KUNIT_EXPECT_EQ(test, 0, frontswap_register(&fake_ops));
	KUNIT_EXPECT_EQ(test, SLOTS, fake.slots[0]);
	KUNIT_EXPECT_EQ(test, 0, fake.slots[1]);
	frontswap_swapon(TYPE(1), SLOTS - 5);
	KUNIT_EXPECT_EQ(test, SLOTS - 5, fake.slots[1]);
}

/* A back end that cannot take a device is asked again for the next. */
static void frontswap_swapon_fails(struct kunit *test)
{
	fake.swapon_err = -ENOMEM;
	frontswap_swapoff(TYPE(0));
	frontswap_swapon(TYPE(0), SLOTS);
	KUNIT_EXPECT_EQ(test, SLOTS, fake.slots[0]);
	KUNIT_EXPECT_EQ(test, 0, frontswap_enable());
	KUNIT_EXPECT_EQ(test, FRONTSWAP_ON, frontswap_state());
}

static void frontswap_off_does_nothing(struct kunit *test)
{
	struct folio *folio = make_folio(test, TYPE(0), 3, 0, 77);

	KUNIT_EXPECT_FALSE(test, frontswap_active());
	KUNIT_EXPECT_FALSE(test, frontswap_store(folio));
	KUNIT_EXPECT_FALSE(test, frontswap_load(folio, false));
	frontswap_invalidate(folio->swap, 1);
	KUNIT_EXPECT_TRUE(test, frontswap_uniform(folio->swap, 4));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&fake.calls));
}

static void frontswap_stores(struct kunit *test)
{
	struct folio *other = make_folio(test, TYPE(1), 3, 0, 99);

	KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
	KUNIT_EXPECT_TRUE(test, frontswap_active());
	KUNIT_EXPECT_TRUE(test, store(test, 3, 77));
	KUNIT_EXPECT_EQ(test, 77, held(3));
	KUNIT_EXPECT_TRUE(test, store(test, 3, 78));
	KUNIT_EXPECT_EQ(test, 78, held(3));
	KUNIT_EXPECT_EQ(test, 0, held(2));
	KUNIT_EXPECT_EQ(test, 0, held(4));
	KUNIT_EXPECT_TRUE(test, frontswap_store(other));
	KUNIT_EXPECT_EQ(test, 78, held(3));
	KUNIT_EXPECT_EQ(test, 99, atomic_long_read(fake_slot(TYPE(1), 3)));
}

/* Whichever page is refused: no copy of any age of any page may stay. */
static void frontswap_refused_store_invalidates(struct kunit *test)
{
	struct folio *folio = make_folio(test, TYPE(0), 8, 2, 77);
	int at, i;

	KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
	for (at = 0; at < 4; at++) {
		/* Neighbours of the range and older copies of all of it. */
		for (i = 6; i < 14; i++)
			KUNIT_ASSERT_TRUE(test, store(test, i, 50 + i));
		fake.fail_at = at;
		KUNIT_EXPECT_FALSE(test, frontswap_store(folio));
		fake.fail_at = -1;
		for (i = 6; i < 14; i++)
			KUNIT_EXPECT_EQ(test, i >= 8 && i < 12 ? 0 : 50 + i,
					held(i));
	}
	KUNIT_EXPECT_TRUE(test, frontswap_store(folio));
	for (i = 8; i < 12; i++)
		KUNIT_EXPECT_EQ(test, 77, held(i));
}

static const struct load_case {
	const char *name;
	bool stored;
	bool swapcache;
	int err;
	bool handled;
	bool uptodate;
	bool dirty;
} load_cases[] = {
	{ "nothing stored", false, true, 0, false, false, false },
	{ "nothing stored, no swap cache", false, false, 0, false, false, false },
	{ "hit", true, true, 0, true, true, true },
	{ "hit, no swap cache", true, false, 0, true, true, false },
	{ "lost", true, true, -EIO, true, false, false },
	{ "lost, no swap cache", true, false, -EIO, true, false, false },
};

KUNIT_ARRAY_PARAM_DESC(load_case, load_cases, name);

/* What the caller makes of a load: read the device, go on, or fail. */
static void frontswap_loads(struct kunit *test)
{
	const struct load_case *c = test->param_value;
	struct folio *folio = make_folio(test, TYPE(0), 3, 0, 0);
	bool hit = c->stored && !c->err;

	KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
	if (c->stored)
		KUNIT_ASSERT_TRUE(test, store(test, 3, 77));
	if (!c->swapcache)
		folio_clear_swapcache(folio);
	fake.load_err = c->err;

	KUNIT_EXPECT_EQ(test, c->handled, frontswap_load(folio, false));
	KUNIT_EXPECT_EQ(test, c->uptodate, folio_test_uptodate(folio));
	KUNIT_EXPECT_EQ(test, c->dirty, folio_test_dirty(folio));
	KUNIT_EXPECT_EQ(test, hit ? 77 : 0, word_of(folio, 0));
	KUNIT_EXPECT_TRUE(test, folio_test_locked(folio));
	KUNIT_EXPECT_EQ(test, c->swapcache, fake.exclusive);
	/* Only a folio in the swap cache takes the copy's place. */
	KUNIT_EXPECT_EQ(test, c->stored && !(hit && c->swapcache) ? 77 : 0,
			held(3));
}

static void frontswap_loads_large(struct kunit *test)
{
	struct folio *folio = make_folio(test, TYPE(0), 8, 2, 0);
	int i;

	KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
	for (i = 8; i < 12; i++)
		KUNIT_ASSERT_TRUE(test, store(test, i, 50 + i));
	KUNIT_EXPECT_TRUE(test, frontswap_load(folio, false));
	KUNIT_EXPECT_TRUE(test, folio_test_uptodate(folio));
	for (i = 8; i < 12; i++)
		KUNIT_EXPECT_EQ(test, 50 + i, word_of(folio, i - 8));
}

static const struct range_case {
	const char *name;
	pgoff_t offset;
	unsigned long nr;
	unsigned long held;	/* of slots 8 to 15 */
	bool uniform;
} range_cases[] = {
	{ "none", 0, 8, 0, true },
	{ "all", 8, 8, 8, true },
	{ "some, from the start", 10, 4, 4, true },
	{ "first part missing", 6, 4, 2, false },
	{ "last part missing", 14, 4, 2, false },
	{ "one of many", 15, 16, 1, false },
	{ "one held", 8, 1, 1, true },
	{ "one not held", 16, 1, 0, true },
};

KUNIT_ARRAY_PARAM_DESC(range_case, range_cases, name);

static void frontswap_ranges(struct kunit *test)
{
	const struct range_case *r = test->param_value;
	swp_entry_t entry = swp_entry(TYPE(0), r->offset);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
	for (i = 8; i < 16; i++)
		KUNIT_ASSERT_TRUE(test, store(test, i, 50 + i));
	KUNIT_EXPECT_EQ(test, r->held, __frontswap_count(entry, r->nr));
	KUNIT_EXPECT_EQ(test, r->uniform, frontswap_uniform(entry, r->nr));
	frontswap_invalidate(entry, r->nr);
	KUNIT_EXPECT_EQ(test, 0, __frontswap_count(entry, r->nr));
	KUNIT_EXPECT_EQ(test, 8 - r->held,
			atomic_long_read(&fake.nr_held));
}

/* Nothing held: off at once. */
static void frontswap_disable_when_empty(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
	KUNIT_ASSERT_TRUE(test, store(test, 3, 77));
	invalidate(3, 1);
	frontswap_disable();
	KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, frontswap_state());
	KUNIT_EXPECT_FALSE(test, frontswap_active());
	frontswap_disable();
	KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, frontswap_state());
}

/* Draining: stores are refused and invalidate, everything else goes on. */
static void frontswap_drains(struct kunit *test)
{
	struct folio *folio = make_folio(test, TYPE(0), 5, 0, 0);

	KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
	KUNIT_ASSERT_TRUE(test, store(test, 3, 77));
	KUNIT_ASSERT_TRUE(test, store(test, 4, 78));
	KUNIT_ASSERT_TRUE(test, store(test, 5, 79));
	frontswap_disable();
	KUNIT_EXPECT_EQ(test, FRONTSWAP_DRAINING, frontswap_state());
	KUNIT_EXPECT_TRUE(test, frontswap_active());
	KUNIT_EXPECT_EQ(test, -EBUSY, frontswap_unregister(&fake_ops));

	KUNIT_EXPECT_FALSE(test, store(test, 3, 80));
	KUNIT_EXPECT_EQ(test, 0, held(3));
	KUNIT_EXPECT_TRUE(test, frontswap_load(folio, false));
	KUNIT_EXPECT_EQ(test, 79, word_of(folio, 0));
	KUNIT_EXPECT_EQ(test, FRONTSWAP_DRAINING, settled_state());
	KUNIT_EXPECT_EQ(test, 78, held(4));

	invalidate(4, 1);
	KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, settled_state());
	KUNIT_EXPECT_FALSE(test, frontswap_active());
}

/* Whatever takes the last copy away ends the draining. */
static void frontswap_drain_ends(struct kunit *test)
{
	struct folio *folio = make_folio(test, TYPE(0), 3, 0, 1);
	int way;

	for (way = 0; way < 3; way++) {
		KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
		KUNIT_ASSERT_TRUE(test, store(test, 3, 77));
		frontswap_disable();
		KUNIT_ASSERT_EQ(test, FRONTSWAP_DRAINING, frontswap_state());
		if (way == 0)
			invalidate(3, 1);
		else if (way == 1)
			KUNIT_EXPECT_TRUE(test, frontswap_load(folio, false));
		else
			KUNIT_EXPECT_FALSE(test, frontswap_store(folio));
		KUNIT_EXPECT_EQ(test, FRONTSWAP_OFF, settled_state());
	}
}

static void frontswap_enable_while_draining(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, frontswap_enable());
	KUNIT_ASSERT_TRUE(test, store(test, 3, 77));
	frontswap_disable();
	KUNIT_EXPECT_EQ(test, 0, frontswap_enable());
	KUNIT_EXPECT_EQ(test, FRONTSWAP_ON, frontswap_state());
	KUNIT_EXPECT_EQ(test, 77, held(3));
	KUNIT_EXPECT_TRUE(test, store(test, 4, 78));
	/* On again: being empty does not switch it off. */
	invalidate(3, 2);
	msleep(20);
	KUNIT_EXPECT_EQ(test, FRONTSWAP_ON, frontswap_state());
}

/*
 * Stores, loads and invalidations while it is switched on and off. Each thread
 * owns its slots, as a task owns them by the folio lock.
 */

#define OWN_SLOTS	8
#define SWITCHES	30

struct member {
	struct tester t;
	long word[OWN_SLOTS];	/* what must be held, 0 if nothing */
	struct folio *folio;
	unsigned long stores;
};

static void crowd_step(struct tester *t)
{
	struct member *me = container_of(t, struct member, t);
	unsigned int own = model_below(&t->m, OWN_SLOTS);
	struct folio *folio = me->folio;
	long *word = page_address(folio_page(folio, 0));

	folio->swap = swp_entry(TYPE(0), t->nr * OWN_SLOTS + own);
	folio_clear_uptodate(folio);
	switch (model_below(&t->m, 4)) {
	case 0 ... 1:
		*word = 1 + (model_random(&t->m) >> 8);
		me->word[own] = frontswap_store(folio) ? *word : 0;
		me->stores += !!me->word[own];
		return;
	case 2:
		model_check(&t->m, frontswap_load(folio, false) == !!me->word[own],
			    "a copy was lost or came back");
		model_check(&t->m, !me->word[own] || *word == me->word[own],
			    "another copy was loaded");
		me->word[own] = 0;
		return;
	default:
		frontswap_invalidate(folio->swap, 1);
		me->word[own] = 0;
	}
}

static void frontswap_threads(struct kunit *test)
{
	struct member *member;
	unsigned int i, offs = 0;
	unsigned long stores = 0;

	member = kunit_kcalloc(test, TESTERS, sizeof(*member), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, member);
	for (i = 0; i < TESTERS; i++) {
		member[i].folio = make_folio(test, TYPE(0), 0, 0, 0);
		member[i].t.step = crowd_step;
	}
	for (i = 0; i < TESTERS; i++)
		tester_start(test, &member[i].t, i, 1, ULONG_MAX);
	for (i = 0; i < SWITCHES; i++) {
		KUNIT_EXPECT_EQ(test, 0, frontswap_enable());
		msleep(20);
		frontswap_disable();
		msleep(20);
		offs += frontswap_state() == FRONTSWAP_OFF;
	}
	for (i = 0; i < TESTERS; i++) {
		WRITE_ONCE(member[i].t.stop, true);
		tester_wait(test, &member[i].t);
		stores += member[i].stores;
	}
	KUNIT_EXPECT_GT(test, offs, 0);
	KUNIT_EXPECT_GT(test, stores, 0);
	kunit_info(test, "%lu stores, %u times off by %d threads\n", stores,
		   offs, TESTERS);
}

static struct kunit_case frontswap_cases[] = {
	KUNIT_CASE(frontswap_attaches),
	KUNIT_CASE(frontswap_attaches_late),
	KUNIT_CASE(frontswap_swapon_fails),
	KUNIT_CASE(frontswap_off_does_nothing),
	KUNIT_CASE(frontswap_stores),
	KUNIT_CASE(frontswap_refused_store_invalidates),
	KUNIT_CASE_PARAM(frontswap_loads, load_case_gen_params),
	KUNIT_CASE(frontswap_loads_large),
	KUNIT_CASE_PARAM(frontswap_ranges, range_case_gen_params),
	KUNIT_CASE(frontswap_disable_when_empty),
	KUNIT_CASE(frontswap_drains),
	KUNIT_CASE(frontswap_drain_ends),
	KUNIT_CASE(frontswap_enable_while_draining),
	KUNIT_CASE(frontswap_threads),
	{}
};

static struct kunit_suite frontswap_suite = {
	.name = "tmem_frontswap",
	.init = frontswap_test_init,
	.exit = frontswap_test_exit,
	.test_cases = frontswap_cases,
};

kunit_test_suite(frontswap_suite);

MODULE_DESCRIPTION("KUnit tests of frontswap");
MODULE_LICENSE("GPL");
