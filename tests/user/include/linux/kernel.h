/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_KERNEL_H
#define _TMEM_USER_KERNEL_H

#include_next <linux/kernel.h>
#include <linux/printk.h>

#ifndef sizeof_field
#define sizeof_field(type, field)	sizeof(((type *)0)->field)
#endif
#ifndef struct_size
#define struct_size(p, member, n)	(sizeof(*(p)) + sizeof(*(p)->member) * (n))
#endif
#ifndef smp_mb
#define smp_mb()			__sync_synchronize()
#endif

#endif
