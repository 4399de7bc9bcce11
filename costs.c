// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a copy worth it? What it costs, and what the device costs instead
 *
 * A copy costs its store and its load, whether or not it is asked for, and the memory
 * that it takes makes others be read again. So copies of the pages of a device pay only
 * if it takes much longer for a page than a store and a load do. All of this is
 * measured, of file pages and of swap pages by themselves:
 *
 *	store, load	by the clock, one in ZCACHE_TIMED
 *	device		by what the block layer counts: the time and the number of its
 *			reads between two looks. What is read together is brought by one
 *			request: adjacent pages that come back one after the other share
 *			its time, no matter if the device or we brought them.
 *
 * Both are tried out beforehand: a few pages are compressed and decompressed, and a
 * device that is not a hard disk is asked for a few when it comes. So nothing is stored
 * first that had better be there. Where the time of a device is not known copies are
 * made. Where the device turns out to be fast only a sample is kept, by which store and
 * load stay known. It is for the two sides to see to it that the device stays known.
 */
#include <linux/average.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/part_stat.h>
#include <linux/random.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/time64.h>

#include <asm/sections.h>

#include "zcache.h"

/*
 * A page is worth its copy if reading it takes so many times as long as a store and a
 * load. Found by measurement (make bench WORKS="compile-j4 heap-zipf" DISKS=ssd). A
 * copy that is as fast as the device makes a build that thrashes slower by a third, for
 * there is less memory for the rest. Of files those are stored that come back. Swap
 * pages are all stored, and their device is waited for while others run: with 4 a build
 * was slower with zcache than without. The times change with the load, by half: files
 * with 2 were stored and refused by turns.
 */
static const unsigned int zcache_worth[TMEM_NR_TYPES] = {
	[TMEM_EPHEMERAL] = 4,
	[TMEM_PERSISTENT] = 8,
};

/* Pages that came back, and requests of the device, from which costs are learned. */
#define ZCACHE_LOOK_PAGES	128
#define ZCACHE_LOOK_REQUESTS	32

/* Pages that are copied on trial, and that a device is asked for when it comes. */
#define ZCACHE_PROBES		9

/* One page of so many is timed; what takes longer was interrupted. */
#define ZCACHE_TIMED		16
#define ZCACHE_TIME_MAX		NSEC_PER_MSEC

/*
 * One run of so many is a sample, and the time after which it is another one, in
 * jiffies: or some pages would never be looked at.
 */
#define ZCACHE_SAMPLE		128
#define ZCACHE_SAMPLE_TIME	(60 * HZ)

DECLARE_EWMA(zcache_ns, 4, 16)

static struct ewma_zcache_ns zcache_cost[TMEM_NR_TYPES][ZCACHE_NR_COSTS];

static u64 zcache_last_read_ns[TMEM_NR_TYPES];

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
 * @type: of what kind of page
 * @cost: what it was
 * @begin: what zcache_cost_begin() returned
 *
 * Context: Any. Races lose a figure.
 */
void zcache_cost_end(enum tmem_pool_type type, enum zcache_cost cost, u64 begin)
{
	u64 ns;

	if (!begin)
		return;
	ns = ktime_get_ns() - begin;
	if (ns < ZCACHE_TIME_MAX)
		ewma_zcache_ns_add(&zcache_cost[type][cost], ns);
}

