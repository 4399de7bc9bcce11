// SPDX-License-Identifier: GPL-2.0-only
/*
 * zbud: LRU-ordered frames of compressed pages
 *
 * Model
 * -----
 * A frame is ZBUD_FRAME_PAGES pages, not necessarily adjacent, that are filled
 * with zpages (compressed pages) and given back together. zbud neither
 * allocates nor frees pages: the owner hands frames in with zbud_add_frame()
 * and gets them back through its release callback.
 *
 * A frame is laid out like a slotted page of a database, in chunks of 16 bytes.
 * The chunks of all its pages count as one range, and a zpage may lie across
 * the border of two pages:
 *
 *	chunk 0                                           ZBUD_CHUNKS - 1
 *	+-------+-----------+-------------+--------+------+--------+
 *	| frame | slot[] -> |    hole     | zpage  | hole | zpage  |
 *	+-------+-----------+-------------+--------+------+--------+
 *
 * The directory slot[] grows upwards and says where a zpage starts and how long
 * it is. Each zpage starts with a header that names its owner, so eviction needs
 * no reverse map.
 *
 * A store goes to the fullest frame that has room for it; the emptiest frame of
 * a node is the reserve that takes a zpage of any size. In the frame it goes to
 * the highest hole that is large enough; if there is none, all holes are closed
 * first.
 *
 * A handle is the pfn of the frame's first page and the number of the slot.
 *
 * Pins, and why a handle is never mistaken for another
 * ----------------------------------------------------
 * Whoever reads, writes or evicts holds a pin on the frame. While a frame is
 * pinned
 *  - its zpages do not move and no byte of them is reused,
 *  - zbud_free() only marks a slot dead: neither its number nor its chunks are
 *    given out again before the last pin is gone.
 * So a handle that is found again while its frame is pinned since the first
 * look-up is the same entry. The last pin collects the dead slots. A frame
 * leaves with its last zpage and its last pin, through whoever drops it.
 *
 * Closing holes needs the frame for itself: it starts only without pins, and
 * until it ends (bounded: one frame is copied) the frame is ZBUD_MOVING. Stores
 * use other frames, zbud_pin() answers -EAGAIN and its caller waits in
 * wait_var_event() on the instance, zbud_free() marks the slot dead and never waits.
 *
 * Moving a page
 * -------------
 * Compaction puts another page in the place of one of a frame (zbud_move()). It
 * takes the frame in the same way (ZBUD_MIGRATING) and never waits for it. The
 * handles stay, unless it is the first page. Then the old and the new page are
 * both heads of the frame for a while, with a directory each, and share the other
 * pages. Either is held, so a free by whichever handle marks a slot dead, in its
 * own directory:
 *
 *	old directory			new directory
 *	all live			all dead
 *	a slot is live, it is in the	made live, then the index replaces the
 *	index				handle, if it still is the old one
 *	freed by who replaced it	live, it is in the index
 *
 * A slot is live in one of the two exactly if the index has that handle (between
 * two steps), so when no slot of the old directory is live, nobody can come by an
 * old handle any more: the old page goes. Should the index not know a zpage (its
 * header is damaged), all go back the same way.
 *
 * Locks
 * -----
 * node->lock	a spinlock for each NUMA node of an instance: lists, directories,
 *		pins and numbers of all frames that were handed in with their
 *		first page on that node (it stays like this when pages move).
 *		A leaf, below the xa_lock of a tmem tree; may be taken with
 *		interrupts off, is never taken in interrupt context. It is not
 *		held while a zpage is copied, moved or compressed.
 *
 * Borrowed fields of struct page
 * ------------------------------
 * page->private	next page of the frame (a ring), and what finds its lock from
 *			any of the pages: instance, node. 0: in no frame
 * page->index		links of lists, see there
 * page->lru and page->mapping are left to those who move pages. The links could
 * be in the frame, but it would take 32 bytes more then.
 */
#define pr_fmt(fmt) "zbud: " fmt

#include <linux/bitfield.h>
#include <linux/bitmap.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait_bit.h>

#include "zbud.h"

#define ZBUD_CHUNK_SIZE		16U
#define ZBUD_PAGE_CHUNKS	((unsigned int)PAGE_SIZE / ZBUD_CHUNK_SIZE)
#define ZBUD_CHUNKS		(ZBUD_FRAME_PAGES * ZBUD_PAGE_CHUNKS)

#define ZBUD_SLOT_BITS		8
#define ZBUD_INDEX_BITS		48

/* Bits of page->private, below the pfn of the next page. */
#define ZBUD_IN_FRAME		BIT(0)
#define ZBUD_FIRST		BIT(1)
#define ZBUD_ID_SHIFT		2
#define ZBUD_ID_BITS		2
#define ZBUD_NID_SHIFT		(ZBUD_ID_SHIFT + ZBUD_ID_BITS)
#define ZBUD_NID_BITS		10
#define ZBUD_NEXT_SHIFT		(ZBUD_NID_SHIFT + ZBUD_NID_BITS)

/*
 * Values of slot[]: the first chunk of the zpage, its length in bytes, whether it
 * has a &struct zbud_wide. Chunk 0 is the directory's, so no zpage starts there.
 */
#define ZBUD_SLOT_FREE		0
#define ZBUD_SLOT_CHUNK		GENMASK(13, 0)
#define ZBUD_SLOT_LEN		GENMASK(29, 14)
#define ZBUD_SLOT_WIDE		BIT(30)
#define ZBUD_SLOT_DEAD		BIT(31)

/**
 * struct zbud_header - in front of each zpage
 * @object: owner: the object, or its lower half
 * @index: owner: the index, or its lower half
 * @checksum: as given by the owner
 * @pool: owner: number of the pool
 * @payer: as given by the owner
 *
 * Every byte counts: it stands in front of each stored page.
 */
struct zbud_header {
	u32 object;
	u32 index;
	u32 checksum;
	u16 pool;
	u16 payer;
};

/**
 * struct zbud_wide - behind the header, if the owner does not fit into it
 * @object: all of it
 * @index: all of it
 *
 * A chunk of its own, for it may lie on another page than the header.
 */
struct zbud_wide {
	u64 object;
	u64 index;
};

enum zbud_frame_state {
	ZBUD_NORMAL,
	ZBUD_EVICTING,	/* it is being emptied: no stores */
	/* No stores, and no pins but that of who works on it: */
	ZBUD_MOVING,	/* its holes are being closed */
	ZBUD_MIGRATING,	/* one of its pages is being moved */
};

/**
 * struct zbud_frame - at the start of the first page of a frame
 * @pins: readers, writers, evictors; the mover counts as one
 * @free: chunks neither in a zpage nor in the directory
 * @nr_slots: length of the directory
 * @used: slots that are not free
 * @dead: slots freed while the frame was pinned or moving
 * @state: &enum zbud_frame_state
 * @slot: the directory
 */
struct zbud_frame {
	u32 pins;
	u16 free;
	u8 nr_slots;
	u8 used;
	u8 dead;
	u8 state;
	u32 slot[];
};

/**
 * struct zbud_list - frames, known by their first pages
 * @head: one end, NULL if it is empty
 * @tail: the other end
 */
struct zbud_list {
	struct page *head;
	struct page *tail;
};

/**
 * struct zbud_node - the frames of one NUMA node
 * @lock: covers all of it and the frames
 * @lru: frames with zpages, the one that was stored to last at the end
 * @passed: up to this one they were offered to zbud_evict_begin() in this round, and
 *	something stayed in them; NULL at the beginning
 * @with_room: frames that take stores, by zbud_room()
 * @nonempty: which lists of @with_room are not empty
 * @stats: running totals
 */
