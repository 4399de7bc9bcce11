/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model test of the frames: what zbud does to a few frames, beside a list of
 * the zpages that must be in them, with their bytes, pins and dead slots. There
 * are two instances, and a frame that was emptied may change from one to the
 * other, as those of file pages become those of swap pages.
 *
 * The model knows what is promised and nothing of how a frame is laid out: a
 * zpage is told to be in a frame by the address that zbud_read() gives.
 */
#ifndef _MM_TMEM_TESTS_ZBUD_MODEL_H
#define _MM_TMEM_TESTS_ZBUD_MODEL_H

#include <linux/align.h>
#include <linux/nodemask.h>
#include <linux/string.h>

#include "../zbud.h"
#include "model.h"

#define ZM_INSTANCES	2
#define ZM_ZPAGES	96
#define ZM_FRAMES	12
#define ZM_FRAME_BYTES	(ZBUD_FRAME_PAGES * PAGE_SIZE)

/* What a frame may need besides its zpages, and what a zpage may need. */
#define ZM_FRAME_SLACK	512
#define ZM_COST(len)	ALIGN((len) + 32, 16)
#define ZM_SURE_SLOTS	64

/**
 * struct zm_zpage - what the model knows of one zpage
 * @used: it exists: live, or dead and not collected yet
 * @dead: zbud_free() was called
 * @pins: how often we have it pinned
 * @frame: where it is
 * @fill: its bytes are the random numbers from this seed
 */
struct zm_zpage {
	bool used;
	bool dead;
	unsigned int pins;
	unsigned int frame;
	unsigned long handle;
	struct zbud_key key;
	unsigned int len;
	u32 checksum;
	u64 fill;
};

/**
 * struct zm_frame - what the model knows of one frame
 * @held: handed to zbud and not given back
 * @instance: to which
 * @fresh: never held a zpage
 * @evicting: zbud_evict() or zbud_move() is at work on it
 * @nid: the node of its first page when it was handed in
 * @zpages: zpages in it, dead ones too
 * @pins: sum of their pins
 * @bytes: the most that its zpages can need
 * @age: when it was stored to last
 */
struct zm_frame {
	bool held;
	unsigned int instance;
	bool fresh;
	bool evicting;
	unsigned int nid;
	unsigned int zpages;
	unsigned int pins;
	unsigned int bytes;
	unsigned long age;
	struct page *pages[ZBUD_FRAME_PAGES];
};

struct zm_world {
	struct model *m;
	struct zbud *zbud[ZM_INSTANCES];
	struct zm_zpage zpage[ZM_ZPAGES];
	struct zm_frame frame[ZM_FRAMES];
	unsigned long clock;
	unsigned long moved;
	unsigned long changed;	/* frames that went to the other instance */
	unsigned int nids;
	int evicting;		/* the frame, or -1 */
	int moving;		/* the frame, or -1 */
	struct page *from, *to;	/* a page of it, and what shall replace it */
	struct zm_zpage *denied;	/* while it moved it was not found */
	unsigned long replaced[ZBUD_FRAME_PAGES];	/* n-th pages */
	unsigned long kept;	/* first pages that could not be moved */
	u8 bytes[PAGE_SIZE];
};

/* The release callback has no argument; there is one run at a time. */
static struct zm_world *zm_now;

/* Pages */

static void zm_free_pages(struct page **pages)
{
	int i;

	for (i = 0; i < ZBUD_FRAME_PAGES; i++)
		__free_page(pages[i]);
}

/* Frames whose last zpage and last pin are gone have to leave, and only they. */
static bool zm_must_leave(const struct zm_frame *frame)
{
	return !frame->zpages && !frame->pins && !frame->fresh &&
	       !frame->evicting;
}

static void zm_settle(struct zm_world *z, unsigned int nr);

