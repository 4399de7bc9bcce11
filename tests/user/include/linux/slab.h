/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every object is its own malloc(), so that the address sanitizer sees each
 * use after free. fail_nth as in the kernel's fault injection: the n-th
 * allocation of this thread that may fail does so (0: none does).
 */
#ifndef _TMEM_USER_SLAB_H
#define _TMEM_USER_SLAB_H

#include <linux/gfp.h>
#include <linux/types.h>

#define SLAB_HWCACHE_ALIGN	0x00002000U
#define SLAB_PANIC		0x00040000U
#define SLAB_ACCOUNT		0x04000000U
#define SLAB_RECLAIM_ACCOUNT	0x00020000U

struct kmem_cache;
struct list_lru;

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, unsigned int flags,
				     void (*ctor)(void *obj));
void kmem_cache_destroy(struct kmem_cache *cache);
unsigned int kmem_cache_size(struct kmem_cache *cache);
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *cache, void *obj);
void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *obj);

#define KMEM_CACHE(type, flags) \
	kmem_cache_create(#type, sizeof(struct type), 0, flags, NULL)
#define kmem_cache_zalloc(cache, gfp)	kmem_cache_alloc(cache, (gfp) | __GFP_ZERO)
#define kmem_cache_alloc_lru(cache, lru, gfp) \
	((void)(lru), kmem_cache_alloc(cache, gfp))
#define kzalloc(size, gfp)		kmalloc(size, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp)	kmalloc((size_t)(n) * (size), gfp)
#define kcalloc(n, size, gfp)		kzalloc((size_t)(n) * (size), gfp)
#define kvcalloc(n, size, gfp)		kcalloc(n, size, gfp)
#define kvmalloc_array(n, size, gfp)	kmalloc_array(n, size, gfp)
#define kvzalloc_node(size, gfp, nid)	kzalloc(size, gfp)
#define kvzalloc(size, gfp)		kzalloc(size, gfp)
#define kvfree(obj)			kfree(obj)

unsigned int *user_fail_nth(void);

/* From now on only allocations with all of these flags succeed (0: all do). */
void user_fail_nowait(gfp_t gfp);
/* Allocations that were tried since. */
long user_slab_allocations(void);

/* Objects handed out and not yet freed, over all caches and kmalloc(). */
long user_slab_in_use(void);

#endif