struct zbud_node {
	spinlock_t lock;	/* all of this and the frames */
	struct zbud_list lru;
	struct page *passed;
	struct zbud_list with_room[ZBUD_CHUNKS];
	DECLARE_BITMAP(nonempty, ZBUD_CHUNKS);
	struct zbud_stats stats;
};

/**
 * struct zbud - an instance
 * @id: its number
 * @release: takes emptied frames back
 * @node: by NUMA node, NULL for impossible ones
 */
struct zbud {
	unsigned int id;
	zbud_release_t release;
	struct zbud_node *node[];
};

static_assert(ZBUD_FRAME_PAGES == 4);	/* as many as there are links */
static_assert(NODES_SHIFT <= ZBUD_NID_BITS);
static_assert(sizeof(struct zbud_header) == ZBUD_CHUNK_SIZE);
static_assert(sizeof(struct zbud_wide) == ZBUD_CHUNK_SIZE);
static_assert(BIT(14) >= ZBUD_CHUNKS);	/* ZBUD_SLOT_CHUNK */
static_assert(BIT(16) > ZBUD_MAX_SIZE);	/* ZBUD_SLOT_LEN */
static_assert(BIT(ZBUD_SLOT_BITS) >= ZBUD_MAX_SLOTS);

/*
 * Addresses
 */

/*
 * What is looked at without node->lock may be changed under it at the same time:
 * by the move of another page, or as the page leaves.
 */
static unsigned long zbud_page_word(struct page *page)
{
	return READ_ONCE(page->private);
}

static struct page *zbud_next_page(struct page *page)
{
	return pfn_to_page(zbud_page_word(page) >> ZBUD_NEXT_SHIFT);
}

static void zbud_set_next(struct page *page, struct page *next)
{
	unsigned long bits = zbud_page_word(page) & (BIT(ZBUD_NEXT_SHIFT) - 1);

	WRITE_ONCE(page->private,
		   page_to_pfn(next) << ZBUD_NEXT_SHIFT | bits);
}

static struct page *zbud_nth_page(struct page *first, unsigned int nr)
{
	while (nr--)
		first = zbud_next_page(first);
	return first;
}

/* The first page of the frame that @page is in. */
static struct page *zbud_first_page(struct page *page)
{
	while (!(zbud_page_word(page) & ZBUD_FIRST))
		page = zbud_next_page(page);
	return page;
}

static struct zbud_frame *zbud_frame(struct page *first)
{
	return page_address(first);
}

static unsigned long zbud_handle(struct page *first, unsigned int slot)
{
	return page_to_pfn(first) << ZBUD_SLOT_BITS | slot;
}

static struct page *zbud_handle_page(unsigned long handle)
{
	return pfn_to_page(handle >> ZBUD_SLOT_BITS);
}

static unsigned int zbud_handle_slot(unsigned long handle)
{
	return handle & (BIT(ZBUD_SLOT_BITS) - 1);
}

static struct page *zbud_chunk_page(struct page *first, unsigned int chunk)
{
	return zbud_nth_page(first, chunk / ZBUD_PAGE_CHUNKS);
}

static void *zbud_chunk(struct page *first, unsigned int chunk)
{
	return page_address(zbud_chunk_page(first, chunk)) +
	       (chunk % ZBUD_PAGE_CHUNKS) * ZBUD_CHUNK_SIZE;
}

/* Chunks of a zpage of @len bytes, its header included. */
static unsigned int zbud_len_chunks(unsigned int len, bool wide)
{
	return 1 + wide + DIV_ROUND_UP(len, ZBUD_CHUNK_SIZE);
}

/* Chunks of a directory of @nr_slots, the frame's own fields included. */
static unsigned int zbud_dir_chunks(unsigned int nr_slots)
{
	return DIV_ROUND_UP(offsetof(struct zbud_frame, slot[nr_slots]),
			    ZBUD_CHUNK_SIZE);
}

/* Readers hold a pin, so the chunk stays; the dead mark may come any time. */
static u32 zbud_slot(const struct zbud_frame *frame, unsigned int slot)
{
	return READ_ONCE(frame->slot[slot]);
}

static unsigned int zbud_slot_chunk(const struct zbud_frame *frame,
				    unsigned int slot)
{
	return FIELD_GET(ZBUD_SLOT_CHUNK, zbud_slot(frame, slot));
}

static unsigned int zbud_slot_len(const struct zbud_frame *frame,
				  unsigned int slot)
{
	return FIELD_GET(ZBUD_SLOT_LEN, zbud_slot(frame, slot));
}

/* Chunks of the header alone. */
static unsigned int zbud_header_chunks(const struct zbud_frame *frame,
				       unsigned int slot)
{
	return zbud_slot(frame, slot) & ZBUD_SLOT_WIDE ? 2 : 1;
}

/* Chunks of the zpage, its header included. */
static unsigned int zbud_slot_chunks(const struct zbud_frame *frame,
				     unsigned int slot)
{
	return zbud_len_chunks(zbud_slot_len(frame, slot),
			       zbud_slot(frame, slot) & ZBUD_SLOT_WIDE);
}

static struct zbud_header *zbud_header(struct page *first, unsigned int slot)
{
	return zbud_chunk(first, zbud_slot_chunk(zbud_frame(first), slot));
}

static struct zbud_wide *zbud_wide(struct page *first, unsigned int slot)
{
	return zbud_chunk(first, zbud_slot_chunk(zbud_frame(first), slot) + 1);
}

static bool zbud_key_is_wide(const struct zbud_key *key)
{
	return (key->object | key->index) >> 32;
}

static void zbud_read_key(struct page *first, unsigned int slot,
			  struct zbud_key *key)
{
	const struct zbud_header *header = zbud_header(first, slot);

	key->object = header->object;
	key->index = header->index;
	key->pool = header->pool;
	key->payer = header->payer;
	if (zbud_slot(zbud_frame(first), slot) & ZBUD_SLOT_WIDE) {
		key->object = zbud_wide(first, slot)->object;
		key->index = zbud_wide(first, slot)->index;
	}
}

/* Where the frame of a page has its lock; NULL if it is in none of this instance. */
static struct zbud_node *zbud_page_node(struct zbud *zbud, struct page *page)
{
	unsigned long word = zbud_page_word(page);

	if (!(word & ZBUD_IN_FRAME) ||
	    (word >> ZBUD_ID_SHIFT & (BIT(ZBUD_ID_BITS) - 1)) != zbud->id)
		return NULL;
	return zbud->node[word >> ZBUD_NID_SHIFT & (BIT(ZBUD_NID_BITS) - 1)];
}

/* Chunks that the directory grows by with the next zpage. */
static unsigned int zbud_dir_growth(const struct zbud_frame *frame)
{
	if (frame->used < frame->nr_slots)
		return 0;
	return zbud_dir_chunks(frame->nr_slots + 1) -
	       zbud_dir_chunks(frame->nr_slots);
}

/* Chunks of the largest zpage that the frame can take, 0 if it takes none. */
static unsigned int zbud_room(const struct zbud_frame *frame)
{
	unsigned int growth = zbud_dir_growth(frame);

	if (frame->used == ZBUD_MAX_SLOTS || frame->free < growth)
		return 0;
	return frame->free - growth;
}

/* The room of a frame that was just handed in. */
static unsigned int zbud_empty_room(void)
{
	return ZBUD_CHUNKS - zbud_dir_chunks(1);
}

/*
 * Frames and their lists. All of this runs under node->lock.
 */

/*
 * The links of a frame are in page->index of its pages, in this order: the next
 * and the previous frame with as much room, which change most, then those of the
 * LRU.
 */
#define ZBUD_ROOM	0
#define ZBUD_LRU	2

static struct page *zbud_get_link(struct page *first, unsigned int nr)
{
	return (struct page *)zbud_nth_page(first, nr)->index;
}

