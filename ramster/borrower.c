// SPDX-License-Identifier: GPL-2.0-only
/*
 * Borrower: pages go to a lender and come back
 *
 * Numbers
 * -------
 * Each page that leaves gets a number that was never used before and never will be. It
 * is its name at the lender and the nonce of its seal. So whatever a lender does, late,
 * twice or wrong: what opens with the number is what was pushed with it.
 *
 * Push
 * ----
 * The pages are copied into batches, each for one lender, and sealed there: the frames
 * are not needed after that. A few batches are on their way at once. A page whose answer
 * does not come in time counts as not taken; that the lender may have it all the same
 * costs it memory, nothing else, and it is told to drop it.
 *
 * A page that is to be mirrored is sealed once, and the batch is sent to both lenders.
 * It has left if both have said that they keep it. If not the other is told to drop it,
 * and the page is written to its device, as if there were no lenders.
 *
 * Load
 * ----
 * Somebody waits in a page fault, with a folio locked: nothing here waits for memory.
 * What is needed for one page comes from a reserve; neighbours are asked for as far as
 * there is memory for them. The answer is received into pages of the call, never into a
 * folio, so that the waiter may walk away at any moment. The neighbours wait in a small
 * cache, still sealed, until they are asked for: they are opened by who wants them.
 * There is nothing to invalidate in it, as numbers are unique.
 *
 * Forget
 * ------
 * The numbers go into a ring, in runs, and a worker tells the lender. What does not fit
 * is not told: the lender drops what is old. What it keeps it would keep for ever: see
 * ramster_peer_end_leak().
 *
 * Mirrored pages
 * --------------
 * A load asks one lender, then the other, and again until both are lost: there is
 * no device to be read instead. It does not end when its task is killed, no more than
 * reading a device would: the folio may be shared, and who finds it in the swap cache and
 * not read gets an error. Nor is it refused in reclaim; what makes memory free does not
 * load pages, and the wait is bounded.
 *
 * Suspend
 * -------
 * Nothing is pushed from the notifier's call on until the machine is back. A hibernation
 * image must not be older than any number: when it is restored, the counter and the key
 * of the seals are those of the image.
 *
 * Locks: ramster_batch_lock, ramster_arrivals_lock and drops->lock are leaves; the last
 * is taken below spinlocks of others with interrupts off.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sunrpc/clnt.h>
#include <linux/sunrpc/xdr.h>
#include <linux/suspend.h>
#include <linux/wait.h>

#include <trace/events/ramster.h>

#include "../zcache.h"
#include "peer.h"

/* A cookie that is none yet: where the page is to go to, without a number. */
#define RAMSTER_PLACED		BIT_ULL(63)

/* A cookie that is none yet: the first or second lender has not taken the page. */
#define RAMSTER_ASKED(copy)	BIT_ULL(RAMSTER_COOKIE_BITS + (copy))
#define RAMSTER_ASKED_ANY	(RAMSTER_ASKED(0) | RAMSTER_ASKED(1))

#define RAMSTER_BATCHES		8
#define RAMSTER_BATCH_PAGES	(RAMSTER_MAX_BATCH / PAGE_SIZE)

/* The reserve: so many loads at once are always possible. */
#define RAMSTER_MIN_LOADS	32

/* And no more than so many go to one lender. */
#define RAMSTER_MAX_LOADS	128

/* Bytes of a page in the answer to a LOAD: its number and length come with it. */
#define RAMSTER_LOADED_SIZE	(RAMSTER_MAX_SEALED + 16)
#define RAMSTER_LOAD_PAGES	DIV_ROUND_UP(RAMSTER_MAX_LOAD * RAMSTER_LOADED_SIZE, PAGE_SIZE)

#define RAMSTER_ARRIVALS	256

/* A mirrored page is asked for again and again, but not for longer than this. */
#define RAMSTER_RETRY_MS	100
#define RAMSTER_PATIENCE	(60 * HZ)

/* Numbers to forget are collected for a while. */
#define RAMSTER_DROP_DELAY	(HZ / 10)

#define RAMSTER_GFP		(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

/**
 * struct ramster_header - in front of a zpage, sealed with it
 * @object: of its owner
 * @index: of its owner
 * @pool: of its owner
 * @payer: of its owner
 * @checksum: of the zpage
 *
 * Nobody else can read it, so it is in the byte order of this machine.
 */
struct ramster_header {
	u64 object;
	u64 index;
	u16 pool;
	u16 payer;
	u32 checksum;
};

static_assert(sizeof(struct ramster_header) == RAMSTER_SEAL_HEADER);
static_assert(sizeof(struct ramster_page) + RAMSTER_MAX_SEALED <= PAGE_SIZE);
static_assert(RAMSTER_MAX_NEAR + 1 <= RAMSTER_MAX_LOAD);
static_assert(RAMSTER_MAX_STORE <= 64);
static_assert(!(RAMSTER_PLACED & RAMSTER_ASKED_ANY));
static_assert(BIT_ULL(RAMSTER_NUMBER_BITS) - 1 <= RAMSTER_MAX_NUMBER);

/*
 * Numbers
 */

static atomic64_t ramster_numbers;

/**
 * ramster_last_number() - the number that was given out last
 *
 * Context: Any.
 * Return: it, or 0 if none was.
 */
u64 ramster_last_number(void)
{
	return atomic64_read(&ramster_numbers);
}

/*
 * Forget
 */

/* Does @number follow the last run? */
static bool ramster_drop_follows(const struct ramster_drops *drops, u64 number)
{
	u64 run = drops->ring[(drops->head + drops->nr - 1) % RAMSTER_DROPS];
	u64 more = run / RAMSTER_DROP_MORE;

	return drops->nr && more < RAMSTER_DROP_BATCH - 1 &&
	       number == run % RAMSTER_DROP_MORE + more + 1;
}

/* There is no room for a number. What the lender keeps it would keep for ever. */
static void ramster_drop_lost(struct ramster_peer *peer, bool kept)
{
	ramster_count(RAMSTER_FORGET_LOST);
	if (kept)
		WRITE_ONCE(peer->leaks, true);
}

