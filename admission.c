// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which file pages zcache keeps
 *
 * Most file pages are read once, and keeping those costs a compression for
 * nothing. What is kept is what has proved that it is used again: a page that
 * was evicted and came back (it had a shadow entry, or a copy here), whatever
 * the time in between, and one that has PG_workingset. PG_workingset alone would
 * refuse every page whose reuse distance exceeds the active list, that is those
 * worth keeping; and where read(2) is not counted as use, nearly all.
 *
 * The proof is a bit in a table, set when the page comes back and cleared when
 * it is evicted, hashed by its key. A collision costs at worst a compression,
 * or a copy that is not made.
 *
 * Pages without proof are kept as long as that pays. Each copy that is asked for
 * pays for some stores, since reading it would have cost about as much as those;
 * a few are given in advance; and one in 128 runs of 64 pages is kept in any case,
 * which is how it is found out that pages are reused again. So a load that reuses
 * what it reads fills the pool soon, and one that does not costs hardly any
 * compression.
 *
 * All of this only pays if the device is slow. A copy costs its store and its
 * load, whether or not it is asked for, and the memory that it takes makes others
 * be read again. So where the device brings a page in little more time than a
 * store and a load take, only the samples are kept. Both are measured: a store and
 * a load by the clock, the device by what the block layer counts. What is read
 * together is brought by one request: adjacent pages that come back share its
 * time, no matter if the device or we brought them.
 */
#include <linux/atomic.h>
#include <linux/average.h>
#include <linux/bitops.h>
#include <linux/blkdev.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/part_stat.h>
#include <linux/spinlock.h>
#include <linux/time64.h>
#include <linux/vmalloc.h>

#include "zcache.h"

/* Bits for each page of memory: few collisions, and 0.01 % of memory. */
#define ZCACHE_PROOF_BITS	4

/*
 * Of so many runs without proof one is kept in any case; pages of a run; and the
 * time after which it is another one, in jiffies.
 */
#define ZCACHE_SAMPLE		128
#define ZCACHE_SAMPLE_RUN	64
#define ZCACHE_SAMPLE_TIME	(60 * HZ)

/*
 * Stores that a hit pays for. Reading 4 KiB from an SSD takes about 100 us, from
 * others up to a hundred times as long; a store of a page of source code takes
 * about 10 us with lzo.
 */
#define ZCACHE_STORES_PER_HIT	16

/*
 * What may be saved up, as a share of the pages of memory, and what there is to
 * begin with: what is lost when a load stops to reuse its pages. Enough for hits to
 * come at once from a load that does reuse them.
 */
#define ZCACHE_CREDIT_SHARE	64

/*
 * A page is worth its copy if reading it takes so many times as long as a store
 * and a load. Found by measurement (make bench WORKS=compile-j4 DISKS=ssd): a
 * copy that is as fast as the device makes a build that thrashes slower by a third,
 * for there is less memory for the rest.
 */
#define ZCACHE_WORTH		2

/* Pages that came back, and requests of the device, from which costs are learned. */
#define ZCACHE_LOOK_PAGES	128
#define ZCACHE_LOOK_REQUESTS	32

/* One page of so many is timed; what takes longer was interrupted. */
#define ZCACHE_TIMED		16
#define ZCACHE_TIME_MAX		NSEC_PER_MSEC

DECLARE_EWMA(zcache_ns, 4, 16)

static struct ewma_zcache_ns zcache_cost[ZCACHE_NR_COSTS];

static u64 zcache_last_read_ns;

static atomic_long_t zcache_credit;

static unsigned long *zcache_proof;
static unsigned int zcache_proof_order;

static unsigned long zcache_proof_bit(const struct tmem_key *key)
{
	return hash_64(key->object + key->index * GOLDEN_RATIO_64,
		       zcache_proof_order);
}

/**
 * zcache_admission_start() - make the table, the first time
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM.
 */
int zcache_admission_start(void)
{
	if (zcache_proof)
		return 0;
	zcache_proof_order = ilog2(totalram_pages() * ZCACHE_PROOF_BITS);
	atomic_long_set(&zcache_credit,
			totalram_pages() / ZCACHE_CREDIT_SHARE);
	zcache_proof = vzalloc(BIT(zcache_proof_order) / BITS_PER_BYTE);
	return zcache_proof ? 0 : -ENOMEM;
}

/**
 * zcache_cost_begin() - a store or a load begins
 * @key: its key
 *
 * Context: Any.
 * Return: for zcache_cost_end(); 0 if this one is not timed.
 */
u64 zcache_cost_begin(const struct tmem_key *key)
{
	return key->index % ZCACHE_TIMED ? 0 : ktime_get_ns();
}

/**
 * zcache_cost_end() - it has succeeded
 * @cost: what it was
 * @begin: what zcache_cost_begin() returned
 *
 * Context: Any. Races lose a figure.
 */
void zcache_cost_end(enum zcache_cost cost, u64 begin)
{
	u64 ns;

	if (!begin)
		return;
	ns = ktime_get_ns() - begin;
	if (ns < ZCACHE_TIME_MAX)
		ewma_zcache_ns_add(&zcache_cost[cost], ns);
}