/* A page has moved, or its frame was emptied before we heard of it. */
static void zm_end_move(struct zm_world *z, bool moved)
{
	struct zm_frame *frame = &z->frame[z->moving];
	int i;

	for (i = 0; moved && i < ZBUD_FRAME_PAGES; i++)
		if (frame->pages[i] == z->from)
			frame->pages[i] = z->to;
	frame->evicting = false;
	zm_settle(z, z->moving);
	z->moving = -1;
}

/* The instance of a zpage. */
static struct zbud *zm_zbud(struct zm_world *z, const struct zm_zpage *zp)
{
	return z->zbud[z->frame[zp->frame].instance];
}

/*
 * An instance gives @pages back: they must be all of one frame of it that has
 * to go. NULL if they are not.
 */
static struct zm_frame *zm_find_back(struct zm_world *z, unsigned int instance,
				     struct page **pages)
{
	struct zm_frame *frame;
	int i;

	for (i = 0; z->moving >= 0 && i < ZBUD_FRAME_PAGES; i++)
		if (pages[i] == z->from || pages[i] == z->to)
			zm_end_move(z, pages[i] == z->to);
	for (frame = z->frame; frame < z->frame + ZM_FRAMES; frame++)
		if (frame->held && frame->pages[0] == pages[0])
			break;
	if (!model_check(z->m, frame < z->frame + ZM_FRAMES,
			 "a frame came back that was not there"))
		return NULL;
	model_check(z->m, frame->instance == instance,
		    "a frame came back from instance %u, not %u", instance,
		    frame->instance);
	for (i = 0; i < ZBUD_FRAME_PAGES; i++)
		model_check(z->m, frame->pages[i] == pages[i],
			    "page %d of a frame came back as another", i);
	model_check(z->m, !frame->zpages && !frame->pins,
		    "a frame came back with %u zpages and %u pins",
		    frame->zpages, frame->pins);
	return frame;
}

static void zm_take_back(struct zm_world *z, unsigned int instance,
			 struct page **pages)
{
	struct zm_frame *frame = zm_find_back(z, instance, pages);

	if (!frame)
		return;
	frame->held = false;
	zm_free_pages(frame->pages);
}

static void zm_release_first(struct page **pages)
{
	zm_take_back(zm_now, 0, pages);
}

static void zm_release_second(struct page **pages)
{
	zm_take_back(zm_now, 1, pages);
}

/* The pages of an emptied frame are a new frame of the other instance. */
static void zm_change_instance(struct zm_world *z, unsigned int instance,
			       struct page **pages)
{
	struct zm_frame *frame = zm_find_back(z, instance, pages);

	if (!frame)
		return;
	frame->instance = !instance;
	frame->fresh = true;
	frame->nid = page_to_nid(pages[0]);
	frame->bytes = 0;
	z->changed++;
	zbud_add_frame(z->zbud[frame->instance], pages);
}

static struct zm_frame *zm_add_frame(struct zm_world *z, unsigned int instance)
{
	unsigned int nid = model_below(z->m, z->nids);
	struct zm_frame *frame;
	int i;

	for (frame = z->frame; frame < z->frame + ZM_FRAMES; frame++)
		if (!frame->held)
			break;
	if (frame == z->frame + ZM_FRAMES)
		return NULL;
	*frame = (struct zm_frame) {
		.fresh = true, .instance = instance, .nid = nid,
	};
	for (i = 0; i < ZBUD_FRAME_PAGES; i++) {
		frame->pages[i] = alloc_pages_node(nid, GFP_KERNEL, 0);
		if (!model_check(z->m, frame->pages[i], "no memory")) {
			while (i--)
				__free_page(frame->pages[i]);
			return NULL;
		}
	}
	frame->held = true;
	zbud_add_frame(z->zbud[instance], frame->pages);
	return frame;
}

/* Zpages */

static void zm_fill(struct zm_world *z, u64 fill, unsigned int len)
{
	struct model from = { .random = fill };
	unsigned int at;
	u64 word;

	for (at = 0; at < len; at += sizeof(word)) {
		word = model_random(&from);
		memcpy(z->bytes + at, &word, sizeof(word));
	}
}

