/* SPDX-License-Identifier: GPL-2.0 */
/* Spinlocks as mutexes that know their owner, for lockdep_assert_held(). */
#ifndef _TMEM_USER_SPINLOCK_H
#define _TMEM_USER_SPINLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <linux/bug.h>

typedef struct {
	pthread_mutex_t mutex;
	pthread_t owner;
	bool held;
} spinlock_t;

#define __SPIN_LOCK_UNLOCKED(x)	{ .mutex = PTHREAD_MUTEX_INITIALIZER }
#define DEFINE_SPINLOCK(x)	spinlock_t x = __SPIN_LOCK_UNLOCKED(x)

static inline void spin_lock_init(spinlock_t *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->held = false;
}

static inline bool spin_trylock(spinlock_t *lock)
{
	if (pthread_mutex_trylock(&lock->mutex))
		return false;
	lock->owner = pthread_self();
	lock->held = true;
	return true;
}

/* Lets others in first now and then: between a look-up and its lock, say. */
void user_before_lock(void);

static inline void spin_lock(spinlock_t *lock)
{
	user_before_lock();
	pthread_mutex_lock(&lock->mutex);
	lock->owner = pthread_self();
	lock->held = true;
}

static inline void spin_unlock(spinlock_t *lock)
{
	lock->held = false;
	pthread_mutex_unlock(&lock->mutex);
}

/* Only for assertions of the thread that should hold it. */
static inline bool spin_is_mine(const spinlock_t *lock)
{
	return lock->held && pthread_equal(lock->owner, pthread_self());
}

#define lockdep_is_held(lock)		spin_is_mine(lock)
#define lockdep_assert_held(lock)	((void)WARN_ON(!spin_is_mine(lock)))

#include <linux/spinlock_variants.h>

#endif
