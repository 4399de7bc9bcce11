// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the memory that RAMster lends (store.c), which are skipped when
 * some is lent already; and of who may borrow it (lender.c), without connections.
 *
 * ramster_store_kunit.seed= sets the seed of the random ones.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "../ramster/proto.h"
#include "../ramster/ramster.h"
#include "model.h"
#include "testers.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the random tests");

#define QUOTA		64	/* pages */
#define OBJECT		4096	/* numbers that become empty together */
#define LEN		2000	/* of most pages */
#define FAR		BIT_ULL(40)

/**
 * struct shop - what a case works with
 * @store: two stores
 * @tester: threads
 * @bytes: go in, come out
 */
struct shop {
	struct ramster_store *store[2];
	struct tester tester[TESTERS];
	u8 bytes[2 * ZBUD_MAX_SIZE];
};

/* What page @nr of store @which is like. */
static u8 byte_of(unsigned int which, u64 nr, unsigned int i)
{
	return nr * 37 + i + (i >> 8) + which * 101;
}

static int put_or_keep(struct shop *s, unsigned int which, u64 nr, unsigned int len,
		       bool keep)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		s->bytes[i] = byte_of(which, nr, i);
	return ramster_store_put(s->store[which], nr, s->bytes, len, keep);
}

static int put(struct shop *s, unsigned int which, u64 nr, unsigned int len)
{
	return put_or_keep(s, which, nr, len, false);
}

static int keep(struct shop *s, unsigned int which, u64 nr)
{
	return put_or_keep(s, which, nr, LEN, true);
}

/* Returns the length, or an error; -EBADMSG if it is not what was put. */
static int get(struct shop *s, unsigned int which, u64 nr)
{
	int i, len;

	memset(s->bytes, 0, ZBUD_MAX_SIZE);
	len = ramster_store_get(s->store[which], nr, s->bytes, ZBUD_MAX_SIZE);
	for (i = 0; i < len; i++)
		if (s->bytes[i] != byte_of(which, nr, i))
			return -EBADMSG;
	return len;
}

static int store_test_init(struct kunit *test)
{
	struct shop *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	if (ramster_lent_frame_pages())
		kunit_skip(test, "memory is lent");
	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(50, 0));
	for (i = 0; i < 2; i++) {
		s->store[i] = ramster_store_create(QUOTA);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->store[i]);
	}
	test->priv = s;
	return 0;
}

static void destroy(struct shop *s, unsigned int which)
{
	ramster_store_destroy(s->store[which]);
	s->store[which] = NULL;
}

/* Every frame must go with the stores. */
static void store_test_exit(struct kunit *test)
{
	struct shop *s = test->priv;
	int i;

	for (i = 0; s && i < 2; i++) {
		if (!s->store[i])
			continue;
		KUNIT_EXPECT_EQ(test, 0, ramster_store_validate(s->store[i]));
		destroy(s, i);
	}
	KUNIT_EXPECT_EQ(test, 0, ramster_lent_frame_pages());
}

static void put_get_drop(struct kunit *test)
{
	static const unsigned int lens[] = { 1, 31, 32, 1000, 3000, ZBUD_MAX_SIZE };
	struct shop *s = test->priv;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, -ENOENT, get(s, 0, 1));
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		KUNIT_EXPECT_EQ(test, 0, put(s, 0, i + 1, lens[i]));
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(lens),
			ramster_store_pages(s->store[0]));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		KUNIT_EXPECT_EQ(test, lens[i], get(s, 0, i + 1));
		/* It stays. */
		KUNIT_EXPECT_EQ(test, lens[i], get(s, 0, i + 1));
		ramster_store_drop(s->store[0], i + 1);
		KUNIT_EXPECT_EQ(test, -ENOENT, get(s, 0, i + 1));
		ramster_store_drop(s->store[0], i + 1);
	}
	KUNIT_EXPECT_EQ(test, 0, ramster_store_pages(s->store[0]));
	KUNIT_EXPECT_EQ(test, 0, ramster_lent_frame_pages());
}

