/* SPDX-License-Identifier: GPL-2.0 */
/* A warning ends the run: the tests expect none. */
#ifndef _TMEM_USER_BUG_H
#define _TMEM_USER_BUG_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>

#define WARN(cond, fmt, ...) ({						\
	bool _warn = !!(cond);						\
									\
	if (_warn) {							\
		fprintf(stderr, "WARNING at %s:%d: " fmt "\n",		\
			__FILE__, __LINE__, ##__VA_ARGS__);		\
		abort();						\
	}								\
	_warn;								\
})
#define WARN_ON(cond)		WARN(cond, "%s", #cond)
#define WARN_ON_ONCE(cond)	WARN_ON(cond)
#define WARN_ONCE(cond, fmt, ...)	WARN(cond, fmt, ##__VA_ARGS__)
#define VM_WARN_ON_ONCE(cond)	WARN_ON(cond)

#endif
