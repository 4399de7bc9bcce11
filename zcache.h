/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zcache: what its source files share.
 *
 *	zcache-main.c	stores and loads of pages, pools, boot
 *	swap-pages.c	the back end of frontswap
 *	file-pages.c	the back end of cleancache
 *	admission.c	which file pages are kept
 *	costs.c		what copies and devices cost
 *	frames.c	the memory: limit, ouroboros, shrinker
 *	writeback.c	swap pages move on to their device
 *	decay.c		an idle pool gives its memory back
 *	memcg.c		which control group pays for swap pages
 *	remote.c	pages that are on another machine (ramster/)
 *	compress.c	per-CPU compression streams
 *	knobs.c		what can be tuned: boot line, module parameters, debugfs
 *	debugfs.c	counters, and the knobs beside them
 *	debug.c		aids for tests: corruption, failing stores
 */
#ifndef _MM_TMEM_ZCACHE_H
#define _MM_TMEM_ZCACHE_H

#include <linux/crypto.h>
#include <linux/errno.h>
#include <linux/percpu.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "tmem.h"
#include "zbud.h"

struct block_device;
struct cleancache_ops;
struct dentry;
struct folio;
struct frontswap_ops;
struct page;

/*
 * Counters
 */

/**
 * enum zcache_counter - what is counted, of file and of swap pages
 * @ZCACHE_STORES: pages stored
 * @ZCACHE_LOADS: pages asked for
 * @ZCACHE_HITS: pages that came back
 * @ZCACHE_MISSES: pages asked for that were not stored
 * @ZCACHE_INVALIDATES: pages dropped because they were read back (swap), their
 *	slot was freed, or their content became invalid
 * @ZCACHE_EVICTIONS: file pages dropped because the memory was wanted
 * @ZCACHE_WRITEBACKS: swap pages moved on to their device
 * @ZCACHE_WRITEBACK_SKIPS: swap pages that were to move on and stayed
 * @ZCACHE_WRITEBACK_ERRORS: swap pages that the device did not take
 * @ZCACHE_PAGES_MIGRATED: pages of frames that were moved elsewhere in memory
 * @ZCACHE_SAME_FILLED_PAGES: pages held now that are one repeated pattern
 * @ZCACHE_REMOTE_PAGES: pages held now by other machines
 * @ZCACHE_REJECT_ADMISSION: stores refused: no proof of use
 * @ZCACHE_REJECT_FAST_DEVICE: stores refused: reading is as fast as a copy
 * @ZCACHE_REJECT_SAMPLE: stores refused: to learn what reading costs
 * @ZCACHE_REJECT_NO_POOL: stores refused: no memory when the device came
 * @ZCACHE_REJECT_CGROUP: stores refused: the control group may not store
 * @ZCACHE_REJECT_COMPRESS_POOR: stores refused: too large after compression, or
 *	not tried as its neighbours were
 * @ZCACHE_REJECT_COMPRESS_FAIL: stores refused: error of the compressor
 * @ZCACHE_REJECT_LIMIT: stores refused: the pool is as large as allowed
 * @ZCACHE_REJECT_FRAME: stores refused: no memory for a frame
 * @ZCACHE_REJECT_NODE: stores refused: no memory for the index
 * @ZCACHE_REJECT_INJECTED: stores refused: fault injection
 * @ZCACHE_LOAD_CORRUPT: pages lost: what is stored does not verify
 * @ZCACHE_NR_COUNTERS: their number
 */
