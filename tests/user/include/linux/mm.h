/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of a few thousand pages. Between two pages, and in every page that is
 * free, each byte is poisoned for the address sanitizer.
 */
#ifndef _TMEM_USER_MM_H
#define _TMEM_USER_MM_H

#include <linux/gfp.h>
#include <linux/mm_types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))

struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order);
#define alloc_page(gfp)		alloc_pages_node(0, gfp, 0)
void put_page(struct page *page);
#define __free_page(page)	put_page(page)
long user_pages_in_use(void);

void *page_address(const struct page *page);
struct page *virt_to_page(const void *addr);
unsigned long page_to_pfn(const struct page *page);
struct page *pfn_to_page(unsigned long pfn);

static inline void get_page(struct page *page)
{
	atomic_inc(&page->refs);
}

static inline int page_to_nid(const struct page *page)
{
	return page->nid;
}

#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define kmap_local_page(page)	page_address(page)
#define kunmap_local(addr)	((void)(addr))

#endif
