/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RCU by a readers' lock: a callback runs when no reader is left. Slower than
 * the real thing, but every sanitizer understands it, and a look-up that
 * forgot rcu_read_lock() is met by a freed object as soon as there is one.
 */
#ifndef _TMEM_USER_RCUPDATE_H
#define _TMEM_USER_RCUPDATE_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

void rcu_read_lock(void);
void rcu_read_unlock(void);
int rcu_read_lock_held(void);
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
void rcu_barrier(void);
#undef synchronize_rcu
#define synchronize_rcu()	rcu_barrier()

void user_kfree_rcu(struct rcu_head *head, size_t offset);
#define kfree_rcu(ptr, field) \
	user_kfree_rcu(&(ptr)->field, offsetof(typeof(*(ptr)), field))

#define rcu_assign_pointer(p, v)	__atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(p, v)		__atomic_store_n(&(p), (v), __ATOMIC_RELAXED)
#define rcu_dereference_raw(p)		__atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_dereference(p)		rcu_dereference_check(p, false)
#define rcu_access_pointer(p)		rcu_dereference_raw(p)
#define rcu_dereference_check(p, c)	\
	(WARN_ON(!(c) && !rcu_read_lock_held()), rcu_dereference_raw(p))
#define rcu_dereference_protected(p, c)	(WARN_ON(!(c)), rcu_dereference_raw(p))

#endif
