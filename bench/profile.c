// SPDX-License-Identifier: GPL-2.0
/*
 * profile: tmem and zbud at work in user space, to count their instructions.
 *
 * Usage: profile FILE
 *	Runs under callgrind (bench/profile.sh). The pages of FILE are read and
 *	touched at random, with a little memory for them and a pool behind it:
 *	once as file pages, once as swap pages.
 *
 * It calls tmem, zbud, lzo and xxhash as zcache-main.c does, in the same order;
 * what is left out are counters and the ways out of errors. Each operation is a
 * function op_*() of its own, for --toggle-collect. Prints how often each of
 * them ran while it was counted, and how often the holes of a frame were closed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/lzo.h>
#include <linux/xxhash.h>

#include "../tmem.h"
#include "../zbud.h"

#define SET		8192	/* pages of FILE that are used: three levels of a tree */
#define MEMORY		2048	/* pages that are not compressed */
#define FILE_FRAMES	300	/* limit of the pool of file pages */
#define WARM		20000	/* touches before they are counted */
#define COUNTED		6000
#define FREE_EVERY	8	/* of so many touches of swap pages one is a free */

enum operation {
	STORE_FILE, LOAD_FILE, MISS_FILE, EVICT_FILE,
	STORE_SWAP, LOAD_SWAP, FREE_SWAP,
	NR_OPERATIONS,
};

static const char * const name[NR_OPERATIONS] = {
	"store_file", "load_file", "miss_file", "evict_file",
	"store_swap", "load_swap", "free_swap",
};

static unsigned long done[NR_OPERATIONS];
static unsigned char set[SET][PAGE_SIZE];
static unsigned char page[PAGE_SIZE];
static unsigned char buffer[3 * PAGE_SIZE];
static unsigned char workspace[LZO1X_1_MEM_COMPRESS];

/* One kind of pages: its pool, and what is in memory, oldest first. */
static struct side {
	struct tmem_pool *pool;
	struct zbud *zbud;
	unsigned int frames;
	unsigned int fifo[MEMORY];
	unsigned int next;
	bool present[SET];
} file, swap;

/* Of the shim of the tests: there are no other threads here. */
void user_before_lock(void)
{
}

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "profile: %s\n", what);
	exit(1);
}

static unsigned int random_below(unsigned int n)
{
	static u64 x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (x >> 16) % n;
}

/* As a file of one object, or as the objects of a swap device. */
static struct tmem_key key_of(const struct side *side, unsigned int nr)
{
	if (side == &file)
		return (struct tmem_key) { 1, nr };
	return (struct tmem_key) { nr >> 12, nr & 4095 };
}

static u32 checksum(const struct tmem_key *key, const void *data, size_t len)
{
	return xxh64(data, len, key->object * 0x61C8864680B583EBull + key->index);
}

/* As zcache_zpage_checksum(). */
static u32 zpage_checksum(const struct zbud_zpage *z)
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

/* As zcache_store_compressed(); false if the page does not compress. */
static bool store(struct side *side, const struct tmem_key *key,
		  const void *data)
{
	struct zbud_key owner = { key->object, key->index, side->pool->id };
	size_t len = 2 * PAGE_SIZE;
	unsigned long handle;

	lzo1x_1_compress_safe(data, PAGE_SIZE, buffer, &len, workspace);
	if (len > ZBUD_MAX_SIZE)
		return false;
	need(!zbud_alloc(side->zbud, 0, &owner, len,
			 checksum(key, buffer, len), &handle), "no room");
	zbud_write(handle, buffer);
	need(!tmem_store(side->pool, key, handle, GFP_KERNEL), "tmem_store");
	zbud_unpin(side->zbud, handle);
	return true;
}

