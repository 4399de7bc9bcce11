// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are on another machine, as zcache sees them
 *
 * Such a page has a cookie of RAMster (ramster/ramster.h) in place of the handle of a
 * zpage in the index, and nothing else: no memory, no charge, no pin. A cookie is never
 * used again for another page.
 *
 * Why no page becomes stale
 * -------------------------
 * - The cookie takes the place of the very zpage that was sent (tmem_replace()). If
 *   another one was stored meanwhile, or the page was invalidated, it does not.
 * - From then on it ends as any other entry: stores replace it, invalidations drop it.
 *   What comes from the network for a cookie is the zpage that was sent, or it does not
 *   open (ramster/seal.c), and it has its key and checksum in it.
 * - A file page that came back counts only if its entry can be erased, which checks that
 *   it still is this cookie. A swap page is loaded by who owns its slot: nobody else
 *   stores or frees it.
 *
 * Why none is lost
 * ----------------
 * A file page is clean. A swap page leaves only while it is written to its device
 * (frontswap_writeback()): the folio with its content is locked then and in the swap
 * cache, and stays there until the device has the content. So a miss here is no loss:
 * the device is read. After a miss the entry goes: it misses until the next store.
 *
 * A *mirrored* swap page is not on its device, two other machines keep it. It is loaded
 * like a page that is here: the folio becomes dirty, and the entry goes. Nothing else
 * makes the entry go, or the device would be read, which has something older there: not
 * a load that fails, which is an error of reading, and not who forgets pages of a
 * machine. It is a *stray* when one of the two is not to be relied on any more. Then
 * writeback.c takes it to its device, as it would a page of the pool: it becomes a folio
 * in the swap cache first. It is fetched before that, while nobody waits for it: should
 * that fail nothing has happened. A folio that is there already is made dirty instead,
 * and the entry goes: the two have the same content, and it is written when it leaves
 * memory (frontswap_prefer_folio()).
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include "zcache.h"
#include "ramster/ramster.h"

/* So many pages come home at once: there are folios for them. */
#define ZCACHE_STRAYS		32

static_assert(ZCACHE_MAX_AHEAD <= RAMSTER_MAX_NEAR);
static_assert(TMEM_HANDLE_BITS - 2 >= RAMSTER_COOKIE_BITS);

static u64 zcache_cookie(unsigned long handle)
{
	return handle & ~ZCACHE_REMOTE;
}

/* The cookie of a page, 0 if it is not on another machine. */
static u64 zcache_find_cookie(struct tmem_pool *pool, const struct tmem_key *key)
{
	unsigned long handle;

	if (tmem_pin(pool, key, &handle))
		return 0;
	if (zcache_is_remote(handle))
		return zcache_cookie(handle);
	zcache_unpin(pool, handle);
	return 0;
}

/* Those of the pages behind a page that are on other machines as well. */
static unsigned int zcache_find_ahead(struct tmem_pool *pool, const struct tmem_key *key,
				      unsigned int ahead, u64 *near)
{
	struct tmem_key other = *key;
	unsigned int nr = 0;

	while (ahead--) {
		other.index++;
		near[nr] = zcache_find_cookie(pool, &other);
		if (near[nr])
			nr++;
	}
	return nr;
}

/* Came back as it left: is it this page, and does it decompress? */
static int zcache_open_remote(struct tmem_pool *pool, const struct tmem_key *key,
			      struct ramster_page *remote, struct page *page)
{
	struct zbud_zpage zpage = {
		.key = remote->key,
		.checksum = remote->checksum,
		.len = remote->len,
		.part[0] = { .addr = remote->data, .len = remote->len },
	};

	return zcache_open_zpage(pool, key, &zpage, page);
}

/**
 * zcache_load_remote() - bring a page back from another machine
 * @pool: its pool
 * @key: its key
 * @handle: its entry
 * @page: where it goes
 * @ahead: so many indices behind @key are read next, perhaps: what of them is on other
 *	machines comes with it. At most %ZCACHE_MAX_AHEAD
 *
 * The entry of a file page is erased, that of a swap page stays.
 *
 * Context: Process context. Sleeps, for a bounded time; allocates nothing that it
 * would wait for.
 * Return: %ZCACHE_LOADED_REMOTE, or -ENOENT; of a mirrored page %ZCACHE_LOADED_MIRRORED,
 * or -EIO.
 */
int zcache_load_remote(struct tmem_pool *pool, const struct tmem_key *key,
		       unsigned long handle, struct page *page, unsigned int ahead)
{
	u64 near[ZCACHE_MAX_AHEAD], cookie = zcache_cookie(handle);
	struct ramster_page *remote;
	unsigned int nr_near;
	int err;

	nr_near = zcache_find_ahead(pool, key, ahead, near);
	err = ramster_load(cookie, near, nr_near, &remote);
	if (!err) {
		err = zcache_open_remote(pool, key, remote, page);
		ramster_page_put(remote);
	}
	/* The device does not have it: it must not be read instead. */
	if (ramster_is_mirrored(cookie))
		return err ? -EIO : ZCACHE_LOADED_MIRRORED;
	if (err) {
		tmem_erase(pool, key, handle);
		return -ENOENT;
	}
	if (pool->type == TMEM_EPHEMERAL)
		err = zcache_erase_loaded(pool, key, handle);
	return err ?: ZCACHE_LOADED_REMOTE;
}