static void zbud_set_link(struct page *first, unsigned int nr, struct page *to)
{
	zbud_nth_page(first, nr)->index = (unsigned long)to;
}

static void zbud_list_insert(struct zbud_list *list, unsigned int link,
			     struct page *prev, struct page *first,
			     struct page *next)
{
	zbud_set_link(first, link, next);
	zbud_set_link(first, link + 1, prev);
	if (prev)
		zbud_set_link(prev, link, first);
	else
		list->head = first;
	if (next)
		zbud_set_link(next, link + 1, first);
	else
		list->tail = first;
}

static void zbud_list_del(struct zbud_list *list, unsigned int link,
			  struct page *first)
{
	struct page *next = zbud_get_link(first, link);
	struct page *prev = zbud_get_link(first, link + 1);

	if (prev)
		zbud_set_link(prev, link, next);
	else
		list->head = next;
	if (next)
		zbud_set_link(next, link + 1, prev);
	else
		list->tail = prev;
}

/* A frame is in the LRU from its first zpage until it is taken apart. */
static void zbud_lru_add(struct zbud_node *node, struct page *first)
{
	zbud_list_insert(&node->lru, ZBUD_LRU, node->lru.tail, first, NULL);
}

static void zbud_lru_del(struct zbud_node *node, struct page *first)
{
	if (node->passed == first)
		node->passed = zbud_get_link(first, ZBUD_LRU + 1);
	zbud_list_del(&node->lru, ZBUD_LRU, first);
}

static void zbud_lru_touch(struct zbud_node *node, struct page *first)
{
	if (node->lru.tail == first)
		return;
	zbud_lru_del(node, first);
	zbud_lru_add(node, first);
}

static bool zbud_takes_stores(const struct zbud_frame *frame)
{
	return frame->state == ZBUD_NORMAL && zbud_room(frame);
}

static void zbud_unlist(struct zbud_node *node, struct page *first)
{
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int room = zbud_room(frame);

	lockdep_assert_held(&node->lock);
	if (!zbud_takes_stores(frame))
		return;
	zbud_list_del(&node->with_room[room], ZBUD_ROOM, first);
	if (!node->with_room[room].head)
		__clear_bit(room, node->nonempty);
}

/* Offer the frame to stores, if it takes any. It must not be listed. */
static void zbud_list(struct zbud_node *node, struct page *first)
{
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int room = zbud_room(frame);

	lockdep_assert_held(&node->lock);
	if (!zbud_takes_stores(frame))
		return;
	zbud_list_insert(&node->with_room[room], ZBUD_ROOM, NULL, first,
			 node->with_room[room].head);
	__set_bit(room, node->nonempty);
}

/* Add @sign times the frame and zpage overhead of a directory change. */
static void zbud_resize_dir(struct zbud_node *node, struct zbud_frame *frame,
			    unsigned int nr_slots)
{
	int grow = zbud_dir_chunks(nr_slots) - zbud_dir_chunks(frame->nr_slots);

	frame->nr_slots = nr_slots;
	frame->free -= grow;
	node->stats.overhead += grow * (int)ZBUD_CHUNK_SIZE;
}

/* Give the number and the chunks of a slot back. The frame is not listed. */
static void zbud_clear_slot(struct zbud_node *node, struct page *first,
			    unsigned int slot)
{
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int nr_slots = frame->nr_slots;

	node->stats.zpages--;
	node->stats.bytes -= zbud_slot_len(frame, slot);
	node->stats.overhead -= zbud_header_chunks(frame, slot) *
				ZBUD_CHUNK_SIZE;

	frame->free += zbud_slot_chunks(frame, slot);
	frame->used--;
	WRITE_ONCE(frame->slot[slot], ZBUD_SLOT_FREE);
	while (nr_slots && frame->slot[nr_slots - 1] == ZBUD_SLOT_FREE)
		nr_slots--;
	zbud_resize_dir(node, frame, nr_slots);
}

static void zbud_collect_dead(struct zbud_node *node, struct page *first)
{
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int slot = frame->nr_slots;

	while (frame->dead && slot--) {
		if (!(frame->slot[slot] & ZBUD_SLOT_DEAD))
			continue;
		zbud_clear_slot(node, first, slot);
		frame->dead--;
	}
	/* One that has lost its mark would never be given back. */
	WARN_ON_ONCE(frame->dead);
}

/* Take a frame apart. It is empty, not pinned and in no list. */
static void zbud_detach(struct zbud_node *node, struct page *first,
			struct page **pages)
{
	struct page *page = first;
	int i;

	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		pages[i] = page;
		page = zbud_next_page(page);
		WRITE_ONCE(pages[i]->private, 0);
	}
	node->stats.frames--;
	node->stats.overhead -= zbud_dir_chunks(0) * ZBUD_CHUNK_SIZE;
}

/*
 * Put a frame that was not listed, and whose slots may have changed, where it
 * belongs. Returns true if that is back to the owner: @pages are its pages.
 */
static bool zbud_settle(struct zbud_node *node, struct page *first,
			struct page **pages)
{
	struct zbud_frame *frame = zbud_frame(first);

	if (!frame->pins && frame->dead)
		zbud_collect_dead(node, first);
	if (!frame->pins && !frame->used) {
		zbud_lru_del(node, first);
		zbud_detach(node, first, pages);
		return true;
	}
	zbud_list(node, first);
	return false;
}

/*
 * Storing
 */

/* The number for a new zpage: a free one, or the end of the directory. */
static unsigned int zbud_new_slot(struct zbud_frame *frame)
{
	unsigned int slot;

	if (frame->used == frame->nr_slots)
		return frame->nr_slots;
	for (slot = 0; slot < frame->nr_slots; slot++)
		if (frame->slot[slot] == ZBUD_SLOT_FREE)
			break;
	return slot;
}

/* The zpages of a frame, the lowest first: their slots. */
struct zbud_order {
	unsigned int nr;
	u8 slot[ZBUD_MAX_SLOTS];
};

/* As the last zpages are mostly the lowest, there is little to sort. */
static void zbud_sort(const struct zbud_frame *frame, struct zbud_order *order)
{
	unsigned int slot = frame->nr_slots, at, chunk;

	order->nr = 0;
	while (slot--) {
		chunk = zbud_slot_chunk(frame, slot);
		if (chunk == ZBUD_SLOT_FREE)
			continue;
		for (at = order->nr++; at; at--) {
			if (zbud_slot_chunk(frame, order->slot[at - 1]) < chunk)
				break;
			order->slot[at] = order->slot[at - 1];
		}
		order->slot[at] = slot;
	}
}

/* Where the @nr-th zpage begins, or the frame ends. */
static unsigned int zbud_begin(const struct zbud_frame *frame,
			       const struct zbud_order *order, unsigned int nr)
{
	return nr == order->nr ? ZBUD_CHUNKS :
				 zbud_slot_chunk(frame, order->slot[nr]);
}

/**
 * struct zbud_place - where a zpage may be put
 * @first: the frame
 * @slot: its number there
 * @chunk: where it begins; 0 if holes must be closed for it
 */
struct zbud_place {
	struct page *first;
	unsigned int slot;
	unsigned int chunk;
};

/*
 * The place for @chunks in a frame that has room: at the top of the highest hole
 * that is large enough, if there is one, and if no zpage is where the directory has
 * to grow.
 */
static void zbud_find_hole(struct page *first, unsigned int chunks,
			   struct zbud_place *place)
{
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int nr, begin, end;
	struct zbud_order order;

