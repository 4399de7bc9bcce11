/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zbud: frames of a few pages, filled with zpages and kept in LRU order.
 * See zbud.c for the model, the layout of a frame and the locks.
 */
#ifndef _MM_TMEM_ZBUD_H
#define _MM_TMEM_ZBUD_H

#include <linux/types.h>
#include <linux/mm_types.h>

/*
 * Pages of a frame. What no zpage fits into is lost once a frame, which is much
 * of two pages where sizes are alike; and the directory is shared by more zpages.
 * Four is also what zbud needs to keep its lists in struct page.
 */
#define ZBUD_FRAME_PAGES	4

/* Largest zpage in bytes: more would not pay for its place in a frame. */
#define ZBUD_MAX_SIZE		(PAGE_SIZE / 8 * 7)

/*
 * Most zpages of a frame. Binds only where most are of one or two chunks: it
 * costs little then.
 */
#define ZBUD_MAX_SLOTS		240

struct zbud;

/**
 * struct zbud_key - the owner of a zpage
 * @object: object in the pool
 * @index: index in the object, below 2^48
 * @pool: number of the pool
 * @payer: who pays for the zpage, a number that only the caller understands
 */
struct zbud_key {
	u64 object;
	u64 index;
	u16 pool;
	u16 payer;
};

/**
 * struct zbud_charge - what a zpage costs, and whom
 * @payer: as in its &struct zbud_key
 * @len: its length in bytes
 */
struct zbud_charge {
	u16 payer;
	u16 len;
};

/**
 * struct zbud_zpage - what is known of one zpage
 * @key: its owner
 * @checksum: as given to zbud_alloc()
 * @len: its length in bytes
 * @part: where its bytes lie; the second part is empty (length 0) unless the
 *	zpage crosses from one page of the frame to the next
 */
struct zbud_zpage {
	struct zbud_key key;
	u32 checksum;
	unsigned int len;
	struct {
		void *addr;
		unsigned int len;
	} part[2];
};

/**
 * struct zbud_stats - a snapshot of one instance
 * @frames: frames held
 * @zpages: zpages in them, dead ones included
 * @bytes: compressed bytes of the zpages
 * @overhead: bytes of headers and directories in the frames
 * @moved: times that the holes of a frame were closed
 */
struct zbud_stats {
	unsigned long frames;
	unsigned long zpages;
	unsigned long bytes;
	unsigned long overhead;
	unsigned long moved;
};

/**
 * struct zbud_eviction - a frame that is being emptied
 * @zbud: its instance
 * @first: its first page
 * @slot: where to look for the next zpage
 */
struct zbud_eviction {
	struct zbud *zbud;
	struct page *first;
	unsigned int slot;
};

/**
 * typedef zbud_release_t - take the pages of an emptied frame back
 * @pages: the %ZBUD_FRAME_PAGES pages of the frame
 *
 * Context: Called without locks of zbud, by whoever dropped the last zpage or
 * the last pin: must not sleep, interrupts may be off.
 */
typedef void (*zbud_release_t)(struct page **pages);

/**
 * typedef zbud_evict_t - drop the index entry of one zpage if it is still this
 * @key: the owner
 * @handle: the zpage, pinned
 * @arg: as given to zbud_evict()
 *
 * Must erase the entry of @key only if it still is @handle, and then free
 * @handle with zbud_free().
 *
 * Context: No lock of zbud is held.
 */
typedef void (*zbud_evict_t)(const struct zbud_key *key, unsigned long handle,
			     void *arg);

/**
 * typedef zbud_replace_t - let the index know a zpage by another handle
 * @key: the owner
 * @old: the handle by which it was known
 * @new: the handle by which it is known from now on, in the same instance
 *
 * If the entry of @key still is @old it must be replaced by @new in one step, and
 * @old be freed then with zbud_free(). Neither may be pinned meanwhile.
 *
 * Context: No lock of zbud is held.
 * Return: true if it was replaced.
 */
typedef bool (*zbud_replace_t)(const struct zbud_key *key, unsigned long old,
			       unsigned long new);

struct zbud *zbud_create(unsigned int id, zbud_release_t release);
void zbud_destroy(struct zbud *zbud);

void zbud_add_frame(struct zbud *zbud, struct page **pages);
bool zbud_has_room(struct zbud *zbud, int nid);
int zbud_alloc(struct zbud *zbud, int nid, const struct zbud_key *key,
	       unsigned int len, u32 checksum, unsigned long *handle);
void zbud_write(unsigned long handle, const void *src);
void zbud_read(unsigned long handle, struct zbud_zpage *zpage);

int zbud_pin(struct zbud *zbud, unsigned long handle);
void zbud_unpin(struct zbud *zbud, unsigned long handle);
struct zbud_charge zbud_free(struct zbud *zbud, unsigned long handle);

bool zbud_evict_begin(struct zbud *zbud, int nid, struct zbud_eviction *eviction);
bool zbud_evict_next(struct zbud_eviction *eviction, struct zbud_key *key,
		     unsigned long *handle);
bool zbud_evict_end(struct zbud_eviction *eviction, struct page **pages);
int zbud_evict(struct zbud *zbud, int nid, zbud_evict_t evict, void *arg,
	       struct page **pages);
bool zbud_trim(struct zbud *zbud, int nid, struct page **pages);
int zbud_move(struct zbud *zbud, struct page *to, struct page *from,
	      zbud_replace_t replace);

unsigned long zbud_node_frames(struct zbud *zbud, int nid);
void zbud_stats(struct zbud *zbud, struct zbud_stats *stats);
int zbud_validate(struct zbud *zbud);

#endif /* _MM_TMEM_ZBUD_H */
