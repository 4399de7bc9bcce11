// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's own user-space build (tools/testing/shared) lacks for tmem
 * and zbud, or has in a form that hides bugs from the sanitizers: slab, pages
 * and a small rhashtable; RCU is in rcu.c. See the headers for the idea of each.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)	((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size)	((void)(addr), (void)(size))
#endif

/* slab */

struct kmem_cache {
	unsigned int size;
	unsigned int align;
	void (*ctor)(void *obj);
};

/* An endless loop of allocations ends here instead of with the machine. */
#define TOO_MANY	100000

static __thread unsigned int fail_nth;
static __thread gfp_t only_gfp;
static __thread long allocations;
static atomic_long_t slab_in_use;

unsigned int *user_fail_nth(void)
{
	return &fail_nth;
}

void user_fail_nowait(gfp_t gfp)
{
	only_gfp = gfp;
	allocations = 0;
}

long user_slab_allocations(void)
{
	return allocations;
}

static bool must_fail(gfp_t gfp)
{
	if (only_gfp && (++allocations > TOO_MANY ||
			 (gfp & only_gfp) != only_gfp))
		return true;
	if (!fail_nth || (gfp & (__GFP_DIRECT_RECLAIM | __GFP_NOFAIL)))
		return false;
	return !--fail_nth;
}

static void *slab_alloc(size_t size, size_t align, gfp_t gfp)
{
	void *obj;

	if (must_fail(gfp))
		return NULL;
	/* Of exactly this size where it can be: then each byte behind is seen. */
	obj = align > 16 ? aligned_alloc(align, (size + align - 1) & ~(align - 1)) :
			   malloc(size);
	if (!obj)
		return NULL;
	/* Never let code live on zeroes that malloc() happened to give. */
	memset(obj, gfp & __GFP_ZERO ? 0 : 0x6b, size);
	atomic_long_inc(&slab_in_use);
	return obj;
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, unsigned int flags,
				     void (*ctor)(void *obj))
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	if (!cache)
		return NULL;
	cache->size = size;
	cache->align = align > 16 ? align : 16;
	cache->ctor = ctor;
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	free(cache);
}

unsigned int kmem_cache_size(struct kmem_cache *cache)
{
	return cache->size;
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *obj = slab_alloc(cache->size, cache->align, gfp);

	if (obj && cache->ctor)
		cache->ctor(obj);
	return obj;
}

void kmem_cache_free(struct kmem_cache *cache, void *obj)
{
	kfree(obj);
}

void *kmalloc(size_t size, gfp_t gfp)
{
	return slab_alloc(size, 16, gfp);
}

void kfree(const void *obj)
{
	if (!obj)
		return;
	atomic_long_dec(&slab_in_use);
	free((void *)obj);
}

long user_slab_in_use(void)
{
	return atomic_long_read(&slab_in_use);
}

/* XArray nodes: lib/radix-tree.c in the kernel */

struct kmem_cache *radix_tree_node_cachep;

static void node_ctor(void *obj)
{
	struct xa_node *node = obj;

	memset(node, 0, sizeof(*node));
	INIT_LIST_HEAD(&node->private_list);
}

void radix_tree_node_rcu_free(struct rcu_head *head)
{
	kmem_cache_free(radix_tree_node_cachep,
			container_of(head, struct xa_node, rcu_head));
}

static void __attribute__((constructor)) node_init(void)
{
	radix_tree_node_cachep = kmem_cache_create("xa_node",
						   sizeof(struct xa_node), 0, 0,
						   node_ctor);
}

/* Pages */

#define USER_PAGES	4096
#define USER_PFN_BASE	0x100000UL	/* high enough to use many bits */
#define USER_STRIDE	(2 * PAGE_SIZE)	/* page, then a poisoned gap */

static struct page user_page[USER_PAGES];
static unsigned char *user_memory;
static pthread_mutex_t user_page_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int user_page_next;
static atomic_long_t user_pages;

