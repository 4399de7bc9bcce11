/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RAMster: what its source files share, and what zcache calls.
 *
 *	main.c		boot, counters
 *	cold.c		which frames leave, and when		(calls zcache)
 *	borrower.c	pages go to a lender and come back	(zcache calls it)
 *	peer.c		a lender: its connections, session and health
 *	lender.c	the RPC service for borrowers
 *	store.c		the memory that is lent
 *	proto.c		the messages, proto.h
 *	seal.c		what leaves is encrypted
 *	config.c	configfs
 *	debugfs.c	counters
 */
#ifndef _MM_TMEM_RAMSTER_H
#define _MM_TMEM_RAMSTER_H

#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/socket.h>
#include <linux/types.h>

#include "../zbud.h"

struct seq_file;

/*
 * Counters
 */

/**
 * enum ramster_counter - what is counted
 * @RAMSTER_PUSHED: pages that a lender took
 * @RAMSTER_PUSHED_BYTES: their bytes on the wire
 * @RAMSTER_PUSH_REFUSED: pages that a lender did not take
 * @RAMSTER_PUSH_FAILED: pages of pushes without an answer
 * @RAMSTER_LOADS: pages that were asked for
 * @RAMSTER_HITS: pages that came back
 * @RAMSTER_PREFETCHED: pages that came with others
 * @RAMSTER_PREFETCH_HITS: and were asked for afterwards
 * @RAMSTER_MISSES: pages that the lender had dropped
 * @RAMSTER_LOAD_FAILED: loads without an answer in time
 * @RAMSTER_FORGED: pages that did not open: not what was pushed
 * @RAMSTER_FORGOTTEN: pages that are not needed any more
 * @RAMSTER_FORGET_LOST: of which the lender was not told
 * @RAMSTER_STRAYS: mirrored pages that were fetched to be brought home
 * @RAMSTER_MIRROR_FAILED: loads of mirrored pages that neither lender answered
 * @RAMSTER_LENT_STORES: pages taken from borrowers
 * @RAMSTER_LENT_REFUSED: pages not taken
 * @RAMSTER_LENT_LOADS: pages that borrowers asked for
 * @RAMSTER_LENT_HITS: and were there
 * @RAMSTER_LENT_DROPPED: pages dropped because the memory was wanted
 * @RAMSTER_LENT_MIGRATED: pages of frames that were moved elsewhere in memory
 * @RAMSTER_LENT_REJECTED: calls refused: no session, no right, malformed
 * @RAMSTER_NR_COUNTERS: their number
 */
enum ramster_counter {
	RAMSTER_PUSHED,
	RAMSTER_PUSHED_BYTES,
	RAMSTER_PUSH_REFUSED,
	RAMSTER_PUSH_FAILED,
	RAMSTER_LOADS,
	RAMSTER_HITS,
	RAMSTER_PREFETCHED,
	RAMSTER_PREFETCH_HITS,
	RAMSTER_MISSES,
	RAMSTER_LOAD_FAILED,
	RAMSTER_FORGED,
	RAMSTER_FORGOTTEN,
	RAMSTER_FORGET_LOST,
	RAMSTER_STRAYS,
	RAMSTER_MIRROR_FAILED,
	RAMSTER_LENT_STORES,
	RAMSTER_LENT_REFUSED,
	RAMSTER_LENT_LOADS,
	RAMSTER_LENT_HITS,
	RAMSTER_LENT_DROPPED,
	RAMSTER_LENT_MIGRATED,
	RAMSTER_LENT_REJECTED,
	RAMSTER_NR_COUNTERS,
};

struct ramster_counters {
	unsigned long n[RAMSTER_NR_COUNTERS];
};

DECLARE_PER_CPU(struct ramster_counters, ramster_counters);

/* Context: any; each CPU has its own. */
static inline void ramster_count_many(enum ramster_counter counter, long nr)
{
	this_cpu_add(ramster_counters.n[counter], nr);
}

static inline void ramster_count(enum ramster_counter counter)
{
	ramster_count_many(counter, 1);
}

u64 ramster_counted(enum ramster_counter counter);

