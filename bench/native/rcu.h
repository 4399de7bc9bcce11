/* SPDX-License-Identifier: GPL-2.0 */
/* See rcu.c. */
#ifndef _TMEM_NATIVE_RCU_H
#define _TMEM_NATIVE_RCU_H

#define NATIVE_THREADS	2

/* This thread is number @nr from now on, until it leaves. */
void native_enter(unsigned int nr);
void native_leave(void);

/* It has no pointers into what RCU protects. */
void native_quiescent(void);

#endif