enum zcache_counter {
	ZCACHE_STORES,
	ZCACHE_LOADS,
	ZCACHE_HITS,
	ZCACHE_MISSES,
	ZCACHE_INVALIDATES,
	ZCACHE_EVICTIONS,
	ZCACHE_WRITEBACKS,
	ZCACHE_WRITEBACK_SKIPS,
	ZCACHE_WRITEBACK_ERRORS,
	ZCACHE_PAGES_MIGRATED,
	ZCACHE_SAME_FILLED_PAGES,
	ZCACHE_REMOTE_PAGES,
	ZCACHE_REJECT_ADMISSION,
	ZCACHE_REJECT_FAST_DEVICE,
	ZCACHE_REJECT_SAMPLE,
	ZCACHE_REJECT_NO_POOL,
	ZCACHE_REJECT_CGROUP,
	ZCACHE_REJECT_COMPRESS_POOR,
	ZCACHE_REJECT_COMPRESS_FAIL,
	ZCACHE_REJECT_LIMIT,
	ZCACHE_REJECT_FRAME,
	ZCACHE_REJECT_NODE,
	ZCACHE_REJECT_INJECTED,
	ZCACHE_LOAD_CORRUPT,
	ZCACHE_NR_COUNTERS,
};

struct zcache_counters {
	unsigned long n[TMEM_NR_TYPES][ZCACHE_NR_COUNTERS];
};

DECLARE_PER_CPU(struct zcache_counters, zcache_counters);

/* Context: any; each CPU has its own. */
static inline void zcache_count_many(enum tmem_pool_type type,
				     enum zcache_counter counter, long nr)
{
	this_cpu_add(zcache_counters.n[type][counter], nr);
}

static inline void zcache_count(enum tmem_pool_type type,
				enum zcache_counter counter)
{
	zcache_count_many(type, counter, 1);
}

/*
 * zcache-main.c
 */

u64 zcache_counted(enum tmem_pool_type type, enum zcache_counter counter);
int zcache_start(void);
void zcache_stop(void);
void zcache_footprint(struct tmem_footprint *sum);
int zcache_validate(void);

/* What zcache_read_page() and zcache_load_page() return besides 0 and -errno. */
#define ZCACHE_LOADED_REMOTE	1
#define ZCACHE_LOADED_MIRRORED	2

int zcache_open_zpage(const struct tmem_pool *pool, const struct tmem_key *key,
		      const struct zbud_zpage *zpage, struct page *page);
void zcache_free_handle(struct tmem_pool *pool, unsigned long handle);
void zcache_unpin(struct tmem_pool *pool, unsigned long handle);
int zcache_erase_loaded(struct tmem_pool *pool, const struct tmem_key *key,
			unsigned long handle);
int zcache_store_page(struct tmem_pool *pool, const struct tmem_key *key,
		      struct page *page, u16 payer);
int zcache_read_page(struct tmem_pool *pool, const struct tmem_key *key,
		     struct page *page, unsigned int ahead, u16 *payer);
int zcache_load_page(struct tmem_pool *pool, const struct tmem_key *key,
		     struct page *page, unsigned int ahead);
void zcache_evict_zpage(const struct zbud_key *owner, unsigned long handle,
			void *unused);
bool zcache_replace_zpage(const struct zbud_key *owner, unsigned long old,
			  unsigned long new);

struct tmem_pool *zcache_pool_create(struct xa_limit limit,
				     enum tmem_pool_type type);
void zcache_pool_destroy(struct tmem_pool *pool);
struct tmem_pool *zcache_pool(u16 id);
void zcache_drop_pages(enum tmem_pool_type type);
unsigned long zcache_drop_matching(tmem_match_t match, void *arg);
unsigned long zcache_type_pages(enum tmem_pool_type type);

/*
 * costs.c
 */

/* What is timed. */
enum zcache_cost {
	ZCACHE_COST_STORE,
	ZCACHE_COST_LOAD,
	ZCACHE_NR_COSTS,
};

/**
 * struct zcache_reads - what reading from a device costs
 * @lock: covers all of it; never waited for
 * @type: what kind of pages it has
 * @bdev: the device, NULL if there is none
 * @last: the page that came back last, read or loaded
 * @pages: that came back since the last look at the device
 * @requests: runs of adjacent ones among them
 * @ios: requests that the device had done then
 * @ns: and the time that they had taken
 * @page_ns: the device's time for a page that comes back, 0 while unknown
 */