/*
 * Names of pages
 *
 * A cookie is what zcache keeps of a page that is elsewhere, in the index and
 * nowhere else: the slots of two lenders, and the number of the page. If both are the
 * same the page is at one lender, and may be dropped there. If not it is *mirrored*:
 * both have it, sealed once and with the same number, and keep it. A number is
 * never used again, so a late, repeated or reordered message can never make a
 * page stale.
 */
#define RAMSTER_NUMBER_BITS	48
#define RAMSTER_PEER_BITS	6
#define RAMSTER_COOKIE_BITS	(RAMSTER_NUMBER_BITS + 2 * RAMSTER_PEER_BITS)
#define RAMSTER_MAX_PEERS	BIT(RAMSTER_PEER_BITS)
#define RAMSTER_COPIES		2

static inline u64 ramster_cookie(const unsigned int slots[RAMSTER_COPIES], u64 number)
{
	return ((u64)slots[0] << RAMSTER_PEER_BITS | slots[1]) << RAMSTER_NUMBER_BITS |
	       number;
}

static inline unsigned int ramster_cookie_slot(u64 cookie, unsigned int copy)
{
	return cookie >> (RAMSTER_COOKIE_BITS - (copy + 1) * RAMSTER_PEER_BITS) &
	       (RAMSTER_MAX_PEERS - 1);
}

static inline bool ramster_is_mirrored(u64 cookie)
{
	return ramster_cookie_slot(cookie, 0) != ramster_cookie_slot(cookie, 1);
}

/* At how many lenders it is. */
static inline unsigned int ramster_cookie_copies(u64 cookie)
{
	return ramster_is_mirrored(cookie) ? RAMSTER_COPIES : 1;
}

static inline bool ramster_cookie_is_at(u64 cookie, unsigned int slot)
{
	return ramster_cookie_slot(cookie, 0) == slot ||
	       ramster_cookie_slot(cookie, 1) == slot;
}

static inline u64 ramster_cookie_number(u64 cookie)
{
	return cookie & (BIT_ULL(RAMSTER_NUMBER_BITS) - 1);
}

/*
 * borrower.c
 */

/**
 * struct ramster_zpage - a zpage that is to leave
 * @key: its owner
 * @handle: its handle, pinned
 * @cookie: filled in: where it is now as well, 0 if nobody took it
 */
struct ramster_zpage {
	struct zbud_key key;
	unsigned long handle;
	u64 cookie;
};

/**
 * struct ramster_page - a page that came back
 * @refs: users, the cache of what came with others among them
 * @number: its number
 * @key: its owner, as it was pushed
 * @checksum: as it was pushed
 * @len: bytes of @data
 * @data: the zpage
 */
struct ramster_page {
	refcount_t refs;
	u64 number;
	struct zbud_key key;
	u32 checksum;
	u32 len;
	u8 data[];
};

/* The most pages that are asked for with one. */
#define RAMSTER_MAX_NEAR	15

/* What does not fit into the frames of a lender with its seal stays here. */
#define RAMSTER_SEAL_HEADER	24
#define RAMSTER_SEAL_TAG	16
#define RAMSTER_MAX_ZPAGE	(ZBUD_MAX_SIZE - RAMSTER_SEAL_HEADER - RAMSTER_SEAL_TAG)

/**
 * enum ramster_durability - where a swap page is that leaves
 * @RAMSTER_BACKED: on its device, and at a lender
 * @RAMSTER_MIRROR: at two lenders, if there are two
 */
enum ramster_durability {
	RAMSTER_BACKED,
	RAMSTER_MIRROR,
};

bool ramster_wants_pages(void);
unsigned int ramster_push(struct ramster_zpage *zpages, unsigned int nr,
			  enum ramster_durability durability);
bool ramster_prefetch(u64 cookie, const u64 *near, unsigned int nr_near);
int ramster_load(u64 cookie, const u64 *near, unsigned int nr_near,
		 struct ramster_page **page);
void ramster_page_put(struct ramster_page *page);
void ramster_forget(u64 cookie);
bool ramster_is_stray(u64 cookie);
enum ramster_durability ramster_durability(void);
void ramster_set_durability(enum ramster_durability durability);
long ramster_mirrored_pages(void);
int ramster_borrower_start(void);