/* The frame and the page in it that @addr belongs to. */
static bool zm_locate(struct zm_world *z, const void *addr, unsigned int *frame,
		      unsigned int *page)
{
	struct page *of = virt_to_page(addr);

	for (*frame = 0; *frame < ZM_FRAMES; (*frame)++)
		for (*page = 0; *page < ZBUD_FRAME_PAGES; (*page)++)
			if (z->frame[*frame].held &&
			    z->frame[*frame].pages[*page] == of)
				return true;
	return model_check(z->m, false, "a zpage lies in no frame");
}

/* Does zbud_read() describe a place inside one frame? Which? */
static bool zm_place(struct zm_world *z, const struct zbud_zpage *zpage,
		     unsigned int *frame)
{
	unsigned int page, next_frame, next_page;

	if (!zm_locate(z, zpage->part[0].addr, frame, &page))
		return false;
	model_check(z->m, zpage->part[0].len + zpage->part[1].len == zpage->len,
		    "the parts of a zpage are not its length");
	model_check(z->m, offset_in_page(zpage->part[0].addr) +
		    zpage->part[0].len <= PAGE_SIZE,
		    "a zpage runs out of its page");
	if (!zpage->part[1].len)
		return true;
	model_check(z->m, !offset_in_page((unsigned long)zpage->part[0].addr +
					  zpage->part[0].len) &&
		    !offset_in_page(zpage->part[1].addr),
		    "a zpage has a hole between its pages");
	return zm_locate(z, zpage->part[1].addr, &next_frame, &next_page) &&
	       model_check(z->m, next_frame == *frame && next_page == page + 1,
			   "a zpage goes on in the wrong page");
}

static void zm_verify(struct zm_world *z, struct zm_zpage *zp)
{
	struct zbud_zpage zpage;
	unsigned int frame;

	zbud_read(zp->handle, &zpage);
	model_check(z->m, zpage.key.object == zp->key.object &&
		    zpage.key.index == zp->key.index &&
		    zpage.key.pool == zp->key.pool &&
		    zpage.key.payer == zp->key.payer &&
		    zpage.checksum == zp->checksum && zpage.len == zp->len,
		    "handle %lx holds another zpage", zp->handle);
	if (model_failed(z->m) || !zm_place(z, &zpage, &frame))
		return;
	model_check(z->m, frame == zp->frame, "handle %lx changed its frame",
		    zp->handle);
	zm_fill(z, zp->fill, zp->len);
	model_check(z->m, !memcmp(zpage.part[0].addr, z->bytes,
				  zpage.part[0].len) &&
		    (!zpage.part[1].len ||
		     !memcmp(zpage.part[1].addr, z->bytes + zpage.part[0].len,
			     zpage.part[1].len)),
		    "handle %lx: wrong bytes", zp->handle);
}

/* All zpages of a frame, or of all frames (-1). */
static void zm_verify_frame(struct zm_world *z, int frame)
{
	struct zm_zpage *zp;

	for (zp = z->zpage; zp < z->zpage + ZM_ZPAGES; zp++)
		if (zp->used && (frame < 0 || zp->frame == frame))
			zm_verify(z, zp);
}

/* The model's side of freeing and unpinning. */
static void zm_settle(struct zm_world *z, unsigned int nr)
{
	struct zm_frame *frame = &z->frame[nr];
	struct zm_zpage *zp;

	if (frame->pins || frame->evicting)
		return;
	for (zp = z->zpage; zp < z->zpage + ZM_ZPAGES; zp++) {
		if (!zp->used || !zp->dead || zp->frame != nr)
			continue;
		zp->used = false;
		frame->zpages--;
		frame->bytes -= ZM_COST(zp->len);
	}
}