/* In any context. */
static void ramster_drop(struct ramster_peer *peer, u64 number, bool kept)
{
	struct ramster_drops *drops = &peer->drops;
	unsigned long flags;
	unsigned int nr;

	/* What is of an earlier session, or was dropped, need not be dropped. */
	if (!kept && number < atomic64_read(&peer->oldest))
		return;
	spin_lock_irqsave(&drops->lock, flags);
	nr = drops->nr;
	if (ramster_drop_follows(drops, number))
		drops->ring[(drops->head + nr - 1) % RAMSTER_DROPS] += RAMSTER_DROP_MORE;
	else if (nr < RAMSTER_DROPS)
		drops->ring[(drops->head + drops->nr++) % RAMSTER_DROPS] = number;
	else
		ramster_drop_lost(peer, kept);
	spin_unlock_irqrestore(&drops->lock, flags);
	if (nr + 1 == RAMSTER_DROP_BATCH)
		mod_delayed_work(ramster_wq, &drops->work, 0);
	else if (!nr)
		queue_delayed_work(ramster_wq, &drops->work, RAMSTER_DROP_DELAY);
}

/* Mirrored pages that zcache has, or is about to have. */
static atomic_long_t ramster_nr_mirrored;

/**
 * ramster_mirrored_pages() - how many pages are at two lenders
 *
 * Context: Any.
 * Return: their number.
 */
long ramster_mirrored_pages(void)
{
	return atomic_long_read(&ramster_nr_mirrored);
}

/* Under RCU. Who has the slot now may be another one. */
static void ramster_forget_copy(u64 cookie, unsigned int copy)
{
	struct ramster_peer *peer = ramster_peer_find(ramster_cookie_slot(cookie, copy));
	u64 number = ramster_cookie_number(cookie);
	bool mirrored = ramster_is_mirrored(cookie);

	if (!peer || number < peer->born)
		return;
	atomic_long_dec(&peer->entries);
	if (mirrored)
		atomic_long_dec(&peer->kept);
	if (READ_ONCE(peer->state) != RAMSTER_PEER_STOPPING)
		ramster_drop(peer, number, mirrored);
}

/**
 * ramster_forget() - zcache does not need a page any more
 * @cookie: of the page, known nowhere any more
 *
 * Context: Any, interrupts may be off.
 */
void ramster_forget(u64 cookie)
{
	unsigned int copy, copies = ramster_cookie_copies(cookie);

	ramster_count(RAMSTER_FORGOTTEN);
	rcu_read_lock();
	for (copy = 0; copy < copies; copy++)
		ramster_forget_copy(cookie, copy);
	rcu_read_unlock();
	if (copies > 1)
		atomic_long_dec(&ramster_nr_mirrored);
}

void ramster_xdr_drop(struct rpc_rqst *req, struct xdr_stream *xdr, const void *obj)
{
	const struct ramster_drops *drops = container_of(obj, struct ramster_drops, call);

	ramster_encode_numbers(xdr, &drops->call.token, drops->numbers,
			       drops->nr_numbers, RAMSTER_MAX_INVALIDATE);
}

int ramster_xdr_dropped(struct rpc_rqst *req, struct xdr_stream *xdr, void *obj)
{
	struct ramster_call *call = obj;

	return ramster_decode_status(xdr, &call->status);
}

static void ramster_drops_release(struct ramster_call *call)
{
	struct ramster_drops *drops = container_of(call, struct ramster_drops, call);
	struct ramster_peer *peer = call->peer;

	complete(&drops->idle);
	ramster_peer_put(peer);
}

/* The next ones out of the ring, unless the last are to be sent again. */
static unsigned int ramster_drops_take(struct ramster_drops *drops)
{
	u64 *run;

	if (drops->nr_numbers)
		return drops->nr_numbers;
	spin_lock_irq(&drops->lock);
	while (drops->nr && drops->nr_numbers < RAMSTER_DROP_BATCH) {
		run = &drops->ring[drops->head];
		drops->numbers[drops->nr_numbers++] = *run % RAMSTER_DROP_MORE;
		if (*run >= RAMSTER_DROP_MORE) {
			*run += 1 - RAMSTER_DROP_MORE;
			continue;
		}
		drops->head = (drops->head + 1) % RAMSTER_DROPS;
		drops->nr--;
	}
	spin_unlock_irq(&drops->lock);
	return drops->nr_numbers;
}

/* Tell the lender what it may drop, as long as it answers. */
static void ramster_drops_fn(struct work_struct *work)
{
	struct ramster_drops *drops = container_of(to_delayed_work(work),
						   struct ramster_drops, work);
	struct ramster_peer *peer = container_of(drops, struct ramster_peer, drops);
	int err = 0;

	while (!err && READ_ONCE(peer->state) != RAMSTER_PEER_STOPPING &&
	       ramster_peer_answers(peer, RAMSTER_CONN_PUSH)) {
		/* The memory of the last call. The heartbeat will try again. */
		if (!wait_for_completion_timeout(&drops->idle, HZ))
			return;
		if (!ramster_drops_take(drops)) {
			complete(&drops->idle);
			return;
		}
		ramster_call_start(&drops->call, peer, RAMSTER_CONN_PUSH,
				   RAMSTER_PROC_INVALIDATE, ramster_drops_release);
		err = ramster_call_wait(&drops->call, false);
		if (!err)
			drops->nr_numbers = 0;
		ramster_call_put(&drops->call);
	}
}

/**
 * ramster_drops_init() - the ring of a new lender
 * @peer: the lender
 *
 * Context: Any.
 */
void ramster_drops_init(struct ramster_peer *peer)
{
	struct ramster_drops *drops = &peer->drops;

	spin_lock_init(&drops->lock);
	INIT_DELAYED_WORK(&drops->work, ramster_drops_fn);
	init_completion(&drops->idle);
	complete(&drops->idle);
}

/**
 * ramster_drops_kick() - the lender answers: tell it what waits
 * @peer: the lender
 *
 * Context: Any.
 */
void ramster_drops_kick(struct ramster_peer *peer)
{
	if (READ_ONCE(peer->drops.nr) || READ_ONCE(peer->drops.nr_numbers))
		queue_delayed_work(ramster_wq, &peer->drops.work, 0);
}

/**
 * ramster_drops_clear() - the lender has lost everything
 * @peer: the lender
 *
 * Context: Process context.
 */
void ramster_drops_clear(struct ramster_peer *peer)
{
	spin_lock_irq(&peer->drops.lock);
	peer->drops.nr = 0;
	spin_unlock_irq(&peer->drops.lock);
}

/*
 * Mirrored pages
 */

static enum ramster_durability ramster_durability_now;

/* Those up to this number. */
static atomic64_t ramster_homeward;

/**
 * ramster_durability() - where are swap pages to be that leave?
 *
 * Context: Any.
 * Return: as it was set.
 */
enum ramster_durability ramster_durability(void)
{
	return READ_ONCE(ramster_durability_now);
}

/**
 * ramster_is_stray() - must a page come home?
 * @cookie: of the page
 *
 * Context: Any.
 * Return: true if it is mirrored, and a lender is not to be relied on, or none is to have
 * it any more.
 */