static void out_of_range(struct kunit *test)
{
	struct shop *s = test->priv;

	KUNIT_EXPECT_EQ(test, -EINVAL, put(s, 0, 0, LEN));
	KUNIT_EXPECT_EQ(test, -EINVAL, put(s, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, put(s, 0, 1, ZBUD_MAX_SIZE + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, put(s, 0, RAMSTER_MAX_NUMBER + 1, LEN));
	KUNIT_EXPECT_EQ(test, -EINVAL, put(s, 0, ULLONG_MAX, LEN));
	KUNIT_EXPECT_EQ(test, -ENOENT, get(s, 0, ULLONG_MAX));
	ramster_store_drop(s->store[0], ULLONG_MAX);
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, RAMSTER_MAX_NUMBER, LEN));
	KUNIT_EXPECT_EQ(test, LEN, get(s, 0, RAMSTER_MAX_NUMBER));
}

static void same_number_replaces(struct kunit *test)
{
	struct shop *s = test->priv;
	u64 nr = 2;
	int i;

	/* More often than the quota would hold. */
	for (i = 1; i <= 1000; i++)
		KUNIT_EXPECT_EQ(test, 0, put(s, 0, 7, i));
	KUNIT_EXPECT_EQ(test, 1000, get(s, 0, 7));
	KUNIT_EXPECT_EQ(test, 1, ramster_store_pages(s->store[0]));
	KUNIT_EXPECT_LE(test, ramster_store_oldest(s->store[0]), 7);
	/* What is refused leaves nothing older behind. */
	KUNIT_ASSERT_EQ(test, 0, put(s, 1, 1, 100));
	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(0, 0));
	while (!put(s, 1, nr, LEN))
		nr++;
	KUNIT_EXPECT_EQ(test, 100, get(s, 1, 1));
	KUNIT_EXPECT_EQ(test, -ENOSPC, put(s, 1, 1, ZBUD_MAX_SIZE));
	KUNIT_EXPECT_EQ(test, -ENOENT, get(s, 1, 1));
}

static void full_quota_drops_oldest(struct kunit *test)
{
	struct shop *s = test->priv;
	unsigned long pages;
	u64 nr, last = 1000, oldest;

	KUNIT_EXPECT_GE(test, ramster_store_room(s->store[0]), QUOTA / 2);
	for (nr = 1; nr <= last; nr++)
		KUNIT_ASSERT_EQ(test, 0, put(s, 0, nr, LEN));
	pages = ramster_store_pages(s->store[0]);
	KUNIT_EXPECT_LE(test, pages * LEN, QUOTA * PAGE_SIZE);
	KUNIT_EXPECT_GE(test, pages * LEN, QUOTA * PAGE_SIZE / 4);
	oldest = ramster_store_oldest(s->store[0]);
	KUNIT_EXPECT_EQ(test, last - pages + 1, oldest);
	for (nr = 1; nr <= last; nr++)
		KUNIT_EXPECT_EQ(test, nr < oldest ? -ENOENT : LEN,
				get(s, 0, nr));
	KUNIT_EXPECT_EQ(test, -ESTALE, put(s, 0, oldest - 1, LEN));
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, oldest, LEN));
	/* It goes on taking pages, and says so. */
	KUNIT_EXPECT_GE(test, ramster_store_room(s->store[0]), 1);
	KUNIT_EXPECT_LT(test, ramster_store_room(s->store[0]), QUOTA / 2);
}

/* Numbers that went elsewhere, or begin anywhere. */
static void numbers_have_gaps(struct kunit *test)
{
	struct shop *s = test->priv;
	unsigned int refused = 0;
	u64 nr, oldest;

	for (nr = FAR; nr < FAR + 1000 * 5000; nr += 5000)
		refused += put(s, 0, nr, LEN) != 0;
	KUNIT_EXPECT_EQ(test, 0, refused);
	KUNIT_EXPECT_EQ(test, LEN, get(s, 0, nr - 5000));
	oldest = ramster_store_oldest(s->store[0]);
	KUNIT_EXPECT_GT(test, oldest, FAR);
	/* Those across a gap that is too wide are refused, sooner or later. */
	for (nr = 2 * FAR; nr < 2 * FAR + 1000; nr++)
		refused += put(s, 0, nr, LEN) != 0;
	KUNIT_EXPECT_GT(test, refused, 0);
	KUNIT_EXPECT_GE(test, ramster_store_oldest(s->store[0]), oldest);
	KUNIT_EXPECT_LE(test, ramster_store_oldest(s->store[0]), 2 * FAR);
}