/* A zpage from a random place of the table on, of the wanted kind. */
static struct zm_zpage *zm_pick(struct zm_world *z, bool used, bool dead_too,
				bool pinned)
{
	unsigned int at = model_below(z->m, ZM_ZPAGES), i;
	struct zm_zpage *zp;

	for (i = 0; i < ZM_ZPAGES; i++) {
		zp = &z->zpage[(at + i) % ZM_ZPAGES];
		if (zp->used == used && (dead_too || !zp->dead || !used) &&
		    (!pinned || zp->pins))
			return zp;
	}
	return NULL;
}

/* Operations */

/* Often of a common size, sometimes at a limit. */
static unsigned int zm_random_len(struct zm_world *z)
{
	switch (model_below(z->m, 8)) {
	case 0:
		return 1 + model_below(z->m, 64);
	case 1:
		return ZBUD_MAX_SIZE - model_below(z->m, 64);
	default:
		return 1 + model_below(z->m, model_one_in(z->m, 2) ?
				       ZBUD_MAX_SIZE : 1500);
	}
}

/* Of half of the keys both numbers have 32 bits or less, of some just so many. */
static u64 zm_random_bits(struct zm_world *z, unsigned int most)
{
	unsigned int bits = model_one_in(z->m, 4) ? most :
			    32 + model_one_in(z->m, 16);

	return model_random(z->m) >> (64 - bits);
}

/* No zpage of this size may be refused while a frame surely could take it. */
static void zm_check_refusal(struct zm_world *z, unsigned int instance,
			     unsigned int len)
{
	struct zm_frame *frame;

	for (frame = z->frame; frame < z->frame + ZM_FRAMES; frame++)
		model_check(z->m, !frame->held ||
			    frame->instance != instance || frame->pins ||
			    frame->evicting || frame->zpages >= ZM_SURE_SLOTS ||
			    frame->bytes + ZM_COST(len) + ZM_FRAME_SLACK >
			    ZM_FRAME_BYTES,
			    "%u bytes refused, a frame had %lu left", len,
			    ZM_FRAME_BYTES - frame->bytes);
}

static int zm_try_alloc(struct zm_world *z, unsigned int instance,
			struct zm_zpage *zp)
{
	int nid = model_below(z->m, z->nids);
	int err;

	err = zbud_alloc(z->zbud[instance], nid, &zp->key, zp->len,
			 zp->checksum, &zp->handle);
	model_check(z->m, !err || err == -ENOSPC, "alloc: %d", err);
	if (err)
		zm_check_refusal(z, instance, zp->len);
	return err;
}

/* A new zpage is in: is its place a new one, and still everyone's else theirs? */
static void zm_enter(struct zm_world *z, unsigned int instance,
		     struct zm_zpage *zp)
{
	struct zbud_zpage zpage;
	struct zm_zpage *other;
	struct zm_frame *frame;

	for (other = z->zpage; other < z->zpage + ZM_ZPAGES; other++)
		model_check(z->m, !other->used || other->handle != zp->handle,
			    "handle %lx given out twice", zp->handle);
	zbud_read(zp->handle, &zpage);
	if (!zm_place(z, &zpage, &zp->frame))
		return;
	frame = &z->frame[zp->frame];
	model_check(z->m, !frame->evicting, "stored to a frame being evicted");
	model_check(z->m, frame->instance == instance,
		    "stored to a frame of another instance");
	zp->used = true;
	zp->pins = 1;
	frame->pins++;
	frame->zpages++;
	frame->bytes += ZM_COST(zp->len);
	frame->fresh = false;
	frame->age = ++z->clock;

	zm_fill(z, zp->fill, zp->len);
	zbud_write(zp->handle, z->bytes);
	zm_verify_frame(z, zp->frame);
}

static void zm_unpin_one(struct zm_world *z, struct zm_zpage *zp)
{
	struct zbud *zbud = zm_zbud(z, zp);

	zp->pins--;
	z->frame[zp->frame].pins--;
	zm_settle(z, zp->frame);
	zbud_unpin(zbud, zp->handle);
}