/**
 * zcache_copy_ns() - what a copy costs
 *
 * Context: Any.
 * Return: the time of a store and a load of a file page in ns, 0 while unknown.
 */
u64 zcache_copy_ns(void)
{
	u64 store = ewma_zcache_ns_read(&zcache_cost[ZCACHE_COST_STORE]);
	u64 load = ewma_zcache_ns_read(&zcache_cost[ZCACHE_COST_LOAD]);

	return store && load ? store + load : 0;
}

/**
 * zcache_read_ns() - what a read costs
 *
 * Context: Any.
 * Return: the device's time in ns for a file page that came back, as learned last,
 * of any file system; 0 while unknown.
 */
u64 zcache_read_ns(void)
{
	return READ_ONCE(zcache_last_read_ns);
}

/**
 * zcache_reads_learn() - learn from what the device did since the last look
 * @reads: of the file system
 * @ios: requests to read that the device has done, ever
 * @ns: the time that they took, ever
 *
 * Context: Any. @reads->lock is held if others know of @reads.
 */
void zcache_reads_learn(struct zcache_reads *reads, unsigned long ios, u64 ns)
{
	unsigned long done = ios - reads->ios;
	u64 page_ns;

	if (done < ZCACHE_LOOK_REQUESTS || !reads->pages)
		return;
	page_ns = div64_ul(ns - reads->ns, done) * reads->requests;
	page_ns = div64_ul(page_ns, reads->pages);
	/* Half of it is new: a load may change. */
	if (reads->page_ns)
		page_ns = (page_ns + reads->page_ns) / 2;
	WRITE_ONCE(reads->page_ns, max(page_ns, 1));
	WRITE_ONCE(zcache_last_read_ns, reads->page_ns);
	reads->ios = ios;
	reads->ns = ns;
	reads->pages = 0;
	reads->requests = 0;
}

/* Where another one is counting, this one is not counted. */
static void zcache_reads_note(struct zcache_reads *reads,
			      const struct tmem_key *key)
{
	if (!reads->bdev || !spin_trylock(&reads->lock))
		return;
	if (key->object != reads->last.object ||
	    key->index != reads->last.index + 1)
		reads->requests++;
	reads->last = *key;
	if (++reads->pages % ZCACHE_LOOK_PAGES == 0)
		zcache_reads_learn(reads,
				   part_stat_read(reads->bdev, ios[STAT_READ]),
				   part_stat_read(reads->bdev, nsecs[STAT_READ]));
	spin_unlock(&reads->lock);
}

/**
 * zcache_admission_note() - a page that was evicted some time ago came back
 * @reads: of its file system
 * @key: its key
 *
 * Context: Any but interrupt context.
 */
void zcache_admission_note(struct zcache_reads *reads, const struct tmem_key *key)
{
	unsigned long bit = zcache_proof_bit(key);

	if (!test_bit(bit, zcache_proof))
		set_bit(bit, zcache_proof);
	zcache_reads_note(reads, key);
}

/**
 * zcache_admission_hit() - a copy was asked for and was there
 *
 * Context: Any.
 */
void zcache_admission_hit(void)
{
	/* A race makes the limit a little larger. */
	if (atomic_long_read(&zcache_credit) <
	    totalram_pages() / ZCACHE_CREDIT_SHARE)
		atomic_long_add(ZCACHE_STORES_PER_HIT, &zcache_credit);
}

/*
 * By runs of pages that share a node of the index, so that those in between need
 * none; others after some time, or some files would never be looked at.
 */
static bool zcache_admission_sample(const struct tmem_key *key)
{
	u64 run = key->object + (key->index / ZCACHE_SAMPLE_RUN) *
		  GOLDEN_RATIO_64 + jiffies / ZCACHE_SAMPLE_TIME;

	return !hash_64(run, ilog2(ZCACHE_SAMPLE));
}

/**
 * zcache_admission_worth() - is the device slow enough for copies of its pages?
 * @reads: of the file system
 * @key: the page that is being evicted
 *
 * Context: Any.
 * Return: true if it is, or if that is not known, or does not matter.
 */
bool zcache_admission_worth(const struct zcache_reads *reads,
			    const struct tmem_key *key)
{
	u64 page_ns = READ_ONCE(reads->page_ns);

	return !page_ns || page_ns >= ZCACHE_WORTH * zcache_copy_ns() ||
	       READ_ONCE(zcache_file_admission) != ZCACHE_ADMIT_AUTO ||
	       zcache_admission_sample(key);
}

/**
 * zcache_admission_allow() - is a page that is being evicted worth keeping?
 * @key: its key
 * @workingset: it has PG_workingset
 *
 * Context: Any.
 * Return: true if it is.
 */
bool zcache_admission_allow(const struct tmem_key *key, bool workingset)
{
	unsigned long bit = zcache_proof_bit(key);
	bool proof = test_bit(bit, zcache_proof);

	if (proof)
		clear_bit(bit, zcache_proof);
	switch (READ_ONCE(zcache_file_admission)) {
	case ZCACHE_ADMIT_ALWAYS:
		return true;
	case ZCACHE_ADMIT_NEVER:
		return false;
	default:
		return proof || workingset ||
		       atomic_long_dec_if_positive(&zcache_credit) >= 0 ||
		       zcache_admission_sample(key);
	}
}
