/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the model tests need of the world they run in. Their source is the same
 * in the kernel (KUnit) and in user space (tests/user): random operations from
 * a seed, checked step by step against a model that is too simple to be wrong.
 *
 * The random numbers are our own, so a seed means the same run everywhere.
 */
#ifndef _MM_TMEM_TESTS_MODEL_H
#define _MM_TMEM_TESTS_MODEL_H

#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/types.h>

/* As zcache allocates; without direct reclaim, so that failures can be injected. */
#define MODEL_GFP	(__GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC | \
			 __GFP_KSWAPD_RECLAIM)

/**
 * struct model - one run
 * @seed: names the run
 * @ops: number of operations
 * @step: the operation that runs now
 * @random: state of the generator
 * @why: the first thing that was wrong, empty if nothing
 */
struct model {
	u64 seed;
	unsigned long ops;
	unsigned long step;
	u64 random;
	char why[160];
};

static inline void model_start(struct model *m, u64 seed, unsigned long ops)
{
	*m = (struct model){ .seed = seed, .ops = ops, .random = seed };
}

/* splitmix64: small, and good from any seed. */
static inline u64 model_random(struct model *m)
{
	u64 z = m->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* A number below @n. */
static inline unsigned int model_below(struct model *m, unsigned int n)
{
	return (u64)(u32)model_random(m) * n >> 32;
}

/* True once in @n times. */
static inline bool model_one_in(struct model *m, unsigned int n)
{
	return !model_below(m, n);
}

static inline bool model_failed(const struct model *m)
{
	return m->why[0];
}

/* Keeps the first failure: the ones after it follow from it. */
#define model_check(m, cond, fmt, ...) ({				\
	struct model *_m = (m);						\
	bool _ok = (cond);						\
									\
	if (!_ok && !model_failed(_m))					\
		snprintf(_m->why, sizeof(_m->why),			\
			 "seed %llu, step %lu, %s:%d: " fmt,		\
			 _m->seed, _m->step,	\
			 __func__, __LINE__, ##__VA_ARGS__);		\
	_ok;								\
})

/* Counts down to the allocation that fails; NULL where none can be made to. */
static inline unsigned int *model_fail_nth(void)
{
#if !defined(__KERNEL__)
	return user_fail_nth();
#elif defined(CONFIG_FAILSLAB)
	return &current->fail_nth;
#else
	return NULL;
#endif
}

static inline bool model_can_fail_alloc(void)
{
	return !!model_fail_nth();
}

/* The @nth allocation of this thread from here on fails. */
static inline void model_fail_alloc(unsigned int nth)
{
	unsigned int *left = model_fail_nth();

	if (left)
		*left = nth;
}

/* Has it failed? Ends the injection. */
static inline bool model_alloc_failed(void)
{
	unsigned int *left = model_fail_nth();
	bool failed = left && !*left;

	model_fail_alloc(0);
	return failed;
}

#endif /* _MM_TMEM_TESTS_MODEL_H */
