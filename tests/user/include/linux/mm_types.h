/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_MM_TYPES_H
#define _TMEM_USER_MM_TYPES_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>

struct page {
	unsigned long flags;
	struct list_head lru;
	void *mapping;
	unsigned long index;
	unsigned long private;
	int nid;
	atomic_t refs;
};

#endif
