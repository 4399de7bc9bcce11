/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events of mm/tmem: pages stored and loaded one by one, and swap pages that move on
 * to their device by the batch.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tmem

#if !defined(_TRACE_TMEM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_TMEM_H

#include <linux/tracepoint.h>
#include <linux/types.h>

DECLARE_EVENT_CLASS(zcache_page,

	TP_PROTO(unsigned int pool, u64 object, u64 index, int err),

	TP_ARGS(pool, object, index, err),

	TP_STRUCT__entry(
		__field(unsigned int,	pool)
		__field(u64,		object)
		__field(u64,		index)
		__field(int,		err)
	),

	TP_fast_assign(
		__entry->pool	= pool;
		__entry->object	= object;
		__entry->index	= index;
		__entry->err	= err;
	),

	TP_printk("pool=%u object=%llx index=%llu err=%d", __entry->pool,
		  __entry->object, __entry->index, __entry->err)
);

/* err: 0, the page is kept; or why it is not. */
DEFINE_EVENT(zcache_page, zcache_store,
	TP_PROTO(unsigned int pool, u64 object, u64 index, int err),
	TP_ARGS(pool, object, index, err)
);

/* err: 0, a hit; -ENOENT, a miss; -EIO, a swap page that is lost. */
DEFINE_EVENT(zcache_page, zcache_load,
	TP_PROTO(unsigned int pool, u64 object, u64 index, int err),
	TP_ARGS(pool, object, index, err)
);

TRACE_EVENT(zcache_writeback,

	TP_PROTO(unsigned int frames, unsigned int slots, unsigned int written,
		 unsigned int failed),

	TP_ARGS(frames, slots, written, failed),

	TP_STRUCT__entry(
		__field(unsigned int,	frames)
		__field(unsigned int,	slots)
		__field(unsigned int,	written)
		__field(unsigned int,	failed)
	),

	TP_fast_assign(
		__entry->frames	= frames;
		__entry->slots	= slots;
		__entry->written = written;
		__entry->failed	= failed;
	),

	TP_printk("frames=%u slots=%u written=%u failed=%u", __entry->frames,
		  __entry->slots, __entry->written, __entry->failed)
);

#endif /* _TRACE_TMEM_H */

#include <trace/define_trace.h>
