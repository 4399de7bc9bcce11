/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads of a test: each takes random steps, many times. The first thing that
 * it finds wrong, by model_check() on its model, ends it.
 */
#ifndef _MM_TMEM_TESTS_TESTERS_H
#define _MM_TMEM_TESTS_TESTERS_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "model.h"

#define TESTERS		4

/**
 * struct tester - one thread
 * @m: its random numbers, its number of steps, and what was wrong
 * @nr: its number
 * @stop: it shall end before its steps are done
 * @step: what it does
 * @started: it runs, so it has to be waited for
 * @done: it has ended
 */
struct tester {
	struct model m;
	unsigned int nr;
	bool stop;
	void (*step)(struct tester *me);
	bool started;
	struct completion done;
};

static int tester_main(void *arg)
{
	struct tester *me = arg;

	for (me->m.step = 0; me->m.step < me->m.ops; me->m.step++) {
		if (READ_ONCE(me->stop) || model_failed(&me->m))
			break;
		me->step(me);
		/* Let the others in, on a single CPU too. */
		if (model_one_in(&me->m, 64))
			usleep_range(1, 10);
	}
	complete(&me->done);
	return 0;
}

/* Caller has set @me->step. */
static void tester_start(struct kunit *test, struct tester *me, unsigned int nr,
			 u64 seed, unsigned long steps)
{
	struct task_struct *task;

	me->nr = nr;
	me->stop = false;
	model_start(&me->m, seed + nr, steps);
	init_completion(&me->done);
	task = kthread_run(tester_main, me, "kunit/%u", nr);
	me->started = !IS_ERR(task);
	KUNIT_EXPECT_TRUE(test, me->started);
}

static void tester_wait(struct kunit *test, struct tester *me)
{
	if (!me->started)
		return;
	wait_for_completion(&me->done);
	if (model_failed(&me->m))
		KUNIT_FAIL(test, "%s", me->m.why);
}

#endif /* _MM_TMEM_TESTS_TESTERS_H */