static void zm_alloc(struct zm_world *z)
{
	struct zm_zpage *zp = zm_pick(z, false, true, false);
	unsigned int instance = model_below(z->m, ZM_INSTANCES);
	int err;

	if (!zp)
		return;
	*zp = (struct zm_zpage) {
		.key = { zm_random_bits(z, 64), zm_random_bits(z, 48),
			 model_random(z->m), model_random(z->m) },
		.len = zm_random_len(z),
		.checksum = model_random(z->m),
		.fill = model_random(z->m),
	};
	err = zm_try_alloc(z, instance, zp);
	if (err) {
		if (model_one_in(z->m, 3) || !zm_add_frame(z, instance))
			return;
		err = zm_try_alloc(z, instance, zp);
	}
	if (!model_check(z->m, !err, "refused with a fresh frame"))
		return;
	zm_enter(z, instance, zp);
	/* Few stay pinned, or eviction would find no frame without a pin. */
	if (!model_failed(z->m) && !model_one_in(z->m, 12))
		zm_unpin_one(z, zp);
}

static void zm_alloc_bad(struct zm_world *z)
{
	struct zbud_key key = { .index = model_random(z->m) >> 16 };
	static const unsigned int bad_len[] = {
		0, ZBUD_MAX_SIZE + 1, PAGE_SIZE, UINT_MAX,
	};
	unsigned int len = bad_len[model_below(z->m, ARRAY_SIZE(bad_len))];
	unsigned long handle;

	if (model_one_in(z->m, 2)) {
		len = 1;
		key.index |= 1ULL << (48 + model_below(z->m, 16));
	}
	model_check(z->m, zbud_alloc(z->zbud[0], 0, &key, len, 0, &handle) ==
		    -EINVAL, "%u bytes of index %llx were not refused", len,
		    key.index);
}

static void zm_pin(struct zm_world *z, struct zm_zpage *zp)
{
	int err = zbud_pin(zm_zbud(z, zp), zp->handle);

	if (!model_check(z->m, !err, "pin: %d", err))
		return;
	zp->pins++;
	z->frame[zp->frame].pins++;
	zm_verify(z, zp);
}

static void zm_free(struct zm_world *z, struct zm_zpage *zp)
{
	struct zbud *zbud = zm_zbud(z, zp);
	struct zbud_charge charge;

	zp->dead = true;
	zm_settle(z, zp->frame);
	charge = zbud_free(zbud, zp->handle);
	model_check(z->m, charge.payer == zp->key.payer && charge.len == zp->len,
		    "freed %u bytes of payer %u, stored were %u of %u",
		    charge.len, charge.payer, zp->len, zp->key.payer);
}

static struct zm_zpage *zm_find_zpage(struct zm_world *z, unsigned long handle)
{
	struct zm_zpage *zp;

	for (zp = z->zpage; zp < z->zpage + ZM_ZPAGES; zp++)
		if (zp->used && zp->handle == handle)
			return zp;
	return NULL;
}

/* Somebody else frees another zpage of the frame. */
static void zm_free_neighbour(struct zm_world *z, unsigned int frame)
{
	struct zm_zpage *zp = zm_pick(z, true, false, false);

	if (zp && zp->frame == frame)
		zm_free(z, zp);
}

/* A page is moved, and what others may do to the frame meanwhile */

/* Nobody gets at a frame that is being changed, by whatever handle. */
static void zm_try_pin(struct zm_world *z, struct zm_zpage *zp)
{
	int err = zbud_pin(zm_zbud(z, zp), zp->handle);

	model_check(z->m, err == -EAGAIN, "pin while a page is moved: %d",
		    err);
}

static void zm_change_handle(struct zm_world *z, struct zm_zpage *zp,
			     unsigned long new)
{
	unsigned long old = zp->handle;

	zp->handle = new;
	zbud_free(zm_zbud(z, zp), old);
}

