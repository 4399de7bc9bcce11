/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's user-space build has atomic_t only; the long ones are these. */
#ifndef _TMEM_USER_ATOMIC_H
#define _TMEM_USER_ATOMIC_H

#include <linux/types.h>

#define TMEM_USER_ATOMIC(name, type, base)				\
static inline base name##_read(const type *v)				\
{									\
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);		\
}									\
static inline void name##_set(type *v, base i)				\
{									\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);		\
}									\
static inline base name##_add_return(base i, type *v)			\
{									\
	return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);	\
}									\
static inline base name##_sub_return(base i, type *v)			\
{									\
	return __atomic_sub_fetch(&v->counter, i, __ATOMIC_SEQ_CST);	\
}									\
static inline void name##_add(base i, type *v) { name##_add_return(i, v); } \
static inline void name##_sub(base i, type *v) { name##_sub_return(i, v); } \
static inline void name##_inc(type *v) { name##_add_return(1, v); }	\
static inline void name##_dec(type *v) { name##_sub_return(1, v); }	\
static inline base name##_inc_return(type *v)				\
{									\
	return name##_add_return(1, v);					\
}									\
static inline bool name##_dec_and_test(type *v)				\
{									\
	return !name##_sub_return(1, v);				\
}

TMEM_USER_ATOMIC(atomic, atomic_t, int)
TMEM_USER_ATOMIC(atomic_long, atomic_long_t, long)

#define ATOMIC_INIT(i)		{ (i) }
#define ATOMIC_LONG_INIT(i)	{ (i) }

#endif
