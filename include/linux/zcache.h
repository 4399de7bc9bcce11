/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zcache: what the rest of mm may ask the compressed cache (mm/tmem).
 */
#ifndef _LINUX_ZCACHE_H
#define _LINUX_ZCACHE_H

#ifdef CONFIG_ZCACHE
unsigned long zcache_pool_pages(void);
unsigned long zcache_stored_pages(void);
#endif

#endif /* _LINUX_ZCACHE_H */