static bool zm_replace_one(const struct zbud_key *key, unsigned long old,
			   unsigned long new)
{
	struct zm_world *z = zm_now;
	struct zm_zpage *zp = zm_find_zpage(z, old);

	if (!model_check(z->m, zp && !zp->dead, "moved the dead zpage %lx",
			 old))
		return false;
	model_check(z->m, zp->frame == z->moving,
		    "moved %lx, not of the frame", old);
	model_check(z->m, zp->key.object == key->object &&
		    zp->key.index == key->index && zp->key.pool == key->pool,
		    "moved %lx under a wrong key", old);

	switch (model_below(z->m, 24)) {
	case 0:		/* freed just before */
		zm_free(z, zp);
		return false;
	case 1:		/* and just after */
		zm_change_handle(z, zp, new);
		zm_free(z, zp);
		return true;
	case 2:
		zm_free_neighbour(z, zp->frame);
		if (zp->dead)
			return false;
		break;
	case 3:
		zm_alloc(z);
		break;
	case 4:
		zm_try_pin(z, zp);
		break;
	case 5:
		zm_change_handle(z, zp, new);
		zm_try_pin(z, zp);
		return true;
	case 6:		/* a damaged header: no owner has it */
		if (z->denied)
			break;
		z->denied = zp;
		return false;
	}
	zm_change_handle(z, zp, new);
	return true;
}

static void zm_move_page(struct zm_world *z, struct zm_frame *frame,
			 unsigned int nr)
{
	bool busy = frame->pins || frame->evicting;
	struct zbud *zbud = z->zbud[frame->instance];
	int err;

	z->from = frame->pages[nr];
	z->denied = NULL;
	if (!busy) {
		z->moving = frame - z->frame;
		frame->evicting = true;
	}
	model_check(z->m, zbud_move(z->zbud[!frame->instance], z->to, z->from,
				    zm_replace_one) == -ENOENT,
		    "moved a page of another instance");
	err = zbud_move(zbud, z->to, z->from, zm_replace_one);
	if (busy || (z->denied && err)) {
		model_check(z->m, err == (busy ? -EAGAIN : -EBUSY),
			    "move of a frame %s: %d", busy ? "in use" :
			    "with an unknown zpage", err);
		if (z->moving >= 0)
			zm_end_move(z, false);
		__free_page(z->to);
		z->kept += !busy;
	} else {
		model_check(z->m, !err && (!z->denied || z->denied->dead),
			    "move: %d", err);
		if (z->moving >= 0)
			zm_end_move(z, true);
		/* Nobody needs it: not one byte of it may be looked at again. */
		__free_page(z->from);
		z->replaced[nr]++;
	}
}

static void zm_move(struct zm_world *z)
{
	struct zm_frame *frame = &z->frame[model_below(z->m, ZM_FRAMES)];

	if (!frame->held || z->moving >= 0)
		return;
	z->to = alloc_pages_node(model_below(z->m, z->nids), GFP_KERNEL, 0);
	if (!model_check(z->m, z->to, "no memory"))
		return;
	zm_move_page(z, frame, model_one_in(z->m, 2) ? 0 :
		     model_below(z->m, ZBUD_FRAME_PAGES));
	if (frame->held)
		zm_verify_frame(z, frame - z->frame);
	z->from = NULL;
	z->to = NULL;
}

/* Eviction, and what others may do to the frame meanwhile */

static void zm_evict_one(const struct zbud_key *key, unsigned long handle,
			 void *arg)
{
	struct zm_world *z = arg;
	struct zm_zpage *zp = zm_find_zpage(z, handle);

	if (!model_check(z->m, zp && !zp->dead, "evicted the dead zpage %lx",
			 handle))
		return;
	model_check(z->m, zp->frame == z->evicting,
		    "evicted %lx, not of the coldest frame", handle);
	model_check(z->m, zp->key.object == key->object &&
		    zp->key.index == key->index && zp->key.pool == key->pool,
		    "evicted %lx under a wrong key", handle);
	zm_verify(z, zp);

	switch (model_below(z->m, 16)) {
	case 0:		/* not in the index any more: its eraser will free it */
		return;
	case 1:		/* a reader was here first */
		zm_pin(z, zp);
		break;
	case 2:
		zm_free_neighbour(z, zp->frame);
		if (zp->dead)
			return;
		break;
	case 3:
		zm_alloc(z);
		break;
	case 4:
		zm_move(z);
		break;
	}
	zm_free(z, zp);
}

