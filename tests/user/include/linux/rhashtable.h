/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of rhashtable as the index uses, on a table of fixed size. The contract
 * towards the caller is the kernel's: look-ups need RCU and take no lock, walks
 * may miss what comes and goes meanwhile.
 */
#ifndef _TMEM_USER_RHASHTABLE_H
#define _TMEM_USER_RHASHTABLE_H

#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>

int rhashtable_init(struct rhashtable *ht,
		    const struct rhashtable_params *params);
void rhashtable_destroy(struct rhashtable *ht);
void rhashtable_free_and_destroy(struct rhashtable *ht,
				 void (*free_fn)(void *obj, void *arg),
				 void *arg);

void *user_rht_lookup(struct rhashtable *ht, const void *key);
void *user_rht_insert(struct rhashtable *ht, struct rhash_head *head);
int user_rht_remove(struct rhashtable *ht, struct rhash_head *head);

#define rhashtable_lookup(ht, key, params)	user_rht_lookup(ht, key)
#define rhashtable_lookup_fast(ht, key, params) ({	\
	void *_obj;					\
							\
	rcu_read_lock();				\
	_obj = user_rht_lookup(ht, key);		\
	rcu_read_unlock();				\
	_obj;						\
})
#define rhashtable_lookup_get_insert_fast(ht, head, params) \
	user_rht_insert(ht, head)
#define rhashtable_lookup_insert_fast(ht, head, params) ({	\
	void *_old = user_rht_insert(ht, head);			\
								\
	IS_ERR(_old) ? PTR_ERR(_old) : _old ? -EEXIST : 0;	\
})
#define rhashtable_remove_fast(ht, head, params) user_rht_remove(ht, head)

void rhashtable_walk_enter(struct rhashtable *ht, struct rhashtable_iter *iter);
void rhashtable_walk_exit(struct rhashtable_iter *iter);
int rhashtable_walk_start_check(struct rhashtable_iter *iter);
#define rhashtable_walk_start(iter) ((void)rhashtable_walk_start_check(iter))
void *rhashtable_walk_next(struct rhashtable_iter *iter);
void rhashtable_walk_stop(struct rhashtable_iter *iter);

#endif
