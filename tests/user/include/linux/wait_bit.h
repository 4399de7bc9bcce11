/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting by looking again: wakers have nothing to do. */
#ifndef _TMEM_USER_WAIT_BIT_H
#define _TMEM_USER_WAIT_BIT_H

#include <sched.h>

#define wake_up_var(var)	((void)(var))
#define wait_var_event(var, cond) do {	\
	(void)(var);			\
	while (!(cond))			\
		sched_yield();		\
} while (0)

#endif
