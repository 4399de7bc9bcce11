/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages in and out of tmem and zbud in user space, for profile.c and scaling.c.
 * It calls tmem, zbud, lzo and xxhash as zcache-main.c does, in the same order;
 * what is left out are counters and the ways out of errors. Each of them is one
 * file and includes this once.
 */
#ifndef POOL_H
#define POOL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/lzo.h>
#include <linux/xxhash.h>

#include "../tmem.h"
#include "../zbud.h"

/* Of the CPU: what is being compressed, decompressed and compared. */
static __thread unsigned char page[PAGE_SIZE];
static __thread unsigned char buffer[3 * PAGE_SIZE];
static __thread unsigned char workspace[LZO1X_1_MEM_COMPRESS];

static inline void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static inline u32 checksum(const struct tmem_key *key, const void *data,
			   size_t len)
{
	return xxh64(data, len, key->object * 0x61C8864680B583EBull + key->index);
}

/* As zcache_zpage_checksum(). */
static inline u32 zpage_checksum(const struct zbud_zpage *z)
{
	const struct tmem_key key = { z->key.object, z->key.index };
	struct xxh64_state state;

	if (!z->part[1].len)
		return checksum(&key, z->part[0].addr, z->len);
	xxh64_reset(&state, key.object * 0x61C8864680B583EBull + key.index);
	xxh64_update(&state, z->part[0].addr, z->part[0].len);
	xxh64_update(&state, z->part[1].addr, z->part[1].len);
	return xxh64_digest(&state);
}

/* As zcache_store_compressed(): 0, -E2BIG (does not compress) or -ENOSPC. */
static inline int store(struct tmem_pool *pool, const struct tmem_key *key,
			const void *data)
{
	struct zbud_key owner = { key->object, key->index, pool->id };
	struct zbud *zbud = pool->private;
	size_t len = 2 * PAGE_SIZE;
	unsigned long handle;
	int err;

	lzo1x_1_compress_safe(data, PAGE_SIZE, buffer, &len, workspace);
	if (len > ZBUD_MAX_SIZE)
		return -E2BIG;
	err = zbud_alloc(zbud, 0, &owner, len, checksum(key, buffer, len),
			 &handle);
	if (err)
		return err;
	zbud_write(handle, buffer);
	need(!tmem_store(pool, key, handle, GFP_KERNEL), "tmem_store");
	zbud_unpin(zbud, handle);
	return 0;
}

/* As zcache_load_page(), up to the erase. */
static inline bool pin_and_load(struct tmem_pool *pool,
				const struct tmem_key *key,
				unsigned long *handle)
{
	const void *src = buffer;
	size_t len = PAGE_SIZE;
	struct zbud_zpage z;

	if (tmem_pin(pool, key, handle))
		return false;
	zbud_read(*handle, &z);
	need(z.checksum == zpage_checksum(&z), "checksum");
	if (z.part[1].len) {
		memcpy(buffer, z.part[0].addr, z.part[0].len);
		memcpy(buffer + z.part[0].len, z.part[1].addr, z.part[1].len);
	} else {
		src = z.part[0].addr;
	}
	need(!lzo1x_decompress_safe(src, z.len, page, &len) && len == PAGE_SIZE,
	     "decompress");
	return true;
}

static int pin(struct tmem_pool *pool, unsigned long handle)
{
	return zbud_pin(pool->private, handle);
}

static void free_handle(struct tmem_pool *pool, unsigned long handle)
{
	zbud_free(pool->private, handle);
}

/* A pool, and frames of its own: number 0 to 3 of all there are. */
static inline struct tmem_pool *make_pool(u16 id, enum tmem_pool_type type,
					  unsigned int frames,
					  zbud_release_t release)
{
	static const struct tmem_ops ops = { .pin = pin, .free = free_handle };
	struct zbud *zbud = zbud_create(frames, release);
	struct tmem_pool *pool;

	need(zbud, "memory");
	pool = tmem_pool_create(id, type, &ops, zbud);
	need(!IS_ERR(pool), "memory");
	return pool;
}

static inline void take_pages(struct page **pages)
{
	for (int i = 0; i < ZBUD_FRAME_PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		need(pages[i], "no page: the set is too large");
	}
}

static inline void free_pages(struct page **pages)
{
	for (int i = 0; i < ZBUD_FRAME_PAGES; i++)
		__free_page(pages[i]);
}

#endif /* POOL_H */