bool ramster_is_stray(u64 cookie)
{
	u64 number = ramster_cookie_number(cookie);

	return ramster_is_mirrored(cookie) &&
	       (ramster_durability() != RAMSTER_MIRROR ||
		number <= atomic64_read(&ramster_homeward) ||
		ramster_peer_endangers(ramster_cookie_slot(cookie, 0), number) ||
		ramster_peer_endangers(ramster_cookie_slot(cookie, 1), number));
}

/*
 * Push
 */

/**
 * struct ramster_batch - zpages on their way to a lender
 * @call: the call
 * @list: in the list of free batches, or of a push
 * @buf: the zpages as they are sent
 * @pages: the pages of @buf
 * @used: bytes in @buf
 * @nr: number of zpages
 * @taken: which of them were taken, filled in by the answer
 * @numbers: their numbers
 * @zpages: where they are noted; of the push that waits for it
 */
struct ramster_batch {
	struct ramster_call call;
	struct list_head list;
	void *buf;
	struct page *pages[RAMSTER_BATCH_PAGES];
	unsigned int used;
	unsigned int nr;
	u64 taken;
	u64 numbers[RAMSTER_MAX_STORE];
	struct ramster_zpage *zpages[RAMSTER_MAX_STORE];
};

/**
 * struct ramster_push - a push
 * @zpages: what is to leave
 * @nr: their number
 * @durability: where to
 * @flying: batches on their way, in order
 * @nr_flying: their number
 */
struct ramster_push {
	struct ramster_zpage *zpages;
	unsigned int nr;
	enum ramster_durability durability;
	struct list_head flying;
	unsigned int nr_flying;
};

static struct ramster_batch ramster_batches[RAMSTER_BATCHES];
static LIST_HEAD(ramster_free_batches);
static DEFINE_SPINLOCK(ramster_batch_lock);	/* of the list */
static DECLARE_WAIT_QUEUE_HEAD(ramster_batch_wait);

/* Pushes that go on, and whether any may begin. */
static atomic_t ramster_pushes;
static bool ramster_suspended;

void ramster_xdr_store(struct rpc_rqst *req, struct xdr_stream *xdr, const void *obj)
{
	/* The engine wants its pages writable. It only reads them. */
	struct ramster_batch *batch = container_of((void *)obj, struct ramster_batch, call);

	ramster_encode_store(xdr, &batch->call.token, batch->nr);
	xdr_write_pages(xdr, batch->pages, 0, batch->used);
}

int ramster_xdr_stored(struct rpc_rqst *req, struct xdr_stream *xdr, void *obj)
{
	struct ramster_batch *batch = container_of(obj, struct ramster_batch, call);

	return ramster_decode_stored(xdr, &batch->call.status, &batch->taken);
}

static struct ramster_batch *ramster_batch_get(void)
{
	struct ramster_batch *batch;

	spin_lock(&ramster_batch_lock);
	batch = list_first_entry_or_null(&ramster_free_batches, struct ramster_batch, list);
	if (batch)
		list_del(&batch->list);
	spin_unlock(&ramster_batch_lock);
	return batch;
}

static void ramster_batch_free(struct ramster_batch *batch)
{
	spin_lock(&ramster_batch_lock);
	list_add(&batch->list, &ramster_free_batches);
	spin_unlock(&ramster_batch_lock);
	wake_up(&ramster_batch_wait);
}

static void ramster_batch_release(struct ramster_call *call)
{
	struct ramster_peer *peer = call->peer;

	ramster_batch_free(container_of(call, struct ramster_batch, call));
	ramster_peer_put(peer);
}

/* Returns false if the batch is full. A zpage that cannot be sealed stays here. */
static bool ramster_batch_pack(struct ramster_batch *batch, struct ramster_zpage *zpage)
{
	u64 number, place = zpage->cookie & ~RAMSTER_PLACED;
	unsigned int used = batch->used;
	struct ramster_header header;
	struct zbud_zpage z;
	u8 *to;

	zbud_read(zpage->handle, &z);
	number = atomic64_inc_return(&ramster_numbers);
	zpage->cookie = 0;
	if (z.len > RAMSTER_MAX_ZPAGE || number >= BIT_ULL(RAMSTER_NUMBER_BITS))
		return true;
	to = ramster_batch_add(batch->buf, &batch->used, RAMSTER_MAX_BATCH, number,
			       sizeof(header) + z.len + RAMSTER_SEAL_TAG);
	if (!to) {
		zpage->cookie = RAMSTER_PLACED | place;
		return false;
	}
	header.object = zpage->key.object;
	header.index = zpage->key.index;
	header.pool = zpage->key.pool;
	header.payer = zpage->key.payer;
	header.checksum = z.checksum;
	memcpy(to, &header, sizeof(header));
	memcpy(to + sizeof(header), z.part[0].addr, z.part[0].len);
	if (z.part[1].len)
		memcpy(to + sizeof(header) + z.part[0].len, z.part[1].addr,
		       z.part[1].len);
	if (ramster_seal(number, to, sizeof(header) + z.len)) {
		batch->used = used;
		return true;
	}
	batch->numbers[batch->nr] = number;
	batch->zpages[batch->nr++] = zpage;
	zpage->cookie = RAMSTER_ASKED(0) | place | number;
	if (ramster_is_mirrored(place))
		zpage->cookie |= RAMSTER_ASKED(1);
	return true;
}

/* The same for the other lender, sealed bytes and numbers. */
static void ramster_batch_copy(struct ramster_batch *batch, const struct ramster_batch *from)
{
	memcpy(batch->buf, from->buf, from->used);
	memcpy(batch->numbers, from->numbers, sizeof(batch->numbers));
	memcpy(batch->zpages, from->zpages, sizeof(batch->zpages));
	batch->used = from->used;
	batch->nr = from->nr;
	batch->taken = 0;
}

/* From @first on, what is placed where that is. */
static void ramster_batch_fill(struct ramster_batch *batch, struct ramster_push *push,
			       unsigned int first)
{
	u64 place = push->zpages[first].cookie;
	unsigned int i;

	batch->used = 0;
	batch->nr = 0;
	batch->taken = 0;
	for (i = first; i < push->nr && batch->nr < RAMSTER_MAX_STORE; i++) {
		if (push->zpages[i].cookie != place)
			continue;
		if (!ramster_batch_pack(batch, &push->zpages[i]))
			break;
	}
}

