/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_RHASHTABLE_TYPES_H
#define _TMEM_USER_RHASHTABLE_TYPES_H

#include <linux/atomic.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define USER_RHT_BUCKETS	64

struct rhash_head {
	struct rhash_head *next;
};

struct rhashtable_params {
	u16 nelem_hint;
	u16 key_len;
	u16 key_offset;
	u16 head_offset;
	unsigned int max_size;
	u16 min_size;
	bool automatic_shrinking;
};

struct rhashtable {
	spinlock_t lock[USER_RHT_BUCKETS];
	struct rhashtable_params p;
	atomic_t nelems;
	struct rhash_head *bucket[USER_RHT_BUCKETS];
};

struct rhashtable_iter {
	struct rhashtable *ht;
	struct rhash_head *p;
	unsigned int slot;
	unsigned int skip;
};

#endif
