/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spinlocks that spin, one store each way: what two CPUs cost each other. Those
 * of the tests are mutexes that know their owner.
 */
#ifndef _TMEM_NATIVE_SPINLOCK_H
#define _TMEM_NATIVE_SPINLOCK_H

#include <stdbool.h>
#include <linux/bug.h>

typedef struct {
	unsigned int locked;
} spinlock_t;

#define __SPIN_LOCK_UNLOCKED(x)	{ 0 }
#define DEFINE_SPINLOCK(x)	spinlock_t x = __SPIN_LOCK_UNLOCKED(x)

/* How often this thread had to wait. */
extern __thread unsigned long native_waits;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->locked = 0;
}

static inline bool spin_trylock(spinlock_t *lock)
{
	return !__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE);
}

static inline void spin_lock(spinlock_t *lock)
{
	if (spin_trylock(lock))
		return;
	native_waits++;
	do {
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
	} while (!spin_trylock(lock));
}

static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

#define lockdep_is_held(lock)		((void)(lock), true)
#define lockdep_assert_held(lock)	((void)(lock))

#include <linux/spinlock_variants.h>

#endif