/* The lender was asked but may not have taken it, or we do not know. */
static void ramster_batch_failed(struct ramster_batch *batch, int err)
{
	struct ramster_peer *peer = batch->call.peer;
	bool kept = batch->call.proc == RAMSTER_PROC_KEEP;
	unsigned int i;

	ramster_count_many(RAMSTER_PUSH_FAILED, batch->nr);
	/* Until the heartbeat has connected it again. */
	if (err == -ENOTCONN)
		WRITE_ONCE(peer->push_ok, false);
	for (i = 0; i < batch->nr; i++)
		ramster_drop(peer, batch->numbers[i], kept);
}

static unsigned int ramster_batch_answered(struct ramster_batch *batch)
{
	struct ramster_peer *peer = batch->call.peer;
	unsigned int i, copy, taken = 0;

	for (i = 0; i < batch->nr; i++) {
		if (!(batch->taken & BIT_ULL(i)))
			continue;
		copy = ramster_cookie_slot(batch->zpages[i]->cookie, 0) != peer->slot;
		batch->zpages[i]->cookie &= ~RAMSTER_ASKED(copy);
		taken++;
	}
	atomic64_sub(batch->used, &peer->room);
	/* No more until it says that it has room again. */
	if (taken < batch->nr)
		atomic64_set(&peer->room, 0);
	ramster_count_many(RAMSTER_PUSHED, taken);
	ramster_count_many(RAMSTER_PUSHED_BYTES, batch->used);
	ramster_count_many(RAMSTER_PUSH_REFUSED, batch->nr - taken);
	return taken;
}

/* Wait for the first batch of a push. */
static void ramster_push_land(struct ramster_push *push)
{
	struct ramster_batch *batch = list_first_entry(&push->flying,
						       struct ramster_batch, list);
	unsigned int taken = 0;
	int err;

	list_del(&batch->list);
	push->nr_flying--;
	err = ramster_call_wait(&batch->call, false);
	if (err == -EBUSY) {
		batch->taken = 0;
		err = 0;
	}
	if (err)
		ramster_batch_failed(batch, err);
	else
		taken = ramster_batch_answered(batch);
	trace_ramster_push(batch->call.peer->slot, batch->nr, batch->used, taken, err);
	ramster_call_put(&batch->call);
}

static unsigned int ramster_push_flying(struct ramster_push *push,
					struct ramster_peer *peer)
{
	struct ramster_batch *batch;
	unsigned int nr = 0;

	list_for_each_entry(batch, &push->flying, list)
		nr += batch->call.peer == peer;
	return nr;
}

/* Until @copies more batches may be on their way, one of them to @peer. */
static void ramster_push_make_way(struct ramster_push *push, struct ramster_peer *peer,
				  unsigned int copies)
{
	while (push->nr_flying + copies > RAMSTER_MAX_WINDOW ||
	       ramster_push_flying(push, peer) >= READ_ONCE(peer->window))
		ramster_push_land(push);
}

/* Returns false if there are none; then none was got. */
static bool ramster_batches_get(struct ramster_batch **batches, unsigned int copies)
{
	unsigned int copy;

	for (copy = 0; copy < copies; copy++) {
		wait_event_timeout(ramster_batch_wait,
				   (batches[copy] = ramster_batch_get()),
				   msecs_to_jiffies(RAMSTER_SOFT_MS));
		if (!batches[copy])
			goto fail;
	}
	return true;
fail:
	while (copy--)
		ramster_batch_free(batches[copy]);
	return false;
}

/* Send what is placed like @first. Returns false if nothing can be sent. */
static bool ramster_push_send(struct ramster_push *push, struct ramster_peer **peers,
			      unsigned int copies, unsigned int first)
{
	enum ramster_proc proc = copies > 1 ? RAMSTER_PROC_KEEP : RAMSTER_PROC_STORE;
	struct ramster_batch *batches[RAMSTER_COPIES];
	unsigned int copy;

	for (copy = 0; copy < copies; copy++)
		ramster_push_make_way(push, peers[copy], copies);
	for (copy = 0; copy < copies; copy++)
		if (READ_ONCE(ramster_suspended) || !ramster_peer_takes(peers[copy]))
			return false;
	if (!ramster_batches_get(batches, copies))
		return false;
	ramster_batch_fill(batches[0], push, first);
	if (!batches[0]->nr) {
		while (copies--)
			ramster_batch_free(batches[copies]);
		return false;
	}
	if (copies > 1)
		ramster_batch_copy(batches[1], batches[0]);
	for (copy = 0; copy < copies; copy++) {
		ramster_call_start(&batches[copy]->call, peers[copy], RAMSTER_CONN_PUSH,
				   proc, ramster_batch_release);
		list_add_tail(&batches[copy]->list, &push->flying);
		push->nr_flying++;
	}
	return true;
}

/* All that is placed like @first stays here. */
static void ramster_push_give_up(struct ramster_push *push, unsigned int first)
{
	u64 place = push->zpages[first].cookie;
	unsigned int i;

	for (i = first; i < push->nr; i++)
		if (push->zpages[i].cookie == place)
			push->zpages[i].cookie = 0;
}

static void ramster_push_placed(struct ramster_push *push, unsigned int first)
{
	u64 place = push->zpages[first].cookie & ~RAMSTER_PLACED;
	unsigned int copy, copies = ramster_cookie_copies(place);
	struct ramster_peer *peers[RAMSTER_COPIES];
	bool there = true;

	for (copy = 0; copy < copies; copy++) {
		peers[copy] = ramster_peer_get(ramster_cookie_slot(place, copy));
		there &= !!peers[copy];
	}
	if (!there || !ramster_push_send(push, peers, copies, first))
		ramster_push_give_up(push, first);
	for (copy = 0; copy < copies; copy++)
		if (peers[copy])
			ramster_peer_put(peers[copy]);
}

static void ramster_push_all(struct ramster_push *push)
{
	unsigned int first = 0;

	while (first < push->nr) {
		if (push->zpages[first].cookie & RAMSTER_PLACED)
			ramster_push_placed(push, first);
		else
			first++;
	}
}

static void ramster_push_place(struct ramster_push *push)
{
	unsigned int i, slots[RAMSTER_COPIES];

	for (i = 0; i < push->nr; i++)
		if (ramster_peer_place(&push->zpages[i].key, push->durability, slots))
			push->zpages[i].cookie = RAMSTER_PLACED | ramster_cookie(slots, 0);
}

/*
 * Under RCU. All lenders that were asked have taken it: does it count? Who stops one of
 * them sees that it has it, or we see that it is being stopped. What would have to come
 * home at once stays.
 */
