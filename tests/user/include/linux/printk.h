/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TMEM_USER_PRINTK_H
#define _TMEM_USER_PRINTK_H

#include <stdio.h>

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#undef pr_err
#undef pr_warn
#undef pr_info
#define pr_err(fmt, ...)	printf(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	pr_err(fmt, ##__VA_ARGS__)
#define pr_info(fmt, ...)	pr_err(fmt, ##__VA_ARGS__)

#endif