struct zcache_reads {
	spinlock_t lock;	/* all of it */
	enum tmem_pool_type type;
	struct block_device *bdev;
	struct tmem_key last;
	unsigned long pages;
	unsigned long requests;
	unsigned long ios;
	u64 ns;
	u64 page_ns;
};

u64 zcache_cost_begin(const struct tmem_key *key);
void zcache_cost_end(enum tmem_pool_type type, enum zcache_cost cost, u64 begin);
void zcache_copies_probe(void);
u64 zcache_copy_ns(enum tmem_pool_type type);
u64 zcache_read_ns(enum tmem_pool_type type);
void zcache_reads_init(struct zcache_reads *reads, enum tmem_pool_type type,
		       struct block_device *bdev);
void zcache_reads_probe(struct zcache_reads *reads);
void zcache_reads_learn(struct zcache_reads *reads, unsigned long ios, u64 ns);
void zcache_reads_note(struct zcache_reads *reads, const struct tmem_key *key);
bool zcache_reads_slow(const struct zcache_reads *reads);
bool zcache_reads_fast(const struct zcache_reads *reads);
bool zcache_sample(const struct tmem_key *key, unsigned int run);

/*
 * admission.c
 */

/**
 * enum zcache_admission - which pages are kept
 * @ZCACHE_ADMIT_AUTO: those that are worth it, and a sample
 * @ZCACHE_ADMIT_ALWAYS: all
 * @ZCACHE_ADMIT_NEVER: none
 */
enum zcache_admission {
	ZCACHE_ADMIT_AUTO,
	ZCACHE_ADMIT_ALWAYS,
	ZCACHE_ADMIT_NEVER,
};

int zcache_admission_start(void);
void zcache_admission_note(struct zcache_reads *reads, const struct tmem_key *key);
void zcache_admission_hit(void);
void zcache_admission_compressed(const struct tmem_key *key, bool poor);
bool zcache_admission_compresses(const struct tmem_key *key);
bool zcache_admission_worth(const struct zcache_reads *reads,
			    const struct tmem_key *key);
bool zcache_admission_allow(const struct tmem_key *key, bool workingset);

/*
 * swap-pages.c and file-pages.c
 */

/**
 * struct zcache_fs - a mounted file system
 * @pool: its pages
 * @reads: what they cost to read
 */
struct zcache_fs {
	struct tmem_pool *pool;
	struct zcache_reads reads;
};

extern const struct frontswap_ops zcache_frontswap_ops;
swp_entry_t zcache_swap_entry(const struct zbud_key *key);
bool zcache_swap_find(swp_entry_t *slot, tmem_match_t match, void *arg);

extern const struct cleancache_ops zcache_cleancache_ops;

/*
 * frames.c
 */

int zcache_frames_start(void);
struct zbud *zcache_frames(enum tmem_pool_type type);
gfp_t zcache_gfp(struct page *page);
int zcache_make_room(enum tmem_pool_type type, struct page *page, bool again);
void zcache_trim(void);
unsigned long zcache_pool_limit(void);
unsigned long zcache_frame_pages(enum tmem_pool_type type);
void zcache_free_frame(enum tmem_pool_type type, struct page **pages);
int zcache_move_page(struct zbud *zbud, struct page *to, struct page *from,
		     zbud_replace_t replace, bool reclaimable);
void zcache_make_movable(struct page *page);

/* Frames lie among pages that can be moved, if they can. Not in ZONE_MOVABLE. */
#define ZCACHE_GFP_MOVABLE \
	(IS_ENABLED(CONFIG_COMPACTION) ? __GFP_MOVABLE : 0)

unsigned long zcache_shrink_files(unsigned long nr_pages);

/*
 * decay.c
 */

void zcache_decay_wake(void);

/*
 * writeback.c
 */