static void late_numbers_are_taken(struct kunit *test)
{
	struct shop *s = test->priv;

	KUNIT_EXPECT_EQ(test, 0, put(s, 0, FAR + 500, LEN));
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, FAR, LEN));
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, FAR + 5000, LEN));
	KUNIT_EXPECT_LE(test, ramster_store_oldest(s->store[0]), FAR);
	KUNIT_EXPECT_EQ(test, LEN, get(s, 0, FAR));
	KUNIT_EXPECT_EQ(test, -ESTALE, put(s, 0, 1, LEN));
}

static void oldest_follows_what_is_dropped(struct kunit *test)
{
	struct shop *s = test->priv;
	u64 nr;

	for (nr = 1; nr < 2 * OBJECT + 10; nr += 64)
		KUNIT_ASSERT_EQ(test, 0, put(s, 0, nr, 100));
	KUNIT_EXPECT_EQ(test, 0, ramster_store_oldest(s->store[0]));
	for (nr = 1; nr < OBJECT; nr += 64)
		ramster_store_drop(s->store[0], nr);
	KUNIT_EXPECT_EQ(test, OBJECT, ramster_store_oldest(s->store[0]));
	KUNIT_EXPECT_EQ(test, -ESTALE, put(s, 0, OBJECT - 1, 100));
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, OBJECT, 100));
	KUNIT_EXPECT_EQ(test, OBJECT, ramster_store_oldest(s->store[0]));
	KUNIT_EXPECT_EQ(test, 100, get(s, 0, OBJECT + 1));
}

static void refused_without_headroom(struct kunit *test)
{
	struct shop *s = test->priv;

	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(50, 100));
	KUNIT_EXPECT_EQ(test, 0, ramster_store_room(s->store[0]));
	KUNIT_EXPECT_EQ(test, -ENOSPC, put(s, 0, 1, LEN));
	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(0, 0));
	KUNIT_EXPECT_EQ(test, 0, ramster_store_room(s->store[0]));
	KUNIT_EXPECT_EQ(test, -ENOSPC, put(s, 0, 1, LEN));
	KUNIT_EXPECT_EQ(test, 0, ramster_lent_frame_pages());
	KUNIT_EXPECT_EQ(test, -ENOENT, get(s, 0, 1));

	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(50, 0));
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, 1, LEN));
	/* What fits into a frame that there is takes no memory. */
	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(50, 100));
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, 2, LEN));
	KUNIT_EXPECT_EQ(test, LEN, get(s, 0, 1));
}

static void headroom_is_given_back(struct kunit *test)
{
	struct shop *s = test->priv;
	unsigned long frames;
	u64 nr;

	for (nr = 1; nr <= 50; nr++)
		KUNIT_ASSERT_EQ(test, 0, put(s, 0, nr, LEN));
	frames = ramster_lent_frame_pages();
	ramster_store_settle();
	KUNIT_EXPECT_EQ(test, frames, ramster_lent_frame_pages());
	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(50, 100));
	ramster_store_settle();
	KUNIT_EXPECT_EQ(test, 0, ramster_lent_frame_pages());
	KUNIT_EXPECT_EQ(test, 0, ramster_store_pages(s->store[0]));
}

static void shrinking_drops_oldest(struct kunit *test)
{
	u64 nr, last = 100, dropped = ramster_counted(RAMSTER_LENT_DROPPED);
	unsigned int held = 0, gone = 0, back = 0;
	struct shop *s = test->priv;
	unsigned long frames;

	for (nr = 1; nr <= last; nr++)
		KUNIT_ASSERT_EQ(test, 0, put(s, 0, nr, LEN));
	frames = ramster_lent_frame_pages();
	KUNIT_EXPECT_EQ(test, ZBUD_FRAME_PAGES, ramster_store_shrink(1, false));
	KUNIT_EXPECT_EQ(test, frames - ZBUD_FRAME_PAGES,
			ramster_lent_frame_pages());
	/* Those that are gone came before those that are there. */
	for (nr = 1; nr <= last; nr++) {
		int len = get(s, 0, nr);

		KUNIT_EXPECT_TRUE(test, len == LEN || len == -ENOENT);
		held += len > 0;
		gone += len < 0;
		back += len < 0 && held;
	}
	KUNIT_EXPECT_GT(test, gone, 0);
	KUNIT_EXPECT_EQ(test, 0, back);
	KUNIT_EXPECT_EQ(test, held, ramster_store_pages(s->store[0]));
	KUNIT_EXPECT_EQ(test, gone,
			ramster_counted(RAMSTER_LENT_DROPPED) - dropped);
	KUNIT_EXPECT_EQ(test, frames - ZBUD_FRAME_PAGES,
			ramster_store_shrink(ULONG_MAX, false));
	KUNIT_EXPECT_EQ(test, 0, ramster_store_pages(s->store[0]));
	KUNIT_EXPECT_EQ(test, 0, put(s, 0, last + 1, LEN));
}