	place->first = first;
	place->slot = zbud_new_slot(frame);
	place->chunk = 0;
	zbud_sort(frame, &order);
	end = zbud_dir_chunks(max_t(unsigned int, frame->nr_slots,
				    place->slot + 1));
	if (zbud_begin(frame, &order, 0) < end)
		return;
	for (nr = 0; nr <= order.nr; nr++) {
		begin = zbud_begin(frame, &order, nr);
		if (begin - end >= chunks)
			place->chunk = begin - chunks;
		if (nr < order.nr)
			end = begin + zbud_slot_chunks(frame, order.slot[nr]);
	}
}

/*
 * The fullest frame that has room for @chunks in one hole, or whose holes can be
 * closed now. The frames passed over are pinned: as many as there are tasks in
 * here at most.
 */
static bool zbud_find(struct zbud_node *node, unsigned int chunks,
		      struct zbud_place *place)
{
	unsigned int room = chunks;
	struct page *first;

	lockdep_assert_held(&node->lock);
	for_each_set_bit_from(room, node->nonempty, ZBUD_CHUNKS) {
		for (first = node->with_room[room].head; first;
		     first = zbud_get_link(first, ZBUD_ROOM)) {
			zbud_find_hole(first, chunks, place);
			if (place->chunk || !zbud_frame(first)->pins)
				return true;
		}
	}
	return false;
}

/* Chunks up to @end that lie on its page. */
static unsigned int zbud_run(unsigned int end)
{
	return (end - 1) % ZBUD_PAGE_CHUNKS + 1;
}

/* From the end: the zpage moves up and may overlap itself. */
static void zbud_copy_chunks(struct page *first, unsigned int to,
			     unsigned int from, unsigned int nr)
{
	unsigned int run;

	for (; nr; nr -= run) {
		run = min3(nr, zbud_run(to + nr), zbud_run(from + nr));
		memmove(zbud_chunk(first, to + nr - run),
			zbud_chunk(first, from + nr - run),
			run * ZBUD_CHUNK_SIZE);
	}
}

/* A zpage has been copied to @chunk; it may have been marked dead meanwhile. */
static void zbud_relocate(struct zbud_node *node, struct zbud_frame *frame,
			  unsigned int slot, unsigned int chunk)
{
	spin_lock(&node->lock);
	frame->slot[slot] = (frame->slot[slot] & ~ZBUD_SLOT_CHUNK) | chunk;
	spin_unlock(&node->lock);
}

/*
 * Push all zpages to the end of the frame. The frame is ours alone, so only
 * the dead marks may change meanwhile. zbud_free(), which sets them, also reads
 * headers, under the lock. It finds them intact: a copy does not touch the
 * header it is made of, as it is pushed by a chunk at least, and the place where
 * that was is not written to before the directory says where the copy is.
 */
static unsigned int zbud_push_up(struct zbud_node *node, struct page *first)
{
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int slot, from, nr, to = ZBUD_CHUNKS;
	struct zbud_order order;

	zbud_sort(frame, &order);
	while (order.nr--) {
		slot = order.slot[order.nr];
		from = zbud_slot_chunk(frame, slot);
		nr = zbud_slot_chunks(frame, slot);
		to -= nr;
		if (to == from)
			continue;
		zbud_copy_chunks(first, to, from, nr);
		zbud_relocate(node, frame, slot, to);
	}
	return to;
}

/*
 * Close the holes of a frame that is not pinned and not listed. Drops and takes
 * node->lock. The frame is left with one pin, the caller's. Returns the chunk
 * below which it is free.
 */
static unsigned int zbud_close_holes(struct zbud_node *node, struct page *first)
	__must_hold(&node->lock)
{
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int low;

	frame->state = ZBUD_MOVING;
	frame->pins = 1;
	spin_unlock(&node->lock);

	low = zbud_push_up(node, first);

	spin_lock(&node->lock);
	frame->state = ZBUD_NORMAL;
	node->stats.moved++;
	return low;
}

static void zbud_write_header(struct page *first, unsigned int slot,
			      const struct zbud_key *key, u32 checksum)
{
	*zbud_header(first, slot) = (struct zbud_header) {
		.object = key->object,
		.index = key->index,
		.checksum = checksum,
		.pool = key->pool,
		.payer = key->payer,
	};
	if (zbud_key_is_wide(key))
		*zbud_wide(first, slot) = (struct zbud_wide) {
			.object = key->object,
			.index = key->index,
		};
}

/* Enter a zpage. The frame is not listed. */
static void zbud_take_slot(struct zbud_node *node,
			   const struct zbud_place *place,
			   const struct zbud_key *key, unsigned int len,
			   u32 checksum)
{
	struct zbud_frame *frame = zbud_frame(place->first);
	unsigned int slot = place->slot;

	if (!frame->used)
		zbud_lru_add(node, place->first);
	else
		zbud_lru_touch(node, place->first);
	if (slot >= frame->nr_slots)
		zbud_resize_dir(node, frame, slot + 1);
	frame->used++;
	WRITE_ONCE(frame->slot[slot],
		   FIELD_PREP(ZBUD_SLOT_CHUNK, place->chunk) |
		   FIELD_PREP(ZBUD_SLOT_LEN, len) |
		   (zbud_key_is_wide(key) ? ZBUD_SLOT_WIDE : 0));
	frame->free -= zbud_slot_chunks(frame, slot);
	zbud_write_header(place->first, slot, key, checksum);

	node->stats.zpages++;
	node->stats.bytes += len;
	node->stats.overhead += zbud_header_chunks(frame, slot) *
				ZBUD_CHUNK_SIZE;
}

/* Let those see to it that were refused by zbud_pin(). */
static void zbud_wake(struct zbud *zbud)
{
	/* Pairs with set_current_state() in wait_var_event(). */
	smp_mb();
	wake_up_var(zbud);
}

static int zbud_alloc_node(struct zbud *zbud, int nid,
			   const struct zbud_key *key, unsigned int len,
			   u32 checksum, unsigned long *handle)
{
	struct zbud_node *node = zbud->node[nid];
	unsigned int chunks = zbud_len_chunks(len, zbud_key_is_wide(key));
	struct zbud_place place;
	bool moved;

	spin_lock(&node->lock);
	if (!zbud_find(node, chunks, &place)) {
		spin_unlock(&node->lock);
		return -ENOSPC;
	}
	zbud_unlist(node, place.first);
	moved = !place.chunk;
	if (moved)
		place.chunk = zbud_close_holes(node, place.first) - chunks;
	else
		zbud_frame(place.first)->pins++;
	zbud_take_slot(node, &place, key, len, checksum);
	zbud_list(node, place.first);
	*handle = zbud_handle(place.first, place.slot);
	spin_unlock(&node->lock);

	if (moved)
		zbud_wake(zbud);
	return 0;
}

/**
 * zbud_alloc() - find a place for a zpage
 * @zbud: the instance
 * @nid: preferred NUMA node
 * @key: the owner
 * @len: length in bytes, 1 to %ZBUD_MAX_SIZE
 * @checksum: kept with the zpage
 * @handle: where the handle is put
 *
 * The frame is pinned for the caller, who fills the zpage with zbud_write(),
 * makes it known, and calls zbud_unpin().
 *
 * Context: Any but interrupt context. Holes of one frame may be closed, without
 * a lock held.
 * Return: 0; -ENOSPC if no frame has room; -EINVAL if @len or @key is out of
 * range.
 */
int zbud_alloc(struct zbud *zbud, int nid, const struct zbud_key *key,
	       unsigned int len, u32 checksum, unsigned long *handle)
{
	int err, other;

	if (!len || len > ZBUD_MAX_SIZE || key->index >> ZBUD_INDEX_BITS)
		return -EINVAL;

	err = zbud_alloc_node(zbud, nid, key, len, checksum, handle);
	for_each_node(other) {
		if (err != -ENOSPC)
			break;
		if (other != nid)
			err = zbud_alloc_node(zbud, other, key, len, checksum,
					      handle);
	}
	return err;
}

