/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_MINMAX_H
#define _LINUX_MINMAX_H
#include <linux/kernel.h>

#define min3(x, y, z)	min(x, min(y, z))

#ifndef swap
#define swap(a, b) \
	do { __typeof__(a) _tmp = (a); (a) = (b); (b) = _tmp; } while (0)
#endif

#endif
