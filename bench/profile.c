// SPDX-License-Identifier: GPL-2.0
/*
 * profile: tmem and zbud at work in user space, to count their instructions.
 *
 * Usage: profile FILE
 *	Runs under callgrind (bench/profile.sh). The pages of FILE are read and
 *	touched at random, with a little memory for them and a pool behind it:
 *	once as file pages, once as swap pages.
 *
 * Each operation is a function op_*() of its own, for --toggle-collect. Prints
 * how often each of them ran while it was counted, and how often the holes of a
 * frame were closed.
 */
#include <valgrind/callgrind.h>

#include "pool.h"

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

/* One kind of pages: its pool, and what is in memory, oldest first. */
static struct side {
	struct tmem_pool *pool;
	unsigned int frames;
	unsigned int fifo[MEMORY];
	unsigned int next;
	bool present[SET];
} file, swap;

/* Of the shim of the tests: there are no other threads here. */
void user_before_lock(void)
{
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

static noinline int op_store_file(const struct tmem_key *key, const void *data)
{
	/* As zcache_copy_unread(). */
	memcpy(buffer + 2 * PAGE_SIZE, data, PAGE_SIZE);
	return store(file.pool, key, buffer + 2 * PAGE_SIZE);
}

static noinline void op_load_file(const struct tmem_key *key)
{
	unsigned long handle;

	need(pin_and_load(file.pool, key, &handle), "load");
	need(tmem_erase(file.pool, key, handle), "erase");
	zbud_unpin(file.pool->private, handle);
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
	need(!zbud_evict(file.pool->private, 0, evict_zpage, evicted, pages), "evict");
}

static noinline int op_store_swap(const struct tmem_key *key, const void *data)
{
	return store(swap.pool, key, data);
}

static noinline void op_load_swap(const struct tmem_key *key)
{
	unsigned long handle;

	need(pin_and_load(swap.pool, key, &handle), "load");
	zbud_unpin(swap.pool->private, handle);
	tmem_invalidate(swap.pool, key, 1);
}

static noinline void op_free_swap(const struct tmem_key *key)
{
	need(tmem_invalidate(swap.pool, key, 1) == 1, "free");
}

static void make_room(struct side *side)
{
	struct page *pages[ZBUD_FRAME_PAGES];

	if (zbud_has_room(side->pool->private, 0))
		return;
	if (side == &file && side->frames == FILE_FRAMES) {
		op_evict_file(pages, &done[EVICT_FILE]);
	} else {
		take_pages(pages);
		side->frames++;
	}
	zbud_add_frame(side->pool->private, pages);
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
		done[STORE_FILE] += !op_store_file(&key, set[old]);
	else
		done[STORE_SWAP] += !op_store_swap(&key, set[old]);
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

static void release_file(struct page **pages)
{
	free_pages(pages);
	file.frames--;
}

static void release_swap(struct page **pages)
{
	free_pages(pages);
	swap.frames--;
}

static unsigned long moved(void)
{
	struct zbud_stats f, s;

	zbud_stats(file.pool->private, &f);
	zbud_stats(swap.pool->private, &s);
	return f.moved + s.moved;
}

int main(int argc, char **argv)
{
	unsigned long moved_before;
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;

	need(in && fread(set, PAGE_SIZE, SET, in) == SET,
	     "usage: profile FILE (of 32 MiB)");
	file.pool = make_pool(256, TMEM_EPHEMERAL, 0, release_file);
	swap.pool = make_pool(0, TMEM_PERSISTENT, 1, release_swap);
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