#ifdef CONFIG_ZCACHE_WRITEBACK
int zcache_writeback_start(void);
void zcache_writeback_wake(bool full);
void zcache_writeback_drain(unsigned long pages);
void zcache_writeback_leave(void);
void zcache_writeback_strays(bool wait);
#else
static inline int zcache_writeback_start(void)
{
	return 0;
}

static inline void zcache_writeback_wake(bool full)
{
}

static inline void zcache_writeback_drain(unsigned long pages)
{
}

static inline void zcache_writeback_leave(void)
{
}
#endif

/*
 * remote.c, ramster/cold.c and ramster/store.c
 */

/* The most pages behind one that are asked for with it. */
#define ZCACHE_MAX_AHEAD	15

/* Marks a handle that is the cookie of a page on another machine. */
#define ZCACHE_REMOTE		BIT(TMEM_HANDLE_BITS - 2)

#ifdef CONFIG_RAMSTER
static inline bool zcache_is_remote(unsigned long handle)
{
	return handle & ZCACHE_REMOTE;
}

int zcache_load_remote(struct tmem_pool *pool, const struct tmem_key *key,
		       unsigned long handle, struct page *page, unsigned int ahead);
void zcache_free_remote(struct tmem_pool *pool, unsigned long handle);
bool zcache_hand_over(const struct zbud_key *owner, unsigned long handle,
		      u64 cookie);
unsigned long zcache_forget_remote(bool (*match)(u64 cookie, void *arg),
				   void *arg);
void zcache_forget_remote_range(struct tmem_pool *pool,
				const struct tmem_key *key, unsigned long nr);
unsigned int zcache_find_strays(swp_entry_t *next, swp_entry_t *slots,
				unsigned int *nr);

void ramster_cold_wake(void);
void ramster_come_home(void);
bool ramster_wants_pages(void);
void ramster_leave_add(const struct zbud_key *key, unsigned long handle);
unsigned int ramster_leave_push(swp_entry_t *slots, unsigned int nr);
bool ramster_leave(struct tmem_pool *pool, const struct tmem_key *key);
void ramster_leave_end(void);
int ramster_move_page(struct page *to, struct page *from);
#else
static inline bool zcache_is_remote(unsigned long handle)
{
	return false;
}

static inline int zcache_load_remote(struct tmem_pool *pool,
				     const struct tmem_key *key,
				     unsigned long handle, struct page *page,
				     unsigned int ahead)
{
	return -ENOENT;
}

static inline void zcache_free_remote(struct tmem_pool *pool,
				      unsigned long handle)
{
}

static inline unsigned long
zcache_forget_remote(bool (*match)(u64 cookie, void *arg), void *arg)
{
	return 0;
}

static inline void zcache_forget_remote_range(struct tmem_pool *pool,
					      const struct tmem_key *key,
					      unsigned long nr)
{
}

static inline unsigned int zcache_find_strays(swp_entry_t *next,
					      swp_entry_t *slots,
					      unsigned int *nr)
{
	return 0;
}

static inline void ramster_cold_wake(void)
{
}

static inline void ramster_come_home(void)
{
}

static inline bool ramster_wants_pages(void)
{
	return false;
}

static inline void ramster_leave_add(const struct zbud_key *key,
				     unsigned long handle)
{
}

static inline unsigned int ramster_leave_push(swp_entry_t *slots,
					      unsigned int nr)
{
	return nr;
}

static inline bool ramster_leave(struct tmem_pool *pool,
				 const struct tmem_key *key)
{
	return false;
}

static inline void ramster_leave_end(void)
{
}

static inline int ramster_move_page(struct page *to, struct page *from)
{
	return -ENOENT;
}
#endif

/*
 * memcg.c
 */

/* Of file pages: nobody pays, they can be dropped at any time. */
#define ZCACHE_NOBODY			0
/* As well, and what is encrypted on its device never leaves this machine. */
#define ZCACHE_NOBODY_CONFIDENTIAL	U16_MAX