/* Whatever is stored after them, and without one byte more than the quota. */
static void kept_pages_stay(struct kunit *test)
{
	struct shop *s = test->priv;
	u64 nr, last = 0;

	KUNIT_EXPECT_EQ(test, 0, put(s, 0, 1000, LEN));
	while (!keep(s, 0, last + 1))
		last++;
	KUNIT_EXPECT_LE(test, last * LEN, QUOTA * PAGE_SIZE);
	KUNIT_EXPECT_GT(test, (last + 1) * (LEN + 64), QUOTA * PAGE_SIZE);
	/* What may be dropped has made room, and is not let in any more. */
	KUNIT_EXPECT_EQ(test, -ENOENT, get(s, 0, 1000));
	for (nr = 1; nr <= 3 * last; nr++)
		KUNIT_EXPECT_NE(test, 0, put(s, 0, 20 * OBJECT + nr, LEN));
	KUNIT_EXPECT_LT(test, ramster_store_room(s->store[0]), 1 + LEN / PAGE_SIZE + 1);
	for (nr = 1; nr <= last; nr++)
		KUNIT_EXPECT_EQ(test, LEN, get(s, 0, nr));
	KUNIT_EXPECT_EQ(test, last, ramster_store_kept(s->store[0]));
	for (nr = 1; nr <= last; nr++)
		ramster_store_drop(s->store[0], nr);
	KUNIT_EXPECT_EQ(test, 0, ramster_store_kept(s->store[0]));
	KUNIT_EXPECT_EQ(test, 0, ramster_store_lost(s->store[0]));
	KUNIT_EXPECT_EQ(test, 0, ramster_lent_frame_pages());
}

/* Asked back first; by force only for the worst, and it is told. */
static void kept_pages_are_asked_back(struct kunit *test)
{
	struct shop *s = test->priv;
	unsigned long frames;
	u64 nr, last = 50;

	for (nr = 1; nr <= last; nr++)
		KUNIT_ASSERT_EQ(test, 0, keep(s, 0, nr));
	KUNIT_ASSERT_EQ(test, 0, put(s, 0, last + 1, LEN));
	KUNIT_EXPECT_FALSE(test, ramster_store_recalls());
	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(50, 100));
	KUNIT_EXPECT_TRUE(test, ramster_store_recalls());
	ramster_store_settle();
	KUNIT_EXPECT_EQ(test, -ENOENT, get(s, 0, last + 1));
	frames = ramster_lent_frame_pages();
	KUNIT_EXPECT_EQ(test, 0, ramster_store_shrink(ULONG_MAX, false));
	KUNIT_EXPECT_EQ(test, last, ramster_store_kept(s->store[0]));
	KUNIT_EXPECT_EQ(test, 0, ramster_store_lost(s->store[0]));
	KUNIT_EXPECT_EQ(test, frames, ramster_store_shrink(ULONG_MAX, true));
	KUNIT_EXPECT_EQ(test, last, ramster_store_lost(s->store[0]));
	KUNIT_ASSERT_EQ(test, 0, ramster_store_start(50, 0));
	KUNIT_EXPECT_FALSE(test, ramster_store_recalls());
}

