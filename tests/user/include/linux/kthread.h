/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_KTHREAD_H
#define _TMEM_USER_KTHREAD_H

#include <linux/sched.h>
#include <linux/err.h>

struct task_struct {
	int (*fn)(void *data);
	void *data;
};

struct task_struct *user_kthread_run(int (*fn)(void *data), void *data);

#define kthread_run(fn, data, ...)	user_kthread_run(fn, data)

#endif