static bool ramster_page_left(u64 cookie)
{
	unsigned int copy, copies = ramster_cookie_copies(cookie);
	struct ramster_peer *peers[RAMSTER_COPIES];

	if (ramster_is_stray(cookie))
		return false;
	for (copy = 0; copy < copies; copy++) {
		peers[copy] = ramster_peer_peek(ramster_cookie_slot(cookie, copy));
		if (!peers[copy])
			return false;
	}
	for (copy = 0; copy < copies; copy++) {
		atomic_long_inc(&peers[copy]->entries);
		if (copies > 1)
			atomic_long_inc(&peers[copy]->kept);
	}
	if (copies > 1)
		atomic_long_inc(&ramster_nr_mirrored);
	return true;
}

/* Under RCU. Not all have taken it: it stays here, and nobody needs to have it. */
static void ramster_page_stays(u64 cookie)
{
	unsigned int copy, copies = ramster_cookie_copies(cookie);
	struct ramster_peer *peer;

	for (copy = 0; copy < copies; copy++) {
		peer = ramster_peer_peek(ramster_cookie_slot(cookie, copy));
		if (peer && !(cookie & RAMSTER_ASKED(copy)))
			ramster_drop(peer, ramster_cookie_number(cookie), copies > 1);
	}
}

/* All answers are there, or will not come. Returns the number of pages that have left. */
static unsigned int ramster_push_settle(struct ramster_push *push)
{
	unsigned int i, taken = 0;
	u64 cookie;

	rcu_read_lock();
	for (i = 0; i < push->nr; i++) {
		cookie = push->zpages[i].cookie;
		if (!cookie)
			continue;
		if (!(cookie & RAMSTER_ASKED_ANY) && ramster_page_left(cookie)) {
			taken++;
			continue;
		}
		ramster_page_stays(cookie);
		push->zpages[i].cookie = 0;
	}
	rcu_read_unlock();
	return taken;
}

/* Either this push is seen by who suspends, or it sees that it must not begin. */
static bool ramster_push_begin(void)
{
	atomic_inc(&ramster_pushes);
	smp_mb__after_atomic();	/* pairs with ramster_pm_notify() */
	return !READ_ONCE(ramster_suspended);
}

static void ramster_push_end(void)
{
	if (atomic_dec_and_test(&ramster_pushes))
		wake_up(&ramster_batch_wait);
}

/**
 * ramster_push() - copy zpages to lenders
 * @zpages: the zpages, pinned; their @cookie is filled in
 * @nr: their number
 * @durability: whether they should be mirrored; they are if there are two lenders that
 *	keep them
 *
 * Every cookie that is not 0 afterwards must come to an end with ramster_forget().
 *
 * Context: Process context, no locks. Waits for the lenders, for a limited time; must not
 * be called where memory is waited for.
 * Return: the number of zpages that were taken.
 */
unsigned int ramster_push(struct ramster_zpage *zpages, unsigned int nr,
			  enum ramster_durability durability)
{
	struct ramster_push push = {
		.zpages = zpages,
		.nr = nr,
		.durability = durability,
		.flying = LIST_HEAD_INIT(push.flying),
	};
	unsigned int i, taken = 0;

	for (i = 0; i < nr; i++)
		zpages[i].cookie = 0;
	if (ramster_push_begin()) {
		ramster_push_place(&push);
		ramster_push_all(&push);
		while (push.nr_flying)
			ramster_push_land(&push);
		taken = ramster_push_settle(&push);
	}
	ramster_push_end();
	return taken;
}

/**
 * ramster_wants_pages() - would a push be worth its while?
 *
 * Context: Any.
 * Return: true if there is a lender that takes pages now.
 */
bool ramster_wants_pages(void)
{
	return !READ_ONCE(ramster_suspended) && ramster_peers_take();
}

/**
 * ramster_come_home() - all that is mirrored is to come home
 *
 * Context: Any but interrupt context. Does not wait.
 */
void ramster_come_home(void)
{
	atomic64_set(&ramster_homeward, ramster_last_number());
	if (ramster_mirrored_pages() > 0)
		zcache_writeback_strays(false);
}

/**
 * ramster_set_durability() - say where swap pages are to be that leave
 * @durability: where
 *
 * What is mirrored already comes home if it is not to be.
 *
 * Context: Any but interrupt context.
 */
void ramster_set_durability(enum ramster_durability durability)
{
	WRITE_ONCE(ramster_durability_now, durability);
	if (durability != RAMSTER_MIRROR)
		ramster_come_home();
}

/**
 * ramster_await_home() - wait until mirrored pages have come home
 * @pages: their number
 * @ms: how long to wait if there is no progress
 *
 * Context: May sleep.
 * Return: false if there was none and some are left.
 */
bool ramster_await_home(const atomic_long_t *pages, unsigned int ms)
{
	unsigned long end = jiffies;
	long left, last = LONG_MAX;

	while ((left = atomic_long_read(pages)) > 0) {
		if (left >= last && time_after(jiffies, end))
			return false;
		if (left >= last)
			msleep(RAMSTER_RETRY_MS);
		else
			end = jiffies + msecs_to_jiffies(ms);
		last = min(left, last);
		zcache_writeback_strays(true);
	}
	return true;
}

/* Who sleeps for long has no session left when he wakes. */
static bool ramster_pm_prepare(void)
{
	WRITE_ONCE(ramster_suspended, true);
	smp_mb();	/* pairs with ramster_push_begin() */
	if (!wait_event_timeout(ramster_batch_wait, !atomic_read(&ramster_pushes),
				4 * msecs_to_jiffies(RAMSTER_HARD_MS)))
		return false;
	ramster_come_home();
	return ramster_await_home(&ramster_nr_mirrored, 4 * RAMSTER_HARD_MS);
}

static int ramster_pm_notify(struct notifier_block *nb, unsigned long event, void *unused)
{
	switch (event) {
	case PM_HIBERNATION_PREPARE:
	case PM_SUSPEND_PREPARE:
	case PM_RESTORE_PREPARE:
		if (!ramster_pm_prepare()) {
			WRITE_ONCE(ramster_suspended, false);
			return notifier_from_errno(-EBUSY);
		}
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_SUSPEND:
	case PM_POST_RESTORE:
		WRITE_ONCE(ramster_suspended, false);
		break;
	}
	return NOTIFY_DONE;
}

static bool ramster_is_past(u64 cookie, void *last)
{
	return ramster_cookie_number(cookie) <= *(u64 *)last;
}

/*
 * A virtual machine was put back to a snapshot or cloned. The numbers that are given out
 * next were used, and another machine may have the sessions: nothing of before counts.
 * What is pushed meanwhile has the new key, and to forget that as well might never end.
 */
static int ramster_vmfork_notify(struct notifier_block *nb, unsigned long event,
				 void *unused)
{
	u64 last;

	if (ramster_seal_renew())
		pr_err("no new key after a snapshot: nothing leaves any more\n");
	ramster_peers_renew();
	last = ramster_last_number();
	zcache_forget_remote(ramster_is_past, &last);
	return NOTIFY_DONE;
}

