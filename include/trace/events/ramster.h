/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events of mm/tmem/ramster: batches that leave, pages that come back, and lenders
 * that come and go.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ramster

#if !defined(_TRACE_RAMSTER_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_RAMSTER_H

#include <linux/tracepoint.h>
#include <linux/types.h>

/* A batch was answered, or not in time: err. */
TRACE_EVENT(ramster_push,

	TP_PROTO(unsigned int slot, unsigned int pages, unsigned int bytes,
		 unsigned int taken, int err),

	TP_ARGS(slot, pages, bytes, taken, err),

	TP_STRUCT__entry(
		__field(unsigned int,	slot)
		__field(unsigned int,	pages)
		__field(unsigned int,	bytes)
		__field(unsigned int,	taken)
		__field(int,		err)
	),

	TP_fast_assign(
		__entry->slot	= slot;
		__entry->pages	= pages;
		__entry->bytes	= bytes;
		__entry->taken	= taken;
		__entry->err	= err;
	),

	TP_printk("slot=%u pages=%u bytes=%u taken=%u err=%d", __entry->slot,
		  __entry->pages, __entry->bytes, __entry->taken, __entry->err)
);

/*
 * err: 0, it came; -ENOENT, it is read from elsewhere. near: so many were to come with
 * it; 0 if it had come with another one.
 */
TRACE_EVENT(ramster_load,

	TP_PROTO(unsigned int slot, u64 number, unsigned int near, int err),

	TP_ARGS(slot, number, near, err),

	TP_STRUCT__entry(
		__field(unsigned int,	slot)
		__field(unsigned int,	near)
		__field(u64,		number)
		__field(int,		err)
	),

	TP_fast_assign(
		__entry->slot	= slot;
		__entry->near	= near;
		__entry->number	= number;
		__entry->err	= err;
	),

	TP_printk("slot=%u number=%llu near=%u err=%d", __entry->slot,
		  __entry->number, __entry->near, __entry->err)
);

/* A lender is in another state now. */
TRACE_EVENT(ramster_peer_state,

	TP_PROTO(unsigned int slot, const char *name, const char *state),

	TP_ARGS(slot, name, state),

	TP_STRUCT__entry(
		__field(unsigned int,	slot)
		__string(name,		name)
		__string(state,		state)
	),

	TP_fast_assign(
		__entry->slot	= slot;
		__assign_str(name);
		__assign_str(state);
	),

	TP_printk("slot=%u name=%s state=%s", __entry->slot, __get_str(name),
		  __get_str(state))
);

#endif /* _TRACE_RAMSTER_H */

#include <trace/define_trace.h>
