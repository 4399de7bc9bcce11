/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_SCHED_H
#define _TMEM_USER_SCHED_H

#include <linux/types.h>

#define cond_resched()	do { } while (0)

/* Now and then, so that what has to stop for it does. */
static inline bool need_resched(void)
{
	static __thread unsigned int asked;

	return ++asked % 50 == 0;
}

#endif