/* As zcache_load_page(), up to the erase. */
static bool pin_and_load(struct side *side, const struct tmem_key *key,
			 unsigned long *handle)
{
	const void *src = buffer;
	size_t len = PAGE_SIZE;
	struct zbud_zpage z;

	if (tmem_pin(side->pool, key, handle))
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

static noinline bool op_store_file(const struct tmem_key *key, const void *data)
{
	/* As zcache_copy_unread(). */
	memcpy(buffer + 2 * PAGE_SIZE, data, PAGE_SIZE);
	return store(&file, key, buffer + 2 * PAGE_SIZE);
}

static noinline void op_load_file(const struct tmem_key *key)
{
	unsigned long handle;

	need(pin_and_load(&file, key, &handle), "load");
	need(tmem_erase(file.pool, key, handle), "erase");
	zbud_unpin(file.zbud, handle);
}

/* As __cleancache_claim(): what is not there is dropped as well. */
static noinline void op_miss_file(const struct tmem_key *key)
{
	unsigned long handle;

	need(tmem_pin(file.pool, key, &handle) == -ENOENT, "miss");
	tmem_invalidate(file.pool, key, 1);
}

static void evict_zpage(const struct zbud_key *owner, unsigned long handle,
			void *evicted)
{
	struct tmem_key key = { owner->object, owner->index };

	need(tmem_erase(file.pool, &key, handle), "evict");
	(*(unsigned long *)evicted)++;
}

static noinline void op_evict_file(struct page **pages, unsigned long *evicted)
{
	need(!zbud_evict(file.zbud, 0, evict_zpage, evicted, pages), "evict");
}

static noinline bool op_store_swap(const struct tmem_key *key, const void *data)
{
	return store(&swap, key, data);
}

static noinline void op_load_swap(const struct tmem_key *key)
{
	unsigned long handle;

	need(pin_and_load(&swap, key, &handle), "load");
	zbud_unpin(swap.zbud, handle);
	tmem_invalidate(swap.pool, key, 1);
}

static noinline void op_free_swap(const struct tmem_key *key)
{
	need(tmem_invalidate(swap.pool, key, 1) == 1, "free");
}

static void make_room(struct side *side)
{
	struct page *pages[ZBUD_FRAME_PAGES];

	if (zbud_has_room(side->zbud, 0))
		return;
	if (side == &file && side->frames == FILE_FRAMES) {
		op_evict_file(pages, &done[EVICT_FILE]);
	} else {
		for (int i = 0; i < ZBUD_FRAME_PAGES; i++) {
			pages[i] = alloc_page(GFP_KERNEL);
			need(pages[i], "no page: SET is too large");
		}
		side->frames++;
	}
	zbud_add_frame(side->zbud, pages);
}

/* A page comes into memory, and the oldest there goes into the pool. */
static void enter(struct side *side, unsigned int nr)
{
	unsigned int *slot = &side->fifo[side->next++ % MEMORY];
	unsigned int old = *slot;
	struct tmem_key key = key_of(side, old);

	*slot = nr;
	side->present[nr] = true;
	if (side->next <= MEMORY || !side->present[old])
		return;
	side->present[old] = false;
	make_room(side);
	if (side == &file)
		done[STORE_FILE] += op_store_file(&key, set[old]);
	else
		done[STORE_SWAP] += op_store_swap(&key, set[old]);
}

static void touch_file(unsigned int nr)
{
	struct tmem_key key = key_of(&file, nr);

	if (file.present[nr])
		return;
	if (tmem_count(file.pool, &key, 1)) {
		op_load_file(&key);
		need(!memcmp(page, set[nr], PAGE_SIZE), "wrong bytes");
		done[LOAD_FILE]++;
	} else {
		op_miss_file(&key);
		done[MISS_FILE]++;
	}
	enter(&file, nr);
}

static void touch_swap(unsigned int nr, bool is_free)
{
	struct tmem_key key = key_of(&swap, nr);
	bool stored = tmem_count(swap.pool, &key, 1);

	if (swap.present[nr])
		return;
	if (stored && is_free) {
		op_free_swap(&key);
		done[FREE_SWAP]++;
		return;
	}
	if (stored) {
		op_load_swap(&key);
		need(!memcmp(page, set[nr], PAGE_SIZE), "wrong bytes");
		done[LOAD_SWAP]++;
	}
	enter(&swap, nr);
}

static void touch(unsigned int times)
{
	while (times--) {
		touch_file(random_below(SET));
		touch_swap(random_below(SET), !(times % FREE_EVERY));
	}
}

static void free_frame(struct side *side, struct page **pages)
{
	for (int i = 0; i < ZBUD_FRAME_PAGES; i++)
		__free_page(pages[i]);
	side->frames--;
}

static void release_file(struct page **pages)
{
	free_frame(&file, pages);
}

static void release_swap(struct page **pages)
{
	free_frame(&swap, pages);
}

static int pin(struct tmem_pool *pool, unsigned long handle)
{
	return zbud_pin(pool->private, handle);
}

static void free_handle(struct tmem_pool *pool, unsigned long handle)
{
	zbud_free(pool->private, handle);
}

static void start(struct side *side, u16 id, enum tmem_pool_type type,
		  zbud_release_t release)
{
	static const struct tmem_ops ops = { .pin = pin, .free = free_handle };

	side->zbud = zbud_create(type, release);
	need(side->zbud, "memory");
	side->pool = tmem_pool_create(id, type, &ops, side->zbud);
	need(!IS_ERR(side->pool), "memory");
}

static unsigned long moved(void)
{
	struct zbud_stats f, s;

	zbud_stats(file.zbud, &f);
	zbud_stats(swap.zbud, &s);
	return f.moved + s.moved;
}

int main(int argc, char **argv)
{
	unsigned long moved_before;
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;

	need(in && fread(set, PAGE_SIZE, SET, in) == SET,
	     "usage: profile FILE (of 32 MiB)");
	start(&file, 256, TMEM_EPHEMERAL, release_file);
	start(&swap, 0, TMEM_PERSISTENT, release_swap);
	touch(WARM);
	memset(done, 0, sizeof(done));
	moved_before = moved();
	CALLGRIND_START_INSTRUMENTATION;
	touch(COUNTED);
	CALLGRIND_STOP_INSTRUMENTATION;
	for (int i = 0; i < NR_OPERATIONS; i++)
		printf("%s %lu\n", name[i], done[i]);
	printf("closed_holes %lu\n", moved() - moved_before);
	return 0;
}