/**
 * zcache_free_remote() - the entry of a page on another machine is gone
 * @pool: its pool
 * @handle: the entry
 *
 * Context: Under the lock of a tree, perhaps with interrupts off.
 */
void zcache_free_remote(struct tmem_pool *pool, unsigned long handle)
{
	zcache_count_many(pool->type, ZCACHE_REMOTE_PAGES, -1);
	ramster_forget(zcache_cookie(handle));
}

/**
 * zcache_hand_over() - from now on a page is on another machine
 * @owner: its key
 * @handle: its zpage, which was sent, pinned; freed if it still was stored
 * @cookie: where it is
 *
 * Context: Any but interrupt context.
 * Return: true if it still was this zpage; false if not: the cookie is forgotten.
 */
bool zcache_hand_over(const struct zbud_key *owner, unsigned long handle, u64 cookie)
{
	struct tmem_key key = { .object = owner->object, .index = owner->index };
	struct tmem_pool *pool;
	bool replaced;

	rcu_read_lock();
	pool = zcache_pool(owner->pool);
	replaced = pool && tmem_replace(pool, &key, handle, ZCACHE_REMOTE | cookie);
	if (replaced) {
		zcache_count(pool->type, ZCACHE_REMOTE_PAGES);
		zcache_free_handle(pool, handle);
	}
	rcu_read_unlock();
	if (!replaced)
		ramster_forget(cookie);
	return replaced;
}

static bool zcache_match_stray(unsigned long handle, void *arg)
{
	u64 *cookie = arg;

	*cookie = zcache_cookie(handle);
	return zcache_is_remote(handle) && ramster_is_stray(*cookie);
}

/**
 * zcache_find_strays() - get the next mirrored pages that must come home
 * @next: where to look, 0 at first; where to go on
 * @slots: their slots, of those that are here now, sealed: a load does not wait for the
 *	network. Room for as many as fit into a batch
 * @nr: number of @slots
 *
 * Context: The worker of writeback.c. Sleeps, for a bounded time.
 * Return: how many were found, 0 if there are no more.
 */
unsigned int zcache_find_strays(swp_entry_t *next, swp_entry_t *slots,
				unsigned int *nr)
{
	swp_entry_t found[ZCACHE_STRAYS];
	u64 cookies[ZCACHE_STRAYS];
	unsigned int nr_found = 0, i;

	while (nr_found < ZCACHE_STRAYS &&
	       zcache_swap_find(next, zcache_match_stray, &cookies[nr_found])) {
		found[nr_found++] = *next;
		next->val++;
	}
	*nr = 0;
	for (i = 0; i < nr_found; i++)
		if (ramster_prefetch(cookies[i], cookies + i + 1,
				     min(nr_found - i - 1, RAMSTER_MAX_NEAR)))
			slots[(*nr)++] = found[i];
	ramster_count_many(RAMSTER_STRAYS, *nr);
	return nr_found;
}

/* What zcache_forget_remote() looks for. */
struct zcache_cookie_match {
	bool (*match)(u64 cookie, void *arg);
	void *arg;
};

static bool zcache_match_cookie(unsigned long handle, void *arg)
{
	const struct zcache_cookie_match *wanted = arg;

	return zcache_is_remote(handle) && !ramster_is_mirrored(zcache_cookie(handle)) &&
	       (!wanted->match || wanted->match(zcache_cookie(handle), wanted->arg));
}

/**
 * zcache_forget_remote() - forget pages on other machines
 * @match: says which, NULL: all. Called with a spinlock held
 * @arg: for @match
 *
 * Not those that are mirrored: they would be lost.
 *
 * Context: May sleep.
 * Return: how many were dropped.
 */
unsigned long zcache_forget_remote(bool (*match)(u64 cookie, void *arg), void *arg)
{
	struct zcache_cookie_match wanted = { .match = match, .arg = arg };

	return zcache_drop_matching(zcache_match_cookie, &wanted);
}

/**
 * zcache_forget_remote_range() - forget what of a range is on other machines
 * @pool: the pool
 * @key: the first key
 * @nr: number of indices
 *
 * Not what is mirrored, as above.
 *
 * Context: Any but interrupt context.
 */
void zcache_forget_remote_range(struct tmem_pool *pool, const struct tmem_key *key,
				unsigned long nr)
{
	struct zcache_cookie_match all = {};

	tmem_invalidate_matching(pool, key, nr, zcache_match_cookie, &all);
}