/**
 * zbud_read() - what is known of a zpage and where it lies
 * @handle: the zpage, pinned by the caller
 * @zpage: filled in
 *
 * Context: Any.
 */
void zbud_read(unsigned long handle, struct zbud_zpage *zpage)
{
	struct page *first = zbud_handle_page(handle);
	unsigned int slot = zbud_handle_slot(handle);
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int chunk = zbud_slot_chunk(frame, slot) +
			     zbud_header_chunks(frame, slot);
	struct page *page = zbud_chunk_page(first, chunk);
	unsigned int offset = chunk % ZBUD_PAGE_CHUNKS * ZBUD_CHUNK_SIZE;

	zbud_read_key(first, slot, &zpage->key);
	zpage->checksum = zbud_header(first, slot)->checksum;
	zpage->len = zbud_slot_len(frame, slot);
	zpage->part[0].addr = page_address(page) + offset;
	zpage->part[0].len = min_t(unsigned int, zpage->len, PAGE_SIZE - offset);
	zpage->part[1].len = zpage->len - zpage->part[0].len;
	zpage->part[1].addr = NULL;
	if (zpage->part[1].len)
		zpage->part[1].addr = page_address(zbud_next_page(page));
}

/**
 * zbud_write() - fill a zpage
 * @handle: the zpage, pinned by zbud_alloc()
 * @src: its bytes, as many as were asked for
 *
 * Context: Any. No lock is held while the bytes are copied.
 */
void zbud_write(unsigned long handle, const void *src)
{
	struct zbud_zpage zpage;

	zbud_read(handle, &zpage);
	memcpy(zpage.part[0].addr, src, zpage.part[0].len);
	if (zpage.part[1].len)
		memcpy(zpage.part[1].addr, src + zpage.part[0].len,
		       zpage.part[1].len);
}

/*
 * Pins
 */

static bool zbud_slot_live(const struct zbud_frame *frame, unsigned int slot)
{
	return slot < frame->nr_slots && frame->slot[slot] != ZBUD_SLOT_FREE &&
	       !(frame->slot[slot] & ZBUD_SLOT_DEAD);
}

static bool zbud_handle_valid(unsigned long handle)
{
	struct page *first = zbud_handle_page(handle);

	return zbud_page_word(first) & ZBUD_FIRST &&
	       zbud_slot_live(zbud_frame(first), zbud_handle_slot(handle));
}

/**
 * zbud_pin() - keep a zpage where it is
 * @zbud: the instance
 * @handle: the zpage; the caller holds the lock of the index in which it was
 *	found, so it cannot be freed
 *
 * Context: Any but interrupt context.
 * Return: 0; -EAGAIN if the frame is being changed: repeat the look-up, which may
 * find another handle then, in wait_var_event() on @zbud; -EINVAL if it is no
 * zpage (a bug).
 */
int zbud_pin(struct zbud *zbud, unsigned long handle)
{
	struct page *first = zbud_handle_page(handle);
	struct zbud_node *node = zbud_page_node(zbud, first);
	int err = 0;

	if (WARN_ON_ONCE(!node))
		return -EINVAL;
	spin_lock(&node->lock);
	if (WARN_ON_ONCE(!zbud_handle_valid(handle)))
		err = -EINVAL;
	else if (zbud_frame(first)->state >= ZBUD_MOVING)
		err = -EAGAIN;
	else
		zbud_frame(first)->pins++;
	spin_unlock(&node->lock);
	return err;
}

/**
 * zbud_unpin() - let go of a zpage
 * @zbud: the instance
 * @handle: the zpage, pinned by the caller; it may have been freed meanwhile
 *
 * Context: Any but interrupt context. May call the release callback.
 */
void zbud_unpin(struct zbud *zbud, unsigned long handle)
{
	struct page *first = zbud_handle_page(handle);
	struct zbud_node *node = zbud_page_node(zbud, first);
	struct page *pages[ZBUD_FRAME_PAGES];
	bool gone = false;

	if (WARN_ON_ONCE(!node))
		return;
	spin_lock(&node->lock);
	if (!WARN_ON_ONCE(!zbud_frame(first)->pins) &&
	    !--zbud_frame(first)->pins && zbud_frame(first)->dead) {
		zbud_unlist(node, first);
		gone = zbud_settle(node, first, pages);
	}
	spin_unlock(&node->lock);
	if (gone)
		zbud->release(pages);
}

/**
 * zbud_free() - a zpage is not needed any more
 * @zbud: the instance
 * @handle: the zpage; its entry has left the index
 *
 * Never waits: if the frame is pinned or being changed, the slot is marked dead
 * and whoever holds the frame collects it.
 *
 * Context: Any but interrupt context. May call the release callback.
 * Return: what it has cost, and whom.
 */
struct zbud_charge zbud_free(struct zbud *zbud, unsigned long handle)
{
	struct page *first = zbud_handle_page(handle);
	struct zbud_node *node = zbud_page_node(zbud, first);
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int slot = zbud_handle_slot(handle);
	struct page *pages[ZBUD_FRAME_PAGES];
	struct zbud_charge charge = {};
	bool gone = false;

	if (WARN_ON_ONCE(!node))
		return charge;
	spin_lock(&node->lock);
	/* Not ours: leave everything as it is. */
	if (WARN_ON_ONCE(!zbud_handle_valid(handle)))
		goto unlock;
	charge = (struct zbud_charge) {
		.payer = zbud_header(first, slot)->payer,
		.len = zbud_slot_len(frame, slot),
	};
	if (frame->pins) {
		WRITE_ONCE(frame->slot[slot],
			   frame->slot[slot] | ZBUD_SLOT_DEAD);
		frame->dead++;
	} else {
		zbud_unlist(node, first);
		zbud_clear_slot(node, first, slot);
		gone = zbud_settle(node, first, pages);
	}
unlock:
	spin_unlock(&node->lock);
	if (gone)
		zbud->release(pages);
	return charge;
}

/*
 * Whole frames
 */

/**
 * zbud_add_frame() - hand an empty frame in
 * @zbud: the instance
 * @pages: %ZBUD_FRAME_PAGES pages; they belong to zbud until they are released
 *
 * Context: Any but interrupt context.
 */
void zbud_add_frame(struct zbud *zbud, struct page **pages)
{
	unsigned long nid = page_to_nid(pages[0]);
	struct zbud_node *node = zbud->node[nid];
	struct zbud_frame *frame = zbud_frame(pages[0]);
	int i;

	*frame = (struct zbud_frame) {
		.free = ZBUD_CHUNKS - zbud_dir_chunks(0),
		.state = ZBUD_NORMAL,
	};

	/* All four at once: from the first one on they are found by zbud_move(). */
	spin_lock(&node->lock);
	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		WRITE_ONCE(pages[i]->private,
			   nid << ZBUD_NID_SHIFT | zbud->id << ZBUD_ID_SHIFT |
			   (i ? 0 : ZBUD_FIRST) | ZBUD_IN_FRAME);
		zbud_set_next(pages[i], pages[(i + 1) % ZBUD_FRAME_PAGES]);
	}
	node->stats.frames++;
	node->stats.overhead += zbud_dir_chunks(0) * ZBUD_CHUNK_SIZE;
	zbud_list(node, pages[0]);
	spin_unlock(&node->lock);
}

/**
 * zbud_has_room() - would a zpage of any size find a place?
 * @zbud: the instance
 * @nid: NUMA node, or %NUMA_NO_NODE for any
 *
 * A hint: others may be faster.
 *
 * Context: Any.
 * Return: true if one frame has room for the largest zpage.
 */
