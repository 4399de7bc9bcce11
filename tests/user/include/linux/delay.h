/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_DELAY_H
#define _TMEM_USER_DELAY_H

#include <sched.h>

#define usleep_range(min, max)	sched_yield()

#endif
