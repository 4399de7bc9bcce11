// SPDX-License-Identifier: GPL-2.0
/* RCU for the sanitizers, see include/linux/rcupdate.h. */
#include <pthread.h>

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#define RCU_BATCH	64

static pthread_rwlock_t rcu_readers = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t rcu_queue_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rcu_head *rcu_queue;
static atomic_t rcu_queued;
static __thread unsigned int rcu_depth;

void rcu_read_lock(void)
{
	if (!rcu_depth++)
		pthread_rwlock_rdlock(&rcu_readers);
}

/* kfree_rcu() leaves the offset of the head in place of a function. */
static void rcu_run(struct rcu_head *head)
{
	unsigned long offset = (unsigned long)head->func;

	if (offset < PAGE_SIZE)
		kfree((char *)head - offset);
	else
		head->func(head);
}

/* Called without readers: what is queued now, nobody can have found since. */
static void rcu_run_queue(void)
{
	struct rcu_head *head, *next;

	pthread_mutex_lock(&rcu_queue_lock);
	head = rcu_queue;
	rcu_queue = NULL;
	atomic_set(&rcu_queued, 0);
	pthread_mutex_unlock(&rcu_queue_lock);

	for (; head; head = next) {
		next = head->next;
		rcu_run(head);
	}
}

void rcu_read_unlock(void)
{
	if (--rcu_depth)
		return;
	pthread_rwlock_unlock(&rcu_readers);
	if (atomic_read(&rcu_queued) > RCU_BATCH &&
	    !pthread_rwlock_trywrlock(&rcu_readers)) {
		rcu_run_queue();
		pthread_rwlock_unlock(&rcu_readers);
	}
}

int rcu_read_lock_held(void)
{
	return rcu_depth > 0;
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	pthread_mutex_lock(&rcu_queue_lock);
	head->next = rcu_queue;
	rcu_queue = head;
	atomic_inc(&rcu_queued);
	pthread_mutex_unlock(&rcu_queue_lock);
}

void rcu_barrier(void)
{
	pthread_rwlock_wrlock(&rcu_readers);
	rcu_run_queue();
	pthread_rwlock_unlock(&rcu_readers);
}

void user_kfree_rcu(struct rcu_head *head, size_t offset)
{
	call_rcu(head, (void *)offset);
}