static void stores_do_not_see_each_other(struct kunit *test)
{
	struct shop *s = test->priv;
	u64 nr;

	for (nr = 1; nr <= 50; nr++) {
		KUNIT_EXPECT_EQ(test, 0, put(s, 0, nr, LEN));
		KUNIT_EXPECT_EQ(test, 0, put(s, 1, nr + 25, LEN / 2));
	}
	for (nr = 1; nr <= 75; nr++) {
		KUNIT_EXPECT_EQ(test, nr <= 50 ? LEN : -ENOENT, get(s, 0, nr));
		KUNIT_EXPECT_EQ(test, nr > 25 ? LEN / 2 : -ENOENT,
				get(s, 1, nr));
	}
	for (nr = 1; nr <= 75; nr++)
		ramster_store_drop(s->store[0], nr);
	KUNIT_EXPECT_EQ(test, 0, ramster_store_pages(s->store[0]));
	KUNIT_EXPECT_EQ(test, 50, ramster_store_pages(s->store[1]));
	/* One that is full takes nothing from the other. */
	for (nr = 1; nr <= 1000; nr++)
		put(s, 0, nr, LEN);
	KUNIT_EXPECT_EQ(test, 50, ramster_store_pages(s->store[1]));
	destroy(s, 0);
	for (nr = 26; nr <= 75; nr++)
		KUNIT_EXPECT_EQ(test, LEN / 2, get(s, 1, nr));
}

/* Each allocation in turn, of a page that is the first one of its object. */
static void allocations_fail(struct kunit *test)
{
	struct shop *s = test->priv;
	unsigned int nth, refused = 0;
	bool failed = true;

	if (!model_can_fail_alloc())
		kunit_skip(test, "allocations cannot be made to fail");
	for (nth = 1; failed && nth < 20; nth++) {
		u64 nr = nth * OBJECT;
		int err;

		KUNIT_EXPECT_EQ(test, 0, put(s, 1, nr, LEN));
		model_fail_alloc(nth);
		err = put(s, 0, nr, LEN);
		failed = model_alloc_failed();
		KUNIT_EXPECT_TRUE(test, !err || (failed && err == -ENOMEM));
		KUNIT_EXPECT_EQ(test, err ? -ENOENT : LEN, get(s, 0, nr));
		refused += err != 0;
		KUNIT_EXPECT_EQ(test, 0, ramster_store_validate(s->store[0]));
	}
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, refused, 0);
	KUNIT_EXPECT_EQ(test, nth - 1 - refused,
			ramster_store_pages(s->store[0]));
}

static struct shop *shop_now;

static void random_step(struct tester *me)
{
	struct shop *s = shop_now;
	unsigned int len = 1 + model_below(&me->m, ZBUD_MAX_SIZE);
	unsigned int which = model_below(&me->m, 2);
	u64 nr = 1 + me->m.step * TESTERS / 4 + model_below(&me->m, 64);
	unsigned int i;
	u8 *mine;
	int got;

	mine = kmalloc(ZBUD_MAX_SIZE, GFP_KERNEL);
	if (!mine)
		return;
	switch (model_below(&me->m, 8)) {
	case 0:
		ramster_store_drop(s->store[which], nr);
		break;
	case 1:
		ramster_store_oldest(s->store[which]);
		ramster_store_room(s->store[which]);
		break;
	case 2:
		if (model_one_in(&me->m, 8))
			ramster_store_shrink(ZBUD_FRAME_PAGES,
					     model_one_in(&me->m, 4));
		break;
	case 3:
	case 4:
	case 5:
		for (i = 0; i < len; i++)
			mine[i] = byte_of(which, nr, i);
		ramster_store_put(s->store[which], nr, mine, len,
				  model_one_in(&me->m, 4));
		break;
	default:
		got = ramster_store_get(s->store[which], nr, mine,
					ZBUD_MAX_SIZE);
		for (i = 0; got > 0 && i < got; i++)
			model_check(&me->m, mine[i] == byte_of(which, nr, i),
				    "page %llu: wrong byte %u", nr, i);
	}
	kfree(mine);
}

static void many_at_once(struct kunit *test)
{
	struct shop *s = test->priv;
	unsigned int i;

	shop_now = s;
	for (i = 0; i < TESTERS; i++) {
		s->tester[i].step = random_step;
		tester_start(test, &s->tester[i], i, seed, 5000);
	}
	for (i = 0; i < TESTERS; i++)
		tester_wait(test, &s->tester[i]);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_LE(test, ramster_store_oldest(s->store[i]), 5065);
}