static void __attribute__((constructor)) memory_init(void)
{
	user_memory = mmap(NULL, USER_PAGES * USER_STRIDE,
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (user_memory == MAP_FAILED) {
		perror("mmap of the pages");
		exit(1);
	}
	ASAN_POISON_MEMORY_REGION(user_memory, USER_PAGES * USER_STRIDE);
}

/* Hands pages out round robin: the two of a frame are seldom neighbours. */
struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page = NULL;
	unsigned int i;

	if (order || must_fail(gfp))
		return NULL;
	pthread_mutex_lock(&user_page_lock);
	for (i = 0; i < USER_PAGES; i++) {
		user_page_next = (user_page_next + 7) % USER_PAGES;
		if (!atomic_read(&user_page[user_page_next].refs)) {
			page = &user_page[user_page_next];
			*page = (struct page){ .nid = nid };
			atomic_set(&page->refs, 1);
			break;
		}
	}
	pthread_mutex_unlock(&user_page_lock);
	if (!page)
		return NULL;
	ASAN_UNPOISON_MEMORY_REGION(page_address(page), PAGE_SIZE);
	memset(page_address(page), 0xa5, PAGE_SIZE);
	atomic_long_inc(&user_pages);
	return page;
}

/* A page that nobody refers to is taken only under user_page_lock. */
void put_page(struct page *page)
{
	pthread_mutex_lock(&user_page_lock);
	if (atomic_read(&page->refs) <= 0) {
		fprintf(stderr, "page %lx is freed twice\n", page_to_pfn(page));
		abort();
	}
	if (atomic_read(&page->refs) == 1) {
		ASAN_POISON_MEMORY_REGION(page_address(page), PAGE_SIZE);
		atomic_long_dec(&user_pages);
	}
	atomic_dec(&page->refs);
	pthread_mutex_unlock(&user_page_lock);
}

long user_pages_in_use(void)
{
	return atomic_long_read(&user_pages);
}

void *page_address(const struct page *page)
{
	return user_memory + (page - user_page) * USER_STRIDE;
}

struct page *virt_to_page(const void *addr)
{
	return &user_page[((unsigned char *)addr - user_memory) / USER_STRIDE];
}

unsigned long page_to_pfn(const struct page *page)
{
	return USER_PFN_BASE + (page - user_page);
}

struct page *pfn_to_page(unsigned long pfn)
{
	if (pfn - USER_PFN_BASE >= USER_PAGES) {
		fprintf(stderr, "pfn %lx does not exist\n", pfn);
		abort();
	}
	return &user_page[pfn - USER_PFN_BASE];
}

/* rhashtable */

int rhashtable_init(struct rhashtable *ht,
		    const struct rhashtable_params *params)
{
	unsigned int i;

	memset(ht, 0, sizeof(*ht));
	for (i = 0; i < USER_RHT_BUCKETS; i++)
		spin_lock_init(&ht->lock[i]);
	ht->p = *params;
	return 0;
}

void rhashtable_free_and_destroy(struct rhashtable *ht,
				 void (*free_fn)(void *obj, void *arg),
				 void *arg)
{
	struct rhash_head *head, *next;
	unsigned int i;

	for (i = 0; i < USER_RHT_BUCKETS; i++) {
		for (head = ht->bucket[i]; head; head = next) {
			next = head->next;
			if (free_fn)
				free_fn((char *)head - ht->p.head_offset, arg);
		}
		ht->bucket[i] = NULL;
	}
}

void rhashtable_destroy(struct rhashtable *ht)
{
	rhashtable_free_and_destroy(ht, NULL, NULL);
}

static void *rht_obj(struct rhashtable *ht, struct rhash_head *head)
{
	return (char *)head - ht->p.head_offset;
}

static unsigned int rht_slot(struct rhashtable *ht, const void *key)
{
	const unsigned char *byte = key;
	u32 hash = 2166136261u;
	unsigned int i;

	for (i = 0; i < ht->p.key_len; i++)
		hash = (hash ^ byte[i]) * 16777619u;
	return hash % USER_RHT_BUCKETS;
}