#ifdef CONFIG_ZCACHE_MEMCG
int zcache_payer_get(struct folio *folio);
void zcache_payer_put(u16 nr);
void zcache_charge(u16 nr, unsigned int len);
void zcache_uncharge(u16 nr, unsigned int len);
void zcache_payer_stored(u16 nr, unsigned long pages);
void zcache_payer_loaded(u16 nr);
void zcache_payer_written(u16 nr);
int zcache_payers_validate(void);
#else
static inline int zcache_payer_get(struct folio *folio)
{
	return 0;
}

static inline void zcache_payer_put(u16 nr)
{
}

static inline void zcache_charge(u16 nr, unsigned int len)
{
}

static inline void zcache_uncharge(u16 nr, unsigned int len)
{
}

static inline void zcache_payer_stored(u16 nr, unsigned long pages)
{
}

static inline void zcache_payer_loaded(u16 nr)
{
}

static inline void zcache_payer_written(u16 nr)
{
}

static inline int zcache_payers_validate(void)
{
	return 0;
}
#endif

/*
 * compress.c
 */

struct zcache_stream;

void zcache_streams_setup(void);
int zcache_streams_start(const char *compressor);
void zcache_streams_stop(void);
int zcache_compressor_check(const char *compressor);

struct zcache_stream *zcache_stream_get(void);
void zcache_stream_put(struct zcache_stream *stream);
int zcache_compress(struct zcache_stream *stream, struct page *page,
		    bool unread, const void **dst, unsigned int *len);
int zcache_decompress(struct zcache_stream *stream,
		      const struct zbud_zpage *zpage, struct page *page);

/*
 * knobs.c
 */

/**
 * struct zcache_knob - something that can be tuned
 * @name: of the module parameter and of the file in debugfs
 * @set: validate and take over a value; logs what is wrong and what is allowed.
 *	Returns 0 or -errno with nothing changed. May sleep.
 * @get: print the value and a newline into a buffer of PAGE_SIZE bytes; returns
 *	the length
 */
struct zcache_knob {
	const char *name;
	int (*set)(const char *val);
	int (*get)(char *buf);
};

extern const struct zcache_knob zcache_knobs[];
extern const unsigned int zcache_nr_knobs;

extern bool zcache_enabled;
extern char zcache_compressor[CRYPTO_MAX_ALG_NAME];
extern unsigned int zcache_max_pool_percent;
extern unsigned int zcache_accept_threshold;
extern bool zcache_writeback;
extern enum zcache_admission zcache_file_admission;
extern enum zcache_admission zcache_swap_admission;
#define ZCACHE_DEFAULT_COMPRESSOR	"lzo"

/* Longest value of a knob, with the blanks and the newline around it. */
#define ZCACHE_KNOB_LEN		(CRYPTO_MAX_ALG_NAME + 16)

int zcache_knob_set(const struct zcache_knob *knob, const char *val);
int zcache_knob_get(const struct zcache_knob *knob, char *buf);
void zcache_knobs_ready(void);

/*
 * debugfs.c
 */

#ifdef CONFIG_DEBUG_FS
void zcache_debugfs_init(void);
#else
static inline void zcache_debugfs_init(void)
{
}
#endif

/*
 * debug.c
 */

#ifdef CONFIG_TMEM_DEBUG
void zcache_debug_init(struct dentry *dir, struct dentry *file,
		       struct dentry *swap);
bool zcache_debug_fail_store(void);
void zcache_debug_corrupt(unsigned long handle);
#else
static inline void zcache_debug_init(struct dentry *dir, struct dentry *file,
				     struct dentry *swap)
{
}

static inline bool zcache_debug_fail_store(void)
{
	return false;
}

static inline void zcache_debug_corrupt(unsigned long handle)
{
}
#endif

#endif /* _MM_TMEM_ZCACHE_H */
