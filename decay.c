// SPDX-License-Identifier: GPL-2.0-only
/*
 * An idle pool gives its memory back
 *
 * Under pressure the shrinker takes frames of file pages, and swap pages take them
 * over. When the pressure ends nobody does: the copies of what was read an hour ago
 * would stay. So as long as no file page is stored, which means that nothing is
 * reclaimed, and none is asked for with success, a third of the frames goes every
 * 5 seconds, the coldest first: 1 to 2 % are left after a minute. The first store or hit
 * ends it.
 *
 * Swap pages leave with their owners, and move on to the device when the pool is full
 * of them or on request (writeback.c).
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/workqueue.h>

#include "zcache.h"

#define ZCACHE_DECAY_TIME	(5 * HZ)
#define ZCACHE_DECAY_SHARE	3

static void zcache_decay_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(zcache_decay_work, zcache_decay_fn);

/* Was the file side used since the last look? */
static bool zcache_is_idle(void)
{
	static u64 last;
	u64 now = zcache_counted(TMEM_EPHEMERAL, ZCACHE_STORES) +
		  zcache_counted(TMEM_EPHEMERAL, ZCACHE_HITS);
	bool idle = now == last;

	last = now;
	return idle;
}

static void zcache_decay_fn(struct work_struct *work)
{
	unsigned long pages = zcache_frame_pages(TMEM_EPHEMERAL);

	if (zcache_is_idle())
		zcache_shrink_files(max(pages / ZCACHE_DECAY_SHARE, 1));
	if (pages)
		zcache_decay_wake();
}

/**
 * zcache_decay_wake() - there are frames of file pages
 *
 * Context: Any.
 */
void zcache_decay_wake(void)
{
	queue_delayed_work(system_unbound_wq, &zcache_decay_work,
			   ZCACHE_DECAY_TIME);
}