bool zbud_has_room(struct zbud *zbud, int nid)
{
	const unsigned int chunks = zbud_len_chunks(ZBUD_MAX_SIZE, true);
	int node;

	for_each_node(node) {
		if (nid != NUMA_NO_NODE && nid != node)
			continue;
		if (find_next_bit(zbud->node[node]->nonempty, ZBUD_CHUNKS,
				  chunks) < ZBUD_CHUNKS)
			return true;
	}
	return false;
}

/* Begin to empty the coldest frame that nobody holds, from @first on. NULL: none. */
static struct page *zbud_take_coldest(struct zbud_node *node, struct page *first)
{
	lockdep_assert_held(&node->lock);
	while (first && zbud_frame(first)->pins)
		first = zbud_get_link(first, ZBUD_LRU);
	if (first) {
		zbud_unlist(node, first);
		zbud_frame(first)->state = ZBUD_EVICTING;
		zbud_frame(first)->pins++;
	}
	return first;
}

/* Returns true if it is empty: @pages are its pages. */
static bool zbud_put_back(struct zbud_node *node, struct page *first,
			  struct page **pages)
{
	lockdep_assert_held(&node->lock);
	zbud_frame(first)->state = ZBUD_NORMAL;
	zbud_frame(first)->pins--;
	return zbud_settle(node, first, pages);
}

/* The handle and the owner of a live slot; false if it is none. */
static bool zbud_live_slot(struct zbud_node *node, struct page *first,
			   unsigned int slot, struct zbud_key *key)
{
	bool live;

	spin_lock(&node->lock);
	live = zbud_slot_live(zbud_frame(first), slot);
	if (live)
		zbud_read_key(first, slot, key);
	spin_unlock(&node->lock);
	return live;
}

/**
 * zbud_evict_begin() - take the next frame of a node to empty it
 * @zbud: the instance
 * @nid: NUMA node
 * @eviction: state, until zbud_evict_end()
 *
 * The frame is pinned and takes no stores. Its zpages can be read, and freed.
 *
 * The coldest come first. A frame in which something stays is not taken again before
 * all others had their turn. Then there is none, once, and after that a new round.
 *
 * Context: Any but interrupt context.
 * Return: false if the node has no frame that is not in use, or a round has ended.
 */
bool zbud_evict_begin(struct zbud *zbud, int nid, struct zbud_eviction *eviction)
{
	struct zbud_node *node = zbud->node[nid];
	struct page *first;

	spin_lock(&node->lock);
	first = zbud_take_coldest(node, node->passed ?
				  zbud_get_link(node->passed, ZBUD_LRU) :
				  node->lru.head);
	if (!first)
		node->passed = NULL;
	spin_unlock(&node->lock);
	*eviction = (struct zbud_eviction) { .zbud = zbud, .first = first };
	return first;
}

/**
 * zbud_evict_next() - the next zpage of a frame that is being emptied
 * @eviction: the frame
 * @key: its owner
 * @handle: its handle, pinned; may be freed at any time
 *
 * Context: Any but interrupt context.
 * Return: false if there are no more.
 */
bool zbud_evict_next(struct zbud_eviction *eviction, struct zbud_key *key,
		     unsigned long *handle)
{
	struct page *first = eviction->first;
	struct zbud_node *node = zbud_page_node(eviction->zbud, first);

	while (eviction->slot < ZBUD_MAX_SLOTS) {
		*handle = zbud_handle(first, eviction->slot);
		if (zbud_live_slot(node, first, eviction->slot++, key))
			return true;
	}
	return false;
}

/**
 * zbud_evict_end() - give a frame back, emptied or not
 * @eviction: the frame
 * @pages: its pages, if it was emptied
 *
 * A frame with something left in it stays as cold as it was. It is released the
 * usual way when that goes.
 *
 * Context: Any but interrupt context.
 * Return: true if it was emptied: @pages belong to the caller.
 */
bool zbud_evict_end(struct zbud_eviction *eviction, struct page **pages)
{
	struct page *first = eviction->first;
	struct zbud_node *node = zbud_page_node(eviction->zbud, first);
	bool gone;

	spin_lock(&node->lock);
	gone = zbud_put_back(node, first, pages);
	if (!gone)
		node->passed = first;
	spin_unlock(&node->lock);
	return gone;
}

/**
 * zbud_evict() - empty the coldest frame of a node
 * @zbud: the instance
 * @nid: NUMA node
 * @evict: called for each zpage, to drop it from the index if it still is there
 * @arg: for @evict
 * @pages: the pages of the frame, if it could be emptied
 *
 * Only one look at each zpage: what is being written or read by others stays, and
 * makes the frame the youngest.
 *
 * Context: Any that @evict allows.
 * Return: 0 with @pages handed to the caller; -ENOENT if the node has no frame
 * that is not in use; -EBUSY if something stayed in the frame.
 */
int zbud_evict(struct zbud *zbud, int nid, zbud_evict_t evict, void *arg,
	       struct page **pages)
{
	struct zbud_node *node = zbud->node[nid];
	struct zbud_eviction eviction = { .zbud = zbud };
	unsigned long handle;
	struct zbud_key key;
	bool gone;

	spin_lock(&node->lock);
	eviction.first = zbud_take_coldest(node, node->lru.head);
	spin_unlock(&node->lock);
	if (!eviction.first)
		return -ENOENT;
	while (zbud_evict_next(&eviction, &key, &handle))
		evict(&key, handle, arg);
	spin_lock(&node->lock);
	gone = zbud_put_back(node, eviction.first, pages);
	if (!gone)
		zbud_lru_touch(node, eviction.first);
	spin_unlock(&node->lock);
	return gone ? 0 : -EBUSY;
}

/**
 * zbud_trim() - take an empty frame back
 * @zbud: the instance
 * @nid: NUMA node
 * @pages: its pages
 *
 * An empty frame is one that was handed in and not used yet.
 *
 * Context: Any but interrupt context.
 * Return: true if there was one: @pages belong to the caller.
 */
bool zbud_trim(struct zbud *zbud, int nid, struct page **pages)
{
	struct zbud_node *node = zbud->node[nid];
	struct page *first;

	spin_lock(&node->lock);
	first = node->with_room[zbud_empty_room()].head;
	if (first) {
		zbud_unlist(node, first);
		zbud_detach(node, first, pages);
	}
	spin_unlock(&node->lock);
	return first;
}

/*
 * Moving a page
 */

/* @to becomes a second first page of the frame, in which all zpages are dead. */
static void zbud_copy_directory(struct page *to, struct page *from)
{
	struct zbud_frame *frame = zbud_frame(to);
	unsigned int slot;

	memcpy(frame, zbud_frame(from),
	       zbud_dir_chunks(zbud_frame(from)->nr_slots) * ZBUD_CHUNK_SIZE);
	for (slot = 0; slot < frame->nr_slots; slot++)
		if (frame->slot[slot] != ZBUD_SLOT_FREE)
			frame->slot[slot] |= ZBUD_SLOT_DEAD;
	frame->dead = frame->used;
	WRITE_ONCE(to->private, zbud_page_word(from));
}

/* All that zbud_copy_directory() left. The frame is ours alone. */
static void zbud_copy_page(struct page *to, struct page *from, bool first)
{
	unsigned int skip = 0;

	if (first)
		skip = zbud_dir_chunks(zbud_frame(from)->nr_slots) *
		       ZBUD_CHUNK_SIZE;
	memcpy(page_address(to) + skip, page_address(from) + skip,
	       PAGE_SIZE - skip);
}

static void zbud_revive_slot(struct zbud_node *node, struct page *first,
			     unsigned int slot)
{
	struct zbud_frame *frame = zbud_frame(first);

	spin_lock(&node->lock);
	WRITE_ONCE(frame->slot[slot], frame->slot[slot] & ~ZBUD_SLOT_DEAD);
	frame->dead--;
	spin_unlock(&node->lock);
}