/* The coldest frame of an instance that is not pinned, or -1. */
static int zm_coldest(struct zm_world *z, unsigned int instance,
		      unsigned int nid)
{
	int i, best = -1;

	for (i = 0; i < ZM_FRAMES; i++) {
		struct zm_frame *frame = &z->frame[i];

		if (!frame->held || frame->instance != instance ||
		    frame->fresh || frame->pins ||
		    frame->evicting || frame->nid != nid)
			continue;
		if (best < 0 || frame->age < z->frame[best].age)
			best = i;
	}
	return best;
}

static void zm_evict(struct zm_world *z)
{
	unsigned int instance = model_below(z->m, ZM_INSTANCES);
	unsigned int nid = model_below(z->m, z->nids);
	int frame = zm_coldest(z, instance, nid), err;
	struct page *pages[ZBUD_FRAME_PAGES];

	z->evicting = frame;
	if (frame >= 0)
		z->frame[frame].evicting = true;
	err = zbud_evict(z->zbud[instance], nid, zm_evict_one, z, pages);
	z->evicting = -1;
	if (frame < 0) {
		model_check(z->m, err == -ENOENT, "evicted nothing: %d", err);
		return;
	}
	z->frame[frame].evicting = false;
	zm_settle(z, frame);
	if (z->frame[frame].zpages || z->frame[frame].pins) {
		z->frame[frame].age = ++z->clock;
		model_check(z->m, err == -EBUSY,
			    "evicted, but %u zpages stayed: %d",
			    z->frame[frame].zpages, err);
		return;
	}
	if (model_check(z->m, !err, "evicted all, but: %d", err)) {
		model_check(z->m, pages[0] == z->frame[frame].pages[0],
			    "evicted another frame than the coldest");
		if (model_one_in(z->m, 2))
			zm_take_back(z, instance, pages);
		else
			zm_change_instance(z, instance, pages);
	}
}

static void zm_trim(struct zm_world *z)
{
	unsigned int instance = model_below(z->m, ZM_INSTANCES);
	unsigned int nid = model_below(z->m, z->nids), i, fresh = 0;
	struct page *pages[ZBUD_FRAME_PAGES];
	bool got;

	for (i = 0; i < ZM_FRAMES; i++)
		fresh += z->frame[i].held && z->frame[i].fresh &&
			 z->frame[i].instance == instance &&
			 z->frame[i].nid == nid;
	got = zbud_trim(z->zbud[instance], nid, pages);
	model_check(z->m, got == !!fresh, "trim: %d with %u empty frames", got,
		    fresh);
	if (got)
		zm_take_back(z, instance, pages);
}

static void zm_one(struct zm_world *z)
{
	struct zm_zpage *zp;

	switch (model_below(z->m, 100)) {
	case 0 ... 44:
		return zm_alloc(z);
	case 45:
		return zm_alloc_bad(z);
	case 46 ... 53:
		zp = zm_pick(z, true, false, false);
		if (zp)
			zm_pin(z, zp);
		return;
	case 54 ... 69:
		zp = zm_pick(z, true, true, true);
		if (zp)
			zm_unpin_one(z, zp);
		return;
	case 70 ... 88:
		zp = zm_pick(z, true, false, false);
		if (zp)
			zm_free(z, zp);
		return;
	case 89 ... 92:
		return zm_move(z);
	case 93 ... 95:
		return zm_evict(z);
	case 96:
		zm_add_frame(z, model_below(z->m, ZM_INSTANCES));
		return;
	case 97:
		return zm_trim(z);
	default:
		zp = zm_pick(z, true, true, true);
		if (zp)
			zm_verify(z, zp);
	}
}