/* The object with this key, or NULL. */
static void *rht_find(struct rhashtable *ht, unsigned int slot, const void *key)
{
	struct rhash_head *head;

	for (head = rcu_dereference_raw(ht->bucket[slot]); head;
	     head = rcu_dereference_raw(head->next)) {
		char *obj = rht_obj(ht, head);

		if (!memcmp(obj + ht->p.key_offset, key, ht->p.key_len))
			return obj;
	}
	return NULL;
}

void *user_rht_lookup(struct rhashtable *ht, const void *key)
{
	if (!rcu_read_lock_held()) {
		fprintf(stderr, "rhashtable_lookup() without rcu_read_lock()\n");
		abort();
	}
	return rht_find(ht, rht_slot(ht, key), key);
}

void *user_rht_insert(struct rhashtable *ht, struct rhash_head *head)
{
	void *key = (char *)rht_obj(ht, head) + ht->p.key_offset;
	unsigned int slot = rht_slot(ht, key);
	void *old;

	spin_lock(&ht->lock[slot]);
	old = rht_find(ht, slot, key);
	if (!old) {
		head->next = ht->bucket[slot];
		rcu_assign_pointer(ht->bucket[slot], head);
		atomic_inc(&ht->nelems);
	}
	spin_unlock(&ht->lock[slot]);
	return old;
}

int user_rht_remove(struct rhashtable *ht, struct rhash_head *head)
{
	void *key = (char *)rht_obj(ht, head) + ht->p.key_offset;
	unsigned int slot = rht_slot(ht, key);
	struct rhash_head **at;
	int err = -ENOENT;

	spin_lock(&ht->lock[slot]);
	for (at = &ht->bucket[slot]; *at; at = &(*at)->next) {
		if (*at == head) {
			rcu_assign_pointer(*at, head->next);
			atomic_dec(&ht->nelems);
			err = 0;
			break;
		}
	}
	spin_unlock(&ht->lock[slot]);
	return err;
}

void rhashtable_walk_enter(struct rhashtable *ht, struct rhashtable_iter *iter)
{
	*iter = (struct rhashtable_iter){ .ht = ht };
}

void rhashtable_walk_exit(struct rhashtable_iter *iter)
{
}

/*
 * As in the kernel: if the last object is not in its bucket any more, the place
 * in the chain is kept, and what has moved up to it is missed.
 */
int rhashtable_walk_start_check(struct rhashtable_iter *iter)
{
	struct rhashtable *ht = iter->ht;
	struct rhash_head *head;
	unsigned int skip = 0;

	rcu_read_lock();
	if (!iter->p)
		return 0;
	for (head = rcu_dereference_raw(ht->bucket[iter->slot]); head;
	     head = rcu_dereference_raw(head->next)) {
		skip++;
		if (head == iter->p)
			break;
	}
	if (head)
		iter->skip = skip;
	iter->p = head;
	return 0;
}

/* What follows the last object, also if that was removed since the start. */
static struct rhash_head *rht_walk_on(struct rhashtable_iter *iter)
{
	struct rhash_head *head = NULL;
	unsigned int i;

	if (iter->p)
		head = rcu_dereference_raw(iter->p->next);

	if (head)
		return head;
	if (iter->p) {
		iter->slot++;
		iter->skip = 0;
	}
	for (; iter->slot < USER_RHT_BUCKETS; iter->slot++, iter->skip = 0) {
		head = rcu_dereference_raw(iter->ht->bucket[iter->slot]);
		for (i = 0; head && i < iter->skip; i++)
			head = rcu_dereference_raw(head->next);
		if (head)
			break;
	}
	return head;
}

void *rhashtable_walk_next(struct rhashtable_iter *iter)
{
	iter->p = rht_walk_on(iter);
	iter->skip++;
	return iter->p ? rht_obj(iter->ht, iter->p) : NULL;
}

void rhashtable_walk_stop(struct rhashtable_iter *iter)
{
	rcu_read_unlock();
}
