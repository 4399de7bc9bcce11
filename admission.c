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
 * Files that do not compress (pictures, archives, encrypted data) would cost a
 * compression for each page. When the last few pages of a run were too large after
 * compression the others are not tried, but for the samples.
 *
 * All of this only pays if the device is slow, see costs.c. Of one that is not only
 * the samples are kept.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "zcache.h"

/* Bits for each page of memory: few collisions, and 0.01 % of memory. */
#define ZCACHE_PROOF_BITS	4

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

static atomic_long_t zcache_credit;

static unsigned long *zcache_proof;
static unsigned int zcache_proof_order;

/* So many pages in turn are tried before the rest of a run is not, and for how long. */
#define ZCACHE_POOR_TRIES	4
#define ZCACHE_POOR_TIME	(60 * HZ)

/*
 * Runs of pages, hashed, 4 for each run of memory: how many in turn did not compress.
 * Forgotten as a whole, or a long stream of such files would leave no run free of
 * collisions. A race loses a count.
 */
#define ZCACHE_POOR_SHIFT	ilog2(XA_CHUNK_SIZE)
static u8 *zcache_poor;
static unsigned long zcache_poor_until;

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
	zcache_poor = vzalloc(BIT(zcache_proof_order - ZCACHE_POOR_SHIFT));
	if (!zcache_poor)
		return -ENOMEM;
	zcache_proof = vzalloc(BIT(zcache_proof_order) / BITS_PER_BYTE);
	if (zcache_proof)
		return 0;
	vfree(zcache_poor);
	return -ENOMEM;
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
 * A sample whatever else: of runs that share a node of the index, so that those in
 * between need none.
 */
static bool zcache_admission_sample(const struct tmem_key *key)
{
	return zcache_sample(key, XA_CHUNK_SIZE);
}

static u8 *zcache_poor_run(const struct tmem_key *key)
{
	u64 run = key->object + (key->index >> ZCACHE_POOR_SHIFT) * GOLDEN_RATIO_64;

	return &zcache_poor[hash_64(run, zcache_proof_order - ZCACHE_POOR_SHIFT)];
}

/**
 * zcache_admission_compressed() - a page was compressed, well enough or not
 * @key: its key
 * @poor: it was too large to be kept
 *
 * Context: Any.
 */
void zcache_admission_compressed(const struct tmem_key *key, bool poor)
{
	u8 *run = zcache_poor_run(key), now = READ_ONCE(*run);

	if (!poor && now)
		WRITE_ONCE(*run, 0);
	if (!poor)
		return;
	if (time_after(jiffies, READ_ONCE(zcache_poor_until))) {
		WRITE_ONCE(zcache_poor_until, jiffies + ZCACHE_POOR_TIME);
		memset(zcache_poor, 0,
		       BIT(zcache_proof_order - ZCACHE_POOR_SHIFT));
		now = 0;
	}
	if (now < ZCACHE_POOR_TRIES)
		WRITE_ONCE(*run, now + 1);
}

/**
 * zcache_admission_compresses() - is it worth trying to compress a page?
 * @key: its key
 *
 * Context: Any.
 * Return: false if its neighbours did not compress.
 */
bool zcache_admission_compresses(const struct tmem_key *key)
{
	return READ_ONCE(*zcache_poor_run(key)) < ZCACHE_POOR_TRIES ||
	       READ_ONCE(zcache_file_admission) != ZCACHE_ADMIT_AUTO ||
	       zcache_admission_sample(key);
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
	return zcache_reads_slow(reads) ||
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
