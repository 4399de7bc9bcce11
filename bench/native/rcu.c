// SPDX-License-Identifier: GPL-2.0
/*
 * RCU as cheap for readers as the kernel's: nothing but a mark of this thread. A
 * thread says between two operations that it reads nothing, native_quiescent().
 * What was queued is freed when each of the others has said so, too, since.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "rcu.h"

#define EVERY	64	/* operations: others' lines are read no more often */

static struct native_thread {
	unsigned long passed;		/* quiescent states; ULONG_MAX if it is gone */
	unsigned long seen[NATIVE_THREADS];
	struct rcu_head *queued;	/* since the last look at the others */
	struct rcu_head *waiting;	/* before it: for those in @seen to go on */
} __attribute__((aligned(256))) thread[NATIVE_THREADS] = {
	[0 ... NATIVE_THREADS - 1] = { .passed = ULONG_MAX },
};

__thread unsigned long native_waits;
static __thread struct native_thread *me = &thread[0];
static __thread unsigned int depth;

void rcu_read_lock(void)
{
	depth++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void rcu_read_unlock(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	depth--;
}

int rcu_read_lock_held(void)
{
	return depth > 0;
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	head->next = me->queued;
	me->queued = head;
}

void user_kfree_rcu(struct rcu_head *head, size_t offset)
{
	call_rcu(head, (void *)offset);
}

/* user_kfree_rcu() leaves the offset of the head in place of a function. */
static void run(struct rcu_head *head)
{
	unsigned long offset = (unsigned long)head->func;

	if (offset < PAGE_SIZE)
		kfree((char *)head - offset);
	else
		head->func(head);
}

static void run_all(struct rcu_head *head)
{
	struct rcu_head *next;

	for (; head; head = next) {
		next = head->next;
		run(head);
	}
}

static bool others_went_on(void)
{
	for (int i = 0; i < NATIVE_THREADS; i++) {
		unsigned long passed = __atomic_load_n(&thread[i].passed,
						       __ATOMIC_ACQUIRE);

		if (&thread[i] != me && passed == me->seen[i] &&
		    passed != ULONG_MAX)
			return false;
	}
	return true;
}

void native_quiescent(void)
{
	unsigned long passed = me->passed + 1;

	__atomic_store_n(&me->passed, passed, __ATOMIC_RELEASE);
	if (passed % EVERY || !others_went_on())
		return;
	run_all(me->waiting);
	me->waiting = me->queued;
	me->queued = NULL;
	/* What is unlinked already cannot be found by who looks from now on. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (int i = 0; i < NATIVE_THREADS; i++)
		me->seen[i] = __atomic_load_n(&thread[i].passed,
					      __ATOMIC_ACQUIRE);
}

void native_enter(unsigned int nr)
{
	me = &thread[nr];
	__atomic_store_n(&me->passed, 0, __ATOMIC_RELEASE);
}

void native_leave(void)
{
	__atomic_store_n(&me->passed, ULONG_MAX, __ATOMIC_RELEASE);
}

/* Of all threads, of which none may run. */
void rcu_barrier(void)
{
	for (int i = 0; i < NATIVE_THREADS; i++) {
		run_all(thread[i].waiting);
		run_all(thread[i].queued);
		thread[i].waiting = thread[i].queued = NULL;
	}
}
