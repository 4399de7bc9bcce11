/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of KUnit as the suites of tmem and zbud use, so that the same source
 * runs in user space. A failed ASSERT leaves the case by longjmp().
 */
#ifndef _TMEM_USER_KUNIT_TEST_H
#define _TMEM_USER_KUNIT_TEST_H

#include <setjmp.h>
#include <stdio.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/string.h>

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit_action;

struct kunit {
	void *priv;
	const void *param_value;
	const char *name;
	bool failed;
	bool skipped;
	struct kunit_action *actions;
	jmp_buf abort;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *name);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn)		{ .run_case = fn, .name = #fn }
#define KUNIT_CASE_SLOW(fn)	KUNIT_CASE(fn)
#define KUNIT_CASE_PARAM(fn, gen) \
	{ .run_case = fn, .name = #fn, .generate_params = gen }

#define KUNIT_ARRAY_PARAM_DESC(param, array, member)			\
static const void *param##_gen_params(const void *prev, char *name)	\
{									\
	const typeof((array)[0]) *next = prev;				\
									\
	next = next ? next + 1 : (array);				\
	if (next - (array) >= sizeof(array) / sizeof((array)[0]))	\
		return NULL;						\
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", next->member);	\
	return next;							\
}

void user_add_suite(struct kunit_suite *suite);
#define kunit_test_suite(suite)						\
static void __attribute__((constructor)) user_add_##suite(void)		\
{									\
	user_add_suite(&(suite));					\
}

void user_fail(struct kunit *test, const char *file, int line, bool leave,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void user_skip(struct kunit *test, const char *why) __attribute__((noreturn));
int kunit_add_action_or_reset(struct kunit *test, void (*action)(void *arg),
			      void *arg);
void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp);

#define kunit_kzalloc(test, size, gfp) \
	kunit_kmalloc(test, size, (gfp) | __GFP_ZERO)
#define kunit_add_action(test, action, arg) \
	kunit_add_action_or_reset(test, action, arg)
#define kunit_skip(test, why)	user_skip(test, why)
#define kunit_info(test, fmt, ...) \
	printf("    # %s: " fmt, (test)->name, ##__VA_ARGS__)
#define KUNIT_FAIL(test, fmt, ...) \
	user_fail(test, __FILE__, __LINE__, false, fmt, ##__VA_ARGS__)

#define user_compare(test, leave, left, op, right) do {			\
	typeof(left) _left = (left);					\
	typeof(right) _right = (right);					\
									\
	if (!(_left op _right))						\
		user_fail(test, __FILE__, __LINE__, leave,		\
			  "expected %s %s %s, are %lld and %lld",	\
			  #left, #op, #right, (long long)_left,		\
			  (long long)_right);				\
} while (0)
#define user_require(test, leave, cond) do {				\
	if (!(cond))							\
		user_fail(test, __FILE__, __LINE__, leave,		\
			  "expected %s", #cond);			\
} while (0)

#define KUNIT_EXPECT_EQ(t, a, b)	user_compare(t, false, a, ==, b)
#define KUNIT_EXPECT_NE(t, a, b)	user_compare(t, false, a, !=, b)
#define KUNIT_EXPECT_LT(t, a, b)	user_compare(t, false, a, <, b)
#define KUNIT_EXPECT_LE(t, a, b)	user_compare(t, false, a, <=, b)
#define KUNIT_EXPECT_GT(t, a, b)	user_compare(t, false, a, >, b)
#define KUNIT_EXPECT_GE(t, a, b)	user_compare(t, false, a, >=, b)
#define KUNIT_EXPECT_TRUE(t, c)		user_require(t, false, c)
#define KUNIT_EXPECT_FALSE(t, c)	user_require(t, false, !(c))
#define KUNIT_EXPECT_NULL(t, p)		user_require(t, false, !(p))
#define KUNIT_EXPECT_PTR_EQ(t, a, b)	user_require(t, false, (a) == (b))
#define KUNIT_EXPECT_PTR_NE(t, a, b)	user_require(t, false, (a) != (b))
#define KUNIT_EXPECT_STREQ(t, a, b)	user_require(t, false, !strcmp(a, b))
#define KUNIT_EXPECT_MEMEQ(t, a, b, n)	user_require(t, false, !memcmp(a, b, n))
#define KUNIT_ASSERT_EQ(t, a, b)	user_compare(t, true, a, ==, b)
#define KUNIT_ASSERT_LT(t, a, b)	user_compare(t, true, a, <, b)
#define KUNIT_ASSERT_GT(t, a, b)	user_compare(t, true, a, >, b)
#define KUNIT_ASSERT_TRUE(t, c)		user_require(t, true, c)
#define KUNIT_ASSERT_FALSE(t, c)	user_require(t, true, !(c))
#define KUNIT_ASSERT_NOT_NULL(t, p)	user_require(t, true, p)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(t, p) \
	user_require(t, true, !IS_ERR_OR_NULL(p))

#endif