static struct kunit_case store_cases[] = {
	KUNIT_CASE(put_get_drop),
	KUNIT_CASE(out_of_range),
	KUNIT_CASE(same_number_replaces),
	KUNIT_CASE(full_quota_drops_oldest),
	KUNIT_CASE(numbers_have_gaps),
	KUNIT_CASE(late_numbers_are_taken),
	KUNIT_CASE(oldest_follows_what_is_dropped),
	KUNIT_CASE(refused_without_headroom),
	KUNIT_CASE(headroom_is_given_back),
	KUNIT_CASE(shrinking_drops_oldest),
	KUNIT_CASE(kept_pages_stay),
	KUNIT_CASE(kept_pages_are_asked_back),
	KUNIT_CASE(stores_do_not_see_each_other),
	KUNIT_CASE(allocations_fail),
	KUNIT_CASE(many_at_once),
	{}
};

static struct kunit_suite store_suite = {
	.name = "ramster_store",
	.init = store_test_init,
	.exit = store_test_exit,
	.test_cases = store_cases,
};

/* Clients, and the service */

static struct ramster_client *allow(const char *address, unsigned int scope,
				    unsigned long quota_pages)
{
	struct sockaddr_storage addr = {};
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&addr;
	struct sockaddr_in *sin = (struct sockaddr_in *)&addr;

	if (in4_pton(address, -1, (u8 *)&sin->sin_addr, -1, NULL)) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(scope);
	} else if (in6_pton(address, -1, (u8 *)&sin6->sin6_addr, -1, NULL)) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_scope_id = scope;
	}
	return ramster_client_allow("kunit", &addr, RAMSTER_TLS, quota_pages);
}

/* An address that another client has, however it is written. */
static void one_client_an_address(struct kunit *test)
{
	static const struct {
		const char *first, *second;
		unsigned int first_scope, second_scope;
		bool same;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", 0, 0, true },
		{ "192.0.2.1", "192.0.2.1", 1000, 2000, true },	/* ports */
		{ "192.0.2.1", "::ffff:192.0.2.1", 0, 0, true },
		{ "::ffff:192.0.2.1", "192.0.2.1", 0, 0, true },
		{ "192.0.2.1", "192.0.2.2", 0, 0, false },
		{ "192.0.2.1", "::192.0.2.1", 0, 0, false },
		{ "2001:db8::1", "2001:db8:0:0::1", 0, 0, true },
		{ "2001:db8::1", "2001:db8::1", 1, 2, true },
		{ "2001:db8::1", "2001:db8::2", 0, 0, false },
		{ "fe80::1", "fe80::1", 1, 1, true },
		{ "fe80::1", "fe80::1", 1, 2, false },
	};
	struct ramster_client *first, *second;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		first = allow(cases[i].first, cases[i].first_scope, 1);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
		second = allow(cases[i].second, cases[i].second_scope, 1);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].same,
				    PTR_ERR_OR_ZERO(second) == -EEXIST,
				    "%s, %s", cases[i].first, cases[i].second);
		if (!IS_ERR(second))
			ramster_client_deny(second);
		ramster_client_deny(first);
	}
}

static void clients_out_of_range(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(allow("?", 0, 1)));
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(allow("192.0.2.1", 0, 0)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(allow("192.0.2.1", 0, RAMSTER_MAX_PAGES + 1)));
}

static void starts_and_stops(struct kunit *test)
{
	struct ramster_lender_conf conf = {
		.nr_listen = 1, .percent = 10, .headroom_percent = 10,
		.threads = 3,
	};
	struct ramster_client *client;
	int err, i;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			ramster_lender_start(&(struct ramster_lender_conf){}));
	err = ramster_lender_start(&conf);
	if (err == -EBUSY)
		kunit_skip(test, "memory is lent");
	KUNIT_EXPECT_EQ(test, -EAFNOSUPPORT, err);
	client = allow("192.0.2.1", 0, 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, client);
	conf.listen[0].ss_family = AF_INET;
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, 0, ramster_lender_start(&conf));
		KUNIT_EXPECT_EQ(test, -EBUSY, ramster_lender_start(&conf));
		ramster_lender_stop();
		ramster_lender_stop();
	}
	ramster_client_deny(client);
}

static struct kunit_case lender_cases[] = {
	KUNIT_CASE(one_client_an_address),
	KUNIT_CASE(clients_out_of_range),
	KUNIT_CASE(starts_and_stops),
	{}
};

static struct kunit_suite lender_suite = {
	.name = "ramster_lender",
	.test_cases = lender_cases,
};

kunit_test_suites(&store_suite, &lender_suite);

MODULE_DESCRIPTION("KUnit tests of what RAMster lends, and to whom");
MODULE_LICENSE("GPL");