static void zm_compare_stats(struct zm_world *z, unsigned int instance)
{
	unsigned long frames = 0, zpages = 0, bytes = 0;
	struct zbud_stats stats;
	struct zm_zpage *zp;
	int i;

	for (i = 0; i < ZM_FRAMES; i++)
		frames += z->frame[i].held && z->frame[i].instance == instance;
	for (zp = z->zpage; zp < z->zpage + ZM_ZPAGES; zp++) {
		if (!zp->used || z->frame[zp->frame].instance != instance)
			continue;
		zpages++;
		bytes += zp->len;
	}
	model_check(z->m, !zbud_validate(z->zbud[instance]), "not valid");
	zbud_stats(z->zbud[instance], &stats);
	model_check(z->m, stats.frames == frames && stats.zpages == zpages &&
		    stats.bytes == bytes,
		    "%lu frames, %lu zpages, %lu bytes instead of %lu, %lu, %lu",
		    stats.frames, stats.zpages, stats.bytes, frames, zpages,
		    bytes);
	model_check(z->m, stats.overhead <= zpages * 32 +
		    frames * ZM_FRAME_SLACK, "%lu bytes of overhead",
		    stats.overhead);
	z->moved += stats.moved;
}

static void zm_compare(struct zm_world *z)
{
	int i;

	for (i = 0; i < ZM_FRAMES; i++)
		model_check(z->m, !z->frame[i].held ||
			    !zm_must_leave(&z->frame[i]),
			    "an empty frame did not come back");
	z->moved = 0;
	for (i = 0; i < ZM_INSTANCES; i++)
		zm_compare_stats(z, i);
}

static void zm_finish(struct zm_world *z)
{
	struct zm_zpage *zp;
	int i;

	zm_verify_frame(z, -1);
	for (zp = z->zpage; zp < z->zpage + ZM_ZPAGES; zp++) {
		if (zp->used && !zp->dead)
			zm_free(z, zp);
		while (zp->pins)
			zm_unpin_one(z, zp);
	}
	zm_compare(z);
	for (i = 0; i < ZM_INSTANCES; i++)
		zbud_destroy(z->zbud[i]);
	for (i = 0; i < ZM_FRAMES; i++)
		model_check(z->m, !z->frame[i].held, "a frame was lost");
	if (z->m->ops < 10000)
		return;
	model_check(z->m, z->moved, "no hole was ever closed");
	for (i = 0; i < ZBUD_FRAME_PAGES; i++)
		model_check(z->m, z->replaced[i], "no page %d was ever moved",
			    i);
	model_check(z->m, z->kept, "no page ever stayed where it was");
	model_check(z->m, z->changed, "no frame ever changed its instance");
}

/* Run @m->ops operations from @m->seed. The outcome is in @m->why. */
static void zbud_model_run(struct model *m)
{
	struct zm_world *z;

	z = kzalloc(sizeof(*z), GFP_KERNEL);
	if (!model_check(m, z, "no memory"))
		return;
	z->m = m;
	z->evicting = -1;
	z->moving = -1;
	z->nids = num_online_nodes();
	z->zbud[0] = zbud_create(0, zm_release_first);
	z->zbud[1] = zbud_create(1, zm_release_second);
	if (model_check(m, z->zbud[0] && z->zbud[1], "no memory")) {
		zm_now = z;
		for (m->step = 0; m->step < m->ops && !model_failed(m);
		     m->step++) {
			zm_one(z);
			zm_compare(z);
			cond_resched();
		}
		/* After a failure its frames are in no known state. */
		if (!model_failed(m))
			zm_finish(z);
		zm_now = NULL;
	}
	kfree(z);
}

#endif /* _MM_TMEM_TESTS_ZBUD_MODEL_H */