static struct notifier_block ramster_vmfork_notifier = {
	.notifier_call = ramster_vmfork_notify,
};

static struct notifier_block ramster_pm_notifier = {
	.notifier_call = ramster_pm_notify,
};

/*
 * Pages that came back
 */

static mempool_t *ramster_page_pool;

/* From the reserve, if it must be. */
static struct page *ramster_page_alloc(bool reserve)
{
	return reserve ? mempool_alloc(ramster_page_pool, RAMSTER_GFP) :
			 alloc_page(RAMSTER_GFP);
}

static void ramster_page_free(struct page *page)
{
	mempool_free(page, ramster_page_pool);
}

static struct ramster_page *ramster_page_new(bool reserve)
{
	struct page *page = ramster_page_alloc(reserve);
	struct ramster_page *new;

	if (!page)
		return NULL;
	new = page_address(page);
	refcount_set(&new->refs, 1);
	return new;
}

/**
 * ramster_page_put() - a page is not needed any more
 * @page: the page
 *
 * Context: Any but interrupts.
 */
void ramster_page_put(struct ramster_page *page)
{
	if (refcount_dec_and_test(&page->refs))
		ramster_page_free(virt_to_page(page));
}

/* Nobody else has it. Returns false if it is not what was pushed. */
static bool ramster_page_open(struct ramster_page *page)
{
	struct ramster_header header;

	if (page->len < RAMSTER_SEAL_HEADER + RAMSTER_SEAL_TAG ||
	    ramster_open(page->number, page->data, page->len))
		return false;
	memcpy(&header, page->data, sizeof(header));
	page->key.object = header.object;
	page->key.index = header.index;
	page->key.pool = header.pool;
	page->key.payer = header.payer;
	page->checksum = header.checksum;
	page->len -= RAMSTER_SEAL_HEADER + RAMSTER_SEAL_TAG;
	memmove(page->data, page->data + RAMSTER_SEAL_HEADER, page->len);
	return true;
}

/*
 * What came with others
 */

static DEFINE_SPINLOCK(ramster_arrivals_lock);	/* all of these */
static struct ramster_page *ramster_arrivals[RAMSTER_ARRIVALS];
static u64 ramster_arrival_numbers[RAMSTER_ARRIVALS];
static unsigned int ramster_next_arrival;

/* Its place, or RAMSTER_ARRIVALS. No page has number 0. */
static unsigned int ramster_arrival_find(u64 number)
{
	unsigned int i;

	lockdep_assert_held(&ramster_arrivals_lock);
	for (i = 0; i < RAMSTER_ARRIVALS; i++)
		if (ramster_arrival_numbers[i] == number)
			break;
	return i;
}

static bool ramster_arrived(u64 number)
{
	bool found;

	spin_lock(&ramster_arrivals_lock);
	found = ramster_arrival_find(number) < RAMSTER_ARRIVALS;
	spin_unlock(&ramster_arrivals_lock);
	return found;
}

static struct ramster_page *ramster_arrival_take(u64 number)
{
	struct ramster_page *page = NULL;
	unsigned int i;

	spin_lock(&ramster_arrivals_lock);
	i = ramster_arrival_find(number);
	if (i < RAMSTER_ARRIVALS) {
		page = ramster_arrivals[i];
		ramster_arrivals[i] = NULL;
		ramster_arrival_numbers[i] = 0;
	}
	spin_unlock(&ramster_arrivals_lock);
	return page;
}

/* In the place of the oldest, unless it is there. The reference goes with it. */
static void ramster_arrival_add(struct ramster_page *page)
{
	struct ramster_page *old = page;
	unsigned int i;

	spin_lock(&ramster_arrivals_lock);
	if (ramster_arrival_find(page->number) == RAMSTER_ARRIVALS) {
		i = ramster_next_arrival++ % RAMSTER_ARRIVALS;
		old = ramster_arrivals[i];
		ramster_arrivals[i] = page;
		ramster_arrival_numbers[i] = page->number;
	}
	spin_unlock(&ramster_arrivals_lock);
	if (old)
		ramster_page_put(old);
}

/*
 * Load
 */

/**
 * struct ramster_load - pages that are asked for
 * @call: the call
 * @page: where the first one goes, NULL once somebody has it
 * @found: the first one was there
 * @killable: who waits for it may be killed
 * @nr: number of @numbers
 * @nr_pages: number of @pages
 * @numbers: the pages: the one that is wanted, and others that may come with it
 * @pages: that receive the answer
 */
struct ramster_load {
	struct ramster_call call;
	struct ramster_page *page;
	bool found;
	bool killable;
	unsigned int nr;
	unsigned int nr_pages;
	u64 numbers[RAMSTER_MAX_LOAD];
	struct page *pages[RAMSTER_LOAD_PAGES];
};

static mempool_t *ramster_load_pool;

void ramster_xdr_load(struct rpc_rqst *req, struct xdr_stream *xdr, const void *obj)
{
	struct ramster_load *load = container_of((void *)obj, struct ramster_load, call);

	ramster_encode_numbers(xdr, &load->call.token, load->numbers, load->nr,
			       RAMSTER_MAX_LOAD);
	/* Two words of the answer come before the pages. */
	rpc_prepare_reply_pages(req, load->pages, 0, load->nr_pages * PAGE_SIZE, 2);
}

/*
 * The next page of the answer. What crosses from one page of the answer to the next is
 * put together where it is wanted anyway. Returns 1 if it is there, 0 if not.
 */
static int ramster_xdr_page(struct xdr_stream *xdr, u64 number, struct ramster_page *page)
{
	struct ramster_sealed sealed;
	int err;

	xdr_set_scratch_buffer(xdr, page->data, RAMSTER_MAX_SEALED);
	err = ramster_decode_sealed(xdr, &sealed);
	if (err)
		return err;
	if (sealed.number != number || sealed.len > RAMSTER_MAX_SEALED)
		return -EBADMSG;
	page->number = number;
	page->len = sealed.len;
	if (sealed.len && sealed.data != page->data)
		memcpy(page->data, sealed.data, sealed.len);
	return sealed.len != 0;
}

/* What came with it. No harm is done where that fails. */
static void ramster_xdr_near(struct xdr_stream *xdr, struct ramster_load *load)
{
	struct ramster_page *page;
	unsigned int i;
	int there;

	for (i = 1; i < load->nr; i++) {
		page = ramster_page_new(false);
		if (!page)
			return;
		there = ramster_xdr_page(xdr, load->numbers[i], page);
		if (there > 0) {
			ramster_count(RAMSTER_PREFETCHED);
			ramster_arrival_add(page);
			continue;
		}
		ramster_page_put(page);
		if (there < 0)
			return;
	}
}