/*
 * peer.c
 */

/**
 * enum ramster_security - what a connection must prove
 * @RAMSTER_TLS: TLS 1.3 with certificates of both sides
 * @RAMSTER_INSECURE: nothing: whoever has the address
 */
enum ramster_security {
	RAMSTER_TLS,
	RAMSTER_INSECURE,
};

#define RAMSTER_NAME_LEN	64
#define RAMSTER_SOFT_MS		1000
#define RAMSTER_HARD_MS		5000

/**
 * struct ramster_peer_conf - a lender as it is configured
 * @name: of its folder, for messages
 * @addr: address and port
 * @security: what it must prove
 * @servername: the name that its certificate must have
 * @soft_ms: how long a call may take
 * @hard_ms: how long anyone waits at most
 */
struct ramster_peer_conf {
	char name[RAMSTER_NAME_LEN];
	struct sockaddr_storage addr;
	enum ramster_security security;
	char servername[RAMSTER_NAME_LEN];
	unsigned int soft_ms;
	unsigned int hard_ms;
};

struct ramster_peer;

struct ramster_peer *ramster_peer_start(const struct ramster_peer_conf *conf);
void ramster_peer_stop(struct ramster_peer *peer);
void ramster_peer_show(struct ramster_peer *peer, struct seq_file *seq);
const char *ramster_peer_state(struct ramster_peer *peer);
void ramster_peers_show(struct seq_file *seq);

/*
 * lender.c
 */

#define RAMSTER_MAX_LISTEN	4

/**
 * struct ramster_lender_conf - the lender as it is configured
 * @listen: addresses and ports to listen on
 * @nr_listen: their number
 * @percent: of memory that all borrowers together may get
 * @headroom_percent: of memory that must be left available, or nothing is taken
 * @threads: of the service
 */
struct ramster_lender_conf {
	struct sockaddr_storage listen[RAMSTER_MAX_LISTEN];
	unsigned int nr_listen;
	unsigned int percent;
	unsigned int headroom_percent;
	unsigned int threads;
};

struct ramster_client;

int ramster_lender_start(const struct ramster_lender_conf *conf);
void ramster_lender_stop(void);
struct ramster_client *ramster_client_allow(const char *name,
					    const struct sockaddr_storage *addr,
					    enum ramster_security security,
					    unsigned long quota_pages);
void ramster_client_deny(struct ramster_client *client);
void ramster_clients_show(struct seq_file *seq);

/*
 * store.c
 */

struct ramster_store;

struct ramster_store *ramster_store_create(unsigned long quota_pages);
void ramster_store_destroy(struct ramster_store *store);
int ramster_store_put(struct ramster_store *store, u64 number, const void *data,
		      unsigned int len, bool keep);
int ramster_store_get(struct ramster_store *store, u64 number, void *buf,
		      unsigned int size);
void ramster_store_drop(struct ramster_store *store, u64 number);
unsigned long ramster_store_pages(struct ramster_store *store);
unsigned long ramster_store_kept(struct ramster_store *store);
unsigned long ramster_store_lost(struct ramster_store *store);
unsigned long ramster_store_room(struct ramster_store *store);
u64 ramster_store_oldest(struct ramster_store *store);
int ramster_store_start(unsigned int percent, unsigned int headroom_percent);
unsigned long ramster_lent_frame_pages(void);
unsigned long ramster_store_shrink(unsigned long nr_pages, bool kept);
bool ramster_store_recalls(void);
void ramster_store_settle(void);
int ramster_store_validate(struct ramster_store *store);

/*
 * seal.c
 */

int ramster_seal_start(void);
int ramster_seal_renew(void);
int ramster_seal(u64 number, void *buf, unsigned int len);
int ramster_open(u64 number, void *buf, unsigned int len);

/*
 * cold.c
 */

int ramster_cold_start(void);

/*
 * config.c and debugfs.c
 */

int ramster_config_start(void);
void ramster_debugfs_start(void);

#endif /* _MM_TMEM_RAMSTER_H */