static int zcache_compare_ns(const void *a, const void *b)
{
	const u64 *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* What came first or was interrupted does not count. */
static u64 zcache_median(u64 *ns)
{
	sort(ns, ZCACHE_PROBES, sizeof(*ns), zcache_compare_ns, NULL);
	return max(ns[ZCACHE_PROBES / 2], 1);
}

/* Compress a page and bring it back. */
static int zcache_try_copy(struct page *page, u64 *store_ns, u64 *load_ns)
{
	struct zcache_stream *stream = zcache_stream_get();
	u64 begin = ktime_get_ns(), middle;
	struct zbud_zpage zpage = {};
	const void *data;
	int err;

	err = zcache_compress(stream, page, true, &data, &zpage.len);
	middle = ktime_get_ns();
	if (!err) {
		zpage.part[0].addr = (void *)data;
		err = zcache_decompress(stream, &zpage, page);
	}
	zcache_stream_put(stream);
	*store_ns = middle - begin;
	*load_ns = ktime_get_ns() - middle;
	return err;
}

/**
 * zcache_copies_probe() - learn what a copy costs before the first one is made
 *
 * Pages of the kernel's own code stand for those that will come. Without the index and
 * the frame it is the least that a copy costs; the copies that are made tell the rest.
 *
 * Context: May sleep. There are streams.
 */
void zcache_copies_probe(void)
{
	u64 ns[ZCACHE_NR_COSTS][ZCACHE_PROBES], median;
	enum tmem_pool_type type;
	enum zcache_cost cost;
	struct page *page;
	int i, err;

	page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
	err = page ? 0 : -ENOMEM;
	for (i = 0; i < ZCACHE_PROBES && !err; i++) {
		memcpy(page_address(page), _stext + i * PAGE_SIZE, PAGE_SIZE);
		err = zcache_try_copy(page, &ns[ZCACHE_COST_STORE][i],
				      &ns[ZCACHE_COST_LOAD][i]);
	}
	if (page)
		__free_page(page);
	for (cost = 0; cost < ZCACHE_NR_COSTS && !err; cost++) {
		median = zcache_median(ns[cost]);
		for (type = 0; type < TMEM_NR_TYPES; type++) {
			ewma_zcache_ns_init(&zcache_cost[type][cost]);
			ewma_zcache_ns_add(&zcache_cost[type][cost], median);
		}
	}
}

/**
 * zcache_copy_ns() - what a copy costs
 * @type: of what kind of page
 *
 * Context: Any.
 * Return: the time of a store and a load in ns, 0 while unknown.
 */
u64 zcache_copy_ns(enum tmem_pool_type type)
{
	u64 store = ewma_zcache_ns_read(&zcache_cost[type][ZCACHE_COST_STORE]);
	u64 load = ewma_zcache_ns_read(&zcache_cost[type][ZCACHE_COST_LOAD]);

	return store && load ? store + load : 0;
}

/**
 * zcache_read_ns() - what a read costs
 * @type: of what kind of page
 *
 * Context: Any.
 * Return: the device's time in ns for a page that came back, as learned last, of any
 * device; 0 while unknown.
 */
u64 zcache_read_ns(enum tmem_pool_type type)
{
	return READ_ONCE(zcache_last_read_ns[type]);
}

/**
 * zcache_reads_init() - nothing is known of a device yet
 * @reads: of the device
 * @type: what kind of pages it has
 * @bdev: the device, NULL if there is none
 *
 * Context: Any. Nobody else knows of @reads.
 */
void zcache_reads_init(struct zcache_reads *reads, enum tmem_pool_type type,
		       struct block_device *bdev)
{
	*reads = (struct zcache_reads) { .type = type, .bdev = bdev };
	spin_lock_init(&reads->lock);
	if (!bdev)
		return;
	reads->ios = part_stat_read(bdev, ios[STAT_READ]);
	reads->ns = part_stat_read(bdev, nsecs[STAT_READ]);
}

static int zcache_probe(struct block_device *bdev, struct page *page)
{
	sector_t pages = bdev_nr_sectors(bdev) >> PAGE_SECTORS_SHIFT;
	struct bio_vec bvec;
	struct bio bio;
	int err;

	bio_init(&bio, bdev, &bvec, 1, REQ_OP_READ);
	bio.bi_iter.bi_sector = (get_random_u64() % max(pages, 1)) << PAGE_SECTORS_SHIFT;
	__bio_add_page(&bio, page, PAGE_SIZE, 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/**
 * zcache_reads_probe() - learn what a device is like before it is used
 * @reads: of the device
 *
 * Not of a hard disk, where it takes long and is known beforehand.
 *
 * The median of a few reads of one page each, anywhere. It is the most that a page
 * takes: what is read together comes cheaper, which is learned later.
 *
 * Context: May sleep. Nobody else knows of @reads.
 */
void zcache_reads_probe(struct zcache_reads *reads)
{
	u64 ns[ZCACHE_PROBES], begin;
	struct page *page;
	int i, err;

	if (!reads->bdev || !bdev_nonrot(reads->bdev))
		return;
	page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
	err = page ? 0 : -ENOMEM;
	for (i = 0; i < ZCACHE_PROBES && !err; i++) {
		begin = ktime_get_ns();
		err = zcache_probe(reads->bdev, page);
		ns[i] = ktime_get_ns() - begin;
	}
	if (page)
		__free_page(page);
	if (err)
		return;
	reads->page_ns = zcache_median(ns);
	WRITE_ONCE(zcache_last_read_ns[reads->type], reads->page_ns);
	/* These reads brought no page back. */
	reads->ios = part_stat_read(reads->bdev, ios[STAT_READ]);
	reads->ns = part_stat_read(reads->bdev, nsecs[STAT_READ]);
}

/**
 * zcache_reads_learn() - learn from what the device did since the last look
 * @reads: of the device
 * @ios: requests to read that it has done, ever
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
	WRITE_ONCE(zcache_last_read_ns[reads->type], reads->page_ns);
	reads->ios = ios;
	reads->ns = ns;
	reads->pages = 0;
	reads->requests = 0;
}

/**
 * zcache_reads_note() - a page came back
 * @reads: of its device
 * @key: its key
 *
 * Where another one is being counted this one is not.
 *
 * Context: Any but interrupt context.
 */
void zcache_reads_note(struct zcache_reads *reads, const struct tmem_key *key)
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

static bool zcache_reads_pay(const struct zcache_reads *reads, unsigned int worth)
{
	u64 page_ns = READ_ONCE(reads->page_ns);

	return !page_ns || page_ns >= worth * zcache_copy_ns(reads->type);
}

/**
 * zcache_reads_slow() - is a device slow enough for copies of its pages?
 * @reads: of the device
 *
 * Context: Any.
 * Return: true if it is, or if that is not known.
 */
bool zcache_reads_slow(const struct zcache_reads *reads)
{
	return zcache_reads_pay(reads, zcache_worth[reads->type]);
}

/**
 * zcache_reads_fast() - is a device so fast that even the copies there are do not pay?
 * @reads: of the device
 *
 * Not the opposite of zcache_reads_slow(): moving them costs as well, and is not undone
 * if the device becomes a little slower.
 *
 * Context: Any.
 * Return: true if it is.
 */
bool zcache_reads_fast(const struct zcache_reads *reads)
{
	return !zcache_reads_pay(reads, zcache_worth[reads->type] / 2);
}

/**
 * zcache_sample() - is a page one of those by which costs are learned?
 * @key: its key
 * @run: so many adjacent pages are or are not, a power of two
 *
 * Context: Any.
 * Return: true if it is.
 */
bool zcache_sample(const struct tmem_key *key, unsigned int run)
{
	u64 seed = key->object + (key->index / run) * GOLDEN_RATIO_64 +
		   jiffies / ZCACHE_SAMPLE_TIME;

	return !hash_64(seed, ilog2(ZCACHE_SAMPLE));
}