int ramster_xdr_loaded(struct rpc_rqst *req, struct xdr_stream *xdr, void *obj)
{
	struct ramster_load *load = container_of(obj, struct ramster_load, call);
	int there, err;
	u32 nr;

	err = ramster_decode_loaded(xdr, &load->call.status, &nr);
	if (err || load->call.status != RAMSTER_OK)
		return err;
	if (nr != load->nr)
		return -EBADMSG;
	there = ramster_xdr_page(xdr, load->numbers[0], load->page);
	if (there < 0)
		return there;
	load->found = there;
	ramster_xdr_near(xdr, load);
	return 0;
}

static void ramster_load_free(struct ramster_load *load)
{
	while (load->nr_pages)
		ramster_page_free(load->pages[--load->nr_pages]);
	if (load->page)
		ramster_page_put(load->page);
	mempool_free(load, ramster_load_pool);
}

static void ramster_load_release(struct ramster_call *call)
{
	struct ramster_peer *peer = call->peer;

	ramster_load_free(container_of(call, struct ramster_load, call));
	atomic_dec(&peer->loads);
	ramster_peer_put(peer);
}

/* Pages for the answer: one is enough for what is wanted. Fewer neighbours, else. */
static bool ramster_load_pages(struct ramster_load *load)
{
	unsigned int wanted = DIV_ROUND_UP(load->nr * RAMSTER_LOADED_SIZE, PAGE_SIZE);
	struct page *page;

	while (load->nr_pages < wanted) {
		page = ramster_page_alloc(!load->nr_pages);
		if (!page)
			break;
		load->pages[load->nr_pages++] = page;
	}
	load->nr = min_t(unsigned int, load->nr,
			 load->nr_pages * PAGE_SIZE / RAMSTER_LOADED_SIZE);
	return load->nr;
}

/* Not what the lender has dropped, or never had, as far as is known. */
static bool ramster_may_have(struct ramster_peer *peer, u64 cookie)
{
	u64 oldest = ramster_is_mirrored(cookie) ? peer->born : atomic64_read(&peer->oldest);

	return ramster_cookie_is_at(cookie, peer->slot) &&
	       ramster_cookie_number(cookie) >= oldest;
}

static void ramster_load_add_near(struct ramster_load *load, struct ramster_peer *peer,
				  const u64 *near, unsigned int nr_near)
{
	unsigned int i;
	u64 number;

	for (i = 0; i < nr_near && load->nr < RAMSTER_MAX_LOAD; i++) {
		number = ramster_cookie_number(near[i]);
		if (ramster_may_have(peer, near[i]) && !ramster_arrived(number))
			load->numbers[load->nr++] = number;
	}
}

static struct ramster_load *ramster_load_alloc(struct ramster_peer *peer, u64 cookie,
					       const u64 *near, unsigned int nr_near)
{
	struct ramster_load *load = mempool_alloc(ramster_load_pool, RAMSTER_GFP);

	if (!load)
		return NULL;
	load->found = false;
	load->nr_pages = 0;
	load->killable = !ramster_is_mirrored(cookie);
	load->numbers[0] = ramster_cookie_number(cookie);
	load->nr = 1;
	ramster_load_add_near(load, peer, near, nr_near);
	load->page = ramster_page_new(true);
	if (load->page && ramster_load_pages(load))
		return load;
	ramster_load_free(load);
	return NULL;
}

/* Returns NULL if it is not there, or an ERR_PTR if nobody knows. */
static struct ramster_page *ramster_load_run(struct ramster_load *load,
					     struct ramster_peer *peer)
{
	struct ramster_page *page = NULL;
	int err;

	ramster_call_start(&load->call, peer, RAMSTER_CONN_LOAD, RAMSTER_PROC_LOAD,
			   ramster_load_release);
	err = ramster_call_wait(&load->call, load->killable);
	if (!err && load->found) {
		page = load->page;
		load->page = NULL;
	}
	ramster_call_put(&load->call);
	return err ? ERR_PTR(err) : page;
}

/*
 * NULL if it is not there, or an ERR_PTR if nobody knows. @again: as nobody else has
 * answered, try it even if that is not likely to help.
 */
static struct ramster_page *ramster_load_from(struct ramster_peer *peer, u64 cookie,
					      const u64 *near, unsigned int nr_near,
					      bool again)
{
	struct ramster_load *load;

	if (!ramster_may_have(peer, cookie))
		return NULL;
	if (!ramster_peer_answers(peer, RAMSTER_CONN_LOAD) &&
	    !(again && READ_ONCE(peer->session)))
		return ERR_PTR(-ENOTCONN);
	if (atomic_inc_return(&peer->loads) <= RAMSTER_MAX_LOADS) {
		load = ramster_load_alloc(peer, cookie, near, nr_near);
		if (load)
			return ramster_load_run(load, peer);
	}
	atomic_dec(&peer->loads);
	return ERR_PTR(-ENOMEM);
}

/* Is it what was pushed? If not it is freed. */
static int ramster_page_check(struct ramster_page *page)
{
	if (ramster_page_open(page))
		return 0;
	pr_warn_ratelimited("a lender has sent what is not ours\n");
	ramster_count(RAMSTER_FORGED);
	ramster_page_put(page);
	return -ENOENT;
}

/* One that was to keep it, and does not, has lost more than this, or is no lender. */
static void ramster_copy_missing(struct ramster_peer *peer, u64 cookie, bool forged)
{
	if (ramster_is_mirrored(cookie))
		ramster_peer_suspect(peer, forged ? S64_MAX : ramster_last_number() + 1);
}

/* Ask one lender. Returns 0; -ENOENT if it does not have it; else nobody knows. */
static int ramster_load_copy(u64 cookie, unsigned int copy, const u64 *near,
			     unsigned int nr_near, bool again,
			     struct ramster_page **page)
{
	struct ramster_peer *peer = ramster_peer_get(ramster_cookie_slot(cookie, copy));
	int err = -ENOENT;

	if (!peer) {
		ramster_count(RAMSTER_MISSES);
		return err;
	}
	*page = ramster_load_from(peer, cookie, near, nr_near, again);
	if (IS_ERR(*page)) {
		ramster_count(RAMSTER_LOAD_FAILED);
		err = PTR_ERR(*page);
	} else if (!*page) {
		ramster_count(RAMSTER_MISSES);
		ramster_copy_missing(peer, cookie, false);
	} else {
		err = ramster_page_check(*page);
		if (err)
			ramster_copy_missing(peer, cookie, true);
	}
	ramster_peer_put(peer);
	return err;
}