/*
 * Let the index name all zpages by the first page @to instead of @from. Returns
 * false if there is one that it does not know.
 *
 * A slot must be live before its handle is in the index, as it may be freed at
 * once; and freed again if the entry was not replaced. That is because the zpage
 * was freed by the old handle meanwhile, or is unknown.
 */
static bool zbud_move_handles(struct zbud *zbud, struct zbud_node *node,
			      struct page *to, struct page *from,
			      zbud_replace_t replace)
{
	struct zbud_frame *frame = zbud_frame(from);
	struct zbud_key key;
	unsigned int slot;
	bool all;

	for (slot = 0; slot < ZBUD_MAX_SLOTS; slot++) {
		if (!zbud_live_slot(node, from, slot, &key))
			continue;
		zbud_revive_slot(node, to, slot);
		if (!replace(&key, zbud_handle(from, slot),
			     zbud_handle(to, slot)))
			zbud_free(zbud, zbud_handle(to, slot));
	}
	spin_lock(&node->lock);
	all = frame->dead == frame->used;
	spin_unlock(&node->lock);
	return all;
}

/*
 * Everything that is done without a lock: the content, and the handles. Returns
 * false, with all as it was, if the index did not take part.
 */
static bool zbud_move_content(struct zbud *zbud, struct zbud_node *node,
			      struct page *to, struct page *from, bool first,
			      zbud_replace_t replace)
{
	zbud_copy_page(to, from, first);
	if (!first || zbud_move_handles(zbud, node, to, from, replace))
		return true;
	/* Those that it knows, it still knows: or else they are lost. */
	WARN_ON_ONCE(!zbud_move_handles(zbud, node, from, to, replace));
	return false;
}

/* Put @to in the place of @from. Returns the first page of the frame. */
static struct page *zbud_relink(struct zbud_node *node, struct page *to,
				struct page *from)
{
	struct page *prev = zbud_nth_page(from, ZBUD_FRAME_PAGES - 1);

	lockdep_assert_held(&node->lock);
	WRITE_ONCE(to->private, zbud_page_word(from));
	to->index = from->index;
	zbud_set_next(prev, to);
	WRITE_ONCE(from->private, 0);
	if (!(zbud_page_word(to) & ZBUD_FIRST))
		return zbud_first_page(to);
	/* The neighbours in the LRU know the frame by its first page. */
	if (zbud_frame(to)->used)
		zbud_list_insert(&node->lru, ZBUD_LRU,
				 zbud_get_link(to, ZBUD_LRU + 1), to,
				 zbud_get_link(to, ZBUD_LRU));
	if (node->passed == from)
		node->passed = to;
	return to;
}

/* Give the frame back that was taken; @pages, if it was emptied meanwhile. */
static bool zbud_end_move(struct zbud_node *node, struct page *first,
			  struct page **pages)
{
	struct zbud_frame *frame = zbud_frame(first);

	frame->state = ZBUD_NORMAL;
	frame->pins--;
	if (frame->used)
		return zbud_settle(node, first, pages);
	/* It was empty before, and may be used yet. */
	zbud_list(node, first);
	return false;
}

/**
 * zbud_move() - put another page in the place of one of a frame
 * @zbud: the instance
 * @to: a page that nobody else uses; belongs to zbud on success, and may have
 *	been released again by the time that this returns
 * @from: the page; may come and go meanwhile, but stays a page. Belongs to the
 *	caller on success.
 * @replace: told of each zpage whose handle changes
 *
 * Context: Process context. Does not sleep. May call the release callback.
 * @zbud is not destroyed meanwhile.
 * Return: 0; -ENOENT if @from is in no frame of @zbud; -EAGAIN if the frame is in
 * use; -EBUSY if the index does not know one of its zpages.
 */
int zbud_move(struct zbud *zbud, struct page *to, struct page *from,
	      zbud_replace_t replace)
{
	struct zbud_node *node = zbud_page_node(zbud, from);
	struct page *pages[ZBUD_FRAME_PAGES];
	bool gone, is_first, moved = true;
	struct zbud_frame *frame;
	struct page *first;

	if (!node)
		return -ENOENT;
	spin_lock(&node->lock);
	/* Under the lock of the node that it names, a page stays where it is. */
	if (zbud_page_node(zbud, from) != node) {
		spin_unlock(&node->lock);
		return -ENOENT;
	}
	first = zbud_first_page(from);
	is_first = first == from;
	frame = zbud_frame(first);
	if (frame->pins) {
		spin_unlock(&node->lock);
		return -EAGAIN;
	}
	zbud_unlist(node, first);
	frame->state = ZBUD_MIGRATING;
	frame->pins = 1;
	if (is_first)
		zbud_copy_directory(to, from);
	/* An empty frame is in no list now: the lock is kept until it is again. */
	if (frame->used) {
		spin_unlock(&node->lock);
		moved = zbud_move_content(zbud, node, to, from, is_first,
					  replace);
		spin_lock(&node->lock);
	}
	if (moved)
		first = zbud_relink(node, to, from);
	else
		WRITE_ONCE(to->private, 0);
	gone = zbud_end_move(node, first, pages);
	spin_unlock(&node->lock);

	zbud_wake(zbud);
	if (gone)
		zbud->release(pages);
	return moved ? 0 : -EBUSY;
}

/*
 * Instances
 */

static void zbud_free_nodes(struct zbud *zbud)
{
	int nid;

	for_each_node(nid)
		kvfree(zbud->node[nid]);
	kfree(zbud);
}

/**
 * zbud_create() - make an instance
 * @id: 0 to 3: a page is never handed to two instances of the same number
 * @release: takes emptied frames back
 *
 * Context: May sleep.
 * Return: the instance, or NULL if there is no memory.
 */
struct zbud *zbud_create(unsigned int id, zbud_release_t release)
{
	struct zbud_node *node;
	struct zbud *zbud;
	int nid;

	zbud = kzalloc(struct_size(zbud, node, nr_node_ids), GFP_KERNEL);
	if (!zbud)
		return NULL;
	zbud->id = id;
	zbud->release = release;

	for_each_node(nid) {
		node = kvzalloc_node(sizeof(*node), GFP_KERNEL, nid);
		if (!node) {
			zbud_free_nodes(zbud);
			return NULL;
		}
		spin_lock_init(&node->lock);
		zbud->node[nid] = node;
	}
	return zbud;
}

/**
 * zbud_destroy() - free an instance
 * @zbud: the instance; no zpage is left in it and nobody uses it any more
 *
 * Context: May sleep. Calls the release callback for empty frames.
 */
void zbud_destroy(struct zbud *zbud)
{
	struct page *pages[ZBUD_FRAME_PAGES];
	int nid;

	for_each_node(nid) {
		while (zbud_trim(zbud, nid, pages))
			zbud->release(pages);
		WARN_ON_ONCE(zbud->node[nid]->stats.frames);
	}
	zbud_free_nodes(zbud);
}

/**
 * zbud_node_frames() - how many frames a node has
 * @zbud: the instance
 * @nid: NUMA node
 *
 * Context: Any.
 * Return: their number, out of date at once.
 */
unsigned long zbud_node_frames(struct zbud *zbud, int nid)
{
	return READ_ONCE(zbud->node[nid]->stats.frames);
}

/**
 * zbud_stats() - sum the numbers of all nodes up
 * @zbud: the instance
 * @stats: filled in
 *
 * Context: Any but interrupt context.
 */
void zbud_stats(struct zbud *zbud, struct zbud_stats *stats)
{
	int nid;

	*stats = (struct zbud_stats) {};
	for_each_node(nid) {
		struct zbud_node *node = zbud->node[nid];

		spin_lock(&node->lock);
		stats->frames += node->stats.frames;
		stats->zpages += node->stats.zpages;
		stats->bytes += node->stats.bytes;
		stats->overhead += node->stats.overhead;
		stats->moved += node->stats.moved;
		spin_unlock(&node->lock);
	}
}

/*
 * Validation
 */

#define zbud_expect(errors, cond, fmt, ...) do {			\
	if (!(cond)) {							\
		(*(errors))++;						\
		pr_err("validate: " fmt "\n", ##__VA_ARGS__);		\
	}								\
} while (0)

/* Mark the chunks of a zpage; false if one is taken or out of range. */
static bool zbud_mark_chunks(unsigned long *taken, unsigned int chunk,
			     unsigned int nr)
{
	if (chunk + nr > ZBUD_CHUNKS ||
	    find_next_bit(taken, chunk + nr, chunk) < chunk + nr)
		return false;
	bitmap_set(taken, chunk, nr);
	return true;
}

/* Do all pages of the frame lead to its lock, and around the ring? */
static void zbud_validate_pages(struct zbud *zbud, struct zbud_node *node,
				struct page *first, int *errors)
{
	struct page *page = first;
	unsigned int i;

	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		zbud_expect(errors, zbud_page_node(zbud, page) == node,
			    "frame %lx: page %u: of another frame",
			    page_to_pfn(first), i);
		page = zbud_next_page(page);
		zbud_expect(errors, !(zbud_page_word(page) & ZBUD_FIRST) ==
			    (i < ZBUD_FRAME_PAGES - 1),
			    "frame %lx: page %u: not followed by the right one",
			    page_to_pfn(first), i);
	}
}

/* Returns whether the frame must be offered to stores. */
static bool zbud_validate_frame(struct zbud *zbud, struct zbud_node *node,
				struct page *first, struct zbud_stats *sum,
				int *errors)
{
	struct zbud_frame *frame = zbud_frame(first);
	unsigned int dir = zbud_dir_chunks(frame->nr_slots);
	unsigned int slot, chunk, used = 0, dead = 0;
	unsigned long pfn = page_to_pfn(first);
	DECLARE_BITMAP(taken, ZBUD_CHUNKS);

	bitmap_zero(taken, ZBUD_CHUNKS);
	bitmap_set(taken, 0, dir);
	sum->frames++;
	sum->overhead += dir * ZBUD_CHUNK_SIZE;
	for (slot = 0; slot < frame->nr_slots; slot++) {
		unsigned int len;

		chunk = zbud_slot_chunk(frame, slot);
		if (chunk == ZBUD_SLOT_FREE)
			continue;
		len = zbud_slot_len(frame, slot);
		used++;
		dead += !!(frame->slot[slot] & ZBUD_SLOT_DEAD);
		zbud_expect(errors, len && len <= ZBUD_MAX_SIZE &&
			    zbud_mark_chunks(taken, chunk,
					     zbud_slot_chunks(frame, slot)),
			    "frame %lx: slot %u overlaps: chunk %u, %u bytes",
			    pfn, slot, chunk, len);
		sum->zpages++;
		sum->bytes += len;
		sum->overhead += zbud_header_chunks(frame, slot) *
				 ZBUD_CHUNK_SIZE;
	}
	zbud_validate_pages(zbud, node, first, errors);
	zbud_expect(errors, used == frame->used && dead == frame->dead,
		    "frame %lx: %u slots and %u dead, counted as %u and %u",
		    pfn, used, dead, frame->used, frame->dead);
	zbud_expect(errors, !dead || frame->pins,
		    "frame %lx: dead slots without a pin", pfn);
	zbud_expect(errors, ZBUD_CHUNKS - bitmap_weight(taken, ZBUD_CHUNKS) ==
		    frame->free, "frame %lx: %u chunks free, counted as %u",
		    pfn, ZBUD_CHUNKS - bitmap_weight(taken, ZBUD_CHUNKS),
		    frame->free);
	return zbud_takes_stores(frame);
}

/* Walk a list; returns how many frames are in it. */
static unsigned int zbud_validate_list(struct zbud_list *list,
				       unsigned int link, int *errors)
{
	struct page *first, *prev = NULL;
	unsigned int nr = 0;

	for (first = list->head; first; first = zbud_get_link(first, link)) {
		zbud_expect(errors, zbud_get_link(first, link + 1) == prev,
			    "frame %lx: wrong link back", page_to_pfn(first));
		prev = first;
		nr++;
	}
	zbud_expect(errors, list->tail == prev, "a list has a wrong end");
	return nr;
}

/* Returns how many frames are offered to stores. */
static unsigned int zbud_validate_room(struct zbud_node *node,
				       unsigned int room, int *errors)
{
	struct zbud_list *list = &node->with_room[room];
	struct page *first;

	for (first = list->head; first;
	     first = zbud_get_link(first, ZBUD_ROOM))
		zbud_expect(errors, zbud_takes_stores(zbud_frame(first)) &&
			    zbud_room(zbud_frame(first)) == room,
			    "frame %lx: wrongly offered to stores",
			    page_to_pfn(first));
	zbud_expect(errors, test_bit(room, node->nonempty) == !!list->head,
		    "list of frames with room %u: wrongly marked", room);
	return zbud_validate_list(list, ZBUD_ROOM, errors);
}

static void zbud_validate_node(struct zbud *zbud, struct zbud_node *node,
			       int *errors)
{
	unsigned int room, offered = 0, to_offer = 0;
	bool passed = !node->passed;
	struct zbud_stats sum = {};
	struct page *first;

	spin_lock(&node->lock);
	zbud_validate_list(&node->lru, ZBUD_LRU, errors);
	for (first = node->lru.head; first;
	     first = zbud_get_link(first, ZBUD_LRU)) {
		passed |= first == node->passed;
		zbud_expect(errors, zbud_frame(first)->used,
			    "frame %lx: empty but in the LRU",
			    page_to_pfn(first));
		if (zbud_frame(first)->state != ZBUD_MOVING)
			to_offer += zbud_validate_frame(zbud, node, first,
							&sum, errors);
	}
	for (first = node->with_room[zbud_empty_room()].head; first;
	     first = zbud_get_link(first, ZBUD_ROOM))
		to_offer += zbud_validate_frame(zbud, node, first, &sum,
						errors);
	zbud_expect(errors, passed, "a round of eviction stands at a frame that is gone");
	for (room = 0; room < ZBUD_CHUNKS; room++)
		offered += zbud_validate_room(node, room, errors);
	zbud_expect(errors, offered == to_offer,
		    "%u frames are offered to stores, not %u", offered,
		    to_offer);
	zbud_expect(errors, sum.frames == node->stats.frames &&
		    sum.zpages == node->stats.zpages &&
		    sum.bytes == node->stats.bytes &&
		    sum.overhead == node->stats.overhead,
		    "%lu frames, %lu zpages, %lu bytes, %lu overhead, counted as %lu, %lu, %lu, %lu",
		    sum.frames, sum.zpages, sum.bytes, sum.overhead,
		    node->stats.frames, node->stats.zpages, node->stats.bytes,
		    node->stats.overhead);
	spin_unlock(&node->lock);
}

/**
 * zbud_validate() - check every invariant of an instance
 * @zbud: the instance; its holes are not being closed meanwhile, but pages may be
 *	moved
 *
 * Context: Any but interrupt context; holds a lock for long.
 * Return: the number of violations, each of which is logged.
 */
int zbud_validate(struct zbud *zbud)
{
	int errors = 0, nid;

	for_each_node(nid)
		zbud_validate_node(zbud, zbud->node[nid], &errors);
	return errors;
}