/* May the lender still answer, when it has not just now? */
static bool ramster_copy_hopeful(u64 cookie, unsigned int copy, int err)
{
	struct ramster_peer *peer;
	bool hopeful;

	rcu_read_lock();
	peer = ramster_peer_peek(ramster_cookie_slot(cookie, copy));
	hopeful = err != -ENOENT && peer && !ramster_peer_lost(peer);
	rcu_read_unlock();
	return hopeful;
}

/* Which lender of a page is asked first. */
static unsigned int ramster_first_copy(u64 cookie)
{
	return ramster_is_mirrored(cookie) &&
	       ramster_peer_endangers(ramster_cookie_slot(cookie, 0),
				      ramster_cookie_number(cookie));
}

static int ramster_load_mirrored(u64 cookie, const u64 *near, unsigned int nr_near,
				 struct ramster_page **page)
{
	unsigned long end = jiffies + RAMSTER_PATIENCE;
	unsigned int i, copy, first = ramster_first_copy(cookie);
	bool hopeful, again = false;
	int err;

	for (;; again = true) {
		hopeful = false;
		for (i = 0; i < RAMSTER_COPIES; i++) {
			copy = first ^ i;
			err = ramster_load_copy(cookie, copy, near, nr_near, again, page);
			if (!err)
				return 0;
			hopeful |= ramster_copy_hopeful(cookie, copy, err);
		}
		if (!hopeful || time_after(jiffies, end))
			break;
		msleep(RAMSTER_RETRY_MS);
	}
	ramster_count(RAMSTER_MIRROR_FAILED);
	pr_err_ratelimited("neither lender gives a page that is nowhere else\n");
	return -ENOENT;
}

static int ramster_load_backed(u64 cookie, const u64 *near, unsigned int nr_near,
			       struct ramster_page **page)
{
	/*
	 * Who makes memory free must not wait for a lender that may want memory, and
	 * readahead goes on for a while after a kill.
	 */
	if (current->flags & (PF_MEMALLOC | PF_MEMALLOC_NOIO) ||
	    fatal_signal_pending(current)) {
		ramster_count(RAMSTER_LOAD_FAILED);
		return -ENOENT;
	}
	return ramster_load_copy(cookie, 0, near, nr_near, false, page) ? -ENOENT : 0;
}

/**
 * ramster_load() - get a page back
 * @cookie: of the page
 * @near: cookies of others that may be wanted soon
 * @nr_near: their number, at most %RAMSTER_MAX_NEAR
 * @page: filled in
 *
 * The lender keeps the page until ramster_forget().
 *
 * Context: Process context, folios and mmap_lock may be held. Waits for the lender, for
 * its hard limit at most, and not for a task that is killed; for a mirrored page until
 * both lenders are lost, for %RAMSTER_PATIENCE at most. Never waits for memory.
 * Return: 0, and the caller gives @page back with ramster_page_put(); or -ENOENT if no
 * lender has it, answers, or has answered with something else.
 */
int ramster_load(u64 cookie, const u64 *near, unsigned int nr_near,
		 struct ramster_page **page)
{
	u64 number = ramster_cookie_number(cookie);
	bool mirrored = ramster_is_mirrored(cookie);
	int err = -ENOENT;

	ramster_count(RAMSTER_LOADS);
	*page = ramster_arrival_take(number);
	if (*page) {
		ramster_count(RAMSTER_PREFETCH_HITS);
		err = ramster_page_check(*page);
	} else if (!mirrored) {
		err = ramster_load_backed(cookie, near, nr_near, page);
	}
	if (err && mirrored)
		err = ramster_load_mirrored(cookie, near, nr_near, page);
	if (!err)
		ramster_count(RAMSTER_HITS);
	trace_ramster_load(ramster_cookie_slot(cookie, 0), number, nr_near, err);
	return err;
}

/**
 * ramster_prefetch() - get a page here, so that a load that follows soon does not wait
 * @cookie: of the page
 * @near: cookies of others that are wanted then
 * @nr_near: their number, at most %RAMSTER_MAX_NEAR
 *
 * Context: Process context. Waits for each lender of the page, for its hard limit at most.
 * Return: true if it is here. It stays until many others have come.
 */
bool ramster_prefetch(u64 cookie, const u64 *near, unsigned int nr_near)
{
	unsigned int copy, i, first = ramster_first_copy(cookie);
	struct ramster_page *page = NULL;
	struct ramster_peer *peer;

	if (ramster_arrived(ramster_cookie_number(cookie)))
		return true;
	for (i = 0; i < ramster_cookie_copies(cookie) && IS_ERR_OR_NULL(page); i++) {
		copy = first ^ i;
		peer = ramster_peer_get(ramster_cookie_slot(cookie, copy));
		if (!peer)
			continue;
		page = ramster_load_from(peer, cookie, near, nr_near, false);
		if (!page)
			ramster_copy_missing(peer, cookie, false);
		ramster_peer_put(peer);
	}
	if (IS_ERR_OR_NULL(page))
		return false;
	ramster_arrival_add(page);
	return true;
}

/*
 * Boot
 */

static int __init ramster_batch_init(struct ramster_batch *batch)
{
	unsigned int i;

	/* Not one large page: the network may hold some of it longer than others. */
	batch->buf = alloc_pages_exact(RAMSTER_MAX_BATCH, GFP_KERNEL);
	if (!batch->buf)
		return -ENOMEM;
	for (i = 0; i < RAMSTER_BATCH_PAGES; i++)
		batch->pages[i] = virt_to_page(batch->buf + i * PAGE_SIZE);
	list_add(&batch->list, &ramster_free_batches);
	return 0;
}

/**
 * ramster_borrower_start() - at boot, if RAMster was asked for
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM; RAMster is not started then.
 */
int __init ramster_borrower_start(void)
{
	unsigned int i;
	int err;

	ramster_page_pool = mempool_create_page_pool(2 * RAMSTER_MIN_LOADS, 0);
	ramster_load_pool = mempool_create_kmalloc_pool(RAMSTER_MIN_LOADS,
							sizeof(struct ramster_load));
	if (!ramster_page_pool || !ramster_load_pool)
		return -ENOMEM;
	for (i = 0; i < RAMSTER_BATCHES; i++) {
		err = ramster_batch_init(&ramster_batches[i]);
		if (err)
			return err;
	}
	err = register_pm_notifier(&ramster_pm_notifier);
	if (!err)
		err = register_random_vmfork_notifier(&ramster_vmfork_notifier);
	return err ? err : ramster_peers_init();
}
